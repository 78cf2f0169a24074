// Package pgtest gives tests a PostgreSQL: an empty schema of the server that
// `make test` starts, or a whole server of their own to cut off and restart.
package pgtest

import (
	"context"
	"crypto/rand"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"example.org/countersign/internal/testenv"
)

// variable names the server that all tests share, as postgres://user@host:port/database.
const variable = "COUNTERSIGN_TEST_POSTGRES"

// DSN returns the address of an empty schema of the shared server. It belongs
// to this test alone and is dropped at its end, which fails while a connection
// of the test still holds a lock: close the database in a Cleanup of its own.
//
// Without a server the test is skipped, or fails where CI=true or
// COUNTERSIGN_TEST_REQUIRE=1 says that nothing may be skipped.
func DSN(t testing.TB) string {
	t.Helper()
	shared := os.Getenv(variable)
	if shared == "" {
		testenv.Absent(t, "no PostgreSQL: run scripts/with-postgres go test ..., or set "+variable)
	}
	// The name needs no quoting: rand.Text is letters and digits.
	schema := "test_" + strings.ToLower(rand.Text())
	statements(t, shared, "CREATE SCHEMA "+schema)
	t.Cleanup(func() {
		statements(t, shared, "SET lock_timeout = '10s'; DROP SCHEMA "+schema+" CASCADE")
	})
	return within(t, shared, schema)
}

// within adds the schema to the address, as the first place to look for a table.
func within(t testing.TB, dsn, schema string) string {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil || !strings.HasPrefix(u.Scheme, "postgres") {
		t.Fatalf("%s must look like postgres://user@host:port/database", variable)
	}
	q := u.Query()
	q.Set("search_path", schema)
	u.RawQuery = q.Encode()
	return u.String()
}

// statements runs SQL on a connection of its own. It is also called at the end
// of a test, where the test's context is already cancelled.
func statements(t testing.TB, dsn, sql string) {
	t.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		t.Fatalf("connect to the PostgreSQL of the tests: %v", err)
	}
	defer conn.Close(ctx)
	if _, err := conn.PgConn().Exec(ctx, sql).ReadAll(); err != nil {
		t.Errorf("%s: %v", sql, err)
	}
}
