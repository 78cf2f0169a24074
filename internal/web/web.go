// Package web is the door for staff: pages of HTML over the verbs of the
// concepts. Every route is one row of the table in routes.go and names the
// roles that it demands (CC6.3); a handler reads the request, calls one verb
// and renders or redirects; errors become a status in one place.
//
// Every page has an address of its own and works without script. A form posts
// to a verb and is answered by a redirect, or by the same page with what was
// typed and, beside the field, what is wrong with it.
package web

import (
	"crypto/rand"
	"html/template"
	"log/slog"
	"net/http"
	"strings"

	"example.org/countersign/internal/board"
	"example.org/countersign/internal/channel"
	"example.org/countersign/internal/disclosure"
	"example.org/countersign/internal/evidence"
	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/jobs"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/people"
	"example.org/countersign/internal/policy"
	"example.org/countersign/internal/response"
	"example.org/countersign/internal/retention"
	"example.org/countersign/internal/triage"
)

// Desks are what the pages show and do.
type Desks struct {
	Ledger    *ledger.Ledger
	People    *people.Desk
	Channels  *channel.Desk
	Policies  *policy.Desk
	Intake    *intake.Desk
	Triage    *triage.Desk
	Responses *response.Desk
	Retention *retention.Desk
	Evidence  *evidence.Desk
	Disclose  *disclosure.Desk
	Board     *board.Board
	Jobs      *jobs.Runner
	Checks
}

// Options of the pages.
type Options struct {
	URL          string // how the outside reaches them: https://reports.example.com
	Organisation string
	OpenLog      bool // everybody may read checkpoint and hash tiles
}

// server is the pages' handler.
type server struct {
	Desks
	opt    Options
	log    *slog.Logger
	secure bool     // cookies travel by TLS only
	key    [32]byte // signs flashes; they do not outlive the process
	pages  map[string]*template.Template
}

// New returns the handler of all staff pages.
func New(d Desks, o Options, log *slog.Logger) http.Handler {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	s := &server{Desks: d, opt: o, log: log, secure: strings.HasPrefix(o.URL, "https://")}
	rand.Read(s.key[:])
	var err error
	if s.pages, err = parsePages(); err != nil {
		panic(err) // the templates are embedded, and a test reads them all
	}
	mux := http.NewServeMux()
	for _, r := range routes() {
		mux.Handle(r.pattern, s.serve(r))
	}
	mux.Handle("/", s.serve(route{"/", public, (*request).absent}))
	return s.protect(mux)
}
