package backup

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"testing"
	"time"

	"filippo.io/age"

	"example.org/countersign/internal/clock"
)

// The variables by which a test has this binary back up or restore, to be
// killed meanwhile.
const (
	asChild   = "COUNTERSIGN_TEST_BACKUP_CHILD"
	childArgs = "COUNTERSIGN_TEST_BACKUP_ARGS"
)

func TestMain(m *testing.M) {
	args := filepath.SplitList(os.Getenv(childArgs))
	var err error
	switch os.Getenv(asChild) {
	case "":
		os.Exit(m.Run())
	case "backup":
		err = childBackup(args[0], os.Getenv("PGDSN"))
	case "restore":
		err = childRestore(args[0], args[1], args[2], os.Getenv("PGDSN"), os.Getenv("IDENTITY"))
	}
	if err != nil {
		println(err.Error())
		os.Exit(1)
	}
}

func childBackup(data, database string) error {
	to, err := age.ParseX25519Recipient(os.Getenv("RECIPIENT"))
	if err != nil {
		return err
	}
	_, err = Write(context.Background(), Source{Data: data, Database: database, Now: start}, []age.Recipient{to}, os.Stdout)
	return err
}

func childRestore(file, ring, data, database, identity string) error {
	id, err := age.ParseX25519Identity(identity)
	if err != nil {
		return err
	}
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	_, err = Restore(context.Background(), Restoration{Data: data, Database: database, Keyring: ring, Identities: []age.Identity{id}, Kinds: kinds(), Clock: clock.System, Reason: "The machine burnt down."}, f)
	return err
}

// child starts this binary to do one thing.
func child(t *testing.T, what, database string, out io.Writer, args ...string) *exec.Cmd {
	t.Helper()
	list := ""
	for i, a := range args {
		if i > 0 {
			list += string(os.PathListSeparator)
		}
		list += a
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), asChild+"="+what, childArgs+"="+list, "PGDSN="+database, "IDENTITY="+key.String(), "RECIPIENT="+key.Recipient().String())
	cmd.Stdout, cmd.Stderr = out, os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd
}

// TestKill kills restores and backups in the middle. What a killed restore
// leaves is no data directory, and the next restore takes its place; what a
// killed backup leaves is refused.
func TestKill(t *testing.T) {
	kills := 3
	if os.Getenv("COUNTERSIGN_TEST_SOAK") != "" {
		kills = 40
	}
	both(t, func(t *testing.T, database string) {
		h := open(t, filepath.Join(t.TempDir(), "data"), "")
		h.fill(t)
		for i := range 300 {
			if err := h.say(t.Context(), "more", i, "text", bytes.Repeat([]byte("attachment "), 1000)); err != nil {
				t.Fatal(err)
			}
		}
		file, _ := h.backup(t)
		path := filepath.Join(t.TempDir(), "data.age")
		if err := os.WriteFile(path, file, 0o600); err != nil {
			t.Fatal(err)
		}
		r := h.plan(t, database)
		killed := 0
		for range kills {
			cmd := child(t, "restore", database, nil, path, r.Keyring, r.Data)
			time.Sleep(time.Duration(20+rand.IntN(150)) * time.Millisecond)
			cmd.Process.Kill()
			if cmd.Wait() == nil {
				break // it was done: the database is full now
			}
			killed++
			if there(r.Data) {
				t.Fatal("a killed restore left a data directory")
			}
		}
		t.Logf("killed %d restores", killed)
		if there(r.Data) {
			return
		}
		if _, err := Restore(t.Context(), r, bytes.NewReader(file)); err != nil {
			t.Errorf("after kills: %v", err)
		}
		if there(r.Data + ".restoring") {
			t.Error("the place of a killed restore is left")
		}
	})
	t.Run("backup", func(t *testing.T) {
		h := open(t, filepath.Join(t.TempDir(), "data"), "")
		h.fill(t)
		for i := range 20 {
			if err := h.say(t.Context(), "more", i, "text", make([]byte, 1<<20)); err != nil {
				t.Fatal(err)
			}
		}
		for range kills {
			var out bytes.Buffer
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			cmd := child(t, "backup", "", w, h.dir)
			w.Close()
			if _, err := io.CopyN(&out, r, rand.Int64N(15<<20)); err != nil {
				t.Fatal(err)
			}
			cmd.Process.Kill()
			if _, err := io.Copy(&out, r); err != nil {
				t.Fatal(err)
			}
			cmd.Wait()
			r.Close()
			refused(t, h.plan(t, ""), out.Bytes(), "damaged")
		}
	})
}

// TestMemory backs up and restores an attachment of 100 MB: it is never in
// memory.
func TestMemory(t *testing.T) {
	h := open(t, filepath.Join(t.TempDir(), "data"), "")
	const size = 100 << 20
	w, err := h.blobs.Create()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(w, zeros{}, size); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Commit(); err != nil {
		t.Fatal(err)
	}
	h.fill(t)
	path := filepath.Join(t.TempDir(), "data.age")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if used := heap(func() {
		_, err = Write(t.Context(), h.source(), []age.Recipient{key.Recipient()}, f)
	}); err != nil || used > 64<<20 {
		t.Errorf("the backup took %d MB of memory, %v", used>>20, err)
	}
	if info, err := f.Stat(); err != nil || info.Size() < size {
		t.Fatalf("the backup has %v bytes, %v", info, err)
	}
	f.Seek(0, io.SeekStart)
	if used := heap(func() { _, err = Restore(t.Context(), h.plan(t, ""), f) }); err != nil || used > 64<<20 {
		t.Errorf("the restore took %d MB of memory, %v", used>>20, err)
	}
}

type zeros struct{}

// Read implements io.Reader.
func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// heap returns by how much the heap grew at most while f ran.
func heap(f func()) int64 {
	defer debug.SetGCPercent(debug.SetGCPercent(20))
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	before := int64(m.HeapAlloc)
	var most atomic.Int64
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
			}
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			most.Store(max(most.Load(), int64(m.HeapAlloc)-before))
		}
	}()
	f()
	close(stop)
	<-done
	return most.Load()
}
