package db

// Class says what a table is to the record.
type Class string

// The classes of tables.
const (
	Log     Class = "log"     // entries and payloads: appended by package ledger alone
	Record  Class = "record"  // index rows of records: change only with an entry
	Derived Class = "derived" // rebuilt from records, never backed up
	Work    Class = "work"    // queues, sessions: changed through Tx.Work
)

// Tables lists every table of the database. A test compares it with the schema.
var Tables = map[string]Class{
	"ledger_head":      Log,
	"ledger_entry":     Log,
	"ledger_payload":   Log,
	"ledger_node":      Log,
	"ledger_redacted":  Log,
	"ledger_erasure":   Work,
	"ledger_published": Work,

	"api_request": Work,

	"drill": Record,

	"self_check": Record,

	"timestamp": Record,

	"recovery": Record,

	"spooled_report": Work,

	"publication": Work,

	"casefile":         Record,
	"communication":    Record,
	"confirmation":     Work,
	"repeated_arrival": Work,

	"package": Record,

	"policy": Record,

	"person":          Record,
	"person_link":     Work,
	"person_password": Work,
	"person_recovery": Work,
	"person_session":  Work,
	"person_totp":     Work,
	"sign_in":         Record,
	"sign_in_failure": Work,
	"sign_in_limit":   Work,
	"token":           Record,
	"token_secret":    Work,

	"channel":     Record,
	"dead_letter": Record,
	"job":         Work,

	"disposal":   Record,
	"erasure":    Record,
	"legal_hold": Record,

	"response":          Record,
	"response_autosave": Work,

	"witness_checkpoint":  Work,
	"witness_cosignature": Work,
	"witness_state":       Work,

	"goose_db_version": Work,
}
