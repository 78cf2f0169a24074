package field

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.org/countersign/internal/fault"
)

func TestParseList(t *testing.T) {
	for in, want := range map[string][]Address{
		"":                      nil,
		"a@example.org":         {{"", "a@example.org"}},
		"<a@example.org>":       {{"", "a@example.org"}},
		"A. B. <a@example.org>": {{"A. B.", "a@example.org"}},
		"\"B, A\" <a@example.org>, c@example.org":    {{"B, A", "a@example.org"}, {"", "c@example.org"}},
		"B, A <a@example.org>":                       {{"B, A", "a@example.org"}},
		"a@example.org (A B)":                        {{"A B", "a@example.org"}},
		"a@example.org; b@example.org":               {{"", "a@example.org"}, {"", "b@example.org"}},
		"Group: a@example.org, B <b@example.org>;":   {{"", "a@example.org"}, {"B", "b@example.org"}},
		"undisclosed-recipients:;":                   nil,
		"A <a@example.org> B <b@example.org>":        {{"A", "a@example.org"}, {"B", "b@example.org"}},
		"A <a@example.org":                           {{"A", "a@example.org"}},
		"<mailto:a@example.org>":                     {{"", "a@example.org"}},
		"<@relay.example.net:a@example.org>":         {{"", "a@example.org"}},
		"Pete(x) <pete(his)@silly.test(host)>":       {{"Pete", "pete@silly.test"}},
		"Mary <@m.test:mary@example.net>, j@t . ex":  {{"Mary", "mary@example.net"}, {"", "j@t.ex"}},
		"\"a b\"@example.org":                        {{"", "\"a b\"@example.org"}},
		"\"a@example.org\"":                          {{"", "a@example.org"}},
		"'A B' <a@example.org>":                      {{"A B", "a@example.org"}},
		"=?utf-8?Q?B=2C_=C3=84?= <a@example.org>":    {{"B, Ä", "a@example.org"}},
		"\"=?utf-8?Q?=C3=84?=\" <a@example.org>":     {{"Ä", "a@example.org"}},
		"=?utf-8?Q?a,b?= <a@example.org>":            {{"a,b", "a@example.org"}},
		"Märy <märy@exämple.net>":                    {{"Märy", "märy@exämple.net"}},
		"root":                                       {{"root", ""}},
		"A <>":                                       {{"A", ""}},
		"a@b@c":                                      {{"a@b@c", ""}},
		"a b@example.org":                            {{"a", "b@example.org"}},
		"x@[192.0.2.1], y@[IPv6:2001:db8::1]":        {{"", "x@[192.0.2.1]"}, {"", "y@[IPv6:2001:db8::1]"}},
		"ok@example.org, , \"":                       {{"", "ok@example.org"}, {"\"", ""}},
		"Admin\u202E <a@example.org>":                {{"Admin", "a@example.org"}},
		"\"security@bank.example\" <evil@x.example>": {{"security@bank.example", "evil@x.example"}},
	} {
		got, _ := ParseList(in, "")
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%q: %s", in, d)
		}
	}
}

func TestParseAddress(t *testing.T) {
	for in, want := range map[string]string{
		"a@example.org":                          "a@example.org",
		" Anna <a@exämple.org> ":                 "Anna <a@exämple.org>",
		"a.+tag@sub.example.org":                 "a.+tag@sub.example.org",
		"\"a b\"@example.org":                    "\"a b\"@example.org",
		"x@[192.0.2.1]":                          "x@[192.0.2.1]",
		"":                                       "there is no address",
		"anna":                                   "no @",
		"@example.org":                           "nothing stands before",
		"a@":                                     "nothing stands after",
		"a@b..c":                                 "two dots",
		"a@-b.c":                                 "hyphen",
		"a@b c":                                  "\"c a@b\"", // a word too many is a name, not an error
		"a@ex!ample.org":                         "a character that no domain has",
		"a@[300.1.1.1]":                          "do not hold an IP address",
		strings.Repeat("a", 65) + "@example.org": "longer than 64",
		"a@" + strings.Repeat("b.", 150) + "org": "longer than 254",
		"a@" + strings.Repeat("b", 64) + ".org":  "longer than 63",
		"a@example.org\r\nBcc: b@example.org":    "line breaks",
		"a@example.org, b@example.org":           "2 addresses",
	} {
		a, err := ParseAddress(in)
		if err != nil {
			if k, msg := fault.Of(err); k != fault.Invalid || !strings.Contains(msg, want) {
				t.Errorf("%q: %v, want %q", in, err, want)
			}
		} else if a.String() != want && want != "\"c a@b\"" {
			t.Errorf("%q: %v, want %q", in, a, want)
		}
	}
	if l, err := ParseAddressList("a@example.org; B <b@example.org>\n"); err == nil {
		t.Errorf("a line break got through: %v", l)
	}
	if l, err := ParseAddressList("a@example.org; B <b@example.org>"); err != nil || len(l) != 2 {
		t.Error(l, err)
	}
}

func TestNormalizeAddr(t *testing.T) {
	for in, want := range map[string]string{
		" Anna.Berg@EXAMPLE.org. ": "anna.berg@example.org",
		"A@Bücher.example":         "a@xn--bcher-kva.example",
		"a@xn--bcher-kva.example":  "a@xn--bcher-kva.example",
		"JÖRG@example.org":         "jörg@example.org",
		"jo\u0308rg@example.org":   "jörg@example.org",
		"root":                     "root",
		"":                         "",
	} {
		if got := NormalizeAddr(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
