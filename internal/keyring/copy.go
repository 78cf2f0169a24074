package keyring

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// Row is a part of a keyring as it is copied: a block of keys, or a secret.
type Row struct {
	Block int64  // number of the block, 0 for a secret
	Name  string // of the secret
	Value []byte
}

// Rows calls f with everything in the keyring, as it is in one snapshot. A
// server may use the keyring meanwhile, but cannot finish an erasure in it
// until this has returned. A row is valid until f returns.
func (r *Keyring) Rows(ctx context.Context, f func(Row) error) error {
	opt := &sql.TxOptions{ReadOnly: true} // which SQLite begins without a lock
	if r.postgres {
		opt.Isolation = sql.LevelRepeatableRead
	}
	tx, err := r.db.BeginTx(ctx, opt)
	if err != nil {
		return fmt.Errorf("copy the keyring: %w", err)
	}
	defer tx.Rollback()
	for _, query := range []string{`SELECT n, '', material FROM block ORDER BY n`, `SELECT 0, name, value FROM secret ORDER BY name`} {
		rows, err := tx.QueryContext(ctx, query)
		if err != nil {
			return fmt.Errorf("copy the keyring: %w", err)
		}
		for rows.Next() {
			var x Row
			if err = rows.Scan(&x.Block, &x.Name, &x.Value); err == nil {
				err = f(x)
			}
			if err != nil {
				break
			}
		}
		if err = errors.Join(err, rows.Err(), rows.Close()); err != nil {
			return fmt.Errorf("copy the keyring: %w", err)
		}
	}
	return nil
}

// Fill copies rows into a keyring that has none, all or none of them. fill
// calls add with each.
func (r *Keyring) Fill(ctx context.Context, fill func(add func(Row) error) error) error {
	empty, err := r.Empty(ctx)
	if err != nil {
		return fmt.Errorf("fill the keyring: %w", err)
	}
	if !empty {
		return errors.New("fill the keyring: there is one already")
	}
	tx, err := r.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("fill the keyring: %w", err)
	}
	defer tx.Rollback()
	block := `INSERT INTO block (n, material) VALUES ($1, $2)`
	if r.postgres {
		block = `INSERT INTO block (n, material) OVERRIDING SYSTEM VALUE VALUES ($1, $2)`
	}
	if err := fill(func(x Row) error {
		if x.Block > 0 {
			_, err := tx.ExecContext(ctx, block, x.Block, x.Value)
			return err
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO secret (name, value) VALUES ($1, $2)`, x.Name, x.Value)
		return err
	}); err != nil {
		return err
	}
	if r.postgres { // SQLite counts on by itself
		if _, err := tx.ExecContext(ctx, `SELECT setval(pg_get_serial_sequence('block', 'n'), GREATEST(1, (SELECT MAX(n) FROM block)))`); err != nil {
			return fmt.Errorf("fill the keyring: %w", err)
		}
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("fill the keyring: %w", err)
	}
	return nil
}

// Empty reports whether there is no key and no secret.
func (r *Keyring) Empty(ctx context.Context) (bool, error) {
	var n int64
	err := r.db.QueryRowContext(ctx, `SELECT (SELECT COUNT(*) FROM block) + (SELECT COUNT(*) FROM secret)`).Scan(&n)
	if err != nil {
		return false, fmt.Errorf("read the keyring: %w", err)
	}
	return n == 0, nil
}

// Last returns the number of the last block of keys, 0 where there is none.
func (r *Keyring) Last(ctx context.Context) (n int64, err error) {
	if err := r.db.QueryRowContext(ctx, `SELECT COALESCE(MAX(n), 0) FROM block`).Scan(&n); err != nil {
		return 0, fmt.Errorf("read the keyring: %w", err)
	}
	return n, nil
}
