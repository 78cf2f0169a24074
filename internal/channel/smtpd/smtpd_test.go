package smtpd_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.org/countersign/internal/channel/smtpd"
	"example.org/countersign/internal/fakes/smtpsink"
	"example.org/countersign/internal/fault"
)

// letter is what receive was given.
type letter struct {
	smtpd.Envelope
	Raw string
	Err string // of reading it
}

// office receives for channel@example.com and other@example.com.
type office struct {
	*smtpd.Server
	addr string
	log  logged

	mu      sync.Mutex
	letters []letter
	receive smtpd.Receive // instead of noting, where it is set
}

func open(t testing.TB, cfg smtpd.Config) *office {
	t.Helper()
	o := &office{}
	if cfg.Accepts == nil {
		cfg.Accepts = accepts
	}
	cfg.Domain = "mx.example.com"
	o.Server = smtpd.New(cfg, func(ctx context.Context, env smtpd.Envelope, raw io.Reader) error {
		o.mu.Lock()
		receive := o.receive
		o.mu.Unlock()
		if receive != nil {
			return receive(ctx, env, raw)
		}
		return o.note(env, raw)
	}, slog.New(slog.NewTextHandler(&o.log, nil)))
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o.addr = ln.Addr().String()
	done := make(chan error, 1)
	go func() { done <- o.Serve(ln) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		o.Shutdown(ctx)
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return o
}

// logged is a log.
type logged struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// take returns what was logged since the last time.
func (l *logged) take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.b.Reset()
	return l.b.String()
}

func accepts(_ context.Context, address string) error {
	switch strings.ToLower(address) {
	case "channel@example.com", "other@example.com", "kanäle@example.com":
		return nil
	case "broken@example.com":
		return errors.New("database gone")
	}
	return fault.New(fault.NotFound, "no approved channel receives at this address")
}

