// Package number gives cases their tracking numbers, without gaps by year
// (CC2.3). It keeps no counter that somebody could move: the next number
// follows the highest in the record.
package number

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"

	"example.org/countersign/internal/db"
	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/id"
	"example.org/countersign/internal/ledger"
)

// Giver gives numbers. The zero Giver is ready.
type Giver struct {
	last atomic.Pointer[string] // that it gave
}

// highest picks the cases of a year, the last number first: as numbers, since
// they have six digits or more. There is an index of this order.
const highest = `SELECT id, number FROM casefile WHERE substr(number, 1, 7) = $1 ORDER BY length(number) DESC, number DESC LIMIT `

// Next returns the number of a case that tx opens in a year. Turns are serial,
// so that nobody else takes it, and where this one fails it is given again.
//
// Unless this Giver gave the highest number itself, the documents of cases say
// what it is: a row that somebody moved is found by ledger.Verify and can be
// moved back, a gap that was sealed cannot be closed. sealed returns the number
// that the document of a case says. Unavailable where too many rows are not
// what documents say.
func (g *Giver) Next(ctx context.Context, tx *ledger.Tx, year int, sealed func(id string) (string, error)) (string, error) {
	prefix := fmt.Sprintf("C-%04d-", year)
	var row, top string
	found, err := tx.One(ctx, highest+"1", []any{prefix}, &row, &top)
	if err != nil {
		return "", err
	}
	n := int64(0)
	if last := g.last.Load(); found && last != nil && *last == top {
		n, err = ordinal(top, prefix)
	} else if found {
		n, err = sealedHighest(ctx, tx, prefix, sealed)
	}
	if err != nil {
		return "", err
	}
	next := id.Number(year, n+1)
	g.last.Store(&next)
	return next, nil
}

// maxMoved is how many rows are passed over whose number was changed.
const maxMoved = 16

// sealedHighest returns the highest number that documents say, down to the
// first row that agrees with its own.
func sealedHighest(ctx context.Context, tx *ledger.Tx, prefix string, sealed func(id string) (string, error)) (n int64, err error) {
	type line struct{ id, number string }
	var lines []line
	err = tx.Each(ctx, func(scan db.Scan) error {
		var l line
		err := scan(&l.id, &l.number)
		lines = append(lines, l)
		return err
	}, highest+strconv.Itoa(maxMoved), prefix)
	if err != nil {
		return 0, err
	}
	for _, l := range lines {
		number, err := sealed(l.id)
		if err != nil {
			return 0, err
		}
		if strings.HasPrefix(number, prefix) {
			said, err := ordinal(number, prefix)
			if err != nil {
				return 0, err
			}
			n = max(n, said)
		}
		if number == l.number {
			return n, nil
		}
	}
	if len(lines) == maxMoved {
		return 0, &fault.Error{Kind: fault.Unavailable, Msg: "no case can be opened at the moment; nothing was saved, try again later",
			Err: &ledger.Mismatch{Where: "casefile, column number", What: "is not what the documents say, for the highest of " + prefix}}
	}
	return n, nil
}

// ordinal returns the number within its year.
func ordinal(number, prefix string) (int64, error) {
	n, err := strconv.ParseInt(strings.TrimPrefix(number, prefix), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("tracking number %q: %w", number, err)
	}
	return n, nil
}
