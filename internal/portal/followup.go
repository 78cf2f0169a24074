package portal

import (
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"example.org/countersign/internal/blob"
	"example.org/countersign/internal/design"
	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/id"
	"example.org/countersign/internal/intake"
)

// followPage asks for number and code.
type followPage struct {
	design.Public
	Words    *words
	Action   string
	Problems design.Problems
	Number   design.Field
	Code     design.Field
}

func (p *portal) showFollowUp(w http.ResponseWriter, _ *http.Request, t *words) error {
	return p.show(w, http.StatusOK, "follow", p.followPage(t, "", "", ""))
}

func (p *portal) followPage(t *words, number, code, wrong string) followPage {
	page := followPage{Public: p.public(t, t.FollowTitle, "/follow-up"), Words: t, Action: address("/follow-up", t)}
	page.Number = design.Field{Kind: design.Code, Name: inNumber, Label: t.Number, Hint: t.NumberHint, Value: number, Error: wrong, Required: true, Max: 40}
	page.Code = design.Field{Kind: design.Code, Name: inCode, Label: t.FollowUpCode, Hint: t.CodeHint, Value: code, Required: true, Max: 40, Autocomplete: "off"}
	page.Problems = design.Problems{Title: t.Problems, Fields: []design.Field{page.Number}}
	return page
}

// wrongCode answers a number and a code that do not belong together. Whether
// the number exists is not said.
func (p *portal) wrongCode(w http.ResponseWriter, t *words, f *form) error {
	number, _ := id.FindNumber(f.get(inNumber))
	status, why := http.StatusNotFound, t.WrongPair
	if p.throttle.wrong(number, p.Ledger.Now()) {
		status, why = http.StatusTooManyRequests, t.Throttled
		w.Header().Set("Retry-After", strconv.Itoa(int(wrongEvery.Seconds())))
	}
	return p.show(w, status, "follow", p.followPage(t, f.get(inNumber), f.get(inCode), why))
}

// opened reads a form and the report that its number and code open; nil where
// the answer has been given.
func (p *portal) opened(w http.ResponseWriter, r *http.Request, t *words) (*form, *intake.Thread, error) {
	f, err := p.readForm(w, r)
	if err != nil {
		f.close()
		return nil, nil, p.show(w, http.StatusBadRequest, "follow", p.followPage(t, f.get(inNumber), f.get(inCode), t.ErrForm))
	}
	if given, err := p.byReference(w, r, t, f); given || err != nil {
		f.close()
		return nil, nil, err
	}
	thread, err := p.Intake.FollowUp(r.Context(), f.get(inNumber), f.get(inCode))
	if err == nil {
		return f, thread, nil
	}
	f.close()
	if kind, _ := fault.Of(err); kind != fault.NotFound {
		return nil, nil, err
	}
	told, err := p.Retention.Tell(r.Context(), f.get(inNumber), f.get(inCode))
	if kind, _ := fault.Of(err); err != nil && kind != fault.NotFound {
		return nil, nil, err
	}
	if told == nil {
		return nil, nil, p.wrongCode(w, t, f)
	}
	return nil, nil, p.showErased(w, t, told)
}

func (p *portal) openFollowUp(w http.ResponseWriter, r *http.Request, t *words) error {
	f, thread, err := p.opened(w, r, t)
	if f == nil {
		return err
	}
	defer f.close()
	return p.show(w, http.StatusOK, "thread", p.threadPage(t, f, thread, nil))
}

// threadPage is a report and what was said since.
type threadPage struct {
	design.Public
	Words        *words
	Number, Code string
	Subject      string
	Reported     string
	State        string
	Messages     []said
	Open         string // addresses that its forms post to
	Add          string
	File         string
	Problems     design.Problems
	Text, Files  design.Field
	Proof        proofPart
}

// said is one message.
type said struct {
	Who   string // "You wrote"
	When  string
	Text  string
	Files []attached
}

// attached is one file of a message.
type attached struct {
	Message, Index string
	Label          string
	Size           int64
	Note           string
}

func (p *portal) threadPage(t *words, f *form, thread *intake.Thread, wrong map[string]string) threadPage {
	page := threadPage{Public: p.public(t, thread.Number, "/follow-up"), Words: t, Number: thread.Number, Code: id.CanonicalCode(f.get(inCode)),
		Subject: thread.Subject, Reported: fill(t.Reported, t.instant(thread.ReceivedAt)), State: p.state(t, thread),
		Open: address("/follow-up", t), Add: address("/follow-up/message", t), File: address("/follow-up/file", t)}
	for _, m := range thread.Messages {
		s := said{Who: t.YouWrote, When: t.instant(m.At), Text: m.Text}
		if m.FromUs {
			s.Who = t.WeAnswered
		}
		if m.Erased != 0 {
			s.Text = fill(t.MessageErased, t.instant(m.Erased))
		}
		for i, a := range m.Attachments {
			file := attached{Message: m.ID, Index: strconv.Itoa(i), Label: fill(t.Download, a.Name), Size: a.Size}
			if strings.Contains(a.Note, "removed") {
				file.Note = t.Stripped
			}
			s.Files = append(s.Files, file)
		}
		page.Messages = append(page.Messages, s)
	}
	page.Proof = p.proofPart(t, thread, "")
	page.Text = design.Field{Kind: design.Long, Name: inText, Label: t.AddText, Value: f.values[inText], Error: wrong[inText], Required: true}
	page.Files = filesField(f, t, wrong)
	page.Problems = design.Problems{Title: t.Problems, Fields: []design.Field{page.Text, page.Files}}
	return page
}

