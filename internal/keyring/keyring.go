// Package keyring keeps the keys of records apart from the records.
//
// Every unit of every record is encrypted under a key of its own. Destroying
// the key is what erasing a unit means, so keys must not lie in the same
// database, nor in the same backups, as the ciphertext: restoring old data
// beside the current keyring must not bring an erased record back. The keyring
// is its own SQLite file with secure_delete, mode 0600.
//
// Keys are minted ahead in durable blocks, so that no write waits for a second
// fsync; what a crash leaves unused of a block is never used.
package keyring

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"

	_ "modernc.org/sqlite" // driver "sqlite"
)

// KeySize is the length of a key in bytes.
const KeySize = 32

// blockSize is how many keys are made durable at a time.
const blockSize = 1024

// cacheSize bounds the keys held in memory: 64 Ki keys, about 6 MB.
const cacheSize = 1 << 16

// ErrDestroyed is returned for a key that is no longer there.
var ErrDestroyed = errors.New("keyring: key was destroyed")

// Key is the key of one unit of one record.
type Key struct {
	ID       int64 // where the keyring finds it again
	Material [KeySize]byte
}

// Derive returns a key for one purpose: HMAC-SHA256(key, purpose).
func (k *Key) Derive(purpose string) [KeySize]byte {
	var out [KeySize]byte
	m := hmac.New(sha256.New, k.Material[:])
	m.Write([]byte(purpose))
	m.Sum(out[:0])
	return out
}

// Keyring is an open keyring, safe for concurrent use.
type Keyring struct {
	db *sql.DB

	mint    sync.Mutex // serialises refill
	mu      sync.Mutex // guards what follows
	ready   []Key
	filling bool
	cache   map[int64]*Key
	wg      sync.WaitGroup
}

const schema = `
CREATE TABLE IF NOT EXISTS key (id INTEGER NOT NULL PRIMARY KEY, material BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS secret (name TEXT NOT NULL PRIMARY KEY, value BLOB NOT NULL) STRICT;`

// Open opens the keyring in directory dir, making it where there is none.
func Open(ctx context.Context, dir string) (*Keyring, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open keyring: %w", err)
	}
	path := filepath.Join(dir, "keyring.db")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open keyring: %w", err)
	}
	f.Close()
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+
		"?_pragma=busy_timeout(10000)&_pragma=journal_mode(wal)&_pragma=synchronous(full)&_pragma=secure_delete(1)&_txlock=immediate")
	if err != nil {
		return nil, fmt.Errorf("open keyring: %w", err)
	}
	db.SetMaxOpenConns(4)
	if _, err := db.ExecContext(ctx, schema); err != nil {
		db.Close()
		return nil, fmt.Errorf("open keyring: %w", err)
	}
	return &Keyring{db: db, cache: map[int64]*Key{}}, nil
}

// Close drops the keys minted but never used and closes the keyring.
func (r *Keyring) Close() error {
	r.wg.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	return errors.Join(r.drop(), r.db.Close())
}

func (r *Keyring) drop() error {
	tx, err := r.db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	for _, k := range r.ready { // one by one: between them may lie those of another process
		if _, err := tx.Exec(`DELETE FROM key WHERE id = ?`, k.ID); err != nil {
			return err
		}
	}
	r.ready = nil
	return tx.Commit()
}

// Mint returns a new key that is already durable.
func (r *Keyring) Mint() (Key, error) {
	for {
		r.mu.Lock()
		if len(r.ready) > 0 {
			k := r.ready[0]
			r.ready = r.ready[1:]
			r.remember(&k)
			if len(r.ready) < blockSize/2 && !r.filling {
				r.filling = true
				r.wg.Go(func() { r.refill(blockSize / 2) }) // an error shows when the keys run out
			}
			r.mu.Unlock()
			return k, nil
		}
		r.mu.Unlock()
		if err := r.refill(1); err != nil {
			return Key{}, err
		}
	}
}

