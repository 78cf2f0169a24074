// Package backlog receives reports and messages also while the record takes
// nothing: they are spooled, and recorded when it takes something again, at the
// time at which they came (CC2.3, CC7.5). A reporter is given a reference and
// the follow-up code at once. Reference and code belong together by a key of the
// installation, so that they can be checked on every node while nothing can be
// written anywhere.
package backlog

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"slices"
	"strings"
	"time"

	"example.org/countersign/internal/channel"
	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/id"
	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/spool"
)

// Kinds of spooled items.
const (
	reportItem   = "report"
	followUpItem = "follow-up"
)

// Desk records what can be recorded, and keeps the rest.
type Desk struct {
	ledger   *ledger.Ledger
	channels *channel.Desk
	intake   *intake.Desk
	spool    *spool.Spool
}

// New returns a Desk.
func New(l *ledger.Ledger, channels *channel.Desk, in *intake.Desk, s *spool.Spool) *Desk {
	return &Desk{l, channels, in, s}
}

// Receipt is what whoever handed something in is told.
type Receipt struct {
	intake.Receipt        // where it is in the record
	Reference      string // S-…; "" where it is in the record. Otherwise nothing but Code is known, for a report
	Kept           bool   // it is kept, encrypted and on disk, and not in the record yet
}

// kept is what an item says of its files, which lie one behind the other in its
// body.
type kept struct {
	Parts string     `json:"parts"` // what separates them
	Files []keptFile `json:"files,omitzero"`
}

type keptFile struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

func listOf(files []intake.Upload) kept {
	x := kept{Parts: rand.Text() + rand.Text()}
	for _, f := range files {
		x.Files = append(x.Files, keptFile{f.Name, f.Type})
	}
	return x
}

// keptReport is a report without its files.
type keptReport struct {
	Reference string        `json:"reference"`
	Source    intake.Source `json:"source"`
	Channel   string        `json:"channel"`
	Name      string        `json:"name,omitzero"`
	Address   string        `json:"address,omitzero"`
	Subject   string        `json:"subject,omitzero"`
	Text      string        `json:"text"`
	Category  string        `json:"category,omitzero"`
	Language  string        `json:"language,omitzero"`
	Anonymous bool          `json:"anonymous,omitzero"`
	Key       string        `json:"key"`
	kept
}

// keptFollowUp is a message to a report without its files.
type keptFollowUp struct {
	Number string `json:"number"` // or reference
	Code   string `json:"code"`
	Text   string `json:"text"`
	kept
}

// Report records a report, or keeps it. The same report with the same key gets
// the same reference. Errors are those of intake.Desk.Report.
func (d *Desk) Report(ctx context.Context, r intake.Report) (*Receipt, error) {
	done, err := d.unlessHalted(ctx, func() (*intake.Receipt, error) { return d.intake.Report(ctx, r) })
	if done != nil || err != nil {
		return done, err
	}
	if err := r.Check(); err != nil {
		return nil, err
	}
	if _, _, err := d.channels.Receiver(ctx, r.Channel); err != nil {
		return nil, err
	}
	if r.Key == "" {
		r.Key = rand.Text()
	}
	k := keptReport{Source: r.Source, Channel: r.Channel, Name: r.Name, Address: r.Address, Subject: r.Subject, Text: r.Text,
		Category: r.Category, Language: r.Language, Anonymous: r.Anonymous, Key: r.Key}
	if k.Reference, err = d.reference(k, r.Files); err != nil {
		return nil, err
	}
	k.kept = listOf(r.Files)
	if err := d.keep(reportItem, k, k.Parts, r.Files); err != nil {
		return nil, err
	}
	out := &Receipt{Reference: k.Reference, Kept: true}
	out.Code = d.code(k.Reference)
	return out, nil
}

