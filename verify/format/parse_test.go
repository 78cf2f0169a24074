package format

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// replace returns s with the n-th line, from 0, replaced; nil drops it.
func replace(s string, n int, with ...string) string {
	lines := strings.Split(s, "\n")
	return strings.Join(append(append(append([]string{}, lines[:n]...), with...), lines[n+1:]...), "\n")
}

func TestParseEntryRefuses(t *testing.T) {
	for name, bad := range map[string]string{
		"nothing":             "",
		"a line missing":      replace(goldenEntry, 5),
		"a line more":         goldenEntry + "x\n",
		"no last newline":     goldenEntry[:len(goldenEntry)-1],
		"another version":     replace(goldenEntry, 0, "countersign/2"),
		"no verb":             replace(goldenEntry, 1, "response"),
		"an empty verb":       replace(goldenEntry, 1, "response."),
		"a space in an act":   replace(goldenEntry, 1, "response. sent"),
		"no record":           replace(goldenEntry, 2, ""),
		"a letter not ASCII":  replace(goldenEntry, 2, "ä"),
		"sequence number 0":   replace(goldenEntry, 3, "0 1795356302123456"),
		"a leading zero":      replace(goldenEntry, 3, "017 1795356302123456"),
		"a plus":              replace(goldenEntry, 3, "+17 1795356302123456"),
		"no time":             replace(goldenEntry, 3, "17"),
		"a time before 1970":  replace(goldenEntry, 3, "17 -5"),
		"two spaces":          replace(goldenEntry, 3, "17  1795356302123456"),
		"no actor":            replace(goldenEntry, 4, "lead"),
		"an empty control":    replace(goldenEntry, 5, "CC2.3  CC7.4"),
		"a space at the end":  replace(goldenEntry, 5, "CC2.3 "),
		"a short nonce":       replace(goldenEntry, 6, "AAECAwQFBgcICQoLDA0O"),
		"base64 with a CR":    replace(goldenEntry, 6, "AAECAwQFBgcICQoLDA0ODw==\r"),
		"base64 not strict":   replace(goldenEntry, 6, "AAECAwQFBgcICQoLDA0ODx=="),
		"base64 not padded":   replace(goldenEntry, 6, "AAECAwQFBgcICQoLDA0ODw"),
		"a long commitment":   replace(goldenEntry, 7, goldenLeaf+goldenLeaf),
		"more than a bundle":  replace(goldenEntry, 2, strings.Repeat("x", maxEntry)),
		"carriage returns":    strings.ReplaceAll(goldenEntry, "\n", "\r\n"),
		"a NUL in the record": replace(goldenEntry, 2, "a\x00b"),
	} {
		if e, err := ParseEntry([]byte(bad)); err == nil {
			t.Errorf("%s: parsed as %+v", name, e)
		}
	}
	if _, err := ParseEntry([]byte(replace(goldenEntry, 5, ""))); err != nil {
		t.Errorf("no controls: %v", err)
	}
}

func TestDocuments(t *testing.T) {
	text := goldenDocument + "entry 5\n\n" + strings.ReplaceAll(goldenDocument, "entry 0", "entry 9007199254740993")
	for name, r := range map[string]io.Reader{
		"at once":      strings.NewReader(text),
		"byte by byte": iotest.OneByteReader(strings.NewReader(text)),
	} {
		var out []byte
		docs := NewDocuments(r)
		for {
			d, err := docs.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			var again Document
			at, size := docs.Span()
			if err := again.Parse([]byte(text[at : int(at)+size])); err != nil || again.Index != d.Index {
				t.Errorf("%s: the span of %d has %d, %v", name, d.Index, again.Index, err)
			}
			out = d.Append(out)
		}
		if string(out) != text {
			t.Errorf("%s: written as %q", name, out)
		}
	}
}

