package mime

import (
	"bytes"
	"encoding/base64"
	"slices"
	"strings"

	"example.org/countersign/internal/mime/field"
)

// transfer is a Content-Transfer-Encoding (RFC 2045 §6).
type transfer uint8

const (
	identity transfer = iota // 7bit, 8bit, binary
	uuencode                 // never standard, still met
	quotedPrintable
	base64Encoding
	unknownEncoding
)

// transferEncoding reads the field's value, forgiving what is commonly wrong
// in it ("7-bit", "quoted printable;", quotes).
func transferEncoding(v string) transfer {
	v, _, _ = strings.Cut(v, ";")
	v, _, _ = strings.Cut(v, "(")
	v = strings.ToLower(dropMarks.Replace(v))
	switch v {
	case "", "7bit", "8bit", "binary", "7bits", "8bits", "none", "plain", "unencoded":
		return identity
	case "quotedprintable", "qp":
		return quotedPrintable
	case "base64", "b64":
		return base64Encoding
	case "xuuencode", "uuencode", "xuue", "uue":
		return uuencode
	}
	return unknownEncoding
}

// dropMarks drops what is no letter or digit from a name that people write in
// several ways.
var dropMarks = strings.NewReplacer(" ", "", "-", "", "_", "", ".", "", "\t", "", "\r", "", "\n", "", `"`, "", "'", "")

// decoder undoes a transfer encoding, line by line.
type decoder struct {
	enc   transfer
	held  []byte // the last line's end: it may belong to the boundary after it (RFC 2046 §5.1.1)
	carry []byte // quoted-printable: a "=" or "=X" cut off by the buffer
	quad  [4]byte
	n     int  // bytes in quad
	ended bool // base64: padding came; uuencode: "end" came
	begun bool // uuencode: "begin" came
	bad   bool // something was not as the encoding demands
}

// append decodes a line, or a piece of one, onto dst.
func (d *decoder) append(dst, line []byte) []byte {
	switch d.enc {
	case base64Encoding:
		return d.base64(dst, line)
	case quotedPrintable:
		return d.quotedPrintable(dst, line)
	case uuencode:
		return d.uuencode(dst, line)
	case identity, unknownEncoding:
	}
	content, end := splitEnd(line)
	dst = append(append(dst, d.held...), content...)
	d.held = append(d.held[:0], end...)
	return dst
}

// splitEnd separates a line from its end.
func splitEnd(line []byte) (content, end []byte) {
	n := len(line)
	if n > 0 && line[n-1] == '\n' {
		n--
		if n > 0 && line[n-1] == '\r' {
			n--
		}
	}
	return line[:n], line[n:]
}

// finish returns dst with what was left at the end of the part; whole where
// that is the end of the message, so that the last line's end is the part's.
func (d *decoder) finish(dst []byte, whole bool) []byte {
	if whole {
		dst = append(dst, d.held...)
	}
	switch d.enc {
	case quotedPrintable:
		if len(d.carry) > 0 {
			d.bad = true
			dst = append(dst, d.carry...)
		}
	case base64Encoding:
		if d.n > 0 {
			d.bad = true
			dst = d.endQuad(dst)
		}
	case uuencode:
		d.bad = d.bad || d.begun && !d.ended
	case identity, unknownEncoding:
	}
	return dst
}

// base64 decodes a line (RFC 2045 §6.8); what is not in the alphabet is
// passed over, as it says.
func (d *decoder) base64(dst, line []byte) []byte {
	content, _ := splitEnd(line)
	if d.n == 0 && len(content)%4 == 0 {
		at, n := len(dst), len(content)/4*3
		dst = slices.Grow(dst, n)
		m, err := base64.StdEncoding.Decode(dst[at:at+n], content)
		if err == nil {
			d.ended = d.ended || m < n
			return dst[:at+m]
		}
		dst = dst[:at]
	}
	content = bytes.TrimRight(content, " \t")
	if d.ended && !isBase64(content) {
		d.bad = true // a footer that somebody added
		return dst
	}
	for _, c := range content {
		switch v := base64Value[c]; {
		case v >= 0:
			d.quad[d.n] = byte(v)
			if d.n++; d.n == 4 {
				dst = d.endQuad(dst)
			}
		case c == '=':
			d.ended = true
			dst = d.endQuad(dst)
		case c != ' ' && c != '\t' && c != '\r':
			d.bad = true
		}
	}
	return dst
}

// isBase64 reports whether a line can be one of base64.
func isBase64(line []byte) bool {
	content, _ := splitEnd(line)
	for _, c := range bytes.TrimRight(content, " \t") {
		if base64Value[c] < 0 && c != '=' {
			return false
		}
	}
	return true
}

// endQuad writes the up to three bytes of a group.
func (d *decoder) endQuad(dst []byte) []byte {
	q := d.quad
	switch d.n {
	case 1:
		d.bad = true
	case 2:
		dst = append(dst, q[0]<<2|q[1]>>4)
	case 3:
		dst = append(dst, q[0]<<2|q[1]>>4, q[1]<<4|q[2]>>2)
	case 4:
		dst = append(dst, q[0]<<2|q[1]>>4, q[1]<<4|q[2]>>2, q[2]<<6|q[3])
	}
	d.n = 0
	return dst
}

