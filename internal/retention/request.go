package retention

import (
	"context"
	"fmt"
	"slices"

	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/id"
	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/jobs"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/people"
)

// State is where an erasure or a disposal stands.
type State string

// The states. A disposal is proposed where an erasure is requested, and never
// running.
const (
	Requested State = "requested"
	Proposed  State = "proposed"
	Approved  State = "approved" // waits for its job
	Running   State = "running"  // some of it may be gone
	Executed  State = "executed"
	Declined  State = "declined"
	Withdrawn State = "withdrawn"
)

// Erasure is a request to erase, who approved it, and what went: the proof
// that what is missing was let go, by whom and why (P4.3). Times are Unix
// microseconds. It names nobody from outside.
type Erasure struct {
	ledger.Record
	Case   string      `json:"case"` // id
	Number string      `json:"number"`
	Of     string      `json:"of"` // id of a communication or answer; "" the whole case
	Part   intake.Part `json:"part"`
	File   int         `json:"file"`
	State  State       `json:"state"`

	Basis    string `json:"basis"`    // the law or contract that demands it
	Verified string `json:"verified"` // how it was made sure that who asks may

	Items    []Item `json:"items"`
	ListHash string `json:"list_hash"` // of the items, hex
	// CodeHash of a case that loses its header lets its reporter still be told.
	CodeHash string `json:"code_hash" unit:"identity"`

	RequestedBy  string `json:"requested_by"`
	RequestedAt  int64  `json:"requested_at"`
	ApprovedBy   string `json:"approved_by"`
	ApprovedAt   int64  `json:"approved_at"`
	ApprovedHash string `json:"approved_hash"` // ListHash as the approver saw it
	EndedBy      string `json:"ended_by"`      // who declined or withdrew it
	EndReason    string `json:"end_reason"`
	ExecutedAt   int64  `json:"executed_at"`
	Stopped      string `json:"stopped"` // why an approval did not hold
}

// Erasures is the kind of record.
var Erasures = ledger.Define("erasure", []string{"casefile", "state", "requested_at"}, func(e *Erasure, _ ledger.Index) []any {
	return []any{e.Case, string(e.State), e.RequestedAt}
})

// eraseControls are those of every act on a request.
var eraseControls = []string{"C1.2", "P4.3"}

// Request asks for an erasure. hash is that of the Plan that who has seen.
func (d *Desk) Request(ctx context.Context, who *people.Identity, ask Ask, basis, verified, hash string) (*Erasure, error) {
	actor, err := acting(who)
	if err != nil {
		return nil, err
	}
	if basis, err = words("basis", basis, 300); err != nil {
		return nil, err
	}
	if verified, err = words("verified", verified, maxWords); err != nil {
		return nil, err
	}
	var e *Erasure
	err = stubborn(ctx, func() error {
		p, err := d.Plan(ctx, ask)
		if err != nil {
			return err
		}
		if err := p.ready(hash); err != nil {
			return err
		}
		e = &Erasure{Case: p.ID, Number: p.Number, Of: ask.Of, Part: ask.Part, File: ask.File, State: Requested, Basis: basis, Verified: verified,
			Items: p.Items, ListHash: p.Hash, RequestedBy: who.ID}
		return d.ledger.Write(ctx, actor, func(ctx context.Context, tx *ledger.Tx) error {
			if err := p.view.still(ctx, tx); err != nil {
				return err
			}
			e.RequestedAt = tx.Now.UnixMicro()
			return Erasures.Put(tx, e, ledger.Do("requested", eraseControls...))
		})
	})
	if err != nil {
		return nil, err
	}
	return e, nil
}

// ready says why a plan cannot be asked for or approved.
func (p *Plan) ready(hash string) error {
	switch {
	case len(p.Holds) > 0:
		return heldError(p.Number, p.Holds)
	case len(p.Items) == 0:
		return fault.New(fault.Conflict, "nothing of this is left to erase")
	case len(p.Open) > 0:
		return fault.New(fault.Conflict, "%s", p.Open[0])
	case hash != p.Hash:
		return fault.New(fault.Conflict, "%s changed since you looked; look again at what would be erased", p.Number)
	}
	return nil
}

// Ask returns what the request asks for.
func (e *Erasure) Ask() Ask { return Ask{e.Case, e.Of, e.Part, e.File} }

