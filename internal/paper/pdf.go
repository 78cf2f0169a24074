package paper

import (
	"fmt"
	"image/color"
	"io"
	"strings"
	"time"

	"codeberg.org/go-pdf/fpdf"

	"example.org/countersign/internal/design"
	"example.org/countersign/internal/design/chart"
	"example.org/countersign/internal/design/phrase"
)

// Measures of the printed report in millimetres on A4, type in points.
const (
	margin    = 16.0
	textWidth = 210 - 2*margin
	bottom    = 297 - 18.0
	gap       = 4.0

	typeSmall = 7.5
	typeText  = 9.5
	typeHead  = 14.0
	typeTitle = 22.0

	pageNumber = 18.0 // wide
	maxLines   = 8    // of one cell; the row in the CSV has it whole

	printedRows = 1000 // of one grid: more is not read on paper
)

// sheet writes a document as PDF. fpdf keeps the first error.
type sheet struct {
	pdf     *fpdf.Fpdf
	err     error
	colours map[string]color.RGBA
	foot    string
}

// PDF writes a document as PDF. It has no tags, so that the HTML stays the
// accessible original; what its typeface lacks is shown as □.
func (d *Document) PDF(w io.Writer, made time.Time) error {
	s := &sheet{pdf: fpdf.New("P", "mm", "A4", ""), colours: map[string]color.RGBA{}, foot: d.Title + ", " + d.Subtitle}
	p := s.pdf
	p.SetCatalogSort(true) // the same data, the same bytes
	p.SetCreationDate(made)
	p.SetModificationDate(made)
	p.SetTitle(d.Title+" — "+d.Subtitle, true)
	p.SetProducer("Countersign", true)
	p.SetLang("en")
	p.SetMargins(margin, margin, margin)
	p.SetAutoPageBreak(false, 0)
	p.SetCellMargin(0)
	p.AliasNbPages("{pages}")
	p.AddUTF8FontFromBytes("text", "", regular)
	p.AddUTF8FontFromBytes("text", "B", bold)
	p.SetFooterFunc(s.footer)
	p.AddPage()
	s.title(d)
	for _, x := range d.Sections {
		s.section(x)
	}
	if s.err != nil {
		return s.err
	}
	if err := p.Output(w); err != nil {
		return fmt.Errorf("write %q as PDF: %w", d.Title, err)
	}
	return nil
}

func (s *sheet) footer() {
	s.font("", typeSmall, "--ink-3")
	s.pdf.SetXY(margin, bottom+4)
	s.pdf.CellFormat(textWidth-pageNumber, 4, printable(s.foot), "", 0, "L", false, 0, "")
	s.pdf.CellFormat(pageNumber, 4, fmt.Sprintf("%d of {pages}", s.pdf.PageNo()), "", 0, "L", false, 0, "")
}

// font chooses type and colour of text.
func (s *sheet) font(style string, size float64, colour string) {
	s.pdf.SetFont("text", style, size)
	c := s.colour(colour)
	s.pdf.SetTextColor(int(c.R), int(c.G), int(c.B))
}

func (s *sheet) colour(name string) color.RGBA {
	c, ok := s.colours[name]
	if !ok {
		var err error
		if c, err = design.Colour(name); err != nil && s.err == nil {
			s.err = err
		}
		s.colours[name] = c
	}
	return c
}

// room begins a page where less than height is left on this one.
func (s *sheet) room(height float64) {
	if s.pdf.GetY()+height > bottom {
		s.pdf.AddPage()
		s.pdf.SetY(margin)
	}
}

// rule draws a line over the width of the text.
func (s *sheet) rule(colour string, width float64) {
	c := s.colour(colour)
	s.pdf.SetDrawColor(int(c.R), int(c.G), int(c.B))
	s.pdf.SetLineWidth(width)
	s.pdf.Line(margin, s.pdf.GetY(), margin+textWidth, s.pdf.GetY())
}

// lines writes text in lines of a width, over pages where it must.
func (s *sheet) lines(x, width, height float64, text string) {
	for _, line := range s.pdf.SplitText(printable(text), width) {
		s.room(height)
		s.pdf.SetX(x)
		s.pdf.CellFormat(width, height, line, "", 1, "L", false, 0, "")
	}
}

func (s *sheet) title(d *Document) {
	s.font("B", typeTitle, "--ink")
	s.lines(margin, textWidth, 10, d.Title)
	s.font("", typeHead, "--ink-2")
	s.lines(margin, textWidth, 7, d.Subtitle)
	s.pdf.Ln(2)
	s.facts(d.Facts)
	s.rule("--ink", 0.5)
	s.pdf.Ln(gap)
}

