package docstest

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"example.org/countersign/internal/criteria"
)

// Source is what the source says that documents may name.
type Source struct {
	Commands map[string]*Command // by name
	Routes   []Route
	Roles    []string                   // ids, in their order
	Names    map[string]map[string]bool // by package: functions, types, constants, variables, methods, also as Type.Method
	Tests    map[string]bool            // tests, benchmarks, fuzz targets
	Kinds    map[string]bool            // of record
	Jobs     map[string]bool            // kinds of job
	Criteria map[criteria.ID]bool       // cited in the product's code
	Strings  map[string]bool            // string literals of the product and of tests
	Targets  map[string]bool            // of the Makefile
	Scripts  string                     // Makefile and scripts, one behind the other

	access map[string][]string // sets of roles of the staff pages, by the name of the variable
	roles  map[string]string   // ids by the name of the constant
}

// A Command is what may follow "countersign".
type Command struct {
	Flags map[string]string // by name, the variable that sets it or ""
	Short map[string]bool
}

// A Route is one row of a route table.
type Route struct {
	Method, Path string
	Access       string // name of the set of roles; staff pages only
}

// file is one parsed Go file.
type file struct {
	path string
	test bool
	*ast.File
}

// loadSource reads every Go file, the Makefile and the scripts.
func loadSource(fsys fs.FS) (*Source, error) {
	s := &Source{Commands: map[string]*Command{}, Names: map[string]map[string]bool{}, Tests: map[string]bool{}, Kinds: map[string]bool{},
		Jobs: map[string]bool{}, Criteria: map[criteria.ID]bool{}, Strings: map[string]bool{}, Targets: map[string]bool{},
		access: map[string][]string{}, roles: map[string]string{}}
	byDir := map[string][]*file{}
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		base := path.Base(name)
		switch {
		case errors.Is(err, fs.ErrNotExist) && name != ".":
			return nil
		case err != nil:
			return err
		case d.IsDir() && name != "." && (base == "testdata" || base == "docs" || base == "docstest" || base[0] == '_' || base[0] == '.' && base != ".ci"):
			return fs.SkipDir
		case d.IsDir():
			return nil
		case path.Ext(name) == ".go":
			f, err := read(fsys, name)
			if err == nil {
				byDir[path.Dir(name)] = append(byDir[path.Dir(name)], f)
			}
			return err
		case name == "Makefile" || strings.HasPrefix(name, "scripts/") || strings.HasPrefix(name, ".ci/"):
			text, err := fs.ReadFile(fsys, name)
			s.Scripts += string(text)
			return err
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the source: %w", err)
	}
	for _, m := range target.FindAllStringSubmatch(s.Scripts, -1) {
		s.Targets[m[1]] = true
	}
	for dir, files := range byDir {
		s.add(dir, files)
	}
	s.commands(byDir["cmd/countersign"])
	s.rolesOf(byDir["internal/people"])
	s.accessOf(byDir["internal/web"])
	return s, nil
}

var target = regexp.MustCompile(`(?m)^([a-z][a-z-]*):`)

func read(fsys fs.FS, name string) (*file, error) {
	src, err := fs.ReadFile(fsys, name)
	if err != nil {
		return nil, err
	}
	parsed, err := parser.ParseFile(token.NewFileSet(), name, src, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	return &file{name, strings.HasSuffix(name, "_test.go"), parsed}, nil
}

// add takes the names, routes and words of one package.
func (s *Source) add(dir string, files []*file) {
	consts := constants(files)
	for name, value := range consts {
		if strings.HasSuffix(name, "Job") {
			s.Jobs[value] = true
		}
		if dir == "internal/tiles" && strings.HasSuffix(name, "Path") { // no route table: it parses addresses itself
			s.Routes = append(s.Routes, Route{Method: "GET", Path: value})
		}
	}
	for _, f := range files {
		pkg := strings.TrimSuffix(f.Name.Name, "_test")
		if s.Names[pkg] == nil {
			s.Names[pkg] = map[string]bool{}
		}
		for _, d := range f.Decls {
			s.declared(pkg, f.test, d)
		}
		for n := range ast.Preorder(f.File) {
			s.node(dir, f, n, consts)
		}
	}
}

// constants returns the string constants of a package.
func constants(files []*file) map[string]string {
	all := map[string]string{}
	for _, f := range files {
		for n := range ast.Preorder(f.File) {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || f.test {
				continue
			}
			for i, v := range spec.Values {
				if text, ok := value(v, all); ok {
					all[spec.Names[i].Name] = text
				}
			}
		}
	}
	return all
}

// value returns the string that an expression is: a literal, a constant of the
// package, or a sum of these.
func value(e ast.Expr, consts map[string]string) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind != token.STRING {
			return "", false
		}
		text, err := strconv.Unquote(e.Value)
		return text, err == nil
	case *ast.Ident:
		text, ok := consts[e.Name]
		return text, ok
	case *ast.BinaryExpr:
		left, ok1 := value(e.X, consts)
		right, ok2 := value(e.Y, consts)
		return left + right, ok1 && ok2
	}
	return "", false
}

