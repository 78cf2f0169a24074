package web_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"example.org/countersign/internal/hostile"
	"example.org/countersign/internal/people"
	"example.org/countersign/internal/web"
)

// TestOffered holds that no page leads a role to a page that refuses it, or
// shows it a form that does, in any state that has forms of its own.
func TestOffered(t *testing.T) {
	o := open(t)
	busy(o)
	_, g := besiege(t, o)
	paths := []string{"/", "/queue", "/queue?state=all", "/approvals", "/channels", "/policy", "/people", "/evidence", "/ledger", "/work", "/account"}
	for _, scene := range g.Scenes {
		if path := scene.Open().Path; g.Route("GET", path) != "" && !strings.Contains(path, "code=") {
			paths = append(paths, path)
		}
	}
	rows := map[string]web.Row{}
	for _, row := range web.Table() {
		rows[row.Pattern] = row
	}
	for _, role := range people.Roles() {
		v, status := o.visit(role), map[string]int{}
		for _, path := range paths {
			a := v.get(path)
			for a.status == http.StatusSeeOther {
				a = v.get(a.location)
			}
			if a.status != http.StatusOK {
				continue // that they are refused, TestRoles holds
			}
			root := hostile.Parse(t, a.body)
			for _, to := range hostile.Links(root) {
				if u, err := url.Parse(to); err != nil || strings.HasPrefix(u.Path, "/report") || strings.HasPrefix(u.Path, "/follow-up") || elsewhere(g, u.Path) {
					continue
				}
				if status[to] == 0 {
					status[to] = v.get(to).status
				}
				if status[to] >= 400 {
					t.Errorf("%s leads %s to %s, which answers %d", path, role, to, status[to])
				}
			}
			for _, f := range hostile.Forms(root, path) {
				row := rows[g.Route(f.Method, f.Action)]
				if !row.Public && !slices.Contains(row.Roles, role) {
					t.Errorf("%s offers %s a form for %s", path, role, f.Action)
				}
			}
			if role == people.Staff && !slices.ContainsFunc(hostile.Links(nav(root)), func(to string) bool { return to == "/report" }) {
				t.Errorf("%s leads personnel to no report page", path)
			}
		}
	}
}

// elsewhere reports whether another door than the pages answers an address.
func elsewhere(g *hostile.Siege, path string) bool {
	return g.Route("GET", path) == ""
}

// nav returns the areas of a page.
func nav(root *html.Node) *html.Node {
	for n := range root.Descendants() {
		if n.Type == html.ElementNode && n.Data == "nav" {
			return n
		}
	}
	return root
}
