package hostile

import (
	"net/url"
	"slices"
	"strings"
	"testing"
)

// An Upload is a file of a form.
type Upload struct{ Field, Name, Content string }

// A Request is one that a visitor makes. Values are nil in a GET.
type Request struct {
	Method, Path string
	Values       url.Values
	Files        []Upload
	Multipart    bool
}

// A Visit is a page that is open before somebody.
type Visit struct {
	Path string
	Page Answer
	Send func(Request) Answer // as whoever looks at the page
}

// A Scene brings up a page with forms, as often as it is asked to: a form that
// was taken may not be there a second time.
type Scene struct {
	Name string
	Open func() Visit
}

// A Siege is what is tried, and by which rules.
type Siege struct {
	Routes   []string                                  // the door's table: "POST /cases/{case}/note"
	Route    func(method, path string) string          // which of them answers
	Scenes   []Scene                                   // that bring up every form
	Known    []string                                  // pages that show what pages are made of
	Policies []string                                  // Content-Security-Policies of pages
	Headers  []string                                  // names of headers that answers have
	Fill     func(route string, f Field, n int) string // what a field takes, where the page proposes nothing
	Wait     func()                                    // lets the time pass that an answer 503 asks for
	Nobody   func(Request) Answer                      // a visitor who is not signed in; nil where all are
	Formless []string                                  // routes with POST that no page has a form for
	Path     func(route string) string                 // the address of a route, with ids for what is in braces
	Ask      func(route string, r Request) Answer      // as somebody who may
	Lists    []List
	Quick    bool // fewer strings for each field

	t      testing.TB
	judge  *judge
	single []string
	next   int // of single
	turn   int // of bare
	count  int
	forms  map[string]bool     // that were tried
	routes map[string]bool     // that had a form
	names  []string            // every name of a field or parameter
	asked  map[string][]string // the parameters of each route
	seen   []string            // pages that showed what was sent
}

// Run tries every form of every scene. It returns how many requests it made,
// and the pages that show what was stored.
func (s *Siege) Run(t testing.TB) (requests int, shown []string) {
	t.Helper()
	s.t, s.forms, s.routes, s.asked = t, map[string]bool{}, map[string]bool{}, map[string][]string{}
	s.judge = &judge{s.Policies, s.Headers, map[string]bool{}}
	for i := 0; ; i++ { // of every list in turn, so that neighbours differ
		more := false
		for _, l := range s.Lists {
			if i < len(l.Strings) {
				s.single, more = append(s.single, l.Strings[i]), true
			}
		}
		if !more {
			break
		}
	}
	for _, page := range s.Known {
		s.judge.learn(Parse(t, page))
	}
	s.learn()
	s.addresses()
	for _, scene := range s.Scenes {
		v := scene.Open()
		for _, f := range Forms(Parse(t, v.Page.Body), v.Path) {
			s.try(scene, f)
		}
	}
	for _, route := range s.Routes {
		if strings.HasPrefix(route, "POST ") && !s.routes[route] && !slices.Contains(s.Formless, route) {
			t.Errorf("%s: no scene brings up a page with a form for it", route)
		}
	}
	return s.count, s.seen
}

// learn opens every scene and sends each form once as it is, and once empty.
func (s *Siege) learn() {
	for _, scene := range s.Scenes {
		v := scene.Open()
		root := Parse(s.t, v.Page.Body)
		if v.Page.Status != 200 {
			s.t.Errorf("%s: status %d", scene.Name, v.Page.Status)
		}
		s.judge.learn(root)
		for _, to := range append(Links(root), v.Path) {
			if u, err := url.Parse(to); err == nil {
				for name := range u.Query() {
					s.name(name, s.Route("GET", u.Path))
				}
			}
		}
		for i, f := range Forms(root, v.Path) {
			for _, x := range f.Fields {
				s.name(x.Name, s.Route(f.Method, f.Action))
			}
			if s.learnt(f) {
				continue
			}
			if s.Nobody != nil && f.Method == "POST" {
				s.judge.learn(Parse(s.t, s.Nobody(s.request(f, false)).Body))
			}
			for _, empty := range []bool{true, false} {
				if !empty || i > 0 {
					v = scene.Open()
				}
				r := s.request(f, empty)
				a := s.send(v, r)
				if a.Page() {
					s.judge.learn(Parse(s.t, a.Body))
				}
				if a.Status >= 500 {
					s.t.Errorf("%s, %s %s with nothing hostile: status %d: %.500s", scene.Name, r.Method, r.Path, a.Status, a.Body)
				}
			}
		}
	}
}

