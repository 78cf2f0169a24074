package policy_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"example.org/countersign/internal/clock"
	"example.org/countersign/internal/dbtest"
	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/jobs"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/people"
	"example.org/countersign/internal/policy"
	"example.org/countersign/internal/rules"
)

// house is an installation with people and the shipped policies.
type house struct {
	*policy.Desk
	env               *dbtest.Env
	runner            *jobs.Runner
	ann, leo, lia, ed *people.Identity // analyst, leads, administrator
}

func each(t *testing.T, f func(t *testing.T, h *house)) {
	t.Helper()
	kinds := append(append(policy.Records(), people.Records()...), jobs.Records()...)
	dbtest.Each(t, kinds, nil, func(t *testing.T, e *dbtest.Env) {
		persons, err := people.New(t.Context(), e.Ledger, e.Keys, people.Options{})
		if err != nil {
			t.Fatal(err)
		}
		h := &house{Desk: policy.New(e.Ledger, persons), env: e}
		h.runner = jobs.New(e.Ledger, map[string]jobs.Handler{policy.EffectJob: h.TakeEffect}, nil)
		h.ann, h.leo, h.lia, h.ed = enrol(t, e, "ann", people.Analyst), enrol(t, e, "leo", people.Lead), enrol(t, e, "lia", people.Lead), enrol(t, e, "ed", people.Admin)
		if err := h.Seed(t.Context()); err != nil {
			t.Fatal(err)
		}
		f(t, h)
	})
}

func enrol(t *testing.T, e *dbtest.Env, name string, role people.Role) *people.Identity {
	t.Helper()
	p := &people.Person{Name: name, Email: name + "@org.example", Roles: []people.Role{people.Staff, role}, Active: true, ApproverSince: 1}
	if err := e.Write(t.Context(), ledger.System, func(_ context.Context, tx *ledger.Tx) error {
		return people.Persons.Put(tx, p, ledger.Do("enrolled", "CC6.2"))
	}); err != nil {
		t.Fatal(err)
	}
	return &people.Identity{ID: p.ID, Name: name, Email: p.Email, Roles: p.Roles, Session: "s", Approves: true}
}

func is(err error, k fault.Kind) bool {
	got, _ := fault.Of(err)
	return err != nil && got == k
}

func body(t *testing.T, v any) json.RawMessage {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// targets is an SLA with one target for all.
func targets(minutes int) policy.SLA {
	s := policy.DefaultSLA()
	for k := range s.FirstResponse {
		s.FirstResponse[k] = policy.Target{Minutes: minutes, Calendar: true}
	}
	return s
}

func (h *house) force(t *testing.T) *policy.Set {
	t.Helper()
	s, err := h.InForce(t.Context(), h.env)
	if err != nil || len(s.Problems) > 0 {
		t.Fatalf("in force: %v, %q", err, s.Problems)
	}
	return s
}

func TestSeed(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		s := h.force(t)
		if s.Rules == nil || s.RulesVersion != "rules/1" || s.SeverityVersion != "severity/1" || s.ApprovalVersion != "approval/1" || s.SLAVersion != "sla/1" || len(s.Criteria) != 1 {
			t.Errorf("in force: %+v", s)
		}
		for _, language := range []string{"en", "de", "fr", "es", "", "xx"} {
			if c, ok := s.Template("confirmation", language); !ok || language != "" && language != "xx" && c.Language != language {
				t.Errorf("confirmation in %q: %+v", language, c)
			}
		}
		if err := h.Seed(t.Context()); err != nil {
			t.Fatal(err)
		}
		all, err := h.List(t.Context(), h.env)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range all {
			if p.Version != 1 || p.State != policy.InForce || !p.Shipped || p.ReviewDue != "2026-12-15" || p.ApprovedBy != "" {
				t.Errorf("seeded %+v", p)
			}
			if at, err := h.At(t.Context(), h.env, p.Label()); err != nil || at.ID != p.ID {
				t.Errorf("%s is not found by its label: %v", p.Label(), err)
			}
		}
	})
}

