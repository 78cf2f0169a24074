package field

import (
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"

	"example.org/countersign/internal/fault"
)

// Address is one mailbox. In a message's fields Addr is empty where the field
// names somebody without an address that can be read; Name is then what it
// says.
type Address struct {
	Name string `json:"name"` // display name, decoded; may be empty
	Addr string `json:"addr"` // local-part@domain as written, domain perhaps in Unicode
}

// String returns the address as a person reads it: Name <addr>.
func (a Address) String() string {
	switch {
	case a.Addr == "":
		return a.Name
	case a.Name == "":
		return a.Addr
	}
	return a.Name + " <" + a.Addr + ">"
}

// ParseAddress reads one address, with or without a display name, as people
// and programs write it. The error says what is wrong with it.
func ParseAddress(s string) (Address, error) {
	list, err := ParseAddressList(s)
	if err != nil {
		return Address{}, err
	}
	if len(list) != 1 {
		return Address{}, fault.New(fault.Invalid, "%q is %d addresses; give one", Short(CleanLine(s)), len(list))
	}
	return list[0], nil
}

// ParseAddressList reads addresses separated by commas or semicolons. Unlike a
// received message's field, each must be one that mail can be sent to.
func ParseAddressList(s string) ([]Address, error) {
	if strings.ContainsAny(s, "\r\n\x00") { // RFC 5322 §2.2: they would begin another field
		return nil, fault.New(fault.Invalid, "an address cannot have line breaks: %q", Short(CleanLine(s)))
	}
	p := readList(strings.TrimSpace(s), "")
	switch {
	case len(p.list) == 0:
		return nil, fault.New(fault.Invalid, "there is no address in %q; write name@example.com", Short(CleanLine(s)))
	case p.bad != "":
		return nil, fault.New(fault.Invalid, "%q is not an address: %s", Short(p.bad), p.why)
	}
	return p.list, nil
}

// NormalizeAddr returns the form of an address by which two are compared:
// domain as A-labels in lower case (RFC 5890), local part in lower case, which
// no system in use tells apart.
func NormalizeAddr(addr string) string {
	addr = strings.TrimSpace(addr)
	at := strings.LastIndexByte(addr, '@')
	if at < 0 {
		return lower(addr)
	}
	return lower(addr[:at]) + "@" + asciiDomain(addr[at+1:])
}

// lower folds case; outside ASCII one composition is chosen too.
func lower(s string) string {
	if !isASCII(s) {
		s = norm.NFC.String(s)
	}
	return strings.ToLower(s)
}

// asciiDomain returns a domain as A-labels, or only in lower case where it is
// none.
func asciiDomain(d string) string {
	d = strings.TrimSuffix(strings.TrimSpace(d), ".")
	if isASCII(d) {
		return strings.ToLower(d)
	}
	a, err := idna.Lookup.ToASCII(d)
	if err != nil {
		return lower(d)
	}
	return a
}

// Wrong says why addr is not an address that mail can be sent to (RFC 5321
// §4.1.2, §4.5.3.1), or "".
func Wrong(addr string) string {
	at := strings.LastIndexByte(addr, '@')
	switch {
	case at < 0:
		return "it has no @"
	case at == 0:
		return "nothing stands before the @"
	case at == len(addr)-1:
		return "nothing stands after the @"
	case at > 64:
		return "the part before the @ is longer than 64 bytes"
	case len(addr) > 254:
		return "it is longer than 254 bytes"
	}
	local, domain := addr[:at], addr[at+1:]
	if !strings.HasPrefix(local, `"`) && strings.ContainsAny(local, " ()<>[]:;@\\,\"") {
		return "the part before the @ has a character that must be quoted"
	}
	if literal, ok := strings.CutPrefix(domain, "["); ok {
		literal = strings.TrimPrefix(strings.TrimSuffix(literal, "]"), "IPv6:")
		if _, err := netip.ParseAddr(literal); err != nil || !strings.HasSuffix(domain, "]") {
			return "the brackets after the @ do not hold an IP address"
		}
		return ""
	}
	for label := range strings.SplitSeq(strings.TrimSuffix(asciiDomain(domain), "."), ".") {
		switch {
		case label == "":
			return "the domain has two dots in a row or begins with one"
		case len(label) > 63:
			return "a part of the domain is longer than 63 bytes"
		case label[0] == '-' || label[len(label)-1] == '-':
			return "a part of the domain begins or ends with a hyphen"
		case strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" && strings.ContainsFunc(label, notDomainChar):
			return "the domain has a character that no domain has"
		}
	}
	return ""
}

