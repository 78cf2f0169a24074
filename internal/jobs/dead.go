package jobs

import "example.org/countersign/internal/ledger"

// DeadState says whether a dead letter still awaits somebody.
type DeadState string

// The states of a dead letter.
const (
	Open      DeadState = "open"
	Retried   DeadState = "retried"
	Dismissed DeadState = "dismissed"
)

// Dead is a dead letter: a job that was given up. A job that is given up again
// after a Retry has another one.
type Dead struct {
	ledger.Record
	Kind     string    `json:"kind"` // of the job
	Key      string    `json:"key"`
	Attempts int       `json:"attempts"`
	Error    string    `json:"error"` // of the last attempt, addresses struck out
	State    DeadState `json:"state"`
	DiedAt   int64     `json:"died_at"`   // Unix microseconds
	ClosedBy string    `json:"closed_by"` // who retried or dismissed it
	ClosedAt int64     `json:"closed_at"`
	Reason   string    `json:"reason"` // why it was dismissed
}

// DeadLetters is the kind of record.
var DeadLetters = ledger.Define("dead_letter", []string{"job_kind", "job_key", "state", "died_at"}, func(d *Dead, _ ledger.Index) []any {
	return []any{d.Kind, d.Key, string(d.State), d.DiedAt}
})

// Records are the kinds of record of this package.
func Records() []ledger.Records { return []ledger.Records{DeadLetters} }
