package web

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"example.org/countersign/internal/channel"
	"example.org/countersign/internal/clock"
	"example.org/countersign/internal/design"
	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/policy"
	"example.org/countersign/internal/response"
	"example.org/countersign/internal/rules"
	"example.org/countersign/internal/triage"
)

// casePage is one case: what is due, its acts, and what can be done with it.
type casePage struct {
	design.Staff
	Header   design.Header
	Next     design.NextAct
	Note     *Form
	Timeline design.Timeline
	Facts    design.DefinitionList
	Answers  design.Table
	Forms    []Form
}

// opened is a case with what its page needs.
type opened struct {
	*intake.Case
	set     *policy.Set
	answers []*response.Response
	channel *channel.Channel
}

func (q *request) open(number string) (*opened, error) {
	c, err := q.Intake.Case(q.ctx, number)
	if err != nil {
		return nil, err
	}
	o := &opened{Case: c}
	if o.set, err = q.Policies.InForce(q.ctx, q.Ledger); err != nil {
		return nil, err
	}
	if o.answers, err = q.Responses.ForCase(q.ctx, c.ID); err != nil {
		return nil, err
	}
	o.channel, err = q.Channels.Find(q.ctx, q.Ledger, c.Channel)
	return o, err
}

func (q *request) casePage() error { return q.showCase(nil) }

func (q *request) showCase(f *form) error {
	o, err := q.open(q.r.PathValue("case"))
	if err != nil {
		return err
	}
	p := casePage{Staff: q.frame(o.Number, "/queue"), Header: q.caseHeader(o), Next: q.nextAct(o), Facts: q.caseFacts(o), Answers: q.answerTable(o)}
	if p.Timeline, err = q.timeline(o, mark{o.Entry, p.Header.Seal}); err != nil {
		return err
	}
	if q.may(workers) {
		note := f.fold("note", "", "/cases/"+o.Number+"/note", "Keep the note",
			design.Field{Name: "note", Label: "Internal note", Kind: design.Long, Rows: 2, Wide: true, Hint: "Stays inside, and stays.", Key: "n"})
		p.Note = &note
		if p.Forms, err = q.caseForms(o, f); err != nil {
			return err
		}
	}
	if err := q.retained(&p, o); err != nil {
		return err
	}
	p.Keys = design.Keys(design.KeyHelp{Keys: []string{"t"}, What: "Take the case"}, design.KeyHelp{Keys: []string{"r"}, What: "Write or review the answer"},
		design.KeyHelp{Keys: []string{"c"}, What: "Classify"}, design.KeyHelp{Keys: []string{"n"}, What: "Note"})
	return q.show(f.code(), "case", p)
}

func (q *request) caseHeader(o *opened) design.Header {
	h := design.Header{Crumbs: []design.Link{{Label: "Queue", Href: "/queue"}}, Number: o.Number, Title: or(o.Subject, "(no subject)"),
		Seal:  sealMark(o.Entry).seal,
		State: caseState(o.Case), Severity: severity(o.Severity)}
	who := design.Cell{Text: "nobody", Quiet: true}
	if o.Assignee != "" {
		who = design.Cell{Text: q.People.Name(q.ctx, o.Assignee)}
	}
	h.Facts = []design.KeyValue{{Label: "Assignee", Cell: who}, {Label: "From", Cell: design.Cell{Text: reporter(o.Case)}}, {Label: "Received", Cell: design.Cell{Moment: &design.Moment{At: micros(o.ReceivedAt)}}}}
	if !o.Anonymous && o.Source != intake.FromStaff {
		h.Buttons = append(h.Buttons, design.Button{Label: "Receipt for the reporter", Icon: "stamp", Href: "/cases/" + o.Number + "/receipt"})
	}
	if q.may(packers) {
		h.Buttons = append(h.Buttons, design.Button{Label: "Disclose a part", Icon: "package", Href: "/cases/" + o.Number + "/disclose"})
	}
	if c := caseClock(o.Case, o.set, q.now); c != nil {
		h.Clocks = []design.Clock{*c}
	}
	return h
}

