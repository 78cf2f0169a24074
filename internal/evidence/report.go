package evidence

import (
	"cmp"
	"context"
	"encoding/base64"
	"slices"
	"time"

	"example.org/countersign/internal/clock"
	"example.org/countersign/internal/evidence/extract"
	"example.org/countersign/internal/evidence/recount"
	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/response"
	"example.org/countersign/internal/rules"
)

// Report is the numbers of a period. Records count as they stood at its end.
type Report struct {
	Organisation string
	Generator    string // name and version of the product
	Period       Period
	AsOf         time.Time // end of the period, or MadeAt where it is not over
	MadeAt       time.Time
	Log          Log

	Communications Flow          // recorded in the period
	Channels       []ChannelFlow // the same by channel, in the order of names
	Unparsed       int64         // of the inbound ones, those kept raw
	Weeks          []Week        // UTC, from Monday
	Received       int64         // cases opened in the period
	Categories     []Count       // of them, most first
	Severities     []Count       // of them, from critical to not classified
	Dispositions   []Count       // of them, those set aside
	Answered       int64         // cases whose first response went out in the period
	Closed         int64         // cases closed in the period
	Overall        Timing        // first responses, all severities
	Timings        []Timing      // by severity
	Backlog        []Count       // not closed at the end, by what they wait for
	Sent           int64         // responses sent in the period
	Approvals      []Count       // of them, by how many persons approved
	Exceptions     []Count       // by type, see the rows of records/exceptions
	Numbers        []NumberRange // tracking numbers given in the period, by year
	Kinds          []KindRange   // entries of the period, by record kind
}

// Log says which part of which log the numbers are from.
type Log struct {
	Origin string
	Key    string // verifier key
	Size   int64  // entries that the checkpoint covers
	Root   string // base64
	First  int64  // entry of the period
	Count  int64  // entries in the period
}

// Flow counts communications.
type Flow struct {
	Inbound       int64
	Answers       int64 // outbound, written and approved by persons
	Confirmations int64 // outbound, sent by the product on receipt
	Notes         int64 // internal
}

// All is the sum.
func (f Flow) All() int64 { return f.Inbound + f.Answers + f.Confirmations + f.Notes }

// ChannelFlow is the communications of one channel.
type ChannelFlow struct {
	ID, Name, Address string
	Flow
}

// Week is a part of the period, from a Monday or the period's beginning.
type Week struct {
	From     time.Time
	Inbound  int64
	Answers  int64
	Received map[string]int64 // cases by category
}

// Count is a number and what it counts.
type Count struct {
	Name string
	N    int64
}

// Timing is how long first responses took, in the time that the case's target
// counts, and what came of the targets: Met and Missed by responses in the
// period, Late without one at its end.
type Timing struct {
	Severity          string // "" not classified
	Answered          int64  // responses in the period that a clock ran for
	Median, P90       time.Duration
	Target            time.Duration // in force at the end; 0: none
	DayAndNight       bool          // the target is not counted in business hours
	Met, Missed, Late int64
}

// NumberRange is the tracking numbers of one year.
type NumberRange struct {
	Year        int
	First, Last string
	Count       int64
}

// KindRange is the sequence numbers of the entries of one record kind.
type KindRange struct {
	Kind        string
	First, Last int64
}

// Report computes the numbers of a period from the log.
func (d *Desk) Report(ctx context.Context, p Period) (*Report, error) {
	s, err := extract.Take(ctx, d.ledger, p, func(string, int64, int64) {})
	if err != nil {
		return nil, aborted(err)
	}
	r, err := d.count(ctx, s)
	return r, aborted(err)
}

