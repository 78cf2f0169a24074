package apptest

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/witness"
	"example.org/countersign/verify"
	"example.org/countersign/verify/format"
)

// signed returns the changes to what the log has signed: its checkpoint, and
// a receipt whose checkpoint a witness has cosigned.
func signed(t *testing.T, v *variety) (all []target) {
	t.Helper()
	cp, err := v.App.Ledger.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	key, err := format.ParseKey(v.App.Ledger.VerifierKey())
	if err != nil {
		t.Fatal(err)
	}
	w, cosigned := cosign(t, key, cp)
	policy, err := format.ParsePolicy([]byte("witness it " + w + "\nquorum it\n"))
	if err != nil {
		t.Fatal(err)
	}
	receipt := receiptOf(t, v, key, cp, cosigned)
	for _, x := range []struct {
		name  string
		bytes []byte
		holds func(b []byte) error
	}{
		{"checkpoint", cp.Signed, func(b []byte) error {
			_, err := key.Open(b)
			return err
		}},
		{"cosigned checkpoint", cosigned, func(b []byte) error {
			c, err := key.OpenCosigned(b)
			if err != nil {
				return err
			}
			seen, err := policy.Judge(c)
			if err == nil && !seen.Met {
				err = errors.New("not cosigned")
			}
			return err
		}},
		{"receipt", receipt, func(b []byte) error {
			_, err := verify.Receipt(bytes.NewReader(b), verify.Options{Key: key.String(), Policy: policy})
			if f, ok := errors.AsType[*verify.Failure](err); err != nil && (!ok || f.Stage == "" || f.What == "") {
				t.Errorf("no finding but an error: %v", err)
			}
			return err
		}},
	} {
		if err := x.holds(x.bytes); err != nil {
			t.Fatalf("%s: %v", x.name, err)
		}
		for from, line := range lines(x.bytes) {
			all = append(all, target{x.name + ": " + fmt.Sprintf("line at %d", from), x.name, func(r *rand.Rand) *change {
				b, what := span(r, x.bytes, from, line)
				if bytes.Equal(b, x.bytes) {
					return nil
				}
				return &change{what: what, do: func() error { return nil }, undo: func() {}, find: func() string {
					if x.holds(b) == nil {
						return "holds"
					}
					return ""
				}}
			}})
		}
	}
	return all
}

// lines returns the lengths of the lines of b, with their ends, by where they
// begin.
func lines(b []byte) map[int]int {
	all, at := map[int]int{}, 0
	for line := range bytes.Lines(b) {
		all[at] = len(line)
		at += len(line)
	}
	return all
}

// span changes a range of bytes within a line.
func span(r *rand.Rand, b []byte, from, line int) (out []byte, what string) {
	lo := from + r.IntN(line)
	hi := min(lo+1+r.IntN(8), from+line)
	out = bytes.Clone(b)
	switch r.IntN(5) {
	case 0:
		return slices.Delete(out, lo, hi), fmt.Sprintf("without bytes %d to %d", lo, hi)
	case 1:
		return slices.Insert(out, lo, b[lo:hi]...), fmt.Sprintf("bytes %d to %d twice", lo, hi)
	case 2:
		return out[:lo], fmt.Sprintf("cut to %d bytes", lo)
	case 3:
		for i := lo; i < hi; i++ {
			out[i] = byte(r.Uint32())
		}
		return out, fmt.Sprintf("bytes %d to %d are %q", lo, hi, out[lo:hi])
	}
	out[lo] ^= 1 << r.IntN(8)
	return out, fmt.Sprintf("byte %d is %q", lo, out[lo])
}

// cosign has a witness cosign a checkpoint and returns the witness's key and
// the cosigned note.
func cosign(t *testing.T, key format.Key, cp ledger.Checkpoint) (witnessKey string, note []byte) {
	t.Helper()
	w, err := witness.Open(t.Context(), t.TempDir(), witness.Options{Name: "witness.example"})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if _, err := w.Register(t.Context(), key.String()); err != nil {
		t.Fatal(err)
	}
	line, err := w.Add(t.Context(), slices.Concat([]byte("old 0\n\n"), cp.Signed))
	if err != nil {
		t.Fatal(err)
	}
	return w.Key().String(), slices.Concat(cp.Signed, line)
}

// receiptOf makes the receipt of a report: what its reporter wrote is shown.
func receiptOf(t *testing.T, v *variety, key format.Key, cp ledger.Checkpoint, cosigned []byte) []byte {
	t.Helper()
	all, err := intake.Communications.Select(t.Context(), v.App.Ledger, `WHERE r.direction = 'inbound' ORDER BY r.entry LIMIT 1`)
	if err != nil || len(all) == 0 {
		t.Fatal(len(all), err)
	}
	r := format.Receipt{Key: key, Index: all[0].Entry, Checkpoint: cosigned}
	shown := []string{"number", "received_at", "subject", "text"}
	entry, doc, err := v.App.Ledger.Document(t.Context(), r.Index, func(_, _, field string) bool { return slices.Contains(shown, field) })
	if err != nil {
		t.Fatal(err)
	}
	r.Entry, r.Document = entry.Append(nil), *doc
	if r.Hashes, err = v.App.Ledger.Inclusion(t.Context(), cp, r.Index); err != nil {
		t.Fatal(err)
	}
	b, err := r.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