// Approve lets an erasure go ahead: by a second person, and for exactly the
// list that they have seen. It is done by a job.
func (d *Desk) Approve(ctx context.Context, who *people.Identity, erasureID, hash string) (*Erasure, error) {
	actor, err := acting(who)
	if err != nil {
		return nil, err
	}
	var e *Erasure
	err = stubborn(ctx, func() error {
		seen, err := d.Erasure(ctx, erasureID)
		if err != nil {
			return err
		}
		p, err := d.Plan(ctx, seen.Ask())
		if err != nil {
			return err
		}
		e, err = d.change(ctx, actor, erasureID, "approved", func(ctx context.Context, tx *ledger.Tx, e *Erasure) error {
			if err := d.approvable(ctx, tx, who, e); err != nil {
				return err
			}
			if err := p.view.still(ctx, tx); err != nil {
				return err
			}
			if err := p.ready(hash); err != nil {
				return err
			}
			e.State, e.ApprovedBy, e.ApprovedAt, e.ApprovedHash = Approved, who.ID, tx.Now.UnixMicro(), hash
			e.Items, e.ListHash, e.Stopped = p.Items, p.Hash, ""
			tx.After(d.opt.Kick)
			return jobs.Again(tx, EraseJob, e.ID, tx.Now)
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	return e, nil
}

func (d *Desk) approvable(ctx context.Context, tx *ledger.Tx, who *people.Identity, e *Erasure) error {
	switch {
	case e.State != Requested:
		return fault.New(fault.Conflict, "this request is %s; it cannot be approved now", e.State)
	case e.RequestedBy == who.ID:
		return fault.New(fault.Denied, "you asked for this; somebody else has to approve it")
	}
	return d.people.MayApprove(ctx, tx, who, keepers...)
}

// Decline refuses a request.
func (d *Desk) Decline(ctx context.Context, who *people.Identity, erasureID, reason string) (*Erasure, error) {
	return d.end(ctx, who, erasureID, Declined, reason)
}

// Withdraw takes a request back.
func (d *Desk) Withdraw(ctx context.Context, who *people.Identity, erasureID, reason string) (*Erasure, error) {
	return d.end(ctx, who, erasureID, Withdrawn, reason)
}

func (d *Desk) end(ctx context.Context, who *people.Identity, erasureID string, state State, reason string) (*Erasure, error) {
	actor, err := acting(who)
	if err != nil {
		return nil, err
	}
	if reason, err = words("reason", reason, maxWords); err != nil {
		return nil, err
	}
	return d.change(ctx, actor, erasureID, string(state), func(_ context.Context, _ *ledger.Tx, e *Erasure) error {
		if e.State != Requested {
			return fault.New(fault.Conflict, "this request is %s; it cannot be %s now", e.State, state)
		}
		e.State, e.EndedBy, e.EndReason = state, who.ID, reason
		return nil
	})
}

// change loads, changes and puts an erasure as one act.
func (d *Desk) change(ctx context.Context, actor ledger.Actor, erasureID, verb string, f func(context.Context, *ledger.Tx, *Erasure) error) (*Erasure, error) {
	var e *Erasure
	err := d.ledger.Write(ctx, actor, func(ctx context.Context, tx *ledger.Tx) error {
		var err error
		if e, err = Erasures.Load(ctx, tx, erasureID); err != nil {
			return err
		}
		if err := f(ctx, tx, e); err != nil {
			return err
		}
		return Erasures.Put(tx, e, ledger.Do(verb, eraseControls...))
	})
	if err != nil {
		return nil, err
	}
	return e, nil
}

// Told is what a reporter with number and code learns of a report that was
// erased.
type Told struct {
	Number string
	At     int64 // Unix microseconds
	Basis  string
	Whole  bool // all of it, not only who they are
}

// Tell returns what became of an erased report to whoever has its number and
// code; NotFound where these open nothing.
func (d *Desk) Tell(ctx context.Context, number, code string) (*Told, error) {
	none := fault.New(fault.NotFound, "there is no report with this number and code; check both")
	c, err := intake.Find(ctx, d.ledger, number)
	if kind, _ := fault.Of(err); err != nil && kind != fault.NotFound {
		return nil, err
	}
	if c == nil {
		c = &intake.Case{}
	}
	want := intake.CodeHash(d.ledger.Index(), c.Number, id.CanonicalCode(code))
	for _, e := range slices.Backward(c.Erasures) {
		hash, basis, err := d.codeHash(ctx, e.ID, c.ID)
		if err != nil {
			return nil, err
		}
		if hash != "" && hash == want {
			return &Told{Number: c.Number, At: e.At, Basis: basis, Whole: c.Gone()}, nil
		}
	}
	return nil, none
}

// codeHash returns what an erasure or a disposal kept of a case's code.
func (d *Desk) codeHash(ctx context.Context, decisionID, caseID string) (hash, basis string, err error) {
	e, err := d.Erasure(ctx, decisionID)
	if err == nil {
		return e.CodeHash, e.Basis, nil
	}
	if kind, _ := fault.Of(err); kind != fault.NotFound {
		return "", "", err
	}
	run, err := d.Disposal(ctx, decisionID)
	if err != nil {
		return "", "", fmt.Errorf("look for what erased case %s: %w", caseID, err)
	}
	for _, x := range run.Cases {
		if x.Case == caseID {
			return run.Codes[caseID], x.Basis, nil
		}
	}
	return "", "", nil
}