// declared takes the names of a declaration.
func (s *Source) declared(pkg string, test bool, d ast.Decl) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		name := d.Name.Name
		if test && (strings.HasPrefix(name, "Test") || strings.HasPrefix(name, "Benchmark") || strings.HasPrefix(name, "Fuzz")) {
			s.Tests[name] = true
		}
		s.Names[pkg][name] = true
		if d.Recv != nil {
			for n := range ast.Preorder(d.Recv.List[0].Type) {
				if id, ok := n.(*ast.Ident); ok {
					s.Names[pkg][id.Name+"."+name] = true
					break
				}
			}
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch spec := spec.(type) {
			case *ast.TypeSpec:
				s.Names[pkg][spec.Name.Name] = true
			case *ast.ValueSpec:
				for _, id := range spec.Names {
					s.Names[pkg][id.Name] = true
				}
			}
		}
	}
}

var pattern = regexp.MustCompile(`^(GET|POST|PUT|DELETE) (/\S*)$`)

// node takes what one piece of syntax says: a word, a route, a kind of record.
func (s *Source) node(dir string, f *file, n ast.Node, consts map[string]string) {
	door := !f.test && (dir == "internal/web" || dir == "internal/portal" || dir == "internal/api")
	switch n := n.(type) {
	case *ast.BasicLit:
		text, ok := value(n, nil)
		if !ok {
			return
		}
		s.Strings[text] = true
		if id := criteria.ID(text); !f.test && dir != "internal/criteria" && id.Valid() {
			s.Criteria[id] = true
		}
	case *ast.CallExpr:
		if sel, ok := n.Fun.(*ast.SelectorExpr); ok && sel.Sel.Name == "Define" && !f.test && len(n.Args) > 0 {
			if kind, ok := value(n.Args[0], consts); ok {
				s.Kinds[kind] = true
			}
		}
		if len(n.Args) > 0 && door {
			s.route(n.Args, consts)
		}
	case *ast.CompositeLit:
		if door {
			s.route(n.Elts, consts)
		}
	}
}

// route takes a row of a route table: "GET /queue" and, on staff pages, who
// may; or, of the API, "GET", "/cases".
func (s *Source) route(row []ast.Expr, consts map[string]string) {
	if len(row) == 0 {
		return
	}
	first, ok := value(row[0], consts)
	if !ok {
		return
	}
	if m := pattern.FindStringSubmatch(first); m != nil {
		r := Route{Method: m[1], Path: m[2]}
		if id, ok := second(row).(*ast.Ident); ok {
			r.Access = id.Name
		}
		s.Routes = append(s.Routes, r)
		return
	}
	if second, ok := value(second(row), consts); ok && pattern.MatchString(first+" "+second) {
		s.Routes = append(s.Routes, Route{Method: first, Path: consts["prefix"] + second})
	}
}

func second(row []ast.Expr) ast.Expr {
	if len(row) < 2 {
		return nil
	}
	return row[1]
}

