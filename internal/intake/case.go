package intake

import (
	"time"

	"example.org/countersign/internal/clock"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/policy"
	"example.org/countersign/internal/rules"
)

// State is where a case stands.
type State string

// The states of a case. A reply from outside opens it again.
const (
	Open     State = "open"     // waits for us
	Answered State = "answered" // has an answer that was delivered
	Closed   State = "closed"
)

// Who a case waits for.
const (
	WaitingUs   = "us"
	WaitingThem = "them"
)

// Case is one matter: its header, without its communications. Times are Unix
// microseconds, zero where not (yet).
type Case struct {
	ledger.Record
	Number  string   `json:"number"` // C-2026-000123
	Subject string   `json:"subject" unit:"content"`
	State   State    `json:"state"`
	Related []string `json:"related"` // numbers of cases that it names but did not join

	Disposition       rules.Disposition `json:"disposition"` // "", spam, out-of-scope
	DispositionReason string            `json:"disposition_reason" unit:"content"`

	Category        rules.Category `json:"category"`
	Urgency         rules.Urgency  `json:"urgency"`
	Severity        rules.Severity `json:"severity"` // by the matrix; "" while not assessed
	Impact          int            `json:"impact"`   // 1 to 4, 0 while not assessed
	Likelihood      int            `json:"likelihood"`
	ClassifiedBy    string         `json:"classified_by"` // "rules/3: name, name", or the id of a person
	ClassReason     string         `json:"class_reason" unit:"content"`
	RulesVersion    string         `json:"rules_version"`
	SeverityVersion string         `json:"severity_version"`
	SLAVersion      string         `json:"sla_version"`

	Channel     string `json:"channel"` // id
	ChannelKind string `json:"channel_kind"`
	Source      Source `json:"source"`              // of its first communication
	Auto        string `json:"auto"`                // as of its first communication: a machine began it, no person has joined
	Hint        string `json:"hint" unit:"content"` // what its reporter chose as category
	Assignee    string `json:"assignee"`
	AssignRole  string `json:"assign_role"` // role that rules name to take it first
	Anonymous   bool   `json:"anonymous"`
	Party       string `json:"party"` // kind of outsider, where known

	ReceivedAt      int64         `json:"received_at"`
	ClockFrom       int64         `json:"clock_from"`        // receipt that an answer is owed to; 0: none is
	FirstResponseAt int64         `json:"first_response_at"` // delivery of the first approved answer
	DueAt           int64         `json:"due_at"`            // 0: no clock runs, or it is paused
	ClosedAt        int64         `json:"closed_at"`
	CloseReason     string        `json:"close_reason" unit:"content"`
	UpdatedAt       int64         `json:"updated_at"`
	Pauses          []clock.Pause `json:"pauses" unit:"content"`

	ReporterName    string `json:"reporter_name" unit:"identity"`
	ReporterAddress string `json:"reporter_address" unit:"identity"`
	CodeHash        string `json:"code_hash" unit:"identity"` // keyed hash of the follow-up code
	Language        string `json:"language"`

	Communications int    `json:"communications"` // how many there are
	LastAt         int64  `json:"last_at"`        // of the newest from or to outside
	Waiting        string `json:"waiting"`        // us, them

	Erasures []Erasure `json:"erasures"` // what it has no longer
}

// Cases is the kind of record.
var Cases = ledger.Define("casefile",
	[]string{"number", "state", "disposition", "category", "urgency", "severity", "rank", "channel", "source", "assignee",
		"waiting", "received_at", "first_response_at", "due_at", "closed_at", "updated_at", "last_at", "reporter", "erased"},
	func(c *Case, x ledger.Index) []any {
		return []any{c.Number, string(c.State), string(c.Disposition), string(c.Category), string(c.Urgency), string(c.Severity),
			int64(c.Severity.Rank()), c.Channel, string(c.Source), c.Assignee, c.Waiting, c.ReceivedAt, c.FirstResponseAt,
			c.DueAt, c.ClosedAt, c.UpdatedAt, c.LastAt, blindAddr(x, c.ReporterAddress), erased(c.Erasures)}
	})

// Clock returns the deadline of the case's first response under what is in
// force: from the receipt of the message that an answer is owed to, whatever
// was known of its severity then (CC2.3). What is set aside has none.
func (c *Case) Clock(set *policy.Set) clock.SLA {
	if c.ClockFrom == 0 || c.Disposition != "" {
		return clock.SLA{}
	}
	s := set.Clock(time.UnixMicro(c.ClockFrom).UTC(), c.Severity)
	s.Paused = c.Pauses
	if c.FirstResponseAt != 0 {
		s.Stopped = time.UnixMicro(c.FirstResponseAt).UTC()
	}
	return s
}

// Reclock computes DueAt anew: whoever changes severity, disposition or pauses
// calls it before the Put.
func (c *Case) Reclock(set *policy.Set) {
	c.DueAt, c.SLAVersion = 0, ""
	s := c.Clock(set)
	if s.Start.IsZero() {
		return
	}
	c.SLAVersion = set.SLAVersion
	if due := s.Due(); !due.IsZero() {
		c.DueAt = due.UnixMicro()
	}
}

// Assess gives the case a category, urgency and the severity that the matrix
// in force makes of impact and likelihood.
func (c *Case) Assess(set *policy.Set, o rules.Outcome) {
	c.Category, c.Urgency, c.Impact, c.Likelihood = o.Category, o.Urgency, o.Impact, o.Likelihood
	c.Severity, c.SeverityVersion = set.Severity.Severity(o.Impact, o.Likelihood), set.SeverityVersion
	c.Reclock(set)
}

// Paused reports whether the clock stands still until somebody lets it run.
func (c *Case) Paused() bool {
	return len(c.Pauses) > 0 && c.Pauses[len(c.Pauses)-1].To.IsZero()
}

// Resume lets a clock that stands still run from at, and reports whether it
// stood.
func (c *Case) Resume(at time.Time) bool {
	if !c.Paused() {
		return false
	}
	last := &c.Pauses[len(c.Pauses)-1]
	last.To = at
	if at.Before(last.From) {
		last.To = last.From
	}
	return true
}
