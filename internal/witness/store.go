package witness

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"time"

	_ "modernc.org/sqlite" // driver "sqlite"

	"example.org/countersign/internal/fault"
	"example.org/countersign/verify/format"
)

// maxContradictions is how many are kept of one log and sort. Who has a log's
// key could make any number.
const maxContradictions = 16

const schema = `
CREATE TABLE IF NOT EXISTS witness (
	one  INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
	name TEXT NOT NULL,
	seed BLOB NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS log_key (
	origin   TEXT NOT NULL,
	key      TEXT NOT NULL, -- verifier key
	added_at INTEGER NOT NULL, -- Unix microseconds
	PRIMARY KEY (origin, key)
) STRICT;
CREATE TABLE IF NOT EXISTS state (
	origin TEXT NOT NULL PRIMARY KEY,
	size   INTEGER NOT NULL,
	root   BLOB NOT NULL,
	time   INTEGER NOT NULL, -- of the cosignature, Unix seconds
	note   TEXT NOT NULL -- signed by the log and cosigned
) STRICT;
CREATE TABLE IF NOT EXISTS contradiction (
	n       INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	origin  TEXT NOT NULL,
	forked  INTEGER NOT NULL,
	size    INTEGER NOT NULL, -- and root: of what was offered
	root    BLOB NOT NULL,
	at      INTEGER NOT NULL, -- Unix microseconds
	kept    TEXT NOT NULL,
	offered TEXT NOT NULL,
	UNIQUE (origin, forked, size, root)
) STRICT;`

// store is the database of a witness.
type store struct{ db *sql.DB }

func openStore(ctx context.Context, path string) (*store, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open witness: %w", err)
	}
	f.Close()
	// synchronous=FULL: what was cosigned survives power loss.
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+
		"?_pragma=busy_timeout(5000)&_pragma=journal_mode(wal)&_pragma=synchronous(full)&_txlock=immediate")
	if err != nil {
		return nil, fmt.Errorf("open witness: %w", err)
	}
	db.SetMaxOpenConns(1) // callers queue here, rather than poll for the file's lock
	if _, err := db.ExecContext(ctx, schema); err != nil {
		db.Close()
		return nil, fmt.Errorf("open witness: %w", err)
	}
	return &store{db}, nil
}

// Close closes the database.
func (s *store) Close() error { return s.db.Close() }

// identity returns the name and the signing seed of the witness; where it has
// none yet they are made, under the name that is given.
func (s *store) identity(ctx context.Context, name string) (string, []byte, error) {
	seed := make([]byte, ed25519.SeedSize)
	rand.Read(seed)
	if _, err := format.NewWitnessKey(name, make([]byte, ed25519.PublicKeySize)); err != nil || len(name) > maxOrigin {
		return "", nil, fault.New(fault.Invalid, "%.60q cannot be the name of a witness: no spaces and no plus, at most %d bytes", name, maxOrigin)
	}
	_, err := s.db.ExecContext(ctx, `INSERT INTO witness (one, name, seed) VALUES (1, ?, ?) ON CONFLICT DO NOTHING`, name, seed)
	if err == nil {
		err = s.db.QueryRowContext(ctx, `SELECT name, seed FROM witness`).Scan(&name, &seed)
	}
	if err == nil && len(seed) != ed25519.SeedSize {
		err = errors.New("the signing key is damaged")
	}
	if err != nil {
		return "", nil, fmt.Errorf("name and key of the witness: %w", err)
	}
	return name, seed, nil
}

func (s *store) register(ctx context.Context, origin, key string, at time.Time) error {
	_, err := s.db.ExecContext(ctx, `INSERT INTO log_key (origin, key, added_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`, origin, key, at.UnixMicro())
	if err != nil {
		return fmt.Errorf("register log: %w", err)
	}
	return nil
}

func (s *store) remove(ctx context.Context, origin string) (bool, error) {
	result, err := s.db.ExecContext(ctx, `DELETE FROM log_key WHERE origin = ?`, origin)
	if err != nil {
		return false, fmt.Errorf("remove log: %w", err)
	}
	n, err := result.RowsAffected()
	return n > 0, err
}

// keys returns the verifier keys of a log, none where it is not registered.
func (s *store) keys(ctx context.Context, origin string) (keys []string, err error) {
	err = s.each(ctx, func(scan func(...any) error) error {
		var key string
		err := scan(&key)
		keys = append(keys, key)
		return err
	}, `SELECT key FROM log_key WHERE origin = ? ORDER BY added_at, key`, origin)
	return keys, err
}

