package retention

import (
	"context"
	"fmt"
	"slices"

	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/jobs"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/response"
)

// cause is what an erasure of records is done under.
type cause struct {
	id, basis string
	// ready, if set, says why a case that has lost nothing yet is to stay.
	ready func(context.Context, *view) (why string, err error)
}

// Erase is the handler of EraseJob: it does what was approved. Killed at any
// moment it goes on where it was; a record that has the erasure's id has lost
// its part.
func (d *Desk) Erase(ctx context.Context, j jobs.Job) error {
	e, err := d.Erasure(ctx, j.Key)
	if err != nil {
		return err
	}
	if e.State == Approved {
		if e, err = d.begin(ctx, e); err != nil {
			return err
		}
	}
	if e.State != Running {
		return nil // done by an earlier run, or stopped
	}
	held, err := d.erase(ctx, cause{id: e.ID, basis: e.Basis}, e.Case, e.Items)
	if err != nil {
		return err
	}
	if held != nil {
		return d.stop(ctx, e.ID, held)
	}
	if err := d.forget(ctx, e.Items); err != nil {
		return err
	}
	_, err = d.change(ctx, ledger.System, e.ID, "executed", func(_ context.Context, tx *ledger.Tx, e *Erasure) error {
		e.State, e.ExecutedAt = Executed, tx.Now.UnixMicro()
		return nil
	})
	return err
}

// begin makes an approved erasure a running one, if what was approved is still
// what would go. From then on it is these records, whatever comes.
func (d *Desk) begin(ctx context.Context, e *Erasure) (*Erasure, error) {
	var begun *Erasure
	err := stubborn(ctx, func() error {
		p, err := d.Plan(ctx, e.Ask())
		if err != nil {
			return err
		}
		ready, code := p.ready(e.ApprovedHash), p.CodeHash
		verb := "begun"
		if ready != nil {
			verb = "stopped"
		}
		begun, err = d.change(ctx, ledger.System, e.ID, verb, func(ctx context.Context, tx *ledger.Tx, e *Erasure) error {
			if err := p.view.still(ctx, tx); err != nil {
				return err
			}
			if e.State != Approved {
				return fault.New(fault.Conflict, "this request is %s already", e.State)
			}
			if ready != nil {
				_, why := fault.Of(ready)
				e.State, e.Stopped = Requested, why
				e.ApprovedBy, e.ApprovedAt, e.ApprovedHash = "", 0, ""
				e.Items, e.ListHash = p.Items, p.Hash
				return nil
			}
			e.State = Running
			if first := p.Items[0]; first.ID == p.ID && first.Part == intake.Content { // nothing joins it from here on
				if err := p.view.take(ctx, tx, first, cause{id: e.ID, basis: e.Basis}); err != nil {
					return err
				}
			}
			if slices.ContainsFunc(e.Items, func(i Item) bool { return i.Kind == intake.Cases.Kind() && i.Part != intake.Title }) {
				e.CodeHash = code
			}
			return nil
		})
		return err
	})
	return begun, err
}

// stop voids the approval of an erasure that met a hold half-way.
func (d *Desk) stop(ctx context.Context, erasureID string, held error) error {
	_, why := fault.Of(held)
	_, err := d.change(ctx, ledger.System, erasureID, "stopped", func(_ context.Context, _ *ledger.Tx, e *Erasure) error {
		e.State, e.Stopped = Requested, why
		e.ApprovedBy, e.ApprovedAt, e.ApprovedHash = "", 0, ""
		return nil
	})
	return err
}

// erase takes the items from their records, those that share files in one
// transaction. held says by what it was stopped.
func (d *Desk) erase(ctx context.Context, why cause, caseID string, items []Item) (held, err error) {
	for {
		err := stubborn(ctx, func() error {
			var err error
			var more bool
			more, held, err = d.step(ctx, why, caseID, items)
			if err == nil && more && held == nil {
				err = errMore
			}
			return err
		})
		if err != errMore { //nolint:errorlint // a sentinel of our own, never wrapped
			return held, err
		}
	}
}

// errMore: something is left to do.
var errMore = fmt.Errorf("retention: there is more to erase")

// step takes the next items, and reports whether more are left.
func (d *Desk) step(ctx context.Context, why cause, caseID string, items []Item) (more bool, held, err error) {
	v, err := d.look(ctx, caseID)
	if err != nil {
		return false, nil, err
	}
	if v.past, err = d.named(ctx, items); err != nil {
		return false, nil, err
	}
	left := slices.DeleteFunc(slices.Clone(items), func(i Item) bool { return v.done(i, why) })
	if len(left) == 0 {
		return false, nil, nil
	}
	if len(v.holds) > 0 {
		return false, heldError(v.Number, v.holds), nil
	}
	if why.ready != nil && !intake.ErasedBy(v.Erasures, why.id) {
		if stays, err := why.ready(ctx, v); err != nil || stays != "" {
			return false, fault.New(fault.Conflict, "%s", stays), err
		}
	}
	now := v.together(left)
	err = d.ledger.Write(ctx, ledger.System, func(ctx context.Context, tx *ledger.Tx) error {
		if err := v.still(ctx, tx); err != nil {
			return err
		}
		for _, i := range now {
			if err := v.take(ctx, tx, i, why); err != nil {
				return err
			}
		}
		return nil
	})
	return len(left) > len(now), nil, err
}

