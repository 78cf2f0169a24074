package api

import (
	"time"

	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/mime"
	"example.org/countersign/internal/people"
	"example.org/countersign/internal/response"
)

// at is a time of a record; the zero time is left out of JSON.
func at(micros int64) time.Time {
	if micros == 0 {
		return time.Time{}
	}
	return time.UnixMicro(micros).UTC()
}

// list is s, or an empty list: never null.
func list[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

// Address is a mailbox.
type Address struct {
	Name string `json:"name,omitzero" maxLength:"500"`
	Addr string `json:"address" maxLength:"320"`
}

func addresses(in []mime.Address) []Address {
	out := make([]Address, len(in))
	for i, a := range in {
		out[i] = Address{a.Name, a.Addr}
	}
	return out
}

func mailboxes(in []Address) []mime.Address {
	out := make([]mime.Address, len(in))
	for i, a := range in {
		out[i] = mime.Address{Name: a.Name, Addr: a.Addr}
	}
	return out
}

// Case is a case as the API shows it.
type Case struct {
	ID                string    `json:"id"`
	Version           int64     `json:"version" doc:"Entry that made the case what it is"`
	Number            string    `json:"number"`
	Subject           string    `json:"subject"`
	State             string    `json:"state" enum:"open,answered,closed"`
	Waiting           string    `json:"waiting" enum:"us,them," doc:"Who it waits for"`
	Disposition       string    `json:"disposition" enum:"spam,out-of-scope," doc:"Why it is set aside; empty where it is not"`
	DispositionReason string    `json:"disposition_reason,omitzero"`
	Category          string    `json:"category"`
	Urgency           string    `json:"urgency"`
	Severity          string    `json:"severity"`
	Impact            int       `json:"impact"`
	Likelihood        int       `json:"likelihood"`
	ClassifiedBy      string    `json:"classified_by" doc:"Rules with their version, or the id of a person"`
	ClassReason       string    `json:"classification_reason,omitzero"`
	Assignee          string    `json:"assignee" doc:"Id of a person; empty: nobody"`
	Channel           string    `json:"channel" doc:"Id"`
	Source            string    `json:"source"`
	Language          string    `json:"language,omitzero"`
	Anonymous         bool      `json:"anonymous"`
	Reporter          *Address  `json:"reporter,omitzero"`
	ReceivedAt        time.Time `json:"received_at"`
	DueAt             time.Time `json:"due_at,omitzero" doc:"First response, at the latest"`
	FirstResponseAt   time.Time `json:"first_response_at,omitzero"`
	LastAt            time.Time `json:"last_at,omitzero"`
	Pauses            []Pause   `json:"pauses" doc:"When the clock of the first response stood still"`
	ClosedAt          time.Time `json:"closed_at,omitzero"`
	CloseReason       string    `json:"close_reason,omitzero"`
	UpdatedAt         time.Time `json:"updated_at"`
	Communications    int       `json:"communications" doc:"How many there are"`
	Related           []string  `json:"related" doc:"Numbers of cases that it names"`
	Erased            []Erased  `json:"erased" doc:"What it has no longer"`
}

// Pause is a time in which a clock stands still.
type Pause struct {
	From   time.Time `json:"from"`
	To     time.Time `json:"to,omitzero" doc:"Absent while it stands still"`
	Reason string    `json:"reason"`
}

func viewCase(c *intake.Case) Case {
	v := Case{ID: c.ID, Version: c.Entry, Number: c.Number, Subject: c.Subject, State: string(c.State), Waiting: c.Waiting,
		Disposition: string(c.Disposition), DispositionReason: c.DispositionReason, Category: string(c.Category), Urgency: string(c.Urgency),
		Severity: string(c.Severity), Impact: c.Impact, Likelihood: c.Likelihood, ClassifiedBy: c.ClassifiedBy, ClassReason: c.ClassReason,
		Assignee: c.Assignee, Channel: c.Channel, Source: string(c.Source), Language: c.Language, Anonymous: c.Anonymous,
		ReceivedAt: at(c.ReceivedAt), DueAt: at(c.DueAt), FirstResponseAt: at(c.FirstResponseAt), LastAt: at(c.LastAt), ClosedAt: at(c.ClosedAt),
		CloseReason: c.CloseReason, UpdatedAt: at(c.UpdatedAt), Communications: c.Communications, Related: list(c.Related), Erased: viewErased(c.Erasures)}
	v.Pauses = make([]Pause, len(c.Pauses))
	for i, p := range c.Pauses {
		v.Pauses[i] = Pause{p.From, p.To, p.Reason}
	}
	if c.ReporterName+c.ReporterAddress != "" {
		v.Reporter = &Address{c.ReporterName, c.ReporterAddress}
	}
	return v
}

// Attachment is a file of a communication or an answer.
type Attachment struct {
	Index  int    `json:"index" doc:"Its place in its address"`
	Name   string `json:"name"`
	Type   string `json:"type"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
	Hidden bool   `json:"hidden,omitzero" doc:"It may say who sent it, and is not given out"`
	Note   string `json:"note,omitzero"`
	Erased bool   `json:"erased,omitzero" doc:"Nothing else is known of it"`
}

func attachments(in []intake.Attachment) []Attachment {
	out := make([]Attachment, len(in))
	for i, a := range in {
		out[i] = Attachment{i, a.Name, a.Type, a.Size, a.SHA256, a.Hidden, a.Note, a.Erased}
	}
	return out
}

// Communication is one message of a case, or a note.
type Communication struct {
	ID          string       `json:"id"`
	Case        string       `json:"case"`
	Number      string       `json:"number"`
	Seq         int          `json:"seq"`
	Direction   string       `json:"direction" enum:"inbound,outbound,note"`
	Channel     string       `json:"channel"`
	Source      string       `json:"source"`
	From        []Address    `json:"from"`
	To          []Address    `json:"to"`
	Cc          []Address    `json:"cc"`
	Subject     string       `json:"subject"`
	Date        time.Time    `json:"date,omitzero" doc:"As its sender claims"`
	ReceivedAt  time.Time    `json:"received_at"`
	Language    string       `json:"language,omitzero"`
	MessageID   string       `json:"message_id,omitzero"`
	InReplyTo   string       `json:"in_reply_to,omitzero"`
	Text        string       `json:"text"`
	Truncated   bool         `json:"truncated,omitzero"`
	Attachments []Attachment `json:"attachments"`
	Auto        string       `json:"auto,omitzero" doc:"What kind of machine wrote it; empty: a person"`
	Sender      string       `json:"sender_check,omitzero" enum:"pass,fail,none" doc:"Whether the domain of From vouches for it"`
	Problems    []string     `json:"problems" doc:"What of it could not be understood"`
	Unparsed    bool         `json:"unparsed,omitzero" doc:"It could not be read as a mail; its original is kept"`
	Author      string       `json:"author,omitzero" doc:"Id of a person"`
	Response    string       `json:"response,omitzero" doc:"Id of the answer that it is"`
	RawSHA256   string       `json:"raw_sha256,omitzero"`
	RawSize     int64        `json:"raw_size,omitzero"`
	Erased      []Erased     `json:"erased" doc:"What it has no longer"`
}

func viewCommunication(m *intake.Communication, text string) Communication {
	return Communication{ID: m.ID, Case: m.Case, Number: m.Number, Seq: m.Seq, Direction: string(m.Direction), Channel: m.Channel, Source: string(m.Source),
		From: addresses(m.From), To: addresses(m.To), Cc: addresses(m.Cc), Subject: m.Subject, Date: at(m.Date), ReceivedAt: at(m.ReceivedAt),
		Language: m.Language, MessageID: m.MessageID, InReplyTo: m.InReplyTo, Text: text, Truncated: m.Truncated, Attachments: attachments(m.Attachments),
		Auto: m.Auto, Sender: string(m.Auth.Result), Problems: list(m.Problems), Unparsed: m.Unparsed, Author: m.Author, Response: m.Response,
		RawSHA256: m.RawSHA256, RawSize: m.RawSize, Erased: viewErased(m.Erasures)}
}

// Approval is one person's yes to exactly one content.
type Approval struct {
	By          string    `json:"by"`
	Role        string    `json:"role"`
	At          time.Time `json:"at"`
	ContentHash string    `json:"content_hash"`
}

// Decline is one person's no.
type Decline struct {
	By     string    `json:"by"`
	At     time.Time `json:"at"`
	Reason string    `json:"reason"`
}

// Attempt is one hand-over to the relay, or what a person found out about one.
type Attempt struct {
	At      time.Time `json:"at"`
	EndedAt time.Time `json:"ended_at,omitzero"`
	Outcome string    `json:"outcome"`
	Detail  string    `json:"detail"`
	By      string    `json:"by,omitzero"`
}

// Response is an answer.
type Response struct {
	ID          string        `json:"id"`
	Version     int64         `json:"version" doc:"To be named by whoever changes it"`
	Case        string        `json:"case"`
	Number      string        `json:"number"`
	Seq         int           `json:"seq"`
	State       string        `json:"state" enum:"draft,in-review,approved,sending,sent,ambiguous,failed,withdrawn"`
	Channel     string        `json:"channel"`
	To          []Address     `json:"to"`
	Cc          []Address     `json:"cc"`
	Subject     string        `json:"subject"`
	Text        string        `json:"text"`
	Attachments []Attachment  `json:"attachments"`
	ContentHash string        `json:"content_hash" doc:"What an approval is bound to"`
	SentHash    string        `json:"sent_hash,omitzero"`
	MessageID   string        `json:"message_id,omitzero"`
	Authors     []string      `json:"authors" doc:"Everybody who edited any version: none of them approves"`
	Approvals   []Approval    `json:"approvals"`
	Declines    []Decline     `json:"declines"`
	Quorum      int           `json:"quorum" doc:"How many persons must approve"`
	Roles       []people.Role `json:"roles" doc:"Any of which lets approve"`
	Rule        string        `json:"rule,omitzero" doc:"Row and version of the approval matrix"`
	Exception   string        `json:"exception,omitzero"`
	Attempts    []Attempt     `json:"attempts"`
	CreatedAt   time.Time     `json:"created_at"`
	SubmittedAt time.Time     `json:"submitted_at,omitzero"`
	ApprovedAt  time.Time     `json:"approved_at,omitzero"`
	SentAt      time.Time     `json:"sent_at,omitzero"`
	UpdatedAt   time.Time     `json:"updated_at"`
	Erased      []Erased      `json:"erased" doc:"What it has no longer"`
}

func viewResponse(r *response.Response) Response {
	v := Response{ID: r.ID, Version: r.Entry, Case: r.Case, Number: r.Number, Seq: r.Seq, State: string(r.State), Channel: r.Channel,
		To: addresses(r.To), Cc: addresses(r.Cc), Subject: r.Subject, Text: r.Text, Attachments: attachments(r.Attachments),
		ContentHash: r.ContentHash, SentHash: r.SentHash, MessageID: r.MessageID, Authors: list(r.Authors), Approvals: []Approval{}, Declines: []Decline{},
		Quorum: r.Quorum, Roles: list(r.Roles), Rule: r.Rule, Exception: r.Exception, Erased: viewErased(r.Erasures), Attempts: []Attempt{}, CreatedAt: at(r.CreatedAt),
		SubmittedAt: at(r.SubmittedAt), ApprovedAt: at(r.ApprovedAt), SentAt: at(r.SentAt), UpdatedAt: at(r.UpdatedAt)}
	for _, a := range r.Approvals {
		v.Approvals = append(v.Approvals, Approval{a.By, a.Role, at(a.At), a.ContentHash})
	}
	for _, x := range r.Declines {
		v.Declines = append(v.Declines, Decline{x.By, at(x.At), x.Reason})
	}
	for _, a := range r.Attempts {
		v.Attempts = append(v.Attempts, Attempt{at(a.At), at(a.EndedAt), a.Outcome, a.Detail, a.By})
	}
	return v
}
