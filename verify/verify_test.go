package verify

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"example.org/countersign/verify/format"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestPackage(t *testing.T) {
	b, l := smallPackage(t)
	path := filepath.Join(t.TempDir(), "q3.zip")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	var stages []string
	s, err := Package(context.Background(), path, Options{Key: l.key.String() + "\n", Progress: func(stage string, done, total int64) {
		if done > total || done < 0 {
			t.Errorf("%s: %d of %d", stage, done, total)
		}
		if n := len(stages); n == 0 || stages[n-1] != stage {
			stages = append(stages, stage)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(stages); got != "[archive seal manifest checkpoint range references documents records]" {
		t.Errorf("stages %s", got)
	}
	golden(t, "summary.txt", s)
	if s.First != 1 || s.Count != 5 || s.Tree != 6 || s.SealEntry != 6 || s.Documents != 5 || s.ReferenceDocuments != 1 ||
		s.Cases != 2 || s.Responses != 1 || len(s.Rows) != 4 || s.Bytes != int64(len(b)) {
		t.Errorf("summary %+v", s)
	}
}

// golden compares what a person reads with a file.
func golden(t *testing.T, name string, s *Summary) {
	t.Helper()
	var got bytes.Buffer
	if err := s.Write(&got); err != nil {
		t.Fatal(err)
	}
	goldenText(t, name, got.Bytes())
}

func goldenText(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s:\n%s", name, got)
	}
}

func TestSummaryOfLess(t *testing.T) {
	l := smallLog()
	l.act("casefile.noted", "case1", nil)
	l.act("response.sent", "response2", with(response(), "exception", "emergency release 3 \x1b[31m", "approvals", nil))
	// What is hidden afterwards is hidden in the package alone.
	l.docs[5].Fields[2] = format.Field{Redacted: true, Leaf: l.docs[5].Fields[2].Hash()}
	f := l.files(1, 8)
	f[format.FileDocuments] = bytes.Replace(f[format.FileDocuments], l.docs[6].Append(nil), nil, 1)
	l.rows(f, "cases", 5)
	s, err := checkBytes(l.pack(t, f), Options{})
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "summary-less.txt", s)
}

func TestEveryRange(t *testing.T) {
	l := smallLog()
	for first := range len(l.entries) + 1 {
		for end := first; end <= len(l.entries); end++ {
			var outside []int
			for i := range l.entries {
				if i < first || i >= end {
					outside = append(outside, i)
				}
			}
			log := l.clone()
			if s, err := checkBytes(log.pack(t, log.files(first, end, outside...)), Options{}); err != nil {
				t.Errorf("entries %d to %d: %v", first, end, err)
			} else if s.Count != int64(end-first) || s.References != int64(len(outside)) {
				t.Errorf("entries %d to %d: %+v", first, end, s)
			}
		}
	}
	empty := newLog("log.example/empty", 2)
	if _, err := checkBytes(empty.pack(t, empty.files(0, 0)), Options{}); err != nil {
		t.Errorf("an empty log: %v", err)
	}
}

func TestMisuse(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for path, code := range map[string]int{
		filepath.Join(dir, "missing.zip"): 2,
		dir:                               2,
		write("empty.zip", ""):            1,
		write("text.zip", "text"):         1,
	} {
		_, err := Package(context.Background(), path, Options{})
		if got := ExitCode(err); got != code {
			t.Errorf("%s: exit code %d for %v", path, got, err)
		}
		if code == 1 && err.Error() != "this is not a Countersign package" {
			t.Errorf("%s: %v", path, err)
		}
	}
	if _, err := Package(context.Background(), filepath.Join(dir, "missing.zip"), Options{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	if ExitCode(nil) != 0 {
		t.Error("exit code of success")
	}
}

func TestKeyThatWasAskedFor(t *testing.T) {
	f := smallFiles(smallLog())
	forger := smallLog()
	forger.signer, forger.key = newLog("log.example/countersign", 9).signer, newLog("log.example/countersign", 9).key
	f[format.FileKey], f[format.FileCheckpoint] = []byte(forger.key.String()+"\n"), forger.checkpoint(6)
	f.unstamp()
	b := forger.pack(t, f)
	if _, err := checkBytes(b, Options{}); err != nil {
		t.Fatalf("a forger's package is in itself without fault, but: %v", err)
	}
	_, err := checkBytes(b, Options{Key: smallLog().key.String()})
	want(t, err, "seal", "ledger/key", none, "not with the one that was asked for")
}

// want checks where and what a failure is.
func want(t *testing.T, err error, stage, file string, entry int64, what string) {
	t.Helper()
	f, ok := errors.AsType[*Failure](err)
	if !ok {
		t.Errorf("no failure, but %v", err)
		return
	}
	if f.Stage != stage || f.File != file || f.Entry != entry || !strings.Contains(f.What, what) {
		t.Errorf("%s: %v (entry %d), want %s: %s, entry %d: … %s …", f.Stage, f, f.Entry, stage, file, entry, what)
	}
	text := f.Error()
	if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' }) || !strings.Contains(text, file) ||
		entry != none && !strings.Contains(text, fmt.Sprint(entry)) {
		t.Errorf("%q is not one sentence that names file and entry", text)
	}
	if ExitCode(err) != 1 {
		t.Error("exit code of a failure")
	}
}

// failing is a disk that fails after n reads.
type failing struct {
	*bytes.Reader
	left int
}

var errDisk = errors.New("input/output error")

func (f *failing) ReadAt(b []byte, at int64) (int, error) {
	if f.left--; f.left < 0 {
		return 0, errDisk
	}
	return f.Reader.ReadAt(b, at)
}

// A disk that fails, or an interrupt, is no finding about the package.
func TestInterrupted(t *testing.T) {
	b, _ := smallPackage(t)
	for n := 0; ; n++ {
		disk := &failing{bytes.NewReader(b), n}
		_, err := check(context.Background(), disk, int64(len(b)), Options{})
		if err == nil {
			break
		}
		if !errors.Is(err, errDisk) || ExitCode(err) != 2 {
			t.Errorf("the disk fails at read %d: %v", n, err)
		}
	}
	for _, stage := range stages {
		ctx, cancel := context.WithCancel(context.Background())
		_, err := check(ctx, bytes.NewReader(b), int64(len(b)), Options{Progress: func(s string, _, _ int64) {
			if s == stage.name {
				cancel()
			}
		}})
		cancel()
		if !errors.Is(err, context.Canceled) || ExitCode(err) != 2 {
			t.Errorf("cancelled in %s: %v", stage.name, err)
		}
	}
}
