package intake

import (
	"example.org/countersign/internal/clock"
	"example.org/countersign/internal/ledger"
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
	Subject string   `json:"subject"`
	State   State    `json:"state"`
	Related []string `json:"related"` // numbers of cases that it names but did not join

	Disposition       rules.Disposition `json:"disposition"` // "", spam, out-of-scope
	DispositionReason string            `json:"disposition_reason"`

	Category        rules.Category `json:"category"`
	Urgency         rules.Urgency  `json:"urgency"`
	Severity        rules.Severity `json:"severity"` // by the matrix; "" while not assessed
	Impact          int            `json:"impact"`   // 1 to 4, 0 while not assessed
	Likelihood      int            `json:"likelihood"`
	ClassifiedBy    string         `json:"classified_by"` // "rules/3: name, name", or the id of a person
	ClassReason     string         `json:"class_reason"`
	RulesVersion    string         `json:"rules_version"`
	SeverityVersion string         `json:"severity_version"`
	SLAVersion      string         `json:"sla_version"`

	Channel     string `json:"channel"` // id
	ChannelKind string `json:"channel_kind"`
	Source      Source `json:"source"` // of its first communication
	Assignee    string `json:"assignee"`
	AssignRole  string `json:"assign_role"` // role that rules name to take it first
	Anonymous   bool   `json:"anonymous"`
	Party       string `json:"party"` // kind of outsider, where known

	ReceivedAt      int64         `json:"received_at"`
	FirstResponseAt int64         `json:"first_response_at"`
	DueAt           int64         `json:"due_at"` // 0: no clock runs, or it is paused
	ClosedAt        int64         `json:"closed_at"`
	CloseReason     string        `json:"close_reason"`
	UpdatedAt       int64         `json:"updated_at"`
	Pauses          []clock.Pause `json:"pauses"`

	ReporterName    string `json:"reporter_name" unit:"identity"`
	ReporterAddress string `json:"reporter_address" unit:"identity"`
	CodeHash        string `json:"code_hash" unit:"identity"` // keyed hash of the follow-up code
	Language        string `json:"language"`

	Communications int    `json:"communications"` // how many there are
	LastAt         int64  `json:"last_at"`        // of the newest from or to outside
	Waiting        string `json:"waiting"`        // us, them
}

// Cases is the kind of record.
var Cases = ledger.Define("casefile",
	[]string{"number", "state", "disposition", "category", "urgency", "severity", "rank", "channel", "source", "assignee",
		"waiting", "received_at", "first_response_at", "due_at", "closed_at", "updated_at", "last_at", "reporter"},
	func(c *Case, x ledger.Index) []any {
		return []any{c.Number, string(c.State), string(c.Disposition), string(c.Category), string(c.Urgency), string(c.Severity),
			int64(c.Severity.Rank()), c.Channel, string(c.Source), c.Assignee, c.Waiting, c.ReceivedAt, c.FirstResponseAt,
			c.DueAt, c.ClosedAt, c.UpdatedAt, c.LastAt, blindAddr(x, c.ReporterAddress)}
	})
