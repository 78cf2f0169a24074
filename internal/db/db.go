// Package db opens the one database of an installation, SQLite or PostgreSQL,
// and brings its schema up to date.
//
// SQL in this module is written once, in the subset that both share: integers,
// text and bytes; $1 parameters; RETURNING; ON CONFLICT; times as integer Unix
// microseconds; flags 0 and 1. What differs is the words of the schema (see
// words) and guard triggers (see guard). Writing is the business of package
// ledger; everybody else reads, through Querier.
package db

import (
	"bytes"
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"net/url"
	"regexp"
	"runtime"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib" // driver "pgx"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// Scan copies the columns of the current row into dest.
type Scan func(dest ...any) error

// Querier reads. The ledger, outside a transaction, and its Tx inside one are
// Queriers.
type Querier interface {
	// Each calls row for every row of the result and returns the first error
	// of the query, of row, or of the iteration.
	Each(ctx context.Context, row func(Scan) error, query string, args ...any) error
	// One scans the first row of the result into dest; found is false where
	// there is none.
	One(ctx context.Context, query string, args []any, dest ...any) (found bool, err error)
}

// Dialect is the database's own language where it matters.
type Dialect string

// The two databases.
const (
	SQLite   Dialect = "sqlite"
	Postgres Dialect = "postgres"
)

// DB is an open database: a pool that only reads and a pool that writes.
type DB struct {
	Dialect Dialect
	read    *sql.DB
	write   *sql.DB
}

// Open opens dsn, a postgres:// URL or the path of a SQLite file, without
// touching its schema.
func Open(ctx context.Context, dsn string) (*DB, error) {
	d := &DB{Dialect: SQLite}
	var err error
	if strings.HasPrefix(dsn, "postgres://") || strings.HasPrefix(dsn, "postgresql://") {
		d.Dialect = Postgres
		if d.write, err = sql.Open("pgx", dsn); err != nil {
			return nil, err
		}
		d.write.SetMaxOpenConns(16)
		d.write.SetMaxIdleConns(16)
		d.read = d.write
		return d, d.ping(ctx)
	}
	// synchronous=FULL: an acknowledged commit survives power loss.
	const common = "?_pragma=busy_timeout(10000)&_pragma=foreign_keys(1)&_pragma=synchronous(full)"
	file := "file:" + (&url.URL{Path: dsn}).EscapedPath() + common
	// Eight thousand pages of log between checkpoints: many records change the
	// same index pages, which are then copied once.
	if d.write, err = sql.Open("sqlite", file+"&_pragma=journal_mode(wal)&_pragma=cache_size(-32000)&_pragma=wal_autocheckpoint(8000)"); err != nil {
		return nil, err
	}
	d.write.SetMaxOpenConns(2) // the ledger holds one for good
	if err := d.ping(ctx); err != nil {
		return nil, err
	}
	if d.read, err = sql.Open("sqlite", file+"&_pragma=query_only(1)&_pragma=cache_size(-12000)"); err != nil {
		d.write.Close()
		return nil, err
	}
	n := max(4, 2*runtime.GOMAXPROCS(0))
	d.read.SetMaxOpenConns(n)
	d.read.SetMaxIdleConns(n)
	return d, nil
}

func (d *DB) ping(ctx context.Context) error {
	if err := d.write.PingContext(ctx); err != nil {
		d.write.Close()
		return fmt.Errorf("open database: %w", err)
	}
	return nil
}

// Close closes both pools.
func (d *DB) Close() error {
	if d.read != d.write {
		return errors.Join(d.read.Close(), d.write.Close())
	}
	return d.write.Close()
}

// Each implements Querier.
func (d *DB) Each(ctx context.Context, row func(Scan) error, query string, args ...any) error {
	rows, err := d.read.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	return drain(rows, row)
}

// One implements Querier.
func (d *DB) One(ctx context.Context, query string, args []any, dest ...any) (bool, error) {
	return found(d.read.QueryRowContext(ctx, query, args...).Scan(dest...))
}

// Snapshot calls f with a view of the database that does not move.
func (d *DB) Snapshot(ctx context.Context, f func(Querier) error) error {
	opt := &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}
	if d.Dialect == SQLite { // a read transaction is a snapshot; the driver knows no levels
		opt = nil
	}
	tx, err := d.read.BeginTx(ctx, opt)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	return f(snapshot{tx})
}

type snapshot struct{ tx *sql.Tx }

func (s snapshot) Each(ctx context.Context, row func(Scan) error, query string, args ...any) error {
	rows, err := s.tx.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	return drain(rows, row)
}