// TestVersions holds that versions have no gaps, however many write at once,
// and whatever fails.
func TestVersions(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		change := policy.Change{Body: body(t, targets(60)), Rationale: "Customers expect an hour."}
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if i%4 == 0 {
					cancel()
				}
				if _, err := h.Draft(ctx, h.ann, policy.KindSLA, "", change); (err != nil) != (i%4 == 0) {
					t.Errorf("draft %d: %v", i, err)
				}
			})
		}
		wg.Wait()
		refused := errors.New("refused")
		if err := h.env.Write(t.Context(), ledger.System, func(ctx context.Context, tx *ledger.Tx) error {
			if err := policy.Policies.Put(tx, &policy.Policy{Kind: policy.KindSLA, Version: 17, State: policy.Draft}, ledger.Do("drafted")); err != nil {
				return err
			}
			return refused
		}); !errors.Is(err, refused) {
			t.Fatal(err)
		}
		p, err := h.Draft(t.Context(), h.ann, policy.KindSLA, "", change)
		if err != nil || p.Version != 17 { // after the shipped one, and fifteen
			t.Errorf("after what failed: %+v, %v", p, err)
		}
		for v := range int64(17) {
			if _, err := h.At(t.Context(), h.env, fmt.Sprintf("sla/%d", v+1)); err != nil {
				t.Errorf("version %d: %v", v+1, err)
			}
		}
	})
}

func TestLifeOfAVersion(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		change := policy.Change{Body: body(t, targets(60)), Rationale: "Customers expect an hour."}
		var p *policy.Policy
		now := time.Time{}
		for _, step := range []struct {
			name string
			act  func() error
			kind fault.Kind // Internal: it succeeds
			sla  string     // in force afterwards
		}{
			{"drafted by an administrator", func() error { _, err := h.Draft(ctx, h.ed, policy.KindSLA, "", change); return err }, fault.Denied, "sla/1"},
			{"drafted by nobody", func() error { _, err := h.Draft(ctx, nil, policy.KindSLA, "", change); return err }, fault.Denied, "sla/1"},
			{"drafted with a name", func() error { _, err := h.Draft(ctx, h.ann, policy.KindSLA, "mine", change); return err }, fault.Invalid, "sla/1"},
			{"drafted", func() (err error) { p, err = h.Draft(ctx, h.ann, policy.KindSLA, "", change); return err }, fault.Internal, "sla/1"},
			{"edited by a lead", func() error {
				_, err := h.Edit(ctx, h.leo, p.ID, policy.Change{Body: body(t, targets(90)), Rationale: "An hour and a half."})
				return err
			}, fault.Internal, "sla/1"},
			{"edited into nonsense", func() error {
				_, err := h.Edit(ctx, h.leo, p.ID, policy.Change{Body: body(t, targets(0)), Rationale: "x"})
				return err
			}, fault.Invalid, "sla/1"},
			{"approved by its author", func() error { _, err := h.Approve(ctx, h.leo, p.ID, now); return err }, fault.Denied, "sla/1"},
			{"approved by an analyst", func() error { _, err := h.Approve(ctx, h.ann, p.ID, now); return err }, fault.Denied, "sla/1"},
			{"reviewed before", func() error { return h.Reviewed(ctx, h.lia, p.ID, "2027-01-01") }, fault.Conflict, "sla/1"},
			{"approved by the other lead", func() error { _, err := h.Approve(ctx, h.lia, p.ID, now); return err }, fault.Internal, "sla/2"},
			{"approved twice", func() error { _, err := h.Approve(ctx, h.lia, p.ID, now); return err }, fault.Conflict, "sla/2"},
			{"edited after", func() error { _, err := h.Edit(ctx, h.ann, p.ID, change); return err }, fault.Conflict, "sla/2"},
			{"withdrawn while in force", func() error { return h.Withdraw(ctx, h.lia, p.ID, "x") }, fault.Conflict, "sla/2"},
			{"reviewed", func() error { return h.Reviewed(ctx, h.lia, p.ID, "2027-06-30") }, fault.Internal, "sla/2"},
			{"reviewed for ever", func() error { return h.Reviewed(ctx, h.lia, p.ID, "2099-06-30") }, fault.Invalid, "sla/2"},
			{"next one", func() (err error) { p, err = h.Draft(ctx, h.lia, policy.KindSLA, "", change); return err }, fault.Internal, "sla/2"},
			{"approved for next month", func() error {
				_, err := h.Approve(ctx, h.leo, p.ID, h.env.Now().AddDate(0, 1, 0))
				return err
			}, fault.Internal, "sla/2"},
			{"a day later", func() error { h.env.Clock.Advance(24 * time.Hour); _, err := h.runner.RunDue(ctx); return err }, fault.Internal, "sla/2"},
			{"a month later", func() error { h.env.Clock.Advance(31 * 24 * time.Hour); _, err := h.runner.RunDue(ctx); return err }, fault.Internal, "sla/3"},
			{"another for next month", func() (err error) {
				if p, err = h.Draft(ctx, h.lia, policy.KindSLA, "", change); err == nil {
					_, err = h.Approve(ctx, h.leo, p.ID, h.env.Now().AddDate(0, 1, 0))
				}
				return err
			}, fault.Internal, "sla/3"},
			{"withdrawn by an analyst", func() error { return h.Withdraw(ctx, h.ann, p.ID, "x") }, fault.Denied, "sla/3"},
			{"withdrawn without a reason", func() error { return h.Withdraw(ctx, h.leo, p.ID, " ") }, fault.Invalid, "sla/3"},
			{"withdrawn", func() error { return h.Withdraw(ctx, h.leo, p.ID, "we thought again") }, fault.Internal, "sla/3"},
			{"two months later", func() error { h.env.Clock.Advance(62 * 24 * time.Hour); _, err := h.runner.RunDue(ctx); return err }, fault.Internal, "sla/3"},
		} {
			err := step.act()
			if step.kind == fault.Internal && err != nil || step.kind != fault.Internal && !is(err, step.kind) {
				t.Errorf("%s: %v", step.name, err)
			}
			if got := h.force(t).SLAVersion; got != step.sla {
				t.Errorf("%s: %s is in force, want %s", step.name, got, step.sla)
			}
		}
		if dead, err := h.runner.Dead(ctx); err != nil || len(dead) > 0 {
			t.Errorf("dead letters: %+v, %v", dead, err)
		}
		first, err := h.At(ctx, h.env, "sla/1")
		if err != nil || first.State != policy.Superseded || first.EndedAt == 0 {
			t.Errorf("the first version: %+v, %v", first, err)
		}
	})
}

