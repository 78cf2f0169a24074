package phrase

import "strings"

// Plain returns what somebody sent as text that a page can show and a column
// can hold: the mark U+FFFD stands for each control character but tabs and line
// ends, and for what is no UTF-8.
func Plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\r' && r != '\t' || 0x7f <= r && r < 0xa0 {
			return '\uFFFD'
		}
		return r
	}, s)
}
