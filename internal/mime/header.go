package mime

import (
	"bytes"
	"strings"
)

// fieldPos is one header field, as offsets into its block; the value keeps its
// folds.
type fieldPos struct {
	start, nameEnd, value, end int32
}

// is reports whether the field of block has that name (RFC 5322 §1.2.2: case
// does not matter).
func (f fieldPos) is(block, name string) bool {
	return int(f.nameEnd-f.start) == len(name) && strings.EqualFold(block[f.start:f.nameEnd], name)
}

// fieldName returns the lengths of a field's name and of the name with its
// colon, or ok false where line does not begin a field. Blanks before the
// colon are obsolete but real (RFC 5322 §4.5).
func fieldName(line []byte) (name, value int, ok bool) {
	colon := bytes.IndexByte(line, ':')
	if colon <= 0 {
		return 0, 0, false
	}
	name = len(bytes.TrimRight(line[:colon], " \t"))
	for _, c := range line[:name] {
		if c <= ' ' || c >= 0x7f {
			return 0, 0, false
		}
	}
	if name == 0 || bytes.HasPrefix(line[colon:], []byte("://")) {
		return 0, 0, false
	}
	return name, colon + 1, true
}

// isBlank reports whether a line has nothing in it.
func isBlank(line []byte) bool {
	return len(line) == 0 || line[0] == '\n' || line[0] == '\r' && (len(line) == 1 || line[1] == '\n')
}

// readHeader reads a header block into p.hdr and p.fields, up to and including
// its empty line. A line that cannot belong to a header is left for the body.
func (p *parser) readHeader() error {
	p.hdr, p.fields = p.hdr[:0], p.fields[:0]
	tooLong := false
	for {
		line, start, err := p.next()
		if err != nil {
			return endOfInput(err)
		}
		if start && isBlank(line) {
			return nil
		}
		if start && len(p.stack) > 0 && len(line) > 2 && line[0] == '-' && line[1] == '-' {
			if i, _ := p.delimiter(line); i >= 0 {
				p.unread(line)
				return nil
			}
		}
		name, value, isField := 0, 0, false
		if start && line[0] != ' ' && line[0] != '\t' {
			if name, value, isField = fieldName(line); !isField && !p.strayLine(&line) {
				return nil
			}
		}
		if len(p.hdr)+len(line) > p.lim.Header {
			if !tooLong {
				p.problem("A header is longer than %d bytes; the rest of it is in the raw message only.", p.lim.Header)
			}
			tooLong = true
			continue
		}
		at := int32(len(p.hdr)) //nolint:gosec // bounded by Limits.Header
		p.hdr = append(p.hdr, line...)
		end := int32(len(p.hdr)) //nolint:gosec // bounded by Limits.Header
		switch {
		case isField:
			p.fields = append(p.fields, fieldPos{at, at + int32(name), at + int32(value), end}) //nolint:gosec // bounded likewise
		case len(p.fields) > 0:
			p.fields[len(p.fields)-1].end = end
		}
	}
}

// strayLine decides what a line within a header that is no field is: true for
// a piece of the header that lost its shape (a fold without its blank, a line
// of a mailbox file), false where the body has begun without an empty line.
// The line survives the look ahead: it is copied.
func (p *parser) strayLine(line *[]byte) bool {
	p.keep = append(p.keep[:0], *line...)
	*line = p.keep
	if len(p.fields) == 0 && (bytes.HasPrefix(p.keep, []byte("From ")) || bytes.HasPrefix(p.keep, []byte(">From "))) {
		p.keep = p.keep[:0] // the separator of an mbox file
		*line = p.keep
		return true
	}
	if p.headerFollows() {
		p.problem("A line of a header has neither a field name nor an indent.")
		return true
	}
	if len(p.fields) > 0 {
		p.problem("A header is not ended by an empty line.")
	}
	p.unread(*line)
	return false
}

// headerFollows reports whether the next line of input looks like one of a
// header.
func (p *parser) headerFollows() bool {
	next := p.peekLine()
	if len(next) == 0 {
		return false
	}
	if next[0] == ' ' || next[0] == '\t' {
		return len(p.fields) > 0 && !isBlank(bytes.TrimLeft(next, " \t"))
	}
	name, value, ok := fieldName(next)
	// Prose has colons too; a field name has no blank before one and a value after it.
	return ok && value == name+1 && len(next) > value && (next[value] == ' ' || next[value] == '\t')
}

// value returns the first field of that name in the block just read, folds
// included.
func (p *parser) value(name string) string {
	for _, f := range p.fields {
		if int(f.nameEnd-f.start) == len(name) && bytes.EqualFold(p.hdr[f.start:f.nameEnd], []byte(name)) {
			return string(p.hdr[f.value:f.end])
		}
	}
	return ""
}
