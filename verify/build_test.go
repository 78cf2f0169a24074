package verify

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"example.org/countersign/verify/format"
)

// A testLog is a log of acts that packages are made from, without the ledger:
// what is checked here must not depend on the code that usually writes it.
type testLog struct {
	signer  ed25519.PrivateKey
	key     format.Key
	random  *rand.Rand
	now     int64
	entries [][]byte
	leaves  []format.Hash
	acts    []format.Entry
	docs    []format.Document
	seq     map[string]int64
}

func newLog(origin string, seed byte) *testLog {
	l := &testLog{
		signer: ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize)),
		random: rand.New(rand.NewPCG(uint64(seed), 1)),
		now:    1790000000000000, // 2026-09-21
		seq:    make(map[string]int64),
	}
	var err error
	if l.key, err = format.NewKey(origin, l.signer.Public().(ed25519.PublicKey)); err != nil {
		panic(err)
	}
	return l
}

// clone returns a log that grows on its own.
func (l *testLog) clone() *testLog {
	c := *l
	c.entries, c.leaves = slices.Clip(l.entries), slices.Clip(l.leaves)
	c.acts, c.docs, c.seq = slices.Clip(l.acts), slices.Clone(l.docs), maps.Clone(l.seq)
	return &c
}

// someone is the actor of the acts of tests.
const someone = "Zr0cR1kqT0yKp2v7yJ3m5g"

// act appends an entry whose document has the fields, and returns its index.
func (l *testLog) act(act, record string, fields map[string]any) int64 {
	return l.actBy(someone, "analyst", act, record, fields)
}

// answer appends the entries of the approvals in the fields of a response, and
// then one of what became of it.
func (l *testLog) answer(act, record string, fields map[string]any) int64 {
	list, _ := fields["approvals"].([]any)
	for i := range list {
		given := list[i].(map[string]any)
		if given["by"] == "" {
			continue // an entry has an actor
		}
		list[i] = with(given, "at", l.now+1000000)
		l.actBy(given["by"].(string), given["role"].(string), "response.approved", record,
			with(fields, "state", "approved", "sent_hash", nil, "exception", nil, "approvals", list[:i+1], "content_hash", given["content_hash"]))
	}
	return l.act(act, record, fields)
}

// document returns one with the fields, of the next entry.
func (l *testLog) document(fields map[string]any) format.Document {
	doc := format.Document{Index: int64(len(l.entries))}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		value, err := json.Marshal(fields[name])
		if err != nil {
			panic(err)
		}
		f := format.Field{Name: name, Value: value}
		l.fill(f.Salt[:])
		doc.Fields = append(doc.Fields, f)
	}
	return doc
}

func (l *testLog) actBy(actor, role, act, record string, fields map[string]any) int64 {
	doc := l.document(fields)
	kind, _, _ := strings.Cut(act, ".")
	l.seq[kind]++
	l.now += 1000000
	e := format.Entry{
		Act: act, Record: record, Seq: l.seq[kind], Time: l.now, Role: role, Actor: actor,
		Controls: []string{"CC2.3"}, Commitment: format.Commit(doc.Fields),
	}
	l.fill(e.Nonce[:])
	l.fill(e.Sealed[:])
	return l.append(e, doc)
}

func (l *testLog) append(e format.Entry, doc format.Document) int64 {
	l.acts, l.docs = append(l.acts, e), append(l.docs, doc)
	l.entries = append(l.entries, e.Append(nil))
	l.leaves = append(l.leaves, format.LeafHash(l.entries[len(l.entries)-1]))
	return int64(len(l.entries) - 1)
}

func (l *testLog) fill(b []byte) {
	for i := range b {
		b[i] = byte(l.random.Uint32())
	}
}

// checkpoint returns the signed head of the first n entries.
func (l *testLog) checkpoint(n int) []byte {
	return l.sign(format.Checkpoint{Origin: l.key.Origin, Size: int64(n), Root: rootOf(l.leaves[:n])})
}

func (l *testLog) sign(c format.Checkpoint) []byte {
	text := c.Append(nil)
	_, rest, _ := strings.Cut(l.key.String(), "+")
	id, err := hex.DecodeString(rest[:8])
	if err != nil {
		panic(err)
	}
	return fmt.Appendf(text, "\n— %s %s\n", l.key.Origin, base64.StdEncoding.EncodeToString(append(id, ed25519.Sign(l.signer, text)...)))
}

// The four functions below are RFC 6962 §2.1 as it is written there.

