package backup

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"filippo.io/age"

	"example.org/countersign/internal/db"
	"example.org/countersign/internal/keyring"
)

// load is the reading of an archive of data into an empty place.
type load struct {
	ctx     context.Context
	dir     string
	db      *db.DB
	conn    *db.Conn
	archive *reading
	secret  *secret

	want     []layout // tables of the schema that the backup is of
	table    string   // that is being loaded
	parts    int
	loaded   map[string]int64
	files    []string
	blobs    int64
	progress func(string, int64, int64)
}

// everything reads the archive to its end. It commits nothing.
func (l *load) everything() (*Manifest, error) {
	for {
		name, size, body, err := l.archive.next()
		if err != nil {
			return nil, err
		}
		if name == manifestName {
			m, err := l.archive.finish(size, body, l.secret)
			if err != nil {
				return nil, err
			}
			return m, l.compare(m)
		}
		if err := l.member(name, body); err != nil {
			return nil, err
		}
		if err := l.archive.done(name, size, body); err != nil {
			return nil, err
		}
		if err := l.ctx.Err(); err != nil {
			return nil, err
		}
	}
}

func (l *load) member(name string, body io.Reader) error {
	if m := tableName.FindStringSubmatch(name); m != nil {
		return l.part(name, m[1], m[2], body)
	}
	if m := blobName.FindStringSubmatch(name); m != nil {
		l.blobs++
		l.progress("blobs", l.blobs, -1)
		return writeNew(filepath.Join(blobsIn(l.dir), m[1][:2], m[1]), name, body)
	}
	if m := fileName.FindStringSubmatch(name); m != nil && slices.Contains(files, m[1]) {
		l.files = append(l.files, name)
		to := m[1]
		if to == policyFile {
			to = PolicyAside
		}
		return writeNew(filepath.Join(l.dir, to), name, body)
	}
	if m := spoolName.FindStringSubmatch(name); m != nil {
		l.files = append(l.files, name)
		return writeNew(filepath.Join(spoolIn(l.dir), m[1]), name, body)
	}
	return damaged("it has a member %q, which this version does not know", name)
}

// part loads one part of a table. The parts of a table follow each other, and
// the head of the log comes last.
func (l *load) part(name, table, number string, body io.Reader) error {
	i := slices.IndexFunc(l.want, func(w layout) bool { return w.Table == table })
	if i < 0 {
		return damaged("it has a table %s, which schema %d has not", table, l.archive.header.Schema)
	}
	_, again := l.loaded[table]
	if table != l.table {
		if again || l.table == head {
			return damaged("the table %s comes in the wrong place", table)
		}
		l.table, l.parts = table, 0
	}
	if l.parts++; number != fmt.Sprintf("%06d", l.parts) {
		return damaged("part %d of table %s is missing", l.parts, table)
	}
	in := newLoader(l.conn, l.want[i])
	columns := len(l.want[i].Columns)
	err := readPart(name, l.want[i], body, func(row []any) error {
		l.loaded[table]++
		return in.add(row)
	})
	if err == nil {
		err = in.flush(columns)
	}
	if _, is := errors.AsType[*Damage](err); err != nil && !is {
		return fmt.Errorf("load table %s: %w", table, err)
	}
	l.loaded[table] += 0 // also an empty table is there
	l.progress(table, l.loaded[table], -1)
	return err
}

// compare holds what was loaded against the manifest and the schema.
func (l *load) compare(m *Manifest) error {
	for _, w := range l.want {
		i := slices.IndexFunc(m.Tables, func(t Table) bool { return t.Name == w.Table })
		n, ok := l.loaded[w.Table]
		switch {
		case i < 0 || !ok:
			return damaged("the table %s is missing", w.Table)
		case m.Tables[i].Rows != n:
			return damaged("the table %s has %d rows instead of %d", w.Table, n, m.Tables[i].Rows)
		}
	}
	switch {
	case len(m.Tables) != len(l.loaded):
		return damaged("it has %d tables instead of %d", len(l.loaded), len(m.Tables))
	case m.Blobs != l.blobs:
		return damaged("it has %d blobs instead of %d", l.blobs, m.Blobs)
	case !slices.Equal(m.Files, l.files):
		return damaged("it has the files %q instead of %q", l.files, m.Files)
	}
	origin, size, root, err := headOf(l.ctx, connQuerier{l.conn})
	if err != nil {
		return damaged("%v", err)
	}
	if h := l.archive.header; origin != h.Origin || size != h.Entries || !bytes.Equal(root, h.Root) {
		return damaged("the head of its log is not the one that it begins with")
	}
	return nil
}

