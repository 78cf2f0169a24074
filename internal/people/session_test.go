package people

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"example.org/countersign/internal/dbtest"
	"example.org/countersign/internal/fault"
)

func TestSessions(t *testing.T) {
	each(t, func(e *env) {
		ctx := e.t.Context()
		admin := e.founder()
		bob := e.join(admin, "bob", Staff)
		eve := e.join(admin, "eve", Lead)
		one, first := e.signIn(bob.ID)
		e.Clock.Advance(10*time.Minute + 5*time.Second)
		two, second := e.signIn(bob.ID)
		e.Clock.Advance(3 * time.Minute)
		_, err := e.Session(ctx, one)
		e.ok(err)
		list, err := e.Sessions(ctx, bob.ID)
		e.ok(err)
		if len(list) != 2 || list[0].ID != first.Session || list[0].Device != "Firefox on Linux" || list[0].Method != "link" ||
			!list[0].StartedAt.Equal(dbtest.Start) || !list[0].SeenAt.Equal(dbtest.Start.Add(13*time.Minute)) ||
			!list[0].ExpiresAt.Equal(dbtest.Start.Add(12*time.Hour)) || list[1].ID != second.Session {
			e.t.Errorf("sessions: %+v", list)
		}
		e.fails(e.Revoke(ctx, nil, second.Session), fault.Denied, "sign in")
		e.fails(e.Revoke(ctx, eve, second.Session), fault.NotFound, "no such session")
		e.fails(e.Revoke(ctx, &Identity{ID: eve.ID, Roles: []Role{Admin}}, second.Session), fault.Denied, "no longer")
		e.fails(e.Revoke(ctx, admin, "nothing"), fault.NotFound, "no such session")
		e.ok(e.Revoke(ctx, first, second.Session))
		_, err = e.Session(ctx, two)
		e.fails(err, fault.Denied, "sign in first")
		e.ok(e.Revoke(ctx, admin, first.Session))
		if list, err := e.Sessions(ctx, bob.ID); err != nil || len(list) != 0 {
			e.t.Errorf("sessions left: %+v, %v", list, err)
		}
		for _, cookie := range []string{"", "x", one, strings.Repeat("x", 1<<16), "\x00"} {
			if _, err := e.Session(ctx, cookie); err != ErrNotSignedIn {
				e.t.Errorf("cookie %.20q: %v", cookie, err)
			}
		}
	})
}

func TestSessionsEnd(t *testing.T) {
	each(t, func(e *env) {
		ctx := e.t.Context()
		admin := e.founder()
		idle, idleID := e.signIn(admin.ID)
		used, usedID := e.signIn(admin.ID)
		for range 12 * 60 / 30 {
			if _, err := e.Session(ctx, used); err != nil {
				e.t.Fatalf("a session in use ended: %v", err)
			}
			e.Clock.Advance(30 * time.Minute)
		}
		for _, cookie := range []string{idle, used} {
			if _, err := e.Session(ctx, cookie); err != ErrNotSignedIn {
				e.t.Errorf("a session lives on: %v", err)
			}
		}
		if list, err := e.Sessions(ctx, admin.ID); err != nil || len(list) != 0 {
			e.t.Errorf("sessions that are over are listed: %+v, %v", list, err)
		}
		e.ok(e.Sweep(ctx))
		all, err := e.SignIns(ctx, admin.ID, 10)
		e.ok(err)
		for _, s := range all {
			if s.Ending != "expired" || s.EndedAt == 0 || s.ID != idleID.Session && s.ID != usedID.Session {
				e.t.Errorf("sign-in: %+v", s)
			}
		}
		if len(all) != 2 {
			e.t.Errorf("%d sign-ins", len(all))
		}
	})
}

func TestIdleSession(t *testing.T) {
	each(t, func(e *env) {
		admin := e.founder()
		cookie, _ := e.signIn(admin.ID)
		e.Clock.Advance(time.Hour + 59*time.Second)
		if _, err := e.Session(e.t.Context(), cookie); err != nil {
			e.t.Errorf("within the hour: %v", err)
		}
		e.Clock.Advance(time.Hour + time.Minute)
		if _, err := e.Session(e.t.Context(), cookie); err != ErrNotSignedIn {
			e.t.Errorf("after the hour: %v", err)
		}
	})
}