func (d *Desk) count(ctx context.Context, s *extract.Survey) (*Report, error) {
	reg, err := d.register(ctx, s)
	if err != nil {
		return nil, err
	}
	t := newTally(s, reg)
	err = eachVersion(ctx, d, s.Of(extract.KindCommunication, nil), intake.Communications.Select, func(m *intake.Communication) *ledger.Record { return &m.Record }, t.communication)
	if err != nil {
		return nil, err
	}
	open := s.Of(extract.KindCase, func(v *extract.Version) bool { return s.Touched(v) || v.Act != closedAct })
	err = eachVersion(ctx, d, open, intake.Cases.Select, func(c *intake.Case) *ledger.Record { return &c.Record }, func(v *extract.Version, c *intake.Case) {
		if s.Touched(v) || isOpen(c) {
			t.casefile(v, c)
		}
	})
	if err != nil {
		return nil, err
	}
	err = eachVersion(ctx, d, s.Of(extract.KindResponse, s.Touched), response.Responses.Select, func(r *response.Response) *ledger.Record { return &r.Record }, t.response)
	if err != nil {
		return nil, err
	}
	if err := t.standing(ctx, d); err != nil {
		return nil, err
	}
	if err := t.gaps(); err != nil {
		return nil, err
	}
	return t.report(d), nil
}

// closedAct is the act after which nothing is open about a case.
var closedAct = extract.KindCase + ".closed"

// isOpen reports whether a case was still somebody's to answer or close.
func isOpen(c *intake.Case) bool { return c.State != intake.Closed && c.Disposition == "" }

// severityNames are the severities in the order of reports.
var severityNames = []string{string(rules.Critical), string(rules.High), string(rules.Moderate), string(rules.Low), ""}

// tally adds records up.
type tally struct {
	survey   *extract.Survey
	register *register

	flow       map[string]*Flow // by channel
	weeks      []Week
	received   int64
	answered   int64
	closed     int64
	unparsed   int64
	sent       int64
	categories map[string]int64
	severities map[string]int64
	aside      map[string]int64
	backlog    map[string]int64
	approvals  map[string]int64
	timings    map[string]*timing
	numbers    map[int][]int64 // by year
	exceptions []exception
}

// timing is a Timing while it is added up.
type timing struct {
	Timing
	took []time.Duration
}

func newTally(s *extract.Survey, reg *register) *tally {
	t := &tally{survey: s, register: reg, flow: map[string]*Flow{}, categories: map[string]int64{}, severities: map[string]int64{},
		aside: map[string]int64{}, backlog: map[string]int64{}, approvals: map[string]int64{}, timings: map[string]*timing{},
		numbers: map[int][]int64{}}
	for from := s.Period.From.UTC(); from.Before(s.AsOf); {
		t.weeks = append(t.weeks, Week{From: from, Received: map[string]int64{}})
		from = monday(from).AddDate(0, 0, 7)
	}
	for _, name := range severityNames {
		x := &timing{}
		x.Severity = name
		x.Target, x.DayAndNight = reg.target(name)
		t.timings[name] = x
	}
	return t
}

// monday returns the beginning of the week of a day.
func monday(t time.Time) time.Time {
	t = t.UTC().Truncate(24 * time.Hour)
	return t.AddDate(0, 0, -(int(t.Weekday())+6)%7)
}

// week returns the week of an instant. What came in just before the period and
// was recorded within counts for its first.
func (t *tally) week(micros int64) *Week {
	if len(t.weeks) == 0 {
		return &Week{Received: map[string]int64{}}
	}
	i, found := slices.BinarySearchFunc(t.weeks, micros, func(w Week, at int64) int { return cmp.Compare(w.From.UnixMicro(), at) })
	if !found {
		i--
	}
	return &t.weeks[max(i, 0)]
}

func (t *tally) communication(v *extract.Version, m *intake.Communication) {
	if m.Unparsed {
		t.except(unparsedMessage, v, m.Number, m.ReceivedAt, "", "kept as it came; it could not be read as a mail")
	}
	if v.Born < 0 {
		return
	}
	f := t.flow[m.Channel]
	if f == nil {
		f = &Flow{}
		t.flow[m.Channel] = f
	}
	switch {
	case m.Direction == intake.Inbound:
		f.Inbound++
		t.week(m.ReceivedAt).Inbound++
		if m.Unparsed {
			t.unparsed++
		}
	case m.Direction == intake.Note:
		f.Notes++
	case m.Auto != "":
		f.Confirmations++
	default:
		f.Answers++
		t.week(m.ReceivedAt).Answers++
	}
}

