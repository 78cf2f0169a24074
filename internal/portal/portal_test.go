package portal

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"example.org/countersign/internal/backlog"
	"example.org/countersign/internal/channel"
	"example.org/countersign/internal/dbtest"
	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/jobs"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/people"
	"example.org/countersign/internal/policy"
	"example.org/countersign/internal/receipt"
	"example.org/countersign/internal/response"
	"example.org/countersign/internal/retention"
	reserve "example.org/countersign/internal/spool"
)

var (
	ann = ledger.Actor{ID: "ann", Role: "analyst"}
	leo = ledger.Actor{ID: "leo", Role: "lead"}
)

func kinds() []ledger.Records {
	var all []ledger.Records
	for _, k := range [][]ledger.Records{intake.Records(), policy.Records(), channel.Records(), people.Records(), jobs.Records(), response.Records(), retention.Records()} {
		all = append(all, k...)
	}
	return all
}

// site is an installation with the public pages before it.
type site struct {
	*dbtest.Env
	desks   Desks
	spool   *reserve.Spool
	handler http.Handler
	log     *bytes.Buffer
}

func each(t *testing.T, f func(t *testing.T, s *site)) {
	t.Helper()
	dbtest.Each(t, kinds(), nil, func(t *testing.T, e *dbtest.Env) { f(t, furnish(t, e)) })
}

// one runs f on SQLite alone: what the pages do by themselves, whatever is below.
func one(t *testing.T, f func(t *testing.T, s *site)) {
	t.Helper()
	dir := t.TempDir()
	f(t, furnish(t, dbtest.Open(t, dir, filepath.Join(dir, "countersign.db"), kinds(), nil)))
}

func furnish(t testing.TB, e *dbtest.Env) *site {
	t.Helper()
	s := &site{Env: e, log: &bytes.Buffer{}}
	policies := policy.New(e.Ledger, nil)
	if err := policies.Seed(t.Context()); err != nil {
		t.Fatal(err)
	}
	channels := channel.New(e.Ledger)
	s.desks = Desks{Ledger: e.Ledger, Channels: channels,
		Intake: intake.New(e.Ledger, channels, policies, intake.Options{Keys: e.Keys, Organisation: "Org & Sons"})}
	persons, err := people.New(t.Context(), e.Ledger, e.Keys, people.Options{})
	if err != nil {
		t.Fatal(err)
	}
	answers := response.New(e.Ledger, persons, channels, policies, response.Options{Keys: e.Keys})
	s.desks.Retention = retention.New(e.Ledger, persons, policies, s.desks.Intake, answers, retention.Options{})
	if s.spool, err = reserve.Open(t.TempDir(), e.Blobs, e.Keys); err != nil {
		t.Fatal(err)
	}
	s.desks.Backlog = backlog.New(e.Ledger, channels, s.desks.Intake, s.spool)
	s.desks.Receipts = receipt.New(e.Ledger, s.desks.Intake, nil)
	s.handler = New(s.desks, "Org & Sons", slog.New(slog.NewTextHandler(s.log, nil)))
	return s
}

// channel adds an approved channel.
func (s *site) channel(t testing.TB, c channel.Terms) *channel.Channel {
	t.Helper()
	c.Audience, c.Owner, c.Purpose, c.ReviewDue = "public", "leo", "to be written to", "2027-01-31"
	added, err := s.desks.Channels.Add(t.Context(), ann, c)
	if err != nil {
		t.Fatal(err)
	}
	if added, err = s.desks.Channels.Approve(t.Context(), leo, added.ID, added.Entry); err != nil {
		t.Fatal(err)
	}
	return added
}

func (s *site) portal(t testing.TB) *channel.Channel {
	t.Helper()
	return s.channel(t, channel.Terms{Name: "Report page", Kind: channel.Portal, Address: "/report", Direction: channel.Both})
}

type upload struct{ name, kind, content string }

// page is an answer.
type page struct {
	*httptest.ResponseRecorder
	root *html.Node
}

