// Package client speaks the JSON API of a Countersign server. The command line
// is one: whatever it can do, any program with a token can.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// Client calls one server. The zero HTTP client is http.DefaultClient.
type Client struct {
	URL   string // "http://127.0.0.1:8080"
	Token string // bearer token
	HTTP  *http.Client

	key string
}

// Once returns a client whose changes have an idempotency key: sending the same
// again, within a day, is doing it once. It is for one change.
func (c *Client) Once(key string) *Client {
	once := *c
	once.key = key
	return &once
}

// call calls, with in as JSON where it is not nil, and returns the answer.
func call[T any](ctx context.Context, c *Client, method, path string, query url.Values, in any) (*T, error) {
	key := ""
	if method == http.MethodPost {
		key = c.key
	}
	out := new(T)
	if err := c.Call(ctx, method, path, query, key, in, out); err != nil {
		return nil, err
	}
	return out, nil
}

// Error is the server's no: an RFC 9457 problem.
type Error struct {
	Status int    `json:"status"`
	Title  string `json:"title"`
	Detail string `json:"detail"`
	Errors []struct {
		Message  string `json:"message"`
		Location string `json:"location"`
	} `json:"errors"`
}

func (e *Error) Error() string {
	text := e.Detail
	if text == "" {
		text = e.Title
	}
	for _, d := range e.Errors {
		text += "; " + strings.TrimSpace(d.Location+" "+d.Message)
	}
	return text
}

// Status returns the HTTP status of an error of the server, 0 of any other.
func Status(err error) int {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Status
	}
	return 0
}

// request sends a request and returns the body of a 2xx answer, to be closed.
func (c *Client) request(ctx context.Context, method, path string, query url.Values, mediaType, key string, body io.Reader) (io.ReadCloser, error) {
	u := strings.TrimSuffix(c.URL, "/") + "/api/v1" + path
	if len(query) > 0 {
		u += "?" + query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, method, u, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+c.Token)
	if mediaType != "" {
		req.Header.Set("Content-Type", mediaType)
	}
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	h := c.HTTP
	if h == nil {
		h = http.DefaultClient
	}
	resp, err := h.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode/100 == 2 {
		return resp.Body, nil
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	e := &Error{}
	if json.Unmarshal(text, e) != nil || e.Title == "" && e.Detail == "" {
		e.Detail = fmt.Sprintf("the server answered %s", resp.Status)
	}
	e.Status = resp.StatusCode
	return nil, e
}

// Call sends in as JSON, where it is not nil, and reads the answer into out,
// where that is not nil. key, where not empty, is the idempotency key: sending
// the same again is doing it once.
func (c *Client) Call(ctx context.Context, method, path string, query url.Values, key string, in, out any) error {
	var body io.Reader
	mediaType := ""
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body, mediaType = bytes.NewReader(b), "application/json"
	}
	answer, err := c.request(ctx, method, path, query, mediaType, key, body)
	if err != nil {
		return err
	}
	defer answer.Close()
	if out == nil {
		_, err = io.Copy(io.Discard, answer)
		return err
	}
	if err := json.NewDecoder(answer).Decode(out); err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	return nil
}

// Receipt says under which number a message is recorded. It means that the
// record is sealed and on disk.
type Receipt struct {
	Case          string `json:"case"`
	Number        string `json:"number"`
	Communication string `json:"communication"`
	Code          string `json:"code,omitempty"`
	New           bool   `json:"new"`
	Duplicate     bool   `json:"duplicate"`
}

// Receive hands one raw message (RFC 5322) to the record. source is "api" or
// "import"; the latter sends no confirmation and starts no clock.
func (c *Client) Receive(ctx context.Context, channel, source string, raw io.Reader) (*Receipt, error) {
	answer, err := c.request(ctx, http.MethodPost, "/messages", url.Values{"channel": {channel}, "source": {source}}, "message/rfc822", "", raw)
	if err != nil {
		return nil, err
	}
	defer answer.Close()
	var r Receipt
	return &r, json.NewDecoder(answer).Decode(&r)
}

// Export writes all communications of a period, as "jsonl" or "csv". from and
// to are its first and last day, or exact times in RFC 3339, of which to is
// excluded; "" is no bound.
func (c *Client) Export(ctx context.Context, from, to, format string, w io.Writer) error {
	return c.download(ctx, http.MethodGet, "/export/communications", url.Values{"from": {from}, "to": {to}, "format": {format}}, w)
}

// Package writes the evidence package of a period, first and last day
// included.
func (c *Client) Package(ctx context.Context, from, to string, withRaw bool, w io.Writer) error {
	q := url.Values{"from": {from}, "to": {to}}
	if withRaw {
		q.Set("with_raw", "true")
	}
	return c.download(ctx, http.MethodPost, "/packages", q, w)
}

// download copies an answer to w. An answer that was cut is an error: its
// chunked encoding then has no end.
func (c *Client) download(ctx context.Context, method, path string, query url.Values, w io.Writer) error {
	for k, v := range query {
		if v[0] == "" {
			query.Del(k)
		}
	}
	answer, err := c.request(ctx, method, path, query, "", "", nil)
	if err != nil {
		return err
	}
	defer answer.Close()
	_, err = io.Copy(w, answer)
	return err
}

// Verification is what a check of the whole record found.
type Verification struct {
	OK      bool             `json:"ok"`
	Depth   Depth            `json:"depth"`   // as far as was checked
	Problem string           `json:"problem"` // the first thing that is wrong
	Size    int64            `json:"size"`    // entries
	Root    string           `json:"root"`    // base64
	Records map[string]int64 `json:"records"`
	Blobs   int64            `json:"blobs"`
}

// Depth is how much of a record is checked.
type Depth string

// The depths: entries and head; every row against its last entry too; every
// older version, every commitment and every attachment too.
const (
	Tree Depth = "tree"
	Rows Depth = "rows"
	Full Depth = "full"
)

// Verify checks the record of a running server. progress, which may be nil, is
// told how far it has come.
func (c *Client) Verify(ctx context.Context, depth Depth, progress func(stage string, done, total int64)) (*Verification, error) {
	answer, err := c.request(ctx, http.MethodPost, "/verification", url.Values{"depth": {string(depth)}, "progress": {"true"}}, "", "", nil)
	if err != nil {
		return nil, err
	}
	defer answer.Close()
	for lines := json.NewDecoder(answer); ; {
		var line struct {
			Stage       string
			Done, Total int64
			Verification
		}
		if err := lines.Decode(&line); err != nil {
			return nil, fmt.Errorf("verification broke off: %w", err)
		}
		if line.Stage == "" {
			return &line.Verification, nil
		}
		if progress != nil {
			progress(line.Stage, line.Done, line.Total)
		}
	}
}
