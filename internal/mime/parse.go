package mime

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
)

const (
	lineBuffer  = 32 << 10 // longer lines are handled in pieces
	maxBoundary = 200      // RFC 2046 §5.1.1 says 70
	maxProblems = 20
	maxReports  = 256 << 10 // bytes kept of the parts that Auto reads
)

// parser walks over one message.
type parser struct {
	br   *bufio.Reader
	lim  Limits
	sink Sink
	msg  *Message

	midLine bool   // the next piece continues a line
	lineLen int    // of the line so far
	saved   []byte // a piece that was put back
	isSaved bool
	keep    []byte // copy of a line that must outlive a look ahead

	hdr    []byte
	fields []fieldPos
	stack  []frame
	parts  int

	leaf  leaf
	dec   decoder
	out   []byte // decoded, on its way to text or file
	file  file
	files []*Attachment

	text     []byte // of all text parts, decoded from transfer, not from charset
	segs     []segment
	reported int
}

// frame is a multipart whose end has not come.
type frame struct {
	boundary string
	alt      bool // RFC 2046 §5.1.4: its parts are the same thing in several forms
	digest   bool // RFC 2046 §5.1.5: its parts are messages
	related  bool
	seen     bool // a delimiter came
	closed   bool // the closing delimiter came
	firstSeg int
}

var parsers = sync.Pool{New: func() any {
	return &parser{br: bufio.NewReaderSize(nil, lineBuffer)}
}}

// Parse reads one message from r to its end. It fails only where r or sink
// do; whatever the bytes are, they make a Message. See Sink for the bodies of
// attachments.
func Parse(r io.Reader, lim Limits, sink Sink) (*Message, error) {
	p := parsers.Get().(*parser) //nolint:forcetypeassert // the pool holds nothing else
	p.br.Reset(r)
	p.lim, p.sink, p.msg = lim.or(DefaultLimits), sink, &Message{}
	defer p.release()
	if err := p.run(); err != nil {
		return nil, errors.Join(err, p.file.close())
	}
	return p.msg, nil
}

// release returns p's buffers to the pool unless this message blew them up.
func (p *parser) release() {
	p.br.Reset(nil)
	if cap(p.text)+cap(p.hdr)+cap(p.out)+cap(p.keep)+64*cap(p.files)+64*cap(p.fields) > 1<<20 {
		return
	}
	clear(p.files)
	clear(p.segs)
	clear(p.stack)
	*p = parser{
		br: p.br, keep: p.keep[:0], hdr: p.hdr[:0], fields: p.fields[:0], stack: p.stack[:0],
		out: p.out[:0], files: p.files[:0], text: p.text[:0], segs: p.segs[:0],
		file: file{sum: p.file.sum},
	}
	parsers.Put(p)
}

// run reads header, then body line by line, then sums up.
func (p *parser) run() error {
	if err := p.open(); err != nil {
		return err
	}
	if err := p.readHeader(); err != nil {
		return err
	}
	p.msg.header, p.msg.fields = string(p.hdr), slices.Clone(p.fields)
	if len(p.fields) == 0 {
		p.msg.Unparsed = true
		p.problem("This has no header, so it cannot be read as a mail; its bytes are shown as text.")
	}
	if err := p.beginPart(""); err != nil {
		return err
	}
	if err := p.body(); err != nil {
		return err
	}
	if err := p.endLeaf(false); err != nil {
		return err
	}
	p.popTo(0)
	p.readFields()
	p.readText()
	p.listFiles()
	return nil
}

// open skips what may stand before a header and finds out how lines end.
func (p *parser) open() error {
	start, err := p.br.Peek(4096)
	if err := endOfInput(err); err != nil {
		return err
	}
	if bytes.IndexByte(start, '\n') < 0 && bytes.IndexByte(start, '\r') >= 0 {
		p.br = bufio.NewReaderSize(crReader{p.br}, lineBuffer)
		start, _ = p.br.Peek(len(start))
	}
	skip := 0
	if bytes.HasPrefix(start, []byte("\xef\xbb\xbf")) {
		skip = 3
	}
	for skip < len(start) && (start[skip] == '\r' || start[skip] == '\n') {
		skip++
	}
	_, err = p.br.Discard(skip)
	return endOfInput(err)
}

// crReader turns the line ends of an old Macintosh into line feeds.
type crReader struct{ r io.Reader }

func (c crReader) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	for i, ch := range b[:n] {
		if ch == '\r' {
			b[i] = '\n'
		}
	}
	return n, err //nolint:wrapcheck // an io.Reader's error must stay what it is
}

// body hands every line to the part it belongs to.
func (p *parser) body() error {
	for {
		line, start, err := p.next()
		if err != nil {
			return endOfInput(err)
		}
		if start && len(line) > 2 && line[0] == '-' && line[1] == '-' && len(p.stack) > 0 {
			i, last := p.delimiter(line)
			if i < 0 && p.adopt(&line) {
				i = len(p.stack) - 1
			}
			if i >= 0 {
				if err := p.cross(i, last); err != nil {
					return err
				}
				continue
			}
		}
		if err := p.writeLine(line, start); err != nil {
			return err
		}
	}
}

