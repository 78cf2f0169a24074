package backup

import (
	"context"
	"fmt"

	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/ledger"
)

// Outcome of a drill.
type Outcome string

// The outcomes. Only a restore in earnest is Brought: it is the first thing that
// a restored record says.
const (
	Passed  Outcome = "passed"
	Failed  Outcome = "failed"
	Brought Outcome = "restored"
)

// Drill is the record of a restore that was tried (A1.3), or made. Times are Unix
// microseconds. What it says of the backup was measured where it was restored;
// whether the backup's log is the beginning of this one is found here.
type Drill struct {
	ledger.Record
	At      int64   `json:"at"` // when it was recorded
	By      string  `json:"by"`
	Outcome Outcome `json:"outcome"`
	Finding string  `json:"finding"` // what was wrong
	Micros  int64   `json:"micros"`  // how long it took

	BackupAt  int64  `json:"backup_at"`  // 0 where it could not be opened
	KeyringAt int64  `json:"keyring_at"` // of the keyring's backup; 0: with the current keyring
	Product   string `json:"product"`    // that made the backup
	FileBytes int64  `json:"file_bytes"`
	Schema    int64  `json:"schema"`

	Origin     string `json:"origin"`
	Entries    int64  `json:"entries"`
	Root       []byte `json:"root"`
	Checkpoint string `json:"checkpoint"`
	Live       int64  `json:"live"` // entries of this log when the drill was recorded

	Records   int64 `json:"records"` // that were verified
	Rows      int64 `json:"rows"`
	Blobs     int64 `json:"blobs"`
	BlobBytes int64 `json:"blob_bytes"`
}

// Drills is the kind of record.
var Drills = ledger.Define("drill", []string{"at", "outcome", "backup_at"}, func(d *Drill, _ ledger.Index) []any {
	return []any{d.At, string(d.Outcome), d.BackupAt}
})

// Records returns the record kinds of this package.
func Records() []ledger.Records { return []ledger.Records{Drills} }

// Desk keeps the drills of a record.
type Desk struct{ ledger *ledger.Ledger }

// New returns a Desk.
func New(l *ledger.Ledger) *Desk { return &Desk{l} }

// Record makes a drill evidence. One that passed where it was restored fails
// here if the log in the backup is not the beginning of this one: then one of
// the two was rewritten, or is of somebody else.
func (d *Desk) Record(ctx context.Context, actor ledger.Actor, x *Drill) error {
	if err := x.check(); err != nil {
		return err
	}
	cp, err := d.ledger.Checkpoint(ctx)
	if err != nil {
		return err
	}
	x.Live = cp.Size
	if x.Outcome == Passed {
		finding, err := d.compare(ctx, x)
		if err != nil {
			return err
		}
		if finding != "" {
			x.Outcome, x.Finding = Failed, finding
		}
	}
	return d.ledger.Write(ctx, actor, func(_ context.Context, tx *ledger.Tx) error {
		x.ID, x.At, x.By = "", tx.Now.UnixMicro(), actor.ID
		return Drills.Put(tx, x, ledger.Do(string(x.Outcome), "A1.3"))
	})
}

func (d *Drill) check() error {
	switch {
	case d.Outcome != Passed && d.Outcome != Failed:
		return fault.New(fault.Invalid, "outcome: is %q; write passed or failed", d.Outcome)
	case d.Outcome == Passed && (d.Finding != "" || d.BackupAt == 0 || len(d.Root) != 32 || d.Entries < 0):
		return fault.New(fault.Invalid, "a drill that passed has the time, the entries and the root of its backup, and no finding")
	case d.Outcome == Failed && d.Finding == "":
		return fault.New(fault.Invalid, "finding: say what was wrong")
	case len(d.Finding) > 1000 || len(d.Product) > 200 || len(d.Origin) > 200 || len(d.Checkpoint) > 4000:
		return fault.New(fault.Invalid, "a text of the drill is too long")
	}
	return nil
}

// compare says how the log of the backup differs from the beginning of this
// one, "" where it does not.
func (d *Desk) compare(ctx context.Context, x *Drill) (string, error) {
	switch {
	case x.Origin != d.ledger.Origin():
		return fmt.Sprintf("the backup is of another log, %s", x.Origin), nil
	case x.Entries > x.Live:
		return fmt.Sprintf("the backup has %d entries and this log %d: this record was set back", x.Entries, x.Live), nil
	}
	leaves, err := d.ledger.Leaves(ctx, x.Entries)
	if err != nil {
		return "", err
	}
	if root := leaves.Subtree(0, x.Entries); string(root[:]) != string(x.Root) {
		return fmt.Sprintf("the log in the backup is not the beginning of this one: its root at %d entries is another", x.Entries), nil
	}
	return "", nil
}

// List returns the drills, the newest first.
func (d *Desk) List(ctx context.Context) ([]*Drill, error) {
	return Drills.Select(ctx, d.ledger, `ORDER BY r.at DESC, r.entry DESC`)
}
