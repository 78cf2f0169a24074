package main

import (
	"context"
	"encoding/json"
	"fmt"

	"example.org/countersign/client"
	"example.org/countersign/internal/fault"
	"example.org/countersign/verify"
)

type verifyCommand struct {
	File     string `arg:"" optional:"" placeholder:"FILE" help:"Evidence package to check, offline: nothing but this file is read."`
	Live     bool   `help:"Check the record in --data instead: the whole log, every document, every row."`
	Full     bool   `help:"With --live: also open every older version and recompute every commitment."`
	Data     string `env:"COUNTERSIGN_DATA" placeholder:"DIR" help:"With --live: directory of the record."`
	Database string `env:"COUNTERSIGN_DATABASE" placeholder:"URL" help:"With --live: postgres:// URL of the database."`
	Key      string `placeholder:"KEY" help:"Verifier key that the package must be signed by. Get it from the organisation by another way than the package."`
	JSON     bool   `name:"json" help:"Print the result as JSON."`
}

// Run checks. It ends with 0 where all is well, 1 where something is wrong,
// which it names, and 2 where it makes no sense.
func (c *verifyCommand) Run(ctx context.Context, std stdio) error {
	switch {
	case c.Live && c.File != "":
		return fault.New(fault.Invalid, "name a FILE, or --live with --data, not both")
	case c.Live && c.Data == "":
		return fault.New(fault.Invalid, "--live needs --data DIR")
	case c.Live:
		return c.live(ctx, std)
	case c.File == "":
		return fault.New(fault.Invalid, "name the FILE to check, or --live with --data DIR")
	}
	progress := bar(std, -1, "checking")
	summary, err := verify.Package(ctx, c.File, verify.Options{Key: c.Key, Progress: func(stage string, done, total int64) {
		progress.Describe(stage)
		progress.ChangeMax64(total)
		progress.Set64(done)
	}})
	progress.Finish()
	if err != nil {
		if c.JSON {
			json.NewEncoder(std.out).Encode(map[string]any{"ok": false, "problem": err.Error()})
			return &exit{code: verify.ExitCode(err)}
		}
		return &exit{verify.ExitCode(err), err}
	}
	if c.JSON {
		return json.NewEncoder(std.out).Encode(struct {
			OK bool `json:"ok"`
			*verify.Summary
		}{true, summary})
	}
	return summary.Write(std.out)
}

func (c *verifyCommand) live(ctx context.Context, std stdio) error {
	api, release, err := (&installation{Data: c.Data, Database: c.Database}).connect(ctx, false)
	if err != nil {
		if altered(err) {
			return describe(std, &client.Verification{Problem: err.Error()}, c.JSON)
		}
		return err
	}
	defer release()
	v, err := api.Verify(ctx, c.Full)
	if err != nil {
		return fmt.Errorf("check the record: %w", err)
	}
	return describe(std, v, c.JSON)
}
