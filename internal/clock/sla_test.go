package clock

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestSLAState(t *testing.T) {
	const zone = "Europe/Berlin"
	local := func(text string) time.Time {
		if text == "" {
			return time.Time{}
		}
		return at(t, zone, text).UTC()
	}
	pause := func(from, to string) Pause {
		return Pause{From: local(from), To: local(to), Reason: "waiting for the reporter"}
	}
	for _, tt := range []struct {
		name    string
		target  time.Duration
		start   string
		stopped string
		paused  []Pause
		now     string
		state   State
		due     string
		warn    string
		next    string // empty: never; "due+": just after the deadline
		left    time.Duration
	}{
		{name: "no target", start: "2026-11-23 09:00", now: "2026-11-23 10:00", state: None},
		{name: "no start", target: time.Hour, now: "2026-11-23 10:00", state: None},
		{name: "just received", target: 4 * time.Hour, start: "2026-11-23 09:00", now: "2026-11-23 09:00",
			state: Running, due: "2026-11-23 13:00", warn: "2026-11-23 12:00", next: "2026-11-23 12:00", left: 4 * time.Hour},
		{name: "received at night", target: 4 * time.Hour, start: "2026-11-21 02:00", now: "2026-11-22 12:00",
			state: Running, due: "2026-11-23 13:00", warn: "2026-11-23 12:00", next: "2026-11-23 12:00", left: 4 * time.Hour},
		{name: "read before it started", target: 4 * time.Hour, start: "2026-11-23 09:00", now: "2026-11-20 09:00",
			state: Running, due: "2026-11-23 13:00", warn: "2026-11-23 12:00", next: "2026-11-23 12:00", left: 4 * time.Hour},
		{name: "three quarters", target: 4 * time.Hour, start: "2026-11-23 09:00", now: "2026-11-23 12:00",
			state: Warning, due: "2026-11-23 13:00", warn: "2026-11-23 12:00", next: "due+", left: time.Hour},
		{name: "on the dot", target: 4 * time.Hour, start: "2026-11-23 09:00", now: "2026-11-23 13:00",
			state: Warning, due: "2026-11-23 13:00", warn: "2026-11-23 12:00", next: "due+", left: 0},
		{name: "late", target: 4 * time.Hour, start: "2026-11-23 09:00", now: "2026-11-23 13:01",
			state: Late, due: "2026-11-23 13:00", warn: "2026-11-23 12:00", left: -time.Minute},
		{name: "late over the weekend, no business time since", target: 8 * time.Hour, start: "2026-11-20 09:00", now: "2026-11-21 12:00",
			state: Late, due: "2026-11-20 17:00", warn: "2026-11-20 15:00", left: 0},
		{name: "answered in time", target: 4 * time.Hour, start: "2026-11-23 09:00", stopped: "2026-11-23 10:00", now: "2026-12-01 10:00",
			state: Met, due: "2026-11-23 13:00", warn: "2026-11-23 12:00", left: 3 * time.Hour},
		{name: "answered on the dot", target: 4 * time.Hour, start: "2026-11-23 09:00", stopped: "2026-11-23 13:00", now: "2026-12-01 10:00",
			state: Met, due: "2026-11-23 13:00", warn: "2026-11-23 12:00", left: 0},
		{name: "answered late", target: 4 * time.Hour, start: "2026-11-23 09:00", stopped: "2026-11-23 14:00", now: "2026-11-23 10:00",
			state: Missed, due: "2026-11-23 13:00", warn: "2026-11-23 12:00", left: -time.Hour},
		{name: "paused", target: 4 * time.Hour, start: "2026-11-23 09:00", paused: []Pause{pause("2026-11-23 10:00", "")}, now: "2026-11-25 16:00",
			state: Paused, left: 3 * time.Hour},
		{name: "paused after the warning", target: 4 * time.Hour, start: "2026-11-23 09:00", paused: []Pause{pause("2026-11-23 12:30", "")}, now: "2026-11-25 16:00",
			state: Paused, warn: "2026-11-23 12:00", left: 30 * time.Minute},
		{name: "resumed", target: 4 * time.Hour, start: "2026-11-23 09:00", paused: []Pause{pause("2026-11-23 10:00", "2026-11-24 10:00")}, now: "2026-11-24 10:30",
			state: Running, due: "2026-11-24 13:00", warn: "2026-11-24 12:00", next: "2026-11-24 12:00", left: 150 * time.Minute},
		{name: "pause with a known end", target: 4 * time.Hour, start: "2026-11-23 09:00", paused: []Pause{pause("2026-11-23 10:00", "2026-11-24 10:00")}, now: "2026-11-23 16:00",
			state: Paused, due: "2026-11-24 13:00", warn: "2026-11-24 12:00", next: "2026-11-24 10:00", left: 3 * time.Hour},
		{name: "overlapping pauses count once", target: 4 * time.Hour, start: "2026-11-23 09:00",
			paused: []Pause{pause("2026-11-23 11:00", "2026-11-23 12:00"), pause("2026-11-23 10:00", "2026-11-23 11:30")}, now: "2026-11-23 13:00",
			state: Running, due: "2026-11-23 15:00", warn: "2026-11-23 14:00", next: "2026-11-23 14:00", left: 2 * time.Hour},
		{name: "pause outside business hours costs nothing", target: 4 * time.Hour, start: "2026-11-20 15:00", paused: []Pause{pause("2026-11-20 18:00", "2026-11-22 18:00")}, now: "2026-11-23 09:30",
			state: Running, due: "2026-11-23 11:00", warn: "2026-11-23 10:00", next: "2026-11-23 10:00", left: 90 * time.Minute},
		{name: "pause that ends before it begins", target: 4 * time.Hour, start: "2026-11-23 09:00", paused: []Pause{pause("2026-11-23 11:00", "2026-11-23 10:00")}, now: "2026-11-23 11:00",
			state: Running, due: "2026-11-23 13:00", warn: "2026-11-23 12:00", next: "2026-11-23 12:00", left: 2 * time.Hour},
		{name: "pause before the start", target: 4 * time.Hour, start: "2026-11-23 09:00", paused: []Pause{pause("2026-11-20 09:00", "2026-11-23 10:00")}, now: "2026-11-23 11:00",
			state: Running, due: "2026-11-23 14:00", warn: "2026-11-23 13:00", next: "2026-11-23 13:00", left: 3 * time.Hour},
		{name: "a pause does not hide lateness", target: 4 * time.Hour, start: "2026-11-23 09:00", paused: []Pause{pause("2026-11-23 14:00", "")}, now: "2026-11-23 15:00",
			state: Late, due: "2026-11-23 13:00", warn: "2026-11-23 12:00", left: -time.Hour},
		{name: "paused at the very deadline", target: 4 * time.Hour, start: "2026-11-23 09:00", paused: []Pause{pause("2026-11-23 13:00", "")}, now: "2026-11-23 15:00",
			state: Late, due: "2026-11-23 13:00", warn: "2026-11-23 12:00", left: 0},
		{name: "answered while paused", target: 4 * time.Hour, start: "2026-11-23 09:00", stopped: "2026-11-24 10:00", paused: []Pause{pause("2026-11-23 10:00", "")}, now: "2026-11-25 10:00",
			state: Met, due: "2026-11-24 13:00", warn: "2026-11-24 12:00", left: 3 * time.Hour},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := SLA{Calendar: office(zone), Target: tt.target, Start: local(tt.start), Stopped: local(tt.stopped), Paused: tt.paused}
			want := Reading{State: tt.state, Due: local(tt.due), WarnAt: local(tt.warn), Left: tt.left}
			if tt.state != None {
				want.Of, want.Fraction = tt.target, 1-float64(tt.left)/float64(tt.target)
			}
			if tt.next == "due+" {
				want.Next = want.Due.Add(time.Microsecond)
			} else {
				want.Next = local(tt.next)
			}
			got := s.State(local(tt.now))
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			if !s.Due().Equal(want.Due) {
				t.Errorf("Due() = %v, want %v", s.Due(), want.Due)
			}
		})
	}
}

