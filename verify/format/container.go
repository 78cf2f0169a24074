package format

import (
	"bufio"
	"bytes"
	"cmp"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
)

// Limits bound what reading an archive from a stranger can cost.
type Limits struct {
	Directory int64 // bytes of the directory, all of which are held in memory
	Total     int64 // bytes of all files
	Ratio     int64 // bytes of all files per byte of the archive
}

// DefaultLimits admit some 600,000 files. A file is below 4 GiB in any case.
var DefaultLimits = Limits{Directory: 64 << 20, Total: 256 << 30, Ratio: 200}

// ratioFrom is the size in bytes below which an archive may expand at any
// ratio.
const ratioFrom = 16 << 20

// Container reads the archive of a package.
type Container struct {
	Members []Member // in the order of the archive
	r       io.ReaderAt
}

// ErrNoPackage is returned for a file that is no ZIP archive at all.
var ErrNoPackage = errors.New("this is not a Countersign package")

// OpenContainer reads the directory of the archive of size bytes in r and
// checks every byte but the data of the files: that it is what Archive writes.
// So there are no gaps, no overlaps, no comments, no encryption, no links, and
// no bytes before or behind.
// What is zero in limits is that of DefaultLimits.
func OpenContainer(r io.ReaderAt, size int64, limits Limits) (*Container, error) {
	limits = Limits{
		Directory: cmp.Or(limits.Directory, DefaultLimits.Directory),
		Total:     cmp.Or(limits.Total, DefaultLimits.Total),
		Ratio:     cmp.Or(limits.Ratio, DefaultLimits.Ratio),
	}
	var magic [4]byte
	if n, err := r.ReadAt(magic[:], 0); n < len(magic) && err != io.EOF {
		return nil, err
	}
	if string(magic[:]) != "PK\x03\x04" || size < endSize {
		return nil, ErrNoPackage
	}
	end, err := readEnd(r, size)
	if err != nil {
		return nil, err
	}
	if end.size > limits.Directory {
		return nil, fmt.Errorf("the archive's directory has %d bytes, more than the limit of %d", end.size, limits.Directory)
	}
	directory := make([]byte, end.size)
	if err := readFull(r, directory, end.offset); err != nil {
		return nil, err
	}
	c := &Container{r: r}
	if c.Members, err = parseDirectory(directory, end); err != nil {
		return nil, err
	}
	if err := checkLimits(c.Members, size, limits); err != nil {
		return nil, err
	}
	return c, c.checkHeaders()
}

func readFull(r io.ReaderAt, b []byte, at int64) error {
	if n, err := r.ReadAt(b, at); n < len(b) {
		if err == io.EOF {
			return errors.New("the archive is cut short")
		}
		return err
	}
	return nil
}

// directoryEnd is what the end of an archive says.
type directoryEnd struct{ count, offset, size int64 }

// readEnd reads the end of the archive, from which the rest is found.
func readEnd(r io.ReaderAt, size int64) (directoryEnd, error) {
	wrong := errors.New("the archive does not end with the end of its directory: bytes were cut off, added or altered")
	tail := make([]byte, min(end64Size+endSize, size))
	if err := readFull(r, tail, size-int64(len(tail))); err != nil {
		return directoryEnd{}, err
	}
	le := binary.LittleEndian
	end := tail[len(tail)-endSize:]
	d := directoryEnd{int64(le.Uint16(end[10:])), int64(le.Uint32(end[16:])), int64(le.Uint32(end[12:]))}
	if d == (directoryEnd{math.MaxUint16, math.MaxUint32, math.MaxUint32}) && len(tail) == end64Size+endSize {
		d = directoryEnd{int64(le.Uint64(tail[32:])), int64(le.Uint64(tail[48:])), int64(le.Uint64(tail[40:]))}
	}
	if d.offset < 0 || d.size < 0 || d.offset > size || d.size > size {
		return d, wrong
	}
	want := appendEnd(nil, d.count, d.offset, d.size)
	if d.offset+d.size+int64(len(want)) != size || !bytes.HasSuffix(tail, want) {
		return d, wrong
	}
	return d, nil
}

