package verify

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"example.org/countersign/verify/format"
)

var (
	auditor = newWitness("auditor.example/witness", 11)
	sister  = newWitness("sister.example", 12)
)

// reported is a log with a report in it, and the receipt of that.
func reported(t testing.TB, witnesses ...testWitness) (*testLog, format.Receipt) {
	t.Helper()
	l := smallLog()
	index := int(l.act("communication.received", "message1", map[string]any{
		"number": "C-2026-000003", "subject": "Invoices \x1b[31m of a brother", "text": "My manager signs them.", "received_at": l.now,
		"raw_sha256": hash1, "key": "secret", "attachments": []any{},
	}))
	for range 5 {
		l.act("casefile.noted", "case1", map[string]any{"number": "C-2026-000001"})
	}
	note := l.checkpoint(len(l.entries))
	for i, w := range witnesses {
		note = w.cosign(note, 1790000100+int64(i))
	}
	return l, l.receipt(index, note, "number", "subject", "text", "received_at")
}

func pack(t testing.TB, r format.Receipt) []byte {
	t.Helper()
	b, err := r.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func policyOf(t testing.TB, lines ...string) *format.Policy {
	t.Helper()
	p, err := format.ParsePolicy([]byte(strings.Join(lines, "\n") + "\n"))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// bothWitnesses is a policy that asks for both.
func bothWitnesses(t testing.TB) *format.Policy {
	return policyOf(t, "witness auditor "+auditor.key.String(), "witness sister "+sister.key.String(), "group both all auditor sister", "quorum both")
}

func TestReceipt(t *testing.T) {
	l, r := reported(t, auditor, sister)
	b := pack(t, r)
	if !format.IsReceipt(b) || format.IsReceipt([]byte("PK\x03\x04")) {
		t.Error("a receipt is not known by its beginning")
	}
	s, err := Receipt(bytes.NewReader(b), Options{Key: l.key.String(), Policy: bothWitnesses(t)})
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	if err := s.Write(&text); err != nil {
		t.Fatal(err)
	}
	goldenText(t, "receipt.txt", text.Bytes())
	if s.Index != 6 || s.Tree != 12 || len(s.Facts) != 4 || s.Redacted != 3 || len(s.Witnesses) != 2 || len(s.Unchecked) != 0 {
		t.Errorf("%+v", s)
	}
	if s, err = Receipt(bytes.NewReader(b), Options{}); err != nil {
		t.Fatal(err)
	}
	text.Reset()
	if err := s.Write(&text); err != nil {
		t.Fatal(err)
	}
	goldenText(t, "receipt-alone.txt", text.Bytes())
}

// No byte of a receipt can be altered, added or removed without notice, its
// witnesses being known.
func TestEveryByteOfAReceipt(t *testing.T) {
	_, r := reported(t, auditor, sister)
	b := pack(t, r)
	opt := Options{Policy: bothWitnesses(t)}
	holds := func(b []byte) bool {
		_, err := Receipt(bytes.NewReader(b), opt)
		if f, ok := errors.AsType[*Failure](err); err != nil && (!ok || f.Stage == "" || ExitCode(err) != 1) {
			t.Errorf("%v", err)
		}
		return err == nil
	}
	for i := range b {
		for _, flip := range []byte{1 << (i % 8), 0x20} {
			b[i] ^= flip
			if holds(b) {
				t.Errorf("byte %d xor %#x", i, flip)
			}
			b[i] ^= flip
		}
		if holds(append(bytes.Clone(b[:i]), b[i+1:]...)) || holds(append(bytes.Clone(b[:i+1]), b[i:]...)) || holds(b[:i]) {
			t.Errorf("byte %d", i)
		}
	}
	if holds(append(bytes.Clone(b), '\n')) || holds(append(bytes.Clone(b), b...)) || !holds(b) {
		t.Error("the whole")
	}
}

// Where the keys of witnesses are not known their lines are reported, and
// nothing but they can be altered.
func TestUncheckedCosignatures(t *testing.T) {
	_, r := reported(t, auditor, sister)
	b := pack(t, r)
	lines := bytes.Index(b, []byte("— auditor"))
	for i := range b {
		b[i] ^= 1
		s, err := Receipt(bytes.NewReader(b), Options{})
		b[i] ^= 1
		if err == nil && (i < lines || len(s.Unchecked) != 2 || len(s.Witnesses) != 0) {
			t.Errorf("byte %d: %+v", i, s)
		}
	}
}

func TestReceiptIsWrong(t *testing.T) {
	other := newLog("log.example/countersign", 9)
	change := func(f func(l *testLog, r *format.Receipt)) []byte {
		l, r := reported(t, auditor)
		f(l, &r)
		return pack(t, r)
	}
	edit := func(from, to string) []byte {
		_, r := reported(t, auditor)
		return bytes.Replace(pack(t, r), []byte(from), []byte(to), 1)
	}
	extra := func(text string) []byte {
		return []byte("c2sp.org/tlog-proof@v1\nextra " + base64.StdEncoding.EncodeToString([]byte(text)) + "\nindex 6\n\nx\n")
	}
	ours := "log " + smallLog().key.String()
	for _, test := range []struct {
		name  string
		b     []byte
		opt   Options
		stage string
		what  string
	}{
		{"nothing", nil, Options{}, "receipt", "not a proof"},
		{"a package", []byte("PK\x03\x04"), Options{}, "receipt", "not a proof"},
		{"a proof alone", edit("extra ", "index 6\n"), Options{}, "receipt", "hash 1"},
		{"too long", bytes.Repeat([]byte("x"), format.MaxReceipt+1), Options{}, "receipt", "at most"},
		{"another version", extra("countersign-receipt/2\n"), Options{}, "receipt", "no extra data of the form countersign-receipt/1"},
		{"no key", extra("countersign-receipt/1\nkey\n"), Options{}, "receipt", "verifier key"},
		{"a witness's key", extra("countersign-receipt/1\n" + auditor.key.String() + "\n"), Options{}, "receipt", "of type 4, where type 1 is wanted"},
		{"no entry", extra("countersign-receipt/1\n" + other.key.String() + "\nx\n"), Options{}, "receipt", "cut short"},
		{"no document", extra("countersign-receipt/1\n" + other.key.String() + strings.Repeat("\n", 10)), Options{}, "receipt", "does not end with one document"},
		{"two documents", extra("countersign-receipt/1\n" + other.key.String() + strings.Repeat("\n", 10) + "entry 6\n\nentry 6\n\n"), Options{}, "receipt", "does not end with one document"},
		{"another's document", extra("countersign-receipt/1\n" + other.key.String() + strings.Repeat("\n", 10) + "entry 5\n\n"), Options{}, "receipt", "its document of entry 5"},
		{"another key", change(func(*testLog, *format.Receipt) {}), Options{Key: other.key.String()}, "key", "not with the one that was asked for"},
		{"another log", change(func(*testLog, *format.Receipt) {}), Options{Policy: policyOf(t, "log "+other.key.String(), "quorum none")}, "key", "not among the logs"},
		{"signed by another", change(func(_ *testLog, r *format.Receipt) { r.Key = other.key }), Options{}, "checkpoint", "not signed with the key of its log"},
		{"signed by nobody", change(func(_ *testLog, r *format.Receipt) { r.Checkpoint = bytes.Split(r.Checkpoint, []byte("— "))[0] }), Options{}, "checkpoint", "not signed by its log"},
		{"no checkpoint", change(func(_ *testLog, r *format.Receipt) { r.Checkpoint = []byte("x\n") }), Options{}, "checkpoint", "a checkpoint is origin"},
		{"cosigned twice", change(func(_ *testLog, r *format.Receipt) { r.Checkpoint = auditor.cosign(r.Checkpoint, 1) }), Options{}, "checkpoint", `two signatures with one key of "auditor.example/witness"`},
		{"signed twice", change(func(l *testLog, r *format.Receipt) {
			_, line, _ := bytes.Cut(l.checkpoint(12), []byte("\n\n"))
			r.Checkpoint = append(r.Checkpoint, line...)
		}), Options{}, "checkpoint", "two signatures with one key"},
		{"signed by too many", change(func(_ *testLog, r *format.Receipt) {
			for i := range 64 {
				r.Checkpoint = newWitness(fmt.Sprint("w", i), 13).cosign(r.Checkpoint, 1)
			}
		}), Options{}, "checkpoint", "more than 64"},
		{"a line that is none", change(func(_ *testLog, r *format.Receipt) { r.Checkpoint = append(r.Checkpoint, "- x AAAAAAAA\n"...) }), Options{}, "checkpoint", "signature 3 of the checkpoint: want a dash"},
		{"a line without an end", change(func(_ *testLog, r *format.Receipt) { r.Checkpoint = r.Checkpoint[:len(r.Checkpoint)-1] }), Options{}, "checkpoint", "no end"},
		{"a line of no base64", change(func(_ *testLog, r *format.Receipt) { r.Checkpoint = append(r.Checkpoint, "— x AAA\n"...) }), Options{}, "checkpoint", "want base64 of an id"},
		{"too few witnesses", pack(t, func() format.Receipt { _, r := reported(t, auditor); return r }()), Options{Policy: bothWitnesses(t)}, "witnesses", "cosigned by 1 witness of the policy, which is not what"},
		{"a wrong cosignature", change(func(l *testLog, r *format.Receipt) {
			_, line, _ := bytes.Cut(sister.cosign([]byte("x\n\n"), 1), []byte("\n\n"))
			r.Checkpoint = append(r.Checkpoint, line...)
		}), Options{Policy: bothWitnesses(t)}, "witnesses", `the cosignature of "sister.example" is wrong`},
		{"a short cosignature", change(func(l *testLog, r *format.Receipt) {
			r.Checkpoint = sister.key.AppendCosignature(r.Checkpoint, 1, nil)
		}), Options{Policy: bothWitnesses(t)}, "witnesses", "wrong length"},
		{"another entry", change(func(l *testLog, r *format.Receipt) { r.Entry = l.entries[5] }), Options{}, "entry", "does not lead to the root"},
		{"beyond the tree", edit("index 6", "index 60"), Options{}, "receipt", "is of entry 60"},
		{"another value", change(func(l *testLog, r *format.Receipt) { r.Document.Fields[4].Value = []byte(`1790000000000000`) }), Options{}, "document", "not the one that the entry commits to"},
	} {
		_, err := Receipt(bytes.NewReader(test.b), test.opt)
		f, ok := errors.AsType[*Failure](err)
		if !ok || f.Stage != test.stage || !strings.Contains(f.What, test.what) {
			t.Errorf("%s: %v (%v), want %s: … %s …", test.name, err, f, test.stage, test.what)
		}
	}
	l, r := reported(t)
	if s, err := Receipt(bytes.NewReader(pack(t, r)), Options{Policy: policyOf(t, ours, "quorum none")}); err != nil || !strings.Contains(strings.Join(s.Proved, "\n"), "The key is the one") {
		t.Errorf("a policy that names the log: %+v, %v", s, err)
	}
	r.Document.Index = 5
	if _, err := r.Append(nil); err == nil {
		t.Error("a receipt with another's document is made")
	}
	l.docs[6].Fields[6].Value = bytes.Repeat([]byte("1"), format.MaxReceipt)
	r = l.receipt(6, l.checkpoint(12), "text")
	if _, err := r.Append(nil); err == nil {
		t.Error("a receipt that is too long is made")
	}
	if _, err := Receipt(iotest.ErrReader(io.ErrClosedPipe), Options{}); ExitCode(err) != 2 {
		t.Errorf("a disk that fails: %v", err)
	}
}

// A package can have a checkpoint that others cosigned.
func TestWitnessedPackage(t *testing.T) {
	make := func(size int, change func(l *testLog, f files), witnesses ...testWitness) []byte {
		l := smallLog()
		f := smallFiles(l)
		note := l.checkpoint(size)
		for _, w := range witnesses {
			note = w.cosign(note, 1790000100)
		}
		f[format.FileWitnessed], f[format.FileWitnessedConsistency] = note, format.AppendHashes(nil, extensionOf(size, l.leaves, true))
		if change != nil {
			change(l, f)
		}
		return l.pack(t, f)
	}
	s, err := checkBytes(make(5, nil, auditor, sister), Options{Policy: bothWitnesses(t)})
	if err != nil || s.Witnessed != 5 || len(s.Witnesses) != 2 {
		t.Fatalf("%+v, %v", s, err)
	}
	said := func(s *Summary) string { return strings.Join(append(s.Proved, s.NotProved...), "\n") }
	if text := said(s); !strings.Contains(text, "2 witnesses saw the log with its first 5 entries") || !strings.Contains(text, "That a witness has seen entries 5 to 5.") {
		t.Error(text)
	}
	if s, err = checkBytes(make(6, nil, auditor), Options{}); err != nil || len(s.Witnesses) != 0 || len(s.Unchecked) != 1 {
		t.Errorf("%+v, %v", s, err)
	}
	if _, err := checkBytes(make(5, nil), Options{Policy: policyOf(t, "quorum none")}); err != nil {
		t.Error(err)
	}
	for name, test := range map[string]struct {
		b          []byte
		stage      string
		file, what string
	}{
		"too few": {make(5, nil, auditor), "checkpoint", "ledger/witnessed", "not what the policy asks for"},
		"another log": {make(5, func(_ *testLog, f files) {
			f[format.FileWitnessed] = newLog("log.example/countersign", 9).checkpoint(0)
		}), "checkpoint", "ledger/witnessed", "another key"},
		"a fork":         {make(5, func(l *testLog, f files) { f[format.FileWitnessedConsistency] = nil }), "checkpoint", "ledger/witnessed-consistency", "proof"},
		"no proof":       {make(5, func(_ *testLog, f files) { delete(f, format.FileWitnessedConsistency) }), "archive", "ledger/witnessed-consistency", "is missing"},
		"no checkpoint":  {make(5, func(_ *testLog, f files) { delete(f, format.FileWitnessed) }), "archive", "ledger/witnessed", "is missing"},
		"none at all":    {func() []byte { b, _ := smallPackage(t); return b }(), "checkpoint", "ledger/witnessed", "is not in the package"},
		"a wrong number": {make(5, func(_ *testLog, f files) { f[format.FileWitnessedConsistency] = []byte("x\n") }), "checkpoint", "ledger/witnessed-consistency", "hash 1"},
	} {
		_, err := checkBytes(test.b, Options{Policy: bothWitnesses(t)})
		f, ok := errors.AsType[*Failure](err)
		if !ok || f.Stage != test.stage || f.File != test.file || !strings.Contains(f.What, test.what) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzReceipt alters a good receipt at a place, or checks what it is given as
// one. Whatever it is: it ends, as a failure unless nothing was altered.
func FuzzReceipt(f *testing.F) {
	_, r := reported(f, auditor, sister)
	good := pack(f, r)
	opt := Options{Policy: bothWitnesses(f)}
	f.Add(0, 0, []byte(nil))
	f.Add(30, 4, []byte("text"))
	f.Add(0, len(good), good)
	f.Add(len(good), 0, []byte{0})
	f.Fuzz(func(t *testing.T, at, drop int, insert []byte) {
		if at < 0 || drop < 0 || at > len(good) || drop > len(good)-at {
			return
		}
		b := append(append(bytes.Clone(good[:at]), insert...), good[at+drop:]...)
		_, err := Receipt(bytes.NewReader(b), opt)
		if _, failed := errors.AsType[*Failure](err); failed == bytes.Equal(b, good) {
			t.Errorf("%d bytes at %d replaced by %q: %v", drop, at, insert, err)
		}
	})
}

// BenchmarkReceipt checks a receipt of an entry in a log of a million, with two
// cosignatures.
func BenchmarkReceipt(b *testing.B) {
	l, r := reported(b, auditor, sister)
	tree := format.Tree{Size: 1 << 20}
	r.Hashes = nil
	root := format.LeafHash(r.Entry)
	for level := range 20 {
		h := format.Hash{byte(level)}
		if r.Hashes = append(r.Hashes, h); r.Index>>level&1 == 0 {
			root = format.NodeHash(root, h)
		} else {
			root = format.NodeHash(h, root)
		}
	}
	tree.Edge = []format.Hash{root}
	r.Checkpoint = sister.cosign(auditor.cosign(l.sign(format.Checkpoint{Origin: l.key.Origin, Size: tree.Size, Root: root}), 1), 2)
	text := pack(b, r)
	opt := Options{Policy: bothWitnesses(b)}
	b.ReportMetric(float64(len(text)), "bytes")
	for b.Loop() {
		if _, err := Receipt(bytes.NewReader(text), opt); err != nil {
			b.Fatal(err)
		}
	}
}
