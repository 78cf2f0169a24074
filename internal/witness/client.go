package witness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"example.org/countersign/internal/clock"
	"example.org/countersign/internal/design/phrase"
	"example.org/countersign/internal/fault"
	"example.org/countersign/verify/format"
)

const (
	callTime = 10 * time.Second // of one call, from dialling to the last byte
	maxSkew  = 10 * time.Minute // between the witness's clock and ours
	maxText  = 200              // bytes kept of a reason
)

// Client asks one witness. Whatever the witness answers, a call ends within
// ten seconds and holds at most 64 KiB of it.
type Client struct {
	format.PolicyWitness
	Clock clock.Clock   // clock.System where nil
	Limit time.Duration // of one call; 10 s where zero
}

// NewClient returns the client of a witness, whose URL is its submission
// prefix, such as https://witness.example/path.
func NewClient(w format.PolicyWitness) (*Client, error) {
	u, err := url.Parse(w.URL)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, fault.New(fault.Invalid, "witness %s: %q is not the address of a witness, such as https://witness.example/path", w.Name, w.URL)
	}
	w.URL = strings.TrimSuffix(w.URL, "/")
	return &Client{PolicyWitness: w}, nil
}

// Clients returns a client of each witness of a policy that has an address.
func Clients(p *format.Policy) ([]*Client, error) {
	var all []*Client
	for _, w := range p.Witnesses {
		if w.URL == "" {
			continue
		}
		c, err := NewClient(w)
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	return all, nil
}

// transport is shared, so that connections are kept. Answers are taken as they
// are: nothing is unpacked, no redirect followed.
var transport = &http.Transport{Proxy: http.ProxyFromEnvironment, DisableCompression: true, MaxResponseHeaderBytes: 16 << 10,
	MaxIdleConnsPerHost: 2, IdleConnTimeout: 90 * time.Second, TLSHandshakeTimeout: callTime, ForceAttemptHTTP2: true}

// call posts a body and returns status, type and body of the answer.
func (c *Client) call(ctx context.Context, path string, body []byte) (status int, kind string, answer []byte, err error) {
	limit := c.Limit
	if limit == 0 {
		limit = callTime
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.URL+path, bytes.NewReader(body))
	if err != nil {
		return 0, "", nil, fmt.Errorf("ask witness: %w", err)
	}
	req.Header.Set("Content-Type", "text/plain; charset=utf-8")
	client := http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		return 0, "", nil, fmt.Errorf("ask witness: %w", err)
	}
	defer resp.Body.Close()
	answer, err = io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	if err == nil && len(answer) > maxBody {
		err = fmt.Errorf("the answer is longer than %d bytes", maxBody)
	}
	if err != nil {
		return 0, "", nil, fmt.Errorf("ask witness: %w", err)
	}
	kind, _, _ = mime.ParseMediaType(resp.Header.Get("Content-Type")) // a bad type is none
	return resp.StatusCode, kind, answer, nil
}

// Add submits a checkpoint (C2SP tlog-witness add-checkpoint) with the proof
// that it extends the tree of size old, and returns the cosignature of this
// witness, whose signature and time are checked. The error is an *Ahead where
// the witness is at another size, a *Refused where it says no.
func (c *Client) Add(ctx context.Context, old int64, proof []format.Hash, signed []byte) (Cosignature, error) {
	cp, err := parseCheckpoint(signed)
	if err != nil {
		return Cosignature{}, err
	}
	status, kind, answer, err := c.call(ctx, "/add-checkpoint", (&request{old, proof, signed}).append(nil))
	if err != nil {
		return Cosignature{}, err
	}
	if status == http.StatusConflict && kind == sizeType {
		text, ended := strings.CutSuffix(string(answer), "\n")
		size, err := parseSize(text)
		if err != nil || !ended {
			return Cosignature{}, refuse(status, "no size, but %s", phrase.Foreign(answer, maxText))
		}
		return Cosignature{}, &Ahead{size}
	}
	if status != http.StatusOK {
		return Cosignature{}, refuse(status, "%s", phrase.Foreign(answer, maxText))
	}
	text, _ := strings.CutSuffix(string(answer), "\n")
	cosignature, err := find(c.Key, cp.text, strings.Split(text, "\n"))
	if err != nil {
		return Cosignature{}, err
	}
	now := clock.System
	if c.Clock != nil {
		now = c.Clock
	}
	if d := now.Now().Sub(cosignature.Time); d > maxSkew || d < -maxSkew {
		return Cosignature{}, fmt.Errorf("the cosignature is dated %s, and it is %s", cosignature.Time.Format(time.RFC3339), now.Now().Format(time.RFC3339))
	}
	return cosignature, nil
}

// Latest returns the last checkpoint that the witness cosigned of the log that
// signed this one (get-checkpoint). Nothing of it is checked: whoever relies on
// it checks the log's signature. Not every witness has it: a *Refused.
func (c *Client) Latest(ctx context.Context, signed []byte) ([]byte, error) {
	status, _, answer, err := c.call(ctx, "/get-checkpoint", signed)
	if err != nil {
		return nil, err
	}
	if status != http.StatusOK {
		return nil, refuse(status, "%s", phrase.Foreign(answer, maxText))
	}
	return answer, nil
}

// status returns the HTTP status of a refusal, 0 of other errors.
func status(err error) int {
	if r, ok := errors.AsType[*Refused](err); ok {
		return r.Status
	}
	return 0
}
