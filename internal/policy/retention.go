package policy

import (
	"slices"
	"strings"
	"time"

	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/rules"
)

// Fate is what becomes of a case once it was kept long enough.
type Fate string

// The fates.
const (
	EraseContent  Fate = "erase-content"  // all but the skeleton goes
	EraseIdentity Fate = "erase-identity" // who the outsiders are goes, as far as fields say it
	KeepForever   Fate = "keep"           // with a reason
)

// RetentionRule is one row of the schedule. An empty Category or Disposition
// stands for any.
type RetentionRule struct {
	Name        string            `json:"name"`
	Category    rules.Category    `json:"category,omitzero"`
	Disposition rules.Disposition `json:"disposition,omitzero"`
	Years       int               `json:"years,omitzero"` // after the case was closed
	Months      int               `json:"months,omitzero"`
	Then        Fate              `json:"then"`
	Basis       string            `json:"basis"`           // law or contract that asks for it, or allows it
	Reason      string            `json:"reason,omitzero"` // why something is kept for ever
}

// Retention says how long what is kept, by kind of case (C1.1, P4.2). The
// first row that fits decides.
type Retention struct {
	WarnDays int             `json:"warn_days"` // how long before its end a case is on the list of what is due
	Rules    []RetentionRule `json:"rules"`
}

// Rule returns the row for a case; the zero rule, which keeps, where none fits.
func (r *Retention) Rule(category rules.Category, disposition rules.Disposition) RetentionRule {
	for _, x := range r.Rules {
		if (x.Category == "" || x.Category == category) && (x.Disposition == "" || x.Disposition == disposition) {
			return x
		}
	}
	return RetentionRule{Name: "no row fits", Then: KeepForever}
}

// Due returns when a case that was closed at closed has been kept long enough,
// the zero time where it is kept for ever.
func (r RetentionRule) Due(closed time.Time) time.Time {
	if r.Then == KeepForever {
		return time.Time{}
	}
	return closed.UTC().AddDate(r.Years, r.Months, 0)
}

const (
	maxYears    = 100
	maxWarnDays = 366
)

func (r Retention) validate() error {
	switch {
	case r.WarnDays < 0 || r.WarnDays > maxWarnDays:
		return fault.New(fault.Invalid, "warn_days: %d; use 0 to %d", r.WarnDays, maxWarnDays)
	case len(r.Rules) == 0 || len(r.Rules) > maxRows:
		return fault.New(fault.Invalid, "rules: there are %d; give 1 to %d", len(r.Rules), maxRows)
	}
	seen := map[string]bool{}
	for i, x := range r.Rules {
		if err := x.validate(); err != nil {
			return err
		}
		if seen[x.Name] {
			return fault.New(fault.Invalid, "row %q: the name is used twice", x.Name)
		}
		seen[x.Name] = true
		all, last := x.Category == "" && x.Disposition == "", i == len(r.Rules)-1
		if last && !all {
			return fault.New(fault.Invalid, "row %q: the last row must fit everything, so that no case is without a rule", x.Name)
		}
		if all && !last {
			return fault.New(fault.Invalid, "row %q fits everything, so the rows below it would never be used; put it last", x.Name)
		}
	}
	return nil
}

func (r RetentionRule) validate() error {
	bad := func(format string, args ...any) error {
		return fault.New(fault.Invalid, "row %q: "+format, append([]any{r.Name}, args...)...)
	}
	forever := r.Then == KeepForever
	switch {
	case !line(r.Name, 80):
		return bad("name: use 1 to 80 printable characters")
	case r.Category != "" && !line(string(r.Category), 40):
		return bad("category: use one short line")
	case r.Disposition != "" && r.Disposition != rules.Spam && r.Disposition != rules.OutOfScope:
		return bad("disposition %q: use %s or %s, or leave it out", r.Disposition, rules.Spam, rules.OutOfScope)
	case !slices.Contains([]Fate{EraseContent, EraseIdentity, KeepForever}, r.Then):
		return bad("then %q: use %s, %s or %s", r.Then, EraseContent, EraseIdentity, KeepForever)
	case r.Years < 0 || r.Months < 0 || r.Years > maxYears || r.Months > 12*maxYears:
		return bad("years and months: use 0 to %d years", maxYears)
	case !forever && r.Years+r.Months == 0:
		return bad("say how many years or months it is kept")
	case forever && r.Years+r.Months > 0:
		return bad("what is kept for ever has no years or months")
	case strings.TrimSpace(r.Basis) == "" || len(r.Basis) > 1000:
		return bad("basis: name in 1 to 1000 characters the law or contract")
	case forever && strings.TrimSpace(r.Reason) == "" || len(r.Reason) > 1000:
		return bad("reason: say in 1 to 1000 characters why it is kept for ever")
	}
	return nil
}

// DefaultRetention is a schedule to start from: long, so that nothing is lost
// before somebody has looked at it.
func DefaultRetention() Retention {
	const review = " Have it checked against the law and the contracts that bind you."
	return Retention{WarnDays: 30, Rules: []RetentionRule{
		{Name: "spam", Disposition: rules.Spam, Years: 2, Then: EraseContent,
			Basis: "No duty to keep it; it stays through the examination period in which its disposition may be sampled, and the next." + review},
		{Name: "out of scope", Disposition: rules.OutOfScope, Years: 3, Then: EraseContent,
			Basis: "No duty to keep it; it stays as long as somebody may ask why it was set aside." + review},
		{Name: "everything else", Years: 7, Then: EraseContent,
			Basis: "Longer than auditors keep their working papers (five years as a rule) and than claims from most contracts take to lapse." + review},
	}}
}
