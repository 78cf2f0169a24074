package disclose

import (
	"slices"
	"strings"
	"testing"
)

func selection(t *testing.T, show, redact string) (s Selection) {
	t.Helper()
	for text := range strings.FieldsSeq(show) {
		x, err := ParseSelector(text)
		if err != nil {
			t.Fatal(err)
		}
		s.Show = append(s.Show, x)
	}
	for text := range strings.FieldsSeq(redact) {
		x, err := ParseSelector(text)
		if err != nil {
			t.Fatal(err)
		}
		s.Redact = append(s.Redact, x)
	}
	return s
}

// fields are those of a few records, by what selectors know of them.
var fields = map[record][]string{
	{kind: kindCase, number: "C-2026-000001"}:                    {"number", "subject", "state"},
	{kind: kindCommunication, number: "C-2026-000001", seq: "1"}: {"number", "seq", "subject", "text"},
	{kind: kindCommunication, number: "C-2026-000001", seq: "2"}: {"number", "seq", "text"},
	{kind: kindResponse, number: "C-2026-000001", seq: "1"}:      {"number", "seq", "subject", "approvals", "quorum", "content_hash"},
	{kind: kindCase, number: "C-2026-000002", entry: "17"}:       {"number", "subject"},
	{kind: "person"}: {"name", "email"},
}

func TestSelection(t *testing.T) {
	for _, test := range []struct{ show, redact, hidden string }{
		{"", "casefile:subject", "casefile/1:subject casefile/2:subject"},
		{"", "*:subject", "casefile/1:subject casefile/2:subject communication/1.1:subject response/1.1:subject"},
		{"", "C-2026-000001", "casefile/1:state casefile/1:subject communication/1.1:subject communication/1.1:text communication/1.2:text response/1.1:subject"},
		{"", "C-2026-000001/2", "communication/1.2:text"},
		{"", "C-2026-000001/1:text", "communication/1.1:text"},
		{"", "communication:number", "communication/1.1:number communication/1.2:number"},
		{"", "*:number", "communication/1.1:number communication/1.2:number response/1.1:number"},
		{"", "response", "response/1.1:subject"},
		{"", "person", "person/:email person/:name"},
		{"C-2026-000002", "", "casefile/1:state casefile/1:subject communication/1.1:subject communication/1.1:text communication/1.2:text person/:email person/:name response/1.1:subject"},
		{"C-2026-000001 C-2026-000002 person:name", "C-2026-000001/1:text", "communication/1.1:text person/:email"},
		{"*:subject *:text person", "response:subject", "casefile/1:state response/1.1:subject"},
		{"", "17", "casefile/2:subject"},
		{"17:subject C-2026-000001 person", "", ""},
	} {
		s := selection(t, test.show, test.redact)
		if err := s.check(); err != nil {
			t.Errorf("show %s, redact %s: %v", test.show, test.redact, err)
		}
		var hidden []string
		for r, names := range fields {
			for _, name := range names {
				if s.hides(r, name) {
					place := strings.TrimPrefix(r.number, "C-2026-00000")
					if r.seq != "" {
						place += "." + r.seq
					}
					hidden = append(hidden, r.kind+"/"+place+":"+name)
				}
			}
		}
		slices.Sort(hidden)
		if got := strings.Join(hidden, " "); got != test.hidden {
			t.Errorf("show %s, redact %s: hides %s", test.show, test.redact, got)
		}
	}
	for _, bad := range []string{"", "Case", "C-2026-1", "C-2026-000001/0", "C-2026-000001/x", "communication:", ":subject", "communication:Subject", "communication subject", "*/2", "person/2", "017", "17/2", "17:", "-1", "1234567890123456789"} {
		if x, err := ParseSelector(bad); err == nil {
			t.Errorf("%q is read as %+v", bad, x)
		}
	}
	bare := selection(t, "C-2026-000001/1", "")
	for _, bare.Bare = range []bool{false, true} {
		for r, names := range fields {
			for _, name := range names {
				want := !strings.HasSuffix(name, "number") && name != "seq" || bare.Bare
				if r.kind == kindCommunication && r.seq == "2" && bare.hides(r, name) != want {
					t.Errorf("bare %v: %s of what is not shown is hidden: %v", bare.Bare, name, !want)
				}
			}
		}
	}
	for _, refused := range []string{"", "response:approvals", "casefile:number", "C-2026-000001:quorum", "C-2026-000001:number"} {
		if err := selection(t, "", refused).check(); err == nil {
			t.Errorf("%q is followed", refused)
		}
	}
}

func TestCouple(t *testing.T) {
	for _, test := range []struct{ kind, hide, want string }{
		{kindCommunication, "", ""},
		{kindCommunication, "subject", "raw_blob raw_sha256 raw_size subject"},
		{kindCommunication, "text_blob", "raw_blob raw_sha256 raw_size text text_blob"},
		{kindResponse, "declines", "declines"},
		{kindResponse, "text", "content_salt text"},
		{kindCase, "subject", "subject"},
	} {
		hide := map[string]bool{}
		for name := range strings.FieldsSeq(test.hide) {
			hide[name] = true
		}
		couple(test.kind, hide)
		var got []string
		for name := range hide {
			got = append(got, name)
		}
		slices.Sort(got)
		if strings.Join(got, " ") != test.want {
			t.Errorf("%s: hiding %s hides %s", test.kind, test.hide, got)
		}
	}
}
