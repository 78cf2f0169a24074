package people

import (
	"strings"
	"testing"
)

func TestAcceptable(t *testing.T) {
	for text, want := range map[string]string{
		pass:                              "",
		"kräftiger Wind über Nordhorn":    "",
		"xkcd 936: staple":                "",
		"五つの静かな港と雪の山々":                    "",
		"short":                           "too short",
		"":                                "too short",
		strings.Repeat("long word ", 200): "too long",
		"with a \x00 inside it":           "control characters",
		"aaaaaaaaaaaaaaaa":                "easy to guess",
		"123412341234":                    "easy to guess",
		"abcdefghijklmnop":                "easy to guess",
		"zyxwvutsrqpo":                    "easy to guess",
		"Password2026":                    "easy to guess",
		"qwertyuiop12":                    "easy to guess",
		"countersign1!":                   "easy to guess",
		"Ada Lovelace!":                   "easy to guess",
		"ada.lovelace@example.org":        "easy to guess",
		"LOVELACE-ada1":                   "easy to guess",
		"ababacabacababac":                "easy to guess",
	} {
		err := acceptable(text, "Ada Lovelace", "ada.lovelace@example.org")
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("acceptable(%.30q) = %v, want %q", text, err, want)
		}
	}
}

// TestOpaque: the same password from another keyboard is the same.
func TestOpaque(t *testing.T) {
	if opaque("Zu\u0308rich im Regen") != opaque("Z\u00fcrich im\u00a0Regen") {
		t.Error("composed and decomposed letters differ")
	}
}

func FuzzAcceptable(f *testing.F) {
	f.Add(pass, "Ada", "ada@example.org")
	f.Add("\xff\xfe", "", "@")
	f.Fuzz(func(t *testing.T, text, name, email string) {
		if acceptable(text, name, email) == nil && (len(text) < minPassword || len(text) > maxPassword || opaque(opaque(text)) != opaque(text)) {
			t.Errorf("accepted %q", text)
		}
	})
}

func FuzzCanonical(f *testing.F) {
	f.Add("  Ada  Lovelace ", " Ada@Example.ORG")
	f.Add("\u202eadA", "\"a b\"@example.org")
	f.Add("İ", "İ@İ.example")
	f.Fuzz(func(t *testing.T, name, email string) {
		if once, err := canonicalName(name); err == nil {
			if twice, err := canonicalName(once); err != nil || twice != once || once == "" || strings.ContainsAny(once, "\n\x00\u202e") {
				t.Errorf("name %q became %q, then %q, %v", name, once, twice, err)
			}
		}
		if once, err := canonicalEmail(email); err == nil {
			if twice, err := canonicalEmail(once); err != nil || twice != once || !strings.Contains(once, "@") || strings.ContainsAny(once, "\r\n") {
				t.Errorf("address %q became %q, then %q, %v", email, once, twice, err)
			}
		}
	})
}

func FuzzDevice(f *testing.F) {
	f.Add(office.Agent)
	f.Fuzz(func(t *testing.T, agent string) {
		if words := device(agent); len(words) > 40 || words == "" || strings.ContainsAny(words, "<>&\"'") {
			t.Errorf("device(%q) = %q", agent, words)
		}
	})
}
