package evidence

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"example.org/countersign/internal/design/chart"
	"example.org/countersign/internal/design/phrase"
	"example.org/countersign/internal/paper"
)

const unclassified = "not classified"

// maxSeries is how many categories a chart tells apart.
const maxSeries = 5

func (b *builder) volume() []paper.Block {
	r := b.report
	blocks := []paper.Block{{Charts: []chart.Drawing{b.weeksChart(), b.backlogChart()}}}
	flow := &paper.Grid{Caption: "Communications by channel", Empty: "Nothing was recorded in this period.", Columns: []paper.Column{
		paper.Plain.Of("Channel", 3), paper.Plain.Of("Address", 3), paper.Amount.Of("In", 1), paper.Amount.Of("Answers", 1), paper.Amount.Of("Confirmations", 1.4), paper.Amount.Of("Notes", 1)}}
	row := func(name, address string, f Flow) []string {
		return []string{name, address, phrase.Number(f.Inbound), phrase.Number(f.Answers), phrase.Number(f.Confirmations), phrase.Number(f.Notes)}
	}
	for _, c := range r.Channels {
		flow.Rows = append(flow.Rows, row(c.Name, c.Address, c.Flow))
	}
	if len(r.Channels) > 1 {
		flow.Rows = append(flow.Rows, row("All", "", r.Communications))
	}
	blocks = append(blocks, paper.Block{Grid: flow})
	for _, list := range []struct {
		caption, label string
		counts         []Count
		missing        string
	}{
		{"Cases received, by category", "Category", r.Categories, unclassified},
		{"Cases received, by severity", "Severity", r.Severities, unclassified},
		{"Cases received and set aside", "As", r.Dispositions, ""},
		{"Cases not closed at the end", "State", r.Backlog, ""},
	} {
		g := &paper.Grid{Caption: list.caption, Empty: "None.", Columns: []paper.Column{paper.Plain.Of(list.label, 4), paper.Amount.Of("Cases", 1), paper.Amount.Of("Share", 1)}}
		all := int64(0)
		for _, c := range list.counts {
			all += c.N
		}
		for _, c := range list.counts {
			if c.N > 0 {
				g.Rows = append(g.Rows, []string{orElse(c.Name, list.missing), phrase.Number(c.N), phrase.Percent(c.N, all)})
			}
		}
		blocks = append(blocks, paper.Block{Grid: g})
	}
	return append(blocks, paper.Block{Grid: b.weeksGrid()})
}

// weeksChart draws the cases received, by week and category; of many weeks
// several are drawn as one column.
func (b *builder) weeksChart() chart.Drawing {
	v := chart.Volume{Title: "Cases received by week", Noun: "case", Many: "cases"}
	var shown []string
	for i, c := range b.report.Categories {
		if i < maxSeries {
			shown = append(shown, c.Name)
			v.Categories = append(v.Categories, orElse(c.Name, unclassified))
		} else if i == maxSeries {
			v.Categories = append(v.Categories, "other")
		}
	}
	const most = 27
	each := (len(b.report.Weeks) + most - 1) / most
	for i, w := range b.report.Weeks {
		if i%each == 0 {
			name := "week of " + phrase.Day(w.From)
			if each > 1 {
				name = fmt.Sprintf("%d weeks from %s", each, phrase.Day(w.From))
			}
			v.Spans = append(v.Spans, chart.Span{Label: w.From.Format("2 Jan"), Name: name, Counts: make([]int, len(v.Categories))})
		}
		span := &v.Spans[len(v.Spans)-1]
		for category, n := range w.Received {
			at := slices.Index(shown, category)
			if at < 0 {
				at = len(v.Categories) - 1
			}
			span.Counts[at] += int(n)
		}
	}
	return v.Draw()
}

func (b *builder) backlogChart() chart.Drawing {
	c := chart.Backlog{Title: "Not closed at the end", Noun: "case", Many: "cases"}
	for _, p := range b.report.Backlog {
		c.Parts = append(c.Parts, chart.Part{Label: p.Name, Count: int(p.N)})
	}
	return c.Draw()
}

