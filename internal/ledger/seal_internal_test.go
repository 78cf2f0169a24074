package ledger

import (
	"crypto/hmac"
	"crypto/sha256"
	"path/filepath"
	"strings"
	"testing"

	"example.org/countersign/internal/keyring"
	"example.org/countersign/verify/format"
)

type sealed struct {
	Record
	Title string   `json:"title"`
	Count int64    `json:"count"`
	From  string   `json:"from" unit:"identity"`
	Tags  []string `json:"tags"`
}

// The salts are those of docs/FORMAT.md, whoever computes them.
func TestSalts(t *testing.T) {
	key, nonce := [keyring.KeySize]byte{1, 2, 250}, newNonce()
	for _, name := range []string{"", "title", strings.Repeat("long", 200)} {
		m := hmac.New(sha256.New, key[:])
		m.Write(append(nonce[:], name...))
		if got := newSalter(&key, &nonce).salt(name); string(got[:]) != string(m.Sum(nil)[:format.SaltSize]) {
			t.Errorf("salt of %q", name)
		}
	}
}

// A kind whose tables could not be written is found when the program starts.
func TestPlan(t *testing.T) {
	refused := func(name string, plan func() *plan) {
		defer func() {
			if recover() == nil {
				t.Errorf("%s: taken", name)
			}
		}()
		plan()
	}
	refused("no name", planOf[struct{ Title string }])
	refused("a name with a space", planOf[struct {
		Title string `json:"the title"`
	}])
	refused("a name of the entry's", planOf[struct {
		Time int64 `json:"time"`
	}])
}

// BenchmarkSeal is what a document costs beside its row.
func BenchmarkSeal(b *testing.B) {
	keys, err := keyring.Open(b.Context(), filepath.Join(b.TempDir(), "keys"))
	if err != nil {
		b.Fatal(err)
	}
	defer keys.Close()
	pl := planOf[sealed]()
	doc := &sealed{Title: "Suspicious sign-in to our tenant", From: "reporter@example.com", Count: 7, Tags: []string{strings.Repeat("What we saw at half past nine. ", 16)}}
	b.ReportAllocs()
	for b.Loop() {
		p := &pending{entry: format.Entry{Act: "memo.written", Record: "k3vJ", Nonce: newNonce()}}
		if err := pl.encode(doc, p); err != nil {
			b.Fatal(err)
		}
		if err := p.mintKeys(nil, keys); err != nil {
			b.Fatal(err)
		}
		if err := p.seal(); err != nil {
			b.Fatal(err)
		}
	}
}
