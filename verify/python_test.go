package verify

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"example.org/countersign/internal/testenv"
	"example.org/countersign/verify/format"
)

// python runs the script for auditors on a receipt.
func python(t *testing.T, receipt []byte, keys ...string) (code int, said string) {
	t.Helper()
	for _, program := range []string{"python3", "openssl"} {
		if _, err := exec.LookPath(program); err != nil {
			testenv.Absent(t, "there is no "+program+": install it with your system's packages")
		}
	}
	path := filepath.Join(t.TempDir(), "receipt.txt")
	if err := os.WriteFile(path, receipt, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "python3", append([]string{"../docs/auditors/verify_receipt.py", path}, keys...)...).CombinedOutput()
	if failed, ok := errors.AsType[*exec.ExitError](err); ok {
		return failed.ExitCode(), string(out)
	}
	if err != nil {
		t.Fatal(err)
	}
	return 0, string(out)
}

// The script that auditors are given comes to the same as Receipt.
func TestPython(t *testing.T) {
	l, r := reported(t, auditor, sister)
	good := pack(t, r)
	log, first, second := l.key.String(), auditor.key.String(), sister.key.String()
	code, said := python(t, good, log, first, second)
	for _, want := range []string{"entry    6 of 12\n", "witness  sister.example, 2026-09-21 14:15:01 UTC\n", `fact     "text" = "My manager signs them."` + "\n", "hidden   3\n"} {
		if code != 0 || !strings.Contains(said, want) {
			t.Errorf("exit %d, without %q:\n%s", code, want, said)
		}
	}
	for _, test := range []struct {
		name string
		b    []byte
		keys []string
		code int
		says string
	}{
		{"its own key", good, []string{"-"}, 0, "taken from the receipt"},
		{"another log", good, []string{newLog("log.example", 9).key.String()}, 1, "not of the one that was asked for"},
		{"another witness", good, []string{log, newWitness("sister.example", 13).key.String()}, 1, "not signed by sister.example"},
		{"a log for a witness", good, []string{log, log}, 1, "of type 1, not 4"},
		{"a key altered", good, []string{log, strings.Replace(first, "+", "+0", 1)}, 1, "do not belong to the key"},
		{"no key", good, nil, 2, "verify_receipt.py RECEIPT KEY"},
		{"nothing", nil, []string{log}, 1, "no receipt"},
		{"bytes", []byte("\xff\n\n"), []string{log}, 1, "not text"},
	} {
		if code, said := python(t, test.b, test.keys...); code != test.code || !strings.Contains(said, test.says) {
			t.Errorf("%s: exit %d, want %d, saying %q:\n%s", test.name, code, test.code, test.says, said)
		}
	}
	for _, i := range []int{0, 7, 11} { // shapes of paths
		if code, said := python(t, pack(t, l.receipt(i, l.checkpoint(len(l.entries)))), log); code != 0 {
			t.Errorf("entry %d: exit %d, %s", i, code, said)
		}
	}
	if code, said := python(t, append(bytes.Clone(good[:1]), make([]byte, format.MaxReceipt)...), log); code != 1 || !strings.Contains(said, "too long") {
		t.Errorf("too long: exit %d, %s", code, said)
	}
}

// What the script refuses of receipts with one byte altered is what Receipt
// refuses: everything.
func TestPythonOfAlteredReceipts(t *testing.T) {
	l, r := reported(t, auditor)
	b := pack(t, r)
	step := len(b)/13 + 1
	for i := 0; i < len(b); i += step {
		b[i] ^= 1
		if code, said := python(t, b, l.key.String(), auditor.key.String()); code != 1 || !strings.HasPrefix(said, "WRONG: ") {
			t.Errorf("byte %d: exit %d, %s", i, code, said)
		}
		b[i] ^= 1
	}
	for name, f := range map[string]func(r *format.Receipt){
		"a value":      func(r *format.Receipt) { r.Document.Fields[4].Value = []byte("1") },
		"a leaf":       func(r *format.Receipt) { r.Document.Fields[0].Leaf[0]++ },
		"an entry":     func(r *format.Receipt) { r.Entry = l.entries[5] },
		"no path":      func(r *format.Receipt) { r.Hashes = nil },
		"a longer one": func(r *format.Receipt) { r.Hashes = append(r.Hashes, r.Hashes...) },
		"a signature":  func(r *format.Receipt) { r.Checkpoint = newLog("log.example/countersign", 9).checkpoint(0) },
	} {
		_, r := reported(t, auditor)
		f(&r)
		if code, said := python(t, pack(t, r), l.key.String()); code != 1 {
			t.Errorf("%s: exit %d, %s", name, code, said)
		}
	}
}
