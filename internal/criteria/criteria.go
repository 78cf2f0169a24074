// Package criteria names the demands of a SOC 2 examination: the trust
// services criteria and the description criteria, by id, each put in this
// project's own words. The wording of the standard belongs to its publisher
// and is not here; whoever needs it looks the id up there.
//
// Entries of the ledger, controls and tests cite these ids, and nothing else.
package criteria

import (
	"slices"

	"example.org/countersign/internal/fault"
)

// ID names one criterion, "CC2.3" or "DC4".
type ID string

// Category is the part of an examination that a criterion belongs to.
type Category string

// The categories. Security (the common criteria) and Description are in every
// examination; the others are chosen for an engagement.
const (
	Security            Category = "security"
	Availability        Category = "availability"
	Confidentiality     Category = "confidentiality"
	ProcessingIntegrity Category = "processing integrity"
	Privacy             Category = "privacy"
	Description         Category = "description"
)

// Criterion is one demand.
type Criterion struct {
	ID       ID
	Category Category
	Title    string   // a few words, for lists
	Demand   string   // one or two sentences: what has to be true
	Points   []string // what a reviewer looks at, where this product serves the criterion closely
}

// index finds a criterion by its id.
var index = func() map[ID]int {
	m := make(map[ID]int, len(all))
	for i, c := range all {
		m[c.ID] = i
	}
	return m
}()

// All returns every criterion in the order of the standard: CC, A, C, PI, P,
// then DC.
func All() []Criterion { return slices.Clone(all) }

// Valid reports whether id names a criterion. Spelling is exact.
func (id ID) Valid() bool {
	_, ok := index[id]
	return ok
}

// Lookup returns the criterion that id names.
func Lookup(id ID) (Criterion, bool) {
	i, ok := index[id]
	if !ok {
		return Criterion{}, false
	}
	return all[i], true
}

// Parse returns text as the id of a criterion, or a fault.Invalid.
func Parse(text string) (ID, error) {
	if id := ID(text); id.Valid() {
		return id, nil
	}
	return "", fault.New(fault.Invalid, "%q is not a criterion; write an id such as CC2.3, A1.2 or DC4", text)
}
