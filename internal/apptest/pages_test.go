package apptest

import (
	"context"
	"errors"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"example.org/countersign/internal/app"
	"example.org/countersign/internal/browsertest"
	"example.org/countersign/internal/demo"
	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/people"
	"example.org/countersign/internal/response"
)

// site is the demonstration, served.
type site struct {
	*demo.Demo
	url string
}

func serveDemo(t *testing.T) *site {
	t.Helper()
	d := demonstration(t, app.Config{Data: t.TempDir()})
	server := httptest.NewServer(d.App.Handler)
	t.Cleanup(server.Close)
	return &site{d, server.URL}
}

// demonstration opens an installation of the demonstration. Telling it takes
// long, with a self-check for each of ninety days: on SQLite that is done once,
// and every test has a copy.
func demonstration(t *testing.T, cfg app.Config) *demo.Demo {
	t.Helper()
	if cfg.Database == "" {
		told, err := tell()
		if err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command("cp", "-a", told+"/.", cfg.Data).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	d, err := demo.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	if !d.Fed() {
		if err := d.Feed(t.Context(), func(int, int) {}); err != nil {
			t.Fatal(err)
		}
	}
	return d
}

// tell tells the demonstration, and returns its data directory.
var tell = sync.OnceValues(func() (string, error) {
	dir, err := shared()
	if err != nil {
		return "", err
	}
	data := filepath.Join(dir, "demonstration")
	d, err := demo.Open(context.Background(), app.Config{Data: data})
	if err != nil {
		return "", err
	}
	return data, errors.Join(d.Feed(context.Background(), func(int, int) {}), d.Close())
})

// signIn signs in as somebody who has this role and none above it: whoever
// works here is staff as well.
func (s *site) signIn(t *testing.T, p *browsertest.Page, role people.Role) {
	t.Helper()
	all, err := s.App.People.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, who := range all {
		if who.Has(role) && (role != people.Staff || len(who.Roles) == 1) {
			code, err := s.App.People.NewSignInLink(t.Context(), who.ID)
			if err != nil {
				t.Fatal(err)
			}
			p.Open(s.url + "/sign-in?code=" + code)
			p.Follow("form button")
			return
		}
	}
	t.Fatalf("nobody is %s", role)
}

// paths are pages of the demonstration worth a look, by the name of the
// picture.
func (s *site) paths(t *testing.T) map[string]string {
	t.Helper()
	ctx := context.Background()
	answered, err := intake.Cases.Select(ctx, s.App.Ledger, `WHERE r.state = 'answered' AND r.category = 'vulnerability' ORDER BY r.received_at DESC LIMIT 1`)
	if err != nil || len(answered) == 0 {
		t.Fatal("the demonstration has no answered vulnerability: ", err)
	}
	review, err := response.Responses.Select(ctx, s.App.Ledger, `WHERE r.state = 'in-review' ORDER BY r.submitted_at DESC LIMIT 1`)
	if err != nil || len(review) == 0 {
		t.Fatal("the demonstration has no answer in review: ", err)
	}
	return map[string]string{
		"queue": "/queue", "case": "/cases/" + answered[0].Number, "approve": "/responses/" + review[0].ID,
		"channels": "/channels", "policy": "/policy", "people": "/people", "evidence": "/evidence", "ledger": "/ledger", "approvals": "/approvals",
		"entry": "/ledger/entries/20", "account": "/account", "styleguide": "/styleguide", "work": "/work",
	}
}

// TestPages opens every kind of page in both themes and on a phone and has axe
// look at it.
func TestPages(t *testing.T) {
	s := serveDemo(t)
	b := browsertest.Start(t)
	pictures := os.Getenv("COUNTERSIGN_SCREENSHOTS_ALL")
	for _, view := range []struct {
		name string
		view browsertest.View
	}{
		{"light", browsertest.Desktop},
		{"dark", browsertest.View{Width: 1280, Height: 800, Scale: 1, Dark: true}},
		{"phone", browsertest.Phone},
	} {
		p := b.Page(t, view.view)
		s.signIn(t, p, people.Lead)
		for name, path := range s.paths(t) {
			if status := p.Open(s.url + path); status != 200 {
				t.Errorf("%s: status %d", path, status)
				continue
			}
			p.Axe()
			if pictures != "" {
				p.Screenshot(filepath.Join(pictures, name+"-"+view.name+".png"))
			}
		}
		for name, path := range map[string]string{"report": "/report", "follow-up": "/follow-up"} {
			p.Open(s.url + path)
			p.Axe()
			if pictures != "" {
				p.Screenshot(filepath.Join(pictures, name+"-"+view.name+".png"))
			}
		}
	}
}

// TestScreenshots photographs what the README shows.
func TestScreenshots(t *testing.T) {
	dir := os.Getenv("COUNTERSIGN_SCREENSHOTS")
	if dir == "" {
		t.Skip("COUNTERSIGN_SCREENSHOTS names no directory: make screenshots")
	}
	s := serveDemo(t)
	b := browsertest.Start(t)
	p := b.Page(t, browsertest.View{Width: 1280, Height: 860, Scale: 1})
	s.signIn(t, p, people.Lead)
	paths := s.paths(t)
	for _, name := range []string{"queue", "case", "approve", "evidence"} {
		p.Open(s.url + paths[name])
		p.Screenshot(filepath.Join(dir, name+".png"))
	}
	dark := b.Page(t, browsertest.View{Width: 1280, Height: 860, Scale: 1, Dark: true})
	s.signIn(t, dark, people.Lead)
	dark.Open(s.url + paths["case"])
	dark.Screenshot(filepath.Join(dir, "case-dark.png"))
	phone := b.Page(t, browsertest.Phone)
	phone.Open(s.url + "/report")
	phone.Screenshot(filepath.Join(dir, "report.png"))
}

// TestRoles: what each role sees of the demonstration.
func TestRoles(t *testing.T) {
	s := serveDemo(t)
	b := browsertest.Start(t)
	number := strings.TrimPrefix(s.paths(t)["case"], "/cases/")
	for _, tt := range []struct {
		role people.Role
		path string
		want int
	}{
		{people.Analyst, "/cases/" + number, 200},
		{people.Auditor, "/cases/" + number, 200},
		{people.Admin, "/cases/" + number, 403}, // no power over records, and no look into them
		{people.Staff, "/queue", 403},
		{people.Admin, "/people", 200},
	} {
		p := b.Page(t, browsertest.Desktop)
		s.signIn(t, p, tt.role)
		if got := p.Open(s.url + tt.path); got != tt.want {
			t.Errorf("%s opens %s: %d, want %d", tt.role, tt.path, got, tt.want)
		}
		p.Problems() // a refused page is one
	}
}