func (s *site) do(t testing.TB, r *http.Request) page {
	t.Helper()
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r.WithContext(t.Context()))
	root, err := html.Parse(bytes.NewReader(w.Body.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	return page{w, root}
}

func (s *site) get(t testing.TB, path string, header ...string) page {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, path, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return s.do(t, r)
}

// post sends a form as a browser does: as multipart where it has files.
func (s *site) post(t testing.TB, path string, values map[string]string, files ...upload) page {
	t.Helper()
	return s.do(t, multipartRequest(t, path, values, files...))
}

func multipartRequest(t testing.TB, path string, values map[string]string, files ...upload) *http.Request {
	t.Helper()
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	for name, v := range values {
		if err := m.WriteField(name, v); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range files {
		part, err := m.CreatePart(map[string][]string{
			"Content-Disposition": {fmt.Sprintf(`form-data; name="files"; filename=%q`, f.name)}, "Content-Type": {f.kind}})
		if err == nil {
			_, err = io.WriteString(part, f.content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, path, &b)
	r.Header.Set("Content-Type", m.FormDataContentType())
	return r
}

func (s *site) open(t testing.TB, number, code string) page {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/follow-up", strings.NewReader(url.Values{"number": {number}, "code": {code}}.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return s.do(t, r)
}

var (
	codePattern   = regexp.MustCompile(`\b[0-9A-Z]{5}(-[0-9A-Z]{5}){3}\b`)
	numberPattern = regexp.MustCompile(`C-2026-(?:</span>)?(\d{6})`)
)

func (p page) text() string {
	var b strings.Builder
	for n := range p.root.Descendants() {
		if n.Type == html.TextNode && n.Parent.DataAtom != atom.Textarea {
			b.WriteString(n.Data + " ")
		}
	}
	return b.String()
}

func (p page) code() string { return codePattern.FindString(p.Body.String()) }

func (p page) number(t testing.TB) string {
	t.Helper()
	m := numberPattern.FindStringSubmatch(p.Body.String())
	if m == nil {
		t.Fatalf("no number on the page: %s", p.text())
	}
	return "C-2026-" + m[1]
}

// control returns the attributes of a field.
func (p page) control(name string) map[string]string {
	for n := range p.root.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		attrs := map[string]string{}
		for _, a := range n.Attr {
			attrs[a.Key] = a.Val
		}
		if attrs["name"] == name && (n.DataAtom == atom.Input || n.DataAtom == atom.Textarea || n.DataAtom == atom.Select) {
			if n.DataAtom == atom.Textarea && n.FirstChild != nil {
				attrs["value"] = n.FirstChild.Data
			}
			return attrs
		}
	}
	return nil
}

func (s *site) thread(t testing.TB, number string) []*intake.Communication {
	t.Helper()
	c, err := s.desks.Intake.Case(t.Context(), number)
	if err != nil {
		t.Fatal(err)
	}
	all, err := s.desks.Intake.Communications(t.Context(), c.ID)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestReportAndFollowUp(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		s.portal(t)
		form := s.get(t, "/report")
		key := form.control("key")["value"]
		if form.Code != http.StatusOK || len(key) < 20 {
			t.Fatalf("form: %d, key %q", form.Code, key)
		}
		picture := "not really a picture"
		sent := map[string]string{"key": key, "about": "vulnerability", "subject": "Login", "text": "Your login has an XSS.", "who": "anonymous", "name": "", "email": ""}
		receipt := s.post(t, "/report?lang=en", sent, upload{"bob-smith.txt", "text/plain", "steps"}, upload{"x.heic", "image/heic", picture})
		number, code := receipt.number(t), receipt.code()
		if receipt.Code != http.StatusOK || code == "" || number != "C-2026-000001" {
			t.Fatalf("receipt: %d %q %q\n%s", receipt.Code, number, code, receipt.text())
		}
		if !strings.Contains(receipt.text(), "You will have an answer by 17 September 2026, 09:30 UTC.") {
			t.Errorf("the receipt does not say by when: %s", receipt.text())
		}
		all := s.thread(t, number)
		if len(all) != 1 || all[0].Source != intake.FromPortal || len(all[0].From) != 0 || len(all[0].Attachments) != 2 ||
			all[0].Attachments[0].Name != "attachment-1.txt" || !all[0].Attachments[1].Hidden {
			t.Fatalf("recorded: %+v", all)
		}

		twice := s.post(t, "/report?lang=en", sent, upload{"bob-smith.txt", "text/plain", "steps"}, upload{"x.heic", "image/heic", picture})
		if twice.Code != http.StatusOK || twice.code() != "" || !strings.Contains(twice.text(), "You have sent this report already") || !strings.Contains(twice.text(), number) {
			t.Errorf("second submit: %d %s", twice.Code, twice.text())
		}
		if again := twice.control("key")["value"]; again == "" || again == key || twice.control("text")["value"] != sent["text"] {
			t.Errorf("the form to send it anew has key %q and text %q", again, twice.control("text")["value"])
		}
		if len(s.thread(t, number)) != 1 {
			t.Error("the second submit was recorded")
		}

		seen := s.open(t, number, strings.ToLower(strings.ReplaceAll(code, "-", " ")))
		if seen.Code != http.StatusOK || !strings.Contains(seen.text(), "Your login has an XSS.") || !strings.Contains(seen.text(), "Download attachment-1.txt") ||
			strings.Contains(seen.text(), ".heic") {
			t.Fatalf("follow-up: %d %s", seen.Code, seen.text())
		}
		file := s.post(t, "/follow-up/file", map[string]string{"number": number, "code": code, "message": all[0].ID, "file": "0"})
		if file.Body.String() != "steps" || file.Header().Get("Content-Type") != "application/octet-stream" ||
			!strings.HasPrefix(file.Header().Get("Content-Disposition"), "attachment; filename=") {
			t.Errorf("download: %v %q", file.Header(), file.Body)
		}

		more := map[string]string{"number": number, "code": code, "text": "One more thing:\r\nit is worse."}
		for i, want := range []string{"We have your message.", "You have sent this message already. It is recorded once."} {
			p := s.post(t, "/follow-up/message", more)
			if p.Code != http.StatusOK || !strings.Contains(p.text(), want) || !strings.Contains(p.text(), "it is worse.") || p.control("text")["value"] != "" {
				t.Errorf("message %d: %d %s", i, p.Code, p.text())
			}
		}
		p := s.post(t, "/follow-up/message", more, upload{"log.txt", "text/plain", "log"})
		if got := s.thread(t, number); len(got) != 3 || len(got[2].Attachments) != 1 || p.Code != http.StatusOK {
			t.Errorf("%d messages after the file: %s", len(got), p.text())
		}
		if strings.Contains(s.log.String(), code) || strings.Contains(s.log.String(), "192.0.2.1") {
			t.Errorf("the log says too much: %s", s.log)
		}
	})
}

func TestOnceAmongMany(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		s.portal(t)
		sent := map[string]string{"key": "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "text": "The same report.", "who": "anonymous"}
		pages := make([]page, 8)
		var all sync.WaitGroup
		for i := range pages {
			all.Go(func() { pages[i] = s.post(t, "/report", sent) })
		}
		all.Wait()
		codes := 0
		for _, p := range pages {
			if p.Code != http.StatusOK || p.number(t) != "C-2026-000001" {
				t.Errorf("%d %s", p.Code, p.text())
			}
			if p.code() != "" {
				codes++
			}
		}
		if codes != 1 {
			t.Errorf("the code was shown %d times", codes)
		}
		code := ""
		for _, p := range pages {
			code += p.code()
		}
		more := map[string]string{"number": "C-2026-000001", "code": code, "text": "The same message."}
		for range 6 {
			all.Go(func() { s.post(t, "/follow-up/message", more) })
		}
		all.Wait()
		if n := len(s.thread(t, "C-2026-000001")); n != 2 {
			t.Errorf("%d communications, want 2", n)
		}
	})
}

func TestMistakes(t *testing.T) {
	one(t, func(t *testing.T, s *site) {
		s.portal(t)
		long := strings.Repeat("x", maxName+1)
		good := map[string]string{"key": "k", "about": "privacy", "subject": "S <b>", "text": "T & \"t\"", "who": "name", "name": "Rita", "email": "rita@example.com"}
		for name, c := range map[string]struct {
			change map[string]string
			files  []upload
			field  string
			why    string
		}{
			"no text":             {map[string]string{"text": " \n"}, nil, "text", english.ErrText},
			"long text":           {map[string]string{"text": strings.Repeat("é", maxText/2+1)}, nil, "text", english.ErrLong},
			"undecided":           {map[string]string{"who": ""}, nil, "who", english.ErrWho},
			"anonymous with name": {map[string]string{"who": "anonymous", "email": ""}, nil, "name", english.ErrNamed},
			"bad address":         {map[string]string{"email": "rita"}, nil, "email", english.ErrEmail},
			"two addresses":       {map[string]string{"email": "a@example.com, b@example.com"}, nil, "email", english.ErrEmail},
			"long name":           {map[string]string{"name": long}, nil, "name", english.ErrNameLong},
			"long subject":        {map[string]string{"subject": long}, nil, "subject", english.ErrNameLong},
			"too many files":      {nil, make([]upload, maxFiles+1), "files", english.ErrFilesCount},
		} {
			values := map[string]string{}
			for k, v := range good {
				values[k] = v
			}
			for k, v := range c.change {
				values[k] = v
			}
			for i := range c.files {
				c.files[i] = upload{fmt.Sprintf("%d.txt", i), "text/plain", "x"}
			}
			p := s.post(t, "/report?lang=en", values, c.files...)
			if p.Code != http.StatusUnprocessableEntity || !strings.Contains(p.text(), c.why) {
				t.Errorf("%s: %d %s", name, p.Code, p.text())
			}
			at := p.control(c.field)
			if c.field != "who" && (at["aria-invalid"] != "true" || !strings.Contains(at["aria-describedby"], c.field+"-error")) {
				t.Errorf("%s: the error is not at the field: %v", name, at)
			}
			for _, field := range []string{"subject", "text", "name", "email", "key"} {
				if got := p.control(field)["value"]; got != values[field] {
					t.Errorf("%s: %s was %.40q, is %.40q", name, field, values[field], got)
				}
			}
			if len(c.files) > 0 && !strings.Contains(p.text(), english.FilesAgain) {
				t.Errorf("%s: it is not said that files must be chosen again", name)
			}
		}
		n, err := s.Checkpoint(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if p := s.post(t, "/report", good); p.code() == "" {
			t.Errorf("the good report is refused: %s", p.text())
		}
		if _, err := s.desks.Intake.Case(t.Context(), "C-2026-000001"); err != nil || n.Size == 0 {
			t.Errorf("a mistake took a number: %v", err)
		}
	})
}

func TestFileLimits(t *testing.T) {
	one(t, func(t *testing.T, s *site) {
		s.portal(t)
		values := map[string]string{"text": "With files.", "who": "anonymous"}
		p := s.post(t, "/report?lang=en", values, upload{"big.bin", "x/y", strings.Repeat("x", maxFile+1)}, upload{"small.txt", "text/plain", "x"})
		if p.Code != http.StatusUnprocessableEntity || !strings.Contains(p.text(), "big.bin is larger than 25 MB") || p.control("text")["value"] != "With files." {
			t.Errorf("%d %s", p.Code, p.text())
		}
		endless := multipartRequest(t, "/report?lang=en", values, upload{"endless.bin", "x/y", ""})
		endless.Body = io.NopCloser(io.MultiReader(io.LimitReader(endless.Body, endless.ContentLength-68), zeros{}))
		if p := s.do(t, endless); p.Code != http.StatusUnprocessableEntity || p.control("text")["value"] != "With files." {
			t.Errorf("an endless file: %d %s", p.Code, p.text())
		}
		t.Setenv("TMPDIR", filepath.Join(s.Dir, "nowhere"))
		if p := s.post(t, "/report?lang=en", values, upload{"a.txt", "text/plain", "x"}); !strings.Contains(p.text(), english.ErrFilesBusy) || !strings.Contains(s.log.String(), "nowhere") {
			t.Errorf("no room: %d %s", p.Code, p.text())
		}
		r := multipartRequest(t, "/report?lang=en", values)
		r.Body = io.NopCloser(io.LimitReader(r.Body, 60))
		if p := s.do(t, r); p.Code != http.StatusBadRequest || !strings.Contains(p.text(), english.ErrForm) {
			t.Errorf("cut off: %d %s", p.Code, p.text())
		}
	})
}

// zeros is a body without an end.
type zeros struct{}

// Read implements io.Reader.
func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func TestSpool(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	var s spool
	content := strings.Repeat("secret ", 10_000)
	f, tooLong, err := s.keep(strings.NewReader(content), 1<<20)
	if err != nil || tooLong {
		t.Fatal(tooLong, err)
	}
	onDisk := make([]byte, f.size)
	if _, err := f.file.ReadAt(onDisk, 0); err != nil || bytes.Contains(onDisk, []byte("secret")) {
		t.Errorf("on disk in clear, or not at all: %v", err)
	}
	for range 2 {
		r, err := f.open()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r); err != nil || string(got) != content {
			t.Errorf("read back %d bytes of %d: %v", len(got), len(content), err)
		}
	}
	f.close()
	if _, tooLong, err := s.keep(strings.NewReader(content), int64(len(content)-1)); !tooLong || err != nil {
		t.Errorf("one byte too many: %v %v", tooLong, err)
	}
	s.used.Add(maxSpooled - 100)
	if _, _, err := s.keep(strings.NewReader(content), 1<<20); !errors.Is(err, errSpool) {
		t.Errorf("over the bound: %v", err)
	}
	if used := s.used.Load(); used != maxSpooled-100 {
		t.Errorf("%d bytes are counted that are gone", used-maxSpooled+100)
	}
}

func TestWrongCode(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		s.portal(t)
		receipt := s.post(t, "/report", map[string]string{"text": "Something.", "who": "anonymous"})
		number, code := receipt.number(t), receipt.code()
		const other = "00000-00000-00000-00000"
		strip := func(p page, typed string) string { return strings.ReplaceAll(p.Body.String(), typed, "") }
		a, b := s.open(t, number, other), s.open(t, "C-2026-000777", other)
		if a.Code != http.StatusNotFound || b.Code != a.Code || strip(a, number) != strip(b, "C-2026-000777") {
			t.Errorf("a wrong code and a wrong number are told apart: %d %d", a.Code, b.Code)
		}
		for i := 1; i < wrongAtOnce; i++ {
			s.open(t, number, other)
		}
		if p := s.open(t, number, other); p.Code != http.StatusTooManyRequests || p.Header().Get("Retry-After") == "" {
			t.Errorf("nobody slows guessing down: %d", p.Code)
		}
		if p := s.open(t, "C-2026-000778", other); p.Code != http.StatusNotFound {
			t.Errorf("another number is slowed down too: %d", p.Code)
		}
		if p := s.open(t, number, code); p.Code != http.StatusOK {
			t.Errorf("whoever has the code was kept out by others: %d", p.Code)
		}
		s.Clock.Advance(2 * wrongEvery)
		if p := s.open(t, number, other); p.Code != http.StatusNotFound {
			t.Errorf("wrong answers are not forgotten: %d", p.Code)
		}
		for _, path := range []string{"/follow-up/message", "/follow-up/file"} {
			if p := s.post(t, path, map[string]string{"number": "C-2026-000001", "code": other, "text": "x", "file": "0"}); p.Code == http.StatusOK {
				t.Errorf("%s opens with a wrong code", path)
			}
		}
	})
}

