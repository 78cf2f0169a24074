package apptest

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"example.org/countersign/internal/app"
	"example.org/countersign/internal/db"
	"example.org/countersign/internal/id"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/verify/format"
)

// exempt are the changes that verification of a live record need not find.
func (l *live) exempt() []*exemption {
	list := []*exemption{
		{"ledger_head.id", "CHECK (id = 1): the schema refuses every other value", nil},
		{"ledger_head: row twice", "CHECK (id = 1): the schema refuses a second row", nil},
		{"ledger_head: rows exchanged", "CHECK (id = 1): there is one row", nil},
		{"ledger_redacted.name", "the hash covers the name, and nobody can open it any more: what is left to check is its place among the others", nil},
	}
	return list
}

// live is a record that is changed behind its back.
type live struct {
	t       *testing.T
	owner   *owner
	ledger  *ledger.Ledger
	blobs   string
	tables  []*table
	entries []format.Entry
	newest  map[string]int64 // entry of each record, by its id

	detached   string // name of a file that only an older version refers to
	exemptions []*exemption
}

// replacement is rows in the place of others, and the depth of verification
// that is to find it.
type replacement struct {
	table         *table
	before, after []row
	depth         ledger.Options
}

func newLive(t *testing.T, v *variety, o *owner) *live {
	t.Helper()
	l := &live{t: t, owner: o, ledger: v.App.Ledger, blobs: filepath.Join(v.cfg.Data, "blobs"), tables: o.tables(t), newest: map[string]int64{}, detached: v.detached}
	l.exemptions = l.exempt()
	known := map[string]bool{}
	for _, k := range app.Records() {
		known[k.Kind()] = true
		if db.Tables[k.Kind()] != db.Record {
			t.Errorf("%s is a kind of record and no record table", k.Kind())
		}
	}
	for _, x := range l.tables {
		if x.class == db.Record && !known[x.name] {
			t.Errorf("%s is a record table without a kind of record: nothing verifies it", x.name)
		}
		if len(x.rows) == 0 || len(x.rows) == 1 && x.name != "ledger_head" {
			t.Errorf("%s has %d rows in this test: make some in newVariety", x.name, len(x.rows))
		}
		if x.name == "ledger_entry" {
			l.read(x)
		}
	}
	if t.Failed() {
		t.FailNow()
	}
	return l
}

// read parses the entries, in the order of their numbers.
func (l *live) read(x *table) {
	for i, r := range x.rows {
		e, err := format.ParseEntry(x.at(r, "body").([]byte))
		if err != nil {
			l.t.Fatal(err)
		}
		l.entries = append(l.entries, e)
		l.newest[e.Record] = int64(i)
	}
}

// targets are all that there is to change in tables and files.
func (l *live) targets() (all []target) {
	add := func(name, class string, draw func(*rand.Rand) *change) { all = append(all, target{name, class, draw}) }
	of := map[db.Class]string{db.Record: "record", db.Log: "log"}
	for _, x := range l.tables {
		for i, c := range x.columns {
			add(x.name+"."+c.name, of[x.class]+": column", l.column(x, i))
		}
		add(x.name+": row removed", of[x.class]+": row removed", l.removed(x))
		add(x.name+": row twice", of[x.class]+": row added", l.twice(x))
		add(x.name+": rows exchanged", of[x.class]+": rows exchanged", l.exchanged(x))
	}
	return append(all, l.files()...)
}

// column gives one column of a row another value.
func (l *live) column(x *table, i int) func(*rand.Rand) *change {
	name := x.columns[i].name
	return func(random *rand.Rand) *change {
		before := x.rows[random.IntN(len(x.rows))]
		value, ok := x.another(random, before, i)
		if x.class == db.Record && name == "entry" && random.IntN(2) == 0 { // somebody else's
			value = random.Int64N(int64(len(l.entries)))
			ok = value != before[i]
		}
		if !ok {
			return nil
		}
		after := slices.Clone(before)
		after[i] = value
		return l.rows(x, x.name+"."+name, name, random, []row{before}, []row{after})
	}
}

func (l *live) removed(x *table) func(*rand.Rand) *change {
	return func(random *rand.Rand) *change {
		return l.rows(x, x.name+": row removed", "", random, []row{x.rows[random.IntN(len(x.rows))]}, nil)
	}
}

