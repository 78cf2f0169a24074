package response

import (
	"context"
	"time"

	"example.org/countersign/internal/channel"
	"example.org/countersign/internal/ledger"
)

// Doubt makes an answer ambiguous that was due to be mailed when the record was
// last known to be true, at since: what was done with it afterwards nobody
// knows. Somebody who may approve resolves it, as any unclear hand-over. What
// is shown to the reporter here is not in doubt: doubted is false, and nothing
// is changed.
func Doubt(ctx context.Context, tx *ledger.Tx, id string, since time.Time, why string) (doubted bool, err error) {
	r, err := Responses.Load(ctx, tx, id)
	if err != nil {
		return false, err
	}
	if r.State != Approved && r.State != Sending {
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
		if err := r.begin(since.UnixMicro()); err != nil {
			return false, err
		}
	}
	if err := r.end(Ambiguous, "ambiguous", why, tx.Now.UnixMicro()); err != nil {
		return false, err
	}
	return true, Responses.Put(tx, r, ledger.Do("ambiguous", "CC2.3"))
}
