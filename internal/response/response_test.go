package response_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
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
	"example.org/countersign/internal/mime"
	"example.org/countersign/internal/people"
	"example.org/countersign/internal/policy"
	"example.org/countersign/internal/response"
)

// house is an organisation with people, a channel and one case.
type house struct {
	*dbtest.Env
	people    *people.Desk
	channels  *channel.Desk
	policies  *policy.Desk
	intake    *intake.Desk
	responses *response.Desk
	jobs      *jobs.Runner

	ann, ben, lea, leo *people.Identity // two analysts, two leads
	caseID             string

	mu   sync.Mutex
	sent []relay.Mail
	send func(relay.Mail) error // how the next hand-over ends; nil: well
}

func records() []ledger.Records {
	return slices.Concat(jobs.Records(), people.Records(), channel.Records(), policy.Records(), intake.Records(), response.Records())
}

func each(t *testing.T, f func(t *testing.T, h *house)) {
	t.Helper()
	dbtest.Each(t, records(), nil, func(t *testing.T, e *dbtest.Env) {
		h := &house{Env: e}
		h.build(t)
		f(t, h)
	})
}

func (h *house) build(t *testing.T) {
	t.Helper()
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	var err error
	h.people, err = people.New(ctx, h.Ledger, h.Keys, people.Options{SignInLinks: true})
	must(err)
	h.channels = channel.New(h.Ledger)
	h.policies = policy.New(h.Ledger, h.people)
	must(h.policies.Seed(ctx))
	h.intake = intake.New(h.Ledger, h.channels, h.policies, intake.Options{Keys: h.Keys, Organisation: "Test"})
	h.responses = response.New(h.Ledger, h.people, h.channels, h.policies, response.Options{Keys: h.Keys, Send: h.handOver})
	h.jobs = jobs.New(h.Ledger, map[string]jobs.Handler{response.SendJob: h.responses.Send}, nil)

	code, err := h.people.Bootstrap(ctx)
	must(err)
	admin := h.join(t, code, "Root", "root@example.com")
	for _, p := range []struct {
		who  **people.Identity
		name string
		role people.Role
	}{{&h.lea, "lea", people.Lead}, {&h.leo, "leo", people.Lead}, {&h.ann, "ann", people.Analyst}, {&h.ben, "ben", people.Analyst}} {
		code, _, err := h.people.Invite(ctx, admin, p.name, p.name+"@example.com", []people.Role{p.role})
		must(err)
		*p.who = h.join(t, code, p.name, p.name+"@example.com")
	}
	must(h.people.ConfirmApprover(ctx, h.lea, h.leo.ID))
	c, err := h.channels.Add(ctx, h.lea.Actor(people.Lead), channel.Terms{Name: "Security", Kind: channel.Email, Address: "security@example.com", Direction: channel.Both,
		Audience: "customers", Owner: h.lea.ID, Purpose: "Reports", ReviewDue: "2027-01-31", FromName: "Security", Published: []string{"https://example.com"}})
	must(err)
	_, err = h.channels.Approve(ctx, h.leo.Actor(people.Lead), c.ID, c.Entry)
	must(err)
	receipt, err := h.intake.Receive(ctx, intake.Incoming{Channel: "security@example.com", Source: intake.FromSMTP, From: "rita@customer.example", To: []string{"security@example.com"},
		Raw: strings.NewReader("From: Rita <rita@customer.example>\r\nTo: security@example.com\r\nSubject: A question\r\nMessage-ID: <q1@customer.example>\r\n\r\nWhere do I find my invoice?\r\n")})
	must(err)
	h.caseID = receipt.Case
}

func (h *house) join(t *testing.T, code, name, email string) *people.Identity {
	t.Helper()
	p, err := h.people.Enrol(t.Context(), code, name, email, "a long enough password for "+name)
	if err != nil {
		t.Fatal(err)
	}
	link, err := h.people.NewSignInLink(t.Context(), p.ID)
	if err != nil {
		t.Fatal(err)
	}
	_, who, err := h.people.SignInLink(t.Context(), link, people.Client{})
	if err != nil {
		t.Fatal(err)
	}
	return who
}

