package api

import (
	"cmp"
	"context"
	"net/url"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"example.org/countersign/internal/board"
	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/rules"
	"example.org/countersign/internal/triage"
)

type casesIn struct {
	State       string `query:"state" enum:"open,answered,closed,all" doc:"open where absent"`
	Disposition string `query:"disposition" enum:"spam,out-of-scope,any" doc:"What is not set aside, where absent"`
	Category    string `query:"category" maxLength:"60" doc:"none: not classified"`
	Severity    string `query:"severity" enum:"none,low,moderate,high,critical"`
	Assignee    string `query:"assignee" maxLength:"60" doc:"Id of a person; none"`
	Channel     string `query:"channel" maxLength:"60" doc:"Id"`
	Waiting     string `query:"waiting" enum:"us,them"`
	Overdue     bool   `query:"overdue"`
	Number      string `query:"number" maxLength:"60" doc:"A tracking number, whatever else is asked"`
	Sort        string `query:"sort" enum:"due,newest,severity"`
	After       string `query:"after" maxLength:"100" doc:"next of the page before"`
	Limit       int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
}

type casesOut struct {
	Body struct {
		Cases []Case `json:"cases"`
		Total int    `json:"total" doc:"How many the filter picks, counted up to 10,000"`
		Next  string `json:"next,omitzero" doc:"after of the next page; absent on the last"`
	}
}

func (d *door) listCases(ctx context.Context, in *casesIn) (*casesOut, error) {
	q := url.Values{}
	for name, v := range map[string]string{"state": in.State, "disposition": in.Disposition, "category": in.Category, "severity": in.Severity,
		"assignee": in.Assignee, "channel": in.Channel, "waiting": in.Waiting, "number": in.Number, "sort": in.Sort, "after": in.After} {
		q.Set(name, v)
	}
	if in.Overdue {
		q.Set("overdue", "1")
	}
	filter, err := board.ParseFilter(q)
	if err != nil {
		return nil, err
	}
	page, err := d.Board.Queue(ctx, filter, in.Limit)
	if err != nil {
		return nil, err
	}
	out := &casesOut{}
	out.Body.Cases, out.Body.Total, out.Body.Next = make([]Case, len(page.Cases)), page.Total, page.Next
	for i, c := range page.Cases {
		out.Body.Cases[i] = viewCase(c)
	}
	return out, nil
}

// InCase names a case in an address. Embedded parts of an input are exported, or
// their fields are not seen.
type InCase struct {
	Case string `path:"case" maxLength:"60" doc:"Id or tracking number"`
}

type caseOut struct{ Body Case }

func (d *door) showCase(ctx context.Context, in *InCase) (*caseOut, error) {
	c, err := d.Intake.Case(ctx, in.Case)
	if err != nil {
		return nil, err
	}
	return &caseOut{viewCase(c)}, nil
}

type communicationsOut struct {
	Body struct {
		Communications []Communication `json:"communications"`
	}
}

func (d *door) listCommunications(ctx context.Context, in *InCase) (*communicationsOut, error) {
	c, err := d.Intake.Case(ctx, in.Case)
	if err != nil {
		return nil, err
	}
	all, err := d.Intake.Communications(ctx, c.ID)
	if err != nil {
		return nil, err
	}
	out := &communicationsOut{}
	out.Body.Communications = make([]Communication, len(all))
	for i, m := range all {
		text, err := d.Intake.Text(ctx, m)
		if err != nil {
			return nil, err
		}
		out.Body.Communications[i] = viewCommunication(m, text)
	}
	return out, nil
}

// change does something to a case as whoever asks, and shows what it became.
func (d *door) change(ctx context.Context, name string, act func(actor ledger.Actor, caseID string) error) (*caseOut, error) {
	actor, err := acting(ctx, workers)
	if err != nil {
		return nil, err
	}
	c, err := d.Intake.Case(ctx, name)
	if err != nil {
		return nil, err
	}
	if err := act(actor, c.ID); err != nil {
		return nil, err
	}
	return d.showCase(ctx, &InCase{c.ID})
}

type classifyIn struct {
	InCase
	Body struct {
		Category   string `json:"category"`
		Urgency    string `json:"urgency" enum:"low,normal,high,immediate"`
		Impact     int    `json:"impact" minimum:"1" maximum:"4"`
		Likelihood int    `json:"likelihood" minimum:"1" maximum:"4"`
		Reason     string `json:"reason,omitzero" doc:"Demanded where it changes a classification"`
	}
}

func (d *door) classify(ctx context.Context, in *classifyIn) (*caseOut, error) {
	return d.change(ctx, in.Case, func(actor ledger.Actor, id string) error {
		_, err := d.Triage.Classify(ctx, actor, id, triage.Change{Category: rules.Category(in.Body.Category), Urgency: rules.Urgency(in.Body.Urgency),
			Impact: in.Body.Impact, Likelihood: in.Body.Likelihood, Reason: in.Body.Reason})
		return err
	})
}

