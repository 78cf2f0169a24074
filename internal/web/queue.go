package web

import (
	"fmt"
	"net/url"
	"slices"

	"example.org/countersign/internal/board"
	"example.org/countersign/internal/design"
	"example.org/countersign/internal/design/phrase"
	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/intake"
)

const queueLength = 40 // rows of a page

// queuePage is the list of cases.
type queuePage struct {
	design.Staff
	Header  design.Header
	Views   design.Tabs
	Filters design.FilterBar
	Table   design.Table
	Bulk    *Form // assigns what is picked
	Pages   design.Pagination
}

func (q *request) queue() error {
	query := q.query()
	filter, err := board.ParseFilter(query)
	status := 200
	p := queuePage{Staff: q.frame("Queue", "/queue"), Header: design.Header{Title: "Queue"}}
	if err != nil {
		if kind, text := fault.Of(err); kind == fault.Invalid {
			p.Flashes = append(p.Flashes, design.Flash{Kind: design.Problem, Text: sentence(text)})
			status, filter = statuses[kind], board.Filter{}
		} else {
			return err
		}
	}
	people, err := q.assignees(filter.Assignee)
	if err != nil {
		return err
	}
	list, err := q.Board.Queue(q.ctx, filter, queueLength)
	if err != nil {
		return err
	}
	if filter.Number != "" && len(list.Cases) == 1 && query.Get("number") != "" {
		q.see("/cases/" + list.Cases[0].Number)
		return nil
	}
	if p.Views, err = q.views(filter, "/queue"); err != nil {
		return err
	}
	if p.Table, err = q.caseTable(list.Cases, filter); err != nil {
		return err
	}
	p.Filters = filterBar(filter, query, people, list.Total)
	if list.Next != "" {
		next := filter
		next.After = list.Next
		p.Pages = design.Pagination{Summary: phrase.Count(int64(len(list.Cases)), "case", "cases") + " on this page", Next: "/queue?" + next.Values().Encode()}
	}
	if filter.After != "" {
		first := filter
		first.After = ""
		p.Pages.Prev = "/queue?" + first.Values().Encode()
		p.Pages.Summary = or(p.Pages.Summary, phrase.Count(int64(len(list.Cases)), "case", "cases")+" on this page")
	}
	if q.may(workers) && len(list.Cases) > 0 {
		p.Bulk = bulk(filter, people)
		p.Table.Pick = "case"
	}
	p.Keys = design.Keys(design.KeyHelp{Keys: []string{"t"}, What: "Take the case that is open"})
	return q.show(status, "queue", p)
}

// bulk is the form that assigns what is picked.
func bulk(filter board.Filter, people []design.Option) *Form {
	options := slices.Clone(people)
	for i := range options {
		options[i].Chosen = options[i].Value == ""
	}
	return &Form{Action: "/queue/assign", Hidden: []design.Pair{{Name: "back", Value: "/queue?" + filter.Values().Encode()}},
		Fields:  []design.Field{{Name: "assignee", ID: "bulk-assignee", Label: "Assign what is picked to", Kind: design.Choice, Options: options}},
		Buttons: []design.Button{{Label: "Assign", Icon: "user-check"}}}
}

// views are the standard views of the queue, as filters.
func (q *request) views(now board.Filter, path string) (design.Tabs, error) {
	c, err := q.Board.Counts(q.ctx)
	if err != nil {
		return design.Tabs{}, err
	}
	mine, err := q.Board.Count(q.ctx, board.Filter{Assignee: q.who.ID})
	if err != nil {
		return design.Tabs{}, err
	}
	now.Sort, now.After = "", ""
	tabs := design.Tabs{Label: "Views"}
	for _, v := range []struct {
		label  string
		filter board.Filter
		count  int64
	}{
		{"Open", board.Filter{}, c.Open}, {"Mine", board.Filter{Assignee: q.who.ID}, mine[0]}, {"Overdue", board.Filter{Overdue: true}, c.Overdue},
		{"Unassigned", board.Filter{Assignee: "none"}, c.Unassigned}, {"Answered", board.Filter{State: "answered"}, c.Answered}, {"Spam", board.Filter{State: "all", Disposition: "spam"}, c.Spam},
	} {
		href := "/queue"
		if s := v.filter.Values().Encode(); s != "" {
			href += "?" + s
		}
		tabs.Tabs = append(tabs.Tabs, design.Tab{Label: v.label, Href: href, Count: v.count, Counted: true, Current: path == "/queue" && now == v.filter})
	}
	approvals := design.Tab{Label: "Waiting for approval", Href: "/approvals", Count: c.Review + c.Trouble, Counted: true, Current: path == "/approvals"}
	tabs.Tabs = slices.Insert(tabs.Tabs, 4, approvals)
	return tabs, nil
}

