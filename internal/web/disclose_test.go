package web_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"example.org/countersign/internal/browsertest"
	"example.org/countersign/internal/disclosure"
	"example.org/countersign/internal/evidence"
	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/people"
	"example.org/countersign/internal/retention"
	"example.org/countersign/verify"
)

// entry returns the entry by which an item of a case is chosen.
func (o *office) entryOf(c *intake.Case, kind disclosure.Kind) string {
	o.t.Helper()
	f, err := o.Disclose.Folder(o.t.Context(), c.ID)
	o.must(err)
	i := slices.IndexFunc(f.Items, func(x *disclosure.Item) bool { return x.Kind == kind })
	if i < 0 {
		o.t.Fatalf("case %s has no %s", c.Number, kind)
	}
	return fmt.Sprint(f.Items[i].Entry)
}

// TestDisclosePage holds that the page lists what a case can show, with nothing
// ticked that says who or what, and makes of what is ticked a file that checks.
func TestDisclosePage(t *testing.T) {
	o := open(t)
	c := o.mail(report)
	at := "/cases/" + c.Number + "/disclose"
	for _, role := range people.Roles() {
		may := slices.Contains([]people.Role{people.Lead, people.Legal, people.Executive}, role)
		v := o.visit(role)
		if linked := strings.Contains(v.get("/cases/"+c.Number).body, `href="`+at+`"`); linked != may {
			t.Errorf("%s is led to the page: %v", role, linked)
		}
		want := 403
		if may {
			want = 200
		}
		v.want(want, v.get(at))
	}
	leo := o.visit(people.Legal)
	page := leo.get(at).body
	for box, ticked := range map[string]bool{"received_at": true, "direction": true, "from": false, "subject": false, "text": false, "raw_sha256": false} {
		m := regexp.MustCompile(`<input[^>]*name="fields-communication" value="` + box + `"[^>]*>`).FindString(page)
		if strings.Contains(m, "checked") != ticked || (m == "") != (box == "raw_sha256") {
			t.Errorf("%s: %s", box, m)
		}
	}
	entry := o.entryOf(c, disclosure.Communication)
	a := leo.want(200, leo.post(at, "records", entry, "fields-communication", "text", "to", "Data protection authority", "reason", "Their request"))
	file := filepath.Join(t.TempDir(), "less.zip")
	o.must(os.WriteFile(file, []byte(a.body), 0o600))
	s, err := verify.Package(context.Background(), file, verify.Options{Key: o.Env.VerifierKey()})
	if err != nil || !s.Abridged {
		t.Fatalf("%+v, %v", s, err)
	}
	made, err := o.Evidence.Made(t.Context())
	o.must(err)
	if d := made[0].Disclosed; len(made) != 1 || d == nil || d.Case != c.Number || d.To != "Data protection authority" || d.Bytes != int64(len(a.body)) ||
		!slices.Equal(d.Shown[0].Fields, []string{"number", "seq", "text"}) {
		t.Errorf("recorded: %+v", d)
	}
	for path, says := range map[string]string{at: "Let out before", "/evidence": "A part of " + c.Number + " alone, for Data protection authority"} {
		if !strings.Contains(leo.get(path).body, says) {
			t.Errorf("%s does not say %q", path, says)
		}
	}
}

