package mime

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
)

// header of the mails that are measured, as long as such headers are.
const benchHeader = "Return-Path: <anna.berg@example.org>\r\n" +
	"Received: from mx1.example.org (mx1.example.org [192.0.2.10])\r\n\tby mail.example.com (Postfix) with ESMTPS id 4T1xYz0Qm2z9sRk\r\n\tfor <security@example.com>; Tue, 22 Sep 2026 09:14:03 +0000 (UTC)\r\n" +
	"Received: from [10.0.0.7] (host-203-0-113-9.example.net [203.0.113.9])\r\n\tby mx1.example.org (Postfix) with ESMTPSA id 0F3B21C0A4\r\n\tfor <security@example.com>; Tue, 22 Sep 2026 11:14:01 +0200 (CEST)\r\n" +
	"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=mail;\r\n\tt=1790075641; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=;\r\n\th=Date:From:To:Subject:In-Reply-To:References;\r\n\tb=nq2n8Qx5mZ9vBq0fCk0mRZc7rEoLr3r6U0yJwqQ1Y0yqZk1o3hHkqQ2zvXrj8y1mT\r\n\t 9tJcC5uYkWm1rYb0bJm2rVb8S1n0o3eQh7cXl8mUqg==\r\n" +
	"Message-ID: <3f1f1f7e-98c5-4a8e-9d7a-5d5b1c6e2a11@example.org>\r\nDate: Tue, 22 Sep 2026 11:14:00 +0200\r\nMIME-Version: 1.0\r\nUser-Agent: Mozilla Thunderbird\r\n" +
	"Subject: =?UTF-8?Q?Re=3A_M=C3=B6glicher_Datenabfluss_im_Export?=\r\n" +
	"From: =?UTF-8?Q?Anna_Berg_=28M=C3=BCnchen=29?= <anna.berg@example.org>\r\nTo: \"Security Desk\" <security@example.com>\r\nCc: Ola Nordmann <ola@example.net>, privacy@example.com\r\n" +
	"In-Reply-To: <c-2026-000123.1@example.com>\r\nReferences: <c-2026-000123.0@example.com> <c-2026-000123.1@example.com>\r\n"

// bench5kB returns a mail of 5 kB with text and HTML.
func bench5kB() []byte {
	var b strings.Builder
	b.WriteString(benchHeader + "Content-Type: multipart/alternative; boundary=\"------------b1_4f2a\"\r\n\r\nThis is a multi-part message in MIME format.\r\n")
	b.WriteString("--------------b1_4f2a\r\nContent-Type: text/plain; charset=UTF-8; format=flowed\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n")
	for i := range 12 {
		fmt.Fprintf(&b, "Zeile %d: der Export enth=C3=A4lt Felder, die nicht freigegeben sind; bitte =\r\npr=C3=BCfen.\r\n", i)
	}
	b.WriteString("--------------b1_4f2a\r\nContent-Type: text/html; charset=UTF-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n<html><body>\r\n")
	for b.Len() < 4950 {
		b.WriteString("<p style=\"margin:0\">Der Export enthält Felder, die <b>nicht</b> freigegeben sind.</p>\r\n")
	}
	b.WriteString("</body></html>\r\n--------------b1_4f2a--\r\n")
	return []byte(b.String())
}

func BenchmarkParse5kB(b *testing.B) {
	for name, mail := range map[string][]byte{
		"alternative": bench5kB(),
		"plain":       []byte(benchHeader + "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" + strings.Repeat("Der Export enthält Felder, die nicht freigegeben sind.\r\n", 54)),
		"html":        []byte(benchHeader + "Content-Type: text/html; charset=utf-8\r\n\r\n" + strings.Repeat("<p>Der <a href=\"https://example.org/a\">Export</a> enthält Felder.</p>\r\n", 42)),
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(mail)))
			b.ReportAllocs()
			for b.Loop() {
				m, err := Parse(bytes.NewReader(mail), Limits{}, nil)
				if err != nil || len(m.Problems) > 0 || m.Text == "" {
					b.Fatal(err, m.Problems)
				}
				m.Auto()
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "mails/s")
		})
	}
}

// manyParts returns a mail of n parts.
func manyParts(n int) []byte {
	var b bytes.Buffer
	b.WriteString(benchHeader + "Content-Type: multipart/mixed; boundary=b\r\n\r\n")
	for i := range n {
		fmt.Fprintf(&b, "--b\r\nContent-Type: application/octet-stream\r\nContent-Disposition: attachment; filename=f%d\r\n\r\nx\r\n", i)
	}
	b.WriteString("--b--\r\n")
	return b.Bytes()
}

func Benchmark20kParts(b *testing.B) {
	mail := manyParts(20_000)
	for name, lim := range map[string]Limits{"limited": {}, "all": {Parts: 1 << 20}} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(mail)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Parse(bytes.NewReader(mail), lim, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// bigMail streams a mail with one attachment of size bytes, in base64, without
// holding it.
func bigMail(size int) io.Reader {
	line := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("0123456789abcdefghi"), 3)) + "\r\n"
	return io.MultiReader(
		strings.NewReader(benchHeader+"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nSee the attachment.\r\n--b\r\nContent-Type: application/zip; name=a.zip\r\nContent-Transfer-Encoding: base64\r\n\r\n"),
		&repeat{line: line, left: size / 57},
		strings.NewReader("--b--\r\n"))
}

// repeat reads a line again and again.
type repeat struct {
	line string
	left int
	rest string
}

func (r *repeat) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		if r.rest == "" {
			if r.left == 0 {
				break
			}
			r.rest, r.left = r.line, r.left-1
		}
		c := copy(p[n:], r.rest)
		n, r.rest = n+c, r.rest[c:]
	}
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

func Benchmark50MB(b *testing.B) {
	const size = 50 << 20
	b.SetBytes(size * 78 / 57)
	b.ReportAllocs()
	var peak uint64
	for b.Loop() {
		peak = max(peak, heapWhile(b, func() {
			if _, err := Parse(bigMail(size), Limits{}, nil); err != nil {
				b.Fatal(err)
			}
		}))
	}
	b.ReportMetric(float64(peak)/1e6, "MB-allocated")
}

// heapWhile returns how many bytes f allocated in all, an upper bound of what
// it held.
func heapWhile(tb testing.TB, f func()) uint64 {
	tb.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}
