package ledger

import (
	"cmp"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"example.org/countersign/internal/blob"
	"example.org/countersign/internal/keyring"
	"example.org/countersign/verify/format"
)

// plan is how the fields of one struct become fields of a document.
type plan struct {
	fields []planField // in the order of their names
	units  []string
}

// factsOfEntry are names that a document's field may not have: those of what a
// table of documents says of their entries.
var factsOfEntry = []string{"entry", "record", "commitment", "time", "act", "actor", "role", "controls"}

type planField struct {
	name   string
	at     int // index in the struct
	unit   int // index in plan.units
	encode encoder
}

// planOf reads the struct's tags. It panics where a document could not be
// kept: that is a mistake in a Kind, found when the program starts.
func planOf[T any]() *plan {
	p := &plan{}
	t := reflect.TypeFor[T]()
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous || name == "-" {
			continue
		}
		if name == "" || !f.IsExported() || strings.ContainsAny(name, " \n") {
			panic(fmt.Sprintf("ledger: %s.%s needs a json name", t, f.Name))
		}
		if slices.Contains(factsOfEntry, name) {
			panic(fmt.Sprintf("ledger: %s.%s: %q is the entry's, and tables show both", t, f.Name, name))
		}
		unit := slices.Index(p.units, f.Tag.Get("unit"))
		if unit < 0 {
			unit = len(p.units)
			p.units = append(p.units, f.Tag.Get("unit"))
		}
		p.fields = append(p.fields, planField{name, i, unit, encoderOf(f.Type)})
	}
	slices.SortFunc(p.fields, func(a, b planField) int { return cmp.Compare(a.name, b.name) })
	return p
}

// pending is an entry on its way: made in its function's turn, sealed on its
// caller's goroutine while others have theirs, written at the end of the batch.
type pending struct {
	entry format.Entry
	index int64
	prev  int64
	keys  []unitKey
	units []string
	plain [][]byte // JSON of each unit's fields, in the order of units
	// fields are those of all units in the order of their names, without salts
	// until seal has run.
	fields     []format.Field
	fieldUnits []int

	body []byte // sealed payload
	leaf []byte // bytes of the entry
	hash format.Hash
}

// seal commits and encrypts the document and hashes the entry. It needs nothing of the transaction,
// so that it runs beside it.
func (p *pending) seal() error {
	size := 1 + format.NonceSize
	for i, u := range p.units {
		size += 1 + len(u) + 12 + len(p.plain[i]) + 16
	}
	body := append(append(make([]byte, 0, size), payloadVersion), p.entry.Nonce[:]...)
	for i, u := range p.units {
		if len(p.plain[i]) == 0 {
			continue
		}
		key, _ := keyOf(p.keys, u)
		encrypt, salts := key.Unit()
		salter := newSalter(&salts, &p.entry.Nonce)
		for j := range p.fields {
			if p.fieldUnits[j] == i {
				p.fields[j].Salt = salter.salt(p.fields[j].Name)
			}
		}
		aead, err := unitCipher(encrypt)
		if err != nil {
			return err
		}
		body = append(append(body, byte(len(u))), u...)
		body = binary.BigEndian.AppendUint64(body, uint64(key.ID))
		body = binary.BigEndian.AppendUint32(body, uint32(len(p.plain[i])+aead.Overhead()))
		body = aead.Seal(body, p.entry.Nonce[:aead.NonceSize()], p.plain[i], unitContext(p.entry.Kind(), p.entry.Record, u))
	}
	p.entry.Commitment = format.Commit(p.fields)
	p.body = body
	p.entry.Sealed = sha256.Sum256(body)
	p.leaf = p.entry.Append(make([]byte, 0, 256))
	p.hash = format.LeafHash(p.leaf)
	return nil
}

const payloadVersion = 1

// salter is the PRF of docs/FORMAT.md for the fields of one unit in one entry,
// HMAC-SHA256(key, nonce || name)[:16]: a salt per version, since otherwise
// showing a field once would unlock guesses at its other versions. It is RFC
// 2104 by hand, since crypto/hmac allocates two states for each of the many
// keys that serve once.
type salter struct {
	inner [sha256.BlockSize + format.NonceSize]byte // padded key and nonce
	outer [sha256.BlockSize]byte
}

func newSalter(key *[keyring.KeySize]byte, nonce *[format.NonceSize]byte) *salter {
	s := &salter{}
	for i := range sha256.BlockSize {
		var b byte
		if i < len(key) {
			b = key[i]
		}
		s.inner[i], s.outer[i] = b^0x36, b^0x5c
	}
	copy(s.inner[sha256.BlockSize:], nonce[:])
	return s
}

func (s *salter) salt(name string) [format.SaltSize]byte {
	var buf [256]byte
	sum := sha256.Sum256(append(append(buf[:0], s.inner[:]...), name...))
	sum = sha256.Sum256(append(append(buf[:0], s.outer[:]...), sum[:]...))
	return [format.SaltSize]byte(sum[:format.SaltSize])
}

