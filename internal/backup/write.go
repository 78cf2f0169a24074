package backup

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"filippo.io/age"

	"example.org/countersign/internal/db"
	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/keyring"
)

// Source is an installation to be backed up. A server may run on it.
type Source struct {
	Data     string // directory
	Database string // postgres:// URL; SQLite in Data where empty
	Keyring  string // directory or postgres:// URL; in Data where empty
	Blobs    string // directory; in Data where empty
	Now      time.Time
	// Progress, if set, is told from time to time how far it has come.
	Progress func(stage string, done, total int64)
}

// Made is what became of a backup.
type Made struct {
	Header   Header
	Manifest Manifest
}

// Write writes the backup of the data to w, encrypted to the recipients. It is
// one snapshot of the database, whatever is written meanwhile, and of the blobs
// all that were there at that moment, but for those that were erased until they
// had their turn. Of the content it reads nothing; in memory it has a few
// megabytes at a time. What w has got where Write fails is no backup.
func Write(ctx context.Context, s Source, to []age.Recipient, w io.Writer) (*Made, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	d, err := db.Open(ctx, s.dsn())
	if err != nil {
		return nil, err
	}
	defer d.Close()
	sec, blocks, err := inspect(ctx, s.ring())
	if err != nil {
		return nil, err
	}
	made := &Made{Header: Header{Format: format, Kind: Data, MadeAt: s.Now.UTC(), Product: product(), Keyring: sec.fingerprint(), Blocks: blocks}}
	out := &writer{ctx: ctx, source: s, dialect: d.Dialect, made: made, secret: sec, progress: progress(s.Progress)}
	if out.archive, err = newArchive(w, to); err != nil {
		return nil, err
	}
	spooled, err := out.spooled() // before the snapshot, which may have taken it in
	if err != nil {
		return nil, err
	}
	if err := d.Snapshot(ctx, out.snapshot); err != nil {
		return nil, err
	}
	small, err := out.smallFiles()
	if err != nil {
		return nil, err
	}
	for _, f := range append(small, spooled...) {
		if err := out.archive.member(f.name, int64(len(f.body)), bytes.NewReader(f.body)); err != nil {
			return nil, err
		}
		made.Manifest.Files = append(made.Manifest.Files, f.name)
	}
	if err := out.blobs(); err != nil {
		return nil, err
	}
	return made, out.archive.close(&made.Manifest, sec)
}

func progress(p func(string, int64, int64)) func(string, int64, int64) {
	if p == nil {
		return func(string, int64, int64) {}
	}
	return p
}

func (s *Source) dsn() string  { return cmp.Or(s.Database, databaseIn(s.Data)) }
func (s *Source) ring() string { return cmp.Or(s.Keyring, keyringIn(s.Data)) }

// check says where there is nothing to back up: opening would make it.
func (s *Source) check() error {
	if !isRing(s.ring()) || s.Database == "" && !there(databaseIn(s.Data)) {
		return fault.New(fault.Invalid, "there is no record in %s", s.Data)
	}
	return nil
}

// isRing reports whether there is a keyring, as far as that can be seen from
// outside.
func isRing(where string) bool {
	return keyring.IsPostgres(where) || there(filepath.Join(where, "keyring.db"))
}

// inspect returns what tells a keyring from others and how far it has come.
func inspect(ctx context.Context, where string) (s *secret, blocks int64, err error) {
	ring, err := keyring.Open(ctx, where)
	if err != nil {
		return nil, 0, err
	}
	defer ring.Close()
	if blocks, err = ring.Last(ctx); err != nil {
		return nil, 0, err
	}
	s, err = secretOf(ctx, ring)
	return s, blocks, err
}

func secretOf(ctx context.Context, ring *keyring.Keyring) (*secret, error) {
	seed, err := ring.Secret(ctx, seedName)
	if err != nil {
		return nil, err
	}
	return &secret{keyring.Key{Material: seed}}, nil
}

func product() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return "Countersign " + info.Main.Version
	}
	return "Countersign"
}

// writer is a backup under way.
type writer struct {
	ctx      context.Context
	source   Source
	dialect  db.Dialect
	archive  *archive
	made     *Made
	secret   *secret
	progress func(string, int64, int64)
}

// snapshot writes the header and the tables.
func (w *writer) snapshot(q db.Querier) error {
	h := &w.made.Header
	var err error
	if h.Origin, h.Entries, h.Root, err = headOf(w.ctx, q); err != nil { // the first query: here the snapshot begins
		return err
	}
	if h.Checkpoint, err = w.secret.checkpoint(h.Origin, h.Entries, h.Root); err != nil {
		return err
	}
	if h.Schema, err = schemaVersion(w.ctx, q); err != nil {
		return err
	}
	if newest := db.Newest(); h.Schema > newest {
		return fmt.Errorf("the database has schema %d, and this version of the product knows %d: use the version that runs on it", h.Schema, newest)
	}
	all, err := layouts(w.ctx, w.dialect, q)
	if err != nil {
		return err
	}
	if err := w.archive.json(headerName, h); err != nil {
		return err
	}
	for _, l := range all {
		if err := w.table(l, func(f func([]any) error) error { return l.each(w.ctx, q, f) }); err != nil {
			return err
		}
	}
	return nil
}

