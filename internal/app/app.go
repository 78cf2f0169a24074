// Package app builds the whole product from a configuration: what the command
// and end-to-end tests share.
package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"time"
	_ "time/tzdata" // calendars name time zones; the binary brings them

	"example.org/countersign/internal/api"
	"example.org/countersign/internal/backlog"
	"example.org/countersign/internal/backup"
	"example.org/countersign/internal/blob"
	"example.org/countersign/internal/board"
	"example.org/countersign/internal/channel"
	"example.org/countersign/internal/channel/accepted"
	"example.org/countersign/internal/channel/relay"
	"example.org/countersign/internal/channel/smtpd"
	"example.org/countersign/internal/clock"
	"example.org/countersign/internal/db"
	"example.org/countersign/internal/disclosure"
	"example.org/countersign/internal/durable"
	"example.org/countersign/internal/evidence"
	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/jobs"
	"example.org/countersign/internal/keyring"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/people"
	"example.org/countersign/internal/policy"
	"example.org/countersign/internal/portal"
	"example.org/countersign/internal/receipt"
	"example.org/countersign/internal/recovery"
	"example.org/countersign/internal/response"
	"example.org/countersign/internal/retention"
	"example.org/countersign/internal/selfcheck"
	"example.org/countersign/internal/spool"
	"example.org/countersign/internal/tiles"
	"example.org/countersign/internal/timestamp"
	"example.org/countersign/internal/triage"
	"example.org/countersign/internal/web"
	"example.org/countersign/internal/witness"
)

// Config is everything that can be set. Its zero value but for Data works.
type Config struct {
	Data         string // directory of database, keyring and blobs
	Database     string // postgres:// URL; SQLite in Data where empty
	Keyring      string // directory or postgres:// URL of another database; in Data where empty
	Blobs        string // directory of attachments; in Data where empty
	Listen       string // of the pages and the API; 127.0.0.1:8080
	SMTPListen   string // of the SMTP receiver; 127.0.0.1:2525, "off" for none
	Relay        string // smtp:// URL of the relay for outgoing mail; none where empty
	URL          string // as the outside sees us: https://reports.example.com; http://Listen where empty
	Organisation string // who we are, on public pages and in confirmations
	Resolve      bool   // ask the DNS about senders (SPF, DKIM, DMARC)

	TrustedProxies []netip.Prefix // whose X-Forwarded-For is believed

	WitnessPolicy string // C2SP tlog-policy file; witness-policy.txt in Data where empty

	TimestampURL   string // of a time stamp authority (RFC 3161); nobody stamps where empty
	TimestampRoots string // PEM file of the certificates that vouch for it; the system's where empty

	OpenLog      bool          // everybody may read checkpoint and hash tiles
	PublishEvery time.Duration // between two published checkpoints; tiles.DefaultEvery where 0

	Existing    bool        // fail where there is no installation yet, instead of making one
	Clock       clock.Clock // clock.System where nil
	SignInLinks bool        // one-time sign-in links: the demonstration
	Log         *slog.Logger
}

// App is the product, built but not serving yet.
type App struct {
	Config    Config
	Ledger    *ledger.Ledger
	People    *people.Desk
	Channels  *channel.Desk
	Policies  *policy.Desk
	Intake    *intake.Desk
	Triage    *triage.Desk
	Responses *response.Desk
	Retention *retention.Desk
	Evidence  *evidence.Desk
	Disclose  *disclosure.Desk
	Backup    *backup.Desk
	Board     *board.Board
	SelfCheck *selfcheck.Desk
	Timestamp *timestamp.Desk
	Recovery  *recovery.Desk
	Spool     *spool.Spool
	Backlog   *backlog.Desk
	Receipts  *receipt.Desk
	Feeder    *witness.Feeder // nil without witnesses
	Jobs      *jobs.Runner
	Cadence   *tiles.Cadence
	Handler   http.Handler // every page and the API
	Operator  string       // bearer token of whoever may read the data directory

	accepted *accepted.Log
	named    bool // the organisation, by the configuration

	lock  *os.File
	db    *db.DB
	keys  *keyring.Keyring
	relay *relay.Relay
}

