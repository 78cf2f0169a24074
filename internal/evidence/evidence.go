// Package evidence makes the evidence package of a period: reports, records,
// entries, documents and proofs in one sealed archive that anybody can check
// offline (CC2.3, CC4.1). docs/FORMAT.md says what is in it.
package evidence

import (
	"context"
	"errors"
	"io"
	"time"

	"example.org/countersign/internal/channel"
	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/keyring"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/people"
	"example.org/countersign/internal/policy"
	"example.org/countersign/internal/response"
)

// Period is from From until before To, both UTC and whole microseconds.
type Period struct{ From, To time.Time }

// Options of a Desk.
type Options struct {
	Organisation string           // whose record it is, on reports
	Keys         *keyring.Keyring // opens blobs
	Generator    string           // name and version of the product
}

// BuildOptions say what goes into one package.
type BuildOptions struct {
	WithRaw bool // raw messages and attachments too, but never an anonymous reporter's original
}

// Package is the record of a package that was made. Times are Unix
// microseconds.
type Package struct {
	ledger.Record
	From  string `json:"from"`  // first day, UTC
	To    string `json:"to"`    // last day
	Begin int64  `json:"begin"` // the period exactly
	End   int64  `json:"end"`   // excluded

	By        string `json:"by"` // id of the person
	MadeAt    int64  `json:"made_at"`
	WithRaw   bool   `json:"with_raw"`
	Generator string `json:"generator"`

	Tree  int64  `json:"tree"`  // entries of the log that it speaks of
	First int64  `json:"first"` // entry of the range
	Count int64  `json:"count"` // entries in the range
	Rows  []Rows `json:"rows"`  // of each file below records/
	Files int64  `json:"files"`

	ManifestSHA256 string `json:"manifest_sha256"` // hex
	ArchiveSHA256  string `json:"archive_sha256"`  // hex, of what is before the seal
}

// Rows is how many rows a file of records has.
type Rows struct {
	File string `json:"file"`
	Rows int64  `json:"rows"`
}

// Made is a package that was made and written.
type Made struct {
	Package *Package
	Bytes   int64 // of the file
}

// Packages is the kind of record.
var Packages = ledger.Define("package", []string{"begin_at", "end_at", "made_at", "made_by"}, func(p *Package, _ ledger.Index) []any {
	return []any{p.Begin, p.End, p.MadeAt, p.By}
})

// Records returns the record kinds of this package.
func Records() []ledger.Records { return []ledger.Records{Packages} }

// Desk makes packages and reports.
type Desk struct {
	ledger    *ledger.Ledger
	people    *people.Desk
	channels  *channel.Desk
	policies  *policy.Desk
	intake    *intake.Desk
	responses *response.Desk
	opt       Options
}

// New returns a Desk.
func New(l *ledger.Ledger, p *people.Desk, c *channel.Desk, pol *policy.Desk, in *intake.Desk, r *response.Desk, opt Options) *Desk {
	return &Desk{l, p, c, pol, in, r, opt}
}

// Build makes the package of a period and writes it to w once it is whole: w
// gets nothing where it fails. It fails with a *ledger.Mismatch that names the
// record where anything is missing or altered. progress, which may be nil, is
// told from time to time how far it has come.
func (d *Desk) Build(ctx context.Context, actor ledger.Actor, p Period, opt BuildOptions, w io.Writer, progress func(stage string, done, total int64)) (*Made, error) {
	return nil, errors.New("evidence: not built yet")
}

// Made returns the packages that were made, the newest first.
func (d *Desk) Made(ctx context.Context) ([]*Package, error) {
	return Packages.Select(ctx, d.ledger, `ORDER BY r.made_at DESC, r.id`)
}

// Report computes the numbers of a period.
func (d *Desk) Report(ctx context.Context, p Period) (*Report, error) {
	return nil, errors.New("evidence: not built yet")
}
