package api

import (
	"io"
	"strconv"

	mediatype "mime"

	"github.com/danielgtaylor/huma/v2"

	"example.org/countersign/internal/fault"
)

// Stream is the body of a request that is taken as it comes. Embed it in an
// input.
type Stream struct {
	r    io.Reader
	kind string
}

// Resolve implements huma.Resolver.
func (s *Stream) Resolve(hc huma.Context) []error {
	s.r, s.kind = &body{r: hc.BodyReader(), left: maxStream}, hc.Header("Content-Type")
	return nil
}

// body is the content of a request. It fails where there is more than its
// number of bytes, so that half a message is never taken for a whole one.
type body struct {
	r    io.Reader
	left int64
	err  error // why it did not come whole
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	n, err := b.r.Read(p)
	if b.left -= int64(n); b.left < 0 {
		b.err = errTooLarge
		return 0, b.err
	}
	if err != nil && err != io.EOF {
		b.err = &fault.Error{Kind: fault.Invalid, Msg: "the content did not arrive whole; send it again", Err: err}
		err = b.err
	}
	return n, err
}

// streamed answers with what a reader gives. A reader that fails cuts the
// connection, so that half a file is not taken for one.
func (d *door) streamed(r io.ReadCloser, kind, name string, size int64) *huma.StreamResponse {
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		defer r.Close()
		hc.SetHeader("Content-Type", kind)
		hc.SetHeader("Content-Disposition", disposition(name))
		if size >= 0 {
			hc.SetHeader("Content-Length", strconv.FormatInt(size, 10))
		}
		if _, err := io.Copy(hc.BodyWriter(), r); err != nil {
			d.cut(hc, err)
		}
	}}
}

func disposition(name string) string {
	return mediatype.FormatMediaType("attachment", map[string]string{"filename": name})
}

// late is an answer whose header is written with its first bytes, so that what
// fails before can still be answered with a problem.
type late struct {
	hc     huma.Context
	header map[string]string
	begun  bool
}

// Write implements io.Writer.
func (l *late) Write(p []byte) (int, error) {
	l.begin()
	return l.hc.BodyWriter().Write(p)
}

func (l *late) begin() {
	if l.begun {
		return
	}
	l.begun = true
	for name, value := range l.header {
		l.hc.SetHeader(name, value)
	}
}

// fail ends an answer that could not be given whole.
func (d *door) fail(l *late, err error) {
	if !l.begun {
		d.refuse(l.hc, err)
		return
	}
	d.cut(l.hc, err)
}
