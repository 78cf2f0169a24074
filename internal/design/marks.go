package design

import (
	"strings"
	"time"

	"example.org/countersign/internal/design/phrase"
)

// Severity is how bad a matter is: impact × likelihood, by the matrix in force.
// Partial "severity": a word, bars that rise, and from High on a colour.
type Severity uint8

// The severities. The zero value is a case that nobody has classified yet.
const (
	Unclassified Severity = iota
	Low
	Moderate
	High
	Critical
)

// String is the word that is shown.
func (s Severity) String() string {
	switch s {
	case Low:
		return "low"
	case Moderate:
		return "moderate"
	case High:
		return "high"
	case Critical:
		return "critical"
	}
	return "not classified"
}

// Class is the end of the severity's CSS class.
func (s Severity) Class() string {
	if s == Unclassified || s > Critical {
		return "none"
	}
	return s.String()
}

// bars are the outlines of the four bars, each ending where the next begins.
var bars = [...]string{"M0 8h2.5v4H0z", "M3.5 5.5H6V12H3.5z", "M7 3h2.5v9H7z", "M10.5 0H13v12h-2.5z"}

// Level is how many of the four bars are filled.
func (s Severity) Level() int {
	if s > Critical {
		return 0
	}
	return int(s)
}

// On is the outline of the filled bars.
func (s Severity) On() string { return strings.Join(bars[:s.Level()], "") }

// Off is the outline of the others.
func (s Severity) Off() string { return strings.Join(bars[s.Level():], "") }

// Tone is what a state means for the person who reads it. It decides shape and
// weight; only Approved has a colour.
type Tone uint8

// The tones of states.
const (
	Open      Tone = iota // nobody has begun
	Active                // somebody is at it
	Waiting               // on somebody else
	Approved              // approved and bound
	Done                  // over, as it should be
	Stopped               // over without result: void, withdrawn, spam
	Attention             // cannot go on by itself: ambiguous, failed
)

// Class is the end of the tone's CSS class.
func (t Tone) Class() string {
	return [...]string{"open", "active", "waiting", "approved", "done", "stopped", "attention"}[min(t, Attention)]
}

// State is where a record stands, in the words of its own concept. Partial "state".
type State struct {
	Word string // "awaiting approval"
	Tone Tone
}

// Sealing says what the ledger holds of an act.
type Sealing uint8

// The kinds of seal.
const (
	Sealed    Sealing = iota // in the ledger
	Witnessed                // and its checkpoint cosigned by somebody else
	Corrected                // a later entry corrects it; both remain
	Erased                   // its content was erased; entry and proof remain
	Broken                   // does not verify
)

// Seal is the small mark beside every act. Partial "seal": links to the proof.
type Seal struct {
	Kind   Sealing
	Href   string // the proof; none in print
	Detail string // on hover: "Entry 12,481, checkpoint of 14:05 UTC"
	By     int    // witnesses of what is Witnessed; not shown where 0
}

// Word is what is shown.
func (s Seal) Word() string {
	if s.Kind == Witnessed && s.By > 0 {
		return "Witnessed by " + phrase.Number(int64(s.By))
	}
	return [...]string{"Sealed", "Witnessed", "Corrected", "Erased", "Does not verify"}[min(s.Kind, Broken)]
}

// Class is the end of the seal's CSS class.
func (s Seal) Class() string {
	return [...]string{"sealed", "witnessed", "corrected", "erased", "broken"}[min(s.Kind, Broken)]
}

// Moment is an instant in the zone of its reader. Partial "moment": absolute,
// or, where Now is set, "2 h ago" with the instant on hover.
type Moment struct {
	At, Now time.Time
}

// Machine is the instant for the datetime attribute.
func (m Moment) Machine() string { return m.At.UTC().Format(time.RFC3339) }

// Words is what is shown.
func (m Moment) Words() string {
	if m.Now.IsZero() {
		return phrase.Instant(m.At)
	}
	return phrase.Ago(m.At, m.Now)
}

