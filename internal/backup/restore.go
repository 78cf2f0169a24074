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
	"time"

	"filippo.io/age"

	"example.org/countersign/internal/blob"
	"example.org/countersign/internal/clock"
	"example.org/countersign/internal/db"
	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/keyring"
	"example.org/countersign/internal/ledger"
)

// Restoration says what is to be restored where.
type Restoration struct {
	Data       string           // directory to make; it is not there yet, or empty
	Database   string           // postgres:// URL of an empty database; SQLite in Data where empty
	Keyring    string           // directory or postgres:// URL of the current keyring, or the backup of one
	KeyringTo  string           // postgres:// URL of an empty database for the keyring; a directory in Data where empty
	Identities []age.Identity   // that open the backups
	Kinds      []ledger.Records // all that there are
	Clock      clock.Clock
	// AcceptOld takes the backup of a keyring that is past its time. What was
	// erased since comes back with it.
	AcceptOld bool
	// Reason says why the loss of what was recorded after the backup is
	// accepted; it becomes part of the record (recovery.Recovery).
	Reason string
	// Complete says that nothing was recorded after the backup: the server was
	// stopped before it was made. What was under way then still is, and the log
	// goes on under its name. It goes without Reason, and is refused where the
	// keyring knows better; for the rest, witnesses find out.
	Complete bool
	// Progress, if set, is told from time to time how far it has come.
	Progress func(stage string, done, total int64)
}

// Restored is what became of a restore.
type Restored struct {
	Header   Header
	Keyring  *Header // of its backup, where it was not taken from a directory
	Manifest Manifest
	Report   ledger.Report
	Erased   int  // records that were erased since, and are again
	Policy   bool // of witnesses: it lies in PolicyAside
	Settled  Settled
}

// Restore makes a data directory of a backup, or nothing: the directory gets
// its name when all was loaded, brought to the present schema, verified in full,
// declared to be restored and settled (see Settled). A *Damage says what is wrong with the backup, a
// *ledger.Mismatch what does not verify.
func Restore(ctx context.Context, r Restoration, src io.Reader) (restored *Restored, err error) {
	r.Data = filepath.Clean(r.Data)
	if list, err := os.ReadDir(r.Data); len(list) > 0 || err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fault.New(fault.Invalid, "%s is there already and not empty; name a new directory", r.Data)
	}
	if err := r.excuse(); err != nil {
		return nil, err
	}
	to, err := r.openKeyringTo(ctx)
	if err != nil {
		return nil, err
	}
	if to != nil {
		defer to.Close()
	}
	a, err := r.open(src)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(r.Data), 0o755); err != nil {
		return nil, err
	}
	at, err := takePlace(r.Data + ".restoring")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, at.close(err != nil)) }()
	out := &Restored{Header: a.header}
	ring, h, err := joinKeyring(ctx, r.Keyring, at.dir, r.Identities)
	if err != nil {
		return nil, err
	}
	if out.Keyring = h; h != nil {
		if err := r.fresh(h); err != nil {
			return nil, err
		}
	}
	first := func(l *ledger.Ledger, m *Manifest) error { return declare(ctx, l, at.dir, r.Reason, &out.Header, m) }
	if r.Complete {
		first = nil
	}
	s, err := r.stage(ctx, at.dir, ring, r.Database, a, first)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.close(err != nil)) }()
	out.Manifest, out.Report, out.Erased = *s.manifest, *s.report, s.erased
	out.Policy = slices.Contains(s.manifest.Files, "files/"+policyFile)
	if _, err := s.ledger.FinishErasures(ctx); err != nil {
		return nil, err
	}
	if !r.Complete {
		if out.Settled, err = settle(ctx, s.ledger, s.keys, a.header.MadeAt); err != nil {
			return nil, fmt.Errorf("settle what was under way: %w", err)
		}
	}
	if to != nil {
		if err := to.Fill(ctx, func(add func(keyring.Row) error) error { return s.keys.Rows(ctx, add) }); err != nil {
			return nil, err
		}
	}
	if err := s.finish(); err != nil {
		return nil, err
	}
	if to != nil {
		if err := discardKeyring(at.dir); err != nil {
			return nil, err
		}
	}
	return out, at.become(r.Data)
}

