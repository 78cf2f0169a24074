// Package evidence makes the evidence package of a period: reports, records,
// entries, documents and proofs in one sealed archive that anybody can check
// offline (CC2.3, CC4.1). docs/FORMAT.md says what its files are.
//
//	survey ─ walk ─ tables ─ recount ─ pages ─ seal
//
// Everything in a package speaks of one checkpoint, and of records as they
// stood at the end of the period. Nothing is taken from a table where the log
// can say it: the survey reads the entries under the signed root, the walk
// opens every document of the period against its commitment, and whatever is
// missing or altered ends the making with the record's name.
package evidence

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"

	"example.org/countersign/internal/channel"
	"example.org/countersign/internal/channel/accepted"
	"example.org/countersign/internal/disclose"
	"example.org/countersign/internal/evidence/extract"
	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/keyring"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/people"
	"example.org/countersign/internal/policy"
	"example.org/countersign/internal/response"
	"example.org/countersign/internal/timestamp"
)

// Period is from From until before To, both UTC and whole microseconds.
type Period = extract.Period

// Options of a Desk.
type Options struct {
	Organisation string           // whose record it is, on reports
	Keys         *keyring.Keyring // opens blobs
	Generator    string           // name and version of the product; from the build where empty

	// Witnessed returns the first checkpoint of at least size entries that enough
	// witnesses have cosigned, as a signed note; nil where there is none yet. It
	// is nil where the log has no witnesses.
	Witnessed func(ctx context.Context, size int64) ([]byte, error)

	// Timestamp knows the time stamps of the log; nil where there are none.
	Timestamp *timestamp.Desk

	// Accepted reads the count of the SMTP door; nil where there is none.
	Accepted func(f func(accepted.Line) error) error
}

// BuildOptions say what goes into one package.
type BuildOptions struct {
	WithRaw bool // raw messages and attachments too, but never an anonymous reporter's original
}

// Package is the record of a package that was made. Times are Unix
// microseconds. Its document is the seal: a verifier finds the two hashes and
// the dates in it, and all of it is shown.
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
	Files int64  `json:"files"` // in the manifest

	ManifestSHA256 string `json:"manifest_sha256"` // hex
	ArchiveSHA256  string `json:"archive_sha256"`  // hex, of what is before the seal

	Disclosed *disclose.Disclosure `json:"disclosed"` // the part of it that alone was let out; nil where all was
}

// Rows is how many rows a file of records has.
type Rows struct {
	File string `json:"file"`
	Rows int64  `json:"rows"`
}

// Made is a package that was made and written.
type Made struct {
	Package *Package
	Report  *Report
	Bytes   int64         // of the file
	Sources []SourceCount // what doors counted, against the record
}

// Packages is the kind of record.
var Packages = ledger.Define("package", []string{"begin_at", "end_at", "made_at", "made_by"}, func(p *Package, _ ledger.Index) []any {
	return []any{p.Begin, p.End, p.MadeAt, p.By}
})

// Records returns the record kinds of this package.
func Records() []ledger.Records { return []ledger.Records{Packages} }

// Desk makes packages and reports. It is safe for concurrent use.
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
	if opt.Generator == "" {
		opt.Generator = "Countersign"
		if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
			opt.Generator += " " + info.Main.Version
		}
	}
	return &Desk{l, p, c, pol, in, r, opt}
}

// Build makes the package of a period and writes it to w once it is whole: w
// gets nothing where it fails. It fails with a fault.Conflict around a
// *ledger.Mismatch that names the record where anything is missing or altered.
// progress, which may be nil, is told from time to time how far it has come.
func (d *Desk) Build(ctx context.Context, actor ledger.Actor, p Period, opt BuildOptions, w io.Writer, progress func(stage string, done, total int64)) (*Made, error) {
	if progress == nil {
		progress = func(string, int64, int64) {}
	}
	b := &builder{desk: d, actor: actor, opt: opt, progress: progress, saved: map[string]*saved{}, decided: map[decision]placed{}}
	defer b.close()
	made, err := b.build(ctx, p)
	if err != nil {
		return nil, aborted(err)
	}
	file, err := b.file.Reader()
	if err != nil {
		return nil, err
	}
	if made.Bytes, err = io.Copy(w, file); err != nil {
		return nil, fmt.Errorf("write package: %w", err)
	}
	return made, nil
}

// aborted makes what ended a package an error that its maker may read.
func aborted(err error) error {
	if m, ok := errors.AsType[*ledger.Mismatch](err); ok {
		return &fault.Error{Kind: fault.Conflict, Msg: "nothing was made, because the record is not whole: " + m.Error(), Err: err}
	}
	return err
}

// Made returns the packages that were made, the newest first.
func (d *Desk) Made(ctx context.Context) ([]*Package, error) {
	return Packages.Select(ctx, d.ledger, `ORDER BY r.made_at DESC, r.id`)
}
