package evidence_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.org/countersign/internal/evidence"
	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/people"
	"example.org/countersign/internal/response"
	"example.org/countersign/verify"
	"example.org/countersign/verify/format"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestPackage follows one quarter into its package and through the offline
// check.
func TestPackage(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		o.quarter()
		b, made := o.build(q3, evidence.BuildOptions{})
		s, err := check(t, b, o.VerifierKey())
		if err != nil {
			t.Fatal(err)
		}
		if s.From != "2026-07-01" || s.To != "2026-09-30" || s.Cases != 7 || s.Responses != 3 || len(s.Exceptions) != 0 || s.Hidden != 0 {
			t.Errorf("the offline check says %+v", s)
		}
		for _, r := range s.Rows {
			name := strings.TrimSuffix(strings.TrimPrefix(r.File, "records/"), ".jsonl")
			if got := strings.Join(r.Derived, " "); got != unproved[name] {
				t.Errorf("%s: nothing sealed is behind %q, want %q", name, got, unproved[name])
			}
		}
		for _, line := range s.NotProved {
			if strings.Contains(line, "the package does not have the documents") {
				t.Errorf("documents are missing: %s", line)
			}
		}
		p := made.Package
		if p.From != "2026-07-01" || p.To != "2026-09-30" || p.By != o.lea.ID || p.Tree != s.Tree || p.First != s.First || p.Count != s.Count ||
			int(p.Files) != s.Files-5 || p.WithRaw || p.ManifestSHA256 == "" {
			t.Errorf("record %+v, check %+v", p, s)
		}
		for _, r := range p.Rows {
			if n := len(rows(t, files(t, b)[r.File])); int64(n) != r.Rows {
				t.Errorf("%s: %d rows, the record says %d", r.File, n, r.Rows)
			}
		}
		list, err := o.evidence.Made(t.Context())
		if err != nil || len(list) != 1 || list[0].ID != p.ID {
			t.Errorf("packages made: %v, %v", list, err)
		}
	})
}

// unproved are the columns that were computed for those who read, and that an
// auditor must take from the report's word. Names, times, acts are not.
var unproved = map[string]string{
	"approval-matrix": "approver_roles audience category policy position reason required rule severity",
	"cases":           "approvers clock first_entry responders response_seconds target_seconds",
	"channels":        "in_force",
	"communications":  "attachment_names channel_address claimed first_entry recipients sender",
	"exceptions":      "occurred type what who",
	"people":          "state",
	"policies":        "effective in_force",
	"responses":       "recipients",
}

// TestApprovals holds that an approval in the rows is the act of the person who
// gave it, also where that was before the period.
func TestApprovals(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		o.quarter()
		for from, want := range map[time.Time]int64{q3.From: 4, q3.From.AddDate(0, 0, 6): 4, q3.From.AddDate(0, 0, 40): 4, q3.To.Add(time.Hour): 4} {
			b, _ := o.build(evidence.Period{From: from, To: q3.To.AddDate(0, 1, 0)}, evidence.BuildOptions{})
			s, err := check(t, b, o.VerifierKey())
			o.must(err)
			list := rows(t, files(t, b)["records/approvals.csv"])
			if s.Approvals != want || int64(len(list)) != want {
				t.Errorf("from %s: %d approvals are proved, %d listed, want %d", from, s.Approvals, len(list), want)
			}
			for _, r := range list {
				if r["act"] != "response.approved" || r["actor_name"] != "Lea Lead" || r["role"] != "lead" || r["content_hash"] == "" {
					t.Errorf("%v", r)
				}
			}
		}
	})
}

