package board

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"

	"example.org/countersign/internal/db"
	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/rules"
)

// roll is one line for every case, in memory: what filters and orders look at.
// Any filter in any order, and every count, is one pass over it, which an index
// for each in the database could not give, and no receipt of a message pays for.
// It takes some 15 MB for 100,000 cases.
//
// It follows the database by entries: a row changes only under an entry later
// than all before, on whatever node, so what is past the newest entry seen is
// all that is new.
type roll struct {
	mu    sync.RWMutex
	lines []line
	at    map[string]int // index in lines of each case
	words map[string]word
	seen  int64 // newest entry among lines

	stride int // rows that one query reads, so that it is never a long one
}

func newRoll() *roll {
	return &roll{at: map[string]int{}, words: map[string]word{"": 0}, seen: -1, stride: 10_000}
}

// line is a case.
type line struct {
	id            string
	received, due int64 // as in intake.Case
	columns       [columns]word
	rank          int8
	answered      bool
}

// word stands for a value of a column; 0 is "".
type word int32

// The columns that filters compare.
const (
	state = iota
	disposition
	category
	severity
	assignee
	channel
	waiting
	columns
)

// catchUp reads what is new.
func (r *roll) catchUp(ctx context.Context, q db.Querier) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for n := r.stride; n == r.stride; {
		n = 0
		err := q.Each(ctx, func(scan db.Scan) error {
			n++
			return r.take(scan)
		}, `SELECT id, entry, state, disposition, category, severity, assignee, channel, waiting, received_at, due_at, first_response_at
			FROM casefile WHERE entry > $1 ORDER BY entry LIMIT $2`, r.seen, r.stride)
		if err != nil {
			return fmt.Errorf("read the queue: %w", err)
		}
	}
	return nil
}

// take puts a row into its line.
func (r *roll) take(scan db.Scan) error {
	var l line
	var entry, answered int64
	var text [columns]string
	if err := scan(&l.id, &entry, &text[state], &text[disposition], &text[category], &text[severity], &text[assignee], &text[channel], &text[waiting],
		&l.received, &l.due, &answered); err != nil {
		return err
	}
	for i, s := range text {
		w, ok := r.words[s]
		if !ok {
			w = word(len(r.words))
			r.words[s] = w
		}
		l.columns[i] = w
	}
	l.rank, l.answered = int8(rules.Severity(text[severity]).Rank()), answered != 0
	if i, ok := r.at[l.id]; ok {
		r.lines[i] = l
	} else {
		r.at[l.id] = len(r.lines)
		r.lines = append(r.lines, l)
	}
	r.seen = entry
	return nil
}

// picks returns the condition that a filter is.
func (r *roll) picks(f Filter, now int64) func(*line) bool {
	type want struct {
		column int
		word   word
	}
	var wants []want
	is := func(column int, value string) {
		w, ok := r.words[value]
		if !ok {
			w = -1 // no case has it
		}
		wants = append(wants, want{column, w})
	}
	if f.State != "all" {
		is(state, cmp.Or(f.State, string(intake.Open)))
	}
	if f.Disposition != "any" {
		is(disposition, f.Disposition)
	}
	for column, value := range map[int]string{category: f.Category, severity: f.Severity, assignee: f.Assignee, channel: f.Channel, waiting: f.Waiting} {
		switch value {
		case "":
		case "none":
			is(column, "")
		default:
			is(column, value)
		}
	}
	return func(l *line) bool {
		for _, w := range wants {
			if l.columns[w.column] != w.word {
				return false
			}
		}
		return !f.Overdue || l.late(now)
	}
}

// late reports whether the first response is overdue.
func (l *line) late(now int64) bool { return l.due > 0 && l.due < now && !l.answered }

// key is by what each order ascends; ids settle what is equal.
func (l *line) key(s Sort) int64 {
	switch {
	case s == ByNewest:
		return -l.received
	case s == BySeverity:
		return l.received - int64(l.rank)*grave
	case l.due == 0:
		return far
	}
	return l.due
}

const (
	far   = int64(1) << 62 // stands for "no clock" in the order by due time
	grave = int64(1) << 52 // one rank of severity, more than any time of receipt
)

// page returns where the first n cases stand that a filter picks after a place,
// in its order, and how many it picks in all.
func (r *roll) page(f Filter, after *cursor, n int, now int64) (first []cursor, total int) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	picks := r.picks(f, now)
	full := func() { // keeps the first n of what was found so far
		slices.SortFunc(first, cursor.compare)
		first = first[:min(n, len(first))]
	}
	bound := cursor{key: 1<<63 - 1} // nothing past it is among the first n
	for i := range r.lines {
		if f.Sort == ByNewest { // most lines are in the order of receipt
			i = len(r.lines) - 1 - i
		}
		l := &r.lines[i]
		if !picks(l) {
			continue
		}
		total++
		c := cursor{l.key(f.Sort), l.id}
		if c.key > bound.key || after != nil && c.compare(*after) <= 0 {
			continue
		}
		if first = append(first, c); len(first) == 2*n {
			full()
			bound = first[n-1]
		}
	}
	full()
	return first, total
}

// count returns how many cases each filter picks.
func (r *roll) count(now int64, filters ...Filter) []int64 {
	r.mu.RLock()
	defer r.mu.RUnlock()
	picks := make([]func(*line) bool, len(filters))
	for i, f := range filters {
		picks[i] = r.picks(f, now)
	}
	out := make([]int64, len(filters))
	for i := range r.lines {
		for j, p := range picks {
			if p(&r.lines[i]) {
				out[j]++
			}
		}
	}
	return out
}
