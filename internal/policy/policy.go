// Package policy keeps what was agreed beforehand about external
// communications: criteria, classification rules, the severity matrix, the
// approval matrix, response targets and templates (CC2.3, CC5.3). Each is kept
// in versions:
//
//	draft → approved → in-force → superseded
//	   ↘        ↘ withdrawn ↙ (texts only)
//
// A version is approved by somebody who did not write it, says why it is as it
// is, from when it holds and when it is to be looked at again. What an
// installation starts with is the shipped default, in force at once and marked
// as waiting for its review.
package policy

import (
	"encoding/json"
	"fmt"

	"example.org/countersign/internal/ledger"
)

// Kind says what a policy is about, and thereby what its body is.
type Kind string

// The kinds. Of those with one document there is one in force at any time;
// templates and criteria have one per name.
const (
	KindCriteria Kind = "criteria" // Criteria, several by name
	KindRules    Kind = "rules"    // rules.Set
	KindSeverity Kind = "severity" // rules.Matrix
	KindApproval Kind = "approval" // ApprovalMatrix
	KindSLA      Kind = "sla"      // SLA
	KindTemplate Kind = "template" // Template, several by name

	KindRetention Kind = "retention" // Retention
)

// State is where a version stands.
type State string

// The states. Approved is a version that waits for the day it takes effect.
const (
	Draft      State = "draft"
	Approved   State = "approved"
	InForce    State = "in-force"
	Superseded State = "superseded"
	Withdrawn  State = "withdrawn"
)

// Policy is one version of one policy. Times are Unix microseconds.
type Policy struct {
	ledger.Record
	Kind    Kind            `json:"kind"`
	Name    string          `json:"name"` // "" for kinds with one document
	Version int64           `json:"version"`
	State   State           `json:"state"`
	Body    json.RawMessage `json:"body"` // of the type that Kind says

	Rationale  string   `json:"rationale"`
	Authors    []string `json:"authors"` // persons: everybody who wrote or edited it
	ApprovedBy string   `json:"approved_by"`
	ApprovedAt int64    `json:"approved_at"`
	Shipped    bool     `json:"shipped"` // a default of the product that nobody has reviewed yet

	EffectiveFrom int64  `json:"effective_from"`
	EndedAt       int64  `json:"ended_at"`   // superseded or withdrawn
	EndReason     string `json:"end_reason"` // why it was withdrawn
	ReviewDue     string `json:"review_due"` // 2027-01-31
	ReviewedBy    string `json:"reviewed_by"`
	ReviewedAt    int64  `json:"reviewed_at"`
	CreatedAt     int64  `json:"created_at"`
	UpdatedAt     int64  `json:"updated_at"`
}

// Label names the version for people and in the records that relied on it:
// "rules/3", "template/acknowledge/2".
func (p *Policy) Label() string { return label(p.Kind, p.Name, p.Version) }

func label(kind Kind, name string, version int64) string {
	if name == "" {
		return fmt.Sprintf("%s/%d", kind, version)
	}
	return fmt.Sprintf("%s/%s/%d", kind, name, version)
}

// Policies is the kind of record.
var Policies = ledger.Define("policy", []string{"kind", "name", "version", "state", "effective_from"},
	func(p *Policy, _ ledger.Index) []any {
		return []any{string(p.Kind), p.Name, p.Version, string(p.State), p.EffectiveFrom}
	})

// Records returns the record kinds of this package.
func Records() []ledger.Records { return []ledger.Records{Policies} }
