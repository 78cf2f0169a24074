package app

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"example.org/countersign/internal/channel"
	"example.org/countersign/internal/channel/relay"
	"example.org/countersign/internal/design/phrase"
	"example.org/countersign/internal/durable"
	"example.org/countersign/internal/people"
)

// alarmFile tells whom this node has told of which alarm.
const alarmFile = "alarm.json"

// alarm is what administrators and leads have to know at once. There is one at a
// time of each kind.
type alarm struct {
	kind    string
	id      string // names it on every node and at every attempt; "" where there is none
	subject string
	text    string
}

// told is what alarmFile keeps of an alarm, by its kind.
type told struct {
	Alarm string   `json:"alarm"` // its id
	Told  []string `json:"told"`  // ids of persons
}

// raise tells administrators and leads by mail that sealing has stopped, and
// that a self-check found something, once each (CC2.2, CC7.3). The mails are not
// in the record, and say nothing that the record keeps. Whom the relay does not
// take one for is told at the next call.
func (a *App) raise(ctx context.Context) error {
	if a.relay == nil {
		return nil
	}
	var failed []error
	for _, look := range []func(context.Context) (alarm, error){a.stopped, a.altered} {
		x, err := look(ctx)
		if err == nil {
			err = a.alert(ctx, x)
		}
		failed = append(failed, err)
	}
	return errors.Join(failed...)
}

// stopped is the alarm that sealing has stopped, known by what was found.
func (a *App) stopped(ctx context.Context) (alarm, error) {
	finding, err := a.Ledger.Halted(ctx)
	return alarm{"sealing", finding, "sealing of the record has stopped", fmt.Sprintf(stoppedText, finding, a.Config.URL)}, err
}

// altered is the alarm that a self-check found something, known by the first
// check that did. Nights that find something again, or more, are no new alarm;
// one after a check that found nothing is. What was found names places in the
// record, and is not in the mail.
func (a *App) altered(ctx context.Context) (alarm, error) {
	x := alarm{kind: "record"}
	c, err := a.SelfCheck.Alarm(ctx)
	if err != nil || c == nil {
		return x, err
	}
	x.id, x.subject = "self_check "+c.ID, "a self-check found that the record was altered"
	x.text = fmt.Sprintf(alteredText, phrase.Instant(time.UnixMicro(c.At).UTC()), a.Config.URL)
	return x, nil
}

// alert tells everybody who has not been told of an alarm, and forgets whom it
// told once there is none.
func (a *App) alert(ctx context.Context, x alarm) error {
	path := filepath.Join(a.Config.Data, alarmFile)
	all := map[string]told{}
	if b, err := os.ReadFile(path); err == nil {
		json.Unmarshal(b, &all) // where it is damaged, people are told twice
	}
	before, known := all[x.kind]
	if x.id == "" {
		if !known {
			return nil
		}
		delete(all, x.kind)
		return keepTold(path, all)
	}
	if before.Alarm != x.id {
		before = told{Alarm: x.id}
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
		if err := a.tell(ctx, p, x); err != nil {
			failed = append(failed, fmt.Errorf("tell %s: %w", p.ID, err))
			continue
		}
		before.Told = append(before.Told, p.ID)
		all[x.kind] = before
		if err := keepTold(path, all); err != nil {
			return err
		}
	}
	return errors.Join(failed...)
}

// keepTold writes alarmFile, and removes it where there is no alarm.
func keepTold(path string, all map[string]told) error {
	if len(all) == 0 {
		return os.Remove(path)
	}
	b, err := json.Marshal(all)
	if err != nil {
		return err
	}
	return durable.WriteFile(path, b)
}

// tell sends one person the alarm, from the first channel that sends mail, or
// from their own address. The Message-ID is that of every node and attempt.
func (a *App) tell(ctx context.Context, p *people.Person, x alarm) error {
	from := p.Email
	channels, err := a.Channels.List(ctx, a.Ledger)
	if err != nil {
		return err
	}
	if i := slices.IndexFunc(channels, func(c *channel.Channel) bool { return c.Kind == channel.Email && c.Sends() }); i >= 0 {
		from = channels[i].Address
	}
	id := sha256.Sum256([]byte(a.Ledger.Origin() + "\n" + x.id + "\n" + p.ID))
	_, err = a.relay.Send(ctx, relay.Mail{
		MessageID: hex.EncodeToString(id[:16]) + from[strings.LastIndexByte(from, '@'):],
		Date:      a.Ledger.Now(), From: from, To: []string{p.Email}, Sender: "<>",
		Subject: a.Config.Organisation + ": " + x.subject,
		Headers: map[string]string{"Auto-Submitted": "auto-generated"}, // RFC 3834
		Text:    x.text,
	})
	return err
}

const stoppedText = `The record takes nothing at the moment, and somebody has to decide.

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

const alteredText = `Somebody has to look: the check of the whole record that began on
%s found something that was changed past the program.

What it found is not in this mail. Sign in and read it, above the page or at
  %s/checks

What to do:
- Keep a copy of everything as it is, before anything is repaired or restored.
- Compare with a backup, and look who could write to the database. "Every night"
  in the operator's guide says more.
- Treat it as an incident.

This is said once. It stays above the pages of leads, administrators and
auditors until a check finds nothing.
`
