package docstest

import (
	"fmt"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"example.org/countersign/internal/criteria"
)

// The documents that must be complete in something.
const (
	operating   = "docs/OPERATING.md"
	controls    = "docs/CONTROLS.md"
	performance = "docs/PERFORMANCE.md"
	users       = "docs/users/README.md"
	images      = "docs/images"
)

// A Check looks at one kind of name.
type Check struct {
	Name string
	Rule string               // what must hold, in a sentence
	Find func(*Tree) []string // each place where it does not, as "file:line: what"
}

// Checks are all of them.
var Checks = []Check{
	{"commands", "a command line in a document is one that the program takes", findCommands},
	{"flags", "a flag in a document exists, and " + operating + " has all commands, flags and variables", findFlags},
	{"variables", "a COUNTERSIGN_ variable in a document is read by something", findVariables},
	{"routes", "an address of a page in a document is in a route table", findRoutes},
	{"roles", users + " names every role and says what it reaches as the route table does", findRoles},
	{"links", "a link between documents leads somewhere", findLinks},
	{"images", "a picture that a document shows is there", findImages},
	{"targets", "a make target in a document is in the Makefile", findTargets},
	{"paths", "a file or folder of the project that a document names is there", findPaths},
	{"names", "a package.Name, a test or an act in a document exists in the source", findNames},
	{"criteria", "a criterion that a document names is one, and " + controls + " has every criterion once", findCriteria},
	{"benchmarks", performance + " names every ratio that make bench measures", findBenchmarks},
	{"data", operating + " names the files and jobs that there are", findData},
}

var commandLine = regexp.MustCompile(`(?:^|[\s/])countersign[ \t]+([a-z]+)\b([^|;#]*)`)

func findCommands(t *Tree) (found []string) {
	for _, d := range t.Docs {
		for _, text := range slices.Concat(d.Spans, d.Fenced) {
			for _, m := range commandLine.FindAllStringSubmatch(text.Text, -1) {
				c := t.Source.Commands[m[1]]
				if c == nil {
					found = append(found, fmt.Sprintf("%s: there is no command %q", d.at(text.Line), m[1]))
					continue
				}
				for _, word := range strings.Fields(m[2]) {
					if !c.takes(strings.Trim(word, "[]().,")) {
						found = append(found, fmt.Sprintf("%s: countersign %s has no flag %s", d.at(text.Line), m[1], word))
					}
				}
			}
		}
	}
	return found
}

// takes reports whether a word of a command line is no flag, or one of c.
func (c *Command) takes(word string) bool {
	if name, long := strings.CutPrefix(word, "--"); long {
		name, _, _ = strings.Cut(name, "=")
		_, ok := c.Flags[name]
		return ok
	}
	name, short := strings.CutPrefix(word, "-")
	return !short || name == "" || c.Short[name]
}

var flagSpan = regexp.MustCompile(`^--([a-z-]+)`)

func findFlags(t *Tree) (found []string) {
	for _, d := range t.Docs {
		for _, s := range d.Spans {
			if m := flagSpan.FindStringSubmatch(s.Text); m != nil && !t.Source.flag(m[1]) {
				found = append(found, fmt.Sprintf("%s: no command has a flag --%s", d.at(s.Line), m[1]))
			}
		}
	}
	guide := t.doc(operating)
	for _, name := range slices.Sorted(maps.Keys(t.Source.Commands)) {
		if !guide.has("countersign " + name) {
			found = append(found, fmt.Sprintf("%s: does not name the command %s", operating, name))
		}
		flags := t.Source.Commands[name].Flags
		for _, flag := range slices.Sorted(maps.Keys(flags)) {
			if flag != "help" && !guide.has("--"+flag) {
				found = append(found, fmt.Sprintf("%s: does not name --%s of %s", operating, flag, name))
			}
			if env := flags[flag]; env != "" && !guide.has(env) {
				found = append(found, fmt.Sprintf("%s: does not name %s", operating, env))
			}
		}
	}
	return found
}

// flag reports whether any command has the flag.
func (s *Source) flag(name string) bool {
	for _, c := range s.Commands {
		if _, ok := c.Flags[name]; ok {
			return true
		}
	}
	return false
}

var variable = regexp.MustCompile(`COUNTERSIGN_[A-Z_]*[A-Z]`)

func findVariables(t *Tree) (found []string) {
	known := map[string]bool{}
	for _, c := range t.Source.Commands {
		for _, env := range c.Flags {
			known[env] = true
		}
	}
	for _, d := range t.Docs {
		for i, line := range strings.Split(d.Words, "\n") {
			for _, v := range variable.FindAllString(line, -1) {
				if !known[v] && !t.Source.Strings[v] && !strings.Contains(t.Source.Scripts, v) {
					found = append(found, fmt.Sprintf("%s: nothing reads %s", d.at(i+1), v))
				}
			}
		}
	}
	return found
}

