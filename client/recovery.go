package client

import (
	"context"
	"net/http"
	"time"
)

// Recovery is a loss of a set back log that was accepted.
type Recovery struct {
	ID        string    `json:"id"`
	At        time.Time `json:"at"`
	By        string    `json:"by"`
	Reason    string    `json:"reason"`  // why the loss was accepted
	Finding   string    `json:"finding"` // why sealing had stopped
	Origin    string    `json:"origin"`  // name of the log before
	Entries   int64     `json:"entries"` // that there were
	Seen      int64     `json:"seen"`    // that witnesses had seen
	Evidence  string    `json:"evidence,omitempty"`
	Witnesses []string  `json:"witnesses,omitempty"`
}

// Sealing says whether the log takes entries.
type Sealing struct {
	Halted     string     `json:"halted,omitempty"` // why not
	Recoveries []Recovery `json:"recoveries"`       // the newest first
}

// Sealing returns whether the log takes entries.
func (c *Client) Sealing(ctx context.Context) (*Sealing, error) {
	return call[Sealing](ctx, c, http.MethodGet, "/ledger/sealing", nil, nil)
}

// Recovered is what Recover has done.
type Recovered struct {
	Recovery Recovery `json:"recovery"`
	Key      string   `json:"key"` // verifier key under the log's new name
}

// Recover accepts the loss of a log that was set back, and has it sealed again.
func (c *Client) Recover(ctx context.Context, reason string) (*Recovered, error) {
	return call[Recovered](ctx, c, http.MethodPost, "/ledger/recovery", nil, map[string]string{"reason": reason})
}
