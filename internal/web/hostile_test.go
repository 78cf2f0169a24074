package web_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"example.org/countersign/internal/browsertest"
	"example.org/countersign/internal/channel"
	"example.org/countersign/internal/channel/relay"
	"example.org/countersign/internal/design"
	"example.org/countersign/internal/hostile"
	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/jobs"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/people"
	"example.org/countersign/internal/policy"
	"example.org/countersign/internal/response"
	"example.org/countersign/internal/rules"
	"example.org/countersign/internal/web"
)

// hostileFolder holds lists of strings that break pages, outside of the project.
const hostileFolder = "../../../shared/data/hostile"

// stage brings up pages in the states in which their forms are there.
type stage struct {
	*office
	in  map[people.Role]*visitor
	who map[people.Role]*people.Identity
	n   int
	// What is used until an act has changed its state.
	victim, awaits, invited string
}

// as returns somebody who is signed in with a role.
func (s *stage) as(role people.Role) *visitor {
	s.t.Helper()
	if v := s.in[role]; v != nil && (role == "" || v.get("/account").status == http.StatusOK) {
		return v
	}
	s.in[role] = s.visit(role)
	return s.in[role]
}

// identity is who acts beside the pages.
func (s *stage) identity(role people.Role) *people.Identity {
	s.t.Helper()
	if who := s.who[role]; who != nil {
		open, err := s.People.Sessions(s.t.Context(), who.ID)
		s.must(err)
		if slices.ContainsFunc(open, func(x people.SessionInfo) bool { return x.ID == who.Session }) {
			return who
		}
	}
	s.who[role] = s.office.identity(role)
	return s.who[role]
}

