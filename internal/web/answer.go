package web

import (
	"cmp"
	"net/http"
	"strconv"
	"strings"

	"example.org/countersign/internal/board"
	"example.org/countersign/internal/design"
	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/mime"
	"example.org/countersign/internal/response"
)

// content reads an answer from its form; what is no address is an error beside
// its field.
func (q *request) content(r *response.Response, f *form) response.Content {
	c := r.Content()
	c.Channel, c.Subject, c.Text = cmp.Or(f.get("channel"), c.Channel), f.values.Get("subject"), f.values.Get("text")
	for name, list := range map[string]*[]mime.Address{"to": &c.To, "cc": &c.Cc} {
		*list = nil
		if f.get(name) == "" {
			continue
		}
		parsed, err := mime.ParseAddressList(f.get(name))
		if err != nil {
			_, text := fault.Of(err)
			f.wrong(name, text)
			continue
		}
		*list = parsed
	}
	return c
}

func seen(f *form) (int64, error) {
	n, err := strconv.ParseInt(f.get("seen"), 10, 64)
	if err != nil {
		return 0, fault.New(fault.Invalid, "open the answer again and repeat this")
	}
	return n, nil
}

// editResponse keeps a version and, where asked to, submits it for approval.
func (q *request) editResponse() error {
	f, err := q.form("edit")
	if err != nil {
		return err
	}
	r, err := q.Responses.Find(q.ctx, q.r.PathValue("id"))
	if err != nil {
		return err
	}
	at, err := seen(f)
	if err != nil {
		return err
	}
	c := q.content(r, f)
	if len(f.errors) > 0 {
		return q.showResponse(f)
	}
	changed, err := q.Responses.Edit(q.ctx, q.who, r.ID, at, c)
	text := "Saved."
	if err == nil && f.get("then") == "submit" {
		text = "Sent for approval."
		if changed, err = q.Responses.Submit(q.ctx, q.who, r.ID, changed.Entry); err == nil && changed.Quorum == 0 {
			text = "Sent without a second person, as an exception."
		}
	}
	field := "text"
	if _, words := fault.Of(err); strings.Contains(words, "recipient") {
		field = "to"
	} else if strings.Contains(words, "channel") {
		field = "channel"
	} else if strings.Contains(words, "subject") {
		field = "subject"
	}
	return q.settle(err, f, field, q.showResponse, text, "/responses/"+r.ID)
}

// autosave keeps what is being typed, for the script of the page.
func (q *request) autosave() error {
	f, err := q.form("edit")
	if err != nil {
		return err
	}
	r, err := q.Responses.Find(q.ctx, q.r.PathValue("id"))
	if err != nil {
		return err
	}
	if at, err := seen(f); err != nil || at != r.Entry {
		return fault.New(fault.Conflict, "somebody else changed this answer meanwhile")
	}
	if err := q.Responses.Autosave(q.ctx, q.who, r.ID, q.content(r, f)); err != nil {
		return err
	}
	q.w.WriteHeader(http.StatusNoContent)
	return nil
}

func (q *request) attach() error {
	q.r.Body = http.MaxBytesReader(q.w, q.r.Body, maxUpload)
	if err := q.r.ParseMultipartForm(8 << 20); err != nil {
		return formFault(err)
	}
	defer func() { _ = q.r.MultipartForm.RemoveAll() }()
	f := newForm("attach", q.r.PostForm)
	id := q.r.PathValue("id")
	at, err := seen(f)
	if err != nil {
		return err
	}
	file, head, err := q.r.FormFile("file")
	if err != nil {
		f.wrong("file", "choose a file first")
		return q.showResponse(f)
	}
	defer file.Close()
	_, err = q.Responses.Attach(q.ctx, q.who, id, at, head.Filename, head.Header.Get("Content-Type"), file)
	return q.settle(err, f, "file", q.showResponse, "Attached.", "/responses/"+id)
}

func (q *request) detach() error {
	return q.onResponse("attach", "file", "Removed.", func(id string, f *form) error {
		at, err := seen(f)
		if err != nil {
			return err
		}
		n, err := strconv.Atoi(f.get("n"))
		if err != nil {
			return fault.New(fault.NotFound, "there is no such attachment")
		}
		_, err = q.Responses.Detach(q.ctx, q.who, id, at, n)
		return err
	})
}

