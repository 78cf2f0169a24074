package selfcheck_test

import (
	"context"
	"fmt"
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

// TestSwitchedOff: what is done to the rows of jobs does not stop the checks.
func TestSwitchedOff(t *testing.T) {
	each(t, func(t *testing.T, e *dbtest.Env, d *selfcheck.Desk) {
		runner := jobs.New(e.Ledger, map[string]jobs.Handler{selfcheck.Job: d.Handle}, log)
		night := e.Clock.Now().UTC()
		for _, x := range []struct{ name, statement string }{
			{"set to done", `UPDATE job SET state = 'done' WHERE key >= $1`},
			{"inserted as done", `INSERT INTO job (kind, key, state, at, holder, attempt, error) VALUES ('self_check', $1, 'done', 0, '', 1, '') ON CONFLICT (kind, key) DO UPDATE SET state = 'done'`},
			{"given up", `UPDATE job SET state = 'dead' WHERE key >= $1`},
			{"put off", `UPDATE job SET at = 32503680000000000 WHERE key >= $1`},
			{"deleted", `DELETE FROM job WHERE key >= $1`},
		} {
			if err := d.Schedule(t.Context()); err != nil {
				t.Fatal(err)
			}
			night = night.AddDate(0, 0, 1)
			if err := e.Write(t.Context(), ledger.System, func(_ context.Context, tx *ledger.Tx) error {
				n, err := tx.Work(x.statement, night.Format(time.DateOnly))
				if err == nil && n != 1 {
					err = fmt.Errorf("%d jobs", n)
				}
				return err
			}); err != nil {
				t.Fatalf("%s: %v", x.name, err)
			}
			if err := d.Schedule(t.Context()); err != nil {
				t.Fatal(err)
			}
			e.Clock.Advance(24 * time.Hour)
			if n, err := runner.RunDue(t.Context()); n != 1 || err != nil {
				t.Errorf("%s: %d checks ran, %v", x.name, n, err)
			}
		}
	})
}

// TestStanding: a check is late by the record, whoever was started when.
func TestStanding(t *testing.T) {
	each(t, func(t *testing.T, e *dbtest.Env, d *selfcheck.Desk) {
		if s, err := d.Standing(t.Context()); err != nil || s.Latest != nil || s.Late {
			t.Errorf("of an empty record: %+v, %v", s, err)
		}
		began := e.Clock.Now()
		if err := e.Write(t.Context(), ledger.System, func(_ context.Context, tx *ledger.Tx) error {
			return jobs.DeadLetters.Put(tx, &jobs.Dead{Kind: "x", Key: "y", State: jobs.Open}, ledger.Do("raised", "CC7.2"))
		}); err != nil {
			t.Fatal(err)
		}
		want := func(what string, since time.Time, late bool) {
			t.Helper()
			s, err := selfcheck.New(e.Ledger, log).Standing(t.Context())
			if err != nil || !s.Since.Equal(since) || s.Late != late {
				t.Errorf("%s: %+v, %v; want since %v, late %v", what, s, err, since, late)
			}
		}
		e.Clock.Advance(selfcheck.LateAfter)
		want("before the first", began, false)
		e.Clock.Advance(time.Second)
		want("without a first", began, true)
		checked := e.Clock.Now()
		if _, err := d.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		want("after a check", checked, false)
		e.Clock.Advance(24 * time.Hour)
		want("a night later", checked, false)
		e.Clock.Advance(12*time.Hour + time.Second)
		want("a night was left out", checked, true)
	})
}

// TestAlarm: what is to be told begins with the first check that found
// something, and ends with one that did not.
func TestAlarm(t *testing.T) {
	each(t, func(t *testing.T, e *dbtest.Env, d *selfcheck.Desk) {
		var kept []string
		want := []int{-1, 1, 1, 1, -1, -1, 6, 6} // which of those kept, after each
		for i, o := range []selfcheck.Outcome{selfcheck.Intact, selfcheck.Altered, selfcheck.Altered, selfcheck.Altered, selfcheck.Intact, selfcheck.Intact, selfcheck.Altered, selfcheck.Altered} {
			e.Clock.Advance(24 * time.Hour)
			c := &selfcheck.Check{At: e.Clock.Now().UnixMicro(), Outcome: o}
			if err := e.Write(t.Context(), ledger.System, func(_ context.Context, tx *ledger.Tx) error {
				return selfcheck.Checks.Put(tx, c, ledger.Do(string(o), "CC4.1"))
			}); err != nil {
				t.Fatal(err)
			}
			kept = append(kept, c.ID)
			first, err := d.Alarm(t.Context())
			if err != nil || (first == nil) != (want[i] < 0) || first != nil && first.ID != kept[want[i]] {
				t.Errorf("after check %d, %s: %+v, %v", i, o, first, err)
			}
		}
	})
}
