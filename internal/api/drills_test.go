package api

import (
	"net/http"
	"testing"

	"example.org/countersign/client"
	"example.org/countersign/internal/people"
)

// TestDrills records a drill as the operator and as people, and lists it.
func TestDrills(t *testing.T) {
	one(t, func(t *testing.T, o *office) {
		ctx := t.Context()
		o.join(t, "adam", people.Staff, people.Admin)
		o.join(t, "audrey", people.Auditor)
		cp, err := o.Checkpoint(ctx)
		if err != nil {
			t.Fatal(err)
		}
		r := client.Rehearsal{Outcome: "passed", Seconds: 1.5, BackupAt: o.Clock.Now(), Product: "Countersign", FileBytes: 1000, Schema: 21,
			Origin: o.Origin(), Entries: cp.Size, Root: cp.Root[:], Checkpoint: string(cp.Signed), Records: 3, Rows: 30, Blobs: 1, BlobBytes: 100}
		d, err := o.as("operator").RecordDrill(ctx, r)
		if err != nil || d.Outcome != "passed" || d.By != "operator" || d.Live != cp.Size || d.Seconds != 1.5 {
			t.Fatalf("recorded %+v, %v", d, err)
		}
		r.Root = make([]byte, 32)
		if d, err := o.as("adam").RecordDrill(ctx, r); err != nil || d.Outcome != "failed" || d.Finding == "" {
			t.Errorf("a drill of another log: %+v, %v", d, err)
		}
		for name, status := range map[string]int{"ann": http.StatusForbidden, "audrey": http.StatusForbidden} {
			if _, err := o.as(name).RecordDrill(ctx, r); client.Status(err) != status {
				t.Errorf("%s records a drill: %v", name, err)
			}
		}
		r.Outcome = "restored"
		if _, err := o.as("adam").RecordDrill(ctx, r); client.Status(err) != http.StatusUnprocessableEntity {
			t.Errorf("somebody claims a restore: %v", err)
		}
		all, err := o.as("audrey").Drills(ctx)
		if err != nil || len(all) != 2 || all[0].Outcome != "failed" || all[1].ID != d.ID || string(all[1].Root) != string(cp.Root[:]) {
			t.Errorf("listed %+v, %v", all, err)
		}
		if _, err := o.as("ann").Drills(ctx); client.Status(err) != http.StatusForbidden {
			t.Errorf("an analyst lists drills: %v", err)
		}
	})
}
