package intake

import (
	"context"
	"errors"
	"io"
	"net"
	"time"

	"example.org/countersign/internal/blob"
	"example.org/countersign/internal/channel"
	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/id"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/mime"
	"example.org/countersign/internal/policy"
	"example.org/countersign/internal/rules"
)

// Incoming is a mail as it arrives.
type Incoming struct {
	Channel string // address it was sent to
	Source  Source // FromSMTP, FromImport, FromAPI
	From    string // envelope sender, "" or "<>" for the null one
	To      []string
	Remote  net.IP // nil: unknown
	HELO    string
	TLS     bool
	Arrived time.Time // where it could not be recorded at once; zero: now
	Raw     io.Reader // the message as it came; read to its end
}

// parcel is a communication on its way to become a record: read and judged,
// its blobs on disk.
type parcel struct {
	address  string // of the channel, as the message has it
	channel  *channel.Channel
	register *channel.Register // which says so
	m        *Communication
	set      *policy.Set // what outcome was judged by

	sender    string   // address that the message says it is from, normalised
	about     []string // Message-IDs that it refers to, the likeliest first
	number    string   // tracking number in the subject
	facts     rules.Facts
	suspect   bool // marked as spam on its way
	outcome   rules.Outcome
	matched   []string
	code      string // follow-up code, for reports
	hint      string
	anonymous bool
}

// route finds the channel that the parcel came by: an approved one, or for
// history any.
func (d *Desk) route(ctx context.Context, p *parcel) (err error) {
	if p.m.Source == FromImport {
		p.channel, p.register, err = d.channels.ForHistory(ctx, ledger.System, p.address)
	} else {
		p.channel, p.register, err = d.channels.Receiver(ctx, p.address)
	}
	if err == nil {
		p.m.Channel = p.channel.ID
	}
	return err
}

// own reports whether messages to the sender's address come to us by a channel
// of the organisation that the parcel's channel belongs to.
func (p *parcel) own() bool {
	ours := p.channel.Kind != channel.Email || aligned(domainOf(p.sender), domainOf(p.channel.Address))
	return p.sender != "" && ours && p.register.Receiver(p.sender) != nil
}

// Receive records one mail: in the case that it answers, else in a new one.
// It returns once the record is sealed and on disk. The error is NotFound where
// no approved channel receives at in.Channel and the mail is no history,
// Invalid where there is nothing to record, Unavailable where it cannot be
// recorded now; then nothing of the mail is kept, and the sender may try again.
func (d *Desk) Receive(ctx context.Context, in Incoming) (*Receipt, error) {
	p := &parcel{address: in.Channel, m: &Communication{Direction: Inbound, Source: in.Source}}
	p.m.ID = id.New()
	if err := d.route(ctx, p); err != nil {
		return nil, err
	}
	body, err := d.keep(p.m, in.Raw)
	if err != nil {
		return nil, err
	}
	if !in.Arrived.IsZero() {
		p.m.ReceivedAt = in.Arrived.UnixMicro()
	}
	if body.w != nil { // what is small is told apart in the transaction
		if r, err := d.repeated(ctx, p.m); r != nil || err != nil {
			body.abort()
			return r, err
		}
	}
	if err := body.commit(p.m); err != nil {
		return nil, err
	}
	if err := d.read(ctx, p, in); err != nil {
		return nil, err
	}
	return d.record(ctx, p)
}

// record makes a parcel a record.
func (d *Desk) record(ctx context.Context, p *parcel) (*Receipt, error) {
	var r *Receipt
	err := d.write(ctx, ledger.System, func(set *policy.Set) error {
		p.set = set
		d.judge(p)
		return d.route(ctx, p)
	}, func(ctx context.Context, tx *ledger.Tx) error {
		var err error
		r, err = d.enter(ctx, tx, p)
		return err
	})
	if err != nil && !errors.Is(err, ledger.ErrUnknown) || err == nil && r.Duplicate {
		d.drop(p.m) // no record refers to its files, so nothing would ever erase them
	}
	if err != nil {
		return nil, err
	}
	return r, nil
}

