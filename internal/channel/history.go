package channel

import (
	"cmp"
	"context"
	"time"

	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/mime"
)

// ForHistory returns the channel that an import of history is for, in whatever
// state it is, and the register that says so: what happened by a channel
// happened, approved or not. One that the register lacks is proposed, so that
// somebody completes and approves it, and is not approved by having been used
// (CC2.3).
func (d *Desk) ForHistory(ctx context.Context, actor ledger.Actor, address string) (*Channel, *Register, error) {
	c, r, err := d.find(ctx, func(r *Register) *Channel { return r.holder(address) })
	if c != nil || err != nil {
		return c, r, err
	}
	a, err := mime.ParseAddress(address)
	if err != nil {
		return nil, nil, err
	}
	_, err = d.Add(ctx, actor, Terms{Name: cmp.Or(a.Name, a.Addr), Kind: Email, Address: a.Addr, Direction: Inbound,
		Audience: "not known yet", Owner: actor.ID, Purpose: "History was imported for this address. Say what it is for, and have it approved or retire it.",
		ReviewDue: d.ledger.Now().AddDate(0, 1, 0).Format(time.DateOnly)})
	if kind, _ := fault.Of(err); err != nil && kind != fault.Conflict { // Conflict: proposed by another import at this moment
		return nil, nil, err
	}
	if c, r, err = d.find(ctx, func(r *Register) *Channel { return r.holder(address) }); c == nil && err == nil {
		err = errNoReceiver // retired already
	}
	return c, r, err
}
