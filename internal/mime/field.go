package mime

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

const maxReferences = 100

// readFields fills the message's fields from its header.
func (p *parser) readFields() {
	m := p.msg
	for _, l := range []struct {
		name string
		to   *[]Address
	}{{"From", &m.From}, {"Sender", &m.Sender}, {"Reply-To", &m.ReplyTo}, {"To", &m.To}, {"Cc", &m.Cc}} {
		list, bad := parseList(unfold(m.rawAll(l.name)), m.charset)
		*l.to = list
		if bad != "" {
			p.problem("The field %s has an address that cannot be read: %q.", l.name, short(bad))
		}
	}
	if len(m.From) == 0 && !m.Unparsed {
		p.problem("The message does not say whom it is from.")
	}
	m.Subject = m.Get("Subject")
	m.DateRaw = m.Get("Date")
	if m.DateRaw != "" {
		if m.Date = parseDate(m.DateRaw); m.Date.IsZero() {
			p.problem("The date cannot be read: %q.", short(m.DateRaw))
		}
	}
	if ids := parseIDs(m.raw("Message-ID")); len(ids) > 0 {
		m.MessageID = ids[0]
	}
	m.InReplyTo = parseIDs(m.raw("In-Reply-To"))
	m.References = parseIDs(m.rawAll("References"))
	m.AutoSubmitted, m.Precedence = m.Get("Auto-Submitted"), m.Get("Precedence")
	m.ListID = m.Get("List-Id")
	if v := unfold(m.raw("Return-Path")); v != "" {
		m.ReturnPath = "<>"
		if list, _ := parseList(v, ""); len(list) > 0 && list[0].Addr != "" {
			m.ReturnPath = list[0].Addr
		}
	}
	for _, name := range [...]string{"From", "Sender", "Subject", "Date", "Message-ID", "Content-Type"} {
		if m.count(name) > 1 {
			p.problem("The field %s occurs more than once; the first was taken.", name)
		}
	}
}

// rawAll returns the fields of that name as one list; From and Sender are one
// by rule, and of several only the first counts (RFC 5322 §3.6).
func (m *Message) rawAll(name string) string {
	all := m.raw(name)
	if name == "From" || name == "Sender" || m.count(name) < 2 {
		return all
	}
	var b strings.Builder
	for _, f := range m.fields {
		if f.is(m.header, name) {
			b.WriteString(m.header[f.value:f.end])
			b.WriteByte(',')
		}
	}
	return b.String()
}

// count returns how often a field occurs.
func (m *Message) count(name string) (n int) {
	for _, f := range m.fields {
		if f.is(m.header, name) {
			n++
		}
	}
	return n
}

// decodeField makes a field's value readable: one line, encoded words and bare
// 8-bit bytes decoded, nothing invisible in it. charset is the likeliest one of
// undeclared bytes.
func decodeField(raw, charset string) string {
	return cleanLine(decodeWords(unfold(raw), charset))
}

// decodeWords decodes the encoded words of RFC 2047 in s, wherever they stand
// and also where they are not quite right: blanks inside, no end, a character
// cut in two between words.
func decodeWords(s, charset string) string {
	if !strings.Contains(s, "=?") {
		return bareText(s, charset)
	}
	var out strings.Builder
	var run []byte // decoded bytes of adjacent words in one charset
	runCharset := ""
	flush := func() {
		if len(run) > 0 {
			t, _ := toUTF8(run, runCharset)
			out.WriteString(t)
			run = run[:0]
		}
	}
	for s != "" {
		i := strings.Index(s, "=?")
		if i < 0 {
			break
		}
		cs, b, rest, ok := cutWord(s[i:], false)
		if !ok {
			flush()
			out.WriteString(bareText(s[:i+2], charset))
			s = s[i+2:]
			continue
		}
		if len(run) == 0 || strings.TrimSpace(s[:i]) != "" {
			flush()
			out.WriteString(bareText(s[:i], charset))
		} else if !strings.EqualFold(cs, runCharset) {
			flush()
		}
		runCharset = cs
		run = append(run, b...)
		s = rest
	}
	flush()
	out.WriteString(bareText(s, charset))
	return out.String()
}

// maxWord is far beyond the 75 characters of RFC 2047 §2, which few obey.
const maxWord = 8 << 10

