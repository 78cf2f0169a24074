package backup

import (
	"archive/tar"
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"

	"filippo.io/age"
)

// archive writes members into an encrypted file. Each member's hash goes into
// lists that are members themselves, so that neither side keeps them all.
type archive struct {
	out   *bufio.Writer
	enc   io.WriteCloser
	tar   *tar.Writer
	sums  sums
	lists int
}

func newArchive(w io.Writer, to []age.Recipient) (*archive, error) {
	a := &archive{out: bufio.NewWriterSize(w, 1<<20), sums: newSums()}
	var err error
	if a.enc, err = age.Encrypt(a.out, to...); err != nil {
		return nil, fmt.Errorf("encrypt: %w", err)
	}
	a.tar = tar.NewWriter(a.enc)
	return a, nil
}

// sums are the lines of members: those of the list that is not written yet,
// and the hash over all.
type sums struct {
	list  bytes.Buffer
	all   hash.Hash
	count int64
}

func newSums() sums { return sums{all: sha256.New()} }

func (s *sums) add(name string, size int64, sum []byte) {
	line := fmt.Sprintf("%x %d %s\n", sum, size, name)
	s.list.WriteString(line)
	io.WriteString(s.all, line)
	s.count++
}

// listSize is when a list of sums is written.
const listSize = 1 << 20

// member writes size bytes of r under a name.
func (a *archive) member(name string, size int64, r io.Reader) error {
	if err := a.raw(name, size); err != nil {
		return err
	}
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(a.tar, h), io.LimitReader(r, size))
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	if n != size {
		return fmt.Errorf("write %s: it has %d bytes instead of %d", name, n, size)
	}
	a.sums.add(name, size, h.Sum(nil))
	if a.sums.list.Len() >= listSize {
		return a.list()
	}
	return nil
}

