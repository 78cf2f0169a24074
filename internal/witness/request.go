package witness

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/mod/sumdb/note"

	"example.org/countersign/verify/format"
)

const (
	maxBody   = 64 << 10 // bytes of a request or an answer
	maxProof  = 63       // hashes, C2SP tlog-witness
	maxOrigin = 255      // bytes, C2SP tlog-cosignature
)

// request is the body of add-checkpoint.
type request struct {
	old   int64
	proof []format.Hash
	note  []byte // signed checkpoint, not parsed yet
}

// parseRequest parses the body of add-checkpoint.
func parseRequest(body []byte) (request, error) {
	var r request
	head, rest, ok := bytes.Cut(body, []byte("\n\n"))
	line, proof, _ := bytes.Cut(head, []byte("\n"))
	old, isOld := strings.CutPrefix(string(line), "old ")
	if !ok || !isOld {
		return r, errors.New(`want "old N", the lines of a consistency proof, an empty line and a checkpoint`)
	}
	var err error
	if r.old, err = parseSize(old); err != nil {
		return r, fmt.Errorf("old size: %w", err)
	}
	if len(proof) > 0 {
		if bytes.Count(proof, []byte("\n")) >= maxProof {
			return r, fmt.Errorf("a proof has at most %d lines", maxProof)
		}
		if r.proof, err = format.ParseHashes(append(proof[:len(proof):len(proof)], '\n')); err != nil {
			return r, fmt.Errorf("consistency proof: %w", err)
		}
	}
	r.note = rest
	return r, nil
}

// append appends the body that parseRequest reads.
func (r *request) append(b []byte) []byte {
	b = append(strconv.AppendInt(append(b, "old "...), r.old, 10), '\n')
	return append(append(format.AppendHashes(b, r.proof), '\n'), r.note...)
}

// parseSize parses a size: decimal, no sign, no leading zero.
func parseSize(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 || strconv.FormatInt(n, 10) != s {
		return 0, fmt.Errorf("%.30q is not a size", s)
	}
	return n, nil
}

// checkpoint is a signed checkpoint. Unlike format.Checkpoint it may have
// extension lines and signatures of several keys.
type checkpoint struct {
	format.Checkpoint
	text   []byte   // what is signed
	lines  []string // of the signatures, each without its newline
	signed []note.Signature
}

// parseCheckpoint parses a signed checkpoint (C2SP tlog-checkpoint). Its
// signatures are not checked.
func parseCheckpoint(raw []byte) (checkpoint, error) {
	var c checkpoint
	i := bytes.LastIndex(raw, []byte("\n\n"))
	if i < 0 || !utf8.Valid(raw) || bytes.ContainsFunc(raw, func(r rune) bool { return r < ' ' && r != '\n' }) {
		return c, errors.New("not a signed checkpoint")
	}
	signatures, ended := strings.CutSuffix(string(raw[i+2:]), "\n")
	c.text, c.lines = raw[:i+1], strings.Split(signatures, "\n")
	lines := strings.Split(string(raw[:i]), "\n")
	if !ended || len(lines) < 3 || lines[0] == "" {
		return c, errors.New("a checkpoint is origin, size and root, an empty line and signatures")
	}
	for _, extension := range lines[3:] {
		if extension == "" {
			return c, errors.New("a checkpoint has an empty extension line")
		}
	}
	c.Origin = lines[0]
	var err error
	if c.Size, err = parseSize(lines[1]); err != nil {
		return c, fmt.Errorf("size of the checkpoint: %w", err)
	}
	root, err := format.ParseHashes([]byte(lines[2] + "\n"))
	if err != nil {
		return c, fmt.Errorf("root of the checkpoint: %w", err)
	}
	c.Root = root[0]
	return c, nil
}

// verify checks that one of the keys signed the checkpoint, and that none of
// the signatures under their names is wrong.
func (c *checkpoint) verify(keys ...note.Verifier) error {
	raw := append(bytes.Clone(c.text), "\n"+strings.Join(c.lines, "\n")+"\n"...)
	n, err := note.Open(raw, note.VerifierList(keys...))
	switch err.(type) {
	case nil:
		c.signed = n.Sigs
		return nil
	case *note.UnverifiedNoteError:
		return errors.New("the checkpoint is not signed with a key of its log")
	case *note.InvalidSignatureError:
		return errors.New("a signature of the checkpoint is wrong")
	}
	return errMalformed
}

// errMalformed is that of signature lines that are none.
var errMalformed = errors.New("the signatures are not those of a signed note")

// kept returns the checkpoint with the signatures that verify found good.
func (c *checkpoint) kept() string {
	out := string(c.text) + "\n"
	for _, s := range c.signed {
		out += "— " + s.Name + " " + s.Base64 + "\n"
	}
	return out
}