// Open opens an installation, making what is not there yet. It fails with
// ErrInUse where another process has the data directory.
func Open(ctx context.Context, cfg Config) (*App, error) {
	cfg.Listen = cmp.Or(cfg.Listen, "127.0.0.1:8080")
	cfg.SMTPListen = cmp.Or(cfg.SMTPListen, "127.0.0.1:2525")
	cfg.URL = cmp.Or(cfg.URL, "http://"+cfg.Listen)
	if cfg.Clock == nil {
		cfg.Clock = clock.System
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	a := &App{Config: cfg, Operator: newSecret()}
	if err := a.open(ctx); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	return a, nil
}

func (a *App) open(ctx context.Context) (err error) {
	if a.Config.Keyring != "" && a.Config.Keyring == a.Config.Database {
		return fault.New(fault.Invalid, "the keyring cannot lie in the database of the record: its backups would keep keys that were destroyed")
	}
	if a.Config.Existing && !keyring.IsPostgres(a.Config.Keyring) {
		if _, err := os.Stat(filepath.Join(a.keyring(), "keyring.db")); errors.Is(err, fs.ErrNotExist) {
			return fault.New(fault.Invalid, "there is no record in %s; countersign serve --data DIR begins one", a.Config.Data)
		}
	}
	if a.lock, err = lock(a.Config.Data); err != nil {
		return err
	}
	if err := a.decided(); err != nil {
		return err
	}
	if err := a.name(); err != nil {
		return err
	}
	if err := a.openRecord(ctx); err != nil {
		return err
	}
	a.Recovery = recovery.New(a.Ledger, a.Config.Data, a.Config.Log)
	if err := a.openFeeder(ctx); err != nil {
		return err
	}
	if err := a.build(ctx); err != nil {
		return err
	}
	if err := a.unspool(ctx); err != nil {
		a.Config.Log.ErrorContext(ctx, stays, "err", err)
	}
	return nil
}

const nameFile = "organisation"

// name finds the name that the organisation was given last, where it is given
// none.
func (a *App) name() error {
	if a.Config.Organisation != "" {
		a.named = true
		return nil
	}
	b, err := os.ReadFile(filepath.Join(a.Config.Data, nameFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	a.Config.Organisation = cmp.Or(strings.TrimSpace(string(b)), "this organisation")
	return nil
}

// KeepName keeps the organisation's name beside the record where one was given,
// so that commands that are not told it know whose record it is. Serve does it
// once it serves.
func (a *App) KeepName() error {
	if !a.named {
		return nil
	}
	if err := durable.WriteFile(filepath.Join(a.Config.Data, nameFile), []byte(a.Config.Organisation+"\n")); err != nil {
		return fmt.Errorf("keep the organisation's name: %w", err)
	}
	return nil
}

func (a *App) keyring() string {
	return cmp.Or(a.Config.Keyring, filepath.Join(a.Config.Data, "keyring"))
}

// openRecord opens database, keyring, blobs and ledger.
func (a *App) openRecord(ctx context.Context) (err error) {
	dsn := cmp.Or(a.Config.Database, filepath.Join(a.Config.Data, "countersign.db"))
	if a.db, err = db.Open(ctx, dsn); err != nil {
		return err
	}
	if err := a.db.Migrate(ctx); err != nil {
		return err
	}
	if a.keys, err = keyring.Open(ctx, a.keyring()); err != nil {
		return err
	}
	blobs, err := blob.Open(cmp.Or(a.Config.Blobs, filepath.Join(a.Config.Data, "blobs")), a.keys)
	if err != nil {
		return err
	}
	if a.accepted, err = accepted.Open(a.Config.Data); err != nil {
		return err
	}
	if a.Spool, err = spool.Open(filepath.Join(a.Config.Data, "spool"), blobs, a.keys); err != nil {
		return err
	}
	if err := a.sweep(ctx, blobs); err != nil {
		return err
	}
	a.Ledger, err = ledger.Open(ctx, a.db, a.keys, blobs, a.Config.Clock, Records()...)
	return err
}

// Records returns every kind of record that there is.
func Records() []ledger.Records {
	var all []ledger.Records
	for _, kinds := range [][]ledger.Records{
		jobs.Records(), people.Records(), channel.Records(), policy.Records(), intake.Records(),
		response.Records(), retention.Records(), evidence.Records(), selfcheck.Records(), timestamp.Records(), recovery.Records(), backup.Records(),
	} {
		all = append(all, kinds...)
	}
	return all
}

// build makes the desks and the doors.
func (a *App) build(ctx context.Context) (err error) {
	cfg := a.Config
	var send func(context.Context, relay.Mail) (relay.Receipt, error)
	if cfg.Relay != "" {
		if a.relay, err = relay.New(cfg.Relay); err != nil {
			return err
		}
		send = a.relay.Send
	}
	if a.People, err = people.New(ctx, a.Ledger, a.keys, people.Options{SignInLinks: cfg.SignInLinks, Spool: a.Spool}); err != nil {
		return err
	}
	a.Channels = channel.New(a.Ledger)
	a.Policies = policy.New(a.Ledger, a.People)
	if err := unlessHalted(a.Policies.Seed(ctx)); err != nil {
		return err
	}
	options := intake.Options{Keys: a.keys, Organisation: cfg.Organisation, Send: send, Log: cfg.Log}
	if cfg.Resolve {
		options.Resolver = net.DefaultResolver
	}
	a.Intake = intake.New(a.Ledger, a.Channels, a.Policies, options)
	a.Receipts = receipt.New(a.Ledger, a.Intake, a.Feeder)
	a.Backlog = backlog.New(a.Ledger, a.Channels, a.Intake, a.Spool)
	a.Triage = triage.New(a.Intake, a.People)
	a.Responses = response.New(a.Ledger, a.People, a.Channels, a.Policies, response.Options{Keys: a.keys, Send: send, Kick: a.kick, Log: cfg.Log})
	a.Retention = retention.New(a.Ledger, a.People, a.Policies, a.Intake, a.Responses, retention.Options{Kick: a.kick})
	if _, err := a.Ledger.FinishErasures(ctx); unlessHalted(err) != nil { // those that a stop cut off
		return err
	}
	a.Board = board.New(a.Ledger)
	a.Backup = backup.New(a.Ledger)
	if err := a.openTimestamp(); err != nil {
		return err
	}
	a.Evidence = evidence.New(a.Ledger, a.People, a.Channels, a.Policies, a.Intake, a.Responses, evidence.Options{Organisation: cfg.Organisation, Keys: a.keys,
		Witnessed: a.witnessed, Timestamp: a.Timestamp, Accepted: func(f func(accepted.Line) error) error { return accepted.Read(cfg.Data, f) }})
	a.Disclose = disclosure.New(a.Ledger, a.Intake, a.Responses, a.Evidence)
	a.SelfCheck = selfcheck.New(a.Ledger, cfg.Log)
	if err := unlessHalted(a.SelfCheck.Schedule(ctx)); err != nil {
		return err
	}
	handlers := map[string]jobs.Handler{response.SendJob: a.Responses.Send, policy.EffectJob: a.Policies.TakeEffect, selfcheck.Job: a.SelfCheck.Handle}
	maps.Copy(handlers, a.Retention.Handlers())
	maps.Copy(handlers, a.Timestamp.Handlers())
	if send != nil { // without a relay confirmations wait, rather than be given up
		handlers[intake.ConfirmationJob] = a.Intake.Confirm
	}
	a.Jobs = jobs.New(a.Ledger, handlers, cfg.Log)
	if a.Cadence, err = tiles.NewCadence(a.Ledger, cfg.PublishEvery, cfg.Log); err != nil {
		return err
	}
	a.Handler = behind(cfg.TrustedProxies, a.survive(a.doors()))
	return nil
}

// openTimestamp makes the desk that has the log stamped.
func (a *App) openTimestamp() error {
	roots, err := timestamp.Roots(a.Config.TimestampRoots)
	if err != nil {
		return err
	}
	a.Timestamp, err = timestamp.New(a.Ledger, timestamp.Options{URL: a.Config.TimestampURL, Roots: roots})
	return err
}

func (a *App) kick() {
	if a.Jobs != nil {
		a.Jobs.Kick()
	}
}

// doors joins staff pages, public pages, API and log.
func (a *App) doors() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/api/", api.New(api.Desks{Ledger: a.Ledger, People: a.People, Channels: a.Channels, Policies: a.Policies,
		Intake: a.Intake, Backlog: a.Backlog, Triage: a.Triage, Responses: a.Responses, Receipts: a.Receipts, Retention: a.Retention, Evidence: a.Evidence, Disclose: a.Disclose, Backup: a.Backup, Recovery: a.Recovery, Timestamp: a.Timestamp, Board: a.Board}, a.Operator, a.Config.Log))
	public := portal.New(portal.Desks{Ledger: a.Ledger, Channels: a.Channels, Intake: a.Intake, Backlog: a.Backlog, Receipts: a.Receipts, Retention: a.Retention}, a.Config.Organisation, a.Config.Log)
	for _, path := range portal.Paths() {
		mux.Handle(path, public)
	}
	mux.Handle("/", web.New(web.Desks{Ledger: a.Ledger, People: a.People, Channels: a.Channels, Policies: a.Policies,
		Intake: a.Intake, Triage: a.Triage, Responses: a.Responses, Retention: a.Retention, Evidence: a.Evidence, Disclose: a.Disclose, Board: a.Board, Jobs: a.Jobs,
		Checks: web.Checks{SelfCheck: a.SelfCheck, Recovery: a.Recovery, Backup: a.Backup, Feeder: a.Feeder, Receipts: a.Receipts, Spool: a.Spool}},
		web.Options{URL: a.Config.URL, Organisation: a.Config.Organisation, OpenLog: a.Config.OpenLog}, a.Config.Log))
	log := tiles.New(a.Ledger, a.People, tiles.Options{Open: a.Config.OpenLog, Cookie: web.CookieName(a.Config.URL), Feeder: a.Feeder}, a.Config.Log)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if tiles.Serves(r.URL.EscapedPath()) {
			log.ServeHTTP(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// survive answers a panic itself: the HTTP server's own report would name the
// address of the visitor, who may be an anonymous reporter.
func (a *App) survive(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			p := recover()
			switch p {
			case nil:
				return
			case http.ErrAbortHandler: // cuts the answer, and is not reported
				panic(p)
			}
			a.Config.Log.ErrorContext(r.Context(), "request panicked", "pattern", r.Pattern, "panic", p, "stack", string(debug.Stack()))
			http.Error(w, "internal error", http.StatusInternalServerError)
		}()
		h.ServeHTTP(w, r)
	})
}