// TestWitnessed holds that a package has what witnesses cosigned, and that none
// is made of a log that is not the one they saw.
func TestWitnessed(t *testing.T) {
	o := sqlite(t)
	signer := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	witness, err := format.NewWitnessKey("auditor.example", signer.Public().(ed25519.PublicKey))
	o.must(err)
	cosign := func(note []byte) []byte {
		text, _, _ := bytes.Cut(note, []byte("\n\n"))
		return witness.AppendCosignature(note, 1790000000, ed25519.Sign(signer, format.CosignatureMessage(append(text, '\n'), 1790000000)))
	}
	policy, err := format.ParsePolicy(fmt.Appendf(nil, "witness a %s\nquorum a\n", witness))
	o.must(err)
	o.quarter()
	seen, err := o.Checkpoint(t.Context())
	o.must(err)
	o.cosigned = cosign(bytes.Clone(seen.Signed))
	o.mail("later@example.com", "Later", "Not of this period.")
	b, _ := o.build(q3, evidence.BuildOptions{})
	path := filepath.Join(t.TempDir(), "q3.zip")
	o.must(os.WriteFile(path, b, 0o600))
	s, err := verify.Package(t.Context(), path, verify.Options{Policy: policy})
	if err != nil || s.Witnessed != seen.Size || len(s.Witnesses) != 1 {
		t.Errorf("%+v, %v", s, err)
	}
	other := sqlite(t)
	head, err := other.Checkpoint(t.Context())
	o.must(err)
	o.cosigned = cosign(bytes.Clone(head.Signed))
	if _, err := o.evidence.Build(t.Context(), o.lea.Actor(people.Lead), q3, evidence.BuildOptions{}, io.Discard, nil); err == nil {
		t.Error("a package is made of a log that is not the one that was cosigned")
	}
}

// TestNumbers holds the numbers of the quarter, which a page shows as well,
// against what happened.
func TestNumbers(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		o.quarter()
		r, err := o.evidence.Report(t.Context(), q3)
		o.must(err)
		if r.Received != 7 || r.Answered != 3 || r.Sent != 3 || r.Closed != 0 || r.Unparsed != 1 {
			t.Errorf("received %d, answered %d, sent %d, closed %d, unparsed %d", r.Received, r.Answered, r.Sent, r.Closed, r.Unparsed)
		}
		if want := (evidence.Flow{Inbound: 7, Answers: 3, Confirmations: 6, Notes: 1}); r.Communications != want {
			t.Errorf("communications %+v", r.Communications)
		}
		if diff := cmp.Diff([]evidence.Count{{Name: "spam", N: 1}}, r.Dispositions); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]evidence.Count{{Name: "waits for a first response", N: 5}, {Name: "answered, not closed", N: 3}}, r.Backlog); diff != "" {
			t.Error(diff)
		}
		// 1 Jul 10:00 after 22 Jun 09:00 is 57 business hours; 3 Aug 09:00 after 8 Jul 09:00 is 144.
		moderate := evidence.Timing{Severity: "moderate", Answered: 3, Median: 57 * time.Hour, P90: 144 * time.Hour, Target: 16 * time.Hour, Met: 1, Missed: 2, Late: 4}
		if diff := cmp.Diff(moderate, r.Timings[2]); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(evidence.Timing{Answered: 3, Median: 57 * time.Hour, P90: 144 * time.Hour, Met: 1, Missed: 2, Late: 5}, r.Overall); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]evidence.NumberRange{{Year: 2026, First: "C-2026-000004", Last: "C-2026-000010", Count: 7}}, r.Numbers); diff != "" {
			t.Error(diff)
		}
		if len(r.Weeks) != 14 || !r.Weeks[1].From.Equal(time.Date(2026, 7, 6, 0, 0, 0, 0, time.UTC)) || r.Weeks[1].Inbound != 2 || r.Weeks[1].Answers != 1 {
			t.Errorf("weeks %+v", r.Weeks)
		}
		_, made := o.build(q3, evidence.BuildOptions{})
		made.Report.MadeAt, made.Report.Log = r.MadeAt, r.Log
		if diff := cmp.Diff(r, made.Report); diff != "" {
			t.Errorf("the page and the package disagree:\n%s", diff)
		}
	})
}

