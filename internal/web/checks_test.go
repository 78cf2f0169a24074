package web_test

import (
	"context"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"example.org/countersign/internal/backup"
	"example.org/countersign/internal/browsertest"
	"example.org/countersign/internal/design/phrase"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/people"
	"example.org/countersign/internal/selfcheck"
	"example.org/countersign/internal/spool"
	"example.org/countersign/internal/witness"
)

// finding is what a witness showed; nobody outside may read it.
const finding = "sister.example has a checkpoint of 90000 that this log signed"

// halt stops sealing as a witness would have it done.
func (o *office) halt() {
	o.must(o.Recovery.Halt(o.t.Context(), &witness.Rollback{Size: 7, Seen: 90000, Evidence: []byte("note"), Witnesses: []string{"sister.example"}}))
}

// TestStopped: while sealing has stopped every page says so, people sign in and
// read, nobody is let in anew, and a lead lets the log go on.
func TestStopped(t *testing.T) {
	o := open(t)
	c := o.mail(report)
	visitors := map[people.Role]*visitor{}
	for _, role := range people.Roles() {
		visitors[role] = o.visit(role)
	}
	lea, ada := visitors[people.Lead], visitors[people.Admin]
	invitation, _, err := o.People.Invite(t.Context(), o.identity(people.Admin), "New", "new@northwind.example", []people.Role{people.Analyst})
	o.must(err)
	if a := lea.want(200, lea.get("/recovery")); !strings.Contains(a.body, "nothing to recover from") || strings.Contains(a.body, "Sealing has stopped") {
		t.Errorf("before: %s", excerpt(a.body))
	}
	o.halt()
	for role, v := range visitors {
		a := v.want(200, v.get("/account"))
		if !strings.Contains(a.body, `role="alert"`) || !strings.Contains(a.body, "Sealing has stopped") {
			t.Errorf("%s: no alarm", role)
		}
		if strings.Contains(a.body, "after the entry of ") == (role == people.Staff) {
			t.Errorf("%s: is told when the last act was: %v", role, role == people.Staff)
		}
		acts := role == people.Lead || role == people.Admin
		if strings.Contains(a.body, `href="/recovery"`) != acts || strings.Contains(a.body, "tell one of them") == acts {
			t.Errorf("%s: is sent to /recovery: %v", role, !acts)
		}
	}
	ana := visitors[people.Analyst]
	ana.want(200, ana.get("/cases/"+c.Number))
	ana.want(503, ana.post("/cases/"+c.Number+"/take"))
	if a := ada.want(200, ada.get("/recovery")); !strings.Contains(a.body, finding) || strings.Contains(a.body, `action="/recovery"`) {
		t.Errorf("an administrator sees %s", excerpt(a.body))
	}
	nobody := o.visit("")
	for _, a := range []answer{nobody.want(200, nobody.get("/sign-in")), nobody.want(503, nobody.get("/enrol?code="+invitation)),
		nobody.want(503, nobody.post("/enrol", "code", invitation, "password", password, "again", password)),
		nobody.want(403, nobody.post("/sign-in", "email", "analyst@northwind.example", "password", "not this one"))} {
		for _, secret := range []string{finding, "sister.example", "witness", "90000", "set back"} {
			if strings.Contains(a.body, secret) {
				t.Errorf("an outsider is told %q", secret)
			}
		}
	}
	late := o.visit("")
	late.want(303, late.post("/sign-in", "email", "analyst@northwind.example", "password", password))
	if a := late.want(200, late.get("/cases/"+c.Number)); !strings.Contains(a.body, "Sealing has stopped") {
		t.Error("whoever signs in now is not told")
	}
	o.Clock.Advance(time.Second) // what is spooled at one instant is taken in any order
	late.want(303, late.post("/sign-out"))
	late.want(303, late.get("/cases/"+c.Number))
	ada.want(403, ada.post("/recovery", "reason", "The disk is gone, nothing newer exists.", "sure", "yes"))
	if a := lea.want(422, lea.post("/recovery", "reason", "lost", "sure", "yes")); !strings.Contains(a.body, "10 to 4,000 characters") {
		t.Error(excerpt(a.body))
	}
	if a := lea.want(422, lea.post("/recovery", "reason", "<script>alert(1)</script> nothing newer exists.")); !strings.Contains(a.body, "&lt;script&gt;") || strings.Contains(a.body, "<script>alert") {
		t.Error("what was typed is lost, or runs")
	}
	lea.want(303, lea.post("/recovery", "reason", "The disk is gone, nothing newer exists.", "sure", "yes"))
	lea.want(409, lea.post("/recovery", "reason", "The disk is gone, nothing newer exists.", "sure", "yes"))
	ana.want(303, ana.post("/cases/"+c.Number+"/take"))
	a := lea.want(200, lea.get("/checks"))
	for _, want := range []string{"The disk is gone, nothing newer exists.", finding, "Lea"} {
		if !strings.Contains(a.body, want) {
			t.Errorf("the page of checks lacks %q", want)
		}
	}
	if strings.Contains(a.body, "Sealing has stopped") || !strings.Contains(a.body, "2 items are not in the record yet") {
		t.Errorf("above the page: %s", excerpt(a.body))
	}
	if a := ana.want(200, ana.get("/account")); strings.Contains(a.body, "not in the record yet") {
		t.Error("an analyst is told what only others can act on")
	}
	if n, err := o.Spool.Drain(t.Context(), func(ctx context.Context, item spool.Item, _ io.Reader) error { return o.People.Take(ctx, item) }); n != 2 || err != nil {
		t.Errorf("%d items recorded, %v", n, err)
	}
	if a := lea.want(200, lea.get("/checks")); strings.Contains(a.body, "not in the record yet") {
		t.Error("the alarm stays")
	}
}

