package verify

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"

	"example.org/countersign/verify/format"
)

// documents checks each document against the commitment of its entry, and by
// the rules what the documents of the range say.
func (c *checker) documents() error {
	c.expect(format.FileReferences, format.FileReferenceDocuments, format.FileEntries, format.FileDocuments)
	conduct := newConduct(c)
	outside := c.outside()
	if err := outside.until(c.span.First, conduct); err != nil {
		return err
	}
	c.starts, c.shown = make([]uint32, c.span.Count), make([]place, c.span.Count)
	start := uint32(0)
	bundle := format.NewBundle(c.open(format.FileEntries))
	docs := c.walk(format.FileDocuments)
	var a act
	for i := range c.span.Count {
		a.index = c.span.First + i
		raw, err := bundle.Next()
		if err == nil {
			a.entry, err = format.ParseEntry(raw)
		}
		if err != nil {
			return within(format.FileEntries, a.index, err)
		}
		c.starts[i] = start
		start += 2 + uint32(len(raw))
		a.doc, err = docs.of(a.index, a.entry.Commitment, &c.shown[i])
		if err == nil {
			err = conduct.follow(&a)
		}
		if err != nil {
			return within(format.FileDocuments, a.index, err)
		}
	}
	if err := docs.done(); err != nil {
		return err
	}
	c.summary.Documents = docs.count
	c.summary.Hidden = c.span.Count - docs.count
	c.summary.Redacted = docs.redacted
	if err := outside.done(conduct); err != nil {
		return err
	}
	conduct.conclude(c)
	return nil
}

// outside reads references and their documents, both ascending.
type outside struct {
	c    *checker
	refs *format.References
	docs *walk
	next int
}

func (c *checker) outside() *outside {
	return &outside{c: c, refs: format.NewReferences(c.open(format.FileReferences)), docs: c.walk(format.FileReferenceDocuments)}
}

// until checks the documents of the references below an entry.
func (o *outside) until(index int64, conduct *conduct) error {
	for ; o.next < len(o.c.referenced) && o.c.referenced[o.next].index < index; o.next++ {
		ref, err := o.refs.Next()
		a := act{index: ref.Index, reference: true}
		if err == nil {
			a.entry, err = format.ParseEntry(ref.Entry)
		}
		if err != nil {
			return within(format.FileReferences, a.index, err)
		}
		if a.doc, err = o.docs.of(a.index, a.entry.Commitment, &o.c.referenced[o.next].shown); err == nil {
			err = conduct.follow(&a)
		}
		if err != nil {
			return within(format.FileReferenceDocuments, a.index, err)
		}
	}
	return nil
}

// done checks those behind the range, and that no document is left.
func (o *outside) done(conduct *conduct) error {
	if err := o.until(math.MaxInt64, conduct); err != nil {
		return err
	}
	if err := o.docs.done(); err != nil {
		return err
	}
	o.c.summary.ReferenceDocuments = o.docs.count
	o.c.summary.Redacted += o.docs.redacted
	return nil
}

// walk is a file of documents that is read beside the entries they are of,
// both ascending.
type walk struct {
	file string
	docs *format.Documents
	next *format.Document // nil where it must be read
	end  bool

	count    int64
	redacted int64
}

func (c *checker) walk(file string) *walk {
	return &walk{file: file, docs: format.NewDocuments(c.open(file))}
}

// peek reads the next document unless it was read already.
func (w *walk) peek() error {
	if w.next != nil || w.end {
		return nil
	}
	doc, err := w.docs.Next()
	if err == io.EOF {
		w.end = true
		return nil
	}
	w.next = doc
	return within(w.file, none, err)
}

// of returns the document of an entry after checking it against its
// commitment, nil where none is shown. The place that it is kept in goes to at.
func (w *walk) of(index int64, commitment format.Hash, at *place) (*format.Document, error) {
	if err := w.peek(); err != nil {
		return nil, err
	}
	if w.end || w.next.Index > index {
		return nil, nil
	}
	doc := w.next
	if doc.Index < index {
		return nil, w.astray()
	}
	if format.Commit(doc.Fields) != commitment {
		return nil, failf(w.file, index, "the document is not the one that the entry commits to")
	}
	offset, size := w.docs.Span()
	*at = place{uint32(offset), uint32(size)}
	w.count++
	w.redacted += redacted(doc)
	w.next = nil
	return doc, nil
}

func (w *walk) astray() error {
	return failf(w.file, w.next.Index, "the document is out of order, or of an entry that is not in the package")
}

// done checks that no document is left.
func (w *walk) done() error {
	if err := w.peek(); err != nil {
		return err
	}
	if !w.end {
		return w.astray()
	}
	return nil
}

// field reads a field of a document. One that is not there is zero, since
// documents leave empty fields out, but only where none that is redacted can be
// it.
func field[T any](d *format.Document, name string) (T, error) {
	var v T
	raw := d.Field(name)
	if raw == nil {
		if !d.Lacks(name) {
			return v, fmt.Errorf("field %s is not shown", name)
		}
		return v, nil
	}
	if s, ok := any(&v).(*string); ok {
		if *s, ok = format.Text(raw); !ok {
			return v, fmt.Errorf("field %s is not text", name)
		}
		return v, nil
	}
	if list, ok := any(&v).(*[]string); ok {
		if id, alone := only(raw); alone { // as most lists of authors
			*list = []string{id}
			return v, nil
		}
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		return v, fmt.Errorf("field %s is not what it should be: %w", name, err)
	}
	return v, nil
}

// only returns the text of a list of one.
func only(list []byte) (string, bool) {
	if len(list) < 4 || list[0] != '[' || list[len(list)-1] != ']' || bytes.IndexByte(list, ',') >= 0 {
		return "", false
	}
	return format.Text(list[1 : len(list)-1])
}
