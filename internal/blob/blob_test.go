package blob_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"example.org/countersign/internal/blob"
	"example.org/countersign/internal/keyring"
)

func TestBlob(t *testing.T) {
	dir := t.TempDir()
	keys, err := keyring.Open(t.Context(), filepath.Join(dir, "keys"))
	if err != nil {
		t.Fatal(err)
	}
	defer keys.Close()
	s, err := blob.Open(filepath.Join(dir, "blobs"), keys)
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{0, 1, 64 << 10, 200_000} {
		want := bytes.Repeat([]byte("needle "), size/7+1)[:size]
		ref, err := s.Put(bytes.NewReader(want))
		if err != nil {
			t.Fatal(err)
		}
		read := func() ([]byte, error) {
			key, err := keys.Key(t.Context(), ref.Key)
			if err != nil {
				t.Fatal(err)
			}
			r, err := s.Open(key, ref)
			if err != nil {
				return nil, err
			}
			defer r.Close()
			return io.ReadAll(r)
		}
		if got, err := read(); err != nil || !bytes.Equal(got, want) || ref.Size != int64(size) {
			t.Fatalf("%d bytes: read back %d, %v", size, len(got), err)
		}
		path := filepath.Join(dir, "blobs", ref.Name[:2], ref.Name)
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if size > 7 && bytes.Contains(whole, []byte("needle")) {
			t.Error("content lies in clear on disk")
		}
		for _, alter := range []func([]byte) []byte{
			func(b []byte) []byte { b[len(b)-1] ^= 1; return b },
			func(b []byte) []byte { return b[:len(b)-1] },
			func(b []byte) []byte { return append(b, 0) },
		} {
			if err := os.WriteFile(path, alter(bytes.Clone(whole)), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := read(); !errors.Is(err, blob.ErrAltered) {
				t.Errorf("%d bytes, altered file: %v, want ErrAltered", size, err)
			}
		}
		os.WriteFile(path, whole, 0o600)
	}
	if left, _ := os.ReadDir(filepath.Join(dir, "blobs", "tmp")); len(left) != 0 {
		t.Errorf("%d temporary files are left", len(left))
	}
}

// What was being written when a process ended goes; what is whole stays.
func TestSweep(t *testing.T) {
	dir := t.TempDir()
	keys, err := keyring.Open(t.Context(), filepath.Join(dir, "keys"))
	if err != nil {
		t.Fatal(err)
	}
	defer keys.Close()
	s, err := blob.Open(filepath.Join(dir, "blobs"), keys)
	if err != nil {
		t.Fatal(err)
	}
	ref, err := s.Put(bytes.NewReader([]byte("whole")))
	if err != nil {
		t.Fatal(err)
	}
	if w, err := s.Create(); err != nil {
		t.Fatal(err)
	} else if _, err := w.Write([]byte("half")); err != nil {
		t.Fatal(err)
	}
	for _, want := range []int{1, 0} {
		if n, err := s.Sweep(); n != want || err != nil {
			t.Errorf("swept %d, %v; want %d", n, err, want)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "blobs", ref.Name[:2], ref.Name)); err != nil {
		t.Error(err)
	}
}
