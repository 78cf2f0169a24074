package web

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"example.org/countersign/internal/design"
	"example.org/countersign/internal/design/phrase"
	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/policy"
	"example.org/countersign/internal/rules"
)

var kindWords = map[policy.Kind]string{policy.KindCriteria: "Criteria", policy.KindRules: "Classification rules", policy.KindSeverity: "Severity matrix",
	policy.KindApproval: "Approval matrix", policy.KindSLA: "Response targets", policy.KindTemplate: "Template", policy.KindRetention: "Retention schedule"}

var policyStates = map[policy.State]design.State{policy.Draft: {Word: "awaiting approval", Tone: design.Waiting}, policy.Approved: {Word: "approved, not yet in force", Tone: design.Approved},
	policy.InForce: {Word: "in force", Tone: design.Done}, policy.Superseded: {Word: "superseded", Tone: design.Stopped}, policy.Withdrawn: {Word: "withdrawn", Tone: design.Stopped}}

func policyName(p *policy.Policy) string {
	if p.Name == "" {
		return kindWords[p.Kind]
	}
	return kindWords[p.Kind] + " “" + p.Name + "”"
}

func (q *request) policies() error {
	all, err := q.Policies.List(q.ctx, q.Ledger)
	if err != nil {
		return err
	}
	p := listPage{Staff: q.frame("Policy", "/policy"), Header: design.Header{Title: "Policy", Note: "What was agreed beforehand. A version takes effect once somebody who did not write it has approved it."}}
	if set, err := q.Policies.InForce(q.ctx, q.Ledger); err == nil && len(set.Problems) > 0 {
		p.Note = &design.Note{Icon: "triangle-alert", Title: "Something in force cannot be used", Text: strings.Join(set.Problems, "; ")}
	}
	columns := []design.Column{{Label: "Policy", Place: design.Full, Link: true}, {Label: "Version", Width: design.Narrow, End: true, Place: design.Meta}, {Label: "Why it is so", Width: design.Wide, Place: design.Full}, {Label: "Review due", Width: design.Narrow, Place: design.Meta}, {Label: "State", Width: design.Narrow, Place: design.End}}
	p.Table = design.Table{Caption: "In force", Shown: true, Columns: columns, Empty: design.EmptyState{Title: "Nothing is in force"}}
	drafts := design.Table{Caption: "Awaiting approval, or their day", Shown: true, Columns: columns}
	past := design.Table{Caption: "Earlier versions", Shown: true, Columns: columns}
	for _, x := range all {
		s := policyStates[x.State]
		row := design.Row{Href: "/policy/" + x.ID, Cells: []design.Cell{{Text: policyName(x)}, {Text: fmt.Sprint(x.Version)}, {Text: x.Rationale}, {Text: x.ReviewDue}, {State: &s}}}
		if x.Shipped {
			row.Cells[4].Sub = "as shipped, not reviewed"
		}
		switch x.State {
		case policy.InForce:
			p.Table.Rows = append(p.Table.Rows, row)
		case policy.Draft, policy.Approved:
			drafts.Rows = append(drafts.Rows, row)
		default:
			past.Rows = append(past.Rows, row)
		}
	}
	for _, t := range []design.Table{drafts, past} {
		if len(t.Rows) > 0 {
			p.More = append(p.More, t)
		}
	}
	if q.may(writers) {
		p.Header.Buttons = []design.Button{{Label: "New template", Icon: "plus", Href: "/policy/new?kind=template"}}
	}
	return q.show(http.StatusOK, "list", p)
}

func (q *request) policyPage() error { return q.showPolicy(nil) }

