package web

import (
	"cmp"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"example.org/countersign/internal/board"
	"example.org/countersign/internal/design"
	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/intake"
	mail "example.org/countersign/internal/mime"
	"example.org/countersign/internal/response"
)

const (
	timelineLength = 30
	maxShown       = 6000 // bytes of one message on a page
)

func entryHref(index int64) string { return "/ledger/entries/" + strconv.FormatInt(index, 10) }

// timeline is the acts on a case, the newest first, from ?before on. The mark in
// the header says who vouches for the case as it is.
func (q *request) timeline(o *opened, header mark) (design.Timeline, error) {
	t := design.Timeline{Label: "Timeline of " + o.Number, Empty: design.EmptyState{Title: "Nothing yet", Text: "Nothing has happened on this case."}}
	events, err := q.Board.Timeline(q.ctx, o.ID)
	if err != nil {
		return t, err
	}
	first := map[string]int64{} // entry by which a communication came to be
	for _, e := range events {
		if e.Communication != nil {
			first[e.Communication.ID] = e.Index
		}
	}
	lettersNow(events)
	before, err := strconv.ParseInt(q.query().Get("before"), 10, 64)
	if err != nil {
		before = 1 << 62
	}
	marks := []mark{header}
	for i := range events {
		e := &events[i]
		if e.Index >= before {
			continue
		}
		item, ok, err := q.item(o, e, first)
		if err != nil {
			return t, err
		}
		if !ok {
			continue
		}
		if len(t.Items) == timelineLength {
			t.Older = &design.Link{Label: "Earlier acts", Href: fmt.Sprintf("/cases/%s?before=%d", o.Number, events[i-1].Index)}
			break
		}
		t.Items = append(t.Items, item)
		marks = append(marks, mark{e.Index, item.Seal})
	}
	return t, q.vouch(marks...)
}

// item is one act; ok is false where it only counts what another one shows.
func (q *request) item(o *opened, e *board.Event, first map[string]int64) (design.TimelineItem, bool, error) {
	i := design.TimelineItem{ID: fmt.Sprintf("act-%d", e.Index), Who: q.People.Name(q.ctx, e.Entry.Actor), What: act(e.Entry.Act), At: e.At(), Controls: e.Entry.Controls,
		Seal: sealMark(e.Index).seal}
	switch {
	case q.erasedItem(e, &i):
		return i, true, nil
	case e.Case != nil:
		i.Changes = q.caseChanges(e.CaseBefore, e.Case)
		i.Note = caseReason(e.Entry.Act, e.Case)
		if e.Entry.Actor == "system" {
			i.Kind = design.Machine
			if e.CaseBefore == nil && strings.Contains(e.Case.ClassifiedBy, "/") {
				i.Note = "Classified by " + e.Case.ClassifiedBy
			}
		}
		return i, e.CaseBefore == nil || len(i.Changes) > 0, nil
	case e.Communication != nil:
		if first[e.Communication.ID] != e.Index {
			return i, true, nil
		}
		return i, true, q.message(o, e.Communication, &i)
	}
	q.answerItem(e, &i)
	return i, true, nil
}

func caseReason(name string, c *intake.Case) string {
	switch name {
	case "casefile.classified":
		return c.ClassReason
	case "casefile.disposed", "casefile.restored":
		return c.DispositionReason
	case "casefile.closed", "casefile.reopened":
		return c.CloseReason
	case "casefile.paused":
		if n := len(c.Pauses); n > 0 {
			return c.Pauses[n-1].Reason
		}
	}
	return ""
}

// caseChanges are what an act changed about a case, in words.
func (q *request) caseChanges(before, after *intake.Case) []design.Change {
	fresh := before == nil
	if fresh {
		before = &intake.Case{State: after.State}
	}
	name := func(id string) string {
		if id == "" {
			return ""
		}
		return q.People.Name(q.ctx, id)
	}
	assessed := func(c *intake.Case) string {
		if c.Impact == 0 {
			return ""
		}
		return level(impactWords, c.Impact) + ", " + level(likelihoodWords, c.Likelihood)
	}
	runs := func(c *intake.Case) string {
		switch {
		case c.Paused():
			return "stands still"
		case len(c.Pauses) > 0:
			return "runs again"
		}
		return ""
	}
	var out []design.Change
	for _, c := range []design.Change{
		{Label: "Clock", Before: runs(before), After: runs(after)},
		{Label: "State", Before: string(before.State), After: string(after.State)}, {Label: "Set aside", Before: spaced(string(before.Disposition)), After: spaced(string(after.Disposition))},
		{Label: "Category", Before: spaced(string(before.Category)), After: spaced(string(after.Category))}, {Label: "Urgency", Before: string(before.Urgency), After: string(after.Urgency)},
		{Label: "Assessed", Before: assessed(before), After: assessed(after)}, {Label: "Severity", Before: string(before.Severity), After: string(after.Severity)},
		{Label: "Assignee", Before: name(before.Assignee), After: name(after.Assignee)},
	} {
		if c.Before != c.After {
			c.After = cmp.Or(c.After, "none")
			out = append(out, c)
		}
	}
	return out
}

