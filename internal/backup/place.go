package backup

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"example.org/countersign/internal/durable"
	"example.org/countersign/internal/fault"
)

// place is a directory in which something is restored. It is not called like
// the data directory until all is checked, and what a killed restore left of
// it is cleared by the next one.
type place struct {
	dir  string
	mark *os.File
}

// markName is the file by which a place is known, and which is locked while
// somebody works there.
const markName = "unfinished-restore"

// takePlace makes an empty place.
func takePlace(dir string) (*place, error) {
	for {
		err := os.Mkdir(dir, 0o700)
		if err == nil {
			break
		}
		if !errors.Is(err, os.ErrExist) {
			return nil, err
		}
		if err := clearPlace(dir); err != nil {
			return nil, err
		}
	}
	p := &place{dir: dir}
	var err error
	if p.mark, err = os.OpenFile(filepath.Join(dir, markName), os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600); err != nil {
		return nil, err
	}
	return p, syscall.Flock(int(p.mark.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
}

// clearPlace removes what a killed restore left.
func clearPlace(dir string) error {
	if list, err := os.ReadDir(dir); err == nil && len(list) == 0 {
		return os.Remove(dir)
	}
	mark, err := os.OpenFile(filepath.Join(dir, markName), os.O_RDWR, 0)
	if err != nil {
		return fault.New(fault.Invalid, "%s is in the way, and no restore left it there; move it", dir)
	}
	defer mark.Close()
	if err := syscall.Flock(int(mark.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return fault.New(fault.Invalid, "another restore is at work in %s", dir)
	}
	return discard(dir)
}

// discard removes a place, its mark last. Its keyring is overwritten first, as
// far as the file system lets anybody do that.
func discard(dir string) error {
	if err := discardKeyring(dir); err != nil {
		return err
	}
	list, err := os.ReadDir(dir)
	for _, f := range list {
		if f.Name() != markName {
			err = errors.Join(err, os.RemoveAll(filepath.Join(dir, f.Name())))
		}
	}
	if err != nil {
		return err
	}
	return os.RemoveAll(dir)
}

// discardKeyring overwrites and removes the keyring of a place.
func discardKeyring(dir string) error {
	if err := overwrite(filepath.Join(keyringIn(dir), "keyring.db")); err != nil {
		return err
	}
	return os.RemoveAll(keyringIn(dir))
}

func overwrite(path string) error {
	for _, name := range []string{path, path + "-wal"} {
		f, err := os.OpenFile(name, os.O_WRONLY, 0)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		info, err := f.Stat()
		zeros := make([]byte, 1<<16)
		for n := int64(0); err == nil && n < info.Size(); n += int64(len(zeros)) {
			_, err = f.WriteAt(zeros, n)
		}
		if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
			return fmt.Errorf("overwrite %s: %w", name, err)
		}
	}
	return nil
}

func (p *place) close(failed bool) error {
	var err error
	if failed {
		err = discard(p.dir)
	}
	return errors.Join(err, p.mark.Close())
}

// become gives the place its name: from here on it is a data directory.
func (p *place) become(dir string) error {
	if err := syncTree(p.dir); err != nil {
		return err
	}
	if err := os.Remove(dir); err != nil && !errors.Is(err, os.ErrNotExist) { // empty, since restore began
		return err
	}
	if err := os.Rename(p.dir, dir); err != nil {
		return err
	}
	p.dir = dir
	return errors.Join(os.Remove(filepath.Join(dir, markName)), durable.SyncDir(dir), durable.SyncDir(filepath.Dir(dir)))
}

// syncTree makes names durable; files are already.
func syncTree(dir string) error {
	return filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		return durable.SyncDir(path)
	})
}
