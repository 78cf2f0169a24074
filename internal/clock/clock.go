// Package clock tells the time and counts it: the present instant, business
// hours between instants, and the state of a deadline.
//
// It is the only package that may ask the machine what time it is. Every other
// package is given a Clock, so that a test or a back-dated feeding decides what
// "now" means. Waiting (time.NewTimer, time.NewTicker) is not reserved: only
// reading the time is.
package clock

import (
	"sync"
	"time"
)

// Clock is a source of the present instant. Any func() time.Time is one, for
// instance the method value set.Now of a Set.
type Clock func() time.Time

// System is the clock of the machine.
var System Clock = time.Now

// Now returns the present instant in UTC, truncated to the microsecond: the
// precision in which times are stored, so that a time read back from a record
// equals the one that was written.
func (c Clock) Now() time.Time { return stored(c()) }

// Set is a clock that stands still until it is moved. It is safe for
// concurrent use.
type Set struct {
	mu  sync.Mutex
	now time.Time
}

// NewSet returns a clock that stands at t.
func NewSet(t time.Time) *Set { return &Set{now: stored(t)} }

// Now returns the instant at which the clock stands. The method value is a
// Clock.
func (s *Set) Now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

// Set moves the clock to t, forward or back.
func (s *Set) Set(t time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = stored(t)
}

// Advance moves the clock by d and returns the instant at which it then stands.
func (s *Set) Advance(d time.Duration) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = stored(s.now.Add(d))
	return s.now
}

// stored drops what a record does not keep: zone, monotonic reading, and
// anything finer than a microsecond.
func stored(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }
