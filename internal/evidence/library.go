package evidence

import (
	"context"
	"fmt"
	"slices"

	"example.org/countersign/internal/ledger"
	"example.org/countersign/verify/format"
)

// library holds the disclosed documents: those of the period and, apart from
// them, those of references.
type library struct {
	shown, references *spool
	buf               []byte
	doc               format.Document
}

func newLibrary() (*library, error) {
	shown, err := newSpool()
	if err != nil {
		return nil, err
	}
	references, err := newSpool()
	if err != nil {
		shown.close()
		return nil, err
	}
	return &library{shown: shown, references: references}, nil
}

func (l *library) close() {
	l.shown.close()
	l.references.close()
}

// keep adds a document and returns where it is.
func (l *library) keep(doc *format.Document, reference bool) (place, error) {
	s := l.shown
	if reference {
		s = l.references
	}
	l.buf = doc.Append(l.buf[:0])
	at := place{offset: s.size, size: int32(len(l.buf)), reference: reference}
	_, err := s.Write(l.buf)
	return at, err
}

// ready makes all that was kept readable.
func (l *library) ready() error {
	if err := l.shown.flush(); err != nil {
		return err
	}
	return l.references.flush()
}

// read returns a document, valid until the next call.
func (l *library) read(at place) (*format.Document, error) {
	s := l.shown
	if at.reference {
		s = l.references
	}
	var err error
	if l.buf, err = s.at(l.buf, at.offset, int(at.size)); err != nil {
		return nil, fmt.Errorf("read a document again: %w", err)
	}
	return &l.doc, l.doc.Parse(l.buf[:len(l.buf)-1])
}

// disclosed is one entry of the period with its document, as far as it is
// shown.
type disclosed struct {
	index   int64
	entry   format.Entry
	doc     *format.Document
	version *version // of the record at the end of the period
}

// final reports whether the document is what its record said at the end of
// the period.
func (x *disclosed) final() bool { return x.version != nil && x.version.entry == x.index }

// chunk is how many entries are read at a time: while they are worked on no
// database connection is held, since that work asks the database too.
const chunk = 128

// raw is an entry and its payload as they are stored.
type raw struct {
	index          int64
	entry, payload []byte
}

// walk opens every document of the period against its commitment, redacts it
// and calls f with it, in the order of the log.
func (s *survey) walk(ctx context.Context, c *curtain, progress func(string, int64, int64), f func(entry []byte, x *disclosed) error) error {
	l := c.desk.ledger
	for first := s.first; first < s.end; first += chunk {
		progress("documents", first-s.first, s.end-s.first)
		var part []raw
		err := l.Entries(ctx, first, min(first+chunk, s.end), func(index int64, entry, payload []byte) error {
			part = append(part, raw{index, slices.Clone(entry), slices.Clone(payload)})
			return nil
		})
		if err != nil {
			return err
		}
		for _, r := range part {
			x, err := s.open(ctx, c, r)
			if err != nil {
				return err
			}
			if err := f(r.entry, x); err != nil {
				return err
			}
		}
	}
	progress("documents", s.end-s.first, s.end-s.first)
	return nil
}

// open discloses one entry, which must be the one that the survey counted.
func (s *survey) open(ctx context.Context, c *curtain, r raw) (*disclosed, error) {
	if format.LeafHash(r.entry) != s.log[0][r.index] {
		return nil, &ledger.Mismatch{Where: fmt.Sprintf("entry %d", r.index), What: "was changed meanwhile"}
	}
	var units []string
	e, doc, err := c.desk.ledger.Disclose(ctx, r.index, r.entry, r.payload, func(_, unit, _ string) bool {
		units = append(units, unit)
		return true
	})
	if err != nil {
		return nil, err
	}
	if err := c.draw(ctx, &e, doc, units); err != nil {
		return nil, err
	}
	return &disclosed{r.index, e, doc, s.version(e.Kind(), e.Record)}, nil
}

// reference discloses the document of an entry outside the period.
func (s *survey) reference(ctx context.Context, c *curtain, index int64) (entry []byte, x *disclosed, err error) {
	var r raw
	err = c.desk.ledger.Entries(ctx, index, index+1, func(_ int64, entry, payload []byte) error {
		r = raw{index, slices.Clone(entry), slices.Clone(payload)}
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	x, err = s.open(ctx, c, r)
	return r.entry, x, err
}