// excuse refuses a restore for which nobody answers, or that is said to lose
// something and nothing.
func (r *Restoration) excuse() error {
	reason := strings.TrimSpace(r.Reason)
	switch n := len(reason); {
	case r.Complete && n > 0:
		return fault.New(fault.Invalid, "--complete says that nothing was recorded after the backup, and --reason why that may be lost: give one of them")
	case !r.Complete && (n < 10 || n > 4000):
		return fault.New(fault.Invalid, "say in 10 to 4,000 characters why what was recorded after the backup may be lost")
	}
	return nil
}

// openKeyringTo opens the database that the keyring goes to, nil where it stays
// in the data directory.
func (r *Restoration) openKeyringTo(ctx context.Context) (*keyring.Keyring, error) {
	switch {
	case r.KeyringTo == "":
		return nil, nil
	case !keyring.IsPostgres(r.KeyringTo):
		return nil, fault.New(fault.Invalid, "the keyring goes to a postgres:// URL, or else into the data directory; %q is none", r.KeyringTo)
	case keyring.IsPostgres(r.Keyring):
		return nil, fault.New(fault.Invalid, "the current keyring is in a database already, and stays there")
	case r.KeyringTo == r.Database:
		return nil, fault.New(fault.Invalid, "the keyring cannot lie in the database of the record: its backups would keep keys that were destroyed")
	}
	to, err := keyring.Open(ctx, r.KeyringTo)
	if err != nil {
		return nil, err
	}
	empty, err := to.Empty(ctx)
	if err == nil && !empty {
		err = fault.New(fault.Invalid, "there is a keyring in the database that it is to go to; if it is that of this record, name it as the current one")
	}
	if err != nil {
		to.Close()
		return nil, err
	}
	return to, nil
}

// open reads the header of a backup and says whether it can be restored here.
func (r *Restoration) open(src io.Reader) (*reading, error) {
	a, err := openArchive(src, r.Identities)
	if err != nil {
		return nil, err
	}
	h := a.header
	switch newest := db.Newest(); {
	case h.Kind != Data:
		return nil, errors.New("this file is the backup of a keyring, not of a record")
	case h.Schema > newest:
		return nil, fmt.Errorf("the backup has schema %d, made by %s, and this version of the product knows %d: restore it with that version or a later one",
			h.Schema, h.Product, newest)
	case h.Schema < 1:
		return nil, damaged("it has schema %d", h.Schema)
	}
	return a, nil
}

// fresh refuses the backup of a keyring that would bring back what was erased
// since it was made.
func (r *Restoration) fresh(k *Header) error {
	if r.AcceptOld || !r.Clock.Now().After(k.MadeAt.Add(KeyringLife)) {
		return nil
	}
	return fault.New(fault.Invalid, "this backup of the keyring is of %s, older than %d days: it would bring back what was erased since. Use the current keyring, or a newer backup of it",
		k.MadeAt.Format(time.DateOnly), KeyringLife/(24*time.Hour))
}

// staged is a record that was loaded and verified, and is nobody's yet.
type staged struct {
	manifest *Manifest
	report   *ledger.Report
	erased   int
	db       *db.DB
	conn     *db.Conn
	keys     *keyring.Keyring
	ledger   *ledger.Ledger
}

// stage loads a backup into dir and the database, erases what was erased since,
// and verifies all of it with the keyring of ring. first, which may be nil, is
// what is written first.
func (r *Restoration) stage(ctx context.Context, dir, ring, database string, a *reading, first func(*ledger.Ledger, *Manifest) error) (*staged, error) {
	sec, blocks, err := inspect(ctx, ring)
	if err != nil {
		return nil, err
	}
	if sec.fingerprint() != a.header.Keyring {
		return nil, errors.New("this keyring does not belong to this backup: it is of another record")
	}
	if database == "" {
		database = databaseIn(dir)
	}
	s := &staged{}
	if s.db, err = db.Open(ctx, database); err != nil {
		return nil, err
	}
	if err = s.load(ctx, dir, a, sec, progress(r.Progress)); err == nil {
		if err = s.verify(ctx, r, dir, ring, a.header, first); err != nil && blocks < a.header.Blocks {
			err = fmt.Errorf("%w. The keyring was copied before this backup was made, and lacks keys: use a newer one", err)
		}
	}
	if err != nil {
		return nil, errors.Join(err, s.close(true))
	}
	return s, nil
}

