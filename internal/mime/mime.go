// Package mime knows the format of a mail and nothing else: it reads any
// bytes whatever as a message, says in plain words what it could not
// understand, recognises mail that machines wrote, and separates what a person
// wrote from what they quoted. It does no I/O but on the reader and writers it
// is handed.
//
// One pass, one line at a time: a walker (parse.go) keeps a stack of
// boundaries, hands each part's lines to a transfer decoder (decode.go) and
// from there to the text (text.go, html.go) or to an attachment (file.go).
// Nothing is held in memory but headers and text, both bounded by Limits.
package mime

import (
	"io"
	"time"

	"example.org/countersign/internal/mime/field"
)

// Limits bounds what Parse keeps in memory and how far it follows a message.
// Reaching one is a Problem of the message, never an error. A zero field means
// the one of DefaultLimits.
type Limits struct {
	Text   int // bytes of Message.Text
	Header int // bytes of one header block, the message's or a part's
	Line   int // bytes of one line before it is reported
	Parts  int // parts looked at; what follows stays in the raw message only
	Depth  int // multiparts within multiparts; deeper ones become attachments
}

// DefaultLimits are wider than any honest mail we know of.
var DefaultLimits = Limits{Text: 1 << 20, Header: 256 << 10, Line: 1 << 20, Parts: 1000, Depth: 30}

// or fills the zero fields of l.
func (l Limits) or(d Limits) Limits {
	for _, f := range []struct{ v, d *int }{
		{&l.Text, &d.Text}, {&l.Header, &d.Header}, {&l.Line, &d.Line}, {&l.Parts, &d.Parts}, {&l.Depth, &d.Depth},
	} {
		if *f.v <= 0 {
			*f.v = *f.d
		}
	}
	return l
}

// Message is what a mail says. Every string is valid UTF-8 without control
// characters (Text has line feeds and tabs) and safe to store and to show as
// text.
type Message struct {
	From, Sender, ReplyTo, To, Cc []Address

	Subject    string
	Date       time.Time // UTC; zero where absent or unparsable
	DateRaw    string    // the Date field as written
	MessageID  string    // without angle brackets, like all ids here
	InReplyTo  []string
	References []string // the newest maxReferences of them

	// What RFC 3834, 2919 and 5321 say of the sender, as written; ReturnPath
	// is the bare address, "<>" for the null one and "" where absent.
	AutoSubmitted, Precedence, ListID, ReturnPath string

	Type string // media type of the whole message, lower case

	Text      string // the best plain text there is, lines ended by \n
	Truncated bool   // Text was longer than Limits.Text
	HTML      bool   // the message has an HTML body, shown by Text only as text

	Attachments []Attachment

	// Problems says what could not be understood, one sentence each.
	Problems []string
	// Unparsed is set where there is no header to go by: Text is then what can
	// be read of the raw bytes.
	Unparsed bool

	header  string     // the header block as received
	fields  []fieldPos // into header
	charset string     // declared for the body: the likeliest one of bare 8-bit headers
	reports []report   // the machine-readable parts that Auto reads
}

// Attachment is a part of a message that is not its text. Bodies go to the
// writer that the sink of Parse returns.
type Attachment struct {
	Index     int    // position in Message.Attachments
	Name      string // for display: one path element, no control or bidi characters, never empty
	Type      string // media type as declared, lower case; application/octet-stream where senseless
	Size      int64  // bytes after transfer decoding; known when the writer is closed
	SHA256    string // of the same bytes, in hex; known when the writer is closed
	Inline    bool   // meant to be shown within the text
	ContentID string // without angle brackets
}

// Sink is called when an attachment begins and returns where its decoded
// bytes go; nil (as a Sink or as the writer) means that only size and hash
// are wanted. The writer is always closed, also when Parse fails: what was
// written is whole only if Parse returns no error. a stays valid and is
// completed (Size, SHA256, for an attached message Name) at that Close.
type Sink = func(a *Attachment) (io.WriteCloser, error)

// report is the beginning of a part that Auto looks into.
type report struct {
	kind string // media type
	body string
}

// Get returns the first header field of that name, decoded, or "".
func (m *Message) Get(name string) string {
	return field.Decode(m.raw(name), m.charset)
}

// raw returns the first header field of that name as written, folds included.
func (m *Message) raw(name string) string {
	for _, f := range m.fields {
		if f.is(m.header, name) {
			return m.header[f.value:f.end]
		}
	}
	return ""
}
