package design

import "strings"

// Weight is how much a button weighs on its page.
type Weight uint8

// The weights of buttons. A page has at most one Primary: the act that is due.
const (
	Secondary Weight = iota
	Primary
	Quiet
)

// Class is the end of the weight's CSS class.
func (w Weight) Class() string {
	return [...]string{"secondary", "primary", "quiet"}[min(w, Quiet)]
}

// Button is a link where Href is set, else it submits its form. Partial "button".
type Button struct {
	Label       string
	Icon        Icon
	Weight      Weight
	Href        string
	Name, Value string // what is submitted with it
	Action      string // where to, if not the form's own action
	Form        string // id of the form, if it stands outside of it
	Key         string // keyboard shortcut, one character, shown on it
	Off         bool   // cannot be used now
	Why         string // why it is off, or what it does; shown beside it
	Leave       bool   // submits without checking the fields: save, discard
}

// Link is a plain link. Partial "link".
type Link struct {
	Label, Href string
}

// Pair is a hidden field of a form.
type Pair struct {
	Name, Value string
}

// Kind is what a Field asks for. Text kinds are the HTML input types.
type Kind string

// The kinds of fields.
const (
	Text     Kind = "" // one line
	Email    Kind = "email"
	Phone    Kind = "tel"
	URL      Kind = "url"
	Password Kind = "password"
	Numeric  Kind = "number"
	Date     Kind = "date"
	Time     Kind = "datetime-local"
	Finder   Kind = "search"
	Files    Kind = "file"
	Long     Kind = "long"     // a textarea
	Choice   Kind = "choice"   // a select
	Radio    Kind = "radio"    // one of the options
	Check    Kind = "check"    // any of the options
	Confirm  Kind = "confirm"  // one box, its text is the label
	Code     Kind = "code"     // digits or letters to copy exactly, in mono
	OneTime  Kind = "one-time" // a code from an authenticator
)

// Option is one choice of a Field.
type Option struct {
	Value, Label string
	Hint         string // radio and check only
	Chosen       bool
}

// Field is a label, a control, and what is wrong with it, beside it. Partial
// "field". What was typed comes back in Value or in Chosen: nothing is lost
// by a mistake.
type Field struct {
	Kind         Kind
	Name         string
	ID           string // Name where empty; must be unique on the page
	Label        string
	Hint         string
	Error        string // in plain words, what to do
	Value        string
	Options      []Option
	Optional     string // the word that marks an optional field, in the page's language
	Required     bool
	Off          bool
	Rows         int // of a long text; 6 where 0
	Max          int // most characters; no limit where 0
	Autocomplete string
	Accept       string // of files
	Many         bool   // several files
	Placeholder  string
	Key          string // shortcut that focuses it
	Wide         bool   // as wide as the page
	Bare         bool   // the label is for screen readers only
	Focus        bool   // has the focus when the page opens
	Autosave     bool   // a draft: the page shows when it was saved
}

// Ident is the id of the control.
func (f Field) Ident() string {
	if f.ID != "" {
		return f.ID
	}
	return f.Name
}

// Group says whether the field is a set of controls under one legend.
func (f Field) Group() bool { return f.Kind == Radio || f.Kind == Check }

// InputType is the type attribute of a one-line control.
func (f Field) InputType() string {
	switch f.Kind {
	case Text, Code, OneTime:
		return "text"
	case Radio:
		return "radio"
	case Check, Confirm:
		return "checkbox"
	}
	return string(f.Kind)
}

// Mono says whether what is typed must be read character by character.
func (f Field) Mono() bool { return f.Kind == Code || f.Kind == OneTime }

// Lines is the height of a long text.
func (f Field) Lines() int {
	if f.Rows > 0 {
		return f.Rows
	}
	return 6
}

// Described lists the ids of the hint and the error, for aria-describedby.
func (f Field) Described() string {
	var ids []string
	if f.Hint != "" {
		ids = append(ids, f.Ident()+"-hint")
	}
	if f.Error != "" {
		ids = append(ids, f.Ident()+"-error")
	}
	return strings.Join(ids, " ")
}

// Grid is impact × likelihood, each square showing the severity that the matrix
// gives it. Partial "grid": where Name is set one square can be chosen, which
// chooses both at once, else it only shows the matrix.
type Grid struct {
	Label      string
	Hint       string
	Error      string
	Name       string
	Likelihood []string // from least to most
	Rows       []GridRow
}

// GridRow is one impact, the gravest first.
type GridRow struct {
	Impact  string
	Squares []GridSquare // one per likelihood
}

// GridSquare is one square of a Grid.
type GridSquare struct {
	Value    string // submitted: "3-2"
	Label    string // for screen readers: "serious, possible"
	Severity Severity
	Chosen   bool
}

// Problems lists what is wrong with a form above it, each linking to its field.
// Partial "problems"; it draws nothing where no field has an error.
type Problems struct {
	Title  string // "Two things need another look"
	Fields []Field
}

// Bad returns the fields that have an error.
func (p Problems) Bad() []Field {
	var bad []Field
	for _, f := range p.Fields {
		if f.Error != "" {
			bad = append(bad, f)
		}
	}
	return bad
}

// Effect is one thing that will happen.
type Effect struct {
	Icon Icon
	Text string
}

// NextAct is the one thing that is due on a page, with what will happen written
// on it: who gets it, by which channel, under which approval. Partial
// "next-act". Where it is somebody else's turn, Waiting, it says whose.
type NextAct struct {
	Title   string // "Approve and send"
	Why     string // "You are the second of two approvers."
	Effects []Effect
	Action  string // where the form posts to
	Hidden  []Pair
	Fields  []Field // a reason, a code
	Buttons []Button
	Waiting bool
}
