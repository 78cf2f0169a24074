package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"example.org/countersign/internal/app"
	"example.org/countersign/internal/backup"
	"example.org/countersign/internal/clock"
	"example.org/countersign/internal/fault"
)

type restoreCommand struct {
	Data      string   `required:"" env:"COUNTERSIGN_DATA" placeholder:"DIR" help:"Directory to make. It is not there yet, or empty."`
	Database  string   `env:"COUNTERSIGN_DATABASE" placeholder:"URL" help:"postgres:// URL of an empty database or schema. Without it the record becomes an SQLite file in the data directory."`
	Keyring   string   `required:"" env:"COUNTERSIGN_KEYRING" placeholder:"DIR|URL|FILE" help:"The current keyring, its directory or postgres:// URL, or, where that is lost, a backup of it."`
	KeyringTo string   `name:"keyring-to" placeholder:"URL" help:"postgres:// URL of an empty database that the keyring goes to, for several nodes. Without it a directory in the data directory, or the database where it is."`
	Identity  []string `short:"i" required:"" placeholder:"FILE" help:"File with the private key that opens the backup; may be given several times."`
	AcceptOld bool     `name:"accept-old-keyring" help:"Take a backup of the keyring that is older than 30 days. What was erased since then comes back."`
	Reason    string   `placeholder:"TEXT" help:"Why what was recorded after the backup may be lost. It becomes part of the record."`
	Complete  bool     `help:"In place of --reason: nothing was recorded after the backup: the server was stopped before it was made. What was under way goes on, and the log keeps its name."`
	File      string   `arg:"" placeholder:"BACKUP" help:"Backup of the data."`
}

// Help says more than fits beside the flags.
func (restoreCommand) Help() string {
	return `Makes a data directory of a backup, joined with the current keyring: what was erased since the backup stays erased. Everything is verified before the directory gets its name; a restore that fails or is killed leaves none. A backup of SQLite is restored into PostgreSQL as well, and the reverse.

What may have been done since the backup is not done again: answers that were waiting to be sent are shown as unclear, other jobs that reach outside become dead letters, everybody is signed out. The record says why it was restored, and its log goes on under another name, since others may have seen more of the old one. With --complete none of this happens; it is refused where the keyring knows of erasures that the backup does not.`
}

// Run restores.
func (c *restoreCommand) Run(ctx context.Context, std stdio) error {
	ids, err := identities(c.Identity)
	if err != nil {
		return err
	}
	f, err := os.Open(c.File)
	if err != nil {
		return &fault.Error{Kind: fault.Invalid, Msg: "BACKUP", Err: err}
	}
	defer f.Close()
	progress := bar(std, -1, "restoring")
	r, err := backup.Restore(ctx, backup.Restoration{Data: c.Data, Database: c.Database, Keyring: c.Keyring, KeyringTo: c.KeyringTo, Identities: ids, Kinds: app.Records(),
		Clock: clock.System, AcceptOld: c.AcceptOld, Reason: c.Reason, Complete: c.Complete, Progress: func(stage string, done, total int64) {
			progress.Describe(stage)
			progress.ChangeMax64(total)
			progress.Set64(done)
		}}, f)
	progress.Finish()
	if err != nil {
		return fmt.Errorf("nothing was restored: %w", err)
	}
	fmt.Fprintf(std.out, "Restored %s into %s, as it was at %s, and verified it: %d entries, %d attachments.\n",
		c.File, c.Data, r.Header.MadeAt.Format(time.RFC3339), r.Header.Entries, r.Manifest.Blobs)
	if r.Erased > 0 {
		fmt.Fprintf(std.out, "%d records were erased after the backup, and are again.\n", r.Erased)
	}
	if r.Policy {
		aside := filepath.Join(c.Data, backup.PolicyAside)
		fmt.Fprintf(std.out, `
SAY WHAT THIS IS before you start it. The backup has a witness policy, which is not in force yet:
  it takes the place of the original    mv %s %s
  it is a copy, for a trial             rm %s
A copy that asks the witnesses while the original runs looks like a fork to them.

`, aside, filepath.Join(c.Data, "witness-policy.txt"), aside)
	}
	if c.Complete {
		return nil
	}
	_, err = fmt.Fprintf(std.out, `For people to decide, since it may have been done after the backup:
  %d answers that were to be sent are unclear: see /approvals
  %d other jobs are dead letters: see /work
%d sessions were ended. The log goes on under another name: give the verifier key to whoever checks it, and register it with your witnesses.
`, r.Settled.Answers, r.Settled.Letters, r.Settled.Sessions)
	return err
}
