// Package ledger is the record: what was done, by whom, under which control,
// and what every record said at every moment, sealed so that nobody can change
// it unnoticed.
//
// A record is a sealed document and an index row. The document, the JSON of
// one Go struct, lives once, encrypted under keys of its own, in the payload of
// the entry that made it so. The row, in the table named like the record kind,
// holds what queries need and points at that entry; it is computed from the
// document, so that a row changed behind our back no longer agrees with it.
//
// Write is the only way to change the database, and Put, inside it, the only
// way to change a record: row, document and entry commit together or not at
// all. Entries are the leaves of an RFC 6962 tree whose head is signed as a
// C2SP checkpoint (docs/FORMAT.md).
package ledger

import (
	"context"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"hash"
	"maps"
	"math/bits"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/mod/sumdb/note"

	"example.org/countersign/internal/blob"
	"example.org/countersign/internal/clock"
	"example.org/countersign/internal/db"
	"example.org/countersign/internal/id"
	"example.org/countersign/internal/keyring"
	"example.org/countersign/verify/format"
)

// Actor is who acts: a person, a token, or the product itself.
type Actor struct {
	ID   string // random id of the person or token
	Role string // role under which the act is done
}

// System is the actor of background work.
var System = Actor{ID: "system", Role: "system"}

// Ledger reads and writes one database. It is safe for concurrent use.
type Ledger struct {
	db       *db.DB
	keys     *keyring.Keyring
	blobs    *blob.Store
	clock    clock.Clock
	kinds    map[string]Records
	index    Index
	identity atomic.Pointer[identity]
	seed     [keyring.KeySize]byte // of the signing key
	headKey  [keyring.KeySize]byte // of the MAC that says that we wrote a head
	known    atomic.Pointer[head]  // the head that this process wrote last

	mu      sync.Mutex
	queue   []*request
	wake    chan struct{} // holds one token while the queue may not be empty
	made    chan *request // whose documents wait to be sealed
	closed  bool
	done    chan struct{}
	most    int           // functions in one transaction
	limit   time.Duration // of one function's turn
	timer   *time.Timer   // of the turn under way
	settle  time.Duration // how long to look for a commit of unknown fate
	commit  func(*db.Conn) error
	rootCtx context.Context
	stop    context.CancelFunc
}

// Open opens the ledger of a migrated database. kinds are all the record kinds
// there are; the signing key is the keyring's. The caller hands d's writing
// side to nobody else.
func Open(ctx context.Context, d *db.DB, keys *keyring.Keyring, blobs *blob.Store, c clock.Clock, kinds ...Records) (*Ledger, error) {
	l := &Ledger{db: d, keys: keys, blobs: blobs, clock: c, kinds: map[string]Records{},
		wake: make(chan struct{}, 1), made: make(chan *request, maxBatch), done: make(chan struct{}),
		most: maxBatch, limit: 5 * time.Second, timer: time.NewTimer(time.Hour), settle: 15 * time.Second,
		commit: func(c *db.Conn) error {
			_, err := c.Exec("COMMIT")
			return err
		}}
	for _, k := range kinds {
		if l.kinds[k.Kind()] != nil {
			return nil, fmt.Errorf("ledger: two record kinds are called %q", k.Kind())
		}
		l.kinds[k.Kind()] = k
	}
	secret, err := keys.Secret(ctx, "blind-index")
	if err != nil {
		return nil, err
	}
	l.index = newIndex(secret)
	if l.headKey, err = keys.Secret(ctx, "ledger-head"); err != nil {
		return nil, err
	}
	if l.seed, err = keys.Secret(ctx, "ledger-signing-seed"); err != nil {
		return nil, err
	}
	if err := l.found(ctx); err != nil {
		return nil, err
	}
	l.rootCtx, l.stop = context.WithCancel(context.Background())
	for range sealers {
		go l.sealMade()
	}
	go l.run()
	return l, nil
}

// found writes the head of an empty log where there is none, under a new
// random name, and reads and checks the head that is there.
func (l *Ledger) found(ctx context.Context) error {
	c, err := l.db.Writer(ctx)
	if err != nil {
		return fmt.Errorf("open ledger: %w", err)
	}
	defer c.Release()
	if there, err := c.One(`SELECT 1 FROM ledger_head`, nil, new(int64)); err != nil {
		return fmt.Errorf("open ledger: %w", err)
	} else if !there {
		empty := (&format.Tree{}).Root()
		r := headRow{root: string(empty[:]), origin: newOrigin()}
		if _, err := c.Exec(`INSERT INTO ledger_head (id, size, time, root, edge, kinds, origin, halted, mac)
			VALUES (1, 0, 0, $1, $2, '', $3, '', $4) ON CONFLICT DO NOTHING`, empty[:], []byte{}, r.origin, l.mac(&r)); err != nil {
			return fmt.Errorf("open ledger: %w", err)
		}
	}
	_, err = l.readHead(func(query string, dest ...any) (bool, error) { return c.One(query, nil, dest...) })
	return err
}

func newOrigin() string { return "countersign/" + id.New() }

// identity is the name of the log and what signs under it.
type identity struct {
	origin string
	key    format.Key
	signer note.Signer
}

// identify returns the identity under an origin, which changes with Resume, on
// whatever node that is called.
func (l *Ledger) identify(origin string) (*identity, error) {
	if x := l.identity.Load(); x != nil && x.origin == origin {
		return x, nil
	}
	private := ed25519.NewKeyFromSeed(l.seed[:])
	key, err := format.NewKey(origin, private.Public().(ed25519.PublicKey))
	if err != nil {
		return nil, fmt.Errorf("ledger signing key: %w", err)
	}
	id, _, _ := strings.Cut(strings.TrimPrefix(key.String(), origin+"+"), "+")
	secret := append([]byte{1}, l.seed[:]...) // 1: Ed25519, C2SP signed-note
	signer, err := note.NewSigner(fmt.Sprintf("PRIVATE+KEY+%s+%s+%s", origin, id, base64.StdEncoding.EncodeToString(secret)))
	if err != nil {
		return nil, fmt.Errorf("ledger signing key: %w", err)
	}
	x := &identity{origin, key, signer}
	l.identity.Store(x)
	return x, nil
}

