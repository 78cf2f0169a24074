package ledger

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.org/countersign/internal/db"
)

// maxBatch is how many functions at most share one transaction.
const maxBatch = 2048

// connectTimeout is how long a new connection may take.
const connectTimeout = 10 * time.Second

// batch is one transaction of the writer.
type batch struct {
	ledger    *Ledger
	conn      *db.Conn
	head      head
	now       int64 // time of the last turn, Unix microseconds
	kept      []*pending
	nodes     []node
	origin    string // of the new head
	halted    string
	turned    bool // one of the two is another
	members   []*request
	savepoint bool // one is open
	next      head // as this batch leaves it
}

// run is the writer: the one goroutine that writes to the database.
func (l *Ledger) run() {
	defer close(l.done)
	var conn *db.Conn
	for range l.wake {
		for {
			l.mu.Lock()
			idle, closed := len(l.queue) == 0, l.closed
			l.mu.Unlock()
			if idle && closed {
				if conn != nil {
					conn.Release()
				}
				return
			}
			if idle {
				break
			}
			conn = l.writeBatch(conn)
		}
	}
}

// sealers is how many goroutines seal documents while others have their turns.
// The callers' own could, but there may be thousands, and the stack of each
// would have to grow for it.
var sealers = runtime.GOMAXPROCS(0)

// sealMade seals what turns have made until the writer ends.
func (l *Ledger) sealMade() {
	for {
		select {
		case r := <-l.made:
			r.seal()
		case <-l.done:
			return
		}
	}
}

// writeBatch runs and commits what is queued. It returns the connection, nil
// where it is not to be used again.
func (l *Ledger) writeBatch(conn *db.Conn) *db.Conn {
	b, err := l.begin(conn)
	if err != nil {
		for _, r := range l.take(l.most) {
			r.done <- unavailable(err)
		}
		return nil
	}
	// The batch is filled only now that the head is locked: on PostgreSQL
	// another node may have held it until this moment.
	for {
		requests := l.take(l.most - len(b.members))
		if len(requests) == 0 {
			break
		}
		alone := len(requests) == 1 && len(b.members) == 0
		for i, r := range requests {
			if err := b.turn(r, alone); err != nil {
				b.abandon(err, requests[i:])
				return nil
			}
		}
		if alone && len(b.members) == 0 { // failed, and had no savepoint
			break
		}
	}
	return b.finish()
}

// begin opens the transaction and locks the head.
func (l *Ledger) begin(conn *db.Conn) (*batch, error) {
	if conn != nil {
		if b, err := l.beginOn(conn); err == nil {
			return b, nil
		}
		conn.Discard() // may have gone stale while idle: one fresh attempt
	}
	ctx, cancel := context.WithTimeout(l.rootCtx, connectTimeout)
	defer cancel()
	conn, err := l.db.Writer(ctx)
	if err != nil {
		return nil, err
	}
	b, err := l.beginOn(conn)
	if err != nil {
		conn.Discard()
		return nil, err
	}
	return b, nil
}

func (l *Ledger) beginOn(conn *db.Conn) (*batch, error) {
	lock := ""
	if l.db.Dialect == db.Postgres {
		lock = " FOR UPDATE"
	}
	h, err := l.readHead(func(query string, dest ...any) (bool, error) { return conn.Begin(query+lock, dest...) })
	if err != nil {
		return nil, err
	}
	return &batch{ledger: l, conn: conn, head: h, next: head{tree: h.tree.Clone(), kinds: maps.Clone(h.kinds)},
		now: h.row.time, origin: h.row.origin, halted: h.row.halted}, nil
}

