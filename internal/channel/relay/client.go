package relay

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"strings"
	"time"

	"example.org/countersign/internal/clock"
)

// waits are how long the relay may take (RFC 5321 §4.5.3.2).
type waits struct{ dial, command, block, answer time.Duration }

var standard = waits{dial: 30 * time.Second, command: 5 * time.Minute, block: 3 * time.Minute, answer: 10 * time.Minute}

// client is one connection to the relay. After an error it is only closed.
type client struct {
	wait   waits
	conn   net.Conn
	left   *io.LimitedReader // what the relay may still say to one command
	r      *textproto.Reader
	w      *bufio.Writer
	ext    map[string]string // what it offers
	secure bool
}

func (r *Relay) dial(ctx context.Context) (c *client, err error) {
	dialer := net.Dialer{Timeout: r.wait.dial}
	conn, err := dialer.DialContext(ctx, "tcp", r.addr)
	if err != nil {
		return nil, fmt.Errorf("connect to the relay: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer func() {
		stop()
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		if err != nil {
			conn.Close()
			err = fmt.Errorf("connect to the relay %s: %w", r.addr, err)
		}
	}()
	c = &client{wait: r.wait}
	if r.security == implicit {
		err = c.encrypt(ctx, conn, r.config(true))
	} else {
		c.use(conn)
	}
	if err == nil {
		err = c.greet()
	}
	if err == nil {
		err = c.hello(r.Name)
	}
	if err == nil {
		err = r.protect(ctx, c)
	}
	if err == nil && r.user != "" {
		err = c.signIn(r.user, r.password)
	}
	return c, err
}

// config returns the configuration for TLS.
func (r *Relay) config(verify bool) *tls.Config {
	cfg := &tls.Config{}
	if r.TLS != nil {
		cfg = r.TLS.Clone()
	}
	if cfg.ServerName == "" {
		cfg.ServerName = r.host
	}
	// Where nobody asked for a good certificate, one that is not still keeps
	// listeners out; without it there would be no TLS at all (RFC 7435).
	cfg.InsecureSkipVerify = cfg.InsecureSkipVerify || !verify
	return cfg
}

// protect turns to TLS as far as that is wanted and offered.
func (r *Relay) protect(ctx context.Context, c *client) error {
	_, offered := c.ext["STARTTLS"]
	switch {
	case r.security == implicit || r.security == never || r.security == opportunistic && !offered:
		return nil
	case !offered:
		return errors.New("it offers no TLS, without which nothing may be sent")
	}
	if err := c.must(220, "STARTTLS", "STARTTLS"); err != nil {
		return err
	}
	if err := c.encrypt(ctx, c.conn, r.config(r.security == verified)); err != nil {
		return err
	}
	return c.hello(r.Name)
}

// use makes conn the connection. What was read ahead of it is dropped.
func (c *client) use(conn net.Conn) {
	c.conn = conn
	c.left = &io.LimitedReader{R: conn}
	c.r = textproto.NewReader(bufio.NewReader(c.left))
	c.w = bufio.NewWriterSize(punctual{conn, c.wait.block}, 32<<10)
}

func (c *client) encrypt(ctx context.Context, conn net.Conn, cfg *tls.Config) error {
	secure := tls.Client(conn, cfg)
	ctx, cancel := context.WithTimeout(ctx, c.wait.command)
	defer cancel()
	if err := secure.HandshakeContext(ctx); err != nil {
		return fmt.Errorf("TLS: %w", err)
	}
	c.use(secure)
	c.secure = true
	return nil
}

// punctual gives each write its own time.
type punctual struct {
	net.Conn
	limit time.Duration
}

func (p punctual) Write(b []byte) (int, error) {
	p.SetWriteDeadline(clock.System.Now().Add(p.limit))
	return p.Conn.Write(b)
}

// answer is a reply of the relay.
type answer struct {
	code int
	text string // of all lines
}

// line is the text in one line, as people are shown it.
func (a answer) line() string {
	text := strings.Join(strings.Fields(a.text), " ")
	return strings.ToValidUTF8(text[:min(len(text), 500)], "")
}

func (a answer) String() string { return fmt.Sprintf("%d %s", a.code, a.line()) }

// temporary reports whether the same may succeed later.
func (a answer) temporary() bool { return a.code/100 == 4 }

// refusal turns an answer that is a no into an error.
func (a answer) refusal(results []Result) error {
	if a.code == 530 || a.code == 535 || a.code == 538 { // RFC 4954 §6: for whoever set up the relay to mend
		return fmt.Errorf("the relay wants to know who we are: %s", a)
	}
	return &Refused{Permanent: a.code/100 == 5, Code: a.code, Text: a.line(), Recipients: results}
}

// hear reads one reply.
func (c *client) hear(limit time.Duration) (answer, error) {
	c.left.N = 64 << 10
	c.conn.SetReadDeadline(clock.System.Now().Add(limit))
	code, text, err := c.r.ReadResponse(0)
	if err == nil && (code < 200 || code > 599) {
		err = fmt.Errorf("a reply that means nothing: %d", code)
	}
	return answer{code, text}, err
}

// ask sends one line, which has no line break, and reads the reply.
func (c *client) ask(format string, args ...any) (answer, error) {
	fmt.Fprintf(c.w, format+"\r\n", args...)
	if err := c.w.Flush(); err != nil {
		return answer{}, err
	}
	return c.hear(c.wait.command)
}

// must sends a line whose reply has to be code. what names it in errors.
func (c *client) must(code int, what, format string, args ...any) error {
	a, err := c.ask(format, args...)
	if err == nil && a.code != code {
		err = errors.New(a.String())
	}
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// greet waits for the greeting.
func (c *client) greet() error {
	a, err := c.hear(c.wait.command)
	if err == nil && a.code != 220 {
		err = fmt.Errorf("greeting: %s", a)
	}
	return err
}

// hello says who we are and learns what the relay offers.
func (c *client) hello(name string) error {
	if name == "" {
		name = literal(c.conn.LocalAddr())
	}
	c.ext = map[string]string{}
	a, err := c.ask("EHLO %s", name)
	switch {
	case err != nil:
		return fmt.Errorf("EHLO: %w", err)
	case a.code/100 == 5: // of before 1995
		return c.must(250, "HELO", "HELO %s", name)
	case a.code != 250:
		return fmt.Errorf("EHLO: %s", a)
	}
	for line := range strings.SplitSeq(a.text, "\n") {
		keyword, params, _ := strings.Cut(line, " ")
		c.ext[strings.ToUpper(keyword)] = params
	}
	return nil
}

// literal is the name of one who has none (RFC 5321 §4.1.3).
func literal(a net.Addr) string {
	host, _, _ := net.SplitHostPort(a.String())
	if strings.Contains(host, ":") {
		return "[IPv6:" + host + "]"
	}
	return "[" + host + "]"
}

// signIn gives user and password, in one of the two ways that are in use.
func (c *client) signIn(user, password string) error {
	b64 := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	offered := " " + strings.ToUpper(c.ext["AUTH"]) + " "
	switch {
	case strings.Contains(offered, " PLAIN "): // RFC 4616
		return c.must(235, "sign in", "AUTH PLAIN %s", b64("\x00"+user+"\x00"+password))
	case strings.Contains(offered, " LOGIN "):
		if err := c.must(334, "sign in", "AUTH LOGIN"); err != nil {
			return err
		}
		if err := c.must(334, "sign in", "%s", b64(user)); err != nil {
			return err
		}
		return c.must(235, "sign in", "%s", b64(password))
	}
	return errors.New("it does not offer to sign in with a password")
}
