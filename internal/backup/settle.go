package backup

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"example.org/countersign/internal/jobs"
	"example.org/countersign/internal/keyring"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/people"
	"example.org/countersign/internal/policy"
	"example.org/countersign/internal/recovery"
	"example.org/countersign/internal/response"
	"example.org/countersign/internal/retention"
	"example.org/countersign/internal/selfcheck"
	"example.org/countersign/internal/timestamp"
)

// operator is whoever may read keyring and backup.
var operator = ledger.Actor{ID: "operator", Role: "operator"}

// declare ends where every log ends that was set back: sealing stops, and goes
// on with somebody's reason, in the record itself and under another name. Who
// has seen more of the log than the backup has would otherwise see it forked.
func declare(ctx context.Context, l *ledger.Ledger, dir, reason string, h *Header, m *Manifest) error {
	halted, err := l.Halted(ctx)
	if err == nil && halted == "" {
		err = l.Halt(ctx, fmt.Sprintf("the record was restored from a backup of %s", h.MadeAt.Format(time.RFC3339)))
	}
	if err != nil {
		return err
	}
	if _, err := recovery.New(l, dir, slog.New(slog.DiscardHandler)).Accept(ctx, operator, reason); err != nil {
		return err
	}
	d := &Drill{Outcome: Brought, BackupAt: h.MadeAt.UnixMicro(), Product: h.Product, Schema: h.Schema, Origin: h.Origin, Entries: h.Entries,
		Root: h.Root, Checkpoint: h.Checkpoint, Live: h.Entries, Rows: m.Rows(), Blobs: m.Blobs, BlobBytes: m.BlobBytes}
	return l.Write(ctx, operator, func(_ context.Context, tx *ledger.Tx) error {
		d.At, d.By = tx.Now.UnixMicro(), operator.ID
		return Drills.Put(tx, d, ledger.Do(string(Brought), "A1.2"))
	})
}

// Settled is what a restore left for people to decide. What the record was
// about to do when it was backed up may have been done since, and doing it
// again may be wrong: a mail goes out twice, a session that was ended lives.
type Settled struct {
	Answers  int // that were due to be sent, now ambiguous
	Letters  int // other jobs that reach outside, now dead letters
	Sessions int // that were ended; one-time links are forgotten too
}

// inward are the kinds of job that change the record alone. Doing them is right
// in whatever state a restored record is.
var inward = map[string]bool{policy.EffectJob: true, selfcheck.Job: true, retention.EraseJob: true, retention.DisposeJob: true, timestamp.Job: true}

// settle does that to a restored record.
func settle(ctx context.Context, l *ledger.Ledger, keys *keyring.Keyring, madeAt time.Time) (s Settled, err error) {
	persons, err := people.New(ctx, l, keys, people.Options{})
	if err != nil {
		return s, err
	}
	if s.Sessions, err = persons.TurnOut(ctx); err != nil {
		return s, err
	}
	why := fmt.Sprintf("the record was restored from a backup of %s, in which this was still to be done; whether it was done since then is not known",
		madeAt.Format("2006-01-02 15:04 MST"))
	for last := (jobs.Job{}); ; {
		page, err := jobs.Unfinished(ctx, l, last, 256)
		if err != nil || len(page) == 0 {
			return s, err
		}
		last = page[len(page)-1]
		for _, j := range page {
			if err := s.job(ctx, l, j, madeAt, why); err != nil {
				return s, err
			}
		}
	}
}

func (s *Settled) job(ctx context.Context, l *ledger.Ledger, j jobs.Job, madeAt time.Time, why string) error {
	if inward[j.Kind] {
		return nil
	}
	return l.Write(ctx, ledger.System, func(ctx context.Context, tx *ledger.Tx) error {
		if j.Kind == response.SendJob {
			doubted, err := response.Doubt(ctx, tx, j, madeAt, why)
			if doubted {
				s.Answers++
			}
			return err // the job finds nothing to send
		}
		s.Letters++
		return jobs.GiveUp(ctx, tx, j.Kind, j.Key, why)
	})
}
