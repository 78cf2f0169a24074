// Package demo fills an installation with a demonstration organisation: some
// sixty cases of the last ninety days in different states. Nothing is inserted:
// mails come in by SMTP, reports by the report page, and people of the
// organisation do what people do, each at the time of the story.
package demo

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/smtp"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"example.org/countersign/internal/app"
	"example.org/countersign/internal/channel"
	"example.org/countersign/internal/clock"
	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/people"
	"example.org/countersign/internal/response"
	"example.org/countersign/internal/rules"
)

// Organisation is who the demonstration is about.
const Organisation = "Northwind Cloud"

// Demo is the demonstration while it is fed.
type Demo struct {
	App *app.App

	clock    *storyClock
	outbox   *outbox
	mail     string // address of the SMTP receiver while feeding
	channels map[string]*channel.Channel
	people   map[string]*people.Identity
	acts     []act
	cases    map[*story]string // id
}

// act is something that somebody does at a time.
type act struct {
	at time.Time
	do func(ctx context.Context) error
}

// storyClock stands at the time of the story until that has arrived at the
// present.
type storyClock struct {
	set  *clock.Set
	mu   sync.Mutex
	live bool
}

func (c *storyClock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.live {
		return clock.System.Now()
	}
	return c.set.Now()
}

// to moves the clock, never back.
func (c *storyClock) to(t time.Time) {
	if t.After(c.set.Now()) {
		c.set.Set(t)
	}
}

func (c *storyClock) golive() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.live = true
}

// Open opens an installation for the demonstration: its relay is a mail drop
// in the data directory.
func Open(ctx context.Context, cfg app.Config) (*Demo, error) {
	d := &Demo{channels: map[string]*channel.Channel{}, people: map[string]*people.Identity{}, cases: map[*story]string{}}
	if err := os.MkdirAll(cfg.Data, 0o700); err != nil {
		return nil, err
	}
	if entries, err := os.ReadDir(cfg.Data); err != nil {
		return nil, err
	} else if slices.ContainsFunc(entries, func(e os.DirEntry) bool { return e.Name() == "countersign.db" }) {
		return d.reopen(ctx, cfg)
	}
	d.clock = &storyClock{set: clock.NewSet(clock.System.Now().Add(-91 * 24 * time.Hour))}
	return d, d.open(ctx, cfg, d.clock.now)
}

// reopen goes on with a demonstration that was fed before.
func (d *Demo) reopen(ctx context.Context, cfg app.Config) (*Demo, error) {
	return d, d.open(ctx, cfg, clock.System)
}

// Fed reports whether the installation had its stories before.
func (d *Demo) Fed() bool { return d.clock == nil }

func (d *Demo) open(ctx context.Context, cfg app.Config, c clock.Clock) (err error) {
	if d.outbox, err = openOutbox(filepath.Join(cfg.Data, "outbox"), cfg.Log); err != nil {
		return err
	}
	cfg.Relay, cfg.Organisation, cfg.SignInLinks, cfg.Clock = "smtp://"+d.outbox.address, Organisation, true, c
	if d.App, err = app.Open(ctx, cfg); err != nil {
		d.outbox.close()
		return err
	}
	if err := d.App.KeepName(); err != nil {
		return errors.Join(err, d.Close())
	}
	return nil
}

// Close closes the installation.
func (d *Demo) Close() error {
	d.outbox.close()
	return d.App.Close()
}

// Feed tells all stories. progress is called after every act.
func (d *Demo) Feed(ctx context.Context, progress func(done, total int)) error {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	d.mail = ln.Addr().String()
	receiver := d.App.Receiver()
	go receiver.Serve(ln)
	defer receiver.Shutdown(ctx)
	if err := d.found(ctx); err != nil {
		return fmt.Errorf("found the organisation: %w", err)
	}
	now := clock.System.Now()
	for i := range stories {
		d.plan(&stories[i], now)
	}
	for done := 0; len(d.acts) > 0; done++ {
		slices.SortStableFunc(d.acts, func(a, b act) int { return a.at.Compare(b.at) })
		next := d.acts[0]
		d.acts = d.acts[1:]
		if next.at.After(now) { // the story goes on after the present
			continue
		}
		d.clock.to(next.at)
		if err := next.do(ctx); err != nil {
			return err
		}
		if _, err := d.App.Jobs.RunDue(ctx); err != nil {
			return err
		}
		progress(done+1, done+1+len(d.acts))
	}
	d.clock.golive()
	return nil
}

