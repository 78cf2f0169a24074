// Package rules classifies what comes in, by rules that are data: which
// category a message belongs to, how bad and how likely the matter looks, who
// takes it first, and whether it is set aside as spam or out of scope
// (CC2.3, CC7.3). It also holds the matrix that makes a severity of impact and
// likelihood. Everything here is pure: no clock, no database, no network.
//
// A rule's condition is an expression in CEL (https://cel.dev) that is true or
// false. It may use
//
//	subject, text               string: text is the first 8 KiB of the body
//	from, from_domain           string: sender, in lower case
//	to                          list of string: recipients, in lower case
//	channel                     string: address or name of the channel it came by, in lower case
//	mailbox                     string: that address up to its first + or @
//	party_kind                  string: customer, vendor, regulator …; "" where unknown
//	has_attachments             bool
//	attachment_types            list of string: MIME types, in lower case
//	auto                        bool: sent by a machine (auto-reply, list, bounce)
//	authenticated               bool: SPF or DKIM vouches for the sender's domain
//	headers                     map of string, names in lower case; a missing one reads as ""
//	mentions("a b", "c*")       bool: a phrase occurs in subject or text;
//	subject.mentions(…), text.mentions(…) look in one of them
//
// mentions compares whole words without regard to case, accents and
// punctuation; a star lets a word go on. All phrases of a set are found in one
// pass, so it costs next to nothing, where a regular expression over the text
// (text.matches) may cost a millisecond.
//
// Rules are tried in order. Each attribute of the outcome is taken from the
// first matching rule that sets it; later rules only fill what is still open.
package rules

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"example.org/countersign/internal/fault"
)

// Rule is one row of a rule set.
type Rule struct {
	Name string  `json:"name"` // unique in its set; recorded with each classification
	When string  `json:"when"` // condition, CEL
	Then Outcome `json:"then"` // at least one attribute
	Why  string  `json:"why"`  // rationale, for the reviewer who approves the set
}

// Set is a rule set in the order in which it is tried. It is plain data, kept
// in versions that a second person approved; Compile decides whether it may
// become one.
type Set []Rule

// Outcome is what rules say about a message. A zero attribute says nothing.
type Outcome struct {
	Category    Category    `json:"category,omitzero"`
	Impact      int         `json:"impact,omitzero"`     // 1 (least) to 4
	Likelihood  int         `json:"likelihood,omitzero"` // 1 (least) to 4
	Urgency     Urgency     `json:"urgency,omitzero"`
	Disposition Disposition `json:"disposition,omitzero"`
	AssignRole  string      `json:"assign_role,omitzero"` // id of the role that takes it first
}

// Category says what kind of matter a message is. An organisation may add its
// own; those that the default set uses are named here.
type Category string

// The categories of the default set.
const (
	Vulnerability Category = "vulnerability" // a weakness in what we make or run
	Incident      Category = "incident"      // suspected incident or breach
	Phishing      Category = "phishing"      // phishing, also in our name
	Availability  Category = "availability"  // outage, degradation
	Privacy       Category = "privacy"       // request or complaint of a data subject
	Assurance     Category = "assurance"     // questionnaire, audit, report request
	Regulator     Category = "regulator"     // authority, court, law enforcement
	Press         Category = "press"
	Billing       Category = "billing"
	Support       Category = "support"
)

// Categories returns those of the default set, in the order in which pages
// offer them.
func Categories() []Category {
	return []Category{Incident, Vulnerability, Phishing, Availability, Privacy, Regulator, Press, Assurance, Billing, Support}
}

// Urgency says how soon somebody should look.
type Urgency string

// The urgencies, from the least.
const (
	UrgencyLow       Urgency = "low"
	UrgencyNormal    Urgency = "normal"
	UrgencyHigh      Urgency = "high"
	UrgencyImmediate Urgency = "immediate"
)

