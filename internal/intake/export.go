package intake

import (
	"context"
	"strings"
	"time"

	"example.org/countersign/internal/mime"
	"example.org/countersign/internal/policy"
	"example.org/countersign/internal/rules"
)

// Row is one communication in an export.
type Row struct {
	Number      string    `json:"number"`
	Direction   Direction `json:"direction"`
	Channel     string    `json:"channel"` // address
	From        string    `json:"from"`
	To          []string  `json:"to"`
	Cc          []string  `json:"cc"`
	Subject     string    `json:"subject"`
	Date        string    `json:"date"` // as claimed, RFC 3339 in UTC; "" where absent
	ReceivedAt  string    `json:"received_at"`
	MessageID   string    `json:"message_id"`
	InReplyTo   string    `json:"in_reply_to"`
	Text        string    `json:"text"`
	Attachments []RowFile `json:"attachments"`
	Auto        string    `json:"auto"`
	RawSHA256   string    `json:"raw_sha256"`
}

// RowFile is an attachment in an export.
type RowFile struct {
	Name   string `json:"name"`
	Type   string `json:"type"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
	Erased bool   `json:"erased,omitzero"` // nothing else is known of it
}

// pageSize is how many communications are in memory at a time.
const pageSize = 100

// Export calls f with a row for every communication received from from until
// before to, in the order of receipt; zero times are no bound. Internal notes
// are among them.
func (d *Desk) Export(ctx context.Context, from, to time.Time, f func(Row) error) error {
	list, err := d.channels.List(ctx, d.ledger)
	if err != nil {
		return err
	}
	addresses := make(map[string]string, len(list))
	for _, ch := range list {
		addresses[ch.ID] = ch.Address
	}
	after, before, last := int64(0), int64(1)<<62, ""
	if !from.IsZero() {
		after = from.UnixMicro()
	}
	if !to.IsZero() {
		before = to.UnixMicro()
	}
	for more := true; more; {
		page, err := Communications.Select(ctx, d.ledger, `WHERE (r.received_at > $1 OR r.received_at = $1 AND r.id > $2) AND r.received_at < $3
			ORDER BY r.received_at, r.id LIMIT $4`, after, last, before, pageSize)
		if err != nil {
			return err
		}
		for _, m := range page {
			text, err := d.Text(ctx, m)
			if err != nil {
				return err
			}
			if err := f(row(m, addresses[m.Channel], text)); err != nil {
				return err
			}
			after, last = m.ReceivedAt, m.ID
		}
		more = len(page) == pageSize
	}
	return nil
}

func row(m *Communication, channel, text string) Row {
	r := Row{Number: m.Number, Direction: m.Direction, Channel: channel,
		From: strings.Join(written(m.From), ", "), To: written(m.To), Cc: written(m.Cc), Subject: m.Subject,
		Date: instant(m.Date), ReceivedAt: instant(m.ReceivedAt), MessageID: m.MessageID, InReplyTo: m.InReplyTo,
		Text: text, Attachments: []RowFile{}, Auto: m.Auto, RawSHA256: m.RawSHA256}
	for _, a := range m.Attachments {
		r.Attachments = append(r.Attachments, RowFile{a.Name, a.Type, a.Size, a.SHA256, a.Erased})
	}
	return r
}

func written(list []mime.Address) []string {
	out := make([]string, len(list))
	for i, a := range list {
		out[i] = a.String()
	}
	return out
}

func instant(micro int64) string {
	if micro == 0 {
		return ""
	}
	return time.UnixMicro(micro).UTC().Format(time.RFC3339Nano)
}

// Past returns the n newest cases as rules see their first communication, and
// what became of them, for policy.DryRun.
func (d *Desk) Past(ctx context.Context, n int) ([]policy.Past, error) {
	cases, err := Cases.Select(ctx, d.ledger, `ORDER BY substr(r.number, 1, 7) DESC, length(r.number) DESC, r.number DESC LIMIT $1`, n)
	if err != nil {
		return nil, err
	}
	var out []policy.Past
	for _, c := range cases {
		facts, err := d.pastFacts(ctx, c)
		if err != nil {
			return nil, err
		}
		out = append(out, policy.Past{Number: c.Number, Facts: facts, Was: rules.Outcome{Category: c.Category, Impact: c.Impact,
			Likelihood: c.Likelihood, Urgency: c.Urgency, Disposition: c.Disposition, AssignRole: c.AssignRole}})
	}
	return out, nil
}

// pastFacts reads the first communication of a case again.
func (d *Desk) pastFacts(ctx context.Context, c *Case) (rules.Facts, error) {
	first, err := Communications.Select(ctx, d.ledger, `WHERE r.casefile = $1 AND r.seq = 1`, c.ID)
	if err != nil || len(first) == 0 {
		return rules.Facts{}, err
	}
	m := first[0]
	ch, err := d.channels.Find(ctx, d.ledger, m.Channel)
	if err != nil {
		return rules.Facts{}, err
	}
	text, err := d.Text(ctx, m)
	if err != nil {
		return rules.Facts{}, err
	}
	var msg *mime.Message
	if m.RawSHA256 != "" {
		raw, err := d.Raw(ctx, m)
		if err != nil {
			return rules.Facts{}, err
		}
		defer raw.Close()
		if msg, err = d.parseSafely(m, func() (*mime.Message, error) { return mime.Parse(raw, mime.Limits{}, nil) }); err != nil {
			return rules.Facts{}, err
		}
	}
	return factsOf(ch, m, msg, text, c.Hint), nil
}
