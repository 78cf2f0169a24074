package design

import (
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"example.org/countersign/internal/design/chart"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"
)

// rule is one declaration of the stylesheet with the selectors and conditions
// around it.
type rule struct {
	context  string // "@layer tokens / @media screen"
	selector string
	property string
	value    string
}

// rules reads the stylesheet as it is served.
func rules(t testing.TB) []rule {
	t.Helper()
	css, err := Stylesheet()
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, string(css))
}

// parse reads blocks, nested conditions and declarations, as much of CSS as
// app.css uses.
func parse(t testing.TB, css string) []rule {
	t.Helper()
	var all []rule
	var stack []string
	at := 0
	source := cssComment.ReplaceAllString(css, "")
	for i, c := range source {
		switch c {
		case '{':
			stack = append(stack, strings.Join(strings.Fields(source[at:i]), " "))
			at = i + 1
		case '}', ';':
			if decl := strings.TrimSpace(source[at:i]); decl != "" && len(stack) > 0 {
				k, v, ok := strings.Cut(decl, ":")
				if !ok {
					t.Fatalf("not a declaration: %q", decl)
				}
				n := len(stack) - 1
				v = cssAround.ReplaceAllString(v, "$1")
				all = append(all, rule{strings.Join(stack[:n], " / "), cssAround.ReplaceAllString(stack[n], "$1"), strings.TrimSpace(k), strings.TrimSpace(v)})
			}
			if at = i + 1; c == '}' {
				if len(stack) == 0 {
					t.Fatalf("a brace too many near %q", source[max(0, i-80):i])
				}
				stack = stack[:len(stack)-1]
			}
		}
	}
	if len(stack) != 0 {
		t.Fatalf("unclosed: %v", stack)
	}
	return all
}

// TestSqueeze holds that the stylesheet served says what the one written says.
func TestSqueeze(t *testing.T) {
	source, err := embedded.ReadFile("static/app.css")
	if err != nil {
		t.Fatal(err)
	}
	written, served := parse(t, string(source)), rules(t)
	for i := range written { // a condition is squeezed too
		written[i].context = strings.ReplaceAll(cssAround.ReplaceAllString(written[i].context, "$1"), ": ", ":")
	}
	if diff := cmp.Diff(written, served, cmp.AllowUnexported(rule{})); diff != "" {
		t.Errorf("squeezing changes the stylesheet (-written +served):\n%s", diff)
	}
	if len(served) < 500 {
		t.Errorf("only %d declarations", len(served))
	}
	f, _ := Static("app.css")
	t.Logf("%d bytes written, %d served", len(source), len(f.Body))
}

// themes returns the colours of each theme, and fails where the two dark blocks
// differ.
func themes(t testing.TB) map[string]map[string]string {
	t.Helper()
	light, dark, chosen := map[string]string{}, map[string]string{}, map[string]string{}
	for _, r := range rules(t) {
		if !strings.HasPrefix(r.context, "@layer tokens") || !strings.HasPrefix(r.property, "--") {
			continue
		}
		switch r.selector {
		case `:root,[data-theme="light"]`:
			light[r.property] = r.value
		case `:root:not([data-theme])`:
			dark[r.property] = r.value
		case `[data-theme="dark"]`:
			chosen[r.property] = r.value
		}
	}
	if len(light) == 0 || !maps.Equal(dark, chosen) {
		t.Errorf("the dark theme by choice differs from the dark theme by system, or there is none")
	}
	for name := range light {
		if _, ok := dark[name]; !ok {
			t.Errorf("%s has no dark value", name)
		}
	}
	return map[string]map[string]string{"light": light, "dark": dark}
}

// contrast is the WCAG 2 contrast ratio of two colours written #rrggbb.
func contrast(a, b string) (float64, error) {
	la, err := luminance(a)
	if err != nil {
		return 0, err
	}
	lb, err := luminance(b)
	if err != nil {
		return 0, err
	}
	return (max(la, lb) + 0.05) / (min(la, lb) + 0.05), nil
}

func luminance(hex string) (float64, error) {
	if len(hex) != 7 || hex[0] != '#' {
		return 0, fmt.Errorf("colour %q is not #rrggbb", hex)
	}
	n, err := strconv.ParseUint(hex[1:], 16, 32)
	if err != nil {
		return 0, fmt.Errorf("colour %q: %w", hex, err)
	}
	part := func(shift uint) float64 {
		v := float64(n>>shift&255) / 255
		if v <= 0.04045 {
			return v / 12.92
		}
		return math.Pow((v+0.055)/1.055, 2.4)
	}
	return 0.2126*part(16) + 0.7152*part(8) + 0.0722*part(0), nil
}

