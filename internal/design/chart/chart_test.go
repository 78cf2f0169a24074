package chart

import (
	"flag"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"
)

var update = flag.Bool("update", false, "write the golden files")

const h = time.Hour

func volume(label string) Volume {
	v := Volume{Title: label, Noun: "case", Many: "cases", Categories: []string{label, "Question", "A category whose name is far too long for a legend"}}
	for i := range 13 {
		v.Spans = append(v.Spans, Span{Label: strconv.Itoa(i+1) + " Jul", Name: "week " + strconv.Itoa(i) + " " + label, Counts: []int{i, 2 * i, 13 - i}, Href: "/queue?week=" + strconv.Itoa(i)})
	}
	return v
}

func response(label string) Response {
	return Response{Title: label, Rows: []Timing{
		{Label: label, Count: 4, Median: h / 2, P90: h, Target: h, Href: "/a"}, {Label: "over", Count: 4, Median: 5 * h, P90: 20 * h, Target: 4 * h},
		{Label: "beyond", Count: 1, Median: 90 * h, Target: 4 * h}, {Label: "none", Target: h}, {Label: "no target", Count: 3, Median: 50 * h}, {Label: "at once", Count: 1, Target: h}}}
}

func backlog(label string) Backlog {
	return Backlog{Title: label, Noun: "case", Many: "cases", Parts: []Part{{label, 12, "/queue?state=new"}, {"in work", 21, ""}, {"none", 0, "/queue?state=none"}, {"awaiting approval", 1, ""}, {"x", 1, ""}, {"y", 1, ""}, {"z", 1, ""}}}
}

func matrix(label string) Matrix {
	return Matrix{Title: label, Impact: []string{"none", label}, Likelihood: []string{"rare", "likely " + label}, Squares: [][]Square{{{1, 3, "/a"}, {2, 0, "/b"}}, {{3, 12, ""}, {4, 1, "/d"}}}}
}

func drawings(t testing.TB, label string) map[string]Drawing {
	t.Helper()
	m, err := matrix(label).Draw()
	if err != nil {
		t.Fatal(err)
	}
	bare, err := Matrix{Title: label}.Draw()
	if err != nil {
		t.Fatal(err)
	}
	return map[string]Drawing{
		"volume": volume(label).Draw(), "volume-empty": Volume{Title: label}.Draw(),
		"response": response(label).Draw(), "response-empty": Response{Title: label}.Draw(), "response-calendar": Response{Title: label, Calendar: true, Rows: response(label).Rows}.Draw(),
		"backlog": backlog(label).Draw(), "backlog-empty": Backlog{Title: label}.Draw(),
		"matrix": m, "matrix-empty": bare,
		"spark": Spark{Title: label, Values: []int{3, 1, 4, 1, 5}}.Draw(), "spark-one": Spark{Title: label, Values: []int{7}}.Draw(), "spark-empty": Spark{Title: label}.Draw(),
	}
}

func svgOf(t testing.TB, d Drawing) string {
	t.Helper()
	s, err := d.SVG()
	if err != nil {
		t.Fatal(err)
	}
	return string(s)
}

func TestGolden(t *testing.T) {
	again := drawings(t, "Security")
	for name, d := range drawings(t, "Security") {
		got := svgOf(t, d)
		if got != svgOf(t, again[name]) {
			t.Errorf("%s: the same data gives another drawing", name)
		}
		file := filepath.Join("testdata", name+".svg")
		if *update {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatalf("%v (run with -update to write it)", err)
		}
		if got != string(want) {
			t.Errorf("%s differs:\n got %s\nwant %s", name, got, want)
		}
	}
}

// TestInside holds that no mark leaves its drawing, that every number is
// finite, and that a picture says in words what it shows.
func TestInside(t *testing.T) {
	for name, d := range drawings(t, "Security") {
		if d.Title == "" || d.Desc == "" {
			t.Errorf("%s: no title or no description", name)
		}
		for _, m := range d.Marks {
			points := append([]Point{{m.X, m.Y}}, m.Points...)
			switch m.Shape {
			case Rect, Line:
				points = append(points, Point{m.X + m.W, m.Y + m.H})
			case Dot:
				points = append(points, Point{m.X + m.W, m.Y + m.W}, Point{m.X - m.W, m.Y - m.W})
			}
			for _, p := range points {
				if math.IsNaN(p.X) || math.IsNaN(p.Y) || p.X < -3 || p.X > d.W+3 || p.Y < -3 || p.Y > d.H+3 {
					t.Errorf("%s: %+v is outside of %v × %v", name, m, d.W, d.H)
				}
			}
		}
	}
}