// connQuerier reads on the connection that loads.
type connQuerier struct{ conn *db.Conn }

// Each implements db.Querier.
func (c connQuerier) Each(_ context.Context, row func(db.Scan) error, query string, args ...any) error {
	return c.conn.Each(row, query, args...)
}

// One implements db.Querier.
func (c connQuerier) One(_ context.Context, query string, args []any, dest ...any) (bool, error) {
	return c.conn.One(query, args, dest...)
}

// writeNew writes a file that is not there yet, durably.
func writeNew(path, name string, body io.Reader) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, os.ErrExist) {
		return damaged("it has %s twice", name)
	}
	if err != nil {
		return err
	}
	_, err = io.Copy(f, body)
	return errors.Join(err, f.Sync(), f.Close())
}

// joinKeyring returns where the keyring is to be found that the record is
// restored with. One in a database is used where it is. Of one in a directory
// the place gets a copy, and of a backup what is in it; the header of that says
// how old it is.
func joinKeyring(ctx context.Context, from, dir string, ids []age.Identity) (where string, h *Header, err error) {
	if keyring.IsPostgres(from) {
		return from, nil, nil
	}
	info, err := os.Stat(from)
	if err != nil {
		return "", nil, fmt.Errorf("keyring: %w", err)
	}
	to, err := keyring.Open(ctx, keyringIn(dir))
	if err != nil {
		return "", nil, err
	}
	defer to.Close()
	if !info.IsDir() {
		f, err := os.Open(from)
		if err != nil {
			return "", nil, err
		}
		defer f.Close()
		if h, err = readKeyring(ctx, f, to, ids); err != nil {
			return "", nil, fmt.Errorf("keyring: %w", err)
		}
		return keyringIn(dir), h, nil
	}
	source, err := ringIn(from)
	if err != nil {
		return "", nil, err
	}
	ring, err := keyring.Open(ctx, source)
	if err != nil {
		return "", nil, err
	}
	defer ring.Close()
	return keyringIn(dir), nil, to.Fill(ctx, func(add func(keyring.Row) error) error { return ring.Rows(ctx, add) })
}

// ringIn finds a keyring in its directory, or in the data directory that has
// it.
func ringIn(dir string) (string, error) {
	for _, d := range []string{dir, keyringIn(dir)} {
		if isRing(d) {
			return d, nil
		}
	}
	return "", fmt.Errorf("there is no keyring in %s", dir)
}

// readKeyring fills a keyring from its backup, with all of it or nothing.
func readKeyring(ctx context.Context, src io.Reader, to *keyring.Keyring, ids []age.Identity) (*Header, error) {
	a, err := openArchive(src, ids)
	if err != nil {
		return nil, err
	}
	if a.header.Kind != Keys {
		return nil, errors.New("this file is the backup of a record, not of a keyring")
	}
	err = to.Fill(ctx, func(add func(keyring.Row) error) error {
		var seed [keyring.KeySize]byte
		for {
			name, size, body, err := a.next()
			if err != nil {
				return err
			}
			if name == manifestName {
				_, err := a.finish(size, body, &secret{keyring.Key{Material: seed}})
				return err
			}
			if err := keyringPart(name, body, func(r keyring.Row) error {
				if r.Name == "secret."+seedName {
					copy(seed[:], r.Value)
				}
				return add(r)
			}); err != nil {
				return err
			}
			if err := a.done(name, size, body); err != nil {
				return err
			}
		}
	})
	return &a.header, err
}

func keyringPart(name string, body io.Reader, f func(keyring.Row) error) error {
	m := tableName.FindStringSubmatch(name)
	switch {
	case m != nil && m[1] == blockTable.Table:
		return readPart(name, blockTable, body, func(row []any) error {
			n, _ := row[0].(int64)
			material, _ := row[1].([]byte)
			return f(keyring.Row{Block: n, Value: material})
		})
	case m != nil && m[1] == secretTable.Table:
		return readPart(name, secretTable, body, func(row []any) error {
			s, _ := row[0].(string)
			value, _ := row[1].([]byte)
			return f(keyring.Row{Name: s, Value: value})
		})
	}
	return damaged("it has a member %q", name)
}

// what describes an error for the record of a drill: what was wrong, without
// the paths of this machine.
func what(err error) string {
	s := err.Error()
	if len(s) > 500 {
		s = s[:500]
	}
	return strings.ToValidUTF8(s, "")
}
