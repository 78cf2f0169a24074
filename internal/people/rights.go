package people

import (
	"context"
	"fmt"
	"slices"

	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/ledger"
)

// SetRoles gives a person exactly these roles (CC6.3). Nobody gives a role to
// themselves; giving one up is allowed, but for the last administrator.
func (d *Desk) SetRoles(ctx context.Context, admin *Identity, person string, roles []Role) error {
	roles, err := normalise(roles)
	if err != nil {
		return err
	}
	return d.manage(ctx, admin, person, "roles-changed", "CC6.3", func(ctx context.Context, tx *ledger.Tx, p *Person) error {
		if slices.Equal(roles, p.Roles) {
			return errUnchanged
		}
		for _, r := range roles {
			if p.ID == admin.ID && !p.Has(r) {
				return fault.New(fault.Denied, "nobody gives a role to themselves: another administrator has to give you the role %s", r.Title())
			}
		}
		if p.ID == admin.ID && !slices.Contains(roles, Admin) {
			if ids, err := holders(ctx, tx, Admin, false); err != nil {
				return err
			} else if len(ids) < 2 {
				return fault.New(fault.Conflict, "you are the last administrator; give somebody else the role first")
			}
		}
		p.Roles = roles
		return firstLead(ctx, tx, p)
	})
}

// firstLead confirms the first lead of an installation, whom nobody can.
func firstLead(ctx context.Context, tx *ledger.Tx, p *Person) error {
	if !p.Active || !p.Has(Lead) {
		return nil
	}
	there, err := anyApprover(ctx, tx)
	if err == nil && !there {
		p.confirm(tx.Now.UnixMicro())
	}
	return err
}

// Rename changes the name and the address under which a person signs in: their
// own or, for an administrator, anybody's.
func (d *Desk) Rename(ctx context.Context, who *Identity, person, name, email string) error {
	name, err := canonicalName(name)
	if err != nil {
		return err
	}
	if email, err = canonicalEmail(email); err != nil {
		return err
	}
	rename := func(ctx context.Context, tx *ledger.Tx, p *Person) error {
		if p.Name == name && p.Email == email {
			return errUnchanged
		}
		p.Name, p.Email = name, email
		return d.addressIsFree(ctx, tx, p)
	}
	if who != nil && who.ID == person {
		if err := inSession(who); err != nil {
			return err
		}
		return d.change(ctx, who.self(), person, "renamed", "CC6.2", rename)
	}
	return d.manage(ctx, who, person, "renamed", "CC6.2", rename)
}

// Deactivate ends a person's access (CC6.2): password, second factor, sessions,
// tokens and links. What they did stays theirs, and their roles are kept for
// the record.
func (d *Desk) Deactivate(ctx context.Context, admin *Identity, person string) error {
	return d.manage(ctx, admin, person, "deactivated", "CC6.2", func(ctx context.Context, tx *ledger.Tx, p *Person) error {
		if p.ID == admin.ID {
			return fault.New(fault.Denied, "another administrator has to deactivate your account")
		}
		if p.DeactivatedAt != 0 {
			return errUnchanged
		}
		p.Active, p.TOTP, p.DeactivatedAt = false, false, tx.Now.UnixMicro()
		if err := deletePassword(tx, p.ID); err != nil {
			return err
		}
		if err := deleteTOTP(tx, p.ID); err != nil {
			return err
		}
		if err := deleteLinks(tx, p.ID); err != nil {
			return err
		}
		return endAccess(ctx, tx, p.ID, admin.ID, "revoked")
	})
}

// endAccess ends all sessions and tokens of a person.
func endAccess(ctx context.Context, tx *ledger.Tx, person, by, ending string) error {
	if err := endSessions(ctx, tx, person, ending, ""); err != nil {
		return err
	}
	tokens, err := Tokens.Select(ctx, tx, `WHERE r.person = $1 AND r.revoked_at = 0`, person)
	if err != nil {
		return err
	}
	for _, t := range tokens {
		if err := endToken(tx, t, by, "revoked"); err != nil {
			return err
		}
	}
	return nil
}

// ConfirmApprover lifts the suspension of a person's right to approve: somebody
// has made sure that it is them who holds the credentials that an administrator
// issued. The package comment says who may.
func (d *Desk) ConfirmApprover(ctx context.Context, who *Identity, person string) error {
	if err := Require(who, Lead, Admin); err != nil {
		return err
	}
	as := Lead
	if who.Has(Admin) && d.MayApprove(ctx, d.ledger, who, Lead) != nil {
		as = Admin
	}
	return d.change(ctx, who.Actor(as), person, "approver-confirmed", "CC6.3", func(ctx context.Context, tx *ledger.Tx, p *Person) error {
		switch {
		case !p.Active || !p.ApprovalSuspended:
			return fault.New(fault.Conflict, "the right to approve of %s does not wait for a confirmation", p.Name)
		case who.ID == p.ID:
			return fault.New(fault.Denied, "somebody else has to confirm that it is you")
		case slices.Contains(p.SuspendedBy, who.ID):
			return fault.New(fault.Denied, "you issued the credentials of %s; somebody else has to confirm who holds them", p.Name)
		}
		if as == Lead {
			if err := d.MayApprove(ctx, tx, who, Lead); err != nil {
				return err
			}
		} else if err := standsIn(ctx, tx, who, p); err != nil {
			return err
		}
		p.confirm(tx.Now.UnixMicro())
		return nil
	})
}

// standsIn lets an administrator confirm p where no lead is left who could.
func standsIn(ctx context.Context, tx *ledger.Tx, who *Identity, p *Person) error {
	if !who.Approves {
		return errTokenApproves
	}
	leads, err := holders(ctx, tx, Lead, true)
	if err != nil {
		return err
	}
	for _, l := range leads {
		if l != p.ID && !slices.Contains(p.SuspendedBy, l) {
			return fault.New(fault.Denied, "this needs the role %s", Lead.Title())
		}
	}
	return stands(ctx, tx, who, Admin)
}

var errTokenApproves = fault.New(fault.Denied, "this token was not made for approvals; sign in, or make one that is")

// MayApprove returns nil where who may use a right to approve now, under one of
// the roles, else a fault.Denied that says why not (CC6.3). It looks at the
// person as they are, not as they were when the request began: inside a Write,
// src is its Tx.
func (d *Desk) MayApprove(ctx context.Context, src ledger.Source, who *Identity, roles ...Role) error {
	if err := Require(who, roles...); err != nil {
		return err
	}
	if !who.Approves {
		return errTokenApproves
	}
	p, err := Persons.Load(ctx, src, who.ID)
	switch {
	case err != nil:
		return fmt.Errorf("look up who approves: %w", err)
	case !p.Active || !slices.ContainsFunc(roles, func(r Role) bool { return p.Has(r) && who.Has(r) }):
		return fault.New(fault.Denied, "this needs the role %s, which you no longer have", titles(roles))
	case p.ApprovalSuspended:
		return fault.New(fault.Denied, "your right to approve is suspended, because an administrator issued your credentials: ask a lead to confirm that it is you")
	}
	return nil
}
