// Package backup takes the record out of the machine and brings it back
// (A1.2, A1.3).
//
//	Write ─► age file ─► Restore ─► a data directory
//	                 └─► Rehearse ─► a Drill, which is recorded
//
// A backup is a logical dump: the rows of every table that is not derived, as
// they stood in one snapshot, typed and without the words of either database,
// the blobs, which are encrypted already, and the few small files of the data
// directory. It is restored into SQLite or PostgreSQL, wherever it came from.
//
// The keys of the record are not in it. They are backed up apart, for a short
// time only: an old backup of the data joined with the current keyring does not
// bring back what was erased since, and an old backup of the keyring would.
//
// Nothing is acknowledged that was not checked. The members of an archive are
// counted and hashed, the count is sealed under the keyring's secret, and what
// was loaded is verified as ledger.Verify does before it becomes a data
// directory.
package backup

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"golang.org/x/mod/sumdb/note"

	"example.org/countersign/internal/keyring"
)

// Kind says what is in an archive.
type Kind string

// The two kinds. They are never in one file.
const (
	Data Kind = "data"
	Keys Kind = "keyring"
)

// format is the first line, as it were, of every archive.
const format = "countersign/backup/1"

// KeyringLife is how long the backup of a keyring is good for: a keyring that
// is older brings back what was erased since.
const KeyringLife = 30 * 24 * time.Hour

// Header is the first member of an archive: what it is, before any of it is
// read.
type Header struct {
	Format  string    `json:"format"`
	Kind    Kind      `json:"kind"`
	MadeAt  time.Time `json:"made_at"`             // UTC
	Expires time.Time `json:"expires_at,omitzero"` // of a keyring
	Product string    `json:"product"`             // name and version
	Keyring string    `json:"keyring"`             // fingerprint of the keyring that belongs to it
	Blocks  int64     `json:"key_blocks"`          // the last block of keys when it was made

	Schema     int64  `json:"schema,omitzero"`     // version of the tables
	Origin     string `json:"origin,omitzero"`     // name of the log
	Entries    int64  `json:"entries,omitzero"`    // its size
	Root       []byte `json:"root,omitzero"`       // and root
	Checkpoint string `json:"checkpoint,omitzero"` // that, signed: C2SP tlog-checkpoint
}

// checkpoint signs a tree as the ledger does (C2SP tlog-checkpoint): the head of
// a snapshot has no signature of its own.
func (s *secret) checkpoint(origin string, size int64, root []byte) (string, error) {
	private := ed25519.NewKeyFromSeed(s.key.Material[:])
	sum := sha256.Sum256(append([]byte(origin+"\n\x01"), private.Public().(ed25519.PublicKey)...))
	signer, err := note.NewSigner(fmt.Sprintf("PRIVATE+KEY+%s+%x+%s", origin, sum[:4],
		base64.StdEncoding.EncodeToString(append([]byte{1}, s.key.Material[:]...))))
	if err != nil {
		return "", fmt.Errorf("sign checkpoint: %w", err)
	}
	signed, err := note.Sign(&note.Note{Text: fmt.Sprintf("%s\n%d\n%s\n", origin, size, base64.StdEncoding.EncodeToString(root))}, signer)
	return string(signed), err
}

// Table counts what an archive has of one table.
type Table struct {
	Name  string `json:"name"`
	Rows  int64  `json:"rows"`
	Bytes int64  `json:"bytes"`
}

// Manifest is the last member but one: what an archive must have. The last is
// its HMAC under the keyring's secret, so that nobody who merely knows the
// recipient can make one up.
type Manifest struct {
	Tables    []Table  `json:"tables,omitzero"`
	Files     []string `json:"files,omitzero"`
	Blobs     int64    `json:"blobs"`
	BlobBytes int64    `json:"blob_bytes"`
	Members   int64    `json:"members"` // before the manifest
	Sums      string   `json:"sums"`    // SHA-256, hex, over the line of each member: hash, size, name
}

// Rows returns how many rows there are of all tables.
func (m *Manifest) Rows() (n int64) {
	for _, t := range m.Tables {
		n += t.Rows
	}
	return n
}

// Damage is what is wrong with an archive.
type Damage struct{ What string }

func (d *Damage) Error() string { return "the backup is damaged: " + d.What }

func damaged(format string, args ...any) error { return &Damage{fmt.Sprintf(format, args...)} }

// The members of an archive.
const (
	headerName   = "backup.json"
	manifestName = "manifest.json"
	sealName     = "manifest.hmac"
)

var (
	tableName = regexp.MustCompile(`^tables/([a-z0-9_]+)/([0-9]{6})\.jsonl$`)
	fileName  = regexp.MustCompile(`^files/([a-z0-9.-]+)$`)
	spoolName = regexp.MustCompile(`^spool/([0-9]{20}-[A-Za-z0-9_-]+\.json)$`)
	blobName  = regexp.MustCompile(`^blobs/([A-Za-z0-9_-]{22})$`)
	sumsName  = regexp.MustCompile(`^sums/[0-9]{6}$`)
)

// files are the small files of a data directory that belong to the record.
// What waits in the spool to be taken into it is backed up as well. Left behind
// are the lock and server.json, which are of one process; rollback.json, which
// speaks of the log before; and the state of a witness, which must never go
// back.
var files = []string{"organisation", policyFile}

const policyFile = "witness-policy.txt"

// PolicyAside is what the witness policy is called in a data directory that was
// restored. It is in force under its own name only: a copy for a trial must not
// ask the witnesses, and what takes the place of the original must not go
// without, so a person says which it is before the record is opened.
const PolicyAside = "witness-policy.restored.txt"

// The places in a data directory.
func databaseIn(dir string) string { return filepath.Join(dir, "countersign.db") }
func keyringIn(dir string) string  { return filepath.Join(dir, "keyring") }
func blobsIn(dir string) string    { return filepath.Join(dir, "blobs") }
func spoolIn(dir string) string    { return filepath.Join(dir, "spool") }

// seedName is the secret of a keyring from which the key of the log comes.
const seedName = "ledger-signing-seed"

// secret is what of a keyring seals manifests and tells keyrings apart. It
// comes from the seed of the signing key, which every keyring has had since its
// record began.
type secret struct{ key keyring.Key }

func (s *secret) fingerprint() string {
	sum := s.key.Derive("countersign/backup/keyring")
	return hex.EncodeToString(sum[:8])
}

func (s *secret) seal(manifest []byte) string {
	key := s.key.Derive("countersign/backup/manifest")
	m := hmac.New(sha256.New, key[:])
	m.Write(manifest)
	return hex.EncodeToString(m.Sum(nil))
}

func there(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
