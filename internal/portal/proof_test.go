package portal

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"example.org/countersign/verify"
)

// TestProof: a reporter downloads a receipt that verifies; who is anonymous has
// to say that they want it; a wrong code is answered as everywhere.
func TestProof(t *testing.T) {
	one(t, func(t *testing.T, s *site) {
		s.portal(t)
		for who, values := range map[string]map[string]string{
			anonymously: {"text": "I see <orders>.", "who": anonymously}, byName: {"text": "I see <orders>.", "who": byName, "name": "Rita"},
		} {
			sent := s.post(t, "/report", values)
			pair := map[string]string{"number": sent.number(t), "code": sent.code()}
			page := s.post(t, "/follow-up", pair)
			if strings.Contains(page.text(), english.ProofWarning) != (who == anonymously) || !strings.Contains(page.text(), s.VerifierKey()) {
				t.Errorf("%s: %s", who, page.text())
			}
			if who == anonymously {
				if p := s.post(t, proofPath, pair); p.Code != http.StatusUnprocessableEntity || !strings.Contains(p.text(), english.ProofNo) || strings.Contains(p.Header().Get("Content-Disposition"), "attachment") {
					t.Errorf("without the box: %d %s", p.Code, p.text())
				}
				pair["sure"] = "yes"
			}
			p := s.post(t, proofPath, pair)
			if p.Code != http.StatusOK || p.Header().Get("Content-Disposition") != `attachment; filename="receipt-`+pair["number"]+`.txt"` || p.Header().Get("Cache-Control") != "no-store" {
				t.Fatalf("%s: %d %v", who, p.Code, p.Header())
			}
			path := filepath.Join(t.TempDir(), "receipt.txt")
			if err := os.WriteFile(path, p.Body.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := verify.File(t.Context(), path, verify.Options{Key: s.VerifierKey()}); err != nil {
				t.Errorf("%s: %v", who, err)
			}
			wrong := s.post(t, proofPath, map[string]string{"number": pair["number"], "code": "00000-00000-00000-00000", "sure": "yes"})
			absent := s.post(t, proofPath, map[string]string{"number": "C-2026-999999", "code": "00000-00000-00000-00000", "sure": "yes"})
			if wrong.Code != http.StatusNotFound || wrong.Code != absent.Code || strings.ReplaceAll(wrong.Body.String(), pair["number"], "C-2026-999999") != absent.Body.String() {
				t.Errorf("%s: a wrong code is answered %d, a wrong number %d", who, wrong.Code, absent.Code)
			}
		}
	})
}
