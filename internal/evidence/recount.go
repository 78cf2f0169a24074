package evidence

import (
	"context"
	"slices"
	"time"

	"example.org/countersign/internal/evidence/recount"
	"example.org/countersign/internal/evidence/sheet"
)

// figures returns the numbers of a report.
func (r *Report) figures() recount.Figures {
	f := recount.Figures{}
	for _, c := range r.Channels {
		f.Add(c.Inbound, "communications inbound on channel %s", c.ID)
		f.Add(c.Answers, "answers on channel %s", c.ID)
		f.Add(c.Confirmations, "confirmations on channel %s", c.ID)
		f.Add(c.Notes, "notes on channel %s", c.ID)
	}
	f.Add(r.Unparsed, "messages that could not be read")
	for _, w := range r.Weeks {
		f.Add(w.Inbound, "communications inbound in the week from %s", w.From.Format(time.DateOnly))
		f.Add(w.Answers, "answers in the week from %s", w.From.Format(time.DateOnly))
		for category, n := range w.Received {
			f.Add(n, "cases %q received in the week from %s", category, w.From.Format(time.DateOnly))
		}
	}
	f.Add(r.Received, "cases received")
	f.Add(r.Answered, "cases answered")
	f.Add(r.Closed, "cases closed")
	f.Add(r.Sent, "responses sent")
	for kind, counts := range map[string][]Count{"cases of category": r.Categories, "cases of severity": r.Severities, "cases set aside": r.Dispositions,
		"open at the end": r.Backlog, "responses approved by": r.Approvals, "exceptions": r.Exceptions} {
		for _, c := range counts {
			f.Add(c.N, "%s %q", kind, c.Name)
		}
	}
	for _, t := range r.Timings {
		f.Add(t.Answered, "measured answers of severity %q", t.Severity)
		f.Add(int64(t.Median.Seconds()), "median seconds of severity %q", t.Severity)
		f.Add(int64(t.P90.Seconds()), "seconds of nine in ten of severity %q", t.Severity)
		f.Add(t.Met, "targets met of severity %q", t.Severity)
		f.Add(t.Missed, "targets missed of severity %q", t.Severity)
		f.Add(t.Late, "unanswered late of severity %q", t.Severity)
	}
	for _, n := range r.Numbers {
		f.Add(n.Count, "tracking numbers of %d", n.Year)
	}
	return f
}

// recount has the CSV files added up again and ends the making where the report
// says anything else.
func (b *builder) recount(context.Context) error {
	s := b.survey
	x := &recount.Counter{From: s.Period.From, To: s.Period.To, AsOf: s.AsOf}
	for _, w := range b.tally.weeks {
		x.Weeks = append(x.Weeks, w.From)
	}
	for _, name := range recount.Files {
		t := b.tables[slices.IndexFunc(b.tables, func(t *sheet.Table) bool { return t.Name == name })]
		r, err := t.CSV.Reader()
		if err != nil {
			return err
		}
		if err := x.Count(name, r); err != nil {
			return err
		}
	}
	return recount.Compare(b.report.figures(), x.Figures)
}
