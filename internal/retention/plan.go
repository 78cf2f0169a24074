package retention

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/mime"
	"example.org/countersign/internal/response"
)

// Ask says what is to be erased.
type Ask struct {
	Case string      // id or number
	Of   string      // id of a communication or answer; the whole case where empty
	Part intake.Part // Content, Identity; Files of a communication or answer
	File int         // which attachment, from 0, for Files
}

// Item is one record that is to lose something.
type Item struct {
	Kind  string      `json:"kind"` // casefile, communication, response; legal_hold, released, that names who goes
	ID    string      `json:"id"`
	Seq   int         `json:"seq,omitzero"`  // among its kind in the case
	What  string      `json:"what,omitzero"` // inbound, outbound, note
	Part  intake.Part `json:"part"`
	Files []string    `json:"files,omitempty"` // for Files: which, see fileName
}

// Plan is what an erasure would take, and what it would leave although it may
// speak of the same.
type Plan struct {
	*intake.Case
	Ask   Ask
	Items []Item
	Holds []*Hold
	Hash  string // of case and Items; an approval is bound to it

	// Echoes are records that stay and repeat something of what goes: "answer
	// 2 repeats the subject".
	Echoes []string
	// Open are what has to be settled before: "answer 1: nobody knows …".
	Open []string

	view *view
}

