package evidence

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"example.org/countersign/internal/channel"
	"example.org/countersign/internal/clock"
	"example.org/countersign/internal/evidence/extract"
	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/people"
	"example.org/countersign/internal/policy"
)

// register is who and what other records refer to by id, as it stood at the
// end of the period.
type register struct {
	people   map[string]*people.Person
	channels map[string]*channel.Channel
	policies map[string]*policy.Policy // by id
	targets  map[string]*policy.Set    // by the label of an SLA
	inForce  *policy.Set               // its SLA alone; nil where none was
}

// register reads the registers that reports and rows name things from.
func (d *Desk) register(ctx context.Context, s *extract.Survey) (*register, error) {
	r := &register{people: map[string]*people.Person{}, channels: map[string]*channel.Channel{},
		policies: map[string]*policy.Policy{}, targets: map[string]*policy.Set{}}
	if err := loadAll(ctx, d, s.Of(extract.KindPerson, nil), r.people); err != nil {
		return nil, err
	}
	if err := loadAll(ctx, d, s.Of(extract.KindChannel, nil), r.channels); err != nil {
		return nil, err
	}
	if err := loadAll(ctx, d, s.Of(extract.KindPolicy, nil), r.policies); err != nil {
		return nil, err
	}
	for _, p := range r.policies {
		if p.Kind != policy.KindSLA {
			continue
		}
		set := &policy.Set{SLAVersion: p.Label()}
		if json.Unmarshal(p.Body, &set.SLA) != nil {
			continue // of another release; such cases show elapsed time
		}
		set.Calendar = set.SLA.Calendar
		r.targets[p.Label()] = set
		if p.State == policy.InForce {
			r.inForce = set
		}
	}
	return r, nil
}

func loadAll[T any](ctx context.Context, d *Desk, list []*extract.Version, into map[string]*T) error {
	for _, v := range list {
		x, err := extract.Load[T](ctx, d.ledger, v)
		if err != nil {
			return err
		}
		into[v.Record] = x
	}
	return nil
}

// operator is the actor of whoever runs the installation and works by the
// command line, without an account.
const operator = "operator"

// person returns the name of an actor, the id of one who is not known.
func (r *register) person(id string) string {
	switch id {
	case ledger.System.ID:
		return "Countersign"
	case operator:
		return "Operator"
	}
	if p := r.people[id]; p != nil && p.Name != "" {
		return p.Name
	}
	return id
}

// persons returns names without doubles, in their order.
func (r *register) persons(ids []string) []string {
	var names []string
	for _, id := range ids {
		if n := r.person(id); !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	return names
}

// channel returns the name of a channel, its id where it is not known.
func (r *register) channel(id string) string {
	if c := r.channels[id]; c != nil {
		return c.Name
	}
	return id
}

func (r *register) address(id string) string {
	if c := r.channels[id]; c != nil {
		return c.Address
	}
	return ""
}

// clock returns the clock of a case's first response under the targets that
// it was measured by, and whether those are known.
func (r *register) clock(c *intake.Case) (clock.SLA, bool) {
	set := r.targets[c.SLAVersion]
	if set == nil {
		return clock.SLA{}, false
	}
	return c.Clock(set), true
}

// target returns the time that the targets in force allow for a severity, and
// whether it is counted day and night.
func (r *register) target(severity string) (allowed time.Duration, calendar bool) {
	if r.inForce == nil {
		return 0, false
	}
	for known, t := range r.inForce.SLA.FirstResponse {
		if string(known) == severity {
			return t.Duration(), t.Calendar
		}
	}
	t := r.inForce.SLA.Unclassified
	return t.Duration(), t.Calendar
}
