package web_test

import (
	"net/url"
	"strings"
	"testing"

	"example.org/countersign/internal/browsertest"
	"example.org/countersign/internal/people"
	"example.org/countersign/internal/response"
	"example.org/countersign/internal/retention"
)

// secretWords are what the mail of the tests says, and its answer.
var secretWords = []string{"shipments", "Mara", "Voss", "halden.example", "page.html", "quagga"}

func shows(page string) string {
	for _, w := range secretWords {
		if strings.Contains(page, w) {
			return w
		}
	}
	return ""
}

// TestErasePages goes from the case through request and approval to what is
// shown in the place of the content.
func TestErasePages(t *testing.T) {
	o := open(t)
	ctx := t.Context()
	c := o.mail(report)
	r, err := o.Responses.Draft(ctx, o.identity(people.Analyst), c.ID)
	o.must(err)
	content := r.Content()
	content.Text = "The quagga is back."
	r, err = o.Responses.Edit(ctx, o.identity(people.Analyst), r.ID, r.Entry, content)
	o.must(err)
	r, err = o.Responses.Submit(ctx, o.identity(people.Analyst), r.ID, r.Entry)
	o.must(err)
	for _, role := range []people.Role{people.Lead, people.Legal} {
		if r.State == response.InReview {
			r, err = o.Responses.Approve(ctx, o.identity(role), r.ID, r.ContentHash)
			o.must(err)
		}
	}
	o.run()
	lea, leo, ana := o.visit(people.Lead), o.visit(people.Legal), o.visit(people.Analyst)
	for _, path := range []string{"/retention", "/cases/" + c.Number + "/erase", "/holds/new", "/retention/run"} {
		for _, role := range []people.Role{people.Analyst, people.Admin, people.Auditor, people.Executive} {
			v := o.visit(role)
			v.want(403, v.get(path))
		}
	}
	if a := leo.get("/cases/" + c.Number); !strings.Contains(a.body, "/cases/"+c.Number+"/erase") || !strings.Contains(a.body, "/holds/new?case="+c.Number) {
		t.Error("the case does not lead to hold and erasure")
	}

	// A hold is in the way, and the case says so.
	a := lea.want(303, lea.post("/holds", "case", c.Number, "reason", "A claim."))
	hold := a.location
	lea.want(422, lea.post("/holds", "party", "nonsense", "reason", "A claim."))
	if a := lea.want(422, lea.post("/holds", "party", "co.uk", "reason", "A claim.")); !strings.Contains(a.body, "names below it belong to many") {
		t.Error("the page does not say why a public suffix is not held")
	}
	domain := lea.want(303, lea.post("/holds", "party", "okapi.example", "reason", "A claim.")).location
	if a := lea.get(domain); !strings.Contains(a.body, "@okapi.example and its subdomains") {
		t.Error("the hold does not say that it covers subdomains")
	}
	lea.want(303, lea.post(domain+"/release", "reason", "It is settled."))
	lea.want(422, lea.post("/holds", "query", "state=lost", "reason", "A claim."))
	lea.want(422, lea.post("/holds", "case", c.Number, "reason", ""))
	if a := ana.get("/cases/" + c.Number); !strings.Contains(a.body, "Under legal hold") || !strings.Contains(a.body, "A claim.") {
		t.Error("the case does not say that it is held")
	}
	if a := leo.get("/cases/" + c.Number + "/erase"); !strings.Contains(a.body, "Nothing of it can be erased") {
		t.Error(excerpt(a.body))
	}
	lea.want(303, lea.post(hold+"/release", "reason", "It is settled."))

	page := leo.want(200, leo.get("/cases/"+c.Number+"/erase?what=content")).body
	hash := find(t, page, `name="hash" value="(\w+)"`)
	leo.want(422, leo.post("/cases/"+c.Number+"/erase", "what", "content", "hash", hash, "basis", "", "verified", "By mail."))
	a = leo.want(303, leo.post("/cases/"+c.Number+"/erase", "what", "content", "hash", hash, "basis", "GDPR Art. 17(1)(b)", "verified", "By mail."))
	request := a.location
	if a := leo.get(request); strings.Contains(a.body, request+"/approve") {
		t.Error("who asked is offered the approval")
	}
	if a := lea.get("/retention"); !strings.Contains(a.body, request) || !strings.Contains(a.body, `class="count"`) {
		t.Error("the request is not among what there is to do")
	}
	page = lea.want(200, lea.get(request)).body
	hash = find(t, page, `name="hash" value="(\w+)"`)
	lea.want(422, lea.post(request+"/approve", "hash", hash))
	lea.want(303, lea.post(request+"/approve", "hash", hash, "sure", "yes"))
	o.run()

	page = lea.want(200, lea.get(request)).body
	if !strings.Contains(page, "What was erased") || !strings.Contains(page, "It cannot prove") {
		t.Error(excerpt(page))
	}
	entries, err := o.Board.Entries(ctx, -1, 200)
	o.must(err)
	paths := []string{"/queue?state=all", "/cases/" + c.Number, "/responses/" + r.ID, "/approvals", "/retention", request, hold, "/evidence", "/ledger"}
	for _, e := range entries {
		paths = append(paths, "/ledger/entries/"+itoa(e.Index))
	}
	for _, path := range paths {
		a := lea.get(path)
		if w := shows(a.body); a.status != 200 || w != "" {
			t.Errorf("%s: status %d, shows %q", path, a.status, w)
		}
	}
	page = ana.get("/cases/" + c.Number).body
	if !strings.Contains(page, "was erased on") || !strings.Contains(page, "GDPR Art. 17(1)(b)") || strings.Contains(page, "/reopen") {
		t.Error(excerpt(page))
	}
	messages, err := o.Intake.Communications(ctx, c.ID)
	o.must(err)
	for _, path := range []string{"/communications/" + messages[0].ID + "/raw", "/communications/" + messages[0].ID + "/attachments/0", "/responses/" + r.ID + "/attachments/0"} {
		lea.want(404, lea.get(path))
	}
}