// Close ends what Open began. Writes under way are finished.
func (a *App) Close() error {
	var errs []error
	if a.relay != nil {
		a.relay.Close()
	}
	if a.Ledger != nil {
		a.Ledger.Close()
	}
	if a.keys != nil {
		errs = append(errs, a.keys.Close())
	}
	if a.db != nil {
		errs = append(errs, a.db.Close())
	}
	if a.accepted != nil {
		errs = append(errs, a.accepted.Close())
	}
	if a.lock != nil {
		errs = append(errs, a.lock.Close())
	}
	return errors.Join(errs...)
}

// Serving is where a server listens.
type Serving struct {
	HTTP string // host:port
	SMTP string // host:port, "" where mail is not received
}

// Serve serves pages, API and SMTP and runs the jobs until ctx ends. ready is
// called once everything listens.
func (a *App) Serve(ctx context.Context, ready func(Serving)) error {
	web, err := net.Listen("tcp", a.Config.Listen)
	if err != nil {
		return fmt.Errorf("listen for pages: %w", err)
	}
	serving := Serving{HTTP: web.Addr().String()}
	pages := &http.Server{Handler: a.Handler, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute,
		ErrorLog: slog.NewLogLogger(a.Config.Log.Handler(), slog.LevelWarn)}
	failed := make(chan error, 2)
	go func() { failed <- pages.Serve(web) }()
	stopMail := func(context.Context) error { return nil }
	if a.Config.SMTPListen != "off" {
		mail, err := net.Listen("tcp", a.Config.SMTPListen)
		if err != nil {
			pages.Close()
			return fmt.Errorf("listen for mail: %w", err)
		}
		serving.SMTP = mail.Addr().String()
		receiver := a.Receiver()
		go func() { failed <- receiver.Serve(mail) }()
		stopMail = receiver.Shutdown
	}
	if err := errors.Join(a.KeepName(), announce(a.Config.Data, "http://"+serving.HTTP, a.Operator)); err != nil {
		pages.Close()
		return err
	}
	defer os.Remove(filepath.Join(a.Config.Data, runningFile))
	working, stopWork := context.WithCancel(context.WithoutCancel(ctx))
	worked := make(chan struct{})
	go func() { a.work(working); close(worked) }()
	if ready != nil {
		ready(serving)
	}
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 15*time.Second)
	defer cancel()
	err = errors.Join(err, pages.Shutdown(grace), stopMail(grace))
	stopWork()
	<-worked
	return err
}

