package apptest

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"example.org/countersign/internal/app"
	"example.org/countersign/internal/channel"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/people"
	"example.org/countersign/internal/pgtest"
	"example.org/countersign/internal/witness"
)

// TestKeptReports stops sealing in a whole installation, signs in and reports
// through its pages, starts it anew, accepts the loss, and finds the sign-in in
// the record, and the report by the reference that its reporter was given.
func TestKeptReports(t *testing.T) {
	for name, dsn := range map[string]func(testing.TB) string{"sqlite": func(testing.TB) string { return "" }, "postgres": pgtest.DSN} {
		t.Run(name, func(t *testing.T) {
			cfg := app.Config{Data: filepath.Join(t.TempDir(), "data"), Database: dsn(t)}
			a := opened(t, cfg)
			admin := enrolled(t, a)
			if err := a.Recovery.Halt(t.Context(), &witness.Rollback{Size: 3, Seen: 9, Witnesses: []string{"sister.example"}}); err != nil {
				t.Fatal(err)
			}
			if _, _, err := a.People.SignIn(t.Context(), admin.Email, password, "", people.Client{}); err != nil {
				t.Fatal(err)
			}
			came := a.Ledger.Now()
			page := posted(t, a, "/report", url.Values{"text": {"I see the orders of others."}, "who": {"anonymous"}})
			reference, code := regexp.MustCompile(`S-\w{5}-\w{5}`).FindString(page), regexp.MustCompile(`\b\w{5}(-\w{5}){3}\b`).FindString(page)
			pair := url.Values{"number": {reference}, "code": {code}}
			if page = posted(t, a, "/follow-up", pair); !strings.Contains(page, "not in the record yet") {
				t.Fatalf("%q, %q: %s", reference, code, page)
			}
			if err := a.Close(); err != nil {
				t.Fatal(err)
			}
			a = reopened(t, cfg)
			if _, err := a.Recovery.Accept(t.Context(), ledger.Actor{ID: "one", Role: string(people.Lead)}, "The newer data are lost with the disk."); err != nil {
				t.Fatal(err)
			}
			if err := a.Close(); err != nil {
				t.Fatal(err)
			}
			a = reopened(t, cfg)
			defer a.Close()
			if all, err := a.People.SignIns(t.Context(), admin.ID, 10); err != nil || len(all) != 1 || all[0].EndedAt != 0 {
				t.Errorf("sign-ins in the record: %+v, %v", all, err)
			}
			page = posted(t, a, "/follow-up", pair)
			number := regexp.MustCompile(`C-\d{4}-(</span>)?\d{6}`).FindString(page)
			if !strings.Contains(page, "I see the orders of others.") || number == "" {
				t.Fatal(page)
			}
			thread, err := a.Intake.FollowUp(t.Context(), strings.ReplaceAll(number, "</span>", ""), code)
			if err != nil {
				t.Fatal(err)
			}
			if late := time.UnixMicro(thread.ReceivedAt).Sub(came); late < 0 || thread.ReceivedAt > a.Ledger.Now().UnixMicro() {
				t.Errorf("it came at %v, and is said to have come %v later", came, late)
			}
			if n, _, err := a.Spool.Waiting(); n != 0 || err != nil {
				t.Errorf("%d items stay, %v", n, err)
			}
			if _, err := a.Ledger.Verify(t.Context(), ledger.Options{Full: true}); err != nil {
				t.Error(err)
			}
		})
	}
}

func reopened(t *testing.T, cfg app.Config) *app.App {
	t.Helper()
	a, err := app.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// opened opens an installation with a report page.
func opened(t *testing.T, cfg app.Config) *app.App {
	t.Helper()
	a := reopened(t, cfg)
	one, two := ledger.Actor{ID: "one", Role: string(people.Lead)}, ledger.Actor{ID: "two", Role: string(people.Lead)}
	c, err := a.Channels.Add(t.Context(), one, channel.Terms{Name: "Report page", Kind: channel.Portal, Address: "/report", Direction: channel.Both,
		Audience: "public", Owner: "one", Purpose: "Reports", ReviewDue: a.Ledger.Now().AddDate(0, 6, 0).Format(time.DateOnly)})
	if err == nil {
		_, err = a.Channels.Approve(t.Context(), two, c.ID, c.Entry)
	}
	if err != nil {
		t.Fatal(err)
	}
	return a
}

const password = "unrelated words make a good one"

// enrolled enrols the first administrator.
func enrolled(t *testing.T, a *app.App) *people.Person {
	t.Helper()
	code, err := a.People.Bootstrap(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	p, err := a.People.Enrol(t.Context(), code, "Ada Root", "ada@example.com", password)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// posted sends a form and returns the page that answers it.
func posted(t *testing.T, a *app.App, path string, values url.Values) string {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(values.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	a.Handler.ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		t.Fatalf("%s: status %d %s", path, w.Code, w.Body)
	}
	return w.Body.String()
}
