package web

import (
	"strings"
	"time"

	"example.org/countersign/internal/clock"
	"example.org/countersign/internal/design"
	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/mime"
	"example.org/countersign/internal/people"
	"example.org/countersign/internal/policy"
	"example.org/countersign/internal/response"
	"example.org/countersign/internal/rules"
)

// Words and marks of the record, the same on every page.

func micros(at int64) time.Time {
	if at == 0 {
		return time.Time{}
	}
	return time.UnixMicro(at).UTC()
}

func severity(s rules.Severity) *design.Severity {
	v := design.Severity(s.Rank())
	return &v
}

func caseState(c *intake.Case) *design.State {
	switch {
	case c.Disposition != "":
		return &design.State{Word: strings.ReplaceAll(string(c.Disposition), "-", " "), Tone: design.Stopped}
	case c.State == intake.Closed:
		return &design.State{Word: "closed", Tone: design.Done}
	case c.State == intake.Answered:
		return &design.State{Word: "answered", Tone: design.Waiting}
	case c.Assignee != "":
		return &design.State{Word: "in work", Tone: design.Active}
	}
	return &design.State{Word: "new", Tone: design.Open}
}

var responseStates = map[response.State]design.State{
	response.Draft: {Word: "draft", Tone: design.Active}, response.InReview: {Word: "awaiting approval", Tone: design.Waiting},
	response.Approved: {Word: "approved", Tone: design.Approved}, response.Sending: {Word: "being sent", Tone: design.Active},
	response.Sent: {Word: "sent", Tone: design.Done}, response.Ambiguous: {Word: "delivery unclear", Tone: design.Attention},
	response.Failed: {Word: "refused", Tone: design.Attention}, response.Withdrawn: {Word: "withdrawn", Tone: design.Stopped},
}

func responseState(s response.State) *design.State {
	v := responseStates[s]
	return &v
}

// caseClock is the clock of the first response, nil where none runs.
func caseClock(c *intake.Case, set *policy.Set, now time.Time) *design.Clock {
	sla := c.Clock(set)
	r := sla.State(now)
	if r.State == clock.None {
		return nil
	}
	d := &design.Clock{Name: "First response", Limit: r.Of, Spent: r.Of - r.Left, Due: r.Due}
	if sla.Calendar.Zone != clock.Always.Zone || len(sla.Calendar.Hours) != len(clock.Always.Hours) {
		d.Calendar = "working hours"
	}
	switch r.State {
	case clock.Met, clock.Missed:
		d.Run, d.Due = design.Met, time.Time{}
	case clock.Paused:
		d.Run = design.Paused
		for _, p := range sla.Paused {
			d.Reason = p.Reason
		}
	}
	return d
}

func addresses(list []mime.Address) string {
	out := make([]string, len(list))
	for i, a := range list {
		out[i] = a.String()
	}
	return strings.Join(out, ", ")
}

// reporter names who began a case.
func reporter(c *intake.Case) string {
	switch {
	case c.Anonymous:
		return "Anonymous"
	case c.ReporterName != "":
		return c.ReporterName
	case c.ReporterAddress != "":
		return c.ReporterAddress
	}
	return "No name given"
}

// or returns the first that is not empty.
func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func spaced(s string) string { return strings.ReplaceAll(s, "-", " ") }

func orRoles(roles []people.Role) string {
	var out []string
	for _, r := range roles {
		out = append(out, r.Title())
	}
	return strings.Join(out, " or ")
}

var (
	impactWords     = [...]string{"Slight", "Limited", "Serious", "Grave"}
	likelihoodWords = [...]string{"Unlikely", "Possible", "Likely", "Certain"}
	categoryOptions = [][2]string{{"", "Not classified"}, {"vulnerability", "Vulnerability"}, {"incident", "Incident"}, {"phishing", "Phishing"}, {"availability", "Availability"},
		{"privacy", "Privacy"}, {"assurance", "Assurance"}, {"regulator", "Regulator"}, {"press", "Press"}, {"billing", "Billing"}, {"support", "Support"}}
	urgencyOptions = [][2]string{{"", "Not said"}, {"low", "Low"}, {"normal", "Normal"}, {"high", "High"}, {"immediate", "Immediate"}}
)

// level puts a level of impact or likelihood into words.
func level(words [4]string, n int) string {
	if n < 1 || n > len(words) {
		return "not assessed"
	}
	return strings.ToLower(words[n-1])
}

// matrixGrid draws a severity matrix; name makes its squares a choice, of which
// chosen is the value.
func matrixGrid(m rules.Matrix, name, chosen string) design.Grid {
	g := design.Grid{Label: "Impact and likelihood", Name: name, Likelihood: likelihoodWords[:]}
	for i := rules.Levels; i >= 1; i-- {
		row := design.GridRow{Impact: impactWords[i-1]}
		for l := 1; l <= rules.Levels; l++ {
			value := string(rune('0'+i)) + "-" + string(rune('0'+l))
			row.Squares = append(row.Squares, design.GridSquare{Value: value, Label: level(impactWords, i) + ", " + level(likelihoodWords, l),
				Severity: *severity(m.Severity(i, l)), Chosen: value == chosen})
		}
		g.Rows = append(g.Rows, row)
	}
	return g
}

// actWords says what an act of the ledger was, after the name of who did it.
var actWords = map[string]string{
	"casefile.opened": "opened the case", "casefile.answered": "marked the case as answered", "casefile.classified": "classified the case", "casefile.assigned": "assigned the case", "casefile.disposed": "set the case aside",
	"casefile.restored": "took the case back", "casefile.paused": "stopped the clock", "casefile.resumed": "let the clock run", "casefile.closed": "closed the case", "casefile.reopened": "reopened the case", "casefile.received": "received a message",
	"communication.noted": "noted", "communication.sent": "sent", "communication.received": "wrote", "communication.revealed": "had a hidden file shown",
	"response.drafted": "began an answer", "response.edited": "edited the answer", "response.submitted": "asked for approval", "response.approved": "approved the answer",
	"response.declined": "declined the answer", "response.withdrawn": "withdrew the answer", "response.sending": "handed the answer over", "response.sent": "recorded that the answer was delivered",
	"response.ambiguous": "could not learn whether the answer was delivered", "response.failed": "was refused by the relay", "response.postponed": "could not reach the relay; it is tried again",
	"response.resolved": "settled whether the answer was delivered",
	"person.invited":    "made an invitation", "person.enrolled": "set up the account", "person.approver-confirmed": "confirmed who holds the account", "person.password-reset": "reset the password",
	"person.password-changed": "changed the password", "person.roles-changed": "changed the roles", "person.renamed": "changed name or address", "person.deactivated": "deactivated the account",
	"person.second-factor-added": "set up a second factor", "person.second-factor-removed": "removed the second factor", "person.second-factor-reset": "removed the second factor",
	"policy.superseded": "put a newer version in its place", "policy.took-effect": "put it in force", "channel.change-proposed": "proposed a change", "channel.change-withdrawn": "withdrew the change",
}

func act(name string) string {
	if w, ok := actWords[name]; ok {
		return w
	}
	kind, verb, _ := strings.Cut(name, ".")
	return spaced(strings.ReplaceAll(verb, "_", " ")) + " (" + strings.ReplaceAll(kind, "_", " ") + ")"
}
