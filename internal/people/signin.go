package people

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/ledger"
)

// errWrong says as little as can be: not what was wrong, nor whether there is
// such an account.
var errWrong = fault.New(fault.Denied, "the address, the password or the code is not right; the code is needed where a second factor was set up")

// byEmail returns the person with an address, if there is one.
func byEmail(ctx context.Context, s ledger.Source, x ledger.Index, email string) ([]*Person, error) {
	key := x.Blind("person", email)
	if key == "" {
		return nil, nil
	}
	return Persons.Select(ctx, s, `WHERE r.email_key = $1`, key)
}

// SignIn begins a session. code is of the second factor, or a recovery code; ""
// where the person has none. Whatever is wrong gives the same fault.Denied
// after the same work, and too many failures a fault.Unavailable that says how
// long to wait.
func (d *Desk) SignIn(ctx context.Context, email, password, code string, c Client) (cookie string, who *Identity, err error) {
	email = strings.ToLower(strings.TrimSpace(email))
	p := &Person{} // nobody
	found, err := byEmail(ctx, d.ledger, d.ledger.Index(), email)
	if err != nil {
		return "", nil, fmt.Errorf("sign in: %w", err)
	}
	if len(found) > 0 {
		p = found[0]
	}
	taken, err := d.reserve(ctx, p.ID, d.signInSlots(email, c.Address))
	if err != nil {
		return "", nil, err
	}
	factor, right, err := d.check(ctx, p, password, code)
	if err != nil {
		return "", nil, fmt.Errorf("sign in: %w", err)
	}
	if !right {
		return "", nil, cmp.Or(d.fail(ctx, p.ID), errWrong)
	}
	entering := &SignIn{Person: p.ID, Method: "password" + factor.method(), Device: device(c.Agent)}
	cookie, who, err = d.enter(ctx, p, entering, factor.given(), func(ctx context.Context, tx *ledger.Tx) error {
		if entry, err := personEntry(ctx, tx, p.ID); err != nil || entry != p.Entry {
			return cmp.Or(err, errMoved) // what was checked is no longer what counts
		}
		if err := factor.use(tx, p.ID); err != nil {
			return err
		}
		return succeed(tx, taken)
	})
	if errors.Is(err, errWrong) {
		return "", nil, cmp.Or(d.fail(ctx, p.ID), errWrong)
	}
	if err != nil {
		return "", nil, fmt.Errorf("sign in: %w", err)
	}
	return cookie, who, nil
}

// check compares all credentials of p before it says whether they are right.
func (d *Desk) check(ctx context.Context, p *Person, password, code string) (f factor, right bool, err error) {
	c, err := loadCredentials(ctx, d.ledger, p.ID)
	if err != nil {
		return f, false, err
	}
	right, err = d.matches(ctx, c.password, p.ID, password)
	if err != nil {
		return f, false, err
	}
	if p.TOTP {
		if f, err = d.secondFactor(p.ID, c, code); err != nil {
			return f, false, err
		}
		right = right && f.given()
	}
	return f, right && p.Active, nil
}

// NewSignInLink returns a one-time sign-in code for a person, valid for a day,
// where Options allow it.
func (d *Desk) NewSignInLink(ctx context.Context, person string) (code string, err error) {
	if !d.opt.SignInLinks {
		return "", fault.New(fault.Denied, "sign-in links are for the demonstration only")
	}
	code = newSecret()
	err = d.ledger.Write(ctx, ledger.System, func(ctx context.Context, tx *ledger.Tx) error {
		if p, err := Persons.Load(ctx, tx, person); err != nil || !p.Active {
			return cmp.Or(err, fault.New(fault.Conflict, "only who has an account can sign in"))
		}
		return d.giveLink(tx, code, LinkSignIn, person, signInTime)
	})
	if err != nil {
		return "", fmt.Errorf("make a sign-in link: %w", err)
	}
	return code, nil
}

// SignInLink begins a session with a one-time sign-in code.
func (d *Desk) SignInLink(ctx context.Context, code string, c Client) (cookie string, who *Identity, err error) {
	if !d.opt.SignInLinks {
		return "", nil, errLink
	}
	link, err := d.findLink(ctx, code, LinkSignIn)
	if err != nil {
		return "", nil, err
	}
	p, err := d.Find(ctx, link.person)
	if err != nil {
		return "", nil, err
	}
	entering := &SignIn{Person: p.ID, Method: "link", Device: device(c.Agent)}
	cookie, who, err = d.enter(ctx, p, entering, false, func(ctx context.Context, tx *ledger.Tx) error {
		if err := takeLink(tx, link); err != nil {
			return err
		}
		entry, err := personEntry(ctx, tx, p.ID)
		if err != nil || entry != p.Entry || !p.Active {
			return cmp.Or(err, errLink)
		}
		return nil
	})
	if err != nil {
		return "", nil, fmt.Errorf("sign in by link: %w", err)
	}
	return cookie, who, nil
}
