package web

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"example.org/countersign/internal/board"
	"example.org/countersign/internal/design"
	"example.org/countersign/internal/design/phrase"
	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/verify/format"
)

// ledgerPage is the log: its head, its newest entries, and whether it holds.
type ledgerPage struct {
	design.Staff
	Header  design.Header
	Outcome *design.Note
	Facts   design.DefinitionList
	Key     string // the verifier key
	Verify  Form
	Outside design.DefinitionList // what outsiders see, and where
	Table   design.Table
	Pages   design.Pagination
}

// entryPage is one entry and its proof.
type entryPage struct {
	design.Staff
	Header design.Header
	Facts  design.DefinitionList
	Bytes  string
	Proof  string
}

func (q *request) ledger() error { return q.showLedger(nil) }

func (q *request) showLedger(outcome *design.Note) error {
	cp, err := q.Ledger.Checkpoint(q.ctx)
	if err != nil {
		if _, broken := errors.AsType[*ledger.Mismatch](err); broken {
			return &fault.Error{Kind: fault.Conflict, Msg: "the ledger does not verify: " + err.Error(), Err: err}
		}
		return err
	}
	before := int64(-1)
	if s := q.query().Get("before"); s != "" {
		if before, err = strconv.ParseInt(s, 10, 64); err != nil || before < 0 || before > cp.Size {
			return fault.New(fault.NotFound, "there is no such page of the ledger")
		}
	}
	entries, err := q.Board.Entries(q.ctx, before, 50)
	if err != nil {
		return err
	}
	marks := make([]mark, len(entries))
	for i, e := range entries {
		marks[i] = mark{e.Index, &design.Seal{Kind: design.Sealed}} // the row leads to the entry
	}
	if err := q.vouch(marks...); err != nil {
		return err
	}
	p := ledgerPage{Staff: q.frame("Ledger", "/ledger"), Outcome: outcome, Key: q.Ledger.VerifierKey(), Header: design.Header{Title: "Ledger", Note: "Every act, in the order in which it was done, sealed so that nobody can change it unnoticed."}}
	p.Verify = Form{Action: "/ledger/verify", Buttons: []design.Button{{Label: "Verify now", Icon: "shield-check", Why: "Checks every entry, every document and every row against the signed head."}}}
	p.Facts = design.DefinitionList{Wide: true, Items: []design.KeyValue{{Label: "Entries", Cell: design.Cell{Text: phrase.Number(cp.Size)}}, {Label: "Root", Cell: design.Cell{Text: base64.StdEncoding.EncodeToString(cp.Root[:])}},
		{Label: "Origin", Cell: design.Cell{Text: q.Ledger.Origin()}}}}
	if p.Outside, err = q.outside(); err != nil {
		return err
	}
	p.Table = design.Table{Caption: "Entries", Columns: []design.Column{{Label: "Entry", Width: design.Narrow, Link: true}, {Label: "Act", Place: design.Full}, {Label: "Who", Place: design.Meta}, {Label: "Controls", Width: design.Narrow, Place: design.Meta}, {Label: "Seal", Width: design.Narrow, Place: design.Meta}, {Label: "When", Width: design.Narrow, Place: design.Meta}},
		Empty: design.EmptyState{Title: "Nothing yet", Text: "The first act writes the first entry."}}
	for i, e := range entries {
		p.Table.Rows = append(p.Table.Rows, q.entryRow(e, marks[i].seal))
	}
	if n := len(entries); n > 0 {
		p.Pages.Summary = fmt.Sprintf("%s–%s of %s", phrase.Number(entries[n-1].Index), phrase.Number(entries[0].Index), phrase.Count(cp.Size, "entry", "entries"))
		if entries[n-1].Index > 0 {
			p.Pages.Next = "/ledger?before=" + strconv.FormatInt(entries[n-1].Index, 10)
		}
		if entries[0].Index < cp.Size-1 {
			p.Pages.Prev = "/ledger?before=" + strconv.FormatInt(min(entries[0].Index+51, cp.Size), 10)
		}
	}
	return q.show(http.StatusOK, "ledger", p)
}

