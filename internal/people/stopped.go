package people

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/id"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/spool"
)

// While sealing has stopped, people still sign in and out: a lead has to decide
// how it goes on (CC7.4). What would be recorded of that is spooled.
const (
	SignInItem  = "sign-in"
	SignOutItem = "sign-out"
)

// keptSignIn is a sign-in, or, with no more than ID, Person and EndedAt, the end
// of one.
type keptSignIn struct {
	ID      string `json:"id"`
	Person  string `json:"person"`
	Role    string `json:"role"` // of the entry
	At      int64  `json:"at,omitzero"`
	Method  string `json:"method,omitzero"`
	Device  string `json:"device,omitzero"`
	EndedAt int64  `json:"ended_at,omitzero"`
}

// enterStopped is enter while sealing has stopped. The session is there first:
// one that nobody was told of harms nobody, a sign-in that never was is a lie.
func (d *Desk) enterStopped(ctx context.Context, p *Person, s *SignIn, strong bool, check func(context.Context, *ledger.Tx) error) (cookie string, who *Identity, err error) {
	s.ID = id.New()
	err = d.ledger.Attend(ctx, p.actor(), func(ctx context.Context, tx *ledger.Tx) error {
		if err := check(ctx, tx); err != nil {
			return err
		}
		s.At = tx.Now.UnixMicro()
		cookie, who, err = d.begin(tx, p, s.ID, strong)
		return err
	})
	if err != nil {
		return "", nil, err
	}
	if err := d.keep(SignInItem, keptSignIn{ID: s.ID, Person: p.ID, Role: p.actor().Role, At: s.At, Method: s.Method, Device: s.Device}); err != nil {
		return "", nil, err
	}
	return cookie, who, nil
}

// leaveStopped ends a session of p while sealing has stopped.
func (d *Desk) leaveStopped(ctx context.Context, p *Person, session string) error {
	err := d.keep(SignOutItem, keptSignIn{ID: session, Person: p.ID, Role: p.actor().Role, EndedAt: d.ledger.Now().UnixMicro()})
	if err != nil {
		return err
	}
	return d.ledger.Attend(ctx, p.actor(), func(_ context.Context, tx *ledger.Tx) error {
		_, err := deleteSession(tx, session)
		return err
	})
}

func (d *Desk) keep(kind string, k keptSignIn) error {
	if err := d.opt.Spool.Keep(kind, d.ledger.Now(), k, strings.NewReader("")); err != nil {
		return &fault.Error{Kind: fault.Unavailable, Msg: "this cannot be kept at the moment; try again", Err: err}
	}
	return nil
}

// Take records a spooled sign-in or its end (CC6.1). It may be repeated.
func (d *Desk) Take(ctx context.Context, item spool.Item) error {
	var k keptSignIn
	if err := json.Unmarshal(item.Meta, &k); err != nil {
		return err
	}
	take := takeSignIn
	if item.Kind == SignOutItem {
		take = takeSignOut
	}
	return d.ledger.Write(ctx, ledger.Actor{ID: k.Person, Role: k.Role}, func(ctx context.Context, tx *ledger.Tx) error { return take(ctx, tx, k) })
}

func takeSignIn(ctx context.Context, tx *ledger.Tx, k keptSignIn) error {
	_, err := SignIns.Load(ctx, tx, k.ID)
	if kind, _ := fault.Of(err); err == nil || kind != fault.NotFound {
		return err // nil: it is recorded
	}
	s := &SignIn{Person: k.Person, At: k.At, Method: k.Method, Device: k.Device}
	s.ID = k.ID
	owner, err := sessionOwner(ctx, tx, k.ID)
	if err != nil {
		return err
	}
	if owner == "" {
		s.EndedAt, s.Ending = tx.Now.UnixMicro(), "unrecorded"
	}
	return SignIns.Put(tx, s, ledger.Do("opened", "CC6.1"))
}

func takeSignOut(ctx context.Context, tx *ledger.Tx, k keptSignIn) error {
	s, err := SignIns.Load(ctx, tx, k.ID)
	if err != nil {
		return fmt.Errorf("the sign-in that ends: %w", err)
	}
	if _, err := deleteSession(tx, k.ID); err != nil {
		return err
	}
	if s.Ending == "signed-out" {
		return nil
	}
	s.EndedAt, s.Ending = k.EndedAt, "signed-out"
	return SignIns.Put(tx, s, ledger.Do("signed-out", "CC6.1"))
}
