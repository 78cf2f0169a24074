// Package relay hands mail to the organisation's SMTP relay and knows, each
// time, whether the relay has taken it.
//
// A relay takes responsibility with its answer to the end of the message (RFC
// 5321 §6.1). So everything before that end is sent is safe to repeat, an
// answer after it is final, and between the two nobody can know: that is
// Ambiguous. Mail is built so that the same Mail gives the same bytes, and what
// is sent again is the same message.
package relay

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"example.org/countersign/internal/fault"
)

// Mail is one message of plain text and attachments.
type Mail struct {
	MessageID   string    // local@domain, with or without angle brackets
	Date        time.Time // of the Date field
	From        string    // "Name <addr>" or "addr", as all addresses here
	To, Cc      []string
	ReplyTo     string
	Subject     string
	Text        string            // UTF-8; lines of any length
	InReplyTo   string            // Message-ID; left out where it is none
	References  []string          // Message-IDs, the oldest first
	Headers     map[string]string // further fields, such as Auto-Submitted
	Sender      string            // envelope sender: "" is that of From, "<>" the null one (RFC 5321 §4.5.5)
	Attachments []File
}

// File is one attachment.
type File struct {
	Name string
	Type string // media type; application/octet-stream where it is none
	Open func() (io.ReadCloser, error)
}

// Receipt says how the relay took a mail: for all recipients.
type Receipt struct {
	Relay  string // host:port
	Text   string // its answer to the message, which often names its queue id
	TLS    bool   // whether the way to it was encrypted
	Size   int64  // bytes of the message
	SHA256 string // of the message, in hex
}

// Refused is the relay's no: it has not taken the mail, for anybody. Where it
// would have taken it for some of the recipients nothing was sent either, since
// what was approved is a mail to all of them.
type Refused struct {
	Permanent  bool     // 5xx: repeating it is pointless. Otherwise try later
	Code       int      // SMTP reply code
	Text       string   // what the relay said
	Recipients []Result // in order, where it was asked for them
}

// Result is the relay's answer to one recipient.
type Result struct {
	Address string
	Code    int // 250 to 259: would have been taken
	Text    string
}

// Accepted reports whether the relay would have taken the mail for this one.
func (r *Result) Accepted() bool { return r.Code/10 == 25 }

func (r *Refused) Error() string {
	return fmt.Sprintf("the relay refused the mail: %d %s", r.Code, r.Text)
}

// Ambiguous means that the connection was lost between the end of the message
// and the relay's answer: it may have taken the mail or not.
type Ambiguous struct{ Err error }

func (a *Ambiguous) Error() string {
	return "the relay may have taken the mail or not: " + a.Err.Error()
}

func (a *Ambiguous) Unwrap() error { return a.Err }

// Relay is a way to one SMTP relay. It is safe for concurrent use.
type Relay struct {
	// TLS configures TLS connections; nil means the system's roots. Name is
	// what we call ourselves; our IP address where empty. Set them before the
	// first Send.
	TLS  *tls.Config
	Name string

	host, addr     string
	user, password string
	security       security
	slots          chan struct{} // as many connections as there may be
	idle           idle
	wait           waits
}

// security says what protects the way to the relay.
type security int

const (
	opportunistic security = iota // TLS where it is offered, whoever is there
	verified                      // STARTTLS with a certificate that is good
	implicit                      // TLS from the start, with a good certificate
	never
)

// New returns the Relay of a URL, without connecting to it:
//
//	smtp://host[:port]              port 25; TLS where offered, unverified
//	smtp://user:password@host       port 587; verified TLS, except on this machine
//	smtps://[user:password@]host    port 465; verified TLS from the start
//
// With ?tls=required the first demands verified TLS, with ?tls=never none is
// used.
func New(rawURL string) (*Relay, error) {
	u, err := url.Parse(rawURL)
	if err != nil || u.Hostname() == "" || u.Scheme != "smtp" && u.Scheme != "smtps" || strings.Trim(u.Path, "/") != "" {
		return nil, fault.New(fault.Invalid, "the relay must be given as smtp://host:port or smtps://host:port, with user:password@ where it asks for them")
	}
	r := &Relay{host: u.Hostname(), user: u.User.Username(), slots: make(chan struct{}, 4), wait: standard}
	r.password, _ = u.User.Password()
	port := "25"
	switch {
	case u.Scheme == "smtps":
		port, r.security = "465", implicit
	case r.user != "":
		port = "587"
		if !local(r.host) { // RFC 8314 §4.1: no password in clear
			r.security = verified
		}
	}
	if u.Port() != "" {
		port = u.Port()
	}
	r.addr = net.JoinHostPort(r.host, port)
	return r, r.options(u)
}

func (r *Relay) options(u *url.URL) error {
	for key, values := range u.Query() {
		switch value := values[len(values)-1]; {
		case key == "tls" && value == "required" && r.security != implicit:
			r.security = verified
		case key == "tls" && value == "never" && r.security == opportunistic:
			r.security = never
		default:
			return fault.New(fault.Invalid, "the relay's URL cannot have %s=%s; there is ?tls=required, and ?tls=never where no password would be sent in clear", key, value)
		}
	}
	return nil
}

func local(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// Close closes the connections that are kept for the next mail.
func (r *Relay) Close() { r.idle.close() }
