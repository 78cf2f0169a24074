package keyring

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

const notePrefix = "note."

// Note keeps a value under a name, for good, with the keys and in whatever
// copies there are of them: what has to be known of keys that are not there any
// more. A name that is there already keeps its value.
func (r *Keyring) Note(ctx context.Context, name string, value []byte) error {
	if _, err := r.db.ExecContext(ctx, `INSERT INTO secret (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING`, notePrefix+name, value); err != nil {
		return fmt.Errorf("note %s: %w", name, err)
	}
	return nil
}

// Notes calls f with every Note.
func (r *Keyring) Notes(ctx context.Context, f func(name string, value []byte) error) error {
	rows, err := r.db.QueryContext(ctx, `SELECT name, value FROM secret WHERE name LIKE 'note.%' ORDER BY name`)
	if err != nil {
		return fmt.Errorf("read notes: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		var value []byte
		if err := rows.Scan(&name, &value); err != nil {
			return fmt.Errorf("read notes: %w", err)
		}
		if err := f(strings.TrimPrefix(name, notePrefix), value); err != nil {
			return err
		}
	}
	return errors.Join(rows.Err(), rows.Close())
}