func split(n int) int {
	k := 1
	for k*2 < n {
		k *= 2
	}
	return k
}

func rootOf(leaves []format.Hash) format.Hash {
	if len(leaves) < 2 {
		t := format.Tree{Size: int64(len(leaves)), Edge: leaves}
		return t.Root()
	}
	k := split(len(leaves))
	return format.NodeHash(rootOf(leaves[:k]), rootOf(leaves[k:]))
}

func pathOf(m int, leaves []format.Hash) []format.Hash {
	if len(leaves) < 2 {
		return nil
	}
	k := split(len(leaves))
	if m < k {
		return append(pathOf(m, leaves[:k]), rootOf(leaves[k:]))
	}
	return append(pathOf(m-k, leaves[k:]), rootOf(leaves[:k]))
}

func extensionOf(m int, leaves []format.Hash, whole bool) []format.Hash {
	if m == 0 || m == len(leaves) && whole {
		return nil
	}
	if m == len(leaves) {
		return []format.Hash{rootOf(leaves)}
	}
	k := split(len(leaves))
	if m <= k {
		return append(extensionOf(m, leaves[:k], whole), rootOf(leaves[k:]))
	}
	return append(extensionOf(m-k, leaves[k:], false), rootOf(leaves[:k]))
}

// subtreesOf returns the roots of the subtrees over entries lo to hi-1.
func (l *testLog) subtreesOf(lo, hi int) (roots []format.Hash) {
	for _, level := range format.Subtrees(int64(lo), int64(hi)) {
		roots = append(roots, rootOf(l.leaves[lo:lo+1<<level]))
		lo += 1 << level
	}
	return roots
}

// files are the contents of a package before its manifest.
type files map[string][]byte

// files returns those of a package of the entries first to end-1, with
// references to others.
func (l *testLog) files(first, end int, references ...int) files {
	span := format.Range{First: int64(first), Count: int64(end - first), Left: l.subtreesOf(0, first), Right: l.subtreesOf(end, len(l.entries))}
	f := files{
		"README.txt": []byte("How to check this: countersign verify.\n"),
		"index.html": []byte("<p>Index</p>\n"), "index.csv": []byte("artefact,file\n"),
		"report.html": []byte("<p>Report</p>\n"), "report.pdf": []byte("%PDF-1.7\n"),
		"raw/1.eml":                   []byte("Subject: a problem\n\nIt does not work.\n"),
		format.FileKey:                []byte(l.key.String() + "\n"),
		format.FileCheckpoint:         l.checkpoint(len(l.entries)),
		format.FileRange:              span.Append(nil),
		format.FileReferences:         nil,
		format.FileReferenceDocuments: nil,
	}
	var entries, documents []byte
	for i := first; i < end; i++ {
		entries = format.AppendBundle(entries, l.entries[i])
		documents = l.docs[i].Append(documents)
	}
	f[format.FileEntries], f[format.FileDocuments] = entries, documents
	for _, i := range references {
		ref := format.Reference{Index: int64(i), Entry: l.entries[i], Proof: pathOf(i, l.leaves)}
		f[format.FileReferences] = ref.Append(f[format.FileReferences])
		f[format.FileReferenceDocuments] = l.docs[i].Append(f[format.FileReferenceDocuments])
	}
	return f
}

// rows adds the records of a kind, each by an entry that it is shown by.
func (l *testLog) rows(f files, kind string, entries ...int) {
	var lines []byte
	columns := map[string]bool{"entry": true, "commitment": true, "days": true, "record": true, "act": true, "time": true, "actor": true, "role": true, "controls": true}
	var all []map[string]json.RawMessage
	for _, i := range entries {
		row := map[string]json.RawMessage{
			"entry": fmt.Append(nil, i), "days": []byte("3"),
			"commitment": []byte(`"` + base64.StdEncoding.EncodeToString(l.acts[i].Commitment[:]) + `"`),
			"record":     quote(l.acts[i].Record), "act": quote(l.acts[i].Act), "time": quote(format.Instant(l.acts[i].Time)),
			"actor": quote(l.acts[i].Actor), "role": quote(l.acts[i].Role), "controls": []byte(`["CC2.3"]`),
		}
		for _, name := range []string{"opened", "channel_name", "approver_names"} {
			value, ok := format.AppendColumn(nil, name, &l.acts[i], &l.docs[i], format.Names{"chanR1kqT0yKp2v7yJ3m5g": "Help"})
			if ok && value != nil {
				row[name], columns[name] = value, true
			}
		}
		for _, field := range l.docs[i].Fields {
			if !field.Redacted {
				row[field.Name], columns[field.Name] = field.Value, true
			}
		}
		line, err := json.Marshal(row)
		if err != nil {
			panic(err)
		}
		lines = append(append(lines, line...), '\n')
		all = append(all, row)
	}
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	header := slices.Sorted(maps.Keys(columns))
	_ = w.Write(header)
	for _, row := range all {
		cells := make([]string, len(header))
		for i, name := range header {
			cells[i] = format.Cell(row[name])
		}
		_ = w.Write(cells)
	}
	w.Flush()
	f["records/"+kind+".jsonl"], f["records/"+kind+".csv"] = lines, out.Bytes()
}

