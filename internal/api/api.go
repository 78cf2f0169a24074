// Package api is the door for programs: the verbs of the concepts as JSON under
// /api/v1, described by the OpenAPI document at /api/openapi.json, which is made
// from the routes and cannot differ from them.
//
// Every route is one row of the table in routes.go and names the roles that it
// demands (CC6.3). Who asks is known by a bearer token alone; a cookie is never
// looked at. Errors are RFC 9457 problems. What changes something may be sent
// with an Idempotency-Key, and is then done once however often it is sent.
package api

import (
	"log/slog"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"example.org/countersign/internal/backlog"
	"example.org/countersign/internal/backup"
	"example.org/countersign/internal/board"
	"example.org/countersign/internal/channel"
	"example.org/countersign/internal/disclosure"
	"example.org/countersign/internal/evidence"
	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/people"
	"example.org/countersign/internal/policy"
	"example.org/countersign/internal/receipt"
	"example.org/countersign/internal/recovery"
	"example.org/countersign/internal/response"
	"example.org/countersign/internal/retention"
	"example.org/countersign/internal/timestamp"
	"example.org/countersign/internal/triage"
)

// prefix is where the operations are.
const prefix = "/api/v1"

// Desks is what the API stands on.
type Desks struct {
	Ledger    *ledger.Ledger
	People    *people.Desk
	Channels  *channel.Desk
	Policies  *policy.Desk
	Intake    *intake.Desk
	Backlog   *backlog.Desk
	Triage    *triage.Desk
	Responses *response.Desk
	Receipts  *receipt.Desk
	Retention *retention.Desk
	Evidence  *evidence.Desk
	Disclose  *disclosure.Desk
	Backup    *backup.Desk
	Recovery  *recovery.Desk
	Timestamp *timestamp.Desk
	Board     *board.Board
}

// door is the API's handler.
type door struct {
	Desks
	operator string
	log      *slog.Logger
	mux      *http.ServeMux
	api      huma.API
	openapi  []byte
}

// New returns the handler of the API, to be mounted at "/api/". operator is
// the bearer token of the local operator, whoever may read the data directory;
// nobody is, where it is empty.
func New(d Desks, operator string, log *slog.Logger) http.Handler {
	api := &door{Desks: d, operator: operator, log: log, mux: http.NewServeMux()}
	api.register()
	api.mux.HandleFunc("GET /api/openapi.json", api.describe)
	api.mux.HandleFunc("/", api.unknown)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Content-Security-Policy", "default-src 'none'; sandbox; frame-ancestors 'none'")
		api.mux.ServeHTTP(w, r)
	})
}

// register gives every route its handler and its description.
func (d *door) register() {
	config := huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{Title: "Countersign", Version: "1",
				Description: "The record of what an organisation says to, and hears from, the outside. " +
					"Whoever asks sends a bearer token. A POST that is sent with an Idempotency-Key is done once within a day, however often it is sent. " +
					"A change of something that others may change too names the version that it was made from."},
			Servers: []*huma.Server{{URL: prefix}},
			Components: &huma.Components{
				Schemas:         huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer),
				SecuritySchemes: map[string]*huma.SecurityScheme{"token": {Type: "http", Scheme: "bearer"}},
			},
			Security: []map[string][]string{{"token": {}}},
		},
		Formats:                      huma.DefaultFormats,
		DefaultFormat:                "application/json",
		RejectUnknownQueryParameters: true,
	}
	d.api = humago.NewWithPrefix(d.mux, prefix, config)
	for _, r := range routes {
		r.register(d)
	}
	var err error
	if d.openapi, err = describe(d.api); err != nil {
		panic(err) // only what is compiled in can cause it
	}
}

// describe serves the OpenAPI document. It says nothing that the source does
// not, so that it needs no token.
func (d *door) describe(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/openapi+json")
	_, _ = w.Write(d.openapi) // the reader is gone: there is nobody to tell
}

// unknown answers where there is no such route, or not with this method.
func (d *door) unknown(w http.ResponseWriter, r *http.Request) {
	var allowed []string
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete} {
		other := r.Clone(r.Context())
		other.Method = method
		if _, pattern := d.mux.Handler(other); pattern != "/" {
			allowed = append(allowed, method)
		}
	}
	if len(allowed) > 0 {
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		writeProblem(w, http.StatusMethodNotAllowed, "this address is used with "+strings.Join(allowed, ", "))
		return
	}
	writeProblem(w, http.StatusNotFound, "there is no such address; /api/openapi.json lists them")
}
