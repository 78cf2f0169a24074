package evidence

import (
	"fmt"
	"strings"
	"time"

	"example.org/countersign/internal/clock"
	"example.org/countersign/internal/design/chart"
	"example.org/countersign/internal/design/phrase"
	"example.org/countersign/internal/intake"
)

// document is a report before it becomes HTML or PDF: both show all of it.
type document struct {
	title, subtitle string
	facts           []pair
	sections        []section
}

type pair struct{ label, value string }

type section struct {
	id, title string
	blocks    []block
}

// block is one part of a section: one of its fields is set.
type block struct {
	text    string
	code    string
	facts   []pair
	figures []figure
	charts  []chart.Drawing
	grid    *grid
}

type figure struct{ label, value, note string }

// grid is a table of text.
type grid struct {
	caption string
	columns []column
	rows    [][]string
	empty   string // what is said where there are no rows
}

// column is a column of a grid. share is its part of the width in print.
type column struct {
	label string
	share float64
	kind  kind
}

// kind says what a column holds.
type kind uint8

const (
	plain  kind = iota
	amount      // a number, aligned to the end
	mono        // a tracking number or a hash
	link        // a file of the package
)

// maxListed is how many rows the two reports list at most; all are in the CSV.
const maxListed = 5000

// caseLine is a case as the reports list it.
type caseLine struct {
	number, subject, received, severity, clock, people, state string
	entry                                                     int64
}

func (b *builder) line(v *version, c *intake.Case, x verdict) {
	if len(b.lines) == maxListed {
		return
	}
	l := caseLine{number: c.Number, subject: c.Subject, received: instant(c.ReceivedAt), severity: orElse(string(c.Severity), "not classified"),
		clock: clockWords(c, x), state: string(c.State), entry: v.entry}
	if l.subject == "" {
		l.subject = "(not shown)"
	}
	if c.Disposition != "" {
		l.state = "set aside: " + string(c.Disposition)
	}
	if a := b.answers[v.record]; a != nil {
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

// document lays the report out.
func (b *builder) document() *document {
	r := b.report
	d := &document{title: "External communications", subtitle: "Evidence for " + r.Period.String(), facts: []pair{
		{"Organisation", r.Organisation}, {"Period", r.Period.String() + " (UTC)"}, {"Made", phrase.Exact(r.MadeAt) + " by " + b.register.person(b.actor.ID)},
	}}
	d.sections = []section{
		{"summary", "Summary", b.summary()},
		{"scope", "What this covers", b.scope()},
		{"volume", "Volume", b.volume()},
		{"times", "Response times", b.times()},
		{"approvals", "Answers and approvals", b.approvalBlocks()},
		{"exceptions", "Exceptions", b.exceptionBlocks()},
		{"records", "Cases", b.caseBlocks()},
		{"completeness", "Completeness", b.completeness()},
		{"verify", "How to check this", b.checking()},
	}
	return d
}

func (b *builder) summary() []block {
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
	return []block{{figures: []figure{
		{"Cases received", phrase.Number(r.Received), phrase.Count(r.Communications.Inbound, "message", "messages") + " from outside"},
		{"Within target", phrase.Percent(r.Overall.Met, judged), fmt.Sprintf("%s of %s targets", phrase.Number(r.Overall.Met), phrase.Number(judged))},
		{"Median first answer", median, phrase.Count(r.Answered, "first answer", "first answers") + " in the period"},
		{"Not closed at the end", phrase.Number(waiting), fmt.Sprintf("%s unanswered and late", phrase.Number(r.Overall.Late))},
		{"Exceptions", phrase.Number(exceptions), "listed below"},
	}}}
}

// scope says where every number comes from, as auditors ask of information
// that the entity produces: query, parameters, rows, who, when, with what.
func (b *builder) scope() []block {
	r := b.report
	end := "its end"
	if r.AsOf.Before(r.Period.To) {
		end = phrase.Exact(r.AsOf) + ", when this was made, because the period was not over"
	}
	rows := make([]string, len(b.tables))
	for i, t := range b.tables {
		rows[i] = fmt.Sprintf("%s %s", t.name, phrase.Number(t.rows))
	}
	numbers := "none was given"
	if len(r.Numbers) > 0 {
		var parts []string
		for _, n := range r.Numbers {
			parts = append(parts, fmt.Sprintf("%s to %s (%s, no gap)", n.First, n.Last, phrase.Number(n.Count)))
		}
		numbers = strings.Join(parts, "; ")
	}
	return []block{
		{text: "The population: every communication that was recorded in the period, in or out, and every internal note; every case that was received in it, touched in it, or open at its end; every answer that was touched in it, and earlier answers to these cases. A record is shown as it stood at " + end + ". A case counts as received when its first message was recorded."},
		{text: "A first answer counts in the period in which it was delivered; its target was met or missed. A case without an answer counts as late where its deadline had passed at the end. Cases set aside as spam or out of scope have no clock. Automatic confirmations stop no clock. Median and nine in ten are in the time that the target counts, which is business hours unless it says otherwise."},
		{facts: []pair{
			{"Query", fmt.Sprintf("entries %s to %s of the log %s, and what they refer to", phrase.Number(r.Log.First), phrase.Number(max(r.Log.First+r.Log.Count-1, r.Log.First)), r.Log.Origin)},
			{"Parameters", fmt.Sprintf("from %s, until before %s, raw content %s", stamp(r.Period.From.UnixMicro()), stamp(r.Period.To.UnixMicro()), map[bool]string{true: "included", false: "not included"}[b.opt.WithRaw])},
			{"Time zone", "UTC, for days, weeks and times"},
			{"Tracking numbers given", numbers},
			{"Rows", strings.Join(rows, ", ")},
			{"Made by", fmt.Sprintf("%s (%s), %s", b.register.person(b.actor.ID), b.actor.Role, phrase.Exact(r.MadeAt))},
			{"Made with", r.Generator},
			{"Log", fmt.Sprintf("%s entries, root %s", phrase.Number(r.Log.Size), r.Log.Root)},
		}},
	}
}