// state says where a report stands, in plain words.
func (p *portal) state(t *words, thread *intake.Thread) string {
	switch {
	case thread.State == intake.Closed:
		return t.StateClosed
	case thread.DueAt != 0 && thread.DueAt < p.Ledger.Now().UnixMicro():
		return fill(t.StateLate, t.instant(thread.DueAt))
	case thread.DueAt != 0:
		return fill(t.StateOpen, t.instant(thread.DueAt))
	case thread.State == intake.Answered:
		return t.StateAnswered
	}
	return t.StateWaiting
}

// adding lets one message at a time be added to a report, so that what is sent
// twice can be told from what is said twice.
type adding struct {
	mu   sync.Mutex
	busy map[string]chan struct{}
}

// turn waits for the turn of a number; the caller ends it.
func (a *adding) turn(ctx context.Context, number string) (end func(), err error) {
	for {
		a.mu.Lock()
		if a.busy == nil {
			a.busy = map[string]chan struct{}{}
		}
		done, busy := a.busy[number]
		if !busy {
			done = make(chan struct{})
			a.busy[number] = done
			a.mu.Unlock()
			return func() {
				a.mu.Lock()
				delete(a.busy, number)
				a.mu.Unlock()
				close(done)
			}, nil
		}
		a.mu.Unlock()
		select {
		case <-done:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// addMessage adds to a report and shows it.
func (p *portal) addMessage(w http.ResponseWriter, r *http.Request, t *words) error {
	f, thread, err := p.opened(w, r, t)
	if f == nil {
		return err
	}
	defer f.close()
	wrong := map[string]string{}
	if checkText(f, t, wrong); len(wrong) > 0 {
		return p.show(w, http.StatusUnprocessableEntity, "thread", p.threadPage(t, f, thread, wrong))
	}
	flash, err := p.add(r.Context(), f, thread.Number, t)
	if err != nil {
		p.log.ErrorContext(r.Context(), "a message could not be recorded", "err", err)
		page := p.threadPage(t, f, thread, nil)
		page.Flashes = []design.Flash{{Kind: design.Problem, Text: t.ErrBusy}}
		return p.show(w, http.StatusServiceUnavailable, "thread", page)
	}
	if thread, err = p.Intake.FollowUp(r.Context(), thread.Number, f.get(inCode)); err != nil {
		return err
	}
	f.values[inText], f.hadAny = "", false
	page := p.threadPage(t, f, thread, nil)
	page.Flashes = []design.Flash{{Kind: design.Succeeded, Text: flash}}
	return p.show(w, http.StatusOK, "thread", page)
}

// add records a message, unless it is the one that was recorded last: then the
// form was sent twice.
func (p *portal) add(ctx context.Context, f *form, number string, t *words) (said string, err error) {
	end, err := p.adding.turn(ctx, number)
	if err != nil {
		return "", err
	}
	defer end()
	thread, err := p.Intake.FollowUp(ctx, number, f.get(inCode))
	if err != nil {
		return "", err
	}
	if n := len(thread.Messages); n > 1 {
		last := thread.Messages[n-1]
		if !last.FromUs && len(f.files) == 0 && len(last.Attachments) == 0 && lines(last.Text) == lines(f.get(inText)) {
			return t.AddedBefore, nil
		}
	}
	r, err := p.Backlog.AddFollowUp(ctx, number, f.get(inCode), f.get(inText), f.uploads())
	if err != nil {
		return "", err
	}
	if r.Kept {
		return t.SpooledMessage, nil
	}
	return t.Added, nil
}

// lines is a text without the difference between a browser's line ends and
// the record's.
func lines(s string) string { return strings.ReplaceAll(s, "\r\n", "\n") }

// download hands out a file of a report. It is never opened by the browser.
func (p *portal) download(w http.ResponseWriter, r *http.Request, t *words) error {
	f, thread, err := p.opened(w, r, t)
	if f == nil {
		return err
	}
	defer f.close()
	index, err := strconv.Atoi(f.get("file"))
	if err != nil {
		return fault.New(fault.NotFound, "there is no such file")
	}
	a, content, err := p.Intake.FollowUpAttachment(r.Context(), thread.Number, f.get(inCode), f.get("message"), index)
	if err != nil {
		return err
	}
	defer content.Close()
	h := w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": a.Name}))
	h.Set("Content-Length", strconv.FormatInt(a.Size, 10))
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	if _, err := io.Copy(w, content); err != nil {
		if errors.Is(err, blob.ErrAltered) { // any other error names the address of whoever went away
			p.log.ErrorContext(r.Context(), "a file cannot be read", "case", thread.Number, "err", err)
		}
		panic(http.ErrAbortHandler) // so that half a file is not taken for one
	}
	return nil
}
