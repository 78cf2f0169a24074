package tiles

import (
	"fmt"
	"strconv"
	"strings"

	"example.org/countersign/internal/fault"
)

// Where the log is served: the prefix of C2SP tlog-tiles is /ledger.
const (
	checkpointPath = "/ledger/checkpoint"
	tilePath       = "/ledger/tile/"
)

const (
	fullWidth = 256
	maxLevel  = 63
	maxPath   = 64 // bytes: the longest true path has 57
	maxGroups = 6  // of three digits: 10^18 - 1 fits in 63 bits
)

// resource is what a path names.
type resource struct {
	kind  kind
	level int   // of a hash tile
	n     int64 // of a tile
	width int   // of a tile, 1 to 256
}

type kind uint8

const (
	checkpoint kind = iota
	hashTile
	entryTile
)

// Serves reports whether a path, as it was sent, belongs to the log. It is
// asked before a mux, which would lead other spellings of a path to the right
// one.
func Serves(path string) bool { return path == checkpointPath || strings.HasPrefix(path, tilePath) }

// parse reads a path. Each resource has one spelling (C2SP tlog-tiles):
//
//	/ledger/checkpoint
//	/ledger/tile/<L>/<N>[.p/<W>]
//	/ledger/tile/entries/<N>[.p/<W>]
func parse(path string) (resource, error) {
	if path == checkpointPath {
		return resource{kind: checkpoint}, nil
	}
	rest, ok := strings.CutPrefix(path, tilePath)
	if !ok || len(path) > maxPath {
		return resource{}, wrong("no tile has this address; it is %s<level or entries>/<number>, and .p/<width> where it is partial", tilePath)
	}
	level, rest, _ := strings.Cut(rest, "/")
	number, width, partial := strings.Cut(rest, ".p/")
	r := resource{kind: entryTile, width: fullWidth}
	if level != "entries" {
		r.kind = hashTile
		if r.level, ok = decimal(level, maxLevel); !ok {
			return r, wrong("the level of a tile is a number from 0 to %d, or entries", maxLevel)
		}
	}
	if partial {
		if r.width, ok = decimal(width, fullWidth-1); !ok || r.width == 0 {
			return r, wrong("the width of a partial tile is a number from 1 to %d", fullWidth-1)
		}
	}
	if r.n, ok = parseNumber(number); !ok {
		return r, wrong("the number of a tile is written in groups of three digits, all but the last after an x: 1234067 is x001/x234/067")
	}
	return r, nil
}

func wrong(format string, args ...any) error { return fault.New(fault.Invalid, format, args...) }

// decimal reads a number up to limit, without sign or leading zeros.
func decimal(s string, limit int) (int, bool) {
	n, err := strconv.Atoi(s)
	return n, err == nil && n >= 0 && n <= limit && strconv.Itoa(n) == s
}

// parseNumber reads the number of a tile; it fails for any spelling but that
// of spell.
func parseNumber(s string) (n int64, ok bool) {
	if strings.Count(s, "/") >= maxGroups {
		return 0, false
	}
	for group := range strings.SplitSeq(s, "/") {
		digits, _ := strconv.ParseUint(strings.TrimPrefix(group, "x"), 10, 10) // what it makes of others is spelt otherwise
		n = n*1000 + int64(digits)
	}
	return n, spell(n) == s
}

// spell writes the number of a tile as its path does.
func spell(n int64) string {
	s := fmt.Sprintf("%03d", n%1000)
	for n /= 1000; n > 0; n /= 1000 {
		s = fmt.Sprintf("x%03d/%s", n%1000, s)
	}
	return s
}

// within reports whether a log of size entries has the whole tile.
func (r resource) within(size int64) bool {
	count := uint64(size) >> (8 * r.level) // hashes of the level: 0 from level 8 on
	return uint64(r.n) <= count/fullWidth && uint64(r.n)*fullWidth+uint64(r.width) <= count
}
