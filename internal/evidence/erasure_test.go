package evidence_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"example.org/countersign/internal/blob"
	"example.org/countersign/internal/evidence"
	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/people"
	"example.org/countersign/internal/retention"
)

// letter receives a mail with files, by name and content.
func (o *office) letter(from, subject, text string, files ...string) *intake.Case {
	o.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "From: %s\r\nTo: %s\r\nSubject: %s\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=sep\r\n\r\n--sep\r\nContent-Type: text/plain\r\n\r\n%s\r\n",
		from, security, subject, text)
	for i := 0; i < len(files); i += 2 {
		fmt.Fprintf(&b, "--sep\r\nContent-Type: application/octet-stream\r\nContent-Disposition: attachment; filename=%q\r\nContent-Transfer-Encoding: base64\r\n\r\n%s\r\n",
			files[i], base64.StdEncoding.EncodeToString([]byte(files[i+1])))
	}
	return o.receive(b.String() + "--sep--\r\n")
}

// erase asks for an erasure, has it approved and done.
func (o *office) erase(ask retention.Ask) {
	o.Helper()
	ctx := o.Context()
	plan, err := o.retention.Plan(ctx, ask)
	o.must(err)
	e, err := o.retention.Request(ctx, o.leo, ask, "GDPR Art. 17(1)(b)", "They wrote from that address.", plan.Hash)
	o.must(err)
	_, err = o.retention.Approve(ctx, o.lea, e.ID, e.ListHash)
	o.must(err)
	o.due()
	if e, err = o.retention.Erasure(ctx, e.ID); err != nil || e.State != retention.Executed {
		o.Fatalf("the erasure: %+v, %v", e, err)
	}
}

// shows fails where one of the words is in a file, also where a file that
// begins with it is in one as base64.
func shows(t *testing.T, where string, all map[string][]byte, words []string) {
	t.Helper()
	for path, content := range all {
		for _, word := range words {
			encoded := base64.StdEncoding.EncodeToString([]byte(word))
			if bytes.Contains(content, []byte(word)) || len(word)%3 == 0 && bytes.Contains(content, []byte(encoded)) {
				t.Errorf("%s: %s shows %q", where, path, word)
			}
		}
	}
}

