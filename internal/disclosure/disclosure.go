// Package disclosure lets out a part of one case (CC2.3, C1.1): chosen fields of
// its header, communications, answers and decisions, with their proofs, and of
// everything else no more than hashes.
//
// It makes the evidence package of the days in which anything was done on the
// case, redacts that (internal/disclose), checks what is left offline, and
// records who lets what out, for whom and why, as a version of the package's
// own record. Then the file leaves, not before.
package disclosure

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"example.org/countersign/internal/design/phrase"
	"example.org/countersign/internal/disclose"
	"example.org/countersign/internal/evidence"
	"example.org/countersign/internal/evidence/extract"
	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/response"
	"example.org/countersign/verify"
	"example.org/countersign/verify/format"
)

// Desk makes disclosures. It is safe for concurrent use.
type Desk struct {
	ledger    *ledger.Ledger
	intake    *intake.Desk
	responses *response.Desk
	evidence  *evidence.Desk
}

// New returns a Desk.
func New(l *ledger.Ledger, in *intake.Desk, r *response.Desk, ev *evidence.Desk) *Desk {
	return &Desk{l, in, r, ev}
}

// Choice is which fields of an item are shown.
type Choice struct {
	Entry  int64
	Fields []string
}

// Ask is what is to be let out of a case.
type Ask struct {
	To      string // for whom it is
	Reason  string
	Choices []Choice
	WithRaw bool // attached files, and what an anonymous reporter wrote, where chosen
}

// limits of an Ask, in characters.
const (
	maxTo     = 200
	maxReason = 500
)

// check says what is wrong with what was typed.
func (a *Ask) check() error {
	a.To, a.Reason = strings.TrimSpace(phrase.Plain(a.To)), strings.TrimSpace(phrase.Plain(a.Reason))
	switch {
	case a.To == "":
		return fault.New(fault.Invalid, "to: say for whom this is")
	case len([]rune(a.To)) > maxTo:
		return fault.New(fault.Invalid, "to: use at most %d characters", maxTo)
	case a.Reason == "":
		return fault.New(fault.Invalid, "reason: say why they get it")
	case len([]rune(a.Reason)) > maxReason:
		return fault.New(fault.Invalid, "reason: use at most %d characters", maxReason)
	case len(a.Choices) == 0:
		return fault.New(fault.Invalid, "records: choose at least one record to show")
	}
	return nil
}

// Make makes the disclosure and writes it to w once it is recorded: w gets
// nothing where it fails. It fails with a fault.Invalid for a choice that the
// case has not, with a fault.Conflict for one that was changed since somebody
// looked, and as evidence.Build does.
func (d *Desk) Make(ctx context.Context, actor ledger.Actor, idOrNumber string, ask Ask, w io.Writer) (*evidence.Package, error) {
	folder, err := d.Folder(ctx, idOrNumber)
	if err != nil {
		return nil, err
	}
	if err := ask.check(); err != nil {
		return nil, err
	}
	shown, err := d.resolve(ctx, folder, &ask)
	if err != nil {
		return nil, err
	}
	whole, err := extract.NewSpool()
	if err != nil {
		return nil, err
	}
	defer whole.Close()
	made, err := d.evidence.Build(ctx, actor, folder.period(), evidence.BuildOptions{WithRaw: ask.WithRaw}, whole, nil)
	if err != nil {
		return nil, err
	}
	less, err := extract.NewSpool()
	if err != nil {
		return nil, err
	}
	defer less.Close()
	sum := sha256.New()
	file, err := reduce(ctx, whole, shown, less, sum)
	if err != nil {
		return nil, err
	}
	p := made.Package
	p.Disclosed = &disclose.Disclosure{Case: folder.Case.Number, To: ask.To, Reason: ask.Reason, WithRaw: ask.WithRaw, Shown: shown,
		SHA256: hex.EncodeToString(sum.Sum(nil)), Bytes: file.Size()}
	err = d.ledger.Write(ctx, actor, func(_ context.Context, tx *ledger.Tx) error {
		return evidence.Packages.Put(tx, p, ledger.Do("disclosed", "CC2.3", "C1.1"))
	})
	if err != nil {
		return nil, err
	}
	if _, err := io.Copy(w, file); err != nil {
		return nil, fmt.Errorf("write the disclosure: %w", err)
	}
	return p, nil
}

