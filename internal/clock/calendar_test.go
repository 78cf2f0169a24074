package clock

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"example.org/countersign/internal/fault"
)

// office is open 09:00-17:00 from Monday to Friday.
func office(zone string, holidays ...string) Calendar {
	c := Calendar{Zone: zone, Hours: map[Day][]Span{}}
	for _, d := range []Day{Mon, Tue, Wed, Thu, Fri} {
		c.Hours[d] = []Span{"09:00-17:00"}
	}
	for _, date := range holidays {
		c.Holidays = append(c.Holidays, Holiday{Date: date, Name: "closed"})
	}
	return c
}

// at parses a local time in a zone.
func at(t testing.TB, zone, text string) time.Time {
	t.Helper()
	loc, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	v, err := time.ParseInLocation("2006-01-02 15:04", text, loc)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestAdd(t *testing.T) {
	const berlin, newYork = "Europe/Berlin", "America/New_York"
	night := Calendar{Zone: berlin, Hours: map[Day][]Span{Sat: {"22:00-24:00"}, Sun: {"00:00-06:00"}}}
	always := Calendar{Zone: berlin, Hours: Always.Hours}
	lunch := Calendar{Zone: berlin, Hours: map[Day][]Span{Mon: {"09:00-12:00", "13:00-17:00"}}}
	for _, tt := range []struct {
		name     string
		calendar Calendar
		zone     string
		from     string
		d        time.Duration
		want     string
	}{
		{"within a day", office(berlin), berlin, "2026-11-23 10:00", 4 * time.Hour, "2026-11-23 14:00"},
		{"exactly to closing", office(berlin), berlin, "2026-11-23 09:00", 8 * time.Hour, "2026-11-23 17:00"},
		{"a minute over closing", office(berlin), berlin, "2026-11-23 09:00", 8*time.Hour + time.Minute, "2026-11-24 09:01"},
		{"before opening", office(berlin), berlin, "2026-11-23 03:00", time.Hour, "2026-11-23 10:00"},
		{"over the weekend", office(berlin), berlin, "2026-11-20 16:00", 4 * time.Hour, "2026-11-23 12:00"},
		{"received on Saturday", office(berlin), berlin, "2026-11-21 11:00", 4 * time.Hour, "2026-11-23 13:00"},
		{"holiday", office(berlin, "2026-12-25"), berlin, "2026-12-24 15:00", 4 * time.Hour, "2026-12-28 11:00"},
		{"holiday on a Sunday changes nothing", office(berlin, "2026-11-22"), berlin, "2026-11-20 16:00", 4 * time.Hour, "2026-11-23 12:00"},
		{"no time", office(berlin), berlin, "2026-11-21 11:00", 0, "2026-11-21 11:00"},
		{"negative time", office(berlin), berlin, "2026-11-21 11:00", -time.Hour, "2026-11-21 11:00"},
		{"lunch break", lunch, berlin, "2026-11-23 11:00", 2 * time.Hour, "2026-11-23 14:00"},
		{"one day a week", lunch, berlin, "2026-11-23 11:00", 12 * time.Hour, "2026-11-30 17:00"},
		{"to midnight and on", night, berlin, "2026-11-21 23:00", 2 * time.Hour, "2026-11-22 01:00"},
		{"night in which clocks go forward", night, berlin, "2026-03-28 22:00", 7 * time.Hour, "2026-03-29 06:00"},
		{"night in which clocks go back", night, berlin, "2026-10-24 22:00", 9 * time.Hour, "2026-10-25 06:00"},
		{"72 hours over the end of summer time", always, "Europe/Paris", "2026-10-24 20:00", 72 * time.Hour, "2026-10-27 19:00"},
		{"weeks without summer time", office(newYork), newYork, "2026-07-01 09:00", 40 * 8 * time.Hour, "2026-08-25 17:00"},
		{"year with both changes", office(newYork), newYork, "2026-01-05 09:00", 260 * 8 * time.Hour, "2027-01-01 17:00"},
		{"read in another zone", office(newYork), "Asia/Kolkata", "2026-11-23 10:00", time.Hour, "2026-11-23 20:30"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := tt.calendar.Validate(); err != nil {
				t.Fatal(err)
			}
			from, want := at(t, tt.zone, tt.from), at(t, tt.zone, tt.want)
			got := tt.calendar.Add(from, tt.d)
			if !got.Equal(want) {
				t.Errorf("Add(%v, %v) = %v, want %v", from, tt.d, got.In(want.Location()), want)
			}
			if back := tt.calendar.Elapsed(from, got); back != max(tt.d, 0) {
				t.Errorf("Elapsed back = %v, want %v", back, tt.d)
			}
		})
	}
}

