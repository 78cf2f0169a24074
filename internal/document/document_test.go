package document

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"math"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"example.org/countersign/internal/keyring"
	"example.org/countersign/verify/format"
)

type sealed struct {
	ID    string   `json:"-"`
	Title string   `json:"title"`
	Count int64    `json:"count"`
	From  string   `json:"from" unit:"identity"`
	Tags  []string `json:"tags"`
}

// The salts are those of docs/FORMAT.md, whoever computes them.
func TestSalts(t *testing.T) {
	key, nonce := [keyring.KeySize]byte{1, 2, 250}, [format.NonceSize]byte{7}
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
	refused := func(name string, plan func() *Plan) {
		defer func() {
			if recover() == nil {
				t.Errorf("%s: taken", name)
			}
		}()
		plan()
	}
	refused("no name", PlanOf[struct{ Title string }])
	refused("a name with a space", PlanOf[struct {
		Title string `json:"the title"`
	}])
	refused("a name of the entry's", PlanOf[struct {
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

// What was sealed opens as it was, and not as what was committed where a bit of
// it, its kind or its record is another; a unit whose key is gone is said to be gone.
func TestOpen(t *testing.T) {
	ctx := t.Context()
	keys, err := keyring.Open(ctx, filepath.Join(t.TempDir(), "keys"))
	if err != nil {
		t.Fatal(err)
	}
	defer keys.Close()
	doc := sealed{Title: "title", From: "ann@example.com", Tags: []string{"a", "<b>"}}
	d, err := PlanOf[sealed]().Encode(&doc)
	if err != nil {
		t.Fatal(err)
	}
	minted, err := d.MintKeys(nil, keys)
	if err != nil || len(minted) != 2 {
		t.Fatal(minted, err)
	}
	e := format.Entry{Act: "memo.written", Record: "k3vJ", Nonce: [format.NonceSize]byte{7}}
	body, err := d.Seal(&e, minted)
	if err != nil {
		t.Fatal(err)
	}
	o, err := OpenWhole(ctx, keys, "memo", "k3vJ", body)
	if err != nil {
		t.Fatal(err)
	}
	var got sealed
	if err := Decode(o.Plain, &got); err != nil || !reflect.DeepEqual(got, doc) {
		t.Errorf("%+v, %v", got, err)
	}
	fields, units, err := o.Fields(nil)
	if err != nil || format.Commit(fields) != e.Commitment || !slices.Equal(units, []string{"identity", "", ""}) {
		t.Errorf("%v of %q, %v: not what the entry commits to", fields, units, err)
	}
	committed := func(body []byte) bool {
		o, err := OpenWhole(ctx, keys, "memo", "k3vJ", body)
		if err != nil {
			return false
		}
		fields, _, err := o.Fields(nil)
		return err == nil && format.Commit(fields) == e.Commitment
	}
	for i := range body {
		for bit := range 8 {
			body[i] ^= 1 << bit
			if committed(body) {
				t.Errorf("what the entry commits to, with bit %d of byte %d turned", bit, i)
			}
			body[i] ^= 1 << bit
		}
		if committed(body[:i]) {
			t.Errorf("what the entry commits to, cut to %d bytes", i)
		}
	}
	for _, x := range [][2]string{{"case", "k3vJ"}, {"memo", "k3vK"}} {
		if _, err := Open(ctx, keys, x[0], x[1], body); err == nil {
			t.Errorf("opens as %q", x)
		}
	}
	identity, _ := keyOf(minted, "identity")
	if err := keys.Destroy(ctx, identity.ID); err != nil {
		t.Fatal(err)
	}
	if o, err := Open(ctx, keys, "memo", "k3vJ", body); err != nil || !slices.Equal(o.Gone, []string{"identity"}) || len(o.Plain) != 1 {
		t.Errorf("%+v, %v", o, err)
	}
	if _, err := OpenWhole(ctx, keys, "memo", "k3vJ", body); !errors.Is(err, ErrDestroyed) {
		t.Errorf("opens whole without a key: %v", err)
	}
}

// BenchmarkSeal is what a document costs beside its row.
func BenchmarkSeal(b *testing.B) {
	keys, err := keyring.Open(b.Context(), filepath.Join(b.TempDir(), "keys"))
	if err != nil {
		b.Fatal(err)
	}
	defer keys.Close()
	pl := PlanOf[sealed]()
	doc := &sealed{Title: "Suspicious sign-in to our tenant", From: "reporter@example.com", Count: 7, Tags: []string{strings.Repeat("What we saw at half past nine. ", 16)}}
	b.ReportAllocs()
	for b.Loop() {
		d, err := pl.Encode(doc)
		if err != nil {
			b.Fatal(err)
		}
		minted, err := d.MintKeys(nil, keys)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := d.Seal(&format.Entry{Act: "memo.written", Record: "k3vJ", Nonce: [format.NonceSize]byte{7}}, minted); err != nil {
			b.Fatal(err)
		}
	}
}
