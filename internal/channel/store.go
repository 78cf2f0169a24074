package channel

import (
	"context"
	"slices"
	"strings"

	"example.org/countersign/internal/ledger"
)

// Stamp is the SQL of a value that changes with every change of any channel:
// Register.Stamp of the register as it is. Whoever asks the database something
// anyway can ask for it by the way.
const Stamp = `(SELECT COALESCE(MAX(entry), -1) FROM channel)`

func stamp(ctx context.Context, src ledger.Source) (n int64, err error) {
	_, err = src.One(ctx, `SELECT `+Stamp, nil, &n)
	return n, err
}

// List returns every channel, retired ones too, in the order of their names.
func (d *Desk) List(ctx context.Context, src ledger.Source) ([]*Channel, error) {
	all, err := Channels.Select(ctx, src, `ORDER BY r.id`)
	// By name here, since names are in no column.
	slices.SortStableFunc(all, func(a, b *Channel) int {
		return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name))
	})
	return all, err
}

// holder returns the one channel that receives at an address or is proposed
// to, nil where there is none.
func (d *Desk) holder(ctx context.Context, src ledger.Source, address string) (*Channel, error) {
	found, err := Channels.Select(ctx, src, `WHERE r.address_key = $1`, addressKey(d.ledger.Index(), address))
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return found[0], nil
}
