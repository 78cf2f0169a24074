package clock

import "time"

const secondsPerDay = 24 * 60 * 60

// span is a stretch of a local day in minutes since midnight.
type span struct{ from, to int }

// week is a calendar made ready for counting. Days are numbered from
// 1970-01-01 in local time.
type week struct {
	loc      *time.Location
	hours    [7][]span // by time.Weekday
	total    time.Duration
	holidays []int
}

// spans returns the working hours of a day.
func (w *week) spans(day int) []span {
	for _, h := range w.holidays {
		if h == day {
			return nil
		}
	}
	return w.hours[((day+4)%7+7)%7] // day 0 was a Thursday
}

// wall returns what the local wall clocks show at t, in seconds since 1970.
func (w *week) wall(t time.Time) int64 {
	_, offset := t.In(w.loc).Zone()
	return t.Unix() + int64(offset)
}

// day returns the local day of t.
func (w *week) day(t time.Time) int {
	s := w.wall(t)
	n := s / secondsPerDay
	if s%secondsPerDay < 0 {
		n--
	}
	return int(n)
}

// at returns the first instant at which the wall clocks have reached the
// given minute of the given day. It never runs backwards as the minute grows,
// so spans that do not overlap on the wall do not overlap in time, whatever
// the clocks do.
func (w *week) at(day, minute int) time.Time {
	want := int64(day)*secondsPerDay + int64(minute)*60
	t := time.Date(1970, 1, 1+day, 0, minute, 0, 0, w.loc)
	start, end := t.ZoneBounds()
	switch got := w.wall(t); {
	case got < want: // skipped, and t lies before the change
		return end
	case got > want: // skipped, and t lies after the change
		return start
	}
	if !start.IsZero() {
		_, before := start.Add(-1).In(w.loc).Zone()
		if first := want - int64(before); first < start.Unix() { // repeated, and t is the second
			return time.Unix(first, 0)
		}
	}
	return t
}

// regular returns how many whole weeks from the start of day pass without a
// holiday or a change of the clocks. Each is worth w.total.
func (w *week) regular(day int) int {
	start := w.at(day, 0)
	if w.wall(start) != int64(day)*secondsPerDay {
		return 0 // the clocks change at this midnight
	}
	next := day + horizon
	if _, end := start.In(w.loc).ZoneBounds(); !end.IsZero() {
		next = min(next, w.day(end.Add(-1)))
	}
	for _, h := range w.holidays {
		if h >= day {
			next = min(next, h)
		}
	}
	return (next - day) / 7
}

// add is Calendar.Add.
func (w *week) add(from time.Time, d time.Duration) time.Time {
	if d <= 0 {
		return from.UTC()
	}
	first := w.day(from)
	for day := first; day < first+horizon; day++ {
		for _, s := range w.spans(day) {
			a, b := later(from, w.at(day, s.from)), w.at(day, s.to)
			open := b.Sub(a)
			if open >= d {
				return a.Add(d).UTC()
			}
			d -= max(open, 0)
		}
		if d > w.total {
			// What is left stays above zero, so that the deadline falls on
			// the end of a span and not on the start of the next.
			n := min(w.regular(day+1), int((d-1)/w.total))
			d -= time.Duration(n) * w.total
			day += 7 * n
		}
	}
	return w.at(first+horizon, 0).UTC()
}

// elapsed is Calendar.Elapsed.
func (w *week) elapsed(from, to time.Time) time.Duration {
	var sum time.Duration
	if !to.After(from) {
		return 0
	}
	day := w.day(from)
	if last := w.at(day+horizon, 0); to.After(last) {
		to = last
	}
	for next := from; next.Before(to); day++ {
		for _, s := range w.spans(day) {
			a, b := w.at(day, s.from), w.at(day, s.to)
			if b.After(to) {
				b = to
			}
			sum += max(b.Sub(later(from, a)), 0)
		}
		next = w.at(day+1, 0)
		if n := int(to.Sub(next) / (7 * 24 * time.Hour)); n > 0 {
			n = min(n, w.regular(day+1))
			sum += time.Duration(n) * w.total
			day += 7 * n
			next = w.at(day+1, 0)
		}
	}
	return sum
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
