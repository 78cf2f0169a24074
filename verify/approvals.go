package verify

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"example.org/countersign/verify/format"
)

// approval is one of a response's: who said yes to which content.
type approval struct {
	By          string `json:"by"`
	Role        string `json:"role"`
	At          int64  `json:"at"`
	ContentHash string `json:"content_hash"`
}

// answer is what a response's document says of its approval. The approvals are
// valid until those of another document are read.
type answer struct {
	state, content, sent string
	authors              []string
	approvals            []approval
	quorum               int64
	exception            string
	veiled               bool // nobody can tell whether it names an exception
}

func (k *conduct) read(d *format.Document) (r answer, err error) {
	r.approvals, err = k.approvalsIn(d)
	if r.veiled = d.Field("exception") == nil && !d.Lacks("exception"); !r.veiled {
		err = cmp.Or(err, into(&r.exception, d, "exception"))
	}
	return r, cmp.Or(err,
		into(&r.state, d, "state"), into(&r.content, d, "content_hash"), into(&r.sent, d, "sent_hash"),
		into(&r.authors, d, "authors"), into(&r.quorum, d, "quorum"))
}

// approvalsIn returns the approvals that a response lists. One after the other
// its versions list the same.
func (k *conduct) approvalsIn(d *format.Document) ([]approval, error) {
	raw := d.Field("approvals")
	if raw == nil || !bytes.Equal(raw, k.listed) {
		list, err := field[[]approval](d, "approvals")
		if err != nil || raw == nil {
			return nil, err
		}
		k.list, k.listed = list, append(k.listed[:0], raw...)
	}
	return k.list, nil
}

func into[T any](v *T, d *format.Document, name string) (err error) {
	*v, err = field[T](d, name)
	return err
}

// approved checks that the approval which the act adds to a response is that
// of the entry: by its actor, in their role, at its time, of the content that
// the response had then (CC5.3).
func (k *conduct) approved(a *act) error {
	list, err := k.approvalsIn(a.doc)
	if err != nil {
		return err
	}
	content, err := field[string](a.doc, "content_hash")
	if err != nil {
		return err
	}
	want := approval{a.entry.Actor, a.entry.Role, a.entry.Time, content}
	if len(list) == 0 || list[len(list)-1] != want {
		return errors.New("the last approval in its document is not by the actor, in the role, at the time and of the content that the entry is about")
	}
	given := k.given[a.entry.Record]
	if len(given) == maxApprovals {
		return errors.New("it was approved too often")
	}
	want.By, want.Role = strings.Clone(want.By), strings.Clone(want.Role)
	k.given[strings.Clone(a.entry.Record)] = append(given, want)
	k.approvals++
	return nil
}

// maxApprovals bounds the memory that the approvals of a response take.
const maxApprovals = 1000

// upheld checks that each approval which a response lists was given: that
// there is an entry of it.
func (k *conduct) upheld(a *act) error {
	if a.doc.Field("approvals") == nil {
		return nil
	}
	list, err := k.approvalsIn(a.doc)
	if err != nil {
		return err
	}
	for _, p := range list {
		if !slices.Contains(k.given[a.entry.Record], p) {
			return fmt.Errorf("the approval by %q at %s has no entry response.approved by that person, in that role, at that time, of that content", p.By, format.Instant(p.At))
		}
	}
	return nil
}

// Exception is a response that was sent under a named rule instead of the
// approvals that are otherwise required.
type Exception struct {
	Entry  int64
	Record string
	Rule   string
}

// sending checks a response before its hand-over: where nobody learns how that
// ends, it is the last that is known of it.
func (k *conduct) sending(a *act) error {
	_, err := k.released(a, "sending")
	return err
}

// sent checks a response that went out, and counts it.
func (k *conduct) sent(a *act) error {
	r, err := k.released(a, "sent")
	if err != nil {
		return err
	}
	k.responses++
	if r.veiled {
		k.veiled++
	}
	if r.exception != "" {
		k.exceptions = append(k.exceptions, Exception{a.index, strings.Clone(a.entry.Record), r.exception})
	}
	return nil
}

// resolved checks a response of which a person said whether it went out.
func (k *conduct) resolved(a *act) error {
	state, err := field[string](a.doc, "state")
	if err != nil || state != "sent" {
		return err
	}
	return k.sent(a)
}

// released checks that what leaves is what was approved, by as many persons as
// required who had not written it (CC2.3, CC5.3), or that an exception names
// the rule for that.
func (k *conduct) released(a *act, state string) (*answer, error) {
	r, err := k.read(a.doc)
	if err != nil {
		return nil, err
	}
	if r.state != state {
		return nil, fmt.Errorf("the act is %s but the state of the response %q", a.entry.Act, r.state)
	}
	if _, err := format.ParseHex(r.content); err != nil {
		return nil, fmt.Errorf("content_hash: %w", err)
	}
	if r.sent != r.content {
		return nil, errors.New("what was sent is not the content of the response")
	}
	if r.exception == "" {
		err := r.approved()
		if err != nil && r.veiled {
			err = fmt.Errorf("%w, and field exception is not shown", err)
		}
		return &r, err
	}
	if len(r.exception) > maxException {
		return nil, errors.New("the exception does not name a rule but tells a story")
	}
	return &r, nil
}

// maxException is the length in bytes that the name of a rule may have.
const maxException = 400

// approved checks the approvals of a response that is no exception.
func (r *answer) approved() error {
	var by []string
	for _, p := range r.approvals {
		switch {
		case p.By == "":
			return errors.New("an approval does not say by whom")
		case slices.Contains(r.authors, p.By):
			return fmt.Errorf("approved by %q, who is one of its authors", p.By)
		case p.ContentHash != r.content:
			return fmt.Errorf("the approval by %q is for other content", p.By)
		case !slices.Contains(by, p.By):
			by = append(by, p.By)
		}
	}
	switch {
	case len(r.authors) == 0:
		return errors.New("the response has no author")
	case r.quorum < 1:
		return errors.New("no approval was required, and no exception names the rule for that")
	case int64(len(by)) < r.quorum:
		return fmt.Errorf("approved by %d of the %d persons required", len(by), r.quorum)
	}
	return nil
}