// run does what is due.
func (o *office) run() {
	o.t.Helper()
	_, err := o.Jobs.RunDue(o.t.Context())
	o.must(err)
}

// TestRunPages proposes, keeps a case out of it, and approves.
func TestRunPages(t *testing.T) {
	o := open(t)
	s := &stage{office: o, in: map[people.Role]*visitor{}, who: map[people.Role]*people.Identity{}}
	first, second := s.due(), s.due()
	lea, leo := o.visit(people.Lead), o.visit(people.Legal)
	if a := lea.get("/retention"); !strings.Contains(a.body, first.Number) || !strings.Contains(a.body, "its time is over") {
		t.Error(excerpt(a.body))
	}
	lea.want(422, lea.get("/retention/run?number=C-2026-000099&why=x"))
	lea.want(422, lea.get("/retention/run?number="+second.Number+"&why="))
	page := lea.want(200, lea.get("/retention/run?number="+second.Number+"&why="+url.QueryEscape("in dispute"))).body
	if !strings.Contains(page, "in dispute") {
		t.Error(excerpt(page))
	}
	hash := find(t, page, `name="hash" value="(\w+)"`)
	a := lea.want(303, lea.post("/disposals", "exclude", second.Number+" in dispute", "hash", hash))
	run := a.location
	leo.want(422, leo.post(run+"/approve", "hash", hash))
	lea.want(403, lea.post(run+"/approve", "hash", hash, "sure", "yes"))
	leo.want(303, leo.post(run+"/approve", "hash", hash, "sure", "yes"))
	o.run()
	x, err := o.Retention.Disposal(t.Context(), strings.TrimPrefix(run, "/disposals/"))
	if err != nil || x.State != retention.Executed {
		t.Fatalf("%+v, %v", x, err)
	}
	if page := leo.get("/cases/" + first.Number).body; shows(page) != "" || !strings.Contains(page, run) {
		t.Error(excerpt(page))
	}
	if page := leo.get("/cases/" + second.Number).body; shows(page) == "" {
		t.Error("a case that was kept out is gone")
	}
	if page := leo.get(run).body; !strings.Contains(page, "in dispute") || !strings.Contains(page, "done") {
		t.Error(excerpt(page))
	}
}

// TestRetentionInBrowser looks at every page of these with axe, in both
// themes.
func TestRetentionInBrowser(t *testing.T) {
	b := browsertest.Start(t)
	o := open(t)
	s := &stage{office: o, in: map[people.Role]*visitor{}, who: map[people.Role]*people.Identity{}}
	s.due()
	var paths []string
	for _, scene := range s.retentionScenes() {
		paths = append(paths, scene.Open().Path)
	}
	c := s.mail(report)
	p, err := o.Retention.Plan(t.Context(), retention.Ask{Case: c.ID, Part: "content"})
	o.must(err)
	e, err := o.Retention.Request(t.Context(), o.identity(people.Legal), p.Ask, "A law.", "By mail.", p.Hash)
	o.must(err)
	_, err = o.Retention.Approve(t.Context(), o.identity(people.Lead), e.ID, e.ListHash)
	o.must(err)
	o.run()
	paths = append(paths, "/cases/"+c.Number, "/erasures/"+e.ID)
	page := o.at(b, browsertest.Desktop, people.Lead)
	for _, path := range paths {
		page.View(browsertest.Desktop)
		if status := page.Open(o.server.URL + path); status != 200 {
			t.Errorf("%s: status %d", path, status)
		}
		browsertest.Eval[bool](page, `document.querySelectorAll('main details').forEach(d => { d.open = true }), true`)
		look(t, page, path, string(people.Lead))
		weigh(t, o, people.Lead, path)
	}
}
