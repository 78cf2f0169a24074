package evidence

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"example.org/countersign/internal/design/chart"
	"example.org/countersign/internal/design/phrase"
)

const unclassified = "not classified"

// maxSeries is how many categories a chart tells apart.
const maxSeries = 5

func (b *builder) volume() []block {
	r := b.report
	blocks := []block{{charts: []chart.Drawing{b.weeksChart(), b.backlogChart()}}}
	flow := &grid{caption: "Communications by channel", empty: "Nothing was recorded in this period.", columns: []column{
		{"Channel", 3, plain}, {"Address", 3, plain}, {"In", 1, amount}, {"Answers", 1, amount}, {"Confirmations", 1.4, amount}, {"Notes", 1, amount}}}
	row := func(name, address string, f Flow) []string {
		return []string{name, address, phrase.Number(f.Inbound), phrase.Number(f.Answers), phrase.Number(f.Confirmations), phrase.Number(f.Notes)}
	}
	for _, c := range r.Channels {
		flow.rows = append(flow.rows, row(c.Name, c.Address, c.Flow))
	}
	if len(r.Channels) > 1 {
		flow.rows = append(flow.rows, row("All", "", r.Communications))
	}
	blocks = append(blocks, block{grid: flow})
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
		g := &grid{caption: list.caption, empty: "None.", columns: []column{{list.label, 4, plain}, {"Cases", 1, amount}, {"Share", 1, amount}}}
		all := int64(0)
		for _, c := range list.counts {
			all += c.N
		}
		for _, c := range list.counts {
			if c.N > 0 {
				g.rows = append(g.rows, []string{orElse(c.Name, list.missing), phrase.Number(c.N), phrase.Percent(c.N, all)})
			}
		}
		blocks = append(blocks, block{grid: g})
	}
	return append(blocks, block{grid: b.weeksGrid()})
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

func (b *builder) weeksGrid() *grid {
	g := &grid{caption: "By week, from Monday in UTC", empty: "The period has no weeks.", columns: []column{
		{"Week from", 2, plain}, {"Messages in", 1, amount}, {"Cases received", 1, amount}, {"Answers out", 1, amount}}}
	for _, w := range b.report.Weeks {
		received := int64(0)
		for _, n := range w.Received {
			received += n
		}
		g.rows = append(g.rows, []string{phrase.Day(w.From), phrase.Number(w.Inbound), phrase.Number(received), phrase.Number(w.Answers)})
	}
	return g
}

func (b *builder) times() []block {
	c := chart.Response{Title: "First answers against their targets", Calendar: true}
	g := &grid{caption: "First answers by severity", columns: []column{
		{"Severity", 1.6, plain}, {"Target", 1.6, plain}, {"Answered", 1, amount}, {"Median", 1.2, amount}, {"Nine in ten", 1.2, amount},
		{"Met", 0.8, amount}, {"Missed", 0.8, amount}, {"Unanswered, late", 1.2, amount}, {"Within target", 1.2, amount}}}
	for _, t := range append(slices.Clone(b.report.Timings), b.report.Overall) {
		name, target := orElse(t.Severity, unclassified), "none"
		if t.Target > 0 {
			target = words(t.Target) + ", business hours"
			if t.DayAndNight {
				target = words(t.Target) + ", day and night"
			}
		}
		if len(g.rows) == len(b.report.Timings) {
			name, target = "all", ""
		} else if t.Answered > 0 {
			c.Rows = append(c.Rows, chart.Timing{Label: name, Count: int(t.Answered), Median: t.Median, P90: t.P90, Target: t.Target})
		}
		g.rows = append(g.rows, []string{name, target, phrase.Number(t.Answered), took(t, t.Median), took(t, t.P90),
			phrase.Number(t.Met), phrase.Number(t.Missed), phrase.Number(t.Late), phrase.Percent(t.Met, t.Met+t.Missed+t.Late)})
	}
	return []block{{charts: []chart.Drawing{c.Draw()}}, {grid: g},
		{text: "The targets shown are those in force at the end of the period; each case was measured by those in force for it, which its row in records/cases names."}}
}

func took(t Timing, d time.Duration) string {
	if t.Answered == 0 {
		return "none"
	}
	return words(d)
}

