package format

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"
)

// Names are the names of persons and channels by the ids of their records, as
// their last shown documents say them.
type Names map[string]string

// Of returns the name behind an id: the id itself where nobody is known by it.
func (n Names) Of(id string) string {
	switch {
	case n[id] != "":
		return n[id]
	case id == "system":
		return "Countersign" // the product itself acted
	case id == "operator":
		return "Operator" // whoever runs the installation, without an account
	}
	return id
}

// Learn takes the name that a document of kind person or channel says.
func (n Names) Learn(e *Entry, d *Document) {
	if kind := e.Kind(); kind != "person" && kind != "channel" {
		return
	}
	if name, ok := Text(d.Field("name")); ok {
		n[strings.Clone(e.Record)] = name
	}
}

// AppendColumn appends to b the value, as JSON, that a column of a row must
// have although the document has no field of that name: what the entry says, or
// what follows from a shown field (docs/FORMAT.md, "Records"). Nothing is
// appended for a column that must not be there. It reports false for one that
// nothing sealed is behind.
func AppendColumn(b []byte, name string, e *Entry, d *Document, names Names) (value []byte, proved bool) {
	switch name {
	case "record":
		return AppendQuote(b, e.Record), true
	case "act":
		return AppendQuote(b, e.Act), true
	case "actor":
		return AppendQuote(b, e.Actor), true
	case "role":
		return AppendQuote(b, e.Role), true
	case "time":
		return appendInstant(b, e.Time), true
	case "controls":
		return appendList(b, e.Controls), true
	case "approver_names":
		return appendNames(b, d.Field("approvals"), names)
	case "actor_name":
		return AppendQuote(b, names.Of(e.Actor)), true
	}
	if name == "person_name" && e.Kind() == "person" {
		return AppendQuote(b, names.Of(e.Record)), true
	}
	if field, ok := strings.CutSuffix(name, "_names"); ok {
		return appendNames(b, d.Field(field+"s"), names)
	}
	if field, ok := strings.CutSuffix(name, "_name"); ok {
		if id, isText := Text(d.Field(field)); isText {
			return AppendQuote(b, names.Of(id)), true
		}
		return b, false
	}
	at, ok := parseInt(d.Field(name + "_at"))
	return appendInstant(b, at), ok
}

// appendNames appends the names of a list of ids, or of objects that say an id
// as "by", each name once.
func appendNames(b, list []byte, names Names) ([]byte, bool) {
	var ids []named
	if list == nil || json.Unmarshal(list, &ids) != nil {
		return b, false
	}
	var all []string
	for _, id := range ids {
		if name := names.Of(string(id)); !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	return appendList(b, all), true
}

// named is an id, in JSON alone or as "by" of an object.
type named string

// UnmarshalJSON implements json.Unmarshaler.
func (n *named) UnmarshalJSON(b []byte) error {
	if id, ok := Text(b); ok {
		*n = named(id)
		return nil
	}
	var x struct {
		By *string `json:"by"`
	}
	err := json.Unmarshal(b, &x)
	if err == nil && x.By == nil {
		err = errors.New("names nobody")
	}
	if err == nil {
		*n = named(*x.By)
	}
	return err
}

// Instant writes an instant in Unix microseconds as columns show it: RFC 3339
// in UTC with six digits of the second.
func Instant(micros int64) string {
	return time.UnixMicro(micros).UTC().Format(instantForm)
}

const instantForm = "2006-01-02T15:04:05.000000Z"

// appendInstant appends an instant as JSON; zero is not yet.
func appendInstant(b []byte, micros int64) []byte {
	if micros == 0 {
		return b
	}
	return append(time.UnixMicro(micros).UTC().AppendFormat(append(b, '"'), instantForm), '"')
}

func appendList(b []byte, list []string) []byte {
	if len(list) == 0 {
		return b
	}
	for i, text := range list {
		b = AppendQuote(append(b, "[,"[min(i, 1)]), text)
	}
	return append(b, ']')
}

// AppendQuote appends text as a JSON string, as encoding/json writes it.
func AppendQuote(b []byte, text string) []byte {
	for i := range len(text) {
		switch c := text[i]; {
		case c < ' ' || c > '~' || c == '\\' || c == '"' || c == '<' || c == '>' || c == '&':
			quoted, _ := json.Marshal(text) // strings always can be
			return append(b, quoted...)
		}
	}
	return append(append(append(b, '"'), text...), '"')
}
