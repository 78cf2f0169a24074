package api

import (
	"context"
	"encoding/base64"
	"time"

	"example.org/countersign/internal/backup"
	"example.org/countersign/internal/fault"
)

// Rehearsal is what came of a restore that was tried, as it was measured there.
type Rehearsal struct {
	Outcome    string    `json:"outcome" enum:"passed,failed,restored" doc:"A restore in earnest is restored; only the restored record says so"`
	Finding    string    `json:"finding,omitzero" maxLength:"1000" doc:"What was wrong"`
	Seconds    float64   `json:"seconds" minimum:"0" doc:"How long it took"`
	BackupAt   time.Time `json:"backup_at,omitzero" doc:"When the backup was made; absent where it could not be opened"`
	KeyringAt  time.Time `json:"keyring_at,omitzero" doc:"When the backup of the keyring was made; absent for the keyring in use"`
	Product    string    `json:"product,omitzero" maxLength:"200" doc:"That made the backup"`
	FileBytes  int64     `json:"file_bytes" minimum:"0"`
	Schema     int64     `json:"schema" minimum:"0"`
	Origin     string    `json:"origin,omitzero" maxLength:"200" doc:"Of the log in the backup"`
	Entries    int64     `json:"entries" minimum:"0" doc:"Of that log"`
	Root       string    `json:"root,omitzero" maxLength:"60" doc:"Of that log; base64"`
	Checkpoint string    `json:"checkpoint,omitzero" maxLength:"4000" doc:"Of that log, signed"`
	Records    int64     `json:"records" minimum:"0" doc:"That were verified"`
	Rows       int64     `json:"rows" minimum:"0" doc:"Of all tables"`
	Blobs      int64     `json:"blobs" minimum:"0"`
	BlobBytes  int64     `json:"blob_bytes" minimum:"0"`
}

// Drill is a restore that was tried, or made in earnest, as it is in the
// record.
type Drill struct {
	ID   string    `json:"id"`
	At   time.Time `json:"at"`
	By   string    `json:"by"`
	Live int64     `json:"live" doc:"Entries of this log when it was recorded"`
	Rehearsal
}

func viewDrill(d *backup.Drill) Drill {
	return Drill{ID: d.ID, At: at(d.At), By: d.By, Live: d.Live,
		Rehearsal: Rehearsal{Outcome: string(d.Outcome), Finding: d.Finding, Seconds: d.Took().Seconds(), BackupAt: at(d.BackupAt), KeyringAt: at(d.KeyringAt),
			Product: d.Product, FileBytes: d.FileBytes, Schema: d.Schema, Origin: d.Origin, Entries: d.Entries, Root: base64.StdEncoding.EncodeToString(d.Root),
			Checkpoint: d.Checkpoint, Records: d.Records, Rows: d.Rows, Blobs: d.Blobs, BlobBytes: d.BlobBytes}}
}

type recordDrillIn struct{ Body Rehearsal }

type recordDrillOut struct {
	Status int
	Body   Drill
}

// recordDrill makes a drill evidence. Whether its log is the beginning of ours
// is looked up, not believed.
func (d *door) recordDrill(ctx context.Context, in *recordDrillIn) (*recordDrillOut, error) {
	actor, err := acting(ctx, drillers)
	if err != nil {
		return nil, err
	}
	b := in.Body
	root, err := base64.StdEncoding.DecodeString(b.Root)
	if err != nil {
		return nil, fault.New(fault.Invalid, "root: is not base64")
	}
	x := &backup.Drill{Outcome: backup.Outcome(b.Outcome), Finding: b.Finding, Micros: int64(b.Seconds * 1e6), BackupAt: micros(b.BackupAt), KeyringAt: micros(b.KeyringAt),
		Product: b.Product, FileBytes: b.FileBytes, Schema: b.Schema, Origin: b.Origin, Entries: b.Entries, Root: root, Checkpoint: b.Checkpoint,
		Records: b.Records, Rows: b.Rows, Blobs: b.Blobs, BlobBytes: b.BlobBytes}
	if err := d.Backup.Record(ctx, actor, x); err != nil {
		return nil, err
	}
	return &recordDrillOut{201, viewDrill(x)}, nil
}

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

type drillsOut struct {
	Body struct {
		Drills []Drill `json:"drills"`
	}
}

func (d *door) listDrills(ctx context.Context, _ *struct{}) (*drillsOut, error) {
	all, err := d.Backup.List(ctx)
	if err != nil {
		return nil, err
	}
	out := &drillsOut{}
	out.Body.Drills = make([]Drill, len(all))
	for i, x := range all {
		out.Body.Drills[i] = viewDrill(x)
	}
	return out, nil
}
