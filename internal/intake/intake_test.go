package intake_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"example.org/countersign/internal/channel"
	"example.org/countersign/internal/channel/relay"
	"example.org/countersign/internal/dbtest"
	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/jobs"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/people"
	"example.org/countersign/internal/policy"
)

var (
	ann = ledger.Actor{ID: "ann", Role: "analyst"}
	leo = ledger.Actor{ID: "leo", Role: "lead"}
)

const (
	security = "security@org.example"
	portal   = "/report"
)

func kinds() []ledger.Records {
	var all []ledger.Records
	for _, k := range [][]ledger.Records{intake.Records(), policy.Records(), channel.Records(), people.Records(), jobs.Records()} {
		all = append(all, k...)
	}
	return all
}

// office is an installation with two channels and the default policies.
type office struct {
	*dbtest.Env
	*intake.Desk
	channels *channel.Desk
	policies *policy.Desk
	runner   *jobs.Runner

	mu   sync.Mutex
	sent []relay.Mail
	fail error // what the relay says next; nil: it takes the mail
}

// each runs f with an office on each database, beside other tests: much of the
// time of most is spent waiting for a database.
func each(t *testing.T, opt intake.Options, f func(t *testing.T, o *office)) {
	t.Helper()
	t.Parallel()
	dbtest.Each(t, kinds(), nil, func(t *testing.T, e *dbtest.Env) { f(t, furnish(t, e, opt)) })
}

// furnish opens the desks on e.
func furnish(t testing.TB, e *dbtest.Env, opt intake.Options) *office {
	t.Helper()
	o := &office{Env: e, channels: channel.New(e.Ledger), policies: policy.New(e.Ledger, nil)}
	if err := o.policies.Seed(t.Context()); err != nil {
		t.Fatal(err)
	}
	mail := o.channel(t, channel.Terms{Name: "Security", Kind: channel.Email, Address: security, Direction: channel.Both, FromName: "Org Security"})
	o.channel(t, channel.Terms{Name: "Report page", Kind: channel.Portal, Address: portal, Direction: channel.Inbound, Reply: mail.ID})
	opt.Keys, opt.Organisation, opt.Send = e.Keys, "Org Ltd", o.send
	o.Desk = intake.New(e.Ledger, o.channels, o.policies, opt)
	o.runner = jobs.New(e.Ledger, map[string]jobs.Handler{intake.ConfirmationJob: o.Confirm}, nil)
	return o
}

// channel adds an approved channel.
func (o *office) channel(t testing.TB, c channel.Terms) *channel.Channel {
	t.Helper()
	c.Audience, c.Owner, c.Purpose, c.ReviewDue = "public", "leo", "to be written to", "2027-01-31"
	added, err := o.channels.Add(t.Context(), ann, c)
	if err != nil {
		t.Fatal(err)
	}
	if added, err = o.channels.Approve(t.Context(), leo, added.ID, added.Entry); err != nil {
		t.Fatal(err)
	}
	return added
}

func (o *office) send(_ context.Context, m relay.Mail) (relay.Receipt, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.sent = append(o.sent, m)
	if o.fail != nil {
		return relay.Receipt{}, o.fail
	}
	return relay.Receipt{Text: "250 taken"}, nil
}

// mail is a message as it comes by SMTP.
type mail struct {
	from, to, subject, id, reply, refs, body, more string
}

func (m mail) String() string {
	if m.to == "" {
		m.to = security
	}
	if m.body == "" {
		m.body = "Hello, there is something that you should know."
	}
	s := "From: " + m.from + "\r\nTo: " + m.to + "\r\nSubject: " + m.subject + "\r\nDate: Tue, 15 Sep 2026 09:00:00 +0000\r\n"
	for _, f := range [][2]string{{"Message-ID", m.id}, {"In-Reply-To", m.reply}, {"References", m.refs}} {
		if f[1] != "" {
			s += f[0] + ": <" + strings.ReplaceAll(f[1], " ", "> <") + ">\r\n"
		}
	}
	return s + m.more + "\r\n" + m.body + "\r\n"
}

// smtp hands a message in.
func (o *office) smtp(ctx context.Context, m mail) (*intake.Receipt, error) {
	from := m.from
	if i := strings.IndexByte(from, '<'); i >= 0 {
		from = strings.Trim(from[i:], "<>")
	}
	return o.Receive(ctx, intake.Incoming{Channel: security, Source: intake.FromSMTP, From: from, To: []string{security}, Raw: strings.NewReader(m.String())})
}

