package format

import (
	"bytes"
	"testing"
)

// What these targets hold: a text that is accepted is the one that is written
// for what it means, so that no two texts mean the same.

func FuzzEntry(f *testing.F) {
	f.Add([]byte(goldenEntry))
	f.Add([]byte(replace(goldenEntry, 5, "")))
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := ParseEntry(b)
		if err != nil {
			return
		}
		if !bytes.Equal(e.Append(nil), b) || e.Check() != nil || e.Kind() == "" {
			t.Errorf("%q is not the form of %+v", b, e)
		}
	})
}

func FuzzDocuments(f *testing.F) {
	f.Add([]byte(goldenDocument))
	f.Add([]byte(goldenDocument + "entry 5\n\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var out []byte
		err := ReadDocuments(bytes.NewReader(b), func(d *Document) error {
			Commit(d.Fields)
			out = d.Append(out)
			return nil
		})
		if !bytes.HasPrefix(b, out) || err == nil && len(out) != len(b) {
			t.Errorf("%q is written as %q", b, out)
		}
	})
}

func FuzzNote(f *testing.F) {
	f.Add([]byte(goldenCheckpoint), goldenKey)
	f.Add([]byte("c2sp.org/tlog-proof@v1\nindex 0\n\n"+goldenCheckpoint), goldenKey)
	f.Add([]byte("c2sp.org/tlog-proof@v1\nextra AAAA\nindex 0\n\n"+goldenCheckpoint+"— w.example AAAAAAAA\n"), goldenKey)
	f.Fuzz(func(t *testing.T, b []byte, vkey string) {
		key, err := ParseKey(vkey)
		if err == nil && key.String() != vkey {
			t.Errorf("%q is not the form of %s", vkey, key)
		}
		if c, err := key.Open(b); err == nil && !bytes.HasPrefix(b, c.Append(nil)) {
			t.Errorf("%q is not the form of %+v", b, c)
		}
		if p, err := ParseProof(b); err == nil && !bytes.Equal(p.Append(nil), b) {
			t.Errorf("%q is not the form of %+v", b, p)
		}
		if r, err := ParseReceipt(b); err == nil {
			if again, err := r.Append(nil); err != nil || !bytes.Equal(again, b) {
				t.Errorf("%q is not the form of %+v: %v", b, r, err)
			}
		}
		if c, err := key.OpenCosigned(b); err == nil && (!bytes.HasPrefix(b, c.Text) || len(c.Lines) >= maxSignatures) {
			t.Errorf("%q is read as %+v", b, c)
		}
		if r, err := ParseRange(b); err == nil && !bytes.Equal(r.Append(nil), b) {
			t.Errorf("%q is not the form of %+v", b, r)
		}
		if ref, err := NewReferences(bytes.NewReader(b)).Next(); err == nil && !bytes.HasPrefix(b, ref.Append(nil)) {
			t.Errorf("%q is not the form of %+v", b, ref)
		}
	})
}
