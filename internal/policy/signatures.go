package policy

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"example.org/countersign/internal/clock"
	"example.org/countersign/internal/jobs"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/people"
	"example.org/countersign/internal/rules"
)

// What follows is the shape of the package while its parts are being written.
var errUnwritten = errors.New("policy: not written yet")

// Desk keeps policies.
type Desk struct{ ledger *ledger.Ledger }

// New returns a Desk.
func New(l *ledger.Ledger) *Desk { return &Desk{ledger: l} }

// EffectJob is the kind of the job that TakeEffect handles.
const EffectJob = "policy-effect"

// TakeEffect puts an approved version in force on its day.
func (d *Desk) TakeEffect(ctx context.Context, j jobs.Job) error { return errUnwritten }

// Change is what a draft says.
type Change struct {
	Body      json.RawMessage
	Rationale string
	ReviewDue string
}

// Seed puts the shipped defaults in force where there is nothing.
func (d *Desk) Seed(ctx context.Context) error { return errUnwritten }

// Draft makes a new version.
func (d *Desk) Draft(ctx context.Context, who *people.Identity, kind Kind, name string, c Change) (*Policy, error) {
	return nil, errUnwritten
}

// Edit changes a draft.
func (d *Desk) Edit(ctx context.Context, who *people.Identity, id string, c Change) (*Policy, error) {
	return nil, errUnwritten
}

// Approve approves a draft, by somebody who did not write it; a zero effective
// means at once.
func (d *Desk) Approve(ctx context.Context, who *people.Identity, id string, effective time.Time) (*Policy, error) {
	return nil, errUnwritten
}

// Withdraw ends a draft, an approved version or a text in force.
func (d *Desk) Withdraw(ctx context.Context, who *people.Identity, id, reason string) error {
	return errUnwritten
}

// Reviewed records that a version in force was looked at and stays.
func (d *Desk) Reviewed(ctx context.Context, who *people.Identity, id, nextDue, note string) error {
	return errUnwritten
}

// Find returns one version.
func (d *Desk) Find(ctx context.Context, src ledger.Source, id string) (*Policy, error) {
	return nil, errUnwritten
}

// List returns all versions, newest first within kind and name.
func (d *Desk) List(ctx context.Context, src ledger.Source) ([]*Policy, error) {
	return nil, errUnwritten
}

// InForce returns everything that is in force.
func (d *Desk) InForce(ctx context.Context, src ledger.Source) (*Set, error) {
	return nil, errUnwritten
}

// Current reports whether a Set is still what is in force.
func (d *Desk) Current(ctx context.Context, src ledger.Source, s *Set) (bool, error) {
	return false, errUnwritten
}

// Need returns what the first row that fits asks for.
func (m ApprovalMatrix) Need(category rules.Category, severity rules.Severity, audience string) Need {
	return Need{}
}

// Clock returns the deadline of a first response.
func (s *Set) Clock(received time.Time, severity rules.Severity) clock.SLA { return clock.SLA{} }

// Template returns the template of that name in a language, or in English.
func (s *Set) Template(name, language string) (Template, bool) { return Template{}, false }

// Past is a message of the past as rules see it, and what came of it.
type Past struct {
	Number string
	Facts  rules.Facts
	Was    rules.Outcome
}

// Difference is a past case that other rules would have treated otherwise.
type Difference struct {
	Number   string
	Was, Now rules.Outcome
	Rules    []string // that had a say now
}

// Trial is the outcome of a dry run.
type Trial struct {
	Cases       int
	Matched     map[string]int // how many cases each rule had a say in
	Differences []Difference
	Failed      []string // rules that failed on some case, in words
}

// DryRun tries rules on past cases; nothing is recorded.
func DryRun(set rules.Set, past []Past) (*Trial, error) { return nil, errUnwritten }
