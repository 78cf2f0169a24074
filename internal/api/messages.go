package api

import (
	"bytes"
	"context"
	"io"
	"net/http"

	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/people"
)

// Receipt says under which number something is recorded. It means that the
// record is sealed and on disk.
type Receipt struct {
	Case          string `json:"case" doc:"Id"`
	Number        string `json:"number"`
	Communication string `json:"communication" doc:"Id"`
	Code          string `json:"code,omitzero" doc:"Opens the report again together with its number; given this once"`
	New           bool   `json:"new" doc:"It made a case; otherwise it joined one"`
	Duplicate     bool   `json:"duplicate" doc:"It had come before, byte by byte: nothing was recorded"`
	Kept          bool   `json:"kept,omitzero" doc:"The record takes nothing at the moment: the report is kept, encrypted and on disk, and recorded by itself later"`
	Reference     string `json:"reference,omitzero" doc:"Of a report that is kept: stands for its number, together with the code"`
}

type receiptOut struct {
	Status int
	Body   Receipt
}

func receiptOf(r *intake.Receipt) *receiptOut {
	out := &receiptOut{Status: http.StatusCreated, Body: Receipt{r.Case, r.Number, r.Communication, r.Code, r.New, r.Duplicate, false, ""}}
	if r.Duplicate {
		out.Status = http.StatusOK
	}
	return out
}

type receiveIn struct {
	Channel string `query:"channel" required:"true" maxLength:"500" doc:"Address of an approved channel"`
	Source  string `query:"source" enum:"api,import" default:"api" doc:"import: history, for which nobody gets a confirmation and no clock runs"`
	Stream
}

// receive records one raw message. The same bytes again are a duplicate, so
// that no key is needed.
func (d *door) receive(ctx context.Context, in *receiveIn) (*receiptOut, error) {
	source := intake.FromAPI
	if in.Source == string(intake.FromImport) {
		// History has no clock: whoever works the queue must not make it.
		if err := people.Require(who(ctx), people.Lead, operator); err != nil {
			return nil, err
		}
		source = intake.FromImport
	}
	r, err := d.Intake.Receive(ctx, intake.Incoming{Channel: in.Channel, Source: source, Raw: in.r})
	if err != nil {
		return nil, err
	}
	return receiptOf(r), nil
}

type reportIn struct {
	Body struct {
		Channel   string `json:"channel" maxLength:"500" doc:"Address of an approved channel"`
		Name      string `json:"name,omitzero" maxLength:"200"`
		Address   string `json:"address,omitzero" maxLength:"320" doc:"E-mail address for the answer"`
		Subject   string `json:"subject,omitzero" maxLength:"300"`
		Text      string `json:"text" minLength:"1"`
		Category  string `json:"category,omitzero" maxLength:"60" doc:"What the reporter thinks it is about"`
		Language  string `json:"language,omitzero" enum:"en,de,fr,es,"`
		Anonymous bool   `json:"anonymous,omitzero" doc:"Name and address are empty; files lose their metadata"`
		Key       string `json:"key,omitzero" maxLength:"200" doc:"A secret of the sender: the same report with the same key is one"`
		Files     []struct {
			Name    string `json:"name" maxLength:"300"`
			Type    string `json:"type,omitzero" maxLength:"200"`
			Content []byte `json:"content" doc:"Base64"`
		} `json:"files,omitzero" maxItems:"20"`
	}
}

// report records what somebody reports.
func (d *door) report(ctx context.Context, in *reportIn) (*receiptOut, error) {
	b := in.Body
	report := intake.Report{Channel: b.Channel, Source: intake.FromAPI, Name: b.Name, Address: b.Address, Subject: b.Subject, Text: b.Text,
		Category: b.Category, Language: b.Language, Anonymous: b.Anonymous, Key: b.Key}
	for _, f := range b.Files {
		report.Files = append(report.Files, intake.Upload{Name: f.Name, Type: f.Type,
			Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(f.Content)), nil }})
	}
	if key, ok := ctx.Value(onceKey{}).(string); ok && report.Key == "" {
		report.Key = key
	}
	r, err := d.Backlog.Report(ctx, report)
	if kind, _ := fault.Of(err); err != nil && kind == fault.NotFound {
		return nil, fault.New(fault.Invalid, "channel: there is no approved channel %q that receives", b.Channel)
	}
	if err != nil {
		return nil, err
	}
	out := receiptOf(&r.Receipt)
	if r.Kept {
		out.Status, out.Body.Reference, out.Body.Kept = http.StatusAccepted, r.Reference, true
	}
	return out, nil
}
