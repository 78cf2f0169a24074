package intake_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"strings"
	"testing"

	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/mime"
)

func upload(name, kind string, data []byte) intake.Upload {
	return intake.Upload{Name: name, Type: kind, Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil }}
}

// picture is one that is red above and blue below, three wide and two high.
func picture() image.Image {
	p := image.NewRGBA(image.Rect(0, 0, 48, 32))
	for y := range 32 {
		for x := range 48 {
			c := color.RGBA{200, 0, 0, 255}
			if y >= 16 {
				c = color.RGBA{0, 0, 200, 255}
			}
			p.Set(x, y, c)
		}
	}
	return p
}

// photo is a JPEG with Exif data that names a place and says how the camera was held.
func photo(t *testing.T, orientation byte) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, picture(), nil); err != nil {
		t.Fatal(err)
	}
	exif := append([]byte("Exif\x00\x00MM\x00\x2a\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00"), orientation, 0, 0, 0, 0, 0, 0)
	exif = append(exif, "GPS 52.5200 N 13.4050 E, camera of Rita"...)
	segment := append([]byte{0xff, 0xe1, byte((len(exif) + 2) >> 8), byte(len(exif) + 2)}, exif...)
	return append(append(append([]byte{}, b.Bytes()[:2]...), segment...), b.Bytes()[2:]...)
}

// drawing is a PNG with a text in it.
func drawing(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, picture()); err != nil {
		t.Fatal(err)
	}
	text := "tEXtAuthor\x00Rita Reporter"
	chunk := append([]byte{0, 0, 0, byte(len(text) - 4)}, text...)
	chunk = binary.BigEndian.AppendUint32(chunk, crc32.ChecksumIEEE([]byte(text)))
	at := 8 + 25
	return append(append(append([]byte{}, b.Bytes()[:at]...), chunk...), b.Bytes()[at:]...)
}

