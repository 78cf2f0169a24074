package app

import (
	"context"
	"net/mail"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"example.org/countersign/internal/fakes/smtpsink"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/people"
	"example.org/countersign/internal/selfcheck"
	"example.org/countersign/internal/witness"
)

// house is an installation with an administrator, a lead and an analyst.
func house(t *testing.T, relay string) *App {
	t.Helper()
	a, err := Open(t.Context(), Config{Data: t.TempDir(), Relay: "smtp://" + relay, URL: "https://reports.countersign.example"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	const password = "a password that is long enough"
	code, err := a.People.Bootstrap(t.Context())
	if err == nil {
		_, err = a.People.Enrol(t.Context(), code, "Ada", "ada@countersign.example", password)
	}
	if err != nil {
		t.Fatal(err)
	}
	_, admin, err := a.People.SignIn(t.Context(), "ada@countersign.example", password, "", people.Client{})
	if err != nil {
		t.Fatal(err)
	}
	for name, role := range map[string]people.Role{"lea": people.Lead, "ann": people.Analyst, "aud": people.Auditor} {
		code, _, err := a.People.Invite(t.Context(), admin, name, name+"@countersign.example", []people.Role{role})
		if err == nil {
			_, err = a.People.Enrol(t.Context(), code, name, "", password)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return a
}

// TestAltered: a self-check that found something is told to administrators and
// leads, once each, and what it found is not.
func TestAltered(t *testing.T) {
	sink := smtpsink.New(t)
	a := house(t, sink.Addr)
	const secret = "casefile k3J9, column subject"
	seen := 0
	ids := func() map[string]string { // Message-IDs of the mails since the last call, by recipient
		t.Helper()
		if err := a.raise(t.Context()); err != nil {
			t.Fatal(err)
		}
		out := map[string]string{}
		all := sink.Messages()
		for _, m := range all[seen:] {
			text := string(m.Raw)
			if strings.Contains(text, "k3J9") || !strings.Contains(text, "https://reports.countersign.example/checks") || !strings.Contains(text, "a self-check found that the record was altered") {
				t.Errorf("the mail says: %s", text)
			}
			p, err := mail.ReadMessage(strings.NewReader(text))
			if err != nil || len(m.To) != 1 || out[m.To[0]] != "" {
				t.Fatalf("to %v: %v", m.To, err)
			}
			out[m.To[0]] = p.Header.Get("Message-Id")
		}
		seen = len(all)
		return out
	}
	check := func(o selfcheck.Outcome) {
		t.Helper()
		if err := a.Ledger.Write(t.Context(), ledger.System, func(_ context.Context, tx *ledger.Tx) error {
			c := &selfcheck.Check{At: tx.Now.UnixMicro(), Outcome: o}
			if o == selfcheck.Altered {
				c.Finding = secret
			}
			return selfcheck.Checks.Put(tx, c, ledger.Do(string(o), "CC4.1"))
		}); err != nil {
			t.Fatal(err)
		}
	}
	none := func(when string) {
		t.Helper()
		if got := ids(); len(got) != 0 {
			t.Errorf("%s: %v are told", when, got)
		}
	}
	none("before the first check")
	check(selfcheck.Intact)
	none("where nothing was found")
	check(selfcheck.Altered)
	first := ids()
	if len(first) != 2 || first["ada@countersign.example"] == "" || first["lea@countersign.example"] == "" || first["ada@countersign.example"] == first["lea@countersign.example"] {
		t.Fatalf("told: %v", first)
	}
	none("a second time")
	check(selfcheck.Altered)
	none("the night after")
	file := filepath.Join(a.Config.Data, alarmFile)
	if err := os.WriteFile(file, []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	if again := ids(); again["ada@countersign.example"] != first["ada@countersign.example"] || again["lea@countersign.example"] != first["lea@countersign.example"] {
		t.Errorf("another attempt, another Message-ID: %v, %v", first, again)
	}
	check(selfcheck.Intact)
	none("once a check finds nothing")
	if _, err := os.Stat(file); !os.IsNotExist(err) {
		t.Errorf("it is not forgotten whom was told: %v", err)
	}
	check(selfcheck.Altered)
	if next := ids(); len(next) != 2 || next["lea@countersign.example"] == first["lea@countersign.example"] {
		t.Errorf("a new finding: %v", next)
	}
}

// TestBothAlarms: that sealing has stopped is told beside what a check found.
func TestBothAlarms(t *testing.T) {
	sink := smtpsink.New(t)
	a := house(t, sink.Addr)
	if err := a.Ledger.Write(t.Context(), ledger.System, func(_ context.Context, tx *ledger.Tx) error {
		return selfcheck.Checks.Put(tx, &selfcheck.Check{At: tx.Now.UnixMicro(), Outcome: selfcheck.Altered}, ledger.Do("altered", "CC4.1"))
	}); err != nil {
		t.Fatal(err)
	}
	if err := a.Recovery.Halt(t.Context(), &witness.Rollback{Size: 7, Seen: 90000, Evidence: []byte("note"), Witnesses: []string{"sister.example"}}); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := a.raise(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	var told []string
	for _, m := range sink.Messages() {
		what := "altered "
		if strings.Contains(string(m.Raw), "sealing of the record has stopped") {
			what = "stopped "
		}
		told = append(told, what+strings.Join(m.To, " "))
	}
	slices.Sort(told)
	if want := []string{"altered ada@countersign.example", "altered lea@countersign.example", "stopped ada@countersign.example", "stopped lea@countersign.example"}; !slices.Equal(told, want) {
		t.Errorf("told: %q", told)
	}
}
