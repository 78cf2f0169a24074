package evidence

import (
	"context"

	"example.org/countersign/internal/ledger"
)

// Misreport makes a package up to the recount with a report that was changed,
// and returns what the recount says.
func (d *Desk) Misreport(ctx context.Context, p Period, change func(*Report)) error {
	b := &builder{desk: d, actor: ledger.System, saved: map[string]*saved{}, decided: map[decision]placed{}, progress: func(string, int64, int64) {}}
	defer b.close()
	if err := b.begin(ctx, p); err != nil {
		return err
	}
	for _, step := range []func(context.Context) error{b.head, b.period, b.references, b.records} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	change(b.report)
	return b.recount(ctx)
}
