package mime

import (
	"strings"

	"example.org/countersign/internal/mime/field"
)

const maxReferences = 100

// readFields fills the message's fields from its header.
func (p *parser) readFields() {
	m := p.msg
	for _, l := range []struct {
		name string
		to   *[]Address
	}{{"From", &m.From}, {"Sender", &m.Sender}, {"Reply-To", &m.ReplyTo}, {"To", &m.To}, {"Cc", &m.Cc}} {
		list, bad := field.ParseList(field.Unfold(m.rawAll(l.name)), m.charset)
		*l.to = list
		if bad != "" {
			p.problem("The field %s has an address that cannot be read: %q.", l.name, field.Short(bad))
		}
	}
	if len(m.From) == 0 && !m.Unparsed {
		p.problem("The message does not say whom it is from.")
	}
	m.Subject = m.Get("Subject")
	m.DateRaw = m.Get("Date")
	if m.DateRaw != "" {
		if m.Date = field.ParseDate(m.DateRaw); m.Date.IsZero() {
			p.problem("The date cannot be read: %q.", field.Short(m.DateRaw))
		}
	}
	if ids := field.IDs(m.raw("Message-ID")); len(ids) > 0 {
		m.MessageID = ids[0]
	}
	m.InReplyTo = newest(field.IDs(m.raw("In-Reply-To")))
	m.References = newest(field.IDs(m.rawAll("References")))
	m.AutoSubmitted, m.Precedence = m.Get("Auto-Submitted"), m.Get("Precedence")
	m.ListID = m.Get("List-Id")
	if v := field.Unfold(m.raw("Return-Path")); v != "" {
		m.ReturnPath = "<>"
		if list, _ := field.ParseList(v, ""); len(list) > 0 && list[0].Addr != "" {
			m.ReturnPath = list[0].Addr
		}
	}
	for _, name := range [...]string{"From", "Sender", "Subject", "Date", "Message-ID", "Content-Type"} {
		if m.count(name) > 1 {
			p.problem("The field %s occurs more than once; the first was taken.", name)
		}
	}
}

// newest bounds a list of ids.
func newest(ids []string) []string { return ids[max(0, len(ids)-maxReferences):] }

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
