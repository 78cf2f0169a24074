// Package portal is the public pages: report a problem without an account, and
// follow it up with number and code (CC2.3).
package portal

import (
	"log/slog"
	"net/http"

	"example.org/countersign/internal/channel"
	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/ledger"
)

// Desks is what the pages stand on.
type Desks struct {
	Ledger   *ledger.Ledger
	Channels *channel.Desk
	Intake   *intake.Desk
}

// Paths returns the patterns under which the handler is to be mounted.
func Paths() []string {
	return []string{"/report", "/report/", "/follow-up", "/follow-up/", "/public/", "/.well-known/security.txt"}
}

// New returns the handler of the public pages of an organisation.
func New(d Desks, organisation string, log *slog.Logger) http.Handler {
	return http.NotFoundHandler()
}
