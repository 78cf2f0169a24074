package evidence_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"example.org/countersign/internal/channel"
	"example.org/countersign/internal/channel/accepted"
	"example.org/countersign/internal/channel/relay"
	"example.org/countersign/internal/dbtest"
	"example.org/countersign/internal/evidence"
	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/jobs"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/people"
	"example.org/countersign/internal/policy"
	"example.org/countersign/internal/response"
	"example.org/countersign/internal/retention"
	"example.org/countersign/internal/rules"
	"example.org/countersign/internal/timestamp"
	"example.org/countersign/verify"
	"example.org/countersign/verify/format"
)

func kinds() []ledger.Records {
	var all []ledger.Records
	for _, k := range [][]ledger.Records{jobs.Records(), people.Records(), channel.Records(), policy.Records(), intake.Records(), response.Records(), retention.Records(), timestamp.Records(), evidence.Records()} {
		all = append(all, k...)
	}
	return all
}

// office is an installation with people, channels and policies.
type office struct {
	testing.TB
	*dbtest.Env
	people    *people.Desk
	channels  *channel.Desk
	policies  *policy.Desk
	intake    *intake.Desk
	responses *response.Desk
	retention *retention.Desk
	evidence  *evidence.Desk
	runner    *jobs.Runner

	ana, lea, leo *people.Identity // analyst, lead, legal
	fail          error            // what the relay says next
	cosigned      []byte           // what witnesses have cosigned, if anything

	counted   []accepted.Line // what the mail door has counted
	timestamp string          // address of the authority that stamps the log; nobody does where empty
}

const (
	security = "security@northwind.example"
	portal   = "/report"
)

// q3 is the period of most tests.
var q3 = evidence.Period{From: time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC), To: time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)}

func each(t *testing.T, f func(t *testing.T, o *office)) {
	t.Helper()
	dbtest.Each(t, kinds(), nil, func(t *testing.T, e *dbtest.Env) { f(t, furnish(t, e)) })
}

// sqlite opens an installation on one database alone.
func sqlite(t testing.TB) *office { return furnishAt(t, t.TempDir()) }

func furnishAt(t testing.TB, dir string) *office {
	t.Helper()
	return furnish(t, dbtest.Open(t, dir, filepath.Join(dir, "countersign.db"), kinds(), nil))
}

// openAt opens an installation that is there.
func openAt(t testing.TB, dir string) *office {
	t.Helper()
	o := &office{TB: t, Env: dbtest.Open(t, dir, filepath.Join(dir, "countersign.db"), kinds(), nil)}
	o.desks()
	return o
}

// stop closes it, so that its directory can be copied.
func (o *office) stop() {
	o.Helper()
	o.Env.Close()
	o.must(o.Keys.Close())
	o.must(o.DB.Close())
}

// furnish opens the desks on e, a week before the period.
func furnish(t testing.TB, e *dbtest.Env) *office {
	t.Helper()
	o := &office{TB: t, Env: e}
	o.at(2026, 6, 22, 9, 0)
	ctx := t.Context()
	o.desks()
	o.must(o.policies.Seed(ctx))
	o.ana, o.lea, o.leo = o.hire("Ana Lyst", people.Analyst), o.hire("Lea Lead", people.Lead), o.hire("Leo Gal", people.Legal)
	mail := o.channel(channel.Terms{Name: "Security mailbox", Kind: channel.Email, Address: security, Direction: channel.Both, FromName: "Northwind security"})
	o.channel(channel.Terms{Name: "Report page", Kind: channel.Portal, Address: portal, Direction: channel.Both, Reply: mail.ID})
	return o
}

// desks opens the desks, as a start of the product does.
func (o *office) desks() {
	o.Helper()
	var err error
	e := o.Env
	o.people, err = people.New(o.Context(), e.Ledger, e.Keys, people.Options{})
	o.must(err)
	o.channels = channel.New(e.Ledger)
	o.policies = policy.New(e.Ledger, o.people)
	o.intake = intake.New(e.Ledger, o.channels, o.policies, intake.Options{Keys: e.Keys, Organisation: "Northwind", Send: o.send})
	o.responses = response.New(e.Ledger, o.people, o.channels, o.policies, response.Options{Keys: e.Keys, Send: o.send})
	o.retention = retention.New(e.Ledger, o.people, o.policies, o.intake, o.responses, retention.Options{})
	stamps, err := timestamp.New(e.Ledger, timestamp.Options{URL: o.timestamp})
	o.must(err)
	o.evidence = evidence.New(e.Ledger, o.people, o.channels, o.policies, o.intake, o.responses,
		evidence.Options{Organisation: "Northwind Ltd", Keys: e.Keys, Generator: "Countersign test", Timestamp: stamps,
			Witnessed: func(context.Context, int64) ([]byte, error) { return o.cosigned, nil },
			Accepted: func(f func(accepted.Line) error) error {
				for _, x := range o.counted {
					if err := f(x); err != nil {
						return err
					}
				}
				return nil
			}})
	handlers := o.retention.Handlers()
	handlers[response.SendJob], handlers[intake.ConfirmationJob] = o.responses.Send, o.intake.Confirm
	o.runner = jobs.New(e.Ledger, handlers, nil)
}

