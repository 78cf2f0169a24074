package apptest

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"testing"

	"example.org/countersign/internal/app"
	"example.org/countersign/internal/db"
	"example.org/countersign/internal/hostile"
	"example.org/countersign/internal/pgtest"
)

// TestMutations changes one thing at a time in a record that has something of
// everything, past the program and with no trigger to stop it, and expects
// verification to fail and to name what was changed:
//
//   - a column of a row by its table, id and column, a row by its table and id;
//   - of the log an entry or payload by its number, a node by level and number
//     (one that is gone: by its table), the head as ledger_head;
//   - the file of an attachment by its name;
//   - a file of a package by its path, its archive as a whole;
//   - a checkpoint or a receipt is one thing and fails.
//
// Which tables and columns there are is read from the schema. What is drawn
// follows from the seed that is logged; COUNTERSIGN_TEST_SEED=n draws it again,
// from an installation whose ids and hashes are new.
func TestMutations(t *testing.T) {
	m := &mutations{seed: rand.Uint64() >> 32, classes: map[string]*tally{}}
	if s := os.Getenv("COUNTERSIGN_TEST_SEED"); s != "" {
		var err error
		if m.seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatal("COUNTERSIGN_TEST_SEED: ", err)
		}
	}
	t.Logf("seed %d", m.seed)
	defer debug.SetGCPercent(debug.SetGCPercent(400)) // hundreds of times a whole record
	for _, database := range []db.Dialect{db.SQLite, db.Postgres} {
		t.Run(string(database), func(t *testing.T) {
			cfg := app.Config{Data: t.TempDir()}
			if database == db.Postgres {
				cfg.Database = pgtest.DSN(t)
			}
			v := newVariety(t, cfg)
			o := newOwner(t, cfg)
			l := newLive(t, v, o)
			targets := l.targets()
			m.run(t, targets, l.exemptions, m.times(4100, len(targets)))
			o.leave(t)
			v.untouched()
			if database == db.SQLite {
				m.run(t, newPackaged(t, v).targets(), nil, m.times(1600, 100))
				m.run(t, signed(t, v), nil, m.times(400, 40))
			}
		})
	}
	for _, class := range slices.Sorted(maps.Keys(m.classes)) {
		t.Logf("%-40s %s", class, m.classes[class])
	}
	t.Logf("%-40s %s", "all", &m.all)
}

// times returns how many changes to make.
func (m *mutations) times(soak, usually int) int {
	switch {
	case os.Getenv("COUNTERSIGN_TEST_SOAK") != "":
		return soak
	case hostile.Raced:
		return usually / 4
	}
	return usually
}

// target is one sort of change to one thing: what must not be forgotten.
type target struct {
	name  string // "casefile.state", "package: report.html removed"
	class string // "record: column"
	// draw returns one such change, nil where what was drawn changes nothing.
	draw func(*rand.Rand) *change
}

// change is made, looked for, and taken back.
type change struct {
	what   string       // for whoever has to find out why it is missed
	rows   replacement  // where it is one of rows
	exempt *exemption   // that covers it
	do     func() error // fails where the schema refuses it
	undo   func()
	find   func() (missed string) // "" where it is found and named
}

// exemption is a change that need not be found. One that is found, as often as
// it is tried, is needed no longer, and fails.
type exemption struct {
	target string
	reason string
	covers func(c *change) bool // all of the target where nil
}

type tally struct{ made, missed, refused int }

func (y *tally) String() string {
	return fmt.Sprintf("%5d made, %d missed; %d draws refused by the schema", y.made, y.missed, y.refused)
}

type mutations struct {
	seed    uint64
	classes map[string]*tally
	all     tally
}

// run makes n changes, each target in its turn, in an order of the seed, and
// tries what is exempt.
func (m *mutations) run(t *testing.T, targets []target, exempt []*exemption, n int) {
	t.Helper()
	random := rand.New(rand.NewPCG(m.seed, uint64(len(targets))))
	for _, e := range exempt {
		m.try(t, e, targets, random)
	}
	random.Shuffle(len(targets), func(i, j int) { targets[i], targets[j] = targets[j], targets[i] })
	for i := range n {
		m.one(t, &targets[i%len(targets)], random)
		if m.all.missed > 20 {
			t.Fatalf("seed %d: too much is missed", m.seed)
		}
	}
}

// maxDraws is how often a target is drawn until something has changed.
const maxDraws = 300

// one makes one change and expects it to be found.
func (m *mutations) one(t *testing.T, x *target, random *rand.Rand) {
	t.Helper()
	class := m.classes[x.class]
	if class == nil {
		class = &tally{}
		m.classes[x.class] = class
	}
	exempt := false
	for range maxDraws {
		c := x.draw(random)
		if c == nil {
			continue
		}
		if c.exempt != nil {
			exempt = true
			continue
		}
		if c.do() != nil {
			class.refused++
			m.all.refused++
			continue
		}
		missed := c.find()
		c.undo()
		class.made++
		m.all.made++
		if missed != "" {
			class.missed++
			m.all.missed++
			t.Errorf("seed %d: %s: %s: %s", m.seed, x.name, c.what, missed)
		}
		return
	}
	if !exempt {
		t.Errorf("seed %d: %s: nothing could be changed in %d draws", m.seed, x.name, maxDraws)
	}
}

// try finds out whether an exemption is needed still: whether the schema
// refuses every such change, or one of twenty is missed.
func (m *mutations) try(t *testing.T, e *exemption, targets []target, random *rand.Rand) {
	t.Helper()
	i := slices.IndexFunc(targets, func(x target) bool { return x.name == e.target })
	if i < 0 {
		t.Errorf("%s is exempt and does not exist", e.target)
		return
	}
	refused, found := 0, 0
	for range maxDraws {
		c := targets[i].draw(random)
		if c == nil || c.exempt != e {
			continue
		}
		if c.do() != nil {
			refused++
			continue
		}
		missed := c.find()
		c.undo()
		if missed != "" {
			return
		}
		if found++; found == 20 {
			break
		}
	}
	if found > 0 {
		t.Errorf("%s: %d changes were all found: it needs no exemption (%s)", e.target, found, e.reason)
	} else if refused == 0 {
		t.Errorf("%s is exempt, and nothing like that was drawn (%s)", e.target, e.reason)
	}
}
