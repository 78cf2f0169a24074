package intake

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	media "mime"
	"slices"
	"strings"
	"time"

	"example.org/countersign/internal/channel"
	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/id"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/mime"
	"example.org/countersign/internal/policy"
)

// Report is what somebody fills in, on the report page or by the API.
type Report struct {
	Channel   string // address of the channel
	Source    Source // FromPortal, FromAPI
	Name      string
	Address   string // e-mail for the answer; may be empty
	Subject   string
	Text      string
	Category  string // what the reporter thinks it is about; a hint
	Language  string // en, de, fr, es; "" found out from the text
	Files     []Upload
	Anonymous bool // Name and Address must be empty, files lose their metadata

	// Key makes a report that is sent twice one: a second one with the same key
	// and content gets the receipt of the first. It is a secret of its sender,
	// random, of 16 characters at least; may be empty.
	Key string

	// Arrived and Code are of a report that could not be recorded when it came:
	// when that was, and the code that its sender was given then.
	Arrived time.Time
	Code    string
}

// Upload is a file of a Report.
type Upload struct {
	Name string
	Type string // media type as declared
	Open func() (io.ReadCloser, error)
}

const (
	maxReportText  = 200 << 10
	maxReportFiles = 20
	maxUpload      = 50 << 20
)

// Report records what somebody filled in. The receipt's code, shown this once,
// opens the report again together with its number.
func (d *Desk) Report(ctx context.Context, r Report) (*Receipt, error) {
	if err := r.Check(); err != nil {
		return nil, err
	}
	m := &Communication{Direction: Inbound, Source: r.Source, Subject: r.Subject, Language: policy.Language(r.Language, r.Text)}
	m.ID = id.New()
	if m.Source != FromAPI {
		m.Source = FromPortal
	}
	p := &parcel{address: r.Channel, m: m, hint: r.Category, anonymous: r.Anonymous}
	if err := d.route(ctx, p); err != nil {
		return nil, err
	}
	if !r.Anonymous && r.Address+r.Name != "" {
		m.From = []mime.Address{{Name: r.Name, Addr: r.Address}}
	}
	p.sender = senderOf(m)
	if err := d.fileReport(ctx, p, r.Text, r.Files); err != nil {
		return nil, err
	}
	p.code = id.NewCode()
	if r.Key != "" {
		m.Key = r.digest(m.Attachments)
		p.code = codeFrom(d.ledger.Index(), m.Key)
	}
	p.code = cmp.Or(r.Code, p.code)
	m.ReceivedAt = cameAt(m, r.Arrived)
	return d.record(ctx, p)
}

// Check tidies the report and says what is wrong with it: Invalid.
func (r *Report) Check() error {
	r.Name, r.Subject, r.Category = clean(r.Name, 200), clean(r.Subject, 300), clean(r.Category, 60)
	r.Address = strings.TrimSpace(r.Address)
	r.Text = strings.TrimSpace(plain(r.Text))
	switch {
	case r.Text == "":
		return fault.New(fault.Invalid, "text: write what you want to tell us")
	case len(r.Text) > maxReportText:
		return fault.New(fault.Invalid, "text: it has %d bytes; at most %d are possible, attach the rest as a file", len(r.Text), maxReportText)
	case len(r.Files) > maxReportFiles:
		return fault.New(fault.Invalid, "files: there are %d; at most %d are possible", len(r.Files), maxReportFiles)
	case r.Anonymous && r.Name+r.Address != "":
		return fault.New(fault.Invalid, "an anonymous report has no name and no address: leave them out, or report by name")
	case r.Key != "" && len(r.Key) < 16:
		return fault.New(fault.Invalid, "key: use 16 random characters or more")
	}
	if r.Address != "" {
		a, err := mime.ParseAddress(r.Address)
		if err != nil {
			return err
		}
		r.Address = a.Addr
	}
	return nil
}

