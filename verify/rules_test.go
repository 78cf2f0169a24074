package verify

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"example.org/countersign/verify/format"
)

func TestResponses(t *testing.T) {
	for _, test := range []struct {
		name   string
		fields map[string]any
		what   string // empty where it holds
	}{
		{"as it should be", response(), ""},
		{"one more than required", with(response(), "quorum", 1), ""},
		{"one too few", with(response(), "quorum", 3), "approved by 2 of the 3 persons required"},
		{"one person twice", with(response(), "approvals", approvals("ben", hash1, "ben", hash1)), "approved by 1 of the 2 persons"},
		{"an author", with(response(), "authors", []string{"anna", "cleo"}), `approved by "cleo", who is one of its authors`},
		{"no author", with(response(), "authors", nil), "has no author"},
		{"no quorum", with(response(), "quorum", nil), "no exception names the rule"},
		{"no approval", with(response(), "approvals", nil), "approved by 0 of the 2"},
		{"nobody's approval", with(response(), "approvals", approvals("", hash1)), "does not say by whom"},
		{"approval of other content", with(response(), "approvals", approvals("ben", hash1, "cleo", hash2)), `by "cleo" is for other content`},
		{"other content was sent", with(response(), "sent_hash", hash2), "what was sent is not the content"},
		{"nothing was sent", with(response(), "sent_hash", nil), "what was sent is not the content"},
		{"no content", with(response(), "content_hash", nil), "content_hash"},
		{"content that is no hash", with(response(), "content_hash", "x", "sent_hash", "x"), "content_hash"},
		{"another state", with(response(), "state", "draft"), `the act is response.sent but the state of the response "draft"`},
		{"a word for a number", with(response(), "quorum", "two"), "field quorum is not what it should be"},
		{"an exception", with(response(), "exception", "emergency release, version 3", "approvals", nil, "quorum", nil), ""},
		{"an exception with other content", with(response(), "exception", "rule 1", "sent_hash", hash2), "what was sent is not the content"},
		{"a story for an exception", with(response(), "exception", strings.Repeat("because ", 100)), "tells a story"},
	} {
		l := newLog("log.example", 1)
		index := l.answer("response.sent", "response1", test.fields)
		s, err := checkBytes(l.pack(t, l.files(0, len(l.entries))), Options{})
		if test.what != "" {
			want(t, err, "documents", "ledger/documents", index, "record response1: ")
		}
		if err == nil && test.what != "" || err != nil && (test.what == "" || !strings.Contains(err.Error(), test.what)) {
			t.Errorf("%s: %v", test.name, err)
		}
		if err == nil && (s.Responses != 1 || len(s.Exceptions) != strings.Count(test.name, "exception")) {
			t.Errorf("%s: %+v", test.name, s)
		}
	}
}

// A response that may have gone out, without anybody knowing, is held to the
// same rule.
func TestResponsesWithoutEnd(t *testing.T) {
	alone := with(response(), "approvals", nil)
	for _, test := range []struct {
		act    string
		fields map[string]any
		sent   int64 // -1 where it does not hold
	}{
		{"response.sending", with(response(), "state", "sending"), 0},
		{"response.sending", with(alone, "state", "sending"), -1},
		{"response.sending", with(alone, "state", "sending", "exception", "rule 1"), 0},
		{"response.ambiguous", with(alone, "state", "ambiguous"), 0}, // after it was sending
		{"response.resolved", response(), 1},
		{"response.resolved", alone, -1},
		{"response.resolved", with(alone, "state", "approved"), 0}, // it had not gone out
		{"response.drafted", with(alone, "state", "draft"), 0},
	} {
		l := newLog("log.example", 1)
		l.answer(test.act, "response1", test.fields)
		n := len(l.entries)
		s, err := checkBytes(l.pack(t, l.files(0, n)), Options{})
		if (err != nil) != (test.sent < 0) || err == nil && s.Responses != test.sent {
			t.Errorf("%s of %v: %v", test.act, test.fields["state"], err)
		}
		f := l.files(0, n)
		f[format.FileDocuments] = bytes.TrimSuffix(f[format.FileDocuments], l.docs[n-1].Append(nil))
		if _, err := checkBytes(l.pack(t, f), Options{}); (err == nil) != (test.act == "response.ambiguous" || test.act == "response.drafted") {
			t.Errorf("%s without its document: %v", test.act, err)
		}
	}
}

// without packs the log with one document that does not show a field.
func (l *testLog) without(t *testing.T, index int, name string) (*Summary, error) {
	t.Helper()
	l = l.clone()
	d := &l.docs[index]
	d.Fields = slices.Clone(d.Fields)
	for i := range d.Fields {
		if d.Fields[i].Name == name {
			d.Fields[i] = format.Field{Redacted: true, Leaf: d.Fields[i].Hash()}
		}
	}
	return checkBytes(l.pack(t, l.files(0, len(l.entries))), Options{})
}

