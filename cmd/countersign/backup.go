package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"filippo.io/age"

	"example.org/countersign/internal/backup"
	"example.org/countersign/internal/clock"
	"example.org/countersign/internal/fault"
)

type backupCommand struct {
	installation
	Keys       bool     `help:"Back up the keyring instead of the data. Such a backup is good for 30 days and belongs into other hands: an older keyring brings back what was erased since."`
	Recipient  []string `placeholder:"AGE1…" help:"Public key that the backup is encrypted to, as age-keygen prints it; may be given several times. The private key stays off this machine."`
	Recipients string   `name:"recipients-file" placeholder:"FILE" help:"File of such keys, one a line."`
	Output     string   `short:"o" required:"" placeholder:"FILE" help:"File to write; - is standard output."`
}

// Help says more than fits beside the flags.
func (backupCommand) Help() string {
	return `Makes one encrypted file of the record: the rows of the database in one snapshot, the attachments, the small files of the data directory. A server may run meanwhile. The file is the same for SQLite and PostgreSQL and is restored into either.

The keys are not in it. Back them up apart, after the data, with --keys; who has both files and the private key has the whole record in clear.

Try every now and then that it can be restored: countersign drill.`
}

// Run writes the backup.
func (c *backupCommand) Run(ctx context.Context, std stdio) error {
	to, err := recipients(c.Recipient, c.Recipients)
	if err != nil {
		return err
	}
	source := backup.Source{Data: c.Data, Database: c.Database, Keyring: c.Keyring, Blobs: c.Blobs, Now: clock.System.Now()}
	progress := bar(std, -1, "backing up")
	source.Progress = func(stage string, done, _ int64) {
		progress.Describe(stage)
		progress.Set64(done)
	}
	begin := backup.Write
	if c.Keys {
		begin = backup.WriteKeyring
	}
	var made *backup.Made
	write := func(w io.Writer) error {
		made, err = begin(ctx, source, to, w)
		return err
	}
	if c.Output == "-" {
		err = write(std.out)
	} else {
		err = writeFile(c.Output, write)
	}
	progress.Finish()
	if err != nil {
		return fmt.Errorf("no backup was made: %w", err)
	}
	if c.Keys {
		_, err = fmt.Fprintf(std.err, "Backed up the keyring. This file is good until %s; delete it then.\n", made.Header.Expires.Format(time.DateOnly))
		return err
	}
	_, err = fmt.Fprintf(std.err, "Backed up %d entries, %d rows and %d attachments (%s) as of %s. The keys are not in it: back them up apart, with --keys.\n",
		made.Header.Entries, made.Manifest.Rows(), made.Manifest.Blobs, bytesOf(made.Manifest.BlobBytes), made.Header.MadeAt.Format(time.RFC3339))
	return err
}

// recipients reads public keys from flags and a file.
func recipients(keys []string, file string) ([]age.Recipient, error) {
	var all []age.Recipient
	for _, k := range keys {
		found, err := age.ParseRecipients(strings.NewReader(k))
		if err != nil {
			return nil, fault.New(fault.Invalid, "--recipient %q is no public key of age; it looks like age1…", shorten(k))
		}
		all = append(all, found...)
	}
	if file != "" {
		f, err := os.Open(file)
		if err != nil {
			return nil, &fault.Error{Kind: fault.Invalid, Msg: "--recipients-file", Err: err}
		}
		defer f.Close()
		found, err := age.ParseRecipients(f)
		if err != nil {
			return nil, fault.New(fault.Invalid, "--recipients-file %s: %v", file, err)
		}
		all = append(all, found...)
	}
	if len(all) == 0 {
		return nil, fault.New(fault.Invalid, "name whom the backup is for: --recipient AGE1… or --recipients-file FILE. age-keygen makes a key pair")
	}
	return all, nil
}

// shorten keeps a private key that was given by mistake off the screen.
func shorten(s string) string {
	if len(s) > 8 {
		return s[:8] + "…"
	}
	return s
}

// identities reads the private keys that open backups.
func identities(paths []string) ([]age.Identity, error) {
	var all []age.Identity
	for _, path := range paths {
		f, err := os.Open(path)
		if err != nil {
			return nil, &fault.Error{Kind: fault.Invalid, Msg: "--identity", Err: err}
		}
		found, err := age.ParseIdentities(f)
		if err = errors.Join(err, f.Close()); err != nil {
			return nil, fault.New(fault.Invalid, "--identity %s: %v", path, err)
		}
		all = append(all, found...)
	}
	return all, nil
}

// bytesOf writes a number of bytes for people.
func bytesOf(n int64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%d bytes", n)
}
