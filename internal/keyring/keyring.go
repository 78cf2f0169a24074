// Package keyring keeps the keys of records apart from the records.
//
// Every unit of every record is encrypted under a key of its own. Destroying
// the key is what erasing a unit means, so keys must not lie in the same
// database, nor in the same backups, as the ciphertext: restoring old data
// beside the current keyring must not bring an erased record back. The keyring
// is its own SQLite file with secure_delete, mode 0600, or, for several nodes,
// a PostgreSQL database of its own, best on a server of its own.
//
// Keys are minted ahead in durable blocks, so that no write waits for a second
// fsync; what a stop leaves unused of a block is never used.
package keyring

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"

	_ "github.com/jackc/pgx/v5/stdlib" // driver "pgx"
	_ "modernc.org/sqlite"             // driver "sqlite"
)

// KeySize is the length of a key in bytes.
const KeySize = 32

// blockSize is how many keys are made durable at a time, in one row. Key n lies
// in block n/blockSize.
const blockSize = 1024

// cacheSize bounds the blocks held in memory, 32 KiB each.
const cacheSize = 256

type block [blockSize * KeySize]byte

// at returns key id, which lies in this block. A destroyed key is all zeros.
func (b *block) at(id int64) (k Key, ok bool) {
	k.ID = id
	copy(k.Material[:], b[id%blockSize*KeySize:])
	return k, k.Material != [KeySize]byte{}
}

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

// Unit returns the two keys of a unit: the one that encrypts its fields, and
// the one from which their salts come. They are the halves of
// HMAC-SHA512(key, "countersign/unit").
func (k *Key) Unit() (encrypt, salt [KeySize]byte) {
	const label = "countersign/unit"
	// RFC 2104 by hand: crypto/hmac allocates two states for each of the many
	// keys that serve once.
	var inner [sha512.BlockSize + len(label)]byte
	var outer [sha512.BlockSize + sha512.Size]byte
	for i := range sha512.BlockSize {
		var b byte
		if i < KeySize {
			b = k.Material[i]
		}
		inner[i], outer[i] = b^0x36, b^0x5c
	}
	copy(inner[sha512.BlockSize:], label)
	sum := sha512.Sum512(inner[:])
	copy(outer[sha512.BlockSize:], sum[:])
	out := sha512.Sum512(outer[:])
	return [KeySize]byte(out[:KeySize]), [KeySize]byte(out[KeySize:])
}

// Keyring is an open keyring, safe for concurrent use.
type Keyring struct {
	db       *sql.DB
	postgres bool

	mint    sync.Mutex // serialises refill
	mu      sync.Mutex // guards what follows
	ready   []Key
	filling bool
	cache   map[int64]*block
	wg      sync.WaitGroup
}

const schema = `
CREATE TABLE IF NOT EXISTS block (n INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, material BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS secret (name TEXT NOT NULL PRIMARY KEY, value BLOB NOT NULL) STRICT;`

// Two nodes may start at once, and CREATE … IF NOT EXISTS is not safe against
// that.
const postgresSchema = `
SELECT pg_advisory_xact_lock(6360711839);
CREATE TABLE IF NOT EXISTS block (n BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, material BYTEA NOT NULL);
CREATE TABLE IF NOT EXISTS secret (name TEXT NOT NULL PRIMARY KEY, value BYTEA NOT NULL);`

// Open opens the keyring in a directory, making it where there is none, or in
// the database at a postgres:// address.
func Open(ctx context.Context, where string) (*Keyring, error) {
	if IsPostgres(where) {
		return open(ctx, "pgx", where, postgresSchema)
	}
	if err := os.MkdirAll(where, 0o700); err != nil {
		return nil, fmt.Errorf("open keyring: %w", err)
	}
	path := filepath.Join(where, "keyring.db")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open keyring: %w", err)
	}
	f.Close()
	return open(ctx, "sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+
		"?_pragma=busy_timeout(10000)&_pragma=journal_mode(wal)&_pragma=synchronous(full)&_pragma=secure_delete(1)&_txlock=immediate", schema)
}

// IsPostgres reports whether a keyring lies in a database rather than a
// directory.
func IsPostgres(where string) bool {
	return strings.HasPrefix(where, "postgres://") || strings.HasPrefix(where, "postgresql://")
}

func open(ctx context.Context, driver, dsn, schema string) (*Keyring, error) {
	db, err := sql.Open(driver, dsn)
	if err != nil {
		return nil, fmt.Errorf("open keyring: %w", err)
	}
	db.SetMaxOpenConns(4)
	if _, err := db.ExecContext(ctx, schema); err != nil {
		db.Close()
		return nil, fmt.Errorf("open keyring: %w", err)
	}
	return &Keyring{db: db, postgres: driver == "pgx", cache: map[int64]*block{}}, nil
}

