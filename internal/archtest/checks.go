package archtest

import (
	"fmt"
	"go/ast"
	"go/token"
	"path"
	"slices"
	"strconv"
	"strings"
)

// A Check looks at one rule.
type Check struct {
	Name string
	Rule string               // what must hold, in a sentence
	Find func(*Tree) []string // each place where it does not, as "file:line: what"
}

// Checks are the rules of the house.
var Checks = []Check{
	{"tiers", "a package imports lower tiers only, and has a place in layout.go", findTiers},
	{"closed", "verify and client use the standard library only", findClosed},
	{"fences", "SQL and HTTP stay where they belong", findFences},
	{"bans", "time, environment and servers come from one place", findBans},
	{"services", "one package knows how tests reach PostgreSQL and Chromium", findServices},
	{"package comments", "every package says what it is for", findPackageComments},
	{"documentation", "at least 95 % of the exported names are documented", findUndocumented},
	{"functions", "no function passes 100 lines", findLongFunctions},
	{"files", "no file passes 600 lines", findLongFiles},
	{"packages", "no package passes 3,000 lines", findLongPackages},
}

func findTiers(t *Tree) (found []string) {
	for _, p := range t.Packages {
		if isSupport(p.Path) {
			continue
		}
		height, ok := tiers[p.Path]
		if !ok {
			found = append(found, p.Path+": has no tier: place it in internal/archtest/layout.go")
			continue
		}
		for f := range p.source {
			for imported, pos := range f.imports {
				dep, ours := strings.CutPrefix(imported, t.Module+"/")
				lower, listed := tiers[dep]
				switch {
				case !ours:
				case isSupport(dep):
					found = append(found, fmt.Sprintf("%s: imports %s, which is for tests only", t.at(pos), dep))
				case listed && lower >= height: // an unlisted one is reported by itself
					found = append(found, fmt.Sprintf("%s: %s (tier %v) imports %s (tier %v)", t.at(pos), p.Path, height, dep, lower))
				}
			}
		}
	}
	return found
}

func findClosed(t *Tree) (found []string) {
	for _, p := range t.Packages {
		may, ok := closed[p.Path]
		if !ok {
			continue
		}
		for f := range p.source {
			for imported, pos := range f.imports {
				first, _, _ := strings.Cut(imported, "/")
				dep, ours := strings.CutPrefix(imported, t.Module+"/")
				if strings.Contains(first, ".") && !(ours && slices.Contains(may, dep)) {
					found = append(found, fmt.Sprintf("%s: %s imports %s: it may use the standard library only", t.at(pos), p.Path, imported))
				}
			}
		}
	}
	return found
}

func findFences(t *Tree) (found []string) {
	for _, p := range t.Packages {
		if isSupport(p.Path) {
			continue
		}
		for f := range p.source {
			for imported, pos := range f.imports {
				for _, fence := range fences {
					inside := slices.Contains(fence.packages, p.Path) || path.Base(f.Path) == fence.files
					if !inside && (imported == fence.path || strings.HasPrefix(imported, fence.path+"/")) {
						found = append(found, fmt.Sprintf("%s: imports %s, which is kept to %s %s",
							t.at(pos), imported, strings.Join(fence.packages, ", "), fence.files))
					}
				}
			}
		}
	}
	return found
}

func findBans(t *Tree) (found []string) {
	for _, p := range t.Packages {
		if isSupport(p.Path) {
			continue
		}
		for f := range p.source {
			for _, ban := range bans {
				if slices.Contains(ban.packages, p.Path) {
					continue
				}
				for name, pos := range f.selectors(ban.path) {
					if slices.Contains(ban.names, name) {
						found = append(found, fmt.Sprintf("%s: uses %s.%s: %s", t.at(pos), path.Base(ban.path), name, ban.instead))
					}
				}
			}
		}
	}
	return found
}

func findServices(t *Tree) (found []string) {
	for _, p := range t.Packages {
		if p.Path == "internal/archtest" {
			continue
		}
		for _, f := range p.Files {
			for n := range ast.Preorder(f.File) {
				lit, ok := n.(*ast.BasicLit)
				if !ok || lit.Kind != token.STRING {
					continue
				}
				value, _ := strconv.Unquote(lit.Value)
				if owner, ok := services[value]; ok && owner != p.Path {
					found = append(found, fmt.Sprintf("%s: reads %s: call %s, which fails where the service must be there", t.at(lit.Pos()), value, owner))
				}
			}
		}
	}
	return found
}
