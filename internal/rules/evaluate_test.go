package rules

import (
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func compile(t testing.TB, set ...Rule) *Program {
	t.Helper()
	p, err := Compile(set)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestFirstMatchPerAttributeWins(t *testing.T) {
	p := compile(t,
		Rule{"no", `subject == "other"`, Outcome{Category: Phishing, Impact: 4}, "never matches"},
		Rule{"who", `from == "a@b.example"`, Outcome{AssignRole: "lead"}, "sender"},
		Rule{"what", `subject.mentions("invoice")`, Outcome{Category: Billing, Impact: 1, AssignRole: "analyst"}, "subject"},
		Rule{"same again", `true`, Outcome{Category: Support, Impact: 2}, "all settled by now"},
		Rule{"rest", `true`, Outcome{Category: Support, Impact: 2, Likelihood: 3, Urgency: UrgencyLow}, "fallback"},
	)
	for _, tt := range []struct {
		facts   Facts
		want    Outcome
		matched []string
	}{
		{Facts{Subject: "Invoice 1", From: "A@b.example"},
			Outcome{Category: Billing, Impact: 1, Likelihood: 3, Urgency: UrgencyLow, AssignRole: "lead"}, []string{"who", "what", "rest"}},
		{Facts{From: "A@b.example"},
			Outcome{Category: Support, Impact: 2, Likelihood: 3, Urgency: UrgencyLow, AssignRole: "lead"}, []string{"who", "same again", "rest"}},
	} {
		out, matched, err := p.Evaluate(tt.facts)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.want, out); diff != "" {
			t.Error(diff)
		}
		if !slices.Equal(matched, tt.matched) {
			t.Errorf("matched %q, want %q", matched, tt.matched)
		}
	}
}

func TestKeepSettlesTheDisposition(t *testing.T) {
	p := compile(t,
		Rule{"known", `party_kind == "customer"`, Outcome{Disposition: Keep}, "known"},
		Rule{"spam", `text.mentions("casino")`, Outcome{Disposition: Spam}, "spam"},
	)
	for kind, want := range map[string]Disposition{"customer": "", "": Spam} {
		out, _, err := p.Evaluate(Facts{Text: "casino", PartyKind: kind})
		if err != nil || out.Disposition != want {
			t.Errorf("%q: %q, %v, want %q", kind, out.Disposition, err, want)
		}
	}
}

// One case for each thing that a condition may ask about.
func TestFacts(t *testing.T) {
	f := Facts{
		Subject: "Re: Données", Text: "line one\nline two", From: "Ann@Mail.Example.ORG", To: []string{"Security@Example.org"},
		Channel: "Security@Example.org", PartyKind: "vendor", AttachmentTypes: []string{"Application/PDF"}, Auto: true, Authenticated: true,
		Headers: map[string]string{"X-Priority": "1"},
	}
	for condition, want := range map[string]bool{
		`subject == "Re: Données"`:                             true,
		`text.startsWith("line one")`:                          true,
		`from == "ann@mail.example.org"`:                       true,
		`from_domain == "mail.example.org"`:                    true,
		`"security@example.org" in to`:                         true,
		`to == ["security@example.org"]`:                       true,
		`channel == "security@example.org"`:                    true,
		`mailbox == "security"`:                                true,
		`party_kind == "vendor"`:                               true,
		`has_attachments`:                                      true,
		`attachment_types.exists(t, t == "application/pdf")`:   true,
		`auto && authenticated`:                                true,
		`headers["x-priority"] == "1"`:                         true,
		`headers["X-Priority"] == "1"`:                         false,
		`headers["missing"] == ""`:                             true,
		`headers["missing"].startsWith("x")`:                   false,
		`headers[subject] == ""`:                               true,
		`"x-priority" in headers && !("missing" in headers)`:   true,
		`headers.exists(name, headers[name] == "1")`:           true,
		`size(headers) == 1`:                                   true,
		`mentions("donnees") && mentions("line two")`:          true,
		`subject.mentions("line") || text.mentions("donnees")`: false,
		`text.mentions("one line")`:                            true, // a line break is a space
		`text.mentions("two line")`:                            false,
		`[1, 2].exists(n, text.mentions("line") && n == 2)`:    true,
		`subject.matches("(?i)^re:")`:                          true,
	} {
		out, _, err := compile(t, when(condition)).Evaluate(f)
		if err != nil {
			t.Errorf("%s: %v", condition, err)
		}
		if got := out.Category == Support; got != want {
			t.Errorf("%s is %v, want %v", condition, got, want)
		}
	}
}

// A message without a sender, a bounce for instance, is an ordinary message.
func TestEmptyFacts(t *testing.T) {
	p := compile(t, when(`from == "" && from_domain == "" && mailbox == "" && to.size() == 0 && !has_attachments && subject + text == "" && size(headers) == 0`))
	if out, _, err := p.Evaluate(Facts{}); err != nil || out.Category != Support {
		t.Errorf("%+v, %v", out, err)
	}
}

func TestFailingRuleDoesNotStopTheOthers(t *testing.T) {
	bad, good := when(`to[3] == "x"`), when(`true`)
	bad.Name, good.Name = "bad", "good"
	out, matched, err := compile(t, bad, good).Evaluate(Facts{})
	if out.Category != Support || !slices.Equal(matched, []string{"good"}) {
		t.Errorf("%+v by %q", out, matched)
	}
	if err == nil || !strings.HasPrefix(err.Error(), `rule "bad": `) {
		t.Errorf("error %v", err)
	}
}

// What is longer than a rule may see is cut, and never within a character.
func TestLongFactsAreCut(t *testing.T) {
	long := strings.Repeat("ü", 100_000)
	f := Facts{Subject: long, Text: long + "end", From: long + "@example.org", Channel: long, Headers: map[string]string{}}
	for i := range 1000 {
		f.To = append(f.To, long)
		f.AttachmentTypes = append(f.AttachmentTypes, long)
		f.Headers[strings.Repeat("h", i+1)] = long
	}
	p := compile(t, when(`size(text) == 4096 && size(subject) == 500 && size(from) == 160 && size(channel) == 160 &&
		to.size() == 64 && attachment_types.size() == 64 && headers.size() == 64 && headers["hh"].size() == 500 && to.all(a, size(a) == 160)`))
	if out, _, err := p.Evaluate(f); err != nil || out.Category != Support {
		t.Errorf("%+v, %v", out, err)
	}
	if cut := clip("aü", 2); cut != "a" || !utf8.ValidString(cut) {
		t.Errorf("clip = %q", cut)
	}
}

func TestEvaluateConcurrently(t *testing.T) {
	p := compile(t, Default()...)
	facts := []Facts{
		{Subject: "SQL injection in /search", To: []string{"security@example.org"}},
		{Subject: "Invoice 12", Headers: map[string]string{"x-priority": "1"}},
		{Subject: "You have won the lottery"},
	}
	want := make([]Outcome, len(facts))
	for i, f := range facts {
		want[i], _, _ = p.Evaluate(f)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for n := range 100 {
				i := n % len(facts)
				if out, _, err := p.Evaluate(facts[i]); err != nil || out != want[i] {
					t.Errorf("%+v, %v, want %+v", out, err, want[i])
				}
			}
		})
	}
	wg.Wait()
}