// pack seals the files. The seal function may change what is sealed, and what
// with.
func (l *testLog) pack(t testing.TB, f files, change ...func(*sealing)) []byte {
	t.Helper()
	var out bytes.Buffer
	a := format.NewArchive(&out, nil)
	for _, path := range slices.Sorted(maps.Keys(f)) {
		w, err := a.Create(path)
		if err == nil {
			_, err = w.Write(f[path])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	sums, err := a.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	head, err := l.key.Open(f[format.FileCheckpoint])
	if err != nil {
		head.Size = int64(len(l.entries)) // a test wants it so
	}
	s := sealing{act: format.SealAct, fields: map[string]any{
		"manifest_sha256": fmt.Sprintf("%x", sums.Manifest), "archive_sha256": fmt.Sprintf("%x", sums.Archive),
		"from": "2026-07-01", "to": "2026-09-30",
	}}
	for _, c := range change {
		c(&s)
	}
	index := l.act(s.act, "p4ckAgeR1kqT0yKp2v7yJ3", s.fields)
	l.act("people.signed-in", "Zr0cR1kqT0yKp2v7yJ3m5g", map[string]any{"how": "password"})
	proof := format.Proof{Index: index, Hashes: pathOf(int(index), l.leaves), Checkpoint: l.checkpoint(len(l.entries))}
	s.entry, s.document, s.proof = l.entries[index], l.docs[index].Append(nil), proof.Append(nil)
	s.consistency = format.AppendHashes(nil, extensionOf(int(head.Size), l.leaves, true))
	if s.late != nil {
		s.late(&s)
	}
	end := a.Close
	if s.redacted {
		end = a.CloseRedacted
	}
	if err := end(s.entry, s.document, s.proof, s.consistency); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// sealing is what a test can change of a seal: before it is made its act and
// fields, and late its files.
type sealing struct {
	act    string
	fields map[string]any
	late   func(*sealing)

	redacted bool // the seal is that of a package which this was made from

	entry, document, proof, consistency []byte
}

func quote(text string) []byte { return format.AppendQuote(nil, text) }

// checkBytes checks a package in memory.
func checkBytes(b []byte, opt Options) (*Summary, error) {
	return check(context.Background(), bytes.NewReader(b), int64(len(b)), opt)
}

const hash1 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
const hash2 = "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752"

// response returns the fields of a response that was sent as it should be,
// once its approvals have entries.
func response() map[string]any {
	return map[string]any{
		"state": "sent", "authors": []string{"anna"}, "quorum": 2, "content_hash": hash1, "sent_hash": hash1,
		"approvals": approvals("ben", hash1, "cleo", hash1),
	}
}

// approvals returns a list of who approved what.
func approvals(pairs ...string) (list []any) {
	for i := 0; i < len(pairs); i += 2 {
		list = append(list, map[string]any{"by": pairs[i], "role": "lead", "at": 1790000000000000, "content_hash": pairs[i+1]})
	}
	return list
}

// A testWitness cosigns whatever it is shown.
type testWitness struct {
	key    format.WitnessKey
	signer ed25519.PrivateKey
}

func newWitness(name string, seed byte) testWitness {
	signer := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))
	key, err := format.NewWitnessKey(name, signer.Public().(ed25519.PublicKey))
	if err != nil {
		panic(err)
	}
	return testWitness{key, signer}
}

// cosign adds the witness's line to a signed checkpoint.
func (w testWitness) cosign(note []byte, at int64) []byte {
	text, _, _ := bytes.Cut(note, []byte("\n\n"))
	message := format.CosignatureMessage(append(bytes.Clone(text), '\n'), at)
	return w.key.AppendCosignature(bytes.Clone(note), at, ed25519.Sign(w.signer, message))
}

// stamp adds a time stamp of the first size entries, which nobody signed.
func (l *testLog) stamp(f files, day string, size int, at time.Time) {
	paths, note := format.StampOf(day), l.checkpoint(size)
	f[paths.Token], f[paths.Checkpoint], f[paths.Consistency] = token(note, at, nil), note, format.AppendHashes(nil, extensionOf(size, l.leaves, true))
}

// unstamp removes the time stamps.
func (f files) unstamp() {
	maps.DeleteFunc(f, func(path string, _ []byte) bool { return strings.HasPrefix(path, "ledger/timestamps/") })
}

// token returns a time stamp token over data. The function, where not nil,
// changes what it says.
func token(data []byte, at time.Time, change func(*format.TSTInfo)) []byte {
	marshal := func(v any) []byte {
		b, err := asn1.Marshal(v)
		if err != nil {
			panic(err)
		}
		return b
	}
	wrapped := func(b []byte) asn1.RawValue {
		return asn1.RawValue{Class: asn1.ClassContextSpecific, IsCompound: true, Bytes: b}
	}
	said := format.TSTInfo{Version: 1, Policy: format.OIDTSTInfo, Imprint: format.ImprintOf(data), Serial: big.NewInt(7), Time: at}
	if change != nil {
		change(&said)
	}
	digest := pkix.AlgorithmIdentifier{Algorithm: format.OIDSHA256}
	signer := format.SignerInfo{Version: 1, ID: asn1.RawValue{FullBytes: []byte{0x30, 0}}, Digest: digest, Attributes: wrapped(nil), Algorithm: digest, Signature: []byte{0}}
	d := format.SignedData{Version: 3, Digests: []pkix.AlgorithmIdentifier{digest},
		Content: format.SignedContent{Type: format.OIDTSTInfo, Bytes: wrapped(marshal(marshal(said)))}, Signers: []format.SignerInfo{signer}}
	return marshal(format.ContentInfo{Type: format.OIDSignedData, Data: wrapped(marshal(d))})
}

// The times that the stamps of tests name.
var stamped1, stamped2 = time.Date(2026, 9, 21, 14, 20, 0, 0, time.UTC), time.Date(2026, 9, 22, 3, 0, 1, 0, time.UTC)

// receipt returns one of an entry that shows some fields.
func (l *testLog) receipt(index int, note []byte, shown ...string) format.Receipt {
	r := format.Receipt{Key: l.key, Index: int64(index), Hashes: pathOf(index, l.leaves), Checkpoint: note, Entry: l.entries[index], Document: l.docs[index]}
	r.Document.Fields = slices.Clone(r.Document.Fields)
	for i := range r.Document.Fields {
		if f := &r.Document.Fields[i]; !slices.Contains(shown, f.Name) {
			*f = format.Field{Redacted: true, Leaf: f.Hash()}
		}
	}
	return r
}

// with returns fields with some replaced; nil removes one.
func with(fields map[string]any, pairs ...any) map[string]any {
	fields = maps.Clone(fields)
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] == nil {
			delete(fields, pairs[i].(string))
		} else {
			fields[pairs[i].(string)] = pairs[i+1]
		}
	}
	return fields
}

