package app

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"time"

	"example.org/countersign/internal/channel/accepted"
	"example.org/countersign/internal/channel/smtpd"
	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/people"
	"example.org/countersign/internal/spool"
	"example.org/countersign/internal/witness"
	"example.org/countersign/verify/format"
)

// policyFile is where the witness policy lies in the data directory.
const policyFile = "witness-policy.txt"

const (
	feedEvery = time.Second // between looks for a new published checkpoint
	feedAgain = time.Minute // after a round in which a witness failed
)

// openFeeder reads the witness policy, where there is one, and asks the
// witnesses before anything is sealed: a record that was set back must not go
// on. Witnesses that do not answer stop nothing.
func (a *App) openFeeder(ctx context.Context) error {
	b, err := os.ReadFile(cmp.Or(a.Config.WitnessPolicy, filepath.Join(a.Config.Data, policyFile)))
	if errors.Is(err, fs.ErrNotExist) && a.Config.WitnessPolicy == "" {
		return nil
	}
	if err != nil {
		return fmt.Errorf("witness policy: %w", err)
	}
	p, err := format.ParsePolicy(b)
	if err != nil {
		return fault.New(fault.Invalid, "witness policy: %v", err)
	}
	clients, err := witness.Clients(p)
	if err != nil {
		return err
	}
	switch {
	case len(clients) == 0 && !p.Asks(): // "quorum none": nobody is asked
		return nil
	case len(clients) == 0:
		return fault.New(fault.Invalid, "witness policy: no witness has an address to be asked at; write it behind the witness's key, or \"quorum none\" where none is asked")
	}
	a.Feeder = witness.NewFeeder(a.Ledger, witness.Source{Head: a.Ledger.Published, Proof: a.Ledger.Consistency,
		Witnesses: clients, Quorum: p.Met}, a.Config.Log)
	if _, err := a.consult(ctx); err != nil {
		a.Config.Log.WarnContext(ctx, "witnesses could not be asked before the start", "err", err)
	}
	return nil
}

// witnessed returns the first checkpoint of at least size entries that enough
// witnesses have cosigned, nil where there is none.
func (a *App) witnessed(ctx context.Context, size int64) ([]byte, error) {
	if a.Feeder == nil {
		return nil, nil
	}
	s, err := a.Feeder.Seal(ctx, size)
	if s == nil || err != nil {
		return nil, err
	}
	return s.Checkpoint, nil
}

// consult submits the published checkpoint to the witnesses, and stops sealing
// where they show that the log was set back. It reports whether all of them
// cosigned.
func (a *App) consult(ctx context.Context) (all bool, err error) {
	v, err := a.Feeder.Round(ctx)
	if kind, _ := fault.Of(err); v == nil && kind == fault.NotFound { // nothing was published yet
		return true, nil
	}
	if v == nil {
		return false, err
	}
	if v.Rollback != nil {
		return false, a.Recovery.Halt(ctx, v.Rollback)
	}
	for _, o := range v.Outcomes {
		if o.Err != nil {
			return false, err
		}
	}
	return true, err
}

// feed submits every published checkpoint to the witnesses until ctx ends.
func (a *App) feed(ctx context.Context) {
	var fed string
	var again time.Time
	tick := time.NewTicker(feedEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		cp, err := a.Ledger.Published(ctx)
		if err != nil || string(cp.Signed) == fed && a.Ledger.Now().Before(again) {
			continue
		}
		all, err := a.consult(ctx)
		if err != nil && ctx.Err() == nil {
			a.Config.Log.ErrorContext(ctx, "round of the witnesses failed", "err", err)
		}
		fed, again = string(cp.Signed), a.Ledger.Now().Add(feedAgain)
		if all {
			again = a.Ledger.Now().Add(24 * time.Hour)
		}
	}
}

// unlessHalted drops the error of a write that can wait until the log is
// sealed again.
func unlessHalted(err error) error {
	if _, halted := errors.AsType[*ledger.Halted](err); halted {
		return nil
	}
	return err
}

// spooledMail is what the spool keeps of a mail beside its bytes.
type spooledMail struct {
	From   string `json:"from"`
	To     string `json:"to"`
	Remote net.IP `json:"remote"`
	HELO   string `json:"helo"`
	TLS    bool   `json:"tls"`
}

const mailItem = "mail"

// receive takes one mail into the record, or into the spool while sealing has
// stopped.
func (a *App) receive(ctx context.Context, env smtpd.Envelope, raw io.Reader) error {
	reason, err := a.Ledger.Halted(ctx)
	if err != nil {
		return err
	}
	m := spooledMail{From: cmp.Or(env.From, "<>"), To: env.To[0], Remote: env.RemoteIP, HELO: env.HELO, TLS: env.TLS}
	line := accepted.Line{Source: string(intake.FromSMTP)}
	if reason != "" {
		err = a.Spool.Keep(mailItem, a.Ledger.Now(), m, raw)
	} else {
		var r *intake.Receipt
		if r, err = a.record(ctx, m, time.Time{}, raw); err == nil {
			line.Record, line.Repeated = r.Communication, r.Duplicate
		}
	}
	if err != nil {
		return err
	}
	a.count(ctx, line)
	return nil
}

// count counts a mail that is safe. Where that fails it is logged: to refuse the
// mail now would double it.
func (a *App) count(ctx context.Context, line accepted.Line) {
	line.At = a.Ledger.Now()
	if err := a.accepted.Add(line); err != nil {
		a.Config.Log.ErrorContext(ctx, "accepted mail is not counted", "err", err)
	}
}

// record takes one mail into the record. arrived is when it came, where that
// was earlier.
func (a *App) record(ctx context.Context, m spooledMail, arrived time.Time, raw io.Reader) (*intake.Receipt, error) {
	r, err := a.Intake.Receive(ctx, intake.Incoming{Channel: m.To, Source: intake.FromSMTP, From: m.From, To: []string{m.To},
		Remote: m.Remote, HELO: m.HELO, TLS: m.TLS, Arrived: arrived, Raw: raw})
	if err == nil {
		a.Jobs.Kick()
	}
	return r, err
}

// stays is logged where unspool fails.
const stays = "spooled items that could not be taken into the record stay"

// unspool takes what was spooled into the record, once it can be sealed again.
func (a *App) unspool(ctx context.Context) error {
	if n, _, err := a.Spool.Waiting(); err != nil || n == 0 {
		return err
	}
	if reason, err := a.Ledger.Halted(ctx); err != nil || reason != "" {
		return err
	}
	n, err := a.Spool.Drain(ctx, a.take)
	if n > 0 {
		a.Config.Log.InfoContext(ctx, "spooled items are in the record", "items", n)
	}
	return err
}

func (a *App) take(ctx context.Context, item spool.Item, body io.Reader) error {
	switch item.Kind {
	case people.SignInItem, people.SignOutItem:
		return a.People.Take(ctx, item)
	case mailItem:
	default:
		defer a.kick()
		return a.Backlog.Take(ctx, item, body)
	}
	var m spooledMail
	if err := json.Unmarshal(item.Meta, &m); err != nil {
		return err
	}
	r, err := a.record(ctx, m, item.At, body)
	if err == nil {
		a.count(ctx, accepted.Line{Source: string(intake.FromSMTP), Record: r.Communication, Repeated: r.Duplicate, Unspooled: true})
	}
	return err
}