// outside says what of the log others than insiders can read, and where.
func (q *request) outside() (design.DefinitionList, error) {
	shown := design.Cell{Text: "none yet"}
	published, err := q.Board.Published(q.ctx)
	if err != nil {
		return design.DefinitionList{}, err
	}
	if published != nil {
		shown = design.Cell{Text: phrase.Count(published.Size, "entry", "entries"), Sub: "Published " + phrase.Exact(published.At) + ". The next takes in what was done since.", Href: "/ledger/checkpoint"}
	}
	hashes := "insiders, with a session or a token"
	if q.opt.OpenLog {
		hashes = "everybody"
	}
	address := strings.TrimSuffix(q.opt.URL, "/") + "/ledger/"
	return design.DefinitionList{Wide: true, Items: []design.KeyValue{
		{Label: "Published checkpoint", Cell: shown},
		{Label: "Prefix", Cell: design.Cell{Text: address, Sub: "C2SP tlog-tiles: checkpoint, tile/<L>/<N>, tile/entries/<N>"}},
		{Label: "Checkpoint and hashes", Cell: design.Cell{Text: "for " + hashes}},
		{Label: "Entries", Cell: design.Cell{Text: "for auditors, leads and legal, with a session or a token"}},
		{Label: "How to check", Cell: design.Cell{Text: "With verify_log.py, with Go’s checksum database code, or with Tessera’s fsck", Sub: "docs/auditors/log.md says how, step by step"}},
	}}, nil
}

// sealOf returns the first witnessed checkpoint that covers an entry, nil where
// there is none.
func sealOf(seals []board.Seal, index int64) *board.Seal {
	for i := range seals {
		if seals[i].Size > index {
			return &seals[i]
		}
	}
	return nil
}

// mark is the seal beside what an entry did.
type mark struct {
	entry int64
	seal  *design.Seal
}

// sealMark is the mark of an entry, of which nobody has said yet who vouches for
// it.
func sealMark(entry int64) mark {
	return mark{entry, &design.Seal{Kind: design.Sealed, Href: entryHref(entry), Detail: fmt.Sprintf("Entry %d", entry)}}
}

// vouch has marks say how many witnesses cosigned their entries: one query for
// all that a page shows. What is erased or does not verify says that instead.
func (q *request) vouch(marks ...mark) error {
	entries := make([]int64, len(marks))
	for i, m := range marks {
		entries[i] = m.entry
	}
	seals, err := q.Board.Seals(q.ctx, entries...)
	if err != nil {
		return err
	}
	for _, m := range marks {
		if s := sealOf(seals, m.entry); s != nil && m.seal.Kind == design.Sealed {
			m.seal.Kind, m.seal.By = design.Witnessed, len(s.By)
		}
	}
	return nil
}

func (q *request) entryRow(e board.Entry, s *design.Seal) design.Row {
	controls := ""
	for _, c := range e.Controls {
		controls += c + " "
	}
	who := design.Cell{Text: q.People.Name(q.ctx, e.Actor), Sub: e.Role}
	if e.Role == e.Actor { // Countersign itself, or the local operator
		who.Sub = ""
	}
	return design.Row{Href: entryHref(e.Index), Cells: []design.Cell{{Text: strconv.FormatInt(e.Index, 10)}, {Text: e.Act}, who, {Text: controls}, {Seal: s}, {Moment: &design.Moment{At: micros(e.Time)}}}}
}

// verify checks the whole record now. It changes nothing.
func (q *request) verify() error {
	report, err := q.Ledger.Verify(q.ctx, ledger.Options{})
	if m, ok := errors.AsType[*ledger.Mismatch](err); ok {
		q.log.ErrorContext(q.ctx, "the record does not verify", "where", m.Where, "what", m.What)
		return q.showLedger(&design.Note{Icon: "octagon-alert", Title: "The record does not verify", Text: sentence(m.Error()) + " Keep everything as it is, and compare with a backup."})
	}
	if err != nil {
		return err
	}
	records := int64(0)
	for _, n := range report.Records {
		records += n
	}
	return q.showLedger(&design.Note{Icon: "shield-check", Title: "The record verifies", Text: fmt.Sprintf("%s and %s agree with the head that was signed, as of %s.",
		phrase.Count(report.Size, "entry", "entries"), phrase.Count(records, "record", "records"), phrase.Exact(q.now))})
}

// file sends bytes of ours as a download.
func (q *request) file(name string, b []byte) error {
	q.w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	q.w.Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
	_, _ = q.w.Write(b) // the reader may have gone
	return nil
}

