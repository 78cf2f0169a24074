package evidence_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"example.org/countersign/internal/disclose"
	"example.org/countersign/internal/disclosure"
	"example.org/countersign/internal/evidence"
	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/people"
	"example.org/countersign/internal/retention"
	"example.org/countersign/verify"
)

func (o *office) disclosures() *disclosure.Desk {
	return disclosure.New(o.Ledger, o.intake, o.responses, o.evidence)
}

// item returns the nth item of a kind that a case can show, counted from 0.
func (o *office) item(c *intake.Case, kind disclosure.Kind, n int) *disclosure.Item {
	o.Helper()
	f, err := o.disclosures().Folder(o.Context(), c.ID)
	o.must(err)
	for _, x := range f.Items {
		if x.Kind == kind {
			if n == 0 {
				return x
			}
			n--
		}
	}
	o.Fatalf("case %s has no such %s", c.Number, kind)
	return nil
}

func choose(x *disclosure.Item, fields string) disclosure.Choice {
	return disclosure.Choice{Entry: x.Entry, Fields: strings.Fields(fields)}
}

// packed are the words of every file of a package, also of those within files.
func packed(t testing.TB, b []byte) string {
	t.Helper()
	all := bytes.Clone(b)
	for path, content := range files(t, b) {
		all = append(append(all, path...), everything(content)...)
	}
	return string(all)
}

// TestDisclosure holds that what is chosen of a case leaves with its proofs, is
// recorded before, and that no word of anything else is in the file.
func TestDisclosure(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		o.at(2026, 7, 6, 9, 0)
		other := o.mail("Nina Roth <nina@brook.example>", "Zebra crossing", "Quagga in the paddock.")
		c := o.mail("Mara Voss <mara@halden.example>", "Login trouble", "There is a vulnerability in your login.")
		o.answer(other, "Okapi thanks.")
		o.at(2026, 7, 8, 11, 0)
		o.receive("From: Mara Voss <mara@halden.example>\r\nTo: " + security + "\r\nSubject: Re: [" + c.Number + "] Login trouble\r\n\r\nAnd an eland behind the fence.")
		o.answer(c, "Thank you. We are looking into it.")
		_, err := o.intake.Note(t.Context(), o.ana.Actor(people.Analyst), c.ID, "Ibex says the analyst.")
		o.must(err)
		c, err = o.intake.Case(t.Context(), c.ID)
		o.must(err)

		message, answer := o.item(c, disclosure.Communication, 0), o.item(c, disclosure.Response, 0)
		decision := o.item(c, disclosure.Decision, 0)
		ask := disclosure.Ask{To: "Data protection authority", Reason: "Their request of July", Choices: []disclosure.Choice{
			choose(message, "subject text received_at"), choose(answer, "text"), choose(decision, "approvals rule")}}
		var out bytes.Buffer
		p, err := o.disclosures().Make(t.Context(), o.leo.Actor(people.Legal), c.Number, ask, &out)
		if err != nil {
			t.Fatal(err)
		}
		s, err := check(t, out.Bytes(), o.VerifierKey())
		if err != nil || !s.Abridged || s.From != "2026-07-06" || s.To != "2026-07-08" || s.Responses != 2 {
			t.Fatalf("the check says %+v, %v", s, err)
		}
		words := packed(t, out.Bytes())
		for _, word := range []string{"There is a vulnerability in your login.", "Login trouble", "Thank you. We are looking into it.", c.Number} {
			if !strings.Contains(words, word) {
				t.Errorf("%q was chosen and is not there", word)
			}
		}
		for _, word := range []string{"nina", "Nina", "Zebra", "Quagga", "Okapi", "mara", "Mara", "halden", "eland", "Ibex", "Ana Lyst", "Lea Lead", "Security mailbox", security} {
			if strings.Contains(words, word) {
				t.Errorf("%q was not chosen and is there", word)
			}
		}
		// Which communication of which case another one is, is nobody's business.
		if list := rows(t, files(t, out.Bytes())["records/communications.csv"]); len(list) < 4 {
			t.Errorf("%d communications", len(list))
		} else {
			for _, r := range list {
				if (r["number"] != "" || r["received_at"] != "" || r["subject"] != "") != (r["text"] != "") {
					t.Errorf("a communication shows %v", r)
				}
			}
		}
		o.recorded(p, out.Bytes(), c, ask)
		o.sameCheckpoint(p, out.Bytes())
		if _, err := o.Verify(t.Context(), ledger.Options{Full: true}); err != nil {
			t.Error(err)
		}
	})
}

