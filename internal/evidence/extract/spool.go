package extract

import (
	"bufio"
	"io"
	"os"

	"example.org/countersign/internal/fault"
)

// Spool is a temporary file: what is made before its turn in the archive waits
// there, so that memory does not grow with the period.
type Spool struct {
	file *os.File
	w    *bufio.Writer
	size int64
}

// NewSpool makes a file that is gone when the process is, where the system can
// remove an open file; Close removes it everywhere.
func NewSpool() (*Spool, error) {
	f, err := os.CreateTemp("", "countersign-*")
	if err != nil {
		return nil, &fault.Error{Kind: fault.Unavailable, Msg: "there is no place for temporary files; free some space in " + os.TempDir(), Err: err}
	}
	_ = os.Remove(f.Name()) // fails on Windows
	return &Spool{file: f, w: bufio.NewWriterSize(f, 64<<10)}, nil
}

// Write implements io.Writer.
func (s *Spool) Write(b []byte) (int, error) {
	n, err := s.w.Write(b)
	s.size += int64(n)
	return n, outOfRoom(err)
}

// Flush makes everything written readable.
func (s *Spool) Flush() error { return outOfRoom(s.w.Flush()) }

// Reader returns all that was written, from its beginning.
func (s *Spool) Reader() (*io.SectionReader, error) {
	if err := s.Flush(); err != nil {
		return nil, err
	}
	return io.NewSectionReader(s.file, 0, s.size), nil
}

// at returns size bytes at an offset, in buf where that is large enough.
func (s *Spool) at(buf []byte, offset int64, size int) ([]byte, error) {
	if cap(buf) < size {
		buf = make([]byte, size)
	}
	_, err := s.file.ReadAt(buf[:size], offset)
	return buf[:size], err
}

// Close lets go of the file.
func (s *Spool) Close() {
	_ = s.file.Close() // what mattered was read
	_ = os.Remove(s.file.Name())
}

// outOfRoom says what to do about a full disk.
func outOfRoom(err error) error {
	if err == nil {
		return nil
	}
	return &fault.Error{Kind: fault.Unavailable, Msg: "a temporary file could not be written; free some space in " + os.TempDir(), Err: err}
}
