package paper

import (
	_ "embed" // the typeface
	"encoding/binary"
	"strings"
	"sync"
)

//go:embed font/DejaVuSansCondensed.ttf
var regular []byte

//go:embed font/DejaVuSansCondensed-Bold.ttf
var bold []byte

// unprintable stands in the PDF for a character that it cannot show.
const unprintable = '□'

// printable makes text that the PDF can show: what is not Latin, Greek,
// Cyrillic, a mark or a symbol of the typeface becomes □. Scripts that run to
// the left or join their letters are among that, since fpdf would write them
// wrongly.
func printable(s string) string {
	known := glyphs()
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return r
		case r == '\t' || r == '\u00a0':
			return ' '
		case r == 0x200B || r == 0xFEFF || r == 0x00AD: // takes no room
			return -1
		case r < ' ' || r >= 0x590 && r < 0x1E00 || r >= 0x202A && r <= 0x202E || r >= 0x2066 && r <= 0x2069 || r >= 0x2E80:
			return unprintable
		case !known[r]:
			return unprintable
		}
		return r
	}, s)
}

// glyphs returns the characters below U+2E80 that both weights have.
var glyphs = sync.OnceValue(func() map[rune]bool {
	both := map[rune]bool{}
	heavy := mapped(bold)
	for r := range mapped(regular) {
		if heavy[r] {
			both[r] = true
		}
	}
	return both
})

// mapped reads the characters of a TrueType font from its cmap table, format 4
// (OpenType specification, "cmap"). The fonts are ours and whole.
func mapped(font []byte) map[rune]bool {
	u16 := func(at int) int { return int(binary.BigEndian.Uint16(font[at:])) }
	u32 := func(at int) int { return int(binary.BigEndian.Uint32(font[at:])) }
	all := map[rune]bool{}
	cmap := 0
	for i := range u16(4) {
		if record := 12 + 16*i; string(font[record:record+4]) == "cmap" {
			cmap = u32(record + 8)
		}
	}
	for i := range u16(cmap + 2) {
		record := cmap + 4 + 8*i
		table := cmap + u32(record+4)
		if u16(record) != 3 || u16(record+2) != 1 || u16(table) != 4 {
			continue
		}
		segments := u16(table+6) / 2
		for n := range segments {
			end := u16(table + 14 + 2*n)
			start := u16(table + 16 + 2*segments + 2*n)
			for r := start; r <= end && r < 0x2E80; r++ {
				all[rune(r)] = true
			}
		}
	}
	return all
}