// cross acts on a delimiter of the i-th frame.
func (p *parser) cross(i int, last bool) error {
	if err := p.endLeaf(true); err != nil {
		return err
	}
	p.popTo(i + 1)
	f := &p.stack[i]
	if !f.seen {
		p.dropPreamble(f)
	}
	if f.closed && !last {
		p.problem("A part comes after the boundary that closes its section.")
	}
	f.seen, f.closed = true, f.closed || last
	if last {
		p.leaf = leaf{kind: epilogue}
		return nil
	}
	if p.parts >= p.lim.Parts {
		if p.leaf = (leaf{kind: ignored}); p.parts == p.lim.Parts {
			p.parts++
			p.problem("There are more than %d parts; the others are in the raw message only.", p.lim.Parts)
		}
		return nil
	}
	if err := p.readHeader(); err != nil {
		return err
	}
	return p.beginPart(defaultType(f))
}

// defaultType is what a part of f without Content-Type is (RFC 2046 §5.1.5).
func defaultType(f *frame) string {
	if f.digest {
		return "message/rfc822"
	}
	return ""
}

// delimiter finds the innermost frame that line delimits, or -1; last where
// it closes it.
func (p *parser) delimiter(line []byte) (frame int, last bool) {
	t := bytes.TrimRight(line[2:], " \t\r\n")
	for i := len(p.stack) - 1; i >= 0; i-- {
		b := p.stack[i].boundary
		if b == "" || len(t) < len(b) || string(t[:len(b)]) != b {
			continue
		}
		if len(t) == len(b) {
			return i, false
		}
		if string(t[len(b):]) == "--" {
			return i, true
		}
	}
	return -1, false
}

// adopt takes line for the delimiter of the innermost frame where none was
// declared, or a wrong one, and what follows looks like a part.
func (p *parser) adopt(line *[]byte) bool {
	f := &p.stack[len(p.stack)-1]
	if f.seen || p.leaf.kind != preamble {
		return false
	}
	t := bytes.TrimRight((*line)[2:], " \t\r\n")
	if len(t) == 0 || len(t) > maxBoundary {
		return false
	}
	p.keep = append(p.keep[:0], *line...)
	*line = p.keep
	next := p.peekLine()
	const mark = "content-"
	if !(len(next) > len(mark) && strings.EqualFold(string(next[:len(mark)]), mark) || f.boundary == "" && isBlank(next)) {
		return false
	}
	if f.boundary != "" {
		p.problem("The parts are not separated by the boundary that the header declares, but by another.")
	} else {
		p.problem("The header declares no boundary between the parts; it was guessed.")
	}
	f.boundary = string(bytes.TrimRight(p.keep[2:], " \t\r\n"))
	return true
}

// popTo leaves the frames beyond the first n.
func (p *parser) popTo(n int) {
	for len(p.stack) > n {
		f := &p.stack[len(p.stack)-1]
		switch {
		case !f.seen && f.firstSeg < len(p.segs) && p.segs[f.firstSeg].end > p.segs[f.firstSeg].start:
			p.problem("A section of several parts has none: its boundary does not occur. It is shown as text.")
		case !f.seen:
			p.problem("A section of several parts is empty.")
		case !f.closed:
			p.problem("A section of several parts is not closed; its end may be missing.")
		}
		if f.alt {
			p.chooseAlternative(f.firstSeg)
		}
		p.stack = p.stack[:len(p.stack)-1]
	}
}

// next returns the next piece of input: a line with its end, or where a line
// is longer than the buffer a part of one; start where it begins a line. The
// piece is valid until the next call of next or peekLine.
func (p *parser) next() (line []byte, start bool, err error) {
	if p.isSaved {
		p.isSaved = false
		return p.saved, true, nil
	}
	line, err = p.br.ReadSlice('\n')
	start = !p.midLine
	if start {
		p.lineLen = 0
	}
	p.lineLen += len(line)
	if p.lineLen > p.lim.Line {
		p.problem("A line is longer than %d bytes.", p.lim.Line)
	}
	p.midLine = errors.Is(err, bufio.ErrBufferFull)
	if p.midLine {
		err = nil
		if line[len(line)-1] == '\r' { // keep CR and LF together
			if err := p.br.UnreadByte(); err == nil {
				line = line[:len(line)-1]
			}
		}
	}
	if len(line) > 0 && errors.Is(err, io.EOF) {
		err = nil
	}
	return line, start, err //nolint:wrapcheck // endOfInput wraps it
}

// unread puts a line back; it must stay valid.
func (p *parser) unread(line []byte) { p.saved, p.isSaved = line, true }

// peekLine returns the beginning of the next line without consuming it. It
// invalidates the current one.
func (p *parser) peekLine() []byte {
	b, _ := p.br.Peek(256) // at the end of input, or on an error, what there is
	if i := bytes.IndexByte(b, '\n'); i >= 0 {
		return b[:i+1]
	}
	return b
}

// problem notes once what could not be understood.
func (p *parser) problem(format string, args ...any) {
	if len(p.msg.Problems) >= maxProblems {
		return
	}
	s := format
	if len(args) > 0 {
		s = fmt.Sprintf(format, args...)
	}
	if !slices.Contains(p.msg.Problems, s) {
		p.msg.Problems = append(p.msg.Problems, s)
	}
}

// endOfInput makes the end of input a success.
func endOfInput(err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return nil
	}
	return fmt.Errorf("read message: %w", err)
}
