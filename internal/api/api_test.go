package api

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.org/countersign/client"
	"example.org/countersign/internal/backlog"
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
	"example.org/countersign/internal/spool"
	"example.org/countersign/internal/timestamp"
	"example.org/countersign/internal/triage"
	"example.org/countersign/verify"
)

var update = flag.Bool("update", false, "write the golden files")

const (
	security = "security@org.example"
	operated = "the operator's secret"
)

func kinds() []ledger.Records {
	var all []ledger.Records
	for _, k := range [][]ledger.Records{jobs.Records(), people.Records(), channel.Records(), policy.Records(), intake.Records(), response.Records(), retention.Records(), evidence.Records(), backup.Records(), recovery.Records(), timestamp.Records()} {
		all = append(all, k...)
	}
	return all
}

// office is an installation with people, channels and a server before it.
type office struct {
	*dbtest.Env
	desks  Desks
	kept   *spool.Spool
	runner *jobs.Runner
	server *httptest.Server
	log    *bytes.Buffer
	tokens map[string]string // by name of a person
	ids    map[string]string
	mail   *channel.Channel

	mu   sync.Mutex
	sent []relay.Mail
}

func each(t *testing.T, f func(t *testing.T, o *office)) {
	t.Helper()
	dbtest.Each(t, kinds(), nil, func(t *testing.T, e *dbtest.Env) { f(t, furnish(t, e)) })
}

// one runs f on SQLite alone: what the door does by itself, whatever is below.
func one(t *testing.T, f func(t *testing.T, o *office)) {
	t.Helper()
	dir := t.TempDir()
	f(t, furnish(t, dbtest.Open(t, dir, filepath.Join(dir, "countersign.db"), kinds(), nil)))
}

func furnish(t testing.TB, e *dbtest.Env) *office {
	t.Helper()
	o := &office{Env: e, log: &bytes.Buffer{}, tokens: map[string]string{"operator": operated}, ids: map[string]string{}}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	persons, err := people.New(t.Context(), e.Ledger, e.Keys, people.Options{SignInLinks: true})
	must(err)
	channels, policies := channel.New(e.Ledger), policy.New(e.Ledger, persons)
	must(policies.Seed(t.Context()))
	in := intake.New(e.Ledger, channels, policies, intake.Options{Keys: e.Keys, Organisation: "Org Ltd", Send: o.send})
	answers := response.New(e.Ledger, persons, channels, policies, response.Options{Keys: e.Keys, Send: o.send})
	o.kept, err = spool.Open(filepath.Join(t.TempDir(), "spool"), e.Blobs, e.Keys)
	must(err)
	stamps, err := timestamp.New(e.Ledger, timestamp.Options{})
	must(err)
	o.desks = Desks{Ledger: e.Ledger, People: persons, Channels: channels, Policies: policies, Intake: in, Backlog: backlog.New(e.Ledger, channels, in, o.kept), Triage: triage.New(in, persons),
		Responses: answers, Receipts: receipt.New(e.Ledger, in, nil), Retention: retention.New(e.Ledger, persons, policies, in, answers, retention.Options{}), Board: board.New(e.Ledger), Backup: backup.New(e.Ledger), Recovery: recovery.New(e.Ledger, e.Dir, slog.New(slog.DiscardHandler)), Timestamp: stamps,
		Evidence: evidence.New(e.Ledger, persons, channels, policies, in, answers, evidence.Options{Organisation: "Org Ltd", Keys: e.Keys})}
	o.desks.Disclose = disclosure.New(e.Ledger, in, answers, o.desks.Evidence)
	o.runner = jobs.New(e.Ledger, map[string]jobs.Handler{response.SendJob: answers.Send, intake.ConfirmationJob: in.Confirm}, nil)
	o.join(t, "leo", people.Staff, people.Lead)
	o.join(t, "ann", people.Staff, people.Analyst)
	o.mail = o.approved(t, channel.Terms{Name: "Security", Kind: channel.Email, Address: security, Direction: channel.Both, FromName: "Org Security"})
	o.server = httptest.NewServer(New(o.desks, operated, slog.New(slog.NewTextHandler(o.log, nil))))
	t.Cleanup(o.server.Close)
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(o.log)
		}
	})
	return o
}

