package web

import (
	"html/template"
	"net/http"
	"strings"
	"time"

	"example.org/countersign/internal/design"
	"example.org/countersign/internal/design/phrase"
	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/people"
)

// accountPage is a person's own account.
type accountPage struct {
	design.Staff
	Header   design.Header
	Factor   Form
	Sessions design.Table
	Tokens   design.Table
	Forms    []Form
}

// secretPage shows what is shown this once.
type secretPage struct {
	design.Staff
	Header design.Header
	Label  string
	Codes  []string
	QR     template.HTML
	Form   *Form
	Next   design.Button
}

func (q *request) accountPage() error { return q.showAccount(nil) }

func (q *request) showAccount(f *form) error {
	me, err := q.People.Find(q.ctx, q.who.ID)
	if err != nil {
		return err
	}
	sessions, err := q.People.Sessions(q.ctx, me.ID)
	if err != nil {
		return err
	}
	tokens, err := q.People.ListTokens(q.ctx, me.ID)
	if err != nil {
		return err
	}
	p := accountPage{Staff: q.frame("Your account", ""), Header: design.Header{Title: "Your account", Note: me.Email,
		Facts: []design.KeyValue{{Label: "Roles", Cell: design.Cell{Text: roleList(me.Roles)}}, {Label: "Approvals", Cell: design.Cell{Text: approverWords(me)}}}}}
	p.Sessions = design.Table{Caption: "Open sessions", Columns: []design.Column{{Label: "Device"}, {Label: "Signed in", Width: design.Narrow, Place: design.Meta},
		{Label: "Last used", Width: design.Narrow, Place: design.Meta}, {Label: "How", Width: design.Narrow, Place: design.Meta}}}
	for _, s := range sessions {
		name := s.Device
		if s.ID == q.who.Session {
			name += ", this one"
		}
		p.Sessions.Rows = append(p.Sessions.Rows, design.Row{Cells: []design.Cell{{Text: name}, {Moment: &design.Moment{At: s.StartedAt, Now: q.now}}, {Moment: &design.Moment{At: s.SeenAt, Now: q.now}}, {Text: methodWords(s.Method)}}})
	}
	live := q.listTokens(&p, tokens)
	if me.TOTP {
		p.Factor = f.fold("factor", "Second factor: on", "/account/second-factor/remove", "Remove the second factor",
			design.Field{Name: "code", Label: "Code from your authenticator", Kind: design.OneTime, Max: 40, Required: true, Autocomplete: "one-time-code"})
	} else {
		p.Factor = f.fold("factor", "Second factor: off", "/account/second-factor", "Set up an authenticator")
		p.Factor.Note = "With a second factor, a password alone no longer signs anybody in as you."
	}
	p.Forms = []Form{
		f.fold("name", "Name and address", "/account/name", "Save",
			design.Field{Name: "name", Label: "Name", Value: me.Name, Required: true, Autocomplete: "name"},
			design.Field{Name: "email", Label: "E-mail address", Kind: design.Email, Value: me.Email, Required: true, Autocomplete: "username"}),
		f.fold("password", "Password", "/account/password", "Change the password",
			design.Field{Name: "old", Label: "Present password", Kind: design.Password, Required: true, Autocomplete: "current-password"},
			design.Field{Name: "new", Label: "New password", Kind: design.Password, Required: true, Autocomplete: "new-password", Hint: "Your other sessions end."},
			design.Field{Name: "again", Label: "New password, once more", Kind: design.Password, Required: true, Autocomplete: "new-password"}),
		q.tokenForm(f, me)}
	if len(sessions) > 1 {
		p.Forms = append(p.Forms, endForm(f, sessions, q.who.Session))
	}
	if len(live) > 0 {
		p.Forms = append(p.Forms, f.fold("revoke", "Revoke a token", "/account/tokens/revoke", "Revoke it", design.Field{Name: "token", Label: "Token", Kind: design.Choice, Options: live}))
	}
	return q.show(f.code(), "account", p)
}

// endForm ends one of several sessions.
func endForm(f *form, sessions []people.SessionInfo, but string) Form {
	d := design.Field{Name: "session", Label: "Session", Kind: design.Choice}
	for _, s := range sessions {
		if s.ID != but {
			d.Options = append(d.Options, design.Option{Value: s.ID, Label: s.Device + ", since " + phrase.Instant(s.StartedAt)})
		}
	}
	return f.fold("end", "End a session", "/account/sessions/revoke", "End it", d)
}

