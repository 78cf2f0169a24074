package verify

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"strings"
	"testing"

	"example.org/countersign/verify/format"
)

// caught checks that a package is refused for what it is.
func caught(t *testing.T, name string, b []byte) {
	t.Helper()
	_, err := checkBytes(b, Options{})
	if _, ok := errors.AsType[*Failure](err); !ok {
		t.Errorf("%s: %v", name, err)
	}
}

// No byte of a package can be altered, added or removed without notice.
func TestEveryByte(t *testing.T) {
	l := newLog("log.example", 1)
	l.act("channel.approved", "channel1", map[string]any{"address": "help@example.com"})
	l.act("casefile.opened", "case1", map[string]any{"number": "C-2026-000001"})
	l.act("casefile.noted", "case1", nil)
	f := l.files(1, 2, 0)
	l.rows(f, "cases", 1)
	l.stamp(f, "2026-09-21", 2, stamped1)
	b := l.pack(t, f)
	if _, err := checkBytes(b, Options{}); err != nil {
		t.Fatal(err)
	}
	for i := range b {
		flip := byte(1 << (i % 8))
		b[i] ^= flip
		caught(t, fmt.Sprintf("byte %d xor %#x", i, flip), b)
		b[i] ^= flip
		switch i % 3 {
		case 0:
			caught(t, fmt.Sprintf("without byte %d", i), slices.Concat(b[:i], b[i+1:]))
		case 1:
			caught(t, fmt.Sprintf("byte %d doubled", i), slices.Concat(b[:i+1], b[i:]))
		default:
			caught(t, fmt.Sprintf("cut to %d bytes", i), b[:i])
		}
	}
	caught(t, "a byte more", append(bytes.Clone(b), 0))
	caught(t, "twice", append(bytes.Clone(b), b...))
	if _, err := checkBytes(b, Options{}); err != nil {
		t.Fatalf("the test did not put back what it changed: %v", err)
	}
}

// member is a file of a package that a stranger packs again.
type member struct {
	name    string
	content []byte
}

