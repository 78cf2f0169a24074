package intake

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/intake/mbox"
	"example.org/countersign/internal/ledger"
)

// Result says what an import did: every message that was read was recorded, a
// duplicate, or refused.
type Result struct {
	Read       int       `json:"read"` // messages
	Recorded   int       `json:"recorded"`
	Duplicates int       `json:"duplicates"`
	Refused    []Refusal `json:"refused"` // messages, and files that are none
}

// Refusal is something that an import left alone.
type Refusal struct {
	Path   string `json:"path"` // of a mailbox with the number of the message
	Reason string `json:"reason"`
}

// Import records the mails in files, mailboxes and directories, as history of
// a channel: nobody gets a confirmation and no clock runs, whatever date they
// claim. What is no mail is refused with a reason and the rest goes on; an
// error ends the import where the record itself cannot be written, and the
// result says how far it came. It can be repeated: what is recorded already is
// a duplicate. progress, which may be nil, is told after each message.
func (d *Desk) Import(ctx context.Context, channel string, paths []string, progress func(Result)) (*Result, error) {
	if _, _, err := d.channels.ForHistory(ctx, ledger.System, channel); err != nil {
		return nil, err
	}
	return Import(ctx, paths, func(ctx context.Context, raw io.Reader) (bool, error) {
		r, err := d.Receive(ctx, Incoming{Channel: channel, Source: FromImport, Raw: raw})
		return err == nil && r.Duplicate, err
	}, progress)
}

// Import reads mails as Desk.Import does and hands each to deliver, which may
// be a client of a server elsewhere. A fault.Invalid of deliver refuses that
// one mail; every other error ends the import.
func Import(ctx context.Context, paths []string, deliver func(context.Context, io.Reader) (duplicate bool, err error), progress func(Result)) (*Result, error) {
	i := &importing{deliver: deliver, progress: progress, result: Result{Refused: []Refusal{}}}
	for _, path := range paths {
		if err := i.path(ctx, path); err != nil {
			return &i.result, err
		}
	}
	return &i.result, nil
}

type importing struct {
	deliver  func(context.Context, io.Reader) (bool, error)
	progress func(Result)
	result   Result
}

func (i *importing) refuse(path, format string, args ...any) {
	i.result.Refused = append(i.result.Refused, Refusal{path, fmt.Sprintf(format, args...)})
}

// path imports a file, or a directory with what is below it in the order of
// names. Its error ends the import.
func (i *importing) path(ctx context.Context, path string) error {
	return filepath.WalkDir(path, func(path string, e fs.DirEntry, err error) error {
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			i.refuse(path, "cannot be read: %v", reason(err))
			return nil
		case e.IsDir():
			return nil
		case e.Type()&fs.ModeSymlink != 0:
			i.refuse(path, "is a symbolic link; name the file it points to")
			return nil
		case !e.Type().IsRegular():
			i.refuse(path, "is not a regular file")
			return nil
		}
		return i.file(ctx, path)
	})
}

// reason drops the path that the operating system's errors repeat.
func reason(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	return err
}

// file imports a mail or a mailbox.
func (i *importing) file(ctx context.Context, path string) error {
	f, err := os.Open(path)
	if err != nil {
		i.refuse(path, "cannot be read: %v", reason(err))
		return nil
	}
	defer f.Close()
	r := bufio.NewReaderSize(f, 64<<10)
	start, err := r.Peek(32 << 10)
	if err != nil && !errors.Is(err, io.EOF) {
		i.refuse(path, "cannot be read: %v", reason(err))
		return nil
	}
	switch {
	case len(start) == 0:
		i.refuse(path, "is empty")
		return nil
	case mbox.Is(start):
		return i.mailbox(ctx, path, r)
	case !strings.EqualFold(filepath.Ext(path), ".eml") && !beginsWithHeader(start):
		i.refuse(path, "is not a mail: it does not begin with a header")
		return nil
	}
	return i.message(ctx, path, r)
}

// beginsWithHeader reports whether the first line that is not blank is a field
// of a header.
func beginsWithHeader(start []byte) bool {
	start = bytes.TrimLeft(bytes.TrimPrefix(start, []byte("\xef\xbb\xbf")), "\r\n")
	name, _, ok := bytes.Cut(start, []byte(":"))
	name = bytes.TrimRight(name, " \t")
	if !ok || len(name) == 0 || len(name) > 76 {
		return false
	}
	for _, c := range name {
		if c <= ' ' || c >= 0x7f {
			return false
		}
	}
	return true
}

// mailbox imports the messages of an mbox file.
func (i *importing) mailbox(ctx context.Context, path string, r io.Reader) error {
	box := mbox.NewReader(r)
	for n := 1; ; n++ {
		msg, err := box.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		at := fmt.Sprintf("%s, message %d", path, n)
		if err != nil {
			i.refuse(at, "cannot be read: %v", reason(err))
			return nil
		}
		if err := i.message(ctx, at, msg); err != nil {
			return err
		}
		if _, err := io.Copy(io.Discard, msg); err != nil {
			return nil // the next call of Next says so
		}
	}
}

// message imports one mail.
func (i *importing) message(ctx context.Context, path string, raw io.Reader) error {
	i.result.Read++
	duplicate, err := i.deliver(ctx, raw)
	kind, msg := fault.Of(err)
	_, unread := errors.AsType[*fs.PathError](err)
	switch {
	case err == nil && duplicate:
		i.result.Duplicates++
	case err == nil:
		i.result.Recorded++
	case kind == fault.Invalid:
		i.refuse(path, "%s", msg)
	case kind == fault.Internal && unread:
		i.refuse(path, "cannot be read: %v", reason(err))
	default:
		return fmt.Errorf("import %s: %w", path, err)
	}
	if i.progress != nil {
		i.progress(i.result)
	}
	return nil
}
