package extract

import (
	"time"

	"example.org/countersign/internal/design/phrase"
	"example.org/countersign/internal/fault"
)

// Period is from From until before To, both UTC and whole microseconds.
type Period struct{ From, To time.Time }

// check says what is wrong with a period.
func (p Period) check(now time.Time) error {
	switch {
	case p.From.IsZero() || p.To.IsZero():
		return fault.New(fault.Invalid, "a package needs the first and the last day of its period")
	case !p.From.Before(p.To):
		return fault.New(fault.Invalid, "the period ends before it begins")
	case p.From.After(now):
		return fault.New(fault.Invalid, "the period has not begun yet")
	case p.From.UnixMicro() < 0:
		return fault.New(fault.Invalid, "the period begins before 1970")
	}
	return nil
}

// Days returns the first and the last day of the period in UTC.
func (p Period) Days() (first, last string) {
	return p.From.UTC().Format(time.DateOnly), p.To.Add(-time.Microsecond).UTC().Format(time.DateOnly)
}

// String is the period in words: "1 Jul 2026 to 30 Sep 2026", with the exact
// instants where it is not of whole days.
func (p Period) String() string {
	day := 24 * time.Hour
	if from, to := p.From.UTC(), p.To.UTC(); !from.Truncate(day).Equal(from) || !to.Truncate(day).Equal(to) {
		return phrase.Exact(from) + " until before " + phrase.Exact(to)
	}
	first, last := phrase.Day(p.From.UTC()), phrase.Day(p.To.Add(-time.Microsecond).UTC())
	if first == last {
		return first
	}
	return first + " to " + last
}

// Contains reports whether an instant, Unix microseconds, is in the period.
func (p Period) Contains(micros int64) bool {
	return micros >= p.From.UnixMicro() && micros < p.To.UnixMicro()
}
