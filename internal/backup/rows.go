package backup

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"unicode/utf8"
)

// A column of a table, in the words of neither database.
type column struct {
	Name string `json:"name"`
	Type string `json:"type"` // int, text, bytes
}

// layout is the first line of each part of a table.
type layout struct {
	Table   string   `json:"table"`
	Columns []column `json:"columns"`
}

// partSize is when a part of a table is written: what is in memory of it.
const partSize = 1 << 20

// appendRow adds a row as one line of JSON: integers as numbers, text as text,
// bytes as base64, NULL as null.
func appendRow(b []byte, columns []column, row []any) ([]byte, error) {
	b = append(b, '[')
	for i, c := range columns {
		if i > 0 {
			b = append(b, ',')
		}
		switch v := row[i].(type) {
		case nil:
			b = append(b, "null"...)
		case int64:
			b = strconv.AppendInt(b, v, 10)
		case string:
			if !utf8.ValidString(v) {
				return nil, fmt.Errorf("column %s has text that is not UTF-8", c.Name)
			}
			text, err := json.Marshal(v)
			if err != nil {
				return nil, err
			}
			b = append(b, text...)
		case []byte:
			b = append(b, '"')
			b = base64.StdEncoding.AppendEncode(b, v)
			b = append(b, '"')
		default:
			return nil, fmt.Errorf("column %s has a value of type %T", c.Name, v)
		}
		if want := c.kind(row[i]); !want {
			return nil, fmt.Errorf("column %s has a value of type %T, which is not %s", c.Name, row[i], c.Type)
		}
	}
	return append(b, ']', '\n'), nil
}

func (c *column) kind(v any) bool {
	switch v.(type) {
	case int64:
		return c.Type == "int"
	case string:
		return c.Type == "text"
	case []byte:
		return c.Type == "bytes"
	}
	return v == nil
}

// parseRow reads a line of appendRow.
func parseRow(line []byte, columns []column) ([]any, error) {
	var cells []json.RawMessage
	if err := json.Unmarshal(line, &cells); err != nil || len(cells) != len(columns) {
		return nil, errors.New("is no row")
	}
	row := make([]any, len(cells))
	for i, c := range columns {
		var err error
		switch {
		case bytes.Equal(cells[i], []byte("null")):
		case c.Type == "int":
			row[i], err = strconv.ParseInt(string(cells[i]), 10, 64)
		case c.Type == "text":
			var s string
			err = json.Unmarshal(cells[i], &s)
			row[i] = s
		default:
			b := []byte{} // not nil, which would be NULL
			if err = json.Unmarshal(cells[i], &b); b == nil {
				b = []byte{}
			}
			row[i] = b
		}
		if err != nil {
			return nil, fmt.Errorf("column %s is not %s", c.Name, c.Type)
		}
	}
	return row, nil
}

// maxRow bounds a line, and thereby what a row takes of memory.
const maxRow = 64 << 20

// readPart calls row for every row of a part, which must have these columns.
func readPart(name string, want layout, r io.Reader, row func([]any) error) error {
	lines := bufio.NewReaderSize(r, 64<<10)
	first, err := readLine(lines)
	if err != nil {
		return lineError(name, err)
	}
	var is layout
	if err := json.Unmarshal(first, &is); err != nil || is.Table != want.Table || !slices.Equal(is.Columns, want.Columns) {
		return damaged("%s has other columns than table %s of that version", name, want.Table)
	}
	for n := 2; ; n++ {
		line, err := readLine(lines)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return lineError(name, err)
		}
		values, err := parseRow(line, is.Columns)
		if err != nil {
			return damaged("%s, line %d: %v", name, n, err)
		}
		if err := row(values); err != nil {
			return err
		}
	}
}

func lineError(name string, err error) error {
	if errors.Is(err, io.EOF) {
		return damaged("%s is empty", name)
	}
	return err
}

// readLine returns the next line without its end; io.EOF after the last.
func readLine(r *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		if line == nil && err == nil {
			return part[:len(part)-1], nil // valid until the next call
		}
		line = append(line, part...)
		switch {
		case err == nil:
			return line[:len(line)-1], nil
		case errors.Is(err, bufio.ErrBufferFull) && len(line) < maxRow:
		case errors.Is(err, bufio.ErrBufferFull):
			return nil, damaged("a row has more than %d bytes", maxRow)
		case errors.Is(err, io.EOF) && len(line) > 0:
			return nil, damaged("a line has no end")
		default:
			return nil, err
		}
	}
}