// smallLog is a log of two cases, one of them answered.
func smallLog() *testLog {
	l := newLog("log.example/countersign", 1)
	l.act("channel.approved", "chanR1kqT0yKp2v7yJ3m5g", map[string]any{"address": "help@example.com", "name": "Help"})
	l.act("casefile.opened", "case1", map[string]any{"number": "C-2026-000001", "subject": "=2+2 is <not> a formula\r\nbut text", "tags": []string{"a", "b"}})
	l.act("casefile.opened", "case2", map[string]any{"number": "C-2026-000002", "urgent": true})
	l.answer("response.sent", "response1", with(response(), "quorum", 1, "approvals", approvals("ben", hash1), "channel", "chanR1kqT0yKp2v7yJ3m5g"))
	l.act("casefile.closed", "case1", map[string]any{"number": "C-2026-000001", "state": "closed", "opened_at": 1790000001000000})
	return l
}

// smallFiles are those of a package of all but the first entry.
func smallFiles(l *testLog) files {
	f := l.files(1, 6, 0)
	l.rows(f, "cases", 5, 2)
	l.rows(f, "responses", 4)
	l.rows(f, "channels", 0)
	l.rows(f, "approvals", 3)
	l.stamp(f, "2026-09-21", 5, stamped1)
	l.stamp(f, "2026-09-22", 6, stamped2)
	return f
}

func smallPackage(t testing.TB) ([]byte, *testLog) {
	l := smallLog()
	return l.pack(t, smallFiles(l)), l
}