// text and graphics list the pairs that the pages use: foreground, grounds.
var (
	text = map[string][]string{ // WCAG 1.4.3, 4.5:1
		"--ink":     {"--paper", "--raised", "--sunk", "--rule", "--soon-wash", "--late-wash"},
		"--ink-2":   {"--paper", "--raised", "--sunk"},
		"--ink-3":   {"--paper", "--raised", "--sunk"},
		"--paper":   {"--ink"},
		"--seal":    {"--paper", "--raised", "--sunk"},
		"--on-seal": {"--seal-solid"},
		"--soon":    {"--paper", "--raised", "--sunk"},
		"--late":    {"--paper", "--raised", "--sunk"},
		"--on-late": {"--late-solid"},
	}
	graphics = map[string][]string{ // WCAG 1.4.11, 3:1
		"--edge":       {"--paper", "--raised"},
		"--ink-2":      {"--soon-wash", "--late-wash", "--rule"},
		"--ink-3":      {"--paper", "--sunk"},
		"--seal-solid": {"--paper", "--raised"},
		"--soon-solid": {"--paper", "--sunk"},
		"--late-solid": {"--paper", "--sunk"},
		"--data-1":     {"--paper"}, "--data-2": {"--paper"}, "--data-3": {"--paper"},
		"--data-4": {"--paper"}, "--data-5": {"--paper"}, "--data-6": {"--paper"},
	}
	decoration = []string{"--rule", "--shadow"} // carries no meaning by itself
)

func TestContrast(t *testing.T) {
	for theme, colours := range themes(t) {
		seen := map[string]bool{}
		check := func(pairs map[string][]string, least float64) {
			for fg, grounds := range pairs {
				for _, bg := range grounds {
					seen[fg], seen[bg] = true, true
					got, err := contrast(colours[fg], colours[bg])
					if err != nil {
						t.Errorf("%s: %s on %s: %v", theme, fg, bg, err)
					} else if got < least {
						t.Errorf("%s: %s on %s is %.2f:1, needs %.1f:1", theme, fg, bg, got, least)
					}
				}
			}
		}
		check(text, 4.5)
		check(graphics, 3)
		for name := range colours {
			if !seen[name] && !slices.Contains(decoration, name) {
				t.Errorf("%s: %s is in no pair", theme, name)
			}
		}
	}
}

// TestColour holds that the PDF gets the light theme's colours, for every tone
// that a drawing may use.
func TestColour(t *testing.T) {
	light := themes(t)["light"]
	for _, tone := range chart.Tones() {
		c, err := Colour(tone.Property())
		if got := fmt.Sprintf("#%02x%02x%02x", c.R, c.G, c.B); err != nil || got != light[tone.Property()] {
			t.Errorf("%s is %s, %v; the stylesheet says %s", tone, got, err, light[tone.Property()])
		}
	}
	if _, err := Colour("--absent"); err == nil {
		t.Error("an absent colour is no error")
	}
}

// TestContrastFormula checks the formula itself against known values.
func TestContrastFormula(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want float64
	}{{"#000000", "#ffffff", 21}, {"#ffffff", "#ffffff", 1}, {"#777777", "#ffffff", 4.48}, {"#ff0000", "#ffffff", 4}} {
		got, err := contrast(c.a, c.b)
		if err != nil || math.Abs(got-c.want) > 0.01 {
			t.Errorf("contrast(%s, %s) = %.3f, %v, want %.2f", c.a, c.b, got, err, c.want)
		}
	}
	if _, err := contrast("red", "#ffffff"); err == nil {
		t.Error("a colour name is no error")
	}
}

// TestTextPairs holds that where one rule sets both colour and ground, the pair
// is among those whose contrast is checked.
func TestTextPairs(t *testing.T) {
	fg, bg := map[string]string{}, map[string]string{}
	token := regexp.MustCompile(`^var\((--[a-z0-9-]+)\)`)
	for _, r := range rules(t) {
		key := r.context + r.selector
		if m := token.FindStringSubmatch(r.value); m != nil {
			switch r.property {
			case "color":
				fg[key] = m[1]
			case "background":
				bg[key] = m[1]
			}
		}
	}
	checked := 0
	for key, f := range fg {
		if b, ok := bg[key]; ok {
			checked++
			if !slices.Contains(text[f], b) {
				t.Errorf("%s: %s on %s is not a checked pair", key, f, b)
			}
		}
	}
	if checked < 5 {
		t.Errorf("only %d rules set both; the reading of the stylesheet is broken", checked)
	}
}

