package field

import (
	"strings"
	"testing"
)

func TestDecodeWords(t *testing.T) {
	for in, want := range map[string]string{
		"plain":                                 "plain",
		"=?utf-8?q?a_b?=":                       "a b",
		"=?UTF-8*en?Q?a?= =?UTF-8?Q?b?=":        "ab",
		"=?utf-8?B?w7w?=":                       "ü",       // padding lost
		"=?utf-8?Q?a b?= c":                     "a b c",   // a blank within
		"=?utf-8?Q?cut off":                     "cut off", // no end
		"=?utf-8?B?4pyT?=x":                     "✓x",      // no blank after
		"=?x?X?y?=":                             "=?x?X?y?=",
		"=?=":                                   "=?=",
		"a =?utf-8?Q??= b":                      "a  b",
		"\"=?utf-8?Q?quoted?=\"":                "\"quoted\"",
		"Gr\xfc\xdfe":                           "Grüße",
		"=?gb2312?B?xOO6ww==?=":                 "你好",
		"=?iso-2022-jp?B?GyRCJDMkcyRLGyhC?= ok": "こんに ok",
		"=?us-ascii?Q?a?= =?iso-8859-1?Q?=FC?=": "aü",
	} {
		if got := DecodeWords(in, ""); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestParseDate(t *testing.T) {
	for in, want := range map[string]string{
		"Tue, 22 Sep 2026 11:14:00 +0200":            "2026-09-22T09:14:00Z",
		"22 Sep 26 11:14 GMT":                        "2026-09-22T11:14:00Z",
		"Tue, 22 Sep 2026 11:14:00 EST":              "2026-09-22T16:14:00Z",
		"Tue Sep 22 11:14:00 2026":                   "2026-09-22T11:14:00Z",
		"Tue Sep 22 11:14:00 PDT 2026":               "2026-09-22T18:14:00Z",
		"22-Sep-2026 11:14:00 +0000":                 "2026-09-22T11:14:00Z",
		"2026-09-22T11:14:00+02:00":                  "2026-09-22T09:14:00Z",
		"2026-09-22 11:14:00":                        "2026-09-22T11:14:00Z",
		"Thu, 13 Feb 1969 23:32 -0330 (Newfound.)":   "1969-02-14T03:02:00Z",
		"Fri, 21 Nov 1997 09(comment):   55  :  06 ": "1997-11-21T09:55:06Z",
		"Tue, 22 Sep 2026 23:59:60 +0000":            "2026-09-22T23:59:59Z",
		"Tue, 31 Feb 2026 11:14:00 +0000":            "",
		"Tue, 22 Foo 2026 11:14:00 +0000":            "",
		"Tue, 22 Sep 2026 59:10 -0500":               "",
		"yesterday":                                  "",
		"":                                           "",
		"99999 99999 99999 99:99":                    "",
	} {
		got := ""
		if d := ParseDate(in); !d.IsZero() {
			got = d.Format("2006-01-02T15:04:05Z")
		}
		if got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
}

func TestCleanLine(t *testing.T) {
	for in, want := range map[string]string{
		"plain":                        "plain",
		"a\r\nBcc: b@example.org":      "a  Bcc: b@example.org",
		"a\nb\x00c\x0bd\u0085e\u2028f": "a bcde f",
		"Gr\xfc\xdfe":                  "Gr\uFFFD\uFFFDe",
		" \u202Eabc\u2066 ":            "abc",
	} {
		if got := CleanLine(in); got != want || strings.ContainsAny(got, "\r\n\x00") {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