type assignIn struct {
	InCase
	Body struct {
		Person string `json:"person" maxLength:"60" doc:"Id; empty: nobody"`
	}
}

func (d *door) assign(ctx context.Context, in *assignIn) (*caseOut, error) {
	return d.change(ctx, in.Case, func(actor ledger.Actor, id string) error {
		_, err := d.Triage.Assign(ctx, actor, id, in.Body.Person)
		return err
	})
}

type disposeIn struct {
	InCase
	Body struct {
		Disposition string `json:"disposition" enum:"spam,out-of-scope"`
		Reason      string `json:"reason"`
	}
}

func (d *door) dispose(ctx context.Context, in *disposeIn) (*caseOut, error) {
	return d.change(ctx, in.Case, func(actor ledger.Actor, id string) error {
		return d.Intake.Dispose(ctx, actor, id, rules.Disposition(in.Body.Disposition), in.Body.Reason)
	})
}

// reasoned is an act on a case that needs a reason and nothing else.
type reasoned struct {
	InCase
	Body struct {
		Reason string `json:"reason"`
	}
}

func (d *door) restore(ctx context.Context, in *reasoned) (*caseOut, error) {
	return d.change(ctx, in.Case, func(actor ledger.Actor, id string) error {
		return d.Intake.Restore(ctx, actor, id, in.Body.Reason)
	})
}

func (d *door) reopen(ctx context.Context, in *reasoned) (*caseOut, error) {
	return d.change(ctx, in.Case, func(actor ledger.Actor, id string) error {
		return d.Intake.Reopen(ctx, actor, id, in.Body.Reason)
	})
}

func (d *door) pause(ctx context.Context, in *reasoned) (*caseOut, error) {
	return d.change(ctx, in.Case, func(actor ledger.Actor, id string) error {
		_, err := d.Triage.Pause(ctx, actor, id, in.Body.Reason)
		return err
	})
}

func (d *door) resume(ctx context.Context, in *InCase) (*caseOut, error) {
	return d.change(ctx, in.Case, func(actor ledger.Actor, id string) error {
		_, err := d.Triage.Resume(ctx, actor, id)
		return err
	})
}

type closeIn struct {
	InCase
	Body struct {
		Reason  string `json:"reason"`
		Version int64  `json:"version,omitzero" minimum:"0" doc:"Of the case as it was read: what came since makes it a conflict"`
	}
}

func (d *door) closeCase(ctx context.Context, in *closeIn) (*caseOut, error) {
	return d.change(ctx, in.Case, func(actor ledger.Actor, id string) error {
		return d.Intake.Close(ctx, actor, id, in.Body.Version, in.Body.Reason)
	})
}

type noteIn struct {
	InCase
	Body struct {
		Text string `json:"text" minLength:"1"`
	}
}

type communicationOut struct {
	Status int
	Body   Communication
}

func (d *door) note(ctx context.Context, in *noteIn) (*communicationOut, error) {
	var m *intake.Communication
	_, err := d.change(ctx, in.Case, func(actor ledger.Actor, id string) error {
		var err error
		m, err = d.Intake.Note(ctx, actor, id, in.Body.Text)
		return err
	})
	if err != nil {
		return nil, err
	}
	text, err := d.Intake.Text(ctx, m)
	if err != nil {
		return nil, err
	}
	return &communicationOut{201, viewCommunication(m, text)}, nil
}

// InCommunication names a communication in an address.
type InCommunication struct {
	Communication string `path:"communication" maxLength:"60" doc:"Id"`
}

func (d *door) raw(ctx context.Context, in *InCommunication) (*huma.StreamResponse, error) {
	m, err := d.Intake.Communication(ctx, in.Communication)
	if err != nil {
		return nil, err
	}
	r, err := d.Intake.Raw(ctx, m)
	if err != nil {
		return nil, err
	}
	return d.streamed(r, "message/rfc822", m.Number+"-"+strconv.Itoa(m.Seq)+".eml", m.RawSize), nil
}

// InAttachment names a file of a communication.
type InAttachment struct {
	InCommunication
	Index int `path:"index" minimum:"0" maximum:"10000"`
}

func (d *door) attachment(ctx context.Context, in *InAttachment) (*huma.StreamResponse, error) {
	m, err := d.Intake.Communication(ctx, in.Communication)
	if err != nil {
		return nil, err
	}
	r, err := d.Intake.Attachment(ctx, m, in.Index)
	if err != nil {
		return nil, err
	}
	a := m.Attachments[in.Index]
	return d.streamed(r, octets, cmp.Or(a.Name, "attachment"), a.Size), nil
}