// AddFollowUp adds to a report, or keeps the addition. number may be a reference
// that Open knows. Errors are those of intake.Desk.AddFollowUp.
func (d *Desk) AddFollowUp(ctx context.Context, number, code, text string, files []intake.Upload) (*Receipt, error) {
	number, waits, err := d.belongs(ctx, number, code)
	if err != nil {
		return nil, err
	}
	if !waits {
		done, err := d.unlessHalted(ctx, func() (*intake.Receipt, error) { return d.intake.AddFollowUp(ctx, number, code, text, files) })
		if done != nil || err != nil {
			return done, err
		}
	}
	add := intake.Report{Text: text, Files: files}
	if err := add.Check(); err != nil {
		return nil, err
	}
	k := keptFollowUp{Number: number, Code: id.CanonicalCode(code), Text: add.Text, kept: listOf(files)}
	if err := d.keep(followUpItem, k, k.Parts, files); err != nil {
		return nil, err
	}
	return &Receipt{Kept: true}, nil
}

// belongs returns the number of a report that a code opens, or the reference of
// one that waits.
func (d *Desk) belongs(ctx context.Context, number, code string) (canonical string, waits bool, err error) {
	if reference := Reference(number); reference != "" {
		found, err := d.Open(ctx, reference, code)
		if err != nil || found == "" {
			return reference, true, err
		}
		number = found
	}
	t, err := d.intake.FollowUp(ctx, number, code)
	if err != nil {
		return "", false, err
	}
	return t.Number, false, nil
}