// listTokens fills the table of tokens, and returns those that can be revoked.
func (q *request) listTokens(p *accountPage, tokens []*people.Token) (live []design.Option) {
	p.Tokens = design.Table{Caption: "API tokens", Columns: []design.Column{{Label: "For"}, {Label: "Roles", Place: design.Meta}, {Label: "Last used", Width: design.Narrow, Place: design.Meta}, {Label: "Ends", Width: design.Narrow, Place: design.Meta}},
		Empty: design.EmptyState{Title: "No tokens", Text: "A token lets a program use the API as you, with some of your roles."}}
	for _, t := range tokens {
		ends := design.Cell{Moment: &design.Moment{At: micros(t.ExpiresAt), Now: q.now}}
		if t.RevokedAt != 0 {
			ends = design.Cell{State: &design.State{Word: "over", Tone: design.Stopped}, Sub: phrase.Instant(micros(t.RevokedAt))}
		} else {
			live = append(live, design.Option{Value: t.ID, Label: t.Name})
		}
		words := roleList(t.Roles)
		if t.Approves {
			words += "; may approve"
		}
		p.Tokens.Rows = append(p.Tokens.Rows, design.Row{Cells: []design.Cell{{Text: t.Name}, {Text: words}, {Text: phrase.Ago(micros(t.UsedAt), q.now)}, ends}})
	}
	return live
}

func (q *request) tokenForm(f *form, me *people.Person) Form {
	var roles []design.Option
	for _, r := range me.Roles {
		roles = append(roles, design.Option{Value: string(r), Label: r.Title()})
	}
	return f.fold("token", "New API token", "/account/tokens", "Make the token",
		design.Field{Name: "token_name", Label: "What it is for", Required: true, Max: 100},
		design.Field{Name: "roles", Label: "Roles", Kind: design.Check, Options: roles},
		design.Field{Name: "ends", Label: "Ends on", Kind: design.Date, Required: true, Value: q.now.AddDate(0, 3, 0).Format(time.DateOnly)},
		design.Field{Name: "approves", Label: "It may use my right to approve", Kind: design.Confirm, Options: []design.Option{{Value: "yes"}}})
}

func (q *request) renameSelf() error {
	f, err := q.form("name")
	if err != nil {
		return err
	}
	err = q.People.Rename(q.ctx, q.who, q.who.ID, f.get("name"), f.get("email"))
	return q.settle(err, f, "email", q.showAccount, "Saved.", "/account")
}

func (q *request) changePassword() error {
	f, err := q.form("password")
	if err != nil {
		return err
	}
	field := "new"
	password, err := newPassword(f, "new")
	if err == nil {
		err = q.People.ChangePassword(q.ctx, q.who, f.values.Get("old"), password)
		if kind, _ := fault.Of(err); kind == fault.Denied {
			field = "old"
		}
	}
	return q.settle(err, f, field, q.showAccount, "The password is changed, and your other sessions are ended.", "/account")
}

var confirmField = design.Field{Name: "code", Label: "Code that it shows", Kind: design.OneTime, Max: 10, Required: true, Autocomplete: "one-time-code", Focus: true}

func (q *request) beginFactor() error {
	e, err := q.People.EnrolTOTP(q.ctx, q.who)
	if err != nil {
		return err
	}
	qr, err := e.QR()
	if err != nil {
		return err
	}
	p := secretPage{Staff: q.frame("Second factor", ""), Header: design.Header{Title: "Set up an authenticator", Note: "Scan this with the authenticator on your phone, or type the key into it.",
		Crumbs: []design.Link{{Label: "Your account", Href: "/account"}}},
		Label: "Key", Codes: []string{e.Secret}, QR: template.HTML(qr), // #nosec G203 -- drawn by us from digits
		Form: &Form{Action: "/account/second-factor/confirm", Fields: []design.Field{confirmField}, Buttons: []design.Button{{Label: "Confirm", Weight: design.Primary}}},
		Next: design.Button{Label: "Not now", Href: "/account", Weight: design.Quiet}}
	return q.show(http.StatusOK, "secret", p)
}

