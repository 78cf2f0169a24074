package phrase

import (
	"math"
	"testing"
	"time"
)

var noon = time.Date(2026, 11, 22, 14, 5, 9, 0, time.UTC)

func TestTimes(t *testing.T) {
	india := time.FixedZone("", 5*3600+1800)
	for _, c := range []struct{ name, got, want string }{
		{"UTC", Instant(noon), "22 Nov 2026, 14:05 UTC"},
		{"named zone", Instant(noon.In(time.FixedZone("CET", 3600))), "22 Nov 2026, 15:05 CET"},
		{"nameless zone", Instant(noon.In(india)), "22 Nov 2026, 19:35 UTC+05:30"},
		{"offset as name", Hour(noon.In(time.FixedZone("+03", 3*3600))), "17:05 UTC+03:00"},
		{"nameless zero", Hour(noon.In(time.FixedZone("", 0))), "14:05 UTC"},
		{"exact is UTC", Exact(noon.In(india)), "22 Nov 2026, 14:05:09 UTC"},
		{"day", Day(noon), "22 Nov 2026"},
		{"zero instant", Instant(time.Time{}), "not yet"},
		{"zero exact", Exact(time.Time{}), "not yet"},
		{"zero day", Day(time.Time{}), "not yet"},
		{"zero ago", Ago(time.Time{}, noon), "not yet"},
	} {
		if c.got != c.want {
			t.Errorf("%s: %q, want %q", c.name, c.got, c.want)
		}
	}
}

func TestAgo(t *testing.T) {
	for _, c := range []struct {
		back time.Duration
		want string
	}{
		{0, "just now"},
		{59 * time.Second, "just now"},
		{time.Minute, "1 m ago"},
		{59 * time.Minute, "59 m ago"},
		{2 * time.Hour, "2 h ago"},
		{47 * time.Hour, "47 h ago"},
		{49 * time.Hour, "2 d ago"},
		{-3 * 24 * time.Hour, "in 3 d"},
		{31 * 24 * time.Hour, "22 Oct 2026"},
	} {
		if got := Ago(noon.Add(-c.back), noon); got != c.want {
			t.Errorf("Ago(%v back) = %q, want %q", c.back, got, c.want)
		}
	}
}

func TestDuration(t *testing.T) {
	for _, c := range []struct {
		d           time.Duration
		want, hours string
	}{
		{0, "0 m", "0 m"},
		{45 * time.Second, "45 s", "45 s"},
		{10*time.Minute + 59*time.Second, "10 m", "10 m"},
		{2*time.Hour + 10*time.Minute, "2 h 10 m", "2 h 10 m"},
		{4 * time.Hour, "4 h", "4 h"},
		{-65 * time.Minute, "1 h 5 m", "1 h 5 m"},
		{76 * time.Hour, "3 d 4 h", "76 h"},
		{1200 * time.Hour, "50 d", "1,200 h"},
	} {
		if got := Duration(c.d); got != c.want {
			t.Errorf("Duration(%v) = %q, want %q", c.d, got, c.want)
		}
		if got := Hours(c.d); got != c.hours {
			t.Errorf("Hours(%v) = %q, want %q", c.d, got, c.hours)
		}
	}
}

func TestNumbers(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{Number(0), "0"},
		{Number(999), "999"},
		{Number(12481), "12,481"},
		{Number(-1234567), "-1,234,567"},
		{Number(math.MinInt64), "-9,223,372,036,854,775,808"},
		{Count(1, "case", "cases"), "1 case"},
		{Count(0, "case", "cases"), "0 cases"},
		{Count(4120, "case", "cases"), "4,120 cases"},
		{Bytes(812), "812 B"},
		{Bytes(1000), "1.0 kB"},
		{Bytes(1_449_000), "1.4 MB"},
		{Bytes(9_960_000), "10 MB"},
		{Bytes(999_600), "1.0 MB"},
		{Bytes(23_400_000), "23 MB"},
		{Bytes(math.MaxInt64), "9223 PB"},
		{Bytes(-2_000_000), "-2.0 MB"},
		{Bytes(math.MinInt64), "-9223 PB"},
		{Percent(0, 0), "no data"},
		{Percent(0, 10), "0 %"},
		{Percent(1, 1000), "1 %"},
		{Percent(999, 1000), "99 %"},
		{Percent(10, 10), "100 %"},
		{Percent(1, 3), "33 %"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

func TestShortening(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{Hash(""), ""},
		{Hash("3f9a1c2e7b04aaaa"), "3f9a1c2e7b04aaaa"},
		{Hash("3f9a1c2e7b0412345678901234567890abcdef00"), "3f9a1c2e…ef00"},
		{Hash("ééééééééééééééééé"), "éééééééé…éééé"},
		{Clip("short", 10), "short"},
		{Clip("a longer label", 9), "a longer…"},
		{Clip("anything", 0), ""},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

func TestForeign(t *testing.T) {
	for text, want := range map[string]string{
		"": "no reason given", " \r\n\x00": "no reason given", "no\r\nw\x1b[31m": "no  w [31m", "ab\xffc": "abc", "0123456789x": "0123456789",
	} {
		if got := Foreign([]byte(text), 10); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
}