// commands reads the structs that kong makes the command line of.
func (s *Source) commands(files []*file) {
	structs := map[string]*ast.StructType{}
	for _, f := range files {
		for n := range ast.Preorder(f.File) {
			if t, ok := n.(*ast.TypeSpec); ok {
				if st, ok := t.Type.(*ast.StructType); ok {
					structs[t.Name.Name] = st
				}
			}
		}
	}
	if structs["commands"] == nil {
		return
	}
	for _, field := range structs["commands"].Fields.List {
		tag := tagOf(field)
		if _, ok := tag.Lookup("cmd"); !ok || len(field.Names) != 1 {
			continue
		}
		c := &Command{Flags: map[string]string{"help": ""}, Short: map[string]bool{"h": true}}
		c.take(structs, field.Type)
		s.Commands[flagName(field.Names[0].Name, tag)] = c
	}
}

// take adds the flags of a struct, of those that it embeds, and of the commands
// below it.
func (c *Command) take(structs map[string]*ast.StructType, t ast.Expr) {
	id, ok := t.(*ast.Ident)
	if !ok || structs[id.Name] == nil {
		return
	}
	for _, field := range structs[id.Name].Fields.List {
		if len(field.Names) == 0 {
			c.take(structs, field.Type)
			continue
		}
		tag := tagOf(field)
		if _, below := tag.Lookup("cmd"); below {
			c.take(structs, field.Type)
			continue
		}
		if _, positional := tag.Lookup("arg"); positional || tag.Get("kong") == "-" {
			continue
		}
		for _, name := range field.Names {
			c.Flags[flagName(name.Name, tag)] = tag.Get("env")
		}
		if short := tag.Get("short"); short != "" {
			c.Short[short] = true
		}
	}
}

func tagOf(f *ast.Field) reflect.StructTag {
	if f.Tag == nil {
		return ""
	}
	text, _ := strconv.Unquote(f.Tag.Value) // the parser has checked it
	return reflect.StructTag(text)
}

var wordEnd = regexp.MustCompile(`([a-z0-9])([A-Z])`)

// flagName is the name that kong gives a field.
func flagName(field string, tag reflect.StructTag) string {
	if name := tag.Get("name"); name != "" {
		return name
	}
	return strings.ToLower(wordEnd.ReplaceAllString(field, "$1-$2"))
}

// rolesOf reads the constants of type Role.
func (s *Source) rolesOf(files []*file) {
	for _, f := range files {
		for n := range ast.Preorder(f.File) {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || f.test || len(spec.Values) != 1 {
				continue
			}
			if id, ok := spec.Type.(*ast.Ident); !ok || id.Name != "Role" {
				continue
			}
			if text, ok := value(spec.Values[0], nil); ok {
				s.Roles = append(s.Roles, text)
				s.roles[spec.Names[0].Name] = text
			}
		}
	}
}

// accessOf reads the sets of roles that the routes of the staff pages name:
// variables made by of(people.Lead, …).
func (s *Source) accessOf(files []*file) {
	for _, f := range files {
		for n := range ast.Preorder(f.File) {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || f.test {
				continue
			}
			for i, v := range spec.Values {
				call, ok := v.(*ast.CallExpr)
				if !ok {
					continue
				}
				if id, ok := call.Fun.(*ast.Ident); ok && id.Name == "of" {
					s.access[spec.Names[i].Name] = s.named(call)
				}
			}
		}
	}
}

// named returns the roles that a call names; all of them for of(people.Roles()...).
func (s *Source) named(call *ast.CallExpr) []string {
	if call.Ellipsis.IsValid() {
		return s.Roles
	}
	var all []string
	for _, a := range call.Args {
		if sel, ok := a.(*ast.SelectorExpr); ok {
			all = append(all, s.roles[sel.Sel.Name])
		}
	}
	return all
}

// May returns what a role does on the staff pages below the prefixes: "acts",
// "reads" or "".
func (s *Source) May(role string, prefixes []string) string {
	can := ""
	for _, r := range s.Routes {
		below := slices.ContainsFunc(prefixes, func(p string) bool { return r.Path == p || strings.HasPrefix(r.Path, p+"/") })
		if !below || !slices.Contains(s.access[r.Access], role) {
			continue
		}
		if r.Method != "GET" {
			return "acts"
		}
		can = "reads"
	}
	return can
}
