package verify

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"time"

	"example.org/countersign/verify/format"
)

// seal checks that the log has, under its signature, an entry that commits to
// the manifest and to the archive. It reads no more than the seal: the stage
// after it compares the files, so that one that was altered is named.
func (c *checker) seal() error {
	if err := c.readKey(); err != nil {
		return err
	}
	entry, err := c.sealEntry()
	if err != nil {
		return err
	}
	doc, err := c.sealDocument(entry)
	if err != nil {
		return err
	}
	if err := c.readSums(doc); err != nil {
		return err
	}
	return c.period(doc)
}

// readSums reads what manifest and archive must be: what the seal commits to,
// or, of a package that was redacted since, what it says of itself. What the
// sealed package had of rows holds of both.
func (c *checker) readSums(doc *format.Document) error {
	for _, sum := range []struct {
		name string
		dst  *format.Hash
	}{{"manifest_sha256", &c.sums.Manifest}, {"archive_sha256", &c.sums.Archive}} {
		encoded, err := field[string](doc, sum.name)
		if err == nil {
			*sum.dst, err = format.ParseHex(encoded)
		}
		if err != nil {
			return failf(format.FileSealDocument, c.sealIndex, "field %s: %v", sum.name, err)
		}
	}
	var rows []struct {
		File string `json:"file"`
		Rows int64  `json:"rows"`
	}
	if err := into(&rows, doc, "rows"); err != nil {
		return within(format.FileSealDocument, c.sealIndex, err)
	}
	if doc.Field("rows") != nil {
		c.rows = make(map[string]int64)
	}
	for _, r := range rows {
		c.rows[r.File] = r.Rows
	}
	if !c.summary.Abridged {
		return nil
	}
	raw, err := c.text(format.FileSealRedacted)
	if err != nil {
		return err
	}
	c.sums, err = format.ParseRedacted(raw)
	return within(format.FileSealRedacted, none, err)
}

// readKey reads the verifier key and holds it against the one that was asked
// for.
func (c *checker) readKey() error {
	raw, err := c.text(format.FileKey)
	if err != nil {
		return err
	}
	line, ok := strings.CutSuffix(string(raw), "\n")
	if !ok {
		return failf(format.FileKey, none, "its line has no end")
	}
	if c.key, err = format.ParseKey(line); err != nil {
		return within(format.FileKey, none, err)
	}
	if err := c.opt.holdKey(c.key); err != nil {
		return within(format.FileKey, none, err)
	}
	c.summary.Origin, c.summary.Key = c.key.Origin, line
	return nil
}

// sealEntry returns the entry of the seal after checking that it is in the log.
func (c *checker) sealEntry() (*format.Entry, error) {
	raw, err := c.text(format.FileSealProof)
	if err != nil {
		return nil, err
	}
	proof, err := format.ParseProof(raw)
	if err == nil && len(proof.Extra) > 0 {
		err = errors.New("has an extra line, which nothing authenticates")
	}
	if err != nil {
		return nil, within(format.FileSealProof, none, err)
	}
	if c.sealed, err = c.key.Open(proof.Checkpoint); err != nil {
		return nil, within(format.FileSealProof, none, err)
	}
	if raw, err = c.text(format.FileSealEntry); err != nil {
		return nil, err
	}
	if err := format.CheckInclusion(proof.Hashes, c.sealed.Size, proof.Index, format.LeafHash(raw), c.sealed.Root); err != nil {
		return nil, within(format.FileSealProof, proof.Index, err)
	}
	entry, err := format.ParseEntry(raw)
	if err == nil && entry.Act != format.SealAct {
		err = errors.New("the act is not " + format.SealAct)
	}
	if err != nil {
		return nil, within(format.FileSealEntry, proof.Index, err)
	}
	c.sealIndex = proof.Index
	c.summary.SealEntry, c.summary.Sealed = proof.Index, timeOf(entry.Time)
	return &entry, nil
}

// sealDocument returns the document of the seal, which is shown whole: what
// could be redacted later would be bytes that could be altered.
func (c *checker) sealDocument(entry *format.Entry) (*format.Document, error) {
	raw, err := c.text(format.FileSealDocument)
	if err != nil {
		return nil, err
	}
	docs := format.NewDocuments(bytes.NewReader(raw))
	doc, err := docs.Next()
	if err == io.EOF {
		err = errors.New("has no document")
	}
	if err != nil {
		return nil, within(format.FileSealDocument, none, err)
	}
	if _, size := docs.Span(); size+1 != len(raw) {
		return nil, failf(format.FileSealDocument, none, "has more than one document")
	}
	if doc.Index != c.sealIndex || redacted(doc) > 0 || format.Commit(doc.Fields) != entry.Commitment {
		return nil, failf(format.FileSealDocument, c.sealIndex, "is not the whole document of the entry in %s", format.FileSealEntry)
	}
	return doc, nil
}

// period reads the dates that the seal says the package is for.
func (c *checker) period(doc *format.Document) error {
	for _, date := range []struct {
		name string
		dst  *string
	}{{"from", &c.summary.From}, {"to", &c.summary.To}} {
		s, err := field[string](doc, date.name)
		if err == nil && s != "" {
			_, err = time.Parse(time.DateOnly, s)
		}
		if err != nil {
			return failf(format.FileSealDocument, c.sealIndex, "field %s is not a date", date.name)
		}
		*date.dst = s
	}
	return nil
}

// redacted returns how many fields of a document are not shown.
func redacted(d *format.Document) int64 {
	n := int64(0)
	for i := range d.Fields {
		if d.Fields[i].Redacted {
			n++
		}
	}
	return n
}

// timeOf returns the time of an entry, Unix microseconds.
func timeOf(micros int64) time.Time { return time.UnixMicro(micros).UTC() }
