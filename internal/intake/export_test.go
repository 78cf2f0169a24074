package intake

import (
	"context"

	"example.org/countersign/internal/ledger"
)

// NextNumber returns the tracking number that a case opened in tx gets.
func (d *Desk) NextNumber(ctx context.Context, tx *ledger.Tx, year int) (string, error) {
	return d.nextNumber(ctx, tx, year)
}
