package tiles

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/ledger"
)

// The times between two publications.
const (
	DefaultEvery = 5 * time.Minute
	minEvery     = time.Second
	maxEvery     = 24 * time.Hour
)

const (
	look  = time.Minute     // how long to wait at most: the machine's clock may be set meanwhile
	retry = 5 * time.Second // after a publication failed
)

// Cadence publishes the newest checkpoint at times that depend on the clock
// alone: outsiders who watch the checkpoint learn how many acts there were
// between two ticks, and not when. Several nodes on one database, with the same
// times, publish once.
type Cadence struct {
	ledger *ledger.Ledger
	every  time.Duration
	log    *slog.Logger
	ours   time.Time // the last tick that this node took on
	done   bool      // and has published
}

// CheckEvery refuses, as Invalid, a time between publications that is too short
// or too long.
func CheckEvery(every time.Duration) error {
	if every < minEvery || every > maxEvery {
		return fault.New(fault.Invalid, "checkpoints can be published every 1s to 24h, not every %v", every)
	}
	return nil
}

// NewCadence returns the cadence of a log: at the multiples of every
// in UTC, 5m at :00, :05 and so on; DefaultEvery where it is 0. log may be nil.
func NewCadence(l *ledger.Ledger, every time.Duration, log *slog.Logger) (*Cadence, error) {
	if every == 0 {
		every = DefaultEvery
	}
	if err := CheckEvery(every); err != nil {
		return nil, err
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Cadence{ledger: l, every: every, log: log}, nil
}

// Run publishes at each tick until ctx ends; at once where the present tick has
// no publication yet, as when the server was down.
func (c *Cadence) Run(ctx context.Context) {
	for ctx.Err() == nil {
		wait := look
		_, err := c.Publish(ctx)
		if _, halted := errors.AsType[*ledger.Halted](err); err != nil && !halted { // that is known, and nothing is to be shown
			if ctx.Err() == nil {
				c.log.ErrorContext(ctx, "the checkpoint could not be published", "err", err)
			}
			wait = retry
		}
		now := c.ledger.Now()
		timer := time.NewTimer(min(wait, c.tick(now).Add(c.every).Sub(now)))
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
	}
}

// tick returns the last tick until now.
func (c *Cadence) tick(now time.Time) time.Time { return now.UTC().Truncate(c.every) }

// Publish publishes the newest checkpoint for the present tick, and reports
// whether it did: not where that is done, by this node or another.
func (c *Cadence) Publish(ctx context.Context) (published bool, err error) {
	tick := c.tick(c.ledger.Now())
	if !tick.Equal(c.ours) {
		if ours, err := c.take(ctx, tick); err != nil || !ours {
			return false, err
		}
		c.ours, c.done = tick, false
	}
	if c.done {
		return false, nil
	}
	if _, err := c.ledger.Publish(ctx); err != nil {
		return false, err
	}
	c.done = true
	return true, nil
}

// take makes a tick this node's. A tick that lies in the future was taken under
// a wrong clock, and does not count; one step ahead may be another node's.
func (c *Cadence) take(ctx context.Context, tick time.Time) (ours bool, err error) {
	err = c.ledger.Write(ctx, ledger.System, func(_ context.Context, tx *ledger.Tx) error {
		n, err := tx.Work(`INSERT INTO publication (id, tick) VALUES (1, $1)
			ON CONFLICT (id) DO UPDATE SET tick = excluded.tick WHERE publication.tick < excluded.tick OR publication.tick > $2`,
			tick.UnixMicro(), tick.Add(c.every).UnixMicro())
		ours = n == 1
		return err
	})
	if err != nil {
		return false, fmt.Errorf("take the tick of %s: %w", tick.Format(time.RFC3339), err)
	}
	return ours, nil
}
