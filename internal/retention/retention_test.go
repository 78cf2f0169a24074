package retention_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"testing"

	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/jobs"
	"example.org/countersign/internal/people"
	"example.org/countersign/internal/response"
	"example.org/countersign/internal/retention"
)

// A whole case goes: its header, what was said and sent, what was typed, what
// was attached, and what the product wrote itself.
func TestWholeCase(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		long := strings.Repeat("The quagga runs through the hall. ", 400)
		first := h.letter(t, "Zoralinda Okapi <zoralinda@okapi.example>", "About the quagga", long, file{"quagga.bin", strings.Repeat("quagga file ", 9000)})
		h.run(t) // the confirmation
		h.mail(t, "Zoralinda Okapi <zoralinda@okapi.example>", "Re: About the quagga ["+first.Number+"]", "", "More on the quagga.")
		other := h.mail(t, "Bystander <by@stander.example>", "Something else", "", "Untouched words.")
		r := h.draft(t, first.Case, "Dear Zoralinda, the quagga is well.")
		r, err := h.responses.Attach(ctx, h.ann, r.ID, r.Entry, "quagga-answer.txt", "text/plain", strings.NewReader("quagga answer file"))
		must(t, err)
		must(t, h.responses.Autosave(ctx, h.ann, r.ID, response.Content{Channel: r.Channel, Text: "typed quagga"}))
		r = h.answer(t, r)
		second := h.draft(t, first.Case, "A second quagga answer.")
		must(t, h.responses.Autosave(ctx, h.lea, second.ID, response.Content{Channel: r.Channel, Text: "lea types quagga"}))
		_, err = h.intake.Note(ctx, h.ann.Actor(people.Analyst), first.Case, "Zoralinda seems to like quaggas.")
		must(t, err)
		before := h.caseOf(t, first.Case)
		if before.Subject != "About the quagga" || before.Communications < 5 {
			t.Fatalf("%q, %d communications", before.Subject, before.Communications)
		}

		e := h.erase(t, retention.Ask{Case: first.Number, Part: intake.Content})
		h.absent(t, "quagga", "zoralinda", "okapi.example")
		h.present(t, "Untouched words.", "stander.example")
		h.verify(t)

		c := h.caseOf(t, first.Case)
		switch {
		case c.Number != before.Number || c.State != intake.Closed || c.ReceivedAt != before.ReceivedAt || c.FirstResponseAt != before.FirstResponseAt || c.Category != before.Category:
			t.Errorf("the skeleton is %+v", c)
		case len(c.Erasures) != 1 || c.Erasures[0].ID != e.ID || c.Erasures[0].Basis != "GDPR Art. 17(1)(b)":
			t.Errorf("it says of its erasure %+v", c.Erasures)
		}
		all, err := h.intake.Communications(ctx, c.ID)
		must(t, err)
		for _, m := range all {
			if m.Direction == "" || m.ReceivedAt == 0 || len(m.Erasures) != 1 {
				t.Errorf("communication %d: %+v", m.Seq, m)
			}
		}
		r, err = h.responses.Find(ctx, r.ID)
		if err != nil || r.State != response.Sent || len(r.Approvals) == 0 || r.Approvals[0].ContentHash != r.SentHash || len(r.Authors) != 1 {
			t.Errorf("the answer: %+v, %v", r, err)
		}
		if second, err = h.responses.Find(ctx, second.ID); err != nil || second.State != response.Withdrawn {
			t.Errorf("the answer that was not sent is %s, %v", second.State, err)
		}
		history, err := intake.Cases.History(ctx, h.Ledger, c.ID)
		if err != nil || !history[0].Erased || history[0].Doc.Number != c.Number || history[0].Doc.Subject != "" {
			t.Errorf("its first version: %+v, %v", history[0].Doc, err)
		}
		if o := h.caseOf(t, other.Case); o.Subject != "Something else" {
			t.Errorf("another case: %q", o.Subject)
		}
		if err := h.responses.Autosave(ctx, h.lea, second.ID, response.Content{Text: "still typing quagga"}); kind(err) != fault.Conflict {
			t.Errorf("typing goes on: %v", err)
		}
		if err := h.intake.Reopen(ctx, h.ann.Actor(people.Analyst), c.ID, "why not"); kind(err) != fault.Conflict {
			t.Errorf("reopened: %v", err)
		}
		if _, err := h.retention.Plan(ctx, retention.Ask{Case: c.ID, Part: intake.Identity}); err != nil {
			t.Error(err)
		}
		again := h.mail(t, "Zoralinda Okapi <zoralinda@okapi.example>", "Again ["+first.Number+"]", "", "I am back.")
		if again.Case == c.ID {
			t.Error("a message joined a case that is gone")
		}
	})
}