func TestSuspendedApprover(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		p, err := h.Draft(t.Context(), h.ann, policy.KindSLA, "", policy.Change{Body: body(t, targets(60)), Rationale: "x"})
		if err != nil {
			t.Fatal(err)
		}
		if err := h.env.Write(t.Context(), ledger.System, func(ctx context.Context, tx *ledger.Tx) error {
			leo, err := people.Persons.Load(ctx, tx, h.leo.ID)
			if err != nil {
				return err
			}
			leo.ApprovalSuspended = true
			return people.Persons.Put(tx, leo, ledger.Do("password-reset", "CC6.1"))
		}); err != nil {
			t.Fatal(err)
		}
		if _, err := h.Approve(t.Context(), h.leo, p.ID, time.Time{}); !is(err, fault.Denied) {
			t.Errorf("approved under a suspended right: %v", err)
		}
		set, err := h.InForce(t.Context(), h.env.Ledger)
		if err != nil {
			t.Fatal(err)
		}
		all, err := h.List(t.Context(), h.env.Ledger)
		if err != nil || len(set.Templates) == 0 {
			t.Fatal(err, len(set.Templates))
		}
		text := all[slices.IndexFunc(all, func(p *policy.Policy) bool { return p.Kind == policy.KindTemplate && p.State == policy.InForce })]
		if err := h.Withdraw(t.Context(), h.leo, text.ID, "not needed"); !is(err, fault.Denied) {
			t.Errorf("withdrawn what is in force under a suspended right: %v", err)
		}
		if err := h.Reviewed(t.Context(), h.leo, text.ID, "2027-01-31"); !is(err, fault.Denied) {
			t.Errorf("reviewed under a suspended right: %v", err)
		}
		if err := h.Withdraw(t.Context(), h.lia, text.ID, "not needed"); err != nil {
			t.Errorf("withdrawn by somebody whose right is not suspended: %v", err)
		}
		token := *h.lia
		token.Approves = false
		if _, err := h.Approve(t.Context(), &token, p.ID, time.Time{}); !is(err, fault.Denied) {
			t.Errorf("approved with a token that may not: %v", err)
		}
	})
}