func notDomainChar(r rune) bool {
	return r != '-' && r != '_' && (r >= utf8.RuneSelf || !unicode.IsLetter(r) && !unicode.IsDigit(r))
}

// listParser reads an address list (RFC 5322 §3.4) from any text.
type listParser struct {
	charset string
	list    []Address
	bad     string // the first thing that is no address
	why     string // and why it is none

	phrase  strings.Builder // words outside brackets, quotes undone
	raw     strings.Builder // the same with its quotes
	comment strings.Builder
	angle   string
	angled  bool
	mark    int    // length of phrase where the brackets came
	at      bool   // raw has an @
	prefix  string // "Smith" of an unquoted "Smith, John <...>"

	openQuote, openComment bool // one was not closed: from there on its mark is only a character
}

// ParseList reads the addresses of a header field's value. What has no address
// is listed by name; bad is the first such thing, or "".
func ParseList(s, charset string) (list []Address, bad string) {
	if s == "" {
		return nil, ""
	}
	p := readList(s, charset)
	return p.list, p.bad
}

// readList is parseList, with the reason for bad.
func readList(s, charset string) *listParser {
	p := &listParser{charset: charset}
	for i := 0; i < len(s); {
		i += p.token(s[i:])
	}
	p.emit(false)
	p.reject(p.prefix, "")
	return p
}

// token consumes one token of the list and returns its length.
func (p *listParser) token(s string) int {
	switch c := s[0]; {
	case c == '"' && !p.openQuote:
		if text, n, ok := quoted(s); ok {
			p.phrase.WriteString(text)
			p.raw.WriteString(s[:n])
			return n
		}
		p.openQuote = true
	case c == '(' && !p.openComment:
		if text, n, ok := comment(s); ok {
			p.comment.WriteString(text)
			return n
		}
		p.openComment = true
	case c == '<':
		end := strings.IndexByte(s, '>')
		if end < 0 { // unclosed: it goes to the next separator
			if end = strings.IndexAny(s, ",;"); end < 0 {
				end = len(s)
			}
			p.brackets(s[1:end])
			return end
		}
		p.brackets(s[1:end])
		return end + 1
	case c == ',':
		p.emit(true)
		return 1
	case c == ';':
		p.emit(false)
		return 1
	case c == ':':
		if !p.angled && !p.at { // the name of a group
			p.phrase.Reset()
			p.raw.Reset()
			return 1
		}
	case c == '=':
		if _, _, rest, ok := cutWord(s, true); ok { // its commas are not ours
			n := len(s) - len(rest)
			p.phrase.WriteString(s[:n])
			p.raw.WriteString(s[:n])
			return n
		}
	}
	p.at = p.at || s[0] == '@'
	p.phrase.WriteByte(s[0])
	p.raw.WriteByte(s[0])
	return 1
}

// brackets notes the address within <>. A second one without a separator
// begins another entry, whose name stands between the two.
func (p *listParser) brackets(addr string) {
	if p.angled && p.angle != "" {
		name := p.phrase.String()[p.mark:]
		p.emit(false)
		p.phrase.WriteString(name)
	}
	p.angle, p.angled, p.mark = addr, true, p.phrase.Len()
}

// quoted reads a quoted string and returns its text and its length; ok is
// false where it is not closed.
func quoted(s string) (text string, n int, ok bool) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s):
			i++
			b.WriteByte(s[i])
		case s[i] == '"':
			return b.String(), i + 1, true
		default:
			b.WriteByte(s[i])
		}
	}
	return "", 0, false
}

// comment reads a comment with those inside it and returns its text and its
// length; ok is false where it is not closed.
func comment(s string) (text string, n int, ok bool) {
	depth := 0
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s):
			i++
			b.WriteByte(s[i])
		case s[i] == '(':
			if depth++; depth > 1 {
				b.WriteByte('(')
			}
		case s[i] == ')':
			if depth--; depth == 0 {
				return b.String(), i + 1, true
			}
			b.WriteByte(')')
		default:
			b.WriteByte(s[i])
		}
	}
	return "", 0, false
}

