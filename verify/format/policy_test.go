package format

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func keyOf(seed int) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{byte(seed)}, ed25519.SeedSize))
}

// witnessKey returns that of a witness made from a number.
func witnessKey(t testing.TB, n int) WitnessKey {
	t.Helper()
	k, err := NewWitnessKey(fmt.Sprintf("w%d.example", n), keyOf(n).Public().(ed25519.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func logKey(t testing.TB, n int) Key {
	t.Helper()
	k, err := NewKey(fmt.Sprintf("log%d.example", n), keyOf(n).Public().(ed25519.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// fill puts keys into a policy: {1} is that of witness 1, [1] that of log 1.
func fill(t testing.TB, text string) []byte {
	for i := 1; i < 9; i++ {
		text = strings.ReplaceAll(text, fmt.Sprintf("{%d}", i), witnessKey(t, i).String())
		text = strings.ReplaceAll(text, fmt.Sprintf("[%d]", i), logKey(t, i).String())
	}
	return []byte(text)
}

const twoLevels = `# Two organisations
log [1] https://log.example/
	witness X1 {1}  https://x1.example/a
witness X2 {2}
witness X3 {3}
group X 2 X1 X2 X3

witness Y1 {4}
witness Y2 {5}
  # any of these
group Y any Y1 Y2
group X-and-Y all X Y
quorum X-and-Y
`

func TestPolicy(t *testing.T) {
	for _, test := range []struct {
		policy string
		enough []string // digits of the witnesses that cosigned
		less   []string
	}{
		{twoLevels, []string{"124", "235", "12345", "135"}, []string{"", "12", "123", "14", "45", "145"}},
		{"witness a {1}\nwitness b {2}\nquorum a\n", []string{"1", "12"}, []string{"", "2"}},
		{"witness a {1}\nquorum none\n", []string{"", "1"}, nil},
		{"quorum none", []string{""}, nil},
		{"witness a {1}\nwitness b {2}\ngroup all all a b\nquorum all\n", []string{"12"}, []string{"1", "2", ""}},
	} {
		p, err := ParsePolicy(fill(t, test.policy))
		if err != nil {
			t.Errorf("%s: %v", test.policy, err)
			continue
		}
		for i, list := range [][]string{test.enough, test.less} {
			for _, who := range list {
				met := p.Met(func(key string) bool {
					return slices.ContainsFunc([]rune(who), func(r rune) bool { return witnessKey(t, int(r-'0')).String() == key })
				})
				if met != (i == 0) {
					t.Errorf("%s: cosigned by %q: %v", test.policy, who, met)
				}
			}
		}
		if p.Asks() != (test.less != nil) {
			t.Errorf("%s: asks for cosignatures: %v", test.policy, p.Asks())
		}
	}
	p, err := ParsePolicy(fill(t, twoLevels))
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Logs) != 1 || p.Logs[0].URL != "https://log.example/" || !p.Knows(logKey(t, 1)) || p.Knows(logKey(t, 2)) {
		t.Errorf("logs %+v", p.Logs)
	}
	if w := p.Witnesses; len(w) != 5 || w[0].Name != "X1" || w[0].URL != "https://x1.example/a" || w[1].URL != "" || w[4].Key != witnessKey(t, 5) {
		t.Errorf("witnesses %+v", w)
	}
	var none Policy
	if !none.Knows(logKey(t, 1)) || none.Asks() || !none.Met(func(string) bool { return false }) {
		t.Error("the policy that knows nobody")
	}
}

func TestPolicyIsWrong(t *testing.T) {
	for policy, want := range map[string]string{
		"":                                                      "no quorum line",
		"witness a {1}":                                         "no quorum line",
		"quorum none\nquorum none":                              "line 2: there is a quorum line already",
		"quorum a\nwitness a {1}":                               `line 1: "a" is not defined above`,
		"quorum":                                                "want: quorum NAME",
		"quorum a b":                                            "want: quorum NAME",
		"witness a {1}\nwitness a {2}\nquorum a":                `line 2: the name "a" is taken`,
		"witness a {1}\nwitness b {1}\nquorum a":                "line 2: the key is there twice",
		"log [1]\nlog [1]\nquorum none":                         "line 2: the key is there twice",
		"witness none {1}\nquorum none":                         `"none" is taken`,
		"witness a\nquorum none":                                "want: witness NAME KEY [URL]",
		"witness a {1} x y\nquorum none":                        "want: witness NAME KEY [URL]",
		"witness a [1]\nquorum none":                            "of type 1, where type 4 is wanted: a witness's",
		"log {1}\nquorum none":                                  "of type 4, where type 1 is wanted: a log's",
		"log\nquorum none":                                      "want: log KEY [URL]",
		"log x\nquorum none":                                    "not of the form",
		"witness a {1}\ngroup g all\nquorum g":                  "want: group NAME",
		"witness a {1}\ngroup g 0 a\nquorum g":                  "a number from 1 to 1",
		"witness a {1}\ngroup g 2 a\nquorum g":                  "a number from 1 to 1",
		"witness a {1}\ngroup g 01 a\nquorum g":                 "a number from 1 to 1",
		"witness a {1}\ngroup g some a\nquorum g":               "a number from 1 to 1",
		"witness a {1}\ngroup g all a a\nquorum g":              `"a" is a member twice`,
		"witness a {1}\ngroup g all a\ngroup h all a\nquorum h": `"a" is a member twice`,
		"witness a {1}\ngroup a all a\nquorum a":                `the name "a" is taken`,
		"group g all g\nquorum g":                               `member "g" is not defined above`,
		"witness a {1}\ngroup g all none\nquorum g":             `member "none" is not defined above`,
		"witnesses a {1}\nquorum none":                          `"witnesses" is none of log, witness, group and quorum`,
		"quorum none\r\n":                                       "line 1: has a control character",
		"witness a " + strings.Replace("{1}", "{1}", "w+00000000+AAAA", 1): "line 1: the verifier key",
		"witness a {2}{3}\nquorum none":                                    "the verifier key",
		strings.Repeat("#\n", maxPolicy):                                   "longer than",
	} {
		if _, err := ParsePolicy(fill(t, policy)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.200q: %v, want %s", policy, err, want)
		}
	}
	many := ""
	for i := range maxPolicyLines + 1 {
		k, err := NewWitnessKey("w", append(make([]byte, 30), byte(i), byte(i>>8)))
		if err != nil {
			t.Fatal(err)
		}
		many += fmt.Sprintf("witness w%d %s\n", i, k)
	}
	if _, err := ParsePolicy([]byte(many + "quorum none")); err == nil || !strings.Contains(err.Error(), "line 1001: there are more than 1000") {
		t.Error(err)
	}
}

func TestWitnessKey(t *testing.T) {
	k := witnessKey(t, 1)
	if again, err := ParseWitnessKey(k.String()); err != nil || again != k {
		t.Errorf("%v, %v", again, err)
	}
	text := k.String()
	for i := range text {
		b := []byte(text)
		b[i] ^= 1
		if again, err := ParseWitnessKey(string(b)); err == nil {
			t.Errorf("%s is read as %v", b, again)
		}
	}
	for _, name := range []string{"", "a b", "a+b", "a\nb", "a\u00a0b", "\xff"} {
		if _, err := NewWitnessKey(name, keyOf(1).Public().(ed25519.PublicKey)); err == nil {
			t.Errorf("%q is the name of a witness", name)
		}
	}
}

// FuzzPolicy holds that what is read as a policy is decided by its witnesses
// alone, and never lost in itself.
func FuzzPolicy(f *testing.F) {
	f.Add(fill(f, twoLevels))
	f.Add([]byte("quorum none"))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := ParsePolicy(b)
		if err != nil {
			return
		}
		if !p.Met(func(string) bool { return true }) {
			t.Errorf("%q is not met by all its witnesses", b)
		}
		if p.Asks() && p.Met(func(string) bool { return false }) {
			t.Errorf("%q asks and is met by nobody", b)
		}
	})
}
