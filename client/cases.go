package client

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Address is a mailbox.
type Address struct {
	Name string `json:"name,omitempty"`
	Addr string `json:"address"`
}

// Case is one matter.
type Case struct {
	ID              string    `json:"id"`
	Version         int64     `json:"version"`
	Number          string    `json:"number"`
	Subject         string    `json:"subject"`
	State           string    `json:"state"`
	Waiting         string    `json:"waiting"`
	Disposition     string    `json:"disposition"`
	Category        string    `json:"category"`
	Urgency         string    `json:"urgency"`
	Severity        string    `json:"severity"`
	Impact          int       `json:"impact"`
	Likelihood      int       `json:"likelihood"`
	ClassifiedBy    string    `json:"classified_by"`
	Assignee        string    `json:"assignee"`
	Channel         string    `json:"channel"`
	Anonymous       bool      `json:"anonymous"`
	Reporter        *Address  `json:"reporter"`
	ReceivedAt      time.Time `json:"received_at"`
	DueAt           time.Time `json:"due_at"`            // zero: no clock runs
	FirstResponseAt time.Time `json:"first_response_at"` // zero: none yet
	Pauses          []Pause   `json:"pauses"`
	ClosedAt        time.Time `json:"closed_at"`
	Communications  int       `json:"communications"`
}

// Pause is a time in which the clock of the first response stood still.
type Pause struct {
	From   time.Time `json:"from"`
	To     time.Time `json:"to"` // zero: it stands still now
	Reason string    `json:"reason"`
}

// Attachment is a file of a communication or an answer.
type Attachment struct {
	Index  int    `json:"index"`
	Name   string `json:"name"`
	Type   string `json:"type"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
	Hidden bool   `json:"hidden"`
}

// Communication is one message of a case, or a note.
type Communication struct {
	ID          string       `json:"id"`
	Seq         int          `json:"seq"`
	Direction   string       `json:"direction"` // inbound, outbound, note
	From        []Address    `json:"from"`
	To          []Address    `json:"to"`
	Cc          []Address    `json:"cc"`
	Subject     string       `json:"subject"`
	ReceivedAt  time.Time    `json:"received_at"`
	MessageID   string       `json:"message_id"`
	Text        string       `json:"text"`
	Attachments []Attachment `json:"attachments"`
	Auto        string       `json:"auto"` // what kind of machine wrote it; "" a person
	Author      string       `json:"author"`
	Response    string       `json:"response"`
	RawSHA256   string       `json:"raw_sha256"`
}

// Queue is one page of cases.
type Queue struct {
	Cases []Case `json:"cases"`
	Total int    `json:"total"`
	Next  string `json:"next"` // "after" of the next page, "" on the last
}

// Cases returns a page of the queue. filter has the words of the queue's
// address: state, severity, assignee, after …
func (c *Client) Cases(ctx context.Context, filter url.Values) (*Queue, error) {
	return call[Queue](ctx, c, http.MethodGet, "/cases", filter, nil)
}

// Case returns a case by id or tracking number, as all that follow.
func (c *Client) Case(ctx context.Context, name string) (*Case, error) {
	return call[Case](ctx, c, http.MethodGet, "/cases/"+url.PathEscape(name), nil, nil)
}

// Communications returns what was said in a case, the first first.
func (c *Client) Communications(ctx context.Context, name string) ([]Communication, error) {
	out, err := call[struct {
		Communications []Communication `json:"communications"`
	}](ctx, c, http.MethodGet, "/cases/"+url.PathEscape(name)+"/communications", nil, nil)
	if err != nil {
		return nil, err
	}
	return out.Communications, nil
}

// Raw writes a message as it came.
func (c *Client) Raw(ctx context.Context, communication string, w io.Writer) error {
	return c.download(ctx, http.MethodGet, "/communications/"+url.PathEscape(communication)+"/raw", url.Values{}, w)
}

// File writes a file of a communication.
func (c *Client) File(ctx context.Context, communication string, index int, w io.Writer) error {
	return c.download(ctx, http.MethodGet, "/communications/"+url.PathEscape(communication)+"/attachments/"+strconv.Itoa(index), url.Values{}, w)
}

// ReporterReceipt writes the receipt of a case for who reported it: a proof of
// what was reported and when, as text that "countersign verify" checks. There
// is none (409) of an anonymous report, whose reporter alone decides, and none
// (404) of a case that did not begin with a report.
func (c *Client) ReporterReceipt(ctx context.Context, name string, w io.Writer) error {
	return c.download(ctx, http.MethodGet, "/cases/"+url.PathEscape(name)+"/receipt", url.Values{}, w)
}

// act does something to a case and returns what it became.
func (c *Client) act(ctx context.Context, name, act string, in any) (*Case, error) {
	return call[Case](ctx, c, http.MethodPost, "/cases/"+url.PathEscape(name)+"/"+act, nil, in)
}

// Classification is what a person makes of a case.
type Classification struct {
	Category   string `json:"category"`
	Urgency    string `json:"urgency"`    // low, normal, high, immediate
	Impact     int    `json:"impact"`     // 1 to 4
	Likelihood int    `json:"likelihood"` // 1 to 4
	Reason     string `json:"reason,omitempty"`
}

// Classify gives a case a classification. A change needs a reason.
func (c *Client) Classify(ctx context.Context, name string, as Classification) (*Case, error) {
	return c.act(ctx, name, "classification", as)
}

// Assign gives a case to a person, or, with "", to nobody.
func (c *Client) Assign(ctx context.Context, name, person string) (*Case, error) {
	return c.act(ctx, name, "assignment", map[string]string{"person": person})
}

// Dispose sets a case aside as "spam" or "out-of-scope".
func (c *Client) Dispose(ctx context.Context, name, as, reason string) (*Case, error) {
	return c.act(ctx, name, "disposition", map[string]string{"disposition": as, "reason": reason})
}

// Restore takes a disposition back.
func (c *Client) Restore(ctx context.Context, name, reason string) (*Case, error) {
	return c.act(ctx, name, "restoration", map[string]string{"reason": reason})
}

// Pause stops the clock of a case's first response, for a reason: what is
// waited for.
func (c *Client) Pause(ctx context.Context, name, reason string) (*Case, error) {
	return c.act(ctx, name, "pause", map[string]string{"reason": reason})
}

// Resume lets a clock that stands still run.
func (c *Client) Resume(ctx context.Context, name string) (*Case, error) {
	return c.act(ctx, name, "resumption", struct{}{})
}

// Close closes a case. version, where it is not 0, is that of the case as it
// was read: what came since makes it a conflict.
func (c *Client) Close(ctx context.Context, name string, version int64, reason string) (*Case, error) {
	return c.act(ctx, name, "closing", map[string]any{"reason": reason, "version": version})
}

// Reopen opens a closed case again.
func (c *Client) Reopen(ctx context.Context, name, reason string) (*Case, error) {
	return c.act(ctx, name, "reopening", map[string]string{"reason": reason})
}

// Note adds an internal note.
func (c *Client) Note(ctx context.Context, name, text string) (*Communication, error) {
	return call[Communication](ctx, c, http.MethodPost, "/cases/"+url.PathEscape(name)+"/notes", nil, map[string]string{"text": text})
}