// Whoever asks for one attachment gets all its copies erased, and the rest
// stays readable: beside it, and in other messages.
func TestAttachment(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		rec := h.letter(t, "Zoralinda <zoralinda@okapi.example>", "Two files", "See the files.", file{"secret-plan.bin", "the secret plan"}, file{"harmless.bin", "a harmless list"})
		h.letter(t, "Zoralinda <zoralinda@okapi.example>", "Re: Two files ["+rec.Number+"]", "Once more.", file{"copy.bin", "the secret plan"})
		r := h.draft(t, rec.Case, "Here they are back.")
		r, err := h.responses.Attach(ctx, h.ann, r.ID, r.Entry, "plan-back.bin", "application/octet-stream", strings.NewReader("the secret plan"))
		must(t, err)
		r, err = h.responses.Attach(ctx, h.ann, r.ID, r.Entry, "thanks.txt", "text/plain", strings.NewReader("many thanks"))
		must(t, err)
		r = h.answer(t, r)
		all, err := h.intake.Communications(ctx, rec.Case)
		must(t, err)
		h.erase(t, retention.Ask{Case: rec.Case, Of: all[0].ID, Part: intake.Files, File: 0})
		h.verify(t)
		h.absent(t, "secret plan", "secret-plan", "plan-back", "copy.bin")
		h.present(t, "See the files.", "harmless.bin", "Here they are back.", "zoralinda@okapi.example", "thanks.txt")
		all, err = h.intake.Communications(ctx, rec.Case)
		must(t, err)
		if got := text(t, func() (io.ReadCloser, error) { return h.intake.Attachment(ctx, all[0], 1) }); got != "a harmless list" {
			t.Errorf("the other attachment says %q", got)
		}
		if _, err := h.intake.Attachment(ctx, all[0], 0); kind(err) != fault.NotFound {
			t.Errorf("the erased attachment: %v", err)
		}
		if _, err := h.intake.Raw(ctx, all[0]); kind(err) != fault.NotFound {
			t.Errorf("the message as it came: %v", err)
		}
		if r, err = h.responses.Find(ctx, r.ID); err != nil {
			t.Fatal(err)
		}
		if _, err := h.responses.Attachment(ctx, r, 0); kind(err) != fault.NotFound {
			t.Errorf("the answer's erased file: %v", err)
		}
		if got := text(t, func() (io.ReadCloser, error) { return h.responses.Attachment(ctx, r, 1) }); got != "many thanks" {
			t.Errorf("the answer's other file says %q", got)
		}
	})
}

func text(t *testing.T, open func() (io.ReadCloser, error)) string {
	t.Helper()
	r, err := open()
	must(t, err)
	defer r.Close()
	b, err := io.ReadAll(r)
	must(t, err)
	return string(b)
}

// Who somebody is goes; what they said stays, and is named where it says it
// too.
func TestIdentity(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		rec := h.letter(t, "Zoralinda Okapi <zoralinda@okapi.example>", "A hole in the fence", strings.Repeat("There is a hole in the fence. ", 400), file{"fence.bin", strings.Repeat("fence ", 20000)})
		h.run(t)
		h.mail(t, "Zoralinda Okapi <zoralinda@okapi.example>", "Re: A hole in the fence ["+rec.Number+"]", "Auto-Submitted: no\r\n", "It grew. Zoralinda Okapi")
		r := h.answer(t, h.draft(t, rec.Case, "We mended the fence."))
		ask := retention.Ask{Case: rec.Case, Part: intake.Identity}
		p, err := h.retention.Plan(ctx, ask)
		must(t, err)
		if len(p.Echoes) != 1 || !strings.Contains(p.Echoes[0], "the name") {
			t.Errorf("what stays and says it: %q", p.Echoes)
		}
		second, err := h.intake.Communications(ctx, rec.Case)
		must(t, err)
		h.erase(t, retention.Ask{Case: rec.Case, Of: second[2].ID, Part: intake.Content})
		h.erase(t, ask)
		h.verify(t)
		h.absent(t, "zoralinda", "okapi.example")
		h.present(t, "hole in the fence", "We mended the fence.", "fence.bin")
		r, err = h.responses.Find(ctx, r.ID)
		if err != nil || r.Text != "We mended the fence." || len(r.To) != 0 || r.MessageID != "" || len(r.Attempts) == 0 || r.Attempts[0].Detail != "" {
			t.Errorf("the answer: %+v, %v", r, err)
		}
		c := h.caseOf(t, rec.Case)
		if c.State == intake.Closed || c.Subject != "A hole in the fence" {
			t.Errorf("the case is %s, %q", c.State, c.Subject)
		}
	})
}

