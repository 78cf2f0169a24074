// Package mbox reads the messages of a mailbox file one after the other, each
// as a stream. A message begins at a From_ line, at the start of the file or
// after a blank line; lines that were quoted for that (">From ", RFC 4155) are
// unquoted.
package mbox

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"regexp"
)

// Reader reads a mailbox.
type Reader struct {
	r     *bufio.Reader
	err   error // why there is no further message
	more  bool  // the From_ line of the next message was read
	inner bool  // the last piece did not end its line
}

// fromLine is "From sender date": what stands behind must look like a date,
// since not every program quotes a line of text that begins with From.
var fromLine = regexp.MustCompile(`^From .*\d\d:\d\d.*\b\d{4}\b`)

// maxLine is how many bytes of a line are looked at at once. A longer line
// comes in pieces, and the first of them says what it is.
const maxLine = 64 << 10

// NewReader returns a Reader of r.
func NewReader(r io.Reader) *Reader { return newReader(r, maxLine) }

func newReader(r io.Reader, line int) *Reader { return &Reader{r: bufio.NewReaderSize(r, line)} }

// Is reports whether a file that begins so is a mailbox.
func Is(start []byte) bool {
	line, _, _ := bytes.Cut(start, []byte("\n"))
	return fromLine.Match(line)
}

// Next returns the next message, io.EOF after the last. It must have been read
// to its end before the next call.
func (b *Reader) Next() (io.Reader, error) {
	for !b.more {
		line, start, err := b.line()
		if err != nil {
			return nil, err
		}
		b.more = start && fromLine.Match(line) // what stands before the first is nobody's
	}
	for b.inner { // the rest of a From_ line is no part of the message
		if _, _, err := b.line(); err != nil {
			break // the message is empty
		}
	}
	b.more = false
	return &message{box: b}, nil
}

// line returns the next line, or a piece of one that is longer than the
// buffer; start tells the first piece.
func (b *Reader) line() (piece []byte, start bool, err error) {
	if b.err != nil {
		return nil, false, b.err
	}
	piece, err = b.r.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		err = nil
	}
	if err != nil {
		b.err = err
		if len(piece) > 0 && errors.Is(err, io.EOF) {
			err = nil
		}
	}
	start, b.inner = !b.inner, !bytes.HasSuffix(piece, []byte("\n")) && b.err == nil
	return piece, start, err
}

// message is one message of a mailbox.
type message struct {
	box   *Reader
	buf   []byte // lines ready to be read
	blank []byte // a blank line that may be the one before the next From_ line
	done  error
}

func (m *message) Read(p []byte) (int, error) {
	for len(m.buf) == 0 {
		if m.done != nil {
			return 0, m.done
		}
		m.fill()
	}
	n := copy(p, m.buf)
	m.buf = m.buf[n:]
	return n, nil
}

// fill reads one line.
func (m *message) fill() {
	line, start, err := m.box.line()
	if err != nil {
		m.done = err
		return
	}
	if start && m.blank != nil && fromLine.Match(line) {
		m.box.more, m.done = true, io.EOF
		return
	}
	m.buf = append(m.buf[:0], m.blank...)
	m.blank = nil
	if start && len(bytes.TrimRight(line, "\r\n")) == 0 {
		m.blank = append([]byte{}, line...)
		return
	}
	if start && line[0] == '>' && bytes.HasPrefix(bytes.TrimLeft(line, ">"), []byte("From ")) {
		line = line[1:]
	}
	m.buf = append(m.buf, line...)
}
