package format

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"
)

// algCosignature is the type byte of keys that make timestamped Ed25519
// cosignatures (C2SP tlog-cosignature).
const algCosignature = 4

// WitnessKey is the key that a witness's cosignatures verify with: a C2SP
// signed-note verifier key of type timestamped Ed25519.
type WitnessKey struct {
	Name   string
	id     [4]byte
	public [ed25519.PublicKeySize]byte
}

// NewWitnessKey returns the verifier key of a witness. It fails where the name
// is none that a log could have.
func NewWitnessKey(name string, public ed25519.PublicKey) (WitnessKey, error) {
	id, err := keyID(algCosignature, name, public)
	if err != nil {
		return WitnessKey{}, err
	}
	return WitnessKey{name, id, [ed25519.PublicKeySize]byte(public)}, nil
}

// ParseWitnessKey parses name+id+key, the id in 8 hex digits and the key, with
// its type byte, in base64.
func ParseWitnessKey(s string) (WitnessKey, error) {
	name, public, err := parseKey(algCosignature, s)
	if err != nil {
		return WitnessKey{}, err
	}
	k, err := NewWitnessKey(name, public)
	if err == nil && k.String() != s {
		err = errDigits
	}
	return k, err
}

// String returns the form that ParseWitnessKey reads.
func (k WitnessKey) String() string { return keyString(algCosignature, k.Name, k.id, k.public) }

// CosignatureMessage returns what a witness signs to say that it saw the text
// of a checkpoint at a time, in Unix seconds.
func CosignatureMessage(text []byte, at int64) []byte {
	return append(fmt.Appendf(nil, "cosignature/v1\ntime %d\n", at), text...)
}

// AppendCosignature appends the line of a signed note that holds a witness's
// signature of CosignatureMessage.
func (k WitnessKey) AppendCosignature(b []byte, at int64, signature []byte) []byte {
	raw := binary.BigEndian.AppendUint64(k.id[:], uint64(at))
	return appendSignature(b, k.Name, append(raw, signature...))
}

func appendSignature(b []byte, name string, raw []byte) []byte {
	b = append(append(append(b, "— "...), name...), ' ')
	return append(base64.StdEncoding.AppendEncode(b, raw), '\n')
}

// Cosigned is a checkpoint that its log signed, with what others say of it.
type Cosigned struct {
	Checkpoint
	Text  []byte      // that was signed
	Lines []Signature // of others than the log, none of them checked
}

// Signature is a signature line of a note.
type Signature struct {
	Name  string // of the key
	ID    [4]byte
	Bytes []byte // behind the id
}

// Limits of a cosigned checkpoint. Verifiers accept 16 lines at least, and a
// signature that withstands quantum computers has 2,432 bytes.
const (
	maxSignatures = 64
	maxSignature  = 8 << 10 // characters of base64
)

// OpenCosigned returns the checkpoint in a signed note after checking that it
// is of this log and signed with this key, once. Lines of other keys are
// returned as they are; no key has two.
func (k Key) OpenCosigned(note []byte) (*Cosigned, error) {
	text, lines, ok := bytes.Cut(note, []byte("\n\n"))
	if !ok {
		return nil, errCheckpoint
	}
	c := &Cosigned{Text: note[:len(text)+1]}
	all, err := parseSignatures(lines)
	if err != nil {
		return nil, err
	}
	var own []byte
	for _, s := range all {
		if s.Name == k.Origin && s.ID == k.id {
			own = appendSignature(own, s.Name, append(s.ID[:], s.Bytes...))
		} else {
			c.Lines = append(c.Lines, s)
		}
	}
	if own == nil && len(all) > 1 {
		return nil, errors.New("the checkpoint is not signed with the key of its log")
	}
	if own == nil {
		own = lines // for Open to say what is wrong with it
	}
	c.Checkpoint, err = k.Open(append(append(bytes.Clone(c.Text), '\n'), own...))
	return c, err
}

// parseSignatures parses the signature lines of a note.
func parseSignatures(b []byte) ([]Signature, error) {
	lines, err := cutLines(b)
	if err != nil {
		return nil, fmt.Errorf("signatures of the checkpoint: %w", err)
	}
	if len(lines) > maxSignatures {
		return nil, fmt.Errorf("the checkpoint has %d signatures, more than %d", len(lines), maxSignatures)
	}
	var all []Signature
	for i, line := range lines {
		s, err := parseSignature(line)
		if err != nil {
			return nil, fmt.Errorf("signature %d of the checkpoint: %w", i+1, err)
		}
		for _, other := range all {
			if other.Name == s.Name && other.ID == s.ID {
				return nil, fmt.Errorf("the checkpoint has two signatures with one key of %q", s.Name)
			}
		}
		all = append(all, s)
	}
	return all, nil
}

func parseSignature(line string) (Signature, error) {
	rest, ok := strings.CutPrefix(line, "— ")
	name, encoded, more := strings.Cut(rest, " ")
	if !ok || !more || len(encoded) > maxSignature || checkName(name) != nil {
		return Signature{}, errors.New("want a dash, a name and base64")
	}
	raw, err := strict64.DecodeString(encoded)
	if err != nil || len(raw) < 5 || base64.StdEncoding.EncodedLen(len(raw)) != len(encoded) {
		return Signature{}, errors.New("want base64 of an id and a signature")
	}
	return Signature{name, [4]byte(raw), raw[4:]}, nil
}

// Cosigned returns when the witness cosigned a checkpoint, in Unix seconds, and
// whether it did. A line with its key that does not verify is an error: the
// whole note is worthless then (C2SP signed-note).
func (k WitnessKey) Cosigned(c *Cosigned) (at int64, signed bool, err error) {
	for _, s := range c.Lines {
		if s.Name != k.Name || s.ID != k.id {
			continue
		}
		if len(s.Bytes) != 8+ed25519.SignatureSize {
			return 0, false, fmt.Errorf("the cosignature of %q has a wrong length", k.Name)
		}
		t := binary.BigEndian.Uint64(s.Bytes)
		if t > math.MaxInt64 || !ed25519.Verify(k.public[:], CosignatureMessage(c.Text, int64(t)), s.Bytes[8:]) {
			return 0, false, fmt.Errorf("the cosignature of %q is wrong", k.Name)
		}
		return int64(t), true, nil
	}
	return 0, false, nil
}
