// Package triage is what the analyst decides about a case: category, urgency,
// impact and likelihood, and who takes it (CC7.3). The rules decide first, on
// arrival; a person's decision overrides theirs and says why.
package triage

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/people"
	"example.org/countersign/internal/policy"
	"example.org/countersign/internal/rules"
)

// Change is a classification by a person. Severity follows from impact and
// likelihood by the matrix in force.
type Change struct {
	Category   rules.Category
	Urgency    rules.Urgency
	Impact     int // 1 to rules.Levels
	Likelihood int
	Reason     string // why this, and not what the rules or the person before said
}

// Desk classifies and assigns.
type Desk struct {
	intake *intake.Desk
	people *people.Desk
}

// New returns a Desk.
func New(i *intake.Desk, p *people.Desk) *Desk { return &Desk{i, p} }

// category is the form of one: organisations add their own to rules.Categories.
var category = regexp.MustCompile(`^[a-z][a-z0-9-]{0,39}$`)

// check says what is wrong with a change.
func (c *Change) check() error {
	switch {
	case !category.MatchString(string(c.Category)):
		return fault.New(fault.Invalid, "choose a category; %q is none", c.Category)
	case !slices.Contains(rules.Urgencies(), c.Urgency):
		return fault.New(fault.Invalid, "choose an urgency; %q is none", c.Urgency)
	case c.Impact < 1 || c.Impact > rules.Levels:
		return fault.New(fault.Invalid, "choose an impact from 1 to %d", rules.Levels)
	case c.Likelihood < 1 || c.Likelihood > rules.Levels:
		return fault.New(fault.Invalid, "choose a likelihood from 1 to %d", rules.Levels)
	}
	c.Reason = strings.TrimSpace(c.Reason)
	return nil
}

// Classify gives a case a classification. Where it had another, by rules or by
// a person, a reason is demanded. The clock goes on from receipt, with the
// target of the new severity.
func (d *Desk) Classify(ctx context.Context, actor ledger.Actor, caseID string, change Change) (*intake.Case, error) {
	if err := change.check(); err != nil {
		return nil, err
	}
	if change.Reason != "" {
		var err error
		if change.Reason, err = intake.Reason(change.Reason); err != nil {
			return nil, err
		}
	}
	return d.intake.Change(ctx, actor, caseID, ledger.Do("classified", "CC7.3"), func(_ context.Context, _ *ledger.Tx, c *intake.Case, set *policy.Set) error {
		return classify(c, set, change, actor.ID)
	})
}

// classify is the rule.
func classify(c *intake.Case, set *policy.Set, change Change, by string) error {
	same := c.Category == change.Category && c.Urgency == change.Urgency && c.Impact == change.Impact && c.Likelihood == change.Likelihood
	first := c.Category == "" && c.Severity == ""
	switch {
	case c.State == intake.Closed:
		return fault.New(fault.Conflict, "%s is closed; reopen it to classify it", c.Number)
	case same && c.ClassifiedBy == by:
		return fault.New(fault.Conflict, "%s is classified like this already", c.Number)
	case !same && !first && change.Reason == "":
		return fault.New(fault.Invalid, "say why you change the classification")
	}
	c.Assess(set, rules.Outcome{Category: change.Category, Urgency: change.Urgency, Impact: change.Impact, Likelihood: change.Likelihood})
	c.ClassifiedBy, c.ClassReason, c.RulesVersion = by, change.Reason, ""
	return nil
}

// handlers are the roles that a case can be assigned to.
var handlers = []people.Role{people.Analyst, people.Lead, people.Commander, people.Legal}

// Assign gives a case to a person, or, with "", to nobody.
func (d *Desk) Assign(ctx context.Context, actor ledger.Actor, caseID, person string) (*intake.Case, error) {
	return d.intake.Change(ctx, actor, caseID, ledger.Do("assigned", "CC7.3"), func(ctx context.Context, tx *ledger.Tx, c *intake.Case, _ *policy.Set) error {
		switch {
		case c.State == intake.Closed:
			return fault.New(fault.Conflict, "%s is closed; reopen it to assign it", c.Number)
		case c.Assignee == person:
			return fault.New(fault.Conflict, "%s is assigned like this already", c.Number)
		}
		if person != "" {
			p, err := people.Persons.Load(ctx, tx, person)
			if err != nil {
				return err
			}
			if !p.Active || !slices.ContainsFunc(handlers, p.Has) {
				return fault.New(fault.Invalid, "%s cannot take cases; choose an analyst, a lead, a commander or legal", p.Name)
			}
		}
		c.Assignee = person
		return nil
	})
}