func (q *request) showPolicy(f *form) error {
	x, err := q.Policies.Find(q.ctx, q.Ledger, q.r.PathValue("id"))
	if err != nil {
		return err
	}
	s := policyStates[x.State]
	p := recordPage{Staff: q.frame(policyName(x), "/policy"), Header: design.Header{Crumbs: []design.Link{{Label: "Policy", Href: "/policy"}}, Title: policyName(x), Note: x.Rationale, State: &s,
		Seal: &design.Seal{Kind: design.Sealed, Href: entryHref(x.Entry)}, Facts: []design.KeyValue{{Label: "Version", Cell: design.Cell{Text: fmt.Sprint(x.Version)}}, {Label: "Written by", Cell: design.Cell{Text: q.names(x.Authors)}},
			{Label: "Review due", Cell: design.Cell{Text: x.ReviewDue}}}}}
	if x.ApprovedBy != "" {
		p.Header.Facts = append(p.Header.Facts, design.KeyValue{Label: "Approved by", Cell: design.Cell{Text: q.People.Name(q.ctx, x.ApprovedBy)}})
	}
	if x.State == policy.Draft {
		n := design.NextAct{Title: "Waits for approval", Why: "A lead, legal or an executive who did not write it approves it.", Waiting: true}
		if q.approves(governors) && !slices.Contains(x.Authors, q.who.ID) {
			n = design.NextAct{Title: "Approve", Why: "Written by " + q.names(x.Authors) + ". It replaces the version in force.", Action: "/policy/" + x.ID + "/approve",
				Fields:  f.of("approve").fields(design.Field{Name: "effective", ID: "approve-effective", Label: "In force from", Kind: design.Date, Optional: "(empty: at once)"}),
				Buttons: []design.Button{{Label: "Approve", Weight: design.Primary, Icon: "check", Key: "a"}}}
		}
		p.Next = &n
	}
	if err := q.policyBody(&p, x); err != nil {
		return err
	}
	p.Forms = q.policyForms(x, f)
	versions, err := policy.Policies.History(q.ctx, q.Ledger, x.ID)
	if err != nil {
		return err
	}
	if p.Timeline, err = history(q, "Acts on this version", p.Header.Seal, versions); err != nil {
		return err
	}
	return q.show(f.code(), "record", p)
}

// policyBody draws what a version says, as a table rather than as data.
func (q *request) policyBody(p *recordPage, x *policy.Policy) error {
	table := design.Table{Caption: policyName(x)}
	add := func(cells ...design.Cell) { table.Rows = append(table.Rows, design.Row{Cells: cells}) }
	switch x.Kind {
	case policy.KindSeverity:
		var m rules.Matrix
		if err := json.Unmarshal(x.Body, &m); err != nil {
			return err
		}
		g := matrixGrid(m, "", "")
		p.Grid = &g
	case policy.KindRules:
		var set rules.Set
		if err := json.Unmarshal(x.Body, &set); err != nil {
			return err
		}
		table.Columns = []design.Column{{Label: "Rule"}, {Label: "When", Width: design.Wide, Place: design.Full}, {Label: "Then", Place: design.Full}}
		for _, r := range set {
			add(design.Cell{Text: r.Name, Sub: r.Why}, design.Cell{Text: r.When}, design.Cell{Text: outcomeWords(r.Then)})
		}
	case policy.KindApproval:
		var m policy.ApprovalMatrix
		if err := json.Unmarshal(x.Body, &m); err != nil {
			return err
		}
		table.Columns = []design.Column{{Label: "Rule"}, {Label: "Category", Place: design.Meta}, {Label: "Severity", Width: design.Narrow, Place: design.Meta}, {Label: "Audience", Place: design.Meta}, {Label: "Approvals", Place: design.Full}}
		for _, r := range m {
			add(design.Cell{Text: r.Name, Sub: r.Reason}, design.Cell{Text: or(spaced(string(r.Category)), "any")}, design.Cell{Text: or(string(r.Severity), "any")}, design.Cell{Text: or(r.Audience, "any")},
				design.Cell{Text: phrase.Count(int64(r.Quorum), "person", "persons"), Sub: orRoles(r.Roles)})
		}
	case policy.KindSLA:
		return q.slaBody(p, x)
	case policy.KindRetention:
		var schedule policy.Retention
		if err := json.Unmarshal(x.Body, &schedule); err != nil {
			return err
		}
		table.Columns = []design.Column{{Label: "Cases"}, {Label: "Category", Place: design.Meta}, {Label: "Kept after closing", Width: design.Narrow, Place: design.Meta}, {Label: "Then", Place: design.Full}}
		for _, r := range schedule.Rules {
			add(design.Cell{Text: r.Name, Sub: r.Basis}, design.Cell{Text: or(spaced(string(r.Category)), "any"), Sub: spaced(string(r.Disposition))}, design.Cell{Text: keptFor(r)}, design.Cell{Text: fateWords[r.Then], Sub: r.Reason})
		}
	case policy.KindTemplate:
		var t policy.Template
		if err := json.Unmarshal(x.Body, &t); err != nil {
			return err
		}
		p.Facts = design.DefinitionList{Wide: true, Items: []design.KeyValue{{Label: "Title", Cell: design.Cell{Text: t.Title}}, {Label: "Used for", Cell: design.Cell{Text: string(t.Purpose) + ", " + t.Language}}, {Label: "Subject", Cell: design.Cell{Text: t.Subject}}}}
		p.Text = t.Text
	case policy.KindCriteria:
		var c policy.Criteria
		if err := json.Unmarshal(x.Body, &c); err != nil {
			return err
		}
		p.Facts, p.Text = design.DefinitionList{Wide: true, Items: []design.KeyValue{{Label: "Title", Cell: design.Cell{Text: c.Title}}}}, c.Text
	}
	if len(table.Rows) > 0 {
		p.Tables = append(p.Tables, table)
	}
	return nil
}

