package web

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"example.org/countersign/internal/design"
	"example.org/countersign/internal/design/chart"
	"example.org/countersign/internal/design/phrase"
	"example.org/countersign/internal/evidence"
	"example.org/countersign/internal/fault"
)

// evidencePage is a period in numbers, and the packages that were made.
type evidencePage struct {
	design.Staff
	Header   design.Header
	Presets  design.Tabs
	Period   Form
	Make     *design.NextAct
	Figures  []design.Figure
	Charts   []design.Chart
	Findings design.Table
	Made     design.Table
}

// quarter returns the quarter that holds t, moved by n quarters.
func quarter(t time.Time, n int) evidence.Period {
	from := time.Date(t.Year(), (t.Month()-1)/3*3+1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 3*n, 0)
	return evidence.Period{From: from, To: from.AddDate(0, 3, 0)}
}

// days are the first and the last day of a period.
func days(p evidence.Period) (string, string) {
	return p.From.Format(time.DateOnly), p.To.AddDate(0, 0, -1).Format(time.DateOnly)
}

// period reads the first and the last day from a form or a query.
func (q *request) period(get func(string) string) (evidence.Period, error) {
	if get("from") == "" && get("to") == "" {
		return quarter(q.now.UTC(), 0), nil
	}
	from, err1 := time.Parse(time.DateOnly, get("from"))
	to, err2 := time.Parse(time.DateOnly, get("to"))
	switch {
	case err1 != nil:
		return evidence.Period{}, fault.New(fault.Invalid, "from: write the first day as 2026-07-01")
	case err2 != nil:
		return evidence.Period{}, fault.New(fault.Invalid, "to: write the last day as 2026-09-30")
	case to.Before(from):
		return evidence.Period{}, fault.New(fault.Invalid, "to: the last day is before the first")
	}
	return evidence.Period{From: from, To: to.AddDate(0, 0, 1)}, nil
}

func (q *request) evidence() error {
	query := q.query()
	f := newForm("period", query)
	p, err := q.period(query.Get)
	if err != nil {
		f.takes(err, "from")
		p = quarter(q.now.UTC(), 0)
	}
	return q.showEvidence(p, f)
}

func (q *request) showEvidence(period evidence.Period, f *form) error {
	from, to := days(period)
	p := evidencePage{Staff: q.frame("Evidence", "/evidence"), Header: design.Header{Title: "Evidence", Note: "The numbers of " + period.String() + ", and the package that proves them offline."}}
	p.Presets = design.Tabs{Label: "Quarters"}
	for n := -3; n <= 0; n++ {
		x := quarter(q.now.UTC(), n)
		a, b := days(x)
		p.Presets.Tabs = append(p.Presets.Tabs, design.Tab{Label: fmt.Sprintf("Q%d %d", (x.From.Month()-1)/3+1, x.From.Year()), Href: "/evidence?from=" + a + "&to=" + b, Current: a == from && b == to})
	}
	p.Period = Form{Method: "get", Row: true, Action: "/evidence", Fields: f.fields(design.Field{Name: "from", Label: "First day", Kind: design.Date, Value: from}, design.Field{Name: "to", Label: "Last day", Kind: design.Date, Value: to}), Buttons: []design.Button{{Label: "Show", Icon: "list-filter"}}}
	if q.may(packers) {
		p.Make = &design.NextAct{Title: "Make the package", Why: "Everything that happened in " + period.String() + ", with its proofs. Anybody can verify it offline.", Action: "/evidence/package", Hidden: []design.Pair{{Name: "from", Value: from}, {Name: "to", Value: to}},
			Effects: []design.Effect{{Icon: "file-text", Text: "A report, every record as CSV and JSON, entries, documents and proofs"}, {Icon: "download", Text: "It is checked while it is made, sealed in the ledger, and downloaded"}},
			Fields:  []design.Field{{Name: "raw", Label: "With raw messages and attachments, but never an anonymous reporter’s original", Kind: design.Confirm, Options: []design.Option{{Value: "yes"}}}},
			Buttons: []design.Button{{Label: "Make the package", Weight: design.Primary, Icon: "package"}}}
	}
	if !period.From.After(q.now) {
		r, err := q.Evidence.Report(q.ctx, period)
		if err != nil {
			return err
		}
		if err := p.numbers(r, q.may(readers)); err != nil {
			return err
		}
	}
	made, err := q.Evidence.Made(q.ctx)
	if err != nil {
		return err
	}
	p.Made = design.Table{Caption: "Packages made", Columns: []design.Column{{Label: "Period"}, {Label: "Made", Width: design.Narrow, Place: design.Meta}, {Label: "By", Place: design.Meta}, {Label: "Entries", Width: design.Narrow, End: true, Place: design.Meta}, {Label: "Manifest", Width: design.Narrow, Place: design.Full}, {Label: "Seal", Width: design.Narrow, Place: design.End}},
		Empty: design.EmptyState{Title: "No package yet", Text: "A package holds the record of a period with its proofs; anybody can verify it offline."}}
	for _, m := range made {
		p.Made.Rows = append(p.Made.Rows, design.Row{Cells: []design.Cell{{Text: m.From + " to " + m.To, Sub: letOut(m)}, {Moment: &design.Moment{At: micros(m.MadeAt)}}, {Text: q.People.Name(q.ctx, m.By)}, {Text: phrase.Number(m.Count)},
			{Text: phrase.Hash(m.ManifestSHA256)}, {Seal: &design.Seal{Kind: design.Sealed, Href: entryHref(m.Entry)}}}})
	}
	return q.show(f.code(), "evidence", p)
}

