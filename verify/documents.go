package verify

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"example.org/countersign/verify/format"
)

// documents checks each document against the commitment of its entry, and by
// the rules what the documents of the range say.
func (c *checker) documents() error {
	c.expect(format.FileEntries, format.FileDocuments, format.FileReferenceDocuments)
	conduct := newConduct(c)
	c.shown = make([]place, c.span.Count)
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
	conduct.conclude(&c.summary)
	c.summary.Documents = docs.count
	c.summary.Hidden = c.span.Count - docs.count
	c.summary.Redacted = docs.redacted
	return c.referenceDocuments()
}

func (c *checker) referenceDocuments() error {
	docs := c.walk(format.FileReferenceDocuments)
	for i := range c.referenced {
		ref := &c.referenced[i]
		if _, err := docs.of(ref.index, ref.commitment, &ref.shown); err != nil {
			return within(format.FileReferenceDocuments, ref.index, err)
		}
	}
	if err := docs.done(); err != nil {
		return err
	}
	c.summary.ReferenceDocuments = docs.count
	c.summary.Redacted += docs.redacted
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
// documents leave empty fields out, but in a document that shows everything
// only: otherwise it may be among those that are redacted.
func field[T any](d *format.Document, name string) (T, error) {
	var v T
	raw := d.Field(name)
	if raw == nil {
		if redacted(d) > 0 {
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
	if err := json.Unmarshal(raw, &v); err != nil {
		return v, fmt.Errorf("field %s is not what it should be: %w", name, err)
	}
	return v, nil
}

// place is where a document is in its file, which is below 4 GiB. Its size is
// 0 for an entry that shows none.
type place struct{ offset, size uint32 }

// library looks up documents that were checked before, by their entries.
type library struct {
	c   *checker
	doc format.Document
	buf []byte
}

// errNotShown says that a row is of an entry without a document to hold it
// against.
var errNotShown = errors.New("the document of the row's entry is not in the package")

// of returns the document of an entry, valid until the next call.
func (l *library) of(index int64) (*format.Document, error) {
	file, at := format.FileDocuments, place{}
	if i := index - l.c.span.First; i >= 0 && i < l.c.span.Count {
		at = l.c.shown[i]
	} else if i, ok := slices.BinarySearchFunc(l.c.referenced, index, reference.compare); ok {
		file, at = format.FileReferenceDocuments, l.c.referenced[i].shown
	}
	if at.size == 0 {
		return nil, errNotShown
	}
	l.buf = append(l.buf[:0], make([]byte, at.size)...)
	if _, err := l.c.zip.Stored(l.c.files[file]).ReadAt(l.buf, int64(at.offset)); err != nil && err != io.EOF {
		return nil, err
	}
	return &l.doc, l.doc.Parse(l.buf)
}