// found keeps a check that found something, as the nightly one does.
func (o *office) found(outcome selfcheck.Outcome, finding string) {
	o.must(o.Env.Write(o.t.Context(), ledger.System, func(_ context.Context, tx *ledger.Tx) error {
		return selfcheck.Checks.Put(tx, &selfcheck.Check{At: tx.Now.UnixMicro(), Took: 2_300_000, Outcome: outcome, Finding: finding, Entries: 12481, Records: 3120}, ledger.Do(string(outcome), "CC4.1"))
	}))
}

// TestChecks: what the newest self-check found is above the pages of those who
// have to look, until a newer one finds nothing.
func TestChecks(t *testing.T) {
	o := open(t)
	visit := func(r people.Role) *visitor { return o.visit(r) }
	lea, ada, aud, ana := visit(people.Lead), visit(people.Admin), visit(people.Auditor), visit(people.Analyst)
	if a := aud.want(200, aud.get("/checks")); !strings.Contains(a.body, "No check yet") || !strings.Contains(a.body, "No witnesses") {
		t.Error(excerpt(a.body))
	}
	ana.want(403, ana.get("/checks"))
	const row = `row "<b>x" of casefile was changed`
	o.found(selfcheck.Altered, row)
	for v, told := range map[*visitor]bool{lea: true, ada: true, aud: true, ana: false} {
		a := v.want(200, v.get("/account"))
		if strings.Contains(a.body, "found that the record was altered: Row &#34;&lt;b&gt;x&#34;") != told {
			t.Errorf("told: %v", !told)
		}
	}
	o.must(o.Backup.Record(t.Context(), ledger.Actor{ID: "operator", Role: "operator"}, &backup.Drill{Outcome: backup.Failed, Finding: "the keyring lacks a key"}))
	a := aud.want(200, aud.get("/checks"))
	if l := aud.want(200, aud.get("/ledger")); !strings.Contains(l.body, ">Local operator<") || strings.Contains(l.body, "Unknown person") {
		t.Error("the ledger does not name the local operator")
	}
	for _, want := range []string{"altered", "was changed", "2.3 s", "The keyring lacks a key", "could not be opened"} {
		if !strings.Contains(a.body, want) {
			t.Errorf("lacks %q", want)
		}
	}
	c, err := selfcheck.New(o.Env.Ledger, slog.New(slog.DiscardHandler)).Run(t.Context())
	o.must(err)
	if c.Outcome != selfcheck.Intact {
		t.Fatal(c.Finding)
	}
	if a := lea.want(200, lea.get("/checks")); strings.Contains(a.body, "found that the record was altered") || !strings.Contains(a.body, "intact") {
		t.Error("a check that found nothing does not end the alarm")
	}
}

// TestLateCheck: that nobody has looked at night is above the pages of those who
// have to know, until somebody has; so is a check that cannot be read.
func TestLateCheck(t *testing.T) {
	o := open(t)
	began := o.Now()
	told := func(what, text string, want bool) {
		t.Helper()
		for _, role := range people.Roles() {
			v := o.visit(role)
			a := v.want(200, v.get("/account"))
			watches := role == people.Lead || role == people.Admin || role == people.Auditor
			if strings.Contains(a.body, text) != (want && watches) {
				t.Errorf("%s: %s is told: %v", what, role, !want || !watches)
			}
		}
	}
	o.found(selfcheck.Intact, "")
	told("after a check", "No self-check since", false)
	o.Clock.Advance(30 * time.Hour)
	told("the next evening", "No self-check since", false)
	o.Clock.Advance(7 * time.Hour)
	told("after a night that was left out", "No self-check since "+phrase.Instant(began)+": it should run every night.", true)
	o.found(selfcheck.Altered, "row x was changed")
	told("after a check", "No self-check since", false)
	told("after a check", "Row x was changed.", true)
	o.Clock.Advance(37 * time.Hour)
	told("a finding stays", "Row x was changed.", true)
	o.found(selfcheck.Intact, "")
	o.Clock.Advance(37 * time.Hour)
	lea := o.visit(people.Lead)
	o.halt()
	if a := lea.want(200, lea.get("/account")); strings.Contains(a.body, "No self-check since") || !strings.Contains(a.body, "Sealing has stopped") {
		t.Error("while no check can be kept, that there is none is said")
	}
}

// TestChecksInBrowser looks at these pages in both themes.
func TestChecksInBrowser(t *testing.T) {
	b := browsertest.Start(t)
	o := open(t)
	o.found(selfcheck.Intact, "")
	o.found(selfcheck.Altered, "row k3J of casefile was changed")
	lights, nobody := o.at(b, browsertest.Desktop, people.Lead), b.Page(t, browsertest.Phone)
	dark := browsertest.Desktop
	dark.Dark = true
	darks := o.at(b, dark, people.Lead)
	o.halt()
	for name, p := range map[string]*browsertest.Page{"light": lights, "dark": darks} {
		for _, path := range []string{"/checks", "/recovery", "/queue"} {
			p.Open(o.server.URL + path)
			p.Axe()
			if *shots != "" {
				p.Screenshot(*shots + "/stopped" + strings.ReplaceAll(path, "/", "-") + "-" + name + ".png")
			}
		}
	}
	nobody.Open(o.server.URL + "/sign-in")
	nobody.Axe()
	if *shots != "" {
		nobody.Screenshot(*shots + "/stopped-sign-in.png")
	}
}
