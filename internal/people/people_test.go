package people

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/pquerna/otp/totp"

	"example.org/countersign/internal/criteria"
	"example.org/countersign/internal/db"
	"example.org/countersign/internal/dbtest"
	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/verify/format"
)

const pass = "orange kettle under snow"

var office = Client{Address: netip.MustParseAddr("192.0.2.7"), Agent: "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"}

// env is an installation with people in it.
type env struct {
	*dbtest.Env
	*Desk
	t *testing.T
}

func each(t *testing.T, f func(e *env)) {
	t.Helper()
	dbtest.Each(t, Records(), nil, func(t *testing.T, e *dbtest.Env) {
		d, err := New(t.Context(), e.Ledger, e.Keys, Options{SignInLinks: true})
		if err != nil {
			t.Fatal(err)
		}
		f(&env{e, d, t})
	})
}

func (e *env) ok(err error) {
	e.t.Helper()
	if err != nil {
		e.t.Fatal(err)
	}
}

// fails demands an error of a kind that says something.
func (e *env) fails(err error, k fault.Kind, says string) {
	e.t.Helper()
	if got, msg := fault.Of(err); err == nil || got != k || !strings.Contains(msg, says) {
		e.t.Errorf("got error %v (kind %d), want kind %d saying %q", err, got, k, says)
	}
}

// founder enrols the first administrator.
func (e *env) founder() *Identity {
	e.t.Helper()
	code, err := e.Bootstrap(e.t.Context())
	e.ok(err)
	p, err := e.Enrol(e.t.Context(), code, "Ada Root", "ada@example.org", pass)
	e.ok(err)
	return as(p)
}

// as is a person in a session, as Session would return them.
func as(p *Person) *Identity {
	return &Identity{ID: p.ID, Name: p.Name, Email: p.Email, Roles: slices.Clone(p.Roles), Session: "a-session", Approves: true}
}

// join invites a person and enrols them: address name@example.org, password pass.
func (e *env) join(admin *Identity, name string, roles ...Role) *Identity {
	e.t.Helper()
	code, _, err := e.Invite(e.t.Context(), admin, name, name+"@example.org", roles)
	e.ok(err)
	p, err := e.Enrol(e.t.Context(), code, "", "", pass)
	e.ok(err)
	return as(p)
}

func (e *env) find(id string) *Person {
	e.t.Helper()
	p, err := e.Find(e.t.Context(), id)
	e.ok(err)
	return p
}

// signIn signs in by link, which costs no hashing.
func (e *env) signIn(id string) (cookie string, who *Identity) {
	e.t.Helper()
	code, err := e.NewSignInLink(e.t.Context(), id)
	e.ok(err)
	cookie, who, err = e.SignInLink(e.t.Context(), code, office)
	e.ok(err)
	return cookie, who
}

// entries returns all entries.
func (e *env) entries() (out []format.Entry) {
	e.t.Helper()
	e.ok(e.Ledger.Each(e.t.Context(), func(scan db.Scan) error {
		var body []byte
		if err := scan(&body); err != nil {
			return err
		}
		entry, err := format.ParseEntry(body)
		out = append(out, entry)
		return err
	}, `SELECT body FROM ledger_entry ORDER BY idx`))
	return out
}

// together runs f n times at once and returns how often it succeeded.
func together(n int, f func(i int) error) int {
	var wg sync.WaitGroup
	var won atomic.Int64
	for i := range n {
		wg.Go(func() {
			if f(i) == nil {
				won.Add(1)
			}
		})
	}
	wg.Wait()
	return int(won.Load())
}

