// Package smtpsink is an SMTP server for tests: it keeps what it is sent, and
// refuses, stalls or hangs up where it is told to.
package smtpsink

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// Stage is a moment of the conversation.
type Stage string

// The stages, in their order.
const (
	Connect Stage = "connect" // before the greeting
	Hello   Stage = "hello"   // EHLO has been said
	Auth    Stage = "auth"    // credentials have been given
	Mail    Stage = "mail"    // the sender has been named
	Rcpt    Stage = "rcpt"    // a recipient has been named
	Body    Stage = "body"    // the message has begun to arrive
	Dot     Stage = "dot"     // it has arrived whole and is not kept yet
	Answer  Stage = "answer"  // it is kept and that has not been said yet
	Done    Stage = "done"    // that has been said
)

// Message is one message that was kept.
type Message struct {
	From string
	To   []string
	Raw  []byte
	TLS  bool
	User string // who signed in, if anybody
}

// Sink is a running server.
type Sink struct {
	Addr string // host:port
	tls  bool   // from the start

	mu       sync.Mutex
	rules    map[Stage]*rule
	rejects  map[string]error // by recipient
	messages []Message
	conns    int
	reached  map[Stage]chan struct{} // closed when somebody came there
	kept     chan struct{}           // closed and replaced when a message is kept
}

// rule is what happens at a stage, the next times.
type rule struct {
	times int // negative: always
	code  int // answer; 0: hang up
	text  string
	hold  chan struct{} // wait for it first
}

// Option changes how a Sink is made.
type Option func(*smtp.Server, *Sink)

// StartTLS makes the sink offer TLS, with the certificate of Certificate.
func StartTLS(t testing.TB) Option {
	cfg, _ := Certificate(t)
	return func(s *smtp.Server, _ *Sink) { s.TLSConfig = cfg }
}

// TLS makes the sink speak TLS from the start.
func TLS(t testing.TB) Option {
	cfg, _ := Certificate(t)
	return func(s *smtp.Server, k *Sink) { s.TLSConfig, k.tls = cfg, true }
}

// PlainAuth makes the sink offer authentication without TLS as well.
func PlainAuth(s *smtp.Server, _ *Sink) { s.AllowInsecureAuth = true }

// New starts a sink, which ends with the test. It takes every message, and
// anybody may sign in whose password is "secret".
func New(t testing.TB, options ...Option) *Sink {
	t.Helper()
	k := &Sink{rules: map[Stage]*rule{}, rejects: map[string]error{}, kept: make(chan struct{}), reached: map[Stage]chan struct{}{}}
	for _, at := range []Stage{Connect, Hello, Auth, Mail, Rcpt, Body, Dot, Answer, Done} {
		k.reached[at] = make(chan struct{})
	}
	server := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		_, isTLS := c.Conn().(*tls.Conn)
		s := &session{sink: k, conn: c, m: Message{TLS: isTLS}}
		return s, s.at(Hello)
	}))
	server.Domain = "sink.example.net"
	server.EnableSMTPUTF8 = true
	server.ErrorLog = log.New(io.Discard, "", 0)
	server.MaxLineLength = 1002 // RFC 5321 §4.5.3.1.6, and two for the reader
	for _, o := range options {
		o(server, k)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	k.Addr = ln.Addr().String()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		server.Serve(&gate{ln, k, server.TLSConfig})
	}()
	t.Cleanup(func() {
		k.Clear()
		server.Close()
		ln.Close() // where the server did not know it yet
		<-ended
	})
	return k
}

// URL returns the address as a relay's URL, with user:password where given.
func (k *Sink) URL(userinfo string) string {
	scheme := "smtp://"
	if k.tls {
		scheme = "smtps://"
	}
	if userinfo != "" {
		userinfo += "@"
	}
	return scheme + userinfo + k.Addr
}

// Fail answers with a code and a text at a stage, the next times; always where
// times is negative.
func (k *Sink) Fail(at Stage, times, code int, text string) {
	k.set(at, &rule{times: times, code: code, text: text})
}

// Reject answers a recipient with a code and a text, from now on.
func (k *Sink) Reject(address string, code int, text string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.rejects[address] = &smtp.SMTPError{Code: code, EnhancedCode: smtp.NoEnhancedCode, Message: text}
}

// Cut hangs up at a stage, the next times.
func (k *Sink) Cut(at Stage, times int) { k.set(at, &rule{times: times}) }

