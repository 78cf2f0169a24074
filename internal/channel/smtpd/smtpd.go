// Package smtpd receives mail by SMTP (RFC 5321) and answers 250 only for what
// its receive function has taken for good.
//
// The protocol is go-smtp's. What is added here: who may connect and how often,
// limits on time, recipients that are asked for one by one, a message that is
// handed on while it arrives, and an answer to everything, also where the
// receiving side panics.
package smtpd

import (
	"cmp"
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/emersion/go-smtp"
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
// taken for good. fault.Unavailable asks the sender to try again later (451);
// fault.Invalid, Denied, NotFound and Conflict refuse for good with the fault's
// text (554); every other error is 451 too.
type Receive func(ctx context.Context, env Envelope, raw io.Reader) error

// Config says what the server accepts. Zero values mean the defaults.
type Config struct {
	Domain string      // our name in the greeting; "localhost"
	TLS    *tls.Config // nil: no STARTTLS

	// Accepts decides on a recipient: nil, or a fault whose text is told to
	// the sender (550). fault.Unavailable, and an error that is no fault, ask
	// for another try (451).
	Accepts func(ctx context.Context, address string) error

	MaxSize        int64         // bytes of one message; 50 MiB
	MaxRecipients  int           // of one message; 100 (RFC 5321 §4.5.3.1.8)
	MaxLine        int           // bytes of one line, also within the message; 128 KiB
	MaxConns       int           // at a time; 512
	MaxConnsPerIP  int           // at a time from one address; 64
	CommandTimeout time.Duration // for one command to arrive; 5 minutes (RFC 5321 §4.5.3.2.7)
	MessageTimeout time.Duration // for one message to arrive; 10 minutes
	Spool          string        // directory for large mail to several channels; the system's
}

func (c *Config) defaults() {
	c.Domain = cmp.Or(c.Domain, "localhost")
	c.MaxSize = cmp.Or(c.MaxSize, 50<<20)
	c.MaxRecipients = cmp.Or(c.MaxRecipients, 100)
	c.MaxLine = cmp.Or(c.MaxLine, 128<<10)
	c.MaxConns = cmp.Or(c.MaxConns, 512)
	c.MaxConnsPerIP = cmp.Or(c.MaxConnsPerIP, 64)
	c.CommandTimeout = cmp.Or(c.CommandTimeout, 5*time.Minute)
	c.MessageTimeout = cmp.Or(c.MessageTimeout, 10*time.Minute)
}

// Server is an SMTP server.
type Server struct {
	cfg     Config
	receive Receive
	log     *slog.Logger
	smtp    *smtp.Server
	ctx     context.Context // of receive
	cancel  context.CancelFunc
	over    context.Context // ends with Shutdown's beginning
	close   context.CancelFunc

	mu    sync.Mutex
	open  map[*conn]struct{}
	perIP map[netip.Addr]int
}

// New returns a server that is not listening yet.
func New(cfg Config, receive Receive, log *slog.Logger) *Server {
	cfg.defaults()
	s := &Server{cfg: cfg, receive: receive, log: log, open: map[*conn]struct{}{}, perIP: map[netip.Addr]int{}}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.over, s.close = context.WithCancel(context.Background())
	s.smtp = smtp.NewServer(smtp.BackendFunc(s.session))
	s.smtp.Domain = cfg.Domain
	s.smtp.TLSConfig = cfg.TLS
	s.smtp.MaxMessageBytes = cfg.MaxSize
	s.smtp.MaxRecipients = cfg.MaxRecipients
	s.smtp.MaxLineLength = cfg.MaxLine
	s.smtp.ReadTimeout = cfg.CommandTimeout
	s.smtp.WriteTimeout = time.Minute
	s.smtp.EnableSMTPUTF8 = true
	s.smtp.ErrorLog = slog.NewLogLogger(log.Handler(), slog.LevelInfo)
	return s
}

// Serve accepts connections on ln until Shutdown, then returns nil.
func (s *Server) Serve(ln net.Listener) error {
	g := &gate{Listener: ln, server: s}
	defer context.AfterFunc(s.over, func() { g.Close() })() // also where it is over before it has begun
	if err := s.smtp.Serve(g); s.over.Err() == nil {
		return err
	}
	return nil
}

// Shutdown stops accepting, tells idle clients to come back later, lets
// messages under way finish until ctx ends, and then closes what is left.
func (s *Server) Shutdown(ctx context.Context) error {
	s.close()
	s.mu.Lock()
	for c := range s.open {
		if !c.busy.Load() {
			c.Conn.SetReadDeadline(past)
		}
	}
	s.mu.Unlock()
	err := s.smtp.Shutdown(ctx)
	s.cancel()
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.open {
		c.Conn.Close()
	}
	return err
}