// unlessHalted tries to record. It returns neither a receipt nor an error where
// sealing has stopped.
func (d *Desk) unlessHalted(ctx context.Context, record func() (*intake.Receipt, error)) (*Receipt, error) {
	reason, err := d.ledger.Halted(ctx)
	if reason != "" || err != nil {
		return nil, err
	}
	r, err := record()
	if _, halted := errors.AsType[*ledger.Halted](err); halted {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &Receipt{Receipt: *r}, nil
}

// keep spools an item with its files, one behind the other.
func (d *Desk) keep(kind string, meta any, parts string, files []intake.Upload) error {
	r, w := io.Pipe()
	go func() { w.CloseWithError(write(w, parts, files)) }()
	err := d.spool.Keep(kind, d.ledger.Now(), meta, r)
	r.CloseWithError(err) // ends the writer where the spool gave up
	if err != nil {
		return &fault.Error{Kind: fault.Unavailable, Msg: "the report cannot be kept at the moment; try again", Err: err}
	}
	return nil
}

func write(w io.Writer, parts string, files []intake.Upload) error {
	body := multipart.NewWriter(w)
	if err := body.SetBoundary(parts); err != nil {
		return err
	}
	for _, f := range files {
		part, err := body.CreatePart(nil)
		if err != nil {
			return err
		}
		if err := copyTo(part, f); err != nil {
			return err
		}
	}
	return body.Close()
}

func copyTo(w io.Writer, f intake.Upload) error {
	content, err := f.Open()
	if err != nil {
		return fmt.Errorf("open upload: %w", err)
	}
	defer content.Close()
	_, err = io.Copy(w, content)
	return err
}

// read returns the files of a body. Each has to be opened once, in order, as
// intake does: so none of them is held in memory.
func (x *kept) read(body io.Reader) []intake.Upload {
	r := multipart.NewReader(body, x.Parts)
	all := make([]intake.Upload, len(x.Files))
	for i, f := range x.Files {
		all[i] = intake.Upload{Name: f.Name, Type: f.Type, Open: func() (io.ReadCloser, error) { return r.NextRawPart() }}
	}
	return all
}

// Take takes a spooled item into the record. It may be repeated.
func (d *Desk) Take(ctx context.Context, item spool.Item, body io.Reader) error {
	switch item.Kind {
	case reportItem:
		var k keptReport
		if err := json.Unmarshal(item.Meta, &k); err != nil {
			return err
		}
		return d.takeReport(ctx, k, k.read(body), item.At)
	case followUpItem:
		var k keptFollowUp
		if err := json.Unmarshal(item.Meta, &k); err != nil {
			return err
		}
		return d.takeFollowUp(ctx, k, k.read(body), item.At)
	}
	return fmt.Errorf("an item of kind %q is not known to this version of the product", item.Kind)
}

// takeReport records a report, once by its key, and what its reference stands
// for.
func (d *Desk) takeReport(ctx context.Context, k keptReport, files []intake.Upload, at time.Time) error {
	r, err := d.intake.Report(ctx, intake.Report{Channel: k.Channel, Source: k.Source, Name: k.Name, Address: k.Address, Subject: k.Subject,
		Text: k.Text, Category: k.Category, Language: k.Language, Anonymous: k.Anonymous, Key: k.Key, Files: files, Arrived: at, Code: d.code(k.Reference)})
	if err != nil {
		return err
	}
	return d.ledger.Write(ctx, ledger.System, func(_ context.Context, tx *ledger.Tx) error {
		_, err := tx.Work(`INSERT INTO spooled_report (reference, number) VALUES ($1, $2) ON CONFLICT (reference) DO NOTHING`, k.Reference, r.Number)
		return err
	})
}

// takeFollowUp records a message, unless it is there: from the same moment, or
// the same words sent twice.
func (d *Desk) takeFollowUp(ctx context.Context, k keptFollowUp, files []intake.Upload, at time.Time) error {
	number, waits, err := d.belongs(ctx, k.Number, k.Code)
	if err != nil {
		return err
	}
	if waits {
		return fmt.Errorf("the report that it belongs to, %s, is not in the record yet", number)
	}
	t, err := d.intake.FollowUp(ctx, number, k.Code)
	if err != nil {
		return err
	}
	for i, m := range t.Messages {
		again := i > 0 && i == len(t.Messages)-1 && len(files)+len(m.Attachments) == 0
		if !m.FromUs && m.Text == k.Text && (m.At == at.UnixMicro() || again) {
			return nil
		}
	}
	_, err = d.intake.AddKept(ctx, number, k.Code, k.Text, files, at)
	return err
}

// Open returns the number of the case that a reference stands for, "" while the
// report is not in the record; NotFound where the code is not that of the
// reference.
func (d *Desk) Open(ctx context.Context, reference, code string) (number string, err error) {
	canonical := Reference(reference)
	if subtle.ConstantTimeCompare([]byte(d.code(canonical)), []byte(id.CanonicalCode(code))) != 1 || canonical == "" {
		return "", fault.New(fault.NotFound, "there is no report with this reference and code; check both")
	}
	_, err = d.ledger.One(ctx, `SELECT number FROM spooled_report WHERE reference = $1`, []any{canonical}, &number)
	return number, err
}

const letters = "0123456789ABCDEFGHJKMNPQRSTVWXYZ" // those of follow-up codes

// Reference returns what a person typed as a reference in the form S-XXXXX-XXXXX,
// "" if it is none.
func Reference(typed string) string {
	s, ok := strings.CutPrefix(strings.ToUpper(strings.TrimSpace(typed)), "S-")
	code := id.CanonicalCode(s + "0000000000") // resolves look-alikes
	if !ok || len(code) != 23 || strings.Count(s, "-") > 1 {
		return ""
	}
	return "S-" + code[:11]
}

// reference ties a report's reference to its key and content.
func (d *Desk) reference(k keptReport, files []intake.Upload) (string, error) {
	h := sha256.New()
	if err := json.NewEncoder(h).Encode(k); err != nil {
		return "", err
	}
	for _, f := range files {
		fmt.Fprintf(h, "%q ", f.Name)
		if err := copyTo(h, f); err != nil {
			return "", err
		}
	}
	s := d.draw("spool-reference", hex.EncodeToString(h.Sum(nil)))
	return "S-" + s[:5] + "-" + s[5:10], nil
}

// code is the follow-up code that belongs to a reference.
func (d *Desk) code(reference string) string {
	return id.CanonicalCode(d.draw("spool-code", reference))
}

// draw returns 20 letters, 100 bits, that follow from a value by the
// installation's key.
func (d *Desk) draw(label, value string) string {
	x := d.ledger.Index()
	raw := x.Blind(label, value) + x.Blind(label, "more "+value)
	bits, _ := base64.RawURLEncoding.DecodeString(raw[:len(raw)/2])
	more, _ := base64.RawURLEncoding.DecodeString(raw[len(raw)/2:])
	var s strings.Builder
	for _, b := range slices.Concat(bits, more)[:20] {
		s.WriteByte(letters[b&31])
	}
	return s.String()
}
