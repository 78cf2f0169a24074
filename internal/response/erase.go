package response

import (
	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/ledger"
)

// Erase forgets, in the caller's transaction, a part of r: what it says, whom
// it went to, or the attachments that files picks. Who wrote and approved it,
// and when, stays. What was not sent yet is withdrawn: it is not what was
// approved any more. Conflict where it is being handed over, or nobody knows
// whether it was. What people were typing goes too; ForgetTyping brings that to
// an end once the transaction is committed.
func Erase(tx *ledger.Tx, r *Response, e intake.Erasure, files func(i int, a intake.Attachment) bool) error {
	switch r.State {
	case Sending:
		return fault.New(fault.Conflict, "answer %d of %s is being handed over at this moment; try again", r.Seq, r.Number)
	case Ambiguous:
		return fault.New(fault.Conflict, "nobody knows whether answer %d of %s was delivered; settle that first", r.Seq, r.Number)
	case Draft, InReview, Approved, Failed:
		r.State = Withdrawn
	}
	var units []string
	if r.Salt != "" || e.Part != intake.Files {
		units = append(units, "identity")
	}
	r.Salt = "" // without which the content's hash says nothing about the content
	if e.Part == intake.Files {
		units = append(units, "files")
		r.Attachments = intake.EraseFiles(r.Attachments, files)
	} else {
		units = append(units, r.strip(e.Part)...)
	}
	r.UpdatedAt = tx.Now.UnixMicro()
	r.Erasures = append(r.Erasures, e)
	if err := Responses.Erase(tx, r, intake.ErasedAct(), units...); err != nil {
		return err
	}
	_, err := tx.Work(`UPDATE response_autosave SET body = $1 WHERE response = $2`, []byte{}, r.ID)
	return err
}

// strip takes content or identity out of r and returns the units, beside that
// of the identity, that lost something.
func (r *Response) strip(part intake.Part) (units []string) {
	r.To, r.Cc, r.InReplyTo, r.References, r.MessageID = nil, nil, "", nil, ""
	for i := range r.Attempts {
		if r.Attempts[i].Detail != "" { // what the relay said may name the recipient
			r.Attempts[i].Detail, units = "", []string{"trace"}
		}
	}
	if part != intake.Content {
		return units
	}
	r.Subject, r.Text, r.Attachments = "", "", nil
	for i := range r.Declines {
		r.Declines[i].Reason = ""
	}
	return append(units, "content", "files")
}
