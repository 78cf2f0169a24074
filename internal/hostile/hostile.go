// Package hostile tries the forms and addresses of a door with strings that
// break pages. The forms are read from the pages that the door itself draws, so
// that a new field is tried without a word here, and a route that takes a form
// which no page shows fails the test.
//
// Whatever is sent, an answer has to be one of ours: no internal error, headers
// that nobody added to, and a page in which each string stays in the place that
// it was put in, with no element and no attribute that the page has not without
// it.
package hostile

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

// A List is strings of one origin.
type List struct {
	Name    string
	Strings []string
}

// Canary is the name of the global variable that strings of ours set where
// something runs them.
const Canary = "hostileCanary"

// bare are strings of ours that have to be all of a value to do what they are
// for: to be an address, a header, a number.
var bare = []string{
	`javascript:hostileCanary=1//`,
	"\x01java\tscript:hostileCanary=1//",
	`data:text/html,<script>hostileCanary=1</script>`,
	`//evil.example/x`,
	`/\evil.example`,
	"/x\r\nSet-Cookie: crlf=injection\r\n\r\n<script>hostileCanary=1</script>",
	"%0d%0aSet-Cookie:%20crlf=injection",
	`=cmd|' /C calc'!A0`,
	`../../../../etc/passwd`,
	`"<svg/onload=hostileCanary=1>" <x@y.example>`,
	`https://x.example/"><svg/onload=hostileCanary=1>`,
	"-9223372036854775809",
	"   ",
}

// within are strings of ours that leave the place that they are put in.
var within = []string{
	`"><script>hostileCanary=1</script>`,
	`' onmouseover='hostileCanary=1' autofocus onfocus='hostileCanary=1`,
	`</textarea></title></style></script><img src=x onerror=hostileCanary=1>`,
	"a\x00b<script\x00>",
	"\xff\xfe<b>\xc0\xbc script",
	"\u202Edesrever\u202C \u200B\uFEFF\u2066x ﷽ Z̴͎͇a̸l̷g̵o \U000E0041 👩‍👩‍👧",
	"{{.}}{{define \"main\"}}x{{end}} ${7*7} #{7*7} <%= 7 %>",
	`'; DROP TABLE casefile; --`,
	`<!--<plaintext>`,
}

// Lists reads every list of a folder: the lines of text files, the lines of the
// code in Markdown, and small files that are hostile as a whole. Without the
// folder there are none, and the strings of ours have to do.
func Lists(t testing.TB, folder string) []List {
	t.Helper()
	if _, err := os.Stat(folder); err != nil {
		t.Logf("%s is absent: only the built-in strings are tried", folder)
		return nil
	}
	var all []List
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(d.Name(), "LICENSE") {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(folder, path)
		if list := (List{name, stringsOf(name, string(b))}); err == nil && len(list.Strings) > 0 {
			all = append(all, list)
		}
		return err
	})
	if err != nil {
		t.Fatalf("read the lists of hostile strings: %v", err)
	}
	if len(all) == 0 {
		t.Fatalf("%s holds no list", folder)
	}
	return all
}

// stringsOf returns what a file has to try.
func stringsOf(name, text string) []string {
	var out []string
	switch {
	case strings.HasSuffix(name, "vectors.txt"):
		return strings.Split(text, "//[\"'`-->]]>]")
	case strings.HasSuffix(name, ".txt"):
		for line := range strings.Lines(text) {
			if line = strings.TrimRight(line, "\r\n"); strings.TrimSpace(line) != "" && !strings.HasPrefix(line, "# ") {
				out = append(out, line)
			}
		}
	case strings.HasSuffix(name, ".md"):
		code := false
		for line := range strings.Lines(text) {
			if line = strings.TrimRight(line, "\r\n"); strings.HasPrefix(strings.TrimSpace(line), "```") {
				code = !code
			} else if code && strings.TrimSpace(line) != "" {
				out = append(out, line)
			}
		}
	case len(text) < 2000:
		return []string{text}
	case !utf8.ValidString(text):
		return []string{text[:2000]} // of a picture, the part with the payload
	}
	return out
}

// Stored returns all strings, those of ours first, in texts of about size bytes
// that a door may store whole.
func Stored(lists []List, size int) []string {
	out := []string{strings.Join(within, "\n"), strings.Join(bare, "\n")}
	var b strings.Builder
	for _, l := range lists {
		for _, s := range l.Strings {
			if b.Len() > 0 && b.Len()+len(s) > size {
				out = append(out, b.String())
				b.Reset()
			}
			b.WriteString(s)
			b.WriteByte('\n')
		}
	}
	if b.Len() > 0 {
		out = append(out, b.String())
	}
	return out
}
