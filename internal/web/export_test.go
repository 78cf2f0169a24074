package web

import (
	"html/template"

	"example.org/countersign/internal/people"
)

// Row is a route, for the tests.
type Row struct {
	Pattern string
	Public  bool
	Roles   []people.Role
}

// Table returns the routes.
func Table() []Row {
	var out []Row
	for _, r := range routes() {
		out = append(out, Row{r.pattern, r.access.public, r.access.roles})
	}
	return out
}

// Pages returns every page with a value of the struct that it is drawn from.
func Pages() (map[string]*template.Template, map[string]any, error) {
	pages, err := parsePages()
	return pages, map[string]any{"account": accountPage{}, "case": casePage{}, "checks": checksPage{}, "entry": entryPage{}, "evidence": evidencePage{}, "ledger": ledgerPage{}, "list": listPage{}, "people": peoplePage{},
		"person": personPage{}, "problem": problemPage{}, "problem-outside": problemOutside{}, "queue": queuePage{}, "record": recordPage{}, "response": responsePage{}, "resume": resumePage{},
		"secret": secretPage{}, "sign": signPage{}, "work": workPage{}}, err
}

// Outside reports whether a page is in the public layout.
func Outside(name string) bool { return outside[name] }

// Local is where a sign-in leads.
var Local = local
