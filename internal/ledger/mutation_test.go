package ledger_test

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"

	"example.org/countersign/internal/db"
	"example.org/countersign/internal/dbtest"
	"example.org/countersign/internal/ledger"
)

// shell runs statements as the database's owner would, with the triggers off.
func shell(t *testing.T, e *dbtest.Env, script string) {
	t.Helper()
	if e.DB.Dialect == db.Postgres {
		script = "SET session_replication_role = replica; " + script + "; SET session_replication_role = DEFAULT"
	}
	if err := e.DB.Script(t.Context(), script); err != nil {
		t.Fatalf("%s: %v", script, err)
	}
}

// dropTriggers lets a SQLite owner do what triggers forbid; PostgreSQL's has
// session_replication_role.
func dropTriggers(t *testing.T, e *dbtest.Env) {
	t.Helper()
	if e.DB.Dialect == db.Postgres {
		return
	}
	var names []string
	if err := e.DB.Each(t.Context(), func(scan db.Scan) error {
		var n string
		err := scan(&n)
		names = append(names, n)
		return err
	}, `SELECT name FROM sqlite_master WHERE type = 'trigger'`); err != nil {
		t.Fatal(err)
	}
	for _, n := range names {
		shell(t, e, "DROP TRIGGER "+n)
	}
}

// Every change that the database's own shell can make to the record is found,
// and what was changed is named.
func TestVerifyNamesWhatWasChanged(t *testing.T) {
	each(t, func(t *testing.T, e *dbtest.Env) {
		e.Spoilt = true
		id := put(t, e, "first")
		put(t, e, "second")
		put(t, e, "third")
		if err := e.Write(t.Context(), ann, func(ctx context.Context, tx *ledger.Tx) error {
			m, err := memos.Load(ctx, tx, id)
			if err != nil {
				return err
			}
			m.Count = 7
			return memos.Put(tx, m, ledger.Do("counted"))
		}); err != nil {
			t.Fatal(err)
		}
		dropTriggers(t, e)
		bytesOf := func(query string) []byte {
			var b []byte
			if ok, err := e.DB.One(t.Context(), query, nil, &b); err != nil || !ok {
				t.Fatal(err)
			}
			return b
		}
		lit := func(b []byte) string {
			if e.DB.Dialect == db.Postgres {
				return `'\x` + hex.EncodeToString(b) + `'`
			}
			return "x'" + hex.EncodeToString(b) + "'"
		}
		check := func(do, undo, want string) {
			t.Helper()
			shell(t, e, do)
			depths := []ledger.Options{{}, {Full: true}}
			if strings.Contains(do, "ledger_entry") || strings.Contains(do, "ledger_head") {
				depths = append(depths, ledger.Options{Tree: true})
			}
			for _, depth := range depths {
				_, err := e.Verify(t.Context(), depth)
				if m, ok := errors.AsType[*ledger.Mismatch](err); !ok || !strings.Contains(m.Error(), want) {
					t.Errorf("%.80s: %v, want a mismatch that names %q", do, err, want)
				}
			}
			shell(t, e, undo)
		}
		flip := func(table, column, where, want string) {
			t.Helper()
			b := bytesOf(fmt.Sprintf("SELECT %s FROM %s WHERE %s", column, table, where))
			for i := range b {
				c := append([]byte(nil), b...)
				c[i] ^= 1
				set := func(v []byte) string {
					return fmt.Sprintf("UPDATE %s SET %s = %s WHERE %s", table, column, lit(v), where)
				}
				check(set(c), set(b), want)
			}
		}
		flip("ledger_entry", "body", "idx = 1", "entry 1")
		flip("ledger_payload", "body", "idx = 0", "entry 0")
		flip("ledger_payload", "body", "idx = 2", "entry 2")
		flip("ledger_payload", "leaf", "idx = 2", "entry 2")
		flip("ledger_head", "root", "id = 1", "ledger_head")
		flip("ledger_head", "edge", "id = 1", "ledger_head")
		check("UPDATE ledger_payload SET prev = 1 WHERE idx = 3", "UPDATE ledger_payload SET prev = 0 WHERE idx = 3", "entry 3")
		check("UPDATE ledger_head SET size = 3", "UPDATE ledger_head SET size = 4", "ledger_head")
		check("UPDATE ledger_head SET kinds = 'memo 3'", "UPDATE ledger_head SET kinds = 'memo 4'", "ledger_head")
		check("UPDATE ledger_head SET time = time + 1", "UPDATE ledger_head SET time = time - 1", "ledger_head")
		flip("ledger_head", "mac", "id = 1", "ledger_head")
		where := "WHERE id = '" + id + "'"
		check("UPDATE memo SET count = 8 "+where, "UPDATE memo SET count = 7 "+where, "memo "+id+", column count")
		key := e.Index().Blind("title", "first")
		check("UPDATE memo SET title_key = 'x' "+where, "UPDATE memo SET title_key = '"+key+"' "+where, "memo "+id+", column title_key")
		check("UPDATE memo SET entry = 0 "+where, "UPDATE memo SET entry = 3 "+where, "memo "+id+", column entry")
		check("UPDATE memo SET id = 'x' "+where, "UPDATE memo SET id = '"+id+"' WHERE id = 'x'", "memo x")
		check("DELETE FROM memo "+where, "INSERT INTO memo (id, entry, title_key, count) VALUES ('"+id+"', 3, '"+key+"', 7)", "memo "+id)
		check("INSERT INTO memo (id, entry, title_key, count) VALUES ('y', 9, '', 0)", "DELETE FROM memo WHERE id = 'y'", "memo y")
		check("INSERT INTO ledger_payload (idx, prev, leaf, body) VALUES (4, -1, "+lit([]byte("x"))+", "+lit([]byte("x"))+")", "DELETE FROM ledger_payload WHERE idx = 4", "payload 4")
		check("INSERT INTO ledger_entry (idx, body) VALUES (4, "+lit([]byte("x"))+")", "DELETE FROM ledger_entry WHERE idx = 4", "entry 4")
		body := bytesOf("SELECT body FROM ledger_entry WHERE idx = 3")
		check("DELETE FROM ledger_entry WHERE idx = 3", "INSERT INTO ledger_entry (idx, body) VALUES (3, "+lit(body)+")", "entry 3")
		if _, err := e.Verify(t.Context(), ledger.Options{Full: true}); err != nil {
			t.Errorf("after all was put back: %v", err)
		}
	})
}

// A head that somebody else wrote, however consistent, is not continued: that
// would vouch for it.
func TestForgedHeadIsNotContinued(t *testing.T) {
	each(t, func(t *testing.T, e *dbtest.Env) {
		e.Spoilt = true
		put(t, e, "first")
		put(t, e, "second")
		dropTriggers(t, e)
		shell(t, e, "DELETE FROM ledger_entry WHERE idx = 1; DELETE FROM ledger_payload WHERE idx = 1")
		shell(t, e, "UPDATE ledger_head SET size = 1, root = (SELECT leaf FROM ledger_payload WHERE idx = 0), edge = (SELECT leaf FROM ledger_payload WHERE idx = 0), kinds = 'memo 1'")
		err := e.Write(t.Context(), ann, func(_ context.Context, tx *ledger.Tx) error {
			return memos.Put(tx, &memo{Title: "third"}, ledger.Do("written"))
		})
		if _, ok := errors.AsType[*ledger.Mismatch](err); !ok {
			t.Errorf("write on a forged head: %v, want a mismatch", err)
		}
	})
}
