package design

import (
	"encoding/hex"
	"fmt"
	"html/template"
	"image/color"
	"regexp"
	"sync"

	"example.org/countersign/internal/design/chart"
)

// Chart frames a drawing of package chart with its title and, folded, the
// values as text. Partial "chart".
type Chart struct {
	Title   string
	Note    string // what it covers: "Jul to Sep 2026"
	Drawing template.HTML
	Values  [][]string // first row is the head, first column the labels
}

// ChartOf frames a drawing.
func ChartOf(d chart.Drawing, note string) (Chart, error) {
	svg, err := d.SVG()
	if err != nil {
		return Chart{}, err
	}
	return Chart{Title: d.Title, Note: note, Drawing: svg, Values: d.Values}, nil
}

// Head is the head of the values.
func (c Chart) Head() []string {
	if len(c.Values) == 0 {
		return nil
	}
	return c.Values[0]
}

// Body is the rows of the values.
func (c Chart) Body() [][]string {
	if len(c.Values) == 0 {
		return nil
	}
	return c.Values[1:]
}

var cssColour = regexp.MustCompile(`(--[a-z0-9-]+):#([0-9a-f]{6})\b`)

// colours holds the light theme: in the stylesheet it comes first.
var colours = sync.OnceValues(func() (map[string]color.RGBA, error) {
	css, err := Stylesheet()
	if err != nil {
		return nil, err
	}
	all := map[string]color.RGBA{}
	for _, m := range cssColour.FindAllStringSubmatch(string(css), -1) {
		if _, ok := all[m[1]]; ok {
			continue
		}
		v, err := hex.DecodeString(m[2])
		if err != nil {
			return nil, fmt.Errorf("colour %s: %w", m[1], err)
		}
		all[m[1]] = color.RGBA{R: v[0], G: v[1], B: v[2], A: 255}
	}
	return all, nil
})

// Colour returns a colour of the light theme by its custom property, "--ink",
// so that a PDF uses the very colours of the pages: Colour(mark.Tone.Property()).
func Colour(property string) (color.RGBA, error) {
	all, err := colours()
	if err != nil {
		return color.RGBA{}, err
	}
	c, ok := all[property]
	if !ok {
		return color.RGBA{}, fmt.Errorf("no colour named %q", property)
	}
	return c, nil
}
