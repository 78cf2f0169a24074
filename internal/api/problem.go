package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/people"
)

// statuses are the answers to the kinds of fault.
var statuses = map[fault.Kind]int{
	fault.Internal:    http.StatusInternalServerError,
	fault.Invalid:     http.StatusUnprocessableEntity,
	fault.Denied:      http.StatusForbidden,
	fault.NotFound:    http.StatusNotFound,
	fault.Conflict:    http.StatusConflict,
	fault.Unavailable: http.StatusServiceUnavailable,
}

// errTooLarge is how reading a body ends that is longer than its route takes.
var errTooLarge = errors.New("api: content is too large")

// judge returns status and text of an error. What is not for the caller is
// logged and called an internal error.
func (d *door) judge(ctx context.Context, err error) (status int, text string) {
	if errors.Is(err, people.ErrNotSignedIn) {
		return http.StatusUnauthorized, "send a valid token: Authorization: Bearer countersign_…"
	}
	if errors.Is(err, errTooLarge) {
		return http.StatusRequestEntityTooLarge, "the content is too large for this address"
	}
	kind, text := fault.Of(err)
	if kind == fault.Internal {
		if m, altered := errors.AsType[*ledger.Mismatch](err); altered {
			text = "the record is not whole: " + m.Error()
		}
		if ctx.Err() == nil {
			d.log.ErrorContext(ctx, "a request failed", "err", err)
		}
	}
	return statuses[kind], text
}

// problem turns an error of a verb into an answer.
func (d *door) problem(ctx context.Context, err error) error {
	status, text := d.judge(ctx, err)
	return huma.NewError(status, text)
}

// refuse answers a request that does not reach its verb.
func (d *door) refuse(hc huma.Context, err error) {
	status, text := d.judge(hc.Context(), err)
	if status == http.StatusUnauthorized {
		hc.SetHeader("WWW-Authenticate", `Bearer realm="countersign"`)
	}
	_ = huma.WriteErr(d.api, hc, status, text) // the reader is gone: there is nobody to tell
}

// writeProblem answers outside of any route.
func writeProblem(w http.ResponseWriter, status int, text string) {
	body, err := json.Marshal(huma.NewError(status, text))
	if err != nil {
		status, body = http.StatusInternalServerError, []byte(`{"status":500,"title":"Internal Server Error"}`)
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_, _ = w.Write(body) // the reader is gone: there is nobody to tell
}

// cut ends an answer under way by closing the connection: whoever reads it sees
// that it is not whole.
func (d *door) cut(hc huma.Context, err error) {
	if hc.Context().Err() == nil {
		d.log.ErrorContext(hc.Context(), "an answer was cut", "operation", hc.Operation().OperationID, "err", err)
	}
	panic(http.ErrAbortHandler)
}