func (q *request) confirmFactor() error {
	f, err := q.form("confirm")
	if err != nil {
		return err
	}
	codes, err := q.People.ConfirmTOTP(q.ctx, q.who, f.get("code"))
	if err != nil {
		if !f.takes(err, "code") {
			return err
		}
		return q.show(f.code(), "secret", secretPage{Staff: q.frame("Second factor", ""),
			Header: design.Header{Title: "Set up an authenticator", Note: "The authenticator keeps the key that it has; type the code that it shows now.", Crumbs: []design.Link{{Label: "Your account", Href: "/account"}}},
			Form:   &Form{Action: "/account/second-factor/confirm", Fields: f.fields(confirmField), Buttons: []design.Button{{Label: "Confirm", Weight: design.Primary}}},
			Next:   design.Button{Label: "Begin again from your account", Href: "/account", Weight: design.Quiet}})
	}
	return q.show(http.StatusOK, "secret", secretPage{Staff: q.frame("Recovery codes", ""),
		Header: design.Header{Title: "Recovery codes", Note: "The second factor is on. Each of these signs you in once where the authenticator is lost. They are shown this once: print them or write them down."},
		Label:  "Codes", Codes: codes, Next: design.Button{Label: "I have kept them", Href: "/account"}})
}

func (q *request) removeFactor() error {
	f, err := q.form("factor")
	if err != nil {
		return err
	}
	return q.settle(q.People.RemoveTOTP(q.ctx, q.who, f.get("code")), f, "code", q.showAccount, "The second factor is off.", "/account")
}

func (q *request) makeToken() error {
	f, err := q.form("token")
	if err != nil {
		return err
	}
	var roles []people.Role
	for _, r := range f.values["roles"] {
		roles = append(roles, people.Role(r))
	}
	ends, err := time.Parse(time.DateOnly, f.get("ends"))
	if err != nil {
		err = fault.New(fault.Invalid, "ends: write the day as 2027-01-31")
	}
	var secret string
	if err == nil {
		secret, _, err = q.People.NewToken(q.ctx, q.who, f.get("token_name"), roles, ends.Add(24*time.Hour-time.Second), f.get("approves") != "")
	}
	if err != nil {
		field := "token_name"
		if _, text := fault.Of(err); strings.Contains(text, "role") {
			field = "roles"
		} else if strings.Contains(text, "ends on a day") {
			field = "ends"
		}
		if f.takes(err, field) {
			return q.showAccount(f)
		}
		return err
	}
	return q.show(http.StatusOK, "secret", secretPage{Staff: q.frame("New token", ""), Header: design.Header{Title: "Your new token", Note: "It is shown this once. Keep it where the program that uses it keeps its secrets.",
		Crumbs: []design.Link{{Label: "Your account", Href: "/account"}}}, Label: "Token", Codes: []string{secret}, Next: design.Button{Label: "I have kept it", Href: "/account"}})
}

func (q *request) revokeToken() error {
	f, err := q.form("revoke")
	if err != nil {
		return err
	}
	if err := q.People.RevokeToken(q.ctx, q.who, f.get("token")); err != nil {
		return err
	}
	return q.done("The token is revoked.", "/account")
}

// revokeSession ends a session of one's own or, for an administrator, of
// somebody whose page it came from.
func (q *request) revokeSession() error {
	f, err := q.form("end")
	if err != nil {
		return err
	}
	if err := q.People.Revoke(q.ctx, q.who, f.get("session")); err != nil {
		return err
	}
	back := "/account"
	if strings.HasPrefix(f.get("back"), "/people/") {
		back = local(f.get("back"))
	}
	return q.done("The session is ended.", back)
}

func roleList(roles []people.Role) string {
	var out []string
	for _, r := range roles {
		out = append(out, r.Title())
	}
	return strings.Join(out, ", ")
}

func approverWords(p *people.Person) string {
	for _, r := range p.Roles {
		if r.Approves() {
			if p.ApprovalSuspended {
				return "suspended until a lead confirms"
			}
			return "may approve"
		}
	}
	return "none"
}

func methodWords(m string) string {
	switch m {
	case "password":
		return "password"
	case "password+code":
		return "password and code"
	case "password+recovery":
		return "password and recovery code"
	case "link":
		return "one-time link"
	}
	return m
}
