package disclosure

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"example.org/countersign/internal/disclose"
	"example.org/countersign/internal/evidence"
	"example.org/countersign/internal/evidence/extract"
	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/response"
)

// Most is how many items a case may have to be chosen from. Whoever needs more
// makes the package of the period and redacts that.
const Most = 300

// Kind is a sort of item.
type Kind string

// The kinds, in the order in which they are shown.
const (
	Header        Kind = "case"
	Communication Kind = "communication"
	Response      Kind = "response"
	Decision      Kind = "decision" // somebody's yes or no to a response
)

// Kinds are all kinds in their order.
var Kinds = []Kind{Header, Communication, Response, Decision}

// Folder is what of a case can be shown.
type Folder struct {
	Case  *intake.Case
	Items []*Item // by kind, then by number within the case, then by entry

	opened int64 // when the case was, Unix microseconds
}

// Item is what a record of the case says now, or a decision said.
type Item struct {
	Kind   Kind
	Entry  int64  // by which it is chosen
	Record string // id
	Act    string // of the entry
	Actor  string // id
	Role   string
	At     time.Time
	Seq    int // within the case, 0 for its header
	Fields []Field
	Erased []intake.Erasure // what it has no longer

	Message *intake.Communication // of a communication
	Answer  *response.Response    // of a response or decision
}

// Field is a field of an item.
type Field struct {
	Name   string
	Unit   string // identity, content, files, trace; "" for the bare facts
	Raw    bool   // an anonymous reporter's: shown only with raw content
	Always bool   // shown with the item whatever is chosen

	sealed string // its name in the document
}

// withheld are fields that would open what is not shown: hashes of whole
// messages, and the salt of one of the whole answer.
var withheld = map[string]bool{"communication raw_blob": true, "communication raw_sha256": true, "communication raw_size": true, "response content_salt": true}

// decisive are the fields of an answer that belong to a decision on it. The
// others are those of the answer as it was then.
var decisive = map[string]bool{"number": true, "seq": true, "state": true, "content_hash": true, "authors": true, "approvals": true, "declines": true,
	"quorum": true, "roles": true, "rule": true, "exception": true, "rounds": true, "submitted_at": true, "approved_at": true}

// Folder returns what of a case, by id or number, can be shown.
func (d *Desk) Folder(ctx context.Context, idOrNumber string) (*Folder, error) {
	c, err := d.intake.Case(ctx, idOrNumber)
	if err != nil {
		return nil, err
	}
	if c.Communications >= Most {
		return nil, tooMany(c.Number, c.Communications)
	}
	history, err := intake.Cases.History(ctx, d.ledger, c.ID)
	if err != nil {
		return nil, err
	}
	f := &Folder{Case: c, opened: history[0].Entry.Time, Items: []*Item{{Kind: Header, Entry: c.Entry, Erased: c.Erasures}}}
	messages, err := d.intake.Communications(ctx, c.ID)
	if err != nil {
		return nil, err
	}
	for _, m := range messages {
		f.Items = append(f.Items, &Item{Kind: Communication, Entry: m.Entry, Seq: m.Seq, Erased: m.Erasures, Message: m})
	}
	if err := d.answers(ctx, f); err != nil {
		return nil, err
	}
	if len(f.Items) > Most {
		return nil, tooMany(c.Number, len(f.Items))
	}
	for _, x := range f.Items {
		if err := d.read(ctx, c, x); err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(f.Items, func(a, b *Item) int {
		return cmp.Or(cmp.Compare(slices.Index(Kinds, a.Kind), slices.Index(Kinds, b.Kind)), cmp.Compare(a.Seq, b.Seq), cmp.Compare(a.Entry, b.Entry))
	})
	return f, nil
}

func tooMany(number string, n int) error {
	return fault.New(fault.Conflict, "case %s has %d records and more, and at most %d can be chosen from at once; make the package of its period and use countersign disclose", number, n, Most)
}

// answers adds the answers to the case, and who decided what on them.
func (d *Desk) answers(ctx context.Context, f *Folder) error {
	all, err := d.responses.ForCase(ctx, f.Case.ID)
	if err != nil {
		return err
	}
	for _, r := range all {
		f.Items = append(f.Items, &Item{Kind: Response, Entry: r.Entry, Seq: r.Seq, Erased: r.Erasures, Answer: r})
		versions, err := d.responses.History(ctx, r.ID)
		if err != nil {
			return err
		}
		for _, v := range versions {
			if extract.IsDecision(v.Entry.Act) {
				f.Items = append(f.Items, &Item{Kind: Decision, Entry: v.Index, Seq: r.Seq, Erased: r.Erasures, Answer: v.Doc})
			}
		}
	}
	return nil
}

// read fills an item from its entry.
func (d *Desk) read(ctx context.Context, c *intake.Case, x *Item) error {
	p, err := extract.PreviewOf(ctx, d.ledger, x.Entry, c.ID, c.Anonymous)
	if err != nil {
		return err
	}
	e := p.Entry
	x.Record, x.Act, x.Actor, x.Role, x.At = strings.Clone(e.Record), strings.Clone(e.Act), strings.Clone(e.Actor), strings.Clone(e.Role), time.UnixMicro(e.Time).UTC()
	for _, f := range p.Fields {
		if withheld[e.Kind()+" "+f.Name] || x.Kind == Decision && !decisive[f.Name] {
			continue
		}
		name := f.Name
		if name == "text_blob" { // a text too long for the document
			name = "text"
		}
		always := f.Name == "number" || f.Name == "seq" || disclose.Needed(e.Kind(), f.Name)
		x.Fields = append(x.Fields, Field{name, f.Unit, f.Raw, always, f.Name})
	}
	return nil
}

// period is the days in UTC in which anything was done on the case.
func (f *Folder) period() evidence.Period {
	last := f.opened
	for _, x := range f.Items {
		last = max(last, x.At.UnixMicro())
	}
	day := 24 * time.Hour
	return evidence.Period{From: time.UnixMicro(f.opened).UTC().Truncate(day), To: time.UnixMicro(last).UTC().Truncate(day).Add(day)}
}

func (f *Folder) item(entry int64) *Item {
	for _, x := range f.Items {
		if x.Entry == entry {
			return x
		}
	}
	return nil
}

// field returns a field of an item, nil where it has none.
func (x *Item) field(name string) *Field {
	for i := range x.Fields {
		if x.Fields[i].Name == name || x.Fields[i].sealed == name {
			return &x.Fields[i]
		}
	}
	return nil
}

// Has reports whether the item has a field of that name.
func (x *Item) Has(name string) bool { return x.field(name) != nil }
