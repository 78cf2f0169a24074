package verify

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"example.org/countersign/verify/format"
)

// ReceiptSummary is what a receipt that holds was found to say.
type ReceiptSummary struct {
	Origin string // name of the log
	Key    string // its verifier key

	Index    int64     // of the entry in the log
	Tree     int64     // entries of the tree that it is proved in
	Act      string    // what was done, "communication.received"
	Record   string    // id of the record
	Seq      int64     // number of the entry within its record kind
	Time     time.Time // when, by the log's clock
	Role     string
	Actor    string   // id
	Controls []string // criteria that justify the act
	Facts    []Fact   // what is shown of the document
	Redacted int64    // fields that are not

	Witnesses []Witness // that cosigned the tree
	Unchecked []string  // names on other cosignatures, whose keys nobody gave
	Policy    bool      // a policy was given, and is met

	Proved    []string // in plain words
	NotProved []string
}

// Fact is a field of the document.
type Fact struct {
	Name  string
	Value json.RawMessage
}

// Witness is somebody who saw the log at a time, by their own clock.
type Witness struct {
	Name string // in the policy
	Key  string // verifier key
	Time time.Time
}

// Receipt checks a receipt and stops at the first thing that is wrong, which it
// returns as a *Failure whose stage is receipt, key, checkpoint, witnesses,
// entry or document. Other errors mean that the check could not be made. Of the
// options it needs the key and the policy.
func Receipt(r io.Reader, opt Options) (*ReceiptSummary, error) {
	b, err := io.ReadAll(io.LimitReader(r, format.MaxReceipt+1))
	if err != nil {
		return nil, fmt.Errorf("read the receipt: %w", err)
	}
	c := &receiptChecker{opt: opt}
	for _, s := range []struct {
		name string
		run  func() error
	}{
		{"receipt", func() (err error) { c.receipt, err = format.ParseReceipt(b); return err }},
		{"key", c.key}, {"checkpoint", c.checkpoint}, {"witnesses", c.witnesses}, {"entry", c.entry}, {"document", c.document},
	} {
		if err := s.run(); err != nil {
			index := int64(none)
			if c.receipt != nil && s.name != "key" {
				index = c.receipt.Index
			}
			return nil, &Failure{Stage: s.name, Entry: index, What: err.Error()}
		}
	}
	c.summary.conclude(opt)
	return &c.summary, nil
}

// receiptChecker is the state of one check.
type receiptChecker struct {
	opt     Options
	receipt *format.Receipt
	signed  *format.Cosigned
	parsed  format.Entry
	summary ReceiptSummary
}

// key holds the key in the receipt against what the caller knows.
func (c *receiptChecker) key() error {
	c.summary.Origin, c.summary.Key = c.receipt.Key.Origin, c.receipt.Key.String()
	return c.opt.holdKey(c.receipt.Key)
}

func (c *receiptChecker) checkpoint() (err error) {
	if c.signed, err = c.receipt.Key.OpenCosigned(c.receipt.Checkpoint); err != nil {
		return err
	}
	c.summary.Tree = c.signed.Size
	return nil
}

func (c *receiptChecker) witnesses() error {
	seen, err := c.opt.judge(c.signed)
	if err != nil {
		return err
	}
	c.summary.Witnesses, c.summary.Unchecked, c.summary.Policy = seen.by, seen.unchecked, c.opt.Policy != nil
	return nil
}

// entry checks that the log has the entry.
func (c *receiptChecker) entry() (err error) {
	r := c.receipt
	if err := format.CheckInclusion(r.Hashes, c.signed.Size, r.Index, format.LeafHash(r.Entry), c.signed.Root); err != nil {
		return err
	}
	if c.parsed, err = format.ParseEntry(r.Entry); err != nil {
		return err
	}
	e, s := &c.parsed, &c.summary
	s.Index, s.Act, s.Record, s.Seq, s.Time = r.Index, e.Act, e.Record, e.Seq, timeOf(e.Time)
	s.Role, s.Actor, s.Controls = e.Role, e.Actor, e.Controls
	return nil
}

