package mime

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"example.org/countersign/internal/mime/field"
)

// renderer writes HTML as text: blocks as lines, quotes with "> ", links with
// where they lead.
type renderer struct {
	out     strings.Builder
	limit   int
	lines   int  // line ends owed before the next word
	blank   bool // a blank is owed before the next word
	quotes  int  // depth of blockquote
	marked  int  // and that of the line last written
	pre     int  // depth of pre
	hidden  int  // depth of elements that are not text
	lists   []int
	href    string // of the open link
	hrefAt  int    // where its text begins
	started bool
}

const (
	maxQuotes = 20
	maxLists  = 20
	maxHref   = 2000
)

// renderHTML returns the text of an HTML document, at most limit bytes; cut
// where there was more.
func renderHTML(src string, limit int) (text string, cut bool) {
	r := renderer{limit: limit}
	r.out.Grow(min(len(src)/2, limit))
	z := html.NewTokenizer(strings.NewReader(src))
	for r.out.Len() < limit {
		switch z.Next() {
		case html.ErrorToken:
			r.endLink()
			return r.out.String(), !errors.Is(z.Err(), io.EOF)
		case html.TextToken:
			if r.hidden == 0 {
				r.text(html.UnescapeString(string(z.Raw()))) // Text copies twice
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			name, attrs := z.TagName()
			r.start(atom.String(name), z, attrs)
		case html.EndTagToken:
			name, _ := z.TagName()
			r.end(atom.String(name))
		case html.CommentToken, html.DoctypeToken:
		}
	}
	return cutText(r.out.String(), limit), true
}

// start acts on an opening tag.
func (r *renderer) start(tag string, z *html.Tokenizer, attrs bool) {
	switch tag {
	case "script", "style", "title", "template", "noframes", "select", "textarea":
		r.hidden++
	case "body":
		r.hidden = 0
	case "br":
		r.lines++
		r.blank = false
	case "p", "h1", "h2", "h3", "h4", "h5", "h6", "table", "dl":
		r.block(2)
	case "div", "tr", "section", "article", "header", "footer", "address", "form", "fieldset", "center", "dt", "dd":
		r.block(1)
	case "td", "th":
		r.blank = true
	case "hr":
		r.block(1)
		r.write(strings.Repeat("-", 10))
		r.block(1)
	case "pre":
		r.block(1)
		r.pre++
	case "blockquote":
		r.block(1)
		r.quotes = min(r.quotes+1, maxQuotes)
	case "ul", "ol":
		r.block(1)
		if len(r.lists) < maxLists {
			n := 0
			if tag == "ol" {
				n = 1
			}
			r.lists = append(r.lists, n)
		}
	case "li":
		r.block(1)
		r.item()
	case "a":
		r.endLink()
		r.href, r.hrefAt = attribute(z, attrs, "href"), r.out.Len()
	case "img":
		if alt := strings.TrimSpace(field.CleanLine(attribute(z, attrs, "alt"))); alt != "" {
			r.text("[" + alt + "]")
		}
	}
}

// end acts on a closing tag.
func (r *renderer) end(tag string) {
	switch tag {
	case "script", "style", "title", "template", "noframes", "select", "textarea":
		r.hidden = max(r.hidden-1, 0)
	case "p", "h1", "h2", "h3", "h4", "h5", "h6", "table", "dl":
		r.block(2)
	case "div", "tr", "section", "article", "header", "footer", "address", "form", "fieldset", "center", "dt", "dd", "li":
		r.block(1)
	case "pre":
		r.pre = max(r.pre-1, 0)
		r.block(1)
	case "blockquote":
		r.block(1)
		r.quotes = max(r.quotes-1, 0)
	case "ul", "ol":
		r.block(1)
		if len(r.lists) > 0 {
			r.lists = r.lists[:len(r.lists)-1]
		}
	case "a":
		r.endLink()
	}
}

// block asks for at least n line ends before what follows.
func (r *renderer) block(n int) {
	r.lines, r.blank = max(r.lines, n), false
}

// item begins a list item.
func (r *renderer) item() {
	mark := "- "
	if n := len(r.lists); n > 0 {
		mark = strings.Repeat("  ", n-1) + mark
		if i := r.lists[n-1]; i > 0 {
			mark = strings.Repeat("  ", n-1) + strconv.Itoa(i) + ". "
			r.lists[n-1]++
		}
	}
	r.write(mark)
}

// text writes character data, its white space folded unless within pre.
func (r *renderer) text(s string) {
	s = cleanText(s)
	if r.pre > 0 {
		for i, line := range strings.Split(s, "\n") {
			if i > 0 {
				r.lines++
			}
			if line != "" {
				r.write(line)
			}
		}
		return
	}
	for s != "" && r.out.Len() < r.limit {
		i := strings.IndexAny(s, " \t\n\u00a0")
		if i != 0 {
			if i < 0 {
				i = len(s)
			}
			r.write(s[:i])
			s = s[i:]
			continue
		}
		s = strings.TrimLeft(s, " \t\n\u00a0")
		r.blank = r.lines == 0
	}
}

// write writes one piece of a line, after the line ends and blanks it owes.
func (r *renderer) write(s string) {
	if r.lines > 0 && r.started {
		for i := range min(r.lines, 3) {
			if i > 0 && min(r.marked, r.quotes) > 0 {
				r.out.WriteString(strings.Repeat(">", min(r.marked, r.quotes)))
			}
			r.out.WriteByte('\n')
		}
	}
	if (r.lines > 0 || !r.started) && r.quotes > 0 {
		r.out.WriteString(strings.Repeat(">", r.quotes))
		r.out.WriteByte(' ')
	} else if r.blank && r.lines == 0 && r.started {
		r.out.WriteByte(' ')
	}
	r.lines, r.blank, r.started, r.marked = 0, false, true, r.quotes
	r.out.WriteString(s)
}

// endLink writes where a link leads unless its text says so already.
func (r *renderer) endLink() {
	href := r.href
	r.href = ""
	scheme, rest, ok := strings.Cut(href, ":")
	if !ok || len(href) > maxHref {
		return
	}
	switch strings.ToLower(scheme) {
	case "http", "https", "ftp", "mailto", "tel":
	default:
		return
	}
	if strings.Contains(r.out.String()[r.hrefAt:], strings.Trim(rest, "/")) {
		return
	}
	r.blank = true
	r.write("<" + href + ">")
}

// attribute returns the named attribute of the tag that z is at.
func attribute(z *html.Tokenizer, more bool, name string) string {
	for more {
		var k, v []byte
		k, v, more = z.TagAttr()
		if string(k) == name {
			return strings.TrimSpace(field.CleanLine(string(v)))
		}
	}
	return ""
}

// metaCharset finds the charset that an HTML document declares in its
// beginning.
func metaCharset(b []byte) string {
	b = b[:min(len(b), 1024)]
	i := bytes.Index(bytes.ToLower(b), []byte("charset="))
	if i < 0 {
		return ""
	}
	b = bytes.TrimLeft(b[i+len("charset="):], `"' `)
	n := 0
	for n < len(b) && field.IsToken(string(b[n:n+1])) {
		n++
	}
	return string(b[:n])
}
