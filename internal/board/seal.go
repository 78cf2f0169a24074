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

// Seals returns the witnessed checkpoints that the entries from first to last
// are covered by, the smallest first: of an entry, the first one whose Size is
// above its index. Entries that no witnessed checkpoint covers have none.
func (b *Board) Seals(ctx context.Context, first, last int64) ([]Seal, error) {
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
		WHERE c.origin = $3 AND c.met_at > 0 AND c.size > $1 AND c.size <= coalesce((SELECT min(size) FROM witness_checkpoint WHERE origin = $3 AND met_at > 0 AND size > $2), $2)
		ORDER BY c.size, w.time, w.witness`, first, last, b.ledger.Origin())
	if err != nil {
		return nil, fmt.Errorf("witnessed checkpoints: %w", err)
	}
	return seals, nil
}
