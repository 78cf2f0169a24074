// Package design is what every page of Countersign looks and reads like: one
// stylesheet, a set of icons, and components, each a Go struct and the
// html/template partial that draws it. It serves nothing and knows no present:
// a page passes the data and, where an answer depends on it, the time.
//
// A page is its own template, which defines "main" and places partials in it,
// within one of three layouts, "staff", "public" and "report". Everything here
// holds under the policy script-src 'self'; style-src 'self': there is no
// inline script, no inline style, and nothing comes from elsewhere.
package design

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"io/fs"
	"path"
	"regexp"
	"sync"
	"time"

	"example.org/countersign/internal/design/phrase"
)

//go:embed static/app.css static/app.js static/htmx.min.js static/favicon.svg static/VENDORED.md static/htmx.LICENSE
var embedded embed.FS

//go:embed templates/*.html
var templateFiles embed.FS

// StaticPath is where the pages expect the static files to be served.
const StaticPath = "/static/"

// Policy is the Content-Security-Policy that every page in this design holds
// to. The public layout needs no script at all: see PublicPolicy.
const Policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// PublicPolicy is Policy without script and without connections.
const PublicPolicy = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// File is one static file, as it is to be served.
type File struct {
	Type    string // media type
	Version string // changes with the content; the pages ask for ?v=Version
	Body    []byte
}

// files holds what is served under StaticPath, by name.
var files = sync.OnceValues(func() (map[string]File, error) {
	types := map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
	all := map[string]File{}
	entries, err := embedded.ReadDir("static")
	if err != nil {
		return nil, fmt.Errorf("static files: %w", err)
	}
	for _, e := range entries {
		body, err := embedded.ReadFile("static/" + e.Name())
		if err != nil {
			return nil, fmt.Errorf("static file %s: %w", e.Name(), err)
		}
		kind, ok := types[path.Ext(e.Name())]
		if !ok {
			kind = "text/plain; charset=utf-8"
		}
		if path.Ext(e.Name()) == ".css" {
			body = squeeze(body)
		}
		sum := sha256.Sum256(body)
		all[e.Name()] = File{Type: kind, Version: hex.EncodeToString(sum[:4]), Body: body}
	}
	return all, nil
})

// Static returns the file to serve at StaticPath + name. The pages ask for it
// with its version, so an answer to that may be cached for ever.
func Static(name string) (File, bool) {
	all, err := files()
	if err != nil {
		return File{}, false
	}
	f, ok := all[name]
	return f, ok
}

// Asset returns the address of a static file with its version:
// "/static/app.css?v=3f9a1c2e".
func Asset(name string) (string, error) {
	all, err := files()
	if err != nil {
		return "", err
	}
	f, ok := all[name]
	if !ok {
		return "", fmt.Errorf("no static file named %q", name)
	}
	return StaticPath + name + "?v=" + f.Version, nil
}

// Stylesheet returns app.css, for a document that must stand alone.
func Stylesheet() (template.CSS, error) {
	all, err := files()
	if err != nil {
		return "", err
	}
	return template.CSS(all["app.css"].Body), nil // #nosec G203 -- our own embedded file
}

var (
	cssComment = regexp.MustCompile(`(?s)/\*.*?\*/`)
	cssSpace   = regexp.MustCompile(`\s+`)
	cssAround  = regexp.MustCompile(` ?([{};,>]) ?`)
)

// squeeze drops from a stylesheet what only its writer needs: comments,
// indentation, the space around punctuation.
func squeeze(css []byte) []byte {
	css = cssComment.ReplaceAll(css, nil)
	css = cssSpace.ReplaceAll(css, []byte(" "))
	css = cssAround.ReplaceAll(css, []byte("$1"))
	css = bytes.ReplaceAll(css, []byte(": "), []byte(":"))
	return bytes.TrimSpace(bytes.ReplaceAll(css, []byte(";}"), []byte("}")))
}

