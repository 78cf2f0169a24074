package retention

import (
	"cmp"
	"context"
	"slices"
	"time"

	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/policy"
	"example.org/countersign/internal/rules"
)

// Due is a case that was kept long enough, or will have been before long.
type Due struct {
	Case        string // id
	Number      string
	Entry       int64 // of its header
	Category    string
	Disposition string
	ClosedAt    int64 // Unix microseconds
	DueAt       int64
	Rule        policy.RetentionRule

	erased int64
}

// Past reports whether its time is over at an instant.
func (x *Due) Past(now time.Time) bool { return x.DueAt <= now.UnixMicro() }

// schedule returns the schedule in force and the name of its version.
func (d *Desk) schedule(ctx context.Context) (policy.Retention, string, int64, error) {
	set, err := d.policies.InForce(ctx, d.ledger)
	if err != nil {
		return policy.Retention{}, "", 0, err
	}
	return set.Retention, set.RetentionVersion, set.Stamp, nil
}

// Due returns the cases whose time is over or will be within the warning of
// the schedule in force, the longest due first, at most limit of them, and how
// many there are.
func (d *Desk) Due(ctx context.Context, limit int) (list []*Due, total int64, err error) {
	s, _, _, err := d.schedule(ctx)
	if err != nil {
		return nil, 0, err
	}
	list, total, err = d.due(ctx, s, d.ledger.Now().AddDate(0, 0, s.WarnDays), limit)
	return list, total, err
}

// due returns those that are due until an instant.
func (d *Desk) due(ctx context.Context, s policy.Retention, until time.Time, limit int) (list []*Due, total int64, err error) {
	closed := until
	shortest := false
	for _, r := range s.Rules {
		if r.Then == policy.KeepForever {
			continue
		}
		if c := until.AddDate(-r.Years, -r.Months, 1); !shortest || c.After(closed) {
			closed, shortest = c, true // a day more, since months differ
		}
	}
	if !shortest {
		return nil, 0, nil
	}
	err = closedBefore(ctx, d.ledger, closed, func(x *Due) {
		x.Rule = s.Rule(rules.Category(x.Category), rules.Disposition(x.Disposition))
		due := x.Rule.Due(time.UnixMicro(x.ClosedAt))
		if due.IsZero() || due.After(until) || x.erased > 0 && x.Rule.Then == policy.EraseIdentity {
			return
		}
		x.DueAt = due.UnixMicro()
		list = append(list, x)
	})
	slices.SortFunc(list, func(a, b *Due) int { return cmp.Or(cmp.Compare(a.DueAt, b.DueAt), cmp.Compare(a.Number, b.Number)) })
	return list[:min(limit, len(list))], int64(len(list)), err
}

// part is what a fate takes.
func part(f policy.Fate) intake.Part {
	if f == policy.EraseIdentity {
		return intake.Identity
	}
	return intake.Content
}

// Count returns how many cases are due, or soon, and how many requests and
// runs wait for a second person: the number beside the page in the navigation.
// It is at most a minute old.
func (d *Desk) Count(ctx context.Context) (int64, error) {
	waiting, err := awaiting(ctx, d.ledger)
	if err != nil {
		return 0, err
	}
	s, _, stamp, err := d.schedule(ctx)
	if err != nil {
		return 0, err
	}
	now := d.ledger.Now()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.counted.stamp != stamp || now.Sub(d.counted.at).Abs() >= time.Minute {
		_, n, err := d.due(ctx, s, now.AddDate(0, 0, s.WarnDays), 0)
		if err != nil {
			return 0, err
		}
		d.counted = counted{now, stamp, n}
	}
	return d.counted.n + waiting, nil
}
