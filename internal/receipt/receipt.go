// Package receipt gives reporters proof of what they reported and when it was
// recorded, also against us: a C2SP tlog-proof of the entry that recorded it,
// with the fields of their own communication and no others (CC2.3, PI1.5).
// docs/FORMAT.md specifies the file, and verify checks it.
package receipt

import (
	"bytes"
	"context"
	"fmt"

	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/witness"
	"example.org/countersign/verify/format"
)

// Standing says who vouches for the log up to the entry.
type Standing uint8

// The standings, the strongest last.
const (
	Fresh     Standing = iota // a checkpoint signed for this receipt: nobody else has seen it
	Published                 // a published checkpoint
	Witnessed                 // a published checkpoint that enough witnesses cosigned
)

// Receipt is a receipt and what it is worth.
type Receipt struct {
	Name     string // of the file
	Text     []byte
	Standing Standing
	Erased   int // fields that it cannot show any more
}

// Desk makes receipts.
type Desk struct {
	ledger *ledger.Ledger
	intake *intake.Desk
	feeder *witness.Feeder
}

// New returns a Desk. feeder is nil where there are no witnesses.
func New(l *ledger.Ledger, in *intake.Desk, feeder *witness.Feeder) *Desk {
	return &Desk{l, in, feeder}
}

// ForReporter makes the receipt for whoever has the code of a report; NotFound
// where number or code is wrong. Whoever reported anonymously has to say that
// they want it: keeping it can identify them.
func (d *Desk) ForReporter(ctx context.Context, number, code string, wanted bool) (*Receipt, error) {
	t, err := d.intake.FollowUp(ctx, number, code)
	if err != nil {
		return nil, err
	}
	if t.Anonymous && !wanted {
		return nil, fault.New(fault.Invalid, "say that you want the receipt: keeping it can identify you")
	}
	return d.of(ctx, t.Number)
}

// ForStaff makes the receipt of a case, to be sent to its reporter. Conflict
// where that one is anonymous: only they decide whether there is a receipt.
func (d *Desk) ForStaff(ctx context.Context, number string) (*Receipt, error) {
	c, err := d.intake.Case(ctx, number)
	if err != nil {
		return nil, err
	}
	if c.Anonymous {
		return nil, fault.New(fault.Conflict, "this report is anonymous: its reporter can ask for a receipt on the follow-up page, if they want one")
	}
	return d.of(ctx, c.Number)
}

// of makes the receipt of the communication that a case began with.
func (d *Desk) of(ctx context.Context, number string) (*Receipt, error) {
	c, err := d.intake.Case(ctx, number)
	if err != nil {
		return nil, err
	}
	all, err := d.intake.Communications(ctx, c.ID)
	if err != nil {
		return nil, err
	}
	if len(all) == 0 || all[0].Direction != intake.Inbound {
		return nil, fault.New(fault.NotFound, "this case did not begin with a report")
	}
	versions, err := intake.Communications.History(ctx, d.ledger, all[0].ID)
	if err != nil {
		return nil, fmt.Errorf("receipt: %w", err)
	}
	r := &Receipt{Name: "receipt-" + c.Number + ".txt"}
	return r, d.prove(ctx, r, versions[0].Index)
}

// prove fills in the receipt of an entry.
func (d *Desk) prove(ctx context.Context, r *Receipt, index int64) error {
	key, err := format.ParseKey(d.ledger.VerifierKey())
	if err != nil {
		return fmt.Errorf("receipt: %w", err)
	}
	cp, standing, err := d.checkpoint(ctx, key, index)
	if err != nil {
		return fmt.Errorf("receipt: %w", err)
	}
	x := format.Receipt{Key: key, Index: index, Checkpoint: cp.Signed}
	if x.Hashes, err = d.ledger.Inclusion(ctx, cp, index); err != nil {
		return fmt.Errorf("receipt: %w", err)
	}
	err = d.ledger.Entries(ctx, index, index+1, func(_ int64, entry, _ []byte) error {
		x.Entry = bytes.Clone(entry)
		return nil
	})
	if err != nil {
		return fmt.Errorf("receipt: %w", err)
	}
	r.Standing = standing
	for _, hidden := range []map[string]bool{ours, oursAndLong} {
		if r.Erased, err = d.disclose(ctx, &x, hidden); err != nil {
			return fmt.Errorf("receipt: %w", err)
		}
		if r.Text, err = x.Append(nil); err == nil {
			return nil
		}
	}
	return fmt.Errorf("receipt: %w", err)
}

// What a receipt does not show: what we thought of the report, and, where it
// would be too long, what else is long.
var (
	ours        = map[string]bool{"no_confirmation": true, "auto_reason": true}
	oursAndLong = map[string]bool{"no_confirmation": true, "auto_reason": true, "raw": true, "references": true}
)

// disclose puts the document into the receipt, and returns how many of its
// fields were erased.
func (d *Desk) disclose(ctx context.Context, x *format.Receipt, hidden map[string]bool) (erased int, err error) {
	_, doc, err := d.ledger.Document(ctx, x.Index, func(_, _, field string) bool {
		if !hidden[field] {
			erased++
			return true
		}
		return false
	})
	if err != nil {
		return 0, err
	}
	x.Document = *doc
	for i := range doc.Fields {
		if !doc.Fields[i].Redacted {
			erased--
		}
	}
	return erased, nil
}

// checkpoint returns the strongest checkpoint that covers an entry.
func (d *Desk) checkpoint(ctx context.Context, key format.Key, index int64) (ledger.Checkpoint, Standing, error) {
	if d.feeder != nil {
		s, err := d.feeder.Seal(ctx, index+1)
		if err != nil {
			return ledger.Checkpoint{}, 0, err
		}
		if s != nil {
			c, err := key.OpenCosigned(s.Checkpoint)
			if err != nil {
				return ledger.Checkpoint{}, 0, err
			}
			return ledger.Checkpoint{Size: c.Size, Root: c.Root, Signed: s.Checkpoint}, Witnessed, nil
		}
	}
	cp, err := d.ledger.Published(ctx)
	if kind, _ := fault.Of(err); err != nil && kind != fault.NotFound {
		return cp, 0, err
	}
	if err == nil && cp.Size > index {
		return cp, Published, nil
	}
	cp, err = d.ledger.Checkpoint(ctx)
	return cp, Fresh, err
}
