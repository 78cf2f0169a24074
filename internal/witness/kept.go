package witness

import (
	"context"
	"fmt"
	"time"

	"example.org/countersign/internal/db"
	"example.org/countersign/internal/ledger"
)

// states returns the rows of witness_state by verifier key.
func (f *Feeder) states(ctx context.Context) (map[string]State, error) {
	all := map[string]State{}
	err := f.ledger.Each(ctx, func(scan db.Scan) error {
		var s State
		var succeeded, failed int64
		if err := scan(&s.Key, &s.Size, &succeeded, &failed, &s.Error); err != nil {
			return err
		}
		s.Succeeded, s.Failed = instant(succeeded), instant(failed)
		all[s.Key] = s
		return nil
	}, `SELECT witness, size, succeeded_at, failed_at, error FROM witness_state`)
	if err != nil {
		return nil, fmt.Errorf("state of the witnesses: %w", err)
	}
	return all, nil
}

func instant(micros int64) time.Time {
	if micros == 0 {
		return time.Time{}
	}
	return time.UnixMicro(micros).UTC()
}

func keepState(tx *ledger.Tx, o *Outcome, size int64) error {
	now, key := tx.Now.UnixMicro(), o.client.Key.String()
	var err error
	if o.Err == nil {
		_, err = tx.Work(`INSERT INTO witness_state (witness, size, succeeded_at, failed_at, error) VALUES ($1, $2, $3, 0, '')
			ON CONFLICT (witness) DO UPDATE SET size = excluded.size, succeeded_at = excluded.succeeded_at, error = ''`, key, size, now)
	} else {
		_, err = tx.Work(`INSERT INTO witness_state (witness, size, succeeded_at, failed_at, error) VALUES ($1, 0, 0, $2, $3)
			ON CONFLICT (witness) DO UPDATE SET failed_at = excluded.failed_at, error = excluded.error`, key, now, o.Err.Error())
	}
	return err
}

// keepCosignature keeps the first cosignature of a witness under a checkpoint:
// it says most about when the entries were there.
func keepCosignature(tx *ledger.Tx, o *Outcome, size int64) error {
	_, err := tx.Work(`INSERT INTO witness_cosignature (size, witness, time, line) VALUES ($1, $2, $3, $4) ON CONFLICT (size, witness) DO NOTHING`,
		size, o.client.Key.String(), o.Cosignature.Time.UnixMicro(), o.Cosignature.Line)
	return err
}

// keepCheckpoint keeps what the cosignatures of a size are under.
func keepCheckpoint(ctx context.Context, tx *ledger.Tx, size int64, signed string) error {
	if _, err := tx.Work(`INSERT INTO witness_checkpoint (size, note, met_at) VALUES ($1, $2, 0) ON CONFLICT (size) DO NOTHING`, size, signed); err != nil {
		return err
	}
	var kept string
	_, err := tx.One(ctx, `SELECT note FROM witness_checkpoint WHERE size = $1`, []any{size}, &kept)
	if err == nil && kept != signed {
		err = fmt.Errorf("witnesses have cosigned another checkpoint of size %d before", size)
	}
	return err
}

func keepQuorum(tx *ledger.Tx, size int64) error {
	_, err := tx.Work(`UPDATE witness_checkpoint SET met_at = $1 WHERE size = $2 AND met_at = 0`, tx.Now.UnixMicro(), size)
	return err
}

// cosigners returns the verifier keys of who cosigned the checkpoint of a size.
func cosigners(ctx context.Context, q db.Querier, size int64) (map[string]bool, error) {
	by := map[string]bool{}
	err := q.Each(ctx, func(scan db.Scan) error {
		var key string
		err := scan(&key)
		by[key] = true
		return err
	}, `SELECT witness FROM witness_cosignature WHERE size = $1`, size)
	return by, err
}

// seal returns the first witnessed checkpoint of at least size entries, without
// names, and the lines of its cosignatures.
func (f *Feeder) seal(ctx context.Context, size int64) (*Seal, []string, error) {
	s := &Seal{}
	var met int64
	found, err := f.ledger.One(ctx, `SELECT size, note, met_at FROM witness_checkpoint WHERE size >= $1 AND met_at > 0 ORDER BY size LIMIT 1`,
		[]any{size}, &s.Size, &s.Checkpoint, &met)
	if err != nil || !found {
		return nil, nil, err
	}
	s.Met = instant(met)
	var lines []string
	err = f.ledger.Each(ctx, func(scan db.Scan) error {
		var w Witnessed
		var at int64
		var line string
		err := scan(&w.Key, &at, &line)
		w.Time = instant(at)
		s.Witnesses = append(s.Witnesses, w)
		lines = append(lines, line)
		return err
	}, `SELECT witness, time, line FROM witness_cosignature WHERE size = $1 ORDER BY time, witness`, s.Size)
	return s, lines, err
}
