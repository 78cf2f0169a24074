package ledger

import (
	"context"

	"example.org/countersign/internal/fault"
)

// Halted is the error of a Write while sealing has stopped.
type Halted struct{ Reason string }

func (h *Halted) Error() string { return "ledger: sealing has stopped: " + h.Reason }

// As lets errors.As find a fault for those who are not told why.
func (h *Halted) As(target any) bool {
	f, ok := target.(**fault.Error)
	if ok {
		*f = &fault.Error{Kind: fault.Unavailable, Msg: "the record takes nothing at the moment: it has to be repaired first; nothing was saved", Err: h}
	}
	return ok
}

// Halt stops sealing on every node until Resume: going on would fork the log.
// Reason is shown to staff.
func (l *Ledger) Halt(ctx context.Context, reason string) error {
	return l.Write(ctx, System, func(_ context.Context, tx *Tx) error {
		return tx.do(func() error {
			tx.batch.halted, tx.batch.turned = reason, true
			return nil
		})
	})
}

// Halted returns why sealing has stopped, "" where it has not.
func (l *Ledger) Halted(ctx context.Context) (string, error) {
	mustBeOutside(ctx)
	h, err := l.readHead(l.outside(ctx, l.db))
	return h.row.halted, err
}

// Resume begins to seal again, with f as the first Write. The log goes on
// under a new origin: whoever has seen more of it under the old one cannot be
// shown less, and needs not be. What was published under the old one is
// withdrawn. It does nothing but f where sealing has not stopped.
func (l *Ledger) Resume(ctx context.Context, actor Actor, f func(context.Context, *Tx) error) error {
	err := l.write(ctx, actor, resumes, func(ctx context.Context, tx *Tx) error {
		if err := f(ctx, tx); err != nil {
			return err
		}
		if tx.batch.halted == "" {
			return nil
		}
		if _, err := tx.Work(`DELETE FROM ledger_published WHERE id = 1`); err != nil {
			return err
		}
		return tx.do(func() error {
			tx.batch.origin, tx.batch.halted, tx.batch.turned = newOrigin(), "", true
			return nil
		})
	})
	if err == nil {
		_, err = l.Halted(ctx) // reads the head, and so learns its origin
	}
	return err
}
