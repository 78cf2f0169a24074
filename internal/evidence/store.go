package evidence

import (
	"context"
	"slices"

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

// pageSize is how many records are in memory at a time.
const pageSize = 256

// eachVersion calls f with what the records of a list, in the order of their
// entries, said at the end of the period. The table gives those that nobody
// touched since in few queries; the others are read from the log.
func eachVersion[T any](ctx context.Context, d *Desk, list []*extract.Version, pick func(context.Context, ledger.Source, string, ...any) ([]*T, error), entry func(*T) int64, f func(*extract.Version, *T)) error {
	for part := range slices.Chunk(list, pageSize) {
		found, err := pick(ctx, d.ledger, `WHERE r.entry >= $1 AND r.entry <= $2 ORDER BY r.entry LIMIT $3`, part[0].Entry, part[len(part)-1].Entry, pageSize)
		if err != nil {
			return err
		}
		for _, v := range part {
			for len(found) > 0 && entry(found[0]) < v.Entry {
				found = found[1:]
			}
			if len(found) > 0 && entry(found[0]) == v.Entry {
				f(v, found[0])
				continue
			}
			x, err := extract.Load[T](ctx, d.ledger, v)
			if err != nil {
				return err
			}
			f(v, x)
		}
	}
	return nil
}
