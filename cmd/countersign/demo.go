package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"example.org/countersign/internal/app"
	"example.org/countersign/internal/demo"
)

type demoCommand struct {
	listening
	Data string `env:"COUNTERSIGN_DATA" placeholder:"DIR" help:"Directory of the demonstration; a fresh temporary one where none is named."`
	Exit bool   `help:"Feed the demonstration, print a summary and stop."`
}

// Run feeds the demonstration, unless its directory was fed before, and
// serves it.
func (c *demoCommand) Run(ctx context.Context, std stdio) error {
	if c.Data == "" {
		dir, err := os.MkdirTemp("", "countersign-demo-")
		if err != nil {
			return err
		}
		c.Data = dir
	}
	d, err := demo.Open(ctx, app.Config{Data: c.Data, Listen: c.Listen, SMTPListen: c.SMTPListen, Log: logger(std.err, false)})
	if err != nil {
		return err
	}
	defer d.Close()
	if !d.Fed() {
		progress := bar(std, -1, "Feeding ninety days of mail and reports")
		if err := d.Feed(ctx, func(done, total int) {
			progress.ChangeMax(total)
			progress.Set(done)
		}); err != nil {
			return err
		}
		progress.Finish()
	}
	if err := c.summary(ctx, std, d); err != nil || c.Exit {
		return err
	}
	return d.App.Serve(ctx, func(s app.Serving) {
		d.Tell(ctx, std.out, "http://"+s.HTTP, s.SMTP)
	})
}

func (c *demoCommand) summary(ctx context.Context, std stdio, d *demo.Demo) error {
	counts, err := d.App.Board.Counts(ctx)
	if err != nil {
		return err
	}
	cp, err := d.App.Ledger.Checkpoint(ctx)
	if err != nil {
		return err
	}
	dir, err := filepath.Abs(c.Data)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(std.out, "%s, a demonstration, in %s\n%d cases open (%d overdue), %d answered, %d closed, %d set aside; %d answers wait for approval, %d are unclear.\nAll of it sealed in %d entries.\n",
		demo.Organisation, dir, counts.Open, counts.Overdue, counts.Answered, counts.Closed, counts.Spam+counts.OutOfScope, counts.Review, counts.Trouble, cp.Size)
	return err
}
