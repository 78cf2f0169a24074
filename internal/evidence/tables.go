package evidence

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"example.org/countersign/internal/channel"
	"example.org/countersign/internal/evidence/extract"
	"example.org/countersign/internal/evidence/sheet"
	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/mime"
	"example.org/countersign/internal/people"
	"example.org/countersign/internal/policy"
	"example.org/countersign/internal/response"
	"example.org/countersign/verify/format"
)

// The columns of the CSV files. A column "received" is the sealed
// "received_at" as people read it, and so on; names that end in _name are
// those of the sealed ids. The rows in JSON have every sealed field as well.
var (
	proof = []string{"record", "entry", "commitment"}

	caseColumns = columns("number", "subject", "state", "disposition", "category", "urgency", "severity", "impact", "likelihood",
		"channel_name", "source", "anonymous", "received", "due", "first_response", "clock", "response_seconds", "target_seconds",
		"closed", "close_reason", "updated", "waiting", "responders", "approvers", "assignee_name", "classified_by", "class_reason",
		"rules_version", "severity_version", "sla_version", "communications", "first_entry")
	communicationColumns = columns("number", "seq", "direction", "channel_name", "channel_address", "channel", "source", "received", "claimed",
		"sender", "recipients", "copies", "subject", "text", "text_file", "attachment_names", "author_name", "response", "auto", "auto_reason",
		"message_id", "in_reply_to", "authentication", "unparsed", "problems", "no_confirmation", "raw_sha256", "raw_size", "raw_file",
		"attachment_files", "first_entry")
	responseColumns = columns("number", "seq", "state", "channel_name", "recipients", "copies", "subject", "author_names", "approver_names",
		"quorum", "rule", "exception", "created", "submitted", "approved", "sent", "updated", "content_hash", "sent_hash", "attachment_names",
		"message_id", "attempts")
	approvalColumns    = columns("number", "seq", "act", "actor_name", "actor", "role", "time", "reason", "content_hash", "rule")
	dispositionColumns = columns("number", "disposition", "disposition_reason", "classified_by", "received", "channel_name")
	channelColumns     = columns("name", "kind", "address", "direction", "audience", "purpose", "state", "owner_name", "published", "review_due",
		"proposed_by_name", "proposed", "approved_by_name", "approved", "reviewed_by_name", "reviewed", "retired", "retire_reason", "updated", "in_force")
	policyColumns = columns("kind", "name", "version", "state", "effective", "ended", "end_reason", "rationale", "author_names", "approved_by_name",
		"approved", "reviewed_by_name", "reviewed", "review_due", "shipped", "in_force", "body")
	matrixColumns    = columns("policy", "position", "rule", "category", "severity", "audience", "required", "approver_roles", "reason")
	personColumns    = columns("name", "email", "state", "roles", "totp", "approval_suspended", "created", "enrolled", "deactivated", "updated")
	tokenColumns     = columns("name", "person_name", "roles", "approves", "created", "expires", "revoked", "revoked_by_name")
	exceptionColumns = columns("type", "number", "occurred", "who", "what")
	historyColumns   = columns("time", "act", "number", "state", "disposition", "category", "severity", "assignee_name", "actor_name", "actor", "role", "controls")
	accessColumns    = columns("time", "act", "person_name", "roles", "method", "ending", "failures", "active", "approval_suspended", "expires", "actor_name", "actor", "role", "controls")
)

func columns(names ...string) []string { return append(names, proof...) }

// table begins a table of the package.
func (b *builder) table(name string, columns []string) (*sheet.Table, error) {
	t, err := sheet.NewTable(name, columns)
	if err != nil {
		return nil, err
	}
	b.tables = append(b.tables, t)
	return t, nil
}

// records writes the files below records/, and those that they refer to.
func (b *builder) records(ctx context.Context) error {
	for _, f := range []func(context.Context) error{b.responses, b.communications, b.cases, b.channels, b.policies, b.persons, b.tokens} {
		if err := f(ctx); err != nil {
			return err
		}
	}
	if err := b.tally.gaps(); err != nil {
		return err
	}
	if err := b.tally.standing(ctx, b.desk); err != nil {
		return err
	}
	if err := b.exceptions(); err != nil {
		return err
	}
	slices.SortFunc(b.tables, func(x, y *sheet.Table) int { return cmp.Compare(x.Name, y.Name) })
	for _, t := range b.tables {
		if err := t.Flush(); err != nil {
			return err
		}
		if err := b.copy(t.File(".csv"), t.CSV); err != nil {
			return err
		}
		if err := b.copy(t.File(".jsonl"), t.JSON); err != nil {
			return err
		}
	}
	b.report = b.tally.report(b.desk)
	return nil
}

