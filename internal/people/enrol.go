package people

import (
	"cmp"
	"context"
	"crypto/subtle"
	"fmt"
	"slices"
	"strconv"
	"time"

	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/id"
	"example.org/countersign/internal/ledger"
)

// How long one-time codes are valid.
const (
	invitationTime = 7 * 24 * time.Hour
	resetTime      = 24 * time.Hour
	signInTime     = 24 * time.Hour
)

// The purposes of one-time codes.
const (
	LinkBootstrap  = "bootstrap"
	LinkInvitation = "invitation"
	LinkReset      = "reset"
	LinkSignIn     = "sign-in"
)

// Link is what a one-time code is for.
type Link struct {
	Purpose   string // LinkBootstrap, LinkInvitation, LinkReset, LinkSignIn
	Name      string // of the person, "" for the first administrator
	Email     string
	ExpiresAt time.Time // zero: when used
}

var errLink = fault.New(fault.NotFound, "this link was used already or is over; ask an administrator for another")

// Bootstrap returns the one-time code with which the first administrator
// enrols, "" once there is a person. It is the same at every start, so that a
// link that was printed once stays valid until it is used.
func (d *Desk) Bootstrap(ctx context.Context) (code string, err error) {
	there, err := anybody(ctx, d.ledger)
	if err != nil || there {
		return "", err
	}
	return d.vault.derived(LinkBootstrap), nil
}

func (d *Desk) isBootstrap(code string) bool {
	return subtle.ConstantTimeCompare([]byte(code), []byte(d.vault.derived(LinkBootstrap))) == 1
}

// Link returns what a one-time code is for, NotFound where it was used or is
// over.
func (d *Desk) Link(ctx context.Context, code string) (*Link, error) {
	if d.isBootstrap(code) {
		if there, err := anybody(ctx, d.ledger); err != nil || there {
			return nil, cmp.Or(err, errLink)
		}
		return &Link{Purpose: LinkBootstrap}, nil
	}
	row, err := d.findLink(ctx, code)
	if err != nil {
		return nil, err
	}
	p, err := d.Find(ctx, row.person)
	if err != nil {
		return nil, err
	}
	return &Link{row.purpose, p.Name, p.Email, time.UnixMicro(row.expiresAt).UTC()}, nil
}

// findLink returns the row of a code that may be used.
func (d *Desk) findLink(ctx context.Context, code string, purposes ...string) (linkRow, error) {
	row, found, err := loadLink(ctx, d.ledger, d.vault.lookup("link", code))
	if err != nil {
		return row, fmt.Errorf("find link: %w", err)
	}
	if !found || !d.vault.proves(row.proof, "link", code, row.purpose, row.person, strconv.FormatInt(row.expiresAt, 10)) ||
		row.expiresAt <= d.ledger.Now().UnixMicro() {
		return row, errLink
	}
	if len(purposes) > 0 && !slices.Contains(purposes, row.purpose) {
		return row, errLink
	}
	return row, nil
}

// giveLink keeps a new code in place of the person's earlier ones.
func (d *Desk) giveLink(tx *ledger.Tx, code, purpose, person string, lasts time.Duration) error {
	if err := deleteLinks(tx, person); err != nil {
		return err
	}
	expires := tx.Now.Add(lasts).UnixMicro()
	return saveLink(tx, linkRow{d.vault.lookup("link", code), purpose, person,
		d.vault.proof("link", code, purpose, person, strconv.FormatInt(expires, 10)), expires})
}

// takeLink uses a code up: of two who come with one code, one goes away.
func takeLink(tx *ledger.Tx, row linkRow) error {
	if there, err := useLink(tx, row.lookup); err != nil || !there {
		return cmp.Or(err, errLink)
	}
	if row.expiresAt <= tx.Now.UnixMicro() {
		return errLink
	}
	return nil
}

