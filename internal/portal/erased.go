package portal

import (
	"net/http"

	"example.org/countersign/internal/design"
	"example.org/countersign/internal/retention"
)

// erasedPage tells a reporter what became of a report that was erased.
type erasedPage struct {
	design.Public
	Title, Text, Stays string
}

// showErased answers the number and the code of a report that was erased.
func (p *portal) showErased(w http.ResponseWriter, t *words, told *retention.Told) error {
	text := t.ErasedWho
	if told.Whole {
		text = t.ErasedAll
	}
	return p.show(w, http.StatusOK, "erased", erasedPage{Public: p.public(t, told.Number, "/follow-up"),
		Title: fill(t.ErasedTitle, told.Number), Text: fill(text, t.instant(told.At), told.Basis), Stays: t.ErasedStays})
}
