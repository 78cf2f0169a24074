package intake

import (
	"context"
	"errors"
	"strings"

	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/id"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/policy"
	"example.org/countersign/internal/rules"
)

const (
	maxReason = 2000
	maxNote   = 200 << 10
)

// Reason checks the reason for an act: it is not empty, and no novel.
func Reason(s string) (string, error) {
	s = strings.TrimSpace(plain(s))
	if s == "" || len(s) > maxReason {
		return "", fault.New(fault.Invalid, "give a reason of 1 to %d characters", maxReason)
	}
	return s, nil
}

// Change loads, changes and puts a case as one act. f sees the policies in
// force; it must only use tx and what is at hand, and may run again where
// these change meanwhile.
func (d *Desk) Change(ctx context.Context, actor ledger.Actor, caseID string, act ledger.Act, f func(context.Context, *ledger.Tx, *Case, *policy.Set) error) (*Case, error) {
	var c *Case
	var set *policy.Set
	err := d.write(ctx, actor, func(s *policy.Set) error { set = s; return nil }, func(ctx context.Context, tx *ledger.Tx) error {
		err := d.settled(ctx, tx, set)
		if err != nil {
			return err
		}
		if c, err = Find(ctx, tx, caseID); err != nil {
			return err
		}
		if err := f(ctx, tx, c, set); err != nil {
			return err
		}
		c.UpdatedAt = tx.Now.UnixMicro()
		return Cases.Put(tx, c, act)
	})
	if err != nil {
		return nil, err
	}
	return c, nil
}

// Note adds an internal note to a case. It never leaves the organisation.
func (d *Desk) Note(ctx context.Context, actor ledger.Actor, caseID, text string) (*Communication, error) {
	text = strings.TrimSpace(plain(text))
	if text == "" || len(text) > maxNote {
		return nil, fault.New(fault.Invalid, "write a note of 1 to %d bytes", maxNote)
	}
	m := &Communication{Direction: Note, Source: FromStaff, Author: actor.ID}
	m.ID = id.New()
	if err := d.keepText(m, text); err != nil {
		return nil, err
	}
	_, err := d.Change(ctx, actor, caseID, ledger.Do("noted-on", "CC2.2"), func(_ context.Context, tx *ledger.Tx, c *Case, _ *policy.Set) error {
		c.Communications++
		m.Case, m.Number, m.Seq, m.Channel, m.ReceivedAt = c.ID, c.Number, c.Communications, c.Channel, tx.Now.UnixMicro()
		return Communications.Put(tx, m, ledger.Do("noted", "CC2.2"))
	})
	if err != nil {
		if !errors.Is(err, ledger.ErrUnknown) {
			d.drop(m)
		}
		return nil, err
	}
	return m, nil
}

// Dispose sets a case aside as spam or out of scope. It can be taken back; no
// clock runs meanwhile, and a sample is looked at later (CC2.3).
func (d *Desk) Dispose(ctx context.Context, actor ledger.Actor, caseID string, as rules.Disposition, reason string) error {
	reason, err := Reason(reason)
	if err != nil {
		return err
	}
	if as != rules.Spam && as != rules.OutOfScope {
		return fault.New(fault.Invalid, "%q: a case is set aside as %s or %s", as, rules.Spam, rules.OutOfScope)
	}
	_, err = d.Change(ctx, actor, caseID, ledger.Do("disposed", "CC2.3"), func(_ context.Context, _ *ledger.Tx, c *Case, set *policy.Set) error {
		switch {
		case c.FirstResponseAt != 0:
			return fault.New(fault.Conflict, "%s has been answered; what was answered is not set aside", c.Number)
		case c.Disposition == as:
			return fault.New(fault.Conflict, "%s is set aside as %s already", c.Number, as)
		}
		c.Disposition, c.DispositionReason = as, reason
		c.Reclock(set)
		return nil
	})
	return err
}

// Restore takes a disposition back. The clock runs as if it had never been:
// from receipt.
func (d *Desk) Restore(ctx context.Context, actor ledger.Actor, caseID, reason string) error {
	reason, err := Reason(reason)
	if err != nil {
		return err
	}
	_, err = d.Change(ctx, actor, caseID, ledger.Do("restored", "CC2.3"), func(_ context.Context, _ *ledger.Tx, c *Case, set *policy.Set) error {
		if c.Disposition == "" {
			return fault.New(fault.Conflict, "%s is not set aside", c.Number)
		}
		c.Disposition, c.DispositionReason = "", reason
		c.Reclock(set)
		return nil
	})
	return err
}

