package hostile

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html"
)

// An Answer is what a door gives back.
type Answer struct {
	Status int
	Header map[string][]string
	Body   string
}

func (a Answer) header(name string) string { return strings.Join(a.Header[name], "; ") }

// Page reports whether the answer is one that a browser draws.
func (a Answer) Page() bool { return strings.HasPrefix(a.header("Content-Type"), "text/html") }

// Marks stand around what is sent, so that it can be seen in which place of a
// page it has arrived.
const markBegin, markEnd = "zqbegin", "zqend"

// maxProblems is how many problems of one answer are told.
const maxProblems = 5

// judge knows what the pages of a door are made of.
type judge struct {
	policies []string
	headers  []string        // names that an answer may have
	parts    map[string]bool // "a", "a href": elements and their attributes
}

// learn takes a page without anything hostile as what pages are made of.
func (j *judge) learn(root *html.Node) {
	for n := range root.Descendants() {
		if n.Type == html.ElementNode {
			j.parts[n.Data] = true
			for _, a := range n.Attr {
				j.parts[n.Data+" "+a.Key] = true
			}
		}
	}
}

// closing is a string that pages hold themselves.
var closing = regexp.MustCompile(`^\s*(</\w+>\s*)+$`)

// problems says what is wrong with an answer to sent.
func (j *judge) problems(a Answer, sent ...string) []string {
	out := j.headerProblems(a)
	if a.Status >= 500 {
		out = append(out, fmt.Sprintf("status %d: %.300s", a.Status, a.Body))
	}
	if !a.Page() {
		return out
	}
	if !utf8.ValidString(a.Body) || strings.ContainsFunc(a.Body, func(r rune) bool { return r < ' ' && r != '\n' && r != '\t' && r != '\r' }) {
		out = append(out, "the page is not UTF-8, or holds control characters")
	}
	for _, s := range sent {
		if strings.Contains(s, "<") && len(s) > 6 && !closing.MatchString(s) && strings.Contains(a.Body, s) {
			out = append(out, fmt.Sprintf("stands on the page as it was sent: %.80q", s))
		}
	}
	out = append(out, balance(a.Body)...)
	root, err := html.Parse(strings.NewReader(a.Body))
	if err != nil {
		return append(out, err.Error())
	}
	out = append(out, j.foreign(root)...)
	return append(out, escaped(root)...)
}

// headerProblems looks for headers that nobody of ours has set.
func (j *judge) headerProblems(a Answer) []string {
	var out []string
	if policy := a.header("Content-Security-Policy"); a.Page() && !slices.Contains(j.policies, policy) {
		out = append(out, fmt.Sprintf("Content-Security-Policy is %q", policy))
	}
	if sniff := a.header("X-Content-Type-Options"); sniff != "nosniff" {
		out = append(out, fmt.Sprintf("X-Content-Type-Options is %q", sniff))
	}
	for name, values := range a.Header {
		if !slices.Contains(j.headers, name) {
			out = append(out, fmt.Sprintf("header %s: %q", name, values))
		}
		for _, v := range values {
			if strings.ContainsFunc(v, func(r rune) bool { return r < ' ' || r == 0x7f }) || name == "Set-Cookie" && strings.Contains(v, "injection") {
				out = append(out, fmt.Sprintf("header %s: %q", name, v))
			}
		}
	}
	if to := a.header("Location"); to != "" && !local(to) {
		out = append(out, fmt.Sprintf("leads to %q", to))
	}
	return out
}

