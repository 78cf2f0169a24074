package app

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"example.org/countersign/internal/backup"
	"example.org/countersign/internal/fault"
)

// reopen opens an installation and closes it again.
func reopen(t *testing.T, cfg Config) error {
	t.Helper()
	a, err := Open(t.Context(), cfg)
	if err != nil {
		return err
	}
	return a.Close()
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
		t.Fatal(err)
	}
}

func there(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// TestSweep: what a kill left unfinished is gone after the next start, and
// nothing else is; attachments that other nodes may be writing are left alone.
func TestSweep(t *testing.T) {
	dir, shared := t.TempDir(), t.TempDir()
	if err := reopen(t, Config{Data: dir}); err != nil {
		t.Fatal(err)
	}
	leftovers := []string{"server.json", "server.json.new", "alarm.json.new", "rollback.json.new", "organisation.new", "spool/1-x.json.new", "blobs/tmp/half"}
	stay := []string{"notes.new", "accepted.jsonl", "rollback.json"}
	for _, name := range append(leftovers, stay...) {
		write(t, filepath.Join(dir, name), "{")
	}
	write(t, filepath.Join(dir, "rollback.json"), "{}")
	write(t, filepath.Join(shared, "tmp", "half"), "{")
	if err := reopen(t, Config{Data: dir, Blobs: shared}); err != nil {
		t.Fatal(err)
	}
	if !there(filepath.Join(shared, "tmp", "half")) || !there(filepath.Join(dir, "blobs", "tmp", "half")) {
		t.Error("a file of attachments that are shared is gone")
	}
	if err := reopen(t, Config{Data: dir}); err != nil {
		t.Fatal(err)
	}
	for _, name := range leftovers {
		if there(filepath.Join(dir, name)) {
			t.Errorf("%s is still there", name)
		}
	}
	for _, name := range stay {
		if !there(filepath.Join(dir, name)) {
			t.Errorf("%s is gone", name)
		}
	}
}

// TestName: a start that failed does not name the organisation.
func TestName(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "organisation")
	write(t, filepath.Join(dir, policyFile), "witness\n")
	if err := reopen(t, Config{Data: dir, Organisation: "Wrong Ltd"}); err == nil || there(path) {
		t.Errorf("a start that failed: %v", err)
	}
	if err := os.Remove(filepath.Join(dir, policyFile)); err != nil {
		t.Fatal(err)
	}
	a, err := Open(t.Context(), Config{Data: dir, Organisation: "Right Ltd", Listen: "nowhere"})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Serve(t.Context(), nil); err == nil || there(path) {
		t.Errorf("a server that cannot listen: %v", err)
	}
	if err := errors.Join(a.KeepName(), a.Close()); err != nil {
		t.Fatal(err)
	}
	if a, err = Open(t.Context(), Config{Data: dir}); err != nil || a.Config.Organisation != "Right Ltd" {
		t.Fatal(a, err)
	}
	if err := errors.Join(a.KeepName(), a.Close()); err != nil { // was not given one
		t.Fatal(err)
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != "Right Ltd\n" {
		t.Errorf("%q, %v", b, err)
	}
}

// TestPolicy: which policies a record is opened with. One that was restored
// waits for somebody's word.
func TestPolicy(t *testing.T) {
	key := "sister.example+1a2b3c4d+BA" // cut off
	for _, tt := range []struct {
		name, policy, aside string
		kind                fault.Kind
		says                string
	}{
		{"none", "", "", 0, ""},
		{"nobody is asked", "quorum none\n", "", 0, ""},
		{"no quorum", "# nothing\n", "", fault.Invalid, "quorum none"},
		{"damaged", "witness sister " + key + "\nquorum sister\n", "", fault.Invalid, "line 1"},
		{"restored", "", "quorum none\n", fault.Conflict, "rename witness-policy.restored.txt to witness-policy.txt"},
		{"decided", "quorum none\n", "witness", 0, ""},
	} {
		dir := t.TempDir()
		for name, text := range map[string]string{policyFile: tt.policy, backup.PolicyAside: tt.aside} {
			if text != "" {
				write(t, filepath.Join(dir, name), text)
			}
		}
		err := reopen(t, Config{Data: dir})
		if kind, _ := fault.Of(err); tt.says == "" && err != nil || tt.says != "" && (err == nil || kind != tt.kind || !strings.Contains(err.Error(), tt.says)) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.says)
		}
	}
}
