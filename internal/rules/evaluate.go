package rules

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// Facts is what rules may look at. Whatever is longer than a rule sees is cut,
// so that the work per message is bounded; nothing is refused.
type Facts struct {
	Subject         string
	Text            string // plain text of the body
	From            string // sender's address
	To              []string
	Channel         string // address or name of the approved channel it came by
	PartyKind       string // "" where the sender is not a known party
	AttachmentTypes []string
	Auto            bool
	Authenticated   bool
	Headers         map[string]string // those worth a rule, names in any case
}

// What a rule sees of a message, in bytes and in elements.
const (
	maxSubject = 1000
	maxText    = 8 << 10
	maxAddress = 320
	maxHeader  = 1000
	maxList    = 64
)

// Evaluate tries the rules on a message and returns what they say, and the
// names of those that had a say, in order. A rule that fails (an index out of
// range, say) counts as not matching and is named in the error; the outcome
// of the others stands, so the caller records the message and logs the error.
func (p *Program) Evaluate(f Facts) (Outcome, []string, error) {
	m := messages.Get().(*message)
	defer m.forget()
	m.read(p, f)
	var (
		out     Outcome
		matched []string
		failed  []error
	)
	for i := range p.rules {
		r := &p.rules[i]
		if would := out; !would.fill(r.then) {
			continue // all that it says is settled
		}
		v, _, err := r.when.Eval(m)
		switch {
		case err != nil:
			failed = append(failed, fmt.Errorf("rule %q: %w", r.name, err))
		case v == types.True:
			out.fill(r.then)
			matched = append(matched, r.name)
		}
	}
	if out.Disposition == Keep {
		out.Disposition = ""
	}
	return out, matched, errors.Join(failed...)
}

// message answers what a condition asks about one message. What few rules ask
// for is made when the first one does.
type message struct {
	program       *Program
	facts         Facts
	subject, text groups     // answers to mentions
	lists         [2]ref.Val // to, attachment_types
	mapped        ref.Val    // headers
}

var messages = sync.Pool{New: func() any { return new(message) }}

// read takes in the facts and looks for all phrases.
func (m *message) read(p *Program, f Facts) {
	f.Subject = clip(f.Subject, maxSubject)
	f.Text = clip(f.Text, maxText)
	f.From = strings.ToLower(clip(f.From, maxAddress))
	f.Channel = strings.ToLower(clip(f.Channel, maxAddress))
	f.PartyKind = clip(f.PartyKind, maxAddress)
	*m = message{program: p, facts: f, subject: p.finder.find(f.Subject), text: p.finder.find(f.Text)}
}

// forget drops what belongs to the message.
func (m *message) forget() {
	*m = message{}
	messages.Put(m)
}

// ResolveName returns the value of a variable.
func (m *message) ResolveName(name string) (any, bool) {
	f := &m.facts
	switch name {
	case "subject":
		return types.String(f.Subject), true
	case "text":
		return types.String(f.Text), true
	case "from":
		return types.String(f.From), true
	case "from_domain":
		return types.String(f.From[strings.LastIndexByte(f.From, '@')+1:]), true
	case "to":
		return m.list(0, f.To), true
	case "channel":
		return types.String(f.Channel), true
	case "mailbox":
		return types.String(f.Channel[:boundary(f.Channel)]), true
	case "party_kind":
		return types.String(f.PartyKind), true
	case "has_attachments":
		return types.Bool(len(f.AttachmentTypes) > 0), true
	case "attachment_types":
		return m.list(1, f.AttachmentTypes), true
	case "auto":
		return types.Bool(f.Auto), true
	case "authenticated":
		return types.Bool(f.Authenticated), true
	case "headers":
		return m.headers(), true
	}
	if i, ok := question(name); ok && i < len(m.program.groups) {
		return m.answer(i), true
	}
	return nil, false
}

// boundary returns where the mailbox of an address ends: security+x@host is
// the mailbox security.
func boundary(address string) int {
	if i := strings.IndexAny(address, "+@"); i >= 0 {
		return i
	}
	return len(address)
}

// Parent returns nil: there are no other variables.
func (m *message) Parent() cel.Activation { return nil }

// question returns which call of mentions a variable stands for.
func question(name string) (int, bool) {
	digits, ok := strings.CutPrefix(name, "@")
	if !ok {
		return 0, false
	}
	i, err := strconv.Atoi(digits)
	return i, err == nil && i >= 0
}

// answer says whether a call of mentions found one of its phrases.
func (m *message) answer(i int) types.Bool {
	look := m.program.groups[i].field
	return types.Bool(look&inSubject != 0 && m.subject.has(i) || look&inText != 0 && m.text.has(i))
}

// list returns a list of short strings in lower case.
func (m *message) list(slot int, from []string) ref.Val {
	if m.lists[slot] == nil {
		short := make([]string, min(len(from), maxList))
		for i := range short {
			short[i] = strings.ToLower(clip(from[i], maxAddress))
		}
		m.lists[slot] = types.NewStringList(types.DefaultTypeAdapter, short)
	}
	return m.lists[slot]
}

// headers returns the headers by lower-case name.
func (m *message) headers() ref.Val {
	if m.mapped == nil {
		names := slices.Sorted(maps.Keys(m.facts.Headers)) // so that a cut is always the same
		short := make(map[string]string, min(len(names), maxList))
		for _, name := range names[:min(len(names), maxList)] {
			short[strings.ToLower(clip(name, maxAddress))] = clip(m.facts.Headers[name], maxHeader)
		}
		m.mapped = headers{types.NewStringStringMap(types.DefaultTypeAdapter, short)}
	}
	return m.mapped
}

// headers is a map in which a missing header reads as "", so that a rule that
// looks at one does not fail where it is absent.
type headers struct{ traits.Mapper }

func (h headers) Find(name ref.Val) (ref.Val, bool) {
	if v, found := h.Mapper.Find(name); found {
		return v, true
	}
	return types.String(""), true
}

func (h headers) Get(name ref.Val) ref.Val {
	v, _ := h.Find(name)
	return v
}
