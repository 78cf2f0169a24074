package app

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"example.org/countersign/internal/backup"
	"example.org/countersign/internal/blob"
	"example.org/countersign/internal/durable"
	"example.org/countersign/internal/fault"
)

// Running is how the command line reaches the server that runs on a data
// directory. Whoever may read the file may act as the operator of this
// machine.
type Running struct {
	URL    string `json:"url"`
	Secret string `json:"secret"` // bearer token of the local operator
}

// ErrInUse is returned where another process holds the data directory.
var ErrInUse = errors.New("another countersign process uses this data directory")

const runningFile = "server.json"

// lock takes the data directory for this process: SQLite has one writer, and
// one keyring mints keys. The lock goes with the process, however it ends.
func lock(dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, ErrInUse
		}
		return nil, fmt.Errorf("lock data directory: %w", err)
	}
	return f, nil
}

// FindRunning returns how to reach the server on a data directory, nil where
// its file says none.
func FindRunning(dir string) (*Running, error) {
	b, err := os.ReadFile(filepath.Join(dir, runningFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var r Running
	if err := json.Unmarshal(b, &r); err != nil {
		return nil, fmt.Errorf("%s: %w", runningFile, err)
	}
	return &r, nil
}

// announce writes the file that FindRunning reads.
func announce(dir, url, secret string) error {
	b, err := json.Marshal(Running{url, secret})
	if err != nil {
		return err
	}
	return durable.WriteFile(filepath.Join(dir, runningFile), b)
}

// decided refuses a restored record of which nobody has said yet whether its
// witnesses are to be asked (backup.PolicyAside).
func (a *App) decided() error {
	there := func(name string) bool {
		_, err := os.Stat(filepath.Join(a.Config.Data, name))
		return err == nil
	}
	if a.Config.WitnessPolicy != "" || there(policyFile) || !there(backup.PolicyAside) {
		return nil
	}
	return fault.New(fault.Conflict, "%s was restored with a witness policy that is not in force yet. If it takes the place of the original, rename %s to %s there; if it is a copy for a trial, which must not ask the witnesses, remove that file",
		a.Config.Data, backup.PolicyAside, policyFile)
}

// sweep removes what processes that were killed left unfinished. The data
// directory is this process's alone; the attachments are, too, where no other
// node can have been told of them.
func (a *App) sweep(ctx context.Context, blobs *blob.Store) error {
	left, err := filepath.Glob(filepath.Join(a.Config.Data, "*.json"+durable.Unfinished))
	if err != nil {
		return err
	}
	left = append(left, filepath.Join(a.Config.Data, runningFile), filepath.Join(a.Config.Data, nameFile+durable.Unfinished))
	for _, path := range left {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("sweep data directory: %w", err)
		}
	}
	items, err := a.Spool.Sweep(ctx)
	if err != nil {
		return err
	}
	files := 0
	if a.Config.Database == "" && a.Config.Blobs == "" {
		if files, err = blobs.Sweep(); err != nil {
			return err
		}
	}
	if items+files > 0 {
		a.Config.Log.InfoContext(ctx, "what a stop had left unfinished was removed; nobody was told that it is kept", "spooled", items, "blobs", files)
	}
	return nil
}

func newSecret() string {
	var b [32]byte
	rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}