// reduce makes of a whole package one that shows less, and checks it. The hash
// of the file goes to sum.
func reduce(ctx context.Context, whole *extract.Spool, shown []disclose.Shown, less *extract.Spool, sum io.Writer) (*io.SectionReader, error) {
	s := disclose.Selection{Bare: true}
	for _, x := range shown {
		for _, field := range x.Fields {
			one, err := disclose.ParseSelector(strconv.FormatInt(x.Entry, 10) + ":" + field)
			if err != nil {
				return nil, err
			}
			s.Show = append(s.Show, one)
		}
	}
	file, err := whole.Reader()
	if err != nil {
		return nil, err
	}
	from, err := verify.Read(ctx, file, file.Size(), verify.Options{})
	if err != nil {
		return nil, fmt.Errorf("read the package: %w", err)
	}
	if _, err := disclose.Make(ctx, from, s, io.MultiWriter(less, sum)); err != nil {
		return nil, err
	}
	if file, err = less.Reader(); err != nil {
		return nil, err
	}
	held, err := verify.Read(ctx, file, file.Size(), verify.Options{Key: from.Summary.Key})
	if err != nil {
		return nil, fmt.Errorf("the disclosure does not hold: %w", err)
	}
	if held.Summary.Tree != from.Summary.Tree {
		return nil, fmt.Errorf("the disclosure speaks of %d entries, the package of %d", held.Summary.Tree, from.Summary.Tree)
	}
	return file, nil
}

// resolve finds what was chosen in the folder.
func (d *Desk) resolve(ctx context.Context, f *Folder, ask *Ask) ([]disclose.Shown, error) {
	fields := map[int64][]string{}
	for _, c := range ask.Choices {
		x := f.item(c.Entry)
		if x == nil {
			return nil, d.unknown(ctx, f, c.Entry)
		}
		if len(c.Fields) == 0 {
			return nil, fault.New(fault.Invalid, "fields: name at least one field of %s", x)
		}
		for _, name := range c.Fields {
			y := x.field(name)
			switch {
			case y == nil:
				return nil, x.lacks(name)
			case y.Raw && !ask.WithRaw:
				return nil, fault.New(fault.Invalid, "fields: %s of %s is an anonymous reporter's, and leaves only with raw content", name, x)
			}
			fields[x.Entry] = append(fields[x.Entry], y.sealed)
		}
		for _, y := range x.Fields {
			if y.Always && (!y.Raw || ask.WithRaw) {
				fields[x.Entry] = append(fields[x.Entry], y.sealed)
			}
		}
	}
	var shown []disclose.Shown
	for entry, names := range fields {
		slices.Sort(names)
		shown = append(shown, disclose.Shown{Entry: entry, Fields: slices.Compact(names)})
	}
	slices.SortFunc(shown, func(a, b disclose.Shown) int { return int(a.Entry - b.Entry) })
	return shown, nil
}

// String names an item to whoever chose it.
func (x *Item) String() string {
	if x.Kind == Header {
		return fmt.Sprintf("the case's header (entry %d)", x.Entry)
	}
	return fmt.Sprintf("%s %d (entry %d)", x.Kind, x.Seq, x.Entry)
}

// unknown says why an entry is not among what can be chosen.
func (d *Desk) unknown(ctx context.Context, f *Folder, entry int64) error {
	stale := false
	if head, err := d.ledger.Checkpoint(ctx); err != nil {
		return err
	} else if entry >= 0 && entry < head.Size {
		err := d.ledger.Entries(ctx, entry, entry+1, func(_ int64, body, _ []byte) error {
			e, err := format.ParseEntry(body)
			stale = err == nil && slices.ContainsFunc(f.Items, func(x *Item) bool { return x.Record == e.Record })
			return err
		})
		if err != nil {
			return err
		}
	}
	if stale {
		return fault.New(fault.Conflict, "entry %d is not what its record says any more; look at case %s again", entry, f.Case.Number)
	}
	return fault.New(fault.Invalid, "records: nothing in case %s is entry %d", f.Case.Number, entry)
}

// lacks says that an item has not the field of that name, and why that may be.
func (x *Item) lacks(name string) error {
	var names []string
	for _, y := range x.Fields {
		names = append(names, y.Name)
	}
	erased := ""
	for _, e := range x.Erased {
		erased += fmt.Sprintf(" Some of it (%s) was erased under %s.", e.Part, strings.TrimSuffix(e.Basis, "."))
	}
	return fault.New(fault.Invalid, "fields: %s has no field %q to show; it has %s.%s", x, phrase.Plain(name), strings.Join(names, ", "), erased)
}
