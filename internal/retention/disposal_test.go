package retention_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/jobs"
	"example.org/countersign/internal/people"
	"example.org/countersign/internal/policy"
	"example.org/countersign/internal/retention"
	"example.org/countersign/internal/rules"
)

// schedule puts a schedule in force: spam a month, the rest a year.
func (h *house) schedule(t *testing.T, rows ...policy.RetentionRule) {
	t.Helper()
	body, err := json.Marshal(policy.Retention{WarnDays: 30, Rules: append(rows,
		policy.RetentionRule{Name: "spam", Disposition: rules.Spam, Months: 1, Then: policy.EraseContent, Basis: "none"},
		policy.RetentionRule{Name: "rest", Years: 1, Then: policy.EraseContent, Basis: "contract"})})
	must(t, err)
	p, err := h.policies.Draft(t.Context(), h.lea, policy.KindRetention, "", policy.Change{Body: body, Rationale: "so it is"})
	must(t, err)
	_, err = h.policies.Approve(t.Context(), h.lou, p.ID, time.Time{})
	must(t, err)
}

// closed receives a mail and closes its case.
func (h *house) closed(t *testing.T, name string) *intake.Receipt {
	t.Helper()
	r := h.letter(t, "Zoralinda <zoralinda@okapi.example>", name, "The words of "+name+".", file{name + ".bin", "File of " + name})
	h.run(t)
	h.close(t, r.Case)
	return r
}

func numbers(list []*retention.Due) string {
	var s []string
	for _, x := range list {
		s = append(s, strings.TrimPrefix(x.Number, "C-2026-00000"))
	}
	return strings.Join(s, " ")
}

func TestDue(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		for _, name := range []string{"Alpha", "Beta"} {
			h.closed(t, name)
		}
		open := h.mail(t, "a@okapi.example", "Open", "", "Open.")
		must(t, h.intake.Dispose(ctx, h.ann.Actor(people.Analyst), h.closed(t, "Gamma").Case, rules.Spam, "junk"))
		due := func() (string, int64) {
			t.Helper()
			list, _, err := h.retention.Due(ctx, 100)
			must(t, err)
			n, err := h.retention.Count(ctx)
			must(t, err)
			return numbers(list), n
		}
		if got, n := due(); got != "" || n != 0 {
			t.Errorf("by the shipped schedule: %q, %d", got, n)
		}
		h.schedule(t)
		if got, n := due(); got != "4" || n != 1 {
			t.Errorf("spam is warned of a month before: %q, %d", got, n)
		}
		h.Clock.Set(h.Clock.Now().AddDate(0, 11, 1))
		if got, n := due(); got != "4 1 2" || n != 3 {
			t.Errorf("after eleven months: %q, %d", got, n)
		}
		list, _, err := h.retention.Due(ctx, 100)
		must(t, err)
		for _, x := range list {
			if past := x.Past(h.Clock.Now()); past != (x.Disposition == string(rules.Spam)) {
				t.Errorf("%s: over %v", x.Number, past)
			}
		}
		if _, total, err := h.retention.Due(ctx, 1); total != 3 || err != nil {
			t.Errorf("in all %d, %v", total, err)
		}
		if c := h.caseOf(t, open.Case); c.State != intake.Open {
			t.Errorf("%s", c.State)
		}
		h.schedule(t, policy.RetentionRule{Name: "kept", Category: "", Disposition: rules.OutOfScope, Then: policy.KeepForever, Basis: "law", Reason: "history"})
	})
}

