package intake_test

import (
	"strings"
	"testing"

	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/rules"
)

func TestDispositions(t *testing.T) {
	each(t, intake.Options{}, func(t *testing.T, o *office) {
		spam := o.must(t, mail{from: "eve@example.org", subject: "You have won the lottery"})
		if c := o.load(t, spam.Case); c.Disposition != rules.Spam || c.DueAt != 0 || !strings.Contains(c.DispositionReason, "words of spam") || c.ClockFrom != c.ReceivedAt {
			t.Errorf("spam by rule: %+v", c)
		}
		r := o.must(t, mail{from: "rita@example.com", subject: "Question"})
		due := o.load(t, r.Case).DueAt
		o.Clock.Advance(1e9)
		for _, step := range []struct {
			name string
			act  func() error
			kind fault.Kind // Internal: it succeeds
			want rules.Disposition
		}{
			{"without a reason", func() error { return o.Dispose(t.Context(), ann, r.Case, rules.Spam, " ") }, fault.Invalid, ""},
			{"as something else", func() error { return o.Dispose(t.Context(), ann, r.Case, "rubbish", "x") }, fault.Invalid, ""},
			{"restored before", func() error { return o.Restore(t.Context(), ann, r.Case, "x") }, fault.Conflict, ""},
			{"set aside", func() error { return o.Dispose(t.Context(), ann, r.Number, rules.OutOfScope, "not for us") }, fault.Internal, rules.OutOfScope},
			{"set aside again", func() error { return o.Dispose(t.Context(), ann, r.Case, rules.OutOfScope, "x") }, fault.Conflict, rules.OutOfScope},
			{"as spam instead", func() error { return o.Dispose(t.Context(), ann, r.Case, rules.Spam, "it is spam") }, fault.Internal, rules.Spam},
			{"restored", func() error { return o.Restore(t.Context(), leo, r.Case, "a mistake") }, fault.Internal, ""},
			{"no such case", func() error { return o.Dispose(t.Context(), ann, "C-2026-000099", rules.Spam, "x") }, fault.NotFound, ""},
		} {
			err := step.act()
			if step.kind == fault.Internal && err != nil || step.kind != fault.Internal && !is(err, step.kind) {
				t.Errorf("%s: %v", step.name, err)
			}
			c := o.load(t, r.Case)
			if c.Disposition != step.want || (c.DueAt == 0) != (step.want != "") || step.want == "" && c.DueAt != due {
				t.Errorf("%s: %+v", step.name, c)
			}
		}
		answer(t, o, r.Case)
		if err := o.Dispose(t.Context(), ann, r.Case, rules.Spam, "x"); !is(err, fault.Conflict) {
			t.Errorf("what was answered is set aside: %v", err)
		}
		history, err := intake.Cases.History(t.Context(), o.Env, r.Case)
		if err != nil {
			t.Fatal(err)
		}
		var acts []string
		for _, v := range history {
			acts = append(acts, v.Entry.Act)
		}
		if got := strings.Join(acts, " "); got != "casefile.opened casefile.disposed casefile.disposed casefile.restored casefile.answered" {
			t.Errorf("acts: %s", got)
		}
	})
}

func TestNotesAndStates(t *testing.T) {
	each(t, intake.Options{}, func(t *testing.T, o *office) {
		r := o.must(t, mail{from: "rita@example.com", subject: "Question"})
		for _, text := range []string{"short", strings.Repeat("a long note ", 2000), "bad \x00\x1b[2J bytes \xff and \u202ebidi"} {
			m, err := o.Note(t.Context(), ann, r.Number, text)
			if err != nil || m.Author != "ann" || m.Direction != intake.Note {
				t.Fatalf("%+v, %v", m, err)
			}
			got, err := o.Text(t.Context(), m)
			if err != nil || strings.ContainsAny(got, "\x00\x1b\u202e") || len(got) < 5 {
				t.Errorf("note %.20q: %v", got, err)
			}
		}
		if _, err := o.Note(t.Context(), ann, r.Case, " \n"); !is(err, fault.Invalid) {
			t.Errorf("empty note: %v", err)
		}
		if _, err := o.Note(t.Context(), ann, "nothing", "x"); !is(err, fault.NotFound) {
			t.Errorf("note on nothing: %v", err)
		}
		seen := o.load(t, r.Case)
		if seen.Communications != 4 || seen.State != intake.Open || seen.LastAt != seen.ReceivedAt {
			t.Errorf("notes changed the case: %+v", seen)
		}
		o.must(t, mail{from: "rita@example.com", subject: r.Number})
		for _, step := range []struct {
			name  string
			act   func() error
			kind  fault.Kind
			state intake.State
		}{
			{"closed unread", func() error { return o.Close(t.Context(), ann, r.Case, seen.Entry, "x") }, fault.Conflict, intake.Open},
			{"closed without a reason", func() error { return o.Close(t.Context(), ann, r.Case, 0, "") }, fault.Invalid, intake.Open},
			{"reopened before", func() error { return o.Reopen(t.Context(), ann, r.Case, "x") }, fault.Conflict, intake.Open},
			{"closed", func() error { return o.Close(t.Context(), ann, r.Case, o.load(t, r.Case).Entry, "x") }, fault.Internal, intake.Closed},
			{"closed twice", func() error { return o.Close(t.Context(), ann, r.Case, 0, "x") }, fault.Conflict, intake.Closed},
			{"reopened", func() error { return o.Reopen(t.Context(), ann, r.Case, "x") }, fault.Internal, intake.Open},
		} {
			if err := step.act(); step.kind == fault.Internal && err != nil || step.kind != fault.Internal && !is(err, step.kind) {
				t.Errorf("%s: %v", step.name, err)
			}
			if c := o.load(t, r.Case); c.State != step.state || (c.ClosedAt != 0) != (step.state == intake.Closed) {
				t.Errorf("%s: %+v", step.name, c)
			}
		}
	})
}
