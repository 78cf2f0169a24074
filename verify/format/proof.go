package format

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// proofVersion is the first line of a C2SP tlog-proof.
const proofVersion = "c2sp.org/tlog-proof@v1"

// Proof is that an entry is in a log: C2SP tlog-proof.
type Proof struct {
	Extra      []byte // which the proof itself does not authenticate; may be empty
	Index      int64
	Hashes     []Hash // RFC 6962 §2.1.1 audit path
	Checkpoint []byte // signed note, for Key.Open
}

// Append appends the bytes that ParseProof reads.
func (p *Proof) Append(b []byte) []byte {
	b = append(b, proofVersion+"\n"...)
	if len(p.Extra) > 0 {
		b = append(base64.StdEncoding.AppendEncode(append(b, "extra "...), p.Extra), '\n')
	}
	b = append(b, "index "...)
	b = append(strconv.AppendInt(b, p.Index, 10), '\n')
	b = append(AppendHashes(b, p.Hashes), '\n')
	return append(b, p.Checkpoint...)
}

// ParseProof parses a proof. The checkpoint is part of b and not checked.
func ParseProof(b []byte) (Proof, error) {
	var p Proof
	head, checkpoint, ok := bytes.Cut(b, []byte("\n\n"))
	lines := strings.Split(string(head), "\n")
	if !ok || len(lines) < 2 || lines[0] != proofVersion {
		return p, errors.New("not a proof of the form " + proofVersion)
	}
	lines = lines[1:]
	if extra, ok := strings.CutPrefix(lines[0], "extra "); ok && len(lines) > 1 {
		var err error
		p.Extra, err = strict64.DecodeString(extra)
		if err != nil || len(p.Extra) == 0 || base64.StdEncoding.EncodedLen(len(p.Extra)) != len(extra) {
			return p, errors.New("the extra line of the proof is not base64")
		}
		lines = lines[1:]
	}
	index, ok := strings.CutPrefix(lines[0], "index ")
	if p.Index, ok = parseIntIf(ok, index); !ok {
		return p, errors.New("the proof does not say its index")
	}
	p.Checkpoint = checkpoint
	var err error
	p.Hashes, err = parseHashes(lines[1:], "")
	return p, err
}

// maxHashes is more than any proof in a tree of 2^63 entries, or any list of
// subtrees, needs.
const maxHashes = 128

// AppendHashes appends hashes in base64, one a line.
func AppendHashes(b []byte, hashes []Hash) []byte { return appendHashes(b, "", hashes) }

// ParseHashes parses what AppendHashes writes.
func ParseHashes(b []byte) ([]Hash, error) {
	lines, err := cutLines(b)
	if err != nil {
		return nil, err
	}
	return parseHashes(lines, "")
}

func appendHashes(b []byte, label string, hashes []Hash) []byte {
	for i := range hashes {
		b = base64.StdEncoding.AppendEncode(append(b, label...), hashes[i][:])
		b = append(b, '\n')
	}
	return b
}

func parseHashes(lines []string, label string) ([]Hash, error) {
	if len(lines) > maxHashes {
		return nil, fmt.Errorf("%d hashes are too many", len(lines))
	}
	hashes := make([]Hash, len(lines))
	for i, line := range lines {
		encoded, ok := strings.CutPrefix(line, label)
		if err := decode64(hashes[i][:], encoded); err != nil || !ok {
			return nil, fmt.Errorf("hash %d: want \"%s<base64 of 32 bytes>\"", i+1, label)
		}
	}
	return hashes, nil
}

// cutLines splits lines that each end in a newline.
func cutLines(b []byte) ([]string, error) {
	if len(b) == 0 {
		return nil, nil
	}
	text, ok := strings.CutSuffix(string(b), "\n")
	if !ok {
		return nil, errors.New("the last line has no end")
	}
	return strings.Split(text, "\n"), nil
}

