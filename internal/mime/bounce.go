package mime

import (
	"slices"
	"strings"

	"example.org/countersign/internal/mime/field"
)

// Bounce is the fate of a message to one recipient.
type Bounce struct {
	Recipient  string `json:"recipient"`  // the address; "" where none is named
	Action     string `json:"action"`     // failed, delayed, delivered, relayed or expanded (RFC 3464 §2.3.3)
	Status     string `json:"status"`     // RFC 3463, as 5.1.1; derived from the words or the reply where none is given
	Diagnostic string `json:"diagnostic"` // what the other side said, on one line
	Hard       bool   `json:"hard"`       // the address will never work: no such user, host or domain; or moved
}

const (
	maxBounces    = 100
	maxDiagnostic = 500
)

// bounce recognises delivery status notifications: those of RFC 3464, and
// what mail systems send instead.
func (m *Message) bounce() (Auto, bool) {
	if body, ok := m.report("message/delivery-status"); ok {
		for _, r := range m.reports {
			if r.kind == "message/delivery-status" && r.body != body {
				body += "\n\n" + r.body // some write one part per recipient
			}
		}
		list := statusList(body, notice(m.Text))
		return Auto{Kind: AutoBounce, Reason: "it is a delivery status notification (RFC 3464)" + outcome(list), Bounces: list, OriginalID: m.originalID()}, true
	}
	_, returned := m.report("message/rfc822")
	daemon := m.fromDaemon() || returned && m.ReturnPath == "<>"
	if !daemon && m.ReturnPath != "<>" && m.raw("X-Failed-Recipients") == "" || subjectBegins(m.Subject, awaySubjects) != "" {
		return Auto{}, false
	}
	text, bySubject := notice(m.Text), false
	for subject, i := strings.ToLower(m.Subject), 0; i < len(bounceSubjects) && !bySubject; i++ {
		bySubject = strings.Contains(subject, bounceSubjects[i])
	}
	var list []Bounce
	if strings.Contains(strings.ToLower(text), "final-recipient:") {
		list = statusList(text, text)
	}
	if len(list) == 0 {
		list = m.textBounces(text)
	}
	if !bySubject {
		_, verdict := phraseIn(text)
		says := enhancedCode(text) != "" || replyCode(text) != "" || returned && verdict != nil
		if !daemon || !says || len(list) == 0 || list[0].Recipient == "" {
			return Auto{}, false
		}
	}
	return Auto{Kind: AutoBounce, Reason: "a mail system says that a message was not delivered" + outcome(list), Bounces: list, OriginalID: m.originalID()}, true
}

// outcome puts the first bounce in words.
func outcome(list []Bounce) string {
	if len(list) == 0 || list[0].Recipient == "" {
		return ""
	}
	s := ": " + list[0].Recipient
	if list[0].Action != "" {
		s += " " + list[0].Action
	}
	if list[0].Status != "" {
		s += " (" + list[0].Status + ")"
	}
	return s
}

// fromDaemon reports whether m says that a mail system sent it.
func (m *Message) fromDaemon() bool {
	for _, a := range append(slices.Clone(m.From), m.Sender...) {
		who := strings.ToLower(a.Name + " " + a.Addr)
		for _, d := range [...]string{"mailer-daemon", "mailer daemon", "mail delivery", "postmaster", "post_master", "mail administrator", "maildaemon", "mail system", "mail-daemon"} {
			if strings.Contains(who, d) {
				return true
			}
		}
	}
	return false
}

// bounceSubjects are in the subjects of bounces, in lower case.
var bounceSubjects = []string{
	"undeliver", "undelivered", "delivery status", "delivery notification", "delivery failure", "delivery has failed", "delivery failed", "failed delivery", "delivery error", "delivery problem",
	"failure notice", "failure delivery", "mail failure", "returned mail", "returned to sender", "mail system error", "could not be delivered", "could not send", "couldn't be delivered", "not delivered",
	"nondeliverable", "non-deliverable", "message delayed", "delayed mail", "mail error", "unzustellbar", "non remis", "não entregue", "no se puede entregar", "не доставлено", "配信不能", "メールエラー", "退信",
}

// originalID returns the Message-ID of the message that a report is about.
func (m *Message) originalID() string {
	for _, r := range m.reports {
		switch r.kind {
		case "message/delivery-status", "message/feedback-report", "message/disposition-notification":
		default:
			if ids := field.IDs(headField(r.body, "Message-ID")); len(ids) > 0 {
				return ids[0]
			}
		}
	}
	for line := range strings.Lines(m.Text) {
		line = strings.TrimLeft(line, " \t>")
		if len(line) > 11 && strings.EqualFold(line[:11], "message-id:") {
			if ids := field.IDs(line[11:]); len(ids) > 0 {
				return ids[0]
			}
		}
	}
	if len(m.InReplyTo) > 0 {
		return m.InReplyTo[0]
	}
	return ""
}

