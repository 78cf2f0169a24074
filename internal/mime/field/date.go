package field

import (
	"strings"
	"time"
)

// zones are those of RFC 5322 §4.3 and a few more that have one meaning.
var zones = map[string]int{
	"UT": 0, "UTC": 0, "GMT": 0, "Z": 0, "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6,
	"PST": -8, "PDT": -7, "CET": 1, "CEST": 2, "MET": 1, "MEST": 2, "EET": 2, "EEST": 3, "MSK": 3, "JST": 9, "WET": 0, "WEST": 1,
}

// monthOf reads the English name of a month; 0 for another word.
func monthOf(w string) int {
	if len(w) < 3 {
		return 0
	}
	i := strings.Index("janfebmaraprmayjunjulaugsepoctnovdec", strings.ToLower(w[:3]))
	if i < 0 || i%3 != 0 {
		return 0
	}
	return i/3 + 1
}

// ParseDate reads a date of RFC 5322 §3.3 or §4.3, one as C's ctime writes it,
// or RFC 3339. It returns the zero time where it cannot.
func ParseDate(s string) time.Time {
	for _, layout := range [...]string{time.RFC3339, "2006-01-02 15:04:05 -0700", "2006-01-02 15:04:05", "2006-01-02"} {
		if len(s) > 4 && s[4] == '-' {
			if t, err := time.Parse(layout, s); err == nil {
				return t.UTC()
			}
		}
	}
	day, month, year, clock, offset := 0, 0, -1, -1, 0
	s = withoutComments(s)
	if strings.Contains(s, " :") || strings.Contains(s, ": ") {
		s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == ' ' }), " ")
		s = strings.ReplaceAll(strings.ReplaceAll(s, " :", ":"), ": ", ":")
	}
	for w := range strings.FieldsFuncSeq(s, func(r rune) bool { return r == ' ' || r == ',' || r == '\t' }) {
		n, digits := leadingNumber(w)
		switch {
		case strings.IndexByte(w, ':') > 0 && clock < 0:
			clock = parseClock(w)
		case clock >= 0 && (w[0] == '+' || w[0] == '-'):
			if n, digits = leadingNumber(w[1:]); digits == 4 && n%100 < 60 {
				offset = (n/100*60 + n%100) * 60
				if w[0] == '-' {
					offset = -offset
				}
			}
		case digits == 0 && month == 0 && monthOf(w) > 0:
			month = monthOf(w)
		case digits == 0:
			if h, ok := zones[strings.ToUpper(w)]; ok {
				offset = h * 3600
			}
		case digits < len(w): // 5-Mar-2002
			if parts := strings.Split(w, "-"); len(parts) == 3 {
				day, month = n, monthOf(parts[1])
				year = fullYear(leadingNumber(parts[2]))
			}
		case day == 0:
			day = n
		case year < 0:
			year = fullYear(n, digits)
		}
	}
	if day < 1 || month < 1 || year < 1900 || year > 9999 || clock < 0 {
		return time.Time{}
	}
	t := time.Date(year, time.Month(month), day, 0, 0, clock, 0, time.UTC)
	if t.Day() != day {
		return time.Time{}
	}
	return t.Add(-time.Duration(offset) * time.Second)
}

// fullYear reads the short years of RFC 5322 §4.3.
func fullYear(n, digits int) int {
	switch {
	case digits == 2 && n < 50:
		return n + 2000
	case digits <= 3:
		return n + 1900
	}
	return n
}

// leadingNumber reads up to six digits.
func leadingNumber(s string) (n, digits int) {
	for digits < len(s) && digits < 6 && '0' <= s[digits] && s[digits] <= '9' {
		n = n*10 + int(s[digits]-'0')
		digits++
	}
	return n, digits
}

// parseClock returns the seconds of hh:mm or hh:mm:ss, or -1.
func parseClock(s string) int {
	var v [3]int
	parts := strings.SplitN(s, ":", 4)
	if len(parts) > 3 {
		return -1
	}
	for i, part := range parts {
		n, digits := leadingNumber(part)
		if digits == 0 || digits > 2 {
			return -1
		}
		v[i] = n
	}
	if v[0] > 23 || v[1] > 59 || v[2] > 60 {
		return -1
	}
	return v[0]*3600 + v[1]*60 + min(v[2], 59)
}
