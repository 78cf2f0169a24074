// Package people keeps who works with the record: persons and their roles, how
// they sign in, their sessions, and the tokens that act for them (CC6.1 to
// CC6.3). It holds these rules:
//
//   - Administrators look after people and have no power over records. Nobody
//     gives themselves a role, an administrator least of all: another
//     administrator has to. Nobody takes the last administrator's role away.
//   - A right to approve needs a second person. Whoever got their credentials
//     from an administrator, by an invitation or by a reset of the password or
//     of the second factor, has roles but may not approve until a lead confirms
//     that it is them: the administrator holds the link and could be them. The
//     lead is neither the person nor one of the administrators concerned. The
//     first lead of an installation needs nobody. Where no lead is left who
//     could confirm, an administrator who had no hand in it may.
//   - A token acts as its person, with no more roles than the person has at
//     that moment, and approves only where it was made for that.
//   - Names and addresses are in documents only. Secrets are in work tables,
//     hashed under a secret of the keyring that binds them to their owner.
//   - Failed attempts delay further ones, for a time that has a bound, and are
//     one entry per account and minute.
//
// A person is invited, active once enrolled, and may be deactivated and invited
// again.
package people

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/keyring"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/spool"
)

// Person is somebody with an account.
type Person struct {
	ledger.Record
	Name              string   `json:"name" unit:"identity"`
	Email             string   `json:"email" unit:"identity"` // lower case
	Roles             []Role   `json:"roles"`                 // in the order of Roles
	Active            bool     `json:"active"`                // may sign in: enrolled and not deactivated
	TOTP              bool     `json:"totp"`                  // signs in with a second factor
	ApprovalSuspended bool     `json:"approval_suspended"`    // may not approve until a lead confirms
	SuspendedBy       []string `json:"suspended_by"`          // ids of the administrators whose acts suspended it
	ApproverSince     int64    `json:"approver_since"`        // Unix µs of the first confirmation, 0: never
	CreatedAt         int64    `json:"created_at"`            // Unix µs, as all that follow
	EnrolledAt        int64    `json:"enrolled_at"`           // 0: has not used the invitation yet
	DeactivatedAt     int64    `json:"deactivated_at"`
	UpdatedAt         int64    `json:"updated_at"`
}

// Has reports whether p has the role.
func (p *Person) Has(r Role) bool { return slices.Contains(p.Roles, r) }

// State returns "invited", "active" or "deactivated".
func (p *Person) State() string {
	switch {
	case p.Active:
		return "active"
	case p.DeactivatedAt != 0:
		return "deactivated"
	}
	return "invited"
}

// AwaitsConfirmation reports whether p has a role that approves and may not use
// it until a lead confirms.
func (p *Person) AwaitsConfirmation() bool {
	return p.Active && p.ApprovalSuspended && slices.ContainsFunc(p.Roles, Role.Approves)
}

// actor is p doing something to their own account.
func (p *Person) actor() ledger.Actor { return ledger.Actor{ID: p.ID, Role: string(p.Roles[0])} }

// suspend takes the right to approve until a lead confirms.
func (p *Person) suspend(admin string) {
	p.ApprovalSuspended = true
	if !slices.Contains(p.SuspendedBy, admin) {
		p.SuspendedBy = append(p.SuspendedBy, admin)
	}
}

// confirm gives the right to approve back.
func (p *Person) confirm(now int64) {
	p.ApprovalSuspended, p.SuspendedBy = false, nil
	if p.ApproverSince == 0 {
		p.ApproverSince = now
	}
}

// Token is a credential for the API that acts as its person, with some of the
// person's roles.
type Token struct {
	ledger.Record
	Person    string `json:"person"`
	Name      string `json:"name" unit:"identity"` // what it is for, in the person's words
	Roles     []Role `json:"roles"`
	Approves  bool   `json:"approves"` // may use the person's right to approve
	CreatedAt int64  `json:"created_at"`
	ExpiresAt int64  `json:"expires_at"`
	RevokedAt int64  `json:"revoked_at"` // or found expired
	RevokedBy string `json:"revoked_by"` // "system": it expired
	UsedAt    int64  `json:"-"`          // to the minute, 0: never; filled by ListTokens
}

// SignIn is one session from its beginning to its end, or the failed attempts
// at one account within one minute.
type SignIn struct {
	ledger.Record
	Person   string `json:"person"` // "": accounts that do not exist
	At       int64  `json:"at"`     // of failures: the beginning of the minute
	Method   string `json:"method"` // "password", "password+code", "password+recovery", "link"
	Device   string `json:"device" unit:"identity"`
	EndedAt  int64  `json:"ended_at"`
	Ending   string `json:"ending"`   // "signed-out", "revoked", "expired", "displaced", "reset", "restored"; "unrecorded": before its beginning could be
	Failures int64  `json:"failures"` // 0 for a session
	Refused  int64  `json:"refused"`  // of Failures: those not looked at, there being too many
}

