package rules

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestNormal(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"", "  "},
		{" -", "  "},
		{"Data Breach", " data breach "},
		{"data\r\n\tbreach!", " data breach "},
		{"(CVE-2026-1234)", " cve 2026 1234 "},
		{"Sicherheitslücke", " sicherheitslucke "},
		{"Sicherheitslu\u0308cke", " sicherheitslucke "},
		{"Straße Œuvre łódź", " strasse oeuvre lodz "},
		{"fuite de données", " fuite de donnees "},
		{"DONNÉES", " donnees "},
		{"vi\u200bag\u00adra", " viagra "},
		{"don’t", " don t "},
		{"Ǿ Å ẞ", " o a ss "},
		{"İstanbul", " istanbul "},
		{"УТЕЧКА данных", " утечка данных "},
		{"脆弱性、報告", " 脆弱性 報告 "},
		{"a\xffb", " a b "},
		{"x \u00a0\u2003 y", " x y "},
		{"½", "  "},
	} {
		if got := normal(tt.text); got != tt.want {
			t.Errorf("normal(%q) = %q, want %q", tt.text, got, tt.want)
		}
	}
}

// Preparing a character is final: nothing changes when it is done again.
func TestNormalIsFinal(t *testing.T) {
	for r := range rune(0x3000) {
		if once := normal(string(r)); normal(once) != once {
			t.Errorf("%U: %q, then %q", r, once, normal(once))
		}
	}
}

func TestPhrase(t *testing.T) {
	for _, tt := range []struct {
		phrase, text string
		want         bool
	}{
		{"breach", "a Breach.", true},
		{"breach", "breaches", false},
		{"breach*", "breaches", true},
		{"breach*", "BREACH", true},
		{"data breach", "data\nbreach", true},
		{"data breach", "data, breach", true},
		{"data breach", "database breach", false},
		{"*bruch", "Einbruch", true},
		{"*luck*", "Sicherheitslücken", true},
		{"*luck*", "unlucky", true},
		{"donnees", "données", true},
		{"données", "donnees", true},
		{"soc 2", "our SOC-2 report", true},
		{"soc 2", "soc 27001", false},
		{"*脆弱性*", "重大な脆弱性を報告", true},
	} {
		p, err := phrase(tt.phrase)
		if err != nil {
			t.Errorf("phrase(%q): %v", tt.phrase, err)
			continue
		}
		found := newFinder(map[string][]uint16{p: {7}}).find(tt.text)
		if found.has(7) != tt.want {
			t.Errorf("%q in %q: %v, want %v", tt.phrase, tt.text, found.has(7), tt.want)
		}
	}
	for _, bad := range []string{"", "*", "**", " ", "a", "!", "a*b", "da*ta breach", "**x**", strings.Repeat("x", 101), "\u200b\u200b"} {
		if p, err := phrase(bad); err == nil {
			t.Errorf("phrase(%q) = %q, want an error", bad, p)
		}
	}
}

// The automaton finds in a text what strings.Contains finds in the prepared
// text.
func TestFinderAgainstContains(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		letter := rapid.SampledFrom([]rune("aAb  -üé\u0301\u200b語"))
		phrases := map[string][]uint16{}
		for i, text := range rapid.SliceOfN(rapid.StringOfN(letter, 2, 8, -1), 1, 12).Draw(t, "phrases") {
			if p, err := phrase(text); err == nil {
				phrases[p] = append(phrases[p], uint16(i), uint16(i+100))
			}
		}
		text := rapid.StringOfN(letter, 0, 60, -1).Draw(t, "text")
		found := newFinder(phrases).find(text)
		for p, in := range phrases {
			want := strings.Contains(normal(text), p)
			for _, g := range in {
				if found.has(int(g)) != want {
					t.Fatalf("%q in %q: %v, want %v", p, text, !want, want)
				}
			}
		}
	})
}

func FuzzFind(f *testing.F) {
	f.Add("data breach*", "a  Data\r\nBREACHES!")
	f.Add("données", "donne\u0301es\xff")
	f.Add("*脆弱性*", "重大な脆弱性")
	f.Fuzz(func(t *testing.T, wanted, text string) {
		n := normal(text)
		if !utf8.ValidString(n) || strings.Contains(strings.TrimSpace(n), "  ") || normal(n) != n {
			t.Fatalf("normal(%q) = %q", text, n)
		}
		p, err := phrase(wanted)
		if err != nil {
			return
		}
		if found := newFinder(map[string][]uint16{p: {3}}).find(text); found.has(3) != strings.Contains(n, p) {
			t.Errorf("%q in %q: %v", wanted, text, found.has(3))
		}
	})
}

func BenchmarkFind(b *testing.B) {
	p, err := Compile(Default())
	if err != nil {
		b.Fatal(err)
	}
	for name, text := range map[string]string{
		"english":  strings.Repeat("The quick brown fox jumps over the lazy dog. ", 114),
		"german":   strings.Repeat("Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich. ", 74),
		"cyrillic": strings.Repeat("Съешь ещё этих мягких французских булок. ", 68),
		"chinese":  strings.Repeat("我能吞下玻璃而不伤身体。", 142),
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				p.finder.find(text)
			}
		})
	}
}