func (s *store) logs(ctx context.Context) (logs []Log, err error) {
	err = s.each(ctx, func(scan func(...any) error) error {
		var l Log
		var at int64
		if err := scan(&l.Origin, &l.Size, &at, &l.Misbehaviour); err != nil {
			return err
		}
		if at != 0 {
			l.At = time.Unix(at, 0).UTC()
		}
		logs = append(logs, l)
		return nil
	}, `SELECT o.origin, coalesce(s.size, 0), coalesce(s.time, 0), (SELECT count(*) FROM contradiction c WHERE c.origin = o.origin AND c.forked = 1)
		FROM (SELECT origin FROM log_key UNION SELECT origin FROM state) o LEFT JOIN state s ON s.origin = o.origin ORDER BY o.origin`)
	for i := range logs {
		if err == nil {
			logs[i].Keys, err = s.keys(ctx, logs[i].Origin)
		}
	}
	return logs, err
}

func (s *store) contradictions(ctx context.Context, origin string) (all []Contradiction, err error) {
	err = s.each(ctx, func(scan func(...any) error) error {
		var c Contradiction
		var at int64
		err := scan(&at, &c.Forked, &c.Kept, &c.Offered)
		c.At = time.UnixMicro(at).UTC()
		all = append(all, c)
		return err
	}, `SELECT at, forked, kept, offered FROM contradiction WHERE origin = ? ORDER BY n`, origin)
	return all, err
}

// contradict keeps a contradiction. Of forks the first are kept; of what may be
// no more than somebody's wrong proof, the last.
func (s *store) contradict(ctx context.Context, c *checkpoint, x Contradiction) error {
	return s.change(ctx, func(tx *sql.Tx) error {
		var n int
		if err := tx.QueryRow(`SELECT count(*) FROM contradiction WHERE origin = ? AND forked = ?`, c.Origin, x.Forked).Scan(&n); err != nil {
			return err
		}
		if n >= maxContradictions && x.Forked {
			return nil
		}
		_, err := tx.Exec(`INSERT INTO contradiction (origin, forked, size, root, at, kept, offered) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			c.Origin, x.Forked, c.Size, c.Root[:], x.At.UnixMicro(), x.Kept, x.Offered)
		if err == nil {
			_, err = tx.Exec(`DELETE FROM contradiction WHERE origin = ? AND forked = 0 AND n NOT IN
				(SELECT n FROM contradiction WHERE origin = ? AND forked = 0 ORDER BY n DESC LIMIT ?)`, c.Origin, c.Origin, maxContradictions)
		}
		return err
	})
}

// last returns what is remembered of a log.
func (s *store) last(ctx context.Context, origin string) (*state, error) {
	return scanState(s.db.QueryRowContext(ctx, selectState, origin))
}

const selectState = `SELECT size, root, time, note FROM state WHERE origin = ?`

func scanState(row *sql.Row) (*state, error) {
	var st state
	var root []byte
	err := row.Scan(&st.size, &root, &st.time, &st.note)
	if errors.Is(err, sql.ErrNoRows) {
		return &state{root: (&format.Tree{}).Root()}, nil
	}
	if err == nil && len(root) != len(st.root) {
		err = errors.New("the root is damaged")
	}
	if err != nil {
		return nil, fmt.Errorf("last checkpoint of the log: %w", err)
	}
	copy(st.root[:], root)
	return &st, nil
}

// advance replaces what is remembered of a log by what next makes of it, in one
// transaction, which is durable once advance has returned nil.
func (s *store) advance(ctx context.Context, origin string, next func(*state) (*state, error)) error {
	return s.change(ctx, func(tx *sql.Tx) error {
		last, err := scanState(tx.QueryRow(selectState, origin))
		if err != nil {
			return err
		}
		st, err := next(last)
		if err != nil {
			return err
		}
		_, err = tx.Exec(`INSERT INTO state (origin, size, root, time, note) VALUES (?, ?, ?, ?, ?) ON CONFLICT (origin) DO UPDATE
			SET size = excluded.size, root = excluded.root, time = excluded.time, note = excluded.note`, origin, st.size, st.root[:], st.time, st.note)
		return err
	})
}

// change runs f in a transaction that holds the file's lock from its beginning.
// The caller may go away while it waits, not within: a statement that SQLite
// interrupts ends its transaction.
func (s *store) change(ctx context.Context, f func(*sql.Tx) error) error {
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("witness database: %w", err)
	}
	defer conn.Close()
	tx, err := conn.BeginTx(context.WithoutCancel(ctx), nil)
	if err != nil {
		return fmt.Errorf("witness database: %w", err)
	}
	defer tx.Rollback()
	if err := f(tx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("witness database: %w", err)
	}
	return nil
}

// each calls row for every row of a query.
func (s *store) each(ctx context.Context, row func(scan func(...any) error) error, query string, args ...any) error {
	rows, err := s.db.QueryContext(ctx, query, args...)
	if err != nil {
		return fmt.Errorf("witness database: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := row(rows.Scan); err != nil {
			return fmt.Errorf("witness database: %w", err)
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("witness database: %w", err)
	}
	return nil
}
