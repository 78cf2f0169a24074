package witness

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"example.org/countersign/internal/clock"
)

const (
	maxRequests = 256              // under way at a time; each holds at most maxBody
	bodyTime    = 10 * time.Second // for a body to arrive
	sizeType    = "text/x.tlog.size"
)

// Refused is a request that a witness refuses.
type Refused struct {
	Status int    // of HTTP
	Text   string // the reason, one line
}

func (r *Refused) Error() string { return fmt.Sprintf("refused with %d: %s", r.Status, r.Text) }

// Ahead is the answer of a witness that has last cosigned a checkpoint of
// another size than the client supposed: larger or smaller.
type Ahead struct{ Size int64 }

func (a *Ahead) Error() string {
	return fmt.Sprintf("the witness says that it has last cosigned a tree of %d", a.Size)
}

func refuse(status int, format string, args ...any) error {
	return &Refused{status, fmt.Sprintf(format, args...)}
}

// prefix is where a witness answers that shares its host with other things: it
// answers there and at the root, whatever its address is said to be.
const prefix = "/witness"

// ServeHTTP serves POST /add-checkpoint and POST /get-checkpoint, and both below
// /witness as well.
func (w *Witness) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	answer, err := w.answer(rw, r)
	var ahead *Ahead
	var refused *Refused
	switch {
	case err == nil:
		rw.Header().Set("Content-Type", "text/plain; charset=utf-8")
		rw.Write(answer)
	case errors.As(err, &ahead):
		rw.Header().Set("Content-Type", sizeType)
		rw.WriteHeader(http.StatusConflict)
		io.WriteString(rw, strconv.FormatInt(ahead.Size, 10)+"\n")
	case errors.As(err, &refused):
		http.Error(rw, refused.Text, refused.Status)
	default:
		w.log.ErrorContext(r.Context(), "witness request failed", "path", r.URL.Path, "err", err)
		http.Error(rw, "internal error", http.StatusInternalServerError)
	}
}

func (w *Witness) answer(rw http.ResponseWriter, r *http.Request) ([]byte, error) {
	var act func(context.Context, []byte) ([]byte, error)
	switch strings.TrimPrefix(r.URL.Path, prefix) {
	case "/add-checkpoint":
		act = w.Add
	case "/get-checkpoint":
		act = w.Latest
	default:
		return nil, refuse(http.StatusNotFound, "a witness answers to add-checkpoint and get-checkpoint")
	}
	if r.Method != http.MethodPost {
		rw.Header().Set("Allow", http.MethodPost)
		return nil, refuse(http.StatusMethodNotAllowed, "want POST")
	}
	select {
	case w.busy <- struct{}{}:
		defer func() { <-w.busy }()
	default:
		return nil, refuse(http.StatusServiceUnavailable, "too many requests at a time")
	}
	// Where the server behind rw knows no deadlines, it has its own.
	http.NewResponseController(rw).SetReadDeadline(clock.System().Add(bodyTime))
	body, err := io.ReadAll(http.MaxBytesReader(rw, r.Body, maxBody))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, refuse(http.StatusRequestEntityTooLarge, "a request has at most %d bytes", maxBody)
	}
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "the request did not arrive whole")
	}
	return act(r.Context(), body)
}

// Serve serves the witness on l until ctx ends.
func (w *Witness) Serve(ctx context.Context, l net.Listener) error {
	s := &http.Server{Handler: w, ReadHeaderTimeout: bodyTime, ReadTimeout: bodyTime, WriteTimeout: 2 * bodyTime, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 16 << 10, ErrorLog: slog.NewLogLogger(w.log.Handler(), slog.LevelWarn)}
	failed := make(chan error, 1)
	go func() { failed <- s.Serve(l) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve witness: %w", err)
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), bodyTime)
	defer cancel()
	return s.Shutdown(grace)
}

// pace bounds how often one log is cosigned: each time waits for the disk, and
// whoever has seen a checkpoint can submit it again. Only names of registered
// logs get here, so it stays small.
type pace struct {
	mu    sync.Mutex
	every time.Duration // one more
	most  int           // at once
	paid  map[string]time.Time
}

func newPace() pace {
	return pace{every: 100 * time.Millisecond, most: 50, paid: map[string]time.Time{}}
}

// take reports whether a log may be cosigned now.
func (p *pace) take(origin string, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	from := now.Add(-time.Duration(p.most-1) * p.every)
	paid := p.paid[origin]
	if paid.Before(from) || paid.Sub(now) > p.every { // long ago, or before the clock was set back
		paid = from
	}
	if paid.After(now) {
		return false
	}
	p.paid[origin] = paid.Add(p.every)
	return true
}