// done reports whether an item was taken already.
func (v *view) done(i Item, why cause) bool {
	was := func(list []intake.Erasure) bool {
		return slices.ContainsFunc(list, func(e intake.Erasure) bool { return e.ID == why.id && e.Part == i.Part })
	}
	if i.ID == v.ID {
		return was(v.Erasures)
	}
	if i.Kind == Holds.Kind() {
		return v.hold(i) == nil
	}
	m, r := v.record(i)
	return m != nil && was(m.Erasures) || r != nil && was(r.Erasures)
}

// named returns the holds among items that still name their party.
func (d *Desk) named(ctx context.Context, items []Item) (list []*Hold, err error) {
	for _, i := range items {
		if i.Kind != Holds.Kind() {
			continue
		}
		h, err := d.Hold(ctx, i.ID)
		if err != nil {
			return nil, err
		}
		if h.Party != "" {
			list = append(list, h)
		}
	}
	return list, nil
}

// hold returns the released hold of an item, nil where it names nobody.
func (v *view) hold(i Item) *Hold {
	for _, h := range v.past {
		if h.ID == i.ID {
			return h
		}
	}
	return nil
}

// record returns the communication or answer of an item.
func (v *view) record(i Item) (*intake.Communication, *response.Response) {
	for _, m := range v.communications {
		if m.ID == i.ID {
			return m, nil
		}
	}
	for _, r := range v.answers {
		if r.ID == i.ID {
			return nil, r
		}
	}
	return nil, nil
}

// atOnce is how many records lose something in one transaction.
const atOnce = 8

// together returns the items that come next: some, and with them all that
// share a file with one of them, since the file goes with the first. The header
// is alone, so that it may come twice.
func (v *view) together(left []Item) []Item {
	if left[0].ID == v.ID {
		return left[:1]
	}
	blobs := map[string]bool{}
	var now []Item
	take := func(i Item) {
		now = append(now, i)
		for _, name := range v.blobs(i) {
			blobs[name] = true
		}
	}
	for _, i := range left {
		if len(now) < atOnce && i.ID != v.ID {
			take(i)
		}
	}
	for again := true; again; {
		again = false
		for _, i := range left {
			in := slices.ContainsFunc(now, func(n Item) bool { return n.ID == i.ID })
			if !in && slices.ContainsFunc(v.blobs(i), func(name string) bool { return blobs[name] }) {
				take(i)
				again = true
			}
		}
	}
	return now
}

// blobs returns the names of the attachments of an item's record.
func (v *view) blobs(i Item) (names []string) {
	m, r := v.record(i)
	var list []intake.Attachment
	switch {
	case m != nil:
		list = m.Attachments
	case r != nil:
		list = r.Attachments
	}
	for _, a := range list {
		if !a.Blob.IsZero() {
			names = append(names, a.Blob.Name)
		}
	}
	return names
}

// take erases one item in tx.
func (v *view) take(ctx context.Context, tx *ledger.Tx, i Item, why cause) error {
	e := intake.Erasure{ID: why.id, At: tx.Now.UnixMicro(), Part: i.Part, Basis: why.basis}
	if i.ID == v.ID {
		return intake.EraseCase(tx, v.Case, e)
	}
	if h := v.hold(i); h != nil {
		h.Party, h.Erasures = "", append(h.Erasures, e)
		return Holds.Erase(tx, h, intake.ErasedAct(), "identity")
	}
	m, r := v.record(i)
	named := func(n int, a intake.Attachment) bool { return slices.Contains(i.Files, fileName(n, a)) }
	switch {
	case m != nil:
		return intake.EraseCommunication(ctx, tx, m, e, named)
	case r != nil:
		return response.Erase(tx, r, e, named)
	}
	return fmt.Errorf("erase %s %s of case %s: it is not there", i.Kind, i.ID, v.Number)
}

// forget destroys the keys of what was erased, also of what people were typing.
func (d *Desk) forget(ctx context.Context, items []Item) error {
	for _, i := range items {
		if i.Kind == response.Responses.Kind() {
			if err := d.responses.ForgetTyping(ctx, i.ID); err != nil {
				return err
			}
		}
	}
	if _, err := d.ledger.FinishErasures(ctx); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.counted = counted{}
	return nil
}
