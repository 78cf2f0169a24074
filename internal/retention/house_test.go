package retention_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"image"
	"image/png"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"example.org/countersign/internal/channel"
	"example.org/countersign/internal/channel/relay"
	"example.org/countersign/internal/db"
	"example.org/countersign/internal/dbtest"
	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/jobs"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/people"
	"example.org/countersign/internal/policy"
	"example.org/countersign/internal/response"
	"example.org/countersign/internal/retention"
)

// house is an organisation with people and two channels.
type house struct {
	*dbtest.Env
	people    *people.Desk
	channels  *channel.Desk
	policies  *policy.Desk
	intake    *intake.Desk
	responses *response.Desk
	retention *retention.Desk
	jobs      *jobs.Runner

	ann, lea, leo, lou, root *people.Identity // analyst, two leads, legal, administrator

	mu      sync.Mutex
	sent    []relay.Mail
	handing func(relay.Mail) error // what happens while a mail is handed over
}

const (
	security = "security@org.example"
	report   = "/report"
)

func records() []ledger.Records {
	return slices.Concat(jobs.Records(), people.Records(), channel.Records(), policy.Records(), intake.Records(), response.Records(), retention.Records())
}

func each(t *testing.T, f func(t *testing.T, h *house)) {
	t.Helper()
	dbtest.Each(t, records(), nil, func(t *testing.T, e *dbtest.Env) { f(t, furnish(t, e)) })
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func kind(err error) fault.Kind {
	k, _ := fault.Of(err)
	return k
}

func furnish(t *testing.T, e *dbtest.Env) *house {
	t.Helper()
	h := &house{Env: e}
	ctx := t.Context()
	var err error
	h.people, err = people.New(ctx, h.Ledger, h.Keys, people.Options{SignInLinks: true})
	must(t, err)
	h.policies = policy.New(h.Ledger, h.people)
	must(t, h.policies.Seed(ctx))
	h.open()
	for _, p := range []struct {
		who  **people.Identity
		name string
		role people.Role
	}{{&h.lea, "lea", people.Lead}, {&h.leo, "leo", people.Lead}, {&h.lou, "lou", people.Legal}, {&h.ann, "ann", people.Analyst}, {&h.root, "root", people.Admin}} {
		*p.who = h.enrol(t, p.name, p.role)
	}
	mail := h.channel(t, channel.Terms{Name: "Security", Kind: channel.Email, Address: security, Direction: channel.Both, FromName: "Security"})
	h.channel(t, channel.Terms{Name: "Report page", Kind: channel.Portal, Address: report, Direction: channel.Inbound, Reply: mail.ID})
	return h
}

// open makes the desks, as a start of the program does.
func (h *house) open() {
	h.channels = channel.New(h.Ledger)
	h.intake = intake.New(h.Ledger, h.channels, h.policies, intake.Options{Keys: h.Keys, Organisation: "Test", Send: h.handOver})
	h.responses = response.New(h.Ledger, h.people, h.channels, h.policies, response.Options{Keys: h.Keys, Send: h.handOver})
	h.retention = retention.New(h.Ledger, h.people, h.policies, h.intake, h.responses, retention.Options{})
	handlers := map[string]jobs.Handler{response.SendJob: h.responses.Send, intake.ConfirmationJob: h.intake.Confirm, policy.EffectJob: h.policies.TakeEffect}
	for kind, f := range h.retention.Handlers() {
		handlers[kind] = f
	}
	h.jobs = jobs.New(h.Ledger, handlers, nil)
}

func (h *house) channel(t *testing.T, c channel.Terms) *channel.Channel {
	t.Helper()
	c.Audience, c.Owner, c.Purpose, c.ReviewDue, c.Published = "customers", h.lea.ID, "Reports", "2027-01-31", []string{"https://org.example"}
	x, err := h.channels.Add(t.Context(), h.lea.Actor(people.Lead), c)
	must(t, err)
	x, err = h.channels.Approve(t.Context(), h.leo.Actor(people.Lead), x.ID, x.Entry)
	must(t, err)
	return x
}

func (h *house) enrol(t *testing.T, name string, role people.Role) *people.Identity {
	t.Helper()
	p := &people.Person{Name: name, Email: name + "@org.example", Roles: []people.Role{people.Staff, role}, Active: true, ApproverSince: 1}
	must(t, h.Write(t.Context(), ledger.System, func(_ context.Context, tx *ledger.Tx) error {
		return people.Persons.Put(tx, p, ledger.Do("enrolled", "CC6.2"))
	}))
	return &people.Identity{ID: p.ID, Name: name, Email: p.Email, Roles: p.Roles, Session: "s", Approves: true}
}

func (h *house) handOver(_ context.Context, m relay.Mail) (relay.Receipt, error) {
	h.mu.Lock()
	handing := h.handing
	h.mu.Unlock()
	if handing != nil {
		if err := handing(m); err != nil {
			return relay.Receipt{}, err
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.sent = append(h.sent, m)
	return relay.Receipt{Relay: "relay.example:25", Text: "250 queued for " + strings.Join(m.To, ", ")}, nil
}

func (h *house) run(t *testing.T) {
	t.Helper()
	if _, err := h.jobs.RunDue(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// mail receives a message as it is.
func (h *house) mail(t testing.TB, from, subject, headers, body string) *intake.Receipt {
	t.Helper()
	raw := "From: " + from + "\r\nTo: " + security + "\r\nSubject: " + subject + "\r\nMessage-ID: <" + fmt.Sprintf("%.12x", sha256.Sum256([]byte(from+subject+body))) + "@mail.example>\r\n" + headers + "\r\n" + body + "\r\n"
	addr := from
	if _, rest, ok := strings.Cut(from, "<"); ok {
		addr = strings.TrimSuffix(rest, ">")
	}
	r, err := h.intake.Receive(t.Context(), intake.Incoming{Channel: security, Source: intake.FromSMTP, From: addr, To: []string{security}, Raw: strings.NewReader(raw)})
	must(t, err)
	return r
}

// file is an attachment of a multipart mail.
type file struct{ name, content string }

// letter receives a mail with attachments.
func (h *house) letter(t testing.TB, from, subject, text string, files ...file) *intake.Receipt {
	t.Helper()
	var b strings.Builder
	b.WriteString("--sep\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" + text + "\r\n")
	for _, f := range files {
		fmt.Fprintf(&b, "--sep\r\nContent-Type: application/octet-stream\r\nContent-Disposition: attachment; filename=%q\r\nContent-Transfer-Encoding: base64\r\n\r\n", f.name)
		enc := base64.StdEncoding.EncodeToString([]byte(f.content))
		for len(enc) > 76 {
			b.WriteString(enc[:76] + "\r\n")
			enc = enc[76:]
		}
		b.WriteString(enc + "\r\n")
	}
	b.WriteString("--sep--")
	return h.mail(t, from, subject, "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=sep\r\n", b.String())
}

func (h *house) caseOf(t testing.TB, id string) *intake.Case {
	t.Helper()
	c, err := h.intake.Case(t.Context(), id)
	must(t, err)
	return c
}

func (h *house) close(t testing.TB, id string) {
	t.Helper()
	must(t, h.intake.Close(t.Context(), h.ann.Actor(people.Analyst), id, 0, "settled"))
}

// draft begins an answer with a text.
func (h *house) draft(t testing.TB, caseID, text string) *response.Response {
	t.Helper()
	r, err := h.responses.Draft(t.Context(), h.ann, caseID)
	must(t, err)
	c := r.Content()
	c.Text = text
	r, err = h.responses.Edit(t.Context(), h.ann, r.ID, r.Entry, c)
	must(t, err)
	return r
}

// answer sends an answer, approved by as many as it takes.
func (h *house) answer(t *testing.T, r *response.Response) *response.Response {
	t.Helper()
	r, err := h.responses.Submit(t.Context(), h.ann, r.ID, r.Entry)
	must(t, err)
	for _, who := range []*people.Identity{h.lea, h.leo} {
		if r.State == response.InReview {
			r, err = h.responses.Approve(t.Context(), who, r.ID, r.ContentHash)
			must(t, err)
		}
	}
	h.run(t)
	r, err = h.responses.Find(t.Context(), r.ID)
	must(t, err)
	if r.State != response.Sent {
		t.Fatalf("the answer is %s", r.State)
	}
	return r
}

// erase asks for an erasure, has it approved and done.
func (h *house) erase(t *testing.T, ask retention.Ask) *retention.Erasure {
	t.Helper()
	e := h.ask(t, ask)
	e, err := h.retention.Approve(t.Context(), h.lea, e.ID, e.ListHash)
	must(t, err)
	h.run(t)
	e, err = h.retention.Erasure(t.Context(), e.ID)
	must(t, err)
	if e.State != retention.Executed {
		t.Fatalf("the erasure is %s: %s", e.State, e.Stopped)
	}
	return e
}

func (h *house) ask(t testing.TB, ask retention.Ask) *retention.Erasure {
	t.Helper()
	p, err := h.retention.Plan(t.Context(), ask)
	must(t, err)
	e, err := h.retention.Request(t.Context(), h.lou, ask, "GDPR Art. 17(1)(b)", "They answered from the address they wrote from.", p.Hash)
	must(t, err)
	return e
}

// picture is a small PNG.
func picture(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	must(t, png.Encode(&b, image.NewRGBA(image.Rect(0, 0, 8, 8))))
	return b.Bytes()
}

func upload(name, kind string, content []byte) intake.Upload {
	return intake.Upload{Name: name, Type: kind, Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil }}
}

// absent fails where words are found: in clear in any file of the
// installation or any table, or in what any entry or blob says to whoever has
// the data and the keyring of now.
func (h *house) absent(t *testing.T, words ...string) {
	t.Helper()
	for _, place := range h.places(t) {
		for _, w := range words {
			if bytes.Contains(bytes.ToLower(place.content), []byte(strings.ToLower(w))) {
				t.Errorf("%s holds %q", place.name, w)
			}
		}
	}
}

type place struct {
	name    string
	content []byte
}

func (h *house) places(t *testing.T) (all []place) {
	t.Helper()
	must(t, filepath.WalkDir(h.Dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		all = append(all, place{path, b})
		return err
	}))
	all = append(all, h.rows(t)...)
	cp, err := h.Checkpoint(t.Context())
	must(t, err)
	for i := range cp.Size {
		e, doc, err := h.Document(t.Context(), i, func(string, string, string) bool { return true })
		must(t, err)
		all = append(all, place{fmt.Sprintf("entry %d (%s)", i, e.Act), doc.Append(nil)})
	}
	return all
}

// rows returns every row of every table of a PostgreSQL.
func (h *house) rows(t *testing.T) (all []place) {
	t.Helper()
	if h.DB.Dialect != db.Postgres {
		return nil
	}
	for table := range db.Tables {
		must(t, h.DB.Each(t.Context(), func(scan db.Scan) error {
			var row string
			err := scan(&row)
			all = append(all, place{"table " + table, []byte(row)}, place{"table " + table, unhex(row)})
			return err
		}, "SELECT CAST(x AS TEXT) FROM "+table+" x"))
	}
	return all
}

// unhex decodes the byte columns of a row as text.
func unhex(row string) []byte {
	var out []byte
	for _, part := range strings.Split(row, `\x`)[1:] {
		end := strings.IndexFunc(part, func(r rune) bool { return !strings.ContainsRune("0123456789abcdef", r) })
		if end < 0 {
			end = len(part)
		}
		b, _ := hex.DecodeString(part[:end&^1])
		out = append(out, b...)
	}
	return out
}

// present fails where no entry says a word: what is not to go.
func (h *house) present(t *testing.T, words ...string) {
	t.Helper()
	all := h.places(t)
	for _, w := range words {
		if !slices.ContainsFunc(all, func(p place) bool { return strings.HasPrefix(p.name, "entry") && bytes.Contains(p.content, []byte(w)) }) {
			t.Errorf("nothing says %q any more", w)
		}
	}
}

func (h *house) verify(t *testing.T) {
	t.Helper()
	if _, err := h.Verify(t.Context(), ledger.Options{Full: true}); err != nil {
		t.Error(err)
	}
}
