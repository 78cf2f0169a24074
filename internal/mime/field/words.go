// Package field reads what stands in the fields of a mail's header: encoded
// words and charsets, dates, message ids, parameters, addresses. It takes
// whatever it is given and makes valid UTF-8 of it.
package field

import (
	"encoding/base64"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Unfold puts a field's value on one line (RFC 5322 §2.2.3).
func Unfold(s string) string {
	s = strings.Trim(s, " \t\r\n")
	if strings.IndexByte(s, '\n') < 0 && strings.IndexByte(s, '\r') < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '\r' && s[i] != '\n' {
			b = append(b, s[i])
			continue
		}
		for i+1 < len(s) && (s[i+1] == '\r' || s[i+1] == '\n' || s[i+1] == ' ' || s[i+1] == '\t') {
			i++
		}
		if len(b) > 0 && b[len(b)-1] != ' ' {
			b = append(b, ' ')
		}
	}
	return string(b)
}

// Decode makes a field's value readable: one line, encoded words and bare
// 8-bit bytes decoded, nothing invisible in it. charset is the likeliest one of
// undeclared bytes.
func Decode(raw, charset string) string {
	return CleanLine(DecodeWords(Unfold(raw), charset))
}

// DecodeWords decodes the encoded words of RFC 2047 in s, wherever they stand
// and also where they are not quite right: blanks inside, no end, a character
// cut in two between words.
func DecodeWords(s, charset string) string {
	if !strings.Contains(s, "=?") {
		return bareText(s, charset)
	}
	var out strings.Builder
	var run []byte // decoded bytes of adjacent words in one charset
	runCharset := ""
	flush := func() {
		if len(run) > 0 {
			t, _ := ToUTF8(run, runCharset)
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
	switch parts[1] {
	case "B", "b":
		b = looseBase64(text)
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

const base64Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

// looseBase64 decodes what it can, whatever stands between and however it is
// padded.
func looseBase64(s string) []byte {
	var out []byte
	for part := range strings.SplitSeq(s, "=") {
		part = strings.Map(func(r rune) rune {
			if r < utf8.RuneSelf && strings.IndexByte(base64Alphabet, byte(r)) >= 0 {
				return r
			}
			return -1
		}, part)
		if len(part)%4 == 1 {
			part = part[:len(part)-1]
		}
		b, _ := base64.RawStdEncoding.DecodeString(part) // nothing is left that it could refuse
		out = append(out, b...)
	}
	return out
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
	t, _ := ToUTF8([]byte(s), charset)
	return t
}

// CleanLine makes s one line of valid UTF-8 without control characters and
// without those that turn text round, so that a name cannot pose as another.
func CleanLine(s string) string {
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

// Short cuts s for a Problem.
func Short(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// IDs returns the message ids in a field, without brackets (RFC 5322
// §3.6.4), or the words with an @ where none has brackets.
func IDs(raw string) []string {
	raw = CleanLine(DecodeWords(Unfold(raw), ""))
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
	return ids
}
