package web_test

import (
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
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

// hostileFolder holds lists of strings that break pages, outside of the project.
const hostileFolder = "../../../shared/data/hostile"

var wicked = []string{
	`"><script>alert(1)</script>`, `' onmouseover='alert(1)`, "</textarea><script>alert(1)</script>", "</title><img src=x onerror=alert(1)>",
	"javascript:alert(1)", "data:text/html,<script>alert(1)</script>", "//evil.example/x", "</svg><script>alert(1)</script>", "--><img src=x>", "{{.}}",
	"`${alert(1)}`", "\x00<script>", "\xff\xfe<b>", "\u202eltr", "</style><script>", "&lt;script&gt;", "a=b style=x", "../../etc/passwd", "'; DROP TABLE casefile; --",
}

// hostile returns wicked strings, and others where the lists are there.
func hostile(t *testing.T) []string {
	all := slices.Clone(wicked)
	b, err := os.ReadFile(filepath.Join(hostileFolder, "blns.txt"))
	if err != nil {
		t.Logf("%s is absent: only the built-in strings are tried", hostileFolder)
		return all
	}
	for line := range strings.Lines(string(b)) {
		if line = strings.TrimRight(line, "\n"); line != "" && !strings.HasPrefix(line, "# ") {
			all = append(all, line)
		}
	}
	return all
}

// inert fails where a page could do more than lead somewhere of ours.
func inert(t *testing.T, where, page string) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	for n := range root.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		if slices.Contains([]string{"iframe", "object", "embed", "base", "style", "img"}, n.Data) || n.Data == "script" && n.FirstChild != nil {
			t.Errorf("%s: <%s>", where, n.Data)
		}
		for _, a := range n.Attr {
			switch key := a.Key; {
			case strings.HasPrefix(key, "on"), key == "style", key == "srcdoc":
				t.Errorf("%s: <%s %s=%q>", where, n.Data, key, a.Val)
			case slices.Contains([]string{"href", "src", "action", "formaction"}, key):
				u, err := url.Parse(a.Val)
				if err != nil || u.Host != "" || u.Scheme != "" {
					t.Errorf("%s: <%s %s=%q> leads elsewhere", where, n.Data, key, a.Val)
				}
			}
		}
	}
}

// TestHostile sends hostile strings through every form, and looks at every page
// that shows them.
func TestHostile(t *testing.T) {
	o := open(t)
	lea, ada, ana := o.visit(people.Lead), o.visit(people.Admin), o.visit(people.Analyst)
	c := o.mail(report)
	r, err := o.Responses.Draft(t.Context(), o.identity(people.Analyst), c.ID)
	o.must(err)
	at := "/cases/" + c.Number
	try := func(v *visitor, what string, a answer) {
		t.Helper()
		if a.status >= 500 && a.status != 503 { // 503: too many failed sign-ins
			t.Errorf("%s: status %d", what, a.status)
		}
		if a.status != 303 {
			inert(t, what, a.body)
		} else if !strings.HasPrefix(a.location, "/") || strings.HasPrefix(a.location, "//") {
			t.Errorf("%s leads to %q", what, a.location)
		}
	}
	for i, s := range hostile(t) {
		if i >= len(wicked) && i%3 != 0 {
			continue
		}
		try(ana, "note "+s, ana.post(at+"/note", "note", s))
		if i >= len(wicked) && i%30 != 0 {
			continue
		}
		try(ana, "filter "+s, ana.get("/queue?state="+url.QueryEscape(s)+"&number="+url.QueryEscape(s)))
		try(ana, "sign-in "+s, o.visit("").post("/sign-in", "email", s, "password", "x", "next", s))
		try(ana, "sign-in page "+s, o.visit("").get("/sign-in?next="+url.QueryEscape(s)+"&code="+url.QueryEscape(s)))
		try(ana, "classify "+s, ana.post(at+"/classify", "category", s, "urgency", s, "cell", s, "reason", s))
		try(ana, "classify reason "+s, ana.post(at+"/classify", "category", "incident", "urgency", "high", "cell", []string{"1-1", "2-2"}[i%2], "reason", s))
		try(ana, "assign "+s, ana.post(at+"/assign", "assignee", s))
		try(ana, "dispose "+s, ana.post(at+"/dispose", "as", s, "reason", s))
		r, err = o.Responses.Find(t.Context(), r.ID)
		o.must(err)
		edit := []string{"seen", itoa(r.Entry), "to", s, "cc", s, "channel", s, "subject", s, "text", s}
		try(ana, "answer "+s, ana.post("/responses/"+r.ID+"/edit", edit...))
		edit = []string{"seen", itoa(r.Entry), "to", "a@b.example", "channel", r.Channel, "subject", s, "text", s}
		try(ana, "answer text "+s, ana.post("/responses/"+r.ID+"/edit", edit...))
		try(lea, "channel "+s, lea.post("/channels", "name", s, "kind", s, "address", s, "direction", s, "audience", s, "owner", s, "purpose", s, "review_due", s, "published", s, "from_name", s, "reply", s))
		try(lea, "proposed "+s, lea.post("/channels", "name", s, "kind", "portal", "address", "/p"+itoa(int64(i)), "direction", "inbound", "audience", s, "owner", o.people[people.Lead].ID, "purpose", s, "review_due", "2027-01-01", "published", s))
		try(lea, "policy "+s, lea.post("/policy", "kind", "template", "name", s, "title", s, "purpose", "reply", "language", "en", "subject", s, "text", s, "rationale", s, "review_due", s))
		try(lea, "template "+s, lea.post("/policy", "kind", "template", "name", "n"+itoa(int64(i)), "title", s, "purpose", "reply", "language", "en", "subject", s, "text", s, "rationale", s))
		try(lea, "rules "+s, lea.post("/policy", "kind", "rules", "body", s, "rationale", s))
		try(ada, "person "+s, ada.post("/people", "name", s, "email", "p"+itoa(int64(i))+"@x.example", "roles", "staff"))
		try(ada, "address "+s, ada.post("/people", "name", "N", "email", s, "roles", s))
		try(ana, "token "+s, ana.post("/account/tokens", "token_name", s, "roles", s, "ends", s))
		try(ana, "own name "+s, ana.post("/account/name", "name", s, "email", "analyst@northwind.example"))
		try(lea, "period "+s, lea.get("/evidence?from="+url.QueryEscape(s)+"&to="+url.QueryEscape(s)))
		try(ana, "absent "+s, ana.get("/"+url.PathEscape(s)))
		o.mail("From: " + strings.Map(oneLine, s) + " <x@y.example>\nSubject: " + strings.Map(oneLine, s) + "\nMessage-ID: <h" + itoa(int64(i)) + "@y.example>\nDate: Tue, 15 Sep 2026 09:00:00 +0000\n\n" + s + "\n")
	}
	for _, path := range []string{"/queue", "/queue?state=all", at, "/responses/" + r.ID, "/approvals", "/channels", "/policy", "/people", "/account", "/ledger", "/evidence", "/work"} {
		for _, v := range []*visitor{lea, ada, ana} {
			try(v, path, v.get(path))
		}
	}
	sub := lea.want(200, lea.get("/channels"))
	for _, path := range links(sub.body, "/channels/") {
		try(lea, path, lea.get(path))
	}
	for _, path := range links(lea.get("/policy").body, "/policy/") {
		try(lea, path, lea.get(path))
	}
	for _, path := range links(ada.get("/people").body, "/people/") {
		try(ada, path, ada.get(path))
	}
}

func oneLine(r rune) rune {
	if r < ' ' {
		return ' '
	}
	return r
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
