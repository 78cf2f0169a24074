package field

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func FuzzAddress(f *testing.F) {
	for _, s := range []string{"a@example.org", "\"B, A\" <a@b.c>, (x(y)) d@e", "G: a@b, <c@d>;", "=?utf-8?Q?a,b?= <a@[1.2.3.4]>", "a b <x <y@z", "@r:a@b", "ä@ü", "\"\\\"@\"@x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		list, _ := ParseList(s, "")
		for _, a := range list {
			if a.Addr == "" && a.Name == "" || CleanLine(a.Name) != a.Name || a.Addr != "" && Wrong(a.Addr) != "" {
				t.Errorf("%+v", a)
			}
		}
		a, err := ParseAddress(s)
		if err != nil {
			return
		}
		if strings.ContainsAny(a.Addr, "\r\n\x00") || a.Addr == "" {
			t.Errorf("%q", a.Addr)
		}
		n := NormalizeAddr(a.Addr)
		if again := NormalizeAddr(n); again != n {
			t.Errorf("%q becomes %q, then %q", a.Addr, n, again)
		}
		if h := CleanLine(s); strings.ContainsAny(h, "\r\n\x00") || !utf8.ValidString(h) {
			t.Errorf("%q", h)
		}
	})
}
