// Package docstest holds the documents to the source: what README.md and docs/
// name of the product (commands, flags, variables, routes, roles, acts, files,
// tests, criteria) must be there, and what must be documented must be named. It
// reads both and runs nothing. What a document says beyond names stays with its
// reader.
package docstest

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
)

// A Tree is the documents and the source of the module.
type Tree struct {
	Docs   []*Doc
	Source *Source
	files  fs.FS
}

// A Doc is one document in Markdown.
type Doc struct {
	Path     string // from the root of the module, with slashes
	Headings []Heading
	Links    []Text
	Images   []Text
	Spans    []Text // code within a line
	Fenced   []Text // lines of code fences; those that end in a backslash are joined
	Rows     []Row
	Words    string // all of it
}

// A Heading begins a section.
type Heading struct {
	Text string
	Line int
}

// Text is a piece of a document and the line that it begins on.
type Text struct {
	Text string
	Line int
}

// A Row is one line of a table that is neither its head nor the rule below.
type Row struct {
	Section string // the nearest heading above
	Head    []string
	Cells   []string
	Line    int
}

// Load reads the documents (those at the root and all below docs/) and the
// source of the module whose root is fsys.
func Load(fsys fs.FS) (*Tree, error) {
	t := &Tree{files: fsys}
	var err error
	if t.Source, err = loadSource(fsys); err != nil {
		return nil, err
	}
	err = fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist) && name != ".": // somebody's temporary file
			return nil
		case err != nil:
			return err
		case d.IsDir() && name != "." && name != "docs" && !strings.HasPrefix(name, "docs/"):
			return fs.SkipDir
		case d.IsDir() || path.Ext(name) != ".md":
			return nil
		}
		text, err := fs.ReadFile(fsys, name)
		if err == nil {
			t.Docs = append(t.Docs, parse(name, string(text)))
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the documents: %w", err)
	}
	return t, nil
}

// doc returns the document at a path, an empty one where there is none.
func (t *Tree) doc(name string) *Doc {
	if i := slices.IndexFunc(t.Docs, func(d *Doc) bool { return d.Path == name }); i >= 0 {
		return t.Docs[i]
	}
	return &Doc{Path: name}
}

var (
	headingLine = regexp.MustCompile(`^(#+) (.*)$`)
	tableRule   = regexp.MustCompile(`^\|[ :|-]+\|$`)
	codeSpan    = regexp.MustCompile("`([^`]+)`")
	link        = regexp.MustCompile(`(!?)\[[^\]]*\]\(([^)\s]+)\)`)
)

// parse reads the Markdown that this project writes: no HTML, no references,
// no spans over several lines.
func parse(name, text string) *Doc {
	d := &Doc{Path: name, Words: text}
	fence, section := false, ""
	var head []string
	joined := Text{}
	for i, line := range strings.Split(text, "\n") {
		n := i + 1
		if strings.HasPrefix(line, "```") {
			fence = !fence
			continue
		}
		if fence {
			if joined.Text == "" {
				joined.Line = n
			}
			part, more := strings.CutSuffix(line, `\`)
			joined.Text += part
			if !more {
				d.Fenced = append(d.Fenced, joined)
				joined = Text{}
			}
			continue
		}
		if m := headingLine.FindStringSubmatch(line); m != nil {
			section = m[2]
			d.Headings = append(d.Headings, Heading{section, n})
		}
		d.line(line, n)
		head = d.row(line, n, section, head)
	}
	return d
}

// line takes links and code out of one line of prose.
func (d *Doc) line(line string, n int) {
	for _, m := range codeSpan.FindAllStringSubmatch(line, -1) {
		d.Spans = append(d.Spans, Text{m[1], n})
	}
	for _, m := range link.FindAllStringSubmatch(codeSpan.ReplaceAllString(line, "``"), -1) {
		if m[1] == "!" {
			d.Images = append(d.Images, Text{m[2], n})
		} else {
			d.Links = append(d.Links, Text{m[2], n})
		}
	}
}

// row takes a line of a table; head is that of the table that it is in.
func (d *Doc) row(line string, n int, section string, head []string) []string {
	switch {
	case !strings.HasPrefix(line, "|"):
		return nil
	case tableRule.MatchString(line):
		return head
	}
	cells := strings.Split(strings.Trim(line, "|"), "|")
	for i := range cells {
		cells[i] = strings.TrimSpace(cells[i])
	}
	if head == nil {
		return cells
	}
	d.Rows = append(d.Rows, Row{section, head, cells, n})
	return head
}

// spans returns the code within a cell.
func spans(cell string) []string {
	var all []string
	for _, m := range codeSpan.FindAllStringSubmatch(cell, -1) {
		all = append(all, m[1])
	}
	return all
}

// has reports whether a document has a piece of code.
func (d *Doc) has(span string) bool {
	return slices.ContainsFunc(d.Spans, func(s Text) bool { return s.Text == span || strings.HasPrefix(s.Text, span+" ") })
}

// at names a place in a document.
func (d *Doc) at(line int) string { return fmt.Sprintf("%s:%d", d.Path, line) }

var notInAnchor = regexp.MustCompile(`[^\p{L}\p{N} _-]`)

// anchor is the name under which a heading can be linked to.
func anchor(heading string) string {
	return strings.ReplaceAll(notInAnchor.ReplaceAllString(strings.ToLower(heading), ""), " ", "-")
}
