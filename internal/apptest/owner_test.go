package apptest

import (
	"bytes"
	"database/sql"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"example.org/countersign/internal/app"
	"example.org/countersign/internal/db"
)

// owner is whoever has the database, in a connection past the program: no
// trigger stops them, while what the schema itself refuses stays refused.
type owner struct {
	db       *sql.DB
	dialect  db.Dialect
	triggers []string // of SQLite, as they were made
}

// table is a table of the record as the schema has it, and its rows.
type table struct {
	name    string
	class   db.Class
	columns []column
	rows    []row
}

type column struct {
	name     string
	kind     kind
	nullable bool
	key      bool // part of the primary key
}

type kind string

const (
	isNumber kind = "int"
	isText   kind = "text"
	isBlob   kind = "blob"
)

type row []any

// newOwner opens the database of an installation, triggers off.
func newOwner(t *testing.T, cfg app.Config) *owner {
	t.Helper()
	o := &owner{dialect: db.Postgres}
	driver, dsn := "pgx", cfg.Database
	if dsn == "" {
		o.dialect = db.SQLite
		driver, dsn = "sqlite", "file:"+filepath.Join(cfg.Data, "countersign.db")+"?_pragma=busy_timeout(10000)&_pragma=synchronous(off)"
	}
	var err error
	if o.db, err = sql.Open(driver, dsn); err != nil {
		t.Fatal(err)
	}
	o.db.SetMaxOpenConns(1) // what is switched off is switched off in one connection
	t.Cleanup(func() { o.db.Close() })
	if o.dialect == db.Postgres {
		o.exec(t, `SET session_replication_role = replica`)
		return o
	}
	for _, r := range o.query(t, `SELECT name, sql FROM sqlite_master WHERE type = 'trigger' ORDER BY name`, 2) {
		o.triggers = append(o.triggers, r[1].(string))
		o.exec(t, `DROP TRIGGER `+r[0].(string))
	}
	if len(o.triggers) == 0 {
		t.Fatal("the schema has no trigger")
	}
	return o
}

// leave switches the triggers on again.
func (o *owner) leave(t *testing.T) {
	t.Helper()
	if o.dialect == db.Postgres {
		o.exec(t, `SET session_replication_role = DEFAULT`)
	}
	for _, s := range o.triggers {
		o.exec(t, s)
	}
}

func (o *owner) exec(t *testing.T, query string) {
	t.Helper()
	if _, err := o.db.ExecContext(t.Context(), query); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

// query returns rows of n columns.
func (o *owner) query(t *testing.T, query string, n int, args ...any) (all []row) {
	t.Helper()
	rows, err := o.db.QueryContext(t.Context(), query, args...)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	for rows.Next() {
		r := make(row, n)
		dest := make([]any, n)
		for i := range r {
			dest[i] = &r[i]
		}
		if err := rows.Scan(dest...); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
		all = append(all, r)
	}
	if err := rows.Err(); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return all
}

// tables reads every table that verification answers for: the classes Log and
// Record of db.Tables, with the columns that the schema says they have.
func (o *owner) tables(t *testing.T) (all []*table) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(db.Tables)) {
		if class := db.Tables[name]; class == db.Log || class == db.Record {
			all = append(all, o.table(t, name, class))
		}
	}
	return all
}

func (o *owner) table(t *testing.T, name string, class db.Class) *table {
	t.Helper()
	query := `SELECT name, type, "notnull" = 0, pk > 0 FROM pragma_table_info('` + name + `') ORDER BY cid`
	if o.dialect == db.Postgres {
		query = `SELECT a.attname::text, format_type(a.atttypid, a.atttypmod), (NOT a.attnotnull)::int, COALESCE(a.attnum = ANY(i.indkey), false)::int
			FROM pg_attribute a LEFT JOIN pg_index i ON i.indrelid = a.attrelid AND i.indisprimary
			WHERE a.attrelid = '` + name + `'::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`
	}
	kinds := map[string]kind{"INTEGER": isNumber, "TEXT": isText, "BLOB": isBlob, "bigint": isNumber, "text": isText, "bytea": isBlob}
	x := &table{name: name, class: class}
	var names []string
	for _, r := range o.query(t, query, 4) {
		c := column{r[0].(string), kinds[r[1].(string)], r[2] == int64(1), r[3] == int64(1)}
		if c.kind == "" {
			t.Fatalf("%s.%s is of the type %s, which this test does not know", name, c.name, r[1])
		}
		x.columns = append(x.columns, c)
		names = append(names, c.name)
	}
	x.rows = o.query(t, "SELECT "+strings.Join(names, ", ")+" FROM "+name, len(names))
	for _, r := range x.rows {
		for i, c := range x.columns {
			if r[i] == nil && !c.nullable { // a driver's way to say that there are no bytes
				r[i] = []byte{}
			}
		}
	}
	slices.SortFunc(x.rows, func(a, b row) int { return strings.Compare(x.keyOf(a), x.keyOf(b)) })
	return x
}

