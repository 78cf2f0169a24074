package document

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"sync"

	"example.org/countersign/verify/format"
)

// scratch holds the values of a document while it is encoded: what stays is
// cut to its size.
var scratch = sync.Pool{New: func() any { return new([]byte) }}

// Encode reads the struct that doc points at: its fields that are not zero, so
// that a field of a later release does not change older documents.
func (pl *Plan) Encode(doc any) (*Document, error) {
	buf := scratch.Get().(*[]byte)
	defer scratch.Put(buf)
	values := (*buf)[:0]
	v := reflect.ValueOf(doc).Elem()
	d := &Document{
		Units:      pl.units,
		Plain:      make([][]byte, len(pl.units)),
		fields:     make([]format.Field, 0, len(pl.fields)),
		fieldUnits: make([]int, 0, len(pl.fields)),
	}
	size, ends := 2*len(pl.units), make([]int, 0, len(pl.fields))
	for i := range pl.fields {
		f := &pl.fields[i]
		field := v.Field(f.at)
		if field.IsZero() || field.Kind() == reflect.Slice && field.Len() == 0 {
			continue
		}
		var err error
		if values, err = f.encode(values, field); err != nil {
			return nil, fmt.Errorf("document field %s: %w", f.name, err)
		}
		d.fields = append(d.fields, format.Field{Name: f.name})
		d.fieldUnits = append(d.fieldUnits, f.unit)
		ends = append(ends, len(values))
		size += len(f.name) + len(`,"":`)
	}
	*buf = values
	text := make([]byte, 0, size+len(values))
	for u := range pl.units {
		start := len(text)
		for i := range d.fields {
			if d.fieldUnits[i] != u {
				continue
			}
			between := byte(',')
			if len(text) == start {
				between = '{'
			}
			text = append(append(append(text, between, '"'), d.fields[i].Name...), '"', ':')
			value, from := len(text), 0
			if i > 0 {
				from = ends[i-1]
			}
			text = append(text, values[from:ends[i]]...)
			d.fields[i].Value = text[value:len(text):len(text)]
		}
		if len(text) > start {
			text = append(text, '}')
			d.Plain[u] = text[start:len(text):len(text)]
		}
	}
	return d, nil
}

// encoder appends a value as encoding/json writes it.
type encoder func(to []byte, v reflect.Value) ([]byte, error)

var (
	marshaler     = reflect.TypeFor[json.Marshaler]()
	textMarshaler = reflect.TypeFor[encoding.TextMarshaler]()
)

// encoderOf returns the encoder of a type: a short way for numbers, text and
// lists of them, json.Marshal for the rest.
func encoderOf(t reflect.Type) encoder {
	if t.Implements(marshaler) || t.Implements(textMarshaler) {
		return encodeAny
	}
	switch t.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return func(to []byte, v reflect.Value) ([]byte, error) { return strconv.AppendInt(to, v.Int(), 10), nil }
	case reflect.Bool:
		return func(to []byte, v reflect.Value) ([]byte, error) { return strconv.AppendBool(to, v.Bool()), nil }
	case reflect.String:
		if t.PkgPath() == "encoding/json" { // json.Number
			return encodeAny
		}
		return encodeText
	case reflect.Slice:
		switch e := t.Elem(); {
		case reflect.PointerTo(e).Implements(marshaler), reflect.PointerTo(e).Implements(textMarshaler), e.Kind() == reflect.Uint8:
		case e.Kind() == reflect.String, e.Kind() == reflect.Int64:
			return encodeList(encoderOf(e))
		}
	}
	return encodeAny
}

func encodeAny(to []byte, v reflect.Value) ([]byte, error) {
	value, err := json.Marshal(v.Interface())
	return append(to, value...), err
}

func encodeText(to []byte, v reflect.Value) ([]byte, error) {
	s := v.String()
	if !isPlain(s) {
		return encodeAny(to, v)
	}
	return append(append(append(to, '"'), s...), '"'), nil
}

func encodeList(encode encoder) encoder {
	return func(to []byte, v reflect.Value) ([]byte, error) {
		if v.IsNil() {
			return append(to, "null"...), nil
		}
		to = append(to, '[')
		for i := range v.Len() {
			if i > 0 {
				to = append(to, ',')
			}
			var err error
			if to, err = encode(to, v.Index(i)); err != nil {
				return to, err
			}
		}
		return append(to, ']'), nil
	}
}

// isPlain reports whether encoding/json escapes nothing of s.
func isPlain(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case c < ' ', c > '~', c == '"', c == '\\', c == '<', c == '>', c == '&':
			return false
		}
	}
	return true
}
