package rules

import (
	"fmt"
	"strings"
	"testing"

	"example.org/countersign/internal/fault"
)

// when is a rule with a condition and nothing else of interest.
func when(condition string) Rule {
	return Rule{Name: "r", When: condition, Then: Outcome{Category: Support}, Why: "test"}
}

func TestCompileRefuses(t *testing.T) {
	with := func(change func(*Rule)) Set {
		r := when("true")
		change(&r)
		return Set{r}
	}
	many := make(Set, MaxRules+1)
	for _, tt := range []struct {
		name string
		set  Set
		want string // start of the message
	}{
		{"no name", with(func(r *Rule) { r.Name = " " }), `rule " ": name: `},
		{"name of two lines", with(func(r *Rule) { r.Name = "a\nb" }), `rule "a\nb": name: `},
		{"long name", with(func(r *Rule) { r.Name = strings.Repeat("x", 81) }), `rule "xxx`},
		{"no condition", with(func(r *Rule) { r.When = "\n" }), `rule "r": when: missing`},
		{"long condition", with(func(r *Rule) { r.When = "true" + strings.Repeat(" ", maxWhen) }), `rule "r": when: longer`},
		{"no reason", with(func(r *Rule) { r.Why = "" }), `rule "r": why: `},
		{"no effect", with(func(r *Rule) { r.Then = Outcome{} }), `rule "r": then: sets nothing`},
		{"category", with(func(r *Rule) { r.Then.Category = "Not A Slug" }), `rule "r": then.category: "Not A Slug"`},
		{"impact", with(func(r *Rule) { r.Then.Impact = 5 }), `rule "r": then.impact: 5`},
		{"negative likelihood", with(func(r *Rule) { r.Then.Likelihood = -1 }), `rule "r": then.likelihood: -1`},
		{"urgency", with(func(r *Rule) { r.Then.Urgency = "asap" }), `rule "r": then.urgency: "asap"`},
		{"disposition", with(func(r *Rule) { r.Then.Disposition = "delete" }), `rule "r": then.disposition: "delete"`},
		{"role", with(func(r *Rule) { r.Then.AssignRole = "the boss" }), `rule "r": then.assign_role: "the boss"`},
		{"same name", Set{when("true"), when("false")}, `rule "r": name: already used by rule 1`},
		{"too many", many, "201 rules"},
		{"syntax", Set{when("subject ==")}, `rule "r": line 1, column 11: Syntax error`},
		{"second line", Set{when("true &&\n  nothing")}, `rule "r": line 2, column 3: undeclared reference to 'nothing'`},
		{"types", Set{when("subject == 3")}, `rule "r": line 1, column 9: found no matching overload`},
		{"not a condition", Set{when("subject")}, `rule "r": when: gives a string`},
		{"hidden variable", Set{when("@0")}, `rule "r": line 1, column 1: Syntax error`},
		{"mentions without words", Set{when("mentions()")}, `rule "r": when: mentions needs`},
		{"mentions of a number", Set{when("mentions(3)")}, `rule "r": line 1, column 10: mentions takes`},
		{"mentions of something computed", Set{when(`mentions("ab" + "cd")`)}, `rule "r": line 1, column 15: mentions takes`},
		{"mentions of a letter", Set{when(`mentions("a")`)}, `rule "r": line 1, column 10: phrase "a" is too short`},
		{"mentions elsewhere", Set{when(`from.mentions("example")`)}, `rule "r": line 1, column 1: mentions works on subject`},
		{"bad pattern", Set{when(`subject.matches("(")`)}, `rule "r": line 1, column 16: error parsing regexp`},
		{"computed pattern", Set{when(`text.matches(subject)`)}, `rule "r": line 1, column 13: matches takes a pattern`},
		{"computed pattern, other spelling", Set{when(`matches(text, subject)`)}, `rule "r": line 1, column 8: matches takes a pattern`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, err := Compile(tt.set)
			if err == nil {
				t.Fatalf("accepted: %+v", p)
			}
			kind, msg := fault.Of(err)
			if kind != fault.Invalid || !strings.HasPrefix(msg, tt.want) {
				t.Errorf("kind %v, message\n%s\nwant it to start with\n%s", kind, msg, tt.want)
			}
		})
	}
}

func TestCompileReportsEveryRule(t *testing.T) {
	a, b, c := when("nothing"), when("true"), when("subject =")
	a.Name, b.Name, c.Name = "first", "second", "third"
	_, err := Compile(Set{a, b, c})
	_, msg := fault.Of(err)
	if lines := strings.Split(msg, "\n"); len(lines) < 2 || !strings.Contains(msg, `rule "first": line 1`) ||
		!strings.Contains(msg, `rule "third": line 1`) || strings.Contains(msg, "second") {
		t.Errorf("message:\n%s", msg)
	}
}

