package relay

import (
	"bufio"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	stdmime "mime"
	"mime/quotedprintable"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/mime"
)

// Write writes the message that Send sends, lines ended by CR LF.
func (m *Mail) Write(w io.Writer) error {
	p, err := m.prepare()
	if err != nil {
		return err
	}
	return p.write(w)
}

// parcel is a mail that is ready to be sent: who gets it, and its header.
type parcel struct {
	from   string // envelope sender
	to     []string
	utf8   bool // an address needs SMTPUTF8 (RFC 6531)
	header header
	text   string
	files  []File
	mark   string // boundary between parts, "" where there is one part
}

// prepare checks what was given and makes the header.
func (m *Mail) prepare() (*parcel, error) {
	p := &parcel{text: m.Text, files: m.Attachments}
	from, err := mime.ParseAddress(m.From)
	if err != nil {
		return nil, err
	}
	p.from = from.Addr
	id := messageID(m.MessageID)
	switch {
	case id == "":
		return nil, fault.New(fault.Invalid, "%q is not a Message-ID", m.MessageID)
	case m.Date.IsZero():
		return nil, fault.New(fault.Invalid, "the mail has no date")
	case m.Sender == "<>":
		p.from = ""
	case m.Sender != "":
		sender, err := mime.ParseAddress(m.Sender)
		if err != nil {
			return nil, err
		}
		p.from = sender.Addr
	}
	p.from, p.utf8 = onWire(p.from)
	h := &p.header
	h.add("Date", m.Date.UTC().Format("Mon, 02 Jan 2006 15:04:05 -0700"))
	if err := p.addresses("From", []string{m.From}, false); err != nil {
		return nil, err
	}
	if err := p.addresses("To", m.To, true); err != nil {
		return nil, err
	}
	if err := p.addresses("Cc", m.Cc, true); err != nil {
		return nil, err
	}
	if len(p.to) == 0 {
		return nil, fault.New(fault.Invalid, "the mail has no recipient")
	}
	if m.ReplyTo != "" {
		if err := p.addresses("Reply-To", []string{m.ReplyTo}, false); err != nil {
			return nil, err
		}
	}
	h.add("Subject", words(mime.CleanHeader(m.Subject))...)
	h.add("Message-ID", id)
	h.threads(m)
	if err := h.further(m.Headers); err != nil {
		return nil, err
	}
	h.add("MIME-Version", "1.0")
	if len(m.Attachments) > 0 {
		// Neither quoted-printable nor base64 has "=_".
		sum := sha256.Sum256([]byte(id))
		p.mark = "=_" + hex.EncodeToString(sum[:16])
		h.add("Content-Type", "multipart/mixed;", `boundary="`+p.mark+`"`)
	}
	return p, nil
}

// addresses adds a field of addresses, which are recipients or not.
func (p *parcel) addresses(name string, list []string, recipients bool) error {
	var tokens []string
	for i, s := range list {
		a, err := mime.ParseAddress(s)
		if err != nil {
			return err
		}
		addr, wide := onWire(a.Addr)
		p.utf8 = p.utf8 || wide
		if recipients && !slices.ContainsFunc(p.to, func(other string) bool { return mime.NormalizeAddr(other) == mime.NormalizeAddr(addr) }) {
			p.to = append(p.to, addr)
		}
		if a.Name != "" {
			tokens = append(tokens, phrase(mime.CleanHeader(a.Name))...)
			addr = "<" + addr + ">"
		}
		if i < len(list)-1 {
			addr += ","
		}
		tokens = append(tokens, addr)
	}
	if len(tokens) > 0 {
		p.header.add(name, tokens...)
	}
	return nil
}

// onWire returns an address with its domain in ASCII (RFC 5890), and whether
// the rest needs SMTPUTF8.
func onWire(addr string) (string, bool) {
	at := strings.LastIndexByte(addr, '@')
	if at < 0 {
		return addr, false
	}
	normal := mime.NormalizeAddr(addr)
	return addr[:at] + normal[strings.LastIndexByte(normal, '@'):], !isASCII(addr[:at])
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf })
}

// header is the fields of a header, ready to be written.
type header struct{ strings.Builder }

// add adds a field whose value is tokens separated by blanks, and folds it
// between them so that no line passes 78 characters where that is possible (RFC
// 5322 §2.1.1). Tokens have no line breaks.
func (h *header) add(name string, tokens ...string) {
	h.WriteString(name + ":")
	line := len(name) + 1
	for i, t := range tokens {
		if i > 0 && line+1+len(t) > 78 {
			h.WriteString("\r\n")
			line = 0
		}
		h.WriteString(" " + t)
		line += 1 + len(t)
	}
	h.WriteString("\r\n")
}

// maxReferences is how many are named: the first, which is the root of the
// thread, and the last ones.
const maxReferences = 20

// threads adds what the mail answers. What is no Message-ID is left out: it
// comes from others' mail.
func (h *header) threads(m *Mail) {
	if id := messageID(m.InReplyTo); id != "" {
		h.add("In-Reply-To", id)
	}
	var refs []string
	for _, r := range m.References {
		if id := messageID(r); id != "" && !slices.Contains(refs, id) {
			refs = append(refs, id)
		}
	}
	if len(refs) > maxReferences {
		refs = append(refs[:1], refs[len(refs)-maxReferences+1:]...)
	}
	if len(refs) > 0 {
		h.add("References", refs...)
	}
}

var idForm = regexp.MustCompile(`^[!-;=?-~]+@[!-;=?-~]+$`)