// entry returns the bytes of the entry that the address names.
func (q *request) entry() (index int64, entry []byte, err error) {
	index, err = strconv.ParseInt(q.r.PathValue("n"), 10, 64)
	if err != nil || index < 0 || index >= 1<<62 {
		return 0, nil, fault.New(fault.NotFound, "there is no such entry")
	}
	cp, err := q.Ledger.Checkpoint(q.ctx)
	if err != nil {
		return 0, nil, err
	}
	if index >= cp.Size {
		return 0, nil, fault.New(fault.NotFound, "there is no entry %d", index)
	}
	err = q.Ledger.Entries(q.ctx, index, index+1, func(_ int64, b, _ []byte) error {
		entry = append([]byte(nil), b...)
		return nil
	})
	return index, entry, err
}

// proved returns the proof that an entry is in the log (RFC 6962 §2.1.1), in
// the newest checkpoint, which need not be published yet.
func (q *request) proved(index int64) (*format.Proof, error) {
	cp, err := q.Ledger.Checkpoint(q.ctx)
	if err != nil {
		return nil, err
	}
	hashes, err := q.Ledger.Inclusion(q.ctx, cp, index)
	if err != nil {
		return nil, err
	}
	return &format.Proof{Index: index, Hashes: hashes, Checkpoint: cp.Signed}, nil
}

// witnesses are the facts about who cosigned an entry.
func witnesses(s *board.Seal) []design.KeyValue {
	if s == nil {
		return []design.KeyValue{{Label: "Witnessed", Cell: design.Cell{Text: "not by enough witnesses yet, or by none"}}}
	}
	facts := []design.KeyValue{{Label: "Witnessed", Cell: design.Cell{Text: "by " + phrase.Count(int64(len(s.By)), "witness", "witnesses"), Sub: "under the checkpoint of " + phrase.Count(s.Size, "entry", "entries"), Moment: &design.Moment{At: s.Met}}}}
	for _, w := range s.By {
		facts = append(facts, design.KeyValue{Label: "By", Cell: design.Cell{Text: w.Name, Moment: &design.Moment{At: w.At}}})
	}
	return facts
}

func (q *request) entryPage() error {
	index, b, err := q.entry()
	if err != nil {
		return err
	}
	e, err := format.ParseEntry(b)
	if err != nil {
		return err
	}
	proof, err := q.proved(index)
	if err != nil {
		return err
	}
	seals, err := q.Board.Seals(q.ctx, index)
	if err != nil {
		return err
	}
	seal, shown := sealOf(seals, index), &design.Seal{Kind: design.Sealed}
	if seal != nil {
		shown = &design.Seal{Kind: design.Witnessed, By: len(seal.By)}
	}
	leaf := format.LeafHash(b)
	at := entryHref(index)
	p := entryPage{Staff: q.frame(fmt.Sprintf("Entry %d", index), "/ledger"), Bytes: string(b), Proof: string(proof.Append(nil))}
	p.Header = design.Header{Crumbs: []design.Link{{Label: "Ledger", Href: "/ledger"}}, Title: fmt.Sprintf("Entry %s", phrase.Number(index)), Note: sentence(q.People.Name(q.ctx, e.Actor) + " " + act(e.Act)), Seal: shown,
		Buttons: []design.Button{{Label: "Download the proof", Icon: "download", Href: at + "/proof"}, {Label: "Download the entry", Icon: "download", Href: at + "/entry"}}}
	p.Facts = design.DefinitionList{Wide: true, Items: []design.KeyValue{{Label: "Act", Cell: design.Cell{Text: e.Act}}, {Label: "Sealed", Cell: design.Cell{Moment: &design.Moment{At: micros(e.Time)}}},
		{Label: "By", Cell: design.Cell{Text: q.People.Name(q.ctx, e.Actor), Sub: "as " + e.Role}}, {Label: "Number within its kind", Cell: design.Cell{Text: phrase.Number(e.Seq)}}, {Label: "Record", Cell: design.Cell{Text: e.Record}},
		{Label: "Leaf", Cell: design.Cell{Text: hex.EncodeToString(leaf[:])}}, {Label: "Commitment", Cell: design.Cell{Text: hex.EncodeToString(e.Commitment[:]), Sub: "to the fields of the document"}}, {Label: "Document", Cell: design.Cell{Text: hex.EncodeToString(e.Sealed[:]), Sub: "SHA-256 of its ciphertext"}}}}
	p.Facts.Items = append(p.Facts.Items, witnesses(seal)...)
	return q.show(http.StatusOK, "entry", p)
}

