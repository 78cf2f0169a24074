package apptest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"example.org/countersign/internal/app"
	"example.org/countersign/internal/backup"
	"example.org/countersign/internal/channel"
	"example.org/countersign/internal/demo"
	"example.org/countersign/internal/evidence"
	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/jobs"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/people"
	"example.org/countersign/internal/policy"
	"example.org/countersign/internal/recovery"
	"example.org/countersign/internal/response"
	"example.org/countersign/internal/retention"
	"example.org/countersign/internal/selfcheck"
	"example.org/countersign/internal/timestamp"
)

// variety is an installation with at least two records of every kind, all of
// them made through the doors of the product: the demonstration, and what does
// not happen in it.
type variety struct {
	*demo.Demo
	t        *testing.T
	cfg      app.Config
	lead     *people.Identity
	second   *people.Identity
	legal    *people.Identity
	pack     []byte // an evidence package of part of its time
	detached string // name of the file of an attachment that only an older version has
}

func newVariety(t *testing.T, cfg app.Config) *variety {
	t.Helper()
	d := demonstration(t, cfg)
	v := &variety{Demo: d, t: t, cfg: cfg}
	v.lead, v.second, v.legal = v.signIn(people.Lead, 0), v.signIn(people.Lead, 1), v.signIn(people.Legal, 0)
	a := d.App
	for _, step := range []func(){v.mail, v.replace, v.tokens, v.deadLetters, v.drills, v.timestamps, v.holds, v.erase, v.dispose, v.recover, v.packages} {
		step()
	}
	for range 2 {
		_, err := a.SelfCheck.Run(t.Context())
		v.must(err)
	}
	return v
}

func (v *variety) must(err error) {
	v.t.Helper()
	if err != nil {
		v.t.Fatal(err)
	}
}

// signIn signs in the n-th person who has a role.
func (v *variety) signIn(role people.Role, n int) *people.Identity {
	v.t.Helper()
	all, err := v.App.People.List(v.t.Context())
	v.must(err)
	all = slices.DeleteFunc(all, func(p *people.Person) bool { return !p.Has(role) })
	code, err := v.App.People.NewSignInLink(v.t.Context(), all[n].ID)
	v.must(err)
	_, who, err := v.App.People.SignInLink(v.t.Context(), code, people.Client{Agent: "test"})
	v.must(err)
	return who
}

// mail sends what is too large for a document, with files.
func (v *variety) mail() {
	channels, err := v.App.Channels.List(v.t.Context(), v.App.Ledger)
	v.must(err)
	address := channels[slices.IndexFunc(channels, func(c *channel.Channel) bool { return strings.Contains(c.Address, "@") })].Address
	for i := range 3 {
		var b bytes.Buffer
		fmt.Fprintf(&b, "From: <large%d@sender.example>\r\nTo: <%s>\r\nSubject: Large %d\r\nMessage-ID: <large-%d@sender.example>\r\nContent-Type: multipart/mixed; boundary=part\r\n\r\n", i, address, i, i)
		b.WriteString("--part\r\nContent-Type: text/plain\r\n\r\n" + strings.Repeat("The log of the night, line by line, as it was.\r\n", 2000))
		for k := range 2 {
			fmt.Fprintf(&b, "--part\r\nContent-Type: text/plain; name=f%d.txt\r\nContent-Disposition: attachment; filename=f%d.txt\r\n\r\n%s\r\n", k, k, strings.Repeat(fmt.Sprintf("file %d of %d ", k, i), 100))
		}
		b.WriteString("--part--\r\n")
		_, err := v.App.Intake.Receive(v.t.Context(), intake.Incoming{Channel: address, Source: intake.FromSMTP, From: "large@sender.example", To: []string{address}, Raw: &b})
		v.must(err)
	}
}

// replace attaches a file to an answer and takes it off again: only an older
// version refers to it.
func (v *variety) replace() {
	drafts, err := response.Responses.Select(v.t.Context(), v.App.Ledger, `WHERE r.state = 'draft' ORDER BY r.id`)
	v.must(err)
	r, err := v.App.Responses.Attach(v.t.Context(), v.lead, drafts[0].ID, drafts[0].Entry, "draft.txt", "text/plain", strings.NewReader("only of a while"))
	v.must(err)
	v.detached = r.Attachments[0].Blob.Name
	_, err = v.App.Responses.Detach(v.t.Context(), v.lead, r.ID, r.Entry, 0)
	v.must(err)
}

func (v *variety) tokens() {
	for _, name := range []string{"reports", "export"} {
		_, _, err := v.App.People.NewToken(v.t.Context(), v.lead, name, []people.Role{people.Lead}, v.App.Ledger.Now().AddDate(0, 1, 0), false)
		v.must(err)
	}
}

// deadLetters gives jobs up.
func (v *variety) deadLetters() {
	for _, key := range []string{"one", "two"} {
		v.must(v.App.Ledger.Write(v.t.Context(), ledger.System, func(_ context.Context, tx *ledger.Tx) error {
			return jobs.Enqueue(tx, "of-another-release", key, time.Time{})
		}))
		v.must(v.App.Ledger.Write(v.t.Context(), ledger.System, func(ctx context.Context, tx *ledger.Tx) error {
			return jobs.GiveUp(ctx, tx, "of-another-release", key, "nobody knows how to do this")
		}))
	}
}

func (v *variety) drills() {
	for range 2 {
		v.must(v.App.Backup.Record(v.t.Context(), v.lead.Actor(people.Lead), &backup.Drill{Outcome: backup.Failed, Finding: "the disk was too small", Micros: 1}))
	}
}

