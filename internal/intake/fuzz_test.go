package intake

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"example.org/countersign/internal/channel"
	"example.org/countersign/internal/id"
	"example.org/countersign/internal/mime"
	"example.org/countersign/internal/policy"
)

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
		p := &parcel{m: m, channel: ch, register: &channel.Register{}, sender: senderOf(m)}
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
