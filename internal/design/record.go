package design

import (
	"html/template"
	"time"

	"example.org/countersign/internal/design/phrase"
)

// KeyValue is one fact: a label and a value drawn like a table's cell.
type KeyValue struct {
	Label string
	Cell
}

// DefinitionList is a list of facts. Partial "facts".
type DefinitionList struct {
	Items []KeyValue
	Wide  bool // label and value side by side, on hairlines
}

// Figure is one number that matters. Partials "figure" and, for several,
// "figures" with a slice.
type Figure struct {
	Label string
	Value string
	Unit  string
	Note  string
	Spark template.HTML // a small chart, from package chart
	Href  string        // the rows behind it
}

// Header opens a page: where, what, its state, who, and its clocks. Partial "header".
type Header struct {
	Crumbs   []Link
	Number   string // tracking number
	Seal     *Seal
	Title    string
	Note     string
	State    *State
	Severity *Severity
	Facts    []KeyValue // owner, party, channel: a few
	Clocks   []Clock
	Buttons  []Button
}

// Marked says whether the header has a line of marks.
func (h Header) Marked() bool {
	return h.State != nil || h.Severity != nil || len(h.Facts) > 0 || len(h.Clocks) > 0
}

// Section is a heading on a rule. Partial "section".
type Section struct {
	ID      string
	Title   string
	Count   int64
	Counted bool
	Note    string
	Link    *Link // at the end
}

// Words is the count as shown.
func (s Section) Words() string { return phrase.Number(s.Count) }

// Step is one step of a process.
type Step struct {
	Word string // "Approved"
	Note string // who, when
	Done bool
	Now  bool
}

// Stepper shows the whole way of a matter and where it is. Partial "steps".
type Stepper struct {
	Label string
	Steps []Step
}

// Attachment is a file that came or goes with a communication. Partials
// "attachment" and, for several, "attachments" with a slice.
type Attachment struct {
	Name   string
	Type   string // media type
	Size   int64  // bytes
	SHA256 string // hex
	Href   string // download; none where it was erased or refused
	Note   string // "metadata removed in this copy"
}

// Letter is a communication, as it was written. Partial "letter". Text is
// shown as it is, never as HTML.
type Letter struct {
	From, To, Copy string
	Subject        string
	Channel        string
	Text           string
	Quoted         string // earlier messages that it repeats: folded
	Attachments    []Attachment
	Absent         string // why there is no text: "Erased on …", "This mail could not be read; it is kept as it came."
	Raw            string // address of the message as it came
}

// Headed says whether the letter has any line of a head.
func (l Letter) Headed() bool {
	return l.From != "" || l.To != "" || l.Copy != "" || l.Channel != "" || l.Subject != ""
}

// Change is one field before and after.
type Change struct {
	Label, Before, After string
}

// ActKind is what sort of act an item of a timeline is; it decides its mark.
type ActKind uint8

// The kinds of acts.
const (
	Act         ActKind = iota // anything else
	Inbound                    // came in from outside
	Outbound                   // went out
	Internal                   // an internal note
	Approval                   // an approval
	Machine                    // done by a rule
	Correcting                 // corrects an earlier act
	Undelivered                // a delivery that failed or is ambiguous
)

// Class is the end of the act's CSS class.
func (k ActKind) Class() string {
	return [...]string{"plain", "inbound", "outbound", "internal", "approved", "machine", "correcting", "undelivered"}[min(k, Undelivered)]
}

// TimelineItem is one act: who did what, when, under which control, and its seal.
type TimelineItem struct {
	ID          string // anchor
	Kind        ActKind
	Icon        Icon      // in place of the kind's own
	Who         string    // "Ines Duarte"
	What        string    // "approved version 3"
	At          time.Time // in the reader's zone
	Controls    []string  // "CC2.3"
	Seal        *Seal
	Note        string // a reason, or the text of a note
	Letter      *Letter
	Facts       []KeyValue
	Changes     []Change
	Attachments []Attachment
	Buttons     []Button
	Content     template.HTML // anything else, from Fragment
}

// Mark is the icon in the timeline.
func (i TimelineItem) Mark() Icon {
	if i.Icon != "" {
		return i.Icon
	}
	return [...]Icon{"chevron-right", "corner-down-right", "send", "sticky-note", "check", "settings", "pencil", "triangle-alert"}[min(i.Kind, Undelivered)]
}

// Hour is the time of day, in the item's own zone.
func (i TimelineItem) Hour() string { return i.At.Format("15:04") }

// Moment is the instant, for the datetime attribute and the hover.
func (i TimelineItem) Moment() Moment { return Moment{At: i.At} }

// HasBody says whether there is anything below the first line.
func (i TimelineItem) HasBody() bool {
	return i.Note != "" || i.Letter != nil || len(i.Facts) > 0 || len(i.Changes) > 0 ||
		len(i.Attachments) > 0 || len(i.Buttons) > 0 || i.Content != ""
}

// Timeline is the spine of a page, newest act first, as the items are given.
// Partial "timeline".
type Timeline struct {
	Label string // for screen readers: "Timeline of C-2026-000123"
	Items []TimelineItem
	Older *Link // to the acts before these
	Empty EmptyState
}

// TimelineDay is the acts of one date.
type TimelineDay struct {
	Date  string // "22 Nov 2026, UTC"
	Items []TimelineItem
}

// Days groups neighbouring items of one date, each in its own zone.
func (t Timeline) Days() []TimelineDay {
	var days []TimelineDay
	for _, i := range t.Items {
		date := phrase.Day(i.At) + ", " + phrase.Zone(i.At)
		if n := len(days); n == 0 || days[n-1].Date != date {
			days = append(days, TimelineDay{Date: date})
		}
		d := &days[len(days)-1]
		d.Items = append(d.Items, i)
	}
	return days
}

// Note is a plain remark on a page. Partial "note".
type Note struct {
	Icon        Icon
	Title, Text string
}

// FlashKind is what a flash tells.
type FlashKind uint8

// The kinds of flashes.
const (
	Succeeded FlashKind = iota
	Notice
	Problem
)

// Class is the end of the flash's CSS class.
func (k FlashKind) Class() string {
	return [...]string{"done", "notice", "problem"}[min(k, Problem)]
}

// Icon is the shape that goes with the kind.
func (k FlashKind) Icon() Icon {
	return [...]Icon{"check", "info", "octagon-alert"}[min(k, Problem)]
}

// Flash says once what an act did. Partial "flash"; layouts draw their own.
type Flash struct {
	Kind FlashKind
	Text string
	Undo string // address of a form that takes it back
	Link *Link  // where there is more about it
}
