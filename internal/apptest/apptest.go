// Package apptest tests the product as a whole: the built binary, its
// processes and its doors.
package apptest

import (
	"context"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"example.org/countersign/internal/app"
	"example.org/countersign/internal/channel"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/people"
)

// Channel is the approved mail address of a prepared installation.
const Channel = "security@countersign.example"

// Build builds the command and returns the path of the binary. The build cache
// makes the second time quick.
func Build(t testing.TB) string {
	t.Helper()
	mod, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "countersign")
	cmd := exec.Command("go", "build", "-o", path, "./cmd/countersign")
	cmd.Dir = filepath.Dir(string(mod))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return path
}

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