// TestColourDiscipline holds the meaning of colours: raw colours only in
// tokens; green for what is sealed and for the primary button; amber and red
// for clocks and severity.
func TestColourDiscipline(t *testing.T) {
	raw := regexp.MustCompile(`#[0-9a-fA-F]{3,8}\b|rgba?\(|hsla?\(|\b(red|green|amber|orange|white|black|blue)\b`)
	meaning := []struct{ token, selectors *regexp.Regexp }{
		{regexp.MustCompile(`--(seal|on-seal)\b`), regexp.MustCompile(`seal|approved|button-primary|logo`)},
		{regexp.MustCompile(`--(soon|late|on-late)\b`), regexp.MustCompile(`clock|severity|\.f-soon|\.f-late|\.s-late`)},
	}
	for _, r := range rules(t) {
		if strings.HasPrefix(r.context, "@layer tokens") {
			continue
		}
		printed := strings.HasSuffix(r.context, "@media print") && r.selector == ":root"
		veil := r.selector == ".dialog::backdrop" || strings.HasPrefix(r.property, "box-shadow")
		if raw.MatchString(r.value) && !printed && !veil {
			t.Errorf("%s { %s: %s } has a colour of its own", r.selector, r.property, r.value)
		}
		for _, m := range meaning {
			if !m.token.MatchString(r.value) {
				continue
			}
			for s := range strings.SplitSeq(r.selector, ",") {
				if !m.selectors.MatchString(s) {
					t.Errorf("%s { %s: %s } gives the colour another meaning", s, r.property, r.value)
				}
			}
		}
	}
}

// TestScale holds the five sizes of type: whatever is not one of them is a
// ratio for mono, or the type of a drawing in its own units.
func TestScale(t *testing.T) {
	size := regexp.MustCompile(`^var\(--t[1-5]\)$|^inherit$|^\.9286em$`)
	for _, r := range rules(t) {
		drawn := strings.Contains(r.selector, ".drawing text")
		if r.property == "font-size" && !size.MatchString(r.value) && !drawn && !(r.selector == "html" && strings.Contains(r.context, "print")) {
			t.Errorf("%s { font-size: %s } is off the scale", r.selector, r.value)
		}
	}
}

// TestSelfContained holds that the stylesheet fetches nothing and can stand
// inside a style element.
func TestSelfContained(t *testing.T) {
	css, err := Stylesheet()
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"url(", "@import", "@font-face", "</", "<!--", "expression("} {
		if strings.Contains(string(css), bad) {
			t.Errorf("app.css has %q", bad)
		}
	}
	for _, need := range []string{"prefers-reduced-motion", "prefers-color-scheme:dark", "@media print", ":focus-visible", "forced-colors"} {
		if !strings.Contains(string(css), need) {
			t.Errorf("app.css has no %q", need)
		}
	}
}

// forPages are classes that no partial draws: page templates use them.
var forPages = []string{"split", "aside", "main-part", "keep", "order", "fold", "code", "qr"}

// TestClasses holds that templates use only classes that the stylesheet knows,
// and that the stylesheet knows no class that nobody uses.
func TestClasses(t *testing.T) {
	known := map[string]bool{}
	class := regexp.MustCompile(`\.([a-z][a-z0-9-]*)`)
	for _, r := range rules(t) {
		for _, m := range class.FindAllStringSubmatch(r.selector, -1) {
			known[m[1]] = true
		}
	}
	used := map[string]bool{}
	note := func(source string) {
		walk(t, source, func(_ *html.Node, attr map[string]string) {
			for c := range strings.FieldsSeq(attr["class"]) {
				used[c] = true
			}
		})
	}
	for _, p := range pages(t) {
		note(p)
	}
	set := pristine(t)
	for _, c := range components() {
		for _, s := range c.states() {
			note("<body>" + render(t, set, c.partial, s))
		}
	}
	for _, tone := range chart.Tones() {
		if !known["f-"+string(tone)] {
			t.Errorf("tone %s is not styled", tone)
		}
	}
	plain := map[string]bool{ // a variant that looks like its kind
		"button-secondary": true, "flash-done": true, "flash-notice": true, "severity-low": true, "severity-none": true, "state-open": true, "state-active": true,
		"seal-corrected": true, "square-low": true, "square-none": true, "clock-calm": true, "act-plain": true, "act-internal": true, "act-machine": true, "act-correcting": true, "act-undelivered": true}
	for c := range used {
		if !known[c] && !plain[c] {
			t.Errorf("class %q is used and not styled", c)
		}
	}
	tones := regexp.MustCompile(`^[fs]-`)
	for c := range known {
		if !used[c] && !slices.Contains(forPages, c) && !tones.MatchString(c) {
			t.Errorf("class %q is styled and not used", c)
		}
	}
}
