package evidence

import (
	"context"
	"fmt"
	"slices"

	"example.org/countersign/internal/db"
	"example.org/countersign/internal/ledger"
)

// bodies calls f with the bytes of every entry before end, in order.
func bodies(ctx context.Context, src db.Querier, end int64, f func(index int64, body []byte) error) error {
	next := int64(0)
	err := src.Each(ctx, func(scan db.Scan) error {
		var index int64
		var body []byte
		if err := scan(&index, &body); err != nil {
			return err
		}
		if index != next {
			return missing(next)
		}
		next++
		return f(index, body)
	}, `SELECT idx, body FROM ledger_entry WHERE idx < $1 ORDER BY idx`, end)
	if err == nil && next != end {
		return missing(next)
	}
	return err
}

func missing(entry int64) error {
	return &ledger.Mismatch{Where: fmt.Sprintf("entry %d", entry), What: "is missing"}
}

// eachRow calls f for every row of a kind's table that says that it was made
// by an entry from first to before end.
func eachRow(ctx context.Context, src db.Querier, kind string, first, end int64, f func(id string, entry int64) error) error {
	return src.Each(ctx, func(scan db.Scan) error {
		var id string
		var entry int64
		if err := scan(&id, &entry); err != nil {
			return err
		}
		return f(id, entry)
	}, "SELECT id, entry FROM "+kind+" WHERE entry >= $1 AND entry < $2", first, end)
}

// rowEntry returns the entry that a record's row points at, and its bytes: nil
// where there is no such entry.
func rowEntry(ctx context.Context, src db.Querier, kind, id string) (entry int64, body []byte, found bool, err error) {
	found, err = src.One(ctx, "SELECT r.entry, e.body FROM "+kind+" r LEFT JOIN ledger_entry e ON e.idx = r.entry WHERE r.id = $1", []any{id}, &entry, &body)
	return entry, body, found, err
}

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
func eachVersion[T any](ctx context.Context, d *Desk, list []*version, pick func(context.Context, ledger.Source, string, ...any) ([]*T, error), entry func(*T) int64, f func(*version, *T)) error {
	for part := range slices.Chunk(list, pageSize) {
		found, err := pick(ctx, d.ledger, `WHERE r.entry >= $1 AND r.entry <= $2 ORDER BY r.entry LIMIT $3`, part[0].entry, part[len(part)-1].entry, pageSize)
		if err != nil {
			return err
		}
		for _, v := range part {
			for len(found) > 0 && entry(found[0]) < v.entry {
				found = found[1:]
			}
			if len(found) > 0 && entry(found[0]) == v.entry {
				f(v, found[0])
				continue
			}
			x, err := load[T](ctx, d, v)
			if err != nil {
				return err
			}
			f(v, x)
		}
	}
	return nil
}
