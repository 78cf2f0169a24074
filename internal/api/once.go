package api

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/ledger"
)

const (
	keyHeader = "Idempotency-Key"
	maxKey    = 200
	keyTime   = 24 * time.Hour
	// underWay is how long a request is taken to be still at work. One that
	// took longer was cut off.
	underWay = 10 * time.Minute
)

// answer is what was answered to a request with a key.
type answer struct {
	Status int         `json:"status"`
	Header http.Header `json:"header"`
	Body   []byte      `json:"body"`
}

// once does a request with an Idempotency-Key once: the first one is executed,
// the same one later gets its answer again, one with another content is
// refused, and so is one that comes while the first is at work. Where the
// server was cut off in the middle, nobody knows whether the act was done, and
// that is what a repetition is told: it is not done a second time.
//
// The answer is kept encrypted under the token and the key, which only the
// sender has: the database cannot be read for it.
func (d *door) once(hc huma.Context, next func(huma.Context)) {
	key := hc.Header(keyHeader)
	if key == "" {
		next(hc)
		return
	}
	if len(key) > maxKey || strings.Trim(key, printable) != "" {
		d.refuse(hc, fault.New(fault.Invalid, "%s: use at most %d printable ASCII characters", keyHeader, maxKey))
		return
	}
	c := &claim{door: d, lookup: d.Ledger.Index().Blind("api-request", who(hc.Context()).Token+"\n"+key),
		seal: sealing(hc.Header("Authorization"), key), hash: sha256.New()}
	before, err := c.take(hc.Context())
	_, halted := errors.AsType[*ledger.Halted](err)
	switch {
	case halted: // what is kept all the same is one by its own key; all else fails
		next(huma.WithValue(hc, onceKey{}, c.lookup))
	case err != nil:
		d.refuse(hc, err)
	case before != nil:
		c.replay(hc, before)
	default:
		c.execute(hc, next)
	}
}

const printable = " !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~"

// onceKey is where a request that is kept finds a key of its own.
type onceKey struct{}

// claim is a request with a key.
type claim struct {
	door   *door
	lookup string
	seal   cipher.AEAD
	hash   hash.Hash
}

// sealing returns what only the holder of token and key can open.
func sealing(authorization, key string) cipher.AEAD {
	_, secret, _ := strings.Cut(authorization, " ")
	m := hmac.New(sha256.New, []byte(strings.TrimSpace(secret)))
	m.Write([]byte("countersign api answer\n" + key))
	block, err := aes.NewCipher(m.Sum(nil))
	if err != nil {
		panic(err) // 32 bytes are a key
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err) // AES has the right block size
	}
	return aead
}

// content returns the fingerprint of a request. What nobody has read of its body,
// which goes through the claim's hash, is read now.
func (c *claim) content(hc huma.Context, in *body) (string, error) {
	if _, err := io.Copy(io.Discard, in); err != nil {
		return "", err
	}
	u := hc.URL()
	return c.door.Ledger.Index().Blind("api-request-content",
		hc.Method()+" "+u.EscapedPath()+"?"+u.RawQuery+" "+hex.EncodeToString(c.hash.Sum(nil))), nil
}

// humaContext has the name under which it can be embedded: one of its methods is
// called Context.
type humaContext = huma.Context

// recorded is a request that is read through a hash, and whose answer is held
// back until it is known to be kept.
type recorded struct {
	humaContext
	body   io.Reader
	answer answer
	out    bytes.Buffer
}

// Unwrap lets adapters find the request below.
func (r *recorded) Unwrap() huma.Context { return r.humaContext }

// BodyReader implements huma.Context.
func (r *recorded) BodyReader() io.Reader { return r.body }

// BodyWriter implements huma.Context.
func (r *recorded) BodyWriter() io.Writer { return &r.out }

// SetStatus implements huma.Context.
func (r *recorded) SetStatus(code int) { r.answer.Status = code }

