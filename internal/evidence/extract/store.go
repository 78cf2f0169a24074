package extract

import (
	"context"
	"fmt"

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
