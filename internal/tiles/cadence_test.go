package tiles_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"example.org/countersign/internal/db"
	"example.org/countersign/internal/dbtest"
	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/jobs"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/people"
	"example.org/countersign/internal/tiles"
)

func (h *house) cadence(l *ledger.Ledger, every time.Duration) *tiles.Cadence {
	h.t.Helper()
	c, err := tiles.NewCadence(l, every, nil)
	h.must(err)
	return c
}

// publishes publishes by one of several cadences, and says whether that did.
func (h *house) publishes(c *tiles.Cadence) bool {
	h.t.Helper()
	done, err := c.Publish(h.t.Context())
	h.must(err)
	return done
}

func (h *house) published() int64 {
	h.t.Helper()
	cp, err := h.Published(h.t.Context())
	h.must(err)
	return cp.Size
}

// TestCadence: a checkpoint at the start, then one at each tick of the clock,
// whatever is done between.
func TestCadence(t *testing.T) {
	each(t, func(h *house) {
		c := h.cadence(h.Ledger, 5*time.Minute)
		h.Clock.Set(dbtest.Start.Add(2*time.Minute + 17*time.Second))
		if !h.publishes(c) || h.published() != 0 {
			t.Error("nothing was published at the start")
		}
		h.act(3)
		for _, at := range []time.Duration{2*time.Minute + 18*time.Second, 4*time.Minute + 59*time.Second + 999*time.Millisecond} {
			h.Clock.Set(dbtest.Start.Add(at))
			if h.publishes(c) || h.published() != 0 {
				t.Errorf("published at %v, before the tick", at)
			}
		}
		h.Clock.Set(dbtest.Start.Add(5 * time.Minute))
		if !h.publishes(c) || h.published() != 3 {
			t.Errorf("at the tick: %d entries are published", h.published())
		}
		again := h.cadence(h.Ledger, 5*time.Minute) // a restart
		h.act(1)
		if h.publishes(again) || h.published() != 3 {
			t.Error("a restart publishes between ticks")
		}
		h.Clock.Set(dbtest.Start.Add(10*time.Minute + time.Second))
		if !h.publishes(again) || h.publishes(c) || h.published() != 4 {
			t.Errorf("at the next tick: %d entries are published", h.published())
		}
	})
}

// TestNodes has nodes on one database publish at the same moment: one does.
func TestNodes(t *testing.T) {
	each(t, func(h *house) {
		nodes := []*tiles.Cadence{h.cadence(h.Ledger, time.Minute), h.cadence(node(t, h.Env), time.Minute), h.cadence(node(t, h.Env), time.Minute)}
		for range 20 {
			h.Clock.Advance(time.Minute)
			var ready, group sync.WaitGroup
			var n atomic.Int64
			ready.Add(len(nodes))
			for _, c := range nodes {
				group.Go(func() {
					ready.Done()
					ready.Wait()
					done, err := c.Publish(context.WithoutCancel(t.Context()))
					if err != nil {
						t.Error(err)
					}
					if done {
						n.Add(1)
					}
				})
			}
			group.Wait()
			if n.Load() != 1 {
				t.Fatalf("published %d times at one tick", n.Load())
			}
		}
	})
}

// node opens another node of an installation, where the database has several.
func node(t *testing.T, e *dbtest.Env) *ledger.Ledger {
	t.Helper()
	if e.DB.Dialect == db.SQLite {
		return e.Ledger
	}
	d, err := db.Open(t.Context(), e.DSN)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	l, err := ledger.Open(t.Context(), d, e.Keys, e.Blobs, e.Clock.Now, append(jobs.Records(), people.Records()...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

// TestWrongClock: a tick far ahead, of a clock that was wrong, stops nothing.
func TestWrongClock(t *testing.T) {
	each(t, func(h *house) {
		c := h.cadence(h.Ledger, time.Minute)
		h.Clock.Advance(24 * 365 * time.Hour)
		if !h.publishes(c) {
			t.Error("not published under the wrong clock")
		}
		h.Clock.Set(dbtest.Start)
		if !h.publishes(c) {
			t.Error("not published under the right clock")
		}
		behind := h.cadence(h.Ledger, time.Minute) // a node whose clock is a little late
		h.Clock.Advance(-time.Second)
		if h.publishes(behind) {
			t.Error("a node that is late publishes what was published")
		}
	})
}

// TestFailedPublication is made up for within its tick.
func TestFailedPublication(t *testing.T) {
	each(t, func(h *house) {
		c := h.cadence(h.Ledger, time.Minute)
		h.publishes(c)
		h.act(2)
		h.Clock.Advance(time.Minute)
		w, err := h.DB.Writer(t.Context())
		h.must(err)
		_, err = w.Exec(`ALTER TABLE ledger_published RENAME TO elsewhere`)
		w.Release()
		h.must(err)
		if done, err := c.Publish(t.Context()); err == nil || done {
			t.Errorf("published %v, %v", done, err)
		}
		w, err = h.DB.Writer(t.Context())
		h.must(err)
		_, err = w.Exec(`ALTER TABLE elsewhere RENAME TO ledger_published`)
		w.Release()
		h.must(err)
		if !h.publishes(c) || h.published() != 2 {
			t.Error("not made up for")
		}
	})
}

// TestHalted: nothing is published while sealing has stopped, and what is
// published after that bears the new name of the log.
func TestHalted(t *testing.T) {
	each(t, func(h *house) {
		c := h.cadence(h.Ledger, time.Minute)
		h.act(2)
		h.publishes(c)
		h.must(h.Halt(t.Context(), "set back"))
		h.Clock.Advance(time.Minute)
		if _, err := c.Publish(t.Context()); err == nil || h.published() != 2 {
			t.Errorf("%v, %d entries are published", err, h.published())
		}
		before := h.Origin()
		h.must(h.Resume(t.Context(), ledger.System, func(context.Context, *ledger.Tx) error { return nil }))
		if w := get(h.open, "/ledger/checkpoint"); w.Code != http.StatusNotFound {
			t.Errorf("before the next publication: %d %s", w.Code, w.Body)
		}
		h.Clock.Advance(time.Minute)
		if !h.publishes(c) || h.Origin() == before {
			t.Error("nothing is published under the new name")
		}
		if w := get(h.open, "/ledger/checkpoint"); !strings.HasPrefix(w.Body.String(), h.Origin()+"\n2\n") {
			t.Errorf("published %s", w.Body)
		}
	})
}

// TestRun: what runs publishes at once, and ends.
func TestRun(t *testing.T) {
	each(t, func(h *house) {
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		h.act(1)
		go func() { h.cadence(h.Ledger, time.Hour).Run(ctx); close(done) }()
		for {
			if cp, err := h.Published(t.Context()); err == nil && cp.Size == 1 {
				break
			}
			time.Sleep(time.Millisecond)
		}
		stop()
		<-done
	})
}

func TestBounds(t *testing.T) {
	if err := tiles.CheckEvery(0); err == nil {
		t.Error("no time at all is taken for one")
	}
	for every, ok := range map[time.Duration]bool{0: true, time.Second: true, 24 * time.Hour: true, 7 * time.Minute: true,
		time.Second - 1: false, -time.Minute: false, 24*time.Hour + 1: false} {
		_, err := tiles.NewCadence(nil, every, nil)
		if kind, _ := fault.Of(err); (err == nil) != ok || err != nil && kind != fault.Invalid {
			t.Errorf("every %v: %v", every, err)
		}
	}
}
