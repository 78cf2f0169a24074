package retention_test

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"example.org/countersign/internal/channel/relay"
	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/jobs"
	"example.org/countersign/internal/people"
	"example.org/countersign/internal/retention"
	"example.org/countersign/internal/rules"
	"example.org/countersign/internal/triage"
)

// place puts a hold as lea.
func (h *house) place(t testing.TB, terms retention.Terms) *retention.Hold {
	t.Helper()
	terms.Reason = "a claim is threatened"
	x, err := h.retention.Place(t.Context(), h.lea, terms)
	must(t, err)
	return x
}

func (h *house) held(t testing.TB, caseID string) bool {
	t.Helper()
	on, err := h.retention.On(t.Context(), caseID)
	must(t, err)
	return len(on) > 0
}

func TestHoldScopes(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		one := h.mail(t, "Ulla <ulla@okapi.example>", "One", "", "One.")
		two := h.mail(t, "Uwe <uwe@OKAPI.example>", "Two", "", "Two.")
		h.run(t)
		onCase := h.place(t, retention.Terms{Case: one.Number})
		if !h.held(t, one.Case) || h.held(t, two.Case) {
			t.Error("a hold on a case is not on it alone")
		}
		release := func(x *retention.Hold) {
			_, err := h.retention.Release(ctx, h.lea, x.ID, "settled")
			must(t, err)
		}
		release(onCase)
		onAddress := h.place(t, retention.Terms{Party: "ULLA@okapi.example"})
		later := h.mail(t, "Ulla <Ulla@Okapi.example>", "Later", "", "Later.")
		if !h.held(t, one.Case) || h.held(t, two.Case) || !h.held(t, later.Case) {
			t.Error("a hold on an address is not on its cases, those to come among them")
		}
		release(onAddress)
		onDomain := h.place(t, retention.Terms{Party: "Okapi.example"})
		again := h.mail(t, "new@okapi.example", "New", "", "New.")
		if !h.held(t, one.Case) || !h.held(t, two.Case) || !h.held(t, again.Case) {
			t.Error("a hold on a domain is not on its cases")
		}
		numbers, err := h.retention.Covered(ctx, onDomain, 10)
		if err != nil || strings.Join(numbers, " ") != strings.Join([]string{one.Number, two.Number, later.Number, again.Number}, " ") {
			t.Errorf("covered: %v, %v", numbers, err)
		}
		release(onDomain)
		if h.held(t, one.Case) {
			t.Error("held after the release")
		}
	})
}

// A hold on a domain is on all below it and on nothing else.
func TestHoldOnDomain(t *testing.T) {
	deep := strings.Repeat("a.", 100) + "okapi.example"
	okapis := []string{"a@okapi.example", "a@MAIL.okapi.example", "a@b.mail.okapi.example", "a@" + deep, "cc@copies.okapi.example"}
	others := []string{"a@notokapi.example", "a@okapi.example.quagga.example", "okapi.example@quagga.example", "a@post.bücher.example",
		"a@okapi.co.uk", "a@mail.okapi.co.uk", "a@quagga.co.uk", "a@page.github.io", "a@[192.0.2.1]", "a@[198.51.2.1]"}
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		cases, numbers := map[string]string{}, map[string]string{}
		for _, addr := range slices.Concat(okapis, others) {
			from, headers := addr, ""
			if strings.HasPrefix(addr, "cc@") {
				from, headers = "x@zebra.example", "Cc: "+addr+"\r\n"
			}
			rec := h.mail(t, from, "Of "+addr, headers, "Hello.")
			cases[addr], numbers[rec.Number] = rec.Case, addr
		}
		for domain, want := range map[string][]string{
			"okapi.example":         okapis,
			"@OKAPI.Example.":       okapis,
			"mail.okapi.example":    {"a@MAIL.okapi.example", "a@b.mail.okapi.example"},
			"il.okapi.example":      nil,
			"a.a.a.a.okapi.example": {"a@" + deep},
			"bücher.example":        {"a@post.bücher.example"},
			"xn--bcher-kva.example": {"a@post.bücher.example"},
			"okapi.co.uk":           {"a@okapi.co.uk", "a@mail.okapi.co.uk"},
			"github.io":             {"a@page.github.io"},
			"[192.0.2.1]":           {"a@[192.0.2.1]"},
			"a@okapi.example":       {"a@okapi.example"},
		} {
			hold := h.place(t, retention.Terms{Party: domain})
			var held, covered []string
			for addr, id := range cases {
				if h.held(t, id) {
					held = append(held, addr)
				}
			}
			list, err := h.retention.Covered(ctx, hold, 100)
			must(t, err)
			for _, n := range list {
				covered = append(covered, numbers[n])
			}
			for _, got := range [][]string{held, covered} {
				if slices.Sort(got); !slices.Equal(got, slices.Sorted(slices.Values(want))) {
					t.Errorf("a hold on %s is on %q", domain, got)
				}
			}
			_, err = h.retention.Release(ctx, h.lea, hold.ID, "settled")
			must(t, err)
		}
		h.verify(t)
		e := h.ask(t, retention.Ask{Case: cases["a@MAIL.okapi.example"], Part: intake.Content})
		h.place(t, retention.Terms{Party: "okapi.example"})
		if _, err := h.retention.Approve(ctx, h.lea, e.ID, e.ListHash); kind(err) != fault.Conflict {
			t.Errorf("approved while the domain above is held: %v", err)
		}
	})
}

