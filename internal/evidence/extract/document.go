package extract

import (
	"context"
	"encoding/json"

	"example.org/countersign/internal/ledger"
	"example.org/countersign/verify/format"
)

// Load reads what a version says.
func Load[T any](ctx context.Context, l *ledger.Ledger, v *Version) (*T, error) {
	_, doc, err := l.Document(ctx, v.Entry, func(string, string, string) bool { return true })
	if err != nil {
		return nil, err
	}
	x := new(T)
	if err := Decode(doc, x); err != nil {
		return nil, &ledger.Mismatch{Where: v.Act + " " + v.Record, What: "cannot be read: " + err.Error()}
	}
	return x, nil
}

// Text returns a field of a document that is a string, "" where it shows none.
func Text(doc *format.Document, name string) string {
	var s string
	if v := doc.Field(name); v == nil || json.Unmarshal(v, &s) != nil {
		return ""
	}
	return s
}

// Decode reads the shown fields of a document into the struct of its kind.
func Decode(doc *format.Document, v any) error {
	b := []byte{'{'}
	for i := range doc.Fields {
		f := &doc.Fields[i]
		if f.Redacted {
			continue
		}
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = append(append(append(append(b, '"'), f.Name...), '"', ':'), f.Value...)
	}
	return json.Unmarshal(append(b, '}'), v)
}