// handOver stands where the relay does and ends as the test says.
func (h *house) handOver(_ context.Context, m relay.Mail) (relay.Receipt, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.send != nil {
		if err := h.send(m); err != nil {
			return relay.Receipt{}, err
		}
	}
	h.sent = append(h.sent, m)
	return relay.Receipt{Relay: "relay.example:25", Text: "250 queued"}, nil
}

// write drafts an answer as who.
func (h *house) write(t *testing.T, who *people.Identity, text string) *response.Response {
	t.Helper()
	r, err := h.responses.Draft(t.Context(), who, h.caseID)
	if err != nil {
		t.Fatal(err)
	}
	return h.edit(t, who, r, text)
}

func (h *house) edit(t *testing.T, who *people.Identity, r *response.Response, text string) *response.Response {
	t.Helper()
	c := r.Content()
	c.Text = text
	r, err := h.responses.Edit(t.Context(), who, r.ID, r.Entry, c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (h *house) submit(t *testing.T, r *response.Response) *response.Response {
	t.Helper()
	r, err := h.responses.Submit(t.Context(), h.ann, r.ID, r.Entry)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (h *house) run(t *testing.T) {
	t.Helper()
	if _, err := h.jobs.RunDue(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func (h *house) find(t *testing.T, id string) *response.Response {
	t.Helper()
	r, err := h.responses.Find(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func kind(err error) fault.Kind {
	k, _ := fault.Of(err)
	return k
}

func TestMainJob(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		r := h.write(t, h.ann, "You find it under Billing.")
		if len(r.To) != 1 || r.To[0].Addr != "rita@customer.example" || !strings.Contains(r.Subject, r.Number) || r.InReplyTo != "q1@customer.example" {
			t.Fatalf("draft goes to %v, subject %q, in reply to %q", r.To, r.Subject, r.InReplyTo)
		}
		r = h.submit(t, r)
		if r.State != response.InReview || r.Quorum < 1 {
			t.Fatalf("submitted: %s, quorum %d", r.State, r.Quorum)
		}
		if _, err := h.responses.Approve(ctx, h.ann, r.ID, r.ContentHash); kind(err) != fault.Denied {
			t.Errorf("the author approves: %v, want Denied", err)
		}
		if _, err := h.responses.Approve(ctx, h.lea, r.ID, "another hash"); kind(err) != fault.Conflict {
			t.Errorf("approval of another text: %v, want Conflict", err)
		}
		before, err := h.intake.Case(ctx, h.caseID)
		if err != nil || before.FirstResponseAt != 0 {
			t.Fatalf("before the answer: first response at %d, %v", before.FirstResponseAt, err)
		}
		h.approveAll(t, r)
		h.Clock.Advance(time.Hour)
		h.run(t)
		r = h.find(t, r.ID)
		if r.State != response.Sent || len(h.sent) != 1 || r.SentHash != r.ContentHash {
			t.Fatalf("after the hand-over: %s, %d mails, attempts %+v", r.State, len(h.sent), r.Attempts)
		}
		m := h.sent[0]
		if m.MessageID != r.MessageID || m.To[0] != "Rita <rita@customer.example>" || m.Text != "You find it under Billing." || m.InReplyTo != "q1@customer.example" {
			t.Errorf("the mail is %+v", m)
		}
		c, err := h.intake.Case(ctx, h.caseID)
		if err != nil || c.State != intake.Answered || c.FirstResponseAt != dbtest.Start.Add(time.Hour).UnixMicro() || c.Waiting != intake.WaitingThem {
			t.Errorf("the case is %s, first response at %d, waits for %q, %v", c.State, c.FirstResponseAt, c.Waiting, err)
		}
		all, err := h.intake.Communications(ctx, h.caseID)
		if err != nil || len(all) != 2 || all[1].Direction != intake.Outbound || all[1].Response != r.ID {
			t.Errorf("the case has %d communications, %v", len(all), err)
		}
	})
}

// approveAll has as many leads approve as are needed.
func (h *house) approveAll(t *testing.T, r *response.Response) {
	t.Helper()
	for _, who := range []*people.Identity{h.lea, h.leo}[:r.Quorum] {
		if _, err := h.responses.Approve(t.Context(), who, r.ID, r.ContentHash); err != nil {
			t.Fatal(err)
		}
	}
}

func TestEditVoidsApproval(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		r := h.submit(t, h.write(t, h.ann, "First text."))
		h.approveAll(t, r)
		approved := h.find(t, r.ID)
		r = h.edit(t, h.lea, approved, "Second text.") // before the jobs run
		if r.State != response.Draft || len(r.Approvals) != 0 || !slices.Contains(r.Authors, h.lea.ID) {
			t.Fatalf("after the edit: %s, approvals %v, authors %v", r.State, r.Approvals, r.Authors)
		}
		h.run(t)
		if len(h.sent) != 0 {
			t.Fatal("a voided approval was sent")
		}
		r, err := h.responses.Submit(ctx, h.ann, r.ID, r.Entry)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.responses.Approve(ctx, h.lea, r.ID, r.ContentHash); kind(err) != fault.Denied {
			t.Errorf("whoever edited approves: %v, want Denied", err)
		}
		if _, err := h.responses.Approve(ctx, h.leo, r.ID, approved.ContentHash); kind(err) != fault.Conflict {
			t.Errorf("approval of the first text: %v, want Conflict", err)
		}
		if _, err := h.responses.Approve(ctx, h.leo, r.ID, r.ContentHash); err != nil {
			t.Fatal(err)
		}
		h.run(t)
		if len(h.sent) != 1 || h.sent[0].Text != "Second text." {
			t.Errorf("sent %+v", h.sent)
		}
	})
}

// However a hand-over ends, the record says so and nothing goes out twice
// without somebody's word.
func TestHandOver(t *testing.T) {
	broken := errors.New("connection refused")
	for _, tt := range []struct {
		name  string
		fails error
		state response.State
	}{
		{"refused for good", &relay.Refused{Permanent: true, Code: 550, Text: "no such user"}, response.Failed},
		{"refused for now", &relay.Refused{Code: 450, Text: "later"}, response.Approved},
		{"not reached", broken, response.Approved},
		{"unknown", &relay.Ambiguous{Err: broken}, response.Ambiguous},
	} {
		t.Run(tt.name, func(t *testing.T) {
			each(t, func(t *testing.T, h *house) {
				ctx := t.Context()
				r := h.submit(t, h.write(t, h.ann, "You find it under Billing."))
				h.approveAll(t, r)
				h.send = func(relay.Mail) error { return tt.fails }
				h.run(t)
				r = h.find(t, r.ID)
				if r.State != tt.state || len(r.Attempts) != 1 || r.Attempts[0].Detail == "" {
					t.Fatalf("after the hand-over: %s, %+v", r.State, r.Attempts)
				}
				first := r.MessageID
				h.send = nil
				h.Clock.Advance(24 * time.Hour)
				h.run(t)
				r = h.find(t, r.ID)
				switch tt.state {
				case response.Approved:
					if r.State != response.Sent || len(h.sent) != 1 || h.sent[0].MessageID != first {
						t.Errorf("the retry: %s, %d mails", r.State, len(h.sent))
					}
				case response.Failed:
					if r.State != response.Failed || len(h.sent) != 0 {
						t.Errorf("what was refused for good: %s, %d mails", r.State, len(h.sent))
					}
				case response.Ambiguous:
					if r.State != response.Ambiguous || len(h.sent) != 0 {
						t.Fatalf("what is unclear was repeated: %s, %d mails", r.State, len(h.sent))
					}
					if _, err := h.responses.Resolve(ctx, h.ann, r.ID, false, "x"); kind(err) != fault.Denied {
						t.Errorf("an analyst resolves: %v, want Denied", err)
					}
					if _, err := h.responses.Resolve(ctx, h.lea, r.ID, false, " "); kind(err) != fault.Invalid {
						t.Errorf("without a reason: %v, want Invalid", err)
					}
					if _, err := h.responses.Resolve(ctx, h.lea, r.ID, false, "The relay's log does not have it."); err != nil {
						t.Fatal(err)
					}
					h.run(t)
					if r = h.find(t, r.ID); r.State != response.Sent || len(h.sent) != 1 || h.sent[0].MessageID != first {
						t.Errorf("after it was resolved: %s, %d mails", r.State, len(h.sent))
					}
				}
			})
		})
	}
}

// A crash during the hand-over is known to be one.
func TestCrashDuringHandOver(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		r := h.submit(t, h.write(t, h.ann, "You find it under Billing."))
		h.approveAll(t, r)
		h.send = func(relay.Mail) error { panic("the machine stops here") }
		h.jobs.RunDue(t.Context())
		if r = h.find(t, r.ID); r.State != response.Sending {
			t.Fatalf("after the crash: %s", r.State)
		}
		h.send = nil
		h.Clock.Advance(24 * time.Hour)
		h.run(t)
		if r = h.find(t, r.ID); r.State != response.Ambiguous || len(h.sent) != 0 {
			t.Fatalf("after the restart: %s, %d mails", r.State, len(h.sent))
		}
		if _, err := h.responses.Resolve(t.Context(), h.lea, r.ID, true, "The customer has it."); err != nil {
			t.Fatal(err)
		}
		c, err := h.intake.Case(t.Context(), h.caseID)
		if err != nil || c.FirstResponseAt == 0 || c.State != intake.Answered {
			t.Errorf("resolved as delivered: case %s, first response %d, %v", c.State, c.FirstResponseAt, err)
		}
	})
}

// Simultaneous acts: whatever wins, what goes out is exactly what enough others
// approved.
func TestRaces(t *testing.T) {
	rounds := 15
	for _, tt := range []struct {
		name string
		a, b func(h *house, r *response.Response) error
	}{
		{"two approve at once",
			func(h *house, r *response.Response) error { return approve(h, h.lea, r) },
			func(h *house, r *response.Response) error { return approve(h, h.leo, r) }},
		{"one approves twice at once",
			func(h *house, r *response.Response) error { return approve(h, h.lea, r) },
			func(h *house, r *response.Response) error { return approve(h, h.lea, r) }},
		{"approve against edit",
			func(h *house, r *response.Response) error { return approve(h, h.lea, r) },
			func(h *house, r *response.Response) error {
				c := r.Content()
				c.Text = "Another text."
				_, err := h.responses.Edit(context.Background(), h.ben, r.ID, r.Entry, c)
				return err
			}},
		{"approve against withdraw",
			func(h *house, r *response.Response) error { return approve(h, h.lea, r) },
			func(h *house, r *response.Response) error {
				_, err := h.responses.Withdraw(context.Background(), h.ann, r.ID)
				return err
			}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			each(t, func(t *testing.T, h *house) {
				for i := range rounds {
					r := h.submit(t, h.write(t, h.ann, fmt.Sprint("Text ", i)))
					before := len(h.sent)
					var wg sync.WaitGroup
					for _, act := range []func(*house, *response.Response) error{tt.a, tt.b} {
						wg.Go(func() {
							if err := act(h, r); err != nil && kind(err) != fault.Conflict && kind(err) != fault.Denied {
								t.Error(err)
							}
						})
					}
					wg.Wait()
					h.run(t)
					r = h.find(t, r.ID)
					switch {
					case r.State == response.Sent:
						if len(h.sent) != before+1 || len(r.Approvals) < r.Quorum || r.SentHash != r.ContentHash {
							t.Fatalf("sent %d mails with %d of %d approvals", len(h.sent)-before, len(r.Approvals), r.Quorum)
						}
						for _, a := range r.Approvals {
							if slices.Contains(r.Authors, a.By) || a.ContentHash != r.ContentHash {
								t.Fatalf("sent on the approval %+v of authors %v", a, r.Authors)
							}
						}
					case len(h.sent) != before:
						t.Fatalf("something went out, and the response is %s", r.State)
					case r.State == response.InReview && len(r.Approvals) >= r.Quorum:
						t.Fatalf("stuck: approved %d of %d times and still in review", len(r.Approvals), r.Quorum)
					}
				}
			})
		})
	}
}

