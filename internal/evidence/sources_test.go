package evidence_test

import (
	"strings"
	"testing"
	"time"

	"example.org/countersign/internal/channel/accepted"
	"example.org/countersign/internal/evidence"
	"example.org/countersign/internal/intake"
)

// What the mail door has counted is held against the record.
func TestSources(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		o.quarter()
		mails, err := intake.Communications.Select(t.Context(), o, `WHERE r.direction = 'inbound' AND r.source = 'smtp' AND r.received_at >= $1 ORDER BY r.received_at`,
			time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC).UnixMicro())
		if err != nil || len(mails) < 3 {
			t.Fatalf("%d mails, %v", len(mails), err)
		}
		at := func(i int) time.Time { return time.UnixMicro(mails[i].ReceivedAt).UTC() }
		begun := accepted.Line{At: at(0).Add(-time.Hour), Source: "smtp"}
		o.counted = []accepted.Line{begun}
		for i, m := range mails[1:] { // the first was forgotten
			o.counted = append(o.counted, accepted.Line{At: at(i + 1), Source: "smtp", Record: m.ID})
		}
		o.counted = append(o.counted,
			accepted.Line{At: at(2), Source: "smtp", Record: mails[2].ID, Repeated: true},
			accepted.Line{At: at(2), Source: "smtp", Record: "gone"},
			accepted.Line{At: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC), Source: "smtp", Record: "later"})
		b, made := o.build(q3, evidence.BuildOptions{})
		if _, err := check(t, b, o.VerifierKey()); err != nil {
			t.Fatal(err)
		}
		c := made.Sources[0]
		inside := int64(0)
		for i := range mails[1:] {
			if at(i + 1).Before(time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)) {
				inside++
			}
		}
		if c.Accepted != inside+3 || c.Recorded != inside || c.Repeated != 1 || c.Spooled != 1 || strings.Join(c.Missing, " ") != "gone" || c.Uncounted != 1 {
			t.Errorf("%d mails inside: %+v", inside, c)
		}
		if page := files(t, b)["report.html"]; !strings.Contains(string(page), "Counted by the door SMTP and not in the record, by their ids: gone.") {
			t.Error("the report does not name what is missing")
		}
	})
}
