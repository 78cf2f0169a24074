package verify

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.org/countersign/verify/format"
)

// A rule says what the documents of an act must hold. Rules see the entries of
// the range in their order.
type rule struct {
	act   string // the act it is about: its entries must show their document
	kind  string // or the record kind: those that show it
	check func(*conduct, *act) error
}

// rules is the table that a later kind of record adds its own to.
var rules = []rule{
	{act: "casefile.opened", check: (*conduct).opened},
	{kind: "casefile", check: (*conduct).numbered},
	{act: "response.sending", check: (*conduct).sending},
	{act: "response.sent", check: (*conduct).sent},
	{act: "response.resolved", check: (*conduct).resolved},
}

// act is an entry of the range and its document.
type act struct {
	index int64
	entry format.Entry
	doc   *format.Document // nil where it is not shown
}

// conduct follows what was done over the range.
type conduct struct {
	byAct, byKind map[string][]rule

	begin   int64             // time of the first entry, the beginning of time where that is the log's first
	numbers map[string]string // tracking numbers as JSON, by the case's record id
	years   map[int]*year

	cases, responses int64
	exceptions       []Exception
}

func newConduct(c *checker) *conduct {
	k := &conduct{
		byAct: make(map[string][]rule), byKind: make(map[string][]rule),
		begin: c.summary.FirstTime.UnixMicro(), numbers: make(map[string]string), years: make(map[int]*year),
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
		if len(must) > 0 {
			return fmt.Errorf("record %s: its document is not shown, so that %s cannot be checked", a.entry.Record, a.entry.Act)
		}
		return nil
	}
	for _, list := range [...][]rule{must, may} {
		for _, r := range list {
			if err := r.check(k, a); err != nil {
				return fmt.Errorf("record %s: %w", a.entry.Record, err)
			}
		}
	}
	return nil
}

func (k *conduct) conclude(s *Summary) {
	s.Cases, s.Responses, s.Exceptions = k.cases, k.responses, k.exceptions
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

// Exception is a response that was sent under a named rule instead of the
// approvals that are otherwise required.
type Exception struct {
	Entry  int64
	Record string
	Rule   string
}

// approval is one of a response's.
type approval struct {
	By          string `json:"by"`
	ContentHash string `json:"content_hash"`
}

// answer is what a response's document says of its approval.
type answer struct {
	state, content, sent string
	authors              []string
	approvals            []approval
	quorum               int64
	exception            string
}

func (r *answer) read(d *format.Document) error {
	return cmp.Or(
		into(&r.state, d, "state"), into(&r.content, d, "content_hash"), into(&r.sent, d, "sent_hash"),
		into(&r.authors, d, "authors"), into(&r.approvals, d, "approvals"),
		into(&r.quorum, d, "quorum"), into(&r.exception, d, "exception"))
}

func into[T any](v *T, d *format.Document, name string) (err error) {
	*v, err = field[T](d, name)
	return err
}

// sending checks a response before its hand-over: where nobody learns how that
// ends, it is the last that is known of it.
func (k *conduct) sending(a *act) error {
	_, err := released(a, "sending")
	return err
}

// sent checks a response that went out, and counts it.
func (k *conduct) sent(a *act) error {
	r, err := released(a, "sent")
	if err != nil {
		return err
	}
	k.responses++
	if r.exception != "" {
		k.exceptions = append(k.exceptions, Exception{a.index, strings.Clone(a.entry.Record), r.exception})
	}
	return nil
}

// resolved checks a response of which a person said whether it went out.
func (k *conduct) resolved(a *act) error {
	state, err := field[string](a.doc, "state")
	if err != nil || state != "sent" {
		return err
	}
	return k.sent(a)
}

// released checks that what leaves is what was approved, by as many persons as
// required who had not written it (CC2.3, CC5.3), or that an exception names
// the rule for that.
func released(a *act, state string) (*answer, error) {
	var r answer
	if err := r.read(a.doc); err != nil {
		return nil, err
	}
	if r.state != state {
		return nil, fmt.Errorf("the act is %s but the state of the response %q", a.entry.Act, r.state)
	}
	if _, err := format.ParseHex(r.content); err != nil {
		return nil, fmt.Errorf("content_hash: %w", err)
	}
	if r.sent != r.content {
		return nil, errors.New("what was sent is not the content of the response")
	}
	if r.exception == "" {
		return &r, r.approved()
	}
	if len(r.exception) > maxException {
		return nil, errors.New("the exception does not name a rule but tells a story")
	}
	return &r, nil
}

// maxException is the length in bytes that the name of a rule may have.
const maxException = 400

// approved checks the approvals of a response that is no exception.
func (r *answer) approved() error {
	var by []string
	for _, p := range r.approvals {
		switch {
		case p.By == "":
			return errors.New("an approval does not say by whom")
		case slices.Contains(r.authors, p.By):
			return fmt.Errorf("approved by %q, who is one of its authors", p.By)
		case p.ContentHash != r.content:
			return fmt.Errorf("the approval by %q is for other content", p.By)
		case !slices.Contains(by, p.By):
			by = append(by, p.By)
		}
	}
	switch {
	case len(r.authors) == 0:
		return errors.New("the response has no author")
	case r.quorum < 1:
		return errors.New("no approval was required, and no exception names the rule for that")
	case int64(len(by)) < r.quorum:
		return fmt.Errorf("approved by %d of the %d persons required", len(by), r.quorum)
	}
	return nil
}