// fateWords say what becomes of a case at the end of its time.
var fateWords = map[policy.Fate]string{policy.EraseContent: "all but its skeleton is erased", policy.EraseIdentity: "who the outsiders are is erased", policy.KeepForever: "it is kept"}

// keptFor says how long a row of the schedule keeps.
func keptFor(r policy.RetentionRule) string {
	switch {
	case r.Then == policy.KeepForever:
		return "for ever"
	case r.Months == 0:
		return phrase.Count(int64(r.Years), "year", "years")
	case r.Years == 0:
		return phrase.Count(int64(r.Months), "month", "months")
	}
	return phrase.Count(int64(r.Years), "year", "years") + ", " + phrase.Count(int64(r.Months), "month", "months")
}

func (q *request) slaBody(p *recordPage, x *policy.Policy) error {
	var sla policy.SLA
	if err := json.Unmarshal(x.Body, &sla); err != nil {
		return err
	}
	t := design.Table{Caption: "First response", Columns: []design.Column{{Label: "Severity"}, {Label: "Within", Place: design.End}, {Label: "Counted", Place: design.Meta}}}
	row := func(mark design.Cell, target policy.Target) {
		counted := "in working hours"
		if target.Calendar {
			counted = "day and night"
		}
		t.Rows = append(t.Rows, design.Row{Cells: []design.Cell{mark, {Text: phrase.Hours(target.Duration())}, {Text: counted}}})
	}
	for _, s := range []rules.Severity{rules.Critical, rules.High, rules.Moderate, rules.Low} {
		row(design.Cell{Severity: severity(s)}, sla.FirstResponse[s])
	}
	row(design.Cell{Severity: severity("")}, sla.Unclassified)
	p.Tables = append(p.Tables, t)
	hours := design.Table{Caption: "Working hours, " + sla.Calendar.Zone, Shown: true, Columns: []design.Column{{Label: "Day"}, {Label: "Hours", Place: design.End}}}
	for _, day := range []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"} {
		spans := "closed"
		for d, list := range sla.Calendar.Hours {
			if string(d) == day && len(list) > 0 {
				spans = strings.Trim(fmt.Sprint(list), "[]")
			}
		}
		hours.Rows = append(hours.Rows, design.Row{Cells: []design.Cell{{Text: strings.ToUpper(day[:1]) + day[1:]}, {Text: spans}}})
	}
	for _, h := range sla.Calendar.Holidays {
		hours.Rows = append(hours.Rows, design.Row{Cells: []design.Cell{{Text: h.Date}, {Text: "closed: " + h.Name}}})
	}
	p.Tables = append(p.Tables, hours)
	return nil
}

func outcomeWords(o rules.Outcome) string {
	var out []string
	for _, p := range [][2]string{{"category ", spaced(string(o.Category))}, {"urgency ", string(o.Urgency)}, {"", spaced(string(o.Disposition))}, {"for ", o.AssignRole}} {
		if p[1] != "" {
			out = append(out, p[0]+p[1])
		}
	}
	if o.Impact > 0 {
		out = append(out, "impact "+level(impactWords, o.Impact))
	}
	if o.Likelihood > 0 {
		out = append(out, "likelihood "+level(likelihoodWords, o.Likelihood))
	}
	return strings.Join(out, ", ")
}

