package web

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"example.org/countersign/internal/board"
	"example.org/countersign/internal/design"
	"example.org/countersign/internal/design/phrase"
	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/people"
	"example.org/countersign/internal/retention"
)

func holdsRole(p *people.Person) bool { return slices.ContainsFunc(keepers.roles, p.Has) }

// dueShown is how many due cases a page lists.
const dueShown = 200

var retentionStates = map[retention.State]design.State{
	retention.Requested: {Word: "awaiting approval", Tone: design.Waiting}, retention.Proposed: {Word: "awaiting approval", Tone: design.Waiting},
	retention.Approved: {Word: "approved", Tone: design.Approved}, retention.Running: {Word: "being done", Tone: design.Approved},
	retention.Executed: {Word: "done", Tone: design.Done}, retention.Declined: {Word: "declined", Tone: design.Stopped}, retention.Withdrawn: {Word: "withdrawn", Tone: design.Stopped},
}

func retentionState(s retention.State) design.Cell {
	state := retentionStates[s]
	return design.Cell{State: &state}
}

// retention is what is due, what awaits a second person, and what is held.
func (q *request) retention() error {
	p := listPage{Staff: q.frame("Retention", "/retention"), Header: design.Header{Title: "Retention",
		Note:    "What was kept long enough, what somebody asked to erase, and what must not go.",
		Buttons: []design.Button{{Label: "Look at a disposal run", Icon: "archive", Href: "/retention/run"}, {Label: "Place a hold", Icon: "lock", Href: "/holds/new"}}}}
	set, err := q.Policies.InForce(q.ctx, q.Ledger)
	if err != nil {
		return err
	}
	p.Note = &design.Note{Icon: "scroll-text", Title: "By the schedule " + or(set.RetentionVersion, "that is missing"),
		Text: fmt.Sprintf("A case is on this list %s before its time is over. Nothing goes by itself: somebody proposes a run, somebody else approves it.", phrase.Count(int64(set.Retention.WarnDays), "day", "days"))}
	if p.Table, err = q.dueTable(); err != nil {
		return err
	}
	for _, table := range []func() (design.Table, error){q.erasureTable, q.runTable, q.holdTable} {
		t, err := table()
		if err != nil {
			return err
		}
		if len(t.Rows) > 0 {
			p.More = append(p.More, t)
		}
	}
	return q.show(200, "list", p)
}

func (q *request) dueTable() (design.Table, error) {
	list, total, err := q.Retention.Due(q.ctx, dueShown)
	if err != nil {
		return design.Table{}, err
	}
	caption := "Due, or soon"
	if total > int64(len(list)) {
		caption += fmt.Sprintf(": the first %d of %s", len(list), phrase.Number(total))
	}
	t := design.Table{Caption: caption, Shown: true, Columns: []design.Column{{Label: "Case", Link: true}, {Label: "Closed", Place: design.Meta}, {Label: "By the rule", Place: design.Full}, {Label: "What goes", Place: design.Meta}, {Label: "Kept until", Place: design.End}},
		Empty: design.EmptyState{Title: "Nothing is due", Text: "A case comes here before the time is over that the schedule sets for it."}}
	for _, x := range list {
		until := design.Cell{Text: phrase.Day(micros(x.DueAt))}
		if x.Past(q.now) {
			until.Sub = "its time is over"
		}
		t.Rows = append(t.Rows, design.Row{Href: "/cases/" + x.Number, Cells: []design.Cell{{Number: x.Number, Sub: or(spaced(x.Disposition), spaced(x.Category))}, {Text: phrase.Day(micros(x.ClosedAt))},
			{Text: x.Rule.Name}, {Text: fateWords[x.Rule.Then]}, until}})
	}
	return t, nil
}

