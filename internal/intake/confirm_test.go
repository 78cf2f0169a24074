package intake_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"example.org/countersign/internal/channel/relay"
	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/rules"
)

var update = flag.Bool("update", false, "write the golden files")

// golden compares got with a file.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil || string(want) != got {
		t.Errorf("%s is not as it was (-update writes it): %v\n%s", path, err, got)
	}
}

func TestConfirmation(t *testing.T) {
	each(t, intake.Options{}, func(t *testing.T, o *office) {
		for language, body := range map[string]string{
			"en": "Hello, I would like to know where the report is that you have for this year.",
			"de": "Guten Tag, ich warte auf den Bericht und das ist nicht, was wir mit Ihnen vereinbart hatten.",
			"fr": "Bonjour, je vous prie de nous dire dans quel délai le rapport est prêt pour notre client.",
			"es": "Buenos días, quisiera saber cuándo está listo el informe para los clientes, como usted dijo por teléfono.",
		} {
			o.sent = nil
			r := o.must(t, mail{from: "Rita <rita." + language + "@example.com>", subject: "report", id: language + "@example.com", body: body})
			due := o.load(t, r.Case).DueAt
			o.due(t)
			o.due(t)
			if len(o.sent) != 1 {
				t.Fatalf("%s: %d confirmations", language, len(o.sent))
			}
			m := o.sent[0]
			if m.From != "Org Security <"+security+">" || len(m.To) != 1 || m.To[0] != "rita."+language+"@example.com" || m.Sender != "<>" ||
				m.InReplyTo != language+"@example.com" || m.Headers["Auto-Submitted"] != "auto-replied" || m.MessageID != "received."+r.Communication+"@org.example" {
				t.Errorf("%s: %+v", language, m)
			}
			golden(t, "confirmation-"+language+".txt", strings.ReplaceAll(m.Subject+"\n\n"+m.Text, r.Number, "C-2026-000123"))
			c, all := o.load(t, r.Case), o.thread(t, r.Case)
			if len(all) != 2 || all[1].Direction != intake.Outbound || all[1].Auto != intake.Confirmation || all[1].Delivery.Outcome != intake.Sent || all[1].About != r.Communication || all[1].Text != m.Text {
				t.Errorf("%s: recorded as %+v", language, all)
			}
			if c.FirstResponseAt != 0 || c.State != intake.Open || c.Waiting != intake.WaitingUs || c.DueAt != due || due == 0 {
				t.Errorf("%s: the confirmation stopped the clock: %+v", language, c)
			}
		}
	})
}

func TestUnconfirmed(t *testing.T) {
	person := "rita@example.com"
	rows := map[string]struct {
		m    mail
		from string // envelope sender, where it is not that of the header
	}{
		"automatic reply":     {m: mail{from: person, subject: "Re: x", more: "Auto-Submitted: auto-replied\r\n"}},
		"mailing list":        {m: mail{from: person, subject: "x", more: "List-Id: <list.example.com>\r\n"}},
		"bulk":                {m: mail{from: person, subject: "x", more: "Precedence: bulk\r\n"}},
		"null sender":         {m: mail{from: person, subject: "x"}, from: "<>"},
		"no-reply":            {m: mail{from: "no-reply@example.com", subject: "x"}},
		"mail system":         {m: mail{from: "MAILER-DAEMON@example.com", subject: "x"}},
		"postmaster":          {m: mail{from: "postmaster@example.com", subject: "x"}},
		"marked as spam":      {m: mail{from: person, subject: "x", more: "X-Spam-Flag: YES\r\n"}},
		"spam by rule":        {m: mail{from: person, subject: "You have won the lottery"}},
		"no sender":           {m: mail{subject: "x"}, from: "<>"},
		"ourselves":           {m: mail{from: security, subject: "x"}},
		"senseless address":   {m: mail{from: "rita@", subject: "x"}, from: "<>"},
		"asked for no answer": {m: mail{from: person, subject: "x", more: "X-Auto-Response-Suppress: All\r\n"}},
	}
	each(t, intake.Options{}, func(t *testing.T, o *office) {
		for name, c := range rows {
			if c.from == "" {
				c.from = c.m.from
			}
			r, err := o.Receive(t.Context(), intake.Incoming{Channel: security, Source: intake.FromSMTP, From: c.from, Raw: strings.NewReader(c.m.String())})
			if err != nil {
				t.Fatal(err)
			}
			o.due(t)
			if m := o.thread(t, r.Case)[0]; len(o.sent) > 0 || m.NoConfirmation == "" {
				t.Errorf("%s: confirmed to %+v; reason for not: %q", name, o.sent, m.NoConfirmation)
			}
			o.sent = nil
		}
	})
}

