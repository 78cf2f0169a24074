package intake_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"net"
	"strings"
	"testing"

	"github.com/emersion/go-msgauth/dkim"

	"example.org/countersign/internal/intake"
)

// zone is what DNS says: TXT records by name.
type zone map[string]string

func (z zone) LookupTXT(_ context.Context, name string) ([]string, error) {
	name = strings.TrimSuffix(name, ".")
	if z[name] == "SERVFAIL" {
		return nil, &net.DNSError{Err: "server failure", Name: name, IsTemporary: true}
	}
	if r, ok := z[name]; ok {
		return []string{r}, nil
	}
	return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}

func (z zone) LookupMX(context.Context, string) ([]*net.MX, error) { return nil, nil }

func (z zone) LookupIPAddr(context.Context, string) ([]net.IPAddr, error) { return nil, nil }

func (z zone) LookupAddr(context.Context, string) ([]string, error) { return nil, nil }

func TestAuthentication(t *testing.T) {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	key := "v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(public)
	dns := zone{
		"spf.example":                   "v=spf1 ip4:192.0.2.1 -all",
		"soft.example":                  "v=spf1 ip4:192.0.2.1 ~all",
		"strict.example":                "v=spf1 ip4:192.0.2.1 ~all",
		"_dmarc.strict.example":         "v=DMARC1; p=reject",
		"_dmarc.signed.example":         "v=DMARC1; p=Quarantine; pct=100",
		"s._domainkey.signed.example":   key,
		"down.example":                  "SERVFAIL",
		"_dmarc.down.example":           "v=DMARC1; p=reject",
		"s._domainkey.other.example":    key,
		"_dmarc.organisation.co.uk":     "v=DMARC1; p=none; sp=reject",
		"mail.organisation.co.uk":       "v=spf1 -all",
		"s._domainkey.signed.example.":  key,
		"_dmarc.unsigned.other.example": "v=DMARC1; p=none",
	}
	sign := func(domain, message string) string {
		var out bytes.Buffer
		if err := dkim.Sign(&out, strings.NewReader(message), &dkim.SignOptions{Domain: domain, Selector: "s", Signer: private,
			HeaderCanonicalization: dkim.CanonicalizationRelaxed, BodyCanonicalization: dkim.CanonicalizationRelaxed, HeaderKeys: []string{"From", "Subject"}}); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	text := func(from, subject string) string { return mail{from: from, subject: subject}.String() }
	rows := []struct {
		name, from, envelope, ip, signer string
		spoil                            bool
		want                             intake.Verdict
		confirmed                        bool
	}{
		{"SPF vouches", "a@spf.example", "a@spf.example", "192.0.2.1", "", false, intake.Pass, true},
		{"SPF vouches for a host of it", "a@www.spf.example", "bounces@spf.example", "192.0.2.1", "", false, intake.Pass, true},
		{"SPF disowns", "b@spf.example", "b@spf.example", "198.51.100.9", "", false, intake.Fail, false},
		{"SPF vouches for another", "a@soft.example", "eve@spf.example", "192.0.2.1", "", false, intake.Neither, true},
		{"SPF doubts", "b@soft.example", "b@soft.example", "198.51.100.9", "", false, intake.Neither, true},
		{"DMARC rejects", "a@strict.example", "a@strict.example", "198.51.100.9", "", false, intake.Fail, false},
		{"DMARC rejects a host of it", "a@mail.organisation.co.uk", "x@soft.example", "198.51.100.9", "", false, intake.Fail, false},
		{"DKIM vouches", "a@signed.example", "x@soft.example", "198.51.100.9", "signed.example", false, intake.Pass, true},
		{"DKIM broken", "b@signed.example", "x@soft.example", "198.51.100.9", "signed.example", true, intake.Fail, false},
		{"DKIM of another", "c@signed.example", "x@soft.example", "198.51.100.9", "other.example", false, intake.Fail, false},
		{"resolver down", "a@down.example", "a@down.example", "198.51.100.9", "", false, intake.Neither, true},
		{"by our own relay", "d@strict.example", "d@strict.example", "10.0.0.5", "", false, intake.Neither, true},
		{"nobody says anything", "a@silent.example", "a@silent.example", "198.51.100.9", "", false, intake.Neither, true},
		{"no sender to ask about", "", "", "198.51.100.9", "", false, intake.Unchecked, false},
	}
	each(t, intake.Options{Resolver: dns}, func(t *testing.T, o *office) {
		for _, c := range rows {
			raw := text(c.from, c.name)
			if c.signer != "" {
				raw = sign(c.signer, raw)
			}
			if c.spoil {
				raw += "and more\r\n"
			}
			r, err := o.Receive(t.Context(), intake.Incoming{Channel: security, Source: intake.FromSMTP, From: c.envelope, HELO: "host.example",
				Remote: net.ParseIP(c.ip), Raw: strings.NewReader(raw)})
			if err != nil {
				t.Fatal(err)
			}
			m := o.thread(t, r.Case)[0]
			if m.Auth.Result != c.want || (m.NoConfirmation == "") != c.confirmed {
				t.Errorf("%s: %+v, no confirmation because %q", c.name, m.Auth, m.NoConfirmation)
			}
		}
		// Whoever is disowned does not join, though the address belongs.
		first := o.must(t, mail{from: "rita@spf.example", subject: "x", id: "rita@spf.example"})
		forged, err := o.Receive(t.Context(), intake.Incoming{Channel: security, Source: intake.FromSMTP, From: "rita@spf.example", HELO: "h",
			Remote: net.ParseIP("198.51.100.9"), Raw: strings.NewReader(mail{from: "rita@spf.example", subject: "Re: x", reply: "rita@spf.example"}.String())})
		if err != nil || forged.Case == first.Case || o.load(t, forged.Case).Related[0] != first.Number {
			t.Errorf("forged reply: %+v, %v", forged, err)
		}
	})
}
