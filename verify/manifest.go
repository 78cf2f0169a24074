package verify

import (
	"bufio"
	"crypto/sha256"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"

	"example.org/countersign/verify/format"
)

// manifest checks that the files are those of the manifest, each unaltered,
// and then that the archive around them is the one that was sealed.
func (c *checker) manifest() error {
	first := c.files[format.FileSealEntry]
	c.in.expect(2 * first.Offset) // as files and as bytes of the archive
	sum, err := c.hash(c.open(format.FileManifest))
	if err != nil {
		return within(format.FileManifest, none, err)
	}
	if sum != c.sums.Manifest {
		return failf(format.FileManifest, none, "is not the manifest that was sealed")
	}
	if err := c.compareFiles(); err != nil {
		return err
	}
	if sum, err = c.hash(c.zip.Before(first)); err != nil {
		return err
	}
	if sum != c.sums.Archive {
		return errors.New("every file is as sealed, but the archive around them is not: it was packed again")
	}
	return nil
}

// hash returns the SHA-256 of what r holds.
func (c *checker) hash(r io.Reader) (format.Hash, error) {
	if c.buf == nil {
		c.buf = make([]byte, 64<<10)
	}
	h := sha256.New()
	for {
		n, err := r.Read(c.buf)
		h.Write(c.buf[:n])
		if err == io.EOF {
			return format.Hash(h.Sum(nil)), nil
		}
		if err != nil {
			return format.Hash{}, err
		}
	}
}

// compareFiles walks the lines of the manifest beside the files in the order
// of their paths.
func (c *checker) compareFiles() error {
	files := slices.DeleteFunc(slices.Collect(maps.Keys(c.files)), func(name string) bool {
		return slices.Contains(c.last, name)
	})
	slices.Sort(files)
	c.raw = make(map[string]format.Hash)
	lines := bufio.NewReader(c.open(format.FileManifest))
	last := ""
	for n := 1; ; n++ {
		line, err := lines.ReadSlice('\n')
		if err == io.EOF && len(line) == 0 {
			break
		}
		if err == io.EOF || err == bufio.ErrBufferFull {
			return failf(format.FileManifest, none, "line %d has no end", n)
		}
		if err != nil {
			return within(format.FileManifest, none, err)
		}
		sum, path, err := format.ParseManifest(string(line[:len(line)-1]))
		if err != nil {
			return failf(format.FileManifest, none, "line %d: %v", n, err)
		}
		if path <= last {
			return failf(format.FileManifest, none, "line %d: the paths are not in order", n)
		}
		last = path
		if len(files) > 0 && files[0] < path {
			return failf(files[0], none, "is in the package but not in its manifest")
		}
		if len(files) == 0 || files[0] != path {
			return failf(path, none, "is in the manifest but not in the package")
		}
		if err := c.compareFile(path, sum); err != nil {
			return err
		}
		files = files[1:]
	}
	if len(files) > 0 {
		return failf(files[0], none, "is in the package but not in its manifest")
	}
	return nil
}

func (c *checker) compareFile(path string, want format.Hash) error {
	sum, err := c.hash(c.open(path))
	if err != nil {
		return within(path, none, err)
	}
	if sum != want {
		return failf(path, none, "was altered: its SHA-256 is not the one in the manifest")
	}
	if strings.HasPrefix(path, "raw/") {
		c.raw[path] = sum
	}
	return nil
}

// recordFiles returns the paths below records/, in their order.
func (c *checker) recordFiles() []string {
	var names []string
	for name := range c.files {
		if strings.HasPrefix(name, "records/") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
