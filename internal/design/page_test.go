package design

import (
	"crypto/sha256"
	"encoding/hex"
	"html/template"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"golang.org/x/net/html"
)

var assetVersion = regexp.MustCompile(`\?v=[0-9a-f]{8}`)

// pages are whole pages of each layout, as a browser would get them.
func pages(t testing.TB) map[string]string {
	t.Helper()
	sg, err := StyleguideTemplate()
	if err != nil {
		t.Fatal(err)
	}
	data, err := Styleguide(now, Dark)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]string{
		"styleguide": render(t, sg, "staff", data),
		"staff":      render(t, page(t), "staff", staffPage{Staff: fullStaff(), Text: "Main"}),
		"public":     render(t, page(t), "public", publicPage{Public: fullPublic(), Text: "Main"}),
		"narrow":     render(t, page(t), "public", publicPage{Public: Public{Title: "Sign in", Narrow: true}, Text: "Main"}),
		"report":     render(t, reportSet(t), "report", reportPage{Report: Report{Title: "Evidence", Subtitle: "Third quarter", Facts: []KeyValue{{"Made", Cell{Text: "today"}}}}, Text: "Main"}),
	}
}

// reportSet is a page without a heading of its own: the layout "report" has it.
func reportSet(t testing.TB) *template.Template {
	t.Helper()
	set, err := Page(pristine(t), fstest.MapFS{"main.html": {Data: []byte(`{{define "main"}}<p>{{.Text}}</p>{{end}}`)}}, "main.html")
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// walk visits every element of a page.
func walk(t testing.TB, source string, visit func(n *html.Node, attr map[string]string)) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(source))
	if err != nil {
		t.Fatal(err)
	}
	for n := range root.Descendants() {
		if n.Type == html.ElementNode {
			attr := map[string]string{}
			for _, a := range n.Attr {
				attr[a.Key] = a.Val
			}
			visit(n, attr)
		}
	}
}

// TestPolicy holds that no page needs more than Policy allows, and that public
// pages and reports carry no script.
func TestPolicy(t *testing.T) {
	for name, source := range pages(t) {
		walk(t, source, func(n *html.Node, attr map[string]string) {
			for k, v := range attr {
				if k == "style" || strings.HasPrefix(k, "on") {
					t.Errorf("%s: <%s> has an inline %s", name, n.Data, k)
				}
				if (k == "src" || n.Data == "link" && k == "href") && !strings.HasPrefix(v, StaticPath) {
					t.Errorf("%s: <%s %s=%q> comes from elsewhere", name, n.Data, k, v)
				}
			}
			switch {
			case n.Data == "style" && name != "report":
				t.Errorf("%s: inline style sheet", name)
			case n.Data == "script" && (name == "public" || name == "narrow" || name == "report"):
				t.Errorf("%s: has a script", name)
			case n.Data == "script" && (attr["src"] == "" || n.FirstChild != nil):
				t.Errorf("%s: inline script", name)
			case n.Data == "link" && name == "report":
				t.Errorf("%s: needs another file", name)
			}
		})
	}
}

// TestAccess holds what can be known of accessibility without a browser:
// unique ids, a name for every control, references that lead somewhere.
func TestAccess(t *testing.T) {
	for name, source := range pages(t) {
		ids, labels := map[string]int{}, map[string]bool{}
		h1 := 0
		walk(t, source, func(n *html.Node, attr map[string]string) {
			if id := attr["id"]; id != "" {
				ids[id]++
			}
			if n.Data == "label" {
				labels[attr["for"]] = true
			}
			if n.Data == "h1" {
				h1++
			}
		})
		if h1 != 1 {
			t.Errorf("%s: %d top headings", name, h1)
		}
		for id, n := range ids {
			if n > 1 {
				t.Errorf("%s: id %q is used %d times", name, id, n)
			}
		}
		walk(t, source, func(n *html.Node, attr map[string]string) {
			for _, k := range []string{"aria-describedby", "aria-labelledby", "for"} {
				for id := range strings.FieldsSeq(attr[k]) {
					if ids[id] == 0 {
						t.Errorf("%s: <%s %s=%q> leads nowhere", name, n.Data, k, id)
					}
				}
			}
			if n.Data == "input" && attr["type"] == "hidden" {
				return
			}
			if slices.Contains([]string{"input", "select", "textarea"}, n.Data) && !labels[attr["id"]] && attr["aria-label"] == "" && !within(n, "label") {
				t.Errorf("%s: <%s name=%q> has no label", name, n.Data, attr["name"])
			}
			if n.Data == "svg" && attr["aria-hidden"] == "" && attr["class"] != "drawing" {
				t.Errorf("%s: an svg is neither hidden nor a drawing", name)
			}
		})
	}
}

func within(n *html.Node, tag string) bool {
	for p := range n.Ancestors() {
		if p.Data == tag {
			return true
		}
	}
	return false
}

