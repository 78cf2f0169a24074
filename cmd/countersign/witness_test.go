package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"example.org/countersign/internal/witness"
	"example.org/countersign/verify/format"
)

// testLog returns the verifier key of a log and what signs its checkpoints.
func testLog(t *testing.T) (string, note.Signer) {
	t.Helper()
	private := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	key, err := format.NewKey("log.example/x", private.Public().(ed25519.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	id := strings.Split(key.String(), "+")[1]
	s, err := note.NewSigner("PRIVATE+KEY+log.example/x+" + id + "+" + base64.StdEncoding.EncodeToString(append([]byte{1}, private.Seed()...)))
	if err != nil {
		t.Fatal(err)
	}
	return key.String(), s
}

func signed(t *testing.T, s note.Signer, size int64, entry string) []byte {
	t.Helper()
	var tree format.Tree
	for range size {
		tree.Append(format.LeafHash([]byte(entry)))
	}
	c := format.Checkpoint{Origin: s.Name(), Size: size, Root: tree.Root()}
	n, err := note.Sign(&note.Note{Text: string(c.Append(nil))}, s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestWitness: a witness by the command line alone, from the first start to the
// proof that a log contradicted itself.
func TestWitness(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "witness")
	for _, tt := range []struct{ args, says string }{
		{"witness", "--data"},
		{"witness list --data " + dir, "there is no witness"},
		{"witness remove x --data " + dir, "there is no witness"},
		{"witness evidence x --data " + dir, "there is no witness"},
		{"witness --data " + dir + " --name a+b", "a+b"},
		{"witness add --data " + dir, "<key>"},
		{"witness add --data " + dir + " x", "verifier key"},
		{"witness remove x --data " + dir, "no log called"},
		{"witness evidence x --data " + dir, "none against x"},
		{"witness --data " + dir + " --listen x:yz", "yz"},
	} {
		if code, _, errs := command(t, strings.Fields(tt.args)...); code == 0 || !strings.Contains(errs, tt.says) {
			t.Errorf("countersign %s: exit %d, %q; want it to say %q", tt.args, code, errs, tt.says)
		}
	}

	dir = filepath.Join(t.TempDir(), "witness")
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	out, in := io.Pipe()
	var errs bytes.Buffer
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, []string{"witness", "--data", dir, "--name", "witness.example/w1", "--listen", "127.0.0.1:0"}, stdio{in, &errs})
		in.Close()
	}()
	var key, line string
	lines := bufio.NewScanner(out)
	for lines.Scan() && !strings.Contains(lines.Text(), "witness add") {
		fmt.Sscanf(lines.Text(), "Key %s", &key)
		if rest, ok := strings.CutPrefix(lines.Text(), "Policy "); ok {
			line = rest
		}
	}
	go io.Copy(io.Discard, out)
	vkey, signer := testLog(t)
	if out := must(t, "witness", "add", "--data", dir, vkey); !strings.Contains(out, "log.example/x") || !strings.Contains(out, key) {
		t.Errorf("add says %q", out)
	}
	if out := must(t, "witness", "list", "--data", dir); !strings.Contains(out, "log.example/x: nothing cosigned yet") {
		t.Errorf("list says %q", out)
	}
	if !strings.HasPrefix(strings.TrimSpace(line), "witness witness.example/w1 witness.example/w1+") {
		t.Errorf("the line of a policy is %q", line)
	}
	other, err := format.NewWitnessKey("other.example/w1", make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	policy, err := format.ParsePolicy(fmt.Appendf(nil, "%s\nwitness other.example/w1 %s\nquorum none\n", line, other)) // a name that ends alike
	if err != nil {
		t.Fatal(err)
	}
	clients, err := witness.Clients(policy)
	if err != nil || len(clients) != 1 {
		t.Fatal(err)
	}
	if _, err := clients[0].Add(t.Context(), 0, nil, signed(t, signer, 3, "a")); err != nil {
		t.Fatal(err)
	}
	if _, err := clients[0].Add(t.Context(), 3, nil, signed(t, signer, 3, "b")); err == nil {
		t.Fatal("two trees of one size were cosigned")
	}
	if out := must(t, "witness", "list", "--data", dir); !strings.Contains(out, "3 entries, cosigned ") || !strings.Contains(out, "contradicted itself 1 times") {
		t.Errorf("list says %q", out)
	}
	if out := must(t, "witness", "evidence", "--data", dir, "log.example/x"); !strings.Contains(out, string(signed(t, signer, 3, "a"))) || !strings.Contains(out, string(signed(t, signer, 3, "b"))) {
		t.Errorf("evidence says %q", out)
	}
	must(t, "witness", "remove", "--data", dir, "log.example/x")
	if _, err := clients[0].Add(t.Context(), 3, nil, signed(t, signer, 3, "a")); err == nil {
		t.Error("a log that was removed is cosigned")
	}
	if out := must(t, "witness", "list", "--data", dir); !strings.Contains(out, "removed") {
		t.Errorf("list says %q", out)
	}
	stop()
	if code := <-ended; code != 0 || strings.Contains(errs.String(), "level=ERROR") {
		t.Errorf("exit %d\n%s", code, errs.String())
	}
}