// join gives somebody an account and a token. They have no password: hashing
// takes long.
func (o *office) join(t testing.TB, name string, roles ...people.Role) {
	t.Helper()
	p := &people.Person{Name: name, Email: name + "@org.example", Roles: roles, Active: true}
	err := o.Write(t.Context(), ledger.System, func(_ context.Context, tx *ledger.Tx) error {
		p.CreatedAt, p.EnrolledAt, p.ApproverSince = tx.Now.UnixMicro(), tx.Now.UnixMicro(), tx.Now.UnixMicro()
		return people.Persons.Put(tx, p, ledger.Do("enrolled", "CC6.2"))
	})
	if err != nil {
		t.Fatal(err)
	}
	o.token(t, p, p.Has(people.Lead))
}

// token makes a token of all the roles of a person.
func (o *office) token(t testing.TB, p *people.Person, approves bool) {
	t.Helper()
	link, err := o.desks.People.NewSignInLink(t.Context(), p.ID)
	if err != nil {
		t.Fatal(err)
	}
	_, who, err := o.desks.People.SignInLink(t.Context(), link, people.Client{Address: netip.MustParseAddr("192.0.2.7")})
	if err != nil {
		t.Fatal(err)
	}
	secret, _, err := o.desks.People.NewToken(t.Context(), who, "tests", p.Roles, o.Clock.Now().AddDate(0, 1, 0), approves)
	if err != nil {
		t.Fatal(err)
	}
	o.tokens[p.Name], o.ids[p.Name] = secret, p.ID
}

func (o *office) approved(t testing.TB, terms channel.Terms) *channel.Channel {
	t.Helper()
	terms.Audience, terms.Owner, terms.Purpose, terms.ReviewDue = "public", o.ids["leo"], "to be written to", "2027-01-31"
	c, err := o.desks.Channels.Add(t.Context(), ledger.Actor{ID: o.ids["ann"], Role: "analyst"}, terms)
	if err != nil {
		t.Fatal(err)
	}
	if c, err = o.desks.Channels.Approve(t.Context(), ledger.Actor{ID: o.ids["leo"], Role: "lead"}, c.ID, c.Entry); err != nil {
		t.Fatal(err)
	}
	return c
}

func (o *office) send(_ context.Context, m relay.Mail) (relay.Receipt, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.sent = append(o.sent, m)
	return relay.Receipt{Text: "250 taken"}, nil
}

// as returns the client of a person.
func (o *office) as(name string) *client.Client {
	return &client.Client{URL: o.server.URL, Token: o.tokens[name]}
}

