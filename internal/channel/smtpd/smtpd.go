// Package smtpd receives mail by SMTP (RFC 5321) and answers 250 only for what
// its receive function has taken for good.
package smtpd

import (
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"time"
)

// Envelope is what the sending side said before the message itself.
type Envelope struct {
	From     string   // "" is the null sender of bounces
	To       []string // one address: receive is called once for each channel
	RemoteIP net.IP
	HELO     string
	TLS      bool
}

// Receive takes one message for the one address in env.To. raw gives an error
// other than io.EOF where the message did not arrive whole or is refused: then
// nothing of it may be kept, and Receive returns an error. Nil means it is
// taken for good. fault.Unavailable asks the sender to try again later (451),
// fault.Invalid and fault.Denied refuse for good with the fault's text (554),
// and every other error is 451 too.
type Receive func(ctx context.Context, env Envelope, raw io.Reader) error

// Config says what the server accepts. Zero values mean the defaults.
type Config struct {
	Domain string      // our name in the greeting; "localhost"
	TLS    *tls.Config // nil: no STARTTLS

	// Accepts decides on a recipient: nil, or a fault whose text is told to
	// the sender (550), Unavailable as 451.
	Accepts func(ctx context.Context, address string) error

	MaxSize        int64         // bytes of one message; 50 MiB
	MaxRecipients  int           // of one message; 100
	MaxLine        int           // bytes of one line, also within the message; 128 KiB
	MaxConns       int           // at a time; 512
	MaxConnsPerIP  int           // at a time from one address; 64
	CommandTimeout time.Duration // for one command to arrive; 5 minutes
	MessageTimeout time.Duration // for one message to arrive; 10 minutes
	Spool          string        // directory for large mail to several channels; the system's
}

// Server is an SMTP server.
type Server struct{ server }

// New returns a server that is not listening yet.
func New(cfg Config, receive Receive, log *slog.Logger) *Server { return newServer(cfg, receive, log) }

// Serve accepts connections on ln until Shutdown, then returns nil.
func (s *Server) Serve(ln net.Listener) error { return s.serve(ln) }

// Shutdown stops accepting, lets messages under way finish until ctx ends, and
// closes every connection.
func (s *Server) Shutdown(ctx context.Context) error { return s.shutdown(ctx) }