// recorded holds that the record says who let out what.
func (o *office) recorded(p *evidence.Package, b []byte, c *intake.Case, ask disclosure.Ask) {
	o.Helper()
	versions, err := evidence.Packages.History(o.Context(), o.Ledger, p.ID)
	o.must(err)
	if len(versions) != 2 || versions[0].Doc.Disclosed != nil {
		o.Fatalf("%d versions of the package", len(versions))
	}
	e, d := versions[1].Entry, versions[1].Doc.Disclosed
	if e.Act != "package.disclosed" || e.Actor != o.leo.ID || e.Role != "legal" || !slices.Equal(e.Controls, []string{"CC2.3", "C1.1"}) {
		o.Errorf("the entry is %+v", e)
	}
	if d.Case != c.Number || d.To != ask.To || d.Reason != ask.Reason || d.SHA256 != sum(b) || d.Bytes != int64(len(b)) || len(d.Shown) != 3 {
		o.Errorf("the record says %+v", d)
	}
	for _, x := range d.Shown {
		if x.Entry == ask.Choices[0].Entry && !slices.Equal(x.Fields, []string{"number", "received_at", "seq", "subject", "text"}) {
			o.Errorf("shown of the message is %v", x.Fields)
		}
	}
}

// sameCheckpoint holds that a disclosure and the whole package that is made at
// the same state check against one checkpoint.
func (o *office) sameCheckpoint(p *evidence.Package, disclosed []byte) {
	o.Helper()
	whole, made := o.build(evidence.Period{From: q3.From.AddDate(0, 0, 5), To: q3.From.AddDate(0, 0, 8)}, evidence.BuildOptions{})
	if made.Package.From != p.From || made.Package.To != p.To || made.Package.First != p.First || made.Package.Count < p.Count {
		o.Errorf("the whole package is of %s to %s", made.Package.From, made.Package.To)
	}
	if _, err := check(o, whole, o.VerifierKey()); err != nil {
		o.Error(err)
	}
	path := filepath.Join(o.TempDir(), "whole.zip")
	o.must(os.WriteFile(path, whole, 0o600))
	from, err := verify.Open(o.Context(), path, verify.Options{})
	o.must(err)
	defer from.Close()
	chosen := disclose.Selection{Bare: true}
	for _, x := range p.Disclosed.Shown {
		for _, field := range x.Fields {
			one, err := disclose.ParseSelector(fmt.Sprintf("%d:%s", x.Entry, field))
			o.must(err)
			chosen.Show = append(chosen.Show, one)
		}
	}
	var less bytes.Buffer
	_, err = disclose.Make(o.Context(), from, chosen, &less)
	o.must(err)
	s, err := check(o, less.Bytes(), o.VerifierKey())
	o.must(err)
	if s.Tree != from.Summary.Tree || string(files(o, whole)["ledger/checkpoint"]) != string(files(o, less.Bytes())["ledger/checkpoint"]) {
		o.Error("what is shown of a package speaks of another checkpoint")
	}
	for _, path := range []string{"records/communications.csv", "records/responses.csv", "records/approvals.csv"} {
		if string(files(o, less.Bytes())[path]) != string(files(o, disclosed)[path]) {
			o.Errorf("%s: the same choices show something else", path)
		}
	}
	if seal := files(o, disclosed)["seal/document"]; !strings.Contains(string(seal), p.ManifestSHA256) || strings.Contains(string(seal), "disclosed") {
		o.Error("a disclosure has not the seal of the package that it was made from")
	}
}

// TestDisclosureRefused holds that a choice which cannot be followed makes no
// file and no entry.
func TestDisclosureRefused(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		o.at(2026, 7, 6, 9, 0)
		other := o.mail("nina@brook.example", "Zebra crossing", "Quagga in the paddock.")
		c := o.letter("Mara Voss <mara@halden.example>", "Login trouble", "A vulnerability.", "okapi.txt", "striped")
		secret, err := o.intake.Report(t.Context(), intake.Report{Channel: portal, Source: intake.FromPortal, Subject: "Whistle", Text: whistle, Anonymous: true})
		o.must(err)
		anonymous, err := o.intake.Case(t.Context(), secret.Case)
		o.must(err)
		header, message, foreign := o.item(c, disclosure.Header, 0), o.item(c, disclosure.Communication, 0), o.item(other, disclosure.Communication, 0)
		hidden := o.item(anonymous, disclosure.Communication, 0)
		_, err = o.intake.Note(t.Context(), o.ana.Actor(people.Analyst), c.ID, "Changes the header.")
		o.must(err)
		o.erase(retention.Ask{Case: c.ID, Part: intake.Identity, Of: message.Record})
		erased := o.item(c, disclosure.Communication, 0)
		head, err := o.Checkpoint(t.Context())
		o.must(err)
		for _, x := range []struct {
			name, of string
			to       string
			choices  []disclosure.Choice
			kind     fault.Kind
			says     string
		}{
			{"nothing", c.Number, "DPA", nil, fault.Invalid, "choose at least one record"},
			{"nobody", c.Number, " ", []disclosure.Choice{choose(erased, "text")}, fault.Invalid, "to: say for whom"},
			{"no field", c.Number, "DPA", []disclosure.Choice{{Entry: erased.Entry}}, fault.Invalid, "name at least one field of communication 1"},
			{"unknown field", c.Number, "DPA", []disclosure.Choice{choose(erased, "text colour")}, fault.Invalid, `has no field "colour" to show; it has`},
			{"erased field", c.Number, "DPA", []disclosure.Choice{choose(erased, "from")}, fault.Invalid, "(identity) was erased under GDPR Art. 17(1)(b)"},
			{"hash of the whole", c.Number, "DPA", []disclosure.Choice{choose(erased, "raw_sha256")}, fault.Invalid, `no field "raw_sha256"`},
			{"of another case", c.Number, "DPA", []disclosure.Choice{choose(foreign, "text")}, fault.Invalid, "nothing in case " + c.Number + " is entry"},
			{"no entry", c.Number, "DPA", []disclosure.Choice{{Entry: 1 << 40, Fields: []string{"text"}}}, fault.Invalid, "nothing in case"},
			{"negative", c.Number, "DPA", []disclosure.Choice{{Entry: -1, Fields: []string{"text"}}}, fault.Invalid, "nothing in case"},
			{"older version", c.Number, "DPA", []disclosure.Choice{choose(header, "subject")}, fault.Conflict, "look at case " + c.Number + " again"},
			{"anonymous", anonymous.Number, "DPA", []disclosure.Choice{choose(hidden, "text")}, fault.Invalid, "only with raw content"},
			{"no case", "C-2026-999999", "DPA", []disclosure.Choice{choose(erased, "text")}, fault.NotFound, "no such case"},
		} {
			var out bytes.Buffer
			_, err := o.disclosures().Make(t.Context(), o.leo.Actor(people.Legal), x.of, disclosure.Ask{To: x.to, Reason: "asked", Choices: x.choices}, &out)
			if kind, msg := fault.Of(err); kind != x.kind || !strings.Contains(msg, x.says) || out.Len() > 0 {
				t.Errorf("%s: %d bytes, %v", x.name, out.Len(), err)
			}
		}
		if now, err := o.Checkpoint(t.Context()); err != nil || now.Size != head.Size {
			t.Errorf("what was refused has made %d entries, %v", now.Size-head.Size, err)
		}
		o.follow(c, erased, anonymous, hidden)
	})
}