// Hold stalls everybody who comes to a stage until release is called.
func (k *Sink) Hold(at Stage) (release func()) {
	hold := make(chan struct{})
	k.set(at, &rule{times: -1, code: 250, hold: hold})
	return sync.OnceFunc(func() {
		k.mu.Lock()
		delete(k.rules, at)
		k.mu.Unlock()
		close(hold)
	})
}

// Clear forgets what was to go wrong.
func (k *Sink) Clear() {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, r := range k.rules {
		if r.hold != nil {
			close(r.hold)
		}
	}
	clear(k.rules)
	clear(k.rejects)
}

func (k *Sink) set(at Stage, r *rule) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.rules[at] = r
}

// Messages returns what was kept, in the order of arrival.
func (k *Sink) Messages() []Message {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.messages)
}

// Wait returns the messages as soon as there are n of them.
func (k *Sink) Wait(t testing.TB, n int) []Message {
	t.Helper()
	limit := time.After(30 * time.Second)
	for {
		k.mu.Lock()
		all, kept := slices.Clone(k.messages), k.kept
		k.mu.Unlock()
		if len(all) >= n {
			return all
		}
		select {
		case <-kept:
		case <-limit:
			t.Fatalf("the sink has %d messages, not %d", len(all), n)
		}
	}
}

// Reached returns as soon as anybody has come to a stage.
func (k *Sink) Reached(t testing.TB, at Stage) {
	t.Helper()
	k.mu.Lock()
	reached := k.reached[at]
	k.mu.Unlock()
	select {
	case <-reached:
	case <-time.After(30 * time.Second):
		t.Fatalf("nobody has come to %s", at)
	}
}

// Connections returns how many there were.
func (k *Sink) Connections() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.conns
}

func (k *Sink) keep(m Message) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.messages = append(k.messages, m)
	close(k.kept)
	k.kept = make(chan struct{})
}

var errHangUp = errors.New("hang up")

// act does what is to go wrong at a stage and returns the answer, or errHangUp.
func (k *Sink) act(at Stage) error {
	k.mu.Lock()
	select {
	case <-k.reached[at]:
	default:
		close(k.reached[at])
	}
	r := k.rules[at]
	if r == nil || r.times == 0 {
		k.mu.Unlock()
		return nil
	}
	r.times--
	k.mu.Unlock()
	if r.hold != nil {
		<-r.hold
		return nil
	}
	if r.code == 0 {
		return errHangUp
	}
	return &smtp.SMTPError{Code: r.code, EnhancedCode: smtp.NoEnhancedCode, Message: r.text}
}

// gate is the listener, which sees connections first.
type gate struct {
	net.Listener
	sink *Sink
	tls  *tls.Config
}

func (g *gate) Accept() (net.Conn, error) {
	for {
		c, err := g.Listener.Accept()
		if err != nil {
			return nil, err
		}
		g.sink.mu.Lock()
		g.sink.conns++
		g.sink.mu.Unlock()
		err = g.sink.act(Connect)
		if no, ok := errors.AsType[*smtp.SMTPError](err); ok {
			fmt.Fprintf(c, "%d %s\r\n", no.Code, no.Message)
		}
		switch {
		case err != nil:
			c.Close()
		case g.sink.tls:
			return tls.Server(c, g.tls), nil
		default:
			return c, nil
		}
	}
}

type session struct {
	sink *Sink
	conn *smtp.Conn
	m    Message
	done bool
}

// at does what is to go wrong at a stage.
func (s *session) at(stage Stage) error {
	err := s.sink.act(stage)
	if err == errHangUp {
		s.conn.Conn().Close()
	}
	return err
}

func (s *session) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if password != "secret" {
			return smtp.ErrAuthFailed
		}
		s.m.User = user
		return s.at(Auth)
	}), nil
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	s.m.From, s.m.To, s.m.Raw = from, nil, nil
	return s.at(Mail)
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.sink.mu.Lock()
	err := s.sink.rejects[to]
	s.sink.mu.Unlock()
	if err != nil {
		return err
	}
	s.m.To = append(s.m.To, to)
	return s.at(Rcpt)
}

func (s *session) Data(r io.Reader) error {
	if err := s.at(Body); err != nil {
		return err
	}
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if err := s.at(Dot); err != nil {
		return err
	}
	s.m.Raw = raw
	s.sink.keep(s.m)
	s.done = true
	return s.at(Answer)
}

// Reset is called after each message, once it has been answered.
func (s *session) Reset() {
	if s.done {
		s.done = false
		s.at(Done)
	}
}

func (s *session) Logout() error { return nil }
