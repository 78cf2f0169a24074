package mime

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"

	"example.org/countersign/internal/mime/field"
)

// segment is a text part: a range of parser.text and how to read it.
type segment struct {
	start, end    int
	charset       string
	html          bool
	flowed, delSp bool // RFC 3676
	cut           bool // there was more than could be kept
}

// chooseAlternative drops the forms of an alternative that are not shown:
// plain text is preferred if it says anything.
func (p *parser) chooseAlternative(first int) {
	if first >= len(p.segs) {
		return
	}
	list, plain := p.segs[first:], false
	for _, s := range list {
		plain = plain || !s.html && len(bytes.TrimSpace(p.text[s.start:s.end])) > 0
	}
	kept := list[:0]
	for _, s := range list {
		if s.html != plain || !s.html && plain {
			kept = append(kept, s)
		}
	}
	if len(kept) > 0 {
		p.segs = p.segs[:first+len(kept)]
	}
}

// readText makes the message's text of its text parts.
func (p *parser) readText() {
	m := p.msg
	for _, s := range p.segs {
		raw := p.text[s.start:s.end]
		charset := s.charset
		if charset == "" && s.html {
			charset = metaCharset(raw)
		}
		text, ok := field.ToUTF8(raw, charset)
		switch {
		case ok:
		case charset == "":
			p.problem("A text has characters that its message does not declare; how they are shown is a guess.")
		default:
			p.problem("A text is not readable in the charset %q that it declares; how it is shown is a guess.", field.Short(field.CleanLine(charset)))
		}
		cut := s.cut
		if s.html {
			var more bool
			text, more = renderHTML(text, p.lim.Text)
			cut = cut || more
		} else {
			text = cleanText(text)
			if s.flowed {
				text = unflow(text, s.delSp)
			}
		}
		if text = strings.Trim(text, "\n"); text == "" {
			continue
		}
		if m.Text != "" {
			m.Text += "\n\n"
		}
		m.Text += text
		if m.Truncated = cut || len(m.Text) > p.lim.Text; len(m.Text) > p.lim.Text {
			m.Text = cutText(m.Text, p.lim.Text)
		}
		if m.Truncated {
			p.problem("The text is longer than %d bytes; the rest of it is in the raw message only.", p.lim.Text)
			break
		}
	}
	m.Text = strings.TrimRight(m.Text, " \t\n\u00a0")
}

// cutText cuts valid UTF-8 to at most n bytes.
func cutText(s string, n int) string {
	if n >= len(s) {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// cleanText makes s valid UTF-8 with \n as its only line end and no control
// character but it and the tab.
func cleanText(s string) string {
	clean := true
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\n' && c != '\t' || c >= 0x7f {
			clean = false
			break
		}
	}
	if clean {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c < 0x7f || c == '\n' || c == '\t' {
			j := i + 1
			for j < len(s) && (s[j] >= ' ' && s[j] < 0x7f || s[j] == '\n' || s[j] == '\t') {
				j++
			}
			b.WriteString(s[i:j])
			i = j
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		i += n
		switch {
		case r == '\r':
			if i == len(s) || s[i] != '\n' {
				b.WriteByte('\n')
			}
		case r == '\f' || r == '\u2028' || r == '\u2029':
			b.WriteByte('\n')
		case unicode.IsControl(r) || r == '\uFEFF':
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// unflow joins the lines of a format=flowed text (RFC 3676 §4).
func unflow(s string, delSp bool) string {
	var b strings.Builder
	b.Grow(len(s))
	flowing, depth := false, 0 // the paragraph being joined
	for line := range strings.SplitSeq(s, "\n") {
		quotes := len(line) - len(strings.TrimLeft(line, ">"))
		rest := strings.TrimPrefix(line[quotes:], " ") // space-stuffing
		if flowing && (quotes != depth || rest == "-- ") {
			flowing = false
			b.WriteByte('\n')
		}
		if !flowing && quotes > 0 {
			b.WriteString(line[:quotes])
			b.WriteByte(' ')
		}
		flowing, depth = strings.HasSuffix(rest, " ") && rest != "-- ", quotes
		if flowing && delSp {
			rest = rest[:len(rest)-1]
		}
		b.WriteString(rest)
		if !flowing {
			b.WriteByte('\n')
		}
	}
	return strings.TrimSuffix(b.String(), "\n")
}
