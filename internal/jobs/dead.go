package jobs

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"example.org/countersign/internal/ledger"
)

// Dead is a dead letter: a job that was given up.
type Dead struct {
	ledger.Record
	Kind     string `json:"kind"`
	Key      string `json:"key"`
	Attempts int    `json:"attempts"`
	Error    string `json:"error"`
	State    string `json:"state"` // open, retried, dismissed
	DiedAt   int64  `json:"died_at"`
	ClosedBy string `json:"closed_by"`
	ClosedAt int64  `json:"closed_at"`
	Reason   string `json:"reason"` // why it was dismissed
}

// DeadLetters is the kind of record.
var DeadLetters = ledger.Define[Dead]("dead_letter", []string{"job_kind", "job_key", "state", "died_at"}, func(d *Dead, _ ledger.Index) []any {
	return []any{d.Kind, d.Key, d.State, d.DiedAt}
})

// Records are the kinds of record of this package.
func Records() []ledger.Records { return []ledger.Records{DeadLetters} }

// Waiting is an open job, as people see it.
type Waiting struct {
	Job
	Running bool   // a runner holds it
	Error   string // of the last attempt, addresses struck out
}

var errUnbuilt = errors.New("jobs: not built yet")

func enqueue(tx *ledger.Tx, kind, key string, at time.Time) error { return errUnbuilt }
func again(tx *ledger.Tx, kind, key string, at time.Time) error   { return errUnbuilt }
func newRunner(l *ledger.Ledger, handlers map[string]Handler, log *slog.Logger) *Runner {
	return &Runner{ledger: l, handlers: handlers, log: log, kick: make(chan struct{}, 1)}
}

// Run does jobs as they fall due, until ctx ends, and returns when those under way have ended.
func (r *Runner) Run(ctx context.Context) {}

// RunDue does what is due now, and what that makes due, to the end, and
// returns how many attempts that took.
func (r *Runner) RunDue(ctx context.Context) (n int, err error) { return 0, errUnbuilt }

// Dead returns the open dead letters, the oldest first.
func (r *Runner) Dead(ctx context.Context) ([]*Dead, error) { return nil, errUnbuilt }

// Retry makes the job of a dead letter due again, with all its attempts.
func (r *Runner) Retry(ctx context.Context, actor ledger.Actor, id string) error { return errUnbuilt }

// Dismiss closes a dead letter without doing its job, for a reason.
func (r *Runner) Dismiss(ctx context.Context, actor ledger.Actor, id, reason string) error {
	return errUnbuilt
}

// Waiting returns the open jobs that are due or have failed before, at most limit, the first due first.
func (r *Runner) Waiting(ctx context.Context, limit int) ([]Waiting, error) { return nil, errUnbuilt }
