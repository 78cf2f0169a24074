package web

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.org/countersign/internal/board"
	"example.org/countersign/internal/channel"
	"example.org/countersign/internal/design"
	"example.org/countersign/internal/design/phrase"
	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/mime"
	"example.org/countersign/internal/people"
	"example.org/countersign/internal/policy"
	"example.org/countersign/internal/response"
)

// responsePage is one answer: written, reviewed, sent.
type responsePage struct {
	design.Staff
	Header   design.Header
	Steps    design.Stepper
	Next     *design.NextAct
	Problems design.Problems
	Editor   *editor
	Letter   *design.Letter
	Facts    design.DefinitionList
	Forms    []Form
	Question *design.Letter // what is answered
	Timeline design.Timeline
}

// editor is the form in which an answer is written.
type editor struct {
	ID        string
	Seen      int64
	Hash      string
	Fields    []design.Field
	Files     []design.Attachment
	Templates []design.Link
	Note      string
}

func (q *request) responsePage() error { return q.showResponse(nil) }

func (q *request) showResponse(f *form) error {
	r, err := q.Responses.Find(q.ctx, q.r.PathValue("id"))
	if err != nil {
		return err
	}
	o, err := q.open(r.Case)
	if err != nil {
		return err
	}
	out, err := q.Channels.Find(q.ctx, q.Ledger, r.Channel)
	if err != nil {
		return err
	}
	p := responsePage{Staff: q.frame("Answer "+r.Number, "/queue"), Steps: q.steps(r)}
	p.Header = design.Header{Crumbs: []design.Link{{Label: "Queue", Href: "/queue"}, {Label: r.Number, Href: "/cases/" + r.Number}},
		Title: or(r.Subject, fmt.Sprintf("Answer %d", r.Seq)), State: responseState(r.State), Severity: severity(o.Severity),
		Facts: []design.KeyValue{{Label: "Written by", Cell: design.Cell{Text: q.names(r.Authors)}}}}
	if c := caseClock(o.Case, o.set, q.now); c != nil {
		p.Header.Clocks = []design.Clock{*c}
	}
	if q.may(workers) && editable(r) && (r.State == response.Draft || r.State == response.Failed || f.is("edit") || q.query().Has("edit")) {
		if p.Editor, err = q.editor(o, r, f.of("edit")); err != nil {
			return err
		}
		p.Problems = design.Problems{Title: "This needs another look", Fields: p.Editor.Fields}
		if len(p.Problems.Bad()) > 0 {
			p.Flashes = nil // they say the same
		}
		if p.Question, err = q.question(o); err != nil {
			return err
		}
	} else {
		p.Letter = q.letter(r, out)
	}
	p.Next, p.Forms = q.reviewAct(r, out, f), q.responseForms(r, f)
	p.Facts = q.responseFacts(o, r, out)
	p.Facts.Items = append(p.Facts.Items, erasedAnswer(r)...)
	if p.Timeline, err = q.responseHistory(r); err != nil {
		return err
	}
	p.Keys = design.Keys(design.KeyHelp{Keys: []string{"a"}, What: "Approve and send"})
	return q.show(f.code(), "response", p)
}

func editable(r *response.Response) bool {
	return slices.Contains([]response.State{response.Draft, response.InReview, response.Approved, response.Failed}, r.State)
}

// mayApprove says whether who looks could say yes to r as it is.
func (q *request) mayApprove(r *response.Response) bool {
	return r.State == response.InReview && q.approves(of(r.Roles...)) && !slices.Contains(r.Authors, q.who.ID) &&
		!slices.ContainsFunc(r.Approvals, func(a response.Approval) bool { return a.By == q.who.ID })
}

// quorumWords say how much is still needed, and from whom.
func (q *request) quorumWords(r *response.Response) string {
	s := fmt.Sprintf("needs %s, by %s", phrase.Count(int64(r.Quorum), "approval", "approvals"), orRoles(r.Roles))
	if len(r.Approvals) > 0 {
		s = fmt.Sprintf("has %d of %d approvals, by %s", len(r.Approvals), r.Quorum, orRoles(r.Roles))
		var by []string
		for _, a := range r.Approvals {
			by = append(by, a.By)
		}
		s += "; approved by " + q.names(by)
	}
	return s
}

func (q *request) steps(r *response.Response) design.Stepper {
	order := []response.State{response.Draft, response.InReview, response.Approved, response.Sent}
	words := []string{"Draft", "Approval", "Hand-over", "Sent"}
	at := slices.Index(order, r.State)
	switch r.State {
	case response.Sending, response.Ambiguous, response.Failed:
		at = 2
	case response.Withdrawn:
		at = -1
	}
	notes := []time.Time{micros(r.CreatedAt), micros(r.SubmittedAt), micros(r.ApprovedAt), micros(r.SentAt)}
	s := design.Stepper{Label: "The way of this answer"}
	for i, w := range words {
		step := design.Step{Word: w, Done: i < at || r.State == response.Sent, Now: i == at && r.State != response.Sent}
		if !notes[i].IsZero() {
			step.Note = phrase.Instant(notes[i])
		}
		s.Steps = append(s.Steps, step)
	}
	return s
}

