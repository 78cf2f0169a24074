package format

import (
	"encoding/json"
	"strings"
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
		var ok bool
		if text, ok = Text(value); !ok {
			return string(value)
		}
	case strings.HasPrefix(text, "["):
		var list []string
		first := strings.TrimLeft(text[1:], " \t\r\n")
		if !strings.HasPrefix(first, `"`) && first != "]" || json.Unmarshal(value, &list) != nil {
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

// IsCell reports whether a CSV file shows a JSON value as this cell: whether
// it is Cell of it, which it finds out without making that.
func IsCell(cell string, value []byte) bool {
	if isPlain(value) && (len(value) == 2 || strings.IndexByte("=+-@", value[1]) < 0) {
		return cell == string(value[1:len(value)-1])
	}
	if len(value) == 0 || value[0] >= '0' && value[0] <= '9' {
		return cell == string(value)
	}
	return cell == Cell(value)
}

// Text returns the text of a JSON string. Most are their text in quotes and
// need no parser.
func Text(value []byte) (string, bool) {
	if isPlain(value) {
		return string(value[1 : len(value)-1]), true
	}
	var s string
	err := json.Unmarshal(value, &s)
	return s, err == nil && value[0] == '"'
}

// isPlain reports whether value is ASCII text in quotes without escapes.
func isPlain(value []byte) bool {
	last := len(value) - 1
	if last < 1 || value[0] != '"' || value[last] != '"' {
		return false
	}
	for _, c := range value[1:last] {
		if c < ' ' || c > '~' || c == '\\' || c == '"' {
			return false
		}
	}
	return true
}
