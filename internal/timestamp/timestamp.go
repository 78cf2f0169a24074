// Package timestamp has an authority outside stamp the log once a day
// (RFC 3161): somebody who knows neither us nor the content then vouches that
// the log had come so far by that time (CC7.1, PI1.5).
package timestamp

import (
	"context"
	"crypto/x509"
	"fmt"
	"time"

	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/jobs"
	"example.org/countersign/internal/ledger"
)

// Job is the kind of job that has the log stamped. Its key is the day, as
// 2006-01-02.
const Job = "timestamp"

// hour of the day, UTC, from which on the stamp is due.
const hour = 3

// Stamp is one checkpoint and the token over its bytes. Times are Unix
// microseconds.
type Stamp struct {
	ledger.Record
	Day        string `json:"day"`        // that it is for, 2006-01-02
	At         int64  `json:"at"`         // when the answer came, by our clock
	Time       int64  `json:"stamped_at"` // by the authority's clock; "time" is that of the entry, in the tables of a package
	Authority  string `json:"authority"`  // its address, without what may be secret in it
	Signer     string `json:"signer"`     // subject of its certificate, RFC 2253
	Serial     string `json:"serial"`     // of the token, decimal
	Policy     string `json:"policy"`     // of the authority, object identifier
	Size       int64  `json:"size"`       // entries in the log
	Checkpoint string `json:"checkpoint"` // C2SP tlog-checkpoint, signed
	Token      []byte `json:"token"`      // DER ContentInfo, over the bytes of Checkpoint
}

// Stamps is the record kind timestamp.
var Stamps = ledger.Define("timestamp", []string{"day", "time"}, func(s *Stamp, _ ledger.Index) []any {
	return []any{s.Day, s.Time}
})

// Records returns the record kinds of this package.
func Records() []ledger.Records { return []ledger.Records{Stamps} }

// Options say who stamps.
type Options struct {
	URL   string         // of the authority; nobody is asked where empty
	Roots *x509.CertPool // that vouch for it; the system's where nil
}

// Desk has the log stamped, and knows the stamps.
type Desk struct {
	ledger    *ledger.Ledger
	authority *authority // nil where nobody is asked
}

// New returns the desk of a ledger. The error says what is wrong with the
// address.
func New(l *ledger.Ledger, o Options) (d *Desk, err error) {
	d = &Desk{ledger: l}
	if o.URL != "" {
		d.authority, err = newAuthority(o.URL, o.Roots)
	}
	return d, err
}

// Handlers returns what does the jobs; none where nobody is asked.
func (d *Desk) Handlers() map[string]jobs.Handler {
	if d.authority == nil {
		return nil
	}
	return map[string]jobs.Handler{Job: d.Handle}
}

// Schedule makes the stamp of the day due, once there is something to stamp. It
// is called every minute, on any node: there is one job a day.
func (d *Desk) Schedule(ctx context.Context) error {
	if d.authority == nil {
		return nil
	}
	_, err := d.ledger.Published(ctx)
	if kind, _ := fault.Of(err); err != nil && kind == fault.NotFound {
		return nil
	}
	if err == nil {
		now := d.ledger.Now().UTC()
		err = d.ledger.Write(ctx, ledger.System, func(_ context.Context, tx *ledger.Tx) error {
			return jobs.Enqueue(tx, Job, now.Format(time.DateOnly), time.Date(now.Year(), now.Month(), now.Day(), hour, 0, 0, 0, time.UTC))
		})
	}
	if err != nil {
		return fmt.Errorf("schedule the time stamp: %w", err)
	}
	return nil
}

// Handle is the handler of Job. What the authority does wrong is its error, and
// it is asked again.
func (d *Desk) Handle(ctx context.Context, j jobs.Job) error {
	if done, err := d.find(ctx, d.ledger, j.Key); err != nil || done != nil {
		return err
	}
	cp, err := d.ledger.Published(ctx)
	if err != nil {
		return err
	}
	t, der, err := d.authority.stamp(ctx, cp.Signed)
	now := d.ledger.Now()
	if err == nil && t.Time.Sub(now).Abs() > maxSkew {
		err = fmt.Errorf("the token is refused: it is dated %s, and it is %s", t.Time.Format(time.RFC3339), now.Format(time.RFC3339))
	}
	if err != nil {
		return fmt.Errorf("time stamp of %s: %w", d.authority.name(), err)
	}
	s := &Stamp{Day: j.Key, At: now.UnixMicro(), Time: t.Time.UnixMicro(), Authority: d.authority.name(), Signer: t.Signer,
		Serial: t.Serial.String(), Policy: t.Policy, Size: cp.Size, Checkpoint: string(cp.Signed), Token: der}
	err = d.ledger.Write(ctx, ledger.System, func(ctx context.Context, tx *ledger.Tx) error {
		if done, err := d.find(ctx, tx, j.Key); err != nil || done != nil { // another node was faster
			return err
		}
		return Stamps.Put(tx, s, ledger.Do("obtained", "CC7.1", "PI1.5"))
	})
	if err != nil {
		return fmt.Errorf("keep the time stamp: %w", err)
	}
	return nil
}

// find returns the stamp of a day, nil where there is none.
func (d *Desk) find(ctx context.Context, s ledger.Source, day string) (*Stamp, error) {
	found, err := Stamps.Select(ctx, s, `WHERE r.day = $1`, day)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return found[0], nil
}

// Of returns the stamp of a day, as 2006-01-02; NotFound where there is none.
func (d *Desk) Of(ctx context.Context, day string) (*Stamp, error) {
	s, err := d.find(ctx, d.ledger, day)
	if err == nil && s == nil {
		err = fault.New(fault.NotFound, "there is no time stamp of this day; days are written as 2026-09-30")
	}
	return s, err
}

// Named reports whether an authority is named, who stamps from now on.
func (d *Desk) Named() bool { return d.authority != nil }

// Since returns the stamps that name a time from then on, in the order of their
// times.
func (d *Desk) Since(ctx context.Context, from time.Time) ([]*Stamp, error) {
	return Stamps.Select(ctx, d.ledger, `WHERE r.time >= $1 ORDER BY r.time, r.day`, from.UnixMicro())
}

// List returns the stamps, the newest first.
func (d *Desk) List(ctx context.Context) ([]*Stamp, error) {
	return Stamps.Select(ctx, d.ledger, `ORDER BY r.day DESC`)
}
