package relay_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.org/countersign/internal/channel/relay"
	"example.org/countersign/internal/channel/smtpd"
	"example.org/countersign/internal/fakes/smtpsink"
	"example.org/countersign/internal/fault"
)

func base64Reader(r io.Reader) io.Reader { return base64.NewDecoder(base64.StdEncoding, r) }

func to(t testing.TB, url string) *relay.Relay {
	t.Helper()
	r, err := relay.New(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

// kind names what became of a Send.
func kind(err error) string {
	if refused, ok := errors.AsType[*relay.Refused](err); ok {
		return fmt.Sprintf("refused %d %v", refused.Code, refused.Permanent)
	}
	if _, ok := errors.AsType[*relay.Ambiguous](err); ok {
		return "ambiguous"
	}
	if err != nil {
		return "again"
	}
	return "taken"
}

func TestSend(t *testing.T) {
	sink := smtpsink.New(t)
	r := to(t, sink.URL(""))
	m := with(func(m *relay.Mail) {
		m.To, m.Cc = []string{"Bob <bob@example.org>", "zoe@bücher.example"}, []string{"BOB@example.org", "carol@example.org"}
		m.Text = ".\n..\n" + strings.Repeat("a long line without an end ", 100)
		m.Attachments = []relay.File{file("big", "", strings.Repeat("0123456789", 50_000))}
	})
	receipt, err := r.Send(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	raw := compose(t, m)
	sum := sha256.Sum256([]byte(raw))
	if want := (relay.Receipt{Relay: sink.Addr, Text: "250 2.0.0 OK: queued", Size: int64(len(raw)), SHA256: hex.EncodeToString(sum[:])}); receipt != want {
		t.Errorf("receipt %+v, want %+v", receipt, want)
	}
	got := sink.Messages()
	if len(got) != 1 || got[0].From != "security@example.com" || string(got[0].Raw) != raw {
		t.Fatalf("%d messages", len(got))
	}
	if diff := cmp.Diff([]string{"bob@example.org", "zoe@xn--bcher-kva.example", "carol@example.org"}, got[0].To); diff != "" {
		t.Errorf("recipients (-want +got):\n%s", diff)
	}
	m = letter()
	m.Sender = "<>"
	if _, err := r.Send(t.Context(), m); err != nil || sink.Messages()[1].From != "" {
		t.Errorf("null sender: %+v, %v", sink.Messages()[1], err)
	}
	m.To = nil
	if _, err := r.Send(t.Context(), m); !isInvalid(err) {
		t.Errorf("without recipients: %v", err)
	}
}

func isInvalid(err error) bool {
	kind, _ := fault.Of(err)
	return err != nil && kind == fault.Invalid
}

// TestStages has things go wrong at each stage of the conversation.
func TestStages(t *testing.T) {
	type does = func(*smtpsink.Sink)
	fail := func(at smtpsink.Stage, code int) does {
		return func(s *smtpsink.Sink) { s.Fail(at, 1, code, "no\r\n    indeed") }
	}
	cut := func(at smtpsink.Stage) does { return func(s *smtpsink.Sink) { s.Cut(at, 1) } }
	for _, tt := range []struct {
		name  string
		wrong does
		want  string
		kept  int // messages after it, before it is sent again
	}{
		{"nothing", func(*smtpsink.Sink) {}, "taken", 1},
		{"refused at once", fail(smtpsink.Connect, 554), "again", 0},
		{"cut at once", cut(smtpsink.Connect), "again", 0},
		{"hello fails", fail(smtpsink.Hello, 421), "again", 0},
		{"hello cut", cut(smtpsink.Hello), "again", 0},
		{"sender fails for now", fail(smtpsink.Mail, 451), "refused 451 false", 0},
		{"sender fails for good", fail(smtpsink.Mail, 550), "refused 550 true", 0},
		{"sender is asked to sign in", fail(smtpsink.Mail, 530), "again", 0},
		{"sender cut", cut(smtpsink.Mail), "again", 0},
		{"recipient fails for now", fail(smtpsink.Rcpt, 450), "refused 450 false", 0},
		{"recipient fails for good", fail(smtpsink.Rcpt, 550), "refused 550 true", 0},
		{"too many recipients", fail(smtpsink.Rcpt, 552), "refused 452 false", 0},
		{"recipient, and the relay goes down", fail(smtpsink.Rcpt, 421), "refused 421 false", 0},
		{"recipient cut", cut(smtpsink.Rcpt), "again", 0},
		{"message cut", cut(smtpsink.Body), "again", 0},
		{"message refused for now", fail(smtpsink.Dot, 452), "refused 452 false", 0},
		{"message refused for good", fail(smtpsink.Dot, 552), "refused 552 true", 0},
		{"cut after the end", cut(smtpsink.Dot), "ambiguous", 0},
		{"cut before the answer", cut(smtpsink.Answer), "ambiguous", 1},
		{"cut after the answer", cut(smtpsink.Done), "taken", 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			sink := smtpsink.New(t)
			r := to(t, sink.URL(""))
			tt.wrong(sink)
			m := with(func(m *relay.Mail) { m.Text = strings.Repeat("line\n", 2000) })
			_, err := r.Send(t.Context(), m)
			// What is hung up on within a message may have left us whole by then.
			if got := kind(err); got != tt.want && !(tt.name == "message cut" && got == "ambiguous") {
				t.Errorf("%s: %v; want %s", got, err, tt.want)
			}
			if got := sink.Messages(); len(got) != tt.kept {
				t.Errorf("%d messages were kept", len(got))
			}
			if refused, ok := errors.AsType[*relay.Refused](err); ok && refused.Text != "no indeed" {
				t.Errorf("the relay said %q", refused.Text)
			}
			if _, err := r.Send(t.Context(), m); err != nil {
				t.Errorf("once more: %v", err)
			}
			if all := sink.Messages(); len(all) != tt.kept+1 || !bytes.Equal(all[0].Raw, all[len(all)-1].Raw) {
				t.Errorf("%d messages in the end, or not the same", len(all))
			}
		})
	}
}

// TestRecipients has the relay take some of the recipients: the mail is sent to
// none.
func TestRecipients(t *testing.T) {
	sink := smtpsink.New(t)
	sink.Reject("later@example.org", 450, "mailbox busy")
	sink.Reject("never@example.org", 550, "no such user")
	m := with(func(m *relay.Mail) {
		m.To = []string{"a@example.org", "never@example.org", "later@example.org", "b@example.org"}
	})
	_, err := to(t, sink.URL("")).Send(t.Context(), m)
	refused, _ := errors.AsType[*relay.Refused](err)
	want := &relay.Refused{Permanent: true, Code: 550, Text: "no such user", Recipients: []relay.Result{
		{"a@example.org", 250, "2.0.0 I'll make sure <a@example.org> gets this"}, {"never@example.org", 550, "no such user"},
		{"later@example.org", 450, "mailbox busy"}, {"b@example.org", 250, "2.0.0 I'll make sure <b@example.org> gets this"}}}
	if diff := cmp.Diff(want, refused); diff != "" || len(sink.Messages()) != 0 {
		t.Fatalf("%v; %d messages; (-want +got):\n%s", err, len(sink.Messages()), diff)
	}
	if !refused.Recipients[0].Accepted() || refused.Recipients[1].Accepted() {
		t.Error("who was accepted is mixed up")
	}
}

// script is a relay that says what it is told to. Each step is what it says,
// and "" has it wait for a line first.
func script(t *testing.T, steps ...func(c net.Conn, r *bufio.Reader)) *relay.Relay {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	t.Cleanup(func() { ln.Close(); group.Wait() })
	group.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			group.Go(func() {
				defer c.Close()
				r := bufio.NewReader(c)
				for _, step := range steps {
					step(c, r)
				}
			})
		}
	})
	r := to(t, "smtp://"+ln.Addr().String())
	r.SetWaits(5 * time.Second)
	return r
}