func (o *office) note(env smtpd.Envelope, raw io.Reader) error {
	b, err := io.ReadAll(raw)
	l := letter{Envelope: env, Raw: string(b)}
	if err != nil {
		l.Err = err.Error()
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.letters = append(o.letters, l)
	return err
}

func (o *office) got() []letter {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.letters
}

// client speaks SMTP by hand.
type client struct {
	net.Conn
	t testing.TB
	r *bufio.Reader
}

func dial(t testing.TB, o *office) *client {
	t.Helper()
	c, err := net.Dial("tcp", o.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(20 * time.Second)) // lest a test hang
	return &client{c, t, bufio.NewReader(c)}
}

// greet dials and says EHLO.
func greet(t testing.TB, o *office) *client {
	t.Helper()
	c := dial(t, o)
	c.want("220 mx.example.com")
	c.say("EHLO client.example.net", "250")
	return c
}

// say sends a line and wants an answer.
func (c *client) say(line, want string) {
	c.t.Helper()
	c.send(line + "\r\n")
	c.want(want)
}

func (c *client) send(s string) {
	c.t.Helper()
	if _, err := io.WriteString(c.Conn, s); err != nil {
		c.t.Errorf("send %.40q: %v", s, err)
	}
}

// answer reads one reply of any number of lines.
func (c *client) answer() (string, error) {
	var all strings.Builder
	for {
		line, err := c.r.ReadString('\n')
		if err != nil {
			return all.String(), err
		}
		all.WriteString(line)
		if len(line) > 3 && line[3] == ' ' {
			return all.String(), nil
		}
	}
}

func (c *client) want(prefix string) {
	c.t.Helper()
	got, err := c.answer()
	if err != nil || !strings.HasPrefix(got, prefix) {
		c.t.Fatalf("answer %q, %v; want %s", got, err, prefix)
	}
}

// wantEnd wants the connection to be closed by the server.
func (c *client) wantEnd() {
	c.t.Helper()
	if got, err := c.answer(); err != io.EOF {
		c.t.Errorf("%q, %v; want the end of the connection", got, err)
	}
}

// begin goes on until the message.
func (c *client) begin(to ...string) {
	c.t.Helper()
	c.say("MAIL FROM:<bob@example.org>", "250")
	for _, a := range to {
		c.say("RCPT TO:<"+a+">", "250")
	}
	c.say("DATA", "354")
}

const hello = "Subject: hello\r\n\r\nHello.\r\n"

func TestConversations(t *testing.T) {
	tests := []struct {
		name string
		talk string // lines of the client, and after "<" what they are answered with
		got  int    // messages
	}{
		{"polite", "HELO a\n<250\nMAIL FROM:<b@c.d>\n<250\nRCPT TO:<channel@example.com>\n<250\nDATA\n<354\nHi\n.\n<250\nQUIT\n<221", 1},
		{"two", "EHLO a\n<250\nMAIL FROM:<b@c.d>\n<250\nRCPT TO:<channel@example.com>\n<250\nDATA\n<354\nHi\n.\n<250\nMAIL FROM:<>\n<250\nRCPT TO:<other@example.com>\n<250\nDATA\n<354\nHo\n.\n<250", 2},
		{"pipelined", "EHLO a\n<250\nMAIL FROM:<b@c.d>\nRCPT TO:<no@example.com>\nRCPT TO:<channel@example.com>\nDATA\n<250\n<550\n<250\n<354\nHi\n.\nNOOP\nQUIT\n<250\n<250\n<221", 1},
		{"pipelined past DATA", "EHLO a\nMAIL FROM:<b@c.d>\nRCPT TO:<channel@example.com>\nDATA\nHi\n.\nMAIL FROM:<b@c.d>\nRCPT TO:<channel@example.com>\nDATA\nHo\n.\nQUIT\n<250\n<250\n<250\n<354\n<250\n<250\n<250\n<354\n<250\n<221", 2},
		{"reset", "EHLO a\n<250\nMAIL FROM:<b@c.d>\n<250\nRCPT TO:<channel@example.com>\n<250\nRSET\n<250\nDATA\n<502", 0},
		{"no greeting", "MAIL FROM:<b@c.d>\n<502", 0},
		{"no sender", "EHLO a\n<250\nRCPT TO:<channel@example.com>\n<502", 0},
		{"no recipient", "EHLO a\n<250\nMAIL FROM:<b@c.d>\n<250\nDATA\n<502", 0},
		{"unknown recipient alone", "EHLO a\n<250\nMAIL FROM:<b@c.d>\n<250\nRCPT TO:<no@example.com>\n<550 5.1.1 no approved channel receives at this address\nDATA\n<502", 0},
		{"lookup fails", "EHLO a\n<250\nMAIL FROM:<b@c.d>\n<250\nRCPT TO:<broken@example.com>\n<451", 0},
		{"odd senders", "EHLO a\n<250\nMAIL FROM:<\"b c\"@d.e>\n<250\nMAIL FROM:<b>\n<501\nMAIL FROM:<@a,@b:c@d.e>\n<250\nMAIL FROM: <b@c.d> SIZE=10 BODY=8BITMIME\n<250\nMAIL FROM:<b@c.d> X=Y\n<500", 0},
		{"control characters", "EHLO a\n<250\nMAIL FROM:<b\x01@c.d>\n<553\nMAIL FROM:<b\xff@c.d>\n<553\nMAIL FROM:<b@c.d>\n<250\nRCPT TO:<channel\x00@example.com>\n<553", 0},
		{"nonsense", "EHLO a\n<250\nGET / HTTP/1.1\n<501\nHost: x\n<501\n\n<500\nX\n<501\n<500", 0},
		{"too large by announcement", "EHLO a\n<250\nMAIL FROM:<b@c.d> SIZE=99999999\n<552", 0},
		{"no authentication here", "EHLO a\n<250\nAUTH PLAIN AGEAYg==\n<5", 0},
		{"no TLS here", "EHLO a\n<250\nSTARTTLS\n<502", 0},
		{"chunks", "EHLO a\n<250\nMAIL FROM:<b@c.d>\n<250\nRCPT TO:<channel@example.com>\n<250\nBDAT 4\nHi\n<250\nBDAT 4 LAST\nHo\n<250", 1},
		{"verify", "EHLO a\n<250\nVRFY channel\n<252", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := open(t, smtpd.Config{})
			c := dial(t, o)
			c.want("220")
			for line := range strings.SplitSeq(tt.talk, "\n") {
				if want, ok := strings.CutPrefix(line, "<"); ok {
					c.want(want)
				} else {
					c.send(line + "\r\n")
				}
			}
			c.Close()
			if got := o.got(); len(got) != tt.got {
				t.Errorf("received %d messages: %+v", len(got), got)
			}
		})
	}
}

