package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"example.org/countersign/internal/app"
	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/tiles"
)

// listening are the flags of whatever serves.
type listening struct {
	Listen     string `default:"127.0.0.1:8080" env:"COUNTERSIGN_LISTEN" placeholder:"HOST:PORT" help:"Address of the pages and the API."`
	SMTPListen string `name:"smtp-listen" default:"127.0.0.1:2525" env:"COUNTERSIGN_SMTP_LISTEN" placeholder:"HOST:PORT" help:"Address of the SMTP receiver; \"off\" for none."`
}

type serveCommand struct {
	installation
	listening
	Relay        string `env:"COUNTERSIGN_RELAY" placeholder:"URL" help:"SMTP relay for outgoing mail: smtp://[user:password@]host:port or smtps://…. Without one, answers and confirmations wait."`
	URL          string `env:"COUNTERSIGN_URL" placeholder:"URL" help:"Address under which the outside reaches the pages, if a proxy stands before them."`
	Organisation string `env:"COUNTERSIGN_ORGANISATION" placeholder:"NAME" help:"Name on public pages and in confirmations."`
	Resolve      bool   `env:"COUNTERSIGN_RESOLVE" help:"Ask the DNS whether senders are who they say (SPF, DKIM, DMARC)."`

	TrustedProxy []proxy `name:"trusted-proxy" env:"COUNTERSIGN_TRUSTED_PROXY" placeholder:"CIDR" help:"Proxy whose X-Forwarded-For names the visitor, for the limits on sign-ins; may be repeated, or several with commas."`

	WitnessPolicy string `placeholder:"FILE" env:"COUNTERSIGN_WITNESS_POLICY" help:"Witnesses of the log, in the C2SP tlog-policy format. Without it witness-policy.txt in the data directory, where there is one."`

	TimestampURL   string `name:"timestamp-url" env:"COUNTERSIGN_TIMESTAMP_URL" placeholder:"URL" help:"Time stamp authority (RFC 3161) that stamps the log once a day. It sees a hash. Without one nobody does."`
	TimestampRoots string `placeholder:"FILE" env:"COUNTERSIGN_TIMESTAMP_ROOTS" help:"Certificates to trust for it, in PEM form. Without it the system's."`

	OpenLog      bool          `env:"COUNTERSIGN_OPEN_LOG" help:"Let everybody read the checkpoint and the hashes of the log, under /ledger. Entries stay closed."`
	PublishEvery time.Duration `default:"5m" env:"COUNTERSIGN_PUBLISH_EVERY" placeholder:"TIME" help:"Time between two published checkpoints, 1s to 24h."`
}

// proxy is where requests of a trusted proxy come from.
type proxy netip.Prefix

// UnmarshalText reads an address, or a range as 10.0.0.0/8.
func (p *proxy) UnmarshalText(text []byte) error {
	if a, err := netip.ParseAddr(string(text)); err == nil && a.Zone() == "" {
		*p = proxy(netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()))
		return nil
	}
	r, err := netip.ParsePrefix(string(text))
	switch {
	case err != nil:
		return fault.New(fault.Invalid, "%q is no address of a proxy; write 10.0.0.7, or a range as 10.0.0.0/24", text)
	case r.Bits() == 0:
		return fault.New(fault.Invalid, "%q would believe everybody; name the addresses of the proxy", text)
	case r.Addr().Is4In6():
		return fault.New(fault.Invalid, "%q is a range of IPv4 written as IPv6; write it as 10.0.0.0/24", text)
	}
	*p = proxy(r.Masked())
	return nil
}

// Validate refuses what makes no sense, before anything is begun.
func (c *serveCommand) Validate() error { return tiles.CheckEvery(c.PublishEvery) }

// Run serves until the process is told to stop.
func (c *serveCommand) Run(ctx context.Context, io stdio) error {
	cfg := c.config()
	cfg.Listen, cfg.SMTPListen, cfg.Relay, cfg.URL = c.Listen, c.SMTPListen, c.Relay, c.URL
	cfg.Organisation, cfg.Resolve, cfg.Log = c.Organisation, c.Resolve, logger(io.err, true)
	cfg.WitnessPolicy = c.WitnessPolicy
	cfg.TimestampURL, cfg.TimestampRoots = c.TimestampURL, c.TimestampRoots
	cfg.OpenLog, cfg.PublishEvery = c.OpenLog, c.PublishEvery
	for _, p := range c.TrustedProxy {
		cfg.TrustedProxies = append(cfg.TrustedProxies, netip.Prefix(p))
	}
	a, err := app.Open(ctx, cfg)
	if err != nil {
		return err
	}
	defer a.Close()
	code, err := a.People.Bootstrap(ctx)
	halted, isHalted := errors.AsType[*ledger.Halted](err)
	if err != nil && !isHalted {
		return err
	}
	return a.Serve(ctx, func(s app.Serving) {
		fmt.Fprintf(io.out, "Pages      http://%s\nReport     http://%s/report\n", s.HTTP, s.HTTP)
		if s.SMTP != "" {
			fmt.Fprintf(io.out, "Mail       %s (SMTP)\n", s.SMTP)
		}
		if c.Relay == "" {
			fmt.Fprintln(io.out, "Relay      none: answers and confirmations wait until --relay names one")
		}
		if isHalted {
			fmt.Fprintf(io.out, "\nSealing has stopped: %s.\nWhat arrives is kept, nothing else can be done; countersign recover --help says how to go on.\n", halted.Reason)
		}
		if code != "" {
			fmt.Fprintf(io.out, "\nNobody can sign in yet. The first administrator does, once, at\n  %s/enrol?code=%s\n", a.Config.URL, code)
		}
	})
}
