package channel

import (
	"context"
	"fmt"

	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/mime"
)

// Register is who holds which address at one moment. It is shared: nobody
// changes it.
type Register struct {
	Stamp   int64               // entry of the newest change of any channel
	holders map[string]*Channel // by normalised address: those that receive there or are proposed to
}

// Receiver returns the approved channel that receives at an address, however
// that is spelt; nil where there is none.
func (r *Register) Receiver(address string) *Channel {
	if c := r.holder(address); c != nil && c.Receives() {
		return c
	}
	return nil
}

func (r *Register) holder(address string) *Channel { return r.holders[mime.NormalizeAddr(address)] }

// Register returns the register as it is now. It costs one small query where
// nothing changed since the last call.
func (d *Desk) Register(ctx context.Context) (*Register, error) {
	now, err := stamp(ctx, d.ledger)
	if err != nil {
		return nil, fmt.Errorf("register of channels: %w", err)
	}
	if r := d.known.Load(); r != nil && r.Stamp == now {
		return r, nil
	}
	all, err := d.List(ctx, d.ledger)
	if err != nil {
		return nil, fmt.Errorf("register of channels: %w", err)
	}
	// What was changed since the stamp was read is in it already and has a later
	// one: it is read once more by whoever compares.
	r := &Register{now, make(map[string]*Channel, len(all))}
	for _, c := range all {
		if c.holds() {
			r.holders[mime.NormalizeAddr(c.Address)] = c
		}
	}
	d.known.Store(r)
	return r, nil
}

// Recent returns the register as it was when it was last asked for, without a
// query. It is for work whose transaction compares Stamp before relying on it.
func (d *Desk) Recent(ctx context.Context) (*Register, error) {
	if r := d.known.Load(); r != nil {
		return r, nil
	}
	return d.Register(ctx)
}

// Receiver returns the approved channel that receives at an address, however
// that is spelt, and the register that says so; NotFound where there is none.
// Another node may have changed it a moment ago: whoever relies on it compares
// Register.Stamp in the transaction.
func (d *Desk) Receiver(ctx context.Context, address string) (*Channel, *Register, error) {
	c, r, err := d.find(ctx, func(r *Register) *Channel { return r.Receiver(address) })
	if c == nil && err == nil {
		err = errNoReceiver
	}
	return c, r, err
}

var errNoReceiver = fault.New(fault.NotFound, "no approved channel receives at this address")

// find asks the register as it is known and, before it says that there is no
// such channel, as it is now.
func (d *Desk) find(ctx context.Context, channel func(*Register) *Channel) (*Channel, *Register, error) {
	r, err := d.Recent(ctx)
	if err != nil {
		return nil, nil, err
	}
	if c := channel(r); c != nil {
		return c, r, nil
	}
	if r, err = d.Register(ctx); err != nil {
		return nil, nil, err
	}
	return channel(r), r, nil
}

// ByAddress is Receiver for those who need the channel alone, and inside a Tx,
// where nothing has changed since.
func (d *Desk) ByAddress(ctx context.Context, src ledger.Source, address string) (*Channel, error) {
	if _, inside := src.(*ledger.Tx); !inside {
		c, _, err := d.Receiver(ctx, address)
		return c, err
	}
	c, err := d.holder(ctx, src, address)
	if err == nil && (c == nil || !c.Receives()) {
		return nil, errNoReceiver
	}
	return c, err
}