// casefile adds a case of the population: opened or touched in the period, or
// open at its end.
func (t *tally) casefile(v *extract.Version, c *intake.Case) {
	if v.Born >= 0 {
		t.received++
		t.categories[string(c.Category)]++
		t.severities[string(c.Severity)]++
		t.week(c.ReceivedAt).Received[string(c.Category)]++
		if c.Disposition != "" {
			t.aside[string(c.Disposition)]++
		}
		if year, n, ok := parseNumber(c.Number); ok {
			t.numbers[year] = append(t.numbers[year], n)
		}
	}
	if c.State == intake.Closed && t.survey.Period.Contains(c.ClosedAt) {
		t.closed++
		if c.FirstResponseAt == 0 && c.ClockFrom != 0 && c.Disposition == "" {
			t.except(closedUnanswered, v, c.Number, c.ClosedAt, "", c.CloseReason)
		}
	}
	if isOpen(c) {
		t.backlog[waitsFor(c)]++
	}
	t.time(v, c)
}

// waitsFor says what a case that is not closed waits for.
func waitsFor(c *intake.Case) string {
	switch {
	case c.State == intake.Answered:
		return "answered, not closed"
	case c.FirstResponseAt != 0:
		return "open again, waits for us"
	}
	return "waits for a first response"
}

// verdict is what became of the clock of a case's first response.
type verdict struct {
	state    clock.State   // None, Paused, Running, Late, Met, Missed
	answered bool          // in the period
	measured bool          // it was answered and a clock ran
	took     time.Duration // counted until the response, or until it stopped to matter
	target   time.Duration // 0: the targets that it was measured by are not known
}

// judge reads the clock of a case as it stood at the end of the period. The
// deadline is the sealed one; how much counted time was used comes from the
// targets and the calendar that it was set by.
func (t *tally) judge(c *intake.Case) verdict {
	v := verdict{state: clock.None, answered: t.survey.Period.Contains(c.FirstResponseAt)}
	if c.ClockFrom == 0 || c.Disposition != "" {
		return v
	}
	v.measured = c.FirstResponseAt != 0
	at := t.survey.AsOf.UnixMicro()
	if c.State == intake.Closed {
		at = c.ClosedAt // whoever closes it unanswered stops waiting
	}
	switch {
	case c.DueAt == 0 && c.SLAVersion != "" && !v.measured:
		v.state = clock.Paused
	case c.DueAt == 0:
	case v.measured && c.FirstResponseAt > c.DueAt:
		v.state = clock.Missed
	case v.measured:
		v.state = clock.Met
	case at > c.DueAt:
		v.state = clock.Late
	default:
		v.state = clock.Running
	}
	if sla, known := t.register.clock(c); known {
		reading := sla.State(time.UnixMicro(at).UTC())
		v.took, v.target = reading.Of-reading.Left, reading.Of
	} else if v.measured {
		v.took = time.Duration(c.FirstResponseAt-c.ClockFrom) * time.Microsecond
	}
	return v
}

func (t *tally) time(v *extract.Version, c *intake.Case) {
	x := t.judge(c)
	sum := t.timings[string(c.Severity)]
	if sum == nil {
		sum = t.timings[""]
	}
	if x.answered {
		t.answered++
		if x.measured {
			sum.Answered++
			sum.took = append(sum.took, x.took)
		}
	}
	switch {
	case x.answered && x.state == clock.Met:
		sum.Met++
	case x.answered && x.state == clock.Missed:
		sum.Missed++
		t.except(lateAnswer, v, c.Number, c.FirstResponseAt, "", "answered after "+words(x.took)+"; "+words(x.target)+" were allowed")
	case x.state == clock.Late && (c.State != intake.Closed || t.survey.Period.Contains(c.ClosedAt)):
		sum.Late++
		t.except(unanswered, v, c.Number, c.DueAt, "", "no answer; it was due "+instant(c.DueAt))
	}
}

