package intake

import (
	"bytes"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"example.org/countersign/internal/mime"
)

// A message that breaks the parser is kept raw.
func TestParserPanics(t *testing.T) {
	var log bytes.Buffer
	d := &Desk{log: slog.New(slog.NewTextHandler(&log, nil))}
	msg, err := d.parseSafely(&Communication{RawSHA256: "0123"}, func() (*mime.Message, error) { panic("no such part") })
	if err != nil || !msg.Unparsed || len(msg.Problems) != 1 || !bytes.Contains(log.Bytes(), []byte("no such part")) {
		t.Errorf("%+v, %v, log %s", msg, err, &log)
	}
}

// Domains are yielded as far as a hold can be on them, and a hostile address
// has no more of them than any other.
func TestUpwards(t *testing.T) {
	for domain, want := range map[string]string{
		"":                                      "",
		"localhost":                             "localhost",
		"b.example":                             "b.example",
		"d.c.b.example":                         "d.c.b.example c.b.example b.example",
		"[192.0.2.1]":                           "[192.0.2.1]",
		"1.2.3.4.5.6.b.example":                 "1.2.3.4.5.6.b.example 2.3.4.5.6.b.example 3.4.5.6.b.example 4.5.6.b.example 5.6.b.example 6.b.example b.example",
		strings.Repeat("a.", 120) + "b.example": strings.Repeat("a.", 120) + "b.example a.a.a.a.a.a.b.example a.a.a.a.a.b.example a.a.a.a.b.example a.a.a.b.example a.a.b.example a.b.example b.example",
	} {
		if got := strings.Join(slices.Collect(upwards(domain)), " "); got != want {
			t.Errorf("%q: %q", domain, got)
		}
	}
}
