package board

import (
	"context"
	"fmt"
	"strings"
	"time"

	"example.org/countersign/internal/db"
)

// PublishedAt returns when the checkpoint that outsiders see was published,
// the zero time before the first.
func (b *Board) PublishedAt(ctx context.Context) (time.Time, error) {
	var at int64
	found, err := b.ledger.One(ctx, `SELECT time FROM ledger_published WHERE id = 1`, nil, &at)
	if err != nil || !found {
		return time.Time{}, err
	}
	return time.UnixMicro(at).UTC(), nil
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