// cutWord reads the encoded word that s begins with; one without its end goes
// to the next blank unless whole is demanded.
func cutWord(s string, whole bool) (charset string, b []byte, rest string, ok bool) {
	if !strings.HasPrefix(s, "=?") {
		return "", nil, "", false
	}
	all := s
	s = s[:min(len(s), maxWord)]
	parts := strings.SplitN(s[2:], "?", 3)
	if len(parts) < 3 || parts[0] == "" || len(parts[0]) > 60 || strings.ContainsAny(parts[0], " \t,<>\"") || len(parts[1]) != 1 {
		return "", nil, "", false
	}
	text, _, ended := strings.Cut(parts[2], "?=")
	end := len(s) - len(parts[2]) + len(text)
	switch {
	case ended:
		end += len("?=")
	case whole:
		return "", nil, "", false
	default:
		if i := strings.IndexAny(text, " \t"); i >= 0 {
			end -= len(text) - i
			text = text[:i]
		}
		text = strings.TrimSuffix(text, "?")
	}
	rest = all[end:]
	charset, _, _ = strings.Cut(parts[0], "*") // RFC 2231 §5: a language
	d := decoder{enc: base64Encoding}
	switch parts[1] {
	case "B", "b":
		b = d.finish(d.base64(nil, []byte(strings.ReplaceAll(text, " ", ""))), true)
		return charset, b, rest, true
	case "Q", "q":
		b = make([]byte, 0, len(text))
		for i := 0; i < len(text); i++ {
			switch {
			case text[i] == '_':
				b = append(b, ' ')
			case text[i] == '=' && i+2 < len(text) && unhex(text[i+1]) < 16 && unhex(text[i+2]) < 16:
				b = append(b, unhex(text[i+1])<<4|unhex(text[i+2]))
				i += 2
			default:
				b = append(b, text[i])
			}
		}
		return charset, b, rest, true
	}
	return "", nil, "", false
}

// bareText decodes header bytes that no encoded word declares (RFC 6532 says
// UTF-8; before it, whatever the body was in).
func bareText(s, charset string) string {
	if isASCII(s) && strings.IndexByte(s, 0x1b) < 0 {
		return s
	}
	if utf8.ValidString(s) && !hasEscape([]byte(s)) {
		return s
	}
	t, _ := toUTF8([]byte(s), charset)
	return t
}

// cleanLine makes s one line of valid UTF-8 without control characters and
// without those that turn text round, so that a name cannot pose as another.
func cleanLine(s string) string {
	plain := true
	for i := range len(s) {
		if s[i] < ' ' || s[i] >= 0x7f {
			plain = false
			break
		}
	}
	if plain {
		return strings.TrimSpace(s)
	}
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || r == '\n' || r == '\r' || r == '\u2028' || r == '\u2029':
			return ' '
		case unicode.IsControl(r) || isBidiControl(r) || r == '\uFEFF':
			return -1
		}
		return r // an invalid byte arrives here as U+FFFD
	}, s)
	return strings.TrimSpace(s)
}

// isBidiControl reports whether r embeds, overrides or isolates a direction.
func isBidiControl(r rune) bool {
	return '\u202A' <= r && r <= '\u202E' || '\u2066' <= r && r <= '\u2069'
}

// CleanHeader makes s fit to be the value of a header field: one line, valid
// UTF-8, no control character (RFC 5322 §2.2: CR and LF would begin another
// field).
func CleanHeader(s string) string {
	return cleanLine(strings.ToValidUTF8(s, "\uFFFD"))
}