// turn lets one function run. Its error is that of the whole batch; an error
// of the function alone goes to its caller.
func (b *batch) turn(r *request, alone bool) error {
	if err := r.ctx.Err(); err != nil {
		r.done <- err
		return nil
	}
	if b.halted != "" && r.purpose == seals {
		r.done <- &Halted{b.halted}
		return nil
	}
	if !alone && !b.savepoint {
		if _, err := b.conn.Exec("SAVEPOINT w"); err != nil {
			r.done <- unavailable(err)
			return err
		}
		b.savepoint = true
	}
	b.now = max(b.now, b.ledger.clock.Now().UnixMicro())
	tx := &Tx{Actor: r.actor, Now: time.UnixMicro(b.now).UTC(), ledger: b.ledger, batch: b, purpose: r.purpose, ctx: r.ctx}
	mark := len(b.kept)
	r.turn <- tx
	err := b.ledger.await(r, tx)
	if err == nil {
		err = b.conn.Turn(b.savepoint)
		if _, ok := errors.AsType[*db.Miscount](err); ok { // the savepoint may be another by now
			r.done <- unavailable(err)
			return err
		}
	}
	if err == nil {
		b.members = append(b.members, r)
		select {
		case b.ledger.made <- r:
		default: // the sealers are behind
		}
		return nil
	}
	for _, p := range b.kept[mark:] { // give their numbers back
		b.next.kinds[p.entry.Kind()]--
	}
	clear(b.kept[mark:])
	b.kept = b.kept[:mark]
	b.conn.Forget()
	var rollback error
	if !alone { // else finish takes the whole transaction back
		// Fails where the database took it all back itself: disk full, or worse.
		rollback = b.conn.Script("ROLLBACK TO SAVEPOINT w")
	}
	r.done <- err
	return rollback
}

// await waits for the function to hand its turn back, and takes it back where
// that lasts too long.
func (l *Ledger) await(r *request, tx *Tx) error {
	l.timer.Reset(l.limit)
	defer l.timer.Stop()
	select {
	case err := <-r.finished:
		return err
	case <-l.timer.C:
		tx.fail(ErrTooSlow)
		return ErrTooSlow
	}
}

// abandon gives the whole batch up.
func (b *batch) abandon(cause error, rest []*request) {
	b.conn.Discard()
	for _, r := range b.members {
		r.done <- unavailable(cause)
	}
	for _, r := range rest {
		select {
		case r.done <- unavailable(cause):
		default: // has its own outcome already
		}
	}
}

// finish appends the entries, commits and acknowledges.
func (b *batch) finish() *db.Conn {
	if len(b.members) == 0 {
		if err := b.conn.Script("ROLLBACK"); err != nil {
			b.conn.Discard()
			return nil
		}
		return b.conn
	}
	if err := b.append(); err != nil {
		b.abandon(err, nil)
		return nil
	}
	if err := b.ledger.commit(b.conn); err != nil {
		b.conn.Discard()
		b.settle(err)
		return nil
	}
	if b.next.row.mac != "" {
		known := b.next // not a pointer into the batch, which it would keep alive
		b.ledger.known.Store(&known)
	}
	b.acknowledge(nil)
	return b.conn
}

func (b *batch) acknowledge(err error) {
	for _, r := range b.members {
		r.done <- err
	}
}

// append writes the entries, their payloads and the new head.
func (b *batch) append() error {
	for _, r := range slices.Backward(b.members) { // the sealers began at the front
		if err := r.seal(); err != nil {
			return err
		}
	}
	if len(b.kept) == 0 && !b.turned {
		return nil
	}
	for _, p := range b.kept {
		b.nodes = append(b.nodes, completed(&b.next.tree, p.hash)...)
		b.next.tree.Append(p.hash)
	}
	var series []db.Statement
	if b.ledger.db.Dialect == db.Postgres && len(b.kept) >= manyRows {
		if err := b.copy(); err != nil {
			return err
		}
	} else {
		series = b.insert()
	}
	for _, x := range b.nodes {
		series = append(series, db.Statement{Query: `INSERT INTO ledger_node (level, n, hash) VALUES ($1, $2, $3)`,
			Args: []any{x.level, x.n, x.hash[:]}, Rows: 1})
	}
	return b.conn.Series(append(series, b.moveHead())...)
}

// moveHead makes the new tree the head.
func (b *batch) moveHead() db.Statement {
	tree := &b.next.tree
	root := tree.Root()
	edge := make([]byte, 0, 32*len(tree.Edge))
	for _, h := range tree.Edge {
		edge = append(edge, h[:]...)
	}
	r := headRow{size: tree.Size, time: b.head.row.time, root: string(root[:]), edge: string(edge),
		kinds: joinKinds(b.next.kinds), origin: b.origin, halted: b.halted}
	if n := len(b.kept); n > 0 {
		r.time = b.kept[n-1].entry.Time
	}
	mac := b.ledger.mac(&r)
	r.mac = string(mac)
	b.next.row = r
	return db.Statement{Query: `UPDATE ledger_head SET size = $1, time = $2, root = $3, edge = $4, kinds = $5, origin = $6, halted = $7, mac = $8
		WHERE id = 1 AND size = $9`,
		Args: []any{r.size, r.time, root[:], edge, r.kinds, r.origin, r.halted, mac, b.head.row.size}, Rows: 1}
}

