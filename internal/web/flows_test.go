package web_test

import (
	"bytes"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"example.org/countersign/internal/channel/relay"
	"example.org/countersign/internal/people"
	"example.org/countersign/internal/policy"
	"example.org/countersign/internal/response"
	"example.org/countersign/verify"
)

// find returns the first group of a pattern in a page.
func find(t *testing.T, page, pattern string) string {
	t.Helper()
	m := regexp.MustCompile(pattern).FindStringSubmatch(page)
	if m == nil {
		t.Fatalf("no %s in %s", pattern, excerpt(page))
	}
	return m[1]
}

// TestInvitation walks somebody from the invitation to the right to approve.
func TestInvitation(t *testing.T) {
	o := open(t)
	ada, lea, neu := o.visit(people.Admin), o.visit(people.Lead), o.visit("")
	if a := ada.want(422, ada.post("/people", "name", "Nora Neu", "email", "no address", "roles", "lead")); !strings.Contains(a.body, "Nora Neu") || !strings.Contains(a.body, `aria-invalid="true"`) {
		t.Errorf("the name is lost, or no error is shown: %s", excerpt(a.body))
	}
	a := ada.want(200, ada.post("/people", "name", "Nora Neu", "email", "nora@northwind.example", "roles", "lead"))
	code := find(t, a.body, `/enrol\?code=([\w-]+)`)
	if a := ada.get("/people"); strings.Contains(a.body, code) {
		t.Error("the link is shown twice")
	}
	if a := neu.want(200, neu.get("/enrol?code="+code)); !strings.Contains(a.body, "Welcome, Nora Neu") {
		t.Error(excerpt(a.body))
	}
	if a := neu.want(422, neu.post("/enrol", "code", code, "name", "Nora Neu", "password", password, "again", "another")); !strings.Contains(a.body, "not the same") {
		t.Error(excerpt(a.body))
	}
	neu.want(422, neu.post("/enrol", "code", code, "name", "Nora Neu", "password", "short", "again", "short"))
	neu.want(303, neu.post("/enrol", "code", code, "name", "Nora Neu", "password", password, "again", password))
	neu.want(404, neu.get("/enrol?code="+code))
	neu.want(303, neu.post("/sign-in", "email", "nora@northwind.example", "password", password))
	all, err := o.People.List(t.Context())
	o.must(err)
	var nora *people.Person
	for _, p := range all {
		if p.Name == "Nora Neu" {
			nora = p
		}
	}
	at := "/people/" + nora.ID
	if a := neu.get("/account"); !strings.Contains(a.body, "suspended until a lead confirms") {
		t.Error("nothing says that the right to approve waits")
	}
	ada.want(403, ada.post(at+"/confirm"))
	lea.want(303, lea.post(at+"/confirm"))
	ada.want(303, ada.post(at+"/roles", "roles", "analyst"))
	link := find(t, ada.want(200, ada.post(at+"/reset-password")).body, `/reset\?code=([\w-]+)`)
	if a := neu.get("/account"); a.status != 303 {
		t.Errorf("status %d: the reset left the session open", a.status)
	}
	neu.want(200, neu.get("/reset?code="+link))
	neu.want(303, neu.post("/reset", "code", link, "password", password+" new", "again", password+" new"))
	ada.want(303, ada.post(at+"/deactivate"))
	if a := neu.post("/sign-in", "email", "nora@northwind.example", "password", password+" new"); a.status != 403 {
		t.Errorf("status %d after the deactivation", a.status)
	}
}

// TestAccount sets up a second factor, makes a token, and ends a session.
func TestAccount(t *testing.T) {
	o := open(t)
	v := o.visit(people.Analyst)
	a := v.want(200, v.post("/account/second-factor"))
	key := find(t, a.body, `<dd>([A-Z2-7]{32})</dd>`)
	if !strings.Contains(a.body, `aria-label="QR code"`) {
		t.Error("no QR code")
	}
	v.want(403, v.post("/account/second-factor/confirm", "code", "000000"))
	code, err := totp.GenerateCode(key, o.Now())
	o.must(err)
	if a := v.want(200, v.post("/account/second-factor/confirm", "code", code)); strings.Count(a.body, "<dd>") < 10 {
		t.Errorf("no recovery codes: %s", excerpt(a.body))
	}
	in := o.visit("")
	in.want(403, in.post("/sign-in", "email", "analyst@northwind.example", "password", password))
	o.Clock.Advance(time.Minute)
	code, err = totp.GenerateCode(key, o.Now())
	o.must(err)
	in.want(303, in.post("/sign-in", "email", "analyst@northwind.example", "password", password, "code", code))

	end := o.Now().AddDate(0, 1, 0).Format(time.DateOnly)
	if a := v.want(403, v.post("/account/tokens", "token_name", "Script", "roles", "lead", "ends", end)); !strings.Contains(a.body, "no more roles than its person") {
		t.Error(excerpt(a.body))
	}
	secret := find(t, v.want(200, v.post("/account/tokens", "token_name", "Script", "roles", "analyst", "ends", end)).body, `(countersign_[\w-]+)`)
	if _, err := o.People.Token(t.Context(), secret); err != nil {
		t.Error(err)
	}
	tokens, err := o.People.ListTokens(t.Context(), o.people[people.Analyst].ID)
	o.must(err)
	v.want(303, v.post("/account/tokens/revoke", "token", tokens[0].ID))
	if _, err := o.People.Token(t.Context(), secret); err == nil {
		t.Error("the revoked token works")
	}
	other := find(t, v.get("/account").body, `name="session"[^>]*><option value="([\w-]+)"`)
	v.want(303, v.post("/account/sessions/revoke", "session", other))
	v.want(403, v.post("/account/password", "old", "wrong", "new", password+" x", "again", password+" x"))
	v.want(303, v.post("/account/password", "old", password, "new", password+" x", "again", password+" x"))
}

