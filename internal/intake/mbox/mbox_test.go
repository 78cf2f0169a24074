package mbox

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

// fuzzedLine is the piece of a line here: with short pieces, lines that come in
// several are among the inputs without the inputs being long. The fuzzer makes
// each input that it finds interesting shorter, in time that grows with the
// square of its length, and shows no executions meanwhile.
const fuzzedLine = 128

// split returns the messages of a mailbox.
func split(t *testing.T, r io.Reader) [][]byte {
	t.Helper()
	var list [][]byte
	for box := newReader(r, fuzzedLine); ; {
		m, err := box.Next()
		if errors.Is(err, io.EOF) {
			return list
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(m)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, text)
	}
}

const fromRita = "From rita@example.com Tue Sep 15 09:00:00 2026\n"

var quotable = regexp.MustCompile(`(?m)^(>*From )`)

// FuzzMbox checks that whatever is split can be joined and split again, that
// how the bytes arrive does not matter, and that nothing is made up.
func FuzzMbox(f *testing.F) {
	for _, s := range []string{"", "\n", fromRita, fromRita + "Subject: a\n\nx\n", fromRita + "a: b\n\nFrom here\n\n" + fromRita + "c: d\n\n>From x\n>>From y\n",
		"before\n\n" + fromRita + "a: b\r\n\r\n\r\n" + fromRita + "c: d\n", fromRita + strings.Repeat("x", 300) + "\n\n\n" + fromRita, strings.Repeat("y", fuzzedLine) + fromRita, "From " + strings.Repeat("a 09:00 2026 ", 20) + "\n\n" + fromRita + "x", fromRita + "\n" + fromRita + "\n" + fromRita} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<10 {
			t.Skip("longer, and no different")
		}
		list := split(t, bytes.NewReader(data))
		if slow := split(t, iotest.OneByteReader(bytes.NewReader(data))); !slices.EqualFunc(list, slow, bytes.Equal) {
			t.Fatalf("%q\nread at once:  %q\nread by bytes: %q", data, list, slow)
		}
		var again []byte
		total := 0
		for _, m := range list {
			total += len(m)
			again = append(append(append(again, fromRita...), quotable.ReplaceAll(m, []byte(">$1"))...), '\n')
			if len(m) > 0 && m[len(m)-1] != '\n' {
				again = append(again, '\n')
			}
		}
		if total > len(data) {
			t.Fatalf("%d bytes of messages from %d of mailbox", total, len(data))
		}
		round := split(t, bytes.NewReader(again))
		if len(round) != len(list) {
			t.Fatalf("%q\nsplit:  %q\njoined: %q\nagain:  %q", data, list, again, round)
		}
		for i := range list {
			if !bytes.Equal(bytes.TrimRight(round[i], "\r\n"), bytes.TrimRight(list[i], "\r\n")) {
				t.Fatalf("message %d was %q and is %q", i, list[i], round[i])
			}
		}
	})
}
