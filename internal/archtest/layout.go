package archtest

import (
	"fmt"
	"strings"
)

// A tier is a package's height in tenths: 52 is tier 5.2. A package imports
// lower tiers only, so packages of one tier do not know each other. Where a
// concept leans on its neighbour, the tenths say which way.
type tier int

func (h tier) String() string { return fmt.Sprintf("%d.%d", h/10, h%10) }

// tiers places every package that is part of the product.
var tiers = map[string]tier{
	// Vocabulary, no I/O. Everybody may speak of a fault.
	"internal/fault":         0,
	"verify/format":          0, // the bytes of entries and packages, shared by those who write and those who check
	"internal/design/phrase": 1,
	"internal/id":            1,
	"internal/durable":       1,
	"internal/clock":         1,
	"internal/criteria":      1,

	// Mechanism. Keys are rows, and blobs are encrypted under keys.
	"verify":                10,
	"internal/db":           10,
	"internal/mime/field":   1,
	"internal/mime":         10,
	"internal/rules":        10,
	"internal/design/chart": 10,
	"internal/design":       11,
	"internal/paper":        12,
	"internal/keyring":      11,
	"internal/blob":         12,
	"internal/spool":        13,
	"internal/document":     13,

	"internal/ledger": 20,

	"internal/jobs":    30,
	"internal/people":  30,
	"internal/witness": 30, // knows of the ledger no more than its checkpoints

	"internal/channel":          40,
	"internal/policy":           40,
	"internal/selfcheck":        40,
	"internal/timestamp":        40,
	"internal/recovery":         40,
	"internal/party":            40,
	"internal/channel/relay":    41, // adapters know the channel that they serve
	"internal/channel/smtpd":    41,
	"internal/channel/accepted": 41,

	"internal/intake/mbox":   1, // formats that only intake reads
	"internal/intake/redraw": 1,
	"internal/intake/number": 42, // tracking numbers, which only intake gives

	// The order of the process.
	"internal/intake":   50,
	"internal/triage":   51,
	"internal/response": 52,
	"internal/incident": 53,
	"internal/status":   54,
	"internal/exercise": 55,

	"internal/backlog": 56, // receives what intake cannot record yet
	"internal/receipt": 56, // proves to outsiders what intake recorded

	"internal/retention": 57, // lets go of what all before it keep, on the record that evidence shows

	"internal/control":  60,
	"internal/audit":    60,
	"internal/trust":    60,
	"internal/evidence": 60,
	"internal/backup":   60,

	"internal/disclose": 58, // of a package alone, it knows no record

	"internal/evidence/extract": 58, // what of the log a package is made of
	"internal/evidence/recount": 58, // apart from what it checks
	"internal/evidence/sheet":   59, // rows and tables

	"internal/disclosure": 61, // makes a package of a case's time and shows less of it

	"internal/board": 70,

	"internal/web":    80,
	"internal/portal": 80,
	"internal/api":    80,
	"internal/tiles":  80, // the log, for those who check it

	"client":       90, // only the command line uses it
	"internal/app": 90,

	"internal/demo": 95,

	"cmd/countersign": 100,
}

// roomy lists the packages that may be longer than maxPackage, and why.
var roomy = map[string]int{
	"internal/intake": 3100, // mail, reports and imports, each read, judged, joined and confirmed in its own way
	"internal/api":    3200, // one door, one route table, as web
	"internal/web":    6300, // one door, one route table: thin handlers, as many as there are pages
}

// support lists the packages that only tests use. They stand outside the
// tiers and may look at everything; nothing of the product may import them.
var support = map[string]bool{
	"internal/archtest":    true,
	"internal/apptest":     true,
	"internal/browsertest": true,
	"internal/dbtest":      true,
	"internal/docstest":    true,
	"internal/fakes":       true, // and the packages below it
	"internal/hostile":     true,
	"internal/pgtest":      true,
	"internal/testenv":     true,
}

// isSupport reports whether a package is one that only tests use.
func isSupport(pkg string) bool {
	return support[pkg] || strings.HasPrefix(pkg, "internal/fakes/")
}

// closed lists the public packages, which others compile into programs of
// their own, and what of this module they may import. Beyond that, the
// standard library only.
var closed = map[string][]string{
	"verify":        {"verify/format"},
	"verify/format": nil,
	"client":        nil,
}

// A fence keeps an import to a few packages.
type fence struct {
	path     string   // the import, and what is below it
	packages []string // who may import it
	files    string   // a file name that may as well, in any package
}

var fences = []fence{
	{
		path: "database/sql",
		packages: []string{
			"internal/db", "internal/ledger", "internal/jobs", "internal/board",
			"internal/keyring", // a database of its own, apart from the record
		},
		files: "store.go",
	},
	{
		path: "net/http",
		packages: []string{
			"internal/web", "internal/portal", "internal/api", "internal/tiles", "internal/app",
			"client", "cmd/countersign", "internal/demo", // these call a server
			"internal/witness",   // a protocol between machines: both of its ends
			"internal/timestamp", // calls an authority
		},
	},
}

// A ban keeps names of the standard library to a few packages.
type ban struct {
	path     string   // the package of the standard library
	names    []string // what of it
	packages []string // who may
	instead  string
}

var bans = []ban{
	{
		path:     "time",
		names:    []string{"Now", "Since", "Until"},
		packages: []string{"internal/clock"},
		instead:  "take the time from a clock.Clock, so that a test can set it",
	},
	{
		path:     "os",
		names:    []string{"Getenv", "LookupEnv", "Environ", "ExpandEnv"},
		packages: []string{"cmd/countersign"},
		instead:  "take it as a parameter: only the command line reads the environment",
	},
	{
		path: "net/http",
		names: []string{
			"ListenAndServe", "ListenAndServeTLS", "Serve", "ServeTLS", "Server",
			"NewServeMux", "ServeMux", "Handle", "HandleFunc",
		},
		packages: []string{
			"internal/web", "internal/portal", "internal/api", "internal/app",
			"internal/witness", // runs alone, without the product around it
		},
		instead: "serve from web, portal or api",
	},
}

// services names the variables that point tests at a real service, and the
// one package that reads each: it knows when a missing service is a failure.
var services = map[string]string{
	"COUNTERSIGN_TEST_POSTGRES": "internal/pgtest",
	"COUNTERSIGN_TEST_CHROMIUM": "internal/browsertest",
}

// Budgets that readable Go keeps. Lines are counted as an editor does, without
// tests and generated files.
const (
	maxFunc       = 100
	maxFile       = 600
	maxPackage    = 3000
	minDocPercent = 95
)

// long lists the files that may pass maxFile, each with its reason. Tables
// have one; nothing else does.
var long = map[string]string{}
