package web

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.org/countersign/internal/design"
	"example.org/countersign/internal/design/phrase"
	"example.org/countersign/internal/disclosure"
	"example.org/countersign/internal/evidence"
	"example.org/countersign/internal/evidence/extract"
	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/intake"
)

// itemKinds are the kinds of what a case can show.
var itemKinds = map[disclosure.Kind]string{disclosure.Header: "The case", disclosure.Communication: "Communications", disclosure.Response: "Answers", disclosure.Decision: "Decisions on answers"}

var fieldsOf = map[disclosure.Kind]string{disclosure.Header: "What of the header, if it is shown", disclosure.Communication: "What of each chosen communication", disclosure.Response: "What of each chosen answer", disclosure.Decision: "What of each chosen decision"}

var decisions = map[string]string{"response.approved": "Approved", "response.declined": "Declined"}

// units are the sorts of fields in the order in which they are shown, and what
// is in them. Nothing but the bare facts, which are in none, is ticked before
// somebody does.
var units = []struct{ name, words string }{{"content", "what was said"}, {"files", "attached files"}, {"identity", "who the outsiders are"}, {"trace", "how it came or went"}, {"", ""}}

// disclosePage lets somebody choose what of a case is shown to an outsider.
func (q *request) disclosePage() error { return q.showDisclose(nil) }

func (q *request) showDisclose(f *form) error {
	c, err := q.Intake.Case(q.ctx, q.r.PathValue("case"))
	if err != nil {
		return err
	}
	at := "/cases/" + c.Number
	p := recordPage{Staff: q.frame("Disclose", "/queue"), Header: design.Header{Crumbs: []design.Link{{Label: "Queue", Href: "/queue"}, {Label: c.Number, Href: at}}, Number: c.Number, Title: "Disclose a part",
		Note: "Makes a file that shows what you choose of this case and proves it offline. Of everything else it has hashes that nobody can guess from. That you made it, for whom and what of it, is in the ledger before the file is yours."}}
	folder, err := q.Disclose.Folder(q.ctx, c.ID)
	if kind, text := fault.Of(err); err != nil && kind == fault.Conflict {
		p.Next = &design.NextAct{Title: "Too much to choose from", Why: sentence(text), Waiting: true}
	} else if err != nil {
		return err
	} else {
		p.Forms = []Form{{Action: at + "/disclose", Fields: q.discloseFields(f, folder), Buttons: []design.Button{{Label: "Make the file", Weight: design.Primary, Icon: "package"}}}}
	}
	if p.Tables, err = q.letOutBefore(c); err != nil {
		return err
	}
	return q.show(f.code(), "record", p)
}

// discloseFields are the records of a case and, for each kind, its fields.
func (q *request) discloseFields(f *form, folder *disclosure.Folder) (all []design.Field) {
	for i, kind := range disclosure.Kinds {
		records := design.Field{Kind: design.Check, Name: "records", ID: "records-" + string(kind), Label: itemKinds[kind]}
		for _, x := range folder.Items {
			if x.Kind == kind {
				records.Options = append(records.Options, q.itemOption(x))
			}
		}
		if len(records.Options) == 0 {
			continue
		}
		if records = f.field(records); i > 0 {
			records.Error = ""
		}
		fields := design.Field{Kind: design.Check, Name: "fields-" + string(kind), Label: fieldsOf[kind], Options: fieldOptions(folder, kind)}
		all = append(all, records, f.field(fields))
	}
	return append(all, f.fields(
		design.Field{Name: "raw", Label: "With raw content where it is chosen: attached files, and what an anonymous reporter wrote, but never their original files", Kind: design.Confirm, Options: []design.Option{{Value: "yes"}}},
		design.Field{Name: "to", Label: "For whom", Required: true, Max: 200, Hint: "The office or organisation. It stays in the record."},
		design.Field{Name: "reason", Label: "Why they get it", Kind: design.Long, Rows: 2, Required: true, Max: 500, Hint: "The request, law or contract. It stays in the record: name no person."})...)
}

// itemOption names a record to whoever looks for it.
func (q *request) itemOption(x *disclosure.Item) design.Option {
	o := design.Option{Value: strconv.FormatInt(x.Entry, 10)}
	var said string
	switch x.Kind {
	case disclosure.Header:
		o.Label = "Its header, as it is since " + phrase.Instant(x.At)
	case disclosure.Communication:
		m := x.Message
		from := map[intake.Direction]string{intake.Inbound: "From outside", intake.Outbound: "To outside", intake.Note: "Internal note"}[m.Direction]
		o.Label, said = fmt.Sprintf("%d. %s, %s", x.Seq, from, phrase.Instant(micros(m.ReceivedAt))), m.Subject+"\n"+m.Text
	case disclosure.Response:
		o.Label, said = fmt.Sprintf("%d. Answer, %s since %s", x.Seq, spaced(string(x.Answer.State)), phrase.Instant(x.At)), x.Answer.Subject+"\n"+x.Answer.Text
	case disclosure.Decision:
		o.Label = fmt.Sprintf("%s by %s, %s (answer %d)", decisions[x.Act], q.People.Name(q.ctx, x.Actor), phrase.Instant(x.At), x.Seq)
	}
	o.Hint = phrase.Clip(strings.Join(strings.Fields(said), " "), 160)
	for _, e := range x.Erased {
		o.Hint = strings.TrimSpace(o.Hint + " " + erasedWords(&e))
	}
	return o
}