var (
	address = regexp.MustCompile(`^(?:(GET|POST|PUT|DELETE) )?(/[^\s?]*)(?:\?\S*)?$`)
	machine = regexp.MustCompile(`^/(bin|dev|etc|home|opt|proc|root|run|srv|sys|tmp|usr|var)\b`) // of the operating system
)

func findRoutes(t *Tree) (found []string) {
	for _, d := range t.Docs {
		for _, s := range d.Spans {
			m := address.FindStringSubmatch(s.Text)
			if m == nil || machine.MatchString(m[2]) {
				continue
			}
			if !slices.ContainsFunc(t.Source.Routes, func(r Route) bool { return r.serves(m[1], m[2]) }) {
				found = append(found, fmt.Sprintf("%s: no route serves %s", d.at(s.Line), s.Text))
			}
		}
	}
	return found
}

// serves reports whether the route is the one of a method and a path, or,
// where no method is given, lies below the path.
func (r Route) serves(method, path string) bool {
	if method != "" && method != r.Method {
		return false
	}
	want, have := strings.Split(strings.Trim(path, "/"), "/"), strings.Split(strings.Trim(r.Path, "/"), "/")
	if len(want) > len(have) || method != "" && len(want) < len(have) {
		return false
	}
	for i, part := range want {
		if have[i] == "{$}" { // the end
			have[i] = ""
		}
		if part != have[i] && !strings.HasPrefix(have[i], "{") {
			return false
		}
	}
	return true
}

// open are addresses of the staff pages that stand in no area.
var open = []string{"/{$}", "/styleguide", "/sign-out"}

func findRoles(t *Tree) (found []string) {
	d, covered := t.doc(users), map[string]bool{}
	for _, role := range t.Source.Roles {
		if !d.has(role) {
			found = append(found, fmt.Sprintf("%s: does not name the role %s", users, role))
		}
	}
	for _, r := range d.Rows {
		if r.Head[0] != "pages" {
			continue
		}
		prefixes := spans(r.Cells[0])
		for _, p := range prefixes {
			covered[p] = true
		}
		for i, role := range r.Head[1:] {
			want, got := t.Source.May(role, prefixes), ""
			if i+1 < len(r.Cells) {
				got = r.Cells[i+1]
			}
			if got != want {
				found = append(found, fmt.Sprintf("%s: %s: %s is said to have %q and has %q", d.at(r.Line), strings.Join(prefixes, " "), role, got, want))
			}
		}
	}
	for _, r := range t.Source.Routes {
		area := "/" + strings.Split(r.Path, "/")[1]
		if len(t.Source.access[r.Access]) > 0 && !covered[area] && !slices.Contains(open, r.Path) {
			covered[area] = true // said once
			found = append(found, fmt.Sprintf("%s: the table of pages lacks %s", users, area))
		}
	}
	return found
}

func findLinks(t *Tree) (found []string) {
	for _, d := range t.Docs {
		for _, l := range d.Links {
			if strings.Contains(l.Text, "://") || strings.HasPrefix(l.Text, "mailto:") {
				continue
			}
			to, fragment, _ := strings.Cut(l.Text, "#")
			name := d.Path
			if to != "" {
				name = path.Join(path.Dir(d.Path), to)
			}
			if _, err := fs.Stat(t.files, name); err != nil {
				found = append(found, fmt.Sprintf("%s: there is no %s", d.at(l.Line), name))
				continue
			}
			if fragment != "" && !slices.ContainsFunc(t.doc(name).Headings, func(h Heading) bool { return anchor(h.Text) == fragment }) {
				found = append(found, fmt.Sprintf("%s: %s has no heading #%s", d.at(l.Line), name, fragment))
			}
		}
	}
	return found
}

func findImages(t *Tree) (found []string) {
	for _, d := range t.Docs {
		for _, i := range d.Images {
			if _, err := fs.Stat(t.files, path.Join(path.Dir(d.Path), i.Text)); err != nil {
				found = append(found, fmt.Sprintf("%s: there is no picture %s: make screenshots", d.at(i.Line), i.Text))
			}
		}
	}
	return found
}

var makeLine = regexp.MustCompile(`^make(?: -\S+)* ([a-z][a-z-]*)`)

func findTargets(t *Tree) (found []string) {
	for _, d := range t.Docs {
		for _, text := range slices.Concat(d.Spans, d.Fenced) {
			if m := makeLine.FindStringSubmatch(text.Text); m != nil && !t.Source.Targets[m[1]] {
				found = append(found, fmt.Sprintf("%s: the Makefile has no target %s", d.at(text.Line), m[1]))
			}
		}
	}
	return found
}

