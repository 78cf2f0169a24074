package evidence

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"example.org/countersign/internal/id"
	"example.org/countersign/internal/ledger"
)

// parseNumber reads a tracking number.
func parseNumber(s string) (year int, n int64, ok bool) {
	y, digits, _ := strings.Cut(strings.TrimPrefix(s, "C-"), "-")
	year, err1 := strconv.Atoi(y)
	n, err2 := strconv.ParseInt(digits, 10, 64)
	return year, n, err1 == nil && err2 == nil && id.Number(year, n) == s
}

// gaps fails where a tracking number between two that were given in the period
// is nobody's (CC2.3: nothing that came in was left out).
func (t *tally) gaps() error {
	for _, year := range slices.Sorted(maps.Keys(t.numbers)) {
		list := t.numbers[year]
		slices.Sort(list)
		for i := 1; i < len(list); i++ {
			switch list[i] - list[i-1] {
			case 1:
			case 0:
				return &ledger.Mismatch{Where: "case " + id.Number(year, list[i]), What: "is there twice"}
			default:
				return &ledger.Mismatch{Where: "case " + id.Number(year, list[i-1]+1), What: "is missing: the number after it was given"}
			}
		}
	}
	return nil
}

// ranges returns the tracking numbers given, by year.
func (t *tally) ranges() (all []NumberRange) {
	for _, year := range slices.Sorted(maps.Keys(t.numbers)) {
		list := t.numbers[year]
		all = append(all, NumberRange{Year: year, First: id.Number(year, slices.Min(list)), Last: id.Number(year, slices.Max(list)), Count: int64(len(list))})
	}
	return all
}
