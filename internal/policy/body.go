package policy

import (
	"time"

	"example.org/countersign/internal/clock"
	"example.org/countersign/internal/people"
	"example.org/countersign/internal/rules"
)

// Criteria is a document about what may, must and must not be said.
type Criteria struct {
	Title string `json:"title"`
	Text  string `json:"text"`
}

// ApprovalRule is one row of the approval matrix. An empty Category, Severity
// or Audience stands for any.
type ApprovalRule struct {
	Name     string         `json:"name"`
	Category rules.Category `json:"category,omitzero"`
	Severity rules.Severity `json:"severity,omitzero"`
	Audience string         `json:"audience,omitzero"`
	Quorum   int            `json:"quorum"` // different persons; 0 only with a Reason
	Roles    []people.Role  `json:"roles,omitempty"`
	Reason   string         `json:"reason"` // why so many, and these
}

// ApprovalMatrix says who must approve what. The first row that fits decides.
type ApprovalMatrix []ApprovalRule

// Need is what the matrix asks for one answer.
type Need struct {
	Quorum int
	Roles  []people.Role // any of them counts
	Rule   string        // name of the row
	Reason string
}

// Target is the time that an answer may take.
type Target struct {
	Minutes  int  `json:"minutes"`
	Calendar bool `json:"calendar,omitzero"` // counted day and night, not in business hours
}

// Duration returns the target as a duration.
func (t Target) Duration() time.Duration { return time.Duration(t.Minutes) * time.Minute }

// SLA is the targets for the first response, and the hours in which business
// time passes.
type SLA struct {
	FirstResponse map[rules.Severity]Target `json:"first_response"`
	Unclassified  Target                    `json:"unclassified"` // while no severity is known
	Calendar      clock.Calendar            `json:"calendar"`
}

// Purpose says what a template is for.
type Purpose string

// The purposes of templates.
const (
	ForReply        Purpose = "reply"        // a person starts an answer from it
	ForConfirmation Purpose = "confirmation" // the product sends it on receipt
)

// Template is a text prepared for answers. {number}, {name}, {due},
// {subject} and {organisation} are filled in; what is left in braces is to be
// filled in by a person.
type Template struct {
	Title    string  `json:"title"`
	Purpose  Purpose `json:"purpose"`
	Language string  `json:"language"` // en, de, fr, es
	Subject  string  `json:"subject"`
	Text     string  `json:"text"`

	Name    string `json:"-"` // of the policy that holds it
	Version string `json:"-"` // label of that policy
}
