package witness

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"example.org/countersign/verify/format"
)

// algCosignature is the type byte of keys that make timestamped Ed25519
// cosignatures (C2SP signed-note, tlog-cosignature).
const algCosignature = 4

// Key is the key that a witness's cosignatures verify with.
type Key struct {
	Name   string
	id     [4]byte
	public [ed25519.PublicKeySize]byte
}

// NewKey returns the verifier key of a witness. Its name is under the rules of
// names of logs.
func NewKey(name string, public ed25519.PublicKey) (Key, error) {
	if _, err := format.NewKey(name, public); err != nil || len(name) > maxOrigin {
		return Key{}, fmt.Errorf("%.60q cannot be the name of a witness: no spaces and no plus, at most %d bytes", name, maxOrigin)
	}
	k := Key{Name: name, public: [ed25519.PublicKeySize]byte(public)}
	sum := sha256.Sum256(append([]byte(name+"\n\x04"), public...))
	copy(k.id[:], sum[:])
	return k, nil
}

// ParseKey parses name+id+key, the id in 8 hex digits and the key, with its
// type byte, in base64.
func ParseKey(s string) (Key, error) {
	name, rest, _ := strings.Cut(s, "+")
	_, encoded, _ := strings.Cut(rest, "+")
	typed, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil || len(typed) != 1+ed25519.PublicKeySize || typed[0] != algCosignature {
		return Key{}, errors.New("the verifier key is not of the form name+8 hex digits+base64 of an Ed25519 cosignature key")
	}
	k, err := NewKey(name, typed[1:])
	if err == nil && k.String() != s {
		err = errors.New("the digits of the verifier key do not belong to the key")
	}
	return k, err
}

// String returns the form that ParseKey reads.
func (k Key) String() string {
	return k.Name + "+" + hex.EncodeToString(k.id[:]) + "+" +
		base64.StdEncoding.EncodeToString(append([]byte{algCosignature}, k.public[:]...))
}

// message is what a cosignature of a checkpoint's text signs.
func message(text []byte, at int64) []byte {
	return append(fmt.Appendf(nil, "cosignature/v1\ntime %d\n", at), text...)
}

// cosign returns the signature line, with its newline, that cosigns the text of
// a checkpoint at a time, in Unix seconds.
func (k Key) cosign(private ed25519.PrivateKey, text []byte, at int64) string {
	raw := binary.BigEndian.AppendUint64(k.id[:], uint64(at))
	raw = append(raw, ed25519.Sign(private, message(text, at))...)
	return "— " + k.Name + " " + base64.StdEncoding.EncodeToString(raw) + "\n"
}

// Cosignature is what a witness says of a checkpoint.
type Cosignature struct {
	Line string    // of the signed note, with its newline
	Time time.Time // when the tree was the largest that the witness had seen, to the second
}

// find returns the cosignature with this key of a checkpoint's text among
// signature lines. Those of other keys are passed over; a wrong one with this
// key makes all of them worthless (C2SP signed-note).
func (k Key) find(text []byte, lines []string) (Cosignature, error) {
	var found Cosignature
	for _, line := range lines {
		encoded, ok := strings.CutPrefix(line, "— "+k.Name+" ")
		raw, err := base64.StdEncoding.Strict().DecodeString(encoded)
		if !ok || err != nil || len(raw) < len(k.id) || [4]byte(raw) != k.id {
			continue
		}
		if len(raw) != 4+8+ed25519.SignatureSize {
			return Cosignature{}, errors.New("the cosignature has a wrong length")
		}
		at := binary.BigEndian.Uint64(raw[4:])
		if at > math.MaxInt64 || !ed25519.Verify(k.public[:], message(text, int64(at)), raw[12:]) {
			return Cosignature{}, errors.New("the cosignature is wrong")
		}
		if found.Line == "" {
			found = Cosignature{line + "\n", time.Unix(int64(at), 0).UTC()}
		}
	}
	if found.Line == "" {
		return found, errors.New("there is no cosignature with the key of the witness")
	}
	return found, nil
}
