package mime

import (
	"bytes"
	"strings"

	"example.org/countersign/internal/mime/field"
)

// leaf is where the lines that are being read go.
type leaf struct {
	kind   leafKind
	ranges segment // of a text, while it grows
	room   int     // bytes that may still be kept of a text
	uu     bool    // a uuencoded file within a text is being read
	begun  bool    // a line that is not empty came
}

type leafKind uint8

const (
	ignored  leafKind = iota // beyond a limit
	preamble                 // before the first delimiter: kept in case none comes
	epilogue                 // after the last one
	textLeaf
	fileLeaf
)

// beginPart looks at the header just read (the message's or a part's) and
// decides where the lines that follow go.
func (p *parser) beginPart(deflt string) error {
	top := len(p.stack) == 0
	p.parts++
	typ, params := p.contentType(deflt)
	encoding := transferEncoding(p.value("Content-Transfer-Encoding"))
	if top {
		p.msg.Type, p.msg.charset = typ, params.Get("charset")
	}
	if strings.HasPrefix(typ, "multipart/") && p.beginMultipart(typ, params) {
		return nil
	}
	if encoding == unknownEncoding {
		p.problem("A transfer encoding is not one we know; the bytes were taken as they are.")
		encoding = identity
	}
	disposition, dparams := field.ParseParams(field.Unfold(p.value("Content-Disposition")))
	name := p.fileName(dparams, params)
	p.dec = decoder{enc: encoding, held: p.dec.held[:0], carry: p.dec.carry[:0]}
	if p.isText(typ, disposition, name != "") {
		if encoding == uuencode { // its lines are recognised within the text
			p.dec.enc = identity
		}
		p.beginText(typ, params)
		return nil
	}
	a := &Attachment{
		Type:      typ,
		Name:      name,
		ContentID: strings.Trim(field.CleanLine(field.Unfold(p.value("Content-ID"))), "<> "),
	}
	a.Inline = disposition == "inline" || disposition == "" && a.ContentID != "" && !top && p.stack[len(p.stack)-1].related
	p.leaf = leaf{kind: fileLeaf}
	return p.openFile(a)
}

// contentType reads Content-Type (RFC 2045 §5); what makes no sense becomes
// text, or bytes, so that nothing is hidden.
func (p *parser) contentType(deflt string) (string, field.Params) {
	v := field.Unfold(p.value("Content-Type"))
	typ, params := field.ParseParams(v)
	typ = strings.ToLower(typ)
	if typ == "" && deflt != "" {
		return deflt, params
	}
	switch major, minor, ok := strings.Cut(typ, "/"); {
	case typ == "" || typ == "text":
		return "text/plain", params
	case ok && field.IsToken(major) && field.IsToken(minor):
		return typ, params
	case major == "multipart" && params.Get("boundary") != "":
		p.problem("A content type makes no sense: %q.", field.Short(field.CleanLine(v)))
		return "multipart/mixed", params
	case major == "text" && minor == "":
		return "text/plain", params
	}
	p.problem("A content type makes no sense: %q.", field.Short(field.CleanLine(v)))
	if strings.HasPrefix(typ, "text") {
		return "text/plain", params
	}
	return "application/octet-stream", params
}

// beginMultipart opens a frame, or returns false where the part is to be kept
// whole.
func (p *parser) beginMultipart(typ string, params field.Params) bool {
	if len(p.stack) >= p.lim.Depth {
		p.problem("Parts are nested more than %d deep; deeper ones are kept whole.", p.lim.Depth)
		return false
	}
	b := strings.TrimRight(params.Get("boundary"), " \t")
	if len(b) > maxBoundary {
		p.problem("A boundary is longer than %d bytes and was not used.", maxBoundary)
		b = ""
	}
	sub := typ[len("multipart/"):]
	p.stack = append(p.stack, frame{
		boundary: b, alt: sub == "alternative", digest: sub == "digest", related: sub == "related", firstSeg: len(p.segs),
	})
	p.dec = decoder{held: p.dec.held[:0], carry: p.dec.carry[:0]}
	p.beginText("text/plain", nil)
	p.leaf.kind = preamble
	return true
}

