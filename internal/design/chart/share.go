package chart

import (
	"fmt"

	"example.org/countersign/internal/design/phrase"
)

// Part is one part of a Backlog.
type Part struct {
	Label string // "awaiting approval"
	Count int
	Href  string // the rows behind it
}

// Backlog is one stacked bar of what is open, by state, with its legend below.
type Backlog struct {
	Title      string
	Noun, Many string // "case", "cases"
	Parts      []Part
	Width      float64 // 360 where 0
}

// Draw lays the chart out.
func (b Backlog) Draw() Drawing {
	d := Drawing{Title: b.Title, W: or(b.Width, 360), Values: [][]string{{"State", b.Many}}}
	all := 0
	for _, p := range b.Parts {
		all += max(p.Count, 0)
		d.Values = append(d.Values, []string{p.Label, phrase.Number(int64(p.Count))})
	}
	if all == 0 {
		return d.nothing("Nothing is open.")
	}
	d.Desc = phrase.Count(int64(all), b.Noun, b.Many) + " in all."
	const height, gap = 20.0, 1.5
	x := 0.0
	for i, p := range b.Parts {
		w := d.W * float64(max(p.Count, 0)) / float64(all)
		if w > 0 {
			d.rect(x, 0, max(w-gap, 1), height, seriesTone(i))
		}
		x += w
	}
	half := d.W / 2
	for i, p := range b.Parts {
		x, y := float64(i%2)*half, height+24+float64(i/2)*24
		count := phrase.Number(int64(p.Count))
		d.rect(x, y-9, 10, 10, seriesTone(i))
		d.word(x+16, y, phrase.Clip(p.Label, int((half-32-width(count))/advance)), Start, Ink2)
		d.Marks = append(d.Marks, Mark{Shape: Word, X: x + half - 16, Y: y, Text: count, Anchor: End, Tone: Ink, Strong: true})
		d.link(x-4, y-16, half-8, 24, p.Href, p.Label+": "+phrase.Count(int64(p.Count), b.Noun, b.Many))
	}
	d.H = height + 24 + float64((len(b.Parts)-1)/2)*24 + 8
	return d
}

// Square is one square of a Matrix. Severity is 0 (none) to 4 (critical).
type Square struct {
	Severity int
	Count    int
	Href     string
}

// Matrix is impact × likelihood, the count of cases in each square over the
// severity that the matrix gives it.
type Matrix struct {
	Title      string
	Impact     []string // from least to most
	Likelihood []string // from least to most
	Squares    [][]Square
	Width      float64 // 360 where 0
}

var (
	severityWord = [...]string{"", "low", "moderate", "high", "critical"}
	severityTone = [...]Tone{Paper, Sunk, Rule, SoonWash, LateWash}
)

// Draw lays the chart out; Squares is indexed [impact][likelihood] and must
// have that shape.
func (m Matrix) Draw() (Drawing, error) {
	d := Drawing{Title: m.Title, W: or(m.Width, 360)}
	if len(m.Impact) == 0 || len(m.Likelihood) == 0 {
		return d.nothing("No matrix is in force."), nil
	}
	if len(m.Squares) != len(m.Impact) {
		return Drawing{}, fmt.Errorf("matrix %q: %d rows of squares for %d impacts", m.Title, len(m.Squares), len(m.Impact))
	}
	d.Values = [][]string{append([]string{"Impact"}, m.Likelihood...)}
	left := 0.0
	for _, s := range m.Impact {
		left = max(left, min(width(s), 96)+10)
	}
	side := (d.W - left) / float64(len(m.Likelihood))
	const height, head = 44.0, 20.0
	d.word(0, 12, "Impact", Start, Ink3)
	total := 0
	for row := range m.Impact {
		i := len(m.Impact) - 1 - row // the most at the top
		if len(m.Squares[i]) != len(m.Likelihood) {
			return Drawing{}, fmt.Errorf("matrix %q: %d squares for %d likelihoods", m.Title, len(m.Squares[i]), len(m.Likelihood))
		}
		y := head + float64(row)*height
		d.word(0, y+height/2+4, phrase.Clip(m.Impact[i], 15), Start, Ink2)
		values := []string{m.Impact[i]}
		for j, s := range m.Squares[i] {
			total += s.Count
			m.square(&d, s, left+float64(j)*side, y, side, height)
			label := m.Impact[i] + " impact, " + m.Likelihood[j] + ": " + phrase.Number(int64(s.Count))
			if w := severityWord[min(max(s.Severity, 0), 4)]; w != "" {
				label += ", " + w
			}
			d.link(left+float64(j)*side, y, side-2, height-2, s.Href, label)
			values = append(values, phrase.Number(int64(s.Count)))
		}
		d.Values = append(d.Values, values)
	}
	foot := head + float64(len(m.Impact))*height + 14
	for j, s := range m.Likelihood {
		d.word(left+(float64(j)+0.5)*side-1, foot, phrase.Clip(s, int(side/advance)), Middle, Ink2)
	}
	d.word(d.W-2, foot+20, "Likelihood", End, Ink3)
	x := 0.0
	for level := 1; level <= 4; level++ {
		d.bars(x, foot+10, level, Ink2)
		w := 3.5*float64(level) + 4
		d.word(x+w, foot+20, severityWord[level], Start, Ink2)
		x += w + width(severityWord[level]) + 14
	}
	d.Desc = phrase.Count(int64(total), "case", "cases") + " in all."
	d.H = foot + 28
	return d, nil
}

func (m Matrix) square(d *Drawing, s Square, x, y, w, h float64) {
	level := min(max(s.Severity, 0), 4)
	d.rect(x, y, w-2, h-2, severityTone[level])
	mid := x + w/2 - 1
	if s.Count == 0 {
		d.bars(mid-6.5, y+h/2-7, level, Ink3)
		return
	}
	d.Marks = append(d.Marks, Mark{Shape: Word, X: mid, Y: y + h/2 - 1, Text: phrase.Number(int64(s.Count)), Anchor: Middle, Tone: Ink, Big: true, Strong: true})
	d.bars(mid-6.5, y+h/2+4, level, Ink2)
}

// bars draws the shape of a severity, as the staff pages do: so many bars.
func (d *Drawing) bars(x, y float64, level int, t Tone) {
	for i := range level {
		h := float64(4+3*i) * 12 / 13
		d.rect(x+float64(i)*3.5, y+12-h, 2.5, h, t)
	}
}
