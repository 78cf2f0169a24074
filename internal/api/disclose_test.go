package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"example.org/countersign/client"
	"example.org/countersign/internal/people"
	"example.org/countersign/verify"
)

// TestDisclose: what is chosen of a case leaves as a package that verifies, and
// as nothing else; who makes packages may choose.
func TestDisclose(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		o.join(t, "audrey", people.Auditor)
		o.join(t, "adam", people.Staff, people.Admin)
		number := o.received(t, "a").Number
		at := prefix + "/cases/" + number
		resp, text := o.do(t, "leo", "GET", at+"/disclosure", "")
		var folder struct {
			Number string
			Items  []Showable
		}
		if err := json.Unmarshal([]byte(text), &folder); err != nil || resp.StatusCode != http.StatusOK || folder.Number != number {
			t.Fatalf("%d %s", resp.StatusCode, text)
		}
		if strings.Contains(text, "XSS") {
			t.Error("the list of what can be shown shows it")
		}
		i := slices.IndexFunc(folder.Items, func(x Showable) bool { return x.Kind == "communication" })
		if i < 0 || !slices.ContainsFunc(folder.Items[i].Fields, func(f ShowableField) bool { return f.Name == "from" && f.Unit == "identity" }) {
			t.Fatalf("what can be shown: %+v", folder.Items)
		}
		body := fmt.Sprintf(`{"to":"Authority","reason":"Their request","shown":[{"entry":%d,"fields":["text"]}]}`, folder.Items[i].Entry)
		for name, want := range map[string]int{"ann": 403, "adam": 403, "": 401, "audrey": 200, "operator": 200, "leo": 200} {
			resp, text := o.do(t, name, "POST", at+"/disclosures", body)
			if resp.StatusCode != want {
				t.Fatalf("%q: %d %.300s", name, resp.StatusCode, text)
			}
			if want != 200 {
				continue
			}
			s, err := verify.Read(t.Context(), strings.NewReader(text), int64(len(text)), verify.Options{Key: o.VerifierKey()})
			if err != nil || !s.Summary.Abridged || resp.Header.Get("Content-Type") != "application/zip" {
				t.Fatalf("%s: %v", name, err)
			}
			said := 0
			for _, path := range s.Files() {
				var content bytes.Buffer
				if _, err := content.ReadFrom(s.File(path)); err != nil {
					t.Fatal(err)
				}
				said += bytes.Count(content.Bytes(), []byte("Your login has an XSS"))
				for _, word := range []string{"rita", "Rita", "Subject", security} {
					if bytes.Contains(content.Bytes(), []byte(word)) {
						t.Errorf("%s shows %q", path, word)
					}
				}
			}
			if said == 0 {
				t.Errorf("%s: what was chosen is not there", name)
			}
		}
		_, text = o.do(t, "leo", "GET", prefix+"/packages", "")
		var made struct{ Packages []Package }
		if err := json.Unmarshal([]byte(text), &made); err != nil || len(made.Packages) != 3 {
			t.Fatalf("%v: %s", err, text)
		}
		if d := made.Packages[0].Disclosed; d == nil || d.Case != number || d.To != "Authority" || !slices.Equal(d.Shown[0].Fields, []string{"number", "seq", "text"}) {
			t.Errorf("recorded: %+v", d)
		}
		o.refusals(t, at, folder.Items[i].Entry)
	})
}

// refusals are requests for a disclosure that cannot be followed.
func (o *office) refusals(t *testing.T, at string, entry int64) {
	t.Helper()
	for _, x := range []struct {
		body   string
		status int
		says   string
	}{
		{`{"to":"A","reason":"B","shown":[]}`, 422, "shown"},
		{`{"to":"A","reason":"B"}`, 422, "shown"},
		{fmt.Sprintf(`{"to":" ","reason":"B","shown":[{"entry":%d,"fields":["text"]}]}`, entry), 422, "for whom"},
		{fmt.Sprintf(`{"to":"A","reason":"","shown":[{"entry":%d,"fields":["text"]}]}`, entry), 422, "reason"},
		{fmt.Sprintf(`{"to":"A","reason":"B","shown":[{"entry":%d,"fields":[]}]}`, entry), 422, "fields"},
		{fmt.Sprintf(`{"to":"A","reason":"B","shown":[{"entry":%d,"fields":["colour"]}]}`, entry), 422, "has no field"},
		{`{"to":"A","reason":"B","shown":[{"entry":0,"fields":["text"]}]}`, 422, "nothing in case"},
		{`{"to":"A","reason":"B","shown":[{"entry":-1,"fields":["text"]}]}`, 422, "entry"},
		{`{"to":"A","reason":"B","shown":[{"entry":99999,"fields":["text"]}]}`, 422, "nothing in case"},
	} {
		resp, text := o.do(t, "leo", "POST", at+"/disclosures", x.body)
		if resp.StatusCode != x.status || !strings.Contains(text, x.says) || resp.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %d %.300s", x.body, resp.StatusCode, text)
		}
	}
	if resp, _ := o.do(t, "leo", "POST", prefix+"/cases/C-2026-009999/disclosures", `{"to":"A","reason":"B","shown":[{"entry":1,"fields":["text"]}]}`); resp.StatusCode != http.StatusNotFound {
		t.Errorf("of no case: %d", resp.StatusCode)
	}
	if err := o.as("ann").Package(t.Context(), "2026-07-01", "2026-07-02", false, &bytes.Buffer{}); client.Status(err) != http.StatusForbidden {
		t.Errorf("an analyst makes packages: %v", err)
	}
}