// One message goes with what was made of it: the name of the case, the
// reporter if nobody else says who that is, the confirmation.
func TestOneCommunication(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		rec := h.mail(t, "Zoralinda Okapi <zoralinda@okapi.example>", "My illness", "", "I am ill with dropsy.")
		h.run(t)
		_, err := h.intake.Note(ctx, h.ann.Actor(people.Analyst), rec.Case, "Looks into it. My illness, it says.")
		must(t, err)
		all, err := h.intake.Communications(ctx, rec.Case)
		must(t, err)
		ask := retention.Ask{Case: rec.Case, Of: all[0].ID, Part: intake.Content}
		p, err := h.retention.Plan(ctx, ask)
		must(t, err)
		if len(p.Echoes) != 1 || !strings.Contains(p.Echoes[0], "note") {
			t.Errorf("echoes: %q", p.Echoes)
		}
		h.erase(t, ask)
		h.verify(t)
		h.absent(t, "dropsy", "zoralinda", "okapi.example")
		h.present(t, "Looks into it.")
		c := h.caseOf(t, rec.Case)
		if c.Subject != "" || c.ReporterAddress != "" || c.State == intake.Closed {
			t.Errorf("the header: %q, %q, %s", c.Subject, c.ReporterAddress, c.State)
		}
	})
}

// The sealed original of an anonymous report goes with the copy that staff
// see, and whoever has the code is told.
func TestAnonymous(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		files := []intake.Upload{upload("holiday.png", "image/png", picture(t)), upload("notes.txt", "text/plain", []byte("notes on the quagga"))}
		rec, err := h.intake.Report(ctx, intake.Report{Channel: report, Text: "The quagga is stolen.", Anonymous: true, Files: files})
		must(t, err)
		all, err := h.intake.Communications(ctx, rec.Case)
		must(t, err)
		if n := len(all[0].Attachments); n != 3 {
			t.Fatalf("%d attachments", n)
		}
		e := h.erase(t, retention.Ask{Case: rec.Case, Of: all[0].ID, Part: intake.Files, File: 0})
		if len(e.Items) != 1 || len(e.Items[0].Files) != 2 {
			t.Errorf("of a picture went %+v", e.Items)
		}
		h.verify(t)
		thread, err := h.intake.FollowUp(ctx, rec.Number, rec.Code)
		if err != nil || len(thread.Messages) != 1 {
			t.Errorf("the follow-up page: %+v, %v", thread, err)
		}
		if _, err := h.retention.Tell(ctx, rec.Number, rec.Code); kind(err) != fault.NotFound {
			t.Errorf("told of what is still there: %v", err)
		}
		h.erase(t, retention.Ask{Case: rec.Case, Part: intake.Content})
		h.verify(t)
		h.absent(t, "quagga", "holiday")
		if _, err := h.intake.FollowUp(ctx, rec.Number, rec.Code); kind(err) != fault.NotFound {
			t.Errorf("the follow-up page of what is gone: %v", err)
		}
		told, err := h.retention.Tell(ctx, rec.Number, rec.Code)
		if err != nil || told.Number != rec.Number || !told.Whole || told.Basis == "" {
			t.Errorf("told: %+v, %v", told, err)
		}
		for _, x := range [][2]string{{rec.Number, "AAAA-BBBB"}, {"C-2026-999999", rec.Code}, {"", rec.Code}} {
			if _, err := h.retention.Tell(ctx, x[0], x[1]); kind(err) != fault.NotFound {
				t.Errorf("%q %q: %v", x[0], x[1], err)
			}
		}
		if _, err := h.intake.AddFollowUp(ctx, rec.Number, rec.Code, "one more thing", nil); kind(err) != fault.NotFound {
			t.Errorf("added to what is gone: %v", err)
		}
	})
}

