package mime

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAuto(t *testing.T) {
	for name, c := range map[string]struct {
		header string
		kind   AutoKind
		reason string
	}{
		"person":            {"From: a@example.org\nSubject: Help", Personal, ""},
		"says no":           {"From: a@example.org\nAuto-Submitted: no\nSubject: Out of office: what to do", Personal, ""},
		"vacation":          {"From: a@example.org\nAuto-Submitted: auto-replied (vacation)", AutoReply, "Auto-Submitted"},
		"by subject":        {"From: a@example.org\nSubject: Re: Automatic reply: Help", AutoReply, "automatic reply"},
		"by subject, de":    {"From: a@example.org\nSubject: Abwesenheitsnotiz: Hilfe", AutoReply, "abwesenheitsnotiz"},
		"x-autoreply":       {"From: a@example.org\nX-Autoreply: yes", AutoReply, "X-Autoreply"},
		"null sender":       {"Return-Path: <>\nFrom: a@example.org\nSubject: Thank you", AutoReply, "null address"},
		"receipt":           {"From: a@example.org\nContent-Type: multipart/report; report-type=disposition-notification; boundary=b", AutoReply, "receipt"},
		"auto-generated":    {"From: a@example.org\nAuto-Submitted: auto-generated", AutoBulk, "a machine sent it"},
		"list":              {"From: a@example.org\nList-Id: <l.example.org>", AutoBulk, "List-Id"},
		"bulk":              {"From: a@example.org\nPrecedence: bulk", AutoBulk, "bulk"},
		"unsubscribe":       {"From: a@example.org\nList-Unsubscribe: <mailto:u@example.org>", AutoBulk, "List-Unsubscribe"},
		"suppress":          {"From: a@example.org\nX-Auto-Response-Suppress: OOF, AutoReply", AutoBulk, "Suppress"},
		"no-reply":          {"From: Shop <no-reply@example.org>", AutoBulk, "takes no answer"},
		"sent by no-reply":  {"Return-Path: <bounces+noreply@example.org>\nFrom: Shop <a@example.org>", AutoBulk, "takes no answer"},
		"report":            {"From: a@example.org\nContent-Type: multipart/report; report-type=feedback-report; boundary=b", AutoReport, "feedback report"},
		"postmaster writes": {"From: postmaster@example.org\nSubject: About your DMARC record", Personal, ""},
		"forwards a bounce": {"From: a@example.org\nSubject: Fwd: Undelivered Mail Returned to Sender", Personal, ""},
		"bounce":            {"From: MAILER-DAEMON@example.org\nSubject: Undelivered Mail Returned to Sender", AutoBounce, "not delivered"},
	} {
		a := parse(t, c.header+"\n\nText\n", Limits{}).Auto()
		if a.Kind != c.kind || !strings.Contains(a.Reason, c.reason) || (a.Kind == Personal) != (a.Reason == "") {
			t.Errorf("%s: %+v", name, a)
		}
	}
}

