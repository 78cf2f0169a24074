package intake

import (
	"context"
	"errors"
	"io"
	"time"

	"example.org/countersign/internal/jobs"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/policy"
	"example.org/countersign/internal/rules"
)

// What follows is the shape of the package while its parts are being written.
var errUnwritten = errors.New("intake: not written yet")

// Receive records one mail.
func (d *Desk) Receive(ctx context.Context, in Incoming) (*Receipt, error) { return nil, errUnwritten }

// Report records what somebody filled in.
func (d *Desk) Report(ctx context.Context, r Report) (*Receipt, error) { return nil, errUnwritten }

// FollowUp returns a report to whoever has its code.
func (d *Desk) FollowUp(ctx context.Context, number, code string) (*Thread, error) {
	return nil, errUnwritten
}

// AddFollowUp adds to a report.
func (d *Desk) AddFollowUp(ctx context.Context, number, code, text string, files []Upload) (*Receipt, error) {
	return nil, errUnwritten
}

// FollowUpAttachment returns a file of a report to whoever has its code.
func (d *Desk) FollowUpAttachment(ctx context.Context, number, code, communication string, i int) (*Attachment, io.ReadCloser, error) {
	return nil, nil, errUnwritten
}

// Note adds an internal note.
func (d *Desk) Note(ctx context.Context, actor ledger.Actor, caseID, text string) (*Communication, error) {
	return nil, errUnwritten
}

// Dispose sets a case aside as spam or out of scope; reversible.
func (d *Desk) Dispose(ctx context.Context, actor ledger.Actor, caseID string, as rules.Disposition, reason string) error {
	return errUnwritten
}

// Restore takes a disposition back.
func (d *Desk) Restore(ctx context.Context, actor ledger.Actor, caseID, reason string) error {
	return errUnwritten
}

// Close closes a case.
func (d *Desk) Close(ctx context.Context, actor ledger.Actor, caseID, reason string) error {
	return errUnwritten
}

// Reopen opens it again.
func (d *Desk) Reopen(ctx context.Context, actor ledger.Actor, caseID, reason string) error {
	return errUnwritten
}

// Reveal lets staff open a hidden attachment, for a recorded reason.
func (d *Desk) Reveal(ctx context.Context, actor ledger.Actor, communicationID string, i int, reason string) error {
	return errUnwritten
}

// Case returns a case by id or tracking number.
func (d *Desk) Case(ctx context.Context, idOrNumber string) (*Case, error) { return nil, errUnwritten }

// Communications returns the communications of a case in order.
func (d *Desk) Communications(ctx context.Context, caseID string) ([]*Communication, error) {
	return nil, errUnwritten
}

// Text returns the whole text of a communication.
func (d *Desk) Text(ctx context.Context, m *Communication) (string, error) { return "", errUnwritten }

// Raw returns the message as it came.
func (d *Desk) Raw(ctx context.Context, m *Communication) (io.ReadCloser, error) {
	return nil, errUnwritten
}

// Attachment returns the content of an attachment; Denied where it is hidden.
func (d *Desk) Attachment(ctx context.Context, m *Communication, i int) (io.ReadCloser, error) {
	return nil, errUnwritten
}

// Confirm is the handler of ConfirmationJob.
func (d *Desk) Confirm(ctx context.Context, j jobs.Job) error { return errUnwritten }

// AppendOutbound records, in the caller's transaction, a communication that
// went out, and what it means for its case. c is the case as loaded in tx.
func AppendOutbound(tx *ledger.Tx, c *Case, m *Communication) error { return errUnwritten }

// Import records mails from files and directories.
func (d *Desk) Import(ctx context.Context, channel string, paths []string, progress func(Result)) (*Result, error) {
	return nil, errUnwritten
}

// Export calls f with every communication received from from until before to,
// in order; zero times are no bound.
func (d *Desk) Export(ctx context.Context, from, to time.Time, f func(Row) error) error {
	return errUnwritten
}

// Past returns the last n cases as rules see them, for policy.DryRun.
func (d *Desk) Past(ctx context.Context, n int) ([]policy.Past, error) { return nil, errUnwritten }
