package web_test

import (
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"example.org/countersign/internal/browsertest"
	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/people"
	"example.org/countersign/internal/response"
)

var shots = flag.String("shots", "", "folder to write a screenshot of every page to")

// busy fills an office with cases of a few days.
func busy(o *office) (first *intake.Case, waiting *response.Response) {
	ctx := o.t.Context()
	ana := o.identity(people.Analyst)
	for i, m := range []struct{ from, subject, text string }{
		{"Ruth Amsel <ruth@amsel.example>", "Your certificate expires tomorrow", "Hello,\n\nthe certificate of your status page ends tomorrow.\n\nRuth"},
		{"Billing <billing@vendor.example>", "Invoice 2026-114", "Please find the invoice."},
		{"Iris Kon <iris@press.example>", "Question for an article on the outage", "I am a journalist and write about the outage of last week. Can you say how many customers were affected?"},
		{"Jan Polak <jan@polak.example>", "Possible phishing in your name", "I got this phishing mail that pretends to be you."},
		{"Data Protection <dpo@authority.example>", "Request for information under Article 58", "The supervisory authority asks you to answer within fourteen days about the breach."},
		{"Omar Haddad <omar@haddad.example>", "Delete my personal data", "I want you to erase my personal data under GDPR."},
		{"Win Big <prize@lottery.example>", "You have won a lottery prize", "Congratulations winner, claim your lottery prize, click here to claim."},
		{"Sana Iqbal <sana@iqbal.example>", "SQL injection in the search of shipments", "I found a SQL injection vulnerability in the search. Proof of concept attached."},
	} {
		o.Clock.Advance(95 * time.Minute)
		c := o.mail(fmt.Sprintf("From: %s\nTo: %s\nSubject: %s\nMessage-ID: <seed%d@x.example>\nDate: Tue, 15 Sep 2026 09:00:00 +0000\n\n%s\n", m.from, securityAddress, m.subject, i, m.text))
		if i%3 == 0 {
			_, err := o.Triage.Assign(ctx, ana.Actor(people.Analyst), c.ID, ana.ID)
			o.must(err)
		}
		if i == 3 {
			r, err := o.Responses.Draft(ctx, ana, c.ID)
			o.must(err)
			content := r.Content()
			content.Text = "Dear Mr Polak,\n\nthank you for the phishing mail. It is not ours; we have asked the host to take it down.\n\nNorthwind security"
			r, err = o.Responses.Edit(ctx, ana, r.ID, r.Entry, content)
			o.must(err)
			waiting, err = o.Responses.Submit(ctx, ana, r.ID, r.Entry)
			o.must(err)
		}
	}
	o.Clock.Advance(40 * time.Minute)
	return o.mail(report), waiting
}

// at signs a browser in as somebody.
func (o *office) at(b *browsertest.Browser, v browsertest.View, role people.Role) *browsertest.Page {
	o.t.Helper()
	p := b.Page(o.t, v)
	code, err := o.People.NewSignInLink(o.t.Context(), o.people[role].ID)
	o.must(err)
	p.Open(o.server.URL + "/sign-in?code=" + url.QueryEscape(code))
	p.Follow("button[type=submit]")
	return p
}

// TestThreeKeys walks the main job as people do it: a case is triaged with
// three keys, drafted, submitted, and approved with one click.
func TestThreeKeys(t *testing.T) {
	b := browsertest.Start(t)
	o := open(t)
	c := o.mail(report)
	ana, lea := o.at(b, browsertest.Desktop, people.Analyst), o.at(b, browsertest.Desktop, people.Lead)
	ana.Open(o.server.URL + "/queue")
	ana.Press("j")  // one
	ana.Press("\r") // two
	ana.Wait(".timeline")
	ana.Press("t") // three
	ana.Wait(".flash")
	got, err := o.Intake.Case(t.Context(), c.ID)
	o.must(err)
	if got.Assignee != o.people[people.Analyst].ID {
		t.Fatalf("assigned to %q after three keys", got.Assignee)
	}
	ana.Press("r")
	ana.Wait("#text")
	ana.Fill("#text", "Dear Ms Voss,\n\nwe are looking into it.")
	ana.Wait(`[data-saved][data-is="saved"]`)
	ana.Follow(`button[value="submit"]`)
	answers, err := o.Responses.ForCase(t.Context(), c.ID)
	o.must(err)
	if len(answers) != 1 || answers[0].State != response.InReview {
		t.Fatalf("answers %+v", answers)
	}
	lea.Open(o.server.URL + "/responses/" + answers[0].ID) // as a notification leads
	lea.Follow(".next-act button")                         // one click
	r, err := o.Responses.Find(t.Context(), answers[0].ID)
	o.must(err)
	if len(r.Approvals) != 1 {
		t.Fatalf("approvals %+v", r.Approvals)
	}
}