// TestAsItStood holds that what came after the period does not change its
// package, and that the next period has it.
func TestAsItStood(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		o.quarter()
		b, _ := o.build(q3, evidence.BuildOptions{})
		cases := map[string]map[string]string{}
		for _, r := range rows(t, files(t, b)["records/cases.csv"]) {
			cases[r["number"]] = r
		}
		want := []string{"C-2026-000001", "C-2026-000002", "C-2026-000004", "C-2026-000005", "C-2026-000006", "C-2026-000007", "C-2026-000008", "C-2026-000009", "C-2026-000010"}
		if got := slices.Sorted(maps.Keys(cases)); !slices.Equal(got, want) {
			t.Errorf("cases %v", got)
		}
		if c := cases["C-2026-000005"]; c["updated"] != "2026-08-03T09:00:00.000000Z" || c["communications"] != "3" || c["clock"] != "missed" || c["responders"] != "Ana Lyst" || c["approvers"] != "Lea Lead" {
			t.Errorf("a case that was touched later: %v", c)
		}
		if c := cases["C-2026-000001"]; c["clock"] != "late" || c["first_entry"] != "" {
			t.Errorf("a case that nobody touched: %v", c)
		}
		if c := cases["C-2026-000007"]; c["disposition"] != "spam" || c["clock"] != "none" || c["due"] != "" {
			t.Errorf("spam: %v", c)
		}
		later := evidence.Period{From: q3.To, To: q3.To.AddDate(0, 3, 0)}
		b, made := o.build(later, evidence.BuildOptions{})
		if _, err := check(t, b, o.VerifierKey()); err != nil {
			t.Fatal(err)
		}
		if r := made.Report; r.Received != 1 || r.Communications.Notes != 1 || !r.AsOf.Equal(o.Now()) || !r.AsOf.Before(later.To) {
			t.Errorf("the quarter under way: %+v", r)
		}
		if got := rows(t, files(t, b)["records/history.csv"]); !slices.ContainsFunc(got, func(r map[string]string) bool { return r["act"] == "package.sealed" && r["actor_name"] == "Lea Lead" }) {
			t.Error("the package before is not in the history")
		}
	})
}

// TestPeriods makes packages of periods at the edges.
func TestPeriods(t *testing.T) {
	o := sqlite(t)
	o.quarter()
	day := 24 * time.Hour
	for name, p := range map[string]evidence.Period{
		"before the log":      {From: q3.From.AddDate(-1, 0, 0), To: q3.From.AddDate(0, -3, 0)},
		"nothing happened":    {From: q3.From.AddDate(0, 2, 0), To: q3.To.Add(-day)},
		"from the first on":   {From: q3.From.AddDate(-1, 0, 0), To: q3.To.AddDate(5, 0, 0)},
		"one microsecond":     {From: time.Date(2026, 7, 6, 9, 0, 0, 0, time.UTC), To: time.Date(2026, 7, 6, 9, 0, 0, 1000, time.UTC)},
		"an afternoon abroad": {From: time.Date(2026, 8, 20, 12, 0, 0, 0, time.FixedZone("", 4*3600)), To: time.Date(2026, 8, 20, 18, 0, 0, 0, time.FixedZone("", 4*3600))},
		"after the last":      {From: time.Date(2026, 10, 20, 0, 0, 0, 0, time.UTC), To: time.Date(2026, 10, 21, 0, 0, 0, 0, time.UTC)},
	} {
		b, _ := o.build(p, evidence.BuildOptions{WithRaw: true})
		if _, err := check(t, b, o.VerifierKey()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, p := range map[string]evidence.Period{
		"none": {}, "half": {From: q3.From}, "backwards": {From: q3.To, To: q3.From}, "empty": {From: q3.From, To: q3.From},
		"to come": {From: o.Now().Add(day), To: o.Now().Add(2 * day)}, "before 1970": {From: time.Unix(-1, 0), To: q3.To},
	} {
		var out bytes.Buffer
		_, err := o.evidence.Build(t.Context(), o.lea.Actor(people.Lead), p, evidence.BuildOptions{}, &out, nil)
		if kind, _ := fault.Of(err); kind != fault.Invalid || out.Len() > 0 {
			t.Errorf("%s: %v, %d bytes", name, err, out.Len())
		}
		if _, err := o.evidence.Report(t.Context(), p); err == nil {
			t.Errorf("%s: a report", name)
		}
	}
}

// TestRaw holds what is and what is not in a package, with raw content and
// without.
func TestRaw(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		o.quarter()
		code := text(t, o, "C-2026-000006")
		bare, _ := o.build(q3, evidence.BuildOptions{})
		full, _ := o.build(q3, evidence.BuildOptions{WithRaw: true})
		for _, b := range [][]byte{bare, full} {
			if _, err := check(t, b, o.VerifierKey()); err != nil {
				t.Fatal(err)
			}
		}
		all, bareFiles := files(t, full), files(t, bare)
		for name, secrets := range map[string][]string{
			"without raw": {whistle, "Whistle about invoices", trace, code, "me.jpg"},
			"with raw":    {trace, code, "me.jpg"},
		} {
			in := bareFiles
			if name == "with raw" {
				in = all
			}
			for path, content := range in {
				for _, secret := range secrets {
					if bytes.Contains(content, []byte(secret)) {
						t.Errorf("%s: %s shows %q", name, path, secret)
					}
				}
			}
		}
		for name := range bareFiles {
			if strings.HasPrefix(name, "raw/") && name != "raw/C-2026-000005/1/text.txt" {
				t.Errorf("raw content that nobody asked for: %s", name)
			}
		}
		if got := string(all["raw/C-2026-000009/1/message.eml"]); got != strings.ReplaceAll(attached, "\n", "\r\n") {
			t.Errorf("message %q", got)
		}
		if got := string(all["raw/C-2026-000009/1/attachment-1.csv"]); !strings.HasPrefix(got, "a,b") {
			t.Errorf("attachment %q", got)
		}
		if got := all["raw/C-2026-000006/1/attachment-1.jpg"]; !bytes.HasPrefix(got, []byte{0xff, 0xd8}) {
			t.Errorf("the copy without metadata: %d bytes", len(got))
		}
		if !bytes.Contains(all["records/communications.csv"], []byte(whistle)) {
			t.Error("what an anonymous reporter wrote was asked for and is not there")
		}
		for _, r := range rows(t, all["records/communications.csv"]) {
			for column, sealed := range map[string]string{"raw_file": r["raw_sha256"], "text_file": ""} {
				if path := r[column]; path != "" && sealed != "" && sum(all[path]) != sealed {
					t.Errorf("%s is not what the record of %s says", path, r["number"])
				}
			}
		}
	})
}