// numbers draws a report; its parts lead to the cases behind them where who
// looks may read cases.
func (p *evidencePage) numbers(r *evidence.Report, cases bool) error {
	behind := func(href string) string {
		if !cases {
			return ""
		}
		return href
	}
	met := r.Overall.Met
	p.Figures = []design.Figure{
		{Label: "Communications", Value: phrase.Number(r.Communications.All()), Note: fmt.Sprintf("%d in, %d answers, %d confirmations", r.Communications.Inbound, r.Communications.Answers, r.Communications.Confirmations)},
		{Label: "Cases opened", Value: phrase.Number(r.Received), Note: phrase.Count(r.Closed, "case closed", "cases closed"), Href: behind("/queue?state=all")},
		{Label: "Median first response", Value: phrase.Hours(r.Overall.Median), Note: "nine of ten within " + phrase.Hours(r.Overall.P90)},
		{Label: "Within target", Value: phrase.Percent(met, met+r.Overall.Missed+r.Overall.Late), Note: fmt.Sprintf("%d met, %d missed, %d late now", met, r.Overall.Missed, r.Overall.Late), Href: behind("/queue?overdue=1")},
		{Label: "Entries", Value: phrase.Number(r.Log.Count), Note: "of " + phrase.Number(r.Log.Size) + " in the ledger", Href: "/ledger"}}
	if r.Overall.Answered == 0 {
		p.Figures[2].Value, p.Figures[2].Note = "none", "no answer in this period"
	}
	volume := chart.Volume{Title: "Messages per week", Noun: "message", Many: "messages", Categories: []string{"In", "Answers"}}
	for _, w := range r.Weeks {
		volume.Spans = append(volume.Spans, chart.Span{Label: w.From.Format("2 Jan"), Name: "week of " + phrase.Day(w.From), Counts: []int{int(w.Inbound), int(w.Answers)}})
	}
	times := chart.Response{Title: "First response against target", Calendar: true}
	for _, t := range r.Timings {
		label, href := "Not classified", "none"
		if t.Severity != "" {
			label, href = t.Severity, t.Severity
			label = strings.ToUpper(label[:1]) + label[1:]
		}
		times.Rows = append(times.Rows, chart.Timing{Label: label, Count: int(t.Answered), Median: t.Median, P90: t.P90, Target: t.Target, Href: behind("/queue?state=all&severity=" + href)})
	}
	backlog := chart.Backlog{Title: "Not closed at the end", Noun: "case", Many: "cases"}
	for _, c := range r.Backlog {
		backlog.Parts = append(backlog.Parts, chart.Part{Label: c.Name, Count: int(c.N)})
	}
	categories := chart.Backlog{Title: "What it was about", Noun: "case", Many: "cases"}
	for i, c := range r.Categories {
		if i < 6 {
			categories.Parts = append(categories.Parts, chart.Part{Label: or(spaced(c.Name), "not classified"), Count: int(c.N), Href: behind("/queue?state=all&category=" + or(c.Name, "none"))})
		}
	}
	for _, d := range []chart.Drawing{volume.Draw(), times.Draw(), backlog.Draw(), categories.Draw()} {
		c, err := design.ChartOf(d, r.Period.String())
		if err != nil {
			return err
		}
		p.Charts = append(p.Charts, c)
	}
	p.Findings = design.Table{Caption: "Exceptions", Columns: []design.Column{{Label: "What"}, {Label: "How many", Width: design.Narrow, End: true, Place: design.End}}, Empty: design.EmptyState{Title: "No exceptions", Text: "Nothing in this period needs an explanation."}}
	for _, c := range r.Exceptions {
		if c.N > 0 {
			p.Findings.Rows = append(p.Findings.Rows, design.Row{Cells: []design.Cell{{Text: spaced(c.Name)}, {Text: phrase.Number(c.N)}}})
		}
	}
	return nil
}

// makePackage makes the package of a period and sends it. It is made whole
// before the first byte leaves, so that a failure is a page and not a broken
// file.
func (q *request) makePackage() error {
	f, err := q.form("period")
	if err != nil {
		return err
	}
	p, err := q.period(f.get)
	if err != nil {
		if f.takes(err, "from") {
			return q.showEvidence(quarter(q.now.UTC(), 0), f)
		}
		return err
	}
	spool, err := os.CreateTemp("", "countersign-package-*")
	if err != nil {
		return fmt.Errorf("make room for the package: %w", err)
	}
	defer spool.Close()
	if err := os.Remove(spool.Name()); err != nil { // gone once it is closed
		return fmt.Errorf("make room for the package: %w", err)
	}
	if _, err := q.Evidence.Build(q.ctx, q.actor(packers), p, evidence.BuildOptions{WithRaw: f.get("raw") != ""}, spool, nil); err != nil {
		return err
	}
	from, to := days(p)
	q.w.Header().Set("Content-Type", "application/zip")
	q.w.Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="countersign-%s-%s.zip"`, from, to))
	http.ServeContent(q.w, q.r, "", time.Time{}, spool)
	return nil
}
