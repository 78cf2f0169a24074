package web

import (
	"bytes"
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"example.org/countersign/internal/channel"
	"example.org/countersign/internal/design"
	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/people"
)

// request is one request and who makes it.
type request struct {
	*server
	w   http.ResponseWriter
	r   *http.Request
	ctx context.Context
	who *people.Identity // nil: nobody is signed in
	now time.Time

	trouble string // what is wrong with the form that was sent
	looked  bool   // right was found out
	right   error  // why who asks may not use a right to approve now
}

const (
	maxForm   = 2 << 20  // bytes of a form without files
	maxUpload = 30 << 20 // bytes of a form with a file
)

// protect wraps the routes in what holds for all of them.
func (s *server) protect(next http.Handler) http.Handler {
	cross := http.NewCrossOriginProtection()
	if u, err := url.Parse(s.opt.URL); err == nil && u.Host != "" {
		// The address is the operator's, not a visitor's; a wrong one trusts nobody.
		_ = cross.AddTrustedOrigin(u.Scheme + "://" + u.Host)
	}
	cross.SetDenyHandler(s.serve(route{"cross-origin", public, func(*request) error {
		return fault.New(fault.Denied, "this form was sent from another site; open the page here and send it again")
	}}))
	guarded := cross.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", design.Policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		// Not no-referrer: browsers then hide the origin of our own forms too.
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		if s.secure {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		guarded.ServeHTTP(w, r)
	})
}

// serve admits the request to a route and answers it.
func (s *server) serve(rt route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := &request{server: s, w: w, r: r, ctx: r.Context(), now: s.Ledger.Now()}
		defer func() {
			p := recover()
			if p == nil {
				return
			}
			if p == http.ErrAbortHandler { //nolint:errorlint // a sentinel that is compared, as net/http does
				panic(p)
			}
			s.log.ErrorContext(q.ctx, "page panicked", "pattern", rt.pattern, "panic", p, "stack", string(debug.Stack()))
			q.problem(http.StatusInternalServerError, "internal error")
		}()
		err := q.admit(rt.access)
		if err == nil {
			err = rt.handle(q)
		}
		if err != nil {
			q.fail(rt.pattern, err)
		}
	})
}

// admit finds out who asks, and refuses whoever has none of the roles (CC6.3).
func (q *request) admit(a access) error {
	if c, err := q.r.Cookie(q.cookieName()); err == nil {
		who, err := q.People.Session(q.ctx, c.Value)
		if err != nil && !errors.Is(err, people.ErrNotSignedIn) {
			return err
		}
		q.who = who
	}
	if a.public {
		return nil
	}
	return people.Require(q.who, a.roles...)
}

// statuses is what each kind of fault is in HTTP.
var statuses = map[fault.Kind]int{
	fault.Invalid: http.StatusUnprocessableEntity, fault.Denied: http.StatusForbidden, fault.NotFound: http.StatusNotFound,
	fault.Conflict: http.StatusConflict, fault.Unavailable: http.StatusServiceUnavailable,
}

// fail is the one place where an error becomes an answer.
func (q *request) fail(pattern string, err error) {
	if errors.Is(err, people.ErrNotSignedIn) {
		q.toSignIn()
		return
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		q.problem(http.StatusRequestEntityTooLarge, "this is more than can be sent at once; a file may have 25 MB")
		return
	}
	kind, text := fault.Of(err)
	status, ok := statuses[kind]
	if !ok {
		status = http.StatusInternalServerError
		if q.ctx.Err() == nil {
			q.log.ErrorContext(q.ctx, "page failed", "pattern", pattern, "err", err)
		}
	}
	q.problem(status, text)
}

// toSignIn leads to the sign-in and back. What was typed into a form whose
// session ended meanwhile is not lost: it can be sent again.
func (q *request) toSignIn() {
	if q.r.Method == http.MethodGet || q.r.Method == http.MethodHead {
		q.see("/sign-in?next=" + url.QueryEscape(q.r.URL.RequestURI()))
		return
	}
	f, err := q.form("")
	if err != nil || strings.HasSuffix(q.r.URL.Path, "/autosave") {
		q.problem(http.StatusForbidden, "you are signed out; sign in and send this again")
		return
	}
	p := resumePage{Public: q.public("Sign in again"), Action: q.r.URL.Path}
	for name, values := range f.values {
		for _, v := range values {
			if name != "password" && name != "old" && name != "new" {
				p.Hidden = append(p.Hidden, design.Pair{Name: name, Value: v})
			}
		}
	}
	if err := q.show(http.StatusForbidden, "resume", p); err != nil {
		q.problem(http.StatusForbidden, "you are signed out; sign in and send this again")
	}
}

