package policy

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"example.org/countersign/internal/clock"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/rules"
)

// Set is everything that is in force at one moment. It is shared: nobody
// changes it.
type Set struct {
	Stamp int64 // entry of the newest change of any policy

	Rules           *rules.Program // nil: there are none that can be used
	RulesVersion    string
	Severity        rules.Matrix
	SeverityVersion string
	Approval        ApprovalMatrix
	ApprovalVersion string
	SLA             SLA
	SLAVersion      string
	Calendar        clock.Calendar // of the SLA
	Templates       []Template
	Criteria        []*Policy

	Retention        Retention
	RetentionVersion string

	// Problems says what is in force but cannot be used, in words.
	Problems []string
}

// InForce returns what is in force. It costs one small query where nothing
// changed since the last call.
func (d *Desk) InForce(ctx context.Context, src ledger.Source) (*Set, error) {
	now, err := stamp(ctx, src)
	if err != nil {
		return nil, fmt.Errorf("policies in force: %w", err)
	}
	if s := d.cached.Load(); s != nil && s.Stamp == now {
		return s, nil
	}
	if _, inside := src.(*ledger.Tx); inside { // what a Tx sees may never be
		return load(ctx, src, now)
	}
	d.loading.Lock() // one compiles, the others wait
	defer d.loading.Unlock()
	if s := d.cached.Load(); s != nil && s.Stamp >= now {
		return s, nil
	}
	s, err := load(ctx, src, now)
	if err != nil {
		return nil, err
	}
	d.cached.Store(s)
	return s, nil
}

func load(ctx context.Context, src ledger.Source, stamp int64) (*Set, error) {
	list, err := inForce(ctx, src)
	if err != nil {
		return nil, fmt.Errorf("policies in force: %w", err)
	}
	s := compose(list)
	s.Stamp = stamp
	return s, nil
}

// Recent returns what was in force when it was last asked for, without a
// query. It is for work whose transaction asks Current before relying on it.
func (d *Desk) Recent(ctx context.Context, src ledger.Source) (*Set, error) {
	if s := d.cached.Load(); s != nil {
		return s, nil
	}
	return d.InForce(ctx, src)
}

// Current reports whether s is still what is in force. Where it is not, ask
// InForce and start over.
func (d *Desk) Current(ctx context.Context, src ledger.Source, s *Set) (bool, error) {
	now, err := stamp(ctx, src)
	return now == s.Stamp, err
}

// compose makes a Set of the versions in force. A body that this release
// cannot use does not stop the mail: it is left out and named.
func compose(list []*Policy) *Set {
	s := &Set{}
	for _, p := range list {
		if err := s.take(p); err != nil {
			s.Problems = append(s.Problems, fmt.Sprintf("%s cannot be used: %v", p.Label(), err))
		}
	}
	return s
}

func (s *Set) take(p *Policy) error {
	switch p.Kind {
	case KindRules:
		var set rules.Set
		if err := json.Unmarshal(p.Body, &set); err != nil {
			return err
		}
		program, err := rules.Compile(set)
		if err != nil {
			return err
		}
		s.Rules, s.RulesVersion = program, p.Label()
	case KindSeverity:
		s.SeverityVersion = p.Label()
		return json.Unmarshal(p.Body, &s.Severity)
	case KindApproval:
		s.ApprovalVersion = p.Label()
		return json.Unmarshal(p.Body, &s.Approval)
	case KindSLA:
		s.SLAVersion = p.Label()
		err := json.Unmarshal(p.Body, &s.SLA)
		s.Calendar = s.SLA.Calendar
		return err
	case KindTemplate:
		t := Template{Name: p.Name, Version: p.Label()}
		if err := json.Unmarshal(p.Body, &t); err != nil {
			return err
		}
		s.Templates = append(s.Templates, t)
	case KindCriteria:
		s.Criteria = append(s.Criteria, p)
	case KindRetention:
		s.RetentionVersion = p.Label()
		return json.Unmarshal(p.Body, &s.Retention)
	}
	return nil
}

// Clock returns the deadline for the first response to what was received at
// received, by its severity.
func (s *Set) Clock(received time.Time, severity rules.Severity) clock.SLA {
	t, ok := s.SLA.FirstResponse[severity]
	if !ok {
		t = s.SLA.Unclassified
	}
	c := clock.SLA{Calendar: s.Calendar, Target: t.Duration(), Start: received}
	if t.Calendar {
		c.Calendar = clock.Always
	}
	return c
}

// Template returns the template of that name in a language: "name-de" where
// there is one, else "name", else "name-en".
func (s *Set) Template(name, language string) (Template, bool) {
	for _, n := range []string{name + "-" + language, name, name + "-en"} {
		for _, t := range s.Templates {
			if t.Name == n {
				return t, true
			}
		}
	}
	return Template{}, false
}

// Need returns what the first row that fits asks for. Where none does, a lead
// has to approve: never nobody.
func (m ApprovalMatrix) Need(category rules.Category, severity rules.Severity, audience string) Need {
	for _, r := range m {
		if (r.Category == "" || r.Category == category) && (r.Severity == "" || r.Severity == severity) && (r.Audience == "" || r.Audience == audience) {
			return Need{Quorum: r.Quorum, Roles: r.Roles, Rule: r.Name, Reason: r.Reason}
		}
	}
	return Need{Quorum: 1, Roles: approvers[:1], Rule: "no row fits", Reason: "What the matrix does not name, a lead approves."}
}
