package web

import (
	"fmt"
	"net/http"
	"time"

	"example.org/countersign/internal/backup"
	"example.org/countersign/internal/design"
	"example.org/countersign/internal/design/phrase"
	"example.org/countersign/internal/receipt"
	"example.org/countersign/internal/recovery"
	"example.org/countersign/internal/selfcheck"
	"example.org/countersign/internal/spool"
	"example.org/countersign/internal/witness"
)

// Checks are the desks that look whether the record is as it was.
type Checks struct {
	SelfCheck *selfcheck.Desk
	Recovery  *recovery.Desk
	Backup    *backup.Desk
	Feeder    *witness.Feeder // nil without witnesses
	Receipts  *receipt.Desk
	Spool     *spool.Spool
}

// alarms are above every page: that sealing has stopped, and, for those who
// have to look, what is wrong with the self-checks (CC7.3, CC7.4). A page is shown
// all the same where they cannot be found out.
func (q *request) alarms() []design.Flash {
	var all []design.Flash
	if reason, err := q.Ledger.Halted(q.ctx); err == nil && reason != "" {
		f := design.Flash{Kind: design.Problem, Text: "Sealing has stopped" + q.lastSealed() + ". Nothing can be saved here until it goes on. What comes from outside is kept and not refused."}
		if q.may(caretaker) {
			f.Text += " You can act: countersign recover says how."
			f.Link = &design.Link{Label: "What has happened, and what to do", Href: "/recovery"}
		} else {
			f.Text += " An administrator or a lead has to act: tell one of them."
		}
		all = append(all, f)
	}
	halted := len(all) > 0
	if n, oldest, err := q.Spool.Waiting(); err == nil && n > 0 && !halted && q.may(caretaker) {
		all = append(all, design.Flash{Kind: design.Problem, Text: "Of what came while sealing had stopped, the oldest " + phrase.Instant(oldest) + ", " + phrase.Count(int64(n), "item is", "items are") + " not in the record yet. Nothing of it is lost. Where this does not end within a minute, the log of the server says why."})
	}
	if q.may(watchers) {
		if f := q.checkAlarm(halted); f != nil {
			all = append(all, *f)
		}
	}
	return all
}

// checkAlarm says what is wrong with the newest self-check, nil where nothing
// is: that it found something, that there should be a newer one, or that it
// cannot be read (CC4.1). While sealing has stopped no check can be kept, and
// that none is there is said above.
func (q *request) checkAlarm(halted bool) *design.Flash {
	f := &design.Flash{Kind: design.Problem, Link: &design.Link{Label: "See all checks", Href: "/checks"}}
	s, err := q.SelfCheck.Standing(q.ctx)
	switch {
	case err != nil:
		f.Text = "The newest self-check cannot be read. It may be among what was altered: have the record checked, on the page of the ledger."
	case s.Latest != nil && s.Latest.Outcome == selfcheck.Altered:
		f.Text = "The self-check of " + phrase.Instant(micros(s.Latest.At)) + " found that the record was altered: " + sentence(s.Latest.Finding)
	case s.Late && !halted:
		f.Text = "No self-check since " + phrase.Instant(s.Since) + ": it should run every night. Background work shows whether it failed."
	default:
		return nil
	}
	return f
}

// lastSealed says since when nothing was sealed, "" where that is not known or
// not for who asks: it is the time of somebody's act.
func (q *request) lastSealed() string {
	if !q.may(insiders) {
		return ""
	}
	last, err := q.Board.Entries(q.ctx, -1, 1)
	if err != nil || len(last) == 0 {
		return ""
	}
	return " after the entry of " + phrase.Exact(micros(last[0].Time))
}

// halted reports whether sealing has stopped.
func (q *request) halted() bool {
	reason, err := q.Ledger.Halted(q.ctx)
	return err == nil && reason != ""
}

// showStopped says to whoever has a link that it is of no use now, and nothing
// of why.
func (q *request) showStopped() error {
	h := design.Header{Title: "This link cannot be used at the moment",
		Note: "The record is being repaired, and what the link is for would have to be recorded. Try again later, or ask an administrator. Whoever has an account can sign in and read."}
	return q.show(http.StatusServiceUnavailable, "problem-outside", problemOutside{q.public(h.Title), h})
}

func (q *request) recoveryPage() error { return q.showRecovery(nil) }

