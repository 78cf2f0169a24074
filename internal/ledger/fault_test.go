package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"example.org/countersign/internal/db"
	"example.org/countersign/internal/dbtest"
	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/ledger"
)

// together runs functions in one batch: the first holds its turn until the
// others wait. It returns their outcomes; a function that never lets Write
// return has none.
func together(t *testing.T, e *dbtest.Env, ctx context.Context, faulty func(context.Context, *ledger.Tx) error) (neighbours [4]error, outcome chan error) {
	t.Helper()
	outcome = make(chan error, 1)
	var wg sync.WaitGroup
	started := make(chan struct{})
	good := func(i int, wait func()) {
		neighbours[i] = e.Write(t.Context(), ann, func(_ context.Context, tx *ledger.Tx) error {
			wait()
			return memos.Put(tx, &memo{Title: fmt.Sprint("neighbour ", i)}, ledger.Do("written"))
		})
	}
	queued := func(n int) {
		for e.Queued() < n {
			time.Sleep(100 * time.Microsecond)
		}
	}
	wg.Go(func() { good(0, func() { close(started); queued(4) }) })
	<-started
	wg.Go(func() { good(1, func() {}) })
	queued(1)
	go func() {
		defer func() {
			if recover() != nil {
				outcome <- errors.New("panicked")
			}
		}()
		outcome <- e.Write(ctx, ann, faulty)
	}()
	queued(2)
	wg.Go(func() { good(2, func() {}) })
	wg.Go(func() { good(3, func() {}) })
	wg.Wait()
	return neighbours, outcome
}

func titles(t *testing.T, e *dbtest.Env) map[string]int {
	t.Helper()
	all, err := memos.Select(t.Context(), e, "")
	if err != nil {
		t.Fatal(err)
	}
	n := map[string]int{}
	for _, m := range all {
		n[m.Title]++
	}
	return n
}

// A function that goes wrong harms nobody in its batch, and leaves nothing.
func TestFaultyFunction(t *testing.T) {
	write := func(tx *ledger.Tx) error {
		return memos.Put(tx, &memo{Title: "faulty"}, ledger.Do("written"))
	}
	refused := errors.New("refused")
	for _, tt := range []struct {
		name string
		f    func(cancel func(), ctx context.Context, tx *ledger.Tx) error
		want error // nil: any error
	}{
		{"error", func(_ func(), _ context.Context, tx *ledger.Tx) error { write(tx); return refused }, refused},
		{"panic", func(_ func(), _ context.Context, tx *ledger.Tx) error { write(tx); panic("boom") }, nil},
		{"over-long", func(_ func(), _ context.Context, tx *ledger.Tx) error {
			write(tx)
			time.Sleep(400 * time.Millisecond)
			return write(tx)
		}, ledger.ErrTooSlow},
		{"swallowed SQL error", func(_ func(), ctx context.Context, tx *ledger.Tx) error {
			write(tx)
			tx.One(ctx, `SELECT no_such_column FROM memo`, nil)
			write(tx)
			return nil
		}, nil},
		{"cancelled between statements", func(cancel func(), _ context.Context, tx *ledger.Tx) error {
			write(tx)
			cancel()
			write(tx)
			return nil
		}, context.Canceled},
		{"row function uses its Tx", func(_ func(), ctx context.Context, tx *ledger.Tx) error {
			write(tx)
			return tx.Each(ctx, func(db.Scan) error { return write(tx) }, `SELECT id FROM memo`)
		}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			each(t, func(t *testing.T, e *dbtest.Env) {
				e.SetLimit(200 * time.Millisecond)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				neighbours, outcome := together(t, e, ctx, func(ctx context.Context, tx *ledger.Tx) error { return tt.f(cancel, ctx, tx) })
				for i, err := range neighbours {
					if err != nil {
						t.Errorf("neighbour %d: %v", i, err)
					}
				}
				if err := <-outcome; err == nil || tt.want != nil && !errors.Is(err, tt.want) {
					t.Errorf("outcome %v, want %v", err, tt.want)
				}
				if n := titles(t, e); n["faulty"] != 0 || len(n) != 4 {
					t.Errorf("the record holds %v", n)
				}
			})
		})
	}
}