// A field that a rule needs and that is not shown is no field that is empty.
func TestRedactedFields(t *testing.T) {
	l := newLog("log.example", 1)
	sent := int(l.answer("response.sent", "response1", with(response(), "exception", "rule 1", "quorum", 3)))
	opened := int(l.act("casefile.opened", "case1", map[string]any{"number": "C-2026-000001", "text": "secret"}))
	for _, f := range l.docs[sent].Fields {
		if _, err := l.without(t, sent, f.Name); err == nil || !strings.Contains(err.Error(), "is not shown") {
			t.Errorf("without %s: %v", f.Name, err)
		}
	}
	for name, ok := range map[string]bool{"number": false, "text": true} {
		if _, err := l.without(t, opened, name); (err == nil) != ok {
			t.Errorf("without %s: %v", name, err)
		}
	}
	// Whether there is an exception may be hidden where the approvals do without.
	approved := with(response(), "subject", "secret", "in_reply_to", "secret", "created_at", 1)
	for name, veiled := range map[string]int64{"subject": 0, "in_reply_to": 1, "created_at": 1} {
		l := newLog("log.example", 1)
		index := int(l.answer("response.sent", "response1", approved))
		if s, err := l.without(t, index, name); err != nil || s.Veiled != veiled || s.Responses != 1 || len(s.Exceptions) != 0 {
			t.Errorf("without %s: %+v, %v", name, s, err)
		}
		l = newLog("log.example", 1)
		index = int(l.answer("response.sent", "response1", with(approved, "quorum", 3)))
		if _, err := l.without(t, index, name); err == nil || strings.Contains(err.Error(), "exception is not shown") != (veiled > 0) {
			t.Errorf("too few approvals, without %s: %v", name, err)
		}
	}
	for _, name := range []string{"approvals", "content_hash"} {
		if _, err := l.without(t, 0, name); err == nil || !strings.Contains(err.Error(), "is not shown") {
			t.Errorf("an approval without %s: %v", name, err)
		}
	}
}

// An approval is what somebody did, not what a document lists.
func TestApprovals(t *testing.T) {
	for name, test := range map[string]struct {
		change func(e *format.Entry, fields map[string]any)
		what   string
	}{
		"as it was":        {func(*format.Entry, map[string]any) {}, ""},
		"another actor":    {func(e *format.Entry, _ map[string]any) { e.Actor = "cleo" }, "is not by the actor"},
		"another role":     {func(e *format.Entry, _ map[string]any) { e.Role = "legal" }, "is not by the actor"},
		"another time":     {func(e *format.Entry, _ map[string]any) { e.Time++ }, "is not by the actor"},
		"another content":  {func(_ *format.Entry, f map[string]any) { f["content_hash"] = hash2 }, "is not by the actor"},
		"nothing approved": {func(_ *format.Entry, f map[string]any) { delete(f, "approvals") }, "is not by the actor"},
		"a word for a time": {func(_ *format.Entry, f map[string]any) {
			f["approvals"] = []any{map[string]any{"by": "ben", "at": "noon"}}
		}, "not what it should be"},
		"another record":  {func(e *format.Entry, _ map[string]any) { e.Record = "response2" }, `approval by "ben" at 2026-09-21T14:13:21.000000Z has no entry`},
		"no act of that":  {func(e *format.Entry, _ map[string]any) { e.Act = "response.submitted" }, "approval by \"ben\""},
		"a list of words": {func(e *format.Entry, f map[string]any) { e.Act = "response.submitted"; f["approvals"] = "ben" }, "not what it should be"},
	} {
		l := newLog("log.example", 1)
		fields := with(response(), "state", "approved", "sent_hash", nil, "quorum", 1, "approvals", approvals("ben", hash1))
		fields["approvals"].([]any)[0].(map[string]any)["at"] = l.now + 1000000
		e := format.Entry{Act: "response.approved", Record: "response1", Seq: 1, Time: l.now + 1000000, Role: "lead", Actor: "ben"}
		test.change(&e, fields)
		l.now = e.Time
		doc := l.document(fields)
		e.Commitment = format.Commit(doc.Fields)
		l.append(e, doc)
		l.seq["response"]++
		l.act("response.sent", "response1", with(response(), "quorum", 1, "approvals", []any{with(approvals("ben", hash1)[0].(map[string]any), "at", 1790000001000000)}))
		_, err := checkBytes(l.pack(t, l.files(0, 2)), Options{})
		if (err == nil) != (test.what == "") || err != nil && !strings.Contains(err.Error(), test.what) {
			t.Errorf("%s: %v", name, err)
		}
		if test.what != "" {
			continue
		}
		if s, err := checkBytes(l.pack(t, l.files(1, 2, 0)), Options{}); err != nil || s.Approvals != 1 {
			t.Errorf("approved before the range: %v", err)
		}
		_, err = checkBytes(l.pack(t, l.files(1, 2)), Options{})
		want(t, err, "documents", "ledger/documents", 1, "has no entry response.approved")
	}
}