func TestReadDocumentsRefuses(t *testing.T) {
	for name, bad := range map[string]string{
		"no empty line":         goldenDocument[:len(goldenDocument)-1],
		"no newline":            goldenDocument[:len(goldenDocument)-2],
		"two empty lines":       goldenDocument + "\n",
		"no entry":              replace(goldenDocument, 0),
		"a negative entry":      replace(goldenDocument, 0, "entry -1"),
		"a leading zero":        replace(goldenDocument, 0, "entry 00"),
		"too large an entry":    replace(goldenDocument, 0, "entry 9223372036854775808"),
		"names out of order":    replace(replace(goldenDocument, 3), 1, "Ar0POuFtFUy/NsjMqVgXMQ== state 1", "OGtEBO/2O092AfW+OF1nUw== authors 1"),
		"a name twice":          replace(goldenDocument, 3, "Ar0POuFtFUy/NsjMqVgXMQ== authors 1"),
		"no name":               replace(goldenDocument, 3, "Ar0POuFtFUy/NsjMqVgXMQ==  1"),
		"no value":              replace(goldenDocument, 3, "Ar0POuFtFUy/NsjMqVgXMQ== state"),
		"a short salt":          replace(goldenDocument, 3, "Ar0POuFtFUy/NsjMqVgX state 1"),
		"a salt with a CR":      replace(goldenDocument, 3, "Ar0POuFtFUy/NsjMqVgXMQ\r= state 1"),
		"a short leaf":          replace(goldenDocument, 2, "- Ar0POuFtFUy/NsjMqVgXMQ=="),
		"a name of 65536 bytes": replace(goldenDocument, 3, "Ar0POuFtFUy/NsjMqVgXMQ== "+strings.Repeat("x", maxName+1)+" 1"),
		"a block of 16 MiB":     replace(goldenDocument, 3, "Ar0POuFtFUy/NsjMqVgXMQ== state "+strings.Repeat("x", maxBlock)),
	} {
		err := ReadDocuments(strings.NewReader(bad), func(*Document) error { return nil })
		if err == nil {
			t.Errorf("%s: read", name)
		}
	}
	stop := io.ErrClosedPipe
	if err := ReadDocuments(strings.NewReader(goldenDocument), func(*Document) error { return stop }); err != stop {
		t.Errorf("the caller's error became %v", err)
	}
	if err := ReadDocuments(iotest.ErrReader(stop), func(*Document) error { return nil }); err != stop {
		t.Errorf("the reader's error became %v", err)
	}
}

func TestDocumentsOfAnyLength(t *testing.T) {
	var want []byte
	for _, n := range []int{0, 1, 60 << 10, 64 << 10, 65 << 10, 1 << 20, 3} {
		d := Document{Index: int64(n), Fields: []Field{{Name: "text", Value: bytes.Repeat([]byte("x"), n)}}}
		want = d.Append(want)
	}
	var got []byte
	err := ReadDocuments(iotest.HalfReader(bytes.NewReader(want)), func(d *Document) error {
		got = d.Append(got)
		return nil
	})
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("read %d of %d bytes: %v", len(got), len(want), err)
	}
}

func TestKeyRefuses(t *testing.T) {
	for _, bad := range []string{
		"", "+", "++", goldenKey + " ", " " + goldenKey, goldenKey + "\n", goldenKey[:len(goldenKey)-4],
		strings.Replace(goldenKey, "ab286738", "ab286739", 1),
		strings.Replace(goldenKey, "ab286738", "AB286738", 1),
		strings.Replace(goldenKey, "log.example", "log example", 1),
		strings.Replace(goldenKey, "log.example", "log\x1b[2J.example", 1),
		strings.Replace(goldenKey, "+AQOh", "+BAOh", 1),
	} {
		if k, err := ParseKey(bad); err == nil {
			t.Errorf("%q is the key %s", bad, k)
		}
	}
	if _, err := NewKey("log.example", ed25519.PublicKey{1, 2, 3}); err == nil {
		t.Error("a key of 3 bytes")
	}
}

func TestOpenRefuses(t *testing.T) {
	key, err := ParseKey(goldenKey)
	if err != nil {
		t.Fatal(err)
	}
	other, err := ParseKey("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Open([]byte(goldenCheckpoint)); err == nil {
		t.Error("opened with another log's key")
	}
	signature := strings.Split(goldenCheckpoint, "\n")[4]
	for name, bad := range map[string]string{
		"nothing":                "",
		"no signature":           replace(goldenCheckpoint, 4),
		"an empty signature":     replace(goldenCheckpoint, 4, "— log.example/countersign "),
		"only an empty line":     goldenCheckpoint[:strings.Index(goldenCheckpoint, "—")],
		"two signatures":         goldenCheckpoint + signature + "\n",
		"a stranger's signature": goldenCheckpoint + "— witness.example AAAA\n",
		"no last newline":        strings.TrimSuffix(goldenCheckpoint, "\n"),
		"an extension line":      replace(goldenCheckpoint, 3, "extension", ""),
		"another size":           replace(goldenCheckpoint, 1, "2"),
		"a leading zero":         replace(goldenCheckpoint, 1, "01"),
		"another root":           replace(goldenCheckpoint, 2, strings.Replace(goldenLeaf, "y", "z", 1)),
		"a hyphen for the dash":  strings.Replace(goldenCheckpoint, "—", "-", 1),
		"another key's id":       strings.Replace(goldenCheckpoint, "qyhn", "qyhm", 1),
	} {
		if c, err := key.Open([]byte(bad)); err == nil {
			t.Errorf("%s: opened %+v", name, c)
		}
	}
}

