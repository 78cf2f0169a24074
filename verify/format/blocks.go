package format

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// maxBlock is the length in bytes that a document or reference may have.
const maxBlock = 16 << 20

// blocks reads blocks of lines, each block ended by an empty line.
type blocks struct {
	r     io.Reader
	buf   []byte
	base  int64 // offset of buf[0] in r
	start int   // of the last block in buf
	size  int   // of the last block
	after int   // where the next block starts in buf
	end   bool
}

// next returns the next block without its empty line, io.EOF after the last.
// It is valid until the next call. Text behind the last empty line is an
// error, so that a cut file is noticed.
func (b *blocks) next() ([]byte, error) {
	b.start = b.after
	scan := b.start
	for {
		if i := bytes.Index(b.buf[scan:], []byte("\n\n")); i >= 0 {
			end := scan + i + 1
			b.size, b.after = end-b.start, end+1
			return b.buf[b.start:end], nil
		}
		if b.end {
			if b.start == len(b.buf) {
				return nil, io.EOF
			}
			return nil, errors.New("the last block does not end with an empty line")
		}
		seen := max(len(b.buf)-b.start-1, 0)
		if err := b.fill(); err != nil {
			return nil, err
		}
		scan = b.start + seen
	}
}

// fill reads more behind what is not used yet.
func (b *blocks) fill() error {
	if b.start > 0 {
		b.base += int64(b.start)
		b.buf = b.buf[:copy(b.buf, b.buf[b.start:])]
		b.start = 0
	}
	if len(b.buf) == cap(b.buf) {
		if cap(b.buf) >= maxBlock {
			return fmt.Errorf("the block at byte %d is longer than %d bytes", b.base, maxBlock)
		}
		b.buf = append(make([]byte, 0, max(64<<10, 2*cap(b.buf))), b.buf...)
	}
	n, err := b.r.Read(b.buf[len(b.buf):cap(b.buf)])
	b.buf = b.buf[:len(b.buf)+n]
	if err == io.EOF {
		b.end = true
		return nil
	}
	return err
}

// span returns offset and length of the last block.
func (b *blocks) span() (offset int64, size int) { return b.base + int64(b.start), b.size }