// Persons, Tokens and SignIns are the kinds of record of this package. Inside
// a Write, load with Persons.Load(ctx, tx, id).
var (
	Persons = ledger.Define("person", []string{"email_key", "roles", "active", "suspended", "approver_since"},
		func(p *Person, x ledger.Index) []any {
			return []any{x.Blind("person", p.Email), rolesColumn(p.Roles), flag(p.Active), flag(p.ApprovalSuspended), p.ApproverSince}
		})
	Tokens = ledger.Define("token", []string{"person", "expires_at", "revoked_at"},
		func(t *Token, _ ledger.Index) []any { return []any{t.Person, t.ExpiresAt, t.RevokedAt} })
	SignIns = ledger.Define("sign_in", []string{"person", "at", "failures"},
		func(s *SignIn, _ ledger.Index) []any { return []any{s.Person, s.At, s.Failures} })
)

// Records returns the kinds of record of this package.
func Records() []ledger.Records { return []ledger.Records{Persons, Tokens, SignIns} }

func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// Client is where a sign-in comes from. The address is never stored in clear.
type Client struct {
	Address netip.Addr
	Agent   string // User-Agent
}

// Options of a Desk. Zero durations are the defaults.
type Options struct {
	Idle        time.Duration // a session ends so long after its last use: 1 h
	Absolute    time.Duration // and so long after its beginning: 12 h
	SignInLinks bool          // one-time sign-in codes are given: the demonstration
	Spool       *spool.Spool  // for sign-ins while sealing has stopped; nil: nobody signs in then
}

// Desk looks after people. It is safe for concurrent use.
type Desk struct {
	ledger *ledger.Ledger
	vault  *vault
	opt    Options

	queue   chan struct{} // those who wait for a password to be hashed
	hashing chan struct{} // those whose password is being hashed

	mu      sync.Mutex
	people  map[string]known[*Person]
	tokens  map[string]known[*Token]
	touched map[string]int64 // minute in which a session or token was last seen, by lookup
}

// known is a document in memory. It is shared: nobody changes it.
type known[P any] struct {
	doc   P
	entry int64
	at    time.Time
}

// maxKnown bounds each of the maps of a Desk.
const maxKnown = 4096

// New returns the desk of a ledger; keys hold the secret under which passwords
// and codes are hashed.
func New(ctx context.Context, l *ledger.Ledger, keys *keyring.Keyring, opt Options) (*Desk, error) {
	v, err := openVault(ctx, keys)
	if err != nil {
		return nil, err
	}
	opt.Idle = cmp.Or(opt.Idle, time.Hour)
	opt.Absolute = cmp.Or(opt.Absolute, 12*time.Hour)
	return &Desk{ledger: l, vault: v, opt: opt,
		queue: make(chan struct{}, maxQueue), hashing: make(chan struct{}, runtime.GOMAXPROCS(0)),
		people: map[string]known[*Person]{}, tokens: map[string]known[*Token]{}, touched: map[string]int64{}}, nil
}

// List returns everybody by name.
func (d *Desk) List(ctx context.Context) ([]*Person, error) {
	all, err := Persons.Select(ctx, d.ledger, "")
	slices.SortFunc(all, func(a, b *Person) int {
		return cmp.Or(cmp.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)), cmp.Compare(a.ID, b.ID))
	})
	return all, err
}

// Find returns the person with this id, NotFound where there is none.
func (d *Desk) Find(ctx context.Context, id string) (*Person, error) {
	return Persons.Load(ctx, d.ledger, id)
}

// SignIns returns the newest sign-ins and failures of a person, at most limit.
func (d *Desk) SignIns(ctx context.Context, person string, limit int) ([]*SignIn, error) {
	return SignIns.Select(ctx, d.ledger, `WHERE r.person = $1 ORDER BY r.at DESC, r.entry DESC LIMIT $2`, person, limit)
}

// operator is the actor of whoever may read the data directory and works by the
// command line, without an account.
const operator = "operator"

// Name returns the name to show for the actor of an entry. It is remembered,
// for a minute at most where another node may have changed it.
func (d *Desk) Name(ctx context.Context, actor string) string {
	switch actor {
	case ledger.System.ID:
		return "Countersign"
	case operator:
		return "Local operator"
	}
	d.mu.Lock()
	k, ok := d.people[actor]
	d.mu.Unlock()
	if ok && d.ledger.Now().Sub(k.at) < time.Minute {
		return k.doc.Name
	}
	p, err := d.person(ctx, actor, -1)
	if err != nil || p.Name == "" {
		return "Unknown person"
	}
	return p.Name
}

