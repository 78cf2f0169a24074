package verify

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"example.org/countersign/verify/format"
)

// Rows is what a file of records holds.
type Rows struct {
	File string
	Rows int64

	// Derived are the columns that nothing sealed is behind, so that only the
	// seal over the package vouches for them.
	Derived []string
}

// records checks each row of records/*.jsonl against the document of its
// entry, and records/*.csv against that.
func (c *checker) records() error {
	names := c.recordFiles()
	c.expect(names...)
	for _, name := range names {
		base, isCSV := strings.CutSuffix(name, ".csv")
		if !isCSV {
			base, _ = strings.CutSuffix(name, ".jsonl")
		}
		for _, other := range []string{base + ".jsonl", base + ".csv"} {
			if !slices.Contains(names, other) {
				return failf(name, none, "cannot be checked without a file %s", other)
			}
		}
		if isCSV {
			continue
		}
		rows := &rowChecker{library: newLibrary(c), json: name, csv: base + ".csv", derived: make(map[string]bool), attested: make(map[int64]bool)}
		if err := rows.run(); err != nil {
			return err
		}
	}
	return nil
}

// rowChecker checks the two files that show the same records.
type rowChecker struct {
	library   *library
	json, csv string
	table     *table
	fields    []rowField // of the row at hand
	derived   map[string]bool
	attested  map[int64]bool // entries of approvalRows so far
}

// maxRow is the length in bytes that a row may have.
const maxRow = 16 << 20

func (r *rowChecker) run() error {
	c := r.library.c
	var err error
	if r.table, err = newTable(c.open(r.csv)); err != nil {
		return within(r.csv, none, err)
	}
	lines := bufio.NewScanner(c.open(r.json))
	lines.Buffer(make([]byte, 64<<10), maxRow)
	lines.Split(splitLines)
	count := int64(0)
	for lines.Scan() {
		count++
		if err := r.row(count, lines.Bytes()); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return within(r.json, none, err)
	}
	if _, err := r.table.next(); err != io.EOF {
		if err == nil {
			err = fmt.Errorf("has more rows than the %d of %s", count, r.json)
		}
		return within(r.csv, none, err)
	}
	rows := Rows{File: r.json, Rows: count}
	for name := range r.derived {
		rows.Derived = append(rows.Derived, name)
	}
	slices.Sort(rows.Derived)
	c.summary.Rows = append(c.summary.Rows, rows)
	return nil
}

// splitLines is bufio.ScanLines with each newline needed and nothing dropped.
func splitLines(data []byte, atEOF bool) (advance int, token []byte, err error) {
	if i := bytes.IndexByte(data, '\n'); i >= 0 {
		return i + 1, data[:i], nil
	}
	if atEOF && len(data) > 0 {
		return 0, nil, errors.New("the last line has no end")
	}
	return 0, nil, nil
}

// row checks line n and the row of the table that shows the same.
func (r *rowChecker) row(n int64, line []byte) error {
	var err error
	if r.fields, err = parseRow(r.fields[:0], line); err != nil {
		return failf(r.json, none, "line %d: %v", n, err)
	}
	entry, err := strconv.ParseInt(string(valueOf(r.fields, "entry")), 10, 64)
	if err != nil {
		return failf(r.json, none, "line %d: does not say its entry", n)
	}
	if err := r.library.open(entry); err != nil {
		return within(r.json, entry, fmt.Errorf("line %d: %w", n, err))
	}
	err = r.compare()
	if err == nil {
		err = r.attest(entry)
	}
	if err != nil {
		return failf(r.json, entry, "line %d: %v", n, err)
	}
	cells, err := r.table.next()
	if err == io.EOF {
		err = fmt.Errorf("has fewer rows than %s", r.json)
	}
	if err == nil {
		err = r.table.compare(cells, r.fields)
	}
	return within(r.csv, entry, err)
}

// attest checks that a row of records/approvals is of somebody's yes or no, and
// that none is there twice.
func (r *rowChecker) attest(entry int64) error {
	if r.json != approvalRows {
		return nil
	}
	if act := r.library.entry.Act; act != "response.approved" && act != "response.declined" {
		return fmt.Errorf("the entry is of the act %s, no approval and no refusal", act)
	}
	if r.attested[entry] {
		return errors.New("the entry is there twice")
	}
	r.attested[entry] = true
	return nil
}

// approvalRows is the table whose rows are approvals and refusals.
const approvalRows = "records/approvals.jsonl"

// compare holds the fields of a row against its entry and the document, which
// the stage before found to be the one that the entry commits to.
func (r *rowChecker) compare() error {
	entry, doc := &r.library.entry, &r.library.doc
	var quoted [46]byte
	commitment := append(base64.StdEncoding.AppendEncode(append(quoted[:0], '"'), entry.Commitment[:]), '"')
	if !bytes.Equal(valueOf(r.fields, "commitment"), commitment) {
		return errors.New("the commitment is not that of the entry")
	}
	for _, f := range r.fields {
		if f.name == "entry" || f.name == "commitment" {
			continue
		}
		if value := doc.Field(f.name); value != nil {
			if !sameJSON(f.value, value) {
				return fmt.Errorf("%q is not what the sealed document says", f.name)
			}
			continue
		}
		value, proved := format.Column(f.name, entry, doc, r.library.c.names)
		if proved && (value == nil || !sameJSON(f.value, value)) {
			return fmt.Errorf("%q is not what the entry and its document say", f.name)
		}
		if !proved {
			if err := r.derive(f.name); err != nil {
				return err
			}
		}
	}
	return nil
}

