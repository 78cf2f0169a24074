// Package document turns a struct into what is kept of it: fields that are
// committed one by one, so that each can be shown alone, and a payload that is
// encrypted under a key for each unit, so that each can be forgotten alone.
package document

import (
	"cmp"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"example.org/countersign/internal/blob"
	"example.org/countersign/internal/keyring"
	"example.org/countersign/verify/format"
)

// Plan is how the fields of one struct become fields of a document.
type Plan struct {
	fields []planField // in the order of their names
	units  []string
}

// factsOfEntry are names that a document's field may not have: those of what a
// table of documents says of their entries.
var factsOfEntry = []string{"entry", "record", "commitment", "time", "act", "actor", "role", "controls"}

type planField struct {
	name   string
	at     int // index in the struct
	unit   int // index in Plan.units
	encode encoder
}

// PlanOf reads the struct's tags. It panics where a document could not be
// kept: that is a mistake in its struct, found when the program starts.
func PlanOf[T any]() *Plan {
	p := &Plan{}
	t := reflect.TypeFor[T]()
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous || name == "-" {
			continue
		}
		if name == "" || !f.IsExported() || strings.ContainsAny(name, " \n") {
			panic(fmt.Sprintf("document: %s.%s needs a json name", t, f.Name))
		}
		if slices.Contains(factsOfEntry, name) {
			panic(fmt.Sprintf("document: %s.%s: %q is the entry's, and tables show both", t, f.Name, name))
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

// A Document is what one struct says: the JSON of each unit, and its fields as
// they are committed.
type Document struct {
	Units []string
	Plain [][]byte // JSON of each unit's fields, in the order of Units; nil where nothing is set
	// fields are those of all units in the order of their names, without salts
	// until Seal has run.
	fields     []format.Field
	fieldUnits []int
}

// UnitKey is the key of one unit.
type UnitKey struct {
	Unit string
	Key  keyring.Key
}

func keyOf(keys []UnitKey, unit string) (keyring.Key, bool) {
	for _, k := range keys {
		if k.Unit == unit {
			return k.Key, true
		}
	}
	return keyring.Key{}, false
}

// Seal encrypts the document under the keys of its units and has the entry e
// commit to it. It returns the payload.
func (d *Document) Seal(e *format.Entry, keys []UnitKey) ([]byte, error) {
	size := 1 + format.NonceSize
	for i, u := range d.Units {
		size += 1 + len(u) + 12 + len(d.Plain[i]) + 16
	}
	body := append(append(make([]byte, 0, size), payloadVersion), e.Nonce[:]...)
	for i, u := range d.Units {
		if len(d.Plain[i]) == 0 {
			continue
		}
		key, _ := keyOf(keys, u)
		encrypt, salts := key.Unit()
		salter := newSalter(&salts, &e.Nonce)
		for j := range d.fields {
			if d.fieldUnits[j] == i {
				d.fields[j].Salt = salter.salt(d.fields[j].Name)
			}
		}
		aead, err := unitCipher(encrypt)
		if err != nil {
			return nil, err
		}
		body = append(append(body, byte(len(u))), u...)
		body = binary.BigEndian.AppendUint64(body, uint64(key.ID))
		body = binary.BigEndian.AppendUint32(body, uint32(len(d.Plain[i])+aead.Overhead()))
		body = aead.Seal(body, e.Nonce[:aead.NonceSize()], d.Plain[i], unitContext(e.Kind(), e.Record, u))
	}
	e.Commitment, e.Sealed = format.Commit(d.fields), sha256.Sum256(body)
	return body, nil
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

// MintKeys returns the keys of the units that have content: those the record
// has already and new ones for the rest.
func (d *Document) MintKeys(have []UnitKey, keys *keyring.Keyring) ([]UnitKey, error) {
	all := slices.Clip(have)
	for i, u := range d.Units {
		if _, ok := keyOf(have, u); ok || len(d.Plain[i]) == 0 {
			continue
		}
		k, err := keys.Mint()
		if err != nil {
			return nil, err
		}
		all = append(all, UnitKey{u, k})
	}
	return all, nil
}

var blobType = reflect.TypeFor[blob.Ref]()

// Blobs returns the blobs that a document refers to, wherever in it.
func Blobs(doc any) []blob.Ref {
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