// onResponse reads a form about an answer, and runs a verb on it.
func (q *request) onResponse(name, field, text string, verb func(id string, f *form) error) error {
	f, err := q.form(name)
	if err != nil {
		return err
	}
	id := q.r.PathValue("id")
	return q.settle(verb(id, f), f, field, q.showResponse, text, "/responses/"+id)
}

func (q *request) submit() error {
	return q.onResponse("edit", "text", "Sent for approval.", func(id string, f *form) error {
		at, err := seen(f)
		if err != nil {
			return err
		}
		_, err = q.Responses.Submit(q.ctx, q.who, id, at)
		return err
	})
}

func (q *request) approve() error {
	text := "Approved."
	f, err := q.form("approve")
	if err != nil {
		return err
	}
	id := q.r.PathValue("id")
	r, err := q.Responses.Approve(q.ctx, q.who, id, f.get("hash"))
	if err == nil && r.State == response.Approved {
		text = "Approved. It is being sent."
	}
	return q.settle(err, f, "hash", q.showResponse, text, "/responses/"+id)
}

func (q *request) decline() error {
	return q.onResponse("decline", "reason", "Sent back to its authors.", func(id string, f *form) error {
		_, err := q.Responses.Decline(q.ctx, q.who, id, f.get("reason"))
		return err
	})
}

func (q *request) withdraw() error {
	return q.onResponse("withdraw", "reason", "Withdrawn.", func(id string, _ *form) error {
		_, err := q.Responses.Withdraw(q.ctx, q.who, id)
		return err
	})
}

func (q *request) resolve() error {
	return q.onResponse("resolve", "reason", "Recorded.", func(id string, f *form) error {
		answer := f.get("delivered")
		if answer != "yes" && answer != "no" {
			return fault.New(fault.Invalid, "say whether it was delivered")
		}
		_, err := q.Responses.Resolve(q.ctx, q.who, id, answer == "yes", f.get("reason"))
		return err
	})
}

func (q *request) responseFile() error {
	r, err := q.Responses.Find(q.ctx, q.r.PathValue("id"))
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(q.r.PathValue("n"))
	if err != nil || n < 0 || n >= len(r.Attachments) {
		return fault.New(fault.NotFound, "there is no such attachment")
	}
	content, err := q.Responses.Attachment(q.ctx, r, n)
	if err != nil {
		return err
	}
	return q.download(or(r.Attachments[n].Name, "attachment"), "", content)
}

// approvals is the list of answers that wait for a decision.
func (q *request) approvals() (err error) {
	p := queuePage{Staff: q.frame("Waiting for approval", "/queue"), Header: design.Header{Title: "Queue"}}
	if p.Views, err = q.views(board.Filter{}, "/approvals"); err != nil {
		return err
	}
	list, err := q.Responses.Waiting(q.ctx, 100)
	if err != nil {
		return err
	}
	p.Table = design.Table{Caption: "Answers that wait", Columns: []design.Column{{Label: "Case", Width: design.Narrow}, {Label: "Answer", Place: design.Full, Link: true},
		{Label: "State", Width: design.Narrow, Place: design.End}, {Label: "Needs", Place: design.Meta}, {Label: "Waits since", Width: design.Narrow, Place: design.Meta}},
		Empty: design.EmptyState{Title: "Nothing waits", Text: "No answer waits for an approval or a decision.", Button: &design.Button{Label: "Show the queue", Href: "/queue"}}}
	for _, r := range list {
		needs := design.Cell{Text: q.quorumWords(r)}
		if r.State != response.InReview {
			needs = design.Cell{Text: "a decision"}
		}
		p.Table.Rows = append(p.Table.Rows, design.Row{Href: "/responses/" + r.ID, Fresh: q.mayApprove(r), Cells: []design.Cell{{Number: r.Number}, {Text: or(r.Subject, "(no subject)"), Sub: "by " + q.names(r.Authors)},
			{State: responseState(r.State)}, needs, {Moment: &design.Moment{At: micros(cmp.Or(r.SubmittedAt, r.UpdatedAt)), Now: q.now}}}})
	}
	return q.show(http.StatusOK, "queue", p)
}
