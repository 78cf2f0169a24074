package db

import "fmt"

// The setting of a PostgreSQL transaction that says from which entry on it may
// write records, and what opens it at the head's size. A trigger that looked at
// the head itself, for every row, cost a tenth of the throughput.
const (
	admitted  = `COALESCE(NULLIF(current_setting('countersign.admitted', true), '')::bigint, 9223372036854775807)`
	admitHead = `SELECT set_config('countersign.admitted', size::text, true) FROM ledger_head`
	admitAll  = `SELECT set_config('countersign.admitted', '0', true)`
)

// AdmitAll lets this transaction insert any record: a restore does, before it
// loads the head.
func (c *Conn) AdmitAll() error {
	if c.stmts != nil { // SQLite's guard asks the head, and there is none
		return nil
	}
	return c.Script(admitAll)
}

// guard returns the triggers that make a table append-only. A log table never
// changes, but that a payload may be emptied: that is erasure. A row of a
// record table changes only together with an entry that this very transaction
// appends: its index is at or past the size that the head has until it moves,
// last of all. On PostgreSQL, Begin says which that is; where nothing says so,
// no row changes. Whoever owns the database can switch all this off;
// ledger.Verify finds what was done meanwhile.
func guard(dialect Dialect, table string) string {
	first := "(SELECT size FROM ledger_head)"
	if dialect == Postgres {
		first = admitted
	}
	update, insert := "1=1", ""
	if table == "ledger_payload" {
		update = "length(NEW.body) > 0 OR NEW.idx <> OLD.idx OR NEW.prev <> OLD.prev OR NEW.leaf <> OLD.leaf"
	}
	if Tables[table] == Record {
		insert = "NEW.entry < " + first
		update = "NEW.id <> OLD.id OR NEW.entry <= OLD.entry OR " + insert
	}
	if dialect == SQLite {
		s := fmt.Sprintf(`
CREATE TRIGGER %[1]s_update BEFORE UPDATE ON %[1]s WHEN %[2]s BEGIN SELECT RAISE(ABORT, '%[1]s is append-only'); END;
CREATE TRIGGER %[1]s_delete BEFORE DELETE ON %[1]s BEGIN SELECT RAISE(ABORT, '%[1]s is append-only'); END;`, table, update)
		if insert != "" {
			s += fmt.Sprintf(`
CREATE TRIGGER %[1]s_insert BEFORE INSERT ON %[1]s WHEN %[2]s BEGIN SELECT RAISE(ABORT, '%[1]s needs an entry'); END;`, table, insert)
		}
		return s
	}
	check, events := "", "UPDATE OR DELETE"
	if insert != "" {
		events = "INSERT OR " + events
		check = fmt.Sprintf(`
	IF TG_OP = 'INSERT' THEN IF %s THEN RAISE EXCEPTION '%s needs an entry'; END IF; RETURN NEW; END IF;`, insert, table)
	}
	return fmt.Sprintf(`
CREATE FUNCTION %[1]s_guard() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN%[2]s
	IF TG_OP = 'UPDATE' THEN IF %[3]s THEN RAISE EXCEPTION '%[1]s is append-only'; END IF; RETURN NEW; END IF;
	RAISE EXCEPTION '%[1]s is append-only'; END $$;
CREATE TRIGGER %[1]s_change BEFORE %[4]s ON %[1]s FOR EACH ROW EXECUTE FUNCTION %[1]s_guard();
CREATE TRIGGER %[1]s_truncate BEFORE TRUNCATE ON %[1]s EXECUTE FUNCTION %[1]s_guard();`, table, check, update, events)
}