func (o *office) must(err error) {
	o.Helper()
	if err != nil {
		o.Fatal(err)
	}
}

// at moves the clock.
func (o *office) at(year int, month time.Month, day, hour, minute int) {
	o.Clock.Set(time.Date(year, month, day, hour, minute, 0, 0, time.UTC))
}

func (o *office) send(context.Context, relay.Mail) (relay.Receipt, error) {
	if o.fail != nil {
		return relay.Receipt{}, o.fail
	}
	return relay.Receipt{Relay: "relay.example", Text: "250 queued"}, nil
}

// hire makes an account that has enrolled, without the cost of a password.
func (o *office) hire(name string, role people.Role) *people.Identity {
	o.Helper()
	now := o.Now().UnixMicro()
	p := &people.Person{Name: name, Email: strings.ToLower(strings.ReplaceAll(name, " ", ".")) + "." + string(role) + "@northwind.example", Roles: []people.Role{people.Staff, role},
		Active: true, ApproverSince: now, CreatedAt: now, EnrolledAt: now, UpdatedAt: now}
	o.must(o.Write(o.Context(), ledger.System, func(_ context.Context, tx *ledger.Tx) error {
		return people.Persons.Put(tx, p, ledger.Do("enrolled", "CC6.2"))
	}))
	return &people.Identity{ID: p.ID, Name: p.Name, Email: p.Email, Roles: p.Roles, Session: "s", Approves: true}
}

// channel adds an approved channel.
func (o *office) channel(c channel.Terms) *channel.Channel {
	o.Helper()
	c.Audience, c.Owner, c.Purpose, c.ReviewDue = "public", o.lea.ID, "to be written to", "2027-01-31"
	added, err := o.channels.Add(o.Context(), o.ana.Actor(people.Analyst), c)
	o.must(err)
	added, err = o.channels.Approve(o.Context(), o.lea.Actor(people.Lead), added.ID, added.Entry)
	o.must(err)
	return added
}

// mail receives a mail and returns its case.
func (o *office) mail(from, subject, body string) *intake.Case {
	o.Helper()
	raw := fmt.Sprintf("From: %s\r\nTo: %s\r\nSubject: %s\r\nMessage-ID: <%d.%x@mail.example>\r\nDate: %s\r\n\r\n%s",
		from, security, subject, o.Now().UnixMicro(), subject, o.Now().Format(time.RFC1123Z), body)
	return o.receive(raw)
}

func (o *office) receive(raw string) *intake.Case {
	o.Helper()
	r, err := o.intake.Receive(o.Context(), intake.Incoming{Channel: security, Source: intake.FromSMTP, From: "<x@mail.example>", To: []string{security}, Raw: strings.NewReader(raw)})
	o.must(err)
	o.due() // its confirmation
	c, err := o.intake.Case(o.Context(), r.Case)
	o.must(err)
	return c
}

// answer drafts, approves and sends an answer.
func (o *office) answer(c *intake.Case, text string) *response.Response {
	o.Helper()
	ctx := o.Context()
	r, err := o.responses.Draft(ctx, o.ana, c.ID)
	o.must(err)
	content := r.Content()
	content.Text = text
	r, err = o.responses.Edit(ctx, o.ana, r.ID, r.Entry, content)
	o.must(err)
	r, err = o.responses.Submit(ctx, o.ana, r.ID, r.Entry)
	o.must(err)
	for _, who := range []*people.Identity{o.lea, o.leo} {
		if r.State == response.InReview {
			r, err = o.responses.Approve(ctx, who, r.ID, r.ContentHash)
			o.must(err)
		}
	}
	o.due()
	r, err = o.responses.Find(ctx, r.ID)
	o.must(err)
	return r
}

// due runs the jobs that are due.
func (o *office) due() {
	o.Helper()
	_, err := o.runner.RunDue(o.Context())
	o.must(err)
}

