// Package board reads across concepts for lists and timelines. It changes
// nothing.
package board

import (
	"cmp"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/id"
)

// Sort is an order of the queue.
type Sort string

// The orders.
const (
	ByDue      Sort = "due"      // what is due first; without a clock last
	ByNewest   Sort = "newest"   // received last first
	BySeverity Sort = "severity" // the gravest first, in it the oldest first
)

// Filter picks cases of the queue. It is the query of the page's URL, so that
// a view can be kept and sent to somebody. Empty fields pick all; the zero
// Filter is everything that is open and not set aside, by due time.
type Filter struct {
	State       string // open, answered, closed, all; open where empty
	Disposition string // spam, out-of-scope, any; "" picks what is not set aside
	Category    string // "none": not classified
	Severity    string // "none": not assessed
	Assignee    string // id of a person; "none"
	Channel     string // id
	Waiting     string // us, them
	Overdue     bool
	Number      string // a tracking number
	Sort        Sort
	After       string // where the page before ended
}

var (
	states       = []string{"", "open", "answered", "closed", "all"}
	dispositions = []string{"", "spam", "out-of-scope", "any"}
	severities   = []string{"", "none", "low", "moderate", "high", "critical"}
	waits        = []string{"", "us", "them"}
	sorts        = []string{"", string(ByDue), string(ByNewest), string(BySeverity)}
)

// ParseFilter reads a filter from the query of a URL. Words that it does not
// know are Invalid, rather than ignored: a list that shows something else than
// asked for is worse than none.
func ParseFilter(q url.Values) (Filter, error) {
	f := Filter{State: q.Get("state"), Disposition: q.Get("disposition"), Category: q.Get("category"), Severity: q.Get("severity"),
		Assignee: q.Get("assignee"), Channel: q.Get("channel"), Waiting: q.Get("waiting"),
		Overdue: q.Get("overdue") != "", Number: strings.TrimSpace(q.Get("number")), Sort: Sort(q.Get("sort")), After: q.Get("after")}
	for _, check := range []struct {
		name, value string
		known       []string
	}{
		{"state", f.State, states}, {"disposition", f.Disposition, dispositions}, {"severity", f.Severity, severities},
		{"waiting", f.Waiting, waits}, {"sort", string(f.Sort), sorts},
	} {
		if !slices.Contains(check.known, check.value) {
			return f, fault.New(fault.Invalid, "%s cannot be %q; it is one of %s", check.name, check.value, strings.Join(check.known[1:], ", "))
		}
	}
	if f.Number != "" {
		number, ok := id.FindNumber(f.Number)
		if !ok {
			return f, fault.New(fault.Invalid, "%q is not a tracking number; they look like C-2026-000123", f.Number)
		}
		f.Number = number
	}
	if _, err := f.after(); err != nil {
		return f, err
	}
	return f, nil
}

// Values returns the query that ParseFilter reads as f.
func (f Filter) Values() url.Values {
	q := url.Values{}
	for name, v := range map[string]string{"state": f.State, "disposition": f.Disposition, "category": f.Category, "severity": f.Severity,
		"assignee": f.Assignee, "channel": f.Channel, "waiting": f.Waiting, "number": f.Number, "sort": string(f.Sort), "after": f.After} {
		if v != "" {
			q.Set(name, v)
		}
	}
	if f.Overdue {
		q.Set("overdue", "1")
	}
	return q
}

// cursor is the place of a case in an order.
type cursor struct {
	key int64
	id  string
}

func (c cursor) String() string { return strconv.FormatInt(c.key, 10) + "." + c.id }

func (c cursor) compare(o cursor) int {
	return cmp.Or(cmp.Compare(c.key, o.key), cmp.Compare(c.id, o.id))
}

func (f Filter) after() (*cursor, error) {
	if f.After == "" {
		return nil, nil
	}
	key, rest, _ := strings.Cut(f.After, ".")
	if n, err := strconv.ParseInt(key, 10, 64); err == nil && id.Valid(rest) {
		return &cursor{n, rest}, nil
	}
	return nil, fault.New(fault.Invalid, "this page of the list does not exist; go back to its beginning")
}