func (s *sheet) section(x Section) {
	need := 40.0 // no heading without what it heads
	if len(x.Blocks) > 0 {
		need = max(need, 20+chartsHeight(x.Blocks[0].Charts))
	}
	s.room(need)
	s.pdf.Ln(gap)
	s.pdf.Bookmark(printable(x.Title), 0, -1)
	s.rule("--rule", 0.2)
	s.pdf.Ln(2)
	s.font("B", typeHead, "--ink")
	s.lines(margin, textWidth, 8, x.Title)
	for i := range x.Blocks {
		s.block(&x.Blocks[i])
		s.pdf.Ln(gap)
	}
}

func (s *sheet) block(b *Block) {
	switch {
	case b.Text != "":
		s.font("", typeText, "--ink")
		s.lines(margin, textWidth, 4.6, b.Text)
	case b.Code != "":
		s.font("", typeText, "--ink-2")
		s.lines(margin+4, textWidth-4, 4.6, b.Code)
	case b.Facts != nil:
		s.facts(b.Facts)
	case b.Figures != nil:
		s.figures(b.Figures)
	case b.Charts != nil:
		s.charts(b.Charts)
	case b.Grid != nil:
		s.grid(b.Grid)
	}
}

// facts writes label and value side by side.
func (s *sheet) facts(pairs []Fact) {
	const label, height = 42.0, 4.6
	for _, p := range pairs {
		s.font("", typeText, "--ink-3")
		labels := s.pdf.SplitText(printable(p.Label), label-columnGap)
		s.font("", typeText, "--ink")
		values := s.pdf.SplitText(printable(p.Value), textWidth-label)
		for i := range max(len(labels), len(values)) {
			s.room(height)
			if i < len(labels) {
				s.font("", typeText, "--ink-3")
				s.pdf.SetX(margin)
				s.pdf.CellFormat(label, height, labels[i], "", 0, "L", false, 0, "")
			}
			if i < len(values) {
				s.font("", typeText, "--ink")
				s.pdf.SetX(margin + label)
				s.pdf.CellFormat(textWidth-label, height, values[i], "", 0, "L", false, 0, "")
			}
			s.pdf.Ln(height)
		}
		s.pdf.Ln(1)
	}
}

// figures are drawn three in a row.
func (s *sheet) figures(list []Figure) {
	const each, height = textWidth / 3, 22.0
	for i, f := range list {
		if i%3 == 0 {
			if i > 0 {
				s.pdf.Ln(height)
			}
			s.room(height)
		}
		x, y := margin+each*float64(i%3), s.pdf.GetY()
		s.font("", typeSmall, "--ink-3")
		s.at(x, y+4, f.Label)
		s.font("B", typeTitle, "--ink")
		s.at(x, y+12.5, f.Value)
		s.font("", typeSmall, "--ink-2")
		s.at(x, y+17, f.Note)
	}
	s.pdf.Ln(height)
}

// at writes one line with its baseline at y.
func (s *sheet) at(x, y float64, text string) { s.pdf.Text(x, y, printable(text)) }

// grid draws a table; its head is repeated on every page.
func (s *sheet) grid(g *Grid) {
	s.room(24)
	s.font("B", typeText, "--ink")
	s.lines(margin, textWidth, 5, g.Caption)
	if len(g.Rows) == 0 {
		s.font("", typeText, "--ink-2")
		s.lines(margin, textWidth, 5, g.Empty)
		return
	}
	widths := g.widths()
	s.gridHead(g, widths)
	for _, row := range g.Rows[:min(len(g.Rows), printedRows)] {
		s.gridRow(g, widths, row)
	}
	if n := len(g.Rows); n > printedRows {
		s.font("", typeText, "--ink-2")
		s.pdf.Ln(2)
		s.lines(margin, textWidth, 4.6, notPrinted(n))
	}
}

// notPrinted says where the rows are that a grid does not print.
func notPrinted(n int) string {
	return fmt.Sprintf("These are the first %s of %s; the HTML version has all of them.", phrase.Number(printedRows), phrase.Number(int64(n)))
}

// widths returns the widths of the columns.
func (g *Grid) widths() []float64 {
	all := 0.0
	for _, c := range g.Columns {
		all += c.Share
	}
	widths := make([]float64, len(g.Columns))
	for i, c := range g.Columns {
		widths[i] = textWidth * c.Share / all
	}
	return widths
}

const (
	lineHeight = 3.5
	columnGap  = 2.0
)

func (s *sheet) gridHead(g *Grid, widths []float64) {
	s.font("", typeSmall, "--ink-3")
	texts := make([]string, len(g.Columns))
	for i, c := range g.Columns {
		texts[i] = c.Label
	}
	s.cells(g, widths, texts)
	s.rule("--ink-3", 0.2)
}

