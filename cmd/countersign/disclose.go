package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"example.org/countersign/internal/disclose"
	"example.org/countersign/internal/fault"
	"example.org/countersign/verify"
)

type discloseCommand struct {
	Package string   `arg:"" placeholder:"PACKAGE" help:"Evidence package to make one of that shows less. No server and no key are needed."`
	Output  string   `short:"o" required:"" placeholder:"FILE" help:"File to write."`
	Show    []string `sep:"none" placeholder:"WHAT" help:"Show this alone: a kind of record (communication), a case (C-2026-000004), a communication of it (C-2026-000004/2); with a field behind a colon that field (communication:subject). Repeatable."`
	Redact  []string `sep:"none" placeholder:"WHAT" help:"Do not show this: as for --show, and *:text is a field of every kind. Repeatable."`
}

// Run makes a redacted package, and checks it.
func (c *discloseCommand) Run(ctx context.Context, std stdio) error {
	var s disclose.Selection
	for list, texts := range map[*[]disclose.Selector][]string{&s.Show: c.Show, &s.Redact: c.Redact} {
		for _, text := range texts {
			x, err := disclose.ParseSelector(text)
			if err != nil {
				return err
			}
			*list = append(*list, x)
		}
	}
	from, err := verify.Open(ctx, c.Package, verify.Options{})
	if err != nil {
		return &exit{verify.ExitCode(err), fmt.Errorf("%s: %w", c.Package, err)}
	}
	defer from.Close()
	if info, err := os.Stat(c.Output); err == nil {
		if own, err := os.Stat(c.Package); err == nil && os.SameFile(info, own) {
			return fault.New(fault.Invalid, "%s is the package itself; name another file to write", c.Output)
		}
	}
	var r *disclose.Result
	err = writeFile(c.Output, func(w io.Writer) (err error) {
		r, err = disclose.Make(ctx, from, s, w)
		return err
	})
	if err != nil {
		return err
	}
	made, err := verify.Package(ctx, c.Output, verify.Options{Key: from.Summary.Key})
	if err == nil && made.Tree != from.Summary.Tree {
		err = errors.New("it speaks of another checkpoint")
	}
	if err != nil {
		os.Remove(c.Output)
		return fmt.Errorf("the redacted package does not hold and was removed: %w", err)
	}
	return c.report(std, r)
}

// report says what was left out.
func (c *discloseCommand) report(std stdio, r *disclose.Result) error {
	fmt.Fprintf(std.err, "Wrote %s. Redacted:\n", c.Output)
	for _, f := range r.Hidden {
		fmt.Fprintf(std.err, "  %-32s %d\n", f.Name, f.N)
	}
	for _, t := range r.Tables {
		if t.LeftOut {
			fmt.Fprintf(std.err, "  table %-26s left out\n", t.Name)
		}
	}
	if r.LeftOut > 0 {
		fmt.Fprintf(std.err, "  files below raw/                 %d left out, %d left\n", r.LeftOut, r.Files)
	}
	for _, f := range r.Elsewhere {
		fmt.Fprintf(std.err, "Note: %s still shows, %d times, what is redacted elsewhere. Redact it too if it is the same secret.\n", f.Name, f.N)
	}
	_, err := fmt.Fprintf(std.err, "It speaks of the same checkpoint. Check it anywhere with: countersign verify %s\n", c.Output)
	return err
}