// follow holds that what is left after an erasure, and what an anonymous
// reporter wrote, leave where they are asked for.
func (o *office) follow(c *intake.Case, erased *disclosure.Item, anonymous *intake.Case, hidden *disclosure.Item) {
	o.Helper()
	for _, x := range []struct {
		of      *intake.Case
		choices []disclosure.Choice
		raw     bool
		there   string
		gone    []string
	}{
		{c, []disclosure.Choice{choose(erased, "text attachments erasures")}, true, "striped", []string{"mara", "Mara", "Login trouble", "Quagga", "My manager"}},
		{c, []disclosure.Choice{choose(erased, "text")}, true, "A vulnerability.", []string{"striped", "okapi", "mara", "Mara"}},
		{anonymous, []disclosure.Choice{choose(hidden, "text")}, true, whistle, []string{"Whistle", "Quagga", "vulnerability", "okapi", "mara"}},
	} {
		var out bytes.Buffer
		_, err := o.disclosures().Make(o.Context(), o.leo.Actor(people.Legal), x.of.ID, disclosure.Ask{To: "DPA", Reason: "asked", Choices: x.choices, WithRaw: x.raw}, &out)
		o.must(err)
		if _, err := check(o, out.Bytes(), o.VerifierKey()); err != nil {
			o.Error(err)
		}
		words := packed(o, out.Bytes())
		if !strings.Contains(words, x.there) {
			o.Errorf("%s: %q is not there", x.of.Number, x.there)
		}
		for _, word := range x.gone {
			if strings.Contains(words, word) {
				o.Errorf("%s: %q is there", x.of.Number, word)
			}
		}
	}
}

// TestDisclosureLongText holds that a text kept in a file of its own leaves by
// the name of any other, and that a case too large to choose from says so.
func TestDisclosureLongText(t *testing.T) {
	o := sqlite(t)
	o.at(2026, 7, 6, 9, 0)
	c := o.mail("mara@halden.example", "Long", strings.Repeat("A long text that does not fit into a row. ", 400))
	x := o.item(c, disclosure.Communication, 0)
	var out bytes.Buffer
	_, err := o.disclosures().Make(t.Context(), o.leo.Actor(people.Legal), c.ID, disclosure.Ask{To: "DPA", Reason: "asked", Choices: []disclosure.Choice{choose(x, "text")}}, &out)
	o.must(err)
	if _, err := check(t, out.Bytes(), o.VerifierKey()); err != nil {
		t.Error(err)
	}
	if text := files(t, out.Bytes())["raw/"+c.Number+"/1/text.txt"]; !strings.Contains(string(text), "does not fit into a row") {
		t.Error("the text is not there")
	}
	for range disclosure.Most {
		_, err := o.intake.Note(t.Context(), o.ana.Actor(people.Analyst), c.ID, "again")
		o.must(err)
	}
	_, err = o.disclosures().Folder(t.Context(), c.ID)
	if kind, msg := fault.Of(err); kind != fault.Conflict || !strings.Contains(msg, "countersign disclose") {
		t.Error(err)
	}
}