// TestAnsweredAnonymous holds that an answer to an anonymous report shows no
// more of it than the report itself, and that its approval is proved all the
// same.
func TestAnsweredAnonymous(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		o.at(2026, 7, 6, 9, 0)
		o.anonymous()
		c, err := o.intake.Case(t.Context(), "C-2026-000001")
		o.must(err)
		const words = "We have asked the brother of your manager."
		if r := o.answer(c, words); r.State != response.Sent {
			t.Fatalf("%+v", r)
		}
		o.at(2026, 11, 2, 9, 0)
		for _, raw := range []bool{false, true} {
			b, _ := o.build(q3, evidence.BuildOptions{WithRaw: raw})
			s, err := check(t, b, o.VerifierKey())
			if err != nil || s.Responses != 1 || s.Approvals == 0 || len(s.Exceptions) != 0 {
				t.Fatalf("%+v, %v", s, err)
			}
			shown := false
			for path, content := range files(t, b) {
				for _, word := range []string{words, "Whistle about invoices", whistle} {
					if bytes.Contains(content, []byte(word)) {
						shown = true
						if !raw {
							t.Errorf("%s shows %q", path, word)
						}
					}
				}
			}
			if shown != raw {
				t.Errorf("raw %v, shown %v", raw, shown)
			}
			for _, r := range rows(t, files(t, b)["records/responses.csv"]) {
				if r["number"] != c.Number || r["approver_names"] == "" || (r["subject"] != "") != raw {
					t.Errorf("raw %v: %v", raw, r)
				}
			}
		}
	})
}

// TestErased holds that what was erased after a period is in no package of it,
// and that the rest of it is proved all the same.
func TestErased(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		o.quarter()
		const number = "C-2026-000004"
		c, err := o.intake.Case(t.Context(), number)
		o.must(err)
		messages, err := o.intake.Communications(t.Context(), c.ID)
		o.must(err)
		answers, err := o.responses.ForCase(t.Context(), c.ID)
		o.must(err)
		gone := ledger.Erased("P4.3")
		o.must(o.Write(t.Context(), o.leo.Actor(people.Legal), func(ctx context.Context, tx *ledger.Tx) error {
			for _, m := range messages {
				x := &intake.Communication{Record: m.Record, Case: m.Case, Number: m.Number, Seq: m.Seq, Direction: m.Direction, Channel: m.Channel, ReceivedAt: m.ReceivedAt}
				if err := intake.Communications.Erase(tx, x, gone, "identity", "content", "files", "trace", "raw"); err != nil {
					return err
				}
			}
			for _, r := range answers {
				x := *r
				x.To, x.Subject, x.Text, x.InReplyTo, x.References, x.MessageID, x.Salt, x.Attempts = nil, "", "", "", nil, "", "", nil
				if err := response.Responses.Erase(tx, &x, gone, "identity", "content", "files", "trace"); err != nil {
					return err
				}
			}
			c.Subject, c.ReporterName, c.ReporterAddress = "", "", ""
			return intake.Cases.Erase(tx, c, gone, "identity", "content")
		}))
		if _, err := o.FinishErasures(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, raw := range []bool{false, true} {
			for _, p := range []evidence.Period{q3, {From: q3.From, To: q3.To.AddDate(0, 3, 0)}} {
				b, _ := o.build(p, evidence.BuildOptions{WithRaw: raw})
				s, err := check(t, b, o.VerifierKey())
				if err != nil || s.Responses != 3 || s.Redacted == 0 {
					t.Fatalf("%s, raw %v: %+v, %v", p, raw, s, err)
				}
				for path, content := range files(t, b) {
					for _, word := range []string{"mara@halden.example", "There is a vulnerability in your login", "We are looking into it."} {
						if bytes.Contains(content, []byte(word)) {
							t.Errorf("%s, raw %v: %s shows %q", p, raw, path, word)
						}
					}
				}
			}
		}
	})
}

