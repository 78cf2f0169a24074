package relay

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net"
	"net/textproto"
	"sync"
	"time"
)

// Send hands m over and returns when the relay has answered. The error is a
// *Refused where it said no, an *Ambiguous where nobody knows, and a fault
// where m cannot be sent as it is. After any other error the relay has not
// taken the mail, and Send may be called again.
//
// Once the end of the message is on its way ctx is no longer heeded, since the
// answer is all that tells what has become of the mail.
func (r *Relay) Send(ctx context.Context, m Mail) (Receipt, error) {
	p, err := m.prepare()
	if err != nil {
		return Receipt{}, err
	}
	select {
	case r.slots <- struct{}{}:
		defer func() { <-r.slots }()
	case <-ctx.Done():
		return Receipt{}, ctx.Err()
	}
	c := r.idle.take()
	if c == nil {
		if c, err = r.dial(ctx); err != nil {
			return Receipt{}, err
		}
	}
	stop := context.AfterFunc(ctx, func() { c.conn.Close() })
	receipt, err := c.hand(p, stop)
	if err != nil {
		c.conn.Close()
		stop()
		if ctx.Err() != nil && !isFinal(err) {
			err = ctx.Err()
		}
		return Receipt{}, err
	}
	r.idle.put(c)
	receipt.Relay = r.addr
	return receipt, nil
}

func isFinal(err error) bool {
	_, refused := errors.AsType[*Refused](err)
	_, ambiguous := errors.AsType[*Ambiguous](err)
	return refused || ambiguous
}

// hand hands one message over. stop ends the interest in the caller's context.
func (c *client) hand(p *parcel, stop func() bool) (Receipt, error) {
	if err := c.envelope(p); err != nil {
		return Receipt{}, err
	}
	switch a, err := c.ask("DATA"); {
	case err != nil:
		return Receipt{}, fmt.Errorf("announce the message: %w", err)
	case a.code/100 >= 4:
		return Receipt{}, a.refusal(nil)
	case a.code != 354:
		return Receipt{}, fmt.Errorf("announce the message: %s", a)
	}
	dots := textproto.NewWriter(c.w).DotWriter()
	sum := &counter{Hash: sha256.New()}
	err := p.write(io.MultiWriter(dots, sum))
	if err == nil && !stop() {
		err = context.Canceled
	}
	if err == nil {
		// The end of the message goes last. Where writing fails it has not gone
		// whole, and the message has no end.
		err = dots.Close()
	}
	if err != nil {
		return Receipt{}, c.why(fmt.Errorf("send the message: %w", err))
	}
	switch a, err := c.hear(c.wait.answer); {
	case err != nil:
		return Receipt{}, &Ambiguous{err}
	case a.code/100 == 2:
		return Receipt{Text: a.String(), TLS: c.secure, Size: sum.n, SHA256: hex.EncodeToString(sum.Sum(nil))}, nil
	case a.code/100 == 3:
		return Receipt{}, &Ambiguous{fmt.Errorf("it answered %s", a)}
	default:
		return Receipt{}, a.refusal(nil)
	}
}

// counter hashes and counts.
type counter struct {
	hash.Hash
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	c.n += int64(len(p))
	return c.Hash.Write(p)
}

// why returns what the relay said before it hung up within the message, which
// is a better reason than the broken connection.
func (c *client) why(err error) error {
	if _, broken := errors.AsType[*net.OpError](err); !broken {
		return err
	}
	if a, heard := c.hear(time.Second); heard == nil && a.code/100 >= 4 {
		return a.refusal(nil)
	}
	return err
}

// envelope names sender and recipients. All of them have to be taken.
func (c *client) envelope(p *parcel) error {
	params := ""
	if p.utf8 {
		if _, ok := c.ext["SMTPUTF8"]; !ok { // RFC 6531 §3.3
			return &Refused{Permanent: true, Code: 553, Text: "the relay takes no addresses outside ASCII"}
		}
		params = " BODY=8BITMIME SMTPUTF8"
	}
	switch a, err := c.ask("MAIL FROM:<%s>%s", p.from, params); {
	case err != nil:
		return fmt.Errorf("name the sender: %w", err)
	case a.code/100 >= 4:
		return a.refusal(nil)
	case a.code/100 != 2:
		return fmt.Errorf("name the sender: %s", a)
	}
	var results []Result
	var worst answer
	for _, to := range p.to {
		a, err := c.ask("RCPT TO:<%s>", to)
		if err != nil {
			return fmt.Errorf("name a recipient: %w", err)
		}
		if a.code == 552 { // too many recipients, to some (RFC 5321 §4.5.3.1.10)
			a.code = 452
		}
		results = append(results, Result{Address: to, Code: a.code, Text: a.line()})
		if a.code/10 != 25 && (worst.code == 0 || worst.temporary()) {
			worst = a
		}
		if a.code == 421 { // and hangs up
			break
		}
	}
	if worst.code != 0 {
		return worst.refusal(results)
	}
	return nil
}

// idle is a few connections that wait for the next mail.
type idle struct {
	mu     sync.Mutex
	conns  []*client
	timer  *time.Timer
	closed bool
}

const (
	maxIdle  = 2
	idleTime = 20 * time.Second // most relays wait for minutes
)

// take returns a connection that works, nil where there is none.
func (i *idle) take() *client {
	for {
		i.mu.Lock()
		if len(i.conns) == 0 {
			i.mu.Unlock()
			return nil
		}
		c := i.conns[len(i.conns)-1]
		i.conns = i.conns[:len(i.conns)-1]
		i.mu.Unlock()
		limit := c.wait.command
		c.wait.command = min(limit, 10*time.Second)
		err := c.must(250, "RSET", "RSET")
		c.wait.command = limit
		if err == nil {
			return c
		}
		c.conn.Close()
	}
}

// put keeps a connection for a while.
func (i *idle) put(c *client) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.closed || len(i.conns) >= maxIdle {
		go c.quit()
		return
	}
	i.conns = append(i.conns, c)
	if i.timer == nil {
		i.timer = time.AfterFunc(idleTime, i.drop)
	} else {
		i.timer.Reset(idleTime)
	}
}

// drop ends the connections that nobody has wanted for a while.
func (i *idle) drop() {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, c := range i.conns {
		go c.quit()
	}
	i.conns = nil
}

func (i *idle) close() {
	i.mu.Lock()
	i.closed = true
	i.mu.Unlock()
	i.drop()
}

// quit takes leave politely.
func (c *client) quit() {
	c.wait.command = time.Second
	c.ask("QUIT")
	c.conn.Close()
}
