package verify

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"unicode/utf8"
)

// rowField is a column of a row and its JSON value, which is part of the line.
type rowField struct {
	name  string
	value []byte
}

// row is one line of a file of records.
type row struct {
	fields []rowField
	names  map[string]string // that were seen before, so as not to make them again
}

// value returns the value of a field, nil where it is not there.
func (r *row) value(name string) []byte {
	for i := range r.fields {
		if r.fields[i].name == name {
			return r.fields[i].value
		}
	}
	return nil
}

// entry returns the number of the entry that the row is of.
func (r *row) entry() (int64, error) {
	n, err := strconv.ParseInt(string(r.value("entry")), 10, 64)
	if err != nil {
		return 0, errors.New("does not say its entry")
	}
	return n, nil
}

// parse reads the fields of one JSON object, which are valid as long as the
// line is. A name that is there twice is refused: readers differ in which they
// take.
func (r *row) parse(line []byte) error {
	r.fields = r.fields[:0]
	line = bytes.TrimSpace(line)
	if !utf8.Valid(line) || !json.Valid(line) || line[0] != '{' {
		return errors.New("want one JSON object in UTF-8")
	}
	for rest := bytes.TrimLeft(line[1:], jsonSpace); rest[0] != '}'; rest = bytes.TrimLeft(rest, ","+jsonSpace) {
		key := rest[:valueEnd(rest)]
		rest = bytes.TrimLeft(rest[len(key):], ":"+jsonSpace)
		value := rest[:valueEnd(rest)]
		rest = bytes.TrimLeft(rest[len(value):], jsonSpace)
		name, err := r.intern(key)
		if err != nil {
			return err
		}
		if r.value(name) != nil {
			return fmt.Errorf("%q is there twice", name)
		}
		if len(r.fields) == maxColumns {
			return fmt.Errorf("the row has more than %d columns", maxColumns)
		}
		r.fields = append(r.fields, rowField{name, value})
	}
	return nil
}

// intern returns the text of a key without making it for every row.
func (r *row) intern(key []byte) (string, error) {
	if name, ok := r.names[string(key)]; ok {
		return name, nil
	}
	name, err := unquote(key)
	if r.names == nil {
		r.names = make(map[string]string)
	}
	if len(r.names) < maxColumns && len(key) < maxName {
		r.names[string(key)] = name
	}
	return name, err
}

func unquote(key []byte) (name string, err error) {
	if bytes.IndexByte(key, '\\') < 0 {
		return string(key[1 : len(key)-1]), nil
	}
	err = json.Unmarshal(key, &name)
	return name, err
}

const jsonSpace = " \t\r\n"

// valueEnd returns the length of the value that b, valid JSON, begins with.
func valueEnd(b []byte) int {
	depth, quoted := 0, false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
			if !quoted && depth == 0 {
				return i + 1
			}
		case quoted:
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']' || depth == 0 && (c == ',' || c == ' ' || c == '\t' || c == '\r' || c == '\n'):
			if depth == 0 {
				return i // behind a number or word
			}
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return len(b)
}

// sameJSON reports whether two JSON texts are the same value.
func sameJSON(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	x, err1 := decodeJSON(a)
	y, err2 := decodeJSON(b)
	return err1 == nil && err2 == nil && reflect.DeepEqual(x, y)
}

func decodeJSON(b []byte) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	var v any
	err := dec.Decode(&v)
	return v, err
}
