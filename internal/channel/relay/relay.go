// Package relay hands mail to the organisation's SMTP relay and knows, each
// time, whether the relay has taken it.
//
// Mail is built so that the same Mail gives the same bytes: what is sent again
// after a failure is the same message.
package relay

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"time"
)

// Mail is one message.
type Mail struct {
	MessageID  string    // without angle brackets: local@domain
	Date       time.Time // of the Date field
	From       string    // "Name <addr>" or "addr", as all addresses here
	To, Cc     []string
	ReplyTo    string
	Subject    string
	Text       string            // plain text in UTF-8
	InReplyTo  string            // Message-ID, without angle brackets
	References []string          // Message-IDs, without angle brackets, the oldest first
	Headers    map[string]string // further fields, such as Auto-Submitted
	Sender     string            // envelope sender: "" is that of From, "<>" the null one (RFC 5321 §4.5.5)
	// Attachments, in order.
	Attachments []File
}

// File is one attachment.
type File struct {
	Name string
	Type string // media type; application/octet-stream where empty
	Open func() (io.ReadCloser, error)
}

// Receipt says how the relay took a mail. It took it for every recipient.
type Receipt struct {
	Relay  string // host:port
	Text   string // its answer to the message, which often has its queue id
	TLS    bool   // whether the way to it was encrypted
	Size   int64  // bytes of the message
	SHA256 string // of the message, in hex
}

// Refused is the relay's no: it has not taken the mail, for anybody.
type Refused struct {
	Permanent  bool   // 5xx: repeating it is pointless. Else 4xx: try later
	Code       int    // SMTP reply code
	Text       string // what the relay said
	Recipients []Result
}

// Result is the relay's answer to one recipient.
type Result struct {
	Address string
	Code    int // 250 or 251: would have been accepted
	Text    string
}

func (r *Refused) Error() string {
	return fmt.Sprintf("the relay refused the mail: %d %s", r.Code, r.Text)
}

// Ambiguous means that the connection was lost after the end of the message
// was sent and before the relay's answer: it may have taken the mail or not.
type Ambiguous struct{ Err error }

func (a *Ambiguous) Error() string {
	return "the relay may have taken the mail or not: " + a.Err.Error()
}

func (a *Ambiguous) Unwrap() error { return a.Err }

// Relay is a way to one SMTP relay. It is safe for concurrent use.
type Relay struct {
	// TLS is the configuration for TLS connections; nil means the system's
	// roots and the relay's name. Set it before the first Send.
	TLS *tls.Config
	target
	pool pool
}

// New returns the Relay of a URL: smtp://[user:password@]host[:port] or
// smtps:// for TLS from the start. It does not connect.
func New(url string) (*Relay, error) { return newRelay(url) }

// Send hands m over and returns when the relay has answered. The error is a
// *Refused where it said no, an *Ambiguous where nobody knows, a fault where m
// cannot be sent as it is; after any other error the relay has not taken the
// mail, and Send may be called again.
func (r *Relay) Send(ctx context.Context, m Mail) (Receipt, error) { return r.send(ctx, m) }

// Write writes the message that Send would send.
func (m *Mail) Write(w io.Writer) error { return m.write(w) }

// Close closes idle connections.
func (r *Relay) Close() { r.pool.close() }