// Close closes a case. seen is the Entry of the case as the person saw it: a
// message that came since makes it a Conflict, so that none is closed unread.
// 0 closes it whatever came.
func (d *Desk) Close(ctx context.Context, actor ledger.Actor, caseID string, seen int64, reason string) error {
	reason, err := Reason(reason)
	if err != nil {
		return err
	}
	_, err = d.Change(ctx, actor, caseID, ledger.Do("closed", "CC7.4"), func(_ context.Context, tx *ledger.Tx, c *Case, _ *policy.Set) error {
		switch {
		case c.State == Closed:
			return fault.New(fault.Conflict, "%s is closed already", c.Number)
		case seen != 0 && seen != c.Entry:
			return fault.New(fault.Conflict, "something happened on %s meanwhile; look again before you close it", c.Number)
		}
		c.State, c.ClosedAt, c.CloseReason, c.Waiting = Closed, tx.Now.UnixMicro(), reason, ""
		return nil
	})
	return err
}

// Reopen opens a closed case again.
func (d *Desk) Reopen(ctx context.Context, actor ledger.Actor, caseID, reason string) error {
	reason, err := Reason(reason)
	if err != nil {
		return err
	}
	_, err = d.Change(ctx, actor, caseID, ledger.Do("reopened", "CC7.4"), func(_ context.Context, _ *ledger.Tx, c *Case, _ *policy.Set) error {
		switch {
		case c.State != Closed:
			return fault.New(fault.Conflict, "%s is not closed", c.Number)
		case c.Gone():
			return fault.New(fault.Conflict, "what %s said was erased; it cannot be opened again", c.Number)
		}
		c.State, c.ClosedAt, c.CloseReason, c.Waiting = Open, 0, reason, WaitingUs
		return nil
	})
	return err
}

// Reveal lets staff open an attachment of an anonymous report that may say who
// sent it. The act and its reason stay in the record (CC2.3).
func (d *Desk) Reveal(ctx context.Context, actor ledger.Actor, communicationID string, i int, reason string) error {
	reason, err := Reason(reason)
	if err != nil {
		return err
	}
	return d.ledger.Write(ctx, actor, func(ctx context.Context, tx *ledger.Tx) error {
		m, err := Communications.Load(ctx, tx, communicationID)
		if err != nil {
			return err
		}
		if i < 0 || i >= len(m.Attachments) || !m.Attachments[i].Hidden {
			return fault.New(fault.Conflict, "there is no hidden attachment of that number")
		}
		m.Attachments[i].Hidden = false
		m.Attachments[i].Note = "may carry metadata; shown because: " + reason
		return Communications.Put(tx, m, ledger.Do("revealed", "CC2.3"))
	})
}

// AppendOutbound records, in the caller's transaction, a communication that
// went out, and what that means for its case: c is the case as loaded in tx, m
// says what was sent, by whom and as which response. The first one that a
// person approved is the first response; m.ReceivedAt, or the time of the Tx,
// is when the relay took it (CC2.3).
func AppendOutbound(tx *ledger.Tx, c *Case, m *Communication) error {
	if m.ID == "" {
		m.ID = id.New()
	}
	if m.ReceivedAt == 0 {
		m.ReceivedAt = tx.Now.UnixMicro()
	}
	c.Communications++
	m.Case, m.Number, m.Seq, m.Direction = c.ID, c.Number, c.Communications, Outbound
	c.UpdatedAt = max(c.UpdatedAt, tx.Now.UnixMicro())
	verb := "confirmed"
	if m.Auto == "" {
		verb = "answered"
		c.LastAt = max(c.LastAt, m.ReceivedAt)
		if c.FirstResponseAt == 0 {
			c.FirstResponseAt = m.ReceivedAt
		}
		if c.State != Closed {
			c.State, c.Waiting = Answered, WaitingThem
		}
	}
	if err := Cases.Put(tx, c, ledger.Do(verb, "CC2.3")); err != nil {
		return err
	}
	return Communications.Put(tx, m, ledger.Do("sent", "CC2.3"))
}

// plain makes text of many lines safe to keep and show: valid UTF-8, lines
// ended by \n, no control characters but these and tabs.
func plain(s string) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\r\n", "\n")
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\r' || r == '\u2028' || r == '\u2029':
			return '\n'
		case r == '\n' || r == '\t':
			return r
		case r < ' ' || r >= 0x7f && r < 0xa0 || '\u202A' <= r && r <= '\u202E' || '\u2066' <= r && r <= '\u2069' || r == '\uFEFF':
			return -1
		}
		return r
	}, s)
}
