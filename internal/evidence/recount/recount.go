// Package recount adds up the rows of a package's CSV files, as anybody can who
// has the package: the second of two computations that must agree before there
// is one. It shares nothing with the first but the names of the figures.
package recount

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/response"
)

// Figures are numbers by name, as a report and the rows of a package must
// agree on them. What is zero is not there.
type Figures map[string]int64

// Add adds n to the figure of a name.
func (f Figures) Add(n int64, format string, args ...any) {
	if n != 0 {
		f[fmt.Sprintf(format, args...)] += n
	}
}

// Compare returns an error that names the first figure which two computations
// do not agree on.
func Compare(reported, counted Figures) error {
	both := maps.Clone(counted)
	maps.Copy(both, reported)
	for _, name := range slices.Sorted(maps.Keys(both)) {
		if reported[name] != counted[name] {
			return fmt.Errorf("the report does not agree with its rows: %s: %d in the report, %d in the files", name, reported[name], counted[name])
		}
	}
	return nil
}

// ApprovedBy says by how many persons a response was approved.
func ApprovedBy(n int) string {
	switch n {
	case 0:
		return "nobody, by a rule"
	case 1:
		return "one person"
	case 2:
		return "two persons"
	}
	return fmt.Sprintf("%d persons", n)
}

// Counter adds up rows.
type Counter struct {
	From, To time.Time   // period, To excluded
	AsOf     time.Time   // its end, or when the record was looked at, where that was before
	Weeks    []time.Time // beginnings, ascending
	Figures  Figures

	took      map[string][]int64 // seconds, by severity
	approvals map[string]int     // by response
}

// Files are the tables that are added up, in their order.
var Files = []string{"communications", "cases", "approvals", "responses", "exceptions"}

// Count adds up one of Files.
func (x *Counter) Count(name string, file io.Reader) error {
	if x.Figures == nil {
		x.Figures, x.took, x.approvals = Figures{}, map[string][]int64{}, map[string]int{}
	}
	add := map[string]func(cells) error{"communications": x.communication, "cases": x.casefile, "approvals": x.approval,
		"responses": x.response, "exceptions": x.exception}[name]
	if err := eachCells(file, add); err != nil {
		return fmt.Errorf("recount %s: %w", name, err)
	}
	if name == "cases" {
		x.quantiles()
	}
	return nil
}

// cells are those of one row, by column.
type cells map[string]string

func (c cells) time(name string) time.Time {
	t, _ := time.Parse(time.RFC3339Nano, c[name]) // zero where there is none
	return t
}

func eachCells(r io.Reader, f func(cells) error) error {
	in := csv.NewReader(r)
	in.ReuseRecord = true
	var header []string
	row := cells{}
	for {
		line, err := in.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if header == nil {
			header = slices.Clone(line)
			continue
		}
		for i, name := range header {
			row[name] = bare(line[i])
		}
		if err := f(row); err != nil {
			return err
		}
	}
}

// bare takes the apostrophe off that keeps a spreadsheet from calculating:
// ids may begin with a minus, too.
func bare(text string) string {
	if len(text) > 1 && text[0] == '\'' && strings.IndexByte("=+-@\t\r", text[1]) >= 0 {
		return text[1:]
	}
	return text
}

func (x *Counter) within(t time.Time) bool {
	return !t.IsZero() && !t.Before(x.From) && t.Before(x.To)
}

func (x *Counter) week(t time.Time) string {
	day := ""
	for _, w := range x.Weeks {
		if day == "" || !w.After(t) {
			day = w.Format(time.DateOnly)
		}
	}
	return day
}