// TestRegister proposes, approves, changes and retires a channel.
func TestRegister(t *testing.T) {
	o := open(t)
	lea, leo, ada := o.visit(people.Lead), o.visit(people.Legal), o.visit(people.Admin)
	terms := []string{"name", "Press", "kind", "email", "address", "press@northwind.example", "direction", "both", "audience", "press", "owner", o.people[people.Lead].ID, "purpose", "Questions of journalists.", "review_due", "2027-06-01", "published", "https://northwind.example/press"}
	if a := lea.want(422, lea.post("/channels", append([]string{"address", "press"}, terms...)...)); !strings.Contains(a.body, "Questions of journalists.") {
		t.Error("what was typed is lost")
	}
	at := lea.want(303, lea.post("/channels", terms...)).location
	lea.want(200, lea.get(at))
	seen := find(t, leo.get(at).body, `name="seen" value="(\d+)"`)
	lea.want(403, lea.post(at+"/approve", "seen", seen))
	ada.want(403, ada.post(at+"/approve", "seen", seen))
	leo.want(409, leo.post(at+"/approve", "seen", "1"))
	leo.want(303, leo.post(at+"/approve", "seen", seen))
	seen = find(t, ada.get(at).body, `name="seen" value="(\d+)"`)
	ada.want(303, ada.post(at+"/change", append([]string{"seen", seen, "name", "Press desk"}, terms[2:]...)...))
	a := lea.want(200, lea.get(at))
	if !strings.Contains(a.body, "<del>Press</del> <ins>Press desk</ins>") {
		t.Errorf("the change is not shown: %s", excerpt(a.body))
	}
	lea.want(303, lea.post(at+"/approve", "seen", find(t, a.body, `name="seen" value="(\d+)"`)))
	lea.want(303, lea.post(at+"/review", "next", "2027-07-01"))
	lea.want(422, lea.post(at+"/retire"))
	lea.want(303, lea.post(at+"/retire", "reason", "Nobody uses it."))
}

// TestPause stops the clock of a case, which shows why, and lets it run.
func TestPause(t *testing.T) {
	o := open(t)
	c := o.mail(report)
	ana, aud := o.visit(people.Analyst), o.visit(people.Auditor)
	at := "/cases/" + c.Number
	if a := aud.want(200, aud.get(at)); strings.Contains(a.body, at+"/pause") {
		t.Error("an auditor is offered to stop the clock")
	}
	if a := ana.want(422, ana.post(at+"/pause", "reason", " ")); !strings.Contains(a.body, `id="pause-reason-error"`) {
		t.Errorf("no error beside the reason: %s", excerpt(a.body))
	}
	ana.want(409, ana.post(at+"/resume"))
	ana.want(303, ana.post(at+"/pause", "reason", "Which account, only the reporter can say"))
	a := ana.want(200, ana.get(at))
	for _, want := range []string{"Paused at", "Waits, with its clock stopped", "Which account, only the reporter can say.", "stopped the clock", "stands still", at + "/resume"} {
		if !strings.Contains(a.body, want) {
			t.Errorf("the page lacks %q: %s", want, excerpt(a.body))
		}
	}
	if strings.Contains(a.body, at+"/pause") {
		t.Error("a clock that stands still can be stopped")
	}
	o.Clock.Advance(time.Hour)
	ana.want(303, ana.post(at+"/resume"))
	a = ana.want(200, ana.get(at))
	if !strings.Contains(a.body, "let the clock run") || !strings.Contains(a.body, "runs again") || strings.Contains(a.body, "Paused at") {
		t.Errorf("the clock does not run: %s", excerpt(a.body))
	}
}

