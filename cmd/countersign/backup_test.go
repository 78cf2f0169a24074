package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"example.org/countersign/client"
)

// pair writes a key pair as age-keygen does and returns the public key and the
// file of the private one.
func pair(t *testing.T) (recipient, identity string) {
	t.Helper()
	k, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	identity = filepath.Join(t.TempDir(), "key.txt")
	if err := os.WriteFile(identity, []byte("# a comment\n"+k.String()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return k.Recipient().String(), identity
}

// TestBackup backs up a record while a server runs on it, drills through the
// server, and restores.
func TestBackup(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	must(t, "demo", "--data", dir, "--exit")
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan int)
	go func() {
		var quiet bytes.Buffer
		served <- run(ctx, []string{"serve", "--data", dir, "--listen", "127.0.0.1:0", "--smtp-listen", "off"}, stdio{&quiet, &quiet})
	}()
	for range 2000 {
		if _, err := os.Stat(filepath.Join(dir, "server.json")); err == nil {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	recipient, identity := pair(t)
	file, ring := filepath.Join(t.TempDir(), "data.age"), filepath.Join(t.TempDir(), "keyring.age")
	must(t, "backup", "--data", dir, "-o", file, "--recipient", recipient)
	must(t, "backup", "--data", dir, "--keys", "-o", ring, "--recipient", recipient)

	var d client.Drill
	if err := json.Unmarshal([]byte(must(t, "drill", "--data", dir, "--backup", file, "-i", identity, "--json")), &d); err != nil || d.Outcome != "passed" || d.By != "operator" || d.Entries == 0 {
		t.Errorf("drill %+v, %v", d, err)
	}
	if out := must(t, "drill", "--data", dir, "--backup", file, "--keyring-backup", ring, "-i", identity); !strings.Contains(out, "can be restored") {
		t.Errorf("drill says %q", out)
	}
	_, stranger := pair(t)
	if code, out, _ := command(t, "drill", "--data", dir, "--backup", file, "-i", stranger); code != 1 || !strings.Contains(out, "drill failed: the identity does not open") {
		t.Errorf("a drill with another key: exit %d, %q", code, out)
	}
	stop()
	if code := <-served; code != 0 {
		t.Errorf("serve: exit %d", code)
	}

	again := filepath.Join(t.TempDir(), "again")
	if out := must(t, "restore", "--reason", "A test of backups.", "--data", again, "--keyring", ring, "-i", identity, file); !strings.Contains(out, "verified it") {
		t.Errorf("restore says %q", out)
	}
	if out := must(t, "verify", "--live", "--full", "--data", again); !strings.Contains(out, "unaltered") {
		t.Errorf("verify says %q", out)
	}
	if code, _, errs := command(t, "restore", "--reason", "A test of backups.", "--data", again, "--keyring", ring, "-i", identity, file); code != 2 || !strings.Contains(errs, "not empty") {
		t.Errorf("a second restore: exit %d, %q", code, errs)
	}
	if code, _, errs := command(t, "restore", "--complete", "--data", again+"2", "--keyring", ring, "-i", stranger, file); code != 1 || !strings.Contains(errs, "nothing was restored: the identity does not open") {
		t.Errorf("a restore with another key: exit %d, %q", code, errs)
	}
}

func TestBackupMisuse(t *testing.T) {
	recipient, identity := pair(t)
	dir := t.TempDir()
	for _, tt := range []struct {
		args string
		code int
		says string
	}{
		{"backup --data " + dir + " -o x.age", 2, "--recipient AGE1"},
		{"backup --data " + dir + " -o x.age --recipient age1nonsense", 2, "no public key of age"},
		{"backup --data " + dir + " -o x.age --recipients-file " + dir + "/none", 2, "no such file"},
		{"backup --data " + dir + " -o x.age --recipients-file " + identity, 2, "recipients-file"},
		{"backup --data " + dir + " -o " + dir + "/x.age --recipient " + recipient, 2, "there is no record"},
		{"restore --data " + dir + "/new --keyring " + dir + " -i " + identity + " " + dir + "/none", 2, "no such file"},
		{"restore --data " + dir + "/new --keyring " + dir + " " + identity, 2, "--identity"},
		{"restore --data " + dir + "/new --keyring " + dir + " -i " + dir + "/none " + identity, 2, "no such file"},
		{"restore --complete --data " + dir + "/new --keyring " + dir + " -i " + identity + " " + identity, 1, "no age file"},
		{"restore --data " + dir + "/new --keyring " + dir + " -i " + identity + " " + identity, 2, "may be lost"},
		{"restore --complete --reason Lost. --data " + dir + "/new --keyring " + dir + " -i " + identity + " " + identity, 2, "give one of them"},
		{"drill --data " + dir + " --backup " + dir + "/none -i " + identity, 2, "no such file"},
		{"drill --data " + dir + " --backup " + identity + " -i " + identity, 2, "there is no record"},
	} {
		code, out, errs := command(t, strings.Fields(tt.args)...)
		if code != tt.code || !strings.Contains(errs, tt.says) {
			t.Errorf("countersign %s: exit %d, want %d, saying %q:\n%s%s", tt.args, code, tt.code, tt.says, out, errs)
		}
	}
	for _, name := range []string{"backup", "restore", "drill"} {
		if out := must(t, name, "--help"); !strings.Contains(out, "Usage:") {
			t.Errorf("%s --help says %q", name, out)
		}
	}
	if code, _, errs := command(t, "backup", "--data", dir, "-o", "x.age", "--recipient", "AGE-SECRET-KEY-1QQQQQQQQ"); code != 2 || strings.Contains(errs, "QQQQQ") {
		t.Errorf("a private key in place of a public one: exit %d, %q", code, errs)
	}
	if list, _ := os.ReadDir(dir); len(list) > 0 {
		t.Errorf("something was made: %v", list)
	}
}