// case1 is what a quarter brings: a case of each sort. It ends in November.
func (o *office) quarter() {
	o.Helper()
	ctx := o.Context()
	o.mail("old@example.com", "Nobody has answered this", "It was received before the period and never touched.") // C-2026-000001
	early := o.mail("early@example.com", "Answered later", "It was received before the period and is answered in it.")
	closed := o.mail("done@example.com", "Done before", "Closed before the period.")
	o.answer(closed, "Thank you, we have seen to it.")
	o.must(o.intake.Close(ctx, o.ana.Actor(people.Analyst), closed.ID, 0, "settled"))

	o.at(2026, 7, 1, 10, 0)
	o.answer(early, "We are sorry that it took so long.")
	o.at(2026, 7, 6, 9, 0)
	met := o.mail("Mara Voss <mara@halden.example>", "=HYPERLINK(\"http://x\") question about the report", "There is a vulnerability in your login.")
	o.at(2026, 7, 6, 11, 0)
	o.answer(met, "Thank you. We are looking into it.")

	o.at(2026, 7, 8, 9, 0)
	late := o.mail("late@example.com", "Ответьте, пожалуйста: 漢字 مرحبا", strings.Repeat("A long text that does not fit into a row. ", 400))
	o.at(2026, 8, 3, 9, 0)
	o.answer(late, "Late, but here it is.")

	o.at(2026, 8, 10, 9, 0)
	o.anonymous()
	o.at(2026, 8, 12, 9, 0)
	spam := o.mail("seller@spam.example", "Buy now", "Cheap watches.")
	o.must(o.intake.Dispose(ctx, o.ana.Actor(people.Analyst), spam.ID, rules.Spam, "an advertisement"))
	o.receive("\x00\x01\x02 this is no mail at all \xff\xfe")
	o.at(2026, 8, 20, 9, 0)
	o.receive(strings.ReplaceAll(attached, "\n", "\r\n"))
	unsure := o.mail("unsure@example.com", "Did you get this?", "Please confirm.")
	o.fail = &relay.Ambiguous{Err: errors.New("connection reset")}
	o.answer(unsure, "We did.")
	o.fail = nil

	o.at(2026, 10, 2, 9, 0) // after the period
	_, err := o.intake.Note(ctx, o.ana.Actor(people.Analyst), late.ID, "Seen after the quarter.")
	o.must(err)
	o.mail("next@example.com", "Next quarter", "Not of this period.")
	o.at(2026, 11, 2, 9, 0)
}

const whistle = "My manager signs the invoices of a company that belongs to his brother."

// anonymous reports something with a picture that says where it was taken.
func (o *office) anonymous() {
	o.Helper()
	r, err := o.intake.Report(o.Context(), intake.Report{Channel: portal, Source: intake.FromPortal, Subject: "Whistle about invoices", Text: whistle,
		Anonymous: true, Files: []intake.Upload{{Name: "me.jpg", Type: "image/jpeg", Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(picture())), nil }}}})
	o.must(err)
	_, err = o.intake.Note(o.Context(), o.ana.Actor(people.Analyst), r.Case, "To be looked at by legal.")
	o.must(err)
}

// trace is what a camera leaves in a picture.
const trace = "GPS 52.5200 N 13.4050 E of Mara's phone"

// picture returns a JPEG with a comment segment.
func picture() []byte {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, 8, 8)), nil); err != nil {
		panic(err)
	}
	comment := append([]byte{0xff, 0xfe, 0, byte(len(trace) + 2)}, trace...)
	return append(append([]byte{0xff, 0xd8}, comment...), b.Bytes()[2:]...)
}

const attached = `From: Otto <otto@example.com>
To: security@northwind.example
Subject: A file for you
Message-ID: <file@example.com>
Date: Thu, 20 Aug 2026 09:00:00 +0000
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain; charset=utf-8

See the attached list.
--b
Content-Type: text/csv; name="list.csv"
Content-Disposition: attachment; filename="list.csv"

a,b
1,2
--b--
`

// build makes a package in memory.
func (o *office) build(p evidence.Period, opt evidence.BuildOptions) ([]byte, *evidence.Made) {
	o.Helper()
	var out bytes.Buffer
	made, err := o.evidence.Build(o.Context(), o.lea.Actor(people.Lead), p, opt, &out, nil)
	o.must(err)
	if made.Bytes != int64(out.Len()) {
		o.Errorf("%d bytes were said and %d written", made.Bytes, out.Len())
	}
	return out.Bytes(), made
}

// check verifies a package offline.
func check(t testing.TB, b []byte, key string) (*verify.Summary, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "package.zip")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return verify.Package(context.Background(), path, verify.Options{Key: key})
}

// files returns the files of a package.
func files(t testing.TB, b []byte) map[string][]byte {
	t.Helper()
	c, err := format.OpenContainer(bytes.NewReader(b), int64(len(b)), format.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]byte{}
	for i := range c.Members {
		content, err := io.ReadAll(c.Open(&c.Members[i]))
		if err != nil {
			t.Fatal(err)
		}
		all[c.Members[i].Name] = content
	}
	return all
}

// rows returns the rows of a CSV file by column.
func rows(t testing.TB, content []byte) []map[string]string {
	t.Helper()
	lines, err := csv.NewReader(bytes.NewReader(content)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var all []map[string]string
	for _, line := range lines[1:] {
		row := map[string]string{}
		for i, name := range lines[0] {
			row[name] = line[i]
		}
		all = append(all, row)
	}
	return all
}

func sum(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}
