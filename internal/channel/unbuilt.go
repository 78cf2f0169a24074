package channel

import (
	"context"
	"errors"

	"example.org/countersign/internal/ledger"
)

var errUnbuilt = errors.New("channel: not built yet")

func (c *Channel) row(ledger.Index) []any { return []any{"", string(c.State), c.ReviewDue} }
func (d *Desk) add(ctx context.Context, actor ledger.Actor, t Terms) (*Channel, error) {
	return nil, errUnbuilt
}
func (d *Desk) change(ctx context.Context, actor ledger.Actor, id string, seen int64, t Terms) (*Channel, error) {
	return nil, errUnbuilt
}
func (d *Desk) approve(ctx context.Context, actor ledger.Actor, id string, seen int64) (*Channel, error) {
	return nil, errUnbuilt
}
func (d *Desk) withdraw(ctx context.Context, actor ledger.Actor, id string, seen int64) (*Channel, error) {
	return nil, errUnbuilt
}
func (d *Desk) retire(ctx context.Context, actor ledger.Actor, id, reason string) (*Channel, error) {
	return nil, errUnbuilt
}
func (d *Desk) reviewed(ctx context.Context, actor ledger.Actor, id, next string) (*Channel, error) {
	return nil, errUnbuilt
}
func (d *Desk) byAddress(ctx context.Context, src ledger.Source, address string) (*Channel, error) {
	return nil, errUnbuilt
}
func (d *Desk) outbound(ctx context.Context, src ledger.Source, id string) (*Channel, error) {
	return nil, errUnbuilt
}
func (d *Desk) list(ctx context.Context, src ledger.Source) ([]*Channel, error) {
	return nil, errUnbuilt
}