// Invite registers a person with roles, before there are any credentials
// (CC6.2), and returns the code of the invitation, valid for a week.
func (d *Desk) Invite(ctx context.Context, admin *Identity, name, email string, roles []Role) (code string, p *Person, err error) {
	if err := Require(admin, Admin); err != nil {
		return "", nil, err
	}
	p = &Person{Record: ledger.Record{ID: id.New()}}
	if p.Name, err = canonicalName(name); err != nil {
		return "", nil, err
	}
	if p.Email, err = canonicalEmail(email); err != nil {
		return "", nil, err
	}
	if p.Roles, err = normalise(roles); err != nil {
		return "", nil, err
	}
	p.suspend(admin.ID)
	code = newSecret()
	err = d.ledger.Write(ctx, admin.Actor(Admin), func(ctx context.Context, tx *ledger.Tx) error {
		if err := stands(ctx, tx, admin, Admin); err != nil {
			return err
		}
		if err := d.addressIsFree(ctx, tx, p); err != nil {
			return err
		}
		p.CreatedAt = tx.Now.UnixMicro()
		if err := d.giveLink(tx, code, LinkInvitation, p.ID, invitationTime); err != nil {
			return err
		}
		return d.put(tx, p, "invited", "CC6.2")
	})
	if err != nil {
		return "", nil, fmt.Errorf("invite: %w", err)
	}
	return code, p, nil
}

// addressIsFree refuses an address that somebody else has.
func (d *Desk) addressIsFree(ctx context.Context, tx *ledger.Tx, p *Person) error {
	others, err := byEmail(ctx, tx, d.ledger.Index(), p.Email)
	if err == nil && len(others) > 0 && others[0].ID != p.ID {
		err = fault.New(fault.Conflict, "there is a person with the address %s already", p.Email)
	}
	return err
}

// Reinvite gives a person who has not enrolled, or was deactivated, a new code
// in place of the earlier one.
func (d *Desk) Reinvite(ctx context.Context, admin *Identity, person string) (code string, err error) {
	code = newSecret()
	err = d.manage(ctx, admin, person, "invited", "CC6.2", func(_ context.Context, tx *ledger.Tx, p *Person) error {
		if p.Active {
			return fault.New(fault.Conflict, "%s has an account already; reset the password where it is lost", p.Name)
		}
		p.EnrolledAt, p.DeactivatedAt = 0, 0
		p.suspend(admin.ID)
		return d.giveLink(tx, code, LinkInvitation, p.ID, invitationTime)
	})
	if err != nil {
		return "", err
	}
	return code, nil
}

// Enrol uses a code of Bootstrap or of an invitation, once: the person exists
// with this password, and may sign in. An invited person may correct their
// name; email is theirs or "".
func (d *Desk) Enrol(ctx context.Context, code, name, email, password string) (*Person, error) {
	link, p, err := d.enrolling(ctx, code, name, email)
	if err != nil {
		return nil, err
	}
	if err := acceptable(password, p.Name, p.Email); err != nil {
		return nil, err
	}
	hash, err := d.newPassword(ctx, p.ID, password)
	if err != nil {
		return nil, err
	}
	err = d.ledger.Write(ctx, p.actor(), func(ctx context.Context, tx *ledger.Tx) error {
		if link == nil {
			if there, err := anybody(ctx, tx); err != nil || there {
				return cmp.Or(err, errLink)
			}
			p.CreatedAt = tx.Now.UnixMicro()
		} else if err := takeLink(tx, *link); err != nil {
			return err
		}
		p.Active, p.EnrolledAt = true, tx.Now.UnixMicro()
		if err := firstLead(ctx, tx, p); err != nil {
			return err
		}
		if err := savePassword(tx, p.ID, hash); err != nil {
			return err
		}
		return d.put(tx, p, "enrolled", "CC6.2")
	})
	if err != nil {
		return nil, fmt.Errorf("enrol: %w", err)
	}
	return p, nil
}

// enrolling returns who a code enrols, and the link, nil for the first
// administrator.
func (d *Desk) enrolling(ctx context.Context, code, name, email string) (*linkRow, *Person, error) {
	var link *linkRow
	p := &Person{Record: ledger.Record{ID: id.New()}, Roles: []Role{Staff, Admin}}
	if !d.isBootstrap(code) {
		row, err := d.findLink(ctx, code, LinkInvitation)
		if err != nil {
			return nil, nil, err
		}
		if p, err = d.Find(ctx, row.person); err != nil {
			return nil, nil, err
		}
		link, name, email = &row, cmp.Or(name, p.Name), cmp.Or(email, p.Email)
	}
	var err error
	if p.Name, err = canonicalName(name); err != nil {
		return nil, nil, err
	}
	if email, err = canonicalEmail(email); err != nil {
		return nil, nil, err
	}
	if link != nil && email != p.Email {
		return nil, nil, fault.New(fault.Invalid, "the invitation is for %s; ask an administrator to change the address", p.Email)
	}
	p.Email = email
	return link, p, nil
}

