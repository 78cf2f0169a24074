package db_test

import (
	"context"
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.org/countersign/internal/db"
	"example.org/countersign/internal/pgtest"
)

func open(t *testing.T, dsn string) *db.DB {
	t.Helper()
	d, err := db.Open(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	if err := d.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := d.Migrate(t.Context()); err != nil {
		t.Fatalf("a second time: %v", err)
	}
	return d
}

// columns returns "table.column type null" of every column in words that both
// databases share.
func columns(t *testing.T, d *db.DB) map[string]string {
	t.Helper()
	query := `SELECT m.name, c.name, c.type, CASE WHEN c."notnull" = 1 THEN 'NO' ELSE 'YES' END
		FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'`
	if d.Dialect == db.Postgres {
		query = `SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns WHERE table_schema = current_schema()`
	}
	same := map[string]string{"bigint": "INTEGER", "text": "TEXT", "bytea": "BLOB"}
	out := map[string]string{}
	if err := d.Each(t.Context(), func(scan db.Scan) error {
		var table, column, kind, null string
		err := scan(&table, &column, &kind, &null)
		if w, ok := same[kind]; ok {
			kind = w
		}
		if table != "goose_db_version" { // the migration library's own
			out[table+"."+column] = kind + " null:" + null
		}
		return err
	}, query); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestSchema(t *testing.T) {
	lite := open(t, filepath.Join(t.TempDir(), "test.db"))
	found := columns(t, lite)
	tables := map[string]bool{}
	for c, kind := range found {
		table, _, _ := strings.Cut(c, ".")
		tables[table] = true
		if kind != "INTEGER null:NO" && kind != "TEXT null:NO" && kind != "BLOB null:NO" {
			t.Errorf("%s is %s: use {int}, TEXT or {blob}, NOT NULL", c, kind)
		}
		if db.Tables[table] == "" {
			t.Errorf("table %s has no class in db.Tables", table)
			db.Tables[table] = db.Work // say it once
		}
	}
	for _, table := range slices.Sorted(maps.Keys(db.Tables)) {
		if !tables[table] && table != "goose_db_version" {
			t.Errorf("db.Tables lists %s, which no migration makes", table)
		}
		if db.Tables[table] == db.Record && (found[table+".id"] == "" || found[table+".entry"] == "") {
			t.Errorf("record table %s lacks {record}", table)
		}
	}
	t.Run("postgres has the same", func(t *testing.T) {
		if diff := cmp.Diff(found, columns(t, open(t, pgtest.DSN(t)))); diff != "" {
			t.Errorf("SQLite (-) and PostgreSQL (+) differ:\n%s", diff)
		}
	})
}

// Every record table and log has its triggers, on both databases.
func TestGuards(t *testing.T) {
	check := func(t *testing.T, d *db.DB) {
		query := `SELECT DISTINCT tbl_name FROM sqlite_master WHERE type = 'trigger'`
		if d.Dialect == db.Postgres {
			query = `SELECT DISTINCT event_object_table FROM information_schema.triggers WHERE trigger_schema = current_schema()`
		}
		guarded := map[string]bool{}
		if err := d.Each(t.Context(), func(scan db.Scan) error {
			var table string
			err := scan(&table)
			guarded[table] = true
			return err
		}, query); err != nil {
			t.Fatal(err)
		}
		for table, class := range db.Tables {
			if (class == db.Record || class == db.Log && table != "ledger_head") && !guarded[table] {
				t.Errorf("%s table %s has no {guard}", class, table)
			}
		}
	}
	t.Run("sqlite", func(t *testing.T) { check(t, open(t, filepath.Join(t.TempDir(), "test.db"))) })
	t.Run("postgres", func(t *testing.T) { check(t, open(t, pgtest.DSN(t))) })
}

func TestUnique(t *testing.T) {
	check := func(t *testing.T, d *db.DB) {
		if err := d.Script(t.Context(), `CREATE TABLE once (id TEXT NOT NULL PRIMARY KEY, other TEXT NOT NULL UNIQUE){strict}; INSERT INTO once VALUES ('a', 'a')`); err != nil {
			t.Fatal(err)
		}
		c, err := d.Writer(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Release()
		for _, q := range []string{`INSERT INTO once VALUES ('a', 'b')`, `INSERT INTO once VALUES ('b', 'a')`} {
			if _, err := c.Exec(q); !db.IsUnique(err) {
				t.Errorf("%s: %v is not recognised", q, err)
			}
		}
		if _, err := c.Exec(`INSERT INTO once VALUES ('c', NULL)`); err == nil || db.IsUnique(err) {
			t.Errorf("a missing value: %v", err)
		}
		if db.IsUnique(errors.New("UNIQUE constraint failed")) {
			t.Error("recognised by its text")
		}
	}
	t.Run("sqlite", func(t *testing.T) { check(t, open(t, filepath.Join(t.TempDir(), "test.db"))) })
	t.Run("postgres", func(t *testing.T) { check(t, open(t, pgtest.DSN(t))) })
}
