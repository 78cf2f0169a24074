package response

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"

	"example.org/countersign/internal/channel"
	"example.org/countersign/internal/channel/relay"
	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/jobs"
	"example.org/countersign/internal/keyring"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/mime"
	"example.org/countersign/internal/people"
	"example.org/countersign/internal/policy"
)

// drafters are the roles that write answers.
var drafters = []people.Role{people.Analyst, people.Lead, people.Commander, people.Legal}

// Options of a Desk.
type Options struct {
	Keys *keyring.Keyring // opens attachments, keeps what is being typed
	// Send hands a mail to the relay. nil: there is none yet; answers wait.
	Send func(context.Context, relay.Mail) (relay.Receipt, error)
	Kick func() // wakes the jobs
	Log  *slog.Logger
}

// Desk prepares, approves and sends answers.
type Desk struct {
	ledger   *ledger.Ledger
	people   *people.Desk
	channels *channel.Desk
	policies *policy.Desk
	opt      Options
}

// New returns a Desk.
func New(l *ledger.Ledger, p *people.Desk, c *channel.Desk, pol *policy.Desk, opt Options) *Desk {
	if opt.Kick == nil {
		opt.Kick = func() {}
	}
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	return &Desk{l, p, c, pol, opt}
}

// need is what the matrix asks for.
type need struct {
	Quorum int
	Roles  []people.Role
	Rule   string
}

// acting returns who as an actor under the first of the roles that they hold.
func acting(who *people.Identity, roles []people.Role) (ledger.Actor, error) {
	if err := people.Require(who, roles...); err != nil {
		return ledger.Actor{}, err
	}
	return who.Actor(roles[slices.IndexFunc(roles, who.Has)]), nil
}

// Draft begins an answer to a case: to whoever wrote last, through the case's
// channel or the one designated for its answers.
func (d *Desk) Draft(ctx context.Context, who *people.Identity, caseID string) (*Response, error) {
	actor, err := acting(who, drafters)
	if err != nil {
		return nil, err
	}
	var r *Response
	err = d.ledger.Write(ctx, actor, func(ctx context.Context, tx *ledger.Tx) error {
		c, err := intake.Cases.Load(ctx, tx, caseID)
		if err != nil {
			return err
		}
		if c.State == intake.Closed {
			return fault.New(fault.Conflict, "case %s is closed; reopen it to answer", c.Number)
		}
		last, err := lastInbound(ctx, tx, c.ID)
		if err != nil {
			return err
		}
		out, err := d.wayOut(ctx, tx, c)
		if err != nil {
			return err
		}
		r = &Response{Case: c.ID, Number: c.Number, State: Draft, Authors: []string{who.ID},
			CreatedAt: tx.Now.UnixMicro(), UpdatedAt: tx.Now.UnixMicro()}
		if r.Seq, err = nextSeq(ctx, tx, c.ID); err != nil {
			return err
		}
		content := Content{Channel: out.ID, Subject: subject(c), To: replyTo(c, last)}
		if out.Kind != channel.Email {
			content.To = nil
		}
		if last != nil && last.MessageID != "" {
			r.InReplyTo = last.MessageID
			r.References = append(slices.Clone(last.References), last.MessageID)
			r.References = r.References[max(0, len(r.References)-20):]
		}
		r.setContent(content)
		return Responses.Put(tx, r, ledger.Do("drafted", "CC2.3"))
	})
	return r, err
}

func subject(c *intake.Case) string {
	s := strings.TrimSpace(c.Subject)
	if s == "" {
		s = "Your message"
	}
	if !strings.HasPrefix(strings.ToLower(s), "re:") {
		s = "Re: " + s
	}
	if !strings.Contains(s, c.Number) {
		s += " [" + c.Number + "]"
	}
	return s
}

