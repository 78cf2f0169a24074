package verify

import (
	"errors"
	"fmt"
	"strings"
)

// Failure is the first thing that is wrong with a package or a receipt.
type Failure struct {
	Stage string // archive, seal, manifest, checkpoint, range, references, documents or records; of a receipt see Receipt
	File  string // path in the package; empty for the archive as a whole
	Entry int64  // number of the entry in the log; -1 where it is about none
	What  string // what is wrong, in plain words
}

// none is the entry of a failure that is about none.
const none = -1

// Error returns one sentence that names the file and the entry.
func (f *Failure) Error() string {
	var parts []string
	if f.File != "" {
		parts = append(parts, f.File)
	}
	if f.Entry != none {
		parts = append(parts, fmt.Sprintf("entry %d", f.Entry))
	}
	if len(parts) == 0 {
		return f.What
	}
	return strings.Join(parts, ", ") + ": " + f.What
}

// ExitCode returns the exit code of a command for the error of a check: 0 for
// none, 1 where the package is wrong (or no package at all), 2 where it could
// not be checked, as with a file that is not there.
func ExitCode(err error) int {
	if err == nil {
		return 0
	}
	if _, ok := errors.AsType[*Failure](err); ok {
		return 1
	}
	return 2
}

// readError is an error of the disk or the context: no finding about the
// package.
type readError struct{ err error }

func (e *readError) Error() string { return e.err.Error() }

func failf(file string, entry int64, text string, args ...any) error {
	return &Failure{File: file, Entry: entry, What: fmt.Sprintf(text, args...)}
}

// within says where err was found, unless it says so itself or is no finding.
func within(file string, entry int64, err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*readError](err); ok {
		return err
	}
	if _, ok := errors.AsType[*Failure](err); ok {
		return err
	}
	return &Failure{File: file, Entry: entry, What: err.Error()}
}
