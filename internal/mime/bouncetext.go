package mime

import (
	"strings"

	"example.org/countersign/internal/mime/field"
)

// maxNotice bounds how much of a bounce's text is read as the notice.
const maxNotice = 32 << 10

// originals begin the lines after which a bounce quotes the message that was
// not delivered, without the dashes around them, in lower case.
var originals = []string{
	"original message", "original message follows", "original message headers", "returned message", "unsent message", "message headers follow", "message header follow",
	"below this line is a copy", "enclosed is a copy", "this is a copy of", "below is a copy of", "the header of the original", "the headers of the original", "header of the original",
	"message text follows", "received message follows", "undelivered message follows", "the original message follows", "original mail", "included is a copy", "a copy of the original message",
}

// notice returns the part of a bounce's text that comes before the message it
// quotes.
func notice(text string) string {
	if len(text) > maxNotice {
		text = cutText(text, maxNotice)
	}
	at := 0
	for line := range strings.Lines(text) {
		if at > 0 && beginsOriginal(line) {
			return text[:at]
		}
		at += len(line)
	}
	return text
}

// beginsOriginal reports whether the message quoted begins at or after line.
func beginsOriginal(line string) bool {
	for _, f := range [...]string{"Received: ", "Return-Path: ", "Return-path: ", "DKIM-Signature: "} {
		if strings.HasPrefix(line, f) {
			return true
		}
	}
	low := strings.ToLower(strings.Trim(line, "-=_*#<> \t\n"))
	for _, o := range originals {
		if strings.HasPrefix(low, o) && !strings.HasPrefix(low, "original message was") && !strings.HasPrefix(low, "original message sent") {
			return true
		}
	}
	return false
}

// mention is an address that a bounce names and where it speaks of it.
type mention struct {
	addr     string
	from, to int // in the notice
}

// textBounces reads a bounce that is written for people only: which addresses
// it names, and what is said after each.
func (m *Message) textBounces(text string) []Bounce {
	action, low := "failed", strings.ToLower(text+m.Subject)
	for _, w := range [...]string{"warning message only", "delayed", "temporary failure report"} {
		if strings.Contains(low, w) {
			action = "delayed"
		}
	}
	found := m.mentions(text)
	list := make([]Bounce, 0, len(found))
	for _, f := range found {
		b, said := Bounce{Recipient: f.addr, Action: action}, text[f.from:f.to]
		if _, v := phraseIn(said); v == nil && replyCode(said) == "" && enhancedCode(said) == "" {
			said = text
		}
		b.judge(said)
		if line := lineWithCode(said); line != "" {
			b.Diagnostic = cutDiagnostic(line)
		}
		list = append(list, b)
	}
	return list
}

// mentions finds the recipients in a notice: those of X-Failed-Recipients
// where it has one, else every address that is not ours, else whom the
// message quoted was for.
func (m *Message) mentions(text string) []mention {
	ours, failed := map[string]bool{}, map[string]bool{}
	for _, list := range [...][]Address{m.To, m.Cc, m.From} {
		for _, a := range list {
			ours[field.NormalizeAddr(a.Addr)] = true
		}
	}
	named, _ := field.ParseList(field.Unfold(m.raw("X-Failed-Recipients")), "")
	named = named[:min(len(named), maxBounces)]
	for _, a := range named {
		failed[field.NormalizeAddr(a.Addr)] = true
	}
	var found []mention
	index := map[string]int{}
	at := 0
	for line := range strings.Lines(text) {
		for _, addr := range addressesIn(line) {
			key := field.NormalizeAddr(addr)
			if !failed[key] && (ours[key] || len(failed) > 0) || len(found) == maxBounces {
				continue
			}
			if i, seen := index[key]; seen {
				if i == len(found)-1 {
					found[i].to = at + len(line)
				}
				continue
			}
			if len(found) > 0 {
				found[len(found)-1].to = at
			}
			index[key] = len(found)
			found = append(found, mention{addr: addr, from: at})
		}
		at += len(line)
	}
	if len(found) > 0 {
		found[len(found)-1].to = at
	}
	for _, a := range named {
		if _, seen := index[field.NormalizeAddr(a.Addr)]; !seen && a.Addr != "" {
			found = append(found, mention{a.Addr, 0, at})
		}
	}
	if len(found) == 0 {
		found = append(found, mention{m.originalTo(), 0, at})
	}
	return found
}

// lineAbout returns the first line that names addr and says something of it.
func lineAbout(text, addr string) string {
	tries := 0
	for line := range strings.Lines(text) {
		if strings.Contains(line, addr) && len(strings.TrimSpace(line)) > len(addr)+4 {
			if _, v := phraseIn(line); v != nil || replyCode(line) != "" {
				return field.CleanLine(line)
			}
			if tries++; tries == 10 {
				break
			}
		}
	}
	return ""
}

// lineWithCode returns the first line that has a reply or status code.
func lineWithCode(text string) string {
	for line := range strings.Lines(text) {
		if replyCode(line) != "" || enhancedCode(line) != "" {
			return field.CleanLine(line)
		}
	}
	return ""
}

// originalTo returns whom the quoted message was addressed to.
func (m *Message) originalTo() string {
	for _, r := range m.reports {
		if r.kind == "message/rfc822" || r.kind == "message/global" || r.kind == "text/rfc822-headers" {
			if list, _ := field.ParseList(field.Unfold(headField(r.body, "To")), ""); len(list) > 0 {
				return list[0].Addr
			}
		}
	}
	quoted := m.Text[len(notice(m.Text)):]
	for line := range strings.Lines(quoted) {
		if strings.HasPrefix(line, "To:") {
			if list, _ := field.ParseList(field.Unfold(line[3:]), ""); len(list) > 0 {
				return list[0].Addr
			}
		}
	}
	return ""
}

// addressesIn returns the addresses in a line of a notice that may be the
// recipient's: not those of a sender, of a helper, or within a URL.
func addressesIn(line string) []string {
	if !strings.Contains(line, "@") {
		return nil
	}
	low := strings.ToLower(line)
	if strings.HasPrefix(strings.TrimSpace(low), "to:") { // of the original's header
		return nil
	}
	for _, no := range [...]string{"mail from", "from:", "message-id", "message id", "generated from", "reply-to", "sender:", "sent by", "contact ", "please send mail to", "envelope-from"} {
		if strings.Contains(low, no) {
			return nil
		}
	}
	var list []string
	for rest := line; ; {
		i := strings.IndexByte(rest, '@')
		if i < 0 {
			return list
		}
		start := i
		for start > 0 && isAddrByte(rest[start-1]) {
			start--
		}
		end := i + 1
		for end < len(rest) && (isWordByte(rest[end]) || rest[end] == '.' || rest[end] == '-') {
			end++
		}
		addr := strings.TrimRight(rest[start:end], ".-")
		local, _, _ := strings.Cut(addr, "@")
		if field.Wrong(addr) == "" && strings.Contains(addr[i-start:], ".") && !strings.EqualFold(local, "postmaster") && !strings.EqualFold(local, "mailer-daemon") &&
			(start == 0 || rest[start-1] != '/') {
			list = append(list, addr)
		}
		rest = rest[end:]
	}
}

// isAddrByte reports whether c may be in a local part as bounces write them.
func isAddrByte(c byte) bool {
	return isWordByte(c) || strings.IndexByte(".+-_=!#$%&*?^`{|}~", c) >= 0
}
