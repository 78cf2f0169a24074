package mime

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"path"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"example.org/countersign/internal/mime/field"
)

// file is the attachment being read.
type file struct {
	a    *Attachment // nil between attachments
	w    io.WriteCloser
	sum  hash.Hash
	head []byte // the beginning of a part that Auto reads
	room int    // bytes that head may still take
}

const maxHead = 64 << 10

// openFile begins an attachment.
func (p *parser) openFile(a *Attachment) error {
	a.Index = len(p.files)
	if a.Name == "" {
		a.Name = unnamed(a)
	}
	f := &p.file
	if f.sum == nil {
		f.sum = sha256.New()
	}
	f.sum.Reset()
	f.head, f.room = nil, 0
	if strings.HasPrefix(a.Type, "message/") || a.Type == "text/rfc822-headers" {
		f.room = min(maxHead, maxReports-p.reported)
	}
	if p.sink != nil {
		w, err := p.sink(a)
		if err != nil {
			return fmt.Errorf("keep attachment %d: %w", a.Index, err)
		}
		f.w = w
	}
	f.a = a
	p.files = append(p.files, a)
	return nil
}

// write takes decoded bytes.
func (f *file) write(b []byte) error {
	f.a.Size += int64(len(b))
	f.sum.Write(b)
	if f.room > 0 {
		n := min(f.room, len(b))
		f.head, f.room = append(f.head, b[:n]...), f.room-n
	}
	if f.w == nil {
		return nil
	}
	if _, err := f.w.Write(b); err != nil {
		return fmt.Errorf("keep attachment %d: %w", f.a.Index, err)
	}
	return nil
}

// close closes the writer, if one is open.
func (f *file) close() error {
	w := f.w
	f.w = nil
	if w == nil {
		return nil
	}
	if err := w.Close(); err != nil {
		return fmt.Errorf("keep attachment %d: %w", f.a.Index, err)
	}
	return nil
}

// closeFile ends the attachment.
func (p *parser) closeFile() error {
	f := &p.file
	a := f.a
	var sum [sha256.Size]byte
	a.SHA256 = hex.EncodeToString(f.sum.Sum(sum[:0]))
	if len(f.head) > 0 {
		p.reported += len(f.head)
		p.msg.reports = append(p.msg.reports, report{a.Type, string(f.head)})
		if (a.Type == "message/rfc822" || a.Type == "message/global") && a.Name == unnamed(a) {
			if name := sanitizeName(field.Decode(headField(string(f.head), "Subject"), "")); name != "" {
				a.Name = name + ".eml"
			}
		}
	}
	err := f.close()
	f.a = nil
	return err
}

// listFiles copies the attachments into the message and notes those whose
// contents stay closed to us.
func (p *parser) listFiles() {
	if len(p.files) == 0 {
		return
	}
	p.msg.Attachments = make([]Attachment, len(p.files))
	for i, a := range p.files {
		p.msg.Attachments[i] = *a
		switch {
		case a.Type == "application/ms-tnef" || a.Type == "application/vnd.ms-tnef" || strings.EqualFold(a.Name, "winmail.dat"):
			p.problem("The attachment %q is a Microsoft TNEF container; what it holds was not unpacked.", a.Name)
		case strings.HasSuffix(a.Type, "pkcs7-mime"):
			p.problem("The attachment %q is an S/MIME envelope; what it holds was not opened.", a.Name)
		case a.Type == "application/pgp-encrypted":
			p.problem("The message is encrypted with OpenPGP; it was not opened.")
		}
	}
}

// fileName returns the display name that a part declares, or "".
func (p *parser) fileName(disposition, contentType field.Params) string {
	name := disposition.Get("filename")
	if name == "" {
		name = contentType.Get("name")
	}
	if name == "" {
		return ""
	}
	return sanitizeName(field.DecodeWords(name, p.msg.charset))
}

// sanitizeName makes one path element of a file name from outside: no
// directories, no control or direction-changing characters, no dots or blanks
// at its ends, at most 150 bytes with the extension kept. What is left may be
// nothing.
func sanitizeName(s string) string {
	s = field.CleanLine(s)
	if i := strings.LastIndexAny(s, `/\`); i >= 0 && i < len(s)-1 {
		s = s[i+1:]
	}
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '/' || r == '\\' || r == '\u200E' || r == '\u200F' || r == '\u061C' || r == '\u200B':
			return -1
		case unicode.IsSpace(r):
			return ' '
		}
		return r
	}, s)
	s = strings.Trim(s, `. "'`)
	const most = 150
	if len(s) > most {
		ext := path.Ext(s)
		if len(ext) > 20 {
			ext = ""
		}
		cut := most - len(ext)
		for cut > 0 && !utf8.RuneStart(s[cut]) {
			cut--
		}
		s = strings.TrimRight(s[:cut], " .") + ext
	}
	return s
}

// extensions of the types that come without a name.
var extensions = map[string]string{
	"application/pdf": ".pdf", "application/zip": ".zip", "application/ms-tnef": ".dat", "application/pgp-signature": ".asc",
	"application/pkcs7-signature": ".p7s", "application/x-pkcs7-signature": ".p7s", "application/pkcs7-mime": ".p7m", "application/x-pkcs7-mime": ".p7m",
	"application/json": ".json", "application/xml": ".xml", "image/gif": ".gif", "image/jpeg": ".jpg", "image/jpg": ".jpg", "image/pjpeg": ".jpg", "image/png": ".png", "image/svg+xml": ".svg",
	"message/delivery-status": ".txt", "message/disposition-notification": ".txt", "message/feedback-report": ".txt",
	"message/global": ".eml", "message/rfc822": ".eml", "text/calendar": ".ics", "text/csv": ".csv",
	"text/html": ".html", "text/plain": ".txt", "text/rfc822-headers": ".txt", "text/vcard": ".vcf", "text/x-vcard": ".vcf", "text/xml": ".xml",
}

// unnamed makes a name for an attachment without one: its place and its type.
func unnamed(a *Attachment) string {
	ext := extensions[a.Type]
	if ext == "" {
		ext = ".bin"
	}
	kind := "attachment"
	if major, minor, _ := strings.Cut(a.Type, "/"); major == "image" || major == "audio" || major == "video" {
		kind = major
	} else if major == "message" && minor != "rfc822" && minor != "global" && ext == ".txt" {
		kind = minor
	} else if major == "message" {
		kind = "message"
	}
	return kind + "-" + strconv.Itoa(a.Index+1) + ext
}

// headField returns a field's value from the beginning of a message's bytes,
// folds included.
func headField(head, name string) string {
	value, found := "", false
	for line := range strings.Lines(head) {
		if found && (line[0] == ' ' || line[0] == '\t') {
			value += line
			continue
		}
		if found || isBlank([]byte(line)) {
			break
		}
		if n, v, ok := fieldName([]byte(line)); ok && strings.EqualFold(line[:n], name) {
			value, found = line[v:], true
		}
	}
	return value
}