// TestHostile holds that labels from outside are text, wherever they stand.
func TestHostile(t *testing.T) {
	shape := func(s string) string {
		root, err := html.Parse(strings.NewReader(s))
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		for n := range root.Descendants() {
			if n.Type == html.ElementNode {
				b.WriteString("<" + n.Data)
				for _, a := range n.Attr {
					b.WriteString(" " + a.Key)
					if a.Key == "href" && strings.Contains(strings.ToLower(a.Val), "script:") {
						t.Errorf("an address runs a script: %q", a.Val)
					}
				}
				b.WriteString(">")
			}
		}
		return b.String()
	}
	plain := drawings(t, "abcdefghij")
	for _, w := range []string{`"><script>alert(1)</script>`, "</title><script>", "</svg><img src=x onerror=alert(1)>", "' onload='x", "&lt;b&gt;", "\x00<b>", "]]>", "</desc></g><a>"} {
		for name, d := range drawings(t, w) {
			if want, got := plain[name], d; len(want.Marks) == len(got.Marks) && shape(svgOf(t, want)) != shape(svgOf(t, got)) {
				t.Errorf("%s with %q has another structure: %s", name, w, svgOf(t, got))
			}
		}
	}
	d := Backlog{Title: "x", Parts: []Part{{"a", 1, "javascript:alert(1)"}}}.Draw()
	if s := svgOf(t, d); strings.Contains(s, "javascript") {
		t.Errorf("an address runs a script: %s", s)
	}
}

// TestLinks holds that each row behind a chart is within reach by name, and
// outside of the image, where links cannot be used.
func TestLinks(t *testing.T) {
	for name, want := range map[string]int{"volume": 13, "response": 1, "backlog": 2, "matrix": 3, "spark": 0} {
		s := svgOf(t, drawings(t, "Security")[name])
		image := s[strings.Index(s, `<g role="img"`):strings.Index(s, "</g>")]
		if strings.Contains(image, "<a ") {
			t.Errorf("%s: a link inside the image", name)
		}
		if got := strings.Count(s, "<a href="); got != want || strings.Count(s, `aria-label="`) != want+1 {
			t.Errorf("%s: %d links, want %d, each with a name", name, got, want)
		}
	}
}

func TestMatrixShape(t *testing.T) {
	for _, m := range []Matrix{
		{Impact: []string{"a"}, Likelihood: []string{"b"}},
		{Impact: []string{"a"}, Likelihood: []string{"b"}, Squares: [][]Square{{}}},
	} {
		if _, err := m.Draw(); err == nil {
			t.Errorf("%+v: no error", m)
		}
	}
	if _, err := (Matrix{Impact: []string{"a"}, Likelihood: []string{"b"}, Squares: [][]Square{{{Severity: 99, Count: 1}}}}).Draw(); err != nil {
		t.Error(err)
	}
}

func TestTick(t *testing.T) {
	for _, c := range []struct{ top, want int }{{1, 1}, {4, 1}, {5, 2}, {8, 2}, {9, 5}, {20, 5}, {21, 10}, {41, 20}, {412, 200}, {math.MaxInt, 5_000_000_000_000_000_000}} {
		if got := tick(c.top); got != c.want {
			t.Errorf("tick(%d) = %d, want %d", c.top, got, c.want)
		}
	}
}

func TestNumber(t *testing.T) {
	for _, c := range []struct {
		v    float64
		want string
	}{{0, "0"}, {-0.001, "0"}, {1.005, "1"}, {1.25, "1.25"}, {1.0 / 3, "0.33"}, {-2.5, "-2.5"}, {1e6, "1000000"}} {
		if got := number(c.v); got != c.want {
			t.Errorf("number(%v) = %q, want %q", c.v, got, c.want)
		}
	}
}

// Figures that cannot be are drawn as nothing, not as nonsense.
func TestNegative(t *testing.T) {
	d := Volume{Title: "x", Noun: "case", Many: "cases", Categories: []string{"a", "b"}, Spans: []Span{{Label: "1", Name: "one", Counts: []int{-5, 3, 9}}}}.Draw()
	for _, m := range d.Marks {
		if m.Shape == Rect && m.H < 0 {
			t.Errorf("a column of negative height: %+v", m)
		}
	}
	b := Backlog{Title: "x", Noun: "case", Many: "cases", Parts: []Part{{"a", -5, ""}, {"b", 2, ""}}}.Draw()
	for _, m := range b.Marks {
		if m.Shape == Rect && m.W < 0 {
			t.Errorf("a part of negative width: %+v", m)
		}
	}
}
