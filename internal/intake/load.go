package intake

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"

	"example.org/countersign/internal/blob"
	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/id"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/mime"
)

// Find returns a case by its id or tracking number. Inside a Write, src is its
// Tx.
func Find(ctx context.Context, src ledger.Source, idOrNumber string) (*Case, error) {
	key := strings.TrimSpace(idOrNumber)
	if number, ok := id.FindNumber(key); ok && len(number) == len(key) {
		found, err := Cases.Select(ctx, src, `WHERE r.number = $1`, number)
		if err != nil {
			return nil, err
		}
		if len(found) == 1 {
			return found[0], nil
		}
	} else if c, err := Cases.Load(ctx, src, key); err == nil {
		return c, nil
	} else if kind, _ := fault.Of(err); kind != fault.NotFound {
		return nil, err
	}
	return nil, fault.New(fault.NotFound, "there is no such case")
}

// Case returns a case by its id or tracking number.
func (d *Desk) Case(ctx context.Context, idOrNumber string) (*Case, error) {
	return Find(ctx, d.ledger, idOrNumber)
}

// Communications returns the communications of a case, the first first.
func (d *Desk) Communications(ctx context.Context, caseID string) ([]*Communication, error) {
	return Communications.Select(ctx, d.ledger, `WHERE r.casefile = $1 ORDER BY r.seq`, caseID)
}

// Communication returns one communication.
func (d *Desk) Communication(ctx context.Context, id string) (*Communication, error) {
	return Communications.Load(ctx, d.ledger, id)
}

// Text returns the whole text of a communication.
func (d *Desk) Text(ctx context.Context, m *Communication) (string, error) {
	if m.TextBlob.IsZero() {
		return m.Text, nil
	}
	r, err := d.blob(ctx, m.TextBlob)
	if err != nil {
		return "", err
	}
	defer r.Close()
	text, err := io.ReadAll(r)
	if err != nil {
		return "", fmt.Errorf("text of communication %s: %w", m.ID, err)
	}
	return string(text), nil
}

// Raw returns the message as it came, NotFound for what did not come as a
// mail and for what lost it with an erasure.
func (d *Desk) Raw(ctx context.Context, m *Communication) (io.ReadCloser, error) {
	switch {
	case !m.RawBlob.IsZero():
		return d.blob(ctx, m.RawBlob)
	case len(m.Raw) > 0:
		return io.NopCloser(bytes.NewReader(m.Raw)), nil
	case m.rawErased():
		return nil, fault.New(fault.NotFound, "there is no original message: it went with what was erased, or this did not come as a mail")
	}
	return nil, fault.New(fault.NotFound, "this did not come as a mail; there is no original message")
}

// Attachment returns the content of an attachment of m, counted from 0. It is
// Denied where that is hidden, see Reveal, and NotFound where it was erased.
func (d *Desk) Attachment(ctx context.Context, m *Communication, i int) (io.ReadCloser, error) {
	if i < 0 || i >= len(m.Attachments) {
		return nil, fault.New(fault.NotFound, "there is no such attachment")
	}
	a := &m.Attachments[i]
	switch {
	case m.FileErased(i):
		return nil, fault.New(fault.NotFound, "this file was erased")
	case a.Hidden:
		return nil, fault.New(fault.Denied, "this file may say who sent it; a lead can have it shown, for a recorded reason")
	case !a.Blob.IsZero():
		return d.blob(ctx, a.Blob)
	}
	return d.extract(ctx, m, i)
}

// extract reads an attachment that is not kept apart out of the raw message.
func (d *Desk) extract(ctx context.Context, m *Communication, i int) (io.ReadCloser, error) {
	raw, err := d.Raw(ctx, m)
	if err != nil {
		return nil, err
	}
	pr, pw := io.Pipe()
	go func() {
		defer raw.Close()
		_, err := mime.Parse(raw, mime.Limits{}, func(a *mime.Attachment) (io.WriteCloser, error) {
			if a.Index == i {
				return pw, nil // closed with the attachment, before the message ends
			}
			return nil, nil
		})
		pw.CloseWithError(err)
	}()
	return pr, nil
}

func (d *Desk) blob(ctx context.Context, ref blob.Ref) (io.ReadCloser, error) {
	key, err := d.opt.Keys.Key(ctx, ref.Key)
	if err != nil {
		return nil, fmt.Errorf("open blob: %w", err)
	}
	return d.ledger.Blobs().Open(key, ref)
}
