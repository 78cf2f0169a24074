package policy

import (
	"context"

	"example.org/countersign/internal/db"
	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/ledger"
)

const inForceOf = `WHERE r.kind = $1 AND r.name = $2 AND r.state = 'in-force'`

// Stamp is the SQL of a value that changes with every change of any policy:
// Set.Stamp of what is in force. Whoever asks the database something anyway can
// ask for it by the way, instead of calling Current.
const Stamp = `(SELECT COALESCE(MAX(entry), -1) FROM policy)`

func stamp(ctx context.Context, src ledger.Source) (n int64, err error) {
	_, err = src.One(ctx, `SELECT `+Stamp, nil, &n)
	return n, err
}

// names returns the kinds and names of which there is a version, as labels of
// version 0.
func names(ctx context.Context, src ledger.Source) (map[string]bool, error) {
	known := map[string]bool{}
	err := src.Each(ctx, func(scan db.Scan) error {
		var kind, name string
		if err := scan(&kind, &name); err != nil {
			return err
		}
		known[label(Kind(kind), name, 0)] = true
		return nil
	}, `SELECT DISTINCT kind, name FROM policy`)
	return known, err
}

// nextVersion returns the number of the next version of a policy: the one after
// the highest in the record. Turns are serial, so that nobody else takes it.
func nextVersion(ctx context.Context, tx *ledger.Tx, kind Kind, name string) (n int64, err error) {
	_, err = tx.One(ctx, `SELECT COALESCE(MAX(version), 0) + 1 FROM policy WHERE kind = $1 AND name = $2`, []any{string(kind), name}, &n)
	return n, err
}

// Find returns one version.
func (d *Desk) Find(ctx context.Context, src ledger.Source, id string) (*Policy, error) {
	return Policies.Load(ctx, src, id)
}

// At returns the version that a label names, as records keep it.
func (d *Desk) At(ctx context.Context, src ledger.Source, l string) (*Policy, error) {
	kind, name, version, ok := parseLabel(l)
	if ok {
		found, err := Policies.Select(ctx, src, `WHERE r.kind = $1 AND r.name = $2 AND r.version = $3`, string(kind), name, version)
		if err != nil {
			return nil, err
		}
		if len(found) == 1 {
			return found[0], nil
		}
	}
	return nil, fault.New(fault.NotFound, "there is no version %q of a policy", l)
}

// List returns every version, by kind and name, the newest first.
func (d *Desk) List(ctx context.Context, src ledger.Source) ([]*Policy, error) {
	return Policies.Select(ctx, src, `ORDER BY r.kind, r.name, r.version DESC`)
}

// inForce returns what is in force.
func inForce(ctx context.Context, src ledger.Source) ([]*Policy, error) {
	return Policies.Select(ctx, src, `WHERE r.state = 'in-force' ORDER BY r.kind, r.name`)
}