// replyTo returns where an answer goes. Only the message that opened the case
// may name another address than its own for answers: whoever joins later,
// perhaps under somebody else's name, must not lead answers away.
func replyTo(c *intake.Case, last *intake.Communication) []mime.Address {
	switch {
	case last == nil:
	case last.Seq == 1 && len(last.ReplyTo) > 0:
		return last.ReplyTo[:1]
	case len(last.From) > 0 && last.From[0].Addr != "":
		return last.From[:1]
	}
	if c.ReporterAddress != "" {
		return []mime.Address{{Name: c.ReporterName, Addr: c.ReporterAddress}}
	}
	return nil
}

// wayOut returns the approved channel by which the case is answered: its own,
// or the one that its register entry designates.
func (d *Desk) wayOut(ctx context.Context, src ledger.Source, c *intake.Case) (*channel.Channel, error) {
	own, err := d.channels.Find(ctx, src, c.Channel)
	if err != nil {
		return nil, err
	}
	if own.Kind != channel.Email && c.ReporterAddress == "" {
		return own, nil // published to the reporter's follow-up page
	}
	id := own.ID
	if !own.Sends() || own.Kind != channel.Email {
		id = cmp.Or(own.Reply, own.ID)
	}
	return d.channels.Find(ctx, src, id)
}

