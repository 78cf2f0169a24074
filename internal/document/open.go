package document

import (
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"example.org/countersign/internal/keyring"
	"example.org/countersign/verify/format"
)

// Opened is a payload as far as its keys are there.
type Opened struct {
	nonce [format.NonceSize]byte
	Plain [][]byte // JSON of each unit
	Keys  []UnitKey
	Gone  []string // units whose keys were destroyed
}

// Emptied is the payload of an entry of which nothing is left.
func Emptied(e *format.Entry) *Opened { return &Opened{nonce: e.Nonce} }

// Forget takes out of an opened payload what was erased: until its key is
// destroyed, and where another node still knows the key, it could be read.
func (o *Opened) Forget(erased []format.Field) error {
	if len(erased) == 0 {
		return nil
	}
	for i, unit := range o.Plain {
		var values map[string]json.RawMessage
		if err := json.Unmarshal(unit, &values); err != nil {
			return fmt.Errorf("document is damaged: %w", err)
		}
		for _, f := range erased {
			delete(values, f.Name)
		}
		var err error
		if o.Plain[i], err = json.Marshal(values); err != nil {
			return err
		}
	}
	return nil
}

// Open decrypts the units of a payload whose keys are there.
func Open(ctx context.Context, keys *keyring.Keyring, kind, record string, body []byte) (*Opened, error) {
	damaged := errors.New("payload is damaged")
	if len(body) < 1+format.NonceSize || body[0] != payloadVersion {
		return nil, damaged
	}
	o := &Opened{nonce: [format.NonceSize]byte(body[1:])}
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
			o.Gone = append(o.Gone, unit)
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
		o.Plain, o.Keys = append(o.Plain, text), append(o.Keys, UnitKey{unit, key})
	}
	return o, nil
}

// OpenWhole is Open for the newest version of a record, of which nothing
// can be erased.
func OpenWhole(ctx context.Context, keys *keyring.Keyring, kind, record string, body []byte) (*Opened, error) {
	o, err := Open(ctx, keys, kind, record, body)
	if err == nil && len(o.Gone) > 0 {
		err = fmt.Errorf("unit %q: %w", o.Gone[0], ErrDestroyed)
	}
	return o, err
}

// Fields returns the fields of an opened document with their salts, as they
// were committed, and their units. Among them, by their hashes, are those of
// erased that cannot be opened any more.
func (o *Opened) Fields(erased []format.Field) ([]format.Field, []string, error) {
	type field struct {
		format.Field
		unit string
	}
	var all []field
	for i, unit := range o.Plain {
		var values map[string]json.RawMessage
		if err := json.Unmarshal(unit, &values); err != nil {
			return nil, nil, fmt.Errorf("document is damaged: %w", err)
		}
		_, salts := o.Keys[i].Key.Unit()
		salter := newSalter(&salts, &o.nonce)
		for name, value := range values {
			all = append(all, field{format.Field{Name: name, Value: value, Salt: salter.salt(name)}, o.Keys[i].Unit})
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

// Decode reads the JSON of units into a struct of theirs.
func Decode(plain [][]byte, into any) error {
	for _, unit := range plain {
		if len(unit) == 0 { // nothing of this unit is set
			continue
		}
		if err := json.Unmarshal(unit, into); err != nil {
			return fmt.Errorf("document is damaged: %w", err)
		}
	}
	return nil
}

// ErrDestroyed: a unit of the newest version of a record cannot be opened.
var ErrDestroyed = fmt.Errorf("%w, and no erasure says so", keyring.ErrDestroyed)
