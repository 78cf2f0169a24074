package response

import (
	"context"

	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/ledger"
)

// ForCase returns the responses of a case, the first first.
func (d *Desk) ForCase(ctx context.Context, caseID string) ([]*Response, error) {
	return Responses.Select(ctx, d.ledger, `WHERE r.casefile = $1 ORDER BY r.seq`, caseID)
}

// Waiting returns what waits for a decision: in review, the longest first, and
// ambiguous and failed ones.
func (d *Desk) Waiting(ctx context.Context, limit int) ([]*Response, error) {
	return Responses.Select(ctx, d.ledger, `WHERE r.state IN ('in-review', 'ambiguous', 'failed') ORDER BY r.submitted_at, r.id LIMIT $1`, limit)
}

// ByMessageID returns the response that went out under a Message-ID, nil where
// there is none.
func (d *Desk) ByMessageID(ctx context.Context, messageID string) (*Response, error) {
	found, err := Responses.Select(ctx, d.ledger, `WHERE r.message_id = $1`, d.ledger.Index().Blind("message-id", messageID))
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return found[0], nil
}

func nextSeq(ctx context.Context, tx *ledger.Tx, caseID string) (int, error) {
	var n int
	_, err := tx.One(ctx, `SELECT COALESCE(MAX(seq), 0) + 1 FROM response WHERE casefile = $1`, []any{caseID}, &n)
	return n, err
}

// lastInbound returns the newest message of a person from outside, nil where a
// case has none.
func lastInbound(ctx context.Context, src ledger.Source, caseID string) (*intake.Communication, error) {
	found, err := intake.Communications.Select(ctx, src,
		`WHERE r.casefile = $1 AND r.direction = 'inbound' AND r.auto = '' ORDER BY r.seq DESC LIMIT 1`, caseID)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return found[0], nil
}
