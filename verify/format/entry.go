// Package format is the byte formats of the record that outsiders check:
// entries, field commitments, the RFC 6962 tree over entries, and the text in
// which documents are disclosed. It imports the standard library only, so that
// the offline verifier and the ledger share one definition and no third one is
// needed to check them. docs/FORMAT.md describes the same for other languages.
package format

import (
	"bytes"
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

// Check reports why e cannot be written: a field that is empty or holds a
// character that would make its bytes ambiguous.
func (e *Entry) Check() error {
	kind, verb, ok := strings.Cut(e.Act, ".")
	words := append([]string{kind, verb, e.Record, e.Role, e.Actor}, e.Controls...)
	for _, w := range words {
		if w == "" || strings.ContainsFunc(w, func(r rune) bool { return r <= ' ' || r > '~' }) {
			return fmt.Errorf("entry %s: %q is not a word", e.Act, w)
		}
	}
	if !ok || e.Seq < 1 || e.Time < 0 {
		return fmt.Errorf("entry %s: act, sequence or time out of range", e.Act)
	}
	return nil
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
	seq, at, _ := strings.Cut(lines[3], " ")
	e.Role, e.Actor, _ = strings.Cut(lines[4], " ")
	if lines[5] != "" {
		e.Controls = strings.Split(lines[5], " ")
	}
	var err error
	if e.Seq, err = strconv.ParseInt(seq, 10, 64); err != nil {
		return e, errors.New("entry has no sequence number")
	}
	if e.Time, err = strconv.ParseInt(at, 10, 64); err != nil {
		return e, errors.New("entry has no time")
	}
	for i, dst := range [][]byte{e.Nonce[:], e.Commitment[:], e.Sealed[:]} {
		if err := decode64(dst, lines[6+i]); err != nil {
			return e, fmt.Errorf("entry line %d: %w", 7+i, err)
		}
	}
	if err := e.Check(); err != nil {
		return e, err
	}
	var buf [512]byte
	if !bytes.Equal(e.Append(buf[:0]), b) {
		return e, errors.New("entry is not in its one form")
	}
	return e, nil
}

// decode64 decodes s, strict base64 of exactly len(dst) bytes, into dst.
func decode64(dst []byte, s string) error {
	var buf [48]byte
	if base64.StdEncoding.DecodedLen(len(s)) > len(buf) {
		return errors.New("base64 too long")
	}
	n, err := base64.StdEncoding.Strict().Decode(buf[:], []byte(s))
	if err != nil || n != len(dst) {
		return fmt.Errorf("want base64 of %d bytes", len(dst))
	}
	copy(dst, buf[:n])
	return nil
}
