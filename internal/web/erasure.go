package web

import (
	"fmt"
	"strconv"
	"strings"

	"example.org/countersign/internal/board"
	"example.org/countersign/internal/design"
	"example.org/countersign/internal/design/phrase"
	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/response"
	"example.org/countersign/internal/retention"
	"example.org/countersign/verify/format"
)

// askOf reads what is to be erased: content, identity, content:ID,
// identity:ID, file:ID:2.
func askOf(caseID, what string) (retention.Ask, error) {
	parts := strings.Split(what, ":")
	ask := retention.Ask{Case: caseID, Part: intake.Part(parts[0])}
	if len(parts) > 1 {
		ask.Of = parts[1]
	}
	if parts[0] == "file" && len(parts) == 3 {
		n, err := strconv.Atoi(parts[2])
		ask.Part, ask.File = intake.Files, n
		if err == nil {
			return ask, nil
		}
	}
	if len(parts) > 2 || ask.Part != intake.Content && ask.Part != intake.Identity {
		return ask, fault.New(fault.Invalid, "what: choose what is to be erased")
	}
	return ask, nil
}

// whatOf is the inverse of askOf.
func whatOf(a retention.Ask) string {
	switch {
	case a.Part == intake.Files:
		return fmt.Sprintf("file:%s:%d", a.Of, a.File)
	case a.Of != "":
		return string(a.Part) + ":" + a.Of
	}
	return string(a.Part)
}

func askWords(a retention.Ask) string {
	switch {
	case a.Part == intake.Files:
		return "An attachment, with its copies"
	case a.Of == "" && a.Part == intake.Identity:
		return "Who the outsiders are, in the whole case"
	case a.Of == "":
		return "The whole case"
	case a.Part == intake.Identity:
		return "Who the outsider is, in one communication"
	}
	return "One communication, with its copies"
}

// erasePage shows what would go, and takes the request.
func (q *request) erasePage() error {
	return q.showErase(nil, or(q.query().Get("what"), "content"))
}

func (q *request) showErase(f *form, what string) error {
	c, err := q.Intake.Case(q.ctx, q.r.PathValue("case"))
	if err != nil {
		return err
	}
	p := recordPage{Staff: q.frame("Erase", "/retention"), Header: design.Header{Crumbs: []design.Link{{Label: "Retention", Href: "/retention"}, {Label: c.Number, Href: "/cases/" + c.Number}}, Number: c.Number, Title: "Erase on request",
		Note: "What goes cannot be brought back. Number, direction, times, severity, who handled it, and every proof stay."}}
	options, err := q.eraseOptions(c, what)
	if err != nil {
		return err
	}
	choose := Form{Method: "get", Action: "/cases/" + c.Number + "/erase", Fields: []design.Field{{Name: "what", ID: "erase-what", Label: "Or something else of this case", Kind: design.Choice, Options: options}},
		Buttons: []design.Button{{Label: "Show what would go", Icon: "list-filter"}}}
	ask, err := askOf(c.ID, what)
	if err != nil {
		return err
	}
	plan, err := q.Retention.Plan(q.ctx, ask)
	if err != nil {
		return err
	}
	p.Next = q.askNext(f, plan)
	p.Tables = q.planTables(plan)
	p.Forms = append([]Form{choose}, p.Forms...)
	return q.show(f.code(), "record", p)
}

// eraseOptions are what of a case can be asked for.
func (q *request) eraseOptions(c *intake.Case, what string) ([]design.Option, error) {
	all, err := q.Intake.Communications(q.ctx, c.ID)
	if err != nil {
		return nil, err
	}
	pairs := [][2]string{{"content", "The whole case: all that was said, and by whom"}, {"identity", "Who the outsiders are, in the whole case"}}
	words := map[intake.Direction]string{intake.Inbound: "message", intake.Outbound: "answer", intake.Note: "note"}
	for _, m := range all {
		if intake.LacksPart(m.Erasures, intake.Content) != nil {
			continue
		}
		name := fmt.Sprintf("%s %d of %s", words[m.Direction], m.Seq, phrase.Day(micros(m.ReceivedAt)))
		pairs = append(pairs, [2]string{"content:" + m.ID, "The " + name})
		if m.Direction != intake.Note {
			pairs = append(pairs, [2]string{"identity:" + m.ID, "Who the outsider is, in " + name})
		}
		for i, a := range m.Attachments {
			if !a.Erased {
				pairs = append(pairs, [2]string{fmt.Sprintf("file:%s:%d", m.ID, i), fmt.Sprintf("File “%s” of %s", or(a.Name, "unnamed"), name)})
			}
		}
	}
	return chosen(what, pairs...), nil
}

