package design

import (
	"bytes"
	"flag"
	"html/template"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jba/templatecheck"
)

var update = flag.Bool("update", false, "write the golden files")

var now = time.Date(2026, 11, 22, 14, 5, 9, 0, time.UTC)

// component is one partial with the states it is shown in. Its first state must
// fill every slot of text, which TestEverySlotIsFilled holds.
type component struct {
	partial string
	states  func() []any
}

func states[T any](s ...T) []any {
	all := make([]any, len(s))
	for i := range s {
		all[i] = s[i]
	}
	return all
}

func clocks() []Clock {
	var all []Clock
	for _, s := range sampleClocks(now) {
		all = append(all, s.Clock)
	}
	return all
}

func fullLink() Button {
	return Button{Label: "Go", Icon: "download", Href: "/go", Key: "g", Why: "Opens it."}
}

func fullButton() Button {
	return Button{Label: "Approve", Icon: "send", Weight: Primary, Name: "act", Value: "approve", Action: "/approve", Form: "draft", Key: "a", Why: "Sends at once."}
}

func fullCell() Cell {
	return Cell{Text: "Halden", Sub: "customer", Number: "C-2026-000001", Href: "/parties/1", Icon: "mail", Quiet: true,
		Moment: &Moment{At: now, Now: now.Add(time.Hour)}, Clock: &Clock{Name: "First", Limit: time.Hour, Calendar: "working hours", Reason: "waiting", Href: "/c"},
		State: &State{"new", Open}, Severity: new(High), Seal: &Seal{Href: "/proof", Detail: "Entry 3"}}
}

func fullField() Field {
	return Field{Name: "n", ID: "i", Label: "Label", Hint: "Hint", Error: "Error", Value: "Value", Optional: "(optional)", Required: true,
		Max: 10, Autocomplete: "email", Accept: ".pdf", Placeholder: "Place", Key: "e", Wide: true, Bare: true, Focus: true, Autosave: true, Rows: 3,
		Options: []Option{{Value: "1", Label: "One", Hint: "First", Chosen: true}, {Value: "2", Label: "Two"}}}
}

func fullFields() []Field {
	all := sampleFields()
	for _, k := range []Kind{Text, Email, Phone, URL, Password, Numeric, Date, Time, Finder, Files, Long, Choice, Radio, Check, Confirm, Code, OneTime} {
		f := fullField()
		f.Kind = k
		all = append(all, f)
	}
	return all
}

func fullItem() TimelineItem {
	return TimelineItem{ID: "act-1", Kind: Inbound, Icon: "phone", Who: "Mara Voss", What: "wrote", At: now, Controls: []string{"CC2.3"},
		Seal: &Seal{Kind: Witnessed, Href: "/proof", Detail: "Entry 3"}, Note: "A note", Letter: &fullLetters()[0],
		Facts: []KeyValue{{"Fact", fullCell()}}, Changes: []Change{{"Impact", "one", "some"}}, Attachments: sampleFiles(), Buttons: []Button{fullButton(), fullLink()}, Content: "<hr>"}
}

func fullLetters() []Letter {
	return []Letter{
		{From: "Mara", To: "Security", Copy: "Legal", Subject: "Hello", Channel: "security@", Text: "A\n\nB", Quoted: "> Hello", Attachments: sampleFiles(), Raw: "/raw"},
		{Absent: "Erased."}}
}

func fullTable() []Table {
	t := sampleTable(now)
	t.Shown, t.Rows = true, t.Rows[:2]
	t.Columns = append(t.Columns, Column{Label: "All", End: true, Href: "?sort=all", Sort: Ascending, Place: Absent}, Column{Label: "Wide", Width: Wide})
	for i := range t.Rows {
		t.Rows[i].Cells = append(t.Rows[i].Cells, fullCell(), Cell{Text: "quiet", Quiet: true, Icon: "mail"})
	}
	empty := Table{Caption: "Late", Empty: EmptyState{Title: "Nothing", Text: "All is well.", Button: new(fullButton())}}
	scroll := Table{Caption: "Values", Scroll: true, Columns: []Column{{Label: "A"}}, Rows: []Row{{Cells: []Cell{{Text: "a"}}}}}
	link := Table{Caption: "Mine", Empty: EmptyState{Title: "Nothing", Text: "Take one.", Button: new(fullLink())}}
	return []Table{t, empty, link, scroll}
}

