package people

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"example.org/countersign/internal/dbtest"
	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/ledger"
)

func TestRoles(t *testing.T) {
	for _, r := range Roles() {
		if got, err := ParseRole(string(r)); got != r || err != nil || r.Title() == string(r) || r.Description() == "" {
			t.Errorf("role %q: %q, %v, %q, %q", r, got, err, r.Title(), r.Description())
		}
		if i := (&Identity{Roles: []Role{r}}); Require(i, r) != nil || Require(i, Roles()...) != nil || Require(i) == nil {
			t.Errorf("Require goes wrong for %q", r)
		}
	}
	if Role("king").Title() != "king" || Role("king").Description() != "" || Role("king").Approves() || Admin.Approves() || !Lead.Approves() {
		t.Error("a role that is none has powers")
	}
	err := Require(&Identity{Roles: []Role{Staff}}, Lead, Legal)
	if _, msg := fault.Of(err); msg != "this needs the role Security lead or Legal and privacy" {
		t.Errorf("Require says %q", msg)
	}
	if err := Require(nil, Staff); err != ErrNotSignedIn {
		t.Errorf("nobody: %v", err)
	}
	for _, tt := range []struct {
		in, want []Role
	}{
		{[]Role{Admin, Analyst, Analyst}, []Role{Staff, Analyst, Admin}},
		{[]Role{Auditor, Auditor}, []Role{Auditor}},
		{[]Role{Staff}, []Role{Staff}},
		{[]Role{Auditor, Staff}, nil},
		{[]Role{""}, nil},
		{nil, nil},
	} {
		if got, err := normalise(tt.in); !slices.Equal(got, tt.want) || (err == nil) != (tt.want != nil) {
			t.Errorf("normalise(%v) = %v, %v", tt.in, got, err)
		}
	}
}

// TestNoPowerByOneself is the rule that administrators have no power over
// records: what one can give oneself is nothing.
func TestNoPowerByOneself(t *testing.T) {
	each(t, func(e *env) {
		ctx := e.t.Context()
		admin := e.founder()
		for _, r := range Roles() {
			if admin.Has(r) || r == Auditor {
				continue
			}
			e.fails(e.SetRoles(ctx, admin, admin.ID, []Role{Admin, r}), fault.Denied, "themselves")
		}
		e.fails(e.SetRoles(ctx, admin, admin.ID, []Role{Staff}), fault.Conflict, "last administrator")
		e.fails(e.Deactivate(ctx, admin, admin.ID), fault.Denied, "another administrator")
		e.fails(e.ConfirmApprover(ctx, admin, admin.ID), fault.Conflict, "does not wait")
		e.fails(e.MayApprove(ctx, e.Ledger, admin, Lead, Legal), fault.Denied, "Security lead")
		forged := as(e.find(admin.ID))
		forged.Roles = Roles()
		e.fails(e.MayApprove(ctx, e.Ledger, forged, Lead), fault.Denied, "no longer")

		// A puppet: invited by the administrator, who holds the link.
		lead := e.join(admin, "lea", Lead) // the first needs nobody
		e.ok(e.MayApprove(ctx, e.Ledger, lead, Lead))
		puppet := e.join(admin, "puppet", Staff)
		e.ok(e.SetRoles(ctx, admin, puppet.ID, []Role{Lead, Executive}))
		puppet = as(e.find(puppet.ID))
		e.fails(e.MayApprove(ctx, e.Ledger, puppet, Lead), fault.Denied, "suspended")
		e.fails(e.ConfirmApprover(ctx, puppet, puppet.ID), fault.Denied, "somebody else")
		e.fails(e.ConfirmApprover(ctx, admin, puppet.ID), fault.Denied, "you issued")

		// Another administrator may give what one cannot give oneself, but does
		// not confirm while there is a lead.
		second := e.join(admin, "sam", Admin)
		e.fails(e.ConfirmApprover(ctx, second, puppet.ID), fault.Denied, "Security lead")
		e.ok(e.ConfirmApprover(ctx, lead, puppet.ID))
		e.ok(e.MayApprove(ctx, e.Ledger, puppet, Executive))
		e.ok(e.SetRoles(ctx, second, admin.ID, []Role{Admin, Legal}))
		e.fails(e.SetRoles(ctx, puppet, second.ID, []Role{Staff}), fault.Denied, "Administrator")
	})
}