func (q *request) erasureTable() (design.Table, error) {
	list, err := q.Retention.AllErasures(q.ctx, 50)
	t := design.Table{Caption: "Requests to erase", Shown: true, Columns: []design.Column{{Label: "Case", Link: true}, {Label: "What", Place: design.Full}, {Label: "Basis", Place: design.Full}, {Label: "Asked by", Place: design.Meta}, {Label: "State", Place: design.End}}}
	for _, e := range list {
		t.Rows = append(t.Rows, design.Row{Href: "/erasures/" + e.ID, Cells: []design.Cell{{Number: e.Number}, {Text: askWords(e.Ask())}, {Text: e.Basis},
			{Text: q.People.Name(q.ctx, e.RequestedBy), Sub: phrase.Day(micros(e.RequestedAt))}, retentionState(e.State)}})
	}
	return t, err
}

func (q *request) runTable() (design.Table, error) {
	list, err := q.Retention.Disposals(q.ctx, 50)
	t := design.Table{Caption: "Disposal runs", Shown: true, Columns: []design.Column{{Label: "Run", Link: true}, {Label: "Cases", End: true, Place: design.Meta}, {Label: "Proposed by", Place: design.Meta}, {Label: "State", Place: design.End}}}
	for _, r := range list {
		t.Rows = append(t.Rows, design.Row{Href: "/disposals/" + r.ID, Cells: []design.Cell{{Text: "Run of " + phrase.Day(micros(r.ProposedAt)), Sub: r.Schedule}, {Text: phrase.Number(int64(len(r.Cases)))},
			{Text: q.People.Name(q.ctx, r.ProposedBy)}, retentionState(r.State)}})
	}
	return t, err
}

var holdStates = map[string]design.State{retention.Active: {Word: "held", Tone: design.Approved}, retention.Released: {Word: "released", Tone: design.Stopped}}

func holdState(h *retention.Hold) *design.State {
	s := holdStates[h.State]
	return &s
}

// holdWords says what a hold is on.
func holdWords(h *retention.Hold) string {
	switch h.Scope {
	case retention.OnCase:
		return "Case " + h.Number
	case retention.OnParty:
		if strings.HasPrefix(h.Party, "@") {
			return h.Party + " and its subdomains"
		}
		return or(h.Party, "a party whose address was erased")
	}
	return "Filter " + or(h.Query, "of everything open")
}

func (q *request) holdTable() (design.Table, error) {
	list, err := q.Retention.AllHolds(q.ctx)
	t := design.Table{Caption: "Legal holds", Shown: true, Columns: []design.Column{{Label: "On", Link: true}, {Label: "Reason", Place: design.Full}, {Label: "Owner", Place: design.Meta}, {Label: "State", Place: design.End}}}
	for _, h := range list {
		t.Rows = append(t.Rows, design.Row{Href: "/holds/" + h.ID, Cells: []design.Cell{{Text: holdWords(h)}, {Text: h.Reason}, {Text: q.People.Name(q.ctx, h.Owner), Sub: phrase.Day(micros(h.PlacedAt))}, {State: holdState(h)}}})
	}
	return t, err
}

// newHold is the page on which a hold is placed.
func (q *request) newHold() error { return q.showNewHold(nil) }

func (q *request) showNewHold(f *form) error {
	get := q.query().Get
	if f != nil {
		get = f.get
	}
	owners := [][2]string{{"", "You"}}
	all, err := q.People.List(q.ctx)
	if err != nil {
		return err
	}
	for _, x := range all {
		if x.Active && x.ID != q.who.ID && holdsRole(x) {
			owners = append(owners, [2]string{x.ID, x.Name})
		}
	}
	p := recordPage{Staff: q.frame("Place a hold", "/retention"), Header: design.Header{Crumbs: []design.Link{{Label: "Retention", Href: "/retention"}}, Title: "Place a hold",
		Note: "Nobody can erase what is held, neither on request nor when its time is over. Fill in one of the first three."}}
	p.Forms = []Form{{Action: "/holds", Fields: f.of("hold").fields(
		design.Field{Name: "case", ID: "hold-case", Label: "A case", Value: get("case"), Hint: "Its tracking number."},
		design.Field{Name: "party", ID: "hold-party", Label: "A party", Value: get("party"), Hint: "An e-mail address, or a domain with all its subdomains: whatever came from it, went to it, or will."},
		design.Field{Name: "query", ID: "hold-query", Label: "A filter of the queue", Value: get("query"), Hint: "What stands behind the question mark in the address of the queue: state=all&category=incident. A case that it picks at any time from now on stays held."},
		design.Field{Name: "reason", ID: "hold-reason", Label: "Reason", Kind: design.Long, Rows: 2, Required: true, Max: 1000, Hint: "It stays in the record: name the matter, not persons."},
		design.Field{Name: "owner", ID: "hold-owner", Label: "Who answers for it", Kind: design.Choice, Options: chosen(get("owner"), owners...)}),
		Buttons: []design.Button{{Label: "Place the hold", Weight: design.Primary, Icon: "lock"}}}}
	return q.show(f.code(), "record", p)
}

