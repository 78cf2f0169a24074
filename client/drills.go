package client

import (
	"context"
	"net/http"
	"time"
)

// Rehearsal is what came of a restore that was tried, as it was measured there.
type Rehearsal struct {
	Outcome    string    `json:"outcome"` // passed, failed
	Finding    string    `json:"finding,omitempty"`
	Seconds    float64   `json:"seconds"`
	BackupAt   time.Time `json:"backup_at,omitzero"`  // zero where it could not be opened
	KeyringAt  time.Time `json:"keyring_at,omitzero"` // zero for the keyring in use
	Product    string    `json:"product,omitempty"`
	FileBytes  int64     `json:"file_bytes"`
	Schema     int64     `json:"schema"`
	Origin     string    `json:"origin,omitempty"`
	Entries    int64     `json:"entries"`
	Root       []byte    `json:"root,omitempty"`
	Checkpoint string    `json:"checkpoint,omitempty"`
	Records    int64     `json:"records"`
	Rows       int64     `json:"rows"`
	Blobs      int64     `json:"blobs"`
	BlobBytes  int64     `json:"blob_bytes"`
}

// Drill is a restore that was tried, or made in earnest, as it is in the
// record.
type Drill struct {
	ID   string    `json:"id"`
	At   time.Time `json:"at"`
	By   string    `json:"by"`
	Live int64     `json:"live"` // entries of the log when it was recorded
	Rehearsal
}

// RecordDrill makes a drill evidence. The answer may say that it failed where
// the rehearsal passed: the log in the backup is not the beginning of the one
// that is running.
func (c *Client) RecordDrill(ctx context.Context, r Rehearsal) (*Drill, error) {
	return call[Drill](ctx, c, http.MethodPost, "/drills", nil, r)
}

// Drills returns the drills, the newest first.
func (c *Client) Drills(ctx context.Context) ([]Drill, error) {
	out, err := call[struct {
		Drills []Drill `json:"drills"`
	}](ctx, c, http.MethodGet, "/drills", nil, nil)
	if err != nil {
		return nil, err
	}
	return out.Drills, nil
}
