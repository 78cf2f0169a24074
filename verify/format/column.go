package format

import (
	"encoding/json"
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

// Column returns the value, as JSON, that a column of a row must have although
// the document has no field of that name: what the entry says, or what follows
// from a shown field (docs/FORMAT.md, "Derived columns"). A value that is nil
// means that the column must not be there. It reports false for a column that
// nothing sealed is behind.
func Column(name string, e *Entry, d *Document, names Names) (value []byte, proved bool) {
	switch name {
	case "record":
		return Quote(e.Record), true
	case "act":
		return Quote(e.Act), true
	case "actor":
		return Quote(e.Actor), true
	case "role":
		return Quote(e.Role), true
	case "time":
		return quoteTime(e.Time), true
	case "controls":
		return quoteList(e.Controls), true
	case "approver_names":
		return nameList(d.Field("approvals"), names)
	case "person_name":
		if e.Kind() == "person" {
			return Quote(names.Of(e.Record)), true
		}
	case "actor_name":
		return Quote(names.Of(e.Actor)), true
	}
	if field, ok := strings.CutSuffix(name, "_names"); ok {
		return nameList(d.Field(field+"s"), names)
	}
	if field, ok := strings.CutSuffix(name, "_name"); ok {
		id, isText := Text(d.Field(field))
		return Quote(names.Of(id)), isText
	}
	at, ok := parseInt(d.Field(name + "_at"))
	return quoteTime(at), ok
}

// nameList returns the names of a list of ids, or of objects that say an id as
// "by", each name once.
func nameList(list []byte, names Names) ([]byte, bool) {
	var ids []json.RawMessage
	if list == nil || json.Unmarshal(list, &ids) != nil {
		return nil, false
	}
	var all []string
	seen := make(map[string]bool)
	for _, raw := range ids {
		id, ok := Text(raw)
		if !ok {
			var x struct {
				By *string `json:"by"`
			}
			if json.Unmarshal(raw, &x) != nil || x.By == nil {
				return nil, false
			}
			id = *x.By
		}
		if name := names.Of(id); !seen[name] {
			seen[name] = true
			all = append(all, name)
		}
	}
	return quoteList(all), true
}

// Instant writes an instant in Unix microseconds as columns show it: RFC 3339
// in UTC with six digits of the second.
func Instant(micros int64) string {
	return time.UnixMicro(micros).UTC().Format("2006-01-02T15:04:05.000000Z")
}

// quoteTime returns an instant as JSON; zero is not yet.
func quoteTime(micros int64) []byte {
	if micros == 0 {
		return nil
	}
	return Quote(Instant(micros))
}

func quoteList(list []string) []byte {
	if len(list) == 0 {
		return nil
	}
	b, _ := json.Marshal(list) // strings always can be
	return b
}

// Quote returns text as a JSON string, as encoding/json writes it.
func Quote(text string) []byte {
	b := append(append(append(make([]byte, 0, len(text)+2), '"'), text...), '"')
	if isPlain(b) && !strings.ContainsAny(text, "<>&") {
		return b
	}
	b, _ = json.Marshal(text) // strings always can be
	return b
}