func (q *request) placeHold() error {
	f, err := q.form("hold")
	if err != nil {
		return err
	}
	path := "/retention"
	if query := f.get("query"); query != "" { // as the queue reads it
		values, err := url.ParseQuery(strings.TrimPrefix(query, "?"))
		if err == nil {
			_, err = board.ParseFilter(values)
		}
		if err != nil {
			f.takes(fault.New(fault.Invalid, "query: the queue has no such filter"), "query")
			return q.showNewHold(f)
		}
	}
	h, err := q.Retention.Place(q.ctx, q.who, retention.Terms{Case: f.get("case"), Party: f.get("party"), Query: f.get("query"), Reason: f.get("reason"), Owner: f.get("owner")})
	if err == nil {
		path = "/holds/" + h.ID
	}
	if kind, _ := fault.Of(err); err != nil && kind == fault.NotFound {
		err = fault.New(fault.Invalid, "case: there is no such case")
	}
	return q.settle(err, f, "case", q.showNewHold, "Held.", path)
}

func (q *request) holdPage() error { return q.showHold(nil) }

func (q *request) showHold(f *form) error {
	h, err := q.Retention.Hold(q.ctx, q.r.PathValue("id"))
	if err != nil {
		return err
	}
	p := recordPage{Staff: q.frame("Hold", "/retention"), Header: design.Header{Crumbs: []design.Link{{Label: "Retention", Href: "/retention"}}, Title: holdWords(h), Note: h.Reason, State: holdState(h),
		Seal: &design.Seal{Kind: design.Sealed, Href: entryHref(h.Entry)}, Facts: []design.KeyValue{{Label: "Owner", Cell: design.Cell{Text: q.People.Name(q.ctx, h.Owner)}},
			{Label: "Placed by", Cell: design.Cell{Text: q.People.Name(q.ctx, h.PlacedBy)}}, {Label: "Since", Cell: design.Cell{Moment: &design.Moment{At: micros(h.PlacedAt)}}}}}}
	if h.State == retention.Released {
		p.Header.Facts = append(p.Header.Facts, design.KeyValue{Label: "Released by", Cell: design.Cell{Text: q.People.Name(q.ctx, h.ReleasedBy), Sub: h.ReleaseReason}})
	}
	covered, err := q.Retention.Covered(q.ctx, h, dueShown)
	if err != nil {
		return err
	}
	t := design.Table{Caption: "Cases", Shown: true, Columns: []design.Column{{Label: "Case", Link: true}}}
	for _, n := range covered {
		t.Rows = append(t.Rows, design.Row{Href: "/cases/" + n, Cells: []design.Cell{{Number: n}}})
	}
	if h.Scope == retention.OnQuery {
		t.Rows = append(t.Rows, design.Row{Href: "/queue?" + h.Query, Cells: []design.Cell{{Text: "What the filter picks now", Sub: "and whatever it picked since the hold was placed"}}})
	}
	if len(t.Rows) > 0 {
		p.Tables = append(p.Tables, t)
	}
	if h.State == retention.Active && (h.Owner == q.who.ID || q.may(counsel)) {
		p.Forms = append(p.Forms, f.fold("release", "Release the hold", "/holds/"+h.ID+"/release", "Release", design.Field{Name: "reason", Label: "Why it is no longer needed", Kind: design.Long, Rows: 2, Required: true, Max: 1000}))
	}
	versions, err := retention.Holds.History(q.ctx, q.Ledger, h.ID)
	if err != nil {
		return err
	}
	if p.Timeline, err = history(q, "Acts on this hold", p.Header.Seal, versions); err != nil {
		return err
	}
	return q.show(f.code(), "record", p)
}

