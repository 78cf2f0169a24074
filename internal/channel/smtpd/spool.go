package smtpd

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"fmt"
	"io"
	"os"
)

// inMemory is how much of a message is spooled in memory.
const inMemory = 1 << 20

// spooled is a message that is read more than once. What does not fit in
// memory is in a file without a name, encrypted under a key that is nowhere
// else: content is never on disk in clear.
type spooled struct {
	head []byte
	file *os.File
	size int64 // of the file
	key  [32]byte
}

// spool reads r to its end.
func spool(r io.Reader, dir string) (*spooled, error) {
	s := &spooled{}
	var head bytes.Buffer
	n, err := io.CopyN(&head, r, inMemory)
	s.head = head.Bytes()
	if err == io.EOF {
		return s, nil
	}
	if err == nil && n == inMemory {
		err = s.spill(r, dir)
	}
	if err != nil {
		s.close()
		return nil, fmt.Errorf("spool message: %w", err)
	}
	return s, nil
}

func (s *spooled) spill(r io.Reader, dir string) (err error) {
	if s.file, err = os.CreateTemp(dir, "mail-*"); err != nil {
		return err
	}
	if err := os.Remove(s.file.Name()); err != nil {
		return err
	}
	rand.Read(s.key[:])
	s.size, err = io.Copy(cipher.StreamWriter{S: s.stream(), W: s.file}, r)
	return err
}

// stream returns the key stream of the file. The key serves once, so the
// counter may begin at zero.
func (s *spooled) stream() cipher.Stream {
	block, err := aes.NewCipher(s.key[:])
	if err != nil {
		panic(err) // the key has the right size
	}
	return cipher.NewCTR(block, make([]byte, aes.BlockSize))
}

// reader reads the message from its start.
func (s *spooled) reader() io.Reader {
	head := bytes.NewReader(s.head)
	if s.file == nil {
		return head
	}
	return io.MultiReader(head, cipher.StreamReader{S: s.stream(), R: io.NewSectionReader(s.file, 0, s.size)})
}

func (s *spooled) close() {
	if s.file != nil {
		s.file.Close()
	}
}
