package main

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"time"

	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/witness"
)

// post is where a witness is kept.
type post struct {
	Data string `required:"" env:"COUNTERSIGN_DATA" placeholder:"DIR" help:"Directory of the witness; it needs nothing else."`
}

// naming is the name of a witness that a command may begin.
type naming struct {
	Name string `env:"COUNTERSIGN_WITNESS_NAME" placeholder:"NAME" help:"Name that a new witness signs with, best an address without https://; the machine's name where none is given. It stays."`
}

type witnessCommand struct {
	Serve    witnessServeCommand    `cmd:"" default:"withargs" help:"Answer logs: what the command does where none of the others is named."`
	Add      witnessAddCommand      `cmd:"" help:"Cosign the checkpoints of a log from now on."`
	List     witnessListCommand     `cmd:"" help:"List the logs, and how far each was cosigned."`
	Remove   witnessRemoveCommand   `cmd:"" help:"Cosign the checkpoints of a log no more."`
	Evidence witnessEvidenceCommand `cmd:"" help:"Print the checkpoints in which a log contradicted itself."`
}

// open opens a witness that is there; what it has to say goes to standard error.
func (p *post) open(ctx context.Context, std stdio) (*witness.Witness, error) {
	return witness.Open(ctx, p.Data, witness.Options{Existing: true, Log: logger(std.err, false)})
}

// begin opens a witness, making it where there is none.
func (p *post) begin(ctx context.Context, std stdio, n naming, all bool) (*witness.Witness, error) {
	return witness.Open(ctx, p.Data, witness.Options{Name: n.Name, Log: logger(std.err, all)})
}

type witnessServeCommand struct {
	post
	naming
	Listen string `default:"127.0.0.1:8081" env:"COUNTERSIGN_WITNESS_LISTEN" placeholder:"HOST:PORT" help:"Address to answer at."`
}

// Run answers until the process is told to stop.
func (c *witnessServeCommand) Run(ctx context.Context, std stdio) error {
	w, err := c.begin(ctx, std, c.naming, true)
	if err != nil {
		return err
	}
	defer w.Close()
	logs, err := w.Logs(ctx)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return fmt.Errorf("listen for logs: %w", err)
	}
	fmt.Fprintf(std.out, "Witness    http://%s\nKey        %s\nPolicy     witness %s %s http://%s\n", l.Addr(), w.Key(), w.Key().Name, w.Key(), l.Addr())
	if len(logs) == 0 {
		fmt.Fprintf(std.out, "\nNo log is registered yet: countersign witness add --data %s KEY\n", filepath.Clean(c.Data))
	}
	return w.Serve(ctx, l)
}

type witnessAddCommand struct {
	post
	naming
	Key string `arg:"" placeholder:"KEY" help:"Verifier key of the log, from its page /ledger."`
}

// Run registers a log. A server that runs on the directory knows it at once.
func (c *witnessAddCommand) Run(ctx context.Context, std stdio) error {
	w, err := c.begin(ctx, std, c.naming, false)
	if err != nil {
		return err
	}
	defer w.Close()
	origin, err := w.Register(ctx, c.Key)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(std.out, "Checkpoints of %s are cosigned with\n%s\n", origin, w.Key())
	return err
}

type witnessListCommand struct{ post }

// Run lists the logs, one a line.
func (c *witnessListCommand) Run(ctx context.Context, std stdio) error {
	w, err := c.open(ctx, std)
	if err != nil {
		return err
	}
	defer w.Close()
	logs, err := w.Logs(ctx)
	if err != nil {
		return err
	}
	for _, l := range logs {
		said := "nothing cosigned yet"
		if !l.At.IsZero() {
			said = fmt.Sprintf("%d entries, cosigned %s", l.Size, l.At.Format(time.RFC3339))
		}
		if len(l.Keys) == 0 {
			said += ", removed"
		}
		if l.Misbehaviour > 0 {
			said += fmt.Sprintf(", contradicted itself %d times", l.Misbehaviour)
		}
		if _, err := fmt.Fprintf(std.out, "%s: %s\n", l.Origin, said); err != nil {
			return err
		}
	}
	return nil
}

type witnessRemoveCommand struct {
	post
	Origin string `arg:"" placeholder:"ORIGIN" help:"Name of the log."`
}

// Run ends the cosigning of a log. What it has shown stays known.
func (c *witnessRemoveCommand) Run(ctx context.Context, std stdio) error {
	w, err := c.open(ctx, std)
	if err != nil {
		return err
	}
	defer w.Close()
	return w.Remove(ctx, c.Origin)
}

type witnessEvidenceCommand struct {
	post
	Origin string `arg:"" placeholder:"ORIGIN" help:"Name of the log."`
}

// Run prints pairs of signed checkpoints that do not go together.
func (c *witnessEvidenceCommand) Run(ctx context.Context, std stdio) error {
	w, err := c.open(ctx, std)
	if err != nil {
		return err
	}
	defer w.Close()
	all, err := w.Contradictions(ctx, c.Origin)
	if err != nil {
		return err
	}
	if len(all) == 0 {
		return fault.New(fault.NotFound, "there is none against %s", c.Origin)
	}
	for _, x := range all {
		what := "no proof was offered that the second continues the first; by itself this proves nothing"
		if x.Forked {
			what = "two trees of one size, both signed by the log"
		}
		if _, err := fmt.Fprintf(std.out, "%s: %s\n\n%s\n%s\n", x.At.Format(time.RFC3339), what, x.Kept, x.Offered); err != nil {
			return err
		}
	}
	return nil
}