// do sends a request as somebody, with headers in pairs.
func (o *office) do(t testing.TB, name, method, path, body string, header ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, o.server.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if name != "" {
		r.Header.Set("Authorization", "Bearer "+o.tokens[name])
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(text)
}

func message(id string) string {
	return "From: Rita <rita@example.com>\r\nTo: " + security + "\r\nSubject: Vulnerability in your login\r\nMessage-ID: <" + id + "@example.com>\r\n\r\n" +
		"Your login has an XSS, and you should know that.\r\n"
}

func (o *office) received(t testing.TB, id string) *client.Receipt {
	t.Helper()
	r, err := o.as("ann").Receive(t.Context(), security, "api", strings.NewReader(message(id)))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestMainJob goes the whole way by the client alone: a message comes in, is
// classified, answered by one person, approved by another, sent, and leaves in
// an export and a package.
func TestMainJob(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		ctx := t.Context()
		ann, leo := o.as("ann"), o.as("leo")
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		receipt := o.received(t, "a")
		if !receipt.New || receipt.Number != "C-2026-000001" {
			t.Fatalf("receipt %+v", receipt)
		}
		if again := o.received(t, "a"); !again.Duplicate || again.Communication != receipt.Communication {
			t.Errorf("the same bytes again: %+v", again)
		}
		queue, err := ann.Cases(ctx, map[string][]string{"state": {"open"}, "sort": {"newest"}})
		must(err)
		if queue.Total != 1 || len(queue.Cases) != 1 || queue.Cases[0].ID != receipt.Case || queue.Cases[0].Reporter.Addr != "rita@example.com" {
			t.Fatalf("queue %+v", queue)
		}
		c, err := ann.Classify(ctx, receipt.Number, client.Classification{Category: "vulnerability", Urgency: "high", Impact: 2, Likelihood: 2, Reason: "it was tried"})
		must(err)
		if c.ClassifiedBy != o.ids["ann"] || c.Impact != 2 || c.Severity == "" {
			t.Errorf("classified %+v", c)
		}
		c, err = ann.Assign(ctx, receipt.Number, o.ids["ann"])
		must(err)
		_, err = ann.Note(ctx, receipt.Number, "It is true.")
		must(err)
		said, err := ann.Communications(ctx, c.ID)
		must(err)
		if len(said) != 2 || said[0].Direction != "inbound" || !strings.Contains(said[0].Text, "XSS") || said[1].Text != "It is true." {
			t.Errorf("communications %+v", said)
		}
		var raw bytes.Buffer
		must(ann.Raw(ctx, said[0].ID, &raw))
		if raw.String() != message("a") {
			t.Errorf("raw %q", raw.String())
		}

		_, err = o.runner.RunDue(ctx) // the confirmation: after an answer it would be withheld
		must(err)
		r, err := ann.Draft(ctx, c.Number)
		must(err)
		r, err = ann.Edit(ctx, r.ID, r.Version, client.Content{To: r.To, Subject: r.Subject, Text: "Thank you. It is mended."})
		must(err)
		r, err = ann.Attach(ctx, r.ID, r.Version, "advisory.txt", "text/plain", strings.NewReader("how it was mended"))
		must(err)
		if _, err := ann.Edit(ctx, r.ID, r.Version-1, client.Content{To: r.To, Subject: "x", Text: "x"}); client.Status(err) != http.StatusConflict {
			t.Errorf("an edit of an older version: %v", err)
		}
		r, err = ann.Submit(ctx, r.ID, r.Version)
		must(err)
		if r.State != "in-review" || r.Quorum < 1 || len(r.Attachments) != 1 {
			t.Fatalf("submitted %+v", r)
		}
		if _, err := ann.Approve(ctx, r.ID, r.ContentHash); client.Status(err) != http.StatusForbidden {
			t.Errorf("an analyst approves their own answer: %v", err)
		}
		if _, err := leo.Approve(ctx, r.ID, strings.Repeat("0", 64)); client.Status(err) != http.StatusConflict {
			t.Errorf("an approval of something else: %v", err)
		}
		r, err = leo.Approve(ctx, r.ID, r.ContentHash)
		must(err)
		if r.State != "approved" || len(r.Approvals) != 1 || r.Approvals[0].By != o.ids["leo"] {
			t.Fatalf("approved %+v", r)
		}
		_, err = o.runner.RunDue(ctx)
		must(err)
		r, err = ann.Response(ctx, r.ID)
		must(err)
		c, err = ann.Case(ctx, c.ID)
		must(err)
		if r.State != "sent" || c.State != "answered" || c.FirstResponseAt.IsZero() {
			t.Errorf("after sending: %s, case %s, first response %v", r.State, c.State, c.FirstResponseAt)
		}
		if i := slices.IndexFunc(o.sent, func(m relay.Mail) bool { return m.Text == "Thank you. It is mended." }); i < 0 || len(o.sent[i].Attachments) != 1 {
			t.Errorf("sent %+v", o.sent)
		}
		c, err = ann.Close(ctx, c.ID, c.Version, "answered")
		must(err)
		if c.State != "closed" {
			t.Errorf("closed %+v", c)
		}

		var out bytes.Buffer
		must(o.as("operator").Export(ctx, "2026-09-15", "2026-09-15", "jsonl", &out))
		if n := strings.Count(out.String(), "\n"); n != 4 { // message, confirmation, note, answer
			t.Errorf("%d lines exported: %s", n, out.String())
		}
		v, err := o.as("operator").Verify(ctx, client.Full, nil)
		must(err)
		if !v.OK || v.Depth != client.Full || v.Records["casefile"] != 1 || v.Root == "" {
			t.Errorf("verification %+v", v)
		}
		if resp, body := o.do(t, "ann", "GET", prefix+"/ledger/checkpoint", ""); resp.StatusCode != http.StatusNotFound || !strings.Contains(body, "no checkpoint was published yet") {
			t.Errorf("before the first publication: %d %s", resp.StatusCode, body)
		}
		published, err := o.Publish(ctx)
		must(err)
		_, err = o.as("ann").Note(ctx, c.ID, "This makes an entry.")
		must(err)
		resp, note := o.do(t, "ann", "GET", prefix+"/ledger/checkpoint", "")
		_, key := o.do(t, "ann", "GET", prefix+"/ledger/key", "")
		if key != o.VerifierKey()+"\n" || note != string(published.Signed) || resp.Header.Get("Content-Type") != "text/plain; charset=utf-8" {
			t.Errorf("%q %q %v", key, note, resp.Header)
		}
		out.Reset()
		o.Clock.Set(dbtest.Start.AddDate(0, 0, 1))
		must(o.as("operator").Package(ctx, "2026-09-01", "2026-09-15", true, &out))
		file := filepath.Join(t.TempDir(), "package.zip")
		must(os.WriteFile(file, out.Bytes(), 0o600))
		if summary, err := verify.Package(ctx, file, verify.Options{}); err != nil {
			t.Errorf("the package does not verify: %v %v", summary, err)
		}
	})
}