func (x *Counter) communication(c cells) error {
	if c["first_entry"] == "" {
		return nil
	}
	week := x.week(c.time("received"))
	switch {
	case c["direction"] == string(intake.Inbound):
		x.Figures.Add(1, "communications inbound on channel %s", c["channel"])
		x.Figures.Add(1, "communications inbound in the week from %s", week)
		if c["unparsed"] == "true" {
			x.Figures.Add(1, "messages that could not be read")
		}
	case c["direction"] == string(intake.Note):
		x.Figures.Add(1, "notes on channel %s", c["channel"])
	case c["auto"] != "":
		x.Figures.Add(1, "confirmations on channel %s", c["channel"])
	default:
		x.Figures.Add(1, "answers on channel %s", c["channel"])
		x.Figures.Add(1, "answers in the week from %s", week)
	}
	return nil
}

func (x *Counter) casefile(c cells) error {
	received := c.time("received")
	if c["first_entry"] != "" {
		x.Figures.Add(1, "cases received")
		x.Figures.Add(1, "cases of category %q", c["category"])
		x.Figures.Add(1, "cases of severity %q", c["severity"])
		x.Figures.Add(1, "cases %q received in the week from %s", c["category"], x.week(received))
		if c["disposition"] != "" {
			x.Figures.Add(1, "cases set aside %q", c["disposition"])
		}
		year, _, ok := strings.Cut(strings.TrimPrefix(c["number"], "C-"), "-")
		if !ok {
			return fmt.Errorf("%q is not a tracking number", c["number"])
		}
		x.Figures.Add(1, "tracking numbers of %s", year)
	}
	closed := c["state"] == string(intake.Closed)
	if closed && x.within(c.time("closed")) {
		x.Figures.Add(1, "cases closed")
	}
	answered := c.time("first_response")
	if !closed && c["disposition"] == "" {
		switch {
		case c["state"] == string(intake.Answered):
			x.Figures.Add(1, "open at the end %q", "answered, not closed")
		case !answered.IsZero():
			x.Figures.Add(1, "open at the end %q", "open again, waits for us")
		default:
			x.Figures.Add(1, "open at the end %q", "waits for a first response")
		}
	}
	if x.within(answered) {
		x.Figures.Add(1, "cases answered")
	}
	return x.target(c, answered, closed)
}

// target judges a case's target by its instants.
func (x *Counter) target(c cells, answered time.Time, closed bool) error {
	severity, due, until := c["severity"], c.time("due"), x.AsOf
	if closed {
		until = c.time("closed")
	}
	if c["response_seconds"] != "" && x.within(answered) {
		n, err := strconv.ParseInt(c["response_seconds"], 10, 64)
		if err != nil {
			return err
		}
		x.took[severity] = append(x.took[severity], n)
		x.Figures.Add(1, "measured answers of severity %q", severity)
	}
	switch {
	case due.IsZero() || c["disposition"] != "":
	case x.within(answered) && answered.After(due):
		x.Figures.Add(1, "targets missed of severity %q", severity)
	case x.within(answered):
		x.Figures.Add(1, "targets met of severity %q", severity)
	case answered.IsZero() && until.After(due) && (!closed || x.within(until)):
		x.Figures.Add(1, "unanswered late of severity %q", severity)
	}
	return nil
}

func (x *Counter) approval(c cells) error {
	if c["act"] == "response.approved" {
		x.approvals[strings.Clone(c["record"])]++
	}
	return nil
}

func (x *Counter) response(c cells) error {
	if c["state"] == string(response.Sent) && x.within(c.time("sent")) {
		x.Figures.Add(1, "responses sent")
		x.Figures.Add(1, "responses approved by %q", ApprovedBy(x.approvals[c["record"]]))
	}
	return nil
}

func (x *Counter) exception(c cells) error {
	x.Figures.Add(1, "exceptions %q", c["type"])
	return nil
}

func (x *Counter) quantiles() {
	for severity, list := range x.took {
		slices.Sort(list)
		x.Figures.Add(list[(len(list)-1)/2], "median seconds of severity %q", severity)
		x.Figures.Add(list[(9*len(list)+9)/10-1], "seconds of nine in ten of severity %q", severity)
	}
}
