package triage

import (
	"context"

	"example.org/countersign/internal/clock"
	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/policy"
)

// Pause stops the clock of a case's first response for a recorded reason, such
// as a question that only the reporter can answer. It runs on by Resume, or by
// itself when somebody outside writes again (CC2.3).
func (d *Desk) Pause(ctx context.Context, actor ledger.Actor, caseID, reason string) (*intake.Case, error) {
	reason, err := intake.Reason(reason)
	if err != nil {
		return nil, err
	}
	return d.intake.Change(ctx, actor, caseID, ledger.Do("paused", "CC2.3"), func(_ context.Context, tx *ledger.Tx, c *intake.Case, set *policy.Set) error {
		switch now := tx.Now.UnixMicro(); {
		case c.Paused():
			return fault.New(fault.Conflict, "the clock of %s stands still already", c.Number)
		case c.DueAt == 0 || c.FirstResponseAt != 0 || c.State == intake.Closed:
			return fault.New(fault.Conflict, "no clock runs on %s", c.Number)
		case now > c.DueAt:
			return fault.New(fault.Conflict, "%s is late already; a pause would not change that", c.Number)
		}
		c.Pauses = append(c.Pauses, clock.Pause{From: tx.Now, Reason: reason})
		c.Reclock(set)
		return nil
	})
}

// Resume lets the clock of a case run again.
func (d *Desk) Resume(ctx context.Context, actor ledger.Actor, caseID string) (*intake.Case, error) {
	return d.intake.Change(ctx, actor, caseID, ledger.Do("resumed", "CC2.3"), func(_ context.Context, tx *ledger.Tx, c *intake.Case, set *policy.Set) error {
		if !c.Resume(tx.Now) {
			return fault.New(fault.Conflict, "the clock of %s does not stand still", c.Number)
		}
		c.Reclock(set)
		return nil
	})
}