// TestRefusals holds every route against everybody who may not use it.
func TestRefusals(t *testing.T) {
	one(t, func(t *testing.T, o *office) {
		o.join(t, "aud", people.Auditor)
		o.join(t, "sam", people.Staff)
		o.join(t, "ada", people.Staff, people.Admin)
		roles := map[string][]people.Role{"operator": {operator}, "ada": {people.Staff, people.Admin}, "leo": {people.Staff, people.Lead},
			"ann": {people.Staff, people.Analyst}, "aud": {people.Auditor}, "sam": {people.Staff}}
		path := strings.NewReplacer("{case}", "C-2026-000099", "{response}", "none", "{channel}", "none", "{communication}", "none", "{index}", "0")
		for _, r := range routes {
			at := prefix + path.Replace(r.path)
			for name, has := range roles {
				may := slices.ContainsFunc(has, func(x people.Role) bool { return slices.Contains(r.roles, x) })
				if may && r.repeat != reads { // what it then does is for other tests
					continue
				}
				resp, text := o.do(t, name, r.method, at, "")
				if refused := resp.StatusCode == http.StatusForbidden; refused == may {
					t.Errorf("%s as %s: %d %s", r.id, name, resp.StatusCode, text)
				}
			}
			for _, header := range [][]string{{}, {"Cookie", "session=" + o.tokens["leo"]}, {"Authorization", "Bearer countersign_wrong"}, {"Authorization", "Bearer "},
				{"Authorization", "Basic " + o.tokens["leo"]}} {
				resp, text := o.do(t, "", r.method, at, "", header...)
				if resp.StatusCode != http.StatusUnauthorized || resp.Header.Get("WWW-Authenticate") == "" || resp.Header.Get("Content-Type") != "application/problem+json" {
					t.Errorf("%s with %v: %d %s", r.id, header, resp.StatusCode, text)
				}
			}
		}
		if resp, text := o.do(t, "sam", "GET", prefix+"/ledger/checkpoint", ""); resp.StatusCode != http.StatusForbidden {
			t.Errorf("staff learn how long the log is: %d %s", resp.StatusCode, text)
		}
		before, err := o.Checkpoint(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if resp, text := o.do(t, "ann", "POST", prefix+"/messages?channel="+security+"&source=import", message("x"), "Content-Type", "message/rfc822"); resp.StatusCode != http.StatusForbidden {
			t.Errorf("an analyst makes history: %d %s", resp.StatusCode, text)
		}
		after, err := o.Checkpoint(t.Context())
		if err != nil || after.Size != before.Size {
			t.Errorf("what was refused left %d entries: %v", after.Size-before.Size, err)
		}
		if strings.Contains(o.log.String(), "countersign_") {
			t.Error("a token is in the log")
		}
	})
}

func TestOperatorByNoToken(t *testing.T) {
	d := &door{operator: ""}
	if _, err := d.identify(t.Context(), "Bearer "); err == nil {
		t.Error("an empty token is the operator")
	}
}

func TestBadInput(t *testing.T) {
	one(t, func(t *testing.T, o *office) {
		c := o.received(t, "a")
		for _, x := range []struct {
			who, method, path, body string
			header                  []string
			status                  int
			says                    string
		}{
			{"ann", "GET", "/nowhere", "", nil, 404, "openapi.json"},
			{"ann", "PATCH", "/cases", "", nil, 405, "GET"},
			{"ann", "GET", "/cases?stat=open", "", nil, 422, "unknown query parameter"},
			{"ann", "GET", "/cases?state=opened", "", nil, 422, "open"},
			{"ann", "GET", "/cases?after=xyz", "", nil, 422, "beginning"},
			{"ann", "GET", "/cases?limit=100000", "", nil, 422, "200"},
			{"ann", "GET", "/cases/C-2026-000099", "", nil, 404, "no such case"},
			{"ann", "GET", "/communications/" + c.Communication + "/attachments/3", "", nil, 404, "attachment"},
			{"ann", "POST", "/cases/" + c.Number + "/classification", "{", nil, 400, ""},
			{"ann", "POST", "/cases/" + c.Number + "/classification", `{"category":"x"}`, nil, 422, "impact"},
			{"ann", "POST", "/cases/" + c.Number + "/classification", `{"category":"x","urgency":"low","impact":9,"likelihood":1}`, nil, 422, "4"},
			{"ann", "POST", "/cases/" + c.Number + "/classification", `{"category":"X Y","urgency":"low","impact":1,"likelihood":1}`, nil, 422, "category"},
			{"ann", "POST", "/cases/" + c.Number + "/notes", `{"text":"x","more":1}`, nil, 422, "unexpected"},
			{"ann", "POST", "/cases/" + c.Number + "/notes", `{"text":"` + strings.Repeat("x", maxJSON) + `"}`, nil, 413, ""},
			{"ann", "POST", "/cases/" + c.Number + "/notes", `x=1`, []string{"Content-Type", "application/x-www-form-urlencoded"}, 415, ""},
			{"ann", "POST", "/cases/" + c.Number + "/reopening", `{"reason":"why not"}`, nil, 409, "not closed"},
			{"ann", "POST", "/cases/" + c.Number + "/disposition", `{"disposition":"spam","reason":""}`, nil, 422, "reason"},
			{"ann", "POST", "/messages?channel=nobody@org.example", message("b"), []string{"Content-Type", "message/rfc822"}, 404, "no approved channel"},
			{"ann", "POST", "/messages?channel=" + security, "", nil, 422, ""},
			{"ann", "POST", "/reports", `{"channel":"nowhere","text":"x"}`, nil, 422, "nowhere"},
			{"leo", "GET", "/export/communications?from=yesterday", "", nil, 422, "2026-07-01"},
			{"leo", "GET", "/export/communications?from=2026-07-02&to=2026-07-01", "", nil, 422, "before"},
			{"leo", "POST", "/packages?from=2026-07-01", "", nil, 422, "to"},
			{"leo", "POST", "/channels/none/approval", `{"version":1}`, nil, 404, "channel"},
			{"ann", "POST", "/channels", `{"name":"","kind":"pigeon","address":"","direction":"","audience":"","owner":"","purpose":"","review_due":"x"}`, nil, 422, "pigeon"},
		} {
			resp, text := o.do(t, x.who, x.method, prefix+x.path, x.body, x.header...)
			if resp.StatusCode != x.status || !strings.Contains(text, x.says) || resp.Header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("%s %s %.60s: %d %.300s", x.method, x.path, x.body, resp.StatusCode, text)
			}
		}
		if o.log.Len() > 0 {
			t.Errorf("bad input is no fault of ours: %s", o.log)
		}
	})
}

