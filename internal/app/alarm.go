package app

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"example.org/countersign/internal/channel"
	"example.org/countersign/internal/channel/relay"
	"example.org/countersign/internal/durable"
	"example.org/countersign/internal/people"
)

// alarmFile tells whom this node has told that sealing has stopped, and of what.
const alarmFile = "alarm.json"

type alarm struct {
	Finding string   `json:"finding"`
	Told    []string `json:"told"` // ids of persons
}

// raise tells administrators and leads by mail that sealing has stopped, once
// each (CC2.2, CC7.3). The mail is not in the record, which takes nothing at
// that moment; it says nothing that the record keeps. Whom the relay does not
// take it for is told at the next call.
func (a *App) raise(ctx context.Context) error {
	finding, err := a.Ledger.Halted(ctx)
	if err != nil || a.relay == nil {
		return err
	}
	path := filepath.Join(a.Config.Data, alarmFile)
	if finding == "" {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	var before alarm
	if b, err := os.ReadFile(path); err == nil {
		json.Unmarshal(b, &before) // where it is damaged, people are told twice
	}
	if before.Finding != finding {
		before = alarm{Finding: finding}
	}
	persons, err := a.People.List(ctx)
	if err != nil {
		return err
	}
	var failed []error
	for _, p := range persons {
		if !p.Active || !p.Has(people.Admin) && !p.Has(people.Lead) || slices.Contains(before.Told, p.ID) {
			continue
		}
		if err := a.tell(ctx, p, finding); err != nil {
			failed = append(failed, fmt.Errorf("tell %s: %w", p.ID, err))
			continue
		}
		before.Told = append(before.Told, p.ID)
		b, err := json.Marshal(before)
		if err == nil {
			err = durable.WriteFile(path, b)
		}
		if err != nil {
			return err
		}
	}
	return errors.Join(failed...)
}

// tell sends one person the alarm, from the first channel that sends mail, or
// from their own address. The Message-ID is that of every node and attempt.
func (a *App) tell(ctx context.Context, p *people.Person, finding string) error {
	from := p.Email
	channels, err := a.Channels.List(ctx, a.Ledger)
	if err != nil {
		return err
	}
	if i := slices.IndexFunc(channels, func(c *channel.Channel) bool { return c.Kind == channel.Email && c.Sends() }); i >= 0 {
		from = channels[i].Address
	}
	id := sha256.Sum256([]byte(a.Ledger.Origin() + "\n" + finding + "\n" + p.ID))
	_, err = a.relay.Send(ctx, relay.Mail{
		MessageID: hex.EncodeToString(id[:16]) + from[strings.LastIndexByte(from, '@'):],
		Date:      a.Ledger.Now(), From: from, To: []string{p.Email}, Sender: "<>",
		Subject: a.Config.Organisation + ": sealing of the record has stopped",
		Headers: map[string]string{"Auto-Submitted": "auto-generated"}, // RFC 3834
		Text:    fmt.Sprintf(alarmText, finding, a.Config.URL),
	})
	return err
}

const alarmText = `The record takes nothing at the moment, and somebody has to decide.

What was found: %s

Nothing that arrives is lost: mail and reports are kept and taken in later. But
nothing is sealed, no answer can leave, and deadlines run. You can sign in and
read.

What to do:
- If the newer data exist (a disk, a backup, another machine), stop the server,
  put them back, and start it again.
- If they are lost, a lead accepts the loss, with the reason, at
  %s/recovery
  or whoever has the server does, with "countersign recover --help".
`
