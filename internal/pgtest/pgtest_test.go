package pgtest

import (
	"net/url"
	"testing"

	"github.com/jackc/pgx/v5"
)

// connect opens a connection that is closed before the schema is dropped.
func connect(t *testing.T, dsn string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(t.Context()) })
	return conn
}

func count(t *testing.T, conn *pgx.Conn, query string, args ...any) (n int) {
	t.Helper()
	if err := conn.QueryRow(t.Context(), query, args...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestDSN(t *testing.T) {
	var dsns []string
	t.Run("two tests", func(t *testing.T) {
		dsns = []string{DSN(t), DSN(t)}
		for _, dsn := range dsns {
			conn := connect(t, dsn)
			// The second would fail if the first were in the same schema.
			if _, err := conn.Exec(t.Context(), "CREATE TABLE thing (n bigint)"); err != nil {
				t.Fatal(err)
			}
			if n := count(t, conn, "SELECT count(*) FROM pg_tables WHERE schemaname = current_schema()"); n != 1 {
				t.Errorf("%d tables, want the one that was just made", n)
			}
		}
	})
	conn := connect(t, DSN(t))
	for _, dsn := range dsns {
		u, err := url.Parse(dsn)
		if err != nil {
			t.Fatal(err)
		}
		schema := u.Query().Get("search_path")
		if n := count(t, conn, "SELECT count(*) FROM pg_namespace WHERE nspname = $1", schema); n != 0 {
			t.Errorf("schema %s is still there after its test", schema)
		}
	}
}

// TestPrivate takes the database away in the middle of a transaction: what was
// committed is there afterwards, what was not is gone.
func TestPrivate(t *testing.T) {
	s := Private(t)
	conn := connect(t, s.DSN())
	for _, sql := range []string{
		"CREATE TABLE thing (n bigint)",
		"INSERT INTO thing VALUES (1)",
		"BEGIN",
		"INSERT INTO thing VALUES (2)",
	} {
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	s.Stop()
	s.Stop() // does nothing
	if _, err := conn.Exec(t.Context(), "COMMIT"); err == nil {
		t.Error("COMMIT on a stopped server: no error")
	}
	if again, err := pgx.Connect(t.Context(), s.DSN()); err == nil {
		again.Close(t.Context())
		t.Error("connected to a stopped server")
	}
	s.Start()
	conn = connect(t, s.DSN())
	if n := count(t, conn, "SELECT count(*) FROM thing"); n != 1 {
		t.Errorf("%d rows after recovery, want 1", n)
	}
	if n := count(t, conn, "SELECT count(*) FROM pg_settings WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit') AND setting = 'on'"); n != 3 {
		t.Errorf("%d of 3 durability settings are on", n)
	}
}
