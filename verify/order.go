package verify

import (
	"fmt"
	"slices"
	"strings"

	"example.org/countersign/verify/format"
)

// Kind is how many entries of the range are of one record kind.
type Kind struct {
	Name    string
	Entries int64

	seq int64 // of the last entry
}

// maxKinds is far more than the record kinds of the product.
const maxKinds = 1000

// order checks what holds from one entry of a log to the next.
type order struct {
	fromStart bool // the first entry is that of the log
	kinds     map[string]*Kind
	first     int64 // time of the first entry
	last      int64 // time of the last entry
	count     int64
}

func (o *order) next(e *format.Entry) error {
	if o.count == 0 {
		o.first = e.Time
	}
	if e.Time < o.last {
		return fmt.Errorf("record %s: its time is before that of the entry before", e.Record)
	}
	o.last = e.Time
	o.count++
	kind := o.kinds[e.Kind()]
	if kind == nil {
		if len(o.kinds) == maxKinds {
			return fmt.Errorf("there are more than %d record kinds", maxKinds)
		}
		kind = &Kind{Name: strings.Clone(e.Kind()), seq: e.Seq - 1}
		if o.fromStart {
			kind.seq = 0
		}
		o.kinds[kind.Name] = kind
	}
	if e.Seq != kind.seq+1 {
		return fmt.Errorf("record %s: it has the number %d of kind %s, where %d follows", e.Record, e.Seq, kind.Name, kind.seq+1)
	}
	kind.seq++
	kind.Entries++
	return nil
}

// conclude keeps what the summary and the rules need.
func (o *order) conclude(c *checker) error {
	if o.count > 0 && o.last > c.summary.Sealed.UnixMicro() {
		return failf(format.FileEntries, c.span.First+o.count-1, "its time is after that of the seal")
	}
	for _, kind := range o.kinds {
		c.summary.Kinds = append(c.summary.Kinds, *kind)
	}
	slices.SortFunc(c.summary.Kinds, func(a, b Kind) int { return strings.Compare(a.Name, b.Name) })
	if o.count > 0 {
		c.summary.FirstTime, c.summary.LastTime = timeOf(o.first), timeOf(o.last)
	}
	return nil
}
