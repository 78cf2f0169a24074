package policy

import (
	"strings"

	"example.org/countersign/internal/rules"
)

// Past is a message of the past as rules see it, and what came of it.
type Past struct {
	Number string
	Facts  rules.Facts
	Was    rules.Outcome
}

// Difference is a past case that other rules would have treated otherwise.
type Difference struct {
	Number   string
	Was, Now rules.Outcome
	Rules    []string // that had a say now
}

// Trial is the outcome of a dry run.
type Trial struct {
	Cases       int
	Matched     map[string]int // cases in which each rule had a say; every rule is named
	Differences []Difference
	Failed      []string // "C-2026-000123: rule …", where a rule failed on a case
}

// DryRun tries rules on past cases and reports what they would change. Nothing
// is recorded.
func DryRun(set rules.Set, past []Past) (*Trial, error) {
	program, err := rules.Compile(set)
	if err != nil {
		return nil, err
	}
	t := &Trial{Cases: len(past), Matched: make(map[string]int, len(set))}
	for _, r := range set {
		t.Matched[r.Name] = 0
	}
	for _, p := range past {
		now, matched, err := program.Evaluate(p.Facts)
		if err != nil {
			t.Failed = append(t.Failed, p.Number+": "+strings.ReplaceAll(err.Error(), "\n", "; "))
		}
		for _, name := range matched {
			t.Matched[name]++
		}
		if now != p.Was {
			t.Differences = append(t.Differences, Difference{Number: p.Number, Was: p.Was, Now: now, Rules: matched})
		}
	}
	return t, nil
}