// key tells forms apart: by route and names of fields.
func (s *Siege) key(f Form) string {
	key := s.Route(f.Method, f.Action)
	for _, x := range f.Fields {
		key += " " + x.Name
	}
	return key
}

// learnt reports whether a form like f was learnt from before.
func (s *Siege) learnt(f Form) bool {
	key := "learnt " + s.key(f)
	before := s.forms[key]
	s.forms[key] = true
	return before
}

// name notes a parameter of a route.
func (s *Siege) name(n, route string) {
	if !slices.Contains(s.names, n) {
		s.names = append(s.names, n)
	}
	if !slices.Contains(s.asked[route], n) {
		s.asked[route] = append(s.asked[route], n)
	}
}

// request fills in a form.
func (s *Siege) request(f Form, empty bool) Request {
	r := Request{Method: f.Method, Path: f.Action, Values: url.Values{}, Multipart: f.Files}
	route := s.Route(f.Method, f.Action)
	for _, x := range f.Fields {
		v := x.Value
		if v == "" && !empty || x.Kind == "password" {
			v = s.Fill(route, x, s.count)
		}
		switch {
		case x.Kind == "file":
			if !empty {
				r.Files = append(r.Files, Upload{x.Name, "steps.txt", "steps"})
			}
		case v == "" && !empty && len(x.Options) > 0:
			v = x.Options[len(x.Options)-1]
			fallthrough
		default:
			if v != "" || x.typed() {
				r.Values.Set(x.Name, v)
			}
		}
	}
	return r
}

// send makes a request, a second time where the door asks for patience.
func (s *Siege) send(v Visit, r Request) Answer {
	if r.Method == "GET" && r.Values != nil {
		path, _, _ := strings.Cut(r.Path, "?")
		r.Path, r.Values = path+"?"+r.Values.Encode(), nil
	}
	s.count++
	a := v.Send(r)
	if a.Status == 503 && s.Wait != nil {
		s.Wait()
		a = v.Send(r)
	}
	return a
}

// try sends hostile strings through every field of a form, unless one like it
// was tried.
func (s *Siege) try(scene Scene, f Form) {
	route := s.Route(f.Method, f.Action)
	if f.Method == "POST" && !slices.Contains(s.Routes, route) {
		s.t.Errorf("%s: a form is sent to %s, which no route answers", scene.Name, f.Action)
		return
	}
	s.routes[route] = true
	key := s.key(f)
	if s.forms[key] {
		return
	}
	s.forms[key] = true
	b := &breach{Siege: s, scene: scene, form: f, route: route}
	for _, x := range f.Fields {
		for _, sent := range s.plan(x) {
			b.send(x, sent)
		}
	}
	if len(f.Fields) > 0 && s.Nobody != nil { // what was typed without a session comes back in a form
		r := s.request(f, false)
		for _, x := range f.Fields {
			r.Values.Set(x.Name, joined(within))
		}
		b.judge("nobody", s.send(Visit{Send: s.Nobody}, r), within...)
	}
}

// plan is what a field is sent: strings that are a value by themselves, those of
// ours that leave their place, and some of the lists, in turn, so that no two
// fields have the same; short ones, to be stored, and more than a field takes.
func (s *Siege) plan(x Field) []string {
	s.turn++
	one, other := bare[s.turn%len(bare)], bare[(s.turn+5)%len(bare)]
	switch {
	case x.Kind == "password": // each is hashed, and shown nowhere
		return []string{one, joined(within)}
	case !x.typed() && x.Kind != "file":
		return []string{one, other, joined(within)}
	case s.Quick:
		return []string{one, other, joined(within), s.some(1500)}
	}
	return append(slices.Clone(bare), joined(within), marked(strings.Repeat("over-long<b>", 12_000)), s.some(1500), s.some(60_000))
}