// Two versions approved at once: one supersedes the other, and one is in force.
func TestApproveAtOnce(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		for range 10 {
			var ids [2]string
			for i := range ids {
				p, err := h.Draft(t.Context(), h.ann, policy.KindSLA, "", policy.Change{Body: body(t, targets(60)), Rationale: "x"})
				if err != nil {
					t.Fatal(err)
				}
				ids[i] = p.ID
			}
			var wg sync.WaitGroup
			for i, who := range []*people.Identity{h.leo, h.lia, h.leo, h.lia} {
				wg.Go(func() {
					if _, err := h.Approve(t.Context(), who, ids[i/2], time.Time{}); err != nil && !is(err, fault.Conflict) {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			list, err := policy.Policies.Select(t.Context(), h.env, "WHERE r.kind = 'sla' AND r.state = 'in-force'")
			if err != nil || len(list) != 1 {
				t.Fatalf("%d in force, %v", len(list), err)
			}
		}
	})
}

// Approve against edit: what is in force is what was approved.
func TestApproveAgainstEdit(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		for range 10 {
			p, err := h.Draft(t.Context(), h.ann, policy.KindSLA, "", policy.Change{Body: body(t, targets(60)), Rationale: "x"})
			if err != nil {
				t.Fatal(err)
			}
			var approved, edited error
			var wg sync.WaitGroup
			wg.Go(func() { _, approved = h.Approve(t.Context(), h.leo, p.ID, time.Time{}) })
			wg.Go(func() {
				_, edited = h.Edit(t.Context(), h.leo, p.ID, policy.Change{Body: body(t, targets(90)), Rationale: "y"})
			})
			wg.Wait()
			// Edited first, leo is an author and must not approve; approved first,
			// there is no draft to edit.
			if (approved == nil) == (edited == nil) {
				t.Fatalf("approved: %v; edited: %v", approved, edited)
			}
		}
	})
}

func TestInForceInsideATx(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		before := h.force(t)
		gone := errors.New("taken back")
		err := h.env.Write(t.Context(), ledger.System, func(ctx context.Context, tx *ledger.Tx) error {
			list, err := policy.Policies.Select(ctx, tx, "WHERE r.kind = 'sla'")
			if err != nil {
				return err
			}
			list[0].Body = body(t, targets(7))
			if err := policy.Policies.Put(tx, list[0], ledger.Do("edited")); err != nil {
				return err
			}
			inside, err := h.InForce(ctx, tx)
			if err != nil || inside.SLA.FirstResponse[rules.Low].Minutes != 7 {
				t.Errorf("inside: %+v, %v", inside, err)
			}
			if current, err := h.Current(ctx, tx, before); err != nil || current {
				t.Errorf("what was in force before is current: %v", err)
			}
			return gone
		})
		if !errors.Is(err, gone) {
			t.Fatal(err)
		}
		if after := h.force(t); after != before {
			t.Error("what was taken back is remembered")
		}
	})
}

