package intake_test

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"unicode"
	"unicode/utf8"

	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/rules"
)

// data is where inputs lie that nobody on this project wrote.
const data = "../../../shared/data"

// each16 calls f for every item, 16 at a time.
func each16[T any](list []T, f func(i int, x T)) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(list); i = int(next.Add(1)) - 1 {
				f(i, list[i])
			}
		})
	}
	wg.Wait()
}

// TestRealMails receives every real mail there is: none is lost, none changes
// on its way, and what was refused has a reason.
func TestRealMails(t *testing.T) {
	var files []string
	for _, folder := range []string{"mail", "bounce", "reply"} {
		err := filepath.WalkDir(filepath.Join(data, folder), func(p string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() {
				files = append(files, p)
			}
			return err
		})
		if err != nil {
			t.Skipf("the real mails are not here: %v", err)
		}
	}
	each(t, intake.Options{}, func(t *testing.T, o *office) {
		var mu sync.Mutex
		want := map[string]int{} // how often each hash was new
		each16(files, func(_ int, path string) {
			raw, err := os.ReadFile(path)
			if err != nil {
				t.Error(err)
				return
			}
			r, err := o.Receive(t.Context(), intake.Incoming{Channel: security, Source: intake.FromSMTP, From: "someone@example.com", Raw: bytes.NewReader(raw)})
			if is(err, fault.Invalid) && len(raw) == 0 {
				return
			}
			if err != nil {
				t.Errorf("%s: %v", path, err)
				return
			}
			sum := sha256.Sum256(raw)
			mu.Lock()
			defer mu.Unlock()
			if !r.Duplicate {
				want[hex.EncodeToString(sum[:])]++
			}
		})
		got := map[string]bool{}
		all, err := intake.Communications.Select(t.Context(), o.Env, "")
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range all {
			raw, err := o.Raw(t.Context(), m)
			if err != nil {
				t.Fatal(err)
			}
			h := sha256.New()
			if _, err := io.Copy(h, raw); err != nil {
				t.Fatal(err)
			}
			raw.Close()
			if hash := hex.EncodeToString(h.Sum(nil)); hash != m.RawSHA256 || got[hash] {
				t.Errorf("communication %s: hash %s, recorded as %s", m.ID, hash, m.RawSHA256)
			} else {
				got[hash] = true
			}
			for i, a := range m.Attachments {
				if sum := sha256.Sum256(read(t, o, m, i)); hex.EncodeToString(sum[:]) != a.SHA256 {
					t.Errorf("communication %s: attachment %d is not what was recorded", m.ID, i)
				}
			}
			safe(t, m.Subject, m.MessageID, strings.Join(m.Problems, " "))
			plain(t, m.Text)
		}
		for hash, n := range want {
			if n != 1 {
				t.Errorf("the mail with hash %s was new %d times", hash, n)
			}
		}
		if len(got) != len(want) || len(got) < 500 {
			t.Errorf("%d mails recorded, %d received", len(got), len(want))
		}
	})
}

// safe checks that texts of one line can be stored and shown anywhere.
func safe(t *testing.T, texts ...string) {
	t.Helper()
	for _, s := range texts {
		plain(t, s)
		if strings.ContainsAny(s, "\n\u202A\u202B\u202D\u202E") {
			t.Errorf("it does not stay on its line: %q", s)
		}
	}
}

// plain checks that a text can be stored and shown.
func plain(t *testing.T, s string) {
	t.Helper()
	if !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }) {
		t.Errorf("it is not plain text: %q", s)
	}
}

func naughty(t *testing.T) []string {
	t.Helper()
	f, err := os.Open(filepath.Join(data, "hostile", "blns.txt"))
	if err != nil {
		t.Skipf("the hostile strings are not here: %v", err)
	}
	defer f.Close()
	list := []string{"\x00\x01\x1b[2J", "\xff\xfe\xc3\x28", "\u202Egnp.exe", strings.Repeat("A", 70000), "'; DROP TABLE casefile; --", "%s%n${jndi:ldap://x}", "{number}{due}{{.}}", "=1+1"}
	for s := bufio.NewScanner(f); s.Scan(); {
		if line := s.Text(); line != "" && !strings.HasPrefix(line, "#") {
			list = append(list, line)
		}
	}
	return list
}

