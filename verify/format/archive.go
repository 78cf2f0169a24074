package format

import (
	"bufio"
	"compress/flate"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"math"
	"slices"
	"strings"
)

// Compressor deflates (RFC 1951) what is written to it; compress/flate's
// Writer is one.
type Compressor interface {
	io.WriteCloser
	Reset(w io.Writer)
}

// Archive writes a package: files, then their manifest, then the seal over
// both. A call after one that failed fails as well.
type Archive struct {
	out     *bufio.Writer
	deflate Compressor
	written int64
	sum     hash.Hash // of everything written
	paths   paths
	members []Member
	sums    []Hash // of the files, by member
	open    *memberWriter
	seal    Seal
	err     error
}

// NewArchive returns an archive that is written to w, from its first byte.
// Deflate compresses its files one after the other; nil is compress/flate.
func NewArchive(w io.Writer, deflate Compressor) *Archive {
	if deflate == nil {
		deflate, _ = flate.NewWriter(io.Discard, flate.DefaultCompression) // fails for other levels only
	}
	return &Archive{out: bufio.NewWriterSize(w, 64<<10), deflate: deflate, sum: sha256.New(), paths: paths{}}
}

// Seal is what the document of a package's seal commits to, as manifest_sha256
// and archive_sha256 in hex.
type Seal struct {
	Manifest Hash // SHA-256 of MANIFEST.sha256
	Archive  Hash // SHA-256 of the archive's bytes before seal/
}

// Create begins a file and ends the one before. It fails for a path that
// CheckPath refuses, that exists, or that is not the caller's to write.
func (a *Archive) Create(path string) (io.Writer, error) {
	if path == FileManifest || strings.HasPrefix(path, "seal/") {
		return nil, fmt.Errorf("%s is written by the archive itself", path)
	}
	return a.create(path)
}

// Manifest ends the last file and writes the manifest of all. What it returns
// goes into the document of the seal.
func (a *Archive) Manifest() (Seal, error) {
	a.closeFile()
	lines := make([]string, len(a.members))
	for i := range a.members {
		lines[i] = string(AppendManifest(nil, a.sums[i], a.members[i].Name))
	}
	slices.SortFunc(lines, func(x, y string) int { return strings.Compare(x[2*sha256.Size:], y[2*sha256.Size:]) })
	w, err := a.create(FileManifest)
	if err != nil {
		return Seal{}, err
	}
	for _, line := range lines {
		if _, err := io.WriteString(w, line); err != nil {
			return Seal{}, err
		}
	}
	a.closeFile()
	a.seal = Seal{a.sums[len(a.sums)-1], Hash(a.sum.Sum(nil))}
	return a.seal, a.err
}

// Close writes the seal, the contents of the files of Last after the manifest,
// and the directory. It does not close the writer below.
func (a *Archive) Close(entry, document, proof, consistency []byte) error {
	return a.end(Last[1:], entry, document, proof, consistency)
}

// CloseRedacted is Close for a package that was redacted after it was sealed:
// the seal is that of the whole one, and what was written here is not part of
// what the log signed.
func (a *Archive) CloseRedacted(entry, document, proof, consistency []byte) error {
	return a.end(LastRedacted[1:], entry, document, proof, consistency, a.seal.AppendRedacted(nil))
}

func (a *Archive) end(paths []string, contents ...[]byte) error {
	if a.closeFile(); len(a.members) == 0 || a.members[len(a.members)-1].Name != FileManifest {
		return errors.New("a package is sealed after its manifest")
	}
	for i, content := range contents {
		w, err := a.create(paths[i])
		if err != nil {
			return err
		}
		if _, err := w.Write(content); err != nil {
			return err
		}
	}
	a.closeFile()
	start := a.written
	for i := range a.members {
		a.write(a.members[i].appendCentral(nil))
	}
	a.write(appendEnd(nil, int64(len(a.members)), start, a.written-start))
	if a.err == nil {
		a.err = a.out.Flush()
	}
	return a.err
}

func (a *Archive) create(path string) (io.Writer, error) {
	a.closeFile()
	if a.err != nil {
		return nil, a.err
	}
	if err := a.paths.add(path); err != nil {
		return nil, err
	}
	m := Member{Name: path, Offset: a.written}
	a.write(m.appendLocal(nil))
	f := &memberWriter{archive: a, member: m, sum: sha256.New(), content: rawWriter{a}}
	if !m.stored() {
		a.deflate.Reset(rawWriter{a})
		f.content = a.deflate
	}
	a.open = f
	return f, a.err
}

// closeFile ends the open file.
func (a *Archive) closeFile() {
	f := a.open
	if f == nil || a.err != nil {
		return
	}
	a.open = nil
	if !f.member.stored() {
		a.fail(a.deflate.Close())
	}
	f.member.Packed = a.written - f.member.data()
	if max(f.member.Packed, f.member.Size) >= math.MaxUint32 {
		a.fail(fmt.Errorf("%s is longer than 4 GiB", f.member.Name))
	}
	a.write(f.member.appendDescriptor(nil))
	a.members = append(a.members, f.member)
	a.sums = append(a.sums, Hash(f.sum.Sum(nil)))
}

// fail keeps the first error.
func (a *Archive) fail(err error) {
	if a.err == nil {
		a.err = err
	}
}

func (a *Archive) write(b []byte) {
	if a.err != nil {
		return
	}
	n, err := a.out.Write(b)
	a.sum.Write(b[:n])
	a.written += int64(n)
	a.fail(err)
}

// rawWriter writes to the archive as it is.
type rawWriter struct{ a *Archive }

func (w rawWriter) Write(b []byte) (int, error) {
	w.a.write(b)
	if w.a.err != nil {
		return 0, w.a.err
	}
	return len(b), nil
}

// memberWriter writes one file.
type memberWriter struct {
	archive *Archive
	member  Member
	sum     hash.Hash
	content io.Writer
}

func (w *memberWriter) Write(b []byte) (int, error) {
	if w.archive.open != w {
		return 0, fmt.Errorf("%s is written after the next file was begun", w.member.Name)
	}
	w.sum.Write(b)
	w.member.crc = crc32.Update(w.member.crc, crc32.IEEETable, b)
	w.member.Size += int64(len(b))
	n, err := w.content.Write(b)
	w.archive.fail(err)
	return n, err
}