func TestElapsed(t *testing.T) {
	const berlin = "Europe/Berlin"
	for _, tt := range []struct {
		name     string
		calendar Calendar
		from, to string
		want     time.Duration
	}{
		{"night and weekend", office(berlin), "2026-11-20 17:00", "2026-11-23 09:00", 0},
		{"two days", office(berlin), "2026-11-19 12:00", "2026-11-20 12:00", 8 * time.Hour},
		{"backwards", office(berlin), "2026-11-20 12:00", "2026-11-19 12:00", 0},
		{"a working year", office(berlin), "2026-01-01 00:00", "2027-01-01 00:00", 261 * 8 * time.Hour},
		{"the same with a holiday", office(berlin, "2026-12-25"), "2026-01-01 00:00", "2027-01-01 00:00", 260 * 8 * time.Hour},
		{"day of 23 hours", Calendar{Zone: berlin, Hours: Always.Hours}, "2026-03-29 00:00", "2026-03-30 00:00", 23 * time.Hour},
		{"day of 25 hours", Calendar{Zone: berlin, Hours: Always.Hours}, "2026-10-25 00:00", "2026-10-26 00:00", 25 * time.Hour},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.calendar.Elapsed(at(t, berlin, tt.from), at(t, berlin, tt.to)); got != tt.want {
				t.Errorf("Elapsed = %v, want %v", got, tt.want)
			}
		})
	}
}

// The clocks of these zones change in ways that trip naive arithmetic.
func TestOddMidnights(t *testing.T) {
	for _, tt := range []struct {
		name, zone, date string
		want             time.Duration // length of that local day
	}{
		{"midnight skipped", "Asia/Beirut", "2022-03-27", 23 * time.Hour},
		{"day before a skipped midnight", "Asia/Beirut", "2022-03-26", 24 * time.Hour},
		{"back at midnight, so the last hour comes twice", "America/Havana", "2025-11-02", 25 * time.Hour},
		{"half an hour", "Australia/Lord_Howe", "2026-04-05", 24*time.Hour + 30*time.Minute},
		{"half an hour less", "Australia/Lord_Howe", "2026-10-04", 23*time.Hour + 30*time.Minute},
		{"a whole day skipped", "Pacific/Apia", "2011-12-30", 0},
		{"Ramadan", "Africa/Casablanca", "2026-02-15", 25 * time.Hour},
	} {
		t.Run(tt.name, func(t *testing.T) {
			day, err := time.Parse(time.DateOnly, tt.date)
			if err != nil {
				t.Fatal(err)
			}
			c := Calendar{Zone: tt.zone, Hours: Always.Hours}
			w := c.week()
			n := int(day.Unix() / secondsPerDay)
			if got := w.at(n+1, 0).Sub(w.at(n, 0)); got != tt.want {
				t.Errorf("%s in %s lasts %v, want %v", tt.date, tt.zone, got, tt.want)
			}
		})
	}
}

func TestBounds(t *testing.T) {
	from := time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)
	century := from.AddDate(0, 0, horizon).Truncate(24 * time.Hour)
	if got := office("UTC").Add(from, 1<<63-1); !got.Equal(century) {
		t.Errorf("292 years of business time: %v, want %v", got, century)
	}
	if got, want := Always.Elapsed(from, from.AddDate(5000, 0, 0)), century.Sub(from); got != want {
		t.Errorf("5000 years: %v, want %v", got, want)
	}
	if got := Always.Elapsed(time.Time{}, from); got <= 0 {
		t.Errorf("since the zero time: %v", got)
	}
	if got := office("UTC").Add(time.Time{}, time.Hour); !got.Equal(time.Date(1, 1, 1, 10, 0, 0, 0, time.UTC)) {
		t.Errorf("from the zero time: %v", got)
	}
}

