package format

import (
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// Cell returns how a CSV file shows a JSON value: the text of a string, the
// strings of a list separated by "; ", nothing for null, and anything else as
// JSON. Text that a spreadsheet would take for a formula begins with an
// apostrophe, and a line ends in a newline alone because readers of CSV
// disagree on others.
func Cell(value []byte) string {
	text := string(value)
	switch {
	case text == "null":
		return ""
	case strings.HasPrefix(text, `"`):
		if isPlain(text) {
			text = text[1 : len(text)-1]
		} else if json.Unmarshal(value, &text) != nil {
			return string(value)
		}
	case strings.HasPrefix(text, "["):
		var list []string
		if json.Unmarshal(value, &list) != nil {
			return text
		}
		text = strings.Join(list, "; ")
	default:
		return text
	}
	text = strings.ReplaceAll(text, "\r\n", "\n")
	if text != "" && strings.IndexByte("=+-@\t\r", text[0]) >= 0 {
		return "'" + text
	}
	return text
}

// isPlain reports whether a JSON string is its text in quotes: most are, and
// need no parser.
func isPlain(s string) bool {
	return len(s) > 1 && strings.IndexByte(s[1:], '"') == len(s)-2 && strings.IndexByte(s, '\\') < 0 && utf8.ValidString(s)
}
