package web_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"example.org/countersign/internal/backup"
	"example.org/countersign/internal/board"
	"example.org/countersign/internal/channel"
	"example.org/countersign/internal/channel/relay"
	"example.org/countersign/internal/dbtest"
	"example.org/countersign/internal/disclosure"
	"example.org/countersign/internal/evidence"
	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/jobs"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/people"
	"example.org/countersign/internal/policy"
	"example.org/countersign/internal/receipt"
	"example.org/countersign/internal/recovery"
	"example.org/countersign/internal/response"
	"example.org/countersign/internal/retention"
	"example.org/countersign/internal/selfcheck"
	"example.org/countersign/internal/spool"
	"example.org/countersign/internal/triage"
	"example.org/countersign/internal/web"
)

// office is an installation with its people, channels and pages.
type office struct {
	*dbtest.Env
	web.Desks
	t      testing.TB
	server *httptest.Server
	people map[people.Role]*people.Person
	log    bytes.Buffer

	mu   sync.Mutex
	sent []relay.Mail
	fail error // what the relay says next; nil: it takes the mail
}

const password = "unrelated words make a good one"

// hopeless is a kind of work that is given up at once.
const hopeless = "hopeless"

const securityAddress = "security@northwind.example"

// open opens an installation in which somebody holds each role.
func open(t testing.TB) *office {
	t.Helper()
	var kinds []ledger.Records
	for _, k := range [][]ledger.Records{jobs.Records(), people.Records(), channel.Records(), policy.Records(), intake.Records(), response.Records(), retention.Records(), evidence.Records(), selfcheck.Records(), recovery.Records(), backup.Records()} {
		kinds = append(kinds, k...)
	}
	dir := t.TempDir()
	o := &office{t: t, Env: dbtest.Open(t, dir, filepath.Join(dir, "countersign.db"), kinds, nil), people: map[people.Role]*people.Person{}}
	ctx := t.Context()
	var err error
	o.Desks.Ledger = o.Env.Ledger
	o.Spool, err = spool.Open(filepath.Join(dir, "spool"), o.Blobs, o.Keys)
	o.must(err)
	o.People, err = people.New(ctx, o.Env.Ledger, o.Keys, people.Options{SignInLinks: true, Spool: o.Spool, Idle: 10 * time.Hour, Absolute: 1000 * time.Hour})
	o.must(err)
	o.Channels = channel.New(o.Env.Ledger)
	o.Policies = policy.New(o.Env.Ledger, o.People)
	o.must(o.Policies.Seed(ctx))
	o.Intake = intake.New(o.Env.Ledger, o.Channels, o.Policies, intake.Options{Keys: o.Keys, Organisation: "Northwind"})
	o.Triage = triage.New(o.Intake, o.People)
	o.Responses = response.New(o.Env.Ledger, o.People, o.Channels, o.Policies, response.Options{Keys: o.Keys, Send: o.send})
	o.Retention = retention.New(o.Env.Ledger, o.People, o.Policies, o.Intake, o.Responses, retention.Options{})
	o.Board = board.New(o.Env.Ledger)
	discard := slog.New(slog.DiscardHandler)
	o.Checks = web.Checks{SelfCheck: selfcheck.New(o.Env.Ledger, discard), Recovery: recovery.New(o.Env.Ledger, dir, discard), Backup: backup.New(o.Env.Ledger), Receipts: receipt.New(o.Env.Ledger, o.Intake, nil), Spool: o.Spool}
	o.Evidence = evidence.New(o.Env.Ledger, o.People, o.Channels, o.Policies, o.Intake, o.Responses, evidence.Options{Organisation: "Northwind", Keys: o.Keys})
	o.Disclose = disclosure.New(o.Env.Ledger, o.Intake, o.Responses, o.Evidence)
	o.Jobs = jobs.New(o.Env.Ledger, map[string]jobs.Handler{response.SendJob: o.Responses.Send, policy.EffectJob: o.Policies.TakeEffect, retention.EraseJob: o.Retention.Erase, retention.DisposeJob: o.Retention.Dispose,
		hopeless: func(context.Context, jobs.Job) error { return jobs.Permanent(errors.New("it cannot be done")) }}, slog.New(slog.DiscardHandler))
	o.server = httptest.NewServer(web.New(o.Desks, web.Options{URL: "http://127.0.0.1", Organisation: "Northwind"}, slog.New(slog.NewTextHandler(&o.log, nil))))
	t.Cleanup(o.server.Close)
	o.hire()
	o.register()
	t.Cleanup(func() {
		o.server.Close()
		if !t.Failed() {
			if _, err := o.Env.Verify(context.Background(), ledger.Options{Full: true}); err != nil {
				t.Errorf("the record does not verify after the test: %v", err)
			}
		}
		for line := range strings.Lines(o.log.String()) {
			t.Errorf("the pages logged: %s", line)
		}
	})
	return o
}

func (o *office) must(err error) {
	o.t.Helper()
	if err != nil {
		o.t.Fatal(err)
	}
}

// send is the relay.
func (o *office) send(_ context.Context, m relay.Mail) (relay.Receipt, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.fail; err != nil {
		o.fail = nil
		return relay.Receipt{}, err
	}
	o.sent = append(o.sent, m)
	return relay.Receipt{Relay: "relay.example", Text: "250 queued"}, nil
}

