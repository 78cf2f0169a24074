package extract

import (
	"crypto/sha256"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/verify/format"
)

// TestForest holds every proof of small trees against those who check them.
func TestForest(t *testing.T) {
	var leaves ledger.Leaves
	var tree format.Tree
	roots := []format.Hash{tree.Root()}
	for i := range 70 {
		leaf := sha256.Sum256(fmt.Append(nil, i))
		leaves = append(leaves, leaf)
		tree.Append(leaf)
		roots = append(roots, tree.Root())
	}
	for size := int64(0); size <= 70; size++ {
		f := grow(leaves[:size])
		root, err := f.Root()
		if err != nil || root != roots[size] || f.Size() != size {
			t.Fatalf("root of %d: %v", size, err)
		}
		for i := int64(0); i < size; i++ {
			proof, err := f.Inclusion(i)
			if err == nil {
				err = format.CheckInclusion(proof, size, i, leaves[i], root)
			}
			if err != nil {
				t.Fatalf("entry %d of %d: %v", i, size, err)
			}
		}
		for old := int64(0); old <= size; old++ {
			proof, err := f.Consistency(old)
			if err == nil {
				err = format.CheckConsistency(proof, old, size, roots[old], root)
			}
			if err != nil {
				t.Fatalf("%d to %d: %v", old, size, err)
			}
			var covered format.Tree
			err = covered.AppendSubtrees(old, f.Subtrees(0, old))
			if err == nil {
				err = covered.AppendSubtrees(size, f.Subtrees(old, size))
			}
			if err != nil || covered.Root() != root {
				t.Fatalf("subtrees of %d and %d: %v", old, size, err)
			}
		}
	}
	if _, err := grow(leaves[:3]).ReadHashes([]int64{99}); err == nil {
		t.Error("a hash outside the tree")
	}
}

func TestPeriod(t *testing.T) {
	day := func(s string) time.Time {
		d, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	for _, c := range []struct{ from, to, words, first, last string }{
		{"2026-07-01T00:00:00Z", "2026-10-01T00:00:00Z", "1 Jul 2026 to 30 Sep 2026", "2026-07-01", "2026-09-30"},
		{"2026-07-01T00:00:00Z", "2026-07-02T00:00:00Z", "1 Jul 2026", "2026-07-01", "2026-07-01"},
		{"2026-07-01T02:00:00+02:00", "2026-07-02T02:00:00+02:00", "1 Jul 2026", "2026-07-01", "2026-07-01"},
		{"2026-07-01T00:00:00+02:00", "2026-07-02T00:00:00+02:00", "30 Jun 2026, 22:00:00 UTC until before 1 Jul 2026, 22:00:00 UTC", "2026-06-30", "2026-07-01"},
	} {
		p := Period{day(c.from), day(c.to)}
		if first, last := p.Days(); p.String() != c.words || first != c.first || last != c.last {
			t.Errorf("%s to %s: %q, %s to %s", c.from, c.to, p, first, last)
		}
		if !p.Contains(p.From.UnixMicro()) || p.Contains(p.To.UnixMicro()) || p.Contains(p.From.UnixMicro()-1) || !p.Contains(p.To.UnixMicro()-1) {
			t.Errorf("%s: its ends", p)
		}
	}
}

// TestOriginals holds which files of an anonymous report may leave: the copy
// without metadata and plain text, nothing else.
func TestOriginals(t *testing.T) {
	for _, c := range []struct {
		a    intake.Attachment
		want bool
	}{
		{intake.Attachment{Name: "attachment-1.txt"}, false},
		{intake.Attachment{Name: "attachment-1.jpg", Note: "metadata removed"}, false},
		{intake.Attachment{Hidden: true}, true},
		{intake.Attachment{Hidden: true, Note: "original, may carry metadata"}, true},
		{intake.Attachment{Note: "may carry metadata; shown because: we had to know"}, true},
		{intake.Attachment{Note: "something new"}, true},
	} {
		if got := IsOriginal(c.a); got != c.want {
			t.Errorf("%+v: %v", c.a, got)
		}
	}
}

func TestSpool(t *testing.T) {
	s, err := NewSpool()
	if err != nil {
		t.Fatal(err)
	}
	content := strings.Repeat("0123456789", 20000)
	if _, err := io.WriteString(s, content); err != nil {
		t.Fatal(err)
	}
	r, err := s.Reader()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(r); err != nil || string(got) != content {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	s.Close()
	_, err = io.WriteString(s, content)
	if err == nil {
		err = s.Flush()
	}
	if kind, msg := fault.Of(err); kind != fault.Unavailable || !strings.Contains(msg, "free some space") {
		t.Errorf("a disk that takes nothing: %v", err)
	}
	t.Setenv("TMPDIR", "/nowhere/at/all")
	if _, err := NewSpool(); err == nil {
		t.Error("a place that is not there")
	} else if kind, _ := fault.Of(err); kind != fault.Unavailable {
		t.Error(err)
	}
}