// statusList reads the groups of fields of a delivery-status body (RFC 3464
// §2.1). text is the human-readable part, which often says more.
func statusList(body, text string) []Bounce {
	var list []Bounce
	body = cleanText(body)
	if strings.Count(body, "\nFinal-Recipient:") > 1 { // not all separate the groups
		body = strings.ReplaceAll(body, "\nFinal-Recipient:", "\n\nFinal-Recipient:")
	}
	for group := range strings.SplitSeq(body, "\n\n") {
		group = strings.TrimLeft(group, "\n")
		final, diagnostic := typed(group, "Final-Recipient"), typed(group, "Diagnostic-Code")
		if original := typed(group, "Original-Recipient"); !strings.Contains(final, "@") && original != "" {
			final = original
		}
		action := strings.ToLower(field.CleanLine(field.Unfold(headField(group, "Action"))))
		action, _, _ = strings.Cut(action, " ")
		status := findCode(field.CleanLine(field.Unfold(headField(group, "Status"))), "245")
		if final == "" && action == "" && status == "" {
			continue
		}
		b := Bounce{Recipient: plainAddr(final), Action: action, Status: status, Diagnostic: diagnostic}
		b.judge(text)
		if list = append(list, b); len(list) == maxBounces {
			break
		}
	}
	return list
}

// typed returns the value of a field "name: type; value".
func typed(group, name string) string {
	v := field.CleanLine(field.DecodeWords(field.Unfold(headField(group, name)), ""))
	if kind, rest, ok := strings.Cut(v, ";"); ok && !strings.ContainsAny(kind, " @") {
		v = strings.TrimSpace(rest)
	}
	return v
}

// plainAddr returns the address in s without brackets, or s where none is
// there.
func plainAddr(s string) string {
	if list, _ := field.ParseList(s, ""); len(list) > 0 && list[0].Addr != "" {
		return list[0].Addr
	}
	return field.Short(strings.Trim(s, "<> "))
}

// judge completes what the fields left open, from the diagnostic and then from
// the text.
func (b *Bounce) judge(text string) {
	if b.Diagnostic == "" && b.Recipient != "" {
		b.Diagnostic = lineAbout(text, b.Recipient)
	}
	said := b.Diagnostic
	known, verdict := phraseIn(said)
	if said == "" || verdict == nil && genericCode(b.Status) {
		said = text
		known, verdict = phraseIn(said)
	}
	if code := statusAfterReply(b.Diagnostic); code != "" && !genericCode(code) {
		b.Status = code // what the other side said, where the reporter translated it
	} else if code := enhancedCode(b.Diagnostic); genericCode(b.Status) && !genericCode(code) {
		b.Status = code
	}
	if b.Status == "" {
		b.Status = enhancedCode(said)
	}
	temporary := strings.HasPrefix(b.Status, "4") || b.Action == "delayed"
	if b.Status == "" {
		reply := replyCode(said)
		temporary = temporary || strings.HasPrefix(reply, "4")
		switch class := map[bool]string{true: "4.", false: "5."}[temporary]; {
		case verdict != nil:
			b.Status = class + verdict.code
		case reply != "" || b.Action != "":
			b.Status = class + "0.0"
		}
	}
	if b.Diagnostic == "" {
		b.Diagnostic = known
	}
	b.Diagnostic = cutDiagnostic(b.Diagnostic)
	if b.Action != "" && b.Action != "failed" || temporary {
		return
	}
	switch {
	case strings.HasPrefix(b.Status, "5.7."):
		// Refused by a policy: that says nothing of the address.
	case b.Status == "5.1.7" || b.Status == "5.1.8" || strings.Contains(strings.ToLower(said), "after mail from"):
		// The sender was refused, not the recipient.
	case verdict == nil:
		b.Hard = slices.Contains([]string{"5.1.0", "5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.4.4"}, b.Status)
	default:
		// Refused once the content was seen: that judges the content.
		b.Hard = verdict.hard && !strings.Contains(strings.ToLower(said+text), "end of data")
	}
}

// cutDiagnostic bounds a diagnostic.
func cutDiagnostic(s string) string {
	if len(s) > maxDiagnostic {
		s = cutText(s, maxDiagnostic) + "…"
	}
	return s
}

// genericCode reports whether a status says no more than its class.
func genericCode(s string) bool { return s == "" || strings.HasSuffix(s, ".0.0") }

