package web

import (
	"net/http"
	"strconv"
	"strings"

	"example.org/countersign/internal/channel"
	"example.org/countersign/internal/design"
	"example.org/countersign/internal/design/phrase"
	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/ledger"
)

// listPage is a list of records.
type listPage struct {
	design.Staff
	Header design.Header
	Note   *design.Note
	Table  design.Table
	More   []design.Table // others below it
}

// recordPage is one record: what is due, its facts, what can be done with it,
// and how it came to be.
type recordPage struct {
	design.Staff
	Header   design.Header
	Next     *design.NextAct
	Facts    design.DefinitionList
	Tables   []design.Table
	Grid     *design.Grid
	Text     string
	Changes  []design.Change // what awaits approval
	Forms    []Form
	Timeline design.Timeline
}

var channelStates = map[channel.State]design.State{channel.Proposed: {Word: "proposed", Tone: design.Waiting}, channel.Approved: {Word: "approved", Tone: design.Approved}, channel.Retired: {Word: "retired", Tone: design.Stopped}}

func (q *request) channels() error {
	all, err := q.Channels.List(q.ctx, q.Ledger)
	if err != nil {
		return err
	}
	p := listPage{Staff: q.frame("Channels", "/channels"), Header: design.Header{Title: "Channels", Note: "The only ways in and out. What comes or goes by another one is a finding."}}
	if q.may(proposers) {
		p.Header.Buttons = []design.Button{{Label: "Propose a channel", Icon: "plus", Href: "/channels/new"}}
	}
	p.Table = design.Table{Caption: "Channels", Columns: []design.Column{{Label: "Channel", Place: design.Full, Link: true}, {Label: "Kind", Width: design.Narrow, Place: design.Meta}, {Label: "Serves", Place: design.Meta},
		{Label: "Owner", Width: design.Narrow, Place: design.Meta}, {Label: "Review due", Width: design.Narrow, Place: design.Meta}, {Label: "State", Width: design.Narrow, Place: design.End}},
		Empty: design.EmptyState{Title: "No channel yet", Text: "Propose the address or page by which people reach you. It works once a second person has approved it."}}
	for _, c := range all {
		s := channelStates[c.State]
		state, due := design.Cell{State: &s}, design.Cell{Text: c.ReviewDue}
		if c.Pending != nil {
			state.Sub = "a change awaits approval"
		}
		if c.ReviewOverdue(q.now) {
			due = design.Cell{Text: c.ReviewDue, Icon: "triangle-alert", Sub: "overdue"}
		}
		p.Table.Rows = append(p.Table.Rows, design.Row{Href: "/channels/" + c.ID, Cells: []design.Cell{{Text: c.Name, Sub: c.Address}, {Text: string(c.Kind), Sub: string(c.Direction)},
			{Text: c.Audience}, {Text: q.People.Name(q.ctx, c.Owner)}, due, state}})
	}
	return q.show(http.StatusOK, "list", p)
}

// termFields are the fields of a channel's terms.
func (q *request) termFields(t channel.Terms) ([]design.Field, error) {
	all, err := q.People.List(q.ctx)
	if err != nil {
		return nil, err
	}
	var owners []design.Option
	for _, p := range all {
		if p.Active {
			owners = append(owners, design.Option{Value: p.ID, Label: p.Name, Chosen: p.ID == t.Owner})
		}
	}
	replies := []design.Option{{Label: "This channel itself"}}
	list, err := q.Channels.List(q.ctx, q.Ledger)
	if err != nil {
		return nil, err
	}
	for _, c := range list {
		if c.Kind == channel.Email && c.Sends() {
			replies = append(replies, design.Option{Value: c.ID, Label: c.Name, Chosen: c.ID == t.Reply})
		}
	}
	return []design.Field{
		{Name: "name", Label: "Name", Value: t.Name, Required: true, Max: 100},
		{Name: "kind", Label: "Kind", Kind: design.Choice, Options: chosen(string(t.Kind), [2]string{"email", "E-mail"}, [2]string{"portal", "Report page"}, [2]string{"api", "API"}, [2]string{"import", "Import of history"})},
		{Name: "address", Label: "Address", Value: t.Address, Required: true, Max: 254, Hint: "A mail address; for a report page its path, such as /report."},
		{Name: "direction", Label: "Direction", Kind: design.Choice, Options: chosen(string(t.Direction), [2]string{"both", "In and out"}, [2]string{"inbound", "In"}, [2]string{"outbound", "Out"})},
		{Name: "audience", Label: "Whom it serves", Value: t.Audience, Required: true, Max: 200, Hint: "Customers, researchers, regulators, press, personnel …"},
		{Name: "owner", Label: "Owner", Kind: design.Choice, Options: owners},
		{Name: "purpose", Label: "Purpose", Kind: design.Long, Rows: 3, Value: t.Purpose, Required: true, Max: 1000},
		{Name: "review_due", Label: "Review due", Kind: design.Date, Value: or(t.ReviewDue, q.now.AddDate(1, 0, 0).Format("2006-01-02")), Required: true},
		{Name: "published", Label: "Where it is published", Kind: design.Long, Rows: 2, Value: strings.Join(t.Published, "\n"), Optional: "(one per line)"},
		{Name: "from_name", Label: "Sender name", Value: t.FromName, Optional: "(of mail that leaves)", Max: 100},
		{Name: "reply", Label: "Answers leave by", Kind: design.Choice, Options: replies}}, nil
}