func TestTrackingNumbers(t *testing.T) {
	for _, test := range []struct {
		acts  string // act, record, year and number of each entry
		first int    // of the range
		what  string // empty where it holds
		begin int    // year of the first entry, 2026 where 0
	}{
		{acts: "opened a 2026 1, opened b 2026 2, noted a 2026 1, opened c 2026 3"},
		{acts: "opened a 2026 2", what: "the tracking number is C-2026-000002, where C-2026-000001 follows"},
		{acts: "opened a 2026 1, opened b 2026 3", what: "where C-2026-000002 follows"},
		{acts: "opened a 2026 1, opened b 2026 1", what: "where C-2026-000002 follows"},
		{acts: "opened a 2026 1, opened a 2026 2", what: "opened twice"},
		{acts: "opened a 2026 1, opened b 2027 1, opened c 2026 2, opened d 2027 2"},
		{acts: "opened a 2026 1, noted a 2026 2", what: `was "C-2026-000001" and is now "C-2026-000002"`},
		{acts: "noted a 2026 1", what: "without having been opened"},
		{acts: "opened a 2026 0", what: "has no tracking number"},
		{acts: "opened a 2026 1, noted a 2026 0"},
		// A range that begins later.
		{first: 1, acts: "opened a 2026 1, opened b 2026 2, noted a 2026 1, opened c 2026 3"},
		{first: 1, acts: "opened a 2026 1, opened b 2026 2, opened c 2026 4", what: "where C-2026-000003 follows"},
		{first: 1, acts: "opened a 2026 1, noted b 2026 7, noted a 2026 1, opened c 2026 8, opened d 2026 9"},
		{first: 1, acts: "opened a 2026 1, noted b 2026 7, opened c 2026 8, noted d 2026 8", what: "not that of a case from before"},
		{first: 1, acts: "opened a 2026 1, noted b 2026 7, opened c 2026 8, noted d 2026 9", what: "not that of a case from before"},
		{first: 1, acts: "opened a 2026 1, noted b 2026 7, opened c 2026 7", what: "not after that of an earlier case"},
		{first: 1, acts: "opened a 2026 1, noted b 2026 7, noted b 2026 6", what: `was "C-2026-000007"`},
		{first: 1, acts: "opened a 2026 1, opened b 2027 2", what: "where C-2027-000001 follows"},
		{first: 1, acts: "opened a 2026 1, opened b 2027 1"},
		{first: 1, begin: 2027, acts: "opened a 2026 1, opened b 2027 2, opened c 2026 5"},
	} {
		l := newLog("log.example", 1)
		if test.begin != 0 {
			l.now = time.Date(test.begin, 6, 1, 0, 0, 0, 0, time.UTC).UnixMicro()
		}
		for act := range strings.SplitSeq(test.acts, ", ") {
			var verb, record string
			var year, n int
			if _, err := fmt.Sscan(act, &verb, &record, &year, &n); err != nil {
				t.Fatal(err)
			}
			fields := map[string]any{"text": "a problem"}
			if n > 0 {
				fields["number"] = fmt.Sprintf("C-%d-%06d", year, n)
			}
			l.act("casefile."+verb, record, fields)
		}
		_, err := checkBytes(l.pack(t, l.files(test.first, len(l.entries))), Options{})
		if (err == nil) != (test.what == "") || err != nil && !strings.Contains(err.Error(), test.what) {
			t.Errorf("%s from entry %d: %v", test.acts, test.first, err)
		}
	}
	for _, bad := range []string{"", "C-", "C-2026", "C-2026-1", "C-2026-0000001", "C-26-000001", "C-2026-000000", "c-2026-000001", "2026-000001", "C-2026-00001x", "C--026-000001", "C-2026--00001", "C-2026-000001 "} {
		if year, n, err := parseNumber(bad); err == nil {
			t.Errorf("%q is number %d of %d", bad, n, year)
		}
	}
	if year, n, err := parseNumber("C-2026-1234567"); year != 2026 || n != 1234567 || err != nil {
		t.Errorf("number %d of %d, %v", n, year, err)
	}
}
