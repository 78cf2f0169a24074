package apptest

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"filippo.io/age"

	"example.org/countersign/internal/app"
	"example.org/countersign/internal/backup"
	"example.org/countersign/internal/clock"
	"example.org/countersign/internal/evidence"
	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/people"
	"example.org/countersign/internal/pgtest"
	"example.org/countersign/internal/response"
	"example.org/countersign/internal/retention"
	"example.org/countersign/verify"
	"example.org/countersign/verify/format"
)

// erasedWords are in no place once the case is erased; long ones, lest a hash
// has them by chance.
var erasedWords = []string{"Zoralinda", "okapi.example", "the stolen quagga", "quagga-list", "typed about the quagga", "noted about the quagga"}

// forgetful is an installation with a case that is to be erased, and another.
type forgetful struct {
	*app.App
	t              *testing.T
	log            bytes.Buffer
	logging        sync.Mutex
	lou, lea, ann  *people.Identity
	erased, stays  string // ids of cases
	number         string
	server         string // data directory of the PostgreSQL, where it is one
	before         []byte // backup
	identity       *age.X25519Identity
	packageOf      evidence.Period
	packagedBefore []byte
}

// Write implements io.Writer for the log.
func (f *forgetful) Write(p []byte) (int, error) {
	f.logging.Lock()
	defer f.logging.Unlock()
	return f.log.Write(p)
}

func (f *forgetful) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

func (f *forgetful) enrol(name string, role people.Role) *people.Identity {
	f.t.Helper()
	p := &people.Person{Name: name, Email: name + "@countersign.example", Roles: []people.Role{people.Staff, role}, Active: true, ApproverSince: 1}
	f.must(f.Ledger.Write(f.t.Context(), ledger.System, func(_ context.Context, tx *ledger.Tx) error {
		return people.Persons.Put(tx, p, ledger.Do("enrolled", "CC6.2"))
	}))
	return &people.Identity{ID: p.ID, Name: name, Email: p.Email, Roles: p.Roles, Session: "s", Approves: true}
}

func (f *forgetful) receive(from, subject, text, file string) *intake.Receipt {
	f.t.Helper()
	raw := fmt.Sprintf("From: %s\r\nTo: %s\r\nSubject: %s\r\nMessage-ID: <%d.%d@mail.example>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n%s\r\n--b\r\nContent-Type: text/plain\r\nContent-Disposition: attachment; filename=\"%s\"\r\n\r\n%s\r\n--b--\r\n",
		from, Channel, subject, len(text), len(subject), text, file, strings.Repeat(text+" ", 1+200_000/len(text)))
	r, err := f.Intake.Receive(f.t.Context(), intake.Incoming{Channel: Channel, Source: intake.FromSMTP, From: "sender@mail.example", To: []string{Channel}, Raw: strings.NewReader(raw)})
	f.must(err)
	return r
}

// fill brings content to wherever content can be.
func (f *forgetful) fill() {
	ctx := f.t.Context()
	f.lou, f.lea, f.ann = f.enrol("lou", people.Legal), f.enrol("lea", people.Lead), f.enrol("ann", people.Analyst)
	r := f.receive("Zoralinda <zoralinda@okapi.example>", "Where is the stolen quagga", "I look for the stolen quagga. "+strings.Repeat("Nobody has seen the stolen quagga. ", 300), "quagga-list.txt")
	f.erased, f.number = r.Case, r.Number
	f.stays = f.receive("Bystander <by@stander.example>", "Something else", "Words that stay.", "else.txt").Case
	answer, err := f.Responses.Draft(ctx, f.ann, f.erased)
	f.must(err)
	c := answer.Content()
	c.Text = "Dear Zoralinda, we look for the stolen quagga."
	answer, err = f.Responses.Edit(ctx, f.ann, answer.ID, answer.Entry, c)
	f.must(err)
	answer, err = f.Responses.Attach(ctx, f.ann, answer.ID, answer.Entry, "quagga-list-2.txt", "text/plain", strings.NewReader("the stolen quagga again"))
	f.must(err)
	f.must(f.Responses.Autosave(ctx, f.ann, answer.ID, response.Content{Text: "typed about the quagga"}))
	_, err = f.Intake.Note(ctx, f.ann.Actor(people.Analyst), f.erased, "noted about the quagga and Zoralinda")
	f.must(err)
	_, err = f.Jobs.RunDue(ctx)
	f.must(err)
}

// keep makes a backup and a package, as of before the erasure.
func (f *forgetful) keep() {
	var err error
	f.identity, err = age.GenerateX25519Identity()
	f.must(err)
	var b bytes.Buffer
	_, err = backup.Write(f.t.Context(), backup.Source{Data: f.Config.Data, Database: f.Config.Database, Now: f.Ledger.Now()}, []age.Recipient{f.identity.Recipient()}, &b)
	f.must(err)
	f.before = b.Bytes()
	day := f.Ledger.Now().UTC().Truncate(24 * time.Hour)
	f.packageOf = evidence.Period{From: day.AddDate(0, 0, -1), To: day.AddDate(0, 0, 2)}
	f.packagedBefore = f.pack()
}

func (f *forgetful) pack() []byte {
	f.t.Helper()
	var b bytes.Buffer
	_, err := f.Evidence.Build(f.t.Context(), f.lea.Actor(people.Lead), f.packageOf, evidence.BuildOptions{WithRaw: true}, &b, nil)
	f.must(err)
	return b.Bytes()
}