// send makes a request as a visitor.
func (v *visitor) send(r hostile.Request) hostile.Answer {
	v.o.t.Helper()
	if !r.Multipart {
		a := v.do(r.Method, r.Path, r.Values)
		return hostile.Answer{Status: a.status, Header: a.header, Body: a.body}
	}
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	for name, values := range r.Values {
		for _, value := range values {
			v.o.must(m.WriteField(name, value))
		}
	}
	for _, f := range r.Files {
		part, err := m.CreateFormFile(f.Field, f.Name)
		v.o.must(err)
		_, err = io.WriteString(part, f.Content)
		v.o.must(err)
	}
	v.o.must(m.Close())
	req, err := http.NewRequest(r.Method, v.o.server.URL+r.Path, &b)
	v.o.must(err)
	req.Header.Set("Content-Type", m.FormDataContentType())
	res, err := v.client.Do(req)
	v.o.must(err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	v.o.must(err)
	return hostile.Answer{Status: res.StatusCode, Header: res.Header, Body: string(body)}
}

// look opens a page.
func (s *stage) look(role people.Role, path string) hostile.Visit {
	s.t.Helper()
	v := s.as(role)
	return hostile.Visit{Path: path, Page: v.send(hostile.Request{Method: "GET", Path: path}), Send: v.send}
}

// ask opens a page that answers a form.
func (s *stage) ask(role people.Role, path string) hostile.Visit {
	s.t.Helper()
	v := s.as(role)
	return hostile.Visit{Path: path, Page: v.send(hostile.Request{Method: "POST", Path: path, Values: url.Values{}}), Send: v.send}
}

// newCase receives another mail.
func (s *stage) newCase() *intake.Case {
	s.n++
	return s.mail(strings.ReplaceAll(report, "<one@", "<n"+itoa(int64(s.n))+"@"))
}

func (s *stage) actor(role people.Role) ledger.Actor {
	return ledger.Actor{ID: s.people[role].ID, Role: string(role)}
}

// answer drafts an answer on a new case, and takes it as far as asked.
func (s *stage) answer(to response.State) *response.Response {
	ctx, ana := s.t.Context(), s.identity(people.Analyst)
	r, err := s.Responses.Draft(ctx, ana, s.newCase().ID)
	s.must(err)
	r, err = s.Responses.Attach(ctx, ana, r.ID, r.Entry, "steps.txt", "text/plain", strings.NewReader("steps"))
	s.must(err)
	if to == response.Draft {
		return r
	}
	c := r.Content()
	c.Subject, c.Text = "Re", "Hello"
	r, err = s.Responses.Edit(ctx, ana, r.ID, r.Entry, c)
	s.must(err)
	r, err = s.Responses.Submit(ctx, ana, r.ID, r.Entry)
	s.must(err)
	if to == response.InReview {
		return r
	}
	_, err = s.Responses.Approve(ctx, s.identity(people.Lead), r.ID, r.ContentHash)
	s.must(err)
	s.fail = &relay.Ambiguous{Err: http.ErrServerClosed}
	_, err = s.Jobs.RunDue(ctx)
	s.must(err)
	return r
}

// newChannel proposes a channel; approved, it has a change that waits.
func (s *stage) newChannel(approved bool) string {
	s.n++
	ctx, lead := s.t.Context(), s.actor(people.Lead)
	c, err := s.Channels.Add(ctx, lead, channel.Terms{Name: "Press", Kind: channel.Email, Address: "press" + itoa(int64(s.n)) + "@northwind.example", Direction: channel.Both, Audience: "press",
		Owner: lead.ID, Purpose: "Questions.", ReviewDue: "2027-06-01", FromName: "Press"})
	s.must(err)
	if approved {
		c, err = s.Channels.Approve(ctx, s.actor(people.Legal), c.ID, c.Entry)
		s.must(err)
		t := c.Terms()
		t.Name = "Press desk"
		_, err = s.Channels.Change(ctx, lead, c.ID, c.Entry, t)
		s.must(err)
	}
	return "/channels/" + c.ID
}

// newPolicy drafts a template, and puts it in force where asked.
func (s *stage) newPolicy(inForce bool) string {
	s.n++
	body, err := json.Marshal(policy.Template{Title: "Thanks", Purpose: policy.ForReply, Language: "en", Subject: "Thanks", Text: "Thank you, {name}."})
	s.must(err)
	x, err := s.Policies.Draft(s.t.Context(), s.identity(people.Analyst), policy.KindTemplate, "thanks"+itoa(int64(s.n)), policy.Change{Body: body, Rationale: "Often needed."})
	s.must(err)
	if inForce {
		_, err = s.Policies.Approve(s.t.Context(), s.identity(people.Lead), x.ID, s.Now())
		s.must(err)
	}
	return "/policy/" + x.ID
}

// somebody returns the page of a person with a role who was invited and, where
// asked, has come; the one before while they are in that state.
func (s *stage) somebody(before *string, role people.Role, come bool) string {
	ctx, admin := s.t.Context(), s.identity(people.Admin)
	if *before != "" {
		p, err := s.People.Find(ctx, *before)
		s.must(err)
		if p.Active == come && (role != people.Lead || p.AwaitsConfirmation()) {
			return "/people/" + *before
		}
	}
	s.n++
	code, p, err := s.People.Invite(ctx, admin, "Benign", "new"+itoa(int64(s.n))+"@northwind.example", []people.Role{role})
	s.must(err)
	*before = p.ID
	if come {
		_, err = s.People.Enrol(ctx, code, "", "", password)
		s.must(err)
		if role != people.Lead {
			link, err := s.People.NewSignInLink(ctx, p.ID)
			s.must(err)
			_, _, err = s.People.SignInLink(ctx, link, people.Client{})
			s.must(err)
		}
	}
	return "/people/" + p.ID
}

// factor returns a role's page with the second factor on.
func (s *stage) factor(role people.Role) string {
	who := s.office.identity(role)
	if p, err := s.People.Find(s.t.Context(), who.ID); err != nil || !p.TOTP {
		s.must(err)
		e, err := s.People.EnrolTOTP(s.t.Context(), who)
		s.must(err)
		code, err := totp.GenerateCode(e.Secret, s.Now())
		s.must(err)
		_, err = s.People.ConfirmTOTP(s.t.Context(), who, code)
		s.must(err)
	}
	return "/people/" + who.ID
}

// scenes bring up every form that a page of ours has.
func (s *stage) scenes() []hostile.Scene {
	ctx := s.t.Context()
	look := func(name string, role people.Role, path func() string) hostile.Scene {
		return hostile.Scene{Name: name, Open: func() hostile.Visit { return s.look(role, path()) }}
	}
	at := func(path string) func() string { return func() string { return path } }
	onCase := func(act func(c *intake.Case)) func() string {
		return func() string {
			c := s.newCase()
			act(c)
			return "/cases/" + c.Number
		}
	}
	link := func(path string, code func() (string, error)) func() string {
		return func() string {
			c, err := code()
			s.must(err)
			return path + url.QueryEscape(c)
		}
	}
	return []hostile.Scene{
		look("evidence", people.Lead, at("/evidence")), // first, while there is little to count
		look("ledger", people.Lead, at("/ledger")),
		look("entry", people.Lead, at("/ledger/entries/3")),
		look("sign in", "", at("/sign-in")),
		look("sign-in link", "", link("/sign-in?code=", func() (string, error) { return s.People.NewSignInLink(ctx, s.people[people.Staff].ID) })),
		look("invitation", "", link("/enrol?code=", func() (string, error) {
			s.n++
			code, _, err := s.People.Invite(ctx, s.identity(people.Admin), "Benign", "i"+itoa(int64(s.n))+"@northwind.example", []people.Role{people.Staff})
			return code, err
		})),
		look("password link", "", link("/reset?code=", func() (string, error) {
			return s.People.ResetPassword(ctx, s.identity(people.Admin), s.people[people.Owner].ID)
		})),
		look("account", people.Analyst, func() string {
			tokens, err := s.People.ListTokens(ctx, s.people[people.Analyst].ID)
			s.must(err)
			if !slices.ContainsFunc(tokens, func(x *people.Token) bool { return x.RevokedAt == 0 }) {
				_, _, err := s.People.NewToken(ctx, s.identity(people.Analyst), "Benign", []people.Role{people.Analyst}, s.Now().AddDate(0, 1, 0), false)
				s.must(err)
			}
			return "/account"
		}),
		{Name: "authenticator", Open: func() hostile.Visit { return s.ask(people.Executive, "/account/second-factor") }},
		look("account with authenticator", people.Commander, func() string { s.factor(people.Commander); return "/account" }),
		look("queue", people.Analyst, func() string { s.newCase(); return "/queue" }),
		look("case", people.Analyst, onCase(func(*intake.Case) {})),
		look("case set aside", people.Analyst, onCase(func(c *intake.Case) {
			s.must(s.Intake.Dispose(ctx, s.actor(people.Analyst), c.ID, rules.Spam, "Spam."))
		})),
		look("case that waits", people.Analyst, onCase(func(c *intake.Case) {
			_, err := s.Triage.Pause(ctx, s.actor(people.Analyst), c.ID, "We wait.")
			s.must(err)
		})),
		look("closed case", people.Analyst, onCase(func(c *intake.Case) { s.must(s.Intake.Close(ctx, s.actor(people.Analyst), c.ID, c.Entry, "Over.")) })),
		look("anonymous report", people.Lead, func() string {
			r, err := s.Intake.Report(ctx, intake.Report{Channel: "/report", Source: intake.FromPortal, Subject: "Login", Text: "Something.", Anonymous: true, Key: "k" + itoa(int64(s.n)) + "0123456789012345678901",
				Files: []intake.Upload{{Name: "x.heic", Type: "image/heic", Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("picture")), nil }}}})
			s.must(err)
			s.n++
			return "/cases/" + r.Number
		}),
		look("draft", people.Analyst, func() string { return "/responses/" + s.answer(response.Draft).ID }),
		look("answer in review", people.Lead, func() string { return "/responses/" + s.answer(response.InReview).ID }),
		look("ambiguous answer", people.Lead, func() string { return "/responses/" + s.answer(response.Ambiguous).ID }),
		look("new channel", people.Lead, at("/channels/new")),
		look("proposed channel", people.Legal, func() string { return s.newChannel(false) }),
		look("channel with a change", people.Lead, func() string { return s.newChannel(true) }),
		look("new template", people.Analyst, at("/policy/new?kind=template")),
		look("new criteria", people.Analyst, at("/policy/new?kind=criteria")),
		look("new rules", people.Analyst, at("/policy/new?kind=rules")),
		look("draft of a policy", people.Lead, func() string { return s.newPolicy(false) }),
		look("policy in force", people.Lead, func() string { return s.newPolicy(true) }),
		look("people", people.Admin, at("/people")),
		look("person", people.Admin, func() string { return s.somebody(&s.victim, people.Analyst, true) }),
		look("person with authenticator", people.Admin, func() string { return s.factor(people.Commander) }),
		look("invited person", people.Admin, func() string { return s.somebody(&s.invited, people.Staff, false) }),
		look("person who awaits a lead", people.Lead, func() string { return s.somebody(&s.awaits, people.Lead, true) }),
		look("work that was given up", people.Lead, func() string {
			s.n++
			s.must(s.Env.Write(ctx, ledger.System, func(_ context.Context, tx *ledger.Tx) error {
				return jobs.Enqueue(tx, hopeless, "work-"+itoa(int64(s.n)), s.Now())
			}))
			_, err := s.Jobs.RunDue(ctx)
			s.must(err)
			return "/work"
		}),
	}
}

