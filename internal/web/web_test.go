package web_test

import (
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/jba/templatecheck"
	"golang.org/x/net/html"

	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/people"
	"example.org/countersign/internal/response"
	"example.org/countersign/internal/web"
)

// TestTypes holds that every page can draw its struct: a misspelt field fails
// here rather than before a reader.
func TestTypes(t *testing.T) {
	pages, data, err := web.Pages()
	if err != nil {
		t.Fatal(err)
	}
	for name, set := range pages {
		if name == "styleguide" {
			continue // design checks its own
		}
		layout := "staff"
		if web.Outside(name) {
			layout = "public"
		}
		if data[name] == nil {
			t.Errorf("page %s has no struct in the test's list", name)
			continue
		}
		if err := templatecheck.CheckHTMLStrict(set.Lookup(layout), data[name]); err != nil {
			t.Errorf("page %s: %v", name, err)
		}
	}
}

// fill puts ids into a pattern's path.
func fill(pattern string, ids map[string]string) (method, path string) {
	method, path, _ = strings.Cut(pattern, " ")
	path = strings.TrimSuffix(path, "{$}")
	for name, v := range ids {
		path = strings.ReplaceAll(path, name, v)
	}
	return method, path
}

// TestRoles asks for every route as everybody: whoever lacks the role is
// refused, whatever the address says and whatever is sent (CC6.3).
func TestRoles(t *testing.T) {
	o := open(t)
	c := o.mail(report)
	r, err := o.Responses.Draft(t.Context(), o.identity(people.Analyst), c.ID)
	o.must(err)
	visitors := map[people.Role]*visitor{"": o.visit("")}
	for _, role := range people.Roles() {
		visitors[role] = o.visit(role)
	}
	for _, row := range web.Table() {
		ids := map[string]string{"{case}": c.Number, "{n}": "0", "{name}": "app.css", "{id}": "absent"}
		if strings.Contains(row.Pattern, "/responses/") {
			ids["{id}"] = r.ID
		}
		if len(row.Roles) == 0 && !row.Public {
			t.Errorf("%s admits nobody", row.Pattern)
		}
		for role, v := range visitors {
			if strings.Contains(row.Pattern, "sign-out") && role != "" {
				continue // TestSignIn does
			}
			method, path := fill(row.Pattern, ids)
			var form url.Values
			if method == "POST" {
				form = url.Values{"note": {"x"}, "typed": {"kept"}}
			}
			a := v.do(method, path, form)
			switch allowed := row.Public || slices.Contains(row.Roles, role); {
			case allowed && strings.Contains(a.body, "This needs the role"):
				t.Errorf("%s as %q: refused", row.Pattern, role)
			case allowed && a.status >= 500 && a.status != 503: // 503: too many failed sign-ins
				t.Errorf("%s as %q: status %d %s", row.Pattern, role, a.status, excerpt(a.body))
			case !allowed && role == "" && method == "GET" && (a.status != http.StatusSeeOther || !strings.HasPrefix(a.location, "/sign-in")):
				t.Errorf("%s as nobody: status %d, to %q", row.Pattern, a.status, a.location)
			case !allowed && role == "" && method == "POST" && (a.status != http.StatusForbidden || !strings.Contains(a.body, "ign in")):
				t.Errorf("%s as nobody: status %d %s", row.Pattern, a.status, excerpt(a.body))
			case !allowed && role != "" && (a.status != http.StatusForbidden || !strings.Contains(a.body, "This needs the role")):
				t.Errorf("%s as %q: status %d, want 403", row.Pattern, role, a.status)
			}
		}
	}
}

// TestLimits holds what the roles are for: administrators read no case,
// auditors change nothing.
func TestLimits(t *testing.T) {
	own := []string{"/account", "/sign-out", "/ledger/verify"} // their own account; a check changes nothing
	for _, row := range web.Table() {
		method, path, _ := strings.Cut(row.Pattern, " ")
		if method == "POST" && slices.Contains(row.Roles, people.Auditor) && !slices.ContainsFunc(own, func(p string) bool { return strings.HasPrefix(path, p) }) {
			t.Errorf("%s: an auditor may", row.Pattern)
		}
		for _, p := range []string{"/queue", "/cases", "/communications", "/responses", "/approvals", "/evidence"} {
			if strings.HasPrefix(path, p) && slices.Contains(row.Roles, people.Admin) {
				t.Errorf("%s: an administrator may", row.Pattern)
			}
		}
	}
}