// bodyFields are the fields in which a version is written. Texts have fields of
// their own; the rest is data.
func bodyFields(kind policy.Kind, body json.RawMessage, rationale, review string) []design.Field {
	why := []design.Field{{Name: "rationale", Label: "Why it is to be so", Kind: design.Long, Rows: 2, Required: true, Value: rationale, Max: 4000, Wide: true},
		{Name: "review_due", Label: "Review due", Kind: design.Date, Value: review, Optional: "(empty: in a year)"}}
	var t policy.Template
	var c policy.Criteria
	switch kind {
	case policy.KindTemplate:
		_ = json.Unmarshal(body, &t) // a new one is empty
		return append([]design.Field{{Name: "title", Label: "Title", Value: t.Title, Required: true},
			{Name: "purpose", Label: "Used for", Kind: design.Choice, Options: chosen(string(t.Purpose), [2]string{"reply", "Replies"}, [2]string{"confirmation", "Confirmations of receipt"})},
			{Name: "language", Label: "Language", Kind: design.Choice, Options: chosen(t.Language, [2]string{"en", "English"}, [2]string{"de", "Deutsch"}, [2]string{"fr", "Français"}, [2]string{"es", "Español"})},
			{Name: "subject", Label: "Subject", Value: t.Subject, Wide: true},
			{Name: "text", Label: "Text", Kind: design.Long, Rows: 14, Value: t.Text, Wide: true, Required: true, Hint: "{number}, {name}, {due}, {subject} and {organisation} are filled in; what else stands in braces, a person fills in."}}, why...)
	case policy.KindCriteria:
		_ = json.Unmarshal(body, &c)
		return append([]design.Field{{Name: "title", Label: "Title", Value: c.Title, Required: true}, {Name: "text", Label: "Text", Kind: design.Long, Rows: 18, Value: c.Text, Wide: true, Required: true}}, why...)
	}
	var pretty bytes.Buffer
	if json.Indent(&pretty, body, "", "  ") != nil {
		pretty.Reset()
	}
	return append([]design.Field{{Name: "body", Label: kindWords[kind], Kind: design.Long, Rows: 24, Value: pretty.String(), Wide: true, Required: true, Hint: "JSON. What is wrong with it is said here when you save."}}, why...)
}

// bodyOf reads the fields of a version.
func bodyOf(kind policy.Kind, f *form) (policy.Change, error) {
	c := policy.Change{Rationale: f.get("rationale"), ReviewDue: f.get("review_due")}
	text := strings.ReplaceAll(f.values.Get("text"), "\r\n", "\n")
	var err error
	switch kind {
	case policy.KindTemplate:
		c.Body, err = json.Marshal(policy.Template{Title: f.get("title"), Purpose: policy.Purpose(f.get("purpose")), Language: f.get("language"), Subject: f.get("subject"), Text: text})
	case policy.KindCriteria:
		c.Body, err = json.Marshal(policy.Criteria{Title: f.get("title"), Text: text})
	default:
		c.Body = json.RawMessage(f.values.Get("body"))
	}
	return c, err
}

// bodyField says which field an error about a version belongs to.
func bodyField(kind policy.Kind, err error) string {
	_, text := fault.Of(err)
	switch {
	case strings.HasPrefix(text, "say in 1 to"):
		return "rationale"
	case strings.HasPrefix(text, "review date"):
		return "review_due"
	case strings.HasPrefix(text, "name "), strings.HasPrefix(text, "there is one"):
		return "name"
	case kind == policy.KindTemplate || kind == policy.KindCriteria:
		return "text"
	}
	return "body"
}

func (q *request) policyForms(x *policy.Policy, f *form) []Form {
	at := "/policy/" + x.ID
	var out []Form
	if q.may(writers) {
		if x.State == policy.Draft {
			out = append(out, f.fold("edit", "Edit", at+"/edit", "Save the draft", bodyFields(x.Kind, x.Body, x.Rationale, x.ReviewDue)...))
		} else {
			out = append(out, Form{Buttons: []design.Button{{Label: "Write a new version", Icon: "pencil", Href: "/policy/new?from=" + x.ID}}})
		}
		text := x.Kind == policy.KindTemplate || x.Kind == policy.KindCriteria
		if x.State == policy.Draft || q.approves(governors) && (x.State == policy.Approved || x.State == policy.InForce && text) {
			out = append(out, f.fold("withdraw", "Withdraw", at+"/withdraw", "Withdraw", design.Field{Name: "reason", Label: "Reason", Required: true}))
		}
	}
	if q.approves(governors) && x.State == policy.InForce {
		out = append(out, f.fold("review", "Record a review", at+"/review", "It stays as it is",
			design.Field{Name: "next", Label: "Look again on", Kind: design.Date, Required: true, Value: q.now.AddDate(1, 0, 0).Format(time.DateOnly)}))
	}
	return out
}

