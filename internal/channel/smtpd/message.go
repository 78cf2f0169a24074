package smtpd

import (
	"crypto/tls"
	"errors"
	"io"
)

// errLoneDot refuses what some servers take for the end of a message and
// others do not, so that a second message could be smuggled in the first. go-smtp
// ends a message at CRLF . CRLF alone (RFC 5321 §4.1.1.4); we do not keep what
// might be read otherwise later.
var errLoneDot = errors.New("a line with a single dot must end, and the one before it, in CR LF")

var errCut = errors.New("the connection ended within the message")

// message is the message as it arrives. Once it has failed it stays so.
type message struct {
	r    io.Reader
	conn *conn
	tls  *tls.Conn // over conn, nil where there is none
	n    int64
	err  error // other than io.EOF
	line lineState
}

// Read implements io.Reader.
func (m *message) Read(p []byte) (int, error) {
	if m.err != nil {
		return 0, m.err
	}
	n, err := m.r.Read(p)
	m.n += int64(n)
	if m.line.feed(p[:n]) {
		err = errLoneDot
	}
	if err == io.EOF && m.cut() {
		err = errCut
	}
	if err != nil && err != io.EOF {
		m.err = err
	}
	return n, err
}

// cut reports whether the connection has ended where the message seems to:
// go-smtp takes a last chunk (RFC 3030) that is cut short for a whole one.
func (m *message) cut() bool {
	_, chunks := m.r.(*io.PipeReader)
	if !chunks || m.conn.broken.Load() {
		return chunks
	}
	if m.tls == nil {
		return false
	}
	// An orderly end of TLS is seen only by reading on. Nothing is waited for,
	// and should there be a next command already, it is lost with its connection.
	m.tls.SetReadDeadline(past)
	n, err := m.tls.Read(make([]byte, 1))
	if n > 0 {
		m.conn.left.Store(true)
	}
	return err == io.EOF
}

// lineState is what has been seen of a line of the message, whose dots are
// no longer doubled.
type lineState uint8

const (
	lineStart  lineState = iota // after CR LF, or at the very start
	strayStart                  // after LF alone
	dot                         // a dot at lineStart
	strayDot                    // a dot at strayStart, or after CR alone
	dotCR                       // a dot at lineStart, and CR
	afterCR                     // CR elsewhere
	within                      // anything else
)

// feed reports whether a line is a single dot between line ends of which one
// is not CR LF.
func (s *lineState) feed(p []byte) bool {
	for _, c := range p {
		switch *s {
		case dot:
			if c == '\n' {
				return true
			}
			*s = after(c, dotCR, within, within)
		case strayDot:
			if c == '\r' || c == '\n' {
				return true
			}
			*s = within
		case dotCR:
			if c != '\n' {
				return true
			}
			*s = lineStart
		case afterCR:
			*s = after(c, afterCR, lineStart, strayDot)
		case lineStart:
			*s = after(c, afterCR, strayStart, dot)
		case strayStart:
			*s = after(c, afterCR, strayStart, strayDot)
		case within:
			*s = after(c, afterCR, strayStart, within)
		}
	}
	return false
}

// after chooses by the next byte.
func after(c byte, cr, lf, dot lineState) lineState {
	switch c {
	case '\r':
		return cr
	case '\n':
		return lf
	case '.':
		return dot
	}
	return within
}
