package ledger

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"math"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

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

type colour string

type shout string

func (s shout) MarshalText() ([]byte, error) { return []byte(strings.ToUpper(string(s))), nil }

// Whatever a field holds, a document says it as encoding/json does.
func TestEncode(t *testing.T) {
	for _, v := range []any{
		"", "plain", "a \"quoted\" \\ <b> & é \x00\xff \u2028", colour("red"), colour("<red>"), shout("quiet"), json.Number("1.5"),
		int64(-1 << 63), int(7), int8(-8), uint(9), 1.5, true, false,
		[]string(nil), []string{}, []string{"a", "<b>", "\xff"}, []colour{"red", ""}, []shout{"quiet"}, []int64{1, -2}, []int64(nil),
		[]byte("bytes"), []bool{true}, [][]string{nil, {"a"}}, time.Second, []time.Duration{1}, time.Unix(1, 0).UTC(), []time.Time{time.Unix(1, 0).UTC()},
		map[string]int{"b": 1, "a": 2}, &sealed{Title: "t"}, []sealed{{Title: "<t>", Count: 1}}, struct{ A any }{[]string{"x"}}, json.RawMessage(`{"a": 1}`),
	} {
		want, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		got, err := encoderOf(reflect.TypeOf(v))([]byte("before "), reflect.ValueOf(v))
		if err != nil || string(got) != "before "+string(want) {
			t.Errorf("%T %v: %s, %v; want %s", v, v, got, err, want)
		}
	}
	if _, err := encoderOf(reflect.TypeFor[float64]())(nil, reflect.ValueOf(math.NaN())); err == nil {
		t.Error("took a number that JSON cannot say")
	}
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
