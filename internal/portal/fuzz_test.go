package portal

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzForm holds that whatever comes as a form is read or refused, within its
// limits, and leaves nothing in the spool.
func FuzzForm(f *testing.F) {
	f.Add("multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"text\"\r\n\r\nhello\r\n--b\r\nContent-Disposition: form-data; name=\"files\"; filename=\"a.txt\"\r\n\r\nx\r\n--b--\r\n")
	f.Add("multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"files\"; filename=\"\"\r\n\r\n\r\n--b--")
	f.Add("application/x-www-form-urlencoded", "number=C-2026-000001&code=%ff")
	f.Add("multipart/form-data", "")
	f.Fuzz(func(t *testing.T, kind, body string) {
		p := &portal{log: slog.New(slog.DiscardHandler)}
		r := httptest.NewRequest(http.MethodPost, "/report", strings.NewReader(body))
		r.Header.Set("Content-Type", kind)
		form, err := p.readForm(httptest.NewRecorder(), r)
		if len(form.files) > maxFiles || form.size() > maxAllFiles {
			t.Errorf("%d files of %d bytes", len(form.files), form.size())
		}
		for name, v := range form.values {
			if err == nil && (len(v) > 3*maxValue || !utf8.ValidString(v)) {
				t.Errorf("%q has %d bytes, valid %v", name, len(v), utf8.ValidString(v))
			}
		}
		form.close()
		if n := p.spool.used.Load(); n != 0 {
			t.Errorf("%d bytes are left in the spool", n)
		}
	})
}

// FuzzLanguage holds that every header has a language.
func FuzzLanguage(f *testing.F) {
	f.Add("de-CH,fr;q=0.5", "")
	f.Add("*;q=0", "xx")
	f.Fuzz(func(t *testing.T, accept, chosen string) {
		r := httptest.NewRequest(http.MethodGet, "/report", nil)
		r.Header.Set("Accept-Language", accept)
		r.URL.RawQuery = "lang=" + chosen
		if speak(r) == nil {
			t.Error("no language")
		}
	})
}
