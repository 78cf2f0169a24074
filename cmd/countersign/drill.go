package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"example.org/countersign/client"
	"example.org/countersign/internal/app"
	"example.org/countersign/internal/backup"
	"example.org/countersign/internal/clock"
	"example.org/countersign/internal/fault"
)

type drillCommand struct {
	installation
	Backup        string   `required:"" placeholder:"FILE" help:"Backup of the data to try."`
	KeyringBackup string   `placeholder:"FILE" help:"Try this backup of the keyring with it, instead of the keyring in use."`
	Identity      []string `short:"i" required:"" placeholder:"FILE" help:"File with the private key that opens the backup; may be given several times."`
	JSON          bool     `name:"json" help:"Print the result as JSON."`
}

// Help says more than fits beside the flags.
func (drillCommand) Help() string {
	return `Restores a backup into a scratch directory beside the data directory, verifies all of it there, removes it, looks whether the log in the backup is the beginning of the one that runs, and records what came of it: the evidence that backups can be restored (A1.3). A drill that fails is recorded too, and ends with 1.

Run it where the private key may be for that time.`
}

// Run tries a restore and records it.
func (c *drillCommand) Run(ctx context.Context, std stdio) error {
	ids, err := identities(c.Identity)
	if err != nil {
		return err
	}
	f, err := os.Open(c.Backup)
	if err != nil {
		return &fault.Error{Kind: fault.Invalid, Msg: "--backup", Err: err}
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if c.KeyringBackup != "" {
		if _, err := os.Stat(c.KeyringBackup); err != nil {
			return &fault.Error{Kind: fault.Invalid, Msg: "--keyring-backup", Err: err}
		}
	}
	api, release, err := c.connect(ctx, false)
	if err != nil {
		return err
	}
	defer release()
	progress := bar(std, -1, "restoring")
	d, err := backup.Rehearse(ctx, backup.Restoration{Data: c.Data, Keyring: cmp.Or(c.KeyringBackup, c.Keyring, filepath.Join(c.Data, "keyring")),
		Identities: ids, Kinds: app.Records(), Clock: clock.System, Progress: func(stage string, done, total int64) {
			progress.Describe(stage)
			progress.ChangeMax64(total)
			progress.Set64(done)
		}}, f, info.Size())
	progress.Finish()
	if err != nil {
		return fmt.Errorf("the drill could not be held: %w", err)
	}
	recorded, err := api.RecordDrill(ctx, rehearsal(d))
	if err != nil {
		return fmt.Errorf("record the drill: %w", err)
	}
	return c.tell(std, recorded)
}

func rehearsal(d *backup.Drill) client.Rehearsal {
	r := client.Rehearsal{Outcome: string(d.Outcome), Finding: d.Finding, Seconds: d.Took().Seconds(), Product: d.Product, FileBytes: d.FileBytes,
		Schema: d.Schema, Origin: d.Origin, Entries: d.Entries, Root: d.Root, Checkpoint: d.Checkpoint, Records: d.Records, Rows: d.Rows,
		Blobs: d.Blobs, BlobBytes: d.BlobBytes}
	if d.BackupAt != 0 {
		r.BackupAt = time.UnixMicro(d.BackupAt).UTC()
	}
	if d.KeyringAt != 0 {
		r.KeyringAt = time.UnixMicro(d.KeyringAt).UTC()
	}
	return r
}

// tell prints what came of the drill.
func (c *drillCommand) tell(std stdio, d *client.Drill) error {
	passed := d.Outcome == string(backup.Passed)
	switch {
	case c.JSON:
		if err := json.NewEncoder(std.out).Encode(d); err != nil {
			return err
		}
	case passed:
		fmt.Fprintf(std.out, "The backup of %s can be restored: %d entries, %d records and %d attachments (%s) were verified in %s. It has %d of the %d entries that there are now. Recorded as drill %s.\n",
			d.BackupAt.Format(time.RFC3339), d.Entries, d.Records, d.Blobs, bytesOf(d.BlobBytes), time.Duration(d.Seconds*float64(time.Second)).Round(time.Millisecond), d.Entries, d.Live, d.ID)
	default:
		fmt.Fprintf(std.out, "The drill failed: %s. Recorded as drill %s.\n", d.Finding, d.ID)
	}
	if !passed {
		return &exit{code: exitFailed}
	}
	return nil
}
