package extract

import (
	"context"
	"fmt"

	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/verify/format"
)

// Preview is what packages show of one entry's document.
type Preview struct {
	Entry  format.Entry
	Fields []PreviewField // in the order of their names, without those that never leave
}

// PreviewField is a field that a package shows.
type PreviewField struct {
	Name string
	Unit string // "" for what is under no key of its own
	Raw  bool   // only a package with raw content shows it
}

// PreviewOf draws the curtain over the document of an entry, as a package made
// now would. Its record belongs to the case; anonymous says how that began.
func PreviewOf(ctx context.Context, l *ledger.Ledger, index int64, casefile string, anonymous bool) (*Preview, error) {
	x := &Disclosed{Index: index}
	var err error
	x.Entry, x.Doc, err = l.Document(ctx, index, func(_, unit, _ string) bool {
		x.units = append(x.units, unit)
		return true
	})
	if err != nil {
		return nil, err
	}
	if x.Entry.Kind() == KindCommunication {
		x.Message = &intake.Communication{}
		if err := Decode(x.Doc, x.Message); err != nil {
			return nil, fmt.Errorf("communication %s: %w", x.Entry.Record, err)
		}
	}
	p := &Preview{Entry: x.Entry}
	at := map[string]int{} // of each field that a package with raw content shows
	for _, open := range []bool{true, false} {
		c := &Curtain{open: open, anonymous: map[string]bool{casefile: anonymous}}
		if err := c.draw(ctx, x); err != nil {
			return nil, err
		}
		for i, f := range x.Doc.Fields {
			switch {
			case f.Redacted:
			case open:
				at[f.Name] = len(p.Fields)
				p.Fields = append(p.Fields, PreviewField{f.Name, x.units[i], true})
			default:
				p.Fields[at[f.Name]].Raw = false
			}
		}
	}
	return p, nil
}