// document checks that what is shown is what the entry commits to.
func (c *receiptChecker) document() error {
	d := &c.receipt.Document
	if format.Commit(d.Fields) != c.parsed.Commitment {
		return errors.New("the document is not the one that the entry commits to")
	}
	c.summary.Redacted = redacted(d)
	for i := range d.Fields {
		f := &d.Fields[i]
		if f.Redacted {
			continue
		}
		if !json.Valid(f.Value) {
			return fmt.Errorf("field %.80q is not JSON", f.Name)
		}
		c.summary.Facts = append(c.summary.Facts, Fact{f.Name, f.Value})
	}
	return nil
}

// conclude says in plain words what the check has shown, and what it has not.
func (s *ReceiptSummary) conclude(opt Options) {
	proved := func(text string, args ...any) { s.Proved = append(s.Proved, fmt.Sprintf(text, args...)) }
	notProved := func(text string, args ...any) { s.NotProved = append(s.NotProved, fmt.Sprintf(text, args...)) }
	proved("The log signed a tree that has this as its entry %d: it cannot deny, move or alter it and stand by its signature.", s.Index)
	proved("The %s shown are what was recorded then.", count(len(s.Facts), "fact", "facts"))
	if opt.knowsLog() {
		proved("The key is the one that was asked for.")
	} else {
		notProved("Whose log it is: the key was taken from the receipt itself. Compare it with one that the organisation has published.")
	}
	if n := len(s.Witnesses); n > 0 {
		proved("%s saw the log with this entry in it, at the times above.", count(n, "witness", "witnesses"))
	} else {
		notProved("That anybody but the log has seen it: no cosignature was checked.")
	}
	if len(s.Unchecked) > 0 {
		notProved("Cosignatures in the name of %s: their keys were not given.", quoteAll(s.Unchecked))
	}
	if s.Redacted > 0 {
		notProved("The content of %s.", count(s.Redacted, "field that is not shown", "fields that are not shown"))
	}
	notProved("That what was recorded is true. The time is that of the log's own clock.")
}

// Write writes the summary as text for a person. What the receipt says is
// quoted where it holds anything that a terminal would not show as it is.
func (s *ReceiptSummary) Write(w io.Writer) error {
	var b strings.Builder
	b.WriteString("The receipt holds.\n\n")
	line := func(label, text string, args ...any) {
		fmt.Fprintf(&b, "%-12s%s\n", label, fmt.Sprintf(text, args...))
	}
	line("Log", "%s", s.Origin)
	line("Key", "%s", s.Key)
	line("Recorded", "%s, entry %d of %d", stamp(s.Time), s.Index, s.Tree)
	line("Act", "%s, number %d of its kind, record %s", s.Act, s.Seq, s.Record)
	for _, w := range s.Witnesses {
		line("Witness", "%s, %s", visible(w.Name), stamp(w.Time))
	}
	b.WriteString("\nFacts\n")
	for _, f := range s.Facts {
		fmt.Fprintf(&b, "- %s: %s\n", visible(f.Name), f.text())
	}
	list(&b, "Proved", s.Proved)
	list(&b, "Not proved", s.NotProved)
	_, err := io.WriteString(w, b.String())
	return err
}

// text returns a value for a person: an instant too where the name says that
// it is one.
func (f *Fact) text() string {
	if text, ok := format.Text(f.Value); ok {
		return visible(text)
	}
	var micros int64
	if strings.HasSuffix(f.Name, "_at") && json.Unmarshal(f.Value, &micros) == nil {
		return fmt.Sprintf("%d (%s)", micros, stamp(timeOf(micros)))
	}
	return visible(string(f.Value))
}

// visible returns text in which nothing acts on a terminal.
func visible(text string) string {
	quoted := fmt.Sprintf("%q", text)
	return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
}