func (q *request) proof() error {
	index, _, err := q.entry()
	if err != nil {
		return err
	}
	p, err := q.proved(index)
	if err != nil {
		return err
	}
	return q.file(fmt.Sprintf("entry-%d.proof.txt", index), p.Append(nil))
}

func (q *request) entryBytes() error {
	index, b, err := q.entry()
	if err != nil {
		return err
	}
	return q.file(fmt.Sprintf("entry-%d.txt", index), b)
}

// work is what the product does by itself, and what it has given up.
func (q *request) work() error {
	dead, err := q.Jobs.Dead(q.ctx)
	if err != nil {
		return err
	}
	waiting, err := q.Jobs.Waiting(q.ctx, 100)
	if err != nil {
		return err
	}
	p := workPage{Staff: q.frame("Background work", ""), Header: design.Header{Title: "Background work", Note: "What follows from an act: sending, confirming, taking effect."}}
	var marks []mark
	for _, d := range dead {
		m := sealMark(d.Entry)
		marks = append(marks, m)
		p.Dead = append(p.Dead, design.TimelineItem{Kind: design.Undelivered, Who: spaced(d.Kind), What: "was given up after " + phrase.Count(int64(d.Attempts), "attempt", "attempts"), At: micros(d.DiedAt), Note: d.Error, Seal: m.seal})
		if !q.may(caretaker) {
			continue
		}
		p.Acts = append(p.Acts, Form{Action: "/work/" + d.ID + "/retry", Buttons: []design.Button{{Label: "Try " + spaced(d.Kind) + " of " + phrase.Instant(micros(d.DiedAt)) + " again", Icon: "refresh-cw"}}},
			Form{Title: "Dismiss " + spaced(d.Kind) + " of " + phrase.Instant(micros(d.DiedAt)), Action: "/work/" + d.ID + "/dismiss", Fields: []design.Field{{Name: "reason", ID: "reason-" + d.ID, Label: "Why it need not be done", Required: true}}, Buttons: []design.Button{{Label: "Dismiss it"}}})
	}
	if err := q.vouch(marks...); err != nil {
		return err
	}
	p.Waiting = design.Table{Caption: "Waiting", Columns: []design.Column{{Label: "Work"}, {Label: "Next attempt", Width: design.Narrow, Place: design.Meta}, {Label: "Attempts", Width: design.Narrow, End: true, Place: design.Meta}, {Label: "Last error", Place: design.Full}},
		Empty: design.EmptyState{Title: "Nothing waits", Text: "All that follows from what was done is done."}}
	for _, w := range waiting {
		at := design.Cell{Moment: &design.Moment{At: w.At, Now: q.now}}
		if w.Running {
			at = design.Cell{Text: "under way"}
		}
		p.Waiting.Rows = append(p.Waiting.Rows, design.Row{Cells: []design.Cell{{Text: spaced(w.Kind)}, at, {Text: strconv.Itoa(w.Attempt)}, {Text: w.Error}}})
	}
	return q.show(http.StatusOK, "work", p)
}

// workPage lists jobs.
type workPage struct {
	design.Staff
	Header  design.Header
	Dead    []design.TimelineItem
	Acts    []Form
	Waiting design.Table
}

// Timeline shows what was given up.
func (p workPage) Timeline() design.Timeline {
	return design.Timeline{Label: "Given up", Items: p.Dead, Empty: design.EmptyState{Title: "Nothing was given up", Text: "What fails for good appears here and waits for somebody."}}
}

func (q *request) retry() error {
	if err := q.Jobs.Retry(q.ctx, q.actor(caretaker), q.r.PathValue("id")); err != nil {
		return err
	}
	q.Jobs.Kick()
	return q.done("It is tried again.", "/work")
}

func (q *request) dismiss() error {
	f, err := q.form("dismiss")
	if err != nil {
		return err
	}
	if err := q.Jobs.Dismiss(q.ctx, q.actor(caretaker), q.r.PathValue("id"), f.get("reason")); err != nil {
		return err
	}
	return q.done("Dismissed.", "/work")
}
