package evidence

import (
	"testing"
	"time"

	"example.org/countersign/internal/clock"
	"example.org/countersign/internal/evidence/extract"
	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/policy"
)

func TestQuantile(t *testing.T) {
	s := func(n ...int) (out []time.Duration) {
		for _, x := range n {
			out = append(out, time.Duration(x)*time.Second)
		}
		return out
	}
	for _, c := range []struct {
		values      []time.Duration
		median, p90 int
	}{
		{nil, 0, 0}, {s(7), 7, 7}, {s(1, 2), 1, 2}, {s(3, 1, 2), 2, 3}, {s(1, 2, 3, 4), 2, 4},
		{s(10, 9, 8, 7, 6, 5, 4, 3, 2, 1), 5, 9}, {s(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11), 6, 10},
	} {
		if m, p := quantile(c.values, 50), quantile(c.values, 90); m != time.Duration(c.median)*time.Second || p != time.Duration(c.p90)*time.Second {
			t.Errorf("%v: %v and %v", c.values, m, p)
		}
	}
	if got := quantile([]time.Duration{1500 * time.Millisecond}, 50); got != time.Second {
		t.Errorf("rows have whole seconds, this has %v", got)
	}
}

func TestMonday(t *testing.T) {
	for in, want := range map[string]string{"2026-07-06": "2026-07-06", "2026-07-05": "2026-06-29", "2026-07-12": "2026-07-06", "2027-01-01": "2026-12-28"} {
		day, err := time.Parse(time.DateOnly, in)
		if err != nil {
			t.Fatal(err)
		}
		if got := monday(day.Add(15 * time.Hour)).Format(time.DateOnly); got != want {
			t.Errorf("%s: %s", in, got)
		}
	}
}

// TestJudge reads the clocks of cases as they stood at the end of July.
func TestJudge(t *testing.T) {
	at := func(day, hour int) int64 { return time.Date(2026, 7, day, hour, 0, 0, 0, time.UTC).UnixMicro() }
	set := &policy.Set{SLA: policy.DefaultSLA(), SLAVersion: "sla/1"}
	set.Calendar = set.SLA.Calendar
	period := extract.Period{From: time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC), To: time.Date(2026, 8, 1, 0, 0, 0, 0, time.UTC)}
	y := newTally(&extract.Survey{Period: period, AsOf: period.To}, &register{targets: map[string]*policy.Set{"sla/1": set}, inForce: set})
	due := at(7, 17) // two working days after Monday morning
	for name, c := range map[string]struct {
		c    intake.Case
		want verdict
	}{
		"no clock":              {intake.Case{}, verdict{state: clock.None}},
		"met":                   {intake.Case{FirstResponseAt: at(6, 11)}, verdict{state: clock.Met, answered: true, measured: true, took: 2 * time.Hour, target: 16 * time.Hour}},
		"on the dot":            {intake.Case{FirstResponseAt: due}, verdict{state: clock.Met, answered: true, measured: true, took: 16 * time.Hour, target: 16 * time.Hour}},
		"missed":                {intake.Case{FirstResponseAt: at(8, 10)}, verdict{state: clock.Missed, answered: true, measured: true, took: 17 * time.Hour, target: 16 * time.Hour}},
		"answered later":        {intake.Case{FirstResponseAt: period.To.UnixMicro()}, verdict{state: clock.Missed, measured: true, took: 160 * time.Hour, target: 16 * time.Hour}},
		"unanswered":            {intake.Case{}, verdict{state: clock.Late, took: 160 * time.Hour, target: 16 * time.Hour}},
		"closed before due":     {intake.Case{State: intake.Closed, ClosedAt: at(6, 12)}, verdict{state: clock.Running, took: 3 * time.Hour, target: 16 * time.Hour}},
		"closed after due":      {intake.Case{State: intake.Closed, ClosedAt: at(8, 12)}, verdict{state: clock.Late, took: 19 * time.Hour, target: 16 * time.Hour}},
		"set aside":             {intake.Case{Disposition: "spam"}, verdict{state: clock.None}},
		"targets not known":     {intake.Case{FirstResponseAt: at(6, 11), SLAVersion: "sla/9"}, verdict{state: clock.Met, answered: true, measured: true, took: 2 * time.Hour}},
		"paused":                {intake.Case{Pauses: []clock.Pause{{From: time.UnixMicro(at(6, 10)).UTC()}}}, verdict{state: clock.Paused, took: time.Hour, target: 16 * time.Hour}},
		"imported and answered": {intake.Case{FirstResponseAt: at(6, 11)}, verdict{state: clock.None, answered: true}},
	} {
		x := c.c
		if name != "no clock" && name != "imported and answered" {
			x.ClockFrom, x.Severity = at(6, 9), "moderate"
			if x.SLAVersion == "" {
				x.SLAVersion = "sla/1"
			}
			if name != "paused" && name != "set aside" {
				x.DueAt = due
			}
		}
		if got := y.judge(&x); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

func TestGaps(t *testing.T) {
	for name, c := range map[string]struct {
		numbers []int64
		want    string
	}{
		"none": {nil, ""}, "one": {[]int64{7}, ""}, "in any order": {[]int64{9, 7, 8}, ""},
		"missing": {[]int64{7, 9}, "case C-2026-000008 is missing: the number after it was given"},
		"twice":   {[]int64{7, 7}, "case C-2026-000007 is there twice"},
	} {
		y := &tally{numbers: map[int][]int64{2026: c.numbers}}
		err := y.gaps()
		if c.want == "" && err != nil || c.want != "" && (err == nil || err.Error() != c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for s, ok := range map[string]bool{"C-2026-000001": true, "C-2026-1234567": true, "C-2026-0000001": false, "C-2026-1": false, "C-26-000001": false, "": false, "X": false} {
		if _, _, got := parseNumber(s); got != ok {
			t.Errorf("%q: %v", s, got)
		}
	}
}