// TestHostileStrings puts hostile strings into every text that comes from
// outside or from staff.
func TestHostileStrings(t *testing.T) {
	list := naughty(t)
	each(t, intake.Options{}, func(t *testing.T, o *office) {
		each16(list, func(i int, s string) {
			// The bytes of no two are the same, whatever the strings.
			m := mail{from: fmt.Sprintf("%s <h%d@example.com>", s, i), to: s + " <" + security + ">", subject: s, id: s, reply: s, refs: s, more: s + "\r\nContent-Language: " + s + "\r\n", body: fmt.Sprint(s, i)}
			r, err := o.Receive(t.Context(), intake.Incoming{Channel: security, Source: intake.FromSMTP, From: s, To: []string{s}, HELO: s, Raw: strings.NewReader(m.String())})
			if err != nil {
				t.Errorf("mail with %.60q: %v", s, err)
				return
			}
			if i%2 == 0 {
				if _, err := o.Note(t.Context(), ann, r.Case, s+"."); err != nil {
					t.Errorf("note %.60q: %v", s, err)
				}
			} else if err := o.Dispose(t.Context(), ann, r.Case, rules.OutOfScope, s+"."); err != nil && !is(err, fault.Invalid) && !is(err, fault.Conflict) {
				t.Errorf("reason %.60q: %v", s, err)
			}
			rep, err := o.Report(t.Context(), intake.Report{Channel: portal, Name: s, Subject: s, Text: s + ".", Category: s, Language: s,
				Files: []intake.Upload{upload(s, s, []byte(s))}, Key: ""})
			if err != nil {
				t.Errorf("report %.60q: %v", s, err)
				return
			}
			if _, err := o.FollowUp(t.Context(), s, s); !is(err, fault.NotFound) {
				t.Errorf("follow-up by %.60q: %v", s, err)
			}
			for _, id := range []string{r.Case, rep.Case} {
				c := o.load(t, id)
				plain(t, c.DispositionReason)
				safe(t, c.Subject, c.ReporterName, c.ReporterAddress, c.Hint)
				for _, m := range o.thread(t, id) {
					plain(t, m.Text)
					safe(t, m.Subject, m.MessageID, m.InReplyTo, strings.Join(m.References, " "))
					for _, a := range append(append(m.From, m.To...), m.Cc...) {
						safe(t, a.Name, a.Addr)
					}
					for _, a := range m.Attachments {
						safe(t, a.Name, a.Type)
					}
					if m.Envelope != nil {
						safe(t, m.Envelope.From, m.Envelope.HELO, strings.Join(m.Envelope.To, " "))
					}
				}
			}
		})
		o.due(t)
		for _, m := range o.sent {
			plain(t, m.Text)
			safe(t, m.Subject, m.From, strings.Join(m.To, " "))
			if strings.ContainsAny(m.Subject+m.MessageID+m.InReplyTo+strings.Join(m.To, ""), "\r\n") {
				t.Errorf("a field of a confirmation goes over lines: %+v", m)
			}
		}
	})
}

// TestManyParts: what is more than is kept apart is still there to be read.
func TestManyParts(t *testing.T) {
	var b strings.Builder
	b.WriteString("From: rita@example.com\r\nSubject: parts\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n")
	for i := range 150 {
		fmt.Fprintf(&b, "--b\r\nContent-Type: application/x-part\r\nContent-Disposition: attachment; filename=p%d\r\n\r\npart %d\r\n", i, i)
	}
	b.WriteString("--b--\r\n")
	each(t, intake.Options{}, func(t *testing.T, o *office) {
		r, err := o.Receive(t.Context(), intake.Incoming{Channel: security, Source: intake.FromSMTP, From: "rita@example.com", Raw: strings.NewReader(b.String())})
		if err != nil {
			t.Fatal(err)
		}
		m := o.thread(t, r.Case)[0]
		if len(m.Attachments) != 150 || len(m.Problems) == 0 || m.Attachments[120].Blob.Name != "" {
			t.Fatalf("%d attachments, problems %q", len(m.Attachments), m.Problems)
		}
		for _, i := range []int{0, 99, 100, 149} {
			if got := string(read(t, o, m, i)); got != fmt.Sprintf("part %d", i) {
				t.Errorf("attachment %d reads %q", i, got)
			}
		}
		if _, err := o.Attachment(t.Context(), m, 150); !is(err, fault.NotFound) {
			t.Errorf("attachment past the last: %v", err)
		}
	})
}