// Urgencies returns every urgency, from the least.
func Urgencies() []Urgency {
	return []Urgency{UrgencyLow, UrgencyNormal, UrgencyHigh, UrgencyImmediate}
}

// Disposition sets a message aside, reversibly, or keeps it from being set
// aside.
type Disposition string

// The dispositions. Keep occurs in rules only: it settles the attribute so
// that no later rule can set the message aside, and reads as "" in the outcome
// of Evaluate.
const (
	Keep       Disposition = "keep"
	Spam       Disposition = "spam"
	OutOfScope Disposition = "out-of-scope"
)

// MaxRules is how many rules a set may have.
const MaxRules = 200

const (
	maxName = 80
	maxWhen = 8000 // characters
	maxWhy  = 1000
)

// fill takes from o what out leaves open, and reports whether that was
// anything.
func (out *Outcome) fill(o Outcome) bool {
	before := *out
	if out.Category == "" {
		out.Category = o.Category
	}
	if out.Impact == 0 {
		out.Impact = o.Impact
	}
	if out.Likelihood == 0 {
		out.Likelihood = o.Likelihood
	}
	if out.Urgency == "" {
		out.Urgency = o.Urgency
	}
	if out.Disposition == "" {
		out.Disposition = o.Disposition
	}
	if out.AssignRole == "" {
		out.AssignRole = o.AssignRole
	}
	return *out != before
}

// validate checks everything about a rule but its condition.
func (r Rule) validate() error {
	switch {
	case !line(r.Name, maxName):
		return fault.New(fault.Invalid, "rule %q: name: use 1 to %d printable characters", clip(r.Name, maxName), maxName)
	case strings.TrimSpace(r.When) == "":
		return r.invalid("when: missing; write a condition, or true for a rule that always matches")
	case utf8.RuneCountInString(r.When) > maxWhen:
		return r.invalid("when: longer than %d characters; split it into several rules", maxWhen)
	case strings.TrimSpace(r.Why) == "" || len(r.Why) > maxWhy:
		return r.invalid("why: say in 1 to %d characters why the rule is right", maxWhy)
	}
	return r.Then.validate(r)
}

func (out Outcome) validate(r Rule) error {
	switch {
	case out == Outcome{}:
		return r.invalid("then: sets nothing; set at least one attribute")
	case out.Category != "" && !slug(string(out.Category)):
		return r.invalid("then.category: %q; use lower-case letters, digits and hyphens", out.Category)
	case out.Impact < 0 || out.Impact > Levels:
		return r.invalid("then.impact: %d; use 1 to %d", out.Impact, Levels)
	case out.Likelihood < 0 || out.Likelihood > Levels:
		return r.invalid("then.likelihood: %d; use 1 to %d", out.Likelihood, Levels)
	case !slices.Contains([]Urgency{"", UrgencyLow, UrgencyNormal, UrgencyHigh, UrgencyImmediate}, out.Urgency):
		return r.invalid("then.urgency: %q; use low, normal, high or immediate", out.Urgency)
	case !slices.Contains([]Disposition{"", Keep, Spam, OutOfScope}, out.Disposition):
		return r.invalid("then.disposition: %q; use keep, spam or out-of-scope", out.Disposition)
	case out.AssignRole != "" && !slug(out.AssignRole):
		return r.invalid("then.assign_role: %q; use the id of a role, such as analyst", out.AssignRole)
	}
	return nil
}

// invalid returns a fault that names the rule.
func (r Rule) invalid(format string, args ...any) error {
	return fault.New(fault.Invalid, "rule %q: "+format, append([]any{r.Name}, args...)...)
}

// line reports whether s is one visible line of at most n bytes.
func line(s string, n int) bool {
	return strings.TrimSpace(s) != "" && len(s) <= n && utf8.ValidString(s) &&
		!strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}

// slug reports whether s is an id: lower-case letters, digits, hyphens.
func slug(s string) bool {
	return len(s) <= 40 && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-'
	})
}

// clip returns the start of s, at most n bytes, without cutting a character.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