// unitCipher returns AES-256-GCM under the unit's key. Its nonce is the first
// 12 bytes of the entry's random nonce, and a key serves the few versions of
// one record (NIST SP 800-38D §8.2.2).
func unitCipher(key [keyring.KeySize]byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// unitContext ties a ciphertext to its place.
func unitContext(kind, record, unit string) []byte {
	return []byte(kind + "\x00" + record + "\x00" + unit)
}

// openPayload decrypts the units of a payload whose keys are there.
func openPayload(ctx context.Context, keys *keyring.Keyring, kind, record string, body []byte) (*opened, error) {
	damaged := errors.New("payload is damaged")
	if len(body) < 1+format.NonceSize || body[0] != payloadVersion {
		return nil, damaged
	}
	o := &opened{nonce: [format.NonceSize]byte(body[1:])}
	rest := body[1+format.NonceSize:]
	for len(rest) > 0 {
		n := int(rest[0])
		if len(rest) < 1+n+12 {
			return nil, damaged
		}
		unit, keyID := string(rest[1:1+n]), int64(binary.BigEndian.Uint64(rest[1+n:]))
		size := int(binary.BigEndian.Uint32(rest[1+n+8:]))
		rest = rest[1+n+12:]
		if size > len(rest) {
			return nil, damaged
		}
		sealed := rest[:size]
		rest = rest[size:]
		key, err := keys.Key(ctx, keyID)
		if errors.Is(err, keyring.ErrDestroyed) {
			o.gone = append(o.gone, unit)
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("unit %q: %w", unit, err)
		}
		encrypt, _ := key.Unit()
		aead, err := unitCipher(encrypt)
		if err != nil {
			return nil, err
		}
		text, err := aead.Open(nil, o.nonce[:aead.NonceSize()], sealed, unitContext(kind, record, unit))
		if err != nil {
			return nil, fmt.Errorf("%w: unit %q does not decrypt", damaged, unit)
		}
		o.plain, o.keys = append(o.plain, text), append(o.keys, unitKey{unit, key})
	}
	return o, nil
}

// unseal is openPayload for the newest version of a record, of which nothing
// can be erased.
func unseal(ctx context.Context, keys *keyring.Keyring, kind, record string, body []byte) (*opened, error) {
	o, err := openPayload(ctx, keys, kind, record, body)
	if err == nil && len(o.gone) > 0 {
		err = fmt.Errorf("unit %q: %w", o.gone[0], errDestroyed)
	}
	return o, err
}

// fieldsOf returns the fields of an opened document with their salts, as they
// were committed, and their units. Among them, by their hashes, are those of
// erased that cannot be opened any more.
func fieldsOf(o *opened, erased []format.Field) ([]format.Field, []string, error) {
	type field struct {
		format.Field
		unit string
	}
	var all []field
	for i, unit := range o.plain {
		var values map[string]json.RawMessage
		if err := json.Unmarshal(unit, &values); err != nil {
			return nil, nil, fmt.Errorf("document is damaged: %w", err)
		}
		_, salts := o.keys[i].key.Unit()
		salter := newSalter(&salts, &o.nonce)
		for name, value := range values {
			all = append(all, field{format.Field{Name: name, Value: value, Salt: salter.salt(name)}, o.keys[i].unit})
		}
	}
	for _, f := range erased {
		if !slices.ContainsFunc(all, func(x field) bool { return x.Name == f.Name }) {
			all = append(all, field{f, ""})
		}
	}
	slices.SortFunc(all, func(a, b field) int { return cmp.Compare(a.Name, b.Name) })
	fields, units := make([]format.Field, len(all)), make([]string, len(all))
	for i := range all {
		fields[i], units[i] = all[i].Field, all[i].unit
	}
	return fields, units, nil
}

// mintKeys returns the keys of the units that have content: those the record
// has already and new ones for the rest.
func (p *pending) mintKeys(have []unitKey, keys *keyring.Keyring) error {
	p.keys = slices.Clip(have)
	for i, u := range p.units {
		if _, ok := keyOf(have, u); ok || len(p.plain[i]) == 0 {
			continue
		}
		k, err := keys.Mint()
		if err != nil {
			return err
		}
		p.keys = append(p.keys, unitKey{u, k})
	}
	return nil
}

func newNonce() (n [format.NonceSize]byte) {
	rand.Read(n[:])
	return n
}

var blobType = reflect.TypeFor[blob.Ref]()

// blobsOf returns the blobs that a document refers to, wherever in it.
func blobsOf(doc any) []blob.Ref {
	var refs []blob.Ref
	var walk func(v reflect.Value)
	walk = func(v reflect.Value) {
		switch {
		case v.Type() == blobType:
			if ref := v.Interface().(blob.Ref); !ref.IsZero() {
				refs = append(refs, ref)
			}
		case v.Kind() == reflect.Struct:
			for i := range v.NumField() {
				if v.Type().Field(i).IsExported() {
					walk(v.Field(i))
				}
			}
		case v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Struct:
			for i := range v.Len() {
				walk(v.Index(i))
			}
		case v.Kind() == reflect.Pointer && !v.IsNil():
			walk(v.Elem())
		}
	}
	walk(reflect.ValueOf(doc))
	return refs
}