func TestThrottleForgets(t *testing.T) {
	var th throttle
	now := dbtest.Start
	for i := range 3 * maxCounted {
		th.wrong(fmt.Sprint(i), now)
	}
	if len(th.debts) > maxCounted {
		t.Errorf("%d numbers are remembered", len(th.debts))
	}
}

func TestClosedAndSeveralChannels(t *testing.T) {
	one(t, func(t *testing.T, s *site) {
		s.channel(t, channel.Terms{Name: "Mail", Kind: channel.Email, Address: "m@org.example", Direction: channel.Both})
		for _, p := range []page{s.get(t, "/report"), s.post(t, "/report", map[string]string{"text": "x", "who": "anonymous"})} {
			if p.Code != http.StatusServiceUnavailable || !strings.Contains(p.text(), english.ClosedTitle) {
				t.Errorf("without a channel: %d %s", p.Code, p.text())
			}
		}
		s.portal(t)
		second := s.channel(t, channel.Terms{Name: "Ethics line", Kind: channel.Portal, Address: "/ethics", Direction: channel.Both})
		if p := s.post(t, "/report?lang=en", map[string]string{"text": "x", "who": "anonymous"}); !strings.Contains(p.text(), english.ErrChannel) {
			t.Errorf("nobody asked for which channel: %s", p.text())
		}
		p := s.post(t, "/report", map[string]string{"text": "x", "who": "anonymous", "channel": second.ID})
		if all := s.thread(t, p.number(t)); all[0].Channel != second.ID {
			t.Errorf("recorded on %s", all[0].Channel)
		}
	})
}

func TestSecurityTxt(t *testing.T) {
	one(t, func(t *testing.T, s *site) {
		s.channel(t, channel.Terms{Name: "Billing", Kind: channel.Email, Address: "billing@org.example", Direction: channel.Both})
		if p := s.get(t, "/.well-known/security.txt"); p.Code != http.StatusNotFound {
			t.Errorf("without a channel: %d", p.Code)
		}
		s.channel(t, channel.Terms{Name: "Security", Kind: channel.Email, Address: "security@org.example", Direction: channel.Both,
			Published: []string{"https://org.example/.well-known/security.txt"}})
		p := s.get(t, "/.well-known/security.txt")
		want := "Contact: mailto:security@org.example\nExpires: 2027-01-31T00:00:00Z\nPreferred-Languages: en, de, fr, es\n"
		if p.Body.String() != want || p.Header().Get("Content-Type") != "text/plain; charset=utf-8" {
			t.Errorf("%s\n%s", p.Header(), p.Body)
		}
	})
}