func fullStaff() Staff {
	return Staff{Title: "Queue", Organisation: "Northwind", Home: "/home", Theme: Dark, Areas: []Area{{"Queue", "/queue", "inbox", true, 43, "q"}, {Label: "People", Href: "/people", Icon: "users"}},
		Search: "/search", Person: "Ines Duarte", Role: "Security lead", Account: []Link{{"Account", "/account"}}, SignOut: "/sign-out",
		Head:    &LedgerHead{Size: 12481, Root: sampleHash, At: now, Seal: Seal{Kind: Witnessed, Href: "/p", Detail: "Entry"}, Href: "/ledger"},
		Flashes: []Flash{{Problem, "Something", "/undo", &Link{"More", "/more"}}}, Keys: Keys(KeyHelp{[]string{"a"}, "Approve"})}
}

func components() []component {
	return []component{
		{"severity", func() []any { return states(Unclassified, Low, Moderate, High, Critical) }},
		{"state", func() []any { return states(sampleStates()...) }},
		{"seal", func() []any { return states(sampleSeals()...) }},
		{"moment", func() []any { return states(Moment{At: now}, Moment{At: now.Add(-time.Hour), Now: now}, Moment{}) }},
		{"clock", func() []any {
			full := Clock{Name: "First response", Limit: 4 * time.Hour, Spent: time.Hour, Calendar: "working hours", Run: Paused, Reason: "Waiting", Href: "/rule"}
			return append(states(full), states(clocks()...)...)
		}},
		{"clock-small", func() []any { return states(clocks()...) }},
		{"button", func() []any {
			return append(states(fullButton(), Button{Label: "Go", Href: "/go", Off: true}), states(sampleButtons()...)...)
		}},
		{"link", func() []any { return states(Link{"Queue", "/queue"}) }},
		{"field", func() []any { return append(states(fullField()), states(fullFields()...)...) }},
		{"grid", func() []any {
			g := sampleGrid()
			g.Hint, g.Error = "A hint", "An error"
			return states(g, Grid{Label: "Matrix", Likelihood: []string{"Rare"}, Rows: []GridRow{{Impact: "Grave", Squares: []GridSquare{{Severity: High}, {}}}}})
		}},
		{"problems", func() []any { return states(Problems{"Look again", []Field{fullField()}}, Problems{Title: "None"}) }},
		{"next-act", func() []any {
			full := NextAct{Title: "Approve", Why: "You are second.", Effects: []Effect{{"mail", "Goes out"}}, Action: "/approve", Hidden: []Pair{{"v", "3"}}, Fields: []Field{fullField()}, Buttons: []Button{fullButton(), fullLink()}}
			return append(states(full), states(sampleNextActs()...)...)
		}},
		{"table", func() []any { return states(fullTable()...) }},
		{"empty", func() []any {
			return states(EmptyState{"Nothing", "Do this.", new(fullButton())}, EmptyState{"Nothing", "Do this.", new(fullLink())})
		}},
		{"filters", func() []any {
			full := FilterBar{Action: "/queue", Query: "words", QueryName: "q", Search: "Search", Hidden: []Pair{{"view", "mine"}}, Active: []Link{{"High", "?"}}, Clear: "?", Summary: "43 of 412",
				Filters: []Filter{{"state", "State", []Option{{Value: "1", Label: "New", Hint: "not drawn in a select", Chosen: true}}}}}
			return states(full, FilterBar{Action: "/queue"}, sampleFilters())
		}},
		{"pages", func() []any {
			return states(Pagination{"1–40 of 412", "?before=1", "?after=40"}, Pagination{Summary: "1–3 of 3"})
		}},
		{"tabs", func() []any { return states(sampleViews()) }},
		{"progress", func() []any { return states(Progress{"Making the package", 640, 2048, "You may leave."}, Progress{}) }},
		{"facts", func() []any {
			return states(DefinitionList{Items: []KeyValue{{"Party", fullCell()}}, Wide: true}, DefinitionList{})
		}},
		{"figure", func() []any {
			return states(Figure{"Communications", "412", "cases", "this quarter", "<hr>", "/queue"}, Figure{Label: "Ledger", Value: "3"})
		}},
		{"figures", func() []any {
			return states([]Figure{{"Communications", "412", "cases", "this quarter", "<hr>", "/queue"}, {Label: "Ledger", Value: "3"}})
		}},
		{"header", func() []any {
			full := Header{Crumbs: []Link{{"Queue", "/queue"}}, Number: "C-2026-000123", Seal: &Seal{Href: "/p", Detail: "Entry"}, Title: "Title", Note: "Note", State: &State{"new", Open}, Severity: new(Low),
				Facts: []KeyValue{{"From", fullCell()}}, Clocks: clocks()[:1], Buttons: []Button{fullButton(), fullLink()}}
			return states(full, Header{Title: "Queue"})
		}},
		{"section", func() []any {
			return states(Section{"facts", "Facts", 3, true, "newest first", &Link{"Change", "/change"}}, Section{Title: "Facts"})
		}},
		{"steps", func() []any { return states(sampleSteps()...) }},
		{"attachment", func() []any { return states(sampleFiles()...) }},
		{"attachments", func() []any { return states(sampleFiles()) }},
		{"letter", func() []any { return states(fullLetters()...) }},
		{"timeline", func() []any {
			full := Timeline{Label: "Timeline", Items: []TimelineItem{fullItem()}, Older: &Link{"Earlier", "?before=1"}}
			return states(full, sampleTimeline(now), Timeline{Empty: EmptyState{Title: "Nothing yet", Text: "Write a note.", Button: new(fullButton())}})
		}},
		{"note", func() []any { return states(Note{"info", "Title", "Text"}, Note{Text: "Only text"}) }},
		{"flash", func() []any {
			return states(Flash{Kind: Succeeded, Text: "Sent", Undo: "/undo"}, Flash{Kind: Notice, Text: "Note"}, Flash{Kind: Problem, Text: "Trouble"})
		}},
		{"chart", func() []any {
			return states(Chart{"Title", "Note", "<hr>", [][]string{{"a", "b"}, {"c", "1"}}}, Chart{Title: "Empty"})
		}},
		{"rail", func() []any { return states(fullStaff(), Staff{Title: "Small"}) }},
		{"keys", func() []any { return states(Keys(KeyHelp{[]string{"a"}, "Approve"})) }},
	}
}