// timestamps keeps what an authority could have sent.
func (v *variety) timestamps() {
	for _, day := range []string{"2026-09-29", "2026-09-30"} {
		cp, err := v.App.Ledger.Checkpoint(v.t.Context())
		v.must(err)
		v.must(v.App.Ledger.Write(v.t.Context(), ledger.System, func(_ context.Context, tx *ledger.Tx) error {
			return timestamp.Stamps.Put(tx, &timestamp.Stamp{Day: day, At: tx.Now.UnixMicro(), Time: tx.Now.UnixMicro(), Authority: "https://timestamp.example/tsr",
				Signer: "CN=Authority", Serial: "77", Policy: "1.2.3.4.1", Size: cp.Size, Checkpoint: string(cp.Signed), Token: []byte("token of " + day)},
				ledger.Do("obtained", "CC7.1", "PI1.5"))
		}))
	}
}

func (v *variety) holds() {
	for _, terms := range []retention.Terms{
		{Party: "@halden-energi.example", Reason: "Claim of a customer"},
		{Query: "state=all&category=incident", Reason: "Enquiry of an authority"},
	} {
		_, err := v.App.Retention.Place(v.t.Context(), v.legal, terms)
		v.must(err)
	}
}

// erase has two cases forgotten on request: one wholly, one without who it was.
func (v *variety) erase() {
	ctx := v.t.Context()
	cases, err := intake.Cases.Select(ctx, v.App.Ledger, `WHERE r.state = 'answered' ORDER BY r.number`)
	v.must(err)
	parts := []intake.Part{intake.Content, intake.Identity}
	for _, c := range cases {
		if len(parts) == 0 {
			return
		}
		plan, err := v.App.Retention.Plan(ctx, retention.Ask{Case: c.ID, Part: parts[0]})
		v.must(err)
		if len(plan.Holds) > 0 || len(plan.Open) > 0 {
			continue
		}
		e, err := v.App.Retention.Request(ctx, v.lead, plan.Ask, "Art. 17 GDPR", "known to the lead", plan.Hash)
		v.must(err)
		_, err = v.App.Retention.Approve(ctx, v.legal, e.ID, e.ListHash)
		v.must(err)
		v.must(v.App.Retention.Erase(ctx, jobs.Job{Key: e.ID}))
		parts = parts[1:]
	}
	v.t.Fatal("no case can be erased")
}

// dispose shortens the schedule and lets go what is due by it.
func (v *variety) dispose() {
	ctx := v.t.Context()
	schedule := policy.DefaultRetention()
	for i := range schedule.Rules {
		if schedule.Rules[i].Then != policy.KeepForever {
			schedule.Rules[i].Years, schedule.Rules[i].Months = 0, 1
		}
	}
	body, err := json.Marshal(schedule)
	v.must(err)
	p, err := v.App.Policies.Draft(ctx, v.lead, policy.KindRetention, "", policy.Change{Body: body, Rationale: "Shorter"})
	v.must(err)
	_, err = v.App.Policies.Approve(ctx, v.second, p.ID, time.Time{})
	v.must(err)
	var run *retention.Disposal
	for range 2 { // the first is given up
		if run != nil {
			_, err = v.App.Retention.EndRun(ctx, v.lead, run.ID, "Once more")
			v.must(err)
		}
		preview, err := v.App.Retention.Preview(ctx, nil)
		v.must(err)
		exclude := map[string]string{}
		for _, x := range preview.Cases[3:] {
			exclude[x.Case] = "in dispute"
		}
		preview, err = v.App.Retention.Preview(ctx, exclude)
		v.must(err)
		run, err = v.App.Retention.Propose(ctx, v.lead, exclude, preview.ListHash)
		v.must(err)
	}
	_, err = v.App.Retention.ApproveRun(ctx, v.legal, run.ID, run.ListHash)
	v.must(err)
	v.must(v.App.Retention.Dispose(ctx, jobs.Job{Key: run.ID}))
	_, err = v.App.Ledger.FinishErasures(ctx)
	v.must(err)
}

// recover accepts losses: the log goes on under other names.
func (v *variety) recover() {
	desk := recovery.New(v.App.Ledger, v.cfg.Data, slog.New(slog.DiscardHandler))
	for range 2 {
		v.must(v.App.Ledger.Halt(v.t.Context(), "witnesses have seen more"))
		_, err := desk.Accept(v.t.Context(), v.lead.Actor(people.Lead), "The newer data cannot be brought back.")
		v.must(err)
	}
}

// packages makes two, and keeps the second.
func (v *variety) packages() {
	now := v.App.Ledger.Now()
	for range 2 {
		var out bytes.Buffer
		_, err := v.App.Evidence.Build(v.t.Context(), v.lead.Actor(people.Lead), evidence.Period{From: now.AddDate(0, 0, -40), To: now.AddDate(0, 0, -10)},
			evidence.BuildOptions{WithRaw: true}, &out, nil)
		v.must(err)
		v.pack = out.Bytes()
	}
}

// untouched checks that the record holds, and goes on.
func (v *variety) untouched() {
	v.t.Helper()
	_, err := v.App.Ledger.Verify(v.t.Context(), ledger.Options{Full: true})
	v.must(err)
	check, err := v.App.SelfCheck.Run(v.t.Context())
	v.must(err)
	if check.Outcome != selfcheck.Intact {
		v.t.Error(check.Finding)
	}
}
