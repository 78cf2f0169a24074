package intake_test

import (
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"example.org/countersign/internal/intake"
)

// What becomes no record leaves no file, since nothing would ever erase it.
func TestNothingIsLeftOfDuplicates(t *testing.T) {
	each(t, intake.Options{}, func(t *testing.T, o *office) {
		raw := "From: a@x.example\r\nTo: " + security + "\r\nSubject: Files\r\nMessage-ID: <f@x.example>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" +
			"--b\r\nContent-Type: text/plain\r\n\r\n" + strings.Repeat("A long text. ", 1000) + "\r\n--b\r\nContent-Type: text/plain\r\nContent-Disposition: attachment; filename=\"a.txt\"\r\n\r\nfile\r\n--b--\r\n"
		receive := func() *intake.Receipt {
			t.Helper()
			r, err := o.Receive(t.Context(), intake.Incoming{Channel: security, Source: intake.FromSMTP, From: "a@x.example", To: []string{security}, Raw: strings.NewReader(raw)})
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		first := receive()
		before := blobs(t, o)
		if before < 2 {
			t.Fatalf("%d files", before)
		}
		if r := receive(); !r.Duplicate {
			t.Error("not taken for a duplicate")
		}
		if _, err := o.Note(t.Context(), ann, "C-2026-999999", strings.Repeat("A long note. ", 1000)); err == nil {
			t.Error("noted on no case")
		}
		if n := blobs(t, o); n != before {
			t.Errorf("%d files, %d before", n, before)
		}
		all, err := o.Communications(t.Context(), first.Case)
		if err != nil || len(all) != 1 {
			t.Fatalf("%d communications, %v", len(all), err)
		}
	})
}

func blobs(t *testing.T, o *office) (n int) {
	t.Helper()
	if err := filepath.WalkDir(filepath.Join(o.Dir, "blobs"), func(_ string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			n++
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return n
}
