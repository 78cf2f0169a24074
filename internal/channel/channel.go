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
	"time"

	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/mime"
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
	Reply     string    `json:"reply"`      // id of the mail channel that answers leave by, where it is another
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

// apply puts terms in force.
func (c *Channel) apply(t Terms) {
	c.Name, c.Kind, c.Address, c.Direction, c.Audience = t.Name, t.Kind, t.Address, t.Direction, t.Audience
	c.Owner, c.Purpose, c.ReviewDue, c.Published = t.Owner, t.Purpose, t.ReviewDue, t.Published
	c.FromName, c.Domain, c.Reply = t.FromName, t.Domain, t.Reply
}

// ReviewOverdue reports whether the review date has passed at t.
func (c *Channel) ReviewOverdue(t time.Time) bool {
	return c.State == Approved && c.ReviewDue < t.UTC().Format(time.DateOnly)
}

// holds reports whether the address is the channel's: it receives there or is
// proposed to.
func (c *Channel) holds() bool { return c.State != Retired && c.Direction != Outbound }

// Channels is the kind of record.
var Channels = ledger.Define("channel", []string{"address_key", "state", "review_due"}, (*Channel).row)

// row gives the address only while the channel receives: no two such channels
// have the same (CC2.3: who writes to it must know where it arrives).
func (c *Channel) row(x ledger.Index) []any {
	key := ""
	if c.holds() {
		key = addressKey(x, c.Address)
	}
	return []any{key, string(c.State), c.ReviewDue}
}

func addressKey(x ledger.Index, address string) string {
	return x.Blind("channel-address", mime.NormalizeAddr(address))
}

// Records are the kinds of record of this package.
func Records() []ledger.Records { return []ledger.Records{Channels} }