func TestProofForms(t *testing.T) {
	hashes := leavesOf(3)
	p := Proof{Index: 7, Hashes: hashes, Checkpoint: []byte(goldenCheckpoint)}
	text := string(p.Append(nil))
	got, err := ParseProof([]byte(text))
	if err != nil || string(got.Append(nil)) != text {
		t.Errorf("read as %+v, %v", got, err)
	}
	p.Hashes = nil
	if got, err := ParseProof(p.Append(nil)); err != nil || len(got.Hashes) != 0 {
		t.Errorf("without hashes: %+v, %v", got, err)
	}
	p.Extra = []byte("what it is about\n")
	if got, err := ParseProof(p.Append(nil)); err != nil || string(got.Extra) != string(p.Extra) || got.Index != 7 {
		t.Errorf("with extra data: %+v, %v", got, err)
	}
	many := Proof{Hashes: make([]Hash, maxHashes+1)}
	for _, bad := range []string{
		"", "\n\n", replace(text, 0, "c2sp.org/tlog-proof@v2"), replace(text, 1), replace(text, 1, "index 07"),
		replace(text, 1, "index 7", "extra AAAA"), replace(text, 2, "AAAA"), string(many.Append(nil)),
		replace(text, 1, "extra ", "index 7"), replace(text, 1, "extra AAA", "index 7"), replace(text, 1, "extra AA\rA=", "index 7"),
		replace(text, 1, "extra AAAA", "extra AAAA", "index 7"), replace(text, 1, "extra AAAA"), replace(text, 1, "extra AAB=", "index 7"),
	} {
		if got, err := ParseProof([]byte(bad)); err == nil {
			t.Errorf("%q is read as %+v", bad, got)
		}
	}
}

func TestRangeForms(t *testing.T) {
	hashes := leavesOf(3)
	for _, r := range []Range{{}, {3, 4, hashes[:1], hashes[1:]}, {3, 4, nil, hashes}, {3, 4, hashes, nil}} {
		text := r.Append(nil)
		got, err := ParseRange(text)
		if err != nil || !bytes.Equal(got.Append(nil), text) {
			t.Errorf("%q is read as %+v, %v", text, got, err)
		}
	}
	r := Range{3, 4, hashes[:1], hashes[1:2]}
	text := string(r.Append(nil))
	for _, bad := range []string{
		"", "first 1\n", "first 1\ncount 2", replace(text, 0, "first -1"), replace(text, 1, "count 04"), replace(text, 1),
		replace(text, 0, "first 9223372036854775807"), replace(replace(text, 3), 2, strings.Split(text, "\n")[3], strings.Split(text, "\n")[2]),
		text + "\n", text + "middle " + goldenLeaf + "\n",
	} {
		if got, err := ParseRange([]byte(bad)); err == nil {
			t.Errorf("%q is read as %+v", bad, got)
		}
	}
}

func TestReferenceForms(t *testing.T) {
	refs := []Reference{{Index: 1, Entry: []byte(goldenEntry)}, {Index: 9, Entry: []byte("x"), Proof: leavesOf(2)}}
	var text []byte
	for i := range refs {
		text = refs[i].Append(text)
	}
	var out []byte
	for r := NewReferences(bytes.NewReader(text)); ; {
		ref, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		out = ref.Append(out)
	}
	if !bytes.Equal(out, text) {
		t.Errorf("written as %q", out)
	}
	for _, bad := range []string{
		"\n\n", "entry 1\n\n", "entry x\nbytes AAAA\n\n", "entry 1\nbytes AAAA\n", "entry 1\nbytes AAA\n\n", "entry 1\nAAAA\n\n",
		"entry 1\nbytes AA\rA=\n\n", "entry 1\nbytes AAAA\nproof AAAA\n\n", "entry 1\nbytes AAAA\nbytes AAAA\n\n",
	} {
		if ref, err := NewReferences(strings.NewReader(bad)).Next(); err == nil {
			t.Errorf("%q is read as %+v", bad, ref)
		}
	}
}