func TestTooManySessions(t *testing.T) {
	each(t, func(e *env) {
		ctx := e.t.Context()
		admin := e.founder()
		oldest, _ := e.signIn(admin.ID)
		e.Clock.Advance(time.Minute)
		for range maxSessions {
			e.signIn(admin.ID)
		}
		if list, err := e.Sessions(ctx, admin.ID); err != nil || len(list) != maxSessions {
			e.t.Errorf("%d sessions, %v", len(list), err)
		}
		if _, err := e.Session(ctx, oldest); err != ErrNotSignedIn {
			e.t.Errorf("the oldest session: %v", err)
		}
	})
}

// TestRevokeAgainstUse: once Revoke has returned, no request is let in.
func TestRevokeAgainstUse(t *testing.T) {
	each(t, func(e *env) {
		ctx := e.t.Context()
		admin := e.founder()
		for range 5 {
			cookie, who := e.signIn(admin.ID)
			e.Clock.Advance(time.Minute) // so that using it writes
			revoked := make(chan struct{})
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() {
					for range 50 {
						after := false
						select {
						case <-revoked:
							after = true
						default:
						}
						if _, err := e.Session(ctx, cookie); after && err == nil {
							e.t.Error("let in after the session was revoked")
							return
						} else if err != nil && !errors.Is(err, ErrNotSignedIn) {
							e.t.Error(err)
							return
						}
					}
				})
			}
			e.ok(e.Revoke(ctx, who, who.Session))
			close(revoked)
			wg.Wait()
		}
	})
}

// TestRolesNow: a session has the roles that its person has now.
func TestRolesNow(t *testing.T) {
	each(t, func(e *env) {
		ctx := e.t.Context()
		admin := e.founder()
		bob := e.join(admin, "bob", Analyst)
		cookie, _ := e.signIn(bob.ID)
		e.ok(e.SetRoles(ctx, admin, bob.ID, []Role{Owner}))
		other, err := New(ctx, e.Ledger, e.Keys, Options{}) // another node
		e.ok(err)
		for _, d := range []*Desk{e.Desk, other} {
			if who, err := d.Session(ctx, cookie); err != nil || !slices.Equal(who.Roles, []Role{Staff, Owner}) {
				e.t.Errorf("acts as %+v, %v", who, err)
			}
		}
		e.ok(e.SetRoles(ctx, admin, bob.ID, []Role{Legal}))
		if who, err := other.Session(ctx, cookie); err != nil || !slices.Equal(who.Roles, []Role{Staff, Legal}) {
			e.t.Errorf("on the other node acts as %+v, %v", who, err)
		}
		if _, _, err := other.SignInLink(ctx, "x", office); err == nil {
			e.t.Error("sign-in links work where they are not enabled")
		}
		_, err = other.NewSignInLink(ctx, bob.ID)
		e.fails(err, fault.Denied, "demonstration")
	})
}