// TestFirstLead: the first needs nobody, however they became it, and it stays
// the first however it ends.
func TestFirstLead(t *testing.T) {
	each(t, func(e *env) {
		ctx := e.t.Context()
		admin := e.founder()
		bob := e.join(admin, "bob", Staff)
		e.ok(e.SetRoles(ctx, admin, bob.ID, []Role{Lead}))
		bob = as(e.find(bob.ID))
		e.ok(e.MayApprove(ctx, e.Ledger, bob, Lead))
		e.ok(e.Deactivate(ctx, admin, bob.ID))
		eve := e.join(admin, "eve", Lead)
		e.fails(e.MayApprove(ctx, e.Ledger, eve, Lead), fault.Denied, "suspended")
		code, err := e.Reinvite(ctx, admin, bob.ID)
		e.ok(err)
		_, err = e.Enrol(ctx, code, "", "", pass)
		e.ok(err)
		e.fails(e.MayApprove(ctx, e.Ledger, bob, Lead), fault.Denied, "suspended")
	})
}

func TestConfirmApprover(t *testing.T) {
	each(t, func(e *env) {
		ctx := e.t.Context()
		admin := e.founder()
		second := e.join(admin, "sam", Admin)
		lead := e.join(admin, "lea", Lead)
		e.ok(e.SetRoles(ctx, second, admin.ID, []Role{Admin, Lead}))
		both := as(e.find(admin.ID)) // an administrator who is a lead as well
		legal := e.join(both, "leo", Legal)

		e.fails(e.ConfirmApprover(ctx, both, legal.ID), fault.Denied, "you issued")
		e.fails(e.ConfirmApprover(ctx, legal, legal.ID), fault.Denied, "Security lead")
		e.fails(e.ConfirmApprover(ctx, second, legal.ID), fault.Denied, "Security lead")
		byToken := *lead
		byToken.Session, byToken.Token, byToken.Approves = "", "t", false
		e.fails(e.ConfirmApprover(ctx, &byToken, legal.ID), fault.Denied, "token")
		e.ok(e.ConfirmApprover(ctx, lead, legal.ID))
		e.fails(e.ConfirmApprover(ctx, lead, legal.ID), fault.Conflict, "does not wait")

		// Both resets are remembered: neither administrator confirms.
		_, err := e.ResetPassword(ctx, both, lead.ID)
		e.ok(err)
		_, err = e.ResetPassword(ctx, second, lead.ID)
		e.ok(err)
		e.fails(e.ConfirmApprover(ctx, lead, lead.ID), fault.Denied, "somebody else")
		e.fails(e.ConfirmApprover(ctx, both, lead.ID), fault.Denied, "you issued")
		e.fails(e.ConfirmApprover(ctx, second, lead.ID), fault.Denied, "you issued")
		// No lead is left who could: an administrator without a hand in it.
		third := e.join(second, "tim", Admin)
		byToken = *third
		byToken.Session, byToken.Token, byToken.Approves = "", "t", false
		e.fails(e.ConfirmApprover(ctx, &byToken, lead.ID), fault.Denied, "token")
		e.ok(e.ConfirmApprover(ctx, third, lead.ID))
		e.ok(e.MayApprove(ctx, e.Ledger, lead, Lead))
	})
}

// TestApproveAgainstReset: what MayApprove says inside a Write holds for what
// the Write does.
func TestApproveAgainstReset(t *testing.T) {
	each(t, func(e *env) {
		ctx := e.t.Context()
		admin := e.founder()
		lead := e.join(admin, "lea", Lead)
		var allowedAt int64 // the last entry before a Write that was let through
		done := make(chan struct{})
		go func() {
			defer close(done)
			for {
				err := e.Write(ctx, lead.Actor(Lead), func(ctx context.Context, tx *ledger.Tx) error {
					if err := e.MayApprove(ctx, tx, lead, Lead); err != nil {
						return err
					}
					_, err := tx.One(ctx, `SELECT size FROM ledger_head`, nil, &allowedAt)
					return err
				})
				if err != nil {
					return
				}
			}
		}()
		_, err := e.ResetPassword(ctx, admin, lead.ID)
		e.ok(err)
		<-done
		if reset := e.find(lead.ID).Entry; allowedAt > reset {
			e.t.Errorf("let through at size %d, after the reset at %d", allowedAt, reset)
		}
	})
}

