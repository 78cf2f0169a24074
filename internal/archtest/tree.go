// Package archtest holds the architecture of docs/ARCHITECTURE.md: it reads
// the source of the whole module and reports every place that breaks a rule.
// Its test is part of every run, so a rule is a property of the tree and not
// of a review. Where a package stands is written in layout.go; a package that
// is not listed there fails, because placing a package is a decision.
package archtest

import (
	"cmp"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/modfile"
)

// A Tree is the parsed source of one module.
type Tree struct {
	Module   string // the module's path
	Packages []*Package
	fset     *token.FileSet
}

// A Package is one directory of Go files.
type Package struct {
	Path  string // below the module's path: "internal/ledger"
	Files []*File
}

// A File is one parsed Go file.
type File struct {
	Path  string // from the root of the module, with slashes
	Lines int
	Test  bool // its name ends in _test.go
	*ast.File
}

// Load parses every Go file of the module whose root is fsys. Folders that the
// go command ignores and nested modules are left out; build constraints are
// not looked at, so that a rule holds on every platform.
func Load(fsys fs.FS) (*Tree, error) {
	mod, err := fs.ReadFile(fsys, "go.mod")
	if err != nil {
		return nil, fmt.Errorf("find the module: %w", err)
	}
	t := &Tree{Module: modfile.ModulePath(mod), fset: token.NewFileSet()}
	byDir := map[string]*Package{}
	err = fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			return skipDir(fsys, name)
		}
		if path.Ext(name) != ".go" {
			return nil
		}
		f, err := t.parse(fsys, name)
		if err != nil {
			return err
		}
		dir := path.Dir(name)
		if byDir[dir] == nil {
			byDir[dir] = &Package{Path: dir}
			t.Packages = append(t.Packages, byDir[dir])
		}
		byDir[dir].Files = append(byDir[dir].Files, f)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the module's source: %w", err)
	}
	slices.SortFunc(t.Packages, func(a, b *Package) int { return cmp.Compare(a.Path, b.Path) })
	return t, nil
}

func (t *Tree) parse(fsys fs.FS, name string) (*File, error) {
	src, err := fs.ReadFile(fsys, name)
	if err != nil {
		return nil, err
	}
	parsed, err := parser.ParseFile(t.fset, name, src, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	return &File{
		Path:  name,
		Lines: strings.Count(string(src), "\n"),
		Test:  strings.HasSuffix(name, "_test.go"),
		File:  parsed,
	}, nil
}

func skipDir(fsys fs.FS, name string) error {
	base := path.Base(name)
	if name == "." {
		return nil
	}
	if base == "testdata" || base == "vendor" || base == "node_modules" || base[0] == '.' || base[0] == '_' {
		return fs.SkipDir
	}
	if _, err := fs.Stat(fsys, path.Join(name, "go.mod")); err == nil {
		return fs.SkipDir
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// at gives a position as file:line.
func (t *Tree) at(pos token.Pos) string {
	p := t.fset.Position(pos)
	return p.Filename + ":" + strconv.Itoa(p.Line)
}

// source yields the package's files that become part of a program: no tests,
// nothing generated.
func (p *Package) source(yield func(*File) bool) {
	for _, f := range p.Files {
		if !f.Test && !ast.IsGenerated(f.File) && !yield(f) {
			return
		}
	}
}

// imports lists the paths that f imports, with their positions.
func (f *File) imports(yield func(string, token.Pos) bool) {
	for _, spec := range f.Imports {
		// The parser has checked that the literal is a string.
		name, _ := strconv.Unquote(spec.Path.Value)
		if !yield(name, spec.Pos()) {
			return
		}
	}
}

// selectors yields each name that f takes from the package imported as path:
// for "time", the Now of time.Now.
func (f *File) selectors(imported string) func(func(string, token.Pos) bool) {
	local := ""
	for _, spec := range f.Imports {
		if name, _ := strconv.Unquote(spec.Path.Value); name == imported {
			local = path.Base(imported)
			if spec.Name != nil {
				local = spec.Name.Name
			}
		}
	}
	return func(yield func(string, token.Pos) bool) {
		if local == "" {
			return
		}
		for n := range ast.Preorder(f.File) {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				continue
			}
			if x, ok := sel.X.(*ast.Ident); ok && x.Name == local && !yield(sel.Sel.Name, sel.Pos()) {
				return
			}
		}
	}
}
