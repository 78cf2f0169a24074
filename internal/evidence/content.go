package evidence

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"
	"strings"

	"example.org/countersign/internal/blob"
	"example.org/countersign/internal/evidence/extract"
	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/keyring"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/policy"
)

func matrixOf(p *policy.Policy) (m policy.ApprovalMatrix, err error) {
	if err := json.Unmarshal(p.Body, &m); err != nil {
		return nil, &ledger.Mismatch{Where: "policy " + p.Label(), What: "cannot be read: " + err.Error()}
	}
	return m, nil
}

// saved are the paths of what of a communication is kept in files of its own.
type saved struct {
	text, message string
	attachments   []string
}

// content writes what of a communication is kept in files of its own: a text
// too long for a row, unless an anonymous reporter wrote it, and, where they
// were asked for, the message as it came and its attachments. All lie below
// raw/, which is not compressed: what comes from outside must not decide how
// far a package expands. What was erased has no file; the communication says so.
func (b *builder) content(ctx context.Context, x *extract.Disclosed) error {
	m := x.Message
	guarded, err := b.curtain.PartOfAnonymous(ctx, x)
	if err != nil {
		return err
	}
	folder := fmt.Sprintf("raw/%s/%d/", m.Number, m.Seq)
	what := fmt.Sprintf(" of communication %d of case %s (%s)", m.Seq, m.Number, x.Entry.Record)
	files := &saved{}
	if !m.TextBlob.IsZero() && (!guarded || b.opt.WithRaw) {
		files.text = folder + "text.txt"
		if err := b.save(files.text, "text"+what, m.TextBlob.SHA256, func() (io.ReadCloser, error) { return b.openBlob(ctx, m.TextBlob) }); err != nil {
			return err
		}
	}
	if b.opt.WithRaw && m.RawSHA256 != "" && !guarded {
		files.message = folder + "message.eml"
		if err := b.save(files.message, "message"+what, m.RawSHA256, func() (io.ReadCloser, error) { return b.desk.intake.Raw(ctx, m) }); err != nil {
			return err
		}
	}
	for i, a := range m.Attachments {
		if !b.opt.WithRaw || guarded && extract.IsOriginal(a) || m.FileErased(i) {
			continue
		}
		name := fmt.Sprintf("%sattachment-%d%s", folder, i+1, extension(a.Name))
		if err := b.save(name, fmt.Sprintf("attachment %d", i+1)+what, a.SHA256, func() (io.ReadCloser, error) { return b.desk.intake.Attachment(ctx, m, i) }); err != nil {
			return err
		}
		files.attachments = append(files.attachments, name)
	}
	if files.text != "" || files.message != "" || files.attachments != nil {
		b.saved[x.Entry.Record] = files
	}
	return nil
}

var plainExtension = regexp.MustCompile(`^\.[a-z0-9]{1,8}$`)

// extension returns that of a file name from outside, where a path can have it.
func extension(name string) string {
	if e := strings.ToLower(path.Ext(name)); plainExtension.MatchString(e) {
		return e
	}
	return ""
}

func (b *builder) openBlob(ctx context.Context, ref blob.Ref) (io.ReadCloser, error) {
	key, err := b.desk.opt.Keys.Key(ctx, ref.Key)
	if err != nil {
		return nil, err
	}
	return b.desk.ledger.Blobs().Open(key, ref)
}

// save copies into the archive what open gives, which must have the hash that
// the record says it has. what names it for whoever must find out why not.
func (b *builder) save(name, what, sum string, open func() (io.ReadCloser, error)) error {
	src, err := open()
	if err != nil {
		return lost(what, err)
	}
	defer src.Close()
	w, err := b.create(name)
	if err != nil {
		return err
	}
	hash := sha256.New()
	out := &sink{w: w}
	if _, err := io.Copy(io.MultiWriter(out, hash), src); err != nil {
		if out.err != nil {
			return out.err
		}
		return lost(what, err)
	}
	if hex.EncodeToString(hash.Sum(nil)) != sum {
		return lost(what, blob.ErrAltered)
	}
	return nil
}

// sink tells errors of writing from those of reading.
type sink struct {
	w   io.Writer
	err error
}

func (s *sink) Write(b []byte) (n int, err error) {
	n, s.err = s.w.Write(b)
	return n, s.err
}

// lost says what became of content that is not as its record says.
func lost(what string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &ledger.Mismatch{Where: what, What: "is missing"}
	case errors.Is(err, blob.ErrAltered):
		return &ledger.Mismatch{Where: what, What: "was changed"}
	case errors.Is(err, keyring.ErrDestroyed):
		return &ledger.Mismatch{Where: what, What: "cannot be opened: its key is gone"}
	}
	if kind, msg := fault.Of(err); kind != fault.Internal {
		return &ledger.Mismatch{Where: what, What: "cannot be read: " + msg}
	}
	return fmt.Errorf("%s: %w", what, err)
}
