package intake_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/mime"
)

func TestThreading(t *testing.T) {
	rows := []struct {
		name  string
		m     mail // NUMBER and FIRST stand for number and Message-ID of the first message
		joins bool
		link  bool // begins a case that names the first
	}{
		{"answer to it", mail{from: "rita@example.com", subject: "Re: Where", reply: "FIRST"}, true, false},
		{"from another spelling", mail{from: "RITA@EXAMPLE.com", subject: "Re: Where", reply: "FIRST"}, true, false},
		{"from whom it was copied to", mail{from: "carl@example.com", subject: "Re: Where", reply: "FIRST"}, true, false},
		{"reference, not the last", mail{from: "rita@example.com", subject: "Re: Where", reply: "lost@example.com", refs: "FIRST lost@example.com"}, true, false},
		{"number in the subject", mail{from: "rita@example.com", subject: "more on [NUMBER]"}, true, false},
		{"number in small letters", mail{from: "rita@example.com", subject: "AW: number"}, true, false},
		{"same message by another way", mail{from: "rita@example.com", subject: "Where is my report?", id: "FIRST", more: "Received: elsewhere\r\n"}, true, false},
		{"stranger with the number", mail{from: "eve@example.org", subject: "NUMBER"}, false, true},
		{"stranger with the Message-ID", mail{from: "eve@example.org", subject: "Re: Where", reply: "FIRST"}, false, true},
		{"stranger with both", mail{from: "eve@example.org", subject: "NUMBER", reply: "FIRST"}, false, true},
		{"our own address, forged", mail{from: security, subject: "NUMBER"}, false, true},
		{"number that nobody has", mail{from: "rita@example.com", subject: "C-2026-999999"}, false, false},
		{"number of another year", mail{from: "rita@example.com", subject: "C-2025-000001"}, false, false},
		{"unknown Message-ID", mail{from: "rita@example.com", subject: "Re: Where", reply: "other@example.com"}, false, false},
		{"no reference at all", mail{from: "rita@example.com", subject: "Where is my report?"}, false, false},
		{"no sender, but the Message-ID", mail{from: "", subject: "Re: Where", reply: "FIRST"}, false, true},
		{"machine about her message", mail{from: "rita@example.com", subject: "Automatic reply: x", reply: "FIRST", more: "Auto-Submitted: auto-replied\r\n"}, true, false},
	}
	each(t, intake.Options{}, func(t *testing.T, o *office) {
		for i, c := range rows {
			id := fmt.Sprintf("first%d@example.com", i)
			r := o.must(t, mail{from: "Rita <rita@example.com>", subject: "Where is my report?", id: id, more: "Cc: carl@example.com\r\n"})
			fill := strings.NewReplacer("NUMBER", r.Number, "number", strings.ToLower(r.Number), "FIRST", id).Replace
			c.m.subject, c.m.reply, c.m.refs, c.m.id = fill(c.m.subject), fill(c.m.reply), fill(c.m.refs), fill(c.m.id)
			c.m.body = fmt.Sprint("row ", i)
			got := o.must(t, c.m)
			if (got.Case == r.Case) != c.joins || got.New == c.joins {
				t.Errorf("%s: first %+v, then %+v; want it joined: %v", c.name, r, got, c.joins)
				continue
			}
			if related := o.load(t, got.Case).Related; slices.Contains(related, r.Number) != c.link {
				t.Errorf("%s: it names %v as related; want the first: %v", c.name, related, c.link)
			}
			if n := o.load(t, r.Case).Communications; c.joins != (n == 2) || len(o.thread(t, r.Case)) != n {
				t.Errorf("%s: the first case says it has %d communications, and has %d", c.name, n, len(o.thread(t, r.Case)))
			}
		}
	})
}