// showRecovery says why sealing has stopped, and lets a lead accept the loss.
func (q *request) showRecovery(f *form) error {
	reason, err := q.Ledger.Halted(q.ctx)
	if err != nil {
		return err
	}
	p := recordPage{Staff: q.frame("Recovery", ""), Header: design.Header{Crumbs: []design.Link{{Label: "Checks", Href: "/checks"}}, Title: "Recovery"}}
	if reason == "" {
		p.Header.Note = "Sealing goes on: there is nothing to recover from."
		p.Header.State = &design.State{Word: "sealing", Tone: design.Done}
		return q.show(f.code(), "record", p)
	}
	p.Header.Note = "The record is not what others have seen of it. Going on would make two histories, so nothing is sealed until somebody decides."
	p.Header.State = &design.State{Word: "sealing has stopped", Tone: design.Attention}
	p.Facts = design.DefinitionList{Wide: true, Items: []design.KeyValue{
		{Label: "What was found", Cell: design.Cell{Text: sentence(reason)}},
		{Label: "Meanwhile", Cell: design.Cell{Text: "Mail and reports are kept, encrypted, and taken into the record afterwards, at the time at which they came.", Sub: "People sign in and read. That they did is recorded afterwards too."}},
		{Label: "The newer data exist", Cell: design.Cell{Text: "Stop the server, put them back, start it.", Sub: "The witnesses are satisfied then, and nothing is lost. Look for them first."}},
		{Label: "They are lost", Cell: design.Cell{Text: "A lead accepts that below, or an administrator with countersign recover --reason.", Sub: "The log goes on under another name and key. Witnesses and the auditor have to be given that key."}},
	}}
	if q.may(leads) {
		accept := Form{Title: "Accept the loss", Open: true, Action: "/recovery", Note: "This cannot be undone. The record says for ever who accepted the loss, and why.",
			Fields: f.of("recovery").fields(
				design.Field{Name: "reason", Label: "Why the loss is accepted", Kind: design.Long, Rows: 3, Required: true, Hint: "What was looked for, where, and what is lost. 10 to 4,000 characters."},
				design.Field{Name: "sure", Label: "I have looked for the newer data, and they cannot be put back", Kind: design.Confirm, Required: true, Options: []design.Option{{Value: "yes", Label: "I have looked for the newer data, and they cannot be put back"}}}),
			Buttons: []design.Button{{Label: "Accept the loss and seal again", Weight: design.Primary}}}
		p.Forms = []Form{accept}
	}
	return q.show(f.code(), "record", p)
}

// acceptLoss lets the log go on (CC7.5).
func (q *request) acceptLoss() error {
	f, err := q.form("recovery")
	if err != nil {
		return err
	}
	if f.get("sure") != "yes" && q.halted() {
		f.wrong("sure", "say that you have looked for the newer data")
		return q.showRecovery(f)
	}
	_, err = q.Recovery.Accept(q.ctx, q.actor(leads), f.get("reason"))
	if err == nil && q.Jobs != nil {
		q.Jobs.Kick()
	}
	return q.settle(err, f, "reason", q.showRecovery, "The log goes on, under the key below. Give that to the witnesses and to the auditor.", "/ledger")
}

// checksPage is who looked whether the record is as it was, and what they found.
type checksPage struct {
	design.Staff
	Header    design.Header
	Checks    design.Table
	Witnesses design.Table
	Drills    design.Table
	Losses    design.Table
}

// shownChecks is how many self-checks the page lists: a quarter of a year.
const shownChecks = 92

func (q *request) checks() error {
	p := checksPage{Staff: q.frame("Checks", ""), Header: design.Header{Title: "Checks", Note: "Who looks whether the record is as it was, and what was found."}}
	checks, err := q.SelfCheck.List(q.ctx, shownChecks)
	if err != nil {
		return err
	}
	drills, err := q.Backup.List(q.ctx)
	if err != nil {
		return err
	}
	losses, err := q.Recovery.List(q.ctx)
	if err != nil {
		return err
	}
	var states []witness.State
	if q.Feeder != nil {
		if states, err = q.Feeder.States(q.ctx); err != nil {
			return err
		}
	}
	p.Checks, p.Witnesses, p.Drills, p.Losses = q.checkTable(checks), q.witnessTable(states), q.drillTable(drills), q.lossTable(losses)
	return q.show(http.StatusOK, "checks", p)
}

func sealed(entry int64) design.Cell {
	return design.Cell{Seal: &design.Seal{Kind: design.Sealed, Href: entryHref(entry)}}
}

func moment(at int64) design.Cell { return design.Cell{Moment: &design.Moment{At: micros(at)}} }

// columns of what was found at a time.
func columns(names ...string) []design.Column {
	out := []design.Column{{Label: "When", Width: design.Narrow, Place: design.Meta}}
	for _, n := range names {
		out = append(out, design.Column{Label: n, Place: design.Meta})
	}
	out[1].Place = design.Full
	return append(out, design.Column{Label: "Seal", Width: design.Narrow, Place: design.Meta})
}

