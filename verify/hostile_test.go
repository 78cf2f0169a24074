package verify

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"example.org/countersign/verify/format"
)

// A hostile package is one that somebody made with a key of their own: its
// seal holds, and what is below it is meant to cost the verifier memory or
// time, or to have it say what is not so. Each is refused with a reason, and
// at a cost that its own size bounds.
func TestHostilePackages(t *testing.T) {
	rows := func(line string) func(*testLog, files) {
		return func(_ *testLog, f files) { f["records/cases.jsonl"] = append(f["records/cases.jsonl"], line...) }
	}
	put := func(name, content string) func(*testLog, files) {
		return func(_ *testLog, f files) { f[name] = []byte(content) }
	}
	for _, test := range []struct {
		name   string
		change func(l *testLog, f files)
		stage  string
		file   string
		what   string
	}{
		{"a range that overflows", put(format.FileRange, fmt.Sprintf("first %d\ncount 1\n", math.MaxInt64)), "range", "ledger/range", ""},
		{"a count that overflows", put(format.FileRange, fmt.Sprintf("first 1\ncount %d\n", math.MaxInt64)), "range", "ledger/range", ""},
		{"more subtrees than there can be", put(format.FileRange, "first 1\ncount 5\n"+strings.Repeat("left "+strings.Repeat("A", 43)+"=\n", 1300)), "range", "ledger/range", ""},
		{"a range of many lines", put(format.FileRange, strings.Repeat("first 1\n", 1<<20)), "range", "ledger/range", "longer than"},
		{"a key of many lines", put(format.FileKey, strings.Repeat("x", 1<<20)), "seal", "ledger/key", "longer than"},
		{"a checkpoint of many signatures", func(l *testLog, f files) {
			f[format.FileCheckpoint] = append(l.checkpoint(len(l.entries)), strings.Repeat("— x AAAA\n", 5000)...)
		}, "checkpoint", "ledger/checkpoint", ""},
		{"entries of no bytes", put(format.FileEntries, strings.Repeat("\x00", 1<<20)), "range", "ledger/entries", ""},
		{"an entry that is as long as can be", put(format.FileEntries, "\xff\xff"+strings.Repeat("x", 1<<16-1)), "range", "ledger/entries", ""},
		{"a document that does not end", put(format.FileDocuments, "entry 1\n"+strings.Repeat("- "+strings.Repeat("A", 43)+"=\n", 400_000)), "documents", "ledger/documents", ""},
		{"a document of one line", put(format.FileDocuments, "entry 1\n"+strings.Repeat("x", 17<<20)), "documents", "ledger/documents", ""},
		{"a reference that does not end", put(format.FileReferences, "entry 0\n"+strings.Repeat("proof "+strings.Repeat("A", 43)+"=\n", 200_000)), "references", "ledger/references", ""},
		{"a row that does not end", rows(strings.Repeat("x", maxRow+1)), "records", "records/cases.jsonl", ""},
		{"brackets without end", rows(`{"entry":2,"a":` + strings.Repeat("[", 8<<20) + "\n"), "records", "records/cases.jsonl", "JSON"},
		{"brackets within brackets", rows(`{"entry":2,"a":` + strings.Repeat("[", 2<<20) + strings.Repeat("]", 2<<20) + "}\n"), "records", "records/cases.jsonl", "JSON"},
		{"columns without end", rows(`{"entry":2` + columns(100_000) + "}\n"), "records", "records/cases.jsonl", "columns"},
		{"a name without end", rows(`{"entry":2,"` + strings.Repeat("n", 8<<20) + `":1}` + "\n"), "records", "records/cases.jsonl", ""},
		{"cells without end", put("records/cases.csv", "entry,commitment"+strings.Repeat(",", 4<<20)+"\n"+strings.Repeat(strings.Repeat(",", 4<<20+1)+"\n", 4)), "records", "records/cases.csv", "columns"},
		{"a cell without end", put("records/cases.csv", "entry,commitment\n\""+strings.Repeat("x", maxRow+1)), "records", "records/cases.csv", ""},
		{"text that speaks to a terminal", rows("\x1b]0;owned\x07\n"), "records", "records/cases.jsonl", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := smallLog()
			f := smallFiles(l)
			test.change(l, f)
			b := l.pack(t, f)
			var err error
			within64(t, len(b)+size(f), func() { _, err = checkBytes(b, Options{Limits: format.Limits{Ratio: math.MaxInt64}}) })
			if f, ok := errors.AsType[*Failure](err); !ok || f.Stage != test.stage || f.File != test.file || f.What == "" || !strings.Contains(f.What, test.what) {
				t.Fatalf("%.300v, want %s: %s: … %s …", err, test.stage, test.file, test.what)
			}
			if strings.ContainsAny(err.Error(), "\x1b\x07") || len(err.Error()) > 2000 {
				t.Errorf("the reason is %d bytes, or acts on a terminal: %.200q", len(err.Error()), err)
			}
		})
	}
}

func size(f files) (n int) {
	for _, content := range f {
		n += len(content)
	}
	return n
}