// table writes a table in parts that fit in memory; at least one, so that an
// empty table is not a missing one.
func (w *writer) table(l layout, each func(func([]any) error) error) error {
	first, err := json.Marshal(l)
	if err != nil {
		return err
	}
	first = append(first, '\n')
	count := Table{Name: l.Table}
	part := bytes.Clone(first)
	parts := 0
	flush := func() error {
		parts++
		count.Bytes += int64(len(part))
		err := w.archive.member(fmt.Sprintf("tables/%s/%06d.jsonl", l.Table, parts), int64(len(part)), bytes.NewReader(part))
		part = append(part[:0], first...)
		w.progress(l.Table, count.Rows, -1)
		return errors.Join(err, w.ctx.Err())
	}
	err = each(func(row []any) error {
		var err error
		if part, err = appendRow(part, l.Columns, row); err != nil {
			return err
		}
		count.Rows++
		if len(part) < partSize {
			return nil
		}
		return flush()
	})
	if err == nil && (parts == 0 || len(part) > len(first)) {
		err = flush()
	}
	if err != nil {
		return fmt.Errorf("back up table %s: %w", l.Table, err)
	}
	w.made.Manifest.Tables = append(w.made.Manifest.Tables, count)
	return nil
}

// file is a small file.
type file struct {
	name string
	body []byte
}

// smallFiles reads the files of the data directory that belong to the record.
func (w *writer) smallFiles() (all []file, err error) {
	for _, name := range files {
		b, err := os.ReadFile(filepath.Join(w.source.Data, name))
		switch {
		case err == nil:
			all = append(all, file{"files/" + name, b})
		case !errors.Is(err, fs.ErrNotExist):
			return nil, err
		}
	}
	return all, nil
}

// spooled reads what points at items in the spool; their bodies are blobs.
func (w *writer) spooled() (all []file, err error) {
	list, err := os.ReadDir(spoolIn(w.source.Data))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, f := range list {
		name := "spool/" + f.Name()
		if !spoolName.MatchString(name) {
			continue
		}
		b, err := os.ReadFile(filepath.Join(spoolIn(w.source.Data), f.Name()))
		switch {
		case err == nil:
			all = append(all, file{name, b})
		case !errors.Is(err, fs.ErrNotExist): // taken into the record meanwhile
			return nil, err
		}
	}
	return all, nil
}

// blobs writes every blob that is there. Each is on disk before the row that
// refers to it, and never changes: what the snapshot refers to, in whatever
// version of a record, is among them.
func (w *writer) blobs() error {
	root := cmp.Or(w.source.Blobs, blobsIn(w.source.Data))
	shelves, err := os.ReadDir(root)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, shelf := range shelves {
		if len(shelf.Name()) != 2 || !shelf.IsDir() { // tmp: what is being written
			continue
		}
		list, err := os.ReadDir(filepath.Join(root, shelf.Name()))
		if err != nil {
			return err
		}
		for _, f := range list {
			if err := w.blob(filepath.Join(root, shelf.Name(), f.Name()), "blobs/"+f.Name()); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *writer) blob(path, name string) error {
	if !blobName.MatchString(name) {
		return nil // not ours
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // erased meanwhile: then its key is, too
	}
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if err := w.archive.member(name, info.Size(), f); err != nil {
		return err
	}
	m := &w.made.Manifest
	m.Blobs++
	m.BlobBytes += info.Size()
	w.progress("blobs", m.Blobs, -1)
	return w.ctx.Err()
}

// The tables of the backup of a keyring.
var (
	blockTable  = layout{"block", []column{{"n", "int"}, {"material", "bytes"}}}
	secretTable = layout{"secret", []column{{"name", "text"}, {"value", "bytes"}}}
)

// WriteKeyring writes the backup of the keyring to w, encrypted to the
// recipients: it is good for KeyringLife.
func WriteKeyring(ctx context.Context, s Source, to []age.Recipient, w io.Writer) (*Made, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	sec, blocks, err := inspect(ctx, s.ring())
	if err != nil {
		return nil, err
	}
	ring, err := keyring.Open(ctx, s.ring())
	if err != nil {
		return nil, err
	}
	defer ring.Close()
	made := &Made{Header: Header{Format: format, Kind: Keys, MadeAt: s.Now.UTC(), Expires: s.Now.UTC().Add(KeyringLife), Product: product(),
		Keyring: sec.fingerprint(), Blocks: blocks}}
	out := &writer{ctx: ctx, source: s, made: made, secret: sec, progress: progress(s.Progress)}
	if out.archive, err = newArchive(w, to); err != nil {
		return nil, err
	}
	if err := out.archive.json(headerName, made.Header); err != nil {
		return nil, err
	}
	var secrets [][]any
	err = out.table(blockTable, func(f func([]any) error) error {
		return ring.Rows(ctx, func(r keyring.Row) error {
			if r.Block == 0 {
				secrets = append(secrets, []any{r.Name, r.Value})
				return nil
			}
			return f([]any{r.Block, r.Value})
		})
	})
	if err != nil {
		return nil, err
	}
	err = out.table(secretTable, func(f func([]any) error) error {
		for _, row := range secrets {
			if err := f(row); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return made, out.archive.close(&made.Manifest, sec)
}
