package criteria

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"example.org/countersign/internal/fault"
)

// The standard's series and how many criteria each has.
var series = []struct {
	prefix   string
	category Category
	n        int
}{
	{"CC1.", Security, 5}, {"CC2.", Security, 3}, {"CC3.", Security, 4}, {"CC4.", Security, 2},
	{"CC5.", Security, 3}, {"CC6.", Security, 8}, {"CC7.", Security, 5}, {"CC8.", Security, 1},
	{"CC9.", Security, 2}, {"A1.", Availability, 3}, {"C1.", Confidentiality, 2},
	{"PI1.", ProcessingIntegrity, 5}, {"P1.", Privacy, 1}, {"P2.", Privacy, 1}, {"P3.", Privacy, 2},
	{"P4.", Privacy, 3}, {"P5.", Privacy, 2}, {"P6.", Privacy, 7}, {"P7.", Privacy, 1},
	{"P8.", Privacy, 1}, {"DC", Description, 9},
}

func TestAllIsCompleteAndInOrder(t *testing.T) {
	list := All()
	for _, s := range series {
		for i := 1; i <= s.n; i++ {
			want := ID(fmt.Sprintf("%s%d", s.prefix, i))
			if len(list) == 0 {
				t.Fatalf("ends before %s", want)
			}
			c := list[0]
			list = list[1:]
			if c.ID != want || c.Category != s.category {
				t.Fatalf("got %s (%s), want %s (%s)", c.ID, c.Category, want, s.category)
			}
			if got, ok := Lookup(want); !ok || got.Title != c.Title {
				t.Errorf("Lookup(%s) = %+v, %v", want, got, ok)
			}
		}
	}
	for _, c := range list {
		t.Errorf("%s is one too many", c.ID)
	}
}

func TestTexts(t *testing.T) {
	titles := map[string]ID{}
	for _, c := range All() {
		if other, dup := titles[c.Title]; dup {
			t.Errorf("%s and %s have the same title", c.ID, other)
		}
		titles[c.Title] = c.ID
		if n := len([]rune(c.Title)); n == 0 || n > 50 {
			t.Errorf("%s: title of %d characters", c.ID, n)
		}
		for _, text := range append([]string{c.Demand}, c.Points...) {
			if !strings.HasSuffix(text, ".") || len(text) < 20 {
				t.Errorf("%s: not a sentence: %q", c.ID, text)
			}
		}
	}
	for _, id := range []ID{CC2_1, CC2_2, CC2_3, CC4_1, CC4_2, CC7_2, CC7_3, CC7_4, CC7_5, DC1, DC2, DC3, DC4, DC5, DC6, DC7, DC8, DC9} {
		if c, _ := Lookup(id); len(c.Points) == 0 {
			t.Errorf("%s has no points", id)
		}
	}
}

func TestAllIsACopy(t *testing.T) {
	All()[0].ID = "changed"
	if All()[0].ID != CC1_1 {
		t.Error("a caller changed the table")
	}
}

func TestParse(t *testing.T) {
	for _, text := range []string{"CC2.3", "CC7.4", "DC4", "A1.2", "C1.1", "PI1.5", "P6.7"} {
		if id, err := Parse(text); err != nil || string(id) != text {
			t.Errorf("Parse(%q) = %q, %v", text, id, err)
		}
	}
	for _, text := range []string{"", "CC2", "CC2.4", "CC2.03", "cc2.3", " CC2.3", "DC10", "DC 4", "DC4.1", "CC10.1", "P9.1", "CC２.3"} {
		id, err := Parse(text)
		if kind, _ := fault.Of(err); id != "" || err == nil || kind != fault.Invalid {
			t.Errorf("Parse(%q) = %q, %v, want a fault.Invalid", text, id, err)
		}
		if ID(text).Valid() {
			t.Errorf("%q is valid", text)
		}
	}
}

var shape = regexp.MustCompile(`^(CC|A|C|PI|P)\d\.\d$|^DC\d$`)

func FuzzParse(f *testing.F) {
	for _, c := range All() {
		f.Add(string(c.ID))
	}
	f.Fuzz(func(t *testing.T, text string) {
		id, err := Parse(text)
		if (err == nil) != id.Valid() || (err == nil) != slices.ContainsFunc(All(), func(c Criterion) bool { return string(c.ID) == text }) {
			t.Errorf("Parse(%q) = %q, %v", text, id, err)
		}
		if err == nil && !shape.MatchString(text) {
			t.Errorf("%q is not shaped like an id", text)
		}
	})
}