func (q *request) releaseHold() error {
	f, err := q.form("release")
	if err != nil {
		return err
	}
	_, err = q.Retention.Release(q.ctx, q.who, q.r.PathValue("id"), f.get("reason"))
	return q.settle(err, f, "reason", q.showHold, "Released.", "/holds/"+q.r.PathValue("id"))
}

// excluded reads what a proposer keeps out of a run: number, then the reason.
func (q *request) excluded(values url.Values) (pairs []design.Pair, by map[string]string, err error) {
	by = map[string]string{}
	list := values["exclude"]
	if n := strings.TrimSpace(values.Get("number")); n != "" {
		list = append(list, n+" "+strings.TrimSpace(values.Get("why")))
	}
	for _, x := range list {
		number, why, _ := strings.Cut(x, " ")
		c, err := q.Intake.Case(q.ctx, number)
		if err != nil {
			return nil, nil, fault.New(fault.Invalid, "number: there is no case %q", number)
		}
		if strings.TrimSpace(why) == "" {
			return nil, nil, fault.New(fault.Invalid, "why: say why %s stays", c.Number)
		}
		if by[c.ID] == "" {
			pairs = append(pairs, design.Pair{Name: "exclude", Value: c.Number + " " + why})
		}
		by[c.ID] = why
	}
	return pairs, by, nil
}

// runPreview is the run that could be proposed now.
func (q *request) runPreview() error {
	f := newForm("exclude", q.query())
	pairs, by, err := q.excluded(q.query())
	if err != nil {
		if !f.takes(err, "number") {
			return err
		}
		only := url.Values{"exclude": q.query()["exclude"]}
		if pairs, by, err = q.excluded(only); err != nil {
			return err
		}
	} else {
		f.values.Del("number")
		f.values.Del("why")
	}
	run, err := q.Retention.Preview(q.ctx, by)
	if err != nil {
		return err
	}
	p := recordPage{Staff: q.frame("Disposal run", "/retention"), Header: design.Header{Crumbs: []design.Link{{Label: "Retention", Href: "/retention"}}, Title: "Disposal run",
		Note: "Exactly what would go, by the schedule " + run.Schedule + ". Number, times, severity, who handled it, and every proof stay."}}
	if len(run.Cases) == 0 {
		p.Next = &design.NextAct{Title: "Nothing to dispose of", Why: "No case has been kept long enough, or what has is kept for another reason.", Waiting: true}
	} else {
		p.Next = &design.NextAct{Title: "Propose this run", Why: "Somebody else looks at the same list and approves it. Then it is done.", Action: "/disposals", Hidden: append(pairs, design.Pair{Name: "hash", Value: run.ListHash}),
			Effects: []design.Effect{{Icon: "archive", Text: phrase.Count(int64(len(run.Cases)), "case loses what it says", "cases lose what they say")}, {Icon: "lock", Text: "What is held when its turn comes stays"}},
			Buttons: []design.Button{{Label: "Propose the run", Weight: design.Primary, Icon: "archive"}}}
	}
	p.Tables = q.runTables(run)
	exclude := Form{Title: "Keep a case out of it", Open: f.code() != 200, Method: "get", Action: "/retention/run", Hidden: pairs, Fields: f.fields(
		design.Field{Name: "number", ID: "exclude-number", Label: "Case", Required: true, Hint: "Its tracking number."},
		design.Field{Name: "why", ID: "exclude-why", Label: "Why it stays", Required: true, Max: 300, Hint: "For example: in dispute with the customer."}),
		Buttons: []design.Button{{Label: "Keep it out"}}}
	p.Forms = append(p.Forms, exclude)
	return q.show(f.code(), "record", p)
}

