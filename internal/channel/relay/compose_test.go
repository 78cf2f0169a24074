package relay_test

import (
	"bytes"
	"errors"
	"flag"
	"io"
	stdmime "mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"example.org/countersign/internal/channel/relay"
	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/mime"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var date = time.Date(2026, 9, 15, 9, 30, 0, 0, time.FixedZone("", 7200))

func letter() relay.Mail {
	return relay.Mail{MessageID: "r1.s@example.com", Date: date, From: "Security <security@example.com>",
		To: []string{"bob@example.org"}, Subject: "Re: C-2026-000123", Text: "Dear Bob,\n\nwe have mended it.\n"}
}

func file(name, kind, content string) relay.File {
	return relay.File{Name: name, Type: kind, Open: func() (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(content)), nil
	}}
}

// with returns the letter with changes.
func with(edit func(*relay.Mail)) relay.Mail {
	m := letter()
	edit(&m)
	return m
}

func compose(t testing.TB, m relay.Mail) string {
	t.Helper()
	var b bytes.Buffer
	if err := m.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestGolden(t *testing.T) {
	for name, m := range map[string]relay.Mail{
		"plain": letter(),
		"full": with(func(m *relay.Mail) {
			m.From, m.ReplyTo = "Sécurité, Équipe <security@example.com>", `"Desk, The" <desk@example.com>`
			m.To = []string{"bob@example.org", "Zoë <zoe@example.net>", "Doe, John <john@bücher.example>", "quoted <\"a b\"@example.org>"}
			m.Cc = []string{"carol@example.org", "BOB@example.org"}
			m.Subject = "Re: Überweisung – " + strings.Repeat("sehr ", 20) + "lang 🙂"
			m.InReplyTo = "<q1@example.org>"
			m.References = []string{"q0@example.org", "<q1@example.org>", "not an id", "q1@example.org", strings.Repeat("x", 300) + "@example.org"}
			m.Headers = map[string]string{"X-Case": "C-2026-000123", "Auto-Submitted": "auto-replied", "X-Long": strings.Repeat("word ", 40)}
			m.Text = "Grüße\r\n" + strings.Repeat("long ", 300) + "\r.\nFrom here  \n..\n\ttab\x00\xff"
			m.Attachments = []relay.File{file("report.pdf", "application/pdf", strings.Repeat("%PDF", 50)), file("bücher; \"x\"\r\n.txt", "text/plain; charset=iso-8859-1", "caf\xe9\r\n"),
				file("../../etc/passwd", "no type", ""), file("mail.eml", "message/rfc822", "Subject: x\r\n\r\n.\r\n")}
		}),
	} {
		t.Run(name, func(t *testing.T) {
			got := compose(t, m)
			if again := compose(t, m); again != got {
				t.Error("the same mail gave other bytes")
			}
			path := filepath.Join("testdata", name+".eml")
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			for line := range strings.SplitSeq(got, "\r\n") {
				if len(line) > 78 || strings.ContainsAny(line, "\r\n") {
					t.Errorf("line of %d bytes: %q", len(line), line)
				}
			}
		})
	}
}

// TestRead composes mails and reads them again with another parser.
func TestRead(t *testing.T) {
	m := with(func(m *relay.Mail) {
		m.Subject = "Grüße =?utf-8?q?not_this?= " + strings.Repeat("x", 200)
		m.To = []string{`"Zoë, \"the\" one" <zoe@example.net>`}
		m.Text = "a\n.\nb =3D\n"
		m.Attachments = []relay.File{file("bücher.txt", "text/plain", "hello\n"), file("x", "", strings.Repeat("0123456789", 1000))}
	})
	msg, err := mail.ReadMessage(strings.NewReader(compose(t, m)))
	if err != nil {
		t.Fatal(err)
	}
	subject, err := new(stdmime.WordDecoder).DecodeHeader(msg.Header.Get("Subject"))
	if err != nil || subject != m.Subject {
		t.Errorf("subject %q, %v", subject, err)
	}
	to, err := msg.Header.AddressList("To")
	if err != nil || len(to) != 1 || to[0].Name != `Zoë, "the" one` || to[0].Address != "zoe@example.net" {
		t.Errorf("to %v, %v", to, err)
	}
	if d, err := msg.Header.Date(); err != nil || !d.Equal(date) {
		t.Errorf("date %v, %v", d, err)
	}
	_, params, err := stdmime.ParseMediaType(msg.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	parts := multipart.NewReader(msg.Body, params["boundary"])
	var got []string
	for {
		p, err := parts.NextRawPart()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(decoded(p))
		if err != nil {
			t.Error(err)
		}
		got = append(got, p.FileName()+": "+strings.ReplaceAll(string(body), "\r\n", "\n"))
	}
	if diff := cmp.Diff([]string{": " + m.Text, "bücher.txt: hello\n", "x: " + strings.Repeat("0123456789", 1000)}, got); diff != "" {
		t.Errorf("parts (-want +got):\n%s", diff)
	}
}

func decoded(p *multipart.Part) io.Reader {
	if p.Header.Get("Content-Transfer-Encoding") == "base64" {
		return base64Reader(p)
	}
	return quotedprintable.NewReader(p)
}

func TestInvalid(t *testing.T) {
	for name, edit := range map[string]func(*relay.Mail){
		"no Message-ID":         func(m *relay.Mail) { m.MessageID = "" },
		"bad Message-ID":        func(m *relay.Mail) { m.MessageID = "a@b>\r\nBcc: <x@y" },
		"no date":               func(m *relay.Mail) { m.Date = time.Time{} },
		"no sender":             func(m *relay.Mail) { m.From = "" },
		"two senders":           func(m *relay.Mail) { m.From = "a@example.com, b@example.com" },
		"no recipient":          func(m *relay.Mail) { m.To = nil },
		"bad recipient":         func(m *relay.Mail) { m.To = []string{"bob"} },
		"recipient injects":     func(m *relay.Mail) { m.To = []string{"bob@example.org>\r\nRCPT TO:<eve@example.org"} },
		"name injects":          func(m *relay.Mail) { m.To = []string{"Bob\r\nBcc: eve@example.org <bob@example.org>"} },
		"copy injects":          func(m *relay.Mail) { m.Cc = []string{"bob@example.org\nx: y"} },
		"reply-to injects":      func(m *relay.Mail) { m.ReplyTo = "bob@example.org\nx: y" },
		"bad envelope sender":   func(m *relay.Mail) { m.Sender = "a b" },
		"field that is ours":    func(m *relay.Mail) { m.Headers = map[string]string{"bcc": "eve@example.org"} },
		"field of the content":  func(m *relay.Mail) { m.Headers = map[string]string{"Content-Type": "text/html"} },
		"field injects by name": func(m *relay.Mail) { m.Headers = map[string]string{"X: y\r\nBcc": "eve@example.org"} },
	} {
		t.Run(name, func(t *testing.T) {
			m := with(edit)
			err := m.Write(io.Discard)
			if kind, _ := fault.Of(err); err == nil || kind != fault.Invalid {
				t.Errorf("%v, want a fault", err)
			}
		})
	}
	t.Run("attachment cannot be read", func(t *testing.T) {
		gone := errors.New("gone")
		m := with(func(m *relay.Mail) {
			m.Attachments = []relay.File{{Name: "x", Open: func() (io.ReadCloser, error) { return nil, gone }}}
		})
		if err := m.Write(io.Discard); !errors.Is(err, gone) {
			t.Error(err)
		}
	})
}

// FuzzMail puts anything at all into every field that others' words may reach.
// What is read back is what was put in, and nothing else.
func FuzzMail(f *testing.F) {
	for _, s := range []string{"hello", "a\r\nBcc: eve@example.org\r\n\r\nbody", "=?utf-8?q?x?=", "Grüße \xff\x00", strings.Repeat("x", 2000), strings.Repeat("ü", 500), `"\;"`, "\r\n.\r\n", " \t "} {
		f.Add(s, s, s, s)
	}
	f.Add("", "", "", "\"a>b c\" <\"a>b c\"@example.org>")
	f.Fuzz(func(t *testing.T, subject, extra, text, name string) {
		m := with(func(m *relay.Mail) {
			if r := relay.Recipients(with(func(m *relay.Mail) { m.To = []string{name} })); len(r) > 0 {
				m.To = []string{name}
				if strings.ContainsAny(r[0], "\r\n\x00") || strings.ContainsAny(r[0], " <>") && r[0][0] != '"' {
					t.Errorf("recipient %q", r[0])
				}
			}
			m.Subject, m.Text, m.InReplyTo, m.References = subject, text, name, []string{subject, text}
			m.Headers = map[string]string{"X-Extra": extra}
			m.Attachments = []relay.File{file(name, extra, text)}
		})
		raw := compose(t, m)
		for line := range strings.SplitSeq(raw, "\r\n") {
			if len(line) > 998 || strings.ContainsAny(line, "\r\n\x00") || !utf8.ValidString(line) { // RFC 5322 §2.1.1
				t.Fatalf("bad line %q", line)
			}
		}
		msg, err := mail.ReadMessage(strings.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for n, values := range msg.Header {
			if n != "In-Reply-To" && n != "References" { // which are left out where they are none
				names = append(names, n)
			}
			if len(values) != 1 {
				t.Errorf("%d fields %s", len(values), n)
			}
		}
		slices.Sort(names)
		if got := strings.Join(names, " "); got != "Content-Type Date From Message-Id Mime-Version Subject To X-Extra" {
			t.Errorf("fields %s", got)
		}
		for field, put := range map[string]string{"Subject": subject, "X-Extra": extra} {
			got, err := new(stdmime.WordDecoder).DecodeHeader(msg.Header.Get(field))
			want := mime.CleanHeader(put)
			if squeeze(got) != squeeze(want) || err != nil {
				t.Errorf("%s is %q, %v; want %q", field, got, err, want)
			}
		}
		_, params, err := stdmime.ParseMediaType(msg.Header.Get("Content-Type"))
		if err != nil {
			t.Fatal(err)
		}
		parts := multipart.NewReader(msg.Body, params["boundary"])
		first, err := parts.NextRawPart()
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(decoded(first))
		want := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(strings.ToValidUTF8(text, "\uFFFD"))
		if err != nil || strings.TrimSuffix(strings.ReplaceAll(string(body), "\r\n", "\n"), "\n") != strings.TrimSuffix(want, "\n") {
			t.Errorf("text %q, %v; want %q", body, err, want)
		}
		second, err := parts.NextRawPart()
		if err != nil {
			t.Fatal(err)
		}
		if body, err = io.ReadAll(decoded(second)); err != nil || string(body) != text {
			t.Errorf("attachment %q, %v; want %q", body, err, text)
		}
		if second.FileName() == "" || strings.ContainsAny(second.FileName(), "/\\\r\n") {
			t.Errorf("file name %q", second.FileName())
		}
		if _, err := parts.NextRawPart(); err != io.EOF {
			t.Errorf("after the parts: %v", err)
		}
	})
}

// squeeze makes runs of blanks one: folding does not keep them.
func squeeze(s string) string { return strings.Join(strings.Fields(s), " ") }
