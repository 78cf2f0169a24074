// Package people keeps who works with the record: persons and their roles, how
// they sign in, their sessions, and the tokens that act for them.
package people

import (
	"context"
	"net/netip"
	"slices"
	"time"

	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/keyring"
	"example.org/countersign/internal/ledger"
)

// Person is somebody with an account.
type Person struct {
	ledger.Record
	Name              string `json:"name" unit:"identity"`
	Email             string `json:"email" unit:"identity"` // lower case
	Roles             []Role `json:"roles"`                 // in the order of Roles
	Active            bool   `json:"active"`                // may sign in: enrolled and not deactivated
	TOTP              bool   `json:"totp"`                  // signs in with a second factor
	ApprovalSuspended bool   `json:"approval_suspended"`    // may not approve until a lead confirms
	SuspendedBy       string `json:"suspended_by"`          // id of the administrator whose act suspended it
	ApproverSince     int64  `json:"approver_since"`        // Unix µs of the first confirmation, 0: never
	CreatedAt         int64  `json:"created_at"`            // Unix µs, as all that follow
	EnrolledAt        int64  `json:"enrolled_at"`           // 0: has not used the invitation yet
	DeactivatedAt     int64  `json:"deactivated_at"`
	UpdatedAt         int64  `json:"updated_at"`
}

// Has reports whether p has the role.
func (p *Person) Has(r Role) bool { return slices.Contains(p.Roles, r) }

// Token is a credential for the API that acts as its person, with some of the
// person's roles.
type Token struct {
	ledger.Record
	Person    string `json:"person"`
	Name      string `json:"name" unit:"identity"` // what it is for, in the person's words
	Roles     []Role `json:"roles"`
	Approves  bool   `json:"approves"` // may use the person's right to approve
	CreatedAt int64  `json:"created_at"`
	ExpiresAt int64  `json:"expires_at"`
	RevokedAt int64  `json:"revoked_at"`
	RevokedBy string `json:"revoked_by"`
	UsedAt    int64  `json:"-"` // to the minute, 0: never
}

// SignIn is one session from its beginning to its end, or the failed attempts
// at one account within one minute.
type SignIn struct {
	ledger.Record
	Person   string `json:"person"` // "": accounts that do not exist
	At       int64  `json:"at"`     // of failures: the beginning of the minute
	Method   string `json:"method"` // "password", "password+code", "password+recovery", "link"
	Device   string `json:"device" unit:"identity"`
	EndedAt  int64  `json:"ended_at"`
	Ending   string `json:"ending"`   // "signed-out", "revoked", "expired", "displaced", "reset"
	Failures int64  `json:"failures"` // 0 for a session
	Refused  int64  `json:"refused"`  // failures that were not looked at, there being too many
}

// SessionInfo is a session as its person sees it in a list.
type SessionInfo struct {
	ID        string
	Device    string // "Firefox on Linux"
	StartedAt time.Time
	SeenAt    time.Time // to the minute
	ExpiresAt time.Time
	Strong    bool
}

// Client is where a sign-in comes from. The address is never stored in clear.
type Client struct {
	Address netip.Addr
	Agent   string // User-Agent
}

// Link is what a one-time code is for.
type Link struct {
	Purpose   string // LinkBootstrap, LinkInvitation, LinkReset, LinkSignIn
	Name      string // of the person, "" for the first administrator
	Email     string
	ExpiresAt time.Time // zero: when used
}

// The purposes of one-time codes.
const (
	LinkBootstrap  = "bootstrap"
	LinkInvitation = "invitation"
	LinkReset      = "reset"
	LinkSignIn     = "sign-in"
)

// Enrolment is a second factor that is not confirmed yet.
type Enrolment struct {
	Secret string // base32, to be typed where no camera is at hand
	URL    string // otpauth://
}

// Options of a Desk. Zero values are the defaults.
type Options struct {
	Idle        time.Duration // a session ends so long after its last use: 1 h
	Absolute    time.Duration // and so long after its beginning: 12 h
	SignInLinks bool          // one-time sign-in codes are given: the demonstration
}

// Desk looks after people. It is safe for concurrent use.
type Desk struct {
	ledger *ledger.Ledger
}

// New returns the desk of a ledger; keys hold the secret under which passwords
// and codes are hashed.
func New(ctx context.Context, l *ledger.Ledger, keys *keyring.Keyring, opt Options) (*Desk, error) {
	return &Desk{ledger: l}, nil
}

// Persons, Tokens and SignIns are the kinds of record of this package. Inside
// a Write, load with Persons.Load(ctx, tx, id).
var (
	Persons = ledger.Define("person", []string{"email_key", "roles", "active", "approver_since"}, func(p *Person, x ledger.Index) []any {
		return []any{x.Blind("person", p.Email), "", int64(0), p.ApproverSince}
	})
	Tokens = ledger.Define("token", []string{"person", "revoked_at"}, func(t *Token, _ ledger.Index) []any {
		return []any{t.Person, t.RevokedAt}
	})
	SignIns = ledger.Define("sign_in", []string{"person", "at", "failures"}, func(s *SignIn, _ ledger.Index) []any {
		return []any{s.Person, s.At, s.Failures}
	})
)

// Records returns the kinds of record of this package.
func Records() []ledger.Records { return []ledger.Records{Persons, Tokens, SignIns} }

var errUnwritten = fault.New(fault.Unavailable, "people: being written")