func TestReportWithFile(t *testing.T) {
	one(t, func(t *testing.T, o *office) {
		o.approved(t, channel.Terms{Name: "Hotline", Kind: channel.API, Address: "hotline", Direction: channel.Inbound, Reply: o.mail.ID})
		body := `{"channel":"hotline","anonymous":true,"text":"Somebody called.","files":[{"name":"bob.txt","type":"text/plain","content":"aGVsbG8="}]}`
		resp, text := o.do(t, "ann", "POST", prefix+"/reports", body)
		if resp.StatusCode != http.StatusCreated || !strings.Contains(text, `"code":"`) {
			t.Fatalf("%d %s", resp.StatusCode, text)
		}
		said, err := o.as("ann").Communications(t.Context(), "C-2026-000001")
		if err != nil || len(said) != 1 || len(said[0].Attachments) != 1 || said[0].Attachments[0].Name != "attachment-1.txt" {
			t.Fatalf("%+v %v", said, err)
		}
		var file bytes.Buffer
		if err := o.as("ann").File(t.Context(), said[0].ID, 0, &file); err != nil || file.String() != "hello" {
			t.Errorf("file %q %v", file.String(), err)
		}
	})
}

// TestPause stops a clock for a reason and lets it run.
func TestPause(t *testing.T) {
	one(t, func(t *testing.T, o *office) {
		at := prefix + "/cases/" + o.received(t, "a").Number
		var c Case
		for _, x := range []struct {
			path, body string
			status     int
			says       string
		}{
			{"/pause", `{"reason":" "}`, 422, "reason"},
			{"/resumption", "", 409, "does not stand still"},
			{"/pause", `{"reason":"Waiting for the reporter."}`, 200, ""},
			{"/pause", `{"reason":"Waiting for the reporter."}`, 409, "stands still already"},
			{"/resumption", "", 200, ""},
		} {
			resp, text := o.do(t, "ann", "POST", at+x.path, x.body)
			if resp.StatusCode != x.status || !strings.Contains(text, x.says) {
				t.Fatalf("%s %s: %d %s", x.path, x.body, resp.StatusCode, text)
			}
			if resp.StatusCode == 200 {
				if err := json.Unmarshal([]byte(text), &c); err != nil || len(c.Pauses) != 1 || c.Pauses[0].Reason != "Waiting for the reporter." ||
					c.Pauses[0].To.IsZero() != (x.path == "/pause") || c.DueAt.IsZero() != (x.path == "/pause") {
					t.Errorf("%s: %v %+v", x.path, err, c)
				}
			}
		}
		if resp, _ := o.do(t, "aud", "POST", at+"/pause", `{"reason":"x"}`); resp.StatusCode != 403 && resp.StatusCode != 401 {
			t.Errorf("an auditor may: %d", resp.StatusCode)
		}
	})
}

