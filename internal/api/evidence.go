package api

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"example.org/countersign/internal/evidence"
	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/verify/format"
)

// instant reads a bound of a period: a day, the first moment of it or, for the
// end, of the next, or an exact time. "" is no bound.
func instant(name, s string, end bool) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if day, err := time.Parse(time.DateOnly, s); err == nil {
		if end {
			day = day.AddDate(0, 0, 1)
		}
		return day, nil
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return t, fault.New(fault.Invalid, "%s: %q is not a date; write it like 2026-07-01, or 2026-07-01T00:00:00Z", name, s)
	}
	return t.UTC().Truncate(time.Microsecond), nil
}

// period reads both bounds.
func period(from, to string) (p evidence.Period, err error) {
	if p.From, err = instant("from", from, false); err != nil {
		return p, err
	}
	if p.To, err = instant("to", to, true); err != nil {
		return p, err
	}
	if !p.From.IsZero() && !p.To.IsZero() && !p.From.Before(p.To) {
		return p, fault.New(fault.Invalid, "to: the period ends before it begins")
	}
	return p, nil
}

type exportIn struct {
	From   string `query:"from" maxLength:"40" doc:"First day, or exact time"`
	To     string `query:"to" maxLength:"40" doc:"Last day, or exact time, which is excluded"`
	Format string `query:"format" enum:"jsonl,csv" default:"jsonl"`
}

// export writes rows as they are read. Where one cannot be, the connection is
// cut: an export that ends is whole.
func (d *door) export(ctx context.Context, in *exportIn) (*huma.StreamResponse, error) {
	p, err := period(in.From, in.To)
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		out := &late{hc: hc, header: map[string]string{"Content-Type": "application/jsonl"}}
		buffered := bufio.NewWriterSize(out, 64<<10)
		write := jsonLines(buffered)
		if in.Format == "csv" {
			out.header["Content-Type"] = "text/csv; charset=utf-8; header=present"
			write, err = csvRows(buffered)
		}
		if err == nil {
			err = d.Intake.Export(ctx, p.From, p.To, write)
		}
		if err == nil {
			out.begin()
			err = buffered.Flush()
		}
		if err != nil {
			d.fail(out, err)
		}
	}}, nil
}

func jsonLines(w io.Writer) func(intake.Row) error {
	lines := json.NewEncoder(w)
	lines.SetEscapeHTML(false)
	return func(r intake.Row) error { return lines.Encode(r) }
}

// columns are those of the CSV file, in their order.
var columns = []string{"number", "direction", "channel", "from", "to", "cc", "subject", "date", "received_at", "message_id", "in_reply_to",
	"text", "attachments", "auto", "raw_sha256"}

// csvRows writes rows whose cells no spreadsheet takes for formulas.
func csvRows(w io.Writer) (func(intake.Row) error, error) {
	out := csv.NewWriter(w)
	if err := out.Write(columns); err != nil {
		return nil, err
	}
	return func(r intake.Row) error {
		plain, err := json.Marshal(r)
		if err != nil {
			return err
		}
		var fields map[string]json.RawMessage
		if err := json.Unmarshal(plain, &fields); err != nil {
			return err
		}
		cells := make([]string, len(columns))
		for i, name := range columns {
			cells[i] = format.Cell(fields[name])
		}
		if err := out.Write(cells); err != nil {
			return err
		}
		out.Flush()
		return out.Error()
	}, nil
}

type packageIn struct {
	From    string `query:"from" required:"true" maxLength:"40" doc:"First day"`
	To      string `query:"to" required:"true" maxLength:"40" doc:"Last day"`
	WithRaw bool   `query:"with_raw" doc:"Raw messages and attachments too, but never an anonymous reporter's original"`
}

// makePackage sends a package once it is whole. Made twice it is two packages
// of the same period, each recorded, which harms nothing.
func (d *door) makePackage(ctx context.Context, in *packageIn) (*huma.StreamResponse, error) {
	p, err := period(in.From, in.To)
	if err != nil {
		return nil, err
	}
	actor, err := acting(ctx, exporters)
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		out := &late{hc: hc, header: map[string]string{"Content-Type": "application/zip",
			"Content-Disposition": disposition("countersign-" + p.From.Format(time.DateOnly) + "-" + p.To.Add(-time.Microsecond).Format(time.DateOnly) + ".zip")}}
		if _, err := d.Evidence.Build(ctx, actor, p, evidence.BuildOptions{WithRaw: in.WithRaw}, out, nil); err != nil {
			d.fail(out, err)
		}
	}}, nil
}

