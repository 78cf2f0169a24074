package portal

import (
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"example.org/countersign/internal/browsertest"
	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/ledger"
	reserve "example.org/countersign/internal/spool"
)

var referencePattern = regexp.MustCompile(`S-[0-9A-Z]{5}-[0-9A-Z]{5}`)

// halt stops sealing.
func (s *site) halt(t testing.TB) {
	t.Helper()
	if err := s.Halt(t.Context(), "the log has 7 entries, and sister.example has seen 9"); err != nil {
		t.Fatal(err)
	}
}

// resume lets sealing go on and takes in what was kept, each item twice, as
// after a crash in between.
func (s *site) resume(t testing.TB) {
	t.Helper()
	if err := s.Resume(t.Context(), leo, func(context.Context, *ledger.Tx) error { return nil }); err != nil {
		t.Fatal(err)
	}
	crash := errors.New("crash")
	s.Clock.Advance(3600e9)
	if n, err := s.spool.Drain(t.Context(), s.after(crash)); n != 0 || !errors.Is(err, crash) {
		t.Fatalf("%d items, %v", n, err)
	}
	if _, err := s.spool.Drain(t.Context(), s.desks.Backlog.Take); err != nil {
		t.Fatal(err)
	}
	if n, _, err := s.spool.Waiting(); n != 0 || err != nil {
		t.Fatalf("%d items stay, %v", n, err)
	}
}

// TestKept: while sealing has stopped a report is kept, and its reporter sees so;
// afterwards it is in the record once, at the time at which it came, and
// reference and code lead to it.
func TestKept(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		s.portal(t)
		before := s.post(t, "/report", map[string]string{"text": "An old one.", "who": "anonymous"})
		oldNumber, oldCode := before.number(t), before.code()
		s.halt(t)
		came := s.Now()
		values := map[string]string{"key": strings.Repeat("k", 26), "subject": "Orders of others", "text": "I see the <b>orders</b> of others.", "who": "anonymous"}
		file := upload{"steps.txt", "text/plain", "first this,\r\nthen that\x00"}
		first := s.post(t, "/report", values, file)
		reference, code := referencePattern.FindString(first.Body.String()), codePattern.FindString(first.Body.String())
		if first.Code != http.StatusOK || reference == "" || code == "" || !strings.Contains(first.Body.String(), english.SpooledTitle) {
			t.Fatalf("status %d %s", first.Code, first.Body)
		}
		for _, leak := range []string{"sister.example", "set back", "witness", english.Sealed} {
			if strings.Contains(first.Body.String(), leak) {
				t.Errorf("the reporter is told %q", leak)
			}
		}
		again := s.post(t, "/report", values, file)
		if !strings.Contains(again.Body.String(), reference) || !strings.Contains(again.Body.String(), code) {
			t.Error("the same report sent twice gets another reference")
		}
		values["text"] = "Something else."
		if other := s.post(t, "/report", values); strings.Contains(other.Body.String(), reference) {
			t.Error("another report gets the same reference")
		}
		pair := map[string]string{"number": strings.ToLower(reference), "code": strings.ToLower(code)}
		if p := s.post(t, "/follow-up", pair); p.Code != 200 || !strings.Contains(p.Body.String(), english.SpooledState) {
			t.Errorf("status %d %s", p.Code, p.Body)
		}
		pair["text"] = "And one more thing."
		if p := s.post(t, "/follow-up/message", pair); p.Code != 200 || !strings.Contains(p.Body.String(), english.SpooledMessage) {
			t.Errorf("a message to a report that waits: %d %s", p.Code, p.Body)
		}
		for range 2 {
			p := s.post(t, "/follow-up/message", map[string]string{"number": oldNumber, "code": oldCode, "text": "More of the old."})
			if p.Code != 200 || !strings.Contains(p.Body.String(), english.SpooledMessage) {
				t.Errorf("a message to a report: %d %s", p.Code, p.Body)
			}
		}
		s.resume(t)
		delete(pair, "text")
		p := s.post(t, "/follow-up", pair)
		number := p.number(t)
		for _, want := range []string{english.YouWrote, "And one more thing.", "I see the &lt;b&gt;orders&lt;/b&gt; of others.", english.instant(came.UnixMicro())} {
			if !strings.Contains(p.Body.String(), want) {
				t.Errorf("the case lacks %q: %s", want, p.Body)
			}
		}
		thread, err := s.desks.Intake.FollowUp(t.Context(), number, code)
		if err != nil {
			t.Fatal(err)
		}
		if len(thread.Messages) != 2 || thread.ReceivedAt != came.UnixMicro() {
			t.Errorf("%+v", thread)
		}
		if m := s.thread(t, number)[0]; len(m.Attachments) != 1 || m.Attachments[0].SHA256 != fmt.Sprintf("%x", sha256.Sum256([]byte(file.content))) || m.Attachments[0].Type != file.kind {
			t.Errorf("the file is not what was sent: %+v", m.Attachments)
		}
		if thread, err = s.desks.Intake.FollowUp(t.Context(), oldNumber, oldCode); err != nil || len(thread.Messages) != 2 {
			t.Errorf("the old report has %d messages, %v", len(thread.Messages), err)
		}
		count := 0
		if _, err := s.One(t.Context(), `SELECT count(*) FROM casefile`, nil, &count); err != nil || count != 3 {
			t.Errorf("%d cases, %v", count, err)
		}
	})
}

