// Package chart draws the small pictures of Countersign on the server: volume
// over time, response times against their targets, a backlog by state, a
// severity matrix, a trend in one line. A chart is laid out as a Drawing, which
// becomes SVG for pages and the HTML report, or is walked mark by mark for the
// PDF, so that all three show the same picture. The same data gives the same
// bytes.
package chart

import (
	"bytes"
	"fmt"
	"html/template"
	"math"
	"strconv"
	"strings"
)

// Tone names a colour: the custom property of the stylesheet without "--".
type Tone string

// The tones that drawings use. The solid and wash tones of clocks and severity
// carry no other meaning than that.
const (
	Paper    Tone = "paper"
	Sunk     Tone = "sunk"
	Ink      Tone = "ink"
	Ink2     Tone = "ink-2"
	Ink3     Tone = "ink-3"
	Rule     Tone = "rule"
	Late     Tone = "late" // filled marks; its text is LateText
	LateText Tone = "late-text"
	LateWash Tone = "late-wash"
	SoonWash Tone = "soon-wash"
)

// series are the tones of categories, in order; more categories repeat them.
var series = [...]Tone{"data-1", "data-2", "data-3", "data-4", "data-5", "data-6"}

func seriesTone(i int) Tone { return series[i%len(series)] }

// Tones lists every tone that a filled mark may have.
func Tones() []Tone {
	return append([]Tone{Paper, Sunk, Ink, Ink2, Ink3, Rule, Late, LateText, LateWash, SoonWash}, series[:]...)
}

// Property is the stylesheet's custom property behind a filled mark of the tone.
func (t Tone) Property() string {
	switch t {
	case Late:
		return "--late-solid"
	case LateText:
		return "--late"
	}
	return "--" + string(t)
}

// Shape is the shape of a mark.
type Shape uint8

// The shapes.
const (
	Rect Shape = iota // X, Y, W, H, filled
	Line              // X, Y to X+W, Y+H, stroked
	Dot               // centre X, Y, radius W, filled
	Path              // Points, stroked
	Area              // Points, filled
	Word              // Text at X, Y (baseline)
)

// Anchor is where a word stands relative to its X.
type Anchor string

// The anchors.
const (
	Start  Anchor = ""
	Middle Anchor = "middle"
	End    Anchor = "end"
)

// Point is a place in a drawing.
type Point struct{ X, Y float64 }

// Mark is one mark of a drawing, in units of one CSS pixel.
type Mark struct {
	Shape      Shape
	X, Y, W, H float64
	Points     []Point
	Tone       Tone
	Text       string
	Anchor     Anchor
	Big        bool // 16 instead of 12 units
	Strong     bool // semi-bold
}

// Region is a part of a drawing that leads to the rows behind it.
type Region struct {
	X, Y, W, H float64
	Href       string
	Label      string // "Week of 6 Jul: 14 communications"
}

// Drawing is a chart laid out.
type Drawing struct {
	Title   string // what it shows, for those who do not see it
	Desc    string // what stands out, in words
	W, H    float64
	Marks   []Mark
	Regions []Region
	Values  [][]string // the numbers as text; first row is the head
}

// advance is the mean width of a character of the 12 unit type.
const advance = 6.2

// width estimates how wide s is in the drawings' type, which is the reader's own.
func width(s string) float64 {
	w := 0.0
	for _, r := range s {
		switch {
		case strings.ContainsRune("iljtfrI.,:;'|! ", r):
			w += 3.6
		case strings.ContainsRune("mwMW@%", r):
			w += 9.6
		case r >= 'A' && r <= 'Z':
			w += 8
		case r >= 0x2e80: // scripts with full-width characters
			w += 12
		default:
			w += 6.5
		}
	}
	return w
}

func (d *Drawing) rect(x, y, w, h float64, t Tone) {
	d.Marks = append(d.Marks, Mark{Shape: Rect, X: x, Y: y, W: w, H: h, Tone: t})
}

func (d *Drawing) line(x1, y1, x2, y2 float64, t Tone) {
	d.Marks = append(d.Marks, Mark{Shape: Line, X: x1, Y: y1, W: x2 - x1, H: y2 - y1, Tone: t})
}

func (d *Drawing) word(x, y float64, s string, a Anchor, t Tone) {
	d.Marks = append(d.Marks, Mark{Shape: Word, X: x, Y: y, Text: s, Anchor: a, Tone: t})
}

func (d *Drawing) link(x, y, w, h float64, href, label string) {
	if href != "" {
		d.Regions = append(d.Regions, Region{X: x, Y: y, W: w, H: h, Href: href, Label: label})
	}
}

// SVG draws the marks as one image and, over it, the regions as links, so that
// both the picture and the links are within reach of a screen reader.
func (d Drawing) SVG() (template.HTML, error) {
	var b bytes.Buffer
	if err := svg.Execute(&b, d); err != nil {
		return "", fmt.Errorf("draw %q: %w", d.Title, err)
	}
	return template.HTML(b.String()), nil // #nosec G203 -- output of html/template
}

var svg = template.Must(template.New("svg").Funcs(template.FuncMap{"n": number, "points": points}).Parse(
	`<svg class="drawing" viewBox="0 0 {{n .W}} {{n .H}}" width="{{n .W}}" height="{{n .H}}"><g role="img" aria-label="{{.Title}}. {{.Desc}}"><desc>{{.Desc}}</desc>
{{- range .Marks}}{{if eq .Shape 0}}<rect class="f-{{.Tone}}" x="{{n .X}}" y="{{n .Y}}" width="{{n .W}}" height="{{n .H}}"/>
{{- else if eq .Shape 1}}<path class="s s-{{.Tone}}" d="M{{n .X}} {{n .Y}}l{{n .W}} {{n .H}}"/>
{{- else if eq .Shape 2}}<circle class="f-{{.Tone}}" cx="{{n .X}}" cy="{{n .Y}}" r="{{n .W}}"/>
{{- else if eq .Shape 3}}<polyline class="s s2 s-{{.Tone}}" points="{{points .Points}}"/>
{{- else if eq .Shape 4}}<polygon class="f-{{.Tone}}" points="{{points .Points}}"/>
{{- else}}<text class="f-{{.Tone}}{{if .Big}} big{{end}}{{if .Strong}} strong{{end}}" x="{{n .X}}" y="{{n .Y}}"{{with .Anchor}} text-anchor="{{.}}"{{end}}>{{.Text}}</text>{{end}}{{end}}</g>
{{- range .Regions}}<a href="{{.Href}}" aria-label="{{.Label}}"><rect class="hit" x="{{n .X}}" y="{{n .Y}}" width="{{n .W}}" height="{{n .H}}"><title>{{.Label}}</title></rect></a>{{end}}</svg>`))

// number writes a coordinate with at most two decimals, the same on every machine.
func number(v float64) string {
	if v = math.Round(v*100) / 100; v == 0 {
		v = 0 // never "-0"
	}
	return strconv.FormatFloat(v, 'f', -1, 64)
}

func points(ps []Point) string {
	var b strings.Builder
	for i, p := range ps {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(number(p.X) + "," + number(p.Y))
	}
	return b.String()
}