// nextAct is the one thing that is due, by the state and who looks.
func (q *request) nextAct(o *opened) design.NextAct {
	if o.Disposition != "" {
		return design.NextAct{Title: "Set aside as " + spaced(string(o.Disposition)), Why: or(o.DispositionReason, "By the rules in force.") + " No clock runs; it can be taken back.", Waiting: true}
	}
	for _, r := range slices.Backward(o.answers) {
		if n, ok := q.nextOnAnswer(r); ok {
			return n
		}
	}
	if o.State == intake.Closed {
		return design.NextAct{Title: "Closed", Why: or(o.CloseReason, "A reply from outside opens it again."), Waiting: true}
	}
	if !q.may(workers) {
		return q.othersAct(o)
	}
	answer := design.Button{Label: "Write an answer", Icon: "square-pen", Key: "r", Action: "/cases/" + o.Number + "/answer"}
	if o.State == intake.Answered {
		return design.NextAct{Title: "Wait for the reporter", Why: "The last word was ours. A reply opens the case again; close it when the matter is over.", Action: "/cases/" + o.Number + "/answer", Buttons: []design.Button{answer}}
	}
	if o.Paused() {
		return design.NextAct{Title: "Waits, with its clock stopped", Why: sentence(o.Pauses[len(o.Pauses)-1].Reason) + " The clock runs on when somebody outside writes, or when you let it.", Action: "/cases/" + o.Number + "/resume",
			Buttons: []design.Button{{Label: "Let the clock run", Icon: "timer"}, answer}}
	}
	effects := []design.Effect{{Icon: "tag", Text: classWords(o.Case)}}
	if o.Assignee == "" {
		effects = append(effects, design.Effect{Icon: "user-check", Text: "The case is assigned to you"})
		return design.NextAct{Title: "Take this case", Why: "Nobody has it yet. Look at the classification, correct it where it is wrong, and take it.", Effects: effects,
			Action: "/cases/" + o.Number + "/take", Buttons: []design.Button{{Label: "Take it", Weight: design.Primary, Icon: "user-check", Key: "t"}, answer}}
	}
	answer.Weight = design.Primary
	return design.NextAct{Title: "Write an answer", Why: q.approvalWords(o), Effects: append(effects, q.wayOut(o)...), Action: answer.Action, Buttons: []design.Button{answer}}
}

// othersAct says whose turn it is to somebody who only reads.
func (q *request) othersAct(o *opened) design.NextAct {
	n := design.NextAct{Title: "With the analysts", Why: "Nobody has taken it yet.", Waiting: true}
	switch {
	case o.State == intake.Answered:
		n.Title, n.Why = "With the reporter", "The last word was ours. A reply opens the case again."
	case o.Paused():
		n.Title, n.Why = "Waits, with its clock stopped", sentence(o.Pauses[len(o.Pauses)-1].Reason)
	case o.Assignee != "":
		n.Title, n.Why = "With "+q.People.Name(q.ctx, o.Assignee), "The answer is not written yet."
	}
	return n
}

// nextOnAnswer is what is due on an answer that is neither sent nor withdrawn.
func (q *request) nextOnAnswer(r *response.Response) (design.NextAct, bool) {
	look := func(title, why, button string, waiting bool) (design.NextAct, bool) {
		n := design.NextAct{Title: title, Why: why, Action: "/responses/" + r.ID, Waiting: waiting}
		n.Buttons = []design.Button{{Label: button, Href: "/responses/" + r.ID, Weight: design.Primary, Key: "r"}}
		return n, true
	}
	switch r.State {
	case response.Draft:
		if q.may(workers) {
			return look("Finish the answer", "Begun by "+q.names(r.Authors)+". It is not sent until it is approved.", "Open the draft", false)
		}
		return look("Being written", "By "+q.names(r.Authors)+".", "Read it", true)
	case response.InReview:
		if q.mayApprove(r) {
			return look("Review the answer", "It waits for you, and "+q.quorumWords(r)+".", "Review and approve", false)
		}
		return look("Waits for approval", "It "+q.quorumWords(r)+".", "Read it", true)
	case response.Approved, response.Sending:
		return look("Being sent", "It is approved and waits for the relay.", "Look", true)
	case response.Ambiguous:
		return look("Say whether it was delivered", "The relay may have taken the answer without saying so. Nothing is sent again until somebody says.", "Look and decide", !q.approves(signers))
	case response.Failed:
		return look("Mend the answer", "The relay refuses it for good.", "Open the answer", !q.may(workers))
	}
	return design.NextAct{}, false
}

