// Package retention lets what is kept go: after the time that the schedule
// sets for it, or because the law lets somebody ask for it; and keeps anything
// from going while a legal hold is on it (C1.1, C1.2, P4.2, P4.3).
//
//	erasure   requested → approved → running → executed
//	              ↑  ↘ declined, withdrawn │
//	              └───── stopped: held, or the case changed
//	disposal  proposed → approved → executed, or declined, withdrawn
//	hold      active → released
//
// An approval is by a second person and bound by hash to the list of what
// goes. Nothing is erased that is held, whenever the hold came: every
// transaction that erases looks at the holds. Erasing a record destroys the
// keys of its content; number, direction, times, severity, who handled it and
// every proof stay (internal/ledger, Erase).
package retention

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"time"

	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/jobs"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/people"
	"example.org/countersign/internal/policy"
	"example.org/countersign/internal/response"
)

// The kinds of job, whose keys are ids of an erasure and of a disposal.
const (
	EraseJob   = "erase"
	DisposeJob = "dispose"
)

// keepers are the roles that hold, request, propose and approve (CC6.3).
// Administrators are not among them.
var keepers = []people.Role{people.Legal, people.Lead}

// Options of a Desk.
type Options struct {
	Kick func() // wakes the jobs
	Log  *slog.Logger
}

// Desk keeps and lets go. It is safe for concurrent use.
type Desk struct {
	ledger    *ledger.Ledger
	people    *people.Desk
	policies  *policy.Desk
	intake    *intake.Desk
	responses *response.Desk
	opt       Options

	mu      sync.Mutex
	counted counted
}

// New returns a Desk.
func New(l *ledger.Ledger, p *people.Desk, pol *policy.Desk, in *intake.Desk, r *response.Desk, opt Options) *Desk {
	if opt.Kick == nil {
		opt.Kick = func() {}
	}
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	return &Desk{ledger: l, people: p, policies: pol, intake: in, responses: r, opt: opt}
}

// Records returns the record kinds of this package.
func Records() []ledger.Records { return []ledger.Records{Holds, Erasures, Disposals} }

// Handlers returns what does the jobs of this package.
func (d *Desk) Handlers() map[string]jobs.Handler {
	return map[string]jobs.Handler{EraseJob: d.Erase, DisposeJob: d.Dispose}
}

// acting returns who as an actor under the first of the roles that they hold.
func acting(who *people.Identity) (ledger.Actor, error) {
	if err := people.Require(who, keepers...); err != nil {
		return ledger.Actor{}, err
	}
	role := people.Lead
	if who.Has(people.Legal) {
		role = people.Legal
	}
	return who.Actor(role), nil
}

// words checks a free text: something, and no novel.
func words(field, s string, most int) (string, error) {
	s = strings.TrimSpace(strings.ToValidUTF8(s, "\uFFFD"))
	if s == "" || len(s) > most {
		return "", fault.New(fault.Invalid, "%s: write 1 to %d characters", field, most)
	}
	return s, nil
}

const maxWords = 1000

// errMoved: what a transaction was prepared by changed meanwhile.
var errMoved = errors.New("retention: the case or its holds changed meanwhile")

// stubborn runs f again as long as things change under it.
func stubborn(ctx context.Context, f func() error) error {
	for range 20 {
		if err := f(); !errors.Is(err, errMoved) {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return fault.New(fault.Unavailable, "the case is being changed at this moment; try again")
}

// counted is how many cases were due when somebody last asked.
type counted struct {
	at    time.Time
	stamp int64
	n     int64
}
