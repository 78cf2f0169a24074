package ledger

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"example.org/countersign/internal/blob"
	"example.org/countersign/internal/db"
	"example.org/countersign/internal/document"
	"example.org/countersign/verify/format"
)

// Mismatch is the first thing that Verify finds wrong: the record is not what
// it was when it was sealed.
type Mismatch struct {
	Where string // "entry 17", "response k3vJ…, column state"
	What  string
}

func (m *Mismatch) Error() string { return m.Where + " " + m.What }

// Options of Verify.
type Options struct {
	// Tree checks the log alone: entries, tree and head, no document and no row.
	Tree bool
	// Full also opens every older document, recomputes every commitment and
	// reads every blob to its end.
	Full bool
	// Progress, if set, is told from time to time how far the check has come.
	Progress func(stage string, done, total int64)
}

// Report is what Verify has checked.
type Report struct {
	Size    int64 // entries
	Root    format.Hash
	Records map[string]int64 // by kind
	Blobs   int64
}

// Verify checks the whole log against its signed head, every document against
// its entry, and every record row against its document, in one snapshot. It
// returns a *Mismatch that names the first thing that was changed, inserted or
// deleted.
func (l *Ledger) Verify(ctx context.Context, opt Options) (*Report, error) {
	mustBeOutside(ctx)
	if opt.Progress == nil {
		opt.Progress = func(string, int64, int64) {}
	}
	var report *Report
	err := l.db.Snapshot(ctx, func(q db.Querier) error {
		h, err := l.readHead(l.outside(ctx, q))
		if err != nil {
			return err
		}
		c := newChecking(l, q, opt, h)
		report = c.report
		if !opt.Tree {
			return c.all(ctx)
		}
		shallow := c.log(ctx)
		if _, altered := errors.AsType[*Mismatch](shallow); altered { // the leaf hashes tell which entry it is
			if err := newChecking(l, q, opt, h).entries(ctx); err != nil {
				return err
			}
		}
		return shallow
	})
	if err != nil {
		return nil, err
	}
	return report, nil
}

type checking struct {
	ledger   *Ledger
	q        db.Querier
	opt      Options
	head     head
	tree     format.Tree                 // as far as the entries were read
	now      int64                       // time of the last one
	seq      map[string]int64            // numbers of their kinds
	last     map[string]map[string]int64 // newest entry of each record, by kind
	nodes    map[[2]int64]format.Hash    // by level and n
	awaits   map[string]string           // records of which an entry lost content, until one says that it was erased
	redacted map[int64][]format.Field    // hashes of erased fields by entry, until it was checked
	files    map[blob.Ref]bool           // that were read
	report   *Report
}

func newChecking(l *Ledger, q db.Querier, opt Options, h head) *checking {
	return &checking{ledger: l, q: q, opt: opt, head: h, seq: map[string]int64{}, last: map[string]map[string]int64{},
		nodes: map[[2]int64]format.Hash{}, awaits: map[string]string{}, files: map[blob.Ref]bool{},
		report: &Report{Size: h.tree.Size, Root: h.tree.Root(), Records: map[string]int64{}}}
}

func (c *checking) all(ctx context.Context) error {
	if c.opt.Full {
		if err := c.readRedacted(ctx); err != nil {
			return err
		}
	}
	if err := c.entries(ctx); err != nil {
		return err
	}
	for _, kind := range slices.Sorted(maps.Keys(c.ledger.kinds)) {
		if err := c.rows(ctx, c.ledger.kinds[kind]); err != nil {
			return err
		}
	}
	for kind := range c.last {
		if c.ledger.kinds[kind] == nil {
			return &Mismatch{"record kind " + kind, "is not known to this version of the product"}
		}
	}
	return nil
}

