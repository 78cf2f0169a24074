package web

import (
	"net/http"

	"example.org/countersign/internal/design"
	"example.org/countersign/internal/design/phrase"
	"example.org/countersign/internal/receipt"
)

// standings says who vouches for the log up to what a receipt proves.
var standings = map[receipt.Standing]string{
	receipt.Fresh:     "by our signature alone: no published checkpoint covers it yet. A receipt made later is stronger.",
	receipt.Published: "by our signature under a published checkpoint. No witness has cosigned it yet.",
	receipt.Witnessed: "by our signature, and by witnesses who cosigned the checkpoint.",
}

// receiptPage offers the receipt of a report, to be sent to who reported it.
func (q *request) receiptPage() error {
	number := q.r.PathValue("case")
	r, err := q.Receipts.ForStaff(q.ctx, number)
	if err != nil {
		return err
	}
	at := "/cases/" + number
	p := recordPage{Staff: q.frame("Receipt", "/queue"), Header: design.Header{Crumbs: []design.Link{{Label: "Queue", Href: "/queue"}, {Label: number, Href: at}}, Title: "Receipt for the reporter",
		Note:    "Proves to whoever reported this what was recorded and when, also against us. Send it to them alone: it holds their whole report.",
		Buttons: []design.Button{{Label: "Download the receipt", Icon: "download", Href: at + "/receipt.txt"}}}}
	left := "nothing"
	if r.Erased > 0 {
		left = phrase.Count(int64(r.Erased), "field", "fields") + ", erased since. The proof stands."
	}
	p.Facts = design.DefinitionList{Wide: true, Items: []design.KeyValue{
		{Label: "Vouched for", Cell: design.Cell{Text: standings[r.Standing]}},
		{Label: "Missing of the report", Cell: design.Cell{Text: left}},
		{Label: "How it is checked", Cell: design.Cell{Text: "countersign verify --log-key KEY " + r.Name, Sub: "Or with the Python script docs/auditors/verify_receipt.py, which is among the documents of Countersign. Tell the reporter the key by another way than the receipt."}},
		{Label: "Key of the log", Cell: design.Cell{Text: q.Ledger.VerifierKey()}},
	}}
	return q.show(http.StatusOK, "record", p)
}

func (q *request) receiptFile() error {
	r, err := q.Receipts.ForStaff(q.ctx, q.r.PathValue("case"))
	if err != nil {
		return err
	}
	return q.file(r.Name, r.Text)
}
