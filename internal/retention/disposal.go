package retention

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/jobs"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/people"
)

// Disposal is a run that lets go what was kept long enough: the list, who
// proposed and approved it, and what became of it (C1.2, P4.3). Times are Unix
// microseconds.
type Disposal struct {
	ledger.Record
	State    State  `json:"state"`
	Schedule string `json:"schedule"` // version of the policy

	Cases    []Disposed `json:"cases"`
	Excluded []Excluded `json:"excluded"` // due, and kept all the same
	ListHash string     `json:"list_hash"`

	ProposedBy   string `json:"proposed_by"`
	ProposedAt   int64  `json:"proposed_at"`
	ApprovedBy   string `json:"approved_by"`
	ApprovedAt   int64  `json:"approved_at"`
	ApprovedHash string `json:"approved_hash"`
	EndedBy      string `json:"ended_by"`
	EndReason    string `json:"end_reason"`
	ExecutedAt   int64  `json:"executed_at"`

	Skipped []Excluded `json:"skipped"` // on the list, and kept when its turn came
	// Codes are the keyed hashes of follow-up codes, by case, so that reporters
	// can still be told.
	Codes map[string]string `json:"codes" unit:"identity"`
}

// Disposed is one case of a run.
type Disposed struct {
	Case     string      `json:"case"`
	Number   string      `json:"number"`
	Entry    int64       `json:"entry"` // of the header as it was on the list
	Part     intake.Part `json:"part"`
	Rule     string      `json:"rule"`  // row of the schedule
	Basis    string      `json:"basis"` // of the row
	ClosedAt int64       `json:"closed_at"`
	DueAt    int64       `json:"due_at"`

	Communications int `json:"communications"`
	Answers        int `json:"answers"`
	Files          int `json:"files"`
}

// Excluded is a case that stays, and why.
type Excluded struct {
	Case   string `json:"case"`
	Number string `json:"number"`
	Why    string `json:"why"`
}

// Disposals is the kind of record.
var Disposals = ledger.Define("disposal", []string{"state", "proposed_at"}, func(r *Disposal, _ ledger.Index) []any {
	return []any{string(r.State), r.ProposedAt}
})

// maxRun is how many cases one run has: as many as two persons can look
// through.
const maxRun = 200

// Preview returns the run that could be proposed now: what is due, without
// what is held, unsettled, or excluded by who proposes, by id of the case with
// the reason ("in dispute").
func (d *Desk) Preview(ctx context.Context, exclude map[string]string) (*Disposal, error) {
	s, version, _, err := d.schedule(ctx)
	if err != nil {
		return nil, err
	}
	due, _, err := d.due(ctx, s, d.ledger.Now(), maxRun)
	if err != nil {
		return nil, err
	}
	run := &Disposal{State: Proposed, Schedule: version}
	for _, x := range due {
		if err := d.consider(ctx, run, x, strings.TrimSpace(exclude[x.Case])); err != nil {
			return nil, err
		}
	}
	run.ListHash = hashOf(struct {
		Cases    []Disposed
		Excluded []Excluded
	}{run.Cases, run.Excluded})
	return run, nil
}

// consider puts a case that is due on the list, or says why not.
func (d *Desk) consider(ctx context.Context, run *Disposal, x *Due, excluded string) error {
	v, err := d.look(ctx, x.Case)
	if err != nil {
		return err
	}
	if why, err := d.keeps(ctx, v); err != nil || why != "" || excluded != "" {
		if why == "" {
			why = excluded
		}
		run.Excluded = append(run.Excluded, Excluded{x.Case, x.Number, why})
		return err
	}
	row := Disposed{Case: x.Case, Number: x.Number, Entry: v.Entry, Part: part(x.Rule.Then), Rule: x.Rule.Name, Basis: x.Rule.Basis,
		ClosedAt: x.ClosedAt, DueAt: x.DueAt, Communications: len(v.communications), Answers: len(v.answers)}
	for _, m := range v.communications {
		row.Files += len(m.Attachments)
	}
	run.Cases = append(run.Cases, row)
	return nil
}

// keeps says why a case cannot be disposed of now, "" where nothing speaks
// against it.
func (d *Desk) keeps(ctx context.Context, v *view) (string, error) {
	if len(v.holds) > 0 {
		_, why := fault.Of(heldError(v.Number, v.holds))
		return strings.TrimPrefix(why, v.Number+" is "), nil
	}
	if v.State != intake.Closed {
		return "it is open", nil
	}
	p, err := plan(v, Ask{Part: intake.Content})
	if err != nil {
		return "", err
	}
	if len(p.Open) > 0 {
		return p.Open[0], nil
	}
	asked, err := underWay(ctx, d.ledger, v.ID)
	if asked {
		return "a request to erase it is under way", err
	}
	return "", err
}

// Propose proposes the run that who has seen as hash.
func (d *Desk) Propose(ctx context.Context, who *people.Identity, exclude map[string]string, hash string) (*Disposal, error) {
	actor, err := acting(who)
	if err != nil {
		return nil, err
	}
	for _, why := range exclude {
		if _, err := words("reason", why, 300); err != nil {
			return nil, err
		}
	}
	run, err := d.Preview(ctx, exclude)
	switch {
	case err != nil:
		return nil, err
	case len(run.Cases) == 0:
		return nil, fault.New(fault.Conflict, "nothing is due that could be disposed of")
	case run.ListHash != hash:
		return nil, fault.New(fault.Conflict, "the list changed since you looked; look again")
	}
	run.ProposedBy = who.ID
	err = d.ledger.Write(ctx, actor, func(_ context.Context, tx *ledger.Tx) error {
		run.ProposedAt = tx.Now.UnixMicro()
		return Disposals.Put(tx, run, ledger.Do("proposed", eraseControls...))
	})
	if err != nil {
		return nil, err
	}
	return run, nil
}