func parseIntIf(ok bool, s string) (int64, bool) {
	n, isInt := parseInt(s)
	return n, ok && isInt
}

// Range is a part of a log, and the rest of its tree as hashes.
type Range struct {
	First, Count int64
	Left, Right  []Hash // roots of the complete subtrees before and after, from left to right
}

// Append appends the lines that ParseRange reads.
func (r *Range) Append(b []byte) []byte {
	b = fmt.Appendf(b, "first %d\ncount %d\n", r.First, r.Count)
	return appendHashes(appendHashes(b, "left ", r.Left), "right ", r.Right)
}

// ParseRange parses a range. It is not checked against a tree.
func ParseRange(b []byte) (Range, error) {
	var r Range
	lines, err := cutLines(b)
	if err != nil {
		return r, err
	}
	if len(lines) < 2 {
		return r, errors.New(`want the lines "first N" and "count M"`)
	}
	first, ok1 := strings.CutPrefix(lines[0], "first ")
	count, ok2 := strings.CutPrefix(lines[1], "count ")
	r.First, ok1 = parseIntIf(ok1, first)
	r.Count, ok2 = parseIntIf(ok2, count)
	if !ok1 || !ok2 || r.First+r.Count < r.First {
		return r, errors.New(`want the lines "first N" and "count M"`)
	}
	lines = lines[2:]
	n := 0
	for n < len(lines) && strings.HasPrefix(lines[n], "left ") {
		n++
	}
	if r.Left, err = parseHashes(lines[:n], "left "); err != nil {
		return r, err
	}
	r.Right, err = parseHashes(lines[n:], "right ")
	return r, err
}

// Reference is an entry outside a range, with its proof.
type Reference struct {
	Index int64
	Entry []byte
	Proof []Hash // RFC 6962 §2.1.1 audit path
}

// Append appends the block of lines that References reads.
func (r *Reference) Append(b []byte) []byte {
	b = append(strconv.AppendInt(append(b, "entry "...), r.Index, 10), "\nbytes "...)
	b = append(base64.StdEncoding.AppendEncode(b, r.Entry), '\n')
	return append(appendHashes(b, "proof ", r.Proof), '\n')
}

// References reads references one after the other.
type References struct{ blocks blocks }

// NewReferences returns a reader of the references in r.
func NewReferences(r io.Reader) *References { return &References{blocks{r: r}} }

// Next returns the next reference, io.EOF after the last.
func (r *References) Next() (Reference, error) {
	block, err := r.blocks.next()
	if err != nil {
		return Reference{}, err
	}
	return ParseReference(block)
}

// Span returns where in the reader the block of the last reference is, for
// ParseReference: offset and length in bytes.
func (r *References) Span() (offset int64, size int) { return r.blocks.span() }

// ParseReference parses the block of one reference, without its empty line.
func ParseReference(block []byte) (Reference, error) {
	var ref Reference
	lines, err := cutLines(block)
	if err != nil {
		return ref, err
	}
	if len(lines) == 0 {
		return ref, errors.New("a reference is empty")
	}
	index, ok := strings.CutPrefix(lines[0], "entry ")
	if ref.Index, ok = parseIntIf(ok, index); !ok {
		return ref, errors.New(`a reference does not begin with "entry N"`)
	}
	if len(lines) < 2 {
		return ref, fmt.Errorf("reference to entry %d has no bytes", ref.Index)
	}
	encoded, ok := strings.CutPrefix(lines[1], "bytes ")
	ref.Entry, err = strict64.DecodeString(encoded)
	if err != nil || !ok || base64.StdEncoding.EncodedLen(len(ref.Entry)) != len(encoded) {
		return ref, fmt.Errorf("reference to entry %d has no bytes", ref.Index)
	}
	if ref.Proof, err = parseHashes(lines[2:], "proof "); err != nil {
		return ref, fmt.Errorf("reference to entry %d: %w", ref.Index, err)
	}
	return ref, nil
}
