package timestamp

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"io"
	"math/big"
	"mime"
	"net/http"
	"net/url"
	"os"
	"time"

	"example.org/countersign/internal/design/phrase"
	"example.org/countersign/internal/fault"
	"example.org/countersign/verify/format"
)

const (
	callTime = 30 * time.Second // of one call, from dialling to the last byte
	maxReply = 64 << 10         // bytes; a token with its certificates has some 6,000
	maxSkew  = 10 * time.Minute // between the authority's clock and ours
	maxText  = 200              // bytes kept of a reason
)

// authority is asked for time stamps (RFC 3161 §3.4).
type authority struct {
	url   *url.URL
	roots *x509.CertPool
	limit time.Duration
}

// Roots reads the certificates of a PEM file; nil, the system's, where there is
// no name.
func Roots(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("certificates of the time stamp authority: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(b) {
		return nil, fault.New(fault.Invalid, "%s: has no certificate in PEM form (-----BEGIN CERTIFICATE-----)", file)
	}
	return pool, nil
}

func newAuthority(address string, roots *x509.CertPool) (*authority, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.Fragment != "" {
		return nil, fault.New(fault.Invalid, "time stamps: want the address of an authority, such as https://timestamp.example/tsr")
	}
	return &authority{u, roots, callTime}, nil
}

// name is the address without what may be secret in it.
func (a *authority) name() string { return a.url.Scheme + "://" + a.url.Host + a.url.EscapedPath() }

// transport takes answers as they are: nothing is unpacked.
var transport = &http.Transport{Proxy: http.ProxyFromEnvironment, DisableCompression: true, DisableKeepAlives: true,
	MaxResponseHeaderBytes: 16 << 10, TLSHandshakeTimeout: callTime, ForceAttemptHTTP2: true}

// stamp has data stamped: the authority sees its hash alone. What comes back
// was checked, but for its time.
func (a *authority) stamp(ctx context.Context, data []byte) (*Token, []byte, error) {
	var random [8]byte
	rand.Read(random[:])
	nonce := new(big.Int).SetBytes(random[:])
	body, err := asn1.Marshal(query{1, format.ImprintOf(data), nonce, true})
	if err != nil {
		return nil, nil, err
	}
	answer, err := a.call(ctx, body)
	if err != nil {
		return nil, nil, err
	}
	der, err := open(answer)
	if err != nil {
		return nil, nil, err
	}
	t, err := Verify(der, data, a.roots)
	if err != nil {
		return nil, nil, fmt.Errorf("the token is refused: %w", err)
	}
	if t.nonce == nil || t.nonce.Cmp(nonce) != 0 {
		return nil, nil, fmt.Errorf("the token is refused: it answers another request")
	}
	return t, der, nil
}

// call posts a query and returns the body of the answer.
func (a *authority) call(ctx context.Context, body []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, a.limit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.url.String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/timestamp-query")
	req.Header.Set("Accept", "application/timestamp-reply")
	client := http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if wrapped, ok := err.(*url.Error); ok { // which would name the whole address
		err = wrapped.Err
	}
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxReply+1))
	if err == nil && len(answer) > maxReply {
		err = fmt.Errorf("the answer is longer than %d bytes", maxReply)
	}
	if err != nil {
		return nil, err
	}
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")) // a bad type is none
	if resp.StatusCode != http.StatusOK || kind != "application/timestamp-reply" {
		return nil, fmt.Errorf("the answer is no time stamp reply, but %d: %s", resp.StatusCode, phrase.Foreign(answer, maxText))
	}
	return answer, nil
}