// isText reports whether a part is a piece of the message's text rather than
// an attachment (RFC 2183 §2).
func (p *parser) isText(typ, disposition string, named bool) bool {
	switch typ {
	case "text/plain", "text/html", "application/xhtml+xml", "text/enriched", "text/richtext":
	default:
		return false
	}
	if disposition == "attachment" {
		return false
	}
	alternative := len(p.stack) > 0 && p.stack[len(p.stack)-1].alt
	return !named || alternative || len(p.segs) == 0
}

// beginText starts a text part.
func (p *parser) beginText(typ string, params field.Params) {
	s := segment{start: len(p.text), html: typ != "text/plain", charset: params.Get("charset")}
	room := 2 * p.lim.Text // a charset may need more bytes than UTF-8
	if s.html {
		room = 4 * p.lim.Text // most of it is markup
		p.msg.HTML = p.msg.HTML || typ != "text/enriched" && typ != "text/richtext"
	}
	if strings.EqualFold(params.Get("format"), "flowed") {
		s.flowed, s.delSp = true, strings.EqualFold(params.Get("delsp"), "yes")
	}
	p.leaf = leaf{kind: textLeaf, ranges: s, room: min(room, 8*p.lim.Text-len(p.text))}
}

// writeLine takes one line, or a piece of a long one, of the current part.
func (p *parser) writeLine(line []byte, start bool) error {
	switch p.leaf.kind {
	case ignored:
		return nil
	case epilogue:
		if len(p.stack) == 1 && len(bytes.TrimSpace(line)) > 0 {
			p.problem("Something stands after the last part; it is in the raw message only.")
		}
		return nil
	case textLeaf:
		if p.dec.enc == identity && (p.leaf.uu || start && bytes.HasPrefix(line, []byte("begin "))) {
			if done, err := p.uuLine(&line); done || err != nil {
				return err
			}
		}
		if !p.leaf.begun && !isBlank(line) {
			p.leaf.begun = true
			if p.dec.enc == base64Encoding && !isBase64(line) {
				p.problem("A text is said to be base64 and is not; it was taken as it is.")
				p.dec.enc = identity
			}
		}
	case preamble, fileLeaf:
	}
	p.out = p.dec.append(p.out, line)
	if len(p.out) < lineBuffer {
		return nil
	}
	return p.flush()
}

// flush passes decoded bytes on.
func (p *parser) flush() error {
	b := p.out
	p.out = p.out[:0]
	if p.leaf.kind == fileLeaf {
		return p.file.write(b)
	}
	if len(b) > p.leaf.room {
		b = b[:max(p.leaf.room, 0)]
		p.leaf.ranges.cut = true
	}
	p.leaf.room -= len(b)
	p.text = append(p.text, b...)
	return nil
}

// endLeaf ends the current part, at a boundary or with the message.
func (p *parser) endLeaf(atBoundary bool) error {
	switch p.leaf.kind {
	case ignored, epilogue:
		return nil
	case preamble, textLeaf, fileLeaf:
	}
	p.out = p.dec.finish(p.out, !atBoundary)
	if err := p.flush(); err != nil {
		return err
	}
	if p.dec.bad {
		p.problem("A part is damaged: it has bytes that its transfer encoding does not allow.")
	}
	kind := p.leaf.kind
	if kind != fileLeaf {
		p.leaf.ranges.end = len(p.text)
		p.segs = append(p.segs, p.leaf.ranges)
	}
	if kind == fileLeaf || p.leaf.uu {
		if err := p.closeFile(); err != nil {
			return err
		}
	}
	if p.leaf.uu {
		p.problem("A uuencoded file in the text has no end.")
	}
	p.leaf = leaf{}
	return nil
}

// dropPreamble forgets what stood before the first delimiter of f (RFC 2046
// §5.1.1: not for display).
func (p *parser) dropPreamble(f *frame) {
	if len(p.segs) > f.firstSeg {
		p.text = p.text[:p.segs[f.firstSeg].start]
		p.segs = p.segs[:f.firstSeg]
	}
}