// statusAfterReply returns the status code that follows a reply code in s, as
// RFC 2034 has it: 550 5.1.1.
func statusAfterReply(s string) string {
	reply := replyCode(s)
	if reply == "" {
		return ""
	}
	_, after, _ := strings.Cut(s, reply)
	after = strings.TrimLeft(after, " -#'")
	if code := enhancedCode(after); code != "" && strings.HasPrefix(after, code) && code[0] == reply[0] {
		return code
	}
	return ""
}

// enhancedCode finds the first status code of failure (RFC 3463) in s.
func enhancedCode(s string) string { return findCode(s, "45") }

// findCode finds the first status code of one of those classes that is not
// part of an IP address or a version.
func findCode(s, classes string) string {
	for i := 0; i+4 < len(s); i++ {
		if strings.IndexByte(classes, s[i]) < 0 || s[i+1] != '.' || i > 0 && (isWordByte(s[i-1]) || s[i-1] == '.') {
			continue
		}
		n := digits(s[i+2:])
		j := i + 2 + n
		if n == 0 || n > 3 || j+1 >= len(s) || s[j] != '.' {
			continue
		}
		n = digits(s[j+1:])
		end := j + 1 + n
		if n == 0 || n > 3 || end < len(s) && (isWordByte(s[end]) || s[end] == '.' && end+1 < len(s) && isWordByte(s[end+1])) {
			continue
		}
		return s[i:end]
	}
	return ""
}

// replyCode finds the first SMTP reply code of failure in s (RFC 5321 §4.2).
func replyCode(s string) string {
	for i := 0; i+2 < len(s); i++ {
		if s[i] != '4' && s[i] != '5' || i > 0 && (isWordByte(s[i-1]) || s[i-1] == '.' || s[i-1] == '-') {
			continue
		}
		if n := digits(s[i:]); n == 3 && s[i+1] < '6' && (i+3 == len(s) || strings.IndexByte(" -:,;)]\n", s[i+3]) >= 0) {
			return s[i : i+3]
		}
	}
	return ""
}

// digits returns how many digits s begins with.
func digits(s string) int {
	return len(s) - len(strings.TrimLeft(s, "0123456789"))
}

func isWordByte(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c >= 0x80
}

// verdict is what a phrase in a bounce means.
type verdict struct {
	phrase string // lower case
	code   string // RFC 3463 without its class
	hard   bool
}

