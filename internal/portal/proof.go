package portal

import (
	"net/http"

	"example.org/countersign/internal/design"
	"example.org/countersign/internal/intake"
)

// inSure is the box that an anonymous reporter ticks to want a receipt.
const inSure = "sure"

// proofPart is where a reporter asks for a receipt, on the page of the report.
type proofPart struct {
	Action  string
	Warning string // to who is anonymous; "" for others
	Sure    design.Field
	Checks  []string
	Key     string // of the log
}

// proofPath is where a receipt is asked for.
const proofPath = "/follow-up/receipt"

func (p *portal) proofPart(t *words, thread *intake.Thread, wrong string) proofPart {
	part := proofPart{Action: address(proofPath, t), Checks: []string{t.ProofCheck, t.ProofStrength}, Key: p.Ledger.VerifierKey()}
	if thread.Anonymous {
		part.Warning = t.ProofWarning
		part.Sure = design.Field{Kind: design.Confirm, Name: inSure, Label: t.ProofSure, Error: wrong, Required: true}
	}
	return part
}

// receiptFile hands out the receipt of a report. An anonymous reporter has to say
// that they want it, since keeping it can identify them.
func (p *portal) receiptFile(w http.ResponseWriter, r *http.Request, t *words) error {
	f, thread, err := p.opened(w, r, t)
	if f == nil {
		return err
	}
	defer f.close()
	sure := f.get(inSure) != ""
	if thread.Anonymous && !sure {
		page := p.threadPage(t, f, thread, nil)
		page.Proof = p.proofPart(t, thread, t.ProofNo)
		page.Flashes = []design.Flash{{Kind: design.Problem, Text: t.ProofNo}}
		return p.show(w, http.StatusUnprocessableEntity, "thread", page)
	}
	receipt, err := p.Receipts.ForReporter(r.Context(), thread.Number, f.get(inCode), sure)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="`+receipt.Name+`"`)
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	_, _ = w.Write(receipt.Text) // the reader may have gone
	return nil
}