func TestBounces(t *testing.T) {
	report := func(status, original string) string {
		return "From: MAILER-DAEMON@example.net\nSubject: Returned\n" + strings.TrimPrefix(multi("report; report-type=delivery-status",
			"\nYour mail could not be delivered.", "Content-Type: message/delivery-status\n\nReporting-MTA: dns; example.net\n\n"+status, original), "From: a@example.org\n")
	}
	const returned = "Content-Type: text/rfc822-headers\n\nTo: b@example.org\nMessage-ID: <r-1@example.com>\n"
	for name, c := range map[string]struct {
		mail string
		want []Bounce
		id   string
	}{
		"unknown user": {
			report("Final-Recipient: rfc822; b@example.org\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 <b@example.org>:\n no such user\n", returned),
			[]Bounce{{"b@example.org", "failed", "5.1.1", "550 5.1.1 <b@example.org>: no such user", true}}, "r-1@example.com",
		},
		"two recipients": {
			report("Final-Recipient: rfc822; b@example.org\nAction: failed\nStatus: 5.2.2\nDiagnostic-Code: smtp; 552 5.2.2 mailbox full\n\nFinal-Recipient: rfc822;<c@example.org>\nAction: delayed\nStatus: 4.4.1\n", "Content-Type: message/rfc822\n\nMessage-Id: <r-2@example.com>\n\nx"),
			[]Bounce{{"b@example.org", "failed", "5.2.2", "552 5.2.2 mailbox full", false}, {"c@example.org", "delayed", "4.4.1", "", false}}, "r-2@example.com",
		},
		"delivered": {
			report("Final-Recipient: rfc822; b@example.org\nAction: delivered\nStatus: 2.1.5\n", returned),
			[]Bounce{{"b@example.org", "delivered", "2.1.5", "", false}}, "r-1@example.com",
		},
		"policy, not address": {
			report("Final-Recipient: rfc822; b@example.org\nAction: failed\nStatus: 5.0.0\nDiagnostic-Code: smtp; 550 5.7.1 unknown user or blocked\n", returned),
			[]Bounce{{"b@example.org", "failed", "5.7.1", "550 5.7.1 unknown user or blocked", false}}, "r-1@example.com",
		},
		"no codes": {
			"From: MAILER-DAEMON@example.net\nTo: desk@example.com\nSubject: failure notice\n\nSorry.\n\n<b@example.org>:\nno mailbox here by that name\n\n--- Below this line is a copy of the message.\n\nMessage-ID: <r-3@example.com>\nTo: z@example.org\n",
			[]Bounce{{"b@example.org", "failed", "5.1.1", "no mailbox here by that name", true}}, "r-3@example.com",
		},
		"several in text": {
			"From: postmaster@example.net\nTo: desk@example.com\nSubject: Undeliverable\n\nb@example.org: 552 5.2.2 over quota\nc@example.org: 550 5.1.1 user unknown\n",
			[]Bounce{{"b@example.org", "failed", "5.2.2", "b@example.org: 552 5.2.2 over quota", false}, {"c@example.org", "failed", "5.1.1", "c@example.org: 550 5.1.1 user unknown", true}}, "",
		},
		"exim": {
			"From: Mailer-Daemon@example.net\nTo: desk@example.com\nX-Failed-Recipients: b@example.org\nSubject: Mail delivery failed\n\nThe following address(es) failed:\n\n  b@example.org\n    host mx [192.0.2.1]: 450 4.2.1 try again\n\n------ This is a copy of your message ------\n\nTo: b@example.org\n",
			[]Bounce{{"b@example.org", "failed", "4.2.1", "host mx [192.0.2.1]: 450 4.2.1 try again", false}}, "",
		},
		"nobody named": {
			"From: MAILER-DAEMON@example.net\nSubject: Undelivered mail\n\nIt did not work.\n",
			[]Bounce{{"", "failed", "5.0.0", "", false}}, "",
		},
	} {
		a := parse(t, c.mail, Limits{}).Auto()
		if a.Kind != AutoBounce || a.OriginalID != c.id {
			t.Errorf("%s: %+v", name, a)
		}
		if d := cmp.Diff(c.want, a.Bounces); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

func TestCodes(t *testing.T) {
	for in, want := range map[string][2]string{
		"550 5.1.1 no":              {"550", "5.1.1"},
		"550-5.7.26 no":             {"550", "5.7.26"},
		"(#4.4.1)":                  {"", "4.4.1"},
		"at 5.1.2.3 port 25":        {"", ""},
		"version 5.2.1-p3":          {"", "5.2.1"},
		"2.1.5 ok":                  {"", ""},
		"call 555-1234, 4500 times": {"555", ""},
		"192.0.2.550 x550":          {"", ""},
		"SMTP; 421":                 {"421", ""},
	} {
		if got := [2]string{replyCode(in), enhancedCode(in)}; got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