func (b *builder) approvalBlocks() []block {
	r := b.report
	g := &grid{caption: "Answers sent in the period, by how many persons approved them", empty: "No answer was sent in this period.",
		columns: []column{{"Approved by", 4, plain}, {"Answers", 1, amount}, {"Share", 1, amount}}}
	for _, c := range r.Approvals {
		g.rows = append(g.rows, []string{c.Name, phrase.Number(c.N), phrase.Percent(c.N, r.Sent)})
	}
	return []block{
		{text: "Nobody approves an answer that they wrote part of, and an approval holds for exactly the text, recipients, attachments and channel that were approved. Who must approve is said by the approval matrix, whose rows are in records/approval-matrix. Every answer, its authors and approvers and the two hashes that show that what was sent is what was approved are in records/responses and records/approvals."},
		{grid: g},
	}
}

func (b *builder) exceptionBlocks() []block {
	g := &grid{caption: "Exceptions by type", columns: []column{{"Type", 4, plain}, {"Count", 1, amount}}}
	for _, c := range b.report.Exceptions {
		g.rows = append(g.rows, []string{c.Name, phrase.Number(c.N)})
	}
	list := &grid{caption: "Every exception", empty: "There is none.", columns: []column{
		{"Type", 2, plain}, {"Case", 1.5, mono}, {"Time", 2, plain}, {"Who", 1.4, plain}, {"What", 4, plain}}}
	for i, x := range b.tally.exceptions {
		if i == maxListed {
			break
		}
		list.rows = append(list.rows, []string{x.kind, x.number, instant(x.at), b.name(x.who), x.what})
	}
	blocks := []block{{grid: g}, {grid: list}}
	if n := len(b.tally.exceptions); n > maxListed {
		blocks = append(blocks, notAll(maxListed, n, "records/exceptions.csv"))
	}
	return blocks
}

func notAll(shown, of int, file string) block {
	return block{text: fmt.Sprintf("These are the first %s of %s; all of them are in %s.", phrase.Number(int64(shown)), phrase.Number(int64(of)), file)}
}

func (b *builder) caseBlocks() []block {
	g := &grid{caption: "Cases with their clocks and approvals", empty: "There is none.", columns: []column{
		{"Case", 1.7, mono}, {"Subject", 3, plain}, {"Received", 1.8, plain}, {"Severity", 1.1, plain}, {"First answer", 2, plain},
		{"Answered by", 2.2, plain}, {"State", 1.1, plain}, {"Entry", 0.9, amount}}}
	for _, l := range b.lines {
		g.rows = append(g.rows, []string{l.number, l.subject, l.received, l.severity, l.clock, l.people, l.state, strconv.FormatInt(l.entry, 10)})
	}
	blocks := []block{{grid: g}}
	if n := b.rowsOf("cases"); n > int64(len(b.lines)) {
		blocks = append(blocks, notAll(len(b.lines), int(n), "records/cases.csv"))
	}
	return blocks
}

func (b *builder) rowsOf(table string) int64 {
	for _, t := range b.tables {
		if t.name == table {
			return t.rows
		}
	}
	return 0
}

func (b *builder) completeness() []block {
	r := b.report
	numbers := &grid{caption: "Tracking numbers given in the period", empty: "None was given.", columns: []column{
		{"Year", 1, plain}, {"First", 2, mono}, {"Last", 2, mono}, {"Count", 1, amount}, {"Gaps", 1, amount}}}
	for _, n := range r.Numbers {
		numbers.rows = append(numbers.rows, []string{strconv.Itoa(n.Year), n.First, n.Last, phrase.Number(n.Count), "0"})
	}
	kinds := &grid{caption: "Entries of the period, by kind of record", empty: "Nothing was recorded in this period.", columns: []column{
		{"Kind", 2, plain}, {"First number", 1, amount}, {"Last number", 1, amount}, {"Entries", 1, amount}, {"Gaps", 1, amount}}}
	for _, k := range r.Kinds {
		kinds.rows = append(kinds.rows, []string{k.Kind, phrase.Number(k.First), phrase.Number(k.Last), phrase.Number(k.Last - k.First + 1), "0"})
	}
	return []block{
		{text: "Everything that happened to a record is an entry in an append-only log, numbered without gaps per kind of record, under a signed root. When this package was made, every entry up to the end of the period was read and found under that root; every document of the period was opened and found to be what its entry commits to; the tables of records were held against the log; and the rows of records/ were added up again and agree with every number in this report. Had anything been missing or altered, there would be no package."},
		{grid: numbers}, {grid: kinds},
	}
}

func (b *builder) checking() []block {
	return []block{
		{text: "The package proves itself, offline and without trust in whoever made it. With the program of the product:"},
		{code: "countersign verify FILE.zip"},
		{text: "It says what is proved and what is not, or names the first thing that is wrong. Compare the log's key with one that you have from elsewhere; without that a package proves only that it agrees with itself:"},
		{code: b.report.Log.Key},
		{text: "README.txt says how to check single files with common tools, and what the formats are."},
	}
}
