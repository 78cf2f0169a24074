// Package format is the byte formats of the record that outsiders check:
// entries, field commitments, the RFC 6962 tree over entries, and the text in
// which documents are disclosed. It imports the standard library only, so that
// the offline verifier and the ledger share one definition and no third one is
// needed to check them. docs/FORMAT.md describes the same for other languages.
package format

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Version is the first line of every entry.
const Version = "countersign/1"

// NonceSize is the length of an entry's nonce in bytes.
const NonceSize = 16

// Entry is one act in the ledger: who did what to which record, when, under
// which control, and what the record said afterwards, as hashes only. It is
// kept for ever and holds no personal data: Record and Actor are random ids.
type Entry struct {
	Act        string   // record kind, dot, verb: "response.approved"
	Record     string   // id of the record
	Seq        int64    // 1, 2, 3 … without gaps within the record kind
	Time       int64    // Unix microseconds UTC, never earlier than the entry before
	Role       string   // role under which the actor acted
	Actor      string   // id of the person, token or "system"
	Controls   []string // criteria that justify the act: "CC2.3"
	Nonce      [NonceSize]byte
	Commitment [32]byte // RFC 6962 root over the salted fields of the document
	Sealed     [32]byte // SHA-256 of the encrypted document
}

// Kind returns the record kind, the part of Act before the dot.
func (e *Entry) Kind() string {
	kind, _, _ := strings.Cut(e.Act, ".")
	return kind
}

// Verb returns what was done, the part of Act after the dot.
func (e *Entry) Verb() string {
	_, verb, _ := strings.Cut(e.Act, ".")
	return verb
}

// Erased is the verb of an entry after which earlier versions of its record may
// lack content: it was erased.
const Erased = "erased"

// Append appends the entry's bytes, nine lines, to b.
func (e *Entry) Append(b []byte) []byte {
	b = append(b, Version...)
	b = append(append(b, '\n'), e.Act...)
	b = append(append(b, '\n'), e.Record...)
	b = strconv.AppendInt(append(b, '\n'), e.Seq, 10)
	b = strconv.AppendInt(append(b, ' '), e.Time, 10)
	b = append(append(b, '\n'), e.Role...)
	b = append(append(b, ' '), e.Actor...)
	b = append(b, '\n')
	for i, c := range e.Controls {
		if i > 0 {
			b = append(b, ' ')
		}
		b = append(b, c...)
	}
	b = base64.StdEncoding.AppendEncode(append(b, '\n'), e.Nonce[:])
	b = base64.StdEncoding.AppendEncode(append(b, '\n'), e.Commitment[:])
	b = base64.StdEncoding.AppendEncode(append(b, '\n'), e.Sealed[:])
	return append(b, '\n')
}

// maxEntry is what the two bytes of length in an entry bundle can say.
const maxEntry = 1<<16 - 1

// Check reports why e cannot be written: a field that is empty or holds a
// character that would make its bytes ambiguous, or too many bytes for an
// entry bundle.
func (e *Entry) Check() error {
	kind, verb, _ := strings.Cut(e.Act, ".")
	size := len(Version) + len(e.Act) + len(e.Record) + len(e.Role) + len(e.Actor) + 256
	for _, w := range [...]string{kind, verb, e.Record, e.Role, e.Actor} {
		if !isWord(w) {
			return fmt.Errorf("entry %q: %q is not a word", e.Act, w)
		}
	}
	for _, w := range e.Controls {
		if !isWord(w) {
			return fmt.Errorf("entry %q: control %q is not a word", e.Act, w)
		}
		size += len(w) + 1
	}
	if size > maxEntry {
		return fmt.Errorf("entry %q: longer than %d bytes", e.Act[:min(len(e.Act), 64)], maxEntry)
	}
	if e.Seq < 1 || e.Time < 0 {
		return fmt.Errorf("entry %q: sequence number or time out of range", e.Act)
	}
	return nil
}

// isWord reports whether w is one or more visible ASCII characters.
func isWord(w string) bool {
	for i := range len(w) {
		if w[i] <= ' ' || w[i] > '~' {
			return false
		}
	}
	return w != ""
}

// ParseEntry parses the bytes of one entry. It accepts only what Append
// writes, so two different byte strings never mean the same entry.
func ParseEntry(b []byte) (Entry, error) {
	var e Entry
	var lines [9]string
	rest := string(b)
	for i := range lines {
		var ok bool
		if lines[i], rest, ok = strings.Cut(rest, "\n"); !ok {
			return e, errors.New("entry is cut short")
		}
	}
	if rest != "" || lines[0] != Version {
		return e, errors.New("entry is not of version " + Version)
	}
	e.Act, e.Record = lines[1], lines[2]
	e.Role, e.Actor, _ = strings.Cut(lines[4], " ")
	if lines[5] != "" {
		e.Controls = strings.Split(lines[5], " ")
	}
	seq, at, _ := strings.Cut(lines[3], " ")
	var ok1, ok2 bool
	e.Seq, ok1 = parseInt(seq)
	e.Time, ok2 = parseInt(at)
	if !ok1 || !ok2 {
		return e, errors.New("entry has no sequence number and time")
	}
	for i, dst := range [...][]byte{e.Nonce[:], e.Commitment[:], e.Sealed[:]} {
		if err := decode64(dst, lines[6+i]); err != nil {
			return e, fmt.Errorf("entry line %d: %w", 7+i, err)
		}
	}
	return e, e.Check()
}

var strict64 = base64.StdEncoding.Strict()

// decode64 decodes s, the one base64 form of exactly len(dst) <= 68 bytes,
// into dst. The length is compared first because the decoder skips line ends.
func decode64[T string | []byte](dst []byte, s T) error {
	if len(s) == base64.StdEncoding.EncodedLen(len(dst)) {
		var src [92]byte
		var buf [69]byte
		n, err := strict64.Decode(buf[:], src[:copy(src[:], s)])
		if err == nil && n == len(dst) {
			copy(dst, buf[:n])
			return nil
		}
	}
	return fmt.Errorf("want base64 of %d bytes", len(dst))
}
