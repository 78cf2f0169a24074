package format

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"testing"
)

// The vectors of this file were computed by other programs: those of the tree
// are the ones that Certificate Transparency's implementations share, the rest
// come from a few lines of Python and OpenSSL's Ed25519.

const goldenEntry = `countersign/1
response.approved
k3vJq0m3RkO2yA1v5dQv7w
17 1795356302123456
lead Zr0cR1kqT0yKp2v7yJ3m5g
CC2.3 CC7.4
AAECAwQFBgcICQoLDA0ODw==
tk0AKtoBopEphOmQHquTKVVB6R02sgNX49tld139BfM=
ydADa+1nRLzfaS/JgNhxfX5fWk9Ogma0qEmCYC+xzQk=
`

const goldenDocument = `entry 0
OGtEBO/2O092AfW+OF1nUw== authors ["p1","p2"]
- EyTTzHY6+yQmFTjikeF4wAzMWo59zTXZQ7PjxxQV+GI=
Ar0POuFtFUy/NsjMqVgXMQ== state "draft"

`

const (
	goldenKey        = "log.example/countersign+ab286738+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"
	goldenLeaf       = "yDuPhJOejNf7NC4bDdAJsikF2fthbWx/ri0ZQcs7Lb4="
	goldenCheckpoint = "log.example/countersign\n1\n" + goldenLeaf + "\n\n" +
		"— log.example/countersign qyhnOMnqu1MhGTZQU9dzaVc9Iu4Ol6hXOCM83cirxS6LOiCTnHPIDG73kLfMBiyTNMxmTLMaDk5MNspSSX3GkSAI3Ag=\n"
)

func unbase64(t testing.TB, s string) Hash {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil || len(b) != 32 {
		t.Fatalf("%q is no hash", s)
	}
	return Hash(b)
}

func TestEntryVector(t *testing.T) {
	e, err := ParseEntry([]byte(goldenEntry))
	if err != nil {
		t.Fatal(err)
	}
	if e.Kind() != "response" || e.Seq != 17 || e.Time != 1795356302123456 || e.Role != "lead" || len(e.Controls) != 2 {
		t.Errorf("parsed %+v", e)
	}
	if got := e.Append(nil); string(got) != goldenEntry {
		t.Errorf("written as %q", got)
	}
	if got := LeafHash([]byte(goldenEntry)); got != unbase64(t, goldenLeaf) {
		t.Errorf("leaf %x", got)
	}
}

func TestCommitmentVector(t *testing.T) {
	var d Document
	if err := d.Parse([]byte(goldenDocument[:len(goldenDocument)-1])); err != nil {
		t.Fatal(err)
	}
	e, err := ParseEntry([]byte(goldenEntry))
	if err != nil {
		t.Fatal(err)
	}
	if Commit(d.Fields) != e.Commitment {
		t.Error("the document does not lead to the commitment")
	}
	for name, want := range map[string]string{
		"authors": "rCBxQ1cskKZ/ZRCW1R2OpKKaIV9/4vHohPMV3nJlFko=",
		"state":   "/4s6cj9muLS6p8heY8t1Y1VywGvGQtc+e+Xv/LheHC0=",
	} {
		for _, f := range d.Fields {
			if f.Name == name && f.Hash() != unbase64(t, want) {
				t.Errorf("leaf of %s is %x", name, f.Hash())
			}
		}
	}
	if got := d.Append(nil); string(got) != goldenDocument {
		t.Errorf("written as %q", got)
	}
}

func TestNoteVector(t *testing.T) {
	key, err := ParseKey(goldenKey)
	if err != nil {
		t.Fatal(err)
	}
	c, err := key.Open([]byte(goldenCheckpoint))
	if err != nil {
		t.Fatal(err)
	}
	if c.Size != 1 || c.Root != unbase64(t, goldenLeaf) || c.Origin != "log.example/countersign" {
		t.Errorf("opened %+v", c)
	}
	for _, published := range []string{
		"sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8",
		"PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
	} {
		if k, err := ParseKey(published); err != nil || k.String() != published {
			t.Errorf("%s: %v, read as %s", published, err, k)
		}
	}
}

func TestCommitIsTheTree(t *testing.T) {
	var fields []Field
	var tree Tree
	for n := range 40 {
		if Commit(fields) != tree.Root() {
			t.Errorf("%d fields", n)
		}
		f := Field{Redacted: true, Leaf: Hash{byte(n)}}
		fields = append(fields, f)
		tree.Append(f.Hash())
	}
}

// ctLeaves and ctRoots are the shared vectors of Certificate Transparency.
var ctLeaves = []string{"", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"}

var ctRoots = []string{
	"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
	"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
	"aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
	"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
	"4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
	"76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
	"ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
	"5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestTreeVectors(t *testing.T) {
	var tree Tree
	for n := 0; ; n++ {
		if root := tree.Root(); !bytes.Equal(root[:], unhex(t, ctRoots[n])) {
			t.Errorf("root of %d leaves is %x", n, root)
		}
		if n == len(ctLeaves) {
			break
		}
		tree.Append(LeafHash(unhex(t, ctLeaves[n])))
	}
}

func TestProofVectors(t *testing.T) {
	hashes := func(list ...string) (out []Hash) {
		for _, s := range list {
			out = append(out, Hash(unhex(t, s)))
		}
		return out
	}
	root := func(n int) Hash { return Hash(unhex(t, ctRoots[n])) }
	path := hashes("96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
		"5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
		"6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4")
	if err := CheckInclusion(path, 8, 0, LeafHash(nil), root(8)); err != nil {
		t.Error(err)
	}
	if err := CheckInclusion(path, 8, 1, LeafHash(nil), root(8)); err == nil {
		t.Error("included at another index")
	}
	extension := hashes("0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
		"ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
		"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7")
	if err := CheckConsistency(extension, 6, 8, root(6), root(8)); err != nil {
		t.Error(err)
	}
	if err := CheckConsistency(extension, 6, 8, root(5), root(8)); err == nil {
		t.Error("consistent with another root")
	}
}
