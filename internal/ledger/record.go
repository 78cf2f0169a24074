package ledger

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"example.org/countersign/internal/blob"
	"example.org/countersign/internal/db"
	"example.org/countersign/internal/document"
	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/id"
	"example.org/countersign/verify/format"
)

// Record is the part of a document's struct that the ledger keeps; embed it.
type Record struct {
	ID    string `json:"-"` // random; set by Put where empty
	Entry int64  `json:"-"` // index of the entry that made the record what it is

	stored bool
	keys   *[]document.UnitKey // behind a pointer: printing a record must not print them
}

func (r *Record) record() *Record { return r }

// RecordID returns the id.
func (r *Record) RecordID() string { return r.ID }

// Stored reports whether the record is in the database.
func (r *Record) Stored() bool { return r.stored }

// recorder is a pointer to a struct that embeds Record.
type recorder interface{ record() *Record }

// Act is what a Put did: the verb after the kind, and the controls that
// justify it (criteria ids).
type Act struct {
	Verb     string
	Controls []string
}

// Do returns the Act of a verb under controls.
func Do(verb string, controls ...string) Act { return Act{verb, controls} }

// Records is a kind of record without its type, as Open and Verify need it.
type Records interface {
	Kind() string
	check(plain [][]byte, x Index) (columns []any, blobs []blob.Ref, err error)
	columnNames() []string
	again(tx *Tx, id string, entry int64, plain [][]byte, act Act) (int64, error)
}

// Kind says how records of type T are kept. P is *T.
type Kind[T any, P interface {
	*T
	recorder
}] struct {
	name    string
	columns []string
	row     func(P, Index) []any
	plan    *document.Plan
	insert  string
	update  string
	load    string
}

// Define defines a kind: its name, which is also that of its table, the index
// columns beside id and entry, and how they are computed from the document.
// Column values are int64, string or []byte. Fields of T with a tag
// `unit:"name"` are encrypted under a key of their own, so that they can be
// erased alone.
func Define[T any, P interface {
	*T
	recorder
}](name string, columns []string, row func(P, Index) []any) *Kind[T, P] {
	k := &Kind[T, P]{name: name, columns: columns, row: row, plan: document.PlanOf[T]()}
	all := append([]string{"id", "entry"}, columns...)
	places, sets := make([]string, len(all)), make([]string, 0, len(all))
	for i, c := range all {
		places[i] = fmt.Sprintf("$%d", i+1)
		if i > 0 {
			sets = append(sets, fmt.Sprintf("%s = $%d", c, i+1))
		}
	}
	k.insert = fmt.Sprintf("INSERT INTO %s (%s) VALUES (%s)", name, strings.Join(all, ", "), strings.Join(places, ", "))
	k.update = fmt.Sprintf("UPDATE %s SET %s WHERE id = $1 AND entry = $%d", name, strings.Join(sets, ", "), len(all)+1)
	k.load = fmt.Sprintf(`SELECT r.id, r.entry, p.body FROM %s r LEFT JOIN ledger_payload p ON p.idx = r.entry `, name)
	return k
}

// Kind returns the name.
func (k *Kind[T, P]) Kind() string { return k.name }

func (k *Kind[T, P]) columnNames() []string { return k.columns }

// Put makes doc, new or changed, the record, under an entry of its own. A doc
// that was loaded before somebody else changed it is a Conflict.
func (k *Kind[T, P]) Put(tx *Tx, doc P, act Act) error {
	r := doc.record()
	if r.ID == "" {
		r.ID = id.New()
	}
	p, err := tx.prepare(k.name, k.plan, doc, r, act)
	if err != nil {
		return err
	}
	args := append([]any{r.ID, p.index}, k.row(doc, tx.ledger.index)...)
	if !r.stored {
		if err := tx.later(db.Statement{Query: k.insert, Args: args, Rows: 1}); err != nil {
			return fmt.Errorf("put %s: %w", k.name, err)
		}
	} else {
		n, err := tx.exec(k.update, append(args, r.Entry)...)
		if err != nil {
			return fmt.Errorf("put %s: %w", k.name, err)
		}
		if n != 1 {
			return tx.fail(fault.New(fault.Conflict, "this %s was changed by somebody else meanwhile; look again", k.name))
		}
	}
	if err := tx.append(p); err != nil {
		return err
	}
	keys := p.keys // not a pointer into p, which the record would keep alive
	r.Entry, r.stored, r.keys = p.index, true, &keys
	return nil
}