func TestTokens(t *testing.T) {
	each(t, func(e *env) {
		ctx := e.t.Context()
		admin := e.founder()
		bob := e.join(admin, "bob", Analyst, Lead)
		_, who := e.signIn(bob.ID)
		soon := dbtest.Start.Add(24 * time.Hour)
		for name, tt := range map[string]struct {
			who     *Identity
			name    string
			roles   []Role
			expires time.Time
			kind    fault.Kind
			says    string
		}{
			"nobody":     {nil, "x", []Role{Staff}, soon, fault.Denied, "sign in"},
			"a token":    {&Identity{ID: bob.ID, Token: "t", Roles: bob.Roles}, "x", []Role{Staff}, soon, fault.Denied, "token"},
			"no name":    {who, "", []Role{Staff}, soon, fault.Invalid, "what the token is for"},
			"no role":    {who, "x", nil, soon, fault.Invalid, "role"},
			"more roles": {who, "x", []Role{Legal}, soon, fault.Denied, "not Legal"},
			"over":       {who, "x", []Role{Staff}, dbtest.Start, fault.Invalid, "a year"},
			"for ever":   {who, "x", []Role{Staff}, dbtest.Start.AddDate(2, 0, 0), fault.Invalid, "a year"},
			"no end":     {who, "x", []Role{Staff}, time.Time{}, fault.Invalid, "a year"},
		} {
			e.t.Log(name)
			_, _, err := e.NewToken(ctx, tt.who, tt.name, tt.roles, tt.expires, false)
			e.fails(err, tt.kind, tt.says)
		}
		plain, _, err := e.NewToken(ctx, who, "ci", []Role{Analyst}, soon, false)
		e.ok(err)
		approving, marked, err := e.NewToken(ctx, who, "approvals", []Role{Lead}, soon, true)
		e.ok(err)
		byPlain, err := e.Token(ctx, plain)
		e.ok(err)
		byApproving, err := e.Token(ctx, approving)
		e.ok(err)
		if byPlain.ID != bob.ID || byPlain.Session != "" || byPlain.Has(Lead) || byPlain.Approves || !byApproving.Approves {
			e.t.Errorf("tokens act as %+v and %+v", byPlain, byApproving)
		}
		e.ok(e.MayApprove(ctx, e.Ledger, byApproving, Lead))
		e.fails(e.MayApprove(ctx, e.Ledger, byPlain, Lead, Analyst), fault.Denied, "not made for approvals")
		for _, s := range []string{"", "x", tokenPrefix, plain + "x", strings.TrimPrefix(plain, tokenPrefix)} {
			if _, err := e.Token(ctx, s); err != ErrNotSignedIn {
				e.t.Errorf("token %q: %v", s, err)
			}
		}

		e.ok(e.SetRoles(ctx, admin, bob.ID, []Role{Owner})) // never more than the person has
		if got, err := e.Token(ctx, plain); err != nil || !slices.Equal(got.Roles, []Role{Staff}) {
			e.t.Errorf("after the roles were taken the token acts as %+v, %v", got, err)
		}
		e.Clock.Advance(time.Minute)
		_, err = e.Token(ctx, plain)
		e.ok(err)
		list, err := e.ListTokens(ctx, bob.ID)
		e.ok(err)
		if len(list) != 2 || list[0].UsedAt+list[1].UsedAt != dbtest.Start.UnixMicro()*2+time.Minute.Microseconds() {
			e.t.Errorf("tokens: %+v %+v", list[0], list[1])
		}

		e.fails(e.RevokeToken(ctx, nil, marked.ID), fault.Denied, "sign in")
		e.fails(e.RevokeToken(ctx, &Identity{ID: "x", Roles: []Role{Lead}}, marked.ID), fault.NotFound, "no such")
		e.fails(e.RevokeToken(ctx, who, "x"), fault.NotFound, "no such")
		e.ok(e.RevokeToken(ctx, admin, marked.ID))
		if _, err := e.Token(ctx, approving); err != ErrNotSignedIn {
			e.t.Errorf("the revoked token: %v", err)
		}
		e.Clock.Advance(24 * time.Hour)
		if _, err := e.Token(ctx, plain); err != ErrNotSignedIn {
			e.t.Errorf("the expired token: %v", err)
		}
		e.ok(e.Sweep(ctx))
		if list, _ := e.ListTokens(ctx, bob.ID); len(list) != 2 || list[0].RevokedAt == 0 || list[1].RevokedAt == 0 {
			e.t.Errorf("tokens: %+v %+v", list[0], list[1])
		}
	})
}

func TestTooManyTokens(t *testing.T) {
	each(t, func(e *env) {
		_, admin := e.signIn(e.founder().ID)
		won := together(maxTokens+3, func(i int) error {
			_, _, err := e.NewToken(e.t.Context(), admin, fmt.Sprint(i), []Role{Admin}, dbtest.Start.Add(time.Hour), false)
			return err
		})
		if won != maxTokens {
			e.t.Errorf("%d tokens at once, want %d", won, maxTokens)
		}
	})
}

func TestDevice(t *testing.T) {
	for agent, want := range map[string]string{
		"": "Unknown program",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0.0.0 Safari/537.36 Edg/128.0":        "Edge on Windows",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile Safari/604.1": "Safari on iPhone",
		"Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0.0.0 Mobile Safari/537.36":                     "Chrome on Android",
		"curl/8.9.1":                "curl",
		"<script>alert(1)</script>": "Unknown program",
	} {
		if got := device(agent); got != want {
			t.Errorf("device(%q) = %q, want %q", agent, got, want)
		}
	}
}
