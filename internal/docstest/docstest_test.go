package docstest

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"example.org/countersign/internal/criteria"
)

// TestDocuments holds the documents of this module to its source.
func TestDocuments(t *testing.T) {
	root := os.DirFS("../..")
	tree, err := Load(root)
	if err != nil {
		t.Fatal(err)
	}
	if len(tree.Docs) < 10 || len(tree.Source.Commands) < 5 || len(tree.Source.Routes) < 50 {
		t.Fatalf("only %d documents, %d commands and %d routes were read", len(tree.Docs), len(tree.Source.Commands), len(tree.Source.Routes))
	}
	for _, c := range Checks {
		t.Run(c.Name, func(t *testing.T) {
			if _, err := fs.Stat(root, images); c.Name == "images" && errors.Is(err, fs.ErrNotExist) {
				t.Skipf("%s is not there: make screenshots photographs the pages", images)
			}
			for _, problem := range c.Find(tree) {
				t.Error(problem)
			}
			if t.Failed() {
				t.Logf("the rule: %s", c.Rule)
			}
		})
	}
}

// house is a module with one of everything.
var house = map[string]string{
	"Makefile":             "build: ## Build\n\tgo build\n",
	"scripts/test":         "echo \"$COUNTERSIGN_TEST_FAST\"\n",
	"internal/db/x.sql":    "",
	"docs/FORMAT.md":       "# Formats\n\n## Entry, in bytes\n",
	"docs/OPERATING.md":    "`countersign serve` `--data DIR` `--smtp-listen` `COUNTERSIGN_DATA` `send-mail`\n\n## The data directory\n\n| name | what |\n|---|---|\n| `lock` | held |\n",
	"docs/PERFORMANCE.md":  "`BenchmarkRatioWrite`\n",
	"docs/users/README.md": "`lead` `admin`\n\n| pages | lead | admin |\n|---|---|---|\n| `/queue` `/cases` | acts | |\n| `/people` | reads | acts |\n",
	"cmd/countersign/main.go": "package main\ntype commands struct { Serve serveCommand `cmd:\"\"` }\n" +
		"type base struct { Data string `env:\"COUNTERSIGN_DATA\"` }\n" +
		"type serveCommand struct { base; SMTPListen string `name:\"smtp-listen\" short:\"s\"`; Path string `arg:\"\"` }\n",
	"internal/people/role.go": "package people\ntype Role string\nconst (\n\tLead Role = \"lead\"\n\tAdmin Role = \"admin\"\n)\n",
	"internal/web/routes.go": "package web\nvar (\n\tpublic = access{public: true}\n\tleads = of(people.Lead)\n\tall = of(people.Roles()...)\n\tadmins = of(people.Admin)\n)\n" +
		"var r = []route{{\"GET /healthz\", public, h}, {\"GET /queue\", leads, h}, {\"POST /cases/{case}/take\", leads, h}, {\"GET /people\", all, h}, {\"POST /people\", admins, h}, {\"GET /{$}\", all, h}}\n",
	"internal/portal/portal.go":   "package portal\nconst static = \"/public/\"\nfunc New() { mux.HandleFunc(\"GET \"+static+\"{name}\", h) }\n",
	"internal/api/routes.go":      "package api\nconst prefix = \"/api/v1\"\nvar r = []route{{\"POST\", \"/cases/{case}/notes\"}}\n",
	"internal/ledger/ledger.go":   "package ledger\nconst SendJob = \"send-mail\"\nvar Memos = ledger.Define(\"memo\", nil)\ntype Memo struct{}\nfunc (m *Memo) Put() { do(\"written\", \"CC2.3\", \"lock\") }\n",
	"internal/ledger/led_test.go": "package ledger_test\nfunc TestMemo(t *testing.T) {}\nfunc BenchmarkRatioWrite(b *testing.B) {}\n",
}