// entries checks entries, payloads and head.
func (c *checking) entries(ctx context.Context) error {
	err := c.q.Each(ctx, func(scan db.Scan) error {
		var index int64
		var prev *int64
		var body, leaf, payload []byte
		if err := scan(&index, &body, &prev, &leaf, &payload); err != nil {
			return err
		}
		where := fmt.Sprintf("entry %d", index)
		switch {
		case c.tree.Size == c.head.tree.Size:
			return &Mismatch{where, "lies beyond the signed head"}
		case index < c.tree.Size:
			return &Mismatch{where, "lies before the first"}
		case index > c.tree.Size:
			return &Mismatch{fmt.Sprintf("entry %d", c.tree.Size), "is missing"}
		case prev == nil:
			return &Mismatch{where, "has no payload"}
		}
		hash := format.LeafHash(body)
		if !bytes.Equal(hash[:], leaf) {
			return &Mismatch{where, "does not match its recorded hash: one of the two was changed"}
		}
		e, err := c.entry(body, hash)
		if err != nil {
			return err
		}
		return c.payload(ctx, where+" ("+e.Act+")", &e, index, *prev, payload)
	}, `SELECT e.idx, e.body, p.prev, p.leaf, p.body FROM ledger_entry e LEFT JOIN ledger_payload p ON p.idx = e.idx ORDER BY e.idx`)
	if err == nil {
		err = c.compareHead(ctx)
	}
	if err == nil {
		err = c.unexplained(ctx)
	}
	return err
}

// entry takes the next entry into the tree.
func (c *checking) entry(body []byte, hash format.Hash) (format.Entry, error) {
	where := fmt.Sprintf("entry %d", c.tree.Size)
	e, err := format.ParseEntry(body)
	if err != nil {
		return e, &Mismatch{where, "was changed: " + err.Error()}
	}
	if c.seq[e.Kind()]++; e.Seq != c.seq[e.Kind()] || e.Time < c.now {
		return e, &Mismatch{where + " (" + e.Act + ")", "is out of sequence"}
	}
	c.now = e.Time
	for _, x := range completed(&c.tree, hash) {
		c.nodes[[2]int64{int64(x.level), x.n}] = x.hash
	}
	c.tree.Append(hash)
	if c.tree.Size%4096 == 0 {
		c.opt.Progress("entries", c.tree.Size, c.head.tree.Size)
	}
	return e, nil
}

// compareHead checks that the entries, all read, lead to the head.
func (c *checking) compareHead(ctx context.Context) error {
	switch {
	case c.tree.Size != c.head.tree.Size:
		return &Mismatch{fmt.Sprintf("entry %d", c.tree.Size), "is missing"}
	case c.tree.Root() != c.head.tree.Root():
		return &Mismatch{"the log", "does not lead to its signed root: an entry was changed, and what is recorded of it with it"}
	case c.now != c.head.row.time || !maps.Equal(c.seq, c.head.kinds):
		return &Mismatch{"ledger_head", "has a time or counters that are not those of the log"}
	}
	if err := c.checkNodes(ctx); err != nil {
		return err
	}
	c.opt.Progress("entries", c.tree.Size, c.tree.Size)
	return nil
}

// unexplained checks that every payload belongs to an entry and that nothing
// is gone but what was erased.
func (c *checking) unexplained(ctx context.Context) error {
	var stray int64
	if ok, err := c.q.One(ctx, `SELECT idx FROM ledger_payload p WHERE NOT EXISTS (SELECT 1 FROM ledger_entry e WHERE e.idx = p.idx) LIMIT 1`, nil, &stray); err != nil {
		return err
	} else if ok {
		return &Mismatch{fmt.Sprintf("payload %d", stray), "belongs to no entry"}
	}
	for _, where := range slices.Sorted(maps.Values(c.awaits)) {
		return &Mismatch{"payload of " + where, "is gone, and no later entry says that it was erased"}
	}
	for _, index := range slices.Sorted(maps.Keys(c.redacted)) {
		return &Mismatch{fmt.Sprintf("ledger_redacted, entry %d", index), "belongs to no entry"}
	}
	return nil
}

// concatenated are the entries of a range in one row, each after its length
// and 100,000: a row each costs several times the hashing.
var concatenated = map[db.Dialect]string{
	db.SQLite: `SELECT min(idx), count(*), group_concat((100000 + length(body)) || body, '') FROM
		(SELECT idx, body FROM ledger_entry WHERE idx >= $1 AND idx < $2 ORDER BY idx)`,
	db.Postgres: `SELECT min(idx), count(*), string_agg(convert_to((100000 + length(body))::text, 'UTF8') || body, ''::bytea ORDER BY idx)
		FROM ledger_entry WHERE idx >= $1 AND idx < $2`,
}

