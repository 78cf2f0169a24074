// Package tiles is the door for whoever checks the log: the published
// checkpoint, the hashes of the tree and the entries, as C2SP tlog-tiles
// specifies them, so that tools that we did not write verify us; and the
// cadence at which checkpoints are published.
//
// It is private by default: that a matter exists, of which kind and when, is
// sensitive. The bytes of entries are for auditors and for whoever may export
// the record (CC6.1, CC6.3). Checkpoint and hashes tell sizes alone; they are
// for insiders, unless a setting opens them to everybody. Nothing beyond the
// published checkpoint is served to anybody, so that what can be read grows at
// the cadence and not with each act.
package tiles

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"

	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/people"
	"example.org/countersign/internal/witness"
)

// Options of the door.
type Options struct {
	Open   bool   // checkpoint and hash tiles are for everybody
	Cookie string // name of the cookie that holds a session of the staff pages

	Feeder *witness.Feeder // has the cosignatures of witnesses; nil where there are none
}

// Who may read what. Insiders see size, root and entries on the pages too.
var (
	insiders = []people.Role{people.Analyst, people.Lead, people.Commander, people.Legal, people.Owner, people.Executive, people.Auditor, people.Admin}
	readers  = []people.Role{people.Auditor, people.Lead, people.Legal}
)

type door struct {
	ledger *ledger.Ledger
	people *people.Desk
	opt    Options
	log    *slog.Logger
}

// New returns the handler of every path that Serves reports. log may be nil.
func New(l *ledger.Ledger, p *people.Desk, opt Options, log *slog.Logger) http.Handler {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &door{l, p, opt, log}
}

// ServeHTTP implements http.Handler.
func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox; frame-ancestors 'none'")
	res, err := asked(r)
	if err == nil {
		err = d.admit(r, res)
	}
	var body []byte
	if err == nil {
		body, err = d.read(r.Context(), res)
	}
	if err != nil {
		d.refuse(w, r, err)
		return
	}
	d.answer(w, r, res, body)
}

var errMethod = errors.New("the log can only be read")

// asked returns what a request is for.
func asked(r *http.Request) (resource, error) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return resource{}, errMethod
	}
	if r.URL.RawQuery != "" || r.URL.ForceQuery {
		return resource{}, wrong("what the log serves has no query")
	}
	return parse(r.URL.EscapedPath())
}

// public reports whether everybody may have a resource.
func (d *door) public(res resource) bool { return d.opt.Open && res.kind != entryTile }

// admit finds out who asks, by token or by session, and refuses whoever has
// none of the roles (CC6.1, CC6.3).
func (d *door) admit(r *http.Request, res resource) error {
	if d.public(res) {
		return nil
	}
	who, err := d.identify(r)
	if err != nil {
		return err
	}
	if res.kind == entryTile {
		return people.Require(who, readers...)
	}
	return people.Require(who, insiders...)
}

func (d *door) identify(r *http.Request) (*people.Identity, error) {
	if header := r.Header.Get("Authorization"); header != "" {
		scheme, secret, _ := strings.Cut(header, " ")
		if !strings.EqualFold(scheme, "Bearer") {
			return nil, people.ErrNotSignedIn
		}
		return d.people.Token(r.Context(), strings.TrimSpace(secret))
	}
	c, err := r.Cookie(d.opt.Cookie)
	if err != nil {
		return nil, people.ErrNotSignedIn
	}
	return d.people.Session(r.Context(), c.Value)
}

// read returns the bytes of a resource, as far as the log is published.
func (d *door) read(ctx context.Context, res resource) ([]byte, error) {
	cp, err := d.ledger.Published(ctx)
	if err != nil {
		return nil, err
	}
	if res.kind == checkpoint {
		return d.cosigned(ctx, cp)
	}
	if !res.within(cp.Size) {
		return nil, fault.New(fault.NotFound, "the published log has %d entries and does not reach so far", cp.Size)
	}
	if res.kind == entryTile {
		return d.ledger.EntryTile(ctx, res.n, res.width)
	}
	return d.ledger.Tile(ctx, res.level, res.n, res.width)
}

// cosigned returns the checkpoint with the lines of the witnesses that cosigned
// it (C2SP tlog-tiles, "Checkpoints"): its text is the same for ever, and lines
// are added as they come.
func (d *door) cosigned(ctx context.Context, cp ledger.Checkpoint) ([]byte, error) {
	if d.opt.Feeder == nil {
		return cp.Signed, nil
	}
	return d.opt.Feeder.Cosigned(ctx, cp)
}

// How long a copy may be used without asking again. A full tile never changes;
// a partial one does not either, but is soon of no use.
const (
	forEver = "immutable, max-age=31536000"
	shortly = "max-age=60"
	notAged = "no-cache" // ask each time; the tag makes it cheap
)

// answer sends a resource: whole, in parts, or not at all to whoever has it.
func (d *door) answer(w http.ResponseWriter, r *http.Request, res resource, body []byte) {
	h := w.Header()
	age := shortly
	h.Set("Content-Type", "application/octet-stream")
	switch {
	case res.kind == checkpoint:
		age = notAged
		h.Set("Content-Type", "text/plain; charset=utf-8")
	case res.width == fullWidth:
		age = forEver
	}
	if d.public(res) {
		h.Set("Cache-Control", "public, "+age)
	} else {
		h.Set("Cache-Control", "private, "+age)
		h.Add("Vary", "Authorization, Cookie")
	}
	if res.kind == entryTile { // tlog-tiles: entries should be compressed
		h.Add("Vary", "Accept-Encoding")
		if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			h.Set("Content-Encoding", "gzip")
			body = compress(body)
		}
	}
	h.Set("ETag", fmt.Sprintf(`"%x"`, sha256.Sum256(body)))
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}

func compress(b []byte) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	_, _ = z.Write(b) // a buffer takes everything
	_ = z.Close()
	return out.Bytes()
}

var statuses = map[fault.Kind]int{
	fault.Invalid: http.StatusBadRequest, fault.Denied: http.StatusForbidden, fault.NotFound: http.StatusNotFound,
	fault.Conflict: http.StatusConflict, fault.Unavailable: http.StatusServiceUnavailable,
}

// refuse says why there is no answer. Refusals are not to be kept: what does
// not exist yet may at the next tick.
func (d *door) refuse(w http.ResponseWriter, r *http.Request, err error) {
	kind, text := fault.Of(err)
	status, known := statuses[kind]
	h := w.Header()
	switch {
	case errors.Is(err, people.ErrNotSignedIn):
		status, text = http.StatusUnauthorized, "this needs a token, Authorization: Bearer countersign_…, or a session"
		h.Set("WWW-Authenticate", `Bearer realm="countersign"`)
	case errors.Is(err, errMethod):
		status, text = http.StatusMethodNotAllowed, err.Error()
		h.Set("Allow", "GET, HEAD")
	case !known:
		status = http.StatusInternalServerError
		if r.Context().Err() == nil {
			d.log.ErrorContext(r.Context(), "the log cannot be read", "err", err)
		}
	}
	h.Set("Cache-Control", "no-store")
	http.Error(w, text, status)
}
