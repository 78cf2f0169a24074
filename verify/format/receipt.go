package format

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
)

// Receipt is what an outsider keeps as proof that something was recorded: a
// C2SP tlog-proof whose extra data are the log's key, the entry and as much of
// its document as they are shown. docs/FORMAT.md specifies its bytes.
type Receipt struct {
	Key        Key      // of the log
	Index      int64    // of the entry in the log
	Hashes     []Hash   // RFC 6962 §2.1.1 audit path
	Checkpoint []byte   // signed note, cosigned or not, for Key.OpenCosigned
	Entry      []byte   // for ParseEntry
	Document   Document // of the entry, redacted but for what is shown
}

// receiptVersion is the first line of the extra data of a receipt.
const receiptVersion = "countersign-receipt/1"

// MaxReceipt is the length in bytes that a receipt may have.
const MaxReceipt = 1 << 20

// IsReceipt reports whether a file that begins so is a receipt, or another
// tlog-proof.
func IsReceipt(begin []byte) bool { return bytes.HasPrefix(begin, []byte(proofVersion+"\n")) }

// Append appends the bytes that ParseReceipt reads. It fails where they would
// be too long, or the document is of another entry.
func (r *Receipt) Append(b []byte) ([]byte, error) {
	if r.Document.Index != r.Index {
		return b, fmt.Errorf("the receipt is of entry %d, its document of entry %d", r.Index, r.Document.Index)
	}
	extra := append([]byte(receiptVersion+"\n"+r.Key.String()+"\n"), r.Entry...)
	proof := Proof{Extra: r.Document.Append(extra), Index: r.Index, Hashes: r.Hashes, Checkpoint: r.Checkpoint}
	start := len(b)
	if b = proof.Append(b); len(b)-start > MaxReceipt {
		return b, fmt.Errorf("the receipt is longer than %d bytes: show less", MaxReceipt)
	}
	return b, nil
}

// ParseReceipt parses a receipt. Nothing is checked but its form: that any of
// it is true, verify.Receipt finds out.
func ParseReceipt(b []byte) (*Receipt, error) {
	if len(b) > MaxReceipt {
		return nil, fmt.Errorf("a receipt has at most %d bytes", MaxReceipt)
	}
	p, err := ParseProof(b)
	if err != nil {
		return nil, err
	}
	r := &Receipt{Index: p.Index, Hashes: p.Hashes, Checkpoint: p.Checkpoint}
	rest, ok := strings.CutPrefix(string(p.Extra), receiptVersion+"\n")
	if !ok {
		return nil, errors.New("the proof has no extra data of the form " + receiptVersion + ", so it does not say what it is about")
	}
	key, rest, _ := strings.Cut(rest, "\n")
	if r.Key, err = ParseKey(key); err != nil {
		return nil, err
	}
	const entryLines = 9
	end := 0
	for range entryLines {
		n := strings.IndexByte(rest[end:], '\n')
		if n < 0 {
			return nil, errors.New("the entry in the receipt is cut short")
		}
		end += n + 1
	}
	r.Entry = []byte(rest[:end])
	block, ok := strings.CutSuffix(rest[end:], "\n\n")
	if !ok || strings.Contains(block, "\n\n") {
		return nil, errors.New("the receipt does not end with one document")
	}
	if err := r.Document.Parse([]byte(block + "\n")); err != nil {
		return nil, err
	}
	if r.Document.Index != r.Index {
		return nil, fmt.Errorf("the receipt is of entry %d, its document of entry %d", r.Index, r.Document.Index)
	}
	return r, nil
}
