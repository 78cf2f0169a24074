package portal

import (
	"net/http"

	"example.org/countersign/internal/backlog"
	"example.org/countersign/internal/design"
	"example.org/countersign/internal/fault"
)

// keptPage says that a report is kept while it cannot be recorded, and shows
// reference and code.
type keptPage struct {
	design.Public
	Words        *words
	Number, Code string // the reference stands for a number until there is one
	Text         []string
}

func (p *portal) kept(w http.ResponseWriter, t *words, r *backlog.Receipt, mail bool) error {
	page := keptPage{Public: p.public(t, t.SpooledTitle, "/report"), Words: t, Number: r.Reference, Code: r.Code, Text: []string{t.SpooledText, t.SpooledFollow}}
	page.SealedWord = "" // which would not be true of it yet
	if mail {
		page.Text = append(page.Text, t.NextMail)
	}
	return p.show(w, http.StatusOK, "kept", page)
}

// waitingPage is a report that is kept and not in the record yet.
type waitingPage struct {
	design.Public
	Words        *words
	Number, Code string
	State        string
	Open, Add    string // addresses that its forms post to
	Problems     design.Problems
	Text, Files  design.Field
}

// byReference answers a form that names a report by its reference: that it
// waits, or where it is in the record now. Otherwise, or where the report can be
// opened by its number, which is then in the form, the answer is not given yet.
func (p *portal) byReference(w http.ResponseWriter, r *http.Request, t *words, f *form) (given bool, err error) {
	reference := backlog.Reference(f.get(inNumber))
	if reference == "" {
		return false, nil
	}
	number, err := p.Backlog.Open(r.Context(), reference, f.get(inCode))
	if kind, _ := fault.Of(err); err != nil && kind == fault.NotFound {
		return true, p.wrongCode(w, t, f)
	}
	if err != nil {
		return true, err
	}
	f.values[inNumber] = reference
	if number == "" {
		return true, p.waiting(w, r, t, f)
	}
	_, err = p.Intake.FollowUp(r.Context(), number, f.get(inCode))
	if kind, _ := fault.Of(err); err != nil && kind == fault.NotFound {
		// Not the code of that case: it was recorded before it was kept. Or the
		// report was erased, which whoever opens it by the number is told.
		told, err := p.Retention.Tell(r.Context(), number, f.get(inCode))
		if kind, _ := fault.Of(err); err != nil && kind != fault.NotFound {
			return true, err
		}
		if told == nil {
			return true, p.show(w, http.StatusOK, "message", messagePage{Public: p.public(t, reference, "/follow-up"), Title: reference, Text: fill(t.SpooledBefore, number)})
		}
	} else if err != nil {
		return true, err
	}
	f.values[inNumber] = number
	return false, nil
}

// waiting shows a report that waits, after it took what is added to it.
func (p *portal) waiting(w http.ResponseWriter, r *http.Request, t *words, f *form) error {
	wrong, flash := map[string]string{}, []design.Flash(nil)
	status := http.StatusOK
	if r.URL.Path == addPath {
		checkText(f, t, wrong)
		if len(wrong) > 0 {
			status = http.StatusUnprocessableEntity
		} else if _, err := p.Backlog.AddFollowUp(r.Context(), f.get(inNumber), f.get(inCode), f.get(inText), f.uploads()); err != nil {
			p.log.ErrorContext(r.Context(), "a message could not be kept", "err", err)
			status, flash = http.StatusServiceUnavailable, []design.Flash{{Kind: design.Problem, Text: t.ErrBusy}}
		} else {
			f.values[inText], f.hadAny, flash = "", false, []design.Flash{{Kind: design.Succeeded, Text: t.SpooledMessage}}
		}
	}
	page := waitingPage{Public: p.public(t, f.get(inNumber), "/follow-up"), Words: t, Number: f.get(inNumber), Code: f.get(inCode),
		State: t.SpooledState, Open: address("/follow-up", t), Add: address(addPath, t)}
	page.Flashes, page.SealedWord = flash, ""
	page.Text = design.Field{Kind: design.Long, Name: inText, Label: t.AddText, Value: f.values[inText], Error: wrong[inText], Required: true}
	page.Files = filesField(f, t, wrong)
	page.Problems = design.Problems{Title: t.Problems, Fields: []design.Field{page.Text, page.Files}}
	return p.show(w, status, "waiting", page)
}

// addPath is where messages to a report are sent.
const addPath = "/follow-up/message"