// drop removes the files of a communication that became no record.
func (d *Desk) drop(m *Communication) {
	refs := []blob.Ref{m.TextBlob, m.RawBlob}
	for _, a := range m.Attachments {
		refs = append(refs, a.Blob)
	}
	for _, ref := range refs {
		if ref.IsZero() {
			continue
		}
		if err := d.ledger.Blobs().Remove(ref); err != nil {
			d.log.Warn("a file that belongs to no record could not be removed", "blob", ref.Name, "error", err)
		}
	}
}

// errMoved: what work was prepared by is no longer in force.
var errMoved = errors.New("intake: policies or channels changed meanwhile")

// write runs f in a Write after prepare has made ready what f needs by the
// policies in force and the channels as they are. f returns errMoved where it
// finds that they are no longer: then both are run again.
func (d *Desk) write(ctx context.Context, actor ledger.Actor, prepare func(*policy.Set) error, f func(context.Context, *ledger.Tx) error) error {
	set, err := d.policies.Recent(ctx, d.ledger)
	if err != nil {
		return err
	}
	for range 10 {
		if err := prepare(set); err != nil {
			return err
		}
		if err := d.ledger.Write(ctx, actor, f); !errors.Is(err, errMoved) {
			return err
		}
		if _, err := d.channels.Register(ctx); err != nil {
			return err
		}
		if set, err = d.policies.InForce(ctx, d.ledger); err != nil {
			return err
		}
	}
	return fault.New(fault.Unavailable, "policies or channels are being changed at this moment; try again")
}

// settled returns errMoved where set is no longer in force.
func (d *Desk) settled(ctx context.Context, tx *ledger.Tx, set *policy.Set) error {
	current, err := d.policies.Current(ctx, tx, set)
	if err == nil && !current {
		err = errMoved
	}
	return err
}

// judge lets the rules classify the message.
func (d *Desk) judge(p *parcel) {
	p.outcome, p.matched = rules.Outcome{}, nil
	if p.set.Rules == nil {
		return
	}
	var err error
	if p.outcome, p.matched, err = p.set.Rules.Evaluate(p.facts); err != nil {
		d.log.Warn("a rule failed on a message; the others stand", "communication", p.m.ID, "error", err)
	}
}

// headersForRules are the header fields that rules may look at.
var headersForRules = []string{"List-Id", "List-Unsubscribe", "List-Post", "Precedence", "Auto-Submitted", "Reply-To",
	"X-Spam-Flag", "X-Spam-Status", "X-Mailer", "User-Agent", "Importance", "X-Priority", "Content-Language", "Organization"}

// factsOf is a mail, or without msg a report, as rules see it.
func factsOf(ch *channel.Channel, m *Communication, msg *mime.Message, text, hint string) rules.Facts {
	f := rules.Facts{Subject: m.Subject, Text: text, From: senderOf(m), Channel: ch.Address,
		Auto: m.Auto != "", Authenticated: m.Auth.Result == Pass, Headers: map[string]string{}}
	for _, list := range [][]mime.Address{m.To, m.Cc} {
		for _, a := range list {
			f.To = append(f.To, a.Addr)
		}
	}
	for _, a := range m.Attachments {
		f.AttachmentTypes = append(f.AttachmentTypes, a.Type)
	}
	if hint != "" {
		f.Headers["x-report-category"] = hint
	}
	if msg != nil {
		for _, name := range headersForRules {
			if v := msg.Get(name); v != "" {
				f.Headers[name] = v
			}
		}
	}
	return f
}

// senderOf returns the address that a communication says it is from.
func senderOf(m *Communication) string {
	for _, a := range m.From {
		if a.Addr != "" {
			return mime.NormalizeAddr(a.Addr)
		}
	}
	if m.Envelope != nil {
		return mime.NormalizeAddr(m.Envelope.From)
	}
	return ""
}
