package policy

import (
	"encoding/json"
	"fmt"

	"example.org/countersign/internal/clock"
	"example.org/countersign/internal/people"
	"example.org/countersign/internal/rules"
)

// defaults returns what an installation starts with.
func defaults() ([]*Policy, error) {
	var list []*Policy
	add := func(kind Kind, name, why string, body any) error {
		raw, err := json.Marshal(body)
		if err == nil {
			raw, err = check(kind, raw)
		}
		if err != nil {
			return fmt.Errorf("shipped default %s: %w", label(kind, name, 1), err)
		}
		list = append(list, &Policy{Kind: kind, Name: name, Body: raw, Rationale: why})
		return nil
	}
	for _, p := range []struct {
		kind Kind
		why  string
		body any
	}{
		{KindRules, "Recognises what matters to security first and keeps it from every filter. Adapt the words to what people write to you.", rules.Default()},
		{KindSeverity, "Rises with impact a little faster than with likelihood.", rules.DefaultMatrix()},
		{KindApproval, "Nobody sends what only they have read; what is grave or public takes two.", DefaultApproval()},
		{KindRetention, "Everything is kept long, and nothing goes before two persons have looked at the list. Adapt the years to what binds you.", DefaultRetention()},
		{KindSLA, "The graver a matter, the sooner a person answers; critical ones day and night.", DefaultSLA()},
	} {
		if err := add(p.kind, "", p.why, p.body); err != nil {
			return nil, err
		}
	}
	if err := add(KindCriteria, "external-communication", "A frame to fill in with what your organisation has promised.", defaultCriteria); err != nil {
		return nil, err
	}
	for _, t := range defaultTemplates {
		if err := add(KindTemplate, t.name, t.why, t.body); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// DefaultApproval is an approval matrix to start from.
func DefaultApproval() ApprovalMatrix {
	leaders := []people.Role{people.Lead, people.Legal, people.Executive}
	return ApprovalMatrix{
		{Name: "to a regulator", Category: rules.Regulator, Quorum: 2, Roles: leaders, Reason: "What an authority is told binds the organisation, and is compared with what it said before."},
		{Name: "to regulators", Audience: "regulators", Quorum: 2, Roles: leaders, Reason: "The channel is one to authorities, whatever the matter."},
		{Name: "to the press", Category: rules.Press, Quorum: 2, Roles: leaders, Reason: "It will be quoted, and it reaches customers before they hear it from us."},
		{Name: "to press", Audience: "press", Quorum: 2, Roles: leaders, Reason: "The channel is one to the press, whatever the matter."},
		{Name: "critical", Severity: rules.Critical, Quorum: 2, Roles: leaders, Reason: "A wrong word in a critical matter is an incident of its own."},
		{Name: "high", Severity: rules.High, Quorum: 2, Roles: leaders, Reason: "Grave enough that statutory or contractual notice may follow."},
		{Name: "personal data", Category: rules.Privacy, Quorum: 1, Roles: []people.Role{people.Legal, people.Lead}, Reason: "Rights of data subjects have forms and limits that legal knows."},
		{Name: "everything else", Quorum: 1, Roles: []people.Role{people.Lead}, Reason: "A second person reads whatever leaves the organisation."},
	}
}

// DefaultSLA is targets to start from: business hours Monday to Friday.
func DefaultSLA() SLA {
	const day = 8 * 60 // business minutes
	hours := []clock.Span{"09:00-17:00"}
	return SLA{
		FirstResponse: map[rules.Severity]Target{
			rules.Critical: {Minutes: 4 * 60, Calendar: true},
			rules.High:     {Minutes: day},
			rules.Moderate: {Minutes: 2 * day},
			rules.Low:      {Minutes: 5 * day},
		},
		Unclassified: Target{Minutes: day},
		Calendar: clock.Calendar{Zone: "UTC", Hours: map[clock.Day][]clock.Span{
			clock.Mon: hours, clock.Tue: hours, clock.Wed: hours, clock.Thu: hours, clock.Fri: hours,
		}},
	}
}

var defaultCriteria = Criteria{
	Title: "Criteria for external communication",
	Text: `May be said
- What we have verified ourselves, with the time at which we knew it.
- What we are doing, and when the next word will come.

Must be said
- By whom it was approved and by which channel it may be answered.
- To customers: what affects them, what they can do, within the limits their agreements set.
- To authorities: what the law asks for, within its limits.

Must not be said
- Names and data of other customers, of reporters, of persons involved.
- Guesses at cause, extent or culprit.
- How to use a weakness that is not yet closed.
- Anything by a channel that is not in the register.
`,
}

type shipped struct {
	name, why string
	body      Template
}

const whyConfirmation = "Whoever writes to us knows at once that it arrived, under which number, and what comes next."

// defaultTemplates are texts to start from.
var defaultTemplates = []shipped{
	{"confirmation-en", whyConfirmation, Template{Title: "Confirmation of receipt", Purpose: ForConfirmation, Language: "en",
		Subject: "[{number}] We have your message",
		Text: `Your message has reached us. Its number is {number}.

What happens next: a person reads it and answers you. We aim to do so by {due}.

If you want to add something, reply to this mail and leave the number in the subject.

This confirmation was sent automatically. {organisation}
`}},
	{"confirmation-de", whyConfirmation, Template{Title: "Eingangsbestätigung", Purpose: ForConfirmation, Language: "de",
		Subject: "[{number}] Ihre Nachricht ist angekommen",
		Text: `Ihre Nachricht ist bei uns angekommen. Sie hat die Nummer {number}.

Wie es weitergeht: Jemand liest sie und antwortet Ihnen, nach unserem Ziel bis {due}.

Wenn Sie etwas ergänzen möchten, antworten Sie auf diese Mail und lassen Sie die Nummer im Betreff stehen.

Diese Bestätigung wurde automatisch versandt. {organisation}
`}},
	{"confirmation-fr", whyConfirmation, Template{Title: "Accusé de réception", Purpose: ForConfirmation, Language: "fr",
		Subject: "[{number}] Nous avons reçu votre message",
		Text: `Votre message nous est parvenu. Son numéro est {number}.

La suite : une personne le lit et vous répond. Notre objectif est de le faire avant le {due}.

Pour ajouter quelque chose, répondez à ce courriel en laissant le numéro dans l'objet.

Cet accusé de réception est envoyé automatiquement. {organisation}
`}},
	{"confirmation-es", whyConfirmation, Template{Title: "Acuse de recibo", Purpose: ForConfirmation, Language: "es",
		Subject: "[{number}] Hemos recibido su mensaje",
		Text: `Su mensaje nos ha llegado. Su número es {number}.

Qué pasa ahora: una persona lo lee y le responde. Nuestro objetivo es hacerlo antes del {due}.

Si quiere añadir algo, responda a este correo y deje el número en el asunto.

Este acuse de recibo se envía automáticamente. {organisation}
`}},
	{"security-report", "Researchers are promised an acknowledgement by a person.", Template{Title: "Thanks for a security report", Purpose: ForReply, Language: "en",
		Subject: "[{number}] {subject}",
		Text: `Hello {name},

thank you for reporting this. We have read your report and are checking it; {what we have found so far}.

We will write again by {date of the next word}. Please keep the details to yourself until we have closed the weakness, and tell us if you plan to publish.

{organisation}
`}},
	{"need-information", "The commonest answer: something is missing.", Template{Title: "Question back", Purpose: ForReply, Language: "en",
		Subject: "[{number}] {subject}",
		Text: `Hello {name},

thank you for your message. To go on we need to know:

{questions}

Please reply to this mail.

{organisation}
`}},
	{"resolved", "Says what was done, so that a case can be closed.", Template{Title: "It is resolved", Purpose: ForReply, Language: "en",
		Subject: "[{number}] {subject}",
		Text: `Hello {name},

the matter that you wrote to us about is resolved: {what was done}, since {date and time}.

{what you need to do, or that there is nothing}

If you still see it, reply to this mail; we will look again.

{organisation}
`}},
	{"service-disruption", "Says only what is verified, and when the next word comes.", Template{Title: "We are working on a disruption", Purpose: ForReply, Language: "en",
		Subject: "[{number}] {subject}",
		Text: `Hello {name},

we know that {what is disrupted} since {date and time} and are working on it. {what is not affected}

The next word from us comes by {date of the next word}, sooner if it is over.

{organisation}
`}},
	{"data-subject-request", "The law wants an answer in time and the right person.", Template{Title: "Request about personal data received", Purpose: ForReply, Language: "en",
		Subject: "[{number}] {subject}",
		Text: `Hello {name},

we have your request about your personal data of {date of the request}. You will have our answer by {date of the answer}.

{how we make sure that it is you who asks}

{organisation}
`}},
	{"not-ours", "Polite, and final.", Template{Title: "Not a matter of ours", Purpose: ForReply, Language: "en",
		Subject: "[{number}] {subject}",
		Text: `Hello {name},

thank you for writing. What you ask about is not a matter of ours: {why}. {who can help}

{organisation}
`}},
}
