package extract

import (
	"context"
	"fmt"
	"slices"

	"example.org/countersign/internal/intake"
	"example.org/countersign/verify/format"
)

// secret are the fields that never leave: what opens a report's follow-up page
// is derived from them.
var secret = map[string]bool{"casefile code_hash": true, "communication key": true}

// ownWords are the fields in which an anonymous reporter speaks or shows, or
// somebody repeats it.
var ownWords = map[string]bool{
	"casefile subject": true, "casefile hint": true, "casefile language": true,
	"communication subject": true, "communication text": true, "communication text_blob": true, "communication attachments": true,
	"communication language": true, "communication date": true, "communication raw_blob": true, "communication raw_sha256": true,
	"communication raw_size": true, "communication problems": true,
	// An answer quotes what it answers.
	"response subject": true, "response text": true, "response attachments": true, "response references": true,
}

// unguarded are the fields of unit identity that an answer to an anonymous
// report shows all the same: the product's own Message-ID and that of the mail
// it answers, which such a report is not. They stand where the name of an
// exception would, so that only while they are shown nobody can hide one
// behind them (docs/FORMAT.md, "Document").
var unguarded = map[string]bool{"response in_reply_to": true, "response message_id": true}

// Curtain decides what of a document is shown (docs/FORMAT.md: the rest is
// redacted to its leaf hashes). Raw bytes never are, since raw/ has them as
// files whose hashes are shown.
type Curtain struct {
	survey    *Survey
	open      bool            // what anonymous reporters wrote is shown
	anonymous map[string]bool // by id of the case
}

// NewCurtain returns the curtain of a survey; withRaw opens it for what
// anonymous reporters wrote.
func NewCurtain(s *Survey, withRaw bool) *Curtain {
	return &Curtain{survey: s, open: withRaw, anonymous: map[string]bool{}}
}

// draw redacts the document of x.
func (c *Curtain) draw(ctx context.Context, x *Disclosed) error {
	anonymous, err := c.PartOfAnonymous(ctx, x)
	if err != nil {
		return err
	}
	kind := x.Entry.Kind()
	for i := range x.Doc.Fields {
		f := &x.Doc.Fields[i]
		name := kind + " " + f.Name
		hide := x.units[i] == "raw" || secret[name]
		if anonymous {
			// The hash of a file lets whoever has it find out that it was given.
			hide = hide || name == "communication attachments" && x.Message.Direction == intake.Inbound && slices.ContainsFunc(x.Message.Attachments, IsOriginal)
			hide = hide || !c.open && (x.units[i] == "identity" && !unguarded[name] || ownWords[name])
		}
		if hide {
			*f = format.Field{Redacted: true, Leaf: f.Hash()}
		}
	}
	return nil
}

// PartOfAnonymous reports whether a document is what an anonymous reporter
// said or was told: a case that one began, a communication with them, an answer
// to them. Notes are ours.
func (c *Curtain) PartOfAnonymous(ctx context.Context, x *Disclosed) (bool, error) {
	switch {
	case x.Entry.Kind() == KindCase:
		anonymous := string(x.Doc.Field("anonymous")) == "true"
		c.anonymous[x.Entry.Record] = anonymous
		return anonymous, nil
	case x.Message != nil && x.Message.Direction != intake.Note:
		return c.isAnonymous(ctx, x.Message.Case)
	case x.Entry.Kind() == KindResponse:
		return c.isAnonymous(ctx, Text(x.Doc, "case"))
	}
	return false, nil
}

// IsOriginal reports whether an attachment of an anonymous report is a file as
// its reporter gave it and may say who that was, whoever was shown it since.
func IsOriginal(a intake.Attachment) bool {
	return a.Hidden || a.Note != "" && a.Note != stripped
}

// stripped is what intake notes on the copy that it made without metadata.
const stripped = "metadata removed"

// isAnonymous reports whether a case was begun by an anonymous report, which
// never changes.
func (c *Curtain) isAnonymous(ctx context.Context, casefile string) (bool, error) {
	known, ok := c.anonymous[casefile]
	if ok {
		return known, nil
	}
	v := c.survey.Version(KindCase, casefile)
	if v == nil { // begun in the same transaction, and not yet seen
		return false, fmt.Errorf("case %s is spoken of before it is there", casefile)
	}
	_, doc, err := c.survey.ledger.Document(ctx, v.Entry, func(string, string, string) bool { return true })
	if err != nil {
		return false, err
	}
	known = string(doc.Field("anonymous")) == "true"
	c.anonymous[casefile] = known
	return known, nil
}
