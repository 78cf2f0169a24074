package tiles

import "strconv"

// Spell writes the number of a tile.
var Spell = spell

// Parse reads a path.
func Parse(path string) (level string, n int64, width int, err error) {
	r, err := parse(path)
	if level = strconv.Itoa(r.level); r.kind == entryTile {
		level = "entries"
	}
	return level, r.n, r.width, err
}