// answer records that the case was answered.
func answer(t *testing.T, o *office, caseID string, to ...mime.Address) *intake.Communication {
	t.Helper()
	m := &intake.Communication{Channel: o.load(t, caseID).Channel, Source: intake.FromStaff, To: to, Text: "Here it is.",
		MessageID: "answer." + caseID + "@org.example", Author: "ann", Response: "r1"}
	m.From = []mime.Address{{Addr: security}}
	if err := o.Write(t.Context(), ledger.System, func(ctx context.Context, tx *ledger.Tx) error {
		c, err := intake.Find(ctx, tx, caseID)
		if err != nil {
			return err
		}
		return intake.AppendOutbound(tx, c, m)
	}); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestReplyOpensAgain(t *testing.T) {
	each(t, intake.Options{}, func(t *testing.T, o *office) {
		r := o.must(t, mail{from: "rita@example.com", subject: "Question", id: "q@example.com"})
		due := o.load(t, r.Case).DueAt
		o.Clock.Advance(60e9)
		sent := answer(t, o, r.Case, mime.Address{Addr: "rita@example.com"}, mime.Address{Addr: "dora@example.net"})
		c := o.load(t, r.Case)
		if c.State != intake.Answered || c.Waiting != intake.WaitingThem || c.FirstResponseAt != sent.ReceivedAt || c.FirstResponseAt == 0 || c.DueAt != due || sent.Seq != 2 {
			t.Fatalf("after the answer: %+v", c)
		}
		if err := o.Close(t.Context(), ann, r.Case, 0, "answered"); err != nil {
			t.Fatal(err)
		}
		for i, m := range []mail{
			{from: "rita@example.com", subject: "Thanks, but", reply: sent.MessageID},
			{from: "dora@example.net", subject: "To me as well", reply: sent.MessageID},
		} {
			if got := o.must(t, m); got.Case != r.Case {
				t.Fatalf("reply %d went to %s", i, got.Number)
			}
			if c := o.load(t, r.Case); c.State != intake.Open || c.Waiting != intake.WaitingUs || c.ClosedAt != 0 || c.FirstResponseAt != sent.ReceivedAt {
				t.Errorf("after reply %d: %+v", i, c)
			}
		}
		if err := o.Close(t.Context(), ann, r.Case, 0, "done"); err != nil {
			t.Fatal(err)
		}
		o.must(t, mail{from: "rita@example.com", subject: "Automatic reply: away", reply: sent.MessageID, more: "Auto-Submitted: auto-replied\r\n"})
		if c := o.load(t, r.Case); c.State != intake.Closed || c.Communications != 5 {
			t.Errorf("an automatic reply opened it again: %+v", c)
		}
	})
}

func TestBounceJoins(t *testing.T) {
	each(t, intake.Options{}, func(t *testing.T, o *office) {
		r := o.must(t, mail{from: "rita@example.com", subject: "Question"})
		sent := answer(t, o, r.Case, mime.Address{Addr: "rita@example.com"})
		before := o.load(t, r.Case)
		bounce := "From: Mail Delivery System <MAILER-DAEMON@mx.example.com>\r\nTo: " + security + "\r\nSubject: Undelivered Mail Returned to Sender\r\n" +
			"Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\nMIME-Version: 1.0\r\n\r\n" +
			"--b\r\nContent-Type: text/plain\r\n\r\nIt did not work.\r\n" +
			"--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example.com\r\n\r\nFinal-Recipient: rfc822; rita@example.com\r\nAction: failed\r\nStatus: 5.1.1\r\nDiagnostic-Code: smtp; 550 5.1.1 no such user\r\n\r\n" +
			"--b\r\nContent-Type: text/rfc822-headers\r\n\r\nFrom: " + security + "\r\nMessage-ID: <" + sent.MessageID + ">\r\n\r\n--b--\r\n"
		got, err := o.Receive(t.Context(), intake.Incoming{Channel: security, Source: intake.FromSMTP, From: "<>", Raw: strings.NewReader(bounce)})
		if err != nil || got.Case != r.Case {
			t.Fatalf("bounce: %+v, %v", got, err)
		}
		all := o.thread(t, r.Case)
		m := all[len(all)-1]
		if m.Auto != "bounce" || m.About != sent.ID || len(m.Bounces) != 1 || !m.Bounces[0].Hard || m.Bounces[0].Recipient != "rita@example.com" {
			t.Errorf("recorded as %+v", m)
		}
		if c := o.load(t, r.Case); c.State != before.State || c.Waiting != before.Waiting || c.DueAt != before.DueAt || c.FirstResponseAt != before.FirstResponseAt {
			t.Errorf("the bounce changed the case: %+v", c)
		}
		// Bounces of others' mail belong to no case, and nobody waits for an answer.
		stray, err := o.Receive(t.Context(), intake.Incoming{Channel: security, Source: intake.FromSMTP, From: "<>",
			Raw: strings.NewReader(strings.ReplaceAll(bounce, sent.MessageID, "other@elsewhere.example"))})
		if err != nil || !stray.New || o.load(t, stray.Case).DueAt != 0 {
			t.Errorf("stray bounce: %+v, %v", stray, err)
		}
	})
}

func TestOurOwnMailComesBack(t *testing.T) {
	each(t, intake.Options{}, func(t *testing.T, o *office) {
		r := o.must(t, mail{from: "rita@example.com", subject: "Question"})
		sent := answer(t, o, r.Case, mime.Address{Addr: "rita@example.com"})
		got := o.must(t, mail{from: security, to: "rita@example.com", subject: "Re: Question", id: sent.MessageID})
		if got.Case != r.Case {
			t.Fatalf("it began %s", got.Number)
		}
		if all := o.thread(t, r.Case); all[2].Auto != "loop" || o.load(t, r.Case).State != intake.Answered {
			t.Errorf("it is %q, the case %s", all[2].Auto, o.load(t, r.Case).State)
		}
	})
}

func TestClockStartsWithThePerson(t *testing.T) {
	each(t, intake.Options{}, func(t *testing.T, o *office) {
		r, err := o.Receive(t.Context(), intake.Incoming{Channel: security, Source: intake.FromSMTP, From: "<>",
			Raw: strings.NewReader(mail{from: "rita@example.com", subject: "Out of office", id: "away@example.com", more: "Auto-Submitted: auto-replied\r\n"}.String())})
		if err != nil {
			t.Fatal(err)
		}
		if c := o.load(t, r.Case); c.DueAt != 0 || c.ClockFrom != 0 || c.Auto != "auto-reply" {
			t.Fatalf("a machine started a clock: %+v", c)
		}
		o.Clock.Advance(3600e9)
		o.must(t, mail{from: "rita@example.com", subject: "Back again, and " + r.Number})
		if c := o.load(t, r.Case); c.DueAt == 0 || c.ClockFrom != o.Now().UnixMicro() || c.Auto != "" {
			t.Errorf("the person did not: %+v", c)
		}
	})
}

// together calls f n times at the same moment.
func together(n int, f func(i int) error) []error {
	errs := make([]error, n)
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			<-start
			errs[i] = f(i)
		})
	}
	close(start)
	wg.Wait()
	return errs
}

