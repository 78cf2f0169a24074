package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"

	"example.org/countersign/internal/channel/smtpd"
	"example.org/countersign/internal/id"
)

// outbox is the demonstration's relay: an SMTP server that puts what it is
// given into files.
type outbox struct {
	dir     string
	address string
	server  *smtpd.Server

	mu    sync.Mutex
	conns []net.Conn
	cuts  bool
}

// outboxListener keeps the connections, so that one can be cut at the moment of
// the answer.
type outboxListener struct {
	net.Listener
	o *outbox
}

// Accept implements net.Listener.
func (l outboxListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err == nil {
		l.o.mu.Lock()
		l.o.conns = append(l.o.conns, c)
		l.o.mu.Unlock()
	}
	return c, err
}

// openOutbox starts the mail drop.
func openOutbox(dir string, log *slog.Logger) (*outbox, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for outgoing mail: %w", err)
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	o := &outbox{dir: dir, address: ln.Addr().String()}
	o.server = smtpd.New(smtpd.Config{Domain: "outbox", Accepts: func(context.Context, string) error { return nil }, Spool: dir}, o.receive, log)
	go o.server.Serve(outboxListener{ln, o})
	return o, nil
}

// receive writes one message to a file, or cuts the connection instead of
// answering.
func (o *outbox) receive(_ context.Context, _ smtpd.Envelope, raw io.Reader) error {
	message, err := io.ReadAll(raw)
	if err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.cuts {
		o.cuts = false
		for _, c := range o.conns {
			c.Close()
		}
		o.conns = nil
		return errors.New("the connection was cut")
	}
	return os.WriteFile(filepath.Join(o.dir, id.New()+".eml"), message, 0o600)
}

// cut has the next message end in a cut connection.
func (o *outbox) cut() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.cuts = true
}

func (o *outbox) close() {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	o.server.Shutdown(ctx)
}