func (t *tally) response(v *extract.Version, r *response.Response) {
	if r.State == response.Sent && t.survey.Period.Contains(r.SentAt) {
		t.sent++
		t.approvals[recount.ApprovedBy(len(r.Approvals))]++
	}
	who := ""
	if len(r.Authors) > 0 {
		who = r.Authors[0]
	}
	switch {
	case r.State == response.Sent && r.Exception != "" && t.survey.Period.Contains(r.SentAt):
		t.except(byRule, v, r.Number, r.SentAt, who, r.Exception)
	case r.State == response.Ambiguous:
		t.except(ambiguous, v, r.Number, r.UpdatedAt, who, "nobody knows yet whether it was delivered")
	case r.State == response.Failed:
		t.except(failed, v, r.Number, r.UpdatedAt, who, "the relay refused it")
	}
	for _, a := range r.Attempts {
		if a.By != "" && t.survey.Period.Contains(a.At) {
			t.except(resolved, v, r.Number, a.At, a.By, a.Outcome+": "+a.Detail)
		}
	}
}

// report returns what was added up.
func (t *tally) report(d *Desk) *Report {
	s := t.survey
	r := &Report{Organisation: d.opt.Organisation, Generator: d.opt.Generator, Period: s.Period, AsOf: s.AsOf, MadeAt: s.Made,
		Log: Log{Origin: d.ledger.Origin(), Key: d.ledger.VerifierKey(), Size: s.Head.Size,
			Root: base64.StdEncoding.EncodeToString(s.Head.Root[:]), First: s.First, Count: max(s.End-s.First, 0)},
		Weeks: t.weeks, Unparsed: t.unparsed, Received: t.received, Answered: t.answered, Closed: t.closed, Sent: t.sent,
		Categories: most(t.categories), Dispositions: most(t.aside), Backlog: most(t.backlog), Approvals: most(t.approvals)}
	for channel, f := range t.flow {
		r.Channels = append(r.Channels, ChannelFlow{channel, t.register.channel(channel), t.register.address(channel), *f})
		r.Communications.Inbound += f.Inbound
		r.Communications.Answers += f.Answers
		r.Communications.Confirmations += f.Confirmations
		r.Communications.Notes += f.Notes
	}
	slices.SortFunc(r.Channels, func(a, b ChannelFlow) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID)) })
	for _, name := range severityNames {
		r.Severities = append(r.Severities, Count{name, t.severities[name]})
	}
	t.addTimings(r)
	types := map[string]int64{}
	for i := range t.exceptions {
		types[t.exceptions[i].kind]++
	}
	for _, kind := range exceptionTypes {
		r.Exceptions = append(r.Exceptions, Count{kind, types[kind]})
	}
	r.Numbers = t.ranges()
	for _, c := range s.Kinds {
		if c.First > 0 {
			r.Kinds = append(r.Kinds, KindRange{c.Name, c.First, c.Last})
		}
	}
	slices.SortFunc(r.Kinds, func(a, b KindRange) int { return cmp.Compare(a.Kind, b.Kind) })
	return r
}

func (t *tally) addTimings(r *Report) {
	var all []time.Duration
	for _, name := range severityNames {
		x := t.timings[name]
		all = append(all, x.took...)
		x.Median, x.P90 = quantile(x.took, 50), quantile(x.took, 90)
		r.Timings = append(r.Timings, x.Timing)
		r.Overall.Answered += x.Answered
		r.Overall.Met += x.Met
		r.Overall.Missed += x.Missed
		r.Overall.Late += x.Late
	}
	r.Overall.Median, r.Overall.P90 = quantile(all, 50), quantile(all, 90)
}

// quantile returns the smallest of values that at least percent of them do not
// exceed, in whole seconds as the rows have it.
func quantile(values []time.Duration, percent int) time.Duration {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	return values[(len(values)*percent+99)/100-1].Truncate(time.Second)
}

// most returns counts, the largest first.
func most(m map[string]int64) []Count {
	var list []Count
	for name, n := range m {
		list = append(list, Count{name, n})
	}
	slices.SortFunc(list, func(a, b Count) int { return cmp.Or(cmp.Compare(b.N, a.N), cmp.Compare(a.Name, b.Name)) })
	return list
}

// Of returns the first count with this name, 0 where there is none.
func Of(counts []Count, name string) int64 {
	for _, c := range counts {
		if c.Name == name {
			return c.N
		}
	}
	return 0
}
