package intake

import (
	"iter"
	"strings"

	"example.org/countersign/internal/blob"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/mime"
)

// Direction says which way a communication went.
type Direction string

// The directions. A note stays inside.
const (
	Inbound  Direction = "inbound"
	Outbound Direction = "outbound"
	Note     Direction = "note"
)

// Source says by which door a communication came into the record.
type Source string

// The sources.
const (
	FromSMTP   Source = "smtp"
	FromPortal Source = "portal"
	FromImport Source = "import" // claimed to be of another time; no confirmation, no clock
	FromAPI    Source = "api"
	FromStaff  Source = "staff"
)

// Communication is one message of a case. Times are Unix microseconds.
type Communication struct {
	ledger.Record
	Case      string    `json:"case"`   // id
	Number    string    `json:"number"` // tracking number of the case
	Seq       int       `json:"seq"`    // within the case, from 1
	Direction Direction `json:"direction"`
	Channel   string    `json:"channel"` // id
	Source    Source    `json:"source"`

	From    []mime.Address `json:"from" unit:"identity"`
	To      []mime.Address `json:"to" unit:"identity"`
	Cc      []mime.Address `json:"cc" unit:"identity"`
	ReplyTo []mime.Address `json:"reply_to" unit:"identity"`

	Subject    string `json:"subject" unit:"content"`
	Date       int64  `json:"date"`        // as the sender claims; 0 where absent
	ReceivedAt int64  `json:"received_at"` // when it came; the entry says when it was sealed
	Language   string `json:"language" unit:"content"`

	MessageID  string   `json:"message_id" unit:"identity"` // without angle brackets
	InReplyTo  string   `json:"in_reply_to" unit:"identity"`
	References []string `json:"references" unit:"identity"`

	Text        string       `json:"text" unit:"content"`      // up to 8 kB, else TextBlob
	TextBlob    blob.Ref     `json:"text_blob" unit:"content"` // see Desk.Text
	Truncated   bool         `json:"truncated"`
	Attachments []Attachment `json:"attachments" unit:"files"`

	Raw       []byte   `json:"raw" unit:"raw"`          // up to 64 kB, else RawBlob
	RawBlob   blob.Ref `json:"raw_blob" unit:"trace"`   // see Desk.Raw
	RawSHA256 string   `json:"raw_sha256" unit:"trace"` // hex
	RawSize   int64    `json:"raw_size" unit:"trace"`

	Auto       string        `json:"auto"` // auto-reply, bounce, bulk, report, loop; confirmation for ours; "" a person
	AutoReason string        `json:"auto_reason" unit:"trace"`
	Bounces    []mime.Bounce `json:"bounces" unit:"identity"` // for Auto bounce: one per recipient
	About      string        `json:"about"`                   // for machine mail: id of the communication of ours that it is about

	Auth     Auth      `json:"auth" unit:"trace"`
	Envelope *Envelope `json:"envelope" unit:"identity"` // SMTP only

	Problems []string `json:"problems" unit:"trace"` // what could not be understood
	Unparsed bool     `json:"unparsed"`              // kept raw: it could not be read as a mail

	// NoConfirmation says why the sender was not told the number, where that
	// was not done.
	NoConfirmation string `json:"no_confirmation" unit:"trace"`
	Key            string `json:"key" unit:"content"` // of a report that was sent with one: hash of it and of the content

	Author   string    `json:"author"`                // id of the person, for notes and outbound
	Response string    `json:"response"`              // id, for outbound
	Delivery *Delivery `json:"delivery" unit:"trace"` // of a confirmation

	Erasures []Erasure `json:"erasures"` // what it has no longer
}

// Attachment is a file of a communication.
type Attachment struct {
	Name   string   `json:"name"`
	Type   string   `json:"type"`
	Size   int64    `json:"size"`
	SHA256 string   `json:"sha256"` // hex
	Blob   blob.Ref `json:"blob"`
	// Hidden: of an anonymous report, as it came; it may say who took or wrote
	// it. Staff see the copy without, or have it shown by an act of its own.
	Hidden bool   `json:"hidden,omitzero"`
	Note   string `json:"note,omitzero"`   // "metadata removed", "may carry metadata"
	Erased bool   `json:"erased,omitzero"` // nothing else is known of it
}

// FileErased reports whether an attachment, counted from 0, has no content any
// more: it was erased, or kept only within a message that went with an erasure.
func (m *Communication) FileErased(i int) bool {
	a := m.Attachments[i]
	return a.Erased || a.Blob.IsZero() && m.rawErased()
}

