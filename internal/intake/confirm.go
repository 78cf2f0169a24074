package intake

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"example.org/countersign/internal/channel"
	"example.org/countersign/internal/channel/relay"
	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/id"
	"example.org/countersign/internal/jobs"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/mime"
	"example.org/countersign/internal/policy"
)

// ConfirmationJob is the kind of the job that Confirm handles; its key is the
// id of the communication to confirm.
const ConfirmationJob = "confirmation"

// Confirmation is the value of Communication.Auto of a confirmation.
const Confirmation = "confirmation"

// What became of a confirmation.
const (
	Sent      = "sent"
	Ambiguous = "ambiguous" // the relay may have taken it or not
	Refused   = "refused"   // the relay will not have it
)

// Delivery is what became of a confirmation.
type Delivery struct {
	Outcome string `json:"outcome"` // Sent, Ambiguous, Refused
	At      int64  `json:"at"`
	Detail  string `json:"detail"`
}

// Confirm is the handler of ConfirmationJob: it tells a sender the number of
// their case, and records that as an outbound communication of its own, which
// stops no clock (CC2.3).
//
// A confirmation is handed over once. Before that it is marked as under way;
// where a crash left the mark, or the relay's answer was lost, nobody knows
// whether it arrived: that is recorded as ambiguous and not repeated, since
// the sender loses little without it.
func (d *Desk) Confirm(ctx context.Context, j jobs.Job) error {
	m, err := Communications.Load(ctx, d.ledger, j.Key)
	if err != nil {
		return err
	}
	c, err := Cases.Load(ctx, d.ledger, m.Case)
	if err != nil {
		return err
	}
	before, err := confirmationState(ctx, d.ledger, m.ID)
	if err != nil {
		return err
	}
	if why := c.pastConfirming(d.ledger.Now()); why != "" && before == "" {
		return d.withhold(ctx, m.ID, why)
	}
	mail, out, err := d.confirmation(ctx, c, m)
	if err != nil {
		return err
	}
	if d.opt.Send == nil {
		return fault.New(fault.Unavailable, "no relay is configured; the confirmation waits")
	}
	before, err = d.mark(ctx, m.ID, "", "sending")
	switch {
	case err != nil:
		return err
	case before == "done":
		return nil
	case before == "sending":
		return d.confirmed(ctx, m, out, Ambiguous, "the product stopped while it was being handed over")
	}
	receipt, err := d.opt.Send(ctx, mail)
	refused, isRefused := errors.AsType[*relay.Refused](err)
	ambiguous, isAmbiguous := errors.AsType[*relay.Ambiguous](err)
	kind, msg := fault.Of(err)
	// From here on the outcome is known and must be recorded, also at shutdown.
	ctx = context.WithoutCancel(ctx)
	switch {
	case err == nil:
		return d.confirmed(ctx, m, out, Sent, receipt.Text)
	case isRefused && refused.Permanent:
		return d.confirmed(ctx, m, out, Refused, refused.Error())
	case isAmbiguous:
		return d.confirmed(ctx, m, out, Ambiguous, ambiguous.Error())
	case kind == fault.Invalid:
		return d.confirmed(ctx, m, out, Refused, msg)
	}
	if _, unmarked := d.mark(ctx, m.ID, "sending", ""); unmarked != nil {
		return errors.Join(err, unmarked)
	}
	return fmt.Errorf("hand over a confirmation: %w", err)
}

// pastConfirming says why a confirmation that had to wait is of no use any more.
func (c *Case) pastConfirming(now time.Time) string {
	switch {
	case c.Disposition != "":
		return "it was set aside as " + string(c.Disposition)
	case c.FirstResponseAt != 0 || c.State == Closed:
		return "an answer or the end came first"
	case c.DueAt < now.UnixMicro():
		return "it could not be sent while an answer was due"
	}
	return ""
}