// What a filter once picked stays held, whatever it becomes.
func TestHoldByQuery(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		tri := triage.New(h.intake, h.people)
		classify := func(id string, c rules.Category) {
			_, err := tri.Classify(ctx, h.ann.Actor(people.Analyst), id, triage.Change{Category: c, Urgency: rules.UrgencyNormal, Impact: 1, Likelihood: 1, Reason: "so it is"})
			must(t, err)
		}
		was := h.mail(t, "a@okapi.example", "Was", "", "Was.")
		before := h.mail(t, "b@okapi.example", "Before", "", "Before.")
		classify(before.Case, rules.Press)
		classify(before.Case, rules.Billing)
		classify(was.Case, rules.Press)
		h.place(t, retention.Terms{Query: "?state=all&category=press&sort=newest"})
		classify(was.Case, rules.Billing)
		later := h.mail(t, "c@okapi.example", "Later", "", "Later.")
		if h.held(t, later.Case) {
			t.Error("held before it was picked")
		}
		classify(later.Case, rules.Press)
		classify(later.Case, rules.Support)
		h.close(t, later.Case)
		if !h.held(t, was.Case) || !h.held(t, later.Case) || h.held(t, before.Case) {
			t.Errorf("held: was %v, later %v, before %v", h.held(t, was.Case), h.held(t, later.Case), h.held(t, before.Case))
		}
	})
}

func TestHoldRefuses(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		rec := h.mail(t, "a@okapi.example", "One", "", "One.")
		for name, c := range map[string]struct {
			who   *people.Identity
			terms retention.Terms
			want  fault.Kind
		}{
			"analyst":       {h.ann, retention.Terms{Case: rec.Case, Reason: "x"}, fault.Denied},
			"administrator": {h.root, retention.Terms{Case: rec.Case, Reason: "x"}, fault.Denied},
			"no reason":     {h.lea, retention.Terms{Case: rec.Case, Reason: " "}, fault.Invalid},
			"nothing":       {h.lea, retention.Terms{Reason: "x"}, fault.Invalid},
			"two things":    {h.lea, retention.Terms{Case: rec.Case, Party: "a@b.example", Reason: "x"}, fault.Invalid},
			"no case":       {h.lea, retention.Terms{Case: "C-2026-000777", Reason: "x"}, fault.NotFound},
			"no address":    {h.lea, retention.Terms{Party: "a b@c", Reason: "x"}, fault.Invalid},
			"no domain":     {h.lea, retention.Terms{Party: "localhost", Reason: "x"}, fault.Invalid},
			"two domains":   {h.lea, retention.Terms{Party: "a.example, b.example", Reason: "x"}, fault.Invalid},
			"suffix":        {h.lea, retention.Terms{Party: "co.uk", Reason: "x"}, fault.Invalid},
			"as people do":  {h.lea, retention.Terms{Party: "@Co.UK.", Reason: "x"}, fault.Invalid},
			"foreign":       {h.lea, retention.Terms{Party: "個人.hk", Reason: "x"}, fault.Invalid},
			"by a wildcard": {h.lea, retention.Terms{Party: "okapi.ck", Reason: "x"}, fault.Invalid},
			"deep":          {h.lea, retention.Terms{Party: "a.b.c.d.e.f.g.okapi.example", Reason: "x"}, fault.Invalid},
			"moment":        {h.lea, retention.Terms{Query: "overdue=1", Reason: "x"}, fault.Invalid},
			"state":         {h.lea, retention.Terms{Query: "state=lost", Reason: "x"}, fault.Invalid},
			"broken":        {h.lea, retention.Terms{Query: "%zz", Reason: "x"}, fault.Invalid},
			"no owner":      {h.lea, retention.Terms{Case: rec.Case, Reason: "x", Owner: "nobody"}, fault.NotFound},
		} {
			if _, err := h.retention.Place(ctx, c.who, c.terms); kind(err) != c.want {
				t.Errorf("%s: %v", name, err)
			}
		}
		x := h.place(t, retention.Terms{Case: rec.Case})
		for name, c := range map[string]struct {
			who    *people.Identity
			reason string
			want   fault.Kind
		}{
			"another lead": {h.leo, "x", fault.Denied}, "analyst": {h.ann, "x", fault.Denied}, "administrator": {h.root, "x", fault.Denied}, "no reason": {h.lea, " ", fault.Invalid},
		} {
			if _, err := h.retention.Release(ctx, c.who, x.ID, c.reason); kind(err) != c.want {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, err := h.retention.Release(ctx, h.lou, x.ID, "legal says so"); err != nil {
			t.Error(err)
		}
		if _, err := h.retention.Release(ctx, h.lea, x.ID, "again"); kind(err) != fault.Conflict {
			t.Errorf("released twice: %v", err)
		}
	})
}

