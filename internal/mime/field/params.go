package field

import (
	"slices"
	"strconv"
	"strings"
)

// Params are the parameters of a Content-Type or Content-Disposition, with
// their names in lower case.
type Params []param

type param struct{ key, val string }

// Get returns the value of the first parameter of that name.
func (ps Params) Get(key string) string {
	for _, p := range ps {
		if p.key == key {
			return p.val
		}
	}
	return ""
}

const maxParams = 100

// ParseParams reads `value; key=val; key="val"` (RFC 2045 §5.1, RFC 2231) and
// makes the best of what is not quite that: missing semicolons and closing
// quotes, unquoted blanks, comments, encoded words.
func ParseParams(s string) (string, Params) {
	end := strings.IndexAny(s, "; \t(")
	if end < 0 {
		return strings.Trim(s, `"' `), nil
	}
	main, rest := strings.Trim(s[:end], `"'`), s[end:]
	var ps Params
	split := false // a parameter in pieces or with a charset (RFC 2231)
	for len(ps) < maxParams {
		rest = skipBlanks(rest)
		if rest == "" {
			break
		}
		eq := strings.IndexAny(rest, "=;")
		if eq < 0 {
			break
		}
		if rest[eq] == ';' { // words where a parameter should be
			rest = rest[eq+1:]
			continue
		}
		key := strings.ToLower(strings.TrimSpace(rest[:eq]))
		if i := strings.LastIndexAny(key, " \t"); i >= 0 {
			key = key[i+1:]
		}
		var val string
		val, rest = paramValue(strings.TrimLeft(rest[eq+1:], " \t"))
		split = split || strings.IndexByte(key, '*') >= 0
		ps = append(ps, param{key, val})
	}
	if split {
		ps = joinParams(ps)
	}
	return main, ps
}

// skipBlanks drops blanks, semicolons and comments in front.
func skipBlanks(s string) string {
	for {
		s = strings.TrimLeft(s, "; \t")
		if !strings.HasPrefix(s, "(") {
			return s
		}
		_, after, ok := strings.Cut(s, ")")
		if !ok {
			return ""
		}
		s = after
	}
}

// paramValue reads one value and returns what follows it.
func paramValue(s string) (val, rest string) {
	if !strings.HasPrefix(s, `"`) {
		end := strings.IndexByte(s, ';')
		if end < 0 {
			end = len(s)
		}
		val, rest = s[:end], s[end:]
		if eq := strings.IndexByte(val, '='); eq >= 0 { // perhaps a missing semicolon: a=b c=d
			if i := strings.LastIndexAny(val[:eq], " \t"); i >= 0 && IsToken(strings.TrimRight(val[i+1:eq], "*")) && !strings.HasPrefix(val, "=?") {
				return strings.TrimSpace(val[:i]), s[i:]
			}
		}
		return strings.TrimSpace(val), rest
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '"':
			return b.String(), s[i+1:]
		case s[i] == '\\' && i+1 < len(s) && (s[i+1] == '"' || s[i+1] == '\\'):
			// Only these two are undone: Windows writes paths unescaped.
			i++
			b.WriteByte(s[i])
		default:
			b.WriteByte(s[i])
		}
	}
	val, rest, _ = strings.Cut(s[1:], ";") // the closing quote is missing
	return strings.TrimSpace(val), rest
}

// joinParams puts RFC 2231 parameters together: key*0, key*1*, key*.
func joinParams(ps Params) Params {
	type piece struct {
		n       int
		val     string
		encoded bool
	}
	pieces := map[string][]piece{}
	var out Params
	for _, p := range ps {
		key, suffix, starred := strings.Cut(p.key, "*")
		if !starred {
			out = append(out, p)
			continue
		}
		suffix, encoded := strings.CutSuffix("*"+suffix, "*")
		n, err := strconv.Atoi(strings.TrimPrefix(suffix, "*"))
		if err != nil {
			n = 0
		}
		pieces[key] = append(pieces[key], piece{n, p.val, encoded})
	}
	for key, list := range pieces {
		slices.SortStableFunc(list, func(a, b piece) int { return a.n - b.n })
		charset, whole := "", []byte(nil)
		for i, p := range list {
			if i == 0 && p.encoded {
				if parts := strings.SplitN(p.val, "'", 3); len(parts) == 3 {
					charset, p.val = parts[0], parts[2]
				}
			}
			if p.encoded {
				whole = appendUnescaped(whole, p.val)
			} else {
				whole = append(whole, p.val...)
			}
		}
		val, _ := ToUTF8(whole, charset)
		// Mailers that write both give plain ASCII in the other (RFC 6266 §4.3).
		out = slices.DeleteFunc(out, func(p param) bool { return p.key == key })
		out = append(out, param{key, val})
	}
	return out
}

// appendUnescaped undoes %XX.
func appendUnescaped(dst []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) && unhex(s[i+1]) < 16 && unhex(s[i+2]) < 16 {
			dst = append(dst, unhex(s[i+1])<<4|unhex(s[i+2]))
			i += 2
			continue
		}
		dst = append(dst, s[i])
	}
	return dst
}

// IsToken reports whether s is an RFC 2045 token.
func IsToken(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f || strings.IndexByte(`()<>@,;:\"/[]?=`, s[i]) >= 0 {
			return false
		}
	}
	return s != ""
}

// unhex returns the value of a hexadecimal digit, 16 or more for another byte.
func unhex(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	}
	return 16
}
