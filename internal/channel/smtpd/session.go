package smtpd

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/emersion/go-smtp"

	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/mime"
)

// maxRefused is how many recipients one connection may try in vain.
const maxRefused = 50

// session is one connection between two greetings.
type session struct {
	*Server
	conn    *conn
	helo    string
	tls     *tls.Conn // over conn, nil where there is none
	from    string
	to      []string // no two that are the same channel
	refused int
}

func (s *Server) session(c *smtp.Conn) (smtp.Session, error) {
	lower := c.Conn()
	secure, ok := lower.(*tls.Conn)
	if ok {
		lower = secure.NetConn()
	}
	return &session{Server: s, conn: lower.(*conn), helo: c.Hostname(), tls: secure}, nil
}

// Reset forgets the message that was begun.
func (s *session) Reset() { s.from, s.to = "", nil }

// Logout ends the session.
func (s *session) Logout() error { return nil }

// Mail begins a message.
func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	s.Reset()
	if from == "" {
		return nil
	}
	var ok bool
	if s.from, ok = mailbox(from); !ok {
		return reply(553, smtp.EnhancedCode{5, 1, 7}, "the sender is not a mail address")
	}
	return nil
}

// Rcpt adds a recipient, which must be a channel.
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	to, ok := mailbox(to)
	if !ok {
		return reply(553, smtp.EnhancedCode{5, 1, 3}, "the recipient is not a mail address")
	}
	if slices.ContainsFunc(s.to, func(other string) bool { return mime.NormalizeAddr(other) == mime.NormalizeAddr(to) }) {
		return nil
	}
	err := s.cfg.Accepts(s.ctx, to)
	if err == nil {
		s.to = append(s.to, to)
		return nil
	}
	s.refused++
	domain := to[strings.LastIndexByte(to, '@')+1:] // the rest may be somebody's name
	switch kind, text := fault.Of(err); kind {
	case fault.Internal, fault.Unavailable:
		s.note("recipient deferred", err, "domain", domain)
		return reply(451, smtp.EnhancedCode{4, 3, 0}, "recipients cannot be looked up at the moment, try again later")
	default:
		s.note("recipient refused", err, "domain", domain, "times", s.refused)
		if s.refused >= maxRefused {
			s.conn.left.Store(true)
			return reply(421, smtp.EnhancedCode{4, 7, 0}, "too many unknown recipients")
		}
		return reply(550, smtp.EnhancedCode{5, 1, 1}, text)
	}
}

// note logs what was not accepted, and why, with addresses struck out.
func (s *session) note(what string, why error, args ...any) {
	s.log.Warn(what, append(args, "reason", address.ReplaceAllString(why.Error(), "(address)"), "remote", s.conn.ip)...)
}

var address = regexp.MustCompile(`[^\s<>()"',;:]+@[^\s<>()"',;:]+`)

// Data receives the message, once for each channel, and returns when it is
// taken for good.
func (s *session) Data(r io.Reader) error {
	s.conn.busy.Store(true)
	defer s.conn.busy.Store(false)
	// Both ends of time: DATA is one read, chunks are many.
	timer := time.AfterFunc(s.cfg.MessageTimeout, s.conn.expire)
	defer timer.Stop()
	s.conn.Conn.SetReadDeadline(soon(s.cfg.MessageTimeout))
	m := &message{r: r, conn: s.conn, tls: s.tls}
	err := s.deliver(m)
	if _, lost := io.Copy(io.Discard, m); lost != nil && err == nil {
		err = lost // receive did not look
	}
	if err == nil {
		return nil
	}
	answer := s.answer(err, m.err)
	s.note("message refused", err, "code", answer.Code, "bytes", m.n)
	return answer
}

// deliver hands the message to receive: as it arrives where it is for one
// channel, else from the spool.
func (s *session) deliver(m *message) error {
	if len(s.to) == 1 {
		return s.take(s.to[0], m)
	}
	sp, err := spool(m, s.cfg.Spool)
	if err != nil {
		return err
	}
	defer sp.close()
	var failed error
	for _, to := range s.to {
		err := s.take(to, sp.reader())
		// One answer serves all. Where one may succeed later it asks for another
		// try, and those that have the message will know it again.
		if err != nil && (failed == nil || isTemporary(err)) {
			failed = err
		}
	}
	return failed
}

// take calls receive and survives it.
func (s *session) take(to string, raw io.Reader) (err error) {
	defer func() {
		if p := recover(); p != nil {
			s.log.Error("receiving panicked", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			err = errPanic
		}
	}()
	return s.receive(s.ctx, Envelope{From: s.from, To: []string{to}, RemoteIP: net.IP(s.conn.ip.AsSlice()), HELO: s.helo, TLS: s.tls != nil}, raw)
}

var errPanic = errors.New("receiving panicked")

func isTemporary(err error) bool {
	kind, _ := fault.Of(err)
	return kind == fault.Internal || kind == fault.Unavailable
}

// answer turns an error of receive, or of the message on its way, into a reply.
func (s *session) answer(err, broken error) *smtp.SMTPError {
	switch {
	case errors.Is(broken, smtp.ErrDataTooLarge):
		return reply(552, smtp.EnhancedCode{5, 3, 4}, fmt.Sprintf("the message is larger than %d bytes", s.cfg.MaxSize))
	case errors.Is(broken, smtp.ErrTooLongLine):
		return reply(554, smtp.EnhancedCode{5, 6, 0}, fmt.Sprintf("a line of the message is longer than %d bytes", s.cfg.MaxLine))
	case errors.Is(broken, errLoneDot):
		return reply(554, smtp.EnhancedCode{5, 6, 0}, broken.Error())
	case broken != nil:
		return reply(451, smtp.EnhancedCode{4, 4, 2}, "the message did not arrive whole")
	}
	switch kind, text := fault.Of(err); {
	case kind == fault.Internal:
		return reply(451, smtp.EnhancedCode{4, 3, 0}, "the message cannot be taken at the moment, try again later")
	case kind == fault.Unavailable:
		return reply(451, smtp.EnhancedCode{4, 3, 0}, text)
	case kind == fault.Denied:
		return reply(554, smtp.EnhancedCode{5, 7, 1}, text)
	default:
		return reply(554, smtp.EnhancedCode{5, 6, 0}, text)
	}
}

// reply makes one line of ASCII (RFC 5321 §4.2, §4.5.3.1.5).
func reply(code int, enhanced smtp.EnhancedCode, text string) *smtp.SMTPError {
	text = strings.Map(func(r rune) rune {
		switch {
		case r < ' ' || r == 0x7f:
			return ' '
		case r >= utf8.RuneSelf:
			return '?'
		}
		return r
	}, text)
	return &smtp.SMTPError{Code: code, EnhancedCode: enhanced, Message: text[:min(len(text), 400)]}
}

// mailbox returns what go-smtp read as a mailbox, whose quotes it has undone,
// in the form in which it is an address again (RFC 5321 §4.1.2).
func mailbox(s string) (string, bool) {
	at := strings.LastIndexByte(s, '@')
	if at <= 0 || at == len(s)-1 || len(s) > 254 || !utf8.ValidString(s) {
		return "", false
	}
	local, domain := s[:at], s[at+1:]
	if strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) || strings.ContainsAny(domain, ` <>()",;\`) {
		return "", false
	}
	if strings.ContainsAny(local, ` "(),:;<>@[\]`) || local[0] == '.' || local[len(local)-1] == '.' || strings.Contains(local, "..") {
		local = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(local) + `"`
	}
	return local + "@" + domain, true
}
