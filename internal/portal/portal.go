// Package portal is the public pages: report a problem without an account, and
// follow it up with number and code (CC2.3). They are the quietest pages there
// are: no script, no cookie, nothing from elsewhere, and no address of a visitor
// is looked at or logged.
//
// A code travels in the body of a POST only, never in an address, where
// histories, proxies and logs would keep it. A page that shows one is not to be
// stored.
package portal

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"html/template"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"example.org/countersign/internal/backlog"
	"example.org/countersign/internal/channel"
	"example.org/countersign/internal/clock"
	"example.org/countersign/internal/design"
	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/receipt"
	"example.org/countersign/internal/retention"
)

//go:embed templates/*.html
var templates embed.FS

// staticPath is where these pages have their stylesheet from, so that they can
// be served alone, under a name of their own.
const staticPath = "/public/"

// Desks is what the pages stand on.
type Desks struct {
	Ledger    *ledger.Ledger
	Channels  *channel.Desk
	Intake    *intake.Desk
	Backlog   *backlog.Desk
	Receipts  *receipt.Desk
	Retention *retention.Desk
}

// Paths returns the patterns under which the handler is to be mounted.
func Paths() []string {
	return []string{"/report", "/report/", "/follow-up", "/follow-up/", staticPath, "/.well-known/security.txt"}
}

type portal struct {
	Desks
	organisation string
	log          *slog.Logger
	pages        map[string]*template.Template
	spool        spool
	throttle     throttle
	adding       adding
}

// New returns the handler of the public pages of an organisation.
func New(d Desks, organisation string, log *slog.Logger) http.Handler {
	p := &portal{Desks: d, organisation: organisation, log: log, pages: pages()}
	mux := http.NewServeMux()
	for _, r := range p.routes() {
		mux.HandleFunc(r.pattern, r.handle)
	}
	mux.HandleFunc("/", p.page(func(http.ResponseWriter, *http.Request, *words) error {
		return fault.New(fault.NotFound, "there is no such page")
	}))
	return mux
}

// route is one row of the table.
type route struct {
	pattern string
	handle  http.HandlerFunc
}

// routes is every address of the public pages. Nobody signs in here.
func (p *portal) routes() []route {
	return []route{
		{"GET /report", p.page(p.showReport)},
		{"POST /report", p.page(p.takeReport)},
		{"GET /follow-up", p.page(p.showFollowUp)},
		{"POST /follow-up", p.page(p.openFollowUp)},
		{"POST " + addPath, p.page(p.addMessage)},
		{"POST /follow-up/file", p.page(p.download)},
		{"POST " + proofPath, p.page(p.receiptFile)},
		{"GET " + staticPath + "{name}", static},
		{"GET /.well-known/security.txt", p.securityTxt},
	}
}

// pages parses every page. They are embedded: a page that does not parse is
// caught by the first test.
func pages() map[string]*template.Template {
	set, err := design.Templates(template.FuncMap{"asset": asset, "filled": fill})
	if err != nil {
		panic(err)
	}
	all := map[string]*template.Template{}
	for _, name := range []string{"report", "receipt", "follow", "thread", "message", "erased", "kept", "waiting"} {
		if all[name], err = design.Page(set, templates, "templates/shared.html", "templates/"+name+".html"); err != nil {
			panic(err)
		}
	}
	return all
}

// asset is the address of a static file on these pages.
func asset(name string) (string, error) {
	at, err := design.Asset(name)
	return staticPath + strings.TrimPrefix(at, design.StaticPath), err
}

func static(w http.ResponseWriter, r *http.Request) {
	f, ok := design.Static(r.PathValue("name"))
	if !ok || strings.HasPrefix(f.Type, "text/javascript") {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", f.Type)
	h.Set("X-Content-Type-Options", "nosniff")
	if r.URL.Query().Get("v") == f.Version {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(f.Body))
}

// handler answers one request in the language of its reader.
type handler func(http.ResponseWriter, *http.Request, *words) error

// uploadTime is how long a form may take to arrive.
const uploadTime = 30 * time.Minute

// page makes a handler out of one that may fail, and says what a browser may
// do with the page: run nothing, keep nothing, tell nobody where it came from.
func (p *portal) page(f handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", design.PublicPolicy)
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		h.Set("Vary", "Accept-Language")
		if r.Method == http.MethodPost {
			// A connection's time is the machine's. Not every ResponseWriter has
			// deadlines; those of a server do.
			_ = http.NewResponseController(w).SetReadDeadline(clock.System.Now().Add(uploadTime))
		}
		t := speak(r)
		if err := f(w, r, t); err != nil {
			p.fail(w, r, t, err)
		}
	}
}

// fail shows that there is no page, or that one could not be made. What
// happened is logged, without who asked.
func (p *portal) fail(w http.ResponseWriter, r *http.Request, t *words, err error) {
	if errors.Is(err, context.Canceled) && r.Context().Err() != nil {
		return
	}
	m := messagePage{Public: p.public(t, t.BrokenTitle, r.URL.Path), Title: t.BrokenTitle, Text: t.BrokenText}
	status := http.StatusInternalServerError
	switch kind, _ := fault.Of(err); kind {
	case fault.NotFound:
		m.Public.Title, m.Title, m.Text, status = t.MissingTitle, t.MissingTitle, t.MissingText, http.StatusNotFound
	case fault.Unavailable:
		status = http.StatusServiceUnavailable
		fallthrough
	default:
		p.log.ErrorContext(r.Context(), "a public page failed", "method", r.Method, "path", r.Pattern, "err", err)
	}
	if err := p.show(w, status, "message", m); err != nil {
		http.Error(w, m.Title, status)
	}
}

// messagePage says one thing.
type messagePage struct {
	design.Public
	Title, Text string
}

// show renders a page whole before it answers.
func (p *portal) show(w http.ResponseWriter, status int, page string, data any) error {
	var b bytes.Buffer
	if err := p.pages[page].ExecuteTemplate(&b, "public", data); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = b.WriteTo(w) // the reader is gone: there is nobody to tell
	return nil
}

// address returns the address of a page in a language.
func address(path string, t *words) string { return path + "?" + url.Values{"lang": {t.Code}}.Encode() }

// public is the frame of a page. Its language switch leads to page, which is
// one that can be asked for without a form.
func (p *portal) public(t *words, title, page string) design.Public {
	if !strings.HasPrefix(page, "/follow-up") {
		page = "/report"
	} else {
		page = "/follow-up"
	}
	f := design.Public{Lang: t.Code, Title: title, Organisation: p.organisation, Home: address("/report", t),
		SkipWord: t.Skip, LanguagesWord: t.Languages, SealedWord: t.Sealed,
		Footer: []design.Link{{Label: t.LinkReport, Href: address("/report", t)}, {Label: t.LinkFollowUp, Href: address("/follow-up", t)}}}
	for _, other := range tongues {
		f.Languages = append(f.Languages, design.Language{Code: other.Code, Name: other.Name, Href: address(page, other), Current: other == t})
	}
	return f
}
