package recovery_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"

	"example.org/countersign/internal/dbtest"
	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/recovery"
	"example.org/countersign/internal/witness"
)

var lead = ledger.Actor{ID: "ann", Role: "lead"}

// Sealing stops with what a witness showed and goes on with somebody's reason;
// both stay in the record.
func TestAccept(t *testing.T) {
	dbtest.Each(t, recovery.Records(), nil, func(t *testing.T, e *dbtest.Env) {
		var said bytes.Buffer
		d := recovery.New(e.Ledger, e.Dir, slog.New(slog.NewTextHandler(&said, nil)))
		refused := func(reason string, want fault.Kind) {
			t.Helper()
			if _, err := d.Accept(t.Context(), lead, reason); kind(err) != want {
				t.Errorf("%q: %v, want %v", reason, err, want)
			}
		}
		refused("there is nothing to recover from", fault.Conflict)
		origin := e.Origin()
		shown := &witness.Rollback{Size: 0, Seen: 7, Evidence: []byte("a checkpoint"), Witnesses: []string{"sister"}}
		for range 2 { // each node finds it
			if err := d.Halt(t.Context(), shown); err != nil {
				t.Fatal(err)
			}
		}
		if n := strings.Count(said.String(), "level=ERROR"); n != 1 {
			t.Errorf("it was said %d times that sealing stops:\n%s", n, said.String())
		}
		refused("because", fault.Invalid)
		r, err := d.Accept(t.Context(), lead, "The disk is gone, and so is the newer backup.")
		if err != nil {
			t.Fatal(err)
		}
		if r.Seen != 7 || r.Evidence != "a checkpoint" || r.Origin != origin || r.Finding != shown.Error() || e.Origin() == origin {
			t.Errorf("recovery %+v, origin was %s, is %s", r, origin, e.Origin())
		}
		refused("there is nothing to recover from", fault.Conflict)
		if err := e.Write(t.Context(), lead, func(context.Context, *ledger.Tx) error { return nil }); err != nil {
			t.Errorf("after recovery: %v", err)
		}
		if all, err := d.List(t.Context()); err != nil || len(all) != 1 || all[0].Reason != r.Reason {
			t.Errorf("recoveries: %v, %v", all, err)
		}
	})
}

func kind(err error) fault.Kind {
	k, _ := fault.Of(err)
	return k
}