// maxColumns is far more than the rows of the product have.
const maxColumns = 1000

// derive notes a column that nothing sealed is behind.
func (r *rowChecker) derive(name string) error {
	if r.derived[name] {
		return nil
	}
	if len(r.derived) == maxColumns {
		return fmt.Errorf("the rows have more than %d columns", maxColumns)
	}
	if len(name) > maxName {
		return errors.New("a column has a name that is too long")
	}
	r.derived[name] = true
	return nil
}

// maxName is the length in bytes that the name of a column may have.
const maxName = 200

// rowField is a column of a row and its JSON value, which is part of the line.
type rowField struct {
	name  string
	value []byte
}

// valueOf returns the value of a field, nil where it is not there.
func valueOf(fields []rowField, name string) []byte {
	for i := range fields {
		if fields[i].name == name {
			return fields[i].value
		}
	}
	return nil
}

// parseRow appends the fields of one JSON object to fields. A name that is
// there twice is refused: readers differ in which they take.
func parseRow(fields []rowField, line []byte) ([]rowField, error) {
	line = bytes.TrimSpace(line)
	if !utf8.Valid(line) || !json.Valid(line) || line[0] != '{' {
		return nil, errors.New("want one JSON object in UTF-8")
	}
	for rest := bytes.TrimLeft(line[1:], jsonSpace); rest[0] != '}'; rest = bytes.TrimLeft(rest, ","+jsonSpace) {
		key := rest[:valueEnd(rest)]
		rest = bytes.TrimLeft(rest[len(key):], ":"+jsonSpace)
		value := rest[:valueEnd(rest)]
		rest = bytes.TrimLeft(rest[len(value):], jsonSpace)
		f := rowField{string(key[1 : len(key)-1]), value}
		if bytes.IndexByte(key, '\\') >= 0 {
			if err := json.Unmarshal(key, &f.name); err != nil {
				return nil, err
			}
		}
		if valueOf(fields, f.name) != nil {
			return nil, fmt.Errorf("%q is there twice", f.name)
		}
		if len(fields) == maxColumns {
			return nil, fmt.Errorf("the row has more than %d columns", maxColumns)
		}
		fields = append(fields, f)
	}
	return fields, nil
}

const jsonSpace = " \t\r\n"

// valueEnd returns the length of the value that b, valid JSON, begins with.
func valueEnd(b []byte) int {
	depth, quoted := 0, false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
			if !quoted && depth == 0 {
				return i + 1
			}
		case quoted:
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']' || depth == 0 && (c == ',' || c == ' ' || c == '\t' || c == '\r' || c == '\n'):
			if depth == 0 {
				return i // behind a number or word
			}
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return len(b)
}

// sameJSON reports whether two JSON texts are the same value.
func sameJSON(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	x, err1 := decodeJSON(a)
	y, err2 := decodeJSON(b)
	return err1 == nil && err2 == nil && reflect.DeepEqual(x, y)
}

func decodeJSON(b []byte) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	var v any
	err := dec.Decode(&v)
	return v, err
}

// table reads the rows of a CSV file.
type table struct {
	r       *csv.Reader
	limit   *perRow
	columns []string
}

func newTable(r io.Reader) (*table, error) {
	limit := &perRow{r: r}
	t := &table{r: csv.NewReader(limit), limit: limit}
	header, err := t.next()
	if err == io.EOF {
		err = errors.New("has no header")
	}
	if err != nil {
		return nil, err
	}
	t.columns = slices.Clone(header)
	t.columns[0] = strings.TrimPrefix(t.columns[0], "\ufeff") // as spreadsheets want it
	if !slices.Contains(t.columns, "entry") || !slices.Contains(t.columns, "commitment") {
		return nil, errors.New("has no columns entry and commitment")
	}
	t.r.ReuseRecord = true
	return t, nil
}

// next returns the cells of the next row, io.EOF after the last.
func (t *table) next() ([]string, error) {
	t.limit.left = maxRow
	return t.r.Read()
}

// compare checks that the row shows the fields of the one in JSON, in the form
// of format.Cell, and nothing else.
func (t *table) compare(cells []string, fields []rowField) error {
	for i, cell := range cells {
		if cell != format.Cell(valueOf(fields, t.columns[i])) {
			line, _ := t.r.FieldPos(i)
			return fmt.Errorf("line %d: %q is not what the row in JSON says", line, t.columns[i])
		}
	}
	return nil
}

// perRow bounds what one row may take.
type perRow struct {
	r    io.Reader
	left int
}

func (p *perRow) Read(b []byte) (int, error) {
	if p.left <= 0 {
		return 0, fmt.Errorf("a row is longer than %d bytes", maxRow)
	}
	n, err := p.r.Read(b)
	p.left -= n
	return n, err
}