// rawErased reports whether there is no message as it came, and there may have
// been one: every erasure takes it.
func (m *Communication) rawErased() bool {
	return len(m.Erasures) > 0 && len(m.Raw) == 0 && m.RawBlob.IsZero()
}

// Auth is what is known of whether the sender is who the From field says.
type Auth struct {
	SPF    string  `json:"spf,omitzero"`    // pass, fail, softfail, neutral, none, temperror, permerror
	DKIM   string  `json:"dkim,omitzero"`   // pass, fail, none, temperror
	DMARC  string  `json:"dmarc,omitzero"`  // policy that the From domain publishes: none, quarantine, reject; "" no record
	Domain string  `json:"domain,omitzero"` // the one that vouches
	Result Verdict `json:"result,omitzero"`
}

// Verdict sums Auth up.
type Verdict string

// The verdicts.
const (
	Unchecked Verdict = ""     // there was nobody to ask, or no sender to ask about
	Pass      Verdict = "pass" // SPF or DKIM vouches for the domain of From
	Fail      Verdict = "fail" // the domain of From says that it did not send this
	Neither   Verdict = "none" // nobody vouches, nobody denies
)

// Envelope is what SMTP says beside the message.
type Envelope struct {
	From     string   `json:"from"` // "" for the null sender
	To       []string `json:"to"`
	RemoteIP string   `json:"remote_ip"`
	HELO     string   `json:"helo"`
	TLS      bool     `json:"tls"`
}

// Communications is the kind of record.
var Communications = ledger.Define("communication",
	[]string{"casefile", "seq", "direction", "channel", "source", "auto", "received_at", "message_id", "arrival", "members"},
	func(m *Communication, x ledger.Index) []any {
		return []any{m.Case, int64(m.Seq), string(m.Direction), m.Channel, string(m.Source), m.Auto, m.ReceivedAt,
			blindID(x, m.MessageID), arrival(x, m), members(x, m)}
	})

// Records returns the record kinds of this package.
func Records() []ledger.Records { return []ledger.Records{Cases, Communications} }

// blindAddr is an address in an index column.
func blindAddr(x ledger.Index, addr string) string {
	return x.Blind("address", mime.NormalizeAddr(addr))
}

// blindDomain is the domain of an address in an index column.
func blindDomain(x ledger.Index, domain string) string { return x.Blind("domain", domain) }

// blindID is a Message-ID in an index column.
func blindID(x ledger.Index, id string) string { return x.Blind("message-id", id) }

// arrival is what two deliveries of one thing have in common: the channel and
// the bytes of a mail, or the key and the content of a report.
func arrival(x ledger.Index, m *Communication) string {
	switch {
	case m.Direction != Inbound:
		return ""
	case m.RawSHA256 != "":
		return x.Blind("arrival", m.Channel+" "+m.RawSHA256)
	case m.Key != "":
		return x.Blind("arrival", m.Channel+" key "+m.Key)
	}
	return ""
}

// maxMembers is how many addresses of one communication count as belonging to
// its case.
const maxMembers = 100

// MaxLabels is how many labels a domain has at most to be found above that of
// an address. No organisation's has as many; a hostile address has up to 127,
// and each would be a hash in the row.
const MaxLabels = 8

// upwards yields a domain, then those above it that have two to MaxLabels
// labels. It does not ask below which of them anybody can register: lists of
// these change, and a column has to be the same whenever it is computed.
func upwards(domain string) iter.Seq[string] {
	return func(yield func(string) bool) {
		if !yield(domain) || strings.HasPrefix(domain, "[") { // RFC 5321 §4.1.3: an IP address has none above it
			return
		}
		labels := strings.Split(domain, ".")
		for i := max(1, len(labels)-MaxLabels); i <= len(labels)-2; i++ {
			if !yield(strings.Join(labels[i:], ".")) {
				return
			}
		}
	}
}

// members lists the addresses that a communication brings into its case, their
// domains and those above: by these a hold finds whatever a party sends or is
// sent.
func members(x ledger.Index, m *Communication) string {
	if m.Direction == Note {
		return ""
	}
	var s strings.Builder
	n := 0
	for _, list := range [][]mime.Address{m.From, m.ReplyTo, m.To, m.Cc} {
		for _, a := range list {
			b := blindAddr(x, a.Addr)
			if b == "" || n == maxMembers || strings.Contains(s.String(), b) {
				continue
			}
			s.WriteString(b + " ")
			n++
			for domain := range upwards(domainOf(a.Addr)) {
				if b := blindDomain(x, domain); b != "" && !strings.Contains(s.String(), b) {
					s.WriteString(b + " ")
				}
			}
		}
	}
	return s.String()
}