// TestBudget holds that a whole page stays within 150 kB uncompressed: a queue
// of forty rows with everything it loads, and a public page within half.
func TestBudget(t *testing.T) {
	size := func(files ...string) int {
		n := 0
		for _, f := range files {
			file, ok := Static(f)
			if !ok {
				t.Fatalf("no file %s", f)
			}
			n += len(file.Body)
		}
		return n
	}
	sg, err := Styleguide(now, System)
	if err != nil {
		t.Fatal(err)
	}
	table := sg.Table
	table.Rows = nil
	for i := range 40 {
		table.Rows = append(table.Rows, sg.Table.Rows[i%len(sg.Table.Rows)])
	}
	set := pristine(t)
	html := len(render(t, page(t), "staff", staffPage{Staff: sg.Staff, Text: "Queue"})) + len(render(t, set, "header", sg.Header)) +
		len(render(t, set, "filters", sg.Filters)) + len(render(t, set, "table", table))
	staff := html + size("app.css", "app.js", "htmx.min.js", "favicon.svg")
	public := len(pages(t)["public"]) + size("app.css", "favicon.svg")
	for _, f := range sampleFields() {
		public += len(render(t, set, "field", f))
	}
	t.Logf("queue page %d bytes, of it HTML %d; public page %d", staff, html, public)
	if staff > 150_000 || public > 75_000 {
		t.Errorf("over budget: queue page %d of 150000 bytes, public page %d of 75000", staff, public)
	}
}

// TestVendored holds that the files of others are exactly what VENDORED.md says.
func TestVendored(t *testing.T) {
	doc, ok := Static("VENDORED.md")
	if !ok {
		t.Fatal("no VENDORED.md")
	}
	rows := regexp.MustCompile(`(?m)^\| ([^|]+?) \| [^|]+ \| ([\d.]+) \| ([^|]+?) \| ([0-9a-f]{64}) \|$`).FindAllStringSubmatch(string(doc.Body), -1)
	if len(rows) != 2 {
		t.Fatalf("VENDORED.md names %d files, want 2", len(rows))
	}
	for _, r := range rows {
		pattern := filepath.Join("static", strings.SplitN(r[1], ",", 2)[0])
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v, %d files", pattern, err, len(files))
		}
		slices.Sort(files)
		sum := sha256.New()
		for _, f := range files {
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			sum.Write(b)
		}
		if got := hex.EncodeToString(sum.Sum(nil)); got != r[4] {
			t.Errorf("%s: sha256 is %s, VENDORED.md says %s", r[1], got, r[4])
		}
	}
	for _, licence := range []string{"static/htmx.LICENSE", "icons/LICENSE"} {
		if b, err := os.ReadFile(licence); err != nil || !strings.Contains(string(b), "Permission to use, copy, modify") {
			t.Errorf("%s: no licence: %v", licence, err)
		}
	}
}

// TestIcons holds that every icon is a plain drawing, and that a wrong name is
// an error rather than a hole.
func TestIcons(t *testing.T) {
	all, err := icons()
	if err != nil {
		t.Fatal(err)
	}
	shapes := []string{"path", "circle", "rect", "line", "polyline", "polygon", "ellipse"}
	for name := range all {
		svg, err := icon(name)
		if err != nil {
			t.Fatal(err)
		}
		drawn := 0
		walk(t, "<body>"+string(svg), func(n *html.Node, attr map[string]string) {
			if !within(n, "svg") {
				return
			}
			drawn++
			if !slices.Contains(shapes, n.Data) {
				t.Errorf("%s: <%s>", name, n.Data)
			}
			for k := range attr {
				if k == "style" || k == "class" || strings.HasPrefix(k, "on") || strings.Contains(k, "href") {
					t.Errorf("%s: <%s %s>", name, n.Data, k)
				}
			}
		})
		if drawn == 0 {
			t.Errorf("%s: draws nothing", name)
		}
	}
	if _, err := icon("no-such-icon"); err == nil {
		t.Error("an unknown icon is no error")
	}
	if svg, err := icon(""); svg != "" || err != nil {
		t.Errorf("no icon: %q, %v", svg, err)
	}
	// Every name written in a template exists.
	for _, m := range regexp.MustCompile(`icon "([^"]*)"`).FindAllStringSubmatch(templateSource(t), -1) {
		if _, ok := all[Icon(m[1])]; !ok {
			t.Errorf("templates name icon %q, which is not vendored", m[1])
		}
	}
}

func templateSource(t testing.TB) string {
	t.Helper()
	names, err := fs.Glob(templateFiles, "templates/*.html")
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, n := range names {
		src, err := templateFiles.ReadFile(n)
		if err != nil {
			t.Fatal(err)
		}
		b.Write(src)
	}
	return b.String()
}

// TestScript holds the rules for app.js: small, no code from strings, no
// markup from strings.
func TestScript(t *testing.T) {
	f, ok := Static("app.js")
	if !ok {
		t.Fatal("no app.js")
	}
	if n := strings.Count(string(f.Body), "\n"); n >= 150 {
		t.Errorf("app.js has %d lines, the limit is 149", n)
	}
	for _, bad := range []string{"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", ".style", "http://", "https://"} {
		if strings.Contains(string(f.Body), bad) {
			t.Errorf("app.js uses %s", bad)
		}
	}
}

func TestStatic(t *testing.T) {
	if _, err := Asset("absent.css"); err == nil {
		t.Error("an absent asset is no error")
	}
	for _, name := range []string{"absent.css", "../design.go", "", "."} {
		if _, ok := Static(name); ok {
			t.Errorf("Static(%q) is a file", name)
		}
	}
	for name, kind := range map[string]string{"app.css": "text/css", "app.js": "text/javascript", "htmx.min.js": "text/javascript", "favicon.svg": "image/svg+xml", "htmx.LICENSE": "text/plain"} {
		f, ok := Static(name)
		if !ok || !strings.HasPrefix(f.Type, kind) || len(f.Body) == 0 {
			t.Errorf("Static(%q) is %v, %q, %d bytes", name, ok, f.Type, len(f.Body))
		}
		got, err := Asset(name)
		if err != nil || got != StaticPath+name+"?v="+f.Version {
			t.Errorf("Asset(%q) is %q, %v", name, got, err)
		}
	}
}
