package board

import (
	"context"
	"fmt"
	"strings"

	"example.org/countersign/internal/db"
	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/ledger"
)

// Board reads.
type Board struct{ ledger *ledger.Ledger }

// New returns a Board.
func New(l *ledger.Ledger) *Board { return &Board{l} }

const (
	far   = int64(1) << 62 // stands for "no clock" in the order by due time
	grave = int64(1) << 52 // one rank of severity, more than any time of receipt
)

// orders are the keys by which each order ascends; ids settle what is equal.
// The expressions are those of the indexes in 0011_board.sql.
var orders = map[Sort]string{
	ByDue:      fmt.Sprintf("(CASE WHEN r.due_at = 0 THEN %d ELSE r.due_at END)", far),
	ByNewest:   "(-r.received_at)",
	BySeverity: fmt.Sprintf("(r.received_at - r.rank * %d)", grave),
}

// Queue is one page of the queue.
type Queue struct {
	Cases []*intake.Case
	Next  string // After of the next page, "" on the last
	Total int    // cases that the filter picks, counted up to MaxTotal
}

// MaxTotal is how far Queue counts: nobody reads ten thousand rows, and
// counting a million is not free.
const MaxTotal = 10_000

// Queue returns a page of cases.
func (b *Board) Queue(ctx context.Context, f Filter, limit int) (*Queue, error) {
	where, args := b.where(f)
	q := &Queue{}
	if _, err := b.ledger.One(ctx, fmt.Sprintf(`SELECT COUNT(*) FROM (SELECT 1 FROM casefile r%s LIMIT %d) picked`, where, MaxTotal), args, &q.Total); err != nil {
		return nil, fmt.Errorf("count the queue: %w", err)
	}
	order, ok := orders[f.Sort]
	if !ok {
		order = orders[ByDue]
	}
	after, err := f.after()
	if err != nil {
		return nil, err
	}
	if after != nil {
		n := len(args)
		where += fmt.Sprintf(` AND (%s, r.id) > ($%d, $%d)`, order, n+1, n+2)
		args = append(args, after.key, after.id)
	}
	q.Cases, err = intake.Cases.Select(ctx, b.ledger,
		fmt.Sprintf(`%s ORDER BY %s, r.id LIMIT %d`, where, order, limit+1), args...)
	if err != nil {
		return nil, err
	}
	if len(q.Cases) > limit {
		q.Cases = q.Cases[:limit]
		q.Next = place(f.Sort, q.Cases[limit-1]).String()
	}
	return q, nil
}

// place returns where a case stands in an order.
func place(s Sort, c *intake.Case) cursor {
	switch {
	case s == ByNewest:
		return cursor{-c.ReceivedAt, c.ID}
	case s == BySeverity:
		return cursor{c.ReceivedAt - int64(c.Severity.Rank())*grave, c.ID}
	case c.DueAt == 0:
		return cursor{far, c.ID}
	}
	return cursor{c.DueAt, c.ID}
}

// where turns a filter into a condition.
func (b *Board) where(f Filter) (string, []any) {
	var all []string
	var args []any
	is := func(column, value string) {
		args = append(args, value)
		all = append(all, fmt.Sprintf("r.%s = $%d", column, len(args)))
	}
	one := func(column, value string) {
		switch value {
		case "":
		case "none":
			is(column, "")
		default:
			is(column, value)
		}
	}
	switch {
	case f.Number != "": // a number finds its case in whatever state
		is("number", f.Number)
		return " WHERE " + all[0], args
	case f.State == "":
		is("state", string(intake.Open))
	case f.State != "all":
		is("state", f.State)
	}
	if f.Disposition != "any" {
		is("disposition", f.Disposition)
	}
	one("category", f.Category)
	one("severity", f.Severity)
	one("assignee", f.Assignee)
	one("channel", f.Channel)
	one("waiting", f.Waiting)
	if f.Overdue {
		args = append(args, b.ledger.Now().UnixMicro())
		all = append(all, fmt.Sprintf("r.due_at > 0 AND r.due_at < $%d AND r.first_response_at = 0", len(args)))
	}
	if len(all) == 0 {
		all = []string{"1 = 1"}
	}
	return " WHERE " + strings.Join(all, " AND "), args
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

// Counts counts.
func (b *Board) Counts(ctx context.Context) (*Counts, error) {
	c := &Counts{}
	now := b.ledger.Now().UnixMicro()
	err := b.ledger.Each(ctx, func(scan db.Scan) error {
		var state, disposition string
		var n, late, free int64
		if err := scan(&state, &disposition, &n, &late, &free); err != nil {
			return err
		}
		switch {
		case disposition == "spam":
			c.Spam += n
		case disposition != "":
			c.OutOfScope += n
		case state == string(intake.Open):
			c.Open, c.Overdue, c.Unassigned = n, c.Overdue+late, free
		case state == string(intake.Answered):
			c.Answered = n
		case state == string(intake.Closed):
			c.Closed = n
		}
		return nil
	}, `SELECT state, disposition, COUNT(*),
			SUM(CASE WHEN due_at > 0 AND due_at < $1 AND first_response_at = 0 THEN 1 ELSE 0 END),
			SUM(CASE WHEN assignee = '' THEN 1 ELSE 0 END)
		FROM casefile GROUP BY state, disposition`, now)
	if err != nil {
		return nil, fmt.Errorf("count cases: %w", err)
	}
	_, err = b.ledger.One(ctx, `SELECT COALESCE(SUM(CASE WHEN state = 'in-review' THEN 1 ELSE 0 END), 0),
			COALESCE(SUM(CASE WHEN state IN ('ambiguous', 'failed') THEN 1 ELSE 0 END), 0)
		FROM response WHERE state IN ('in-review', 'ambiguous', 'failed')`, nil, &c.Review, &c.Trouble)
	if err != nil {
		return nil, fmt.Errorf("count answers: %w", err)
	}
	return c, nil
}
