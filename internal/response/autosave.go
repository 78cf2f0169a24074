package response

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"

	"golang.org/x/crypto/chacha20poly1305"

	"example.org/countersign/internal/db"
	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/keyring"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/people"
)

// Autosave keeps what somebody is typing until Edit makes it a version. It is
// work in progress, not a record; encrypted all the same, under a key that is
// destroyed when the answer is erased.
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
	key, err := d.typingKey(ctx, id, who.ID)
	if err != nil {
		return err
	}
	body, err := lock(key, plain)
	if err != nil {
		return err
	}
	return d.ledger.Write(ctx, actor, func(ctx context.Context, tx *ledger.Tx) error {
		r, err := Responses.Load(ctx, tx, id)
		switch {
		case err != nil:
			return err
		case len(r.Erasures) > 0:
			return fault.New(fault.Conflict, "what this answer said was erased; nothing is kept of it")
		}
		_, err = tx.Work(`INSERT INTO response_autosave (response, person, at, key, body) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (response, person) DO UPDATE SET at = excluded.at, key = excluded.key, body = excluded.body`,
			id, who.ID, tx.Now.UnixMicro(), key.ID, body)
		return err
	})
}

// typingKey returns the key of what a person is typing at a response: that
// which its row has, so that one destroyed key takes every older state of the
// row with it, or a new one.
func (d *Desk) typingKey(ctx context.Context, id, person string) (keyring.Key, error) {
	var key int64
	ok, err := d.ledger.One(ctx, `SELECT key FROM response_autosave WHERE response = $1 AND person = $2`, []any{id, person}, &key)
	if err != nil {
		return keyring.Key{}, err
	}
	if ok {
		k, err := d.opt.Keys.Key(ctx, key)
		if !errors.Is(err, keyring.ErrDestroyed) {
			return k, err
		}
	}
	return d.opt.Keys.Mint()
}

// Autosaved returns what who was typing, nil where there is nothing that is not
// a version yet.
func (d *Desk) Autosaved(ctx context.Context, who *people.Identity, id string) (*Content, error) {
	var body []byte
	var key int64
	ok, err := d.ledger.One(ctx, `SELECT key, body FROM response_autosave WHERE response = $1 AND person = $2`, []any{id, who.ID}, &key, &body)
	if err != nil || !ok || len(body) == 0 {
		return nil, err
	}
	k, err := d.opt.Keys.Key(ctx, key)
	if errors.Is(err, keyring.ErrDestroyed) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("autosaved text: %w", err)
	}
	secret := k.Derive("response-autosave")
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

func lock(key keyring.Key, plain []byte) ([]byte, error) {
	secret := key.Derive("response-autosave")
	aead, err := chacha20poly1305.NewX(secret[:])
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, aead.NonceSize(), aead.NonceSize()+len(plain)+aead.Overhead())
	rand.Read(nonce)
	return aead.Seal(nonce, nonce, plain, nil), nil
}

// forget drops what a person was typing: it is a version now. The row stays
// for its key, which older states of it were encrypted under.
func forget(tx *ledger.Tx, id, person string) error {
	_, err := tx.Work(`UPDATE response_autosave SET body = $1 WHERE response = $2 AND person = $3`, []byte{}, id, person)
	return err
}

// ForgetTyping destroys the keys of whatever was typed at a response and not
// kept. It can be repeated.
func (d *Desk) ForgetTyping(ctx context.Context, id string) error {
	var keys []int64
	err := d.ledger.Each(ctx, func(scan db.Scan) error {
		var key int64
		err := scan(&key)
		keys = append(keys, key)
		return err
	}, `SELECT key FROM response_autosave WHERE response = $1 ORDER BY key`, id)
	if err != nil || len(keys) == 0 {
		return err
	}
	if err := d.opt.Keys.Destroy(ctx, keys...); err != nil {
		return err
	}
	return d.ledger.Write(ctx, ledger.System, func(_ context.Context, tx *ledger.Tx) error {
		_, err := tx.Work(`DELETE FROM response_autosave WHERE response = $1`, id)
		return err
	})
}
