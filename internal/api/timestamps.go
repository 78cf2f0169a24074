package api

import (
	"bytes"
	"context"
	"io"

	"time"

	"github.com/danielgtaylor/huma/v2"

	"example.org/countersign/internal/timestamp"
)

// Timestamp is a checkpoint of the log that an authority outside has stamped.
// The token itself and the checkpoint are fetched by the day.
type Timestamp struct {
	ID        string    `json:"id"`
	Day       string    `json:"day" format:"date"`
	At        time.Time `json:"at" doc:"When the token came, by our clock"`
	Time      time.Time `json:"time" doc:"By the authority's clock"`
	Authority string    `json:"authority" doc:"Its address"`
	Signer    string    `json:"signer" doc:"Subject of its certificate (RFC 2253)"`
	Serial    string    `json:"serial" doc:"Of the token, decimal"`
	Policy    string    `json:"policy" doc:"Of the authority, object identifier"`
	Size      int64     `json:"size" doc:"Entries in the log"`
}

func viewTimestamp(s *timestamp.Stamp) Timestamp {
	return Timestamp{ID: s.ID, Day: s.Day, At: at(s.At), Time: at(s.Time), Authority: s.Authority, Signer: s.Signer, Serial: s.Serial, Policy: s.Policy, Size: s.Size}
}

type timestampsOut struct {
	Body struct {
		Timestamps []Timestamp `json:"timestamps"`
	}
}

func (d *door) listTimestamps(ctx context.Context, _ *struct{}) (*timestampsOut, error) {
	all, err := d.Timestamp.List(ctx)
	if err != nil {
		return nil, err
	}
	out := &timestampsOut{}
	out.Body.Timestamps = make([]Timestamp, len(all))
	for i, s := range all {
		out.Body.Timestamps[i] = viewTimestamp(s)
	}
	return out, nil
}

type dayIn struct {
	Day string `path:"day" doc:"As 2026-09-30"`
}

func (d *door) timestampToken(ctx context.Context, in *dayIn) (*huma.StreamResponse, error) {
	s, err := d.Timestamp.Of(ctx, in.Day)
	if err != nil {
		return nil, err
	}
	return d.streamed(io.NopCloser(bytes.NewReader(s.Token)), octets, "token-"+s.Day+".der", int64(len(s.Token))), nil
}

func (d *door) timestampCheckpoint(ctx context.Context, in *dayIn) (*plainOut, error) {
	s, err := d.Timestamp.Of(ctx, in.Day)
	if err != nil {
		return nil, err
	}
	return plain([]byte(s.Checkpoint)), nil
}
