package format

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// algEd25519 is the type byte of Ed25519 keys (C2SP signed-note).
const algEd25519 = 1

// Key is the key that a log's checkpoints verify with: a C2SP signed-note
// verifier key of type Ed25519. The zero Key verifies nothing.
type Key struct {
	Origin string // name of the log
	id     [4]byte
	public [ed25519.PublicKeySize]byte
}

// NewKey returns the verifier key of a log. It fails where origin is empty or
// holds a space, a plus or a character that does not show.
func NewKey(origin string, public ed25519.PublicKey) (Key, error) {
	id, err := keyID(algEd25519, origin, public)
	if err != nil {
		return Key{}, err
	}
	return Key{origin, id, [ed25519.PublicKeySize]byte(public)}, nil
}

// ParseKey parses origin+id+key, the id in 8 hex digits and the key, with its
// type byte, in base64.
func ParseKey(s string) (Key, error) {
	origin, public, err := parseKey(algEd25519, s)
	if err != nil {
		return Key{}, err
	}
	k, err := NewKey(origin, public)
	if err == nil && k.String() != s {
		err = errDigits
	}
	return k, err
}

// String returns the form that ParseKey reads.
func (k Key) String() string { return keyString(algEd25519, k.Origin, k.id, k.public) }

var errDigits = errors.New("the digits of the verifier key do not belong to the key")

// keyID returns the id of a key by its type byte, name and content.
func keyID(alg byte, name string, public ed25519.PublicKey) (id [4]byte, err error) {
	if err := checkName(name); err != nil {
		return id, err
	}
	if len(public) != ed25519.PublicKeySize {
		return id, errors.New("an Ed25519 public key has 32 bytes")
	}
	sum := sha256.Sum256(append(append([]byte(name), '\n', alg), public...))
	return [4]byte(sum[:]), nil
}

// checkName reports why a key cannot have a name.
func checkName(name string) error {
	hidden := func(r rune) bool { return r == '+' || unicode.IsSpace(r) || !unicode.IsGraphic(r) }
	if name == "" || !utf8.ValidString(name) || strings.ContainsFunc(name, hidden) {
		return fmt.Errorf("%.80q cannot be the name of a log or a witness", name)
	}
	return nil
}

// parseKey returns the name and the content of a verifier key, whose digits are
// not checked.
func parseKey(alg byte, s string) (name string, public ed25519.PublicKey, err error) {
	name, rest, _ := strings.Cut(s, "+")
	_, encoded, _ := strings.Cut(rest, "+")
	var typed [1 + ed25519.PublicKeySize]byte
	if err := decode64(typed[:], encoded); err != nil {
		return "", nil, errors.New("the verifier key is not of the form name+8 hex digits+base64 of an Ed25519 key")
	}
	if typed[0] != alg {
		return "", nil, fmt.Errorf("the verifier key of %.80q is of type %d, where type %d is wanted: %s", name, typed[0], alg,
			map[byte]string{algEd25519: "a log's", algCosignature: "a witness's"}[alg])
	}
	return name, typed[1:], nil
}

func keyString(alg byte, name string, id [4]byte, public [ed25519.PublicKeySize]byte) string {
	return name + "+" + hex.EncodeToString(id[:]) + "+" + base64.StdEncoding.EncodeToString(append([]byte{alg}, public[:]...))
}

// Checkpoint is the head of a log: C2SP tlog-checkpoint without extension
// lines.
type Checkpoint struct {
	Origin string
	Size   int64
	Root   Hash
}

// Append appends the text that is signed.
func (c *Checkpoint) Append(b []byte) []byte {
	b = append(append(b, c.Origin...), '\n')
	b = append(strconv.AppendInt(b, c.Size, 10), '\n')
	return append(base64.StdEncoding.AppendEncode(b, c.Root[:]), '\n')
}

var errCheckpoint = errors.New("a checkpoint is origin, size and root, an empty line and a signature")

// Open returns the checkpoint in a signed note after checking that it is of
// this log and signed with this key. The note carries that signature alone: a
// line that nobody checks could be altered without notice.
func (k Key) Open(note []byte) (Checkpoint, error) {
	text, signatures, ok := bytes.Cut(note, []byte("\n\n"))
	lines := strings.Split(string(text), "\n")
	if k.Origin == "" {
		return Checkpoint{}, errors.New("there is no key to check the checkpoint with")
	}
	if !ok || len(lines) != 3 {
		return Checkpoint{}, errCheckpoint
	}
	c := Checkpoint{Origin: lines[0]}
	if c.Origin != k.Origin {
		return c, fmt.Errorf("the checkpoint is of %q, the key of %q", c.Origin, k.Origin)
	}
	if c.Size, ok = parseInt(lines[1]); !ok {
		return c, fmt.Errorf("the checkpoint has the bad size %.40q", lines[1])
	}
	if err := decode64(c.Root[:], lines[2]); err != nil {
		return c, fmt.Errorf("the root of the checkpoint: %w", err)
	}
	signature, byLog := strings.CutPrefix(string(signatures), "— "+k.Origin+" ")
	signature, ended := strings.CutSuffix(signature, "\n")
	var raw [4 + ed25519.SignatureSize]byte
	if err := decode64(raw[:], signature); err != nil || !byLog || !ended {
		return c, errors.New("the checkpoint is not signed by its log, once, and by nobody else")
	}
	if [4]byte(raw[:]) != k.id {
		return c, errors.New("the checkpoint is signed with another key")
	}
	if !ed25519.Verify(k.public[:], note[:len(text)+1], raw[4:]) {
		return c, errors.New("the signature of the checkpoint is wrong")
	}
	return c, nil
}
