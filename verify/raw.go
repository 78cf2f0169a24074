package verify

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"example.org/countersign/verify/format"
)

// absent says which tables of the sealed package are not there, and which files
// below raw/ no row has named.
func (c *checker) absent() error {
	for _, file := range slices.Sorted(maps.Keys(c.rows)) {
		if c.files[file] == nil {
			if !c.summary.Abridged {
				return failf(file, none, "is missing from the package: the seal speaks of its %d rows", c.rows[file])
			}
			c.summary.LeftOut = append(c.summary.LeftOut, Rows{File: file, Rows: c.rows[file]})
		}
	}
	c.summary.Unnamed = int64(len(c.raw))
	if len(c.raw) > 0 && c.summary.Abridged {
		return failf(slices.Min(slices.Collect(maps.Keys(c.raw))), none, "no document that is shown says what it is")
	}
	return nil
}

// file checks a column that names files below raw/: that they are what the
// document says by their hashes. It reports false for other columns, and where
// the document does not show the hashes.
func (r *rowChecker) file(f rowField) (known bool, err error) {
	from, ok := fileColumns[f.name]
	if !ok {
		return false, nil
	}
	sums, ok := hashesIn(r.library.doc.Field(from))
	if !ok {
		return false, nil
	}
	paths, ok := pathsIn(f.value)
	if !ok {
		return true, fmt.Errorf("%q names no files", f.name)
	}
	for _, path := range paths {
		sum, ok := r.library.c.raw[path]
		if !ok {
			return true, fmt.Errorf("%q names %.240q, which is not in the package or another row's", f.name, path)
		}
		if !slices.Contains(sums, sum) {
			return true, fmt.Errorf("%q names %s, whose SHA-256 is not in the sealed document", f.name, path)
		}
		delete(r.library.c.raw, path)
	}
	return true, nil
}

// FilesNamed returns the paths of the files that a column names and whose hashes
// the document shows. It reports false for other columns, and where the document
// does not show them.
func FilesNamed(c Column, d *format.Document) (paths []string, ok bool) {
	from, ok := fileColumns[c.Name]
	if !ok {
		return nil, false
	}
	if _, ok := hashesIn(d.Field(from)); !ok {
		return nil, false
	}
	return pathsIn(c.Value)
}

// pathsIn returns the paths in a column: one, or a list.
func pathsIn(value []byte) (paths []string, ok bool) {
	if path, one := format.Text(value); one {
		return []string{path}, true
	}
	return paths, json.Unmarshal(value, &paths) == nil
}

// fileColumns are the columns that name files, and the fields that have their
// hashes.
var fileColumns = map[string]string{"raw_file": "raw_sha256", "text_file": "text_blob", "attachment_files": "attachments"}

// hashesIn returns the hashes in a field: itself, or what it or the members of
// its list say as "sha256".
func hashesIn(value []byte) (sums []format.Hash, ok bool) {
	var texts []string
	if text, ok := format.Text(value); ok {
		texts = []string{text}
	} else {
		type file struct {
			SHA256 string `json:"sha256"`
		}
		var one file
		var list []file
		switch {
		case value == nil:
			return nil, false
		case json.Unmarshal(value, &one) == nil:
			texts = []string{one.SHA256}
		case json.Unmarshal(value, &list) == nil:
			for _, x := range list {
				texts = append(texts, x.SHA256)
			}
		}
	}
	for _, text := range texts {
		if sum, err := format.ParseHex(text); err == nil {
			sums = append(sums, sum)
		}
	}
	return sums, len(sums) > 0
}