// terms reads the fields of a channel's terms.
func terms(f *form, before channel.Terms) channel.Terms {
	t := channel.Terms{Name: f.values.Get("name"), Kind: channel.Kind(f.get("kind")), Address: f.values.Get("address"), Direction: channel.Direction(f.get("direction")), Audience: f.values.Get("audience"),
		Owner: f.get("owner"), Purpose: f.values.Get("purpose"), ReviewDue: f.get("review_due"), FromName: f.values.Get("from_name"), Reply: f.get("reply"), Domain: before.Domain}
	for line := range strings.Lines(f.values.Get("published")) {
		if line = strings.TrimSpace(line); line != "" {
			t.Published = append(t.Published, line)
		}
	}
	return t
}

// termOf says which field an error about terms belongs to.
func termOf(err error) string {
	_, text := fault.Of(err)
	for _, w := range [][2]string{{"place", "published"}, {"purpose", "purpose"}, {"review", "review_due"}, {"sender name", "from_name"}, {"direction", "direction"}, {"import channel", "direction"},
		{"kind must", "kind"}, {"audience", "audience"}, {"owner", "owner"}, {"answers", "reply"}, {"name", "name"}} {
		if strings.Contains(text, w[0]) {
			return w[1]
		}
	}
	return "address"
}

func (q *request) newChannel() error { return q.showNewChannel(nil) }

func (q *request) showNewChannel(f *form) error {
	fields, err := q.termFields(channel.Terms{Direction: channel.Both, Owner: q.who.ID})
	if err != nil {
		return err
	}
	p := recordPage{Staff: q.frame("Propose a channel", "/channels"), Header: design.Header{Title: "Propose a channel", Crumbs: []design.Link{{Label: "Channels", Href: "/channels"}}, Note: "It works once a second person has approved it."}}
	p.Forms = []Form{{Action: "/channels", Fields: f.fields(fields...), Buttons: []design.Button{{Label: "Propose the channel", Weight: design.Primary}}}}
	return q.show(f.code(), "record", p)
}

func (q *request) addChannel() error {
	f, err := q.form("terms")
	if err != nil {
		return err
	}
	c, err := q.Channels.Add(q.ctx, q.actor(proposers), terms(f, channel.Terms{}))
	path := "/channels"
	if c != nil {
		path += "/" + c.ID
	}
	return q.settle(err, f, termOf(err), q.showNewChannel, "Proposed. A second person has to approve it.", path)
}

func (q *request) channelPage() error { return q.showChannel(nil) }