func TestBootstrap(t *testing.T) {
	each(t, func(e *env) {
		ctx := e.t.Context()
		code, err := e.Bootstrap(ctx)
		e.ok(err)
		if again, _ := e.Bootstrap(ctx); code == "" || again != code {
			e.t.Errorf("second start gives %q, want the same code %q", again, code)
		}
		if link, err := e.Link(ctx, code); err != nil || link.Purpose != LinkBootstrap {
			e.t.Errorf("link is %+v, %v", link, err)
		}
		_, err = e.Enrol(ctx, newSecret(), "Eve", "eve@example.org", pass)
		e.fails(err, fault.NotFound, "another")
		_, err = e.Enrol(ctx, code, "Ada", "ada@example.org", "short")
		e.fails(err, fault.Invalid, "12 characters")

		if won := together(4, func(i int) error {
			_, err := e.Enrol(ctx, code, "Ada", fmt.Sprintf("ada%d@example.org", i), pass)
			return err
		}); won != 1 {
			e.t.Errorf("%d people became the first administrator", won)
		}
		all, err := e.List(ctx)
		e.ok(err)
		if len(all) != 1 || !slices.Equal(all[0].Roles, []Role{Staff, Admin}) || !all[0].Active || all[0].ApprovalSuspended {
			e.t.Fatalf("people are %+v", all)
		}
		if code, err := e.Bootstrap(ctx); code != "" || err != nil {
			e.t.Errorf("there is an administrator, and a code %q, %v", code, err)
		}
		_, err = e.Link(ctx, code)
		e.fails(err, fault.NotFound, "another")
	})
}

func TestInvite(t *testing.T) {
	each(t, func(e *env) {
		ctx := e.t.Context()
		admin := e.founder()
		code, p, err := e.Invite(ctx, admin, "  Bea   Analyst ", "Bea@Example.org ", []Role{Analyst})
		e.ok(err)
		if p.Name != "Bea Analyst" || p.Email != "bea@example.org" || p.State() != "invited" || !slices.Equal(p.Roles, []Role{Staff, Analyst}) {
			e.t.Errorf("invited %+v", p)
		}
		link, err := e.Link(ctx, code)
		if err != nil || *link != (Link{LinkInvitation, "Bea Analyst", "bea@example.org", dbtest.Start.Add(invitationTime)}) {
			e.t.Errorf("link is %+v, %v", link, err)
		}
		for name, tt := range map[string]struct {
			who         *Identity
			name, email string
			roles       []Role
			kind        fault.Kind
			says        string
		}{
			"nobody":       {nil, "X", "x@example.org", []Role{Staff}, fault.Denied, "sign in"},
			"a lead":       {&Identity{Roles: []Role{Lead}}, "X", "x@example.org", []Role{Staff}, fault.Denied, "Administrator"},
			"no longer":    {&Identity{ID: p.ID, Roles: []Role{Admin}}, "X", "x@example.org", []Role{Staff}, fault.Denied, "no longer"},
			"twice":        {admin, "X", "BEA@example.org", []Role{Staff}, fault.Conflict, "already"},
			"no name":      {admin, " ", "x@example.org", []Role{Staff}, fault.Invalid, "name"},
			"odd name":     {admin, "a\x00b", "x@example.org", []Role{Staff}, fault.Invalid, "name"},
			"no address":   {admin, "X", "x", []Role{Staff}, fault.Invalid, "address"},
			"two in one":   {admin, "X", "x@example.org, y@example.org", []Role{Staff}, fault.Invalid, "address"},
			"no role":      {admin, "X", "x@example.org", nil, fault.Invalid, "role"},
			"unknown role": {admin, "X", "x@example.org", []Role{"king"}, fault.Invalid, "king"},
			"auditor and":  {admin, "X", "x@example.org", []Role{Auditor, Analyst}, fault.Invalid, "auditor"},
		} {
			_, _, err := e.Invite(ctx, tt.who, tt.name, tt.email, tt.roles)
			e.t.Log(name)
			e.fails(err, tt.kind, tt.says)
		}
		_, err = e.Enrol(ctx, code, "", "other@example.org", pass)
		e.fails(err, fault.Invalid, "bea@example.org")

		second, err := e.Reinvite(ctx, admin, p.ID)
		e.ok(err)
		_, err = e.Enrol(ctx, code, "", "", pass)
		e.fails(err, fault.NotFound, "another")
		e.Clock.Advance(invitationTime)
		_, err = e.Enrol(ctx, second, "", "", pass)
		e.fails(err, fault.NotFound, "another")
		third, err := e.Reinvite(ctx, admin, p.ID)
		e.ok(err)
		if won := together(3, func(i int) error {
			_, err := e.Enrol(ctx, third, fmt.Sprint("Bea ", i), "", pass)
			return err
		}); won != 1 {
			e.t.Errorf("one invitation enrolled %d times", won)
		}
		if got := e.find(p.ID); got.State() != "active" || !strings.HasPrefix(got.Name, "Bea ") {
			e.t.Errorf("enrolled %+v", got)
		}
		_, err = e.Reinvite(ctx, admin, p.ID)
		e.fails(err, fault.Conflict, "reset the password")
	})
}