// message shows a communication as it came to be.
func (q *request) message(o *opened, m *intake.Communication, i *design.TimelineItem) error {
	text, err := q.Intake.Text(q.ctx, m)
	if err != nil {
		return err
	}
	gone := erasedLetter(m, i)
	if m.Direction == intake.Note {
		i.Kind, i.What, i.Note = design.Internal, "noted", cmp.Or(gone, clip(text))
		return nil
	}
	l := &design.Letter{From: addresses(m.From), To: addresses(m.To), Copy: addresses(m.Cc), Subject: m.Subject}
	l.Text, l.Quoted = mail.TrimReply(text)
	if m.Direction == intake.Outbound {
		i.Kind, i.What = design.Outbound, "answered"
		if m.Auto != "" {
			i.Kind, i.What = design.Machine, "confirmed the receipt"
		} else if m.Author != "" {
			i.Who = q.People.Name(q.ctx, m.Author)
		}
		l.Text, l.Quoted = text, ""
	} else {
		i.Kind, i.Who, i.What = design.Inbound, reporter(o.Case), "wrote "+sourceWords[m.Source]
		if len(m.From) > 0 {
			i.Who = cmp.Or(m.From[0].Name, m.From[0].Addr)
		}
		if m.Auto != "" {
			i.What = "sent automatically (" + m.Auto + ")"
		}
		i.Facts = authFacts(m)
	}
	l.Text, l.Quoted = clip(l.Text), clip(l.Quoted)
	if l.Text == "" && l.Quoted != "" {
		l.Text, l.Quoted = l.Quoted, ""
	}
	switch {
	case gone != "":
		l.Absent = gone
	case m.Unparsed:
		l.Absent = "This could not be read as a mail. It is kept exactly as it came."
	case l.Text == "":
		l.Absent = "There is no text."
	}
	if m.RawSHA256 != "" && !o.Anonymous {
		l.Raw = "/communications/" + m.ID + "/raw"
	}
	for n, a := range m.Attachments {
		if a.Erased {
			l.Attachments = append(l.Attachments, design.Attachment{Name: "Erased file"})
			continue
		}
		f := design.Attachment{Name: or(a.Name, "unnamed"), Type: a.Type, Size: a.Size, SHA256: a.SHA256, Note: a.Note}
		if a.Hidden {
			f.Note = or(f.Note, "hidden: it may say who sent it")
			if q.may(leads) {
				show, err := design.Fragment(q.pages["case"], "form", Form{Title: "Show " + f.Name, Action: fmt.Sprintf("/communications/%s/attachments/%d/reveal", m.ID, n),
					Fields:  []design.Field{{Name: "reason", ID: fmt.Sprintf("reveal-%s-%d", m.ID, n), Label: "Why it must be seen", Required: true, Hint: "It may say who sent it. Your reason stays in the record."}},
					Buttons: []design.Button{{Label: "Show it to staff"}}})
				if err != nil {
					return err
				}
				i.Content += show
			}
		} else {
			f.Href = fmt.Sprintf("/communications/%s/attachments/%d", m.ID, n)
		}
		l.Attachments = append(l.Attachments, f)
	}
	if len(m.Problems) > 0 {
		i.Facts = append(i.Facts, design.KeyValue{Label: "Not understood", Cell: design.Cell{Text: strings.Join(m.Problems, "; ")}})
	}
	i.Letter = l
	return nil
}

var sourceWords = map[intake.Source]string{intake.FromSMTP: "by e-mail", intake.FromPortal: "through the report page", intake.FromImport: "(imported)", intake.FromAPI: "through the API", intake.FromStaff: ""}

// authFacts say whether the sender is who the mail says.
func authFacts(m *intake.Communication) []design.KeyValue {
	words := map[intake.Verdict]string{intake.Pass: "vouched for by " + m.Auth.Domain, intake.Fail: "the domain says that it did not send this", intake.Neither: "nobody vouches for it"}
	var out []design.KeyValue
	if w := words[m.Auth.Result]; w != "" {
		out = append(out, design.KeyValue{Label: "Sender", Cell: design.Cell{Text: w}})
	}
	if m.NoConfirmation != "" {
		out = append(out, design.KeyValue{Label: "Not confirmed", Cell: design.Cell{Text: m.NoConfirmation}})
	}
	return out
}

