package web

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"example.org/countersign/internal/design"
	"example.org/countersign/internal/design/phrase"
	"example.org/countersign/internal/fault"
)

// form is what was sent, and what is wrong with it. A nil form is one that was
// not sent: its fields show what the record says.
type form struct {
	name   string // which of a page's forms
	values url.Values
	errors map[string]string // by field
	status int
}

// form reads a form without files.
func (q *request) form(name string) (*form, error) {
	q.r.Body = http.MaxBytesReader(q.w, q.r.Body, maxForm)
	if err := q.r.ParseForm(); err != nil {
		return nil, formFault(err)
	}
	return newForm(name, q.r.PostForm), nil
}

func newForm(name string, values url.Values) *form {
	return &form{name: name, values: plain(values), errors: map[string]string{}, status: http.StatusOK}
}

// query is what the address asks for.
func (q *request) query() url.Values { return plain(q.r.URL.Query()) }

// plain makes text of what was sent.
func plain(values url.Values) url.Values {
	out := url.Values{}
	for name, all := range values {
		for _, v := range all {
			out.Add(name, phrase.Plain(v))
		}
	}
	return out
}

func formFault(err error) error {
	return fmt.Errorf("read the form: %w", &fault.Error{Kind: fault.Invalid, Msg: "this form cannot be read; go back and send it again", Err: err})
}

// get returns what was typed into a field, without the space around it.
func (f *form) get(name string) string { return strings.TrimSpace(f.values.Get(name)) }

// wrong notes what is wrong with a field.
func (f *form) wrong(field, text string) {
	if f.errors[field] == "" {
		f.errors[field] = sentence(text)
	}
	f.status = max(f.status, http.StatusUnprocessableEntity)
}

// takes reports whether err is one to show on the page: beside the field that
// its text names, else beside field.
func (f *form) takes(err error, field string) bool {
	kind, text := fault.Of(err)
	if kind == fault.Internal || kind == fault.NotFound {
		return false
	}
	if name, rest, ok := strings.Cut(text, ": "); ok && (f.values.Has(name) || name == "cell") {
		field, text = name, rest
	}
	f.wrong(field, text)
	f.status = statuses[kind]
	return true
}

// is reports whether f is the form of that name, sent and not taken.
func (f *form) is(name string) bool { return f != nil && f.name == name }

// of returns f for the fields of the form with that name, nil for those of
// others.
func (f *form) of(name string) *form {
	if f.is(name) {
		return f
	}
	return nil
}

// field shows what was typed, and what is wrong with it, in d.
func (f *form) field(d design.Field) design.Field {
	if f == nil {
		return d
	}
	typed := f.values[d.Name]
	d.Error = f.errors[d.Name]
	switch d.Kind {
	case design.Choice, design.Radio, design.Check, design.Confirm:
		for i := range d.Options {
			d.Options[i].Chosen = slices.Contains(typed, d.Options[i].Value)
		}
	case design.Password, design.Files:
	default:
		if len(typed) > 0 {
			d.Value = typed[0]
		}
	}
	return d
}

// fields does so for several.
func (f *form) fields(all ...design.Field) []design.Field {
	for i := range all {
		all[i] = f.field(all[i])
	}
	return all
}

// code is the status of a page that shows f.
func (f *form) code() int {
	if f == nil {
		return http.StatusOK
	}
	return f.status
}

// Form is a form as a page draws it: partial "form".
type Form struct {
	Title   string // of the fold around it; none where empty
	Key     string // opens the fold
	Open    bool
	Note    string
	Method  string // "get" for a filter; post where empty
	Files   bool   // sends files
	Row     bool   // its fields stand side by side
	Action  string // where it is sent; none where its buttons only lead elsewhere
	Hidden  []design.Pair
	Fields  []design.Field
	Grid    *design.Grid // before the fields
	Buttons []design.Button
}

// fold builds a folded form that opens where something is wrong with it.
func (f *form) fold(name, title, action, button string, fields ...design.Field) Form {
	own := f.of(name)
	for i := range fields {
		fields[i].ID = or(fields[i].ID, name+"-"+fields[i].Name)
	}
	return Form{Title: title, Action: action, Open: own != nil, Fields: own.fields(fields...), Buttons: []design.Button{{Label: button}}}
}

// chosen builds options, one of which is chosen.
func chosen(value string, pairs ...[2]string) []design.Option {
	out := make([]design.Option, len(pairs))
	for i, p := range pairs {
		out[i] = design.Option{Value: p[0], Label: p[1], Chosen: p[0] == value}
	}
	return out
}
