package triage_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"example.org/countersign/internal/channel"
	"example.org/countersign/internal/dbtest"
	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/jobs"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/people"
	"example.org/countersign/internal/policy"
	"example.org/countersign/internal/rules"
	"example.org/countersign/internal/triage"
)

const security = "security@org.example"

// office is an installation with a channel, the default policies and people.
type office struct {
	*triage.Desk
	env      *dbtest.Env
	intake   *intake.Desk
	ann, leo ledger.Actor
	auditor  string // id
}

func each(t *testing.T, f func(t *testing.T, o *office)) {
	t.Helper()
	var kinds []ledger.Records
	for _, k := range [][]ledger.Records{intake.Records(), policy.Records(), channel.Records(), people.Records(), jobs.Records()} {
		kinds = append(kinds, k...)
	}
	dbtest.Each(t, kinds, nil, func(t *testing.T, e *dbtest.Env) {
		persons, err := people.New(t.Context(), e.Ledger, e.Keys, people.Options{})
		if err != nil {
			t.Fatal(err)
		}
		policies, channels := policy.New(e.Ledger, persons), channel.New(e.Ledger)
		if err := policies.Seed(t.Context()); err != nil {
			t.Fatal(err)
		}
		o := &office{env: e, intake: intake.New(e.Ledger, channels, policies, intake.Options{Keys: e.Keys})}
		o.Desk = triage.New(o.intake, persons)
		o.ann = ledger.Actor{ID: enrol(t, e, "ann", people.Analyst), Role: "analyst"}
		o.leo = ledger.Actor{ID: enrol(t, e, "leo", people.Lead), Role: "lead"}
		o.auditor = enrol(t, e, "ada", people.Auditor)
		c, err := channels.Add(t.Context(), o.ann, channel.Terms{Name: "Security", Kind: channel.Email, Address: security, Direction: channel.Both,
			Audience: "public", Owner: o.leo.ID, Purpose: "reports", ReviewDue: "2027-01-31"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := channels.Approve(t.Context(), o.leo, c.ID, c.Entry); err != nil {
			t.Fatal(err)
		}
		f(t, o)
	})
}

func enrol(t *testing.T, e *dbtest.Env, name string, role people.Role) string {
	t.Helper()
	p := &people.Person{Name: name, Email: name + "@org.example", Roles: []people.Role{role}, Active: true}
	if err := e.Write(t.Context(), ledger.System, func(_ context.Context, tx *ledger.Tx) error {
		return people.Persons.Put(tx, p, ledger.Do("enrolled", "CC6.2"))
	}); err != nil {
		t.Fatal(err)
	}
	return p.ID
}

func (o *office) receive(t *testing.T, subject string) *intake.Case {
	t.Helper()
	r, err := o.intake.Receive(t.Context(), intake.Incoming{Channel: security, Source: intake.FromSMTP, From: "rita@example.com",
		Raw: strings.NewReader("From: rita@example.com\r\nMessage-ID: <" + strings.ReplaceAll(subject, " ", ".") + "@example.com>\r\nSubject: " + subject + "\r\n\r\nx\r\n")})
	if err != nil {
		t.Fatal(err)
	}
	return o.load(t, r.Case)
}

func (o *office) load(t *testing.T, id string) *intake.Case {
	t.Helper()
	c, err := o.intake.Case(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func is(err error, k fault.Kind) bool {
	got, _ := fault.Of(err)
	return err != nil && got == k
}

// day is an instant of September 2026.
func day(d, hour, minute int) int64 {
	return time.Date(2026, 9, d, hour, minute, 0, 0, time.UTC).UnixMicro()
}

func TestClassify(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		c := o.receive(t, "Invoice 17") // by rule: billing, low
		if c.Severity != rules.Low || c.DueAt != day(22, 9, 30) {
			t.Fatalf("received as %+v", c)
		}
		worse := triage.Change{Category: rules.Incident, Urgency: rules.UrgencyImmediate, Impact: 4, Likelihood: 4, Reason: "the invoice is forged"}
		with := func(f func(*triage.Change)) triage.Change { x := worse; f(&x); return x }
		o.env.Clock.Advance(time.Hour)
		for _, step := range []struct {
			name   string
			actor  ledger.Actor
			change triage.Change
			kind   fault.Kind // Internal: it succeeds
			want   rules.Severity
			due    int64
		}{
			{"without a reason", o.ann, with(func(x *triage.Change) { x.Reason = " " }), fault.Invalid, rules.Low, day(22, 9, 30)},
			{"no category", o.ann, with(func(x *triage.Change) { x.Category = "" }), fault.Invalid, rules.Low, day(22, 9, 30)},
			{"senseless category", o.ann, with(func(x *triage.Change) { x.Category = "<b>" }), fault.Invalid, rules.Low, day(22, 9, 30)},
			{"senseless urgency", o.ann, with(func(x *triage.Change) { x.Urgency = "now" }), fault.Invalid, rules.Low, day(22, 9, 30)},
			{"impact 5", o.ann, with(func(x *triage.Change) { x.Impact = 5 }), fault.Invalid, rules.Low, day(22, 9, 30)},
			{"likelihood 0", o.ann, with(func(x *triage.Change) { x.Likelihood = 0 }), fault.Invalid, rules.Low, day(22, 9, 30)},
			{"endless reason", o.ann, with(func(x *triage.Change) { x.Reason = strings.Repeat("x", 5000) }), fault.Invalid, rules.Low, day(22, 9, 30)},
			// Four hours from receipt, day and night, not from now.
			{"worse", o.ann, worse, fault.Internal, rules.Critical, day(15, 13, 30)},
			{"the same once more", o.ann, worse, fault.Conflict, rules.Critical, day(15, 13, 30)},
			{"confirmed by another", o.leo, with(func(x *triage.Change) { x.Reason = "" }), fault.Internal, rules.Critical, day(15, 13, 30)},
			{"less", o.leo, with(func(x *triage.Change) { x.Impact, x.Reason = 2, "one customer only" }), fault.Internal, rules.High, day(16, 9, 30)},
		} {
			_, err := o.Classify(t.Context(), step.actor, c.ID, step.change)
			if step.kind == fault.Internal && err != nil || step.kind != fault.Internal && !is(err, step.kind) {
				t.Errorf("%s: %v", step.name, err)
			}
			if got := o.load(t, c.ID); got.Severity != step.want || got.DueAt != step.due || step.kind == fault.Internal && (got.ClassifiedBy != step.actor.ID || got.Category != rules.Incident) {
				t.Errorf("%s: %s by %s, due %v", step.name, got.Severity, got.ClassifiedBy, time.UnixMicro(got.DueAt).UTC())
			}
		}
		if err := o.intake.Dispose(t.Context(), o.ann, c.ID, rules.Spam, "it was spam"); err != nil {
			t.Fatal(err)
		}
		if got, err := o.Classify(t.Context(), o.ann, c.ID, worse); err != nil || got.DueAt != 0 {
			t.Errorf("what is set aside has a clock: %+v, %v", got, err)
		}
		if err := o.intake.Restore(t.Context(), o.ann, c.ID, "it was not"); err != nil {
			t.Fatal(err)
		}
		if got := o.load(t, c.ID); got.DueAt != day(15, 13, 30) {
			t.Errorf("restored, due %v", time.UnixMicro(got.DueAt).UTC())
		}
		if err := o.intake.Close(t.Context(), o.ann, c.ID, 0, "done"); err != nil {
			t.Fatal(err)
		}
		if _, err := o.Classify(t.Context(), o.leo, c.ID, worse); !is(err, fault.Conflict) {
			t.Errorf("a closed case: %v", err)
		}
		if _, err := o.Classify(t.Context(), o.leo, "C-2026-000099", worse); !is(err, fault.NotFound) {
			t.Errorf("no case: %v", err)
		}
	})
}

func TestAssign(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		c := o.receive(t, "Question")
		for _, step := range []struct {
			name, person string
			kind         fault.Kind
			want         string
		}{
			{"to the lead", o.leo.ID, fault.Internal, o.leo.ID},
			{"to the lead again", o.leo.ID, fault.Conflict, o.leo.ID},
			{"to the auditor", o.auditor, fault.Invalid, o.leo.ID},
			{"to nobody known", "nobody", fault.NotFound, o.leo.ID},
			{"to nobody", "", fault.Internal, ""},
		} {
			_, err := o.Assign(t.Context(), o.ann, c.Number, step.person)
			if step.kind == fault.Internal && err != nil || step.kind != fault.Internal && !is(err, step.kind) {
				t.Errorf("%s: %v", step.name, err)
			}
			if got := o.load(t, c.ID).Assignee; got != step.want {
				t.Errorf("%s: assigned to %q", step.name, got)
			}
		}
	})
}

