package evidence

import (
	"context"
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

// figures are numbers by name, as a report and the rows of a package must
// agree on them.
type figures map[string]int64

func (f figures) add(n int64, format string, args ...any) {
	if n != 0 {
		f[fmt.Sprintf(format, args...)] += n
	}
}

// figures returns the numbers of a report.
func (r *Report) figures() figures {
	f := figures{}
	for _, c := range r.Channels {
		f.add(c.Inbound, "communications inbound on channel %s", c.ID)
		f.add(c.Answers, "answers on channel %s", c.ID)
		f.add(c.Confirmations, "confirmations on channel %s", c.ID)
		f.add(c.Notes, "notes on channel %s", c.ID)
	}
	f.add(r.Unparsed, "messages that could not be read")
	for _, w := range r.Weeks {
		f.add(w.Inbound, "communications inbound in the week from %s", w.From.Format(time.DateOnly))
		f.add(w.Answers, "answers in the week from %s", w.From.Format(time.DateOnly))
		for category, n := range w.Received {
			f.add(n, "cases %q received in the week from %s", category, w.From.Format(time.DateOnly))
		}
	}
	f.add(r.Received, "cases received")
	f.add(r.Answered, "cases answered")
	f.add(r.Closed, "cases closed")
	f.add(r.Sent, "responses sent")
	for kind, counts := range map[string][]Count{"cases of category": r.Categories, "cases of severity": r.Severities, "cases set aside": r.Dispositions,
		"open at the end": r.Backlog, "responses approved by": r.Approvals, "exceptions": r.Exceptions} {
		for _, c := range counts {
			f.add(c.N, "%s %q", kind, c.Name)
		}
	}
	for _, t := range r.Timings {
		f.add(t.Answered, "measured answers of severity %q", t.Severity)
		f.add(int64(t.Median.Seconds()), "median seconds of severity %q", t.Severity)
		f.add(int64(t.P90.Seconds()), "seconds of nine in ten of severity %q", t.Severity)
		f.add(t.Met, "targets met of severity %q", t.Severity)
		f.add(t.Missed, "targets missed of severity %q", t.Severity)
		f.add(t.Late, "unanswered late of severity %q", t.Severity)
	}
	for _, n := range r.Numbers {
		f.add(n.Count, "tracking numbers of %d", n.Year)
	}
	return f
}

// recount reads the CSV files again, as anybody can who has the package, adds
// their rows up and ends the making where the report says anything else.
func (b *builder) recount(context.Context) error {
	x := &recounter{period: b.survey.period, asOf: b.survey.asOf, weeks: b.tally.weeks, figures: figures{}, took: map[string][]int64{}, approvals: map[string]int{}}
	for _, file := range []struct {
		name string
		add  func(cells) error
	}{{"communications", x.communication}, {"cases", x.casefile}, {"approvals", x.approval}, {"responses", x.response}, {"exceptions", x.exception}} {
		t := b.tables[slices.IndexFunc(b.tables, func(t *table) bool { return t.name == file.name })]
		r, err := t.csv.reader()
		if err == nil {
			err = eachCells(r, file.add)
		}
		if err != nil {
			return fmt.Errorf("recount %s: %w", t.file(".csv"), err)
		}
	}
	x.quantiles()
	return compareFigures(b.report.figures(), x.figures)
}

func compareFigures(reported, counted figures) error {
	both := maps.Clone(counted)
	maps.Copy(both, reported)
	for _, name := range slices.Sorted(maps.Keys(both)) {
		if reported[name] != counted[name] {
			return fmt.Errorf("evidence: the report does not agree with its rows: %s: %d in the report, %d in the files", name, reported[name], counted[name])
		}
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

// recounter adds up rows. It shares nothing with tally but the definitions.
type recounter struct {
	period  Period
	asOf    time.Time
	weeks   []Week
	figures figures
	took    map[string][]int64 // seconds, by severity

	approvals map[string]int // by response
}

func (x *recounter) within(t time.Time) bool {
	return !t.IsZero() && !t.Before(x.period.From) && t.Before(x.period.To)
}

func (x *recounter) week(t time.Time) string {
	day := ""
	for _, w := range x.weeks {
		if day == "" || !w.From.After(t) {
			day = w.From.Format(time.DateOnly)
		}
	}
	return day
}

func (x *recounter) communication(c cells) error {
	if c["first_entry"] == "" {
		return nil
	}
	week := x.week(c.time("received"))
	switch {
	case c["direction"] == string(intake.Inbound):
		x.figures.add(1, "communications inbound on channel %s", c["channel"])
		x.figures.add(1, "communications inbound in the week from %s", week)
		if c["unparsed"] == "true" {
			x.figures.add(1, "messages that could not be read")
		}
	case c["direction"] == string(intake.Note):
		x.figures.add(1, "notes on channel %s", c["channel"])
	case c["auto"] != "":
		x.figures.add(1, "confirmations on channel %s", c["channel"])
	default:
		x.figures.add(1, "answers on channel %s", c["channel"])
		x.figures.add(1, "answers in the week from %s", week)
	}
	return nil
}

func (x *recounter) casefile(c cells) error {
	received := c.time("received")
	if c["first_entry"] != "" {
		x.figures.add(1, "cases received")
		x.figures.add(1, "cases of category %q", c["category"])
		x.figures.add(1, "cases of severity %q", c["severity"])
		x.figures.add(1, "cases %q received in the week from %s", c["category"], x.week(received))
		if c["disposition"] != "" {
			x.figures.add(1, "cases set aside %q", c["disposition"])
		}
		year, _, ok := parseNumber(c["number"])
		if !ok {
			return fmt.Errorf("%q is not a tracking number", c["number"])
		}
		x.figures.add(1, "tracking numbers of %d", year)
	}
	closed := c["state"] == string(intake.Closed)
	if closed && x.within(c.time("closed")) {
		x.figures.add(1, "cases closed")
	}
	answered := c.time("first_response")
	if !closed && c["disposition"] == "" {
		switch {
		case c["state"] == string(intake.Answered):
			x.figures.add(1, "open at the end %q", "answered, not closed")
		case !answered.IsZero():
			x.figures.add(1, "open at the end %q", "open again, waits for us")
		default:
			x.figures.add(1, "open at the end %q", "waits for a first response")
		}
	}
	if x.within(answered) {
		x.figures.add(1, "cases answered")
	}
	return x.target(c, answered, closed)
}

// target judges a case's target by its instants.
func (x *recounter) target(c cells, answered time.Time, closed bool) error {
	severity, due, until := c["severity"], c.time("due"), x.asOf
	if closed {
		until = c.time("closed")
	}
	if c["response_seconds"] != "" && x.within(answered) {
		n, err := strconv.ParseInt(c["response_seconds"], 10, 64)
		if err != nil {
			return err
		}
		x.took[severity] = append(x.took[severity], n)
		x.figures.add(1, "measured answers of severity %q", severity)
	}
	switch {
	case due.IsZero() || c["disposition"] != "":
	case x.within(answered) && answered.After(due):
		x.figures.add(1, "targets missed of severity %q", severity)
	case x.within(answered):
		x.figures.add(1, "targets met of severity %q", severity)
	case answered.IsZero() && until.After(due) && (!closed || x.within(until)):
		x.figures.add(1, "unanswered late of severity %q", severity)
	}
	return nil
}

func (x *recounter) approval(c cells) error {
	if c["decision"] == "approved" {
		x.approvals[strings.Clone(c["record"])]++
	}
	return nil
}

func (x *recounter) response(c cells) error {
	if c["state"] == string(response.Sent) && x.within(c.time("sent")) {
		x.figures.add(1, "responses sent")
		x.figures.add(1, "responses approved by %q", approvedBy(x.approvals[c["record"]]))
	}
	return nil
}

func (x *recounter) exception(c cells) error {
	x.figures.add(1, "exceptions %q", c["type"])
	return nil
}

func (x *recounter) quantiles() {
	for severity, list := range x.took {
		slices.Sort(list)
		x.figures.add(list[(len(list)-1)/2], "median seconds of severity %q", severity)
		x.figures.add(list[(9*len(list)+9)/10-1], "seconds of nine in ten of severity %q", severity)
	}
}
