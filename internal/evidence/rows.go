package evidence

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

// row is one record in a file below records/.
type row struct {
	cells []cell
	doc   *format.Document
	err   error
}

// newRow begins the row of a document: where it is in the log, then its fields
// as they are sealed, all that are shown or those named.
func newRow(entry int64, record string, doc *format.Document, fields ...string) *row {
	sum := format.Commit(doc.Fields)
	r := &row{doc: doc, cells: make([]cell, 0, 24+len(doc.Fields))}
	r.put("entry", entry)
	r.put("commitment", base64.StdEncoding.EncodeToString(sum[:]))
	r.put("record", record)
	for i := range doc.Fields {
		f := &doc.Fields[i]
		if !f.Redacted && (len(fields) == 0 || slices.Contains(fields, f.Name)) {
			r.cells = append(r.cells, cell{f.Name, f.Value})
		}
	}
	return r
}

// put adds a derived column. A value that is empty is left out, as documents
// leave it out.
func (r *row) put(name string, value any) {
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
	if r.doc.Field(name) != nil {
		r.fail(fmt.Errorf("evidence: the column %s is a sealed field", name))
		return
	}
	b, err := json.Marshal(value)
	if err != nil {
		r.fail(fmt.Errorf("evidence: column %s: %w", name, err))
		return
	}
	r.cells = append(r.cells, cell{name, b})
}

// at adds an instant in Unix microseconds as people and spreadsheets read it,
// RFC 3339 in UTC; zero is not yet.
func (r *row) at(name string, micros int64) {
	if micros != 0 {
		r.put(name, format.Instant(micros))
	}
}

func (r *row) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

func (r *row) value(name string) []byte {
	for i := range r.cells {
		if r.cells[i].name == name {
			return r.cells[i].value
		}
	}
	return nil
}

// table is the two files that show the same rows.
type table struct {
	name    string
	columns []string // of the CSV
	rows    int64

	json, csv *extract.Spool
	cells     *csv.Writer
	line      bytes.Buffer
	text      []string
}

// newTable begins a table with the header of its CSV.
func newTable(name string, columns []string) (*table, error) {
	t := &table{name: name, columns: columns, text: make([]string, len(columns))}
	var err error
	if t.json, err = extract.NewSpool(); err != nil {
		return nil, err
	}
	if t.csv, err = extract.NewSpool(); err != nil {
		t.json.Close()
		return nil, err
	}
	t.cells = csv.NewWriter(t.csv)
	return t, t.cells.Write(columns)
}

func (t *table) close() {
	t.json.Close()
	t.csv.Close()
}

// add writes one row.
func (t *table) add(r *row) error {
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
	if _, err := t.json.Write(t.line.Bytes()); err != nil {
		return err
	}
	for i, name := range t.columns {
		t.text[i] = ""
		if v := r.value(name); v != nil {
			t.text[i] = format.Cell(v)
		}
	}
	t.rows++
	return t.cells.Write(t.text)
}

// flush makes both files readable.
func (t *table) flush() error {
	t.cells.Flush()
	if err := t.cells.Error(); err != nil {
		return err
	}
	if err := t.csv.Flush(); err != nil {
		return err
	}
	return t.json.Flush()
}

// file returns the path of one of the two files.
func (t *table) file(ext string) string { return "records/" + t.name + ext }
