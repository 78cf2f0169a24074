package api

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"example.org/countersign/client"
	"example.org/countersign/internal/channel"
	"example.org/countersign/internal/people"
	"example.org/countersign/verify"
)

// TestReceipt: the receipt of a report is for whoever sees the case, it
// verifies, and there is none of an anonymous report.
func TestReceipt(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		o.join(t, "adam", people.Staff, people.Admin)
		o.join(t, "audrey", people.Auditor)
		number := o.received(t, "a").Number
		o.approved(t, channel.Terms{Name: "Hotline", Kind: channel.API, Address: "hotline", Direction: channel.Inbound, Reply: o.mail.ID})
		if resp, body := o.do(t, "ann", http.MethodPost, prefix+"/reports", `{"channel":"hotline","anonymous":true,"text":"Somebody called."}`); resp.StatusCode != http.StatusCreated {
			t.Fatalf("%d %s", resp.StatusCode, body)
		}
		at := prefix + "/cases/" + number + "/receipt"
		for _, name := range []string{"ann", "leo", "audrey"} {
			resp, body := o.do(t, name, http.MethodGet, at, "")
			if kind := resp.Header.Get("Content-Type"); resp.StatusCode != http.StatusOK || kind != "text/plain; charset=utf-8" {
				t.Fatalf("%s: %d, %s: %s", name, resp.StatusCode, kind, body)
			}
			var text bytes.Buffer
			if err := o.as(name).ReporterReceipt(t.Context(), number, &text); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			path := filepath.Join(t.TempDir(), "receipt.txt")
			if err := os.WriteFile(path, text.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
			found, err := verify.File(t.Context(), path, verify.Options{Key: o.VerifierKey()})
			if err != nil {
				t.Fatal(err)
			}
			var said strings.Builder
			if err := found.Write(&said); err != nil || !strings.Contains(said.String(), "Your login has an XSS") {
				t.Errorf("%v: %s", err, &said)
			}
			if err := os.WriteFile(path, bytes.Replace(text.Bytes(), []byte("index "), []byte("index 1"), 1), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := verify.File(t.Context(), path, verify.Options{Key: o.VerifierKey()}); verify.ExitCode(err) != 1 {
				t.Errorf("an altered receipt: %v", err)
			}
		}
		for name, want := range map[string]int{"adam": http.StatusForbidden, "operator": http.StatusForbidden, "nobody": http.StatusUnauthorized} {
			var text bytes.Buffer
			if err := o.as(name).ReporterReceipt(t.Context(), number, &text); client.Status(err) != want || text.Len() > 0 {
				t.Errorf("%s: %v %q", name, err, &text)
			}
		}
		for other, want := range map[string]int{"C-2026-000002": http.StatusConflict, "C-2026-000009": http.StatusNotFound} {
			var text bytes.Buffer
			if err := o.as("leo").ReporterReceipt(t.Context(), other, &text); client.Status(err) != want || text.Len() > 0 {
				t.Errorf("%s: %v %q", other, err, &text)
			}
		}
	})
}