// dear are conditions that would burn the processor if they were let.
func dear() map[string]string {
	nest := func(depth int) string {
		s := "true"
		for i := range depth {
			s = fmt.Sprintf("to.all(v%d, %s)", i, s)
		}
		return s
	}
	list := "[" + strings.Repeat("0,", 99) + "0]"
	return map[string]string{
		"nested loops over a fact":     nest(4),
		"nested loops over a constant": fmt.Sprintf("%[1]s.all(a, %[1]s.all(b, %[1]s.all(c, a + b + c == 0)))", list),
		"growing lists":                fmt.Sprintf("%s.map(a, %[1]s.map(b, %[1]s.map(c, text + text))).size() > 3", list),
		"regular expression bomb":      `text.matches("(a?){200}a{200}")`,
		"small bomb":                   `text.matches("(([a-z ]{0,30})([a-z. ]{0,30})){4}Z")`,
		"bomb in a loop":               `to.exists(a, text.matches("(a|b|ab)*c"))`,
		"many expressions":             strings.Repeat(`text.matches("(?i)invoice|payment|rechnung") || `, 20) + "false",
		"contains of itself":           `text.contains(text)`,
		"growing text":                 `[1,2,3,4,5,6,7,8].all(a, (text+text+text+text+text+text+text+text).contains(subject))`,
		"unknown size":                 `dyn(to).all(a, dyn(to).all(b, dyn(to).all(c, a == b)))`,
	}
}

func TestCompileRefusesWhatIsTooDear(t *testing.T) {
	for name, condition := range dear() {
		t.Run(name, func(t *testing.T) {
			_, err := Compile(Set{when(condition)})
			_, msg := fault.Of(err)
			if err == nil || !strings.Contains(msg, `rule "r": when: may cost`) {
				t.Errorf("error %v", err)
			}
		})
	}
	t.Run("together", func(t *testing.T) {
		var set Set
		for i := range 20 {
			r := when(`text.matches("(?i)invoice number")`)
			r.Name = fmt.Sprint(i)
			set = append(set, r)
		}
		_, err := Compile(set)
		if _, msg := fault.Of(err); !strings.HasPrefix(msg, "the rules together may cost") {
			t.Errorf("error %v", err)
		}
	})
}

// Were the estimate wrong, the account kept while a rule runs would stop it.
func TestRunningCostIsLimited(t *testing.T) {
	worst := Facts{Subject: strings.Repeat("a", maxSubject), Text: strings.Repeat("a", maxText)}
	for range maxList {
		worst.To = append(worst.To, "somebody@example.org")
	}
	for name, condition := range dear() {
		t.Run(name, func(t *testing.T) {
			c := &compiler{ceiling: 1 << 63, budget: 1 << 63}
			p, err := c.compile(Set{when(condition)})
			if err != nil {
				t.Fatal(err)
			}
			out, _, err := p.Evaluate(worst)
			if err == nil {
				t.Logf("was cheap after all: %+v", out)
				return
			}
			if !strings.Contains(err.Error(), "cost limit exceeded") || !strings.Contains(err.Error(), `rule "r"`) {
				t.Errorf("error %v", err)
			}
		})
	}
}

// What people would write by hand must fit the limits.
func TestCompileAccepts(t *testing.T) {
	for _, condition := range []string{
		`true`,
		`subject.matches("(?i)^(re|aw|fwd?): .*invoice")`,
		`subject.matches("(?i)urgent") || subject.matches("(?i)dringend") || subject.matches("(?i)wichtig")`,
		`text.matches("(?i)order no[.] [0-9]{6}")`,
		`text.contains("CVE-2026-")`,
		`attachment_types.exists(t, t == "application/x-msdownload" || t.startsWith("application/vnd.ms-excel"))`,
		`attachment_types.exists(t, t.matches("(macro|script)"))`,
		`to.exists(a, a.startsWith("security@")) && !("list-id" in headers)`,
		`headers["x-priority"] == "1" || headers["importance"] == "high"`,
		`headers.exists(name, name.startsWith("x-spam"))`,
		`from_domain.endsWith(".gov") || from_domain in ["bsi.bund.de", "ico.org.uk"]`,
		`size(text) < 20 && !has_attachments`,
		`party_kind in ["customer", "partner"] && authenticated && !auto`,
		`channel == "security@example.org" ? mentions("xss") : subject.mentions("xss", "csrf")`,
	} {
		if _, err := Compile(Set{when(condition)}); err != nil {
			t.Errorf("%s\n%v", condition, err)
		}
	}
	if _, err := Compile(nil); err != nil {
		t.Errorf("an empty set: %v", err)
	}
}

func FuzzCompile(f *testing.F) {
	for _, seed := range []string{
		`true`, `mentions("a b", "c*")`, `subject.mentions("xss") && !auto`, `text.matches("(a?){9}")`,
		`to.exists(a, a in headers)`, `headers["x"] == ""`, `to[0] == from`, `[1,2].map(x, x*2).size() > 1`,
		`has(headers.x) ? true : 1/0 == 1`, `@0`, `dyn(text) == 3`, "subject == \"\xff\"", `'\u0000'.mentions("ab")`,
	} {
		f.Add(seed)
	}
	facts := Facts{
		Subject: "Re: data breach", Text: strings.Repeat("a b c ", 2000), From: "Someone@Example.org",
		To: []string{"security@example.org"}, AttachmentTypes: []string{"application/pdf"},
		Headers: map[string]string{"List-Id": "<x>"},
	}
	f.Fuzz(func(t *testing.T, condition string) {
		r := when(condition)
		p, err := Compile(Set{r})
		if err != nil {
			if kind, msg := fault.Of(err); kind != fault.Invalid || !strings.HasPrefix(msg, `rule "r": `) {
				t.Errorf("%q: %v", condition, err)
			}
			return
		}
		_, _, err = p.Evaluate(facts)
		if err != nil && strings.Contains(err.Error(), "cost limit") {
			t.Errorf("%q: estimated as affordable, but %v", condition, err)
		}
		if err != nil && strings.Contains(err.Error(), "internal error") {
			t.Errorf("%q: %v", condition, err)
		}
	})
}
