package format

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"strings"
	"testing"
	"testing/iotest"
)

// archiveOf writes an archive of files, each a path and its content, with a
// seal that says nothing.
func archiveOf(t testing.TB, files ...string) []byte {
	t.Helper()
	var out bytes.Buffer
	a := NewArchive(&out, nil)
	for i := 0; i < len(files); i += 2 {
		w, err := a.Create(files[i])
		if err == nil {
			_, err = io.WriteString(w, files[i+1])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := a.Manifest(); err != nil {
		t.Fatal(err)
	}
	if err := a.Close([]byte("entry"), []byte("document"), []byte("proof"), nil); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func openContainer(b []byte) (*Container, error) {
	return OpenContainer(bytes.NewReader(b), int64(len(b)), Limits{})
}

var someFiles = []string{
	"README.txt", strings.Repeat("read this. ", 1000),
	"ledger/key", "key", "raw/1.eml", strings.Repeat("x", 70000),
	"empty", "", "records/cases.csv", "a,b\n",
}

func TestArchive(t *testing.T) {
	b := archiveOf(t, someFiles...)
	c, err := openContainer(b)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Members) != len(someFiles)/2+len(Last) {
		t.Fatalf("%d files", len(c.Members))
	}
	for i := range len(someFiles) / 2 {
		got, err := io.ReadAll(c.Open(&c.Members[i]))
		if err != nil || c.Members[i].Name != someFiles[2*i] || string(got) != someFiles[2*i+1] {
			t.Errorf("%s: %d bytes, %v", c.Members[i].Name, len(got), err)
		}
	}
	if m := &c.Members[1]; m.Packed != m.Size {
		t.Error("a file of the ledger is not stored")
	} else if got, err := io.ReadAll(c.Stored(m)); err != nil || string(got) != "key" {
		t.Errorf("stored %q, %v", got, err)
	}
	if !bytes.Equal(b, archiveOf(t, someFiles...)) {
		t.Error("the same files make another archive")
	}
}

// Others must be able to open what we write.
func TestArchiveIsZIP(t *testing.T) {
	b := archiveOf(t, someFiles...)
	r, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range r.File[:len(someFiles)/2] {
		content, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(content)
		if err != nil || f.Name != someFiles[2*i] || string(got) != someFiles[2*i+1] {
			t.Errorf("%s: %d bytes, %v", f.Name, len(got), err)
		}
		if f.Mode().Perm()&0o444 == 0 || f.Modified.Year() != 1980 {
			t.Errorf("%s: mode %v, time %v", f.Name, f.Mode(), f.Modified)
		}
	}
}

func TestManifestOfArchive(t *testing.T) {
	var out bytes.Buffer
	a := NewArchive(&out, nil)
	for _, path := range []string{"b", "README.txt", "a/c"} {
		w, err := a.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, path); err != nil {
			t.Fatal(err)
		}
	}
	seal, err := a.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Close(nil, nil, nil, nil); err != nil {
		t.Fatal(err)
	}
	c, err := openContainer(out.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(c.Open(&c.Members[3]))
	if err != nil {
		t.Fatal(err)
	}
	want := ""
	for _, path := range []string{"README.txt", "a/c", "b"} {
		want += fmt.Sprintf("%x  %s\n", sha256.Sum256([]byte(path)), path)
	}
	if string(got) != want || seal.Manifest != sha256.Sum256(got) {
		t.Errorf("the manifest is %q", got)
	}
	before, err := io.ReadAll(c.Before(&c.Members[4]))
	if err != nil || seal.Archive != sha256.Sum256(before) || !bytes.HasPrefix(out.Bytes(), before) {
		t.Errorf("the archive's sum is not of its %d bytes before the seal: %v", len(before), err)
	}
}

func TestCreateRefuses(t *testing.T) {
	for _, path := range []string{"a", "A", "a/b", "b", "seal/entry", "seal/more", FileManifest, "../x", "/x", ""} {
		a := NewArchive(io.Discard, nil)
		for _, good := range []string{"a", "b/c"} {
			if _, err := a.Create(good); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := a.Create(path); err == nil {
			t.Errorf("%q was created", path)
		}
	}
	a := NewArchive(io.Discard, nil)
	first, err := a.Create("a")
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Close(nil, nil, nil, nil); err == nil {
		t.Error("sealed without a manifest")
	}
	if _, err := a.Create("b"); err != nil {
		t.Fatal(err)
	}
	if _, err := first.Write([]byte("late")); err == nil {
		t.Error("written to a file that had ended")
	}
}

// full is a disk that takes n bytes.
type full struct{ n int }

func (f *full) Write(b []byte) (int, error) {
	if f.n -= len(b); f.n < 0 {
		return 0, errors.New("disk full")
	}
	return len(b), nil
}

func TestArchiveTellsOfFullDisk(t *testing.T) {
	whole := len(archiveOf(t, someFiles...))
	for n := 0; n < whole; n += 1000 {
		a := NewArchive(&full{n}, nil)
		for i := 0; i < len(someFiles); i += 2 {
			if w, err := a.Create(someFiles[i]); err == nil {
				_, _ = io.WriteString(w, someFiles[i+1])
			}
		}
		_, _ = a.Manifest()
		if err := a.Close([]byte("entry"), []byte("document"), []byte("proof"), nil); err == nil {
			t.Errorf("a disk of %d bytes took %d", n, whole)
		}
	}
}

func TestContainerRefuses(t *testing.T) {
	good := archiveOf(t, someFiles...)
	edit := func(f func(b []byte) []byte) []byte { return f(bytes.Clone(good)) }
	at := func(b []byte, s string) int { return bytes.Index(b, []byte(s)) }
	for name, bad := range map[string][]byte{
		"nothing":           nil,
		"text":              []byte(strings.Repeat("no archive ", 20)),
		"only a header":     good[:40],
		"cut short":         good[:len(good)-1],
		"bytes before":      append([]byte("PK\x03\x04"), good...),
		"bytes behind":      append(bytes.Clone(good), 0),
		"a comment":         edit(func(b []byte) []byte { b[len(b)-2] = 1; return append(b, '!') }),
		"a second end":      append(bytes.Clone(good), good[len(good)-endSize:]...),
		"encrypted":         edit(func(b []byte) []byte { b[6] |= 1; b[at(b, "PK\x01\x02")+8] |= 1; return b }),
		"a link":            edit(func(b []byte) []byte { b[at(b, "PK\x01\x02")+41] = 0xa0; return b }),
		"a file's comment":  edit(func(b []byte) []byte { b[at(b, "PK\x01\x02")+32] = 1; return b }),
		"a time":            edit(func(b []byte) []byte { b[10] = 1; b[at(b, "PK\x01\x02")+12] = 1; return b }),
		"names that differ": edit(func(b []byte) []byte { b[localSize] = 'r'; return b }),
		"overlapping files": edit(func(b []byte) []byte { i := at(b, "PK\x01\x02") + centralSize + 10; b[i+42] = 0; b[i+43] = 0; return b }),
		"a descriptor":      edit(func(b []byte) []byte { b[at(b, "PK\x07\x08")+5] ^= 1; return b }),
		"a size of 4 GiB":   edit(func(b []byte) []byte { copy(b[at(b, "PK\x01\x02")+24:], "\xff\xff\xff\xff"); return b }),
		"too large a file":  edit(func(b []byte) []byte { copy(b[at(b, "PK\x01\x02")+20:], "\xff\xff\xff\x00"); return b }),
		"more files":        edit(func(b []byte) []byte { b[len(b)-14]++; b[len(b)-12]++; return b }),
		"fewer files":       edit(func(b []byte) []byte { b[len(b)-14]--; b[len(b)-12]--; return b }),
		"a huge directory":  edit(func(b []byte) []byte { copy(b[len(b)-10:], "\xff\xff\xff\x7f"); return b }),
		"another disk":      edit(func(b []byte) []byte { b[len(b)-18] = 1; return b }),
		"a moved directory": edit(func(b []byte) []byte { b[len(b)-6]++; return b }),
		"a gap": edit(func(b []byte) []byte {
			i := at(b, "PK\x01\x02")
			return append(b[:i:i], append([]byte{0}, b[i:]...)...)
		}),
		"a directory of 0":   edit(func(b []byte) []byte { copy(b[len(b)-10:], "\x00\x00\x00\x00"); return b }),
		"64 bits of nothing": edit(func(b []byte) []byte { copy(b[len(b)-14:], bytes.Repeat([]byte{255}, 12)); return b }),
	} {
		if _, err := openContainer(bad); err == nil {
			t.Errorf("%s: opened", name)
		}
	}
	for _, name := range []string{"../evil", "/etc/passwd", `a\b`, "C:evil", "a//b", "folder/", "f\xff", "é"} {
		var out bytes.Buffer
		z := zip.NewWriter(&out)
		if _, err := z.CreateRaw(&zip.FileHeader{Name: name}); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := openContainer(out.Bytes()); err == nil || !strings.Contains(err.Error(), "path") {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// lie writes one deflated file whose headers say other than its data.
func lie(packed []byte, m Member) []byte {
	m.Name, m.Packed = "file", int64(len(packed))
	b := append(m.appendLocal(nil), packed...)
	b = m.appendDescriptor(b)
	at := int64(len(b))
	b = m.appendCentral(b)
	return appendEnd(b, 1, at, int64(len(b))-at)
}

func TestContentRefuses(t *testing.T) {
	var packed bytes.Buffer
	w, err := flate.NewWriter(&packed, flate.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	text := []byte(strings.Repeat("text ", 1000))
	if _, err := w.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	size, crc := int64(len(text)), crc32.ChecksumIEEE(text)
	for name, test := range map[string]struct {
		b  []byte
		ok bool
	}{
		"good":               {lie(packed.Bytes(), Member{Size: size, crc: crc}), true},
		"too long":           {lie(packed.Bytes(), Member{Size: size - 1, crc: crc}), false},
		"too short":          {lie(packed.Bytes(), Member{Size: size + 1, crc: crc}), false},
		"another checksum":   {lie(packed.Bytes(), Member{Size: size, crc: crc + 1}), false},
		"bytes behind":       {lie(append(packed.Bytes(), 0), Member{Size: size, crc: crc}), false},
		"data that is cut":   {lie(packed.Bytes()[:packed.Len()-1], Member{Size: size, crc: crc}), false},
		"data that is noise": {lie([]byte("\xff\xff\xff"), Member{Size: size, crc: crc}), false},
	} {
		c, err := openContainer(test.b)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, r := range []io.Reader{c.Open(&c.Members[0]), iotest.OneByteReader(c.Open(&c.Members[0]))} {
			got, err := io.ReadAll(r)
			if ok := err == nil && bytes.Equal(got, text); ok != test.ok {
				t.Errorf("%s: %d bytes, %v", name, len(got), err)
			}
		}
	}
}

func TestLimits(t *testing.T) {
	b := lie(nil, Member{Size: ratioFrom + 1})
	for name, test := range map[string]struct {
		limits Limits
		want   string
	}{
		"ratio":     {Limits{}, "expands"},
		"raised":    {Limits{Ratio: 1 << 20}, ""},
		"total":     {Limits{Ratio: 1 << 20, Total: ratioFrom}, "more than the limit"},
		"directory": {Limits{Ratio: 1 << 20, Directory: 40}, "directory"},
	} {
		_, err := OpenContainer(bytes.NewReader(b), int64(len(b)), test.limits)
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A ZIP archive counts files in 16 bits; above, the form is another.
func TestManyFiles(t *testing.T) {
	const n = math.MaxUint16
	if len(appendEnd(nil, n-1, 0, 0)) != endSize || len(appendEnd(nil, n, 0, 0)) != endSize+end64Size {
		t.Errorf("the form does not change at %d files", n)
	}
	files := make([]string, 0, 2*n)
	for i := range n - len(Last) {
		files = append(files, fmt.Sprintf("raw/%05d", i), "x")
	}
	b := archiveOf(t, files...)
	c, err := openContainer(b)
	if err != nil || len(c.Members) != n {
		t.Errorf("%d files: %v", n, err)
	}
	if z, err := zip.NewReader(bytes.NewReader(b), int64(len(b))); err != nil || len(z.File) != n {
		t.Errorf("%d files for others: %v", n, err)
	}
}

// shifted is an archive's end that lies base bytes into a file of zeros.
type shifted struct {
	io.ReaderAt
	base int64
}

func (s shifted) ReadAt(b []byte, at int64) (int, error) {
	zeros := int(min(max(s.base-at, 0), int64(len(b))))
	clear(b[:zeros])
	n, err := s.ReaderAt.ReadAt(b[zeros:], max(at-s.base, 0))
	return zeros + n, err
}

// A ZIP archive has offsets of 32 bits; above, the form is another.
func TestFarOffsets(t *testing.T) {
	for _, base := range []int64{math.MaxUint32 - 100, math.MaxUint32 - 1, math.MaxUint32, math.MaxUint32 + 1, 1 << 40} {
		var out bytes.Buffer
		a := NewArchive(&out, nil)
		a.written = base
		if _, err := a.Create("a"); err != nil {
			t.Fatal(err)
		}
		if _, err := a.Manifest(); err != nil {
			t.Fatal(err)
		}
		if err := a.Close(nil, nil, nil, nil); err != nil {
			t.Fatal(err)
		}
		r, size := shifted{bytes.NewReader(out.Bytes()), base}, base+int64(out.Len())
		z, err := zip.NewReader(r, size)
		if err != nil {
			t.Errorf("base %d: %v", base, err)
			continue
		}
		if f, err := z.File[0].Open(); err != nil {
			t.Errorf("base %d: %v", base, err)
		} else if _, err := io.ReadAll(f); err != nil {
			t.Errorf("base %d: %v", base, err)
		}
		end, err := readEnd(r, size)
		if err != nil {
			t.Errorf("base %d: %v", base, err)
			continue
		}
		directory := out.Bytes()[end.offset-base:][:end.size]
		first := Member{Name: "a", Offset: base, Packed: a.members[0].Packed, crc: a.members[0].crc}
		if !bytes.HasPrefix(directory, first.appendCentral(nil)) {
			t.Errorf("base %d: the directory begins with %q", base, directory[:80])
		}
	}
}

func FuzzContainer(f *testing.F) {
	f.Add(archiveOf(f, "a", "text", "ledger/key", "key"))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := openContainer(b)
		if err != nil {
			return
		}
		for i := range c.Members {
			n, err := io.Copy(io.Discard, c.Open(&c.Members[i]))
			if err == nil && n != c.Members[i].Size {
				t.Errorf("%s has %d bytes of %d", c.Members[i].Name, n, c.Members[i].Size)
			}
		}
	})
}
