package smtpd

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"example.org/countersign/internal/clock"
)

// gate lets in as many connections as there may be.
type gate struct {
	net.Listener
	server *Server
	once   sync.Once
	err    error
}

// Close closes the listener, once.
func (g *gate) Close() error {
	g.once.Do(func() { g.err = g.Listener.Close() })
	return g.err
}

// Accept returns the next connection that is let in. The others are told to
// come back later.
func (g *gate) Accept() (net.Conn, error) {
	for {
		raw, err := g.Listener.Accept()
		if err != nil {
			return nil, err
		}
		c := &conn{Conn: raw, server: g.server, ip: addrOf(raw)}
		why := g.server.admit(c)
		if why == "" {
			return c, nil
		}
		g.server.log.Warn("connection refused", "remote", c.ip, "reason", why)
		go func() {
			raw.SetDeadline(soon(5 * time.Second))
			io.WriteString(raw, "421 4.7.0 "+why+", try again later\r\n")
			linger(raw)
		}()
	}
}

func addrOf(c net.Conn) netip.Addr {
	a, _ := netip.ParseAddrPort(c.RemoteAddr().String())
	return a.Addr().Unmap()
}

// soon is an instant for the network's deadlines, which the machine keeps.
func soon(d time.Duration) time.Time { return clock.System.Now().Add(d) }

// admit counts c in, or says why not.
func (s *Server) admit(c *conn) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.over.Err() != nil:
		return "shutting down"
	case len(s.open) >= s.cfg.MaxConns:
		return "too many connections"
	case s.perIP[c.ip] >= s.cfg.MaxConnsPerIP:
		return "too many connections from your address"
	}
	s.open[c] = struct{}{}
	s.perIP[c.ip]++
	return ""
}

// conn is one connection, below TLS.
type conn struct {
	net.Conn
	server *Server
	ip     netip.Addr
	broken atomic.Bool // reading has failed: nothing more arrives
	busy   atomic.Bool // a message is under way
	left   atomic.Bool // the next command is not waited for
	once   sync.Once
}

// Read notes how the connection ends (see message.cut).
func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		c.broken.Store(true)
	}
	return n, err
}

var past = time.Unix(1, 0)

// SetReadDeadline is called before each command is read. Where the connection
// is to end, there is no time for one, which go-smtp answers with 421.
func (c *conn) SetReadDeadline(t time.Time) error {
	if c.left.Load() || !c.busy.Load() && c.server.over.Err() != nil {
		t = past
	}
	return c.Conn.SetReadDeadline(t)
}

// expire ends the time for the message that is under way, and the connection.
func (c *conn) expire() {
	c.left.Store(true)
	c.Conn.SetReadDeadline(past)
}

// Close closes the connection and counts it out.
func (c *conn) Close() error {
	var err error
	c.once.Do(func() {
		err = linger(c.Conn)
		s := c.server
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.open, c)
		if s.perIP[c.ip]--; s.perIP[c.ip] == 0 {
			delete(s.perIP, c.ip)
		}
	})
	return err
}

// linger closes a connection so that the last answer arrives: what the other
// side is still sending would otherwise make its system drop the answer unread.
func linger(c net.Conn) error {
	if half, ok := c.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
		c.SetReadDeadline(soon(time.Second))
		io.CopyN(io.Discard, c, 64<<20)
	}
	return c.Close()
}