// Close closes the keyring.
func (r *Keyring) Close() error {
	r.wg.Wait()
	return r.db.Close()
}

// Mint returns a new key that is already durable.
func (r *Keyring) Mint() (Key, error) {
	for {
		r.mu.Lock()
		if len(r.ready) > 0 {
			k := r.ready[0]
			r.ready = r.ready[1:]
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
	var n int64
	var b *block
	var err error
	if have < enough {
		b = new(block)
		rand.Read(b[:])
		err = r.db.QueryRow(`INSERT INTO block (material) VALUES ($1) RETURNING n`, b[:]).Scan(&n)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.filling = false
	if err != nil {
		return fmt.Errorf("mint keys: %w", err)
	}
	if b != nil {
		r.remember(n, b)
		for i := range int64(blockSize) {
			if k, ok := b.at(n*blockSize + i); ok {
				r.ready = append(r.ready, k)
			}
		}
	}
	return nil
}

// remember caches a block; r.mu is held.
func (r *Keyring) remember(n int64, b *block) {
	if len(r.cache) >= cacheSize {
		for old := range r.cache { // map order is random enough
			delete(r.cache, old)
			break
		}
	}
	r.cache[n] = b
}

// Key returns the key with this id, ErrDestroyed where there is none.
func (r *Keyring) Key(ctx context.Context, id int64) (Key, error) {
	n := id / blockSize
	r.mu.Lock()
	b := r.cache[n]
	r.mu.Unlock()
	if b == nil {
		var material []byte
		err := r.db.QueryRowContext(ctx, `SELECT material FROM block WHERE n = $1`, n).Scan(&material)
		if errors.Is(err, sql.ErrNoRows) || err == nil && len(material) != len(b) {
			return Key{}, ErrDestroyed
		}
		if err != nil {
			return Key{}, fmt.Errorf("read key: %w", err)
		}
		b = (*block)(material)
		r.mu.Lock()
		r.remember(n, b)
		r.mu.Unlock()
	}
	k, ok := b.at(id)
	if !ok {
		return Key{}, ErrDestroyed
	}
	return k, nil
}

// Destroy makes keys unreadable for good: zeros take their places, in the file
// and in its log. On PostgreSQL the table forgets them, the server's log does
// once it is recycled. It is idempotent.
func (r *Keyring) Destroy(ctx context.Context, ids ...int64) error {
	blocks := map[int64][]int64{}
	for _, id := range ids {
		blocks[id/blockSize] = append(blocks[id/blockSize], id)
	}
	for n, ids := range blocks {
		if err := r.destroy(ctx, n, ids); err != nil {
			return fmt.Errorf("destroy keys: %w", err)
		}
	}
	if r.postgres {
		if _, err := r.db.ExecContext(ctx, `VACUUM block`); err != nil {
			return fmt.Errorf("destroy keys: %w", err)
		}
		return nil
	}
	// secure_delete overwrites pages, but the log still has their old content.
	var busy, frames, moved int
	if err := r.db.QueryRowContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`).Scan(&busy, &frames, &moved); err != nil {
		return fmt.Errorf("destroy keys: %w", err)
	}
	if busy != 0 {
		return errors.New("destroy keys: somebody reads the keyring; its log still holds them")
	}
	return nil
}

func (r *Keyring) destroy(ctx context.Context, n int64, ids []int64) error {
	tx, err := r.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	var material []byte
	query := `SELECT material FROM block WHERE n = $1`
	if r.postgres {
		query += ` FOR UPDATE`
	}
	err = tx.QueryRowContext(ctx, query, n).Scan(&material)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, id := range ids {
		if at := id % blockSize * KeySize; at+KeySize <= int64(len(material)) {
			clear(material[at : at+KeySize])
		}
	}
	if _, err := tx.ExecContext(ctx, `UPDATE block SET material = $1 WHERE n = $2`, material, n); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	r.mu.Lock()
	delete(r.cache, n)
	r.mu.Unlock()
	return nil
}

// Secret returns the named secret of the installation, 32 random bytes made at
// first use: the ledger's signing seed, the key of the blind indexes.
func (r *Keyring) Secret(ctx context.Context, name string) ([KeySize]byte, error) {
	var out [KeySize]byte
	var fresh [KeySize]byte
	rand.Read(fresh[:])
	if _, err := r.db.ExecContext(ctx, `INSERT INTO secret (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING`, "secret."+name, fresh[:]); err != nil {
		return out, fmt.Errorf("secret %s: %w", name, err)
	}
	var value []byte
	if err := r.db.QueryRowContext(ctx, `SELECT value FROM secret WHERE name = $1`, "secret."+name).Scan(&value); err != nil {
		return out, fmt.Errorf("secret %s: %w", name, err)
	}
	copy(out[:], value)
	return out, nil
}
