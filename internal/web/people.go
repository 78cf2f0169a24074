package web

import (
	"net/http"
	"slices"
	"strings"

	"example.org/countersign/internal/design"
	"example.org/countersign/internal/design/phrase"
	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/people"
)

// personPage is somebody's account, as administrators, leads and auditors see it.
type personPage struct {
	design.Staff
	Header   design.Header
	Next     *design.NextAct
	Forms    []Form
	SignIns  design.Table
	Timeline design.Timeline
}

// peoplePage is everybody.
type peoplePage struct {
	design.Staff
	Header design.Header
	Table  design.Table
	Invite *Form
	Roles  design.Table
}

var personStates = map[string]design.State{"active": {Word: "active", Tone: design.Active}, "invited": {Word: "invited", Tone: design.Waiting}, "deactivated": {Word: "deactivated", Tone: design.Stopped}}

func (q *request) people() error { return q.showPeople(nil) }

func (q *request) showPeople(f *form) error {
	all, err := q.People.List(q.ctx)
	if err != nil {
		return err
	}
	p := peoplePage{Staff: q.frame("People", "/people"), Header: design.Header{Title: "People", Note: "Who works with the record, and as what."}}
	p.Table = design.Table{Caption: "People", Columns: []design.Column{{Label: "Name", Link: true}, {Label: "Roles", Width: design.Wide, Place: design.Full}, {Label: "Second factor", Width: design.Narrow, Place: design.Meta}, {Label: "Approvals", Place: design.Meta}, {Label: "State", Width: design.Narrow, Place: design.End}}}
	for _, x := range all {
		s := personStates[x.State()]
		factor := "off"
		if x.TOTP {
			factor = "on"
		}
		p.Table.Rows = append(p.Table.Rows, design.Row{Href: "/people/" + x.ID, Fresh: x.AwaitsConfirmation(), Cells: []design.Cell{{Text: x.Name, Sub: x.Email}, {Text: roleList(x.Roles)}, {Text: factor}, {Text: approverWords(x)}, {State: &s}}})
	}
	if q.may(admins) {
		invite := f.fold("invite", "Invite somebody", "/people", "Make the invitation",
			design.Field{Name: "name", Label: "Name", Required: true, Max: 100}, design.Field{Name: "email", Label: "E-mail address", Kind: design.Email, Required: true}, roleField(nil))
		invite.Note = "You get a link to hand over. Who holds it could be somebody else: before they may approve, a lead confirms that it is them."
		p.Invite = &invite
	}
	p.Roles = design.Table{Caption: "What the roles are for", Shown: true, Columns: []design.Column{{Label: "Role", Width: design.Narrow}, {Label: "What for", Place: design.Full}}}
	for _, r := range people.Roles() {
		p.Roles.Rows = append(p.Roles.Rows, design.Row{Cells: []design.Cell{{Text: r.Title()}, {Text: r.Description()}}})
	}
	return q.show(f.code(), "people", p)
}

func roleField(has []people.Role) design.Field {
	d := design.Field{Name: "roles", Label: "Roles", Kind: design.Check}
	for _, r := range people.Roles() {
		d.Options = append(d.Options, design.Option{Value: string(r), Label: r.Title(), Hint: r.Description(), Chosen: slices.Contains(has, r)})
	}
	return d
}

func rolesOf(f *form) []people.Role {
	var out []people.Role
	for _, r := range f.values["roles"] {
		out = append(out, people.Role(r))
	}
	return out
}

// personField says which field an error about a person belongs to.
func personField(err error) string {
	_, text := fault.Of(err)
	for _, w := range []string{"role", "name"} {
		if strings.Contains(text, w) {
			return map[string]string{"role": "roles", "name": "name"}[w]
		}
	}
	return "email"
}

func (q *request) invite() error {
	f, err := q.form("invite")
	if err != nil {
		return err
	}
	code, x, err := q.People.Invite(q.ctx, q.who, f.get("name"), f.get("email"), rolesOf(f))
	if err != nil {
		if f.takes(err, personField(err)) {
			return q.showPeople(f)
		}
		return err
	}
	return q.showLinkOnce(x.Name, "/enrol?code=", code, "It is valid for a week.")
}