// text returns what must never leave of an anonymous case: the hash of its
// follow-up code.
func text(t *testing.T, o *office, number string) string {
	t.Helper()
	c, err := o.intake.Case(t.Context(), number)
	if err != nil || !c.Anonymous || c.CodeHash == "" {
		t.Fatalf("%+v, %v", c, err)
	}
	return c.CodeHash
}

// TestFormulas holds that no cell is a formula for a spreadsheet.
func TestFormulas(t *testing.T) {
	o := sqlite(t)
	for _, s := range []string{"=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "=cmd|' /C calc'!A0"} {
		o.mail(fmt.Sprintf("%q <a@example.com>", s), s, s)
	}
	o.at(2026, 11, 2, 9, 0)
	b, _ := o.build(evidence.Period{From: q3.From.AddDate(0, -1, 0), To: q3.To}, evidence.BuildOptions{})
	for name, content := range files(t, b) {
		if !strings.HasSuffix(name, ".csv") {
			continue
		}
		for _, r := range rows(t, content) {
			for column, cell := range r {
				if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
					t.Errorf("%s, %s: %q", name, column, cell)
				}
			}
		}
	}
}

// TestRealMail makes a package of mail as the world writes it.
func TestRealMail(t *testing.T) {
	root := "../../../shared/data"
	if _, err := os.Stat(root); err != nil {
		t.Skip("the collection of mail is not here")
	}
	o := sqlite(t)
	files, taken := 0, 0
	o.must(filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		if files++; files%4 != 0 { // a sample: all of them are for the tests of intake
			return nil
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		if _, err := o.intake.Receive(t.Context(), intake.Incoming{Channel: security, Source: intake.FromSMTP, Raw: io.LimitReader(f, 1<<20)}); err == nil {
			taken++
		}
		return nil
	}))
	t.Logf("%d of %d files", taken, files)
	for _, opt := range []evidence.BuildOptions{{}, {WithRaw: true}} {
		b, _ := o.build(evidence.Period{From: q3.From.AddDate(0, -1, 0), To: q3.To}, opt)
		if _, err := check(t, b, o.VerifierKey()); err != nil {
			t.Error(err)
		}
	}
}

// TestGolden holds the files of a package, their columns and README.txt.
func TestGolden(t *testing.T) {
	o := sqlite(t)
	o.quarter()
	b, _ := o.build(q3, evidence.BuildOptions{WithRaw: true})
	all := files(t, b)
	var got strings.Builder
	for _, name := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintln(&got, name)
		if strings.HasSuffix(name, ".csv") && !strings.HasPrefix(name, "raw/") {
			header, _, _ := strings.Cut(string(all[name]), "\n")
			fmt.Fprintln(&got, "    "+strings.ReplaceAll(header, ",", " "))
		}
	}
	golden(t, "files.txt", got.String())
	stable := strings.NewReplacer(o.VerifierKey(), "ORIGIN+ID+KEY", o.Origin(), "ORIGIN")
	golden(t, "README.txt", stable.Replace(string(all["README.txt"])))
	golden(t, "index.csv", string(all["index.csv"]))
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (run with -update to write it)", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s:\n%s", name, diff)
	}
}

