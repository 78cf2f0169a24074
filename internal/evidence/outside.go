package evidence

import (
	"context"
	"fmt"
	"strconv"

	"example.org/countersign/internal/intake"
	"example.org/countersign/internal/jobs"
	"example.org/countersign/internal/people"
	"example.org/countersign/internal/policy"
	"example.org/countersign/verify/format"
)

// outside returns the entries of before the period that its records refer to:
// cases that were open all the time, the answers to the cases of the package,
// and the registers that people, channels and policies are named from.
func (b *builder) outside(ctx context.Context) ([]int64, error) {
	s := b.survey
	var wanted []int64
	cases := map[string]bool{}
	for _, v := range s.of(kindCase, nil) {
		if s.touched(v) {
			cases[v.record] = true
			continue
		}
		if v.act == closedAct {
			continue
		}
		c, err := load[intake.Case](ctx, b.desk, v)
		if err != nil {
			return nil, err
		}
		if isOpen(c) {
			cases[v.record] = true
			wanted = append(wanted, v.entry)
		}
	}
	err := answersTo(ctx, b.desk.ledger, func(id, casefile string) error {
		if v := s.version(kindResponse, id); v != nil && !s.touched(v) && cases[casefile] {
			wanted = append(wanted, v.entry)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, kind := range []string{kindPerson, kindChannel, kindPolicy, kindToken, kindDeadLetter} {
		for _, v := range s.of(kind, nil) {
			in, err := b.inRegister(ctx, kind, v)
			if err != nil {
				return nil, err
			}
			if in && !s.touched(v) {
				wanted = append(wanted, v.entry)
			}
		}
	}
	return wanted, nil
}

// inRegister reports whether a record of before the period belongs into the
// package: everybody, every channel, the policies that were in force, the
// tokens that were not revoked, the work given up that still waits.
func (b *builder) inRegister(ctx context.Context, kind string, v *version) (bool, error) {
	p := b.survey.period
	switch kind {
	case kindPolicy:
		return inForce(b.register.policies[v.record], p), nil
	case kindToken:
		t, err := load[people.Token](ctx, b.desk, v)
		return err == nil && (t.RevokedAt == 0 || t.RevokedAt >= p.From.UnixMicro()), err
	case kindDeadLetter:
		d, err := load[jobs.Dead](ctx, b.desk, v)
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
	case kindCase, kindCommunication, kindResponse:
		seq, _ := strconv.Atoi(string(doc.Field("seq"))) // cases have none
		return numberKey(text(doc, "number"), seq)
	case kindChannel, kindPerson:
		return text(doc, "name")
	case kindPolicy:
		version, _ := strconv.Atoi(string(doc.Field("version")))
		return fmt.Sprintf("%s/%s/%09d", text(doc, "kind"), text(doc, "name"), version)
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