// resumePage holds what was sent without a session.
type resumePage struct {
	design.Public
	Action string
	Hidden []design.Pair
}

// problemPage says what went wrong.
type problemPage struct {
	design.Staff
	Header design.Header
}

// problemOutside does so for whoever is not signed in.
type problemOutside struct {
	design.Public
	Header design.Header
}

var titles = map[int]string{
	http.StatusForbidden: "Not for you", http.StatusNotFound: "Not found", http.StatusConflict: "Something changed",
	http.StatusUnprocessableEntity: "This cannot be done", http.StatusServiceUnavailable: "Not at the moment",
	http.StatusRequestEntityTooLarge: "Too large", http.StatusInternalServerError: "Something went wrong",
}

func (q *request) problem(status int, text string) {
	note := sentence(text)
	if status == http.StatusInternalServerError {
		note = "Internal error. Nothing was changed by this; the log of the server says more."
	}
	h := design.Header{Title: titles[status], Note: note}
	var err error
	if q.who != nil {
		err = q.show(status, "problem", problemPage{q.frame(h.Title, ""), h})
	} else {
		err = q.show(status, "problem-outside", problemOutside{q.public(h.Title), h})
	}
	if err != nil {
		q.log.ErrorContext(q.ctx, "the page of problems failed", "err", err)
		http.Error(q.w, note, status)
	}
}

func (q *request) absent() error { return fault.New(fault.NotFound, "there is no such page") }

// show renders a page whole before the first byte leaves.
func (q *request) show(status int, name string, data any) error {
	set, layout := q.pages[name], "staff"
	if outside[name] {
		layout = "public"
	}
	if set == nil {
		return fmt.Errorf("no page %q", name)
	}
	var b bytes.Buffer
	if err := set.ExecuteTemplate(&b, layout, data); err != nil {
		return fmt.Errorf("page %s: %w", name, err)
	}
	q.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	q.w.WriteHeader(status)
	_, _ = q.w.Write(b.Bytes()) // the reader may have gone
	return nil
}

// see sends the browser to another page of ours.
func (q *request) see(path string) { http.Redirect(q.w, q.r, path, http.StatusSeeOther) }

// done ends a verb that went well: a word of success, and the page to see.
func (q *request) done(text, path string) error {
	q.flash(design.Succeeded, text)
	q.see(path)
	return nil
}

// settle ends a verb: well, or with the page again and what is wrong beside
// the field.
func (q *request) settle(err error, f *form, field string, again func(*form) error, text, path string) error {
	switch {
	case err == nil:
		return q.done(text, path)
	case f.takes(err, field):
		_, text := fault.Of(err)
		q.trouble = sentence(text)
		return again(f)
	}
	return err
}

// token is a flash on its way: for one minute, signed by this process.
type token struct {
	Kind design.FlashKind
	Text string
	At   int64
}

func (s *server) mac(b []byte) []byte {
	m := hmac.New(sha256.New, s.key[:])
	m.Write(b)
	return m.Sum(nil)
}

func (q *request) flash(kind design.FlashKind, text string) {
	b, err := json.Marshal(token{kind, text, q.now.Unix()})
	if err != nil {
		return
	}
	q.cookie("flash", base64.RawURLEncoding.EncodeToString(append(q.mac(b), b...)), 60)
}

// flashes takes what the page before left to say.
func (q *request) flashes() []design.Flash {
	c, err := q.r.Cookie("flash")
	if err != nil {
		return nil
	}
	q.cookie("flash", "", -1)
	b, err := base64.RawURLEncoding.DecodeString(c.Value)
	var t token
	if err != nil || len(b) < sha256.Size || !hmac.Equal(b[:sha256.Size], q.mac(b[sha256.Size:])) || json.Unmarshal(b[sha256.Size:], &t) != nil ||
		q.now.Unix()-t.At > 60 {
		return nil
	}
	return []design.Flash{{Kind: t.Kind, Text: t.Text}}
}

func (q *request) cookie(name, value string, age int) {
	http.SetCookie(q.w, &http.Cookie{Name: name, Value: value, Path: "/", MaxAge: age, HttpOnly: true, Secure: q.secure, SameSite: http.SameSiteLaxMode})
}

func (s *server) cookieName() string { return CookieName(s.opt.URL) }

// CookieName returns the name of the cookie that holds a session, by the
// address under which the outside reaches the pages.
func CookieName(address string) string {
	if strings.HasPrefix(address, "https://") {
		return "__Host-countersign"
	}
	return "countersign"
}

// actor is who acts, under the first of the roles that they have.
func (q *request) actor(a access) ledger.Actor {
	for _, r := range a.roles {
		if q.who.Has(r) {
			return q.who.Actor(r)
		}
	}
	return q.who.Actor("")
}