// fill is what a field takes where its page proposes nothing.
func (s *stage) fill(route string, f hostile.Field, n int) string {
	switch {
	case f.Kind == "password":
		return password
	case f.Kind == "email":
		return "p" + itoa(int64(n)) + "@x.example"
	case f.Kind == "date":
		return "2027-01-31"
	case f.Name == "code":
		return "000000"
	case f.Name == "address":
		return "c" + itoa(int64(n)) + "@x.example"
	case f.Name == "cc", f.Name == "reply", f.Kind == "select", f.Kind == "radio", f.Kind == "hidden":
		return ""
	case f.Name == "name" && route == "POST /policy":
		return "n" + itoa(int64(n))
	case f.Name == "body":
		return "[]"
	case route == "POST /holds" && (f.Name == "party" || f.Name == "query"): // a hold is on one thing
		return ""
	case route == "GET /retention/run" && f.Name == "number":
		return "C-2026-000001"
	}
	return "Benign text"
}

// besiege prepares the siege of the staff pages.
func besiege(t *testing.T, o *office) (*stage, *hostile.Siege) {
	s := &stage{office: o, in: map[people.Role]*visitor{}, who: map[people.Role]*people.Identity{}}
	mux := http.NewServeMux()
	g := &hostile.Siege{Policies: []string{design.Policy}, Lists: hostile.Lists(t, hostileFolder), Quick: hostile.Raced, Fill: s.fill, Known: []string{s.as(people.Lead).get("/styleguide").body},
		Formless: []string{"POST /responses/{id}/submit", "POST /recovery"}, // the editor submits through /edit; TestHostileRecovery has the other
		Wait:     func() { o.Clock.Advance(2 * time.Minute) },
		Nobody:   func(r hostile.Request) hostile.Answer { return o.visit("").send(r) },
		Headers: []string{"Content-Security-Policy", "X-Content-Type-Options", "X-Frame-Options", "Referrer-Policy", "Cross-Origin-Opener-Policy", "Cache-Control", "Content-Type", "Content-Length", "Date",
			"Location", "Set-Cookie", "Content-Disposition", "Accept-Ranges", "Allow"}}
	for _, row := range web.Table() {
		g.Routes = append(g.Routes, row.Pattern)
		mux.Handle(row.Pattern, http.NotFoundHandler())
	}
	g.Route = func(method, path string) string {
		r, err := http.NewRequest(method, "http://x"+path, nil)
		if err != nil {
			t.Fatalf("a form is sent to %q: %v", path, err)
		}
		_, pattern := mux.Handler(r)
		return pattern
	}
	g.Scenes = append(s.scenes(), s.retentionScenes()...)
	r := s.answer(response.InReview)
	rows := web.Table()
	g.Path = func(route string) string {
		_, path := fill(route, map[string]string{"{case}": r.Number, "{n}": "0", "{name}": "app.css", "{id}": r.ID})
		return path
	}
	g.Ask = func(route string, q hostile.Request) hostile.Answer {
		row := rows[slices.IndexFunc(rows, func(x web.Row) bool { return x.Pattern == route })]
		role := people.Role("")
		if len(row.Roles) > 0 {
			role = row.Roles[0]
		}
		return s.as(role).send(q)
	}
	return s, g
}