// messageID returns s in angle brackets, "" where it is no Message-ID.
func messageID(s string) string {
	s = strings.TrimSuffix(strings.TrimPrefix(s, "<"), ">")
	if len(s) > 250 || !idForm.MatchString(s) {
		return ""
	}
	return "<" + s + ">"
}

var (
	fieldName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]{0,60}$`)
	// ours are the fields that are made from the rest of a Mail, and Bcc, which
	// would tell what it is there to hide.
	ours = []string{"date", "from", "to", "cc", "bcc", "reply-to", "subject", "message-id", "in-reply-to", "references",
		"mime-version", "sender", "return-path", "received"}
)

// further adds the caller's own fields, in the order of their names.
func (h *header) further(fields map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		low := strings.ToLower(name)
		if !fieldName.MatchString(name) || slices.Contains(ours, low) || strings.HasPrefix(low, "content-") {
			return fault.New(fault.Invalid, "%q cannot be a further field of a mail", name)
		}
		h.add(name, words(mime.CleanHeader(fields[name]))...)
	}
	return nil
}

// words returns text as tokens: as it is where it is short words of ASCII,
// else as encoded words (RFC 2047).
func words(s string) []string {
	plain := strings.Fields(s)
	tooLong := func(w string) bool { return len(w) > 76 }
	if isASCII(s) && !strings.Contains(s, "=?") && !slices.ContainsFunc(plain, tooLong) {
		return plain
	}
	return encoded(s)
}

var atoms = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]*$")

// phrase returns a display name as tokens.
func phrase(s string) []string {
	switch {
	case !isASCII(s) || strings.Contains(s, "=?") || len(s) > 70:
		return encoded(s)
	case atoms.MatchString(s):
		return strings.Fields(s)
	}
	return []string{`"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`}
}

// encoded returns text as encoded words of at most 75 characters, which begin
// and end between characters.
func encoded(s string) (tokens []string) {
	const room = 39 // bytes in one word: it fits on a line with "Subject:"
	for len(s) > 0 {
		n := min(room, len(s))
		for n < len(s) && !utf8.RuneStart(s[n]) {
			n--
		}
		tokens = append(tokens, "=?utf-8?B?"+base64.StdEncoding.EncodeToString([]byte(s[:n]))+"?=")
		s = s[n:]
	}
	return tokens
}

// write writes the message.
func (p *parcel) write(w io.Writer) error {
	b := bufio.NewWriterSize(w, 32<<10)
	b.WriteString(p.header.String())
	if p.mark != "" {
		b.WriteString("\r\n--" + p.mark + "\r\n")
	}
	if err := writeText(b, p.text); err != nil {
		return err
	}
	for _, f := range p.files {
		b.WriteString("\r\n--" + p.mark + "\r\n")
		if err := f.write(b); err != nil {
			return fmt.Errorf("attachment %q: %w", f.Name, err)
		}
	}
	if p.mark != "" {
		b.WriteString("\r\n--" + p.mark + "--\r\n")
	}
	return b.Flush()
}

// writeText writes the text as quoted-printable: no line is too long on the
// way, and nothing changes trailing blanks or a "From " (RFC 2045 §6.7).
func writeText(b *bufio.Writer, text string) error {
	b.WriteString("Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n")
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(strings.ToValidUTF8(text, "\uFFFD"))
	if !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	q := quotedprintable.NewWriter(b)
	if _, err := io.WriteString(q, text); err != nil {
		return err
	}
	return q.Close()
}

// write writes the attachment as a part.
func (f *File) write(b *bufio.Writer) error {
	kind, params, err := stdmime.ParseMediaType(f.Type)
	// A message or a multipart must not be in base64 (RFC 2045 §6.4).
	if err != nil || len(f.Type) > 200 || strings.HasPrefix(kind, "message/") || strings.HasPrefix(kind, "multipart/") {
		kind, params = "application/octet-stream", nil
	}
	about := map[string]string{}
	if charset := params["charset"]; charset != "" {
		about["charset"] = charset
	}
	for _, field := range [][2]string{
		{"Content-Type", stdmime.FormatMediaType(kind, about)},
		{"Content-Transfer-Encoding", "base64"},
		{"Content-Disposition", stdmime.FormatMediaType("attachment", map[string]string{"filename": fileName(f.Name)})},
	} {
		b.WriteString(field[0] + ": " + strings.ReplaceAll(field[1], "; ", ";\r\n ") + "\r\n")
	}
	b.WriteString("\r\n")
	r, err := f.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	lines := &breaker{w: b}
	enc := base64.NewEncoder(base64.StdEncoding, lines)
	if _, err := io.Copy(enc, r); err != nil {
		return err
	}
	return enc.Close()
}

// fileName returns a name that is one, and nothing else.
func fileName(s string) string {
	s = strings.Map(func(r rune) rune {
		if strings.ContainsRune(`/\:`, r) {
			return '_'
		}
		return r
	}, mime.CleanHeader(s))
	for len(s) > 150 {
		_, size := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-size]
	}
	if strings.Trim(s, ". ") == "" {
		return "attachment"
	}
	return s
}

// breaker breaks base64 into lines of 76 characters.
type breaker struct {
	w    *bufio.Writer
	line int
}

func (b *breaker) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		if b.line == 76 {
			b.w.WriteString("\r\n")
			b.line = 0
		}
		n := min(76-b.line, len(rest))
		if _, err := b.w.Write(rest[:n]); err != nil {
			return 0, err
		}
		b.line += n
		rest = rest[n:]
	}
	return len(p), nil
}
