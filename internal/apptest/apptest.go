// Package apptest tests the product as a whole: the built binary, its
// processes and its doors.
package apptest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"example.org/countersign/internal/app"
	"example.org/countersign/internal/channel"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/people"
)

// Channel is the approved mail address of a prepared installation.
const Channel = "security@countersign.example"

// Build returns the path of the command's binary, which is built once for all
// tests: with the flags of make build, so that both share one build cache, and
// without what only a debugger wants, which halves the time to link it. It is
// not watched for races; the packages that it is made of are, in their tests.
func Build(t testing.TB) string {
	t.Helper()
	path, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

var build = sync.OnceValues(func() (string, error) {
	module, err := root()
	if err != nil {
		return "", err
	}
	dir, err := shared()
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "countersign")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", path, "./cmd/countersign")
	cmd.Dir, cmd.Env = module, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, out)
	}
	return path, nil
})

// shared returns the folder of what is made once for all tests, which anybody
// may look into. It is removed after them.
var shared = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "countersign-apptest.")
	if err != nil {
		return "", err
	}
	return dir, os.Chmod(dir, 0o755)
})

// root returns the folder of our module.
var root = sync.OnceValues(func() (string, error) {
	mod, err := exec.Command("go", "env", "GOMOD").Output()
	return filepath.Dir(string(mod)), err
})

// Prepare makes an installation with an approved mail channel.
func Prepare(t testing.TB, cfg app.Config) {
	t.Helper()
	ctx := context.Background()
	a, err := app.Open(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	one, two := ledger.Actor{ID: "one", Role: string(people.Lead)}, ledger.Actor{ID: "two", Role: string(people.Lead)}
	c, err := a.Channels.Add(ctx, one, channel.Terms{Name: "Security", Kind: channel.Email, Address: Channel, Direction: channel.Both,
		Audience: "customers", Owner: "one", Purpose: "Reports", ReviewDue: a.Ledger.Now().AddDate(0, 6, 0).Format(time.DateOnly), FromName: "Security", Published: []string{"https://countersign.example/security"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Channels.Approve(ctx, two, c.ID, c.Entry); err != nil {
		t.Fatal(err)
	}
}
