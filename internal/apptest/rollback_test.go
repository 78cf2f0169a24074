package apptest

import (
	"database/sql"
	"errors"
	"fmt"
	"net/http/httptest"
	"net/smtp"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"example.org/countersign/internal/app"
	"example.org/countersign/internal/fakes/smtpsink"
	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/people"
	"example.org/countersign/internal/witness"
)

// TestRollback sets a record back to an old copy. A witness has seen more, so
// sealing stops, what comes is spooled, and after somebody has accepted the
// loss it is in the record, at the time at which it came.
func TestRollback(t *testing.T) {
	binary, dir, old := Build(t), filepath.Join(t.TempDir(), "data"), filepath.Join(t.TempDir(), "old")
	Prepare(t, app.Config{Data: dir})
	staff(t, dir)
	relay := smtpsink.New(t)
	sister, err := witness.Open(t.Context(), t.TempDir(), witness.Options{Name: "sister.example"})
	if err != nil {
		t.Fatal(err)
	}
	defer sister.Close()
	answers := httptest.NewServer(sister)
	defer answers.Close()
	if _, err := sister.Register(t.Context(), key(t, dir)); err != nil {
		t.Fatal(err)
	}
	policy := fmt.Sprintf("witness sister %s %s\nquorum sister\n", sister.Key(), answers.URL)
	if err := os.WriteFile(filepath.Join(dir, "witness-policy.txt"), []byte(policy), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(send ...string) *process {
		t.Helper()
		p := start(t, binary, app.Config{Data: dir, PublishEvery: time.Second}, relay.Addr)
		for _, id := range send {
			if err := mailOnce(p.smtp, id); err != nil {
				t.Fatalf("%s was not accepted: %v", id, err)
			}
		}
		return p
	}
	p := run("one", "two")
	cosigned(t, sister, 1)
	p.stop()
	if out, err := exec.Command("cp", "-a", dir, old).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	p = run("three", "four")
	cosigned(t, sister, length(t, old)+1) // the old copy may have more than had been cosigned
	p.stop()

	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(old, dir); err != nil {
		t.Fatal(err)
	}
	p = run("five") // accepted, though nothing is sealed
	alarmed(t, relay)
	out, err := exec.Command(binary, "recover", "--data", dir).CombinedOutput()
	if stopped, ok := errors.AsType[*exec.ExitError](err); !ok || stopped.ExitCode() != 3 || !strings.Contains(string(out), "it was set back") {
		t.Errorf("recover: %v, %q", err, out)
	}
	came := time.Now().UTC().Format(time.RFC3339Nano)
	p.stop()
	told := len(relay.Messages())
	p = run("six") // sealing is still stopped after a restart
	if out := command(t, binary, "recover", "--data", dir, "--reason", "The newer data are lost with the disk."); !strings.Contains(out, "is being sealed again") {
		t.Errorf("recover says %q", out)
	}
	p.stop()
	for _, m := range relay.Messages()[told:] {
		if strings.Contains(string(m.Raw), stopped) {
			t.Errorf("%v was told a second time", m.To)
		}
	}
	command(t, binary, "verify", "--live", "--full", "--data", dir)

	a, err := app.Open(t.Context(), app.Config{Data: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if n, _, err := a.Spool.Waiting(); n != 0 || err != nil {
		t.Errorf("%d items are still spooled, %v", n, err)
	}
	subjects := map[string]string{}
	if err := a.Intake.Export(t.Context(), time.Time{}, time.Time{}, func(r intake.Row) error {
		if r.Direction == "inbound" {
			subjects[r.Subject] = r.ReceivedAt
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"one", "two", "five", "six"} {
		if subjects[id] == "" {
			t.Errorf("%q is not in the record", id)
		}
	}
	if len(subjects) != 4 {
		t.Errorf("the record has %v", subjects)
	}
	if at := subjects["five"]; at > came {
		t.Errorf("\"five\" came before %s and is said to have come at %s, when it was taken into the record", came, at)
	}
	if _, err := a.Ledger.Verify(t.Context(), ledger.Options{Full: true}); err != nil {
		t.Error(err)
	}
}

const stopped = "sealing of the record has stopped" // subject of the alarm

// staff enrols one person of each kind that matters to an alarm.
func staff(t *testing.T, dir string) {
	t.Helper()
	a, err := app.Open(t.Context(), app.Config{Data: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	code, err := a.People.Bootstrap(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	const password = "a password that is long enough"
	if _, err = a.People.Enrol(t.Context(), code, "Ada", "ada@countersign.example", password); err != nil {
		t.Fatal(err)
	}
	_, admin, err := a.People.SignIn(t.Context(), "ada@countersign.example", password, "", people.Client{})
	if err != nil {
		t.Fatal(err)
	}
	for name, role := range map[string]people.Role{"lea": people.Lead, "ann": people.Analyst} {
		code, _, err := a.People.Invite(t.Context(), admin, name, name+"@countersign.example", []people.Role{role})
		if err == nil {
			_, err = a.People.Enrol(t.Context(), code, name, "", password)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// alarmed waits until administrator and lead, and they alone, are told.
func alarmed(t *testing.T, relay *smtpsink.Sink) {
	t.Helper()
	var told []string
	for range 300 {
		told = nil
		for _, m := range relay.Messages() {
			if strings.Contains(string(m.Raw), stopped) {
				told = append(told, m.To...)
			}
		}
		if len(told) >= 2 {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	if slices.Sort(told); !slices.Equal(told, []string{"ada@countersign.example", "lea@countersign.example"}) {
		t.Errorf("told that sealing has stopped: %v", told)
	}
}

// key returns the verifier key of an installation.
func key(t *testing.T, dir string) string {
	t.Helper()
	a, err := app.Open(t.Context(), app.Config{Data: dir, Existing: true})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	return a.Ledger.VerifierKey()
}

// length returns how many entries the log of a stopped installation has.
func length(t *testing.T, dir string) (n int64) {
	t.Helper()
	d, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "countersign.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if err := d.QueryRowContext(t.Context(), `SELECT size FROM ledger_head`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// cosigned waits until a witness has cosigned a checkpoint of at least size
// entries.
func cosigned(t *testing.T, w *witness.Witness, size int64) {
	t.Helper()
	for range 300 {
		logs, err := w.Logs(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range logs {
			if l.Size >= size {
				return
			}
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("no checkpoint of %d entries was cosigned", size)
}

// command runs a command that must succeed and returns what it prints.
func command(t *testing.T, binary string, args ...string) string {
	t.Helper()
	out, err := exec.Command(binary, args...).CombinedOutput()
	if err != nil {
		t.Errorf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// mailOnce sends one mail.
func mailOnce(addr, id string) error {
	body := fmt.Sprintf("From: <%[1]s@sender.example>\r\nTo: <%[2]s>\r\nSubject: %[1]s\r\nMessage-ID: <%[1]s@sender.example>\r\n\r\nA question.\r\n", id, Channel)
	return smtp.SendMail(addr, nil, id+"@sender.example", []string{Channel}, []byte(body))
}
