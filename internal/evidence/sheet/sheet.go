// Package sheet writes the tables of an evidence package: each record as a row
// in JSON, with every sealed field, and as one in CSV for spreadsheets. A row
// begins with where it is in the log; what is put beside its sealed fields was
// derived from them, to be read by people.
package sheet

import (
	"bytes"
	"encoding/base64"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"slices"

	"example.org/countersign/internal/evidence/extract"
	"example.org/countersign/verify/format"
)

// cell is one column of a row: a field as it is sealed, or what was derived
// from sealed fields to be read by people.
type cell struct {
	name  string
	value []byte // JSON
}

// Row is one record in a file below records/.
type Row struct {
	cells []cell
	Doc   *format.Document
	err   error
}

// New begins the row of a document: where it is in the log, then its fields
// as they are sealed, all that are shown or those named.
func New(entry int64, record string, doc *format.Document, fields ...string) *Row {
	sum := format.Commit(doc.Fields)
	r := &Row{Doc: doc, cells: make([]cell, 0, 24+len(doc.Fields))}
	r.Put("entry", entry)
	r.Put("commitment", base64.StdEncoding.EncodeToString(sum[:]))
	r.Put("record", record)
	for i := range doc.Fields {
		f := &doc.Fields[i]
		if !f.Redacted && (len(fields) == 0 || slices.Contains(fields, f.Name)) {
			r.cells = append(r.cells, cell{f.Name, f.Value})
		}
	}
	return r
}

// Put adds a derived column. A value that is empty is left out, as documents
// leave it out.
func (r *Row) Put(name string, value any) {
	switch v := value.(type) {
	case string:
		if v == "" {
			return
		}
	case []string:
		if len(v) == 0 {
			return
		}
	}
	if r.Doc.Field(name) != nil {
		r.Fail(fmt.Errorf("evidence: the column %s is a sealed field", name))
		return
	}
	b, err := json.Marshal(value)
	if err != nil {
		r.Fail(fmt.Errorf("evidence: column %s: %w", name, err))
		return
	}
	r.cells = append(r.cells, cell{name, b})
}

// At adds an instant in Unix microseconds as people and spreadsheets read it,
// RFC 3339 in UTC; zero is not yet.
func (r *Row) At(name string, micros int64) {
	if micros != 0 {
		r.Put(name, format.Instant(micros))
	}
}

// Fail has Add return an error, the first of them.
func (r *Row) Fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

func (r *Row) value(name string) []byte {
	for i := range r.cells {
		if r.cells[i].name == name {
			return r.cells[i].value
		}
	}
	return nil
}

// Table is the two files that show the same rows.
type Table struct {
	Name    string
	columns []string // of the CSV
	Rows    int64

	JSON, CSV *extract.Spool
	cells     *csv.Writer
	line      bytes.Buffer
	text      []string
}

// NewTable begins a table with the header of its CSV.
func NewTable(name string, columns []string) (*Table, error) {
	t := &Table{Name: name, columns: columns, text: make([]string, len(columns))}
	var err error
	if t.JSON, err = extract.NewSpool(); err != nil {
		return nil, err
	}
	if t.CSV, err = extract.NewSpool(); err != nil {
		t.JSON.Close()
		return nil, err
	}
	t.cells = csv.NewWriter(t.CSV)
	return t, t.cells.Write(columns)
}

// Close lets go of both files.
func (t *Table) Close() {
	t.JSON.Close()
	t.CSV.Close()
}

// Add writes one row.
func (t *Table) Add(r *Row) error {
	if r.err != nil {
		return r.err
	}
	t.line.Reset()
	for i, c := range r.cells {
		t.line.WriteByte("{,"[min(i, 1)])
		t.line.WriteByte('"')
		t.line.WriteString(c.name)
		t.line.WriteString(`":`)
		t.line.Write(c.value)
	}
	t.line.WriteString("}\n")
	if _, err := t.JSON.Write(t.line.Bytes()); err != nil {
		return err
	}
	for i, name := range t.columns {
		t.text[i] = ""
		if v := r.value(name); v != nil {
			t.text[i] = format.Cell(v)
		}
	}
	t.Rows++
	return t.cells.Write(t.text)
}

// Flush makes both files readable.
func (t *Table) Flush() error {
	t.cells.Flush()
	if err := t.cells.Error(); err != nil {
		return err
	}
	if err := t.CSV.Flush(); err != nil {
		return err
	}
	return t.JSON.Flush()
}

// File returns the path of one of the two files.
func (t *Table) File(ext string) string { return "records/" + t.Name + ext }
