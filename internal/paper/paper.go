// Package paper lays a document out once and writes it twice: as HTML that
// stands alone and is accessible, and as PDF for print. Both show the same
// sections, numbers and charts in the design of the pages.
package paper

import "example.org/countersign/internal/design/chart"

// Document is a report before it becomes HTML or PDF.
type Document struct {
	Title, Subtitle string
	Facts           []Fact // below the title
	Sections        []Section
}

// Fact is a label and a value.
type Fact struct{ Label, Value string }

// Facts returns facts of labels and values in turn.
func Facts(pairs ...string) []Fact {
	facts := make([]Fact, 0, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		facts = append(facts, Fact{pairs[i], pairs[i+1]})
	}
	return facts
}

// Section is a heading and what stands below it. ID is its anchor in HTML.
type Section struct {
	ID, Title string
	Blocks    []Block
}

// Block is one part of a section: one of its fields is set.
type Block struct {
	Text    string // a paragraph
	Code    string // something to be typed or compared
	Facts   []Fact
	Figures []Figure
	Charts  []chart.Drawing
	Grid    *Grid
}

// Figure is one number that matters.
type Figure struct{ Label, Value, Note string }

// Grid is a table of text.
type Grid struct {
	Caption string
	Columns []Column
	Rows    [][]string // each as long as Columns
	Empty   string     // what is said where there are no rows
}

// Column is a column of a grid. Share is its part of the width in print.
type Column struct {
	Label string
	Share float64
	Kind  Kind
}

// Kind says what a column holds.
type Kind uint8

// The kinds of column.
const (
	Plain  Kind = iota
	Amount      // a number, aligned to the end
	Mono        // a tracking number or a hash
	Link        // the address of a file beside the document
)

// Of returns a column of this kind.
func (k Kind) Of(label string, share float64) Column { return Column{label, share, k} }