// ResetPassword voids a person's password, sessions and tokens, suspends their
// right to approve, and returns the code with which they choose a password, for
// a day. The second factor stays: the code alone does not sign anybody in.
func (d *Desk) ResetPassword(ctx context.Context, admin *Identity, person string) (code string, err error) {
	code = newSecret()
	err = d.manage(ctx, admin, person, "password-reset", "CC6.1", func(ctx context.Context, tx *ledger.Tx, p *Person) error {
		if err := resettable(admin, p); err != nil {
			return err
		}
		p.suspend(admin.ID)
		if err := deletePassword(tx, p.ID); err != nil {
			return err
		}
		if err := endAccess(ctx, tx, p.ID, admin.ID, "reset"); err != nil {
			return err
		}
		return d.giveLink(tx, code, LinkReset, p.ID, resetTime)
	})
	if err != nil {
		return "", err
	}
	return code, nil
}

// ResetTOTP takes away the second factor that a person has lost, and does else
// what ResetPassword does, but for the password.
func (d *Desk) ResetTOTP(ctx context.Context, admin *Identity, person string) error {
	return d.manage(ctx, admin, person, "second-factor-reset", "CC6.1", func(ctx context.Context, tx *ledger.Tx, p *Person) error {
		if err := resettable(admin, p); err != nil {
			return err
		}
		if !p.TOTP {
			return fault.New(fault.Conflict, "%s has no second factor", p.Name)
		}
		p.TOTP = false
		p.suspend(admin.ID)
		if err := deleteTOTP(tx, p.ID); err != nil {
			return err
		}
		return endAccess(ctx, tx, p.ID, admin.ID, "reset")
	})
}

func resettable(admin *Identity, p *Person) error {
	if p.ID == admin.ID {
		return fault.New(fault.Denied, "another administrator has to reset your account; you can change it yourself while you are signed in")
	}
	if !p.Active {
		return fault.New(fault.Conflict, "%s has no account to reset; send an invitation", p.Name)
	}
	return nil
}

// Recover uses a code of ResetPassword, once, to choose a new password.
func (d *Desk) Recover(ctx context.Context, code, password string) error {
	link, err := d.findLink(ctx, code, LinkReset)
	if err != nil {
		return err
	}
	p, err := d.Find(ctx, link.person)
	if err != nil {
		return err
	}
	if err := acceptable(password, p.Name, p.Email); err != nil {
		return err
	}
	hash, err := d.newPassword(ctx, p.ID, password)
	if err != nil {
		return err
	}
	return d.change(ctx, p.actor(), p.ID, "password-changed", "CC6.1", func(_ context.Context, tx *ledger.Tx, p *Person) error {
		if err := takeLink(tx, link); err != nil {
			return err
		}
		return savePassword(tx, p.ID, hash)
	})
}

// ChangePassword sets a new password and ends the person's other sessions.
func (d *Desk) ChangePassword(ctx context.Context, who *Identity, old, new string) error {
	if err := inSession(who); err != nil {
		return err
	}
	if err := acceptable(new, who.Name, who.Email); err != nil {
		return err
	}
	taken, err := d.provePassword(ctx, who.ID, old)
	if err != nil {
		return err
	}
	hash, err := d.newPassword(ctx, who.ID, new)
	if err != nil {
		return err
	}
	return d.changeOwn(ctx, who, "password-changed", func(ctx context.Context, tx *ledger.Tx, p *Person) error {
		if err := succeed(tx, taken); err != nil {
			return err
		}
		if err := endSessions(ctx, tx, p.ID, "revoked", who.Session); err != nil {
			return err
		}
		return savePassword(tx, p.ID, hash)
	})
}

// errMoved is for a credential that was checked and changed meanwhile.
var errMoved = fault.New(fault.Conflict, "the account was changed at this very moment; try again")

// provePassword checks the password of somebody who is signed in, and returns
// the slots to give back.
func (d *Desk) provePassword(ctx context.Context, person, text string) ([]slot, error) {
	taken, err := d.reserve(ctx, person, d.ownSlots(person))
	if err != nil {
		return nil, err
	}
	c, err := loadCredentials(ctx, d.ledger, person)
	if err != nil {
		return nil, err
	}
	right, err := d.matches(ctx, c.password, person, text)
	if err != nil {
		return nil, err
	}
	if !right {
		return nil, cmp.Or(d.fail(ctx, person), fault.New(fault.Denied, "the present password is not right"))
	}
	return taken, nil
}