func TestExtensions(t *testing.T) {
	c := dial(t, open(t, smtpd.Config{}))
	c.want("220")
	c.send("EHLO a\r\n")
	got, err := c.answer()
	for _, want := range []string{"PIPELINING", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES", fmt.Sprint("SIZE ", 50<<20), "RCPTMAX=100"} {
		if err != nil || !strings.Contains(got, want) {
			t.Errorf("no %s in %q, %v", want, got, err)
		}
	}
	if strings.Contains(got, "STARTTLS") || strings.Contains(got, "AUTH") {
		t.Errorf("offers what it has not: %q", got)
	}
}

// TestVerbatim receives messages byte for byte.
func TestVerbatim(t *testing.T) {
	for name, raw := range map[string]string{
		"empty":       "",
		"plain":       hello,
		"dots":        "Subject: dots\r\n\r\n.\r\n..\r\n.x\r\n",
		"8 bit":       "Subject: caf\xe9\r\n\r\n\xff\xfe\x80\r\n",
		"NUL":         "Subject: \x00\r\n\r\na\x00b\r\n",
		"bare LF, CR": "Subject: x\n\nbare\nlf and\rcr\r\n",
		"dots alone":  "a\r\n.b\n.c\r.d\n.\x00\n\r\n",
		"long line":   strings.Repeat("x", 100_000) + "\r\n",
		"megabytes":   strings.Repeat(strings.Repeat("0123456789", 7)+"\r\n", 50_000),
	} {
		t.Run(name, func(t *testing.T) {
			o := open(t, smtpd.Config{})
			c := greet(t, o)
			c.begin("channel@example.com")
			stuffed := strings.ReplaceAll(raw, "\r\n.", "\r\n..")
			if strings.HasPrefix(stuffed, ".") {
				stuffed = "." + stuffed
			}
			c.send(stuffed + ".\r\n")
			c.want("250")
			want := []letter{{Envelope: smtpd.Envelope{From: "bob@example.org", To: []string{"channel@example.com"},
				RemoteIP: net.IPv4(127, 0, 0, 1).To4(), HELO: "client.example.net"}, Raw: raw}}
			if diff := cmp.Diff(want, o.got()); diff != "" {
				t.Errorf("received (-want +got):\n%.2000s", diff)
			}
		})
	}
}

// TestSmuggling tries every line that some server takes for the end of a
// message: what follows is never a message of its own.
func TestSmuggling(t *testing.T) {
	breaks := []string{"\n", "\r", "\r\n", "\r\r\n", "\n\r", "\r\x00\n", ""}
	for _, before := range breaks {
		for _, after := range breaks {
			if before == "\r\n" && after == "\r\n" || after == "" && before != "\r\n" || before == "\r\r\n" && after == "\r\n" {
				continue // the true end, in one case after a stray CR, or no line at all
			}
			t.Run(fmt.Sprintf("%q.%q", before, after), func(t *testing.T) {
				o := open(t, smtpd.Config{})
				c := greet(t, o)
				c.begin("channel@example.com")
				c.send("Subject: one\r\n\r\nfirst" + before + "." + after +
					"MAIL FROM:<evil@example.com>\r\nRCPT TO:<channel@example.com>\r\nDATA\r\nSubject: two\r\n\r\nsecond\r\n.\r\nNOOP\r\n")
				first, err := c.answer()
				if err != nil || !strings.HasPrefix(first, "250") && !strings.HasPrefix(first, "554 5.6.0") {
					t.Fatalf("answer %q, %v", first, err)
				}
				c.want("250 2.0.0 I have") // to NOOP: nothing between was a command
				for _, l := range o.got() {
					if l.From != "bob@example.org" {
						t.Errorf("smuggled in: %+v", l)
					}
					if l.Err == "" && strings.HasPrefix(first, "554") {
						t.Errorf("refused, and yet received whole: %+v", l)
					}
				}
			})
		}
	}
}