func TestSignIn(t *testing.T) {
	each(t, func(e *env) {
		ctx := e.t.Context()
		admin := e.founder()
		_, invited, err := e.Invite(ctx, admin, "Ida", "ida@example.org", []Role{Staff})
		e.ok(err)
		cookie, who, err := e.SignIn(ctx, " ADA@example.org", pass, "", office)
		e.ok(err)
		if who.ID != admin.ID || who.Session == "" || who.Strong || !who.Approves || who.Name != "Ada Root" || !who.Has(Admin) {
			e.t.Errorf("signed in as %+v", who)
		}
		got, err := e.Session(ctx, cookie)
		if diff := cmp.Diff(who, got); err != nil || diff != "" {
			e.t.Errorf("session: %v %s", err, diff)
		}
		for _, tt := range []struct{ email, password, code string }{
			{"ada@example.org", pass + "!", ""},
			{"ada@example.org", "", ""},
			{"ida@example.org", pass, ""},
			{"ida@example.org", "", ""},
			{"nobody@example.org", pass, ""},
			{"not an address", pass, "123456"},
			{"", "", ""},
			{"'; DROP TABLE person; --", strings.Repeat("x", 1<<16), "\x00"},
		} {
			_, _, err := e.SignIn(ctx, tt.email, tt.password, tt.code, Client{})
			if !errors.Is(err, errWrong) {
				e.t.Errorf("%q: %v, want the error that says nothing", tt.email, err)
			}
		}
		e.ok(e.Sweep(ctx)) // the minute is not over
		if n := len(e.failed("")); n != 0 {
			e.t.Errorf("%d failures sealed before their minute was over", n)
		}
		e.Clock.Advance(time.Minute)
		e.ok(e.Sweep(ctx))
		e.ok(e.Sweep(ctx))
		for account, want := range map[string]int64{admin.ID: 2, invited.ID: 2, "": 4} {
			if f := e.failed(account); len(f) != 1 || f[0].Failures != want || f[0].At != dbtest.Start.UnixMicro() {
				e.t.Errorf("failures of %q: %+v, want one record of %d", account, f, want)
			}
		}
		for _, entry := range e.entries() {
			if strings.Contains(string(entry.Append(nil)), "example.org") {
				e.t.Errorf("entry tells an address: %+v", entry)
			}
		}
	})
}

// failed returns the sealed failures of an account.
func (e *env) failed(account string) (out []*SignIn) {
	e.t.Helper()
	all, err := e.SignIns(e.t.Context(), account, 100)
	e.ok(err)
	for _, s := range all {
		if s.Failures > 0 {
			out = append(out, s)
		}
	}
	return out
}

// TestConstantWork: an account that does not exist costs a hash like any other.
func TestConstantWork(t *testing.T) {
	each(t, func(e *env) {
		e.founder()
		for range maxQueue {
			e.queue <- struct{}{}
		}
		for _, email := range []string{"ada@example.org", "nobody@example.org", ""} {
			_, _, err := e.SignIn(e.t.Context(), email, pass, "", office)
			e.fails(err, fault.Unavailable, "too many people")
		}
	})
}

