package board_test

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"

	"example.org/countersign/internal/board"
	"example.org/countersign/internal/dbtest"
	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/response"
	"example.org/countersign/internal/rules"
)

var actor = ledger.Actor{ID: "ann", Role: "analyst"}

func each(t *testing.T, f func(t *testing.T, e *dbtest.Env, b *board.Board)) {
	t.Helper()
	dbtest.Each(t, slices.Concat(intake.Records(), response.Records()), nil, func(t *testing.T, e *dbtest.Env) {
		f(t, e, board.New(e.Ledger))
	})
}

// fill puts n cases of many kinds.
func fill(t *testing.T, e *dbtest.Env, n int) {
	t.Helper()
	if err := e.Write(t.Context(), actor, func(_ context.Context, tx *ledger.Tx) error {
		for i := range n {
			at := dbtest.Start.Add(time.Duration(i/2) * time.Minute).UnixMicro() // pairs at one instant
			c := &intake.Case{Number: fmt.Sprintf("C-2026-%06d", i+1), Subject: "x", State: []intake.State{intake.Open, intake.Open, intake.Answered, intake.Closed}[i%4],
				Severity: []rules.Severity{"", rules.Low, rules.Moderate, rules.High, rules.Critical}[i%5], ReceivedAt: at, LastAt: at, UpdatedAt: at}
			if i%3 == 0 {
				c.DueAt = at + int64(i%7)*int64(time.Hour/time.Microsecond)
			}
			if i%11 == 0 {
				c.Disposition = rules.Spam
			}
			if i%2 == 0 {
				c.Assignee = "ann"
			}
			if err := intake.Cases.Put(tx, c, ledger.Do("opened", "CC2.3")); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// Pages of every order together are all the cases that the filter picks, each
// once, in order.
func TestQueuePages(t *testing.T) {
	each(t, func(t *testing.T, e *dbtest.Env, b *board.Board) {
		fill(t, e, 120)
		e.Clock.Advance(3 * time.Hour)
		for _, query := range []string{"", "sort=newest", "sort=severity", "sort=due&state=all", "state=all&disposition=any&sort=newest",
			"state=answered&sort=severity", "severity=critical", "severity=none&state=all", "assignee=none", "assignee=ann&sort=newest", "disposition=spam&state=all", "overdue=1"} {
			values, _ := url.ParseQuery(query)
			f, err := board.ParseFilter(values)
			if err != nil {
				t.Fatal(err)
			}
			whole, err := b.Queue(t.Context(), f, 1000)
			if err != nil {
				t.Fatalf("%s: %v", query, err)
			}
			if len(whole.Cases) == 0 || whole.Total != len(whole.Cases) || whole.Next != "" {
				t.Fatalf("%s: %d cases, total %d, next %q", query, len(whole.Cases), whole.Total, whole.Next)
			}
			var paged []string
			for f.After, err = "", nil; ; {
				page, err := b.Queue(t.Context(), f, 7)
				if err != nil {
					t.Fatalf("%s after %s: %v", query, f.After, err)
				}
				for _, c := range page.Cases {
					paged = append(paged, c.Number)
				}
				if page.Next == "" {
					break
				}
				values.Set("after", page.Next)
				if f, err = board.ParseFilter(values); err != nil {
					t.Fatal(err)
				}
			}
			var want []string
			for _, c := range whole.Cases {
				want = append(want, c.Number)
			}
			if !slices.Equal(paged, want) {
				t.Errorf("%s: pages give %d cases, the whole list %d, or in another order", query, len(paged), len(want))
			}
		}
	})
}

func TestCounts(t *testing.T) {
	each(t, func(t *testing.T, e *dbtest.Env, b *board.Board) {
		if c, err := b.Counts(t.Context()); err != nil || *c != (board.Counts{}) {
			t.Fatalf("of an empty record: %+v, %v", c, err)
		}
		fill(t, e, 120)
		c, err := b.Counts(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for query, want := range map[string]int64{"": c.Open, "state=answered": c.Answered, "state=closed": c.Closed, "disposition=spam&state=all": c.Spam, "assignee=none": c.Unassigned} {
			values, _ := url.ParseQuery(query)
			f, _ := board.ParseFilter(values)
			q, err := b.Queue(t.Context(), f, 1)
			if err != nil || int64(q.Total) != want || want == 0 {
				t.Errorf("%q: the list has %d, the count says %d, %v", query, q.Total, want, err)
			}
		}
	})
}

// A board follows what others write while it reads.
func TestFollows(t *testing.T) {
	each(t, func(t *testing.T, e *dbtest.Env, b *board.Board) {
		b.SetStride(7)
		fill(t, e, 60)
		var cases []*intake.Case
		if q, err := b.Queue(t.Context(), board.Filter{State: "all", Disposition: "any"}, 100); err != nil || len(q.Cases) != 60 {
			t.Fatalf("%+v, %v", q, err)
		} else {
			cases = q.Cases
		}
		var wg sync.WaitGroup
		for i := range 4 {
			wg.Go(func() {
				for j, c := range cases[i*10 : i*10+10] {
					if err := e.Write(t.Context(), actor, func(_ context.Context, tx *ledger.Tx) error {
						c.State, c.Assignee, c.Severity = intake.Closed, fmt.Sprint("p", j), rules.Critical
						return intake.Cases.Put(tx, c, ledger.Do("closed", "CC7.4"))
					}); err != nil {
						t.Error(err)
					}
				}
			})
			wg.Go(func() {
				for range 10 {
					if _, err := b.Count(t.Context(), board.Filter{}); err != nil {
						t.Error(err)
					}
					if _, err := b.Queue(t.Context(), board.Filter{Sort: board.ByNewest}, 5); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		fresh := board.New(e.Ledger)
		for _, f := range []board.Filter{{}, {State: "closed"}, {State: "all", Severity: "critical"}, {State: "all", Assignee: "p3", Disposition: "any"}, {State: "all", Category: "none"}, {Assignee: "nobody here"}} {
			got, err := b.Queue(t.Context(), f, 100)
			if err != nil {
				t.Fatal(err)
			}
			want, err := fresh.Queue(t.Context(), f, 100)
			if err != nil {
				t.Fatal(err)
			}
			if got.Total != want.Total || !slices.EqualFunc(got.Cases, want.Cases, func(x, y *intake.Case) bool { return x.ID == y.ID && x.Entry == y.Entry }) {
				t.Errorf("%+v: %d cases, one that began later has %d", f, got.Total, want.Total)
			}
		}
		if n, err := b.Count(t.Context(), board.Filter{State: "all", Assignee: "p3", Disposition: "any"}); err != nil || n[0] != 4 {
			t.Errorf("%v, %v", n, err)
		}
	})
}

func TestFilter(t *testing.T) {
	for _, bad := range []string{"state=gone", "severity=huge", "sort=random", "waiting=both", "disposition=x", "number=12", "after=1.2", "after=x.y.z"} {
		values, _ := url.ParseQuery(bad)
		if _, err := board.ParseFilter(values); err == nil {
			t.Errorf("%s is accepted", bad)
		} else if kind, _ := fault.Of(err); kind != fault.Invalid {
			t.Errorf("%s: %v, want Invalid", bad, err)
		}
	}
	const all = "state=all&disposition=any&category=privacy&severity=high&assignee=a&channel=c&waiting=us&overdue=1&sort=newest"
	values, _ := url.ParseQuery(all)
	f, err := board.ParseFilter(values)
	if err != nil || f.Values().Encode() != values.Encode() {
		t.Errorf("%s became %s, %v", all, f.Values().Encode(), err)
	}
}
