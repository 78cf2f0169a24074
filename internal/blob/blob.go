// Package blob keeps what is too large for a record: attachments, long texts,
// raw mails. A blob is named at random, so that its name says nothing about
// its content, and encrypted in chunks (age, C2SP) under a key derived from
// that of the record's unit it belongs to; its plaintext hash stands in the
// record's document.
package blob

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"

	"filippo.io/age"
	"golang.org/x/crypto/chacha20poly1305"

	"example.org/countersign/internal/durable"
	"example.org/countersign/internal/keyring"
)

// Ref is what a document says of a blob.
type Ref struct {
	Name   string `json:"name"`   // random, the name of the file
	Key    int64  `json:"key"`    // id of the key in the keyring
	Size   int64  `json:"size"`   // of the plaintext, bytes
	SHA256 string `json:"sha256"` // of the plaintext, hex
}

// IsZero reports whether there is no blob.
func (r Ref) IsZero() bool { return r.Name == "" }

// ErrAltered is returned while reading a blob that is not what was written.
var ErrAltered = errors.New("blob: content was altered")

// Store keeps blobs in a directory.
type Store struct {
	dir  string
	keys *keyring.Keyring
}

// Open opens the store in dir, making it where there is none.
func Open(dir string, keys *keyring.Keyring) (*Store, error) {
	if err := os.MkdirAll(filepath.Join(dir, "tmp"), 0o700); err != nil {
		return nil, fmt.Errorf("open blobs: %w", err)
	}
	return &Store{dir, keys}, nil
}

func (s *Store) path(name string) string { return filepath.Join(s.dir, name[:2], name) }

// Writer writes one blob. It is nothing until Commit has returned.
type Writer struct {
	store *Store
	ref   Ref
	file  *os.File
	enc   io.WriteCloser
	hash  hash.Hash
}

// Create starts a blob with a key of its own.
func (s *Store) Create() (*Writer, error) {
	key, err := s.keys.Mint()
	if err != nil {
		return nil, err
	}
	var name [16]byte
	rand.Read(name[:])
	w := &Writer{store: s, hash: sha256.New(), ref: Ref{Name: base64.RawURLEncoding.EncodeToString(name[:]), Key: key.ID}}
	if w.file, err = os.OpenFile(filepath.Join(s.dir, "tmp", w.ref.Name), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600); err != nil {
		return nil, fmt.Errorf("create blob: %w", err)
	}
	if w.enc, err = age.Encrypt(w.file, wrap(key)); err != nil {
		w.Abort()
		return nil, fmt.Errorf("create blob: %w", err)
	}
	return w, nil
}

// Write implements io.Writer.
func (w *Writer) Write(p []byte) (int, error) {
	n, err := w.enc.Write(p)
	w.hash.Write(p[:n])
	w.ref.Size += int64(n)
	return n, err
}

// Commit makes the blob durable, file and directory, and returns what to keep.
func (w *Writer) Commit() (Ref, error) {
	w.ref.SHA256 = hex.EncodeToString(w.hash.Sum(nil))
	err := w.enc.Close()
	if err == nil {
		err = w.file.Sync()
	}
	if err != nil {
		w.Abort()
		return Ref{}, fmt.Errorf("write blob: %w", err)
	}
	tmp, dst := w.file.Name(), w.store.path(w.ref.Name)
	if err := w.file.Close(); err != nil {
		os.Remove(tmp)
		return Ref{}, fmt.Errorf("write blob: %w", err)
	}
	if err := move(tmp, dst); err != nil {
		os.Remove(tmp)
		return Ref{}, fmt.Errorf("write blob: %w", err)
	}
	return w.ref, nil
}

// move renames and makes the new name durable.
func move(from, to string) error {
	dir := filepath.Dir(to)
	if err := os.Mkdir(dir, 0o700); err == nil {
		if err := durable.SyncDir(filepath.Dir(dir)); err != nil {
			return err
		}
	} else if !errors.Is(err, os.ErrExist) {
		return err
	}
	if err := os.Rename(from, to); err != nil {
		return err
	}
	return durable.SyncDir(dir)
}

