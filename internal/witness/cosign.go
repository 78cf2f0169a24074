package witness

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"strings"
	"time"

	"example.org/countersign/verify/format"
)

// Cosignature is what a witness says of a checkpoint.
type Cosignature struct {
	Line string    // of the signed note, with its newline
	Time time.Time // when the tree was the largest that the witness had seen, to the second
}

// cosign returns the signature line that cosigns the text of a checkpoint at a
// time, in Unix seconds.
func cosign(k format.WitnessKey, private ed25519.PrivateKey, text []byte, at int64) string {
	return string(k.AppendCosignature(nil, at, ed25519.Sign(private, format.CosignatureMessage(text, at))))
}

// find returns the cosignature with this key of a checkpoint's text among the
// lines that a witness answers. Whatever else it answers is passed over; a wrong
// one with this key makes all of them worthless (C2SP signed-note).
func find(k format.WitnessKey, text []byte, lines []string) (Cosignature, error) {
	var found Cosignature
	for _, line := range lines {
		rest, _ := strings.CutPrefix(line, "— ")
		name, encoded, _ := strings.Cut(rest, " ")
		raw, err := base64.StdEncoding.Strict().DecodeString(encoded)
		if err != nil || len(raw) < 4 || len(rest) == len(line) {
			continue
		}
		s := format.Signature{Name: name, ID: [4]byte(raw), Bytes: raw[4:]}
		at, signed, err := k.Cosigned(&format.Cosigned{Text: text, Lines: []format.Signature{s}})
		if err != nil {
			return Cosignature{}, err
		}
		if signed && found.Line == "" {
			found = Cosignature{line + "\n", time.Unix(at, 0).UTC()}
		}
	}
	if found.Line == "" {
		return found, errors.New("there is no cosignature with the key of the witness")
	}
	return found, nil
}
