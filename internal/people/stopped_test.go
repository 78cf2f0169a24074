package people

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"example.org/countersign/internal/dbtest"
	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/spool"
)

// stopped gives f an installation with a spool in which sealing has stopped
// once before has run.
func stopped(t *testing.T, before, f func(*env)) {
	t.Helper()
	dbtest.Each(t, Records(), nil, func(t *testing.T, x *dbtest.Env) {
		s, err := spool.Open(filepath.Join(x.Dir, "spool"), x.Blobs, x.Keys)
		if err != nil {
			t.Fatal(err)
		}
		d, err := New(t.Context(), x.Ledger, x.Keys, Options{SignInLinks: true, Spool: s})
		if err != nil {
			t.Fatal(err)
		}
		e := &env{x, d, t}
		before(e)
		e.ok(e.Halt(t.Context(), "set back"))
		f(e)
	})
}

// resume lets sealing go on and records what was spooled.
func (e *env) resume() {
	e.t.Helper()
	ctx := e.t.Context()
	e.ok(e.Resume(ctx, ledger.System, func(context.Context, *ledger.Tx) error { return nil }))
	_, err := e.opt.Spool.Drain(ctx, func(ctx context.Context, item spool.Item, _ io.Reader) error {
		return errors.Join(e.Take(ctx, item), e.Take(ctx, item)) // it may be repeated
	})
	e.ok(err)
	if n, _, err := e.opt.Spool.Waiting(); n != 0 || err != nil {
		e.t.Errorf("%d wait, %v", n, err)
	}
}

// People sign in and out while sealing has stopped, by the same rules as ever,
// and the record says so once it takes something again.
func TestSignInWhileStopped(t *testing.T) {
	var admin *Identity
	var before string
	stopped(t, func(e *env) {
		admin = e.founder()
		before, _ = e.signIn(admin.ID)
	}, func(e *env) {
		ctx := e.t.Context()
		size := len(e.entries())
		_, _, err := e.SignIn(ctx, admin.Email, "not the password", "", office)
		e.fails(err, fault.Denied, "not right")
		e.Clock.Advance(10 * time.Minute)
		signedIn := e.Clock.Now()
		stay, who, err := e.SignIn(ctx, admin.Email, pass, "", office)
		e.ok(err)
		leave, gone, err := e.SignIn(ctx, admin.Email, pass, "", office)
		e.ok(err)
		for _, cookie := range []string{stay, leave, before} {
			if x, err := e.Session(ctx, cookie); err != nil || x.ID != admin.ID {
				e.t.Errorf("not let in: %+v, %v", x, err)
			}
		}
		e.Clock.Advance(time.Minute)
		left := e.Clock.Now()
		e.ok(e.SignOut(ctx, leave))
		e.ok(e.SignOut(ctx, before))
		for _, cookie := range []string{leave, before} {
			if _, err := e.Session(ctx, cookie); err != ErrNotSignedIn {
				e.t.Errorf("still let in: %v", err)
			}
		}
		if now := e.entries(); len(now) != size {
			e.t.Fatalf("%d entries while sealing has stopped", len(now)-size)
		}
		e.Clock.Advance(30 * time.Minute)
		e.resume()
		if _, err := e.Session(ctx, stay); err != nil {
			e.t.Errorf("the session does not outlast the recovery: %v", err)
		}
		e.ok(e.Sweep(ctx))
		all, err := e.SignIns(ctx, admin.ID, 10)
		e.ok(err)
		find := func(id string) *SignIn {
			i := slices.IndexFunc(all, func(s *SignIn) bool { return s.ID == id })
			if i < 0 {
				e.t.Fatalf("no record of sign-in %s", id)
			}
			return all[i]
		}
		if s := find(who.Session); s.At != signedIn.UnixMicro() || s.Method != "password" || s.Device != "Firefox on Linux" || s.EndedAt != 0 {
			e.t.Errorf("who stays: %+v", s)
		}
		if s := find(gone.Session); s.Ending != "signed-out" || s.EndedAt != left.UnixMicro() {
			e.t.Errorf("who left: %+v", s)
		}
		failures := 0
		for _, s := range all {
			failures += int(s.Failures)
		}
		if failures != 1 || len(all) != 4 {
			e.t.Errorf("%d records of sign-ins with %d failures", len(all), failures)
		}
		if list, err := e.Sessions(ctx, admin.ID); err != nil || len(list) != 1 || list[0].ID != who.Session {
			e.t.Errorf("sessions: %+v, %v", list, err)
		}
	})
}

// A session that ends before its beginning is recorded holds up nothing, and
// the record says that it is over.
func TestEndsBeforeItIsRecorded(t *testing.T) {
	var admin *Identity
	stopped(t, func(e *env) { admin = e.founder() }, func(e *env) {
		ctx := e.t.Context()
		_, who, err := e.SignIn(ctx, admin.Email, pass, "", office)
		e.ok(err)
		e.ok(e.Resume(ctx, ledger.System, func(context.Context, *ledger.Tx) error { return nil }))
		e.Clock.Advance(24 * time.Hour)
		e.ok(e.Sweep(ctx))
		e.resume()
		all, err := e.SignIns(ctx, admin.ID, 10)
		e.ok(err)
		if len(all) != 1 || all[0].ID != who.Session || all[0].Ending != "unrecorded" || all[0].EndedAt == 0 {
			e.t.Errorf("sign-ins: %+v", all)
		}
	})
}

// What cannot be kept is not said to be done.
func TestSpoolFails(t *testing.T) {
	var admin *Identity
	stopped(t, func(e *env) { admin = e.founder() }, func(e *env) {
		ctx := e.t.Context()
		cookie, _, err := e.SignIn(ctx, admin.Email, pass, "", office)
		e.ok(err)
		e.ok(os.Rename(filepath.Join(e.Dir, "spool"), filepath.Join(e.Dir, "aside")))
		none, _, err := e.SignIn(ctx, admin.Email, pass, "", office)
		if e.fails(err, fault.Unavailable, "try again"); none != "" {
			e.t.Error("let in without a record")
		}
		e.fails(e.SignOut(ctx, cookie), fault.Unavailable, "try again")
		if _, err := e.Session(ctx, cookie); err != nil {
			e.t.Errorf("signed out without a record: %v", err)
		}
	})
}