func TestHashesForms(t *testing.T) {
	for n := range 3 {
		text := AppendHashes(nil, leavesOf(n))
		if got, err := ParseHashes(text); err != nil || !bytes.Equal(AppendHashes(nil, got), text) {
			t.Errorf("%q is read as %x, %v", text, got, err)
		}
	}
	for _, bad := range []string{"\n", goldenLeaf, goldenLeaf + "\n\n", goldenLeaf + "\r\n", "AAAA\n"} {
		if got, err := ParseHashes([]byte(bad)); err == nil {
			t.Errorf("%q is read as %x", bad, got)
		}
	}
}

func TestManifestForms(t *testing.T) {
	sum := unbase64(t, goldenLeaf)
	line := string(AppendManifest(nil, sum, "records/cases.csv"))
	got, path, err := ParseManifest(strings.TrimSuffix(line, "\n"))
	if err != nil || got != sum || path != "records/cases.csv" {
		t.Errorf("%q is read as %x %s, %v", line, got, path, err)
	}
	for _, bad := range []string{
		"", "  ", line, strings.ToUpper(line[:64]) + "  a", line[:64] + " *a", line[:64] + "  ../a", line[:62] + "  a", line[:64] + "00  a", line[:64],
	} {
		if _, path, err := ParseManifest(bad); err == nil {
			t.Errorf("%q is read as %s", bad, path)
		}
	}
}

func TestCheckPath(t *testing.T) {
	for _, good := range []string{"a", "README.txt", "raw/1/2/a-b_c.eml", "a..b", strings.Repeat("a", maxPath)} {
		if err := CheckPath(good); err != nil {
			t.Error(err)
		}
	}
	for _, bad := range []string{
		"", "/", "/etc/passwd", "a/", "a//b", ".", "..", "../a", "a/../b", "a/.b", "a.", "a./b", `a\b`, "C:a", "a:b",
		"a b", "-a", "ä", "a\xff", "a\x00", "a\nb", "a*", strings.Repeat("a", maxPath+1),
	} {
		if CheckPath(bad) == nil {
			t.Errorf("%q is a path", bad)
		}
	}
}

func TestText(t *testing.T) {
	for _, value := range []string{`""`, `"a"`, `"ä\u00e4\""`, "\"\xff\"", "\"\n\"", `"`, ``, `null`, `1`, `"a`, `"a"b"`, `"a" `, ` "a"`, `["a"]`} {
		var want string
		err := json.Unmarshal([]byte(value), &want)
		ok := err == nil && value[0] == '"'
		if got, isText := Text([]byte(value)); isText != ok || ok && got != want {
			t.Errorf("%s is the text %q, %v; want %q, %v", value, got, isText, want, ok)
		}
	}
}

func TestCell(t *testing.T) {
	for value, want := range map[string]string{
		`"text"`: "text", `""`: "", `null`: "", `-5`: "-5", `true`: "true", `{"a":1}`: `{"a":1}`,
		`["a","b"]`: "a; b", `[]`: "", `[ ]`: "", `[1,2]`: "[1,2]", `[ "a" ]`: "a", `["a",1]`: `["a",1]`, `[`: "[", `[{}]`: "[{}]", `"=1+1"`: "'=1+1", `["@a","b"]`: "'@a; b",
		`"-"`: "'-", `"+1"`: "'+1", `"\tx"`: "'\tx", `"\rx"`: "'\rx", `"a\r\nb"`: "a\nb", `"\u003ca"`: "<a", `"broken`: `"broken`, `"`: `"`, "\"\xff\"": "\ufffd", `"ä"`: "ä",
	} {
		if got := Cell([]byte(value)); got != want {
			t.Errorf("%s is shown as %q, want %q", value, got, want)
		}
	}
}

// A field is proved to be absent where no redacted one can be it.
func TestLacks(t *testing.T) {
	for _, test := range []struct{ fields, lacks, unsure string }{
		{"", "a b", ""},
		{"-", "", "a b"},
		{"b d", "a c e", ""},
		{"- b d", "c e", "a"},
		{"b - d", "a e", "c bb"},
		{"b d -", "a c", "e"},
		{"b - - d - f", "a z", "c e da bA"},
		{"- -", "", "a"},
	} {
		var d Document
		for name := range strings.FieldsSeq(test.fields) {
			d.Fields = append(d.Fields, Field{Name: strings.TrimPrefix(name, "-"), Redacted: name == "-"})
		}
		for name := range strings.FieldsSeq(test.lacks) {
			if !d.Lacks(name) {
				t.Errorf("%q does not lack %s", test.fields, name)
			}
		}
		for name := range strings.FieldsSeq(test.unsure + " " + strings.ReplaceAll(test.fields, "-", "")) {
			if d.Lacks(name) {
				t.Errorf("%q lacks %s", test.fields, name)
			}
		}
	}
}
