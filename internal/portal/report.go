package portal

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"example.org/countersign/internal/channel"
	"example.org/countersign/internal/design"
	"example.org/countersign/internal/design/phrase"
	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/mime"
	"example.org/countersign/internal/rules"
)

// Names of fields.
const (
	inKey, inChannel, inAbout, inSubject, inText = "key", "channel", "about", "subject", "text"
	inWho, inName, inEmail, inFiles              = "who", "name", "email", "files"
	inNumber, inCode                             = "number", "code"
)

// How somebody reports.
const (
	anonymously = "anonymous"
	byName      = "name"
)

// maxName is how many characters a name, an address or a subject has.
const maxName = 200

// reportPage is the form.
type reportPage struct {
	design.Public
	Words    *words
	Action   string
	Twice    string // the number of the report that was sent already
	Problems design.Problems
	Key      string
	Fields   []design.Field // all but who, name and e-mail
	Who      []design.Field
	Files    design.Field
}

// receivers returns the channels that reports may go to: approved ones only
// (CC2.3).
func (p *portal) receivers(ctx context.Context) ([]*channel.Channel, error) {
	all, err := p.Channels.List(ctx, p.Ledger)
	if err != nil {
		return nil, err
	}
	var open []*channel.Channel
	for _, c := range all {
		if c.Kind == channel.Portal && c.Receives() {
			open = append(open, c)
		}
	}
	return open, nil
}

// showReport shows the form.
func (p *portal) showReport(w http.ResponseWriter, r *http.Request, t *words) error {
	open, err := p.receivers(r.Context())
	if err != nil {
		return err
	}
	if len(open) == 0 {
		return p.closed(w, t)
	}
	return p.show(w, http.StatusOK, "report", p.reportPage(t, open, &form{values: map[string]string{}}, nil))
}

func (p *portal) closed(w http.ResponseWriter, t *words) error {
	return p.show(w, http.StatusServiceUnavailable, "message",
		messagePage{Public: p.public(t, t.ClosedTitle, "/report"), Title: t.ClosedTitle, Text: t.ClosedText})
}

// takeReport records a report and shows its receipt, once.
func (p *portal) takeReport(w http.ResponseWriter, r *http.Request, t *words) error {
	open, err := p.receivers(r.Context())
	if err != nil {
		return err
	}
	if len(open) == 0 {
		return p.closed(w, t)
	}
	f, err := p.readForm(w, r)
	defer f.close()
	if err != nil {
		return p.again(w, http.StatusBadRequest, t, open, f, t.ErrForm)
	}
	if wrong := check(f, open, t); len(wrong) > 0 {
		return p.show(w, http.StatusUnprocessableEntity, "report", p.reportPage(t, open, f, wrong))
	}
	report := intake.Report{Channel: open[0].Address, Source: intake.FromPortal, Subject: f.get(inSubject), Text: f.get(inText),
		Category: f.get(inAbout), Language: t.Code, Files: f.uploads(), Anonymous: f.get(inWho) == anonymously,
		Name: f.get(inName), Address: f.get(inEmail), Key: f.get(inKey)}
	for _, c := range open {
		if c.ID == f.get(inChannel) {
			report.Channel = c.Address
		}
	}
	if len(report.Key) < len(newKey()) { // a form that somebody made themselves
		report.Key = newKey()
	}
	receipt, err := p.Backlog.Report(r.Context(), report)
	if err != nil {
		return p.refused(w, r, t, open, f, err)
	}
	if receipt.Kept {
		return p.kept(w, t, receipt, report.Address != "")
	}
	if receipt.Duplicate {
		f.values[inKey] = ""
		page := p.reportPage(t, open, f, nil)
		page.Title, page.Twice = t.TwiceTitle, receipt.Number
		return p.show(w, http.StatusOK, "report", page)
	}
	return p.receipt(w, r, t, report, &receipt.Receipt)
}

// refused shows the form again with everything that was typed.
func (p *portal) refused(w http.ResponseWriter, r *http.Request, t *words, open []*channel.Channel, f *form, err error) error {
	switch kind, msg := fault.Of(err); kind {
	case fault.Invalid: // by a rule that check does not know; in English at least
		return p.again(w, http.StatusUnprocessableEntity, t, open, f, msg)
	case fault.NotFound: // the channel was closed meanwhile
		return p.again(w, http.StatusConflict, t, open, f, t.ErrBusy)
	default:
		p.log.ErrorContext(r.Context(), "a report could not be recorded", "err", err)
		return p.again(w, http.StatusServiceUnavailable, t, open, f, t.ErrBusy)
	}
}

func (p *portal) again(w http.ResponseWriter, status int, t *words, open []*channel.Channel, f *form, why string) error {
	page := p.reportPage(t, open, f, nil)
	page.Flashes = []design.Flash{{Kind: design.Problem, Text: why}}
	return p.show(w, status, "report", page)
}

func newKey() string { return rand.Text() }

// check says what is wrong with a report, by field.
func check(f *form, open []*channel.Channel, t *words) map[string]string {
	wrong := map[string]string{}
	if len(open) > 1 && !known(open, f.get(inChannel)) {
		wrong[inChannel] = t.ErrChannel
	}
	checkText(f, t, wrong)
	for _, name := range []string{inSubject, inName, inEmail} {
		if utf8.RuneCountInString(f.get(name)) > maxName {
			wrong[name] = t.ErrNameLong
		}
	}
	switch f.get(inWho) {
	case anonymously:
		for _, name := range []string{inName, inEmail} {
			if f.get(name) != "" {
				wrong[name] = t.ErrNamed
			}
		}
	case byName:
		if a := f.get(inEmail); a != "" && wrong[inEmail] == "" && !mailable(a) {
			wrong[inEmail] = t.ErrEmail
		}
	default:
		wrong[inWho] = t.ErrWho
	}
	return wrong
}