func (q *request) showChannel(f *form) error {
	c, err := q.Channels.Find(q.ctx, q.Ledger, q.r.PathValue("id"))
	if err != nil {
		return err
	}
	s := channelStates[c.State]
	p := recordPage{Staff: q.frame(c.Name, "/channels"), Header: design.Header{Crumbs: []design.Link{{Label: "Channels", Href: "/channels"}}, Title: c.Name, Note: c.Purpose, State: &s,
		Seal: &design.Seal{Kind: design.Sealed, Href: entryHref(c.Entry)}, Facts: []design.KeyValue{{Label: "Owner", Cell: design.Cell{Text: q.People.Name(q.ctx, c.Owner)}}, {Label: "Review due", Cell: design.Cell{Text: c.ReviewDue}}}}}
	p.Facts = q.termFacts(c)
	waits := c.State == channel.Proposed || c.Pending != nil
	if c.Pending != nil {
		p.Changes = q.termChanges(c.Terms(), *c.Pending)
	}
	hidden := []design.Pair{{Name: "seen", Value: strconv.FormatInt(c.Entry, 10)}}
	if waits {
		n := design.NextAct{Title: "Waits for approval", Why: "Proposed by " + q.names(c.Editors) + ". A second person approves it.", Waiting: true}
		if q.approves(governors) && !contains(c.Editors, q.who.ID) {
			n = design.NextAct{Title: "Approve", Why: "Proposed by " + q.names(c.Editors) + ". It takes effect at once.", Action: "/channels/" + c.ID + "/approve", Hidden: hidden,
				Buttons: []design.Button{{Label: "Approve", Weight: design.Primary, Icon: "check", Key: "a"}}}
		}
		if own := f.of("approve"); own != nil {
			n.Why = own.errors["seen"]
		}
		p.Next = &n
	}
	if p.Forms, err = q.channelForms(c, f); err != nil {
		return err
	}
	versions, err := channel.Channels.History(q.ctx, q.Ledger, c.ID)
	if err != nil {
		return err
	}
	if p.Timeline, err = history(q, "Acts on this channel", p.Header.Seal, versions); err != nil {
		return err
	}
	return q.show(f.code(), "record", p)
}