// Sweep removes the blobs that were being written when their process was
// killed, and returns how many. Nobody may be writing to the store.
func (s *Store) Sweep() (n int, err error) {
	tmp := filepath.Join(s.dir, "tmp")
	list, err := os.ReadDir(tmp)
	for _, f := range list {
		if err := os.Remove(filepath.Join(tmp, f.Name())); err != nil {
			return n, fmt.Errorf("sweep blobs: %w", err)
		}
		n++
	}
	if err != nil {
		return n, fmt.Errorf("sweep blobs: %w", err)
	}
	return n, nil
}

// Abort drops an unfinished blob.
func (w *Writer) Abort() {
	w.file.Close()
	os.Remove(w.file.Name())
}

// Put writes all of r as one blob.
func (s *Store) Put(r io.Reader) (Ref, error) {
	w, err := s.Create()
	if err != nil {
		return Ref{}, err
	}
	if _, err := io.Copy(w, r); err != nil {
		w.Abort()
		return Ref{}, err
	}
	return w.Commit()
}

// Open returns the content of a blob. Reading to the end fails with ErrAltered
// where content, length or hash is not what ref says.
func (s *Store) Open(key keyring.Key, ref Ref) (io.ReadCloser, error) {
	if raw, err := base64.RawURLEncoding.DecodeString(ref.Name); err != nil || len(raw) != 16 {
		return nil, fmt.Errorf("%w: bad name", ErrAltered)
	}
	f, err := os.Open(s.path(ref.Name))
	if err != nil {
		return nil, fmt.Errorf("open blob: %w", err)
	}
	plain, err := age.Decrypt(f, wrap(key))
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%w: %w", ErrAltered, err)
	}
	return &reader{f, plain, sha256.New(), ref, 0}, nil
}

// Remove deletes the file of a blob, durably. One that is gone already is no
// error.
func (s *Store) Remove(ref Ref) error {
	if raw, err := base64.RawURLEncoding.DecodeString(ref.Name); err != nil || len(raw) != 16 {
		return fmt.Errorf("%w: bad name", ErrAltered)
	}
	path := s.path(ref.Name)
	if err := os.Remove(path); err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		return fmt.Errorf("remove blob: %w", err)
	}
	return durable.SyncDir(filepath.Dir(path))
}

type reader struct {
	file  *os.File
	plain io.Reader
	hash  hash.Hash
	ref   Ref
	n     int64
}

func (r *reader) Read(p []byte) (int, error) {
	n, err := r.plain.Read(p)
	r.hash.Write(p[:n])
	r.n += int64(n)
	if err == io.EOF && (r.n != r.ref.Size || hex.EncodeToString(r.hash.Sum(nil)) != r.ref.SHA256) {
		return n, ErrAltered
	}
	if err != nil && err != io.EOF {
		err = fmt.Errorf("%w: %w", ErrAltered, err)
	}
	return n, err
}

func (r *reader) Close() error { return r.file.Close() }

// wrapKey is an age recipient and identity that wraps the file key under a key
// of the keyring with ChaCha20-Poly1305. The wrapping key is used once, so its
// nonce is zero, as in age's own stanzas.
type wrapKey [chacha20poly1305.KeySize]byte

const stanza = "example.org/countersign/blob"

func wrap(k keyring.Key) wrapKey { return wrapKey(k.Derive("blob")) }

// Wrap implements age.Recipient.
func (k wrapKey) Wrap(fileKey []byte) ([]*age.Stanza, error) {
	aead, err := chacha20poly1305.New(k[:])
	if err != nil {
		return nil, err
	}
	return []*age.Stanza{{Type: stanza, Body: aead.Seal(nil, make([]byte, aead.NonceSize()), fileKey, nil)}}, nil
}

// Unwrap implements age.Identity.
func (k wrapKey) Unwrap(stanzas []*age.Stanza) ([]byte, error) {
	aead, err := chacha20poly1305.New(k[:])
	if err != nil {
		return nil, err
	}
	for _, s := range stanzas {
		if s.Type == stanza && len(s.Args) == 0 {
			if key, err := aead.Open(nil, make([]byte, aead.NonceSize()), s.Body, nil); err == nil {
				return key, nil
			}
		}
	}
	return nil, age.ErrIncorrectIdentity
}
