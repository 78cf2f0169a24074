package ledger

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"example.org/countersign/internal/blob"
	"example.org/countersign/internal/db"
	"example.org/countersign/internal/document"
	"example.org/countersign/internal/fault"
	"example.org/countersign/verify/format"
)

// Erased is the Act of an Erase. Its verb is what lets Verify and the offline
// check expect that older content is gone.
func Erased(controls ...string) Act { return Do(format.Erased, controls...) }

// erasure is what is still to be done once an Erase is committed.
type erasure struct {
	Keys  []int64    `json:"keys"`
	Blobs []blob.Ref `json:"blobs"`
}

// Erase makes doc the record and forgets what the units held in every version
// before: their keys are destroyed, their blobs removed and payloads that hold
// nothing else emptied. Entries and proofs stay, and so do the hashes of the
// erased fields, with which the others can still be proved.
//
// doc is the record as it was loaded, with what is to go set to zero; what of
// the units may stay may stay, under a new key, and so may the blobs it refers
// to. Erase is final once its Write returns; keys and blobs go in
// FinishErasures.
func (k *Kind[T, P]) Erase(tx *Tx, doc P, act Act, units ...string) error {
	r := doc.record()
	if act.Verb != format.Erased || !r.stored {
		return tx.fail(fmt.Errorf("ledger: erasing %s %s takes a stored record and the act Erased", k.name, r.ID))
	}
	e := &eraser{tx: tx, kind: k.name, id: r.ID, units: units, newest: map[string][]byte{}}
	for index := r.Entry; index >= 0; {
		var err error
		if index, err = e.version(index, func(plain [][]byte) ([]blob.Ref, error) {
			old := P(new(T))
			err := document.Decode(plain, old)
			return document.Blobs(old), err
		}); err != nil {
			return tx.fail(err)
		}
	}
	keep := slices.Clone(*r.keys)
	keep = slices.DeleteFunc(keep, func(u document.UnitKey) bool { return slices.Contains(units, u.Unit) })
	r.keys = &keep
	if err := k.Put(tx, doc, act); err != nil {
		return err
	}
	p := tx.pending(r.Entry)
	if p == nil { // the caller has gone
		return tx.failure()
	}
	for i, u := range p.document.Units {
		if u != "" && len(p.document.Plain[i]) > 0 && bytes.Equal(p.document.Plain[i], e.newest[u]) {
			return tx.fail(fmt.Errorf("ledger: %s %s has all its content still in the unit %q that is erased", k.name, r.ID, u))
		}
	}
	stay := document.Blobs(doc)
	e.todo.Blobs = slices.DeleteFunc(e.todo.Blobs, func(b blob.Ref) bool { return slices.Contains(stay, b) })
	for _, b := range e.todo.Blobs {
		e.todo.Keys = append(e.todo.Keys, b.Key)
	}
	return e.record(r.Entry)
}

// eraser walks through the versions of one record.
type eraser struct {
	tx     *Tx
	kind   string
	id     string
	units  []string
	todo   erasure
	newest map[string][]byte // what the units say now
	empty  []int64           // entries whose payload holds nothing else
	gone   []redacted
}

type redacted struct {
	index int64
	name  string
	leaf  format.Hash
}

