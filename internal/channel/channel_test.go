package channel_test

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.org/countersign/internal/channel"
	"example.org/countersign/internal/dbtest"
	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/ledger"
)

var (
	ann = ledger.Actor{ID: "ann", Role: "analyst"}
	leo = ledger.Actor{ID: "leo", Role: "lead"}
	eve = ledger.Actor{ID: "eve", Role: "lead"}
)

func each(t *testing.T, f func(t *testing.T, e *dbtest.Env, d *channel.Desk)) {
	t.Helper()
	dbtest.Each(t, channel.Records(), nil, func(t *testing.T, e *dbtest.Env) { f(t, e, channel.New(e.Ledger)) })
}

// terms are those of a mail channel, with edits.
func terms(edits ...func(*channel.Terms)) channel.Terms {
	t := channel.Terms{Name: "Security", Kind: channel.Email, Address: "security@example.com", Direction: channel.Both,
		Audience: "customers", Owner: "leo", Purpose: "vulnerabilities and incidents", ReviewDue: "2027-03-01",
		Published: []string{"https://example.com/security"}, FromName: "Example Security"}
	for _, edit := range edits {
		edit(&t)
	}
	return t
}

// must unwraps what must not fail.
func must(t *testing.T) func(*channel.Channel, error) *channel.Channel {
	return func(c *channel.Channel, err error) *channel.Channel {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
}

// approved adds a channel that is approved.
func approved(t *testing.T, d *channel.Desk, edits ...func(*channel.Terms)) *channel.Channel {
	t.Helper()
	c := must(t)(d.Add(t.Context(), ann, terms(edits...)))
	return must(t)(d.Approve(t.Context(), leo, c.ID, c.Entry))
}

func wantFault(t *testing.T, err error, kind fault.Kind, text string) {
	t.Helper()
	if got, msg := fault.Of(err); err == nil || got != kind || !strings.Contains(msg, text) {
		t.Errorf("got %v; want a fault of kind %d with %q", err, kind, text)
	}
}

func TestLife(t *testing.T) {
	each(t, func(t *testing.T, e *dbtest.Env, d *channel.Desk) {
		ctx := t.Context()
		receives := func(address string) string {
			t.Helper()
			c, err := d.ByAddress(ctx, e, address)
			if err != nil {
				wantFault(t, err, fault.NotFound, "no approved channel")
				return ""
			}
			return c.Name
		}
		c := must(t)(d.Add(ctx, ann, terms()))
		if c.State != channel.Proposed || c.ProposedBy != "ann" || c.Domain != "example.com" || c.Receives() || c.Sends() || receives("security@example.com") != "" {
			t.Errorf("proposed: %+v", c)
		}
		_, err := d.Approve(ctx, ann, c.ID, c.Entry)
		wantFault(t, err, fault.Denied, "somebody else")
		seen := c.Entry
		c = must(t)(d.Change(ctx, eve, c.ID, c.Entry, terms(func(t *channel.Terms) { t.Purpose = "vulnerabilities" })))
		_, err = d.Approve(ctx, leo, c.ID, seen)
		wantFault(t, err, fault.Conflict, "changed meanwhile")
		for _, who := range []ledger.Actor{ann, eve} { // both had a hand in it
			_, err = d.Approve(ctx, who, c.ID, c.Entry)
			wantFault(t, err, fault.Denied, "somebody else")
		}
		c = must(t)(d.Approve(ctx, leo, c.ID, c.Entry))
		if c.State != channel.Approved || c.ApprovedBy != "leo" || c.ApprovedAt != dbtest.Start.UnixMicro() || len(c.Editors) != 0 || !c.Receives() || !c.Sends() {
			t.Errorf("approved: %+v", c)
		}
		if receives(" Security@EXAMPLE.com. ") != "Security" || receives("other@example.com") != "" {
			t.Error("not found by its address, or another found")
		}
		_, err = d.Approve(ctx, eve, c.ID, c.Entry)
		wantFault(t, err, fault.Conflict, "approved already")

		// A change of an approved channel takes effect with its approval.
		c = must(t)(d.Change(ctx, leo, c.ID, c.Entry, terms(func(t *channel.Terms) { t.Address, t.Name = "psirt@example.com", "PSIRT" })))
		if receives("security@example.com") != "Security" || receives("psirt@example.com") != "" || c.Pending == nil || c.ProposedBy != "leo" || c.ApprovedBy != "leo" {
			t.Errorf("with a change pending: %+v", c)
		}
		_, err = d.Approve(ctx, leo, c.ID, c.Entry)
		wantFault(t, err, fault.Denied, "somebody else")
		c = must(t)(d.Withdraw(ctx, leo, c.ID, c.Entry))
		_, err = d.Withdraw(ctx, leo, c.ID, c.Entry)
		wantFault(t, err, fault.Conflict, "nobody has proposed")
		c = must(t)(d.Change(ctx, eve, c.ID, c.Entry, terms(func(t *channel.Terms) { t.Address, t.Name = "psirt@example.com", "PSIRT" })))
		c = must(t)(d.Approve(ctx, ann, c.ID, c.Entry)) // proposed the channel once, but not this
		if receives("security@example.com") != "" || receives("psirt@example.com") != "PSIRT" || c.Pending != nil || c.ApprovedBy != "ann" {
			t.Errorf("after the change: %+v", c)
		}

		e.Clock.Advance(24 * time.Hour)
		c = must(t)(d.Reviewed(ctx, leo, c.ID, "2028-01-01"))
		if c.ReviewDue != "2028-01-01" || c.ReviewedBy != "leo" || c.ReviewedAt != e.Now().UnixMicro() || c.ReviewOverdue(e.Now()) || !c.ReviewOverdue(e.Now().AddDate(2, 0, 0)) {
			t.Errorf("reviewed: %+v", c)
		}
		_, err = d.Retire(ctx, leo, c.ID, " ")
		wantFault(t, err, fault.Invalid, "say why")
		c = must(t)(d.Retire(ctx, leo, c.ID, "replaced"))
		if c.State != channel.Retired || c.RetireReason != "replaced" || c.Receives() || receives("psirt@example.com") != "" {
			t.Errorf("retired: %+v", c)
		}
		for name, verb := range map[string]func() (*channel.Channel, error){
			"Change":   func() (*channel.Channel, error) { return d.Change(ctx, ann, c.ID, c.Entry, terms()) },
			"Approve":  func() (*channel.Channel, error) { return d.Approve(ctx, eve, c.ID, c.Entry) },
			"Reviewed": func() (*channel.Channel, error) { return d.Reviewed(ctx, eve, c.ID, "2027-01-01") },
			"Retire":   func() (*channel.Channel, error) { return d.Retire(ctx, eve, c.ID, "again") },
		} {
			if _, err := verb(); err == nil {
				t.Errorf("%s of a retired channel: no error", name)
			}
		}
		approved(t, d, func(t *channel.Terms) { t.Address = "psirt@example.com" }) // is free again
		versions, err := channel.Channels.History(ctx, e, c.ID)
		var acts []string
		for _, v := range versions {
			acts = append(acts, strings.TrimPrefix(v.Entry.Act, "channel."))
		}
		if got, want := strings.Join(acts, " "), "proposed changed approved change-proposed change-withdrawn change-proposed approved reviewed retired"; err != nil || got != want {
			t.Errorf("entries %s, %v; want %s", got, err, want)
		}
	})
}

func TestTerms(t *testing.T) {
	long := strings.Repeat("x", 1001)
	tests := []struct {
		name string
		edit func(*channel.Terms)
		want string // of the fault; "" is none
	}{
		{"good", func(t *channel.Terms) {}, ""},
		{"international", func(t *channel.Terms) {
			t.Address, t.Name = "sécurité@bücher.example", "Sécurité"
		}, ""},
		{"portal", func(t *channel.Terms) { t.Kind, t.Address = channel.Portal, "/report" }, ""},
		{"portal at a URL", func(t *channel.Terms) { t.Kind, t.Address = channel.Portal, "https://example.com/report" }, ""},
		{"import", func(t *channel.Terms) {
			t.Kind, t.Address, t.Direction = channel.Import, "old@example.com", channel.Inbound
		}, ""},
		{"no name", func(t *channel.Terms) { t.Name = " " }, "needs its name"},
		{"name of two lines", func(t *channel.Terms) { t.Name = "a\nb" }, "one line"},
		{"long name", func(t *channel.Terms) { t.Name = long }, "longer than 100"},
		{"no audience", func(t *channel.Terms) { t.Audience = "" }, "needs its audience"},
		{"no owner", func(t *channel.Terms) { t.Owner = "" }, "needs its owner"},
		{"no purpose", func(t *channel.Terms) { t.Purpose = "\n" }, "needs a purpose"},
		{"long purpose", func(t *channel.Terms) { t.Purpose = long }, "at most 1,000"},
		{"not UTF-8", func(t *channel.Terms) { t.Purpose = "\xff" }, "must be text"},
		{"sender name injects", func(t *channel.Terms) { t.FromName = "a\r\nBcc: x@example.com" }, "one line"},
		{"empty publication", func(t *channel.Terms) { t.Published = []string{""} }, "needs its place of publication"},
		{"too many publications", func(t *channel.Terms) { t.Published = strings.Split(strings.Repeat("x ", 20)+"x", " ") }, "at most 20"},
		{"no kind", func(t *channel.Terms) { t.Kind = "pigeon" }, "kind must be"},
		{"no direction", func(t *channel.Terms) { t.Direction = "up" }, "direction must be"},
		{"import sends", func(t *channel.Terms) { t.Kind = channel.Import }, "import channel is inbound"},
		{"no address", func(t *channel.Terms) { t.Address = "" }, "needs its address"},
		{"not an address", func(t *channel.Terms) { t.Address = "security" }, "address"},
		{"two addresses", func(t *channel.Terms) { t.Address = "a@example.com, b@example.com" }, "2 addresses"},
		{"address with a name", func(t *channel.Terms) { t.Address = "Security <a@example.com>" }, "address alone"},
		{"strange place", func(t *channel.Terms) { t.Kind, t.Address = channel.Portal, "<script>" }, "short name"},
		{"not a domain", func(t *channel.Terms) { t.Domain = "example..com" }, "not a domain"},
		{"no date", func(t *channel.Terms) { t.ReviewDue = "soon" }, "must be a date such as 2027-09-15"},
		{"past review", func(t *channel.Terms) { t.ReviewDue = "2026-09-15" }, "is past"},
		{"distant review", func(t *channel.Terms) { t.ReviewDue = "2029-01-01" }, "at least every 2 years"},
		{"unknown reply", func(t *channel.Terms) { t.Address, t.Reply = "r@example.com", "nothing" }, "another one of this register"},
	}
	each(t, func(t *testing.T, e *dbtest.Env, d *channel.Desk) {
		n := 0
		for _, tt := range tests {
			before := terms(tt.edit)
			_, err := d.Add(t.Context(), ann, before)
			if tt.want != "" {
				t.Run(tt.name, func(t *testing.T) { wantFault(t, err, fault.Invalid, tt.want) })
				continue
			}
			n++
			if err != nil {
				t.Errorf("%s: %v", tt.name, err)
			}
			if diff := cmp.Diff(terms(tt.edit), before); diff != "" {
				t.Errorf("%s: the caller's terms were changed:\n%s", tt.name, diff)
			}
		}
		all, err := d.List(t.Context(), e)
		if err != nil || len(all) != n || all[len(all)-1].Name != "Sécurité" {
			t.Errorf("%d channels, %v; want %d in the order of their names", len(all), err, n)
		}
	})
}

func TestAddresses(t *testing.T) {
	each(t, func(t *testing.T, e *dbtest.Env, d *channel.Desk) {
		ctx := t.Context()
		c := approved(t, d)
		_, err := d.Add(ctx, ann, terms(func(t *channel.Terms) { t.Name, t.Address = "Twin", "SECURITY@example.com" }))
		wantFault(t, err, fault.Conflict, `belongs to the channel "Security", which is approved`)
		// Another may send from there.
		approved(t, d, func(t *channel.Terms) { t.Direction = channel.Outbound })

		other := approved(t, d, func(t *channel.Terms) { t.Address = "other@example.com" })
		_, err = d.Change(ctx, ann, other.ID, other.Entry, terms())
		wantFault(t, err, fault.Conflict, "belongs to")
		// What was free when the change was proposed may be taken when it is approved.
		other = must(t)(d.Change(ctx, ann, other.ID, other.Entry, terms(func(t *channel.Terms) { t.Address = "new@example.com" })))
		approved(t, d, func(t *channel.Terms) { t.Name, t.Address = "Quick", "new@example.com" })
		_, err = d.Approve(ctx, leo, other.ID, other.Entry)
		wantFault(t, err, fault.Conflict, `belongs to the channel "Quick"`)
		if c, err = d.Find(ctx, e, c.ID); err != nil || c.Address != "security@example.com" {
			t.Errorf("%+v, %v", c, err)
		}
	})
}

func TestOutbound(t *testing.T) {
	each(t, func(t *testing.T, e *dbtest.Env, d *channel.Desk) {
		ctx := t.Context()
		mail := approved(t, d)
		portal := approved(t, d, func(t *channel.Terms) {
			t.Kind, t.Address, t.Direction, t.Reply = channel.Portal, "report", channel.Inbound, mail.ID
		})
		deaf := approved(t, d, func(t *channel.Terms) { t.Kind, t.Address, t.Direction = channel.API, "api", channel.Inbound })
		proposed := must(t)(d.Add(ctx, ann, terms(func(t *channel.Terms) { t.Address = "p@example.com" })))
		for _, c := range []*channel.Channel{mail, portal} {
			if out, err := d.Outbound(ctx, e, c.ID); err != nil || out.ID != mail.ID {
				t.Errorf("answers to %s leave by %+v, %v", c.Address, out, err)
			}
		}
		_, err := d.Outbound(ctx, e, deaf.ID)
		wantFault(t, err, fault.Conflict, "inbound only")
		_, err = d.Outbound(ctx, e, proposed.ID)
		wantFault(t, err, fault.Conflict, "it is proposed")
		_, err = d.Outbound(ctx, e, "nothing")
		wantFault(t, err, fault.NotFound, "no such channel")
		_, err = d.Change(ctx, ann, mail.ID, mail.Entry, terms(func(t *channel.Terms) { t.Reply = mail.ID }))
		wantFault(t, err, fault.Invalid, "another one")
		_, err = d.Add(ctx, ann, terms(func(t *channel.Terms) { t.Address, t.Reply = "q@example.com", deaf.ID }))
		wantFault(t, err, fault.Invalid, "must be a mail channel that sends")
		must(t)(d.Retire(ctx, leo, mail.ID, "replaced"))
		_, err = d.Outbound(ctx, e, portal.ID)
		wantFault(t, err, fault.Conflict, "it is retired")
		_, err = d.Reviewed(ctx, leo, portal.ID, "2027-01-01")
		wantFault(t, err, fault.Invalid, "must be a mail channel that sends")
	})
}

// TestRaces has two people act on one channel at once: what is approved is
// what its approver saw, and one approval is enough.
func TestRaces(t *testing.T) {
	each(t, func(t *testing.T, e *dbtest.Env, d *channel.Desk) {
		for range 10 {
			c := must(t)(d.Add(t.Context(), ann, terms()))
			var approvals, changes atomic.Int32
			var group sync.WaitGroup
			race := func(won *atomic.Int32, act func(ctx context.Context) (*channel.Channel, error)) {
				group.Go(func() {
					_, err := act(t.Context())
					if err == nil {
						won.Add(1)
					} else if kind, _ := fault.Of(err); kind != fault.Conflict {
						t.Error(err)
					}
				})
			}
			for _, who := range []ledger.Actor{leo, eve} {
				race(&approvals, func(ctx context.Context) (*channel.Channel, error) { return d.Approve(ctx, who, c.ID, c.Entry) })
			}
			race(&changes, func(ctx context.Context) (*channel.Channel, error) {
				return d.Change(ctx, ann, c.ID, c.Entry, terms(func(t *channel.Terms) { t.Purpose = "something else" }))
			})
			group.Wait()
			now, err := d.Find(t.Context(), e, c.ID)
			if err != nil || approvals.Load()+changes.Load() != 1 || (approvals.Load() == 1) != (now.Purpose == c.Purpose && now.State == channel.Approved) {
				t.Errorf("%d approvals, %d changes: %+v, %v", approvals.Load(), changes.Load(), now, err)
			}
			must(t)(d.Retire(t.Context(), leo, c.ID, "next round"))
		}
		var added atomic.Int32
		var group sync.WaitGroup
		for range 8 {
			group.Go(func() {
				_, err := d.Add(t.Context(), ann, terms())
				if err == nil {
					added.Add(1)
				} else if kind, _ := fault.Of(err); kind != fault.Conflict {
					t.Error(err)
				}
			})
		}
		group.Wait()
		if added.Load() != 1 {
			t.Errorf("%d channels have one address", added.Load())
		}
	})
}

// What one node changes in the register, another knows at the latest when it
// asks, and never misses a channel.
func TestRegister(t *testing.T) {
	each(t, func(t *testing.T, e *dbtest.Env, d *channel.Desk) {
		ctx, other := t.Context(), channel.New(e.Ledger)
		finds := func(d *channel.Desk, address string) string {
			t.Helper()
			c, r, err := d.Receiver(ctx, address)
			if err != nil {
				wantFault(t, err, fault.NotFound, "no approved channel")
				return ""
			}
			if r.Receiver(address) != c {
				t.Errorf("%s: the register has another channel", address)
			}
			return c.Name
		}
		if finds(other, "security@example.com") != "" {
			t.Error("found in an empty register")
		}
		c := approved(t, d)
		if finds(d, "security@example.com") != "Security" || finds(other, " Security@EXAMPLE.com.") != "Security" {
			t.Error("a new channel is not found at once")
		}
		before, err := other.Recent(ctx)
		if err != nil {
			t.Fatal(err)
		}
		must(t)(d.Retire(ctx, leo, c.ID, "it is replaced"))
		if finds(d, "security@example.com") != "" {
			t.Error("whoever retired the channel goes on with it")
		}
		if _, err := d.ByAddress(ctx, e.Ledger, "security@example.com"); err == nil {
			t.Error("found by its address after it was retired")
		}
		var now int64
		if _, err := e.One(ctx, `SELECT `+channel.Stamp, nil, &now); err != nil || now == before.Stamp {
			t.Errorf("the stamp is still %d, %v", now, err)
		}
		after, err := other.Register(ctx)
		if err != nil || after.Stamp != now || after.Receiver("security@example.com") != nil || finds(other, "security@example.com") != "" {
			t.Errorf("%+v, %v", after, err)
		}
		if same, err := other.Register(ctx); err != nil || same != after {
			t.Errorf("read again without need: %v", err)
		}
		approved(t, d, func(t *channel.Terms) { t.Name = "Replacement" })
		if err := e.Write(ctx, ann, func(ctx context.Context, tx *ledger.Tx) error {
			c, err := other.ByAddress(ctx, tx, "security@example.com")
			if err == nil && c.Name != "Replacement" {
				t.Errorf("within a transaction it is %s", c.Name)
			}
			_, missing := other.ByAddress(ctx, tx, "nobody@example.com")
			wantFault(t, missing, fault.NotFound, "no approved channel")
			return err
		}); err != nil {
			t.Error(err)
		}
	})
}