// say is a step that says something at once.
func say(s string) func(net.Conn, *bufio.Reader) {
	return func(c net.Conn, _ *bufio.Reader) { io.WriteString(c, s) }
}

// hear is a step that waits for a line and then says something.
func hear(s string) func(net.Conn, *bufio.Reader) {
	return func(c net.Conn, r *bufio.Reader) {
		r.ReadString('\n')
		io.WriteString(c, s)
	}
}

// end is a step that waits for the end of the message and then says something.
func end(s string) func(net.Conn, *bufio.Reader) {
	return func(c net.Conn, r *bufio.Reader) {
		for {
			line, err := r.ReadString('\n')
			if err != nil || line == ".\r\n" {
				break
			}
		}
		io.WriteString(c, s)
	}
}

// TestOddRelays talks to relays that keep to no standard.
func TestOddRelays(t *testing.T) {
	type step = func(net.Conn, *bufio.Reader)
	open := []step{say("220 hi\r\n"), hear("250 hi\r\n"), hear("250 ok\r\n"), hear("250 ok\r\n"), hear("354 go\r\n")}
	until := func(n int, more ...step) []step { return append(append([]step{}, open[:n]...), more...) }
	for _, tt := range []struct {
		name  string
		steps []step
		want  string
	}{
		{"good", until(5, end("250 ok\r\n")), "taken"},
		{"bare line ends", until(5, end("250 ok\n")), "taken"},
		{"another 2xx", until(5, end("200 ok\r\n")), "taken"},
		{"many lines", until(5, end("250-a\r\n250-b\r\n250 c\r\n")), "taken"},
		{"no text", until(5, end("250 \r\n")), "taken"},
		{"old, without EHLO", []step{say("220 hi\r\n"), hear("502 what\r\n"), hear("250 hi\r\n"), hear("250 ok\r\n"), hear("250 ok\r\n"), hear("354 go\r\n"), end("250 ok\r\n")}, "taken"},
		{"silence", nil, "again"},
		{"no greeting", until(0, say("554 go away\r\n")), "again"},
		{"HTTP", until(0, say("HTTP/1.1 400 Bad Request\r\n\r\n")), "again"},
		{"endless greeting", until(0, func(c net.Conn, _ *bufio.Reader) {
			for {
				if _, err := io.WriteString(c, "220-hello\r\n"); err != nil {
					return
				}
			}
		}), "again"},
		{"cut after greeting", until(1), "again"},
		{"cut after hello", until(2), "again"},
		{"cut after sender", until(3), "again"},
		{"cut after recipient", until(4), "again"},
		{"data refused for now", until(4, hear("451 later\r\n")), "refused 451 false"},
		{"data refused for good", until(4, hear("554 no valid recipients\r\n")), "refused 554 true"},
		{"data answered with ok", until(4, hear("250 ok\r\n")), "again"},
		{"sender answered with nonsense", until(2, hear("354 go\r\n")), "again"},
		{"recipient answered with nonsense", until(3, hear("354 go\r\n")), "refused 354 false"},
		{"recipient will be forwarded", until(3, hear("251 ok\r\n"), hear("354 go\r\n"), end("250 ok\r\n")), "taken"},
		{"cut after the end", until(5, end("")), "ambiguous"},
		{"half an answer", until(5, end("25")), "ambiguous"},
		{"answer without its line end", until(5, end("250 ok")), "taken"},
		{"first line of an answer", until(5, end("250-ok\r\n")), "ambiguous"},
		{"nonsense after the end", until(5, end("thank you\r\n")), "ambiguous"},
		{"354 after the end", until(5, end("354 go on\r\n")), "ambiguous"},
		{"code that means nothing after the end", until(5, end("999 ok\r\n")), "ambiguous"},
		{"refused after the end", until(5, end("554 spam\r\n")), "refused 554 true"},
		{"shuts down after the end", until(5, end("421 bye\r\n")), "refused 421 false"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := script(t, tt.steps...).Send(t.Context(), letter()); kind(err) != tt.want {
				t.Errorf("%s: %v; want %s", kind(err), err, tt.want)
			}
		})
	}
	t.Run("answer does not come", func(t *testing.T) {
		r := script(t, until(5, end(""), func(_ net.Conn, r *bufio.Reader) { r.ReadString('\n') })...)
		r.SetWaits(100 * time.Millisecond)
		if _, err := r.Send(t.Context(), letter()); kind(err) != "ambiguous" {
			t.Errorf("%s: %v", kind(err), err)
		}
	})
	t.Run("says why within the message", func(t *testing.T) {
		r := script(t, until(5, func(c net.Conn, r *bufio.Reader) {
			r.ReadString('\n')
			io.WriteString(c, "552 too large\r\n")
			c.(*net.TCPConn).CloseWrite()
			io.Copy(io.Discard, r)
		})...)
		m := with(func(m *relay.Mail) { m.Text = strings.Repeat("line\n", 1_000_000) })
		if _, err := r.Send(t.Context(), m); kind(err) != "refused 552 true" {
			t.Errorf("%s: %v", kind(err), err)
		}
	})
	t.Run("takes no other alphabets", func(t *testing.T) {
		m := with(func(m *relay.Mail) { m.To = []string{"zoë@example.org"} })
		if _, err := script(t, until(2)...).Send(t.Context(), m); kind(err) != "refused 553 true" {
			t.Errorf("%s: %v", kind(err), err)
		}
	})
	t.Run("signs in by LOGIN", func(t *testing.T) {
		var said [3]string
		note := func(i int, s string) step {
			return func(c net.Conn, r *bufio.Reader) {
				said[i], _ = r.ReadString('\n')
				io.WriteString(c, s)
			}
		}
		steps := append([]step{say("220 hi\r\n"), hear("250-hi\r\n250 auth LOGIN XOAUTH2\r\n"), note(0, "334 VXNlcm5hbWU6\r\n"), note(1, "334 UGFzc3dvcmQ6\r\n"), note(2, "235 ok\r\n")}, until(5, end("250 ok\r\n"))[2:]...)
		plain := script(t, steps...)
		_, addr, _ := strings.Cut(plain.Security(), " ")
		r := to(t, "smtp://us%20er:pass@"+addr)
		if _, err := r.Send(t.Context(), letter()); err != nil {
			t.Error(err)
		}
		if want := [3]string{"AUTH LOGIN\r\n", "dXMgZXI=\r\n", "cGFzcw==\r\n"}; said != want {
			t.Errorf("said %q, want %q", said, want)
		}
	})
}

