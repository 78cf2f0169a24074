package disclose

import (
	"regexp"

	"example.org/countersign/internal/fault"
)

// Selector picks fields of documents.
//
//	communication            every field of a kind of record
//	communication:subject    one field of a kind
//	*:subject                a field of every kind
//	C-2026-000004            everything in a case
//	C-2026-000004:subject    a field of everything in a case
//	C-2026-000004/2          the second communication of a case
//	C-2026-000004/2:from     a field of it
//	1234                     the document of an entry
//	1234:from                a field of it
type Selector struct {
	text   string
	entry  string // "" for any
	kind   string // "" for any
	number string // of the case, "" for any
	seq    string // of the communication, as JSON; "" for any
	field  string // "" for any
}

var selectorForm = regexp.MustCompile(`^(?:(\*|[a-z][a-z0-9_]*)|(C-[0-9]{4}-[0-9]{6,})(?:/([1-9][0-9]*))?|(0|[1-9][0-9]{0,17}))(?::([a-z][a-z0-9_]*))?$`)

// ParseSelector parses a selector.
func ParseSelector(text string) (Selector, error) {
	m := selectorForm.FindStringSubmatch(text)
	if m == nil {
		return Selector{}, fault.New(fault.Invalid, "%q does not say what is meant; write a kind of record (communication), a case (C-2026-000004), a communication of it (C-2026-000004/2) or an entry of the log (1234), and behind a colon the field where one is meant (communication:subject, *:text)", text)
	}
	s := Selector{text: text, kind: m[1], number: m[2], seq: m[3], entry: m[4], field: m[5]}
	if s.kind == "*" {
		s.kind = ""
	}
	if s.seq != "" {
		s.kind = kindCommunication
	}
	return s, nil
}

// String returns the text of the selector.
func (s Selector) String() string { return s.text }

// picks reports whether a selector is about a field of a record.
func (s Selector) picks(r record, field string) bool {
	return (s.entry == "" || s.entry == r.entry) && (s.kind == "" || s.kind == r.kind) && (s.number == "" || s.number == r.number) &&
		(s.seq == "" || s.seq == r.seq) && (s.field == "" || s.field == field)
}

// The kinds of record that more is known of here than their names, which are
// those in entries.
const (
	kindCase          = "casefile"
	kindCommunication = "communication"
	kindResponse      = "response"
)

// record is what a selector can know of a document's record.
type record struct{ entry, kind, number, seq string }

// needed are the fields that a check cannot do without: they stay, and who asks
// for one of them by its name is told so.
var needed = map[string]map[string]bool{
	kindCase:     {"number": true},
	kindResponse: {"state": true, "content_hash": true, "sent_hash": true, "authors": true, "approvals": true, "quorum": true, "exception": true},
}

// Needed reports whether a field is shown whatever is chosen, since nobody could
// check a package without it. kind is as in entries.
func Needed(kind, field string) bool { return needed[kind][field] }

// places are the fields that say which communication it is. They go only where
// they are asked for by name, or with what a Bare selection does not show.
var places = map[string]bool{"number": true, "seq": true}

// Selection is what of a package is shown. What Show picks is shown, or
// everything where it is empty; but not what Redact picks.
type Selection struct {
	Show, Redact []Selector
	Bare         bool // of what Show does not pick, not even its place in a case is shown
}

// check refuses a selection that no package can follow.
func (s Selection) check() error {
	if len(s.Show)+len(s.Redact) == 0 {
		return fault.New(fault.Invalid, "say what to show or what to redact")
	}
	for _, x := range s.Redact {
		for kind, fields := range needed {
			if fields[x.field] && (x.kind == kind || x.kind == "" && x.number != "") && x.seq == "" {
				return fault.New(fault.Invalid, "%s cannot be redacted: without the field %s of a %s nobody could check the package", x, x.field, kind)
			}
		}
	}
	return nil
}

// hides reports whether a field of a record is to be redacted.
func (s Selection) hides(r record, field string) bool {
	if needed[r.kind][field] {
		return false
	}
	for _, x := range s.Redact {
		if x.picks(r, field) && (x.field != "" || !places[field]) {
			return true
		}
	}
	if len(s.Show) == 0 || places[field] && !s.Bare {
		return false
	}
	for _, x := range s.Show {
		if x.picks(r, field) {
			return false
		}
	}
	return true
}