// TestWithoutScript does the same with scripts off.
func TestWithoutScript(t *testing.T) {
	b := browsertest.Start(t)
	o := open(t)
	c := o.mail(report)
	view := browsertest.Phone
	view.NoScript = true
	p := b.Page(t, view)
	p.Open(o.server.URL + "/queue")
	p.Fill("#email", "analyst@northwind.example")
	p.Fill("#password", password)
	p.Follow("button[type=submit]")
	p.Follow(`a[href="/cases/` + c.Number + `"]`)
	p.Follow(".next-act button")
	p.Fill("#note-note", "Looks real.")
	p.Follow(`form[action$="/note"] button`)
	if text := p.Text(".timeline"); !strings.Contains(text, "Looks real.") {
		t.Errorf("the note is not on the timeline: %s", text)
	}
	p.Follow(`button[formaction$="/answer"], form[action$="/answer"] button`)
	p.Fill("#text", "Dear Ms Voss, thank you.")
	p.Follow(`button[value="submit"]`)
	p.Wait(".next-waiting")
}

// TestEveryPage looks at every page in both themes and on a phone: axe finds
// nothing, and no page with all that it loads is over 150 kB.
func TestEveryPage(t *testing.T) {
	b := browsertest.Start(t)
	o := open(t)
	c, waiting := busy(o)
	draft, err := o.Responses.Draft(t.Context(), o.identity(people.Analyst), c.ID)
	o.must(err)
	channels, err := o.Channels.List(t.Context(), o.Env.Ledger)
	o.must(err)
	policies, err := o.Policies.List(t.Context(), o.Env.Ledger)
	o.must(err)
	paths := map[people.Role][]string{
		people.Analyst: {"/queue", "/queue?state=all&disposition=spam", "/cases/" + c.Number, "/responses/" + draft.ID, "/account", "/queue?state=wrong"},
		people.Lead:    {"/approvals", "/cases/" + waiting.Number, "/responses/" + waiting.ID, "/channels", "/channels/new", "/channels/" + channels[0].ID, "/policy", "/policy/new?kind=template", "/evidence", "/ledger", "/ledger/entries/12", "/work", "/absent"},
		people.Admin:   {"/people", "/people/" + o.people[people.Analyst].ID},
		"":             {"/sign-in", "/enrol?code=absent"},
	}
	for _, p := range policies {
		if p.Name == "" || p.Name == "resolved" || p.Name == "external-communication" {
			paths[people.Lead] = append(paths[people.Lead], "/policy/"+p.ID)
		}
	}
	for role, list := range paths {
		page := b.Page(t, browsertest.Desktop)
		if role != "" {
			page = o.at(b, browsertest.Desktop, role)
		}
		for _, path := range list {
			page.View(browsertest.Desktop)
			if status := page.Open(o.server.URL + path); status >= 500 {
				t.Errorf("%s: status %d", path, status)
			}
			browsertest.Eval[bool](page, `document.querySelectorAll('main details').forEach(d => { d.open = true }), true`)
			look(t, page, path, string(role))
			weigh(t, o, role, path)
		}
	}
	once(t, o, b)
}

// look looks at the page that is open, in both themes and on a phone.
func look(t *testing.T, page *browsertest.Page, path, who string) {
	t.Helper()
	dark := browsertest.Desktop
	dark.Dark = true
	for _, view := range []struct {
		name string
		browsertest.View
	}{{"light", browsertest.Desktop}, {"dark", dark}, {"phone", browsertest.Phone}} {
		page.View(view.View)
		failed := t.Failed()
		if view.name != "phone" {
			page.Axe()
		}
		if wide := browsertest.Eval[int](page, `document.documentElement.scrollWidth - innerWidth`); wide > 0 {
			t.Errorf("%d pixels wider than the window", wide)
		}
		if *shots != "" {
			page.Screenshot(filepath.Join(*shots, strings.NewReplacer("/", "_", "?", "_", "=", "_", "&", "_").Replace(who+path)+"-"+view.name+".png"))
		}
		if t.Failed() && !failed {
			t.Logf("first seen at %s as %q, %s", path, who, view.name)
		}
	}
}

// once looks at pages that are shown this once, after a form.
func once(t *testing.T, o *office, b *browsertest.Browser) {
	t.Helper()
	page := o.at(b, browsertest.Desktop, people.Admin)
	page.Open(o.server.URL + "/account")
	page.Click("details.fold summary")
	page.Follow(`form[action="/account/second-factor"] button`)
	page.Wait(".qr")
	page.Axe()
	if *shots != "" {
		page.Screenshot(filepath.Join(*shots, "admin_factor.png"))
	}
	page.Open(o.server.URL + "/people")
	page.Click("details.fold summary")
	page.Fill("#invite-name", "Nora Neu")
	page.Fill("#invite-email", "nora@northwind.example")
	page.Follow(`form[action="/people"] button`) // without a role: refused
	page.Wait(".field-error")
	page.Axe()
	page.Click(`input[value="analyst"]`)
	page.Follow(`form[action="/people"] button`)
	page.Wait(".keep")
	page.Axe()
	if *shots != "" {
		page.Screenshot(filepath.Join(*shots, "admin_link.png"))
	}
}

// weigh adds up a page and all that it loads.
func weigh(t *testing.T, o *office, role people.Role, path string) {
	t.Helper()
	v := o.visit(role)
	a := v.get(path)
	total := len(a.body)
	for _, asset := range append(links(a.body, "/static/"), "/static/app.js", "/static/htmx.min.js") {
		if role == "" && strings.HasSuffix(asset, ".js") {
			continue
		}
		total += len(v.want(http.StatusOK, v.get(asset)).body)
	}
	if total > 150_000 {
		t.Errorf("%s weighs %d bytes, of it HTML %d", path, total, len(a.body))
	}
}