func TestReset(t *testing.T) {
	each(t, func(e *env) {
		ctx := e.t.Context()
		admin := e.founder()
		lead := e.join(admin, "lea", Lead)
		exec := e.join(admin, "eve", Executive)
		e.ok(e.ConfirmApprover(ctx, lead, exec.ID))
		e.ok(e.MayApprove(ctx, e.Ledger, exec, Executive))
		cookie, inSession := e.signIn(exec.ID)
		secret, _, err := e.NewToken(ctx, inSession, "ci", []Role{Executive}, dbtest.Start.Add(time.Hour), true)
		e.ok(err)

		_, err = e.ResetPassword(ctx, lead, exec.ID)
		e.fails(err, fault.Denied, "Administrator")
		_, err = e.ResetPassword(ctx, admin, admin.ID)
		e.fails(err, fault.Denied, "another administrator")
		code, err := e.ResetPassword(ctx, admin, exec.ID)
		e.ok(err)
		if p := e.find(exec.ID); !p.AwaitsConfirmation() || !slices.Equal(p.SuspendedBy, []string{admin.ID}) {
			e.t.Errorf("after the reset %+v", p)
		}
		e.fails(e.MayApprove(ctx, e.Ledger, exec, Executive), fault.Denied, "suspended")
		_, err = e.Session(ctx, cookie)
		e.fails(err, fault.Denied, "sign in first")
		_, err = e.Token(ctx, secret)
		e.fails(err, fault.Denied, "sign in first")
		_, _, err = e.SignIn(ctx, "eve@example.org", pass, "", office)
		e.fails(err, fault.Denied, "not right")

		const chosen = "seven quiet harbours"
		_, err = e.Enrol(ctx, code, "Eve", "", chosen)
		e.fails(err, fault.NotFound, "another")
		if won := together(2, func(int) error { return e.Recover(ctx, code, chosen) }); won != 1 {
			e.t.Errorf("one reset code worked %d times", won)
		}
		_, _, err = e.SignIn(ctx, "eve@example.org", chosen, "", office)
		e.ok(err)
		e.fails(e.MayApprove(ctx, e.Ledger, exec, Executive), fault.Denied, "suspended")
		e.ok(e.ConfirmApprover(ctx, lead, exec.ID))
		e.ok(e.MayApprove(ctx, e.Ledger, exec, Executive))

		late, err := e.ResetPassword(ctx, admin, exec.ID)
		e.ok(err)
		e.Clock.Advance(resetTime)
		_, err = e.Link(ctx, late)
		e.fails(err, fault.NotFound, "another")
		e.fails(e.Recover(ctx, late, pass), fault.NotFound, "another")
	})
}

// TestNothingAfterReset: a session that a reset ended makes no credentials any
// more, even where its request had begun before.
func TestNothingAfterReset(t *testing.T) {
	each(t, func(e *env) {
		ctx := e.t.Context()
		admin := e.founder()
		bob := e.join(admin, "bob", Analyst)
		_, thief := e.signIn(bob.ID)
		x, err := e.EnrolTOTP(ctx, thief)
		e.ok(err)
		_, err = e.ResetPassword(ctx, admin, bob.ID)
		e.ok(err)
		_, err = e.EnrolTOTP(ctx, thief)
		e.fails(err, fault.Denied, "sign in first")
		key, err := totp.GenerateCode(x.Secret, e.Clock.Now())
		e.ok(err)
		_, err = e.ConfirmTOTP(ctx, thief, key)
		e.fails(err, fault.Denied, "sign in first")
		_, _, err = e.NewToken(ctx, thief, "x", []Role{Staff}, dbtest.Start.Add(time.Hour), false)
		e.fails(err, fault.Denied, "sign in first")
	})
}

// TestResetAgainstSignIn: a password that was checked before a reset does not
// open a session after it.
func TestResetAgainstSignIn(t *testing.T) {
	each(t, func(e *env) {
		ctx := e.t.Context()
		admin := e.founder()
		for i := range 4 {
			name := fmt.Sprint("p", i)
			p := e.join(admin, name, Analyst)
			var cookie string
			var wg sync.WaitGroup
			wg.Go(func() { cookie, _, _ = e.SignIn(ctx, name+"@example.org", pass, "", office) })
			wg.Go(func() {
				if i%2 == 0 { // now before the hashing is done, now as it happens
					time.Sleep(time.Duration(i) * 10 * time.Millisecond)
				}
				_, err := e.ResetPassword(ctx, admin, p.ID)
				e.ok(err)
			})
			wg.Wait()
			if who, err := e.Session(ctx, cookie); err == nil {
				e.t.Errorf("%s is signed in after the reset: %+v", name, who)
			}
		}
	})
}