// replace puts rows in the place of others, or returns why the schema refuses.
func (o *owner) replace(t *testing.T, x *table, before, after []row) error {
	t.Helper()
	tx, err := o.db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	for _, r := range before {
		var where []string
		var args []any
		for i, c := range x.columns {
			if c.key {
				args = append(args, r[i])
				where = append(where, fmt.Sprintf("%s = $%d", c.name, len(args)))
			}
		}
		res, err := tx.ExecContext(t.Context(), "DELETE FROM "+x.name+" WHERE "+strings.Join(where, " AND "), args...)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := res.RowsAffected(); err != nil || n != 1 {
			t.Fatalf("%s %v: %d rows, %v", x.name, args, n, err)
		}
	}
	for _, r := range after {
		places := make([]string, len(r))
		for i := range r {
			places[i] = fmt.Sprintf("$%d", i+1)
		}
		if _, err := tx.ExecContext(t.Context(), "INSERT INTO "+x.name+" VALUES ("+strings.Join(places, ", ")+")", r...); err != nil {
			return err
		}
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	return nil
}

// column returns the index of a column, -1 where there is none.
func (x *table) column(name string) int {
	return slices.IndexFunc(x.columns, func(c column) bool { return c.name == name })
}

// at returns the value of a column in a row.
func (x *table) at(r row, name string) any { return r[x.column(name)] }

// keyOf names a row by its primary key.
func (x *table) keyOf(r row) string {
	var parts []string
	for i, c := range x.columns {
		switch v := r[i].(type) {
		case int64:
			if c.key {
				parts = append(parts, fmt.Sprintf("%020d", v))
			}
		default:
			if c.key {
				parts = append(parts, fmt.Sprint(v))
			}
		}
	}
	return strings.Join(parts, " ")
}

// another returns another value for column i of r: what a slip or a forger
// would write there. false where what was drawn is no other.
func (x *table) another(random *rand.Rand, r row, i int) (v any, ok bool) {
	c, old := x.columns[i], r[i]
	if c.nullable && old != nil && random.IntN(8) == 0 {
		return nil, true
	}
	switch random.IntN(4) {
	case 0: // of another row
		v = x.rows[random.IntN(len(x.rows))][i]
	case 1: // of another column
		if j := random.IntN(len(x.columns)); x.columns[j].kind == c.kind {
			v = r[j]
		}
	default:
		switch old := old.(type) {
		case int64:
			v = otherNumber(random, old)
		case string:
			v = string(otherBytes(random, []byte(old), true))
		case []byte:
			v = otherBytes(random, old, false)
		}
	}
	return v, v != nil && !reflect.DeepEqual(v, old)
}

func otherNumber(random *rand.Rand, v int64) int64 {
	switch random.IntN(6) {
	case 0:
		return v + 1
	case 1:
		return v - 1
	case 2:
		return v ^ 1<<random.IntN(63)
	case 3:
		return -v
	case 4:
		return math.MaxInt64
	}
	return 0
}

// otherBytes returns bytes that differ from b. Text keeps to characters that
// every database takes.
func otherBytes(random *rand.Rand, b []byte, text bool) []byte {
	if len(b) == 0 {
		return []byte("x")
	}
	i := random.IntN(len(b))
	switch random.IntN(8) {
	case 0:
		return []byte{}
	case 1:
		return bytes.Clone(b[:i])
	case 2:
		return append(bytes.Clone(b), 'x')
	case 3:
		return slices.Insert(bytes.Clone(b), i, 'x')
	case 4:
		return slices.Delete(bytes.Clone(b), i, i+1)
	}
	out := bytes.Clone(b)
	flip := byte(1) << random.IntN(8)
	if text {
		flip = 1
	}
	out[i] ^= flip
	return out
}