// staff of the demonstration.
var staff = []struct {
	key, name string
	roles     []people.Role
}{
	{"admin", "Robin Castellan", []people.Role{people.Admin}},
	{"lead", "Amelie Brandt", []people.Role{people.Lead}},
	{"lead2", "Idris Bello", []people.Role{people.Lead, people.Commander}},
	{"analyst", "Jun Watanabe", []people.Role{people.Analyst}},
	{"analyst2", "Sofie Dahl", []people.Role{people.Analyst}},
	{"legal", "Carmen Ibarra", []people.Role{people.Legal}},
	{"executive", "Victor Lang", []people.Role{people.Executive}},
	{"owner", "Mina Petrov", []people.Role{people.Owner}},
	{"staff", "Theo Marsh", []people.Role{people.Staff}},
	{"auditor", "Ruth Adler, Adler & Finch LLP", []people.Role{people.Auditor}},
}

// found enrols the staff and has the channels approved.
func (d *Demo) found(ctx context.Context) error {
	code, err := d.App.People.Bootstrap(ctx)
	if err != nil {
		return err
	}
	for _, s := range staff {
		email := strings.ToLower(strings.Fields(s.name)[0]) + "@" + domain
		if s.key != "admin" {
			if code, _, err = d.App.People.Invite(ctx, d.people["admin"], s.name, email, s.roles); err != nil {
				return err
			}
		}
		p, err := d.App.People.Enrol(ctx, code, s.name, email, "demonstration "+s.key+" "+code)
		if err != nil {
			return err
		}
		if d.people[s.key], err = d.signIn(ctx, p.ID); err != nil {
			return err
		}
	}
	for _, key := range []string{"lead", "lead2", "legal", "executive"} {
		if err := d.App.People.ConfirmApprover(ctx, d.people["lead"], d.people[key].ID); err != nil {
			continue // needs no confirmation
		}
	}
	return d.register(ctx)
}

func (d *Demo) signIn(ctx context.Context, person string) (*people.Identity, error) {
	code, err := d.App.People.NewSignInLink(ctx, person)
	if err != nil {
		return nil, err
	}
	_, who, err := d.App.People.SignInLink(ctx, code, people.Client{Agent: "demonstration"})
	return who, err
}

// register proposes and approves the channels.
func (d *Demo) register(ctx context.Context) error {
	lead, second := d.people["lead"].Actor(people.Lead), d.people["lead2"].Actor(people.Lead)
	review := clock.System.Now().AddDate(0, 4, 0).Format(time.DateOnly)
	for _, t := range []channel.Terms{
		{Name: "Security reports", Kind: channel.Email, Address: security, Direction: channel.Both, Audience: "customers, researchers, vendors",
			Owner: d.people["lead"].ID, Purpose: "Vulnerabilities, suspected incidents, questions of assurance", ReviewDue: review, FromName: Organisation + " Security",
			Published: []string{"https://" + domain + "/security", "https://" + domain + "/.well-known/security.txt"}},
		{Name: "Customer support", Kind: channel.Email, Address: support, Direction: channel.Both, Audience: "customers",
			Owner: d.people["lead2"].ID, Purpose: "Outages, failures, billing and use of the service", ReviewDue: review, FromName: Organisation + " Support",
			Published: []string{"https://" + domain + "/support", "Service agreement, section 7"}},
		{Name: "Privacy", Kind: channel.Email, Address: privacy, Direction: channel.Both, Audience: "data subjects, authorities",
			Owner: d.people["legal"].ID, Purpose: "Requests and complaints about personal data", ReviewDue: review, FromName: Organisation + " Privacy",
			Published: []string{"https://" + domain + "/privacy"}},
		{Name: "Report page", Kind: channel.Portal, Address: "report", Direction: channel.Both, Audience: "everybody, also anonymously",
			Owner: d.people["lead"].ID, Purpose: "Problems, concerns and complaints, by name or anonymously", ReviewDue: review,
			Published: []string{"https://" + domain + "/report", "Employee handbook, page 3"}},
	} {
		if t.Kind == channel.Portal {
			t.Reply = d.channels["support"].ID
		}
		c, err := d.App.Channels.Add(ctx, lead, t)
		if err != nil {
			return err
		}
		if c, err = d.App.Channels.Approve(ctx, second, c.ID, c.Entry); err != nil {
			return err
		}
		key, _, _ := strings.Cut(t.Address, "@")
		d.channels[key] = c
	}
	return nil
}

// then plans an act some hours after the story's clock.
func (d *Demo) then(hours float64, do func(ctx context.Context) error) {
	d.acts = append(d.acts, act{d.clock.set.Now().Add(time.Duration(hours * float64(time.Hour))), do})
}

// plan puts a story's first act on the list; every act plans the next.
func (d *Demo) plan(s *story, now time.Time) {
	d.acts = append(d.acts, act{s.at(now), func(ctx context.Context) error {
		id, err := d.arrive(ctx, s)
		if err != nil {
			return fmt.Errorf("%q: %w", s.subject, err)
		}
		d.cases[s] = id
		d.handle(s)
		return nil
	}})
}

