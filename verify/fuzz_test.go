package verify

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"
)

// FuzzPackage alters a good package at a place, or checks what it is given as
// one. Whatever it is: it ends, as a failure unless nothing was altered.
func FuzzPackage(f *testing.F) {
	good, _ := smallPackage(f)
	f.Add(0, 0, []byte(nil))
	f.Add(30, 4, []byte("text"))
	f.Add(0, len(good), good)
	f.Add(len(good), 0, []byte{0})
	f.Fuzz(func(t *testing.T, at, drop int, insert []byte) {
		if at < 0 || drop < 0 || at > len(good) || drop > len(good)-at {
			return
		}
		b := append(append(bytes.Clone(good[:at]), insert...), good[at+drop:]...)
		_, err := checkBytes(b, Options{})
		if _, failed := errors.AsType[*Failure](err); failed == bytes.Equal(b, good) {
			t.Errorf("%d bytes at %d replaced by %q: %v", drop, at, insert, err)
		}
	})
}

// FuzzContent puts text into the files that a package is made of and has the
// log seal it: what a verifier reads behind a seal may be hostile as well.
func FuzzContent(f *testing.F) {
	for name, content := range smallFiles(smallLog()) {
		f.Add(name, content)
	}
	f.Fuzz(func(t *testing.T, name string, content []byte) {
		l := smallLog()
		files := smallFiles(l)
		if files[name] == nil {
			return
		}
		files[name] = content
		if _, err := checkBytes(l.pack(t, files), Options{}); err != nil && ExitCode(err) != 1 {
			t.Error(err)
		}
	})
}

// FuzzRow holds the parser of rows against encoding/json.
func FuzzRow(f *testing.F) {
	f.Add([]byte(`{"a":1,"b":"x","c":[1,{"d":"}"}],"e":null, "f" : {} ,"\u0067":"\"","h":-1.5e3}`))
	f.Add([]byte(` {} `))
	f.Add([]byte(`{"a":1,"a":1}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		var want map[string]json.RawMessage
		invalid := json.Unmarshal(line, &want)
		var r row
		err := r.parse(line)
		got := r.fields
		if invalid != nil {
			if err == nil {
				t.Errorf("%q is read as %v", line, got)
			}
			return
		}
		if err != nil {
			return // null, a name twice, or bytes that are not UTF-8
		}
		if len(got) != len(want) {
			t.Errorf("%q is read as %v", line, got)
		}
		for _, field := range got {
			if value, ok := want[field.name]; !ok || !bytes.Equal(value, field.value) {
				t.Errorf("%q: %q is read as %q", line, field.name, field.value)
			}
		}
	})
}