// TestManifest holds that what sha256sum -c reads is right.
func TestManifest(t *testing.T) {
	o := sqlite(t)
	o.quarter()
	b, _ := o.build(q3, evidence.BuildOptions{})
	all := files(t, b)
	for line := range strings.Lines(string(all["MANIFEST.sha256"])) {
		sum, name, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "  ")
		h := sha256.Sum256(all[name])
		if !ok || hex.EncodeToString(h[:]) != sum {
			t.Errorf("%q", line)
		}
	}
}

// TestSameBytes holds that the same record and clock give the same package,
// but for its seal.
func TestSameBytes(t *testing.T) {
	dir := t.TempDir()
	o := furnishAt(t, dir)
	o.quarter()
	o.stop()
	var packages []map[string][]byte
	for range 2 {
		copied := t.TempDir()
		if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
		x := openAt(t, copied)
		x.lea = o.lea
		x.at(2026, 11, 2, 9, 0)
		b, _ := x.build(q3, evidence.BuildOptions{WithRaw: true})
		packages = append(packages, files(t, b))
	}
	for name, content := range packages[0] {
		if !strings.HasPrefix(name, "seal/") && !bytes.Equal(content, packages[1][name]) {
			t.Errorf("%s differs", name)
		}
	}
	if len(packages[0]) != len(packages[1]) {
		t.Error("there are other files")
	}
}

// TestAnyByte holds that a package in which any byte was changed, added or
// removed does not verify.
func TestAnyByte(t *testing.T) {
	o := sqlite(t)
	o.mail("a@example.com", "Question", "There is a vulnerability in your login.")
	o.at(2026, 11, 2, 9, 0)
	b, _ := o.build(evidence.Period{From: q3.From.AddDate(0, -1, 0), To: q3.To}, evidence.BuildOptions{})
	path := filepath.Join(t.TempDir(), "package.zip")
	refused := func(what string, changed []byte) {
		t.Helper()
		if err := os.WriteFile(path, changed, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := verify.Package(t.Context(), path, verify.Options{})
		if _, ok := errors.AsType[*verify.Failure](err); !ok {
			t.Errorf("%s: %v", what, err)
		}
	}
	step := max(len(b)/150, 1)
	for i := 0; i < len(b); i += step {
		changed := slices.Clone(b)
		changed[i] ^= 1
		refused(fmt.Sprintf("byte %d", i), changed)
	}
	refused("one more", append(slices.Clone(b), 0))
	refused("one less", b[:len(b)-1])
}

// TestWhileOthersWrite holds that a package is of one moment, whatever comes
// in meanwhile.
func TestWhileOthersWrite(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		o.quarter()
		const mails = 40 // while each package is made
		come, stopped := make(chan int, mails), make(chan struct{})
		go func() {
			defer close(stopped)
			for i := range come {
				raw := fmt.Sprintf("From: w%d@example.com\r\nSubject: Meanwhile %d\r\n\r\nHello.", i, i)
				if _, err := o.intake.Receive(context.Background(), intake.Incoming{Channel: security, Source: intake.FromSMTP, Raw: strings.NewReader(raw)}); err != nil {
					t.Error(err)
				}
			}
		}()
		for n := range 5 {
			for i := range mails {
				come <- n*mails + i
			}
			b, _ := o.build(evidence.Period{From: q3.From, To: o.Now().AddDate(0, 0, 1)}, evidence.BuildOptions{})
			if _, err := check(t, b, o.VerifierKey()); err != nil {
				t.Error(err)
			}
		}
		close(come)
		<-stopped
	})
}

