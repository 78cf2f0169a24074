package backup

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"time"
)

// Rehearse restores a backup into a scratch place beside r.Data, which is the
// running installation and is left alone, verifies it in full there, removes it
// and says how it went (A1.3). The scratch database is SQLite, wherever the
// backup came from. A keyring that is named by its directory is used where it
// is, so that no copy of its keys is made. What comes of it is a drill to be
// recorded, also where the restore failed; an error says that it could not be
// tried.
func Rehearse(ctx context.Context, r Restoration, src io.Reader, size int64) (*Drill, error) {
	began := r.Clock.Now()
	d := &Drill{FileBytes: size, Outcome: Passed}
	at, err := takePlace(filepath.Clean(r.Data) + ".drill")
	if err != nil {
		return nil, err
	}
	err = d.rehearse(ctx, &r, at.dir, src)
	if err := errors.Join(at.close(true), ctx.Err()); err != nil {
		return nil, err
	}
	if err != nil {
		d.Outcome, d.Finding = Failed, what(err)
	}
	d.Micros = r.Clock.Now().Sub(began).Microseconds()
	return d, nil
}

func (d *Drill) rehearse(ctx context.Context, r *Restoration, dir string, src io.Reader) error {
	a, err := r.open(src)
	if err != nil {
		return err
	}
	h := a.header
	d.BackupAt, d.Product, d.Schema = h.MadeAt.UnixMicro(), h.Product, h.Schema
	d.Origin, d.Entries, d.Root, d.Checkpoint = h.Origin, h.Entries, h.Root, h.Checkpoint
	ring, err := d.keyring(ctx, r, dir)
	if err != nil {
		return err
	}
	s, err := r.stage(ctx, dir, ring, "", a, nil)
	if err != nil {
		return err
	}
	for _, n := range s.report.Records {
		d.Records += n
	}
	d.Rows, d.Blobs, d.BlobBytes = s.manifest.Rows(), s.manifest.Blobs, s.manifest.BlobBytes
	return s.close(false)
}

// keyring returns where the keyring is to restore with.
func (d *Drill) keyring(ctx context.Context, r *Restoration, dir string) (string, error) {
	if info, err := os.Stat(r.Keyring); err == nil && info.IsDir() {
		return ringIn(r.Keyring)
	}
	ring, h, err := joinKeyring(ctx, r.Keyring, dir, r.Identities)
	if err != nil || h == nil {
		return ring, err
	}
	d.KeyringAt = h.MadeAt.UnixMicro()
	return ring, r.fresh(h)
}

// Took returns how long the restore took.
func (d *Drill) Took() time.Duration { return time.Duration(d.Micros) * time.Microsecond }
