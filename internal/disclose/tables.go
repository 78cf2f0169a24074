package disclose

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"slices"

	"example.org/countersign/verify"
	"example.org/countersign/verify/format"
)

// tables makes the tables again from what is shown. A column that nothing
// sealed is behind goes: the seal that vouched for it is not that of the new
// package. A table whose first column is one was computed from others, and goes
// as a whole.
func (m *maker) tables() error {
	names, columns, err := m.from.Tables()
	if err != nil {
		return err
	}
	for _, name := range names {
		t := Table{Name: name}
		for _, r := range m.from.Summary.Rows {
			if r.File == "records/"+name+".jsonl" {
				t.Rows, t.LeftOut = r.Rows, slices.Contains(r.Derived, columns[name][0])
			}
		}
		if !t.LeftOut {
			if t.Without, err = m.table(name, columns[name]); err != nil {
				return err
			}
		}
		m.result.Tables = append(m.result.Tables, t)
	}
	return nil
}

// table writes the two files of a table, and returns the columns that they do
// not have any more.
func (m *maker) table(name string, columns []string) (without []string, err error) {
	w, err := m.create("records/" + name + ".jsonl")
	if err != nil {
		return nil, err
	}
	used := map[string]bool{"entry": true, "commitment": true}
	var line bytes.Buffer
	err = m.rows(name, func(row []verify.Column) error {
		line.Reset()
		for i, c := range row {
			used[c.Name] = true
			quoted, _ := json.Marshal(c.Name) // strings always can be
			line.WriteByte("{,"[min(i, 1)])
			line.Write(quoted)
			line.WriteByte(':')
			line.Write(c.Value)
		}
		line.WriteString("}\n")
		_, err := w.Write(line.Bytes())
		return err
	})
	if err != nil {
		return nil, err
	}
	var kept []string
	for _, c := range columns {
		if used[c] {
			kept = append(kept, c)
		} else {
			without = append(without, c)
		}
	}
	return without, m.cells(name, kept)
}

// cells writes a table as CSV.
func (m *maker) cells(name string, columns []string) error {
	w, err := m.create("records/" + name + ".csv")
	if err != nil {
		return err
	}
	out := csv.NewWriter(w)
	if err := out.Write(columns); err != nil {
		return err
	}
	cells := make([]string, len(columns))
	err = m.rows(name, func(row []verify.Column) error {
		for i, name := range columns {
			cells[i] = format.Cell(valueOf(row, name))
		}
		return out.Write(cells)
	})
	out.Flush()
	if err == nil {
		err = out.Error()
	}
	return err
}

func valueOf(row []verify.Column, name string) []byte {
	for _, c := range row {
		if c.Name == name {
			return c.Value
		}
	}
	return nil
}

// rows calls f with what is left of each row of a table.
func (m *maker) rows(name string, f func([]verify.Column) error) error {
	var left []verify.Column
	return m.from.Rows(name, func(entry int64, row []verify.Column) error {
		if err := m.ctx.Err(); err != nil {
			return err
		}
		e, d, err := m.from.Entry(entry)
		if err != nil {
			return err
		}
		m.redact(e, d)
		left = left[:0]
		for _, c := range row {
			if c.Value = m.value(c, e, d); c.Value != nil {
				left = append(left, c)
			}
		}
		return f(left)
	})
}

// value returns what a column says of what is shown, nil where it goes.
func (m *maker) value(c verify.Column, e *format.Entry, d *format.Document) []byte {
	if c.Name == "entry" || c.Name == "commitment" {
		return c.Value
	}
	if v := d.Field(c.Name); v != nil {
		return v
	}
	if paths, ok := verify.FilesNamed(c, d); ok {
		for _, path := range paths {
			m.keep[path] = true
		}
		return c.Value
	}
	v, proved := format.AppendColumn(nil, c.Name, e, d, m.names)
	if !proved || len(v) == 0 {
		return nil
	}
	return v
}