// TestContext gives up while that is safe, and not later.
func TestContext(t *testing.T) {
	for _, tt := range []struct {
		at   smtpsink.Stage
		want string
	}{
		{smtpsink.Hello, "again"}, {smtpsink.Mail, "again"}, {smtpsink.Rcpt, "again"}, {smtpsink.Dot, "taken"}, {smtpsink.Answer, "taken"},
	} {
		t.Run(string(tt.at), func(t *testing.T) {
			sink := smtpsink.New(t)
			release := sink.Hold(tt.at)
			ctx, cancel := context.WithCancel(t.Context())
			sent := make(chan error, 1)
			go func() {
				_, err := to(t, sink.URL("")).Send(ctx, letter())
				sent <- err
			}()
			sink.Reached(t, tt.at)
			cancel()
			if tt.want == "taken" {
				release()
			}
			err := <-sent
			if kind(err) != tt.want || err != nil && !errors.Is(err, context.Canceled) {
				t.Errorf("%s: %v, want %s", kind(err), err, tt.want)
			}
			release()
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	sink := smtpsink.New(t)
	if _, err := to(t, sink.URL("")).Send(ctx, letter()); !errors.Is(err, context.Canceled) || len(sink.Messages()) > 0 {
		t.Errorf("after the end: %v", err)
	}
}

func TestAttachmentFails(t *testing.T) {
	sink := smtpsink.New(t)
	gone := errors.New("gone")
	m := with(func(m *relay.Mail) {
		m.Attachments = []relay.File{{Name: "x", Open: func() (io.ReadCloser, error) {
			return io.NopCloser(io.MultiReader(strings.NewReader(strings.Repeat("x", 1<<20)), failing{gone})), nil
		}}}
	})
	if _, err := to(t, sink.URL("")).Send(t.Context(), m); !errors.Is(err, gone) || len(sink.Messages()) > 0 {
		t.Errorf("%v; %d messages", err, len(sink.Messages()))
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func TestConnections(t *testing.T) {
	sink := smtpsink.New(t)
	r := to(t, sink.URL(""))
	send := func() {
		t.Helper()
		if _, err := r.Send(t.Context(), letter()); err != nil {
			t.Error(err)
		}
	}
	for range 5 {
		send()
	}
	if n := sink.Connections(); n != 1 {
		t.Errorf("%d connections for five mails in a row", n)
	}
	sink.Cut(smtpsink.Done, 1)
	send()
	send() // on another
	if n := sink.Connections(); n != 2 {
		t.Errorf("%d connections after one was cut", n)
	}
	release := sink.Hold(smtpsink.Mail)
	var group sync.WaitGroup
	for range 12 {
		group.Go(send)
	}
	sink.Reached(t, smtpsink.Mail)
	release()
	group.Wait()
	if n := sink.Connections(); n > 2+12 || len(sink.Messages()) != 19 {
		t.Errorf("%d connections, %d messages", n, len(sink.Messages()))
	}
	r.Close()
	send()
}

func TestTLS(t *testing.T) {
	_, trusting := smtpsink.Certificate(t)
	for _, tt := range []struct {
		name   string
		offer  func(testing.TB) smtpsink.Option
		query  string
		trust  bool
		want   string
		secure bool
	}{
		{"from the start", smtpsink.TLS, "", true, "taken", true},
		{"from the start, unknown certificate", smtpsink.TLS, "", false, "again", false},
		{"offered", smtpsink.StartTLS, "", true, "taken", true},
		{"offered, unknown certificate", smtpsink.StartTLS, "", false, "taken", true},
		{"required", smtpsink.StartTLS, "?tls=required", true, "taken", true},
		{"required, unknown certificate", smtpsink.StartTLS, "?tls=required", false, "again", false},
		{"required, not offered", nil, "?tls=required", true, "again", false},
		{"not wanted", smtpsink.StartTLS, "?tls=never", true, "taken", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var options []smtpsink.Option
			if tt.offer != nil {
				options = append(options, tt.offer(t))
			}
			sink := smtpsink.New(t, options...)
			r := to(t, sink.URL("")+tt.query)
			if tt.trust {
				r.TLS = trusting
			}
			receipt, err := r.Send(t.Context(), letter())
			if kind(err) != tt.want || receipt.TLS != tt.secure {
				t.Errorf("%s, TLS %v: %v; want %s, %v", kind(err), receipt.TLS, err, tt.want, tt.secure)
			}
			if got := sink.Messages(); err == nil && (len(got) != 1 || got[0].TLS != tt.secure) {
				t.Errorf("messages %+v", got)
			}
		})
	}
}

func TestSignIn(t *testing.T) {
	_, trusting := smtpsink.Certificate(t)
	for _, tt := range []struct {
		name, user string
		option     smtpsink.Option
		want       string
	}{
		{"good", "ann:secret", smtpsink.TLS(t), "taken"},
		{"wrong password", "ann:guess%40x", smtpsink.TLS(t), "again"},
		{"in clear on this machine", "ann:secret", smtpsink.PlainAuth, "taken"},
		{"not offered", "ann:secret", func() smtpsink.Option { return smtpsink.StartTLS(t) }(), "taken"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			sink := smtpsink.New(t, tt.option)
			r := to(t, sink.URL(tt.user))
			r.TLS = trusting
			_, err := r.Send(t.Context(), letter())
			if kind(err) != tt.want || err != nil && (strings.Contains(err.Error(), "guess") || strings.Contains(err.Error(), "Z3Vlc3")) {
				t.Errorf("%s: %v", kind(err), err)
			}
			if got := sink.Messages(); err == nil && (len(got) != 1 || got[0].User != "ann") {
				t.Errorf("messages %+v", got)
			}
		})
	}
	t.Run("no way to", func(t *testing.T) {
		if _, err := to(t, smtpsink.New(t).URL("ann:secret")).Send(t.Context(), letter()); kind(err) != "again" || !strings.Contains(err.Error(), "sign in") {
			t.Errorf("%s: %v", kind(err), err)
		}
	})
}

func TestNew(t *testing.T) {
	for url, want := range map[string]string{
		"smtp://mail.example.com":                          "opportunistic mail.example.com:25",
		"smtp://mail.example.com:2525/":                    "opportunistic mail.example.com:2525",
		"smtp://[::1]:2525":                                "opportunistic [::1]:2525",
		"smtps://mail.example.com":                         "implicit mail.example.com:465",
		"smtp://u:p@mail.example.com":                      "verified mail.example.com:587",
		"smtp://u:p@localhost":                             "opportunistic localhost:587",
		"smtp://u:p@127.0.0.1:25":                          "opportunistic 127.0.0.1:25",
		"smtp://mail.example.com?tls=required":             "verified mail.example.com:25",
		"smtp://mail.example.com?tls=never":                "never mail.example.com:25",
		"smtp://u:p%40ss@mail.example.com?tls=never":       "",
		"smtps://mail.example.com?tls=never":               "",
		"smtp://mail.example.com?TLS=required":             "",
		"smtp://mail.example.com/path":                     "",
		"http://mail.example.com":                          "",
		"mail.example.com:25":                              "",
		"smtp://":                                          "",
		"":                                                 "",
		"smtp://u:secret\x00@mail.example.com":             "",
		"smtp://user:secret@mail.example.com:notaport/":    "",
		"smtp://user:secret@mail.example.com?retry=always": "",
	} {
		r, err := relay.New(url)
		if want == "" {
			if !isInvalid(err) || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "p@ss") {
				t.Errorf("%q: %v, want a fault without the password", url, err)
			}
			continue
		}
		if err != nil || r.Security() != want {
			t.Errorf("%q: %v, want %s", url, err, want)
		}
	}
}

// TestToOurselves sends through our own server, byte for byte.
func TestToOurselves(t *testing.T) {
	got := make(chan string, 1)
	server := smtpd.New(smtpd.Config{Accepts: func(context.Context, string) error { return nil }}, func(_ context.Context, env smtpd.Envelope, raw io.Reader) error {
		b, err := io.ReadAll(raw)
		got <- env.From + " " + env.To[0] + "\n" + string(b)
		return err
	}, slog.New(slog.DiscardHandler))
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ln) }()
	m := with(func(m *relay.Mail) {
		m.From, m.To = "Zoë <zoë@example.org>", []string{"kanäle@example.com"}
		m.Text = ".\n.\r\n..\n" + strings.Repeat("ü", 5000)
	})
	r := to(t, "smtp://"+ln.Addr().String())
	if _, err := r.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("zoë@example.org kanäle@example.com\n"+compose(t, m), <-got); diff != "" {
		t.Errorf("(-sent +received):\n%s", diff)
	}
	r.Close()
	if err := server.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func BenchmarkSend(b *testing.B) {
	sink := smtpsink.New(b)
	r := to(b, sink.URL(""))
	m := with(func(m *relay.Mail) { m.Text = strings.Repeat("A line of an ordinary answer.\n", 60) })
	for b.Loop() {
		if _, err := r.Send(b.Context(), m); err != nil {
			b.Fatal(err)
		}
	}
}