// load fills the schema that the backup is of, in one transaction, and then
// brings that up to date as a running installation is.
func (s *staged) load(ctx context.Context, dir string, a *reading, sec *secret, progress func(string, int64, int64)) (err error) {
	if s.conn, err = s.db.Writer(ctx); err != nil {
		return err
	}
	if s.db.Dialect == db.Postgres {
		if err := begin(ctx, s.db, s.conn); err != nil {
			s.conn.Discard()
			s.conn = nil // what is in that database is not ours to remove
			return err
		}
	}
	if err := s.db.MigrateTo(ctx, a.header.Schema); err != nil {
		return err
	}
	l := &load{ctx: ctx, dir: dir, db: s.db, conn: s.conn, archive: a, secret: sec, loaded: map[string]int64{}, progress: progress}
	if l.want, err = layouts(ctx, s.db.Dialect, s.db); err != nil {
		return err
	}
	if err := s.conn.Script("BEGIN"); err != nil {
		return err
	}
	if err := s.conn.AdmitAll(); err != nil {
		return errors.Join(err, s.conn.Script("ROLLBACK"))
	}
	if s.manifest, err = l.everything(); err != nil {
		return errors.Join(err, s.conn.Script("ROLLBACK"))
	}
	if err := s.conn.Script("COMMIT"); err != nil {
		return fmt.Errorf("load: %w", err)
	}
	return s.db.Migrate(ctx)
}

// verify opens the record that was loaded and checks all of it.
func (s *staged) verify(ctx context.Context, r *Restoration, dir, ring string, h Header, first func(*ledger.Ledger, *Manifest) error) (err error) {
	if s.keys, err = keyring.Open(ctx, ring); err != nil {
		return err
	}
	blobs, err := blob.Open(blobsIn(dir), s.keys)
	if err != nil {
		return err
	}
	if s.ledger, err = ledger.Open(ctx, s.db, s.keys, blobs, r.Clock, r.Kinds...); err != nil {
		return fmt.Errorf("what was restored does not verify: %w", err)
	}
	if r.Complete {
		if err := complete(ctx, s.ledger, h); err != nil {
			return err
		}
	}
	if first != nil {
		if err := first(s.ledger, s.manifest); err != nil {
			return fmt.Errorf("declare the restore: %w", err)
		}
	}
	if s.erased, err = s.ledger.Replay(ctx); err != nil {
		return err
	}
	if s.report, err = s.ledger.Verify(ctx, ledger.Options{Full: true, Progress: progress(r.Progress)}); err != nil {
		return fmt.Errorf("what was restored does not verify: %w", err)
	}
	leaves, err := s.ledger.Leaves(ctx, h.Entries)
	if err != nil {
		return err
	}
	if root := leaves.Subtree(0, h.Entries); !bytes.Equal(root[:], h.Root) {
		return damaged("the log that was loaded is not the one of its checkpoint")
	}
	return nil
}

// complete refuses what is said to be the whole log where the keyring has seen
// more of it: going on under its name would fork it.
func complete(ctx context.Context, l *ledger.Ledger, h Header) error {
	b, err := l.Beyond(ctx)
	if err != nil || b.Records == 0 {
		return err
	}
	return fault.New(fault.Conflict, "the backup is not complete. It has %d entries, and the keyring knows that records were erased after it: %d, the last by entry %d on %s. "+
		"Where the newer data exist, back them up and restore that; where they are lost, say with --reason, in place of --complete, why that is accepted",
		h.Entries, b.Records, b.Entry+1, b.At.Format("2006-01-02 15:04 MST"))
}

// finish closes the record for good: from here on the database is somebody's.
func (s *staged) finish() error {
	s.ledger.Close()
	s.ledger = nil
	if s.db.Dialect == db.Postgres {
		if _, err := s.conn.Exec(`DROP TABLE ` + unfinished); err != nil {
			return err
		}
	}
	err := s.close(false)
	*s = staged{}
	return err
}

// close lets go of everything; where the restore failed, it leaves an empty
// database.
func (s *staged) close(failed bool) error {
	var errs []error
	if s.ledger != nil {
		s.ledger.Close()
	}
	if s.keys != nil {
		errs = append(errs, s.keys.Close())
	}
	if s.conn != nil {
		if failed && s.db.Dialect == db.Postgres {
			errs = append(errs, wipe(s.conn))
		}
		s.conn.Discard()
	}
	if s.db != nil {
		errs = append(errs, s.db.Close())
	}
	*s = staged{}
	return errors.Join(errs...)
}
