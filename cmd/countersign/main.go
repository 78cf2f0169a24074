// Command countersign is the system of record for an organisation's external
// communications: the server, and the tools that go with it.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"syscall"

	"github.com/alecthomas/kong"

	"example.org/countersign/client"
	"example.org/countersign/internal/app"
	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/ledger"
)

// Exit codes. 1 is for what was checked and found wrong or could not be done,
// 2 for a command that makes no sense, 3 for a log whose sealing has stopped.
const (
	exitFailed = 1
	exitMisuse = 2
	exitHalted = 3
)

type commands struct {
	Serve    serveCommand    `cmd:"" help:"Run the server: pages, API and SMTP receiver."`
	Demo     demoCommand     `cmd:"" help:"Run a demonstration organisation with some sixty cases, fed through the real intake."`
	Import   importCommand   `cmd:"" help:"Record mails from .eml files, mbox files and directories."`
	Export   exportCommand   `cmd:"" help:"Write records as JSON lines or CSV."`
	Package  packageCommand  `cmd:"" help:"Make the evidence package of a period."`
	Disclose discloseCommand `cmd:"" help:"Make of an evidence package one that shows less, and still proves the rest."`
	Verify   verifyCommand   `cmd:"" help:"Check an evidence package offline, or a live record."`
	Backup   backupCommand   `cmd:"" help:"Make an encrypted backup of the record, or of its keyring, also while a server runs."`
	Restore  restoreCommand  `cmd:"" help:"Make a data directory of a backup, verified before it is there."`
	Recover  recoverCommand  `cmd:"" help:"Say whether sealing has stopped, and accept the loss of a log that was set back."`
	Drill    drillCommand    `cmd:"" help:"Try whether a backup can be restored, and record that as evidence."`
	Witness  witnessCommand  `cmd:"" help:"Be a witness: cosign the checkpoints of other people's logs."`
	Version  versionCommand  `cmd:"" help:"Print the version."`
}

// installation is where the data are: all that most commands need.
type installation struct {
	Data     string `required:"" env:"COUNTERSIGN_DATA" placeholder:"DIR" help:"Directory of the record. Where a server runs on it, the command goes through the server."`
	Database string `env:"COUNTERSIGN_DATABASE" placeholder:"URL" help:"postgres:// URL of the database. Without it the record is an SQLite file in the data directory."`
	Keyring  string `env:"COUNTERSIGN_KEYRING" placeholder:"DIR|URL" help:"Directory or postgres:// URL of the keyring, for several nodes: another database than that of the record. Without it a directory in the data directory."`
	Blobs    string `env:"COUNTERSIGN_BLOBS" placeholder:"DIR" help:"Directory of attachments, which several nodes share. Without it one in the data directory."`
}

// config returns the configuration that says where the record is.
func (i *installation) config() app.Config {
	return app.Config{Data: i.Data, Database: i.Database, Keyring: i.Keyring, Blobs: i.Blobs}
}

// stdio is where a command writes.
type stdio struct{ out, err io.Writer }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], stdio{os.Stdout, os.Stderr}))
}

// run runs one command line and returns its exit code.
func run(ctx context.Context, args []string, io stdio) int {
	var c commands
	code := -1
	parser, err := kong.New(&c, kong.Name("countersign"), kong.Writers(io.out, io.err), kong.Exit(func(n int) { code = n }),
		kong.Description("The system of record for an organisation's external communications and incident reporting under SOC 2. Every flag can also be set by the variable named beside it."),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.BindTo(ctx, (*context.Context)(nil)), kong.Bind(io))
	if err != nil {
		fmt.Fprintln(io.err, "countersign:", err)
		return exitMisuse
	}
	switch {
	case len(args) == 0:
		args = []string{"--help"}
	case args[0] == "help":
		args = append(slices.Clone(args[1:]), "--help")
	}
	command, err := parser.Parse(args)
	if code >= 0 { // help was asked for and given
		return code
	}
	if err != nil {
		fmt.Fprintf(io.err, "countersign: %v\nTry: countersign --help\n", err)
		return exitMisuse
	}
	err = command.Run()
	if err == nil {
		return 0
	}
	if e, ok := errors.AsType[*exit](err); ok {
		if e.err != nil {
			fmt.Fprintln(io.err, "countersign:", e.err)
		}
		return e.code
	}
	fmt.Fprintln(io.err, "countersign:", explain(err))
	if kind, _ := fault.Of(err); kind == fault.Invalid {
		return exitMisuse
	}
	return exitFailed
}

// exit is an error with an exit code of its own; without a text the command
// has said everything itself.
type exit struct {
	code int
	err  error
}

func (e *exit) Error() string { return fmt.Sprint(e.err) }

// explain adds to an error what to do about it, where the text alone does not
// say.
func explain(err error) string {
	if errors.Is(err, app.ErrInUse) {
		return err.Error() + ", and does not answer as a server; stop it, or wait until it is done"
	}
	return err.Error()
}

// connect returns a client for the installation: of the server that runs on
// it, or of one that lives within this process until release is called. begin
// makes a new installation where there is none.
func (i *installation) connect(ctx context.Context, begin bool) (c *client.Client, release func() error, err error) {
	cfg := i.config()
	cfg.Existing, cfg.Log = !begin, logger(os.Stderr, false)
	a, err := app.Open(ctx, cfg)
	if err == nil {
		return &client.Client{URL: "http://countersign.invalid", Token: a.Operator, HTTP: a.Local()}, a.Close, nil
	}
	if !errors.Is(err, app.ErrInUse) {
		return nil, nil, err
	}
	running, lookup := app.FindRunning(i.Data)
	if lookup != nil || running == nil {
		return nil, nil, errors.Join(err, lookup)
	}
	return &client.Client{URL: running.URL, Token: running.Secret}, func() error { return nil }, nil
}

// altered reports whether an error is that the record is not what was sealed.
func altered(err error) bool {
	_, ok := errors.AsType[*ledger.Mismatch](err)
	return ok
}

// logger writes structured logs, of which a command at a terminal shows only
// what went wrong.
func logger(w io.Writer, all bool) *slog.Logger {
	level := slog.LevelError
	if all {
		level = slog.LevelInfo
	}
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: level}))
}

type versionCommand struct{}

// Run prints what this binary was built from.
func (versionCommand) Run(io stdio) error {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return errors.New("this binary does not know its version")
	}
	revision, modified := "", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			revision = " " + s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			modified = " (modified)"
		}
	}
	version := info.Main.Version
	if version == "" {
		version = "(devel)"
	}
	_, err := fmt.Fprintf(io.out, "countersign %s%s%s %s\n", version, revision, modified, info.GoVersion)
	return err
}