// Close waits for writes under way and refuses later ones. It leaves the
// database open.
func (l *Ledger) Close() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.poke()
	<-l.done
	l.stop()
}

// VerifierKey returns the public key of the log, in the form of C2SP
// signed-note: what an outsider needs to know beforehand.
func (l *Ledger) VerifierKey() string { return l.identity.Load().key.String() }

// Origin returns the name of the log in its checkpoints.
func (l *Ledger) Origin() string { return l.identity.Load().origin }

// Now returns the product's time.
func (l *Ledger) Now() time.Time { return l.clock.Now() }

// Blobs returns the store of attachments.
func (l *Ledger) Blobs() *blob.Store { return l.blobs }

// Index returns the blind index of this installation.
func (l *Ledger) Index() Index { return l.index }

// Each implements db.Querier, outside any transaction.
func (l *Ledger) Each(ctx context.Context, row func(db.Scan) error, query string, args ...any) error {
	mustBeOutside(ctx)
	return l.db.Each(ctx, row, query, args...)
}

// One implements db.Querier, outside any transaction.
func (l *Ledger) One(ctx context.Context, query string, args []any, dest ...any) (bool, error) {
	mustBeOutside(ctx)
	return l.db.One(ctx, query, args, dest...)
}

func (l *Ledger) pending(int64) *pending    { return nil }
func (l *Ledger) keyring() *keyring.Keyring { return l.keys }

// Source is where records are loaded from: the Ledger, outside a transaction,
// or the Tx inside one.
type Source interface {
	db.Querier
	pending(entry int64) *pending
	keyring() *keyring.Keyring
}

// Index turns what must be found again but not be readable, such as an address
// or a Message-ID, into a value for an index column.
type Index struct{ macs *sync.Pool } // HMAC-SHA256 under the secret, hash.Hash

func newIndex(secret [keyring.KeySize]byte) Index {
	return Index{&sync.Pool{New: func() any { return hmac.New(sha256.New, secret[:]) }}}
}

// Blind returns HMAC-SHA256(secret, label || 0 || value), 16 bytes in
// base64url: equal values of one label are equal, and nothing else is known.
func (x Index) Blind(label, value string) string {
	if value == "" {
		return ""
	}
	m := x.macs.Get().(hash.Hash)
	defer x.macs.Put(m)
	m.Reset()
	buf := make([]byte, 0, 128)
	m.Write(append(append(append(buf, label...), 0), value...))
	return base64.RawURLEncoding.EncodeToString(m.Sum(buf)[:16])
}

// head is the row that says how far the log has come.
type head struct {
	row   headRow
	tree  format.Tree
	kinds map[string]int64 // sequence numbers
}

// headRow is the row as it is stored.
type headRow struct {
	size, time                             int64
	root, edge, kinds, origin, halted, mac string
}

// readHead reads the head and checks it: that the tree's edge gives the root,
// and that this ledger wrote it, lest a head written by somebody else be
// continued and thereby vouched for. What this process wrote last it knows by
// heart.
func (l *Ledger) readHead(one func(query string, dest ...any) (bool, error)) (head, error) {
	var r headRow
	var root, edge, mac []byte
	ok, err := one(`SELECT size, time, root, edge, kinds, origin, halted, mac FROM ledger_head WHERE id = 1`,
		&r.size, &r.time, &root, &edge, &r.kinds, &r.origin, &r.halted, &mac)
	if err != nil {
		return head{}, fmt.Errorf("ledger: cannot read the head: %w", err)
	}
	if !ok {
		return head{}, &Mismatch{Where: "ledger_head", What: "is missing"}
	}
	r.root, r.edge, r.mac = string(root), string(edge), string(mac)
	h := head{row: r}
	if known := l.known.Load(); known != nil && known.row == r {
		h.tree, h.kinds = known.tree.Clone(), maps.Clone(known.kinds)
	} else if err := h.parse(); err != nil {
		return h, err
	} else if !hmac.Equal(l.mac(&h.row), mac) {
		return h, &Mismatch{Where: "ledger_head", What: "was not written by this ledger; is this the keyring that belongs to this database?"}
	}
	_, err = l.identify(r.origin)
	return h, err
}

func (h *head) parse() error {
	h.tree.Size = h.row.size
	if len(h.row.edge) != 32*bits.OnesCount64(uint64(h.row.size)) {
		return &Mismatch{Where: "ledger_head", What: "has an edge that is not that of its size"}
	}
	for i := 0; i+32 <= len(h.row.edge); i += 32 {
		h.tree.Edge = append(h.tree.Edge, format.Hash([]byte(h.row.edge[i:i+32])))
	}
	if got := h.tree.Root(); string(got[:]) != h.row.root {
		return &Mismatch{Where: "ledger_head", What: "has a root that is not that of its edge"}
	}
	words := strings.Fields(h.row.kinds)
	h.kinds = make(map[string]int64, len(words)/2)
	for i := 0; i+1 < len(words); i += 2 {
		n, err := strconv.ParseInt(words[i+1], 10, 64)
		if err != nil {
			return &Mismatch{Where: "ledger_head", What: "has damaged counters"}
		}
		h.kinds[words[i]] = n
	}
	return nil
}