// TestDisclosePageRefuses holds that what is wrong is said on the page, and that
// nothing is made then.
func TestDisclosePageRefuses(t *testing.T) {
	o := open(t)
	c := o.mail(report)
	leo, at := o.visit(people.Legal), "/cases/"+c.Number+"/disclose"
	entry, stale := o.entryOf(c, disclosure.Communication), o.entryOf(c, disclosure.Header)
	_, err := o.Intake.Note(t.Context(), o.identity(people.Analyst).Actor(people.Analyst), c.ID, "Changes the header.")
	o.must(err)
	for _, x := range []struct {
		status int
		says   string
		form   []string
	}{
		{422, "Choose at least one record", []string{"to", "DPA", "reason", "asked"}},
		{422, "Choose at least one field", []string{"records", entry, "to", "DPA", "reason", "asked"}},
		{422, "Say for whom", []string{"records", entry, "fields-communication", "text", "to", "", "reason", "asked"}},
		{422, "Say why", []string{"records", entry, "fields-communication", "text", "to", "DPA", "reason", " "}},
		{422, "has no field &#34;colour&#34;", []string{"records", entry, "fields-communication", "colour", "to", "DPA", "reason", "asked"}},
		{422, "nothing in case", []string{"records", "x", "fields-communication", "text", "to", "DPA", "reason", "asked"}},
		{409, "look at case " + c.Number + " again", []string{"records", stale, "fields-case", "state", "to", "DPA", "reason", "asked"}},
	} {
		a := leo.want(x.status, leo.post(at, x.form...))
		if !strings.Contains(strings.ToLower(a.body), strings.ToLower(x.says)) {
			t.Errorf("%v: the page does not say %q", x.form, x.says)
		}
		if !strings.Contains(a.body, `name="reason"`) {
			t.Errorf("%v: the form is gone", x.form)
		}
	}
	leo.want(404, leo.get("/cases/C-2026-999999/disclose"))
	made, err := evidence.Packages.Select(t.Context(), o.Env.Ledger, "")
	if err != nil || len(made) != 0 {
		t.Errorf("%d packages were made, %v", len(made), err)
	}
	for range disclosure.Most {
		_, err := o.Intake.Note(t.Context(), o.identity(people.Analyst).Actor(people.Analyst), c.ID, "Again.")
		o.must(err)
	}
	if a := leo.want(200, leo.get(at)); !strings.Contains(a.body, "Too much to choose from") || strings.Contains(a.body, `name="records"`) {
		t.Error("a case of hundreds of records is offered whole")
	}
}

// TestDiscloseErased holds that what was erased is shown as erased, and cannot be
// chosen.
func TestDiscloseErased(t *testing.T) {
	o := open(t)
	c := o.mail(report)
	ctx, leo, at := t.Context(), o.visit(people.Legal), "/cases/"+c.Number+"/disclose"
	ask := retention.Ask{Case: c.ID, Part: intake.Content}
	plan, err := o.Retention.Plan(ctx, ask)
	o.must(err)
	e, err := o.Retention.Request(ctx, o.identity(people.Legal), ask, "GDPR Art. 17(1)(b)", "By mail.", plan.Hash)
	o.must(err)
	_, err = o.Retention.Approve(ctx, o.identity(people.Lead), e.ID, e.ListHash)
	o.must(err)
	_, err = o.Jobs.RunDue(ctx)
	o.must(err)
	page := leo.want(200, leo.get(at)).body
	if strings.Count(page, "was erased on") < 2 || strings.Contains(page, `name="fields-communication" value="text"`) {
		t.Error("the page does not say that the communication was erased, or offers its text")
	}
	a := leo.want(422, leo.post(at, "records", o.entryOf(c, disclosure.Communication), "fields-communication", "text", "to", "DPA", "reason", "asked"))
	if !strings.Contains(a.body, "was erased under GDPR Art. 17(1)(b)") {
		t.Error("the page does not say why there is no text")
	}
	a = leo.want(200, leo.post(at, "records", o.entryOf(c, disclosure.Communication), "fields-communication", "erasures", "to", "DPA", "reason", "asked"))
	file := filepath.Join(t.TempDir(), "less.zip")
	o.must(os.WriteFile(file, []byte(a.body), 0o600))
	if _, err := verify.Package(ctx, file, verify.Options{Key: o.Env.VerifierKey()}); err != nil {
		t.Error(err)
	}
}

// TestDiscloseLook looks at the page, in both themes and on a phone.
func TestDiscloseLook(t *testing.T) {
	b := browsertest.Start(t)
	o := open(t)
	_, waiting := busy(o)
	_, err := o.Responses.Approve(t.Context(), o.identity(people.Lead), waiting.ID, waiting.ContentHash)
	o.must(err)
	page, at := o.at(b, browsertest.Desktop, people.Legal), "/cases/"+waiting.Number+"/disclose"
	page.Open(o.server.URL + at)
	look(t, page, at, "legal")
	weigh(t, o, people.Legal, at)
	page.View(browsertest.Desktop)
	page.Fill("#to", "Data protection authority")
	page.Fill("#reason", "Their request")
	page.Follow(`form[action$="/disclose"] button`) // nothing is ticked: refused
	page.Wait(".field-error")
	look(t, page, at+"/refused", "legal")
}
