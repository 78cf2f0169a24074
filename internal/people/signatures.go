package people

import (
	"context"
	"time"

	"example.org/countersign/internal/ledger"
)

// Bootstrap returns the one-time code with which the first administrator
// enrols, "" once there is a person. It is the same at every start.
func (d *Desk) Bootstrap(ctx context.Context) (code string, err error) { return "", errUnwritten }

// Link returns what a one-time code is for, NotFound where it is used or over.
func (d *Desk) Link(ctx context.Context, code string) (*Link, error) { return nil, errUnwritten }

// Invite registers a person with roles and returns the invitation's code.
func (d *Desk) Invite(ctx context.Context, admin *Identity, name, email string, roles []Role) (code string, p *Person, err error) {
	return "", nil, errUnwritten
}

// Reinvite gives a person who has not enrolled, or was deactivated, a new code.
func (d *Desk) Reinvite(ctx context.Context, admin *Identity, person string) (code string, err error) {
	return "", errUnwritten
}

// Enrol uses a bootstrap or invitation code.
func (d *Desk) Enrol(ctx context.Context, code, name, email, password string) (*Person, error) {
	return nil, errUnwritten
}

// ResetPassword voids a person's password, sessions and tokens, suspends the
// right to approve, and returns the code with which the person sets another.
func (d *Desk) ResetPassword(ctx context.Context, admin *Identity, person string) (code string, err error) {
	return "", errUnwritten
}

// Recover uses a reset code to set a new password.
func (d *Desk) Recover(ctx context.Context, code, password string) error { return errUnwritten }

// ChangePassword sets a new password and ends the person's other sessions.
func (d *Desk) ChangePassword(ctx context.Context, who *Identity, old, new string) error {
	return errUnwritten
}

// EnrolTOTP begins a second factor; ConfirmTOTP makes it count.
func (d *Desk) EnrolTOTP(ctx context.Context, who *Identity) (*Enrolment, error) {
	return nil, errUnwritten
}

// QR returns the URL as a QR code in SVG.
func (e *Enrolment) QR() ([]byte, error) { return nil, errUnwritten }

// ConfirmTOTP returns the recovery codes, shown once.
func (d *Desk) ConfirmTOTP(ctx context.Context, who *Identity, code string) (recovery []string, err error) {
	return nil, errUnwritten
}

// RemoveTOTP takes the second factor away, given a code of it.
func (d *Desk) RemoveTOTP(ctx context.Context, who *Identity, code string) error { return errUnwritten }

// ResetTOTP takes the second factor of another away, as ResetPassword does.
func (d *Desk) ResetTOTP(ctx context.Context, admin *Identity, person string) error {
	return errUnwritten
}

// SetRoles gives another person roles. Nobody gives themselves a role.
func (d *Desk) SetRoles(ctx context.Context, admin *Identity, person string, roles []Role) error {
	return errUnwritten
}

// Deactivate ends a person's access.
func (d *Desk) Deactivate(ctx context.Context, admin *Identity, person string) error {
	return errUnwritten
}

// ConfirmApprover lifts the suspension of a person's right to approve.
func (d *Desk) ConfirmApprover(ctx context.Context, who *Identity, person string) error {
	return errUnwritten
}

// MayApprove returns nil where who may use a right to approve now, under one
// of the roles, else a fault.Denied. Inside a Write, src is its Tx.
func (d *Desk) MayApprove(ctx context.Context, src ledger.Source, who *Identity, roles ...Role) error {
	return errUnwritten
}

// SignIn begins a session. code is of the second factor or a recovery code, ""
// where the person has none.
func (d *Desk) SignIn(ctx context.Context, email, password, code string, c Client) (cookie string, who *Identity, err error) {
	return "", nil, errUnwritten
}

// NewSignInLink returns a one-time sign-in code, where Options allow it.
func (d *Desk) NewSignInLink(ctx context.Context, person string) (code string, err error) {
	return "", errUnwritten
}

// SignInLink begins a session with a one-time sign-in code.
func (d *Desk) SignInLink(ctx context.Context, code string, c Client) (cookie string, who *Identity, err error) {
	return "", nil, errUnwritten
}

// Session returns who the cookie's session is of, ErrNotSignedIn where there
// is none.
func (d *Desk) Session(ctx context.Context, cookie string) (*Identity, error) {
	return nil, errUnwritten
}

// Sessions returns the open sessions of a person, the last used first.
func (d *Desk) Sessions(ctx context.Context, person string) ([]SessionInfo, error) {
	return nil, errUnwritten
}

// Revoke ends a session of who's own or, for an administrator, of anybody.
func (d *Desk) Revoke(ctx context.Context, who *Identity, session string) error { return errUnwritten }

// SignOut ends the cookie's session.
func (d *Desk) SignOut(ctx context.Context, cookie string) error { return errUnwritten }

// NewToken makes a token of who, who must have a session.
func (d *Desk) NewToken(ctx context.Context, who *Identity, name string, roles []Role, expires time.Time, approves bool) (secret string, t *Token, err error) {
	return "", nil, errUnwritten
}

// Token returns who the token with this secret acts as, else ErrNotSignedIn.
func (d *Desk) Token(ctx context.Context, secret string) (*Identity, error) { return nil, errUnwritten }

// ListTokens returns the tokens of a person, the newest first.
func (d *Desk) ListTokens(ctx context.Context, person string) ([]*Token, error) {
	return nil, errUnwritten
}

// RevokeToken ends a token of who's own or, for an administrator, of anybody.
func (d *Desk) RevokeToken(ctx context.Context, who *Identity, token string) error {
	return errUnwritten
}

// List returns everybody by name.
func (d *Desk) List(ctx context.Context) ([]*Person, error) { return nil, errUnwritten }

// Find returns the person with this id, NotFound where there is none.
func (d *Desk) Find(ctx context.Context, id string) (*Person, error) { return nil, errUnwritten }

// Name returns the name to show for the actor of an entry.
func (d *Desk) Name(ctx context.Context, actor string) string { return actor }

// SignIns returns the newest sign-ins and failures of a person.
func (d *Desk) SignIns(ctx context.Context, person string, limit int) ([]*SignIn, error) {
	return nil, errUnwritten
}

// Sweep seals the failures of past minutes and ends what is over. It is to be
// called once a minute.
func (d *Desk) Sweep(ctx context.Context) error { return errUnwritten }