// Load returns the record with this id, NotFound where there is none.
func (k *Kind[T, P]) Load(ctx context.Context, s Source, id string) (P, error) {
	found, err := k.Select(ctx, s, `WHERE r.id = $1`, id)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, fault.New(fault.NotFound, "there is no such %s", strings.ReplaceAll(k.name, "_", " "))
	}
	return found[0], nil
}

// Select returns the records that the tail of a query picks: WHERE, ORDER BY
// and LIMIT over the kind's table, which is called r.
func (k *Kind[T, P]) Select(ctx context.Context, s Source, tail string, args ...any) ([]P, error) {
	var out []P
	type sealed struct {
		doc  P
		body []byte
	}
	var rest []sealed // decrypted after the rows are closed: the keyring may be asked
	err := s.Each(ctx, func(scan db.Scan) error {
		doc := P(new(T))
		r := doc.record()
		var body []byte
		if err := scan(&r.ID, &r.Entry, &body); err != nil {
			return err
		}
		out = append(out, doc)
		rest = append(rest, sealed{doc, body})
		return nil
	}, k.load+tail, args...)
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", k.name, err)
	}
	for _, x := range rest {
		if err := k.open(ctx, s, x.doc, x.body); err != nil {
			return nil, fmt.Errorf("load %s %s: %w", k.name, x.doc.record().ID, err)
		}
	}
	return out, nil
}

// open fills doc from the payload of its entry.
func (k *Kind[T, P]) open(ctx context.Context, s Source, doc P, body []byte) error {
	r := doc.record()
	r.stored = true
	if p := s.pending(r.Entry); p != nil {
		keys := p.keys
		r.keys = &keys
		return document.Decode(p.document.Plain, doc)
	}
	o, err := document.OpenWhole(ctx, s.keyring(), k.name, r.ID, body)
	if err != nil {
		return err
	}
	r.keys = &o.Keys
	return document.Decode(o.Plain, doc)
}

// openOld is open for a version of which something may be erased.
func (k *Kind[T, P]) openOld(ctx context.Context, s Source, doc P, body []byte) (erased bool, err error) {
	r := doc.record()
	if s.pending(r.Entry) != nil {
		return false, k.open(ctx, s, doc, body)
	}
	if r.stored = true; len(body) == 0 {
		return true, nil
	}
	o, err := document.Open(ctx, s.keyring(), k.name, r.ID, body)
	if err != nil {
		return false, err
	}
	r.keys = &o.Keys
	gone, err := redactions(ctx, s, r.Entry)
	if err == nil {
		err = o.Forget(gone)
	}
	if err == nil {
		err = document.Decode(o.Plain, doc)
	}
	return len(o.Gone) > 0 || len(gone) > 0, err
}

// Version is what a record said from one entry to the next.
type Version[P any] struct {
	Doc   P
	Entry format.Entry
	Index int64

	Erased bool // some of it is gone
}

// At returns when the version came to be.
func (v *Version[P]) At() time.Time { return time.UnixMicro(v.Entry.Time).UTC() }

// History returns every version of a record, the first first.
func (k *Kind[T, P]) History(ctx context.Context, s Source, id string) ([]Version[P], error) {
	last, err := k.Load(ctx, s, id)
	if err != nil {
		return nil, err
	}
	var out []Version[P]
	for index := last.record().Entry; index >= 0; {
		v := Version[P]{Doc: P(new(T)), Index: index}
		v.Doc.record().ID, v.Doc.record().Entry = id, index
		var body, entry []byte
		ok, err := s.One(ctx, `SELECT e.body, p.body, p.prev FROM ledger_entry e JOIN ledger_payload p ON p.idx = e.idx WHERE e.idx = $1`,
			[]any{index}, &entry, &body, &index)
		if err != nil || !ok {
			return nil, errors.Join(fmt.Errorf("history of %s %s: entry %d is missing", k.name, id, index), err)
		}
		if v.Entry, err = format.ParseEntry(entry); err != nil {
			return nil, fmt.Errorf("history of %s %s: %w", k.name, id, err)
		}
		if v.Index == last.record().Entry {
			v.Doc = last
		} else if v.Erased, err = k.openOld(ctx, s, v.Doc, body); err != nil {
			return nil, fmt.Errorf("history of %s %s: %w", k.name, id, err)
		}
		out = append(out, v)
	}
	for i, j := 0, len(out)-1; i < j; i, j = i+1, j-1 {
		out[i], out[j] = out[j], out[i]
	}
	return out, nil
}

// check returns the row and the blobs that a document demands.
func (k *Kind[T, P]) check(plain [][]byte, x Index) ([]any, []blob.Ref, error) {
	doc := P(new(T))
	if err := document.Decode(plain, doc); err != nil {
		return nil, nil, err
	}
	return k.row(doc, x), document.Blobs(doc), nil
}