func classWords(c *intake.Case) string {
	if c.Category == "" && c.Severity == "" {
		return "Not classified yet"
	}
	s := "Classified as " + or(spaced(string(c.Category)), "no category")
	if c.Severity != "" {
		s += ", severity " + string(c.Severity)
	}
	return s
}

// approvalWords says what the matrix will ask for.
func (q *request) approvalWords(o *opened) string {
	n := o.set.Approval.Need(o.Category, o.Severity, o.channel.Audience)
	if n.Quorum == 0 {
		return "It goes out without a second person, by the rule “" + n.Rule + "”, and is shown as an exception."
	}
	return fmt.Sprintf("It needs the approval of %s (%s), by the rule “%s”.", persons(n.Quorum), orRoles(n.Roles), n.Rule)
}

func persons(n int) string {
	if n == 1 {
		return "one other person"
	}
	return fmt.Sprintf("%d other persons", n)
}

func (q *request) wayOut(o *opened) []design.Effect {
	if o.Anonymous || o.ReporterAddress == "" && o.ChannelKind == string(channel.Portal) {
		return []design.Effect{{Icon: "globe", Text: "Shown to the reporter, who has number and code"}}
	}
	out, err := q.Channels.Outbound(q.ctx, q.Ledger, o.Case.Channel)
	if err != nil {
		_, text := fault.Of(err)
		return []design.Effect{{Icon: "triangle-alert", Text: sentence(text)}}
	}
	return []design.Effect{{Icon: "radio-tower", Text: "Through " + out.Name + ", " + out.Address}}
}

func (q *request) caseFacts(o *opened) design.DefinitionList {
	facts := []design.KeyValue{
		{Label: "Category", Cell: design.Cell{Text: or(spaced(string(o.Category)), "not classified")}},
		{Label: "Urgency", Cell: design.Cell{Text: or(string(o.Urgency), "not said")}},
		{Label: "Impact, likelihood", Cell: design.Cell{Text: level(impactWords, o.Impact) + ", " + level(likelihoodWords, o.Likelihood), Sub: o.SeverityVersion}},
		{Label: "Classified by", Cell: design.Cell{Text: q.classifier(o.Case), Sub: o.ClassReason}},
		{Label: "Channel", Cell: design.Cell{Text: o.channel.Name, Sub: o.channel.Address, Href: "/channels/" + o.channel.ID}}}
	if o.ReporterAddress != "" {
		facts = append(facts, design.KeyValue{Label: "Reporter", Cell: design.Cell{Text: o.ReporterAddress, Sub: o.ReporterName}})
	}
	if o.Hint != "" {
		facts = append(facts, design.KeyValue{Label: "Reporter’s own category", Cell: design.Cell{Text: o.Hint}})
	}
	for _, n := range o.Related {
		facts = append(facts, design.KeyValue{Label: "Mentions", Cell: design.Cell{Number: n, Href: "/cases/" + n}})
	}
	return design.DefinitionList{Items: facts}
}

func (q *request) classifier(c *intake.Case) string {
	if c.ClassifiedBy == "" {
		return "nobody"
	}
	if strings.ContainsAny(c.ClassifiedBy, "/: ") {
		return c.ClassifiedBy
	}
	return q.People.Name(q.ctx, c.ClassifiedBy)
}

func (q *request) answerTable(o *opened) design.Table {
	t := design.Table{Caption: "Answers", Columns: []design.Column{{Label: "Answer", Width: design.Narrow, Link: true}, {Label: "State", Place: design.End}}}
	for _, r := range slices.Backward(o.answers) {
		t.Rows = append(t.Rows, design.Row{Href: "/responses/" + r.ID, Cells: []design.Cell{{Text: "Answer " + strconv.Itoa(r.Seq)}, {State: responseState(r.State)}}})
	}
	return t
}

