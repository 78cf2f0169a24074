package verify

import (
	"encoding/binary"
	"errors"
	"io"
	"slices"

	"example.org/countersign/verify/format"
)

// place is where a part of a file is, which is below 4 GiB. The size is 0 for
// what is not there.
type place struct{ offset, size uint32 }

// library looks up entries that were checked before, and their documents.
type library struct {
	c                                          *checker
	entries, documents, references, referenced window

	entry format.Entry
	doc   format.Document
}

func newLibrary(c *checker) *library {
	l := &library{c: c}
	for name, w := range map[string]*window{format.FileEntries: &l.entries, format.FileDocuments: &l.documents,
		format.FileReferences: &l.references, format.FileReferenceDocuments: &l.referenced} {
		w.r = c.zip.Stored(c.files[name])
	}
	return l
}

// errNotShown says that a row is of an entry without a document to hold it
// against.
var errNotShown = errors.New("the document of the row's entry is not in the package")

// open makes an entry and its document those of l, until the next call.
func (l *library) open(index int64) error {
	if i := index - l.c.span.First; i >= 0 && i < l.c.span.Count {
		return l.read(&l.documents, l.c.shown[i], func() error { return l.readEntry(l.c.starts[i]) })
	}
	i, ok := slices.BinarySearchFunc(l.c.referenced, index, reference.compare)
	if !ok {
		return errNotShown
	}
	return l.read(&l.referenced, l.c.referenced[i].shown, func() error { return l.readReference(l.c.referenced[i].at) })
}

// read reads a document, and its entry by the function.
func (l *library) read(file *window, at place, entry func() error) error {
	if at.size == 0 {
		return errNotShown
	}
	if err := entry(); err != nil {
		return err
	}
	block, err := file.read(at)
	if err != nil {
		return err
	}
	return l.doc.Parse(block)
}

// readEntry reads the entry at an offset in the bundle.
func (l *library) readEntry(offset uint32) error {
	size, err := l.entries.read(place{offset, 2})
	if err != nil {
		return err
	}
	raw, err := l.entries.read(place{offset + 2, uint32(binary.BigEndian.Uint16(size))})
	if err != nil {
		return err
	}
	l.entry, err = format.ParseEntry(raw)
	return err
}

// readReference reads an entry outside the range.
func (l *library) readReference(at place) error {
	block, err := l.references.read(at)
	if err != nil {
		return err
	}
	ref, err := format.ParseReference(block)
	if err != nil {
		return err
	}
	l.entry, err = format.ParseEntry(ref.Entry)
	return err
}

// window reads parts of a file. Rows are often in the order of the log, so it
// reads on behind what was asked for.
type window struct {
	r     *io.SectionReader
	buf   []byte
	start int64 // of buf in the file
}

const windowSize = 16 << 10

// read returns a part, valid until the next call.
func (w *window) read(at place) ([]byte, error) {
	size, i := int(at.size), int64(at.offset)-w.start
	if i >= 0 && i+int64(size) <= int64(len(w.buf)) {
		return w.buf[i:][:size], nil
	}
	if cap(w.buf) < size {
		w.buf = make([]byte, max(size, windowSize))
	}
	n, err := w.r.ReadAt(w.buf[:cap(w.buf)], int64(at.offset))
	w.buf, w.start = w.buf[:n], int64(at.offset)
	if n < size {
		return nil, err
	}
	return w.buf[:size], nil
}
