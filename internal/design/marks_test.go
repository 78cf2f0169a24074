package design

import (
	"testing"
	"time"
)

func TestClock(t *testing.T) {
	const h, m = time.Hour, time.Minute
	for _, c := range []struct {
		clock        Clock
		face, words  string
		filled, over int
	}{
		{Clock{Limit: 4 * h, Spent: 110 * m}, "calm", "2 h 10 m left of 4 h", 45, 0},
		{Clock{Limit: 4 * h}, "calm", "4 h left of 4 h", 0, 0},
		{Clock{Limit: 4 * h, Spent: 3*h - 1}, "calm", "1 h left of 4 h", 74, 0},
		{Clock{Limit: 4 * h, Spent: 3 * h}, "soon", "1 h left of 4 h", 75, 0},
		{Clock{Limit: 4 * h, Spent: 4*h - time.Second}, "soon", "1 s left of 4 h", 99, 0},
		{Clock{Limit: 4 * h, Spent: 4 * h}, "late", "Late by 0 m, limit 4 h", 100, 0},
		{Clock{Limit: 4 * h, Spent: 5 * h}, "late", "Late by 1 h, limit 4 h", 80, 82},
		{Clock{Limit: h, Spent: 1000 * h}, "late", "Late by 41 d 15 h, limit 1 h", 1, 3},
		{Clock{Limit: 40 * h, Spent: 100 * h, Calendar: "working hours"}, "late", "Late by 60 h, limit 40 h", 40, 42},
		{Clock{Limit: 80 * h, Spent: 4 * h, Calendar: "working hours"}, "calm", "76 h left of 80 h", 5, 0},
		{Clock{Limit: 80 * h, Spent: 4 * h}, "calm", "3 d 4 h left of 3 d 8 h", 5, 0},
		{Clock{Limit: 4 * h, Spent: 72 * m, Run: Met}, "met", "Met in 1 h 12 m of 4 h", 30, 0},
		{Clock{Limit: 4 * h, Spent: 4 * h, Run: Met}, "met", "Met in 4 h of 4 h", 100, 0},
		{Clock{Limit: 4 * h, Spent: 5 * h, Run: Met}, "met-late", "Met late in 5 h, limit 4 h", 80, 82},
		{Clock{Limit: 4 * h, Spent: 9 * h, Run: Paused}, "paused", "Paused at 9 h of 4 h", 44, 46},
		{Clock{Limit: 4 * h, Spent: h, Run: ClockEnded}, "stopped", "Stopped at 1 h of 4 h", 25, 0},
		{Clock{}, "late", "Late by 0 m, limit 0 m", 0, 0},
		{Clock{Limit: h, Spent: -m}, "calm", "1 h 1 m left of 1 h", 0, 0},
	} {
		if got := c.clock.Face(); got != c.face {
			t.Errorf("%+v: face %q, want %q", c.clock, got, c.face)
		}
		if got := c.clock.Words(); got != c.words {
			t.Errorf("%+v: words %q, want %q", c.clock, got, c.words)
		}
		if f, o := c.clock.Filled(), c.clock.Over(); f != c.filled || o != c.over {
			t.Errorf("%+v: filled %d over %d, want %d and %d", c.clock, f, o, c.filled, c.over)
		}
		if c.clock.Icon() == "" {
			t.Errorf("%+v: no shape", c.clock)
		}
	}
}

// A value outside of an enumeration shows the safest member, and never panics.
func TestUnknownEnumerations(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{Severity(99).String(), "not classified"},
		{Severity(99).Class(), "none"},
		{Tone(99).Class(), "attention"},
		{Seal{Kind: 99}.Word(), "Does not verify"},
		{Seal{Kind: 99}.Class(), "broken"},
		{Seal{Kind: Witnessed, By: -1}.Word(), "Witnessed"},
		{ActKind(99).Class(), "undelivered"},
		{string(TimelineItem{Kind: 99}.Mark()), "triangle-alert"},
		{FlashKind(99).Class(), "problem"},
		{Weight(99).Class(), "quiet"},
		{Width(99).Class(), "w-clock"},
		{Place(99).Class(), "on-desk"},
		{string(ThemeOf("dark")), "dark"},
		{string(ThemeOf(`"><script>`)), ""},
		{Public{Direction: "up"}.Dir(), "ltr"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
	if Severity(99).Level() != 0 {
		t.Error("an unknown severity has bars")
	}
}

func TestDays(t *testing.T) {
	india := time.FixedZone("IST", 5*3600+1800)
	late := time.Date(2026, 11, 22, 20, 0, 0, 0, time.UTC)
	days := Timeline{Items: []TimelineItem{{At: late}, {At: late.Add(-time.Hour)}, {At: late.Add(-24 * time.Hour)}}}.Days()
	if len(days) != 2 || days[0].Date != "22 Nov 2026, UTC" || len(days[0].Items) != 2 || days[1].Date != "21 Nov 2026, UTC" {
		t.Errorf("days are %+v", days)
	}
	days = Timeline{Items: []TimelineItem{{At: late.In(india)}}}.Days()
	if days[0].Date != "23 Nov 2026, IST" || days[0].Items[0].Hour() != "01:30" {
		t.Errorf("in another zone: %+v", days)
	}
}
