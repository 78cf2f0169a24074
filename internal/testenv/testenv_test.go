package testenv

import "testing"

// recorder is a test whose end can be looked at.
type recorder struct {
	testing.TB
	fatal, skipped any
}

func (r *recorder) Helper()           {}
func (r *recorder) Fatal(args ...any) { r.fatal = args[0]; panic(r) }
func (r *recorder) Skip(args ...any)  { r.skipped = args[0]; panic(r) }

func TestAbsent(t *testing.T) {
	for _, tt := range []struct {
		ci, require string
		fails       bool
	}{
		{"", "", false},
		{"false", "0", false},
		{"true", "", true},
		{"", "1", true},
	} {
		t.Run("CI="+tt.ci+",REQUIRE="+tt.require, func(t *testing.T) {
			t.Setenv("CI", tt.ci)
			t.Setenv("COUNTERSIGN_TEST_REQUIRE", tt.require)
			r := &recorder{TB: t}
			func() {
				defer func() { recover() }()
				Absent(r, "no pigeon")
			}()
			want := recorder{TB: t, skipped: "no pigeon"}
			if tt.fails {
				want = recorder{TB: t, fatal: "no pigeon"}
			}
			if *r != want {
				t.Errorf("fatal %v, skipped %v", r.fatal, r.skipped)
			}
		})
	}
}
