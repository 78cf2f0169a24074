package intake_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/intake"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestImport(t *testing.T) {
	dir := t.TempDir()
	one := mail{from: "rita@example.com", subject: "Old matter", id: "old@example.com", body: "From the archive."}.String()
	box := "From rita@example.com Tue Sep 15 09:00:00 2020\n" + strings.ReplaceAll(mail{from: "otto@example.com", subject: "First", body: "x\n\nFrom here on it is about\n>From quoting\n>>From twice"}.String(), "\r", "") +
		"\nFrom otto@example.com Tue Sep 15 10:00:00 2020\n" + strings.ReplaceAll(mail{from: "otto@example.com", subject: "Second"}.String(), "\r", "")
	write(t, dir+"/a/one.eml", one)
	write(t, dir+"/a/again", one)
	write(t, dir+"/b/box.mbox", box)
	write(t, dir+"/c/readme.txt", "Nothing to see here\n")
	write(t, dir+"/c/strange.eml", "\x00\xff no header at all")
	write(t, dir+"/c/empty.eml", "")
	if err := os.Symlink(dir+"/a/one.eml", dir+"/c/link.eml"); err != nil {
		t.Fatal(err)
	}
	each(t, intake.Options{}, func(t *testing.T, o *office) {
		told := 0
		res, err := o.Import(t.Context(), security, []string{dir, dir + "/missing"}, func(intake.Result) { told++ })
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.MarshalIndent(res, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		golden(t, "import.json", strings.ReplaceAll(string(text), dir, "DIR")+"\n")
		if told != res.Read {
			t.Errorf("told of %d of %d messages", told, res.Read)
		}
		var rows []intake.Row
		if err := o.Export(t.Context(), time.Time{}, time.Time{}, func(r intake.Row) error { rows = append(rows, r); return nil }); err != nil {
			t.Fatal(err)
		}
		by := map[string]intake.Row{}
		for _, r := range rows {
			by[r.Subject] = r
		}
		if r := by["Old matter"]; len(rows) != 4 || r.Date != "2026-09-15T09:00:00Z" || r.ReceivedAt != "2026-09-15T09:30:00Z" || r.Channel != security || r.From != "rita@example.com" || r.MessageID != "old@example.com" || r.Text != "From the archive.\n" && r.Text != "From the archive." {
			t.Errorf("%d rows, of them %+v", len(rows), r)
		}
		if text := by["First"].Text; !strings.Contains(text, "\nFrom here on it is about\nFrom quoting\n>From twice") {
			t.Errorf("quoting of From: %q", text)
		}
		c := o.load(t, by["Old matter"].Number)
		if c.DueAt != 0 || c.Source != intake.FromImport {
			t.Errorf("history started a clock: %+v", c)
		}
		o.due(t)
		if len(o.sent) > 0 {
			t.Errorf("history was confirmed: %+v", o.sent)
		}
		again, err := o.Import(t.Context(), security, []string{dir}, nil)
		if err != nil || again.Recorded != 0 || again.Duplicates != again.Read {
			t.Errorf("once more: %+v, %v", again, err)
		}
		// A person who answers history is owed an answer.
		live := o.must(t, mail{from: "rita@example.com", subject: "Re: Old matter", reply: "old@example.com"})
		if c := o.load(t, live.Case); live.New || c.DueAt == 0 {
			t.Errorf("reply to history: %+v, due at %d", live, c.DueAt)
		}
		if _, err := o.Import(t.Context(), "no address", []string{dir}, nil); !is(err, fault.Invalid) {
			t.Errorf("import for no address: %v", err)
		}
		// History may be of a channel that nobody has approved; that approves nothing.
		if res, err := o.Import(t.Context(), "old@org.example", []string{dir + "/a"}, nil); err != nil || res.Recorded != 1 || res.Duplicates != 1 {
			t.Errorf("import for a channel that is not in the register: %+v, %v", res, err)
		}
		if _, err := o.Receive(t.Context(), intake.Incoming{Channel: "old@org.example", Source: intake.FromSMTP, Raw: strings.NewReader(one)}); !is(err, fault.NotFound) {
			t.Errorf("the import opened the channel: %v", err)
		}
	})
}

func TestExportPages(t *testing.T) {
	each(t, intake.Options{}, func(t *testing.T, o *office) {
		for _, err := range together(250, func(i int) error {
			// One text in ten is so long that it is kept apart.
			_, err := o.smtp(t.Context(), mail{from: "rita@example.com", subject: fmt.Sprint(i), body: strings.Repeat("long ", 10+i%10/9*5000)})
			return err
		}) {
			if err != nil {
				t.Fatal(err)
			}
		}
		o.Clock.Advance(time.Hour)
		o.must(t, mail{from: "rita@example.com", subject: "later"})
		count := func(from, to time.Time) int {
			seen := map[string]bool{}
			if err := o.Export(t.Context(), from, to, func(r intake.Row) error {
				if seen[r.Number] {
					t.Errorf("%s is there twice", r.Number)
				}
				seen[r.Number] = true
				if len(r.RawSHA256) != 64 || r.To[0] != security {
					t.Errorf("row %+v", r)
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			return len(seen)
		}
		later := o.Now()
		if all, before, from := count(time.Time{}, time.Time{}), count(time.Time{}, later), count(later, time.Time{}); all != 251 || before != 250 || from != 1 {
			t.Errorf("%d rows in all, %d before and %d from the last hour on; want 251, 250 and 1", all, before, from)
		}
		past, err := o.Past(t.Context(), 100)
		if err != nil || len(past) != 100 || past[0].Facts.Subject != "later" || past[0].Was.Category == "" {
			t.Errorf("past: %d, %v", len(past), err)
		}
	})
}