func (s *sheet) gridRow(g *Grid, widths []float64, row []string) {
	s.font("", typeSmall, "--ink")
	height := s.height(widths, row)
	if s.pdf.GetY()+height > bottom {
		s.room(bottom)
		s.gridHead(g, widths)
		s.font("", typeSmall, "--ink")
	}
	s.cells(g, widths, row)
	s.rule("--rule", 0.1)
}

// height returns the height that a row takes.
func (s *sheet) height(widths []float64, row []string) float64 {
	most := 1
	for i, text := range row {
		most = max(most, len(s.wrapped(text, widths[i])))
	}
	return float64(most)*lineHeight + 2
}

// wrapped returns the lines of a cell.
func (s *sheet) wrapped(text string, width float64) []string {
	lines := s.pdf.SplitText(printable(text), width-columnGap)
	if len(lines) > maxLines {
		lines = append(lines[:maxLines-1], strings.TrimSpace(lines[maxLines-1])+" …")
	}
	return lines
}

func (s *sheet) cells(g *Grid, widths []float64, row []string) {
	top, x, most := s.pdf.GetY()+1, margin, 1
	for i, text := range row {
		align := "L"
		if g.Columns[i].Kind == Amount {
			align = "R"
		}
		lines := s.wrapped(text, widths[i])
		most = max(most, len(lines))
		for n, line := range lines {
			s.pdf.SetXY(x, top+float64(n)*lineHeight)
			s.pdf.CellFormat(widths[i]-columnGap, lineHeight, line, "", 0, align, false, 0, "")
		}
		x += widths[i]
	}
	s.pdf.SetY(top + float64(most)*lineHeight + 1)
}

const (
	chartGap   = 8.0
	chartWidth = (textWidth - chartGap) / 2
	chartHead  = 8.0
)

// chartsHeight returns the height of the first row of charts.
func chartsHeight(list []chart.Drawing) float64 {
	height := 0.0
	for _, d := range list[:min(2, len(list))] {
		height = max(height, chartHead+d.H*chartWidth/d.W)
	}
	return height
}

// charts are drawn two in a row, mark by mark as the pages show them.
func (s *sheet) charts(list []chart.Drawing) {
	for i := 0; i < len(list); i += 2 {
		height := chartsHeight(list[i:])
		s.room(height)
		y := s.pdf.GetY()
		for n, d := range list[i:min(i+2, len(list))] {
			x := margin + float64(n)*(chartWidth+chartGap)
			s.font("B", typeText, "--ink")
			s.at(x, y+4, d.Title)
			s.drawing(d, x, y+chartHead, chartWidth/d.W)
		}
		s.pdf.SetY(y + height)
	}
}

// drawing draws the marks of a chart; scale is millimetres per unit.
func (s *sheet) drawing(d chart.Drawing, x, y, scale float64) {
	const pointsPerMillimetre = 72 / 25.4
	for i := range d.Marks {
		m := &d.Marks[i]
		c := s.colour(m.Tone.Property())
		s.pdf.SetFillColor(int(c.R), int(c.G), int(c.B))
		s.pdf.SetDrawColor(int(c.R), int(c.G), int(c.B))
		s.pdf.SetLineWidth(scale)
		left, top := x+m.X*scale, y+m.Y*scale
		switch m.Shape {
		case chart.Rect:
			s.pdf.Rect(left, top, m.W*scale, m.H*scale, "F")
		case chart.Line:
			s.pdf.Line(left, top, left+m.W*scale, top+m.H*scale)
		case chart.Dot:
			s.pdf.Circle(left, top, m.W*scale, "F")
		case chart.Path:
			for n := 1; n < len(m.Points); n++ {
				a, b := m.Points[n-1], m.Points[n]
				s.pdf.Line(x+a.X*scale, y+a.Y*scale, x+b.X*scale, y+b.Y*scale)
			}
		case chart.Area:
			points := make([]fpdf.PointType, len(m.Points))
			for n, p := range m.Points {
				points[n] = fpdf.PointType{X: x + p.X*scale, Y: y + p.Y*scale}
			}
			s.pdf.Polygon(points, "F")
		case chart.Word:
			size, style := 12.0, ""
			if m.Big {
				size = 16
			}
			if m.Strong || m.Big {
				style = "B"
			}
			s.font(style, size*scale*pointsPerMillimetre, m.Tone.Property())
			width := s.pdf.GetStringWidth(printable(m.Text))
			switch m.Anchor {
			case chart.Middle:
				left -= width / 2
			case chart.End:
				left -= width
			}
			s.at(left, top, m.Text)
		}
	}
}