// fieldOptions are the fields that records of a kind have, without those that
// are shown in any case.
func fieldOptions(folder *disclosure.Folder, kind disclosure.Kind) (options []design.Option) {
	fields := map[string]disclosure.Field{}
	for _, x := range folder.Items {
		for _, y := range x.Fields {
			if x.Kind == kind && !y.Always {
				fields[y.Name] = y
			}
		}
	}
	var list []disclosure.Field
	for _, y := range fields {
		list = append(list, y)
	}
	place := func(y disclosure.Field) int {
		return slices.IndexFunc(units, func(u struct{ name, words string }) bool { return u.name == y.Unit })
	}
	slices.SortFunc(list, func(a, b disclosure.Field) int {
		return cmp.Or(cmp.Compare(place(a), place(b)), cmp.Compare(a.Name, b.Name))
	})
	for _, y := range list {
		o := design.Option{Value: y.Name, Label: strings.ReplaceAll(y.Name, "_", " "), Chosen: y.Unit == ""}
		if i := place(y); i >= 0 {
			o.Hint = units[i].words
		}
		options = append(options, o)
	}
	return options
}

// letOutBefore are the earlier disclosures of a case.
func (q *request) letOutBefore(c *intake.Case) ([]design.Table, error) {
	made, err := q.Evidence.Made(q.ctx)
	if err != nil {
		return nil, err
	}
	t := design.Table{Caption: "Let out before", Shown: true, Columns: []design.Column{{Label: "For whom"}, {Label: "Made", Width: design.Narrow, Place: design.Meta}, {Label: "By", Place: design.Meta}, {Label: "Records", Width: design.Narrow, End: true, Place: design.Meta}, {Label: "Seal", Width: design.Narrow, Place: design.End}}}
	for _, m := range made {
		if d := m.Disclosed; d != nil && d.Case == c.Number {
			t.Rows = append(t.Rows, design.Row{Cells: []design.Cell{{Text: d.To, Sub: d.Reason}, {Moment: &design.Moment{At: micros(m.MadeAt)}}, {Text: q.People.Name(q.ctx, m.By)}, {Text: phrase.Number(int64(len(d.Shown)))},
				{Seal: &design.Seal{Kind: design.Sealed, Href: entryHref(m.Entry)}}}})
		}
	}
	if len(t.Rows) == 0 {
		return nil, nil
	}
	return []design.Table{t}, nil
}

// letOut says of a package what of it was let out, nothing of a whole one.
func letOut(m *evidence.Package) string {
	if m.Disclosed == nil {
		return ""
	}
	return "A part of " + m.Disclosed.Case + " alone, for " + m.Disclosed.To
}

// chosenOf reads what was ticked: each record with those of the fields of its
// kind that it has.
func (f *form) chosenOf(folder *disclosure.Folder) (choices []disclosure.Choice) {
	for _, text := range f.values["records"] {
		entry, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			entry = -1 // none has it
		}
		c := disclosure.Choice{Entry: entry}
		for _, x := range folder.Items {
			if x.Entry != entry {
				continue
			}
			name := "fields-" + string(x.Kind)
			for _, want := range f.values[name] {
				known := slices.ContainsFunc(folder.Items, func(y *disclosure.Item) bool { return y.Kind == x.Kind && y.Has(want) })
				if x.Has(want) || !known { // what no record of the kind has is refused by name
					c.Fields = append(c.Fields, want)
				}
			}
			if len(f.values[name]) == 0 {
				f.wrong(name, "choose at least one field")
			} else if len(c.Fields) == 0 { // it has none of these, but its place
				c.Fields = []string{"number"}
			}
		}
		choices = append(choices, c)
	}
	return choices
}

// disclose makes the file and sends it. It is made whole, and recorded, before
// the first byte leaves.
func (q *request) disclose() error {
	f, err := q.form("disclose")
	if err != nil {
		return err
	}
	folder, err := q.Disclose.Folder(q.ctx, q.r.PathValue("case"))
	if err != nil {
		return err
	}
	ask := disclosure.Ask{To: f.get("to"), Reason: f.get("reason"), WithRaw: f.get("raw") != "", Choices: f.chosenOf(folder)}
	if len(ask.Choices) == 0 {
		f.wrong("records", "choose at least one record to show")
	}
	if f.code() != http.StatusOK {
		q.trouble = "Nothing was made: something is missing below."
		return q.showDisclose(f)
	}
	spool, err := extract.NewSpool()
	if err != nil {
		return err
	}
	defer spool.Close()
	if _, err := q.Disclose.Make(q.ctx, q.actor(packers), folder.Case.ID, ask, spool); err != nil {
		field := "records"
		if _, text := fault.Of(err); strings.HasSuffix(text, "raw content") {
			field = "raw"
		}
		return q.settle(err, f, field, q.showDisclose, "", "")
	}
	file, err := spool.Reader()
	if err != nil {
		return err
	}
	q.w.Header().Set("Content-Type", "application/zip")
	q.w.Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="countersign-%s-disclosed.zip"`, folder.Case.Number))
	http.ServeContent(q.w, q.r, "", time.Time{}, file)
	return nil
}