// TestChecks gives every check something to find, and things like it that it
// must leave alone.
func TestChecks(t *testing.T) {
	tests := []struct {
		check, name string
		files       map[string]string
		want        []string
	}{
		{"commands", "misspelt", map[string]string{"README.md": "`countersign server` `countersign serve --date x -q`\n\n```\ngo run ./cmd/countersign serve --data D \\\n  --smtp-listen=off -s x | grep --count y\ncountersign serv\nUser=countersign\n```\n"},
			[]string{`README.md:1: there is no command "server"`, "README.md:1: countersign serve has no flag --date", "README.md:1: countersign serve has no flag -q", `README.md:6: there is no command "serv"`}},
		{"flags", "unknown and undocumented", map[string]string{"README.md": "`--data` `--dat DIR`\n", "docs/OPERATING.md": "`--data`\n"},
			[]string{"README.md:1: no command has a flag --dat", "docs/OPERATING.md: does not name the command serve", "docs/OPERATING.md: does not name COUNTERSIGN_DATA", "docs/OPERATING.md: does not name --smtp-listen of serve"}},
		{"variables", "read by nobody", map[string]string{"README.md": "COUNTERSIGN_DATA COUNTERSIGN_TEST_FAST\nCOUNTERSIGN_DATE COUNTERSIGN_*\n"},
			[]string{"README.md:2: nothing reads COUNTERSIGN_DATE"}},
		{"routes", "served by nothing", map[string]string{"README.md": "`/queue?state=open` `/cases/C-2026-000001/take` `/cases` `/public/app.css` `POST /api/v1/cases/{case}/notes` `/etc/passwd` `GET /healthz` `a/b`\n`/queues` `GET /cases` `POST /queue` `/api/v2` `/queue/1`\n"},
			[]string{"README.md:2: no route serves /queues", "README.md:2: no route serves GET /cases", "README.md:2: no route serves POST /queue", "README.md:2: no route serves /api/v2", "README.md:2: no route serves /queue/1"}},
		{"roles", "otherwise than the table", map[string]string{"docs/users/README.md": "`lead`\n\n| pages | lead | admin |\n|---|---|---|\n| `/queue` | acts | |\n| `/people` | reads | acts |\n"},
			[]string{"docs/users/README.md: does not name the role admin", `docs/users/README.md:5: /queue: lead is said to have "acts" and has "reads"`, "docs/users/README.md: the table of pages lacks /cases"}},
		{"links", "to nowhere", map[string]string{"README.md": "[a](docs/FORMAT.md#entry-in-bytes) [b](https://example.com) `[c](d)` [e](#here)\n## Here\n[f](docs/FORMATS.md) [g](docs/FORMAT.md#exit)\n"},
			[]string{"README.md:3: there is no docs/FORMATS.md", "README.md:3: docs/FORMAT.md has no heading #exit"}},
		{"images", "missing", map[string]string{"README.md": "![a](docs/images/a.png)\n![b](docs/images/b.png)\n", "docs/images/a.png": ""},
			[]string{"README.md:2: there is no picture docs/images/b.png: make screenshots"}},
		{"targets", "not in the Makefile", map[string]string{"README.md": "`make build` make haste\n```\nmake -s built   it\nmakefile\n```\n"},
			[]string{"README.md:3: the Makefile has no target built"}},
		{"paths", "not there", map[string]string{"README.md": "`internal/db/` `internal/db/*.sql` `docs/images/x.png` `docs/FORMAT.md`\n`internal/de` `scripts/*.py`\n"},
			[]string{"README.md:2: there is no internal/de", "README.md:2: there is no scripts/*.py"}},
		{"names", "not in the source", map[string]string{"README.md": "`ledger.Memo.Put` `ledger.Memos` `TestMemo` `ledger.TestMemo` `memo.written` `time.Now` `lock.db`\n`ledger.Memo.Get` `TestNothing` `memo.burnt` `ledger.TestNo`\n"},
			[]string{"README.md:2: package ledger has no Memo.Get", "README.md:2: there is no TestNothing", "README.md:2: no act is called memo.burnt", "README.md:2: package ledger has no TestNo"}},
		{"benchmarks", "not described", map[string]string{"docs/PERFORMANCE.md": "none\n"},
			[]string{"docs/PERFORMANCE.md: does not name BenchmarkRatioWrite"}},
		{"data", "not there, and not said", map[string]string{"docs/OPERATING.md": "## The data directory\n\n| name | what |\n|---|---|\n| `lock` `key/` | held |\n"},
			[]string{"docs/OPERATING.md:5: nothing makes key/", "docs/OPERATING.md: does not name the job send-mail"}},
		{"criteria", "wrong, missing, twice, untested", map[string]string{"README.md": "CC2.3 DC 4\nCC2.9\n", "docs/CONTROLS.md": controlsWithout(t, "CC1.1") + "| CC2.3, CC2.2 | nothing |\n"},
			[]string{"README.md:2: CC2.9 is no criterion", "docs/CONTROLS.md:72: CC2.3 has a row already", "docs/CONTROLS.md:72: CC2.2 has a row already", "docs/CONTROLS.md: CC1.1 is missing", "docs/CONTROLS.md:72: the code cites CC2.3, and its row names no test"}},
		{"criteria", "all there", map[string]string{"docs/CONTROLS.md": controlsWithout(t, "CC2.3") + "| CC2.3 | `ledger.TestMemo` |\n"}, nil},
	}
	tried := map[string]bool{}
	for _, tt := range tests {
		tried[tt.check] = true
		t.Run(tt.check+"/"+tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, find(t, tt.check, tt.files)); diff != "" {
				t.Errorf("found (-want +got):\n%s", diff)
			}
		})
	}
	for _, c := range Checks {
		if !tried[c.Name] {
			t.Errorf("%s: nothing shows that this check finds anything", c.Name)
		}
		if c.Name != "criteria" {
			if found := find(t, c.Name, nil); found != nil {
				t.Errorf("%s finds in a house that is in order: %q", c.Name, found)
			}
		}
	}
}

// controlsWithout is a map of controls with every criterion but one.
func controlsWithout(t *testing.T, but criteria.ID) string {
	t.Helper()
	text := "| criterion | test |\n|---|---|\n"
	for _, c := range criteria.All() {
		if c.ID != but {
			text += "| " + string(c.ID) + " | |\n"
		}
	}
	return text
}

// find runs one check on the house with some files changed.
func find(t *testing.T, check string, files map[string]string) []string {
	t.Helper()
	fsys := fstest.MapFS{}
	for _, set := range []map[string]string{house, files} {
		for name, text := range set {
			fsys[name] = &fstest.MapFile{Data: []byte(text)}
		}
	}
	tree, err := Load(fsys)
	if err != nil {
		t.Fatal(err)
	}
	return Checks[slices.IndexFunc(Checks, func(c Check) bool { return c.Name == check })].Find(tree)
}
