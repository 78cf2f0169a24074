package evidence

import (
	"context"
	"fmt"
	"time"

	"example.org/countersign/internal/design/phrase"
	"example.org/countersign/internal/evidence/extract"
	"example.org/countersign/internal/jobs"
	"example.org/countersign/internal/policy"
)

// The types of exceptions, in the order of reports.
const (
	unanswered       = "unanswered after its target"
	lateAnswer       = "answered after its target"
	closedUnanswered = "closed without an answer"
	byRule           = "sent without approval, by a rule"
	ambiguous        = "delivery unknown"
	resolved         = "delivery settled by a person"
	failed           = "refused by the relay"
	unparsedMessage  = "message that could not be read"
	givenUp          = "work given up by the product"
	reviewOverdue    = "review overdue"
)

var exceptionTypes = []string{unanswered, lateAnswer, closedUnanswered, byRule, ambiguous, resolved, failed, unparsedMessage, givenUp, reviewOverdue}

// exception is something that did not go as it should. The record that it is
// about is in the package.
type exception struct {
	kind    string
	version *extract.Version
	number  string
	at      int64  // Unix microseconds
	who     string // id
	what    string
}

func (t *tally) except(kind string, v *extract.Version, number string, at int64, who, what string) {
	t.exceptions = append(t.exceptions, exception{kind, v, number, at, who, what})
}

// words writes a time that a clock counted.
func words(d time.Duration) string { return phrase.Hours(d) }

// standing adds what is an exception as long as it stands: work that the
// product gave up, and registers that nobody has reviewed when they should.
func (t *tally) standing(ctx context.Context, d *Desk) error {
	s := t.survey
	for _, v := range s.Of(extract.KindDeadLetter, nil) {
		x, err := extract.Load[jobs.Dead](ctx, d.ledger, v)
		if err != nil {
			return err
		}
		if x.State == jobs.Open {
			t.except(givenUp, v, "", x.DiedAt, "", fmt.Sprintf("%s after %d attempts: %s", x.Kind, x.Attempts, x.Error))
		}
	}
	for _, v := range s.Of(extract.KindChannel, nil) {
		if c := t.register.channels[v.Record]; c.ReviewOverdue(s.AsOf) {
			t.except(reviewOverdue, v, "", dayMicros(c.ReviewDue), c.Owner, "channel "+c.Name+": its review was due on "+c.ReviewDue)
		}
	}
	for _, v := range s.Of(extract.KindPolicy, nil) {
		p := t.register.policies[v.Record]
		if p.State == policy.InForce && p.ReviewDue < s.AsOf.Format(time.DateOnly) {
			t.except(reviewOverdue, v, "", dayMicros(p.ReviewDue), "", "policy "+p.Label()+": its review was due on "+p.ReviewDue)
		}
	}
	return nil
}

// dayMicros returns the beginning of a day in Unix microseconds, 0 where it is
// none.
func dayMicros(day string) int64 {
	t, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return 0
	}
	return t.UnixMicro()
}
