package chart

import (
	"slices"
	"strconv"
	"time"

	"example.org/countersign/internal/design/phrase"
)

// Span is one column of Volume: a week, a day, a month.
type Span struct {
	Label  string // on the axis: "6 Jul"
	Name   string // in full: "Week of 6 Jul 2026"
	Counts []int  // one per category
	Href   string // the rows behind it
}

func (s Span) total() int {
	n := 0
	for _, c := range s.Counts {
		n += max(c, 0)
	}
	return n
}

// Volume is a stacked column per span of time, one tone per category.
type Volume struct {
	Title      string
	Noun, Many string // "communication", "communications"
	Categories []string
	Spans      []Span
	Width      float64 // 360 where 0
}

const plotHeight = 120.0

// Draw lays the chart out.
func (v Volume) Draw() Drawing {
	d := Drawing{Title: v.Title, W: or(v.Width, 360), Values: v.values()}
	top, best := 0, 0
	all := 0
	for i, s := range v.Spans {
		t := s.total()
		all += t
		if t > top {
			top, best = t, i
		}
	}
	if all == 0 {
		return d.nothing("Nothing in this period.")
	}
	d.Desc = phrase.Count(int64(all), v.Noun, v.Many) + ", most in " + v.Spans[best].Name + ": " + phrase.Number(int64(top)) + "."
	step := tick(top)
	ceiling := (top + step - 1) / step * step
	left := width(phrase.Number(int64(ceiling))) + 8
	scale := plotHeight / float64(ceiling)
	const head = 16.0
	for y := 0; y <= ceiling; y += step {
		at := head + plotHeight - float64(y)*scale
		d.word(left-8, at+4, phrase.Number(int64(y)), End, Ink3)
		tone := Rule
		if y == 0 {
			tone = Ink3
		}
		d.line(left, at, d.W, at, tone)
	}
	slot := (d.W - left) / float64(len(v.Spans))
	v.columns(&d, left, head, slot, scale)
	d.H = v.legend(&d, head+plotHeight+40)
	return d
}

// columns draws one column per span, with its label where there is room.
func (v Volume) columns(d *Drawing, left, head, slot, scale float64) {
	widest := 0.0
	for _, s := range v.Spans {
		widest = max(widest, width(s.Label)+8)
	}
	every := max(int((widest+slot-1)/slot), 1)
	bar := min(max(slot*0.68, 1), 28)
	for i, s := range v.Spans {
		x := left + float64(i)*slot + (slot-bar)/2
		y := head + plotHeight
		for c, n := range s.Counts {
			if n <= 0 {
				continue
			}
			h := float64(n) * scale
			gap := 0.0
			if h > 3 && y < head+plotHeight {
				gap = 1 // a hairline of paper tells neighbours apart
			}
			d.rect(x, y-h, bar, h-gap, seriesTone(c))
			y -= h
		}
		if i%every == 0 && x+bar/2+widest/2-8 <= d.W+4 {
			d.word(x+bar/2, head+plotHeight+16, s.Label, Middle, Ink3)
		}
		d.link(left+float64(i)*slot, head, slot, plotHeight, s.Href, s.Name+": "+phrase.Count(int64(s.total()), v.Noun, v.Many))
	}
}

// legend writes the categories with their totals and returns where it ends.
func (v Volume) legend(d *Drawing, y float64) float64 {
	x := 0.0
	for c, name := range v.Categories {
		n := 0
		for _, s := range v.Spans {
			if c < len(s.Counts) {
				n += s.Counts[c]
			}
		}
		words := phrase.Clip(name, 28)
		count := phrase.Number(int64(n))
		w := 16 + width(words) + 6 + width(count)
		if x > 0 && x+w > d.W {
			x, y = 0, y+20
		}
		d.rect(x, y-9, 10, 10, seriesTone(c))
		d.word(x+16, y, words, Start, Ink2)
		d.word(x+22+width(words), y, count, Start, Ink3)
		x += w + 16
	}
	return y + 8
}

func (v Volume) values() [][]string {
	rows := [][]string{append([]string{"Period"}, v.Categories...)}
	for _, s := range v.Spans {
		row := []string{s.Name}
		for c := range v.Categories {
			n := 0
			if c < len(s.Counts) {
				n = s.Counts[c]
			}
			row = append(row, phrase.Number(int64(n)))
		}
		rows = append(rows, row)
	}
	return rows
}

// tick is a round step that gives two to five lines up to top.
func tick(top int) int {
	for unit := 1; ; unit *= 10 {
		for _, m := range []int{1, 2, 5} {
			if step := unit * m; float64(top) <= 4*float64(step) {
				return step
			}
		}
	}
}

// Timing is one row of Response: how long answers took against what was promised.
type Timing struct {
	Label  string
	Count  int // answers measured
	Median time.Duration
	P90    time.Duration // not drawn where 0
	Target time.Duration // no target where 0
	Href   string
}

// Response shows response times as dots against their targets. Every row is
// drawn in proportion to its own target, so that one line marks them all.
type Response struct {
	Title    string
	Rows     []Timing
	Calendar bool    // times are in a business calendar: no days
	Width    float64 // 360 where 0
}

const reach = 1.6 // the track ends at this many targets

