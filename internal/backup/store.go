package backup

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"example.org/countersign/internal/db"
)

// versions is the table of the migrations, which the migrations fill.
const versions = "goose_db_version"

// schemaVersion returns how far the schema was migrated.
func schemaVersion(ctx context.Context, q db.Querier) (version int64, err error) {
	if _, err := q.One(ctx, `SELECT MAX(version_id) FROM `+versions, nil, &version); err != nil {
		return 0, fmt.Errorf("version of the schema: %w", err)
	}
	return version, nil
}

// The catalogues of the two databases.
var (
	listTables = map[db.Dialect]string{
		db.SQLite:   `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\_%' ESCAPE '\' ORDER BY name`,
		db.Postgres: `SELECT table_name::text FROM information_schema.tables WHERE table_schema = current_schema() AND table_type = 'BASE TABLE' ORDER BY table_name::text`,
	}
	listColumns = map[db.Dialect]string{
		db.SQLite:   `SELECT name, lower(type) FROM pragma_table_info($1) ORDER BY cid`,
		db.Postgres: `SELECT column_name::text, data_type::text FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = $1 ORDER BY ordinal_position`,
	}
	types = map[string]string{"integer": "int", "bigint": "int", "text": "text", "blob": "bytes", "bytea": "bytes"}
)

func tables(ctx context.Context, d db.Dialect, q db.Querier) (names []string, err error) {
	err = q.Each(ctx, func(scan db.Scan) error {
		var name string
		err := scan(&name)
		names = append(names, name)
		return err
	}, listTables[d])
	return names, err
}

// layouts returns the tables that a backup has, in the order in which they are
// loaded: the head of the log last, since a row of a record goes in without an
// entry only while there is none.
func layouts(ctx context.Context, d db.Dialect, q db.Querier) (all []layout, err error) {
	names, err := tables(ctx, d, q)
	if err != nil {
		return nil, fmt.Errorf("list tables: %w", err)
	}
	for _, name := range names {
		class := db.Tables[name]
		if name == versions || name == unfinished || class == db.Derived {
			continue
		}
		if class == "" {
			return nil, fmt.Errorf("the database has a table %q, which this version of the product does not know", name)
		}
		l := layout{Table: name}
		err := q.Each(ctx, func(scan db.Scan) error {
			var c column
			var declared string
			if err := scan(&c.Name, &declared); err != nil {
				return err
			}
			if c.Type = types[declared]; c.Type == "" {
				return fmt.Errorf("column %s of table %s is %s, which cannot be backed up", c.Name, name, declared)
			}
			l.Columns = append(l.Columns, c)
			return nil
		}, listColumns[d], name)
		if err != nil {
			return nil, fmt.Errorf("list columns: %w", err)
		}
		all = append(all, l)
	}
	if i := slices.IndexFunc(all, func(l layout) bool { return l.Table == head }); i >= 0 {
		all = append(append(all[:i:i], all[i+1:]...), all[i])
	}
	return all, nil
}

const head = "ledger_head"

func (l *layout) names() string {
	names := make([]string, len(l.Columns))
	for i, c := range l.Columns {
		names[i] = c.Name
	}
	return strings.Join(names, ", ")
}

// each calls f for every row of a table.
func (l *layout) each(ctx context.Context, q db.Querier, f func([]any) error) error {
	row, dest := make([]any, len(l.Columns)), make([]any, len(l.Columns))
	for i := range row {
		dest[i] = &row[i]
	}
	return q.Each(ctx, func(scan db.Scan) error {
		if err := scan(dest...); err != nil {
			return err
		}
		return f(row)
	}, "SELECT "+l.names()+" FROM "+l.Table)
}

// headOf returns name, size and root of the log.
func headOf(ctx context.Context, q db.Querier) (origin string, size int64, root []byte, err error) {
	found, err := q.One(ctx, `SELECT origin, size, root FROM ledger_head WHERE id = 1`, nil, &origin, &size, &root)
	if err == nil && !found {
		err = errors.New("the log has no head: there is no record in this database")
	}
	return origin, size, root, err
}

// loader inserts rows, several at a time.
type loader struct {
	conn  *db.Conn
	rows  int // in a full statement
	full  string
	one   string
	args  []any
	bytes int
}

// How much goes into one statement.
const (
	maxParameters = 2000
	maxStatement  = 1 << 20 // bytes of text and bytes
)

func newLoader(c *db.Conn, l layout) *loader {
	rows := max(1, maxParameters/len(l.Columns))
	insert := func(rows int) string {
		var s strings.Builder
		fmt.Fprintf(&s, "INSERT INTO %s (%s) VALUES ", l.Table, l.names())
		for i := range rows * len(l.Columns) {
			switch {
			case i == 0:
				s.WriteByte('(')
			case i%len(l.Columns) == 0:
				s.WriteString("), (")
			default:
				s.WriteString(", ")
			}
			fmt.Fprintf(&s, "$%d", i+1)
		}
		return s.String() + ")"
	}
	return &loader{conn: c, rows: rows, full: insert(rows), one: insert(1)}
}

func (l *loader) add(row []any) error {
	l.args = append(l.args, row...)
	for _, v := range row {
		switch v := v.(type) {
		case string:
			l.bytes += len(v)
		case []byte:
			l.bytes += len(v)
		}
	}
	if len(l.args) < l.rows*len(row) && l.bytes < maxStatement {
		return nil
	}
	return l.flush(len(row))
}

func (l *loader) flush(columns int) error {
	args := l.args
	l.args, l.bytes = l.args[:0], 0
	if len(args) == l.rows*columns {
		_, err := l.conn.Exec(l.full, args...)
		return err
	}
	for len(args) > 0 {
		if _, err := l.conn.Exec(l.one, args[:columns]...); err != nil {
			return err
		}
		args = args[columns:]
	}
	return nil
}

// unfinished is a table that a PostgreSQL database has while it is restored
// into: what lies beside it is nobody's record and may go.
const unfinished = "restore_unfinished"

// begin takes an empty PostgreSQL database for a restore, or one that a restore
// left unfinished. The lock goes with the connection.
func begin(ctx context.Context, d *db.DB, c *db.Conn) error {
	var mine bool
	if _, err := c.One(`SELECT pg_try_advisory_lock(7402395127)`, nil, &mine); err != nil || !mine {
		return errors.Join(errors.New("another restore is at work on this database"), err)
	}
	names, err := tables(ctx, d.Dialect, d)
	if err != nil {
		return err
	}
	if slices.Contains(names, unfinished) {
		if err := wipe(c); err != nil {
			return fmt.Errorf("clear what an earlier restore left: %w", err)
		}
	} else if len(names) > 0 {
		return fmt.Errorf("the database is not empty: its schema has a table %q. Name an empty database or schema", names[0])
	}
	_, err = c.Exec(`CREATE TABLE ` + unfinished + ` (id BIGINT NOT NULL PRIMARY KEY)`)
	return err
}

// wipe drops all that a restore made.
func wipe(c *db.Conn) error {
	var s strings.Builder
	s.WriteString("BEGIN;")
	for _, t := range slices.Sorted(maps.Keys(db.Tables)) {
		fmt.Fprintf(&s, "DROP TABLE IF EXISTS %[1]s CASCADE; DROP FUNCTION IF EXISTS %[1]s_guard() CASCADE;", t)
	}
	s.WriteString("DROP TABLE " + unfinished + "; COMMIT")
	if err := c.Script(s.String()); err != nil {
		return errors.Join(err, c.Script("ROLLBACK"))
	}
	return nil
}
