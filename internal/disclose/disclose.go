// Package disclose makes of an evidence package one that shows less, without a
// key and without the server that made it: fields become their leaf hashes,
// tables are made again from what is left, and the proofs, which need no more,
// stay as they are. Both packages check against the same checkpoint
// (docs/FORMAT.md, "Redacted package").
//
//	survey ─ proofs and documents ─ tables ─ raw files ─ index and report
//
// Nothing goes into the new package that the log does not prove, but for what
// says what was left out.
package disclose

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"example.org/countersign/internal/fault"
	"example.org/countersign/verify"
	"example.org/countersign/verify/format"
)

// Result says what became of a package.
type Result struct {
	From      *verify.Summary // of the package that it was made from
	Selection Selection
	Shown     int64   // fields
	Hidden    []Count // fields that the package before showed, by kind and name
	Tables    []Table // in the order of their names
	Files     int     // below raw/ that are left
	LeftOut   int     // files below raw/ that are not

	// Elsewhere are the fields, by kind and name, that show what was redacted in
	// another place: as "communication:subject" may what "casefile:subject" was.
	// Nothing but whole values is compared.
	Elsewhere []Count
}

// Count is how many fields of a kind of record, as "kind:field".
type Count struct {
	Name string
	N    int64
}

// Table is one of the tables of the package before.
type Table struct {
	Name    string
	Rows    int64
	LeftOut bool
	Without []string // columns that are not in the new package
}

// Make writes the package to w. It fails with a fault.Invalid for a selection
// that cannot be followed: one that picks nothing, or what a check needs.
func Make(ctx context.Context, from *verify.Opened, s Selection, w io.Writer) (*Result, error) {
	m := &maker{ctx: ctx, from: from, selection: s, archive: format.NewArchive(w, nil), records: map[string]record{},
		names: format.Names{}, hidden: map[string]int64{}, values: map[format.Hash]bool{}, elsewhere: map[string]int64{}, keep: map[string]bool{}}
	m.result = Result{From: from.Summary, Selection: s}
	if err := s.check(); err != nil {
		return nil, err
	}
	for _, step := range []func() error{m.survey, m.proofs, m.tables, m.files, m.pages, m.seal} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return &m.result, nil
}

// maker makes one package.
type maker struct {
	ctx       context.Context
	from      *verify.Opened
	selection Selection
	archive   *format.Archive
	result    Result

	records   map[string]record    // which communication or case it is, by record id
	names     format.Names         // that are still shown
	hidden    map[string]int64     // fields, by kind and name
	values    map[format.Hash]bool // of what was redacted
	elsewhere map[string]int64
	keep      map[string]bool // files below raw/
}

