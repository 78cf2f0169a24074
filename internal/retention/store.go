package retention

import (
	"context"
	"fmt"
	"time"

	"example.org/countersign/internal/db"
	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/response"
)

// stamp changes with whatever bears on what of a case may be erased: its
// header, its communications and answers, and the holds.
type stamp struct{ header, communications, responses, holds int64 }

func stampOf(ctx context.Context, q db.Querier, caseID string) (s stamp, err error) {
	_, err = q.One(ctx, `SELECT COALESCE((SELECT entry FROM casefile WHERE id = $1), -1),
		COALESCE((SELECT MAX(entry) FROM communication WHERE casefile = $1), -1),
		COALESCE((SELECT MAX(entry) FROM response WHERE casefile = $1), -1),
		COALESCE((SELECT MAX(entry) FROM legal_hold), -1)`, []any{caseID}, &s.header, &s.communications, &s.responses, &s.holds)
	return s, err
}

// view is a case with all that it has, and the holds that are on it.
type view struct {
	*intake.Case
	communications []*intake.Communication
	answers        []*response.Response
	holds          []*Hold // that are on it
	past           []*Hold // released ones that name a party of it
	stamp          stamp
}

// look returns a case as it is now.
func (d *Desk) look(ctx context.Context, caseID string) (*view, error) {
	c, err := intake.Find(ctx, d.ledger, caseID)
	if err != nil {
		return nil, err
	}
	v := &view{Case: c}
	if v.stamp, err = stampOf(ctx, d.ledger, c.ID); err != nil { // before what it vouches for is read
		return nil, err
	}
	if v.Case, err = intake.Cases.Load(ctx, d.ledger, c.ID); err != nil {
		return nil, err
	}
	if v.communications, err = intake.Communications.Select(ctx, d.ledger, `WHERE r.casefile = $1 ORDER BY r.seq`, c.ID); err != nil {
		return nil, err
	}
	if v.answers, err = response.Responses.Select(ctx, d.ledger, `WHERE r.casefile = $1 ORDER BY r.seq`, c.ID); err != nil {
		return nil, err
	}
	if v.holds, err = d.on(ctx, v.Case); err != nil {
		return nil, err
	}
	v.past, err = d.past(ctx, v.Case)
	return v, err
}

// still returns errMoved where a view is not of what tx sees.
func (v *view) still(ctx context.Context, tx *ledger.Tx) error {
	now, err := stampOf(ctx, tx, v.ID)
	if err == nil && now != v.stamp {
		err = errMoved
	}
	return err
}

// active returns the holds that are not released, the oldest first.
func active(ctx context.Context, src ledger.Source) ([]*Hold, error) {
	return Holds.Select(ctx, src, `WHERE r.state = 'active' ORDER BY r.placed_at, r.id`)
}

// takesPart reports whether a party, blind, has to do with a case.
func takesPart(ctx context.Context, q db.Querier, caseID, blind string) (bool, error) {
	var n int64
	return q.One(ctx, `SELECT 1 FROM casefile WHERE id = $1 AND (reporter = $2
		OR EXISTS (SELECT 1 FROM communication WHERE casefile = $1 AND replace(members, $2, '') <> members))`, []any{caseID, blind}, &n)
}

// partyCases returns the cases that a party, blind, has to do with.
func partyCases(ctx context.Context, q db.Querier, blind string, limit int) (ids []string, err error) {
	err = q.Each(ctx, func(scan db.Scan) error {
		var id string
		err := scan(&id)
		ids = append(ids, id)
		return err
	}, `SELECT id FROM casefile WHERE reporter = $1
		UNION SELECT casefile FROM communication WHERE replace(members, $1, '') <> members ORDER BY 1 LIMIT $2`, blind, limit)
	return ids, err
}

// AllHolds returns every hold, those that are active first, the newest first.
func (d *Desk) AllHolds(ctx context.Context) ([]*Hold, error) {
	return Holds.Select(ctx, d.ledger, `ORDER BY r.state, r.placed_at DESC, r.id`)
}

// Hold returns one hold.
func (d *Desk) Hold(ctx context.Context, id string) (*Hold, error) {
	return Holds.Load(ctx, d.ledger, id)
}

// Erasures returns the requests of a case, the newest first.
func (d *Desk) Erasures(ctx context.Context, caseID string) ([]*Erasure, error) {
	return Erasures.Select(ctx, d.ledger, `WHERE r.casefile = $1 ORDER BY r.requested_at DESC, r.id`, caseID)
}

// AllErasures returns the newest requests, those that await somebody first.
func (d *Desk) AllErasures(ctx context.Context, limit int) ([]*Erasure, error) {
	return Erasures.Select(ctx, d.ledger, `ORDER BY CASE WHEN r.state = 'requested' THEN 0 ELSE 1 END, r.requested_at DESC, r.id LIMIT $1`, limit)
}

// Erasure returns one request.
func (d *Desk) Erasure(ctx context.Context, id string) (*Erasure, error) {
	return Erasures.Load(ctx, d.ledger, id)
}

// Disposals returns the newest runs, those that await somebody first.
func (d *Desk) Disposals(ctx context.Context, limit int) ([]*Disposal, error) {
	return Disposals.Select(ctx, d.ledger, `ORDER BY CASE WHEN r.state = 'proposed' THEN 0 ELSE 1 END, r.proposed_at DESC, r.id LIMIT $1`, limit)
}

// Disposal returns one run.
func (d *Desk) Disposal(ctx context.Context, id string) (*Disposal, error) {
	return Disposals.Load(ctx, d.ledger, id)
}

// closedBefore calls f for the cases that were closed until an instant and
// still have content.
func closedBefore(ctx context.Context, q db.Querier, until time.Time, f func(*Due)) error {
	err := q.Each(ctx, func(scan db.Scan) error {
		x := &Due{}
		if err := scan(&x.Case, &x.Entry, &x.Number, &x.Category, &x.Disposition, &x.ClosedAt, &x.erased); err != nil {
			return err
		}
		f(x)
		return nil
	}, `SELECT id, entry, number, category, disposition, closed_at, erased FROM casefile
		WHERE closed_at > 0 AND erased < 2 AND closed_at <= $1`, until.UnixMicro())
	if err != nil {
		return fmt.Errorf("list what is due: %w", err)
	}
	return nil
}

// awaiting returns how many requests and runs wait for a second person.
func awaiting(ctx context.Context, q db.Querier) (n int64, err error) {
	_, err = q.One(ctx, `SELECT (SELECT COUNT(*) FROM erasure WHERE state = 'requested') + (SELECT COUNT(*) FROM disposal WHERE state = 'proposed')`, nil, &n)
	return n, err
}

// underWay reports whether a request to erase something of a case is not done.
func underWay(ctx context.Context, q db.Querier, caseID string) (found bool, err error) {
	var id string
	return q.One(ctx, `SELECT id FROM erasure WHERE casefile = $1 AND state IN ('requested', 'approved', 'running') LIMIT 1`, []any{caseID}, &id)
}