// each calls f with every record of a kind that is in the package, in the
// order of the files, and a row begun with its sealed fields.
func each[T any](b *builder, kind string, f func(v *extract.Version, x *T, r *sheet.Row) error) error {
	list := b.survey.Of(kind, func(v *extract.Version) bool { return v.Where.There() })
	slices.SortFunc(list, func(x, y *extract.Version) int {
		return cmp.Or(cmp.Compare(x.Key, y.Key), cmp.Compare(x.Entry, y.Entry))
	})
	for i, v := range list {
		if i%256 == 0 {
			b.progress("records", int64(i), int64(len(list)))
		}
		doc, err := b.library.Read(v.Where)
		if err != nil {
			return err
		}
		x := new(T)
		if err := extract.Decode(doc, x); err != nil {
			return fmt.Errorf("%s %s: %w", kind, v.Record, err)
		}
		if err := f(v, x, sheet.New(v.Entry, v.Record, doc)); err != nil {
			return err
		}
	}
	return nil
}

// answers is who wrote and who approved the answers to one case.
type answers struct{ responders, approvers []string }

func (b *builder) responses(context.Context) error {
	b.answers = map[string]*answers{}
	t, err := b.table("responses", responseColumns)
	if err != nil {
		return err
	}
	approvals, err := b.table("approvals", approvalColumns)
	if err != nil {
		return err
	}
	return each(b, extract.KindResponse, func(v *extract.Version, x *response.Response, r *sheet.Row) error {
		b.tally.response(v, x)
		b.answer(x)
		r.Put("channel_name", b.register.channel(x.Channel))
		r.Put("recipients", addresses(x.To))
		r.Put("copies", addresses(x.Cc))
		r.Put("author_names", b.register.persons(x.Authors))
		r.Put("approver_names", b.register.persons(approversOf(x)))
		r.Put("attachment_names", attachmentNames(x.Attachments))
		r.At("created", x.CreatedAt)
		r.At("submitted", x.SubmittedAt)
		r.At("approved", x.ApprovedAt)
		r.At("sent", x.SentAt)
		r.At("updated", x.UpdatedAt)
		if err := t.Add(r); err != nil {
			return err
		}
		return b.decisions(approvals, x, v.Record)
	})
}

// answer adds up who had a hand in the answers to a case.
func (b *builder) answer(x *response.Response) {
	a := b.answers[x.Case]
	if a == nil {
		a = &answers{}
		b.answers[x.Case] = a
	}
	for _, name := range b.register.persons(x.Authors) {
		if !slices.Contains(a.responders, name) {
			a.responders = append(a.responders, name)
		}
	}
	for _, name := range b.register.persons(approversOf(x)) {
		if !slices.Contains(a.approvers, name) {
			a.approvers = append(a.approvers, name)
		}
	}
}

func approversOf(x *response.Response) (ids []string) {
	for _, a := range x.Approvals {
		ids = append(ids, a.By)
	}
	return ids
}

func (b *builder) cases(context.Context) error {
	t, err := b.table("cases", caseColumns)
	if err != nil {
		return err
	}
	aside, err := b.table("dispositions", dispositionColumns)
	if err != nil {
		return err
	}
	return each(b, extract.KindCase, func(v *extract.Version, c *intake.Case, r *sheet.Row) error {
		b.tally.casefile(v, c)
		x := b.tally.judge(c)
		r.Put("channel_name", b.register.channel(c.Channel))
		r.Put("assignee_name", b.name(c.Assignee))
		if a := b.answers[v.Record]; a != nil {
			r.Put("responders", a.responders)
			r.Put("approvers", a.approvers)
		}
		r.At("received", c.ReceivedAt)
		r.At("due", c.DueAt)
		r.At("first_response", c.FirstResponseAt)
		r.At("closed", c.ClosedAt)
		r.At("updated", c.UpdatedAt)
		r.Put("clock", string(x.state))
		if x.measured {
			r.Put("response_seconds", int64(x.took/time.Second))
		}
		if x.target > 0 {
			r.Put("target_seconds", int64(x.target/time.Second))
		}
		b.began(v, r)
		b.line(v, c, x)
		if err := t.Add(r); err != nil {
			return err
		}
		if c.Disposition == "" {
			return nil
		}
		d := sheet.New(v.Entry, v.Record, r.Doc, "number", "disposition", "disposition_reason", "classified_by")
		d.At("received", c.ReceivedAt)
		d.Put("channel_name", b.register.channel(c.Channel))
		return aside.Add(d)
	})
}

