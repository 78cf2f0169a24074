package evidence_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"example.org/countersign/internal/db"
	"example.org/countersign/internal/evidence"
	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/people"
)

// shell runs statements as the database's owner would, with the triggers off.
func (o *office) shell(script string) {
	o.Helper()
	if o.DB.Dialect == db.Postgres {
		script = "SET session_replication_role = replica; " + script + "; SET session_replication_role = DEFAULT"
	}
	if err := o.DB.Script(o.Context(), script); err != nil {
		o.Fatalf("%s: %v", script, err)
	}
}

// unguard lets SQLite's owner do what triggers forbid; PostgreSQL's has
// session_replication_role.
func (o *office) unguard() {
	o.Helper()
	if o.DB.Dialect == db.Postgres {
		return
	}
	var names []string
	o.must(o.DB.Each(o.Context(), func(scan db.Scan) error {
		var n string
		err := scan(&n)
		names = append(names, n)
		return err
	}, `SELECT name FROM sqlite_master WHERE type = 'trigger'`))
	for _, n := range names {
		o.shell("DROP TRIGGER " + n)
	}
}

// refused tries to make a package and expects that it ends with the name of
// what is wrong, and that nothing was written or recorded.
func (o *office) refused(what string, opt evidence.BuildOptions, want string) {
	o.Helper()
	var out bytes.Buffer
	_, err := o.evidence.Build(o.Context(), o.lea.Actor(people.Lead), q3, opt, &out, nil)
	if m, ok := errors.AsType[*ledger.Mismatch](err); !ok || !strings.Contains(m.Error(), want) {
		o.Errorf("%s: %v, want a mismatch that names %q", what, err, want)
	}
	if kind, shown := fault.Of(err); kind != fault.Conflict || !strings.Contains(shown, want) {
		o.Errorf("%s: its maker reads %q", what, shown)
	}
	if out.Len() > 0 {
		o.Errorf("%s: %d bytes were written all the same", what, out.Len())
	}
	if made, err := o.evidence.Made(o.Context()); err != nil || len(made) > 0 {
		o.Errorf("%s: recorded as made: %v, %v", what, made, err)
	}
}

// blob returns a column as it is.
func (o *office) blob(query string) []byte {
	o.Helper()
	var b []byte
	if ok, err := o.DB.One(o.Context(), query, nil, &b); err != nil || !ok {
		o.Fatalf("%s: %v", query, err)
	}
	return b
}

func (o *office) literal(b []byte) string {
	if o.DB.Dialect == db.Postgres {
		return `'\x` + hex.EncodeToString(b) + `'`
	}
	return "x'" + hex.EncodeToString(b) + "'"
}

// last returns the size of the log.
func (o *office) last() int64 {
	o.Helper()
	cp, err := o.Checkpoint(o.Context())
	o.must(err)
	return cp.Size
}

// TestTampered changes the record in every way in which its database can be
// changed.
func TestTampered(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		o.quarter()
		o.Spoilt = true
		o.unguard()
		entryOf := func(kind, where string) (id string, entry int64) {
			t.Helper()
			if ok, err := o.DB.One(t.Context(), "SELECT id, entry FROM "+kind+" WHERE "+where, nil, &id, &entry); err != nil || !ok {
				t.Fatalf("%s %s: %v", kind, where, err)
			}
			return id, entry
		}
		casefile, caseEntry := entryOf("casefile", "number = 'C-2026-000004'")
		untouched, untouchedEntry := entryOf("casefile", "number = 'C-2026-000001'")
		message, messageEntry := entryOf("communication", fmt.Sprintf("casefile = '%s' AND seq = 1", casefile))
		answer, _ := entryOf("response", fmt.Sprintf("casefile = '%s'", casefile))
		person, _ := entryOf("person", fmt.Sprintf("id = '%s'", o.lea.ID))

		change := func(what, do, undo, want string) {
			t.Helper()
			o.shell(do)
			o.refused(what, evidence.BuildOptions{}, want)
			o.shell(undo)
		}
		flip := func(table, column string, entry int64, want string) {
			t.Helper()
			b := o.blob(fmt.Sprintf("SELECT %s FROM %s WHERE idx = %d", column, table, entry))
			for _, i := range []int{0, len(b) / 2, len(b) - 1} {
				altered := bytes.Clone(b)
				altered[i] ^= 1
				set := func(v []byte) string {
					return fmt.Sprintf("UPDATE %s SET %s = %s WHERE idx = %d", table, column, o.literal(v), entry)
				}
				change(fmt.Sprintf("%s.%s of entry %d, byte %d", table, column, entry, i), set(altered), set(b), want)
			}
		}
		flip("ledger_entry", "body", caseEntry, fmt.Sprintf("entry %d", caseEntry))
		flip("ledger_entry", "body", 2, "entry 2")
		flip("ledger_payload", "body", messageEntry, "record "+message)
		flip("ledger_payload", "body", untouchedEntry, "record "+untouched)
		flip("ledger_payload", "leaf", 3, "the log does not lead to its signed root")
		remove := func(table string, entry int64, columns, want string) {
			t.Helper()
			o.shell(fmt.Sprintf("CREATE TABLE aside AS SELECT * FROM %s WHERE idx = %d", table, entry))
			change(fmt.Sprintf("%s %d deleted", table, entry), fmt.Sprintf("DELETE FROM %s WHERE idx = %d", table, entry),
				fmt.Sprintf("INSERT INTO %s (%s) SELECT %s FROM aside", table, columns, columns), want)
			o.shell("DROP TABLE aside")
		}
		remove("ledger_entry", messageEntry, "idx, body", fmt.Sprintf("entry %d", messageEntry))
		remove("ledger_payload", messageEntry, "idx, prev, leaf, body", "ledger_payload")
		for kind, id := range map[string]string{"casefile": casefile, "communication": message, "response": answer, "person": person} {
			change(kind+" deleted", fmt.Sprintf("UPDATE %s SET id = 'gone' WHERE id = '%s'", kind, id), fmt.Sprintf("UPDATE %s SET id = '%s' WHERE id = 'gone'", kind, id), kind+" ")
		}
		change("a row that points elsewhere", "UPDATE casefile SET entry = 999999 WHERE id = '"+casefile+"'", fmt.Sprintf("UPDATE casefile SET entry = %d WHERE id = '%s'", caseEntry, casefile), "casefile "+casefile)
		change("an entry of another record", fmt.Sprintf("UPDATE casefile SET entry = %d WHERE id = '%s'", o.last()-1, casefile), fmt.Sprintf("UPDATE casefile SET entry = %d WHERE id = '%s'", caseEntry, casefile), "casefile "+casefile)
		change("an older version", fmt.Sprintf("UPDATE casefile SET entry = %d WHERE id = '%s'", messageEntry, untouched), fmt.Sprintf("UPDATE casefile SET entry = %d WHERE id = '%s'", untouchedEntry, untouched), "casefile "+untouched)
		change("a head of another tree", "UPDATE ledger_head SET size = size - 1", "UPDATE ledger_head SET size = size + 1", "ledger_head")
		if b, _ := o.build(q3, evidence.BuildOptions{}); b != nil {
			if _, err := check(t, b, o.VerifierKey()); err != nil {
				t.Errorf("after all was put back: %v", err)
			}
		}
	})
}

