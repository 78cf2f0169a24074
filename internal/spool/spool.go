// Package spool keeps what arrives while the record cannot be sealed, so that
// nothing is refused: durable and encrypted, in the order of arrival, until it
// is taken into the record. What lies here is not acknowledged as sealed.
package spool

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"example.org/countersign/internal/blob"
	"example.org/countersign/internal/durable"
	"example.org/countersign/internal/id"
	"example.org/countersign/internal/keyring"
)

// Item is what came: its kind and what its door knows of it. The body follows
// apart.
type Item struct {
	Kind string          `json:"kind"`
	At   time.Time       `json:"at"` // arrival
	Meta json.RawMessage `json:"meta"`
}

// Spool is a directory of items, safe for concurrent use.
type Spool struct {
	dir   string
	blobs *blob.Store
	keys  *keyring.Keyring
	drain sync.Mutex
}

// Open opens the spool in dir, making it where there is none.
func Open(dir string, blobs *blob.Store, keys *keyring.Keyring) (*Spool, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open spool: %w", err)
	}
	return &Spool{dir: dir, blobs: blobs, keys: keys}, nil
}

// Keep keeps an item. Once it returns, the item survives any crash.
func (s *Spool) Keep(kind string, at time.Time, meta any, body io.Reader) error {
	raw, err := json.Marshal(meta)
	if err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	head, err := json.Marshal(Item{kind, at.UTC(), raw})
	if err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	ref, err := s.blobs.Put(io.MultiReader(strings.NewReader(string(head)+"\n"), body))
	if err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	pointer, err := json.Marshal(ref)
	if err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	name := fmt.Sprintf("%020d-%s.json", at.UnixNano(), id.New())
	if err := durable.WriteFile(filepath.Join(s.dir, name), pointer); err != nil {
		return fmt.Errorf("spool: %w", errors.Join(err, s.blobs.Remove(ref)))
	}
	return nil
}

// Sweep removes what Keep had not finished when its process was killed, with
// the content that it had written: nobody was told that it is kept. It returns
// how many items that were. Nobody may be keeping anything meanwhile.
func (s *Spool) Sweep(ctx context.Context) (n int, err error) {
	all, err := os.ReadDir(s.dir)
	if err != nil {
		return 0, fmt.Errorf("sweep spool: %w", err)
	}
	for _, e := range all {
		if !strings.HasSuffix(e.Name(), ".json"+durable.Unfinished) {
			continue
		}
		path := filepath.Join(s.dir, e.Name())
		pointer, err := os.ReadFile(path)
		var ref blob.Ref
		if err == nil && json.Unmarshal(pointer, &ref) == nil { // otherwise it was cut off, and points at nothing
			err = errors.Join(s.keys.Destroy(ctx, ref.Key), s.blobs.Remove(ref))
		}
		if err == nil {
			err = os.Remove(path)
		}
		if err != nil {
			return n, fmt.Errorf("sweep spool: %w", err)
		}
		n++
	}
	return n, nil
}

// names returns the items' files in the order of arrival.
func (s *Spool) names() ([]string, error) {
	all, err := os.ReadDir(s.dir)
	if err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	var names []string
	for _, e := range all {
		if strings.HasSuffix(e.Name(), ".json") {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	return names, nil
}

// Waiting returns how many items wait, and when the oldest came.
func (s *Spool) Waiting() (n int, oldest time.Time, err error) {
	names, err := s.names()
	if err != nil || len(names) == 0 {
		return 0, time.Time{}, err
	}
	at, _, _ := strings.Cut(names[0], "-")
	nanos, err := strconv.ParseInt(at, 10, 64)
	if err != nil {
		return 0, time.Time{}, fmt.Errorf("spool: a file that is no item: %w", err)
	}
	return len(names), time.Unix(0, nanos).UTC(), nil
}

// Drain gives every item to take, the oldest first, and forgets those for which
// it returns nil: take must be safe to repeat. It goes on past an item that
// fails, which stays, and returns how many are gone.
func (s *Spool) Drain(ctx context.Context, take func(context.Context, Item, io.Reader) error) (n int, err error) {
	s.drain.Lock()
	defer s.drain.Unlock()
	names, err := s.names()
	if err != nil {
		return 0, err
	}
	var failed []error
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return n, err
		}
		if err := s.one(ctx, filepath.Join(s.dir, name), take); err != nil {
			failed = append(failed, fmt.Errorf("spooled item %s: %w", name, err))
			continue
		}
		n++
	}
	return n, errors.Join(failed...)
}

func (s *Spool) one(ctx context.Context, path string, take func(context.Context, Item, io.Reader) error) error {
	pointer, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var ref blob.Ref
	if err := json.Unmarshal(pointer, &ref); err != nil {
		return fmt.Errorf("damaged: %w", err)
	}
	key, err := s.keys.Key(ctx, ref.Key)
	if err != nil {
		return err
	}
	content, err := s.blobs.Open(key, ref)
	if err != nil {
		return err
	}
	defer content.Close()
	r := bufio.NewReader(content)
	line, err := r.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("damaged: %w", err)
	}
	var item Item
	if err := json.Unmarshal(line, &item); err != nil {
		return fmt.Errorf("damaged: %w", err)
	}
	if err := take(ctx, item, r); err != nil {
		return err
	}
	if err := os.Remove(path); err != nil {
		return err
	}
	if err := durable.SyncDir(s.dir); err != nil {
		return err
	}
	return errors.Join(s.keys.Destroy(ctx, ref.Key), s.blobs.Remove(ref))
}