func (o *office) must(t testing.TB, m mail) *intake.Receipt {
	t.Helper()
	r, err := o.smtp(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (o *office) load(t testing.TB, id string) *intake.Case {
	t.Helper()
	c, err := o.Case(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (o *office) thread(t testing.TB, id string) []*intake.Communication {
	t.Helper()
	list, err := o.Communications(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// due runs the jobs that are due.
func (o *office) due(t testing.TB) {
	t.Helper()
	if _, err := o.runner.RunDue(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func is(err error, k fault.Kind) bool {
	got, _ := fault.Of(err)
	return err != nil && got == k
}

func TestReceive(t *testing.T) {
	each(t, intake.Options{}, func(t *testing.T, o *office) {
		m := mail{from: "Rita <Rita@Example.COM>", subject: "Vulnerability in your login", id: "a@example.com", body: "Your login has an XSS, and you should know that. The details are with me."}
		r := o.must(t, m)
		if !r.New || r.Duplicate || r.Number != "C-2026-000001" {
			t.Fatalf("receipt %+v", r)
		}
		c := o.load(t, r.Number)
		want := dbtest.Start.UnixMicro()
		if c.ID != r.Case || c.Subject != "Vulnerability in your login" || c.State != intake.Open || c.Waiting != intake.WaitingUs ||
			c.Category != "vulnerability" || c.Severity != "moderate" || c.Urgency != "high" || c.ReceivedAt != want || c.ClockFrom != want ||
			c.ReporterAddress != "rita@example.com" || c.ReporterName != "Rita" || c.Language != "en" || c.RulesVersion != "rules/1" ||
			!strings.HasPrefix(c.ClassifiedBy, "rules/1: ") || c.SLAVersion != "sla/1" || c.SeverityVersion != "severity/1" {
			t.Errorf("case %+v", c)
		}
		// Two working days from Tuesday, 09:30.
		if due := time.UnixMicro(c.DueAt).UTC(); due != time.Date(2026, 9, 17, 9, 30, 0, 0, time.UTC) {
			t.Errorf("due at %v", due)
		}
		all := o.thread(t, c.ID)
		if len(all) != 1 || all[0].ID != r.Communication || all[0].MessageID != "a@example.com" || all[0].Seq != 1 || string(all[0].Raw) != m.String() ||
			all[0].Direction != intake.Inbound || all[0].Envelope.From != "Rita@Example.COM" || all[0].Date == 0 {
			t.Errorf("communications %+v", all)
		}

		again := o.must(t, m)
		if !again.Duplicate || again.New || again.Case != r.Case || again.Communication != r.Communication || again.Number != r.Number {
			t.Errorf("the same bytes again: %+v", again)
		}
		next := o.must(t, mail{from: "otto@example.com", subject: "Another matter"})
		if next.Number != "C-2026-000002" {
			t.Errorf("the number after is %s: the duplicate left a gap", next.Number)
		}
	})
}

// A channel that another node has just retired takes nothing more, and what is
// sent to its address goes by the one that has it now.
func TestChannelChangedElsewhere(t *testing.T) {
	each(t, intake.Options{}, func(t *testing.T, o *office) {
		elsewhere := channel.New(o.Ledger)
		first := o.load(t, o.must(t, mail{from: "rita@example.com", subject: "one"}).Case)
		if _, err := elsewhere.Retire(t.Context(), leo, first.Channel, "moved"); err != nil {
			t.Fatal(err)
		}
		if r, err := o.smtp(t.Context(), mail{from: "rita@example.com", subject: "two"}); !is(err, fault.NotFound) {
			t.Errorf("by a retired channel: %+v, %v", r, err)
		}
		here := o.channels
		o.channels = elsewhere
		moved := o.channel(t, channel.Terms{Name: "Moved", Kind: channel.Email, Address: security, Direction: channel.Inbound})
		if o.channels = here; o.load(t, o.must(t, mail{from: "rita@example.com", subject: "three"}).Case).Channel != moved.ID {
			t.Error("the channel that has the address now did not take it")
		}
		if _, err := elsewhere.Reviewed(t.Context(), leo, moved.ID, "2027-06-30"); err != nil {
			t.Fatal(err)
		}
		r, err := o.Report(t.Context(), intake.Report{Channel: portal, Source: intake.FromPortal, Text: "four"})
		if err != nil || r.Number != "C-2026-000003" {
			t.Errorf("after a change of another channel: %+v, %v", r, err)
		}
	})
}

func TestRefusedReceiveLeavesNothing(t *testing.T) {
	each(t, intake.Options{}, func(t *testing.T, o *office) {
		broken := fmt.Errorf("connection reset")
		for name, c := range map[string]struct {
			in   intake.Incoming
			kind fault.Kind
		}{
			"no such channel":       {intake.Incoming{Channel: "nobody@org.example", Raw: strings.NewReader("Subject: x\n\nx")}, fault.NotFound},
			"empty":                 {intake.Incoming{Channel: security, Raw: strings.NewReader("")}, fault.Invalid},
			"cut off":               {intake.Incoming{Channel: security, Raw: &cut{"Subject: x\r\n\r\nhalf a", broken}}, fault.Internal},
			"cut off when it grows": {intake.Incoming{Channel: security, Raw: &cut{"Subject: x\r\n\r\n" + strings.Repeat("long ", 40000), broken}}, fault.Internal},
		} {
			if r, err := o.Receive(t.Context(), c.in); err == nil || !is(err, c.kind) {
				t.Errorf("%s: %+v, %v", name, r, err)
			}
		}
		if r := o.must(t, mail{from: "a@example.com", subject: "first"}); r.Number != "C-2026-000001" {
			t.Errorf("what was refused took a number: %s", r.Number)
		}
	})
}

// cut is a connection that breaks.
type cut struct {
	text string
	err  error
}

func (c *cut) Read(p []byte) (int, error) {
	if c.text == "" {
		return 0, c.err
	}
	n := copy(p, c.text)
	c.text = c.text[n:]
	return n, nil
}
