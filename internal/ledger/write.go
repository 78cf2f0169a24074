package ledger

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"regexp"
	"sync"
	"sync/atomic"
	"time"

	"example.org/countersign/internal/db"
	"example.org/countersign/internal/document"
	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/keyring"
	"example.org/countersign/verify/format"
)

// Errors of Write that are not its function's own.
var (
	// ErrClosed: the ledger is closing; nothing was written.
	ErrClosed = errors.New("ledger: closed")
	// ErrTooSlow: the function took longer than its limit; nothing was written.
	ErrTooSlow = errors.New("ledger: function held its turn too long")
	// ErrUnknown: the connection broke around COMMIT and the database cannot be
	// asked. The change may be there; nothing was acknowledged.
	ErrUnknown = errors.New("ledger: unknown whether the change was committed")

	errUnfinished = errors.New("ledger: function did not return")
)

type insideKey struct{}

// mustBeOutside panics where a function that Write runs reads or writes past
// its Tx: it would wait for itself, or see a state that is not its own.
func mustBeOutside(ctx context.Context) {
	if ctx.Value(insideKey{}) != nil {
		panic("ledger: Read or Write inside the function of a Write; use its Tx")
	}
}

// request is one call of Write.
type request struct {
	ctx      context.Context
	actor    Actor
	purpose  purpose
	state    atomic.Int32 // waiting, then taken or withdrawn
	turn     chan *Tx     // the writer hands the Tx over
	finished chan error   // the caller hands it back
	done     chan error   // the outcome

	made    []*pending
	sealing sync.Once
	sealErr error
}

const (
	waiting int32 = iota
	taken
	withdrawn
)

// purpose is what a request is for, which decides about it while sealing has
// stopped.
type purpose int

const (
	seals   purpose = iota // refused
	attends                // goes on: it makes no entry
	resumes                // goes on: it has sealing go on
)

// Write runs f in a transaction of actor, together with the functions of other
// callers, each in a savepoint of its own, and returns once everything f did is
// committed, or the error for which nothing of it was.
//
// f runs once, on the caller's goroutine, while the writer waits: SQL and pure
// rules only, 50 µs of own work, eight statements; parsing, hashing and blobs
// come before. What it reads it may rely on, since turns are serial on both
// databases. Its context is not to be used for Read or Write.
func (l *Ledger) Write(ctx context.Context, actor Actor, f func(context.Context, *Tx) error) error {
	return l.write(ctx, actor, seals, f)
}

// Attend is Write for work tables alone: a Put or Erase fails. It goes on while
// sealing has stopped, since whoever is to end that has to be let in.
func (l *Ledger) Attend(ctx context.Context, actor Actor, f func(context.Context, *Tx) error) error {
	return l.write(ctx, actor, attends, f)
}

func (l *Ledger) write(ctx context.Context, actor Actor, why purpose, f func(context.Context, *Tx) error) error {
	mustBeOutside(ctx)
	if err := ctx.Err(); err != nil {
		return err
	}
	r := &request{ctx: ctx, actor: actor, purpose: why, turn: make(chan *Tx, 1), finished: make(chan error, 1),
		done: make(chan error, 1)}
	if err := l.enqueue(r); err != nil {
		return err
	}
	tx, err := r.await()
	if tx == nil {
		return err
	}
	r.run(tx, f)
	if err := <-r.done; err != nil {
		return err
	}
	for _, after := range tx.after {
		after()
	}
	return nil
}

// await waits for the turn. Where it does not come there is an error.
func (r *request) await() (*Tx, error) {
	select {
	case tx := <-r.turn:
		return tx, nil
	case err := <-r.done:
		return nil, err
	case <-r.ctx.Done():
		if r.state.CompareAndSwap(waiting, withdrawn) {
			return nil, r.ctx.Err()
		}
	}
	select { // taken at the same moment
	case tx := <-r.turn:
		return tx, nil
	case err := <-r.done:
		return nil, err
	}
}

