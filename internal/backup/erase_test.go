package backup

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/pgtest"
)

// TestErased restores a backup that is older than an erasure. With the current
// keyring what was erased stays erased, and all the rest verifies; with an older
// keyring it comes back, which is why such a one is refused after a while.
func TestErased(t *testing.T) {
	both(t, func(t *testing.T, database string) {
		ctx := t.Context()
		h := open(t, filepath.Join(t.TempDir(), "data"), database)
		h.fill(t)
		all, err := intake.Communications.Select(ctx, h, `ORDER BY r.seq`)
		if err != nil {
			t.Fatal(err)
		}
		whole, part, twice := all[3], all[7], all[11]
		before, _ := h.backup(t)
		ring := h.keyringBackup(t)
		erase(t, h, whole.ID, intake.Content)
		erase(t, h, part.ID, intake.Identity)
		erase(t, h, twice.ID, intake.Identity)
		erase(t, h, twice.ID, intake.Content)
		after, _ := h.backup(t)

		for _, to := range []string{"", pgtest.DSN(t)} {
			r := h.plan(t, to)
			r.Complete, r.Reason = true, ""
			refused(t, r, before, fmt.Sprintf("has 20 entries, and the keyring knows that records were erased after it: 3, the last by entry 24 on %s", start.Format("2006-01-02")))
			r.Complete, r.Reason = false, "All the newer data are lost."
			if _, err := Restore(ctx, r, bytes.NewReader(before)); err != nil {
				t.Errorf("with a reason, where it had been called complete: %v", err)
			}
		}

		r := h.plan(t, "")
		restored, err := Restore(ctx, r, bytes.NewReader(before))
		if err != nil || restored.Erased != 3 {
			t.Fatalf("with the current keyring: %+v, %v", restored, err)
		}
		again := open(t, r.Data, "")
		for id, want := range map[string]string{whole.ID: "", part.ID: part.Text, twice.ID: ""} {
			m, err := intake.Communications.Load(ctx, again, id)
			if err != nil || m.Text != want || len(m.Erasures) == 0 || m.MessageID != "" {
				t.Errorf("after the restore: %+v, %v", m, err)
			}
			old, err := intake.Communications.History(ctx, again, id)
			if err != nil || !old[0].Erased || old[0].Doc.MessageID != "" || old[0].Doc.Text != want {
				t.Errorf("its first version: %+v, %v", old, err)
			}
		}
		for _, m := range []*intake.Communication{whole, twice} {
			name := m.Attachments[0].Blob.Name
			if there(filepath.Join(blobsIn(r.Data), name[:2], name)) {
				t.Error("the file of an erased attachment is back")
			}
		}
		if n, err := again.Replay(ctx); n != 0 || err != nil {
			t.Errorf("replayed again: %d, %v", n, err)
		}
		if _, err := again.Verify(ctx, ledger.Options{Full: true}); err != nil {
			t.Error(err)
		}

		r = h.plan(t, "")
		if restored, err := Restore(ctx, r, bytes.NewReader(after)); err != nil || restored.Erased != 0 {
			t.Errorf("a backup of after the erasure: %+v, %v", restored, err)
		}
		r = h.plan(t, "")
		r.Keyring = ring
		if restored, err := Restore(ctx, r, bytes.NewReader(before)); err != nil || restored.Erased != 0 {
			t.Errorf("both of before the erasure: %+v, %v", restored, err)
		}
		if m, err := intake.Communications.Load(ctx, open(t, r.Data, ""), whole.ID); err != nil || m.Text != whole.Text {
			t.Errorf("with a keyring that still has the key: %+v, %v", m, err)
		}
		r = h.plan(t, "")
		r.Data = h.dir
		if d := h.drill(t, r, before); d.Outcome != Passed {
			t.Errorf("drill of a backup from before the erasure: %+v", d)
		}
		if _, err := h.Verify(ctx, ledger.Options{Full: true}); err != nil {
			t.Error(err)
		}
	})
}

// TestComplete holds what is said to be the whole log against a keyring that saw
// something recorded after the backup, and erased, of which the backup has
// nothing; once that loss was accepted, it is in nobody's way any more.
func TestComplete(t *testing.T) {
	both(t, func(t *testing.T, database string) {
		ctx := t.Context()
		h := open(t, filepath.Join(t.TempDir(), "data"), database)
		h.fill(t)
		before, _ := h.backup(t)
		h.clock.Advance(time.Hour)
		if err := h.say(ctx, "case", 20, "after the backup", nil); err != nil {
			t.Fatal(err)
		}
		all, err := intake.Communications.Select(ctx, h, `ORDER BY r.seq DESC LIMIT 1`)
		if err != nil {
			t.Fatal(err)
		}
		erase(t, h, all[0].ID, intake.Content)
		after, _ := h.backup(t)

		r := h.plan(t, "")
		r.Complete = true
		refused(t, r, before, "give one of them")
		r.Reason = ""
		refused(t, r, before, "erased after it: 1, the last by entry 22 on 2026-09-15 10:30 UTC")
		if _, err := Restore(ctx, r, bytes.NewReader(after)); err != nil {
			t.Errorf("a backup that is complete: %v", err)
		}

		h.clock.Advance(time.Hour)
		r = h.plan(t, "")
		if _, err := Restore(ctx, r, bytes.NewReader(before)); err != nil {
			t.Fatal(err)
		}
		h = open(t, r.Data, "")
		moved, _ := h.backup(t)
		r = h.plan(t, "")
		r.Complete, r.Reason = true, ""
		if restored, err := Restore(ctx, r, bytes.NewReader(moved)); err != nil || restored.Erased != 0 {
			t.Errorf("a complete backup of what was restored: %+v, %v", restored, err)
		}
	})
}

func erase(t *testing.T, h *house, id string, part intake.Part) {
	t.Helper()
	if err := h.Write(t.Context(), ann, func(ctx context.Context, tx *ledger.Tx) error {
		m, err := intake.Communications.Load(ctx, tx, id)
		if err != nil {
			return err
		}
		return intake.EraseCommunication(ctx, tx, m, intake.Erasure{ID: string(part), At: tx.Now.UnixMicro(), Part: part, Basis: "GDPR"}, nil)
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := h.FinishErasures(t.Context()); err != nil {
		t.Fatal(err)
	}
}
