package clock

import (
	"slices"
	"time"
)

// SLA is one deadline as a pure computation over recorded facts: how much
// business time a reply may take, since when, and whether it came.
//
// The start is the receipt of the message, not its classification, and the
// stop is the delivery of the first answer that people approved; an automatic
// confirmation is neither (CC2.3). When the severity changes, Target and
// Calendar change and everything is computed anew from the same Start.
type SLA struct {
	Calendar Calendar
	Target   time.Duration // business time allowed; zero or less: no clock runs
	Start    time.Time     // receipt; zero: no clock runs
	Stopped  time.Time     // delivery of the answer; zero while none was delivered
	Paused   []Pause       // in any order; overlapping ones count once
}

// Pause is a stretch that does not count, with the recorded reason for it.
type Pause struct {
	From   time.Time `json:"from"`
	To     time.Time `json:"to,omitzero"` // zero while it lasts
	Reason string    `json:"reason"`
}

// State is what a deadline looks like at an instant.
type State string

// The states of a deadline. A pause that begins after the deadline has passed
// does not hide that it has: late stays late.
const (
	None    State = "none"    // no clock runs
	Running State = "running" // less than three quarters of the time is used
	Warning State = "warning" // three quarters are used
	Late    State = "late"    // unanswered after the deadline
	Paused  State = "paused"  // time does not count at the moment
	Met     State = "met"     // answered no later than the deadline
	Missed  State = "missed"  // answered after the deadline
)

// Reading is a deadline read at one instant.
type Reading struct {
	State    State
	Due      time.Time     // last instant in time; zero while an unended pause leaves it open
	WarnAt   time.Time     // when three quarters are used; zero like Due
	Next     time.Time     // when to look again, because time alone changes the state; zero: it will not
	Of       time.Duration // the target
	Left     time.Duration // business time until Due, negative after it
	Fraction float64       // share of the target used: 0 at the start, 1 at the deadline, more after it
}

// forever stands for the end of a pause that has none yet.
var forever = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

// Due returns the last instant at which an answer is in time, zero where no
// clock runs or an unended pause leaves the deadline open.
func (s SLA) Due() time.Time {
	if !s.runs() {
		return time.Time{}
	}
	return s.reach(s.Calendar.week(), s.gaps(), s.Target)
}

// State reads the deadline at now. Once the clock is stopped the answer no
// longer depends on now.
func (s SLA) State(now time.Time) Reading {
	if !s.runs() {
		return Reading{State: None}
	}
	w, gaps := s.Calendar.week(), s.gaps()
	r := Reading{
		Due:    s.reach(w, gaps, s.Target),
		WarnAt: s.reach(w, gaps, s.Target-s.Target/4),
		Of:     s.Target,
	}
	at := now
	if !s.Stopped.IsZero() {
		at = s.Stopped
	}
	used := s.used(w, gaps, at)
	r.Left = s.Target - used
	r.Fraction = float64(used) / float64(s.Target)
	late := !r.Due.IsZero() && at.After(r.Due)
	pause, paused := within(gaps, at)
	switch {
	case !s.Stopped.IsZero() && late:
		r.State = Missed
	case !s.Stopped.IsZero():
		r.State = Met
	case late:
		r.State = Late
	case paused:
		r.State = Paused
		if !pause.To.Equal(forever) {
			r.Next = pause.To
		}
	case !r.WarnAt.IsZero() && !at.Before(r.WarnAt):
		r.State = Warning
		if !r.Due.IsZero() {
			r.Next = r.Due.Add(time.Microsecond) // on the dot is in time
		}
	default:
		r.State, r.Next = Running, r.WarnAt
	}
	return r
}

func (s SLA) runs() bool { return s.Target > 0 && !s.Start.IsZero() }

// gaps returns the pauses that matter, in order and apart from one another:
// what lies before the start or after the stop does not.
func (s SLA) gaps() []Pause {
	end := forever
	if !s.Stopped.IsZero() {
		end = s.Stopped
	}
	var list []Pause
	for _, p := range s.Paused {
		p.From = later(p.From, s.Start)
		if p.To.IsZero() || p.To.After(end) {
			p.To = end
		}
		if p.To.After(p.From) {
			list = append(list, p)
		}
	}
	slices.SortFunc(list, func(a, b Pause) int { return a.From.Compare(b.From) })
	merged := list[:0]
	for _, p := range list {
		if n := len(merged); n > 0 && !p.From.After(merged[n-1].To) {
			merged[n-1].To = later(merged[n-1].To, p.To)
			continue
		}
		merged = append(merged, p)
	}
	return merged
}

// reach returns the first instant at which d of the target is used, zero
// where an unended pause comes before it.
func (s SLA) reach(w *week, gaps []Pause, d time.Duration) time.Time {
	from := s.Start
	for _, g := range gaps {
		open := w.elapsed(from, g.From)
		if open >= d {
			break
		}
		d -= open
		from = g.To
	}
	if from.Equal(forever) {
		return time.Time{}
	}
	return w.add(from, d)
}

// used returns how much business time counts between the start and at.
func (s SLA) used(w *week, gaps []Pause, at time.Time) time.Duration {
	var sum time.Duration
	from := s.Start
	for _, g := range gaps {
		if !g.From.Before(at) {
			break
		}
		sum += w.elapsed(from, g.From)
		from = g.To
	}
	return sum + w.elapsed(from, at)
}

// within returns the gap in which at lies.
func within(gaps []Pause, at time.Time) (Pause, bool) {
	for _, g := range gaps {
		if !at.Before(g.From) && at.Before(g.To) {
			return g, true
		}
	}
	return Pause{}, false
}
