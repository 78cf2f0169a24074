package response

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"example.org/countersign/internal/channel"
	"example.org/countersign/internal/channel/relay"
	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/jobs"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/mime"
)

// SendJob is the kind of the job that Send handles.
const SendJob = "send-response"

var errNoRelay = errors.New("no relay is configured: start the server with --relay smtp://host:port")

// Send hands an approved answer over, in three steps: a transaction that says
// that it is being sent, the hand-over, a transaction that says how it ended.
// A crash between the first and the last leaves it in sending; the next run
// cannot know whether the relay took it, and says so.
func (d *Desk) Send(ctx context.Context, j jobs.Job) error {
	id, round, _ := strings.Cut(j.Key, "/")
	r, err := d.Find(ctx, id)
	if err != nil {
		return err
	}
	if strconv.Itoa(r.Rounds) != round {
		return nil // approved anew, or not at all, since
	}
	switch r.State {
	case Sending:
		_, err := d.end(ctx, r.ID, Ambiguous, "ambiguous", "the product stopped during the hand-over")
		return err
	case Approved:
	default:
		return nil // done by an earlier run, or voided
	}
	out, err := d.channels.Find(ctx, d.ledger, r.Channel)
	if err != nil {
		return err
	}
	if out.Kind == channel.Email && d.opt.Send == nil {
		return errNoRelay
	}
	if r, err = d.begin(ctx, r.ID); err != nil {
		if kind, _ := fault.Of(err); kind == fault.Conflict {
			return nil // edited or withdrawn at this moment
		}
		return err
	}
	if out.Kind != channel.Email {
		_, err := d.end(ctx, r.ID, Sent, "published", "shown to the reporter with number and code")
		return err
	}
	if !out.Sends() {
		_, err := d.end(ctx, r.ID, Failed, "refused", "the channel "+out.Name+" is no longer approved for sending")
		return err
	}
	return d.handOver(ctx, r, out)
}

// begin marks the response as being handed over, under its one Message-ID.
func (d *Desk) begin(ctx context.Context, id string) (*Response, error) {
	return d.change(ctx, ledger.System, id, ledger.Do("sending", "CC2.3"), func(ctx context.Context, tx *ledger.Tx, r *Response) error {
		if r.MessageID == "" {
			out, err := d.channels.Find(ctx, tx, r.Channel)
			if err != nil {
				return err
			}
			r.MessageID = r.ID + "@" + domain(out)
		}
		return r.begin(tx.Now.UnixMicro())
	})
}

func domain(c *channel.Channel) string {
	if c.Domain != "" {
		return c.Domain
	}
	if _, d, ok := strings.Cut(c.Address, "@"); ok {
		return d
	}
	return "countersign.invalid"
}

// handOver gives the mail to the relay and records what it said.
func (d *Desk) handOver(ctx context.Context, r *Response, out *channel.Channel) error {
	receipt, err := d.opt.Send(ctx, d.mail(r, out))
	// The outcome is recorded even where the program is being stopped.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if err == nil {
		_, err := d.end(ctx, r.ID, Sent, "delivered", receipt.Relay+" took it: "+receipt.Text)
		return err
	}
	if ambiguous, ok := errors.AsType[*relay.Ambiguous](err); ok {
		_, err := d.end(ctx, r.ID, Ambiguous, "ambiguous", ambiguous.Error())
		return err
	}
	kind, text := fault.Of(err)
	refused, ok := errors.AsType[*relay.Refused](err)
	if ok && refused.Permanent || kind == fault.Invalid || kind == fault.Denied {
		if ok {
			text = refused.Error()
		}
		_, err := d.end(ctx, r.ID, Failed, "refused", text)
		return err
	}
	if _, recorded := d.end(ctx, r.ID, Approved, "retry", err.Error()); recorded != nil {
		return recorded
	}
	return err // the job is repeated later
}

// end records how a hand-over ended, and what that means for the case.
func (d *Desk) end(ctx context.Context, id string, state State, outcome, detail string) (*Response, error) {
	var r *Response
	err := d.ledger.Write(ctx, ledger.System, func(ctx context.Context, tx *ledger.Tx) error {
		var err error
		if r, err = Responses.Load(ctx, tx, id); err != nil {
			return err
		}
		if err := r.end(state, outcome, detail, tx.Now.UnixMicro()); err != nil {
			return err
		}
		verb := map[State]string{Sent: "sent", Ambiguous: "ambiguous", Failed: "failed", Approved: "postponed"}[state]
		if err := Responses.Put(tx, r, ledger.Do(verb, "CC2.3")); err != nil {
			return err
		}
		if state != Sent {
			return nil
		}
		return d.record(tx, r)
	})
	if err != nil {
		return nil, fmt.Errorf("record the hand-over of response %s: %w", id, err)
	}
	return r, nil
}

// record adds what was sent to the case. The first answer that was approved by
// a person and delivered is the first response.
func (d *Desk) record(tx *ledger.Tx, r *Response) error {
	ctx := context.Background()
	c, err := intake.Cases.Load(ctx, tx, r.Case)
	if err != nil {
		return err
	}
	out, err := d.channels.Find(ctx, tx, r.Channel)
	if err != nil {
		return err
	}
	m := &intake.Communication{Direction: intake.Outbound, Channel: r.Channel, Source: intake.FromStaff,
		To: r.To, Cc: r.Cc, Subject: r.Subject, ReceivedAt: tx.Now.UnixMicro(), Date: r.SentAt, Text: r.Text,
		MessageID: r.MessageID, InReplyTo: r.InReplyTo, References: r.References, Attachments: r.Attachments,
		Author: r.Authors[0], Response: r.ID}
	if out.Kind == channel.Email {
		m.From = []mime.Address{{Name: out.FromName, Addr: out.Address}}
	}
	return intake.AppendOutbound(tx, c, m)
}

// mail is what is handed over: the same for every attempt.
func (d *Desk) mail(r *Response, out *channel.Channel) relay.Mail {
	m := relay.Mail{MessageID: r.MessageID, Date: time.UnixMicro(r.ApprovedAt).UTC(),
		From:    mime.Address{Name: out.FromName, Addr: out.Address}.String(),
		Subject: r.Subject, Text: r.Text, InReplyTo: r.InReplyTo, References: r.References}
	for _, a := range r.To {
		m.To = append(m.To, a.String())
	}
	for _, a := range r.Cc {
		m.Cc = append(m.Cc, a.String())
	}
	for i, a := range r.Attachments {
		m.Attachments = append(m.Attachments, relay.File{Name: a.Name, Type: a.Type, Open: func() (io.ReadCloser, error) {
			return d.Attachment(context.Background(), r, i)
		}})
	}
	return m
}
