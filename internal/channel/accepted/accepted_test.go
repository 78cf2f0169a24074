package accepted_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"example.org/countersign/internal/channel/accepted"
)

func open(t *testing.T, dir string) *accepted.Log {
	t.Helper()
	l, err := accepted.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func lines(t *testing.T, dir string) (all []accepted.Line) {
	t.Helper()
	if err := accepted.Read(dir, func(x accepted.Line) error {
		all = append(all, x)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

// Numbers have no gaps, over concurrent messages, restarts and a crash in the
// middle of a line.
func TestDense(t *testing.T) {
	dir := t.TempDir()
	at := time.Date(2026, 9, 15, 9, 30, 0, 0, time.UTC)
	l := open(t, dir)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				if err := l.Add(accepted.Line{At: at, Source: "smtp", Record: "k3vJ"}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	l.Close()
	f, err := os.OpenFile(filepath.Join(dir, "accepted.jsonl"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	f.WriteString(`{"n":401,"at":"2026-`)
	f.Close()
	l = open(t, dir)
	if err := l.Add(accepted.Line{At: at, Source: "smtp", Repeated: true, Record: "k3vJ"}); err != nil {
		t.Fatal(err)
	}
	all := lines(t, dir)
	if len(all) != 401 || all[400].N != 401 || !all[400].Repeated || !all[0].At.Equal(at) {
		t.Errorf("%d lines, the last %+v", len(all), all[len(all)-1])
	}
}

// A line taken out or changed is found, when it is read and when it is
// continued.
func TestGap(t *testing.T) {
	dir := t.TempDir()
	if all := lines(t, dir); len(all) != 0 {
		t.Errorf("%d lines without a file", len(all))
	}
	l := open(t, dir)
	for range 3 {
		if err := l.Add(accepted.Line{Source: "smtp"}); err != nil {
			t.Fatal(err)
		}
	}
	l.Close()
	path := filepath.Join(dir, "accepted.jsonl")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	all := strings.SplitAfter(string(b), "\n")
	for name, content := range map[string]string{"taken out": all[0] + all[2], "changed": all[0] + "x" + all[1] + all[2]} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := accepted.Read(dir, func(accepted.Line) error { return nil }); err == nil {
			t.Errorf("a line was %s, and nothing said so", name)
		}
		if l, err := accepted.Open(dir); err == nil {
			l.Close()
			t.Errorf("a line was %s, and the log went on", name)
		}
	}
}