func pristine(t testing.TB) *template.Template {
	t.Helper()
	set, err := Templates(nil)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func render(t testing.TB, set *template.Template, name string, data any) string {
	t.Helper()
	var b bytes.Buffer
	if err := set.ExecuteTemplate(&b, name, data); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return b.String()
}

func TestGolden(t *testing.T) {
	set := pristine(t)
	for _, c := range components() {
		var b strings.Builder
		for _, s := range c.states() {
			b.WriteString(render(t, set, c.partial, s) + "\n")
		}
		golden(t, c.partial+".html", b.String())
	}
	golden(t, "staff.html", render(t, page(t), "staff", staffPage{Staff: fullStaff(), Text: "Main"}))
	golden(t, "public.html", render(t, publicSet(t), "public", publicPage{Public: fullPublic(), Text: "Main"}))
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", "golden", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v (run with -update to write it)", err)
	}
	// The addresses of assets change with every byte of the stylesheet.
	if diff := cmp.Diff(assetVersion.ReplaceAllString(string(want), "?v="), assetVersion.ReplaceAllString(got, "?v=")); diff != "" {
		t.Errorf("%s differs (-want +got):\n%s", name, diff)
	}
}

type staffPage struct {
	Staff
	Text string
}

type publicPage struct {
	Public
	Text string
}

type reportPage struct {
	Report
	Text string
}

const mainSource = `{{define "main"}}<h1>{{.Text}}</h1>{{end}}`

