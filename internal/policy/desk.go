package policy

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/jobs"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/people"
)

// EffectJob is the kind of the job that TakeEffect handles; its key is the id
// of the version.
const EffectJob = "policy-effect"

// controls are what every act on a policy is done for: policies that put
// responses into action, and objectives for communication with the outside.
var controls = []string{"CC2.3", "CC5.3"}

var (
	writers   = []people.Role{people.Analyst, people.Lead, people.Commander, people.Legal, people.Owner, people.Executive}
	approvers = []people.Role{people.Lead, people.Legal, people.Executive}
)

// Desk keeps policies. It is safe for concurrent use.
type Desk struct {
	ledger  *ledger.Ledger
	people  *people.Desk
	cached  atomic.Pointer[Set]
	loading sync.Mutex
}

// New returns a Desk; persons says who may approve.
func New(l *ledger.Ledger, persons *people.Desk) *Desk { return &Desk{ledger: l, people: persons} }

// Change is what a draft says.
type Change struct {
	Body      json.RawMessage // of the type that the kind says
	Rationale string          // why it is to be so
	ReviewDue string          // 2027-01-31; "" a year from now
}

const (
	maxBody      = 128 << 10
	maxRationale = 4000
)

// Draft makes the next version of a policy. name is "" for kinds with one
// document.
func (d *Desk) Draft(ctx context.Context, who *people.Identity, kind Kind, name string, c Change) (*Policy, error) {
	if err := people.Require(who, writers...); err != nil {
		return nil, err
	}
	if err := checkName(kind, name); err != nil {
		return nil, err
	}
	p := &Policy{Kind: kind, Name: name, State: Draft, Authors: []string{who.ID}}
	if err := d.fill(p, c); err != nil {
		return nil, err
	}
	err := d.ledger.Write(ctx, who.Actor(acting(who, writers)), func(ctx context.Context, tx *ledger.Tx) error {
		p.CreatedAt, p.UpdatedAt = tx.Now.UnixMicro(), tx.Now.UnixMicro()
		var err error
		if p.Version, err = nextVersion(ctx, tx, kind, name); err != nil {
			return err
		}
		return Policies.Put(tx, p, ledger.Do("drafted", controls...))
	})
	if err != nil {
		return nil, err
	}
	return p, nil
}

// Edit changes a draft; whoever edits becomes one of its authors.
func (d *Desk) Edit(ctx context.Context, who *people.Identity, id string, c Change) (*Policy, error) {
	if err := people.Require(who, writers...); err != nil {
		return nil, err
	}
	checked, err := d.Find(ctx, d.ledger, id)
	if err != nil {
		return nil, err
	}
	if err := d.fill(checked, c); err != nil {
		return nil, err
	}
	return d.change(ctx, who.Actor(acting(who, writers)), id, "edited", func(_ context.Context, tx *ledger.Tx, p *Policy) error {
		if p.State != Draft {
			return fault.New(fault.Conflict, "%s is %s; only a draft can be changed: make a new version", p.Label(), p.State)
		}
		p.Body, p.Rationale, p.ReviewDue = checked.Body, checked.Rationale, checked.ReviewDue
		if !slices.Contains(p.Authors, who.ID) {
			p.Authors = append(p.Authors, who.ID)
		}
		return nil
	})
}

// fill checks c and takes it over.
func (d *Desk) fill(p *Policy, c Change) error {
	body, err := check(p.Kind, c.Body)
	if err != nil {
		return err
	}
	c.Rationale = strings.TrimSpace(c.Rationale)
	if c.Rationale == "" || len(c.Rationale) > maxRationale {
		return fault.New(fault.Invalid, "say in 1 to %d characters why it is to be so", maxRationale)
	}
	if c.ReviewDue == "" {
		c.ReviewDue = d.ledger.Now().AddDate(1, 0, 0).Format(time.DateOnly)
	}
	if err := d.checkReview(c.ReviewDue); err != nil {
		return err
	}
	p.Body, p.Rationale, p.ReviewDue = body, c.Rationale, c.ReviewDue
	return nil
}

func (d *Desk) checkReview(day string) error {
	due, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return fault.New(fault.Invalid, "review date %q: write it as 2027-01-31", day)
	}
	if due.Before(d.ledger.Now().AddDate(0, 0, -1)) || due.After(d.ledger.Now().AddDate(3, 0, 0)) {
		return fault.New(fault.Invalid, "review date %s: choose a day within the next three years", day)
	}
	return nil
}

// Approve approves a draft. The approver is none of its authors (CC5.3). It
// takes effect at effective, at once where that is zero or past, and then
// supersedes the version that was in force.
func (d *Desk) Approve(ctx context.Context, who *people.Identity, id string, effective time.Time) (*Policy, error) {
	if err := people.Require(who, approvers...); err != nil {
		return nil, err
	}
	return d.change(ctx, who.Actor(acting(who, approvers)), id, "approved", func(ctx context.Context, tx *ledger.Tx, p *Policy) error {
		if p.State != Draft {
			return fault.New(fault.Conflict, "%s is %s; there is nothing to approve", p.Label(), p.State)
		}
		if slices.Contains(p.Authors, who.ID) {
			return fault.New(fault.Denied, "you wrote part of %s; somebody else has to approve it", p.Label())
		}
		if err := d.people.MayApprove(ctx, tx, who, approvers...); err != nil {
			return err
		}
		now := tx.Now.UnixMicro()
		p.ApprovedBy, p.ApprovedAt = who.ID, now
		p.EffectiveFrom = max(now, effective.UnixMicro())
		if p.EffectiveFrom > now {
			p.State = Approved
			return jobs.Enqueue(tx, EffectJob, p.ID, time.UnixMicro(p.EffectiveFrom).UTC())
		}
		return supersede(ctx, tx, p)
	})
}

