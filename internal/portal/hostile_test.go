package portal

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"example.org/countersign/internal/browsertest"
	"example.org/countersign/internal/channel"
	"example.org/countersign/internal/dbtest"
	"example.org/countersign/internal/design"
	"example.org/countersign/internal/hostile"
	"example.org/countersign/internal/ledger"
)

// hostileFolder holds lists of strings that break pages, outside of the project.
const hostileFolder = "../../../shared/data/hostile"

// send makes a request, and holds a page that answers it against what public
// pages are.
func (s *site) send(t *testing.T, r hostile.Request) hostile.Answer {
	t.Helper()
	var q *http.Request
	if r.Multipart {
		values := map[string]string{}
		for name := range r.Values {
			values[name] = r.Values.Get(name)
		}
		var files []upload
		for _, f := range r.Files {
			files = append(files, upload{strings.ReplaceAll(f.Name, "\x00", ""), "text/plain", f.Content})
		}
		q = multipartRequest(t, r.Path, values, files...)
	} else {
		q = httptest.NewRequest(r.Method, r.Path, strings.NewReader(r.Values.Encode()))
		if r.Values != nil {
			q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
	}
	p := s.do(t, q)
	a := hostile.Answer{Status: p.Code, Header: p.Header(), Body: p.Body.String()}
	if a.Page() {
		quiet(t, r.Method+" "+r.Path, p)
	}
	return a
}

// scenes bring up every form of the public pages.
func (s *site) scenes(t *testing.T) []hostile.Scene {
	send := func(r hostile.Request) hostile.Answer { return s.send(t, r) }
	look := func(path string) func() hostile.Visit {
		return func() hostile.Visit {
			return hostile.Visit{Path: path, Page: send(hostile.Request{Method: "GET", Path: path}), Send: send}
		}
	}
	n := 0
	report := func() page {
		n++
		return s.post(t, "/report?lang=en", map[string]string{"text": "Something.", "who": "anonymous", "channel": s.first(t)}, upload{"steps.txt", "text/plain", "steps"})
	}
	return []hostile.Scene{
		{Name: "report", Open: look("/report?lang=en")},
		{Name: "follow-up", Open: look("/follow-up?lang=de")},
		{Name: "thread", Open: func() hostile.Visit {
			p := report()
			opened := s.open(t, p.number(t), p.code())
			return hostile.Visit{Path: "/follow-up", Page: hostile.Answer{Status: opened.Code, Header: opened.Header(), Body: opened.Body.String()}, Send: send}
		}},
	}
}

// first is a channel that a report may go to.
func (s *site) first(t testing.TB) string {
	t.Helper()
	all, err := s.desks.Channels.List(t.Context(), s.desks.Ledger)
	if err != nil {
		t.Fatal(err)
	}
	return all[0].ID
}

// besiege prepares the siege of the public pages.
func (s *site) besiege(t *testing.T) *hostile.Siege {
	t.Helper()
	s.portal(t)
	s.channel(t, channel.Terms{Name: "For personnel", Kind: channel.Portal, Address: "/report/staff", Direction: channel.Both})
	guide, err := design.StyleguideTemplate()
	if err != nil {
		t.Fatal(err)
	}
	data, err := design.Styleguide(dbtest.Start, design.System)
	if err != nil {
		t.Fatal(err)
	}
	var known strings.Builder
	if err := guide.ExecuteTemplate(&known, "staff", data); err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	g := &hostile.Siege{Policies: []string{design.PublicPolicy}, Lists: hostile.Lists(t, hostileFolder), Quick: hostile.Raced, Known: []string{known.String()}, Scenes: s.scenes(t),
		Wait: func() { s.Clock.Advance(time.Minute) },
		Headers: []string{"Content-Security-Policy", "X-Content-Type-Options", "Referrer-Policy", "Cross-Origin-Opener-Policy", "Cache-Control", "Content-Type", "Content-Length", "Vary",
			"Content-Disposition", "Accept-Ranges", "Retry-After"},
		Path: func(route string) string {
			_, path, _ := strings.Cut(route, " ")
			return strings.ReplaceAll(path, "{name}", "app.css")
		},
		Ask: func(_ string, r hostile.Request) hostile.Answer { return s.send(t, r) }}
	for _, r := range (&portal{}).routes() {
		g.Routes = append(g.Routes, r.pattern)
		mux.Handle(r.pattern, http.NotFoundHandler())
	}
	g.Route = func(method, path string) string {
		_, pattern := mux.Handler(httptest.NewRequest(method, path, nil))
		return pattern
	}
	g.Fill = func(_ string, f hostile.Field, _ int) string {
		return map[string]string{"who": "anonymous", "channel": s.first(t), "text": "Something.", "number": "C-2026-000001", "code": "00000-00000-00000-00000"}[f.Name]
	}
	return g
}

// TestHostile sends hostile strings through every field of every form, and
// through every part of every address.
func TestHostile(t *testing.T) {
	one(t, func(t *testing.T, s *site) {
		g := s.besiege(t)
		requests, _ := g.Run(t)
		t.Logf("%d requests", requests)
		if log := s.log.String(); strings.Contains(log, "level=ERROR") || strings.Contains(log, "panic") {
			t.Errorf("the pages logged: %s", log)
		}
		if _, err := s.Verify(t.Context(), ledger.Options{Full: true}); err != nil {
			t.Errorf("the record does not verify: %v", err)
		}
	})
}

// TestHostileInBrowser opens what was reported with hostile strings, with
// scripts on: nothing runs.
func TestHostileInBrowser(t *testing.T) {
	b := browsertest.Start(t)
	dir := t.TempDir()
	s := furnish(t, dbtest.Open(t, dir, filepath.Join(dir, "countersign.db"), kinds(), nil))
	s.portal(t)
	server := httptest.NewServer(s.handler)
	t.Cleanup(server.Close)
	p := b.Page(t, browsertest.Desktop)
	for _, text := range hostile.Stored(hostile.Lists(t, hostileFolder), 100_000) {
		short := strings.ToValidUTF8(text[:min(len(text), 190)], "")
		sent := map[string]string{"subject": short, "text": text, "who": "name", "name": short, "email": ""}
		receipt := s.post(t, "/report?lang=en", sent, upload{strings.ReplaceAll(short, "\x00", ""), "text/html", text})
		p.Open(server.URL + "/follow-up")
		p.Fill("#number", receipt.number(t))
		p.Fill("#code", receipt.code())
		p.Follow("form button")
		if got := p.Text("article .said"); got == "" {
			t.Errorf("the thread is empty after %.80q", text)
		}
		if ran := browsertest.Eval[string](p, "typeof "+hostile.Canary); ran != "undefined" {
			t.Errorf("something ran on the page with %.80q", text)
		}
	}
}
