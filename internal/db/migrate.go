package db

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strconv"
	"strings"

	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrations embed.FS

// words are the words of the schema that the two databases spell differently.
var words = map[Dialect]*strings.Replacer{
	SQLite:   strings.NewReplacer("{int}", "INTEGER", "{blob}", "BLOB", "{strict}", " STRICT", "{record}", recordColumns("INTEGER")),
	Postgres: strings.NewReplacer("{int}", "BIGINT", "{blob}", "BYTEA", "{strict}", "", "{record}", recordColumns("BIGINT")),
}

// recordColumns are the first columns of every record table: the record's id
// and the index of the entry that made it what it is.
func recordColumns(integer string) string {
	return "id TEXT NOT NULL PRIMARY KEY,\n\tentry " + integer + " NOT NULL"
}

var guards = regexp.MustCompile(`\{guard (\w+)\}`)

// Migrate brings the schema up to date. It only goes forward: a record that
// could be migrated down could be migrated away.
func (d *DB) Migrate(ctx context.Context) error { return d.MigrateTo(ctx, Newest()) }

// MigrateTo is Migrate as far as a version and no further: rows of an older
// release are loaded into the schema that they had.
func (d *DB) MigrateTo(ctx context.Context, newest int64) error {
	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return err
	}
	var steps []*goose.Migration
	for _, name := range names {
		text, err := migrations.ReadFile(name)
		if err != nil {
			return err
		}
		version, err := number(name)
		if err != nil {
			return err
		}
		script := d.expand(string(text))
		steps = append(steps, goose.NewGoMigration(version, &goose.GoFunc{RunTx: func(ctx context.Context, tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, script)
			return err
		}}, nil))
	}
	dialect := goose.DialectSQLite3
	if d.Dialect == Postgres {
		dialect = goose.DialectPostgres
	}
	p, err := goose.NewProvider(dialect, d.write, nil, goose.WithGoMigrations(steps...), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	unlock, err := d.lockSchema(ctx)
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	defer unlock()
	if _, err := p.UpTo(ctx, newest); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}

// lockSchema keeps other nodes of a PostgreSQL from migrating at the same time.
func (d *DB) lockSchema(ctx context.Context) (unlock func(), err error) {
	if d.Dialect == SQLite { // the data directory is locked
		return func() {}, nil
	}
	c, err := d.write.Conn(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := c.ExecContext(ctx, `SELECT pg_advisory_lock(hashtextextended(current_schema(), 4))`); err != nil {
		c.Close()
		return nil, err
	}
	return func() {
		c.ExecContext(context.WithoutCancel(ctx), `SELECT pg_advisory_unlock(hashtextextended(current_schema(), 4))`)
		c.Close()
	}, nil
}

// Newest returns the version of the schema that this release has: the number
// of its last migration.
func Newest() (newest int64) {
	names, err := fs.Glob(migrations, "migrations/*.sql")
	for _, name := range names {
		var n int64
		if n, err = number(name); err != nil {
			break
		}
		newest = max(newest, n)
	}
	if err != nil {
		panic(err) // only what is compiled in can cause it
	}
	return newest
}

func number(name string) (int64, error) {
	version, err := strconv.ParseInt(path.Base(name)[:4], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("migration %s has no number: %w", name, err)
	}
	return version, nil
}

func (d *DB) expand(script string) string {
	script = words[d.Dialect].Replace(script)
	return guards.ReplaceAllStringFunc(script, func(m string) string {
		return guard(d.Dialect, guards.FindStringSubmatch(m)[1])
	})
}

// Script runs schema statements in the words of the migrations. Tests of
// packages that own no tables make theirs with it.
func (d *DB) Script(ctx context.Context, script string) error {
	_, err := d.write.ExecContext(ctx, d.expand(script))
	return err
}
