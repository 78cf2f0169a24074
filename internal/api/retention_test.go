package api

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/jobs"
	"example.org/countersign/internal/people"
	"example.org/countersign/internal/retention"
)

// TestRetention goes from a hold to an erasure as programs do.
func TestRetention(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		o.join(t, "lou", people.Staff, people.Legal)
		o.join(t, "ada", people.Staff, people.Admin)
		rec, err := o.desks.Intake.Receive(t.Context(), intake.Incoming{Channel: security, Source: intake.FromSMTP, From: "zoralinda@okapi.example", To: []string{security},
			Raw: strings.NewReader("From: Zoralinda <zoralinda@okapi.example>\r\nTo: " + security + "\r\nSubject: About the quagga\r\nMessage-ID: <q@okapi.example>\r\n\r\nThe quagga.\r\n")})
		if err != nil {
			t.Fatal(err)
		}
		call := func(who, method, path, body string, want int) map[string]any {
			t.Helper()
			resp, text := o.do(t, who, method, "/api/v1"+path, body)
			if resp.StatusCode != want {
				t.Fatalf("%s %s as %s: %d, want %d: %s", method, path, who, resp.StatusCode, want, text)
			}
			var v map[string]any
			if err := json.Unmarshal([]byte(text), &v); err != nil {
				t.Fatal(err)
			}
			return v
		}
		for _, who := range []string{"ann", "ada"} {
			call(who, "GET", "/holds", "", http.StatusForbidden)
			call(who, "GET", "/cases/"+rec.Number+"/erasure", "", http.StatusForbidden)
			call(who, "POST", "/holds", `{"case":"`+rec.Number+`","reason":"x"}`, http.StatusForbidden)
		}
		hold := call("leo", "POST", "/holds", `{"party":"zoralinda@okapi.example","reason":"a claim"}`, http.StatusCreated)
		plan := call("lou", "GET", "/cases/"+rec.Number+"/erasure?part=content", "", http.StatusOK)
		if len(plan["holds"].([]any)) != 1 || len(plan["items"].([]any)) != 2 {
			t.Errorf("the plan: %v", plan)
		}
		request := `{"what":{"part":"content"},"basis":"GDPR Art. 17","verified":"by mail","hash":"` + plan["hash"].(string) + `"}`
		call("lou", "POST", "/cases/"+rec.Number+"/erasures", request, http.StatusConflict)
		call("leo", "POST", "/holds/"+hold["id"].(string)+"/release", `{"reason":"over"}`, http.StatusOK)
		plan = call("lou", "GET", "/cases/"+rec.Number+"/erasure", "", http.StatusOK)
		call("lou", "POST", "/cases/"+rec.Number+"/erasures", request, http.StatusConflict) // the list has the released hold now
		request = `{"what":{"part":"content"},"basis":"GDPR Art. 17","verified":"by mail","hash":"` + plan["hash"].(string) + `"}`
		e := call("lou", "POST", "/cases/"+rec.Number+"/erasures", request, http.StatusCreated)
		id, hash := e["id"].(string), `{"hash":"`+e["hash"].(string)+`"}`
		call("lou", "POST", "/erasures/"+id+"/approval", hash, http.StatusForbidden)
		call("leo", "POST", "/erasures/"+id+"/approval", `{"hash":"0"}`, http.StatusConflict)
		call("leo", "POST", "/erasures/"+id+"/approval", hash, http.StatusOK)
		if err := o.desks.Retention.Erase(t.Context(), jobs.Job{Kind: retention.EraseJob, Key: id, Attempt: 1}); err != nil {
			t.Fatal(err)
		}
		if e = call("leo", "GET", "/erasures/"+id, "", http.StatusOK); e["state"] != "executed" {
			t.Errorf("%v", e)
		}
		c := call("ann", "GET", "/cases/"+rec.Number, "", http.StatusOK)
		if erased := c["erased"].([]any); c["subject"] != "" || c["reporter"] != nil || len(erased) != 1 || erased[0].(map[string]any)["by"] != id {
			t.Errorf("the case: %v", c)
		}
		for _, path := range []string{"/cases/" + rec.Number, "/cases/" + rec.Number + "/communications", "/holds", "/erasures", "/retention/due", "/disposals", "/disposals/preview", "/export/communications?from=2026-01-01&to=2026-12-31"} {
			resp, text := o.do(t, "leo", "GET", "/api/v1"+path, "")
			if resp.StatusCode != http.StatusOK || strings.Contains(text, "quagga") || strings.Contains(text, "okapi") {
				t.Errorf("%s: %d, %s", path, resp.StatusCode, text)
			}
		}
		call("leo", "POST", "/disposals", `{"hash":"0"}`, http.StatusConflict)
		if strings.Contains(o.log.String(), "quagga") || strings.Contains(o.log.String(), "okapi") {
			t.Errorf("the log says %s", o.log.String())
		}
	})
}