// Status implements huma.Context.
func (r *recorded) Status() int { return r.answer.Status }

// SetHeader implements huma.Context.
func (r *recorded) SetHeader(name, value string) { r.answer.Header.Set(name, value) }

// AppendHeader implements huma.Context.
func (r *recorded) AppendHeader(name, value string) { r.answer.Header.Add(name, value) }

// execute does the request and keeps its answer. What was refused was not
// done, and is forgotten; what failed may have been done, and is not repeated.
func (c *claim) execute(hc huma.Context, next func(huma.Context)) {
	ctx := context.WithoutCancel(hc.Context()) // done to its end whether or not anybody still listens: they will ask again
	in := &body{r: io.TeeReader(hc.BodyReader(), c.hash), left: maxStream}
	r := &recorded{humaContext: huma.WithContext(hc, ctx), body: in, answer: answer{Header: http.Header{}}}
	settled := false
	defer func() {
		if !settled { // a panic
			c.note(ctx, c.fail(ctx))
		}
	}()
	next(r)
	settled = true
	r.answer.Body = r.out.Bytes()
	switch status := r.answer.Status; {
	case status/100 == 2:
		content, err := c.content(hc, in)
		if err == nil {
			err = c.keep(ctx, content, &r.answer)
		}
		c.note(ctx, err)
	case status == http.StatusServiceUnavailable || status/100 == 4 || in.err != nil:
		c.note(ctx, c.forget(ctx))
	default:
		c.note(ctx, c.fail(ctx))
	}
	r.answer.write(hc)
}

// note logs that the fate of a request could not be kept: its repetition will
// be told that it is not known.
func (c *claim) note(ctx context.Context, err error) {
	if err != nil {
		c.door.log.ErrorContext(ctx, "the fate of a request with an idempotency key could not be kept", "err", err)
	}
}

func (a *answer) write(hc huma.Context) {
	for name, values := range a.Header {
		for _, v := range values {
			hc.AppendHeader(name, v)
		}
	}
	hc.SetStatus(a.Status)
	_, _ = hc.BodyWriter().Write(a.Body) // the reader is gone: there is nobody to tell
}

// replay answers a request that came before.
func (c *claim) replay(hc huma.Context, before *request) {
	unknown := fault.New(fault.Conflict, "an earlier request with this %s was cut off, and it is not known whether it was done; look, and use a new key where it was not", keyHeader)
	switch {
	case before.state == stateRunning && c.door.Ledger.Now().Sub(before.startedAt) < underWay:
		hc.SetHeader("Retry-After", "1")
		c.door.refuse(hc, fault.New(fault.Conflict, "a request with this %s is under way; wait for its end", keyHeader))
		return
	case before.state != stateDone:
		c.door.refuse(hc, unknown)
		return
	}
	content, err := c.content(hc, &body{r: io.TeeReader(hc.BodyReader(), c.hash), left: maxStream})
	if err != nil {
		c.door.refuse(hc, err)
		return
	}
	if content != before.content {
		c.door.refuse(hc, fault.New(fault.Invalid, "%s: it was used for another request; every request needs a key of its own", keyHeader))
		return
	}
	a, err := c.open(before.answer)
	if err != nil { // the operator's token is new after every start
		c.note(hc.Context(), err)
		c.door.refuse(hc, unknown)
		return
	}
	hc.SetHeader("Idempotent-Replayed", "true")
	a.write(hc)
}

func (c *claim) sealed(a *answer) ([]byte, error) {
	plain, err := json.Marshal(a)
	if err != nil {
		return nil, err
	}
	return c.seal.Seal(nil, nil, plain, []byte(c.lookup)), nil
}

func (c *claim) open(sealed []byte) (*answer, error) {
	plain, err := c.seal.Open(nil, nil, sealed, []byte(c.lookup))
	if err != nil {
		return nil, fmt.Errorf("open the answer that was kept: %w", err)
	}
	a := &answer{}
	return a, json.Unmarshal(plain, a)
}
