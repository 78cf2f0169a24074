// Package phrase puts instants, durations, sizes, counts and hashes into the
// words that people read, the same in pages, reports and mail. It knows no
// present: where an answer depends on now, the caller passes it.
package phrase

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Instant writes t to the minute in t's own zone: "22 Nov 2026, 14:05 UTC".
// A zero t is "not yet".
func Instant(t time.Time) string {
	if t.IsZero() {
		return "not yet"
	}
	return t.Format("2 Jan 2006, 15:04 ") + Zone(t)
}

// Exact writes t to the second in UTC: "22 Nov 2026, 14:05:09 UTC".
func Exact(t time.Time) string {
	if t.IsZero() {
		return "not yet"
	}
	return t.UTC().Format("2 Jan 2006, 15:04:05 UTC")
}

// Day writes the date of t in t's own zone: "22 Nov 2026".
func Day(t time.Time) string {
	if t.IsZero() {
		return "not yet"
	}
	return t.Format("2 Jan 2006")
}

// Hour writes the time of day with its zone: "14:05 UTC".
func Hour(t time.Time) string {
	return t.Format("15:04 ") + Zone(t)
}

// Zone names t's zone by its letters, or by its offset where it has none.
func Zone(t time.Time) string {
	name, offset := t.Zone()
	if name != "" && name[0] >= 'A' && name[0] <= 'Z' {
		return name
	}
	if offset == 0 {
		return "UTC"
	}
	return t.Format("UTC-07:00")
}

// Ago says how far t lies from now: "just now", "2 h ago", "in 3 d". Beyond
// thirty days it gives the date, which is easier to place.
func Ago(t, now time.Time) string {
	if t.IsZero() {
		return "not yet"
	}
	d := now.Sub(t)
	ahead := d < 0
	if ahead {
		d = -d
	}
	var words string
	switch {
	case d < time.Minute:
		return "just now"
	case d < time.Hour:
		words = strconv.Itoa(int(d/time.Minute)) + " m"
	case d < 48*time.Hour:
		words = strconv.Itoa(int(d/time.Hour)) + " h"
	case d < 30*24*time.Hour:
		words = strconv.Itoa(int(d/(24*time.Hour))) + " d"
	default:
		return Day(t)
	}
	if ahead {
		return "in " + words
	}
	return words + " ago"
}

// Duration writes d in its two largest units, rounded down: "45 s", "2 h 10 m",
// "3 d 4 h". The sign is dropped: the words around it say which way.
func Duration(d time.Duration) string {
	if d = d.Abs(); d >= 48*time.Hour {
		return pair(int64(d/(24*time.Hour)), "d", int64(d%(24*time.Hour)/time.Hour), "h")
	}
	return Hours(d)
}

// Hours is Duration without days, for clocks on a business calendar, where a
// day is not 24 hours.
func Hours(d time.Duration) string {
	d = d.Abs()
	switch {
	case d == 0:
		return "0 m"
	case d < time.Minute:
		return strconv.Itoa(int(d/time.Second)) + " s"
	case d < time.Hour:
		return strconv.Itoa(int(d/time.Minute)) + " m"
	}
	return pair(int64(d/time.Hour), "h", int64(d%time.Hour/time.Minute), "m")
}

func pair(a int64, unit string, b int64, small string) string {
	if b == 0 {
		return Number(a) + " " + unit
	}
	return Number(a) + " " + unit + " " + strconv.FormatInt(b, 10) + " " + small
}

// Number groups the digits of n by thousands: "12,481".
func Number(n int64) string {
	s := strconv.FormatInt(n, 10)
	sign := ""
	if strings.HasPrefix(s, "-") {
		sign, s = "-", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return sign + s
}

// Count writes n with the noun that fits it: "1 case", "412 cases".
func Count(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return Number(n) + " " + many
}

// Bytes writes a size in decimal units: "812 B", "1.4 MB", "23 MB".
func Bytes(n int64) string {
	if n < 0 {
		return "-" + Bytes(-max(n, -math.MaxInt64))
	}
	if n < 1000 {
		return strconv.FormatInt(n, 10) + " B"
	}
	v, unit := float64(n), ""
	for _, u := range []string{"kB", "MB", "GB", "TB", "PB"} {
		if v /= 1000; v < 999.5 || u == "PB" {
			unit = u
			break
		}
	}
	if v < 9.95 {
		return fmt.Sprintf("%.1f %s", v, unit)
	}
	return fmt.Sprintf("%.0f %s", v, unit)
}

// Percent writes part of whole as a whole percentage, "no data" for an empty
// whole. It never rounds up to 100 nor down to 0: neither would be true.
func Percent(part, whole int64) string {
	switch {
	case whole <= 0:
		return "no data"
	case part >= whole:
		return "100 %"
	case part <= 0:
		return "0 %"
	}
	p := int64(float64(part)/float64(whole)*100 + 0.5)
	return strconv.FormatInt(min(max(p, 1), 99), 10) + " %"
}

// Hash shortens a hash to its first eight and last four characters; what is
// already short stays whole.
func Hash(h string) string {
	r := []rune(h)
	if len(r) <= 16 {
		return h
	}
	return string(r[:8]) + "…" + string(r[len(r)-4:])
}

// Clip cuts s to at most n characters, the last one an ellipsis.
func Clip(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	if n < 1 {
		return ""
	}
	return strings.TrimRight(string(r[:n-1]), " ") + "…"
}

// Foreign makes a stranger's text fit for a log and a page: valid, one line, of
// the first max bytes. "no reason given" where nothing is left.
func Foreign(b []byte, max int) string {
	s := strings.ToValidUTF8(string(b[:min(len(b), max)]), "")
	s = strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsGraphic(r) {
			return r
		}
		return ' '
	}, s))
	if s == "" {
		return "no reason given"
	}
	return s
}
