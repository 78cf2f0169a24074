package web_test

import (
	"context"

	"example.org/countersign/internal/hostile"
	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/people"
	"example.org/countersign/internal/retention"
)

// retentionScenes bring up the forms about retention, holds and erasure.
func (s *stage) retentionScenes() []hostile.Scene {
	ctx := s.t.Context()
	look := func(name string, role people.Role, path func() string) hostile.Scene {
		return hostile.Scene{Name: name, Open: func() hostile.Visit { return s.look(role, path()) }}
	}
	return []hostile.Scene{
		look("retention", people.Legal, func() string { s.due(); return "/retention" }),
		look("new hold", people.Lead, func() string { return "/holds/new?case=" + s.newCase().Number }),
		look("hold", people.Lead, func() string {
			h, err := s.Retention.Place(ctx, s.identity(people.Lead), retention.Terms{Case: s.newCase().ID, Reason: "A claim."})
			s.must(err)
			return "/holds/" + h.ID
		}),
		look("erase", people.Legal, func() string { return "/cases/" + s.newCase().Number + "/erase" }),
		look("request to erase", people.Lead, func() string {
			ask := retention.Ask{Case: s.newCase().ID, Part: intake.Content}
			p, err := s.Retention.Plan(ctx, ask)
			s.must(err)
			e, err := s.Retention.Request(ctx, s.identity(people.Legal), ask, "A law.", "By mail.", p.Hash)
			s.must(err)
			return "/erasures/" + e.ID
		}),
		look("disclose", people.Legal, func() string { return "/cases/" + s.newCase().Number + "/disclose" }),
		look("disposal run to be", people.Lead, func() string { s.due(); return "/retention/run" }),
		look("disposal run", people.Lead, func() string {
			s.due()
			run, err := s.Retention.Preview(ctx, nil)
			s.must(err)
			run, err = s.Retention.Propose(ctx, s.identity(people.Legal), nil, run.ListHash)
			s.must(err)
			return "/disposals/" + run.ID
		}),
	}
}

// due makes a case that was closed long ago, as after years of service.
func (s *stage) due() *intake.Case {
	c := s.newCase()
	s.must(s.Env.Write(s.t.Context(), ledger.System, func(ctx context.Context, tx *ledger.Tx) error {
		c, err := intake.Cases.Load(ctx, tx, c.ID)
		if err != nil {
			return err
		}
		c.State, c.ClosedAt, c.CloseReason = intake.Closed, s.Now().AddDate(-8, 0, 0).UnixMicro(), "Over."
		return intake.Cases.Put(tx, c, ledger.Do("closed", "CC7.4"))
	}))
	return c
}