// may reports whether who asks has one of the roles.
func (q *request) may(a access) bool { return people.Require(q.who, a.roles...) == nil }

// approves reports whether who asks has one of the roles, and a right to approve
// that nothing suspends (CC6.3). The verbs look again when they write.
func (q *request) approves(a access) bool {
	if !q.may(a) {
		return false
	}
	if !q.looked {
		q.looked, q.right = true, q.People.MayApprove(q.ctx, q.Ledger, q.who, q.who.Roles...)
	}
	return q.right == nil
}

// frame is the staff layout around a page.
func (q *request) frame(title, area string) design.Staff {
	theme := design.System
	if c, err := q.r.Cookie("theme"); err == nil {
		theme = design.ThemeOf(c.Value)
	}
	s := design.Staff{Title: title, Organisation: q.opt.Organisation, Home: q.start(), Theme: theme, Person: q.who.Name,
		Role: q.roleWords(), Account: []design.Link{{Label: "Your account", Href: "/account"}}, SignOut: "/sign-out", Flashes: append(q.alarms(), q.flashes()...)}
	if q.may(watchers) {
		s.Account = append(s.Account, design.Link{Label: "Background work", Href: "/work"}, design.Link{Label: "Checks", Href: "/checks"})
	}
	for _, a := range design.Areas(area) {
		if rs, ok := areas[a.Href]; ok && q.may(rs) {
			if a.Href == "/retention" {
				a.Count, _ = q.Retention.Count(q.ctx) // a page must not fail for its number
			}
			s.Areas = append(s.Areas, a)
		}
	}
	if len(s.Areas) == 0 && q.reports() { // their way in is everybody's (CC2.2)
		s.Areas = []design.Area{{Label: "Report a problem", Href: "/report", Icon: "flag"}, {Label: "Follow a report up", Href: "/follow-up", Icon: "message-square"}}
	}
	s.Head = q.head()
	if q.trouble != "" { // said above as well: the field may be far down
		s.Flashes = append(s.Flashes, design.Flash{Kind: design.Problem, Text: q.trouble})
	}
	s.Keys = design.Keys()
	return s
}

// head is the foot of every page: the published checkpoint, whoever reads it.
// The newest one would tell roles that may not know it when something was done
// (CC6.1). Those who may open the ledger see it there.
func (q *request) head() *design.LedgerHead {
	h := &design.LedgerHead{Seal: design.Seal{Kind: design.Sealed}, Href: "/ledger"}
	if !q.may(insiders) {
		h.Href = "/account"
	}
	p, err := q.Board.Published(q.ctx)
	_, broken := errors.AsType[*ledger.Mismatch](err)
	switch {
	case broken:
		h.Seal.Kind = design.Broken
	case err != nil:
		return nil // a page must not fail for its foot
	case p != nil:
		h.Size, h.Root, h.At = p.Size, fmt.Sprintf("%x", p.Root), p.At
	}
	return h
}

// reports tells whether the report page takes reports.
func (q *request) reports() bool {
	all, err := q.Channels.List(q.ctx, q.Ledger)
	return err == nil && slices.ContainsFunc(all, func(c *channel.Channel) bool { return c.Kind == channel.Portal && c.Receives() })
}

var areas = map[string]access{"/queue": readers, "/channels": insiders, "/policy": insiders, "/people": directory, "/retention": keepers, "/evidence": assurance, "/ledger": insiders}

// start is the page that a person begins with.
func (q *request) start() string {
	for _, a := range design.Areas("") {
		if q.may(areas[a.Href]) && (a.Href != "/channels" || !q.may(admins)) && (a.Href != "/policy" || !q.may(admins)) {
			return a.Href
		}
	}
	return "/account"
}

// roleWords names the weightiest of a person's roles.
func (q *request) roleWords() string {
	words := ""
	for _, r := range q.who.Roles {
		if r != people.Staff || len(q.who.Roles) == 1 {
			words = cmp.Or(words, r.Title())
		}
	}
	return words
}

// public is the narrow layout of who is not signed in.
func (q *request) public(title string) design.Public {
	return design.Public{Title: title, Organisation: cmp.Or(q.opt.Organisation, "Countersign"), Home: "/", Narrow: true, Flashes: q.flashes()}
}

// sentence makes of a fault's text one that stands alone.
func sentence(s string) string {
	if s == "" {
		return ""
	}
	first := []rune(s)[0]
	s = strings.ToUpper(string(first)) + s[len(string(first)):]
	if !strings.ContainsAny(s[len(s)-1:], ".?!") {
		s += "."
	}
	return s
}