// began adds the entry of the period that began the record, where one did.
func (b *builder) began(v *extract.Version, r *sheet.Row) {
	if v.Born >= 0 {
		r.Put("first_entry", v.Born)
	}
}

// name returns the name of a person, nothing for nobody.
func (b *builder) name(id string) string {
	if id == "" {
		return ""
	}
	return b.register.person(id)
}

func (b *builder) communications(context.Context) error {
	t, err := b.table("communications", communicationColumns)
	if err != nil {
		return err
	}
	return each(b, extract.KindCommunication, func(v *extract.Version, m *intake.Communication, r *sheet.Row) error {
		b.tally.communication(v, m)
		r.Put("channel_name", b.register.channel(m.Channel))
		r.Put("channel_address", b.register.address(m.Channel))
		r.Put("sender", strings.Join(addresses(m.From), "; "))
		r.Put("recipients", addresses(m.To))
		r.Put("copies", addresses(m.Cc))
		r.Put("author_name", b.name(m.Author))
		r.Put("authentication", string(m.Auth.Result))
		r.Put("attachment_names", attachmentNames(m.Attachments))
		r.At("received", m.ReceivedAt)
		r.At("claimed", m.Date)
		b.began(v, r)
		if files := b.saved[v.Record]; files != nil {
			r.Put("text_file", files.text)
			r.Put("raw_file", files.message)
			r.Put("attachment_files", files.attachments)
		}
		return t.Add(r)
	})
}

func addresses(list []mime.Address) (out []string) {
	for _, a := range list {
		out = append(out, a.String())
	}
	return out
}

func attachmentNames(list []intake.Attachment) (out []string) {
	for _, a := range list {
		if a.Erased {
			a.Name = "(erased)"
		}
		out = append(out, a.Name)
	}
	return out
}

func (b *builder) channels(context.Context) error {
	t, err := b.table("channels", channelColumns)
	if err != nil {
		return err
	}
	p := b.survey.Period
	return each(b, extract.KindChannel, func(_ *extract.Version, c *channel.Channel, r *sheet.Row) error {
		r.Put("owner_name", b.name(c.Owner))
		r.Put("proposed_by_name", b.name(c.ProposedBy))
		r.Put("approved_by_name", b.name(c.ApprovedBy))
		r.Put("reviewed_by_name", b.name(c.ReviewedBy))
		r.At("proposed", c.ProposedAt)
		r.At("approved", c.ApprovedAt)
		r.At("reviewed", c.ReviewedAt)
		r.At("retired", c.RetiredAt)
		r.At("updated", c.UpdatedAt)
		r.Put("in_force", c.ApprovedAt != 0 && c.ApprovedAt < p.To.UnixMicro() && (c.RetiredAt == 0 || c.RetiredAt >= p.From.UnixMicro()))
		return t.Add(r)
	})
}

func (b *builder) policies(context.Context) error {
	t, err := b.table("policies", policyColumns)
	if err != nil {
		return err
	}
	matrix, err := b.table("approval-matrix", matrixColumns)
	if err != nil {
		return err
	}
	return each(b, extract.KindPolicy, func(v *extract.Version, p *policy.Policy, r *sheet.Row) error {
		r.Put("author_names", b.register.persons(p.Authors))
		r.Put("approved_by_name", b.name(p.ApprovedBy))
		r.Put("reviewed_by_name", b.name(p.ReviewedBy))
		r.At("effective", p.EffectiveFrom)
		r.At("ended", p.EndedAt)
		r.At("approved", p.ApprovedAt)
		r.At("reviewed", p.ReviewedAt)
		r.Put("in_force", inForce(p, b.survey.Period))
		if err := t.Add(r); err != nil {
			return err
		}
		if p.Kind != policy.KindApproval || !inForce(p, b.survey.Period) {
			return nil
		}
		return b.matrix(matrix, v, p, r.Doc)
	})
}