// withhold records why the sender was not told the number after all.
func (d *Desk) withhold(ctx context.Context, communication, why string) error {
	return d.ledger.Write(ctx, ledger.System, func(ctx context.Context, tx *ledger.Tx) error {
		m, err := Communications.Load(ctx, tx, communication)
		if err != nil {
			return err
		}
		m.NoConfirmation = why
		return Communications.Put(tx, m, ledger.Do("unconfirmed", "CC2.3"))
	})
}

// mark moves the work row of a confirmation from one state to another and
// returns the state that it was in before.
func (d *Desk) mark(ctx context.Context, communication, from, to string) (before string, err error) {
	err = d.ledger.Write(ctx, ledger.System, func(ctx context.Context, tx *ledger.Tx) error {
		var err error
		if before, err = confirmationState(ctx, tx, communication); err != nil || before != from {
			return err
		}
		return setConfirmation(tx, communication, to)
	})
	return before, err
}

// confirmed records what became of a confirmation.
func (d *Desk) confirmed(ctx context.Context, m, out *Communication, outcome, detail string) error {
	return d.ledger.Write(ctx, ledger.System, func(ctx context.Context, tx *ledger.Tx) error {
		c, err := Cases.Load(ctx, tx, m.Case)
		if err != nil {
			return err
		}
		out.ReceivedAt = tx.Now.UnixMicro()
		out.Delivery = &Delivery{Outcome: outcome, At: out.ReceivedAt, Detail: clean(detail, 500)}
		if err := setConfirmation(tx, m.ID, "done"); err != nil {
			return err
		}
		return AppendOutbound(tx, c, out)
	})
}

// confirmation builds the mail that confirms m, the same each time, and the
// communication that it becomes.
func (d *Desk) confirmation(ctx context.Context, c *Case, m *Communication) (relay.Mail, *Communication, error) {
	set, err := d.policies.InForce(ctx, d.ledger)
	if err != nil {
		return relay.Mail{}, nil, err
	}
	ch, err := d.channels.Outbound(ctx, d.ledger, m.Channel)
	if err != nil {
		return relay.Mail{}, nil, err
	}
	t, ok := set.Template(Confirmation, m.Language)
	if !ok {
		return relay.Mail{}, nil, fault.New(fault.Unavailable, "no template %q is in force", Confirmation)
	}
	subject, text := confirmationText(t, c, d.opt.Organisation)
	out := &Communication{Direction: Outbound, Channel: ch.ID, Source: m.Source, Auto: Confirmation,
		AutoReason: "template " + t.Version, Subject: subject, Text: text, Language: t.Language, About: m.ID,
		From: []mime.Address{{Name: cmp.Or(ch.FromName, d.opt.Organisation), Addr: ch.Address}}, To: []mime.Address{{Addr: c.ReporterAddress}},
		MessageID: confirmationID(m, ch), InReplyTo: m.MessageID}
	out.ID = id.New()
	mail := relay.Mail{MessageID: out.MessageID, Date: time.UnixMicro(m.ReceivedAt).UTC(), From: out.From[0].String(),
		To: []string{c.ReporterAddress}, Subject: subject, Text: text, InReplyTo: m.MessageID,
		Sender: "<>", // RFC 3834 §3.3: so that nothing answers it
		Headers: map[string]string{
			"Auto-Submitted":           "auto-replied", // RFC 3834 §5
			"X-Auto-Response-Suppress": "All",
		}}
	if m.MessageID != "" {
		mail.References = []string{m.MessageID}
	}
	return mail, out, nil
}

// confirmationText fills the template in.
func confirmationText(t policy.Template, c *Case, organisation string) (subject, text string) {
	values := map[string]string{"number": c.Number, "name": c.ReporterName, "subject": c.Subject, "organisation": organisation,
		"due": policy.Day(time.UnixMicro(c.DueAt), t.Language)}
	subject, text, _ = t.Fill(values)
	return clean(subject, 300), strings.TrimSpace(plain(text)) + "\n"
}

// confirmationID derives the Message-ID of a confirmation, so that repeating
// it makes no second message.
func confirmationID(m *Communication, ch *channel.Channel) string {
	return "received." + m.ID + "@" + cmp.Or(ch.Domain, domainOf(ch.Address))
}