func TestGoexit(t *testing.T) {
	each(t, func(t *testing.T, e *dbtest.Env) {
		neighbours, _ := together(t, e, t.Context(), func(_ context.Context, tx *ledger.Tx) error {
			memos.Put(tx, &memo{Title: "faulty"}, ledger.Do("written"))
			runtime.Goexit()
			return nil
		})
		for i, err := range neighbours {
			if err != nil {
				t.Errorf("neighbour %d: %v", i, err)
			}
		}
		if n := titles(t, e); n["faulty"] != 0 || len(n) != 4 {
			t.Errorf("the record holds %v", n)
		}
	})
}

func TestCancelledWhileWaiting(t *testing.T) {
	each(t, func(t *testing.T, e *dbtest.Env) {
		hold, held := make(chan struct{}), make(chan struct{})
		first := make(chan error)
		go func() {
			first <- e.Write(t.Context(), ann, func(_ context.Context, tx *ledger.Tx) error {
				close(held)
				<-hold
				return memos.Put(tx, &memo{Title: "first"}, ledger.Do("written"))
			})
		}()
		<-held
		ctx, cancel := context.WithCancel(t.Context())
		second := make(chan error)
		go func() {
			second <- e.Write(ctx, ann, func(_ context.Context, tx *ledger.Tx) error {
				return memos.Put(tx, &memo{Title: "second"}, ledger.Do("written"))
			})
		}()
		for e.Queued() == 0 {
			time.Sleep(100 * time.Microsecond)
		}
		cancel()
		if err := <-second; !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled caller: %v", err)
		}
		close(hold)
		if err := <-first; err != nil {
			t.Error(err)
		}
		if n := titles(t, e); n["first"] != 1 || n["second"] != 0 {
			t.Errorf("the record holds %v", n)
		}
	})
}

// Whatever happens around COMMIT, the outcome that callers are told is what is
// in the database.
func TestFaultyCommit(t *testing.T) {
	broken := errors.New("connection reset")
	for _, tt := range []struct {
		name      string
		commit    func(c *db.Conn) error
		committed bool
	}{
		{"fails", func(*db.Conn) error { return broken }, false},
		{"answer is lost", func(c *db.Conn) error { c.Script("COMMIT"); return broken }, true},
		{"transaction is gone", func(c *db.Conn) error { c.Script("ROLLBACK"); return c.Script("COMMIT; SELECT no_such_function()") }, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			each(t, func(t *testing.T, e *dbtest.Env) {
				put(t, e, "before")
				fail := true
				e.SetCommit(func(c *db.Conn) error {
					if fail {
						fail = false
						return tt.commit(c)
					}
					return c.Script("COMMIT")
				})
				neighbours, outcome := together(t, e, t.Context(), func(_ context.Context, tx *ledger.Tx) error {
					return memos.Put(tx, &memo{Title: "fifth"}, ledger.Do("written"))
				})
				for i, err := range append(neighbours[:], <-outcome) {
					if (err == nil) != tt.committed {
						t.Errorf("caller %d was told %v", i, err)
					}
					if !tt.committed && !is(err, fault.Unavailable) {
						t.Errorf("caller %d: %v, want Unavailable", i, err)
					}
				}
				want := 1
				if tt.committed {
					want = 6
				}
				if n := titles(t, e); len(n) != want {
					t.Errorf("the record holds %v, want %d", n, want)
				}
				put(t, e, "after")
			})
		})
	}
}

func TestInsideOutsidePanics(t *testing.T) {
	each(t, func(t *testing.T, e *dbtest.Env) {
		for name, use := range map[string]func(ctx context.Context){
			"Each":  func(ctx context.Context) { e.Each(ctx, nil, "SELECT 1") },
			"Write": func(ctx context.Context) { e.Write(ctx, ann, nil) },
		} {
			func() {
				defer func() {
					if recover() == nil {
						t.Errorf("%s inside a Write did not panic", name)
					}
				}()
				e.Write(t.Context(), ann, func(ctx context.Context, _ *ledger.Tx) error { use(ctx); return nil })
			}()
		}
		put(t, e, "after")
	})
}
