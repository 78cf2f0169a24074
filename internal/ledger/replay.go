package ledger

import (
	"bytes"
	"cmp"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"example.org/countersign/internal/db"
	"example.org/countersign/internal/document"
	"example.org/countersign/verify/format"
)

// erasureNote is what the keyring remembers of an erasure whose keys it has
// destroyed. A backup that is older has the record as it was before, under keys
// that are gone: with the note the erasure is done there again.
type erasureNote struct {
	Entry    []byte        `json:"entry"`   // that erased
	Index    int64         `json:"index"`   // of it
	Payload  []byte        `json:"payload"` // of it, sealed: what stayed
	Versions []erasedEntry `json:"versions"`
	Todo     erasure       `json:"todo"`

	entry format.Entry
	here  int // 1: this log has the entry
}

// erasedEntry is an earlier version of the record.
type erasedEntry struct {
	Index  int64         `json:"index"`
	Leaf   format.Hash   `json:"leaf"`            // of its entry
	Empty  bool          `json:"empty,omitempty"` // nothing is left of its payload
	Fields []erasedField `json:"fields,omitempty"`
}

type erasedField struct {
	Name string      `json:"name"`
	Leaf format.Hash `json:"leaf"`
}

// note has the keyring remember an erasure, before its keys go.
func (l *Ledger) note(ctx context.Context, index int64, todo erasure) error {
	n := erasureNote{Index: index, Todo: todo}
	var at int64
	if ok, err := l.One(ctx, `SELECT e.body, p.body, p.prev FROM ledger_entry e JOIN ledger_payload p ON p.idx = e.idx WHERE e.idx = $1`,
		[]any{index}, &n.Entry, &n.Payload, &at); err != nil || !ok {
		return errors.Join(fmt.Errorf("ledger: entry %d is missing", index), err)
	}
	for at >= 0 {
		v := erasedEntry{Index: at}
		var leaf []byte
		var size int64
		if ok, err := l.One(ctx, `SELECT prev, leaf, length(body) FROM ledger_payload WHERE idx = $1`, []any{at}, &at, &leaf, &size); err != nil || !ok {
			return errors.Join(fmt.Errorf("ledger: payload of entry %d is missing", v.Index), err)
		}
		v.Empty = size == 0
		copy(v.Leaf[:], leaf)
		fields, err := redactions(ctx, l, v.Index)
		if err != nil {
			return err
		}
		for _, f := range fields {
			v.Fields = append(v.Fields, erasedField{f.Name, f.Leaf})
		}
		n.Versions = append(n.Versions, v)
	}
	value, err := json.Marshal(n)
	if err != nil {
		return err
	}
	hash := format.LeafHash(n.Entry)
	return l.keys.Note(ctx, "erasure."+hex.EncodeToString(hash[:]), value)
}

// Beyond is what the keyring shows of a log after the last entry that is here.
type Beyond struct {
	Records int   // that were erased since
	Entry   int64 // index of the last entry that erased one
	At      time.Time
}

// Beyond says whether the keyring remembers erasures that were made after the
// last entry of this log: then this is an older state of it. Erasures of a log
// that had gone on from here, and whose loss was accepted since, do not count.
func (l *Ledger) Beyond(ctx context.Context) (Beyond, error) {
	var b Beyond
	h, err := l.readHead(l.outside(ctx, l.db))
	if err != nil {
		return b, err
	}
	all, err := l.erasures(ctx)
	if err != nil {
		return b, fmt.Errorf("read erasures: %w", err)
	}
	for _, x := range all {
		if x.here == 1 {
			continue
		}
		there, err := x.there(ctx, l)
		if err != nil {
			return b, err
		}
		if len(there) == 0 && (x.Index < h.row.size || x.entry.Time < h.row.time) {
			continue
		}
		if b.Records++; x.Index >= b.Entry {
			b.Entry, b.At = x.Index, time.UnixMicro(x.entry.Time).UTC()
		}
	}
	return b, nil
}

// erasures returns the last erasure of each record that the keyring remembers,
// with the blobs of all.
func (l *Ledger) erasures(ctx context.Context) (all []*erasureNote, err error) {
	byRecord := map[string][]*erasureNote{}
	if err := l.keys.Notes(ctx, func(name string, value []byte) error {
		var x erasureNote
		err := json.Unmarshal(value, &x)
		if err == nil {
			x.entry, err = format.ParseEntry(x.Entry)
		}
		if err != nil {
			return fmt.Errorf("note %s of the keyring is damaged: %w", name, err)
		}
		here, err := has(ctx, l, x.Index, format.LeafHash(x.Entry))
		if err != nil {
			return err
		}
		if here {
			x.here = 1
		}
		byRecord[x.entry.Record] = append(byRecord[x.entry.Record], &x)
		return nil
	}); err != nil {
		return nil, err
	}
	for _, record := range slices.Sorted(maps.Keys(byRecord)) {
		notes := byRecord[record]
		slices.SortFunc(notes, func(a, b *erasureNote) int {
			return cmp.Or(cmp.Compare(a.entry.Time, b.entry.Time), cmp.Compare(a.here, b.here), cmp.Compare(a.Index, b.Index))
		})
		last := notes[len(notes)-1]
		for _, x := range notes[:len(notes)-1] {
			last.Todo.Blobs = append(last.Todo.Blobs, x.Todo.Blobs...)
		}
		all = append(all, last)
	}
	return all, nil
}

