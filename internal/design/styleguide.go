package design

import (
	"fmt"
	"html/template"
	"time"
)

// StyleguidePage is the data of the template "styleguide": every component in
// every state, in sections. It is what the screenshot tests shoot.
type StyleguidePage struct {
	Staff
	Header     Header
	Contents   Tabs
	Types      []Specimen
	Inks       []Swatch
	Icons      []Icon
	Severities []Severity
	States     []State
	Seals      []Seal
	Moments    []Moment
	Clocks     []Specimen
	Buttons    []Button
	Fields     []Field
	Grid       Grid
	Problems   Problems
	NextActs   []NextAct
	Filters    FilterBar
	Views      Tabs
	Table      Table
	NoRows     Table
	Pages      Pagination
	Steps      []Stepper
	Timeline   Timeline
	Facts      DefinitionList
	Figures    []Figure
	Files      []Attachment
	Note       Note
	Flashes    []Flash
	Progress   []Progress
	Charts     []Chart
}

// Specimen is one labelled example.
type Specimen struct {
	Label string
	Class string
	Clock Clock
}

// Swatch is one colour of the stylesheet.
type Swatch struct {
	Name string // "seal-solid"
}

// Section returns a heading for the page.
func (StyleguidePage) Section(id, title string) Section { return Section{ID: id, Title: title} }

// Styleguide returns the page as of now, which callers fix for screenshots.
func Styleguide(now time.Time, theme Theme) (StyleguidePage, error) {
	charts, err := sampleCharts()
	if err != nil {
		return StyleguidePage{}, err
	}
	figures, err := sampleFigures()
	if err != nil {
		return StyleguidePage{}, err
	}
	head := Seal{Kind: Witnessed}
	return StyleguidePage{
		Staff: Staff{
			Title: "Styleguide", Organisation: "Northwind Ledger", Theme: theme, Areas: Areas(""),
			Search: "/search", Person: "Ines Duarte", Role: "Security lead", SignOut: "/sign-out",
			Account: []Link{{"Your account", "/account"}, {"Sessions", "/account/sessions"}},
			Head:    &LedgerHead{Size: 12481, Root: sampleHash, At: now, Seal: head, Href: "/ledger"},
			Keys:    Keys(KeyHelp{Keys: []string{"a"}, What: "Approve and send"}),
		},
		Header: Header{Title: "Styleguide", Note: "Every component in every state, drawn by the templates that the pages use."},
		Contents: Tabs{Label: "Parts", Tabs: []Tab{
			{Label: "Foundations", Href: "#foundations", Current: true}, {Label: "Marks", Href: "#marks"}, {Label: "Clocks", Href: "#clocks"},
			{Label: "Forms", Href: "#forms"}, {Label: "Acts", Href: "#acts"}, {Label: "Lists", Href: "#lists"}, {Label: "Records", Href: "#records"}, {Label: "Charts", Href: "#charts"}}},
		Types: []Specimen{
			{Label: "28 / 36, titles", Class: "type-5"}, {Label: "20 / 28, headings", Class: "type-4"},
			{Label: "16 / 24, reading", Class: "type-3"}, {Label: "14 / 20, working", Class: "type-2"}, {Label: "12 / 16, labels", Class: "type-1"}},
		Inks:       sampleInks(),
		Icons:      sampleIcons(),
		Severities: []Severity{Unclassified, Low, Moderate, High, Critical},
		States:     sampleStates(),
		Seals:      sampleSeals(),
		Moments:    []Moment{{At: now.Add(-2 * time.Hour)}, {At: now.Add(-2 * time.Hour), Now: now}, {At: now.Add(72 * time.Hour), Now: now}, {}},
		Clocks:     sampleClocks(now),
		Buttons:    sampleButtons(),
		Fields:     sampleFields(),
		Grid:       sampleGrid(),
		Problems:   Problems{Title: "One thing needs another look", Fields: sampleFields()},
		NextActs:   sampleNextActs(),
		Filters:    sampleFilters(),
		Views:      sampleViews(),
		Table:      sampleTable(now),
		NoRows: Table{Caption: "Cases that are late", Empty: EmptyState{Title: "Nothing is late",
			Text: "Every open case is within its time. Cases at three quarters of their time are under “Due soon”.", Button: &Button{Label: "Show due soon", Href: "?view=soon"}}},
		Pages:    Pagination{Summary: "1–6 of 412", Next: "?after=6"},
		Steps:    sampleSteps(),
		Timeline: sampleTimeline(now),
		Facts: DefinitionList{Wide: true, Items: []KeyValue{
			{"Party", Cell{Text: "Halden Freight, customer", Href: "/parties/halden"}}, {"Channel", Cell{Text: "security@northwind.example"}},
			{"Owner", Cell{Text: "Tomasz Wilk"}}, {"Case", Cell{Number: "C-2026-000123"}}, {"Severity", Cell{Severity: new(High)}}}},
		Figures: figures,
		Files:   sampleFiles(),
		Note:    Note{Icon: "shield-check", Title: "Nobody may punish you for this report", Text: "Our policy protects everyone who reports in good faith, also when they turn out to be wrong."},
		Flashes: []Flash{{Text: "Response sent to mara.voss@halden.example.", Undo: "/undo"}, {Kind: Notice, Text: "Tomasz Wilk is editing this draft."},
			{Kind: Problem, Text: "The relay did not say whether it took the message. See the attempt below and decide."}},
		Progress: []Progress{{Label: "Making the package", Done: 640, Total: 2048, Note: "You may leave this page; the package goes on."}},
		Charts:   charts,
	}, nil
}

// StyleguideTemplate returns the set to execute "staff" of with a StyleguidePage.
func StyleguideTemplate() (*template.Template, error) {
	set, err := Templates(nil)
	if err != nil {
		return nil, err
	}
	if set, err = set.Parse(`{{define "main"}}{{template "styleguide" .}}{{end}}`); err != nil {
		return nil, fmt.Errorf("styleguide: %w", err)
	}
	return set, nil
}