// TestPartErased holds that a package with raw content is made and proved
// whatever part of a mail was erased, within its period or since: what was
// erased is in no file of it, and what was not is in the newer one.
func TestPartErased(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		const large = 50_000 // so that the message lies beside its record
		many := []string{"", ""}
		for i := range 101 { // of which the last is in the message alone
			many = append(many, fmt.Sprintf("part-%d.bin", i), fmt.Sprintf("okapi %d", i))
		}
		for i, x := range []struct {
			subject    string
			part       intake.Part
			whole      bool
			files      []string
			gone, stay []string
			left       int // files of the mail below raw/
		}{
			{"One of two", intake.Files, false, []string{"zebra.bin", "zebras are striped", "gnu.bin", "gnus are not"}, []string{"zebras", "zebra.bin"}, []string{"gnus are not", "says One of two"}, 1},
			{"One of two, large", intake.Files, false, []string{"quagga.bin", strings.Repeat("quagga", large/6), "kudu.bin", strings.Repeat("kudu", large/4)}, []string{"quagga", "quagga.bin"}, []string{"kudukudu"}, 1},
			{"The only one", intake.Files, false, []string{"dodo.bin", "dodos are gone"}, []string{"dodos are", "dodo.bin"}, []string{"says The only one"}, 0},
			{"Among many", intake.Files, false, many[2:], []string{"part-0.bin", "okapi 0"}, []string{"okapi 99", "part-100.bin"}, 99},
			{"Who", intake.Identity, false, []string{"bongo.bin", "bongos are shy"}, []string{"Who.Sender"}, []string{"bongos are shy", "says Who"}, 1},
			{"What", intake.Content, false, []string{"saola.bin", "saolas are rare"}, []string{"saolas", "saola.bin", "What.Sender", "says What"}, nil, 0},
			{"All of it", intake.Content, true, []string{"eland.bin", "elands are large"}, []string{"elands", "eland.bin", "All.Sender", "says All"}, nil, 0},
		} {
			o.at(2026, 9, 1+i, 9, 0)
			before := evidence.Period{From: q3.From, To: o.Now().Add(time.Hour)}
			first, _, _ := strings.Cut(x.subject, " ")
			c := o.letter(first+".Sender@example.com", x.subject, "It says "+x.subject+".", x.files...)
			m := o.first(c)
			o.Clock.Advance(2 * time.Hour)
			ask := retention.Ask{Case: c.ID, Part: x.part}
			if !x.whole {
				ask.Of = m.ID
			}
			o.erase(ask)
			o.Clock.Advance(2 * time.Hour)
			for _, p := range []evidence.Period{before, q3, {From: before.To, To: q3.To}} {
				b, _ := o.build(p, evidence.BuildOptions{WithRaw: true})
				if _, err := check(t, b, o.VerifierKey()); err != nil {
					t.Fatalf("%s, %s: %v", x.subject, p, err)
				}
				all := files(t, b)
				shows(t, x.subject, all, x.gone)
				if p == before {
					continue
				}
				left := 0
				for path := range all {
					if strings.HasPrefix(path, "raw/"+c.Number+"/1/") {
						left++
					}
				}
				if left != x.left {
					t.Errorf("%s, %s: %d files are left, want %d", x.subject, p, left, x.left)
				}
				for _, word := range x.stay {
					if !contains(all, word) {
						t.Errorf("%s, %s: %q is not there", x.subject, p, word)
					}
				}
				if x.part == intake.Files && !bytes.Contains(all["records/communications.csv"], []byte("(erased)")) {
					t.Errorf("%s, %s: it is not said that a file was erased", x.subject, p)
				}
			}
			m = o.first(c)
			if _, err := o.intake.Raw(t.Context(), m); !says(err, "erased") {
				t.Errorf("%s: the original message: %v", x.subject, err)
			}
			if x.part == intake.Files {
				if _, err := o.intake.Attachment(t.Context(), m, 0); !says(err, "erased") {
					t.Errorf("%s: the erased file: %v", x.subject, err)
				}
				o.must(o.intake.Export(t.Context(), time.UnixMicro(m.ReceivedAt), time.UnixMicro(m.ReceivedAt+1), func(r intake.Row) error {
					if r.Direction == intake.Inbound && (len(r.Attachments) != len(x.files)/2 || r.Attachments[0] != (intake.RowFile{Erased: true}) || r.RawSHA256 != "") {
						t.Errorf("%s: the export says %+v", x.subject, r)
					}
					return nil
				}))
			}
		}
	})
}

// first returns the first communication of a case.
func (o *office) first(c *intake.Case) *intake.Communication {
	o.Helper()
	list, err := o.intake.Communications(o.Context(), c.ID)
	o.must(err)
	return list[0]
}

// says reports whether err says of something that is not there what became of
// it.
func says(err error, word string) bool {
	kind, msg := fault.Of(err)
	return kind == fault.NotFound && strings.Contains(msg, word)
}

func contains(all map[string][]byte, word string) bool {
	for _, content := range all {
		if bytes.Contains(content, []byte(word)) {
			return true
		}
	}
	return false
}

// TestLostFile holds that a file that is gone without an erasure is named, with
// its case.
func TestLostFile(t *testing.T) {
	o := sqlite(t)
	o.at(2026, 9, 1, 9, 0)
	c := o.letter("ann@example.com", "Two files", "See the files.", "a.bin", "first", "b.bin", "second")
	for _, x := range []struct {
		lose func(*intake.Communication)
		want string
	}{
		{func(m *intake.Communication) { m.Raw = nil }, "message of communication 1 of case " + c.Number},
		{func(m *intake.Communication) { m.RawSHA256, m.Attachments[1].Blob = "", blob.Ref{} }, "attachment 2 of communication 1 of case " + c.Number},
	} {
		m := o.first(c)
		x.lose(m)
		o.must(o.Write(t.Context(), ledger.System, func(_ context.Context, tx *ledger.Tx) error {
			return intake.Communications.Put(tx, m, ledger.Do("redrawn"))
		}))
		_, err := o.evidence.Build(t.Context(), o.lea.Actor(people.Lead), q3, evidence.BuildOptions{WithRaw: true}, io.Discard, nil)
		var known *fault.Error
		if !errors.As(err, &known) || known.Kind != fault.Conflict || !strings.Contains(known.Msg, x.want) {
			t.Errorf("%v; want that it names %s", err, x.want)
		}
	}
}
