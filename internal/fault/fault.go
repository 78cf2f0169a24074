// Package fault classifies the errors a caller may act on. Every other error
// is internal: it is logged whole and shown to nobody.
package fault

import (
	"errors"
	"fmt"
)

// Kind says what a caller can do about an error.
type Kind uint8

// The kinds. Each maps to one HTTP status (internal/web) and one CLI exit code.
const (
	Internal    Kind = iota // not for the caller
	Invalid                 // the request makes no sense; fix and retry
	Denied                  // the actor may not do this
	NotFound                // no such record, or not one this actor may see
	Conflict                // the record is no longer in the state the request assumed
	Unavailable             // not now: nothing was done, the same request may succeed later
)

// Error is an error whose text is safe to show to the person who caused it.
type Error struct {
	Kind Kind
	Msg  string
	Err  error
}

func (e *Error) Error() string {
	if e.Err != nil {
		return e.Msg + ": " + e.Err.Error()
	}
	return e.Msg
}

func (e *Error) Unwrap() error { return e.Err }

// New returns an error of kind k.
func New(k Kind, format string, args ...any) error {
	return &Error{Kind: k, Msg: fmt.Sprintf(format, args...)}
}

// Of reports err's kind and the text to show.
func Of(err error) (Kind, string) {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind, e.Msg
	}
	return Internal, "internal error"
}
