// Package durable makes files that survive a power cut: a name is safe only
// once its directory was forced to disk as well.
package durable

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
)

// Unfinished is how the name ends of a file that WriteFile is writing, or was
// when its process was killed: then nobody was told that it is there.
const Unfinished = ".new"

// WriteFile writes a file with mode 0600: after it returns the file is there
// whole, and where it fails what was there before still is.
func WriteFile(path string, content []byte) error {
	tmp := path + Unfinished
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(tmp, path)
	}
	if err != nil {
		os.Remove(tmp)
		return err
	}
	return SyncDir(filepath.Dir(path))
}

// SyncDir makes the names in a directory durable, where its file system can.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) {
		return err
	}
	return nil
}