// person returns the person as entry made them, from memory where it has them;
// where entry is -1, as they are now. The result is shared.
func (d *Desk) person(ctx context.Context, id string, entry int64) (*Person, error) {
	return recall(ctx, d, d.people, id, entry, Persons.Load, func(p *Person) int64 { return p.Entry })
}

// token does for tokens what person does for persons.
func (d *Desk) token(ctx context.Context, id string, entry int64) (*Token, error) {
	return recall(ctx, d, d.tokens, id, entry, Tokens.Load, func(t *Token) int64 { return t.Entry })
}

func recall[P any](ctx context.Context, d *Desk, memory map[string]known[P], id string, entry int64,
	load func(context.Context, ledger.Source, string) (P, error), entryOf func(P) int64) (P, error) {
	d.mu.Lock()
	k, ok := memory[id]
	d.mu.Unlock()
	if ok && k.entry == entry {
		return k.doc, nil
	}
	now := d.ledger.Now()
	doc, err := load(ctx, d.ledger, id)
	if err != nil {
		return doc, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(memory) >= maxKnown {
		clear(memory)
	}
	memory[id] = known[P]{doc, entryOf(doc), now}
	return doc, nil
}

// put writes a changed person and forgets what memory held of them.
func (d *Desk) put(tx *ledger.Tx, p *Person, verb string, controls ...string) error {
	p.UpdatedAt = tx.Now.UnixMicro()
	if err := Persons.Put(tx, p, ledger.Do(verb, controls...)); err != nil {
		return err
	}
	tx.After(func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		delete(d.people, p.ID)
	})
	return nil
}

// change loads a person inside a Write of who's, has f change them, and puts
// them under verb.
func (d *Desk) change(ctx context.Context, actor ledger.Actor, person, verb, control string, f func(context.Context, *ledger.Tx, *Person) error) error {
	err := d.ledger.Write(ctx, actor, func(ctx context.Context, tx *ledger.Tx) error {
		p, err := Persons.Load(ctx, tx, person)
		if err != nil {
			return err
		}
		err = f(ctx, tx, p)
		if errors.Is(err, errUnchanged) {
			return nil
		}
		if err != nil {
			return err
		}
		return d.put(tx, p, verb, control)
	})
	if err != nil {
		return fmt.Errorf("%s: %w", verb, err)
	}
	return nil
}

// errUnchanged ends a change that changes nothing: there is no entry.
var errUnchanged = errors.New("people: nothing to change")

// manage is change by an administrator, who must still be one when it
// happens.
func (d *Desk) manage(ctx context.Context, admin *Identity, person, verb, control string, f func(context.Context, *ledger.Tx, *Person) error) error {
	if err := Require(admin, Admin); err != nil {
		return err
	}
	return d.change(ctx, admin.Actor(Admin), person, verb, control, func(ctx context.Context, tx *ledger.Tx, p *Person) error {
		if err := stands(ctx, tx, admin, Admin); err != nil {
			return err
		}
		return f(ctx, tx, p)
	})
}

// stands reports whether who still has a role at this very moment: of two
// administrators who take each other's role away one remains.
func stands(ctx context.Context, tx *ledger.Tx, who *Identity, r Role) error {
	p, err := Persons.Load(ctx, tx, who.ID)
	if err != nil {
		return err
	}
	if !p.Active || !p.Has(r) || !who.Has(r) {
		return fault.New(fault.Denied, "this needs the role %s, which you no longer have", r.Title())
	}
	return nil
}

// changeOwn is change of somebody's own credentials, in a session.
func (d *Desk) changeOwn(ctx context.Context, who *Identity, verb string, f func(context.Context, *ledger.Tx, *Person) error) error {
	return d.change(ctx, who.self(), who.ID, verb, "CC6.1", func(ctx context.Context, tx *ledger.Tx, p *Person) error {
		if err := stillIn(ctx, tx, who); err != nil {
			return err
		}
		return f(ctx, tx, p)
	})
}

// stillIn refuses credentials to a session that ended while the request was
// under way: a reset ends what a thief has, so nothing may be made after it.
func stillIn(ctx context.Context, tx *ledger.Tx, who *Identity) error {
	owner, err := sessionOwner(ctx, tx, who.Session)
	if err == nil && owner != who.ID {
		err = ErrNotSignedIn
	}
	return err
}

// inSession refuses what only a person in a session may do: a stolen token must
// not be able to make itself at home.
func inSession(who *Identity) error {
	if who == nil {
		return ErrNotSignedIn
	}
	if who.Session == "" {
		return fault.New(fault.Denied, "this cannot be done with a token; sign in")
	}
	return nil
}
