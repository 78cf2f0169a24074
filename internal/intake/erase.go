package intake

import (
	"context"
	"slices"
	"strings"

	"example.org/countersign/internal/blob"
	"example.org/countersign/internal/clock"
	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/mime"
)

// Part is what can be erased of a record apart from the rest.
type Part string

// The parts. Number, direction, times, state, severity and who handled it are
// no part of any: they stay.
const (
	Content  Part = "content"  // what was said, and who said it: all but the skeleton
	Identity Part = "identity" // who the outsiders are, as far as fields say it
	Files    Part = "files"    // some attachments
	Title    Part = "title"    // what the case is called
)

// Erasure is what a record says of content that it has no longer.
type Erasure struct {
	ID    string `json:"id"` // of the erasure or disposal that was decided on
	At    int64  `json:"at"` // Unix microseconds
	Part  Part   `json:"part"`
	Basis string `json:"basis"` // the law or contract
}

// ErasedBy reports whether an erasure with this id is among the list.
func ErasedBy(list []Erasure, id string) bool {
	return slices.ContainsFunc(list, func(e Erasure) bool { return e.ID == id })
}

// LacksPart returns the erasure that took a part, nil where none did.
func LacksPart(list []Erasure, parts ...Part) *Erasure {
	for i := range list {
		if slices.Contains(parts, list[i].Part) {
			return &list[i]
		}
	}
	return nil
}

// erased is the index column: how much of a header is gone.
func erased(list []Erasure) int64 {
	switch {
	case LacksPart(list, Content) != nil:
		return 2
	case LacksPart(list, Identity) != nil:
		return 1
	}
	return 0
}

// ErasedAct is the act of every erasure: disposal of confidential and of
// personal information.
func ErasedAct() ledger.Act { return ledger.Erased("C1.2", "P4.3") }

// EraseCase forgets, in the caller's transaction, a part of the header c:
// Content, Identity or Title. What is said in its communications is theirs. A
// case without content is closed.
func EraseCase(tx *ledger.Tx, c *Case, e Erasure) error {
	var units []string
	if e.Part == Content || e.Part == Identity {
		units = append(units, "identity")
		c.ReporterName, c.ReporterAddress, c.CodeHash = "", "", ""
	}
	switch e.Part {
	case Title:
		if c.Subject != "" {
			units = append(units, "content")
		}
		c.Subject = ""
	case Content:
		units = append(units, "content")
		c.Subject, c.DispositionReason, c.ClassReason, c.CloseReason, c.Hint = "", "", "", "", ""
		c.Pauses = withoutReasons(c.Pauses)
		if c.State != Closed {
			c.State, c.ClosedAt = Closed, tx.Now.UnixMicro()
		}
		c.Waiting = ""
	}
	c.UpdatedAt = tx.Now.UnixMicro()
	c.Erasures = append(c.Erasures, e)
	return Cases.Erase(tx, c, ErasedAct(), units...)
}

// withoutReasons returns pauses as the clock needs them.
func withoutReasons(pauses []clock.Pause) []clock.Pause {
	out := slices.Clone(pauses)
	for i := range out {
		out[i].Reason = ""
	}
	return out
}

// EraseCommunication forgets, in the caller's transaction, a part of m:
// Content, Identity, or, with Files, the attachments that files picks. The
// message as it came goes with each of them, since it has them all.
//
// A confirmation that was not begun is not sent any more. Conflict where one is
// being handed over at this moment.
func EraseCommunication(ctx context.Context, tx *ledger.Tx, m *Communication, e Erasure, files func(i int, a Attachment) bool) error {
	if e.Part != Files {
		if err := stopConfirmation(ctx, tx, m.ID); err != nil {
			return err
		}
	}
	units := m.units(e.Part)
	m.Raw, m.RawBlob, m.RawSHA256, m.RawSize, m.Problems = nil, blob.Ref{}, "", 0, nil
	if e.Part != Files {
		m.From, m.To, m.Cc, m.ReplyTo, m.MessageID, m.InReplyTo, m.References = nil, nil, nil, nil, "", "", nil
		m.Bounces, m.Envelope, m.AutoReason, m.NoConfirmation, m.Key = nil, nil, "", "", ""
		m.Auth = Auth{Result: m.Auth.Result}
		if m.Delivery != nil {
			m.Delivery = &Delivery{Outcome: m.Delivery.Outcome, At: m.Delivery.At}
		}
	}
	switch e.Part {
	case Content:
		m.Subject, m.Language, m.Text, m.TextBlob, m.Attachments = "", "", "", blob.Ref{}, nil
	case Files:
		m.Attachments = EraseFiles(m.Attachments, files)
	}
	m.Erasures = append(m.Erasures, e)
	return Communications.Erase(tx, m, ErasedAct(), units...)
}

// units returns the units of which a part takes something.
func (m *Communication) units(part Part) []string {
	units := []string{"raw"}
	detail := m.Delivery != nil && m.Delivery.Detail != ""
	way := m.Auth != Auth{Result: m.Auth.Result} || m.AutoReason != "" || m.NoConfirmation != "" || detail
	if m.RawSHA256 != "" || len(m.Problems) > 0 || part != Files && way {
		units = append(units, "trace")
	}
	switch {
	case part == Content:
		units = append(units, "identity", "content", "files")
	case part == Files:
		units = append(units, "files")
	case m.Key != "": // a hash of name, address and text
		units = append(units, "identity", "content")
	default:
		units = append(units, "identity")
	}
	return units
}

// EraseFiles returns a list of attachments in which those that files picks are
// empty places, so that the others keep theirs.
func EraseFiles(list []Attachment, files func(i int, a Attachment) bool) []Attachment {
	out := slices.Clone(list)
	for i, a := range out {
		if !a.Erased && files(i, a) {
			out[i] = Attachment{Erased: true}
		}
	}
	return out
}

// stopConfirmation sees to it that none is sent any more for a communication.
func stopConfirmation(ctx context.Context, tx *ledger.Tx, communication string) error {
	state, err := confirmationState(ctx, tx, communication)
	switch {
	case err != nil:
		return err
	case state == "sending":
		return fault.New(fault.Conflict, "its confirmation is being handed over at this moment; try again")
	case state == "":
		return setConfirmation(tx, communication, "done")
	}
	return nil
}

// NamedAfter reports whether a case is called what m says: what m loses, the
// header has to lose.
func (c *Case) NamedAfter(m *Communication) bool {
	bare := func(s string) string { return strings.ToLower(strings.TrimSpace(s)) }
	return c.Subject != "" && m.Direction != Note && bare(title(m)) == bare(c.Subject)
}

// CodeHash is what a case keeps of a follow-up code: a keyed hash. An erasure
// keeps it, so that the reporter can still be told what became of the report.
func CodeHash(x ledger.Index, number, code string) string { return codeHash(x, number, code) }

// errGone: a message is for a case whose content was erased.
var errGone = fault.New(fault.Conflict, "what this case said was erased; nothing can be added to it")

// Gone reports whether the case takes no communication any more: its content
// was erased, or is being.
func (c *Case) Gone() bool { return LacksPart(c.Erasures, Content) != nil }

// BlindParty is an address, or a domain with @ before it, as index columns
// have it.
func BlindParty(x ledger.Index, party string) string {
	if domain, ok := strings.CutPrefix(party, "@"); ok {
		return blindDomain(x, strings.TrimPrefix(mime.NormalizeAddr("x@"+domain), "x@"))
	}
	return blindAddr(x, party)
}