func TestDisposal(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		h.schedule(t)
		gone, held, disputed, reopened, asked := h.closed(t, "Gone"), h.closed(t, "Heldcase"), h.closed(t, "Disputed"), h.closed(t, "Reopened"), h.closed(t, "Askedfor")
		report, err := h.intake.Report(ctx, intake.Report{Channel: report, Text: "Portalwords.", Name: "Zoralinda", Address: "zoralinda@okapi.example"})
		must(t, err)
		h.run(t)
		h.close(t, report.Case)
		h.place(t, retention.Terms{Case: held.Case})
		h.ask(t, retention.Ask{Case: asked.Case, Part: intake.Identity})
		h.Clock.Set(h.Clock.Now().AddDate(1, 0, 1))
		exclude := map[string]string{disputed.Case: "in dispute with the customer"}
		run, err := h.retention.Preview(ctx, exclude)
		if err != nil || len(run.Cases) != 3 || len(run.Excluded) != 3 {
			t.Fatalf("preview: %d cases, excluded %+v, %v", len(run.Cases), run.Excluded, err)
		}
		for _, x := range run.Excluded {
			want := map[string]string{held.Case: "under legal hold", disputed.Case: "in dispute", asked.Case: "under way"}[x.Case]
			if want == "" || !strings.Contains(x.Why, want) {
				t.Errorf("%s stays because %q", x.Number, x.Why)
			}
		}
		for name, c := range map[string]struct {
			who  *people.Identity
			hash string
			want fault.Kind
		}{"analyst": {h.ann, run.ListHash, fault.Denied}, "administrator": {h.root, run.ListHash, fault.Denied}, "another list": {h.lea, "x", fault.Conflict}} {
			if _, err := h.retention.Propose(ctx, c.who, exclude, c.hash); kind(err) != c.want {
				t.Errorf("%s proposes: %v", name, err)
			}
		}
		run, err = h.retention.Propose(ctx, h.lea, exclude, run.ListHash)
		must(t, err)
		for name, c := range map[string]struct {
			who  *people.Identity
			hash string
			want fault.Kind
		}{"who proposed": {h.lea, run.ListHash, fault.Denied}, "analyst": {h.ann, run.ListHash, fault.Denied}, "another list": {h.lou, "x", fault.Conflict}} {
			if _, err := h.retention.ApproveRun(ctx, c.who, run.ID, c.hash); kind(err) != c.want {
				t.Errorf("%s approves: %v", name, err)
			}
		}
		run, err = h.retention.ApproveRun(ctx, h.lou, run.ID, run.ListHash)
		must(t, err)
		must(t, h.intake.Reopen(ctx, h.ann.Actor(people.Analyst), reopened.Case, "it is back"))
		must(t, h.intake.Close(ctx, h.ann.Actor(people.Analyst), reopened.Case, 0, "and closed"))
		h.cutDispose(t, run.ID)
		run, err = h.retention.Disposal(ctx, run.ID)
		if err != nil || run.State != retention.Executed || len(run.Skipped) != 1 || run.Skipped[0].Case != reopened.Case {
			t.Errorf("the run is %s, skipped %+v, %v", run.State, run.Skipped, err)
		}
		h.verify(t)
		h.absent(t, "Words of gone", "Gone.bin", "Portalwords")
		h.present(t, "The words of Heldcase", "The words of Disputed", "The words of Reopened", "The words of Askedfor")
		if c := h.caseOf(t, gone.Case); !c.Gone() || c.Erasures[0].ID != run.ID || c.Erasures[0].Basis != "contract" {
			t.Errorf("%+v", c.Erasures)
		}
		told, err := h.retention.Tell(ctx, report.Number, report.Code)
		if err != nil || told.Basis != "contract" {
			t.Errorf("told %+v, %v", told, err)
		}
		if again, err := h.retention.Preview(ctx, nil); err != nil || len(again.Cases) != 1 {
			t.Errorf("what is left: %+v, %v", again, err)
		}
	})
}

// cutDispose runs a disposal, stopped ever later, until it is done.
func (h *house) cutDispose(t *testing.T, id string) {
	t.Helper()
	for left := 1; ; left += 7 {
		ctx, cancel := context.WithCancelCause(t.Context())
		err := h.retention.Dispose(cutAfter(ctx, left, cancel), jobs.Job{Kind: retention.DisposeJob, Key: id, Attempt: 1})
		cancel(nil)
		h.verify(t)
		if err == nil || t.Failed() {
			return
		}
	}
}

// A run that nobody approves ends; identity alone goes where the schedule says
// so, and the case is not due again.
func TestDisposalOfIdentity(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		rec := h.closed(t, "Something")
		h.schedule(t, policy.RetentionRule{Name: "spam too", Disposition: rules.OutOfScope, Months: 1, Then: policy.EraseIdentity, Basis: "law"})
		must(t, h.intake.Dispose(ctx, h.ann.Actor(people.Analyst), rec.Case, rules.OutOfScope, "not ours"))
		h.Clock.Set(h.Clock.Now().AddDate(0, 2, 0))
		propose := func() *retention.Disposal {
			t.Helper()
			p, err := h.retention.Preview(ctx, nil)
			must(t, err)
			run, err := h.retention.Propose(ctx, h.lou, nil, p.ListHash)
			must(t, err)
			return run
		}
		run := propose()
		if n, err := h.retention.Count(ctx); n != 2 || err != nil { // the case, and the run that waits
			t.Errorf("%d to do, %v", n, err)
		}
		if run, err := h.retention.EndRun(ctx, h.lea, run.ID, "not yet"); err != nil || run.State != retention.Declined {
			t.Errorf("%+v, %v", run, err)
		}
		if _, err := h.retention.ApproveRun(ctx, h.lea, run.ID, run.ListHash); kind(err) != fault.Conflict {
			t.Errorf("approved what was declined: %v", err)
		}
		run = propose()
		if run, err := h.retention.EndRun(ctx, h.lou, run.ID, "my mistake"); err != nil || run.State != retention.Withdrawn {
			t.Errorf("%+v, %v", run, err)
		}
		run = propose()
		_, err := h.retention.ApproveRun(ctx, h.lea, run.ID, run.ListHash)
		must(t, err)
		h.run(t)
		h.verify(t)
		h.absent(t, "zoralinda", "okapi.example")
		h.present(t, "The words of Something")
		if list, _, err := h.retention.Due(ctx, 10); err != nil || len(list) != 0 {
			t.Errorf("due again: %s, %v", numbers(list), err)
		}
		if _, err := h.retention.Propose(ctx, h.lou, nil, ""); kind(err) != fault.Conflict {
			t.Errorf("an empty run: %v", err)
		}
	})
}
