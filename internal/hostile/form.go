package hostile

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// A Form is a form as a page draws it.
type Form struct {
	Method string // GET or POST
	Action string // path with query
	Files  bool   // it is sent as multipart/form-data
	Fields []Field
}

// A Field is what a form sends under one name.
type Field struct {
	Name, Kind string   // Kind: type of the input, "textarea" or "select"
	Value      string   // what the page has filled in
	Options    []string // what can be chosen
	Max        bool     // its length is limited
}

// typed reports whether somebody writes into the field.
func (f Field) typed() bool {
	return !slices.Contains([]string{"hidden", "select", "radio", "checkbox", "submit", "file"}, f.Kind)
}

// Parse parses a page.
func Parse(t testing.TB, page string) *html.Node {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	return root
}

func attr(n *html.Node, name string) (string, bool) {
	for _, a := range n.Attr {
		if a.Key == name && a.Namespace == "" {
			return a.Val, true
		}
	}
	return "", false
}

func or(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// Forms returns the forms of a page at path: each for every address that one of
// its buttons, or the script of the page, sends it to.
func Forms(root *html.Node, path string) []Form {
	var out []Form
	for n := range root.Descendants() {
		if n.Type != html.ElementNode || n.Data != "form" {
			continue
		}
		method, _ := attr(n, "method")
		if method == "dialog" { // closes one, and sends nothing
			continue
		}
		action, _ := attr(n, "action")
		kind, _ := attr(n, "enctype")
		f := Form{Method: strings.ToUpper(or(method, "get")), Action: or(action, path), Files: kind == "multipart/form-data"}
		targets := []string{f.Action}
		if auto, ok := attr(n, "data-autosave"); ok {
			targets = append(targets, auto)
		}
		for c := range n.Descendants() {
			if c.Type != html.ElementNode {
				continue
			}
			if to, ok := attr(c, "formaction"); ok {
				targets = append(targets, to)
			}
			f.add(c)
		}
		for _, to := range targets {
			g := f
			g.Action = to
			out = append(out, g)
		}
	}
	return out
}

// add takes a control into the form; those of one name are one field.
func (f *Form) add(n *html.Node) {
	name, _ := attr(n, "name")
	if name == "" || !slices.Contains([]string{"input", "textarea", "select", "button"}, n.Data) {
		return
	}
	i := slices.IndexFunc(f.Fields, func(x Field) bool { return x.Name == name })
	if i < 0 {
		i, f.Fields = len(f.Fields), append(f.Fields, Field{Name: name})
	}
	x := &f.Fields[i]
	kind, _ := attr(n, "type")
	x.Kind = or(kind, n.Data)
	if n.Data != "input" && n.Data != "button" {
		x.Kind = n.Data
	}
	value, _ := attr(n, "value")
	_, x.Max = attr(n, "maxlength")
	switch x.Kind {
	case "textarea":
		if n.FirstChild != nil {
			x.Value = strings.TrimPrefix(n.FirstChild.Data, "\n")
		}
	case "select":
		for o := range n.Descendants() {
			if o.Type == html.ElementNode && o.Data == "option" {
				v, _ := attr(o, "value")
				x.Options = append(x.Options, v)
				if _, chosen := attr(o, "selected"); chosen {
					x.Value = v
				}
			}
		}
	case "radio", "checkbox", "submit":
		x.Options = append(x.Options, value)
		if _, chosen := attr(n, "checked"); chosen {
			x.Value = value
		}
	default:
		x.Value = value
	}
}

// Links returns the addresses that a page leads to.
func Links(root *html.Node) []string {
	var out []string
	for n := range root.Descendants() {
		if n.Type != html.ElementNode || n.Data != "a" {
			continue
		}
		if to, ok := attr(n, "href"); ok && strings.HasPrefix(to, "/") && !slices.Contains(out, to) {
			out = append(out, to)
		}
	}
	return out
}