func read(t *testing.T, o *office, m *intake.Communication, i int) []byte {
	t.Helper()
	r, err := o.Attachment(t.Context(), m, i)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestReport(t *testing.T) {
	each(t, intake.Options{}, func(t *testing.T, o *office) {
		r, err := o.Report(t.Context(), intake.Report{Channel: portal, Name: "Rita\r\nBcc: x", Address: "Rita@Example.com", Subject: "A hole in your fence",
			Text: "There is a vulnerability in the fence that you have.\r\nAnd more.", Files: []intake.Upload{upload("../fence.txt", "text/plain; charset=x", []byte("fence"))}})
		if err != nil || !r.New || r.Number != "C-2026-000001" || len(r.Code) != 23 {
			t.Fatalf("%+v, %v", r, err)
		}
		c, all := o.load(t, r.Case), o.thread(t, r.Case)
		if c.ReporterAddress != "rita@example.com" || c.ReporterName != "Rita  Bcc: x" || c.Anonymous || c.Category != "vulnerability" || c.DueAt == 0 || c.Source != intake.FromPortal || strings.Contains(c.CodeHash, r.Code) || c.CodeHash == "" {
			t.Errorf("case %+v", c)
		}
		if m := all[0]; m.Text != "There is a vulnerability in the fence that you have.\nAnd more." || m.Attachments[0].Type != "text/plain" || m.Attachments[0].Hidden || string(read(t, o, m, 0)) != "fence" {
			t.Errorf("communication %+v", m)
		}
		o.due(t)
		if len(o.sent) != 1 || o.sent[0].To[0] != "rita@example.com" {
			t.Errorf("confirmed to %+v", o.sent)
		}
		answer(t, o, r.Case, mime.Address{Addr: "RITA@example.com"})
		answer(t, o, r.Case, mime.Address{Addr: "vendor@example.net"}) // not for the reporter's eyes
		if got := o.must(t, mail{from: "vendor@example.net", subject: r.Number}); got.Case != r.Case {
			t.Fatalf("the vendor's answer went to %s", got.Number)
		}
		if _, err := o.Note(t.Context(), ann, r.Case, "nobody outside reads this"); err != nil {
			t.Fatal(err)
		}
		thread, err := o.FollowUp(t.Context(), strings.ToLower(r.Number), strings.ToLower(strings.ReplaceAll(r.Code, "-", " ")))
		if err != nil || len(thread.Messages) != 2 || thread.Messages[0].FromUs || !thread.Messages[1].FromUs || thread.Messages[1].Text != "Here it is." || thread.DueAt != 0 {
			t.Errorf("follow-up %+v, %v", thread, err)
		}
		if a, body, err := o.FollowUpAttachment(t.Context(), r.Number, r.Code, r.Communication, 0); err != nil || a.Size != 5 {
			t.Errorf("attachment of the follow-up: %+v, %v", a, err)
		} else {
			body.Close()
		}
		added, err := o.AddFollowUp(t.Context(), r.Number, r.Code, "And another thing", nil)
		if err != nil || added.Case != r.Case || o.load(t, r.Case).State != intake.Open {
			t.Errorf("adding: %+v, %v", added, err)
		}
		for _, wrong := range [][2]string{{r.Number, "00000-00000-00000-00000"}, {"C-2026-000002", r.Code}, {"", ""}, {r.Number, ""}, {"x", "y"}} {
			if _, err := o.FollowUp(t.Context(), wrong[0], wrong[1]); !is(err, fault.NotFound) {
				t.Errorf("%q opened a report: %v", wrong, err)
			}
			if _, err := o.AddFollowUp(t.Context(), wrong[0], wrong[1], "x", nil); !is(err, fault.NotFound) {
				t.Errorf("%q added to a report: %v", wrong, err)
			}
		}
		// A case that came by mail has no code, so no code opens it.
		byMail := o.must(t, mail{from: "otto@example.com", subject: "x"})
		if _, err := o.FollowUp(t.Context(), byMail.Number, ""); !is(err, fault.NotFound) {
			t.Errorf("a case without a code was opened: %v", err)
		}
	})
}

func TestAnonymousReport(t *testing.T) {
	each(t, intake.Options{}, func(t *testing.T, o *office) {
		files := []intake.Upload{
			upload("rita-holiday.JPG", "image/jpeg", photo(t, 6)),
			upload("rita.png", "image/png", drawing(t)),
			upload("rita.pdf", "application/pdf", []byte("%PDF-1.7 /Author (Rita)")),
			upload("notes of rita.txt", "text/plain", []byte("only words")),
			upload("broken.jpg", "image/jpeg", append(photo(t, 1)[:300], "Rita"...)),
		}
		r, err := o.Report(t.Context(), intake.Report{Channel: portal, Text: "My manager forges the logs.", Files: files, Anonymous: true})
		if err != nil {
			t.Fatal(err)
		}
		c, m := o.load(t, r.Case), o.thread(t, r.Case)[0]
		if !c.Anonymous || c.ReporterAddress+c.ReporterName != "" || len(m.From) != 0 || m.Envelope != nil || m.NoConfirmation == "" {
			t.Errorf("case %+v, communication %+v", c, m)
		}
		var listed []string
		for i, a := range m.Attachments {
			listed = append(listed, fmt.Sprintf("%s %s hidden=%v %s", a.Name, a.Type, a.Hidden, a.Note))
			if strings.Contains(a.Name, "rita") {
				t.Errorf("the name of a file survives: %s", a.Name)
			}
			if a.Hidden {
				if _, err := o.Attachment(t.Context(), m, i); !is(err, fault.Denied) {
					t.Errorf("hidden attachment %d is opened: %v", i, err)
				}
			} else if data := read(t, o, m, i); bytes.Contains(data, []byte("Rita")) || bytes.Contains(data, []byte("Exif")) {
				t.Errorf("attachment %d still has its metadata", i)
			}
		}
		golden(t, "anonymous-files.txt", strings.Join(listed, "\n")+"\n")
		upright, err := jpeg.Decode(bytes.NewReader(read(t, o, m, 0)))
		if err != nil || upright.Bounds().Dx() != 32 || upright.Bounds().Dy() != 48 {
			t.Fatalf("the photograph is not turned upright: %v, %v", upright.Bounds(), err)
		}
		if red, _, blue, _ := upright.At(30, 5).RGBA(); red < blue {
			t.Error("the photograph is turned the wrong way: its top is to be right")
		}
		thread, err := o.FollowUp(t.Context(), r.Number, r.Code)
		if err != nil || len(thread.Messages[0].Attachments) != 3 {
			t.Errorf("the reporter sees %+v, %v", thread, err)
		}
		if err := o.Reveal(t.Context(), leo, m.ID, 4, ""); !is(err, fault.Invalid) {
			t.Errorf("shown without a reason: %v", err)
		}
		if err := o.Reveal(t.Context(), leo, m.ID, 4, "the document is the evidence"); err != nil {
			t.Fatal(err)
		}
		if m := o.thread(t, r.Case)[0]; !strings.HasPrefix(string(read(t, o, m, 4)), "%PDF") {
			t.Error("what was revealed cannot be read")
		}
		if err := o.Reveal(t.Context(), leo, m.ID, 4, "again"); !is(err, fault.Conflict) {
			t.Errorf("revealed twice: %v", err)
		}
	})
}

func TestReportRefused(t *testing.T) {
	big := intake.Upload{Name: "big.iso", Open: func() (io.ReadCloser, error) {
		return io.NopCloser(io.LimitReader(zeros{}, 51<<20)), nil
	}}
	each(t, intake.Options{}, func(t *testing.T, o *office) {
		for name, c := range map[string]struct {
			r    intake.Report
			kind fault.Kind
			says string
		}{
			"no text":               {intake.Report{Channel: portal, Text: " \x00\n"}, fault.Invalid, "text"},
			"too much text":         {intake.Report{Channel: portal, Text: strings.Repeat("x", 300<<10)}, fault.Invalid, "text"},
			"no such channel":       {intake.Report{Channel: "/nowhere", Text: "x"}, fault.NotFound, ""},
			"no address":            {intake.Report{Channel: portal, Text: "x", Address: "rita at example"}, fault.Invalid, "rita at example"},
			"two addresses":         {intake.Report{Channel: portal, Text: "x", Address: "a@example.com, b@example.com"}, fault.Invalid, "2 addresses"},
			"header in the address": {intake.Report{Channel: portal, Text: "x", Address: "a@example.com\r\nBcc: b@example.com"}, fault.Invalid, "line breaks"},
			"anonymous with a name": {intake.Report{Channel: portal, Text: "x", Name: "Rita", Anonymous: true}, fault.Invalid, "anonymous"},
			"too many files":        {intake.Report{Channel: portal, Text: "x", Files: make([]intake.Upload, 21)}, fault.Invalid, "files"},
			"too large a file":      {intake.Report{Channel: portal, Text: "x", Files: []intake.Upload{big}}, fault.Invalid, "big.iso"},
			"weak key":              {intake.Report{Channel: portal, Text: "x", Key: "1"}, fault.Invalid, "key"},
		} {
			if r, err := o.Report(t.Context(), c.r); !is(err, c.kind) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s: %+v, %v", name, r, err)
			}
		}
		if r := o.must(t, mail{from: "a@example.com", subject: "first"}); r.Number != "C-2026-000001" {
			t.Errorf("what was refused took a number: %s", r.Number)
		}
	})
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestReportSentTwice(t *testing.T) {
	each(t, intake.Options{}, func(t *testing.T, o *office) {
		report := intake.Report{Channel: portal, Text: "Pressed the button twice.", Key: "0123456789abcdef", Files: []intake.Upload{upload("a.txt", "text/plain", []byte("a"))}}
		receipts := make([]*intake.Receipt, 4)
		for _, err := range together(len(receipts), func(i int) (err error) {
			receipts[i], err = o.Report(t.Context(), report)
			return err
		}) {
			if err != nil {
				t.Fatal(err)
			}
		}
		for _, r := range receipts {
			if r.Number != "C-2026-000001" || r.Code != receipts[0].Code || r.Code == "" {
				t.Errorf("receipts %+v and %+v", receipts[0], r)
			}
		}
		if _, err := o.FollowUp(t.Context(), receipts[0].Number, receipts[0].Code); err != nil {
			t.Errorf("the code does not open it: %v", err)
		}
		report.Text = "Something else."
		if r, err := o.Report(t.Context(), report); err != nil || !r.New || r.Code == receipts[0].Code {
			t.Errorf("other content under the same key: %+v, %v", r, err)
		}
	})
}