func TestChannelByTwo(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		type channelView struct {
			ID      string
			Version int64
			State   string
		}
		terms := map[string]any{"name": "Privacy", "kind": "email", "address": "privacy@org.example", "direction": "both", "audience": "customers",
			"owner": o.ids["leo"], "purpose": "requests of data subjects", "review_due": "2027-01-31"}
		var c channelView
		if err := o.as("leo").Call(t.Context(), "POST", "/channels", nil, "", terms, &c); err != nil || c.State != "proposed" {
			t.Fatalf("%+v %v", c, err)
		}
		approve := "/channels/" + c.ID + "/approval"
		version := map[string]int64{"version": c.Version}
		if err := o.as("leo").Call(t.Context(), "POST", approve, nil, "", version, nil); client.Status(err) != http.StatusForbidden {
			t.Errorf("approved by who proposed: %v", err)
		}
		if err := o.as("ann").Call(t.Context(), "PUT", "/channels/"+c.ID, nil, "", map[string]any{"version": c.Version, "terms": terms}, &c); err != nil {
			t.Fatal(err)
		}
		if err := o.as("leo").Call(t.Context(), "POST", approve, nil, "", version, nil); client.Status(err) == 0 {
			t.Errorf("approved though it was changed meanwhile: %v", err)
		}
		var all struct{ Channels []channelView }
		if err := o.as("ann").Call(t.Context(), "GET", "/channels", nil, "", nil, &all); err != nil || len(all.Channels) != 2 {
			t.Errorf("%+v %v", all, err)
		}
	})
}