// run calls f and hands the turn back however f ends, by return, panic or
// Goexit.
func (r *request) run(tx *Tx, f func(context.Context, *Tx) error) {
	err := errUnfinished
	defer func() {
		r.made = tx.made
		r.finished <- err
	}()
	err = f(context.WithValue(r.ctx, insideKey{}, true), tx)
	if err == nil {
		err = tx.failure()
	}
}

// seal seals the documents of a turn, once: it is called by a sealer, beside
// other turns, and by the writer, which needs them.
func (r *request) seal() error {
	r.sealing.Do(func() {
		for _, p := range r.made {
			if r.sealErr = p.seal(); r.sealErr != nil {
				return
			}
		}
	})
	return r.sealErr
}

func (l *Ledger) enqueue(r *request) error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return ErrClosed
	}
	l.queue = append(l.queue, r)
	l.mu.Unlock()
	l.poke()
	return nil
}

func (l *Ledger) poke() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// take removes up to n requests that still wait from the queue.
func (l *Ledger) take(n int) []*request {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []*request
	for len(l.queue) > 0 && len(out) < n {
		r := l.queue[0]
		l.queue[0] = nil
		l.queue = l.queue[1:]
		if r.state.CompareAndSwap(waiting, taken) {
			out = append(out, r)
		}
	}
	if len(l.queue) == 0 {
		l.queue = nil
	}
	return out
}

// pending is an entry on its way: made in its function's turn, sealed while
// others have theirs, written at the end of the batch.
type pending struct {
	entry    format.Entry
	index    int64
	prev     int64
	keys     []document.UnitKey
	document *document.Document

	body []byte // sealed payload
	leaf []byte // bytes of the entry
	hash format.Hash
}

// seal seals the document and hashes the entry. It needs nothing of the
// transaction, so that it runs beside it.
func (p *pending) seal() (err error) {
	if p.body, err = p.document.Seal(&p.entry, p.keys); err != nil {
		return err
	}
	p.leaf = p.entry.Append(make([]byte, 0, 256))
	p.hash = format.LeafHash(p.leaf)
	return nil
}

func newNonce() (n [format.NonceSize]byte) {
	rand.Read(n[:]) // never fails (crypto/rand)
	return n
}

// Tx is the transaction of one Write. It is a Source and a db.Querier. The
// first error of any statement ends it: it refuses everything after.
type Tx struct {
	Actor Actor
	Now   time.Time // instant of every entry of this Tx

	ledger  *Ledger
	batch   *batch
	purpose purpose
	ctx     context.Context

	scanning atomic.Bool // a row function runs

	mu    sync.Mutex // held while a statement runs, so that it cannot be revoked within
	err   error
	made  []*pending
	after []func()
}

// After has f called on the caller's goroutine once the transaction is
// committed.
func (t *Tx) After(f func()) { t.after = append(t.after, f) }

func (t *Tx) failure() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.err
}

// fail ends the Tx with err.
func (t *Tx) fail(err error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err == nil {
		t.err = err
	}
	return t.err
}