// version notes what is to go of one version and returns the index of the one
// before. blobs finds the blobs in the documents of units.
func (e *eraser) version(index int64, blobs func(plain [][]byte) ([]blob.Ref, error)) (prev int64, err error) {
	if e.tx.pending(index) != nil {
		return 0, fault.New(fault.Conflict, "this %s is being changed at the moment; try again", e.kind)
	}
	var body []byte
	ok, err := e.tx.One(e.tx.ctx, `SELECT prev, body FROM ledger_payload WHERE idx = $1`, []any{index}, &prev, &body)
	if err != nil || !ok {
		return 0, errors.Join(fmt.Errorf("ledger: payload of entry %d is missing", index), err)
	}
	if len(body) == 0 {
		return prev, nil
	}
	o, err := document.Open(e.tx.ctx, e.tx.ledger.keys, e.kind, e.id, body)
	if err != nil {
		return 0, fmt.Errorf("entry %d: %w", index, err)
	}
	fields, units, err := o.Fields(nil)
	if err != nil {
		return 0, fmt.Errorf("entry %d: %w", index, err)
	}
	for i, f := range fields {
		if slices.Contains(e.units, units[i]) {
			e.gone = append(e.gone, redacted{index, f.Name, f.Hash()})
		}
	}
	left := 0
	var erased [][]byte
	for i, u := range o.Keys {
		if !slices.Contains(e.units, u.Unit) {
			left++
			continue
		}
		erased = append(erased, o.Plain[i])
		if _, seen := e.newest[u.Unit]; !seen {
			e.newest[u.Unit] = o.Plain[i]
		}
		if !slices.Contains(e.todo.Keys, u.Key.ID) {
			e.todo.Keys = append(e.todo.Keys, u.Key.ID)
		}
	}
	if left == 0 {
		e.empty = append(e.empty, index)
	}
	refs, err := blobs(erased)
	for _, ref := range refs {
		if !slices.Contains(e.todo.Blobs, ref) {
			e.todo.Blobs = append(e.todo.Blobs, ref)
		}
	}
	return prev, err
}

// record writes what the walk has found, under the entry that erases.
func (e *eraser) record(entry int64) error {
	for _, g := range e.gone {
		if _, err := e.tx.exec(`INSERT INTO ledger_redacted (idx, name, leaf) VALUES ($1, $2, $3)`, g.index, g.name, g.leaf[:]); err != nil {
			return err
		}
	}
	for _, index := range e.empty {
		if _, err := e.tx.exec(`UPDATE ledger_payload SET body = $1 WHERE idx = $2`, []byte{}, index); err != nil {
			return err
		}
	}
	body, err := json.Marshal(e.todo)
	if err != nil {
		return e.tx.fail(err)
	}
	_, err = e.tx.Work(`INSERT INTO ledger_erasure (idx, body) VALUES ($1, $2)`, entry, string(body))
	return err
}

// FinishErasures destroys the keys and removes the blobs of committed
// erasures, and returns how many it has brought to an end. The keyring keeps a
// note of each, for Replay. It can be repeated
// after any interruption.
func (l *Ledger) FinishErasures(ctx context.Context) (n int, err error) {
	todo := map[int64]erasure{}
	err = l.Each(ctx, func(scan db.Scan) error {
		var index int64
		var body []byte
		if err := scan(&index, &body); err != nil {
			return err
		}
		var e erasure
		err := json.Unmarshal(body, &e)
		todo[index] = e
		return err
	}, `SELECT idx, body FROM ledger_erasure ORDER BY idx`)
	if err != nil {
		return 0, fmt.Errorf("finish erasures: %w", err)
	}
	for index, e := range todo {
		if err := l.note(ctx, index, e); err != nil {
			return n, fmt.Errorf("finish erasures: %w", err)
		}
		if err := l.keys.Destroy(ctx, e.Keys...); err != nil {
			return n, fmt.Errorf("finish erasures: %w", err)
		}
		for _, ref := range e.Blobs {
			if err := l.blobs.Remove(ref); err != nil {
				return n, fmt.Errorf("finish erasures: %w", err)
			}
		}
		if err := l.Write(ctx, System, func(_ context.Context, tx *Tx) error {
			_, err := tx.Work(`DELETE FROM ledger_erasure WHERE idx = $1`, index)
			return err
		}); err != nil {
			return n, fmt.Errorf("finish erasures: %w", err)
		}
		n++
	}
	return n, nil
}

// redactions returns the fields of an entry that were erased, by their hashes.
func redactions(ctx context.Context, q db.Querier, index int64) (fields []format.Field, err error) {
	err = q.Each(ctx, func(scan db.Scan) error {
		f := format.Field{Redacted: true}
		var leaf []byte
		if err := scan(&f.Name, &leaf); err != nil {
			return err
		}
		if len(leaf) != len(f.Leaf) {
			return &Mismatch{fmt.Sprintf("ledger_redacted, entry %d, field %s", index, f.Name), "has a damaged hash"}
		}
		f.Leaf = format.Hash(leaf)
		fields = append(fields, f)
		return nil
	}, `SELECT name, leaf FROM ledger_redacted WHERE idx = $1 ORDER BY name`, index)
	return fields, err
}
