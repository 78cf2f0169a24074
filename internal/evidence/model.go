package evidence

import (
	"fmt"
	"strings"
	"time"

	"example.org/countersign/internal/clock"
	"example.org/countersign/internal/design/phrase"
	"example.org/countersign/internal/evidence/extract"
	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/paper"
	"example.org/countersign/verify/format"
)

// maxListed is how many rows the two reports list at most; all are in the CSV.
const maxListed = 5000

// caseLine is a case as the reports list it.
type caseLine struct {
	number, subject, received, severity, clock, people, state string
	entry                                                     int64
}

func (b *builder) line(v *extract.Version, c *intake.Case, x verdict) {
	if len(b.lines) == maxListed {
		return
	}
	l := caseLine{number: c.Number, subject: c.Subject, received: instant(c.ReceivedAt), severity: orElse(string(c.Severity), "not classified"),
		clock: clockWords(c, x), state: string(c.State), entry: v.Entry}
	if l.subject == "" {
		l.subject = "(not shown)"
	}
	if c.Disposition != "" {
		l.state = "set aside: " + string(c.Disposition)
	}
	if a := b.answers[v.Record]; a != nil {
		l.people = strings.Join(a.responders, ", ")
		if len(a.approvers) > 0 {
			l.people += "; approved by " + strings.Join(a.approvers, ", ")
		}
	}
	b.lines = append(b.lines, l)
}

// clockWords says what became of a case's clock.
func clockWords(c *intake.Case, x verdict) string {
	limit := ""
	if x.target > 0 {
		limit = " of " + words(x.target)
	}
	switch x.state {
	case clock.Met:
		return "met in " + words(x.took) + limit
	case clock.Missed:
		return "late: " + words(x.took) + limit
	case clock.Late:
		return "unanswered, late: " + words(x.took) + limit
	case clock.Running:
		return "running: " + words(x.took) + limit
	case clock.Paused:
		return "paused"
	}
	if c.FirstResponseAt != 0 {
		return "answered, no target"
	}
	return "no clock"
}

func instant(micros int64) string {
	if micros == 0 {
		return ""
	}
	return phrase.Instant(time.UnixMicro(micros).UTC())
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// titled begins a document of the package.
func (b *builder) titled(title, subtitle string) *paper.Document {
	r := b.report
	return &paper.Document{Title: title, Subtitle: subtitle, Facts: paper.Facts("Organisation", r.Organisation, "Period", r.Period.String()+" (UTC)",
		"Made", phrase.Exact(r.MadeAt)+" by "+b.register.person(b.actor.ID))}
}

// document lays the report out.
func (b *builder) document() *paper.Document {
	d := b.titled("External communications", "Evidence for "+b.report.Period.String())
	d.Sections = []paper.Section{
		{ID: "summary", Title: "Summary", Blocks: b.summary()},
		{ID: "scope", Title: "What this covers", Blocks: b.scope()},
		{ID: "volume", Title: "Volume", Blocks: b.volume()},
		{ID: "times", Title: "Response times", Blocks: b.times()},
		{ID: "approvals", Title: "Answers and approvals", Blocks: b.approvalBlocks()},
		{ID: "exceptions", Title: "Exceptions", Blocks: b.exceptionBlocks()},
		{ID: "records", Title: "Cases", Blocks: b.caseBlocks()},
		{ID: "completeness", Title: "Completeness", Blocks: b.completeness()},
		{ID: "verify", Title: "How to check this", Blocks: b.checking()},
	}
	return d
}

func (b *builder) summary() []paper.Block {
	r := b.report
	exceptions := int64(0)
	for _, c := range r.Exceptions {
		exceptions += c.N
	}
	waiting := int64(0)
	for _, c := range r.Backlog {
		waiting += c.N
	}
	judged := r.Overall.Met + r.Overall.Missed + r.Overall.Late
	median := "none"
	if r.Overall.Answered > 0 {
		median = words(r.Overall.Median)
	}
	return []paper.Block{{Figures: []paper.Figure{
		{Label: "Cases received", Value: phrase.Number(r.Received), Note: phrase.Count(r.Communications.Inbound, "message", "messages") + " from outside"},
		{Label: "Within target", Value: phrase.Percent(r.Overall.Met, judged), Note: fmt.Sprintf("%s of %s targets", phrase.Number(r.Overall.Met), phrase.Number(judged))},
		{Label: "Median first answer", Value: median, Note: phrase.Count(r.Answered, "first answer", "first answers") + " in the period"},
		{Label: "Not closed at the end", Value: phrase.Number(waiting), Note: phrase.Number(r.Overall.Late) + " unanswered and late"},
		{Label: "Exceptions", Value: phrase.Number(exceptions), Note: "listed below"},
	}}}
}

// scope says where every number comes from, as auditors ask of information
// that the entity produces: query, parameters, rows, who, when, with what.
func (b *builder) scope() []paper.Block {
	r := b.report
	end := "its end"
	if r.AsOf.Before(r.Period.To) {
		end = phrase.Exact(r.AsOf) + ", when this was made, because the period was not over"
	}
	rows := make([]string, len(b.tables))
	for i, t := range b.tables {
		rows[i] = fmt.Sprintf("%s %s", t.Name, phrase.Number(t.Rows))
	}
	numbers := "none was given"
	if len(r.Numbers) > 0 {
		var parts []string
		for _, n := range r.Numbers {
			parts = append(parts, fmt.Sprintf("%s to %s (%s, no gap)", n.First, n.Last, phrase.Number(n.Count)))
		}
		numbers = strings.Join(parts, "; ")
	}
	return []paper.Block{
		{Text: "The population: every communication that was recorded in the period, in or out, and every internal note; every case that was received in it, touched in it, or open at its end; every answer that was touched in it, and earlier answers to these cases. A record is shown as it stood at " + end + ". A case counts as received when its first message was recorded."},
		{Text: "A first answer counts in the period in which it was delivered; its target was met or missed. A case without an answer counts as late where its deadline had passed at the end. Cases set aside as spam or out of scope have no clock. Automatic confirmations stop no clock. Median and nine in ten are in the time that the target counts, which is business hours unless it says otherwise."},
		{Facts: paper.Facts(
			"Query", fmt.Sprintf("entries %s to %s of the log %s, and what they refer to", phrase.Number(r.Log.First), phrase.Number(max(r.Log.First+r.Log.Count-1, r.Log.First)), r.Log.Origin),
			"Parameters", fmt.Sprintf("from %s, until before %s, raw content %s", format.Instant(r.Period.From.UnixMicro()), format.Instant(r.Period.To.UnixMicro()), map[bool]string{true: "included", false: "not included"}[b.opt.WithRaw]),
			"Time zone", "UTC, for days, weeks and times",
			"Tracking numbers given", numbers,
			"Rows", strings.Join(rows, ", "),
			"Made by", fmt.Sprintf("%s (%s), %s", b.register.person(b.actor.ID), b.actor.Role, phrase.Exact(r.MadeAt)),
			"Made with", r.Generator,
			"Log", fmt.Sprintf("%s entries, root %s", phrase.Number(r.Log.Size), r.Log.Root),
		)},
	}
}
