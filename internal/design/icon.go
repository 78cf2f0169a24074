package design

import (
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"path"
	"regexp"
	"strings"
	"sync"
)

//go:embed icons
var iconFiles embed.FS

// Icon names one of the icons vendored in icons/, without ".svg".
type Icon string

var (
	svgBody  = regexp.MustCompile(`(?s)<svg[^>]*>(.*)</svg>`)
	svgSpace = strings.NewReplacer("\n", "", "  ", "", " />", "/>")
)

// icons holds the drawing of each icon, without its wrapper.
var icons = sync.OnceValues(func() (map[Icon]string, error) {
	names, err := fs.Glob(iconFiles, "icons/*.svg")
	if err != nil {
		return nil, fmt.Errorf("list icons: %w", err)
	}
	all := make(map[Icon]string, len(names))
	for _, name := range names {
		b, err := iconFiles.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("icon %s: %w", name, err)
		}
		m := svgBody.FindSubmatch(b)
		if m == nil {
			return nil, fmt.Errorf("icon %s: no svg element", name)
		}
		all[Icon(strings.TrimSuffix(path.Base(name), ".svg"))] = svgSpace.Replace(string(m[1]))
	}
	return all, nil
})

// icon draws an icon beside its text; it is hidden from screen readers, since
// the text says it already. No name draws nothing; an unknown one is an error.
func icon(name Icon) (template.HTML, error) {
	if name == "" {
		return "", nil
	}
	all, err := icons()
	if err != nil {
		return "", err
	}
	body, ok := all[name]
	if !ok {
		return "", fmt.Errorf("no icon named %q", name)
	}
	return template.HTML(`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true">` + body + `</svg>`), nil // #nosec G203 -- our own embedded file
}
