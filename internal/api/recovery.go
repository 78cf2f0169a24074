package api

import (
	"context"
	"time"

	"example.org/countersign/internal/recovery"
)

// Recovery is a loss of a set back log that was accepted.
type Recovery struct {
	ID        string    `json:"id"`
	At        time.Time `json:"at"`
	By        string    `json:"by"`
	Reason    string    `json:"reason" doc:"Why the loss was accepted"`
	Finding   string    `json:"finding" doc:"Why sealing had stopped"`
	Origin    string    `json:"origin" doc:"Name of the log before"`
	Entries   int64     `json:"entries" doc:"That there were"`
	Seen      int64     `json:"seen" doc:"That witnesses had seen"`
	Evidence  string    `json:"evidence,omitzero" doc:"Checkpoint that the log signed and does not continue"`
	Witnesses []string  `json:"witnesses,omitzero"`
}

func viewRecovery(r *recovery.Recovery) Recovery {
	return Recovery{ID: r.ID, At: at(r.At), By: r.By, Reason: r.Reason, Finding: r.Finding, Origin: r.Origin, Entries: r.Entries,
		Seen: r.Seen, Evidence: r.Evidence, Witnesses: r.Witnesses}
}

// Sealing says whether the log takes entries.
type Sealing struct {
	Halted     string     `json:"halted,omitzero" doc:"Why sealing has stopped; absent where it has not"`
	Recoveries []Recovery `json:"recoveries" doc:"Losses that were accepted, the newest first"`
}

type sealingOut struct{ Body Sealing }

func (d *door) sealing(ctx context.Context, _ *struct{}) (*sealingOut, error) {
	halted, err := d.Ledger.Halted(ctx)
	if err != nil {
		return nil, err
	}
	all, err := d.Recovery.List(ctx)
	if err != nil {
		return nil, err
	}
	out := &sealingOut{Sealing{Halted: halted, Recoveries: []Recovery{}}}
	for _, r := range all {
		out.Body.Recoveries = append(out.Body.Recoveries, viewRecovery(r))
	}
	return out, nil
}

type recoverIn struct {
	Body struct {
		Reason string `json:"reason" doc:"Why the loss is accepted, in 10 to 4,000 characters"`
	}
}

type recoverOut struct {
	Body struct {
		Recovery Recovery `json:"recovery"`
		Key      string   `json:"key" doc:"Verifier key under the log's new name: witnesses have to register it"`
	}
}

func (d *door) recover(ctx context.Context, in *recoverIn) (*recoverOut, error) {
	actor, err := acting(ctx, recoverers)
	if err != nil {
		return nil, err
	}
	r, err := d.Recovery.Accept(ctx, actor, in.Body.Reason)
	if err != nil {
		return nil, err
	}
	out := &recoverOut{}
	out.Body.Recovery, out.Body.Key = viewRecovery(r), d.Ledger.VerifierKey()
	return out, nil
}