// hash binds an approval to what goes.
func hashOf(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // it is made of text and numbers
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// Plan returns what an erasure would take now.
func (d *Desk) Plan(ctx context.Context, ask Ask) (*Plan, error) {
	v, err := d.look(ctx, ask.Case)
	if err != nil {
		return nil, err
	}
	p, err := plan(v, ask)
	if err != nil {
		return nil, err
	}
	p.Echoes, err = d.echoes(ctx, p)
	return p, err
}

// plan is the rule: what goes with what.
func plan(v *view, ask Ask) (*Plan, error) {
	ask.Case = v.ID
	p := &Plan{Case: v.Case, Ask: ask, Holds: v.holds, view: v}
	switch {
	case ask.Of == "" && (ask.Part == intake.Content || ask.Part == intake.Identity):
		p.whole(ask.Part)
	case ask.Of == "":
		return nil, fault.New(fault.Invalid, "what: of a whole case its content is erased, or the identity")
	default:
		if err := p.single(ask); err != nil {
			return nil, err
		}
	}
	for _, r := range v.answers {
		if !p.has(r.ID) {
			continue
		}
		switch r.State {
		case response.Sending, response.Ambiguous:
			p.Open = append(p.Open, fmt.Sprintf("answer %d: nobody knows yet whether it was delivered; settle that first", r.Seq))
		}
	}
	p.Hash = hashOf(struct {
		Case  string
		Part  intake.Part
		Items []Item
	}{v.ID, ask.Part, p.Items})
	return p, nil
}

func (p *Plan) has(id string) bool {
	return slices.ContainsFunc(p.Items, func(i Item) bool { return i.ID == id })
}

// whole takes content or identity of everything in the case.
func (p *Plan) whole(part intake.Part) {
	p.header(part)
	for _, r := range p.view.answers {
		p.answer(r, part)
	}
	for _, h := range p.view.past { // while the communications still say who it is
		p.Items = append(p.Items, Item{Kind: Holds.Kind(), ID: h.ID, Part: intake.Identity})
	}
	for _, m := range p.view.communications {
		p.message(m, part)
	}
}

// header adds the header, unless it has lost that part already.
func (p *Plan) header(part intake.Part) {
	c := p.Case
	switch part {
	case intake.Identity:
		if lacks(c.Erasures, part) || c.ReporterName+c.ReporterAddress+c.CodeHash == "" {
			return
		}
	case intake.Title:
		if lacks(c.Erasures, intake.Content) || c.Subject == "" {
			return
		}
	default:
		if lacks(c.Erasures, part) {
			return
		}
	}
	p.Items = append(p.Items, Item{Kind: intake.Cases.Kind(), ID: c.ID, Part: part})
}

func (p *Plan) answer(r *response.Response, part intake.Part) {
	if p.has(r.ID) || lacks(r.Erasures, part) || part == intake.Identity && len(r.To)+len(r.Cc)+len(r.References) == 0 && r.InReplyTo+r.MessageID == "" {
		return
	}
	p.Items = append(p.Items, Item{Kind: response.Responses.Kind(), ID: r.ID, Seq: r.Seq, Part: part})
}

func (p *Plan) message(m *intake.Communication, part intake.Part) {
	if p.has(m.ID) || lacks(m.Erasures, part) || part == intake.Identity && !identified(m) {
		return
	}
	p.Items = append(p.Items, Item{Kind: intake.Communications.Kind(), ID: m.ID, Seq: m.Seq, What: string(m.Direction), Part: part})
}

// lacks reports whether a part is gone; with the content, the identity is.
func lacks(list []intake.Erasure, part intake.Part) bool {
	return intake.LacksPart(list, part, intake.Content) != nil
}

// identified reports whether fields of a communication say who an outsider is.
func identified(m *intake.Communication) bool {
	return m.Direction != intake.Note && (len(m.From)+len(m.To)+len(m.Cc)+len(m.ReplyTo) > 0 || m.MessageID != "" || len(m.Raw) > 0 || m.RawSHA256 != "" || m.Envelope != nil)
}

// single takes a part of one communication or answer, and every copy of it: an
// answer and what went out, the confirmation of a message, the case's name.
func (p *Plan) single(ask Ask) error {
	m, r := p.find(ask.Of)
	switch {
	case m == nil && r == nil:
		return fault.New(fault.NotFound, "%s has no such communication or answer", p.Number)
	case ask.Part == intake.Files:
		return p.file(m, r, ask.File)
	case ask.Part != intake.Content && ask.Part != intake.Identity:
		return fault.New(fault.Invalid, "what: choose the content, the identity, or an attachment")
	}
	if m != nil && m.Direction != intake.Outbound {
		if ask.Part == intake.Content && p.NamedAfter(m) {
			p.header(intake.Title)
		}
		if p.onlyFrom(m) {
			p.header(intake.Identity)
		}
	}
	if r != nil {
		p.answer(r, ask.Part)
	}
	for _, x := range p.view.communications {
		copied := x == m || r != nil && x.Response == r.ID || m != nil && x.About == m.ID && x.Auto == intake.Confirmation
		if copied {
			p.message(x, ask.Part)
		}
	}
	return nil
}

// onlyFrom reports whether the header knows the reporter from m alone.
func (p *Plan) onlyFrom(m *intake.Communication) bool {
	from := func(x *intake.Communication) bool {
		return x.Direction == intake.Inbound && slices.ContainsFunc(x.From, func(a mime.Address) bool {
			return mime.NormalizeAddr(a.Addr) == mime.NormalizeAddr(p.ReporterAddress) && a.Addr != "" || a.Addr == "" && a.Name == p.ReporterName
		})
	}
	return from(m) && !slices.ContainsFunc(p.view.communications, func(x *intake.Communication) bool { return x != m && from(x) })
}

// find returns a communication or an answer, and for what was sent both.
func (p *Plan) find(id string) (m *intake.Communication, r *response.Response) {
	for _, x := range p.view.communications {
		if x.ID == id || x.Response != "" && x.Response == id {
			m = x
		}
	}
	for _, x := range p.view.answers {
		if x.ID == id || m != nil && m.Response == x.ID {
			r = x
		}
	}
	return m, r
}

// file takes one attachment and all its copies in the case. Of an anonymous
// report the copy without metadata and the sealed original are one file.
func (p *Plan) file(m *intake.Communication, r *response.Response, i int) error {
	var list []intake.Attachment
	if m != nil {
		list = m.Attachments
	} else {
		list = r.Attachments
	}
	if i < 0 || i >= len(list) {
		return fault.New(fault.NotFound, "there is no such attachment")
	}
	hashes := map[string]bool{}
	for _, k := range pair(list, i) {
		if !list[k].Erased {
			hashes[list[k].SHA256] = true
		}
	}
	pick := func(list []intake.Attachment) (picked []string) {
		for k, a := range list {
			if !a.Erased && hashes[a.SHA256] {
				picked = append(picked, fileName(k, a))
			}
		}
		return picked
	}
	for _, x := range p.view.answers {
		if picked := pick(x.Attachments); len(picked) > 0 {
			p.Items = append(p.Items, Item{Kind: response.Responses.Kind(), ID: x.ID, Seq: x.Seq, Part: intake.Files, Files: picked})
		}
	}
	for _, x := range p.view.communications {
		if picked := pick(x.Attachments); len(picked) > 0 {
			p.Items = append(p.Items, Item{Kind: intake.Communications.Kind(), ID: x.ID, Seq: x.Seq, What: string(x.Direction), Part: intake.Files, Files: picked})
		}
	}
	return nil
}

// fileName names an attachment: by its blob, or by its place in a message
// whose attachments were not kept apart. Neither says anything about it.
func fileName(i int, a intake.Attachment) string {
	if a.Blob.IsZero() {
		return "#" + strconv.Itoa(i)
	}
	return a.Blob.Name
}

// pair returns the places of an attachment and of its other form: intake keeps
// the sealed original behind the copy without metadata.
func pair(list []intake.Attachment, i int) []int {
	const stripped = "metadata removed"
	if list[i].Note == stripped && i+1 < len(list) {
		return []int{i, i + 1}
	}
	if i > 0 && list[i-1].Note == stripped {
		return []int{i - 1, i}
	}
	return []int{i}
}

// echoes looks for what stays and repeats something of what goes. It finds the
// same words, not the same sense.
func (d *Desk) echoes(ctx context.Context, p *Plan) (found []string, err error) {
	needles, err := d.needles(ctx, p)
	if err != nil || len(needles) == 0 {
		return nil, err
	}
	note := func(name, subject, text string) {
		said := strings.ToLower(subject + "\n" + text)
		for _, n := range needles {
			if strings.Contains(said, strings.ToLower(n.text)) {
				found = append(found, name+" repeats "+n.what)
				return
			}
		}
	}
	for _, r := range p.view.answers {
		if !p.takesText(r.ID) {
			note(fmt.Sprintf("answer %d", r.Seq), r.Subject, r.Text)
		}
	}
	for _, m := range p.view.communications {
		if p.takesText(m.ID) || m.Response != "" && len(p.view.answers) > 0 {
			continue // an answer was looked at
		}
		text, err := d.intake.Text(ctx, m)
		if err != nil {
			return nil, err
		}
		name := fmt.Sprintf("communication %d", m.Seq)
		if m.Direction == intake.Note {
			name = fmt.Sprintf("the note that is communication %d", m.Seq)
		}
		note(name, m.Subject, text)
	}
	if !p.takesText(p.ID) {
		note("the name of the case", p.Subject, "")
	}
	return found, nil
}

// takesText reports whether a record loses what it says.
func (p *Plan) takesText(id string) bool {
	return slices.ContainsFunc(p.Items, func(i Item) bool { return i.ID == id && (i.Part == intake.Content || i.Part == intake.Title) })
}

type needle struct{ text, what string }

// longLine is how many bytes of a line make it somebody's own.
const longLine = 40

// needles are the words by which a copy of what goes is recognised.
func (d *Desk) needles(ctx context.Context, p *Plan) (list []needle, err error) {
	add := func(text, what string, least int) {
		if text = strings.TrimSpace(text); len(text) >= least {
			list = append(list, needle{text, what})
		}
	}
	for _, m := range p.view.communications {
		if !p.has(m.ID) || m.Direction == intake.Note {
			continue
		}
		switch p.Ask.Part {
		case intake.Identity:
			from := m.From
			if m.Direction == intake.Outbound {
				from = slices.Concat(m.To, m.Cc)
			}
			for _, a := range from {
				add(a.Addr, "the address", 3)
				add(a.Name, "the name", 4)
			}
		case intake.Content:
			add(bare(m.Subject), "the subject", 6)
			text, err := d.intake.Text(ctx, m)
			if err != nil {
				return nil, err
			}
			for line := range strings.SplitSeq(text, "\n") {
				add(line, "a line", longLine)
			}
		}
	}
	if p.Ask.Part == intake.Identity {
		add(p.ReporterName, "the name", 4)
		add(mime.NormalizeAddr(p.ReporterAddress), "the address", 3)
	}
	return list, nil
}

// bare is a subject without what answers put before it.
func bare(subject string) string {
	for {
		s := strings.TrimSpace(subject)
		i := strings.IndexByte(s, ':')
		if i < 1 || i > 4 {
			return s
		}
		subject = s[i+1:]
	}
}