func (q *request) files(r *response.Response) []design.Attachment {
	var out []design.Attachment
	for i, a := range r.Attachments {
		out = append(out, design.Attachment{Name: or(a.Name, "unnamed"), Type: a.Type, Size: a.Size, SHA256: a.SHA256, Href: fmt.Sprintf("/responses/%s/attachments/%d", r.ID, i)})
	}
	return out
}

// letter shows an answer exactly as it is to go out.
func (q *request) letter(r *response.Response, out *channel.Channel) *design.Letter {
	l := &design.Letter{To: addresses(r.To), Copy: addresses(r.Cc), Subject: r.Subject, Channel: out.Name + ", " + out.Address, Text: r.Text, Attachments: q.files(r), Absent: "There is no text yet."}
	if out.Kind == channel.Email {
		l.From = mime.Address{Name: out.FromName, Addr: out.Address}.String()
	} else {
		l.To = "the reporter, on the follow-up page"
	}
	return l
}

// question shows the message that is being answered.
func (q *request) question(o *opened) (*design.Letter, error) {
	all, err := q.Intake.Communications(q.ctx, o.ID)
	if err != nil {
		return nil, err
	}
	for _, m := range slices.Backward(all) {
		if m.Direction == intake.Inbound && m.Auto == "" {
			text, err := q.Intake.Text(q.ctx, m)
			if err != nil {
				return nil, err
			}
			own, _ := mime.TrimReply(text)
			return &design.Letter{From: or(addresses(m.From), reporter(o.Case)), Subject: m.Subject, Text: clip(or(own, text)), Absent: "There is no text."}, nil
		}
	}
	return nil, nil
}

// editor shows what who looks was typing, a template that they picked, or the
// newest version.
func (q *request) editor(o *opened, r *response.Response, f *form) (*editor, error) {
	e := &editor{ID: r.ID, Seen: r.Entry, Hash: r.ContentHash, Files: q.files(r)}
	c := r.Content()
	kept, err := q.Responses.Autosaved(q.ctx, q.who, r.ID)
	if err != nil {
		return nil, err
	}
	if kept != nil && f == nil {
		c, e.Note = *kept, "This is what you were typing; it is not a version yet."
	}
	if name := q.query().Get("template"); name != "" && f == nil {
		if t, ok := o.set.Template(name, o.Language); ok {
			c.Subject, c.Text, e.Note = q.filled(o, t, c.Subject), "", "From the template “"+t.Title+"”. Fill in what stands in braces."
			_, c.Text, _ = t.Fill(q.blanks(o))
		}
	}
	for _, t := range o.set.Templates {
		if t.Purpose == policy.ForReply {
			e.Templates = append(e.Templates, design.Link{Label: t.Title, Href: "/responses/" + r.ID + "?edit=1&template=" + t.Name})
		}
	}
	outs, err := q.outbound(o, c.Channel)
	if err != nil {
		return nil, err
	}
	e.Fields = f.fields(
		design.Field{Name: "to", Label: "To", Value: addresses(c.To), Wide: true, Hint: "Several with commas. Leave it empty where the channel is the report page."},
		design.Field{Name: "cc", Label: "Copy", Value: addresses(c.Cc), Wide: true, Optional: "(optional)"},
		design.Field{Name: "channel", Label: "Channel", Kind: design.Choice, Options: outs},
		design.Field{Name: "subject", Label: "Subject", Value: c.Subject, Wide: true, Max: 500},
		design.Field{Name: "text", Label: "Text", Kind: design.Long, Rows: 14, Value: c.Text, Wide: true, Autosave: true})
	return e, nil
}

func (q *request) blanks(o *opened) map[string]string {
	return map[string]string{"number": o.Number, "name": or(o.ReporterName, "there"), "subject": o.Subject, "organisation": q.opt.Organisation}
}

// filled is the subject of a template; a reply keeps its own.
func (q *request) filled(o *opened, t policy.Template, now string) string {
	if now != "" {
		return now
	}
	subject, _, _ := t.Fill(q.blanks(o))
	return subject
}

// outbound are the channels by which the answer may leave.
func (q *request) outbound(o *opened, now string) ([]design.Option, error) {
	all, err := q.Channels.List(q.ctx, q.Ledger)
	if err != nil {
		return nil, err
	}
	var out []design.Option
	for _, c := range all {
		if c.ID == now || c.Kind == channel.Email && c.Sends() || c.ID == o.Case.Channel && c.Kind == channel.Portal && o.CodeHash != "" {
			out = append(out, design.Option{Value: c.ID, Label: c.Name + ", " + c.Address, Chosen: c.ID == now})
		}
	}
	return out, nil
}

