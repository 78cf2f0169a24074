package evidence

import (
	"fmt"

	"example.org/countersign/internal/evidence/extract"
	"example.org/countersign/internal/evidence/sheet"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/response"
	"example.org/countersign/verify/format"
)

// decision is somebody's yes or no to a response. Nobody takes two of them to
// one response in the same microsecond.
type decision struct {
	response, by string
	at           int64 // Unix microseconds
}

// placed is the entry of a decision and where its document is.
type placed struct {
	entry int64
	role  string
	where extract.Place
}

// decisions adds a row for everybody who approved or declined a response: not
// what its document says of them, but the acts themselves (CC5.3). An approval
// that no act is behind ends the making.
func (b *builder) decisions(t *sheet.Table, x *response.Response, record string) error {
	for _, a := range x.Approvals {
		if err := b.decision(t, decision{record, a.By, a.At}, "response.approved", ""); err != nil {
			return err
		}
	}
	for _, d := range x.Declines {
		if err := b.decision(t, decision{record, d.By, d.At}, "response.declined", d.Reason); err != nil {
			return err
		}
	}
	return nil
}

func (b *builder) decision(t *sheet.Table, k decision, act, reason string) error {
	at, ok := b.decided[k]
	if !ok {
		return &ledger.Mismatch{Where: "response " + k.response, What: fmt.Sprintf("says %s by %s at %s, of which there is no entry", act, k.by, format.Instant(k.at))}
	}
	doc, err := b.library.Read(at.where)
	if err != nil {
		return err
	}
	r := sheet.New(at.entry, k.response, doc, "number", "seq", "content_hash", "rule")
	r.At("time", k.at)
	r.Put("act", act)
	r.Put("actor", k.by)
	r.Put("actor_name", b.register.person(k.by))
	r.Put("role", at.role)
	r.Put("reason", reason)
	return t.Add(r)
}
