package portal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
)

// Limits of what comes with one form. They are shown beside the field.
const (
	maxFiles    = 10
	maxFile     = 25_000_000 // bytes
	maxAllFiles = 100_000_000
)

// maxSpooled bounds the files of all forms that are being sent at one moment.
// Texts are taken all the same.
const maxSpooled = 1 << 30

// errSpool: there is no room for another file now, or no way to keep it. What
// is read is sound.
var errSpool = errors.New("portal: no room for another file")

// A spool holds what is being uploaded. On disk it has no name, and is
// encrypted under a key that is gone with the request: a machine that is
// switched off in the middle has kept nothing of it.
type spool struct {
	used atomic.Int64
}

// spooled is one file.
type spooled struct {
	spool *spool
	file  *os.File
	block cipher.Block
	size  int64
}

// keep reads r, of which at most limit bytes are kept; tooLong says that there
// was more.
func (s *spool) keep(r io.Reader, limit int64) (f *spooled, tooLong bool, err error) {
	var key [32]byte
	rand.Read(key[:])
	f = &spooled{spool: s}
	if f.block, err = aes.NewCipher(key[:]); err != nil {
		return nil, false, unkept(err)
	}
	if f.file, err = os.CreateTemp("", "countersign-*"); err != nil {
		return nil, false, unkept(err)
	}
	if err := os.Remove(f.file.Name()); err != nil {
		f.file.Close()
		return nil, false, unkept(err)
	}
	w := cipher.StreamWriter{S: f.stream(), W: f.file}
	buf := make([]byte, 32<<10)
	for {
		n, readErr := r.Read(buf)
		if f.size+int64(n) > limit {
			f.close()
			return nil, true, nil
		}
		if s.used.Add(int64(n)) > maxSpooled {
			f.size += int64(n)
			f.close()
			return nil, false, errSpool
		}
		f.size += int64(n)
		if _, err := w.Write(buf[:n]); err != nil {
			f.close()
			return nil, false, unkept(err)
		}
		if readErr == io.EOF {
			return f, false, nil
		}
		if readErr != nil {
			f.close()
			return nil, false, readErr
		}
	}
}

func unkept(err error) error { return fmt.Errorf("%w: %w", errSpool, err) }

// stream returns the key stream from the file's beginning. The key is used for
// this file alone.
func (f *spooled) stream() cipher.Stream {
	return cipher.NewCTR(f.block, make([]byte, aes.BlockSize))
}

// open returns the content.
func (f *spooled) open() (io.ReadCloser, error) {
	return io.NopCloser(cipher.StreamReader{S: f.stream(), R: io.NewSectionReader(f.file, 0, f.size)}), nil
}

func (f *spooled) close() {
	f.spool.used.Add(-f.size)
	f.file.Close()
}
