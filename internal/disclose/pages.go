package disclose

import (
	_ "embed" // README.txt
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"example.org/countersign/internal/design/phrase"
	"example.org/countersign/internal/paper"
	"example.org/countersign/verify/format"
)

//go:embed templates/README.txt
var readmeText string

func (m *maker) readme() []byte {
	s := m.result.From
	return []byte(strings.NewReplacer("{log}", s.Origin, "{sealed}", phrase.Exact(s.Sealed), "{entry}", phrase.Number(s.SealEntry),
		"{period}", m.period(), "{key}", s.Key).Replace(readmeText))
}

func (m *maker) period() string {
	s := m.result.From
	if s.From == "" && s.To == "" {
		return "not said"
	}
	return s.From + " to " + s.To
}

// pages writes the index and the report.
func (m *maker) pages() error {
	list, err := m.artefacts()
	if err != nil {
		return err
	}
	report, index := m.report(), m.index(list)
	for _, file := range []struct {
		path  string
		write func(io.Writer) error
	}{
		{"index.html", index.HTML},
		{"index.csv", func(w io.Writer) error { return writeIndex(w, list) }},
		{"report.html", report.HTML},
		{"report.pdf", func(w io.Writer) error { return report.PDF(w, m.result.From.Sealed) }},
	} {
		w, err := m.create(file.path)
		if err != nil {
			return err
		}
		if err := file.write(w); err != nil {
			return err
		}
	}
	return nil
}

// artefact is a row of the index: artefact, description, included, file, rows,
// note.
type artefact [6]string

// artefacts returns the rows of the index of the package before, with what
// became of their files.
func (m *maker) artefacts() ([]artefact, error) {
	in := csv.NewReader(m.from.File("index.csv"))
	in.FieldsPerRecord = -1
	rows, err := in.ReadAll()
	if err != nil || len(rows) == 0 || len(rows[0]) != len(artefact{}) {
		return nil, fmt.Errorf("read the index of the package: want %d columns, %w", len(artefact{}), err)
	}
	list := []artefact{{"What was left out", "Fields, columns, tables and files that the sealed package has and this one does not", "yes", "report.html", "", ""}}
	for _, row := range rows[1:] {
		var a artefact
		copy(a[:], row)
		m.become(&a)
		list = append(list, a)
	}
	return list, nil
}

// become says what became of an artefact's file.
func (m *maker) become(a *artefact) {
	file, _, _ := strings.Cut(a[3], "#")
	leave := func(note string) { a[2], a[3], a[4], a[5] = "no", "", "", note }
	switch {
	case file == "":
	case strings.HasPrefix(file, "report."):
		leave("left out: the report of the sealed package shows what this one does not")
	case strings.HasPrefix(file, "records/"):
		name := strings.TrimSuffix(strings.TrimPrefix(file, "records/"), ".csv")
		for _, t := range m.result.Tables {
			switch {
			case t.Name != name:
			case t.LeftOut:
				leave("left out: it was computed from records, and no sealed field is behind it")
			case a[4] == "": // an artefact that is files which the table names
				a[5] = fmt.Sprintf("%s, and %s left out", phrase.Count(int64(m.result.Files), "file is left", "files are left"), phrase.Number(int64(m.result.LeftOut)))
			case len(t.Without) > 0:
				a[5] = "made again from what is shown, without " + strings.Join(t.Without, ", ")
			}
		}
	}
}

