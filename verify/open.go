package verify

import (
	"bufio"
	"context"
	"io"
	"math"
	"os"
	"strings"

	"example.org/countersign/verify/format"
)

// Opened is a package that holds, to be read further. It is not safe for
// concurrent use.
type Opened struct {
	Summary *Summary

	file    *os.File
	c       *checker
	library *library
	row     row
}

// Open checks the package at path as Package does, and keeps it open.
func Open(ctx context.Context, path string, opt Options) (*Opened, error) {
	f, size, err := open(path)
	if err != nil {
		return nil, err
	}
	o, err := Read(ctx, f, size, opt)
	if err != nil {
		_ = f.Close() // was only read
		return nil, err
	}
	o.file = f
	return o, nil
}

// Read is Open for the bytes of a package. Nothing is to be closed then.
func Read(ctx context.Context, r io.ReaderAt, size int64, opt Options) (*Opened, error) {
	c, err := examine(ctx, r, size, opt)
	if err != nil {
		return nil, err
	}
	c.in.begin("", nil) // the check is over
	return &Opened{Summary: &c.summary, c: c, library: newLibrary(c)}, nil
}

// Close lets go of the file.
func (o *Opened) Close() error { return o.file.Close() }

// Files returns the paths of the package in the order of its archive.
func (o *Opened) Files() (paths []string) {
	for i := range o.c.zip.Members {
		paths = append(paths, o.c.zip.Members[i].Name)
	}
	return paths
}

// File returns the content of a file that Files names.
func (o *Opened) File(path string) io.Reader { return o.c.open(path) }

// Entry returns an entry and its document, both valid until the next call. It
// fails where the package does not show the document.
func (o *Opened) Entry(index int64) (*format.Entry, *format.Document, error) {
	if err := o.library.open(index); err != nil {
		return nil, nil, err
	}
	return &o.library.entry, &o.library.doc, nil
}

// Shown calls f with each document of the package and its entry, in the order
// of the log, and says whether that is outside the range. Both are valid until
// f returns.
func (o *Opened) Shown(f func(reference bool, e *format.Entry, d *format.Document) error) error {
	refs, first := o.c.referenced, o.c.span.First
	outside := func(before int64) error {
		for ; len(refs) > 0 && refs[0].index < before; refs = refs[1:] {
			if err := o.shown(refs[0].index, refs[0].shown, true, f); err != nil {
				return err
			}
		}
		return nil
	}
	if err := outside(first); err != nil {
		return err
	}
	for i, at := range o.c.shown {
		if err := o.shown(first+int64(i), at, false, f); err != nil {
			return err
		}
	}
	return outside(math.MaxInt64)
}

func (o *Opened) shown(index int64, at place, reference bool, f func(bool, *format.Entry, *format.Document) error) error {
	if at.size == 0 {
		return nil
	}
	e, d, err := o.Entry(index)
	if err != nil {
		return err
	}
	return f(reference, e, d)
}

// Column is one column of a row: its name, and its value as JSON.
type Column struct {
	Name  string
	Value []byte
}

// Tables returns the names of the tables below records/, and the columns of
// each as its CSV file has them.
func (o *Opened) Tables() (names []string, columns map[string][]string, err error) {
	columns = make(map[string][]string)
	for _, path := range o.c.recordFiles() {
		name, ok := strings.CutSuffix(strings.TrimPrefix(path, "records/"), ".csv")
		if !ok {
			continue
		}
		t, err := newTable(o.File(path))
		if err != nil {
			return nil, nil, err
		}
		names, columns[name] = append(names, name), t.columns
	}
	return names, columns, nil
}

// Rows calls f with each row of a table: its entry, and its columns, which are
// valid until f returns.
func (o *Opened) Rows(table string, f func(entry int64, columns []Column) error) error {
	lines := bufio.NewScanner(o.File("records/" + table + ".jsonl"))
	lines.Buffer(make([]byte, 64<<10), maxRow)
	lines.Split(splitLines)
	var columns []Column
	for lines.Scan() {
		if err := o.row.parse(lines.Bytes()); err != nil {
			return err
		}
		columns = columns[:0]
		for _, f := range o.row.fields {
			columns = append(columns, Column{f.name, f.value})
		}
		entry, err := o.row.entry()
		if err != nil {
			return err
		}
		if err := f(entry, columns); err != nil {
			return err
		}
	}
	return lines.Err()
}
