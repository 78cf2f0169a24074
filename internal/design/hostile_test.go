package design

import (
	"bufio"
	"fmt"
	"html/template"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// hostileFolder holds lists of strings that break pages, outside of the project.
const hostileFolder = "../../../shared/data/hostile"

// wicked are strings of our own that are tried one by one in every slot.
var wicked = []string{
	`"><script>alert(1)</script>`, `' onmouseover='alert(1)`, "</textarea><script>alert(1)</script>", "</title><img src=x onerror=alert(1)>",
	"javascript:alert(1)", "JaVaScRiPt:alert(1)", "\x01javascript:alert(1)", "data:text/html,<script>alert(1)</script>", "//evil.example/x", "</svg><script>alert(1)</script>",
	"--><img src=x>", "]]><img src=x>", "{{.}}", "`${alert(1)}`", "\x00<script>", "\xff\xfe<b>", "\u202eltr", "<!--", "</style><script>", "&lt;script&gt;", "&#60;script&#62;", "\n\n\nfirst lines", "a=b style=x",
}

// hostile returns every line of those lists once.
func hostile(t testing.TB) []string {
	t.Helper()
	all := slices.Clone(wicked)
	if _, err := os.Stat(hostileFolder); err != nil {
		t.Logf("%s is absent: only the built-in strings are tried", hostileFolder)
		return all
	}
	err := filepath.WalkDir(hostileFolder, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".txt" {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		lines := bufio.NewScanner(f)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			if s := lines.Text(); strings.TrimSpace(s) != "" && !strings.HasPrefix(s, "# ") {
				all = append(all, s)
			}
		}
		return lines.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// filled returns a copy of v with every non-empty string replaced. Names of our
// own kind (icons, kinds of field, trusted HTML) are not strings in this sense.
func filled(v reflect.Value, with string) reflect.Value {
	if v.Type() == reflect.TypeFor[time.Time]() {
		return v
	}
	c := reflect.New(v.Type()).Elem()
	c.Set(v)
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			p := reflect.New(v.Type().Elem())
			p.Elem().Set(filled(v.Elem(), with))
			c.Set(p)
		}
	case reflect.Slice:
		if !v.IsNil() {
			s := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
			for i := range v.Len() {
				s.Index(i).Set(filled(v.Index(i), with))
			}
			c.Set(s)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			c.Field(i).Set(filled(v.Field(i), with))
		}
	case reflect.String:
		if v.Type() == reflect.TypeFor[string]() && v.String() != "" {
			c.SetString(with)
		}
	}
	return c
}

// shape parses a fragment and returns its elements and attribute names, in
// order, without any text or value. An address that does more than lead
// somewhere is an error.
func shape(t testing.TB, source string, whole bool) (string, error) {
	t.Helper()
	var b strings.Builder
	for _, n := range nodes(t, source, whole) {
		if err := outline(&b, n); err != nil {
			return "", err
		}
	}
	return b.String(), nil
}

func nodes(t testing.TB, source string, whole bool) []*html.Node {
	t.Helper()
	if whole {
		n, err := html.Parse(strings.NewReader(source))
		if err != nil {
			t.Fatal(err)
		}
		return []*html.Node{n}
	}
	ns, err := html.ParseFragment(strings.NewReader(source), &html.Node{Type: html.ElementNode, Data: "body", DataAtom: atom.Body})
	if err != nil {
		t.Fatal(err)
	}
	return ns
}

func outline(b *strings.Builder, n *html.Node) error {
	switch n.Type {
	case html.CommentNode:
		b.WriteString("<!---->")
	case html.ElementNode:
		b.WriteString("<" + n.Data)
		for _, a := range n.Attr {
			b.WriteString(" " + a.Key)
			if err := address(a); err != nil {
				return fmt.Errorf("<%s %s=%q>: %w", n.Data, a.Key, a.Val, err)
			}
		}
		b.WriteString(">")
	}
	for c := range n.ChildNodes() {
		if err := outline(b, c); err != nil {
			return err
		}
	}
	if n.Type == html.ElementNode {
		b.WriteString("</" + n.Data + ">")
	}
	return nil
}

// address refuses what runs instead of leading somewhere.
func address(a html.Attribute) error {
	if !slices.Contains([]string{"href", "src", "action", "formaction", "xlink:href"}, a.Key) {
		return nil
	}
	u, err := url.Parse(strings.Map(func(r rune) rune { // as browsers read it
		if r <= ' ' {
			return -1
		}
		return r
	}, a.Val))
	if err == nil && u.Scheme != "" && !slices.Contains([]string{"http", "https", "mailto"}, strings.ToLower(u.Scheme)) {
		return fmt.Errorf("scheme %q", u.Scheme)
	}
	return nil
}

// TestHostileStrings puts every hostile string into every slot of every
// component and layout: the page that results has the same elements and
// attributes as with a harmless word. In text, escaping looks at one character
// at a time, so the lists go in by the hundred; what may be read as an address
// goes one by one into the components that link.
func TestHostileStrings(t *testing.T) {
	all := hostile(t)
	words := slices.Clone(wicked)
	for chunk := range slices.Chunk(all, 100) {
		words = append(words, strings.Join(chunk, "\n"))
	}
	var links []string
	for _, w := range all {
		if i := strings.IndexByte(w, ':'); i >= 0 && i < 40 {
			links = append(links, w)
		}
	}
	set := pristine(t)
	for _, c := range components() {
		for i, s := range c.states() {
			if i == 0 {
				same(t, set, c.partial, s, false, words)
			} else {
				same(t, set, c.partial, s, false, wicked)
			}
		}
	}
	for _, data := range []any{fullButton(), fullLink()} {
		same(t, set, "button", data, false, links)
	}
	same(t, set, "link", Link{"Queue", "/queue"}, false, links)
	same(t, set, "attachment", sampleFiles()[0], false, links)
	for _, k := range []Kind{Text, Long, Choice, Radio, Confirm} { // each way of drawing a field
		f := fullField()
		f.Kind = k
		same(t, set, "field", f, false, words)
	}
	same(t, page(t), "staff", staffPage{fullStaff(), "Main"}, true, words)
	same(t, page(t), "public", publicPage{fullPublic(), "Main"}, true, words)
	t.Logf("%d strings, %d of them like addresses", len(all), len(links))
}

// same renders data with each word in all its slots and compares the structure.
func same(t *testing.T, set *template.Template, name string, data any, whole bool, words []string) {
	t.Helper()
	v := reflect.ValueOf(data)
	want, err := shape(t, render(t, set, name, filled(v, "word").Interface()), whole)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range words {
		got, err := shape(t, render(t, set, name, filled(v, w).Interface()), whole)
		if err != nil || got != want {
			t.Fatalf("%s with %.300q changes its structure: %v\n got %s\nwant %s", name, w, err, got, want)
		}
	}
}

// TestTyped holds that what a person typed comes back as it was, whatever it is.
func TestTyped(t *testing.T) {
	set := pristine(t)
	for _, w := range hostile(t) {
		if strings.ContainsAny(w, "\r\x00") || strings.ToValidUTF8(w, "") != w {
			continue // HTML itself cannot carry these
		}
		for _, k := range []Kind{Text, Long} {
			source := render(t, set, "field", Field{Kind: k, Name: "n", Label: "L", Value: w})
			got := ""
			walk(t, source, func(n *html.Node, attr map[string]string) {
				switch {
				case n.Data == "input":
					got = attr["value"]
				case n.Data == "textarea" && n.FirstChild != nil:
					got = n.FirstChild.Data
				}
			})
			if got != w {
				t.Fatalf("kind %q: typed %q, comes back as %q", k, w, got)
			}
		}
	}
}

func FuzzComponents(f *testing.F) {
	for _, w := range []string{"word", `"><script>`, "javascript:x", "\n</textarea>", "C-2026-000001"} {
		f.Add(w)
	}
	all := components()
	set, err := Templates(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, w string) {
		if w == "" {
			return
		}
		for _, c := range all {
			same(t, set, c.partial, c.states()[0], false, []string{w})
		}
	})
}
