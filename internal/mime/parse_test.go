package mime

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"example.org/countersign/internal/mime/field"
)

// parse reads s with CRLF line ends.
func parse(t *testing.T, s string, lim Limits) *Message {
	t.Helper()
	m, err := Parse(strings.NewReader(strings.ReplaceAll(s, "\n", "\r\n")), lim, nil)
	if err != nil {
		t.Fatal(err)
	}
	check(t, m)
	return m
}

// check fails where a string of m is not fit to be stored and shown.
func check(t *testing.T, m *Message) {
	t.Helper()
	all := slices.Concat([]string{m.Subject, m.DateRaw, m.MessageID, m.AutoSubmitted, m.Precedence, m.ListID, m.ReturnPath, m.Type}, m.InReplyTo, m.References, m.Problems)
	for _, l := range [][]Address{m.From, m.Sender, m.ReplyTo, m.To, m.Cc} {
		for _, a := range l {
			all = append(all, a.Name, a.Addr)
		}
	}
	for i, a := range m.Attachments {
		all = append(all, a.Name, a.Type, a.ContentID)
		if a.Index != i || a.Name == "" || strings.ContainsAny(a.Name, `/\`) || len(a.SHA256) != 64 || len(a.Name) > 180 {
			t.Errorf("attachment %d: %+v", i, a)
		}
	}
	a := m.Auto()
	all = append(all, a.Reason, a.OriginalID)
	for _, b := range a.Bounces {
		all = append(all, b.Recipient, b.Action, b.Status, b.Diagnostic)
	}
	for _, s := range all {
		if field.CleanLine(s) != s {
			t.Errorf("not one clean line: %q", s)
		}
	}
	if cleanText(m.Text) != m.Text {
		t.Errorf("not clean: %q", m.Text)
	}
}

func problem(m *Message, part string) bool {
	return slices.ContainsFunc(m.Problems, func(p string) bool { return strings.Contains(p, part) })
}

func TestParseText(t *testing.T) {
	const head = "From: a@example.org\n"
	for name, c := range map[string]struct{ mail, text, problem string }{
		"plain":             {head + "\nHello\n", "Hello", ""},
		"no body":           {head, "", ""},
		"latin 1":           {head + "Content-Type: text/plain; charset=iso-8859-1\n\nGr\xfc\xdfe\n", "Grüße", ""},
		"windows quotes":    {head + "Content-Type: text/plain; charset=iso-8859-1\n\n\x93q\x94\n", "“q”", ""},
		"quoted printable":  {head + "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\nGr=C3=BC=C3=9F=\ne = 1=3D1 \n", "Grüße = 1=1", "damaged"},
		"base64":            {head + "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\nR3LDvMOf\nZQ==\n", "Grüße", ""},
		"base64 and footer": {head + "Content-Transfer-Encoding: base64\n\nSGVsbG8=\n\n-- the list --\n", "Hello", "damaged"},
		"not base64":        {head + "Content-Transfer-Encoding: base64\n\nHello, this is text.\n", "Hello, this is text.", "said to be base64"},
		"gb18030":           {head + "Content-Type: text/plain; charset=GB18030\n\n\xc4\xe3\xba\xc3\x95\x32\x82\x36\n", "你好𠀀", ""},
		"iso-2022-jp":       {head + "Content-Type: text/plain; charset=ISO-2022-JP\n\n\x1b$B$3$s$K$A$O\x1b(B\n", "こんにちは", ""},
		"iso-2022-jp bare":  {head + "\n\x1b$B$3$s$K$A$O\x1b(B\n", "こんにちは", ""},
		"iso-2022-kr":       {head + "Content-Type: text/plain; charset=ISO-2022-KR\n\n\x1b$)C\x0eGQ1[\x0f abc\n", "한글 abc", ""},
		"utf-7":             {head + "Content-Type: text/plain; charset=utf-7\n\nGr+APwA3w-e 1 +- 2\n", "Grüße 1 + 2", ""},
		"utf-16":            {head + "Content-Type: text/plain; charset=utf-16\nContent-Transfer-Encoding: base64\n\n//5IAGkA\n", "Hi", ""},
		"unknown charset":   {head + "Content-Type: text/plain; charset=martian\n\nGr\xc3\xbc\xc3\x9fe\n", "Grüße", "charset \"martian\""},
		"shift-jis bare":    {head + "\n\x82\xb1\x82\xea\x82\xcd\x93\xfa\x96\x7b\x8c\xea\x82\xc5\x82\xb7\x81\x42\n", "これは日本語です。", "a guess"},
		"8-bit, undeclared": {head + "\nGr\xfc\xdfe\n", "Grüße", "a guess"},
		"not utf-8 at all":  {head + "Content-Type: text/plain; charset=utf-8\n\nGr\xfc\xdfe\n", "Grüße", "charset \"utf-8\""},
		"controls":          {head + "\na\x00b\x07c\x1b[31m\x7f\rd\n", "abc[31m\nd", ""},
		"flowed":            {head + "Content-Type: text/plain; format=flowed\n\n> quo \n> ted\nlong \nline\n-- \nme\n", "> quo ted\nlong line\n-- \nme", ""},
		"flowed, delsp":     {head + "Content-Type: text/plain; format=flowed; delsp=yes\n\n日 \n本\n", "日本", ""},
		"html": {head + "Content-Type: text/html; charset=utf-8\n\n<head><title>x</title><style>p{}</style></head><p>One &amp; <b>two</b><br>three<ul><li>a<li>b</ul>" +
			"<blockquote>q<p>r</blockquote><a href='https://example.org/x'>here</a> <a href='https://example.org/'>example.org</a><script>alert(1)</script><pre>x\n  y</pre><img alt=logo>",
			"One & two\nthree\n- a\n- b\n> q\n>\n> r\nhere <https://example.org/x> example.org\nx\n  y\n[logo]", ""},
		"html of meta charset":   {head + "Content-Type: text/html\n\n<meta http-equiv=Content-Type content='text/html; charset=koi8-r'>\xf0\xf2\xe9", "ПРИ", ""},
		"alternative":            {multi("alternative", "Content-Type: text/plain\n\nplain", "Content-Type: text/html\n\n<b>html</b>"), "plain", ""},
		"alternative, html only": {multi("alternative", "Content-Type: text/plain\n\n ", "Content-Type: text/html\n\n<b>html</b>"), "html", ""},
		"mixed":                  {multi("mixed", "\none", "\ntwo"), "one\n\ntwo", ""},
		"signed":                 {multi("signed", "\none", "Content-Type: application/pgp-signature\n\nx"), "one", ""},
		"preamble":               {"From: a@example.org\nContent-Type: multipart/mixed; boundary=b\n\nnot shown\n--b\n\nshown\n--b--\n", "shown", ""},
		"epilogue":               {"From: a@example.org\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nshown\n--b--\nnot shown\n", "shown", "after the last part"},
		"no closing boundary":    {"From: a@example.org\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nshown\n", "shown", "not closed"},
		"boundary undeclared":    {"From: a@example.org\nContent-Type: multipart/mixed\n\n--b\nContent-Type: text/plain\n\nshown\n--b--\n", "shown", "guessed"},
		"wrong boundary":         {"From: a@example.org\nContent-Type: multipart/mixed; boundary=c\n\n--b\nContent-Type: text/plain\n\nshown\n--b--\n", "shown", "but by another"},
		"no boundary comes":      {"From: a@example.org\nContent-Type: multipart/mixed; boundary=b\n\nshown\n", "shown", "shown as text"},
		"part after the end":     {"From: a@example.org\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b--\n--b\n\ntwo\n--b--\n", "one\n\ntwo", "after the boundary that closes"},
		"no empty line":          {head + "This is text.\n", "This is text.", "not ended by an empty line"},
		"broken fold":            {"Subject: a\nb c d\nFrom: a@example.org\n\nx\n", "x", "neither a field name nor an indent"},
		"mbox line":              {"From a@example.org Tue Sep 22 09:00:00 2026\n" + head + "\nx\n", "x", ""},
		"byte order mark":        {"\xef\xbb\xbf" + head + "\nx\n", "x", ""},
		"content type: text":     {head + "Content-Type: text\n\nx\n", "x", ""},
		"senseless type":         {head + "Content-Type: text/plain>; x\n\nx\n", "x", "makes no sense"},
		"unknown encoding":       {head + "Content-Transfer-Encoding: weird\n\nx\n", "x", "transfer encoding"},
	} {
		t.Run(name, func(t *testing.T) {
			m := parse(t, c.mail, Limits{})
			if m.Text != c.text {
				t.Errorf("text %q, want %q", m.Text, c.text)
			}
			if c.problem == "" && len(m.Problems) > 0 || c.problem != "" && !problem(m, c.problem) {
				t.Errorf("problems %q, want %q", m.Problems, c.problem)
			}
			if m.Unparsed {
				t.Error("unparsed")
			}
		})
	}
}

// multi returns a mail of several parts, each a header, an empty line and a
// body.
func multi(sub string, parts ...string) string {
	return "From: a@example.org\nContent-Type: multipart/" + sub + "; boundary=\"=_b\"\n\n--=_b\n" + strings.Join(parts, "\n--=_b\n") + "\n--=_b--\n"
}

func TestParseUnparsed(t *testing.T) {
	for _, s := range []string{"", "\r\n", "hello world\r\n", "\x00\x01\x02", "\x89PNG\r\n\x1a\n....", "no header\r\n\r\nFrom: a@example.org\r\n"} {
		m, err := Parse(strings.NewReader(s), Limits{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		check(t, m)
		if !m.Unparsed || len(m.Problems) == 0 {
			t.Errorf("%q: %+v", s, m)
		}
	}
}

// Line ends of other systems, and readers that give little at a time, change
// nothing.
func TestParseLineEnds(t *testing.T) {
	mail := strings.ReplaceAll(string(bench5kB()), "\r\n", "\n")
	want := parse(t, mail, Limits{})
	for name, r := range map[string]io.Reader{
		"LF":             strings.NewReader(mail),
		"CR":             strings.NewReader(strings.ReplaceAll(mail, "\n", "\r")),
		"byte by byte":   iotest.OneByteReader(strings.NewReader(mail)),
		"data with EOF":  iotest.DataErrReader(strings.NewReader(mail)),
		"half at a time": iotest.HalfReader(strings.NewReader(mail)),
	} {
		got, err := Parse(r, Limits{}, nil)
		if err != nil {
			t.Fatal(name, err)
		}
		if got.Text != want.Text || got.Subject != want.Subject || !got.Date.Equal(want.Date) || len(got.Problems) > 0 {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestParseFields(t *testing.T) {
	m := parse(t, `Return-Path: <>
From: =?ISO-8859-1?Q?Andr=E9?= Pirard <andre@example.org>
Sender: <desk@example.org>
Reply-To: "Desk, the" <desk@example.org>
To: undisclosed-recipients:;
Cc: =?utf-8?B?5YWs5Y+4?= <c@example.com>, d@example.com (Dora)
Subject: =?utf-8?Q?Gr=C3?= =?utf-8?Q?=BC=C3=9Fe?=
	=?iso-8859-1?Q?_aus_M=FCnchen?= today
Date: Tue, 22 Sep 2026 11:14:00 +0200 (CEST)
Message-Id: <1@example.org>
In-Reply-To: Your message of Monday <c-1@example.com>
References: <c-0@example.com>
 <c-1@example.com>
Auto-Submitted: no
List-Id: Some list <some.example.org>
Precedence: list
X-Spoof: a`+"\u202Egnp.exe\u2066"+`
X-Odd :	two  words

x
`, Limits{})
	got := []any{
		m.From, m.Sender, m.ReplyTo, m.To, m.Cc, m.Subject, m.Date.Format("2006-01-02T15:04:05Z"), m.MessageID, m.InReplyTo, m.References,
		m.AutoSubmitted, m.ListID, m.Precedence, m.ReturnPath, m.Get("x-spoof"), m.Get("X-Odd"), m.Get("absent"), m.Type, m.HTML,
	}
	want := []any{
		[]Address{{Name: "André Pirard", Addr: "andre@example.org"}},
		[]Address{{Name: "", Addr: "desk@example.org"}},
		[]Address{{Name: "Desk, the", Addr: "desk@example.org"}},
		[]Address(nil),
		[]Address{{Name: "公司", Addr: "c@example.com"}, {Name: "Dora", Addr: "d@example.com"}},
		"Grüße aus München today", "2026-09-22T09:14:00Z", "1@example.org", []string{"c-1@example.com"}, []string{"c-0@example.com", "c-1@example.com"},
		"no", "Some list <some.example.org>", "list", "<>", "agnp.exe", "two  words", "", "text/plain", false,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if len(m.Problems) > 0 {
		t.Error(m.Problems)
	}
}

func TestAttachments(t *testing.T) {
	big := strings.Repeat("0123456789abcdef\n", 10_000)
	uu := "begin 644 cat.txt\n#0V%T\n`\nend\n"
	for name, c := range map[string]struct {
		mail string
		want []Attachment // SHA256 holds the content
		text string
	}{
		"attached":          {multi("mixed", "\nsee", "Content-Type: text/csv; name=a.csv\nContent-Disposition: attachment\n\na,b\n"), []Attachment{{Name: "a.csv", Type: "text/csv", SHA256: "a,b\r\n"}}, "see"},
		"text, attached":    {multi("mixed", "\nsee", "Content-Disposition: attachment; filename=b.txt\n\nb"), []Attachment{{Name: "b.txt", Type: "text/plain", SHA256: "b"}}, "see"},
		"second text named": {multi("mixed", "Content-Type: text/plain; name=body.txt\n\nsee", "Content-Type: text/plain; name=c.txt\n\nc"), []Attachment{{Name: "c.txt", Type: "text/plain", SHA256: "c"}}, "see"},
		"related": {multi("related", "Content-Type: text/html\n\n<p>see", "Content-Type: image/png\nContent-ID: <i@x>\nContent-Transfer-Encoding: base64\n\niVBO\nRw=="),
			[]Attachment{{Name: "image-1.png", Type: "image/png", Inline: true, ContentID: "i@x", SHA256: "\x89PNG"}}, "see"},
		"whole message":    {"From: a@example.org\nContent-Type: application/pdf; name=\"x.pdf\"\n\n%PDF\n", []Attachment{{Name: "x.pdf", Type: "application/pdf", SHA256: "%PDF\r\n"}}, ""},
		"attached message": {multi("mixed", "\nsee", "Content-Type: message/rfc822\n\nSubject: In/ner =?utf-8?Q?=C3=BC?=\n\nhi"), []Attachment{{Name: "ner ü.eml", Type: "message/rfc822", SHA256: "Subject: In/ner =?utf-8?Q?=C3=BC?=\r\n\r\nhi"}}, "see"},
		"digest":           {multi("digest", "\nSubject: one\n\nhi"), []Attachment{{Name: "one.eml", Type: "message/rfc822", SHA256: "Subject: one\r\n\r\nhi"}}, ""},
		"uuencode":         {"From: a@example.org\n\nsee\n" + uu + "bye\n", []Attachment{{Name: "cat.txt", Type: "application/octet-stream", SHA256: "Cat"}}, "see\nbye"},
		"uuencoded part":   {multi("mixed", "Content-Type: image/gif; name=c.gif\nContent-Transfer-Encoding: x-uuencode\n\n"+uu), []Attachment{{Name: "c.gif", Type: "image/gif", SHA256: "Cat"}}, ""},
		"begin, no file":   {"From: a@example.org\n\nbegin 644 times\nover\n", nil, "begin 644 times\nover"},
		"RFC 2231":         {multi("mixed", "Content-Disposition: attachment; filename*0*=utf-8''gr%C3%BC; filename*1*=%C3%9F; filename*2=e.txt; filename=gruesse.txt\n\nx"), []Attachment{{Name: "grüße.txt", Type: "text/plain", SHA256: "x"}}, ""},
		"encoded word":     {multi("mixed", "Content-Type: a/b; name=\"=?utf-8?Q?gr=C3=BC=C3=9Fe.txt?=\"\n\nx"), []Attachment{{Name: "grüße.txt", Type: "a/b", SHA256: "x"}}, ""},
		"unquoted name":    {multi("mixed", "Content-Type: a/b; name=my file.txt\n\nx"), []Attachment{{Name: "my file.txt", Type: "a/b", SHA256: "x"}}, ""},
		"path":             {multi("mixed", "Content-Type: a/b; name=\"C:\\\\tmp\\..\\x.txt\"\n\nx"), []Attachment{{Name: "x.txt", Type: "a/b", SHA256: "x"}}, ""},
		"dots":             {multi("mixed", "Content-Type: a/b; name=\"../../..\"\n\nx"), []Attachment{{Name: "attachment-1.bin", Type: "a/b", SHA256: "x"}}, ""},
		"turned round":     {multi("mixed", "Content-Type: a/b; name=\"=?utf-8?Q?x=E2=80=AEfdp.exe?=\"\n\nx"), []Attachment{{Name: "xfdp.exe", Type: "a/b", SHA256: "x"}}, ""},
		"senseless type":   {multi("mixed", "Content-Type: <html>\n\nx"), []Attachment{{Name: "attachment-1.bin", Type: "application/octet-stream", SHA256: "x"}}, ""},
		"large":            {multi("mixed", "Content-Type: a/b\n\n"+big), []Attachment{{Name: "attachment-1.bin", Type: "a/b", SHA256: strings.ReplaceAll(big, "\n", "\r\n")}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			kept := map[int]*bytes.Buffer{}
			m, err := Parse(strings.NewReader(strings.ReplaceAll(c.mail, "\n", "\r\n")), Limits{}, func(a *Attachment) (io.WriteCloser, error) {
				kept[a.Index] = &bytes.Buffer{}
				return writeCloser{Writer: kept[a.Index]}, nil
			})
			if err != nil {
				t.Fatal(err)
			}
			check(t, m)
			for i := range c.want {
				content := c.want[i].SHA256
				c.want[i].Index, c.want[i].Size = i, int64(len(content))
				sum := sha256.Sum256([]byte(content))
				c.want[i].SHA256 = hex.EncodeToString(sum[:])
				if kept[i] == nil || kept[i].String() != content {
					t.Errorf("%d: sink got %v, want %q", i, kept[i], content)
				}
			}
			if d := cmp.Diff(c.want, m.Attachments); d != "" {
				t.Error(d)
			}
			if m.Text != c.text {
				t.Errorf("text %q", m.Text)
			}
		})
	}
}

type writeCloser struct {
	io.Writer
	close func() error
}

func (w writeCloser) Close() error {
	if w.close == nil {
		return nil
	}
	return w.close()
}

func TestParseFails(t *testing.T) {
	boom := errors.New("boom")
	mail := strings.ReplaceAll(multi("mixed", "\nsee", "Content-Type: a/b\n\n"+strings.Repeat("x\n", 50_000)), "\n", "\r\n")
	closed := 0
	closer := func() error { closed++; return nil }
	for name, c := range map[string]struct {
		r    io.Reader
		sink Sink
	}{
		"reader":          {io.MultiReader(strings.NewReader(mail[:50_000]), iotest.ErrReader(boom)), nil},
		"reader, at once": {iotest.ErrReader(boom), nil},
		"sink":            {strings.NewReader(mail), func(*Attachment) (io.WriteCloser, error) { return nil, boom }},
		"write": {strings.NewReader(mail), func(*Attachment) (io.WriteCloser, error) {
			return writeCloser{iotest.TruncateWriter(nil, 0), closer}, boom
		}},
		"close": {strings.NewReader(mail), func(*Attachment) (io.WriteCloser, error) {
			return writeCloser{io.Discard, func() error { return boom }}, nil
		}},
		"full":              {strings.NewReader(mail), func(*Attachment) (io.WriteCloser, error) { return writeCloser{failing{boom}, closer}, nil }},
		"reader, open sink": {io.MultiReader(strings.NewReader(mail[:50_000]), iotest.ErrReader(boom)), func(*Attachment) (io.WriteCloser, error) { return writeCloser{io.Discard, closer}, nil }},
	} {
		if m, err := Parse(c.r, Limits{}, c.sink); !errors.Is(err, boom) || m != nil {
			t.Errorf("%s: %v, %v", name, m, err)
		}
	}
	if closed != 2 {
		t.Errorf("closed %d writers of 2", closed)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

func TestLimits(t *testing.T) {
	deep := "From: a@example.org\n"
	for i := range 40 {
		b := strings.Repeat("b", i+1)
		deep += "Content-Type: multipart/mixed; boundary=" + b + "\n\n--" + b + "\n"
	}
	deep += "\nbottom\n"
	for name, c := range map[string]struct {
		mail    string
		lim     Limits
		problem string
		ok      func(*Message) bool
	}{
		"text":        {"From: a@example.org\n\n" + strings.Repeat("ü", 100), Limits{Text: 51}, "longer than 51 bytes", func(m *Message) bool { return m.Truncated && m.Text == strings.Repeat("ü", 25) }},
		"html":        {"From: a@example.org\nContent-Type: text/html\n\n" + strings.Repeat("<p>x ", 100), Limits{Text: 50}, "longer than 50 bytes", func(m *Message) bool { return m.Truncated && len(m.Text) <= 50 }},
		"header":      {"From: a@example.org\nX: " + strings.Repeat("x\n ", 1000) + "\nTo: b@example.org\n\nbody", Limits{Header: 500}, "longer than 500 bytes", func(m *Message) bool { return m.Text == "body" && len(m.From) == 1 && m.To == nil }},
		"part header": {multi("mixed", "X: "+strings.Repeat("x\n ", 1000)+"\n\nbody"), Limits{Header: 500}, "longer than 500 bytes", func(m *Message) bool { return m.Text == "body" }},
		"line":        {"From: a@example.org\n\n" + strings.Repeat("x", 100_000) + "\n", Limits{Line: 1000}, "longer than 1000 bytes", func(m *Message) bool { return len(m.Text) == 100_000 }},
		"parts":       {strings.ReplaceAll(string(manyParts(50)), "\r\n", "\n"), Limits{Parts: 11}, "more than 11 parts", func(m *Message) bool { return len(m.Attachments) == 10 }},
		"depth":       {deep, Limits{Depth: 10}, "more than 10 deep", func(m *Message) bool { return len(m.Attachments) == 1 && m.Attachments[0].Type == "multipart/mixed" }},
		"no depth":    {deep, Limits{Depth: 100}, "not closed", func(m *Message) bool { return m.Text == "bottom" }},
		"boundary":    {"From: a@example.org\nContent-Type: multipart/mixed; boundary=" + strings.Repeat("b", 300) + "\n\nbody\n", Limits{}, "boundary is longer", func(m *Message) bool { return m.Text == "body" }},
		"references": {"From: a@example.org\nReferences: " + strings.Repeat("<a@b>\n ", 500) + "<last@b>\n\nbody\n", Limits{}, "", func(m *Message) bool {
			return len(m.References) == maxReferences && m.References[maxReferences-1] == "last@b"
		}},
	} {
		t.Run(name, func(t *testing.T) {
			m := parse(t, c.mail, c.lim)
			if c.problem != "" && !problem(m, c.problem) || !c.ok(m) {
				t.Errorf("%q: text %q, attachments %+v", m.Problems, field.Short(m.Text), m.Attachments)
			}
		})
	}
}

// A large attachment passes through a small memory.
func TestStreams(t *testing.T) {
	var n int64
	sink := func(*Attachment) (io.WriteCloser, error) {
		return writeCloser{Writer: counter{&n}}, nil
	}
	const size = 50 << 20
	if got := heapWhile(t, func() {
		m, err := Parse(bigMail(size), Limits{}, sink)
		if err != nil || len(m.Attachments) != 1 || m.Attachments[0].Size != size/57*57 || n != size/57*57 || len(m.Problems) > 0 {
			t.Fatal(m, err, n)
		}
	}); got > 1<<20 {
		t.Errorf("%d bytes allocated", got)
	}
}

type counter struct{ n *int64 }

func (c counter) Write(b []byte) (int, error) { *c.n += int64(len(b)); return len(b), nil }