// askNext is the request, or why there can be none.
func (q *request) askNext(f *form, p *retention.Plan) *design.NextAct {
	at := "/cases/" + p.Number + "/erase"
	switch {
	case len(p.Holds) > 0:
		n := &design.NextAct{Title: "Held", Why: "Nothing of it can be erased while a hold is on it.", Waiting: true}
		for _, h := range p.Holds {
			n.Effects = append(n.Effects, design.Effect{Icon: "lock", Text: holdWords(h) + ": " + h.Reason})
		}
		return n
	case len(p.Items) == 0:
		return &design.NextAct{Title: "Nothing is left of this", Why: "It was erased already, or there was none.", Waiting: true}
	case len(p.Open) > 0:
		return &design.NextAct{Title: "Something is open", Why: sentence(p.Open[0]), Waiting: true}
	}
	n := &design.NextAct{Title: "Ask for it to be erased", Why: "Another lead, or legal, looks at the same list and approves it. Then it is done.", Action: at,
		Hidden: []design.Pair{{Name: "what", Value: whatOf(p.Ask)}, {Name: "hash", Value: p.Hash}},
		Fields: f.of("erase").fields(
			design.Field{Name: "basis", ID: "erase-basis", Label: "On what basis", Required: true, Max: 300, Hint: "The law or contract, such as GDPR Art. 17(1)(b). The reporter may read it."},
			design.Field{Name: "verified", ID: "erase-verified", Label: "How you made sure that who asks may", Kind: design.Long, Rows: 2, Required: true, Max: 1000, Hint: "It stays in the record: name no person."}),
		Buttons: []design.Button{{Label: "Ask for it", Weight: design.Primary, Icon: "archive"}}}
	for _, e := range p.Echoes {
		n.Effects = append(n.Effects, design.Effect{Icon: "triangle-alert", Text: "Stays, and " + e})
	}
	return n
}

var itemWords = map[string]string{"casefile": "The header of the case", "response": "Answer", "legal_hold": "A released hold that names the party", "inbound": "Message", "outbound": "Message that went out", "note": "Note"}

var partWords = map[intake.Part]string{intake.Content: "what it says, and who", intake.Identity: "who the outsiders are, and the message as it came", intake.Files: "attachments, and the message as it came", intake.Title: "its name"}

func (q *request) planTables(p *retention.Plan) []design.Table {
	return itemTable("What goes", p.Items)
}

func itemTable(caption string, items []retention.Item) []design.Table {
	if len(items) == 0 {
		return nil
	}
	t := design.Table{Caption: caption, Shown: true, Columns: []design.Column{{Label: "Record"}, {Label: "What of it", Place: design.Full}}}
	for _, i := range items {
		name := or(itemWords[i.What], itemWords[i.Kind])
		if i.Seq > 0 {
			name += " " + strconv.Itoa(i.Seq)
		}
		what := partWords[i.Part]
		if i.Part == intake.Files {
			what = phrase.Count(int64(len(i.Files)), "attachment", "attachments") + ", and the message as it came"
		}
		t.Rows = append(t.Rows, design.Row{Cells: []design.Cell{{Text: name}, {Text: what}}})
	}
	return []design.Table{t}
}

func (q *request) askErase() error {
	f, err := q.form("erase")
	if err != nil {
		return err
	}
	c, err := q.Intake.Case(q.ctx, q.r.PathValue("case"))
	if err != nil {
		return err
	}
	ask, err := askOf(c.ID, f.get("what"))
	if err != nil {
		return err
	}
	path := ""
	e, err := q.Retention.Request(q.ctx, q.who, ask, f.get("basis"), f.get("verified"), f.get("hash"))
	if err == nil {
		path = "/erasures/" + e.ID
	}
	return q.settle(err, f, "basis", func(f *form) error { return q.showErase(f, f.get("what")) }, "Asked for. Somebody else has to approve it.", path)
}

func (q *request) erasurePage() error { return q.showErasure(nil) }

