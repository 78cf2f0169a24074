package api

import (
	"context"
	"fmt"
	"time"

	"example.org/countersign/internal/ledger"
)

// How far a request with a key has come.
const (
	stateRunning = "running"
	stateDone    = "done"
	stateUnknown = "unknown" // it failed in the middle
)

// request is one that came before.
type request struct {
	content   string
	state     string
	startedAt time.Time
	answer    []byte
}

// keeper is who remembers requests. No record changes: there is no entry.
var keeper = ledger.System

// take claims the key, or returns the request that has it.
func (c *claim) take(ctx context.Context) (before *request, err error) {
	err = c.door.Ledger.Write(ctx, keeper, func(ctx context.Context, tx *ledger.Tx) error {
		now := tx.Now.UnixMicro()
		if _, err := tx.Work(`DELETE FROM api_request WHERE expires_at <= $1`, now); err != nil {
			return err
		}
		n, err := tx.Work(`INSERT INTO api_request (lookup, request, state, started_at, expires_at, answer) VALUES ($1, '', $2, $3, $4, $5)
			ON CONFLICT (lookup) DO NOTHING`, c.lookup, stateRunning, now, tx.Now.Add(keyTime).UnixMicro(), []byte{})
		if err != nil || n == 1 {
			return err
		}
		before = &request{}
		var started int64
		_, err = tx.One(ctx, `SELECT request, state, started_at, answer FROM api_request WHERE lookup = $1`, []any{c.lookup},
			&before.content, &before.state, &started, &before.answer)
		before.startedAt = time.UnixMicro(started)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("claim an idempotency key: %w", err)
	}
	return before, nil
}

// keep keeps the answer of a request that was done.
func (c *claim) keep(ctx context.Context, content string, a *answer) error {
	sealed, err := c.sealed(a)
	if err != nil {
		return err
	}
	return c.update(ctx, `UPDATE api_request SET request = $1, state = $2, answer = $3 WHERE lookup = $4`, content, stateDone, sealed, c.lookup)
}

// forget frees the key of a request that was not done.
func (c *claim) forget(ctx context.Context) error {
	return c.update(ctx, `DELETE FROM api_request WHERE lookup = $1`, c.lookup)
}

// fail keeps that it is not known whether a request was done.
func (c *claim) fail(ctx context.Context) error {
	return c.update(ctx, `UPDATE api_request SET state = $1 WHERE lookup = $2`, stateUnknown, c.lookup)
}

func (c *claim) update(ctx context.Context, query string, args ...any) error {
	return c.door.Ledger.Write(ctx, keeper, func(_ context.Context, tx *ledger.Tx) error {
		_, err := tx.Work(query, args...)
		return err
	})
}
