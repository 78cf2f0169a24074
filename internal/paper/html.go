package paper

import (
	"embed"
	"fmt"
	"html/template"
	"io"
	"iter"

	"example.org/countersign/internal/design"
)

//go:embed templates/page.html
var templates embed.FS

// page is a document as the layout "report" takes it: it stands alone, with
// its style inside.
type page struct {
	design.Report
	Sections []pageSection
}

type pageSection struct {
	Head   design.Section
	Blocks []pageBlock
}

type pageBlock struct {
	Text, Code string
	Facts      *design.DefinitionList
	Figures    []design.Figure
	Charts     []design.Chart
	Grid       *Grid
}

// HTML writes a document as HTML.
func (d *Document) HTML(w io.Writer) error {
	set, err := design.Templates(template.FuncMap{
		"ofFacts": func(l *design.DefinitionList) design.DefinitionList { return *l },
	})
	if err != nil {
		return err
	}
	if set, err = design.Page(set, templates, "templates/page.html"); err != nil {
		return err
	}
	p := page{Report: design.Report{Title: d.Title, Subtitle: d.Subtitle, Facts: facts(d.Facts)}}
	for _, s := range d.Sections {
		x := pageSection{Head: design.Section{ID: s.ID, Title: s.Title}}
		for _, b := range s.Blocks {
			block, err := b.html()
			if err != nil {
				return err
			}
			x.Blocks = append(x.Blocks, block)
		}
		p.Sections = append(p.Sections, x)
	}
	if err := set.ExecuteTemplate(w, "report", p); err != nil {
		return fmt.Errorf("write %q as HTML: %w", d.Title, err)
	}
	return nil
}

func facts(pairs []Fact) (out []design.KeyValue) {
	for _, p := range pairs {
		out = append(out, design.KeyValue{Label: p.Label, Cell: design.Cell{Text: p.Value}})
	}
	return out
}

func (b *Block) html() (pageBlock, error) {
	x := pageBlock{Text: b.Text, Code: b.Code, Grid: b.Grid}
	if len(b.Facts) > 0 {
		x.Facts = &design.DefinitionList{Items: facts(b.Facts), Wide: true}
	}
	for _, f := range b.Figures {
		x.Figures = append(x.Figures, design.Figure{Label: f.Label, Value: f.Value, Note: f.Note})
	}
	for _, d := range b.Charts {
		c, err := design.ChartOf(d, "")
		if err != nil {
			return x, err
		}
		x.Charts = append(x.Charts, c)
	}
	return x, nil
}

// tableRows is how many rows of a grid one table has: a long list is several,
// so that it is never in memory as a whole and its head is never far.
const tableRows = 250

// Tables is the grid as components of the design system.
func (g *Grid) Tables() iter.Seq[design.Table] {
	return func(yield func(design.Table) bool) {
		if len(g.Rows) <= tableRows {
			yield(g.table(g.Caption, g.Rows))
			return
		}
		for from := 0; from < len(g.Rows); from += tableRows {
			to := min(from+tableRows, len(g.Rows))
			if !yield(g.table(fmt.Sprintf("%s, %d to %d of %d", g.Caption, from+1, to, len(g.Rows)), g.Rows[from:to])) {
				return
			}
		}
	}
}

func (g *Grid) table(caption string, rows [][]string) design.Table {
	t := design.Table{Caption: caption, Shown: true, Empty: design.EmptyState{Title: g.Caption, Text: g.Empty}}
	for i, c := range g.Columns {
		column := design.Column{Label: c.Label, End: c.Kind == Amount, Place: design.Full}
		switch {
		case i == 0:
			column.Place = design.Lead
		case c.Kind == Amount:
			column.Place = design.Meta
		}
		if c.Kind == Mono || c.Kind == Amount {
			column.Width = design.Narrow
		}
		t.Columns = append(t.Columns, column)
	}
	for _, r := range rows {
		row := design.Row{Cells: make([]design.Cell, len(r))}
		for i, text := range r {
			cell := design.Cell{Text: text}
			switch {
			case g.Columns[i].Kind == Mono && text != "":
				cell = design.Cell{Number: text}
			case g.Columns[i].Kind == Link:
				cell.Href = text
			}
			row.Cells[i] = cell
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}
