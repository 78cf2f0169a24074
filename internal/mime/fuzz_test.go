package mime

import (
	"bytes"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func FuzzParse(f *testing.F) {
	f.Add(bench5kB())
	f.Add(manyParts(3))
	for _, s := range []string{
		multi("alternative", "Content-Type: text/plain; charset=utf-7; format=flowed\n\n+AP +-", "Content-Type: text/html\nContent-Transfer-Encoding: quoted-printable\n\n<blockquote>=3D=\n<a href=3D'http://x'>y</a>"),
		multi("mixed", "Content-Transfer-Encoding: base64\n\nR3LDvMOf\nZQ==", "Content-Type: message/rfc822\n\nSubject: =?utf-8?B?w7w?=\n\nbegin 644 x\n#0V%T\nend\n", "Content-Disposition: attachment; filename*0*=utf-8''%C3; filename*1=\"\\\"\n\nx"),
		multi("report; report-type=delivery-status", "Content-Type: message/delivery-status\n\nFinal-Recipient: rfc822; b@example.org\nStatus: 5.1.1\n", "Content-Type: text/rfc822-headers\n\nMessage-ID: <x@y>"),
		"From: MAILER-DAEMON\nSubject: failure notice\n\n<b@example.org>: 550 5.1.1 user unknown\n\nReceived: x\nTo: c@example.org\n",
		"From: a\nContent-Type: multipart/mixed\n\n--b\nContent-Type: multipart/digest; boundary=c\n\n--c\n\n--c--\n--b--",
		"From a@b\rSubject: x\r\ry", "\x1b$B$3\x1b(B", "From: \xfc\nContent-Type: text/plain; charset=iso-2022-kr\n\n\x1b$)C\x0eGQ",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, mail []byte) {
		for _, lim := range []Limits{{}, {Text: 20, Header: 60, Line: 30, Parts: 3, Depth: 2}} {
			m, err := Parse(bytes.NewReader(mail), lim, nil)
			if err != nil {
				t.Fatal(err)
			}
			check(t, m)
			if lim.Text > 0 && len(m.Text) > lim.Text {
				t.Errorf("text of %d bytes", len(m.Text))
			}
			m.Get("Subject")
			TrimReply(m.Text)
			if len(mail) > 2000 {
				continue
			}
			// How the bytes arrive does not matter.
			again, err := Parse(iotest.OneByteReader(bytes.NewReader(mail)), lim, nil)
			if d := cmp.Diff(m, again, cmpopts.IgnoreUnexported(Message{})); err != nil || d != "" {
				t.Error(err, d)
			}
		}
	})
}

func FuzzTrimReply(f *testing.F) {
	for _, s := range []string{
		"Hello\n\nOn Tue, Sep 22, 2026 at 9:00 AM Anna\n<a@example.org> wrote:\n\n> hi\nyes\n> no\n", "a\n-----Original Message-----\nb", "a\n____\nFrom: x\nSent: y\nTo: z\n\nb",
		"a\nBegin forwarded message:\n> b", "> a\r\n\r\n> b", "22.09.2026, 9:00, \"A\" <a@b.c>:\n>x",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		own, quoted := TrimReply(text)
		// Every line that says something is in exactly one of the two.
		count := func(s string) map[string]int {
			m := map[string]int{}
			for l := range strings.SplitSeq(strings.ReplaceAll(s, "\r\n", "\n"), "\n") {
				if l = strings.TrimSpace(l); l != "" {
					m[l]++
				}
			}
			return m
		}
		if d := cmp.Diff(count(text), count(own+"\n"+quoted)); d != "" {
			t.Error(d)
		}
	})
}
