package tiles_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/tiles"
	"example.org/countersign/internal/witness"
	"example.org/countersign/verify/format"
)

// TestCosigned serves the published checkpoint with the lines of the witnesses
// that cosigned exactly that, as they come.
func TestCosigned(t *testing.T) {
	each(t, func(h *house) {
		ctx := t.Context()
		var away atomic.Bool // the second witness
		text := ""
		for i := range 2 {
			w, err := witness.Open(ctx, t.TempDir(), witness.Options{Name: fmt.Sprint("witness.example/", i), Clock: h.Clock.Now})
			h.must(err)
			t.Cleanup(func() { h.must(w.Close()) })
			_, err = w.Register(ctx, h.VerifierKey())
			h.must(err)
			server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				if i == 1 && away.Load() {
					http.Error(rw, "away", http.StatusServiceUnavailable)
					return
				}
				w.ServeHTTP(rw, r)
			}))
			t.Cleanup(server.Close)
			text += fmt.Sprintf("witness w%d %s %s\n", i, w.Key(), server.URL)
		}
		policy, err := format.ParsePolicy([]byte(text + "group both all w0 w1\nquorum both\n"))
		h.must(err)
		clients, err := witness.Clients(policy)
		h.must(err)
		for _, c := range clients {
			c.Clock = h.Clock.Now
		}
		feeder := witness.NewFeeder(h.Ledger, witness.Source{Head: h.Published, Proof: h.Consistency, Witnesses: clients, Quorum: policy.Met}, nil)
		open := tiles.New(h.Ledger, h.people, tiles.Options{Cookie: cookieName, Open: true, Feeder: feeder}, nil)
		closed := tiles.New(h.Ledger, h.people, tiles.Options{Cookie: cookieName, Feeder: feeder}, nil)
		key, err := format.ParseKey(h.VerifierKey())
		h.must(err)
		tag := ""
		served := func(what string, cp ledger.Checkpoint, lines int) {
			t.Helper()
			w := get(open, "/ledger/checkpoint")
			if w.Code != http.StatusOK || !bytes.HasPrefix(w.Body.Bytes(), cp.Signed) {
				t.Fatalf("%s: %d, %q does not begin with %q", what, w.Code, w.Body, cp.Signed)
			}
			c, err := key.OpenCosigned(w.Body.Bytes())
			if err != nil || c.Checkpoint.Size != cp.Size || len(c.Lines) != lines {
				t.Fatalf("%s: %+v, %v", what, c, err)
			}
			judged, err := policy.Judge(c)
			if err != nil || len(judged.By) != lines || judged.Met != (lines == 2) {
				t.Errorf("%s: %+v, %v", what, judged, err)
			}
			if got := w.Header().Get("ETag"); got == tag {
				t.Errorf("%s: the tag is still %s", what, tag)
			} else {
				tag = got
			}
			if w := get(open, "/ledger/checkpoint", "If-None-Match", tag); w.Code != http.StatusNotModified {
				t.Errorf("%s: sent again to whoever has it: %d", what, w.Code)
			}
			if w := get(closed, "/ledger/checkpoint"); w.Code != http.StatusUnauthorized || strings.Contains(w.Body.String(), "witness.example") {
				t.Errorf("%s: a stranger gets %d %s", what, w.Code, w.Body)
			}
		}
		round := func() {
			t.Helper()
			_, err := feeder.Round(ctx)
			h.must(err)
		}
		h.act(20)
		first := h.publish()
		served("before a witness saw it", first, 0)
		away.Store(true)
		round()
		served("with one witness", first, 1)
		away.Store(false)
		h.act(20) // not published
		round()
		served("with both", first, 2)
		second := h.publish()
		served("another one", second, 0)
		round()
		served("another one, cosigned", second, 2)
	})
}