func page(t testing.TB) *template.Template {
	t.Helper()
	set, err := Page(pristine(t), fstest.MapFS{"main.html": {Data: []byte(mainSource)}}, "main.html")
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// publicSet is a fresh set: an executed one has its escaping settled.
func publicSet(t testing.TB) *template.Template { return page(t) }

func fullPublic() Public {
	return Public{Lang: "pt", Direction: "rtl", Title: "Report", Organisation: "Northwind", Home: "/", Languages: []Language{{"en", "English", "?l=en", true}, {"pt", "Português", "?l=pt", false}},
		Flashes: []Flash{{Kind: Succeeded, Text: "Kept", Undo: "/undo"}}, Footer: []Link{{"Follow up", "/follow"}}, SkipWord: "Saltar", LanguagesWord: "Línguas", SealedWord: "Sealed."}
}

// TestTypes holds that every partial and layout can be executed with its type,
// along every path, and with no other.
func TestTypes(t *testing.T) {
	set := page(t)
	check := func(name string, data any) {
		if err := templatecheck.CheckHTMLStrict(set.Lookup(name), data); err != nil {
			t.Errorf("%s with %T: %v", name, data, err)
		}
	}
	for _, c := range components() {
		check(c.partial, c.states()[0])
	}
	check("staff", staffPage{})
	check("public", publicPage{})
	check("report", reportPage{})
	sg, err := StyleguideTemplate()
	if err != nil {
		t.Fatal(err)
	}
	if err := templatecheck.CheckHTMLStrict(sg.Lookup("staff"), StyleguidePage{}); err != nil {
		t.Errorf("styleguide: %v", err)
	}
	if err := templatecheck.CheckHTMLStrict(set.Lookup("staff"), publicPage{}); err == nil {
		t.Error("the staff layout accepts a public page")
	}
}

// TestEverySlotIsFilled holds that between them the states of a component fill
// every string of its struct, so that the test of hostile strings reaches all.
func TestEverySlotIsFilled(t *testing.T) {
	for _, c := range components() {
		filled := map[string]bool{}
		for _, s := range c.states() {
			slots(reflect.ValueOf(s), "", filled)
		}
		for slot, ok := range filled {
			if !ok {
				t.Errorf("%s: no state fills %s", c.partial, slot)
			}
		}
	}
}

// slots notes for each string field reached, by type and name, whether any
// value of it is non-empty.
func slots(v reflect.Value, at string, filled map[string]bool) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			slots(v.Elem(), at, filled)
		}
	case reflect.Slice:
		for i := range v.Len() {
			slots(v.Index(i), at, filled)
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			return
		}
		for i := range v.NumField() {
			slots(v.Field(i), v.Type().Name()+"."+v.Type().Field(i).Name, filled)
		}
	case reflect.String:
		if v.Type() == reflect.TypeFor[string]() {
			filled[at] = filled[at] || v.String() != ""
		}
	}
}

func TestPageErrors(t *testing.T) {
	set := pristine(t)
	for name, source := range map[string]string{
		"no main":    `{{define "other"}}{{end}}`,
		"bad syntax": `{{define "main"}}{{end`,
		"no func":    `{{define "main"}}{{nonsense}}{{end}}`,
	} {
		if _, err := Page(set, fstest.MapFS{"p.html": {Data: []byte(source)}}, "p.html"); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := Page(set, fstest.MapFS{}, "absent.html"); err == nil {
		t.Error("absent file: no error")
	}
	own, err := Templates(template.FuncMap{"shout": strings.ToUpper})
	if err != nil {
		t.Fatal(err)
	}
	p, err := Page(own, fstest.MapFS{"p.html": {Data: []byte(`{{define "main"}}{{shout "a"}}{{end}}`)}}, "p.html")
	if err != nil {
		t.Fatal(err)
	}
	if got := render(t, p, "main", nil); got != "A" {
		t.Errorf("own function gave %q", got)
	}
	if _, err := Fragment(own, "absent", nil); err == nil {
		t.Error("fragment of an absent template: no error")
	}
	html, err := Fragment(own, "link", Link{"a<b", "/x"})
	if err != nil || html != `<a href="/x">a&lt;b</a>` {
		t.Errorf("fragment: %q, %v", html, err)
	}
}

func TestTableShape(t *testing.T) {
	_, err := Table{Caption: "x", Columns: []Column{{Label: "a"}}, Rows: []Row{{Cells: []Cell{{}, {}}}}}.Lines()
	if err == nil || !strings.Contains(err.Error(), "2 cells for 1 columns") {
		t.Errorf("error is %v", err)
	}
}
