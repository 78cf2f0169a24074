package clock

import (
	"strconv"
	"strings"
	"sync"
	"time"

	"example.org/countersign/internal/fault"
)

// Day is a day of the week as a calendar's hours name it.
type Day string

// The days of the week.
const (
	Mon Day = "mon"
	Tue Day = "tue"
	Wed Day = "wed"
	Thu Day = "thu"
	Fri Day = "fri"
	Sat Day = "sat"
	Sun Day = "sun"
)

// days holds the days in the order of time.Weekday.
var days = [7]Day{Sun, Mon, Tue, Wed, Thu, Fri, Sat}

// Span is a stretch of one local day, "09:00-17:30", its end excluded. It may
// end at "24:00"; one that would cross midnight is written as two.
type Span string

// Holiday closes one whole local day.
type Holiday struct {
	Date string `json:"date"` // 2026-12-25
	Name string `json:"name"`
}

// Calendar says when an organisation works. It is plain data, kept in versions
// that a second person approved; Validate decides whether it may become one.
// A day that Hours does not name is closed.
//
// Counting follows elapsed time: a span in which the clocks change is an hour
// shorter or longer. A wall-clock time that the change skips stands for the
// moment of the change, one that it repeats for the first of the two.
//
// Every instant gets an answer: a calendar that Validate refuses counts all
// hours, so that a defect shows as a deadline too early, never as one too late.
type Calendar struct {
	Zone     string         `json:"zone"` // IANA name, Europe/Berlin
	Hours    map[Day][]Span `json:"hours"`
	Holidays []Holiday      `json:"holidays,omitempty"`
}

// Always is the calendar that never closes. Its time is elapsed time, as
// statutory limits in hours count it. It is not to be modified.
var Always = Calendar{Zone: "UTC", Hours: map[Day][]Span{
	Mon: {"00:00-24:00"}, Tue: {"00:00-24:00"}, Wed: {"00:00-24:00"}, Thu: {"00:00-24:00"},
	Fri: {"00:00-24:00"}, Sat: {"00:00-24:00"}, Sun: {"00:00-24:00"},
}}

const (
	maxSpans    = 24    // in one day
	maxHolidays = 1000  // in one calendar
	horizon     = 36525 // days: no deadline is followed further than a century
)

// Validate reports the first thing wrong with the calendar as a fault.Invalid
// that names the field.
func (c Calendar) Validate() error {
	_, err := c.open()
	return err
}

// Add returns the earliest instant by which d of business time has passed
// since from. That may be the end of a working day: eight hours from Monday
// 09:00 on 09:00-17:00 fall due at Monday 17:00. A d of zero or less gives
// from itself. A deadline more than a century away is reported as a century.
func (c Calendar) Add(from time.Time, d time.Duration) time.Time {
	return c.week().add(from, d)
}

// Elapsed returns the business time between from and to, zero where to is not
// after from. What lies more than a century after from is not counted.
func (c Calendar) Elapsed(from, to time.Time) time.Duration {
	return c.week().elapsed(from, to)
}

// open turns the calendar into the form that counts.
func (c Calendar) open() (*week, error) {
	w := &week{}
	loc, err := zone(c.Zone)
	if err != nil {
		return nil, err
	}
	w.loc = loc
	for d := range c.Hours {
		if !d.known() {
			return nil, fault.New(fault.Invalid, "hours.%s: no such day; use mon, tue, wed, thu, fri, sat, sun", d)
		}
	}
	for i, d := range days {
		if w.hours[i], err = spans(d, c.Hours[d]); err != nil {
			return nil, err
		}
		for _, s := range w.hours[i] {
			w.total += time.Duration(s.to-s.from) * time.Minute
		}
	}
	if w.total == 0 {
		return nil, fault.New(fault.Invalid, "hours: no day of the week has working hours; name at least one")
	}
	w.holidays, err = holidays(c.Holidays)
	return w, err
}