// runTables are what a run takes, leaves and left.
func (q *request) runTables(run *retention.Disposal) (tables []design.Table) {
	t := design.Table{Caption: "What goes", Shown: true, Columns: []design.Column{{Label: "Case", Link: true}, {Label: "Rule", Place: design.Full}, {Label: "Closed", Place: design.Meta}, {Label: "Kept until", Place: design.Meta}, {Label: "What", Place: design.End}}}
	for _, x := range run.Cases {
		what := "the content"
		if x.Part != "content" {
			what = "who it is from"
		}
		t.Rows = append(t.Rows, design.Row{Href: "/cases/" + x.Number, Cells: []design.Cell{{Number: x.Number}, {Text: x.Rule, Sub: x.Basis}, {Text: phrase.Day(micros(x.ClosedAt))}, {Text: phrase.Day(micros(x.DueAt))},
			{Text: what, Sub: fmt.Sprintf("%d communications, %d answers, %d files", x.Communications, x.Answers, x.Files)}}})
	}
	if len(t.Rows) > 0 {
		tables = append(tables, t)
	}
	for _, x := range []struct {
		caption string
		list    []retention.Excluded
	}{{"Due, and kept all the same", run.Excluded}, {"Kept when its turn came", run.Skipped}} {
		if len(x.list) == 0 {
			continue
		}
		t := design.Table{Caption: x.caption, Shown: true, Columns: []design.Column{{Label: "Case", Link: true}, {Label: "Why", Place: design.Full}}}
		for _, e := range x.list {
			t.Rows = append(t.Rows, design.Row{Href: "/cases/" + e.Number, Cells: []design.Cell{{Number: e.Number}, {Text: e.Why}}})
		}
		tables = append(tables, t)
	}
	return tables
}

func (q *request) proposeRun() error {
	f, err := q.form("propose")
	if err != nil {
		return err
	}
	_, by, err := q.excluded(f.values)
	if err != nil {
		return err
	}
	run, err := q.Retention.Propose(q.ctx, q.who, by, f.get("hash"))
	if err != nil {
		return err
	}
	return q.done("Proposed. Somebody else has to approve it.", "/disposals/"+run.ID)
}

func (q *request) runPage() error { return q.showRun(nil) }

func (q *request) showRun(f *form) error {
	run, err := q.Retention.Disposal(q.ctx, q.r.PathValue("id"))
	if err != nil {
		return err
	}
	at := "/disposals/" + run.ID
	state := retentionStates[run.State]
	p := recordPage{Staff: q.frame("Disposal run", "/retention"), Header: design.Header{Crumbs: []design.Link{{Label: "Retention", Href: "/retention"}}, Title: "Disposal run of " + phrase.Day(micros(run.ProposedAt)), State: &state,
		Seal:  &design.Seal{Kind: design.Sealed, Href: entryHref(run.Entry)},
		Facts: []design.KeyValue{{Label: "Schedule", Cell: design.Cell{Text: run.Schedule}}, {Label: "Proposed by", Cell: design.Cell{Text: q.People.Name(q.ctx, run.ProposedBy)}}}}}
	p.Header.Facts = append(p.Header.Facts, q.decided(run.ApprovedBy, run.ApprovedAt, run.EndedBy, run.EndReason, run.ExecutedAt)...)
	p.Next = q.decide(f, at, run.State, run.ProposedBy, run.ListHash, "the "+phrase.Count(int64(len(run.Cases)), "case", "cases")+" below")
	p.Tables = q.runTables(run)
	if run.State == retention.Proposed {
		p.Forms = append(p.Forms, q.endForm(f, at, run.ProposedBy))
	}
	versions, err := retention.Disposals.History(q.ctx, q.Ledger, run.ID)
	if err != nil {
		return err
	}
	if p.Timeline, err = history(q, "Acts on this run", p.Header.Seal, versions); err != nil {
		return err
	}
	return q.show(f.code(), "record", p)
}