// Replay erases again what the keyring says was erased, and this log does not
// know of: it was restored from a backup that is older than the erasure. Each
// such record becomes what it was when it was erased, under an entry of its
// own; FinishErasures then removes the blobs. Replay returns how many records
// there were. In a log that was not set back it does nothing.
func (l *Ledger) Replay(ctx context.Context) (n int, err error) {
	all, err := l.erasures(ctx)
	for _, x := range all {
		var done bool
		if done, err = l.replay(ctx, x); err != nil {
			break
		}
		if done {
			n++
		}
	}
	if err != nil {
		return n, fmt.Errorf("replay erasures: %w", err)
	}
	return n, nil
}

// replay does one erasure again. done is false where the log has it, or has
// nothing of the record.
func (l *Ledger) replay(ctx context.Context, x *erasureNote) (done bool, err error) {
	k := l.kinds[x.entry.Kind()]
	if k == nil {
		return false, fmt.Errorf("record kind %s is not known to this version of the product", x.entry.Kind())
	}
	if x.here == 1 {
		return false, nil
	}
	there, err := x.there(ctx, l)
	if err != nil {
		return false, err
	}
	if len(there) == 0 {
		return false, nil
	}
	var newest int64
	if ok, err := l.One(ctx, `SELECT entry FROM `+k.Kind()+` WHERE id = $1`, []any{x.entry.Record}, &newest); err != nil || !ok {
		return false, errors.Join(&Mismatch{k.Kind() + " " + x.entry.Record, "has no row"}, err)
	}
	o, err := document.Open(ctx, l.keys, k.Kind(), x.entry.Record, x.Payload)
	if err != nil {
		return false, err
	}
	todo, err := json.Marshal(x.Todo)
	if err != nil {
		return false, err
	}
	err = l.Write(ctx, System, func(ctx context.Context, tx *Tx) error {
		entry, err := k.again(tx, x.entry.Record, newest, o.Plain, Act{x.entry.Verb(), x.entry.Controls})
		if err != nil {
			return err
		}
		for _, v := range there {
			if err := tx.forget(v); err != nil {
				return err
			}
		}
		_, err = tx.Work(`INSERT INTO ledger_erasure (idx, body) VALUES ($1, $2)`, entry, string(todo))
		return err
	})
	return err == nil, err
}

// there returns those of the earlier versions that this log has.
func (x *erasureNote) there(ctx context.Context, q db.Querier) (there []erasedEntry, err error) {
	for _, v := range x.Versions {
		here, err := has(ctx, q, v.Index, v.Leaf)
		if err != nil {
			return nil, err
		}
		if here {
			there = append(there, v)
		}
	}
	return there, nil
}

// has reports whether the entry at index is the one with this hash.
func has(ctx context.Context, q db.Querier, index int64, leaf format.Hash) (bool, error) {
	var there []byte
	ok, err := q.One(ctx, `SELECT leaf FROM ledger_payload WHERE idx = $1`, []any{index}, &there)
	return ok && bytes.Equal(there, leaf[:]), err
}

// forget makes one version as the erasure had left it.
func (t *Tx) forget(v erasedEntry) error {
	for _, f := range v.Fields {
		if _, err := t.exec(`INSERT INTO ledger_redacted (idx, name, leaf) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`, v.Index, f.Name, f.Leaf[:]); err != nil {
			return err
		}
	}
	if !v.Empty {
		return nil
	}
	_, err := t.exec(`UPDATE ledger_payload SET body = $1 WHERE idx = $2 AND length(body) > 0`, []byte{}, v.Index)
	return err
}

// again makes what the units say the record, in place of the version under
// entry, and returns the entry of that.
func (k *Kind[T, P]) again(tx *Tx, id string, entry int64, plain [][]byte, act Act) (int64, error) {
	doc := P(new(T))
	if err := document.Decode(plain, doc); err != nil {
		return 0, err
	}
	r := doc.record()
	r.ID, r.Entry, r.stored, r.keys = id, entry, true, new([]document.UnitKey)
	err := k.Put(tx, doc, act)
	return r.Entry, err
}
