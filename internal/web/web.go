// Package web is the door for staff: pages of HTML over the verbs of the
// concepts.
package web

import (
	"log/slog"
	"net/http"

	"example.org/countersign/internal/board"
	"example.org/countersign/internal/channel"
	"example.org/countersign/internal/evidence"
	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/jobs"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/people"
	"example.org/countersign/internal/policy"
	"example.org/countersign/internal/response"
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
	Evidence  *evidence.Desk
	Board     *board.Board
	Jobs      *jobs.Runner
}

// Options of the pages.
type Options struct {
	URL          string // how the outside reaches them: https://reports.example.com
	Organisation string
}

// New returns the handler of all staff pages.
func New(d Desks, o Options, log *slog.Logger) http.Handler {
	return http.NotFoundHandler()
}
