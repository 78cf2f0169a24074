package client

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Response is an answer to a case.
type Response struct {
	ID          string       `json:"id"`
	Version     int64        `json:"version"` // to be named by whoever changes it
	Case        string       `json:"case"`
	Number      string       `json:"number"`
	State       string       `json:"state"`
	Channel     string       `json:"channel"`
	To          []Address    `json:"to"`
	Cc          []Address    `json:"cc"`
	Subject     string       `json:"subject"`
	Text        string       `json:"text"`
	Attachments []Attachment `json:"attachments"`
	ContentHash string       `json:"content_hash"` // what an approval is bound to
	MessageID   string       `json:"message_id"`
	Authors     []string     `json:"authors"`
	Approvals   []Approval   `json:"approvals"`
	Quorum      int          `json:"quorum"`
	Roles       []string     `json:"roles"`
	Rule        string       `json:"rule"`
	SentAt      time.Time    `json:"sent_at"`
}

// Approval is one person's yes to exactly one content.
type Approval struct {
	By          string    `json:"by"`
	Role        string    `json:"role"`
	At          time.Time `json:"at"`
	ContentHash string    `json:"content_hash"`
}

// Content is what of an answer its authors write.
type Content struct {
	Channel string    `json:"channel,omitempty"` // id; as it was, where empty
	To      []Address `json:"to"`
	Cc      []Address `json:"cc,omitempty"`
	Subject string    `json:"subject"`
	Text    string    `json:"text"`
}

// Responses returns the answers to a case, the first first.
func (c *Client) Responses(ctx context.Context, name string) ([]Response, error) {
	out, err := call[struct {
		Responses []Response `json:"responses"`
	}](ctx, c, http.MethodGet, "/cases/"+url.PathEscape(name)+"/responses", nil, nil)
	if err != nil {
		return nil, err
	}
	return out.Responses, nil
}

// Draft begins an answer to a case.
func (c *Client) Draft(ctx context.Context, name string) (*Response, error) {
	return call[Response](ctx, c, http.MethodPost, "/cases/"+url.PathEscape(name)+"/responses", nil, nil)
}

// Response returns one answer.
func (c *Client) Response(ctx context.Context, id string) (*Response, error) {
	return call[Response](ctx, c, http.MethodGet, "/responses/"+url.PathEscape(id), nil, nil)
}

// Edit makes a new version from version. It voids approvals.
func (c *Client) Edit(ctx context.Context, id string, version int64, content Content) (*Response, error) {
	return call[Response](ctx, c, http.MethodPut, "/responses/"+url.PathEscape(id), nil, struct {
		Version int64 `json:"version"`
		Content
	}{version, content})
}

// Attach adds a file, which is a new version made from version.
func (c *Client) Attach(ctx context.Context, id string, version int64, name, mediaType string, content io.Reader) (*Response, error) {
	answer, err := c.request(ctx, http.MethodPost, "/responses/"+url.PathEscape(id)+"/attachments",
		url.Values{"version": {strconv.FormatInt(version, 10)}, "name": {name}, "type": {mediaType}}, "application/octet-stream", c.key, content)
	if err != nil {
		return nil, err
	}
	defer answer.Close()
	r := &Response{}
	return r, json.NewDecoder(answer).Decode(r)
}

// decide does something to an answer and returns what it became.
func (c *Client) decide(ctx context.Context, id, act string, in any) (*Response, error) {
	return call[Response](ctx, c, http.MethodPost, "/responses/"+url.PathEscape(id)+"/"+act, nil, in)
}

// Submit asks for the approvals that the matrix in force demands.
func (c *Client) Submit(ctx context.Context, id string, version int64) (*Response, error) {
	return c.decide(ctx, id, "submission", map[string]int64{"version": version})
}

// Approve approves the content with this hash. The last approval has it sent.
func (c *Client) Approve(ctx context.Context, id, contentHash string) (*Response, error) {
	return c.decide(ctx, id, "approvals", map[string]string{"content_hash": contentHash})
}

// Decline sends an answer back to its authors.
func (c *Client) Decline(ctx context.Context, id, reason string) (*Response, error) {
	return c.decide(ctx, id, "decline", map[string]string{"reason": reason})
}

// Withdraw gives an answer up before it is sent.
func (c *Client) Withdraw(ctx context.Context, id string) (*Response, error) {
	return c.decide(ctx, id, "withdrawal", nil)
}

// Resolve says whether an ambiguous hand-over was delivered, and how that is
// known.
func (c *Client) Resolve(ctx context.Context, id string, delivered bool, reason string) (*Response, error) {
	return c.decide(ctx, id, "resolution", map[string]any{"delivered": delivered, "reason": reason})
}
