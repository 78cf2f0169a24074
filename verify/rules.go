package verify

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"example.org/countersign/verify/format"
)

// A rule says what the documents of an act must hold. Rules see the entries
// of the range and the references in the order of the log.
type rule struct {
	act      string // the act it is about: its entries must show their document
	kind     string // or the record kind: those that show it
	anywhere bool   // not in the range alone: also references that show it
	check    func(*conduct, *act) error
}

// rules is the table that a later kind of record adds its own to.
var rules = []rule{
	{act: "casefile.opened", check: (*conduct).opened},
	{kind: "casefile", check: (*conduct).numbered},
	{act: "response.approved", anywhere: true, check: (*conduct).approved},
	{kind: "response", anywhere: true, check: (*conduct).upheld},
	{act: "response.sending", check: (*conduct).sending},
	{act: "response.sent", check: (*conduct).sent},
	{act: "response.resolved", check: (*conduct).resolved},
}

// act is an entry and its document.
type act struct {
	index     int64
	entry     format.Entry
	doc       *format.Document // nil where it is not shown
	reference bool             // it is outside the range
}

// conduct follows what was done over the range.
type conduct struct {
	byAct, byKind map[string][]rule

	begin   int64             // time of the first entry, the beginning of time where that is the log's first
	numbers map[string]string // tracking numbers as JSON, by the case's record id
	years   map[int]*year

	given  map[string][]approval // by entries, of each response
	listed []byte                // approvals as they were read last
	list   []approval            // what they say
	names  format.Names

	cases, responses, approvals, veiled int64
	exceptions                          []Exception
}

func newConduct(c *checker) *conduct {
	k := &conduct{
		byAct: make(map[string][]rule), byKind: make(map[string][]rule),
		begin: c.summary.FirstTime.UnixMicro(), numbers: make(map[string]string), years: make(map[int]*year),
		given: make(map[string][]approval), names: make(format.Names),
	}
	if c.span.First == 0 {
		k.begin = math.MinInt64
	}
	for _, r := range rules {
		if r.act != "" {
			k.byAct[r.act] = append(k.byAct[r.act], r)
		} else {
			k.byKind[r.kind] = append(k.byKind[r.kind], r)
		}
	}
	return k
}

// follow applies the rules to the next entry.
func (k *conduct) follow(a *act) error {
	must, may := k.byAct[a.entry.Act], k.byKind[a.entry.Kind()]
	if a.doc == nil {
		if len(must) > 0 && !a.reference {
			return fmt.Errorf("record %s: its document is not shown, so that %s cannot be checked", a.entry.Record, a.entry.Act)
		}
		return nil
	}
	for _, list := range [...][]rule{must, may} {
		for _, r := range list {
			if a.reference && !r.anywhere {
				continue
			}
			if err := r.check(k, a); err != nil {
				return fmt.Errorf("record %s: %w", a.entry.Record, err)
			}
		}
	}
	return k.learn(a)
}

// learn takes the name of a person or channel, which rows show beside its id.
func (k *conduct) learn(a *act) error {
	k.names.Learn(&a.entry, a.doc)
	if len(k.names) > maxNames || len(k.names[a.entry.Record]) > maxText {
		return errors.New("there are more names of persons and channels, or longer ones, than can be held in memory")
	}
	return nil
}

// maxNames bounds the memory that names take.
const maxNames = 1 << 16

func (k *conduct) conclude(c *checker) {
	c.names = k.names
	c.summary.Cases, c.summary.Responses, c.summary.Approvals = k.cases, k.responses, k.approvals
	c.summary.Exceptions, c.summary.Veiled = k.exceptions, k.veiled
}

// year is the tracking numbers of one year.
type year struct {
	opened bool  // one of them in the range
	first  int64 // the first opened in the range
	last   int64 // the highest that was seen
}

// parseNumber parses a tracking number C-2026-000001.
func parseNumber(s string) (yr int, n int64, err error) {
	y, digits, _ := strings.Cut(strings.TrimPrefix(s, "C-"), "-")
	yr, err1 := strconv.Atoi(y)
	n, err2 := strconv.ParseInt(digits, 10, 64)
	if err1 != nil || err2 != nil || n < 1 || fmt.Sprintf("C-%04d-%06d", yr, n) != s {
		return 0, 0, fmt.Errorf("%q is not a tracking number", s)
	}
	return yr, n, nil
}

// opened checks that a new case has the next number of its year (CC2.3:
// nothing that came in was left out).
func (k *conduct) opened(a *act) error {
	number, yr, n, err := k.number(a)
	if err != nil {
		return err
	}
	if number == "" {
		return errors.New("the case has no tracking number")
	}
	if k.numbers[a.entry.Record] != "" {
		return errors.New("the case is opened twice")
	}
	y := k.years[yr]
	if y.opened || k.wholeYear(yr) {
		if n != y.last+1 {
			return fmt.Errorf("the tracking number is %s, where %s follows", number, fmt.Sprintf("C-%04d-%06d", yr, y.last+1))
		}
	} else if n <= y.last {
		return fmt.Errorf("the tracking number %s is not after that of an earlier case", number)
	}
	if !y.opened {
		y.opened, y.first = true, n
	}
	y.last = n
	k.keep(a)
	k.cases++
	return nil
}

// wholeYear reports whether every number of a year was given in the range: the
// range begins with the log, or before the year does anywhere on earth.
func (k *conduct) wholeYear(yr int) bool {
	return k.begin < time.Date(yr, time.January, 1, -14, 0, 0, 0, time.UTC).UnixMicro()
}

// keep remembers the tracking number in a document.
func (k *conduct) keep(a *act) {
	k.numbers[strings.Clone(a.entry.Record)] = string(a.doc.Field("number"))
}

// number returns the tracking number in a document, empty where it shows none.
func (k *conduct) number(a *act) (number string, yr int, n int64, err error) {
	if number, err = field[string](a.doc, "number"); err != nil || number == "" {
		return "", 0, 0, err
	}
	if yr, n, err = parseNumber(number); err == nil && k.years[yr] == nil {
		k.years[yr] = &year{}
	}
	return number, yr, n, err
}

// numbered checks that a case keeps its number, and that one from before the
// range has none that was given in it.
func (k *conduct) numbered(a *act) error {
	raw, known := a.doc.Field("number"), k.numbers[a.entry.Record]
	if raw == nil || string(raw) == known {
		return nil
	}
	number, yr, n, err := k.number(a)
	switch {
	case err != nil || number == "":
		return err
	case known != "":
		return fmt.Errorf("the tracking number was %s and is now %q", known, number)
	case k.wholeYear(yr):
		return fmt.Errorf("the case %s is there without having been opened", number)
	}
	y := k.years[yr]
	if y.opened && n >= y.first {
		return fmt.Errorf("the tracking number %s is not that of a case from before the range", number)
	}
	y.last = max(y.last, n)
	k.keep(a)
	return nil
}
