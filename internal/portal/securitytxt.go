package portal

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"example.org/countersign/internal/channel"
)

// securityTxt is RFC 9116's file for those who find a weakness. It names every
// approved channel whose register entry says that it is published there, and
// expires on the day the first of them is to be reviewed: what nobody looks
// after must not be relied on (CC2.3).
func (p *portal) securityTxt(w http.ResponseWriter, r *http.Request) {
	all, err := p.Channels.List(r.Context(), p.Ledger)
	if err != nil {
		p.log.ErrorContext(r.Context(), "security.txt could not be made", "err", err)
		http.Error(w, "try again in a moment", http.StatusServiceUnavailable)
		return
	}
	expires := p.Ledger.Now().AddDate(1, 0, -1) // RFC 9116 §2.5.5: less than a year
	var contacts strings.Builder
	for _, c := range all {
		uri := contact(c)
		if uri == "" {
			continue
		}
		fmt.Fprintf(&contacts, "Contact: %s\n", uri)
		if due, err := time.Parse(time.DateOnly, c.ReviewDue); err == nil && due.Before(expires) {
			expires = due
		}
	}
	if contacts.Len() == 0 {
		http.Error(w, "there is no channel for reports on security", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	fmt.Fprintf(w, "%sExpires: %s\nPreferred-Languages: en, de, fr, es\n", contacts.String(), expires.UTC().Format(time.RFC3339))
}

// contact returns a channel as RFC 9116 §2.5.3 writes it, "" where it is not
// for this.
func contact(c *channel.Channel) string {
	if !c.Receives() {
		return ""
	}
	published := false
	for _, where := range c.Published {
		published = published || strings.Contains(strings.ToLower(where), "security.txt")
	}
	switch {
	case !published:
		return ""
	case c.Kind == channel.Email:
		return "mailto:" + c.Address
	case strings.HasPrefix(c.Address, "https://"):
		return c.Address
	}
	return ""
}