// some returns the next strings of the lists, of so many bytes in all.
func (s *Siege) some(size int) string {
	var next []string
	for n := 0; len(s.single) > 0 && n < size; s.next++ {
		text := s.single[s.next%len(s.single)]
		if n += len(text) + len(marked("")); n < size || len(next) == 0 {
			next = append(next, text)
		}
	}
	return joined(next)
}

// joined marks each string.
func joined(all []string) string {
	var b strings.Builder
	for _, s := range all {
		b.WriteString(marked(s))
	}
	return b.String()
}

func marked(s string) string { return markBegin + s + markEnd }

// breach tries one form.
type breach struct {
	*Siege
	scene Scene
	form  Form
	route string
	open  *Visit // the page with the form, while it stands
}

// visit returns the form as it stands on its page now.
func (b *breach) visit() (Visit, Form) {
	if b.open == nil {
		v := b.scene.Open()
		b.open = &v
		for _, f := range Forms(Parse(b.t, v.Page.Body), v.Path) {
			if b.Route(f.Method, f.Action) == b.route && len(f.Fields) == len(b.form.Fields) {
				b.form = f
				break
			}
		}
	}
	return *b.open, b.form
}

// send sends one string through one field.
func (b *breach) send(x Field, sent string) {
	v, f := b.visit()
	r := b.request(f, false)
	if x.Kind == "file" {
		r.Files = []Upload{{x.Name, sent, sent}}
	} else {
		r.Values.Set(x.Name, sent)
	}
	a := b.Siege.send(v, r)
	b.judge(x.Name, a, sent)
	if a.Status < 400 { // it was taken, and the answer is not the page any more
		b.open = nil
	}
	to := a.header("Location")
	if to == "" || !local(to) {
		return
	}
	b.count++
	b.judge(x.Name+", then "+to, v.Send(Request{Method: "GET", Path: to}), sent)
	if !slices.Contains(b.seen, to) {
		b.seen = append(b.seen, to)
	}
}

func (b *breach) judge(where string, a Answer, sent ...string) {
	var raw []string
	for _, one := range sent {
		for part := range strings.SplitSeq(one, markEnd) {
			raw = append(raw, strings.TrimPrefix(part, markBegin))
		}
	}
	problems := b.Siege.judge.problems(a, raw...)
	for _, p := range problems[:min(len(problems), maxProblems)] {
		b.t.Errorf("%s (%s), field %s, %.80q: %s", b.route, b.scene.Name, where, sent[0], p)
	}
}

// addresses tries every route with hostile names in its path, and with hostile
// values in its parameters: in every one that any form or address of the door
// has, and in each of its own alone.
func (s *Siege) addresses() {
	s.t.Helper()
	for _, route := range s.Routes {
		method, pattern, _ := strings.Cut(route, " ")
		b := &breach{Siege: s, scene: Scene{Name: "address"}, route: route}
		ask := func(where, at, sent string) {
			s.count++
			r := Request{Method: method, Path: at}
			if method == "POST" {
				r.Values = url.Values{}
			}
			b.judge(where, s.Ask(route, r), sent)
		}
		for range 4 {
			if s.turn++; strings.Contains(pattern, "{") && !strings.Contains(pattern, "{$}") {
				sent := bare[s.turn%len(bare)] + joined(within[:3])
				ask("path", fill(pattern, url.PathEscape(sent)), sent)
			}
		}
		if method != "GET" {
			continue
		}
		for i, sent := range append(slices.Clone(bare), joined(within)) {
			if s.Quick && i%4 != s.turn%4 {
				continue
			}
			all := url.Values{}
			for _, name := range s.names {
				all.Set(name, sent)
			}
			ask("every parameter", s.Path(route)+"?"+all.Encode(), sent)
			for _, name := range s.asked[route] {
				ask(name, s.Path(route)+"?"+url.Values{name: {sent}}.Encode(), sent)
			}
		}
	}
}

// fill puts a value in the place of every wildcard.
func fill(pattern, value string) string {
	for {
		i, j := strings.Index(pattern, "{"), strings.Index(pattern, "}")
		if i < 0 || j < i {
			return pattern
		}
		pattern = pattern[:i] + value + pattern[j+1:]
	}
}