// caseForms are what else can be done, folded.
func (q *request) caseForms(o *opened, f *form) ([]Form, error) {
	at := "/cases/" + o.Number
	people, err := q.assignees(o.Assignee)
	if err != nil {
		return nil, err
	}
	categories := categoryOptions
	if o.Category != "" && !slices.ContainsFunc(categories, func(p [2]string) bool { return p[0] == string(o.Category) }) {
		categories = append(slices.Clone(categories), [2]string{string(o.Category), spaced(string(o.Category))})
	}
	reason := func(label string) design.Field {
		return design.Field{Name: "reason", Label: label, Kind: design.Long, Rows: 2, Required: true, Max: 2000}
	}
	classify := f.fold("classify", "Classify", at+"/classify", "Save the classification",
		design.Field{Name: "category", Label: "Category", Kind: design.Choice, Options: chosen(string(o.Category), categories...)},
		design.Field{Name: "urgency", Label: "Urgency", Kind: design.Choice, Options: chosen(string(o.Urgency), urgencyOptions...)}, reason("Reason"))
	cell := ""
	if o.Impact > 0 && o.Likelihood > 0 {
		cell = fmt.Sprintf("%d-%d", o.Impact, o.Likelihood)
	}
	if own := f.of("classify"); own != nil {
		cell = own.get("cell")
	}
	grid := matrixGrid(o.set.Severity, "cell", cell)
	if own := f.of("classify"); own != nil {
		grid.Error = own.errors["cell"]
	}
	classify.Grid, classify.Key = &grid, "c"
	forms := []Form{classify, f.fold("assign", "Assign", at+"/assign", "Assign", design.Field{Name: "assignee", Label: "To", Kind: design.Choice, Options: people})}
	forms = append(forms, q.pauseForms(o, f)...)
	if o.Disposition != "" {
		forms = append(forms, f.fold("restore", "Take back", at+"/restore", "Take it back", reason("Why it is a matter of ours")))
	} else if o.FirstResponseAt == 0 {
		forms = append(forms, f.fold("dispose", "Set aside", at+"/dispose", "Set it aside",
			design.Field{Name: "as", Label: "As", Kind: design.Radio, Options: chosen("spam", [2]string{"spam", "Spam"}, [2]string{"out-of-scope", "Out of scope"})}, reason("Reason")))
	}
	if o.State == intake.Closed {
		forms = append(forms, f.fold("reopen", "Reopen", at+"/reopen", "Reopen the case", reason("Reason")))
	} else {
		end := f.fold("close", "Close", at+"/close", "Close the case", reason("How the matter ended"))
		end.Hidden = []design.Pair{{Name: "seen", Value: strconv.FormatInt(o.Entry, 10)}}
		forms = append(forms, end)
	}
	return forms, nil
}

// pauseForms stop the clock of a case, or let it run.
func (q *request) pauseForms(o *opened, f *form) []Form {
	at := "/cases/" + o.Number
	switch o.Clock(o.set).State(q.now).State {
	case clock.Paused:
		form := f.fold("resume", "Let the clock run", at+"/resume", "Let it run")
		form.Note = "What was left when it was stopped is what is left now."
		return []Form{form}
	case clock.Running, clock.Warning:
		return []Form{f.fold("pause", "Stop the clock", at+"/pause", "Stop the clock", design.Field{Name: "reason", Label: "What we wait for", Kind: design.Long, Rows: 2, Required: true, Max: 2000,
			Hint: "Such as an answer that only the reporter can give. The clock runs on when somebody outside writes. Your reason stays in the record."})}
	}
	return nil
}

// onCase reads a form about a case, and runs a verb on it.
func (q *request) onCase(name, field, text string, verb func(c *intake.Case, f *form) error) error {
	f, err := q.form(name)
	if err != nil {
		return err
	}
	c, err := q.Intake.Case(q.ctx, q.r.PathValue("case"))
	if err != nil {
		return err
	}
	return q.settle(verb(c, f), f, field, q.showCase, text, "/cases/"+c.Number)
}

