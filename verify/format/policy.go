package format

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Policy says which logs are meant and whose cosignatures make a checkpoint
// count as witnessed: a C2SP tlog-policy file. The zero Policy knows nobody and
// asks for nothing.
type Policy struct {
	Logs      []PolicyLog
	Witnesses []PolicyWitness

	groups []group
	quorum string // name of a witness or group, none
}

// PolicyLog is a log that the policy is about.
type PolicyLog struct {
	Key Key
	URL string // may be empty
}

// PolicyWitness is a witness that the policy knows.
type PolicyWitness struct {
	Name string // in the policy alone
	Key  WitnessKey
	URL  string // where it is asked; may be empty
}

// group counts as having witnessed what so many of its members have.
type group struct {
	name    string
	need    int
	members []string
}

// Limits of a policy.
const (
	maxPolicy      = 1 << 20 // bytes
	maxPolicyLines = 1000    // logs, witnesses and groups, of each
)

const noQuorum = "none"

// ParsePolicy parses a policy file. What is wrong with it is said with its
// line.
func ParsePolicy(b []byte) (*Policy, error) {
	if len(b) > maxPolicy {
		return nil, fmt.Errorf("the policy is longer than %d bytes", maxPolicy)
	}
	p := &policyParser{defined: map[string]bool{}, joined: map[string]bool{}, keys: map[string]bool{}}
	for i, line := range strings.Split(string(b), "\n") {
		if strings.ContainsFunc(line, isControl) {
			return nil, fmt.Errorf("line %d: has a control character other than tab", i+1)
		}
		words := strings.FieldsFunc(line, func(r rune) bool { return r == ' ' || r == '\t' })
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		if err := p.line(words); err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
	}
	if p.policy.quorum == "" {
		return nil, errors.New("the policy has no quorum line; write \"quorum none\" where no witness is asked for")
	}
	return &p.policy, nil
}

func isControl(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }

// policyParser is a policy while it is read.
type policyParser struct {
	policy  Policy
	defined map[string]bool // names of witnesses and groups
	joined  map[string]bool // those that are in a group
	keys    map[string]bool // public keys, whatever they are named
}

func (p *policyParser) line(words []string) error {
	switch words[0] {
	case "log":
		return p.log(words[1:])
	case "witness":
		return p.witness(words[1:])
	case "group":
		return p.group(words[1:])
	case "quorum":
		return p.quorum(words[1:])
	}
	return fmt.Errorf("%.40q is none of log, witness, group and quorum", words[0])
}

func (p *policyParser) log(words []string) error {
	if len(words) < 1 || len(words) > 2 {
		return errors.New("want: log KEY [URL]")
	}
	key, err := ParseKey(words[0])
	if err != nil {
		return err
	}
	if err := p.addKey("log ", key.public[:], len(p.policy.Logs)); err != nil {
		return err
	}
	p.policy.Logs = append(p.policy.Logs, PolicyLog{key, rest(words, 1)})
	return nil
}

func (p *policyParser) witness(words []string) error {
	if len(words) < 2 || len(words) > 3 {
		return errors.New("want: witness NAME KEY [URL]")
	}
	if err := p.define(words[0]); err != nil {
		return err
	}
	key, err := ParseWitnessKey(words[1])
	if err != nil {
		return err
	}
	if err := p.addKey("witness ", key.public[:], len(p.policy.Witnesses)); err != nil {
		return err
	}
	p.policy.Witnesses = append(p.policy.Witnesses, PolicyWitness{words[0], key, rest(words, 2)})
	return nil
}

func rest(words []string, i int) string {
	if i < len(words) {
		return words[i]
	}
	return ""
}

// addKey refuses a key that is there already, whatever name it has.
func (p *policyParser) addKey(what string, public []byte, count int) error {
	if count == maxPolicyLines {
		return fmt.Errorf("there are more than %d of them", maxPolicyLines)
	}
	key := what + string(public)
	if p.keys[key] {
		return errors.New("the key is there twice")
	}
	p.keys[key] = true
	return nil
}

