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
	"io"
	"log/slog"
	"net"

	"blitiri.com.ar/go/spf"

	"example.org/countersign/internal/channel"
	"example.org/countersign/internal/channel/relay"
	"example.org/countersign/internal/keyring"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/mime"
	"example.org/countersign/internal/policy"
)

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
}

// New returns a Desk.
func New(l *ledger.Ledger, channels *channel.Desk, policies *policy.Desk, opt Options) *Desk {
	log := opt.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Desk{ledger: l, channels: channels, policies: policies, opt: opt, log: log}
}

// Incoming is a mail as it arrives.
type Incoming struct {
	Channel string // address it was sent to
	Source  Source // FromSMTP, FromImport, FromAPI
	From    string // envelope sender, "<>" for the null one, "" where there is no envelope
	To      []string
	Remote  net.IP // nil: unknown
	HELO    string
	TLS     bool
	Raw     io.Reader // the message as it came; read to its end
}

// Report is what somebody fills in, on the report page or by the API.
type Report struct {
	Channel   string // address of the channel
	Source    Source // FromPortal, FromAPI
	Name      string
	Address   string // e-mail for the answer; may be empty
	Subject   string
	Text      string
	Category  string // what the reporter thinks it is about; a hint
	Language  string
	Files     []Upload
	Anonymous bool   // Name and Address must be empty, files lose their metadata
	Key       string // makes a report that is sent twice one; may be empty
}

// Upload is a file of a Report.
type Upload struct {
	Name string
	Type string
	Open func() (io.ReadCloser, error)
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

// Thread is what a reporter sees with number and code.
type Thread struct {
	Number     string
	Subject    string
	State      State
	Language   string
	ReceivedAt int64
	DueAt      int64 // first answer, at the latest; 0: none is owed, or it came
	Messages   []Message
}

// Message is one communication as its reporter sees it.
type Message struct {
	ID          string
	FromUs      bool
	At          int64
	Text        string
	Attachments []Attachment
}

// Row is one communication in an export.
type Row struct {
	Number      string    `json:"number"`
	Direction   Direction `json:"direction"`
	Channel     string    `json:"channel"` // address
	From        string    `json:"from"`
	To          []string  `json:"to"`
	Cc          []string  `json:"cc"`
	Subject     string    `json:"subject"`
	Date        string    `json:"date"` // as claimed, RFC 3339, "" where absent
	ReceivedAt  string    `json:"received_at"`
	MessageID   string    `json:"message_id"`
	InReplyTo   string    `json:"in_reply_to"`
	Text        string    `json:"text"`
	Attachments []RowFile `json:"attachments"`
	Auto        string    `json:"auto"`
	RawSHA256   string    `json:"raw_sha256"`
}

// RowFile is an attachment in an export.
type RowFile struct {
	Name   string `json:"name"`
	Type   string `json:"type"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// Result says what an import did. Every message read is recorded, a duplicate
// or refused.
type Result struct {
	Read       int       `json:"read"`
	Recorded   int       `json:"recorded"`
	Duplicates int       `json:"duplicates"`
	Refused    []Refused `json:"refused"`
}

// Refused is something that an import left alone.
type Refused struct {
	Path   string `json:"path"`
	Reason string `json:"reason"`
}

// ConfirmationJob is the kind of the job that Confirm handles; its key is the
// id of the communication to confirm.
const ConfirmationJob = "confirmation"

var _ = mime.Limits{}
