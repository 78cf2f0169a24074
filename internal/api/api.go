// Package api is the JSON API: the verbs of the desks under /api/v1.
package api

import (
	"log/slog"
	"net/http"

	"example.org/countersign/internal/board"
	"example.org/countersign/internal/channel"
	"example.org/countersign/internal/evidence"
	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/people"
	"example.org/countersign/internal/policy"
	"example.org/countersign/internal/response"
	"example.org/countersign/internal/triage"
)

// Desks is what the API stands on.
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
}

// New returns the handler of the API, to be mounted at "/api/". operator is
// the bearer token of the local operator.
func New(d Desks, operator string, log *slog.Logger) http.Handler {
	return http.NotFoundHandler()
}
