package spool_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"example.org/countersign/internal/blob"
	"example.org/countersign/internal/keyring"
	"example.org/countersign/internal/spool"
)

func open(t *testing.T, dir string) *spool.Spool {
	t.Helper()
	keys, err := keyring.Open(t.Context(), filepath.Join(dir, "keys"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { keys.Close() })
	blobs, err := blob.Open(filepath.Join(dir, "blobs"), keys)
	if err != nil {
		t.Fatal(err)
	}
	s, err := spool.Open(filepath.Join(dir, "spool"), blobs, keys)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// What is kept comes out once, in order, in another process, and is encrypted
// until then; an item that cannot be taken stays and holds up nobody.
func TestSpool(t *testing.T) {
	dir := t.TempDir()
	at := time.Date(2026, 9, 15, 9, 30, 0, 0, time.UTC)
	s := open(t, dir)
	for i, text := range []string{"first", "second", "third"} {
		if err := s.Keep("mail", at.Add(-time.Duration(i)*time.Hour), map[string]string{"from": text + "@example.com"}, strings.NewReader(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if strings.Contains(string(b), "first") {
			t.Errorf("%s holds what was spooled in clear", path)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir)
	var got []string
	ready := false
	take := func(_ context.Context, item spool.Item, body io.Reader) error {
		b, err := io.ReadAll(body)
		if err != nil {
			return err
		}
		if string(b) == "third" && !ready {
			return errors.New("not yet")
		}
		got = append(got, string(b)+" "+item.At.Format(time.TimeOnly)+" "+string(item.Meta))
		return nil
	}
	if n, err := s.Drain(t.Context(), take); n != 2 || err == nil {
		t.Errorf("took %d, %v", n, err)
	}
	if n, oldest, err := s.Waiting(); n != 1 || !oldest.Equal(at.Add(-2*time.Hour)) || err != nil {
		t.Errorf("%d wait, the oldest since %v, %v", n, oldest, err)
	}
	ready = true
	if n, err := s.Drain(t.Context(), take); n != 1 || err != nil {
		t.Errorf("took %d, %v", n, err)
	}
	want := []string{`second 08:30:00 {"from":"second@example.com"}`, `first 09:30:00 {"from":"first@example.com"}`,
		`third 07:30:00 {"from":"third@example.com"}`}
	if !slices.Equal(got, want) {
		t.Errorf("took %q, want %q", got, want)
	}
	if n, _, err := s.Waiting(); n != 0 || err != nil {
		t.Errorf("%d wait, %v", n, err)
	}
}

// A body that breaks off is not kept, and neither is half of it.
func TestBrokenBody(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	broken := io.MultiReader(strings.NewReader("half"), readerFunc(func([]byte) (int, error) { return 0, errors.New("gone") }))
	if err := s.Keep("mail", time.Unix(0, 0), nil, broken); err == nil {
		t.Error("kept a body that broke off")
	}
	if n, _, err := s.Waiting(); n != 0 || err != nil {
		t.Errorf("%d wait, %v", n, err)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// What was cut off while it was kept goes, with its content and whatever is
// left of its pointer; what was kept stays.
func TestSweep(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	at := time.Date(2026, 9, 15, 9, 30, 0, 0, time.UTC)
	for i := range 2 {
		if err := s.Keep("mail", at.Add(time.Duration(i)*time.Hour), i, strings.NewReader("text")); err != nil {
			t.Fatal(err)
		}
	}
	items, err := filepath.Glob(filepath.Join(dir, "spool", "*.json"))
	if err != nil || len(items) != 2 {
		t.Fatal(items, err)
	}
	if err := os.Rename(items[1], items[1]+".new"); err != nil { // as a kill before the rename leaves it
		t.Fatal(err)
	}
	for _, half := range []string{"", `{"name":"`} {
		if err := os.WriteFile(filepath.Join(dir, "spool", "x"+half[:min(len(half), 1)]+".json.new"), []byte(half), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []int{3, 0} {
		if n, err := s.Sweep(t.Context()); n != want || err != nil {
			t.Errorf("swept %d, %v; want %d", n, err, want)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "blobs", "??", "*")); len(left) != 1 {
		t.Errorf("contents that stay: %q", left)
	}
	if n, err := s.Drain(t.Context(), func(_ context.Context, item spool.Item, _ io.Reader) error {
		if string(item.Meta) != "0" {
			t.Errorf("item %s stays", item.Meta)
		}
		return nil
	}); n != 1 || err != nil {
		t.Errorf("drained %d, %v", n, err)
	}
}