// TestInterrupted holds that a maker who goes away leaves nothing, wherever
// that is.
func TestInterrupted(t *testing.T) {
	o := sqlite(t)
	o.quarter()
	stages := map[string]bool{}
	_, err := o.evidence.Build(t.Context(), o.lea.Actor(people.Lead), q3, evidence.BuildOptions{}, io.Discard, func(stage string, done, total int64) {
		stages[stage] = true
		if done < 0 || done > total {
			t.Errorf("%s: %d of %d", stage, done, total)
		}
	})
	o.must(err)
	if got := strings.Join(slices.Sorted(maps.Keys(stages)), " "); got != "documents log records references report seal" {
		t.Errorf("stages %s", got)
	}
	for _, stage := range []string{"log", "documents", "references"} {
		ctx, cancel := context.WithCancel(t.Context())
		var out bytes.Buffer
		_, err := o.evidence.Build(ctx, o.lea.Actor(people.Lead), q3, evidence.BuildOptions{}, &out, func(s string, _, _ int64) {
			if s == stage {
				cancel()
			}
		})
		cancel()
		if !errors.Is(err, context.Canceled) || out.Len() > 0 {
			t.Errorf("%s: %v, %d bytes", stage, err, out.Len())
		}
	}
	broken := errors.New("connection reset")
	if _, err := o.evidence.Build(t.Context(), o.lea.Actor(people.Lead), q3, evidence.BuildOptions{}, failing{broken}, nil); !errors.Is(err, broken) {
		t.Errorf("a reader who went away: %v", err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// TestRecount holds that a report whose numbers are not those of its rows
// makes no package.
func TestRecount(t *testing.T) {
	o := sqlite(t)
	o.quarter()
	for name, change := range map[string]func(*evidence.Report){
		"received":   func(r *evidence.Report) { r.Received++ },
		"channel":    func(r *evidence.Report) { r.Channels[0].Inbound-- },
		"category":   func(r *evidence.Report) { r.Categories[0].N++ },
		"median":     func(r *evidence.Report) { r.Timings[2].Median += time.Second },
		"met":        func(r *evidence.Report) { r.Timings[2].Met++ },
		"late":       func(r *evidence.Report) { r.Timings[3].Late = 0 },
		"week":       func(r *evidence.Report) { r.Weeks[1].Inbound, r.Weeks[2].Inbound = 0, 2 },
		"exceptions": func(r *evidence.Report) { r.Exceptions[0].N++ },
		"backlog":    func(r *evidence.Report) { r.Backlog = nil },
		"approvals":  func(r *evidence.Report) { r.Approvals[0].Name = "two persons" },
		"numbers":    func(r *evidence.Report) { r.Numbers[0].Count++ },
	} {
		if err := o.evidence.Misreport(t.Context(), q3, change); err == nil || !strings.Contains(err.Error(), "does not agree with its rows") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := o.evidence.Misreport(t.Context(), q3, func(*evidence.Report) {}); err != nil {
		t.Errorf("unchanged: %v", err)
	}
}

// TestNamesakes holds that two approvers of one name count as two, and that
// an answer outside business hours, which took no counted time, is counted.
func TestNamesakes(t *testing.T) {
	o := sqlite(t)
	o.leo = o.hire("Lea Lead", people.Legal)
	o.at(2026, 7, 4, 12, 0) // a Saturday
	c := o.mail("r@regulator.example", "Request of the data protection authority", "A regulatory inquiry.")
	if r := o.answer(c, "Here is our answer."); r.State != response.Sent || len(r.Approvals) != 2 {
		t.Fatalf("%+v", r)
	}
	o.at(2026, 11, 2, 9, 0)
	b, made := o.build(q3, evidence.BuildOptions{})
	if _, err := check(t, b, o.VerifierKey()); err != nil {
		t.Fatal(err)
	}
	if r := made.Report; evidence.Of(r.Approvals, "two persons") != 1 || r.Overall.Met != 1 || r.Overall.Answered != 1 || r.Overall.Median != 0 {
		t.Errorf("%+v", r)
	}
}

// TestShownDocuments holds that the sealed document of a package says what it
// should, whole.
func TestSealDocument(t *testing.T) {
	o := sqlite(t)
	o.quarter()
	b, made := o.build(q3, evidence.BuildOptions{})
	all := files(t, b)
	fields := map[string]json.RawMessage{}
	for line := range strings.Lines(string(all["seal/document"])) {
		if parts := strings.SplitN(strings.TrimSpace(line), " ", 3); len(parts) == 3 {
			fields[parts[1]] = json.RawMessage(parts[2])
		}
	}
	manifest := sha256.Sum256(all["MANIFEST.sha256"])
	if got := string(fields["manifest_sha256"]); got != fmt.Sprintf("%q", hex.EncodeToString(manifest[:])) {
		t.Errorf("manifest_sha256 %s", got)
	}
	if got := string(fields["made_at"]); got != fmt.Sprint(made.Package.MadeAt) {
		t.Errorf("made_at %s", got)
	}
	loaded, err := evidence.Packages.Load(t.Context(), o.Ledger, made.Package.ID)
	if err != nil || loaded.ArchiveSHA256 != made.Package.ArchiveSHA256 || loaded.Entry != made.Package.Entry {
		t.Errorf("%+v, %v", loaded, err)
	}
}
