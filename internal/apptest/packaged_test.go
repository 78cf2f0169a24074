package apptest

import (
	"archive/zip"
	"bytes"
	"cmp"
	"compress/flate"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"example.org/countersign/verify"
	"example.org/countersign/verify/format"
)

// packaged is an evidence package that is changed.
type packaged struct {
	t     *testing.T
	path  string
	whole []byte
	files []format.Member
	parts []part
	packs map[[32]byte][]byte // content as it is deflated
}

// localHeader is the length of what stands before a file's name and data,
// APPNOTE.TXT §4.3.7.
const localHeader = 30

// part is a file of a package.
type part struct {
	name    string
	content []byte
}

func newPackaged(t *testing.T, v *variety) *packaged {
	t.Helper()
	p := &packaged{t: t, path: filepath.Join(t.TempDir(), "package.zip"), whole: v.pack, packs: map[[32]byte][]byte{}}
	c, err := format.OpenContainer(bytes.NewReader(v.pack), int64(len(v.pack)), format.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	p.files = c.Members
	for i := range c.Members {
		content, err := io.ReadAll(c.Open(&c.Members[i]))
		if err != nil {
			t.Fatal(err)
		}
		m := &c.Members[i]
		p.parts = append(p.parts, part{m.Name, content})
		if at := m.Offset + localHeader + int64(len(m.Name)); !stored(m.Name) {
			p.packs[sha256.Sum256(content)] = v.pack[at : at+m.Packed]
		}
	}
	if !bytes.Equal(p.pack(p.parts), p.whole) {
		t.Fatal("files that are packed again as they are make another package")
	}
	if err := os.WriteFile(p.path, p.whole, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := verify.Package(t.Context(), p.path, verify.Options{}); err != nil {
		t.Fatal(err)
	}
	return p
}

// targets are what can be changed of a package: bytes of the archive as it is,
// and its files where somebody packs them again, with and without a manifest
// that fits them.
func (p *packaged) targets() (all []target) {
	add := func(name, class string, draw func(*rand.Rand) *change) {
		all = append(all, target{"package: " + name, "package: " + class, draw})
	}
	add("bytes of the archive", "bytes of the archive", p.bytesOf)
	add("cut", "archive cut or longer", func(r *rand.Rand) *change {
		n := r.IntN(len(p.whole))
		return p.change(fmt.Sprintf("cut to %d bytes", n), p.whole[:n], nil)
	})
	add("longer", "archive cut or longer", func(r *rand.Rand) *change {
		at := r.IntN(len(p.whole) + 1)
		return p.change(fmt.Sprintf("a byte inserted at %d", at), slices.Insert(bytes.Clone(p.whole), at, byte(r.Uint32())), nil)
	})
	add("a file twice", "files", p.twice)
	add("a file more", "files", p.more)
	add("order of files", "files", p.order)
	for i, m := range p.files {
		if m.Packed > 0 {
			add("a byte of "+m.Name, "bytes of a file", p.byteOf(i))
		}
		add(m.Name+" altered", "content of a file", p.altered(i))
		add(m.Name+" removed", "files", p.removed(i))
		add(m.Name+" renamed", "files", p.renamed(i))
		add(m.Name+" exchanged", "files", p.exchanged(i))
	}
	return all
}

// change writes another package and says which files its failure may name: any
// where there is none.
func (p *packaged) change(what string, b []byte, names []string) *change {
	if bytes.Equal(b, p.whole) {
		return nil
	}
	return &change{
		what: what,
		do:   func() error { return os.WriteFile(p.path, b, 0o600) },
		undo: func() {},
		find: func() string {
			_, err := verify.Package(p.t.Context(), p.path, verify.Options{})
			f, ok := errors.AsType[*verify.Failure](err)
			switch {
			case err == nil:
				return "the package holds"
			case !ok || f.Stage == "" || f.What == "":
				return fmt.Sprintf("no finding but an error: %v", err)
			case names != nil && !slices.Contains(names, f.File) && !slices.ContainsFunc(names, func(n string) bool { return n != "" && f.File == "" && strings.Contains(f.What, n) }):
				return fmt.Sprintf("found and not named: %v; want one of %q", err, names)
			}
			return ""
		},
	}
}

// bytesOf alters bytes anywhere in the archive.
func (p *packaged) bytesOf(r *rand.Rand) *change {
	b := bytes.Clone(p.whole)
	at, n := r.IntN(len(b)), 1
	if r.IntN(2) == 0 {
		n = min(1+r.IntN(64), len(b)-at)
	}
	for i := at; i < at+n; i++ {
		b[i] = byte(r.Uint32())
	}
	return p.change(fmt.Sprintf("%d bytes at %d", n, at), b, nil)
}

// byteOf alters a byte of a file's data in the archive.
func (p *packaged) byteOf(i int) func(*rand.Rand) *change {
	m := p.files[i]
	return func(r *rand.Rand) *change {
		b := bytes.Clone(p.whole)
		start := m.Offset + localHeader + int64(len(m.Name))
		at := start + r.Int64N(m.Packed)
		b[at] ^= 1 << r.IntN(8)
		names := p.names(m.Name)
		if !stored(m.Name) { // there are several ways to pack the same content
			content, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(b[start:start+m.Packed])), int64(len(p.parts[i].content))+1))
			if err == nil && bytes.Equal(content, p.parts[i].content) {
				names = append(names, "the archive around")
			}
		}
		return p.change(fmt.Sprintf("byte %d", at), b, names)
	}
}