// twice adds a row like another, under a key of its own.
func (l *live) twice(x *table) func(*rand.Rand) *change {
	return func(random *rand.Rand) *change {
		added := slices.Clone(x.rows[random.IntN(len(x.rows))])
		differs := random.IntN(2) == 0 // in more, where something else must be unique as well
		for i, c := range x.columns {
			if c.name == "id" && c.kind == isText {
				added[i] = id.New()
			} else if c.key || differs && random.IntN(2) == 0 {
				if v, ok := x.another(random, added, i); ok {
					added[i] = v
				}
			}
		}
		return l.rows(x, x.name+": row twice", "", random, nil, []row{added})
	}
}

// exchanged gives two rows each other's content.
func (l *live) exchanged(x *table) func(*rand.Rand) *change {
	return func(random *rand.Rand) *change {
		before := []row{x.rows[random.IntN(len(x.rows))], x.rows[random.IntN(len(x.rows))]}
		after := []row{slices.Clone(before[1]), slices.Clone(before[0])}
		for i, c := range x.columns {
			if c.key {
				after[0][i], after[1][i] = before[0][i], before[1][i]
			}
		}
		same := x.keyOf(before[0]) == x.keyOf(before[1])
		if !same && reflect.DeepEqual(before, after) {
			return nil
		}
		c := l.rows(x, x.name+": rows exchanged", "", random, before, after)
		if same {
			c.do = func() error { return errOneRow }
		}
		return c
	}
}

var errOneRow = errors.New("a row cannot be exchanged with itself")

// depth draws a depth of verification that has to find a change in a table: the
// tree alone does not read payloads and rows, and what is left of erased fields
// is of older documents. The slowest is drawn least.
func depth(random *rand.Rand, x *table) ledger.Options {
	tree, rows, full := ledger.Options{Tree: true}, ledger.Options{}, ledger.Options{Full: true}
	switch x.name {
	case "ledger_redacted":
		return full
	case "ledger_entry", "ledger_head", "ledger_node":
		return []ledger.Options{tree, tree, tree, tree, rows, rows, rows, full}[random.IntN(8)]
	}
	return []ledger.Options{rows, rows, rows, rows, rows, rows, rows, full}[random.IntN(8)]
}

// rows puts rows in the place of others, for a target. column is the one that
// differs, where it is one.
func (l *live) rows(x *table, target, column string, random *rand.Rand, before, after []row) *change {
	var names []string
	for _, r := range append(slices.Clone(before), after...) {
		names = append(names, l.names(x, column, r)...)
	}
	depth := depth(random, x)
	return l.unless(target, &change{
		rows: replacement{x, before, after, depth},
		what: fmt.Sprintf("%s instead of %s", show(after), show(before)),
		do:   func() error { return l.owner.replace(l.t, x, before, after) },
		undo: func() {
			if err := l.owner.replace(l.t, x, after, before); err != nil {
				l.t.Fatal(err)
			}
		},
		find: func() string {
			err := l.verify(depth)
			if err == nil && !depth.Full && column == "body" && x.name == "ledger_payload" && l.isOlder(x.at(before[0], "idx").(int64)) {
				err = l.verify(ledger.Options{Full: true}) // may be an erased one: that shows when it is opened
			}
			return judge(depth, err, names)
		},
	})
}

// unless marks a change that is exempt.
func (l *live) unless(target string, c *change) *change {
	for _, e := range l.exemptions {
		if e.target == target && (e.covers == nil || e.covers(c)) {
			c.exempt = e
		}
	}
	return c
}

func (l *live) verify(depth ledger.Options) error {
	_, err := l.ledger.Verify(l.t.Context(), depth)
	return err
}

// isOlder reports whether an entry is not the newest of its record.
func (l *live) isOlder(index int64) bool { return l.newest[l.entries[index].Record] != index }

// names says how a mismatch may name a row.
func (l *live) names(x *table, column string, r row) []string {
	switch x.name {
	case "ledger_head":
		return []string{x.name}
	case "ledger_node":
		return []string{fmt.Sprintf("ledger_node level %d, n %d", x.at(r, "level"), x.at(r, "n")), "ledger_node has rows missing"}
	case "ledger_entry", "ledger_payload", "ledger_redacted":
		index := x.at(r, "idx").(int64)
		names := []string{fmt.Sprintf("entry %d", index), fmt.Sprintf("payload %d", index)}
		if index >= 0 && index < int64(len(l.entries)) && !l.isOlder(index) { // its row cannot be opened
			names = append(names, l.entries[index].Kind()+" "+l.entries[index].Record)
		}
		return names
	}
	name := x.name + " " + x.at(r, "id").(string)
	switch column {
	case "":
		return []string{name}
	case "id":
		return []string{name + " has"}
	}
	return []string{name + ", column " + column}
}