// verdicts are tried in this order: a full mailbox is often reported with the
// words for an unknown one.
var verdicts = []verdict{
	{"recipient address rejected: access denied", "1.1", true}, {"inactive email address", "1.1", true}, {"domain is not reachable", "1.2", true}, {"not accepting network messages", "3.2", true},
	{"my name was rejected", "1.8", false},
	{"mailbox full", "2.2", false}, {"mailbox is full", "2.2", false}, {"over quota", "2.2", false}, {"overquota", "2.2", false}, {"quota exceeded", "2.2", false}, {"exceeded quota", "2.2", false},
	{"exceeds quota", "2.2", false}, {"exceeded storage", "2.2", false}, {"exceeded the local limit", "2.2", false}, {"insufficient system storage", "2.2", false}, {"is full", "2.2", false},
	{"insufficient disk", "2.2", false}, {"storage limit", "2.2", false}, {"disk quota", "2.2", false}, {"not enough storage", "2.2", false}, {"exceeding quota", "2.2", false}, {"quotaexceeded", "2.2", false},
	{"account disabled", "2.1", false}, {"account is disabled", "2.1", false}, {"account has been disabled", "2.1", false}, {"mailbox disabled", "2.1", false}, {"suspended", "2.1", false}, {"inactive", "2.1", false}, {"currently disabled", "2.1", false},
	{"account deactivated", "2.1", false}, {"mailbox is frozen", "2.1", false}, {"not accepting mail", "2.1", false}, {"account that you tried to reach is disabled", "2.1", false},
	{"size limit", "3.4", false}, {"too large", "3.4", false}, {"too big", "3.4", false}, {"message size exceeds", "3.4", false}, {"length exceeds", "3.4", false}, {"line limit exceeded", "3.4", false}, {"sizeexceeded", "3.4", false},
	{"user has moved", "1.6", true}, {"has moved to", "1.6", true}, {"mailbox has moved", "1.6", true}, {"no longer in use", "1.6", true}, {"user moved", "1.6", true}, {"is no longer with", "1.6", true},
	{"dmarc", "7.1", false}, {"spf ", "7.1", false}, {"spf:", "7.1", false}, {"dkim", "7.1", false}, {"unauthenticated", "7.1", false}, {"reverse dns", "7.25", false}, {"ptr record", "7.25", false},
	{"relay", "7.1", false}, {"sender address rejected", "1.8", false}, {"sender domain", "1.8", false}, {"domain of sender", "1.8", false}, {"sender verify", "1.8", false},
	{"host unknown", "1.2", true}, {"unknown host", "1.2", true}, {"host not found", "1.2", true}, {"domain not found", "1.2", true}, {"host or domain name not found", "1.2", true}, {"no such domain", "1.2", true},
	{"domain does not exist", "1.2", true}, {"couldn't find any host", "1.2", true}, {"couldn't find a mail exchanger", "4.4", true}, {"no mail server", "1.2", true}, {"no smtp service", "1.10", true}, {"nullmx", "1.10", true}, {"null mx", "1.10", true},
	{"does not accept mail", "1.10", true}, {"doesn't accept mail", "1.10", true}, {"bad destination system", "1.2", true}, {"name or service not known", "1.2", true}, {"dns lookup failure", "1.2", true}, {"invalid domain", "1.2", true}, {"unrouteable mail domain", "1.2", true}, {"domain name not found", "1.2", true},
	{"dns error", "1.2", true}, {"domain couldn't be found", "1.2", true}, {"illegal host/domain", "1.2", true}, {"name server: host not found", "1.2", true},
	{"user unknown", "1.1", true}, {"unknown user", "1.1", true}, {"user_unknown", "1.1", true}, {"userunknown", "1.1", true}, {"no such user", "1.1", true}, {"unknown recipient", "1.1", true}, {"recipient unknown", "1.1", true}, {"user not found", "1.1", true}, {"mailbox not found", "1.1", true},
	{"no mailbox here", "1.1", true}, {"no such mailbox", "1.1", true}, {"no such recipient", "1.1", true}, {"recipient not found", "1.1", true}, {"recipnotfound", "1.1", true}, {"recipientnotfound", "1.1", true}, {"recipient is not in", "1.1", true}, {"not a valid mailbox", "1.1", true}, {"invalid mailbox", "1.1", true}, {"invalid recipient", "1.1", true},
	{"unknown or illegal", "1.1", true}, {"unknown address", "1.1", true}, {"address unknown", "1.1", true}, {"address does not exist", "1.1", true}, {"user does not exist", "1.1", true}, {"user doesn't exist", "1.1", true}, {"account does not exist", "1.1", true}, {"you tried to reach does not exist", "1.1", true},
	{"mailbox does not exist", "1.1", true}, {"no account", "1.1", true}, {"unrouteable address", "1.1", true}, {"recipient name is not recognized", "1.1", true}, {"doesn't have a", "1.1", true}, {"invalid user", "1.1", true}, {"invalid final delivery userid", "1.1", true}, {"not listed in", "1.1", true}, {"not a known user", "1.1", true},
	{"unknown e-mail address", "1.1", true}, {"invalid address", "1.1", true}, {"mailbox not available", "1.1", true}, {"no longer available", "1.1", true}, {"address rejected: undeliverable", "1.1", true}, {"no such person", "1.1", true}, {"not our customer", "1.1", true}, {"does not exist", "1.1", true}, {"unknown local", "1.1", true}, {"mailbox unavailable", "1.1", true}, {"address not found", "1.1", true}, {"address couldn't be found", "1.1", true},
	{"retry timeout exceeded", "4.7", false}, {"in the queue too long", "4.7", false}, {"giving up", "4.7", false}, {"expired", "4.7", false}, {"multiple retries", "4.7", false}, {"failing for a long time", "4.7", false}, {"delayed", "4.7", false}, {"delivery time", "4.7", false}, {"still undelivered", "4.7", false},
	{"timed out", "4.1", false}, {"connection refused", "4.1", false}, {"unable to connect", "4.1", false}, {"could not connect", "4.1", false}, {"did not accept our requests to connect", "4.1", false}, {"no route to host", "4.1", false}, {"network error", "4.1", false}, {"connection reset", "4.2", false}, {"lost connection", "4.2", false}, {"establish an smtp connection", "4.1", false},
	{"virus", "7.0", false}, {"spam", "7.1", false}, {"blacklist", "7.1", false}, {"blocklist", "7.1", false}, {"blocked", "7.1", false}, {"listed", "7.1", false}, {"policy", "7.1", false}, {"denied", "7.1", false}, {"not permitted", "7.1", false}, {"permission", "7.1", false}, {"reputation", "7.1", false}, {"rejected", "7.1", false}, {"refused", "7.1", false},
}

// phraseIn returns what a text means and the line that says so.
func phraseIn(text string) (line string, v *verdict) {
	low := strings.ToLower(text)
	for i := range verdicts {
		at := strings.Index(low, verdicts[i].phrase)
		if at < 0 {
			continue
		}
		if len(low) == len(text) {
			start, end := strings.LastIndexByte(text[:at], '\n')+1, strings.IndexByte(text[at:], '\n')
			if end < 0 {
				end = len(text) - at
			}
			line = field.CleanLine(text[start : at+end])
		}
		return line, &verdicts[i]
	}
	return "", nil
}