// digest ties a report's key to its content.
func (r *Report) digest(files []Attachment) string {
	h := sha256.New()
	for _, s := range []string{r.Key, r.Channel, r.Name, r.Address, r.Subject, r.Category, r.Text, fmt.Sprint(r.Anonymous)} {
		fmt.Fprintf(h, "%d %s", len(s), s)
	}
	for _, f := range files {
		fmt.Fprintf(h, "%s", f.SHA256)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// fileReport keeps text and files of the parcel and makes its facts.
func (d *Desk) fileReport(ctx context.Context, p *parcel, text string, uploads []Upload) error {
	m := p.m
	if err := d.keepText(m, text); err != nil {
		return err
	}
	for i, u := range uploads {
		kept, err := d.keepUpload(ctx, i, u, p.anonymous)
		if err != nil {
			return err
		}
		m.Attachments = append(m.Attachments, kept...)
	}
	m.ReceivedAt = d.ledger.Now().UnixMicro()
	p.facts = factsOf(p.channel, m, nil, text, p.hint)
	return nil
}

// cameAt is when m came: now, unless it arrived before it could be recorded.
func cameAt(m *Communication, arrived time.Time) int64 {
	if arrived.IsZero() {
		return m.ReceivedAt
	}
	return arrived.UnixMicro()
}

// keepUpload keeps one file, of an anonymous report without its metadata.
func (d *Desk) keepUpload(ctx context.Context, i int, u Upload, anonymous bool) ([]Attachment, error) {
	name := clean(u.Name, 200)
	if name == "" || anonymous { // a name says much of who gave it
		name = fmt.Sprintf("attachment-%d%s", i+1, extension(name))
	}
	r, err := u.Open()
	if err != nil {
		return nil, fmt.Errorf("open upload: %w", err)
	}
	defer r.Close()
	ref, err := d.ledger.Blobs().Put(io.LimitReader(r, maxUpload+1))
	if err != nil {
		return nil, unavailable(err)
	}
	if ref.Size > maxUpload {
		d.drop(&Communication{RawBlob: ref})
		return nil, fault.New(fault.Invalid, "%s is larger than %d MB; leave it out, or send it in parts", name, maxUpload>>20)
	}
	a := Attachment{Name: name, Type: mediaType(u.Type), Size: ref.Size, SHA256: ref.SHA256, Blob: ref}
	if !anonymous {
		return []Attachment{a}, nil
	}
	return d.withoutMetadata(ctx, a)
}

// extension returns the end of a file name that says what kind of file it is,
// if it is an ordinary one.
func extension(name string) string {
	i := strings.LastIndexByte(name, '.')
	if i < 0 || len(name)-i > 6 || len(name)-i < 2 {
		return ""
	}
	ext := strings.ToLower(name[i:])
	if strings.Trim(ext[1:], "abcdefghijklmnopqrstuvwxyz0123456789") != "" {
		return ""
	}
	return ext
}

// mediaType returns a declared media type without parameters, or the one of
// unknown bytes.
func mediaType(declared string) string {
	t, _, err := media.ParseMediaType(declared)
	if err != nil || !strings.Contains(t, "/") || len(t) > 100 {
		return "application/octet-stream"
	}
	return t
}

// codeHash is how a follow-up code stands in its case: keyed by the
// installation, so that a stolen record does not let codes be tried. A code has
// 100 random bits, which makes a slow hash needless.
func codeHash(x ledger.Index, number, code string) string {
	return x.Blind("follow-up-code", number+" "+code)
}

// codeFrom derives the code of a report that has a key.
func codeFrom(x ledger.Index, key string) string {
	const letters = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	bits, _ := base64.RawURLEncoding.DecodeString(x.Blind("code-of-key", key) + x.Blind("code-of-key", "more "+key))
	var s strings.Builder
	for _, b := range bits[:20] {
		s.WriteByte(letters[b&31])
	}
	return id.CanonicalCode(s.String())
}

// Thread is what a reporter sees with number and code.
type Thread struct {
	Number     string
	Subject    string
	State      State
	Language   string
	Anonymous  bool
	ReceivedAt int64
	DueAt      int64 // first answer, at the latest; 0: none is owed, or it came
	Messages   []Message
}

// Message is one communication as its reporter sees it.
type Message struct {
	ID          string
	FromUs      bool
	At          int64
	Erased      int64 // when what it said was erased; 0 where it was not
	Text        string
	Attachments []Attachment // without those that only the sealed record keeps
}

// opened returns the case of a number if code is its code.
func (d *Desk) opened(ctx context.Context, src ledger.Source, number, code string) (*Case, error) {
	canonical, _ := id.FindNumber(number)
	c := &Case{}
	found, err := Cases.Select(ctx, src, `WHERE r.number = $1`, canonical)
	if err != nil {
		return nil, err
	}
	if len(found) == 1 {
		c = found[0]
	}
	given := codeHash(d.ledger.Index(), canonical, id.CanonicalCode(code))
	if subtle.ConstantTimeCompare([]byte(given), []byte(c.CodeHash)) != 1 {
		return nil, fault.New(fault.NotFound, "there is no report with this number and code; check both")
	}
	return c, nil
}

// FollowUp returns a report, and what was said about it since, to whoever has
// its code; NotFound where number or code is wrong.
func (d *Desk) FollowUp(ctx context.Context, number, code string) (*Thread, error) {
	c, err := d.opened(ctx, d.ledger, number, code)
	if err != nil {
		return nil, err
	}
	t := &Thread{Number: c.Number, Subject: c.Subject, State: c.State, Language: c.Language, Anonymous: c.Anonymous, ReceivedAt: c.ReceivedAt}
	if c.FirstResponseAt == 0 && c.State != Closed {
		t.DueAt = c.DueAt
	}
	all, err := d.Communications(ctx, c.ID)
	if err != nil {
		return nil, err
	}
	for _, m := range all {
		if !c.shows(m) {
			continue
		}
		text, err := d.Text(ctx, m)
		if err != nil {
			return nil, err
		}
		shown := Message{ID: m.ID, FromUs: m.Direction == Outbound, At: m.ReceivedAt, Text: text, Attachments: m.shown()}
		if e := LacksPart(m.Erasures, Content); e != nil {
			shown.Erased = e.At
		}
		t.Messages = append(t.Messages, shown)
	}
	return t, nil
}

// shows reports whether the reporter may read m: what they wrote themselves,
// and what was sent to them, or to nobody because it waits for them here. Of
// what lost its addresses only what came by the report page is surely theirs.
func (c *Case) shows(m *Communication) bool {
	if LacksPart(m.Erasures, Content, Identity) != nil && (m.Direction != Inbound || m.Source != FromPortal) {
		return false
	}
	list := append(slices.Clone(m.To), m.Cc...)
	if m.Direction == Inbound {
		list = m.From
	}
	return m.Direction != Note && m.Auto == "" && (len(list) == 0 ||
		slices.ContainsFunc(list, func(a mime.Address) bool { return mime.NormalizeAddr(a.Addr) == c.ReporterAddress }))
}

// shown returns the attachments that a reporter sees.
func (m *Communication) shown() []Attachment {
	return slices.DeleteFunc(slices.Clone(m.Attachments), func(a Attachment) bool { return a.Hidden || a.Erased })
}

// FollowUpAttachment returns the i-th of the attachments of a Message to
// whoever has the report's code.
func (d *Desk) FollowUpAttachment(ctx context.Context, number, code, message string, i int) (*Attachment, io.ReadCloser, error) {
	c, err := d.opened(ctx, d.ledger, number, code)
	if err != nil {
		return nil, nil, err
	}
	m, err := Communications.Load(ctx, d.ledger, message)
	if err != nil {
		return nil, nil, err
	}
	if m.Case != c.ID || !c.shows(m) {
		return nil, nil, fault.New(fault.NotFound, "there is no such message")
	}
	shown := m.shown()
	if i < 0 || i >= len(shown) || shown[i].Blob.IsZero() {
		return nil, nil, fault.New(fault.NotFound, "there is no such attachment")
	}
	r, err := d.blob(ctx, shown[i].Blob)
	return &shown[i], r, err
}

// AddFollowUp adds to a report, from whoever has its code.
func (d *Desk) AddFollowUp(ctx context.Context, number, code, text string, files []Upload) (*Receipt, error) {
	return d.AddKept(ctx, number, code, text, files, time.Time{})
}

// AddKept is AddFollowUp for what could not be recorded when it arrived.
func (d *Desk) AddKept(ctx context.Context, number, code, text string, files []Upload, arrived time.Time) (*Receipt, error) {
	c, err := d.opened(ctx, d.ledger, number, code)
	if err != nil {
		return nil, err
	}
	add := Report{Text: text, Files: files, Anonymous: c.Anonymous}
	if err := add.Check(); err != nil {
		return nil, err
	}
	m := &Communication{Direction: Inbound, Channel: c.Channel, Source: FromPortal, Language: policy.Language(c.Language, add.Text)}
	m.ID = id.New()
	if c.ReporterAddress != "" {
		m.From = []mime.Address{{Name: c.ReporterName, Addr: c.ReporterAddress}}
	}
	p := &parcel{channel: &channel.Channel{}, m: m, anonymous: c.Anonymous}
	if err := d.fileReport(ctx, p, add.Text, files); err != nil {
		return nil, err
	}
	m.ReceivedAt = cameAt(m, arrived)
	var r *Receipt
	err = d.write(ctx, ledger.System, func(set *policy.Set) error { p.set = set; return nil }, func(ctx context.Context, tx *ledger.Tx) error {
		err := d.settled(ctx, tx, p.set)
		if err == nil {
			_, err = d.opened(ctx, tx, number, code) // who reported it may have been erased meanwhile
		}
		if err == nil {
			r, err = join(ctx, tx, p, c.ID)
		}
		return err
	})
	if err != nil {
		if !errors.Is(err, ledger.ErrUnknown) {
			d.drop(m)
		}
		return nil, err
	}
	return r, nil
}
