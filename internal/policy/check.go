package policy

import (
	"bytes"
	"encoding/json"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/rules"
)

// several reports whether a kind has one document for each name.
func (k Kind) several() bool { return k == KindTemplate || k == KindCriteria }

var nameForm = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

func checkName(kind Kind, name string) error {
	switch {
	case !kind.several() && name != "":
		return fault.New(fault.Invalid, "there is one %s document; it has no name", kind)
	case kind.several() && (len(name) > 60 || !nameForm.MatchString(name)):
		return fault.New(fault.Invalid, "name %q: use up to 60 lower-case letters, digits and single hyphens", name)
	}
	return nil
}

// parseLabel is the inverse of label.
func parseLabel(l string) (kind Kind, name string, version int64, ok bool) {
	parts := strings.Split(l, "/")
	if len(parts) < 2 || len(parts) > 3 {
		return "", "", 0, false
	}
	if len(parts) == 3 {
		name = parts[1]
	}
	version, err := strconv.ParseInt(parts[len(parts)-1], 10, 64)
	return Kind(parts[0]), name, version, err == nil
}

// Check says what is wrong with the body of a kind, as a fault.Invalid that
// names the attribute; a page calls it while somebody writes.
func Check(kind Kind, body json.RawMessage) error {
	_, err := check(kind, body)
	return err
}

// check reads the body of a kind and returns it in its canonical form.
func check(kind Kind, body json.RawMessage) (json.RawMessage, error) {
	if len(body) > maxBody {
		return nil, fault.New(fault.Invalid, "the %s document has more than %d bytes", kind, maxBody)
	}
	switch kind {
	case KindCriteria:
		return read(kind, body, Criteria.validate)
	case KindRules:
		return read(kind, body, func(s rules.Set) error {
			_, err := rules.Compile(s)
			return err
		})
	case KindSeverity:
		return read(kind, body, rules.Matrix.Validate)
	case KindApproval:
		return read(kind, body, ApprovalMatrix.validate)
	case KindSLA:
		return read(kind, body, SLA.validate)
	case KindTemplate:
		return read(kind, body, Template.validate)
	case KindRetention:
		return read(kind, body, Retention.validate)
	}
	return nil, fault.New(fault.Invalid, "%q is not a kind of policy", kind)
}

// read decodes a body strictly: an attribute that is misspelt must not be lost
// without a word.
func read[T any](kind Kind, body json.RawMessage, validate func(T) error) (json.RawMessage, error) {
	var v T
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&v); err != nil {
		return nil, fault.New(fault.Invalid, "this is not a %s document: %v", kind, err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fault.New(fault.Invalid, "something follows the %s document; give one alone", kind)
	}
	if err := validate(v); err != nil {
		return nil, err
	}
	return json.Marshal(v)
}

func (c Criteria) validate() error {
	if !line(c.Title, 200) {
		return fault.New(fault.Invalid, "title: use 1 to 200 printable characters")
	}
	if strings.TrimSpace(c.Text) == "" || !utf8.ValidString(c.Text) {
		return fault.New(fault.Invalid, "text: write what may, must and must not be said")
	}
	return nil
}

const (
	maxRows   = 200
	maxQuorum = 5
)

func (m ApprovalMatrix) validate() error {
	if len(m) == 0 || len(m) > maxRows {
		return fault.New(fault.Invalid, "the approval matrix has %d rows; give 1 to %d", len(m), maxRows)
	}
	seen := map[string]bool{}
	for i, r := range m {
		if err := r.validate(); err != nil {
			return err
		}
		if seen[r.Name] {
			return fault.New(fault.Invalid, "row %q: the name is used twice", r.Name)
		}
		seen[r.Name] = true
		last := i == len(m)-1
		if all := r.Category == "" && r.Severity == "" && r.Audience == ""; all != last {
			if last {
				return fault.New(fault.Invalid, "row %q: the last row must fit everything, so that no answer goes without a rule", r.Name)
			}
			return fault.New(fault.Invalid, "row %q fits everything, so the rows below it would never be used; put it last", r.Name)
		}
	}
	return nil
}

func (r ApprovalRule) validate() error {
	bad := func(format string, args ...any) error {
		return fault.New(fault.Invalid, "row %q: "+format, append([]any{r.Name}, args...)...)
	}
	switch {
	case !line(r.Name, 80):
		return bad("name: use 1 to 80 printable characters")
	case r.Severity != "" && r.Severity.Rank() == 0:
		return bad("severity %q: use low, moderate, high or critical", r.Severity)
	case r.Category != "" && !line(string(r.Category), 40), r.Audience != "" && !line(r.Audience, 80):
		return bad("category and audience are one short line each")
	case r.Quorum < 0 || r.Quorum > maxQuorum:
		return bad("quorum %d: use 0 to %d", r.Quorum, maxQuorum)
	case strings.TrimSpace(r.Reason) == "" || len(r.Reason) > 1000:
		return bad("reason: say in 1 to 1000 characters why so many have to approve, and these")
	case r.Quorum == 0 && len(r.Roles) > 0:
		return bad("nobody has to approve, so it names no roles")
	case r.Quorum > 0 && len(r.Roles) == 0:
		return bad("name the roles that may approve")
	}
	for i, role := range r.Roles {
		if !role.Approves() {
			return bad("%q is not a role that approves", role)
		}
		if slices.Contains(r.Roles[:i], role) {
			return bad("%q is named twice", role)
		}
	}
	return nil
}

