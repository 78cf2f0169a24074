package api

import (
	"cmp"
	"context"

	"github.com/danielgtaylor/huma/v2"

	"example.org/countersign/internal/response"
)

type responseOut struct{ Body Response }

func shown(r *response.Response, err error) (*responseOut, error) {
	if err != nil {
		return nil, err
	}
	return &responseOut{viewResponse(r)}, nil
}

type responsesOut struct {
	Body struct {
		Responses []Response `json:"responses"`
	}
}

func (d *door) listResponses(ctx context.Context, in *InCase) (*responsesOut, error) {
	c, err := d.Intake.Case(ctx, in.Case)
	if err != nil {
		return nil, err
	}
	all, err := d.Responses.ForCase(ctx, c.ID)
	if err != nil {
		return nil, err
	}
	out := &responsesOut{}
	out.Body.Responses = make([]Response, len(all))
	for i, r := range all {
		out.Body.Responses[i] = viewResponse(r)
	}
	return out, nil
}

type draftOut struct {
	Status int
	Body   Response
}

func (d *door) draft(ctx context.Context, in *InCase) (*draftOut, error) {
	c, err := d.Intake.Case(ctx, in.Case)
	if err != nil {
		return nil, err
	}
	r, err := d.Responses.Draft(ctx, who(ctx), c.ID)
	if err != nil {
		return nil, err
	}
	return &draftOut{201, viewResponse(r)}, nil
}

// InResponse names an answer in an address.
type InResponse struct {
	Response string `path:"response" maxLength:"60" doc:"Id"`
}

func (d *door) showResponse(ctx context.Context, in *InResponse) (*responseOut, error) {
	return shown(d.Responses.Find(ctx, in.Response))
}

type editIn struct {
	InResponse
	Body struct {
		Version int64     `json:"version" minimum:"0" doc:"Of the answer as it was read"`
		Channel string    `json:"channel,omitzero" maxLength:"60" doc:"Id; as it was, where absent"`
		To      []Address `json:"to" maxItems:"50"`
		Cc      []Address `json:"cc,omitzero" maxItems:"50"`
		Subject string    `json:"subject"`
		Text    string    `json:"text"`
	}
}

// edit makes a new version with the files of the one before. It needs no key:
// a second time its version is no longer the newest.
func (d *door) edit(ctx context.Context, in *editIn) (*responseOut, error) {
	r, err := d.Responses.Find(ctx, in.Response)
	if err != nil {
		return nil, err
	}
	b := in.Body
	return shown(d.Responses.Edit(ctx, who(ctx), r.ID, b.Version, response.Content{Channel: cmp.Or(b.Channel, r.Channel),
		To: mailboxes(b.To), Cc: mailboxes(b.Cc), Subject: b.Subject, Text: b.Text, Attachments: r.Attachments}))
}

type attachIn struct {
	InResponse
	Version int64  `query:"version" required:"true" minimum:"0" doc:"Of the answer as it was read"`
	Name    string `query:"name" required:"true" minLength:"1" maxLength:"200"`
	Type    string `query:"type" maxLength:"200" doc:"Media type of the file; that of the request where absent"`
	Stream
}

func (d *door) attach(ctx context.Context, in *attachIn) (*responseOut, error) {
	return shown(d.Responses.Attach(ctx, who(ctx), in.Response, in.Version, in.Name, cmp.Or(in.Type, in.kind, octets), in.r))
}

// InResponseFile names a file of an answer.
type InResponseFile struct {
	InResponse
	Index int `path:"index" minimum:"0" maximum:"10000"`
}

func (d *door) responseAttachment(ctx context.Context, in *InResponseFile) (*huma.StreamResponse, error) {
	r, err := d.Responses.Find(ctx, in.Response)
	if err != nil {
		return nil, err
	}
	content, err := d.Responses.Attachment(ctx, r, in.Index)
	if err != nil {
		return nil, err
	}
	a := r.Attachments[in.Index]
	return d.streamed(content, octets, cmp.Or(a.Name, "attachment"), a.Size), nil
}

type detachIn struct {
	InResponseFile
	Version int64 `query:"version" required:"true" minimum:"0" doc:"Of the answer as it was read"`
}

func (d *door) detach(ctx context.Context, in *detachIn) (*responseOut, error) {
	return shown(d.Responses.Detach(ctx, who(ctx), in.Response, in.Version, in.Index))
}

type submitIn struct {
	InResponse
	Body struct {
		Version int64 `json:"version" minimum:"0" doc:"Of the answer as it was read"`
	}
}

func (d *door) submit(ctx context.Context, in *submitIn) (*responseOut, error) {
	return shown(d.Responses.Submit(ctx, who(ctx), in.Response, in.Body.Version))
}

type approveIn struct {
	InResponse
	Body struct {
		ContentHash string `json:"content_hash" minLength:"64" maxLength:"64" doc:"Of what was read and is approved"`
	}
}

func (d *door) approve(ctx context.Context, in *approveIn) (*responseOut, error) {
	return shown(d.Responses.Approve(ctx, who(ctx), in.Response, in.Body.ContentHash))
}

type declineIn struct {
	InResponse
	Body struct {
		Reason string `json:"reason"`
	}
}

func (d *door) decline(ctx context.Context, in *declineIn) (*responseOut, error) {
	return shown(d.Responses.Decline(ctx, who(ctx), in.Response, in.Body.Reason))
}

func (d *door) withdraw(ctx context.Context, in *InResponse) (*responseOut, error) {
	return shown(d.Responses.Withdraw(ctx, who(ctx), in.Response))
}

type resolveIn struct {
	InResponse
	Body struct {
		Delivered bool   `json:"delivered"`
		Reason    string `json:"reason" doc:"How it is known"`
	}
}

func (d *door) resolve(ctx context.Context, in *resolveIn) (*responseOut, error) {
	return shown(d.Responses.Resolve(ctx, who(ctx), in.Response, in.Body.Delivered, in.Body.Reason))
}
