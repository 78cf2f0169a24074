package witness

import (
	"context"
	"fmt"
	"slices"
	"time"

	"example.org/countersign/internal/db"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/verify/format"
)

// states returns the rows of witness_state under a name of the log, by verifier
// key.
func (f *Feeder) states(ctx context.Context, origin string) (map[string]State, error) {
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
	}, `SELECT witness, size, succeeded_at, failed_at, error FROM witness_state WHERE origin = $1`, origin)
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

func keepState(tx *ledger.Tx, t *tip, o *Outcome) error {
	now, key := tx.Now.UnixMicro(), o.client.Key.String()
	var err error
	if o.Err == nil {
		_, err = tx.Work(`INSERT INTO witness_state (origin, witness, size, succeeded_at, failed_at, error) VALUES ($1, $2, $3, $4, 0, '')
			ON CONFLICT (origin, witness) DO UPDATE SET size = excluded.size, succeeded_at = excluded.succeeded_at, error = ''`, t.origin, key, t.Size, now)
	} else {
		_, err = tx.Work(`INSERT INTO witness_state (origin, witness, size, succeeded_at, failed_at, error) VALUES ($1, $2, 0, 0, $3, $4)
			ON CONFLICT (origin, witness) DO UPDATE SET failed_at = excluded.failed_at, error = excluded.error`, t.origin, key, now, o.Err.Error())
	}
	return err
}

// keepCosignature keeps the first cosignature of a witness under a checkpoint:
// it says most about when the entries were there.
func keepCosignature(tx *ledger.Tx, t *tip, o *Outcome) error {
	_, err := tx.Work(`INSERT INTO witness_cosignature (origin, size, witness, time, line) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (origin, size, witness) DO NOTHING`, t.origin, t.Size, o.client.Key.String(), o.Cosignature.Time.UnixMicro(), o.Cosignature.Line)
	return err
}

// keepCheckpoint keeps what the cosignatures of a size are under.
func keepCheckpoint(ctx context.Context, tx *ledger.Tx, t *tip) error {
	if _, err := tx.Work(`INSERT INTO witness_checkpoint (origin, size, note, met_at) VALUES ($1, $2, $3, 0)
		ON CONFLICT (origin, size) DO NOTHING`, t.origin, t.Size, string(t.Signed)); err != nil {
		return err
	}
	var kept string
	_, err := tx.One(ctx, `SELECT note FROM witness_checkpoint WHERE origin = $1 AND size = $2`, []any{t.origin, t.Size}, &kept)
	if err == nil && kept != string(t.Signed) {
		err = fmt.Errorf("witnesses have cosigned another checkpoint of size %d before", t.Size)
	}
	return err
}

func keepQuorum(tx *ledger.Tx, t *tip) error {
	_, err := tx.Work(`UPDATE witness_checkpoint SET met_at = $1 WHERE origin = $2 AND size = $3 AND met_at = 0`, tx.Now.UnixMicro(), t.origin, t.Size)
	return err
}

// cosigners returns the verifier keys of who cosigned a checkpoint.
func cosigners(ctx context.Context, q db.Querier, t *tip) (map[string]bool, error) {
	by := map[string]bool{}
	err := q.Each(ctx, func(scan db.Scan) error {
		var key string
		err := scan(&key)
		by[key] = true
		return err
	}, `SELECT witness FROM witness_cosignature WHERE origin = $1 AND size = $2`, t.origin, t.Size)
	return by, err
}

// maxLines is how many cosignatures a note may have beside the log's signature,
// for verifiers to read it (docs/FORMAT.md).
const maxLines = 63

// Cosigned returns a published checkpoint with the cosignatures that were
// collected for exactly it, be they enough or not: as it is where there are
// none.
func (f *Feeder) Cosigned(ctx context.Context, cp ledger.Checkpoint) ([]byte, error) {
	note := slices.Clone(cp.Signed)
	err := f.ledger.Each(ctx, func(scan db.Scan) error {
		var line string
		err := scan(&line)
		note = append(note, line...)
		return err
	}, fmt.Sprintf(`SELECT s.line FROM witness_checkpoint c JOIN witness_cosignature s ON s.origin = c.origin AND s.size = c.size
		WHERE c.origin = $1 AND c.size = $2 AND c.note = $3 ORDER BY s.time, s.witness LIMIT %d`, maxLines), f.ledger.Origin(), cp.Size, string(cp.Signed))
	if err != nil {
		return nil, fmt.Errorf("cosignatures of the checkpoint of %d entries: %w", cp.Size, err)
	}
	return note, nil
}

// seal returns the first witnessed checkpoint of at least size entries, without
// names, and the lines of its cosignatures.
func (f *Feeder) seal(ctx context.Context, origin string, size int64) (*Seal, []string, error) {
	s := &Seal{}
	var met int64
	found, err := f.ledger.One(ctx, `SELECT size, note, met_at FROM witness_checkpoint WHERE origin = $1 AND size >= $2 AND met_at > 0 ORDER BY size LIMIT 1`,
		[]any{origin, size}, &s.Size, &s.Checkpoint, &met)
	if err != nil || !found {
		return nil, nil, err
	}
	s.Met = instant(met)
	var lines []string
	err = f.ledger.Each(ctx, func(scan db.Scan) error {
		var w format.Witnessed
		var at int64
		var line string
		err := scan(&w.Key, &at, &line)
		w.At = instant(at).Unix()
		s.Witnesses = append(s.Witnesses, w)
		lines = append(lines, line)
		return err
	}, `SELECT witness, time, line FROM witness_cosignature WHERE origin = $1 AND size = $2 ORDER BY time, witness`, origin, s.Size)
	return s, lines, err
}