// survey finds out what the selection means for this package.
func (m *maker) survey() error {
	err := m.each(func(_ bool, e *format.Entry, d *format.Document) error {
		if n, ok := format.Text(d.Field("number")); ok {
			m.records[strings.Clone(e.Record)] = record{kind: e.Kind(), number: n, seq: string(d.Field("seq"))}
		}
		return nil
	})
	if err != nil {
		return err
	}
	picked := make(map[string]bool)
	err = m.each(func(_ bool, e *format.Entry, d *format.Document) error {
		r := m.recordOf(e, d)
		for i := range d.Fields {
			for _, x := range slices.Concat(m.selection.Show, m.selection.Redact) {
				if !d.Fields[i].Redacted && x.picks(r, d.Fields[i].Name) {
					picked[x.text] = true
				}
			}
		}
		for _, f := range m.redact(e, d) {
			m.hidden[r.kind+":"+f.Name]++
			if telling(f.Value) {
				m.values[format.LeafHash(f.Value)] = true
			}
		}
		m.names.Learn(e, d)
		return nil
	})
	if err != nil {
		return err
	}
	for _, x := range slices.Concat(m.selection.Show, m.selection.Redact) {
		if !picked[x.text] {
			return fault.New(fault.Invalid, "nothing in the package is meant by %s", x)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(m.hidden)) {
		m.result.Hidden = append(m.result.Hidden, Count{name, m.hidden[name]})
	}
	return nil
}

// each calls f with each document of the package before, until ctx ends.
func (m *maker) each(f func(reference bool, e *format.Entry, d *format.Document) error) error {
	return m.from.Shown(func(reference bool, e *format.Entry, d *format.Document) error {
		if err := m.ctx.Err(); err != nil {
			return err
		}
		return f(reference, e, d)
	})
}

// recordOf returns what is known of an entry and its record.
func (m *maker) recordOf(e *format.Entry, d *format.Document) record {
	r := m.records[e.Record]
	r.kind, r.entry = e.Kind(), strconv.FormatInt(d.Index, 10)
	return r
}

// telling reports whether a value can be looked for elsewhere: text of several
// words, or with an address in it.
func telling(value []byte) bool { return strings.ContainsAny(string(value), " @") }

// redact hides fields of a document, and returns them as they were.
func (m *maker) redact(e *format.Entry, d *format.Document) (hidden []format.Field) {
	r := m.recordOf(e, d)
	hide := make(map[string]bool)
	for i := range d.Fields {
		if f := &d.Fields[i]; !f.Redacted && m.selection.hides(r, f.Name) {
			hide[f.Name] = true
		}
	}
	couple(r.kind, hide)
	for i := range d.Fields {
		if f := &d.Fields[i]; !f.Redacted && hide[f.Name] {
			hidden = append(hidden, *f)
			*f = format.Field{Redacted: true, Leaf: f.Hash()}
		}
	}
	return hidden
}

// couple adds the fields that would betray what is hidden, being hashes of it
// or the salt of one.
func couple(kind string, hide map[string]bool) {
	if len(hide) == 0 {
		return
	}
	switch kind {
	case kindCommunication: // the message as it came has everything in it
		hide["raw_sha256"], hide["raw_size"], hide["raw_blob"] = true, true, true
		if hide["text"] || hide["text_blob"] {
			hide["text"], hide["text_blob"] = true, true
		}
	case kindResponse:
		for _, name := range []string{"channel", "to", "cc", "subject", "text", "attachments"} {
			if hide[name] {
				hide["content_salt"] = true
			}
		}
	}
}

// proofs writes what is as it was, and the documents with less in them.
func (m *maker) proofs() error {
	if err := m.write("README.txt", m.readme()); err != nil {
		return err
	}
	for _, path := range m.from.Files() {
		if !strings.HasPrefix(path, "ledger/") {
			continue
		}
		switch path {
		case format.FileDocuments, format.FileReferenceDocuments:
			if err := m.documents(path, path == format.FileReferenceDocuments); err != nil {
				return err
			}
		default:
			if err := m.copy(path); err != nil {
				return err
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(m.elsewhere)) {
		m.result.Elsewhere = append(m.result.Elsewhere, Count{name, m.elsewhere[name]})
	}
	return nil
}

func (m *maker) documents(path string, references bool) error {
	w, err := m.create(path)
	if err != nil {
		return err
	}
	var buf []byte
	return m.each(func(reference bool, e *format.Entry, d *format.Document) error {
		if reference != references {
			return nil
		}
		m.redact(e, d)
		for i := range d.Fields {
			if f := &d.Fields[i]; !f.Redacted {
				m.result.Shown++
				if telling(f.Value) && m.values[format.LeafHash(f.Value)] {
					m.elsewhere[e.Kind()+":"+f.Name]++
				}
			}
		}
		buf = d.Append(buf[:0])
		_, err := w.Write(buf)
		return err
	})
}

// files copies those below raw/ that rows still name.
func (m *maker) files() error {
	for _, path := range m.from.Files() {
		if !strings.HasPrefix(path, "raw/") {
			continue
		}
		if !m.keep[path] {
			m.result.LeftOut++
			continue
		}
		m.result.Files++
		if err := m.copy(path); err != nil {
			return err
		}
	}
	return nil
}

// seal ends the package with the seal of the one before.
func (m *maker) seal() error {
	if _, err := m.archive.Manifest(); err != nil {
		return fmt.Errorf("write package: %w", err)
	}
	var parts [4][]byte
	for i, path := range format.Last[1:] {
		var err error
		if parts[i], err = io.ReadAll(m.from.File(path)); err != nil {
			return err
		}
	}
	if err := m.archive.CloseRedacted(parts[0], parts[1], parts[2], parts[3]); err != nil {
		return fmt.Errorf("write package: %w", err)
	}
	return nil
}

func (m *maker) create(path string) (io.Writer, error) {
	w, err := m.archive.Create(path)
	if err != nil {
		return nil, fmt.Errorf("write package: %w", err)
	}
	return w, nil
}

func (m *maker) write(path string, content []byte) error {
	w, err := m.create(path)
	if err == nil {
		_, err = w.Write(content)
	}
	return err
}

func (m *maker) copy(path string) error {
	w, err := m.create(path)
	if err != nil {
		return err
	}
	if _, err := io.Copy(w, m.from.File(path)); err != nil {
		return errors.Join(m.ctx.Err(), fmt.Errorf("copy %s: %w", path, err))
	}
	return nil
}