func approve(h *house, who *people.Identity, r *response.Response) error {
	_, err := h.responses.Approve(context.Background(), who, r.ID, r.ContentHash)
	return err
}

func TestRefusals(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		r := h.write(t, h.ann, "Dear {name}, you find it under Billing.")
		if _, err := h.responses.Submit(ctx, h.ann, r.ID, r.Entry); kind(err) != fault.Invalid || !strings.Contains(err.Error(), "{name}") {
			t.Errorf("an unfilled field: %v, want Invalid that names it", err)
		}
		stale := r.Entry
		r = h.edit(t, h.ben, r, "Text.")
		c := r.Content()
		if _, err := h.responses.Edit(ctx, h.ann, r.ID, stale, c); kind(err) != fault.Conflict {
			t.Errorf("edit of an older version: %v, want Conflict", err)
		}
		c.To = []mime.Address{{Addr: "x@example.com\r\nBcc: y@example.com"}}
		if _, err := h.responses.Edit(ctx, h.ann, r.ID, r.Entry, c); kind(err) != fault.Invalid {
			t.Errorf("an address with a line break: %v, want Invalid", err)
		}
		c = r.Content()
		c.To = nil
		if r, err := h.responses.Edit(ctx, h.ann, r.ID, r.Entry, c); err != nil {
			t.Error(err)
		} else if _, err := h.responses.Submit(ctx, h.ann, r.ID, r.Entry); kind(err) != fault.Invalid {
			t.Errorf("no recipient: %v, want Invalid", err)
		}
	})
}

