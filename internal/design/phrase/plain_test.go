package phrase

import "testing"

func TestPlain(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "Grüße,\r\n\tRita": "Grüße,\r\n\tRita", "a\x00b\x1b[31m": "a\uFFFDb\uFFFD[31m", "\xffx": "\uFFFDx", "\u0085\x7f": "\uFFFD\uFFFD", "\u202e👩": "\u202e👩",
	} {
		if got := Plain(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
