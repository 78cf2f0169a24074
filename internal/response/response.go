// Package response is an answer to a case: drafted by some, approved by
// others, sent once (CC2.3).
//
//	draft ⇄ in-review → approved → sending → sent
//	  ↑________any edit____|  ↑       ├─→ failed ─→ (edit) draft
//	  └→ withdrawn            └───────┴─→ ambiguous → sent, or approved again
//
// An approval is bound by hash to the exact text, recipients, attachments and
// channel; any edit voids it. Nobody who edited any version approves. Which and
// how many persons must approve is what the approval matrix in force says when
// the answer is submitted; without any only by a rule with a name, and then it
// is an exception.
//
// An approved answer is handed to the relay under one Message-ID. Where the
// relay may have taken it without saying so, the answer is ambiguous: it is
// never repeated by the product. The rule: a person who may approve looks (at
// the relay's log, or by asking the recipient) and says, with a reason, whether
// it was delivered; if not, it goes out again under the same Message-ID.
package response

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/id"
	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/mime"
	"example.org/countersign/internal/people"
)

// State is where a response stands.
type State string

// The states.
const (
	Draft     State = "draft"
	InReview  State = "in-review"
	Approved  State = "approved" // waits for its hand-over
	Sending   State = "sending"  // being handed over
	Sent      State = "sent"
	Ambiguous State = "ambiguous" // handed over, perhaps
	Failed    State = "failed"    // the relay refuses it for good
	Withdrawn State = "withdrawn"
)

// Approval is one person's yes to exactly one content.
type Approval struct {
	By          string `json:"by"` // id of the person
	Role        string `json:"role"`
	At          int64  `json:"at"` // Unix microseconds
	ContentHash string `json:"content_hash"`
}

// Decline is one person's no, with the reason.
type Decline struct {
	By     string `json:"by"`
	At     int64  `json:"at"`
	Reason string `json:"reason"`
}

// Attempt is one hand-over.
type Attempt struct {
	At      int64  `json:"at"`       // start, Unix microseconds
	EndedAt int64  `json:"ended_at"` // 0: its end was never recorded
	Outcome string `json:"outcome"`  // delivered, published, retry, refused, ambiguous; as resolved: delivered, not-delivered
	Detail  string `json:"detail"`
	By      string `json:"by,omitzero"` // who resolved it
}

// Response is an answer. Times are Unix microseconds.
type Response struct {
	ledger.Record
	Case    string `json:"case"` // id
	Number  string `json:"number"`
	Seq     int    `json:"seq"`
	State   State  `json:"state"`
	Channel string `json:"channel"` // id

	To          []mime.Address      `json:"to" unit:"identity"`
	Cc          []mime.Address      `json:"cc" unit:"identity"`
	Subject     string              `json:"subject" unit:"content"`
	Text        string              `json:"text" unit:"content"`
	Attachments []intake.Attachment `json:"attachments" unit:"files"`
	InReplyTo   string              `json:"in_reply_to" unit:"identity"`
	References  []string            `json:"references" unit:"identity"`

	Authors   []string      `json:"authors"` // everybody who edited any version
	Approvals []Approval    `json:"approvals"`
	Declines  []Decline     `json:"declines" unit:"content"`
	Quorum    int           `json:"quorum"` // different persons who must approve
	Roles     []people.Role `json:"roles"`  // any of which lets approve
	Rule      string        `json:"rule"`   // row and version of the matrix
	Exception string        `json:"exception"`

	Salt        string    `json:"content_salt" unit:"identity"` // of ContentHash; without it no guess can be held against that
	ContentHash string    `json:"content_hash"`                 // hex
	SentHash    string    `json:"sent_hash"`                    // of what was handed over
	MessageID   string    `json:"message_id" unit:"identity"`
	Attempts    []Attempt `json:"attempts" unit:"trace"`
	Rounds      int       `json:"rounds"` // how often it became due to be sent

	CreatedAt   int64 `json:"created_at"`
	SubmittedAt int64 `json:"submitted_at"`
	ApprovedAt  int64 `json:"approved_at"`
	SentAt      int64 `json:"sent_at"`
	UpdatedAt   int64 `json:"updated_at"`

	Erasures []intake.Erasure `json:"erasures"` // what it has no longer
}

// Responses is the kind of record.
var Responses = ledger.Define("response",
	[]string{"casefile", "seq", "state", "channel", "submitted_at", "sent_at", "updated_at", "message_id", "exception"},
	func(r *Response, x ledger.Index) []any {
		exception := int64(0)
		if r.Exception != "" {
			exception = 1
		}
		return []any{r.Case, int64(r.Seq), string(r.State), r.Channel, r.SubmittedAt, r.SentAt, r.UpdatedAt,
			x.Blind("message-id", r.MessageID), exception}
	})