// arrive sends the story's mail, or fills in the report page.
func (d *Demo) arrive(ctx context.Context, s *story) (caseID string, err error) {
	if s.portal {
		number, err := d.fillIn(ctx, s)
		if err != nil {
			return "", err
		}
		c, err := d.App.Intake.Case(ctx, number)
		if err != nil {
			return "", err
		}
		return c.ID, nil
	}
	before, err := d.newest(ctx)
	if err != nil {
		return "", err
	}
	if err := d.send(s, s.text, ""); err != nil {
		return "", err
	}
	c, err := d.newest(ctx)
	if err == nil && (c == nil || before != nil && c.ID == before.ID) {
		err = errors.New("the mail made no case")
	}
	if err != nil {
		return "", err
	}
	return c.ID, nil
}

func (d *Demo) newest(ctx context.Context) (*intake.Case, error) {
	found, err := intake.Cases.Select(ctx, d.App.Ledger, `ORDER BY r.number DESC LIMIT 1`)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return found[0], nil
}

// send sends a mail by SMTP, as anybody outside would.
func (d *Demo) send(s *story, text, inReplyTo string) error {
	to := s.to + "@" + domain
	var b bytes.Buffer
	from := s.address
	if s.name != "" {
		from = fmt.Sprintf("%q <%s>", s.name, s.address)
	}
	subject := s.subject
	if inReplyTo != "" {
		subject = "Re: " + subject
	}
	_, host, _ := strings.Cut(s.address, "@")
	now := d.clock.now()
	fmt.Fprintf(&b, "From: %s\r\nTo: %s\r\nSubject: %s\r\nDate: %s\r\nMessage-ID: <%d.%d@%s>\r\n", from, to, subject,
		now.Format(time.RFC1123Z), now.UnixMicro(), len(text), host)
	if inReplyTo != "" {
		fmt.Fprintf(&b, "In-Reply-To: <%s>\r\nReferences: <%s>\r\n", inReplyTo, inReplyTo)
	}
	b.WriteString("MIME-Version: 1.0\r\n")
	body := strings.ReplaceAll(text, "\n", "\r\n") + "\r\n"
	const plain = "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n"
	if s.file == "" || inReplyTo != "" {
		b.WriteString(plain + "\r\n" + body)
	} else {
		b.WriteString("Content-Type: multipart/mixed; boundary=part\r\n\r\n--part\r\n" + plain + "\r\n" + body)
		fmt.Fprintf(&b, "--part\r\nContent-Type: text/plain; name=%q\r\nContent-Disposition: attachment; filename=%q\r\n\r\n%s: enclosed with the message of %s.\r\n--part--\r\n",
			s.file, s.file, s.file, cmp.Or(s.name, s.address))
	}
	return smtp.SendMail(d.mail, nil, s.address, []string{to}, b.Bytes())
}

// pick alternates between people by the story.
func (d *Demo) pick(s *story, keys ...string) *people.Identity {
	return d.people[keys[len(s.subject)%len(keys)]]
}

// handle plans what the staff do with a new case.
func (d *Demo) handle(s *story) {
	switch s.ending {
	case stays:
	case setAside:
		d.then(3, func(ctx context.Context) error { return d.setAside(ctx, s) })
	default:
		d.then(0.3, func(ctx context.Context) error { return d.take(ctx, s) })
	}
}

// setAside marks what the rules let through as spam.
func (d *Demo) setAside(ctx context.Context, s *story) error {
	c, err := d.App.Intake.Case(ctx, d.cases[s])
	if err != nil || c.Disposition != "" {
		return err
	}
	return d.App.Intake.Dispose(ctx, d.pick(s, "analyst", "analyst2").Actor(people.Analyst), c.ID, rules.Spam, "Advertising or fraud; nobody we know.")
}

// take assigns the case and plans the answer.
func (d *Demo) take(ctx context.Context, s *story) error {
	who := d.pick(s, "analyst", "analyst2")
	if _, err := d.App.Triage.Assign(ctx, who.Actor(people.Analyst), d.cases[s], who.ID); err != nil {
		return err
	}
	if s.ending == assigned {
		return nil
	}
	hours := 0.9
	if s.ending == late {
		hours = 40
	}
	d.then(hours, func(ctx context.Context) error { return d.write(ctx, s, who, cmp.Or(s.answer, d.usual(s))) })
	return nil
}

// usual is the answer of stories that bring none of their own.
func (d *Demo) usual(s *story) string {
	name := cmp.Or(s.name, "reporter")
	return "Dear " + name + ",\n\n" + thanks + "\n\nKind regards\n" + Organisation
}

