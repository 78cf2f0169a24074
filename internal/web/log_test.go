package web_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

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

// TestWitnessed: an entry says who cosigned it, and its proof checks.
func TestWitnessed(t *testing.T) {
	o := open(t)
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
	aud := o.visit(people.Auditor)
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
	if !strings.Contains(list.body, "by 2") || !strings.Contains(list.body, "Sealed") {
		t.Error("the list does not tell witnessed from sealed entries")
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