// names are the files that a failure may name where the content of one is
// another: those of the seal prove each other.
func (p *packaged) names(names ...string) []string {
	for _, name := range names {
		if slices.Contains(format.Last, name) {
			return append(names, format.Last...)
		}
	}
	return names
}

// again packs files again, now and then with a manifest that fits them.
func (p *packaged) again(r *rand.Rand, what string, parts []part, names ...string) *change {
	if r.IntN(2) == 0 {
		parts, names, what = withManifest(parts), append(names, format.FileManifest), what+", with its manifest"
	}
	return p.change(what, p.pack(parts), names)
}

func (p *packaged) altered(i int) func(*rand.Rand) *change {
	return func(r *rand.Rand) *change {
		parts := slices.Clone(p.parts)
		parts[i].content = otherBytes(r, parts[i].content, false)
		return p.again(r, "altered", parts, p.names(parts[i].name)...)
	}
}

func (p *packaged) removed(i int) func(*rand.Rand) *change {
	return func(r *rand.Rand) *change {
		parts := slices.Delete(slices.Clone(p.parts), i, i+1)
		return p.again(r, "removed", parts, p.parts[i].name)
	}
}

func (p *packaged) renamed(i int) func(*rand.Rand) *change {
	return func(r *rand.Rand) *change {
		parts := slices.Clone(p.parts)
		parts[i].name = []string{"A" + parts[i].name, parts[i].name + ".bak", "raw/" + parts[i].name, strings.ToUpper(parts[i].name)}[r.IntN(4)]
		return p.again(r, "renamed to "+parts[i].name, parts, p.parts[i].name, parts[i].name)
	}
}

// exchanged gives two files each other's content.
func (p *packaged) exchanged(i int) func(*rand.Rand) *change {
	return func(r *rand.Rand) *change {
		k := r.IntN(len(p.parts))
		if bytes.Equal(p.parts[i].content, p.parts[k].content) {
			return nil
		}
		parts := slices.Clone(p.parts)
		parts[i].content, parts[k].content = parts[k].content, parts[i].content
		return p.again(r, "exchanged with "+parts[k].name, parts, p.names(parts[i].name, parts[k].name)...)
	}
}

func (p *packaged) twice(r *rand.Rand) *change {
	x := p.parts[r.IntN(len(p.parts))]
	parts := slices.Insert(slices.Clone(p.parts), r.IntN(len(p.parts)), x)
	return p.again(r, x.name+" twice", parts, x.name)
}

func (p *packaged) more(r *rand.Rand) *change {
	x := part{fmt.Sprintf("%s/added-%d", []string{"raw", "records", "ledger", "notes"}[r.IntN(4)], r.IntN(100)), p.parts[r.IntN(len(p.parts))].content}
	parts := slices.Insert(slices.Clone(p.parts), r.IntN(len(p.parts)-len(format.Last)), x)
	return p.again(r, x.name+" added", parts, x.name)
}

// order moves a file: the archive around the files is not the one that was
// sealed, or the seal is not where it belongs.
func (p *packaged) order(r *rand.Rand) *change {
	parts := slices.Clone(p.parts)
	i := r.IntN(len(parts))
	x := parts[i]
	parts = slices.Insert(slices.Delete(parts, i, i+1), r.IntN(len(parts)), x)
	return p.change(x.name+" moved", p.pack(parts), nil)
}

// withManifest returns files with a manifest that fits them.
func withManifest(parts []part) []part {
	parts = slices.Clone(parts)
	listed := slices.DeleteFunc(slices.Clone(parts), func(x part) bool { return slices.Contains(format.Last, x.name) })
	slices.SortFunc(listed, func(a, b part) int { return cmp.Compare(a.name, b.name) })
	var manifest []byte
	for _, x := range listed {
		manifest = format.AppendManifest(manifest, sha256.Sum256(x.content), x.name)
	}
	for i := range parts {
		if parts[i].name == format.FileManifest {
			parts[i].content = manifest
		}
	}
	return parts
}

// pack writes an archive as packages are, but of files that a package could
// not have.
func (p *packaged) pack(parts []part) []byte {
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for _, x := range parts {
		h := zip.FileHeader{
			Name: x.name, CreatorVersion: 20, ReaderVersion: 20, Flags: 8,
			ModifiedDate: 1<<5 | 1, //lint:ignore SA1019 CreateRaw writes this field and not Modified
			CRC32:        crc32.ChecksumIEEE(x.content), UncompressedSize64: uint64(len(x.content)),
		}
		data := x.content
		if !stored(x.name) {
			h.Method, data = zip.Deflate, p.deflate(data)
		}
		h.CompressedSize64 = uint64(len(data))
		w, err := z.CreateRaw(&h)
		if err == nil {
			_, err = w.Write(data)
		}
		if err != nil {
			p.t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		p.t.Fatal(err)
	}
	return out.Bytes()
}

// stored reports whether a package has a file as it is.
func stored(name string) bool {
	folder, _, _ := strings.Cut(name, "/")
	return slices.Contains([]string{"ledger", "raw", "seal"}, folder)
}

func (p *packaged) deflate(b []byte) []byte {
	sum := sha256.Sum256(b)
	if packed, ok := p.packs[sum]; ok {
		return packed
	}
	var out bytes.Buffer
	w, err := flate.NewWriter(&out, flate.BestSpeed)
	if err == nil {
		_, err = w.Write(b)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		p.t.Fatal(err)
	}
	p.packs[sum] = out.Bytes()
	return out.Bytes()
}