// TakeEffect is the handler of EffectJob: it puts an approved version in force.
func (d *Desk) TakeEffect(ctx context.Context, j jobs.Job) error {
	_, err := d.change(ctx, ledger.System, j.Key, "took-effect", func(ctx context.Context, tx *ledger.Tx, p *Policy) error {
		if p.State != Approved {
			return errNothing
		}
		return supersede(ctx, tx, p)
	})
	if errors.Is(err, errNothing) {
		return nil
	}
	return err
}

var errNothing = fault.New(fault.Conflict, "there is nothing to change")

// supersede puts p in force in place of what is.
func supersede(ctx context.Context, tx *ledger.Tx, p *Policy) error {
	old, err := Policies.Select(ctx, tx, inForceOf, string(p.Kind), p.Name)
	if err != nil {
		return err
	}
	for _, o := range old {
		o.State, o.EndedAt, o.UpdatedAt = Superseded, tx.Now.UnixMicro(), tx.Now.UnixMicro()
		if err := Policies.Put(tx, o, ledger.Do("superseded", controls...)); err != nil {
			return err
		}
	}
	p.State = InForce
	return nil
}

// Withdraw ends a draft, a version that waits, or a text in force. What every
// case relies on is not withdrawn but superseded.
func (d *Desk) Withdraw(ctx context.Context, who *people.Identity, id, reason string) error {
	if err := people.Require(who, writers...); err != nil {
		return err
	}
	if reason = strings.TrimSpace(reason); reason == "" || len(reason) > maxRationale {
		return fault.New(fault.Invalid, "say in 1 to %d characters why it is withdrawn", maxRationale)
	}
	_, err := d.change(ctx, who.Actor(acting(who, writers)), id, "withdrawn", func(ctx context.Context, tx *ledger.Tx, p *Policy) error {
		switch {
		case p.State == Superseded || p.State == Withdrawn:
			return fault.New(fault.Conflict, "%s is %s already", p.Label(), p.State)
		case p.State != Draft:
			if err := d.people.MayApprove(ctx, tx, who, approvers...); err != nil {
				return err
			}
			if p.State == InForce && !p.Kind.several() {
				return fault.New(fault.Conflict, "%s is in force and something must be; approve another version in its place", p.Label())
			}
		}
		p.State, p.EndedAt, p.EndReason = Withdrawn, tx.Now.UnixMicro(), reason
		return nil
	})
	return err
}

// Reviewed records that a version in force was looked at and stays as it is
// until nextDue; it is then nobody's shipped default any more (CC5.3).
func (d *Desk) Reviewed(ctx context.Context, who *people.Identity, id, nextDue string) error {
	if err := people.Require(who, approvers...); err != nil {
		return err
	}
	if err := d.checkReview(nextDue); err != nil {
		return err
	}
	_, err := d.change(ctx, who.Actor(acting(who, approvers)), id, "reviewed", func(ctx context.Context, tx *ledger.Tx, p *Policy) error {
		if p.State != InForce {
			return fault.New(fault.Conflict, "%s is %s; only what is in force is reviewed", p.Label(), p.State)
		}
		if err := d.people.MayApprove(ctx, tx, who, approvers...); err != nil {
			return err
		}
		p.Shipped, p.ReviewDue, p.ReviewedBy, p.ReviewedAt = false, nextDue, who.ID, tx.Now.UnixMicro()
		return nil
	})
	return err
}

// change loads, changes and puts one version.
func (d *Desk) change(ctx context.Context, actor ledger.Actor, id, verb string, f func(context.Context, *ledger.Tx, *Policy) error) (*Policy, error) {
	var p *Policy
	err := d.ledger.Write(ctx, actor, func(ctx context.Context, tx *ledger.Tx) error {
		var err error
		if p, err = Policies.Load(ctx, tx, id); err != nil {
			return err
		}
		if err := f(ctx, tx, p); err != nil {
			return err
		}
		p.UpdatedAt = tx.Now.UnixMicro()
		return Policies.Put(tx, p, ledger.Do(verb, controls...))
	})
	if err != nil {
		return nil, err
	}
	return p, nil
}

// acting returns the first of the roles that who has.
func acting(who *people.Identity, roles []people.Role) people.Role {
	for _, r := range roles {
		if who.Has(r) {
			return r
		}
	}
	return ""
}

// Seed puts the shipped defaults in force wherever there has never been a
// version: at the first start, and for what a later release adds.
func (d *Desk) Seed(ctx context.Context) error {
	seeds, err := defaults()
	if err != nil {
		return err
	}
	return d.ledger.Write(ctx, ledger.System, func(ctx context.Context, tx *ledger.Tx) error {
		known, err := names(ctx, tx)
		if err != nil {
			return err
		}
		for _, p := range seeds {
			if known[label(p.Kind, p.Name, 0)] {
				continue
			}
			now := tx.Now.UnixMicro()
			p.State, p.Shipped, p.Authors = InForce, true, []string{ledger.System.ID}
			p.CreatedAt, p.UpdatedAt, p.EffectiveFrom = now, now, now
			p.ReviewDue = tx.Now.AddDate(0, 3, 0).Format(time.DateOnly)
			if p.Version, err = nextVersion(ctx, tx, p.Kind, p.Name); err != nil {
				return err
			}
			if err := Policies.Put(tx, p, ledger.Do("shipped", controls...)); err != nil {
				return err
			}
		}
		return nil
	})
}