func (q *request) newPolicy() error { return q.showNewPolicy(nil) }

func (q *request) showNewPolicy(f *form) error {
	kind, name, body, rationale := policy.Kind(q.query().Get("kind")), "", json.RawMessage(nil), ""
	if from := q.query().Get("from"); from != "" {
		x, err := q.Policies.Find(q.ctx, q.Ledger, from)
		if err != nil {
			return err
		}
		kind, name, body = x.Kind, x.Name, x.Body
	}
	if f != nil {
		kind, name, rationale = policy.Kind(f.get("kind")), f.get("name"), f.get("rationale")
	}
	if kindWords[kind] == "" {
		return fault.New(fault.NotFound, "there is no such kind of policy")
	}
	fields := bodyFields(kind, body, rationale, "")
	hidden := []design.Pair{{Name: "kind", Value: string(kind)}}
	if kind == policy.KindTemplate || kind == policy.KindCriteria {
		fields = append([]design.Field{{Name: "name", Label: "Short name", Value: name, Required: true, Hint: "Lower-case letters, digits and hyphens. The same name makes a new version."}}, fields...)
	}
	p := recordPage{Staff: q.frame("New version", "/policy"), Header: design.Header{Title: "New version: " + strings.ToLower(kindWords[kind]), Crumbs: []design.Link{{Label: "Policy", Href: "/policy"}}, Note: "A draft, until somebody who did not write it has approved it."}}
	p.Forms = []Form{{Action: "/policy", Hidden: hidden, Fields: f.fields(fields...), Buttons: []design.Button{{Label: "Save the draft", Weight: design.Primary}}}}
	return q.show(f.code(), "record", p)
}

func (q *request) draftPolicy() error {
	f, err := q.form("draft")
	if err != nil {
		return err
	}
	kind := policy.Kind(f.get("kind"))
	c, err := bodyOf(kind, f)
	path := "/policy"
	if err == nil {
		var x *policy.Policy
		if x, err = q.Policies.Draft(q.ctx, q.who, kind, f.get("name"), c); err == nil {
			path += "/" + x.ID
		}
	}
	return q.settle(err, f, bodyField(kind, err), q.showNewPolicy, "Drafted. Somebody else has to approve it.", path)
}

// onPolicy reads a form about a version, and runs a verb on it.
func (q *request) onPolicy(name, field, text string, verb func(x *policy.Policy, f *form) error) error {
	f, err := q.form(name)
	if err != nil {
		return err
	}
	x, err := q.Policies.Find(q.ctx, q.Ledger, q.r.PathValue("id"))
	if err != nil {
		return err
	}
	err = verb(x, f)
	if field == "" {
		field = bodyField(x.Kind, err)
	}
	return q.settle(err, f, field, q.showPolicy, text, "/policy/"+x.ID)
}

func (q *request) editPolicy() error {
	return q.onPolicy("edit", "", "Saved.", func(x *policy.Policy, f *form) error {
		c, err := bodyOf(x.Kind, f)
		if err == nil {
			_, err = q.Policies.Edit(q.ctx, q.who, x.ID, c)
		}
		return err
	})
}

func (q *request) approvePolicy() error {
	return q.onPolicy("approve", "effective", "Approved.", func(x *policy.Policy, f *form) error {
		var from time.Time
		if day := f.get("effective"); day != "" {
			var err error
			if from, err = time.Parse(time.DateOnly, day); err != nil {
				return fault.New(fault.Invalid, "write the day as 2027-01-31")
			}
		} else {
			from = q.now
		}
		_, err := q.Policies.Approve(q.ctx, q.who, x.ID, from)
		return err
	})
}

func (q *request) withdrawPolicy() error {
	return q.onPolicy("withdraw", "reason", "Withdrawn.", func(x *policy.Policy, f *form) error {
		return q.Policies.Withdraw(q.ctx, q.who, x.ID, f.get("reason"))
	})
}

func (q *request) reviewPolicy() error {
	return q.onPolicy("review", "next", "The review is recorded.", func(x *policy.Policy, f *form) error {
		return q.Policies.Reviewed(q.ctx, q.who, x.ID, f.get("next"))
	})
}