// TestMainJob walks a case from its mail to the answer that leaves.
func TestMainJob(t *testing.T) {
	o := open(t)
	c := o.mail(report)
	ana, lea := o.visit(people.Analyst), o.visit(people.Lead)
	at := "/cases/" + c.Number
	page := ana.want(200, ana.get("/queue"))
	for _, want := range []string{c.Number[7:], "I can see the shipments", "Mara Voss"} {
		if !strings.Contains(page.body, want) {
			t.Errorf("the queue lacks %q", want)
		}
	}
	ana.want(303, ana.post(at+"/take"))
	if a := lea.want(409, lea.post(at+"/take")); !strings.Contains(a.body, "Ana Lyst has taken") {
		t.Errorf("nothing says who has it: %s", excerpt(a.body))
	}
	ana.want(422, ana.post(at+"/classify", "category", "incident", "urgency", "high", "cell", "3-3"))
	if a := ana.post(at+"/classify", "category", "incident", "urgency", "high", "cell", "4-4"); !strings.Contains(a.body, "Say why") || !strings.Contains(a.body, `value="4-4" checked`) {
		t.Errorf("no error beside the reason, or the choice is lost: %s", excerpt(a.body))
	}
	ana.want(303, ana.post(at+"/classify", "category", "incident", "urgency", "high", "cell", "3-3", "reason", "Another company’s data."))
	begun := ana.want(303, ana.post(at+"/answer"))
	answer := begun.location
	id := strings.TrimPrefix(answer, "/responses/")
	r, err := o.Responses.Find(t.Context(), id)
	o.must(err)
	fields := []string{"seen", itoa(r.Entry), "to", "mara.voss@halden.example", "channel", r.Channel, "subject", "Your report", "text", "Dear Ms Voss,\nwe look into it."}
	if a := ana.post(answer+"/edit", append(fields, "then", "submit", "to", "")...); a.status != 303 {
		t.Fatalf("status %d %s", a.status, excerpt(a.body))
	}
	r, err = o.Responses.Find(t.Context(), id)
	o.must(err)
	if r.State != response.InReview || r.Quorum == 0 {
		t.Fatalf("state %s, quorum %d", r.State, r.Quorum)
	}
	if a := ana.want(200, ana.get(answer)); strings.Contains(a.body, `action="`+answer+`/approve"`) {
		t.Error("its author is offered to approve it")
	}
	if a := lea.want(409, lea.post(answer+"/approve", "hash", "other")); !strings.Contains(a.body, "was changed since you read it") {
		t.Errorf("no word on the other content: %s", excerpt(a.body))
	}
	review := lea.want(200, lea.get(answer))
	for _, want := range []string{"Goes to ", "mara.voss@halden.example", securityAddress, "Under the rule ", r.ContentHash} {
		if !strings.Contains(review.body, want) {
			t.Errorf("the review lacks %q", want)
		}
	}
	lea.want(303, lea.post(answer+"/approve", "hash", r.ContentHash))
	if r.Quorum == 2 {
		leo := o.visit(people.Legal)
		leo.want(303, leo.post(answer+"/approve", "hash", r.ContentHash))
	}
	if _, err := o.Jobs.RunDue(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(o.sent) != 1 || o.sent[0].Text != "Dear Ms Voss,\nwe look into it." {
		t.Fatalf("sent %+v", o.sent)
	}
	after, err := o.Intake.Case(t.Context(), c.ID)
	o.must(err)
	if after.State != intake.Answered || after.FirstResponseAt == 0 {
		t.Errorf("the case is %s, first response %d", after.State, after.FirstResponseAt)
	}
	end := ana.want(200, ana.get(at))
	for _, want := range []string{"answered", "Dear Ms Voss", "/ledger/entries/", "Quoted text"} {
		if !strings.Contains(end.body, want) {
			t.Errorf("the case lacks %q", want)
		}
	}
	ana.want(303, ana.post(at+"/close", "seen", itoa(after.Entry), "reason", "Mended."))
}

// TestNothingIsLost holds that a refused form comes back with all that was
// typed, and that a form sent without a session can be sent again.
func TestNothingIsLost(t *testing.T) {
	o := open(t)
	c := o.mail(report)
	ana := o.visit(people.Analyst)
	r, err := o.Responses.Draft(t.Context(), o.identity(people.Analyst), c.ID)
	o.must(err)
	at := "/responses/" + r.ID
	a := ana.want(422, ana.post(at+"/edit", "seen", itoa(r.Entry), "to", "no address", "channel", r.Channel, "subject", "S-typed", "text", "T-typed", "cc", "c@d.example"))
	for _, want := range []string{"no address", "S-typed", "T-typed", "c@d.example", `aria-invalid="true"`} {
		if !strings.Contains(a.body, want) {
			t.Errorf("lost %q: %s", want, excerpt(a.body))
		}
	}
	a = o.visit("").post("/cases/"+c.Number+"/note", "note", "typed for an hour")
	if a.status != 403 || !strings.Contains(a.body, "typed for an hour") || strings.Contains(a.body, "panic") {
		t.Errorf("status %d %s", a.status, excerpt(a.body))
	}
	ana.want(204, ana.post(at+"/autosave", "seen", itoa(r.Entry), "to", "", "channel", r.Channel, "subject", "S", "text", "half a sent"))
	if a := ana.get(at); !strings.Contains(a.body, "half a sent") {
		t.Error("what was being typed is lost")
	}
	ana.want(409, ana.post(at+"/autosave", "seen", "1", "text", "from long ago"))
}

// TestSignIn holds the way in and out.
func TestSignIn(t *testing.T) {
	o := open(t)
	v := o.visit("")
	if a := v.get("/queue?severity=high"); a.location != "/sign-in?next=%2Fqueue%3Fseverity%3Dhigh" {
		t.Errorf("to %q", a.location)
	}
	if a := v.want(403, v.post("/sign-in", "email", "analyst@northwind.example", "password", "wrong", "next", "/queue")); strings.Contains(a.body, "wrong\"") || !strings.Contains(a.body, "analyst@northwind.example") {
		t.Errorf("the password comes back, or the address does not: %s", excerpt(a.body))
	}
	if a := v.want(303, v.post("/sign-in", "email", "analyst@northwind.example", "password", password, "next", "/queue?severity=high")); a.location != "/queue?severity=high" {
		t.Errorf("to %q", a.location)
	}
	a := v.want(200, v.get("/queue"))
	for name, want := range map[string]string{"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"} {
		if a.header.Get(name) != want {
			t.Errorf("%s is %q", name, a.header.Get(name))
		}
	}
	v.want(303, v.post("/sign-out"))
	if a := v.get("/queue"); a.status != 303 {
		t.Errorf("status %d after the sign-out", a.status)
	}
	for next, want := range map[string]string{"/cases/x?a=b": "/cases/x?a=b", "https://evil.example/": "/", "//evil.example": "/", `/\evil.example`: "/", "": "/", "javascript:alert(1)": "/", "/sign-in": "/"} {
		if got := web.Local(next); got != want {
			t.Errorf("next %q leads to %q, want %q", next, got, want)
		}
	}
}

// TestOtherSites holds that a form of another site does nothing.
func TestOtherSites(t *testing.T) {
	o := open(t)
	c := o.mail(report)
	ana := o.visit(people.Analyst)
	req, err := http.NewRequest("POST", o.server.URL+"/cases/"+c.Number+"/take", strings.NewReader(""))
	o.must(err)
	req.Header.Set("Origin", "https://evil.example")
	req.Header.Set("Sec-Fetch-Site", "cross-site")
	res, err := ana.client.Do(req)
	o.must(err)
	defer res.Body.Close()
	if res.StatusCode != http.StatusForbidden {
		t.Errorf("status %d", res.StatusCode)
	}
	if c, err := o.Intake.Case(t.Context(), c.ID); err != nil || c.Assignee != "" {
		t.Errorf("assigned to %q, %v", c.Assignee, err)
	}
}

// TestDownloads holds that what came from outside leaves as a file that no
// browser runs.
func TestDownloads(t *testing.T) {
	o := open(t)
	c := o.mail(report)
	all, err := o.Intake.Communications(t.Context(), c.ID)
	o.must(err)
	v := o.visit(people.Auditor)
	a := v.want(200, v.get("/communications/"+all[0].ID+"/attachments/0"))
	if !strings.Contains(a.body, "<script>alert(1)</script>") || a.header.Get("Content-Type") != "application/octet-stream" ||
		!strings.HasPrefix(a.header.Get("Content-Disposition"), "attachment") || !strings.HasPrefix(a.header.Get("Content-Security-Policy"), "sandbox") {
		t.Errorf("%v %q", a.header, a.body)
	}
	if a := v.want(200, v.get("/communications/"+all[0].ID+"/raw")); !strings.Contains(a.body, "boundary=b") {
		t.Errorf("raw: %q", a.body)
	}
	v.want(404, v.get("/communications/"+all[0].ID+"/attachments/7"))
}

// TestLedgerPages holds that proofs are there for every entry, and that a check
// says what it found.
func TestLedgerPages(t *testing.T) {
	o := open(t)
	o.mail(report)
	v := o.visit(people.Auditor)
	a := v.want(200, v.post("/ledger/verify"))
	if !strings.Contains(a.body, "The record verifies") {
		t.Error(excerpt(a.body))
	}
	a = v.want(200, v.get("/ledger/entries/3/proof"))
	if !strings.HasPrefix(a.body, "c2sp.org/tlog-proof@v1\nindex 3\n") {
		t.Error(a.body)
	}
	v.want(200, v.get("/ledger/entries/3"))
	v.want(404, v.get("/ledger/entries/999999"))
	v.want(404, v.get("/ledger/entries/-1"))
	v.want(404, v.get("/ledger?before=zz"))
}

func itoa(n int64) string {
	var b []byte
	for ; n > 0 || len(b) == 0; n /= 10 {
		b = append([]byte{byte('0' + n%10)}, b...)
	}
	return string(b)
}

// links returns the addresses on a page that begin with prefix.
func links(page, prefix string) []string {
	var out []string
	z := html.NewTokenizer(strings.NewReader(page))
	for {
		if z.Next() == html.ErrorToken {
			if z.Err() != io.EOF {
				return nil
			}
			return out
		}
		for _, a := range z.Token().Attr {
			if a.Key == "href" && strings.HasPrefix(a.Val, prefix) {
				out = append(out, a.Val)
			}
		}
	}
}
