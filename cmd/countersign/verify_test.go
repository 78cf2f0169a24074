package main

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"example.org/countersign/verify/format"
)

// receiptOf returns a receipt of the only entry of a log, cosigned by one
// witness, with the keys of both.
func receiptOf(t *testing.T) (receipt []byte, log format.Key, witness format.WitnessKey) {
	t.Helper()
	key := func(seed byte) ed25519.PrivateKey {
		return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))
	}
	public := func(seed byte) ed25519.PublicKey { return key(seed).Public().(ed25519.PublicKey) }
	log, err := format.NewKey("log.example", public(1))
	if err != nil {
		t.Fatal(err)
	}
	if witness, err = format.NewWitnessKey("witness.example", public(2)); err != nil {
		t.Fatal(err)
	}
	doc := format.Document{Fields: []format.Field{{Name: "number", Value: []byte(`"C-2026-000001"`)}, {Name: "text", Value: []byte(`"secret"`)}}}
	e := format.Entry{Act: "communication.received", Record: "message1", Seq: 1, Time: 1790000000000000, Role: "system", Actor: "system", Commitment: format.Commit(doc.Fields)}
	doc.Fields[1] = format.Field{Redacted: true, Leaf: doc.Fields[1].Hash()}
	entry := e.Append(nil)
	head := format.Checkpoint{Origin: log.Origin, Size: 1, Root: format.LeafHash(entry)}
	text := head.Append(nil)
	id, err := hex.DecodeString(strings.Split(log.String(), "+")[1])
	if err != nil {
		t.Fatal(err)
	}
	note := fmt.Appendf(text, "\n— log.example %s\n", base64.StdEncoding.EncodeToString(append(id, ed25519.Sign(key(1), text)...)))
	note = witness.AppendCosignature(note, 1790000010, ed25519.Sign(key(2), format.CosignatureMessage(text, 1790000010)))
	r := format.Receipt{Key: log, Checkpoint: note, Entry: entry, Document: doc}
	if receipt, err = r.Append(nil); err != nil {
		t.Fatal(err)
	}
	return receipt, log, witness
}

// TestVerifyReceipt checks receipts by the command line.
func TestVerifyReceipt(t *testing.T) {
	receipt, log, witness := receiptOf(t)
	dir := t.TempDir()
	write := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good := write("receipt.txt", receipt)
	altered := write("altered.txt", bytes.Replace(receipt, []byte("index 0"), []byte("index 1"), 1))
	policy := write("policy.txt", fmt.Appendf(nil, "log %s\nwitness w %s\nquorum w\n", log, witness))
	other, err := format.NewWitnessKey("witness.example", bytes.Repeat([]byte{3}, 32))
	if err != nil {
		t.Fatal(err)
	}
	strict := write("strict.txt", fmt.Appendf(nil, "witness w %s\nquorum w\n", other))
	broken := write("broken.txt", []byte("witness w\n"))
	for _, tt := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{good}, 0, "The receipt holds."},
		{[]string{good, "--log-key", log.String()}, 0, "The key is the one that was asked for."},
		{[]string{good, "--witness-policy", policy}, 0, "1 witness saw the log"},
		{[]string{good, "--witness-policy", policy, "--json"}, 0, `"kind":"receipt"`},
		{[]string{good, "--log-key", "log.example+00000000+AAAA"}, 1, "not with the one that was asked for"},
		{[]string{good, "--witness-policy", strict}, 1, "not what the policy asks for"},
		{[]string{good, "--witness-policy", broken}, 2, "line 1: want: witness NAME KEY [URL]"},
		{[]string{good, "--witness-policy", dir + "/none.txt"}, 2, "no such file"},
		{[]string{altered}, 1, "is of entry 1, its document of entry 0"},
		{[]string{altered, "--json"}, 1, `"stage":"receipt"`},
	} {
		code, out, errs := command(t, append([]string{"verify"}, tt.args...)...)
		if code != tt.code || !strings.Contains(out+errs, tt.says) {
			t.Errorf("countersign verify %s: exit %d, want %d, saying %q:\n%s%s", tt.args, code, tt.code, tt.says, out, errs)
		}
	}
	var result struct {
		OK      bool
		Summary struct {
			Origin    string
			Tree      int64
			Witnesses []struct{ Name string }
			Facts     []struct {
				Name  string
				Value any
			}
		}
	}
	_, out, _ := command(t, "verify", good, "--witness-policy", policy, "--json")
	if err := json.Unmarshal([]byte(out), &result); err != nil {
		t.Fatal(err)
	}
	if s := result.Summary; !result.OK || s.Origin != "log.example" || s.Tree != 1 || len(s.Facts) != 1 || s.Facts[0].Value != "C-2026-000001" || len(s.Witnesses) != 1 {
		t.Errorf("%+v", result)
	}
}