func (b *builder) weeksGrid() *paper.Grid {
	g := &paper.Grid{Caption: "By week, from Monday in UTC", Empty: "The period has no weeks.", Columns: []paper.Column{
		paper.Plain.Of("Week from", 2), paper.Amount.Of("Messages in", 1), paper.Amount.Of("Cases received", 1), paper.Amount.Of("Answers out", 1)}}
	for _, w := range b.report.Weeks {
		received := int64(0)
		for _, n := range w.Received {
			received += n
		}
		g.Rows = append(g.Rows, []string{phrase.Day(w.From), phrase.Number(w.Inbound), phrase.Number(received), phrase.Number(w.Answers)})
	}
	return g
}

func (b *builder) times() []paper.Block {
	c := chart.Response{Title: "First answers against their targets", Calendar: true}
	g := &paper.Grid{Caption: "First answers by severity", Columns: []paper.Column{
		paper.Plain.Of("Severity", 1.6), paper.Plain.Of("Target", 1.6), paper.Amount.Of("Answered", 1), paper.Amount.Of("Median", 1.2), paper.Amount.Of("Nine in ten", 1.2),
		paper.Amount.Of("Met", 0.8), paper.Amount.Of("Missed", 0.8), paper.Amount.Of("Unanswered, late", 1.2), paper.Amount.Of("Within target", 1.2)}}
	for _, t := range append(slices.Clone(b.report.Timings), b.report.Overall) {
		name, target := orElse(t.Severity, unclassified), "none"
		if t.Target > 0 {
			target = words(t.Target) + ", business hours"
			if t.DayAndNight {
				target = words(t.Target) + ", day and night"
			}
		}
		if len(g.Rows) == len(b.report.Timings) {
			name, target = "all", ""
		} else if t.Answered > 0 {
			c.Rows = append(c.Rows, chart.Timing{Label: name, Count: int(t.Answered), Median: t.Median, P90: t.P90, Target: t.Target})
		}
		g.Rows = append(g.Rows, []string{name, target, phrase.Number(t.Answered), took(t, t.Median), took(t, t.P90),
			phrase.Number(t.Met), phrase.Number(t.Missed), phrase.Number(t.Late), phrase.Percent(t.Met, t.Met+t.Missed+t.Late)})
	}
	return []paper.Block{{Charts: []chart.Drawing{c.Draw()}}, {Grid: g},
		{Text: "The targets shown are those in force at the end of the period; each case was measured by those in force for it, which its row in records/cases names."}}
}

func took(t Timing, d time.Duration) string {
	if t.Answered == 0 {
		return "none"
	}
	return words(d)
}

func (b *builder) approvalBlocks() []paper.Block {
	r := b.report
	g := &paper.Grid{Caption: "Answers sent in the period, by how many persons approved them", Empty: "No answer was sent in this period.",
		Columns: []paper.Column{paper.Plain.Of("Approved by", 4), paper.Amount.Of("Answers", 1), paper.Amount.Of("Share", 1)}}
	for _, c := range r.Approvals {
		g.Rows = append(g.Rows, []string{c.Name, phrase.Number(c.N), phrase.Percent(c.N, r.Sent)})
	}
	return []paper.Block{
		{Text: "Nobody approves an answer that they wrote part of, and an approval holds for exactly the text, recipients, attachments and channel that were approved. Who must approve is said by the approval matrix, whose rows are in records/approval-matrix. Every answer, its authors and approvers and the two hashes that show that what was sent is what was approved are in records/responses and records/approvals."},
		{Grid: g},
	}
}

func (b *builder) exceptionBlocks() []paper.Block {
	g := &paper.Grid{Caption: "Exceptions by type", Columns: []paper.Column{paper.Plain.Of("Type", 4), paper.Amount.Of("Count", 1)}}
	for _, c := range b.report.Exceptions {
		g.Rows = append(g.Rows, []string{c.Name, phrase.Number(c.N)})
	}
	list := &paper.Grid{Caption: "Every exception", Empty: "There is none.", Columns: []paper.Column{
		paper.Plain.Of("Type", 2), paper.Mono.Of("Case", 1.5), paper.Plain.Of("Time", 2), paper.Plain.Of("Who", 1.4), paper.Plain.Of("What", 4)}}
	for i, x := range b.tally.exceptions {
		if i == maxListed {
			break
		}
		list.Rows = append(list.Rows, []string{x.kind, x.number, instant(x.at), b.name(x.who), x.what})
	}
	blocks := []paper.Block{{Grid: g}, {Grid: list}}
	if n := len(b.tally.exceptions); n > maxListed {
		blocks = append(blocks, notAll(maxListed, n, "records/exceptions.csv"))
	}
	return blocks
}