var projectPath = regexp.MustCompile(`^(\.ci|client|cmd|docs|internal|scripts|tools|verify)/[\w./*-]*$`)

func findPaths(t *Tree) (found []string) {
	for _, d := range t.Docs {
		for _, s := range d.Spans {
			if !projectPath.MatchString(s.Text) || strings.HasPrefix(s.Text, images) {
				continue
			}
			matches, err := fs.Glob(t.files, strings.TrimSuffix(s.Text, "/"))
			if err != nil || len(matches) == 0 {
				found = append(found, fmt.Sprintf("%s: there is no %s", d.at(s.Line), s.Text))
			}
		}
	}
	return found
}

var (
	goName   = regexp.MustCompile(`^([a-z]\w*)\.([A-Z]\w*(?:\.[A-Z]\w*)?)$`)
	testName = regexp.MustCompile(`^(Test|Benchmark|Fuzz)[A-Z0-9]\w*$`)
	actName  = regexp.MustCompile(`^([a-z_]+)\.([a-z][a-z-]*)$`)
)

func findNames(t *Tree) (found []string) {
	for _, d := range t.Docs {
		for _, s := range d.Spans {
			if problem := t.Source.unknown(s.Text); problem != "" {
				found = append(found, d.at(s.Line)+": "+problem)
			}
		}
	}
	return found
}

// unknown says what is wrong with a name, "" where it exists or is not ours.
func (s *Source) unknown(span string) string {
	if m := goName.FindStringSubmatch(span); m != nil {
		if names := s.Names[m[1]]; names != nil && !names[m[2]] {
			return "package " + m[1] + " has no " + m[2]
		}
	}
	if testName.MatchString(span) && !s.Tests[span] {
		return "there is no " + span
	}
	if m := actName.FindStringSubmatch(span); m != nil && s.Kinds[m[1]] && !s.Strings[m[2]] && !s.Strings[span] {
		return "no act is called " + span
	}
	return ""
}

var criterion = regexp.MustCompile(`\b(?:CC|PI|A|C|P)\d\.\d+\b|\bDC ?\d+\b`)

func findCriteria(t *Tree) (found []string) {
	for _, d := range t.Docs {
		for i, line := range strings.Split(d.Words, "\n") {
			for _, text := range criterion.FindAllString(line, -1) {
				if _, err := criteria.Parse(strings.ReplaceAll(text, " ", "")); err != nil {
					found = append(found, fmt.Sprintf("%s: %s is no criterion", d.at(i+1), text))
				}
			}
		}
	}
	return append(found, t.coverage()...)
}

// coverage holds the map of controls to all criteria: each in one row, and
// those that the code cites in a row that names a test.
func (t *Tree) coverage() (found []string) {
	d, rows := t.doc(controls), map[criteria.ID]Row{}
	for _, r := range d.Rows {
		for _, text := range criterion.FindAllString(r.Cells[0], -1) {
			id := criteria.ID(strings.ReplaceAll(text, " ", ""))
			if _, twice := rows[id]; twice {
				found = append(found, fmt.Sprintf("%s: %s has a row already", d.at(r.Line), id))
			}
			rows[id] = r
		}
	}
	for _, c := range criteria.All() {
		r, ok := rows[c.ID]
		if !ok {
			found = append(found, fmt.Sprintf("%s: %s is missing", controls, c.ID))
			continue
		}
		tested := slices.ContainsFunc(spans(strings.Join(r.Cells, " ")), func(s string) bool {
			_, name, qualified := strings.Cut(s, ".")
			return testName.MatchString(s) || qualified && testName.MatchString(name)
		})
		if t.Source.Criteria[c.ID] && !tested {
			found = append(found, fmt.Sprintf("%s: the code cites %s, and its row names no test", d.at(r.Line), c.ID))
		}
	}
	return found
}

func findBenchmarks(t *Tree) (found []string) {
	for _, name := range slices.Sorted(maps.Keys(t.Source.Tests)) {
		if strings.HasPrefix(name, "BenchmarkRatio") && !t.doc(performance).has(name) {
			found = append(found, fmt.Sprintf("%s: does not name %s", performance, name))
		}
	}
	return found
}

func findData(t *Tree) (found []string) {
	d := t.doc(operating)
	for _, r := range d.Rows {
		if r.Section != "The data directory" {
			continue
		}
		for _, name := range spans(r.Cells[0]) {
			if !t.Source.Strings[strings.TrimSuffix(name, "/")] {
				found = append(found, fmt.Sprintf("%s: nothing makes %s", d.at(r.Line), name))
			}
		}
	}
	for _, job := range slices.Sorted(maps.Keys(t.Source.Jobs)) {
		if !d.has(job) {
			found = append(found, fmt.Sprintf("%s: does not name the job %s", operating, job))
		}
	}
	return found
}