// Draw lays the chart out.
func (r Response) Draw() Drawing {
	d := Drawing{Title: r.Title, W: or(r.Width, 360), Values: r.values()}
	if len(r.Rows) == 0 {
		return d.nothing("No answers in this period.")
	}
	target := d.W / reach
	late := 0
	y := 12.0
	d.word(target, y, "target", Middle, Ink3)
	y += 8
	first := y
	for _, t := range r.Rows {
		if t.Target > 0 && t.Median > t.Target {
			late++
		}
		r.row(&d, t, y, target)
		d.link(0, y, d.W, 40, t.Href, t.Label+": "+r.words(t))
		y += 44
	}
	// Under the dots, over the tracks: the target is one line through all rows.
	d.Marks = slices.Insert(d.Marks, 1, Mark{Shape: Line, X: target, Y: first, H: y - first - 8, Tone: Ink})
	d.Desc = phrase.Count(int64(len(r.Rows)), "row", "rows") + ", median over target in " + phrase.Number(int64(late)) + "."
	d.H = y
	return d
}

func (r Response) row(d *Drawing, t Timing, y, target float64) {
	room := max(int((d.W-width(r.words(t))-12)/advance), 6)
	d.word(0, y+14, phrase.Clip(t.Label, room), Start, Ink)
	over := t.Target > 0 && t.Median > t.Target
	tone := Ink2
	if over {
		tone = LateText
	}
	d.Marks = append(d.Marks, Mark{Shape: Word, X: d.W, Y: y + 14, Text: r.words(t), Anchor: End, Tone: tone, Strong: over})
	track := y + 28
	d.line(0, track, d.W, track, Rule)
	if t.Count == 0 || t.Target <= 0 {
		return
	}
	x := func(v time.Duration) float64 { return min(float64(v)/float64(t.Target)*target, d.W-6) }
	if t.P90 > t.Median {
		d.rect(x(t.Median), track-1.5, x(t.P90)-x(t.Median), 3, Ink3)
		d.rect(x(t.P90)-0.75, track-5, 1.5, 10, Ink3)
	}
	at := max(x(t.Median), 5)
	switch {
	case over && float64(t.Median) >= reach*float64(t.Target): // beyond the track: an arrow
		d.Marks = append(d.Marks, Mark{Shape: Area, Tone: Late, Points: []Point{{d.W - 9, track - 6}, {d.W, track}, {d.W - 9, track + 6}}})
	case over: // a diamond, so that late is a shape too
		d.Marks = append(d.Marks, Mark{Shape: Area, Tone: Late, Points: []Point{{at, track - 6.5}, {at + 6.5, track}, {at, track + 6.5}, {at - 6.5, track}}})
	default:
		d.Marks = append(d.Marks, Mark{Shape: Dot, X: at, Y: track, W: 5, Tone: Ink})
	}
}

func (r Response) words(t Timing) string {
	long := phrase.Duration
	if r.Calendar {
		long = phrase.Hours
	}
	switch {
	case t.Count == 0:
		return "no answers"
	case t.Target <= 0:
		return long(t.Median) + ", no target"
	case t.Median > t.Target:
		return long(t.Median) + ", over " + long(t.Target)
	}
	return long(t.Median) + " of " + long(t.Target)
}

func (r Response) values() [][]string {
	rows := [][]string{{"What", "Answers", "Median", "Nine in ten within", "Target"}}
	long := phrase.Duration
	if r.Calendar {
		long = phrase.Hours
	}
	for _, t := range r.Rows {
		row := []string{t.Label, phrase.Number(int64(t.Count)), "none", "none", "none"}
		if t.Count > 0 {
			row[2] = long(t.Median)
		}
		if t.Count > 0 && t.P90 > 0 {
			row[3] = long(t.P90)
		}
		if t.Target > 0 {
			row[4] = long(t.Target)
		}
		rows = append(rows, row)
	}
	return rows
}

// Spark is a trend in one line, without axes: the numbers stand beside it.
type Spark struct {
	Title  string
	Values []int
	Width  float64 // 96 where 0
}

// Draw lays the chart out.
func (s Spark) Draw() Drawing {
	d := Drawing{Title: s.Title, W: or(s.Width, 96), H: 24}
	if len(s.Values) == 0 {
		d.Desc = "No data."
		d.line(0, 20, d.W, 20, Rule)
		return d
	}
	low, high := slices.Min(s.Values), slices.Max(s.Values)
	last := s.Values[len(s.Values)-1]
	d.Desc = "From " + strconv.Itoa(s.Values[0]) + " to " + strconv.Itoa(last) + ", between " + strconv.Itoa(low) + " and " + strconv.Itoa(high) + "."
	scale := 16 / float64(max(high-low, 1))
	step := (d.W - 6) / float64(max(len(s.Values)-1, 1))
	ps := make([]Point, len(s.Values))
	for i, v := range s.Values {
		ps[i] = Point{X: float64(i) * step, Y: 20 - float64(v-low)*scale}
	}
	d.Marks = append(d.Marks, Mark{Shape: Path, Points: ps, Tone: Ink3})
	end := ps[len(ps)-1]
	d.Marks = append(d.Marks, Mark{Shape: Dot, X: end.X, Y: end.Y, W: 2.5, Tone: Ink})
	return d
}

// nothing is the drawing of no data: it says so.
func (d Drawing) nothing(words string) Drawing {
	d.Desc = words
	d.H = 40
	d.line(0, 8, d.W, 8, Rule)
	d.word(0, 30, words, Start, Ink3)
	return d
}

func or(w, otherwise float64) float64 {
	if w <= 0 {
		return otherwise
	}
	return w
}
