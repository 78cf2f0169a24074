package intake

import (
	"cmp"
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"example.org/countersign/internal/channel"
	"example.org/countersign/internal/id"
	"example.org/countersign/internal/jobs"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/mime"
)

// enter makes the parcel a record, inside tx.
func (d *Desk) enter(ctx context.Context, tx *ledger.Tx, p *parcel) (*Receipt, error) {
	f, err := lookup(ctx, tx, d.ledger.Index(), p.m, p.sender, p.about)
	switch {
	case err != nil:
		return nil, err
	case f.policies != p.set.Stamp || f.channels != p.register.Stamp:
		return nil, errMoved
	case f.same != nil:
		f.same.Code = p.code
		return f.same, count(tx, f.same.Communication)
	}
	home, related, err := d.home(ctx, tx, p, f.hits)
	if err != nil {
		return nil, err
	}
	if home != "" {
		r, err := join(ctx, tx, p, home)
		if !errors.Is(err, errGone) {
			return r, err
		}
		p.m.About = "" // what it is about is no more
	}
	return d.open(ctx, tx, p, related, f.opened)
}

// repeated returns the receipt of the first arrival where the same bytes came
// before.
func (d *Desk) repeated(ctx context.Context, m *Communication) (*Receipt, error) {
	f, err := lookup(ctx, d.ledger, d.ledger.Index(), m, "", nil)
	if err != nil || f.same == nil {
		return nil, err
	}
	return f.same, d.ledger.Write(ctx, ledger.System, func(_ context.Context, tx *ledger.Tx) error {
		return count(tx, f.same.Communication)
	})
}

// maxCandidates is how many cases one message is held against.
const maxCandidates = 8

// home finds the case that the parcel belongs to, "" where it begins one, and
// the numbers of those that it names without belonging to them.
//
// A message joins a case that it refers to, by Message-ID or by number, if its
// sender takes part in it: whoever has only seen the number, or was forwarded
// the mail, begins a case of their own, which names the other. Nor does a
// message join whose From field is disowned by its domain. What a machine says
// about a message of ours belongs to its case whoever runs the machine; it
// changes nothing there.
func (d *Desk) home(ctx context.Context, tx *ledger.Tx, p *parcel, hits []hit) (home string, related []string, err error) {
	who := p.sender
	if p.m.Auth.Result == Fail || p.own() && p.m.Source != FromImport {
		who = ""
	}
	seen := map[string]bool{}
	tryCase := func(c string) (bool, error) {
		if c == "" || seen[c] || len(seen) == maxCandidates {
			return false, nil
		}
		seen[c] = true
		number, member, err := standing(ctx, tx, d.ledger.Index(), c, who)
		if !member {
			related = append(related, number)
		}
		return member, err
	}
	for _, h := range hits {
		if h.direction == Outbound {
			if h.rank == 0 && p.own() {
				p.m.Auto, p.m.AutoReason = "loop", "it is a message of ours that came back"
			}
			if p.m.Auto != "" {
				p.m.About = h.id
				return h.casefile, nil, nil
			}
		}
		if ok, err := tryCase(h.casefile); ok || err != nil {
			return h.casefile, nil, err
		}
	}
	if p.number != "" {
		c, err := caseByNumber(ctx, tx, p.number)
		if err != nil {
			return "", nil, err
		}
		if ok, err := tryCase(c); ok || err != nil {
			return c, nil, err
		}
	}
	return "", related, nil
}

// open begins a case with the parcel.
func (d *Desk) open(ctx context.Context, tx *ledger.Tx, p *parcel, related []string, opened int) (*Receipt, error) {
	m := p.m
	c := newCase(p, related)
	year := time.UnixMicro(m.ReceivedAt).UTC().Year()
	var err error
	if c.Number, err = d.nextNumber(ctx, tx, year); err != nil {
		return nil, err
	}
	if p.code != "" {
		c.CodeHash = codeHash(d.ledger.Index(), c.Number, p.code)
	}
	m.Case, m.Number, m.Seq = c.ID, c.Number, c.Communications
	if m.NoConfirmation = p.unconfirmed(opened); m.NoConfirmation == "" {
		if err := jobs.Enqueue(tx, ConfirmationJob, m.ID, tx.Now); err != nil {
			return nil, err
		}
	}
	if err := Cases.Put(tx, c, ledger.Do("opened", "CC2.3", "CC7.3")); err != nil {
		return nil, err
	}
	if err := Communications.Put(tx, m, ledger.Do("received", "CC2.3")); err != nil {
		return nil, err
	}
	return &Receipt{Case: c.ID, Number: c.Number, Communication: m.ID, Code: p.code, New: true}, nil
}

// nextNumber returns the tracking number of a case that tx opens in a year.
func (d *Desk) nextNumber(ctx context.Context, tx *ledger.Tx, year int) (string, error) {
	return d.numbers.Next(ctx, tx, year, func(id string) (string, error) {
		c, err := Cases.Load(ctx, tx, id)
		if err != nil {
			return "", err
		}
		return c.Number, nil
	})
}