// short cuts s for a Problem.
func short(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// parseIDs returns the message ids in a field, without brackets (RFC 5322
// §3.6.4), or the words with an @ where none has brackets.
func parseIDs(raw string) []string {
	raw = cleanLine(decodeWords(unfold(raw), ""))
	var ids []string
	for rest := raw; ; {
		_, after, ok := strings.Cut(rest, "<")
		if !ok {
			break
		}
		id, after, ok := strings.Cut(after, ">")
		if !ok {
			break
		}
		if id = strings.Join(strings.Fields(id), ""); id != "" {
			ids = append(ids, strings.TrimLeft(id, "<"))
		}
		rest = after
	}
	if ids == nil {
		for _, w := range strings.Fields(raw) {
			if w = strings.Trim(w, `<>,;"`); strings.Contains(w, "@") {
				ids = append(ids, w)
			}
		}
	}
	return ids[max(0, len(ids)-maxReferences):]
}

// zones are those of RFC 5322 §4.3 and a few more that have one meaning.
var zones = map[string]int{
	"UT": 0, "UTC": 0, "GMT": 0, "Z": 0, "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6,
	"PST": -8, "PDT": -7, "CET": 1, "CEST": 2, "MET": 1, "MEST": 2, "EET": 2, "EEST": 3, "MSK": 3, "JST": 9, "WET": 0, "WEST": 1,
}

// monthOf reads the English name of a month; 0 for another word.
func monthOf(w string) int {
	if len(w) < 3 {
		return 0
	}
	i := strings.Index("janfebmaraprmayjunjulaugsepoctnovdec", strings.ToLower(w[:3]))
	if i < 0 || i%3 != 0 {
		return 0
	}
	return i/3 + 1
}

// parseDate reads a date of RFC 5322 §3.3 or §4.3, one as C's ctime writes it,
// or RFC 3339. It returns the zero time where it cannot.
func parseDate(s string) time.Time {
	for _, layout := range [...]string{time.RFC3339, "2006-01-02 15:04:05 -0700", "2006-01-02 15:04:05", "2006-01-02"} {
		if len(s) > 4 && s[4] == '-' {
			if t, err := time.Parse(layout, s); err == nil {
				return t.UTC()
			}
		}
	}
	day, month, year, clock, offset := 0, 0, -1, -1, 0
	s = withoutComments(s)
	if strings.Contains(s, " :") || strings.Contains(s, ": ") {
		s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == ' ' }), " ")
		s = strings.ReplaceAll(strings.ReplaceAll(s, " :", ":"), ": ", ":")
	}
	for w := range strings.FieldsFuncSeq(s, func(r rune) bool { return r == ' ' || r == ',' || r == '\t' }) {
		n, digits := leadingNumber(w)
		switch {
		case strings.IndexByte(w, ':') > 0 && clock < 0:
			clock = parseClock(w)
		case clock >= 0 && (w[0] == '+' || w[0] == '-'):
			if n, digits = leadingNumber(w[1:]); digits == 4 && n%100 < 60 {
				offset = (n/100*60 + n%100) * 60
				if w[0] == '-' {
					offset = -offset
				}
			}
		case digits == 0 && month == 0 && monthOf(w) > 0:
			month = monthOf(w)
		case digits == 0:
			if h, ok := zones[strings.ToUpper(w)]; ok {
				offset = h * 3600
			}
		case digits < len(w): // 5-Mar-2002
			if parts := strings.Split(w, "-"); len(parts) == 3 {
				day, month = n, monthOf(parts[1])
				year = fullYear(leadingNumber(parts[2]))
			}
		case day == 0:
			day = n
		case year < 0:
			year = fullYear(n, digits)
		}
	}
	if day < 1 || month < 1 || year < 1900 || year > 9999 || clock < 0 {
		return time.Time{}
	}
	t := time.Date(year, time.Month(month), day, 0, 0, clock, 0, time.UTC)
	if t.Day() != day {
		return time.Time{}
	}
	return t.Add(-time.Duration(offset) * time.Second)
}

// fullYear reads the short years of RFC 5322 §4.3.
func fullYear(n, digits int) int {
	switch {
	case digits == 2 && n < 50:
		return n + 2000
	case digits <= 3:
		return n + 1900
	}
	return n
}

// leadingNumber reads up to six digits.
func leadingNumber(s string) (n, digits int) {
	for digits < len(s) && digits < 6 && '0' <= s[digits] && s[digits] <= '9' {
		n = n*10 + int(s[digits]-'0')
		digits++
	}
	return n, digits
}

// parseClock returns the seconds of hh:mm or hh:mm:ss, or -1.
func parseClock(s string) int {
	var v [3]int
	parts := strings.SplitN(s, ":", 4)
	if len(parts) > 3 {
		return -1
	}
	for i, part := range parts {
		n, digits := leadingNumber(part)
		if digits == 0 || digits > 2 {
			return -1
		}
		v[i] = n
	}
	if v[0] > 23 || v[1] > 59 || v[2] > 60 {
		return -1
	}
	return v[0]*3600 + v[1]*60 + min(v[2], 59)
}