// local reports whether an address stays within the door.
func local(to string) bool {
	u, err := url.Parse(to)
	return err == nil && u.Scheme == "" && u.Host == "" && !strings.HasPrefix(to, "//") && !strings.HasPrefix(to, `/\`)
}

var void = []string{"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}

// balance holds that every element that begins ends, within the one around it.
func balance(page string) []string {
	var open []string
	z := html.NewTokenizer(strings.NewReader(page))
	for {
		switch z.Next() {
		case html.ErrorToken:
			if !errors.Is(z.Err(), io.EOF) {
				return []string{"the page cannot be read: " + z.Err().Error()}
			}
			if len(open) > 0 {
				return []string{"never closed: " + strings.Join(open, " ")}
			}
			return nil
		case html.StartTagToken:
			if name, _ := z.TagName(); !slices.Contains(void, string(name)) {
				open = append(open, string(name))
			}
		case html.EndTagToken:
			name, _ := z.TagName()
			if len(open) == 0 || open[len(open)-1] != string(name) {
				return []string{fmt.Sprintf("</%s> closes nothing within %s", name, strings.Join(open, " "))}
			}
			open = open[:len(open)-1]
		}
	}
}

// foreign finds what the pages are not made of, and what would run, load or
// lead elsewhere.
func (j *judge) foreign(root *html.Node) []string {
	var out []string
	for n := range root.Descendants() {
		switch {
		case len(out) > maxProblems:
			return out
		case n.Type == html.CommentNode:
			out = append(out, fmt.Sprintf("a comment: %.80q", n.Data))
		case n.Type != html.ElementNode:
		case !j.parts[n.Data]:
			out = append(out, fmt.Sprintf("<%s>, which the pages have not", n.Data))
		case slices.Contains([]string{"iframe", "object", "embed", "base", "style", "frame", "frameset"}, n.Data) || n.Data == "script" && n.FirstChild != nil:
			out = append(out, fmt.Sprintf("<%s>", n.Data))
		default:
			for _, a := range n.Attr {
				if p := j.attribute(n.Data, a); p != "" {
					out = append(out, p)
				}
			}
		}
	}
	return out
}

// attribute says what is wrong with an attribute.
func (j *judge) attribute(element string, a html.Attribute) string {
	switch {
	case !j.parts[element+" "+a.Key]:
		return fmt.Sprintf("<%s %s>, which the pages have not", element, a.Key)
	case strings.HasPrefix(a.Key, "on") || a.Key == "style" || a.Key == "srcdoc":
		return fmt.Sprintf("<%s %s=%.80q>", element, a.Key, a.Val)
	case slices.Contains([]string{"href", "src", "action", "formaction", "data-autosave", "cite", "poster", "background"}, a.Key) && !local(a.Val):
		return fmt.Sprintf("<%s %s=%.80q> leads elsewhere", element, a.Key, a.Val)
	}
	return ""
}

// escaped finds strings that have left the place that they were put in: their
// end stands in another place than their beginning. One that is shown in part
// has no end, or no beginning.
func escaped(root *html.Node) []string {
	var out []string
	open := "" // where the string before has not ended
	look := func(where, s string) {
		for len(out) < maxProblems {
			b, e := strings.Index(s, markBegin), strings.Index(s, markEnd)
			switch {
			case b < 0 && e < 0:
				return
			case b >= 0 && (e < 0 || b < e):
				open, s = where, s[b+len(markBegin):]
			default:
				if open != "" && open != where {
					out = append(out, fmt.Sprintf("a string begins in %s and ends in %s: %.80q", open, where, s))
				}
				open, s = "", s[e+len(markEnd):]
			}
		}
	}
	n := 0
	for node := range root.Descendants() {
		if n++; quotes(node) {
			continue
		}
		switch node.Type {
		case html.TextNode:
			look(fmt.Sprintf("text %d of <%s>", n, node.Parent.Data), node.Data)
		case html.ElementNode:
			for _, a := range node.Attr {
				look(fmt.Sprintf("<%s %s> %d", node.Data, a.Key, n), a.Val)
			}
		}
	}
	return out
}

// quotes reports whether a text says what is wrong with a string, and so may
// hold part of it, from anywhere within.
func quotes(n *html.Node) bool {
	for p := n; p != nil; p = p.Parent {
		for _, class := range []string{"field-error", "errors", "flash"} {
			if has, _ := attr(p, "class"); slices.Contains(strings.Fields(has), class) {
				return true
			}
		}
	}
	return false
}