func TestLoneDot(t *testing.T) {
	isBreak := func(c byte) bool { return c == '\r' || c == '\n' }
	naive := func(b []byte) bool {
		for i, c := range b {
			if c != '.' || i+1 == len(b) {
				continue
			}
			start := i == 0 || bytes.HasSuffix(b[:i], []byte("\r\n"))
			rest := b[i+1:]
			if (start || isBreak(b[i-1])) && isBreak(rest[0]) && !(start && (bytes.HasPrefix(rest, []byte("\r\n")) || string(rest) == "\r")) {
				return true
			}
		}
		return false
	}
	letters := []byte("\r\n.x")
	for n := range 4 * 4 * 4 * 4 * 4 * 4 * 4 * 2 { // every text of seven of these
		var b []byte
		for i := range 7 {
			b = append(b, letters[n>>(2*i)&3])
		}
		for _, piece := range []int{1, 2, 3, 8} {
			if got := smtpd.LoneDot(b, piece); got != naive(b) {
				t.Fatalf("%q in pieces of %d: %v", b, piece, got)
			}
		}
	}
}

// TestOutcomes has receive end in every way there is.
func TestOutcomes(t *testing.T) {
	read := func(err error) smtpd.Receive {
		return func(_ context.Context, _ smtpd.Envelope, raw io.Reader) error {
			io.Copy(io.Discard, raw)
			return err
		}
	}
	for name, tt := range map[string]struct {
		receive smtpd.Receive
		want    string
	}{
		"taken":        {read(nil), "250"},
		"taken unread": {func(context.Context, smtpd.Envelope, io.Reader) error { return nil }, "250"},
		"later":        {read(fault.New(fault.Unavailable, "no room for bob@example.org")), "451 4.3.0 no room for bob@example.org"},
		"internal":     {read(errors.New("secret of the house")), "451 4.3.0 the message cannot be taken at the moment"},
		"invalid":      {read(fault.New(fault.Invalid, "too deep:\r\n250 ok — 10 %% levels")), "554 5.6.0 too deep:  250 ok ? 10 % levels"},
		"denied":       {read(fmt.Errorf("receive: %w", fault.New(fault.Denied, "not from you"))), "554 5.7.1 not from you"},
		"panic":        {func(context.Context, smtpd.Envelope, io.Reader) error { panic("oh dear") }, "451"},
		"panic halfway": {func(_ context.Context, _ smtpd.Envelope, raw io.Reader) error {
			raw.Read(make([]byte, 5))
			panic("oh dear")
		}, "451"},
		"long text": {read(fault.New(fault.Invalid, "%s", strings.Repeat("x", 9999))), "554"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, chunks := range []bool{false, true} {
				o := open(t, smtpd.Config{})
				o.receive = tt.receive
				c := greet(t, o)
				transfer := func() {
					c.send("MAIL FROM:<bob@example.org>\r\nRCPT TO:<channel@example.com>\r\n")
					c.want("250")
					c.want("250")
					if chunks {
						c.send(fmt.Sprintf("BDAT %d LAST\r\n", len(hello)) + hello)
					} else {
						c.say("DATA", "354")
						c.send(hello + ".\r\n")
					}
				}
				transfer()
				c.want(tt.want)
				o.mu.Lock()
				o.receive = nil
				o.mu.Unlock()
				transfer()
				c.want("250") // the server lives, and so does the connection
				if got := o.got(); len(got) != 1 || got[0].Raw != hello {
					t.Errorf("afterwards received %+v", got)
				}
				if logged := o.log.take(); strings.HasPrefix(tt.want, "250") == strings.Contains(logged, "message refused") || strings.Contains(logged, "bob@") {
					t.Errorf("log: %s", logged)
				}
			}
		})
	}
}