func TestSameMessageAtOnce(t *testing.T) {
	each(t, intake.Options{}, func(t *testing.T, o *office) {
		for i := range 5 {
			m := mail{from: "rita@example.com", subject: fmt.Sprint("Message ", i)}
			if i%2 == 1 { // too large to be kept in its record
				m.body = strings.Repeat("a long line that fills the message up\r\n", 3000)
			}
			receipts := make([]*intake.Receipt, 8)
			for _, err := range together(len(receipts), func(i int) (err error) {
				receipts[i], err = o.smtp(t.Context(), m)
				return err
			}) {
				if err != nil {
					t.Fatal(err)
				}
			}
			fresh := 0
			for _, r := range receipts {
				if r.Number != receipts[0].Number || r.Communication != receipts[0].Communication {
					t.Errorf("one message has the receipts %+v and %+v", receipts[0], r)
				}
				if !r.Duplicate {
					fresh++
				}
			}
			if fresh != 1 || receipts[0].Number != fmt.Sprintf("C-2026-%06d", i+1) {
				t.Errorf("recorded %d times, as %s", fresh, receipts[0].Number)
			}
		}
	})
}

func TestRepliesAtOnce(t *testing.T) {
	each(t, intake.Options{}, func(t *testing.T, o *office) {
		r := o.must(t, mail{from: "rita@example.com", subject: "Question", id: "q@example.com"})
		for _, err := range together(20, func(i int) error {
			got, err := o.smtp(t.Context(), mail{from: "rita@example.com", subject: fmt.Sprint("Re: Question, ", i), reply: "q@example.com"})
			if err == nil && got.Case != r.Case {
				err = errors.New("joined " + got.Number)
			}
			return err
		}) {
			if err != nil {
				t.Error(err)
			}
		}
		all := o.thread(t, r.Case)
		for i, m := range all {
			if m.Seq != i+1 {
				t.Fatalf("communication %d has number %d", i+1, m.Seq)
			}
		}
		if n := o.load(t, r.Case).Communications; n != 21 || len(all) != 21 {
			t.Errorf("the case says %d, and there are %d", n, len(all))
		}
	})
}

func TestReplyAgainstClose(t *testing.T) {
	each(t, intake.Options{}, func(t *testing.T, o *office) {
		for i := range 20 {
			id := fmt.Sprintf("q%d@example.com", i)
			r := o.must(t, mail{from: "rita@example.com", subject: fmt.Sprint("Question ", i), id: id})
			seen := o.load(t, r.Case).Entry
			var closed error
			errs := together(2, func(j int) error {
				if j == 0 {
					closed = o.Close(t.Context(), ann, r.Case, seen, "nothing to do")
					return nil
				}
				_, err := o.smtp(t.Context(), mail{from: "rita@example.com", subject: "Re: one more thing", reply: id, body: fmt.Sprint("number ", i)})
				return err
			})
			if errs[1] != nil {
				t.Fatal(errs[1])
			}
			c := o.load(t, r.Case)
			if c.State != intake.Open || c.Communications != 2 {
				t.Errorf("a reply lies in a case that is %s, with %d communications", c.State, c.Communications)
			}
			if closed != nil && !is(closed, fault.Conflict) {
				t.Errorf("close: %v", closed)
			}
		}
	})
}
