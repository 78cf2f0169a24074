package relay

import "time"

// SetWaits makes r patient for d at every step.
func (r *Relay) SetWaits(d time.Duration) { r.wait = waits{d, d, d, d} }

// Security tells what New has made of a URL.
func (r *Relay) Security() string {
	return map[security]string{opportunistic: "opportunistic", verified: "verified", implicit: "implicit", never: "never"}[r.security] + " " + r.addr
}

// Recipients are those of m, nil where it cannot be sent.
func Recipients(m Mail) []string {
	p, err := m.prepare()
	if err != nil {
		return nil
	}
	return p.to
}
