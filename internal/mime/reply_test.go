package mime

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTrimReply(t *testing.T) {
	for name, c := range map[string]struct{ text, own, quoted string }{
		"no quote":        {"Hello\n\nBye", "Hello\n\nBye", ""},
		"top":             {"Hello\n\nOn Tue, Sep 22, 2026 at 9:00 AM Anna <a@example.org> wrote:\n\n> hi\n> you\n", "Hello", "On Tue, Sep 22, 2026 at 9:00 AM Anna <a@example.org> wrote:\n\n> hi\n> you"},
		"folded":          {"Hello\nOn Tue, Sep 22, 2026 at 9:00 AM Anna Berg\n<a@example.org>\nwrote:\n> hi\n", "Hello", "On Tue, Sep 22, 2026 at 9:00 AM Anna Berg\n<a@example.org>\nwrote:\n> hi"},
		"bottom":          {"On 2026-09-22 Anna wrote:\n> hi\nHello", "Hello", "On 2026-09-22 Anna wrote:\n> hi"},
		"inline":          {"> one?\nYes\n\n> two?\nNo\n", "Yes\n\nNo", "> one?\n> two?"},
		"unmarked":        {"Hello\n\nOn 22 Sep 2026, at 9:00, Anna wrote:\n\nhi\nyou", "Hello", "On 22 Sep 2026, at 9:00, Anna wrote:\n\nhi\nyou"},
		"german":          {"Hallo\n\nAm 22.09.2026 um 09:00 schrieb Anna Berg <a@example.org>:\n\n> hi", "Hallo", "Am 22.09.2026 um 09:00 schrieb Anna Berg <a@example.org>:\n\n> hi"},
		"french":          {"Bonjour\n\nLe 22 sept. 2026 à 09:00, Anna <a@example.org> a écrit :\n> hi", "Bonjour", "Le 22 sept. 2026 à 09:00, Anna <a@example.org> a écrit :\n> hi"},
		"chinese":         {"你好\n\n在 2026年9月22日，Anna 写道：\n> hi", "你好", "在 2026年9月22日，Anna 写道：\n> hi"},
		"outlook":         {"Hello\n\n________________________________\nFrom: Anna <a@example.org>\nSent: Tuesday\nTo: Desk\nSubject: x\n\nhi", "Hello", "________________________________\nFrom: Anna <a@example.org>\nSent: Tuesday\nTo: Desk\nSubject: x\n\nhi"},
		"outlook, german": {"Hallo\n\nVon: Anna\nGesendet: Dienstag\nAn: Desk\nBetreff: x\n\nhi", "Hallo", "Von: Anna\nGesendet: Dienstag\nAn: Desk\nBetreff: x\n\nhi"},
		"separator":       {"Hello\n-----Original Message-----\nhi", "Hello", "-----Original Message-----\nhi"},
		"signature stays": {"Hello\n-- \nAnna\n\n> hi", "Hello\n-- \nAnna", "> hi"},
		"forward":         {"Please see.\n\n---------- Forwarded message ---------\nFrom: Anna\nDate: x\nTo: y\nSubject: z\n\n> hi", "Please see.\n\n---------- Forwarded message ---------\nFrom: Anna\nDate: x\nTo: y\nSubject: z\n\n> hi", ""},
		"only a quote":    {"> hi\n> you", "> hi\n> you", ""},
		"only a header":   {"From: Anna\nSent: Tuesday\nTo: Desk\n\nhi", "From: Anna\nSent: Tuesday\nTo: Desk\n\nhi", ""},
		"prose with On":   {"On your host you can run:\n\n  telnet\n\nOn Monday it broke:\nit did", "On your host you can run:\n\n  telnet\n\nOn Monday it broke:\nit did", ""},
		"a colon":         {"I have two questions:\n1. one\n2. two", "I have two questions:\n1. one\n2. two", ""},
		"from in prose":   {"From: here on it works\nand that is all", "From: here on it works\nand that is all", ""},
		"CRLF":            {"Hello\r\n\r\n> hi\r\n", "Hello", "> hi"},
		"empty":           {"", "", ""},
	} {
		own, quoted := TrimReply(c.text)
		if own != c.own || quoted != c.quoted {
			t.Errorf("%s: own %q, quoted %q", name, own, quoted)
		}
	}
}

