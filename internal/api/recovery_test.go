package api

import (
	"net/http"
	"testing"

	"example.org/countersign/client"
	"example.org/countersign/internal/people"
)

// TestRecovery: who may say that a loss is accepted, and that it is needed.
func TestRecovery(t *testing.T) {
	one(t, func(t *testing.T, o *office) {
		ctx := t.Context()
		o.join(t, "adam", people.Staff, people.Admin)
		const reason = "The disk is gone, and so is the newer backup."
		if _, err := o.as("operator").Recover(ctx, reason); client.Status(err) != http.StatusConflict {
			t.Errorf("nothing to recover from: %v", err)
		}
		if err := o.Halt(ctx, "a witness has seen more"); err != nil {
			t.Fatal(err)
		}
		if s, err := o.as("operator").Sealing(ctx); err != nil || s.Halted != "a witness has seen more" || len(s.Recoveries) != 0 {
			t.Errorf("halted: %+v, %v", s, err)
		}
		if _, err := o.as("adam").Recover(ctx, reason); client.Status(err) != http.StatusForbidden {
			t.Errorf("an administrator accepts the loss: %v", err)
		}
		if _, err := o.as("operator").Recover(ctx, "gone"); client.Status(err) != http.StatusUnprocessableEntity {
			t.Errorf("without a reason: %v", err)
		}
		r, err := o.as("leo").Recover(ctx, reason)
		if err != nil || r.Recovery.Reason != reason || r.Key != o.VerifierKey() {
			t.Fatalf("recovered: %+v, %v", r, err)
		}
		if s, err := o.as("leo").Sealing(ctx); err != nil || s.Halted != "" || len(s.Recoveries) != 1 || s.Recoveries[0].By != o.ids["leo"] {
			t.Errorf("sealing again: %+v, %v", s, err)
		}
	})
}