// withoutComments drops the comments in s (RFC 5322 §3.2.2).
func withoutComments(s string) string {
	for from := 0; ; {
		i := strings.IndexByte(s[from:], '(')
		if i < 0 || strings.HasPrefix(s, `"`) {
			return s
		}
		_, n, ok := comment(s[from+i:])
		if !ok {
			return s
		}
		from += i
		s = s[:from] + s[from+n:]
	}
}

// emit ends one entry; comma where a comma ended it.
func (p *listParser) emit(comma bool) {
	name := strings.TrimSpace(p.phrase.String())
	if before := strings.TrimSpace(p.phrase.String()[:p.mark]); before != "" {
		name = before
	}
	raw, note := strings.TrimSpace(p.raw.String()), p.comment.String()
	angle, angled, at := p.angle, p.angled, p.at
	p.phrase.Reset()
	p.raw.Reset()
	p.comment.Reset()
	p.angle, p.angled, p.at, p.mark = "", false, false, 0

	addr := ""
	switch {
	case angled:
		addr = p.addrSpec(angle)
	case at:
		addr, name = bareAddr(raw)
		addr = p.addrSpec(addr)
	case raw == "":
		return
	case Wrong(name) == "": // an address within quotes
		addr, name = name, ""
	case comma: // perhaps the surname before an unquoted comma
		p.reject(p.prefix, "")
		p.prefix = name
		return
	}
	if name = CleanLine(DecodeWords(name, p.charset)); name == "" {
		name = CleanLine(DecodeWords(note, p.charset))
	}
	if p.prefix != "" {
		if angled && name != "" {
			name = strings.TrimPrefix(CleanLine(DecodeWords(p.prefix, p.charset))+", ", ", ") + name
		} else {
			p.reject(p.prefix, "")
		}
		p.prefix = ""
	}
	switch {
	case addr != "" && Wrong(addr) == "":
		p.list = append(p.list, Address{Name: CleanLine(strings.Trim(name, `'" `)), Addr: addr})
	case addr == "" && name == "": // "<>"
	default:
		p.reject(strings.TrimSpace(name+" "+addr), addr)
	}
}

// reject lists by name what has no address, or one that is wrong.
func (p *listParser) reject(s, addr string) {
	s = CleanLine(strings.Trim(DecodeWords(s, p.charset), ", "))
	if low := strings.ToLower(s); s == "" || strings.Contains(low, "undisclosed") || strings.Contains(low, "unlisted-recipients") {
		return // what mailers write where they name nobody
	}
	p.list = append(p.list, Address{Name: s})
	if p.bad == "" {
		p.bad, p.why = s, Wrong(addr)
	}
}

// bareAddr separates an address without brackets from the words around it.
func bareAddr(raw string) (addr, name string) {
	raw = strings.ReplaceAll(raw, " . ", ".") // RFC 5322 §4.4
	at := strings.LastIndexByte(raw, '@')
	start, end := at, len(raw)
	if strings.HasSuffix(strings.TrimRight(raw[:at], " \t"), `"`) { // a quoted local part
		start = strings.LastIndexByte(strings.TrimRight(raw[:at], `" `+"\t"), '"')
		start = max(start, 0)
	} else {
		start = strings.LastIndexAny(strings.TrimRight(raw[:at], " \t"), " \t\"") + 1
	}
	domain := strings.TrimLeft(raw[at+1:], " \t")
	if i := strings.IndexAny(domain, " \t\""); i >= 0 {
		end = len(raw) - len(domain) + i
	}
	return raw[start:end], strings.TrimSpace(strings.Trim(raw[:start]+" "+raw[end:], `" `))
}

// addrSpec tidies what stands in brackets: blanks, a route (RFC 5322 §4.4),
// quotes and "mailto:" around it.
func (p *listParser) addrSpec(s string) string {
	s = withoutComments(CleanLine(DecodeWords(s, p.charset)))
	s = strings.Trim(s, "<>'")
	if len(s) > 7 && strings.EqualFold(s[:7], "mailto:") {
		s = s[7:]
	}
	if strings.HasPrefix(s, "@") {
		if i := strings.IndexByte(s, ':'); i >= 0 {
			s = s[i+1:]
		}
	}
	if at := strings.LastIndexByte(s, '@'); at >= 0 {
		local := strings.TrimSpace(s[:at])
		if !strings.HasPrefix(local, `"`) {
			local = strings.Join(strings.Fields(local), "")
		}
		s = local + "@" + strings.TrimSuffix(strings.Join(strings.Fields(s[at+1:]), ""), ".")
	}
	return s
}