func (p *policyParser) define(name string) error {
	if p.defined[name] || name == noQuorum {
		return fmt.Errorf("the name %.80q is taken; it is of this file alone: write another", name)
	}
	p.defined[name] = true
	return nil
}

func (p *policyParser) group(words []string) error {
	if len(words) < 3 {
		return errors.New("want: group NAME all|any|K MEMBER…")
	}
	g := group{name: words[0], members: words[2:]}
	for _, m := range g.members {
		if !p.defined[m] {
			return fmt.Errorf("the member %.80q is not defined above", m)
		}
		if p.joined[m] {
			return fmt.Errorf("%.80q is a member twice", m)
		}
		p.joined[m] = true
	}
	switch words[1] {
	case "all":
		g.need = len(g.members)
	case "any":
		g.need = 1
	default:
		n, ok := parseInt(words[1])
		if !ok || n < 1 || n > int64(len(g.members)) {
			return fmt.Errorf("want all, any or a number from 1 to %d, not %.40q", len(g.members), words[1])
		}
		g.need = int(n)
	}
	if len(p.policy.groups) == maxPolicyLines {
		return fmt.Errorf("there are more than %d groups", maxPolicyLines)
	}
	p.policy.groups = append(p.policy.groups, g)
	return p.define(g.name)
}

func (p *policyParser) quorum(words []string) error {
	switch {
	case len(words) != 1:
		return errors.New("want: quorum NAME")
	case p.policy.quorum != "":
		return errors.New("there is a quorum line already")
	case words[0] != noQuorum && !p.defined[words[0]]:
		return fmt.Errorf("%.80q is not defined above", words[0])
	}
	p.policy.quorum = words[0]
	return nil
}

// Asks reports whether the policy asks for any cosignature.
func (p *Policy) Asks() bool { return p.quorum != "" && p.quorum != noQuorum }

// Met reports whether a checkpoint counts as witnessed when those witnesses
// have cosigned it for whose verifier key cosigned is true.
func (p *Policy) Met(cosigned func(key string) bool) bool {
	if !p.Asks() {
		return true
	}
	has := make(map[string]bool)
	for i := range p.Witnesses {
		has[p.Witnesses[i].Name] = cosigned(p.Witnesses[i].Key.String())
	}
	for _, g := range p.groups { // after their members
		n := 0
		for _, m := range g.members {
			if has[m] {
				n++
			}
		}
		has[g.name] = n >= g.need
	}
	return has[p.quorum]
}

// Knows reports whether the policy is about a log; one that names none is
// about any.
func (p *Policy) Knows(k Key) bool {
	return len(p.Logs) == 0 || slices.ContainsFunc(p.Logs, func(l PolicyLog) bool { return l.Key == k })
}

// Witnessing is what the lines of a cosigned checkpoint come to under a policy.
type Witnessing struct {
	By      []Witnessed // in the policy's order
	Unknown []string    // names of the keys of lines that were not checked: the policy does not know them
	Met     bool        // enough of them for the policy
}

// Witnessed is a witness that cosigned.
type Witnessed struct {
	Name string // in the policy
	Key  string // verifier key
	At   int64  // Unix seconds, by the witness's clock
}

// Judge checks the cosignatures of a checkpoint by witnesses that the policy
// knows. One that is wrong is an error.
func (p *Policy) Judge(c *Cosigned) (*Witnessing, error) {
	w := &Witnessing{}
	known := make(map[string]bool)
	for i := range p.Witnesses {
		x := &p.Witnesses[i]
		at, signed, err := x.Key.Cosigned(c)
		if err != nil {
			return nil, err
		}
		if signed {
			w.By = append(w.By, Witnessed{x.Name, x.Key.String(), at})
			known[lineKey(x.Key.Name, x.Key.id)] = true
		}
	}
	for _, s := range c.Lines {
		if !known[lineKey(s.Name, s.ID)] {
			w.Unknown = append(w.Unknown, s.Name)
		}
	}
	w.Met = p.Met(func(key string) bool {
		return slices.ContainsFunc(w.By, func(x Witnessed) bool { return x.Key == key })
	})
	return w, nil
}

// lineKey is what a signature line says of its key.
func lineKey(name string, id [4]byte) string { return string(id[:]) + name }
