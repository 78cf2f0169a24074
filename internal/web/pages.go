package web

import (
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"path"
	"strings"

	"example.org/countersign/internal/design"
)

//go:embed templates/*.html
var files embed.FS

// outside names the pages in the public layout.
var outside = map[string]bool{"sign": true, "resume": true, "problem-outside": true}

// parsePages reads every page: the file of its name, and the partials of all.
func parsePages() (map[string]*template.Template, error) {
	base, err := design.Templates(template.FuncMap{"sectionOf": func(title string) design.Section { return design.Section{Title: title} },
		"ofForm": func(f *Form) Form { return *f }, "ofNext": func(n *design.NextAct) design.NextAct { return *n },
		"ofNote": func(n *design.Note) design.Note { return *n }, "ofGrid": func(g *design.Grid) design.Grid { return *g }})
	if err != nil {
		return nil, err
	}
	names, err := fs.Glob(files, "templates/*.html")
	if err != nil {
		return nil, fmt.Errorf("list pages: %w", err)
	}
	pages := map[string]*template.Template{}
	for _, file := range names {
		name := strings.TrimSuffix(path.Base(file), ".html")
		if strings.HasPrefix(name, "part-") {
			continue
		}
		if pages[name], err = design.Page(base, files, "templates/part-*.html", file); err != nil {
			return nil, err
		}
	}
	if pages["styleguide"], err = design.StyleguideTemplate(); err != nil {
		return nil, err
	}
	return pages, nil
}
