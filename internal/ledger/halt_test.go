package ledger_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"example.org/countersign/internal/dbtest"
	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/verify/format"
)

// An Attend changes work tables, also while sealing has stopped, and nothing
// else; the log knows nothing of it.
func TestAttend(t *testing.T) {
	each(t, func(t *testing.T, e *dbtest.Env) {
		put(t, e, "first")
		for i, halt := range []bool{false, true} {
			if halt {
				if err := e.Halt(t.Context(), "a witness has seen more"); err != nil {
					t.Fatal(err)
				}
			}
			n := int64(0)
			if err := e.Attend(t.Context(), ann, func(ctx context.Context, tx *ledger.Tx) (err error) {
				n, err = next(ctx, tx, "attended")
				return err
			}); err != nil || n != int64(i+1) {
				t.Errorf("halted %v: number %d, %v", halt, n, err)
			}
			if err := e.Attend(t.Context(), ann, func(ctx context.Context, tx *ledger.Tx) error {
				if _, err := next(ctx, tx, "attended"); err != nil {
					return err
				}
				return memos.Put(tx, &memo{Title: "second"}, ledger.Do("written"))
			}); err == nil || !strings.Contains(err.Error(), "makes no record") {
				t.Errorf("halted %v: a record: %v", halt, err)
			}
			if cp, err := e.Checkpoint(t.Context()); err != nil || cp.Size != 1 {
				t.Errorf("halted %v: %+v, %v", halt, cp, err)
			}
		}
	})
}

// While sealing has stopped nothing is written, whoever else opens the ledger;
// afterwards the log goes on under another origin.
func TestHaltAndResume(t *testing.T) {
	each(t, func(t *testing.T, e *dbtest.Env) {
		write := func(l *ledger.Ledger, title string) error {
			return l.Write(t.Context(), ann, func(_ context.Context, tx *ledger.Tx) error {
				return memos.Put(tx, &memo{Title: title}, ledger.Do("written"))
			})
		}
		put(t, e, "first")
		if _, err := e.Publish(t.Context()); err != nil {
			t.Fatal(err)
		}
		origin := e.Origin()
		if err := e.Halt(t.Context(), "a witness has seen more"); err != nil {
			t.Fatal(err)
		}
		other, err := ledger.Open(t.Context(), e.DB, e.Keys, e.Blobs, e.Clock.Now, memos)
		if err != nil {
			t.Fatal(err)
		}
		defer other.Close()
		for _, l := range []*ledger.Ledger{e.Ledger, other} {
			err := write(l, "second")
			if h, ok := errors.AsType[*ledger.Halted](err); !ok || !strings.Contains(h.Reason, "witness") {
				t.Errorf("write while halted: %v", err)
			}
			if kind(err) != fault.Unavailable {
				t.Errorf("what a visitor is told: %v", err)
			}
			if reason, err := l.Halted(t.Context()); err != nil || reason == "" {
				t.Errorf("halted: %q, %v", reason, err)
			}
		}
		if _, err := e.Verify(t.Context(), ledger.Options{Full: true}); err != nil {
			t.Error(err)
		}
		if err := other.Resume(t.Context(), ann, func(_ context.Context, tx *ledger.Tx) error {
			return memos.Put(tx, &memo{Title: "recovered"}, ledger.Do("written"))
		}); err != nil {
			t.Fatal(err)
		}
		if err := write(e.Ledger, "third"); err != nil {
			t.Fatal(err)
		}
		if e.Origin() == origin || e.Origin() != other.Origin() {
			t.Errorf("origins: was %s, is %s and %s", origin, e.Origin(), other.Origin())
		}
		if _, err := e.Published(t.Context()); kind(err) != fault.NotFound {
			t.Errorf("published before the first of the new origin: %v", err)
		}
		cp, err := e.Publish(t.Context())
		if err != nil || cp.Size != 3 {
			t.Fatalf("published %d, %v", cp.Size, err)
		}
		key, err := format.ParseKey(other.VerifierKey())
		if err != nil {
			t.Fatal(err)
		}
		if got, err := key.Open(cp.Signed); err != nil || got.Origin != e.Origin() {
			t.Errorf("checkpoint under the new origin: %+v, %v", got, err)
		}
	})
}
