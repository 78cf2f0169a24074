// Package intake receives what comes from outside and makes it a record at
// once: a communication in a case with a gap-free tracking number, classified
// by the rules in force, confirmed to its sender where that is safe (CC2.3,
// CC7.3).
//
//	mail, import ─ Receive ┐                     ┌ new case: open
//	portal, API ── Report ─┼─ one ledger.Write ──┤ reply: joins its case, opens it again
//	               AddFollowUp                   └ same bytes again: nothing new
//
//	open → answered → closed, and back to open by every reply of a person
//
// What a return without error means: sealed and on disk. Everything that may
// be slow or fail (parsing, blobs, rules, authentication) comes before the
// transaction; what it relied on is compared inside, and where that changed
// meanwhile the work starts over outside.
package intake

import (
	"context"
	"log/slog"

	"blitiri.com.ar/go/spf"

	"example.org/countersign/internal/channel"
	"example.org/countersign/internal/channel/relay"
	"example.org/countersign/internal/intake/number"
	"example.org/countersign/internal/keyring"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/policy"
)

// Languages are those in which the product writes to outsiders.
var Languages = policy.Languages

// Options of a Desk.
type Options struct {
	Keys         *keyring.Keyring // opens blobs
	Organisation string           // who signs confirmations
	// Resolver answers the questions of SPF, DKIM and DMARC; net.DefaultResolver
	// is one. nil: senders are not checked.
	Resolver spf.DNSResolver
	// Send hands a confirmation to the relay. nil: there is none; confirmations
	// stay queued.
	Send func(context.Context, relay.Mail) (relay.Receipt, error)
	Log  *slog.Logger // nil: discarded
}

// Desk receives.
type Desk struct {
	ledger   *ledger.Ledger
	channels *channel.Desk
	policies *policy.Desk
	opt      Options
	log      *slog.Logger
	numbers  number.Giver
}

// New returns a Desk.
func New(l *ledger.Ledger, channels *channel.Desk, policies *policy.Desk, opt Options) *Desk {
	log := opt.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Desk{ledger: l, channels: channels, policies: policies, opt: opt, log: log}
}

// Receipt is what whoever handed something in is told. It means that the
// record is sealed and on disk.
type Receipt struct {
	Case          string // id
	Number        string
	Communication string // id
	Code          string // follow-up code, for reports; shown this once
	New           bool   // made a case; otherwise it joined one
	Duplicate     bool   // had come before, byte by byte: nothing was recorded
}