// log checks the entries and the head, and nothing else.
func (c *checking) log(ctx context.Context) error {
	for c.tree.Size <= c.head.tree.Size {
		var first, n *int64
		var text []byte
		before := c.tree.Size
		if _, err := c.q.One(ctx, concatenated[c.ledger.db.Dialect], []any{before, before + 1024}, &first, &n, &text); err != nil {
			return err
		}
		for len(text) > 6 {
			end := 6
			if size, err := strconv.Atoi(string(text[:6])); err == nil && size > 100000 {
				end = min(size-100000+6, len(text))
			}
			body := text[6:end]
			if c.tree.Size >= c.head.tree.Size {
				return &Mismatch{fmt.Sprintf("entry %d", c.tree.Size), "lies beyond the signed head"}
			}
			if _, err := c.entry(body, format.LeafHash(body)); err != nil {
				return err
			}
			text = text[end:]
		}
		if first == nil || *first != before || *n != c.tree.Size-before || c.tree.Size < min(before+1024, c.head.tree.Size) {
			break // one is missing
		}
	}
	var stray int64
	if ok, err := c.q.One(ctx, `SELECT idx FROM ledger_entry WHERE idx < 0 OR idx >= $1 ORDER BY idx LIMIT 1`, []any{c.head.tree.Size}, &stray); err != nil {
		return err
	} else if ok {
		return &Mismatch{fmt.Sprintf("entry %d", stray), "lies outside the signed head"}
	}
	return c.compareHead(ctx)
}

// payload checks one payload against its entry.
func (c *checking) payload(ctx context.Context, where string, e *format.Entry, index, prev int64, body []byte) error {
	if len(body) == 0 {
		c.awaits[e.Record] = where
	} else if sha256.Sum256(body) != e.Sealed {
		return &Mismatch{"payload of " + where, "was changed"}
	}
	records := c.last[e.Kind()]
	if records == nil {
		records = map[string]int64{}
		c.last[e.Kind()] = records
	}
	before, ok := records[e.Record]
	if !ok {
		before = -1
	}
	if prev != before {
		return &Mismatch{"payload of " + where, "points at the wrong earlier version"}
	}
	records[e.Record] = index
	if e.Verb() == format.Erased {
		delete(c.awaits, e.Record)
	}
	if !c.opt.Full {
		return nil
	}
	return c.document(ctx, where, e, index, body)
}

// document opens the document of a payload and checks it against what the
// entry commits to.
func (c *checking) document(ctx context.Context, where string, e *format.Entry, index int64, body []byte) error {
	o := document.Emptied(e)
	if len(body) > 0 {
		var err error
		if o, err = document.Open(ctx, c.ledger.keys, e.Kind(), e.Record, body); err != nil {
			return &Mismatch{"payload of " + where, "cannot be opened: " + err.Error()}
		}
	}
	if len(o.Gone) > 0 {
		c.awaits[e.Record] = where
	}
	erased := c.redacted[index]
	delete(c.redacted, index)
	fields, _, err := o.Fields(erased)
	if err != nil || format.Commit(fields) != e.Commitment {
		return &Mismatch{"document of " + where, "is not what was committed"}
	}
	for _, f := range erased {
		i := slices.IndexFunc(fields, func(x format.Field) bool { return x.Name == f.Name })
		if fields[i].Hash() != f.Leaf {
			return &Mismatch{"ledger_redacted of " + where + ", field " + f.Name, "is not the hash of the field"}
		}
	}
	k := c.ledger.kinds[e.Kind()]
	if k == nil {
		return nil // which is found later
	}
	_, refs, err := k.check(o.Plain, c.ledger.index)
	if err != nil {
		return &Mismatch{"document of " + where, err.Error()}
	}
	return c.attachments(ctx, e.Kind()+" "+e.Record, refs)
}

// attachments reads those that were not read before.
func (c *checking) attachments(ctx context.Context, where string, refs []blob.Ref) error {
	for _, ref := range refs {
		if c.files[ref] {
			continue
		}
		if err := c.blob(ctx, ref); err != nil {
			return &Mismatch{"attachment " + ref.Name + " of " + where, err.Error()}
		}
		c.files[ref] = true
		c.report.Blobs++
	}
	return nil
}

// readRedacted reads the hashes of erased fields, which a full check needs.
func (c *checking) readRedacted(ctx context.Context) error {
	c.redacted = map[int64][]format.Field{}
	return c.q.Each(ctx, func(scan db.Scan) error {
		f := format.Field{Redacted: true}
		var index int64
		var leaf []byte
		if err := scan(&index, &f.Name, &leaf); err != nil {
			return err
		}
		if len(leaf) != len(f.Leaf) {
			return &Mismatch{fmt.Sprintf("ledger_redacted, entry %d, field %s", index, f.Name), "has a damaged hash"}
		}
		f.Leaf = format.Hash(leaf)
		c.redacted[index] = append(c.redacted[index], f)
		return nil
	}, `SELECT idx, name, leaf FROM ledger_redacted ORDER BY idx, name`)
}

