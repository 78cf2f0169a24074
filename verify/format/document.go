package format

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// SaltSize is the length of a field's salt in bytes.
const SaltSize = 16

// Field is one field of a document: its JSON name (at most 65,535 bytes, no
// space or control character) and value and the salt that commits them. A redacted field shows its leaf hash only.
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
	var buf [32]Hash
	level := buf[:0]
	for i := range fields {
		level = append(level, fields[i].Hash())
	}
	if len(level) == 0 {
		return sha256.Sum256(nil)
	}
	// Pairs from the left, the odd one carried over, make the same tree as the
	// recursion of RFC 6962 §2.1.
	for len(level) > 1 {
		n := 0
		for i := 0; i < len(level); i += 2 {
			level[n] = level[i]
			if i+1 < len(level) {
				level[n] = NodeHash(level[i], level[i+1])
			}
			n++
		}
		level = level[:n]
	}
	return level[0]
}

// Document is what entry Index says, as far as it is shown.
type Document struct {
	Index  int64
	Fields []Field

	names map[string]string // see intern
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

// Lacks reports whether the document proves that it has no field of a name.
// Fields are in the order of their names, so a redacted one can have it only
// where it stands between the shown ones that the name falls between.
func (d *Document) Lacks(name string) bool {
	hidden := false
	for i := range d.Fields {
		switch f := &d.Fields[i]; {
		case f.Redacted:
			hidden = true
		case f.Name == name:
			return false
		case f.Name > name:
			return !hidden
		default:
			hidden = false
		}
	}
	return !hidden
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

// Parse reads into d what Append wrote, up to and without the empty line. The
// values are parts of block: they are valid as long as it is. Names of shown
// fields must ascend, so that a document has one form.
func (d *Document) Parse(block []byte) error {
	line, rest, _ := bytes.Cut(block, newline)
	number, ok := bytes.CutPrefix(line, []byte("entry "))
	if !ok {
		return errors.New(`a document does not begin with "entry N"`)
	}
	if d.Index, ok = parseInt(number); !ok {
		return fmt.Errorf("a document has the bad entry number %.40q", number)
	}
	if d.names == nil {
		d.names = make(map[string]string)
	}
	d.Fields = d.Fields[:0]
	last := ""
	for n := 2; len(rest) > 0; n++ {
		line, rest, _ = bytes.Cut(rest, newline)
		f := d.grow()
		if err := d.parseField(f, line); err != nil {
			return fmt.Errorf("document of entry %d, line %d: %w", d.Index, n, err)
		}
		if f.Redacted {
			continue
		}
		if f.Name <= last {
			return fmt.Errorf("document of entry %d, line %d: field %.80q is not in the order of the names", d.Index, n, f.Name)
		}
		last = f.Name
	}
	return nil
}

var newline = []byte("\n")

// grow adds a field. It has the name of the field at its place in the document
// before, which is often its own.
func (d *Document) grow() *Field {
	n := len(d.Fields)
	if n == cap(d.Fields) {
		d.Fields = append(d.Fields, Field{})
	}
	d.Fields = d.Fields[:n+1]
	f := &d.Fields[n]
	*f = Field{Name: f.Name}
	return f
}

// maxName is what the two bytes of length in a field's hash can say.
const maxName = 1<<16 - 1

func (d *Document) parseField(f *Field, line []byte) error {
	if leaf, ok := bytes.CutPrefix(line, []byte("- ")); ok {
		f.Name, f.Redacted = "", true
		return decode64(f.Leaf[:], leaf)
	}
	salt, rest, _ := bytes.Cut(line, []byte(" "))
	name, value, ok := bytes.Cut(rest, []byte(" "))
	if !ok || len(name) > maxName {
		return errors.New("want salt, name and value")
	}
	if f.Value = value; f.Name != string(name) {
		f.Name = d.intern(name)
	}
	return decode64(f.Salt[:], salt)
}

// intern returns name as a string without making one for every field: a file
// of documents has few different names.
func (d *Document) intern(name []byte) string {
	if s, ok := d.names[string(name)]; ok {
		return s
	}
	s := string(name)
	if len(d.names) < 1000 && len(s) < 100 {
		d.names[s] = s
	}
	return s
}

// parseInt parses a decimal number from 0 in its one form.
func parseInt[T string | []byte](b T) (int64, bool) {
	if len(b) == 0 || b[0] < '0' || b[0] > '9' || b[0] == '0' && len(b) > 1 {
		return 0, false
	}
	n, err := strconv.ParseInt(string(b), 10, 64)
	return n, err == nil
}

// Documents reads documents one after the other.
type Documents struct {
	blocks blocks
	doc    Document
}

// NewDocuments returns a reader of the documents in r.
func NewDocuments(r io.Reader) *Documents { return &Documents{blocks: blocks{r: r}} }

// Next returns the next document, io.EOF after the last. The document is valid
// until the next call. A document longer than 16 MiB is refused.
func (d *Documents) Next() (*Document, error) {
	block, err := d.blocks.next()
	if err != nil {
		return nil, err
	}
	return &d.doc, d.doc.Parse(block)
}

// Span returns where in the reader the block of the last document is, for
// Document.Parse: offset and length in bytes.
func (d *Documents) Span() (offset int64, size int) { return d.blocks.span() }

// ReadDocuments calls f for each document in r. The document is valid until f
// returns. A document longer than 16 MiB is refused.
func ReadDocuments(r io.Reader, f func(*Document) error) error {
	for docs := NewDocuments(r); ; {
		d, err := docs.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := f(d); err != nil {
			return err
		}
	}
}