func TestBodies(t *testing.T) {
	whole := policy.DefaultApproval()
	last := whole[len(whole)-1]
	confirm := policy.Template{Title: "x", Purpose: policy.ForConfirmation, Language: "en", Text: "{number}"}
	for name, c := range map[string]struct {
		kind policy.Kind
		body any
		says string // "" is valid
	}{
		"no such kind":                {"cookery", policy.Criteria{}, "not a kind"},
		"criteria":                    {policy.KindCriteria, policy.Criteria{Title: "x", Text: "y"}, ""},
		"criteria without text":       {policy.KindCriteria, policy.Criteria{Title: "x"}, "text"},
		"criteria of two lines":       {policy.KindCriteria, policy.Criteria{Title: "x\ny", Text: "y"}, "title"},
		"unknown attribute":           {policy.KindCriteria, map[string]string{"title": "x", "text": "y", "txet": "z"}, "txet"},
		"another type":                {policy.KindRules, "rules", "not a rules document"},
		"rule that does not compile":  {policy.KindRules, rules.Set{{Name: "x", When: "subject ==", Then: rules.Outcome{Category: "x"}, Why: "y"}}, `rule "x"`},
		"matrix":                      {policy.KindSeverity, rules.DefaultMatrix(), ""},
		"small matrix":                {policy.KindSeverity, rules.DefaultMatrix()[:2], "2 rows"},
		"approval":                    {policy.KindApproval, whole, ""},
		"no approval":                 {policy.KindApproval, policy.ApprovalMatrix{}, "0 rows"},
		"last row is not for all":     {policy.KindApproval, whole[:2], "last row"},
		"row for all before the last": {policy.KindApproval, append(policy.ApprovalMatrix{last}, whole...), "put it last"},
		"nobody, with a reason":       {policy.KindApproval, policy.ApprovalMatrix{{Name: "x", Quorum: 0, Reason: "one person works here"}}, ""},
		"nobody, without a reason":    {policy.KindApproval, policy.ApprovalMatrix{{Name: "x", Quorum: 0}}, "reason"},
		"approval by staff":           {policy.KindApproval, policy.ApprovalMatrix{{Name: "x", Quorum: 1, Roles: []people.Role{people.Staff}, Reason: "x"}}, "not a role that approves"},
		"approval by nobody":          {policy.KindApproval, policy.ApprovalMatrix{{Name: "x", Quorum: 1, Reason: "x"}}, "roles"},
		"too many":                    {policy.KindApproval, policy.ApprovalMatrix{{Name: "x", Quorum: 6, Roles: []people.Role{people.Lead}, Reason: "x"}}, "quorum"},
		"unknown severity":            {policy.KindApproval, policy.ApprovalMatrix{{Name: "x", Severity: "awful", Quorum: 1, Roles: []people.Role{people.Lead}, Reason: "x"}, last}, "awful"},
		"targets":                     {policy.KindSLA, policy.DefaultSLA(), ""},
		"graver but slower":           {policy.KindSLA, slower(), "high may not take longer"},
		"no calendar":                 {policy.KindSLA, func() policy.SLA { s := targets(5); s.Calendar = clock.Calendar{}; return s }(), "zone"},
		"severity left out":           {policy.KindSLA, func() policy.SLA { s := targets(5); delete(s.FirstResponse, rules.High); return s }(), "high has no target"},
		"confirmation":                {policy.KindTemplate, confirm, ""},
		"confirmation, no number":     {policy.KindTemplate, func() policy.Template { c := confirm; c.Text = "x"; return c }(), "{number}"},
		"confirmation with a blank":   {policy.KindTemplate, func() policy.Template { c := confirm; c.Text = "{number} {fill me in}"; return c }(), "fill me in"},
		"language":                    {policy.KindTemplate, func() policy.Template { c := confirm; c.Language = "tlh"; return c }(), "tlh"},
		"subject of two lines":        {policy.KindTemplate, func() policy.Template { c := confirm; c.Subject = "a\nBcc: b"; return c }(), "subject"},
		"too long":                    {policy.KindCriteria, policy.Criteria{Title: "x", Text: strings.Repeat("y", 200<<10)}, "more than"},
	} {
		err := policy.Check(c.kind, body(t, c.body))
		if c.says == "" && err != nil || c.says != "" && (!is(err, fault.Invalid) || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%s: %v; want %q", name, err, c.says)
		}
	}
	if err := policy.Check(policy.KindCriteria, json.RawMessage(`{"title":"x","text":"y"} {}`)); !is(err, fault.Invalid) {
		t.Errorf("two documents in one: %v", err)
	}
}

func slower() policy.SLA {
	s := policy.DefaultSLA()
	s.FirstResponse[rules.High] = policy.Target{Minutes: 100000}
	return s
}

func TestNeed(t *testing.T) {
	m := policy.DefaultApproval()
	for _, c := range []struct {
		category rules.Category
		severity rules.Severity
		audience string
		quorum   int
		rule     string
	}{
		{rules.Support, rules.Low, "customers", 1, "everything else"},
		{"", "", "", 1, "everything else"},
		{rules.Support, rules.Critical, "customers", 2, "critical"},
		{rules.Incident, rules.High, "customers", 2, "high"},
		{rules.Regulator, rules.Low, "customers", 2, "to a regulator"},
		{rules.Press, rules.Critical, "public", 2, "to the press"},
		{rules.Support, rules.Low, "press", 2, "to press"},
		{rules.Privacy, rules.Moderate, "customers", 1, "personal data"},
	} {
		if n := m.Need(c.category, c.severity, c.audience); n.Quorum != c.quorum || n.Rule != c.rule || len(n.Roles) == 0 {
			t.Errorf("%s, %s, %s: %+v; want %d by %q", c.category, c.severity, c.audience, n, c.quorum, c.rule)
		}
	}
	if n := (policy.ApprovalMatrix{}).Need("", "", ""); n.Quorum != 1 || len(n.Roles) != 1 {
		t.Errorf("without a matrix: %+v", n)
	}
}

