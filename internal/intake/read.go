package intake

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"example.org/countersign/internal/blob"
	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/id"
	"example.org/countersign/internal/mime"
	"example.org/countersign/internal/policy"
)

const (
	maxInlineRaw  = 64 << 10 // bytes of a message kept in its record
	maxInlineText = 8 << 10  // bytes of a text kept in its record
	maxPath       = 512      // bytes of an address or name in the envelope
	maxFiles      = 100      // attachments kept apart; further ones are in the raw message only
)

// body is the raw bytes of a message on their way to disk.
type body struct {
	w    *blob.Writer // nil: they are in the record
	hash hash.Hash
	size int64
}

// heads are the buffers that messages are read into.
var heads = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// keep reads a message to its end, into m or, where it is larger, into a blob
// that commit makes durable.
func (d *Desk) keep(m *Communication, raw io.Reader) (*body, error) {
	b := &body{hash: sha256.New()}
	head := heads.Get().(*bytes.Buffer) //nolint:forcetypeassert // the pool holds nothing else
	defer heads.Put(head)
	head.Reset()
	n, err := io.Copy(head, io.LimitReader(raw, maxInlineRaw+1))
	if err != nil {
		return nil, fmt.Errorf("read message: %w", err)
	}
	if n == 0 {
		return nil, fault.New(fault.Invalid, "the message is empty")
	}
	if n <= maxInlineRaw {
		b.hash.Write(head.Bytes())
		m.Raw, b.size = bytes.Clone(head.Bytes()), n
	} else if err := b.spill(d.ledger.Blobs(), io.MultiReader(bytes.NewReader(head.Bytes()), raw)); err != nil {
		return nil, err
	} else if m.MessageID, err = d.peekID(m, head.Bytes()); err != nil {
		b.abort()
		return nil, err
	}
	m.RawSize, m.RawSHA256 = b.size, hex.EncodeToString(b.hash.Sum(nil))
	m.ReceivedAt = d.ledger.Now().UnixMicro()
	return b, nil
}

// peekID reads the Message-ID out of the beginning of a large message, so that
// one that came before is recognised before its parts are kept.
func (d *Desk) peekID(m *Communication, head []byte) (string, error) {
	msg, err := d.parseSafely(m, func() (*mime.Message, error) { return mime.Parse(bytes.NewReader(head), mime.Limits{Text: 1}, nil) })
	if err != nil {
		return "", fmt.Errorf("read the header: %w", err)
	}
	return msg.MessageID, nil
}

// spill writes a message to a blob.
func (b *body) spill(store *blob.Store, raw io.Reader) error {
	var err error
	if b.w, err = store.Create(); err != nil {
		return unavailable(err)
	}
	if b.size, err = io.Copy(io.MultiWriter(b.w, b.hash), raw); err != nil {
		b.w.Abort()
		return fmt.Errorf("keep message: %w", err)
	}
	return nil
}

func (b *body) abort() {
	if b.w != nil {
		b.w.Abort()
	}
}

// commit makes the bytes durable.
func (b *body) commit(m *Communication) error {
	if b.w == nil {
		return nil
	}
	var err error
	if m.RawBlob, err = b.w.Commit(); err != nil {
		return unavailable(err)
	}
	return nil
}

// unavailable is a failure of our disk or keys, not of the message.
func unavailable(err error) error {
	return &fault.Error{Kind: fault.Unavailable, Msg: "the message cannot be kept at the moment; try again", Err: err}
}

// read fills the communication from its raw bytes.
func (d *Desk) read(ctx context.Context, p *parcel, in Incoming) error {
	m := p.m
	msg, err := d.parse(ctx, m)
	if err != nil {
		return err
	}
	if in.Source == FromSMTP {
		m.Envelope = &Envelope{From: clean(strings.Trim(in.From, "<>"), maxPath), HELO: clean(in.HELO, maxPath), TLS: in.TLS}
		for _, to := range in.To {
			m.Envelope.To = append(m.Envelope.To, clean(to, maxPath))
		}
		if in.Remote != nil {
			m.Envelope.RemoteIP = in.Remote.String()
		}
		msg.ReturnPath = "<>" // RFC 5321 §4.4: the envelope knows, the header may be forged
		if m.Envelope.From != "" {
			msg.ReturnPath = m.Envelope.From
		}
	}
	auto := msg.Auto()
	fillFrom(m, msg, auto)
	d.authenticate(ctx, m, msg, in)
	p.sender = senderOf(m)
	p.about = references(m, msg, auto)
	p.number, _ = id.FindNumber(m.Subject)
	p.facts = factsOf(p.channel, m, msg, msg.Text, "")
	p.suspect = strings.EqualFold(msg.Get("X-Spam-Flag"), "yes") || strings.HasPrefix(strings.ToLower(msg.Get("X-Spam-Status")), "yes")
	return d.keepText(m, msg.Text)
}

