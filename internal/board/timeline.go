package board

import (
	"cmp"
	"context"
	"slices"
	"time"

	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/response"
	"example.org/countersign/verify/format"
)

// Event is one act on a case: an entry and what the record said from then on.
// One of Case, Communication and Response is set; Before is the version that it
// replaced, nil for a new record.
type Event struct {
	Index         int64
	Entry         format.Entry
	Case          *intake.Case
	CaseBefore    *intake.Case
	Communication *intake.Communication
	Response      *response.Response
	Before        *response.Response
}

// At returns when it was done.
func (e *Event) At() time.Time { return time.UnixMicro(e.Entry.Time).UTC() }

// Timeline returns every act on a case, the newest first.
func (b *Board) Timeline(ctx context.Context, caseID string) ([]Event, error) {
	var out []Event
	cases, err := intake.Cases.History(ctx, b.ledger, caseID)
	if err != nil {
		return nil, err
	}
	for i, v := range cases {
		e := Event{Index: v.Index, Entry: v.Entry, Case: v.Doc}
		if i > 0 {
			e.CaseBefore = cases[i-1].Doc
		}
		out = append(out, e)
	}
	messages, err := children(ctx, b.ledger, intake.Communications, caseID)
	if err != nil {
		return nil, err
	}
	for _, v := range messages {
		out = append(out, Event{Index: v.Index, Entry: v.Entry, Communication: v.Doc})
	}
	answers, err := children(ctx, b.ledger, response.Responses, caseID)
	if err != nil {
		return nil, err
	}
	before := map[string]*response.Response{}
	for _, v := range answers {
		out = append(out, Event{Index: v.Index, Entry: v.Entry, Response: v.Doc, Before: before[v.Doc.ID]})
		before[v.Doc.ID] = v.Doc
	}
	slices.SortFunc(out, func(a, b Event) int { return cmp.Compare(b.Index, a.Index) })
	return out, nil
}

// history is the part of a record kind that children needs.
type history[P any] interface {
	Select(ctx context.Context, s ledger.Source, tail string, args ...any) ([]P, error)
	History(ctx context.Context, s ledger.Source, id string) ([]ledger.Version[P], error)
}

// identified is a record.
type identified interface{ RecordID() string }

// children returns every version of the records that belong to a case.
func children[P identified](ctx context.Context, l *ledger.Ledger, kind history[P], caseID string) ([]ledger.Version[P], error) {
	all, err := kind.Select(ctx, l, `WHERE r.casefile = $1 ORDER BY r.seq`, caseID)
	if err != nil {
		return nil, err
	}
	var out []ledger.Version[P]
	for _, doc := range all {
		versions, err := kind.History(ctx, l, doc.RecordID())
		if err != nil {
			return nil, err
		}
		out = append(out, versions...)
	}
	return out, nil
}

// Entry is one act in the ledger, as the page of the log shows it.
type Entry struct {
	Index int64
	format.Entry
}

// Entries returns the newest entries before an index, the newest first; a
// negative index is the end of the log.
func (b *Board) Entries(ctx context.Context, before int64, limit int) ([]Entry, error) {
	if before < 0 {
		cp, err := b.ledger.Checkpoint(ctx)
		if err != nil {
			return nil, err
		}
		before = cp.Size
	}
	var out []Entry
	err := b.ledger.Entries(ctx, max(0, before-int64(limit)), before, func(index int64, entry, _ []byte) error {
		e, err := format.ParseEntry(entry)
		out = append(out, Entry{index, e})
		return err
	})
	slices.Reverse(out)
	return out, err
}
