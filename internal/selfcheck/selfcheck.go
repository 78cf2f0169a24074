// Package selfcheck verifies the record every night and keeps what it found as
// a record of its own: that somebody looks is part of the control (CC4.1,
// CC7.1).
package selfcheck

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"example.org/countersign/internal/jobs"
	"example.org/countersign/internal/ledger"
)

// Job is the kind of job that checks. Its key is the day, as 2006-01-02.
const Job = "self_check"

// hour of the day, UTC, at which the check is due.
const hour = 2

// Outcome is how a check ended.
type Outcome string

// The outcomes. Altered is a finding: somebody has to look.
const (
	Intact  Outcome = "intact"
	Altered Outcome = "altered"
)

// Check is one check of the whole record.
type Check struct {
	ledger.Record
	At      int64   `json:"at"`      // when it began, Unix microseconds
	Took    int64   `json:"took"`    // microseconds
	Outcome Outcome `json:"outcome"` //
	Finding string  `json:"finding"` // the first thing that was changed, inserted or deleted
	Entries int64   `json:"entries"` // in the log
	Records int64   `json:"records"` // rows compared with their documents
}

// Checks is the record kind self_check.
var Checks = ledger.Define("self_check", []string{"at", "outcome"}, func(c *Check, _ ledger.Index) []any {
	return []any{c.At, string(c.Outcome)}
})

// Records returns the record kinds of this package.
func Records() []ledger.Records { return []ledger.Records{Checks} }

// Desk runs checks and knows what they found.
type Desk struct {
	ledger *ledger.Ledger
	log    *slog.Logger
}

// New returns the desk of a ledger.
func New(l *ledger.Ledger, log *slog.Logger) *Desk { return &Desk{l, log} }

// Schedule makes the next check due. It is called at every start and after
// every check, on any node: there is one job a day.
func (d *Desk) Schedule(ctx context.Context) error {
	now := d.ledger.Now().UTC()
	next := time.Date(now.Year(), now.Month(), now.Day(), hour, 0, 0, 0, time.UTC)
	if !next.After(now) {
		next = next.AddDate(0, 0, 1)
	}
	err := d.ledger.Write(ctx, ledger.System, func(_ context.Context, tx *ledger.Tx) error {
		return jobs.Enqueue(tx, Job, next.Format(time.DateOnly), next)
	})
	if err != nil {
		return fmt.Errorf("schedule the check of the record: %w", err)
	}
	return nil
}

// Handle is the handler of Job.
func (d *Desk) Handle(ctx context.Context, _ jobs.Job) error {
	if _, err := d.Run(ctx); err != nil {
		return err
	}
	return d.Schedule(ctx)
}

// Run compares every row with its last entry and the log with its head, and
// keeps the result. Its error says that it could not be done or kept, not that
// something was found.
func (d *Desk) Run(ctx context.Context) (*Check, error) {
	begun := d.ledger.Now()
	c := &Check{At: begun.UnixMicro(), Outcome: Intact}
	report, err := d.ledger.Verify(ctx, ledger.Options{})
	altered, found := errors.AsType[*ledger.Mismatch](err)
	switch {
	case found:
		c.Outcome, c.Finding = Altered, altered.Error()
		d.log.ErrorContext(ctx, "the record was altered", "finding", c.Finding)
	case err != nil:
		return nil, fmt.Errorf("check the record: %w", err)
	default:
		c.Entries = report.Size
		for _, n := range report.Records {
			c.Records += n
		}
	}
	c.Took = d.ledger.Now().Sub(begun).Microseconds()
	err = d.ledger.Write(ctx, ledger.System, func(_ context.Context, tx *ledger.Tx) error {
		return Checks.Put(tx, c, ledger.Do(string(c.Outcome), "CC4.1", "CC7.1"))
	})
	if err != nil {
		return nil, fmt.Errorf("keep the result of the check: %w", err)
	}
	return c, nil
}

// Latest returns the newest check, nil before the first.
func (d *Desk) Latest(ctx context.Context) (*Check, error) {
	found, err := d.List(ctx, 1)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return found[0], nil
}

// List returns the newest checks, the newest first.
func (d *Desk) List(ctx context.Context, limit int) ([]*Check, error) {
	return Checks.Select(ctx, d.ledger, `ORDER BY r.at DESC, r.entry DESC LIMIT $1`, limit)
}
