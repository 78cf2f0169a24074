package people

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/ledger"
)

// maxSessions is how many sessions a person has at most; the one least lately
// used makes room. Ending them all stays a small transaction.
const maxSessions = 20

// SessionInfo is a session as its person sees it in a list.
type SessionInfo struct {
	ID        string
	Device    string // "Firefox on Linux"
	Method    string // as in SignIn
	StartedAt time.Time
	SeenAt    time.Time // to the minute
	ExpiresAt time.Time
	Strong    bool
}

// enter begins the session of p that s describes and returns its cookie, unless
// check, in the same transaction, says why not. While sealing has stopped, the
// sign-in is kept until it can be recorded.
func (d *Desk) enter(ctx context.Context, p *Person, s *SignIn, strong bool, check func(context.Context, *ledger.Tx) error) (cookie string, who *Identity, err error) {
	err = d.ledger.Write(ctx, p.actor(), func(ctx context.Context, tx *ledger.Tx) error {
		if err := check(ctx, tx); err != nil {
			return err
		}
		if err := makeRoom(ctx, tx, p.ID); err != nil {
			return err
		}
		s.At = tx.Now.UnixMicro()
		if err := SignIns.Put(tx, s, ledger.Do("opened", "CC6.1")); err != nil {
			return err
		}
		cookie, who, err = d.begin(tx, p, s.ID, strong)
		return err
	})
	if _, stopped := errors.AsType[*ledger.Halted](err); stopped && d.opt.Spool != nil {
		return d.enterStopped(ctx, p, s, strong, check)
	}
	return cookie, who, err
}

// makeRoom ends the sessions of a person that one more would be too many for.
func makeRoom(ctx context.Context, tx *ledger.Tx, person string) error {
	open, err := sessions(ctx, tx, person)
	if err != nil {
		return err
	}
	for ; len(open) >= maxSessions; open = open[:len(open)-1] {
		if _, err := endSession(ctx, tx, open[len(open)-1].id, "displaced"); err != nil {
			return err
		}
	}
	return nil
}

// begin opens the session of a sign-in in the transaction and returns its
// cookie.
func (d *Desk) begin(tx *ledger.Tx, p *Person, signIn string, strong bool) (cookie string, who *Identity, err error) {
	cookie = newSecret()
	row := sessionRow{lookup: d.vault.lookup("session", cookie), id: signIn, person: p.ID, strong: flag(strong),
		seenAt: tx.Now.Truncate(time.Minute).UnixMicro(), expiresAt: tx.Now.Add(d.opt.Absolute).UnixMicro()}
	row.proof = d.vault.proof("session", cookie, row.owner()...)
	return cookie, identify(p, row), saveSession(tx, row)
}

// owner is all that a session's proof binds its cookie to.
func (s *sessionRow) owner() []string {
	return []string{s.id, s.person, strconv.FormatInt(s.expiresAt, 10), strconv.FormatInt(s.strong, 10)}
}

func identify(p *Person, s sessionRow) *Identity {
	return &Identity{ID: p.ID, Name: p.Name, Email: p.Email, Roles: slices.Clone(p.Roles),
		Session: s.id, Strong: s.strong == 1, Approves: true}
}

// Session returns who the session of a cookie is of, ErrNotSignedIn where there
// is none or it is over. It runs on every request: one query, and once a
// minute a small write.
func (d *Desk) Session(ctx context.Context, cookie string) (*Identity, error) {
	s, found, err := findSession(ctx, d.ledger, d.vault.lookup("session", cookie))
	if err != nil {
		return nil, fmt.Errorf("find session: %w", err)
	}
	now := d.ledger.Now()
	if !found || !d.vault.proves(s.proof, "session", cookie, s.owner()...) ||
		s.expiresAt <= now.UnixMicro() || s.seenAt <= d.unseen(now) {
		return nil, ErrNotSignedIn
	}
	p, err := d.person(ctx, s.person, s.entry)
	if err != nil {
		return nil, fmt.Errorf("find session: %w", err)
	}
	if !p.Active {
		return nil, ErrNotSignedIn
	}
	d.touch(ctx, s.lookup, s.seenAt, touchSession)
	return identify(p, s), nil
}

// unseen returns the last minute (Unix µs) in which a session that is over for
// lack of use can have been seen. The minute itself does not count.
func (d *Desk) unseen(now time.Time) int64 { return now.Add(-d.opt.Idle - time.Minute).UnixMicro() }

// touch records that a session or token was used in this minute, once.
func (d *Desk) touch(ctx context.Context, lookup string, seen int64, save func(*ledger.Tx, string, int64) error) {
	minute := d.ledger.Now().Truncate(time.Minute).UnixMicro()
	if seen >= minute {
		return
	}
	d.mu.Lock()
	due := d.touched[lookup] < minute
	if len(d.touched) >= maxKnown {
		clear(d.touched)
	}
	d.touched[lookup] = minute
	d.mu.Unlock()
	if !due {
		return
	}
	// Whoever reads while nothing can be written goes on reading: an error here
	// only makes the session end sooner.
	_ = d.ledger.Attend(ctx, ledger.System, func(_ context.Context, tx *ledger.Tx) error { return save(tx, lookup, minute) })
}

