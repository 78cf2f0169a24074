package rules

import (
	"fmt"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// finder looks for the phrases of all rules in one pass over a text, so that
// the price of a rule does not depend on how many words it watches for. It is
// the automaton of Aho and Corasick with every transition spelled out, and with
// one addition: after a space, another space changes nothing. So the text needs
// no preparation, and the pass takes the same few steps for every byte.
type finder struct {
	class [256]uint32           // of a prepared byte; 0: occurs in no phrase
	ascii [utf8.RuneSelf]uint32 // of a byte of the text, once prepared
	width uint32                // number of classes, and the distance between states
	next  []uint32              // by state + class: the next state, marked with hit where phrases end
	ends  [][]uint16            // by state/width: the groups whose phrases end there
}

// hit marks a transition to a state in which phrases end.
const hit = 1 << 31

// groups is a set of phrase groups.
type groups [maxGroups / 64]uint64

func (g *groups) add(i uint16)   { g[i/64] |= 1 << (i % 64) }
func (g *groups) has(i int) bool { return g[i/64]&(1<<(i%64)) != 0 }

// newFinder builds the automaton for prepared phrases, each with the groups
// that ask for it.
func newFinder(phrases map[string][]uint16) *finder {
	f := &finder{width: 2}
	f.class[' '] = 1
	for p := range phrases {
		for i := range len(p) {
			if f.class[p[i]] == 0 {
				f.class[p[i]] = f.width
				f.width++
			}
		}
	}
	for b, prepared := range asciiFold {
		f.ascii[b] = f.class[prepared]
	}
	f.grow()
	f.add(" ") // the state of being between words has to exist
	for p, in := range phrases {
		state := f.add(p)
		f.ends[state/f.width] = append(f.ends[state/f.width], in...)
	}
	f.link()
	return f
}

// grow makes a state.
func (f *finder) grow() uint32 {
	state := uint32(len(f.next))
	f.next = append(f.next, make([]uint32, f.width)...)
	f.ends = append(f.ends, nil)
	return state
}

// add returns the state that a phrase leads to.
func (f *finder) add(phrase string) uint32 {
	var state uint32
	for i := range len(phrase) {
		at := state + f.class[phrase[i]]
		if f.next[at] == 0 {
			f.next[at] = f.grow()
		}
		state = f.next[at]
	}
	return state
}

// link turns the tree of phrases into the automaton: where a phrase stops
// matching, its longest tail that begins another phrase goes on.
func (f *finder) link() {
	const space = 1
	tail := make([]uint32, len(f.ends)) // by state/width
	queue := []uint32{0}
	for len(queue) > 0 {
		state := queue[0]
		queue = queue[1:]
		back := tail[state/f.width]
		for c := uint32(1); c < f.width; c++ {
			child := f.next[state+c]
			switch child {
			case 0:
				f.next[state+c] = f.next[back+c]
				continue
			case state: // a space after a space
				continue
			}
			if state != 0 {
				tail[child/f.width] = f.next[back+c]
			}
			t := tail[child/f.width] / f.width
			f.ends[child/f.width] = append(f.ends[child/f.width], f.ends[t]...)
			if c == space {
				f.next[child+space] = child
			}
			queue = append(queue, child)
		}
	}
	for i, to := range f.next {
		if f.ends[to/f.width] != nil {
			f.next[i] = to | hit
		}
	}
}

// find returns the groups of which a phrase occurs in text.
func (f *finder) find(text string) (found groups) {
	table, ascii, class, next := folded(), &f.ascii, &f.class, f.next
	var prepared [utf8.UTFMax]byte
	state := next[class[' ']]
	for i := 0; i < len(text); {
		if b := text[i]; b < utf8.RuneSelf {
			i++
			state = next[state+ascii[b]]
			if state&hit != 0 {
				state = f.report(state, &found)
			}
			continue
		}
		r, n := utf8.DecodeRuneInString(text[i:])
		i += n
		for _, b := range table.append(prepared[:0], r) {
			state = next[state+class[b]]
			if state&hit != 0 {
				state = f.report(state, &found)
			}
		}
	}
	if state = next[state+class[' ']]; state&hit != 0 {
		f.report(state, &found)
	}
	return found
}

// report adds the groups whose phrases end in a marked state, and returns the
// state without the mark.
func (f *finder) report(state uint32, found *groups) uint32 {
	state &^= hit
	for _, g := range f.ends[state/f.width] {
		found.add(g)
	}
	return state
}

// phrase prepares one phrase of a rule for the finder. A star at an end lets
// the word there go on: "vulnerab*" also finds "vulnerability".
func phrase(text string) (string, error) {
	inner, before := strings.CutPrefix(text, "*")
	inner, after := strings.CutSuffix(inner, "*")
	p := normal(inner)
	switch {
	case len(text) > 100:
		return "", fmt.Errorf("a phrase has %d bytes; at most 100 are allowed", len(text))
	case strings.Contains(inner, "*"):
		return "", fmt.Errorf("phrase %q has a star inside; a star may only begin or end it", text)
	case len(p) < 4: // two letters between two spaces
		return "", fmt.Errorf("phrase %q is too short; use at least two letters or digits", text)
	}
	if before {
		p = p[1:]
	}
	if after {
		p = p[:len(p)-1]
	}
	return p, nil
}

// normal returns the words of text prepared: lower case, without accents, one
// space before each and one at the end, nothing else. Characters that show
// nothing are dropped, so that they cannot hide a word.
func normal(text string) string {
	var dst []byte
	for _, r := range text {
		if r < utf8.RuneSelf {
			dst = append(dst, asciiFold[r])
		} else {
			dst = folded().append(dst, r)
		}
	}
	return " " + strings.Join(strings.Fields(string(dst)), " ") + " "
}

// asciiFold maps letters and digits to lower case, all else to a space.
var asciiFold = func() (table [utf8.RuneSelf]byte) {
	for b := range table {
		switch r := unicode.ToLower(rune(b)); {
		case 'a' <= r && r <= 'z', '0' <= r && r <= '9':
			table[b] = byte(r)
		default:
			table[b] = ' '
		}
	}
	return table
}()

// letters are Latin letters that are more than a letter with an accent.
var letters = map[rune]string{
	'ß': "ss", 'æ': "ae", 'œ': "oe", 'ø': "o", 'đ': "d", 'ð': "d", 'ł': "l", 'ı': "i", 'þ': "th",
}

// alphabets holds what characters are without their accents, for alphabets in
// which accents may be left out (Latin, Greek, Cyrillic, Hebrew, Arabic): in
// lower case, " " for what separates words, "" for what shows nothing.
type alphabets [0x800]string

var folded = sync.OnceValue(func() *alphabets {
	var table alphabets
	for i := range table {
		for _, part := range norm.NFKD.String(string(unicode.ToLower(rune(i)))) {
			if s, ok := letters[part]; ok {
				table[i] += s
			} else {
				table[i] += string(plain(nil, unicode.ToLower(part)))
			}
		}
		if strings.Contains(table[i], " ") {
			table[i] = " "
		}
	}
	return &table
})

// append appends what a character becomes when it is prepared.
func (a *alphabets) append(dst []byte, r rune) []byte {
	if int(r) >= len(a) {
		r = unicode.ToLower(r) // which brings a few into the table, as ẞ to ß
	}
	if int(r) < len(a) {
		return append(dst, a[r]...)
	}
	return plain(dst, r)
}

// plain appends what becomes of a lower-case character that has no accent to
// lose.
func plain(dst []byte, r rune) []byte {
	switch {
	case unicode.IsLetter(r), unicode.IsNumber(r):
		return utf8.AppendRune(dst, r)
	case unicode.Is(unicode.Mn, r), unicode.Is(unicode.Cf, r):
		return dst
	}
	return append(dst, ' ')
}
