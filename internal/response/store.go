package response

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"

	"golang.org/x/crypto/chacha20poly1305"

	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/people"
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

// Autosave keeps what somebody is typing until Edit makes it a version. It is
// work in progress, not a record; encrypted all the same.
func (d *Desk) Autosave(ctx context.Context, who *people.Identity, id string, c Content) error {
	actor, err := acting(who, drafters)
	if err != nil {
		return err
	}
	plain, err := json.Marshal(c)
	if err != nil {
		return err
	}
	if len(plain) > 2*maxText {
		return fault.New(fault.Invalid, "the text is longer than %d bytes", maxText)
	}
	body, err := d.lock(ctx, plain)
	if err != nil {
		return err
	}
	return d.ledger.Write(ctx, actor, func(ctx context.Context, tx *ledger.Tx) error {
		if _, err := Responses.Load(ctx, tx, id); err != nil {
			return err
		}
		_, err := tx.Work(`INSERT INTO response_autosave (response, person, at, body) VALUES ($1, $2, $3, $4)
			ON CONFLICT (response, person) DO UPDATE SET at = excluded.at, body = excluded.body`, id, who.ID, tx.Now.UnixMicro(), body)
		return err
	})
}

// Autosaved returns what who was typing, nil where there is nothing that is not
// a version yet.
func (d *Desk) Autosaved(ctx context.Context, who *people.Identity, id string) (*Content, error) {
	var body []byte
	ok, err := d.ledger.One(ctx, `SELECT body FROM response_autosave WHERE response = $1 AND person = $2`, []any{id, who.ID}, &body)
	if err != nil || !ok {
		return nil, err
	}
	secret, err := d.opt.Keys.Secret(ctx, "response-autosave")
	if err != nil {
		return nil, err
	}
	aead, err := chacha20poly1305.NewX(secret[:])
	if err != nil || len(body) < aead.NonceSize() {
		return nil, fmt.Errorf("autosaved text is damaged: %w", err)
	}
	plain, err := aead.Open(nil, body[:aead.NonceSize()], body[aead.NonceSize():], nil)
	if err != nil {
		return nil, fmt.Errorf("autosaved text is damaged: %w", err)
	}
	var c Content
	return &c, json.Unmarshal(plain, &c)
}

func (d *Desk) lock(ctx context.Context, plain []byte) ([]byte, error) {
	secret, err := d.opt.Keys.Secret(ctx, "response-autosave")
	if err != nil {
		return nil, err
	}
	aead, err := chacha20poly1305.NewX(secret[:])
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, aead.NonceSize(), aead.NonceSize()+len(plain)+aead.Overhead())
	rand.Read(nonce)
	return aead.Seal(nonce, nonce, plain, nil), nil
}

// forget drops what a person was typing: it is a version now.
func forget(tx *ledger.Tx, id, person string) error {
	_, err := tx.Work(`DELETE FROM response_autosave WHERE response = $1 AND person = $2`, id, person)
	return err
}