// showLinkOnce shows a one-time link, this once.
func (q *request) showLinkOnce(name, path, code, note string) error {
	return q.show(http.StatusOK, "secret", secretPage{Staff: q.frame("One-time link", "/people"), Header: design.Header{Title: "A link for " + name, Crumbs: []design.Link{{Label: "People", Href: "/people"}},
		Note: "It is shown this once. Hand it to them by a way on which you know that it is them. " + note}, Label: "Link", Codes: []string{strings.TrimSuffix(q.opt.URL, "/") + path + code}, Next: design.Button{Label: "Back to people", Href: "/people"}})
}

func (q *request) personPage() error { return q.showPerson(nil) }

func (q *request) showPerson(f *form) error {
	x, err := q.People.Find(q.ctx, q.r.PathValue("id"))
	if err != nil {
		return err
	}
	s := personStates[x.State()]
	p := personPage{Staff: q.frame(x.Name, "/people"), Header: design.Header{Crumbs: []design.Link{{Label: "People", Href: "/people"}}, Title: x.Name, Note: x.Email, State: &s, Seal: &design.Seal{Kind: design.Sealed, Href: entryHref(x.Entry)},
		Facts: []design.KeyValue{{Label: "Roles", Cell: design.Cell{Text: roleList(x.Roles)}}, {Label: "Approvals", Cell: design.Cell{Text: approverWords(x)}}}}}
	if x.AwaitsConfirmation() {
		n := design.NextAct{Title: "Waits for a lead", Why: "An administrator issued these credentials. Until a lead has made sure who holds them, " + x.Name + " may not approve.", Waiting: true}
		if q.may(caretaker) && x.ID != q.who.ID {
			n = design.NextAct{Title: "Confirm that it is them", Why: "An administrator issued these credentials (" + q.names(x.SuspendedBy) + "). Call or meet " + x.Name + " first.", Action: "/people/" + x.ID + "/confirm",
				Effects: []design.Effect{{Icon: "user-check", Text: x.Name + " may approve from then on"}}, Buttons: []design.Button{{Label: "I made sure that it is them", Weight: design.Primary}}}
		}
		if own := f.of("confirm"); own != nil {
			n.Why = own.errors["confirm"]
		}
		p.Next = &n
	}
	if q.may(admins) {
		p.Forms = q.personForms(x, f)
	}
	if err := q.access(&p, x); err != nil {
		return err
	}
	versions, err := people.Persons.History(q.ctx, q.Ledger, x.ID)
	if err != nil {
		return err
	}
	if p.Timeline, err = history(q, "Acts on this account", p.Header.Seal, versions); err != nil {
		return err
	}
	return q.show(f.code(), "person", p)
}

// access lists how somebody has signed in.
func (q *request) access(p *personPage, x *people.Person) error {
	signIns, err := q.People.SignIns(q.ctx, x.ID, 10)
	if err != nil {
		return err
	}
	p.SignIns = design.Table{Caption: "Sign-ins and failures", Columns: []design.Column{{Label: "When", Width: design.Narrow}, {Label: "What", Place: design.Full}, {Label: "Ended", Width: design.Narrow, Place: design.Meta}},
		Empty: design.EmptyState{Title: "No sign-in yet"}}
	for _, s := range signIns {
		what := design.Cell{Text: s.Device, Sub: methodWords(s.Method)}
		if s.Failures > 0 {
			what = design.Cell{Text: phrase.Count(s.Failures, "failed attempt", "failed attempts"), Icon: "triangle-alert"}
		}
		ended := design.Cell{Text: "open", Quiet: true}
		if s.EndedAt != 0 {
			ended = design.Cell{Text: spaced(s.Ending), Sub: phrase.Instant(micros(s.EndedAt))}
		} else if s.Failures > 0 {
			ended = design.Cell{}
		}
		p.SignIns.Rows = append(p.SignIns.Rows, design.Row{Cells: []design.Cell{{Moment: &design.Moment{At: micros(s.At)}}, what, ended}})
	}
	if !q.may(admins) {
		return nil
	}
	sessions, err := q.People.Sessions(q.ctx, x.ID)
	if err != nil {
		return err
	}
	if len(sessions) > 0 && x.ID != q.who.ID {
		end := endForm(nil, sessions, "")
		end.Hidden = []design.Pair{{Name: "back", Value: "/people/" + x.ID}}
		p.Forms = append(p.Forms, end)
	}
	return nil
}