// forget erases the case, as two persons and the jobs do.
func (f *forgetful) forget() {
	ctx := f.t.Context()
	ask := retention.Ask{Case: f.erased, Part: intake.Content}
	p, err := f.Retention.Plan(ctx, ask)
	f.must(err)
	e, err := f.Retention.Request(ctx, f.lou, ask, "GDPR Art. 17(1)(b)", "by mail", p.Hash)
	f.must(err)
	_, err = f.Retention.Approve(ctx, f.lea, e.ID, e.ListHash)
	f.must(err)
	_, err = f.Jobs.RunDue(ctx)
	f.must(err)
	if e, err = f.Retention.Erasure(ctx, e.ID); err != nil || e.State != retention.Executed {
		f.t.Fatalf("the erasure is %s (%s), %v", e.State, e.Stopped, err)
	}
}

// free fails where bytes hold an erased word.
func (f *forgetful) free(where string, b []byte) {
	f.t.Helper()
	for _, w := range erasedWords {
		if bytes.Contains(b, []byte(w)) {
			f.t.Errorf("%s holds %q", where, w)
		}
	}
}

func (f *forgetful) freeFiles(dir string) {
	f.t.Helper()
	f.must(filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || e.Type()&fs.ModeType != 0 {
			return nil //nolint:nilerr // PostgreSQL removes files of its own meanwhile
		}
		if b, err := os.ReadFile(path); err == nil {
			f.free(path, b)
		}
		return nil
	}))
}

// freeRecord fails where what can be opened with the keyring of now says an
// erased word.
func (f *forgetful) freeRecord(l *ledger.Ledger, where string) {
	f.t.Helper()
	cp, err := l.Checkpoint(f.t.Context())
	f.must(err)
	kept := false
	for i := range cp.Size {
		e, doc, err := l.Document(f.t.Context(), i, func(string, string, string) bool { return true })
		f.must(err)
		b := doc.Append(nil)
		f.free(fmt.Sprintf("%s, entry %d (%s)", where, i, e.Act), b)
		kept = kept || bytes.Contains(b, []byte("Words that stay."))
	}
	if !kept {
		f.t.Errorf("%s: what was to stay is gone too", where)
	}
	if _, err := l.Verify(f.t.Context(), ledger.Options{Full: true}); err != nil {
		f.t.Errorf("%s: %v", where, err)
	}
}

// freePackage fails where a package that is made now has an erased word or
// does not verify.
func (f *forgetful) freePackage() {
	f.t.Helper()
	b := f.pack()
	path := filepath.Join(f.t.TempDir(), "package.zip")
	f.must(os.WriteFile(path, b, 0o600))
	if s, err := verify.Package(f.t.Context(), path, verify.Options{Key: f.Ledger.VerifierKey()}); err != nil || s.Cases != 2 {
		f.t.Errorf("the package: %+v, %v", s, err)
	}
	c, err := format.OpenContainer(bytes.NewReader(b), int64(len(b)), format.Limits{})
	f.must(err)
	for i := range c.Members {
		var content bytes.Buffer
		_, err := content.ReadFrom(c.Open(&c.Members[i]))
		f.must(err)
		f.free("package, "+c.Members[i].Name, content.Bytes())
	}
}

func (f *forgetful) freePages() {
	f.t.Helper()
	for _, path := range []string{"/queue?state=all", "/cases/" + f.number, "/report", "/follow-up", "/ledger", "/api/v1/cases/" + f.number, "/api/v1/export/communications?from=2000-01-01&to=2100-01-01"} {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		r.Header.Set("Authorization", "Bearer "+f.Operator)
		w := httptest.NewRecorder()
		f.Handler.ServeHTTP(w, r)
		f.free(path, w.Body.Bytes())
	}
}

// restored opens what a backup of before the erasure becomes with the keyring
// of now.
func (f *forgetful) restored() {
	f.t.Helper()
	ctx := f.t.Context()
	dir := filepath.Join(f.t.TempDir(), "restored")
	r := backup.Restoration{Data: dir, Keyring: filepath.Join(f.Config.Data, "keyring"), Identities: []age.Identity{f.identity}, Kinds: app.Records(), Clock: clock.System,
		Reason: "the machine was lost, as far as this test is concerned"}
	if _, err := backup.Restore(ctx, r, bytes.NewReader(f.before)); err != nil {
		f.t.Fatal(err)
	}
	a, err := app.Open(ctx, app.Config{Data: dir, Existing: true})
	f.must(err)
	defer a.Close()
	f.freeRecord(a.Ledger, "restored backup")
	f.freeFiles(dir)
}

// Nothing of what was erased is found: in no file of the data directory or of
// PostgreSQL, in no record, package, export, page or log, nor in a backup of
// before, once it is restored with the keyring of now.
func TestForgotten(t *testing.T) {
	for _, database := range []string{"sqlite", "postgres"} {
		t.Run(database, func(t *testing.T) {
			f := &forgetful{t: t}
			cfg := app.Config{Data: filepath.Join(t.TempDir(), "data"), Log: slog.New(slog.NewTextHandler(f, &slog.HandlerOptions{Level: slog.LevelDebug}))}
			if database == "postgres" {
				s := pgtest.Private(t)
				cfg.Database, f.server = s.DSN(), s.Data()
			}
			Prepare(t, cfg)
			var err error
			f.App, err = app.Open(t.Context(), cfg)
			f.must(err)
			t.Cleanup(func() { f.App.Close() })
			f.fill()
			f.keep()
			f.forget()
			f.freeRecord(f.Ledger, "record")
			f.freePackage()
			f.freePages()
			f.freeFiles(f.Config.Data)
			if f.server != "" {
				f.freeFiles(f.server) // tables and pg_wal
			}
			if !bytes.Contains(f.packagedBefore, []byte("PK")) {
				t.Error("no package was made before")
			}
			f.restored()
			f.logging.Lock()
			f.free("the log", f.log.Bytes())
			f.logging.Unlock()
		})
	}
}
