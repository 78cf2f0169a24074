package api

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"example.org/countersign/internal/ledger"
)

// TestKept: while sealing has stopped a report is kept, the same one once, and
// its sender is told so; everything else says that it was not saved.
func TestKept(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		if err := o.Halt(t.Context(), "set back"); err != nil {
			t.Fatal(err)
		}
		report := `{"channel": "` + security + `", "text": "A leak."}`
		var first, again, other Receipt
		for _, c := range []struct {
			key string
			out *Receipt
		}{{"one", &first}, {"one", &again}, {"two", &other}} {
			a, body := o.do(t, "ann", http.MethodPost, prefix+"/reports", report, keyHeader, c.key)
			if a.StatusCode != http.StatusAccepted {
				t.Fatalf("status %d %s", a.StatusCode, body)
			}
			if err := json.Unmarshal([]byte(body), c.out); err != nil {
				t.Fatal(err)
			}
		}
		if !first.Kept || !strings.HasPrefix(first.Reference, "S-") || first.Code == "" || first != again || first.Reference == other.Reference {
			t.Errorf("first %+v, again %+v, other %+v", first, again, other)
		}
		if err := o.Resume(t.Context(), ledger.System, func(context.Context, *ledger.Tx) error { return nil }); err != nil {
			t.Fatal(err)
		}
		if _, err := o.kept.Drain(t.Context(), o.desks.Backlog.Take); err != nil {
			t.Fatal(err)
		}
		for _, r := range []Receipt{first, other} {
			number, err := o.desks.Backlog.Open(t.Context(), r.Reference, r.Code)
			if err != nil || number == "" {
				t.Errorf("%s is %q, %v", r.Reference, number, err)
			}
		}
	})
}