// newCase returns the case that the parcel begins, without its number.
func newCase(p *parcel, related []string) *Case {
	m := p.m
	c := &Case{Subject: title(m), State: Open, Related: related,
		Channel: p.channel.ID, ChannelKind: string(p.channel.Kind), Source: m.Source, Auto: m.Auto, Hint: p.hint,
		ReceivedAt: m.ReceivedAt, UpdatedAt: m.ReceivedAt, LastAt: m.ReceivedAt,
		Anonymous: p.anonymous, Language: m.Language, Communications: 1, Waiting: WaitingUs}
	c.ID = id.New()
	if len(m.From) > 0 {
		c.ReporterName = m.From[0].Name
	}
	c.ReporterAddress = p.sender
	c.Disposition, c.AssignRole, c.RulesVersion = p.outcome.Disposition, p.outcome.AssignRole, p.set.RulesVersion
	if len(p.matched) > 0 {
		c.ClassifiedBy = p.set.RulesVersion + ": " + strings.Join(p.matched, ", ")
	}
	if c.Disposition != "" {
		c.DispositionReason = "by " + c.ClassifiedBy
	}
	if owesAnswer(m) {
		c.ClockFrom = m.ReceivedAt
	}
	c.Assess(p.set, p.outcome)
	return c
}

// owesAnswer reports whether a message begins a clock: not history, and not
// what a machine sent in answer to us or in our name.
func owesAnswer(m *Communication) bool {
	switch m.Auto {
	case string(mime.AutoReply), string(mime.AutoBounce), "loop":
		return false
	}
	return m.Source != FromImport
}

// title returns what a case is called: the subject, or how the text begins.
func title(m *Communication) string {
	first, _, _ := strings.Cut(strings.TrimSpace(m.Text), "\n")
	return cmp.Or(clean(m.Subject, 500), clean(first, 120), "(no subject)")
}

// join adds the parcel to a case, unless that is gone (errGone).
func join(ctx context.Context, tx *ledger.Tx, p *parcel, home string) (*Receipt, error) {
	m := p.m
	c, err := Cases.Load(ctx, tx, home)
	if err != nil {
		return nil, err
	}
	if c.Gone() {
		return nil, errGone
	}
	c.Communications++
	m.Case, m.Number, m.Seq = c.ID, c.Number, c.Communications
	c.UpdatedAt = max(c.UpdatedAt, m.ReceivedAt)
	verb := "joined"
	if m.Auto == "" && m.Source != FromImport {
		if c.State == Closed {
			verb = "reopened"
			c.ClosedAt, c.CloseReason = 0, ""
		}
		c.State, c.Waiting = Open, WaitingUs
		c.LastAt = max(c.LastAt, m.ReceivedAt)
		c.Auto = ""
		fresh := c.ClockFrom == 0 && c.FirstResponseAt == 0 // so far only a machine's mail, or history
		if fresh {
			c.ClockFrom = m.ReceivedAt
		}
		if resumed := c.Resume(time.UnixMicro(m.ReceivedAt).UTC()); fresh || resumed { // what we waited for is here
			c.Reclock(p.set)
		}
	}
	if err := Cases.Put(tx, c, ledger.Do(verb, "CC2.3")); err != nil {
		return nil, err
	}
	if err := Communications.Put(tx, m, ledger.Do("received", "CC2.3")); err != nil {
		return nil, err
	}
	return &Receipt{Case: c.ID, Number: c.Number, Communication: m.ID}, nil
}

// How many cases an address may begin in a day and still have them confirmed:
// one whose domain vouches for it, and one of whom nobody knows whether they
// wrote.
const (
	maxConfirmations = 10
	maxUnvouchedFor  = 3
)

// unconfirmed says why the sender of a message that begins a case must not be
// told its number by mail, "" where nothing speaks against it (RFC 3834 §2).
// opened is how many cases the sender began before on the same day.
//
// Senders of whom nobody knows whether they are who they say get a
// confirmation, since most honest ones are among them, but only for what does
// not look like spam and only a few in a day: whoever is impersonated gets
// three short mails at most.
func (p *parcel) unconfirmed(opened int) string {
	m := p.m
	local, _, _ := strings.Cut(p.sender, "@")
	most := maxUnvouchedFor
	if m.Auth.Result == Pass {
		most = maxConfirmations
	}
	_, err := mime.ParseAddress(p.sender)
	switch {
	case m.Source == FromImport:
		return "it was imported"
	case p.anonymous:
		return "the report is anonymous"
	case p.sender == "":
		return "it has no sender"
	case m.Auto != "":
		return "a machine sent it: " + m.AutoReason
	case p.outcome.Disposition != "":
		return "it was set aside as " + string(p.outcome.Disposition)
	case p.suspect:
		return "it was marked as spam on its way"
	case p.own():
		return "it says it is from an address of ours"
	case err != nil:
		return "its sender's address cannot be written to"
	case local == "postmaster" || local == "mailer-daemon":
		return "its sender is a mail system"
	case m.Auth.Result == Fail:
		return "the domain of its sender disowns it"
	case !p.channel.Sends() && p.channel.Reply == "":
		return "nothing is sent by this channel"
	case p.channel.Kind != channel.Email && p.channel.Reply == "":
		return "no mail is sent by this channel"
	case opened >= most:
		return "its sender began " + strconv.Itoa(most) + " cases that day already"
	}
	return ""
}
