package evidence_test

import (
	"bytes"
	"compress/flate"
	"compress/zlib"
	"context"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"example.org/countersign/internal/disclose"
	"example.org/countersign/internal/evidence"
	"example.org/countersign/internal/fault"
	"example.org/countersign/verify"
)

// redacted makes a package that shows less.
func (o *office) redacted(b []byte, show, redact string) ([]byte, *disclose.Result, error) {
	o.Helper()
	path := filepath.Join(o.TempDir(), "full.zip")
	o.must(os.WriteFile(path, b, 0o600))
	from, err := verify.Open(context.Background(), path, verify.Options{})
	o.must(err)
	defer from.Close()
	var s disclose.Selection
	for list, texts := range map[*[]disclose.Selector]string{&s.Show: show, &s.Redact: redact} {
		for text := range strings.FieldsSeq(texts) {
			x, err := disclose.ParseSelector(text)
			o.must(err)
			*list = append(*list, x)
		}
	}
	var out bytes.Buffer
	r, err := disclose.Make(context.Background(), from, s, &out)
	return out.Bytes(), r, err
}

var streams = regexp.MustCompile(`(?s)stream\r?\n(.*?)\r?\nendstream`)

// everything returns a file and what is packed in it.
func everything(content []byte) []byte {
	all := bytes.Clone(content)
	for _, m := range streams.FindAllSubmatch(content, -1) {
		if r, err := zlib.NewReader(bytes.NewReader(m[1])); err == nil {
			text, _ := io.ReadAll(r) // as far as it goes
			all = append(all, text...)
		}
		text, _ := io.ReadAll(flate.NewReader(bytes.NewReader(m[1])))
		all = append(all, text...)
	}
	return all
}

// TestDisclose holds that a package which shows less checks in the same
// checkpoint, and that nothing of what it does not show is in any of its files.
func TestDisclose(t *testing.T) {
	o := sqlite(t)
	o.quarter()
	full, _ := o.build(q3, evidence.BuildOptions{WithRaw: true})
	whole, err := check(t, full, o.VerifierKey())
	o.must(err)
	words := func(secrets ...string) []string { return secrets }
	mara := words("mara@halden.example", "Mara Voss", "HYPERLINK", "vulnerability in your login", "We are looking into it")
	for _, test := range []struct {
		show, redact string
		gone, there  []string
	}{
		{"", "C-2026-000004", mara, words("Late, but here it is.", "C-2026-000004", "See the attached list")},
		{"", "*:text *:text_blob *:subject", words("HYPERLINK", "vulnerability in your login", "Late, but here it is.", "A long text that does not fit", "See the attached list", whistle), words("mara@halden.example", "list.csv")},
		{"", "C-2026-000005/1", words("A long text that does not fit"), words("Ответьте", "Late, but here it is.", "vulnerability in your login")},
		{"C-2026-000009", "", append(mara, "Late, but here it is.", whistle, "ana.lyst", "Ana Lyst"), words("See the attached list", "C-2026-000004")},
		{"C-2026-000004 person channel", "person:email", words("Late, but here it is.", "ana.lyst", "See the attached list"), words("vulnerability in your login", "Ana Lyst", "Security mailbox")},
	} {
		name := "show " + test.show + ", redact " + test.redact
		b, r, err := o.redacted(full, test.show, test.redact)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		s, err := check(t, b, o.VerifierKey())
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !s.Abridged || s.Tree != whole.Tree || s.Count != whole.Count || s.Documents != whole.Documents || s.Responses != whole.Responses ||
			s.Approvals != whole.Approvals || s.Cases != whole.Cases || s.Redacted <= whole.Redacted || len(s.LeftOut) != 2 {
			t.Errorf("%s: %+v", name, s)
		}
		all := files(t, b)
		if string(all["ledger/checkpoint"]) != string(files(t, full)["ledger/checkpoint"]) {
			t.Errorf("%s: it has another checkpoint", name)
		}
		seen := map[string]bool{}
		for path, content := range all {
			content = everything(content)
			for _, word := range test.gone {
				if bytes.Contains(content, []byte(word)) {
					t.Errorf("%s: %s shows %q", name, path, word)
				}
			}
			for _, word := range test.there {
				seen[word] = seen[word] || bytes.Contains(content, []byte(word))
			}
		}
		for _, word := range test.there {
			if !seen[word] {
				t.Errorf("%s: %q is gone too", name, word)
			}
		}
		for _, word := range test.gone {
			if bytes.Contains(b, []byte(word)) {
				t.Errorf("%s: the archive shows %q", name, word)
			}
		}
		report := string(all["report.html"])
		for _, c := range r.Hidden {
			if !strings.Contains(report, c.Name) {
				t.Errorf("%s: the report does not say that %s is redacted", name, c.Name)
			}
		}
		for _, row := range rows(t, all["index.csv"]) {
			if path, _, _ := strings.Cut(row["file"], "#"); path != "" && all[path] == nil {
				t.Errorf("%s: the index names %s, which is not there", name, path)
			}
		}
		index := string(all["index.csv"])
		for _, want := range []string{"What was left out", "left out: it was computed from records", "left out: the report of the sealed package"} {
			if !strings.Contains(index, want) {
				t.Errorf("%s: the index does not say %q", name, want)
			}
		}
		again, _, err := o.redacted(b, "", "casefile:state")
		o.must(err)
		if _, err := check(t, again, o.VerifierKey()); err != nil {
			t.Errorf("%s, and redacted again: %v", name, err)
		}
	}
}

// TestDiscloseMeansSomething holds that a selection which picks nothing makes
// no package: a misspelt field would be shown.
func TestDiscloseMeansSomething(t *testing.T) {
	o := sqlite(t)
	o.quarter()
	full, _ := o.build(q3, evidence.BuildOptions{})
	for redact, want := range map[string]string{
		"": "say what to show", "communication:subjct": "nothing in the package is meant by communication:subjct", "C-2026-000099": "nothing in the package",
		"C-2026-000005/9": "nothing in the package", "letter": "nothing in the package", "response:approvals": "nobody could check",
	} {
		_, _, err := o.redacted(full, "", redact)
		if kind, msg := fault.Of(err); kind != fault.Invalid || !strings.Contains(msg, want) {
			t.Errorf("%s: %v", redact, err)
		}
	}
	_, r, err := o.redacted(full, "", "casefile:subject")
	o.must(err)
	var names []string
	for _, c := range r.Elsewhere {
		names = append(names, c.Name)
	}
	if !slices.Contains(names, "communication:subject") {
		t.Errorf("that the subject is shown elsewhere is not said: %v", names)
	}
	b, r, err := o.redacted(full, "", "casefile:subject communication:subject response:subject")
	o.must(err)
	if len(r.Elsewhere) != 0 {
		t.Errorf("the subject is shown in %v", r.Elsewhere)
	}
	// No table has a column that is empty in all of its rows.
	for path, content := range files(t, b) {
		if !strings.HasPrefix(path, "records/") || !strings.HasSuffix(path, ".csv") {
			continue
		}
		filled := map[string]bool{}
		list := rows(t, content)
		for _, row := range list {
			for column, cell := range row {
				filled[column] = filled[column] || cell != ""
			}
		}
		for column := range maps.Keys(filled) {
			if !filled[column] && len(list) > 0 {
				t.Errorf("%s: column %s is empty", path, column)
			}
		}
	}
}