// Functions lists the template functions that every set has.
func Functions() template.FuncMap {
	return template.FuncMap{
		"icon":       icon,
		"asset":      Asset,
		"stylesheet": Stylesheet,
		"when":       when,
		"ago":        phrase.Ago,
		"day":        phrase.Day,
		"hour":       phrase.Hour,
		"duration":   phrase.Duration,
		"bytes":      phrase.Bytes,
		"number":     phrase.Number,
		"count":      phrase.Count,
		"percent":    phrase.Percent,
		"tracking":   tracking,
		"hash":       hash,
		"moment":     func(at, now time.Time) Moment { return Moment{At: at, Now: now} },
		"ofButton":   of[Button],
		"ofClock":    of[Clock],
		"ofLetter":   of[Letter],
		"ofLink":     of[Link],
		"ofMoment":   of[Moment],
		"ofSeal":     of[Seal],
		"ofSeverity": of[Severity],
		"ofState":    of[State],
	}
}

// of turns an optional part into the value that its partial takes: a partial has
// one type, so that it can be checked.
func of[T any](part *T) T { return *part }

// parsed reads the embedded templates once. Sets are clones of it; it is never
// executed, because an executed set can no longer be cloned.
var parsed = sync.OnceValues(func() (*template.Template, error) {
	t, err := template.New("design").Funcs(Functions()).ParseFS(templateFiles, "templates/*.html")
	if err != nil {
		return nil, fmt.Errorf("parse design templates: %w", err)
	}
	return t, nil
})

// Templates returns a new set with all partials and layouts, to which a door
// adds its pages. Funcs, which may be nil, are added to Functions.
func Templates(funcs template.FuncMap) (*template.Template, error) {
	t, err := parsed()
	if err != nil {
		return nil, err
	}
	c, err := t.Clone()
	if err != nil {
		return nil, fmt.Errorf("clone design templates: %w", err)
	}
	return c.Funcs(funcs), nil
}

// Page returns a copy of set with the templates of one page added, which must
// define "main". Execute the result by the name of a layout.
func Page(set *template.Template, fsys fs.FS, patterns ...string) (*template.Template, error) {
	c, err := set.Clone()
	if err != nil {
		return nil, fmt.Errorf("page %v: %w", patterns, err)
	}
	if c, err = c.ParseFS(fsys, patterns...); err != nil {
		return nil, fmt.Errorf("page %v: %w", patterns, err)
	}
	if c.Lookup("main") == nil {
		return nil, fmt.Errorf("page %v: no template \"main\"", patterns)
	}
	return c, nil
}

// Fragment executes one template of set for use inside another component. What
// it returns was escaped by html/template.
func Fragment(set *template.Template, name string, data any) (template.HTML, error) {
	var b bytes.Buffer
	if err := set.ExecuteTemplate(&b, name, data); err != nil {
		return "", fmt.Errorf("render %q: %w", name, err)
	}
	return template.HTML(b.String()), nil // #nosec G203 -- output of html/template
}

// when marks up an instant in its own zone, with UTC to the second on hover.
func when(t time.Time) template.HTML {
	if t.IsZero() {
		return template.HTML(phrase.Instant(t)) // #nosec G203 -- constant text
	}
	return template.HTML(`<time datetime="` + t.UTC().Format(time.RFC3339) + `" title="` + phrase.Exact(t) + `">` + // #nosec G203 -- escaped
		template.HTMLEscapeString(phrase.Instant(t)) + `</time>`)
}

// tracking marks up a tracking number, its own digits stronger than the prefix:
// C-2026-000123.
func tracking(s string) template.HTML {
	head, tail := s, ""
	for i := len(s) - 1; i >= 0; i-- {
		if s[i] == '-' {
			head, tail = s[:i+1], s[i+1:]
			break
		}
	}
	return template.HTML(`<span class="number"><span>` + template.HTMLEscapeString(head) + // #nosec G203 -- escaped
		`</span>` + template.HTMLEscapeString(tail) + `</span>`)
}

// hash marks up a hash, shortened, whole on hover.
func hash(s string) template.HTML {
	return template.HTML(`<code class="hash" title="` + template.HTMLEscapeString(s) + `">` + // #nosec G203 -- escaped
		template.HTMLEscapeString(phrase.Hash(s)) + `</code>`)
}
