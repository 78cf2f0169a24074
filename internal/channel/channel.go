// Package channel is the register of approved channels, the only ways in and
// out (CC2.2, CC2.3): which addresses are ours, who owns each, what it is for,
// whom it serves, where that is published, and when it is looked at again.
//
//	proposed ──Approve──► approved ──Retire──► retired
//	                       │    ▲
//	                     Change └─Approve
//
// What somebody proposed or changed takes effect once a second person has
// approved it; until then an approved channel works as it was approved. A
// channel is never deleted.
package channel

import (
	"context"
	"time"

	"example.org/countersign/internal/ledger"
)

// Kind is how messages travel on a channel.
type Kind string

// The kinds of channel.
const (
	Email  Kind = "email"
	Portal Kind = "portal" // the public report page
	API    Kind = "api"
	Import Kind = "import" // history from files
)

// Direction says whether messages come in, go out, or both.
type Direction string

// The directions.
const (
	Inbound  Direction = "inbound"
	Outbound Direction = "outbound"
	Both     Direction = "both"
)

// State is how far a channel has come.
type State string

// The states of a channel.
const (
	Proposed State = "proposed"
	Approved State = "approved"
	Retired  State = "retired"
)

// Terms are what people say about a channel and a second person approves.
type Terms struct {
	Name      string    `json:"name"`
	Kind      Kind      `json:"kind"`
	Address   string    `json:"address"` // mail address; for the other kinds a path, URL or short name
	Direction Direction `json:"direction"`
	Audience  string    `json:"audience"` // whom it serves: customers, personnel, public …
	Owner     string    `json:"owner"`    // person id
	Purpose   string    `json:"purpose"`
	ReviewDue string    `json:"review_due"` // date, 2006-01-02
	Published []string  `json:"published"`  // where people learn of it: a URL, a clause, a document
	FromName  string    `json:"from_name"`  // display name of mail that leaves by it
	Domain    string    `json:"domain"`     // of our Message-IDs; that of the address where empty
	Reply     string    `json:"reply"`      // id of the channel that answers leave by, where this one sends nothing
}

// Channel is a record: terms in force, and what awaits approval.
type Channel struct {
	ledger.Record
	Name      string    `json:"name"`
	Kind      Kind      `json:"kind"`
	Address   string    `json:"address"`
	Direction Direction `json:"direction"`
	Audience  string    `json:"audience"`
	Owner     string    `json:"owner"`
	Purpose   string    `json:"purpose"`
	ReviewDue string    `json:"review_due"`
	Published []string  `json:"published"`
	FromName  string    `json:"from_name"`
	Domain    string    `json:"domain"`
	Reply     string    `json:"reply"`

	State        State    `json:"state"`
	ProposedBy   string   `json:"proposed_by"`
	ProposedAt   int64    `json:"proposed_at"` // Unix microseconds, as all times
	ApprovedBy   string   `json:"approved_by"` // of the terms in force
	ApprovedAt   int64    `json:"approved_at"`
	Pending      *Terms   `json:"pending"` // a change that awaits approval
	Editors      []string `json:"editors"` // everybody who had a hand in what awaits approval
	UpdatedAt    int64    `json:"updated_at"`
	ReviewedBy   string   `json:"reviewed_by"`
	ReviewedAt   int64    `json:"reviewed_at"`
	RetiredBy    string   `json:"retired_by"`
	RetiredAt    int64    `json:"retired_at"`
	RetireReason string   `json:"retire_reason"`
}

// Receives reports whether messages may come in now.
func (c *Channel) Receives() bool { return c.State == Approved && c.Direction != Outbound }

// Sends reports whether messages may go out now.
func (c *Channel) Sends() bool { return c.State == Approved && c.Direction != Inbound }

// Terms returns the terms in force, or, of a proposed channel, the proposed.
func (c *Channel) Terms() Terms {
	return Terms{Name: c.Name, Kind: c.Kind, Address: c.Address, Direction: c.Direction, Audience: c.Audience,
		Owner: c.Owner, Purpose: c.Purpose, ReviewDue: c.ReviewDue, Published: c.Published,
		FromName: c.FromName, Domain: c.Domain, Reply: c.Reply}
}

// ReviewOverdue reports whether the review date has passed at t.
func (c *Channel) ReviewOverdue(t time.Time) bool {
	return c.State == Approved && c.ReviewDue < t.UTC().Format(time.DateOnly)
}

// Channels is the kind of record.
var Channels = ledger.Define[Channel]("channel", []string{"address_key", "state", "review_due"}, (*Channel).row)

// Records are the kinds of record of this package.
func Records() []ledger.Records { return []ledger.Records{Channels} }

// Desk keeps the register.
type Desk struct{ ledger *ledger.Ledger }

// New returns the Desk of a ledger.
func New(l *ledger.Ledger) *Desk { return &Desk{l} }

// The actor of every verb is the person who acts, also where a token acts for
// them: the second person is told from the first by Actor.ID. seen, where a verb
// takes one, is the Entry of the record as that person saw it; where the record
// says something else by now the verb is a Conflict.

// Add proposes a channel. The terms are Invalid where one is missing or makes
// no sense, and a Conflict where another channel has the address.
func (d *Desk) Add(ctx context.Context, actor ledger.Actor, t Terms) (*Channel, error) {
	return d.add(ctx, actor, t)
}

// Change changes what is proposed, or proposes a change of a channel that is
// approved, which goes on as it is until a second person approves.
func (d *Desk) Change(ctx context.Context, actor ledger.Actor, id string, seen int64, t Terms) (*Channel, error) {
	return d.change(ctx, actor, id, seen, t)
}

// Approve puts what is proposed in force. It is Denied to everybody who had a
// hand in it.
func (d *Desk) Approve(ctx context.Context, actor ledger.Actor, id string, seen int64) (*Channel, error) {
	return d.approve(ctx, actor, id, seen)
}

// Withdraw takes a pending change back: the channel stays as it was approved.
func (d *Desk) Withdraw(ctx context.Context, actor ledger.Actor, id string, seen int64) (*Channel, error) {
	return d.withdraw(ctx, actor, id, seen)
}

// Retire closes a channel for good, whatever state it is in.
func (d *Desk) Retire(ctx context.Context, actor ledger.Actor, id, reason string) (*Channel, error) {
	return d.retire(ctx, actor, id, reason)
}

// Reviewed records that somebody has looked at an approved channel and found
// it right, and when to look again (a date).
func (d *Desk) Reviewed(ctx context.Context, actor ledger.Actor, id, next string) (*Channel, error) {
	return d.reviewed(ctx, actor, id, next)
}

// Find returns a channel, NotFound where there is none.
func (d *Desk) Find(ctx context.Context, src ledger.Source, id string) (*Channel, error) {
	return Channels.Load(ctx, src, id)
}

// ByAddress returns the approved channel that receives at an address, however
// the address is spelt; NotFound where there is none.
func (d *Desk) ByAddress(ctx context.Context, src ledger.Source, address string) (*Channel, error) {
	return d.byAddress(ctx, src, address)
}

// Outbound returns the approved channel by which answers leave to what came in
// on channel id: the same, or the one it designates. A Conflict says why there
// is none. (CC2.3: through approved channels only.)
func (d *Desk) Outbound(ctx context.Context, src ledger.Source, id string) (*Channel, error) {
	return d.outbound(ctx, src, id)
}

// List returns every channel, retired ones too, in the order of their names.
func (d *Desk) List(ctx context.Context, src ledger.Source) ([]*Channel, error) {
	return d.list(ctx, src)
}
