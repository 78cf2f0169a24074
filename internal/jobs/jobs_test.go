package jobs_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"example.org/countersign/internal/db"
	"example.org/countersign/internal/dbtest"
	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/jobs"
	"example.org/countersign/internal/ledger"
)

var ann = ledger.Actor{ID: "ann", Role: "lead"}

func each(t *testing.T, f func(t *testing.T, e *dbtest.Env)) {
	t.Helper()
	dbtest.Each(t, jobs.Records(), nil, f)
}

// desk notes what was done.
type desk struct {
	mu   sync.Mutex
	done []string
}

func (d *desk) note(s string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.done = append(d.done, s)
}

func (d *desk) sorted() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return strings.Join(slices.Sorted(slices.Values(d.done)), " ")
}

func (d *desk) count(s string) (n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, x := range d.done {
		if x == s {
			n++
		}
	}
	return n
}

// handle does jobs by noting them.
func (d *desk) handle(_ context.Context, j jobs.Job) error {
	d.note(fmt.Sprintf("%s:%d", j.Key, j.Attempt))
	return nil
}

func runner(l *ledger.Ledger, h jobs.Handler) *jobs.Runner {
	return jobs.New(l, map[string]jobs.Handler{"a": h}, nil)
}

func enqueue(t *testing.T, e *dbtest.Env, kind string, at time.Time, keys ...string) {
	t.Helper()
	if err := e.Write(t.Context(), ann, func(_ context.Context, tx *ledger.Tx) error {
		for _, k := range keys {
			if err := jobs.Enqueue(tx, kind, k, at); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

func again(t *testing.T, e *dbtest.Env, key string) {
	t.Helper()
	if err := e.Write(t.Context(), ann, func(_ context.Context, tx *ledger.Tx) error {
		return jobs.Again(tx, "a", key, time.Time{})
	}); err != nil {
		t.Fatal(err)
	}
}

// run runs what is due and fails the test where the number of attempts is
// another.
func run(t *testing.T, r *jobs.Runner, want int) {
	t.Helper()
	n, err := r.RunDue(t.Context())
	if err != nil || n != want {
		t.Fatalf("%d attempts, %v; want %d", n, err, want)
	}
}

func waiting(t *testing.T, r *jobs.Runner) []jobs.Waiting {
	t.Helper()
	w, err := r.Waiting(t.Context(), 100)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func dead(t *testing.T, r *jobs.Runner) []*jobs.Dead {
	t.Helper()
	d, err := r.Dead(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func is(err error, k fault.Kind) bool {
	got, _ := fault.Of(err)
	return err != nil && got == k
}

func TestOnce(t *testing.T) {
	each(t, func(t *testing.T, e *dbtest.Env) {
		var d desk
		r := runner(e.Ledger, d.handle)
		enqueue(t, e, "a", time.Time{}, "x", "y", "x")
		enqueue(t, e, "a", time.Time{}, "x")
		enqueue(t, e, "a", dbtest.Start.Add(time.Hour), "later")
		enqueue(t, e, "unknown", time.Time{}, "x")
		refused := errors.New("refused")
		if err := e.Write(t.Context(), ann, func(_ context.Context, tx *ledger.Tx) error {
			return errors.Join(jobs.Enqueue(tx, "a", "never", time.Time{}), refused)
		}); !errors.Is(err, refused) {
			t.Fatal(err)
		}
		run(t, r, 2)
		enqueue(t, e, "a", time.Time{}, "x") // is done
		run(t, r, 0)
		e.Clock.Advance(time.Hour)
		run(t, r, 1)
		if got := d.sorted(); got != "later:1 x:1 y:1" {
			t.Errorf("did %s", got)
		}
		again(t, e, "x")
		again(t, e, "new")
		run(t, r, 2)
		if got := d.sorted(); got != "later:1 new:1 x:1 x:1 y:1" {
			t.Errorf("did %s after Again", got)
		}
		if w := waiting(t, r); len(w) != 1 || w[0].Kind != "unknown" || w[0].Running || !w[0].At.Equal(dbtest.Start) {
			t.Errorf("waiting: %+v; want the one that has no handler", w)
		}
	})
}

// TestChain runs jobs that make jobs, and many of them.
func TestChain(t *testing.T) {
	each(t, func(t *testing.T, e *dbtest.Env) {
		var d desk
		r := jobs.New(e.Ledger, map[string]jobs.Handler{
			"a": func(ctx context.Context, j jobs.Job) error {
				return e.Write(ctx, ledger.System, func(_ context.Context, tx *ledger.Tx) error {
					return jobs.Enqueue(tx, "b", j.Key, time.Time{})
				})
			},
			"b": d.handle,
		}, nil)
		var keys []string
		for i := range 100 {
			keys = append(keys, fmt.Sprintf("k%03d", i))
		}
		enqueue(t, e, "a", time.Time{}, keys...)
		run(t, r, 200)
		if want := strings.Join(keys, ":1 ") + ":1"; d.sorted() != want {
			t.Errorf("did %s", d.sorted())
		}
	})
}

func TestFailures(t *testing.T) {
	boom := errors.New("450 4.2.0 <bob@example.com>: not now")
	tests := []struct {
		name     string
		fail     func() error
		attempts int // until it is given up
		error    string
	}{
		{"error", func() error { return boom }, jobs.MaxAttempts, "450 4.2.0 <(address)>: not now"},
		{"panic", func() error { panic("oh dear") }, jobs.MaxAttempts, "panic: oh dear"},
		{"goexit", func() error { runtime.Goexit(); return nil }, jobs.MaxAttempts, "the handler ended its goroutine"},
		{"permanent", func() error { return fmt.Errorf("send: %w", jobs.Permanent(boom)) }, 1, "send: 450 4.2.0 <(address)>: not now"},
	}
	each(t, func(t *testing.T, e *dbtest.Env) {
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) { testFailure(t, e, tt.name, tt.fail, tt.attempts, tt.error) })
		}
	})
}

// testFailure has a job fail until it is given up, and then succeed.
func testFailure(t *testing.T, e *dbtest.Env, key string, fail func() error, attempts int, text string) {
	var d desk
	healed := false
	r := runner(e.Ledger, func(ctx context.Context, j jobs.Job) error {
		d.handle(ctx, j)
		if j.Key != key || healed {
			return nil
		}
		return fail()
	})
	enqueue(t, e, "a", time.Time{}, "good before "+key, key)
	run(t, r, 2)
	for n := 2; n <= attempts; n++ {
		w := waiting(t, r)
		if len(w) != 1 || w[0].Key != key || w[0].Attempt != n-1 || w[0].Error != text || w[0].Running {
			t.Fatalf("waiting before attempt %d: %+v", n, w)
		}
		e.Clock.Set(w[0].At.Add(-time.Microsecond))
		run(t, r, 0)
		e.Clock.Set(w[0].At)
		run(t, r, 1)
	}
	letters := dead(t, r)
	if len(letters) != 1 || len(waiting(t, r)) != 0 {
		t.Fatalf("%d dead letters, waiting %+v", len(letters), waiting(t, r))
	}
	if x := letters[0]; x.Kind != "a" || x.Key != key || x.Attempts != attempts || x.Error != text || x.State != jobs.Open {
		t.Errorf("dead letter %+v", x)
	}
	e.Clock.Advance(48 * time.Hour)
	run(t, r, 0)

	healed = true
	if err := r.Retry(t.Context(), ann, letters[0].ID); err != nil {
		t.Fatal(err)
	}
	run(t, r, 1)
	// There were two first attempts: the job has all its attempts again.
	if len(dead(t, r)) != 0 || d.count(key+":1") != 2 {
		t.Errorf("dead %v, did %s", dead(t, r), d.sorted())
	}
	if err := r.Retry(t.Context(), ann, letters[0].ID); !is(err, fault.Conflict) {
		t.Errorf("second Retry: %v, want Conflict", err)
	}
}

func TestDismiss(t *testing.T) {
	each(t, func(t *testing.T, e *dbtest.Env) {
		r := runner(e.Ledger, func(context.Context, jobs.Job) error { return jobs.Permanent(errors.New("no")) })
		enqueue(t, e, "a", time.Time{}, "x")
		run(t, r, 1)
		letter := dead(t, r)[0]
		if err := r.Dismiss(t.Context(), ann, letter.ID, ""); !is(err, fault.Invalid) {
			t.Errorf("without a reason: %v, want Invalid", err)
		}
		if err := r.Dismiss(t.Context(), ann, "nothing", "why not"); !is(err, fault.NotFound) {
			t.Errorf("unknown: %v, want NotFound", err)
		}
		if err := r.Dismiss(t.Context(), ann, letter.ID, "told them by phone"); err != nil {
			t.Fatal(err)
		}
		x, err := jobs.DeadLetters.Load(t.Context(), e, letter.ID)
		if err != nil || x.State != jobs.Dismissed || x.ClosedBy != "ann" || x.Reason != "told them by phone" || len(dead(t, r)) != 0 {
			t.Errorf("%+v, %v", x, err)
		}
		if err := r.Retry(t.Context(), ann, letter.ID); !is(err, fault.Conflict) {
			t.Errorf("Retry after Dismiss: %v, want Conflict", err)
		}
		run(t, r, 0)
	})
}

// node opens another node of the same installation, where the database has
// several; otherwise the one there is.
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
	l, err := ledger.Open(t.Context(), d, e.Keys, e.Blobs, e.Clock.Now, jobs.Records()...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

// TestRunnersShare has several runners at one queue, while it is filled.
func TestRunnersShare(t *testing.T) {
	each(t, func(t *testing.T, e *dbtest.Env) {
		var d desk
		ctx, stop := context.WithCancel(t.Context())
		var group sync.WaitGroup
		runners := []*jobs.Runner{runner(e.Ledger, d.handle), runner(node(t, e), d.handle), runner(node(t, e), d.handle)}
		for _, r := range runners {
			group.Go(func() { r.Run(ctx) })
		}
		var want []string
		for i := range 20 {
			var keys []string
			for j := range 10 {
				keys = append(keys, fmt.Sprintf("k%02d%d", i, j))
				want = append(want, fmt.Sprintf("k%02d%d:1", i, j))
			}
			enqueue(t, e, "a", time.Time{}, keys...)
			for _, r := range runners {
				r.Kick()
			}
		}
		for len(waiting(t, runners[0])) > 0 {
			runtime.Gosched()
		}
		stop()
		group.Wait()
		if got := d.sorted(); got != strings.Join(want, " ") {
			t.Errorf("did %s", got)
		}
	})
}

// TestDeath has a runner die between claim and done.
func TestDeath(t *testing.T) {
	each(t, func(t *testing.T, e *dbtest.Env) {
		var d desk
		begun, die := make(chan struct{}), make(chan struct{})
		var once sync.Once
		first := runner(e.Ledger, func(ctx context.Context, j jobs.Job) error {
			d.handle(ctx, j)
			once.Do(func() {
				close(begun)
				<-die // as good as dead: its lease is not extended while this test runs
			})
			return nil
		})
		second := runner(node(t, e), d.handle)
		enqueue(t, e, "a", time.Time{}, "x")
		var group sync.WaitGroup
		group.Go(func() { first.RunDue(t.Context()) })
		<-begun
		if w := waiting(t, second); len(w) != 1 || !w[0].Running || w[0].Attempt != 1 {
			t.Errorf("while it runs: %+v", w)
		}
		e.Clock.Advance(29 * time.Second)
		run(t, second, 0)
		e.Clock.Advance(time.Second)
		run(t, second, 1)
		again(t, e, "x") // open once more: the late end of the first attempt must not close it
		close(die)
		group.Wait() // did that as well
		if got := d.sorted(); got != "x:1 x:1 x:2" {
			t.Errorf("did %s", got)
		}
	})
}

// TestCrashes has the program die each time, which must not go on for ever.
func TestCrashes(t *testing.T) {
	each(t, func(t *testing.T, e *dbtest.Env) {
		enqueue(t, e, "a", time.Time{}, "x")
		die := make(chan struct{})
		var group sync.WaitGroup
		for range jobs.MaxAttempts {
			begun := make(chan struct{})
			r := runner(e.Ledger, func(context.Context, jobs.Job) error { close(begun); <-die; return nil })
			group.Go(func() { r.RunDue(t.Context()) })
			<-begun
			e.Clock.Advance(time.Minute)
		}
		r := runner(e.Ledger, func(context.Context, jobs.Job) error { t.Error("tried once too often"); return nil })
		run(t, r, 1)
		close(die)
		group.Wait()
		if l := dead(t, r); len(l) != 1 || !strings.Contains(l[0].Error, "program ended") {
			t.Errorf("dead letters: %+v", l)
		}
	})
}

// TestLeaseIsExtended has a job last longer than a lease.
func TestLeaseIsExtended(t *testing.T) {
	each(t, func(t *testing.T, e *dbtest.Env) {
		begun, finish := make(chan struct{}), make(chan struct{})
		first := runner(e.Ledger, func(context.Context, jobs.Job) error { close(begun); <-finish; return nil })
		first.SetBeat(20 * time.Millisecond)
		second := runner(node(t, e), func(context.Context, jobs.Job) error { t.Error("taken over"); return nil })
		enqueue(t, e, "a", time.Time{}, "x")
		var group sync.WaitGroup
		group.Go(func() { first.RunDue(t.Context()) })
		<-begun
		for range 5 {
			now := e.Clock.Advance(29 * time.Second)
			for !waiting(t, second)[0].At.Equal(now.Add(30 * time.Second)) { // until it is extended
				runtime.Gosched()
			}
			run(t, second, 0)
		}
		close(finish)
		group.Wait()
		if w := waiting(t, second); len(w) != 0 {
			t.Errorf("still waiting: %+v", w)
		}
	})
}

// TestLeaseIsLost has the database go away while a job runs: the handler is
// stopped before somebody else begins.
func TestLeaseIsLost(t *testing.T) {
	each(t, func(t *testing.T, e *dbtest.Env) {
		var d desk
		l := node(t, e)
		begun := make(chan struct{})
		r := runner(l, func(ctx context.Context, j jobs.Job) error {
			close(begun)
			<-ctx.Done()
			return d.handle(ctx, j)
		})
		r.SetBeat(time.Millisecond)
		enqueue(t, e, "a", time.Time{}, "x")
		var group sync.WaitGroup
		group.Go(func() {
			if _, err := r.RunDue(t.Context()); err == nil {
				t.Error("RunDue: no error")
			}
		})
		<-begun
		l.Close()
		e.Clock.Advance(30*time.Second - time.Millisecond)
		group.Wait()
		if got := d.sorted(); got != "x:1" {
			t.Errorf("did %s", got)
		}
	})
}

// TestStop ends the program while a job runs: it is as if it had not begun.
func TestStop(t *testing.T) {
	each(t, func(t *testing.T, e *dbtest.Env) {
		var d desk
		ctx, stop := context.WithCancel(t.Context())
		r := runner(e.Ledger, func(ctx context.Context, j jobs.Job) error {
			stop()
			<-ctx.Done()
			return ctx.Err()
		})
		enqueue(t, e, "a", time.Time{}, "x")
		r.Run(ctx)
		w := waiting(t, r)
		if len(w) != 1 || w[0].Attempt != 0 || w[0].Running || w[0].Error != "" || !w[0].At.Equal(e.Now()) {
			t.Errorf("after the stop: %+v", w)
		}
		run(t, runner(e.Ledger, d.handle), 1)
		if _, err := r.RunDue(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("RunDue of an ended context: %v", err)
		}
	})
}

// TestAgainWhileRunning asks for a job while it is done with what it knew.
func TestAgainWhileRunning(t *testing.T) {
	each(t, func(t *testing.T, e *dbtest.Env) {
		var d desk
		var once sync.Once
		r := runner(e.Ledger, func(ctx context.Context, j jobs.Job) error {
			once.Do(func() { again(t, e, "x") })
			return d.handle(ctx, j)
		})
		enqueue(t, e, "a", time.Time{}, "x")
		run(t, r, 2)
		if got := d.sorted(); got != "x:1 x:1" {
			t.Errorf("did %s", got)
		}
	})
}

// TestFairness has a backlog of one kind not hold up another.
func TestFairness(t *testing.T) {
	each(t, func(t *testing.T, e *dbtest.Env) {
		var d desk
		held := make(chan struct{})
		slow := func(ctx context.Context, j jobs.Job) error { <-held; return nil }
		r := jobs.New(e.Ledger, map[string]jobs.Handler{"a": slow, "b": func(ctx context.Context, j jobs.Job) error {
			close(held)
			return d.handle(ctx, j)
		}}, nil)
		var keys []string
		for i := range 40 {
			keys = append(keys, fmt.Sprint(i))
		}
		enqueue(t, e, "a", time.Time{}, keys...)
		enqueue(t, e, "b", time.Time{}, "x")
		run(t, r, 41)
	})
}

func TestBackoff(t *testing.T) {
	for attempt := 1; attempt <= 100; attempt++ {
		short, long := jobs.Backoff(attempt, 0), jobs.Backoff(attempt, 1)
		if short < 8*time.Second || long > 72*time.Minute || short >= long {
			t.Errorf("attempt %d: from %v to %v", attempt, short, long)
		}
		if attempt < 9 && jobs.Backoff(attempt+1, 0) < 2*short {
			t.Errorf("attempt %d: does not wait twice as long as the one before", attempt+1)
		}
	}
}

func TestRedact(t *testing.T) {
	for in, want := range map[string]string{
		"550 5.1.1 <bob@example.com>: unknown":   "550 5.1.1 <(address)>: unknown",
		"to bob@example.com,ann@example.com: no": "to (address),(address): no",
		"bad\x00 bytes \xff":                     "bad bytes ",
		"name \"b o\"@x":                         "name \"b o\"@x",
		strings.Repeat("x", 600):                 strings.Repeat("x", 500),
	} {
		if got := jobs.Redact(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}

func BenchmarkRunDue(b *testing.B) {
	e := dbtest.Open(b, b.TempDir(), b.TempDir()+"/bench.db", jobs.Records(), nil)
	r := runner(e.Ledger, func(context.Context, jobs.Job) error { return nil })
	for i := 0; i < b.N; i += 100 {
		if err := e.Write(b.Context(), ann, func(_ context.Context, tx *ledger.Tx) error {
			for k := range 100 {
				if err := jobs.Enqueue(tx, "a", fmt.Sprint(i+k), time.Time{}); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			b.Fatal(err)
		}
	}
	b.ResetTimer()
	if n, err := r.RunDue(b.Context()); err != nil || n < b.N {
		b.Fatal(n, err)
	}
}