// TestCut loses the connection within a message: it is not received.
func TestCut(t *testing.T) {
	for name, sent := range map[string]string{
		"DATA":        "DATA\r\n" + hello,
		"before CRLF": "DATA\r\n" + hello + ".",
		"chunk":       "BDAT 100 LAST\r\n" + hello,
		"chunks":      fmt.Sprintf("BDAT %d\r\n", len(hello)) + hello,
	} {
		for _, how := range []string{"half", "whole", "reset"} {
			t.Run(name+"/"+how, func(t *testing.T) {
				o := open(t, smtpd.Config{})
				ended := make(chan error, 1)
				o.receive = func(_ context.Context, _ smtpd.Envelope, raw io.Reader) error {
					_, err := io.Copy(io.Discard, raw)
					ended <- err
					return nil // as one that does not look
				}
				c := greet(t, o)
				c.say("MAIL FROM:<bob@example.org>", "250")
				c.say("RCPT TO:<channel@example.com>", "250")
				c.send(sent)
				tcp := c.Conn.(*net.TCPConn)
				switch how {
				case "half":
					tcp.CloseWrite()
				case "reset":
					tcp.SetLinger(0)
					fallthrough
				default:
					tcp.Close()
				}
				if err := <-ended; err == nil {
					t.Error("a message that was cut short was received whole")
				}
				if how == "half" { // and hears nothing to the contrary
					all, _ := io.ReadAll(c.r)
					if strings.Contains(string(all), "250 2.0.0 OK") {
						t.Errorf("answered %q", all)
					}
				}
			})
		}
	}
}

// TestHalfClosed gets its answer after the client has said all it had to say.
func TestHalfClosed(t *testing.T) {
	o := open(t, smtpd.Config{})
	c := greet(t, o)
	c.begin("channel@example.com")
	c.send(hello + ".\r\n")
	c.Conn.(*net.TCPConn).CloseWrite()
	c.want("250")
	c.wantEnd()
	if got := o.got(); len(got) != 1 || got[0].Raw != hello {
		t.Errorf("received %+v", got)
	}
}

func TestLimits(t *testing.T) {
	t.Run("size", func(t *testing.T) {
		o := open(t, smtpd.Config{MaxSize: 10_000})
		c := greet(t, o)
		c.begin("channel@example.com")
		c.send(strings.Repeat("0123456789\r\n", 10_000) + ".\r\n")
		c.want("552 5.3.4 the message is larger than 10000 bytes")
		c.begin("channel@example.com")
		c.send(hello + ".\r\n")
		c.want("250")
		if got := o.got(); len(got) != 2 || got[0].Err == "" || got[1].Raw != hello {
			t.Errorf("received %+v", got)
		}
	})
	t.Run("line", func(t *testing.T) {
		o := open(t, smtpd.Config{})
		c := greet(t, o)
		c.begin("channel@example.com")
		c.send(strings.Repeat("x", 10<<20) + "\r\n.\r\n")
		c.want("554 5.6.0 a line of the message is longer than 131072 bytes")
	})
	t.Run("command line", func(t *testing.T) {
		c := greet(t, open(t, smtpd.Config{}))
		c.send("MAIL FROM:<" + strings.Repeat("x", 10<<20) + "@example.com>\r\n")
		c.want("500")
		c.wantEnd()
	})
	t.Run("recipients", func(t *testing.T) {
		o := open(t, smtpd.Config{MaxRecipients: 2})
		c := greet(t, o)
		c.say("MAIL FROM:<bob@example.org>", "250")
		for _, want := range []string{"250", "250", "452"} {
			c.say("RCPT TO:<channel@example.com>", want)
		}
	})
	t.Run("unknown recipients", func(t *testing.T) {
		c := greet(t, open(t, smtpd.Config{}))
		c.say("MAIL FROM:<bob@example.org>", "250")
		for range 49 {
			c.say("RCPT TO:<guess@example.com>", "550")
		}
		c.say("RCPT TO:<guess@example.com>", "421")
		c.want("421")
		c.wantEnd()
	})
	t.Run("connections", func(t *testing.T) {
		for _, cfg := range []smtpd.Config{{MaxConns: 2}, {MaxConnsPerIP: 2}} {
			o := open(t, cfg)
			first := greet(t, o)
			greet(t, o)
			third := dial(t, o)
			third.want("421 4.7.0 too many connections")
			third.wantEnd()
			first.say("QUIT", "221")
			first.wantEnd()
			first.Close()
			for { // as soon as the first is counted out
				c := dial(t, o)
				if got, _ := c.answer(); strings.HasPrefix(got, "220") {
					break
				}
				c.Close()
			}
		}
	})
}