func TestAutosave(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		r := h.write(t, h.ann, "Saved.")
		c := r.Content()
		c.Text = "Saved, and what I am typ"
		if err := h.responses.Autosave(ctx, h.ann, r.ID, c); err != nil {
			t.Fatal(err)
		}
		if got, err := h.responses.Autosaved(ctx, h.ann, r.ID); err != nil || got == nil || got.Text != c.Text {
			t.Errorf("autosaved %+v, %v", got, err)
		}
		if got, err := h.responses.Autosaved(ctx, h.ben, r.ID); err != nil || got != nil {
			t.Errorf("somebody else sees %+v, %v", got, err)
		}
		h.edit(t, h.ann, r, c.Text)
		if got, err := h.responses.Autosaved(ctx, h.ann, r.ID); err != nil || got != nil {
			t.Errorf("after saving there is %+v, %v", got, err)
		}
	})
}

// Whoever joins a case later cannot lead its answers away by a Reply-To.
func TestReplyTo(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		c, err := h.intake.Case(t.Context(), h.caseID)
		if err != nil {
			t.Fatal(err)
		}
		receipt, err := h.intake.Receive(t.Context(), intake.Incoming{Channel: "security@example.com", Source: intake.FromSMTP, From: "rita@customer.example", To: []string{"security@example.com"},
			Raw: strings.NewReader("From: Rita <rita@customer.example>\r\nReply-To: eve@elsewhere.example\r\nTo: security@example.com\r\nSubject: Re: A question [" + c.Number + "]\r\nMessage-ID: <q2@customer.example>\r\n\r\nAny news?\r\n")})
		if err != nil || receipt.Case != h.caseID {
			t.Fatalf("the reply joined %+v, %v", receipt, err)
		}
		r, err := h.responses.Draft(t.Context(), h.ann, h.caseID)
		if err != nil || len(r.To) != 1 || r.To[0].Addr != "rita@customer.example" {
			t.Errorf("the answer goes to %v, %v", r.To, err)
		}
	})
}
