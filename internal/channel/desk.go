package channel

import (
	"context"
	"slices"
	"sync/atomic"

	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/ledger"
)

// Desk keeps the register.
//
// The actor of every verb is the person who acts, also where a token acts for
// them: Actor.ID tells the second person from the first. seen, where a verb
// takes it, is the Entry of the record as that person saw it: where the record
// says something else by now, the verb is a Conflict.
type Desk struct {
	ledger *ledger.Ledger
	known  atomic.Pointer[Register]
}

// New returns the Desk of a ledger.
func New(l *ledger.Ledger) *Desk { return &Desk{ledger: l} }

// Add proposes a channel. Terms that are missing or make no sense are Invalid,
// and an address that another channel receives at is a Conflict.
func (d *Desk) Add(ctx context.Context, actor ledger.Actor, t Terms) (*Channel, error) {
	c := &Channel{State: Proposed, ProposedBy: actor.ID, Editors: []string{actor.ID}}
	err := d.ledger.Write(ctx, actor, func(ctx context.Context, tx *ledger.Tx) error {
		t, err := t.tidy(tx.Now)
		if err != nil {
			return err
		}
		c.apply(t)
		c.ProposedAt = tx.Now.UnixMicro()
		return d.put(ctx, tx, c, t, "proposed", "CC2.2", "CC2.3")
	})
	if err != nil {
		return nil, err
	}
	return c, nil
}

// Change changes what is proposed, or proposes a change of a channel that is
// approved, which goes on as it is until a second person approves.
func (d *Desk) Change(ctx context.Context, actor ledger.Actor, id string, seen int64, t Terms) (*Channel, error) {
	return d.amend(ctx, actor, id, seen, func(ctx context.Context, tx *ledger.Tx, c *Channel) error {
		t, err := t.tidy(tx.Now)
		if err != nil {
			return err
		}
		verb := "changed"
		if c.State == Approved {
			if c.Pending == nil {
				c.ProposedBy, c.ProposedAt, c.Editors = actor.ID, tx.Now.UnixMicro(), nil
			}
			c.Pending, verb = &t, "change-proposed"
		} else {
			c.apply(t)
		}
		if !slices.Contains(c.Editors, actor.ID) {
			c.Editors = append(c.Editors, actor.ID)
		}
		return d.put(ctx, tx, c, t, verb, "CC2.2", "CC2.3")
	})
}

// Approve puts what is proposed in force. It is Denied to everybody who had a
// hand in it.
func (d *Desk) Approve(ctx context.Context, actor ledger.Actor, id string, seen int64) (*Channel, error) {
	return d.amend(ctx, actor, id, seen, func(ctx context.Context, tx *ledger.Tx, c *Channel) error {
		if c.State == Approved && c.Pending == nil {
			return fault.New(fault.Conflict, "the channel is approved already and nobody has proposed a change")
		}
		if slices.Contains(c.Editors, actor.ID) { // CC2.3: nobody approves their own channel
			return fault.New(fault.Denied, "you had a hand in this proposal; somebody else must approve it")
		}
		t := c.Terms()
		if c.Pending != nil {
			t = *c.Pending
			c.apply(t)
		}
		c.State, c.Pending, c.Editors = Approved, nil, nil
		c.ApprovedBy, c.ApprovedAt = actor.ID, tx.Now.UnixMicro()
		return d.put(ctx, tx, c, t, "approved", "CC2.2", "CC2.3")
	})
}

// Withdraw takes a proposed change back: the channel stays as it was approved.
func (d *Desk) Withdraw(ctx context.Context, actor ledger.Actor, id string, seen int64) (*Channel, error) {
	return d.amend(ctx, actor, id, seen, func(_ context.Context, tx *ledger.Tx, c *Channel) error {
		if c.Pending == nil {
			return fault.New(fault.Conflict, "nobody has proposed a change of this channel")
		}
		c.Pending, c.Editors = nil, nil
		return d.write(tx, c, "change-withdrawn", "CC2.3")
	})
}

// Retire closes a channel for good, whatever its state, for a reason.
func (d *Desk) Retire(ctx context.Context, actor ledger.Actor, id, reason string) (*Channel, error) {
	return d.amend(ctx, actor, id, -1, func(_ context.Context, tx *ledger.Tx, c *Channel) error {
		if err := line("reason", &reason, 500, false); err != nil {
			return err
		}
		if reason == "" {
			return fault.New(fault.Invalid, "say why the channel is retired")
		}
		c.State, c.Pending, c.Editors = Retired, nil, nil
		c.RetiredBy, c.RetiredAt, c.RetireReason = actor.ID, tx.Now.UnixMicro(), reason
		return d.write(tx, c, "retired", "CC2.3")
	})
}

