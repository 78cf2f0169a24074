package intake

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"example.org/countersign/internal/channel"
	"example.org/countersign/internal/id"
	"example.org/countersign/internal/mime"
	"example.org/countersign/internal/policy"
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
	for box := newMbox(r, fuzzedLine); ; {
		m, err := box.next()
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

// FuzzThreading reads any bytes as a message and checks what its case would be
// looked for by, and what is taken from it into the record.
func FuzzThreading(f *testing.F) {
	for _, s := range []string{"", "Subject: Re: C-2026-000123\nIn-Reply-To: <a@b> <c@d>\nReferences: <a@b>\n <e@f>\n\nx",
		"Subject: c-2026-000123456789 C-2026-12345 xC-2026-000001\n\n", "From: a@b.example, c@d.example\nMessage-ID: <>\n\n\n\n", "no header",
		"From: =?utf-8?q?=00?= <a@b.example>\nSubject: =?utf-8?b?gA==?=\nContent-Language: de-DE\n\n\xff\xfe"} {
		f.Add([]byte(s))
	}
	ch := &channel.Channel{Address: "security@org.example", Kind: channel.Email}
	f.Fuzz(func(t *testing.T, data []byte) {
		msg, err := mime.Parse(bytes.NewReader(data), mime.Limits{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		m := &Communication{Direction: Inbound, Source: FromSMTP}
		auto := msg.Auto()
		fillFrom(m, msg, auto)
		m.Text = msg.Text
		about := references(m, msg, auto)
		for i, r := range about {
			if r == "" || slices.Contains(about[:i], r) || !utf8.ValidString(r) {
				t.Errorf("Message-IDs %q", about)
			}
		}
		if len(about) > maxAbout || m.MessageID != "" && about[0] != m.MessageID {
			t.Errorf("%d Message-IDs, the first %q", len(about), about[0])
		}
		if number, ok := id.FindNumber(m.Subject); ok {
			if again, ok := id.FindNumber(number); !ok || again != number {
				t.Errorf("number %q is not one", number)
			}
		}
		if s := title(m); s == "" || len(s) > 500 || strings.ContainsAny(s, "\r\n\x00") || !utf8.ValidString(s) {
			t.Errorf("title %q", s)
		}
		if m.Language != "" && !slices.Contains(policy.Languages, m.Language) {
			t.Errorf("language %q", m.Language)
		}
		p := &parcel{m: m, channel: ch, sender: senderOf(m)}
		if why := p.unconfirmed(0); why == "" {
			if _, err := mime.ParseAddress(p.sender); err != nil {
				t.Errorf("a confirmation would go to %q", p.sender)
			}
		}
		if f := factsOf(ch, m, msg, msg.Text, ""); f.From != p.sender {
			t.Errorf("rules see %q, the record %q", f.From, p.sender)
		}
	})
}