func (a *archive) raw(name string, size int64) error {
	err := a.tar.WriteHeader(&tar.Header{Name: name, Size: size, Mode: 0o600, Format: tar.FormatPAX})
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// bytes writes a member that no list has.
func (a *archive) bytes(name string, b []byte) error {
	if err := a.raw(name, int64(len(b))); err != nil {
		return err
	}
	_, err := a.tar.Write(b)
	return err
}

// list writes the sums since the last one.
func (a *archive) list() error {
	a.lists++
	err := a.bytes(fmt.Sprintf("sums/%06d", a.lists), a.sums.list.Bytes())
	a.sums.list.Reset()
	return err
}

func (a *archive) json(name string, v any) error {
	b, err := marshal(v)
	if err != nil {
		return err
	}
	return a.member(name, int64(len(b)), bytes.NewReader(b))
}

func marshal(v any) ([]byte, error) { return json.MarshalIndent(v, "", "  ") }

// close ends the archive with its manifest and the seal of that.
func (a *archive) close(m *Manifest, s *secret) error {
	if err := a.list(); err != nil {
		return err
	}
	m.Members, m.Sums = a.sums.count, hex.EncodeToString(a.sums.all.Sum(nil))
	b, err := marshal(m)
	if err != nil {
		return err
	}
	return errors.Join(a.bytes(manifestName, b), a.bytes(sealName, []byte(s.seal(b))), a.tar.Close(), a.enc.Close(), a.out.Flush())
}

// reading is an archive that is being read. Whatever it hands out is checked
// only once finish has returned.
type reading struct {
	plain  io.Reader
	tar    *tar.Reader
	header Header
	sums   sums
}

// maxSmall bounds the members that are read whole.
const maxSmall = 16 << 20

// openArchive decrypts the beginning of an archive.
func openArchive(src io.Reader, ids []age.Identity) (*reading, error) {
	plain, err := age.Decrypt(bufio.NewReaderSize(src, 1<<20), ids...)
	if err != nil {
		if _, ok := errors.AsType[*age.NoIdentityMatchError](err); ok {
			return nil, errors.New("the identity does not open this file: it was encrypted to other recipients, or it was altered")
		}
		return nil, damaged("it is no age file, or its beginning was altered (%v)", err)
	}
	r := &reading{plain: plain, tar: tar.NewReader(plain), sums: newSums()}
	name, size, body, err := r.next()
	if err != nil {
		return nil, err
	}
	if name != headerName {
		return nil, damaged("it begins with %q: this is no backup of Countersign", name)
	}
	b, err := small(name, size, body)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(b, &r.header); err != nil || r.header.Format != format {
		return nil, damaged("it is in the format %q, which this version does not know", r.header.Format)
	}
	return r, r.done(name, size, body)
}

// next returns the next member that is not a list; io.EOF after the last.
func (r *reading) next() (name string, size int64, body *checked, err error) {
	for {
		h, err := r.tar.Next()
		if errors.Is(err, io.EOF) {
			return "", 0, nil, damaged("it has no end")
		}
		if err != nil {
			return "", 0, nil, r.broken(err)
		}
		if h.Typeflag != tar.TypeReg || h.Size < 0 {
			return "", 0, nil, damaged("%q is no file", h.Name)
		}
		body := &checked{from: r, hash: sha256.New()}
		if !sumsName.MatchString(h.Name) {
			return h.Name, h.Size, body, nil
		}
		b, err := small(h.Name, h.Size, body)
		if err != nil {
			return "", 0, nil, err
		}
		if !bytes.Equal(b, r.sums.list.Bytes()) {
			return "", 0, nil, damaged("its members are not those of the list %s", h.Name)
		}
		r.sums.list.Reset()
	}
}

// done reads a member to its end and counts it.
func (r *reading) done(name string, size int64, body *checked) error {
	if _, err := io.Copy(io.Discard, body); err != nil {
		return err
	}
	if r.sums.list.Len() > 2*listSize {
		return damaged("a list of sums is missing")
	}
	r.sums.add(name, size, body.hash.Sum(nil))
	return nil
}

// finish reads manifest, seal and end, and compares the archive with them.
func (r *reading) finish(size int64, body *checked, s *secret) (*Manifest, error) {
	b, err := small(manifestName, size, body)
	if err != nil {
		return nil, err
	}
	name, size, body, err := r.next()
	if err != nil {
		return nil, err
	}
	if name != sealName {
		return nil, damaged("its manifest has no seal")
	}
	seal, err := small(name, size, body)
	if err != nil {
		return nil, err
	}
	if string(seal) != s.seal(b) {
		return nil, damaged("its manifest was not sealed under this keyring")
	}
	var m Manifest
	if err := json.Unmarshal(b, &m); err != nil {
		return nil, damaged("its manifest cannot be read")
	}
	if r.sums.list.Len() > 0 || m.Members != r.sums.count || m.Sums != hex.EncodeToString(r.sums.all.Sum(nil)) {
		return nil, damaged("its members are not those of its manifest")
	}
	if _, err := r.tar.Next(); !errors.Is(err, io.EOF) {
		return nil, damaged("there is more after its end")
	}
	if n, err := io.Copy(io.Discard, r.plain); err != nil || n > 0 {
		return nil, damaged("there is more after its end")
	}
	return &m, nil
}

// broken tells what the encryption found from what the disk says.
func (r *reading) broken(err error) error {
	if _, ok := errors.AsType[*os.PathError](err); ok {
		return fmt.Errorf("read the backup: %w", err)
	}
	return damaged("it was altered or cut (%v)", err)
}

// checked reads one member and hashes it.
type checked struct {
	from *reading
	hash hash.Hash
}

// Read implements io.Reader.
func (c *checked) Read(p []byte) (int, error) {
	n, err := c.from.tar.Read(p)
	c.hash.Write(p[:n])
	if err != nil && !errors.Is(err, io.EOF) {
		err = c.from.broken(err)
	}
	return n, err
}

// small reads a member whole.
func small(name string, size int64, r io.Reader) ([]byte, error) {
	if size > maxSmall {
		return nil, damaged("%s has %d bytes", name, size)
	}
	return io.ReadAll(r)
}
