package design

import (
	"fmt"

	"example.org/countersign/internal/design/phrase"
)

// Width is how a column shares the width of its table.
type Width uint8

// The widths of columns.
const (
	Even   Width = iota // what is left
	Narrow              // as its content
	Wide                // two fifths
	Bar                 // a clock
)

// Class is the CSS class of the width.
func (w Width) Class() string {
	return [...]string{"", "w-narrow", "w-wide", "w-clock"}[min(w, Bar)]
}

// Place is where a column's cell goes when a row becomes a card on a phone.
type Place uint8

// The places on a phone.
const (
	Lead   Place = iota // top line
	End                 // top line, at the end
	Full                // a line of its own
	Meta                // the small line below
	Last                // a line of its own at the bottom
	Absent              // not shown
)

// Class is the CSS class of the place.
func (p Place) Class() string {
	return [...]string{"", "phone-end", "phone-full", "phone-meta", "phone-last", "on-desk"}[min(p, Absent)]
}

// Sort is how a column is sorted now.
type Sort string

// The ways to sort.
const (
	Unsorted   Sort = ""
	Ascending  Sort = "ascending"
	Descending Sort = "descending"
)

// Column is the head of a column.
type Column struct {
	Label string
	Width Width
	Place Place
	End   bool   // aligned to the end: numbers
	Link  bool   // its cell carries the row's link; exactly one column
	Sort  Sort   // now
	Href  string // sorts by it
}

// Cell is one cell: text, or one of the marks.
type Cell struct {
	Text     string
	Sub      string // a second, quiet line
	Number   string // a tracking number or a hash, in mono
	Href     string // a link of its own
	Icon     Icon
	Quiet    bool
	Moment   *Moment // below the number, where there is one
	Clock    *Clock
	State    *State
	Severity *Severity
	Seal     *Seal
}

// Row is one row. Value is what its checkbox submits where the table can be
// picked from.
type Row struct {
	Href  string
	Value string
	Fresh bool // not seen yet: its text is stronger
	Cells []Cell
}

// Table is a list of rows that keyboards can walk with j and k. Partial
// "table"; on a phone each row becomes a card, by the columns' Place.
type Table struct {
	Caption string // for screen readers, and shown where Captioned
	Shown   bool   // the caption is shown
	Columns []Column
	Rows    []Row
	Pick    string // name of the checkboxes; none where empty
	Empty   EmptyState
	Scroll  bool // wide tables scroll sideways on a phone instead of becoming cards
}

// Placed is a cell with its column.
type Placed struct {
	Cell
	Column Column
	Row    string // the row's link, where this cell carries it
}

// Class is the CSS class of the cell.
func (p Placed) Class() string {
	c := p.Column.Place.Class()
	if p.Column.End {
		c += " end"
	}
	if p.Column.Width == Narrow {
		c += " w-narrow"
	}
	if c != "" && c[0] == ' ' {
		c = c[1:]
	}
	return c
}

// Line is a row whose cells know their columns.
type Line struct {
	Row
	Placed []Placed
}

// Lines joins rows and columns. A row with another number of cells is an error.
func (t Table) Lines() ([]Line, error) {
	lines := make([]Line, len(t.Rows))
	for i, r := range t.Rows {
		if len(r.Cells) != len(t.Columns) {
			return nil, fmt.Errorf("table %q: row %d has %d cells for %d columns", t.Caption, i, len(r.Cells), len(t.Columns))
		}
		placed := make([]Placed, len(r.Cells))
		for j, c := range r.Cells {
			placed[j] = Placed{Cell: c, Column: t.Columns[j]}
			if t.Columns[j].Link {
				placed[j].Row = r.Href
			}
		}
		lines[i] = Line{Row: r, Placed: placed}
	}
	return lines, nil
}

// EmptyState stands where nothing is, and says what to do. Partial "empty".
type EmptyState struct {
	Title, Text string
	Button      *Button
}

// Filter is one choice of a FilterBar.
type Filter struct {
	Name, Label string
	Options     []Option // the first means all
}

// FilterBar narrows a list by a GET form, so that the filter is in the address.
// Partial "filters".
type FilterBar struct {
	Action    string
	Query     string // what was searched for
	QueryName string // "q"; no search field where empty
	Search    string // label of the search field
	Filters   []Filter
	Hidden    []Pair // kept in the address: a view, a sort
	Active    []Link // one per filter in force; following it removes the filter
	Clear     string // address without any filter
	Summary   string // "43 of 412 cases"
}

// Pagination goes through a long list. Partial "pages"; nothing for one page.
type Pagination struct {
	Summary    string // "1–40 of 412"
	Prev, Next string
}

// Tab is one saved view or part of a page.
type Tab struct {
	Label, Href string
	Current     bool
	Count       int64
	Counted     bool // show Count, 0 included
}

// Tabs is a row of views. Partial "tabs".
type Tabs struct {
	Label string // for screen readers: "Views"
	Tabs  []Tab
}

// Words is the count as shown.
func (t Tab) Words() string { return phrase.Number(t.Count) }

// Progress is how far a job is. Partial "progress".
type Progress struct {
	Label       string
	Done, Total int64
	Note        string
}

// Words is the share as shown.
func (p Progress) Words() string { return phrase.Percent(p.Done, p.Total) }
