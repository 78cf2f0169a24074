package board

import (
	"context"
	"fmt"
	"strings"
	"time"

	"example.org/countersign/internal/db"
	"example.org/countersign/internal/ledger"
)

// Publication is the checkpoint that outsiders see, and since when.
type Publication struct {
	ledger.Checkpoint
	At time.Time
}

// Published returns the publication that stands, nil before the first. A
// checkpoint that this log did not sign is a ledger.Mismatch, as is a head that
// somebody else wrote.
func (b *Board) Published(ctx context.Context) (*Publication, error) {
	if _, err := b.ledger.Halted(ctx); err != nil { // reads the head, and so learns the log's name
		return nil, err
	}
	var at int64
	var signed string
	found, err := b.ledger.One(ctx, `SELECT time, checkpoint FROM ledger_published WHERE id = 1`, nil, &at, &signed)
	if err != nil || !found {
		return nil, err
	}
	cp, err := b.ledger.Ours([]byte(signed))
	if err != nil {
		return nil, &ledger.Mismatch{Where: "ledger_published", What: "has a checkpoint that is not ours"}
	}
	return &Publication{cp, time.UnixMicro(at).UTC()}, nil
}

// Seal is a published checkpoint that enough witnesses cosigned.
type Seal struct {
	Size int64     // it covers the entries before this
	Met  time.Time // when there were enough
	By   []Cosigner
}

// Cosigner is one witness of a Seal.
type Cosigner struct {
	Name string // of its key
	At   time.Time
}

// Seals returns the first witnessed checkpoint above each of some entries, the
// smallest first and each once: an entry's is the first whose Size is above its
// index. Entries that no witnessed checkpoint covers have none. It is one query,
// for as many entries as a page shows.
func (b *Board) Seals(ctx context.Context, entries ...int64) ([]Seal, error) {
	if len(entries) == 0 {
		return nil, nil
	}
	rows, args := make([]string, len(entries)), []any{b.ledger.Origin()}
	for i, e := range entries {
		rows[i] = fmt.Sprintf("(CAST($%d AS BIGINT))", i+2)
		args = append(args, e)
	}
	var seals []Seal
	err := b.ledger.Each(ctx, func(scan db.Scan) error {
		var size, met, at int64
		var key string
		if err := scan(&size, &met, &key, &at); err != nil {
			return err
		}
		if n := len(seals); n == 0 || seals[n-1].Size != size {
			seals = append(seals, Seal{Size: size, Met: time.UnixMicro(met).UTC()})
		}
		s := &seals[len(seals)-1]
		name, _, _ := strings.Cut(key, "+") // of a verifier key: name+id+key
		s.By = append(s.By, Cosigner{name, time.UnixMicro(at).UTC()})
		return nil
	}, `SELECT c.size, c.met_at, w.witness, w.time FROM witness_checkpoint c JOIN witness_cosignature w ON w.origin = c.origin AND w.size = c.size
		WHERE c.origin = $1 AND c.size IN (SELECT (SELECT m.size FROM witness_checkpoint m WHERE m.origin = $1 AND m.met_at > 0 AND m.size > e.column1 ORDER BY m.size LIMIT 1)
			FROM (VALUES `+strings.Join(rows, ", ")+`) AS e)
		ORDER BY c.size, w.time, w.witness`, args...)
	if err != nil {
		return nil, fmt.Errorf("witnessed checkpoints: %w", err)
	}
	return seals, nil
}