func columns(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"c%d":1`, i)
	}
	return b.String()
}

// within64 checks that f takes at most 64 MiB and eight times its input
// altogether, whatever of it is let go meanwhile.
func within64(t *testing.T, input int, f func()) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	if took, most := after.TotalAlloc-before.TotalAlloc, uint64(64<<20+8*input); took > most {
		t.Errorf("%d bytes took %d, more than %d", input, took, most)
	}
}

// A tree may be as large as its key's owner likes to sign: what is not there
// cannot be shown, and what is said of it costs nothing.
func TestHugeTree(t *testing.T) {
	for _, test := range []struct {
		name, span, file string
	}{
		{"entries that are not there", fmt.Sprintf("first 0\ncount %d\n", int64(1)<<60), format.FileEntries},
		{"no entries", fmt.Sprintf("first %d\ncount 0\nleft %s\n", int64(1)<<60, strings.Repeat("A", 43)+"="), ""},
	} {
		l := newLog("log.example", 9)
		f := l.files(0, 0)
		const head = 1 << 60
		f[format.FileRange] = []byte(test.span)
		f[format.FileCheckpoint] = l.sign(format.Checkpoint{Origin: l.key.Origin, Size: head}) // root 0
		var out bytes.Buffer
		a := format.NewArchive(&out, nil)
		for _, path := range slices.Sorted(maps.Keys(f)) {
			w, err := a.Create(path)
			if err == nil {
				_, err = w.Write(f[path])
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		sums, err := a.Manifest()
		if err != nil {
			t.Fatal(err)
		}
		// The seal is the first entry of the right half.
		l.act(format.SealAct, "p4ckAgeR1kqT0yKp2v7yJ3", map[string]any{
			"manifest_sha256": fmt.Sprintf("%x", sums.Manifest), "archive_sha256": fmt.Sprintf("%x", sums.Archive)})
		l.docs[0].Index = head
		right := l.leaves[0]
		for range 60 {
			right = format.NodeHash(right, format.Hash{})
		}
		proof := format.Proof{Index: head, Hashes: make([]format.Hash, 61), Checkpoint: l.sign(format.Checkpoint{
			Origin: l.key.Origin, Size: 2 * head, Root: format.NodeHash(format.Hash{}, right)})}
		if err := a.Close(l.entries[0], l.docs[0].Append(nil), proof.Append(nil), format.AppendHashes(nil, []format.Hash{right})); err != nil {
			t.Fatal(err)
		}
		b := out.Bytes()
		var s *Summary
		within64(t, len(b), func() { s, err = checkBytes(b, Options{}) })
		if f, failed := errors.AsType[*Failure](err); test.file == "" && (err != nil || s.Tree != head || s.Count != 0) ||
			test.file != "" && (!failed || f.File != test.file || !strings.Contains(f.What, "missing")) {
			t.Errorf("%s: %+v, %v", test.name, s, err)
		}
	}
}

// A file whose data expands to more than it says ends there: the rest of the
// bomb is never unpacked.
func TestBomb(t *testing.T) {
	b, _ := smallPackage(t)
	var packed bytes.Buffer
	w, err := flate.NewWriter(&packed, flate.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(w, zeros{}, 32<<20); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	bomb := withData(t, b, "README.txt", packed.Bytes())
	within64(t, len(bomb), func() { _, err = checkBytes(bomb, Options{}) })
	want(t, err, "manifest", "README.txt", none, "expands to more")
	for name, tail := range map[string][]byte{
		"a directory that is larger than the limit": end(1000, 100<<20, 1<<32-200<<20),
		"a directory of ZIP64 at the end of all":    end(math.MaxUint16, math.MaxUint32, math.MaxUint32),
	} {
		path := filepath.Join(t.TempDir(), "sparse.zip")
		file, err := os.Create(path)
		if err == nil {
			_, err = file.Write([]byte("PK\x03\x04"))
		}
		if err == nil {
			_, err = file.WriteAt(tail, 1<<32-100<<20)
		}
		if err == nil {
			err = file.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
		within64(t, 0, func() { _, err = Package(t.Context(), path, Options{}) })
		if f, ok := errors.AsType[*Failure](err); !ok || f.Stage != "archive" || f.What == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// withData returns an archive with other data of one file, under the headers
// that it has.
func withData(t *testing.T, b []byte, name string, data []byte) []byte {
	t.Helper()
	r, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for _, f := range r.File {
		raw, err := f.OpenRaw()
		if err == nil && f.Name == name {
			f.CompressedSize64, raw = uint64(len(data)), bytes.NewReader(data)
		}
		var w io.Writer
		if err == nil {
			w, err = z.CreateRaw(&f.FileHeader)
		}
		if err == nil {
			_, err = io.Copy(w, raw)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// end is the end of an archive's directory, APPNOTE.TXT §4.3.16.
func end(count uint16, size, offset uint32) []byte {
	b := append([]byte("PK\x05\x06"), make([]byte, 18)...)
	binary.LittleEndian.PutUint16(b[8:], count)
	binary.LittleEndian.PutUint16(b[10:], count)
	binary.LittleEndian.PutUint32(b[12:], size)
	binary.LittleEndian.PutUint32(b[16:], offset)
	return b
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}
