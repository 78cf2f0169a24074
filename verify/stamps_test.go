package verify

import (
	"bytes"
	"encoding/asn1"
	"errors"
	"strings"
	"testing"
	"time"

	"example.org/countersign/verify/format"
)

// A package can have time stamps of its log; what is wrong with one is named
// although the log has sealed it.
func TestStamps(t *testing.T) {
	const day = "2026-09-21"
	pack := func(change func(l *testLog, f files)) ([]byte, *testLog) {
		l := smallLog()
		f := l.files(1, 6, 0)
		change(l, f)
		return l.pack(t, f), l
	}
	said := func(s *Summary) string { return strings.Join(append(s.Proved, s.NotProved...), "\n") }
	b, _ := pack(func(l *testLog, f files) {
		l.stamp(f, "2026-09-22", 4, stamped2)
		l.stamp(f, "2026-09-20", 0, stamped1)
	})
	s, err := checkBytes(b, Options{})
	if err != nil || len(s.Stamps) != 2 || s.Stamps[0] != (Stamp{"2026-09-20", stamped1, 0}) || s.Stamps[1] != (Stamp{"2026-09-22", stamped2, 4}) {
		t.Fatalf("%+v, %v", s, err)
	}
	for _, want := range []string{"2 time stamps: each token is over a checkpoint that the log signed", "at most the first 4 entries", "openssl ts -verify",
		"That entries 4 to 5 were there when a time stamp was made."} {
		if !strings.Contains(said(s), want) {
			t.Errorf("it does not say %q:\n%s", want, said(s))
		}
	}
	var text bytes.Buffer
	if err := s.Write(&text); err != nil || !strings.Contains(text.String(), "log stamped by an authority at 2026-09-21 14:20:00 UTC to 2026-09-22 03:00:01 UTC: 2 stamps,") {
		t.Errorf("%v\n%s", err, &text)
	}
	paths := format.StampOf(day)
	saying := func(what func(*format.TSTInfo)) func(*testLog, files) {
		return func(_ *testLog, f files) { f[paths.Token] = token(f[paths.Checkpoint], stamped1, what) }
	}
	put := func(path, content string) func(*testLog, files) {
		return func(_ *testLog, f files) { f[path] = []byte(content) }
	}
	for name, test := range map[string]struct {
		change      func(l *testLog, f files)
		stage, file string
		what        string
	}{
		"another imprint":       {saying(func(s *format.TSTInfo) { s.Imprint.Hash[31] ^= 1 }), "checkpoint", paths.Token, "over something else"},
		"another algorithm":     {saying(func(s *format.TSTInfo) { s.Imprint.Algorithm.Algorithm = format.OIDTSTInfo }), "checkpoint", paths.Token, "over something else"},
		"another version":       {saying(func(s *format.TSTInfo) { s.Version = 2 }), "checkpoint", paths.Token, "version 2"},
		"the token of another":  {func(_ *testLog, f files) { f[paths.Token] = token([]byte("else"), stamped1, nil) }, "checkpoint", paths.Token, "over something else"},
		"no token":              {put(paths.Token, "token"), "checkpoint", paths.Token, "is no time stamp token"},
		"an empty token":        {put(paths.Token, ""), "checkpoint", paths.Token, "is no time stamp token"},
		"more behind the token": {func(_ *testLog, f files) { f[paths.Token] = append(f[paths.Token], 0) }, "checkpoint", paths.Token, "is no time stamp token"},
		"a huge token":          {func(_ *testLog, f files) { f[paths.Token] = make([]byte, maxText+1) }, "checkpoint", paths.Token, "longer than"},
		"other content": {func(_ *testLog, f files) {
			was, err := asn1.Marshal(format.OIDTSTInfo)
			if err != nil {
				t.Fatal(err)
			}
			f[paths.Token] = bytes.Replace(f[paths.Token], was[2:], append(was[2:len(was)-1:len(was)-1], 5), 1)
		}, "checkpoint", paths.Token, "with one signature"},
		"an altered checkpoint": {func(_ *testLog, f files) {
			f[paths.Checkpoint] = bytes.Replace(f[paths.Checkpoint], []byte("\n5\n"), []byte("\n4\n"), 1)
		}, "checkpoint", paths.Checkpoint, "signature"},
		"a cosigned checkpoint": {func(_ *testLog, f files) {
			f[paths.Checkpoint] = newWitness("w.example", 3).cosign(f[paths.Checkpoint], 1790000100)
		}, "checkpoint", paths.Checkpoint, "and by nobody else"},
		"another log": {func(_ *testLog, f files) {
			f[paths.Checkpoint] = newLog("log.example/countersign", 9).checkpoint(0)
		}, "checkpoint", paths.Checkpoint, "another key"},
		"a log that went on":   {func(l *testLog, f files) { l.act("casefile.noted", "case1", nil); l.stamp(f, day, 7, stamped1) }, "checkpoint", paths.Consistency, "cannot extend"},
		"a fork":               {func(l *testLog, f files) { l.stampFork(f, day) }, "checkpoint", paths.Consistency, "proof"},
		"no proof":             {put(paths.Consistency, ""), "checkpoint", paths.Consistency, "proof"},
		"a wrong proof":        {put(paths.Consistency, "x\n"), "checkpoint", paths.Consistency, "hash 1"},
		"a token alone":        {func(_ *testLog, f files) { delete(f, paths.Checkpoint) }, "archive", paths.Checkpoint, "is missing"},
		"a checkpoint alone":   {func(_ *testLog, f files) { delete(f, paths.Token) }, "archive", paths.Token, "is missing"},
		"without consistency":  {func(_ *testLog, f files) { delete(f, paths.Consistency) }, "archive", paths.Consistency, "is missing"},
		"a file of another":    {put("ledger/timestamps/2026-09-23.txt", "x"), "archive", "ledger/timestamps/2026-09-23.der", "is missing"},
		"a file of no stamp":   {put("ledger/timestamps/README", "x"), "archive", "ledger/timestamps/README", "belongs to no time stamp"},
		"a file of no day":     {put("ledger/timestamps/2026-02-30.der", "x"), "archive", "ledger/timestamps/2026-02-30.der", "belongs to no time stamp"},
		"a folder":             {put("ledger/timestamps/2026-09-21/x.der", "x"), "archive", "ledger/timestamps/2026-09-21/x.der", "belongs to no time stamp"},
		"another kind of file": {put("ledger/timestamps/2026-09-21.tsr", "x"), "archive", "ledger/timestamps/2026-09-21.tsr", "belongs to no time stamp"},
	} {
		t.Run(name, func(t *testing.T) {
			b, _ := pack(func(l *testLog, f files) {
				l.stamp(f, day, 5, stamped1)
				test.change(l, f)
			})
			_, err := checkBytes(b, Options{})
			f, ok := errors.AsType[*Failure](err)
			if !ok || f.Stage != test.stage || f.File != test.file || !strings.Contains(f.What, test.what) {
				t.Errorf("%v", err)
			}
		})
	}
}

// stampFork adds a stamp of a log with another past, signed with the same key.
func (l *testLog) stampFork(f files, day string) {
	fork := newLog(l.key.Origin, 1)
	for range 5 {
		fork.act("casefile.noted", "case9", map[string]any{"text": "otherwise"})
	}
	paths := format.StampOf(day)
	proof := f[paths.Consistency]
	fork.stamp(f, day, 5, time.Time{}.AddDate(2026, 0, 0))
	f[paths.Consistency] = proof
}
