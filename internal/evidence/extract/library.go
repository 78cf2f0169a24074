package extract

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

// Library holds the disclosed documents: those of the period and, apart from
// them, those of references.
type Library struct {
	Shown, References *Spool
	buf               []byte
	doc               format.Document
}

// Place is where a document is in a Library. It is zero for none.
type Place struct {
	offset    int64
	size      int32
	reference bool // among the references
}

// There reports whether there is a document.
func (p Place) There() bool { return p.size > 0 }

// NewLibrary returns an empty library, to be closed.
func NewLibrary() (*Library, error) {
	shown, err := NewSpool()
	if err != nil {
		return nil, err
	}
	references, err := NewSpool()
	if err != nil {
		shown.Close()
		return nil, err
	}
	return &Library{Shown: shown, References: references}, nil
}

// Close lets go of the files.
func (l *Library) Close() {
	l.Shown.Close()
	l.References.Close()
}

// Keep adds a document and returns where it is.
func (l *Library) Keep(doc *format.Document, reference bool) (Place, error) {
	s := l.Shown
	if reference {
		s = l.References
	}
	l.buf = doc.Append(l.buf[:0])
	at := Place{offset: s.size, size: int32(len(l.buf)), reference: reference}
	_, err := s.Write(l.buf)
	return at, err
}

// Ready makes all that was kept readable.
func (l *Library) Ready() error {
	if err := l.Shown.Flush(); err != nil {
		return err
	}
	return l.References.Flush()
}

// Read returns a document, valid until the next call.
func (l *Library) Read(at Place) (*format.Document, error) {
	s := l.Shown
	if at.reference {
		s = l.References
	}
	var err error
	if l.buf, err = s.at(l.buf, at.offset, int(at.size)); err != nil {
		return nil, fmt.Errorf("read a document again: %w", err)
	}
	return &l.doc, l.doc.Parse(l.buf[:len(l.buf)-1])
}

// Disclosed is one entry of the period with its document, as far as it is
// shown.
type Disclosed struct {
	Index   int64
	Entry   format.Entry
	Bytes   []byte // of the entry
	Doc     *format.Document
	Version *Version              // of the record at the end of the period
	Message *intake.Communication // whole, before anything was redacted; nil of other kinds

	units []string // of the fields of Doc
}

// Final reports whether the document is what its record said at the end of
// the period.
func (x *Disclosed) Final() bool { return x.Version != nil && x.Version.Entry == x.Index }

// chunk is how many entries are read at a time: while they are worked on no
// database connection is held, since that work asks the database too.
const chunk = 64

// stored is an entry and its payload as they are stored.
type stored struct {
	index          int64
	entry, payload []byte
}

// Walk opens every document of the period against its commitment, redacts it
// and calls f with it, in the order of the log.
func (s *Survey) Walk(ctx context.Context, c *Curtain, progress func(stage string, done, total int64), f func(*Disclosed) error) error {
	for first := s.First; first < s.End; first += chunk {
		progress("documents", first-s.First, s.End-s.First)
		part, err := s.stored(ctx, first, min(first+chunk, s.End))
		if err != nil {
			return err
		}
		list, err := s.openAll(ctx, part)
		if err != nil {
			return err
		}
		for _, x := range list {
			if err := c.draw(ctx, x); err != nil {
				return err
			}
			if err := f(x); err != nil {
				return err
			}
		}
	}
	progress("documents", s.End-s.First, s.End-s.First)
	return nil
}

// Reference discloses the document of an entry outside the period.
func (s *Survey) Reference(ctx context.Context, c *Curtain, index int64) (*Disclosed, error) {
	part, err := s.stored(ctx, index, index+1)
	if err != nil {
		return nil, err
	}
	x, err := s.open(ctx, part[0])
	if err != nil {
		return nil, err
	}
	return x, c.draw(ctx, x)
}

// stored reads entries and payloads.
func (s *Survey) stored(ctx context.Context, first, end int64) (part []stored, err error) {
	err = s.ledger.Entries(ctx, first, end, func(index int64, entry, payload []byte) error {
		part = append(part, stored{index, slices.Clone(entry), slices.Clone(payload)})
		return nil
	})
	return part, err
}

// openAll opens a part of the log on all processors: most of a package's time
// goes into decryption and hashes.
func (s *Survey) openAll(ctx context.Context, part []stored) ([]*Disclosed, error) {
	list, errs := make([]*Disclosed, len(part)), make([]error, len(part))
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(part)) {
		workers.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(part)); i = next.Add(1) - 1 {
				list[i], errs[i] = s.open(ctx, part[i])
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
func (s *Survey) open(ctx context.Context, r stored) (*Disclosed, error) {
	if format.LeafHash(r.entry) != s.Log[0][r.index] {
		return nil, &ledger.Mismatch{Where: fmt.Sprintf("entry %d", r.index), What: "was changed meanwhile"}
	}
	x := &Disclosed{Index: r.index, Bytes: r.entry}
	var err error
	x.Entry, x.Doc, err = s.ledger.Disclose(ctx, r.index, r.entry, r.payload, func(_, unit, _ string) bool {
		x.units = append(x.units, unit)
		return true
	})
	if err != nil {
		return nil, err
	}
	x.Version = s.Version(x.Entry.Kind(), x.Entry.Record)
	if x.Entry.Kind() == KindCommunication {
		x.Message = &intake.Communication{}
		if err := Decode(x.Doc, x.Message); err != nil {
			return nil, fmt.Errorf("communication %s: %w", x.Entry.Record, err)
		}
	}
	return x, nil
}
