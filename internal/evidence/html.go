package evidence

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
	Grid       *grid
}

// html writes a document as HTML.
func (d *document) html(w io.Writer) error {
	set, err := design.Templates(template.FuncMap{
		"ofFacts": func(l *design.DefinitionList) design.DefinitionList { return *l },
	})
	if err != nil {
		return err
	}
	if set, err = design.Page(set, templates, "templates/page.html"); err != nil {
		return err
	}
	p := page{Report: design.Report{Title: d.title, Subtitle: d.subtitle, Facts: facts(d.facts)}}
	for _, s := range d.sections {
		x := pageSection{Head: design.Section{ID: s.id, Title: s.title}}
		for _, b := range s.blocks {
			block, err := b.html()
			if err != nil {
				return err
			}
			x.Blocks = append(x.Blocks, block)
		}
		p.Sections = append(p.Sections, x)
	}
	if err := set.ExecuteTemplate(w, "report", p); err != nil {
		return fmt.Errorf("write %q as HTML: %w", d.title, err)
	}
	return nil
}

func facts(pairs []pair) (out []design.KeyValue) {
	for _, p := range pairs {
		out = append(out, design.KeyValue{Label: p.label, Cell: design.Cell{Text: p.value}})
	}
	return out
}

func (b *block) html() (pageBlock, error) {
	x := pageBlock{Text: b.text, Code: b.code, Grid: b.grid}
	if len(b.facts) > 0 {
		x.Facts = &design.DefinitionList{Items: facts(b.facts), Wide: true}
	}
	for _, f := range b.figures {
		x.Figures = append(x.Figures, design.Figure{Label: f.label, Value: f.value, Note: f.note})
	}
	for _, d := range b.charts {
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
func (g *grid) Tables() iter.Seq[design.Table] {
	return func(yield func(design.Table) bool) {
		if len(g.rows) <= tableRows {
			yield(g.table(g.caption, g.rows))
			return
		}
		for from := 0; from < len(g.rows); from += tableRows {
			to := min(from+tableRows, len(g.rows))
			if !yield(g.table(fmt.Sprintf("%s, %d to %d of %d", g.caption, from+1, to, len(g.rows)), g.rows[from:to])) {
				return
			}
		}
	}
}

func (g *grid) table(caption string, rows [][]string) design.Table {
	t := design.Table{Caption: caption, Shown: true, Empty: design.EmptyState{Title: g.caption, Text: g.empty}}
	for i, c := range g.columns {
		column := design.Column{Label: c.label, End: c.kind == amount, Place: design.Full}
		switch {
		case i == 0:
			column.Place = design.Lead
		case c.kind == amount:
			column.Place = design.Meta
		}
		if c.kind == mono || c.kind == amount {
			column.Width = design.Narrow
		}
		t.Columns = append(t.Columns, column)
	}
	for _, r := range rows {
		row := design.Row{Cells: make([]design.Cell, len(r))}
		for i, text := range r {
			cell := design.Cell{Text: text}
			switch {
			case g.columns[i].kind == mono && text != "":
				cell = design.Cell{Number: text}
			case g.columns[i].kind == link:
				cell.Href = text
			}
			row.Cells[i] = cell
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}