// work runs jobs, publishes checkpoints and does what is due from time to time,
// until ctx ends.
func (a *App) work(ctx context.Context) {
	var running sync.WaitGroup
	running.Go(func() { a.Jobs.Run(ctx) })
	running.Go(func() { a.Cadence.Run(ctx) })
	running.Go(func() { a.Board.Count(ctx) }) // so that nobody waits for the first page
	if a.Feeder != nil {
		running.Go(func() { a.feed(ctx) })
	}
	for _, due := range []struct {
		every time.Duration
		what  string
		do    func(context.Context) error
	}{
		{5 * time.Second, stays, a.unspool},
		{5 * time.Second, "not everybody was told of an alarm", a.raise},
		{time.Minute, "self-check not scheduled", a.SelfCheck.Schedule},
		{time.Minute, "time stamp not scheduled", a.Timestamp.Schedule},
		{time.Minute, "sweep of sign-ins failed", a.People.Sweep},
	} {
		running.Go(func() {
			for wait := due.every; pause(ctx, wait); {
				wait = due.every
				if err := unlessHalted(due.do(ctx)); err != nil && ctx.Err() == nil {
					a.Config.Log.ErrorContext(ctx, due.what, "err", err)
					wait = time.Minute
				}
			}
		})
	}
	running.Wait()
}

// pause waits, and reports whether ctx still goes on.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// Receiver returns the SMTP receiver: it takes mail for approved channels.
func (a *App) Receiver() *smtpd.Server {
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	return smtpd.New(smtpd.Config{Domain: host, Spool: a.Config.Data, Accepts: func(ctx context.Context, address string) error {
		_, err := a.Channels.ByAddress(ctx, a.Ledger, address)
		if kind, _ := fault.Of(err); err != nil && kind == fault.Internal {
			return &fault.Error{Kind: fault.Unavailable, Msg: "cannot look up the recipient at the moment", Err: err}
		}
		return err
	}}, a.receive, a.Config.Log)
}