// TestHostile sends hostile strings through every field of every form, and
// through every part of every address.
func TestHostile(t *testing.T) {
	if f, err := os.Stat("/dev/shm"); err == nil && f.IsDir() {
		t.Setenv("TMPDIR", "/dev/shm") // thousands of writes, none of which has to outlive the test
	}
	o := open(t)
	_, g := besiege(t, o)
	requests, shown := g.Run(t)
	t.Logf("%d requests, %d pages show what was sent", requests, len(shown))
	t.Run("browser", func(t *testing.T) { o.display(t, g, shown) })
}

// display opens pages that show hostile strings in a browser: nothing runs
// there, and the pages' own scripts bear them.
func (o *office) display(t *testing.T, g *hostile.Siege, shown []string) {
	b := browsertest.Start(t)
	in := map[people.Role]*browsertest.Page{}
	opened := map[string]int{}
	slices.Reverse(shown) // the newest show what those before have left
	for _, path := range append(shown, "/queue?state=all", "/channels", "/policy", "/people", "/work", "/ledger", "/evidence", "/account", "/approvals") {
		route := g.Route("GET", path)
		if opened[route]++; opened[route] > 4 {
			continue
		}
		role := people.Lead
		if path == "/account" {
			role = people.Analyst
		}
		if in[role] == nil {
			in[role] = o.at(b, browsertest.Desktop, role)
		}
		p := in[role]
		if status := p.Open(o.server.URL + path); status != http.StatusOK {
			t.Errorf("%s: status %d", path, status)
		}
		browsertest.Eval[bool](p, `document.querySelectorAll('main details').forEach(d => { d.open = true }), true`)
		if ran := browsertest.Eval[string](p, "typeof "+hostile.Canary); ran != "undefined" {
			t.Errorf("%s: something ran", path)
		}
		for _, problem := range p.Problems() {
			t.Errorf("%s: %s", path, problem)
		}
	}
}
