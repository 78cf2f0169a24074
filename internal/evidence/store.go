package evidence

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"example.org/countersign/internal/db"
	"example.org/countersign/internal/evidence/extract"
	"example.org/countersign/internal/ledger"
)

// answersTo calls f for every response and the case it is for.
func answersTo(ctx context.Context, src db.Querier, f func(id, casefile string) error) error {
	return src.Each(ctx, func(scan db.Scan) error {
		var id, casefile string
		if err := scan(&id, &casefile); err != nil {
			return err
		}
		return f(id, casefile)
	}, `SELECT id, casefile FROM response`)
}

// received returns when each mail that came by SMTP between two times was
// received, by the id of its record.
func received(ctx context.Context, src db.Querier, from, to time.Time) (map[string]time.Time, error) {
	all := map[string]time.Time{}
	err := src.Each(ctx, func(scan db.Scan) error {
		var id string
		var at int64
		err := scan(&id, &at)
		all[id] = time.UnixMicro(at)
		return err
	}, `SELECT id, received_at FROM communication WHERE direction = 'inbound' AND source = 'smtp' AND received_at >= $1 AND received_at < $2`,
		from.UnixMicro(), to.UnixMicro())
	return all, err
}

// pageSize is how many records are in memory at a time.
const pageSize = 256

// eachVersion calls f with what the records of a list said at the end of the
// period. Their table gives those that nobody touched since in few queries;
// the others are read from the log.
func eachVersion[T any](ctx context.Context, d *Desk, list []*extract.Version, pick func(context.Context, ledger.Source, string, ...any) ([]*T, error), record func(*T) *ledger.Record, f func(*extract.Version, *T)) error {
	for part := range slices.Chunk(list, pageSize) {
		places, ids := make([]string, len(part)), make([]any, len(part))
		for i, v := range part {
			places[i], ids[i] = fmt.Sprintf("$%d", i+1), v.Record
		}
		found, err := pick(ctx, d.ledger, "WHERE r.id IN ("+strings.Join(places, ", ")+")", ids...)
		if err != nil {
			return err
		}
		now := make(map[string]*T, len(found))
		for _, x := range found {
			now[record(x).ID] = x
		}
		for _, v := range part {
			x := now[v.Record]
			if x == nil || record(x).Entry != v.Entry {
				if x, err = extract.Load[T](ctx, d.ledger, v); err != nil {
					return err
				}
			}
			f(v, x)
		}
	}
	return nil
}
