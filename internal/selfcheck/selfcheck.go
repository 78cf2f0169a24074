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
	"example.org/countersign/verify/format"
)

// Job is the kind of job that checks. Its key is the day, as 2006-01-02.
const Job = "self_check"

// hour of the day, UTC, at which the check is due.
const hour = 2

// LateAfter is how long after a check began the next one is late. They are a day
// apart; half a day more is for a machine that was off at night, for attempts
// that failed and were repeated, and for a record that takes hours to read. One
// night that was left out is seen in the afternoon after it.
const LateAfter = 36 * time.Hour

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

// Schedule makes the next check due. It is called at every start, every minute
// and after every check, on any node: there is one job a day. What was done to
// that job behind our back (done before its time, put off, given up) is undone:
// checks cannot be switched off by a row (CC4.1).
func (d *Desk) Schedule(ctx context.Context) error {
	now := d.ledger.Now().UTC()
	next := time.Date(now.Year(), now.Month(), now.Day(), hour, 0, 0, 0, time.UTC)
	if !next.After(now) {
		next = next.AddDate(0, 0, 1)
	}
	key := next.Format(time.DateOnly)
	err := d.ledger.Write(ctx, ledger.System, func(ctx context.Context, tx *ledger.Tx) error {
		if planned, err := jobs.Planned(ctx, tx, Job, key, next); err != nil || planned {
			return err
		}
		return jobs.Again(tx, Job, key, next)
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

// Standing is how the record stands by its checks.
type Standing struct {
	Latest *Check    // nil before the first
	Since  time.Time // when it began; before the first, when the record did
	Late   bool      // LateAfter has passed since then
}

// Standing returns how the record stands now. It counts by the record alone, and
// not from when this process began: a restart must not hide that nobody looks.
func (d *Desk) Standing(ctx context.Context) (s Standing, err error) {
	if s.Latest, err = d.Latest(ctx); err != nil {
		return s, err
	}
	now := d.ledger.Now()
	if s.Latest != nil {
		s.Since = time.UnixMicro(s.Latest.At).UTC()
	} else if s.Since, err = d.began(ctx, now); err != nil {
		return s, fmt.Errorf("read when the record began: %w", err)
	}
	s.Late = now.Sub(s.Since) > LateAfter
	return s, nil
}

// began returns the time of the first entry; now where there is none.
func (d *Desk) began(ctx context.Context, now time.Time) (at time.Time, err error) {
	cp, err := d.ledger.Checkpoint(ctx)
	if err != nil || cp.Size == 0 {
		return now, err
	}
	err = d.ledger.Entries(ctx, 0, 1, func(_ int64, entry, _ []byte) error {
		e, err := format.ParseEntry(entry)
		at = time.UnixMicro(e.Time).UTC()
		return err
	})
	return at, err
}

// Alarm returns the check that began what is to be told once: the first that
// found something, of those since one that did not. It is nil where the newest
// found nothing.
func (d *Desk) Alarm(ctx context.Context) (*Check, error) {
	c, err := d.Latest(ctx)
	if err != nil || c == nil || c.Outcome != Altered {
		return nil, err
	}
	first, err := Checks.Select(ctx, d.ledger, `WHERE r.outcome = $1 AND r.entry > coalesce((SELECT max(entry) FROM self_check WHERE outcome = $2), -1) ORDER BY r.entry LIMIT 1`, string(Altered), string(Intact))
	if err != nil {
		return nil, err
	}
	if len(first) > 0 && first[0].Outcome == Altered { // else the rows are among what was altered
		c = first[0]
	}
	return c, nil
}

// List returns the newest checks, the newest first.
func (d *Desk) List(ctx context.Context, limit int) ([]*Check, error) {
	return Checks.Select(ctx, d.ledger, `ORDER BY r.at DESC, r.entry DESC LIMIT $1`, limit)
}
