package jobs

import (
	"context"
	"fmt"
	"time"

	"example.org/countersign/internal/db"
	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/ledger"
)

// dueKinds returns those of the runner's kinds that have a job due now, and
// when the next job of the others is due.
func (r *Runner) dueKinds(ctx context.Context) (kinds []string, next time.Time, err error) {
	now := r.ledger.Now()
	for _, kind := range r.kinds {
		var at int64
		found, err := r.ledger.One(ctx, `SELECT at FROM job WHERE state = 'open' AND kind = $1 ORDER BY kind, at LIMIT 1`, []any{kind}, &at)
		if err != nil {
			return nil, next, fmt.Errorf("look for jobs: %w", err)
		}
		switch t := time.UnixMicro(at).UTC(); {
		case !found:
		case !t.After(now):
			kinds = append(kinds, kind)
		case next.IsZero() || t.Before(next):
			next = t
		}
	}
	return kinds, next, nil
}

// claim takes up to n due jobs of these kinds for holder, in fair shares.
// Writes are serial, also across nodes, so nobody else takes the same.
func (r *Runner) claim(ctx context.Context, holder string, kinds []string, n int) (claimed []Job, err error) {
	err = r.ledger.Write(ctx, ledger.System, func(ctx context.Context, tx *ledger.Tx) error {
		for i, kind := range kinds {
			left := len(kinds) - i
			share := (n - len(claimed) + left - 1) / left
			if share == 0 {
				return nil
			}
			taken, err := r.take(ctx, tx, holder, kind, share)
			if err != nil {
				return fmt.Errorf("claim jobs: %w", err)
			}
			claimed = append(claimed, taken...)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return claimed, nil
}

func (r *Runner) take(ctx context.Context, tx *ledger.Tx, holder, kind string, n int) (taken []Job, err error) {
	var at int64
	err = tx.Each(ctx, func(scan db.Scan) error {
		j := Job{Kind: kind}
		if err := scan(&j.Key, &at, &j.Attempt); err != nil {
			return err
		}
		j.At = time.UnixMicro(at).UTC()
		j.Attempt++
		taken = append(taken, j)
		return nil
	}, `SELECT key, at, attempt FROM job WHERE state = 'open' AND kind = $1 AND at <= $2
		ORDER BY kind, at, key LIMIT $3`, kind, tx.Now.UnixMicro(), n)
	if err != nil || len(taken) == 0 {
		return nil, err
	}
	changed, err := tx.Work(`UPDATE job SET holder = $1, at = $2, attempt = attempt + 1
		WHERE state = 'open' AND kind = $3 AND (at, key) <= ($4, $5)`,
		holder, tx.Now.Add(r.lease).UnixMicro(), kind, at, taken[len(taken)-1].Key)
	if err == nil && changed != int64(len(taken)) {
		err = fmt.Errorf("took %d jobs instead of %d", changed, len(taken))
	}
	return taken, err
}

// extend puts off the end of all leases of holder.
func (r *Runner) extend(ctx context.Context, holder string) error {
	return r.ledger.Write(ctx, ledger.System, func(_ context.Context, tx *ledger.Tx) error {
		_, err := tx.Work(`UPDATE job SET at = $1 WHERE holder = $2 AND holder <> ''`, tx.Now.Add(r.lease).UnixMicro(), holder)
		return err
	})
}

// settle gives holder's claim up and says what becomes of the job. held is
// false where the claim, or the attempt, was holder's no more: then the job is
// done again.
func (r *Runner) settle(ctx context.Context, holder string, j Job, o outcome) (held bool, err error) {
	err = r.ledger.Write(ctx, ledger.System, func(_ context.Context, tx *ledger.Tx) error {
		n, err := tx.Work(`UPDATE job SET state = $1, at = $2, holder = '', attempt = $3, error = $4
			WHERE kind = $5 AND key = $6 AND holder = $7 AND attempt = $8`,
			o.state, tx.Now.Add(o.delay).UnixMicro(), o.attempt, o.error, j.Kind, j.Key, holder, j.Attempt)
		if err != nil {
			return err
		}
		held = n == 1
		switch {
		case !held: // asked for again meanwhile, where it is still holder's
			_, err = tx.Work(`UPDATE job SET at = $1, holder = '' WHERE kind = $2 AND key = $3 AND holder = $4`,
				tx.Now.UnixMicro(), j.Kind, j.Key, holder)
		case o.state == "dead":
			err = DeadLetters.Put(tx, &Dead{Kind: j.Kind, Key: j.Key, Attempts: j.Attempt, Error: o.error,
				State: Open, DiedAt: tx.Now.UnixMicro()}, ledger.Do("raised", "CC7.2"))
		}
		return err
	})
	return held, err
}

// GiveUp makes an open job a dead letter without another attempt: whether it
// is to be done is for somebody to decide. Where it is not open, nothing is
// changed.
func GiveUp(ctx context.Context, tx *ledger.Tx, kind, key, why string) error {
	var attempts int
	open, err := tx.One(ctx, `SELECT attempt FROM job WHERE kind = $1 AND key = $2 AND state = 'open'`, []any{kind, key}, &attempts)
	if err != nil || !open {
		return err
	}
	why = redact(why)
	if _, err := tx.Work(`UPDATE job SET state = 'dead', holder = '', error = $1 WHERE kind = $2 AND key = $3`, why, kind, key); err != nil {
		return fmt.Errorf("give up %s: %w", kind, err)
	}
	return DeadLetters.Put(tx, &Dead{Kind: kind, Key: key, Attempts: attempts, Error: why, State: Open, DiedAt: tx.Now.UnixMicro()},
		ledger.Do("raised", "CC7.2"))
}

// Unfinished returns kind and key of every job that is not done, page by page: after
// those of after, at most limit of them.
func Unfinished(ctx context.Context, q db.Querier, after Job, limit int) (list []Job, err error) {
	err = q.Each(ctx, func(scan db.Scan) error {
		var j Job
		err := scan(&j.Kind, &j.Key)
		list = append(list, j)
		return err
	}, `SELECT kind, key FROM job WHERE state = 'open' AND (kind, key) > ($1, $2) ORDER BY kind, key LIMIT $3`, after.Kind, after.Key, limit)
	if err != nil {
		return nil, fmt.Errorf("list jobs: %w", err)
	}
	return list, nil
}

// Planned reports whether a job is open and due by an instant. One that is open
// and due later is not: whoever wants it done by then makes it due Again.
func Planned(ctx context.Context, q db.Querier, kind, key string, by time.Time) (bool, error) {
	var at int64
	planned, err := q.One(ctx, `SELECT at FROM job WHERE kind = $1 AND key = $2 AND state = 'open' AND at <= $3`, []any{kind, key, by.UnixMicro()}, &at)
	if err != nil {
		return false, fmt.Errorf("look for %s: %w", kind, err)
	}
	return planned, nil
}

// Waiting is an open job as people see it.
type Waiting struct {
	Job            // Attempt counts those begun; At is when it is due, or until when it is held
	Running bool   // a runner holds it
	Error   string // of the last attempt, addresses struck out
}

// Waiting returns the open jobs of every kind that are due, held or failed
// before, at most limit of them, the first due first.
func (r *Runner) Waiting(ctx context.Context, limit int) (list []Waiting, err error) {
	err = r.ledger.Each(ctx, func(scan db.Scan) error {
		var w Waiting
		var at int64
		var holder string
		if err := scan(&w.Kind, &w.Key, &at, &w.Attempt, &holder, &w.Error); err != nil {
			return err
		}
		w.At, w.Running = time.UnixMicro(at).UTC(), holder != ""
		list = append(list, w)
		return nil
	}, `SELECT kind, key, at, attempt, holder, error FROM job WHERE state = 'open' AND (at <= $1 OR attempt > 0)
		ORDER BY at, kind, key LIMIT $2`, r.ledger.Now().UnixMicro(), limit)
	if err != nil {
		return nil, fmt.Errorf("list jobs: %w", err)
	}
	return list, nil
}

// Dead returns the open dead letters, the oldest first.
func (r *Runner) Dead(ctx context.Context) ([]*Dead, error) {
	return DeadLetters.Select(ctx, r.ledger, `WHERE r.state = $1 ORDER BY r.died_at, r.id`, Open)
}

// Retry makes the job of a dead letter due now, with all its attempts.
func (r *Runner) Retry(ctx context.Context, actor ledger.Actor, id string) error {
	return r.close(ctx, actor, id, Retried, "", func(tx *ledger.Tx, d *Dead) error {
		tx.After(r.Kick)
		return Again(tx, d.Kind, d.Key, tx.Now)
	})
}

// Dismiss closes a dead letter without doing its job. The reason is part of
// the record.
func (r *Runner) Dismiss(ctx context.Context, actor ledger.Actor, id, reason string) error {
	if reason == "" {
		return fault.New(fault.Invalid, "say why this need not be done")
	}
	return r.close(ctx, actor, id, Dismissed, reason, nil)
}

func (r *Runner) close(ctx context.Context, actor ledger.Actor, id string, state DeadState, reason string, and func(*ledger.Tx, *Dead) error) error {
	return r.ledger.Write(ctx, actor, func(ctx context.Context, tx *ledger.Tx) error {
		d, err := DeadLetters.Load(ctx, tx, id)
		if err != nil {
			return err
		}
		if d.State != Open {
			return fault.New(fault.Conflict, "this was %s already", d.State)
		}
		d.State, d.ClosedBy, d.ClosedAt, d.Reason = state, actor.ID, tx.Now.UnixMicro(), reason
		if err := DeadLetters.Put(tx, d, ledger.Do(string(state), "CC7.5")); err != nil || and == nil {
			return err
		}
		return and(tx, d)
	})
}