// matrix adds the rows of an approval matrix that was in force.
func (b *builder) matrix(t *sheet.Table, v *extract.Version, p *policy.Policy, doc *format.Document) error {
	rules, err := matrixOf(p)
	if err != nil {
		return err
	}
	for i, rule := range rules {
		r := sheet.New(v.Entry, v.Record, doc, "rationale")
		r.Put("policy", p.Label())
		r.Put("position", i+1)
		r.Put("rule", rule.Name)
		r.Put("category", cmp.Or(string(rule.Category), "any"))
		r.Put("severity", cmp.Or(string(rule.Severity), "any"))
		r.Put("audience", cmp.Or(rule.Audience, "any"))
		r.Put("required", rule.Quorum)
		r.Put("approver_roles", roleNames(rule.Roles))
		r.Put("reason", rule.Reason)
		if err := t.Add(r); err != nil {
			return err
		}
	}
	return nil
}

func roleNames(roles []people.Role) (out []string) {
	for _, r := range roles {
		out = append(out, r.Title())
	}
	return out
}

func (b *builder) persons(context.Context) error {
	t, err := b.table("people", personColumns)
	if err != nil {
		return err
	}
	return each(b, extract.KindPerson, func(_ *extract.Version, p *people.Person, r *sheet.Row) error {
		r.Put("state", p.State())
		r.At("created", p.CreatedAt)
		r.At("enrolled", p.EnrolledAt)
		r.At("deactivated", p.DeactivatedAt)
		r.At("updated", p.UpdatedAt)
		return t.Add(r)
	})
}

func (b *builder) tokens(context.Context) error {
	t, err := b.table("tokens", tokenColumns)
	if err != nil {
		return err
	}
	return each(b, extract.KindToken, func(_ *extract.Version, x *people.Token, r *sheet.Row) error {
		r.Put("person_name", b.name(x.Person))
		r.Put("revoked_by_name", b.name(x.RevokedBy))
		r.At("created", x.CreatedAt)
		r.At("expires", x.ExpiresAt)
		r.At("revoked", x.RevokedAt)
		return t.Add(r)
	})
}

func (b *builder) exceptions() error {
	t, err := b.table("exceptions", exceptionColumns)
	if err != nil {
		return err
	}
	slices.SortFunc(b.tally.exceptions, func(x, y exception) int {
		return cmp.Or(cmp.Compare(slices.Index(exceptionTypes, x.kind), slices.Index(exceptionTypes, y.kind)),
			cmp.Compare(x.at, y.at), cmp.Compare(x.number, y.number), cmp.Compare(x.version.Entry, y.version.Entry))
	})
	for _, x := range b.tally.exceptions {
		doc, err := b.library.Read(x.version.Where)
		if err != nil {
			return err
		}
		r := sheet.New(x.version.Entry, x.version.Record, doc, "number")
		r.Put("type", x.kind)
		r.At("occurred", x.at)
		r.Put("who", b.name(x.who))
		r.Put("what", x.what)
		if err := t.Add(r); err != nil {
			return err
		}
	}
	return nil
}

// entered adds what every row of one entry says.
func (b *builder) entered(x *extract.Disclosed, fields ...string) *sheet.Row {
	r := sheet.New(x.Index, x.Entry.Record, x.Doc, fields...)
	r.At("time", x.Entry.Time)
	r.Put("act", x.Entry.Act)
	r.Put("actor", x.Entry.Actor)
	r.Put("actor_name", b.register.person(x.Entry.Actor))
	r.Put("role", x.Entry.Role)
	r.Put("controls", x.Entry.Controls)
	return r
}

// historyRow is one act on a record.
func (b *builder) historyRow(x *extract.Disclosed) *sheet.Row {
	r := b.entered(x, "number", "state", "disposition", "category", "severity", "assignee")
	r.Put("assignee_name", b.name(extract.Text(x.Doc, "assignee")))
	return r
}

// accessRow is one act on who may do what: a person, a token, a sign-in.
func (b *builder) accessRow(x *extract.Disclosed) *sheet.Row {
	r := b.entered(x, "person", "roles", "method", "ending", "failures", "refused", "active", "approval_suspended", "approves")
	person := extract.Text(x.Doc, "person")
	if x.Entry.Kind() == extract.KindPerson {
		person = x.Entry.Record
	}
	r.Put("person_name", b.name(person))
	var expiry struct {
		ExpiresAt int64 `json:"expires_at"`
	}
	if err := extract.Decode(x.Doc, &expiry); err != nil {
		r.Fail(err)
	}
	r.At("expires", expiry.ExpiresAt)
	return r
}
