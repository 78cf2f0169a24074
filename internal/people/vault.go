package people

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"

	"example.org/countersign/internal/keyring"
)

// vault makes of a secret what may lie in the database: HMAC-SHA256 under a
// secret of the keyring. Whoever has only the database can neither guess a
// password from it nor put a session, a token or a password into it.
type vault struct {
	mac  [32]byte
	aead cipher.AEAD
}

func openVault(ctx context.Context, keys *keyring.Keyring) (*vault, error) {
	secret, err := keys.Secret(ctx, "people")
	if err != nil {
		return nil, err
	}
	k := keyring.Key{Material: secret}
	v := &vault{mac: k.Derive("authenticate")}
	encrypt := k.Derive("encrypt")
	block, err := aes.NewCipher(encrypt[:])
	if err != nil {
		return nil, fmt.Errorf("open vault: %w", err)
	}
	if v.aead, err = cipher.NewGCMWithRandomNonce(block); err != nil {
		return nil, fmt.Errorf("open vault: %w", err)
	}
	return v, nil
}

// sum returns HMAC-SHA256 over the parts, each after its length.
func (v *vault) sum(parts ...string) []byte {
	m := hmac.New(sha256.New, v.mac[:])
	for _, p := range parts {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(p)))
		m.Write(n[:])
		m.Write([]byte(p))
	}
	return m.Sum(nil)
}

// lookup returns where the row of something is found.
func (v *vault) lookup(purpose string, parts ...string) string {
	return base64.RawURLEncoding.EncodeToString(v.sum(append([]string{"lookup", purpose}, parts...)...)[:16])
}

// proof returns what shows that a secret is the one of this purpose and owner.
func (v *vault) proof(purpose, secret string, owner ...string) []byte {
	return v.sum(append([]string{"proof", purpose, secret}, owner...)...)
}

// proves compares in constant time.
func (v *vault) proves(proof []byte, purpose, secret string, owner ...string) bool {
	return subtle.ConstantTimeCompare(proof, v.proof(purpose, secret, owner...)) == 1
}

// derived returns a code that is always the same.
func (v *vault) derived(purpose string) string {
	return base64.RawURLEncoding.EncodeToString(v.sum("derived", purpose))
}

// seal encrypts plain for one owner, open decrypts it.
func (v *vault) seal(plain []byte, owner string) []byte {
	return v.aead.Seal(nil, nil, plain, []byte(owner))
}

func (v *vault) open(sealed []byte, owner string) ([]byte, error) {
	plain, err := v.aead.Open(nil, nil, sealed, []byte(owner))
	if err != nil {
		return nil, errors.New("people: a stored secret is damaged, or of another installation")
	}
	return plain, nil
}

// newSecret returns 256 random bits, 43 characters of base64url.
func newSecret() string {
	var b [32]byte
	rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}