// No message makes a default rule fail.
func FuzzEvaluate(f *testing.F) {
	p := compile(f, Default()...)
	f.Add("Re: data breach", "a  text\r\n", "Ann@Example.org", "security+x@example.org", "x-spam-status", "Yes, score=9", "application/pdf")
	f.Add("\xff", "\u0301\u200b", "@", "+", "", "\x00", "")
	f.Fuzz(func(t *testing.T, subject, text, from, channel, name, value, attachment string) {
		out, matched, err := p.Evaluate(Facts{
			Subject: subject, Text: text, From: from, To: []string{channel}, Channel: channel,
			AttachmentTypes: []string{attachment}, Headers: map[string]string{name: value},
		})
		if err != nil || len(matched) == 0 || out.Category == "" || out.Disposition == Keep || DefaultMatrix().Severity(out.Impact, out.Likelihood) == "" {
			t.Errorf("%+v by %q, %v", out, matched, err)
		}
	})
}

// Between messages nothing of them is kept.
func TestMessageIsForgotten(t *testing.T) {
	p := compile(t, when(`text.mentions("secret") && size(to) > 0 && size(headers) > 0`))
	m := new(message)
	m.read(p, Facts{Text: "a secret", To: []string{"x"}, Headers: map[string]string{"a": "b"}})
	if _, _, err := p.rules[0].when.Eval(m); err != nil {
		t.Fatal(err)
	}
	m.forget()
	if diff := cmp.Diff(message{}, *m, cmp.AllowUnexported(message{}, Facts{})); diff != "" {
		t.Error(diff)
	}
}

func TestSetJSON(t *testing.T) {
	const want = `[{"name":"r","when":"true","then":{"category":"incident","impact":3,"urgency":"high","assign_role":"lead"},"why":"test"}]`
	set := Set{{"r", "true", Outcome{Category: Incident, Impact: 3, Urgency: UrgencyHigh, AssignRole: "lead"}, "test"}}
	got, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	var back Set
	if err := json.Unmarshal(got, &back); err != nil || !slices.Equal(back, set) {
		t.Errorf("%+v, %v", back, err)
	}
}

// letter is an ordinary business mail of about 5 kB.
var letter = func() string {
	const paragraph = "Hello team, thank you for the call on Tuesday. As agreed we will prepare the list of accounts for the migration, " +
		"and our colleagues in Lyon and Köln confirm the dates: the first group moves on the 3rd, the second a week later. " +
		"Please tell us whether the import keeps the old numbers, because our customers know them and quote them when they call. "
	return strings.Repeat(paragraph, 5120/len(paragraph)+1)[:5120]
}()

func BenchmarkEvaluate(b *testing.B) {
	p := compile(b, Default()...)
	for name, f := range map[string]Facts{
		"5kB": {
			Subject: "Migration plan", Text: letter, From: "ann@example.net", To: []string{"support@example.org"}, Channel: "support@example.org",
			PartyKind: "customer", Authenticated: true, Headers: map[string]string{"list-id": "", "x-priority": "3"},
		},
		"5kB of a stranger": {Subject: "Migration plan", Text: letter, From: "ann@example.net", To: []string{"support@example.org"}},
		"empty":             {},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := p.Evaluate(f); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkEvaluateParallel(b *testing.B) {
	p := compile(b, Default()...)
	f := Facts{Subject: "Migration plan", Text: letter, From: "ann@example.net", To: []string{"support@example.org"}}
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, _, err := p.Evaluate(f); err != nil {
				b.Error(err)
			}
		}
	})
}

// BenchmarkDearest measures the dearest pattern that is let through, on text
// made to slow it: what a hostile rule can cost per message.
func BenchmarkDearest(b *testing.B) {
	p := compile(b, when(`text.matches("([a-z ]*[a-z ]*){7}Z")`))
	f := Facts{Text: strings.Repeat("the quick brown fox jumps over it ", 300)}
	for b.Loop() {
		if _, _, err := p.Evaluate(f); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCompile(b *testing.B) {
	for b.Loop() {
		compile(b, Default()...)
	}
}