// A request needs a second person, and what they saw.
func TestApproval(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		rec := h.mail(t, "zoralinda@okapi.example", "Hello", "", "Hello there.")
		h.run(t) // the confirmation
		ask := retention.Ask{Case: rec.Case, Part: intake.Content}
		p, err := h.retention.Plan(ctx, ask)
		must(t, err)
		for name, c := range map[string]struct {
			who                   *people.Identity
			ask                   retention.Ask
			basis, verified, hash string
			want                  fault.Kind
		}{
			"analyst":       {h.ann, ask, "law", "how", p.Hash, fault.Denied},
			"administrator": {h.root, ask, "law", "how", p.Hash, fault.Denied},
			"nobody":        {nil, ask, "law", "how", p.Hash, fault.Denied},
			"no basis":      {h.lou, ask, " ", "how", p.Hash, fault.Invalid},
			"no check":      {h.lou, ask, "law", "", p.Hash, fault.Invalid},
			"another list":  {h.lou, ask, "law", "how", "0", fault.Conflict},
			"no case":       {h.lou, retention.Ask{Case: "C-2026-000999", Part: intake.Content}, "law", "how", p.Hash, fault.NotFound},
			"no part":       {h.lou, retention.Ask{Case: rec.Case}, "law", "how", p.Hash, fault.Invalid},
			"no message":    {h.lou, retention.Ask{Case: rec.Case, Of: "nothing", Part: intake.Content}, "law", "how", p.Hash, fault.NotFound},
			"no file":       {h.lou, retention.Ask{Case: rec.Case, Of: rec.Communication, Part: intake.Files}, "law", "how", p.Hash, fault.NotFound},
			"a title":       {h.lou, retention.Ask{Case: rec.Case, Of: rec.Communication, Part: intake.Title}, "law", "how", p.Hash, fault.Invalid},
		} {
			if _, err := h.retention.Request(ctx, c.who, c.ask, c.basis, c.verified, c.hash); kind(err) != c.want && !(c.who == nil && errors.Is(err, people.ErrNotSignedIn)) {
				t.Errorf("%s: %v", name, err)
			}
		}
		e := h.ask(t, ask)
		if _, err := h.retention.Approve(ctx, h.lou, e.ID, e.ListHash); kind(err) != fault.Denied {
			t.Errorf("who asked approves: %v", err)
		}
		if _, err := h.retention.Approve(ctx, h.ann, e.ID, e.ListHash); kind(err) != fault.Denied {
			t.Errorf("an analyst approves: %v", err)
		}
		h.mail(t, "zoralinda@okapi.example", "Re: Hello ["+rec.Number+"]", "", "And more.")
		if _, err := h.retention.Approve(ctx, h.lea, e.ID, e.ListHash); kind(err) != fault.Conflict {
			t.Errorf("approved after a new message: %v", err)
		}
		if _, err := h.retention.Decline(ctx, h.lea, e.ID, "ask again"); err != nil {
			t.Error(err)
		}
		if _, err := h.retention.Withdraw(ctx, h.lou, e.ID, "too late"); kind(err) != fault.Conflict {
			t.Errorf("withdrawn after it was declined: %v", err)
		}
		if c := h.caseOf(t, rec.Case); c.Subject != "Hello" {
			t.Errorf("the case says %q", c.Subject)
		}
		h.erase(t, ask)
		if _, err := h.retention.Request(ctx, h.lou, ask, "law", "how", ""); kind(err) != fault.Conflict {
			t.Errorf("asked again for what is gone: %v", err)
		}
	})
}

// Killed after any of its transactions, an erasure goes on and comes to its
// end.
func TestKilled(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		rec := h.letter(t, "Zoralinda <zoralinda@okapi.example>", "The quagga", "Quagga.", file{"quagga.bin", "quagga"})
		for i := range 11 {
			h.mail(t, "Zoralinda <zoralinda@okapi.example>", "Re: The quagga ["+rec.Number+"]", "", "Quagga number "+strings.Repeat("i", i+1))
		}
		h.answer(t, h.draft(t, rec.Case, "Dear Zoralinda."))
		e := h.ask(t, retention.Ask{Case: rec.Case, Part: intake.Content})
		_, err := h.retention.Approve(t.Context(), h.lea, e.ID, e.ListHash)
		must(t, err)
		cuts := 0
		for writes := 1; ; writes++ {
			ctx, cancel := context.WithCancelCause(t.Context())
			err := h.retention.Erase(cutAfter(ctx, writes, cancel), jobs.Job{Kind: retention.EraseJob, Key: e.ID, Attempt: 1})
			cancel(nil)
			h.verify(t)
			if err == nil {
				break
			}
			cuts++
		}
		if cuts < 5 {
			t.Errorf("it was cut %d times only", cuts)
		}
		e, err = h.retention.Erasure(t.Context(), e.ID)
		if err != nil || e.State != retention.Executed {
			t.Errorf("%s, %v", e.State, err)
		}
		h.absent(t, "quagga", "zoralinda")
	})
}

// cut is a context that ends after it was asked a number of times.
type cut struct {
	context.Context
	left   atomic.Int64
	cancel context.CancelCauseFunc
}

func cutAfter(ctx context.Context, n int, cancel context.CancelCauseFunc) *cut {
	c := &cut{Context: ctx, cancel: cancel}
	c.left.Store(int64(n))
	return c
}

// Err implements context.Context.
func (c *cut) Err() error {
	if c.left.Add(-1) < 0 {
		c.cancel(context.Canceled)
	}
	return c.Context.Err()
}
