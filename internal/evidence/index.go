package evidence

import (
	"encoding/csv"
	"encoding/json"
	"io"
	"strconv"

	"example.org/countersign/internal/design/phrase"
	"example.org/countersign/internal/paper"
	"example.org/countersign/verify/format"
)

// artefact is something that auditors ask for.
type artefact struct {
	name  string
	what  string
	file  string // "" where it is not in the package
	table string // whose rows it is
	note  string // what to know of it, or why it is absent
}

// artefacts lists what auditors expect of the external communications of a
// period, present or not.
func (b *builder) artefacts() []artefact {
	list := []artefact{
		{name: "Report", what: "Numbers, charts, cases with their clocks and approvals, exceptions, completeness", file: "report.html", note: "report.pdf is the same for print, with the first 1,000 rows of long lists"},
		{name: "Ticket export with responders and approvers", what: "Every case of the period: received, classified, answered by whom, approved by whom, closed, and its clock", table: "cases"},
		{name: "Status history", what: "Every act on every record of the period: when, what, by whom, in which role, under which control", table: "history"},
		{name: "Channel messages with channel and dates", what: "Every communication in and out, and every internal note", table: "communications"},
		{name: "Answers", what: "Every answer with authors, approvers, quorum, rule, times, and the hashes of what was approved and what was sent", table: "responses"},
		{name: "Approvals", what: "Every approval and refusal of an answer: who, when, in which role, for which content", table: "approvals"},
		{name: "Approval matrix", what: "Who had to approve what, by the versions in force in the period", table: "approval-matrix"},
		{name: "Channel register", what: "Every channel: owner, purpose, audience, approval, last and next review", table: "channels"},
		{name: "Policies in force with last review date", what: "Criteria, rules, matrices, targets and templates in force in the period: text, approval, last and next review", table: "policies"},
		{name: "Access and role changes", what: "Sign-ins, failed sign-ins, changes of roles and tokens in the period", table: "access"},
		{name: "People and their roles", what: "Everybody with an account at the end of the period", table: "people"},
		{name: "API tokens", what: "Tokens that could be used in the period", table: "tokens"},
		{name: "Exceptions", what: "What was late, unapproved by a rule, undelivered, unread, or overdue for review", table: "exceptions"},
		{name: "What was set aside", what: "Cases set aside as spam or out of scope, and why", table: "dispositions"},
		{name: "Checks of the record and restore drills", what: "What the product found when it checked itself, backups that were restored for trial, losses that were accepted", table: "history", note: "the acts of self_check, drill and recovery; their documents are in ledger/documents"},
		{name: "Retention, legal holds and erasures", what: "What was held, and what was erased, under which basis, on whose request and approval", table: "history", note: "the acts of legal_hold, erasure and disposal, and those that end in .erased; their documents are in ledger/documents"},
		{name: "Completeness check", what: "That no tracking number and no entry is missing, and how the record compares with what the mail door counted", file: "report.html#completeness", note: "proved by ledger/ and checked by countersign verify"},
		{name: "Proofs", what: "Entries, documents, checkpoint and inclusion proofs of everything above", file: "ledger/checkpoint", note: "the other files below ledger/ belong to it; README.txt explains them"},
		b.stampArtefact(),
	}
	if b.opt.WithRaw {
		list = append(list, artefact{name: "Messages as they came, and attachments", what: "The bytes that arrived", file: "records/communications.csv",
			note: "its columns raw_file and attachment_files name the files below raw/; originals of anonymous reports are never included"})
	} else {
		list = append(list, artefact{name: "Messages as they came, and attachments", what: "The bytes that arrived",
			note: "absent: not asked for when this was made; their hashes are in records/communications.csv"})
	}
	const notKept = "absent: this record holds no such document; ask "
	return append(list,
		artefact{name: "Executed agreements", what: "Contracts with customers and suppliers that lay down how to communicate", note: notKept + "whoever keeps the contracts"},
		artefact{name: "Change communications", what: "Notices to the outside about changes and maintenance", note: "absent: this record holds answers, not notices of its own accord; policy changes are in records/history.csv"},
		artefact{name: "Incident notifications", what: "Notices to customers and authorities about incidents", note: "absent as a file of its own: answers to cases of the category incident are in records/responses.csv; notices of its own accord are not in this record"},
	)
}

// withFile returns the file of an artefact, "" where it is absent, and its rows.
func (b *builder) withFile(a artefact) (file, rows string) {
	if a.table == "" {
		return a.file, ""
	}
	return "records/" + a.table + ".csv", strconv.FormatInt(b.rowsOf(a.table), 10)
}

// index lays the artefacts out.
func (b *builder) index() *paper.Document {
	d := b.titled("Evidence package", "External communications, "+b.report.Period.String())
	g := &paper.Grid{Caption: "What auditors expect, and where it is", Columns: []paper.Column{paper.Plain.Of("Artefact", 2), paper.Plain.Of("What it is", 4), paper.Link.Of("File", 2), paper.Amount.Of("Rows", 1), paper.Plain.Of("Note", 3)}}
	for _, a := range b.artefacts() {
		file, rows := b.withFile(a)
		if n, err := strconv.ParseInt(rows, 10, 64); err == nil {
			rows = phrase.Number(n)
		}
		g.Rows = append(g.Rows, []string{a.name, a.what, file, rows, a.note})
	}
	d.Sections = []paper.Section{
		{ID: "artefacts", Title: "Index", Blocks: []paper.Block{
			{Text: "Each CSV file has a file of the same name that ends in .jsonl with the same rows and every sealed field. The columns entry and commitment tie a row to the signed log."},
			{Grid: g},
		}},
		{ID: "verify", Title: "How to check this", Blocks: b.checking()},
	}
	return d
}

// indexCSV writes the same as a table.
func (b *builder) indexCSV(w io.Writer) error {
	out := csv.NewWriter(w)
	rows := [][]string{{"artefact", "description", "included", "file", "rows", "note"}}
	for _, a := range b.artefacts() {
		file, n := b.withFile(a)
		included := "yes"
		if file == "" {
			included = "no"
		}
		rows = append(rows, []string{a.name, a.what, included, file, n, a.note})
	}
	for _, row := range rows {
		for i, text := range row {
			b, err := json.Marshal(text)
			if err != nil {
				return err
			}
			row[i] = format.Cell(b)
		}
		if err := out.Write(row); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}