// TestSlow lets neither a slow command nor a slow message hold a connection.
func TestSlow(t *testing.T) {
	drip := func(c *client, s string) {
		for {
			if _, err := io.WriteString(c.Conn, s); err != nil {
				return
			}
			time.Sleep(time.Millisecond)
		}
	}
	t.Run("command", func(t *testing.T) {
		c := greet(t, open(t, smtpd.Config{CommandTimeout: 50 * time.Millisecond}))
		go drip(c, "N")
		if all, err := io.ReadAll(c.r); !strings.HasPrefix(string(all), "5") { // and ends
			t.Errorf("answered %q, %v", all, err)
		}
	})
	t.Run("idle", func(t *testing.T) {
		c := greet(t, open(t, smtpd.Config{CommandTimeout: 50 * time.Millisecond}))
		c.want("421 4.4.2")
		c.wantEnd()
	})
	t.Run("message", func(t *testing.T) {
		o := open(t, smtpd.Config{MessageTimeout: 50 * time.Millisecond})
		c := greet(t, o)
		c.begin("channel@example.com")
		go drip(c, "x\r\n")
		c.want("451 4.4.2 the message did not arrive whole")
		io.Copy(io.Discard, c.r) // ends
		if got := o.got(); len(got) != 1 || got[0].Err == "" {
			t.Errorf("received %+v", got)
		}
	})
	t.Run("chunks", func(t *testing.T) {
		o := open(t, smtpd.Config{MessageTimeout: 50 * time.Millisecond})
		c := greet(t, o)
		c.say("MAIL FROM:<bob@example.org>", "250")
		c.say("RCPT TO:<channel@example.com>", "250")
		go drip(c, "BDAT 1\r\nx")
		io.Copy(io.Discard, c.r) // ends
		for len(o.got()) == 0 {  // and so does receiving, by itself
			time.Sleep(time.Millisecond)
		}
		if got := o.got(); len(got) != 1 || got[0].Err == "" {
			t.Errorf("received %+v", got)
		}
	})
}

// TestSeveralChannels receives one message once for each channel.
func TestSeveralChannels(t *testing.T) {
	for name, body := range map[string]string{
		"small": "Hello.\r\n",
		"large": strings.Repeat(strings.Repeat("0123456789", 7)+"\r\n", 30_000),
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			o := open(t, smtpd.Config{Spool: dir})
			c := greet(t, o)
			c.begin("channel@example.com", "Channel@Example.com", "other@example.com")
			c.send(body + ".\r\n")
			c.want("250")
			got := o.got()
			if len(got) != 2 || got[0].To[0] != "channel@example.com" || got[1].To[0] != "other@example.com" || got[0].Raw != body || got[1].Raw != body {
				t.Errorf("received %d letters", len(got))
			}
			if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
				t.Errorf("left in the spool: %v, %v", left, err)
			}
		})
	}
	for name, tt := range map[string]struct {
		first, second error
		want          string
	}{
		"one fails for good":  {nil, fault.New(fault.Invalid, "no"), "554 5.6.0 no"},
		"one fails for now":   {fault.New(fault.Unavailable, "later"), nil, "451 4.3.0 later"},
		"both fail, one each": {fault.New(fault.Invalid, "no"), fault.New(fault.Unavailable, "later"), "451 4.3.0 later"},
	} {
		t.Run(name, func(t *testing.T) {
			o := open(t, smtpd.Config{})
			o.receive = func(_ context.Context, env smtpd.Envelope, raw io.Reader) error {
				if env.To[0] == "other@example.com" {
					return tt.second
				}
				return tt.first
			}
			c := greet(t, o)
			c.begin("channel@example.com", "other@example.com")
			c.send(hello + ".\r\n")
			c.want(tt.want)
		})
	}
	t.Run("no spool", func(t *testing.T) {
		o := open(t, smtpd.Config{Spool: "/nowhere"})
		c := greet(t, o)
		c.begin("channel@example.com", "other@example.com")
		c.send(strings.Repeat("0123456789\r\n", 200_000) + ".\r\n")
		c.want("451 4.3.0")
		if len(o.got()) != 0 {
			t.Error("received all the same")
		}
	})
}