// write drafts an answer and submits it.
func (d *Demo) write(ctx context.Context, s *story, who *people.Identity, text string) error {
	r, err := d.App.Responses.Draft(ctx, who, d.cases[s])
	if err != nil {
		return err
	}
	content := r.Content()
	content.Text = text
	if r, err = d.App.Responses.Edit(ctx, who, r.ID, r.Entry, content); err != nil || s.ending == drafted {
		return err
	}
	d.then(0.2, func(ctx context.Context) error { return d.submit(ctx, s, who, r.ID) })
	return nil
}

func (d *Demo) submit(ctx context.Context, s *story, who *people.Identity, id string) error {
	r, err := d.App.Responses.Find(ctx, id)
	if err != nil {
		return err
	}
	if r, err = d.App.Responses.Submit(ctx, who, id, r.Entry); err != nil {
		return err
	}
	if s.ending == inReview {
		return nil
	}
	if s.ending == declined && len(r.Declines) == 0 {
		d.then(0.4, func(ctx context.Context) error { return d.decline(ctx, s, who, r) })
		return nil
	}
	d.then(0.5, func(ctx context.Context) error { return d.approve(ctx, s, r) })
	return nil
}

// decline sends the answer back once; it is mended and submitted again.
func (d *Demo) decline(ctx context.Context, s *story, who *people.Identity, r *response.Response) error {
	r, err := d.App.Responses.Decline(ctx, d.people["lead"], r.ID, "Say when they will hear from us again.")
	if err != nil {
		return err
	}
	d.then(0.5, func(ctx context.Context) error {
		content := r.Content()
		content.Text += "\n\nYou will hear from us again within three working days, also if there is nothing new."
		edited, err := d.App.Responses.Edit(ctx, who, r.ID, r.Entry, content)
		if err != nil {
			return err
		}
		return d.submit(ctx, s, who, edited.ID)
	})
	return nil
}

// approve has as many people approve as the matrix demands.
func (d *Demo) approve(ctx context.Context, s *story, r *response.Response) error {
	if s.ending == uncertain {
		d.outbox.cut()
	}
	for _, key := range []string{"lead", "legal", "lead2", "executive"} {
		current, err := d.App.Responses.Find(ctx, r.ID)
		if err != nil {
			return err
		}
		who := d.people[key]
		if current.State != response.InReview {
			break
		}
		if !slices.ContainsFunc(current.Roles, who.Has) || slices.ContainsFunc(current.Approvals, func(a response.Approval) bool { return a.By == who.ID }) {
			continue
		}
		if _, err := d.App.Responses.Approve(ctx, who, r.ID, current.ContentHash); err != nil {
			return err
		}
	}
	d.then(5, func(ctx context.Context) error { return d.goOn(ctx, s, r.ID) })
	return nil
}

// goOn is what comes after an answer: a reply, a second answer, the end.
func (d *Demo) goOn(ctx context.Context, s *story, id string) error {
	r, err := d.App.Responses.Find(ctx, id)
	if err != nil || r.State != response.Sent {
		return err
	}
	switch {
	case s.ending == talked && r.Seq == 1:
		if err := d.send(s, s.back, r.MessageID); err != nil {
			return err
		}
		d.then(3, func(ctx context.Context) error {
			return d.write(ctx, s, d.pick(s, "analyst", "analyst2"), "Dear "+s.name+",\n\nyes, we will see to that, and write again under this number when it is done.\n\nKind regards\n"+Organisation)
		})
	case s.ending == closed:
		return d.App.Intake.Close(ctx, d.pick(s, "analyst", "analyst2").Actor(people.Analyst), d.cases[s], 0, "Answered, nothing is left to do.")
	}
	return nil
}

// Tell prints where the demonstration is to be found, with a sign-in link for
// each role. Links work once; the demonstration makes new ones at every start.
func (d *Demo) Tell(ctx context.Context, w io.Writer, url, mail string) error {
	fmt.Fprintf(w, "\nStaff pages   %s/\nReport page   %s/report\n", url, url)
	if mail != "" {
		fmt.Fprintf(w, "Mail          %s (SMTP), for %s, %s and %s\n", mail, security, support, privacy)
	}
	fmt.Fprintf(w, "Mail sent     %s\n\nSign in as\n", d.outbox.dir)
	all, err := d.App.People.List(ctx)
	if err != nil {
		return err
	}
	for _, s := range staff {
		for _, p := range all {
			if p.Name != s.name {
				continue
			}
			code, err := d.App.People.NewSignInLink(ctx, p.ID)
			if err != nil {
				return err
			}
			fmt.Fprintf(w, "  %-20s %-30s %s/sign-in?code=%s\n", s.roles[len(s.roles)-1].Title(), s.name, url, code)
		}
	}
	return nil
}
