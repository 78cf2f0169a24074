package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"example.org/countersign/internal/db"
	"example.org/countersign/internal/dbtest"
	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/ledger"
)

// memo is a record kind of these tests.
type memo struct {
	ledger.Record
	Title string   `json:"title"`
	Count int64    `json:"count"`
	From  string   `json:"from" unit:"identity"`
	Tags  []string `json:"tags"`
}

var memos = ledger.Define("memo", []string{"title_key", "count"}, func(m *memo, x ledger.Index) []any {
	return []any{x.Blind("title", m.Title), m.Count}
})

func init() { db.Tables["memo"], db.Tables["memo_counter"] = db.Record, db.Work }

func each(t *testing.T, f func(t *testing.T, e *dbtest.Env)) {
	t.Helper()
	dbtest.Each(t, []ledger.Records{memos}, setup, f)
}

func setup(d *db.DB) error {
	return d.Script(context.Background(), `
		CREATE TABLE memo ({record}, title_key TEXT NOT NULL, count {int} NOT NULL){strict};
		{guard memo}
		CREATE TABLE memo_counter (name TEXT NOT NULL PRIMARY KEY, value {int} NOT NULL){strict};`)
}

// next counts in a work table.
func next(ctx context.Context, tx *ledger.Tx, name string) (n int64, err error) {
	if _, err := tx.Work(`INSERT INTO memo_counter (name, value) VALUES ($1, 1)
		ON CONFLICT (name) DO UPDATE SET value = memo_counter.value + 1`, name); err != nil {
		return 0, err
	}
	_, err = tx.One(ctx, `SELECT value FROM memo_counter WHERE name = $1`, []any{name}, &n)
	return n, err
}

var ann = ledger.Actor{ID: "ann", Role: "analyst"}

// put writes a new memo and returns its id.
func put(t *testing.T, e *dbtest.Env, title string) string {
	t.Helper()
	m := &memo{Title: title, From: title + "@example.com"}
	if err := e.Write(t.Context(), ann, func(_ context.Context, tx *ledger.Tx) error {
		return memos.Put(tx, m, ledger.Do("written", "CC2.3"))
	}); err != nil {
		t.Fatal(err)
	}
	return m.ID
}

func TestRecord(t *testing.T) {
	each(t, func(t *testing.T, e *dbtest.Env) {
		id := put(t, e, "first")
		for i := range int64(3) {
			if err := e.Write(t.Context(), ann, func(ctx context.Context, tx *ledger.Tx) error {
				m, err := memos.Load(ctx, tx, id)
				if err != nil {
					return err
				}
				m.Count = i + 1
				if err := memos.Put(tx, m, ledger.Do("counted")); err != nil {
					return err
				}
				again, err := memos.Load(ctx, tx, id) // what this very batch wrote
				if err == nil && again.Count != i+1 {
					err = fmt.Errorf("read %d inside the transaction, want %d", again.Count, i+1)
				}
				return err
			}); err != nil {
				t.Fatal(err)
			}
		}
		m, err := memos.Load(t.Context(), e, id)
		if err != nil || m.Title != "first" || m.From != "first@example.com" || m.Count != 3 {
			t.Fatalf("loaded %+v, %v", m, err)
		}
		versions, err := memos.History(t.Context(), e, id)
		if err != nil || len(versions) != 4 || versions[0].Doc.Count != 0 || versions[3].Doc.Count != 3 || versions[1].Entry.Act != "memo.counted" {
			t.Fatalf("history: %d versions, %v", len(versions), err)
		}
		if _, err := memos.Load(t.Context(), e, "nothing"); !is(err, fault.NotFound) {
			t.Errorf("unknown id: %v, want NotFound", err)
		}
	})
}

func is(err error, k fault.Kind) bool {
	got, _ := fault.Of(err)
	return err != nil && got == k
}

func TestStalePutIsConflict(t *testing.T) {
	each(t, func(t *testing.T, e *dbtest.Env) {
		id := put(t, e, "x")
		a, _ := memos.Load(t.Context(), e, id)
		b, _ := memos.Load(t.Context(), e, id)
		write := func(m *memo) error {
			return e.Write(t.Context(), ann, func(_ context.Context, tx *ledger.Tx) error {
				return memos.Put(tx, m, ledger.Do("changed"))
			})
		}
		if err := write(a); err != nil {
			t.Fatal(err)
		}
		if err := write(b); !is(err, fault.Conflict) {
			t.Errorf("stale put: %v, want Conflict", err)
		}
	})
}

func TestManyCallers(t *testing.T) {
	each(t, func(t *testing.T, e *dbtest.Env) {
		refused := errors.New("refused")
		var wg sync.WaitGroup
		for i := range 64 {
			wg.Go(func() {
				for j := range 10 {
					var n int64
					err := e.Write(t.Context(), ann, func(ctx context.Context, tx *ledger.Tx) error {
						var err error
						if n, err = next(ctx, tx, "memo"); err != nil {
							return err
						}
						if err := memos.Put(tx, &memo{Title: fmt.Sprint(i, j), Count: n}, ledger.Do("written")); err != nil {
							return err
						}
						if (i+j)%5 == 0 {
							return refused
						}
						return nil
					})
					if want := (i+j)%5 == 0; errors.Is(err, refused) != want || !want && err != nil {
						t.Errorf("caller %d, write %d: %v", i, j, err)
					}
				}
			})
		}
		wg.Wait()
		all, err := memos.Select(t.Context(), e, "ORDER BY r.count")
		if err != nil || len(all) != 512 {
			t.Fatalf("%d records, %v; want 512", len(all), err)
		}
		for i, m := range all { // what failed gave its number back
			if m.Count != int64(i+1) {
				t.Fatalf("record %d has number %d: numbers have gaps", i, m.Count)
			}
		}
	})
}

