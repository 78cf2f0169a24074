package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/alecthomas/kong"

	"example.org/countersign/client"
	"example.org/countersign/internal/fault"
	"example.org/countersign/verify"
	"example.org/countersign/verify/format"
)

type verifyCommand struct {
	File     string `arg:"" optional:"" placeholder:"FILE" help:"Evidence package or receipt to check, offline: nothing but this file is read."`
	Live     bool   `help:"Check the record in --data instead: the whole log, every document, every row."`
	Depth    string `enum:",tree,rows,full" default:"" help:"With --live: tree checks the entries and the head alone; rows, as it is without the flag, every row against its last entry too; full every older version, every commitment and every attachment too."`
	Full     bool   `help:"With --live: the same as --depth full."`
	Data     string `env:"COUNTERSIGN_DATA" placeholder:"DIR" help:"With --live: directory of the record."`
	Database string `env:"COUNTERSIGN_DATABASE" placeholder:"URL" help:"With --live: postgres:// URL of the database."`
	Keyring  string `env:"COUNTERSIGN_KEYRING" placeholder:"DIR|URL" help:"With --live: the keyring, where it is not in the data directory."`
	Blobs    string `env:"COUNTERSIGN_BLOBS" placeholder:"DIR" help:"With --live: the attachments, where they are not in the data directory."`
	LogKey   string `placeholder:"KEY" help:"Verifier key that the package or receipt must be signed by. Get it from the organisation by another way than the file."`
	Policy   string `name:"witness-policy" placeholder:"FILE" help:"Policy in the C2SP tlog-policy format: fail unless the witnesses that it asks for have cosigned."`
	JSON     bool   `name:"json" help:"Print the result as JSON."`
}

// The flags that say something about only one of the two things to check.
// Variables stand for every command, and may.
var (
	liveFlags = []string{"depth", "full", "data", "database", "keyring", "blobs"}
	fileFlags = []string{"log-key", "witness-policy"}
)

// Run checks. It ends with 0 where all is well, 1 where something is wrong,
// which it names, and 2 where it makes no sense.
func (c *verifyCommand) Run(ctx context.Context, line *kong.Context, std stdio) error {
	switch {
	case c.Live && c.File != "":
		return fault.New(fault.Invalid, "name a FILE, or --live with --data, not both")
	case c.Live && c.Data == "":
		return fault.New(fault.Invalid, "--live needs --data DIR")
	case c.Live && c.Full && c.Depth != "" && c.Depth != string(client.Full):
		return fault.New(fault.Invalid, "--full is --depth full; give one of them")
	case c.Live:
		if name := given(line, fileFlags); name != "" {
			return fault.New(fault.Invalid, "--%s is for a FILE, and says nothing about the record of --live", name)
		}
		return c.live(ctx, std)
	case c.File == "":
		return fault.New(fault.Invalid, "name the FILE to check, or --live with --data DIR")
	}
	if name := given(line, liveFlags); name != "" {
		return fault.New(fault.Invalid, "--%s is for --live, and says nothing about a FILE, all of which is checked", name)
	}
	opt := verify.Options{Key: c.LogKey}
	if c.Policy != "" {
		var err error
		if opt.Policy, err = readPolicy(c.Policy); err != nil {
			return err
		}
	}
	return c.offline(ctx, std, opt)
}

// given returns the first of some flags that the command line has, "" where it
// has none.
func given(line *kong.Context, names []string) string {
	for _, p := range line.Path {
		if p.Flag != nil && !p.Resolved && slices.Contains(names, p.Flag.Name) {
			return p.Flag.Name
		}
	}
	return ""
}

// readPolicy reads the file of a witness policy.
func readPolicy(path string) (*format.Policy, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, &exit{exitMisuse, err}
	}
	policy, err := format.ParsePolicy(b)
	if err != nil {
		return nil, fault.New(fault.Invalid, "%s, %v", path, err)
	}
	return policy, nil
}

// offline checks a file.
func (c *verifyCommand) offline(ctx context.Context, std stdio, opt verify.Options) error {
	progress := bar(std, -1, "checking")
	opt.Progress = func(stage string, done, total int64) {
		progress.Describe(stage)
		progress.ChangeMax64(total)
		progress.Set64(done)
	}
	result, err := verify.File(ctx, c.File, opt)
	progress.Finish()
	if err != nil {
		if c.JSON {
			json.NewEncoder(std.out).Encode(problem(err))
			return &exit{code: verify.ExitCode(err)}
		}
		return &exit{verify.ExitCode(err), err}
	}
	if !c.JSON {
		return result.Write(std.out)
	}
	kind := "package"
	if _, ok := result.(*verify.ReceiptSummary); ok {
		kind = "receipt"
	}
	return json.NewEncoder(std.out).Encode(map[string]any{"ok": true, "kind": kind, "summary": result})
}

// problem is why a file does not hold, or could not be checked, as JSON.
func problem(err error) map[string]any {
	p := map[string]any{"ok": false, "problem": err.Error()}
	if f, ok := errors.AsType[*verify.Failure](err); ok {
		p["stage"], p["file"] = f.Stage, f.File
		if f.Entry >= 0 {
			p["entry"] = f.Entry
		}
	}
	return p
}

func (c *verifyCommand) live(ctx context.Context, std stdio) error {
	depth := client.Depth(cmp.Or(c.Depth, string(client.Rows)))
	if c.Full {
		depth = client.Full
	}
	api, release, err := (&installation{Data: c.Data, Database: c.Database, Keyring: c.Keyring, Blobs: c.Blobs}).connect(ctx, false)
	if err != nil {
		if altered(err) {
			return describe(std, &client.Verification{Problem: err.Error(), Depth: depth}, c.JSON)
		}
		return err
	}
	defer release()
	progress := bar(std, -1, "checking")
	v, err := api.Verify(ctx, depth, func(stage string, done, total int64) {
		progress.Describe(stage)
		progress.ChangeMax64(total)
		progress.Set64(done)
	})
	progress.Finish()
	if err != nil {
		return fmt.Errorf("check the record: %w", err)
	}
	return describe(std, v, c.JSON)
}