func TestConfirmationsOfADay(t *testing.T) {
	each(t, intake.Options{}, func(t *testing.T, o *office) {
		send := func(n int) {
			for range n {
				o.Clock.Advance(1e9)
				o.must(t, mail{from: "rita@example.com", subject: "again at " + o.Now().String()})
			}
			o.due(t)
		}
		send(5)
		if len(o.sent) != 3 {
			t.Errorf("an address that nobody vouches for got %d confirmations in a day", len(o.sent))
		}
		o.Clock.Advance(24 * 3600e9)
		send(1)
		if len(o.sent) != 4 {
			t.Errorf("the day after it got %d", len(o.sent)-3)
		}
	})
}

func TestConfirmationFails(t *testing.T) {
	each(t, intake.Options{}, func(t *testing.T, o *office) {
		for _, c := range []struct {
			name    string
			err     error
			outcome string // "" is tried again
		}{
			{"refused for good", &relay.Refused{Permanent: true, Code: 550, Text: "no such user"}, intake.Refused},
			{"answer lost", &relay.Ambiguous{Err: errors.New("connection reset")}, intake.Ambiguous},
			{"refused for now", &relay.Refused{Code: 451, Text: "later"}, ""},
			{"not reached", errors.New("connection refused"), ""},
		} {
			o.sent, o.fail = nil, c.err
			r := o.must(t, mail{from: "rita@" + strings.ReplaceAll(c.name, " ", "-") + ".example", subject: c.name})
			o.due(t)
			if len(o.sent) != 1 {
				t.Fatalf("%s: handed over %d times", c.name, len(o.sent))
			}
			all := o.thread(t, r.Case)
			if c.outcome != "" {
				if len(all) != 2 || all[1].Delivery.Outcome != c.outcome {
					t.Errorf("%s: %+v", c.name, all)
				}
				o.Clock.Advance(48 * 3600e9)
				if o.due(t); len(o.sent) != 1 {
					t.Errorf("%s: it was repeated", c.name)
				}
				continue
			}
			if len(all) != 1 {
				t.Errorf("%s: recorded as %+v", c.name, all[1])
			}
			o.fail = nil
			o.Clock.Advance(3600e9)
			o.due(t)
			if all := o.thread(t, r.Case); len(o.sent) != 2 || o.sent[0].MessageID != o.sent[1].MessageID || !o.sent[0].Date.Equal(o.sent[1].Date) || o.sent[0].Text != o.sent[1].Text || len(all) != 2 {
				t.Errorf("%s: repeated as another message: %+v", c.name, o.sent)
			}
		}
	})
}

// A confirmation that waited too long is not sent, and the record says why.
func TestConfirmationOverdue(t *testing.T) {
	each(t, intake.Options{}, func(t *testing.T, o *office) {
		for name, late := range map[string]func(r *intake.Receipt) error{
			"set aside": func(r *intake.Receipt) error { return o.Dispose(t.Context(), ann, r.Case, rules.Spam, "spam") },
			"answered":  func(r *intake.Receipt) error { answer(t, o, r.Case); return nil },
			"closed":    func(r *intake.Receipt) error { return o.Close(t.Context(), ann, r.Case, 0, "nothing") },
			"due":       func(*intake.Receipt) error { o.Clock.Advance(240 * 3600e9); return nil },
		} {
			r := o.must(t, mail{from: "rita@" + strings.ReplaceAll(name, ", ", "-") + ".example", subject: name})
			if err := late(r); err != nil {
				t.Fatal(err)
			}
			o.due(t)
			if m := o.thread(t, r.Case)[0]; len(o.sent) > 0 || m.NoConfirmation == "" {
				t.Errorf("%s: sent %+v; reason for not: %q", name, o.sent, m.NoConfirmation)
			}
			o.sent = nil
		}
	})
}

// A crash between hand-over and its record leaves the mark behind.
func TestConfirmationAfterACrash(t *testing.T) {
	each(t, intake.Options{}, func(t *testing.T, o *office) {
		r := o.must(t, mail{from: "rita@example.com", subject: "x"})
		if err := o.DB.Script(t.Context(), `INSERT INTO confirmation (communication, state) VALUES ('`+r.Communication+`', 'sending')`); err != nil {
			t.Fatal(err)
		}
		o.due(t)
		if all := o.thread(t, r.Case); len(o.sent) != 0 || len(all) != 2 || all[1].Delivery.Outcome != intake.Ambiguous {
			t.Errorf("sent %d times, recorded %+v", len(o.sent), all)
		}
	})
}
