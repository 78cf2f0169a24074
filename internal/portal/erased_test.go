package portal

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/jobs"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/people"
	"example.org/countersign/internal/retention"
)

// Whoever has number and code of a report that was erased is told so, in their
// language; a wrong code is told nothing.
func TestErased(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		ctx := t.Context()
		s.portal(t)
		rec, err := s.desks.Intake.Report(ctx, intake.Report{Channel: "/report", Text: "The quagga is gone.", Anonymous: true})
		if err != nil {
			t.Fatal(err)
		}
		lou, lea := s.enrol(t, "lou", people.Legal), s.enrol(t, "lea", people.Lead)
		ask := retention.Ask{Case: rec.Case, Part: intake.Content}
		p, err := s.desks.Retention.Plan(ctx, ask)
		if err != nil {
			t.Fatal(err)
		}
		e, err := s.desks.Retention.Request(ctx, lou, ask, "GDPR Art. 17", "by number and code", p.Hash)
		if err == nil {
			_, err = s.desks.Retention.Approve(ctx, lea, e.ID, e.ListHash)
		}
		if err == nil {
			err = s.desks.Retention.Erase(ctx, jobs.Job{Kind: retention.EraseJob, Key: e.ID, Attempt: 1})
		}
		if err != nil {
			t.Fatal(err)
		}
		for lang, want := range map[string]string{"en": "was erased", "de": "wurde gelöscht", "fr": "a été effacé", "es": "se ha borrado"} {
			page := s.post(t, "/follow-up?lang="+lang, map[string]string{"number": rec.Number, "code": rec.Code})
			if got := page.Body.String(); page.Code != http.StatusOK || !strings.Contains(got, want) || !strings.Contains(got, "GDPR Art. 17") || strings.Contains(got, "quagga") || strings.Contains(got, "%s") {
				t.Errorf("%s: %d, %s", lang, page.Code, got)
			}
		}
		if page := s.post(t, "/follow-up", map[string]string{"number": rec.Number, "code": "AAAAA-AAAAA-AAAAA-AAAAA"}); page.Code != http.StatusNotFound || strings.Contains(page.Body.String(), "erased") {
			t.Errorf("a wrong code: %d", page.Code)
		}
	})
}

func (s *site) enrol(t *testing.T, name string, role people.Role) *people.Identity {
	t.Helper()
	p := &people.Person{Name: name, Email: name + "@org.example", Roles: []people.Role{role}, Active: true, ApproverSince: 1}
	if err := s.Write(t.Context(), ledger.System, func(_ context.Context, tx *ledger.Tx) error {
		return people.Persons.Put(tx, p, ledger.Do("enrolled", "CC6.2"))
	}); err != nil {
		t.Fatal(err)
	}
	return &people.Identity{ID: p.ID, Name: name, Email: p.Email, Roles: p.Roles, Session: "s", Approves: true}
}
