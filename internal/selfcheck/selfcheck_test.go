package selfcheck_test

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"example.org/countersign/internal/db"
	"example.org/countersign/internal/dbtest"
	"example.org/countersign/internal/jobs"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/selfcheck"
)

var log = slog.New(slog.DiscardHandler)

func each(t *testing.T, f func(*testing.T, *dbtest.Env, *selfcheck.Desk)) {
	dbtest.Each(t, append(selfcheck.Records(), jobs.Records()...), nil, func(t *testing.T, e *dbtest.Env) {
		f(t, e, selfcheck.New(e.Ledger, log))
	})
}

// A check is due every night, once, however often it is scheduled.
func TestNightly(t *testing.T) {
	each(t, func(t *testing.T, e *dbtest.Env, d *selfcheck.Desk) {
		runner := jobs.New(e.Ledger, map[string]jobs.Handler{selfcheck.Job: d.Handle}, log)
		for day := range 3 {
			for range 2 {
				if err := d.Schedule(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			if n, err := runner.RunDue(t.Context()); n != 0 || err != nil {
				t.Errorf("before its time %d checks ran, %v", n, err)
			}
			e.Clock.Advance(24 * time.Hour)
			if n, err := runner.RunDue(t.Context()); n != 1 || err != nil {
				t.Errorf("night %d: %d checks ran, %v", day, n, err)
			}
		}
		all, err := d.List(t.Context(), 10)
		if err != nil || len(all) != 3 {
			t.Fatalf("%d checks are kept, %v", len(all), err)
		}
		if c := all[0]; c.Outcome != selfcheck.Intact || c.Records < 2 || c.Entries < 2 || c.Finding != "" {
			t.Errorf("newest check: %+v", c)
		}
	})
}

// What was changed behind our back is a finding that names it.
func TestFinding(t *testing.T) {
	each(t, func(t *testing.T, e *dbtest.Env, d *selfcheck.Desk) {
		e.Spoilt = true
		if c, err := d.Latest(t.Context()); c != nil || err != nil {
			t.Errorf("before the first: %v, %v", c, err)
		}
		first, err := d.Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		script := `DROP TRIGGER self_check_update; UPDATE self_check SET outcome = 'lost'`
		if e.DB.Dialect == db.Postgres {
			script = `ALTER TABLE self_check DISABLE TRIGGER ALL; UPDATE self_check SET outcome = 'lost'; ALTER TABLE self_check ENABLE TRIGGER ALL`
		}
		if err := e.DB.Script(t.Context(), script); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		c, err := d.Latest(t.Context())
		if err != nil || c.Outcome != selfcheck.Altered || !strings.Contains(c.Finding, "self_check "+first.ID+", column outcome") {
			t.Errorf("after a change: %+v, %v", c, err)
		}
		var entry ledger.Version[*selfcheck.Check]
		versions, err := selfcheck.Checks.History(t.Context(), e, c.ID)
		if err != nil || len(versions) != 1 {
			t.Fatal(err)
		}
		if entry = versions[0]; entry.Entry.Act != "self_check.altered" {
			t.Errorf("act %s", entry.Entry.Act)
		}
	})
}
