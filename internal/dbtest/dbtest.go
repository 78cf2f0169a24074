// Package dbtest gives each test an empty ledger on both databases, SQLite
// always and PostgreSQL where the environment has one, and verifies the whole
// record when the test is done.
package dbtest

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"example.org/countersign/internal/blob"
	"example.org/countersign/internal/clock"
	"example.org/countersign/internal/db"
	"example.org/countersign/internal/keyring"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/pgtest"
)

// Env is one installation: a ledger and what it stands on.
type Env struct {
	*ledger.Ledger
	DB    *db.DB
	Keys  *keyring.Keyring
	Blobs *blob.Store
	Clock *clock.Set // stands at Start until it is moved
	Dir   string
	DSN   string

	// Spoilt is set by tests that damage the record on purpose: it is not
	// verified afterwards.
	Spoilt bool
}

// Start is where the clock of every Env stands at first: a Tuesday, 09:30 UTC.
var Start = time.Date(2026, 9, 15, 9, 30, 0, 0, time.UTC)

// Each runs f once per database with an empty ledger of these record kinds.
// setup, which may be nil, makes what is not in the migrations. Afterwards the
// ledger is verified in full.
func Each(t *testing.T, kinds []ledger.Records, setup func(*db.DB) error, f func(t *testing.T, e *Env)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		dir := t.TempDir()
		run(t, dir, filepath.Join(dir, "countersign.db"), kinds, setup, f)
	})
	t.Run("postgres", func(t *testing.T) {
		run(t, t.TempDir(), pgtest.DSN(t), kinds, setup, f)
	})
}

func run(t *testing.T, dir, dsn string, kinds []ledger.Records, setup func(*db.DB) error, f func(t *testing.T, e *Env)) {
	t.Helper()
	e := Open(t, dir, dsn, kinds, setup)
	f(t, e)
	if e.Spoilt || t.Failed() {
		return
	}
	if _, err := e.Verify(context.Background(), ledger.Options{Full: true}); err != nil {
		t.Errorf("the record does not verify after the test: %v", err)
	}
}

// Open opens an installation in dir on dsn; it is closed when the test ends.
func Open(t testing.TB, dir, dsn string, kinds []ledger.Records, setup func(*db.DB) error) *Env {
	t.Helper()
	e := &Env{Clock: clock.NewSet(Start), Dir: dir, DSN: dsn}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	var err error
	ctx := context.Background()
	e.DB, err = db.Open(ctx, dsn)
	must(err)
	t.Cleanup(func() { e.DB.Close() })
	must(e.DB.Migrate(ctx))
	if setup != nil {
		must(setup(e.DB))
	}
	e.Keys, err = keyring.Open(ctx, filepath.Join(dir, "keys"))
	must(err)
	t.Cleanup(func() { e.Keys.Close() })
	e.Blobs, err = blob.Open(filepath.Join(dir, "blobs"), e.Keys)
	must(err)
	e.Ledger, err = ledger.Open(ctx, e.DB, e.Keys, e.Blobs, e.Clock.Now, kinds...)
	must(err)
	t.Cleanup(e.Ledger.Close)
	return e
}