func TestPause(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		c := o.receive(t, "Phishing in your name") // moderate: two working days
		if c.DueAt != day(17, 9, 30) {
			t.Fatalf("due %v", time.UnixMicro(c.DueAt).UTC())
		}
		if _, err := o.Resume(t.Context(), o.ann, c.ID); !is(err, fault.Conflict) {
			t.Errorf("resumed what runs: %v", err)
		}
		if _, err := o.Pause(t.Context(), o.ann, c.ID, ""); !is(err, fault.Invalid) {
			t.Errorf("paused without a reason: %v", err)
		}
		if got, err := o.Pause(t.Context(), o.ann, c.ID, "we asked for the mail itself"); err != nil || got.DueAt != 0 || !got.Paused() {
			t.Fatalf("paused: %+v, %v", got, err)
		}
		if _, err := o.Pause(t.Context(), o.ann, c.ID, "twice"); !is(err, fault.Conflict) {
			t.Errorf("paused twice: %v", err)
		}
		o.env.Clock.Advance(2 * time.Hour)
		if got, err := o.Resume(t.Context(), o.ann, c.ID); err != nil || got.DueAt != day(17, 11, 30) || got.Pauses[0].Reason == "" {
			t.Errorf("resumed: %+v, %v", got, err)
		}
		if _, err := o.Pause(t.Context(), o.ann, c.ID, "another question"); err != nil {
			t.Fatal(err)
		}
		o.env.Clock.Advance(time.Hour)
		if _, err := o.intake.Receive(t.Context(), intake.Incoming{Channel: security, Source: intake.FromSMTP, From: "rita@example.com",
			Raw: strings.NewReader("From: rita@example.com\r\nSubject: " + c.Number + "\r\n\r\nHere is the mail.\r\n")}); err != nil {
			t.Fatal(err)
		}
		if got := o.load(t, c.ID); got.Paused() || got.DueAt != day(17, 12, 30) {
			t.Errorf("the reply did not end the pause: %+v", got)
		}
		o.env.Clock.Advance(30 * 24 * time.Hour)
		if _, err := o.Pause(t.Context(), o.ann, c.ID, "to look better"); !is(err, fault.Conflict) {
			t.Errorf("paused when late: %v", err)
		}
	})
}

// Triage by several people at once loses nobody's act.
func TestAtOnce(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		c := o.receive(t, "Question")
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				ch := triage.Change{Category: rules.Support, Urgency: rules.UrgencyNormal, Impact: 1 + i%4, Likelihood: 1, Reason: fmt.Sprint("reason ", i)}
				if _, err := o.Classify(t.Context(), ledger.Actor{ID: fmt.Sprint("p", i), Role: "analyst"}, c.ID, ch); err != nil {
					t.Error(err)
				}
			})
			wg.Go(func() {
				if _, err := o.intake.Note(t.Context(), o.ann, c.ID, "note"); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		history, err := intake.Cases.History(t.Context(), o.env, c.ID)
		if err != nil || len(history) != 17 || o.load(t, c.ID).Communications != 9 {
			t.Errorf("%d versions, %v, case %+v", len(history), err, o.load(t, c.ID))
		}
	})
}
