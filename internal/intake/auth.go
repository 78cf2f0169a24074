package intake

import (
	"context"
	"net"
	"strings"
	"time"

	"blitiri.com.ar/go/spf"
	"github.com/emersion/go-msgauth/dkim"
	"golang.org/x/net/publicsuffix"

	"example.org/countersign/internal/mime"
)

const (
	authTimeout   = 8 * time.Second
	maxSignatures = 5
)

// authenticate finds out whether the domain in the From field vouches for the
// message: by SPF (RFC 7208) or DKIM (RFC 6376) for the same organisation, as
// DMARC (RFC 7489) asks for it, or whether it disowns it. Where there is no
// resolver, or no one sender to ask about, nothing is said. An answer that did
// not come is no answer: it never disowns.
func (d *Desk) authenticate(ctx context.Context, m *Communication, msg *mime.Message, in Incoming) {
	if d.opt.Resolver == nil || in.Source != FromSMTP || len(m.From) != 1 {
		return
	}
	from := domainOf(m.From[0].Addr)
	if from == "" {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, authTimeout)
	defer cancel()
	a := &m.Auth
	a.Result = Neither
	var claimed string
	a.SPF, claimed = d.checkSPF(ctx, in)
	if a.SPF == "pass" && aligned(claimed, from) {
		a.Result, a.Domain = Pass, claimed
	}
	if signer := d.checkDKIM(ctx, m, msg, from); signer != "" {
		a.Result, a.Domain = Pass, signer
	}
	if a.Result == Pass {
		return
	}
	a.DMARC = d.dmarc(ctx, from)
	asked := a.SPF != "" && a.SPF != "temperror" && a.DKIM != "temperror"
	disowned := a.DMARC == "reject" || a.DMARC == "quarantine" || a.SPF == "fail" && aligned(claimed, from)
	if asked && disowned {
		a.Result, a.Domain = Fail, from
	}
}

// checkSPF asks whether the sending host may use the envelope's domain. Mail
// that a relay of our own hands over says nothing about that.
func (d *Desk) checkSPF(ctx context.Context, in Incoming) (result, domain string) {
	if in.Remote == nil || in.Remote.IsLoopback() || in.Remote.IsPrivate() || in.Remote.IsLinkLocalUnicast() {
		return "", ""
	}
	sender := strings.Trim(in.From, "<>")
	if domain = domainOf(sender); domain == "" { // RFC 7208 §2.4
		domain = strings.ToLower(in.HELO)
		sender = "postmaster@" + domain
	}
	r, _ := spf.CheckHostWithSender(in.Remote, in.HELO, sender, spf.WithContext(ctx), spf.WithResolver(d.opt.Resolver))
	return string(r), domain
}

// checkDKIM verifies the signatures and returns the domain of the first valid
// one that speaks for from.
func (d *Desk) checkDKIM(ctx context.Context, m *Communication, msg *mime.Message, from string) (signer string) {
	m.Auth.DKIM = "none"
	if msg.Get("DKIM-Signature") == "" {
		return ""
	}
	raw, err := d.Raw(ctx, m)
	if err != nil {
		d.log.Warn("signature not checked: the message cannot be read back", "communication", m.ID, "error", err)
		m.Auth.DKIM = "temperror"
		return ""
	}
	defer raw.Close()
	list, _ := dkim.VerifyWithOptions(raw, &dkim.VerifyOptions{MaxVerifications: maxSignatures, // no list: it cannot be read
		LookupTXT: func(domain string) ([]string, error) { return d.opt.Resolver.LookupTXT(ctx, domain) }})
	for _, v := range list {
		switch {
		case v.Err == nil:
			m.Auth.DKIM = "pass"
			if aligned(v.Domain, from) {
				return v.Domain
			}
		case m.Auth.DKIM == "pass":
		case dkim.IsTempFail(v.Err):
			m.Auth.DKIM = "temperror"
		default:
			m.Auth.DKIM = "fail"
		}
	}
	return ""
}

// dmarc returns the policy that a domain publishes, or its organisation for
// it; "" for none.
func (d *Desk) dmarc(ctx context.Context, domain string) string {
	for i, name := range []string{domain, organisation(domain)} {
		if i > 0 && name == domain {
			break
		}
		records, err := d.opt.Resolver.LookupTXT(ctx, "_dmarc."+name)
		if err != nil {
			continue
		}
		for _, r := range records {
			if tags := dmarcTags(r); tags["v"] == "DMARC1" {
				if p, ok := tags["sp"]; ok && i > 0 {
					return strings.ToLower(p)
				}
				return strings.ToLower(tags["p"])
			}
		}
	}
	return ""
}

// dmarcTags reads "v=DMARC1; p=reject".
func dmarcTags(record string) map[string]string {
	tags := map[string]string{}
	for part := range strings.SplitSeq(record, ";") {
		name, value, _ := strings.Cut(part, "=")
		tags[strings.ToLower(strings.TrimSpace(name))] = strings.TrimSpace(value)
	}
	return tags
}

// aligned reports whether two domains belong to one organisation (RFC 7489
// §3.1, relaxed).
func aligned(a, b string) bool {
	return a != "" && organisation(a) == organisation(b)
}

func organisation(domain string) string {
	domain = strings.ToLower(strings.TrimSuffix(domain, "."))
	if net.ParseIP(domain) != nil {
		return domain
	}
	if o, err := publicsuffix.EffectiveTLDPlusOne(domain); err == nil {
		return o
	}
	return domain
}

func domainOf(addr string) string {
	n := mime.NormalizeAddr(addr)
	i := strings.LastIndexByte(n, '@')
	if i < 0 {
		return ""
	}
	return n[i+1:]
}