// A calendar that is wrong must not make deadlines later.
func TestRefusedCalendarCountsAllHours(t *testing.T) {
	from := time.Date(2026, 11, 21, 11, 0, 0, 0, time.UTC)
	for _, c := range []Calendar{{}, {Zone: "Nowhere/Here", Hours: office("UTC").Hours}} {
		if got, want := c.Add(from, time.Hour), from.Add(time.Hour); !got.Equal(want) {
			t.Errorf("%+v: %v, want %v", c, got, want)
		}
	}
}

func TestValidate(t *testing.T) {
	many := make([]Holiday, maxHolidays+1)
	for _, tt := range []struct {
		name     string
		calendar Calendar
		want     string // start of the message; empty: valid
	}{
		{"office", office("Europe/Berlin", "2026-12-25"), ""},
		{"always", Always, ""},
		{"spans that touch", Calendar{Zone: "UTC", Hours: map[Day][]Span{Mon: {"09:00-12:00", "12:00-24:00"}}}, ""},
		{"zero", Calendar{}, "zone: "},
		{"local zone", office("Local"), "zone: "},
		{"unknown zone", office("Europe/Berln"), `zone: "Europe/Berln"`},
		{"path as zone", office("../../etc/passwd"), "zone: "},
		{"no hours", Calendar{Zone: "UTC"}, "hours: "},
		{"empty week", Calendar{Zone: "UTC", Hours: map[Day][]Span{Mon: {}}}, "hours: "},
		{"unknown day", Calendar{Zone: "UTC", Hours: map[Day][]Span{"monday": {"09:00-17:00"}}}, "hours.monday: "},
		{"not a span", Calendar{Zone: "UTC", Hours: map[Day][]Span{Mon: {"9-17"}}}, `hours.mon[0]: "9-17"`},
		{"signs", Calendar{Zone: "UTC", Hours: map[Day][]Span{Mon: {"+9:00-17:00"}}}, "hours.mon[0]: "},
		{"past midnight", Calendar{Zone: "UTC", Hours: map[Day][]Span{Fri: {"22:00-06:00"}}}, "hours.fri[0]: "},
		{"empty span", Calendar{Zone: "UTC", Hours: map[Day][]Span{Fri: {"09:00-09:00"}}}, "hours.fri[0]: "},
		{"after 24:00", Calendar{Zone: "UTC", Hours: map[Day][]Span{Fri: {"09:00-24:01"}}}, "hours.fri[0]: "},
		{"minute 60", Calendar{Zone: "UTC", Hours: map[Day][]Span{Fri: {"09:60-12:00"}}}, "hours.fri[0]: "},
		{"overlap", Calendar{Zone: "UTC", Hours: map[Day][]Span{Mon: {"09:00-12:00", "11:00-13:00"}}}, "hours.mon[1]: "},
		{"out of order", Calendar{Zone: "UTC", Hours: map[Day][]Span{Mon: {"13:00-14:00", "09:00-10:00"}}}, "hours.mon[1]: "},
		{"too many spans", Calendar{Zone: "UTC", Hours: map[Day][]Span{Mon: make([]Span, maxSpans+1)}}, "hours.mon: "},
		{"no such date", office("UTC", "2026-02-30"), "holidays[0].date: "},
		{"twice", office("UTC", "2026-12-25", "2026-12-25"), "holidays[1].date: "},
		{"too many holidays", Calendar{Zone: "UTC", Hours: office("UTC").Hours, Holidays: many}, "holidays: "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.calendar.Validate()
			if tt.want == "" {
				if err != nil {
					t.Fatalf("refused: %v", err)
				}
				return
			}
			if err == nil {
				t.Fatal("accepted")
			}
			kind, msg := fault.Of(err)
			if kind != fault.Invalid || !strings.HasPrefix(msg, tt.want) {
				t.Errorf("kind %v, message %q, want it to start with %q", kind, msg, tt.want)
			}
		})
	}
}

