package format

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// SaltSize is the length of a field's salt in bytes.
const SaltSize = 16

// Field is one field of a document: its JSON name and value and the salt that
// commits them. A redacted field shows its leaf hash only.
type Field struct {
	Name  string
	Value []byte // JSON, one line
	Salt  [SaltSize]byte

	Redacted bool
	Leaf     Hash // of a redacted field
}

// Hash returns the leaf of the field in the document's commitment:
// SHA-256(0x00 || salt || len(name) as two bytes big endian || name || value).
func (f *Field) Hash() Hash {
	if f.Redacted {
		return f.Leaf
	}
	var buf [1024]byte
	b := append(buf[:0], 0)
	b = append(b, f.Salt[:]...)
	b = append(b, byte(len(f.Name)>>8), byte(len(f.Name)))
	b = append(b, f.Name...)
	return sha256.Sum256(append(b, f.Value...))
}

// Commit returns the RFC 6962 root over the fields, which are in the order of
// their names.
func Commit(fields []Field) Hash {
	var edge [16]Hash
	t := Tree{Edge: edge[:0]}
	for i := range fields {
		t.Append(fields[i].Hash())
	}
	return t.Root()
}

// Document is what entry Index says, as far as it is shown.
type Document struct {
	Index  int64
	Fields []Field
}

// Field returns the JSON value of a shown field, nil where there is none.
func (d *Document) Field(name string) []byte {
	for i := range d.Fields {
		if d.Fields[i].Name == name {
			return d.Fields[i].Value
		}
	}
	return nil
}

// Append appends the document in the form that ReadDocuments reads:
//
//	entry 17
//	<salt, base64> name <JSON value>
//	- <leaf hash, base64>
//
// and an empty line; the second form of line is a redacted field.
func (d *Document) Append(b []byte) []byte {
	b = strconv.AppendInt(append(b, "entry "...), d.Index, 10)
	b = append(b, '\n')
	for i := range d.Fields {
		f := &d.Fields[i]
		if f.Redacted {
			b = base64.StdEncoding.AppendEncode(append(b, "- "...), f.Leaf[:])
		} else {
			b = base64.StdEncoding.AppendEncode(b, f.Salt[:])
			b = append(append(b, ' '), f.Name...)
			b = append(append(b, ' '), f.Value...)
		}
		b = append(b, '\n')
	}
	return append(b, '\n')
}

// ReadDocuments calls f for each document in r. The document is valid until f
// returns. A block longer than 16 MiB is refused.
func ReadDocuments(r io.Reader, f func(*Document) error) error {
	var d Document
	lines := newLines(r)
	for {
		line, err := lines.next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		index, ok := bytes.CutPrefix(line, []byte("entry "))
		if !ok {
			return fmt.Errorf("line %d: want \"entry N\"", lines.n)
		}
		if d.Index, err = strconv.ParseInt(string(index), 10, 64); err != nil || strconv.FormatInt(d.Index, 10) != string(index) {
			return fmt.Errorf("line %d: bad entry number", lines.n)
		}
		if d.Fields, err = lines.fields(d.Fields[:0]); err != nil {
			return err
		}
		if err := f(&d); err != nil {
			return err
		}
	}
}

// fields reads field lines up to and including the empty line after them.
func (l *lines) fields(fields []Field) ([]Field, error) {
	last := ""
	for {
		line, err := l.next()
		if err != nil {
			return nil, fmt.Errorf("line %d: document is cut short", l.n)
		}
		if len(line) == 0 {
			return fields, nil
		}
		var f Field
		if leaf, ok := bytes.CutPrefix(line, []byte("- ")); ok {
			f.Redacted = true
			if err := decode64(f.Leaf[:], string(leaf)); err != nil {
				return nil, fmt.Errorf("line %d: %w", l.n, err)
			}
			fields = append(fields, f)
			continue
		}
		salt, rest, ok1 := strings.Cut(string(line), " ")
		name, value, ok2 := strings.Cut(rest, " ")
		if err := decode64(f.Salt[:], salt); err != nil || !ok1 || !ok2 || name <= last {
			return nil, fmt.Errorf("line %d: want salt, name in order, value", l.n)
		}
		f.Name, f.Value, last = name, []byte(value), name
		fields = append(fields, f)
	}
}

// lines reads lines of any length up to maxBlock.
type lines struct {
	r   io.Reader
	buf []byte
	pos int
	n   int
	end bool
}

const maxBlock = 16 << 20

func newLines(r io.Reader) *lines { return &lines{r: r, buf: make([]byte, 0, 64<<10)} }

// next returns the next line without its newline; a last line without one is
// an error, so that a cut file is noticed.
func (l *lines) next() ([]byte, error) {
	scanned := l.pos
	for {
		if i := bytes.IndexByte(l.buf[scanned:], '\n'); i >= 0 {
			line := l.buf[l.pos : scanned+i]
			l.pos = scanned + i + 1
			l.n++
			return line, nil
		}
		if l.end {
			if l.pos == len(l.buf) {
				return nil, io.EOF
			}
			return nil, errors.New("last line has no end")
		}
		if err := l.fill(); err != nil {
			return nil, err
		}
		scanned = l.pos
	}
}

// fill reads more behind what is not used yet.
func (l *lines) fill() error {
	if l.pos > 0 {
		l.buf = l.buf[:copy(l.buf, l.buf[l.pos:])]
		l.pos = 0
	}
	if len(l.buf) == cap(l.buf) {
		if cap(l.buf) >= maxBlock {
			return fmt.Errorf("line %d is longer than %d bytes", l.n+1, maxBlock)
		}
		l.buf = append(make([]byte, 0, 2*cap(l.buf)), l.buf...)
	}
	n, err := l.r.Read(l.buf[len(l.buf):cap(l.buf)])
	l.buf = l.buf[:len(l.buf)+n]
	if err == io.EOF {
		l.end = true
		return nil
	}
	return err
}