func joinKinds(kinds map[string]int64) string {
	var s strings.Builder
	for _, k := range slices.Sorted(maps.Keys(kinds)) {
		if s.Len() > 0 {
			s.WriteByte(' ')
		}
		s.WriteString(k + " " + strconv.FormatInt(kinds[k], 10))
	}
	return s.String()
}

// chunks are the numbers of rows that one INSERT carries: few distinct
// statements, so that they stay prepared.
var chunks = []int{256, 64, 16, 4, 1}

// manyRows is from how many rows on COPY is worth two round trips.
const manyRows = 48

const entryColumns, payloadColumns = "idx, body", "idx, prev, leaf, body"

// entryRow and payloadRow append the values of one row.
func entryRow(to []any, p *pending) []any   { return append(to, p.index, p.leaf) }
func payloadRow(to []any, p *pending) []any { return append(to, p.index, p.prev, p.hash[:], p.body) }

// copy writes entries and payloads with COPY.
func (b *batch) copy() error {
	rows := func(row func([]any, *pending) []any) iter.Seq[[]any] {
		return func(yield func([]any) bool) {
			var values []any
			for _, p := range b.kept {
				if values = row(values[:0], p); !yield(values) {
					return
				}
			}
		}
	}
	if err := b.conn.Copy("ledger_entry", entryColumns, rows(entryRow)); err != nil {
		return err
	}
	return b.conn.Copy("ledger_payload", payloadColumns, rows(payloadRow))
}

// insert returns what writes entries and payloads, many rows a statement.
func (b *batch) insert() (series []db.Statement) {
	for rest := b.kept; len(rest) > 0; {
		n := chunks[slices.IndexFunc(chunks, func(n int) bool { return n <= len(rest) })]
		entries, payloads := make([]any, 0, 2*n), make([]any, 0, 4*n)
		for _, p := range rest[:n] {
			entries, payloads = entryRow(entries, p), payloadRow(payloads, p)
		}
		series = append(series, db.Statement{Query: insertEntries[n], Args: entries, Rows: int64(n)},
			db.Statement{Query: insertPayloads[n], Args: payloads, Rows: int64(n)})
		rest = rest[n:]
	}
	return series
}

var (
	insertEntries  = insertRows("ledger_entry ("+entryColumns+")", 2)
	insertPayloads = insertRows("ledger_payload ("+payloadColumns+")", 4)
)

func insertRows(into string, columns int) map[int]string {
	out := map[int]string{}
	for _, n := range chunks {
		var s strings.Builder
		s.WriteString("INSERT INTO " + into + " VALUES ")
		for i := range n * columns {
			switch {
			case i == 0:
				s.WriteByte('(')
			case i%columns == 0:
				s.WriteString("), (")
			default:
				s.WriteString(", ")
			}
			s.WriteString("$" + strconv.Itoa(i+1))
		}
		out[n] = s.String() + ")"
	}
	return out
}

// settle finds out what became of a COMMIT that failed. It waits on the head's
// lock, which the old transaction holds for as long as it lives, and then looks
// for the batch's last entry.
func (b *batch) settle(cause error) {
	l := b.ledger
	outcome := fmt.Errorf("%w: %w", ErrUnknown, cause)
	timeout := time.After(l.settle)
	for len(b.kept) > 0 {
		committed, err := b.landed()
		if err == nil {
			if outcome = nil; !committed {
				outcome = unavailable(cause)
			}
			break
		}
		select {
		case <-timeout:
			b.acknowledge(outcome)
			return
		case <-time.After(100 * time.Millisecond):
		}
	}
	b.acknowledge(outcome)
}

// landed reports whether the batch is in the database.
func (b *batch) landed() (bool, error) {
	ctx, cancel := context.WithTimeout(b.ledger.rootCtx, connectTimeout)
	defer cancel()
	conn, err := b.ledger.db.Writer(ctx)
	if err != nil {
		return false, err
	}
	defer conn.Discard()
	if _, err := b.ledger.beginOn(conn); err != nil {
		return false, err
	}
	last := b.kept[len(b.kept)-1]
	var body []byte
	ok, err := conn.One(`SELECT body FROM ledger_entry WHERE idx = $1`, []any{last.index}, &body)
	return ok && string(body) == string(last.leaf), err
}
