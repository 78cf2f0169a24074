package people

import (
	"errors"
	"fmt"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"example.org/countersign/internal/fault"
)

// TestAllowance: nobody waits longer than an interval, however many attempts
// were made, and no more get through than the rate says.
func TestAllowance(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := allowance{rapid.Int64Range(1, 30).Draw(t, "burst"), time.Duration(rapid.IntRange(1, 60).Draw(t, "interval")) * time.Second}
		now, busy, through := int64(1_790_000_000_000_000), int64(0), int64(0)
		start := now
		for _, pause := range rapid.SliceOf(rapid.Int64Range(0, 90_000_000)).Draw(t, "pauses") {
			now += pause
			next, wait := a.take(busy, now)
			if wait < 0 || wait > a.interval {
				t.Fatalf("wait %v of an interval of %v", wait, a.interval)
			}
			if wait == 0 {
				through++
			} else if next != busy {
				t.Fatal("a refused attempt takes from the allowance")
			} else if _, again := a.take(busy, now+wait.Microseconds()); again != 0 {
				t.Fatalf("after waiting %v there is another %v to wait", wait, again)
			}
			busy = next
		}
		if most := a.burst + (now-start)/a.interval.Microseconds(); through > most {
			t.Fatalf("%d got through, at most %d should", through, most)
		}
	})
}

func TestThrottle(t *testing.T) {
	each(t, func(e *env) {
		ctx := e.t.Context()
		admin := e.founder()
		from := func(i int) Client { return Client{Address: netip.AddrFrom4([4]byte{198, 51, 100, byte(i)})} }
		_, _, err := e.SignIn(ctx, "ada@example.org", pass, "", office)
		e.ok(err)

		var looked atomic.Int64 // many at once count as many
		together(12, func(int) error {
			_, _, err := e.SignIn(ctx, "ada@example.org", "wrong", "", from(1))
			if errors.Is(err, errWrong) {
				looked.Add(1)
			}
			return err
		})
		if looked.Load() != perPair.burst {
			e.t.Errorf("%d of 12 attempts at once were looked at, want %d", looked.Load(), perPair.burst)
		}
		_, _, err = e.SignIn(ctx, "ada@example.org", pass, "", from(1))
		e.fails(err, fault.Unavailable, "try again in 30 seconds")
		e.Clock.Advance(29 * time.Second)
		_, _, err = e.SignIn(ctx, "ada@example.org", pass, "", from(1))
		e.fails(err, fault.Unavailable, "try again in 1 seconds")
		e.Clock.Advance(time.Second)
		_, _, err = e.SignIn(ctx, "ada@example.org", pass, "", from(1))
		e.ok(err)
		e.Clock.Advance(time.Minute)
		e.ok(e.Sweep(ctx))
		if f := e.failed(admin.ID); len(f) != 1 || f[0].Failures != 14 || f[0].Refused != 9 {
			e.t.Errorf("sealed %+v", f)
		}
	})
}

// TestNobodyIsLockedOut: while strangers use up all that the account allows,
// its person signs in from where they always do.
func TestNobodyIsLockedOut(t *testing.T) {
	each(t, func(e *env) {
		ctx := e.t.Context()
		e.founder()
		_, _, err := e.SignIn(ctx, "ada@example.org", pass, "", office)
		e.ok(err)
		for i := range int(perAccount.burst) {
			_, err := e.reserve(ctx, "", e.signInSlots("ada@example.org", netip.AddrFrom4([4]byte{198, 51, 100, byte(i)})))
			e.ok(err)
		}
		_, _, err = e.SignIn(ctx, "ada@example.org", pass, "", Client{Address: netip.MustParseAddr("203.0.113.1")})
		e.fails(err, fault.Unavailable, "try again")
		_, _, err = e.SignIn(ctx, "ada@example.org", pass, "", office)
		e.ok(err)
		for i := range int(perAddress.burst) { // somebody in the same office tries everybody else
			if _, err = e.reserve(ctx, "", e.signInSlots(fmt.Sprintf("p%d@example.org", i), office.Address)); err != nil {
				break
			}
		}
		_, err = e.reserve(ctx, "", e.signInSlots("new@example.org", office.Address))
		e.fails(err, fault.Unavailable, "try again")
		_, _, err = e.SignIn(ctx, "ada@example.org", pass, "", office)
		e.ok(err)
		e.Clock.Advance(familiar)
		e.ok(e.Sweep(ctx))
		var left int64
		_, err = e.One(ctx, `SELECT COUNT(*) FROM sign_in_limit`, nil, &left)
		e.ok(err)
		if left != 0 {
			e.t.Errorf("%d limits are kept for ever", left)
		}
	})
}
