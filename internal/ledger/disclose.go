package ledger

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"example.org/countersign/internal/db"
	"example.org/countersign/internal/document"
	"example.org/countersign/verify/format"
)

// Document returns what entry index says, with the salts that prove it. Fields
// for which show returns false are redacted to their leaf hashes.
func (l *Ledger) Document(ctx context.Context, index int64, show func(kind, unit, field string) bool) (format.Entry, *format.Document, error) {
	var entry, body []byte
	ok, err := l.One(ctx, `SELECT e.body, p.body FROM ledger_entry e JOIN ledger_payload p ON p.idx = e.idx WHERE e.idx = $1`, []any{index}, &entry, &body)
	if err != nil || !ok {
		return format.Entry{}, nil, errors.Join(&Mismatch{fmt.Sprintf("entry %d", index), "is missing"}, err)
	}
	return l.Disclose(ctx, index, entry, body, show)
}

// Disclose is Document for an entry and payload at hand. It fails with a
// *Mismatch where they do not belong together.
func (l *Ledger) Disclose(ctx context.Context, index int64, entry, body []byte, show func(kind, unit, field string) bool) (format.Entry, *format.Document, error) {
	where := fmt.Sprintf("entry %d", index)
	e, err := format.ParseEntry(entry)
	if err != nil {
		return e, nil, &Mismatch{where, "was changed: " + err.Error()}
	}
	where += " (" + e.Act + ", record " + e.Record + ")"
	o := document.Emptied(&e)
	if len(body) > 0 {
		if sha256.Sum256(body) != e.Sealed {
			return e, nil, &Mismatch{"payload of " + where, "was changed"}
		}
		if o, err = document.Open(ctx, l.keys, e.Kind(), e.Record, body); err != nil {
			return e, nil, &Mismatch{"payload of " + where, "cannot be opened: " + err.Error()}
		}
	}
	erased, err := redactions(ctx, l, index)
	if err != nil {
		return e, nil, err
	}
	if err := o.Forget(erased); err != nil {
		return e, nil, &Mismatch{"payload of " + where, err.Error()}
	}
	fields, units, err := o.Fields(erased)
	if err != nil {
		return e, nil, &Mismatch{"payload of " + where, err.Error()}
	}
	if format.Commit(fields) != e.Commitment {
		return e, nil, &Mismatch{"document of " + where, "is not what was committed"}
	}
	for i := range fields {
		if !show(e.Kind(), units[i], fields[i].Name) || fields[i].Redacted { // show is asked for each field
			fields[i] = format.Field{Redacted: true, Leaf: fields[i].Hash()}
		}
	}
	return e, &format.Document{Index: index, Fields: fields}, nil
}

// Entries calls f for each entry from first to before end, in order, with its
// bytes and its payload, which are valid until f returns.
func (l *Ledger) Entries(ctx context.Context, first, end int64, f func(index int64, entry, payload []byte) error) error {
	next := first
	err := l.Each(ctx, func(scan db.Scan) error {
		var index int64
		var entry, payload []byte
		if err := scan(&index, &entry, &payload); err != nil {
			return err
		}
		if index != next {
			return &Mismatch{fmt.Sprintf("entry %d", next), "is missing"}
		}
		next++
		return f(index, entry, payload)
	}, `SELECT e.idx, e.body, p.body FROM ledger_entry e JOIN ledger_payload p ON p.idx = e.idx WHERE e.idx >= $1 AND e.idx < $2 ORDER BY e.idx`, first, end)
	if err == nil && next != max(first, end) {
		return &Mismatch{fmt.Sprintf("entry %d", next), "is missing"}
	}
	return err
}

// IndexAt returns the index of the first entry at or after a time, Unix
// microseconds: entries are in the order of their times.
func (l *Ledger) IndexAt(ctx context.Context, micros int64) (int64, error) {
	cp, err := l.Checkpoint(ctx)
	if err != nil {
		return 0, err
	}
	lo, hi := int64(0), cp.Size
	for lo < hi {
		mid := lo + (hi-lo)/2
		var body []byte
		ok, err := l.One(ctx, `SELECT body FROM ledger_entry WHERE idx = $1`, []any{mid}, &body)
		if err != nil || !ok {
			return 0, errors.Join(&Mismatch{fmt.Sprintf("entry %d", mid), "is missing"}, err)
		}
		e, err := format.ParseEntry(body)
		if err != nil {
			return 0, &Mismatch{fmt.Sprintf("entry %d", mid), "was changed: " + err.Error()}
		}
		if e.Time < micros {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo, nil
}