func (q *request) showErasure(f *form) error {
	e, err := q.Retention.Erasure(q.ctx, q.r.PathValue("id"))
	if err != nil {
		return err
	}
	at, state := "/erasures/"+e.ID, retentionStates[e.State]
	p := recordPage{Staff: q.frame("Erasure", "/retention"), Header: design.Header{Crumbs: []design.Link{{Label: "Retention", Href: "/retention"}, {Label: e.Number, Href: "/cases/" + e.Number}}, Number: e.Number, Title: askWords(e.Ask()), Note: e.Stopped, State: &state,
		Seal:  &design.Seal{Kind: design.Sealed, Href: entryHref(e.Entry)},
		Facts: []design.KeyValue{{Label: "Basis", Cell: design.Cell{Text: e.Basis}}, {Label: "Asked for by", Cell: design.Cell{Text: q.People.Name(q.ctx, e.RequestedBy), Sub: phrase.Day(micros(e.RequestedAt))}}}}}
	p.Header.Facts = append(p.Header.Facts, q.decided(e.ApprovedBy, e.ApprovedAt, e.EndedBy, e.EndReason, e.ExecutedAt)...)
	p.Facts = design.DefinitionList{Wide: true, Items: []design.KeyValue{{Label: "How it was made sure that who asks may", Cell: design.Cell{Text: e.Verified}}}}
	items, hash := e.Items, e.ListHash
	if e.State == retention.Requested { // what would go now is what is approved
		plan, err := q.Retention.Plan(q.ctx, e.Ask())
		if err != nil {
			return err
		}
		items, hash = plan.Items, plan.Hash
		for _, x := range plan.Echoes {
			p.Facts.Items = append(p.Facts.Items, design.KeyValue{Label: "Stays, and", Cell: design.Cell{Text: x}})
		}
		p.Next = q.decide(f, at, e.State, e.RequestedBy, hash, "the records below")
		if n := q.askNext(nil, plan); n.Waiting { // held, settled otherwise, or gone
			p.Next = n
		}
		p.Forms = append(p.Forms, q.endForm(f, at, e.RequestedBy))
	} else {
		p.Next = q.decide(f, at, e.State, e.RequestedBy, hash, "")
	}
	caption := "What goes"
	if e.State == retention.Executed {
		caption = "What was erased"
		p.Facts.Items = append(p.Facts.Items, provedWords()...)
	}
	p.Tables = itemTable(caption, items)
	versions, err := retention.Erasures.History(q.ctx, q.Ledger, e.ID)
	if err != nil {
		return err
	}
	if p.Timeline, err = history(q, "Acts on this request", p.Header.Seal, versions); err != nil {
		return err
	}
	return q.show(f.code(), "record", p)
}

// provedWords say what an erasure proves, and what nobody can.
func provedWords() []design.KeyValue {
	return []design.KeyValue{
		{Label: "This proves", Cell: design.Cell{Text: "Who asked, who approved, on what basis, when, and which parts of which records went. Everything else in the record still verifies, the skeleton of these records included."}},
		{Label: "It cannot prove", Cell: design.Cell{Text: "That no copy exists elsewhere: in a mailbox, with a recipient, in a package or export that was handed out, on paper, or in a backup of the keys that is older than the erasure."}}}
}

func (q *request) approveErasure() error {
	f, err := q.sure()
	if err != nil {
		return err
	}
	if f.code() != 200 {
		return q.showErasure(f)
	}
	_, err = q.Retention.Approve(q.ctx, q.who, q.r.PathValue("id"), f.get("hash"))
	return q.settle(err, f, "sure", q.showErasure, "Approved. It is being done.", "/erasures/"+q.r.PathValue("id"))
}

func (q *request) endErasure() error {
	f, err := q.form("end")
	if err != nil {
		return err
	}
	e, err := q.Retention.Erasure(q.ctx, q.r.PathValue("id"))
	if err != nil {
		return err
	}
	end := q.Retention.Decline
	if e.RequestedBy == q.who.ID {
		end = q.Retention.Withdraw
	}
	_, err = end(q.ctx, q.who, e.ID, f.get("reason"))
	return q.settle(err, f, "reason", q.showErasure, "Ended.", "/erasures/"+e.ID)
}