// reviewAct is what is due on an answer that is no draft any more.
func (q *request) reviewAct(r *response.Response, out *channel.Channel, f *form) *design.NextAct {
	at := "/responses/" + r.ID
	switch r.State {
	case response.InReview:
		if !q.mayApprove(r) {
			return &design.NextAct{Title: "Waits for approval", Why: "It " + q.quorumWords(r) + ". " + q.whyNot(r), Waiting: true}
		}
		n := &design.NextAct{Title: "Approve", Why: "It " + q.quorumWords(r) + ".", Action: at + "/approve", Hidden: []design.Pair{{Name: "hash", Value: r.ContentHash}}, Effects: q.effects(r, out)}
		n.Buttons = []design.Button{{Label: "Approve", Weight: design.Primary, Key: "a", Icon: "check"}}
		if r.Quorum-len(r.Approvals) == 1 {
			n.Title, n.Buttons[0].Label, n.Buttons[0].Icon = "Approve and send", "Approve and send", "send"
		}
		if own := f.of("approve"); own != nil {
			n.Why = own.errors["hash"]
		}
		return n
	case response.Approved, response.Sending:
		why := "Approved; the relay takes it next."
		if n := len(r.Attempts); n > 0 && r.Attempts[n-1].Outcome == "retry" {
			why = "The relay could not be reached: " + r.Attempts[n-1].Detail + ". It is tried again."
		}
		return &design.NextAct{Title: "Being sent", Why: why, Waiting: true}
	case response.Ambiguous:
		if !q.approves(signers) {
			return &design.NextAct{Title: "Delivery unclear", Why: "Somebody who may approve has to say whether it was delivered.", Waiting: true}
		}
		return &design.NextAct{Title: "Was it delivered?", Why: "The relay may have taken it without saying so: " + r.Attempts[len(r.Attempts)-1].Detail + ".", Action: at + "/resolve",
			Effects: []design.Effect{{Icon: "search", Text: "Look into the relay’s log, or ask the recipient"}, {Icon: "refresh-cw", Text: "If it was not, it goes out again under the same Message-ID"}},
			Fields:  f.of("resolve").fields(design.Field{Name: "reason", ID: "resolve-reason", Label: "How you know", Required: true, Max: 2000}),
			Buttons: []design.Button{{Label: "It was delivered", Name: "delivered", Value: "yes"}, {Label: "It was not: send it", Name: "delivered", Value: "no"}}}
	case response.Failed:
		return &design.NextAct{Title: "Refused by the relay", Why: r.Attempts[len(r.Attempts)-1].Detail + ". Correct it below and submit it again.", Waiting: true}
	}
	return nil
}

// whyNot says why who looks cannot approve.
func (q *request) whyNot(r *response.Response) string {
	switch {
	case slices.Contains(r.Authors, q.who.ID):
		return "You wrote or edited it, so somebody else approves it."
	case slices.ContainsFunc(r.Approvals, func(a response.Approval) bool { return a.By == q.who.ID }):
		return "You have approved it."
	case q.right != nil && people.Require(q.who, r.Roles...) == nil:
		_, text := fault.Of(q.right)
		return sentence(text)
	}
	return ""
}

// effects say who gets what, by which channel, under which approval.
func (q *request) effects(r *response.Response, out *channel.Channel) []design.Effect {
	to := "Goes to " + addresses(r.To)
	if len(r.Cc) > 0 {
		to += ", copy to " + addresses(r.Cc)
	}
	if out.Kind != channel.Email {
		to = "Is shown to the reporter, who has number and code"
	}
	e := []design.Effect{{Icon: "mail", Text: to}, {Icon: "radio-tower", Text: "By the channel " + out.Name + ", " + out.Address},
		{Icon: "scale", Text: "Under the rule " + r.Rule + ": " + fmt.Sprintf("%s (%s)", persons(r.Quorum), orRoles(r.Roles))}}
	if n := len(r.Attachments); n > 0 {
		e = append(e, design.Effect{Icon: "paperclip", Text: "With " + phrase.Count(int64(n), "attachment", "attachments")})
	}
	return append(e, design.Effect{Icon: "stamp", Text: "Bound to exactly this text, hash " + phrase.Hash(r.ContentHash)})
}