// parseDirectory returns the files of the directory b, which lie one behind
// the other from the archive's first byte to the directory.
func parseDirectory(b []byte, end directoryEnd) ([]Member, error) {
	if end.count > end.size/centralSize {
		return nil, errors.New("the archive's directory is shorter than its number of files")
	}
	members, names := make([]Member, 0, end.count), paths{}
	var buf []byte
	at := int64(0)
	for len(b) > 0 {
		m, err := parseCentral(b, at)
		if err != nil {
			return nil, err
		}
		if err := names.add(m.Name); err != nil {
			return nil, err
		}
		buf = m.appendCentral(buf[:0])
		if !bytes.HasPrefix(b, buf) {
			return nil, fmt.Errorf("the archive's directory does not describe %s in the one form that packages have", m.Name)
		}
		if m.stored() && m.Packed != m.Size {
			return nil, fmt.Errorf("the archive's directory gives %s two sizes", m.Name)
		}
		members, b, at = append(members, m), b[len(buf):], m.after()
		if at > end.offset {
			return nil, fmt.Errorf("%s reaches into the archive's directory", m.Name)
		}
	}
	if int64(len(members)) != end.count || at != end.offset {
		return nil, errors.New("the archive's directory does not follow its files")
	}
	return members, nil
}

// parseCentral reads what varies of a file whose header is at offset.
func parseCentral(b []byte, offset int64) (Member, error) {
	if len(b) < centralSize {
		return Member{}, errors.New("the archive's directory is cut short")
	}
	le := binary.LittleEndian
	m := Member{Offset: offset, crc: le.Uint32(b[16:]), Packed: int64(le.Uint32(b[20:])), Size: int64(le.Uint32(b[24:]))}
	n := int(le.Uint16(b[28:]))
	if len(b) < centralSize+n {
		return m, errors.New("the archive's directory is cut short")
	}
	m.Name = string(b[centralSize : centralSize+n])
	if max(m.Packed, m.Size) == math.MaxUint32 {
		return m, fmt.Errorf("%.240q is longer than 4 GiB", m.Name)
	}
	return m, nil
}

func checkLimits(members []Member, size int64, limits Limits) error {
	total := int64(0)
	for i := range members {
		total += members[i].Size
	}
	if total > limits.Total {
		return fmt.Errorf("the files have %d bytes, more than the limit of %d", total, limits.Total)
	}
	if total > ratioFrom && total/limits.Ratio > size {
		return fmt.Errorf("the archive expands to more than %d times its size", limits.Ratio)
	}
	return nil
}

// checkHeaders checks what lies between the data of the files.
func (c *Container) checkHeaders() error {
	var want, got []byte
	at := int64(0)
	for i := range c.Members {
		m := &c.Members[i]
		want = m.appendLocal(want)
		got = append(got[:0], want...)
		if err := readFull(c.r, got, at); err != nil {
			return err
		}
		if !bytes.Equal(got, want) {
			return fmt.Errorf("the archive was altered before the data of %s", m.Name)
		}
		want, at = m.appendDescriptor(want[:0]), m.data()+m.Packed
	}
	got = append(got[:0], want...)
	if err := readFull(c.r, got, at); err != nil {
		return err
	}
	if !bytes.Equal(got, want) {
		return errors.New("the archive was altered before its directory")
	}
	return nil
}

// Stored returns the bytes of a file below ledger/ or seal/, as they are in
// the archive. Its checksum is not checked: Open does.
func (c *Container) Stored(m *Member) *io.SectionReader {
	return io.NewSectionReader(c.r, m.data(), m.Packed)
}

// Before returns the bytes of the archive before the header of m.
func (c *Container) Before(m *Member) *io.SectionReader {
	return io.NewSectionReader(c.r, 0, m.Offset)
}

// Open returns a reader of the file's content. It fails where that is not of
// the size and checksum in the directory.
func (c *Container) Open(m *Member) io.Reader {
	f := &content{member: m}
	if m.stored() {
		f.r = c.Stored(m)
		return f
	}
	f.packed = bufio.NewReaderSize(c.Stored(m), int(min(m.Packed, 64<<10)))
	f.r = flate.NewReader(f.packed)
	return f
}

// content reads one file.
type content struct {
	member *Member
	r      io.Reader
	packed *bufio.Reader // below r where it inflates
	size   int64
	crc    uint32
}

func (f *content) Read(b []byte) (int, error) {
	n, err := f.r.Read(b)
	f.size += int64(n)
	f.crc = crc32.Update(f.crc, crc32.IEEETable, b[:n])
	if f.size > f.member.Size {
		return n, errors.New("expands to more than the archive's directory says")
	}
	if err == io.EOF && f.packed != nil {
		if _, more := f.packed.ReadByte(); more == nil {
			return n, errors.New("the archive has bytes behind the compressed data")
		} else if more != io.EOF {
			return n, more
		}
	}
	if err == io.EOF && (f.size != f.member.Size || f.crc != f.member.crc) {
		return n, errors.New("the content is not of the size and checksum in the archive's directory")
	}
	return n, err
}