func (q *request) checkTable(all []*selfcheck.Check) design.Table {
	t := design.Table{Caption: "Self-checks", Columns: columns("Found", "Looked at", "Took"),
		Empty: design.EmptyState{Title: "No check yet", Text: "The record is checked every night after 02:00 UTC."}}
	for _, c := range all {
		found, looked := design.Cell{State: &design.State{Word: "intact", Tone: design.Done}}, fmt.Sprintf("%s, %s", phrase.Count(c.Entries, "entry", "entries"), phrase.Count(c.Records, "record", "records"))
		if c.Outcome == selfcheck.Altered {
			found, looked = design.Cell{State: &design.State{Word: "altered", Tone: design.Attention}, Sub: sentence(c.Finding)}, "up to what was found"
		}
		t.Rows = append(t.Rows, design.Row{Cells: []design.Cell{moment(c.At), found, {Text: looked}, {Text: took(c.Took)}, sealed(c.Entry)}})
	}
	return t
}

// took says how long something took.
func took(micros int64) string {
	d := time.Duration(micros) * time.Microsecond
	if d < time.Minute {
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return phrase.Duration(d)
}

func (q *request) witnessTable(all []witness.State) design.Table {
	t := design.Table{Caption: "Witnesses", Columns: []design.Column{{Label: "Witness", Place: design.Full}, {Label: "State", Place: design.Meta}, {Label: "Has cosigned", Place: design.Meta}, {Label: "Last time", Width: design.Narrow, Place: design.Meta}},
		Empty: design.EmptyState{Title: "No witnesses", Text: "Nobody outside cosigns what is published. The operator’s guide says how to have that done."}}
	for _, s := range all {
		state, size, at := design.Cell{State: &design.State{Word: "follows", Tone: design.Done}}, "nothing yet", design.Cell{Text: "never", Quiet: true}
		switch {
		case s.Error != "":
			state = design.Cell{State: &design.State{Word: "does not cosign", Tone: design.Attention}, Sub: sentence(s.Error)}
		case s.Succeeded.IsZero():
			state = design.Cell{State: &design.State{Word: "not asked yet", Tone: design.Open}}
		}
		if !s.Succeeded.IsZero() {
			size, at = phrase.Count(s.Size, "entry", "entries"), design.Cell{Moment: &design.Moment{At: s.Succeeded}}
		}
		t.Rows = append(t.Rows, design.Row{Cells: []design.Cell{{Text: s.Witness, Sub: s.Key}, state, {Text: size}, at}})
	}
	return t
}

var drillStates = map[backup.Outcome]design.State{backup.Passed: {Word: "passed", Tone: design.Done},
	backup.Failed: {Word: "failed", Tone: design.Attention}, backup.Brought: {Word: "restored in earnest", Tone: design.Active}}

func (q *request) drillTable(all []*backup.Drill) design.Table {
	t := design.Table{Caption: "Restores that were tried", Columns: columns("Outcome", "By", "Backup of", "Took"),
		Empty: design.EmptyState{Title: "None yet", Text: "countersign drill restores a backup into a scratch place, checks it, and records that here."}}
	for _, d := range all {
		state := drillStates[d.Outcome]
		of := design.Cell{Text: "could not be opened", Quiet: true}
		if d.BackupAt != 0 {
			of = moment(d.BackupAt)
			of.Sub = phrase.Count(d.Entries, "entry", "entries")
		}
		found := design.Cell{State: &state}
		if d.Finding != "" {
			found.Sub = sentence(d.Finding)
		}
		t.Rows = append(t.Rows, design.Row{Cells: []design.Cell{moment(d.At), found, {Text: q.People.Name(q.ctx, d.By)}, of, {Text: took(d.Micros)}, sealed(d.Entry)}})
	}
	return t
}

func (q *request) lossTable(all []*recovery.Recovery) design.Table {
	t := design.Table{Caption: "Losses that were accepted", Columns: columns("Reason", "By", "Lost"),
		Empty: design.EmptyState{Title: "None", Text: "The log was never set back."}}
	for _, r := range all {
		lost := fmt.Sprintf("%s of %s seen", phrase.Number(max(0, r.Seen-r.Entries)), phrase.Number(r.Seen))
		if r.Seen == 0 {
			lost = "not known"
		}
		t.Rows = append(t.Rows, design.Row{Cells: []design.Cell{moment(r.At), {Text: r.Reason, Sub: sentence(r.Finding)}, {Text: q.People.Name(q.ctx, r.By)}, {Text: lost}, sealed(r.Entry)}})
	}
	return t
}