func (q *request) responseForms(r *response.Response, f *form) []Form {
	at := "/responses/" + r.ID
	var out []Form
	if q.may(signers) && (r.State == response.InReview || r.State == response.Approved) {
		out = append(out, f.fold("decline", "Ask for changes", at+"/decline", "Send it back",
			design.Field{Name: "reason", Label: "What to change", Kind: design.Long, Rows: 3, Required: true, Max: 2000, Hint: "It becomes a draft again; approvals are void."}))
	}
	if q.may(workers) && editable(r) {
		if r.State == response.InReview || r.State == response.Approved {
			out = append(out, Form{Title: "Edit", Note: "An edit voids every approval.", Buttons: []design.Button{{Label: "Edit the answer", Href: at + "?edit=1", Icon: "pencil"}}})
		}
		if r.State == response.Draft || r.State == response.Failed {
			own := f.fold("attach", "Attach a file", at+"/attach", "Attach",
				design.Field{Name: "file", Label: "File", Kind: design.Files, Required: true, Hint: "Up to 25 MB."})
			own.Files, own.Hidden = true, []design.Pair{{Name: "seen", Value: strconv.FormatInt(r.Entry, 10)}}
			out = append(out, own)
			for i, a := range r.Attachments {
				out = append(out, Form{Action: at + "/detach", Hidden: []design.Pair{{Name: "seen", Value: strconv.FormatInt(r.Entry, 10)}, {Name: "n", Value: strconv.Itoa(i)}},
					Buttons: []design.Button{{Label: "Remove " + or(a.Name, "unnamed"), Icon: "x"}}})
			}
		}
		w := f.fold("withdraw", "Withdraw", at+"/withdraw", "Withdraw the answer")
		w.Note = "It is never sent. It stays in the record."
		out = append(out, w)
	}
	return out
}

func (q *request) responseFacts(o *opened, r *response.Response, out *channel.Channel) design.DefinitionList {
	items := []design.KeyValue{{Label: "Channel", Cell: design.Cell{Text: out.Name, Sub: out.Address, Href: "/channels/" + out.ID}}}
	if r.State == response.Draft {
		items = append(items, design.KeyValue{Label: "Approval needed", Cell: design.Cell{Text: q.approvalWords(o)}})
	} else if r.Rule != "" {
		items = append(items, design.KeyValue{Label: "Rule", Cell: design.Cell{Text: r.Rule}})
	}
	for _, a := range r.Approvals {
		items = append(items, design.KeyValue{Label: "Approved by", Cell: design.Cell{Text: q.People.Name(q.ctx, a.By), Sub: people.Role(a.Role).Title() + ", " + phrase.Instant(micros(a.At))}})
	}
	if r.Exception != "" {
		items = append(items, design.KeyValue{Label: "Exception", Cell: design.Cell{Text: r.Exception}})
	}
	items = append(items, design.KeyValue{Label: "Content hash", Cell: design.Cell{Text: phrase.Hash(r.ContentHash)}})
	if r.MessageID != "" {
		items = append(items, design.KeyValue{Label: "Message-ID", Cell: design.Cell{Text: r.MessageID}})
	}
	for i, a := range r.Attempts {
		items = append(items, design.KeyValue{Label: fmt.Sprintf("Attempt %d", i+1), Cell: design.Cell{Text: or(spaced(a.Outcome), "under way"), Sub: strings.TrimSpace(phrase.Instant(micros(a.At)) + " " + a.Detail)}})
	}
	return design.DefinitionList{Items: items}
}

// responseHistory is every version, the newest first, with what it changed.
func (q *request) responseHistory(r *response.Response) (design.Timeline, error) {
	t := design.Timeline{Label: "Versions of the answer"}
	versions, err := q.Responses.History(q.ctx, r.ID)
	if err != nil {
		return t, err
	}
	var before *response.Response
	var marks []mark
	for _, v := range versions {
		i := design.TimelineItem{ID: fmt.Sprintf("act-%d", v.Index), Who: q.People.Name(q.ctx, v.Entry.Actor), What: act(v.Entry.Act), At: v.At(), Controls: v.Entry.Controls,
			Seal: sealMark(v.Index).seal}
		marks = append(marks, mark{v.Index, i.Seal})
		q.answerItem(&board.Event{Index: v.Index, Entry: v.Entry, Response: v.Doc, Before: before}, &i)
		i.Facts = i.Facts[1:] // which answer it is, the page says
		i.Changes = versionChanges(before, v.Doc)
		before = v.Doc
		t.Items = append(t.Items, i)
	}
	slices.Reverse(t.Items)
	return t, q.vouch(marks...)
}

func versionChanges(before, after *response.Response) []design.Change {
	if before == nil {
		before = &response.Response{}
	}
	var out []design.Change
	for _, c := range []design.Change{{Label: "To", Before: addresses(before.To), After: addresses(after.To)}, {Label: "Copy", Before: addresses(before.Cc), After: addresses(after.Cc)},
		{Label: "Subject", Before: before.Subject, After: after.Subject}, {Label: "Text", Before: phrase.Clip(before.Text, 300), After: phrase.Clip(after.Text, 600)}} {
		if c.Before != c.After {
			out = append(out, c)
		}
	}
	return out
}
