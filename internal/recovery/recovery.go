// Package recovery is what happens when it turns out that the log was set back:
// witnesses have seen more of it than there is. Going on would fork it, so
// sealing stops on every node, and what arrives is spooled. Somebody then puts
// back the newer data, or accepts the loss and says why: the log goes on under
// another name, with a record that tells what was lost (CC7.4, CC7.5).
package recovery

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"example.org/countersign/internal/durable"
	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/witness"
)

// Recovery is the record of a loss that was accepted.
type Recovery struct {
	ledger.Record
	At        int64    `json:"at"`        // Unix microseconds
	By        string   `json:"by"`        // person or token
	Reason    string   `json:"reason"`    // why the loss is accepted, in the words of who did it
	Finding   string   `json:"finding"`   // why sealing had stopped
	Origin    string   `json:"origin"`    // name of the log before
	Entries   int64    `json:"entries"`   // that there are
	Seen      int64    `json:"seen"`      // that there had been
	Evidence  string   `json:"evidence"`  // checkpoint that the log signed and does not continue; "" where witnesses only said so
	Witnesses []string `json:"witnesses"` // who has seen it, by their names in the policy
}

// Recoveries is the record kind recovery.
var Recoveries = ledger.Define("recovery", []string{"at"}, func(r *Recovery, _ ledger.Index) []any { return []any{r.At} })

// Records returns the record kinds of this package.
func Records() []ledger.Records { return []ledger.Records{Recoveries} }

// Desk stops and resumes sealing.
type Desk struct {
	ledger *ledger.Ledger
	path   string
	log    *slog.Logger
}

// New returns the desk of a ledger. What witnesses showed is kept in dir: the
// record takes nothing while sealing has stopped.
func New(l *ledger.Ledger, dir string, log *slog.Logger) *Desk {
	return &Desk{l, filepath.Join(dir, "rollback.json"), log}
}

// Halt stops sealing because of what witnesses showed.
func (d *Desk) Halt(ctx context.Context, r *witness.Rollback) error {
	b, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("stop sealing: %w", err)
	}
	if err := durable.WriteFile(d.path, b); err != nil { // the finding itself is kept in the head
		d.log.ErrorContext(ctx, "what witnesses showed cannot be kept", "err", err)
	}
	err = d.ledger.Halt(ctx, r.Error())
	if _, already := errors.AsType[*ledger.Halted](err); already {
		return nil
	}
	if err != nil {
		return fmt.Errorf("stop sealing: %w", err)
	}
	d.log.ErrorContext(ctx, "sealing stops; countersign recover --help says what to do", "finding", r.Error())
	return nil
}

// Accept accepts the loss: the log goes on, under another name.
func (d *Desk) Accept(ctx context.Context, actor ledger.Actor, reason string) (*Recovery, error) {
	reason = strings.TrimSpace(reason)
	if len(reason) < 10 || len(reason) > 4000 {
		return nil, fault.New(fault.Invalid, "reason: say in 10 to 4,000 characters why the loss is accepted")
	}
	finding, err := d.ledger.Halted(ctx)
	if err != nil {
		return nil, err
	}
	if finding == "" {
		return nil, fault.New(fault.Conflict, "sealing has not stopped: there is nothing to recover from")
	}
	cp, err := d.ledger.Checkpoint(ctx)
	if err != nil {
		return nil, err
	}
	r := &Recovery{By: actor.ID, Reason: reason, Finding: finding, Origin: d.ledger.Origin(), Entries: cp.Size}
	shown, err := d.shown()
	if err != nil {
		return nil, err
	}
	if shown != nil {
		r.Seen, r.Evidence, r.Witnesses = shown.Seen, string(shown.Evidence), shown.Witnesses
	}
	err = d.ledger.Resume(ctx, actor, func(_ context.Context, tx *ledger.Tx) error {
		r.At = tx.Now.UnixMicro()
		return Recoveries.Put(tx, r, ledger.Do("accepted", "CC7.4", "CC7.5"))
	})
	if err != nil {
		return nil, fmt.Errorf("resume: %w", err)
	}
	if err := os.Remove(d.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		d.log.WarnContext(ctx, "file of a rollback that was recovered from stays", "err", err)
	}
	return r, nil
}

// shown returns what witnesses showed this node, nil where it was another node
// or nothing is kept.
func (d *Desk) shown() (*witness.Rollback, error) {
	b, err := os.ReadFile(d.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var r witness.Rollback
	if err := json.Unmarshal(b, &r); err != nil {
		return nil, fmt.Errorf("%s is damaged; move it away and try again: %w", filepath.Base(d.path), err)
	}
	return &r, nil
}

// List returns the losses that were accepted, the newest first.
func (d *Desk) List(ctx context.Context) ([]*Recovery, error) {
	return Recoveries.Select(ctx, d.ledger, `ORDER BY r.at DESC`)
}