// refill mints a block unless at least enough keys are ready.
func (r *Keyring) refill(enough int) error {
	r.mint.Lock()
	defer r.mint.Unlock()
	r.mu.Lock()
	have := len(r.ready)
	r.mu.Unlock()
	var block []Key
	var err error
	if have < enough {
		block, err = r.mintBlock()
	}
	r.mu.Lock()
	r.ready = append(r.ready, block...)
	r.filling = false
	r.mu.Unlock()
	return err
}

// mintBlock makes blockSize keys durable in one transaction.
func (r *Keyring) mintBlock() ([]Key, error) {
	block := make([]Key, blockSize)
	tx, err := r.db.Begin()
	if err != nil {
		return nil, fmt.Errorf("mint keys: %w", err)
	}
	defer tx.Rollback()
	var last int64
	// The high-water mark outlives deleted keys: an id is never given twice.
	err = tx.QueryRow(`INSERT INTO secret (name, value) VALUES ('last_key', CAST(? AS BLOB))
		ON CONFLICT (name) DO UPDATE SET value = CAST(CAST(value AS INTEGER) + ? AS BLOB)
		RETURNING CAST(value AS INTEGER)`, fmt.Sprint(blockSize), blockSize).Scan(&last)
	if err != nil {
		return nil, fmt.Errorf("mint keys: %w", err)
	}
	insert, err := tx.Prepare(`INSERT INTO key (id, material) VALUES (?, ?)`)
	if err != nil {
		return nil, fmt.Errorf("mint keys: %w", err)
	}
	defer insert.Close()
	for i := range block {
		block[i].ID = last - blockSize + 1 + int64(i)
		rand.Read(block[i].Material[:])
		if _, err := insert.Exec(block[i].ID, block[i].Material[:]); err != nil {
			return nil, fmt.Errorf("mint keys: %w", err)
		}
	}
	return block, tx.Commit()
}

// remember caches k; r.mu is held.
func (r *Keyring) remember(k *Key) {
	if len(r.cache) >= cacheSize {
		for id := range r.cache { // map order is random enough
			delete(r.cache, id)
			break
		}
	}
	r.cache[k.ID] = k
}

// Key returns the key with this id, ErrDestroyed where there is none.
func (r *Keyring) Key(ctx context.Context, id int64) (Key, error) {
	r.mu.Lock()
	k, ok := r.cache[id]
	r.mu.Unlock()
	if ok {
		return *k, nil
	}
	var material []byte
	err := r.db.QueryRowContext(ctx, `SELECT material FROM key WHERE id = ?`, id).Scan(&material)
	if errors.Is(err, sql.ErrNoRows) {
		return Key{}, ErrDestroyed
	}
	if err != nil {
		return Key{}, fmt.Errorf("read key: %w", err)
	}
	k = &Key{ID: id}
	copy(k.Material[:], material)
	r.mu.Lock()
	r.remember(k)
	r.mu.Unlock()
	return *k, nil
}

// Secret returns the named secret of the installation, 32 random bytes made at
// first use: the ledger's signing seed, the key of the blind indexes.
func (r *Keyring) Secret(ctx context.Context, name string) ([KeySize]byte, error) {
	var out [KeySize]byte
	var fresh [KeySize]byte
	rand.Read(fresh[:])
	if _, err := r.db.ExecContext(ctx, `INSERT INTO secret (name, value) VALUES (?, ?) ON CONFLICT DO NOTHING`, "secret."+name, fresh[:]); err != nil {
		return out, fmt.Errorf("secret %s: %w", name, err)
	}
	var value []byte
	if err := r.db.QueryRowContext(ctx, `SELECT value FROM secret WHERE name = ?`, "secret."+name).Scan(&value); err != nil {
		return out, fmt.Errorf("secret %s: %w", name, err)
	}
	copy(out[:], value)
	return out, nil
}