func writeIndex(w io.Writer, list []artefact) error {
	out := csv.NewWriter(w)
	if err := out.Write([]string{"artefact", "description", "included", "file", "rows", "note"}); err != nil {
		return err
	}
	for _, a := range list {
		for i := range a {
			quoted, err := json.Marshal(a[i])
			if err != nil {
				return err
			}
			a[i] = format.Cell(quoted)
		}
		if err := out.Write(a[:]); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// titled begins a document of the package.
func (m *maker) titled(title, subtitle string) *paper.Document {
	s := m.result.From
	return &paper.Document{Title: title, Subtitle: subtitle, Facts: paper.Facts("Log", s.Origin, "Period", m.period(), "Sealed", phrase.Exact(s.Sealed))}
}

func (m *maker) index(list []artefact) *paper.Document {
	d := m.titled("Redacted evidence package", "What is in it, and what was left out")
	g := &paper.Grid{Caption: "What auditors expect, and where it is", Columns: []paper.Column{paper.Plain.Of("Artefact", 2), paper.Plain.Of("What it is", 4), paper.Link.Of("File", 2), paper.Amount.Of("Rows", 1), paper.Plain.Of("Note", 3)}}
	for _, a := range list {
		g.Rows = append(g.Rows, []string{a[0], a[1], a[3], a[4], a[5]})
	}
	d.Sections = []paper.Section{{ID: "artefacts", Title: "Index", Blocks: []paper.Block{
		{Text: "Somebody left things out of this package after it was sealed; report.html says what. What is still here is proved by the log as before."}, {Grid: g}}}}
	return d
}

// report says what was left out.
func (m *maker) report() *paper.Document {
	r := &m.result
	hidden := int64(0)
	fields := &paper.Grid{Caption: "Fields that are redacted now", Empty: "None.", Columns: []paper.Column{paper.Mono.Of("Kind and field", 4), paper.Amount.Of("Documents", 1)}}
	for _, c := range r.Hidden {
		hidden += c.N
		fields.Rows = append(fields.Rows, []string{c.Name, phrase.Number(c.N)})
	}
	tables := &paper.Grid{Caption: "Tables", Empty: "There were none.", Columns: []paper.Column{paper.Mono.Of("Table", 2), paper.Amount.Of("Rows", 1), paper.Plain.Of("What is not in it any more", 6)}}
	for _, t := range r.Tables {
		what := strings.Join(t.Without, ", ")
		if t.LeftOut {
			what = "all of it: it was computed from records, and no sealed field is behind it"
		}
		tables.Rows = append(tables.Rows, []string{t.Name, phrase.Number(t.Rows), what})
	}
	asked := &paper.Grid{Caption: "What was asked for", Columns: []paper.Column{paper.Plain.Of("", 1), paper.Mono.Of("Of what", 5)}}
	for _, x := range r.Selection.Show {
		asked.Rows = append(asked.Rows, []string{"show", x.text})
	}
	for _, x := range r.Selection.Redact {
		asked.Rows = append(asked.Rows, []string{"redact", x.text})
	}
	elsewhere := &paper.Grid{Caption: "Fields that show what is redacted in another place", Empty: "None that has the same value.", Columns: []paper.Column{paper.Mono.Of("Kind and field", 4), paper.Amount.Of("Documents", 1)}}
	for _, c := range r.Elsewhere {
		elsewhere.Rows = append(elsewhere.Rows, []string{c.Name, phrase.Number(c.N)})
	}
	d := m.titled("What was left out", "Of the evidence package for "+m.period())
	d.Sections = []paper.Section{
		{ID: "summary", Title: "Summary", Blocks: []paper.Block{
			{Figures: []paper.Figure{
				{Label: "Fields redacted", Value: phrase.Number(hidden), Note: phrase.Count(r.From.Redacted, "was", "were") + " before"},
				{Label: "Fields shown", Value: phrase.Number(r.Shown), Note: "in " + phrase.Count(r.From.Documents+r.From.ReferenceDocuments, "document", "documents")},
				{Label: "Raw files left out", Value: phrase.Number(int64(r.LeftOut)), Note: phrase.Count(int64(r.Files), "is", "are") + " left"},
			}},
			{Text: "No entry was left out: the log is as complete in this package as in the one that was sealed, and both are proved in the same checkpoint. Who approved what, the tracking numbers and the order of acts can be checked as before."},
			{Grid: asked},
		}},
		{ID: "fields", Title: "Fields", Blocks: []paper.Block{{Grid: fields}, {Grid: elsewhere}}},
		{ID: "tables", Title: "Tables and files", Blocks: []paper.Block{
			{Text: "The tables were made again from what is shown. A column that no sealed field is behind is not in them, since the seal that vouched for it is that of the package before. A file below raw/ is left where a document shows its hash. The report of the package before is left out."},
			{Grid: tables},
		}},
		{ID: "verify", Title: "How to check this", Blocks: []paper.Block{
			{Code: "countersign verify --log-key KEY FILE.zip"},
			{Text: "with the key of the log that you know from elsewhere. This page, the index and README.txt are not proved by that: whoever left things out wrote them. What the check counts as redacted is."},
		}},
	}
	return d
}