func clip(s string) string {
	s = strings.TrimSpace(s)
	if len(s) <= maxShown {
		return s
	}
	return strings.ToValidUTF8(s[:maxShown], "") + "\n\n[The rest is in the message as it came.]"
}

// answerItem shows an act on an answer.
func (q *request) answerItem(e *board.Event, i *design.TimelineItem) {
	r := e.Response
	i.Facts = []design.KeyValue{{Label: "Answer", Cell: design.Cell{Text: fmt.Sprintf("Answer %d", r.Seq), Href: "/responses/" + r.ID}}}
	switch {
	case r.State == response.Ambiguous || r.State == response.Failed:
		i.Kind = design.Undelivered
	case strings.HasSuffix(e.Entry.Act, ".approved"):
		i.Kind = design.Approval
		i.Facts = append(i.Facts, design.KeyValue{Label: "Approvals", Cell: design.Cell{Text: fmt.Sprintf("%d of %d", len(r.Approvals), r.Quorum)}})
	case e.Entry.Actor == "system":
		i.Kind = design.Machine
	}
	if strings.HasSuffix(e.Entry.Act, ".declined") && len(r.Declines) > 0 {
		i.Note = r.Declines[len(r.Declines)-1].Reason
	}
	if n := len(r.Attempts); n > 0 && (e.Before == nil || len(e.Before.Attempts) < n || e.Before.Attempts[n-1] != r.Attempts[n-1]) {
		i.Note = cmp.Or(i.Note, r.Attempts[n-1].Detail)
	}
	if strings.HasSuffix(e.Entry.Act, ".submitted") && r.Rule != "" {
		i.Facts = append(i.Facts, design.KeyValue{Label: "Rule", Cell: design.Cell{Text: r.Rule}})
	}
}

// download sends a file from outside in a way in which no browser runs it.
func (q *request) download(name, kind string, content io.ReadCloser) error {
	defer content.Close()
	h := q.w.Header()
	h.Set("Content-Type", "application/octet-stream")
	if kind == "message/rfc822" || kind == "text/plain; charset=utf-8" {
		h.Set("Content-Type", kind)
	}
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'")
	d := mime.FormatMediaType("attachment", map[string]string{"filename": strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || strings.ContainsRune(`/\:*?"<>|`, r) || '\u202a' <= r && r <= '\u202e' || '\u2066' <= r && r <= '\u2069' {
			return '_'
		}
		return r
	}, strings.ToValidUTF8(name, "_"))})
	h.Set("Content-Disposition", cmp.Or(d, "attachment"))
	if _, err := io.Copy(q.w, content); err != nil && q.ctx.Err() == nil {
		q.log.ErrorContext(q.ctx, "download failed", "err", err)
		panic(http.ErrAbortHandler) // the reader must not take a part for the whole
	}
	return nil
}

func (q *request) raw() error {
	m, err := q.Intake.Communication(q.ctx, q.r.PathValue("id"))
	if err != nil {
		return err
	}
	content, err := q.Intake.Raw(q.ctx, m)
	if err != nil {
		return err
	}
	return q.download(fmt.Sprintf("%s-%d.eml", m.Number, m.Seq), "message/rfc822", content)
}

func (q *request) attachment() error {
	m, err := q.Intake.Communication(q.ctx, q.r.PathValue("id"))
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(q.r.PathValue("n"))
	if err != nil || n < 0 || n >= len(m.Attachments) {
		return fault.New(fault.NotFound, "there is no such attachment")
	}
	content, err := q.Intake.Attachment(q.ctx, m, n)
	if err != nil {
		return err
	}
	return q.download(or(m.Attachments[n].Name, "attachment"), "", content)
}

func (q *request) reveal() error {
	f, err := q.form("reveal")
	if err != nil {
		return err
	}
	m, err := q.Intake.Communication(q.ctx, q.r.PathValue("id"))
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(q.r.PathValue("n"))
	if err != nil {
		return fault.New(fault.NotFound, "there is no such attachment")
	}
	if err := q.Intake.Reveal(q.ctx, q.actor(leads), m.ID, n, f.get("reason")); err != nil {
		return err
	}
	return q.done("The file can be opened now.", "/cases/"+m.Number)
}
