package api

import (
	"context"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"example.org/countersign/internal/disclose"
	"example.org/countersign/internal/disclosure"
)

// Showable is what a record of a case says now, or a decision said.
type Showable struct {
	Entry  int64           `json:"entry" doc:"By which it is chosen"`
	Kind   string          `json:"kind" enum:"case,communication,response,decision"`
	Record string          `json:"record" doc:"Id"`
	Seq    int             `json:"seq,omitzero" doc:"Within the case"`
	Act    string          `json:"act"`
	Actor  string          `json:"actor"`
	Role   string          `json:"role"`
	At     time.Time       `json:"at"`
	Fields []ShowableField `json:"fields"`
	Erased []Erased        `json:"erased"`
}

// ShowableField is a field of an item, without what is in it.
type ShowableField struct {
	Name   string `json:"name"`
	Unit   string `json:"unit,omitzero" doc:"identity, content, files, trace; absent for the bare facts"`
	Raw    bool   `json:"raw" doc:"An anonymous reporter's: shown only with raw content"`
	Always bool   `json:"always" doc:"Shown with the item whatever is chosen"`
}

type folderOut struct {
	Body struct {
		Number string     `json:"number"`
		Items  []Showable `json:"items"`
	}
}

func (d *door) disclosable(ctx context.Context, in *InCase) (*folderOut, error) {
	f, err := d.Disclose.Folder(ctx, in.Case)
	if err != nil {
		return nil, err
	}
	out := &folderOut{}
	out.Body.Number, out.Body.Items = f.Case.Number, make([]Showable, len(f.Items))
	for i, x := range f.Items {
		fields := make([]ShowableField, len(x.Fields))
		for j, y := range x.Fields {
			fields[j] = ShowableField{y.Name, y.Unit, y.Raw, y.Always}
		}
		out.Body.Items[i] = Showable{x.Entry, string(x.Kind), x.Record, x.Seq, x.Act, x.Actor, x.Role, x.At, fields, viewErased(x.Erased)}
	}
	return out, nil
}

// Disclosed is what was let out of a package, and for whom.
type Disclosed struct {
	Case    string   `json:"case" doc:"Tracking number"`
	To      string   `json:"to"`
	Reason  string   `json:"reason"`
	WithRaw bool     `json:"with_raw"`
	Shown   []Choice `json:"shown"`
	SHA256  string   `json:"sha256" doc:"Of the file"`
	Bytes   int64    `json:"bytes"`
}

func viewDisclosed(x *disclose.Disclosure) *Disclosed {
	if x == nil {
		return nil
	}
	out := &Disclosed{x.Case, x.To, x.Reason, x.WithRaw, make([]Choice, len(x.Shown)), x.SHA256, x.Bytes}
	for i, y := range x.Shown {
		out.Shown[i] = Choice(y)
	}
	return out
}

// Choice is which fields of an item are shown.
type Choice struct {
	Entry  int64    `json:"entry" minimum:"0" doc:"Of the item"`
	Fields []string `json:"fields" minItems:"1" maxItems:"100"`
}

// disclosePart sends a part of a case once it is whole, checked and recorded.
// Made twice it is two disclosures, each recorded.
func (d *door) disclosePart(ctx context.Context, in *struct {
	InCase
	Body struct {
		To      string   `json:"to" doc:"For whom it is: the office or organisation"`
		Reason  string   `json:"reason" doc:"The request, law or contract; it stays in the record"`
		WithRaw bool     `json:"with_raw,omitzero" doc:"Attached files, and what an anonymous reporter wrote, where chosen"`
		Shown   []Choice `json:"shown" minItems:"1" maxItems:"300"`
	}
}) (*huma.StreamResponse, error) {
	actor, err := acting(ctx, exporters)
	if err != nil {
		return nil, err
	}
	c, err := d.Intake.Case(ctx, in.Case)
	if err != nil {
		return nil, err
	}
	ask := disclosure.Ask{To: in.Body.To, Reason: in.Body.Reason, WithRaw: in.Body.WithRaw}
	for _, x := range in.Body.Shown {
		ask.Choices = append(ask.Choices, disclosure.Choice(x))
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		out := &late{hc: hc, header: map[string]string{"Content-Type": "application/zip", "Content-Disposition": disposition("countersign-" + c.Number + "-disclosed.zip")}}
		if _, err := d.Disclose.Make(ctx, actor, c.ID, ask, out); err != nil {
			d.fail(out, err)
		}
	}}, nil
}
