package evidence

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"example.org/countersign/internal/intake"
	"example.org/countersign/verify/format"
)

// secret are the fields that never leave: what opens a report's follow-up page
// is derived from them.
var secret = map[string]bool{"casefile code_hash": true, "communication key": true}

// ownWords are the fields in which an anonymous reporter speaks or shows.
var ownWords = map[string]bool{
	"casefile subject": true, "casefile hint": true, "casefile language": true,
	"communication subject": true, "communication text": true, "communication text_blob": true, "communication attachments": true,
	"communication language": true, "communication date": true, "communication raw_blob": true, "communication raw_sha256": true,
	"communication raw_size": true, "communication problems": true,
}

// curtain decides what of a document is shown (docs/FORMAT.md: the rest is
// redacted to its leaf hashes). Raw bytes never are, since raw/ has them as
// files whose hashes are shown.
type curtain struct {
	survey    *survey
	desk      *Desk
	withRaw   bool
	anonymous map[string]bool // by id of the case
}

// draw redacts the document of x.
func (c *curtain) draw(ctx context.Context, x *disclosed) error {
	anonymous, err := c.isPartOfAnonymous(ctx, x)
	if err != nil {
		return err
	}
	kind := x.entry.Kind()
	for i := range x.doc.Fields {
		f := &x.doc.Fields[i]
		name := kind + " " + f.Name
		hide := x.units[i] == "raw" || secret[name]
		if anonymous {
			// The hash of a file lets whoever has it find out that it was given.
			hide = hide || name == "communication attachments" && slices.ContainsFunc(x.message.Attachments, isOriginal)
			hide = hide || !c.withRaw && (x.units[i] == "identity" || ownWords[name])
		}
		if hide {
			*f = format.Field{Redacted: true, Leaf: f.Hash()}
		}
	}
	return nil
}

// isPartOfAnonymous reports whether a document is what an anonymous reporter
// said: a case that one began, or a communication of theirs.
func (c *curtain) isPartOfAnonymous(ctx context.Context, x *disclosed) (bool, error) {
	switch {
	case x.entry.Kind() == kindCase:
		anonymous := string(x.doc.Field("anonymous")) == "true"
		c.anonymous[x.entry.Record] = anonymous
		return anonymous, nil
	case x.message != nil && x.message.Direction == intake.Inbound:
		return c.isAnonymous(ctx, x.message.Case)
	}
	return false, nil
}

// isOriginal reports whether an attachment of an anonymous report is a file as
// its reporter gave it and may say who that was, whoever was shown it since.
func isOriginal(a intake.Attachment) bool {
	return a.Hidden || a.Note != "" && a.Note != stripped
}

// stripped is what intake notes on the copy that it made without metadata.
const stripped = "metadata removed"

// isAnonymous reports whether a case was begun by an anonymous report, which
// never changes.
func (c *curtain) isAnonymous(ctx context.Context, casefile string) (bool, error) {
	known, ok := c.anonymous[casefile]
	if ok {
		return known, nil
	}
	v := c.survey.version(kindCase, casefile)
	if v == nil { // begun in the same transaction, and not yet seen
		return false, fmt.Errorf("case %s is spoken of before it is there", casefile)
	}
	_, doc, err := c.desk.ledger.Document(ctx, v.entry, func(string, string, string) bool { return true })
	if err != nil {
		return false, err
	}
	known = string(doc.Field("anonymous")) == "true"
	c.anonymous[casefile] = known
	return known, nil
}

// decode reads the shown fields of a document into the struct of its kind.
func decode(doc *format.Document, v any) error {
	b := []byte{'{'}
	for i := range doc.Fields {
		f := &doc.Fields[i]
		if f.Redacted {
			continue
		}
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = append(append(append(append(b, '"'), f.Name...), '"', ':'), f.Value...)
	}
	return json.Unmarshal(append(b, '}'), v)
}
