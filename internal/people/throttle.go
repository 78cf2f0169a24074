package people

import (
	"context"
	"net/netip"
	"time"

	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/ledger"
)

// allowance is how many attempts may fail: burst at once, then one each
// interval. Attempts that are refused take nothing from it, so nobody waits
// longer than interval, however hard somebody else tries: a person cannot be
// locked out.
type allowance struct {
	burst    int64
	interval time.Duration
}

// Of one account from one address, of one account from anywhere, of one address
// at any account (CC6.1). An address from which the account succeeded before
// is bound by the first alone: strangers elsewhere do not stand in its way.
var (
	perPair    = allowance{5, 30 * time.Second}
	perAccount = allowance{20, 30 * time.Second}
	perAddress = allowance{30, 10 * time.Second}
)

// familiar is how long a success makes an address known.
const familiar = 90 * 24 * time.Hour

// take takes one attempt at now (Unix µs) from an allowance that earlier ones
// fill until busy. wait is 0 where there was room, and next the new busy.
func (a allowance) take(busy, now int64) (next int64, wait time.Duration) {
	busy = max(busy, now)
	room := now + (a.burst-1)*a.interval.Microseconds()
	if busy > room {
		return busy, time.Duration(busy-room) * time.Microsecond
	}
	return busy + a.interval.Microseconds(), 0
}

// slot is an allowance and the row that says how full it is.
type slot struct {
	lookup string
	allowance
}

// signInSlots are those that an attempt to sign in takes from.
func (d *Desk) signInSlots(email string, from netip.Addr) []slot {
	address := "unknown"
	if from.IsValid() {
		bits := 32
		if from = from.Unmap(); from.Is6() {
			bits = 64 // whoever has one address of a /64 has them all
		}
		prefix, _ := from.WithZone("").Prefix(bits) // fails only for more bits than there are
		address = prefix.String()
	}
	return []slot{
		{d.vault.lookup("limit", "pair", email, address), perPair},
		{d.vault.lookup("limit", "account", email), perAccount},
		{d.vault.lookup("limit", "address", address), perAddress},
	}
}

// ownSlots are those of a person who shows a password or code within a session.
func (d *Desk) ownSlots(person string) []slot {
	return []slot{{d.vault.lookup("limit", "own", person), perPair}}
}

// reserve takes one attempt from slots before it is looked at, so that many at
// once count as many; succeed gives it back. It returns the slots taken from,
// or a fault.Unavailable that says how long to wait; that counts as a failure
// of the account, "" where there is no such.
func (d *Desk) reserve(ctx context.Context, account string, slots []slot) ([]slot, error) {
	var wait time.Duration
	err := d.ledger.Attend(ctx, ledger.System, func(ctx context.Context, tx *ledger.Tx) error {
		now := tx.Now.UnixMicro()
		limits, err := loadLimits(ctx, tx, slots)
		if err != nil {
			return err
		}
		if limits[0].knownAt > now-familiar.Microseconds() {
			slots, limits = slots[:1], limits[:1]
		}
		for i, s := range slots {
			var w time.Duration
			limits[i].busy, w = s.take(limits[i].busy, now)
			wait = max(wait, w)
		}
		if wait > 0 {
			return countFailure(tx, account, 1)
		}
		for i, s := range slots {
			if err := saveLimit(tx, s.lookup, limits[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if wait > 0 {
		return nil, fault.New(fault.Unavailable, "too many failed attempts; try again in %d seconds", (wait+time.Second-1)/time.Second)
	}
	return slots, nil
}

// succeed gives back what reserve took, clears the first slot of all failures,
// and makes its address known.
func succeed(tx *ledger.Tx, taken []slot) error {
	for i, s := range taken {
		var err error
		if i == 0 {
			err = saveLimit(tx, s.lookup, limit{0, tx.Now.UnixMicro()})
		} else {
			err = refundLimit(tx, s.lookup, s.interval.Microseconds())
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// fail records a failed attempt at an account, "" where there is no such.
func (d *Desk) fail(ctx context.Context, account string) error {
	return d.ledger.Attend(ctx, ledger.System, func(_ context.Context, tx *ledger.Tx) error {
		return countFailure(tx, account, 0)
	})
}