// checkText checks text and files.
func checkText(f *form, t *words, wrong map[string]string) {
	if f.get(inText) == "" {
		wrong[inText] = t.ErrText
	} else if len(f.get(inText)) > maxText {
		wrong[inText] = t.ErrLong
	}
	if f.fileNo != nil {
		wrong[inFiles] = f.fileNo(t)
	}
}

// mailable reports whether s is one address that mail can be sent to.
func mailable(s string) bool {
	a, err := mime.ParseAddress(s)
	return err == nil && strings.Contains(a.Addr, "@")
}

func known(open []*channel.Channel, id string) bool {
	for _, c := range open {
		if c.ID == id {
			return true
		}
	}
	return false
}

// reportPage builds the form around what was typed and what is wrong with it.
func (p *portal) reportPage(t *words, open []*channel.Channel, f *form, wrong map[string]string) reportPage {
	page := reportPage{Public: p.public(t, t.ReportTitle, "/report"), Words: t, Action: address("/report", t), Key: f.get(inKey)}
	if page.Key == "" {
		page.Key = newKey()
	}
	field := func(kind design.Kind, name, label, hint string) design.Field {
		return design.Field{Kind: kind, Name: name, Label: label, Hint: hint, Value: f.values[name], Error: wrong[name]}
	}
	if len(open) > 1 {
		to := field(design.Radio, inChannel, t.Channel, "")
		for _, c := range open {
			to.Options = append(to.Options, design.Option{Value: c.ID, Label: c.Name, Hint: c.Purpose, Chosen: c.ID == f.get(inChannel)})
		}
		to.Required = true
		page.Fields = append(page.Fields, to)
	}
	about := field(design.Choice, inAbout, t.About, "")
	for _, o := range subjects(t) {
		o.Chosen = o.Value == f.get(inAbout)
		about.Options = append(about.Options, o)
	}
	subject := field(design.Text, inSubject, t.Subject, t.SubjectHint)
	subject.Optional, subject.Max = t.Optional, maxName
	text := field(design.Long, inText, t.Text, t.TextHint)
	text.Rows, text.Required = 8, true
	page.Fields = append(page.Fields, about, subject, text)

	who := field(design.Radio, inWho, t.Who, "")
	who.Required = true
	who.Options = []design.Option{
		{Value: anonymously, Label: t.Anonymous, Hint: t.AnonymousHint, Chosen: f.get(inWho) == anonymously},
		{Value: byName, Label: t.ByName, Hint: t.ByNameHint, Chosen: f.get(inWho) == byName},
	}
	name := field(design.Text, inName, t.YourName, "")
	name.Optional, name.Max, name.Autocomplete = t.Optional, maxName, "name"
	email := field(design.Email, inEmail, t.Email, t.EmailHint)
	email.Optional, email.Max, email.Autocomplete = t.Optional, maxName, "email"
	page.Who = []design.Field{who, name, email}
	page.Files = filesField(f, t, wrong)
	page.Problems = design.Problems{Title: t.Problems, Fields: append(append(append([]design.Field{}, page.Fields...), page.Files), page.Who...)}
	return page
}

// subjects are what a report may be about, in plain words.
func subjects(t *words) []design.Option {
	return []design.Option{
		{Value: "", Label: t.Other}, {Value: string(rules.Vulnerability), Label: t.Vulnerability},
		{Value: string(rules.Incident), Label: t.Incident}, {Value: string(rules.Phishing), Label: t.Phishing},
		{Value: string(rules.Availability), Label: t.Availability}, {Value: string(rules.Privacy), Label: t.Privacy},
	}
}

// filesField says what may be attached, and, where a form comes back, that the
// browser has forgotten what was.
func filesField(f *form, t *words, wrong map[string]string) design.Field {
	files := design.Field{Kind: design.Files, Name: inFiles, Label: t.Files, Optional: t.Optional, Many: true, Error: wrong[inFiles],
		Hint: fill(t.FilesHint, strconv.Itoa(maxFiles), phrase.Bytes(maxFile), phrase.Bytes(maxAllFiles))}
	if f.hadAny {
		files.Error = strings.TrimSpace(files.Error + " " + t.FilesAgain)
	}
	return files
}

// receiptPage shows number and code.
type receiptPage struct {
	design.Public
	Words        *words
	Number, Code string
	Next         []string
}

func (p *portal) receipt(w http.ResponseWriter, r *http.Request, t *words, report intake.Report, receipt *intake.Receipt) error {
	page := receiptPage{Public: p.public(t, t.ReceiptTitle, "/report"), Words: t, Number: receipt.Number, Code: receipt.Code, Next: []string{t.NextRead}}
	thread, err := p.Intake.FollowUp(r.Context(), receipt.Number, receipt.Code)
	switch {
	case err != nil && !errors.Is(err, context.Canceled): // the report is recorded: its code must be shown all the same
		p.log.ErrorContext(r.Context(), "a report that was recorded cannot be read", "case", receipt.Case, "err", err)
	case err == nil && thread.DueAt != 0:
		page.Next = append(page.Next, fill(t.NextBy, t.instant(thread.DueAt)))
	}
	if report.Address != "" {
		page.Next = append(page.Next, t.NextMail)
	}
	page.Next = append(page.Next, t.NextFollow)
	return p.show(w, http.StatusOK, "receipt", page)
}
