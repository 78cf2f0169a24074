package portal

import (
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/jba/templatecheck"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"example.org/countersign/internal/design"
	"example.org/countersign/internal/intake"
)

// TestTypes holds that every page can be executed with its struct.
func TestTypes(t *testing.T) {
	all := pages()
	for name, data := range map[string]any{"report": reportPage{}, "receipt": receiptPage{}, "follow": followPage{}, "thread": threadPage{}, "message": messagePage{}, "erased": erasedPage{}, "kept": keptPage{}, "waiting": waitingPage{}} {
		if err := templatecheck.CheckHTMLStrict(all[name].Lookup("public"), data); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		delete(all, name)
	}
	for name := range all {
		t.Errorf("%s is not checked", name)
	}
}

// TestWords holds that every language says everything, with the same blanks,
// and that no two things are said alike by mistake of copying.
func TestWords(t *testing.T) {
	want := reflect.ValueOf(english)
	for _, w := range tongues {
		v := reflect.ValueOf(*w)
		for i := range v.NumField() {
			name := v.Type().Field(i).Name
			texts, blanks := list(v.Field(i)), list(want.Field(i))
			for j, text := range texts {
				if strings.TrimSpace(text) != text || text == "" {
					t.Errorf("%s: %s is %q", w.Code, name, text)
				}
				if strings.Count(text, "%s") != strings.Count(blanks[j], "%s") || strings.Count(text, "%") != strings.Count(text, "%s") {
					t.Errorf("%s: %s has other blanks than in English: %q", w.Code, name, text)
				}
				if w != &english && text == blanks[j] && !slices.Contains([]string{"Code", "Date", "FollowUpCode", "Months"}, name) {
					t.Errorf("%s: %s is still English: %q", w.Code, name, text)
				}
			}
		}
		if !slices.Contains(intake.Languages, w.Code) {
			t.Errorf("%s is not a language of intake", w.Code)
		}
	}
	if len(tongues) != len(intake.Languages) {
		t.Errorf("%d languages, intake has %d", len(tongues), len(intake.Languages))
	}
	if got := german.instant(1789464600000000); got != "15. September 2026, 09:30 UTC" {
		t.Errorf("a German date: %s", got)
	}
}

func list(v reflect.Value) []string {
	if v.Kind() == reflect.String {
		return []string{v.String()}
	}
	var all []string
	for i := range v.Len() {
		all = append(all, v.Index(i).String())
	}
	return all
}

func TestLanguage(t *testing.T) {
	one(t, func(t *testing.T, s *site) {
		s.portal(t)
		for _, c := range []struct{ query, accept, want string }{
			{"", "", "en"}, {"", "de-CH,fr;q=0.5", "de"}, {"", "pt-BR, es-419;q=0.8", "es"}, {"", "ja", "en"}, {"", "\x00;;q=", "en"},
			{"fr", "de", "fr"}, {"xx", "de", "de"}, {"", "fr-CA;q=0.2, en;q=0.1", "fr"},
		} {
			p := s.get(t, "/report?lang="+c.query, "Accept-Language", c.accept)
			if !strings.Contains(p.Body.String(), `<html lang="`+c.want+`"`) || p.Header().Get("Vary") != "Accept-Language" {
				t.Errorf("?lang=%s with %q: not %s", c.query, c.accept, c.want)
			}
		}
		p := s.post(t, "/report?lang=de", map[string]string{"text": "Etwas stimmt nicht.", "who": "anonymous"})
		if !strings.Contains(p.text(), german.ReceiptTitle) {
			t.Errorf("the receipt is not in German: %s", p.text())
		}
		if c, err := s.desks.Intake.Case(t.Context(), p.number(t)); err != nil || c.Language != "de" {
			t.Errorf("the case is not in German: %v", err)
		}
	})
}

// quiet holds a page against what public pages are: nothing runs, nothing
// comes from or goes elsewhere, nothing is kept.
func quiet(t *testing.T, name string, p page) {
	t.Helper()
	h := p.Header()
	for header, want := range map[string]string{"Content-Security-Policy": design.PublicPolicy, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer",
		"X-Content-Type-Options": "nosniff", "Content-Type": "text/html; charset=utf-8", "Set-Cookie": ""} {
		if got := h.Get(header); got != want {
			t.Errorf("%s: %s is %q, want %q", name, header, got, want)
		}
	}
	for n := range p.root.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		if slices.Contains([]atom.Atom{atom.Script, atom.Iframe, atom.Object, atom.Embed, atom.Style, atom.Base, atom.Img, atom.Audio, atom.Video}, n.DataAtom) {
			t.Errorf("%s: <%s>", name, n.Data)
		}
		for _, a := range n.Attr {
			own := strings.HasPrefix(a.Val, "/report") || strings.HasPrefix(a.Val, "/follow-up") || strings.HasPrefix(a.Val, staticPath) || strings.HasPrefix(a.Val, "#")
			switch {
			case strings.HasPrefix(a.Key, "on") || a.Key == "style" || a.Key == "srcdoc":
				t.Errorf("%s: <%s %s=%q>", name, n.Data, a.Key, a.Val)
			case (a.Key == "href" || a.Key == "src" || a.Key == "action" || a.Key == "formaction") && (!own || codePattern.MatchString(a.Val)):
				t.Errorf("%s: <%s %s=%q>", name, n.Data, a.Key, a.Val)
			}
		}
		if n.DataAtom == atom.Form && !slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == "method" && a.Val == "post" }) {
			t.Errorf("%s: a form that is not posted", name)
		}
	}
}

func TestOtherRequests(t *testing.T) {
	one(t, func(t *testing.T, s *site) {
		s.portal(t)
		for _, c := range []struct {
			method, path, kind, body string
			want                     int
		}{
			{"PUT", "/report", "", "", http.StatusNotFound},
			{"GET", "/follow-up/message", "", "", http.StatusNotFound},
			{"POST", "/report", "", "", http.StatusUnprocessableEntity},
			{"POST", "/report", "multipart/form-data", "x", http.StatusBadRequest},
			{"POST", "/report", "multipart/form-data; boundary=x", "--x\r\n\r\n", http.StatusBadRequest},
			{"POST", "/report", "application/x-www-form-urlencoded", "%zz", http.StatusBadRequest},
			{"POST", "/report", "application/x-www-form-urlencoded", "text=" + strings.Repeat("x", 3*maxValue), http.StatusBadRequest},
			{"POST", "/follow-up", "text/plain", "number=1", http.StatusNotFound},
			{"POST", "/follow-up", "application/x-www-form-urlencoded", "%zz", http.StatusBadRequest},
			{"GET", "/report/../follow-up", "", "", http.StatusTemporaryRedirect},
		} {
			r := httptest.NewRequest(c.method, c.path, strings.NewReader(c.body))
			r.Header.Set("Content-Type", c.kind)
			if p := s.do(t, r); p.Code != c.want {
				t.Errorf("%s %s %s: %d, want %d: %s", c.method, c.path, c.kind, p.Code, c.want, p.text())
			}
		}
		for _, name := range []string{"app.css", "favicon.svg"} {
			at, err := asset(name)
			if err != nil {
				t.Fatal(err)
			}
			if p := s.get(t, at); p.Code != http.StatusOK || !strings.Contains(p.Header().Get("Cache-Control"), "immutable") {
				t.Errorf("%s: %d %v", at, p.Code, p.Header())
			}
		}
		for _, name := range []string{"app.js", "none.css", ".."} {
			if p := s.get(t, staticPath+name); p.Code == http.StatusOK {
				t.Errorf("%s is served", name)
			}
		}
	})
}
