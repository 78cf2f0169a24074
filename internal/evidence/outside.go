package evidence

import (
	"context"
	"fmt"
	"strconv"

	"example.org/countersign/internal/evidence/extract"
	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/jobs"
	"example.org/countersign/internal/people"
	"example.org/countersign/internal/policy"
	"example.org/countersign/verify/format"
)

// outside returns the entries of before the period that its records refer to:
// cases that were open all the time, the answers to the cases of the package
// and who approved them, and the registers that people, channels and policies
// are named from. One may be there twice.
func (b *builder) outside(ctx context.Context) ([]int64, error) {
	s := b.survey
	var wanted []int64
	cases := map[string]bool{}
	for _, v := range s.Of(extract.KindCase, nil) {
		if s.Touched(v) {
			cases[v.Record] = true
			continue
		}
		if v.Act == closedAct {
			continue
		}
		c, err := extract.Load[intake.Case](ctx, b.desk.ledger, v)
		if err != nil {
			return nil, err
		}
		if isOpen(c) {
			cases[v.Record] = true
			wanted = append(wanted, v.Entry)
		}
	}
	err := answersTo(ctx, b.desk.ledger, func(id, casefile string) error {
		v := s.Version(extract.KindResponse, id)
		if v == nil || !s.Touched(v) && !cases[casefile] {
			return nil
		}
		if !s.Touched(v) {
			wanted = append(wanted, v.Entry)
		}
		wanted = append(wanted, s.Decisions[id]...)
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, kind := range []string{extract.KindPerson, extract.KindChannel, extract.KindPolicy, extract.KindToken, extract.KindDeadLetter} {
		for _, v := range s.Of(kind, nil) {
			in, err := b.inRegister(ctx, kind, v)
			if err != nil {
				return nil, err
			}
			if in && !s.Touched(v) {
				wanted = append(wanted, v.Entry)
			}
		}
	}
	return wanted, nil
}

// inRegister reports whether a record of before the period belongs into the
// package: everybody, every channel, the policies that were in force, the
// tokens that were not revoked, the work given up that still waits.
func (b *builder) inRegister(ctx context.Context, kind string, v *extract.Version) (bool, error) {
	p := b.survey.Period
	switch kind {
	case extract.KindPolicy:
		return inForce(b.register.policies[v.Record], p), nil
	case extract.KindToken:
		t, err := extract.Load[people.Token](ctx, b.desk.ledger, v)
		return err == nil && (t.RevokedAt == 0 || t.RevokedAt >= p.From.UnixMicro()), err
	case extract.KindDeadLetter:
		d, err := extract.Load[jobs.Dead](ctx, b.desk.ledger, v)
		return err == nil && d.State == jobs.Open, err
	}
	return true, nil
}

// inForce reports whether a version of a policy was in force in the period.
func inForce(x *policy.Policy, p Period) bool {
	return x.EffectiveFrom != 0 && x.EffectiveFrom < p.To.UnixMicro() && x.State != policy.Approved && x.State != policy.Draft &&
		(x.EndedAt == 0 || x.EndedAt >= p.From.UnixMicro())
}

// sortKey returns where a record stands among its kind in the files.
func sortKey(kind string, doc *format.Document) string {
	switch kind {
	case extract.KindCase, extract.KindCommunication, extract.KindResponse:
		seq, _ := strconv.Atoi(string(doc.Field("seq"))) // cases have none
		return numberKey(extract.Text(doc, "number"), seq)
	case extract.KindChannel, extract.KindPerson:
		return extract.Text(doc, "name")
	case extract.KindPolicy:
		version, _ := strconv.Atoi(string(doc.Field("version")))
		return fmt.Sprintf("%s/%s/%09d", extract.Text(doc, "kind"), extract.Text(doc, "name"), version)
	}
	return ""
}

// numberKey makes tracking numbers sort as numbers.
func numberKey(number string, seq int) string {
	year, n, ok := parseNumber(number)
	if !ok {
		return number
	}
	return fmt.Sprintf("%04d%012d%06d", year, n, seq)
}