// rows checks the table of one kind against the newest documents.
func (c *checking) rows(ctx context.Context, k Records) error {
	names, expected := k.columnNames(), c.last[k.Kind()]
	seen := int64(0)
	query := "SELECT r.id, r.entry, p.body"
	for _, n := range names {
		query += ", r." + n
	}
	err := c.q.Each(ctx, func(scan db.Scan) error {
		var id string
		var entry int64
		var body []byte
		dest := []any{&id, &entry, &body}
		columns := make([]any, len(names))
		for i := range columns {
			dest = append(dest, &columns[i])
		}
		if err := scan(dest...); err != nil {
			return err
		}
		where := k.Kind() + " " + id
		last, ok := expected[id]
		if !ok {
			return &Mismatch{where, "has a row but no entry: it was inserted, or its id was changed"}
		}
		if last != entry {
			return &Mismatch{where + ", column entry", fmt.Sprintf("says %d; the newest entry is %d", entry, last)}
		}
		if seen++; seen%4096 == 0 {
			c.opt.Progress(k.Kind(), seen, int64(len(expected)))
		}
		return c.row(ctx, k, where, id, body, columns)
	}, query+" FROM "+k.Kind()+" r LEFT JOIN ledger_payload p ON p.idx = r.entry ORDER BY r.entry")
	if err != nil {
		return err
	}
	c.report.Records[k.Kind()] = seen
	if seen != int64(len(expected)) {
		return c.missing(ctx, k.Kind(), expected)
	}
	c.opt.Progress(k.Kind(), seen, seen)
	return nil
}

// missing names the first record whose row is gone.
func (c *checking) missing(ctx context.Context, kind string, expected map[string]int64) error {
	there := map[string]bool{}
	err := c.q.Each(ctx, func(scan db.Scan) error {
		var id string
		err := scan(&id)
		there[id] = true
		return err
	}, "SELECT id FROM "+kind)
	if err != nil {
		return err
	}
	for _, id := range slices.Sorted(maps.Keys(expected)) {
		if !there[id] {
			return &Mismatch{kind + " " + id, "has no row: it was deleted, or its id was changed"}
		}
	}
	return &Mismatch{"table " + kind, "has rows twice"}
}

// row checks one row against its document, and the blobs this refers to.
func (c *checking) row(ctx context.Context, k Records, where, id string, body []byte, columns []any) error {
	o, err := document.OpenWhole(ctx, c.ledger.keys, k.Kind(), id, body)
	if err != nil {
		return &Mismatch{where, "cannot be opened: " + err.Error()}
	}
	want, blobs, err := k.check(o.Plain, c.ledger.index)
	if err != nil {
		return &Mismatch{where, err.Error()}
	}
	for i, name := range k.columnNames() {
		if !equal(columns[i], want[i]) {
			return &Mismatch{where + ", column " + name, "does not agree with the sealed document"}
		}
	}
	return c.attachments(ctx, where, blobs)
}

func (c *checking) blob(ctx context.Context, ref blob.Ref) error {
	key, err := c.ledger.keys.Key(ctx, ref.Key)
	if err != nil {
		return err
	}
	r, err := c.ledger.blobs.Open(key, ref)
	if err != nil {
		return fmt.Errorf("is missing or was changed: %w", err)
	}
	defer r.Close()
	if _, err := io.Copy(io.Discard, r); err != nil {
		return fmt.Errorf("was changed: %w", err)
	}
	return nil
}

// equal compares a column as read with the value computed for it.
func equal(got, want any) bool {
	switch w := want.(type) {
	case int:
		return got == int64(w)
	case []byte:
		g, ok := got.([]byte)
		return ok && bytes.Equal(g, w)
	case string:
		if g, ok := got.([]byte); ok {
			return string(g) == w
		}
		return got == w
	}
	return got == want
}

// String lists the counts of a report.
func (r *Report) String() string {
	var s strings.Builder
	fmt.Fprintf(&s, "%d entries", r.Size)
	for _, k := range slices.Sorted(maps.Keys(r.Records)) {
		fmt.Fprintf(&s, ", %d %s", r.Records[k], k)
	}
	return s.String()
}
