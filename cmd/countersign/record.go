package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/schollz/progressbar/v3"

	"example.org/countersign/client"
	"example.org/countersign/internal/fault"
)

type exportCommand struct {
	installation
	What   string `arg:"" enum:"communications" help:"What to export: communications."`
	From   string `placeholder:"DATE" help:"First day, 2026-07-01, or RFC 3339 time."`
	To     string `placeholder:"DATE" help:"Last day."`
	Format string `default:"jsonl" enum:"jsonl,csv" help:"jsonl or csv."`
	Output string `short:"o" default:"-" placeholder:"FILE" help:"File to write; - is standard output."`
}

// Run writes the export.
func (c *exportCommand) Run(ctx context.Context, std stdio) error {
	if err := checkDates(c.From, c.To); err != nil {
		return err
	}
	api, release, err := c.connect(ctx, false)
	if err != nil {
		return err
	}
	defer release()
	if c.Output != "-" {
		return writeFile(c.Output, func(w io.Writer) error { return api.Export(ctx, c.From, c.To, c.Format, w) })
	}
	w := bufio.NewWriterSize(std.out, 1<<20)
	return errors.Join(api.Export(ctx, c.From, c.To, c.Format, w), w.Flush())
}

type packageCommand struct {
	installation
	From    string `required:"" placeholder:"DATE" help:"First day of the period, 2026-07-01."`
	To      string `required:"" placeholder:"DATE" help:"Last day of the period."`
	WithRaw bool   `help:"Put in raw messages and attachments too, but never an anonymous reporter's original."`
	Output  string `short:"o" required:"" placeholder:"FILE" help:"File to write."`
}

// Run makes the package.
func (c *packageCommand) Run(ctx context.Context, std stdio) error {
	if err := checkDates(c.From, c.To); err != nil {
		return err
	}
	api, release, err := c.connect(ctx, false)
	if err != nil {
		return err
	}
	defer release()
	if err := writeFile(c.Output, func(w io.Writer) error { return api.Package(ctx, c.From, c.To, c.WithRaw, w) }); err != nil {
		return err
	}
	_, err = fmt.Fprintf(std.err, "Wrote %s. Check it anywhere with: countersign verify %s\n", c.Output, c.Output)
	return err
}

func checkDates(dates ...string) error {
	for _, d := range dates {
		if d == "" {
			continue
		}
		if _, err := time.Parse(time.DateOnly, d); err == nil {
			continue
		}
		if _, err := time.Parse(time.RFC3339, d); err != nil {
			return fault.New(fault.Invalid, "%q is not a date; write it like 2026-07-01", d)
		}
	}
	return nil
}

// writeFile writes a file whole or not at all.
func writeFile(path string, write func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	w := bufio.NewWriterSize(f, 1<<20)
	if err := errors.Join(write(w), w.Flush(), f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Chmod(f.Name(), 0o600); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// whole says what was checked and found right, and what was not checked.
var whole = map[client.Depth]string{
	client.Tree: "The log is whole: %d entries, root %s. Records were not compared with it.\n",
	client.Rows: "The record is unaltered: %d entries, root %s. Every row is as its newest version in the log; older versions were not opened.\n",
	client.Full: "The record is unaltered: %d entries, root %s. Every row, every version and every attachment was compared.\n",
}

// describe tells what a live check found, also as JSON.
func describe(std stdio, v *client.Verification, asJSON bool) error {
	if asJSON {
		if err := json.NewEncoder(std.out).Encode(v); err != nil {
			return err
		}
	} else if v.OK {
		fmt.Fprintf(std.out, whole[v.Depth], v.Size, v.Root)
		for kind, n := range v.Records {
			if n > 0 {
				fmt.Fprintf(std.out, "  %-15s %d\n", kind, n)
			}
		}
	} else {
		fmt.Fprintf(std.out, "The record was altered: %s.\n", v.Problem)
	}
	if !v.OK {
		return &exit{code: exitFailed}
	}
	return nil
}

// bar is a progress bar on standard error; a terminal sees it move, a file
// sees nothing.
func bar(std stdio, total int64, what string) *progressbar.ProgressBar {
	visible := false
	if f, ok := std.err.(*os.File); ok {
		info, err := f.Stat()
		visible = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	return progressbar.NewOptions64(total, progressbar.OptionSetWriter(std.err), progressbar.OptionSetDescription(what),
		progressbar.OptionShowCount(), progressbar.OptionSetVisibility(visible), progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionClearOnFinish())
}