func (q *request) channelForms(c *channel.Channel, f *form) ([]Form, error) {
	if c.State == channel.Retired {
		return nil, nil
	}
	var out []Form
	at, hidden := "/channels/"+c.ID, []design.Pair{{Name: "seen", Value: strconv.FormatInt(c.Entry, 10)}}
	if q.may(proposers) {
		t := c.Terms()
		if c.Pending != nil {
			t = *c.Pending
		}
		fields, err := q.termFields(t)
		if err != nil {
			return nil, err
		}
		change := f.fold("terms", "Change", at+"/change", "Propose the change", fields...)
		change.Hidden = hidden
		out = append(out, change)
		if c.Pending != nil {
			back := f.fold("withdraw", "Withdraw the proposed change", at+"/withdraw", "Withdraw the change")
			back.Hidden = hidden
			out = append(out, back)
		}
	}
	if q.approves(governors) {
		if c.State == channel.Approved {
			out = append(out, f.fold("review", "Record a review", at+"/review", "It is right as it is",
				design.Field{Name: "next", Label: "Look again on", Kind: design.Date, Required: true, Value: q.now.AddDate(1, 0, 0).Format("2006-01-02")}))
		}
		out = append(out, f.fold("retire", "Retire", at+"/retire", "Retire the channel",
			design.Field{Name: "reason", Label: "Reason", Required: true, Hint: "This cannot be undone; nothing comes or goes by it any more."}))
	}
	return out, nil
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

func (q *request) termFacts(c *channel.Channel) design.DefinitionList {
	items := []design.KeyValue{{Label: "Address", Cell: design.Cell{Text: c.Address}}, {Label: "Kind", Cell: design.Cell{Text: string(c.Kind) + ", " + string(c.Direction)}}, {Label: "Serves", Cell: design.Cell{Text: c.Audience}},
		{Label: "Published", Cell: design.Cell{Text: or(strings.Join(c.Published, "; "), "nowhere")}}}
	if c.FromName != "" {
		items = append(items, design.KeyValue{Label: "Sender name", Cell: design.Cell{Text: c.FromName}})
	}
	if c.ApprovedBy != "" {
		items = append(items, design.KeyValue{Label: "Approved by", Cell: design.Cell{Text: q.People.Name(q.ctx, c.ApprovedBy), Sub: phrase.Instant(micros(c.ApprovedAt))}})
	}
	if c.RetireReason != "" {
		items = append(items, design.KeyValue{Label: "Retired", Cell: design.Cell{Text: c.RetireReason}})
	}
	return design.DefinitionList{Items: items, Wide: true}
}

func (q *request) termChanges(a, b channel.Terms) []design.Change {
	var out []design.Change
	for _, c := range []design.Change{{Label: "Name", Before: a.Name, After: b.Name}, {Label: "Kind", Before: string(a.Kind), After: string(b.Kind)}, {Label: "Address", Before: a.Address, After: b.Address}, {Label: "Direction", Before: string(a.Direction), After: string(b.Direction)},
		{Label: "Serves", Before: a.Audience, After: b.Audience}, {Label: "Owner", Before: q.People.Name(q.ctx, a.Owner), After: q.People.Name(q.ctx, b.Owner)}, {Label: "Purpose", Before: a.Purpose, After: b.Purpose},
		{Label: "Review due", Before: a.ReviewDue, After: b.ReviewDue}, {Label: "Published", Before: strings.Join(a.Published, "; "), After: strings.Join(b.Published, "; ")}, {Label: "Sender name", Before: a.FromName, After: b.FromName}, {Label: "Answers leave by", Before: a.Reply, After: b.Reply}} {
		if c.Before != c.After {
			out = append(out, c)
		}
	}
	return out
}

// history is every act on a record, the newest first. The seal in the header is
// that of the newest.
func history[P any](q *request, label string, header *design.Seal, versions []ledger.Version[P]) (design.Timeline, error) {
	t := design.Timeline{Label: label}
	var marks []mark
	for i := len(versions) - 1; i >= 0; i-- {
		v := versions[i]
		_, verb, _ := strings.Cut(v.Entry.Act, ".")
		t.Items = append(t.Items, design.TimelineItem{Who: q.People.Name(q.ctx, v.Entry.Actor), What: or(actWords[v.Entry.Act], spaced(verb)), At: v.At(), Controls: v.Entry.Controls,
			Seal: sealMark(v.Index).seal})
		marks = append(marks, mark{v.Index, t.Items[len(t.Items)-1].Seal})
		if strings.HasPrefix(verb, "approved") {
			t.Items[len(t.Items)-1].Kind = design.Approval
		}
	}
	if n := len(versions); n > 0 && header != nil {
		marks = append(marks, mark{versions[n-1].Index, header})
	}
	return t, q.vouch(marks...)
}

// onChannel reads a form about a channel, and runs a verb on it.
func (q *request) onChannel(name, field, text string, verb func(id string, seen int64, f *form) error) error {
	f, err := q.form(name)
	if err != nil {
		return err
	}
	at, _ := strconv.ParseInt(f.get("seen"), 10, 64) // 0 is a version that nobody saw
	id := q.r.PathValue("id")
	err = verb(id, at, f)
	if field == "" {
		field = termOf(err)
	}
	return q.settle(err, f, field, q.showChannel, text, "/channels/"+id)
}

func (q *request) changeChannel() error {
	return q.onChannel("terms", "", "Proposed. A second person has to approve it.", func(id string, seen int64, f *form) error {
		c, err := q.Channels.Find(q.ctx, q.Ledger, id)
		if err != nil {
			return err
		}
		_, err = q.Channels.Change(q.ctx, q.actor(proposers), id, seen, terms(f, c.Terms()))
		return err
	})
}

func (q *request) withdrawChange() error {
	return q.onChannel("withdraw", "seen", "Withdrawn; the channel stays as it was approved.", func(id string, seen int64, _ *form) error {
		_, err := q.Channels.Withdraw(q.ctx, q.actor(proposers), id, seen)
		return err
	})
}

func (q *request) approveChannel() error {
	return q.decideChannel("approve", "seen", "Approved, and in force.", func(id string, seen int64, _ *form) error {
		_, err := q.Channels.Approve(q.ctx, q.actor(governors), id, seen)
		return err
	})
}

func (q *request) retireChannel() error {
	return q.decideChannel("retire", "reason", "Retired.", func(id string, _ int64, f *form) error {
		_, err := q.Channels.Retire(q.ctx, q.actor(governors), id, f.get("reason"))
		return err
	})
}

func (q *request) reviewChannel() error {
	return q.decideChannel("review", "next", "The review is recorded.", func(id string, _ int64, f *form) error {
		_, err := q.Channels.Reviewed(q.ctx, q.actor(governors), id, f.get("next"))
		return err
	})
}

// decideChannel is onChannel for who has a right to approve, which may be
// suspended (CC6.3).
func (q *request) decideChannel(name, field, text string, verb func(id string, seen int64, f *form) error) error {
	return q.onChannel(name, field, text, func(id string, seen int64, f *form) error {
		if err := q.People.MayApprove(q.ctx, q.Ledger, q.who, governors.roles...); err != nil {
			return err
		}
		return verb(id, seen, f)
	})
}
