package archtest

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// TestArchitecture holds the tree itself against every rule.
func TestArchitecture(t *testing.T) {
	tree, err := Load(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(tree.Packages, func(p *Package) bool { return p.Path == "internal/archtest" }) {
		t.Fatal("the tree that was read does not contain this package")
	}
	for _, c := range Checks {
		t.Run(c.Name, func(t *testing.T) {
			for _, problem := range c.Find(tree) {
				t.Error(problem)
			}
			if t.Failed() {
				t.Logf("the rule: %s", c.Rule)
			}
		})
	}
}

// source writes a small Go file with a package comment and the given imports.
func source(pkg, imports, body string) string {
	src := fmt.Sprintf("// Package %s is a test.\npackage %s\n", pkg, pkg)
	for _, path := range strings.Fields(imports) {
		src += fmt.Sprintf("import %q\n", path)
	}
	return src + body
}

// TestChecks gives every check something to find, and something like it that
// it must leave alone.
func TestChecks(t *testing.T) {
	const mod = "example.org/countersign/"
	lines := func(n int) string { return strings.Repeat("\n", n) }
	tests := []struct {
		check string
		name  string
		files map[string]string
		want  []string
	}{
		{"tiers", "upward", map[string]string{
			"internal/ledger/ledger.go": source("ledger", mod+"internal/web "+mod+"internal/db", ""),
		}, []string{"internal/ledger/ledger.go:3: internal/ledger (tier 2.0) imports internal/web (tier 8.0)"}},
		{"tiers", "sideways", map[string]string{
			"internal/web/web.go": source("web", mod+"internal/api", ""),
		}, []string{"internal/web/web.go:3: internal/web (tier 8.0) imports internal/api (tier 8.0)"}},
		{"tiers", "against the process", map[string]string{
			"internal/intake/intake.go": source("intake", mod+"internal/triage", ""),
			"internal/triage/triage.go": source("triage", mod+"internal/intake", ""),
		}, []string{"internal/intake/intake.go:3: internal/intake (tier 5.0) imports internal/triage (tier 5.1)"}},
		{"tiers", "not listed", map[string]string{
			"internal/util/util.go":          source("util", "", ""),
			"internal/channel/pigeon/fly.go": source("pigeon", "", ""),
		}, []string{
			"internal/channel/pigeon: has no tier: place it in internal/archtest/layout.go",
			"internal/util: has no tier: place it in internal/archtest/layout.go",
		}},
		{"tiers", "test support in the product", map[string]string{
			"internal/ledger/ledger.go":      source("ledger", mod+"internal/fakes/smtp", ""),
			"internal/ledger/ledger_test.go": source("ledger", mod+"internal/pgtest "+mod+"internal/app", ""),
			"internal/pgtest/pgtest.go":      source("pgtest", mod+"internal/app", ""),
		}, []string{"internal/ledger/ledger.go:3: imports internal/fakes/smtp, which is for tests only"}},
		{"tiers", "left alone", map[string]string{
			"internal/util/testdata/x.go": source("x", mod+"internal/web", ""),
			"internal/_old/old.go":        source("old", "", ""),
			"tools/go.mod":                "module example.org/tools\n",
			"tools/tools.go":              source("tools", "", ""),
			"verify/verify.go":            source("verify", mod+"verify/format", ""),
		}, nil},

		{"closed", "outside the standard library", map[string]string{
			"verify/verify.go":      source("verify", "archive/zip "+mod+"verify/format golang.org/x/mod/sumdb/tlog "+mod+"internal/fault", ""),
			"verify/verify_test.go": source("verify", "github.com/google/go-cmp/cmp", ""),
			"client/client.go":      source("client", "net/http "+mod+"internal/api", ""),
		}, []string{
			"client/client.go:4: client imports " + mod + "internal/api: it may use the standard library only",
			"verify/verify.go:5: verify imports golang.org/x/mod/sumdb/tlog: it may use the standard library only",
			"verify/verify.go:6: verify imports " + mod + "internal/fault: it may use the standard library only",
		}},

		{"fences", "SQL and HTTP", map[string]string{
			"internal/people/store.go":    source("people", "database/sql", ""),
			"internal/people/people.go":   source("people", "database/sql/driver", ""),
			"internal/db/open.go":         source("db", "database/sql", ""),
			"internal/mime/mime.go":       source("mime", "net/http net/mail", ""),
			"internal/mime/mime_test.go":  source("mime", "net/http", ""),
			"internal/fakes/slack/api.go": source("slack", "net/http/httptest", ""),
		}, []string{
			"internal/mime/mime.go:3: imports net/http, which is kept to internal/web, internal/portal, internal/api, internal/tiles, internal/app, client, cmd/countersign, internal/demo, internal/witness, internal/timestamp ",
			"internal/people/people.go:3: imports database/sql/driver, which is kept to internal/db, internal/ledger, internal/jobs, internal/board, internal/keyring store.go",
		}},

		{"bans", "clock, environment, server", map[string]string{
			"internal/ledger/a.go":      source("ledger", "time", "var a, b = time.Now(), time.Since"),
			"internal/ledger/b.go":      "package ledger\nimport clock \"time\"\nvar c = clock.Until\n",
			"internal/ledger/c.go":      source("ledger", "time", "var d = time.Second\nvar now struct{ Now int }\nvar e = now.Now"),
			"internal/ledger/d.go":      source("ledger", "os", "var f = os.Getenv\nvar g = os.Getpid"),
			"internal/ledger/x_test.go": source("ledger", "time", "var h = time.Now"),
			"internal/clock/clock.go":   source("clock", "time", "var a = time.Now"),
			"cmd/countersign/main.go":   source("main", "os net/http", "var a = os.Getenv\nvar b = http.Get\nvar c = http.ListenAndServe"),
		}, []string{
			"cmd/countersign/main.go:7: uses http.ListenAndServe: serve from web, portal or api",
			"internal/ledger/a.go:4: uses time.Now: take the time from a clock.Clock, so that a test can set it",
			"internal/ledger/a.go:4: uses time.Since: take the time from a clock.Clock, so that a test can set it",
			"internal/ledger/b.go:3: uses time.Until: take the time from a clock.Clock, so that a test can set it",
			"internal/ledger/d.go:4: uses os.Getenv: take it as a parameter: only the command line reads the environment",
		}},

		{"services", "read elsewhere", map[string]string{
			"internal/pgtest/pgtest.go":   source("pgtest", "os", `var a = os.Getenv("COUNTERSIGN_TEST_POSTGRES")`),
			"internal/jobs/jobs_test.go":  source("jobs", "os", `var a = os.Getenv("COUNTERSIGN_TEST_POSTGRES")`),
			"internal/web/pages_test.go":  source("web", "os", "var a = os.Getenv(`COUNTERSIGN_TEST_CHROMIUM`)"),
			"internal/web/pages2_test.go": source("web", "os", `var a = os.Getenv("COUNTERSIGN_TEST_OTHER")`),
		}, []string{
			"internal/jobs/jobs_test.go:4: reads COUNTERSIGN_TEST_POSTGRES: call internal/pgtest, which fails where the service must be there",
			"internal/web/pages_test.go:4: reads COUNTERSIGN_TEST_CHROMIUM: call internal/browsertest, which fails where the service must be there",
		}},

		{"package comments", "missing and misspelt", map[string]string{
			"internal/db/db.go":        "package db\n",
			"internal/db/more.go":      "package db\n",
			"internal/blob/blob.go":    "// Package bolb stores.\npackage blob\n",
			"internal/mime/mime.go":    source("mime", "", ""),
			"internal/mime/more.go":    "package mime\n",
			"cmd/countersign/main.go":  "// Command countersign runs it.\npackage main\n",
			"cmd/other/main.go":        "// Other measures.\npackage main\n",
			"internal/app/app_test.go": "// Package app_test runs it.\npackage app_test\n",
		}, []string{
			`cmd/other/main.go:1: the package comment begins with "Command "`,
			`internal/blob/blob.go:1: the package comment begins with "Package blob "`,
			"internal/db: has no package comment",
		}},

		{"documentation", "below the bar", map[string]string{
			"internal/db/db.go": source("db", "", `
// A is documented.
type A struct{}
type B struct{}
func (A) M()             {}
func (*B) N()            {}
func (G[T]) O()          {}
func (A) Error() string  { return "" }
func (c) Hidden()        {}
func F()                 {}
type c struct{}
type G[T any] struct{}   // not a comment of the type
// The group.
const (
	X = 1
	Y = 2
)
var V, w = 1, 2
`),
			"internal/db/db_test.go": source("db", "", "func Undocumented() {}"),
			"internal/db/gen.go":     "// Code generated by x. DO NOT EDIT.\n\npackage db\nfunc Generated() {}\n",
		}, []string{
			"internal/db/db.go:6: B has no comment",
			"internal/db/db.go:7: M has no comment",
			"internal/db/db.go:8: N has no comment",
			"internal/db/db.go:9: O has no comment",
			"internal/db/db.go:12: F has no comment",
			"internal/db/db.go:14: G has no comment",
			"internal/db/db.go:20: V has no comment",
		}},
		{"documentation", "one in twenty", map[string]string{
			"internal/db/db.go": source("db", "", strings.Repeat("// F is documented.\nfunc F() {}\n", 19)+"func G() {}\n"),
		}, nil},

		{"functions", "a hundred lines and one more", map[string]string{
			"internal/db/db.go":      source("db", "", "func short() {"+lines(99)+"}\nfunc long() {"+lines(100)+"}\n"),
			"internal/db/db_test.go": source("db", "", "func longTest() {"+lines(100)+"}\n"),
		}, []string{"internal/db/db.go:103: long has 101 lines, more than 100"}},

		{"files", "six hundred lines and one more", map[string]string{
			"internal/db/a.go":      source("db", "", lines(598)),
			"internal/db/b.go":      source("db", "", lines(599)),
			"internal/db/b_test.go": source("db", "", lines(599)),
		}, []string{"internal/db/b.go: has 601 lines, more than 600: split it by act"}},

		{"packages", "three thousand lines and one more", map[string]string{
			"internal/db/a.go":   source("db", "", lines(1498)),
			"internal/db/b.go":   source("db", "", lines(1498)),
			"internal/blob/a.go": source("blob", "", lines(1498)),
			"internal/blob/b.go": source("blob", "", lines(1499)),
		}, []string{"internal/blob: has 3001 lines, more than 3000: split it by concept"}},
	}
	tried := map[string]bool{}
	for _, tt := range tests {
		tried[tt.check] = true
		t.Run(tt.check+"/"+tt.name, func(t *testing.T) {
			i := slices.IndexFunc(Checks, func(c Check) bool { return c.Name == tt.check })
			if diff := cmp.Diff(tt.want, Checks[i].Find(load(t, tt.files))); diff != "" {
				t.Errorf("found (-want +got):\n%s", diff)
			}
		})
	}
	for _, c := range Checks {
		if !tried[c.Name] {
			t.Errorf("%s: nothing shows that this check finds anything", c.Name)
		}
	}
}

// TestLoad refuses what it cannot read, rather than checking half a tree.
func TestLoad(t *testing.T) {
	for name, files := range map[string]map[string]string{
		"no module":  {"a.go": "package a\n"},
		"not Go":     {"go.mod": "module example.org/x\n", "a.go": "pakage a\n"},
		"not a path": {"go.mod": "module example.org/x\n", "a.go": "package a\nimport x\n"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Load(mapFS(files)); err == nil {
				t.Error("no error")
			}
		})
	}
}

func load(t *testing.T, files map[string]string) *Tree {
	t.Helper()
	fsys := mapFS(files)
	fsys["go.mod"] = &fstest.MapFile{Data: []byte("module example.org/countersign\n")}
	tree, err := Load(fsys)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func mapFS(files map[string]string) fstest.MapFS {
	fsys := fstest.MapFS{}
	for name, src := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(src)}
	}
	return fsys
}