func TestExportIsNeutral(t *testing.T) {
	one(t, func(t *testing.T, o *office) {
		m := strings.Replace(message("a"), "Vulnerability in your login", "=HYPERLINK(\"http://evil.example\";\"x\")", 1)
		if _, err := o.as("operator").Receive(t.Context(), security, "import", strings.NewReader(m)); err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := o.as("operator").Export(t.Context(), "", "", "csv", &out); err != nil {
			t.Fatal(err)
		}
		golden(t, "export.csv", out.Bytes())
		out.Reset()
		if err := o.as("operator").Export(t.Context(), "", "", "jsonl", &out); err != nil {
			t.Fatal(err)
		}
		golden(t, "export.jsonl", out.Bytes())
	})
}

// TestExportIsCut holds that an export which cannot be whole does not look so.
func TestExportIsCut(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		long := message("a") + strings.Repeat("A long text that is kept apart. ", 10_000)
		if _, err := o.as("operator").Receive(t.Context(), security, "import", strings.NewReader(long)); err != nil {
			t.Fatal(err)
		}
		if _, err := o.as("operator").Receive(t.Context(), security, "import", strings.NewReader(strings.Replace(long, "<a@", "<b@", 1))); err != nil {
			t.Fatal(err)
		}
		said, err := o.desks.Intake.Communications(t.Context(), mustCase(t, o, "C-2026-000002"))
		if err != nil || said[0].TextBlob.IsZero() {
			t.Fatalf("the text is not kept apart: %v", err)
		}
		name := said[0].TextBlob.Name
		if err := os.Remove(filepath.Join(o.Dir, "blobs", name[:2], name)); err != nil {
			t.Fatal(err)
		}
		o.Spoilt = true
		var out bytes.Buffer
		if err := o.as("operator").Export(t.Context(), "", "", "jsonl", &out); err == nil {
			t.Errorf("half an export of %d bytes looks whole", out.Len())
		}
		v, err := o.as("operator").Verify(t.Context(), client.Full, nil)
		if err != nil || v.OK || v.Problem == "" {
			t.Errorf("verification %+v %v", v, err)
		}
	})
}

func mustCase(t testing.TB, o *office, number string) string {
	t.Helper()
	c, err := o.desks.Intake.Case(t.Context(), number)
	if err != nil {
		t.Fatal(err)
	}
	return c.ID
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v (run with -update to write it)", err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s differs (-want +got):\n%s", name, diff)
	}
}
