package web_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"example.org/countersign/internal/dbtest"
	"example.org/countersign/internal/design/phrase"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/people"
	"example.org/countersign/verify/format"
)

// TestLogPage: the page says how an outsider checks, and what is published.
func TestLogPage(t *testing.T) {
	o := open(t)
	lea := o.visit(people.Lead)
	before := lea.want(200, lea.get("/ledger"))
	for _, want := range []string{strings.ReplaceAll(o.Env.VerifierKey(), "+", "&#43;"), o.Env.Origin(), "http://127.0.0.1/ledger/", "none yet", "for insiders", "verify_log.py"} {
		if !strings.Contains(before.body, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	cp, err := o.Env.Publish(t.Context())
	o.must(err)
	o.mail(report)
	after := lea.want(200, lea.get("/ledger"))
	for _, want := range []string{fmt.Sprintf("%d entries", cp.Size), `href="/ledger/checkpoint"`, "Published "} {
		if !strings.Contains(after.body, want) {
			t.Errorf("after the publication the page lacks %q", want)
		}
	}
}

// TestFoot: every page ends with the checkpoint that was published, for every
// role, whatever was done since; it says where there is none yet (CC6.1).
func TestFoot(t *testing.T) {
	o := open(t)
	visitors := map[people.Role]*visitor{}
	for _, role := range people.Roles() {
		visitors[role] = o.visit(role)
		if a := visitors[role].want(200, visitors[role].get("/account")); !strings.Contains(a.body, "nothing published yet") || strings.Contains(a.body, `class="hash"`) {
			t.Errorf("%s: before the first publication: %s", role, foot(a.body))
		}
	}
	o.Clock.Advance(time.Minute)
	cp, err := o.Env.Publish(t.Context())
	o.must(err)
	o.Clock.Advance(time.Minute)
	o.mail(report)
	live, err := o.Env.Checkpoint(t.Context())
	o.must(err)
	if live.Size == cp.Size {
		t.Fatal("a report is no entry")
	}
	for role, v := range visitors {
		for _, path := range []string{"/account", "/no-such-page"} {
			got := foot(v.get(path).body)
			for _, want := range []string{fmt.Sprintf(">%d entries<", cp.Size), fmt.Sprintf("%x", cp.Root), phrase.Exact(dbtest.Start.Add(time.Minute))} {
				if !strings.Contains(got, want) {
					t.Errorf("%s, %s: lacks %q: %s", role, path, want, got)
				}
			}
		}
		page := v.get("/account")
		for name, values := range page.header {
			if name == "Etag" || name == "Last-Modified" {
				t.Errorf("%s: %s: %v", role, name, values)
			}
		}
		if strings.Contains(page.body, fmt.Sprintf("%x", live.Root)) {
			t.Errorf("%s: the page has the newest root", role)
		}
	}
	lea := visitors[people.Lead]
	if a := lea.want(200, lea.get("/ledger")); !strings.Contains(a.body, fmt.Sprintf("of %d entries", live.Size)) {
		t.Error("who may open the ledger does not see its newest state")
	}
	sam := visitors[people.Staff]
	sam.want(403, sam.get("/ledger"))
}

// foot returns what a page says about the log at its foot.
func foot(page string) string {
	_, rest, _ := strings.Cut(page, `<a class="head"`)
	foot, _, _ := strings.Cut(rest, "</a>")
	return foot
}

// TestWitnessed: an entry says who cosigned it, and its proof checks.
func TestWitnessed(t *testing.T) {
	o := open(t)
	c := o.mail(report)
	r, err := o.Responses.Draft(t.Context(), o.identity(people.Analyst), c.ID) // a sign-in, and the answer
	o.must(err)
	cp, err := o.Env.Checkpoint(t.Context())
	o.must(err)
	o.must(o.Env.Write(t.Context(), ledger.System, func(_ context.Context, tx *ledger.Tx) error {
		at := tx.Now.UnixMicro()
		_, err := tx.Work(`INSERT INTO witness_checkpoint (origin, size, note, met_at) VALUES ($1, $2, '', $3)`, o.Env.Origin(), cp.Size-2, at)
		for _, name := range []string{"one.example", "two.example"} {
			if err == nil {
				_, err = tx.Work(`INSERT INTO witness_cosignature (origin, size, witness, time, line) VALUES ($1, $2, $3, $4, '')`, o.Env.Origin(), cp.Size-2, name+"+00000000+AAAA", at)
			}
		}
		return err
	}))
	aud, lea := o.visit(people.Auditor), o.visit(people.Lead)
	covered := aud.want(200, aud.get(fmt.Sprintf("/ledger/entries/%d", cp.Size-3)))
	for _, want := range []string{"Witnessed", "by 2 witnesses", "one.example", "two.example", fmt.Sprintf("under the checkpoint of %d entries", cp.Size-2)} {
		if !strings.Contains(covered.body, want) {
			t.Errorf("the witnessed entry lacks %q", want)
		}
	}
	if above := aud.want(200, aud.get(fmt.Sprintf("/ledger/entries/%d", cp.Size-2))); !strings.Contains(above.body, "not by enough witnesses yet") || strings.Contains(above.body, "one.example") {
		t.Error("an entry above the cosigned checkpoint is witnessed")
	}
	list := aud.want(200, aud.get("/ledger"))
	if !strings.Contains(list.body, "Witnessed by 2") || !strings.Contains(list.body, "Sealed") {
		t.Error("the list does not tell witnessed from sealed entries")
	}
	for path, want := range map[string][2]int{ // witnessed, sealed alone
		"/cases/" + c.Number: {3, 1}, "/responses/" + r.ID: {0, 1}, "/people/" + o.people[people.Analyst].ID: {1, 0},
	} {
		page := lea.want(200, lea.get(path)).body
		_, page, _ = strings.Cut(page, `<main`)
		if w, s := strings.Count(page, "Witnessed by 2"), strings.Count(page, `<span class="seal-word">Sealed</span>`); w < want[0] || (w == 0) != (want[0] == 0) || s < want[1] || (s == 0) != (want[1] == 0) {
			t.Errorf("%s: %d acts are witnessed and %d sealed, want at least %v: %s", path, w, s, want, excerpt(page))
		}
	}
	key, err := format.ParseKey(o.Env.VerifierKey())
	o.must(err)
	for _, n := range []int64{0, cp.Size / 2, cp.Size - 1} {
		at := fmt.Sprintf("/ledger/entries/%d", n)
		p, err := format.ParseProof([]byte(aud.want(200, aud.get(at+"/proof")).body))
		o.must(err)
		head, err := key.Open(p.Checkpoint)
		o.must(err)
		leaf := format.LeafHash([]byte(aud.want(200, aud.get(at+"/entry")).body))
		if err := format.CheckInclusion(p.Hashes, head.Size, n, leaf, head.Root); err != nil || p.Index != n {
			t.Errorf("entry %d: index %d, %v", n, p.Index, err)
		}
	}
}
