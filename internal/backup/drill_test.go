package backup

import (
	"bytes"
	"context"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"

	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/ledger"
)

// drill rehearses a file as the command does and records what came of it.
func (h *house) drill(t *testing.T, r Restoration, file []byte) *Drill {
	t.Helper()
	d, err := Rehearse(t.Context(), r, bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	if err := New(h.Ledger).Record(t.Context(), ann, d); err != nil {
		t.Fatal(err)
	}
	if there(h.dir + ".drill") {
		t.Error("the scratch place is left")
	}
	return d
}

// TestDrill tries backups that can be restored, and some that cannot. All of it
// is in the record.
func TestDrill(t *testing.T) {
	both(t, func(t *testing.T, database string) {
		h := open(t, filepath.Join(t.TempDir(), "data"), database)
		h.fill(t)
		file, _ := h.backup(t)
		h.say(t.Context(), "case", 50, "later", nil)
		r := h.plan(t, "")
		r.Data = h.dir

		d := h.drill(t, r, file)
		if d.Outcome != Passed || d.Finding != "" || d.Entries != 20 || d.Live != 21 || d.Records != 20 || d.Blobs != 21 || d.FileBytes != int64(len(file)) ||
			d.BackupAt != start.UnixMicro() || d.KeyringAt != 0 || !strings.HasPrefix(d.Checkpoint, h.Origin()+"\n20\n") {
			t.Errorf("drill %+v", d)
		}
		r.Keyring = h.keyringBackup(t)
		if d := h.drill(t, r, file); d.Outcome != Passed || d.KeyringAt != start.UnixMicro() {
			t.Errorf("drill with the backup of the keyring %+v", d)
		}
		altered := bytes.Clone(file)
		altered[len(file)/2] ^= 1
		if d := h.drill(t, r, altered); d.Outcome != Failed || !strings.Contains(d.Finding, "altered") || d.BackupAt != start.UnixMicro() {
			t.Errorf("drill of an altered backup %+v", d)
		}
		r.Identities = []age.Identity{mustIdentity(t)}
		if d := h.drill(t, r, file); d.Outcome != Failed || !strings.Contains(d.Finding, "identity") || d.BackupAt != 0 {
			t.Errorf("drill with another identity %+v", d)
		}
		all, err := New(h.Ledger).List(t.Context())
		if err != nil || len(all) != 4 || all[0].BackupAt != 0 || all[3].Outcome != Passed || all[3].By != "ann" {
			t.Errorf("listed %d drills, %v", len(all), err)
		}
		if _, err := h.Verify(t.Context(), ledger.Options{Full: true}); err != nil {
			t.Error(err)
		}
	})
}

func mustIdentity(t *testing.T) age.Identity {
	k, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// TestDrillFindings records drills of backups that are not of this record.
func TestDrillFindings(t *testing.T) {
	h := open(t, filepath.Join(t.TempDir(), "data"), "")
	h.fill(t)
	file, made := h.backup(t)
	r := h.plan(t, "")
	good := h.drill(t, func() Restoration { r := r; r.Data = h.dir; return r }(), file)

	// A record that was set back, and then went another way.
	r.Complete, r.Reason = true, ""
	if _, err := Restore(t.Context(), r, bytes.NewReader(file)); err != nil {
		t.Fatal(err)
	}
	h.say(t.Context(), "case", 60, "this way", nil)
	later, _ := h.backup(t)
	fork := open(t, r.Data, "")
	r.Data = fork.dir
	if d := fork.drill(t, r, later); d.Outcome != Failed || !strings.Contains(d.Finding, "set back") {
		t.Errorf("drill of a backup that is ahead: %+v", d)
	}
	for i := range 5 {
		fork.say(t.Context(), "case", 61+i, "that way", nil)
	}
	if d := fork.drill(t, r, later); d.Outcome != Failed || !strings.Contains(d.Finding, "not the beginning of this one") {
		t.Errorf("drill of a backup of a fork: %+v", d)
	}
	for name, spoil := range map[string]func(d *Drill){
		"outcome":  func(d *Drill) { d.Outcome = "fine" },
		"no root":  func(d *Drill) { d.Root = nil },
		"finding":  func(d *Drill) { d.Finding = "but" },
		"negative": func(d *Drill) { d.Entries = -1 },
		"silent":   func(d *Drill) { d.Outcome, d.Finding = Failed, "" },
		"long":     func(d *Drill) { d.Outcome, d.Finding = Failed, strings.Repeat("x", 2000) },
	} {
		d := &Drill{Outcome: Passed, BackupAt: good.BackupAt, Entries: made.Header.Entries, Root: made.Header.Root, Origin: made.Header.Origin}
		spoil(d)
		if kind, _ := fault.Of(New(h.Ledger).Record(context.Background(), ann, d)); kind != fault.Invalid {
			t.Errorf("%s: %v, want Invalid", name, kind)
		}
	}
	foreign := &Drill{Outcome: Passed, BackupAt: 1, Entries: 1, Root: made.Header.Root, Origin: "countersign/other"}
	if err := New(h.Ledger).Record(t.Context(), ann, foreign); err != nil || foreign.Outcome != Failed || !strings.Contains(foreign.Finding, "another log") {
		t.Errorf("drill of another log: %+v, %v", foreign, err)
	}
}