// judge says what is wrong with a result of verification where something was
// changed.
func judge(depth ledger.Options, err error, names []string) string {
	m, ok := errors.AsType[*ledger.Mismatch](err)
	switch {
	case err == nil:
		return fmt.Sprintf("not found, with %s", describe(depth))
	case !ok:
		return fmt.Sprintf("no finding but an error, with %s: %v", describe(depth), err)
	case !slices.ContainsFunc(names, func(name string) bool { return says(m.Error(), name) }):
		return fmt.Sprintf("found, with %s, and not named: %v; want one of %q", describe(depth), m, names)
	}
	return ""
}

func describe(depth ledger.Options) string {
	switch {
	case depth.Tree:
		return "the tree"
	case depth.Full:
		return "everything"
	}
	return "the rows"
}

// says reports whether a text has a name that does not go on there: entry 1 is
// not entry 17.
func says(text, name string) bool {
	for {
		i := strings.Index(text, name)
		if i < 0 {
			return false
		}
		text = text[i+len(name):]
		if text == "" || !strings.ContainsAny(text[:1], "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-") {
			return true
		}
	}
}

// show writes rows for whoever has to find out what was missed.
func show(rows []row) string {
	if len(rows) == 0 {
		return "nothing"
	}
	var parts []string
	for _, r := range rows {
		var cells []string
		for _, v := range r {
			if b, ok := v.([]byte); ok {
				cells = append(cells, fmt.Sprintf("%d bytes %.16x…", len(b), b))
				continue
			}
			cells = append(cells, fmt.Sprintf("%v", v))
		}
		parts = append(parts, "("+strings.Join(cells, ", ")+")")
	}
	return strings.Join(parts, " and ")
}

// files are the changes to the files of attachments, each of which some
// version of a record refers to.
func (l *live) files() (all []target) {
	var paths []string
	err := filepath.WalkDir(l.blobs, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil || len(paths) < 2 {
		l.t.Fatalf("%d files of attachments, %v", len(paths), err)
	}
	for name, alter := range map[string]func(*rand.Rand, []byte) []byte{
		"a byte altered": func(r *rand.Rand, b []byte) []byte { b[r.IntN(len(b))] ^= 1 << r.IntN(8); return b },
		"cut":            func(r *rand.Rand, b []byte) []byte { return b[:r.IntN(len(b))] },
		"longer":         func(_ *rand.Rand, b []byte) []byte { return append(b, 0) },
		"removed":        func(*rand.Rand, []byte) []byte { return nil },
	} {
		all = append(all, target{"attachment: " + name, "attachment", func(r *rand.Rand) *change {
			path := paths[r.IntN(len(paths))]
			return l.unless("attachment: "+name, l.file(map[string][]byte{path: alter(r, read(l.t, path))}))
		}})
	}
	return append(all, target{"attachment: two exchanged", "attachment", func(r *rand.Rand) *change {
		one, two := paths[r.IntN(len(paths))], paths[r.IntN(len(paths))]
		if one == two {
			return nil
		}
		return l.file(map[string][]byte{one: read(l.t, two), two: read(l.t, one)})
	}})
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// file gives files another content; nil removes one.
func (l *live) file(content map[string][]byte) *change {
	before, names := map[string][]byte{}, []string{}
	for path := range content {
		before[path] = read(l.t, path)
		names = append(names, filepath.Base(path))
	}
	write := func(content map[string][]byte) {
		for path, b := range content {
			err := os.WriteFile(path, b, 0o600)
			if b == nil {
				err = os.Remove(path)
			}
			if err != nil {
				l.t.Fatal(err)
			}
		}
	}
	full := ledger.Options{Full: true}
	return &change{
		what: strings.Join(names, " and "),
		do:   func() error { write(content); return nil },
		undo: func() { write(before) },
		find: func() string { return judge(full, l.verify(full), names) },
	}
}
