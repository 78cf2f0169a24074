package web

import (
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"example.org/countersign/internal/design"
	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/people"
)

// signPage is every page of one small form for who is not signed in.
type signPage struct {
	design.Public
	Header design.Header
	Form   Form
	Foot   string
}

func (q *request) client() people.Client {
	c := people.Client{Agent: q.r.UserAgent()}
	if a, err := netip.ParseAddrPort(q.r.RemoteAddr); err == nil {
		c.Address = a.Addr()
	}
	return c
}

// local returns where to go after the sign-in: a page of ours.
func local(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.Scheme != "" || u.Host != "" || !strings.HasPrefix(u.Path, "/") || strings.HasPrefix(u.Path, "//") ||
		strings.ContainsAny(next, "\\\r\n\t") || u.Path == "/sign-in" {
		return "/"
	}
	return u.RequestURI()
}

func (q *request) signInPage() error {
	if code := q.query().Get("code"); code != "" {
		return q.linkPage()
	}
	if q.who != nil {
		q.see(local(q.query().Get("next")))
		return nil
	}
	return q.showSignIn(nil)
}

func (q *request) showSignIn(f *form) error {
	next := q.query().Get("next")
	if f != nil {
		next = f.get("next")
	}
	p := signPage{Public: q.public("Sign in"), Header: design.Header{Title: "Sign in"}}
	p.Form = Form{Action: "/sign-in", Hidden: []design.Pair{{Name: "next", Value: next}}, Buttons: []design.Button{{Label: "Sign in", Weight: design.Primary}},
		Fields: f.fields(
			design.Field{Name: "email", Label: "E-mail address", Kind: design.Email, Required: true, Autocomplete: "username", Focus: f == nil},
			design.Field{Name: "password", Label: "Password", Kind: design.Password, Required: true, Autocomplete: "current-password", Focus: f != nil},
			design.Field{Name: "code", Label: "Code", Kind: design.OneTime, Optional: "(where you have a second factor)", Autocomplete: "one-time-code", Max: 40,
				Hint: "From your authenticator, or a recovery code."})}
	p.Foot = "No account, or no password any more? Ask an administrator of " + p.Organisation + " for a link."
	return q.show(f.code(), "sign", p)
}

func (q *request) signIn() error {
	f, err := q.form("sign-in")
	if err != nil {
		return err
	}
	cookie, _, err := q.People.SignIn(q.ctx, f.values.Get("email"), f.values.Get("password"), f.get("code"), q.client())
	if err != nil {
		if f.takes(err, "password") {
			return q.showSignIn(f)
		}
		return err
	}
	return q.enter(cookie, local(f.get("next")))
}

// enter begins the session in this browser.
func (q *request) enter(cookie, path string) error {
	q.cookie(q.cookieName(), cookie, 0)
	q.see(path)
	return nil
}

func (q *request) signInByLink() error {
	f, err := q.form("link")
	if err != nil {
		return err
	}
	cookie, _, err := q.People.SignInLink(q.ctx, f.get("code"), q.client())
	if err != nil {
		return err
	}
	return q.enter(cookie, "/")
}

func (q *request) signOut() error {
	if c, err := q.r.Cookie(q.cookieName()); err == nil {
		if err := q.People.SignOut(q.ctx, c.Value); err != nil {
			return err
		}
	}
	q.cookie(q.cookieName(), "", -1)
	q.see("/sign-in")
	return nil
}

// linkPage shows what a one-time link is for. Following it uses nothing up:
// mail programs follow links too.
func (q *request) linkPage() error { return q.showLink(q.query().Get("code"), nil) }