// severities from the least, as an SLA has to name them.
var severities = []rules.Severity{rules.Low, rules.Moderate, rules.High, rules.Critical}

const maxTarget = 366 * 24 * 60 // minutes

func (s SLA) validate() error {
	for severity := range s.FirstResponse {
		if severity.Rank() == 0 {
			return fault.New(fault.Invalid, "first_response: %q is not a severity", severity)
		}
	}
	var before Target
	for i, severity := range severities {
		t, ok := s.FirstResponse[severity]
		switch {
		case !ok:
			return fault.New(fault.Invalid, "first_response: %s has no target", severity)
		case t.Minutes < 1 || t.Minutes > maxTarget:
			return fault.New(fault.Invalid, "first_response: %s: %d minutes; use 1 minute to a year", severity, t.Minutes)
		case i > 0 && t.Calendar == before.Calendar && t.Minutes > before.Minutes:
			return fault.New(fault.Invalid, "first_response: %s may not take longer than %s", severity, severities[i-1])
		}
		before = t
	}
	if t := s.Unclassified; t.Minutes < 1 || t.Minutes > maxTarget {
		return fault.New(fault.Invalid, "unclassified: %d minutes; use 1 minute to a year", t.Minutes)
	}
	return s.Calendar.Validate()
}

func (t Template) validate() error {
	switch {
	case !line(t.Title, 200):
		return fault.New(fault.Invalid, "title: use 1 to 200 printable characters")
	case t.Purpose != ForReply && t.Purpose != ForConfirmation:
		return fault.New(fault.Invalid, "purpose %q: use reply or confirmation", t.Purpose)
	case !slices.Contains(Languages, t.Language):
		return fault.New(fault.Invalid, "language %q: use %s", t.Language, strings.Join(Languages, ", "))
	case t.Subject != "" && !line(t.Subject, 300):
		return fault.New(fault.Invalid, "subject: use at most 300 printable characters on one line")
	case strings.TrimSpace(t.Text) == "" || !utf8.ValidString(t.Text):
		return fault.New(fault.Invalid, "text: write the text of the message")
	case t.Purpose == ForConfirmation && !strings.Contains(t.Subject+t.Text, "{number}"):
		return fault.New(fault.Invalid, "text: a confirmation has to tell the number: put {number} into it")
	}
	if t.Purpose == ForConfirmation {
		if _, _, open := t.Fill(map[string]string{"number": "", "name": "", "due": "", "subject": "", "organisation": ""}); len(open) > 0 {
			return fault.New(fault.Invalid, "text: nobody fills in {%s}: a confirmation knows number, name, due, subject and organisation", open[0])
		}
	}
	return nil
}

var blank = regexp.MustCompile(`\{([a-z][a-z0-9 _-]{0,60})\}`)

// Fill puts values in place of the fields in braces, and returns the fields
// that are left, each once.
func (t Template) Fill(values map[string]string) (subject, text string, open []string) {
	fill := func(s string) string {
		return blank.ReplaceAllStringFunc(s, func(field string) string {
			name := field[1 : len(field)-1]
			if v, ok := values[name]; ok {
				return v
			}
			if !slices.Contains(open, name) {
				open = append(open, name)
			}
			return field
		})
	}
	return fill(t.Subject), fill(t.Text), open
}

// Day writes a moment as people read it, in UTC: "22 November 2026, 14:05 UTC".
func Day(at time.Time, language string) string {
	at = at.UTC()
	months, ok := monthNames[language]
	if !ok {
		return at.Format("2 January 2006, 15:04 UTC")
	}
	return strconv.Itoa(at.Day()) + months.after + months.names[at.Month()-1] + months.before + at.Format("2006, 15:04 UTC")
}

var monthNames = map[string]struct {
	after, before string
	names         [12]string
}{
	"de": {". ", " ", [12]string{"Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November", "Dezember"}},
	"fr": {" ", " ", [12]string{"janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre", "décembre"}},
	"es": {" de ", " de ", [12]string{"enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre", "octubre", "noviembre", "diciembre"}},
}

// line reports whether s is one visible line of at most n bytes.
func line(s string, n int) bool {
	return strings.TrimSpace(s) != "" && len(s) <= n && utf8.ValidString(s) &&
		!strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}