// Hover is the instant in full.
func (m Moment) Hover() string { return phrase.Exact(m.At) }

// Run is whether a clock runs.
type Run uint8

// How a clock may stand.
const (
	Running    Run = iota
	Met            // the act it waited for happened, in time or late
	Paused         // with a recorded reason; goes on later
	ClockEnded     // no longer applies: spam, withdrawn
)

// Clock is a deadline. Partials "clock" and, for rows of a list, "clock-small":
// a bar that fills, and the time left in words. Spent and Limit are in the
// clock's own calendar, so the bar is right on business calendars too.
type Clock struct {
	Name     string        // "First response"
	Limit    time.Duration // the time allowed
	Spent    time.Duration // the time gone, or what it took
	Run      Run
	Calendar string    // "working hours": named beside the words, and days are then not used
	Due      time.Time // shown where set
	Reason   string    // why it is paused
	Href     string    // the rule or the entry behind it
}

// Soon is the part of the limit from which a running clock warns.
const Soon = 0.75

// Face is how the clock looks: calm, soon, late, met, met-late, paused, stopped.
func (c Clock) Face() string {
	switch {
	case c.Run == Met && c.Spent > c.Limit:
		return "met-late"
	case c.Run == Met:
		return "met"
	case c.Run == Paused:
		return "paused"
	case c.Run == ClockEnded:
		return "stopped"
	case c.Spent >= c.Limit:
		return "late"
	case float64(c.Spent) >= Soon*float64(c.Limit):
		return "soon"
	}
	return "calm"
}

// Icon is the shape that goes with the face.
func (c Clock) Icon() Icon {
	switch c.Face() {
	case "met", "met-late":
		return "check"
	case "paused":
		return "pause"
	case "stopped":
		return "timer-off"
	case "late":
		return "octagon-alert"
	case "soon":
		return "triangle-alert"
	}
	return "clock"
}

func (c Clock) duration(d time.Duration) string {
	if c.Calendar != "" {
		return phrase.Hours(d)
	}
	return phrase.Duration(d)
}

// Strong is the first part of the words: "2 h 10 m left".
func (c Clock) Strong() string {
	switch c.Face() {
	case "met":
		return "Met in " + c.duration(c.Spent)
	case "met-late":
		return "Met late in " + c.duration(c.Spent)
	case "paused":
		return "Paused at " + c.duration(c.Spent)
	case "stopped":
		return "Stopped at " + c.duration(c.Spent)
	case "late":
		return "Late by " + c.duration(c.Spent-c.Limit)
	}
	return c.duration(c.Limit-c.Spent) + " left"
}

// Rest is the second part, with the space or comma before it: " of 4 h".
func (c Clock) Rest() string {
	if f := c.Face(); f == "late" || f == "met-late" {
		return ", limit " + c.duration(c.Limit)
	}
	return " of " + c.duration(c.Limit)
}

// Words is the whole sentence, for reports and mail: "2 h 10 m left of 4 h".
func (c Clock) Words() string { return c.Strong() + c.Rest() }

// Filled is how much of the bar, in percent, is time within the limit. Where
// the limit is passed the bar ends at the time spent.
func (c Clock) Filled() int {
	if c.Limit <= 0 || c.Spent <= 0 {
		return 0
	}
	if c.Spent > c.Limit {
		return max(int(100*float64(c.Limit)/float64(c.Spent)), 1)
	}
	return int(100 * float64(c.Spent) / float64(c.Limit))
}

// Over is where, in percent, the part beyond the limit begins; 0 where there is
// none. A gap before it marks the limit, so that late is a shape too.
func (c Clock) Over() int {
	if c.Limit <= 0 || c.Spent <= c.Limit {
		return 0
	}
	return min(c.Filled()+2, 97)
}

// Beyond is how wide, in percent, the part beyond the limit is.
func (c Clock) Beyond() int { return 100 - c.Over() }
