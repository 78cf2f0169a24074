package evidence

import (
	"context"
	"fmt"
	"strings"
	"time"

	"example.org/countersign/internal/channel/accepted"
	"example.org/countersign/internal/design/phrase"
	"example.org/countersign/internal/paper"
)

// SourceCount compares what a door has answered for in the period with what is
// in the record.
type SourceCount struct {
	Source    string
	Since     time.Time // of the door's count: what came before was not counted
	Accepted  int64     // messages that the door answered for
	Recorded  int64     // of them, those that became a record
	Repeated  int64     // of them, those that were there already
	Spooled   int64     // of them, those that were kept to be recorded later
	Missing   []string  // ids of records that the door has counted and that are not there
	Uncounted int64     // records that the door has not counted
}

// late is how long after its arrival a spooled message is looked for.
const late = 31 * 24 * time.Hour

// reconcile compares the record with the counter of the SMTP door, where there
// is one. The counter is not sealed: it shows what was forgotten, and what was
// removed by somebody who forgot the counter.
func (b *builder) reconcile(ctx context.Context) error {
	read, p := b.desk.opt.Accepted, b.survey.Period
	if read == nil {
		return nil
	}
	there, err := received(ctx, b.desk.ledger, p.From.Add(-late), p.To)
	if err != nil {
		return err
	}
	c := SourceCount{Source: "SMTP"}
	counted := map[string]bool{}
	if err := read(func(x accepted.Line) error {
		if c.Since.IsZero() {
			c.Since = x.At
		}
		counted[x.Record] = true
		if x.At.Before(p.From) || !x.At.Before(p.To) {
			return nil
		}
		switch {
		case x.Record == "":
			c.Spooled++
		case there[x.Record].IsZero():
			c.Missing = append(c.Missing, x.Record)
		case x.Repeated:
			c.Repeated++
		default:
			c.Recorded++
		}
		if !x.Unspooled {
			c.Accepted++
		}
		return nil
	}); err != nil {
		return fmt.Errorf("count of the mail door: %w", err)
	}
	for id, at := range there {
		if !c.Since.IsZero() && !counted[id] && !at.Before(p.From) && at.Before(p.To) && at.After(c.Since) {
			c.Uncounted++
		}
	}
	b.counts = append(b.counts, c)
	return nil
}

// sources lays the comparison out.
func (b *builder) sources() []paper.Block {
	g := &paper.Grid{Caption: "What the doors answered for in the period, and the record", Empty: "No door of this installation keeps a count.", Columns: []paper.Column{
		paper.Plain.Of("Door", 2), paper.Plain.Of("Counted since", 2), paper.Amount.Of("Answered for", 1), paper.Amount.Of("Recorded", 1),
		paper.Amount.Of("Repeated", 1), paper.Amount.Of("Spooled", 1), paper.Amount.Of("Missing", 1), paper.Amount.Of("Not counted", 1)}}
	blocks := []paper.Block{
		{Text: "The package is complete against the log: nothing that was recorded in the period is left out. Whether all that reached the organisation was recorded no log can prove. Where a door counts what it has answered for, in a file of its own that is not sealed, the two are compared here; what came by other ways, and mail that was never handed to that door, is not in its count."},
		{Grid: g},
	}
	for _, c := range b.counts {
		since := "nothing yet"
		if !c.Since.IsZero() {
			since = c.Since.UTC().Format("2006-01-02 15:04")
		}
		g.Rows = append(g.Rows, []string{c.Source, since, phrase.Number(c.Accepted), phrase.Number(c.Recorded), phrase.Number(c.Repeated),
			phrase.Number(c.Spooled), phrase.Number(int64(len(c.Missing))), phrase.Number(c.Uncounted)})
		if len(c.Missing) > 0 {
			blocks = append(blocks, paper.Block{Text: "Counted by the door " + c.Source + " and not in the record, by their ids: " + strings.Join(c.Missing[:min(len(c.Missing), 100)], ", ") + "."})
		}
	}
	return blocks
}