// fillFrom takes over what the message says.
func fillFrom(m *Communication, msg *mime.Message, auto mime.Auto) {
	m.From, m.To, m.Cc, m.ReplyTo = msg.From, msg.To, msg.Cc, msg.ReplyTo
	if len(m.From) == 0 {
		m.From = msg.Sender
	}
	m.Subject, m.MessageID, m.References = msg.Subject, msg.MessageID, msg.References
	if len(msg.InReplyTo) > 0 {
		m.InReplyTo = msg.InReplyTo[0]
	}
	if !msg.Date.IsZero() {
		m.Date = msg.Date.UnixMicro()
	}
	m.Truncated, m.Unparsed = msg.Truncated, msg.Unparsed
	m.Problems = append(m.Problems, msg.Problems...)
	m.Auto, m.AutoReason, m.Bounces = string(auto.Kind), auto.Reason, auto.Bounces
	m.Language = policy.Language(msg.Get("Content-Language"), msg.Text)
}

// parse reads the raw bytes and keeps the attachments. A message that breaks
// the parser is kept raw: whatever it is, it arrived.
func (d *Desk) parse(ctx context.Context, m *Communication) (*mime.Message, error) {
	raw, err := d.Raw(ctx, m)
	if err != nil {
		return nil, err
	}
	defer raw.Close()
	var kept []blob.Ref
	sink := func(a *mime.Attachment) (io.WriteCloser, error) {
		if a.Index >= maxFiles {
			return nil, nil
		}
		w, err := d.ledger.Blobs().Create()
		return file{w, &kept}, err
	}
	msg, err := d.parseSafely(m, func() (*mime.Message, error) { return mime.Parse(raw, mime.Limits{}, sink) })
	if err != nil {
		return nil, unavailable(err)
	}
	for i, a := range msg.Attachments {
		x := Attachment{Name: a.Name, Type: a.Type, Size: a.Size, SHA256: a.SHA256}
		if i < len(kept) {
			x.Blob = kept[i]
		}
		m.Attachments = append(m.Attachments, x)
	}
	if n := len(msg.Attachments); n > maxFiles {
		m.Problems = append(m.Problems, fmt.Sprintf("There are %d attachments; from number %d on they are kept only within the original message.", n, maxFiles+1))
	}
	return msg, nil
}

// parseSafely makes a panic of the parser a message that could not be read.
func (d *Desk) parseSafely(m *Communication, parse func() (*mime.Message, error)) (msg *mime.Message, err error) {
	defer func() {
		if r := recover(); r != nil {
			d.log.Error("a message broke the parser and is kept raw", "communication", m.ID, "sha256", m.RawSHA256,
				"panic", r, "stack", string(debug.Stack()))
			msg, err = &mime.Message{Unparsed: true, Problems: []string{"Reading this message failed; it is kept as it came."}}, nil
		}
	}()
	return parse()
}

// file is an attachment on its way to a blob.
type file struct {
	*blob.Writer
	kept *[]blob.Ref
}

// Close makes the attachment durable.
func (f file) Close() error {
	ref, err := f.Commit()
	*f.kept = append(*f.kept, ref)
	return err
}

// keepText puts the text into m or, where it is long, into a blob.
func (d *Desk) keepText(m *Communication, text string) error {
	if len(text) <= maxInlineText {
		m.Text = text
		return nil
	}
	ref, err := d.ledger.Blobs().Put(strings.NewReader(text))
	if err != nil {
		return unavailable(err)
	}
	m.TextBlob = ref
	return nil
}

// maxAbout bounds the Message-IDs that are looked up for one message.
const maxAbout = 20

// references returns the Message-IDs that a message refers to, the likeliest
// first: its own, where it came before with other trace fields; what it
// reports on; what it answers; what that answered.
func references(m *Communication, msg *mime.Message, auto mime.Auto) []string {
	ids := []string{m.MessageID, auto.OriginalID}
	ids = append(ids, msg.InReplyTo...)
	for _, r := range slices.Backward(msg.References) {
		ids = append(ids, r)
	}
	var list []string
	for _, x := range ids {
		if x != "" && !slices.Contains(list, x) && len(list) < maxAbout {
			list = append(list, x)
		}
	}
	return list
}

// clean makes one safe line of at most n bytes of what somebody sent.
func clean(s string, n int) string {
	s = mime.CleanHeader(s)
	for len(s) > n {
		_, size := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-size]
	}
	return s
}
