package people

import (
	"context"
	"fmt"
	"math"

	"example.org/countersign/internal/ledger"
)

// sweepChunk is how much one transaction of Sweep takes on.
const sweepChunk = 16

// Sweep seals the failures of past minutes, ends sessions and tokens that are
// over, and forgets links and limits that are. It is to be called once a minute; what it
// has to do waits in the database, so nothing is lost where it is called late,
// and several nodes may call it.
func (d *Desk) Sweep(ctx context.Context) error {
	for _, step := range []func(context.Context, *ledger.Tx) (int, error){sealFailures, d.endOverdue, endTokens} {
		for done := sweepChunk; done == sweepChunk; {
			err := d.ledger.Write(ctx, ledger.System, func(ctx context.Context, tx *ledger.Tx) (err error) {
				done, err = step(ctx, tx)
				return err
			})
			if err != nil {
				return fmt.Errorf("sweep sign-ins: %w", err)
			}
		}
	}
	err := d.ledger.Write(ctx, ledger.System, func(_ context.Context, tx *ledger.Tx) error { return forgetOver(tx) })
	if err != nil {
		return fmt.Errorf("sweep links: %w", err)
	}
	return nil
}

// sealFailures makes entries of counted failures: one per account and minute,
// and one per minute for all accounts that do not exist (CC6.1).
func sealFailures(ctx context.Context, tx *ledger.Tx) (int, error) {
	counts, err := takeFailures(ctx, tx, sweepChunk)
	if err != nil {
		return 0, err
	}
	for _, f := range counts {
		s := &SignIn{Person: f.account, At: f.minute, Failures: f.failures, Refused: f.refused}
		if err := SignIns.Put(tx, s, ledger.Do("failed", "CC6.1")); err != nil {
			return 0, err
		}
	}
	return len(counts), nil
}

func (d *Desk) endOverdue(ctx context.Context, tx *ledger.Tx) (int, error) {
	ids, err := overdueSessions(ctx, tx, tx.Now.UnixMicro(), d.unseen(tx.Now), sweepChunk)
	if err != nil {
		return 0, err
	}
	for _, id := range ids {
		if _, err := endSession(ctx, tx, id, "expired"); err != nil {
			return 0, err
		}
	}
	return len(ids), nil
}

func endTokens(ctx context.Context, tx *ledger.Tx) (int, error) {
	over, err := Tokens.Select(ctx, tx, `WHERE r.revoked_at = 0 AND r.expires_at <= $1 ORDER BY r.entry LIMIT $2`, tx.Now.UnixMicro(), sweepChunk)
	if err != nil {
		return 0, err
	}
	for _, t := range over {
		if err := endToken(tx, t, ledger.System.ID, "expired"); err != nil {
			return 0, err
		}
	}
	return len(over), nil
}

// TurnOut ends every session and forgets every one-time link: after a restore,
// since neither knows who was signed out or let in meanwhile (CC6.1).
func (d *Desk) TurnOut(ctx context.Context) (ended int, err error) {
	for {
		var ids []string
		err := d.ledger.Write(ctx, ledger.System, func(ctx context.Context, tx *ledger.Tx) (err error) {
			if ids, err = overdueSessions(ctx, tx, math.MaxInt64, 0, sweepChunk); err != nil {
				return err
			}
			for _, id := range ids {
				if _, err := endSession(ctx, tx, id, "restored"); err != nil {
					return err
				}
			}
			return forgetLinks(tx)
		})
		if err != nil {
			return ended, fmt.Errorf("end all sessions: %w", err)
		}
		if ended += len(ids); len(ids) < sweepChunk {
			return ended, nil
		}
	}
}
