package intake

import (
	"bytes"
	"log/slog"
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