// Nobody erases what is held, whenever the hold came.
func TestHoldStopsErasure(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		rec := h.mail(t, "zoralinda@okapi.example", "Hello", "", "Hello there.")
		h.run(t)
		ask := retention.Ask{Case: rec.Case, Part: intake.Content}
		first := h.place(t, retention.Terms{Case: rec.Case})
		p, err := h.retention.Plan(ctx, ask)
		if err != nil || len(p.Holds) != 1 {
			t.Fatalf("the plan names %d holds, %v", len(p.Holds), err)
		}
		if _, err := h.retention.Request(ctx, h.lou, ask, "law", "how", p.Hash); kind(err) != fault.Conflict || !strings.Contains(err.Error(), "a claim is threatened") {
			t.Errorf("requested while held: %v", err)
		}
		_, err = h.retention.Release(ctx, h.lea, first.ID, "over")
		must(t, err)
		e := h.ask(t, ask)
		second := h.place(t, retention.Terms{Party: "zoralinda@okapi.example"})
		if _, err := h.retention.Approve(ctx, h.lea, e.ID, e.ListHash); kind(err) != fault.Conflict {
			t.Errorf("approved while held: %v", err)
		}
		_, err = h.retention.Release(ctx, h.lea, second.ID, "over")
		must(t, err)
		h.approve(t, e)
		third := h.place(t, retention.Terms{Query: "state=all"})
		h.run(t)
		e, err = h.retention.Erasure(ctx, e.ID)
		if err != nil || e.State != retention.Requested || !strings.Contains(e.Stopped, "legal hold") {
			t.Errorf("approved before the hold: %s, %q, %v", e.State, e.Stopped, err)
		}
		if c := h.caseOf(t, rec.Case); c.Subject != "Hello" {
			t.Errorf("the case says %q", c.Subject)
		}
		_, err = h.retention.Release(ctx, h.lea, third.ID, "over")
		must(t, err)
		h.approve(t, e)
		h.run(t)
		h.verify(t)
		h.absent(t, "zoralinda") // nor does the released hold say it
	})
}

// approve approves what would go now.
func (h *house) approve(t testing.TB, e *retention.Erasure) {
	t.Helper()
	p, err := h.retention.Plan(t.Context(), e.Ask())
	must(t, err)
	_, err = h.retention.Approve(t.Context(), h.lea, e.ID, p.Hash)
	must(t, err)
}

// A hold against an erasure, a message against an erasure, an approval against
// an erasure, all at once: whatever wins, nothing held is gone, nothing that
// came is lost, and the record is whole.
func TestRaces(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		for i := range 6 {
			rec := h.mail(t, "Zoralinda <zoralinda@okapi.example>", "Round "+string(rune('A'+i)), "", "Something zoralinda said.")
			h.run(t)
			r := h.draft(t, rec.Case, "An answer to zoralinda.")
			r, err := h.responses.Submit(ctx, h.ann, r.ID, r.Entry)
			must(t, err)
			e := h.ask(t, retention.Ask{Case: rec.Case, Part: intake.Content})
			_, err = h.retention.Approve(ctx, h.lea, e.ID, e.ListHash)
			must(t, err)
			var wg sync.WaitGroup
			var hold *retention.Hold
			var joined *intake.Receipt
			var approved, erased error
			wg.Go(func() {
				if i%2 == 0 {
					hold = h.place(t, retention.Terms{Case: rec.Case})
				}
			})
			wg.Go(func() {
				if i%3 != 0 {
					joined = h.mail(t, "Zoralinda <zoralinda@okapi.example>", "Re: Round ["+rec.Number+"]", "", "Later words of round "+string(rune('A'+i)))
				}
			})
			wg.Go(func() { _, approved = h.responses.Approve(ctx, h.leo, r.ID, r.ContentHash) })
			wg.Go(func() { erased = h.retention.Erase(ctx, jobs.Job{Kind: retention.EraseJob, Key: e.ID, Attempt: 1}) })
			wg.Wait()
			h.run(t)
			if erased != nil && kind(erased) == fault.Internal {
				t.Errorf("erase: %v", erased)
			}
			if approved != nil && kind(approved) != fault.Conflict {
				t.Errorf("approve: %v", approved)
			}
			h.settled(t, rec, e.ID, hold, joined)
		}
		h.verify(t)
	})
}