func TestChangePassword(t *testing.T) {
	each(t, func(e *env) {
		ctx := e.t.Context()
		admin := e.founder()
		mine, who := e.signIn(admin.ID)
		other, _ := e.signIn(admin.ID)
		const chosen = "seven quiet harbours"
		e.fails(e.ChangePassword(ctx, who, "wrong", chosen), fault.Denied, "present password")
		e.fails(e.ChangePassword(ctx, who, pass, "ada@example.org!"), fault.Invalid, "easy to guess")
		e.fails(e.ChangePassword(ctx, &Identity{ID: who.ID, Token: "t", Roles: who.Roles}, pass, chosen), fault.Denied, "token")
		e.ok(e.ChangePassword(ctx, who, pass, chosen))
		_, err := e.Session(ctx, mine)
		e.ok(err)
		_, err = e.Session(ctx, other)
		e.fails(err, fault.Denied, "sign in first")
		_, _, err = e.SignIn(ctx, "ada@example.org", pass, "", office)
		e.fails(err, fault.Denied, "not right")
		_, _, err = e.SignIn(ctx, "ada@example.org", chosen, "", office)
		e.ok(err)
		for range 4 {
			e.ok(ignoring(e.ChangePassword(ctx, who, "wrong", pass)))
		}
		e.fails(e.ChangePassword(ctx, who, "wrong", pass), fault.Denied, "present password")
		e.fails(e.ChangePassword(ctx, who, chosen, pass), fault.Unavailable, "try again in 30 seconds")
	})
}

func ignoring(error) error { return nil }

// TestPlanted: whoever has the database but not the keyring does not get in by
// writing into it.
func TestPlanted(t *testing.T) {
	each(t, func(e *env) {
		ctx := e.t.Context()
		admin := e.founder()
		mole := e.join(admin, "mole", Staff)
		cookie, who := e.signIn(mole.ID)
		secret, token, err := e.NewToken(ctx, who, "x", []Role{Staff}, dbtest.Start.Add(time.Hour), false)
		e.ok(err)
		for _, plant := range []string{
			`UPDATE person_session SET person = '` + admin.ID + `'`,
			`UPDATE person_session SET person = '` + mole.ID + `', strong = 1`,
			`UPDATE person_session SET strong = 0, expires_at = expires_at + 1`,
			`UPDATE person_session SET expires_at = expires_at - 1, id = 'other'`,
		} {
			e.ok(e.DB.Script(ctx, plant))
			if got, err := e.Session(ctx, cookie); !errors.Is(err, ErrNotSignedIn) {
				e.t.Errorf("after %q the session is of %+v, %v", plant, got, err)
			}
		}
		e.ok(e.DB.Script(ctx, `UPDATE person_session SET id = '`+who.Session+`'`))
		if _, err := e.Session(ctx, cookie); err != nil {
			e.t.Errorf("the untouched session does not open: %v", err)
		}
		_, adminCookie := e.signIn(admin.ID)
		_, target, err := e.NewToken(ctx, adminCookie, "y", []Role{Admin}, dbtest.Start.Add(time.Hour), false)
		e.ok(err)
		e.ok(e.DB.Script(ctx, `DELETE FROM token_secret WHERE token = '`+target.ID+`'`))
		e.ok(e.DB.Script(ctx, `UPDATE token_secret SET token = '`+target.ID+`' WHERE token = '`+token.ID+`'`))
		if got, err := e.Token(ctx, secret); !errors.Is(err, ErrNotSignedIn) {
			e.t.Errorf("a token that was pointed elsewhere acts as %+v, %v", got, err)
		}
		e.ok(e.DB.Script(ctx, `UPDATE person_password SET person = 'kept' WHERE person = '`+admin.ID+`'`))
		e.ok(e.DB.Script(ctx, `UPDATE person_password SET person = '`+admin.ID+`' WHERE person = '`+mole.ID+`'`))
		if _, _, err := e.SignIn(ctx, "ada@example.org", pass, "", office); !errors.Is(err, errWrong) {
			e.t.Errorf("the password of another opens the account: %v", err)
		}
		e.ok(e.Deactivate(ctx, admin, mole.ID)) // and a row that was taken away is no use put back
		e.ok(e.DB.Script(ctx, `UPDATE person_password SET person = '`+mole.ID+`' WHERE person = '`+admin.ID+`'`))
		if _, _, err := e.SignIn(ctx, "mole@example.org", pass, "", office); !errors.Is(err, errWrong) {
			e.t.Errorf("the password of a deactivated account opens it: %v", err)
		}
	})
}