func TestClock(t *testing.T) {
	s := &policy.Set{SLA: policy.DefaultSLA()}
	s.Calendar = s.SLA.Calendar
	friday := time.Date(2026, 9, 18, 16, 0, 0, 0, time.UTC)
	for severity, want := range map[rules.Severity]time.Time{
		rules.Critical: friday.Add(4 * time.Hour),                     // day and night
		rules.High:     time.Date(2026, 9, 21, 16, 0, 0, 0, time.UTC), // over the weekend
		rules.Moderate: time.Date(2026, 9, 22, 16, 0, 0, 0, time.UTC),
		rules.Low:      time.Date(2026, 9, 25, 16, 0, 0, 0, time.UTC),
		"":             time.Date(2026, 9, 21, 16, 0, 0, 0, time.UTC),
	} {
		if due := s.Clock(friday, severity).Due(); !due.Equal(want) {
			t.Errorf("%q: due %v, want %v", severity, due, want)
		}
	}
}

func TestFill(t *testing.T) {
	tpl := policy.Template{Subject: "[{number}] {subject}", Text: "Dear {name}, {what happened}: {what happened}. {number} {0} { x } {}"}
	subject, text, open := tpl.Fill(map[string]string{"number": "C-1", "subject": "{name} {number}", "name": "{what happened}"})
	if subject != "[C-1] {name} {number}" || text != "Dear {what happened}, {what happened}: {what happened}. C-1 {0} { x } {}" || len(open) != 1 || open[0] != "what happened" {
		t.Errorf("%q\n%q\n%q", subject, text, open)
	}
}

func TestDryRun(t *testing.T) {
	set := rules.Set{
		{Name: "fire", When: `mentions("fire")`, Then: rules.Outcome{Category: "fire"}, Why: "x"},
		{Name: "fails", When: `attachment_types[0] == "x"`, Then: rules.Outcome{Urgency: rules.UrgencyHigh}, Why: "x"},
		{Name: "never", When: `false`, Then: rules.Outcome{Urgency: rules.UrgencyLow}, Why: "x"},
	}
	trial, err := policy.DryRun(set, []policy.Past{
		{Number: "C-2026-000001", Facts: rules.Facts{Text: "there is a fire", AttachmentTypes: []string{"y"}}, Was: rules.Outcome{Category: "fire"}},
		{Number: "C-2026-000002", Facts: rules.Facts{Text: "fire again"}, Was: rules.Outcome{Category: "support"}},
	})
	if err != nil || trial.Cases != 2 || trial.Matched["fire"] != 2 || trial.Matched["never"] != 0 || len(trial.Matched) != 3 || len(trial.Failed) != 1 ||
		len(trial.Differences) != 1 || trial.Differences[0].Number != "C-2026-000002" || trial.Differences[0].Now.Category != "fire" || trial.Differences[0].Rules[0] != "fire" {
		t.Errorf("%+v, %v", trial, err)
	}
	if _, err := policy.DryRun(rules.Set{{Name: "x"}}, nil); !is(err, fault.Invalid) {
		t.Errorf("rules that do not compile: %v", err)
	}
}

func TestDay(t *testing.T) {
	at := time.Date(2026, 3, 5, 7, 8, 0, 0, time.FixedZone("", 3600))
	for language, want := range map[string]string{"en": "5 March 2026, 06:08 UTC", "de": "5. März 2026, 06:08 UTC", "fr": "5 mars 2026, 06:08 UTC", "es": "5 de marzo de 2026, 06:08 UTC", "": "5 March 2026, 06:08 UTC"} {
		if got := policy.Day(at, language); got != want {
			t.Errorf("%s: %q", language, got)
		}
	}
}

func TestLanguage(t *testing.T) {
	for _, c := range []struct{ declared, text, want string }{
		{"de-DE", "the and you", "de"},
		{"fr, en;q=0.5", "", "fr"},
		{"pt", "", ""},
		{"", "", ""},
		{"", "The report that you have sent to us is not for this year.", "en"},
		{"", "Wir haben die Rechnung erhalten, und der Betrag ist nicht richtig.", "de"},
		{"", "Nous avons reçu votre facture et le montant est faux, pas pour nous.", "fr"},
		{"", "Hemos recibido la factura y el importe no es correcto, por favor, para el lunes.", "es"},
		{"", "Il rapporto non è arrivato.", ""},
		{"", "the die le el", ""},
		{"", "OK", ""},
	} {
		if got := policy.Language(c.declared, c.text); got != c.want {
			t.Errorf("%q, %q: %q, want %q", c.declared, c.text, got, c.want)
		}
	}
}
