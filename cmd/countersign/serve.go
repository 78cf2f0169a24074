package main

import (
	"context"
	"fmt"
	"time"

	"example.org/countersign/internal/app"
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

	OpenLog      bool          `env:"COUNTERSIGN_OPEN_LOG" help:"Let everybody read the checkpoint and the hashes of the log, under /ledger. Entries stay closed."`
	PublishEvery time.Duration `default:"5m" env:"COUNTERSIGN_PUBLISH_EVERY" placeholder:"TIME" help:"Time between two published checkpoints, 1s to 24h."`
}

// Run serves until the process is told to stop.
func (c *serveCommand) Run(ctx context.Context, io stdio) error {
	cfg := c.config()
	cfg.Listen, cfg.SMTPListen, cfg.Relay, cfg.URL = c.Listen, c.SMTPListen, c.Relay, c.URL
	cfg.Organisation, cfg.Resolve, cfg.Log = c.Organisation, c.Resolve, logger(io.err, true)
	cfg.OpenLog, cfg.PublishEvery = c.OpenLog, c.PublishEvery
	a, err := app.Open(ctx, cfg)
	if err != nil {
		return err
	}
	defer a.Close()
	code, err := a.People.Bootstrap(ctx)
	if err != nil {
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
		if code != "" {
			fmt.Fprintf(io.out, "\nNobody can sign in yet. The first administrator does, once, at\n  %s/enrol?code=%s\n", a.Config.URL, code)
		}
	})
}