// settled checks one round of TestRaces.
func (h *house) settled(t *testing.T, rec *intake.Receipt, erasureID string, hold *retention.Hold, joined *intake.Receipt) {
	t.Helper()
	ctx := t.Context()
	e, err := h.retention.Erasure(ctx, erasureID)
	must(t, err)
	c := h.caseOf(t, rec.Case)
	switch e.State {
	case retention.Executed:
		if !c.Gone() || c.State != intake.Closed {
			t.Errorf("executed, and the case is %s, %q", c.State, c.Subject)
		}
		if hold != nil && hold.PlacedAt < c.Erasures[0].At {
			t.Error("held first, and erased")
		}
	case retention.Requested:
		if hold == nil && joined == nil && !strings.Contains(e.Stopped, "answer") && e.Stopped == "" {
			t.Errorf("stopped by nothing: %+v", e)
		}
		if hold == nil && c.Gone() {
			t.Error("stopped, and erased")
		}
	case retention.Running: // its hand-over was in the way; the job goes on later
	default:
		t.Errorf("the erasure is %s", e.State)
	}
	if joined == nil {
		return
	}
	m, err := h.intake.Communication(ctx, joined.Communication)
	must(t, err)
	if text, err := h.intake.Text(ctx, m); err != nil || len(m.Erasures) == 0 && !strings.HasPrefix(text, "Later words") {
		t.Errorf("what came meanwhile says %q, %v", text, err)
	}
	if home := h.caseOf(t, joined.Case); home.Gone() && len(m.Erasures) == 0 {
		t.Error("a message is in a case that is gone")
	}
}

// What is being handed over is not pulled away under the relay.
func TestEraseAgainstSend(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		rec := h.mail(t, "zoralinda@okapi.example", "Hello", "", "Hello there.")
		h.run(t)
		r := h.draft(t, rec.Case, "Dear zoralinda.")
		e := h.ask(t, retention.Ask{Case: rec.Case, Part: intake.Content})
		var during error
		var approve error
		h.handing = func(m relay.Mail) error {
			_, approve = h.retention.Approve(ctx, h.lea, e.ID, e.ListHash)
			during = h.retention.Erase(ctx, jobs.Job{Kind: retention.EraseJob, Key: e.ID, Attempt: 1})
			return nil
		}
		r = h.answer(t, r)
		h.handing = nil
		if kind(approve) != fault.Conflict || during != nil {
			t.Errorf("approved while it was handed over: %v, %v", approve, during)
		}
		c := h.caseOf(t, rec.Case)
		if c.FirstResponseAt == 0 || c.Gone() {
			t.Errorf("the case: first response %d, gone %v", c.FirstResponseAt, c.Gone())
		}
		e, err := h.retention.Erasure(ctx, e.ID)
		must(t, err)
		h.approve(t, e)
		h.run(t)
		h.absent(t, "zoralinda")
		if r, err = h.responses.Find(ctx, r.ID); err != nil || r.SentAt == 0 {
			t.Errorf("%+v, %v", r, err)
		}
	})
}

// A confirmation on its way holds an erasure up; one that was not begun is not
// sent.
func TestEraseAgainstConfirmation(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		rec := h.mail(t, "zoralinda@okapi.example", "Hello", "", "Hello there.")
		first := h.ask(t, retention.Ask{Case: rec.Case, Part: intake.Content})
		_, err := h.retention.Approve(ctx, h.lea, first.ID, first.ListHash)
		must(t, err)
		must(t, h.retention.Erase(ctx, jobs.Job{Kind: retention.EraseJob, Key: first.ID, Attempt: 1}))
		h.run(t)
		if len(h.sent) != 0 {
			t.Errorf("%d mails were sent for what is gone", len(h.sent))
		}
		h.verify(t)
		h.absent(t, "zoralinda")
		other := h.mail(t, "zoralinda@okapi.example", "Hello again", "", "Hello again there.")
		e := h.ask(t, retention.Ask{Case: other.Case, Part: intake.Content})
		_, err = h.retention.Approve(ctx, h.lea, e.ID, e.ListHash)
		must(t, err)
		var during error
		h.handing = func(relay.Mail) error {
			during = h.retention.Erase(ctx, jobs.Job{Kind: retention.EraseJob, Key: e.ID, Attempt: 1})
			return nil
		}
		must(t, h.intake.Confirm(ctx, jobs.Job{Kind: intake.ConfirmationJob, Key: other.Communication, Attempt: 1}))
		h.handing = nil
		if kind(during) != fault.Conflict {
			t.Errorf("erased under the hand-over: %v", during)
		}
	})
}