func TestWorkRefusesRecords(t *testing.T) {
	each(t, func(t *testing.T, e *dbtest.Env) {
		id := put(t, e, "x")
		for _, q := range []string{
			`UPDATE memo SET count = 9`,
			`DELETE FROM memo`,
			`INSERT INTO ledger_entry (idx, body) VALUES (99, 'x')`,
			`UPDATE ledger_head SET size = 0`,
			`UPDATE memo_counter SET value = 1; DELETE FROM memo`,
			`WITH x AS (DELETE FROM memo RETURNING id) SELECT 1`,
		} {
			err := e.Write(t.Context(), ann, func(_ context.Context, tx *ledger.Tx) error {
				tx.Work(q) // an error swallowed is an error all the same
				return nil
			})
			if err == nil || !strings.Contains(err.Error(), "not a change of a work table") {
				t.Errorf("%s: %v", q, err)
			}
		}
		if m, err := memos.Load(t.Context(), e, id); err != nil || m.Count != 0 {
			t.Errorf("record was changed: %+v, %v", m, err)
		}
	})
}

func TestTriggers(t *testing.T) {
	each(t, func(t *testing.T, e *dbtest.Env) {
		put(t, e, "x")
		for _, q := range []string{
			`UPDATE memo SET count = 9`,
			`UPDATE memo SET entry = 0, count = 9`,
			`DELETE FROM memo`,
			`INSERT INTO memo (id, entry, title_key, count) VALUES ('y', 0, '', 0)`,
			`UPDATE ledger_entry SET body = body`,
			`DELETE FROM ledger_entry`,
			`UPDATE ledger_payload SET prev = 3`,
			`DELETE FROM ledger_payload`,
		} {
			if err := e.DB.Script(t.Context(), q); err == nil {
				t.Errorf("the database let %q pass", q)
			}
		}
		if e.DB.Dialect == db.Postgres { // where no entry is being written, none can be claimed
			for _, q := range []string{
				`INSERT INTO memo (id, entry, title_key, count) VALUES ('y', 1, '', 0)`,
				`UPDATE memo SET entry = 1, count = 9`,
			} {
				if err := e.DB.Script(t.Context(), q); err == nil {
					t.Errorf("the database let %q pass", q)
				}
			}
			put(t, e, "y") // which opens nothing for those that come after it
			if err := e.DB.Script(t.Context(), `UPDATE memo SET entry = 9`); err == nil {
				t.Error("the database let a record be changed after a transaction that wrote")
			}
		}
	})
}

// The head's time is that of the last entry, also where a later turn of the
// batch made none.
func TestTurnWithoutEntry(t *testing.T) {
	each(t, func(t *testing.T, e *dbtest.Env) {
		if err := e.DB.Script(t.Context(), `INSERT INTO memo_counter (name, value) VALUES ('x', 0)`); err != nil {
			t.Fatal(err)
		}
		hold, held := make(chan struct{}), make(chan struct{})
		var wg sync.WaitGroup
		wg.Go(func() {
			e.Write(t.Context(), ann, func(_ context.Context, tx *ledger.Tx) error {
				close(held)
				<-hold
				return memos.Put(tx, &memo{Title: "entry"}, ledger.Do("written"))
			})
		})
		<-held
		wg.Go(func() {
			e.Write(t.Context(), ann, func(_ context.Context, tx *ledger.Tx) error {
				_, err := tx.Work(`UPDATE memo_counter SET value = 1 WHERE name = 'x'`)
				return err
			})
		})
		for e.Queued() == 0 {
			time.Sleep(100 * time.Microsecond)
		}
		e.Clock.Advance(time.Hour) // between the two turns
		close(hold)
		wg.Wait()
	})
}

// A record whose units are not all set loads within its batch as after it, and
// printing it shows no key.
func TestEmptyUnit(t *testing.T) {
	each(t, func(t *testing.T, e *dbtest.Env) {
		m := &memo{Title: "no sender"}
		if err := e.Write(t.Context(), ann, func(ctx context.Context, tx *ledger.Tx) error {
			if err := memos.Put(tx, m, ledger.Do("written")); err != nil {
				return err
			}
			_, err := memos.Load(ctx, tx, m.ID)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		again, err := memos.Load(t.Context(), e, m.ID)
		if err != nil || again.Title != "no sender" {
			t.Fatalf("%+v, %v", again, err)
		}
		if printed := fmt.Sprintf("%v %+v %#v", again, *again, again); strings.Contains(printed, "Material") || len(printed) > 600 {
			t.Errorf("printing a record shows its keys: %s", printed)
		}
	})
}
