package evidence

import (
	"context"
	"encoding/json"
	"fmt"

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

// draw redacts a document. units are those of its fields.
func (c *curtain) draw(ctx context.Context, e *format.Entry, doc *format.Document, units []string) error {
	anonymous, original, err := c.look(ctx, e, doc)
	if err != nil {
		return err
	}
	kind := e.Kind()
	for i := range doc.Fields {
		f := &doc.Fields[i]
		name := kind + " " + f.Name
		hide := units[i] == "raw" || secret[name] || original && name == "communication attachments"
		if anonymous && !c.withRaw {
			hide = hide || units[i] == "identity" || ownWords[name]
		}
		if hide {
			*f = format.Field{Redacted: true, Leaf: f.Hash()}
		}
	}
	return nil
}

// look says whether a document is part of an anonymous report and, of those,
// whether it names files as the reporter gave them: their hashes would let
// whoever has the file find out that it was given.
func (c *curtain) look(ctx context.Context, e *format.Entry, doc *format.Document) (anonymous, original bool, err error) {
	switch e.Kind() {
	case kindCase:
		anonymous = string(doc.Field("anonymous")) == "true"
		c.anonymous[e.Record] = anonymous
	case kindCommunication:
		var m intake.Communication
		if err := decode(doc, &m); err != nil {
			return false, false, fmt.Errorf("communication %s: %w", e.Record, err)
		}
		if anonymous, err = c.isAnonymous(ctx, m.Case); err != nil {
			return false, false, err
		}
		anonymous = anonymous && m.Direction == intake.Inbound
		for i := range m.Attachments {
			original = original || anonymous && isOriginal(&m.Attachments[i])
		}
	}
	return anonymous, original, nil
}

// isOriginal reports whether an attachment of an anonymous report is a file as
// its reporter gave it and may say who that was, whoever was shown it since.
func isOriginal(a *intake.Attachment) bool {
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
