package backup

import (
	"bytes"
	"context"
	"errors"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"example.org/countersign/internal/channel"
	"example.org/countersign/internal/channel/relay"
	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/jobs"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/mime"
	"example.org/countersign/internal/people"
	"example.org/countersign/internal/policy"
	"example.org/countersign/internal/recovery"
	"example.org/countersign/internal/response"
)

// TestSettle restores a record that was about to do things. None of them is
// done by itself: somebody decides.
func TestSettle(t *testing.T) {
	both(t, func(t *testing.T, database string) {
		h := open(t, filepath.Join(t.TempDir(), "data"), database)
		signedIn, mailed, shown := underWay(t, h)
		file, _ := h.backup(t)
		restoredInto := h.plan(t, "")
		restored, err := Restore(t.Context(), restoredInto, bytes.NewReader(file))
		if err != nil {
			t.Fatal(err)
		}
		if restored.Settled != (Settled{Answers: 1, Letters: 1, Sessions: 1}) {
			t.Errorf("settled %+v", restored.Settled)
		}
		again := open(t, restoredInto.Data, "")
		drills, err := New(again.Ledger).List(t.Context())
		if err != nil || len(drills) != 1 || drills[0].Outcome != Brought || drills[0].Origin != h.Origin() || again.Origin() == h.Origin() {
			t.Errorf("the record does not say that it was restored: %+v, %v", drills, err)
		}
		persons, err := people.New(t.Context(), again.Ledger, again.keys, people.Options{SignInLinks: true})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := persons.Session(t.Context(), signedIn.cookie); !errors.Is(err, people.ErrNotSignedIn) {
			t.Errorf("a session of the backup: %v", err)
		}
		if _, _, err := persons.SignInLink(t.Context(), signedIn.link, people.Client{}); err == nil {
			t.Error("a one-time link of the backup lets in")
		}
		if s, err := persons.SignIns(t.Context(), signedIn.person, 1); err != nil || s[0].Ending != "restored" {
			t.Errorf("sign-in %+v, %v", s, err)
		}
		losses, err := recovery.Recoveries.Select(t.Context(), again.Ledger, "")
		if err != nil || len(losses) != 1 || losses[0].Reason != "The machine burnt down." || !strings.Contains(losses[0].Finding, "backup of 2026-09-15") {
			t.Errorf("the record does not say why the loss was accepted: %+v, %v", losses, err)
		}
		var sent []relay.Mail
		channels := channel.New(again.Ledger)
		answers := response.New(again.Ledger, persons, channels, policy.New(again.Ledger, persons), response.Options{Keys: again.keys,
			Send: func(_ context.Context, m relay.Mail) (relay.Receipt, error) {
				sent = append(sent, m)
				return relay.Receipt{}, nil
			}})
		runner := jobs.New(again.Ledger, map[string]jobs.Handler{response.SendJob: answers.Send,
			intake.ConfirmationJob: func(context.Context, jobs.Job) error { t.Error("confirmed by itself"); return nil }}, nil)
		if _, err := runner.RunDue(t.Context()); err != nil {
			t.Fatal(err)
		}
		r, err := answers.Find(t.Context(), mailed)
		if err != nil || len(sent) > 0 || r.State != response.Ambiguous || !strings.Contains(r.Attempts[0].Detail, "restored from a backup of 2026-09-15 09:30 UTC") ||
			r.Attempts[0].At != start.UnixMicro() || r.MessageID == "" {
			t.Errorf("an answer that was to be mailed: %d sent, %+v, %v", len(sent), r, err)
		}
		letters, err := runner.Dead(t.Context())
		if err != nil || len(letters) != 1 || letters[0].Kind != intake.ConfirmationJob || !strings.Contains(letters[0].Error, "restored from a backup") {
			t.Errorf("dead letters %+v, %v", letters, err)
		}
		if r, err := answers.Find(t.Context(), shown); err != nil || r.State == response.Ambiguous {
			t.Errorf("an answer that is shown here: %+v, %v", r, err)
		}
		open, err := jobs.Unfinished(t.Context(), again.Ledger, jobs.Job{}, 10)
		if err != nil || open[0].Kind != policy.EffectJob {
			t.Errorf("open jobs %+v, %v; want what changes the record alone", open, err)
		}
		if _, err := again.Verify(t.Context(), ledger.Options{Full: true}); err != nil {
			t.Error(err)
		}
	})
}

type session struct{ person, cookie, link string }

// underWay gives a house a session, a link, two approved answers and two jobs.
func underWay(t *testing.T, h *house) (s session, mailed, shown string) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	persons, err := people.New(t.Context(), h.Ledger, h.keys, people.Options{SignInLinks: true})
	must(err)
	p := &people.Person{Name: "Leo", Email: "leo@org.example", Roles: []people.Role{people.Lead}, Active: true}
	mail := &channel.Channel{Name: "Mail", Kind: channel.Email, Address: "security@org.example", State: channel.Approved}
	page := &channel.Channel{Name: "Page", Kind: channel.Portal, Address: "report", State: channel.Approved}
	c := &intake.Case{Number: "C-2026-000001", State: intake.Open, ReceivedAt: start.UnixMicro()}
	must(h.Write(t.Context(), ann, func(_ context.Context, tx *ledger.Tx) error {
		for _, err := range []error{
			people.Persons.Put(tx, p, ledger.Do("enrolled", "CC6.2")),
			channel.Channels.Put(tx, mail, ledger.Do("approved", "CC2.3")),
			channel.Channels.Put(tx, page, ledger.Do("approved", "CC2.3")),
			intake.Cases.Put(tx, c, ledger.Do("opened", "CC2.3")),
		} {
			if err != nil {
				return err
			}
		}
		for i, out := range []*channel.Channel{mail, page} {
			r := &response.Response{Case: c.ID, Number: c.Number, Seq: i + 1, State: response.Approved, Channel: out.ID, Rounds: 1,
				To: []mime.Address{{Addr: "rita@example.com"}}, Text: "Thank you.", Authors: []string{"ann"}, ApprovedAt: start.UnixMicro()}
			if err := response.Responses.Put(tx, r, ledger.Do("approved", "CC2.3")); err != nil {
				return err
			}
			if err := jobs.Enqueue(tx, response.SendJob, r.ID+"/1", time.Time{}); err != nil {
				return err
			}
			mailed, shown = shown, r.ID
		}
		if err := jobs.Enqueue(tx, intake.ConfirmationJob, "someone", time.Time{}); err != nil {
			return err
		}
		return jobs.Enqueue(tx, policy.EffectJob, "policy", time.Time{})
	}))
	s.person = p.ID
	link, err := persons.NewSignInLink(t.Context(), p.ID)
	must(err)
	s.cookie, _, err = persons.SignInLink(t.Context(), link, people.Client{Address: netip.MustParseAddr("192.0.2.7")})
	must(err)
	s.link, err = persons.NewSignInLink(t.Context(), p.ID)
	must(err)
	return s, mailed, shown
}
