package verify

import (
	"context"
	"fmt"
	"io"
)

// input is the package as bytes. It ends with its context, counts what is
// read, and tells errors of the disk from what a package makes of its bytes.
type input struct {
	ctx context.Context
	r   io.ReaderAt

	stage       string
	progress    func(stage string, done, total int64)
	done, total int64
}

// ReadAt reads as the reader below does.
func (in *input) ReadAt(b []byte, at int64) (int, error) {
	if err := in.ctx.Err(); err != nil {
		return 0, &readError{err}
	}
	n, err := in.r.ReadAt(b, at)
	if err != nil && err != io.EOF {
		return n, &readError{fmt.Errorf("read the package: %w", err)}
	}
	in.done += int64(n)
	if in.progress != nil {
		in.progress(in.stage, min(in.done, in.total), in.total)
	}
	return n, err
}

// begin starts the count for a stage.
func (in *input) begin(stage string, progress func(string, int64, int64)) {
	in.stage, in.progress, in.done, in.total = stage, progress, 0, 0
}

// expect adds n bytes to what the stage will read.
func (in *input) expect(n int64) { in.total += n }

// maxText is the length in bytes of the small files that are read whole.
const maxText = 64 << 10

// text returns the content of a small file.
func (c *checker) text(name string) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(c.open(name), maxText+1))
	if err == nil && len(b) > maxText {
		err = fmt.Errorf("is longer than %d bytes", maxText)
	}
	return b, within(name, none, err)
}

// open returns a reader of a file that is there.
func (c *checker) open(name string) io.Reader { return c.zip.Open(c.files[name]) }

// expect tells the progress which files the stage will read.
func (c *checker) expect(names ...string) {
	for _, name := range names {
		c.in.expect(c.files[name].Packed)
	}
}
