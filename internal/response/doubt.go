package response

import (
	"context"
	"strconv"
	"strings"
	"time"

	"example.org/countersign/internal/channel"
	"example.org/countersign/internal/jobs"
	"example.org/countersign/internal/ledger"
)

// Doubt makes the answer of a SendJob ambiguous that was due to be mailed when
// the record was last known to be true, at since: what was done with it
// afterwards nobody knows. Somebody who may approve resolves it, as any unclear hand-over. What
// is shown to the reporter here is not in doubt: doubted is false, and nothing
// is changed.
func Doubt(ctx context.Context, tx *ledger.Tx, j jobs.Job, since time.Time, why string) (doubted bool, err error) {
	id, round, _ := strings.Cut(j.Key, "/")
	r, err := Responses.Load(ctx, tx, id)
	if err != nil {
		return false, err
	}
	if strconv.Itoa(r.Rounds) != round || r.State != Approved && r.State != Sending {
		return false, nil
	}
	out, err := channel.Channels.Load(ctx, tx, r.Channel)
	if err != nil || out.Kind != channel.Email {
		return false, err
	}
	if r.State == Approved {
		if r.MessageID == "" {
			r.MessageID = r.ID + "@" + domain(out)
		}
		r.State = Sending
		r.Attempts = append(r.Attempts, Attempt{At: since.UnixMicro()})
	}
	if err := r.end(Ambiguous, "ambiguous", why, tx.Now.UnixMicro()); err != nil {
		return false, err
	}
	return true, Responses.Put(tx, r, ledger.Do("ambiguous", "CC2.3"))
}