func TestStartTLS(t *testing.T) {
	server, trust := smtpsink.Certificate(t)
	o := open(t, smtpd.Config{TLS: server})
	c := dial(t, o)
	c.want("220")
	c.send("EHLO a\r\n")
	if got, err := c.answer(); err != nil || !strings.Contains(got, "STARTTLS") {
		t.Fatalf("%q, %v", got, err)
	}
	// What is said before the handshake is not heard after it (CVE-2011-0411).
	c.send("MAIL FROM:<before@example.org>\r\nSTARTTLS\r\nMAIL FROM:<injected@example.org>\r\nRCPT TO:<channel@example.com>\r\n")
	c.want("250")
	c.want("220")
	trust.ServerName = "127.0.0.1"
	secure := tls.Client(c.Conn, trust)
	c = &client{secure, t, bufio.NewReader(secure)}
	c.say("DATA", "502")
	c.say("EHLO a", "250")
	c.begin("channel@example.com")
	c.send(hello + ".\r\n")
	c.want("250")
	if got := o.got(); len(got) != 1 || !got[0].TLS || got[0].From != "bob@example.org" || got[0].Raw != hello {
		t.Errorf("received %+v", got)
	}
	t.Run("slow handshake", func(t *testing.T) {
		o := open(t, smtpd.Config{TLS: server, CommandTimeout: 50 * time.Millisecond})
		c := greet(t, o)
		c.say("STARTTLS", "220")
		io.Copy(io.Discard, c.r) // ends
	})
	for _, orderly := range []bool{false, true} {
		t.Run(fmt.Sprint("cut orderly ", orderly), func(t *testing.T) {
			o := open(t, smtpd.Config{TLS: server})
			ended := make(chan error, 1)
			o.receive = func(_ context.Context, _ smtpd.Envelope, raw io.Reader) error {
				_, err := io.Copy(io.Discard, raw)
				ended <- err
				return nil
			}
			c := greet(t, o)
			c.say("STARTTLS", "220")
			secure := tls.Client(c.Conn, trust)
			lower := c.Conn
			c = &client{secure, t, bufio.NewReader(secure)}
			c.say("EHLO a", "250")
			for _, size := range []int{len(hello), 100} { // the first is whole
				c.say("MAIL FROM:<bob@example.org>", "250")
				c.say("RCPT TO:<channel@example.com>", "250")
				c.send(fmt.Sprintf("BDAT %d LAST\r\n", size) + hello)
				if size == len(hello) {
					c.want("250")
					if err := <-ended; err != nil {
						t.Errorf("a whole message: %v", err)
					}
				}
			}
			if orderly {
				secure.Close()
			}
			lower.Close()
			if err := <-ended; err == nil {
				t.Error("a message that was cut short was received whole")
			}
		})
	}
}

func TestShutdown(t *testing.T) {
	o := open(t, smtpd.Config{})
	idle, busy, between := greet(t, o), greet(t, o), greet(t, o)
	between.say("MAIL FROM:<bob@example.org>", "250")
	arrived := make(chan bool)
	o.receive = func(_ context.Context, env smtpd.Envelope, raw io.Reader) error {
		arrived <- true
		return o.note(env, raw)
	}
	busy.begin("channel@example.com")
	busy.send(hello)
	<-arrived
	stopped := make(chan error, 1)
	go func() { stopped <- o.Shutdown(t.Context()) }()
	idle.want("421")
	idle.wantEnd()
	between.want("421")
	between.Close()
	select {
	case err := <-stopped:
		t.Fatalf("stopped within a message: %v", err)
	default:
	}
	busy.send(".\r\n")
	busy.want("250")
	busy.want("421")
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	if got := o.got(); len(got) != 1 || got[0].Raw != hello {
		t.Errorf("received %+v", got)
	}
	if _, err := net.Dial("tcp", o.addr); err == nil {
		t.Error("still listening")
	}
}

// TestShutdownInTime closes what does not end by itself.
func TestShutdownInTime(t *testing.T) {
	o := open(t, smtpd.Config{})
	entered := make(chan bool)
	o.receive = func(ctx context.Context, _ smtpd.Envelope, _ io.Reader) error {
		entered <- true
		<-ctx.Done() // the server does not wait for ever
		return ctx.Err()
	}
	c := greet(t, o)
	c.begin("channel@example.com")
	<-entered
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := o.Shutdown(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Shutdown: %v", err)
	}
	if got, err := c.answer(); err == nil && strings.HasPrefix(got, "250") {
		t.Errorf("answered %q", got)
	}
}

