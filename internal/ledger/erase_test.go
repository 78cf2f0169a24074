package ledger_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"example.org/countersign/internal/db"
	"example.org/countersign/internal/dbtest"
	"example.org/countersign/internal/ledger"
)

// revise loads a memo, changes it and puts it again.
func revise(t *testing.T, e *dbtest.Env, id string, f func(*ledger.Tx, *memo) error) {
	t.Helper()
	if err := e.Write(t.Context(), ann, func(ctx context.Context, tx *ledger.Tx) error {
		m, err := memos.Load(ctx, tx, id)
		if err != nil {
			return err
		}
		return f(tx, m)
	}); err != nil {
		t.Fatal(err)
	}
}

func verifyFull(t *testing.T, e *dbtest.Env) {
	t.Helper()
	for _, full := range []bool{false, true} {
		if _, err := e.Verify(t.Context(), ledger.Options{Full: full}); err != nil {
			t.Errorf("full %v: %v", full, err)
		}
	}
}

// Erasing one unit leaves the rest provable, in every version; erasing all
// leaves entries and proofs.
func TestErase(t *testing.T) {
	each(t, func(t *testing.T, e *dbtest.Env) {
		id := put(t, e, "quagga")
		other := put(t, e, "zebra")
		revise(t, e, id, func(tx *ledger.Tx, m *memo) error {
			m.Count, m.From = 7, "okapi@example.com"
			return memos.Put(tx, m, ledger.Do("counted"))
		})
		revise(t, e, id, func(tx *ledger.Tx, m *memo) error {
			m.From = ""
			return memos.Erase(tx, m, ledger.Erased("P4.3"), "identity")
		})
		verifyFull(t, e) // committed, keys not destroyed yet: nobody is shown it any more
		if v, err := memos.History(t.Context(), e, id); err != nil || !v[0].Erased || v[0].Doc.From != "" || v[0].Doc.Title != "quagga" {
			t.Errorf("history before the keys are destroyed: %+v, %v", v, err)
		}
		if _, doc, err := e.Document(t.Context(), 0, func(string, string, string) bool { return true }); err != nil || doc.Field("from") != nil {
			t.Errorf("document before the keys are destroyed: %v", err)
		}
		if n, err := e.FinishErasures(t.Context()); n != 1 || err != nil {
			t.Fatalf("finished %d, %v", n, err)
		}
		verifyFull(t, e)
		versions, err := memos.History(t.Context(), e, id)
		if err != nil || len(versions) != 3 {
			t.Fatalf("history: %d versions, %v", len(versions), err)
		}
		if v := versions[0]; !v.Erased || v.Doc.From != "" || v.Doc.Title != "quagga" {
			t.Errorf("first version: erased %v, from %q, title %q", v.Erased, v.Doc.From, v.Doc.Title)
		}
		if versions[2].Erased {
			t.Error("the newest version is called erased")
		}
		_, doc, err := e.Document(t.Context(), versions[0].Index, func(string, string, string) bool { return true })
		if err != nil {
			t.Fatal(err)
		}
		if got := string(doc.Append(nil)); !strings.Contains(got, "quagga") || strings.Contains(got, "@example.com") || !strings.Contains(got, "\n- ") {
			t.Errorf("document after erasure:\n%s", got)
		}

		revise(t, e, id, func(tx *ledger.Tx, m *memo) error {
			m.Title, m.Tags = "", nil
			return memos.Erase(tx, m, ledger.Erased("P4.3"), "", "identity")
		})
		if _, err := e.FinishErasures(t.Context()); err != nil {
			t.Fatal(err)
		}
		verifyFull(t, e)
		if versions, err = memos.History(t.Context(), e, id); err != nil || !versions[0].Erased || versions[0].Doc.Title != "" || versions[3].Doc.Count != 7 {
			t.Errorf("history after the second erasure: %+v, %v", versions, err)
		}
		if m, err := memos.Load(t.Context(), e, other); err != nil || m.From != "zebra@example.com" {
			t.Errorf("another record: %+v, %v", m, err)
		}
		for _, word := range []string{"quagga", "okapi"} {
			absent(t, e, word)
		}
	})
}

// absent fails where a file of the installation holds a word. Documents are
// encrypted, so this is about what lies in clear; that the ciphertext cannot
// be opened any more is what History and Verify show.
func absent(t *testing.T, e *dbtest.Env, word string) {
	t.Helper()
	if err := filepath.WalkDir(e.Dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if bytes.Contains(b, []byte(word)) {
			t.Errorf("%s holds %q", path, word)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

// A key that was destroyed, or a payload that was emptied, without an entry
// that says so is found.
func TestUnexplainedErasureIsFound(t *testing.T) {
	each(t, func(t *testing.T, e *dbtest.Env) {
		e.Spoilt = true
		id := put(t, e, "first")
		revise(t, e, id, func(tx *ledger.Tx, m *memo) error {
			m.Count++
			return memos.Put(tx, m, ledger.Do("counted"))
		})
		if err := e.DB.Script(t.Context(), `UPDATE ledger_payload SET leaf = body WHERE idx = 0`); err == nil {
			t.Error("a payload could be changed")
		}
		if err := e.DB.Script(t.Context(), `UPDATE ledger_payload SET body = `+empty(e)+` WHERE idx = 0`); err != nil {
			t.Fatal(err)
		}
		_, err := e.Verify(t.Context(), ledger.Options{})
		if m, ok := errors.AsType[*ledger.Mismatch](err); !ok || !strings.Contains(m.Error(), "payload of entry 0") {
			t.Errorf("an emptied payload: %v", err)
		}
	})
}

func empty(e *dbtest.Env) string {
	if e.DB.Dialect == db.Postgres {
		return `''::bytea`
	}
	return `x''`
}

// What must not be called an erasure is refused, and leaves nothing behind.
func TestEraseRefuses(t *testing.T) {
	each(t, func(t *testing.T, e *dbtest.Env) {
		id := put(t, e, "first")
		for name, f := range map[string]func(*ledger.Tx, *memo) error{
			"content left": func(tx *ledger.Tx, m *memo) error { return memos.Erase(tx, m, ledger.Erased(), "identity") },
			"another act":  func(tx *ledger.Tx, m *memo) error { return memos.Erase(tx, m, ledger.Do("changed"), "identity") },
			"new record": func(tx *ledger.Tx, m *memo) error {
				return memos.Erase(tx, &memo{Title: "x"}, ledger.Erased(), "identity")
			},
		} {
			err := e.Write(t.Context(), ann, func(ctx context.Context, tx *ledger.Tx) error {
				m, err := memos.Load(ctx, tx, id)
				if err != nil {
					return err
				}
				return f(tx, m)
			})
			if err == nil {
				t.Errorf("%s: no error", name)
			}
		}
		if n, err := e.FinishErasures(t.Context()); n != 0 || err != nil {
			t.Errorf("finished %d, %v", n, err)
		}
		verifyFull(t, e)
	})
}
