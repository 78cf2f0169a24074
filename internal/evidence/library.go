package evidence

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"example.org/countersign/internal/intake"
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
	units   []string              // of its fields
	version *version              // of the record at the end of the period
	message *intake.Communication // whole, before anything was redacted; nil of other kinds
}

// final reports whether the document is what its record said at the end of
// the period.
func (x *disclosed) final() bool { return x.version != nil && x.version.entry == x.index }

// chunk is how many entries are read at a time: while they are worked on no
// database connection is held, since that work asks the database too.
const chunk = 64

// stored is an entry and its payload as they are stored.
type stored struct {
	index          int64
	entry, payload []byte
}

// walk opens every document of the period against its commitment, redacts it
// and calls f with it, in the order of the log.
func (s *survey) walk(ctx context.Context, c *curtain, progress func(string, int64, int64), f func(entry []byte, x *disclosed) error) error {
	for first := s.first; first < s.end; first += chunk {
		progress("documents", first-s.first, s.end-s.first)
		part, err := c.desk.stored(ctx, first, min(first+chunk, s.end))
		if err != nil {
			return err
		}
		list, err := s.openAll(ctx, c, part)
		if err != nil {
			return err
		}
		for i, x := range list {
			if err := c.draw(ctx, x); err != nil {
				return err
			}
			if err := f(part[i].entry, x); err != nil {
				return err
			}
		}
	}
	progress("documents", s.end-s.first, s.end-s.first)
	return nil
}

// stored reads entries and payloads.
func (d *Desk) stored(ctx context.Context, first, end int64) (part []stored, err error) {
	err = d.ledger.Entries(ctx, first, end, func(index int64, entry, payload []byte) error {
		part = append(part, stored{index, slices.Clone(entry), slices.Clone(payload)})
		return nil
	})
	return part, err
}

// openAll opens a part of the log on all processors: most of a package's time
// goes into decryption and hashes.
func (s *survey) openAll(ctx context.Context, c *curtain, part []stored) ([]*disclosed, error) {
	list, errs := make([]*disclosed, len(part)), make([]error, len(part))
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(part)) {
		workers.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(part)); i = next.Add(1) - 1 {
				list[i], errs[i] = s.open(ctx, c, part[i])
			}
		})
	}
	workers.Wait()
	for _, err := range errs { // the first in the order of the log
		if err != nil {
			return nil, err
		}
	}
	return list, nil
}

// open discloses one entry, which must be the one that the survey counted.
func (s *survey) open(ctx context.Context, c *curtain, r stored) (*disclosed, error) {
	if format.LeafHash(r.entry) != s.log[0][r.index] {
		return nil, &ledger.Mismatch{Where: fmt.Sprintf("entry %d", r.index), What: "was changed meanwhile"}
	}
	x := &disclosed{index: r.index}
	var err error
	x.entry, x.doc, err = c.desk.ledger.Disclose(ctx, r.index, r.entry, r.payload, func(_, unit, _ string) bool {
		x.units = append(x.units, unit)
		return true
	})
	if err != nil {
		return nil, err
	}
	x.version = s.version(x.entry.Kind(), x.entry.Record)
	if x.entry.Kind() == kindCommunication {
		x.message = &intake.Communication{}
		if err := decode(x.doc, x.message); err != nil {
			return nil, fmt.Errorf("communication %s: %w", x.entry.Record, err)
		}
	}
	return x, nil
}

// reference discloses the document of an entry outside the period.
func (s *survey) reference(ctx context.Context, c *curtain, index int64) (entry []byte, x *disclosed, err error) {
	part, err := c.desk.stored(ctx, index, index+1)
	if err != nil {
		return nil, nil, err
	}
	if x, err = s.open(ctx, c, part[0]); err != nil {
		return nil, nil, err
	}
	return part[0].entry, x, c.draw(ctx, x)
}