func (q *request) take() error {
	return q.onCase("take", "assignee", "The case is yours.", func(c *intake.Case, _ *form) error {
		if c.Assignee != "" && c.Assignee != q.who.ID {
			return fault.New(fault.Conflict, "%s has taken %s meanwhile", q.People.Name(q.ctx, c.Assignee), c.Number)
		}
		return q.assignTo(c, q.who.ID)
	})
}

func (q *request) assign() error {
	return q.onCase("assign", "assignee", "Assigned.", func(c *intake.Case, f *form) error { return q.assignTo(c, f.get("assignee")) })
}

func (q *request) classify() error {
	return q.onCase("classify", "reason", "Classified.", func(c *intake.Case, f *form) error {
		ch := triage.Change{Category: rules.Category(f.get("category")), Urgency: rules.Urgency(f.get("urgency")), Reason: f.get("reason")}
		if cell := f.get("cell"); cell != "" {
			if _, err := fmt.Sscanf(cell, "%1d-%1d", &ch.Impact, &ch.Likelihood); err != nil {
				return fault.New(fault.Invalid, "cell: pick one of the squares")
			}
		}
		_, err := q.Triage.Classify(q.ctx, q.actor(workers), c.ID, ch)
		if _, text := fault.Of(err); strings.HasPrefix(text, "choose a") {
			field := map[bool]string{true: "category", false: "cell"}[strings.Contains(text, "category")]
			if strings.Contains(text, "urgency") {
				field = "urgency"
			}
			return fault.New(fault.Invalid, "%s: %s", field, text)
		}
		return err
	})
}

func (q *request) note() error {
	return q.onCase("note", "note", "Noted.", func(c *intake.Case, f *form) error {
		_, err := q.Intake.Note(q.ctx, q.actor(workers), c.ID, f.values.Get("note"))
		return err
	})
}

func (q *request) dispose() error {
	return q.onCase("dispose", "reason", "Set aside. It can be taken back.", func(c *intake.Case, f *form) error {
		return q.Intake.Dispose(q.ctx, q.actor(workers), c.ID, rules.Disposition(f.get("as")), f.get("reason"))
	})
}

func (q *request) restore() error {
	return q.onCase("restore", "reason", "Taken back. Its clock runs from receipt.", func(c *intake.Case, f *form) error {
		return q.Intake.Restore(q.ctx, q.actor(workers), c.ID, f.get("reason"))
	})
}

func (q *request) closeCase() error {
	return q.onCase("close", "reason", "Closed.", func(c *intake.Case, f *form) error {
		seen, err := strconv.ParseInt(f.get("seen"), 10, 64)
		if err != nil || seen <= 0 {
			return fault.New(fault.Invalid, "open the case again before you close it")
		}
		return q.Intake.Close(q.ctx, q.actor(workers), c.ID, seen, f.get("reason"))
	})
}

func (q *request) reopen() error {
	return q.onCase("reopen", "reason", "Open again.", func(c *intake.Case, f *form) error {
		return q.Intake.Reopen(q.ctx, q.actor(workers), c.ID, f.get("reason"))
	})
}

func (q *request) pause() error {
	return q.onCase("pause", "reason", "The clock stands still.", func(c *intake.Case, f *form) error {
		_, err := q.Triage.Pause(q.ctx, q.actor(workers), c.ID, f.get("reason"))
		return err
	})
}

func (q *request) resume() error {
	return q.onCase("resume", "reason", "The clock runs.", func(c *intake.Case, _ *form) error {
		_, err := q.Triage.Resume(q.ctx, q.actor(workers), c.ID)
		return err
	})
}

func (q *request) beginAnswer() error {
	c, err := q.Intake.Case(q.ctx, q.r.PathValue("case"))
	if err != nil {
		return err
	}
	r, err := q.Responses.Draft(q.ctx, q.who, c.ID)
	if err != nil {
		return err
	}
	q.see("/responses/" + r.ID)
	return nil
}
