// Package jobs keeps work that follows from a transaction: sending, notifying,
// reminding. A job is enqueued in the transaction that makes it necessary, so
// that it exists exactly where that committed, and is done afterwards, once
// across all nodes, until it succeeds.
//
//	open ──claim──► held ──► done
//	 ▲  ▲            │ │
//	 │  └──backoff───┘ └──► dead ──► dead letter, a record: somebody's to-do
//	 └────────────Retry──────┘
//
// A claim is a lease. It is extended while the runner lives, and where the
// runner dies the job is claimed again once the lease has passed: a handler
// must be safe to repeat (CC7.5).
package jobs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"example.org/countersign/internal/ledger"
)

// Job is one piece of work in the hands of its handler.
type Job struct {
	Kind    string    // names the handler
	Key     string    // what to work on: ids only, no personal data
	At      time.Time // when it was due
	Attempt int       // 1 for the first
}

// Handler does a job. It may run again after a crash, so it must find out what
// it has done already. Its context ends when the program does, when another
// node has taken the job over, and after half an hour.
type Handler func(ctx context.Context, j Job) error

// Enqueue makes a job of tx, to be done at the given instant or soon after; a
// zero time means at once. A job of the same kind and key, open or done, is
// left as it is: there is only ever one. Whoever holds the Runner may have it
// woken by tx.After(runner.Kick), which saves the second until it looks by
// itself.
func Enqueue(tx *ledger.Tx, kind, key string, at time.Time) error {
	err := tx.Queue(`INSERT INTO job (kind, key, state, at, holder, attempt, error)
		VALUES ($1, $2, 'open', $3, '', 0, '') ON CONFLICT (kind, key) DO NOTHING`, kind, key, due(tx, at))
	if err != nil {
		return fmt.Errorf("enqueue %s: %w", kind, err)
	}
	return nil
}

// Again makes a job due once more, deliberately, whether it is done, was given
// up or is still open, and gives it all its attempts anew. One that is being
// done at this moment is done again when that has ended. Where there is none
// it is enqueued.
func Again(tx *ledger.Tx, kind, key string, at time.Time) error {
	// The holder goes on, but its attempt is no longer the job's (see finish).
	_, err := tx.Work(`INSERT INTO job (kind, key, state, at, holder, attempt, error)
		VALUES ($1, $2, 'open', $3, '', 0, '') ON CONFLICT (kind, key) DO UPDATE SET
		state = 'open', attempt = 0, error = '', at = CASE WHEN job.holder = '' THEN excluded.at ELSE job.at END`,
		kind, key, due(tx, at))
	if err != nil {
		return fmt.Errorf("enqueue %s: %w", kind, err)
	}
	return nil
}

func due(tx *ledger.Tx, at time.Time) int64 {
	if at.IsZero() {
		at = tx.Now
	}
	return at.UnixMicro()
}

// Permanent marks an error that no repetition will mend: the job goes to the
// dead letters at once.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return &permanent{err}
}

type permanent struct{ err error }

func (p *permanent) Error() string { return p.err.Error() }
func (p *permanent) Unwrap() error { return p.err }

func isPermanent(err error) bool {
	_, ok := errors.AsType[*permanent](err)
	return ok
}
