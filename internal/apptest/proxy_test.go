package apptest

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"example.org/countersign/internal/app"
)

// TestTrustedProxy guesses at an account through a proxy: who guesses is
// slowed down, and nobody else behind that proxy. A visitor who comes by
// himself borrows no address.
func TestTrustedProxy(t *testing.T) {
	a, err := app.Open(t.Context(), app.Config{Data: t.TempDir(), TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/24")}})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	guess := func(peer, forwarded string) int {
		r := httptest.NewRequest(http.MethodPost, "/sign-in", strings.NewReader(url.Values{"email": {"lea@northwind.example"}, "password": {"a guess"}}.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("X-Forwarded-For", forwarded)
		r.RemoteAddr = peer
		w := httptest.NewRecorder()
		a.Handler.ServeHTTP(w, r)
		return w.Code
	}
	const refused, throttled = http.StatusForbidden, http.StatusServiceUnavailable
	const burst = 5 // attempts of one account from one address
	for i, forwarded := range []string{"203.0.113.9", "192.0.2.1, 203.0.113.9", "203.0.113.9", "10.0.0.3, 203.0.113.9", "203.0.113.9, 10.0.0.3"} {
		if got := guess("10.0.0.2:4711", forwarded); got != refused {
			t.Fatalf("guess %d: status %d", i, got)
		}
	}
	for _, x := range []struct {
		name, peer, forwarded string
		want                  int
	}{
		{"the visitor who guessed", "10.0.0.2:4711", "203.0.113.9", throttled},
		{"the same, who adds another address", "10.0.0.2:4711", "198.51.100.77, 203.0.113.9", throttled},
		{"the same, past the proxy", "203.0.113.9:99", "", throttled},
		{"another behind the proxy", "10.0.0.2:4711", "203.0.113.10", refused},
		{"one who comes by himself", "198.51.100.3:99", "203.0.113.9", refused},
	} {
		if got := guess(x.peer, x.forwarded); got != x.want {
			t.Errorf("%s: status %d, want %d", x.name, got, x.want)
		}
	}
	for i := 1; i < burst; i++ {
		guess("198.51.100.3:99", "192.0.2."+string(rune('0'+i)))
	}
	if got := guess("198.51.100.3:99", "192.0.2.200"); got != throttled {
		t.Errorf("a stranger who names another address each time: status %d", got)
	}
}