// TestEveryActIsAnEntry does everything once and compares what the ledger says.
func TestEveryActIsAnEntry(t *testing.T) {
	each(t, func(e *env) {
		ctx := e.t.Context()
		admin := e.founder()
		lead := e.join(admin, "lea", Lead)
		bob := e.join(admin, "bob", Analyst)
		e.ok(e.SetRoles(ctx, admin, bob.ID, []Role{Analyst, Legal}))
		e.ok(e.SetRoles(ctx, admin, bob.ID, []Role{Legal, Analyst})) // nothing changes: no entry
		e.ok(e.ConfirmApprover(ctx, lead, bob.ID))
		cookie, who := e.signIn(bob.ID)
		_, token, err := e.NewToken(ctx, who, "ci", []Role{Analyst}, dbtest.Start.Add(time.Hour), false)
		e.ok(err)
		e.ok(e.RevokeToken(ctx, who, token.ID))
		e.ok(e.RevokeToken(ctx, who, token.ID))
		e.ok(e.SignOut(ctx, cookie))
		e.ok(e.SignOut(ctx, cookie))
		_, who = e.signIn(bob.ID)
		e.ok(e.Revoke(ctx, admin, who.Session))
		e.ok(e.Rename(ctx, admin, bob.ID, "Robert", "bob@example.org"))
		code, err := e.ResetPassword(ctx, admin, bob.ID)
		e.ok(err)
		e.ok(e.Recover(ctx, code, pass))
		e.ok(e.Deactivate(ctx, admin, bob.ID))
		e.ok(e.Deactivate(ctx, admin, bob.ID))
		_, err = e.Reinvite(ctx, admin, bob.ID)
		e.ok(err)

		names := map[string]string{admin.ID: "ada", lead.ID: "lea", bob.ID: "bob"}
		var got []string
		for _, x := range e.entries() {
			got = append(got, fmt.Sprintln(x.Act, names[x.Actor], x.Role, strings.Join(x.Controls, " ")))
			for _, c := range x.Controls {
				if !criteria.ID(c).Valid() {
					e.t.Errorf("%s cites %q", x.Act, c)
				}
			}
		}
		want := []string{
			"person.enrolled ada staff CC6.2\n",
			"person.invited ada admin CC6.2\n",
			"person.enrolled lea staff CC6.2\n",
			"person.invited ada admin CC6.2\n",
			"person.enrolled bob staff CC6.2\n",
			"person.roles-changed ada admin CC6.3\n",
			"person.approver-confirmed lea lead CC6.3\n",
			"sign_in.opened bob staff CC6.1\n",
			"token.made bob staff CC6.1\n",
			"token.revoked bob staff CC6.1\n",
			"sign_in.signed-out bob staff CC6.1\n",
			"sign_in.opened bob staff CC6.1\n",
			"sign_in.revoked ada admin CC6.1\n",
			"person.renamed ada admin CC6.2\n",
			"person.password-reset ada admin CC6.1\n",
			"person.password-changed bob staff CC6.1\n",
			"person.deactivated ada admin CC6.2\n",
			"person.invited ada admin CC6.2\n",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			e.t.Errorf("entries (-want +got):\n%s", diff)
		}
	})
}

func TestName(t *testing.T) {
	each(t, func(e *env) {
		ctx := e.t.Context()
		admin := e.founder()
		for actor, want := range map[string]string{admin.ID: "Ada Root", ledger.System.ID: "Countersign", "operator": "Local operator", "": "Unknown person", "x": "Unknown person"} {
			if got := e.Name(ctx, actor); got != want {
				e.t.Errorf("Name(%q) = %q, want %q", actor, got, want)
			}
		}
		e.ok(e.Rename(ctx, admin, admin.ID, "Ada Crown", "crown@example.org"))
		if got := e.Name(ctx, admin.ID); got != "Ada Crown" {
			e.t.Errorf("after the renaming Name = %q", got)
		}
		bob := e.join(admin, "bob", Staff)
		e.fails(e.Rename(ctx, bob, bob.ID, "Bob", "crown@example.org"), fault.Conflict, "already")
		e.fails(e.Rename(ctx, bob, admin.ID, "Bob", "x@example.org"), fault.Denied, "Administrator")
		cancelled, cancel := context.WithCancel(ctx)
		cancel()
		if got := e.Name(cancelled, bob.ID); got != "Unknown person" {
			e.t.Errorf("without a database Name = %q", got)
		}
	})
}