// TestSuspended holds that whoever's right to approve is suspended decides about
// no channel, policy or answer, is offered nothing of it, and is told why.
func TestSuspended(t *testing.T) {
	o := open(t)
	s := &stage{office: o, in: map[people.Role]*visitor{}, who: map[people.Role]*people.Identity{}}
	proposed, changed, draft, inForce := s.newChannel(false), s.newChannel(true), s.newPolicy(false), s.newPolicy(true)
	answer := s.answer(response.InReview)
	admin, id := o.identity(people.Admin), o.people[people.Legal].ID
	o.must(o.People.SetRoles(t.Context(), admin, id, []people.Role{people.Legal, people.Lead}))
	_, err := o.People.ResetPassword(t.Context(), admin, id)
	o.must(err)
	seen := func(v *visitor, at string) string { return find(t, v.get(at).body, `name="seen" value="(\d+)"`) }
	lea, leo := o.visit(people.Lead), o.visit(people.Legal)
	try := func(want int) {
		t.Helper()
		for _, x := range [][]string{
			{proposed + "/approve", "seen", seen(leo, proposed)}, {changed + "/approve", "seen", seen(leo, changed)}, {changed + "/review", "next", "2027-01-31"}, {changed + "/retire", "reason", "Not used."},
			{draft + "/approve"}, {inForce + "/review", "next", "2027-01-31"}, {inForce + "/withdraw", "reason", "Not used."},
			{"/responses/" + answer.ID + "/approve", "hash", answer.ContentHash},
		} {
			a := leo.want(want, leo.post(x[0], x[1:]...))
			if want == http.StatusForbidden && !strings.Contains(a.body, "ight to approve is suspended") {
				t.Errorf("%s does not say why: %s", x[0], excerpt(a.body))
			}
		}
	}
	for _, at := range []string{proposed, changed, draft, inForce, "/responses/" + answer.ID} {
		for _, verb := range []string{"/approve", "/review", "/retire", "/resolve"} {
			if strings.Contains(leo.want(200, leo.get(at)).body, at+verb+`"`) {
				t.Errorf("%s offers %s", at, verb)
			}
		}
	}
	if a := leo.get("/responses/" + answer.ID); !strings.Contains(a.body, "Your right to approve is suspended") {
		t.Errorf("the answer does not say why it cannot be approved: %s", excerpt(a.body))
	}
	try(http.StatusForbidden)
	lea.want(303, lea.post("/people/"+id+"/confirm"))
	try(http.StatusSeeOther)
}

// TestPolicies drafts and approves a version, and says what is wrong with one.
func TestPolicies(t *testing.T) {
	o := open(t)
	ana, lea := o.visit(people.Analyst), o.visit(people.Lead)
	all, err := o.Policies.List(t.Context(), o.Env.Ledger)
	o.must(err)
	for _, p := range all {
		if a := ana.want(200, ana.get("/policy/"+p.ID)); strings.Contains(a.body, "<h1></h1>") || !strings.Contains(a.body, "<table") && !strings.Contains(a.body, "letter") {
			t.Errorf("the page of %s says too little: %s", p.Label(), excerpt(a.body))
		}
	}
	set, err := o.Policies.InForce(t.Context(), o.Env.Ledger)
	o.must(err)
	now, err := o.Policies.At(t.Context(), o.Env.Ledger, set.ApprovalVersion)
	o.must(err)
	ana.want(200, ana.get("/policy/new?from="+now.ID))
	if a := ana.want(422, ana.post("/policy", "kind", "approval", "body", "[{\"name\": 1}]", "rationale", "Why-typed")); !strings.Contains(a.body, "This is not a approval document") && !strings.Contains(a.body, "approval document") || !strings.Contains(a.body, "Why-typed") {
		t.Error(excerpt(a.body))
	}
	at := ana.want(303, ana.post("/policy", "kind", "approval", "body", `[{"name": "all", "quorum": 2, "roles": ["lead", "legal"], "reason": "Two."}]`, "rationale", "Always two.")).location
	ana.want(403, ana.post(at+"/approve"))
	lea.want(422, lea.post(at+"/approve", "effective", "soon"))
	lea.want(303, lea.post(at+"/approve"))
	set, err = o.Policies.InForce(t.Context(), o.Env.Ledger)
	o.must(err)
	if len(set.Approval) != 1 || set.Approval[0].Quorum != 2 {
		t.Errorf("in force: %+v", set.Approval)
	}
	at = ana.want(303, ana.post("/policy", "kind", "template", "name", "thanks", "title", "Thanks", "purpose", string(policy.ForReply), "language", "en", "subject", "[{number}] Thanks", "text", "Thank you, {name}.", "rationale", "Often needed.")).location
	ana.want(303, ana.post(at+"/edit", "title", "Thanks", "purpose", "reply", "language", "en", "subject", "[{number}] Thanks", "text", "Thanks, {name}.", "rationale", "Often needed."))
	lea.want(303, lea.post(at+"/approve"))
	lea.want(303, lea.post(at+"/review", "next", "2027-01-31"))
	lea.want(303, lea.post(at+"/withdraw", "reason", "Not used."))
}

