package board

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/ledger"
)

// Board reads.
type Board struct {
	ledger *ledger.Ledger
	roll   *roll
}

// New returns a Board.
func New(l *ledger.Ledger) *Board { return &Board{l, newRoll()} }

// Queue is one page of the queue.
type Queue struct {
	Cases []*intake.Case
	Next  string // After of the next page, "" on the last
	Total int    // cases that the filter picks
}

// Queue returns a page of cases, limit of them at most.
func (b *Board) Queue(ctx context.Context, f Filter, limit int) (*Queue, error) {
	if f.Number != "" { // a number finds its case in whatever state
		cases, err := intake.Cases.Select(ctx, b.ledger, `WHERE r.number = $1`, f.Number)
		return &Queue{Cases: cases, Total: len(cases)}, err
	}
	after, err := f.after()
	if err != nil {
		return nil, err
	}
	if err := b.roll.catchUp(ctx, b.ledger); err != nil {
		return nil, err
	}
	first, total := b.roll.page(f, after, limit+1, b.ledger.Now().UnixMicro())
	q := &Queue{Total: total}
	if len(first) > limit {
		first = first[:limit]
		q.Next = first[limit-1].String()
	}
	q.Cases, err = b.cases(ctx, first)
	return q, err
}

// cases returns cases in the order of their places.
func (b *Board) cases(ctx context.Context, places []cursor) ([]*intake.Case, error) {
	if len(places) == 0 {
		return nil, nil
	}
	list, ids, order := make([]string, len(places)), make([]any, len(places)), make(map[string]int, len(places))
	for i, p := range places {
		list[i], ids[i], order[p.id] = "$"+strconv.Itoa(i+1), p.id, i
	}
	found, err := intake.Cases.Select(ctx, b.ledger, `WHERE r.id IN (`+strings.Join(list, ", ")+`)`, ids...)
	if err != nil {
		return nil, err
	}
	if len(found) != len(places) {
		return nil, fmt.Errorf("read the queue: %d of %d cases are there", len(found), len(places))
	}
	out := make([]*intake.Case, len(found))
	for _, c := range found {
		out[order[c.ID]] = c
	}
	return out, nil
}

// Counts are the numbers beside the queue's views.
type Counts struct {
	Open, Answered, Closed int64 // not set aside
	Overdue                int64
	Unassigned             int64 // open
	Spam, OutOfScope       int64
	Review                 int64 // answers that wait for approval
	Trouble                int64 // answers whose hand-over is unclear or failed
}

// Count returns how many cases each filter picks.
func (b *Board) Count(ctx context.Context, filters ...Filter) ([]int64, error) {
	if err := b.roll.catchUp(ctx, b.ledger); err != nil {
		return nil, err
	}
	return b.roll.count(b.ledger.Now().UnixMicro(), filters...), nil
}

// Counts counts.
func (b *Board) Counts(ctx context.Context) (*Counts, error) {
	n, err := b.Count(ctx, Filter{}, Filter{State: "answered"}, Filter{State: "closed"}, Filter{Overdue: true}, Filter{Assignee: "none"},
		Filter{State: "all", Disposition: "spam"}, Filter{State: "all", Disposition: "out-of-scope"})
	if err != nil {
		return nil, err
	}
	c := &Counts{Open: n[0], Answered: n[1], Closed: n[2], Overdue: n[3], Unassigned: n[4], Spam: n[5], OutOfScope: n[6]}
	_, err = b.ledger.One(ctx, `SELECT COALESCE(SUM(CASE WHEN state = 'in-review' THEN 1 ELSE 0 END), 0),
			COALESCE(SUM(CASE WHEN state IN ('ambiguous', 'failed') THEN 1 ELSE 0 END), 0)
		FROM response WHERE state IN ('in-review', 'ambiguous', 'failed')`, nil, &c.Review, &c.Trouble)
	if err != nil {
		return nil, fmt.Errorf("count answers: %w", err)
	}
	return c, nil
}