// Reviewed records that somebody has looked at an approved channel and found
// it right, and when to look next, a date.
func (d *Desk) Reviewed(ctx context.Context, actor ledger.Actor, id, next string) (*Channel, error) {
	return d.amend(ctx, actor, id, -1, func(ctx context.Context, tx *ledger.Tx, c *Channel) error {
		if c.State != Approved {
			return fault.New(fault.Conflict, "the channel is not approved yet: there is nothing to review")
		}
		if err := checkReview(next, tx.Now); err != nil {
			return err
		}
		c.ReviewDue, c.ReviewedBy, c.ReviewedAt = next, actor.ID, tx.Now.UnixMicro()
		return d.put(ctx, tx, c, c.Terms(), "reviewed", "CC2.3", "CC4.1")
	})
}

// amend loads a channel that is not retired, as the actor saw it, and has it
// changed.
func (d *Desk) amend(ctx context.Context, actor ledger.Actor, id string, seen int64, change func(context.Context, *ledger.Tx, *Channel) error) (c *Channel, err error) {
	err = d.ledger.Write(ctx, actor, func(ctx context.Context, tx *ledger.Tx) error {
		if c, err = Channels.Load(ctx, tx, id); err != nil {
			return err
		}
		switch {
		case seen >= 0 && c.Entry != seen:
			return fault.New(fault.Conflict, "the channel was changed meanwhile; look at it again")
		case c.State == Retired:
			return fault.New(fault.Conflict, "the channel is retired; propose a new one")
		}
		return change(ctx, tx, c)
	})
	if err != nil {
		return nil, err
	}
	return c, nil
}

// put writes c, once it is sure that t, the terms that it has or that await
// approval, agree with the rest of the register.
func (d *Desk) put(ctx context.Context, tx *ledger.Tx, c *Channel, t Terms, verb string, controls ...string) error {
	if err := d.agrees(ctx, tx, c.ID, t); err != nil {
		return err
	}
	return d.write(tx, c, verb, controls...)
}

func (d *Desk) write(tx *ledger.Tx, c *Channel, verb string, controls ...string) error {
	tx.After(func() { d.known.Store(nil) })
	c.UpdatedAt = tx.Now.UnixMicro()
	return Channels.Put(tx, c, ledger.Do(verb, controls...))
}

// agrees checks terms of channel id against the other channels.
func (d *Desk) agrees(ctx context.Context, src ledger.Source, id string, t Terms) error {
	if t.Direction != Outbound {
		other, err := d.holder(ctx, src, t.Address)
		if err != nil {
			return err
		}
		if other != nil && other.ID != id {
			return fault.New(fault.Conflict, "%s belongs to the channel %q, which is %s", t.Address, other.Name, other.State)
		}
	}
	if t.Reply == "" {
		return nil
	}
	reply, err := Channels.Load(ctx, src, t.Reply)
	switch kind, _ := fault.Of(err); {
	case err != nil && kind != fault.NotFound:
		return err
	case err != nil || reply.ID == id:
		return fault.New(fault.Invalid, "the channel for answers must be another one of this register")
	case reply.State == Retired || reply.Kind != Email || reply.Direction == Inbound:
		return fault.New(fault.Invalid, "answers cannot leave by %q: it must be a mail channel that sends", reply.Name)
	}
	return nil
}

// Find returns a channel, NotFound where there is none.
func (d *Desk) Find(ctx context.Context, src ledger.Source, id string) (*Channel, error) {
	return Channels.Load(ctx, src, id)
}

// Outbound returns the approved channel by which answers leave to what came in
// on channel id: the one that it designates, or itself. A Conflict says why
// there is none. (CC2.3: nothing leaves but by an approved channel.)
func (d *Desk) Outbound(ctx context.Context, src ledger.Source, id string) (*Channel, error) {
	c, err := Channels.Load(ctx, src, id)
	if err != nil {
		return nil, err
	}
	if c.Reply != "" {
		if c, err = Channels.Load(ctx, src, c.Reply); err != nil {
			return nil, err
		}
	}
	if !c.Sends() {
		why := "it is " + string(c.State)
		if c.State == Approved {
			why = "it is inbound only"
		}
		return nil, fault.New(fault.Conflict, "nothing may be sent by the channel %q: %s", c.Name, why)
	}
	return c, nil
}
