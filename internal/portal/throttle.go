package portal

import (
	"sync"
	"time"
)

// Wrong codes for one number: so many at once, then one in so long.
const (
	wrongAtOnce = 10
	wrongEvery  = 30 * time.Second
	maxCounted  = 10_000 // numbers that are remembered
)

// throttle slows guessing down, by number and never by who guesses: addresses
// are not looked at. It counts wrong answers only. Whoever has the code gets in
// at any time; otherwise anybody could keep a reporter out by guessing at their
// number, while the 100 random bits of a code cannot be guessed at any speed.
type throttle struct {
	mu    sync.Mutex
	debts map[string]time.Time // by number: when its wrong answers will be forgotten
}

// wrong counts a wrong answer for a number at now, and reports whether there
// are too many.
func (t *throttle) wrong(number string, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.debts == nil || len(t.debts) >= maxCounted {
		t.forget(now)
	}
	until := t.debts[number]
	if until.Before(now) {
		until = now
	}
	if until.Sub(now) >= wrongAtOnce*wrongEvery {
		return true
	}
	t.debts[number] = until.Add(wrongEvery)
	return false
}

// forget drops what is over, and everything where that is not enough.
func (t *throttle) forget(now time.Time) {
	kept := map[string]time.Time{}
	for number, until := range t.debts {
		if until.After(now) {
			kept[number] = until
		}
	}
	if len(kept) >= maxCounted {
		kept = map[string]time.Time{}
	}
	t.debts = kept
}
