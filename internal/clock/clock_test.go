package clock

import (
	"sync"
	"testing"
	"time"
	_ "time/tzdata"
)

func TestSystemIsStorable(t *testing.T) {
	now := System.Now()
	if now.Location() != time.UTC {
		t.Errorf("location %v, want UTC", now.Location())
	}
	if now != time.UnixMicro(now.UnixMicro()).UTC() {
		t.Errorf("%v does not survive being stored as microseconds", now)
	}
}

func TestSet(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	s := NewSet(time.Date(2026, 7, 1, 12, 0, 0, 1999, berlin))
	var c Clock = s.Now
	if got, want := c.Now(), time.Date(2026, 7, 1, 10, 0, 0, 1000, time.UTC); got != want {
		t.Errorf("Now() = %v, want %v", got, want)
	}
	if got, want := s.Advance(time.Hour), time.Date(2026, 7, 1, 11, 0, 0, 1000, time.UTC); got != want || c.Now() != want {
		t.Errorf("Advance = %v, then %v, want %v", got, c.Now(), want)
	}
	s.Set(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	if got, want := c.Now(), time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC); got != want {
		t.Errorf("after Set: %v, want %v", got, want)
	}
}

func TestSetConcurrently(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	s := NewSet(start)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				s.Advance(time.Second)
				s.Now()
			}
		})
	}
	wg.Wait()
	if got := s.Now().Sub(start); got != 800*time.Second {
		t.Errorf("advanced by %v, want 800s", got)
	}
}
