package evidence

import (
	"context"
	_ "embed" // README.txt
	"fmt"
	"io"
	"strings"

	"example.org/countersign/internal/design/phrase"
)

//go:embed templates/README.txt
var readmeText string

// readme returns README.txt.
func (b *builder) readme() []byte {
	s := b.survey
	raw := "raw/                     texts too long for a row, where there are any"
	if b.opt.WithRaw {
		raw = "raw/                     messages as they came, attachments, texts too long\n                         for a row"
	}
	entries := fmt.Sprintf("%d to %d are those of the period", s.First, s.End-1)
	if s.First == s.End {
		entries = "none: nothing was recorded in the period"
	}
	return []byte(strings.NewReplacer("{organisation}", b.desk.opt.Organisation, "{period}", s.Period.String(), "{made}", phrase.Exact(s.Made),
		"{generator}", b.desk.opt.Generator, "{raw}", raw, "{key}", b.desk.ledger.VerifierKey(),
		"{log}", b.desk.ledger.Origin(), "{size}", phrase.Count(s.Head.Size, "entry", "entries"), "{entries}", entries).Replace(readmeText))
}

// pages writes what is made for reading.
func (b *builder) pages(context.Context) error {
	b.progress("report", 0, 4)
	report, index := b.document(), b.index()
	for i, file := range []struct {
		path  string
		write func(io.Writer) error
	}{
		{"report.html", report.HTML},
		{"report.pdf", func(w io.Writer) error { return report.PDF(w, b.survey.Made) }},
		{"index.html", index.HTML},
		{"index.csv", b.indexCSV},
	} {
		w, err := b.create(file.path)
		if err != nil {
			return err
		}
		if err := file.write(w); err != nil {
			return err
		}
		b.progress("report", int64(i+1), 4)
	}
	return nil
}
