package intake

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"unicode/utf8"

	"example.org/countersign/internal/intake/redraw"
)

// maxStripped is how large a picture may be, in bytes, to be written anew.
const maxStripped = 30 << 20

// withoutMetadata returns what a file of an anonymous report becomes. A
// picture is decoded and written anew, which leaves place, camera and owner
// behind: staff see the copy, and the original stays sealed and hidden. Text
// has nothing but itself. Whatever else may name its author is hidden until
// somebody has it shown by an act of its own.
func (d *Desk) withoutMetadata(ctx context.Context, a Attachment) ([]Attachment, error) {
	r, err := d.blob(ctx, a.Blob)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	if a.Size <= maxStripped {
		data, err := io.ReadAll(r)
		if err != nil {
			return nil, fmt.Errorf("read upload: %w", err)
		}
		if utf8.Valid(data) && bytes.IndexByte(data, 0) < 0 && a.Type == "text/plain" {
			return []Attachment{a}, nil
		}
		copied, kind := redraw.Picture(ctx, data)
		if copied != nil {
			ref, err := d.ledger.Blobs().Put(bytes.NewReader(copied))
			if err != nil {
				return nil, unavailable(err)
			}
			shown := Attachment{Name: a.Name, Type: kind, Size: ref.Size, SHA256: ref.SHA256, Blob: ref, Note: "metadata removed"}
			a.Hidden, a.Note = true, "original, may carry metadata"
			return []Attachment{shown, a}, nil
		}
	}
	a.Hidden, a.Note = true, "may carry metadata"
	return []Attachment{a}, nil
}
