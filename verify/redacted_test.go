package verify

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"testing"

	"example.org/countersign/verify/format"
)

// bare takes what nothing sealed is behind out of the tables, as a redacted
// package must.
func bare(f files) {
	for name, content := range f {
		switch {
		case strings.HasSuffix(name, ".jsonl"):
			f[name] = bytes.ReplaceAll(content, []byte(`"days":3,`), nil)
		case bytes.Contains(content, []byte(",days,")):
			content = bytes.ReplaceAll(content, []byte(",days,"), []byte(","))
			f[name] = bytes.ReplaceAll(content, []byte(",CC2.3,3,"), []byte(",CC2.3,"))
		case strings.HasPrefix(name, "raw/"):
			delete(f, name)
		}
	}
}

// redactedPackage is one of a small log, whose seal says how many rows the
// sealed one had.
func redactedPackage(t testing.TB, change func(l *testLog, f files), rows ...any) []byte {
	l := smallLog()
	f := smallFiles(l)
	bare(f)
	if change != nil {
		change(l, f)
	}
	if rows == nil {
		for _, name := range []string{"approvals", "cases", "channels", "responses"} {
			rows = append(rows, map[string]any{"file": "records/" + name + ".csv", "rows": map[string]int{"approvals": 1, "cases": 2, "channels": 1, "responses": 1}[name]})
		}
		rows = append(rows, map[string]any{"file": "records/exceptions.csv", "rows": 4})
	}
	return l.pack(t, f, func(s *sealing) { s.redacted, s.fields["rows"] = true, rows })
}