func (s snapshot) One(ctx context.Context, query string, args []any, dest ...any) (bool, error) {
	return found(s.tx.QueryRowContext(ctx, query, args...).Scan(dest...))
}

func drain(rows *sql.Rows, row func(Scan) error) error {
	defer rows.Close()
	for rows.Next() {
		if err := row(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

func found(err error) (bool, error) {
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// IsUnique reports whether err is a violated UNIQUE or PRIMARY KEY constraint.
func IsUnique(err error) bool {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return e.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE || e.Code() == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY
	}
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && e.Code == "23505"
}

// Conn is one connection for writing. It keeps prepared statements, which
// SQLite pays for dearly otherwise; PostgreSQL's driver keeps its own.
type Conn struct {
	conn  *sql.Conn
	stmts map[string]*sql.Stmt // nil: the driver caches
	later []Statement          // not sent yet

	copied []byte // the last COPY, whose memory serves again
}

// Writer takes a connection out of the writing pool.
func (d *DB) Writer(ctx context.Context) (*Conn, error) {
	c, err := d.write.Conn(ctx)
	if err != nil {
		return nil, err
	}
	w := &Conn{conn: c}
	if d.Dialect == SQLite {
		w.stmts = map[string]*sql.Stmt{}
	}
	return w, nil
}

// Discard closes the connection for good: nothing of its state is used again.
func (c *Conn) Discard() {
	c.closeStmts()
	c.conn.Raw(func(any) error { return driver.ErrBadConn }) // tells the pool to drop it
	c.conn.Close()
}

// Release gives the connection back to the pool.
func (c *Conn) Release() {
	c.closeStmts()
	c.conn.Close()
}

func (c *Conn) closeStmts() {
	for _, s := range c.stmts {
		s.Close()
	}
	clear(c.stmts)
}

func (c *Conn) prepare(query string) (*sql.Stmt, error) {
	if s, ok := c.stmts[query]; ok {
		return s, nil
	}
	s, err := c.conn.PrepareContext(context.Background(), positional(query))
	if err != nil {
		return nil, err
	}
	c.stmts[query] = s
	return s, nil
}

var parameter = regexp.MustCompile(`\$\d+`)

// positional writes $1, $2, $3 … as ?, where each stands once and in order. To
// SQLite $1 is a name, which the driver looks up for every value that it binds:
// a thousand of them cost a million steps.
func positional(query string) string {
	n := 0
	for _, p := range parameter.FindAllString(query, -1) {
		if n++; p != "$"+strconv.Itoa(n) {
			return query
		}
	}
	return parameter.ReplaceAllLiteralString(query, "?")
}

// Script runs statements without parameters.
func (c *Conn) Script(query string) error {
	_, err := c.conn.ExecContext(context.Background(), query)
	return err
}

// Exec runs one statement and reports how many rows it changed. No context
// reaches the driver: an interrupted statement takes the whole transaction of
// SQLite with it.
func (c *Conn) Exec(query string, args ...any) (int64, error) {
	if err := c.flush(); err != nil {
		return 0, err
	}
	return c.exec(query, args...)
}

func (c *Conn) exec(query string, args ...any) (int64, error) {
	var res sql.Result
	var err error
	if c.stmts == nil {
		res, err = c.conn.ExecContext(context.Background(), query, args...)
	} else {
		var s *sql.Stmt
		if s, err = c.prepare(query); err == nil {
			res, err = s.ExecContext(context.Background(), args...)
		}
	}
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// Statement is one statement of a series and how many rows it must change;
// Any of them where that is not asked.
type Statement struct {
	Query string
	Args  []any
	Rows  int64
}

// Any number of rows is right.
const Any = -1

// Later runs a statement before the next one, of whatever kind, on the
// goroutine of that call; on PostgreSQL in the same round trip where that is a
// Series or a Turn. Its error is that of the call that sends it.
func (c *Conn) Later(s Statement) {
	c.later = append(c.later, s)
}

// flush sends what waits.
func (c *Conn) flush() error {
	if len(c.later) == 0 {
		return nil
	}
	return c.Series()
}

// Forget drops what waits: its transaction is rolled back.
func (c *Conn) Forget() { c.later = nil }

// Turn sends what waits and, where savepoint w is open, puts another in its
// place, in one round trip on PostgreSQL.
func (c *Conn) Turn(open bool) error {
	if open {
		c.Later(Statement{Query: "RELEASE SAVEPOINT w", Rows: Any})
		c.Later(Statement{Query: "SAVEPOINT w", Rows: Any})
	}
	return c.flush()
}

// Series runs statements one after the other, in one round trip on PostgreSQL.
func (c *Conn) Series(series ...Statement) error {
	series = append(c.later, series...)
	c.later = nil
	defer func() { clear(series); c.later = series[:0] }()
	if c.stmts != nil {
		for _, s := range series {
			n, err := c.exec(s.Query, s.Args...)
			if err == nil {
				err = s.changed(n)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
	return c.pipeline(func(b *pgx.Batch) {
		for _, s := range series {
			b.Queue(s.Query, s.Args...).Exec(func(t pgconn.CommandTag) error { return s.changed(t.RowsAffected()) })
		}
	})
}

func (s *Statement) changed(n int64) error {
	if n != s.Rows && s.Rows != Any {
		return &Miscount{s.Query, n, s.Rows}
	}
	return nil
}

// Miscount is the error of a statement that changed another number of rows
// than it must. What came after it in its series may have run.
type Miscount struct {
	Query     string
	Got, Want int64
}

func (m *Miscount) Error() string {
	return fmt.Sprintf("%.40s… changed %d rows instead of %d", m.Query, m.Got, m.Want)
}

// pipeline sends what queue puts into a batch at once and reads the answers.
func (c *Conn) pipeline(queue func(*pgx.Batch)) error {
	return c.conn.Raw(func(driverConn any) error {
		var b pgx.Batch
		queue(&b)
		return driverConn.(*stdlib.Conn).Conn().SendBatch(context.Background(), &b).Close()
	})
}

// Copy appends rows of integers and bytes to a table of PostgreSQL with COPY,
// which costs both sides less than an INSERT of many rows, but a round trip of
// its own.
func (c *Conn) Copy(table, columns string, rows iter.Seq[[]any]) error {
	if err := c.flush(); err != nil {
		return err
	}
	// https://www.postgresql.org/docs/current/sql-copy.html, Binary Format
	data := append(c.copied[:0], "PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00"...)
	n := int64(0)
	for row := range rows {
		n++
		data = binary.BigEndian.AppendUint16(data, uint16(len(row)))
		for _, v := range row {
			switch v := v.(type) {
			case int64:
				data = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(data, 8), uint64(v))
			case []byte:
				data = append(binary.BigEndian.AppendUint32(data, uint32(len(v))), v...)
			default:
				return fmt.Errorf("copy to %s: a value of type %T", table, v)
			}
		}
	}
	data = append(data, 0xff, 0xff)
	if cap(data) <= 4<<20 {
		c.copied = data
	}
	return c.conn.Raw(func(driverConn any) error {
		tag, err := driverConn.(*stdlib.Conn).Conn().PgConn().CopyFrom(context.Background(), bytes.NewReader(data),
			"COPY "+table+" ("+columns+") FROM STDIN BINARY")
		if s := (Statement{Query: "COPY " + table, Rows: n}); err == nil {
			err = s.changed(tag.RowsAffected())
		}
		return err
	})
}

// Begin begins a transaction with a query for one row, in one round trip on
// PostgreSQL, and admits records of new entries (see guard).
func (c *Conn) Begin(query string, dest ...any) (found bool, err error) {
	if c.stmts != nil {
		if _, err := c.Exec("BEGIN IMMEDIATE"); err != nil {
			return false, err
		}
		return c.One(query, nil, dest...)
	}
	err = c.pipeline(func(b *pgx.Batch) {
		b.Queue("BEGIN")
		b.Queue(query).QueryRow(func(row pgx.Row) error {
			err := row.Scan(dest...)
			found = err == nil
			if errors.Is(err, pgx.ErrNoRows) {
				return nil
			}
			return err
		})
		b.Queue(admitHead)
	})
	return found, err
}

// Each is Querier.Each on this connection.
func (c *Conn) Each(row func(Scan) error, query string, args ...any) error {
	rows, err := c.query(query, args...)
	if err != nil {
		return err
	}
	return drain(rows, row)
}

// One is Querier.One on this connection.
func (c *Conn) One(query string, args []any, dest ...any) (bool, error) {
	ok := false
	err := c.Each(func(scan Scan) error {
		if ok {
			return nil
		}
		ok = true
		return scan(dest...)
	}, query, args...)
	return ok, err
}

func (c *Conn) query(query string, args ...any) (*sql.Rows, error) {
	if err := c.flush(); err != nil {
		return nil, err
	}
	if c.stmts == nil {
		return c.conn.QueryContext(context.Background(), query, args...)
	}
	s, err := c.prepare(query)
	if err != nil {
		return nil, err
	}
	return s.QueryContext(context.Background(), args...)
}