// TestKeptTwice: what was recorded before sealing stopped and is sent once more
// is not recorded again, and its reporter is told where it is.
func TestKeptTwice(t *testing.T) {
	one(t, func(t *testing.T, s *site) {
		s.portal(t)
		values := map[string]string{"key": strings.Repeat("k", 26), "text": "The very same.", "who": "anonymous"}
		number := s.post(t, "/report", values).number(t)
		s.halt(t)
		kept := s.post(t, "/report", values).Body.String()
		reference, code := referencePattern.FindString(kept), codePattern.FindString(kept)
		s.resume(t)
		p := s.post(t, "/follow-up", map[string]string{"number": reference, "code": code})
		if !strings.Contains(p.Body.String(), fill(english.SpooledBefore, number)) {
			t.Errorf("%s: %s", number, p.Body)
		}
	})
}

// TestKeptWrong: a wrong reference or code is answered like a wrong number, and
// what is wrong with a report is said while nothing can be recorded.
func TestKeptWrong(t *testing.T) {
	one(t, func(t *testing.T, s *site) {
		s.portal(t)
		s.halt(t)
		page := s.post(t, "/report", map[string]string{"text": "Hear me.", "who": "anonymous"}).Body.String()
		reference, code := referencePattern.FindString(page), codePattern.FindString(page)
		for _, c := range [][2]string{{reference, "00000-00000-00000-00000"}, {"S-00000-00000", code}, {"S-00000-0000", code}, {reference, ""}, {"S-", code}, {reference + "' OR 1=1", code}, {"S-\x00\x00\x00\x00\x00-00000", code}, {"C-2026-000001", code}} {
			for _, path := range []string{"/follow-up", "/follow-up/message", "/follow-up/file"} {
				p := s.post(t, path, map[string]string{"number": c[0], "code": c[1], "text": "x"})
				if p.Code != http.StatusNotFound && p.Code != http.StatusTooManyRequests || strings.Contains(p.Body.String(), english.SpooledState) {
					t.Errorf("%s %q: status %d", path, c, p.Code)
				}
			}
		}
		if p := s.post(t, "/report", map[string]string{"text": "", "who": "anonymous"}); p.Code != http.StatusUnprocessableEntity {
			t.Errorf("an empty report: status %d", p.Code)
		}
		if p := s.post(t, "/follow-up/message", map[string]string{"number": reference, "code": code, "text": " "}); p.Code != http.StatusUnprocessableEntity {
			t.Errorf("an empty message: status %d", p.Code)
		}
		if _, err := s.desks.Backlog.Report(t.Context(), intake.Report{Channel: "/nowhere", Text: "x"}); err == nil {
			t.Error("a report for no channel is kept")
		}
		if n, _, err := s.spool.Waiting(); n != 1 || err != nil {
			t.Errorf("%d items, %v", n, err)
		}
	})
}

// after takes an item and fails then.
func (s *site) after(crash error) func(context.Context, reserve.Item, io.Reader) error {
	return func(ctx context.Context, item reserve.Item, body io.Reader) error {
		if err := s.desks.Backlog.Take(ctx, item, body); err != nil {
			return err
		}
		return crash
	}
}

// TestKeptInBrowser looks at the pages of what waits, on the narrowest phone.
func TestKeptInBrowser(t *testing.T) {
	b := browsertest.Start(t)
	one(t, func(t *testing.T, s *site) {
		s.portal(t)
		server := httptest.NewServer(s.handler)
		t.Cleanup(server.Close)
		s.halt(t)
		for _, w := range []*words{&english, &german} {
			v := narrow
			v.Dark = w == &german
			p := b.Page(t, v)
			check := func(name string) {
				t.Helper()
				p.Axe()
				for _, text := range browsertest.Eval[[]string](p, fmt.Sprintf(overflowing, v.Width)) {
					t.Errorf("%s: wider than the screen: %s", name, text)
				}
				if *shots != "" {
					p.Screenshot(filepath.Join(*shots, name+"-"+w.Code+".png"))
				}
			}
			p.Open(server.URL + "/report?lang=" + w.Code)
			p.Fill("#text", "I see the orders of others.")
			p.Click("input[name=who][value=anonymous]")
			p.Follow("form button")
			check("kept")
			reference, code := referencePattern.FindString(p.Text("dl")), codePattern.FindString(p.Text("dl"))
			p.Follow("footer li:nth-child(2) a")
			p.Fill("#number", reference)
			p.Fill("#code", code)
			p.Follow("form button")
			check("waiting")
		}
	})
}

var shots = flag.String("shots", "", "folder to write screenshots to")
