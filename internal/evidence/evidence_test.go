package evidence_test

import (
	"testing"

	"example.org/countersign/internal/evidence"
)

func TestPackage(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		o.quarter()
		b, made := o.build(q3, evidence.BuildOptions{})
		s, err := check(t, b, o.VerifierKey())
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%+v", s)
		t.Logf("%+v", made.Report)
	})
}