// ApproveRun lets a run go ahead: by a second person, for exactly the list
// that they have seen.
func (d *Desk) ApproveRun(ctx context.Context, who *people.Identity, runID, hash string) (*Disposal, error) {
	actor, err := acting(who)
	if err != nil {
		return nil, err
	}
	return d.changeRun(ctx, actor, runID, "approved", func(ctx context.Context, tx *ledger.Tx, run *Disposal) error {
		switch {
		case run.State != Proposed:
			return fault.New(fault.Conflict, "this run is %s; it cannot be approved now", run.State)
		case run.ProposedBy == who.ID:
			return fault.New(fault.Denied, "you proposed this run; somebody else has to approve it")
		case run.ListHash != hash:
			return fault.New(fault.Conflict, "this is not the list that you have seen; look again")
		}
		if err := d.people.MayApprove(ctx, tx, who, keepers...); err != nil {
			return err
		}
		run.State, run.ApprovedBy, run.ApprovedAt, run.ApprovedHash = Approved, who.ID, tx.Now.UnixMicro(), hash
		tx.After(d.opt.Kick)
		return jobs.Enqueue(tx, DisposeJob, run.ID, tx.Now)
	})
}

// EndRun declines a run, or withdraws it where who proposed it does.
func (d *Desk) EndRun(ctx context.Context, who *people.Identity, runID, reason string) (*Disposal, error) {
	actor, err := acting(who)
	if err != nil {
		return nil, err
	}
	if reason, err = words("reason", reason, maxWords); err != nil {
		return nil, err
	}
	run, err := d.Disposal(ctx, runID)
	if err != nil {
		return nil, err
	}
	state := Declined
	if run.ProposedBy == who.ID {
		state = Withdrawn
	}
	return d.changeRun(ctx, actor, runID, string(state), func(_ context.Context, _ *ledger.Tx, run *Disposal) error {
		if run.State != Proposed {
			return fault.New(fault.Conflict, "this run is %s; it cannot be %s now", run.State, state)
		}
		run.State, run.EndedBy, run.EndReason = state, who.ID, reason
		return nil
	})
}

func (d *Desk) changeRun(ctx context.Context, actor ledger.Actor, runID, verb string, f func(context.Context, *ledger.Tx, *Disposal) error) (*Disposal, error) {
	var run *Disposal
	err := d.ledger.Write(ctx, actor, func(ctx context.Context, tx *ledger.Tx) error {
		var err error
		if run, err = Disposals.Load(ctx, tx, runID); err != nil {
			return err
		}
		if err := f(ctx, tx, run); err != nil {
			return err
		}
		return Disposals.Put(tx, run, ledger.Do(verb, eraseControls...))
	})
	if err != nil {
		return nil, err
	}
	return run, nil
}

// Dispose is the handler of DisposeJob: it lets the approved cases go, each as
// it was when it was listed, or not at all. Killed at any moment it goes on.
func (d *Desk) Dispose(ctx context.Context, j jobs.Job) error {
	run, err := d.Disposal(ctx, j.Key)
	if err != nil {
		return err
	}
	if run.State == Approved && run.Codes == nil {
		if run, err = d.keepCodes(ctx, run); err != nil {
			return err
		}
	}
	if run.State != Approved {
		return nil
	}
	var skipped []Excluded
	for _, x := range run.Cases {
		why, err := d.disposeOf(ctx, run, x)
		if err != nil {
			return fmt.Errorf("dispose of %s: %w", x.Number, err)
		}
		if why != "" {
			skipped = append(skipped, Excluded{x.Case, x.Number, why})
		}
	}
	_, err = d.changeRun(ctx, ledger.System, run.ID, "executed", func(_ context.Context, tx *ledger.Tx, run *Disposal) error {
		run.State, run.ExecutedAt, run.Skipped = Executed, tx.Now.UnixMicro(), skipped
		return nil
	})
	return err
}

// keepCodes takes the hashes of the follow-up codes over, before they go.
func (d *Desk) keepCodes(ctx context.Context, run *Disposal) (*Disposal, error) {
	codes := map[string]string{}
	for _, x := range run.Cases {
		c, err := intake.Cases.Load(ctx, d.ledger, x.Case)
		if err != nil {
			return nil, err
		}
		if c.CodeHash != "" {
			codes[x.Case] = c.CodeHash
		}
	}
	return d.changeRun(ctx, ledger.System, run.ID, "begun", func(_ context.Context, _ *ledger.Tx, run *Disposal) error {
		run.Codes = codes
		return nil
	})
}

// disposeOf lets one case go and returns "", or why it stays.
func (d *Desk) disposeOf(ctx context.Context, run *Disposal, x Disposed) (why string, err error) {
	v, err := d.look(ctx, x.Case)
	if err != nil {
		return "", err
	}
	p, err := plan(v, Ask{Case: x.Case, Part: x.Part})
	if err != nil {
		return "", err
	}
	if !slices.ContainsFunc(p.Items, func(i Item) bool { return i.ID == v.ID }) { // its own mark, that it was begun
		p.Items = append([]Item{{Kind: intake.Cases.Kind(), ID: v.ID, Part: x.Part}}, p.Items...)
	}
	held, err := d.erase(ctx, cause{run.ID, x.Basis, func(ctx context.Context, v *view) (string, error) {
		if v.Entry != x.Entry {
			return "something happened on it since it was listed", nil
		}
		return d.keeps(ctx, v)
	}}, x.Case, p.Items)
	if err != nil {
		return "", err
	}
	if held != nil {
		_, why := fault.Of(held)
		return why, nil
	}
	return "", d.forget(ctx, p.Items)
}