// A redacted package is proved by the log alone.
func TestRedactedPackage(t *testing.T) {
	b := redactedPackage(t, nil)
	s, err := checkBytes(b, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if !s.Abridged || len(s.LeftOut) != 1 || s.LeftOut[0].File != "records/exceptions.csv" || s.LeftOut[0].Rows != 4 {
		t.Errorf("%+v", s)
	}
	golden(t, "summary-redacted.txt", s)
	for i := 0; i < len(b); i += 1 + i%5 {
		b[i] ^= 1 << (i % 8)
		caught(t, fmt.Sprintf("byte %d", i), b)
		b[i] ^= 1 << (i % 8)
	}
	edit := func(name, from, to string) func(*testLog, files) {
		return func(_ *testLog, f files) {
			if !bytes.Contains(f[name], []byte(from)) {
				t.Errorf("%s has no %s", name, from)
			}
			f[name] = bytes.ReplaceAll(f[name], []byte(from), []byte(to))
		}
	}
	for name, test := range map[string]struct {
		b          []byte
		file, what string
	}{
		"a column of no source": {redactedPackage(t, func(l *testLog, f files) { l.rows(f, "channels", 0) }), "records/channels.jsonl", `nothing sealed that is shown is behind "days"`},
		"a row less":            {redactedPackage(t, func(l *testLog, f files) { l.rows(f, "cases", 5); bare(f) }), "records/cases.jsonl", "has 1 rows, the package that was sealed 2"},
		"a row twice":           {redactedPackage(t, func(l *testLog, f files) { l.rows(f, "cases", 5, 5); bare(f) }), "records/cases.jsonl", "the entry is there twice"},
		"a table more":          {redactedPackage(t, func(l *testLog, f files) { l.rows(f, "secrets", 5); bare(f) }), "records/secrets.jsonl", "the package that was sealed 0"},
		"another value":         {redactedPackage(t, edit("records/cases.jsonl", `"urgent":true`, `"urgent":false`)), "records/cases.jsonl", "not what the sealed document says"},
		"a file of no source":   {redactedPackage(t, func(_ *testLog, f files) { f["raw/1.eml"] = []byte("x") }), "raw/1.eml", "no document that is shown says what it is"},
	} {
		_, err := checkBytes(test.b, Options{})
		f, ok := errors.AsType[*Failure](err)
		if !ok || f.File != test.file || !strings.Contains(f.What, test.what) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, bad := range []string{"", "countersign-redacted/1\n", "countersign-redacted/2\nmanifest " + hash1 + "\narchive " + hash1 + "\n",
		"countersign-redacted/1\narchive " + hash1 + "\nmanifest " + hash1 + "\n", "countersign-redacted/1\nmanifest " + hash1 + "\narchive x\n"} {
		if _, err := format.ParseRedacted([]byte(bad)); err == nil {
			t.Errorf("%q is read", bad)
		}
	}
}

// What the seal says of rows holds of the whole package too.
func TestSealedRows(t *testing.T) {
	l := smallLog()
	for name, rows := range map[string]int{"": 2, "has 2 rows, the package that was sealed 3": 3} {
		log := l.clone()
		f := log.files(1, 6, 0)
		log.rows(f, "cases", 5, 2)
		_, err := checkBytes(log.pack(t, f, func(s *sealing) {
			s.fields["rows"] = []any{map[string]any{"file": "records/cases.csv", "rows": rows}}
		}), Options{})
		if (err == nil) != (name == "") || err != nil && !strings.Contains(err.Error(), name) {
			t.Errorf("%d rows: %v", rows, err)
		}
	}
	log := l.clone()
	_, err := checkBytes(log.pack(t, log.files(1, 6, 0), func(s *sealing) {
		s.fields["rows"] = []any{map[string]any{"file": "records/cases.csv", "rows": 2}}
	}), Options{})
	want(t, err, "records", "records/cases.csv", none, "the seal speaks of its 2 rows")
}

// A file that a row names is the one whose hash the document has.
func TestRawFiles(t *testing.T) {
	const text, other = "It does not work.\n", "It works.\n"
	sha256Of := func(s string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(s))) }
	for name, test := range map[string]struct {
		column, value string
		fields        map[string]any
		what          string
	}{
		"raw":              {"raw_file", `"raw/1.eml"`, map[string]any{"raw_sha256": sha256Of(text)}, ""},
		"text":             {"text_file", `"raw/1.eml"`, map[string]any{"text_blob": map[string]any{"sha256": sha256Of(text)}}, ""},
		"attachments":      {"attachment_files", `["raw/1.eml"]`, map[string]any{"attachments": []any{map[string]any{"sha256": sha256Of(text)}}}, ""},
		"another's hash":   {"raw_file", `"raw/1.eml"`, map[string]any{"raw_sha256": sha256Of(other)}, "whose SHA-256 is not in the sealed document"},
		"a file not there": {"raw_file", `"raw/2.eml"`, map[string]any{"raw_sha256": sha256Of(text)}, "not in the package"},
		"no file":          {"raw_file", `7`, map[string]any{"raw_sha256": sha256Of(text)}, "names no files"},
		"a file twice":     {"attachment_files", `["raw/1.eml","raw/1.eml"]`, map[string]any{"attachments": []any{map[string]any{"sha256": sha256Of(text)}}}, "not in the package or another row's"},
	} {
		l := newLog("log.example", 1)
		test.fields["number"] = "C-2026-000001"
		l.act("communication.received", "message1", test.fields)
		f := l.files(0, 1)
		f["raw/1.eml"] = []byte(text)
		l.rows(f, "communications", 0)
		f["records/communications.jsonl"] = bytes.Replace(f["records/communications.jsonl"], []byte(`"days":3`), []byte(`"`+test.column+`":`+test.value), 1)
		f["records/communications.csv"] = bytes.Replace(bytes.Replace(f["records/communications.csv"], []byte(",days,"), []byte(","+test.column+","), 1),
			[]byte(",CC2.3,3,"), []byte(",CC2.3,"+format.Cell([]byte(test.value))+","), 1)
		s, err := checkBytes(l.pack(t, f), Options{})
		if (err == nil) != (test.what == "") || err != nil && !strings.Contains(err.Error(), test.what) {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil && (s.Unnamed != 0 || len(s.Rows[0].Derived) != 0) {
			t.Errorf("%s: %+v", name, s)
		}
	}
}