// do runs one statement, or touches the batch, unless the Tx has ended or its
// caller is gone.
func (t *Tx) do(statement func() error) error {
	if t.scanning.Load() {
		panic("ledger: a row function uses the Tx that calls it")
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err == nil {
		t.err = t.ctx.Err()
	}
	if t.err == nil {
		t.err = statement()
	}
	return t.err
}

func (t *Tx) exec(query string, args ...any) (n int64, err error) {
	err = t.do(func() error {
		var err error
		n, err = t.batch.conn.Exec(query, args...)
		return err
	})
	return n, err
}

// later runs a statement before the next one, or at the end of the turn.
func (t *Tx) later(s db.Statement) error {
	return t.do(func() error { t.batch.conn.Later(s); return nil })
}

// Each implements db.Querier. row must not use the Tx.
func (t *Tx) Each(_ context.Context, row func(db.Scan) error, query string, args ...any) error {
	return t.do(func() error {
		t.scanning.Store(true)
		defer t.scanning.Store(false)
		return t.batch.conn.Each(row, query, args...)
	})
}

// One implements db.Querier.
func (t *Tx) One(_ context.Context, query string, args []any, dest ...any) (found bool, err error) {
	err = t.do(func() error {
		var err error
		found, err = t.batch.conn.One(query, args, dest...)
		return err
	})
	return found, err
}

var written = regexp.MustCompile(`^\s*(?:INSERT\s+INTO|UPDATE|DELETE\s+FROM)\s+(\w+)\b[^;]*$`)

// Work changes a work table: a queue, a session. It refuses any other table:
// records change through Put, so that no change is without entry.
func (t *Tx) Work(query string, args ...any) (int64, error) {
	m := written.FindStringSubmatch(query)
	if m == nil || db.Tables[m[1]] != db.Work {
		return 0, t.fail(fmt.Errorf("ledger: not a change of a work table: %.80s", query))
	}
	return t.exec(query, args...)
}

// Queue is Work for a statement of which nothing has to be known: it may run at
// the end of the turn, with others.
func (t *Tx) Queue(query string, args ...any) error {
	m := written.FindStringSubmatch(query)
	if m == nil || db.Tables[m[1]] != db.Work {
		return t.fail(fmt.Errorf("ledger: not a change of a work table: %.80s", query))
	}
	return t.later(db.Statement{Query: query, Args: args, Rows: db.Any})
}

func (t *Tx) keyring() *keyring.Keyring { return t.ledger.keys }

func (t *Tx) pending(entry int64) *pending {
	var p *pending
	t.do(func() error {
		if i := entry - t.batch.head.tree.Size; i >= 0 && i < int64(len(t.batch.kept)) {
			p = t.batch.kept[i]
		}
		return nil
	})
	return p
}

// prepare makes the entry of a Put, all but its number and hashes.
func (t *Tx) prepare(kind string, pl *document.Plan, doc any, r *Record, act Act) (*pending, error) {
	p := &pending{prev: -1}
	if r.stored {
		p.prev = r.Entry
	}
	p.entry = format.Entry{Act: kind + "." + act.Verb, Record: r.ID, Seq: 1, Time: t.Now.UnixMicro(),
		Role: t.Actor.Role, Actor: t.Actor.ID, Controls: act.Controls, Nonce: newNonce()}
	err := t.do(func() error {
		if t.purpose == attends {
			return fmt.Errorf("ledger: an Attend makes no record, and this is one: %s", kind)
		}
		if t.ledger.kinds[kind] == nil {
			return fmt.Errorf("ledger: record kind %q was not given to Open", kind)
		}
		p.index = t.batch.head.tree.Size + int64(len(t.batch.kept))
		return p.entry.Check()
	})
	if err != nil {
		return nil, err
	}
	if p.document, err = pl.Encode(doc); err != nil {
		return nil, t.fail(err)
	}
	var have []document.UnitKey
	if r.keys != nil {
		have = *r.keys
	}
	if p.keys, err = p.document.MintKeys(have, t.ledger.keys); err != nil {
		return nil, t.fail(err)
	}
	return p, nil
}

// append adds a prepared entry to the batch and numbers it.
func (t *Tx) append(p *pending) error {
	return t.do(func() error {
		kinds, kind := t.batch.next.kinds, p.entry.Kind()
		kinds[kind]++
		p.entry.Seq = kinds[kind]
		t.batch.kept = append(t.batch.kept, p)
		t.made = append(t.made, p)
		return nil
	})
}

// unavailable is what callers are told when the database cannot be used.
func unavailable(err error) error {
	return &fault.Error{Kind: fault.Unavailable, Msg: "the record cannot be written at the moment; nothing was saved, try again", Err: err}
}