// change loads a response in a transaction of who, changes it and puts it back.
func (d *Desk) change(ctx context.Context, actor ledger.Actor, id string, act ledger.Act, f func(ctx context.Context, tx *ledger.Tx, r *Response) error) (*Response, error) {
	var r *Response
	err := d.ledger.Write(ctx, actor, func(ctx context.Context, tx *ledger.Tx) error {
		var err error
		if r, err = Responses.Load(ctx, tx, id); err != nil {
			return err
		}
		before := r.State
		if err := f(ctx, tx, r); err != nil {
			return err
		}
		if err := Responses.Put(tx, r, act); err != nil {
			return err
		}
		if r.State == Approved && before != Approved {
			return d.queue(tx, r)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return r, nil
}

// queue has r sent once this transaction is committed. An approval that is
// voided and given anew is a round, and a job, of its own.
func (d *Desk) queue(tx *ledger.Tx, r *Response) error {
	tx.After(d.opt.Kick)
	return jobs.Enqueue(tx, SendJob, fmt.Sprintf("%s/%d", r.ID, r.Rounds), tx.Now)
}

// Edit makes a new version of a response. seen is the Entry of the version
// that who had before them: a Conflict where there is a newer one. It voids
// every approval.
func (d *Desk) Edit(ctx context.Context, who *people.Identity, id string, seen int64, c Content) (*Response, error) {
	actor, err := acting(who, drafters)
	if err != nil {
		return nil, err
	}
	if err := c.clean(); err != nil {
		return nil, err
	}
	return d.change(ctx, actor, id, ledger.Do("edited", "CC2.3"), func(ctx context.Context, tx *ledger.Tx, r *Response) error {
		if r.Entry != seen {
			return fault.New(fault.Conflict, "somebody else changed this answer meanwhile; your text is kept as a draft of your own, compare and save again")
		}
		if err := d.mayLeave(ctx, tx, &c, r); err != nil {
			return err
		}
		if err := forget(tx, id, who.ID); err != nil {
			return err
		}
		return r.edit(who.ID, c, tx.Now.UnixMicro())
	})
}

// mayLeave checks that a content can go where it says: through an approved
// channel, by mail to somebody, or published to a case that has a follow-up
// page.
func (d *Desk) mayLeave(ctx context.Context, src ledger.Source, c *Content, r *Response) error {
	out, err := d.channels.Find(ctx, src, c.Channel)
	if err != nil {
		return err
	}
	if out.Kind == channel.Email {
		if !out.Sends() {
			return fault.New(fault.Denied, "%s is not an approved channel for sending; choose another", out.Name)
		}
		return nil
	}
	if len(c.To)+len(c.Cc) > 0 {
		return fault.New(fault.Invalid, "an answer through %s has no recipients: it is shown to the reporter with number and code", out.Name)
	}
	cf, err := intake.Cases.Load(ctx, src, r.Case)
	if err != nil {
		return err
	}
	if out.ID != cf.Channel || out.Kind != channel.Portal || cf.CodeHash == "" {
		return fault.New(fault.Denied, "this case cannot be answered through %s", out.Name)
	}
	return nil
}

// Submit asks for the approval that the matrix in force demands (CC2.3, CC5.3).
func (d *Desk) Submit(ctx context.Context, who *people.Identity, id string, seen int64) (*Response, error) {
	actor, err := acting(who, drafters)
	if err != nil {
		return nil, err
	}
	for {
		set, err := d.policies.InForce(ctx, d.ledger)
		if err != nil {
			return nil, err
		}
		r, err := d.change(ctx, actor, id, ledger.Do("submitted", "CC2.3"), func(ctx context.Context, tx *ledger.Tx, r *Response) error {
			if current, err := d.policies.Current(ctx, tx, set); err != nil || !current {
				return errors.Join(err, errPolicyChanged)
			}
			if r.Entry != seen {
				return fault.New(fault.Conflict, "this answer was changed since you read it; read it again")
			}
			return d.submitIn(ctx, tx, set, r)
		})
		if !errors.Is(err, errPolicyChanged) {
			return r, err
		}
	}
}

var errPolicyChanged = errors.New("the policy changed meanwhile")

func (d *Desk) submitIn(ctx context.Context, tx *ledger.Tx, set *policy.Set, r *Response) error {
	c, err := intake.Cases.Load(ctx, tx, r.Case)
	if err != nil {
		return err
	}
	out, err := d.channels.Find(ctx, tx, r.Channel)
	if err != nil {
		return err
	}
	content := r.Content()
	if err := d.mayLeave(ctx, tx, &content, r); err != nil {
		return err
	}
	if out.Kind == channel.Email && len(r.To) == 0 {
		return fault.New(fault.Invalid, "the answer has no recipient")
	}
	n := set.Approval.Need(c.Category, c.Severity, out.Audience)
	return r.submit(need{n.Quorum, n.Roles, n.Rule + " (" + set.ApprovalVersion + ")"}, tx.Now.UnixMicro())
}

// Approve gives who's yes to the content with this hash. The one that completes
// the quorum queues the sending in the same transaction.
func (d *Desk) Approve(ctx context.Context, who *people.Identity, id, contentHash string) (*Response, error) {
	if who == nil {
		return nil, people.ErrNotSignedIn
	}
	current, err := d.Find(ctx, id)
	if err != nil {
		return nil, err
	}
	actor, err := acting(who, approvers(current.Roles))
	if err != nil {
		return nil, err
	}
	return d.change(ctx, actor, id, ledger.Do("approved", "CC2.3", "CC5.3"), func(ctx context.Context, tx *ledger.Tx, r *Response) error {
		if r.State == InReview {
			if err := d.people.MayApprove(ctx, tx, who, r.Roles...); err != nil {
				return err
			}
		}
		return r.approve(who.ID, actor.Role, contentHash, tx.Now.UnixMicro())
	})
}

// approvers returns the roles that approve; while a response is not in review
// none are named, and its state will say why it cannot be approved.
func approvers(named []people.Role) []people.Role {
	if len(named) > 0 {
		return named
	}
	return people.Roles()
}

// Decline sends a response back to its authors with a reason.
func (d *Desk) Decline(ctx context.Context, who *people.Identity, id, reason string) (*Response, error) {
	return d.decide(ctx, who, id, "declined", func(tx *ledger.Tx, r *Response) error {
		return r.decline(who.ID, reason, tx.Now.UnixMicro())
	})
}

// Resolve settles an ambiguous hand-over by the word of somebody who may
// approve: delivered or not, and how they know.
func (d *Desk) Resolve(ctx context.Context, who *people.Identity, id string, delivered bool, reason string) (*Response, error) {
	return d.decide(ctx, who, id, "resolved", func(tx *ledger.Tx, r *Response) error {
		if err := d.people.MayApprove(ctx, tx, who, deciders()...); err != nil {
			return err
		}
		if err := r.resolve(who.ID, delivered, reason, tx.Now.UnixMicro()); err != nil || !delivered {
			return err
		}
		return d.record(tx, r)
	})
}

func (d *Desk) decide(ctx context.Context, who *people.Identity, id, verb string, f func(*ledger.Tx, *Response) error) (*Response, error) {
	actor, err := acting(who, deciders())
	if err != nil {
		return nil, err
	}
	return d.change(ctx, actor, id, ledger.Do(verb, "CC2.3"), func(_ context.Context, tx *ledger.Tx, r *Response) error { return f(tx, r) })
}

// deciders are the roles that an approval matrix may name.
func deciders() []people.Role {
	return slices.DeleteFunc(people.Roles(), func(r people.Role) bool { return !r.Approves() })
}

// Withdraw gives a response up before it is sent.
func (d *Desk) Withdraw(ctx context.Context, who *people.Identity, id string) (*Response, error) {
	actor, err := acting(who, drafters)
	if err != nil {
		return nil, err
	}
	return d.change(ctx, actor, id, ledger.Do("withdrawn", "CC2.3"), func(_ context.Context, tx *ledger.Tx, r *Response) error {
		return r.withdraw(tx.Now.UnixMicro())
	})
}

// Attach adds a file, which is a new version.
func (d *Desk) Attach(ctx context.Context, who *people.Identity, id string, seen int64, name, mediaType string, content io.Reader) (*Response, error) {
	r, err := d.Find(ctx, id)
	if err != nil {
		return nil, err
	}
	ref, err := d.ledger.Blobs().Put(content)
	if err != nil {
		return nil, fmt.Errorf("attach: %w", err)
	}
	c := r.Content()
	c.Attachments = append(c.Attachments, intake.Attachment{Name: mime.CleanHeader(name), Type: mime.CleanHeader(mediaType), Size: ref.Size, SHA256: ref.SHA256, Blob: ref})
	edited, err := d.Edit(ctx, who, id, seen, c)
	if err != nil && !errors.Is(err, ledger.ErrUnknown) { // no version refers to it, so nothing would ever erase it
		err = errors.Join(err, d.ledger.Blobs().Remove(ref))
	}
	return edited, err
}

// Detach removes the i-th file, which is a new version.
func (d *Desk) Detach(ctx context.Context, who *people.Identity, id string, seen int64, i int) (*Response, error) {
	r, err := d.Find(ctx, id)
	if err != nil {
		return nil, err
	}
	c := r.Content()
	if i < 0 || i >= len(c.Attachments) {
		return nil, fault.New(fault.NotFound, "there is no such attachment")
	}
	c.Attachments = slices.Delete(c.Attachments, i, i+1)
	return d.Edit(ctx, who, id, seen, c)
}

// Attachment returns the content of the i-th file, NotFound where that was
// erased.
func (d *Desk) Attachment(ctx context.Context, r *Response, i int) (io.ReadCloser, error) {
	if i < 0 || i >= len(r.Attachments) {
		return nil, fault.New(fault.NotFound, "there is no such attachment")
	}
	if r.Attachments[i].Erased {
		return nil, fault.New(fault.NotFound, "this file was erased")
	}
	ref := r.Attachments[i].Blob
	key, err := d.opt.Keys.Key(ctx, ref.Key)
	if err != nil {
		return nil, err
	}
	return d.ledger.Blobs().Open(key, ref)
}

// Find returns one response.
func (d *Desk) Find(ctx context.Context, id string) (*Response, error) {
	return Responses.Load(ctx, d.ledger, id)
}

// History returns every version of a response.
func (d *Desk) History(ctx context.Context, id string) ([]ledger.Version[*Response], error) {
	return Responses.History(ctx, d.ledger, id)
}