// Records returns the record kinds of this package.
func Records() []ledger.Records { return []ledger.Records{Responses} }

// Content is what of a response its authors write.
type Content struct {
	Channel     string // id
	To, Cc      []mime.Address
	Subject     string
	Text        string
	Attachments []intake.Attachment
}

// limits of a Content.
const (
	maxRecipients  = 50
	maxSubject     = 500     // characters
	maxText        = 200_000 // bytes
	maxAttachments = 20
)

// hash binds an approval to what it approved: SHA-256 over a salt and all that
// reaches the recipients, each part preceded by its length, so that no two
// contents have the same bytes.
func (c *Content) hash(salt string) string {
	h := sha256.New()
	part := func(s string) {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(s))))
		h.Write([]byte(s))
	}
	list := func(addrs []mime.Address) {
		part(fmt.Sprint(len(addrs)))
		for _, a := range addrs {
			part(a.Name)
			part(a.Addr)
		}
	}
	part("countersign/response/2")
	part(salt)
	part(c.Channel)
	list(c.To)
	list(c.Cc)
	part(c.Subject)
	part(c.Text)
	part(fmt.Sprint(len(c.Attachments)))
	for _, a := range c.Attachments {
		part(a.Name)
		part(a.Type)
		part(a.SHA256)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// clean puts a content into the form in which it is kept, hashed and sent, and
// says what is wrong with it.
func (c *Content) clean() error {
	c.Subject = mime.CleanHeader(strings.TrimSpace(c.Subject))
	c.Text = strings.ToValidUTF8(strings.ReplaceAll(c.Text, "\r\n", "\n"), "\uFFFD")
	for _, list := range [][]mime.Address{c.To, c.Cc} {
		for i := range list {
			a, err := mime.ParseAddress(list[i].Addr)
			if err != nil {
				return fault.New(fault.Invalid, "%q is not an e-mail address", list[i].Addr)
			}
			list[i] = mime.Address{Name: mime.CleanHeader(list[i].Name), Addr: a.Addr}
		}
	}
	switch {
	case len(c.To)+len(c.Cc) > maxRecipients:
		return fault.New(fault.Invalid, "an answer goes to at most %d recipients", maxRecipients)
	case len([]rune(c.Subject)) > maxSubject:
		return fault.New(fault.Invalid, "the subject is longer than %d characters", maxSubject)
	case len(c.Text) > maxText:
		return fault.New(fault.Invalid, "the text is longer than %d bytes; attach it as a file", maxText)
	case len(c.Attachments) > maxAttachments:
		return fault.New(fault.Invalid, "an answer has at most %d attachments", maxAttachments)
	}
	return nil
}

// Content returns the part that authors write.
func (r *Response) Content() Content {
	return Content{r.Channel, slices.Clone(r.To), slices.Clone(r.Cc), r.Subject, r.Text, slices.Clone(r.Attachments)}
}

func (r *Response) setContent(c Content) {
	r.Channel, r.To, r.Cc, r.Subject, r.Text, r.Attachments = c.Channel, c.To, c.Cc, c.Subject, c.Text, c.Attachments
	if r.Salt == "" {
		r.Salt = id.New()
	}
	r.ContentHash = c.hash(r.Salt)
}

// edit applies a new content. It voids approvals, whoever gave them.
func (r *Response) edit(by string, c Content, now int64) error {
	switch r.State {
	case Draft, InReview, Approved, Failed:
	default:
		return r.conflict("edited")
	}
	if !slices.Contains(r.Authors, by) {
		r.Authors = append(r.Authors, by)
	}
	r.setContent(c)
	r.State, r.Approvals, r.Quorum, r.Roles, r.Rule, r.Exception = Draft, nil, 0, nil, "", ""
	r.SubmittedAt, r.ApprovedAt, r.UpdatedAt = 0, 0, now
	return nil
}

// submit asks for approval, of which the matrix says how much is needed.
func (r *Response) submit(need need, now int64) error {
	if r.State != Draft {
		return r.conflict("submitted")
	}
	if strings.TrimSpace(r.Text) == "" {
		return fault.New(fault.Invalid, "the answer has no text")
	}
	if open := unresolved(r.Subject + "\n" + r.Text); open != "" {
		return fault.New(fault.Invalid, "the field %s of the template is not filled in", open)
	}
	r.State, r.SubmittedAt, r.UpdatedAt = InReview, now, now
	r.Quorum, r.Roles, r.Rule = need.Quorum, need.Roles, need.Rule
	if need.Quorum == 0 {
		r.Exception = "sent without a second person by the rule " + need.Rule
	}
	r.complete(now)
	return nil
}

// approve counts one person's yes. The person was already found to be active
// and to hold role, one of r.Roles.
func (r *Response) approve(by, role, contentHash string, now int64) error {
	switch {
	case r.State != InReview:
		return r.conflict("approved")
	case slices.Contains(r.Authors, by):
		return fault.New(fault.Denied, "you wrote or edited this answer; somebody else must approve it")
	case contentHash != r.ContentHash:
		return fault.New(fault.Conflict, "the answer was changed since you read it; read it again")
	}
	for _, a := range r.Approvals {
		if a.By == by {
			return fault.New(fault.Conflict, "you have approved this answer already; it waits for %d more", r.Quorum-len(r.Approvals))
		}
	}
	r.Approvals = append(r.Approvals, Approval{by, role, now, contentHash})
	r.UpdatedAt = now
	r.complete(now)
	return nil
}

// complete makes a response approved once enough persons said yes.
func (r *Response) complete(now int64) {
	if r.State == InReview && len(r.Approvals) >= r.Quorum {
		r.State, r.ApprovedAt = Approved, now
		r.Rounds++
	}
}

// decline sends it back to its authors.
func (r *Response) decline(by, reason string, now int64) error {
	switch {
	case r.State != InReview && r.State != Approved:
		return r.conflict("declined")
	case strings.TrimSpace(reason) == "":
		return fault.New(fault.Invalid, "say why, so that the author can mend it")
	}
	r.Declines = append(r.Declines, Decline{by, now, strings.TrimSpace(reason)})
	r.State, r.Approvals, r.Quorum, r.Roles, r.Rule, r.Exception = Draft, nil, 0, nil, "", ""
	r.SubmittedAt, r.ApprovedAt, r.UpdatedAt = 0, 0, now
	return nil
}

func (r *Response) withdraw(now int64) error {
	switch r.State {
	case Draft, InReview, Approved, Failed:
		r.State, r.UpdatedAt = Withdrawn, now
		return nil
	}
	return r.conflict("withdrawn")
}

// begin starts a hand-over.
func (r *Response) begin(now int64) error {
	if r.State != Approved {
		return r.conflict("sent")
	}
	content := r.Content()
	if content.hash(r.Salt) != r.ContentHash { // cannot be, unless the rules above have a hole
		return fmt.Errorf("response %s: content is not what its hash says", r.ID)
	}
	for _, a := range r.Approvals {
		if a.ContentHash != r.ContentHash || slices.Contains(r.Authors, a.By) {
			return fmt.Errorf("response %s: approval by %s does not hold", r.ID, a.By)
		}
	}
	r.State, r.UpdatedAt, r.SentHash = Sending, now, r.ContentHash
	r.Attempts = append(r.Attempts, Attempt{At: now})
	return nil
}

// end records what became of the hand-over under way.
func (r *Response) end(state State, outcome, detail string, now int64) error {
	if r.State != Sending || len(r.Attempts) == 0 {
		return r.conflict("ended")
	}
	last := &r.Attempts[len(r.Attempts)-1]
	last.EndedAt, last.Outcome, last.Detail = now, outcome, detail
	r.State, r.UpdatedAt = state, now
	if state == Sent {
		r.SentAt = now
	} else {
		r.SentHash = ""
	}
	if state == Ambiguous {
		r.SentHash = r.ContentHash
	}
	return nil
}

// resolve settles an ambiguous hand-over by a person's word.
func (r *Response) resolve(by string, delivered bool, reason string, now int64) error {
	switch {
	case r.State != Ambiguous:
		return r.conflict("resolved")
	case strings.TrimSpace(reason) == "":
		return fault.New(fault.Invalid, "say how you know")
	}
	a := Attempt{At: now, EndedAt: now, Outcome: "delivered", Detail: strings.TrimSpace(reason), By: by}
	r.UpdatedAt = now
	if delivered {
		r.State, r.SentAt = Sent, r.Attempts[len(r.Attempts)-1].At
	} else {
		a.Outcome, r.State, r.SentHash = "not-delivered", Approved, ""
		r.Rounds++
	}
	r.Attempts = append(r.Attempts, a)
	return nil
}

func (r *Response) conflict(verb string) error {
	return fault.New(fault.Conflict, "this answer is %s; it cannot be %s now", r.State, verb)
}

// unresolved returns the first field of a template, {like this}, that nobody
// filled in, "" where there is none.
func unresolved(s string) string {
	for {
		i := strings.IndexByte(s, '{')
		if i < 0 {
			return ""
		}
		s = s[i:]
		j := strings.IndexByte(s, '}')
		if j < 0 {
			return ""
		}
		field := s[1:j]
		if field != "" && len(field) <= 30 && strings.Trim(field, "abcdefghijklmnopqrstuvwxyz_ ") == "" {
			return s[:j+1]
		}
		s = s[1:]
	}
}