// What the authors of two other libraries expect of these replies: the first
// and the last line that is the replier's own.
func TestCorpusReplies(t *testing.T) {
	const parser, talon = "reply/email_reply_parser/test/emails/", "reply/talon/tests/fixtures/"
	for name, own := range map[string][2]string{
		parser + "email_1_1.txt":                    {"Hi folks", "http://lists.basho.com/mailman/listinfo/riak-users_lists.basho.com"},
		parser + "email_1_2.txt":                    {"Hi,", "http://lists.basho.com/mailman/listinfo/riak-users_lists.basho.com"},
		parser + "email_1_3.txt":                    {"Oh thanks.", "http://lists.basho.com/mailman/listinfo/riak-users_lists.basho.com"},
		parser + "email_1_4.txt":                    {"Awesome! I haven't had another problem with it.", "Awesome! I haven't had another problem with it."},
		parser + "email_1_5.txt":                    {"One: Here's what I've got.", "for a while."},
		parser + "email_1_6.txt":                    {"I get proper rendering as well.", "Sent from a magnificent torch of pixels"},
		parser + "email_1_7.txt":                    {":+1:", ":+1:"},
		parser + "email_1_8.txt":                    {"I will reply under this one", "Hey there, this is my signature"},
		parser + "email_2_1.txt":                    {"Outlook with a reply", "Outlook with a reply"},
		parser + "email_2_2.txt":                    {"Outlook with a reply directly above line", "Outlook with a reply directly above line"},
		parser + "email_2_3.txt":                    {"Outlook with a reply directly above line", "Outlook with a reply directly above line"},
		parser + "email_one_is_not_on.txt":          {"Thank, this is really helpful.", "Locally (on development), when I run..."},
		parser + "greedy_on.txt":                    {"On your remote host you can run:", "fails, the tunnel is not working."},
		parser + "pathological.txt":                 {"I think you're onto something. I will try to fix the problem as soon as I", "get back to a computer."},
		talon + "standard_replies/android.eml":      {"Hello", "Hello"},
		talon + "standard_replies/aol.eml":          {"Hello", "Hello"},
		talon + "standard_replies/apple_mail.eml":   {"Hello", "Hello"},
		talon + "standard_replies/comcast.eml":      {"Hello", "Hello"},
		talon + "standard_replies/gmail.eml":        {"Hello", "Hello"},
		talon + "standard_replies/hotmail.eml":      {"Hello", "Hello"},
		talon + "standard_replies/outlook.eml":      {"Hello", "Hello"},
		talon + "standard_replies/thunderbird.eml":  {"Hello", "Hello"},
		talon + "standard_replies/yahoo.eml":        {"Hello", "Hello"},
		talon + "html_replies/gmail.html":           {"Hi. I am fine.", "Alex"},
		talon + "html_replies/hotmail.html":         {"Hi. I am fine.", "Alex"},
		talon + "html_replies/mail_ru.html":         {"Hi. I am fine.", "Alex"},
		talon + "html_replies/ms_outlook_2003.html": {"Hi. I am fine.", "Alex"},
		talon + "html_replies/ms_outlook_2007.html": {"Hi. I am fine.", "Alex"},
		talon + "html_replies/ms_outlook_2010.html": {"Hi. I am fine.", "Alex"},
		talon + "html_replies/thunderbird.html":     {"Hi. I am fine.", "Alex"},
		talon + "html_replies/windows_mail.html":    {"Hi. I am fine.", "Alex"},
		talon + "html_replies/yandex_ru.html":       {"Hi. I am fine.", "Alex"},
	} {
		lines := strings.Split(replyOf(t, name), "\n")
		if first, last := strings.TrimSpace(lines[0]), lines[len(lines)-1]; first != own[0] || last != own[1] {
			t.Errorf("%s: from %q to %q", name, first, last)
		}
	}
	for mail, want := range map[string]string{"iphone.eml": "iphone_reply_text", "sparrow.eml": "sparrow_reply_text"} {
		text, err := os.ReadFile(filepath.Join(data, talon, "standard_replies", want))
		if err != nil {
			t.Fatal(err)
		}
		if got := replyOf(t, talon+"standard_replies/"+mail); got != strings.TrimSpace(string(text)) {
			t.Errorf("%s: %q", mail, got)
		}
	}
}

// replyOf returns what is newly written in a reply of the data.
func replyOf(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join(data, name)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Skipf("the real replies are not here: %v", err)
	}
	text := string(b)
	switch filepath.Ext(name) {
	case ".eml":
		text = parseFile(t, path).Text
	case ".html":
		text, _ = renderHTML(text, 1<<20)
	}
	own, _ := TrimReply(text)
	return own
}