func (q *request) personForms(x *people.Person, f *form) []Form {
	at := "/people/" + x.ID
	out := []Form{f.fold("roles", "Roles", at+"/roles", "Save the roles", roleField(x.Roles)),
		f.fold("name", "Name and address", at+"/name", "Save", design.Field{Name: "name", Label: "Name", Value: x.Name, Required: true}, design.Field{Name: "email", Label: "E-mail address", Kind: design.Email, Value: x.Email, Required: true})}
	note := func(form Form, text string) Form {
		form.Note = text
		return form
	}
	if !x.Active {
		return append(out, note(f.fold("reinvite", "Invite again", at+"/reinvite", "Make a new link"), "An earlier link is no longer valid."))
	}
	if x.ID == q.who.ID {
		return out
	}
	out = append(out, note(f.fold("reset-password", "Reset the password", at+"/reset-password", "Reset the password"), "Their sessions and tokens end, and they may not approve until a lead confirms that it is them."))
	if x.TOTP {
		out = append(out, note(f.fold("reset-factor", "Reset the second factor", at+"/reset-factor", "Remove the second factor"), "Where the authenticator is lost. Their sessions and tokens end, and they may not approve until a lead confirms that it is them."))
	}
	return append(out, note(f.fold("deactivate", "Deactivate", at+"/deactivate", "Deactivate the account"), "Access ends at once. What they did stays theirs; they can be invited again."))
}

// onPerson reads a form about a person, and runs a verb on them.
func (q *request) onPerson(name, text string, verb func(id string, f *form) error) error {
	f, err := q.form(name)
	if err != nil {
		return err
	}
	id := q.r.PathValue("id")
	err = verb(id, f)
	field := name
	if name == "name" || name == "roles" {
		field = personField(err)
	}
	if err != nil && name != "name" && name != "roles" && name != "confirm" {
		return err
	}
	return q.settle(err, f, field, q.showPerson, text, "/people/"+id)
}

func (q *request) setRoles() error {
	return q.onPerson("roles", "The roles are changed.", func(id string, f *form) error { return q.People.SetRoles(q.ctx, q.who, id, rolesOf(f)) })
}

func (q *request) rename() error {
	return q.onPerson("name", "Saved.", func(id string, f *form) error {
		return q.People.Rename(q.ctx, q.who, id, f.get("name"), f.get("email"))
	})
}

func (q *request) deactivate() error {
	return q.onPerson("deactivate", "The account is deactivated.", func(id string, _ *form) error { return q.People.Deactivate(q.ctx, q.who, id) })
}

func (q *request) resetFactor() error {
	return q.onPerson("reset-factor", "The second factor is removed. A lead has to confirm who it is.", func(id string, _ *form) error { return q.People.ResetTOTP(q.ctx, q.who, id) })
}

func (q *request) confirmApprover() error {
	return q.onPerson("confirm", "Confirmed.", func(id string, _ *form) error { return q.People.ConfirmApprover(q.ctx, q.who, id) })
}

func (q *request) reinvite() error {
	x, err := q.People.Find(q.ctx, q.r.PathValue("id"))
	if err != nil {
		return err
	}
	code, err := q.People.Reinvite(q.ctx, q.who, x.ID)
	if err != nil {
		return err
	}
	return q.showLinkOnce(x.Name, "/enrol?code=", code, "It is valid for a week.")
}

func (q *request) resetPassword() error {
	x, err := q.People.Find(q.ctx, q.r.PathValue("id"))
	if err != nil {
		return err
	}
	code, err := q.People.ResetPassword(q.ctx, q.who, x.ID)
	if err != nil {
		return err
	}
	return q.showLinkOnce(x.Name, "/reset?code=", code, "It is valid for a day.")
}
