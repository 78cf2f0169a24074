package app

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// behind gives requests that come through a trusted proxy the address of the
// visitor, so that every door sees it where it would see that of a visitor who
// comes by himself. Whoever else sends X-Forwarded-For is not believed.
func behind(proxies []netip.Prefix, next http.Handler) http.Handler {
	if len(proxies) == 0 {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if peer, err := netip.ParseAddrPort(r.RemoteAddr); err == nil && trusted(proxies, peer.Addr()) {
			r = r.WithContext(r.Context())
			r.RemoteAddr = netip.AddrPortFrom(visitor(proxies, peer.Addr(), r.Header.Values("X-Forwarded-For")), 0).String()
		}
		next.ServeHTTP(w, r)
	})
}

// visitor returns who asked the outermost proxy of ours. Each proxy adds who
// asked it at the right, so what stands left of the first address that is no
// proxy is what that visitor chose to send.
func visitor(proxies []netip.Prefix, peer netip.Addr, forwarded []string) netip.Addr {
	hops := strings.Split(strings.Join(forwarded, ","), ",")
	for _, hop := range slices.Backward(hops) {
		addr, ok := address(strings.TrimSpace(hop))
		if !ok {
			return peer
		}
		if peer = addr; !trusted(proxies, addr) {
			return addr
		}
	}
	return peer
}

// address reads one hop: an address, as some proxies write it with a port.
func address(hop string) (netip.Addr, bool) {
	if a, err := netip.ParseAddrPort(hop); err == nil {
		return plain(a.Addr()), true
	}
	a, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(hop, "["), "]"))
	return plain(a), err == nil
}

// plain is an address as prefixes compare it.
func plain(a netip.Addr) netip.Addr { return a.Unmap().WithZone("") }

func trusted(proxies []netip.Prefix, a netip.Addr) bool {
	return slices.ContainsFunc(proxies, func(p netip.Prefix) bool { return p.Contains(plain(a)) })
}