// decided are the facts of what became of a request or run.
func (q *request) decided(approver string, approved int64, ender, reason string, executed int64) (facts []design.KeyValue) {
	if approver != "" {
		facts = append(facts, design.KeyValue{Label: "Approved by", Cell: design.Cell{Text: q.People.Name(q.ctx, approver), Sub: phrase.Day(micros(approved))}})
	}
	if ender != "" {
		facts = append(facts, design.KeyValue{Label: "Ended by", Cell: design.Cell{Text: q.People.Name(q.ctx, ender), Sub: reason}})
	}
	if executed != 0 {
		facts = append(facts, design.KeyValue{Label: "Done", Cell: design.Cell{Moment: &design.Moment{At: micros(executed)}}})
	}
	return facts
}

// decide is the approval that a request or run waits for.
func (q *request) decide(f *form, at string, s retention.State, asked, hash, what string) *design.NextAct {
	switch {
	case s == retention.Approved || s == retention.Running:
		return &design.NextAct{Title: "Being done", Why: "It is approved. Look again in a moment.", Waiting: true}
	case s != retention.Requested && s != retention.Proposed:
		return nil
	case asked == q.who.ID:
		return &design.NextAct{Title: "Waits for a second person", Why: "You asked for it. Another lead, or legal, looks at the list and approves it.", Waiting: true}
	}
	return &design.NextAct{Title: "Approve", Why: "Asked for by " + q.People.Name(q.ctx, asked) + ". You approve exactly " + what + ", and it is done at once.", Action: at + "/approve", Hidden: []design.Pair{{Name: "hash", Value: hash}},
		Effects: []design.Effect{{Icon: "triangle-alert", Text: "This cannot be undone: keys are destroyed, and no backup brings it back"}, {Icon: "stamp", Text: "Number, times, who handled it, and every proof stay"}},
		Fields:  f.of("approve").fields(design.Field{Name: "sure", ID: "approve-sure", Label: "I have read the list", Kind: design.Confirm, Required: true, Options: []design.Option{{Value: "yes"}}}),
		Buttons: []design.Button{{Label: "Approve and erase", Weight: design.Primary, Icon: "check"}}}
}

func (q *request) endForm(f *form, at, asked string) Form {
	if asked == q.who.ID {
		return f.fold("end", "Withdraw", at+"/end", "Withdraw it", design.Field{Name: "reason", Label: "Reason", Required: true, Max: 1000})
	}
	return f.fold("end", "Decline", at+"/end", "Decline it", design.Field{Name: "reason", Label: "Reason", Required: true, Max: 1000})
}

// sure reads the approval of a list.
func (q *request) sure() (*form, error) {
	f, err := q.form("approve")
	if err != nil {
		return nil, err
	}
	if f.get("sure") == "" {
		f.takes(fault.New(fault.Invalid, "sure: read the list, and say so"), "sure")
	}
	return f, nil
}

func (q *request) approveRun() error {
	f, err := q.sure()
	if err != nil {
		return err
	}
	if f.code() != 200 {
		return q.showRun(f)
	}
	_, err = q.Retention.ApproveRun(q.ctx, q.who, q.r.PathValue("id"), f.get("hash"))
	return q.settle(err, f, "sure", q.showRun, "Approved. It is being done.", "/disposals/"+q.r.PathValue("id"))
}

func (q *request) endRun() error {
	f, err := q.form("end")
	if err != nil {
		return err
	}
	_, err = q.Retention.EndRun(q.ctx, q.who, q.r.PathValue("id"), f.get("reason"))
	return q.settle(err, f, "reason", q.showRun, "Ended.", "/retention")
}
