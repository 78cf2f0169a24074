package verify

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

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
	return c.absent()
}

// rowChecker checks the two files that show the same records.
type rowChecker struct {
	library   *library
	json, csv string
	table     *table
	row       row    // at hand
	buf       []byte // what a column must be
	derived   map[string]bool
	attested  map[int64]bool // entries of the rows so far, where none may be there twice
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
		if err := r.check(count, lines.Bytes()); err != nil {
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
	if want, ok := c.rows[r.csv]; c.rows != nil && (!ok || want != count) {
		return failf(r.json, none, "has %d rows, the package that was sealed %d", count, want)
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

// check checks line n and the row of the table that shows the same.
func (r *rowChecker) check(n int64, line []byte) error {
	if err := r.row.parse(line); err != nil {
		return failf(r.json, none, "line %d: %v", n, err)
	}
	entry, err := r.row.entry()
	if err != nil {
		return failf(r.json, none, "line %d: %v", n, err)
	}
	if err := r.library.open(entry); err != nil {
		return within(r.json, entry, fmt.Errorf("line %d: %w", n, err))
	}
	if err = r.compare(); err == nil {
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
		err = r.table.compare(cells, &r.row)
	}
	return within(r.csv, entry, err)
}

// attest checks that a row of records/approvals is of somebody's yes or no, and
// that none is there twice; nor any in the tables of a redacted package, whose
// rows nobody vouches for.
func (r *rowChecker) attest(entry int64) error {
	if act := r.library.entry.Act; r.json == approvalRows && act != "response.approved" && act != "response.declined" {
		return fmt.Errorf("the entry is of the act %s, no approval and no refusal", act)
	}
	if r.json != approvalRows && !r.library.c.summary.Abridged {
		return nil
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
	if !bytes.Equal(r.row.value("commitment"), commitment) {
		return errors.New("the commitment is not that of the entry")
	}
	for _, f := range r.row.fields {
		if f.name == "entry" || f.name == "commitment" {
			continue
		}
		if value := doc.Field(f.name); value != nil {
			if !sameJSON(f.value, value) {
				return fmt.Errorf("%q is not what the sealed document says", f.name)
			}
			continue
		}
		if known, err := r.file(f); known || err != nil {
			if err != nil {
				return err
			}
			continue
		}
		proved := false
		if r.buf, proved = format.AppendColumn(r.buf[:0], f.name, entry, doc, r.library.c.names); !proved {
			if err := r.derive(f.name); err != nil {
				return err
			}
		} else if len(r.buf) == 0 || !sameJSON(f.value, r.buf) {
			return fmt.Errorf("%q is not what the entry and its document say", f.name)
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
	if r.library.c.summary.Abridged {
		return fmt.Errorf("nothing sealed that is shown is behind %q, and a redacted package has no seal that vouches for it", name)
	}
	r.derived[name] = true
	return nil
}

// maxName is the length in bytes that the name of a column may have.
const maxName = 200

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
func (t *table) compare(cells []string, r *row) error {
	for i, cell := range cells {
		if !format.IsCell(cell, r.value(t.columns[i])) {
			line, _ := t.r.FieldPos(i)
			return fmt.Errorf("line %d: %q is not what the row in JSON says", line, t.columns[i])
		}
	}
	return nil
}

// perRow bounds what one row may take, in bytes and in cells: encoding/csv
// makes of each comma much more than a byte.
type perRow struct {
	r      io.Reader
	left   int
	cells  int
	quoted bool // within a cell that begins with a quote
}

func (p *perRow) Read(b []byte) (int, error) {
	if p.left <= 0 {
		return 0, fmt.Errorf("a row is longer than %d bytes", maxRow)
	}
	n, err := p.r.Read(b)
	p.left -= n
	for _, c := range b[:n] {
		switch {
		case c == '"':
			p.quoted = !p.quoted
		case p.quoted:
		case c == ',':
			p.cells++
		case c == '\n':
			p.cells = 0
		}
		if p.cells == maxColumns {
			return 0, fmt.Errorf("a row has more than %d columns", maxColumns)
		}
	}
	return n, err
}