// A change of severity moves the deadline, never the start.
func TestSeverityChangeKeepsTheStart(t *testing.T) {
	s := SLA{Calendar: office("UTC"), Target: 16 * time.Hour, Start: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)}
	now := s.Start.Add(5 * time.Hour)
	if got := s.State(now).State; got != Running {
		t.Fatalf("before: %s", got)
	}
	s.Calendar, s.Target = Always, 4*time.Hour
	if got := s.State(now); got.State != Late || !got.Due.Equal(s.Start.Add(4*time.Hour)) {
		t.Errorf("after: %+v", got)
	}
}

func TestPauseJSON(t *testing.T) {
	p := Pause{From: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC), Reason: "waiting"}
	got, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"from":"2026-11-23T09:00:00Z","reason":"waiting"}`; string(got) != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func drawSLA(t *rapid.T) SLA {
	start := drawInstant(t)
	s := SLA{
		Calendar: drawCalendar(t, start),
		Start:    start,
		Target:   time.Duration(rapid.Int64Range(int64(time.Minute), int64(60*time.Hour)).Draw(t, "target")),
	}
	moment := func(name string) time.Time {
		return start.Add(time.Duration(rapid.Int64Range(int64(-24*time.Hour), int64(30*24*time.Hour)).Draw(t, name)))
	}
	for range rapid.IntRange(0, 4).Draw(t, "pauses") {
		s.Paused = append(s.Paused, Pause{From: moment("from"), To: moment("to"), Reason: "drawn"})
	}
	if rapid.Bool().Draw(t, "stopped") {
		s.Stopped = moment("stop")
	}
	return s
}

// order in which time alone leads from one state to the next.
var order = map[State]int{Running: 0, Paused: 0, Warning: 1, Late: 2}

func TestSLAProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSLA(t)
		now := s.Start.Add(time.Duration(rapid.Int64Range(0, int64(40*24*time.Hour)).Draw(t, "now")))
		then := now.Add(time.Duration(rapid.Int64Range(0, int64(40*24*time.Hour)).Draw(t, "then")))
		a, b := s.State(now), s.State(then)
		if !s.Stopped.IsZero() {
			if diff := cmp.Diff(a, b); diff != "" {
				t.Fatalf("a stopped clock moved: %s", diff)
			}
			if (a.State == Met) != !s.Stopped.After(a.Due) {
				t.Fatalf("%s though stopped %v and due %v", a.State, s.Stopped, a.Due)
			}
			return
		}
		if b.Left > a.Left || b.Fraction < a.Fraction {
			t.Fatalf("time came back: %v then %v", a, b)
		}
		if b.State != Paused && order[b.State] < order[a.State] {
			t.Fatalf("%s became %s without anybody acting", a.State, b.State)
		}
		if !a.Due.Equal(b.Due) || !a.Due.Equal(s.Due()) {
			t.Fatalf("the deadline moved by itself: %v, %v, %v", a.Due, b.Due, s.Due())
		}
		if got := s.State(a.Due); got.Left != 0 || math.Abs(got.Fraction-1) > 1e-9 || got.State == Late {
			t.Fatalf("at the deadline: %+v", got)
		}
		if got := s.State(a.Due.Add(time.Microsecond)); got.State != Late {
			t.Fatalf("just after the deadline: %+v", got)
		}
		if !a.Next.IsZero() && s.State(a.Next).State == a.State {
			t.Fatalf("nothing changes at Next: %+v", a)
		}
	})
}

// A pause moves the deadline later or leaves it, and never earlier.
func TestPauseNeverShortens(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSLA(t)
		s.Stopped = time.Time{}
		free := s
		free.Paused = nil
		if s.Due().Before(free.Due()) {
			t.Fatalf("with pauses due %v, without %v", s.Due(), free.Due())
		}
	})
}

func BenchmarkState(b *testing.B) {
	start := time.Date(2026, 11, 20, 15, 0, 0, 0, time.UTC)
	s := SLA{Calendar: office("Europe/Berlin", "2026-12-25", "2026-12-26"), Target: 8 * time.Hour, Start: start,
		Paused: []Pause{{From: start.Add(time.Hour), To: start.Add(2 * time.Hour)}}}
	b.ReportAllocs()
	for b.Loop() {
		s.State(start.Add(4 * time.Hour))
	}
}