func TestCalendarJSON(t *testing.T) {
	c := Calendar{
		Zone:     "Europe/Berlin",
		Hours:    map[Day][]Span{Mon: {"09:00-12:00", "13:00-17:30"}, Sun: {"20:00-24:00"}},
		Holidays: []Holiday{{Date: "2026-12-25", Name: "Christmas Day"}},
	}
	const want = `{"zone":"Europe/Berlin","hours":{"mon":["09:00-12:00","13:00-17:30"],"sun":["20:00-24:00"]},"holidays":[{"date":"2026-12-25","name":"Christmas Day"}]}`
	got, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	var back Calendar
	if err := json.Unmarshal(got, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(c, back); diff != "" {
		t.Error(diff)
	}
}

var zoneNames = []string{
	"UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe",
	"Africa/Casablanca", "America/Havana", "Asia/Beirut", "Pacific/Apia", "America/St_Johns",
}

// drawCalendar draws a valid calendar with odd hours and a few holidays
// around base.
func drawCalendar(t *rapid.T, base time.Time) Calendar {
	c := Calendar{
		Zone:  rapid.SampledFrom(zoneNames).Draw(t, "zone"),
		Hours: map[Day][]Span{},
	}
	for _, d := range days {
		edges := rapid.SliceOfNDistinct(rapid.IntRange(0, 24*4), 0, 6, rapid.ID[int]).Draw(t, string(d))
		slices.Sort(edges)
		for i := 0; i+1 < len(edges); i += 2 {
			c.Hours[d] = append(c.Hours[d], spanOf(edges[i]*15, edges[i+1]*15))
		}
	}
	if c.Validate() != nil { // an empty week
		c.Hours[Mon] = []Span{"00:00-24:00"}
	}
	for _, n := range rapid.SliceOfNDistinct(rapid.IntRange(-5, 40), 0, 5, rapid.ID[int]).Draw(t, "holidays") {
		c.Holidays = append(c.Holidays, Holiday{Date: base.AddDate(0, 0, n).Format(time.DateOnly), Name: "closed"})
	}
	return c
}

// drawInstant draws an instant, often one near a change of the clocks.
func drawInstant(t *rapid.T) time.Time {
	base := time.Date(rapid.IntRange(2005, 2040).Draw(t, "year"), rapid.SampledFrom([]time.Month{1, 5, 8}).Draw(t, "month"), 1, 0, 0, 0, 0, time.UTC)
	if rapid.Bool().Draw(t, "near a change") {
		loc, err := time.LoadLocation(rapid.SampledFrom(zoneNames).Draw(t, "change in"))
		if err != nil {
			t.Fatal(err)
		}
		if _, end := base.In(loc).ZoneBounds(); !end.IsZero() && end.Year() <= 2041 {
			base = end.AddDate(0, 0, -1)
		}
		return base.Add(time.Duration(rapid.IntRange(-3600, 3*24*3600).Draw(t, "seconds")) * time.Second).UTC()
	}
	return base.Add(time.Duration(rapid.Int64Range(0, int64(366*24*time.Hour)).Draw(t, "within the year"))).UTC()
}

func TestAddInvertsElapsed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		from := drawInstant(t)
		c := drawCalendar(t, from)
		d := time.Duration(rapid.Int64Range(1, int64(2000*time.Hour)).Draw(t, "d"))
		due := c.Add(from, d)
		if got := c.Elapsed(from, due); got != d {
			t.Fatalf("Elapsed(%v, Add = %v) = %v, want %v", from, due, got, d)
		}
		if got := c.Elapsed(from, due.Add(-1)); got != d-1 {
			t.Fatalf("a nanosecond before %v already %v of %v: not the earliest", due, got, d)
		}
		more := time.Duration(rapid.Int64Range(1, int64(200*time.Hour)).Draw(t, "more"))
		if got, want := c.Add(due, more), c.Add(from, d+more); !got.Equal(want) {
			t.Fatalf("in two steps %v, in one %v", got, want)
		}
	})
}

func TestElapsedAddsUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		from := drawInstant(t)
		c := drawCalendar(t, from)
		a := from.Add(time.Duration(rapid.Int64Range(0, int64(500*24*time.Hour)).Draw(t, "a")))
		b := a.Add(time.Duration(rapid.Int64Range(0, int64(500*24*time.Hour)).Draw(t, "b")))
		whole, parts := c.Elapsed(from, b), c.Elapsed(from, a)+c.Elapsed(a, b)
		if whole != parts {
			t.Fatalf("whole %v, parts %v", whole, parts)
		}
		if whole < 0 || whole > b.Sub(from) {
			t.Fatalf("%v of business time in %v", whole, b.Sub(from))
		}
	})
}