func (q *request) showLink(code string, f *form) error {
	link, err := q.People.Link(q.ctx, code)
	if err != nil {
		return err
	}
	if link.Purpose != people.LinkSignIn && q.halted() {
		return q.showStopped()
	}
	hidden := []design.Pair{{Name: "code", Value: code}}
	choose := []design.Field{
		{Name: "password", Label: "Password", Kind: design.Password, Required: true, Autocomplete: "new-password", Hint: "Twelve characters or more; a sentence is good. Names and well-known passwords are refused."},
		{Name: "again", Label: "Password, once more", Kind: design.Password, Required: true, Autocomplete: "new-password"}}
	p := signPage{}
	switch link.Purpose {
	case people.LinkSignIn:
		p.Header = design.Header{Title: "Sign in as " + link.Name, Note: "This link signs you in once."}
		p.Form = Form{Action: "/sign-in/link", Hidden: hidden, Buttons: []design.Button{{Label: "Sign in", Weight: design.Primary}}}
	case people.LinkReset:
		p.Header = design.Header{Title: "Choose a new password", Note: "For " + link.Name + ", " + link.Email + "."}
		p.Form = Form{Action: "/reset", Hidden: hidden, Fields: f.fields(choose...), Buttons: []design.Button{{Label: "Save the password", Weight: design.Primary}}}
		p.Foot = "Until a lead confirms that it is you, you cannot approve."
	default:
		p.Header = design.Header{Title: "Welcome, " + link.Name, Note: "Choose a password to begin."}
		own := []design.Field{{Name: "name", Label: "Your name", Required: true, Autocomplete: "name", Value: link.Name}}
		if link.Purpose == people.LinkBootstrap {
			p.Header = design.Header{Title: "Set up Countersign", Note: "You become the first administrator. You invite the others, and cannot read what they handle."}
			own = append(own, design.Field{Name: "email", Label: "E-mail address", Kind: design.Email, Required: true, Autocomplete: "username"})
		}
		p.Form = Form{Action: "/enrol", Hidden: hidden, Fields: f.fields(append(own, choose...)...), Buttons: []design.Button{{Label: "Create the account", Weight: design.Primary}}}
	}
	p.Public = q.public(p.Header.Title)
	return q.show(f.code(), "sign", p)
}

// newPassword reads the two password fields of a form.
func newPassword(f *form, name string) (string, error) {
	password := f.values.Get(name)
	if password != f.values.Get("again") {
		return "", fault.New(fault.Invalid, "again: the two are not the same; type them once more")
	}
	return password, nil
}

func (q *request) enrol() error {
	f, err := q.form("enrol")
	if err != nil {
		return err
	}
	password, err := newPassword(f, "password")
	if err == nil {
		_, err = q.People.Enrol(q.ctx, f.get("code"), f.get("name"), f.get("email"), password)
	}
	again := func(f *form) error { return q.showLink(f.get("code"), f) }
	return q.settle(err, f, "password", again, "Your account is there. Sign in with your address and password.", "/sign-in")
}

func (q *request) recover() error {
	f, err := q.form("reset")
	if err != nil {
		return err
	}
	password, err := newPassword(f, "password")
	if err == nil {
		err = q.People.Recover(q.ctx, f.get("code"), password)
	}
	again := func(f *form) error { return q.showLink(f.get("code"), f) }
	return q.settle(err, f, "password", again, "The password is changed. Sign in with it.", "/sign-in")
}

func (q *request) health() error {
	if _, err := q.Ledger.Checkpoint(q.ctx); err != nil {
		q.log.ErrorContext(q.ctx, "health check failed", "err", err)
		http.Error(q.w, "the record cannot be read", http.StatusServiceUnavailable)
		return nil
	}
	q.w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = q.w.Write([]byte("ok\n"))
	return nil
}

func (q *request) static() error {
	f, ok := design.Static(q.r.PathValue("name"))
	if !ok {
		return q.absent()
	}
	h := q.w.Header()
	h.Set("Content-Type", f.Type)
	if q.query().Get("v") == f.Version {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	_, _ = q.w.Write(f.Body)
	return nil
}

func (q *request) home() error {
	q.see(q.start())
	return nil
}

func (q *request) styleguide() error {
	data, err := design.Styleguide(q.now, design.System)
	if err != nil {
		return err
	}
	data.Staff = q.frame("Styleguide", "")
	return q.show(http.StatusOK, "styleguide", data)
}