func filterBar(f board.Filter, query url.Values, people []design.Option, total int) design.FilterBar {
	names := append([]design.Option{{Label: "Anybody"}, {Value: "none", Label: "Nobody", Chosen: f.Assignee == "none"}}, people[1:]...)
	categories := append([][2]string{{"", "Any"}, {"none", "Not classified"}}, categoryOptions[1:]...)
	b := design.FilterBar{Action: "/queue", QueryName: "number", Query: query.Get("number"), Search: "Tracking number", Filters: []design.Filter{
		{Name: "state", Label: "State", Options: chosen(f.State, [2]string{"", "Open"}, [2]string{"answered", "Answered"}, [2]string{"closed", "Closed"}, [2]string{"all", "All"})},
		{Name: "severity", Label: "Severity", Options: chosen(f.Severity, [2]string{"", "Any"}, [2]string{"critical", "Critical"}, [2]string{"high", "High"}, [2]string{"moderate", "Moderate"}, [2]string{"low", "Low"}, [2]string{"none", "Not assessed"})},
		{Name: "category", Label: "Category", Options: chosen(f.Category, categories...)},
		{Name: "assignee", Label: "Assignee", Options: names},
		{Name: "sort", Label: "Order", Options: chosen(string(f.Sort), [2]string{"", "Due first"}, [2]string{"newest", "Newest first"}, [2]string{"severity", "Gravest first"})}}}
	for name, v := range map[string]string{"disposition": f.Disposition, "channel": f.Channel, "waiting": f.Waiting} {
		if v != "" {
			b.Hidden = append(b.Hidden, design.Pair{Name: name, Value: v})
		}
	}
	if f.Overdue {
		b.Hidden = append(b.Hidden, design.Pair{Name: "overdue", Value: "1"})
	}
	f.After = ""
	for name, label := range map[string]string{"severity": f.Severity, "category": f.Category, "waiting": f.Waiting, "disposition": f.Disposition} {
		if label != "" {
			rest := f.Values()
			rest.Del(name)
			b.Active = append(b.Active, design.Link{Label: name + ": " + spaced(label), Href: "/queue?" + rest.Encode()})
		}
	}
	slices.SortFunc(b.Active, func(x, y design.Link) int { return compare(x.Label, y.Label) })
	b.Clear, b.Summary = "/queue", phrase.Count(int64(total), "case", "cases")
	return b
}

func compare(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// caseTable is the list itself.
func (q *request) caseTable(cases []*intake.Case, f board.Filter) (design.Table, error) {
	t := design.Table{Caption: "Cases", Columns: []design.Column{
		{Label: "Case", Width: design.Narrow}, {Label: "Subject", Place: design.Full, Link: true}, {Label: "State", Width: design.Narrow, Place: design.Meta},
		{Label: "Severity", Width: design.Narrow, Place: design.End}, {Label: "First response", Width: design.Bar, Place: design.Last}},
		Empty: design.EmptyState{Title: "Nothing here", Text: "No case fits this view.", Button: &design.Button{Label: "Show everything that is open", Href: "/queue"}}}
	if f == (board.Filter{}) {
		t.Empty = design.EmptyState{Title: "Nothing is open", Text: "What comes in by an approved channel appears here at once."}
	}
	set, err := q.Policies.InForce(q.ctx, q.Ledger)
	if err != nil {
		return t, err
	}
	for _, c := range cases {
		who := "nobody"
		if c.Assignee != "" {
			who = q.People.Name(q.ctx, c.Assignee)
		}
		row := design.Row{Href: "/cases/" + c.Number, Value: c.Number, Fresh: c.Assignee == "" && c.State == intake.Open && c.Disposition == "", Cells: []design.Cell{
			{Number: c.Number, Moment: &design.Moment{At: micros(c.ReceivedAt), Now: q.now}}, {Text: or(c.Subject, "(no subject)"), Sub: reporter(c)},
			{State: caseState(c), Sub: who}, {Severity: severity(c.Severity), Sub: spaced(string(c.Category))}, {Clock: caseClock(c, set, q.now)}}}
		if row.Cells[4].Clock == nil {
			row.Cells[4] = design.Cell{Text: "no clock", Quiet: true}
		}
		t.Rows = append(t.Rows, row)
	}
	return t, nil
}

// assignees are the people who work on cases, as options.
func (q *request) assignees(now string) ([]design.Option, error) {
	all, err := q.People.List(q.ctx)
	if err != nil {
		return nil, err
	}
	out := []design.Option{{Label: "Nobody", Chosen: now == ""}}
	for _, p := range all {
		if p.Active && slices.ContainsFunc(workers.roles, p.Has) {
			label := p.Name
			if p.ID == q.who.ID {
				label += " (you)"
			}
			out = append(out, design.Option{Value: p.ID, Label: label, Chosen: p.ID == now})
		}
	}
	return out, nil
}

func (q *request) assignMany() error {
	f, err := q.form("bulk")
	if err != nil {
		return err
	}
	picked := f.values["case"]
	if len(picked) == 0 {
		return fault.New(fault.Invalid, "pick the cases first, with the boxes at the start of the rows or with x")
	}
	if len(picked) > queueLength {
		return fault.New(fault.Invalid, "at most %d cases at once", queueLength)
	}
	for _, number := range picked {
		c, err := q.Intake.Case(q.ctx, number)
		if err != nil {
			return err
		}
		if err := q.assignTo(c, f.get("assignee")); err != nil {
			return fmt.Errorf("assign %s: %w", number, err)
		}
	}
	back := local(f.get("back"))
	if back == "/" {
		back = "/queue"
	}
	return q.done(phrase.Count(int64(len(picked)), "case is", "cases are")+" assigned.", back)
}

// assignTo assigns a case, which may have that assignee already.
func (q *request) assignTo(c *intake.Case, person string) error {
	if c.Assignee == person {
		return nil
	}
	_, err := q.Triage.Assign(q.ctx, q.actor(workers), c.ID, person)
	return err
}

// names of people, for lists.
func (q *request) names(ids []string) string {
	out := ""
	for i, id := range ids {
		if i > 0 {
			out += ", "
		}
		out += q.People.Name(q.ctx, id)
	}
	return out
}