// Package is an evidence package that was made.
type Package struct {
	ID             string    `json:"id"`
	From           string    `json:"from"`
	To             string    `json:"to"`
	By             string    `json:"by"`
	MadeAt         time.Time `json:"made_at"`
	WithRaw        bool      `json:"with_raw"`
	Entries        int64     `json:"entries" doc:"Of the log, in the period"`
	Files          int64     `json:"files"`
	ManifestSHA256 string    `json:"manifest_sha256"`
	ArchiveSHA256  string    `json:"archive_sha256"`

	Disclosed *Disclosed `json:"disclosed,omitempty" doc:"The part of it that alone was let out; absent where all was"`
}

type packagesOut struct {
	Body struct {
		Packages []Package `json:"packages"`
	}
}

func (d *door) listPackages(ctx context.Context, _ *struct{}) (*packagesOut, error) {
	all, err := d.Evidence.Made(ctx)
	if err != nil {
		return nil, err
	}
	out := &packagesOut{}
	out.Body.Packages = make([]Package, len(all))
	for i, p := range all {
		out.Body.Packages[i] = Package{p.ID, p.From, p.To, p.By, at(p.MadeAt), p.WithRaw, p.Count, p.Files, p.ManifestSHA256, p.ArchiveSHA256, viewDisclosed(p.Disclosed)}
	}
	return out, nil
}

// plainOut is text as it is.
type plainOut struct {
	ContentType string `header:"Content-Type"`
	Body        []byte
}

func plain(s []byte) *plainOut { return &plainOut{"text/plain; charset=utf-8", s} }

// checkpoint answers as /ledger/checkpoint does, to the same roles: what was
// done since the last tick of the clock is nobody's to learn from a size.
func (d *door) checkpoint(ctx context.Context, _ *struct{}) (*plainOut, error) {
	c, err := d.Ledger.Published(ctx)
	if err != nil {
		return nil, err
	}
	return plain(c.Signed), nil
}

func (d *door) ledgerKey(context.Context, *struct{}) (*plainOut, error) {
	return plain([]byte(d.Ledger.VerifierKey() + "\n")), nil
}

type verifyIn struct {
	Depth    string `query:"depth" enum:"tree,rows,full" default:"rows" doc:"tree: entries and head; rows: every row against its last entry too; full: every older version, every commitment and every attachment too"`
	Progress bool   `query:"progress" doc:"Answer with a line of JSON now and then, and the result as the last"`
}

// Verification is what a check of the whole record found.
type Verification struct {
	OK      bool             `json:"ok"`
	Depth   string           `json:"depth" enum:"tree,rows,full" doc:"As far as was checked: ok says nothing of what lies deeper"`
	Problem string           `json:"problem,omitzero" doc:"The first thing that is wrong"`
	Size    int64            `json:"size" doc:"Entries"`
	Root    string           `json:"root,omitzero" doc:"Base64"`
	Records map[string]int64 `json:"records,omitzero" doc:"By kind"`
	Blobs   int64            `json:"blobs"`
}

// Progress is how far a check has come.
type Progress struct {
	Stage string `json:"stage"` // entries, or a kind of record
	Done  int64  `json:"done"`
	Total int64  `json:"total"`
}

// verify checks the record while the answer is under way.
func (d *door) verify(ctx context.Context, in *verifyIn) (*huma.StreamResponse, error) {
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		out := &late{hc: hc, header: map[string]string{"Content-Type": "application/json"}}
		lines := json.NewEncoder(out)
		opt := ledger.Options{Tree: in.Depth == "tree", Full: in.Depth == "full"}
		if in.Progress {
			out.header["Content-Type"] = "application/jsonl"
			opt.Progress = func(stage string, done, total int64) {
				lines.Encode(Progress{stage, done, total}) // whether anybody still reads shows in the result
				if f, ok := hc.BodyWriter().(http.Flusher); ok {
					f.Flush()
				}
			}
		}
		r, err := d.Ledger.Verify(ctx, opt)
		v := Verification{Depth: in.Depth}
		if m, altered := errors.AsType[*ledger.Mismatch](err); altered {
			v.Problem, err = m.Error(), nil
		} else if err == nil {
			v = Verification{OK: true, Depth: in.Depth, Size: r.Size, Root: base64.StdEncoding.EncodeToString(r.Root[:]), Records: r.Records, Blobs: r.Blobs}
		}
		if err == nil {
			err = lines.Encode(v)
		}
		if err != nil {
			d.fail(out, err)
		}
	}}, nil
}