// TestLastAdministrator: of two who take each other's role away, or access, one
// remains.
func TestLastAdministrator(t *testing.T) {
	each(t, func(e *env) {
		ctx := e.t.Context()
		first := e.founder()
		second := e.join(first, "sam", Admin)
		pair := []*Identity{first, second}
		won := together(8, func(i int) error {
			if i%4 < 2 {
				return e.SetRoles(ctx, pair[i%2], pair[1-i%2].ID, []Role{Staff})
			}
			if i >= 4 {
				return e.SetRoles(ctx, pair[i%2], pair[i%2].ID, []Role{Staff})
			}
			return e.Deactivate(ctx, pair[i%2], pair[1-i%2].ID)
		})
		ids, err := holders(ctx, e.Ledger, Admin, false)
		e.ok(err)
		if len(ids) != 1 {
			e.t.Errorf("%d acts succeeded, %d administrators remain", won, len(ids))
		}
	})
}

func TestDeactivate(t *testing.T) {
	each(t, func(e *env) {
		ctx := e.t.Context()
		admin := e.founder()
		bob := e.join(admin, "bob", Analyst)
		cookie, who := e.signIn(bob.ID)
		secret, _, err := e.NewToken(ctx, who, "ci", []Role{Analyst}, dbtest.Start.Add(time.Hour), false)
		e.ok(err)
		link, err := e.NewSignInLink(ctx, bob.ID)
		e.ok(err)
		e.fails(e.Deactivate(ctx, bob, admin.ID), fault.Denied, "Administrator")
		e.ok(e.Deactivate(ctx, admin, bob.ID))
		if p := e.find(bob.ID); p.State() != "deactivated" || !p.Has(Analyst) {
			e.t.Errorf("deactivated %+v", p)
		}
		_, err = e.Session(ctx, cookie)
		e.fails(err, fault.Denied, "sign in first")
		_, err = e.Token(ctx, secret)
		e.fails(err, fault.Denied, "sign in first")
		_, _, err = e.SignInLink(ctx, link, office)
		e.fails(err, fault.NotFound, "another")
		_, err = e.NewSignInLink(ctx, bob.ID)
		e.fails(err, fault.Conflict, "account")
		_, _, err = e.SignIn(ctx, "bob@example.org", pass, "", office)
		e.fails(err, fault.Denied, "not right")
		_, err = e.ResetPassword(ctx, admin, bob.ID)
		e.fails(err, fault.Conflict, "invitation")
		e.fails(e.MayApprove(ctx, e.Ledger, bob, Analyst), fault.Denied, "no longer")

		code, err := e.Reinvite(ctx, admin, bob.ID)
		e.ok(err)
		_, err = e.Enrol(ctx, code, "", "", pass)
		e.ok(err)
		_, _, err = e.SignIn(ctx, "bob@example.org", pass, "", office)
		e.ok(err)
		for _, act := range []func(string) error{
			func(id string) error { return e.Deactivate(ctx, admin, id) },
			func(id string) error { return e.SetRoles(ctx, admin, id, []Role{Staff}) },
			func(id string) error { _, err := e.ResetPassword(ctx, admin, id); return err },
			func(id string) error { return e.ResetTOTP(ctx, admin, id) },
			func(id string) error { return e.ConfirmApprover(ctx, admin, id) },
			func(id string) error { return e.Rename(ctx, admin, id, "X", "x@example.org") },
			func(id string) error { _, err := e.Reinvite(ctx, admin, id); return err },
		} {
			for _, id := range []string{"", "nobody", "'"} {
				e.fails(act(id), fault.NotFound, "no such person")
			}
		}
	})
}

func TestList(t *testing.T) {
	each(t, func(e *env) {
		admin := e.founder()
		for _, name := range []string{"zoe", "Ben", "ann"} {
			_, _, err := e.Invite(e.t.Context(), admin, name, name+"@example.org", []Role{Staff})
			e.ok(err)
		}
		all, err := e.List(e.t.Context())
		e.ok(err)
		var names []string
		for _, p := range all {
			names = append(names, p.Name)
		}
		if fmt.Sprint(names) != "[Ada Root ann Ben zoe]" {
			e.t.Errorf("listed %v", names)
		}
	})
}