// Sessions returns the open sessions of a person, the last used first.
func (d *Desk) Sessions(ctx context.Context, person string) ([]SessionInfo, error) {
	rows, err := sessions(ctx, d.ledger, person)
	if err != nil {
		return nil, fmt.Errorf("list sessions: %w", err)
	}
	signIns, err := SignIns.Select(ctx, d.ledger, `JOIN person_session s ON s.id = r.id WHERE s.person = $1`, person)
	if err != nil {
		return nil, err
	}
	now, out := d.ledger.Now(), []SessionInfo{}
	for _, s := range rows {
		i := slices.IndexFunc(signIns, func(x *SignIn) bool { return x.ID == s.id })
		if i < 0 || s.expiresAt <= now.UnixMicro() || s.seenAt <= d.unseen(now) {
			continue
		}
		out = append(out, SessionInfo{ID: s.id, Device: signIns[i].Device, Method: signIns[i].Method, StartedAt: time.UnixMicro(signIns[i].At).UTC(),
			SeenAt: time.UnixMicro(s.seenAt).UTC(), ExpiresAt: time.UnixMicro(s.expiresAt).UTC(), Strong: s.strong == 1})
	}
	return out, nil
}

// Revoke ends a session of who's own or, for an administrator, of anybody. No
// request that begins after it has returned is let in with it.
func (d *Desk) Revoke(ctx context.Context, who *Identity, session string) error {
	if who == nil {
		return ErrNotSignedIn
	}
	owner, err := sessionOwner(ctx, d.ledger, session)
	if err != nil {
		return fmt.Errorf("revoke session: %w", err)
	}
	if owner == "" {
		return errNotYours
	}
	return d.endForeign(ctx, who, owner, func(ctx context.Context, tx *ledger.Tx) error {
		_, err := endSession(ctx, tx, session, "revoked")
		return err
	})
}

var errNotYours = fault.New(fault.NotFound, "there is no such session or token; it may have ended")

// endForeign lets f end something of owner: by the owner, or by somebody who is
// an administrator at that moment.
func (d *Desk) endForeign(ctx context.Context, who *Identity, owner string, f func(context.Context, *ledger.Tx) error) error {
	if who.ID == owner {
		return d.ledger.Write(ctx, who.self(), f)
	}
	if !who.Has(Admin) {
		return errNotYours
	}
	return d.ledger.Write(ctx, who.Actor(Admin), func(ctx context.Context, tx *ledger.Tx) error {
		if err := stands(ctx, tx, who, Admin); err != nil {
			return err
		}
		return f(ctx, tx)
	})
}

// SignOut ends the session of a cookie; where there is none, it is done.
func (d *Desk) SignOut(ctx context.Context, cookie string) error {
	s, found, err := findSession(ctx, d.ledger, d.vault.lookup("session", cookie))
	if err != nil {
		return fmt.Errorf("sign out: %w", err)
	}
	if !found || !d.vault.proves(s.proof, "session", cookie, s.owner()...) {
		return nil
	}
	p, err := d.person(ctx, s.person, s.entry)
	if err != nil {
		return fmt.Errorf("sign out: %w", err)
	}
	err = d.ledger.Write(ctx, p.actor(), func(ctx context.Context, tx *ledger.Tx) error {
		_, err := endSession(ctx, tx, s.id, "signed-out")
		return err
	})
	if _, stopped := errors.AsType[*ledger.Halted](err); stopped && d.opt.Spool != nil {
		return d.leaveStopped(ctx, p, s.id)
	}
	return err
}

// endSession ends one session; ended is false where it was over already.
func endSession(ctx context.Context, tx *ledger.Tx, session, ending string) (ended bool, err error) {
	if ended, err = deleteSession(tx, session); err != nil || !ended {
		return false, err
	}
	s, err := SignIns.Load(ctx, tx, session)
	if kind, _ := fault.Of(err); err != nil && kind == fault.NotFound { // it waits to be recorded, and will be as one that is over
		return true, nil
	}
	if err != nil {
		return false, err
	}
	s.EndedAt, s.Ending = tx.Now.UnixMicro(), ending
	return true, SignIns.Put(tx, s, ledger.Do(ending, "CC6.1"))
}

// endSessions ends all sessions of a person but one.
func endSessions(ctx context.Context, tx *ledger.Tx, person, ending, but string) error {
	open, err := sessions(ctx, tx, person)
	if err != nil {
		return err
	}
	for _, s := range open {
		if s.id == but {
			continue
		}
		if _, err := endSession(ctx, tx, s.id, ending); err != nil {
			return err
		}
	}
	return nil
}

// device puts a User-Agent into words that its person recognises, and nobody
// else is told more by.
func device(agent string) string {
	browser, system := "Unknown program", ""
	for _, b := range [...][2]string{{"Edg", "Edge"}, {"OPR/", "Opera"}, {"SamsungBrowser/", "Samsung Internet"}, {"Firefox/", "Firefox"},
		{"FxiOS/", "Firefox"}, {"CriOS/", "Chrome"}, {"Chromium/", "Chromium"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"}, {"curl/", "curl"}} {
		if strings.Contains(agent, b[0]) {
			browser = b[1]
			break
		}
	}
	for _, s := range [...][2]string{{"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Android", "Android"}, {"Windows", "Windows"},
		{"Macintosh", "Mac"}, {"CrOS", "ChromeOS"}, {"Linux", "Linux"}, {"BSD", "BSD"}} {
		if strings.Contains(agent, s[0]) {
			system = " on " + s[1]
			break
		}
	}
	return browser + system
}