// TestAmbiguous settles a hand-over of which nobody knows how it ended.
func TestAmbiguous(t *testing.T) {
	o := open(t)
	c := o.mail(report)
	ana, lea := o.visit(people.Analyst), o.visit(people.Lead)
	r, err := o.Responses.Draft(t.Context(), o.identity(people.Analyst), c.ID)
	o.must(err)
	at := "/responses/" + r.ID
	ana.attach(at, itoa(r.Entry), "notes.txt", "some notes")
	if a := ana.want(200, ana.get(at+"/attachments/0")); a.body != "some notes" {
		t.Errorf("attachment %q", a.body)
	}
	r, err = o.Responses.Find(t.Context(), r.ID)
	o.must(err)
	ana.want(303, ana.post(at+"/edit", "seen", itoa(r.Entry), "to", "mara.voss@halden.example", "channel", r.Channel, "subject", "Re", "text", "Hello", "then", "submit"))
	r, err = o.Responses.Find(t.Context(), r.ID)
	o.must(err)
	lea.want(422, lea.post(at+"/decline"))
	lea.want(303, lea.post(at+"/approve", "hash", r.ContentHash))
	o.fail = &relay.Ambiguous{Err: http.ErrServerClosed}
	if _, err := o.Jobs.RunDue(t.Context()); err != nil {
		t.Fatal(err)
	}
	if a := lea.want(200, lea.get(at)); !strings.Contains(a.body, "Was it delivered?") {
		t.Error(excerpt(a.body))
	}
	if a := ana.want(200, ana.get("/cases/"+c.Number)); !strings.Contains(a.body, "Say whether it was delivered") {
		t.Error(excerpt(a.body))
	}
	lea.want(422, lea.post(at+"/resolve", "delivered", "no"))
	lea.want(303, lea.post(at+"/resolve", "delivered", "no", "reason", "The relay’s log has nothing."))
	if _, err := o.Jobs.RunDue(t.Context()); err != nil {
		t.Fatal(err)
	}
	r, err = o.Responses.Find(t.Context(), r.ID)
	o.must(err)
	if r.State != response.Sent || len(o.sent) != 1 || len(o.sent[0].Attachments) != 1 {
		t.Errorf("%s, sent %+v", r.State, o.sent)
	}
}

// attach sends a file.
func (v *visitor) attach(path, seen, name, content string) {
	v.o.t.Helper()
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	v.o.must(m.WriteField("seen", seen))
	part, err := m.CreateFormFile("file", name)
	v.o.must(err)
	_, err = part.Write([]byte(content))
	v.o.must(err)
	v.o.must(m.Close())
	res, err := v.client.Post(v.o.server.URL+path+"/attach", m.FormDataContentType(), &b)
	v.o.must(err)
	res.Body.Close()
	if res.StatusCode != http.StatusSeeOther {
		v.o.t.Fatalf("attach: status %d", res.StatusCode)
	}
}

// TestPackage makes the package of a quarter and has it verified offline.
func TestPackage(t *testing.T) {
	o := open(t)
	o.mail(report)
	lea := o.visit(people.Lead)
	o.Clock.Advance(time.Hour)
	lea.want(422, lea.get("/evidence?from=2026-13-01&to=2026-12-31"))
	lea.want(422, lea.post("/evidence/package", "from", "2026-09-30", "to", "2026-07-01"))
	a := lea.want(200, lea.post("/evidence/package", "from", "2026-07-01", "to", "2026-09-30"))
	if a.header.Get("Content-Disposition") != `attachment; filename="countersign-2026-07-01-2026-09-30.zip"` {
		t.Errorf("%v", a.header)
	}
	file := filepath.Join(t.TempDir(), "q3.zip")
	o.must(os.WriteFile(file, []byte(a.body), 0o600))
	if _, err := verify.Package(t.Context(), file, verify.Options{}); err != nil {
		t.Error(err)
	}
	if a := lea.want(200, lea.get("/evidence?"+url.Values{"from": {"2026-07-01"}, "to": {"2026-09-30"}}.Encode())); !strings.Contains(a.body, "2026-07-01 to 2026-09-30") {
		t.Errorf("the package is not on the list: %s", excerpt(a.body))
	}
}
