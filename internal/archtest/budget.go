package archtest

import (
	"fmt"
	"go/ast"
	"go/token"
	"strings"
)

func findPackageComments(t *Tree) (found []string) {
	for _, p := range t.Packages {
		said := false
		for _, f := range p.Files {
			if f.Doc == nil {
				continue
			}
			want := "Package " + strings.TrimSuffix(f.Name.Name, "_test") + " "
			if f.Name.Name == "main" {
				want = "Command "
			}
			said = true
			if !f.Test && !strings.HasPrefix(f.Doc.Text(), want) {
				found = append(found, fmt.Sprintf("%s: the package comment begins with %q", t.at(f.Doc.Pos()), want))
			}
		}
		if !said {
			found = append(found, p.Path+": has no package comment")
		}
	}
	return found
}

// customary are methods whose meaning the standard library has fixed.
var customary = map[string]bool{
	"Error": true, "Unwrap": true, "String": true, "Read": true, "Write": true,
	"ServeHTTP": true, "Len": true, "Less": true, "Swap": true,
}

// findUndocumented counts over the whole module, and lists the names where too
// many are missing.
func findUndocumented(t *Tree) (found []string) {
	all := 0
	for _, p := range t.Packages {
		for f := range p.source {
			for _, decl := range f.Decls {
				exported, undocumented := t.exported(decl)
				all += exported
				found = append(found, undocumented...)
			}
		}
	}
	if len(found)*100 <= all*(100-minDocPercent) {
		return nil
	}
	return found
}

// exported counts the exported names of one declaration and lists those
// without a comment. A comment on a group serves all of it.
func (t *Tree) exported(decl ast.Decl) (count int, undocumented []string) {
	add := func(name *ast.Ident, documented bool) {
		if !name.IsExported() {
			return
		}
		count++
		if !documented {
			undocumented = append(undocumented, fmt.Sprintf("%s: %s has no comment", t.at(name.Pos()), name.Name))
		}
	}
	switch d := decl.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil || ast.IsExported(receiver(d)) && !customary[d.Name.Name] {
			add(d.Name, d.Doc != nil)
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				add(s.Name, d.Doc != nil || s.Doc != nil)
			case *ast.ValueSpec:
				for _, name := range s.Names {
					add(name, d.Doc != nil || s.Doc != nil || s.Comment != nil)
				}
			}
		}
	}
	return count, undocumented
}

// receiver names the type that a method belongs to.
func receiver(d *ast.FuncDecl) string {
	for n := range ast.Preorder(d.Recv.List[0].Type) {
		if id, ok := n.(*ast.Ident); ok {
			return id.Name
		}
	}
	return ""
}

func findLongFunctions(t *Tree) (found []string) {
	for _, p := range t.Packages {
		for f := range p.source {
			for _, decl := range f.Decls {
				if d, ok := decl.(*ast.FuncDecl); ok {
					if n := t.lines(d); n > maxFunc {
						found = append(found, fmt.Sprintf("%s: %s has %d lines, more than %d", t.at(d.Pos()), d.Name.Name, n, maxFunc))
					}
				}
			}
		}
	}
	return found
}

func (t *Tree) lines(d *ast.FuncDecl) int {
	line := func(pos token.Pos) int { return t.fset.Position(pos).Line }
	return line(d.End()) - line(d.Pos()) + 1
}

func findLongFiles(t *Tree) (found []string) {
	for _, p := range t.Packages {
		for f := range p.source {
			if _, allowed := long[f.Path]; !allowed && f.Lines > maxFile {
				found = append(found, fmt.Sprintf("%s: has %d lines, more than %d: split it by act", f.Path, f.Lines, maxFile))
			}
		}
	}
	return found
}

func findLongPackages(t *Tree) (found []string) {
	for _, p := range t.Packages {
		lines := 0
		for f := range p.source {
			lines += f.Lines
		}
		most := maxPackage
		if n, ok := roomy[p.Path]; ok {
			most = n
		}
		if lines > most {
			found = append(found, fmt.Sprintf("%s: has %d lines, more than %d: split it by concept", p.Path, lines, most))
		}
	}
	return found
}