// names of those who hold the roles.
var names = map[people.Role]string{people.Admin: "Ada Admin", people.Lead: "Lea Lead", people.Analyst: "Ana Lyst", people.Commander: "Cora Mander", people.Legal: "Leo Gal",
	people.Owner: "Olga Wner", people.Executive: "Exe Cutive", people.Auditor: "Audie Tor", people.Staff: "Stan Aff"}

func (o *office) hire() {
	ctx := o.t.Context()
	code, err := o.People.Bootstrap(ctx)
	o.must(err)
	admin, err := o.People.Enrol(ctx, code, names[people.Admin], "admin@northwind.example", password)
	o.must(err)
	o.people[people.Admin] = admin
	boss := o.identity(people.Admin)
	for _, role := range []people.Role{people.Lead, people.Analyst, people.Commander, people.Legal, people.Owner, people.Executive, people.Auditor, people.Staff} {
		code, p, err := o.People.Invite(ctx, boss, names[role], string(role)+"@northwind.example", []people.Role{role})
		o.must(err)
		_, err = o.People.Enrol(ctx, code, "", "", password)
		o.must(err)
		o.people[role] = p
	}
	for _, role := range []people.Role{people.Commander, people.Legal, people.Executive} {
		o.must(o.People.ConfirmApprover(ctx, o.identity(people.Lead), o.people[role].ID))
	}
}

// identity signs somebody in.
func (o *office) identity(role people.Role) *people.Identity {
	o.t.Helper()
	_, who := o.session(role)
	return who
}

func (o *office) session(role people.Role) (string, *people.Identity) {
	o.t.Helper()
	code, err := o.People.NewSignInLink(context.Background(), o.people[role].ID)
	o.must(err)
	cookie, who, err := o.People.SignInLink(context.Background(), code, people.Client{})
	o.must(err)
	return cookie, who
}

func (o *office) register() {
	ctx := o.t.Context()
	lead, legal := ledger.Actor{ID: o.people[people.Lead].ID, Role: "lead"}, ledger.Actor{ID: o.people[people.Legal].ID, Role: "legal"}
	due := o.Now().AddDate(1, 0, 0).Format(time.DateOnly)
	for _, terms := range []channel.Terms{
		{Name: "Security mailbox", Kind: channel.Email, Address: securityAddress, Direction: channel.Both, Audience: "public", FromName: "Northwind security"},
		{Name: "Report page", Kind: channel.Portal, Address: "/report", Direction: channel.Both, Audience: "public"},
	} {
		terms.Owner, terms.Purpose, terms.ReviewDue = lead.ID, "Reports of weaknesses and incidents.", due
		c, err := o.Channels.Add(ctx, lead, terms)
		o.must(err)
		_, err = o.Channels.Approve(ctx, legal, c.ID, c.Entry)
		o.must(err)
	}
}

// mail receives a mail and returns its case.
func (o *office) mail(raw string) *intake.Case {
	o.t.Helper()
	r, err := o.Intake.Receive(context.Background(), intake.Incoming{Channel: securityAddress, Source: intake.FromSMTP, From: "sender@halden.example", Raw: strings.NewReader(strings.ReplaceAll(raw, "\n", "\r\n"))})
	o.must(err)
	c, err := o.Intake.Case(context.Background(), r.Case)
	o.must(err)
	return c
}

const report = `From: Mara Voss <mara.voss@halden.example>
To: security@northwind.example
Subject: I can see the shipments of another company
Message-ID: <one@halden.example>
Date: Tue, 15 Sep 2026 09:00:00 +0000
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain; charset=utf-8

Hello,

after signing in I was shown shipments that are not ours: a vulnerability.

Mara Voss

> On Monday you wrote:
> Welcome.

--b
Content-Type: text/html; name="page.html"
Content-Disposition: attachment; filename="page.html"

<script>alert(1)</script>
--b--
`

// visitor is a browser without a picture.
type visitor struct {
	o      *office
	client *http.Client
}

// visit returns the browser of somebody with a role; "" of nobody.
func (o *office) visit(role people.Role) *visitor {
	o.t.Helper()
	jar, err := cookiejar.New(nil)
	o.must(err)
	v := &visitor{o, &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	if role != "" {
		cookie, _ := o.session(role)
		u, err := url.Parse(o.server.URL)
		o.must(err)
		jar.SetCookies(u, []*http.Cookie{{Name: "countersign", Value: cookie, Path: "/"}})
	}
	return v
}

// answer is what came back.
type answer struct {
	status   int
	header   http.Header
	body     string
	location string
}

func (v *visitor) do(method, path string, form url.Values) answer {
	v.o.t.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	req, err := http.NewRequest(method, v.o.server.URL+path, body)
	v.o.must(err)
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	res, err := v.client.Do(req)
	v.o.must(err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	v.o.must(err)
	return answer{res.StatusCode, res.Header, string(b), res.Header.Get("Location")}
}

func (v *visitor) get(path string) answer { v.o.t.Helper(); return v.do("GET", path, nil) }

// post sends a form of pairs.
func (v *visitor) post(path string, pairs ...string) answer {
	v.o.t.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	return v.do("POST", path, form)
}

// want checks a status and returns the answer.
func (v *visitor) want(status int, a answer) answer {
	v.o.t.Helper()
	if a.status != status {
		v.o.t.Fatalf("status %d, want %d: %s %s", a.status, status, a.location, excerpt(a.body))
	}
	return a
}

func excerpt(s string) string {
	if i := strings.Index(s, `id="main"`); i > 0 {
		s = s[i:]
	}
	return s[:min(len(s), 1500)]
}