// TestMovedNumber holds that a case's number that was moved in the table takes
// no place from those that come after: once it is put back, the record is whole
// and so are its packages.
func TestMovedNumber(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		o.unguard()
		o.at(2026, 7, 6, 9, 0)
		for i := range 3 {
			o.mail("ann@example.com", fmt.Sprint("Question ", i), "It is asked.")
		}
		o.shell("UPDATE casefile SET number = 'C-2026-000008' WHERE number = 'C-2026-000003'")
		for _, opt := range []ledger.Options{{}, {Full: true}} {
			if _, err := o.Verify(t.Context(), opt); err == nil || !strings.Contains(err.Error(), "casefile") {
				t.Errorf("the check says %v", err)
			}
		}
		o.desks() // as a start does
		if c := o.mail("ann@example.com", "Next", "It is asked."); c.Number != "C-2026-000004" {
			t.Errorf("the next case is %s", c.Number)
		}
		o.shell("UPDATE casefile SET number = 'C-2026-000003' WHERE number = 'C-2026-000008'")
		o.at(2026, 11, 2, 9, 0)
		b, made := o.build(q3, evidence.BuildOptions{})
		if _, err := check(t, b, o.VerifierKey()); err != nil {
			t.Error(err)
		}
		if n := made.Report.Numbers; len(n) != 1 || n[0].First != "C-2026-000001" || n[0].Last != "C-2026-000004" || n[0].Count != 4 {
			t.Errorf("numbers %+v", n)
		}
	})
}

// TestLostContent takes away and alters what is kept in files.
func TestLostContent(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		o.quarter()
		o.Spoilt = true
		find := func(number string, seq int) (name string) {
			t.Helper()
			c, err := o.intake.Case(t.Context(), number)
			o.must(err)
			all, err := o.intake.Communications(t.Context(), c.ID)
			o.must(err)
			m := all[seq-1]
			if !m.TextBlob.IsZero() {
				name = m.TextBlob.Name
			} else {
				name = m.Attachments[0].Blob.Name
			}
			return filepath.Join(o.Dir, "blobs", name[:2], name)
		}
		try := func(what, path string, opt evidence.BuildOptions, want string) {
			t.Helper()
			content, err := os.ReadFile(path)
			o.must(err)
			o.must(os.Remove(path))
			o.refused(what+" is missing", opt, want+" is missing")
			altered := bytes.Clone(content)
			altered[len(altered)-1] ^= 1
			o.must(os.WriteFile(path, altered, 0o600))
			o.refused(what+" is altered", opt, want+" was changed")
			o.must(os.WriteFile(path, content, 0o600))
		}
		text, list := find("C-2026-000005", 1), find("C-2026-000009", 1)
		c, err := o.intake.Case(t.Context(), "C-2026-000009")
		o.must(err)
		all, err := o.intake.Communications(t.Context(), c.ID)
		o.must(err)
		try("a long text", text, evidence.BuildOptions{}, "")
		try("an attachment", list, evidence.BuildOptions{WithRaw: true}, fmt.Sprintf("attachment 1 of communication 1 of case C-2026-000009 (%s)", all[0].ID))
		o.must(os.Remove(list))
		b, _ := o.build(q3, evidence.BuildOptions{}) // speaks of its hash alone
		if _, err := check(t, b, o.VerifierKey()); err != nil {
			t.Error(err)
		}
	})
}