// base64Value is the alphabet turned round; -1 for what is not in it.
var base64Value = func() (t [256]int8) {
	for i := range t {
		t[i] = -1
	}
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	for i := range len(alphabet) {
		t[alphabet[i]] = int8(i) //nolint:gosec // below 64
	}
	return t
}()

// quotedPrintable decodes a line (RFC 2045 §6.7); what is no escape stays as
// it is.
func (d *decoder) quotedPrintable(dst, line []byte) []byte {
	content, end := splitEnd(line)
	whole := len(end) > 0
	if whole {
		content = bytes.TrimRight(content, " \t\r")
	}
	dst = append(dst, d.held...)
	d.held = d.held[:0]
	if len(d.carry) > 0 {
		content = append(slices.Clone(d.carry), content...)
		d.carry = d.carry[:0]
	}
	for {
		i := bytes.IndexByte(content, '=')
		if i < 0 {
			dst = append(dst, content...)
			break
		}
		dst = append(dst, content[:i]...)
		content = content[i:]
		if len(content) < 3 && !whole {
			d.carry = append(d.carry, content...)
			return dst
		}
		if len(content) == 1 {
			return dst // a soft line break
		}
		if len(content) >= 3 && unhex(content[1]) < 16 && unhex(content[2]) < 16 {
			dst = append(dst, unhex(content[1])<<4|unhex(content[2]))
			content = content[3:]
			continue
		}
		d.bad = true
		dst = append(dst, '=')
		content = content[1:]
	}
	d.held = append(d.held, end...)
	return dst
}

// unhex returns the value of a hexadecimal digit, 16 or more for another byte.
func unhex(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	}
	return 16
}

// uuencode decodes a line of a part that is nothing but a uuencoded file.
func (d *decoder) uuencode(dst, line []byte) []byte {
	content, _ := splitEnd(line)
	switch {
	case d.ended || len(content) == 0:
	case !d.begun:
		d.begun = bytes.HasPrefix(content, []byte("begin "))
		d.bad = d.bad || !d.begun
	case string(content) == "end":
		d.ended = true
	default:
		var ok bool
		if dst, ok = uuDecode(dst, content); !ok {
			d.bad = true
		}
	}
	return dst
}

// uuSize returns how many bytes a uuencoded line says that it holds and how
// many characters they take.
func uuSize(line []byte) (n, chars int, ok bool) {
	if len(line) == 0 || line[0] < ' ' || line[0] > '`' {
		return 0, 0, false
	}
	n = int(line[0]-' ') & 63
	return n, (n + 2) / 3 * 4, true
}

// uuDecode decodes one line, without its end; missing blanks at the end are
// supplied.
func uuDecode(dst, line []byte) ([]byte, bool) {
	n, chars, ok := uuSize(line)
	if !ok {
		return dst, false
	}
	at := func(i int) byte {
		if i+1 < len(line) {
			return (line[i+1] - ' ') & 63
		}
		return 0
	}
	for i := 0; i < chars; i += 4 {
		a, b, c, e := at(i), at(i+1), at(i+2), at(i+3)
		three := [3]byte{a<<2 | b>>4, b<<4 | c>>2, c<<6 | e}
		dst = append(dst, three[:min(3, n)]...)
		n -= 3
	}
	return dst, true
}

// uuLine handles a line of a text in which a uuencoded file begins or goes
// on; done where it was one. line is replaced by a copy where the look ahead
// moved it.
func (p *parser) uuLine(line *[]byte) (done bool, err error) {
	content, _ := splitEnd(*line)
	if p.leaf.uu {
		if bytes.Equal(bytes.TrimRight(content, " "), []byte("end")) {
			p.leaf.uu = false
			return true, p.closeFile()
		}
		if len(content) == 0 {
			return true, nil
		}
		b, ok := uuDecode(p.out[:0], content)
		p.dec.bad = p.dec.bad || !ok
		return true, p.file.write(b)
	}
	mode, name, ok := strings.Cut(string(content[len("begin "):]), " ")
	if !ok || len(mode) < 3 || len(mode) > 4 || strings.Trim(mode, "01234567") != "" {
		return false, nil
	}
	p.keep = append(p.keep[:0], *line...)
	*line = p.keep
	next, _ := splitEnd(p.peekLine())
	n, chars, ok := uuSize(next)
	if !ok || n == 0 || len(next)-1 > chars+1 || len(next)-1 < chars-2 {
		return false, nil
	}
	if err := p.flush(); err != nil { // out is lent to the file now
		return true, err
	}
	p.leaf.uu = true
	return true, p.openFile(&Attachment{Type: "application/octet-stream", Name: sanitizeName(field.DecodeWords(name, ""))})
}
