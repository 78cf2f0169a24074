package policy

import (
	"slices"
	"strings"
	"unicode"
)

// Languages are those in which the product writes to outsiders.
var Languages = []string{"en", "de", "fr", "es"}

// frequent are words that nearly every text of a language has, and the others
// have not.
var frequent = map[string]string{
	"the": "en", "and": "en", "you": "en", "your": "en", "with": "en", "this": "en", "that": "en", "have": "en", "for": "en", "are": "en", "not": "en", "we": "en",
	"der": "de", "die": "de", "und": "de", "das": "de", "ist": "de", "nicht": "de", "ich": "de", "sie": "de", "wir": "de", "mit": "de", "ein": "de", "eine": "de", "auf": "de", "für": "de",
	"le": "fr", "les": "fr", "des": "fr", "et": "fr", "est": "fr", "vous": "fr", "nous": "fr", "dans": "fr", "pour": "fr", "une": "fr", "je": "fr", "pas": "fr", "avec": "fr", "votre": "fr",
	"el": "es", "los": "es", "las": "es", "y": "es", "por": "es", "para": "es", "con": "es", "una": "es", "del": "es", "usted": "es", "su": "es", "está": "es", "como": "es", "muy": "es",
}

// Language returns the language of a text, one of Languages or "": the
// declared one, else the one whose frequent words clearly prevail.
func Language(declared, text string) string {
	declared = strings.ToLower(strings.TrimSpace(declared))
	if i := strings.IndexAny(declared, "-_,;"); i >= 0 {
		declared = declared[:i]
	}
	if slices.Contains(Languages, declared) {
		return declared
	}
	if declared != "" {
		return ""
	}
	seen := map[string]int{}
	words := 0
	for word := range strings.FieldsFuncSeq(text[:min(len(text), 4<<10)], func(r rune) bool { return !unicode.IsLetter(r) }) {
		if words++; words > 400 {
			break
		}
		if l := frequent[strings.ToLower(word)]; l != "" {
			seen[l]++
		}
	}
	best := ""
	for _, l := range Languages {
		if seen[l] > seen[best] {
			best = l
		}
	}
	for _, l := range Languages {
		if l != best && 2*seen[l] > seen[best] {
			return ""
		}
	}
	if seen[best] < 2 {
		return ""
	}
	return best
}
