package people

import (
	"slices"
	"strings"

	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/ledger"
)

// Role is what a person may do. It is the word that stands in entries.
type Role string

// The roles.
const (
	Staff     Role = "staff"
	Analyst   Role = "analyst"
	Lead      Role = "lead"
	Commander Role = "commander"
	Legal     Role = "legal"
	Owner     Role = "owner"
	Executive Role = "executive"
	Auditor   Role = "auditor"
	Admin     Role = "admin"
)

// roles are all roles in the order in which they are shown.
var roles = []struct {
	role        Role
	title       string
	description string
	approves    bool
}{
	{Staff, "Staff", "Reports problems, follows what became of them, does trainings and acknowledgements.", false},
	{Analyst, "Security analyst", "Works the queue: receives, classifies, assigns, drafts and sends, and keeps the clocks.", false},
	{Lead, "Security lead", "Approves and escalates, owns channels, criteria, templates and matrices, confirms who may approve.", true},
	{Commander, "Incident commander", "Runs an incident: its roles, phases, decisions, tasks and notices.", true},
	{Legal, "Legal and privacy", "Keeps regulatory clocks, decides on disclosure, holds and erasure.", true},
	{Owner, "Control owner", "Looks after controls: what is due, its evidence and its findings.", false},
	{Executive, "Executive", "Sees the dashboard, receives escalations, approves major notices.", true},
	{Auditor, "Auditor", "Reads, and changes nothing: requests, populations, samples, findings and the package.", false},
	{Admin, "Administrator", "Looks after people, sign-in, the technical settings of channels and backups; has no power over records.", false},
}

// Roles returns every role in the order in which they are shown.
func Roles() []Role {
	all := make([]Role, len(roles))
	for i, r := range roles {
		all[i] = r.role
	}
	return all
}

func (r Role) index() int {
	for i, x := range roles {
		if x.role == r {
			return i
		}
	}
	return -1
}

// Title returns the role's name on pages, the id itself where it is not a role.
func (r Role) Title() string {
	if i := r.index(); i >= 0 {
		return roles[i].title
	}
	return string(r)
}

// Description returns one sentence on what the role is for.
func (r Role) Description() string {
	if i := r.index(); i >= 0 {
		return roles[i].description
	}
	return ""
}

// Approves reports whether an approval matrix may name the role.
func (r Role) Approves() bool {
	i := r.index()
	return i >= 0 && roles[i].approves
}

// ParseRole returns the role with this id, or a fault.Invalid.
func ParseRole(id string) (Role, error) {
	if r := Role(id); r.index() >= 0 {
		return r, nil
	}
	return "", fault.New(fault.Invalid, "%q is not a role", id)
}

// ErrNotSignedIn is the fault.Denied for whoever is not known: no session, no
// token, or one that is over. A page leads to the sign-in, the API answers 401.
var ErrNotSignedIn = fault.New(fault.Denied, "sign in first")

// Identity is who is acting, known from a session or a token. A token acts as
// its person: ID is the person's, and so is the authorship of what it does.
type Identity struct {
	ID       string // of the person
	Name     string
	Email    string
	Roles    []Role // those of the person now; of a token, those it was given of them
	Session  string // id of the session, which is that of its sign_in; "" for a token
	Token    string // id of the token, "" for a session
	Strong   bool   // the session began with a second factor
	Approves bool   // a session, or a token marked for approvals
}

// Has reports whether i has the role.
func (i *Identity) Has(r Role) bool { return i != nil && slices.Contains(i.Roles, r) }

// Actor returns i as the actor of entries, acting under one of its roles.
func (i *Identity) Actor(as Role) ledger.Actor { return ledger.Actor{ID: i.ID, Role: string(as)} }

// self is i doing something to their own account.
func (i *Identity) self() ledger.Actor {
	if len(i.Roles) == 0 {
		return i.Actor(Staff)
	}
	return i.Actor(i.Roles[0])
}

// Require returns nil where i has one of the roles, else ErrNotSignedIn or a
// fault.Denied that names the roles (CC6.3).
func Require(i *Identity, roles ...Role) error {
	if i == nil {
		return ErrNotSignedIn
	}
	if slices.ContainsFunc(roles, i.Has) {
		return nil
	}
	return fault.New(fault.Denied, "this needs the role %s", titles(roles))
}

func titles(roles []Role) string {
	var out []string
	for _, r := range roles {
		out = append(out, r.Title())
	}
	return strings.Join(out, " or ")
}

// normalise returns roles without doubles in their order, or a fault.Invalid.
// Whoever works here is staff; an auditor is nothing else, since whoever
// examines the record must not take part in it.
func normalise(in []Role) ([]Role, error) {
	var out []Role
	for _, r := range in {
		if _, err := ParseRole(string(r)); err != nil {
			return nil, err
		}
	}
	for _, r := range Roles() {
		if slices.Contains(in, r) || r == Staff && len(in) > 0 && !slices.Contains(in, Auditor) {
			out = append(out, r)
		}
	}
	if len(out) == 0 {
		return nil, fault.New(fault.Invalid, "choose at least one role")
	}
	if len(out) > 1 && slices.Contains(out, Auditor) {
		return nil, fault.New(fault.Invalid, "an auditor cannot have another role: whoever examines the record does not take part in it")
	}
	return out, nil
}