func notAll(shown, of int, file string) paper.Block {
	return paper.Block{Text: fmt.Sprintf("These are the first %s of %s; all of them are in %s.", phrase.Number(int64(shown)), phrase.Number(int64(of)), file)}
}

func (b *builder) caseBlocks() []paper.Block {
	g := &paper.Grid{Caption: "Cases with their clocks and approvals", Empty: "There is none.", Columns: []paper.Column{
		paper.Mono.Of("Case", 1.7), paper.Plain.Of("Subject", 3), paper.Plain.Of("Received", 1.8), paper.Plain.Of("Severity", 1.1), paper.Plain.Of("First answer", 2),
		paper.Plain.Of("Answered by", 2.2), paper.Plain.Of("State", 1.1), paper.Amount.Of("Entry", 0.9)}}
	for _, l := range b.lines {
		g.Rows = append(g.Rows, []string{l.number, l.subject, l.received, l.severity, l.clock, l.people, l.state, strconv.FormatInt(l.entry, 10)})
	}
	blocks := []paper.Block{{Grid: g}}
	if n := b.rowsOf("cases"); n > int64(len(b.lines)) {
		blocks = append(blocks, notAll(len(b.lines), int(n), "records/cases.csv"))
	}
	return blocks
}

func (b *builder) rowsOf(table string) int64 {
	for _, t := range b.tables {
		if t.Name == table {
			return t.Rows
		}
	}
	return 0
}

func (b *builder) completeness() []paper.Block {
	r := b.report
	numbers := &paper.Grid{Caption: "Tracking numbers given in the period", Empty: "None was given.", Columns: []paper.Column{
		paper.Plain.Of("Year", 1), paper.Mono.Of("First", 2), paper.Mono.Of("Last", 2), paper.Amount.Of("Count", 1), paper.Amount.Of("Gaps", 1)}}
	for _, n := range r.Numbers {
		numbers.Rows = append(numbers.Rows, []string{strconv.Itoa(n.Year), n.First, n.Last, phrase.Number(n.Count), "0"})
	}
	kinds := &paper.Grid{Caption: "Entries of the period, by kind of record", Empty: "Nothing was recorded in this period.", Columns: []paper.Column{
		paper.Plain.Of("Kind", 2), paper.Amount.Of("First number", 1), paper.Amount.Of("Last number", 1), paper.Amount.Of("Entries", 1), paper.Amount.Of("Gaps", 1)}}
	for _, k := range r.Kinds {
		kinds.Rows = append(kinds.Rows, []string{k.Kind, phrase.Number(k.First), phrase.Number(k.Last), phrase.Number(k.Last - k.First + 1), "0"})
	}
	return append([]paper.Block{
		{Text: "Everything that happened to a record is an entry in an append-only log, numbered without gaps per kind of record, under a signed root. When this package was made, every entry up to the end of the period was read and found under that root; every document of the period was opened and found to be what its entry commits to; the tables of records were held against the log; and the rows of records/ were added up again and agree with every number in this report. Had anything been missing or altered, there would be no package."},
		{Grid: numbers}, {Grid: kinds},
	}, b.sources()...)
}

func (b *builder) checking() []paper.Block {
	return []paper.Block{
		{Text: "The package proves itself, offline and without trust in whoever made it. With the program of the product:"},
		{Code: "countersign verify FILE.zip"},
		{Text: "It says what is proved and what is not, or names the first thing that is wrong. Compare the log's key with one that you have from elsewhere; without that a package proves only that it agrees with itself:"},
		{Code: b.report.Log.Key},
		{Text: "README.txt says how to check single files with common tools, and what the formats are."},
	}
}
