package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"example.org/countersign/internal/db"
	"example.org/countersign/internal/dbtest"
	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/verify/format"
)

// fill writes n memos, many to a function.
func fill(tb testing.TB, e *dbtest.Env, n int) (made []*memo) {
	tb.Helper()
	for n > 0 {
		some := min(n, 500)
		n -= some
		if err := e.Write(tb.Context(), ann, func(_ context.Context, tx *ledger.Tx) error {
			for i := range some {
				m := &memo{Title: fmt.Sprint(i)}
				if err := memos.Put(tx, m, ledger.Do("written")); err != nil {
					return err
				}
				made = append(made, m)
			}
			return nil
		}); err != nil {
			tb.Fatal(err)
		}
	}
	return made
}

func kind(err error) fault.Kind {
	k, _ := fault.Of(err)
	return k
}

// Tiles and the proofs made from them are those of the leaves.
func TestTiles(t *testing.T) {
	each(t, func(t *testing.T, e *dbtest.Env) {
		const size = 66_000 // past a complete tile of level 1
		n := size
		if e.DB.Dialect == db.Postgres {
			n = 600 // the same code, and round trips take long
		}
		fill(t, e, n)
		cp, err := e.Checkpoint(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		leaves, err := e.Leaves(t.Context(), cp.Size)
		if err != nil {
			t.Fatal(err)
		}
		for level, width := 0, int64(1); width <= cp.Size; level, width = level+1, width*256 {
			hashes := cp.Size / width
			for tile := range hashes/256 + 1 {
				w := int(min(256, hashes-tile*256))
				if w == 0 {
					continue
				}
				got, err := e.Tile(t.Context(), level, tile, w)
				if err != nil {
					t.Fatal(err)
				}
				for i := range w {
					at := (tile*256 + int64(i)) * width
					if want := leaves.Subtree(at, at+width); format.Hash(got[32*i:]) != want {
						t.Fatalf("tile %d of level %d, hash %d", tile, level, i)
					}
				}
				if _, err := e.Tile(t.Context(), level, tile, 256); w < 256 && kind(err) != fault.NotFound {
					t.Errorf("tile %d of level %d of the full width: %v", tile, level, err)
				}
			}
		}
		for _, index := range []int64{0, 1, 255, 256, cp.Size / 2, cp.Size - 1} {
			proof, err := e.Inclusion(t.Context(), cp, index)
			if err == nil {
				err = format.CheckInclusion(proof, cp.Size, index, leaves[index], cp.Root)
			}
			if err != nil {
				t.Errorf("inclusion of %d: %v", index, err)
			}
			proof, err = e.Consistency(t.Context(), cp, index+1)
			if err == nil {
				err = format.CheckConsistency(proof, index+1, cp.Size, leaves[:index+1].Subtree(0, index+1), cp.Root)
			}
			if err != nil {
				t.Errorf("consistency from %d: %v", index+1, err)
			}
		}
	})
}

// A node that is not that of its entries is found and named.
func TestVerifyNamesNodes(t *testing.T) {
	each(t, func(t *testing.T, e *dbtest.Env) {
		e.Spoilt = true
		fill(t, e, 600)
		dropTriggers(t, e)
		for _, change := range [][2]string{
			{`UPDATE ledger_node SET n = 7 WHERE n = 1`, `UPDATE ledger_node SET n = 1 WHERE n = 7`},
			{`UPDATE ledger_node SET level = 2 WHERE n = 1`, `UPDATE ledger_node SET level = 1 WHERE n = 1`},
			{`INSERT INTO ledger_node SELECT 3, n, hash FROM ledger_node WHERE n = 1`, `DELETE FROM ledger_node WHERE level = 3`},
			{`UPDATE ledger_node SET hash = (SELECT hash FROM ledger_node WHERE n = 0) WHERE n = 1`, `DELETE FROM ledger_node WHERE n = 1`},
			{`SELECT 1`, `SELECT 1`}, // a row is missing now
		} {
			shell(t, e, change[0])
			_, err := e.Verify(t.Context(), ledger.Options{})
			if m, ok := errors.AsType[*ledger.Mismatch](err); !ok || !strings.Contains(m.Error(), "ledger_node") {
				t.Errorf("%s: %v", change[0], err)
			}
			shell(t, e, change[1])
		}
	})
}

// Only what was published is seen, and it never shrinks.
func TestPublish(t *testing.T) {
	each(t, func(t *testing.T, e *dbtest.Env) {
		if _, err := e.Published(t.Context()); kind(err) != fault.NotFound {
			t.Errorf("before the first: %v", err)
		}
		put(t, e, "first")
		cp, err := e.Publish(t.Context())
		if err != nil || cp.Size != 1 {
			t.Fatalf("published %d, %v", cp.Size, err)
		}
		put(t, e, "second")
		if cp, err = e.Published(t.Context()); err != nil || cp.Size != 1 {
			t.Errorf("published %d, %v", cp.Size, err)
		}
		if cp, err = e.Publish(t.Context()); err != nil || cp.Size != 2 {
			t.Errorf("published %d, %v", cp.Size, err)
		}
		if key, err := format.ParseKey(e.VerifierKey()); err != nil {
			t.Error(err)
		} else if _, err := key.Open(cp.Signed); err != nil {
			t.Error(err)
		}
	})
}
