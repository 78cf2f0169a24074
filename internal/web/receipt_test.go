package web_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/people"
	"example.org/countersign/verify"
)

// TestReceipt: staff send the reporter of a mail a receipt that verifies, and
// cannot make one for who is anonymous.
func TestReceipt(t *testing.T) {
	o := open(t)
	c := o.mail(report)
	ana := o.visit(people.Analyst)
	at := "/cases/" + c.Number
	if a := ana.want(200, ana.get(at)); !strings.Contains(a.body, `href="`+at+`/receipt"`) {
		t.Error("the case does not offer a receipt")
	}
	if a := ana.want(200, ana.get(at+"/receipt")); !strings.Contains(a.body, "by our signature alone") || !strings.Contains(a.body, "receipt-"+c.Number+".txt") {
		t.Error(excerpt(a.body))
	}
	a := ana.want(200, ana.get(at+"/receipt.txt"))
	path := filepath.Join(t.TempDir(), "receipt.txt")
	o.must(os.WriteFile(path, []byte(a.body), 0o600))
	if _, err := verify.File(t.Context(), path, verify.Options{Key: o.Env.VerifierKey()}); err != nil || a.header.Get("Content-Disposition") != `attachment; filename="receipt-`+c.Number+`.txt"` {
		t.Errorf("%v %v", err, a.header)
	}
	anonymous, err := o.Intake.Report(t.Context(), intake.Report{Channel: securityAddress, Text: "Nobody knows me.", Anonymous: true})
	o.must(err)
	ana.want(409, ana.get("/cases/"+anonymous.Number+"/receipt.txt"))
	if a := ana.want(200, ana.get("/cases/"+anonymous.Number)); strings.Contains(a.body, "/receipt") {
		t.Error("a receipt is offered for an anonymous report")
	}
	ana.want(404, ana.get("/cases/C-2026-999999/receipt"))
}