func unpack(t testing.TB, b []byte) (members []member) {
	t.Helper()
	c, err := format.OpenContainer(bytes.NewReader(b), int64(len(b)), format.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range c.Members {
		content, err := io.ReadAll(c.Open(&c.Members[i]))
		if err != nil {
			t.Fatal(err)
		}
		members = append(members, member{c.Members[i].Name, content})
	}
	return members
}

// repack packs files as they are in the form that packages have, but with
// archive/zip, compressed at a level of the caller's.
func repack(t testing.TB, members []member, level int) []byte {
	t.Helper()
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for _, m := range members {
		h := zip.FileHeader{
			Name: m.name, CreatorVersion: 20, ReaderVersion: 20, Flags: 8,
			ModifiedDate: 1<<5 | 1, //lint:ignore SA1019 CreateRaw writes this field and not Modified
			CRC32:        crc32.ChecksumIEEE(m.content), UncompressedSize64: uint64(len(m.content)),
		}
		data := m.content
		if folder, _, _ := strings.Cut(m.name, "/"); !slices.Contains([]string{"ledger", "raw", "seal"}, folder) {
			h.Method = zip.Deflate
			data = deflate(t, data, level)
		}
		h.CompressedSize64 = uint64(len(data))
		w, err := z.CreateRaw(&h)
		if err == nil {
			_, err = w.Write(data)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// deflated is what deflate has done before.
var deflated = make(map[string][]byte)

func deflate(t testing.TB, b []byte, level int) []byte {
	key := fmt.Sprint(level, string(b))
	if deflated[key] == nil {
		var out bytes.Buffer
		w, err := flate.NewWriter(&out, level)
		if err == nil {
			_, err = w.Write(b)
		}
		if err == nil {
			err = w.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
		deflated[key] = out.Bytes()
	}
	return deflated[key]
}

// fixManifest returns the files with a manifest that fits them.
func fixManifest(members []member) []member {
	var lines []string
	for _, m := range members {
		if !slices.Contains(format.Last, m.name) {
			lines = append(lines, fmt.Sprintf("%s  %x\n", m.name, sha256.Sum256(m.content)))
		}
	}
	slices.Sort(lines)
	members = slices.Clone(members)
	for i := range members {
		if members[i].name != format.FileManifest {
			continue
		}
		members[i].content = nil
		for _, line := range lines {
			path, sum, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "  ")
			members[i].content = fmt.Appendf(members[i].content, "%s  %s\n", sum, path)
		}
	}
	return members
}

// A file that a stranger alters, removes, adds or renames is named; one who
// fixes up the manifest breaks the seal.
func TestEveryFile(t *testing.T) {
	b, _ := smallPackage(t)
	members := unpack(t, b)
	if again := repack(t, fixManifest(members), flate.DefaultCompression); !bytes.Equal(again, b) {
		t.Fatal("the same files make another package")
	}
	files := members[:len(members)-len(format.Last)]
	try := func(what, file string, changed []member) {
		t.Helper()
		_, err := checkBytes(repack(t, changed, flate.DefaultCompression), Options{})
		if f, ok := errors.AsType[*Failure](err); !ok || f.File != file {
			t.Errorf("%s: %v", what, err)
		}
		_, err = checkBytes(repack(t, fixManifest(changed), flate.DefaultCompression), Options{})
		if f, ok := errors.AsType[*Failure](err); !ok || f.File != file && f.File != format.FileManifest {
			t.Errorf("%s, with its manifest: %v", what, err)
		}
	}
	for i, m := range files {
		with := func(other member) []member {
			changed := slices.Clone(members)
			changed[i] = other
			return changed
		}
		try("a line more in "+m.name, m.name, with(member{m.name, append(bytes.Clone(m.content), '\n')}))
		try("nothing in "+m.name, m.name, with(member{m.name, []byte("\n")}))
		try("without "+m.name, m.name, slices.Delete(slices.Clone(members), i, i+1))
		renamed := "A/" + m.name
		if day, err := format.StampDay(m.name); err != nil || day != "" || slices.Contains(format.Required, m.name) {
			renamed = m.name // which is then missing
		}
		try(m.name+" renamed", renamed, with(member{"A/" + m.name, m.content}))
		try("two files with the content of "+m.name, "zz", slices.Insert(slices.Clone(members), i, member{"zz", m.content}))
		changed := with(members[(i+1)%len(files)])
		changed[(i+1)%len(files)] = m
		try(m.name+" in another place", "", changed)
	}
	for i, m := range members {
		for j := range members[:i] {
			if i >= len(files) {
				changed := slices.Clone(members)
				changed[i], changed[j] = changed[j], changed[i]
				caught(t, m.name+" exchanged", repack(t, changed, flate.DefaultCompression))
			}
		}
		caught(t, m.name+" twice", repack(t, slices.Insert(slices.Clone(members), i, m), flate.DefaultCompression))
	}
}

// Not even compression can be changed without notice.
func TestPackedAgain(t *testing.T) {
	b, _ := smallPackage(t)
	_, err := checkBytes(repack(t, unpack(t, b), flate.BestSpeed), Options{})
	want(t, err, "manifest", "", none, "packed again")
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for _, m := range unpack(t, b) {
		w, err := z.Create(m.name)
		if err == nil {
			_, err = w.Write(m.content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = checkBytes(out.Bytes(), Options{})
	want(t, err, "archive", "", none, "README.txt")
}

// What the log itself signs can still be wrong: a package that was made wrong,
// and sealed.
func TestSealedButWrong(t *testing.T) {
	swap := func(b, x, y []byte) []byte {
		return bytes.ReplaceAll(bytes.ReplaceAll(bytes.ReplaceAll(b, x, []byte("…")), y, x), []byte("…"), y)
	}
	edit := func(f files, name, from, to string) {
		if !bytes.Contains(f[name], []byte(from)) {
			panic(name + " has no " + from)
		}
		f[name] = bytes.Replace(f[name], []byte(from), []byte(to), 1)
	}
	for _, test := range []struct {
		name   string
		change func(l *testLog, f files)
		stage  string
		file   string
		entry  int64
		what   string
	}{
		{"entries swapped", func(l *testLog, f files) {
			f[format.FileEntries] = swap(f[format.FileEntries], format.AppendBundle(nil, l.entries[1]), format.AppendBundle(nil, l.entries[2]))
		}, "range", "ledger/entries", 2, "before that of the entry before"},
		{"an entry altered", func(_ *testLog, f files) { edit(f, format.FileEntries, "CC2.3", "CC2.2") },
			"range", "ledger/entries", none, "do not lead to the root"},
		{"an entry missing", func(l *testLog, f files) {
			f[format.FileEntries] = bytes.Replace(f[format.FileEntries], format.AppendBundle(nil, l.entries[5]), nil, 1)
		}, "range", "ledger/entries", 5, "is missing"},
		{"an entry more", func(l *testLog, f files) {
			f[format.FileEntries] = format.AppendBundle(f[format.FileEntries], l.entries[5])
		}, "range", "ledger/entries", 6, "more than the range says"},
		{"no entry", func(_ *testLog, f files) { edit(f, format.FileEntries, "countersign/1", "countersign/9") },
			"range", "ledger/entries", 1, "version"},
		{"a range beyond the tree", func(_ *testLog, f files) { edit(f, format.FileRange, "count 5", "count 6") },
			"range", "ledger/range", none, "reaches beyond"},
		{"a range one off", func(_ *testLog, f files) { edit(f, format.FileRange, "first 1", "first 0") },
			"range", "ledger/range", none, "subtrees"},
		{"a document altered", func(_ *testLog, f files) { edit(f, format.FileDocuments, `"C-2026-000001"`, `"C-2026-000003"`) },
			"documents", "ledger/documents", 1, "not the one that the entry commits to"},
		{"a document under another entry", func(_ *testLog, f files) { edit(f, format.FileDocuments, "entry 3\n", "entry 4\n") },
			"documents", "ledger/documents", 3, "record response1: its document is not shown"},
		{"documents out of order", func(l *testLog, f files) {
			f[format.FileDocuments] = swap(f[format.FileDocuments], l.docs[3].Append(nil), l.docs[4].Append(nil))
		}, "documents", "ledger/documents", 3, "record response1: its document is not shown"},
		{"a document from outside", func(l *testLog, f files) {
			f[format.FileDocuments] = append(l.docs[0].Append(nil), f[format.FileDocuments]...)
		}, "documents", "ledger/documents", 0, "not in the package"},
		{"a document twice", func(l *testLog, f files) {
			f[format.FileDocuments] = l.docs[5].Append(f[format.FileDocuments])
		}, "documents", "ledger/documents", 5, "out of order"},
		{"no document of a response", func(l *testLog, f files) {
			f[format.FileDocuments] = bytes.Replace(f[format.FileDocuments], l.docs[4].Append(nil), nil, 1)
		}, "documents", "ledger/documents", 4, "record response1: its document is not shown"},
		{"text for a document", func(_ *testLog, f files) { f[format.FileDocuments] = []byte("nothing\n\n") },
			"documents", "ledger/documents", none, "does not begin"},
		{"a reference altered", func(_ *testLog, f files) { edit(f, format.FileReferences, "entry 0", "entry 6") },
			"references", "ledger/references", 6, "outside a tree"},
		{"a reference into the range", func(l *testLog, f files) {
			ref := format.Reference{Index: 3, Entry: l.entries[3], Proof: pathOf(3, l.leaves)}
			f[format.FileReferences] = ref.Append(f[format.FileReferences])
		}, "references", "ledger/references", 3, "in the range"},
		{"a reference twice", func(_ *testLog, f files) {
			f[format.FileReferences] = append(f[format.FileReferences], f[format.FileReferences]...)
		}, "references", "ledger/references", 0, "ascending"},
		{"a referenced document altered", func(_ *testLog, f files) { edit(f, format.FileReferenceDocuments, "help@", "hell@") },
			"documents", "ledger/reference-documents", 0, "not the one that the entry commits to"},
		{"a referenced document too many", func(l *testLog, f files) {
			f[format.FileReferenceDocuments] = l.docs[3].Append(f[format.FileReferenceDocuments])
		}, "documents", "ledger/reference-documents", 3, "not in the package"},
		{"another checkpoint", func(l *testLog, f files) { f[format.FileCheckpoint] = l.checkpoint(5); f.unstamp() },
			"range", "ledger/range", none, "reaches beyond"},
		{"a checkpoint of another log", func(_ *testLog, f files) {
			f[format.FileCheckpoint] = newLog("log.example/countersign", 7).checkpoint(0)
		}, "checkpoint", "ledger/checkpoint", none, "another key"},
		{"a row of another entry", func(_ *testLog, f files) { edit(f, "records/cases.jsonl", `"entry":5`, `"entry":2`) },
			"records", "records/cases.jsonl", 2, "line 1: the commitment is not that of the entry"},
		{"a row of an entry from outside", func(_ *testLog, f files) { edit(f, "records/cases.jsonl", `"entry":5`, `"entry":500`) },
			"records", "records/cases.jsonl", 500, "not in the package"},
		{"a row with another value", func(_ *testLog, f files) { edit(f, "records/cases.jsonl", `"urgent":true`, `"urgent":false`) },
			"records", "records/cases.jsonl", 2, `line 2: "urgent" is not what the sealed document says`},
		{"a row without its entry", func(_ *testLog, f files) { edit(f, "records/cases.jsonl", `"entry"`, `"entrance"`) },
			"records", "records/cases.jsonl", none, "does not say its entry"},
		{"a row that says a thing twice", func(_ *testLog, f files) {
			edit(f, "records/cases.jsonl", `"state":"closed"`, `"state":"open","state":"closed"`)
		}, "records", "records/cases.jsonl", none, "twice"},
		{"a row that is no object", func(_ *testLog, f files) { f["records/cases.jsonl"] = []byte("[]\n") },
			"records", "records/cases.jsonl", none, "line 1: want one JSON object"},
		{"two rows on a line", func(_ *testLog, f files) { edit(f, "records/cases.jsonl", "\n", "") },
			"records", "records/cases.jsonl", none, "want one JSON object"},
		{"a row without an end", func(_ *testLog, f files) {
			f["records/cases.jsonl"] = bytes.TrimSuffix(f["records/cases.jsonl"], []byte("\n"))
		}, "records", "records/cases.jsonl", none, "no end"},
		{"a cell with another value", func(_ *testLog, f files) { edit(f, "records/cases.csv", ",closed,", ",opened,") },
			"records", "records/cases.csv", 5, `"state" is not what the row in JSON says`},
		{"a row in JSON alone", func(_ *testLog, f files) {
			text := f["records/cases.csv"]
			f["records/cases.csv"] = text[:bytes.IndexByte(text, '\n')+1]
		}, "records", "records/cases.csv", 5, "fewer rows"},
		{"a row in CSV alone", func(_ *testLog, f files) { f["records/cases.jsonl"] = nil },
			"records", "records/cases.csv", none, "more rows than the 0"},
		{"no header", func(_ *testLog, f files) { f["records/cases.csv"] = nil },
			"records", "records/cases.csv", none, "no header"},
		{"a column without source", func(_ *testLog, f files) {
			f["records/cases.csv"] = bytes.ReplaceAll(f["records/cases.csv"], []byte("days"), []byte("weeks"))
		}, "records", "records/cases.csv", 5, `"weeks" is not what`},
		{"a row of another record", func(_ *testLog, f files) { edit(f, "records/cases.jsonl", `"record":"case1"`, `"record":"case2"`) },
			"records", "records/cases.jsonl", 5, `line 1: "record" is not what the entry and its document say`},
		{"a row of another act", func(_ *testLog, f files) {
			edit(f, "records/responses.jsonl", `"response.sent"`, `"response.approved"`)
		},
			"records", "records/responses.jsonl", 4, `line 1: "act" is not`},
		{"a row by another actor", func(_ *testLog, f files) { edit(f, "records/approvals.jsonl", `"actor":"ben"`, `"actor":"cleo"`) },
			"records", "records/approvals.jsonl", 3, `line 1: "actor" is not`},
		{"a row of another role", func(_ *testLog, f files) {
			edit(f, "records/approvals.jsonl", `"role":"lead","state"`, `"role":"legal","state"`)
		},
			"records", "records/approvals.jsonl", 3, `line 1: "role" is not`},
		{"a row of another time", func(_ *testLog, f files) {
			edit(f, "records/cases.jsonl", `"time":"2026-09-21T14`, `"time":"2026-09-21T15`)
		},
			"records", "records/cases.jsonl", 5, `line 1: "time" is not`},
		{"a row of another control", func(_ *testLog, f files) { edit(f, "records/cases.jsonl", `["CC2.3"]`, `["CC2.3","CC7.4"]`) },
			"records", "records/cases.jsonl", 5, `line 1: "controls" is not`},
		{"a row with an instant that never was", func(_ *testLog, f files) {
			edit(f, "records/cases.jsonl", `"opened":"2026-09-21T14:13:21.000000Z"`, `"opened":"2026-09-20T14:13:21.000000Z"`)
		}, "records", "records/cases.jsonl", 5, `line 1: "opened" is not`},
		{"a row with another's name", func(_ *testLog, f files) {
			edit(f, "records/responses.jsonl", `"channel_name":"Help"`, `"channel_name":"Hello"`)
		},
			"records", "records/responses.jsonl", 4, `line 1: "channel_name" is not`},
		{"an approval that nobody gave", func(_ *testLog, f files) {
			edit(f, "records/approvals.jsonl", string(f["records/approvals.jsonl"]), string(f["records/responses.jsonl"]))
		}, "records", "records/approvals.jsonl", 4, "line 1: the entry is of the act response.sent, no approval"},
		{"an approval twice", func(_ *testLog, f files) {
			f["records/approvals.jsonl"] = bytes.Repeat(f["records/approvals.jsonl"], 2)
			header, row, _ := bytes.Cut(f["records/approvals.csv"], []byte("\n"))
			f["records/approvals.csv"] = slices.Concat(header, []byte("\n"), row, row)
		}, "records", "records/approvals.jsonl", 3, "line 2: the entry is there twice"},
		{"JSON alone", func(_ *testLog, f files) { delete(f, "records/cases.csv") },
			"records", "records/cases.jsonl", none, "without a file records/cases.csv"},
		{"CSV alone", func(_ *testLog, f files) { delete(f, "records/cases.jsonl") },
			"records", "records/cases.csv", none, "without a file records/cases.jsonl"},
		{"records of another sort", func(_ *testLog, f files) { f["records/cases.xml"] = []byte("<a/>") },
			"records", "records/cases.xml", none, "cannot be checked"},
		{"no report", func(_ *testLog, f files) { delete(f, "report.pdf") },
			"archive", "report.pdf", none, "missing"},
		{"a key in two lines", func(l *testLog, f files) { f[format.FileKey] = append(f[format.FileKey], '\n') },
			"seal", "ledger/key", none, "not of the form"},
	} {
		l := smallLog()
		f := smallFiles(l)
		test.change(l, f)
		_, err := checkBytes(l.pack(t, f), Options{})
		t.Run(test.name, func(t *testing.T) { want(t, err, test.stage, test.file, test.entry, test.what) })
	}
}

// A log that is itself out of order.
func TestLogOutOfOrder(t *testing.T) {
	for name, test := range map[string]struct {
		change func(e *format.Entry)
		entry  int64
		what   string
	}{
		"a number left out":  {func(e *format.Entry) { e.Seq++ }, 4, "has the number 3 of kind response, where 2 follows"},
		"a number twice":     {func(e *format.Entry) { e.Seq-- }, 4, "has the number 1 of kind response, where 2 follows"},
		"a time that is ago": {func(e *format.Entry) { e.Time -= 1000001 }, 4, "before that of the entry before"},
		"a time to come":     {func(e *format.Entry) { e.Time += 1000001 }, 5, "before that of the entry before"},
	} {
		l := smallLog()
		e := l.acts[4]
		test.change(&e)
		l.entries[4] = e.Append(nil)
		l.leaves[4] = format.LeafHash(l.entries[4])
		_, err := checkBytes(l.pack(t, smallFiles(l)), Options{})
		t.Run(name, func(t *testing.T) { want(t, err, "range", "ledger/entries", test.entry, test.what) })
	}
	l := newLog("log.example/countersign", 1)
	l.seq["casefile"] = 4
	l.act("casefile.noted", "case1", nil)
	_, err := checkBytes(l.pack(t, l.files(0, 1)), Options{})
	want(t, err, "range", "ledger/entries", 0, "where 1 follows")
	l = newLog("log.example/countersign", 1)
	l.act("casefile.noted", "case1", nil)
	f := l.files(0, 1)
	l.now -= 10000000
	_, err = checkBytes(l.pack(t, f), Options{})
	want(t, err, "range", "ledger/entries", 0, "after that of the seal")
}

// A seal that is not what a seal must be.
func TestSealIsWrong(t *testing.T) {
	for _, test := range []struct {
		name       string
		change     func(*sealing)
		stage      string
		file, what string
		entry      int64
	}{
		{"another act", func(s *sealing) { s.act = "package.made" }, "seal", "seal/entry", "the act is not package.sealed", 6},
		{"another manifest", func(s *sealing) { s.fields["manifest_sha256"] = hash1 }, "manifest", "MANIFEST.sha256", "not the manifest that was sealed", none},
		{"no manifest", func(s *sealing) { delete(s.fields, "manifest_sha256") }, "seal", "seal/document", "manifest_sha256", 6},
		{"a number for a manifest", func(s *sealing) { s.fields["manifest_sha256"] = 1 }, "seal", "seal/document", "manifest_sha256", 6},
		{"no archive", func(s *sealing) { delete(s.fields, "archive_sha256") }, "seal", "seal/document", "archive_sha256", 6},
		{"upper case", func(s *sealing) { s.fields["archive_sha256"] = strings.ToUpper(hash1) }, "seal", "seal/document", "archive_sha256", 6},
		{"no date", func(s *sealing) { s.fields["from"] = "last summer" }, "seal", "seal/document", "from is not a date", 6},
		{"a document altered", func(s *sealing) {
			s.late = func(s *sealing) {
				s.document = bytes.Replace(s.document, []byte("2026-07-01"), []byte("2026-07-02"), 1)
			}
		}, "seal", "seal/document", "not the whole document", 6},
		{"a document that is redacted", func(s *sealing) {
			s.late = func(s *sealing) {
				var d format.Document
				if err := d.Parse(s.document[:len(s.document)-1]); err != nil {
					panic(err)
				}
				d.Fields[1] = format.Field{Redacted: true, Leaf: d.Fields[1].Hash()}
				s.document = d.Append(nil)
			}
		}, "seal", "seal/document", "not the whole document", 6},
		{"two documents", func(s *sealing) {
			s.late = func(s *sealing) { s.document = append(s.document, s.document...) }
		}, "seal", "seal/document", "more than one", none},
		{"no document at all", func(s *sealing) { s.late = func(s *sealing) { s.document = nil } }, "seal", "seal/document", "no document", none},
		{"another index", func(s *sealing) {
			s.late = func(s *sealing) { s.proof = bytes.Replace(s.proof, []byte("index 6"), []byte("index 5"), 1) }
		}, "seal", "seal/proof", "does not lead to the root", 5},
		{"a proof with more in it", func(s *sealing) {
			s.late = func(s *sealing) { s.proof = bytes.Replace(s.proof, []byte("index"), []byte("extra AAAA\nindex"), 1) }
		}, "seal", "seal/proof", "has an extra line", none},
		{"a second signature", func(s *sealing) {
			s.late = func(s *sealing) { s.proof = append(s.proof, "— witness.example AAAA\n"...) }
		}, "seal", "seal/proof", "by nobody else", none},
		{"no consistency", func(s *sealing) { s.late = func(s *sealing) { s.consistency = nil } }, "checkpoint", "seal/consistency", "empty", none},
		{"consistency with more", func(s *sealing) {
			s.late = func(s *sealing) { s.consistency = append(s.consistency, s.consistency...) }
		}, "checkpoint", "seal/consistency", "consistency proof", none},
		{"an entry altered", func(s *sealing) {
			s.late = func(s *sealing) { s.entry = bytes.Replace(s.entry, []byte("analyst"), []byte("auditor"), 1) }
		}, "seal", "seal/proof", "does not lead to the root", 6},
		{"a huge proof", func(s *sealing) {
			s.late = func(s *sealing) { s.proof = bytes.Repeat(s.proof, 1000) }
		}, "seal", "seal/proof", "longer than", none},
	} {
		l := smallLog()
		_, err := checkBytes(l.pack(t, smallFiles(l), test.change), Options{})
		t.Run(test.name, func(t *testing.T) { want(t, err, test.stage, test.file, test.entry, test.what) })
	}
}