// TestShutdownFirst ends a server that has not begun.
func TestShutdownFirst(t *testing.T) {
	s := smtpd.New(smtpd.Config{}, nil, slog.New(slog.DiscardHandler))
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Serve(ln); err != nil {
		t.Error(err)
	}
}

func TestMailbox(t *testing.T) {
	for in, want := range map[string]string{
		"bob@example.com": "bob@example.com", "b o b@example.com": `"b o b"@example.com`, "a@b@example.com": `"a@b"@example.com`,
		`a"b\c@example.com`: `"a\"b\\c"@example.com`, "a..b@example.com": `"a..b"@example.com`, "bob@[192.0.2.1]": "bob@[192.0.2.1]",
		"böb@exämple.com": "böb@exämple.com",
		"":                "", "@": "", "a@": "", "@b": "", "a\n@b": "", "a@b c": "", "a@\xff": "", strings.Repeat("a", 251) + "@b.c": "",
	} {
		if got, ok := smtpd.Mailbox(in); got != want || ok != (want != "") {
			t.Errorf("%q: %q, %v; want %q", in, got, ok, want)
		}
	}
}

// FuzzSession has a client say anything at all: the server answers or hangs
// up, does not panic, and takes nothing for a message that has not ended.
func FuzzSession(f *testing.F) {
	const start = "EHLO a\r\nMAIL FROM:<b@c.d>\r\nRCPT TO:<channel@example.com>\r\n"
	for _, s := range []string{
		"HELO a\r\nQUIT\r\n", start + "DATA\r\n" + hello + ".\r\n", start + "BDAT 5 LAST\r\nHello", start + "BDAT 9 LAST\r\nHello",
		start + "DATA\r\nx\n.\n", "MAIL FROM:<\"\\\"\"@a> SIZE=1 AUTH=<>\r\n", "EHLO \x00\r\nRCPT TO:<@a:b@c>\r\n\xff\xfe\r\n",
	} {
		f.Add(s)
	}
	o := open(f, smtpd.Config{CommandTimeout: time.Second, MaxLine: 4096})
	f.Fuzz(func(t *testing.T, said string) {
		c := dial(t, o)
		go func() {
			io.WriteString(c.Conn, said)
			c.Conn.(*net.TCPConn).CloseWrite()
		}()
		all, err := io.ReadAll(c.r)
		if err != nil && !errors.Is(err, net.ErrClosed) && !strings.Contains(err.Error(), "reset") {
			t.Errorf("%q after %q", err, all)
		}
		if got := o.log.take(); strings.Contains(got, "panic") {
			t.Fatal(got)
		}
		o.mu.Lock()
		defer o.mu.Unlock()
		for _, l := range o.letters {
			if l.Err == "" && !strings.Contains(said, "\r\n.\r\n") && !strings.Contains(strings.ToUpper(said), "BDAT") {
				t.Errorf("received %+v", l)
			}
			if l.Err == "" && len(l.Raw) > len(said) {
				t.Errorf("received more than was said: %q", l.Raw)
			}
		}
		o.letters = nil
	})
}

// BenchmarkServer has 16 connections send mails of 5 kB that are thrown away.
func BenchmarkServer(b *testing.B) {
	o := open(b, smtpd.Config{})
	o.receive = func(_ context.Context, _ smtpd.Envelope, raw io.Reader) error {
		_, err := io.Copy(io.Discard, raw)
		return err
	}
	body := strings.Repeat(strings.Repeat("0123456789", 7)+"\r\n", 70) + ".\r\n"
	work := make(chan int)
	var group sync.WaitGroup
	for range 16 {
		group.Go(func() {
			c := greet(b, o)
			c.SetDeadline(time.Time{})
			for range work {
				c.begin("channel@example.com")
				c.send(body)
				c.want("250")
			}
		})
	}
	b.ResetTimer()
	for i := range b.N {
		work <- i
	}
	close(work)
	group.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
}
