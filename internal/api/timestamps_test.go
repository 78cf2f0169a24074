package api

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/people"
	"example.org/countersign/internal/timestamp"
)

// TestTimestamps lists time stamps to those who verify and gives them out, byte
// for byte.
func TestTimestamps(t *testing.T) {
	one(t, func(t *testing.T, o *office) {
		o.join(t, "adam", people.Staff, people.Admin)
		o.join(t, "audrey", people.Auditor)
		stamp := func(day, token string) *timestamp.Stamp {
			s := &timestamp.Stamp{Day: day, At: 1789464602000000, Time: 1789464601500000, Authority: "https://timestamp.example/tsr", Signer: "CN=Authority",
				Serial: "77", Policy: "1.2.3.4.1", Size: 12, Checkpoint: "origin " + day + "\n12\n", Token: []byte(token)}
			err := o.Write(t.Context(), ledger.System, func(_ context.Context, tx *ledger.Tx) error {
				return timestamp.Stamps.Put(tx, s, ledger.Do("obtained", "CC7.1", "PI1.5"))
			})
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
		get := func(name, path string, want int) string {
			t.Helper()
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, o.server.URL+prefix+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", "Bearer "+o.tokens[name])
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			if err != nil || resp.StatusCode != want {
				t.Errorf("%s gets %s: %d, %v", name, path, resp.StatusCode, err)
			}
			return string(body)
		}
		first, second := stamp("2026-09-15", "\x30\x00\xff\n"), stamp("2026-09-16", "\x30\x01")
		for _, name := range []string{"audrey", "adam", "leo", "operator"} {
			var got struct{ Timestamps []Timestamp }
			if err := json.Unmarshal([]byte(get(name, "/timestamps", http.StatusOK)), &got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]Timestamp{viewTimestamp(second), viewTimestamp(first)}, got.Timestamps); diff != "" {
				t.Errorf("%s: (-want +got)\n%s", name, diff)
			}
		}
		if got := get("audrey", "/timestamps/2026-09-15/token", http.StatusOK); got != string(first.Token) {
			t.Errorf("token %q", got)
		}
		if got := get("audrey", "/timestamps/2026-09-15/checkpoint", http.StatusOK); got != first.Checkpoint {
			t.Errorf("checkpoint %q", got)
		}
		get("audrey", "/timestamps/2026-09-17/token", http.StatusNotFound)
		get("audrey", "/timestamps/today/checkpoint", http.StatusNotFound)
		for _, path := range []string{"/timestamps", "/timestamps/2026-09-15/token", "/timestamps/2026-09-15/checkpoint"} {
			get("ann", path, http.StatusForbidden)
			get("nobody", path, http.StatusUnauthorized)
		}
	})
}
