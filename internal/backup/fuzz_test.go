package backup

import (
	"bytes"
	"testing"

	"filippo.io/age"
)

// FuzzPart reads parts of tables as somebody may make them who knows the
// recipient. What is read can be written again and reads the same.
func FuzzPart(f *testing.F) {
	l := layout{"t", []column{{"a", "int"}, {"b", "text"}, {"c", "bytes"}}}
	const first = `{"table":"t","columns":[{"name":"a","type":"int"},{"name":"b","type":"text"},{"name":"c","type":"bytes"}]}` + "\n"
	for _, s := range []string{"", first, first + "[1,\"x\",\"eA==\"]\n", first + "[null,null,null]\n[-9223372036854775808,\"\",\"\"]\n", first + "[1]\n", first + "[1,2,3]", "[]\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var rows []byte
		if err := readPart("t", l, bytes.NewReader(b), func(row []any) (err error) {
			rows, err = appendRow(rows, l.Columns, row)
			return err
		}); err != nil {
			return
		}
		var again []byte
		if err := readPart("t", l, bytes.NewReader(append([]byte(first), rows...)), func(row []any) (err error) {
			again, err = appendRow(again, l.Columns, row)
			return err
		}); err != nil || !bytes.Equal(again, rows) {
			t.Errorf("%q became %q, %v", rows, again, err)
		}
	})
}

// FuzzArchive reads archives that decrypt and may be anything: nothing is
// accepted that was not sealed.
func FuzzArchive(f *testing.F) {
	f.Add([]byte{})
	f.Add(make([]byte, 1024))
	f.Fuzz(func(t *testing.T, plain []byte) {
		var file bytes.Buffer
		w, err := age.Encrypt(&file, key.Recipient())
		if err != nil {
			t.Fatal(err)
		}
		w.Write(plain)
		w.Close()
		a, err := openArchive(&file, []age.Identity{key})
		for err == nil {
			var name string
			var size int64
			var body *checked
			if name, size, body, err = a.next(); err != nil {
				break
			}
			if name == manifestName {
				if _, err = a.finish(size, body, &secret{}); err == nil {
					t.Error("accepted what nobody sealed")
				}
				break
			}
			err = a.done(name, size, body)
		}
	})
}