// week is open for a caller that needs an answer whatever the calendar says.
func (c Calendar) week() *week {
	w, err := c.open()
	if err != nil {
		return roundTheClock()
	}
	return w
}

var roundTheClock = sync.OnceValue(func() *week {
	w, err := Always.open()
	if err != nil {
		panic(err) // a constant of this package
	}
	return w
})

func (d Day) known() bool {
	for _, known := range days {
		if d == known {
			return true
		}
	}
	return false
}

// zones keeps the loaded time zones, because loading one reads the whole zone
// database. Only names that exist are kept, so it is bounded.
var zones sync.Map // string -> *time.Location

func zone(name string) (*time.Location, error) {
	if loc, ok := zones.Load(name); ok {
		return loc.(*time.Location), nil
	}
	loc, err := time.LoadLocation(name)
	// "" and "Local" load too, but mean something else on every machine.
	if err != nil || name == "" || name == "Local" {
		return nil, fault.New(fault.Invalid, "zone: %q is not a known time zone; use an IANA name such as Europe/Berlin", name)
	}
	zones.Store(name, loc)
	return loc, nil
}

// spans parses the hours of one day and checks that they follow one another.
func spans(d Day, texts []Span) ([]span, error) {
	if len(texts) == 0 {
		return nil, nil
	}
	if len(texts) > maxSpans {
		return nil, fault.New(fault.Invalid, "hours.%s: %d spans; at most %d are allowed", d, len(texts), maxSpans)
	}
	list := make([]span, 0, len(texts))
	for i, text := range texts {
		s, ok := text.parse()
		switch {
		case !ok:
			return nil, fault.New(fault.Invalid, "hours.%s[%d]: %q is not a span; write it as 09:00-17:30", d, i, text)
		case s.to <= s.from:
			return nil, fault.New(fault.Invalid, "hours.%s[%d]: %q does not end after it starts; write a night shift as two spans, up to 24:00 and from 00:00 of the next day", d, i, text)
		case i > 0 && s.from < list[i-1].to:
			return nil, fault.New(fault.Invalid, "hours.%s[%d]: %q starts before %q ends; put the spans in order, without overlap", d, i, text, texts[i-1])
		}
		list = append(list, s)
	}
	return list, nil
}

func (s Span) parse() (span, bool) {
	from, to, ok := strings.Cut(string(s), "-")
	if !ok {
		return span{}, false
	}
	a, okA := minutes(from)
	b, okB := minutes(to)
	return span{a, b}, okA && okB
}

// minutes reads "17:30" as minutes since midnight, up to "24:00".
func minutes(text string) (int, bool) {
	if len(text) != 5 || text[2] != ':' {
		return 0, false
	}
	h, errH := strconv.ParseUint(text[:2], 10, 8)
	m, errM := strconv.ParseUint(text[3:], 10, 8)
	n := int(h)*60 + int(m)
	return n, errH == nil && errM == nil && m < 60 && n <= 24*60
}

// holidays returns the closed days as days since 1970.
func holidays(list []Holiday) ([]int, error) {
	if len(list) > maxHolidays {
		return nil, fault.New(fault.Invalid, "holidays: %d entries; at most %d are allowed", len(list), maxHolidays)
	}
	closed := make([]int, 0, len(list))
	seen := make(map[int]int, len(list))
	for i, h := range list {
		t, err := time.Parse(time.DateOnly, h.Date)
		if err != nil {
			return nil, fault.New(fault.Invalid, "holidays[%d].date: %q is not a date; write it as 2026-12-25", i, h.Date)
		}
		n := int(t.Unix() / secondsPerDay)
		if before, dup := seen[n]; dup {
			return nil, fault.New(fault.Invalid, "holidays[%d].date: %s is already holidays[%d]", i, h.Date, before)
		}
		seen[n] = i
		closed = append(closed, n)
	}
	return closed, nil
}