// Skipping whole weeks must give what walking day by day gives.
func TestWeeksAreSkippedRightly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		from := drawInstant(t)
		c := drawCalendar(t, from)
		to := from.AddDate(0, 0, rapid.IntRange(1, 400).Draw(t, "days"))
		var sum time.Duration
		for a := from; a.Before(to); a = a.AddDate(0, 0, 1) {
			sum += c.Elapsed(a, a.AddDate(0, 0, 1))
		}
		if got := c.Elapsed(from, to); got != sum {
			t.Fatalf("%v at once, %v day by day", got, sum)
		}
	})
}

// minuteByMinute counts what Elapsed counts by looking at the wall clock every
// minute. The highest reading so far is what decides: a repeated hour belongs
// to the span that was open when it began to repeat.
func minuteByMinute(t *rapid.T, c Calendar, from time.Time, n int) time.Duration {
	loc, err := time.LoadLocation(c.Zone)
	if err != nil {
		t.Fatal(err)
	}
	closed := map[string]bool{}
	for _, h := range c.Holidays {
		closed[h.Date] = true
	}
	var sum time.Duration
	var highest time.Time // wall clock, written as if it were UTC
	start := from.Add(-48 * time.Hour)
	for i := range n + 48*60 {
		now := start.Add(time.Duration(i) * time.Minute)
		local := now.In(loc)
		wall := time.Date(local.Year(), local.Month(), local.Day(), local.Hour(), local.Minute(), 0, 0, time.UTC)
		if wall.After(highest) {
			highest = wall
		}
		if now.Before(from) || closed[highest.Format(time.DateOnly)] {
			continue
		}
		minute := highest.Hour()*60 + highest.Minute()
		for _, text := range c.Hours[days[highest.Weekday()]] {
			if s, ok := text.parse(); ok && s.from <= minute && minute < s.to {
				sum += time.Minute
			}
		}
	}
	return sum
}

func TestElapsedAgainstTheWallClock(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		from := drawInstant(t).Truncate(time.Minute)
		c := drawCalendar(t, from)
		n := rapid.IntRange(1, 3*24*60).Draw(t, "minutes")
		want := minuteByMinute(t, c, from, n)
		if got := c.Elapsed(from, from.Add(time.Duration(n)*time.Minute)); got != want {
			t.Fatalf("Elapsed(%v + %d minutes) = %v, the wall clock says %v", from, n, got, want)
		}
	})
}

func FuzzSpan(f *testing.F) {
	for _, seed := range []string{"09:00-17:30", "00:00-24:00", "9-17", "-", "24:00-24:00", "09:00–17:30"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c := Calendar{Zone: "UTC", Hours: map[Day][]Span{Mon: {Span(text)}}}
		if c.Validate() != nil {
			return
		}
		from := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
		if got := c.Elapsed(from, from.Add(24*time.Hour)); got <= 0 || got > 24*time.Hour {
			t.Errorf("%q lasts %v", text, got)
		}
	})
}

func BenchmarkAdd(b *testing.B) {
	from := time.Date(2026, 11, 20, 15, 0, 0, 0, time.UTC)
	c := office("Europe/Berlin")
	for m := range 12 {
		c.Holidays = append(c.Holidays, Holiday{Date: time.Date(2026, time.Month(m+1), 25, 0, 0, 0, 0, time.UTC).Format(time.DateOnly)})
	}
	for _, bb := range []struct {
		name string
		d    time.Duration
	}{{"4h", 4 * time.Hour}, {"5d", 40 * time.Hour}, {"1y", 2080 * time.Hour}, {"100y", 1<<63 - 1}} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				c.Add(from, bb.d)
			}
		})
	}
}

func spanOf(from, to int) Span {
	return Span(fmt.Sprintf("%02d:%02d-%02d:%02d", from/60, from%60, to/60, to%60))
}
