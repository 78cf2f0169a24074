package app

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
)

func TestBehind(t *testing.T) {
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128"), netip.MustParsePrefix("127.0.0.1/32")}
	var seen string
	door := behind(proxies, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen = r.RemoteAddr }))
	for _, x := range []struct {
		name, peer string
		forwarded  []string
		want       string
	}{
		{"no header", "10.0.0.1:4711", nil, "10.0.0.1:0"},
		{"one proxy", "10.0.0.1:4711", []string{"203.0.113.9"}, "203.0.113.9:0"},
		{"a visitor who makes one up", "10.0.0.1:4711", []string{"192.0.2.1, 203.0.113.9"}, "203.0.113.9:0"},
		{"a visitor who names a proxy", "10.0.0.1:4711", []string{"10.0.0.7, 203.0.113.9"}, "203.0.113.9:0"},
		{"two proxies", "127.0.0.1:4711", []string{"203.0.113.9, 10.0.0.2"}, "203.0.113.9:0"},
		{"several lines", "10.0.0.1:4711", []string{"192.0.2.1", "203.0.113.9", "10.0.0.2"}, "203.0.113.9:0"},
		{"from the inside", "10.0.0.1:4711", []string{"10.1.1.1"}, "10.1.1.1:0"},
		{"IPv6", "[::1]:4711", []string{"2001:db8::7"}, "[2001:db8::7]:0"},
		{"with ports", "[::1]:4711", []string{"[2001:db8::7]:99, 10.0.0.3:80"}, "[2001:db8::7]:0"},
		{"mapped", "[::ffff:10.0.0.1]:4711", []string{"::ffff:203.0.113.9"}, "203.0.113.9:0"},
		{"not an address", "10.0.0.1:4711", []string{"203.0.113.9, unknown"}, "10.0.0.1:0"},
		{"not an address behind a proxy", "10.0.0.1:4711", []string{"203.0.113.9, , 10.0.0.2"}, "10.0.0.2:0"},
		{"spoofed by a stranger", "198.51.100.3:4711", []string{"203.0.113.9"}, "198.51.100.3:4711"},
		{"spoofed by a stranger, as a proxy", "198.51.100.3:4711", []string{"10.0.0.1"}, "198.51.100.3:4711"},
		{"no address of a peer", "@", []string{"203.0.113.9"}, "@"},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr, r.Header["X-Forwarded-For"] = x.peer, x.forwarded
		door.ServeHTTP(httptest.NewRecorder(), r)
		if seen != x.want {
			t.Errorf("%s: %s, want %s", x.name, seen, x.want)
		}
		if r.RemoteAddr != x.peer {
			t.Errorf("%s: the request of the caller was changed", x.name)
		}
	}
	behind(nil, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen = r.RemoteAddr })).
		ServeHTTP(httptest.NewRecorder(), &http.Request{RemoteAddr: "127.0.0.1:1", Header: http.Header{"X-Forwarded-For": {"203.0.113.9"}}})
	if seen != "127.0.0.1:1" {
		t.Errorf("without a proxy that is trusted, %s", seen)
	}
}