// retained adds to the page of a case what holds it, what of it was erased,
// and, for those who may, the ways to both.
func (q *request) retained(p *casePage, o *opened) error {
	holds, err := q.Retention.On(q.ctx, o.ID)
	if err != nil {
		return err
	}
	for _, h := range holds {
		cell := design.Cell{Text: "Under legal hold", Sub: h.Reason}
		if q.may(keepers) {
			cell.Href = "/holds/" + h.ID
		}
		p.Header.Facts = append(p.Header.Facts, design.KeyValue{Label: "Hold", Cell: cell})
	}
	for _, e := range o.Erasures {
		p.Facts.Items = append(p.Facts.Items, q.erasedFact(e))
	}
	if e := intake.LacksPart(o.Erasures, intake.Content); e != nil {
		p.Header.Title, p.Header.Seal.Kind = "(erased)", design.Erased
		p.Next = design.NextAct{Title: "Erased", Why: erasedWords(e) + " Nothing joins it any more.", Waiting: true}
		p.Header.Clocks, p.Forms = nil, nil
	}
	if q.may(keepers) {
		p.Forms = append(p.Forms, Form{Title: "Retention", Buttons: []design.Button{{Label: "Hold this case", Icon: "lock", Href: "/holds/new?case=" + o.Number}, {Label: "Erase on request", Icon: "archive", Href: "/cases/" + o.Number + "/erase"}}})
	}
	return nil
}

// erasedWords say what became of content, in its place.
func erasedWords(e *intake.Erasure) string {
	what := map[intake.Part]string{intake.Content: "What it said, and who,", intake.Identity: "Who the outsiders are", intake.Files: "An attachment", intake.Title: "Its name"}[e.Part]
	return what + " was erased on " + phrase.Day(micros(e.At)) + " under " + strings.TrimSuffix(e.Basis, ".") + "."
}

// erasedFact leads to the decision behind an erasure.
func (q *request) erasedFact(e intake.Erasure) design.KeyValue {
	return design.KeyValue{Label: "Erased", Cell: design.Cell{Text: erasedWords(&e), Href: q.decisionHref(e)}}
}

// decisionHref is the request or run under which something was erased, for
// those who may see it.
func (q *request) decisionHref(e intake.Erasure) string {
	if !q.may(keepers) {
		return ""
	}
	if _, err := q.Retention.Erasure(q.ctx, e.ID); err != nil {
		return "/disposals/" + e.ID
	}
	return "/erasures/" + e.ID
}

// erasedItem draws the act that erased something; ok is false for any other.
func (q *request) erasedItem(e *board.Event, i *design.TimelineItem) (ok bool) {
	if e.Entry.Verb() != format.Erased {
		return false
	}
	var list []intake.Erasure
	switch {
	case e.Case != nil:
		i.What, list = "erased (header of the case)", e.Case.Erasures
	case e.Communication != nil:
		i.What, list = fmt.Sprintf("erased (communication %d)", e.Communication.Seq), e.Communication.Erasures
	case e.Response != nil:
		i.What, list = fmt.Sprintf("erased (answer %d)", e.Response.Seq), e.Response.Erasures
	}
	i.Kind, i.Seal.Kind = design.Machine, design.Erased
	if len(list) > 0 {
		last := list[len(list)-1]
		i.Note = erasedWords(&last)
		if at := q.decisionHref(last); at != "" {
			i.Facts = []design.KeyValue{{Label: "Decided", Cell: design.Cell{Text: "Who asked, who approved", Href: at}}}
		}
	}
	return true
}

// lettersNow puts what communications say now in the place of what they said
// when they came to be, where something of it was erased since.
func lettersNow(events []board.Event) {
	now := map[string]*intake.Communication{}
	for i := range events { // the newest first
		m := events[i].Communication
		if m == nil {
			continue
		}
		if now[m.ID] == nil {
			now[m.ID] = m
		}
		if newest := now[m.ID]; len(newest.Erasures) > 0 && events[i].Entry.Verb() != format.Erased {
			events[i].Communication = newest
		}
	}
}

// erasedLetter says in the place of a text that it was erased.
func erasedLetter(m *intake.Communication, i *design.TimelineItem) string {
	for _, e := range m.Erasures {
		if e.Part != intake.Content {
			i.Facts = append(i.Facts, design.KeyValue{Label: "Erased", Cell: design.Cell{Text: erasedWords(&e)}})
		}
	}
	e := intake.LacksPart(m.Erasures, intake.Content)
	if e == nil {
		return ""
	}
	i.Seal.Kind = design.Erased
	return erasedWords(e)
}

// erasedAnswer notes on the page of an answer what it has no longer.
func erasedAnswer(r *response.Response) (notes []design.KeyValue) {
	for _, e := range r.Erasures {
		notes = append(notes, design.KeyValue{Label: "Erased", Cell: design.Cell{Text: erasedWords(&e)}})
	}
	return notes
}
